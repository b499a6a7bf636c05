/* bench_node.c - searching one node of 16 KiB: our layouts beside conventional ones.
 *
 * Conventional means a slotted page: offsets of whole records, in order, searched by halving, each
 * probe comparing a key where it lies. Rowids are also measured in packed records of rowid and
 * child, the most compact layout that there is. All have the same entries in the same nodes: nine
 * tenths of what a slotted page holds. "In cache" is 8 nodes, "out of cache" 4,096, in huge pages.
 * The node of each search depends on the result of the one before, as in the descent of a tree. */
#define _GNU_SOURCE
#include "base/bytes.h"
#include "base/rng.h"
#include "lib/bench.h"
#include "storage/key.h"
#include "storage/node_key.h"
#include "storage/node_rowid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_SIZE  16384U
#define NODES_FEW  8U
#define NODES_MANY 4096U
#define PROBES     16384U
#define KEY_MAX    64U

#define NODE_HUGE_SIZE ((size_t)2 << 20)

/* How it is stored. */
typedef enum node_layout {
    NODE_OURS,
    NODE_SLOTTED,
    NODE_PACKED, /* rowids only */
    NODE_LAYOUTS
} node_layout;

/* What is stored. */
typedef enum node_kind {
    NODE_ROWIDS,   /* 64-bit rowids */
    NODE_INTEGERS, /* keys of random integers below 2^40 */
    NODE_URLS,     /* keys of texts that begin alike */
    NODE_BYTES,    /* keys of 16 random bytes */
    NODE_KINDS
} node_kind;

typedef struct node_probe {
    uint32_t node;        /* where it is */
    uint32_t size;        /* of the key */
    int64_t rowid;        /* NODE_ROWIDS */
    uint8_t key[KEY_MAX]; /* other kinds */
} node_probe;

/* All nodes of a kind, made when first measured. */
typedef struct node_set {
    uint8_t *pages[NODE_LAYOUTS]; /* NODES_MANY of each layout */
    node_probe *few;              /* PROBES in the first NODES_FEW nodes */
    node_probe *many;             /* PROBES in all */
    uint32_t per_node;            /* entries */
} node_set;

typedef struct node_case {
    node_kind kind;     /* which set */
    node_layout layout; /* which of its pages */
    int is_out;         /* out of cache */
    uint64_t count;     /* searches in a run */
    char name[80];      /* of the series */
} node_case;

static node_set node_sets[NODE_KINDS];
static node_case node_cases[NODE_KINDS * 2 * NODE_LAYOUTS];

/* One key, being sorted. */
typedef struct node_text {
    uint32_t size;        /* of the key */
    uint8_t key[KEY_MAX]; /* its bytes */
} node_text;

static void *
node_allocate(size_t size)
{
    size_t whole = (size + NODE_HUGE_SIZE - 1) & ~(NODE_HUGE_SIZE - 1);
    void *made = aligned_alloc(NODE_HUGE_SIZE, whole);

    if (made == NULL)
        exit(1);
    (void)madvise(made, whole, MADV_HUGEPAGE); /* as the page cache does */
    memset(made, 0, size);
    return made;
}

/* ---- the conventional slotted page: uint16 count, uint16 offsets; records of uint16 size, key and
 * uint32 child from the page's end ---- */

static uint32_t
slotted_fill(uint8_t *page, const node_text *texts, uint32_t count)
{
    uint32_t heap = PAGE_SIZE;
    uint32_t taken = 0;

    while (taken < count) {
        uint32_t size = 2 + texts[taken].size + 4;

        if (heap - size < 2 + 2 * (taken + 1))
            break;
        heap -= size;
        vl_store_le16(page + heap, (uint16_t)texts[taken].size);
        memcpy(page + heap + 2, texts[taken].key, texts[taken].size);
        vl_store_le32(page + heap + 2 + texts[taken].size, taken + 2);
        vl_store_le16(page + 2 + 2 * (size_t)taken, (uint16_t)heap);
        taken++;
    }
    vl_store_le16(page, (uint16_t)taken);
    return taken;
}

