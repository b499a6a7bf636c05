/* writer.h - writing a database of SQLite's from its first page to its last.
 *
 * Trees are given row by row in their order and are built from their leaves up, so that every page
 * is written once; nothing is ever changed in place. The order is the caller's to keep: rowids
 * rise, entries of indexes are sorted as SQLite sorts them. The file is made of pages in UTF-8 and
 * schema format 4, without a free list.
 *
 *     create
 *     tree_begin, tree_add ..., tree_end     each tree, which gives its root
 *     tree_begin(SCHEMA), tree_add ...       rows of sqlite_schema, last of all
 *     finish                                 page 1
 *
 * Until finish the file's first page is zeros: a file that was not finished is no database.
 *
 * Memory: a page for each level of the tree at hand, and the row at hand. Threads: one at a time.
 */
#ifndef VL_LITE_WRITER_H
#define VL_LITE_WRITER_H

#include "base/ctx.h"
#include "base/type.h"
#include "os/io.h"

typedef struct vl_lite_writer vl_lite_writer;

typedef enum vl_lite_kind {
    VL_LITE_TABLE, /* rows by rising rowid */
    VL_LITE_INDEX, /* records in their order: an index, or a table WITHOUT ROWID */
    VL_LITE_SCHEMA /* sqlite_schema */
} vl_lite_kind;

/* Begin a database.
 *
 * file       an empty file, open for writing; borrowed. NULL: it is made in memory
 * page_size  a power of two from 512 to 65536 */
velo_status vl_lite_writer_create(vl_ctx *ctx, vl_file *file, uint32_t page_size,
                                  vl_lite_writer **out) VL_MUST_CHECK;

/* NULL is allowed. What was made in memory goes with it. */
void vl_lite_writer_destroy(vl_lite_writer *writer);

/* Begin a tree, add a row to its end, and end it; *root receives its root page.
 *
 * rowid   of a table or the schema
 * errors  VELO_INTERNAL: rowids do not rise; VELO_TOOBIG: the row, or the database, is larger than
 *         the format allows; VELO_NOMEM, VELO_FULL, VELO_IOERR */
velo_status vl_lite_tree_begin(vl_ctx *ctx, vl_lite_writer *writer, vl_lite_kind kind)
    VL_MUST_CHECK;
velo_status vl_lite_tree_add(vl_ctx *ctx, vl_lite_writer *writer, int64_t rowid,
                             const vl_value *values, uint32_t count) VL_MUST_CHECK;
velo_status vl_lite_tree_end(vl_ctx *ctx, vl_lite_writer *writer, uint32_t *root) VL_MUST_CHECK;

/* Numbers of the database. */
typedef struct vl_lite_numbers {
    uint32_t schema_cookie;
    int32_t user_version;
    int32_t application_id;
} vl_lite_numbers;

/* Write page 1 behind all others. A file is synced, so that it is complete and durable. */
velo_status vl_lite_writer_finish(vl_ctx *ctx, vl_lite_writer *writer,
                                  const vl_lite_numbers *numbers) VL_MUST_CHECK;

/* What was made in memory, after finish; to be given back with vl_free. */
void *vl_lite_writer_take(vl_lite_writer *writer, uint64_t *size);

#endif
