/* writer.c - trees of SQLite's, from their leaves up.
 *
 * Each level has one page that is being filled. When a cell does not fit, the page is written, and
 * what separates it from the next one goes to the level above: of a table the last rowid; of an
 * index a whole entry, which is taken off the page's end.
 *
 * Invariants
 *   LW1  A page that is written has a cell, but for the root of an empty tree: a page that was
 *        begun has the cell that did not fit before, and gives none away before the next one comes.
 *   LW2  The root of the schema is page 1, behind the file's header. A root that is too full for
 *        that goes elsewhere, and page 1 has it as its only child, as SQLite does it. */
#include "lite/writer.h"

#include "lite/writer_int.h"

#include "base/alloc.h"

#include <string.h>

#define WRITER_LEVELS_MAX 32U

/* The number of the version of SQLite that is said to have written the file: the last one to change
 * the format of what is written here. */
#define WRITER_SQLITE_VERSION 3008000U

typedef struct writer_level {
    uint8_t *page;      /* owned; NULL: not used yet */
    uint32_t cells;     /* on it */
    uint32_t content;   /* where the content begins: its cells, from the page's end on */
    uint32_t last_size; /* bytes of the newest cell, which is at `content` */
    int64_t last_rowid; /* of a leaf of a table: the newest */
} writer_level;

struct vl_lite_writer {
    vl_lite_output output;
    vl_lite_kind kind;    /* of the tree at hand */
    uint32_t depth;       /* levels in use; 0: no tree was begun */
    uint64_t row_count;   /* of the tree at hand */
    uint8_t *first_page;  /* page 1, when the schema is there; owned */
    vl_lite_bytes record; /* of the row at hand */
    vl_lite_bytes cell;   /* likewise */
    vl_lite_bytes moved;  /* what is on its way up */
    vl_lite_bytes spare;  /* what will be, when that does not fit */
    uint8_t *overflow;    /* room for a page; owned */
    writer_level levels[WRITER_LEVELS_MAX];
};

static int
writer_is_index(const vl_lite_writer *writer)
{
    return writer->kind == VL_LITE_INDEX;
}

static uint32_t
writer_header_size(uint32_t level)
{
    return level == 0 ? VL_LITE_LEAF_HEADER : VL_LITE_INNER_HEADER;
}

static void
writer_clear(const vl_lite_writer *writer, writer_level *level)
{
    memset(level->page, 0, writer->output.page_size);
    level->cells = 0;
    level->content = writer->output.page_size;
}

