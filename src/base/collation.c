/* collation.c - names of collations, and the calls of those that the application gives.
 *
 * Names are never forgotten: schemas that outlive connections hold their numbers. They are put one
 * behind the other into a static block, so that nothing is to be freed and finding one cannot fail
 * for lack of memory.
 *
 * Invariants
 *   CO1  Names below collation_count are complete and never change: they are read without the turn.
 *   CO2  Who adds a name has the turn, and has looked for it while having it. */
#include "base/collation.h"

#include "base/atomic.h"

#include <string.h>

/* Bytes of all names together, each with its zero byte. */
#define COLLATION_BYTES_MAX 16384U

static char collation_bytes[COLLATION_BYTES_MAX];
static uint32_t collation_starts[VL_COLLATIONS_MAX + 1]; /* of each name; then of the free rest */
static _Atomic uint32_t collation_count;                 /* of names */
static atomic_flag collation_turn = ATOMIC_FLAG_INIT;    /* see CO2 */

/* Whose collations count in this thread. */
static _Thread_local vl_collators *collation_current;

static const char *const collation_own[VL_COLLATE_USER] = {"BINARY", "NOCASE", "RTRIM"};

/* ---- names ---- */

static char
collation_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

/* Whether the `size` bytes at `name` are this word, in any case. */
static int
collation_is(const char *name, size_t size, const char *word)
{
    if (strlen(word) != size)
        return 0;
    for (size_t i = 0; i < size; i++)
        if (collation_lower(name[i]) != collation_lower(word[i]))
            return 0;
    return 1;
}

/* The number of a name that has one, or -1. */
static int
collation_number(const char *name, size_t size)
{
    uint32_t count = atomic_load_explicit(&collation_count, memory_order_acquire);

    for (int i = 0; i < VL_COLLATE_USER; i++)
        if (collation_is(name, size, collation_own[i]))
            return i;
    for (uint32_t i = 0; i < count; i++)
        if (collation_is(name, size, &collation_bytes[collation_starts[i]]))
            return (int)(VL_COLLATE_USER + i);
    return -1;
}

int
vl_collation_add(const char *name, size_t size)
{
    int number = collation_number(name, size);
    uint32_t count;
    uint32_t start;

    if (number >= 0)
        return number;
    while (atomic_flag_test_and_set_explicit(&collation_turn, memory_order_acquire))
        vl_pause();                        /* somebody copies a name */
    number = collation_number(name, size); /* keeps CO2 */
    count = atomic_load_explicit(&collation_count, memory_order_relaxed); /* changed in the turn */
    start = collation_starts[count];
    if (number < 0 && count < VL_COLLATIONS_MAX && size < COLLATION_BYTES_MAX - start) {
        memcpy(&collation_bytes[start], name, size);
        collation_bytes[start + size] = 0;
        collation_starts[count + 1] = start + (uint32_t)size + 1;
        atomic_store_explicit(&collation_count, count + 1, memory_order_release); /* keeps CO1 */
        number = (int)(VL_COLLATE_USER + count);
    }
    atomic_flag_clear_explicit(&collation_turn, memory_order_release);
    return number;
}

const char *
vl_collation_name(vl_collation collation)
{
    if (collation < VL_COLLATE_USER)
        return collation_own[collation];
    return &collation_bytes[collation_starts[collation - VL_COLLATE_USER]];
}

/* ---- calls ---- */

vl_collators *
vl_collators_enter(vl_collators *collators)
{
    vl_collators *before = collation_current;

    collation_current = collators;
    return before;
}

/* The current entry of a number; NULL: there is none. */
static const vl_collator *
collation_entry(vl_collation collation)
{
    const vl_collators *current = collation_current;
    const vl_collator *found;

    if (current == NULL || current->list == NULL)
        return NULL;
    found = &current->list[collation - VL_COLLATE_USER];
    return found->compare == NULL ? NULL : found;
}

int
vl_collation_is_there(vl_collation collation)
{
    const vl_collators *current = collation_current;

    if (collation < VL_COLLATE_USER || collation_entry(collation) != NULL)
        return 1;
    if (current == NULL || current->needed == NULL)
        return 0;
    current->needed(current->user, vl_collation_name(collation));
    return collation_entry(collation) != NULL;
}

int
vl_collation_find(const char *name, size_t size)
{
    const vl_collators *current = collation_current;
    int number = collation_number(name, size);
    char asked[256];

    if (number >= 0)
        return vl_collation_is_there((vl_collation)number) ? number : -1;
    if (current == NULL || current->needed == NULL || size >= sizeof asked)
        return -1;
    memcpy(asked, name, size);
    asked[size] = 0;
    current->needed(current->user, asked);
    number = collation_number(name, size);
    return number >= 0 && collation_entry((vl_collation)number) != NULL ? number : -1;
}

int
vl_collation_compare(vl_collation collation, const void *left, size_t left_size, const void *right,
                     size_t right_size)
{
    const vl_collator *found = collation_entry(collation);
    size_t common = left_size < right_size ? left_size : right_size;
    int order;

    if (found != NULL)
        return found->compare(found->user, left_size, left_size == 0 ? "" : left, right_size,
                              right_size == 0 ? "" : right);
    order = common == 0 ? 0 : memcmp(left, right, common);
    return order != 0 ? order : (left_size > right_size) - (left_size < right_size);
}
