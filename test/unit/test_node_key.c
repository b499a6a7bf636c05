/* test_node_key.c - nodes of key trees against sorted arrays of whole keys. */
#include "base/bytes.h"
#include "base/latch.h"
#include "base/thread.h"
#include "lib/unit.h"
#include "storage/key.h"
#include "storage/node_key.h"

#include <stdlib.h>
#include <string.h>

#define MODEL_MAX   9000
#define TEST_RESTS  100000
#define TEST_MODES  8
#define TEST_TRIES  64
#define VALUE_BYTES 4096

/* The thread sanitizer makes all this twenty times slower and looks at the race only. */
#define TEST_STEPS (VL_TSAN ? 150U : 1500U)
#define TEST_LOADS (VL_TSAN ? 4U : 40U)

static const uint32_t test_page_sizes[] = {512, 1024, 4096, 16384, 65536};

/* A whole key; kept until the run ends. */
typedef struct blob {
    struct blob *next; /* made before it */
    uint32_t size;     /* of the key */
    uint8_t bytes[];   /* the key */
} blob;

typedef struct model_entry {
    const blob *key;     /* all of it */
    vl_pid rest;         /* of a long key: number in test_rests */
    vl_pid child;        /* of an inner node's entry */
    uint32_t value_size; /* of the value */
    uint32_t value_seed; /* byte i of the value is seed + i */
    int is_deleted;      /* as marked */
} model_entry;

/* What a node should hold. */
typedef struct model {
    model_entry entries[MODEL_MAX]; /* rising */
    uint32_t count;                 /* of entries */
    vl_pid first_child;             /* of an inner node, else 0 */
    model_entry low;                /* fence; only key and rest */
    model_entry high;               /* fence; an empty key: none */
} model;

/* All that a run uses. */
static struct {
    blob *pool;                    /* all keys */
    const blob *rests[TEST_RESTS]; /* what pages say holds the rest of a long key */
    uint32_t rest_count;           /* how many */
    vl_rng rng;                    /* of this run */
    uint32_t page_size;            /* of this run */
    uint32_t modes;                /* kinds of keys, a bit each */
    uint8_t *page;                 /* the node */
    uint8_t *right;                /* its right half */
    uint8_t *scratch;              /* for the functions */
    uint8_t *copy;                 /* the page before a step */
    uint8_t *buffer;               /* part_max bytes */
    model left_model;              /* of page */
    model right_model;             /* of right */
} run;

static const blob *
blob_make(const void *bytes, uint32_t size)
{
    blob *made = malloc(sizeof *made + size);

    if (made == NULL)
        exit(1);
    made->next = run.pool;
    made->size = size;
    if (size > 0)
        memcpy(made->bytes, bytes, size);
    run.pool = made;
    return made;
}

static void *
page_create(uint32_t page_size)
{
    void *page = aligned_alloc(VL_CACHE_LINE_SIZE, page_size);

    if (page == NULL)
        exit(1);
    memset(page, 0xa5, page_size);
    return page;
}

static void
run_begin(uint64_t seed, uint32_t page_size, uint32_t modes)
{
    memset(&run, 0, sizeof run);
    vl_rng_init(&run.rng, seed);
    run.page_size = page_size;
    run.modes = modes;
    run.rest_count = 1;
    run.page = page_create(page_size);
    run.right = page_create(page_size);
    run.scratch = page_create(page_size);
    run.copy = page_create(page_size);
    run.buffer = malloc(vl_node_key_part_max(page_size));
    if (run.buffer == NULL)
        exit(1);
}

static void
run_end(void)
{
    while (run.pool != NULL) {
        blob *next = run.pool->next;

        free(run.pool);
        run.pool = next;
    }
    free(run.page);
    free(run.right);
    free(run.scratch);
    free(run.copy);
    free(run.buffer);
}

static uint32_t
below(uint64_t bound)
{
    return (uint32_t)vl_rng_below(&run.rng, bound);
}

/* ---- keys ---- */

static uint32_t
put_random(uint8_t *to, uint32_t size, const char *alphabet, uint32_t letters)
{
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)alphabet[below(letters)];
    return size;
}

/* A key of one of the kinds that this run uses. */
static const blob *
random_key(void)
{
    static uint8_t bytes[VL_PAGE_MAX_SIZE];
    uint32_t part_max = vl_node_key_part_max(run.page_size);
    uint32_t size = 0;
    uint32_t mode;

    do
        mode = below(TEST_MODES);
    while ((run.modes & (1U << mode)) == 0);
    switch (mode) {
    case 0: /* few letters, all lengths */
        size = put_random(bytes, below(9), "\0\1a\377", 4);
        break;
    case 1: /* numbers */
        vl_store_be64(bytes, below(100000));
        size = 8;
        break;
    case 2: /* a shared beginning */
        memset(bytes, 's', 40);
        size = 40 + put_random(bytes + 40, below(12), "abcdefgh", 8);
        break;
    case 3: /* prefixes of each other */
        memset(bytes, 'p', part_max);
        size = below(part_max + 1);
        break;
    case 4: /* zeros and ones */
        memset(bytes, below(2) == 0 ? 0 : 0xff, 16);
        size = below(16);
        break;
    case 5: /* as long as possible, differing at the end */
        memset(bytes, 'm', part_max);
        size = part_max - below(3);
        (void)put_random(bytes + size - 4, 4, "xyz", 3);
        break;
    case 6: /* long ones, with equal parts or not */
        memset(bytes, 'l', (size_t)part_max + 16);
        bytes[below(3) == 0 ? part_max - 1 : 0] = (uint8_t)below(3);
        size = part_max + put_random(bytes + part_max, below(4), "ab", 2);
        break;
    default: /* random bytes */
        size = 1 + below(24);
        vl_rng_fill(&run.rng, bytes, size);
        break;
    }
    return blob_make(bytes, size);
}

static int
compare_blobs(const blob *a, const blob *b)
{
    return vl_key_compare(a->bytes, a->size, b->bytes, b->size);
}

static model_entry
entry_of(const blob *key)
{
    model_entry entry = {0};

    entry.key = key;
    if (key->size > vl_node_key_part_max(run.page_size) && run.rest_count < TEST_RESTS) {
        entry.rest = run.rest_count++;
        run.rests[entry.rest] = key;
    }
    return entry;
}

static vl_node_key
key_of(const model_entry *entry)
{
    vl_node_key key = vl_node_key_make(entry->key->bytes, entry->key->size);

    key.rest = entry->rest;
    return key;
}

