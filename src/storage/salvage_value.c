/* salvage_value.c - long values of a damaged database.
 *
 * Each page of a value says which value and which part of it it holds, and how many pages or bytes
 * that must be (overflow.h): so a value is read from the root down, in order, and each page has to
 * say exactly what is expected next.
 *
 * Invariants
 *   SV1  Levels fall by one at each step, and the next page begins where the last one ended: a walk
 *        ends, and never writes outside of the value.
 *   SV2  For values of verified rows each page is used once. Others are limited by self->budget. */
#include "base/assert.h"
#include "base/bytes.h"
#include "storage/salvage_int.h"

#include <stdio.h>
#include <string.h>

typedef struct salvage_value {
    vl_overflow value;      /* what is read */
    int trusted;            /* what refers to it is verified */
    uint32_t at;            /* bytes that are there */
    uint8_t *bytes;         /* NULL until the root has been seen */
    vl_salvage_state state; /* so far */
    vl_pid bad;             /* page that is missing */
} salvage_value;

/* Whether a page that keeps all rules is the next one of a value. */
static int
salvage_is_part(const vl_salvage *self, const salvage_value *read, uint32_t level, const void *page)
{
    const vl_page_header *header = page;
    vl_page_kind kind = level > 0 ? VL_PAGE_OVERFLOW_LIST : VL_PAGE_OVERFLOW_DATA;

    return header->kind == (uint8_t)kind && header->level == level &&
           header->tree == read->value.tree && vl_load_le32(header->rest) == read->value.size &&
           vl_load_le32(header->rest + 4) == read->at &&
           vl_overflow_fault(page, self->page_size) == NULL;
}

