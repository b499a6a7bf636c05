/* registry.c - looking functions up: the built-in tables, and the set of a connection before them.
 *
 * Invariants
 *   F1  Each built-in table is in ascending order of names. A name may be in two of them (min).
 *   F2  A set's functions are blocks of their own, which do not move: a compiled call keeps the
 *       pointer until the function is removed or replaced.
 *   F3  release is called exactly once for each function that was given to a set. */
#include "func/registry.h"

#include "func/func_int.h"

#include <string.h>

static const vl_func_table *const registry_tables[] = {
    &vl_func_aggregates, &vl_func_codes, &vl_func_core,        &vl_func_dates, &vl_func_json_groups,
    &vl_func_jsons,      &vl_func_math,  &vl_func_percentiles, &vl_func_texts, &vl_func_windows};

/* A function of a connection; its name follows. */
typedef struct registry_entry {
    vl_func func;                /* its name points behind this struct */
    struct registry_entry *next; /* in the set */
} registry_entry;

struct vl_func_set {
    registry_entry *first; /* newest first */
};

static char
registry_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Order of a name as it was written against one in lower case. */
static int
registry_compare(const char *written, size_t size, const char *name)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char a = (unsigned char)registry_lower(written[i]);
        unsigned char b = (unsigned char)registry_lower(name[i]);

        if (a != b)
            return a < b ? -1 : 1;
        if (b == 0) /* the written name has a byte 0 where the other ends */
            return 1;
    }
    return name[size] == '\0' ? 0 : -1;
}

/* How well a function fits a count of arguments: 2 for an exact range, 1 for any, 0 not at all. */
static int
registry_fit(const vl_func *func, int count)
{
    if (count < func->least)
        return 0;
    if (func->most < 0)
        return 1;
    return count <= func->most ? 2 : 0;
}

/* What a search has found so far. */
typedef struct registry_search {
    const vl_func *func; /* the best that fits, or NULL */
    int fit;             /* how well */
    int is_known;        /* whether there is any function of the name */
} registry_search;

static void
registry_consider(registry_search *search, const vl_func *func, int count)
{
    int fit = registry_fit(func, count);

    search->is_known = 1;
    if (fit > search->fit) {
        search->fit = fit;
        search->func = func;
    }
}

/* The first function in the table whose name is not less. */
static size_t
registry_lower_bound(const vl_func_table *table, const char *name, size_t size)
{
    size_t low = 0;
    size_t high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (registry_compare(name, size, table->funcs[middle].name) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void
registry_search_builtin(registry_search *search, const char *name, size_t size, int count)
{
    for (size_t t = 0; t < VL_ARRAY_COUNT(registry_tables); t++) {
        const vl_func_table *table = registry_tables[t];
        size_t i = registry_lower_bound(table, name, size); /* by F1 */

        for (; i < table->count && registry_compare(name, size, table->funcs[i].name) == 0; i++)
            registry_consider(search, &table->funcs[i], count);
    }
}

const vl_func *
vl_func_builtin(size_t index)
{
    for (size_t t = 0; t < VL_ARRAY_COUNT(registry_tables); t++) {
        if (index < registry_tables[t]->count)
            return &registry_tables[t]->funcs[index];
        index -= registry_tables[t]->count;
    }
    return NULL;
}

velo_status
vl_func_set_create(vl_ctx *ctx, vl_func_set **set)
{
    *set = vl_alloc_zero(ctx, sizeof **set);
    if (*set == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a set of functions");
    return VELO_OK;
}

static void
registry_release(registry_entry *entry)
{
    if (entry->func.release != NULL)
        entry->func.release(entry->func.user); /* keeps F3 */
    vl_free(entry);
}

void
vl_func_set_destroy(vl_func_set *set)
{
    if (set == NULL)
        return;
    while (set->first != NULL) {
        registry_entry *entry = set->first;

        set->first = entry->next;
        registry_release(entry);
    }
    vl_free(set);
}

static int
registry_is_valid(const vl_func *func)
{
    return func->name != NULL && func->name[0] != '\0' &&
           (func->scalar == NULL) != (func->aggregate == NULL) && func->least >= 0 &&
           func->least <= VL_FUNC_ARGUMENTS_MAX && func->most <= VL_FUNC_ARGUMENTS_MAX &&
           (func->most == -1 || func->most >= func->least);
}

velo_status
vl_func_set_add(vl_ctx *ctx, vl_func_set *set, const vl_func *func)
{
    registry_entry *entry;
    size_t size;

    if (!registry_is_valid(func))
        return vl_fail(ctx, VELO_MISUSE,
                       "a function needs a name, a range of argument counts, and "
                       "either a scalar callback or those of an aggregate");
    size = strlen(func->name) + 1;
    entry = vl_alloc(ctx, sizeof *entry + size);
    if (entry == NULL) {
        if (func->release != NULL)
            func->release(func->user);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the function %s", func->name);
    }
    memcpy(entry + 1, func->name, size);
    entry->func = *func;
    entry->func.name = (const char *)(entry + 1);
    (void)vl_func_set_remove(set, func->name, func->least, func->most);
    entry->next = set->first;
    set->first = entry;
    return VELO_OK;
}

int
vl_func_set_remove(vl_func_set *set, const char *name, int least, int most)
{
    size_t size = strlen(name);

    for (registry_entry **at = &set->first; *at != NULL; at = &(*at)->next) {
        registry_entry *entry = *at;

        if (entry->func.least == least && entry->func.most == most &&
            registry_compare(name, size, entry->func.name) == 0) {
            *at = entry->next;
            registry_release(entry);
            return 1;
        }
    }
    return 0;
}

/* A name's size as printf's precision, for messages. */
static int
registry_precision(size_t size)
{
    return size < VL_ERROR_TEXT_SIZE ? (int)size : VL_ERROR_TEXT_SIZE;
}

velo_status
vl_func_find(vl_ctx *ctx, const vl_func_set *set, const char *name, size_t name_size, int count,
             const vl_func **func)
{
    registry_search search = {0};
    int length = registry_precision(name_size);

    *func = NULL;
    if (count > VL_FUNC_ARGUMENTS_MAX)
        return vl_fail(ctx, VELO_ERROR, "too many arguments on function %.*s", length, name);
    for (const registry_entry *entry = set != NULL ? set->first : NULL; entry != NULL;
         entry = entry->next)
        if (registry_compare(name, name_size, entry->func.name) == 0)
            registry_consider(&search, &entry->func, count);
    if (search.func == NULL)
        registry_search_builtin(&search, name, name_size, count);
    if (search.func == NULL && search.is_known)
        return vl_fail(ctx, VELO_ERROR, "wrong number of arguments to function %.*s()", length,
                       name);
    if (search.func == NULL)
        return vl_fail(ctx, VELO_ERROR, "no such function: %.*s", length, name);
    *func = search.func;
    return VELO_OK;
}

velo_status
vl_func_call_scalar(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    *result = vl_value_of_null();
    return call->func->scalar(call, args, count, result);
}
