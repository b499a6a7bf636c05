/* overflow.c - long values: their shape, writing, reading in any part, and freeing.
 *
 * The shape of a value (how many pages, which bytes and which pids are where) is a function of page
 * size and value size. So each page can say by itself what it must contain, and every step of a
 * walk knows exactly which page comes next.
 *
 * Invariants
 *   V1  A page is used only if its kind, level, tree, total and offset are those of the place at
 *       which it is looked for. Levels fall by one at each step, so no walk runs in a circle, and
 *       what vl_overflow_fault has passed holds as many pids or bytes as the shape says.
 *   V2  One latch at a time, and none while anything waits. What is needed of a list is copied.
 *   V3  A page is born complete, lists after what they list, the root last.
 *   V4  Pages are freed from the last data page to the first, then lists from the last to the
 *       first, the root last: whatever is left can be reached from the root.
 *   V5  While a value is being written all its pids are in memory, so that giving them back needs
 *       no memory and reads no list. */
#include "storage/overflow.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "storage/page.h"

#include <stdio.h>
#include <string.h>

typedef struct overflow_header {
    uint8_t kind;     /* VL_PAGE_OVERFLOW_LIST or VL_PAGE_OVERFLOW_DATA */
    uint8_t level;    /* 0 for data */
    uint16_t flags;   /* 0 */
    uint32_t count;   /* pids, or bytes of data */
    uint64_t pid;     /* own number */
    uint64_t tree;    /* a vl_tree_id */
    uint32_t total;   /* size of the value */
    uint32_t offset;  /* position in the value */
    uint8_t zero[32]; /* unused */
} __attribute__((may_alias)) overflow_header;

_Static_assert(sizeof(overflow_header) == sizeof(vl_page_header), "one cache line");
_Static_assert(offsetof(overflow_header, tree) == offsetof(vl_page_header, tree), "page.h");
_Static_assert(offsetof(overflow_header, total) == offsetof(vl_page_header, rest), "page.h");

/* ---- shapes: pure arithmetic ---- */

typedef struct overflow_shape {
    uint32_t total;                            /* bytes of the value */
    uint32_t root_bytes;                       /* the first ones, which are in the root */
    uint32_t fanout;                           /* most pids of a list */
    uint32_t height;                           /* level of the root */
    uint64_t cover[VL_OVERFLOW_MAX_LEVEL + 1]; /* bytes that a full page of each level stands for */
    uint32_t count[VL_OVERFLOW_MAX_LEVEL + 1]; /* pages of each level */
} overflow_shape;

/* One page of a value. */
typedef struct overflow_place {
    uint32_t level; /* 0 for data */
    uint32_t index; /* among the pages of its level */
} overflow_place;

static uint64_t
overflow_divide_up(uint64_t a, uint64_t b)
{
    return (a + b - 1) / b;
}

static overflow_shape
overflow_make_shape(uint32_t page_size, uint32_t total)
{
    uint32_t data_size = page_size - (uint32_t)sizeof(overflow_header);
    overflow_shape shape;

    memset(&shape, 0, sizeof shape);
    shape.total = total;
    shape.fanout = data_size / (uint32_t)sizeof(vl_pid);
    shape.cover[0] = data_size;
    for (uint32_t level = 1; level <= VL_OVERFLOW_MAX_LEVEL; level++)
        shape.cover[level] = shape.cover[level - 1] * shape.fanout;
    shape.height = 1;
    while (shape.cover[shape.height] < total)
        shape.height++;
    if (total <= data_size) {
        shape.root_bytes = total;
    } else if (shape.height == 1) { /* each pid takes the place of bytes */
        shape.count[0] =
            (uint32_t)overflow_divide_up(total - data_size, data_size - sizeof(vl_pid));
        shape.root_bytes = data_size - shape.count[0] * (uint32_t)sizeof(vl_pid);
    }
    for (uint32_t level = 0; level < shape.height; level++)
        shape.count[level] =
            (uint32_t)overflow_divide_up(total - shape.root_bytes, shape.cover[level]);
    shape.count[shape.height] = 1;
    return shape;
}

