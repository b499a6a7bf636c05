/* schema_table.c - makes a table of a CREATE TABLE: columns, constraints, foreign keys.
 *
 * Invariants
 *   SB1  What is wrong is told in the order of the text, as SQLite does; what needs all columns
 *        (STRICT, WITHOUT ROWID, names in CHECK and generated columns) comes last.
 *   SB2  key_place is set for the columns of the PRIMARY KEY, however it was written, from 1. */
#include "sql/schema_int.h"

#include "base/assert.h"
#include "vec/value.h"

#include <string.h>

/* A table in the making. */
typedef struct table_making {
    const vl_schema_builder *builder;
    const vl_ast *create;
    vl_table_def *table;
    vl_check_def *checks;   /* room for all */
    vl_fk_def *fks;         /* room for all; filled from the end */
    uint32_t fk_total;      /* as many as there are in the text */
    uint32_t *hashes;       /* of the columns' names */
    vl_column_def *columns; /* room for all */
    const vl_ast *name;     /* CONSTRAINT name that waits for its constraint */
    int has_key;            /* PRIMARY KEY was seen */
    int is_key_descending;  /* PRIMARY KEY (x DESC) that is an INTEGER's */
} table_making;

/* ---- columns ---- */

static uint32_t
table_name_hash(const char *name, size_t size)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)name[i];

        hash = (hash ^ (c >= 'A' && c <= 'Z' ? c + 32U : c)) * 16777619U;
    }
    return hash;
}

/* The end of the quoted text at `text`, or size: what follows it is no part of a type. */
static size_t
table_quoted_end(const char *text, size_t size)
{
    char quote = text[0] == '[' ? ']' : text[0];
    size_t at = 1;

    while (at < size) {
        if (text[at] != quote)
            at++;
        else if (quote != ']' && at + 1 < size && text[at + 1] == quote)
            at += 2;
        else
            break;
    }
    return at;
}

/* The declared type: as written; without quotes where it begins with one, as SQLite shows it; in
 * upper case where it is one of the six standard types. */
static velo_status
table_copy_type(const table_making *making, const vl_ast *type, const char **out)
{
    static const char *const standard[] = {"ANY", "BLOB", "INT", "INTEGER", "REAL", "TEXT"};
    const char *text = type != NULL ? type->text : "";
    size_t size = type != NULL ? type->text_size : 0;
    char *copy;
    size_t used = 0;

    copy = vl_schema_alloc(making->builder, size + 1, 1);
    if (copy == NULL)
        return VELO_NOMEM;
    *out = copy;
    if (size > 0 && strchr("\"'`[", text[0]) != NULL) {
        size_t end = table_quoted_end(text, size);

        for (size_t i = 1; i < end; i++) {
            copy[used++] = text[i];
            if (text[i] == text[0] && text[0] != '[')
                i++;
        }
    } else if (size > 0) {
        memcpy(copy, text, size);
        used = size;
    }
    copy[used] = '\0';
    for (size_t i = 0; i < VL_ARRAY_COUNT(standard); i++)
        if (vl_schema_is_word(copy, used, standard[i]))
            *out = standard[i];
    return VELO_OK;
}

/* The collation that a column's constraints give it; one that there is not is told when its turn
 * comes. Indexes of earlier constraints use it too. */
static vl_collation
table_column_collation(const table_making *making, const vl_ast *definition)
{
    vl_collation collation = VL_COLLATE_BINARY;
    vl_schema_builder silent = *making->builder;

    silent.ctx = NULL;
    for (const vl_ast *node = vl_ast_first(definition->kid[1]); node != NULL; node = node->next)
        if (node->op == VL_OP_COLLATE &&
            vl_schema_collation(&silent, node->text, node->text_size, &collation) != VELO_OK)
            collation = VL_COLLATE_BINARY;
    return collation;
}

static velo_status
table_add_column(table_making *making, const vl_ast *definition)
{
    vl_table_def *table = making->table;
    vl_column_def *column = &making->columns[table->column_count];
    uint32_t hash = table_name_hash(definition->text, definition->text_size);

    for (uint32_t i = 0; i < table->column_count; i++)
        if (making->hashes[i] == hash &&
            vl_schema_is_word(definition->text, definition->text_size, making->columns[i].name))
            return vl_schema_fail(making->builder, NULL, "duplicate column name: %.*s",
                                  (int)definition->text_size, definition->text);
    making->hashes[table->column_count] = hash;
    VL_TRY(vl_schema_copy(making->builder, definition->text, definition->text_size, &column->name));
    VL_TRY(table_copy_type(making, definition->kid[0], &column->type));
    column->affinity = vl_affinity_declared(column->type, strlen(column->type));
    column->collation = table_column_collation(making, definition);
    table->column_count++;
    return VELO_OK;
}

