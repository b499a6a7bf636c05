/* salvage_pages.c - finding and judging pages: through the map, and block by block without it.
 *
 * Invariants
 *   SP1  What read_page calls found has the checksum that the map has, the number that was looked
 *        for, and keeps the rules of its kind.
 *   SP2  No read leaves the file, whatever an extent says.
 *   SP3  Only map pages that were checked are followed, and levels fall at each step. */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"
#include "storage/page_check.h"
#include "storage/salvage_int.h"
#include "storage/store_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The head is read in such pieces when it cannot be read at once. */
#define SALVAGE_PIECE 4096U

/* Hits that decide on a page size. */
#define SALVAGE_ENOUGH 64U

int
vl_salvage_is_marked(const vl_salvage *self, vl_salvage_mark mark, uint64_t block)
{
    VL_ASSERT(block < self->block_count);
    return (self->marks[mark][block / 64] >> (block % 64) & 1) != 0;
}

void
vl_salvage_set_mark(vl_salvage *self, vl_salvage_mark mark, uint64_t block)
{
    VL_ASSERT(block < self->block_count);
    self->marks[mark][block / 64] |= UINT64_C(1) << (block % 64);
}

/* ---- opening ---- */

/* Read the file's head; what cannot be read is zeros. */
static velo_status
salvage_read_head(vl_ctx *ctx, vl_salvage *self, uint8_t *head, size_t *size)
{
    size_t moved = 0;
    velo_status st;

    memset(head, 0, VL_SUPER_HEAD_SIZE);
    st = vl_file_read(ctx, self->file, head, VL_SUPER_HEAD_SIZE, 0, size);
    if (st == VELO_OK || st == VELO_NOMEM)
        return st;
    *size = self->file_size < VL_SUPER_HEAD_SIZE ? (size_t)self->file_size : VL_SUPER_HEAD_SIZE;
    for (size_t at = 0; at < *size; at += SALVAGE_PIECE) {
        size_t part = *size - at < SALVAGE_PIECE ? *size - at : SALVAGE_PIECE;

        st = vl_file_read(ctx, self->file, head + at, part, at, &moved);
        if (st == VELO_NOMEM)
            return st;
        if (st != VELO_OK)
            memset(head + at, 0, part);
    }
    vl_error_clear(ctx);
    return VELO_OK;
}

/* Say which of the superblocks is damaged. A file that was never changed has one only. */
static void
salvage_tell_supers(vl_ctx *ctx, vl_salvage *self, const uint8_t *head, size_t size, uint32_t place)
{
    char text[VL_ERROR_TEXT_SIZE];
    uint32_t other = 1 - place;
    size_t at = (size_t)other * self->super.block_size;
    vl_superblock super;
    size_t i;

    if (at + VL_SUPER_SIZE > size ||
        vl_superblock_decode(ctx, self->path, other, head + at, &super) == VELO_OK) {
        vl_error_clear(ctx);
        return;
    }
    for (i = 0; i < VL_SUPER_SIZE && head[at + i] == 0; i++)
        continue;
    if (i < VL_SUPER_SIZE || self->super.checkpoint > 1) {
        (void)snprintf(text, sizeof text,
                       "superblock %u is damaged: if it was the newer one, what is verified is as "
                       "of checkpoint %" PRIu64 ", the one before",
                       (unsigned)other, self->super.checkpoint);
        vl_salvage_tell(self, VL_SALVAGE_SUPER, 0, 0, NULL, text);
    }
    vl_error_clear(ctx);
}

/* Find the superblock that counts. */
static velo_status
salvage_find_super(vl_ctx *ctx, vl_salvage *self)
{
    uint8_t *head = vl_alloc(ctx, VL_SUPER_HEAD_SIZE);
    uint32_t place = 0;
    size_t size = 0;
    velo_status st;

    if (head == NULL)
        return vl_salvage_no_memory(ctx);
    st = salvage_read_head(ctx, self, head, &size);
    if (st == VELO_OK)
        st = vl_superblock_find(ctx, self->path, head, size, &self->super, &place);
    if (st == VELO_OK) {
        self->has_super = 1;
        self->page_size = self->super.page_size;
        self->block_size = self->super.block_size;
        salvage_tell_supers(ctx, self, head, size, place);
    } else if (st == VELO_CORRUPT || st == VELO_NOTADB) {
        vl_salvage_tell(self, VL_SALVAGE_SUPER, 0, 0, NULL, ctx->error.text);
        vl_error_clear(ctx);
        st = VELO_OK;
    }
    vl_free(head);
    return st;
}