static uint32_t
overflow_shape_pages(const overflow_shape *shape)
{
    uint32_t pages = 0;

    for (uint32_t level = 0; level <= shape->height; level++)
        pages += shape->count[level];
    return pages;
}

/* Position in the value of the first byte at or below a place. */
static uint32_t
overflow_place_offset(const overflow_shape *shape, overflow_place place)
{
    if (place.level == shape->height)
        return 0;
    return (uint32_t)(shape->root_bytes + place.index * shape->cover[place.level]);
}

/* Pids that the list at a place has, or bytes that the data page has. */
static uint32_t
overflow_place_count(const overflow_shape *shape, overflow_place place)
{
    uint64_t left = shape->total - overflow_place_offset(shape, place);

    if (place.level > 0 && place.level == shape->height) /* a root is a list */
        return shape->count[place.level - 1];
    left = left < shape->cover[place.level] ? left : shape->cover[place.level];
    return place.level == 0 ? (uint32_t)left
                            : (uint32_t)overflow_divide_up(left, shape->cover[place.level - 1]);
}

/* The list that a place's pid is in, and its position there. */
static overflow_place
overflow_place_parent(const overflow_shape *shape, overflow_place place, uint32_t *slot)
{
    overflow_place parent = {place.level + 1, 0};

    *slot = place.index;
    if (parent.level < shape->height) {
        parent.index = place.index / shape->fanout;
        *slot = place.index % shape->fanout;
    }
    return parent;
}

/* The place of page `number`, where the root is 0, pages of a higher level come before those of a
 * lower one, and data is last (V4). */
static overflow_place
overflow_place_of(const overflow_shape *shape, uint32_t number)
{
    overflow_place place = {shape->height, number};

    while (place.index >= shape->count[place.level]) {
        place.index -= shape->count[place.level];
        place.level--;
    }
    return place;
}

uint32_t
vl_overflow_page_count(uint32_t page_size, uint32_t size)
{
    overflow_shape shape = overflow_make_shape(page_size, size);

    return overflow_shape_pages(&shape);
}

/* ---- one page ---- */

static const uint8_t *
overflow_content(const void *page)
{
    return (const uint8_t *)page + sizeof(overflow_header);
}

/* The place that a page claims to have; 0 when the shape has no such place. */
static int
overflow_claimed_place(const overflow_header *header, const overflow_shape *shape,
                       overflow_place *place)
{
    uint64_t distance = (uint64_t)header->offset - shape->root_bytes;

    place->level = header->level;
    place->index = 0;
    if (header->level == shape->height)
        return header->offset == 0;
    if (header->level > shape->height || header->offset < shape->root_bytes ||
        header->offset >= shape->total || distance % shape->cover[header->level] != 0)
        return 0;
    place->index = (uint32_t)(distance / shape->cover[header->level]);
    return 1;
}

static const char *
overflow_identity_fault(const overflow_header *header)
{
    static const uint8_t zeros[sizeof header->zero];

    if (header->kind != VL_PAGE_OVERFLOW_LIST && header->kind != VL_PAGE_OVERFLOW_DATA)
        return "not a page of a long value";
    if ((header->kind == VL_PAGE_OVERFLOW_DATA) != (header->level == 0))
        return "impossible level";
    if (header->pid == 0 || header->pid > UINT32_MAX)
        return "impossible page number";
    if (header->flags != 0 || memcmp(header->zero, zeros, sizeof zeros) != 0)
        return "unused bytes are not zero";
    if (header->total > VL_OVERFLOW_MAX_SIZE)
        return "impossible size";
    return NULL;
}