/* Compare the rest of a key as a tree would, and note it. */
static void
note_tie(const blob *wanted, const vl_node_key_place *place, vl_node_key_tie *notes,
         vl_node_key_ties *ties)
{
    const blob *in_page = run.rests[place->tie_rest < TEST_RESTS ? place->tie_rest : 0];

    if (in_page == NULL || in_page->size != place->tie_total) {
        unit_failed(__FILE__, __LINE__, "a tie names no key");
        return;
    }
    notes[ties->count].rest = place->tie_rest;
    notes[ties->count].order = compare_blobs(wanted, in_page);
    ties->count++;
}

/* A search of a node, or whether it covers a key, with all ties settled. */
static vl_node_result
find_settled(const void *page, const blob *wanted, int covers, vl_node_key_place *place)
{
    vl_node_key key = vl_node_key_make(wanted->bytes, wanted->size);
    vl_node_key_tie notes[TEST_TRIES];
    vl_node_key_ties ties = {notes, 0};
    vl_node_result result = VL_NODE_TIE;

    while (result == VL_NODE_TIE && ties.count < TEST_TRIES && !unit_has_failed()) {
        result = covers ? vl_node_key_covers(page, run.page_size, &key, &ties, place)
                        : vl_node_key_find(page, run.page_size, &key, &ties, place);
        if (result == VL_NODE_TIE)
            note_tie(wanted, place, notes, &ties);
    }
    return result;
}

/* ---- the model ---- */

