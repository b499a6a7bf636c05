/* tape.c - rows in a line: appended at the end, read anywhere, forgotten from the beginning.
 *
 * Invariants
 *   TP1  The blocks in use are in the order of their rows, without gaps; the last one ends at
 *        tape->end.
 *   TP2  Blocks [head, memory_head) are in the file, which was flushed, [memory_head, tail) in
 *        memory; the last block is always there.
 *   TP3  The file is given back when no block in use is in it. */
#include "exec/tape.h"

#include "base/assert.h"
#include "exec/exec_int.h"
#include "exec/rows.h"

#include <string.h>

#define TAPE_BLOCKS_MIN 4U

void
vl_tape_init(vl_ctx *ctx, vl_tape *tape, vl_exec *exec, uint32_t width)
{
    *tape = (vl_tape){.exec = exec, .width = width, .spill = {.exec = exec}};
    vl_arena_init(&tape->spare, ctx->allocator, 0);
}

static void
tape_charge(vl_tape *tape)
{
    vl_exec_charge(tape->exec, &tape->charged,
                   tape->bytes + tape->spare.held_bytes + tape->capacity * sizeof *tape->blocks);
}

/* ---- blocks ---- */

/* A block's rows are not in memory any more. */
static void
tape_drop(vl_tape *tape, vl_tape_block *block)
{
    tape->bytes -= block->arena.held_bytes;
    block->rows = NULL;
    vl_arena_reset(&block->arena);
    if (tape->spare.held_bytes > 0 || block->arena.held_bytes > VL_TAPE_BLOCK_SIZE)
        vl_arena_deinit(&block->arena);
    else
        tape->spare = block->arena;
}

/* Write the blocks that are full to the file. Keeps TP2. */
static velo_status
tape_write(vl_ctx *ctx, vl_tape *tape)
{
    for (; tape->memory_head < tape->tail; tape->memory_head++) {
        vl_tape_block *block = &tape->blocks[tape->memory_head];

        VL_ASSERT(tape->blocks != NULL && block->rows != NULL); /* by TP2 */
        block->begin = vl_spill_position(&tape->spill);
        for (uint32_t i = 0; i < block->count; i++)
            VL_TRY(vl_spill_write(ctx, &tape->spill, block->rows[i], tape->width));
        block->end = vl_spill_position(&tape->spill);
        tape_drop(tape, block);
    }
    return vl_spill_flush(ctx, &tape->spill);
}

