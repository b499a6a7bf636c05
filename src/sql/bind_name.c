/* bind_name.c - what a name of a column means.
 *
 * Invariants
 *   BN1  The innermost SELECT that has a name decides: its columns first, then its aliases.
 *   BN2  A column that USING or NATURAL joined is one name for all the columns it joins. */
#include "sql/bind_int.h"

#include <string.h>

/* A name as it was written. */
typedef struct name_parts {
    vl_bind_word schema; /* or none */
    vl_bind_word table;  /* or none */
    vl_bind_word column;
    const vl_ast *at;
    int is_inner; /* it stands in a query within the one that is looked at */
} name_parts;

/* What was found so far among the sources of a scope. */
typedef struct name_match {
    uint32_t count;           /* columns that the name could mean */
    vl_exprs columns;         /* what it means: more than one are coalesced (FULL JOIN) */
    uint32_t rowids;          /* sources with a rowid that the qualifier fits */
    const vl_bind_source *of; /* the last of them */
} name_match;

static int
name_equal(vl_bind_word word, const char *text, size_t size)
{
    return vl_name_compare(word.text, word.size, text, size) == 0;
}

/* Whether a source that has no alias is the schema's own table, and the word another name of it. */
static int
name_is_schema_table(vl_bind_word word, const vl_bind_source *source)
{
    const vl_table_def *table = source->table;

    return table != NULL && table->schema != NULL && !source->is_aliased && word.size > 7 &&
           vl_name_compare(word.text, 7, "sqlite_", 7) == 0 &&
           strncmp(table->object.name, "sqlite_", 7) == 0 &&
           vl_schema_table(table->schema, word.text, word.size) == table;
}

/* Whether the qualifier of a name fits a source. */
static int
name_fits_source(const name_parts *name, const vl_bind_source *source)
{
    if (name->table.text == NULL)
        return !source->is_qualified_only;
    if (source->alias.text == NULL)
        return 0;
    if (!name_equal(name->table, source->alias.text, source->alias.size) &&
        !name_is_schema_table(name->table, source))
        return 0;
    if (name->schema.text == NULL)
        return 1;
    return source->table != NULL && source->table->schema != NULL &&
           name_equal(name->schema, source->table->schema->database,
                      strlen(source->table->schema->database));
}

int32_t
vl_bind_source_column(const vl_bind_source *source, const char *name, size_t size)
{
    for (uint32_t i = 0; i < source->column_count; i++)
        if (vl_name_compare(source->columns[i].name, strlen(source->columns[i].name), name, size) ==
            0)
            return (int32_t)i;
    return -1;
}

static int
name_is_rowid(vl_bind_word word)
{
    return vl_bind_is(word.text, word.size, "rowid") || vl_bind_is(word.text, word.size, "oid") ||
           vl_bind_is(word.text, word.size, "_rowid_");
}

/* Note that a source has a column of the name. */
static void
name_match_column(vl_binder *b, const vl_bind_scope *scope, const name_parts *name,
                  const vl_bind_source *source, uint32_t column, name_match *match)
{
    unsigned joined = source->columns[column].joined;
    vl_expr *expr;

    if (match->count > 0 && joined != 0) { /* keeps BN2 */
        if ((joined & VL_JOIN_RIGHT) == 0)
            return;
        if ((joined & VL_JOIN_LEFT) == 0)
            match->columns = (vl_exprs){NULL, 0};
    } else {
        match->count++;
        if (match->count > 1)
            return;
    }
    expr = vl_bind_read(b, scope, source, (int32_t)column, name->at);
    vl_exprs_add(b, &match->columns, expr);
}

static void
name_match_sources(vl_binder *b, const vl_bind_scope *scope, uint32_t first, uint32_t end,
                   const name_parts *name, name_match *match)
{
    for (uint32_t i = first; i < end; i++) {
        const vl_bind_source *source = scope->sources[i];
        int32_t column;

        if (!name_fits_source(name, source))
            continue;
        if ((source->kind == VL_BIND_SOURCE_TABLE || source->kind == VL_BIND_SOURCE_GIVEN) &&
            !source->table->is_without_rowid) {
            match->rowids++;
            match->of = source;
        }
        column = vl_bind_source_column(source, name->column.text, name->column.size);
        if (column >= 0)
            name_match_column(b, scope, name, source, (uint32_t)column, match);
    }
}

/* What was matched as one expression. */
static vl_expr *
name_match_result(vl_binder *b, const name_match *match, const vl_ast *at)
{
    vl_expr *expr;

    if (match->columns.count <= 1)
        return match->columns.count == 1 ? match->columns.list[0] : NULL;
    expr = vl_expr_new(b, VL_EXPR_COALESCE, 0, at);
    if (expr == NULL)
        return NULL;
    expr->kids = match->columns.list;
    expr->kid_count = match->columns.count;
    return vl_expr_finish(b, expr);
}

