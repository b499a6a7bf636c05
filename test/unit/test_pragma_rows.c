/* test_pragma_rows.c - what PRAGMAs about the schema answer; the rows are those of SQLite 3.40.1.
 */
#include "catalog/pragma_rows.h"
#include "lib/schema_rig.h"
#include "lib/unit.h"

#include <stdio.h>

static const vl_collators pragma_no_collators = {NULL, NULL, NULL};

/* One statement's schema and what a PRAGMA answers for its object "t" or "x". */
typedef struct pragma_pair {
    const char *sql;    /* statements */
    const char *pragma; /* which */
    const char *wanted; /* rows, one a line, values separated by | */
} pragma_pair;

static uint32_t
pragma_count_two(void *argument, const vl_table_def *view)
{
    (void)argument;
    return view->object.type == VL_OBJECT_VIEW ? 2 : 0;
}

/* Tell the rows as SQLite's shell lists them. */
static void
pragma_tell(const vl_pragma_rows *rows, char *text, size_t size)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < (size_t)rows->row_count * rows->column_count; i++) {
        const vl_value *value = &rows->values[i];
        const char *before = i == 0 ? "" : i % rows->column_count == 0 ? "\n" : "|";

        if (value->type == VL_TYPE_INTEGER)
            used += (size_t)snprintf(text + used, size - used, "%s%lld", before,
                                     (long long)value->as.integer);
        else
            used +=
                (size_t)snprintf(text + used, size - used, "%s%s", before,
                                 value->type == VL_TYPE_TEXT ? (const char *)value->as.data : "");
    }
}

/* Run a PRAGMA, whose name says on which object: "index_info(x)". */
static velo_status
pragma_run(vl_ctx *ctx, vl_arena *arena, const schema_rig *rig, const char *pragma,
           vl_pragma_rows *rows)
{
    const vl_schema *schemas[] = {rig->databases[0].schema, rig->databases[1].schema};
    const char *name = strchr(pragma, '(') + 1;
    size_t size = strlen(name) - 1;
    const vl_table_def *table = vl_schema_table(schemas[0], name, size);
    const vl_index_def *index = vl_schema_index(schemas[0], name, size);
    int is_extended = strstr(pragma, "xinfo") != NULL;

    if (index == NULL && table != NULL)
        index = table->primary;
    if (strncmp(pragma, "table_list()", 12) == 0)
        return vl_pragma_table_list(ctx, arena, schemas, 2, NULL, pragma_count_two, NULL, rows);
    if (strncmp(pragma, "table_list", 10) == 0)
        return vl_pragma_table_list(ctx, arena, schemas, 2, "T", pragma_count_two, NULL, rows);
    if (table != NULL && strncmp(pragma, "table_", 6) == 0)
        return vl_pragma_table_info(ctx, arena, table->columns, table->column_count, is_extended,
                                    rows);
    if (table != NULL && strncmp(pragma, "index_list", 10) == 0)
        return vl_pragma_index_list(ctx, arena, table, rows);
    if (index != NULL && strncmp(pragma, "index_", 6) == 0)
        return vl_pragma_index_info(ctx, arena, index, is_extended, rows);
    if (table != NULL && strncmp(pragma, "foreign", 7) == 0)
        return vl_pragma_foreign_key_list(ctx, arena, table, rows);
    return vl_pragma_collation_list(ctx, arena, &pragma_no_collators, rows);
}

static void
pragma_check_pairs(const pragma_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        vl_pragma_rows rows;
        char text[4096];
        schema_rig rig;

        schema_rig_init(&rig, NULL);
        CHECK_OK(schema_rig_run(unit_ctx(), &rig, pairs[i].sql));
        CHECK_OK(pragma_run(unit_ctx(), &rig.arena, &rig, pairs[i].pragma, &rows));
        pragma_tell(&rows, text, sizeof text);
        if (strcmp(text, pairs[i].wanted) != 0)
            unit_failed(__FILE__, __LINE__, "%s of \"%s\" gives\n\"%s\", not\n\"%s\"",
                        pairs[i].pragma, pairs[i].sql, text, pairs[i].wanted);
        schema_rig_deinit(&rig);
    }
}

#define SQL_COLUMNS                                                                                \
    "create table t(a integer, b varchar(10) not null default 'x', c, d int default (1+2), "       \
    "e as (a), f text generated always as (b) stored, g \"any\")"
#define SQL_KEYS "create table t(a, b text, c integer, d, primary key(c, a)) without rowid"