static uint32_t
model_bound(const model *m, const blob *key)
{
    uint32_t low = 0;
    uint32_t high = m->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (compare_blobs(m->entries[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int
model_has(const model *m, uint32_t index, const blob *key)
{
    return index < m->count && compare_blobs(m->entries[index].key, key) == 0;
}

static int
model_covers(const model *m, const blob *key)
{
    return compare_blobs(m->low.key, key) <= 0 &&
           (m->high.key->size == 0 || compare_blobs(key, m->high.key) < 0);
}

static void
model_insert(model *m, uint32_t index, const model_entry *entry)
{
    memmove(m->entries + index + 1, m->entries + index, (m->count - index) * sizeof m->entries[0]);
    m->entries[index] = *entry;
    m->count++;
}

static void
model_remove(model *m, uint32_t index)
{
    m->count--;
    memmove(m->entries + index, m->entries + index + 1, (m->count - index) * sizeof m->entries[0]);
}

static int
value_is(const model_entry *entry, const uint8_t *value)
{
    for (uint32_t i = 0; i < entry->value_size; i++)
        if (value[i] != (uint8_t)(entry->value_seed + i))
            return 0;
    return 1;
}

static const uint8_t *
value_of(const model_entry *entry)
{
    static uint8_t value[VALUE_BYTES];

    for (uint32_t i = 0; i < entry->value_size; i++)
        value[i] = (uint8_t)(entry->value_seed + i);
    return value;
}

static int
key_is(const vl_node_key *key, const model_entry *entry)
{
    uint32_t part_max = vl_node_key_part_max(run.page_size);
    uint32_t part = entry->key->size < part_max ? entry->key->size : part_max;

    return key->size == part && key->total_size == entry->key->size && key->rest == entry->rest &&
           memcmp(run.buffer, entry->key->bytes, part) == 0;
}

static int
entry_is(const void *page, uint32_t index, const model_entry *wanted)
{
    vl_node_key_entry entry = vl_node_key_entry_at(page, run.page_size, index, run.buffer);

    return key_is(&entry.key, wanted) && entry.value_size == wanted->value_size &&
           value_is(wanted, entry.value) && entry.child == wanted->child &&
           entry.is_deleted == wanted->is_deleted;
}

/* Whether a page is whole and holds what the model says. */
static int
page_is(const void *page, const model *m)
{
    uint32_t tombstones = 0;
    vl_node_key key;

    if (vl_node_key_fault(page, run.page_size) != NULL ||
        vl_node_key_count(page, run.page_size) != m->count ||
        vl_node_key_child(page, run.page_size, 0) != m->first_child)
        return 0;
    key = vl_node_key_low(page, run.page_size, run.buffer);
    if (!key_is(&key, &m->low))
        return 0;
    key = vl_node_key_high(page, run.page_size, run.buffer);
    if (!key_is(&key, &m->high))
        return 0;
    for (uint32_t i = 0; i < m->count; i++) {
        if (!entry_is(page, i, &m->entries[i]))
            return 0;
        tombstones += (uint32_t)m->entries[i].is_deleted;
    }
    return vl_node_key_tombstones(page) == tombstones &&
           vl_node_key_used_size(page, run.page_size) <= run.page_size;
}

/* Whether a page finds what the model does. */
static int
search_agrees(const void *page, const model *m, const blob *key)
{
    uint32_t index = model_bound(m, key);
    int is_there = model_has(m, index, key);
    int is_covered = model_covers(m, key);
    vl_node_key_place place;

    if (find_settled(page, key, 1, &place) != (is_covered ? VL_NODE_FOUND : VL_NODE_ABSENT))
        return 0;
    if (!is_covered)
        return 1;
    if (find_settled(page, key, 0, &place) != (is_there ? VL_NODE_FOUND : VL_NODE_ABSENT) ||
        place.index != index)
        return 0;
    if (m->first_child == 0)
        return place.child_pid == 0;
    index += (uint32_t)is_there;
    return place.child == index &&
           place.child_pid == (index > 0 ? m->entries[index - 1].child : m->first_child) &&
           vl_node_key_child(page, run.page_size, index) == place.child_pid;
}

/* Make the run's node: with open ends, or between two keys. */
static void
model_init(model *m, int is_inner)
{
    vl_node_id id = {7, is_inner ? 2U : 0U, 99};
    vl_node_key_fences fences;

    m->count = 0;
    m->first_child = is_inner ? 1000 : 0;
    m->low = entry_of(blob_make("", 0));
    m->high = m->low;
    if (below(2) == 0) {
        m->low = entry_of(random_key());
        m->high = entry_of(random_key());
        if (compare_blobs(m->low.key, m->high.key) > 0) {
            model_entry swapped = m->low;

            m->low = m->high;
            m->high = swapped;
        }
        if (compare_blobs(m->low.key, m->high.key) == 0)
            m->high = entry_of(blob_make("", 0));
    }
    fences.low = key_of(&m->low);
    fences.high = key_of(&m->high);
    vl_node_key_init(run.page, run.page_size, id, m->first_child, &fences);
}

static vl_node_key_entry
to_insert(const model_entry *entry)
{
    vl_node_key_entry made = {0};

    made.key = key_of(entry);
    made.value = value_of(entry);
    made.value_size = entry->value_size;
    made.child = entry->child;
    made.is_deleted = entry->is_deleted;
    return made;
}

static model_entry
random_entry(const model *m)
{
    model_entry entry = entry_of(random_key());

    if (m->first_child != 0) {
        entry.child = 2000 + below(100000);
        return entry;
    }
    entry.value_size = below(4) == 0 ? below(vl_node_key_value_max(run.page_size) + 1) : below(9);
    entry.value_seed = below(256);
    entry.is_deleted = below(8) == 0;
    return entry;
}

/* ---- steps ---- */

/* Whether the page is bit by bit what it was before the step. */
static int
page_is_unchanged(void)
{
    return memcmp(run.page, run.copy, run.page_size) == 0;
}

/* Check a cut: the separator lies between the neighbours, and is the shortest that does. */
static int
cut_is_right(const model *m, vl_node_result result, const vl_node_key_cut *cut,
             const blob *left_key, const blob *right_key)
{
    uint32_t part_max = vl_node_key_part_max(run.page_size);
    const vl_node_key *separator = &cut->separator;

    if (m->first_child != 0)
        return result == VL_NODE_DONE && key_is(separator, &m->entries[cut->at]);
    if (result == VL_NODE_TIE)
        return left_key->size >= part_max && right_key->size > part_max &&
               memcmp(left_key->bytes, right_key->bytes, part_max) == 0;
    return result == VL_NODE_DONE && separator->size == separator->total_size &&
           separator->size <= part_max &&
           vl_key_compare(left_key->bytes, left_key->size, separator->data, separator->size) < 0 &&
           vl_key_compare(separator->data, separator->size, right_key->bytes, right_key->size) <=
               0 &&
           vl_key_compare(separator->data, separator->size - 1, left_key->bytes, left_key->size) <=
               0;
}

static void
model_split(model *m, const vl_node_key_cut *cut, const model_entry *separator)
{
    model *right = &run.right_model;
    uint32_t from = cut->at;

    right->first_child = 0;
    if (m->first_child != 0)
        right->first_child = m->entries[from++].child;
    right->low = *separator;
    right->high = m->high;
    m->high = *separator;
    right->count = m->count - from;
    memcpy(right->entries, m->entries + from, right->count * sizeof right->entries[0]);
    m->count = cut->at;
}

static void
model_merge(model *m)
{
    const model *right = &run.right_model;

    if (m->first_child != 0) {
        model_entry middle = right->low;

        middle.child = right->first_child;
        m->entries[m->count++] = middle;
    }
    memcpy(m->entries + m->count, right->entries, right->count * sizeof right->entries[0]);
    m->count += right->count;
    m->high = right->high;
}

/* Split with a separator of the model's, look at both halves, and merge them again. */
static int
split_and_merge(model *m, const vl_node_key_cut *cut, const model_entry *separator)
{
    const blob *key = random_key();

    vl_node_key_split(run.page, run.right, run.scratch, run.page_size, 8, cut);
    model_split(m, cut, separator);
    if (!page_is(run.page, m) || !page_is(run.right, &run.right_model) ||
        !search_agrees(run.page, m, key) || !search_agrees(run.right, &run.right_model, key))
        return 0;
    if (!vl_node_key_can_merge(run.page, run.right, run.page_size) ||
        vl_node_key_merge(run.page, run.right, run.scratch, run.page_size) != VL_NODE_DONE)
        return 0;
    model_merge(m);
    return page_is(run.page, m);
}

static int
step_split(model *m, const model_entry *incoming)
{
    uint32_t index = model_bound(m, incoming->key);
    vl_node_key key = key_of(incoming);
    vl_node_key_cut cut;
    vl_node_result result;
    model_entry separator;
    const blob *left_key;
    const blob *right_key;

    if (m->count == 0 || model_has(m, index, incoming->key) || !model_covers(m, incoming->key))
        return 1;
    result = vl_node_key_split_point(run.page, run.page_size, index,
                                     m->first_child == 0 ? &key : NULL, run.buffer, &cut);
    left_key = cut.at > 0 ? m->entries[cut.at - 1].key : incoming->key;
    right_key = cut.at < m->count ? m->entries[cut.at].key : incoming->key;
    if (!cut_is_right(m, result, &cut, left_key, right_key))
        return 0;
    if (result == VL_NODE_TIE || m->first_child != 0) {
        separator = result == VL_NODE_TIE ? entry_of(right_key) : m->entries[cut.at];
        separator.child = 0;
        cut.separator = key_of(&separator);
    } else {
        separator = entry_of(blob_make(cut.separator.data, cut.separator.size));
        cut.separator = key_of(&separator); /* the buffer is used again below */
    }
    return split_and_merge(m, &cut, &separator);
}

static int
step_insert(model *m)
{
    model_entry entry = random_entry(m);
    uint32_t index = model_bound(m, entry.key);
    vl_node_key_entry made = to_insert(&entry);
    vl_node_result result;

    if (model_has(m, index, entry.key) || !model_covers(m, entry.key) ||
        (m->first_child != 0 && compare_blobs(entry.key, m->low.key) == 0))
        return 1;
    memcpy(run.copy, run.page, run.page_size);
    result = vl_node_key_insert(run.page, run.scratch, run.page_size, index, &made);
    if (result == VL_NODE_DONE) {
        model_insert(m, index, &entry);
        return 1;
    }
    if (result != VL_NODE_FULL || !page_is_unchanged() || m->count == 0)
        return 0;
    return step_split(m, &entry);
}

static int
step_replace(model *m, uint32_t index)
{
    model_entry entry = m->entries[index];
    vl_node_result result;

    entry.value_size = below(3) == 0 ? below(vl_node_key_value_max(run.page_size) + 1) : below(9);
    entry.value_seed = below(256);
    memcpy(run.copy, run.page, run.page_size);
    result = vl_node_key_replace(run.page, run.scratch, run.page_size, index, value_of(&entry),
                                 entry.value_size);
    if (result == VL_NODE_FULL)
        return page_is_unchanged() && entry.value_size > m->entries[index].value_size;
    m->entries[index] = entry;
    return result == VL_NODE_DONE;
}

static void
step_remove(model *m, uint32_t index)
{
    if (m->first_child == 0 || below(4) != 0) {
        vl_node_key_remove(run.page, run.page_size, index);
        model_remove(m, index);
        return;
    }
    vl_node_key_remove_child(run.page, run.page_size, index); /* child, not separator */
    if (index == 0)
        m->first_child = m->entries[0].child;
    model_remove(m, index > 0 ? index - 1 : 0);
}

static void
step_inner_or_mark(model *m, uint32_t index)
{
    if (m->first_child != 0) {
        m->entries[index].child = 3000 + below(50);
        vl_node_key_set_child(run.page, run.page_size, index + 1, m->entries[index].child);
        m->first_child = 3100 + below(50);
        vl_node_key_set_child(run.page, run.page_size, 0, m->first_child);
        return;
    }
    m->entries[index].is_deleted = (int)below(2);
    vl_node_key_mark(run.page, run.page_size, index, m->entries[index].is_deleted);
}

static int
step_any(model *m, int is_growing)
{
    uint32_t dice = below(100);
    uint32_t index = m->count > 0 ? below(m->count) : 0;
    model_entry incoming;

    if (dice < (is_growing ? 70U : 25U) || m->count == 0)
        return step_insert(m);
    if (dice < 80) {
        step_remove(m, index);
        return 1;
    }
    if (dice < 88 && m->first_child == 0)
        return step_replace(m, index);
    if (dice < 95) {
        step_inner_or_mark(m, index);
        return 1;
    }
    if (dice < 97) {
        vl_node_key_compact(run.page, run.scratch, run.page_size);
        return 1;
    }
    incoming = random_entry(m);
    return step_split(m, &incoming);
}

static int
run_model(uint64_t seed, uint32_t page_size, int is_inner, uint32_t steps)
{
    model *m = &run.left_model;
    uint32_t check_each = page_size <= 1024 ? 1 : page_size / 128;
    int is_right = 1;

    run_begin(seed, page_size, 1U << (seed % TEST_MODES));
    if (seed / TEST_MODES % 2 == 1)
        run.modes = 1 + below((1U << TEST_MODES) - 1);
    model_init(m, is_inner);
    for (uint32_t i = 0; i < steps && is_right; i++) {
        is_right = step_any(m, (i / 300) % 2 == 0);
        if (i % check_each == 0)
            is_right = is_right && page_is(run.page, m);
        is_right = is_right && search_agrees(run.page, m, random_key());
        if (m->count > 0)
            is_right = is_right && search_agrees(run.page, m, m->entries[below(m->count)].key);
    }
    is_right = is_right && page_is(run.page, m);
    run_end();
    return is_right;
}

static void
run_models(int is_inner)
{
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(test_page_sizes); i++) {
        uint32_t page_size = test_page_sizes[i];
        uint64_t seeds = page_size <= 1024 ? 48 : 16;

        for (uint64_t seed = 0; seed < seeds; seed++) {
            if (run_model(unit_seed() / 16 * 16 + seed, page_size, is_inner, TEST_STEPS))
                continue;
            unit_failed(__FILE__, __LINE__, "page size %u, run %u", page_size, (unsigned)seed);
            return;
        }
    }
}

static void
node_key_leaf_follows_model(void)
{
    run_models(0);
}

static void
node_key_inner_follows_model(void)
{
    run_models(1);
}

/* ---- single facts ---- */

/* An open leaf of 512 bytes for tests of a few entries. */
static void
small_begin(uint32_t page_size, int is_inner)
{
    run_begin(1, page_size, 1);
    run.left_model.low = entry_of(blob_make("", 0));
    run.left_model.high = run.left_model.low;
    {
        vl_node_id id = {7, is_inner ? 1U : 0U, 99};
        vl_node_key_fences fences = {key_of(&run.left_model.low), key_of(&run.left_model.high)};

        vl_node_key_init(run.page, page_size, id, is_inner ? 1000 : 0, &fences);
    }
}

/* Insert a key where it belongs: result of the insertion. */
static vl_node_result
small_insert(const void *bytes, uint32_t size, vl_pid child)
{
    vl_node_key_entry entry = {0};
    vl_node_key_place place;

    entry.key = vl_node_key_make(bytes, size);
    entry.child = child;
    if (vl_node_key_find(run.page, run.page_size, &entry.key, NULL, &place) != VL_NODE_ABSENT)
        return VL_NODE_FOUND;
    return vl_node_key_insert(run.page, run.scratch, run.page_size, place.index, &entry);
}

static void
node_key_limits(void)
{
    CHECK_EQ(vl_node_key_part_max(512), 104);
    CHECK_EQ(vl_node_key_part_max(1024), 256);
    CHECK_EQ(vl_node_key_part_max(4096), 1024);
    CHECK_EQ(vl_node_key_part_max(16384), 4096);
    CHECK_EQ(vl_node_key_part_max(65536), 16384);
    CHECK_EQ(vl_node_key_value_max(16384), 1024);
}

/* Two longest fences that share nothing, long ones, and a longest long entry with a value. */
static void
node_key_longest_entry_fits_longest_fences(void)
{
    static uint8_t keys[3][VL_PAGE_MAX_SIZE / 4 + 5];

    for (uint32_t i = 0; i < VL_ARRAY_COUNT(test_page_sizes); i++) {
        uint32_t page_size = test_page_sizes[i];
        uint32_t size = vl_node_key_part_max(page_size) + 5;
        vl_node_id id = {7, 0, 1};
        vl_node_key_fences fences;
        vl_node_key_entry entry = {0};

        run_begin(1, page_size, 1);
        for (int k = 0; k < 3; k++)
            memset(keys[k], 'a' + k, size);
        fences.low = vl_node_key_make(keys[0], size);
        fences.high = vl_node_key_make(keys[2], size);
        fences.low.rest = fences.high.rest = 5;
        entry.key = vl_node_key_make(keys[1], size);
        entry.key.rest = 6;
        entry.value = run.copy;
        entry.value_size = vl_node_key_value_max(page_size);
        vl_node_key_init(run.page, page_size, id, 0, &fences);
        CHECK_EQ(vl_node_key_insert(run.page, run.scratch, page_size, 0, &entry), VL_NODE_DONE);
        CHECK(vl_node_key_fault(run.page, page_size) == NULL);
        run_end();
    }
}

/* 64 KiB pages: the heap grows to its very limit. */
static void
node_key_numbers_of_16_bits_suffice(void)
{
    uint8_t key[2];
    uint32_t count = 0;

    small_begin(65536, 0);
    for (uint32_t i = 0; i < 65536; i++) {
        key[0] = (uint8_t)(i >> 8);
        key[1] = (uint8_t)i;
        if (small_insert(key, 2, 0) != VL_NODE_DONE)
            break;
        count++;
    }
    CHECK(count > 7000);
    CHECK(vl_node_key_fault(run.page, 65536) == NULL);
    CHECK(vl_node_key_used_size(run.page, 65536) <= 65536);
    while (vl_node_key_count(run.page, 65536) > 0)
        vl_node_key_remove(run.page, 65536, vl_node_key_count(run.page, 65536) / 2);
    CHECK(vl_node_key_fault(run.page, 65536) == NULL);
    vl_node_key_compact(run.page, run.scratch, 65536);
    CHECK_EQ(vl_node_key_used_size(run.page, 65536), 64 + 64);
    {
        static uint8_t big[16384];
        vl_node_key_entry entry = {0};

        for (uint32_t i = 0; i < 3; i++) {
            big[0] = (uint8_t)(i + 1);
            entry.key = vl_node_key_make(big, sizeof big);
            entry.value = run.copy;
            entry.value_size = 4096;
            CHECK_EQ(vl_node_key_insert(run.page, run.scratch, 65536, i, &entry), VL_NODE_DONE);
        }
        entry.value_size = 3900;
        big[0]++;
        CHECK_EQ(vl_node_key_insert(run.page, run.scratch, 65536, 3, &entry), VL_NODE_FULL);
    }
    CHECK(vl_node_key_fault(run.page, 65536) == NULL);
    run_end();
}

static void
node_key_fences_cut_the_prefix(void)
{
    vl_node_id id = {7, 0, 99};
    vl_node_key_fences fences = {vl_node_key_make("prefix-a", 8), vl_node_key_make("prefix-c", 8)};
    vl_node_key key = vl_node_key_make("prefix-b", 8);
    vl_node_key_place place;

    run_begin(1, 512, 1);
    vl_node_key_init(run.page, 512, id, 0, &fences);
    CHECK_EQ(vl_node_key_used_size(run.page, 512), 64 + 64 + 9);
    CHECK_EQ(small_insert("prefix-b", 8, 0), VL_NODE_DONE);
    CHECK_EQ(vl_node_key_used_size(run.page, 512), 64 + 64 + 9 + 4 + 1);
    CHECK_EQ(vl_node_key_find(run.page, 512, &key, NULL, &place), VL_NODE_FOUND);
    CHECK_EQ(vl_node_key_covers(run.page, 512, &key, NULL, &place), VL_NODE_FOUND);
    CHECK_EQ(vl_node_key_covers(run.page, 512, &fences.low, NULL, &place), VL_NODE_FOUND);
    CHECK_EQ(vl_node_key_covers(run.page, 512, &fences.high, NULL, &place), VL_NODE_ABSENT);
    key = vl_node_key_make("prefix", 6);
    CHECK_EQ(vl_node_key_covers(run.page, 512, &key, NULL, &place), VL_NODE_ABSENT);
    CHECK(vl_node_key_fault(run.page, 512) == NULL);
    run_end();
}

/* Keys whose heads are equal but for what fills them up. */
static void
node_key_zeros_behind_short_keys_are_no_bytes(void)
{
    static const char zeros[8] = {0};
    vl_node_key_place place;

    small_begin(512, 0);
    for (uint32_t size = 8; size-- > 0;)
        CHECK_EQ(small_insert(zeros, size, 0), VL_NODE_DONE);
    CHECK_EQ(small_insert("\377\377\377\377", 4, 0), VL_NODE_DONE);
    CHECK_EQ(small_insert("\377\377\377\377\377", 5, 0), VL_NODE_DONE);
    CHECK_EQ(small_insert("\377\377\377", 3, 0), VL_NODE_DONE);
    for (uint32_t size = 0; size < 8; size++) {
        vl_node_key key = vl_node_key_make(zeros, size);

        CHECK_EQ(vl_node_key_find(run.page, 512, &key, NULL, &place), VL_NODE_FOUND);
        CHECK_EQ(place.index, size);
    }
    CHECK(vl_node_key_fault(run.page, 512) == NULL);
    run_end();
}

static void
node_key_tie_is_reported_and_settled(void)
{
    uint32_t size = vl_node_key_part_max(512) + 3;
    uint8_t bytes[256];
    vl_node_key_entry entry = {0};
    vl_node_key_tie notes[1] = {{77, 1}};
    vl_node_key_ties ties = {notes, 1};
    vl_node_key_place place;

    small_begin(512, 0);
    memset(bytes, 'k', sizeof bytes);
    entry.key = vl_node_key_make(bytes, size);
    entry.key.rest = 77;
    CHECK_EQ(vl_node_key_insert(run.page, run.scratch, 512, 0, &entry), VL_NODE_DONE);
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, NULL, &place), VL_NODE_TIE);
    CHECK_EQ(place.index, 0);
    CHECK_EQ(place.tie_rest, 77);
    CHECK_EQ(place.tie_total, size);
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, &ties, &place), VL_NODE_ABSENT);
    CHECK_EQ(place.index, 1);
    notes[0].order = -1;
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, &ties, &place), VL_NODE_ABSENT);
    CHECK_EQ(place.index, 0);
    notes[0].order = 0;
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, &ties, &place), VL_NODE_FOUND);
    entry.key = vl_node_key_make(bytes, size - 3); /* all of the part: below every long one */
    CHECK_EQ(vl_node_key_find(run.page, 512, &entry.key, NULL, &place), VL_NODE_ABSENT);
    CHECK_EQ(place.index, 0);
    run_end();
}

