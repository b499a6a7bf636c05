/* other.c - statements that are neither queries nor changes of rows. */
#include "api/api_int.h"
#include "api/pragma_int.h"

#include <string.h>

static velo_status
other_unsupported(vl_ctx *ctx, const vl_ast *tree)
{
    return vl_fail(ctx, VELO_ERROR, "%s is not supported yet", vl_ast_type_name(tree->type));
}

/* ---- PRAGMA ---- */

static velo_status
other_describe_pragma(vl_ctx *ctx, velo_statement *statement)
{
    const vl_ast *tree = statement->tree;
    const vl_ast *schema = tree->kid[0]->kid[0];
    uint32_t number;
    const vl_pragma *pragma = vl_pragma_find(tree->kid[0]->text, tree->kid[0]->text_size);

    statement->made.column_count = 0;
    if (schema != NULL)
        VL_TRY(vl_pragma_find_database(ctx, statement->connection, schema->text, schema->text_size,
                                       "", &number));
    if (pragma == NULL || (tree->kid[1] != NULL && (pragma->flags & VL_PRAGMA_ANSWERS) == 0))
        return VELO_OK;
    statement->made.column_count = pragma->column_count;
    statement->made.names = pragma->columns;
    return VELO_OK;
}

static velo_status
other_run_pragma(vl_ctx *ctx, velo_statement *statement)
{
    const vl_ast *name = statement->tree->kid[0];
    const vl_ast *argument = statement->tree->kid[1];
    const vl_ast *schema = name->kid[0];
    const vl_pragma *pragma = vl_pragma_find(name->text, name->text_size);
    vl_pragma_call call = {statement,         &statement->run_arena, &statement->made,
                           statement->target, schema != NULL,        pragma};
    vl_pragma_text text;

    if (pragma == NULL)
        return VELO_OK;
    if (argument == NULL)
        return pragma->run(ctx, &call, NULL);
    text = (vl_pragma_text){argument->text, argument->text_size};
    return pragma->run(ctx, &call, &text);
}

/* ---- all ---- */

velo_status
vl_prepared_describe_other(vl_ctx *ctx, velo_statement *statement)
{
    const vl_ast *tree = statement->tree;

    statement->made.column_count = 0;
    switch (tree->type) {
    case VL_AST_PRAGMA:
        return other_describe_pragma(ctx, statement);
    case VL_AST_EXPLAIN:
        return vl_explain_describe(ctx, statement);
    default:
        return VELO_OK;
    }
}

velo_status
vl_prepared_run_other(vl_ctx *ctx, velo_statement *statement)
{
    const vl_ast *tree = statement->tree;

    if (vl_ast_is_ddl((vl_ast_type)tree->type))
        return vl_ddl_run(ctx, statement);
    switch (tree->type) {
    case VL_AST_PRAGMA:
        return other_run_pragma(ctx, statement);
    case VL_AST_EXPLAIN:
        return vl_explain_run(ctx, statement);
    case VL_AST_VACUUM:
        return vl_vacuum_run(ctx, statement);
    case VL_AST_ATTACH:
        return vl_attach_run(ctx, statement);
    case VL_AST_DETACH:
        return vl_detach_run(ctx, statement);
    default:
        return other_unsupported(ctx, tree);
    }
}
