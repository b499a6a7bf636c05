/* names.c - scopes: what a name means at a place.
 *
 * Invariants
 *   NM1  A name is looked for in the innermost scope first; a scope in which it means two things is
 * an error, even when an outer one would tell. NM2  Nothing is told of names in the text of a view
 * that is only read for its columns. */
#include "sql/names.h"

#include "sql/names_int.h"

#include <string.h>

void
vl_names_scope_init(vl_names_scope *scope, const vl_names_scope *outer)
{
    *scope = (vl_names_scope){.outer = outer};
    scope->end = &scope->sources;
}

vl_names_source *
vl_names_add_source(vl_names_walk *walk, vl_names_scope *scope)
{
    vl_names_source *source = vl_schema_alloc(&walk->builder, 1, sizeof *source);

    if (source == NULL)
        return NULL;
    *scope->end = source;
    scope->end = &source->next;
    return source;
}

velo_status
vl_names_told(vl_names_walk *walk, const vl_ast *node, const vl_table_def *table, int32_t column)
{
    if (walk->quiet > 0 || walk->input->tell == NULL)
        return VELO_OK;
    return walk->input->tell(walk->input->argument, node, table, column);
}

/* ---- tables ---- */

/* Whether a name that no schema has is that of a table-valued function without arguments. */
static int
names_is_function(const vl_ast *qname)
{
    static const char *const names[] = {"json_each", "json_tree", "generate_series"};

    if (qname->text_size > 7 && vl_schema_is_word(qname->text, 7, "pragma_"))
        return 1;
    for (size_t i = 0; i < VL_ARRAY_COUNT(names); i++)
        if (vl_schema_is_word(qname->text, qname->text_size, names[i]))
            return 1;
    return 0;
}

/* Whether an unqualified name of the text at hand is looked for in a schema. */
static int
names_is_searched(const vl_names_walk *walk, const vl_ast *qname, const vl_schema *schema)
{
    if (qname->kid[0] != NULL)
        return vl_schema_is_word(qname->kid[0]->text, qname->kid[0]->text_size, schema->database);
    return schema == walk->home || strcmp(walk->home->database, "temp") == 0;
}

velo_status
vl_names_table(vl_names_walk *walk, const vl_ast *qname, const vl_table_def **table)
{
    const vl_names_input *input = walk->input;

    *table = NULL;
    if (names_is_searched(walk, qname, walk->home))
        *table = vl_schema_table(walk->home, qname->text, qname->text_size);
    for (uint32_t i = 0; i < input->schema_count && *table == NULL; i++)
        if (names_is_searched(walk, qname, input->schemas[i]))
            *table = vl_schema_table(input->schemas[i], qname->text, qname->text_size);
    if (*table != NULL)
        return vl_names_told(walk, qname, *table, -1);
    if (names_is_function(qname))
        return VELO_OK;
    if (qname->kid[0] != NULL)
        return vl_schema_fail(&walk->builder, qname, "no such table: %.*s.%.*s",
                              (int)qname->kid[0]->text_size, qname->kid[0]->text,
                              (int)qname->text_size, qname->text);
    return vl_schema_fail(&walk->builder, qname, "no such table: %s%s%.*s",
                          strcmp(walk->home->database, "temp") == 0 ? "" : walk->home->database,
                          strcmp(walk->home->database, "temp") == 0 ? "" : ".",
                          (int)qname->text_size, qname->text);
}

/* Room for the names of a list of a known length. */
static velo_status
names_list_init(vl_names_walk *walk, vl_name_list *list, uint32_t count)
{
    memset(list, 0, sizeof *list);
    list->names = vl_schema_alloc(&walk->builder, count, sizeof(vl_name));
    list->capacity = count;
    return list->names != NULL ? VELO_OK : VELO_NOMEM;
}

/* The columns of a view: those it says, or those of its query. */
static velo_status
names_read_view(vl_names_walk *walk, const vl_table_def *view, vl_name_list *columns)
{
    const vl_ast *create = view->view_ast;
    vl_names_walk inside = *walk;

    if (walk->view_depth >= VL_NAMES_VIEW_DEPTH)
        return vl_schema_fail(&walk->builder, NULL, "too many views within views: %s",
                              view->object.name);
    inside.view_depth++;
    inside.quiet++; /* keeps NM2 */
    inside.home = view->schema;
    inside.with = NULL;
    VL_TRY(vl_names_query(&inside, NULL, create->kid[2], columns));
    if (create->kid[1] == NULL)
        return VELO_OK; /* else a wrong number of columns is told when the view is used */
    VL_TRY(names_list_init(walk, columns, create->kid[1]->count));
    for (const vl_ast *name = vl_ast_first(create->kid[1]); name != NULL; name = name->next)
        columns->names[columns->count++] = (vl_name){name->text, name->text_size};
    return VELO_OK;
}

/* The columns of a view, which are found once in a walk. */
static velo_status
names_view_columns(vl_names_walk *walk, const vl_table_def *view, vl_name_list *columns)
{
    vl_names_view *known = walk->shared->views;

    while (known != NULL && known->view != view)
        known = known->next;
    if (known != NULL && !known->is_known)
        return vl_schema_fail(&walk->builder, NULL, "view %s is circularly defined",
                              view->object.name);
    if (known == NULL) {
        known = vl_schema_alloc(&walk->builder, 1, sizeof *known);
        if (known == NULL)
            return VELO_NOMEM;
        known->view = view;
        known->next = walk->shared->views;
        walk->shared->views = known;
        VL_TRY(names_read_view(walk, view, &known->columns));
        known->is_known = 1;
    }
    *columns = known->columns;
    return VELO_OK;
}

