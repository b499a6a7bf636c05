/* bind_near.c - the name that was probably meant where one is unknown.
 *
 * The distance of two names is that of optimal string alignment (Damerau 1964; Boytsov, "Indexing
 * methods for approximate dictionary searching", 2011, section 2.2.1): letters put in, left out,
 * changed, or two beside each other in the wrong order. ASCII case does not count.
 *
 * Invariants
 * BN1 A name is offered only when a third of its letters or fewer differ, and never more than
 *     NEAR_MOST: what is further away is another name.
 * BN2 Nothing here fails: without a name that is near, none is told. */
#include "sql/bind_int.h"

#include "func/registry.h"

#include <string.h>

#define NEAR_MOST 3U /* differences, at most */

/* What is looked for, and the nearest name so far. */
typedef struct near_search {
    vl_bind_word wanted;
    const char *name; /* or NULL */
    uint32_t size;
    uint32_t distance; /* of name; before there is one, one more than is allowed */
} near_search;

static unsigned char
near_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static uint32_t
near_least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

/* The distance of two names of at most VL_ERROR_NEAR_SIZE bytes. */
static uint32_t
near_distance(const char *a, uint32_t a_size, const char *b, uint32_t b_size)
{
    uint32_t rows[3][VL_ERROR_NEAR_SIZE + 1]; /* the row at hand and the two before, in turn */

    for (uint32_t j = 0; j <= b_size; j++)
        rows[0][j] = j;
    for (uint32_t i = 1; i <= a_size; i++) {
        uint32_t *row = rows[i % 3];
        const uint32_t *before = rows[(i + 2) % 3];
        const uint32_t *second = rows[(i + 1) % 3];

        row[0] = i;
        for (uint32_t j = 1; j <= b_size; j++) {
            unsigned char x = near_lower(a[i - 1]);
            unsigned char y = near_lower(b[j - 1]);

            row[j] = near_least(near_least(before[j], row[j - 1]) + 1, before[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == near_lower(b[j - 2]) && near_lower(a[i - 2]) == y)
                row[j] = near_least(row[j], second[j - 2] + 1);
        }
    }
    return rows[a_size % 3][b_size];
}

static void
near_begin(near_search *search, vl_bind_word wanted)
{
    *search = (near_search){.wanted = wanted};
    search->distance = near_least((wanted.size + 1) / 3, NEAR_MOST) + 1; /* keeps BN1 */
}

/* Look at a name; of two that are as near the first counts. */
static void
near_consider(near_search *search, const char *name, size_t size)
{
    uint32_t distance;

    if (name == NULL || size >= VL_ERROR_NEAR_SIZE || search->wanted.size >= VL_ERROR_NEAR_SIZE)
        return;
    distance = near_distance(search->wanted.text, search->wanted.size, name, (uint32_t)size);
    if (distance == 0 || distance >= search->distance)
        return;
    search->name = name;
    search->size = (uint32_t)size;
    search->distance = distance;
}

/* Keep what was found for the failure that is told next. */
static void
near_end(vl_binder *b, const near_search *search)
{
    b->near_size = 0;
    if (search->name == NULL || b->status != VELO_OK || b->quiet > 0)
        return;
    memcpy(b->near, search->name, search->size);
    b->near_size = search->size;
}

void
vl_bind_near_table(vl_binder *b, const vl_bind_scope *scope, vl_bind_word schema, vl_bind_word name)
{
    near_search search;

    near_begin(&search, name);
    for (const vl_with *with = schema.text == NULL ? scope->with : NULL; with != NULL;
         with = with->parent)
        for (uint32_t i = 0; i < with->cte_count; i++)
            near_consider(&search, with->ctes[i].ast->text, with->ctes[i].ast->text_size);
    for (uint32_t i = 0; i < b->env->schema_count; i++) {
        const vl_schema *one = b->env->schemas[i];

        if (schema.text != NULL && !vl_bind_is(schema.text, schema.size, one->database))
            continue;
        for (uint32_t t = 0; t < one->table_count; t++)
            near_consider(&search, one->tables[t]->object.name,
                          strlen(one->tables[t]->object.name));
    }
    near_end(b, &search);
}

static void
near_columns(near_search *search, const vl_bind_source *source)
{
    for (uint32_t c = 0; c < source->column_count; c++)
        if (!source->columns[c].is_hidden)
            near_consider(search, source->columns[c].name, strlen(source->columns[c].name));
}

void
vl_bind_near_set(vl_binder *b, const vl_bind_source *target, vl_bind_word column)
{
    near_search search;

    near_begin(&search, column);
    near_columns(&search, target);
    near_end(b, &search);
}

void
vl_bind_near_column(vl_binder *b, const vl_bind_scope *scope, vl_bind_word table,
                    vl_bind_word column)
{
    near_search columns;
    near_search tables;
    int is_known = table.text == NULL; /* the table's name means something */

    near_begin(&columns, column);
    near_begin(&tables, table);
    for (; scope != NULL; scope = scope->parent)
        for (uint32_t i = 0; i < scope->source_count; i++) {
            const vl_bind_source *source = scope->sources[i];

            if (table.text != NULL && vl_name_compare(table.text, table.size, source->alias.text,
                                                      source->alias.size) != 0) {
                near_consider(&tables, source->alias.text, source->alias.size);
                continue;
            }
            is_known = 1;
            near_columns(&columns, source);
        }
    near_end(b, is_known ? &columns : &tables);
}

void
vl_bind_near_function(vl_binder *b, vl_bind_word name)
{
    near_search search;
    const vl_func *func;

    near_begin(&search, name);
    for (size_t i = 0; (func = vl_func_builtin(i)) != NULL; i++)
        near_consider(&search, func->name, strlen(func->name));
    near_end(b, &search);
}
