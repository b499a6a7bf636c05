/* schema_check.c - what expressions of a table may hold: CHECK, generated columns, indexes.
 *
 * Invariants
 *   SK1  A column that an accepted expression names is the table's, or its rowid where that may be.
 *   SK2  Trees are no higher than the parser's limit, so the walk recurses. */
#include "sql/schema_int.h"

#include "base/assert.h"

#include <string.h>

/* A walk through one expression. */
typedef struct check_walk {
    const vl_schema_builder *builder; /* where errors go */
    const vl_table_def *table;        /* whose columns may be named */
    vl_schema_place place;            /* what may be there */
} check_walk;

static const char *
check_place_words(vl_schema_place place)
{
    switch (place) {
    case VL_SCHEMA_CHECK:
        return "CHECK constraints";
    case VL_SCHEMA_GENERATED:
        return "generated columns";
    case VL_SCHEMA_INDEX:
        return "index expressions";
    case VL_SCHEMA_PARTIAL:
        return "partial index WHERE clauses";
    }
    return "";
}

static velo_status
check_prohibit(const check_walk *walk, const vl_ast *node, const char *what)
{
    return vl_schema_fail(walk->builder, node, "%s prohibited in %s", what,
                          check_place_words(walk->place));
}

static int
check_is_rowid(const char *name, size_t size)
{
    return vl_schema_is_word(name, size, "rowid") || vl_schema_is_word(name, size, "_rowid_") ||
           vl_schema_is_word(name, size, "oid");
}

/* Whether the qualifiers of a column are those of the table at hand. */
static int
check_is_qualified_right(const check_walk *walk, const vl_ast *column)
{
    const vl_ast *table = column->kid[0];
    const vl_ast *schema = column->kid[1];

    if (table != NULL &&
        !vl_schema_is_word(table->text, table->text_size, walk->table->object.name))
        return 0;
    return schema == NULL ||
           vl_schema_is_word(schema->text, schema->text_size, walk->builder->database);
}

static velo_status
check_no_column(const check_walk *walk, const vl_ast *column)
{
    const vl_ast *table = column->kid[0];
    const vl_ast *schema = column->kid[1];

    return vl_schema_fail(walk->builder, column, "no such column: %.*s%s%.*s%s%.*s",
                          schema != NULL ? (int)schema->text_size : 0,
                          schema != NULL ? schema->text : "", schema != NULL ? "." : "",
                          table != NULL ? (int)table->text_size : 0,
                          table != NULL ? table->text : "", table != NULL ? "." : "",
                          (int)column->text_size, column->text);
}

static velo_status
check_column(const check_walk *walk, const vl_ast *column)
{
    int is_expression = walk->place == VL_SCHEMA_INDEX || walk->place == VL_SCHEMA_GENERATED;
    int is_found = check_is_qualified_right(walk, column) &&
                   vl_table_def_column(walk->table, column->text, column->text_size) >= 0;

    if (!is_found && !is_expression && !walk->table->is_without_rowid)
        is_found = check_is_qualified_right(walk, column) &&
                   check_is_rowid(column->text, column->text_size);
    if (!is_found && !vl_schema_is_literal_name(column))
        return check_no_column(walk, column);
    if (is_expression && column->kid[0] != NULL)
        return check_prohibit(walk, column, "the \".\" operator");
    return VELO_OK;
}

static int
check_is_listed(const vl_ast *function, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (vl_schema_is_word(function->text, function->text_size, names[i]))
            return 1;
    return 0;
}

static int
check_is_volatile(const vl_ast *function)
{
    static const char *const names[] = {
        "random",       "randomblob",   "changes",           "total_changes",  "last_insert_rowid",
        "current_time", "current_date", "current_timestamp", "sqlite_version", "sqlite_source_id"};

    return check_is_listed(function, names, VL_ARRAY_COUNT(names));
}

static int
check_is_aggregate(const vl_ast *function)
{
    static const char *const names[] = {"count",           "sum",
                                        "total",           "avg",
                                        "group_concat",    "json_group_array",
                                        "string_agg",      "json_group_object",
                                        "median",          "percentile",
                                        "percentile_cont", "percentile_disc"};
    static const char *const scalar_too[] = {"min", "max"}; /* aggregates of one argument */
    const vl_ast *arguments = function->kid[0];

    return check_is_listed(function, names, VL_ARRAY_COUNT(names)) ||
           (arguments != NULL && arguments->count == 1 &&
            check_is_listed(function, scalar_too, VL_ARRAY_COUNT(scalar_too)));
}

static int
check_is_window(const vl_ast *function)
{
    static const char *const names[] = {"row_number", "rank",        "dense_rank", "percent_rank",
                                        "cume_dist",  "ntile",       "lag",        "lead",
                                        "nth_value",  "first_value", "last_value"};

    return check_is_listed(function, names, VL_ARRAY_COUNT(names));
}

static velo_status
check_function(const check_walk *walk, const vl_ast *function)
{
    if (function->kid[3] != NULL || check_is_window(function))
        return vl_schema_fail(walk->builder, function, "misuse of window function %.*s()",
                              (int)function->text_size, function->text);
    if (check_is_aggregate(function))
        return vl_schema_fail(walk->builder, function, "misuse of aggregate function %.*s()",
                              (int)function->text_size, function->text);
    if (walk->place != VL_SCHEMA_CHECK && check_is_volatile(function))
        return check_prohibit(walk, function, "non-deterministic functions");
    return VELO_OK;
}

/* What a node alone breaks. */
static velo_status
check_node(const check_walk *walk, const vl_ast *node)
{
    switch ((vl_ast_type)node->type) {
    case VL_AST_COLUMN:
        return check_column(walk, node);
    case VL_AST_PARAM:
        return check_prohibit(walk, node, "parameters");
    case VL_AST_SUBQUERY:
    case VL_AST_EXISTS:
    case VL_AST_QUERY:
    case VL_AST_SOURCE:
        return check_prohibit(walk, NULL, "subqueries");
    case VL_AST_FUNCTION:
        return check_function(walk, node);
    case VL_AST_NOW:
        return walk->place != VL_SCHEMA_CHECK
                   ? check_prohibit(walk, node, "non-deterministic functions")
                   : VELO_OK;
    case VL_AST_RAISE:
        return vl_schema_fail(walk->builder, node,
                              "RAISE() may only be used within a trigger-program");
    default: /* everything else is allowed everywhere */
        return VELO_OK;
    }
}

static velo_status
check_expression(const check_walk *walk, const vl_ast *node)
{
    if (node == NULL)
        return VELO_OK;
    if (node->type == VL_AST_LIST) {
        for (const vl_ast *element = vl_ast_first(node); element != NULL; element = element->next)
            VL_TRY(check_expression(walk, element));
        return VELO_OK;
    }
    VL_TRY(check_node(walk, node));
    if (node->type == VL_AST_COLUMN)
        return VELO_OK;
    for (unsigned i = 0; i < node->kid_count; i++)
        VL_TRY(check_expression(walk, node->kid[i]));
    return VELO_OK;
}

velo_status
vl_schema_check(const vl_schema_builder *builder, const vl_table_def *table, vl_schema_place place,
                const vl_ast *node)
{
    check_walk walk = {builder, table, place};

    return check_expression(&walk, node);
}
