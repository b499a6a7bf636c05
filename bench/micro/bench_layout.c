/* bench_layout.c - what each choice in the layout of nodes and leaves is worth, by leaving it out.
 *
 * Each series searches pages of 16 KiB that hold the same keys in the same number, in the layout
 * that the engine has or in that layout with one choice undone. The pages here are models: they
 * have the choice in question and nothing else that a node has (fences, tombstones, checks), so
 * that a difference between two series is the choice's own. bench_node measures the real nodes.
 *
 * Keys: 16 bytes, the first 8 alike within a page, as after a common prefix.
 *   whole       prefix once, heads of 4 bytes in an array on a cache line, slots behind it
 *   header      the same, behind a header of 40 bytes: arrays begin off a line
 *   head array  heads beside their slots instead of in an array of their own
 *   heads       no heads: every probe follows its slot to the key
 *   prefix      heads are the first bytes of the whole key: they do not tell keys apart
 * Rowids of inner nodes:
 *   whole       an array of rowids on a line, an array of children
 *   header      the same behind a header of 20 bytes
 *   arrays      records of a rowid and a child, 12 bytes each
 * Leaves, finding a row and reading 8 bytes of it:
 *   whole       dense rowids: the position is the rowid less a base
 *   dense       a sorted array of rowids
 *   in order of arrival: rowids as they came, and an array of 16-bit positions that sorts them
 *
 * bench/layout_misses.sh counts the cache misses of each. */
#include "base/bytes.h"
#include "base/rng.h"
#include "lib/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_SIZE  16384U
#define PAGE_COUNT 4096U
#define KEY_SIZE   16U
#define SHARED     8U   /* bytes that the keys of a page have in common */
#define KEY_COUNT  320U /* keys in a page: as many as every layout has room for */
#define ROW_COUNT  1000U

typedef enum layout_kind {
    LAYOUT_KEYS,
    LAYOUT_ROWIDS,
    LAYOUT_LEAVES
} layout_kind;

/* A layout: where its arrays begin, and which choices it has. */
typedef struct layout_form {
    const char *name;    /* of the series */
    layout_kind kind;    /* what it stores */
    uint32_t header;     /* bytes in front of the arrays */
    uint32_t head_size;  /* bytes of a key in its head: 4 or 0 */
    uint32_t head_step;  /* from one head to the next */
    uint32_t slot_step;  /* from one slot to the next */
    uint32_t skipped;    /* bytes of a key that are stored once for the page */
    int is_packed;       /* rowids: records instead of arrays */
    int is_dense;        /* leaves: no rowids are stored */
    int is_by_arrival;   /* leaves: rowids as they came */
    const uint8_t *keys; /* of all pages, made at first use */
    uint8_t *pages;      /* the same in this layout */
} layout_form;

static layout_form layout_forms[] = {
    {"keys, whole", LAYOUT_KEYS, 64, 4, 4, 8, SHARED, 0, 0, 0, NULL, NULL},
    {"keys, without aligned header", LAYOUT_KEYS, 40, 4, 4, 8, SHARED, 0, 0, 0, NULL, NULL},
    {"keys, without head array", LAYOUT_KEYS, 64, 4, 12, 12, SHARED, 0, 0, 0, NULL, NULL},
    {"keys, without heads", LAYOUT_KEYS, 64, 0, 0, 8, SHARED, 0, 0, 0, NULL, NULL},
    {"keys, without prefix", LAYOUT_KEYS, 64, 4, 4, 8, 0, 0, 0, 0, NULL, NULL},
    {"rowids, whole", LAYOUT_ROWIDS, 64, 0, 8, 4, 0, 0, 0, 0, NULL, NULL},
    {"rowids, without aligned header", LAYOUT_ROWIDS, 20, 0, 8, 4, 0, 0, 0, 0, NULL, NULL},
    {"rowids, without arrays", LAYOUT_ROWIDS, 64, 0, 12, 12, 0, 1, 0, 0, NULL, NULL},
    {"leaves, whole", LAYOUT_LEAVES, 64, 0, 8, 8, 0, 0, 1, 0, NULL, NULL},
    {"leaves, without dense rowids", LAYOUT_LEAVES, 64, 0, 8, 8, 0, 0, 0, 0, NULL, NULL},
    {"leaves, in order of arrival", LAYOUT_LEAVES, 64, 0, 8, 8, 0, 0, 0, 1, NULL, NULL},
};

static uint32_t
layout_count(const layout_form *form)
{
    return form->kind == LAYOUT_KEYS ? KEY_COUNT : ROW_COUNT;
}

static void *
layout_allocate(size_t size)
{
    void *made = aligned_alloc(4096, size);

    if (made == NULL)
        exit(1);
    memset(made, 0, size);
    return made;
}