/* Make room for one more block. */
static velo_status
tape_reserve(vl_ctx *ctx, vl_tape *tape)
{
    vl_tape_block *blocks;
    size_t capacity = tape->capacity == 0 ? TAPE_BLOCKS_MIN : 2 * tape->capacity;

    VL_ASSERT(tape->blocks != NULL || tape->capacity == 0);
    if (tape->tail < tape->capacity)
        return VELO_OK;
    if (tape->blocks != NULL && tape->head > tape->capacity / 2) {
        memmove(tape->blocks, tape->blocks + tape->head,
                (tape->tail - tape->head) * sizeof *tape->blocks);
        tape->memory_head -= tape->head;
        tape->tail -= tape->head;
        tape->head = 0;
        return VELO_OK;
    }
    blocks = vl_realloc(ctx, tape->blocks, capacity * sizeof *blocks);
    if (blocks == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot keep %zu blocks of rows", capacity);
    tape->blocks = blocks;
    tape->capacity = capacity;
    return VELO_OK;
}

/* Begin a block at the end. */
static velo_status
tape_begin_block(vl_ctx *ctx, vl_tape *tape)
{
    vl_tape_block *block;

    if (vl_exec_is_over(tape->exec))
        VL_TRY(tape_write(ctx, tape));
    VL_TRY(tape_reserve(ctx, tape));
    block = &tape->blocks[tape->tail];
    *block =
        (vl_tape_block){.first = tape->end, .arena = tape->spare, .held = tape->spare.held_bytes};
    vl_arena_init(&tape->spare, ctx->allocator, 0);
    block->rows = vl_arena_alloc(&block->arena, VL_TAPE_BLOCK_ROWS * sizeof *block->rows);
    tape->bytes += block->arena.held_bytes;
    tape->tail++;
    return block->rows == NULL ? vl_fail(ctx, VELO_NOMEM, "cannot allocate a block of rows")
                               : VELO_OK;
}

static int
tape_is_full(const vl_tape_block *block)
{
    return block->count == VL_TAPE_BLOCK_ROWS ||
           (block->arena.held_bytes >= VL_TAPE_BLOCK_SIZE && block->arena.held_bytes > block->held);
}

velo_status
vl_tape_append(vl_ctx *ctx, vl_tape *tape, const vl_value *row)
{
    vl_tape_block *block;
    vl_value *copy;

    if (tape->tail == tape->head || tape_is_full(&tape->blocks[tape->tail - 1]))
        VL_TRY(tape_begin_block(ctx, tape));
    block = &tape->blocks[tape->tail - 1];
    tape->bytes -= block->arena.held_bytes;
    copy = vl_row_copy(ctx, &block->arena, row, tape->width);
    tape->bytes += block->arena.held_bytes;
    tape_charge(tape);
    if (copy == NULL)
        return VELO_NOMEM;
    block->rows[block->count++] = copy;
    tape->end++; /* keeps TP1 */
    return VELO_OK;
}

const vl_value *
vl_tape_last(const vl_tape *tape)
{
    const vl_tape_block *block = &tape->blocks[tape->tail - 1];

    VL_ASSERT(tape->tail > tape->head && block->count > 0);
    return block->rows[block->count - 1];
}

/* ---- reading ---- */

/* The block of a row: where the last one was found or behind it, else by halving. */
static size_t
tape_find(const vl_tape *tape, size_t hint, uint64_t number)
{
    size_t low = tape->head;
    size_t high = tape->tail;

    for (size_t at = tape->head + hint; at < tape->tail && at < tape->head + hint + 2; at++) {
        if (number >= tape->blocks[at].first &&
            number - tape->blocks[at].first < tape->blocks[at].count)
            return at;
    }
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (number >= tape->blocks[middle].first)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* Bring a block back from the file. */
static velo_status
tape_load(vl_ctx *ctx, vl_tape *tape, vl_tape_cursor *cursor, const vl_tape_block *block)
{
    vl_spill_reader *reader = &cursor->reader;
    vl_value *row;

    cursor->is_loaded = 0;
    if (cursor->arena.allocator == NULL)
        vl_arena_init(&cursor->arena, ctx->allocator, 0);
    vl_arena_reset(&cursor->arena);
    cursor->rows = vl_arena_alloc_array(&cursor->arena, block->count, sizeof *cursor->rows);
    row = vl_arena_alloc_array(&cursor->arena, tape->width + 1U, sizeof *row);
    if (cursor->rows == NULL || row == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a block of rows");
    reader->spill = &tape->spill;
    reader->at = block->begin;
    reader->end = block->end;
    reader->begin = 0;
    reader->filled = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        int found;

        VL_TRY(vl_spill_read(ctx, reader, tape->width, row, &found));
        VL_ASSERT(found);
        cursor->rows[i] = vl_row_copy(ctx, &cursor->arena, row, tape->width);
        if (cursor->rows[i] == NULL)
            return VELO_NOMEM;
    }
    vl_exec_charge(tape->exec, &cursor->charged, cursor->arena.held_bytes + reader->capacity);
    cursor->loaded = block->first;
    cursor->is_loaded = 1;
    return VELO_OK;
}

velo_status
vl_tape_read(vl_ctx *ctx, vl_tape *tape, vl_tape_cursor *cursor, uint64_t number,
             const vl_value **row)
{
    const vl_tape_block *block;
    size_t at;

    VL_ASSERT(tape->tail > tape->head && number >= tape->blocks[tape->head].first &&
              number < tape->end);
    at = tape_find(tape, cursor->hint, number);
    cursor->hint = at - tape->head;
    block = &tape->blocks[at];
    if (block->rows != NULL) {
        *row = block->rows[number - block->first];
        return VELO_OK;
    }
    if (!cursor->is_loaded || cursor->loaded != block->first)
        VL_TRY(tape_load(ctx, tape, cursor, block));
    *row = cursor->rows[number - block->first];
    return VELO_OK;
}

/* ---- forgetting ---- */

void
vl_tape_forget(vl_tape *tape, uint64_t number)
{
    int was_written = tape->memory_head > tape->head;

    while (tape->tail - tape->head > 1 && tape->blocks[tape->head + 1].first <= number) {
        vl_tape_block *block = &tape->blocks[tape->head++];

        if (block->rows != NULL)
            tape_drop(tape, block);
    }
    if (tape->memory_head > tape->head)
        return;
    tape->memory_head = tape->head;
    if (was_written)
        vl_spill_deinit(&tape->spill); /* keeps TP3 */
}

void
vl_tape_deinit(vl_tape *tape)
{
    if (tape->exec == NULL)
        return;
    for (size_t i = tape->head; i < tape->tail; i++) {
        if (i >= tape->memory_head)
            vl_arena_deinit(&tape->blocks[i].arena);
    }
    vl_arena_deinit(&tape->spare);
    vl_spill_deinit(&tape->spill);
    vl_free(tape->blocks);
    vl_exec_charge(tape->exec, &tape->charged, 0);
    *tape = (vl_tape){.exec = NULL};
}

void
vl_tape_cursor_deinit(const vl_tape *tape, vl_tape_cursor *cursor)
{
    vl_spill_reader_deinit(&cursor->reader);
    if (cursor->arena.allocator != NULL)
        vl_arena_deinit(&cursor->arena);
    if (tape->exec != NULL)
        vl_exec_charge(tape->exec, &cursor->charged, 0);
    *cursor = (vl_tape_cursor){.hint = 0};
}