static void
node_key_right_edge_split_opens_fresh_leaf(void)
{
    vl_node_key_cut cut;
    vl_node_key incoming;
    uint8_t key[8];
    uint32_t count = 0;

    small_begin(4096, 0);
    for (;; count++) {
        vl_store_be64(key, count);
        if (small_insert(key, 8, 0) != VL_NODE_DONE)
            break;
    }
    incoming = vl_node_key_make(key, 8);
    vl_node_key_remove(run.page, 4096, 0); /* space for the separator */
    count--;
    CHECK_EQ(vl_node_key_split_point(run.page, 4096, count, &incoming, run.buffer, &cut),
             VL_NODE_DONE);
    CHECK_EQ(cut.at, count);
    CHECK_EQ(cut.separator.size, 8);
    vl_node_key_split(run.page, run.right, run.scratch, 4096, 9, &cut);
    CHECK_EQ(vl_node_key_count(run.page, 4096), count);
    CHECK_EQ(vl_node_key_count(run.right, 4096), 0);
    CHECK(vl_node_key_fault(run.page, 4096) == NULL);
    CHECK(vl_node_key_fault(run.right, 4096) == NULL);
    CHECK_EQ(vl_node_key_merge(run.page, run.right, run.scratch, 4096), VL_NODE_DONE);
    CHECK_EQ(vl_node_key_split_point(run.page, 4096, 5, &incoming, run.buffer, &cut), VL_NODE_DONE);
    CHECK(cut.at > count / 3 && cut.at < count * 2 / 3);
    run_end();
}