/* ---- defaults and generated columns ---- */

/* Whether an expression depends on nothing but functions, as DEFAULT must. */
static int
table_is_constant(const vl_ast *node)
{
    if (node == NULL)
        return 1;
    switch ((vl_ast_type)node->type) {
    case VL_AST_COLUMN:
        return vl_schema_is_literal_name(node) && (node->flags & VL_AST_DOUBLE_QUOTED) == 0;
    case VL_AST_PARAM:
    case VL_AST_SUBQUERY:
    case VL_AST_EXISTS:
    case VL_AST_QUERY:
    case VL_AST_SOURCE:
    case VL_AST_RAISE:
    case VL_AST_WINDOW:
        return 0;
    case VL_AST_LIST:
        for (const vl_ast *element = vl_ast_first(node); element != NULL; element = element->next)
            if (!table_is_constant(element))
                return 0;
        return 1;
    default: /* as its kids */
        for (unsigned i = 0; i < node->kid_count; i++)
            if (!table_is_constant(node->kid[i]))
                return 0;
        return 1;
    }
}

/* A name in place of a default's expression is a text, but for TRUE and FALSE. */
static velo_status
table_default_word(const table_making *making, const vl_ast *word, const void **out)
{
    vl_ast *node;

    *out = word;
    if (vl_schema_is_literal_name(word) && (word->flags & VL_AST_QUOTED) == 0)
        return VELO_OK;
    node = vl_schema_alloc(making->builder, 1, sizeof *node);
    if (node == NULL)
        return VELO_NOMEM;
    *node = (vl_ast){.type = VL_AST_STRING,
                     .flags = word->flags,
                     .offset = word->offset,
                     .length = word->length,
                     .height = 1,
                     .text = word->text,
                     .text_size = word->text_size};
    *out = node;
    return VELO_OK;
}

static velo_status
table_add_default(table_making *making, vl_column_def *column, const vl_ast *node)
{
    int is_call = (node->flags & VL_AST_CALL) != 0;
    const vl_ast *value = node->kid[0];

    column->default_ast = value;
    if (value->type == VL_AST_COLUMN && !is_call)
        VL_TRY(table_default_word(making, value, &column->default_ast));
    else if (!table_is_constant(value))
        return vl_schema_fail(making->builder, NULL, "default value of column [%s] is not constant",
                              column->name);
    if (column->generated != 0)
        return vl_schema_fail(making->builder, NULL, "cannot use DEFAULT on a generated column");
    return vl_schema_copy_source(making->builder, value, is_call, &column->default_text);
}

static velo_status
table_key_is_generated(const table_making *making)
{
    return vl_schema_fail(making->builder, NULL,
                          "generated columns cannot be part of the PRIMARY KEY");
}

static velo_status
table_add_generated(table_making *making, vl_column_def *column, const vl_ast *node)
{
    if (column->generated_ast != NULL)
        return vl_schema_fail(making->builder, NULL, "error in generated column \"%s\"",
                              column->name);
    if (node->text == NULL || vl_schema_is_word(node->text, node->text_size, "virtual"))
        column->generated = 1;
    else if (vl_schema_is_word(node->text, node->text_size, "stored"))
        column->generated = 2;
    if (column->generated == 0 || column->default_ast != NULL)
        return vl_schema_fail(making->builder, NULL, "error in generated column \"%s\"",
                              column->name);
    if (column->key_place != 0)
        return table_key_is_generated(making);
    column->generated_ast = node->kid[0];
    return VELO_OK;
}

/* ---- PRIMARY KEY ---- */

/* Let a column be part of the primary key, at the next place. */
static velo_status
table_add_key_column(table_making *making, int32_t column, uint16_t *place)
{
    if (making->table->columns[column].generated != 0)
        return table_key_is_generated(making);
    if (making->table->columns[column].key_place == 0)
        making->table->columns[column].key_place = ++*place;
    return VELO_OK;
}

