/* tree_key_model.c - random keys, and operations on a key tree and its model. */
#include "unit/tree_key_model.h"

#include "base/bytes.h"
#include "storage/key.h"

#include <stdlib.h>
#include <string.h>

#define KEY_MAX_BYTES (1U << 18)

static uint8_t key_bytes[KEY_MAX_BYTES];
static uint8_t key_found[KEY_MAX_BYTES];

static uint32_t
key_below(key_model *m, uint32_t bound)
{
    return (uint32_t)vl_rng_below(&m->rng, bound);
}

/* Stop at what no test can go on without. */
#define KEY_MUST(is_so) ((is_so) ? (void)0 : abort())

static void
key_model_begin(key_model *m, uint32_t page_size, uint32_t max_children, uint32_t kinds,
                uint64_t seed)
{
    m->ctx = unit_ctx();
    m->kinds = kinds;
    vl_rng_init(&m->rng, seed);
    KEY_MUST(vl_tree_create(m->ctx, &vl_tree_key_ops, m->cache, KEY_MODEL_TREE, NULL, &m->tree) ==
             VELO_OK);
    if (max_children > 0)
        m->tree.max_children = max_children;
    KEY_MUST(vl_tree_work_create(m->ctx, page_size, &m->work) == VELO_OK);
}

void
key_model_init(key_model *m, uint32_t page_size, uint32_t max_children, uint32_t kinds,
               uint64_t seed)
{
    vl_cache_options options = {.page_size = page_size};

    memset(m, 0, sizeof *m);
    KEY_MUST(vl_cache_create(unit_ctx(), &options, &m->cache) == VELO_OK);
    key_model_begin(m, page_size, max_children, kinds, seed);
}

void
key_model_init_in_file(key_model *m, vl_cache *cache, uint32_t max_children, uint32_t kinds,
                       uint64_t seed)
{
    memset(m, 0, sizeof *m);
    m->cache = cache;
    m->is_in_file = 1;
    key_model_begin(m, vl_cache_page_size(cache), max_children, kinds, seed);
}

static void
key_model_clear(key_model *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        free(m->entries[i].key);
    m->count = 0;
}

void
key_model_deinit(key_model *m)
{
    key_model_clear(m);
    free(m->entries);
    for (uint32_t i = 0; i < m->past_room && i < atomic_load(&m->applied); i++)
        free(m->past[i].entry.key);
    free(m->past);
    vl_tree_work_destroy(m->work);
    if (!m->is_in_file)
        vl_cache_destroy(m->cache);
}

uint64_t
key_model_pages(const key_model *m)
{
    vl_cache_stats stats;

    vl_cache_get_stats(m->cache, &stats);
    return stats.page_count;
}

/* ---- keys ---- */

static uint32_t
key_put_letters(key_model *m, uint8_t *to, uint32_t size, const char *alphabet, uint32_t letters)
{
    for (uint32_t i = 0; i < size; i++)
        to[i] = (uint8_t)alphabet[key_below(m, letters)];
    return size;
}

static uint32_t
key_draw(key_model *m, uint8_t *to)
{
    uint32_t page_size = m->tree.page_size;
    uint32_t part = vl_node_key_part_max(page_size);
    uint32_t kind;
    uint32_t size;

    do
        kind = key_below(m, KEY_KINDS);
    while ((m->kinds & (1U << kind)) == 0);
    switch (1U << kind) {
    case KEY_SHORT:
        return key_put_letters(m, to, key_below(m, 9), "\0\1a\377", 4);
    case KEY_NUMBERS:
        vl_store_be64(to, key_below(m, 3000));
        return 8;
    case KEY_SHARED:
        memset(to, 's', 50);
        return 50 + key_put_letters(m, to + 50, key_below(m, 10), "abcd", 4);
    case KEY_TIES:
        memset(to, 'l', part);
        to[0] = (uint8_t)('l' + key_below(m, 2));
        return part + key_put_letters(m, to + part, key_below(m, 9), "ab", 2);
    case KEY_DEEP:
        size = part + key_below(m, 3) * page_size + key_below(m, 3);
        memset(to, 'l', size);
        return size + key_put_letters(m, to + size, key_below(m, 6), "ab", 2);
    case KEY_EDGE:
        memset(to, 'm', part);
        size = part - 2 + key_below(m, 5);
        (void)key_put_letters(m, to + part - 4, 6, "xyz", 3);
        return size;
    case KEY_WIDE:
        size = part - key_below(m, part / 4);
        memset(to, 'w', size);
        vl_store_be64(to, (uint64_t)key_below(m, 4000) * UINT64_C(0x9e3779b97f4a7c15));
        return size;
    default:
        size = 1 + key_below(m, 24);
        vl_rng_fill(&m->rng, to, size);
        return size;
    }
}