/* A page whose keys have a shorter separator off the middle is cut there. */
static void
node_key_split_prefers_short_separators(void)
{
    char key[16] = "aaaaaaaaaaaaaaa";
    vl_node_key incoming = vl_node_key_make("x", 1);
    vl_node_key_cut cut;

    small_begin(1024, 0);
    for (uint32_t i = 0; i < 20; i++) {
        key[0] = i < 11 ? 'a' : 'b';
        key[12] = (char)('A' + i);
        CHECK_EQ(small_insert(key, 15, 0), VL_NODE_DONE);
    }
    CHECK_EQ(vl_node_key_split_point(run.page, 1024, 3, &incoming, run.buffer, &cut), VL_NODE_DONE);
    CHECK_EQ(cut.at, 11);
    CHECK_EQ(cut.separator.size, 1);
    CHECK_EQ(cut.separator.data[0], 'b');
    run_end();
}

static void
node_key_merge_that_does_not_fit_changes_nothing(void)
{
    vl_node_key_cut cut;
    vl_node_key incoming = vl_node_key_make("x", 1);
    uint8_t key[8];
    uint32_t at;

    small_begin(512, 0);
    for (uint32_t i = 0; i < 20; i++) {
        vl_store_be64(key, (uint64_t)i * 100);
        (void)small_insert(key, 8, 0);
    }
    CHECK_EQ(vl_node_key_split_point(run.page, 512, 3, &incoming, run.buffer, &cut), VL_NODE_DONE);
    vl_node_key_split(run.page, run.right, run.scratch, 512, 9, &cut);
    at = vl_node_key_count(run.page, 512);
    for (uint32_t i = 1; i < 40; i++) {
        vl_store_be64(key, i);
        (void)small_insert(key, 8, 0);
    }
    CHECK(vl_node_key_count(run.page, 512) > at);
    memcpy(run.copy, run.page, 512);
    CHECK_EQ(vl_node_key_merge(run.page, run.right, run.scratch, 512), VL_NODE_FULL);
    CHECK(page_is_unchanged());
    run_end();
}