/* Note the columns that the terms of a PRIMARY KEY name; *only is the single one, or -1. */
static velo_status
table_add_key_terms(table_making *making, const vl_ast *list, int32_t *only)
{
    uint16_t place = 0;

    *only = -1;
    for (const vl_ast *term = vl_ast_first(list); term != NULL; term = term->next) {
        const vl_ast *name = term->kid[0];
        int32_t column = -1;

        while (name->type == VL_AST_COLLATE)
            name = name->kid[0];
        if (name->type == VL_AST_STRING || (name->type == VL_AST_COLUMN && name->kid[0] == NULL))
            column = vl_table_def_column(making->table, name->text, name->text_size);
        if (column >= 0)
            VL_TRY(table_add_key_column(making, column, &place));
        if (list->count == 1)
            *only = column;
    }
    return VELO_OK;
}

/* PRIMARY KEY of a column, or of the table with column -1. */
static velo_status
table_add_key(table_making *making, const vl_ast *node, int32_t column)
{
    vl_table_def *table = making->table;
    const vl_ast *term = column < 0 ? vl_ast_first(node->kid[0]) : NULL;
    int is_descending = column >= 0 && (node->flags & VL_AST_DESC) != 0;
    int32_t only = column;
    uint16_t place = 0;

    if (making->has_key)
        return vl_schema_fail(making->builder, NULL, "table \"%s\" has more than one primary key",
                              table->object.name);
    making->has_key = 1;
    if (column >= 0)
        VL_TRY(table_add_key_column(making, column, &place));
    else
        VL_TRY(table_add_key_terms(making, node->kid[0], &only));
    /* Of a table's constraint the direction does not count; SQLite keeps this for old files. */
    if (only >= 0 && strcmp(table->columns[only].type, "INTEGER") == 0 && !is_descending) {
        table->rowid_column = only;
        table->key_conflict = vl_schema_conflict(node->op2);
        table->is_autoincrement = (node->flags & VL_AST_AUTOINCREMENT) != 0;
        making->is_key_descending = term != NULL && (term->flags & VL_AST_DESC) != 0;
        if (term != NULL && (term->flags & (VL_AST_NULLS_FIRST | VL_AST_NULLS_LAST)) != 0)
            return vl_schema_fail(making->builder, term, "unsupported use of NULLS %s",
                                  (term->flags & VL_AST_NULLS_FIRST) != 0 ? "FIRST" : "LAST");
        return VELO_OK;
    }
    if ((node->flags & VL_AST_AUTOINCREMENT) != 0)
        return vl_schema_fail(making->builder, NULL,
                              "AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY");
    return vl_schema_add_constraint_index(making->builder, table, node, column, VL_INDEX_PRIMARY);
}

/* ---- CHECK and foreign keys ---- */

static velo_status
table_add_check(table_making *making, const vl_ast *node)
{
    vl_check_def *check = &making->checks[making->table->check_count];

    check->ast = node->kid[0];
    VL_TRY(vl_schema_copy_source(making->builder, node->kid[0], 1, &check->text));
    if (making->name != NULL)
        VL_TRY(vl_schema_copy(making->builder, making->name->text, making->name->text_size,
                              &check->name));
    making->table->check_count++;
    return VELO_OK;
}

static vl_fk_action
table_fk_action(unsigned op)
{
    switch (op) {
    case VL_OP_RESTRICT:
        return VL_FK_RESTRICT;
    case VL_OP_SET_NULL:
        return VL_FK_SET_NULL;
    case VL_OP_SET_DEFAULT:
        return VL_FK_SET_DEFAULT;
    case VL_OP_CASCADE:
        return VL_FK_CASCADE;
    default: /* of all operators only these are actions; unsaid is NO ACTION */
        return VL_FK_NO_ACTION;
    }
}

static int
table_is_deferred(unsigned flags)
{
    return (flags & VL_AST_DEFERRABLE) != 0 && (flags & VL_AST_INIT_DEFERRED) != 0;
}

/* The columns of the child: those of the names, or the last one of the table. */
static velo_status
table_add_fk_columns(const table_making *making, vl_fk_def *fk, const vl_ast *names)
{
    uint16_t at = 0;

    fk->columns = vl_schema_alloc(making->builder, fk->count, sizeof *fk->columns);
    if (fk->columns == NULL)
        return VELO_NOMEM;
    if (names == NULL) {
        fk->columns[0] = (uint16_t)(making->table->column_count - 1);
        return VELO_OK;
    }
    for (const vl_ast *name = vl_ast_first(names); name != NULL; name = name->next) {
        int32_t column = vl_table_def_column(making->table, name->text, name->text_size);

        if (column < 0)
            return vl_schema_fail(making->builder, NULL,
                                  "unknown column \"%.*s\" in foreign key definition",
                                  (int)name->text_size, name->text);
        fk->columns[at++] = (uint16_t)column;
    }
    return VELO_OK;
}

