/* test_parse.c - SQL text to trees and back: what is accepted, how it groups, what errors say. */
#include "lib/sql_tree.h"
#include "lib/unit.h"
#include "sql/ast_print.h"
#include "sql/parse.h"

#include <stdio.h>
#include <stdlib.h>

static vl_arena parse_arena;

/* Parse a text and print it; what is wrong is the check's. */
static const char *
parse_print(const char *sql, vl_parse_result *result)
{
    const char *text = "";

    if (vl_parse(unit_ctx(), sql, strlen(sql), NULL, &parse_arena, result) != VELO_OK)
        return unit_ctx()->error.text;
    if (vl_ast_print(unit_ctx(), result->statement, &parse_arena, &text, NULL) != VELO_OK)
        return "no memory";
    return text;
}

typedef struct parse_pair {
    const char *sql;    /* what is parsed */
    const char *wanted; /* what is printed, or the error */
} parse_pair;

/* Check what is printed, and that it parses to an equal tree. */
static void
parse_check_pairs(const parse_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        vl_parse_result first;
        vl_parse_result again;
        const char *text;

        vl_arena_init(&parse_arena, NULL, 0);
        text = parse_print(pairs[i].sql, &first);
        if (strcmp(text, pairs[i].wanted) != 0)
            unit_failed(__FILE__, __LINE__, "\"%s\" gives \"%s\", not \"%s\"", pairs[i].sql, text,
                        pairs[i].wanted);
        else if (first.statement != NULL &&
                 (strcmp(parse_print(text, &again), text) != 0 ||
                  !sql_tree_equal(first.statement, again.statement) ||
                  !sql_tree_is_sound(first.statement, strlen(pairs[i].sql))))
            unit_failed(__FILE__, __LINE__, "\"%s\" is not \"%s\" again", pairs[i].sql, text);
        vl_arena_deinit(&parse_arena);
    }
}

/* Statements whose print is parsed to the same tree; nothing is said of how they print. */
static void
parse_check_round_trip(const char *const *sql, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        vl_parse_result first;
        vl_parse_result again;
        const char *text;

        vl_arena_init(&parse_arena, NULL, 0);
        text = parse_print(sql[i], &first);
        if (first.statement == NULL || strcmp(parse_print(text, &again), text) != 0 ||
            !sql_tree_equal(first.statement, again.statement) ||
            !sql_tree_is_sound(first.statement, strlen(sql[i])))
            unit_failed(__FILE__, __LINE__, "\"%s\" gives \"%s\"", sql[i], text);
        vl_arena_deinit(&parse_arena);
    }
}