static void
node_key_root_grows_in_place(void)
{
    vl_node_key_place place;
    vl_node_key key = vl_node_key_make("m", 1);

    small_begin(512, 0);
    CHECK_EQ(small_insert("k", 1, 0), VL_NODE_DONE);
    memcpy(run.copy, run.page, 512);
    vl_node_key_grow(run.page, run.right, run.scratch, 512, 55);
    CHECK(vl_node_key_fault(run.page, 512) == NULL);
    CHECK(vl_node_key_fault(run.right, 512) == NULL);
    CHECK_EQ(((const vl_page_header *)(void *)run.page)->level, 1);
    CHECK_EQ(((const vl_page_header *)(void *)run.page)->pid, 7);
    CHECK_EQ(((const vl_page_header *)(void *)run.right)->pid, 55);
    CHECK_EQ(vl_node_key_find(run.page, 512, &key, NULL, &place), VL_NODE_ABSENT);
    CHECK_EQ(place.child_pid, 55);
    CHECK_EQ(vl_node_key_count(run.right, 512), 1);
    run_end();
}

/* ---- bulk building ---- */

static int
compare_entries(const void *a, const void *b)
{
    return compare_blobs(((const model_entry *)a)->key, ((const model_entry *)b)->key);
}

/* Sorted distinct keys in the left model; returns how many. */
static uint32_t
make_sorted(uint32_t count, int is_inner)
{
    model *m = &run.left_model;
    uint32_t kept = 0;

    m->first_child = is_inner ? 1 : 0;
    for (uint32_t i = 0; i < count; i++)
        m->entries[i] = random_entry(m);
    qsort(m->entries, count, sizeof m->entries[0], compare_entries);
    for (uint32_t i = 0; i < count; i++)
        if (m->entries[i].key->size > 0 &&
            (kept == 0 || compare_blobs(m->entries[kept - 1].key, m->entries[i].key) != 0))
            m->entries[kept++] = m->entries[i];
    m->count = kept;
    return kept;
}

/* Check one page of a bulk load against the entries it took. */
static int
built_page_is_right(const vl_node_key_load *load, uint32_t from, uint32_t taken)
{
    const model *m = &run.left_model;

    if (vl_node_key_fault(run.page, run.page_size) != NULL ||
        vl_node_key_count(run.page, run.page_size) != taken ||
        vl_node_key_child(run.page, run.page_size, 0) != load->first_child)
        return 0;
    for (uint32_t i = 0; i < taken; i++)
        if (!entry_is(run.page, i, &m->entries[from + i]))
            return 0;
    return 1;
}

/* Load all entries into pages; returns the number of pages, 0 when something is wrong. */
static uint32_t
build_all(const vl_node_key_entry *entries, uint32_t count, int is_inner, uint32_t fill_size)
{
    static uint8_t low[VL_PAGE_MAX_SIZE / 4];
    vl_node_key_load load = {
        {7, is_inner ? 3U : 0U, 9}, is_inner ? 500U : 0U, {{0}, {0}}, entries, count, fill_size};
    uint32_t pages = 0;
    uint32_t from = 0;

    for (;; pages++) {
        vl_node_key separator;
        uint32_t taken;

        load.entries = entries + from;
        load.count = count - from;
        if (vl_node_key_build(run.page, run.page_size, &load, run.buffer, &separator, &taken) !=
            VL_NODE_DONE)
            return 0;
        if (separator.size > 0)
            memcpy(low, separator.data, separator.size);
        if (!built_page_is_right(&load, from, taken))
            return 0;
        from += taken;
        if (from == count)
            return pages + 1;
        load.fences.low = separator;
        load.fences.low.data = low;
        if (is_inner)
            load.first_child = entries[from++].child;
    }
}

static void
node_key_bulk_build_takes_all(void)
{
    static vl_node_key_entry entries[3000];
    static uint8_t value[VALUE_BYTES];

    for (uint32_t seed = 0; seed < TEST_LOADS; seed++) {
        uint32_t page_size = test_page_sizes[seed % VL_ARRAY_COUNT(test_page_sizes)];
        int is_inner = (int)(seed & 1);
        uint32_t count;
        uint32_t pages;

        run_begin(unit_seed() + seed, page_size, 0x9f); /* no long keys, no longest */
        count = make_sorted(3000, is_inner);
        for (uint32_t i = 0; i < count; i++) {
            run.left_model.entries[i].value_seed = 0;
            entries[i] = to_insert(&run.left_model.entries[i]);
            entries[i].value = value;
        }
        for (uint32_t i = 0; i < VALUE_BYTES; i++)
            value[i] = (uint8_t)i;
        pages = build_all(entries, count, is_inner, page_size);
        CHECK(pages > 0);
        CHECK(build_all(entries, count, is_inner, page_size * 2 / 3) >= pages);
        run_end();
    }
}