/* Check the number of the parent's columns against the child's. */
static velo_status
table_check_fk_count(const table_making *making, const vl_ast *names, const vl_ast *references)
{
    const vl_ast *parents = references->kid[0];
    vl_token written;

    if (parents == NULL || parents->count == (names != NULL ? names->count : 1))
        return VELO_OK;
    written = vl_schema_token(making->builder, references);
    if (names == NULL)
        return vl_schema_fail(making->builder, NULL,
                              "foreign key on %s should reference only one column of table %.*s",
                              making->table->columns[making->table->column_count - 1].name,
                              (int)written.size, written.text);
    return vl_schema_fail(
        making->builder, NULL,
        "number of columns in foreign key does not match the number of columns in the "
        "referenced table");
}

/* REFERENCES of the last column (names NULL), or FOREIGN KEY. */
static velo_status
table_add_fk(table_making *making, const vl_ast *names, const vl_ast *references, unsigned flags)
{
    const vl_schema_builder *builder = making->builder;
    vl_fk_def *fk = &making->fks[making->fk_total - making->table->fk_count - 1];
    const vl_ast *parents = references->kid[0];
    uint16_t at = 0;

    if (names != NULL && names->count > VL_SCHEMA_MAX_COLUMNS)
        return vl_schema_fail(builder, NULL, "too many columns in foreign key");
    VL_TRY(table_check_fk_count(making, names, references));
    fk->count = names != NULL ? (uint16_t)names->count : 1;
    VL_TRY(table_add_fk_columns(making, fk, names));
    VL_TRY(vl_schema_copy(builder, references->text, references->text_size, &fk->parent));
    if (parents != NULL) {
        fk->parent_columns = vl_schema_alloc(builder, fk->count, sizeof(char *));
        if (fk->parent_columns == NULL)
            return VELO_NOMEM;
    }
    for (const vl_ast *name = vl_ast_first(parents); name != NULL; name = name->next)
        VL_TRY(vl_schema_copy(builder, name->text, name->text_size, &fk->parent_columns[at++]));
    fk->on_delete = table_fk_action(references->op);
    fk->on_update = table_fk_action(references->op2);
    fk->is_deferred = table_is_deferred(flags);
    making->table->fk_count++;
    return VELO_OK;
}

/* DEFERRABLE and its like after a column's REFERENCES: of the newest foreign key of the table. */
static void
table_defer_fk(table_making *making, unsigned flags)
{
    if (making->table->fk_count > 0)
        making->fks[making->fk_total - making->table->fk_count].is_deferred =
            table_is_deferred(flags);
}

/* ---- constraints ---- */

static velo_status
table_add_column_constraint(table_making *making, const vl_ast *node)
{
    int32_t position = making->table->column_count - 1;
    vl_column_def *column = &making->columns[position];

    switch ((vl_ast_op)node->op) {
    case VL_OP_CONSTRAINT_NAME:
        making->name = node;
        return VELO_OK;
    case VL_OP_DEFAULT:
        return table_add_default(making, column, node);
    case VL_OP_NOT_NULL:
        column->is_not_null = 1;
        column->not_null = vl_schema_conflict(node->op2);
        return VELO_OK;
    case VL_OP_PRIMARY_KEY:
        return table_add_key(making, node, position);
    case VL_OP_UNIQUE:
        return vl_schema_add_constraint_index(making->builder, making->table, node, position,
                                              VL_INDEX_UNIQUE);
    case VL_OP_CHECK:
        return table_add_check(making, node);
    case VL_OP_REFERENCES:
        return table_add_fk(making, NULL, node->kid[1], 0);
    case VL_OP_DEFER:
        table_defer_fk(making, node->flags);
        return VELO_OK;
    case VL_OP_COLLATE: { /* was taken when the column was added */
        vl_collation ignored;

        return vl_schema_collation(making->builder, node->text, node->text_size, &ignored);
    }
    case VL_OP_GENERATED:
        return table_add_generated(making, column, node);
    default: /* NULL says nothing; the grammar gives no others */
        return VELO_OK;
    }
}