const char *
vl_overflow_fault(const void *page, uint32_t page_size)
{
    const overflow_header *header = page;
    const char *fault = overflow_identity_fault(header);
    overflow_shape shape;
    overflow_place place;
    size_t used;

    if (fault != NULL)
        return fault;
    shape = overflow_make_shape(page_size, header->total);
    if (!overflow_claimed_place(header, &shape, &place))
        return "impossible place in the value";
    if (header->count != overflow_place_count(&shape, place))
        return place.level > 0 ? "wrong number of pages" : "wrong number of bytes";
    used = sizeof *header + header->count;
    if (place.level > 0) {
        const uint8_t *at = overflow_content(page);

        used += header->count * (sizeof(vl_pid) - 1);
        for (uint32_t i = 0; i < header->count; i++, at += sizeof(vl_pid))
            if (vl_load_le32(at) == 0 || vl_load_le32(at) == header->pid)
                return "impossible page in the list";
        if (place.level == shape.height)
            used += shape.root_bytes;
    }
    for (; used < page_size; used++)
        if (((const uint8_t *)page)[used] != 0)
            return "unused bytes are not zero";
    return NULL;
}

/* Whether a page is the one of a value at a place (V1). */
static velo_status
overflow_check_page(vl_ctx *ctx, const void *page, const vl_overflow *value,
                    const overflow_shape *shape, overflow_place place, vl_pid pid)
{
    const overflow_header *header = page;
    vl_page_kind kind = place.level > 0 ? VL_PAGE_OVERFLOW_LIST : VL_PAGE_OVERFLOW_DATA;
    const char *what = NULL;

    if (header->kind != (uint8_t)kind || header->level != place.level)
        what = "another kind of page";
    else if (header->tree != value->tree)
        what = "a page of another tree";
    else if (header->total != value->size || header->offset != overflow_place_offset(shape, place))
        what = "a page of another value or part";
    if (what == NULL)
        return VELO_OK;
    return vl_fail(
        ctx, VELO_CORRUPT,
        "page %u: %s where a long value of tree %llu has %s (value at page %u, %u bytes)",
        (unsigned)pid, what, (unsigned long long)value->tree, place.level > 0 ? "a list" : "data",
        (unsigned)value->pid, (unsigned)value->size);
}

/* Latch the page at a place shared, and check it. */
static velo_status
overflow_latch(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value, const overflow_shape *shape,
               overflow_place place, vl_pid pid, vl_page_ref *ref)
{
    velo_status st;

    while (!vl_cache_shared(cache, pid, ref))
        VL_TRY(vl_cache_load(ctx, cache, pid));
    st = overflow_check_page(ctx, ref->page, value, shape, place, pid);
    if (st != VELO_OK)
        vl_cache_release_shared(cache, ref);
    return st;
}

/* ---- finding pages ---- */

/* Copy `count` pids from a list that is at `place` and has number `pid`. */
static velo_status
overflow_copy_pids(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value,
                   const overflow_shape *shape, overflow_place place, vl_pid pid, uint32_t slot,
                   uint32_t count, vl_pid *pids)
{
    vl_page_ref ref;

    VL_TRY(overflow_latch(ctx, cache, value, shape, place, pid, &ref));
    VL_ASSERT(slot + count <= overflow_place_count(shape, place));
    memcpy(pids, overflow_content(ref.page) + slot * sizeof *pids, count * sizeof *pids);
    vl_cache_release_shared(cache, &ref);
    return VELO_OK;
}

/* Find the pids of `count` pages of one level that are in the same list, from `place` on. */
static velo_status
overflow_find(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value, const overflow_shape *shape,
              overflow_place place, uint32_t count, vl_pid *pids)
{
    overflow_place path[VL_OVERFLOW_MAX_LEVEL + 1]; /* from place.level up to the root */
    uint32_t slots[VL_OVERFLOW_MAX_LEVEL + 1] = {0};
    vl_pid pid = value->pid;

    path[place.level] = place;
    for (uint32_t level = place.level; level < shape->height; level++)
        path[level + 1] = overflow_place_parent(shape, path[level], &slots[level]);
    if (place.level == shape->height) {
        pids[0] = pid;
        return VELO_OK;
    }
    for (uint32_t level = shape->height - 1; level > place.level; level--)
        VL_TRY(overflow_copy_pids(ctx, cache, value, shape, path[level + 1], pid, slots[level], 1,
                                  &pid));
    return overflow_copy_pids(ctx, cache, value, shape, path[place.level + 1], pid,
                              slots[place.level], count, pids);
}