/* Read an image; *is_there 0: it cannot be read, self->why says why. Keeps SP2. */
static velo_status
salvage_read_image(vl_ctx *ctx, vl_salvage *self, uint64_t block, void *page, int *is_there)
{
    velo_status st = VELO_CORRUPT;

    *is_there = 0;
    if (block < VL_SUPER_COUNT || block >= self->block_count ||
        self->page_blocks > self->block_count - block) {
        (void)snprintf(self->why, sizeof self->why,
                       "it should lie in block %" PRIu64 ", of %" PRIu64 " that the file has",
                       block, self->block_count);
        return VELO_OK;
    }
    st = vl_file_read(ctx, self->file, page, self->page_size, block * self->block_size, NULL);
    if (st == VELO_NOMEM)
        return st;
    if (st != VELO_OK) {
        (void)snprintf(self->why, sizeof self->why, "block %" PRIu64 " cannot be read: %.900s",
                       block, ctx->error.text);
        vl_error_clear(ctx);
        return VELO_OK;
    }
    *is_there = 1;
    return VELO_OK;
}

/* Whether bytes are a page of a tree; else self->why says why. */
static int
salvage_keeps_rules(vl_ctx *ctx, vl_salvage *self, const void *page, vl_pid pid)
{
    const vl_page_header *header = page;
    const char *fault = NULL;

    if (vl_page_check(ctx, page, self->page_size, pid) != VELO_OK) {
        (void)snprintf(self->why, sizeof self->why, "%s", ctx->error.text);
        vl_error_clear(ctx);
        return 0;
    }
    if (header->level > VL_NODE_MAX_LEVEL)
        fault = "its level is impossible";
    else if (header->kind == VL_PAGE_OVERFLOW_LIST || header->kind == VL_PAGE_OVERFLOW_DATA)
        fault = vl_overflow_fault(page, self->page_size);
    if (fault == NULL)
        return 1;
    (void)snprintf(self->why, sizeof self->why, "%s", fault);
    return 0;
}

velo_status
vl_salvage_read_block(vl_ctx *ctx, vl_salvage *self, uint64_t block, void *page,
                      vl_salvage_answer *answer)
{
    const vl_page_header *header = page;
    int is_there;

    *answer = VL_SALVAGE_DAMAGED;
    VL_TRY(salvage_read_image(ctx, self, block, page, &is_there));
    if (!is_there)
        return VELO_OK;
    if (header->pid == 0 || header->pid > UINT32_MAX || header->tree == 0 ||
        header->tree > INT64_MAX || header->kind < VL_PAGE_TABLE_LEAF ||
        header->kind > VL_PAGE_OVERFLOW_DATA ||
        vl_pagemap_is_own(self->page_size, (vl_pid)header->pid))
        (void)snprintf(self->why, sizeof self->why, "it is no page");
    else if (salvage_keeps_rules(ctx, self, page, (vl_pid)header->pid))
        *answer = VL_SALVAGE_FOUND;
    return VELO_OK;
}

/* Count blocks that hold nodes if pages have such a size, up to SALVAGE_ENOUGH. Long values say
 * little about the size of pages, and are not counted. */
static velo_status
salvage_try_size(vl_ctx *ctx, vl_salvage *self, uint32_t page_size, uint32_t *hits)
{
    const vl_page_header *header = self->page;
    vl_salvage_answer answer;

    *hits = 0;
    self->page_size = page_size;
    self->block_size = page_size;
    self->page_blocks = 1;
    self->block_count = self->file_size / page_size;
    for (uint64_t i = VL_SUPER_COUNT; i < self->block_count && *hits < SALVAGE_ENOUGH; i++) {
        VL_TRY(vl_salvage_read_block(ctx, self, i, self->page, &answer));
        *hits += answer == VL_SALVAGE_FOUND && header->kind <= VL_PAGE_KEY_INNER;
    }
    return VELO_OK;
}

