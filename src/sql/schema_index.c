/* schema_index.c - makes indexes: those of constraints, CREATE INDEX, and the order of a table
 * WITHOUT ROWID.
 *
 * Invariants
 *   SI1  The terms up to term_count are as declared; those after it make an entry's key whole and
 * are in binary order unless they are columns of the primary key, whose DESC counts in CREATE INDEX
 * only. SI2  In a table's list, indexes that REPLACE come after all others, and among equals the
 * newer comes first. SI3  An automatic index's number is one more than the count of those made
 * before it. */
#include "sql/schema_int.h"

#include "base/assert.h"
#include "base/collation.h"

#include <stdio.h>
#include <string.h>

/* An index in the making. */
typedef struct index_making {
    const vl_schema_builder *builder;
    const vl_table_def *table;
    int is_constraint;    /* of UNIQUE or PRIMARY KEY: columns only */
    vl_index_term *terms; /* as many as there are declared */
    uint16_t count;       /* terms so far */
} index_making;

/* Find what a term without its COLLATE is: a column, or -2 for an expression. */
static velo_status
index_find_column(const index_making *making, const vl_ast *node, int32_t *column)
{
    *column = -2;
    if (node->type == VL_AST_STRING || (node->type == VL_AST_COLUMN && node->kid[0] == NULL))
        *column = vl_table_def_column(making->table, node->text, node->text_size);
    if (*column >= 0)
        return VELO_OK;
    *column = -2;
    if (node->type == VL_AST_STRING)
        return vl_schema_fail(making->builder, node, "no such column: %.*s", (int)node->text_size,
                              node->text);
    VL_TRY(vl_schema_check(making->builder, making->table, VL_SCHEMA_INDEX, node));
    if (making->is_constraint)
        return vl_schema_fail(making->builder, node,
                              "expressions prohibited in PRIMARY KEY and UNIQUE constraints");
    return VELO_OK;
}

static velo_status
index_add_term(index_making *making, const vl_ast *term)
{
    vl_index_term *out = &making->terms[making->count];
    const vl_ast *expression = term->kid[0];
    const vl_ast *collate = expression->type == VL_AST_COLLATE ? expression : NULL;

    if ((term->flags & (VL_AST_NULLS_FIRST | VL_AST_NULLS_LAST)) != 0)
        return vl_schema_fail(making->builder, term, "unsupported use of NULLS %s",
                              (term->flags & VL_AST_NULLS_FIRST) != 0 ? "FIRST" : "LAST");
    while (expression->type == VL_AST_COLLATE)
        expression = expression->kid[0];
    VL_TRY(index_find_column(making, expression, &out->column));
    out->is_descending = (term->flags & VL_AST_DESC) != 0;
    if (out->column == -2)
        out->ast = expression;
    else
        out->collation = making->table->columns[out->column].collation;
    if (collate != NULL)
        VL_TRY(vl_schema_collation(making->builder, collate->text, collate->text_size,
                                   &out->collation));
    making->count++;
    return VELO_OK;
}

/* The terms of a list, in memory of their own. */
static velo_status
index_make_terms(index_making *making, const vl_ast *list)
{
    making->terms = vl_schema_alloc(making->builder, list->count, sizeof(vl_index_term));
    if (making->terms == NULL)
        return VELO_NOMEM;
    for (const vl_ast *term = vl_ast_first(list); term != NULL; term = term->next)
        VL_TRY(index_add_term(making, term));
    return VELO_OK;
}

/* Whether a column with a collation is among the first terms. */
static int
index_has_term(const vl_index_term *terms, uint32_t count, const vl_index_term *wanted)
{
    for (uint32_t i = 0; i < count; i++)
        if (terms[i].column == wanted->column && terms[i].collation == wanted->collation)
            return 1;
    return 0;
}

/* Complete an index's terms with those at `more` that it lacks. */
static velo_status
index_complete(const vl_schema_builder *builder, vl_index_def *index, const vl_index_term *more,
               uint32_t more_count)
{
    vl_index_term *terms;
    uint32_t count = index->term_count;

    terms = vl_schema_alloc(builder, (size_t)count + more_count, sizeof(vl_index_term));
    if (terms == NULL)
        return VELO_NOMEM;
    memcpy(terms, index->terms, count * sizeof *terms);
    for (uint32_t i = 0; i < more_count; i++)
        if (!index_has_term(terms, count, &more[i])) {
            terms[count] = more[i];
            if (index->origin != VL_INDEX_CREATED)
                terms[count].is_descending = 0;
            count++;
        }
    index->terms = terms;
    index->total_count = (uint16_t)count;
    return VELO_OK;
}

/* Complete an index of a table whose primary index, if it has one, is complete. */
static velo_status
index_finish(const vl_schema_builder *builder, const vl_table_def *table, vl_index_def *index)
{
    static const vl_index_term rowid = {.column = -1};

    if (table->primary != NULL)
        return index_complete(builder, index, table->primary->terms, table->primary->term_count);
    return index_complete(builder, index, &rowid, 1);
}

