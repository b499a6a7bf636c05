/* scan.c - the rows of a tree of SQLite's, from the first to the last.
 *
 * Invariants
 *   LS1  A scan ends whatever its pages say: it goes at most SCAN_DEPTH_MAX levels deep, and reads
 *        no more pages, those of overflow counted, than the database has.
 *   LS2  Nothing outside of a page's usable bytes is read by what a page says. */
#include "lite/reader_int.h"

#include "base/alloc.h"

#include <string.h>

/* Levels of a tree at most: of two children a page, more than there can be pages. */
#define SCAN_DEPTH_MAX 32U

/* A page on the way to the row at hand. */
typedef struct rows_level {
    uint8_t *page;  /* owned; NULL: not used yet */
    uint32_t pgno;  /* which */
    uint32_t start; /* of its header: behind the file's on page 1 */
    uint32_t cells; /* that it has */
    uint32_t at;    /* the next cell; in inner pages the next child */
    int is_leaf;    /* it has no children */
    int is_at_cell; /* inner page of an index: the cell before that child comes next */
} rows_level;

struct vl_lite_scan {
    vl_lite_reader *reader;
    int is_index;
    int has_row;     /* rowid is that of the row before */
    int64_t rowid;   /* see has_row */
    uint32_t depth;  /* levels in use */
    uint64_t budget; /* pages that may still be read */
    rows_level levels[SCAN_DEPTH_MAX];
    uint8_t *overflow; /* room for a page; NULL: not used yet */
    uint8_t *payload;  /* of the row at hand, where it is not on one page; owned */
    size_t payload_capacity;
    vl_arena arena;        /* of its texts */
    vl_lite_record record; /* its values */
};

static velo_status
rows_fail(vl_ctx *ctx, uint32_t pgno, const char *what)
{
    (void)vl_fail(ctx, VELO_CORRUPT, "page %u: %s", (unsigned)pgno, what);
    return VELO_CORRUPT;
}