velo_status
vl_names_columns(vl_names_walk *walk, const vl_table_def *table, vl_name_list *columns)
{
    if (table->object.type == VL_OBJECT_VIEW)
        return names_view_columns(walk, table, columns);
    VL_TRY(names_list_init(walk, columns, table->column_count));
    for (uint16_t i = 0; i < table->column_count; i++)
        columns->names[columns->count++] =
            (vl_name){table->columns[i].name, (uint32_t)strlen(table->columns[i].name)};
    if (table->virtual_ast != NULL)
        columns->is_open = 1; /* its module knows */
    return VELO_OK;
}

/* ---- columns ---- */

/* What a column's name was found to mean in a scope. */
typedef struct names_found {
    const vl_names_source *source; /* the first; NULL: none */
    int32_t column;                /* its position; -1: the rowid or an unknown column */
    uint32_t count;                /* columns of this name */
    const vl_names_source *loose;  /* one that may have it: as a rowid, or because it is open */
} names_found;

static int
names_is_rowid(const vl_ast *node)
{
    return vl_schema_is_word(node->text, node->text_size, "rowid") ||
           vl_schema_is_word(node->text, node->text_size, "_rowid_") ||
           vl_schema_is_word(node->text, node->text_size, "oid");
}

static int
names_equal(vl_name a, const char *text, size_t size)
{
    return vl_name_compare(a.text, a.size, text, size) == 0;
}

/* Whether a source answers to the qualifiers of a column. */
static int
names_is_qualified_right(const vl_names_source *source, const vl_ast *node)
{
    const vl_ast *table = node->kid[0];
    const vl_ast *schema = node->kid[1];

    if (table == NULL)
        return !source->is_pseudo;
    if (source->name.size == 0 || !names_equal(source->name, table->text, table->text_size))
        return 0;
    return schema == NULL ||
           (source->table != NULL &&
            vl_schema_is_word(schema->text, schema->text_size, source->table->schema->database));
}

/* Whether a column of a joined source is the same as that of a source before it. */
static int
names_is_merged(const vl_names_source *source, const vl_ast *node)
{
    if (source->is_natural)
        return 1;
    for (const vl_ast *name = vl_ast_first(source->using_names); name != NULL; name = name->next)
        if (vl_name_compare(name->text, name->text_size, node->text, node->text_size) == 0)
            return 1;
    return 0;
}

/* Add what a source says to what was found. */
static void
names_look_in(const vl_names_source *source, const vl_ast *node, names_found *found)
{
    const vl_table_def *table = source->table;
    uint32_t at = 0;

    if (!names_is_qualified_right(source, node))
        return;
    while (at < source->columns.count &&
           !names_equal(source->columns.names[at], node->text, node->text_size))
        at++;
    if (at < source->columns.count) {
        if (found->count > 0 && node->kid[0] == NULL && names_is_merged(source, node))
            return;
        if (found->count == 0) {
            found->source = source;
            found->column = (int32_t)at;
        }
        found->count++;
    } else if (source->columns.is_open ||
               (names_is_rowid(node) && table != NULL && table->object.type == VL_OBJECT_TABLE &&
                !table->is_without_rowid)) {
        found->loose = source;
    }
}

/* Whether a name is an alias among results. */
static int
names_is_alias(const vl_ast *results, const vl_ast *node)
{
    for (const vl_ast *result = vl_ast_first(results); result != NULL; result = result->next)
        if (result->type == VL_AST_RESULT && result->kid[1] != NULL &&
            vl_name_compare(result->kid[1]->text, result->kid[1]->text_size, node->text,
                            node->text_size) == 0)
            return 1;
    return 0;
}

static velo_status
names_fail(vl_names_walk *walk, const vl_ast *node, const char *what)
{
    const vl_ast *table = node->kid[0];
    const vl_ast *schema = node->kid[1];

    return vl_schema_fail(&walk->builder, node, "%s: %.*s%s%.*s%s%.*s", what,
                          schema != NULL ? (int)schema->text_size : 0,
                          schema != NULL ? schema->text : "", schema != NULL ? "." : "",
                          table != NULL ? (int)table->text_size : 0,
                          table != NULL ? table->text : "", table != NULL ? "." : "",
                          (int)node->text_size, node->text);
}

/* Tell a column, and its qualifier when that is the table's own name. */
static velo_status
names_tell_column(vl_names_walk *walk, const vl_ast *node, const vl_names_source *source,
                  int32_t column)
{
    if (source->table == NULL)
        return VELO_OK;
    if (node->kid[0] != NULL && !source->has_alias)
        VL_TRY(vl_names_told(walk, node->kid[0], source->table, -1));
    return column >= 0 ? vl_names_told(walk, node, source->table, column) : VELO_OK;
}

velo_status
vl_names_column(vl_names_walk *walk, const vl_names_scope *scope, const vl_ast *node)
{
    for (; scope != NULL; scope = scope->outer) { /* keeps NM1 */
        names_found found = {.column = -1};

        for (const vl_names_source *source = scope->sources; source != NULL; source = source->next)
            names_look_in(source, node, &found);
        if (found.count > 1)
            return names_fail(walk, node, "ambiguous column name");
        if (found.source != NULL)
            return names_tell_column(walk, node, found.source, found.column);
        if (node->kid[0] == NULL && names_is_alias(scope->results, node))
            return VELO_OK;
        if (found.loose != NULL)
            return names_tell_column(walk, node, found.loose, -1);
    }
    if (!vl_schema_is_literal_name(node))
        return names_fail(walk, node, "no such column");
    return (node->flags & VL_AST_DOUBLE_QUOTED) != 0 ? vl_names_told(walk, node, NULL, -1)
                                                     : VELO_OK;
}