/* The first unverified page of a number, or the count. */
static uint64_t
salvage_first_part(const vl_salvage *self, vl_pid pid)
{
    uint64_t low = 0, high = self->part_count;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;

        if (self->parts[middle].pid < pid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Look for a page among the unverified ones. */
static velo_status
salvage_find_part(vl_ctx *ctx, vl_salvage *self, const salvage_value *read, uint32_t level,
                  vl_pid pid, int *found)
{
    vl_salvage_answer answer;

    *found = 0;
    for (uint64_t i = salvage_first_part(self, pid);
         i < self->part_count && self->parts[i].pid == pid && self->budget > 0; i++) {
        self->budget--;
        VL_TRY(vl_salvage_read_block(ctx, self, self->parts[i].block, self->lists[level], &answer));
        *found = answer == VL_SALVAGE_FOUND &&
                 ((const vl_page_header *)self->lists[level])->pid == pid &&
                 salvage_is_part(self, read, level, self->lists[level]);
        if (*found)
            break;
    }
    return VELO_OK;
}

/* Bring the next page of a value to the buffer of its level. The root's level is its own. */
static velo_status
salvage_get_part(vl_ctx *ctx, vl_salvage *self, salvage_value *read, uint32_t level, vl_pid pid,
                 int *found)
{
    vl_salvage_answer answer;
    uint64_t block;

    *found = 0;
    if (!read->trusted && self->budget == 0) {
        (void)snprintf(self->why, sizeof self->why, "there are too many long values to be true");
        return VELO_OK;
    }
    if (!read->trusted)
        self->budget--;
    VL_TRY(vl_salvage_read_page(ctx, self, pid, self->lists[level], &block, &answer));
    if (answer == VL_SALVAGE_FOUND && !salvage_is_part(self, read, level, self->lists[level])) {
        (void)snprintf(self->why, sizeof self->why, "it is another page than the value has there");
    } else if (answer == VL_SALVAGE_FOUND && read->trusted) { /* keeps SV2 */
        *found = !vl_salvage_is_marked(self, VL_SALVAGE_USED, block);
        vl_salvage_set_mark(self, VL_SALVAGE_USED, block);
        if (!*found)
            (void)snprintf(self->why, sizeof self->why, "it belongs to something else already");
    } else if (answer == VL_SALVAGE_FOUND) {
        *found = 1;
    } else if (answer == VL_SALVAGE_DAMAGED && block != 0 && block < self->block_count) {
        vl_salvage_set_mark(self, VL_SALVAGE_USED, block); /* it is reported here */
    }
    if (*found || (read->trusted && answer != VL_SALVAGE_UNKNOWN))
        return VELO_OK;
    VL_TRY(salvage_find_part(ctx, self, read, level, pid, found));
    if (*found)
        read->state = VL_SALVAGE_UNSURE;
    return VELO_OK;
}

/* Take bytes of a page. Keeps SV1. */
static int
salvage_take_bytes(salvage_value *read, const uint8_t *from, uint32_t size)
{
    if (size > read->value.size - read->at)
        return 0;
    if (size > 0)
        memcpy(read->bytes + read->at, from, size);
    read->at += size;
    return 1;
}

/* Read what is below a page, which is in the buffer of its level. Recursion is at most
 * VL_OVERFLOW_MAX_LEVEL deep. */
static velo_status
salvage_read_below(vl_ctx *ctx, vl_salvage *self, salvage_value *read, uint32_t level, int *done)
{
    const uint8_t *page = self->lists[level];
    uint32_t count = ((const vl_page_header *)self->lists[level])->count;
    const uint8_t *content = page + sizeof(vl_page_header);

    *done = 0;
    if (level == 0) {
        *done = salvage_take_bytes(read, content, count);
        return VELO_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        vl_pid pid = vl_load_le32(content + i * sizeof(vl_pid));

        VL_TRY(salvage_get_part(ctx, self, read, level - 1, pid, done));
        if (!*done) {
            read->bad = pid;
            return VELO_OK;
        }
        VL_TRY(salvage_read_below(ctx, self, read, level - 1, done));
        if (!*done)
            return VELO_OK;
    }
    *done = 1;
    return VELO_OK;
}

/* Bytes of a value that a root of level 1 has itself. */
static uint32_t
salvage_root_bytes(const vl_salvage *self, const vl_page_header *root, uint32_t size)
{
    uint32_t room =
        self->page_size - (uint32_t)sizeof *root - root->count * (uint32_t)sizeof(vl_pid);

    if (root->level > 1)
        return 0;
    return size < room ? size : room;
}

/* Find the root, whose level is that which it has to have for its size: vl_overflow_fault checks
 * that, so all levels are tried. */
static velo_status
salvage_get_root(vl_ctx *ctx, vl_salvage *self, salvage_value *read, uint32_t *level, int *found)
{
    uint64_t reach = self->page_size - sizeof(vl_page_header);

    for (*level = 1; *level < VL_OVERFLOW_MAX_LEVEL; ++*level) {
        reach *= (self->page_size - sizeof(vl_page_header)) / sizeof(vl_pid);
        if (reach >= read->value.size)
            break;
    }
    read->bad = read->value.pid;
    return salvage_get_part(ctx, self, read, *level, read->value.pid, found);
}

velo_status
vl_salvage_read_value(vl_ctx *ctx, vl_salvage *self, const vl_overflow *value, int trusted,
                      uint8_t **bytes, vl_pid *pid, vl_salvage_state *state)
{
    salvage_value read = {.value = *value, .trusted = trusted, .state = VL_SALVAGE_SURE};
    const uint8_t *content;
    uint32_t level = 0, size;
    int done = 0;

    *bytes = NULL;
    *pid = value->pid;
    *state = VL_SALVAGE_LOST;
    if (value->size > VL_OVERFLOW_MAX_SIZE || value->size > self->file_size) {
        (void)snprintf(self->why, sizeof self->why, "a value of %u bytes is not in the file",
                       (unsigned)value->size);
        return VELO_OK;
    }
    VL_TRY(salvage_get_root(ctx, self, &read, &level, &done));
    if (done) {
        read.bytes = vl_arena_alloc(&self->arena, (size_t)value->size + 1);
        if (read.bytes == NULL)
            return vl_salvage_no_memory(ctx);
        size = salvage_root_bytes(self, self->lists[level], value->size);
        content = (const uint8_t *)self->lists[level] + sizeof(vl_page_header) +
                  ((const vl_page_header *)self->lists[level])->count * sizeof(vl_pid);
        done = level > 1 || salvage_take_bytes(&read, content, size);
        if (done)
            VL_TRY(salvage_read_below(ctx, self, &read, level, &done));
    }
    if (done && read.at == value->size) {
        *bytes = read.bytes;
        *state = read.state;
    }
    *pid = read.bad;
    return VELO_OK;
}
