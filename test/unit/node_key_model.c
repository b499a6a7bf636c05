/* node_key_model.c - random keys, a model of a key node, and operations on both. */
#include "unit/node_key_model.h"

#include "base/bytes.h"
#include "lib/unit.h"
#include "storage/key.h"

#include <stdlib.h>
#include <string.h>

/* Ties that a search may meet. */
#define TEST_TRIES 64

model_run run;

const blob *
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

void *
page_create(uint32_t page_size)
{
    void *page = aligned_alloc(VL_CACHE_LINE_SIZE, page_size);

    if (page == NULL)
        exit(1);
    memset(page, 0xa5, page_size);
    return page;
}

void
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

void
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

uint32_t
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

const blob *
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

int
compare_blobs(const blob *a, const blob *b)
{
    return vl_key_compare(a->bytes, a->size, b->bytes, b->size);
}

model_entry
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

vl_node_key
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

int
entry_is(const void *page, uint32_t index, const model_entry *wanted)
{
    vl_node_key_entry entry = vl_node_key_entry_at(page, run.page_size, index, run.buffer);

    return key_is(&entry.key, wanted) && entry.value_size == wanted->value_size &&
           value_is(wanted, entry.value) && entry.child == wanted->child &&
           entry.is_deleted == wanted->is_deleted;
}

int
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

int
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

void
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

vl_node_key_entry
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

model_entry
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

int
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

/* Drop entries of one of two siblings, share out what is left, and look at both. */
static int
drop_and_balance(model *m)
{
    model *thin = below(2) == 0 ? m : &run.right_model;
    uint8_t *page = thin == m ? run.page : run.right;
    uint32_t left_count;
    uint32_t is_inner = m->first_child != 0;
    vl_node_key_cut cut;
    model_entry separator;

    for (uint32_t drop = below(thin->count + 1); drop > 0; drop--) {
        uint32_t index = below(thin->count);

        vl_node_key_remove(page, run.page_size, index);
        model_remove(thin, index);
    }
    left_count = m->count;
    if (vl_node_key_balance_point(run.page, run.right, run.page_size, run.buffer, &cut) !=
        VL_NODE_DONE)
        return 1;
    if (cut.at == left_count || cut.at + is_inner > left_count + is_inner + run.right_model.count)
        return 0;
    model_merge(m);
    if (is_inner) {
        separator = m->entries[cut.at];
        separator.child = 0;
        if (!key_is(&cut.separator, &separator))
            return 0;
    } else {
        if (cut.at == 0 || !cut_is_right(m, VL_NODE_DONE, &cut, m->entries[cut.at - 1].key,
                                         m->entries[cut.at].key))
            return 0;
        separator = entry_of(blob_make(cut.separator.data, cut.separator.size));
    }
    cut.separator = key_of(&separator);
    vl_node_key_balance(run.page, run.right, run.scratch, run.page_size, &cut);
    model_split(m, &cut, &separator);
    run.balanced++;
    return page_is(run.page, m) && page_is(run.right, &run.right_model);
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
    if (below(2) == 0 && !drop_and_balance(m))
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
    int can;

    if (model_has(m, index, entry.key) || !model_covers(m, entry.key) ||
        (m->first_child != 0 && compare_blobs(entry.key, m->low.key) == 0))
        return 1;
    memcpy(run.copy, run.page, run.page_size);
    can = vl_node_key_can_insert(run.page, run.page_size, &made);
    result = vl_node_key_insert(run.page, run.scratch, run.page_size, index, &made);
    if (can != (result == VL_NODE_DONE))
        return 0;
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
    int can;

    entry.value_size = below(3) == 0 ? below(vl_node_key_value_max(run.page_size) + 1) : below(9);
    entry.value_seed = below(256);
    memcpy(run.copy, run.page, run.page_size);
    can = vl_node_key_can_replace(run.page, run.page_size, index, entry.value_size);
    result = vl_node_key_replace(run.page, run.scratch, run.page_size, index, value_of(&entry),
                                 entry.value_size);
    if (can != (result == VL_NODE_DONE))
        return 0;
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

/* Give an inner node's entry a key that is a little longer or shorter. */
static int
step_set_separator(model *m, uint32_t index)
{
    static uint8_t bytes[VL_PAGE_MAX_SIZE];
    model_entry entry = m->entries[index];
    const blob *before = index > 0 ? m->entries[index - 1].key : m->low.key;
    uint32_t size = entry.key->size;
    model_entry made;
    vl_node_key key;
    vl_node_result result;
    int can;

    memcpy(bytes, entry.key->bytes, size);
    if (below(2) == 0)
        size -= below(2);
    else
        size += put_random(bytes + size, below(40), "\0\1a\377", 4);
    made = entry_of(blob_make(bytes, size));
    made.child = entry.child;
    if (compare_blobs(before, made.key) >= 0 ||
        (index + 1 < m->count && compare_blobs(made.key, m->entries[index + 1].key) >= 0) ||
        !model_covers(m, made.key))
        return 1;
    key = key_of(&made);
    memcpy(run.copy, run.page, run.page_size);
    can = vl_node_key_can_set_separator(run.page, run.page_size, index, &key);
    result = vl_node_key_set_separator(run.page, run.scratch, run.page_size, index, &key);
    if (can != (result == VL_NODE_DONE))
        return 0;
    if (result == VL_NODE_FULL)
        return page_is_unchanged() && size >= entry.key->size;
    m->entries[index] = made;
    return result == VL_NODE_DONE;
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

int
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
    if (dice < 88)
        return m->first_child == 0 ? step_replace(m, index) : step_set_separator(m, index);
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