static velo_status
table_add_constraint(table_making *making, const vl_ast *node)
{
    const vl_ast *name = making->name;
    velo_status status = VELO_OK;

    making->name = node->op == VL_OP_CONSTRAINT_NAME ? node : NULL;
    if (node->op == VL_OP_PRIMARY_KEY)
        return table_add_key(making, node, -1);
    if (node->op == VL_OP_UNIQUE)
        return vl_schema_add_constraint_index(making->builder, making->table, node, -1,
                                              VL_INDEX_UNIQUE);
    if (node->op == VL_OP_FOREIGN_KEY)
        return table_add_fk(making, node->kid[0], node->kid[1], node->flags);
    if (node->op == VL_OP_CHECK) {
        making->name = name;
        status = table_add_check(making, node);
        making->name = NULL;
    }
    return status;
}

/* ---- what needs all columns ---- */

static velo_status
table_finish_strict(table_making *making)
{
    static const char *const types[] = {"ANY", "BLOB", "INT", "INTEGER", "REAL", "TEXT"};
    vl_table_def *table = making->table;

    for (int32_t i = 0; i < table->column_count; i++) {
        vl_column_def *column = &table->columns[i];
        int is_known = 0;

        for (size_t type = 0; type < VL_ARRAY_COUNT(types); type++)
            is_known |= strcmp(column->type, types[type]) == 0;
        if (column->type[0] == '\0')
            return vl_schema_fail(making->builder, NULL, "missing datatype for %s.%s",
                                  table->object.name, column->name);
        if (!is_known)
            return vl_schema_fail(making->builder, NULL, "unknown datatype for %s.%s: \"%s\"",
                                  table->object.name, column->name, column->type);
        if (strcmp(column->type, "ANY") == 0) {
            column->is_strict_any = 1;
            column->affinity = VL_AFFINITY_BLOB;
        }
        if (column->key_place != 0 && table->rowid_column != i)
            column->is_not_null = 1;
    }
    table->is_strict = 1;
    return VELO_OK;
}

static velo_status
table_finish_without_rowid(table_making *making)
{
    vl_table_def *table = making->table;

    if (table->is_autoincrement)
        return vl_schema_fail(making->builder, NULL,
                              "AUTOINCREMENT not allowed on WITHOUT ROWID tables");
    if (!making->has_key)
        return vl_schema_fail(making->builder, NULL, "PRIMARY KEY missing on table %s",
                              table->object.name);
    for (int32_t i = 0; i < table->column_count; i++)
        if (table->columns[i].key_place != 0)
            table->columns[i].is_not_null = 1;
    table->is_without_rowid = 1;
    return VELO_OK;
}

/* Check the names in generated columns and CHECK constraints: where both are wrong, SQLite tells of
 * the former. */
static velo_status
table_finish_expressions(table_making *making)
{
    vl_table_def *table = making->table;
    int has_plain = 0;

    for (int32_t i = 0; i < table->column_count; i++)
        has_plain |= table->columns[i].generated == 0;
    if (!has_plain)
        return vl_schema_fail(making->builder, NULL, "must have at least one non-generated column");
    for (int32_t i = 0; i < table->column_count; i++)
        if (table->columns[i].generated != 0)
            VL_TRY(vl_schema_check(making->builder, table, VL_SCHEMA_GENERATED,
                                   (const vl_ast *)table->columns[i].generated_ast));
    for (uint32_t i = 0; i < table->check_count; i++)
        VL_TRY(vl_schema_check(making->builder, table, VL_SCHEMA_CHECK,
                               (const vl_ast *)table->checks[i].ast));
    return VELO_OK;
}

/* Count constraints of columns and of the table that take room of their own. */
static void
table_count(const vl_ast *create, uint32_t *checks, uint32_t *fks)
{
    *checks = 0;
    *fks = 0;
    for (const vl_ast *column = vl_ast_first(create->kid[1]); column != NULL; column = column->next)
        for (const vl_ast *node = vl_ast_first(column->kid[1]); node != NULL; node = node->next) {
            *checks += node->op == VL_OP_CHECK;
            *fks += node->op == VL_OP_REFERENCES;
        }
    for (const vl_ast *node = vl_ast_first(create->kid[2]); node != NULL; node = node->next) {
        *checks += node->op == VL_OP_CHECK;
        *fks += node->op == VL_OP_FOREIGN_KEY;
    }
}