static void
parse_groups_operators(void)
{
    static const parse_pair pairs[] = {
        {"select a+b*c", "SELECT a + (b * c)"},
        {"select a||b*c", "SELECT (a || b) * c"},
        {"select a-b-c", "SELECT (a - b) - c"},
        {"select (a-(b-c))", "SELECT a - (b - c)"},
        {"select a->b->>'$.x'", "SELECT (a -> b) ->> '$.x'"},
        {"select -a->b", "SELECT (- a) -> b"},
        {"select -a COLLATE nocase", "SELECT (- a) COLLATE nocase"},
        {"select a || b COLLATE nocase", "SELECT a || (b COLLATE nocase)"},
        {"select ~ - + a", "SELECT ~ (- (+ a))"},
        {"select not a = b", "SELECT NOT (a = b)"},
        {"select not a is null and b", "SELECT (NOT (a IS NULL)) AND b"},
        {"select a or b and c", "SELECT a OR (b AND c)"},
        {"select a and b or c and d", "SELECT (a AND b) OR (c AND d)"},
        {"select a = b < c", "SELECT a = (b < c)"},
        {"select a < b = c == d", "SELECT ((a < b) = c) = d"},
        {"select a & b + c | d << 1", "SELECT ((a & (b + c)) | d) << 1"},
        {"select a < b & c", "SELECT a < (b & c)"},
        {"select a between b and c and d", "SELECT (a BETWEEN b AND c) AND d"},
        {"select a not between 1+1 and 3 or d", "SELECT (a NOT BETWEEN (1 + 1) AND 3) OR d"},
        {"select a like b escape c || d", "SELECT a LIKE b ESCAPE (c || d)"},
        {"select a not glob b = c", "SELECT (a NOT GLOB b) = c"},
        {"select a regexp b match c", "SELECT (a REGEXP b) MATCH c"},
        {"select a isnull notnull not null", "SELECT ((a ISNULL) NOTNULL) NOTNULL"},
        {"select a is not b is distinct from c", "SELECT (a IS NOT b) IS NOT c"},
        {"select a is not distinct from c", "SELECT a IS c"},
        {"select a in (1,2) in ()", "SELECT (a IN (1, 2)) IN ()"},
        {"select a not in main.t", "SELECT a NOT IN main.t"},
        {"select a in f(1) + 2", "SELECT (a IN f(1)) + 2"},
        {"select a in (select 1)", "SELECT a IN (SELECT 1)"},
        {"select 1 % 2 / 3", "SELECT (1 % 2) / 3"},
        {"select not exists (select 1)", "SELECT NOT EXISTS (SELECT 1)"},
        {"select (a, b) = (1, 2)", "SELECT (a, b) = (1, 2)"},
        {"select a != b <> c", "SELECT (a <> b) <> c"},
        {"select 1 - -1", "SELECT 1 - (- 1)"},
    };

    parse_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
parse_reads_literals_and_names(void)
{
    static const parse_pair pairs[] = {
        {"select 1_000, 0xAb_c, 1.5e-3, .5, 5., 1e10",
         "SELECT 1_000, 0xAb_c, 1.5e-3, .5, 5., 1e10"},
        {"select 'it''s', x'0aFF', NULL, ''", "SELECT 'it''s', x'0aFF', NULL, ''"},
        {"select \"a\"\"b\", [x y], `q``r`", "SELECT \"a\"\"b\", `x y`, `q``r`"},
        {"select ?, ?5, :a, @b, $c::d(e), ?", "SELECT ?, ?5, :a, @b, $c::d(e), ?"},
        {"select current_time, Current_Date, CURRENT_TIMESTAMP",
         "SELECT CURRENT_TIME, CURRENT_DATE, CURRENT_TIMESTAMP"},
        {"select a.b, main.a.b, a.*, *", "SELECT a.b, main.a.b, a.*, *"},
        {"select a b, a as 'c', a \"d\"", "SELECT a AS b, a AS `c`, a AS \"d\""},
        {"select case when 1 then 2 end, case x when 1 then 2 when 3 then 4 else 5 end",
         "SELECT CASE WHEN 1 THEN 2 END, CASE x WHEN 1 THEN 2 WHEN 3 THEN 4 ELSE 5 END"},
        {"select cast(a as varchar(10, -2)), cast(a as)", "SELECT CAST (a AS varchar(10, -2)), "
                                                          "CAST (a AS)"},
        {"select count(*), count(distinct a), f(), f(all a, b), replace(a,b,c)",
         "SELECT count(*), count(DISTINCT a), f(), f(ALL a, b), `replace`(a, b, c)"},
        {"select /* c */ 1 -- rest\n , 2 /* open", "SELECT 1, 2"},
        {"\xef\xbb\xbfselect \xc3\xa4$1", "SELECT \xc3\xa4$1"},
        {";;; -- nothing\n ;", ""},
        {"", ""},
    };

    parse_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
parse_reads_queries(void)
{
    static const parse_pair pairs[] = {
        {"select distinct a from t, u as v natural left outer join w join x using (a,b) on1",
         "near \"on1\": syntax error"},
        {"select 1 from a, b c cross join d full outer join e on 1 right join f using(x, y) "
         "natural inner join g",
         "SELECT 1 FROM a, b AS c CROSS JOIN d FULL JOIN e ON 1 RIGHT JOIN f USING (x, y) NATURAL "
         "JOIN g"},
        {"select 1 from (a, b) x, (select 2) as y, f(1, 2) z, m.g(), t indexed by i, u not indexed",
         "SELECT 1 FROM (a, b) AS x, (SELECT 2) AS y, f(1, 2) AS z, m.g(), t INDEXED BY i, u NOT "
         "INDEXED"},
        {"select a from t where b group by c, d having e order by f desc nulls last, g asc nulls "
         "first limit 1 offset 2",
         "SELECT a FROM t WHERE b GROUP BY c, d HAVING e ORDER BY f DESC NULLS LAST, g ASC NULLS "
         "FIRST LIMIT 1 OFFSET 2"},
        {"select 1 limit 5, 6", "SELECT 1 LIMIT 6 OFFSET 5"},
        {"select 1 union select 2 union all values(3),(4) except select 5 intersect select 6 "
         "order by 1",
         "SELECT 1 UNION SELECT 2 UNION ALL VALUES (3), (4) EXCEPT SELECT 5 INTERSECT SELECT 6 "
         "ORDER BY 1"},
        {"with recursive a(x, y) as materialized (select 1), b as not materialized (select 2), "
         "c as (values(1)) select * from a",
         "WITH RECURSIVE a (x, y) AS MATERIALIZED (SELECT 1), b AS NOT MATERIALIZED (SELECT 2), c "
         "AS (VALUES (1)) SELECT * FROM a"},
        {"select sum(a) filter (where c) over (w partition by d, e order by f rows between "
         "unbounded "
         "preceding and 1+1 following exclude ties), min(a) over w, sum(distinct a order by b "
         "desc) "
         "filter (where 1) from t window w as (order by a), v as (w)",
         "SELECT sum(a) FILTER (WHERE c) OVER (w PARTITION BY d, e ORDER BY f ROWS BETWEEN "
         "UNBOUNDED PRECEDING AND (1 + 1) FOLLOWING EXCLUDE TIES), min(a) OVER w, sum(DISTINCT a "
         "ORDER BY b DESC) FILTER (WHERE 1) FROM t WINDOW w AS (ORDER BY a), v AS (w)"},
        {"select f() over (range current row exclude no others), f() over (groups between 1 "
         "preceding and unbounded following exclude group), f() over (rows 1 preceding exclude "
         "current row)",
         "SELECT f() OVER (RANGE CURRENT ROW EXCLUDE NO OTHERS), f() OVER (GROUPS BETWEEN 1 "
         "PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE GROUP), f() OVER (ROWS 1 PRECEDING EXCLUDE "
         "CURRENT ROW)"},
    };

    parse_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
parse_reads_definitions(void)
{
    static const parse_pair pairs[] = {
        {"create temporary table if not exists a.b (c, d int primary key desc on conflict fail "
         "autoincrement not null on conflict abort null unique on conflict replace check (d > 1) "
         "default -5 collate nocase references x(y) on delete set null on update cascade match "
         "full deferrable initially deferred) strict, without rowid",
         "CREATE TEMP TABLE IF NOT EXISTS a.b (c, d int PRIMARY KEY DESC ON CONFLICT FAIL "
         "AUTOINCREMENT NOT NULL ON CONFLICT ABORT NULL UNIQUE ON CONFLICT REPLACE CHECK (d > 1) "
         "DEFAULT - 5 COLLATE nocase REFERENCES x (y) ON DELETE SET NULL ON UPDATE CASCADE "
         "DEFERRABLE INITIALLY DEFERRED) STRICT, WITHOUT ROWID"},
        {"create table t (a int generated always as (b+1) stored, c as (d), e default (1+2), f "
         "default x, g default (x), constraint n primary key (a, b collate nocase desc "
         "autoincrement) on conflict ignore unique (b) check (c), foreign key (a, b) references p "
         "on delete no action on update set default not deferrable initially immediate)",
         "CREATE TABLE t (a int AS (b + 1) stored, c AS (d), e DEFAULT (1 + 2), f DEFAULT x, g "
         "DEFAULT (x), CONSTRAINT n PRIMARY KEY (a, b COLLATE nocase DESC AUTOINCREMENT) ON "
         "CONFLICT IGNORE, UNIQUE (b), CHECK (c), FOREIGN KEY (a, b) REFERENCES p ON DELETE NO "
         "ACTION ON UPDATE SET DEFAULT NOT DEFERRABLE INITIALLY IMMEDIATE)"},
        {"create table t as select 1", "CREATE TABLE t AS SELECT 1"},
        {"create unique index if not exists i on t (a desc, b + 1, c collate x) where a > 0",
         "CREATE UNIQUE INDEX IF NOT EXISTS i ON t (a DESC, b + 1, c COLLATE x) WHERE a > 0"},
        {"create temp view v (a, b) as select 1, 2", "CREATE TEMP VIEW v (a, b) AS SELECT 1, 2"},
        {"create trigger r instead of update of a, b on v for each row when new.a begin insert or "
         "ignore into t values (1); update t set a = 1 from u where b; delete from t where c; "
         "select raise(ignore), raise(abort, 'x' || 'y'); end",
         "CREATE TRIGGER r INSTEAD OF UPDATE OF a, b ON v FOR EACH ROW WHEN new.a BEGIN INSERT OR "
         "IGNORE INTO t VALUES (1) ; UPDATE t SET a = 1 FROM u WHERE b ; DELETE FROM t WHERE c ; "
         "SELECT RAISE (IGNORE), RAISE (ABORT, 'x' || 'y') ; END"},
        {"create virtual table if not exists t using m(a b(c,d), , 'x')",
         "CREATE VIRTUAL TABLE IF NOT EXISTS t USING m (a b(c,d),, 'x')"},
        {"drop table if exists a.b", "DROP TABLE IF EXISTS a.b"},
        {"drop index i", "DROP INDEX i"},
        {"drop view v", "DROP VIEW v"},
        {"drop trigger if exists r", "DROP TRIGGER IF EXISTS r"},
        {"alter table t rename to u", "ALTER TABLE t RENAME TO u"},
        {"alter table t rename a to b", "ALTER TABLE t RENAME COLUMN a TO b"},
        {"alter table t add a int not null default 1",
         "ALTER TABLE t ADD COLUMN a int NOT NULL DEFAULT 1"},
        {"alter table t drop column a", "ALTER TABLE t DROP COLUMN a"},
        {"alter table t add constraint c check (a) on conflict fail",
         "ALTER TABLE t ADD CONSTRAINT c CHECK (a) ON CONFLICT FAIL"},
        {"alter table t add check (a)", "ALTER TABLE t ADD CHECK (a)"},
        {"alter table t drop constraint c", "ALTER TABLE t DROP CONSTRAINT c"},
        {"alter table t alter a set not null", "ALTER TABLE t ALTER COLUMN a SET NOT NULL"},
        {"alter table t alter column a drop not null",
         "ALTER TABLE t ALTER COLUMN a DROP NOT NULL"},
    };

    parse_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
parse_reads_changes_and_commands(void)
{
    static const parse_pair pairs[] = {
        {"replace into t default values", "INSERT OR REPLACE INTO t DEFAULT VALUES"},
        {"with c as (select 1) insert into a.t as x (a, b) select 1, 2 from u where 1 on conflict "
         "(a) where b do update set a = excluded.a, (b, c) = (1, 2) where d on conflict do nothing "
         "returning *, a as b",
         "WITH c AS (SELECT 1) INSERT INTO a.t AS x (a, b) SELECT 1, 2 FROM u WHERE 1 ON CONFLICT "
         "(a) WHERE b DO UPDATE SET a = excluded.a, (b, c) = (1, 2) WHERE d ON CONFLICT DO NOTHING "
         "RETURNING *, a AS b"},
        {"update or fail t as x indexed by i set a = 1, b = 2 from u, v where c returning a order "
         "by d limit 1 offset 2",
         "UPDATE OR FAIL t AS x INDEXED BY i SET a = 1, b = 2 FROM u, v WHERE c RETURNING a ORDER "
         "BY d LIMIT 1 OFFSET 2"},
        {"delete from t not indexed where a returning b order by c limit 3",
         "DELETE FROM t NOT INDEXED WHERE a RETURNING b ORDER BY c LIMIT 3"},
        {"begin exclusive transaction", "BEGIN EXCLUSIVE"},
        {"begin concurrent", "BEGIN CONCURRENT"},
        {"end transaction x", "COMMIT"},
        {"rollback transaction to savepoint s", "ROLLBACK TO s"},
        {"savepoint s", "SAVEPOINT s"},
        {"release s", "RELEASE s"},
        {"pragma a.b = -1.5", "PRAGMA a.b = -1.5"},
        {"pragma p(on)", "PRAGMA p (`on`)"},
        {"pragma p", "PRAGMA p"},
        {"explain query plan select 1", "EXPLAIN QUERY PLAN SELECT 1"},
        {"explain analyze", "EXPLAIN ANALYZE"},
        {"explain analyze t", "EXPLAIN ANALYZE t"},
        {"explain analyze select 1", "EXPLAIN ANALYZE SELECT 1"},
        {"explain analyze with a as (select 1) delete from t",
         "EXPLAIN ANALYZE WITH a AS (SELECT 1) DELETE FROM t"},
        {"analyze a.b", "ANALYZE a.b"},
        {"vacuum main into 'x' || 'y'", "VACUUM main INTO 'x' || 'y'"},
        {"reindex", "REINDEX"},
        {"attach database 'x' as y key z", "ATTACH 'x' AS y KEY z"},
        {"detach y", "DETACH y"},
    };

    parse_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
parse_takes_keywords_as_names(void)
{
    static const char *const words[] = {
        "abort",     "action",    "after",     "always",    "analyze",   "asc",
        "attach",    "before",    "begin",     "by",        "cascade",   "cast",
        "column",    "conflict",  "cross",     "current",   "database",  "deferred",
        "desc",      "detach",    "do",        "each",      "end",       "exclude",
        "exclusive", "explain",   "fail",      "filter",    "first",     "following",
        "for",       "full",      "generated", "glob",      "groups",    "if",
        "ignore",    "immediate", "indexed",   "initially", "inner",     "instead",
        "key",       "last",      "left",      "like",      "match",     "materialized",
        "natural",   "no",        "nulls",     "of",        "offset",    "others",
        "outer",     "over",      "partition", "plan",      "pragma",    "preceding",
        "query",     "raise",     "range",     "recursive", "regexp",    "reindex",
        "release",   "rename",    "replace",   "restrict",  "right",     "rollback",
        "row",       "rows",      "savepoint", "temp",      "temporary", "ties",
        "trigger",   "unbounded", "vacuum",    "view",      "virtual",   "window",
        "with",      "without",   "concurrent"};
    static const char *const reserved[] = {
        "add",     "all",        "alter",       "and",     "as",       "autoincrement",
        "between", "case",       "check",       "collate", "commit",   "constraint",
        "create",  "default",    "deferrable",  "delete",  "distinct", "drop",
        "else",    "escape",     "except",      "exists",  "foreign",  "from",
        "group",   "having",     "in",          "index",   "insert",   "intersect",
        "into",    "is",         "isnull",      "join",    "limit",    "not",
        "nothing", "notnull",    "null",        "on",      "or",       "order",
        "primary", "references", "returning",   "select",  "set",      "table",
        "then",    "to",         "transaction", "union",   "unique",   "update",
        "using",   "values",     "when",        "where"};
    char sql[200];

    for (size_t i = 0; i < VL_ARRAY_COUNT(words); i++) {
        const char *const list[] = {sql};

        (void)snprintf(sql, sizeof sql, "create table t (%s int, a)", words[i]);
        parse_check_round_trip(list, 1);
        CHECK(!unit_has_failed());
    }
    for (size_t i = 0; i < VL_ARRAY_COUNT(reserved); i++) {
        vl_parse_result result;
        char wanted[100];

        (void)snprintf(sql, sizeof sql, "drop view %s", reserved[i]);
        (void)snprintf(wanted, sizeof wanted, "near \"%s\": syntax error", reserved[i]);
        vl_arena_init(&parse_arena, NULL, 0);
        CHECK_TEXT(parse_print(sql, &result), wanted);
        CHECK_EQ(unit_ctx()->error.sql_offset, 10);
        vl_arena_deinit(&parse_arena);
    }
}

static void
parse_tells_where_and_what(void)
{
    static const struct {
        const char *sql;
        const char *text;
        int offset;
    } errors[] = {
        {"select * form t", "near \"form\": syntax error", 9 + 0},
        {"select", "incomplete input", 6},
        {"select ;", "near \";\": syntax error", 7},
        {"select 'abc", "unrecognized token: \"'abc\"", 7},
        {"select 1 + 12ab", "unrecognized token: \"12ab\"", 11},
        {"select x'123'", "unrecognized token: \"x'123'\"", 7},
        {"select 1__0", "unrecognized token: \"1__0\"", 7},
        {"select 0x", "unrecognized token: \"0x\"", 7},
        {"select a ! b", "unrecognized token: \"!\"", 9},
        {"select @", "unrecognized token: \"@\"", 7},
        {"select #1", "near \"#1\": syntax error", 7},
        {"create trigger t before insert on u begin select 1;", "incomplete input", 51},
        {"select ?0", "variable number must be between ?1 and ?32766", 7},
        {"select ?32767", "variable number must be between ?1 and ?32766", 7},
        {"select 1, ?32766, ?", "too many SQL variables", 18},
        {"select 1 order by 1 union select 2", "ORDER BY clause should come after UNION not before",
         18},
        {"select 1 limit 1 union all select 2",
         "LIMIT clause should come after UNION ALL not before", 15},
        {"select 1 from a left inner join b", "unknown join type: left inner", 16},
        {"select 1 from a on 1", "a JOIN clause is required before ON", 16},
        {"create table t (a) without x", "unknown table option: x", 27},
        {"create view v (a collate b) as select 1", "syntax error after column name \"a\"", 15},
        {"select 1 from a on b using (c)", "near \"using\": syntax error", 21},
        {"select sum(distinct a) over () from t", "DISTINCT is not supported for window functions",
         -1},
        {"select f(a order by b) over w from t", "ORDER BY may not be used with non-aggregate f()",
         -1},
        {"select f() over (rows 1 following)", "unsupported frame specification", -1},
        {"select f() over (rows between current row and 1 preceding)",
         "unsupported frame specification", -1},
        {"select f() over (rows between unbounded following and 1 following)",
         "near \"following\": syntax error", 40},
        {"select 1 2", "near \"2\": syntax error", 9},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(errors); i++) {
        vl_parse_result result;
        const char *text;

        vl_arena_init(&parse_arena, NULL, 0);
        text = parse_print(errors[i].sql, &result);
        if (strcmp(text, errors[i].text) != 0 || unit_ctx()->error.sql_offset != (errors[i].offset))
            unit_failed(__FILE__, __LINE__, "\"%s\" gives \"%s\" at %d, not \"%s\" at %d",
                        errors[i].sql, text, unit_ctx()->error.sql_offset, errors[i].text,
                        errors[i].offset);
        vl_arena_deinit(&parse_arena);
    }
}

static void
parse_returns_the_tail(void)
{
    const char *sql = " ; select a+ b , (c) from t; select 2";
    const vl_ast *result_column;
    vl_parse_result result;

    vl_arena_init(&parse_arena, NULL, 0);
    CHECK_OK(vl_parse(unit_ctx(), sql, strlen(sql), NULL, &parse_arena, &result));
    CHECK_EQ(result.tail, 28);
    CHECK_EQ(result.statement->offset, 3);
    CHECK_EQ(result.statement->length, 24);
    result_column = result.statement->kid[1]->kid[0]->kid[0]->kid[0];
    CHECK_EQ(result_column->offset, 10);
    CHECK_EQ(result_column->length, 4);
    CHECK_EQ(result_column->next->offset, 17);
    CHECK_EQ(result_column->next->length, 3);
    CHECK_OK(vl_parse(unit_ctx(), sql, strlen(sql) - 9, NULL, &parse_arena, &result));
    CHECK_EQ(result.tail, 28);
    /* A 0 byte ends the text. */
    CHECK_OK(vl_parse(unit_ctx(), "select 1\0 2", 11, NULL, &parse_arena, &result));
    CHECK_EQ(result.tail, 8);
    vl_arena_deinit(&parse_arena);
}

static void
parse_numbers_parameters(void)
{
    const char *sql = "select ?, :a, ?7, ?, :a, @a";
    static const uint32_t wanted[] = {1, 2, 7, 8, 2, 9};
    vl_parse_result result;
    const vl_ast *at;
    size_t i = 0;

    vl_arena_init(&parse_arena, NULL, 0);
    CHECK_OK(vl_parse(unit_ctx(), sql, strlen(sql), NULL, &parse_arena, &result));
    for (at = vl_ast_first(result.statement->kid[1]->kid[0]->kid[0]); at != NULL; at = at->next)
        CHECK_EQ(at->kid[0]->count, wanted[i++]);
    CHECK_EQ(i, VL_ARRAY_COUNT(wanted));
    CHECK_EQ(result.variable_count, 9);
    vl_arena_deinit(&parse_arena);
}

/* A text with `count` times `part` between two others. */
static char *
parse_repeat(const char *before, const char *part, size_t count, const char *after)
{
    size_t step = strlen(part);
    char *text = malloc(strlen(before) + step * count + strlen(after) + 1);
    char *at = text;

    if (text == NULL)
        abort();
    memcpy(at, before, strlen(before));
    at += strlen(before);
    for (size_t i = 0; i < count; i++, at += step)
        memcpy(at, part, step);
    memcpy(at, after, strlen(after) + 1);
    return text;
}

/* Parse such a text: its error, or "" where the tree is printed and parsed again. */
static void
parse_check_repeat(const char *before, const char *part, size_t count, const char *after,
                   const char *wanted)
{
    char *sql = parse_repeat(before, part, count, after);
    vl_parse_result first;
    const char *text;

    vl_arena_init(&parse_arena, NULL, 0);
    text = parse_print(sql, &first);
    if (first.statement != NULL)
        text = sql_tree_is_sound(first.statement, strlen(sql)) ? "" : "unsound";
    if (strcmp(text, wanted) != 0)
        unit_failed(__FILE__, __LINE__, "%s%s... times %zu: \"%s\", not \"%s\"", before, part,
                    count, text, wanted);
    vl_arena_deinit(&parse_arena);
    free(sql);
}

static void
parse_keeps_limits(void)
{
    const char *deep = "Expression tree is too large (maximum depth 1000)";
    const vl_parse_limits small = {.sql_size = 5,
                                   .expression_depth = 9,
                                   .column_count = 9,
                                   .compound_count = 9,
                                   .variable_number = 9};
    vl_parse_result result;

    parse_check_repeat("select 1", "+1", 999, "", "");
    parse_check_repeat("select 1", "+1", 1000, "", deep);
    parse_check_repeat("select ", "~", 999, "1", "");
    parse_check_repeat("select ", "~", 1000, "1", deep);
    parse_check_repeat("select ", "(", 2000, "", "incomplete input");
    parse_check_repeat("select ", "(", 100000, "", "parser stack overflow");
    parse_check_repeat("select ", "(select ", 100000, "", "parser stack overflow");
    parse_check_repeat("select 1 from ", "(", 100000, "", "parser stack overflow");
    parse_check_repeat("select 1", ",1", 1999, "", "");
    parse_check_repeat("select 1", ",1", 2000, "", "too many columns in result set");
    parse_check_repeat("create table t(a", ",a", 1999, ")", "");
    parse_check_repeat("create table t(a", ",a", 2000, ")", "too many columns on t");
    parse_check_repeat("select 1", " union select 1", 499, "", "");
    parse_check_repeat("select 1", " union select 1", 500, "", "too many terms in compound SELECT");
    parse_check_repeat("values(1)", ",(1)", 20000, "", "");
    parse_check_repeat("insert into t values(?", "),(?", 32765, ")", "");
    parse_check_repeat("insert into t values(?", "),(?", 32766, ")", "too many SQL variables");
    vl_arena_init(&parse_arena, NULL, 0);
    CHECK_STATUS(vl_parse(unit_ctx(), "select", 6, &small, &parse_arena, &result), VELO_TOOBIG);
    vl_arena_deinit(&parse_arena);
}

/* Nested as deep as it goes, a tree is printed to the same again. */
static void
parse_prints_deep_trees(void)
{
    static const struct {
        const char *before, *open, *core, *close;
        size_t depth; /* accepted at least so deep, refused at ten times that */
    } nests[] = {
        {"select ", "(select ", "1", ")", 150},
        {"", "select * from (", "select 1", ")", 150},
        {"select * from ", "(", "t join u", ")", 400},
        {"select ", "f(", "1", ")", 400},
        {"select ", "case when ", "1", " then 2 end", 300},
        {"", "with a as (", "select 1", ") select 2", 200},
        {"select ", "1 in (select ", "1", ")", 150},
        {"select ", "f() over (order by ", "1", ")", 250},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(nests); i++) {
        char *inner = parse_repeat(nests[i].core, nests[i].close, nests[i].depth, "");
        char *sql = parse_repeat(nests[i].before, nests[i].open, nests[i].depth, inner);
        const char *const list[] = {sql};
        vl_parse_result result;

        parse_check_round_trip(list, 1);
        free(inner);
        free(sql);
        sql = parse_repeat(nests[i].before, nests[i].open, nests[i].depth * 10, nests[i].core);
        vl_arena_init(&parse_arena, NULL, 0);
        CHECK_TEXT(parse_print(sql, &result), "parser stack overflow");
        vl_arena_deinit(&parse_arena);
        free(sql);
    }
}

static velo_status
parse_operation(vl_ctx *ctx, void *argument)
{
    const char *sql = argument;
    vl_parse_result result;
    const char *text;
    vl_arena arena;
    velo_status st;

    vl_arena_init(&arena, ctx->allocator, 128);
    st = vl_parse(ctx, sql, strlen(sql), NULL, &arena, &result);
    if (st == VELO_OK)
        st = vl_ast_print(ctx, result.statement, &arena, &text, NULL);
    vl_arena_deinit(&arena);
    return st;
}

static void
parse_survives_no_memory(void)
{
    char sql[] =
        "with a(b) as (select :x, \"q\"\"r\") insert into t select sum(a order by b), sum(a) "
        "filter (where "
        "c) over (partition by d rows 1 preceding), case when a then b end, cast(a as int), "
        "(1, 2) in (select 1, 2 union select 3, 4), a between 1 and 2, x'00' like 'a' escape b "
        "from a natural join b, (c join d using (e)) as f where exists (select 1) group by 1 "
        "having 2 window w as (order by a) order by 1 limit 2 offset 3 on conflict (a) do update "
        "set a = 1 where b returning *";
    char table[] =
        "create table t (a int primary key default (1 + 2) check (a) references b (c) on "
        "delete cascade, constraint x unique (a, b), foreign key (a) references c (d))";
    char trigger[] = "create trigger a after update of b on c when d begin insert into t values "
                     "(1); update t set a = 1; delete from t; select raise(abort, 'x'); end";
    vl_parse_result result;

    vl_arena_init(&parse_arena, NULL, 0);
    CHECK_OK(vl_parse(unit_ctx(), sql, strlen(sql), NULL, &parse_arena, &result));
    vl_arena_deinit(&parse_arena);
    CHECK(unit_each_alloc_failure(parse_operation, sql) > 5);
    CHECK(unit_each_alloc_failure(parse_operation, table) > 3);
    CHECK(unit_each_alloc_failure(parse_operation, trigger) > 3);
}

static void
parse_tells_complete_texts(void)
{
    static const struct {
        const char *sql;
        int is_complete;
    } cases[] = {
        {"", 0},
        {";", 1},
        {"select 1", 0},
        {"select 1; ", 1},
        {"select 1; -- x", 1},
        {"select 1; /* x", 0},
        {"select 1; /* x */", 1},
        {"select ';", 0},
        {"select [;", 0},
        {"select x';", 0},
        {"select 1; select", 0},
        {"create trigger a begin select 1;", 0},
        {"create trigger a begin select 1; end", 0},
        {"create trigger a begin select 1; end;", 1},
        {"create temp trigger a begin select 1; end;", 1},
        {"explain query plan create trigger a begin b; end;", 1},
        {"explain create trigger a begin b;", 0},
        {"create table trigger; ", 1},
        {"create trigger a begin end;", 0},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        if (vl_sql_is_complete(cases[i].sql, strlen(cases[i].sql)) != cases[i].is_complete)
            unit_failed(__FILE__, __LINE__, "\"%s\"", cases[i].sql);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(parse_groups_operators),
        UNIT_TEST(parse_reads_literals_and_names),
        UNIT_TEST(parse_reads_queries),
        UNIT_TEST(parse_reads_definitions),
        UNIT_TEST(parse_reads_changes_and_commands),
        UNIT_TEST(parse_takes_keywords_as_names),
        UNIT_TEST(parse_tells_where_and_what),
        UNIT_TEST(parse_returns_the_tail),
        UNIT_TEST(parse_numbers_parameters),
        UNIT_TEST(parse_keeps_limits),
        UNIT_TEST(parse_prints_deep_trees),
        UNIT_TEST(parse_survives_no_memory),
        UNIT_TEST(parse_tells_complete_texts),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