/* How many pages from `place` on are in the same list, at most a batch and `most`. */
static uint32_t
overflow_run(const overflow_shape *shape, overflow_place place, uint32_t most)
{
    uint32_t slot;
    overflow_place parent;
    uint32_t run;

    if (place.level == shape->height)
        return 1;
    parent = overflow_place_parent(shape, place, &slot);
    run = overflow_place_count(shape, parent) - slot;
    run = run < VL_CACHE_BATCH ? run : VL_CACHE_BATCH;
    return run < most ? run : most;
}

/* ---- reading ---- */

/* What is read. */
typedef struct overflow_read {
    vl_cache *cache;          /* where */
    const vl_overflow *value; /* of what */
    overflow_shape shape;     /* of it */
    uint32_t offset;          /* next byte that is wanted */
    uint32_t size;            /* how many are still wanted */
    uint8_t *to;              /* where the next one goes; NULL: they are compared instead */
    const uint8_t *with;      /* what the next one is compared with */
    uint32_t equal_count;     /* how many were equal so far */
    int order;                /* of `with` to the value, once they differ */
} overflow_read;

/* Compare `size` bytes of the value; the first difference ends the reading. */
static void
overflow_compare(overflow_read *read, const uint8_t *bytes, uint32_t size)
{
    uint32_t same = memcmp(read->with, bytes, size) == 0 ? size : 0;

    while (same < size && read->with[same] == bytes[same])
        same++;
    read->with += same;
    read->equal_count += same;
    if (same < size) {
        read->order = read->with[0] < bytes[same] ? -1 : 1;
        read->size = 0;
        return;
    }
    read->offset += size;
    read->size -= size;
}

/* Take what is wanted of `count` bytes of the value that begin at `offset`. */
static void
overflow_take(overflow_read *read, const uint8_t *bytes, uint32_t offset, uint32_t count)
{
    uint32_t skip = read->offset - offset;
    uint32_t size = count - skip;

    VL_ASSERT(read->offset >= offset && skip < count);
    size = size < read->size ? size : read->size;
    if (read->to == NULL) {
        overflow_compare(read, bytes + skip, size);
        return;
    }
    memcpy(read->to, bytes + skip, size);
    read->to += size;
    read->offset += size;
    read->size -= size;
}

static velo_status
overflow_read_root(vl_ctx *ctx, overflow_read *read)
{
    const overflow_shape *shape = &read->shape;
    overflow_place root = {shape->height, 0};
    vl_page_ref ref;

    VL_TRY(overflow_latch(ctx, read->cache, read->value, shape, root, read->value->pid, &ref));
    overflow_take(read,
                  overflow_content(ref.page) + overflow_place_count(shape, root) * sizeof(vl_pid),
                  0, shape->root_bytes);
    vl_cache_release_shared(read->cache, &ref);
    return VELO_OK;
}

/* Read from the data pages that the list at hand gives, with one batch of I/O. */
static velo_status
overflow_read_run(vl_ctx *ctx, overflow_read *read)
{
    const overflow_shape *shape = &read->shape;
    uint64_t data_size = shape->cover[0];
    uint32_t distance = read->offset - shape->root_bytes;
    overflow_place place = {0, (uint32_t)(distance / data_size)};
    uint32_t most = (uint32_t)overflow_divide_up(distance % data_size + read->size, data_size);
    uint32_t run = overflow_run(shape, place, most);
    vl_pid pids[VL_CACHE_BATCH];
    vl_page_ref ref;

    VL_TRY(overflow_find(ctx, read->cache, read->value, shape, place, run, pids));
    if (run > 1)
        vl_cache_load_batch(read->cache, pids, run);
    for (uint32_t i = 0; i < run && read->size > 0; i++, place.index++) {
        VL_TRY(overflow_latch(ctx, read->cache, read->value, shape, place, pids[i], &ref));
        overflow_take(read, overflow_content(ref.page), overflow_place_offset(shape, place),
                      overflow_place_count(shape, place));
        vl_cache_release_shared(read->cache, &ref);
    }
    return VELO_OK;
}