static uint32_t
slotted_search(const uint8_t *page, const uint8_t *key, uint32_t size)
{
    uint32_t low = 0;
    uint32_t high = vl_load_le16(page);
    uint32_t child = 1;

    while (low < high) {
        uint32_t middle = (low + high) / 2;
        const uint8_t *record = page + vl_load_le16(page + 2 + 2 * (size_t)middle);
        uint32_t record_size = vl_load_le16(record);

        if (vl_key_compare(record + 2, record_size, key, size) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0) {
        const uint8_t *record = page + vl_load_le16(page + 2 + 2 * (size_t)(low - 1));

        child = vl_load_le32(record + 2 + vl_load_le16(record));
    }
    return child;
}

/* ---- the same with rowids: records of int64 and uint32 child ---- */

static void
slotted_put_rowid(uint8_t *page, uint32_t index, int64_t rowid, uint32_t child)
{
    uint32_t at = PAGE_SIZE - 12 * (index + 1);

    vl_store_le64(page + at, (uint64_t)rowid);
    vl_store_le32(page + at + 8, child);
    vl_store_le16(page + 2 + 2 * (size_t)index, (uint16_t)at);
    vl_store_le16(page, (uint16_t)(index + 1));
}

static uint32_t
slotted_search_rowid(const uint8_t *page, int64_t rowid)
{
    uint32_t low = 0;
    uint32_t high = vl_load_le16(page);

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if ((int64_t)vl_load_le64(page + vl_load_le16(page + 2 + 2 * (size_t)middle)) <= rowid)
            low = middle + 1;
        else
            high = middle;
    }
    low -= low > 0;
    return vl_load_le32(page + vl_load_le16(page + 2 + 2 * (size_t)low) + 8);
}

/* ---- packed records of a rowid and a child, 12 bytes each ---- */

static uint32_t
packed_search(const uint8_t *page, int64_t rowid)
{
    uint32_t low = 0;
    uint32_t high = vl_load_le32(page);

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if ((int64_t)vl_load_le64(page + 16 + 12 * (size_t)middle) <= rowid)
            low = middle + 1;
        else
            high = middle;
    }
    return vl_load_le32(page + 16 + 12 * (size_t)low + 8 - 12 * (size_t)(low > 0));
}

/* ---- making nodes ---- */

static int
node_compare_texts(const void *a, const void *b)
{
    const node_text *x = a;
    const node_text *y = b;

    return vl_key_compare(x->key, x->size, y->key, y->size);
}

static void
node_make_text(node_kind kind, vl_rng *rng, node_text *text)
{
    vl_key_order order = {VL_COLLATE_BINARY, 0};
    char url[40];
    vl_value value;
    uint64_t number = vl_rng_next(rng);

    memset(&value, 0, sizeof value);
    if (kind == NODE_BYTES) {
        text->size = 16;
        vl_rng_fill(rng, text->key, text->size);
        return;
    }
    value.type = kind == NODE_INTEGERS ? VL_TYPE_INTEGER : VL_TYPE_TEXT;
    if (kind == NODE_INTEGERS) {
        value.as.integer = (int64_t)(number >> 24);
    } else {
        (void)snprintf(url, sizeof url, "https://example.org/%016llx", (unsigned long long)number);
        value.as.data = (const uint8_t *)url;
        value.size = (uint32_t)strlen(url);
    }
    text->size = (uint32_t)(vl_key_put(text->key, &value, order) - text->key);
}

/* Fill one of our nodes with the same entries, between the fences that a tree would give it. */
static void
node_fill_ours(node_set *set, uint32_t node, const node_text *texts, const node_text *next)
{
    uint8_t *page = set->pages[NODE_OURS] + (size_t)node * PAGE_SIZE;
    static uint8_t scratch[PAGE_SIZE] __attribute__((aligned(64)));
    vl_node_id id = {node + 1, 1, 1};
    vl_node_key_fences fences = {vl_node_key_make(texts->key, texts->size),
                                 vl_node_key_make(next->key, next->size)};
    vl_node_key_entry entry = {0};

    vl_node_key_init(page, PAGE_SIZE, id, NODES_MANY + 1, &fences);
    for (uint32_t i = 1; i < set->per_node; i++) {
        entry.key = vl_node_key_make(texts[i].key, texts[i].size);
        entry.child = NODES_MANY + 1 + i;
        if (vl_node_key_insert(page, scratch, PAGE_SIZE, i - 1, &entry) != VL_NODE_DONE)
            exit(1);
    }
}