static void
pragma_tells_columns(void)
{
    static const pragma_pair pairs[] = {
        {SQL_COLUMNS, "table_info(t)",
         "0|a|INTEGER|0||0\n1|b|varchar(10)|1|'x'|0\n2|c||0||0\n3|d|INT|0|1+2|0\n4|g|ANY|0||0"},
        {SQL_COLUMNS, "table_xinfo(t)",
         "0|a|INTEGER|0||0|0\n1|b|varchar(10)|1|'x'|0|0\n2|c||0||0|0\n3|d|INT|0|1+2|0|0\n4|e||0||0|"
         "2\n5|f|TEXT|0||0|3\n6|g|ANY|0||0|0"},
        {SQL_KEYS, "table_info(t)", "0|a||1||2\n1|b|TEXT|0||0\n2|c|INTEGER|1||1\n3|d||0||0"},
        {SQL_KEYS, "table_xinfo(t)",
         "0|a||1||2|0\n1|b|TEXT|0||0|0\n2|c|INTEGER|1||1|0\n3|d||0||0|0"},
        {"create table t(a integer primary key, b)", "table_info(t)",
         "0|a|INTEGER|0||1\n1|b||0||0"},
        {"create table t(a any primary key, b integer) strict", "table_info(t)",
         "0|a|ANY|1||1\n1|b|INTEGER|0||0"},
        {"create table t(a int primary key, b text unique) strict", "table_info(t)",
         "0|a|INT|1||1\n1|b|TEXT|0||0"},
        {"create table t(a, b, c, primary key(b, c, b))", "table_info(t)",
         "0|a||0||0\n1|b||0||1\n2|c||0||2"},
        {"create table t(a)", "table_info(sqlite_master)",
         "0|type|TEXT|0||0\n1|name|TEXT|0||0\n2|tbl_name|TEXT|0||0\n3|rootpage|INT|0||0\n4|sql|"
         "TEXT|0||0"},
        {"create table t(a integer primary key autoincrement)", "table_xinfo(sqlite_sequence)",
         "0|name||0||0|0\n1|seq||0||0|0"},
    };

    pragma_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

#define SQL_INDEXES                                                                                \
    "create table t(a integer primary key, b unique, c unique on conflict replace, d unique, "     \
    "unique(b, d));"                                                                               \
    "create unique index x on t(b desc, c collate NOCASE);"                                        \
    "create index y on t(a||b, d) where a > 1"
#define SQL_WITHOUT                                                                                \
    "create table t(a, b text, c integer, d as (a), primary key(c, a)) without rowid;"             \
    "create index x on t(b, a collate NOCASE)"

static void
pragma_tells_indexes(void)
{
    static const pragma_pair pairs[] = {
        {SQL_INDEXES, "index_list(t)",
         "0|y|0|c|1\n1|x|1|c|0\n2|sqlite_autoindex_t_4|1|u|0\n3|sqlite_autoindex_t_3|1|u|0\n4|"
         "sqlite_autoindex_t_1|1|u|0\n5|sqlite_autoindex_t_2|1|u|0"},
        {SQL_INDEXES, "index_info(x)", "0|1|b\n1|2|c"},
        {SQL_INDEXES, "index_xinfo(x)", "0|1|b|1|BINARY|1\n1|2|c|0|NOCASE|1\n2|-1||0|BINARY|0"},
        {SQL_INDEXES, "index_info(y)", "0|-2|\n1|3|d"},
        {SQL_INDEXES, "index_xinfo(y)", "0|-2||0|BINARY|1\n1|3|d|0|BINARY|1\n2|-1||0|BINARY|0"},
        {SQL_INDEXES, "index_xinfo(sqlite_autoindex_t_4)",
         "0|1|b|0|BINARY|1\n1|3|d|0|BINARY|1\n2|-1||0|BINARY|0"},
        {SQL_WITHOUT, "index_list(t)", "0|x|0|c|0\n1|sqlite_autoindex_t_1|1|pk|0"},
        {SQL_WITHOUT, "index_info(t)", "0|2|c\n1|0|a"},
        {SQL_WITHOUT, "index_xinfo(t)", "0|2|c|0|BINARY|1\n1|0|a|0|BINARY|1\n2|1|b|0|BINARY|0"},
        {SQL_WITHOUT, "index_xinfo(x)",
         "0|1|b|0|BINARY|1\n1|0|a|0|NOCASE|1\n2|2|c|0|BINARY|0\n3|0|a|0|BINARY|0"},
        {"create table t(a)", "index_list(t)", ""},
    };

    pragma_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
pragma_tells_tables_and_keys(void)
{
    static const pragma_pair pairs[] = {
        {"create table t(a, b references p, c references q(x) on update set null on delete set "
         "default, foreign key(a, c) references r(x, y) on delete cascade on update restrict)",
         "foreign_key_list(t)",
         "0|0|r|a|x|RESTRICT|CASCADE|NONE\n0|1|r|c|y|RESTRICT|CASCADE|NONE\n1|0|q|c|x|SET NULL|SET "
         "DEFAULT|NONE\n2|0|p|b||NO ACTION|NO ACTION|NONE"},
        {"create table t(a)", "foreign_key_list(t)", ""},
        {"create table s(a); create table t(a primary key, b) without rowid; create table u(a int) "
         "strict; create view v as select 1, 2; create temp table t(x, y, z)",
         "table_list()",
         "main|v|view|2|0|0\nmain|u|table|1|0|1\nmain|t|table|2|1|0\nmain|s|table|1|0|0\nmain|"
         "sqlite_schema|table|5|0|0\ntemp|t|table|3|0|0\ntemp|sqlite_temp_schema|table|5|0|0"},
        {"create table s(a); create table t(a int primary key, b any) without rowid, strict; "
         "create temp view t as select 1, 2",
         "table_list(t)", "main|t|table|2|1|1\ntemp|t|view|2|0|0"},
    };

    pragma_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
pragma_tells_databases_and_collations(void)
{
    static const vl_pragma_database databases[] = {
        {0, "main", "/x/y.db"}, {1, "temp", ""}, {3, "other", ""}};
    vl_pragma_rows rows;
    vl_arena arena;
    char text[256];

    vl_arena_init(&arena, NULL, 0);
    CHECK_OK(vl_pragma_database_list(unit_ctx(), &arena, databases, 3, &rows));
    pragma_tell(&rows, text, sizeof text);
    CHECK_TEXT(text, "0|main|/x/y.db\n1|temp|\n3|other|");
    CHECK_TEXT(rows.names[2], "file");
    CHECK_OK(vl_pragma_collation_list(unit_ctx(), &arena, &pragma_no_collators, &rows));
    pragma_tell(&rows, text, sizeof text);
    CHECK_TEXT(text, "0|RTRIM\n1|NOCASE\n2|BINARY");
    CHECK_TEXT(rows.names[1], "name");
    vl_arena_deinit(&arena);
}

/* The names of an answer's columns, separated by |. */
static void
pragma_tell_names(const vl_pragma_rows *rows, char *text, size_t size)
{
    size_t used = 0;

    for (uint32_t i = 0; i < rows->column_count; i++)
        used +=
            (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? "|" : "", rows->names[i]);
}

static void
pragma_names_columns(void)
{
    static const char *const cases[][2] = {
        {"table_info(t)", "cid|name|type|notnull|dflt_value|pk"},
        {"table_xinfo(t)", "cid|name|type|notnull|dflt_value|pk|hidden"},
        {"table_list()", "schema|name|type|ncol|wr|strict"},
        {"index_list(t)", "seq|name|unique|origin|partial"},
        {"index_info(x)", "seqno|cid|name"},
        {"index_xinfo(x)", "seqno|cid|name|desc|coll|key"},
        {"foreign_key_list(t)", "id|seq|table|from|to|on_update|on_delete|match"},
    };
    schema_rig rig;

    schema_rig_init(&rig, NULL);
    CHECK_OK(schema_rig_run(unit_ctx(), &rig, SQL_INDEXES));
    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        vl_pragma_rows rows;
        char text[256];

        CHECK_OK(pragma_run(unit_ctx(), &rig.arena, &rig, cases[i][0], &rows));
        pragma_tell_names(&rows, text, sizeof text);
        CHECK_TEXT(text, cases[i][1]);
    }
    schema_rig_deinit(&rig);
}

/* Every PRAGMA on the schema of a rig. */
static velo_status
pragma_operation(vl_ctx *ctx, void *argument)
{
    static const char *const pragmas[] = {
        "table_info(t)", "table_xinfo(t)", "table_list()",        "index_list(t)",
        "index_info(x)", "index_xinfo(x)", "foreign_key_list(t)", "collation_list()"};
    velo_status status = VELO_OK;

    for (size_t i = 0; i < VL_ARRAY_COUNT(pragmas) && status == VELO_OK; i++) {
        vl_pragma_rows rows;
        vl_arena arena;

        vl_arena_init(&arena, ctx->allocator, 0);
        status = pragma_run(ctx, &arena, argument, pragmas[i], &rows);
        vl_arena_deinit(&arena);
    }
    return status;
}

static void
pragma_survives_no_memory(void)
{
    schema_rig rig;

    schema_rig_init(&rig, NULL);
    CHECK_OK(schema_rig_run(unit_ctx(), &rig, SQL_INDEXES));
    CHECK(unit_each_alloc_failure(pragma_operation, &rig) >= 8);
    schema_rig_deinit(&rig);
}

static const unit_test tests[] = {
    UNIT_TEST(pragma_tells_columns),         UNIT_TEST(pragma_tells_indexes),
    UNIT_TEST(pragma_tells_tables_and_keys), UNIT_TEST(pragma_tells_databases_and_collations),
    UNIT_TEST(pragma_names_columns),         UNIT_TEST(pragma_survives_no_memory),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