void
vl_schema_link_index(vl_table_def *table, vl_index_def *index)
{
    vl_index_def **at = &table->indexes;

    while (index->conflict == VL_CONFLICT_REPLACE && *at != NULL &&
           (*at)->conflict != VL_CONFLICT_REPLACE)
        at = &(*at)->next; /* keeps SI2 */
    index->next = *at;
    *at = index;
}

static uint32_t
index_count(const vl_table_def *table)
{
    uint32_t count = 0;

    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next)
        count++;
    return count;
}

/* Take the index of a constraint out of the list and put it back, because its conflict action,
 * which decides its place, is another. Only a move to the end is ever needed. */
static void
index_relink(vl_table_def *table, vl_index_def *index)
{
    vl_index_def **at = &table->indexes;

    while (*at != index)
        at = &(*at)->next;
    *at = index->next;
    vl_schema_link_index(table, index);
}

/* An index that a constraint of these terms can share, or NULL. Directions do not count. */
static vl_index_def *
index_find_same(const vl_table_def *table, const index_making *making)
{
    for (vl_index_def *index = table->indexes; index != NULL; index = index->next) {
        uint16_t same = 0;

        if (index->term_count != making->count)
            continue;
        while (same < making->count && index->terms[same].column == making->terms[same].column &&
               index->terms[same].collation == making->terms[same].collation)
            same++;
        if (same == making->count)
            return index;
    }
    return NULL;
}

/* Let a second constraint share an index. */
static velo_status
index_share(const vl_schema_builder *builder, vl_table_def *table, vl_index_def *index,
            vl_conflict conflict, vl_index_origin origin)
{
    if (index->conflict != conflict && index->conflict != VL_CONFLICT_DEFAULT &&
        conflict != VL_CONFLICT_DEFAULT)
        return vl_schema_fail(builder, NULL, "conflicting ON CONFLICT clauses specified");
    if (index->conflict == VL_CONFLICT_DEFAULT && conflict != VL_CONFLICT_DEFAULT) {
        index->conflict = conflict;
        if (conflict == VL_CONFLICT_REPLACE)
            index_relink(table, index);
    }
    if (origin == VL_INDEX_PRIMARY)
        index->origin = origin;
    return VELO_OK;
}

/* Keys of a collation of the application lie in the order of BINARY (docs/sql.md), which does not
 * tell which of them are equal. */
static velo_status
index_check_unique(const vl_schema_builder *builder, const index_making *making)
{
    for (uint16_t i = 0; i < making->count; i++)
        if (making->terms[i].collation >= VL_COLLATE_USER)
            return vl_schema_fail(builder, NULL,
                                  "unique keys by a collation of the application (%s) are not "
                                  "supported yet",
                                  vl_collation_name(making->terms[i].collation));
    return VELO_OK;
}

/* Make an index of the terms at hand and put it into its table's list. */
static velo_status
index_add_automatic(const vl_schema_builder *builder, vl_table_def *table,
                    const index_making *making, vl_conflict conflict, vl_index_origin origin)
{
    size_t size = strlen(table->object.name) + sizeof "sqlite_autoindex__4294967295";
    vl_index_def *index = vl_schema_alloc(builder, 1, sizeof *index);
    char *name = vl_schema_alloc(builder, size, 1);

    if (index == NULL || name == NULL)
        return VELO_NOMEM;
    VL_TRY(index_check_unique(builder, making));
    (void)snprintf(name, size, "sqlite_autoindex_%s_%u", table->object.name,
                   index_count(table) + 1);
    index->object.type = VL_OBJECT_INDEX;
    index->object.name = name;
    index->object.table_name = table->object.name;
    index->table = table;
    index->origin = origin;
    index->is_unique = 1;
    index->conflict = conflict;
    index->term_count = making->count;
    index->total_count = making->count;
    index->terms = making->terms;
    vl_schema_link_index(table, index);
    return VELO_OK;
}

velo_status
vl_schema_add_constraint_index(const vl_schema_builder *builder, vl_table_def *table,
                               const vl_ast *node, int32_t column, vl_index_origin origin)
{
    index_making making = {.builder = builder, .table = table, .is_constraint = 1};
    vl_conflict conflict = vl_schema_conflict(node->op2);
    vl_index_def *same;

    if (column >= 0) {
        making.terms = vl_schema_alloc(builder, 1, sizeof(vl_index_term));
        if (making.terms == NULL)
            return VELO_NOMEM;
        making.terms[0].column = column;
        making.terms[0].collation = table->columns[column].collation;
        making.terms[0].is_descending = (node->flags & VL_AST_DESC) != 0;
        making.count = 1;
    } else {
        VL_TRY(index_make_terms(&making, node->kid[0]));
    }
    same = index_find_same(table, &making);
    if (same != NULL)
        return index_share(builder, table, same, conflict, origin);
    return index_add_automatic(builder, table, &making, conflict, origin);
}