/* Read a page, if it may be; keeps LS1. */
static velo_status
rows_read(vl_ctx *ctx, vl_lite_scan *scan, uint32_t pgno, uint32_t from, uint8_t **page)
{
    if (*page == NULL)
        *page = vl_alloc(ctx, scan->reader->header.page_size);
    if (*page == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a page");
    if (scan->budget == 0)
        return rows_fail(ctx, from, "its tree has pages in more than one place");
    scan->budget--;
    return vl_lite_read_page(ctx, scan->reader, pgno, from, *page);
}

/* Begin a page of the tree, one level further down. */
static velo_status
rows_enter(vl_ctx *ctx, vl_lite_scan *scan, uint32_t pgno, uint32_t from)
{
    uint32_t leaf = scan->is_index ? VL_LITE_INDEX_LEAF : VL_LITE_TABLE_LEAF;
    uint32_t inner = scan->is_index ? VL_LITE_INDEX_INNER : VL_LITE_TABLE_INNER;
    rows_level *level;
    const uint8_t *header;

    if (scan->depth == SCAN_DEPTH_MAX)
        return rows_fail(ctx, from, "its tree is deeper than a tree can be");
    level = &scan->levels[scan->depth];
    VL_TRY(rows_read(ctx, scan, pgno, from, &level->page));
    level->pgno = pgno;
    level->start = pgno == 1 ? VL_LITE_FILE_HEADER : 0;
    level->at = 0;
    level->is_at_cell = 0;
    header = level->page + level->start;
    if (header[0] != leaf && header[0] != inner)
        return rows_fail(ctx, pgno, "it is no page of the tree that has it");
    level->is_leaf = header[0] == leaf;
    level->cells = vl_lite_get16(header + 3);
    if (level->start + (level->is_leaf ? VL_LITE_LEAF_HEADER : VL_LITE_INNER_HEADER) +
            2 * level->cells >
        scan->reader->header.usable_size)
        return rows_fail(ctx, pgno, "it has more cells than it has room");
    scan->depth++;
    return VELO_OK;
}

/* The bytes of a cell of a page; *end is behind what may be read. keeps LS2 */
static velo_status
rows_find_cell(vl_ctx *ctx, const vl_lite_scan *scan, const rows_level *level, uint32_t cell,
               const uint8_t **at, const uint8_t **end)
{
    uint32_t usable = scan->reader->header.usable_size;
    uint32_t array = level->start + (level->is_leaf ? VL_LITE_LEAF_HEADER : VL_LITE_INNER_HEADER);
    uint32_t offset = vl_lite_get16(level->page + array + 2 * (size_t)cell);

    if (offset < array + 2 * level->cells || offset + 4 > usable)
        return rows_fail(ctx, level->pgno, "a cell lies outside of it");
    *at = level->page + offset;
    *end = level->page + usable;
    return VELO_OK;
}

/* Gather a payload that goes on on overflow pages. */
static velo_status
rows_gather(vl_ctx *ctx, vl_lite_scan *scan, uint32_t pgno, const uint8_t *local,
            uint32_t local_size, size_t size)
{
    uint32_t room = scan->reader->header.usable_size - 4;
    uint32_t next = vl_lite_get32(local + local_size);
    size_t at = local_size;

    if (size > scan->payload_capacity) {
        uint8_t *more = vl_realloc(ctx, scan->payload, size);

        if (more == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of %zu bytes", size);
        scan->payload = more;
        scan->payload_capacity = size;
    }
    memcpy(scan->payload, local, local_size);
    while (at < size) {
        size_t part = size - at < room ? size - at : room;

        VL_TRY(rows_read(ctx, scan, next, pgno, &scan->overflow));
        memcpy(scan->payload + at, scan->overflow + 4, part);
        at += part;
        pgno = next;
        next = vl_lite_get32(scan->overflow);
    }
    return VELO_OK;
}

/* Read a row's record, whose size stands at `at`. */
static velo_status
rows_take_payload(vl_ctx *ctx, vl_lite_scan *scan, const rows_level *level, const uint8_t *at,
                  const uint8_t *end)
{
    const vl_lite_header *header = &scan->reader->header;
    const uint8_t *bytes;
    uint64_t size = 0;
    uint64_t rowid = 0;
    uint32_t local;

    at = vl_lite_get_varint(at, end, &size);
    if (at != NULL && !scan->is_index)
        at = vl_lite_get_varint(at, end, &rowid);
    if (at == NULL)
        return rows_fail(ctx, level->pgno, "a cell ends within a number");
    if (size > (uint64_t)header->page_count * header->page_size || size > INT32_MAX)
        return rows_fail(ctx, level->pgno, "a row is longer than the database");
    local = vl_lite_local_size(header->usable_size, scan->is_index, size);
    if ((uint64_t)(end - at) < (uint64_t)local + (local < size ? 4 : 0))
        return rows_fail(ctx, level->pgno, "a cell goes beyond the end of its page");
    if (!scan->is_index && scan->has_row && (int64_t)rowid <= scan->rowid)
        return rows_fail(ctx, level->pgno, "rowids do not rise");
    scan->rowid = (int64_t)rowid;
    scan->has_row = 1;
    bytes = at;
    if (local < size) {
        VL_TRY(rows_gather(ctx, scan, level->pgno, at, local, (size_t)size));
        bytes = scan->payload;
    }
    vl_arena_reset(&scan->arena);
    return vl_lite_record_read(ctx, bytes, (size_t)size, header->encoding, &scan->arena,
                               level->pgno, &scan->record);
}

/* Read the next cell of a leaf, or of an inner page of an index. */
static velo_status
rows_take_cell(vl_ctx *ctx, vl_lite_scan *scan, rows_level *level, uint32_t cell)
{
    const uint8_t *at;
    const uint8_t *end;

    VL_TRY(rows_find_cell(ctx, scan, level, cell, &at, &end));
    return rows_take_payload(ctx, scan, level, level->is_leaf ? at : at + 4, end);
}

/* Go down to the next child of an inner page. */
static velo_status
rows_descend(vl_ctx *ctx, vl_lite_scan *scan, rows_level *level)
{
    const uint8_t *at = level->page + level->start + VL_LITE_LEAF_HEADER;
    const uint8_t *end;

    if (level->at < level->cells)
        VL_TRY(rows_find_cell(ctx, scan, level, level->at, &at, &end));
    level->at++;
    level->is_at_cell = scan->is_index;
    return rows_enter(ctx, scan, vl_lite_get32(at), level->pgno);
}

velo_status
vl_lite_scan_create(vl_ctx *ctx, vl_lite_reader *reader, uint32_t root, int is_index,
                    vl_lite_scan **out)
{
    vl_lite_scan *scan = vl_alloc_zero(ctx, sizeof *scan);
    velo_status st;

    *out = NULL;
    if (scan == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a scan");
    scan->reader = reader;
    scan->is_index = is_index;
    scan->budget = reader->header.page_count;
    vl_arena_init(&scan->arena, ctx->allocator, 0);
    st = rows_enter(ctx, scan, root, 1);
    if (st != VELO_OK) {
        vl_lite_scan_destroy(scan);
        return st;
    }
    *out = scan;
    return VELO_OK;
}

void
vl_lite_scan_destroy(vl_lite_scan *scan)
{
    if (scan == NULL)
        return;
    for (uint32_t i = 0; i < SCAN_DEPTH_MAX; i++)
        vl_free(scan->levels[i].page);
    vl_free(scan->overflow);
    vl_free(scan->payload);
    vl_free(scan->record.values);
    vl_arena_deinit(&scan->arena);
    vl_free(scan);
}

velo_status
vl_lite_scan_next(vl_ctx *ctx, vl_lite_scan *scan, vl_lite_row *row, int *found)
{
    *found = 0;
    while (scan->depth > 0 && !*found) {
        rows_level *level = &scan->levels[scan->depth - 1];

        if (level->is_leaf ? level->at < level->cells
                           : level->is_at_cell && level->at <= level->cells) {
            uint32_t cell = level->is_leaf ? level->at++ : level->at - 1;

            level->is_at_cell = 0;
            VL_TRY(rows_take_cell(ctx, scan, level, cell));
            *row = (vl_lite_row){scan->is_index ? 0 : scan->rowid, scan->record.values,
                                 scan->record.count, level->pgno};
            *found = 1;
        } else if (!level->is_leaf && level->at <= level->cells) {
            VL_TRY(rows_descend(ctx, scan, level));
        } else {
            scan->depth--;
        }
    }
    return VELO_OK;
}