/* Without a superblock: which size have pages? */
static velo_status
salvage_guess_size(vl_ctx *ctx, vl_salvage *self)
{
    uint32_t best = 0, best_hits = 0, hits;

    if (self->options->page_size != 0) {
        if (!vl_page_size_is_valid(self->options->page_size))
            return vl_fail(ctx, VELO_RANGE, "a page cannot have %" PRIu32 " bytes",
                           self->options->page_size);
        best = self->options->page_size;
    }
    for (uint32_t size = VL_PAGE_MIN_SIZE;
         self->options->page_size == 0 && size <= VL_PAGE_MAX_SIZE; size *= 2) {
        VL_TRY(salvage_try_size(ctx, self, size, &hits));
        if (hits > best_hits) {
            best = size;
            best_hits = hits;
        }
    }
    if (best == 0)
        return vl_fail(ctx, VELO_NOTADB,
                       "\"%s\" has neither a superblock nor a page of a VelociDB database",
                       self->path);
    self->page_size = best;
    self->block_size = best;
    return VELO_OK;
}

/* The table of bits, and buffers of pages. */
static velo_status
salvage_make_buffers(vl_ctx *ctx, vl_salvage *self)
{
    size_t words = (size_t)(self->block_count / 64 + 1);

    for (uint32_t i = 0; i < VL_SALVAGE_MARKS; i++) {
        self->marks[i] = vl_alloc_array(ctx, words, sizeof **self->marks);
        if (self->marks[i] == NULL)
            return vl_salvage_no_memory(ctx);
    }
    self->leaves = vl_alloc_array(ctx, words, sizeof *self->leaves);
    if (self->leaves == NULL)
        return vl_salvage_no_memory(ctx);
    for (uint32_t i = 0; i < VL_PAGEMAP_LEVELS; i++) {
        self->maps[i] = vl_alloc_aligned(ctx, self->page_size, VL_CACHE_LINE_SIZE);
        self->map_walk[i] = vl_alloc_aligned(ctx, self->page_size, VL_CACHE_LINE_SIZE);
        if (self->maps[i] == NULL || self->map_walk[i] == NULL)
            return vl_salvage_no_memory(ctx);
    }
    for (uint32_t i = 0; i <= VL_OVERFLOW_MAX_LEVEL; i++) {
        self->lists[i] = vl_alloc_aligned(ctx, self->page_size, VL_CACHE_LINE_SIZE);
        if (self->lists[i] == NULL)
            return vl_salvage_no_memory(ctx);
    }
    return VELO_OK;
}

/* A map that the superblock has and that is impossible counts as damaged. */
static void
salvage_check_root(vl_salvage *self)
{
    const vl_root *root = &self->super.map_root;

    self->has_map = self->has_super && root->length != 0;
    self->map_is_whole = self->has_super;
    if (self->has_map && (root->height >= VL_PAGEMAP_LEVELS || root->length != self->page_blocks)) {
        vl_salvage_tell(self, VL_SALVAGE_MAP, 0, 0, NULL,
                        "the superblock names an impossible root of the page map");
        self->map_is_whole = 0;
        self->super.map_root.height = 0;
        self->super.map_root.address = 0; /* no image can be there */
    }
}

