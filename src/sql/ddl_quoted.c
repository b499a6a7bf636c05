/* ddl_quoted.c - names in quotes that would change their meaning when columns come or go.
 *
 * "x" means the column x where there is one, and the text 'x' where there is none; in the terms of
 * an index 'x' does the same. So ADD COLUMN x could turn a text into a column and DROP COLUMN x a
 * column into a text, under an index that is filled already. SQLite lets ADD COLUMN do that; we
 * refuse.
 *
 * Invariants
 *   DQ1  After an ALTER that is accepted, every term and expression of an index means what it meant
 * when the index was filled. */
#include "sql/ddl_int.h"

#include <string.h>

/* Whether a node is a name that may be a column or a text, and is this one. */
static int
quoted_is(const vl_ast *node, const char *name)
{
    return node->type == VL_AST_COLUMN && vl_schema_is_literal_name(node) &&
           vl_schema_is_word(node->text, node->text_size, name);
}

/* Whether such a name is in an expression. */
static int
quoted_is_in(const vl_ast *node, const char *name)
{
    if (node == NULL)
        return 0;
    if (node->type == VL_AST_LIST) {
        for (const vl_ast *element = vl_ast_first(node); element != NULL; element = element->next)
            if (quoted_is_in(element, name))
                return 1;
        return 0;
    }
    for (unsigned i = 0; node->type != VL_AST_COLUMN && i < node->kid_count; i++)
        if (quoted_is_in(node->kid[i], name))
            return 1;
    return quoted_is(node, name);
}

/* Whether a term that is a text would be, or is, the column of that name. */
static int
quoted_is_term(const vl_ast *node, const char *name)
{
    while (node->type == VL_AST_COLLATE)
        node = node->kid[0];
    return (node->type == VL_AST_STRING && vl_schema_is_word(node->text, node->text_size, name)) ||
           quoted_is_in(node, name);
}

/* Whether a list of terms, as it was written, has such a term. */
static int
quoted_is_in_terms(const vl_ast *terms, const char *name)
{
    for (const vl_ast *term = vl_ast_first(terms); term != NULL; term = term->next)
        if (quoted_is_term(term->kid[0], name))
            return 1;
    return 0;
}

/* Whether the constraints of a list have such a name; the terms of UNIQUE and PRIMARY KEY are
 * columns, and stay so or are refused. */
static int
quoted_is_in_constraints(const vl_ast *list, const char *name)
{
    for (const vl_ast *node = vl_ast_first(list); node != NULL; node = node->next)
        if ((node->op == VL_OP_CHECK || node->op == VL_OP_GENERATED) &&
            quoted_is_in(node->kid[0], name))
            return 1;
    return 0;
}

static int
quoted_is_in_table(const vl_ast *create, const char *name)
{
    for (const vl_ast *column = vl_ast_first(create->kid[1]); column != NULL; column = column->next)
        if (quoted_is_in_constraints(column->kid[1], name))
            return 1;
    return quoted_is_in_constraints(create->kid[2], name);
}

static velo_status
quoted_fail(const vl_ddl_plan_state *state, const char *type, const vl_object_def *object,
            const char *when, const char *name)
{
    return vl_schema_fail(&state->builder, NULL, "error in %s %s%s%s: no such column: %s", type,
                          object->name, when[0] != '\0' ? " " : "", when, name);
}

velo_status
vl_ddl_check_quoted(const vl_ddl_plan_state *state, const vl_table_def *table, const char *name,
                    const char *when)
{
    const vl_ast *create;

    VL_TRY(vl_ddl_parse(state, &table->object, &create));
    if (quoted_is_in_table(create, name))
        return quoted_fail(state, "table", &table->object, when, name);
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next) {
        if (index->object.sql == NULL)
            continue;
        VL_TRY(vl_ddl_parse(state, &index->object, &create));
        if (quoted_is_in_terms(create->kid[2], name) || quoted_is_in(create->kid[3], name))
            return quoted_fail(state, "index", &index->object, when, name);
    }
    return VELO_OK;
}

velo_status
vl_ddl_check_text_terms(const vl_ddl_plan_state *state, const vl_table_def *table)
{
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next)
        for (uint16_t i = 0; i < index->term_count; i++) {
            const vl_ast *node = index->terms[i].ast;
            const char *name;

            if (node == NULL || (node->type != VL_AST_STRING &&
                                 !(node->type == VL_AST_COLUMN && vl_schema_is_literal_name(node))))
                continue;
            VL_TRY(vl_schema_copy(&state->builder, node->text, node->text_size, &name));
            return quoted_fail(state, "index", &index->object, "", name);
        }
    return VELO_OK;
}
