/* other.c - statements that are neither queries nor changes of rows. */
#include "api/api_int.h"
#include "api/pragma_int.h"

#include <string.h>

static int
other_is_ddl(const vl_ast *tree)
{
    switch (tree->type) {
    case VL_AST_CREATE_TABLE:
    case VL_AST_CREATE_INDEX:
    case VL_AST_CREATE_VIEW:
    case VL_AST_CREATE_TRIGGER:
    case VL_AST_CREATE_VIRTUAL:
    case VL_AST_DROP:
    case VL_AST_ALTER:
        return 1;
    default:
        return 0;
    }
}

static velo_status
other_unsupported(vl_ctx *ctx, const vl_ast *tree)
{
    return vl_fail(ctx, VELO_ERROR, "%s is not supported yet", vl_ast_type_name(tree->type));
}

/* ---- PRAGMA ---- */

static velo_status
other_describe_pragma(velo_statement *statement)
{
    const vl_pragma *pragma = vl_pragma_find(statement->tree);

    statement->made.column_count = 0;
    if (pragma == NULL || (statement->tree->kid[1] != NULL && !pragma->answers))
        return VELO_OK;
    statement->made.column_count = pragma->column_count;
    statement->made.names = pragma->columns;
    return VELO_OK;
}

static velo_status
other_run_pragma(vl_ctx *ctx, velo_statement *statement)
{
    const vl_pragma *pragma = vl_pragma_find(statement->tree);
    const vl_ast *schema = statement->tree->kid[0]->kid[0];

    if (schema != NULL && vl_name_compare(schema->text, schema->text_size, "main", 4) != 0 &&
        vl_name_compare(schema->text, schema->text_size, "temp", 4) != 0)
        return vl_fail(ctx, VELO_ERROR, "unknown database %.*s", (int)schema->text_size,
                       schema->text);
    if (pragma == NULL)
        return VELO_OK;
    return pragma->run(ctx, statement, statement->tree->kid[1]);
}

/* ---- all ---- */

velo_status
vl_prepared_describe_other(vl_ctx *ctx, velo_statement *statement)
{
    const vl_ast *tree = statement->tree;

    statement->made.column_count = 0;
    switch (tree->type) {
    case VL_AST_PRAGMA:
        return other_describe_pragma(statement);
    case VL_AST_EXPLAIN:
        return vl_explain_describe(ctx, statement);
    case VL_AST_CREATE_VIRTUAL:
    case VL_AST_ANALYZE:
    case VL_AST_REINDEX:
    case VL_AST_VACUUM:
    case VL_AST_ATTACH:
    case VL_AST_DETACH:
        return other_unsupported(ctx, tree);
    default:
        return VELO_OK;
    }
}

velo_status
vl_prepared_run_other(vl_ctx *ctx, velo_statement *statement)
{
    const vl_ast *tree = statement->tree;

    if (other_is_ddl(tree))
        return vl_ddl_run(ctx, statement);
    switch (tree->type) {
    case VL_AST_PRAGMA:
        return other_run_pragma(ctx, statement);
    case VL_AST_EXPLAIN:
        return vl_explain_run(ctx, statement);
    default:
        return other_unsupported(ctx, tree);
    }
}