static velo_status
overflow_read_all(vl_ctx *ctx, overflow_read *read)
{
    VL_ASSERT(read->size <= read->value->size && read->offset <= read->value->size - read->size);
    read->shape = overflow_make_shape(vl_cache_page_size(read->cache), read->value->size);
    if (read->size > 0 && read->offset < read->shape.root_bytes)
        VL_TRY(overflow_read_root(ctx, read));
    while (read->size > 0)
        VL_TRY(overflow_read_run(ctx, read));
    return VELO_OK;
}

velo_status
vl_overflow_read(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value, uint32_t offset,
                 uint32_t size, void *to)
{
    overflow_read read = {.cache = cache, .value = value, .offset = offset, .size = size, .to = to};

    return overflow_read_all(ctx, &read);
}

velo_status
vl_overflow_compare(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value, uint32_t offset,
                    uint32_t size, const void *bytes, uint32_t *equal_count, int *order)
{
    overflow_read read = {
        .cache = cache, .value = value, .offset = offset, .size = size, .with = bytes};

    *equal_count = 0;
    *order = 0;
    VL_TRY(overflow_read_all(ctx, &read));
    *equal_count = read.equal_count;
    *order = read.order;
    return VELO_OK;
}

velo_status
vl_overflow_size(vl_ctx *ctx, vl_cache *cache, vl_overflow *value)
{
    overflow_place root = {0, 0};
    overflow_shape shape;
    vl_page_ref ref;
    velo_status st;

    while (!vl_cache_shared(cache, value->pid, &ref))
        VL_TRY(vl_cache_load(ctx, cache, value->pid));
    value->size = 0;
    if (((const overflow_header *)ref.page)->kind == VL_PAGE_OVERFLOW_LIST)
        value->size = ((const overflow_header *)ref.page)->total;
    shape = overflow_make_shape(vl_cache_page_size(cache), value->size);
    root.level = shape.height;
    st = overflow_check_page(ctx, ref.page, value, &shape, root, value->pid);
    vl_cache_release_shared(cache, &ref);
    return st;
}

/* ---- freeing ---- */

/* Latch a page exclusively, ready to be freed, within the write section of *change. */
static velo_status
overflow_enter_free(vl_ctx *ctx, vl_change *change, vl_cache *cache, const vl_overflow *value,
                    const overflow_shape *shape, overflow_place place, vl_pid pid, vl_page_ref *ref)
{
    velo_status st;

    for (;;) {
        while (!vl_cache_exclusive(cache, pid, ref))
            VL_TRY(vl_cache_load(ctx, cache, pid));
        st = overflow_check_page(ctx, ref->page, value, shape, place, pid);
        if (st == VELO_OK && vl_change_prepare_free(change, ref) && vl_change_enter(change))
            return VELO_OK;
        vl_cache_release_exclusive(cache, ref);
        VL_TRY(st);
        VL_TRY(vl_change_wait(ctx, change));
    }
}

static velo_status
overflow_free_page(vl_ctx *ctx, vl_cache *cache, vl_overflow_freeing *freeing,
                   const overflow_shape *shape, overflow_place place, vl_pid pid)
{
    vl_change change;
    vl_page_ref ref;
    velo_status st;

    vl_change_begin(cache, &change);
    st = overflow_enter_free(ctx, &change, cache, &freeing->value, shape, place, pid, &ref);
    if (st == VELO_OK) {
        freeing->left--;
        if (freeing->note != NULL)
            freeing->note(freeing->argument, pid, 0);
        vl_change_leave(&change);
    }
    vl_change_end(&change);
    return st;
}