static void
node_make_probes(node_probe *probes, uint32_t nodes, uint32_t per_node, const node_text *texts,
                 vl_rng *rng)
{
    for (uint32_t i = 0; i < PROBES; i++) {
        uint32_t node = (uint32_t)vl_rng_below(rng, nodes);
        uint32_t entry = (uint32_t)vl_rng_below(rng, per_node);

        probes[i].node = node;
        probes[i].rowid = (int64_t)entry * 1000 + (int64_t)vl_rng_below(rng, 1000);
        if (texts == NULL)
            continue;
        probes[i].size = texts[(size_t)node * per_node + entry].size;
        memcpy(probes[i].key, texts[(size_t)node * per_node + entry].key, KEY_MAX);
    }
}

static void
node_make_keys(node_kind kind, node_set *set, vl_rng *rng)
{
    static uint8_t page[PAGE_SIZE];
    size_t count;
    node_text *texts = node_allocate(PAGE_SIZE * sizeof *texts);

    for (uint32_t i = 0; i < PAGE_SIZE; i++)
        node_make_text(kind, rng, &texts[i]);
    set->per_node = slotted_fill(page, texts, PAGE_SIZE) * 9 / 10; /* keys differ in size */
    free(texts);
    count = (size_t)NODES_MANY * set->per_node;
    texts = node_allocate((count + 1) * sizeof *texts);
    for (size_t i = 0; i <= count; i++)
        node_make_text(kind, rng, &texts[i]);
    qsort(texts, count + 1, sizeof *texts, node_compare_texts);
    for (uint32_t i = 0; i < NODES_MANY; i++) {
        const node_text *first = texts + (size_t)i * set->per_node;

        if (slotted_fill(set->pages[NODE_SLOTTED] + (size_t)i * PAGE_SIZE, first, set->per_node) !=
            set->per_node)
            exit(1);
        node_fill_ours(set, i, first, first + set->per_node);
    }
    node_make_probes(set->few, NODES_FEW, set->per_node, texts, rng);
    node_make_probes(set->many, NODES_MANY, set->per_node, texts, rng);
    free(texts);
}

static void
node_make_rowids(node_set *set, vl_rng *rng)
{
    vl_rowid_range range = {INT64_MIN, INT64_MAX};

    set->per_node = (PAGE_SIZE - 2) / 14 * 9 / 10;
    for (uint32_t i = 0; i < NODES_MANY; i++) {
        uint8_t *ours = set->pages[NODE_OURS] + (size_t)i * PAGE_SIZE;
        uint8_t *slotted = set->pages[NODE_SLOTTED] + (size_t)i * PAGE_SIZE;
        uint8_t *packed = set->pages[NODE_PACKED] + (size_t)i * PAGE_SIZE;
        vl_node_id id = {i + 1, 1, 1};

        vl_node_rowid_init(ours, PAGE_SIZE, id, range, NODES_MANY + 1);
        vl_store_le32(packed, set->per_node);
        for (uint32_t k = 0; k < set->per_node; k++) {
            int64_t separator = (int64_t)k * 1000 + (int64_t)vl_rng_below(rng, 1000);

            if (vl_node_rowid_insert(ours, PAGE_SIZE, k, separator, NODES_MANY + 2 + k) !=
                VL_NODE_DONE)
                exit(1);
            slotted_put_rowid(slotted, k, separator, k + 2);
            vl_store_le64(packed + 16 + 12 * (size_t)k, (uint64_t)separator);
            vl_store_le32(packed + 16 + 12 * (size_t)k + 8, k + 2);
        }
    }
    node_make_probes(set->few, NODES_FEW, set->per_node, NULL, rng);
    node_make_probes(set->many, NODES_MANY, set->per_node, NULL, rng);
}

