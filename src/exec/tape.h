/* tape.h - rows in a line: appended at the end, read anywhere, forgotten from the beginning.
 *
 * Rows have numbers, which go on rising when rows are forgotten. They are kept in blocks; when the
 * execution's memory limit is exceeded, blocks that are full go to a temporary file, and a cursor
 * brings the one it looks at back. So what a tape takes above the limit is its last block, a block
 * for each cursor, and some 100 bytes for each block of the file.
 *
 *     vl_tape_init; vl_tape_append ...; vl_tape_read ...; vl_tape_forget; vl_tape_deinit
 *
 * Threads: one at a time. */
#ifndef VL_EXEC_TAPE_H
#define VL_EXEC_TAPE_H

#include "base/arena.h"
#include "exec/spill.h"

/* A block is full with so many rows, or about so many bytes. */
#define VL_TAPE_BLOCK_ROWS VL_BY_BUILD(256U, 4U)
#define VL_TAPE_BLOCK_SIZE VL_BY_BUILD(65536U, 512U)

typedef struct vl_tape_block {
    uint64_t first;  /* number of its first row */
    uint32_t count;  /* its rows */
    uint64_t begin;  /* where it is in the file, when rows is NULL */
    uint64_t end;    /* see begin */
    vl_value **rows; /* VL_TAPE_BLOCK_ROWS of them, in the arena; NULL: they are in the file */
    vl_arena arena;  /* of the rows */
    size_t held;     /* by the arena at the beginning: it may be one that was used before */
} vl_tape_block;

typedef struct vl_tape {
    struct vl_exec *exec;  /* NULL: not begun, or ended */
    uint32_t width;        /* values of a row */
    vl_tape_block *blocks; /* capacity of them; [head, tail) are in use */
    size_t head;
    size_t tail;
    size_t capacity;
    size_t memory_head; /* the first block that is in memory; those before it are in the file */
    uint64_t end;       /* number of the next row that is appended */
    uint64_t bytes;     /* of the blocks in memory */
    vl_spill spill;     /* the file */
    vl_arena spare;     /* of a block that was forgotten; its memory is used again */
    uint64_t charged;   /* bytes */
} vl_tape;

/* A place where rows are read. All zeros is its beginning. */
typedef struct vl_tape_cursor {
    size_t hint;            /* the block that was looked at last, counted from the tape's head */
    uint64_t loaded;        /* number of the first row of the block that was brought back, */
    int is_loaded;          /* if there is one */
    vl_value **rows;        /* its rows, in the arena */
    vl_arena arena;         /* of the rows */
    vl_spill_reader reader; /* reads them */
    uint64_t charged;       /* bytes */
} vl_tape_cursor;

/* Begin: the first row has number 0. Allocates nothing. */
void vl_tape_init(vl_ctx *ctx, vl_tape *tape, struct vl_exec *exec, uint32_t width);

/* Append a row, which is copied. Rows that cursors gave are gone.
 * errors  VELO_NOMEM, those of vl_spill_write; then only deinit may follow */
velo_status vl_tape_append(vl_ctx *ctx, vl_tape *tape, const vl_value *row) VL_MUST_CHECK;

/* The row that was appended last; there is one. It stays until the next is appended. */
const vl_value *vl_tape_last(const vl_tape *tape);

/* Read a row that is there. It stays until the cursor is used again, or a row is appended or
 * forgotten.
 * errors  VELO_NOMEM, those of vl_spill_read; then only deinit may follow */
velo_status vl_tape_read(vl_ctx *ctx, vl_tape *tape, vl_tape_cursor *cursor, uint64_t number,
                         const vl_value **row) VL_MUST_CHECK;

/* The rows before `number` are not read any more. */
void vl_tape_forget(vl_tape *tape, uint64_t number);

/* Give all back. A tape, or a cursor, of zeros is allowed; cursors go first. */
void vl_tape_deinit(vl_tape *tape);
void vl_tape_cursor_deinit(const vl_tape *tape, vl_tape_cursor *cursor);

#endif