/* Begin a page on a level that had none. */
static velo_status
writer_open_level(vl_ctx *ctx, vl_lite_writer *writer, uint32_t at)
{
    writer_level *level = &writer->levels[at];

    if (at == WRITER_LEVELS_MAX)
        return vl_fail(ctx, VELO_TOOBIG, "a tree is too deep for SQLite");
    if (level->page == NULL)
        level->page = vl_alloc(ctx, writer->output.page_size);
    if (level->page == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a page");
    writer_clear(writer, level);
    writer->depth = at + 1;
    return VELO_OK;
}

/* Whether a cell fits. */
static int
writer_fits(const vl_lite_writer *writer, uint32_t at, size_t size)
{
    const writer_level *level = &writer->levels[at];
    size_t room = level->content - writer_header_size(at) - 2 * (size_t)level->cells;

    return size + 2 <= room;
}

static void
writer_put(vl_lite_writer *writer, uint32_t at, const uint8_t *cell, size_t size)
{
    writer_level *level = &writer->levels[at];

    level->content -= (uint32_t)size;
    level->last_size = (uint32_t)size;
    memcpy(level->page + level->content, cell, size);
    vl_lite_put16(level->page + writer_header_size(at) + 2 * (size_t)level->cells, level->content);
    level->cells++;
}

/* Take the newest cell off again; its bytes stay where they are until the next one. */
static const uint8_t *
writer_take_last(vl_lite_writer *writer, uint32_t at, uint32_t *size)
{
    writer_level *level = &writer->levels[at];
    const uint8_t *cell = level->page + level->content;

    *size = level->last_size;
    level->cells--;
    level->content += level->last_size;
    memset(level->page + writer_header_size(at) + 2 * (size_t)level->cells, 0, 2);
    return cell;
}

/* Fill in a page's header. right: of an inner page its last child. */
static void
writer_seal(vl_lite_writer *writer, uint32_t at, uint32_t right)
{
    writer_level *level = &writer->levels[at];
    uint32_t leaf = writer_is_index(writer) ? VL_LITE_INDEX_LEAF : VL_LITE_TABLE_LEAF;
    uint32_t inner = writer_is_index(writer) ? VL_LITE_INDEX_INNER : VL_LITE_TABLE_INNER;

    level->page[0] = (uint8_t)(at == 0 ? leaf : inner);
    vl_lite_put16(level->page + 3, level->cells);
    vl_lite_put16(level->page + 5, level->content & 0xffffU); /* 65536 is written as 0 */
    if (at > 0)
        vl_lite_put32(level->page + 8, right);
}

/* Write a page that is done, and begin the next one on its level; *pgno is its number. */
static velo_status
writer_flush(vl_ctx *ctx, vl_lite_writer *writer, uint32_t at, uint32_t right, uint32_t *pgno)
{
    writer_seal(writer, at, right);
    *pgno = vl_lite_output_next(&writer->output);
    VL_TRY(vl_lite_output_page(ctx, &writer->output, writer->levels[at].page));
    writer_clear(writer, &writer->levels[at]);
    return VELO_OK;
}

/* Add a child with what stands behind it to the pages above `at`: of a table its greatest rowid, of
 * an index the entry in `moved`. */
static velo_status
writer_push(vl_ctx *ctx, vl_lite_writer *writer, uint32_t at, uint32_t child)
{
    vl_lite_bytes *moved = &writer->moved;
    vl_lite_bytes *spare = &writer->spare;

    for (;;) {
        vl_lite_bytes swapped;
        uint32_t size;
        const uint8_t *last;
        uint32_t right;

        at++;
        if (at == writer->depth)
            VL_TRY(writer_open_level(ctx, writer, at));
        vl_lite_put32(moved->data, child);
        if (writer_fits(writer, at, moved->size)) {
            writer_put(writer, at, moved->data, moved->size);
            return VELO_OK;
        }
        /* The last cell's child becomes the page's last, and what stands behind that goes up;
         * keeps LW1. */
        last = writer_take_last(writer, at, &size);
        right = vl_lite_get32(last);
        spare->size = 0;
        VL_TRY(vl_lite_bytes_reserve(ctx, spare, size));
        memcpy(spare->data, last, size);
        spare->size = size;
        memset(writer->levels[at].page + writer->levels[at].content - size, 0, size);
        VL_TRY(writer_flush(ctx, writer, at, right, &child));
        writer_put(writer, at, moved->data, moved->size);
        swapped = *moved;
        *moved = *spare;
        *spare = swapped;
    }
}

/* The leaf is full: write it. */
static velo_status
writer_end_leaf(vl_ctx *ctx, vl_lite_writer *writer)
{
    writer_level *leaf = &writer->levels[0];
    vl_lite_bytes *moved = &writer->moved;
    uint32_t pgno;

    moved->size = 0;
    if (writer_is_index(writer)) {
        uint32_t size;
        const uint8_t *last = writer_take_last(writer, 0, &size);

        VL_TRY(vl_lite_bytes_reserve(ctx, moved, (size_t)size + 4));
        memcpy(moved->data + 4, last, size);
        moved->size = (size_t)size + 4;
        memset(leaf->page + leaf->content - size, 0, size);
    } else {
        VL_TRY(vl_lite_bytes_reserve(ctx, moved, 4 + VL_LITE_VARINT_SIZE));
        moved->size =
            (size_t)(vl_lite_put_varint(moved->data + 4, (uint64_t)leaf->last_rowid) - moved->data);
    }
    VL_TRY(writer_flush(ctx, writer, 0, 0, &pgno));
    return writer_push(ctx, writer, 0, pgno);
}

/* Write the part of a record that does not stand in its cell; *first is its first page. */
static velo_status
writer_spill(vl_ctx *ctx, vl_lite_writer *writer, size_t from, uint32_t *first)
{
    size_t room = writer->output.page_size - 4;
    const vl_lite_bytes *record = &writer->record;

    if (writer->overflow == NULL)
        writer->overflow = vl_alloc(ctx, writer->output.page_size);
    if (writer->overflow == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a page");
    *first = vl_lite_output_next(&writer->output);
    for (size_t at = from; at < record->size; at += room) {
        size_t part = record->size - at < room ? record->size - at : room;
        vl_lite_output behind = writer->output;

        behind.page_count = vl_lite_output_next(&behind);
        memset(writer->overflow, 0, writer->output.page_size);
        if (at + part < record->size)
            vl_lite_put32(writer->overflow, vl_lite_output_next(&behind));
        memcpy(writer->overflow + 4, record->data + at, part);
        VL_TRY(vl_lite_output_page(ctx, &writer->output, writer->overflow));
    }
    return VELO_OK;
}

/* Make the cell of a row in writer->cell. */
static velo_status
writer_make_cell(vl_ctx *ctx, vl_lite_writer *writer, int64_t rowid)
{
    vl_lite_bytes *cell = &writer->cell;
    const vl_lite_bytes *record = &writer->record;
    uint32_t local =
        vl_lite_local_size(writer->output.page_size, writer_is_index(writer), record->size);
    uint32_t first = 0;
    uint8_t *at;

    cell->size = 0;
    if (local < record->size)
        VL_TRY(writer_spill(ctx, writer, local, &first));
    VL_TRY(vl_lite_bytes_reserve(ctx, cell, (size_t)2 * VL_LITE_VARINT_SIZE + local + 8));
    at = vl_lite_put_varint(cell->data, record->size);
    if (!writer_is_index(writer))
        at = vl_lite_put_varint(at, (uint64_t)rowid);
    memcpy(at, record->data, local);
    at += local;
    if (first != 0) {
        vl_lite_put32(at, first);
        at += 4;
    }
    while (at < cell->data + 4) /* the least that a cell takes */
        *at++ = 0;
    cell->size = (size_t)(at - cell->data);
    return VELO_OK;
}

velo_status
vl_lite_writer_create(vl_ctx *ctx, vl_file *file, uint32_t page_size, vl_lite_writer **out)
{
    *out = NULL;
    if (page_size < 512 || page_size > 65536 || (page_size & (page_size - 1)) != 0)
        return vl_fail(ctx, VELO_MISUSE, "SQLite has no pages of %u bytes", (unsigned)page_size);
    *out = vl_alloc_zero(ctx, sizeof **out);
    if (*out == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a writer");
    (*out)->output.file = file;
    (*out)->output.page_size = page_size;
    (*out)->output.page_count = 0;
    return VELO_OK;
}

void
vl_lite_writer_destroy(vl_lite_writer *writer)
{
    if (writer == NULL)
        return;
    for (uint32_t i = 0; i < WRITER_LEVELS_MAX; i++)
        vl_free(writer->levels[i].page);
    vl_free(writer->first_page);
    vl_free(writer->overflow);
    vl_free(writer->record.data);
    vl_free(writer->cell.data);
    vl_free(writer->moved.data);
    vl_free(writer->spare.data);
    vl_free(writer->output.bytes.data);
    vl_free(writer);
}

velo_status
vl_lite_tree_begin(vl_ctx *ctx, vl_lite_writer *writer, vl_lite_kind kind)
{
    writer->kind = kind;
    writer->row_count = 0;
    return writer_open_level(ctx, writer, 0);
}

velo_status
vl_lite_tree_add(vl_ctx *ctx, vl_lite_writer *writer, int64_t rowid, const vl_value *values,
                 uint32_t count)
{
    writer_level *leaf = &writer->levels[0];

    if (!writer_is_index(writer) && writer->row_count > 0 && rowid <= leaf->last_rowid)
        return vl_fail(ctx, VELO_INTERNAL, "rowids do not rise");
    VL_TRY(vl_lite_record_make(ctx, values, count, &writer->record));
    VL_TRY(writer_make_cell(ctx, writer, rowid));
    if (!writer_fits(writer, 0, writer->cell.size))
        VL_TRY(writer_end_leaf(ctx, writer));
    writer_put(writer, 0, writer->cell.data, writer->cell.size);
    leaf->last_rowid = rowid;
    writer->row_count++;
    return VELO_OK;
}

/* Put the root of the schema onto page 1, or a page that has it as its child; keeps LW2. */
static velo_status
writer_keep_root(vl_ctx *ctx, vl_lite_writer *writer, uint32_t at, uint32_t right)
{
    writer_level *level = &writer->levels[at];
    size_t header = writer_header_size(at) + 2 * (size_t)level->cells;

    writer->first_page = vl_alloc_zero(ctx, writer->output.page_size);
    if (writer->first_page == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a page");
    if (level->content - header < VL_LITE_FILE_HEADER) {
        VL_TRY(writer_flush(ctx, writer, at, right, &right));
        at++;
        VL_TRY(writer_open_level(ctx, writer, at));
        level = &writer->levels[at];
        header = VL_LITE_INNER_HEADER;
    }
    writer_seal(writer, at, right);
    memcpy(writer->first_page + VL_LITE_FILE_HEADER, level->page, header);
    memcpy(writer->first_page + level->content, level->page + level->content,
           writer->output.page_size - level->content);
    return VELO_OK;
}

velo_status
vl_lite_tree_end(vl_ctx *ctx, vl_lite_writer *writer, uint32_t *root)
{
    uint32_t top = writer->depth - 1;

    *root = 0;
    for (uint32_t at = 0; at < top; at++)
        VL_TRY(writer_flush(ctx, writer, at, *root, root));
    if (writer->kind != VL_LITE_SCHEMA)
        return writer_flush(ctx, writer, top, *root, root);
    VL_TRY(writer_keep_root(ctx, writer, top, *root));
    *root = 1;
    return VELO_OK;
}

velo_status
vl_lite_writer_finish(vl_ctx *ctx, vl_lite_writer *writer, const vl_lite_numbers *numbers)
{
    uint32_t page_size = writer->output.page_size;
    uint8_t *page = writer->first_page;

    memcpy(page, VL_LITE_MAGIC, sizeof VL_LITE_MAGIC);
    vl_lite_put16(page + 16, page_size == 65536 ? 1 : page_size);
    page[18] = 1; /* written and read with a rollback journal */
    page[19] = 1;
    page[21] = 64;
    page[22] = 32;
    page[23] = 32;
    vl_lite_put32(page + 24, 1); /* transactions so far */
    vl_lite_put32(page + 28, writer->output.page_count < 1 ? 1 : writer->output.page_count);
    vl_lite_put32(page + 40, numbers->schema_cookie);
    vl_lite_put32(page + 44, 4); /* format of the schema */
    vl_lite_put32(page + 56, 1); /* UTF-8 */
    vl_lite_put32(page + 60, (uint32_t)numbers->user_version);
    vl_lite_put32(page + 68, (uint32_t)numbers->application_id);
    vl_lite_put32(page + 92, 1); /* the page count is that of this transaction */
    vl_lite_put32(page + 96, WRITER_SQLITE_VERSION);
    return vl_lite_output_finish(ctx, &writer->output, page);
}

void *
vl_lite_writer_take(vl_lite_writer *writer, uint64_t *size)
{
    void *data = writer->output.bytes.data;

    *size = writer->output.bytes.size;
    writer->output.bytes = (vl_lite_bytes){NULL, 0, 0};
    return data;
}