/* ---- damage ---- */

/* Run every optimistic function: with the address sanitizer, a proof that they stay inside. */
static int
optimistic_reads_end(const uint8_t *page)
{
    vl_node_key_place place;
    uint64_t sum = 0;

    for (int i = 0; i < 6; i++) {
        uint8_t bytes[64];
        vl_node_key key;
        uint32_t count = vl_node_key_count(page, run.page_size);

        vl_rng_fill(&run.rng, bytes, sizeof bytes);
        if (i % 2 == 0 && count > 0) { /* a head that is there */
            vl_node_key_entry entry =
                vl_node_key_entry_at(page, run.page_size, below(count), run.buffer);
            uint32_t size = entry.key.size < 64 ? entry.key.size : 64;

            memcpy(bytes, run.buffer, size);
        }
        key = vl_node_key_make(bytes, below(65));
        if (i == 5)
            key.total_size = 100000;
        key.size = key.size < vl_node_key_part_max(run.page_size) ? key.size : 64;
        (void)vl_node_key_covers(page, run.page_size, &key, NULL, &place);
        (void)vl_node_key_find(page, run.page_size, &key, NULL, &place);
        if (place.index > count)
            return 0;
        sum += place.child_pid;
        sum += vl_node_key_child(page, run.page_size, (uint32_t)vl_rng_next(&run.rng));
        sum += vl_node_key_low(page, run.page_size, run.buffer).size;
        sum += vl_node_key_high(page, run.page_size, run.buffer).size;
    }
    return sum != 1;
}

/* What a page that passed the check allows: all entries can be read and found, and it can be
 * changed. */
static int
whole_page_works(uint8_t *page)
{
    uint32_t count = vl_node_key_count(page, run.page_size);
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        vl_node_key_entry entry = vl_node_key_entry_at(page, run.page_size, i, run.buffer);
        vl_node_key_place place;
        const uint8_t *value = entry.value;

        if (entry.key.rest == 0 &&
            (vl_node_key_find(page, run.page_size, &entry.key, NULL, &place) != VL_NODE_FOUND ||
             place.index != i))
            return 0;
        for (uint32_t k = 0; k < entry.value_size; k++)
            sum += value[k];
    }
    vl_node_key_compact(page, run.scratch, run.page_size);
    if (count > 0)
        vl_node_key_remove(page, run.page_size, count / 2);
    return sum != 1 && vl_node_key_fault(page, run.page_size) == NULL;
}

static void
fill_for_damage(int is_inner, uint32_t steps)
{
    model_init(&run.left_model, is_inner);
    for (uint32_t i = 0; i < steps; i++)
        (void)step_any(&run.left_model, 1);
}

static void
node_key_damage_is_found_or_harmless(void)
{
    for (uint32_t k = 0; k < 12; k++) {
        uint32_t page_size = k % 3 == 2 ? 4096 : 512;

        run_begin(unit_seed() + k, page_size, k < 6 ? 0xdd : 1U << (k - 4));
        fill_for_damage((int)(k & 1), 200);
        CHECK(page_is(run.page, &run.left_model));
        memcpy(run.copy, run.page, page_size);
        for (uint32_t i = 0; i < page_size * (page_size == 512 ? 4 : 1); i++) {
            memcpy(run.page, run.copy, page_size);
            run.page[i % page_size] ^= (uint8_t)(1 + below(255));
            CHECK(optimistic_reads_end(run.page));
            if (vl_node_key_fault(run.page, page_size) == NULL)
                CHECK(whole_page_works(run.page));
        }
        run_end();
    }
}

static void
node_key_random_bytes_are_harmless(void)
{
    for (uint32_t k = 0; k < 3; k++) {
        run_begin(unit_seed() + k, k == 0 ? 512U : k == 1 ? 4096U : 65536U, 1);
        for (uint32_t i = 0; i < (k == 2 ? 100U : 1500U); i++) {
            vl_rng_fill(&run.rng, run.page, run.page_size);
            run.page[0] = (uint8_t)(VL_PAGE_KEY_LEAF + below(2));
            if (below(2) == 0) /* few heads, so that searches come to the slots */
                memset(run.page + 64, (int)below(256), run.page_size / 3);
            CHECK(optimistic_reads_end(run.page));
            CHECK(vl_node_key_fault(run.page, run.page_size) != NULL);
        }
        run_end();
    }
}

/* Each rule that the check knows, broken alone, in a leaf with keys k1, k2 with values. */
static void
node_key_fault_names_what_is_wrong(void)
{
    static const struct {
        uint32_t at;      /* offset of the byte */
        uint8_t value;    /* put there */
        const char *text; /* expected */
    } cases[] = {
        {0, VL_PAGE_TABLE_LEAF, "not a node of a key tree"},
        {1, 1, "impossible level"},
        {3, 1, "unused bytes are not zero"},
        {4, 1, "heads behind the last entry"},
        {4, 17, "impossible number of entries"},
        {8, 0, "impossible page number"},
        {24, 17, "impossible number of entries"},
        {24, 0, "impossible number of entries"},
        {26, 0, "impossible heap"},
        {27, 2, "impossible heap"},
        {28, 1, "heap does not add up"},
        {30, 1, "wrong count of tombstones"},
        {32, 3, "fences out of order"},
        {34, 255, "impossible fence"},
        {38, 1, "unused bytes are not zero"},
        {40, 1, "impossible child"},
        {44, 1, "impossible fence"},
        {48, 1, "impossible fence"},
        {52, 1, "impossible fence"},
        {63, 1, "unused bytes are not zero"},
        {64, 1, "head is not filled up with zeros"},
        {66, 0xff, "keys out of order"},
        {71, 0, "keys out of order"},
        {64 + 8, 0, "heads behind the last entry"},
        {128, 0, "record outside of the heap"},
        {130, 200, "impossible key size"},
        {131, 0x80, "wrong count of tombstones"},
        {511, 'x', "prefix is not what the fences share"},
        {511, 'z', "fences out of order"},
    };

    run_begin(1, 512, 1);
    {
        vl_node_id id = {7, 0, 99};
        vl_node_key_fences fences = {vl_node_key_make("abc", 3), vl_node_key_make("abx", 3)};

        vl_node_key_init(run.page, 512, id, 0, &fences);
    }
    CHECK_EQ(small_insert("abd1", 4, 0), VL_NODE_DONE);
    CHECK_EQ(small_insert("abd2", 4, 0), VL_NODE_DONE);
    for (uint32_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        uint8_t old = run.page[cases[i].at];
        const char *fault;

        CHECK(vl_node_key_fault(run.page, 512) == NULL);
        run.page[cases[i].at] = cases[i].value;
        fault = vl_node_key_fault(run.page, 512);
        if (fault == NULL)
            fault = "nothing";
        if (strcmp(fault, cases[i].text) != 0)
            unit_failed(__FILE__, __LINE__, "byte %u: \"%s\", not \"%s\"", cases[i].at, fault,
                        cases[i].text);
        run.page[cases[i].at] = old;
    }
    run_end();
}