velo_status
vl_salvage_open(vl_ctx *ctx, vl_salvage *self)
{
    velo_status st;

    VL_TRY(vl_file_open(ctx, self->io, self->path, 0, &self->file));
    st = vl_file_lock(ctx, self->file, VL_LOCK_SHARED, VL_STORE_LOCK_AT, 1);
    if (vl_status_primary(st) == VELO_BUSY)
        return vl_fail(ctx, VELO_BUSY, "\"%s\" is open for writing", self->path);
    VL_TRY(st);
    VL_TRY(vl_file_get_size(ctx, self->file, &self->file_size));
    self->page = vl_alloc_aligned(ctx, VL_PAGE_MAX_SIZE, VL_CACHE_LINE_SIZE);
    if (self->page == NULL)
        return vl_salvage_no_memory(ctx);
    VL_TRY(salvage_find_super(ctx, self));
    if (!self->has_super)
        VL_TRY(salvage_guess_size(ctx, self));
    self->page_blocks = self->page_size / self->block_size;
    self->block_count = self->file_size / self->block_size;
    self->budget = 1024 + 16 * self->block_count;
    self->stats->page_size = self->page_size;
    if (self->has_super && self->super.block_count > self->block_count)
        vl_salvage_tell(self, VL_SALVAGE_SUPER, 0, 0, NULL,
                        "the file was cut off: it is shorter than its superblock says");
    salvage_check_root(self);
    return salvage_make_buffers(ctx, self);
}

void
vl_salvage_close(vl_salvage *self)
{
    for (uint32_t i = 0; i < self->tree_count; i++)
        vl_layout_destroy(self->trees[i].layout);
    for (uint32_t i = 0; i < VL_SALVAGE_MARKS; i++)
        vl_free(self->marks[i]);
    for (uint32_t i = 0; i < VL_PAGEMAP_LEVELS; i++) {
        vl_free(self->maps[i]);
        vl_free(self->map_walk[i]);
    }
    for (uint32_t i = 0; i <= VL_NODE_MAX_LEVEL; i++)
        vl_free(self->nodes[i]);
    for (uint32_t i = 0; i <= VL_OVERFLOW_MAX_LEVEL; i++)
        vl_free(self->lists[i]);
    vl_free(self->leaves);
    vl_free(self->parts);
    vl_free(self->page);
    vl_free(self->trees);
    vl_free(self->tree_slots);
    vl_free(self->lost);
    vl_arena_deinit(&self->arena);
    vl_file_close(self->file);
}

/* ---- the map ---- */

/* Read an image that an extent of the map describes and compare its checksum. */
static velo_status
salvage_read_extent(vl_ctx *ctx, vl_salvage *self, const vl_extent *extent, void *page,
                    int *is_there)
{
    *is_there = 0;
    if (extent->length != self->page_blocks) {
        (void)snprintf(self->why, sizeof self->why, "the page map says that it has %u blocks",
                       (unsigned)extent->length);
        return VELO_OK;
    }
    VL_TRY(salvage_read_image(ctx, self, extent->address, page, is_there));
    if (*is_there && vl_hash64(page, self->page_size, extent->address) != extent->checksum) {
        (void)snprintf(self->why, sizeof self->why, "block %" PRIu64 ": its checksum is wrong",
                       extent->address);
        *is_there = 0;
    }
    return VELO_OK;
}

/* Read and check a map page. */
static velo_status
salvage_read_map(vl_ctx *ctx, vl_salvage *self, vl_pid pid, const vl_extent *extent, void *page,
                 int *is_there)
{
    const char *fault;

    VL_TRY(salvage_read_extent(ctx, self, extent, page, is_there));
    if (!*is_there)
        return VELO_OK;
    fault = vl_pagemap_fault(page, self->page_size, pid);
    if (fault != NULL) {
        (void)snprintf(self->why, sizeof self->why, "%s", fault);
        *is_there = 0;
    }
    return VELO_OK;
}

static vl_extent
salvage_root_extent(const vl_salvage *self)
{
    const vl_root *root = &self->super.map_root;

    return (vl_extent){root->address, root->length, VL_PAGEMAP_PLAIN, root->checksum};
}