static const node_set *
node_get_set(node_kind kind)
{
    node_set *set = &node_sets[kind];
    vl_rng rng;

    if (set->few != NULL)
        return set;
    vl_rng_init(&rng, 1 + (uint64_t)kind);
    for (int i = 0; i < (kind == NODE_ROWIDS ? NODE_LAYOUTS : NODE_PACKED); i++)
        set->pages[i] = node_allocate((size_t)NODES_MANY * PAGE_SIZE);
    set->few = node_allocate(PROBES * sizeof *set->few);
    set->many = node_allocate(PROBES * sizeof *set->many);
    if (kind == NODE_ROWIDS)
        node_make_rowids(set, &rng);
    else
        node_make_keys(kind, set, &rng);
    return set;
}

/* ---- measuring ---- */

static uint32_t
node_search(node_kind kind, node_layout layout, const uint8_t *page, const node_probe *probe)
{
    vl_node_key_place place;
    vl_node_key key;

    if (kind == NODE_ROWIDS) {
        if (layout == NODE_PACKED)
            return packed_search(page, probe->rowid);
        if (layout == NODE_SLOTTED)
            return slotted_search_rowid(page, probe->rowid);
        return vl_node_rowid_child(page, PAGE_SIZE,
                                   vl_node_rowid_search(page, PAGE_SIZE, probe->rowid));
    }
    if (layout == NODE_SLOTTED)
        return slotted_search(page, probe->key, probe->size);
    key = vl_node_key_make(probe->key, probe->size);
    (void)vl_node_key_find(page, PAGE_SIZE, &key, NULL, &place);
    return place.child_pid;
}

static double
node_measure(void *user)
{
    const node_case *c = user;
    const node_set *set = node_get_set(c->kind);
    const node_probe *probes = c->is_out ? set->many : set->few;
    const uint8_t *pages = set->pages[c->layout];
    uint32_t found = 0;
    uint64_t start_ns = bench_now_ns();

    for (uint64_t i = 0; i < c->count; i++) {
        const node_probe *probe = &probes[i % PROBES];
        uint32_t node = probe->node ^ (found == UINT32_MAX); /* never, but only then known */

        found = node_search(c->kind, c->layout, pages + (size_t)node * PAGE_SIZE, probe);
    }
    bench_use(found);
    return (double)(bench_now_ns() - start_ns) / (double)c->count;
}

static int
node_add(bench *b, node_kind kind, int is_out, node_layout layout)
{
    static const char *const kinds[] = {"rowids", "integers", "urls", "random bytes"};
    static const char *const layouts[] = {"ours", "slotted", "packed"};
    static int used = 0;
    node_case *c = &node_cases[used++];

    c->kind = kind;
    c->layout = layout;
    c->is_out = is_out;
    c->count = bench_work(b, is_out ? 200000 : 1000000);
    (void)snprintf(c->name, sizeof c->name, "%s, %s cache, %s", kinds[kind],
                   is_out ? "out of" : "in", layouts[layout]);
    return bench_add(b, c->name, "ns", BENCH_LESS_IS_BETTER, node_measure, c);
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "search in one node of 16 KiB");

    bench_note(
        b,
        "%u nodes in cache, %u out of cache; slotted pages are 9/10 full, the others have the same",
        NODES_FEW, NODES_MANY);
    for (node_kind kind = NODE_ROWIDS; kind < NODE_KINDS; kind++) {
        for (int is_out = 0; is_out < 2; is_out++) {
            int ours = node_add(b, kind, is_out, NODE_OURS);
            int slotted = node_add(b, kind, is_out, NODE_SLOTTED);

            bench_want_ratio(b, is_out ? "out of cache" : "in cache", ours, slotted, 1, 1.25);
            if (kind == NODE_ROWIDS)
                (void)node_add(b, kind, is_out, NODE_PACKED);
        }
    }
    return bench_finish(b);
}