/* Make room for all that the statement has. */
static velo_status
table_begin(table_making *making)
{
    const vl_schema_builder *builder = making->builder;
    const vl_ast *create = making->create;
    uint32_t check_total;
    vl_table_def *table;

    table = vl_schema_alloc(builder, 1, sizeof *table);
    if (table == NULL)
        return VELO_NOMEM;
    making->table = table;
    atomic_init(&table->bound, NULL);
    table->object.type = VL_OBJECT_TABLE;
    table->rowid_column = -1;
    VL_TRY(vl_schema_copy(builder, create->kid[0]->text, create->kid[0]->text_size,
                          &table->object.name));
    table->object.table_name = table->object.name;
    table_count(create, &check_total, &making->fk_total);
    making->columns = vl_schema_alloc(builder, create->kid[1]->count, sizeof(vl_column_def));
    making->hashes = vl_schema_alloc(builder, create->kid[1]->count, sizeof(uint32_t));
    making->checks = vl_schema_alloc(builder, check_total, sizeof(vl_check_def));
    making->fks = vl_schema_alloc(builder, making->fk_total, sizeof(vl_fk_def));
    if (making->columns == NULL || making->hashes == NULL || making->checks == NULL ||
        making->fks == NULL)
        return VELO_NOMEM;
    table->columns = making->columns;
    table->checks = making->checks;
    if (create->kid[1]->count > VL_SCHEMA_MAX_COLUMNS)
        return vl_schema_fail(builder, NULL, "too many columns on %s", table->object.name);
    return VELO_OK;
}

static velo_status
table_finish(table_making *making)
{
    vl_table_def *table = making->table;

    table->fks = making->fks;
    if ((making->create->flags & VL_AST_STRICT) != 0)
        VL_TRY(table_finish_strict(making));
    if ((making->create->flags & VL_AST_WITHOUT_ROWID) != 0)
        VL_TRY(table_finish_without_rowid(making));
    VL_TRY(vl_schema_finish_indexes(making->builder, table, making->is_key_descending));
    return table_finish_expressions(making);
}

int
vl_schema_has_parameter(const vl_ast *node)
{
    if (node == NULL)
        return 0;
    if (node->type == VL_AST_LIST) {
        for (const vl_ast *element = vl_ast_first(node); element != NULL; element = element->next)
            if (vl_schema_has_parameter(element))
                return 1;
        return 0;
    }
    for (unsigned i = 0; i < node->kid_count; i++)
        if (vl_schema_has_parameter(node->kid[i]))
            return 1;
    return node->type == VL_AST_PARAM;
}

velo_status
vl_schema_make_view(const vl_schema_builder *builder, const vl_ast *create, vl_table_def **out)
{
    vl_table_def *view;

    *out = NULL;
    if (vl_schema_has_parameter(create->kid[2]))
        return vl_schema_fail(builder, NULL, "parameters are not allowed in views");
    view = vl_schema_alloc(builder, 1, sizeof *view);
    if (view == NULL)
        return VELO_NOMEM;
    atomic_init(&view->bound, NULL);
    view->object.type = VL_OBJECT_VIEW;
    view->rowid_column = -1;
    view->view_ast = create;
    VL_TRY(vl_schema_copy(builder, create->kid[0]->text, create->kid[0]->text_size,
                          &view->object.name));
    view->object.table_name = view->object.name;
    *out = view;
    return VELO_OK;
}

velo_status
vl_schema_make_table(const vl_schema_builder *builder, const vl_ast *create, vl_table_def **out)
{
    table_making making = {.builder = builder, .create = create};

    *out = NULL;
    VL_ASSERT(create->type == VL_AST_CREATE_TABLE && create->kid[1] != NULL);
    VL_TRY(table_begin(&making));
    for (const vl_ast *column = vl_ast_first(create->kid[1]); column != NULL;
         column = column->next) {
        making.name = NULL;
        VL_TRY(table_add_column(&making, column));
        for (const vl_ast *node = vl_ast_first(column->kid[1]); node != NULL; node = node->next)
            VL_TRY(table_add_column_constraint(&making, node));
    }
    making.name = NULL;
    for (const vl_ast *node = vl_ast_first(create->kid[2]); node != NULL; node = node->next)
        VL_TRY(table_add_constraint(&making, node));
    if (builder->is_read != NULL)
        *builder->is_read = 1;
    VL_TRY(table_finish(&making));
    *out = making.table;
    return VELO_OK;
}