/* ---- keys: heads, slots of offset, size and child, tails from the page's end ---- */

static int
layout_compare_keys(const void *a, const void *b)
{
    return memcmp(a, b, KEY_SIZE);
}

static const uint8_t *
layout_make_keys(void)
{
    static uint8_t *keys;
    vl_rng rng;

    if (keys != NULL)
        return keys;
    keys = layout_allocate((size_t)PAGE_COUNT * KEY_COUNT * KEY_SIZE);
    vl_rng_init(&rng, 7);
    for (uint32_t i = 0; i < PAGE_COUNT; i++) {
        uint8_t *first = keys + (size_t)i * KEY_COUNT * KEY_SIZE;

        vl_rng_fill(&rng, first, (size_t)KEY_COUNT * KEY_SIZE);
        for (uint32_t k = 1; k < KEY_COUNT; k++)
            memcpy(first + (size_t)k * KEY_SIZE, first, SHARED);
        qsort(first, KEY_COUNT, KEY_SIZE, layout_compare_keys);
    }
    return keys;
}

static uint32_t
layout_head_at(const layout_form *form, uint32_t index)
{
    return form->header + index * form->head_step;
}

/* The slots lie behind the heads, or beside each head. */
static uint32_t
layout_slot_at(const layout_form *form, uint32_t index)
{
    if (form->head_step == form->slot_step)
        return form->header + index * form->slot_step + form->head_size;
    return form->header + form->head_step * KEY_COUNT + index * form->slot_step;
}

static void
layout_fill_keys(const layout_form *form, uint8_t *page, const uint8_t *keys)
{
    uint32_t heap = PAGE_SIZE;
    uint32_t skipped = form->skipped + form->head_size;

    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        const uint8_t *key = keys + (size_t)i * KEY_SIZE;
        uint8_t *slot = page + layout_slot_at(form, i);

        if (form->head_size != 0)
            memcpy(page + layout_head_at(form, i), key + form->skipped, form->head_size);
        heap -= KEY_SIZE - skipped;
        memcpy(page + heap, key + skipped, KEY_SIZE - skipped);
        vl_store_le16(slot, (uint16_t)heap);
        vl_store_le16(slot + 2, (uint16_t)(KEY_SIZE - skipped));
        vl_store_le32(slot + 4, i);
    }
    if (heap < layout_slot_at(form, KEY_COUNT))
        exit(1);
}

/* Whether the key at `index` is at most the one sought. */
static int
layout_key_is_low(const layout_form *form, const uint8_t *page, uint32_t index, const uint8_t *key)
{
    const uint8_t *slot = page + layout_slot_at(form, index);
    uint32_t skipped = form->skipped + form->head_size;

    if (form->head_size != 0) {
        uint32_t head = __builtin_bswap32(vl_load_le32(page + layout_head_at(form, index)));
        uint32_t sought = __builtin_bswap32(vl_load_le32(key + form->skipped));

        if (head != sought)
            return head < sought;
    }
    return memcmp(page + vl_load_le16(slot), key + skipped, vl_load_le16(slot + 2)) <= 0;
}

static uint32_t
layout_search_keys(const layout_form *form, const uint8_t *page, const uint8_t *key)
{
    uint32_t low = 0;
    uint32_t high = KEY_COUNT;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (layout_key_is_low(form, page, middle, key))
            low = middle + 1;
        else
            high = middle;
    }
    return vl_load_le32(page + layout_slot_at(form, low - (low > 0)) + 4);
}

/* ---- rowids of inner nodes: 1000 apart ---- */

static void
layout_fill_rowids(const layout_form *form, uint8_t *page)
{
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        uint32_t child_at =
            form->is_packed ? form->header + 12 * i + 8 : form->header + 8 * ROW_COUNT + 4 * i;

        vl_store_le64(page + form->header + (size_t)i * form->head_step, (uint64_t)i * 1000);
        vl_store_le32(page + child_at, i);
    }
}

static uint32_t
layout_search_rowids(const layout_form *form, const uint8_t *page, uint64_t rowid)
{
    uint32_t low = 0;
    uint32_t high = ROW_COUNT;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (vl_load_le64(page + form->header + (size_t)middle * form->head_step) <= rowid)
            low = middle + 1;
        else
            high = middle;
    }
    low -= low > 0;
    return vl_load_le32(page + (form->is_packed ? form->header + 12 * low + 8
                                                : form->header + 8 * ROW_COUNT + 4 * low));
}

/* ---- leaves: the base in the header, rowids if stored, order if any, then a column of 4 bytes
 * ---- */