/* The name as it was written, for messages. */
static void *
name_fail(vl_binder *b, const vl_bind_scope *scope, const name_parts *name, const char *what)
{
    return vl_bind_fail(
        b, scope, name->at, "%s: %.*s%s%.*s%s%.*s", what, (int)name->schema.size,
        name->schema.size > 0 ? name->schema.text : "", name->schema.size > 0 ? "." : "",
        (int)name->table.size, name->table.text != NULL ? name->table.text : "",
        name->table.text != NULL ? "." : "", (int)name->column.size, name->column.text);
}

/* The expression of a result column with that alias, bound anew. */
static vl_expr *
name_alias(vl_binder *b, vl_bind_scope *scope, const name_parts *name)
{
    const vl_ast *results = scope->results;
    int has_windows = scope->has_windows;

    for (const vl_ast *result = vl_ast_first(results); result != NULL; result = result->next) {
        const vl_ast *alias = result->type == VL_AST_RESULT ? result->kid[1] : NULL;
        vl_expr *expr;

        if (alias == NULL || !name_equal(name->column, alias->text, alias->text_size))
            continue;
        scope->results = NULL; /* aliases do not mean one another */
        scope->alias = (vl_bind_word){alias->text, alias->text_size};
        scope->has_windows = has_windows && !name->is_inner;
        expr = vl_bind_expr(b, scope, result->kid[0]);
        scope->has_windows = has_windows;
        scope->alias = (vl_bind_word){NULL, 0};
        scope->results = results;
        return expr;
    }
    return NULL;
}

static vl_expr *
name_in_scope(vl_binder *b, vl_bind_scope *scope, const name_parts *name)
{
    name_match match = {0};

    name_match_sources(b, scope, 0, scope->source_count, name, &match);
    if (match.count == 0 && match.rowids == 1 && name_is_rowid(name->column))
        return vl_bind_read(b, scope, match.of, VL_COLUMN_ROWID, name->at);
    if (match.count > 1)
        return name_fail(b, scope, name, "ambiguous column name");
    if (match.count == 1)
        return name_match_result(b, &match, name->at);
    if (name->table.text == NULL)
        return name_alias(b, scope, name);
    return NULL;
}

vl_expr *
vl_bind_unqualified(vl_binder *b, vl_bind_scope *scope, uint32_t first, uint32_t end,
                    vl_bind_word name, const vl_ast *at)
{
    name_parts parts = {.column = name, .at = at};
    name_match match = {0};

    name_match_sources(b, scope, first, end, &parts, &match);
    if (match.count > 1)
        return vl_bind_fail(b, scope, at, "ambiguous reference to %.*s in USING()", (int)name.size,
                            name.text);
    return match.count == 1 ? name_match_result(b, &match, at) : NULL;
}

/* A name that is no column: TRUE, FALSE, or a text in double quotes. */
static vl_expr *
name_other(vl_binder *b, const vl_bind_scope *scope, const name_parts *name)
{
    const vl_ast *at = name->at;

    if (name->table.text == NULL && (at->flags & VL_AST_QUOTED) == 0) {
        if (vl_bind_is(name->column.text, name->column.size, "true"))
            return vl_expr_constant(b, vl_value_of_integer(1), at);
        if (vl_bind_is(name->column.text, name->column.size, "false"))
            return vl_expr_constant(b, vl_value_of_integer(0), at);
    }
    if (name->table.text == NULL && (at->flags & VL_AST_DOUBLE_QUOTED) != 0) {
        vl_value value = {.type = VL_TYPE_TEXT, .size = name->column.size};

        value.as.data = name->column.text;
        return vl_expr_constant(b, value, at);
    }
    vl_bind_near_column(b, scope, name->table, name->column);
    return name_fail(b, scope, name, "no such column");
}

vl_expr *
vl_bind_name(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    const vl_ast *table = ast->kid[0];
    const vl_ast *schema = ast->kid[1];
    name_parts name = {.column = {ast->text, ast->text_size}, .at = ast};

    if (table != NULL)
        name.table = (vl_bind_word){table->text, table->text_size};
    if (schema != NULL)
        name.schema = (vl_bind_word){schema->text, schema->text_size};
    for (vl_bind_scope *at = scope; at != NULL; at = at->parent) { /* keeps BN1 */
        vl_expr *expr;

        name.is_inner = at != scope;
        expr = name_in_scope(b, at, &name);

        if (expr != NULL || b->status != VELO_OK)
            return b->status == VELO_OK ? expr : NULL;
    }
    return name_other(b, scope, &name);
}