velo_status
vl_overflow_free(vl_ctx *ctx, vl_cache *cache, vl_overflow_freeing *freeing, uint32_t max_pages)
{
    overflow_shape shape = overflow_make_shape(vl_cache_page_size(cache), freeing->value.size);
    vl_pid pids[VL_CACHE_BATCH];

    while (max_pages > 0 && freeing->left > 0) { /* keeps V4 */
        overflow_place place = overflow_place_of(&shape, freeing->left - 1);
        uint32_t most = max_pages < VL_CACHE_BATCH ? max_pages : VL_CACHE_BATCH;
        uint32_t slot = 0;
        uint32_t run = 1;

        if (place.level < shape.height) {
            (void)overflow_place_parent(&shape, place, &slot);
            run = slot + 1 < most ? slot + 1 : most;
        }
        place.index -= run - 1;
        VL_TRY(overflow_find(ctx, cache, &freeing->value, &shape, place, run, pids));
        if (run > 1)
            vl_cache_load_batch(cache, pids, run);
        max_pages -= run;
        for (place.index += run - 1; run > 0; run--, place.index--)
            VL_TRY(overflow_free_page(ctx, cache, freeing, &shape, place, pids[run - 1]));
    }
    return VELO_OK;
}

velo_status
vl_overflow_free_all(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value)
{
    vl_overflow_freeing freeing = {*value, 0, NULL, NULL};

    freeing.left = vl_overflow_page_count(vl_cache_page_size(cache), value->size);
    return vl_overflow_free(ctx, cache, &freeing, freeing.left);
}

/* Whether page `number` of a value is still there. One that cannot be read is not. */
static velo_status
overflow_probe(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value, const overflow_shape *shape,
               uint32_t number, int *is_there)
{
    overflow_place place = overflow_place_of(shape, number);
    vl_page_ref ref;
    vl_pid pid;
    velo_status st = overflow_find(ctx, cache, value, shape, place, 1, &pid);

    if (st == VELO_OK)
        st = overflow_latch(ctx, cache, value, shape, place, pid, &ref);
    *is_there = st == VELO_OK;
    if (*is_there)
        vl_cache_release_shared(cache, &ref);
    if (st == VELO_CORRUPT) {
        vl_error_clear(ctx);
        return VELO_OK;
    }
    return st;
}

velo_status
vl_overflow_count_left(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value, uint32_t *left)
{
    overflow_shape shape = overflow_make_shape(vl_cache_page_size(cache), value->size);
    uint32_t low = 0; /* so many are there at least: V4 */
    uint32_t high = overflow_shape_pages(&shape);

    *left = 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int is_there;

        VL_TRY(overflow_probe(ctx, cache, value, &shape, middle, &is_there));
        if (is_there)
            low = middle + 1;
        else
            high = middle;
    }
    *left = low;
    return VELO_OK;
}

/* ---- writing ---- */

/* A value that is being written. */
typedef struct overflow_writer {
    vl_cache *cache;                  /* where */
    const vl_overflow_source *source; /* what */
    overflow_shape shape;             /* of it */
    vl_pid *pids;                     /* of all its pages, by level from data up (V5) */
    uint32_t born;                    /* how many of them exist */
    uint8_t *head;                    /* the root's bytes, when they come from a callback */
    uint8_t *part;                    /* a data page's bytes, when they come from a callback */
} overflow_writer;

/* Position in writer->pids of the first page of a level. */
static uint32_t
overflow_first_of(const overflow_shape *shape, uint32_t level)
{
    uint32_t first = 0;

    for (uint32_t i = 0; i < level; i++)
        first += shape->count[i];
    return first;
}