#define LEAF_ROWIDS 64U
#define LEAF_ORDER  (LEAF_ROWIDS + 8 * ROW_COUNT)
#define LEAF_COLUMN (LEAF_ORDER + 2 * ROW_COUNT + 48)

static void
layout_fill_leaf(const layout_form *form, uint8_t *page, uint32_t number)
{
    vl_store_le64(page, (uint64_t)number * ROW_COUNT);
    for (uint32_t i = 0; i < ROW_COUNT; i++) {
        /* 7 and the count have no common divisor: every position is taken once. */
        uint32_t slot = form->is_by_arrival ? i * 7 % ROW_COUNT : i;

        vl_store_le64(page + LEAF_ROWIDS + 8 * (size_t)slot, (uint64_t)number * ROW_COUNT + i);
        vl_store_le16(page + LEAF_ORDER + 2 * (size_t)i, (uint16_t)slot);
        vl_store_le32(page + LEAF_COLUMN + 4 * (size_t)slot, i);
    }
}

static uint32_t
layout_search_leaf(const layout_form *form, const uint8_t *page, uint64_t rowid)
{
    uint64_t base = vl_load_le64(page);
    uint32_t low = 0;
    uint32_t high = ROW_COUNT - 1;

    if (form->is_dense)
        return vl_load_le32(page + LEAF_COLUMN + 4 * (size_t)(rowid - base));
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        uint32_t slot =
            form->is_by_arrival ? vl_load_le16(page + LEAF_ORDER + 2 * (size_t)middle) : middle;

        if (vl_load_le64(page + LEAF_ROWIDS + 8 * (size_t)slot) < rowid)
            low = middle + 1;
        else
            high = middle;
    }
    low = form->is_by_arrival ? vl_load_le16(page + LEAF_ORDER + 2 * (size_t)low) : low;
    return vl_load_le32(page + LEAF_COLUMN + 4 * (size_t)low);
}

/* ---- measuring ---- */

static void
layout_make(layout_form *form)
{
    if (form->pages != NULL)
        return;
    form->pages = layout_allocate((size_t)PAGE_COUNT * PAGE_SIZE);
    if (form->kind == LAYOUT_KEYS)
        form->keys = layout_make_keys();
    for (uint32_t i = 0; i < PAGE_COUNT; i++) {
        uint8_t *page = form->pages + (size_t)i * PAGE_SIZE;

        if (form->kind == LAYOUT_KEYS)
            layout_fill_keys(form, page, form->keys + (size_t)i * KEY_COUNT * KEY_SIZE);
        else if (form->kind == LAYOUT_ROWIDS)
            layout_fill_rowids(form, page);
        else
            layout_fill_leaf(form, page, i);
    }
}

static uint32_t
layout_search(const layout_form *form, uint32_t page_index, uint32_t entry)
{
    const uint8_t *page = form->pages + (size_t)page_index * PAGE_SIZE;

    if (form->kind == LAYOUT_KEYS)
        return layout_search_keys(form, page,
                                  form->keys + ((size_t)page_index * KEY_COUNT + entry) * KEY_SIZE);
    if (form->kind == LAYOUT_ROWIDS)
        return layout_search_rowids(form, page, (uint64_t)entry * 1000 + 500);
    return layout_search_leaf(form, page, (uint64_t)page_index * ROW_COUNT + entry);
}

/* How many searches a run does. */
static uint64_t layout_searches;

static double
layout_measure(void *user)
{
    layout_form *form = user;
    uint32_t found = 0;
    uint64_t start_ns;
    vl_rng rng;

    layout_make(form);
    vl_rng_init(&rng, 11);
    start_ns = bench_now_ns();
    for (uint64_t i = 0; i < layout_searches; i++) {
        uint64_t random = vl_rng_next(&rng);
        uint32_t page = (uint32_t)(random % PAGE_COUNT) ^ (found == UINT32_MAX); /* waits for it */
        uint32_t entry = (uint32_t)((random >> 32) % layout_count(form));

        found = layout_search(form, page, entry);
        if (found != entry)
            exit(1);
    }
    return (double)(bench_now_ns() - start_ns) / (double)layout_searches;
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "what the layout of pages contributes");

    layout_searches = bench_work(b, 200000);
    bench_note(b, "%u pages of %u bytes, %u keys or %u rowids in each", PAGE_COUNT, PAGE_SIZE,
               KEY_COUNT, ROW_COUNT);
    for (size_t i = 0; i < sizeof layout_forms / sizeof layout_forms[0]; i++)
        (void)bench_add(b, layout_forms[i].name, "ns", BENCH_LESS_IS_BETTER, layout_measure,
                        &layout_forms[i]);
    return bench_finish(b);
}