/* ---- a reader beside a writer ---- */

#define RACE_KEYS 4000

static struct {
    vl_latch latch;         /* guards run.page, an inner node: child = number of its key + 2000 */
    _Atomic uint32_t stop;  /* 1: the writer has ended */
    _Atomic uint32_t wrong; /* reads that were confirmed and yet untrue */
    _Atomic uint32_t right; /* reads that were confirmed */
} race;

/* Keys that share heads and tails in parts; returns the size. */
static uint32_t
race_key(uint32_t number, uint8_t *bytes)
{
    memset(bytes, 'r', 12);
    bytes[0] = (uint8_t)(number / 1000);
    bytes[10] = (uint8_t)(number / 10 % 100);
    bytes[11] = (uint8_t)(number % 10);
    return 12;
}

static void
race_read(void *argument)
{
    uint32_t page_size = run.page_size;
    vl_rng rng;

    (void)argument;
    vl_rng_init(&rng, 5);
    while (atomic_load_explicit(&race.stop, memory_order_acquire) == 0) {
        uint32_t number = (uint32_t)vl_rng_below(&rng, RACE_KEYS);
        uint8_t bytes[16];
        vl_node_key key = vl_node_key_make(bytes, race_key(number, bytes));
        uint64_t version = vl_latch_read_begin(&race.latch);
        vl_node_key_place place;
        vl_node_result result = vl_node_key_find(run.page, page_size, &key, NULL, &place);
        vl_pid next = vl_node_key_child(run.page, page_size, place.child + 1);
        uint32_t count = vl_node_key_count(run.page, page_size);

        if (!vl_latch_read_end(&race.latch, version))
            continue;
        atomic_fetch_add_explicit(&race.right, 1, memory_order_relaxed);
        if (place.child_pid > number + 2000 ||
            (result == VL_NODE_FOUND) != (place.child_pid == number + 2000) ||
            (place.child < count && next <= number + 2000))
            atomic_fetch_add_explicit(&race.wrong, 1, memory_order_relaxed);
    }
}

static int
race_write(void)
{
    uint32_t count = vl_node_key_count(run.page, run.page_size);
    uint32_t number = below(RACE_KEYS);
    uint8_t bytes[16];
    vl_node_key_entry entry = {0};
    vl_node_key_place place;
    vl_node_key_cut cut;

    if (count > 0 && (count > 250 || below(2) == 0)) {
        vl_node_key_remove(run.page, run.page_size, below(count));
        return 1;
    }
    if (count > 2 && below(20) == 0) { /* writes every byte anew, twice */
        if (vl_node_key_split_point(run.page, run.page_size, 1, NULL, run.buffer, &cut) !=
            VL_NODE_DONE)
            return 0;
        vl_node_key_split(run.page, run.right, run.scratch, run.page_size, 9, &cut);
        return vl_node_key_merge(run.page, run.right, run.scratch, run.page_size) == VL_NODE_DONE;
    }
    entry.key = vl_node_key_make(bytes, race_key(number, bytes));
    entry.child = number + 2000;
    if (vl_node_key_find(run.page, run.page_size, &entry.key, NULL, &place) == VL_NODE_FOUND)
        return 1;
    return vl_node_key_insert(run.page, run.scratch, run.page_size, place.index, &entry) !=
           VL_NODE_TIE;
}

static void
node_key_optimistic_reader_beside_writer(void)
{
    vl_thread thread = {0};
    int is_right = 1;

    memset(&race, 0, sizeof race);
    vl_latch_init(&race.latch, VL_RANK_NONE);
    small_begin(8192, 1);
    CHECK_OK(vl_thread_start(unit_ctx(), &thread, "reader", race_read, NULL));
    for (uint32_t i = 0; i < 40000 && is_right; i++) {
        vl_latch_acquire_exclusive(&race.latch);
        is_right = race_write();
        vl_latch_release_exclusive(&race.latch);
        if (i % 64 == 0)
            vl_thread_yield();
    }
    for (uint32_t i = 0;
         i < 1000000 && atomic_load_explicit(&race.right, memory_order_relaxed) == 0; i++)
        vl_thread_yield();
    atomic_store_explicit(&race.stop, 1, memory_order_release);
    vl_thread_join(&thread);
    CHECK(is_right);
    CHECK_EQ(atomic_load_explicit(&race.wrong, memory_order_relaxed), 0);
    CHECK(atomic_load_explicit(&race.right, memory_order_relaxed) > 0);
    CHECK(vl_node_key_fault(run.page, run.page_size) == NULL);
    run_end();
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(node_key_leaf_follows_model),
        UNIT_TEST(node_key_inner_follows_model),
        UNIT_TEST(node_key_limits),
        UNIT_TEST(node_key_longest_entry_fits_longest_fences),
        UNIT_TEST(node_key_numbers_of_16_bits_suffice),
        UNIT_TEST(node_key_fences_cut_the_prefix),
        UNIT_TEST(node_key_zeros_behind_short_keys_are_no_bytes),
        UNIT_TEST(node_key_tie_is_reported_and_settled),
        UNIT_TEST(node_key_right_edge_split_opens_fresh_leaf),
        UNIT_TEST(node_key_split_prefers_short_separators),
        UNIT_TEST(node_key_merge_that_does_not_fit_changes_nothing),
        UNIT_TEST(node_key_root_grows_in_place),
        UNIT_TEST(node_key_bulk_build_takes_all),
        UNIT_TEST(node_key_damage_is_found_or_harmless),
        UNIT_TEST(node_key_random_bytes_are_harmless),
        UNIT_TEST(node_key_fault_names_what_is_wrong),
        UNIT_TEST(node_key_optimistic_reader_beside_writer),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