/* Get `size` bytes of the value: from memory, or into `buffer`. */
static velo_status
overflow_get_bytes(vl_ctx *ctx, const overflow_writer *writer, uint32_t offset, uint32_t size,
                   uint8_t *buffer, const uint8_t **bytes)
{
    const vl_overflow_source *source = writer->source;

    *bytes = buffer;
    if (size == 0)
        return VELO_OK;
    if (source->data == NULL)
        return source->fill(ctx, source->argument, buffer, size);
    *bytes = (const uint8_t *)source->data + offset;
    return VELO_OK;
}

/* Write the header and content of a new page; its frame is zeroed. */
static void
overflow_fill_page(const overflow_writer *writer, overflow_place place, const vl_page_ref *ref,
                   const uint8_t *bytes)
{
    const overflow_shape *shape = &writer->shape;
    overflow_header *header = ref->page;
    uint8_t *content = (uint8_t *)ref->page + sizeof *header;

    header->kind = place.level > 0 ? VL_PAGE_OVERFLOW_LIST : VL_PAGE_OVERFLOW_DATA;
    header->level = (uint8_t)place.level;
    header->count = overflow_place_count(shape, place);
    header->pid = ref->pid;
    header->tree = writer->source->tree;
    header->total = shape->total;
    header->offset = overflow_place_offset(shape, place);
    if (place.level == 0) {
        memcpy(content, bytes, header->count);
        return;
    }
    memcpy(content,
           writer->pids + overflow_first_of(shape, place.level - 1) +
               (size_t)place.index * shape->fanout,
           header->count * sizeof(vl_pid));
    if (place.level == shape->height && shape->root_bytes > 0)
        memcpy(content + header->count * sizeof(vl_pid), bytes, shape->root_bytes);
}

/* Bring one page into being, in a write section of its own (V3). */
static velo_status
overflow_add_page(vl_ctx *ctx, overflow_writer *writer, overflow_place place, const uint8_t *bytes)
{
    const vl_overflow_source *source = writer->source;
    vl_change change;
    vl_page_ref ref;
    velo_status st;

    vl_change_begin(writer->cache, &change);
    st = vl_change_new_page(ctx, &change, &ref);
    if (st == VELO_OK)
        overflow_fill_page(writer, place, &ref, bytes);
    while (st == VELO_OK && !vl_change_enter(&change))
        st = vl_change_wait(ctx, &change);
    if (st == VELO_OK) {
        writer->pids[writer->born++] = ref.pid;
        if (source->note != NULL)
            source->note(source->argument, ref.pid, 1);
        vl_change_leave(&change);
        vl_cache_release_exclusive(writer->cache, &ref);
    }
    vl_change_end(&change);
    return st;
}

static velo_status
overflow_write_pages(vl_ctx *ctx, overflow_writer *writer)
{
    const overflow_shape *shape = &writer->shape;
    overflow_place place = {0, 0};
    const uint8_t *head;
    const uint8_t *bytes;

    VL_TRY(overflow_get_bytes(ctx, writer, 0, shape->root_bytes, writer->head, &head));
    for (; place.index < shape->count[0]; place.index++) {
        VL_TRY(overflow_get_bytes(ctx, writer, overflow_place_offset(shape, place),
                                  overflow_place_count(shape, place), writer->part, &bytes));
        VL_TRY(overflow_add_page(ctx, writer, place, bytes));
    }
    for (place.level = 1; place.level <= shape->height; place.level++)
        for (place.index = 0; place.index < shape->count[place.level]; place.index++)
            VL_TRY(overflow_add_page(ctx, writer, place, head));
    return VELO_OK;
}

/* Free what was written before a failure, from the last page to the first. The failure stays the
 * context's error; if a page cannot be freed, its message says so as well. */