/* ---- tables WITHOUT ROWID ---- */

/* Make the INTEGER PRIMARY KEY, which is no rowid here, an index as any other; it may be there, of
 * a UNIQUE constraint. */
static velo_status
index_add_integer_key(const vl_schema_builder *builder, vl_table_def *table, int is_descending)
{
    index_making making = {.builder = builder, .table = table, .is_constraint = 1};
    vl_index_def *same;

    making.terms = vl_schema_alloc(builder, 1, sizeof(vl_index_term));
    if (making.terms == NULL)
        return VELO_NOMEM;
    making.terms[0].column = table->rowid_column;
    making.terms[0].collation = table->columns[table->rowid_column].collation;
    making.terms[0].is_descending = is_descending;
    making.count = 1;
    table->rowid_column = -1;
    same = index_find_same(table, &making);
    if (same != NULL)
        return index_share(builder, table, same, table->key_conflict, VL_INDEX_PRIMARY);
    return index_add_automatic(builder, table, &making, table->key_conflict, VL_INDEX_PRIMARY);
}

/* Drop terms of the primary key that repeat an earlier one. */
static void
index_drop_repeated(vl_index_def *index, vl_index_term *terms)
{
    uint16_t count = 0;

    for (uint16_t i = 0; i < index->term_count; i++)
        if (!index_has_term(terms, count, &terms[i]))
            terms[count++] = terms[i];
    index->term_count = count;
}

/* Complete the primary index: terms that differ, then all other columns that are stored. */
static velo_status
index_finish_primary(const vl_schema_builder *builder, vl_table_def *table, vl_index_def *index)
{
    vl_index_term *terms;
    vl_index_term *more;
    uint32_t more_count = 0;

    terms = vl_schema_alloc(builder, index->term_count, sizeof *terms);
    if (terms == NULL)
        return VELO_NOMEM;
    more = vl_schema_alloc(builder, table->column_count, sizeof *more);
    if (more == NULL)
        return VELO_NOMEM;
    memcpy(terms, index->terms, index->term_count * sizeof *terms);
    index_drop_repeated(index, terms);
    index->terms = terms;
    for (int32_t i = 0; i < table->column_count; i++) {
        int is_key = 0;

        for (uint16_t term = 0; term < index->term_count; term++)
            is_key |= terms[term].column == i;
        if (!is_key && table->columns[i].generated != 1)
            more[more_count++].column = i;
    }
    table->primary = index;
    return index_complete(builder, index, more, more_count);
}

velo_status
vl_schema_finish_indexes(const vl_schema_builder *builder, vl_table_def *table,
                         int is_key_descending)
{
    vl_index_def *primary = table->indexes;

    if (table->is_without_rowid && table->rowid_column >= 0) {
        VL_TRY(index_add_integer_key(builder, table, is_key_descending));
        primary = table->indexes;
    }
    while (primary != NULL && primary->origin != VL_INDEX_PRIMARY)
        primary = primary->next;
    if (table->is_without_rowid) {
        VL_ASSERT(primary != NULL);
        VL_TRY(index_finish_primary(builder, table, primary));
    }
    for (vl_index_def *index = table->indexes; index != NULL; index = index->next)
        if (index != table->primary)
            VL_TRY(index_finish(builder, table, index));
    return VELO_OK;
}

/* ---- CREATE INDEX ---- */

velo_status
vl_schema_make_index(const vl_schema_builder *builder, const vl_table_def *table,
                     const vl_ast *create, vl_index_def **out)
{
    index_making making = {.builder = builder, .table = table};
    vl_index_def *index;

    *out = NULL;
    index = vl_schema_alloc(builder, 1, sizeof *index);
    if (index == NULL)
        return VELO_NOMEM;
    index->object.type = VL_OBJECT_INDEX;
    VL_TRY(vl_schema_copy(builder, create->kid[0]->text, create->kid[0]->text_size,
                          &index->object.name));
    index->object.table_name = table->object.name;
    index->table = table;
    index->origin = VL_INDEX_CREATED;
    index->is_unique = (create->flags & VL_AST_IS_UNIQUE) != 0;
    VL_TRY(index_make_terms(&making, create->kid[2]));
    if (index->is_unique)
        VL_TRY(index_check_unique(builder, &making));
    index->terms = making.terms;
    index->term_count = making.count;
    if (create->kid[3] != NULL) {
        VL_TRY(vl_schema_check(builder, table, VL_SCHEMA_PARTIAL, create->kid[3]));
        index->where_ast = create->kid[3];
        VL_TRY(vl_schema_copy_source(builder, create->kid[3], 0, &index->where_text));
    }
    VL_TRY(index_finish(builder, table, index));
    *out = index;
    return VELO_OK;
}