uint32_t
key_model_random(key_model *m, uint8_t *to, uint32_t room)
{
    uint32_t size;

    if (m->count > 0 && key_below(m, 4) == 0) {
        const key_entry *entry = &m->entries[key_below(m, m->count)];

        KEY_MUST(entry->size <= room);
        if (entry->size > 0)
            memcpy(to, entry->key, entry->size);
        return entry->size;
    }
    size = key_draw(m, to);
    KEY_MUST(size <= room);
    return size;
}

uint32_t
key_model_seek(const key_model *m, const uint8_t *key, uint32_t size, int *is_there)
{
    uint32_t low = 0;
    uint32_t high = m->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (vl_key_compare(m->entries[middle].key, m->entries[middle].size, key, size) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there =
        low < m->count && vl_key_compare(m->entries[low].key, m->entries[low].size, key, size) == 0;
    return low;
}

/* ---- changes ---- */

/* An array with room for twice as many elements, or for the first. */
static void *
key_grow(void *array, uint32_t *room, size_t size)
{
    void *grown;

    *room = *room == 0 ? 1024 : 2 * *room;
    grown = realloc(array, *room * size);
    if (grown == NULL)
        abort();
    return grown;
}

static void
key_model_put(key_model *m, uint32_t at, const uint8_t *key, uint32_t size)
{
    if (m->count == m->room)
        m->entries = key_grow(m->entries, &m->room, sizeof *m->entries);
    memmove(m->entries + at + 1, m->entries + at, (m->count - at) * sizeof *m->entries);
    m->entries[at].key = malloc(size + 1);
    KEY_MUST(m->entries[at].key != NULL);
    if (size > 0)
        memcpy(m->entries[at].key, key, size);
    m->entries[at].size = size;
    m->count++;
}

static void
key_model_take(key_model *m, uint32_t at)
{
    free(m->entries[at].key);
    m->count--;
    memmove(m->entries + at, m->entries + at + 1, (m->count - at) * sizeof *m->entries);
}

/* What becomes of the model's entry. */
static void
key_model_apply(key_model *m, uint32_t at, int is_there, const vl_tree_key_op *op)
{
    key_entry *entry;

    if (op->action == VL_TREE_KEY_REMOVE) {
        key_model_take(m, at);
        return;
    }
    if (!is_there)
        key_model_put(m, at, op->key, op->key_size);
    entry = &m->entries[at];
    if (op->action == VL_TREE_KEY_MARK || op->action == VL_TREE_KEY_UNMARK) {
        entry->is_deleted = op->action == VL_TREE_KEY_MARK;
        return;
    }
    if (op->action == VL_TREE_KEY_INSERT)
        entry->is_deleted = 0;
    entry->value_size = op->value_size;
    memcpy(entry->value, op->value, op->value_size);
}

/* Keep a change that has just been made. */
static void
key_model_keep(key_model *m, const vl_tree_key_op *op)
{
    uint32_t at = atomic_load_explicit(&m->applied, memory_order_relaxed) - 1;
    key_past *past;

    if (at >= m->past_room)
        m->past = key_grow(m->past, &m->past_room, sizeof *m->past);
    past = &m->past[at];
    past->action = op->action;
    past->entry.key = malloc(op->key_size + 1);
    KEY_MUST(past->entry.key != NULL);
    if (op->key_size > 0)
        memcpy(past->entry.key, op->key, op->key_size);
    past->entry.size = op->key_size;
    past->entry.value_size = op->value_size;
    memcpy(past->entry.value, op->value, op->value_size);
}

void
key_model_replay(key_model *m, const key_model *of, uint32_t count)
{
    key_model_clear(m);
    for (uint32_t i = 0; i < count; i++) {
        const key_past *past = &of->past[i];
        vl_tree_key_op op = {.action = past->action,
                             .key = past->entry.key,
                             .key_size = past->entry.size,
                             .value = past->entry.value,
                             .value_size = past->entry.value_size};
        int is_there;
        uint32_t at = key_model_seek(m, op.key, op.key_size, &is_there);

        key_model_apply(m, at, is_there, &op);
    }
}

/* Inside the write section. */
static void
key_model_append(void *argument)
{
    atomic_fetch_add_explicit(&((key_model *)argument)->applied, 1, memory_order_release);
}

static int
key_model_suits(vl_tree_key_action action, vl_tree_key_state state)
{
    switch (action) {
    case VL_TREE_KEY_INSERT:
        return state != VL_TREE_KEY_LIVE;
    case VL_TREE_KEY_MARK:
        return state == VL_TREE_KEY_LIVE;
    case VL_TREE_KEY_UNMARK:
        return state == VL_TREE_KEY_TOMBSTONE;
    case VL_TREE_KEY_REPLACE:
    case VL_TREE_KEY_REMOVE:
        break;
    }
    return state != VL_TREE_KEY_ABSENT;
}

velo_status
key_model_try(key_model *m, vl_tree_key_action action, const uint8_t *key, uint32_t size)
{
    uint8_t value[64];
    vl_tree_key_op op = {.action = action, .key = key, .key_size = size, .value = value};
    vl_tree_log log = {key_model_append, m};
    vl_tree_key_state wanted = VL_TREE_KEY_ABSENT;
    vl_tree_key_state state;
    uint32_t value_max = vl_node_key_value_max(m->tree.page_size);
    int is_there;
    uint32_t at = key_model_seek(m, key, size, &is_there);

    value_max = value_max < sizeof value ? value_max : (uint32_t)sizeof value;
    op.value_size = key_below(m, 4) == 0 ? key_below(m, value_max + 1) : key_below(m, 9);
    vl_rng_fill(&m->rng, value, op.value_size);
    if (is_there)
        wanted = m->entries[at].is_deleted ? VL_TREE_KEY_TOMBSTONE : VL_TREE_KEY_LIVE;
    VL_TRY(vl_tree_key_change(m->ctx, &m->tree, m->work, &op, &log, &state));
    if (state != wanted)
        return vl_fail(m->ctx, VELO_INTERNAL, "the entry's state is %d, not %d", (int)state,
                       (int)wanted);
    if (!key_model_suits(action, state))
        return VELO_OK;
    key_model_apply(m, at, is_there, &op);
    if (m->keeps_past)
        key_model_keep(m, &op);
    return VELO_OK;
}

void
key_model_change(key_model *m, vl_tree_key_action action, const uint8_t *key, uint32_t size)
{
    CHECK_OK(key_model_try(m, action, key, size));
}

void
key_model_step(key_model *m, uint32_t inserts)
{
    uint32_t dice = key_below(m, 100);
    vl_tree_key_action action = VL_TREE_KEY_INSERT;
    const uint8_t *key = key_bytes;
    uint32_t size = key_model_random(m, key_bytes, sizeof key_bytes);

    if (dice >= inserts) {
        action = (vl_tree_key_action)(1 + key_below(m, 4));
        if (m->count > 0 && key_below(m, 8) != 0) { /* one that is there */
            key_entry *entry = &m->entries[key_below(m, m->count)];

            size = entry->size;
            if (size > 0)
                memcpy(key_bytes, entry->key, size);
            if (key_below(m, 2) == 0)
                action = VL_TREE_KEY_REMOVE;
        }
    }
    key_model_change(m, action, key, size);
}

void
key_model_lookup(key_model *m)
{
    uint8_t value[VL_PAGE_MAX_SIZE / 16];
    uint32_t size = key_model_random(m, key_bytes, sizeof key_bytes);
    uint32_t value_size;
    vl_tree_key_state state;
    int is_there;
    uint32_t at = key_model_seek(m, key_bytes, size, &is_there);

    CHECK_OK(vl_tree_key_get(m->ctx, &m->tree, key_bytes, size, value, &value_size, &state));
    CHECK_EQ(state != VL_TREE_KEY_ABSENT, is_there);
    if (!is_there)
        return;
    CHECK_EQ(state == VL_TREE_KEY_TOMBSTONE, m->entries[at].is_deleted);
    CHECK_EQ(value_size, m->entries[at].value_size);
    CHECK(memcmp(value, m->entries[at].value, value_size) == 0);
}

/* ---- scans ---- */

/* Whether an entry of a scan's leaf is what the model says. A long key is read without the latch.
 */
static int
key_scanned_is(key_model *m, const vl_node_key_entry *entry, const key_entry *wanted)
{
    return entry->key.total_size == wanted->size && entry->value_size == wanted->value_size &&
           entry->is_deleted == wanted->is_deleted && entry->key.total_size <= KEY_MAX_BYTES &&
           vl_tree_key_read(m->ctx, &m->tree, &entry->key, key_found) == VELO_OK &&
           (wanted->size == 0 || memcmp(key_found, wanted->key, wanted->size) == 0);
}

#define KEY_SCAN_ENTRIES 8192U

/* Copy a leaf's entries, release the leaf, and compare them with the model from *at on. */
static void
key_compare_leaf(key_model *m, vl_tree_key_scan *scan, uint32_t *at)
{
    static uint8_t copy[VL_PAGE_MAX_SIZE] __attribute__((aligned(64)));
    static uint8_t part[VL_PAGE_MAX_SIZE / 4];
    uint32_t first = scan->index_first;
    uint32_t end = scan->index_end;

    memcpy(copy, scan->page, m->tree.page_size);
    CHECK_OK(vl_tree_key_scan_release(m->ctx, scan));
    for (uint32_t i = first; i < end; i++) {
        uint32_t index = scan->is_backward ? end - 1 - (i - first) : i;
        vl_node_key_entry entry = vl_node_key_entry_at(copy, m->tree.page_size, index, part);

        if (scan->is_backward)
            --*at;
        CHECK(*at < m->count);
        CHECK(key_scanned_is(m, &entry, &m->entries[*at]));
        CHECK(entry.value_size == 0 ||
              memcmp(entry.value, m->entries[*at].value, entry.value_size) == 0);
        if (!scan->is_backward)
            ++*at;
    }
}

/* Scan a range, entries [from, to) of the model. */
static void
key_compare_range(key_model *m, const vl_tree_key_range *range, int is_backward, uint32_t from,
                  uint32_t to)
{
    vl_tree_key_scan scan;
    uint32_t at = is_backward ? to : from;

    vl_tree_key_scan_begin(&scan, &m->tree, range, is_backward);
    for (;;) {
        velo_status st = vl_tree_key_scan_next(m->ctx, &scan);

        if (st != VELO_OK)
            unit_failed(__FILE__, __LINE__, "scan: %s", m->ctx->error.text);
        if (st != VELO_OK || scan.page == NULL || unit_has_failed())
            break;
        key_compare_leaf(m, &scan, &at);
    }
    vl_tree_key_scan_end(&scan);
    CHECK_EQ(at, is_backward ? from : to);
}

void
key_model_scan(key_model *m)
{
    static uint8_t bounds[2][KEY_MAX_BYTES];
    vl_tree_key_range range = {0};
    uint32_t from = 0;
    uint32_t to = m->count;
    int is_there;

    range.low = bounds[0];
    if (key_below(m, 4) != 0) {
        range.low_size = key_model_random(m, bounds[0], KEY_MAX_BYTES);
        from = key_model_seek(m, bounds[0], range.low_size, &is_there);
    }
    range.high = bounds[1];
    if (key_below(m, 4) != 0) {
        range.has_high = 1;
        range.high_size = key_model_random(m, bounds[1], KEY_MAX_BYTES);
        to = key_model_seek(m, bounds[1], range.high_size, &is_there);
    }
    key_compare_range(m, &range, (int)key_below(m, 2), from < to ? from : to, to);
}

/* ---- the whole tree ---- */

typedef struct key_pages {
    uint8_t *seen;     /* a byte for each page number */
    uint32_t room;     /* of seen */
    uint64_t count;    /* pages visited */
    uint32_t repeated; /* pages visited twice */
} key_pages;

static void
key_visit_page(void *argument, vl_pid pid)
{
    key_pages *pages = argument;

    pages->count++;
    if (pid >= pages->room || pages->seen[pid]++ != 0)
        pages->repeated++;
}

static void
key_note_fault(void *argument, vl_pid pid, const char *text)
{
    (void)argument;
    unit_failed(__FILE__, __LINE__, "page %u: %s", (unsigned)pid, text);
}

void
key_model_check(key_model *m)
{
    key_pages pages = {NULL, 1U << 20, 0, 0};
    vl_tree_verify_options options = {key_note_fault, key_visit_page, &pages};
    vl_tree_key_range all = {0};
    vl_tree_report report;
    velo_status st;

    pages.seen = calloc(pages.room, 1);
    KEY_MUST(pages.seen != NULL);
    st = vl_tree_key_verify(m->ctx, &m->tree, &options, &report);
    free(pages.seen);
    CHECK_OK(st);
    CHECK_EQ(report.entry_count, m->count);
    CHECK_EQ(pages.repeated, 0);
    m->pages = pages.count;
    if (!m->is_in_file)
        CHECK_EQ(pages.count, key_model_pages(m)); /* nothing is lost */
    m->height = report.height;
    m->most_high = report.height > m->most_high ? report.height : m->most_high;
    key_compare_range(m, &all, 0, 0, m->count);
    key_compare_range(m, &all, 1, 0, m->count);
}