static void
overflow_give_back(vl_ctx *ctx, overflow_writer *writer, velo_status st)
{
    const vl_overflow_source *source = writer->source;
    vl_overflow_freeing freeing = {{source->tree, 0, source->size}, 0, source->note, NULL};
    vl_error first = ctx->error;
    uint32_t lost = 0;
    uint32_t all = overflow_shape_pages(&writer->shape);

    freeing.argument = source->argument;
    for (; writer->born > 0; writer->born--) {
        uint32_t at = writer->born - 1;
        overflow_place place = {0, at};

        while (place.index >= writer->shape.count[place.level]) {
            place.index -= writer->shape.count[place.level];
            place.level++;
        }
        freeing.left = all;
        if (overflow_free_page(ctx, writer->cache, &freeing, &writer->shape, place,
                               writer->pids[at]) != VELO_OK)
            lost++;
    }
    if (lost > 0) {
        vl_error last = ctx->error;

        ctx->error = first;
        (void)vl_fail(ctx, st, "%s; and %u pages written before cannot be freed: %s", first.text,
                      (unsigned)lost, last.text);
        return;
    }
    ctx->error = first;
}

/* Allocate all the memory that writing takes (V5). */
static velo_status
overflow_writer_init(vl_ctx *ctx, overflow_writer *writer)
{
    const overflow_shape *shape = &writer->shape;

    writer->pids = vl_alloc_array(ctx, overflow_shape_pages(shape), sizeof *writer->pids);
    if (writer->pids == NULL)
        goto fail;
    if (writer->source->data != NULL)
        return VELO_OK;
    writer->head = vl_alloc(ctx, shape->root_bytes);
    if (writer->head == NULL)
        goto fail;
    if (shape->count[0] == 0)
        return VELO_OK;
    writer->part = vl_alloc(ctx, (size_t)shape->cover[0]);
    if (writer->part != NULL)
        return VELO_OK;
fail:
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate what writing a value of %u bytes takes",
                   (unsigned)shape->total);
}

velo_status
vl_overflow_write(vl_ctx *ctx, vl_cache *cache, const vl_overflow_source *source, vl_pid *pid)
{
    overflow_writer writer = {0};
    velo_status st;

    *pid = 0;
    VL_ASSERT(source->size == 0 || source->data != NULL || source->fill != NULL);
    if (source->size > VL_OVERFLOW_MAX_SIZE)
        return vl_fail(ctx, VELO_TOOBIG, "a value of %u bytes is longer than %u bytes",
                       (unsigned)source->size, (unsigned)VL_OVERFLOW_MAX_SIZE);
    writer.cache = cache;
    writer.source = source;
    writer.shape = overflow_make_shape(vl_cache_page_size(cache), source->size);
    st = overflow_writer_init(ctx, &writer);
    if (st == VELO_OK)
        st = overflow_write_pages(ctx, &writer);
    if (st == VELO_OK)
        *pid = writer.pids[writer.born - 1];
    else if (writer.born > 0)
        overflow_give_back(ctx, &writer, st);
    vl_free(writer.pids);
    vl_free(writer.head);
    vl_free(writer.part);
    return st;
}

/* ---- verification ---- */

velo_status
vl_overflow_verify(vl_ctx *ctx, vl_cache *cache, const vl_overflow *value, vl_overflow_visit *visit,
                   void *argument)
{
    overflow_shape shape = overflow_make_shape(vl_cache_page_size(cache), value->size);
    uint32_t pages = overflow_shape_pages(&shape);
    vl_pid pids[VL_CACHE_BATCH];
    vl_page_ref ref;
    uint32_t run;

    for (uint32_t number = 0; number < pages; number += run) {
        overflow_place place = overflow_place_of(&shape, number);

        run = overflow_run(&shape, place, VL_CACHE_BATCH);
        VL_TRY(overflow_find(ctx, cache, value, &shape, place, run, pids));
        if (run > 1)
            vl_cache_load_batch(cache, pids, run);
        for (uint32_t i = 0; i < run; i++, place.index++) {
            VL_TRY(overflow_latch(ctx, cache, value, &shape, place, pids[i], &ref));
            vl_cache_release_shared(cache, &ref);
            if (visit != NULL)
                VL_TRY(visit(ctx, argument, pids[i]));
        }
    }
    return VELO_OK;
}