/* Where a page is: FOUND with its extent, ABSENT or UNKNOWN. Keeps SP3. */
static velo_status
salvage_locate(vl_ctx *ctx, vl_salvage *self, vl_pid pid, vl_extent *extent,
               vl_salvage_answer *answer)
{
    uint32_t level = self->super.map_root.height;

    *answer = self->has_super && self->map_is_whole ? VL_SALVAGE_ABSENT : VL_SALVAGE_UNKNOWN;
    if (!self->has_map)
        return VELO_OK;
    *answer = VL_SALVAGE_ABSENT;
    if (pid >= vl_pagemap_span(self->page_size, level) || vl_pagemap_is_own(self->page_size, pid))
        return VELO_OK;
    *extent = salvage_root_extent(self);
    for (;; level--) {
        vl_pid number = vl_pagemap_pid(self->page_size, level, pid);
        int is_there;

        if (self->map_pids[level] != number) {
            self->map_pids[level] = VL_SALVAGE_NO_MAP;
            VL_TRY(salvage_read_map(ctx, self, number, extent, self->maps[level], &is_there));
            self->map_is_bad[level] = !is_there;
            self->map_pids[level] = number;
        }
        if (self->map_is_bad[level]) {
            *answer = VL_SALVAGE_UNKNOWN;
            return VELO_OK;
        }
        *extent = vl_pagemap_get(self->maps[level], vl_pagemap_index(self->page_size, level, pid));
        if (extent->encoding == VL_PAGEMAP_EMPTY)
            return VELO_OK;
        if (level == 0)
            break;
    }
    *answer = VL_SALVAGE_FOUND;
    return VELO_OK;
}

velo_status
vl_salvage_read_page(vl_ctx *ctx, vl_salvage *self, vl_pid pid, void *page, uint64_t *block,
                     vl_salvage_answer *answer)
{
    vl_extent extent = {0};
    int is_there;

    *block = 0;
    VL_TRY(salvage_locate(ctx, self, pid, &extent, answer));
    if (*answer != VL_SALVAGE_FOUND) {
        (void)snprintf(self->why, sizeof self->why, "%s",
                       *answer == VL_SALVAGE_ABSENT ? "the page map has no such page"
                                                    : "where it lies is lost with the page map");
        return VELO_OK;
    }
    *block = extent.address;
    VL_TRY(salvage_read_extent(ctx, self, &extent, page, &is_there));
    if (!is_there || !salvage_keeps_rules(ctx, self, page, pid))
        *answer = VL_SALVAGE_DAMAGED;
    return VELO_OK;
}

/* One map page of the walk, and what is below. Recursion is at most VL_PAGEMAP_LEVELS deep. */
static velo_status
salvage_walk_level(vl_ctx *ctx, vl_salvage *self, vl_pid pid, const vl_extent *extent,
                   vl_salvage_visit *visit, int tells)
{
    uint32_t level = pid % vl_pagemap_fanout(self->page_size);
    uint64_t step = level == 0 ? 1 : vl_pagemap_span(self->page_size, level - 1);
    const void *page = self->map_walk[level];
    int is_there;

    VL_TRY(salvage_read_map(ctx, self, pid, extent, self->map_walk[level], &is_there));
    if (!is_there) {
        self->map_is_whole = 0;
        if (tells)
            vl_salvage_tell(self, VL_SALVAGE_MAP, 0, pid, NULL, self->why);
        self->stats->bad_page_count += (unsigned)tells;
        return VELO_OK;
    }
    vl_salvage_set_mark(self, VL_SALVAGE_JUDGED, extent->address);
    vl_salvage_set_mark(self, VL_SALVAGE_GOOD, extent->address);
    vl_salvage_set_mark(self, VL_SALVAGE_USED, extent->address);
    self->stats->page_count += (unsigned)tells;
    for (uint32_t i = VL_PAGEMAP_FIRST; i < vl_pagemap_fanout(self->page_size); i++) {
        vl_extent entry = vl_pagemap_get(page, i);
        uint64_t number = level == 0
                              ? (uint64_t)pid + i
                              : (uint64_t)pid - level + (i - VL_PAGEMAP_FIRST) * step + (level - 1);

        if (entry.encoding == VL_PAGEMAP_EMPTY || number > UINT32_MAX)
            continue;
        VL_TRY(level == 0 ? visit(ctx, self, (vl_pid)number, &entry)
                          : salvage_walk_level(ctx, self, (vl_pid)number, &entry, visit, tells));
    }
    return VELO_OK;
}

velo_status
vl_salvage_walk_map(vl_ctx *ctx, vl_salvage *self, vl_salvage_visit *visit, int tells)
{
    vl_extent extent = salvage_root_extent(self);

    if (!self->has_map)
        return VELO_OK;
    return salvage_walk_level(ctx, self, self->super.map_root.height, &extent, visit, tells);
}

/* Judge one page of the map. */
static velo_status
salvage_judge_page(vl_ctx *ctx, vl_salvage *self, vl_pid pid, const vl_extent *extent)
{
    int is_there;

    VL_TRY(salvage_read_extent(ctx, self, extent, self->page, &is_there));
    is_there = is_there && salvage_keeps_rules(ctx, self, self->page, pid);
    if (is_there)
        self->stats->page_count++;
    else
        self->stats->bad_page_count++;
    if (extent->address < self->block_count) {
        vl_salvage_set_mark(self, VL_SALVAGE_JUDGED, extent->address);
        if (is_there)
            vl_salvage_set_mark(self, VL_SALVAGE_GOOD, extent->address);
    }
    return VELO_OK;
}

velo_status
vl_salvage_judge(vl_ctx *ctx, vl_salvage *self)
{
    return vl_salvage_walk_map(ctx, self, salvage_judge_page, 1);
}

/* ---- without the map ---- */

static velo_status
salvage_add_part(vl_ctx *ctx, vl_salvage *self, uint64_t pid, uint64_t block)
{
    uint64_t capacity = self->part_capacity == 0 ? 64 : 2 * self->part_capacity;
    vl_salvage_part *grown;

    if (self->part_count == self->part_capacity) {
        grown = vl_realloc(ctx, self->parts, (size_t)capacity * sizeof *grown);
        if (grown == NULL)
            return vl_salvage_no_memory(ctx);
        self->parts = grown;
        self->part_capacity = capacity;
    }
    self->parts[self->part_count++] = (vl_salvage_part){pid, block};
    return VELO_OK;
}

static int
salvage_part_order(const void *left, const void *right)
{
    const vl_salvage_part *a = left, *b = right;

    if (a->pid != b->pid)
        return a->pid < b->pid ? -1 : 1;
    return a->block < b->block ? -1 : a->block > b->block;
}

/* Whether the map says that images of a page which lie elsewhere are not its present state. */
static velo_status
salvage_is_stale(vl_ctx *ctx, vl_salvage *self, vl_pid pid, int *is_stale)
{
    vl_extent extent = {0};
    vl_salvage_answer answer;

    VL_TRY(salvage_locate(ctx, self, pid, &extent, &answer));
    *is_stale = answer == VL_SALVAGE_ABSENT ||
                (answer == VL_SALVAGE_FOUND && extent.address < self->block_count &&
                 vl_salvage_is_marked(self, VL_SALVAGE_GOOD, extent.address));
    return VELO_OK;
}

velo_status
vl_salvage_scan(vl_ctx *ctx, vl_salvage *self)
{
    const vl_page_header *header = self->page;

    for (uint64_t block = VL_SUPER_COUNT; block < self->block_count; block++) {
        vl_salvage_answer answer;
        int is_stale = 0;

        if (vl_salvage_is_marked(self, VL_SALVAGE_JUDGED, block))
            continue;
        VL_TRY(vl_salvage_read_block(ctx, self, block, self->page, &answer));
        if (answer != VL_SALVAGE_FOUND)
            continue;
        VL_TRY(salvage_is_stale(ctx, self, (vl_pid)header->pid, &is_stale));
        if (is_stale)
            continue;
        if (header->kind == VL_PAGE_TABLE_LEAF || header->kind == VL_PAGE_KEY_LEAF)
            self->leaves[block / 64] |= UINT64_C(1) << (block % 64);
        else if (header->kind >= VL_PAGE_OVERFLOW_LIST)
            VL_TRY(salvage_add_part(ctx, self, header->pid, block));
    }
    if (self->part_count > 1)
        qsort(self->parts, (size_t)self->part_count, sizeof *self->parts, salvage_part_order);
    self->is_scanned = 1;
    return VELO_OK;
}
