/* sorter.c - sorting rows, in memory and beyond.
 *
 * In memory rows are sorted by the bytes of their prefixes where there are many, and by merging
 * otherwise and where prefixes are equal: stable, and never worse than n log n. Beside each row
 * stands a prefix of its first key, 64 bits whose order never contradicts that of the rows, so
 * that most comparisons look at no row.
 *
 * With a limit, twice as many rows are kept; then they are sorted and the later half is dropped.
 * From then on a row that does not come before the last one kept is not even copied.
 *
 * Invariants
 *   T1  Of rows that are equal the one that was added earlier comes first: merging prefers the
 *       left side, and runs are numbered in the order of their rows.
 *   T2  Runs are sorted, and have at most `limit` rows.
 *   T3  Rows that were dropped come behind `limit` others.
 *   T4  Each run of the heap comes before its two kids, those at 2 i + 1 and 2 i + 2. */
#include "exec/sorter.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "exec/exec_int.h"
#include "vec/value.h"

/* Rows that are sorted by insertion before merging begins. */
#define SORTER_BLOCK 8U

/* Fewer entries are not worth counting bytes. */
#define SORTER_RADIX_LEAST VL_BY_BUILD(512U, 16U)

/* Rows that are fetched ahead when they are given. */
#define SORTER_AHEAD 16U

/* Rows of the first array of entries. */
#define SORTER_CAPACITY_MIN VL_BY_BUILD(64U, 4U)

/* Rows of fewer bytes are not written as a run, and none below this part of the execution's limit:
 * where others hold the memory for good, many short runs would be merged again and again. */
#define SORTER_RUN_MIN  VL_BY_BUILD(65536U, 512U)
#define SORTER_RUN_PART 16U

/* ---- order ---- */

static int
sorter_compare_value(const vl_sorter_key *key, const vl_value *left, const vl_value *right)
{
    int is_null = left->type == VL_TYPE_NULL;
    int order;

    if (is_null != (right->type == VL_TYPE_NULL))
        return is_null == key->nulls_last ? 1 : -1;
    order = vl_value_compare(left, right, (vl_collation)key->collation);
    return key->is_descending ? -order : order;
}

int
vl_sorter_compare(const vl_sorter_key *keys, uint32_t key_count, const vl_value *left,
                  const vl_value *right)
{
    for (uint32_t i = 0; i < key_count; i++) {
        int order = sorter_compare_value(&keys[i], &left[keys[i].index], &right[keys[i].index]);

        if (order != 0)
            return order;
    }
    return 0;
}

/* The first bytes of a text as a number in their order, as a collation has them. */
static uint64_t
sorter_text_prefix(const vl_value *value, vl_collation collation)
{
    uint8_t bytes[8] = {0};
    const uint8_t *text = value->as.data;
    uint32_t size = value->size;

    if (collation == VL_COLLATE_RTRIM && value->type == VL_TYPE_TEXT) {
        while (size > 0 && text[size - 1] == ' ')
            size--;
    }
    size = size < sizeof bytes ? size : (uint32_t)sizeof bytes;
    for (uint32_t i = 0; i < size; i++) {
        int is_folded = collation == VL_COLLATE_NOCASE && value->type == VL_TYPE_TEXT;

        bytes[i] = is_folded && text[i] >= 'A' && text[i] <= 'Z' ? text[i] | 0x20U : text[i];
    }
    return vl_load_be64(bytes);
}

static uint64_t
sorter_real_prefix(double real)
{
    uint64_t bits = vl_real_bits(real + 0.0); /* one zero */

    return (bits >> 63) != 0 ? ~bits : bits | (uint64_t)1 << 63;
}

/* Two bits of the class, then the first bits of what orders the values of that class. */
static uint64_t
sorter_prefix(const vl_sorter_key *key, const vl_value *value)
{
    uint64_t class = value->type == VL_TYPE_TEXT ? 2 : value->type == VL_TYPE_BLOB ? 3 : 1;
    uint64_t rest = 0;
    uint64_t prefix;

    switch (value->type) {
    case VL_TYPE_NULL:
        return key->nulls_last ? UINT64_MAX : 0;
    case VL_TYPE_INTEGER:
        rest = sorter_real_prefix((double)value->as.integer);
        break;
    case VL_TYPE_REAL:
        rest = sorter_real_prefix(value->as.real);
        break;
    case VL_TYPE_TEXT:
        if (key->collation >= VL_COLLATE_USER)
            break; /* bytes tell nothing */
        rest = sorter_text_prefix(value, (vl_collation)key->collation);
        break;
    case VL_TYPE_BLOB:
        rest = sorter_text_prefix(value, VL_COLLATE_BINARY);
        break;
    }
    prefix = class << 62 | rest >> 2;
    return key->is_descending ? ~prefix : prefix;
}

static int
sorter_compare(const vl_sorter *sorter, const vl_sorter_entry *left, const vl_sorter_entry *right)
{
    if (left->prefix != right->prefix)
        return left->prefix < right->prefix ? -1 : 1;
    return vl_sorter_compare(sorter->keys, sorter->key_count, left->row, right->row);
}

/* ---- sorting in memory ---- */

static void
sorter_insertion(const vl_sorter *sorter, vl_sorter_entry *entries, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        vl_sorter_entry entry = entries[i];
        size_t at = i;

        for (; at > 0 && sorter_compare(sorter, &entries[at - 1], &entry) > 0; at--)
            entries[at] = entries[at - 1];
        entries[at] = entry;
    }
}

/* Merge from[0, middle) and from[middle, end) to `to`. Keeps T1. */
static void
sorter_merge(const vl_sorter *sorter, const vl_sorter_entry *from, size_t middle, size_t end,
             vl_sorter_entry *to)
{
    size_t left = 0;
    size_t right = middle;

    if (middle < end && sorter_compare(sorter, &from[middle - 1], &from[middle]) <= 0) {
        memcpy(to, from, end * sizeof *from);
        return;
    }
    while (left < middle && right < end) {
        if (sorter_compare(sorter, &from[left], &from[right]) <= 0)
            *to++ = from[left++];
        else
            *to++ = from[right++];
    }
    memcpy(to, from + left, (middle - left) * sizeof *from);
    memcpy(to + (middle - left), from + right, (end - right) * sizeof *from);
}

/* Sort entries by merging, with as much room behind `to`; the result is where they were. */
static velo_status
sorter_sort_part(vl_ctx *ctx, const vl_sorter *sorter, vl_sorter_entry *entries, size_t count,
                 vl_sorter_entry *to)
{
    vl_sorter_entry *from = entries;

    for (size_t at = 0; at < count; at += SORTER_BLOCK)
        sorter_insertion(sorter, from + at, count - at < SORTER_BLOCK ? count - at : SORTER_BLOCK);
    for (size_t width = SORTER_BLOCK; width < count; width *= 2) {
        vl_sorter_entry *merged = to;

        for (size_t at = 0; at < count; at += 2 * width) {
            size_t end = count - at < 2 * width ? count - at : 2 * width;

            VL_TRY(vl_exec_poll(ctx, sorter->exec, 1));
            sorter_merge(sorter, from + at, width < end ? width : end, end, to + at);
        }
        to = from;
        from = merged;
    }
    if (from != entries)
        memcpy(entries, from, count * sizeof *from);
    return VELO_OK;
}

/* How often each byte of the prefixes has each value; returns a bit for each byte that differs. */
static uint32_t
sorter_count_bytes(const vl_sorter_entry *entries, size_t count, size_t counts[8][256])
{
    uint32_t differs = 0;

    memset(counts, 0, 8 * sizeof counts[0]);
    for (size_t i = 0; i < count; i++)
        for (uint32_t byte = 0; byte < 8; byte++)
            counts[byte][entries[i].prefix >> (8 * byte) & 0xff]++;
    for (uint32_t byte = 0; byte < 8; byte++)
        differs |= (uint32_t)(counts[byte][entries[0].prefix >> (8 * byte) & 0xff] < count) << byte;
    return differs;
}

/* Sort by the prefixes alone, a byte at a time, the lowest first; equal ones stay in their order.
 * Returns where the result is. */
static vl_sorter_entry *
sorter_sort_prefixes(vl_sorter_entry *from, size_t count, vl_sorter_entry *to)
{
    size_t counts[8][256];
    uint32_t differs = sorter_count_bytes(from, count, counts);

    for (uint32_t byte = 0; byte < 8; byte++) {
        vl_sorter_entry *moved = to;
        size_t at = 0;

        if ((differs >> byte & 1) == 0)
            continue;
        for (uint32_t value = 0; value < 256; value++) {
            size_t here = counts[byte][value];

            counts[byte][value] = at;
            at += here;
        }
        for (size_t i = 0; i < count; i++)
            to[counts[byte][from[i].prefix >> (8 * byte) & 0xff]++] = from[i];
        to = from;
        from = moved;
    }
    return from;
}

/* Sort by prefixes, and those with equal ones by their rows. Keeps T1. */
static velo_status
sorter_sort(vl_ctx *ctx, vl_sorter *sorter)
{
    vl_sorter_entry *entries = sorter->entries;
    size_t count = sorter->count;
    vl_sorter_entry *sorted;
    vl_sorter_entry *room;

    if (count == 0)
        return VELO_OK;
    room = entries + sorter->capacity;
    if (count < SORTER_RADIX_LEAST)
        return sorter_sort_part(ctx, sorter, entries, count, room);
    sorted = sorter_sort_prefixes(entries, count, room);
    if (sorted != entries)
        memcpy(entries, sorted, count * sizeof *entries);
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin + 1; end < count && entries[end].prefix == entries[begin].prefix;)
            end++;
        if (end - begin == 1)
            continue;
        VL_TRY(vl_exec_poll(ctx, sorter->exec, 1));
        VL_TRY(sorter_sort_part(ctx, sorter, entries + begin, end - begin, room));
    }
    return VELO_OK;
}

/* ---- runs ---- */

static void
sorter_charge(vl_sorter *sorter)
{
    vl_exec_charge(sorter->exec, &sorter->charged,
                   sorter->arena.held_bytes + 2 * sorter->capacity * sizeof *sorter->entries);
}

/* Go to a run's next row. */
static velo_status
sorter_advance(vl_ctx *ctx, const vl_sorter *sorter, vl_sorter_run *run)
{
    VL_TRY(vl_spill_read(ctx, &run->reader, sorter->width, run->row, &run->has_row));
    run->prefix = 0;
    if (run->has_row && sorter->key_count > 0)
        run->prefix = sorter_prefix(&sorter->keys[0], &run->row[sorter->keys[0].index]);
    return VELO_OK;
}

/* Whether the row of one run comes before that of another. Keeps T1: runs lie in their order. */
static int
sorter_precedes(const vl_sorter *sorter, const vl_sorter_run *left, const vl_sorter_run *right)
{
    vl_sorter_entry one = {.prefix = left->prefix, .row = left->row};
    vl_sorter_entry other = {.prefix = right->prefix, .row = right->row};
    int order = sorter_compare(sorter, &one, &other);

    return order != 0 ? order < 0 : left < right;
}

/* Let the run at a place of the heap sink to where it belongs. Keeps T4. */
static void
sorter_sink(vl_sorter *sorter, uint32_t at)
{
    vl_sorter_run *run = sorter->heap[at];

    for (uint32_t kid = 2 * at + 1; kid < sorter->heap_count; kid = 2 * at + 1) {
        if (kid + 1 < sorter->heap_count &&
            sorter_precedes(sorter, sorter->heap[kid + 1], sorter->heap[kid]))
            kid++;
        if (sorter_precedes(sorter, run, sorter->heap[kid]))
            break;
        sorter->heap[at] = sorter->heap[kid];
        at = kid;
    }
    sorter->heap[at] = run;
}

/* Make the runs readable, go to the first row of each, and make the heap. */
static velo_status
sorter_open_runs(vl_ctx *ctx, vl_sorter *sorter)
{
    VL_TRY(vl_spill_flush(ctx, &sorter->spill));
    sorter->heap_count = 0;
    for (uint32_t i = 0; i < sorter->run_count; i++) {
        vl_sorter_run *run = &sorter->runs[i];

        run->reader = (vl_spill_reader){.spill = &sorter->spill, .at = run->begin, .end = run->end};
        if (run->row == NULL)
            run->row = vl_alloc_array(ctx, sorter->width + 1U, sizeof *run->row);
        if (run->row == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of %u columns", sorter->width);
        VL_TRY(sorter_advance(ctx, sorter, run));
        if (run->has_row)
            sorter->heap[sorter->heap_count++] = run;
    }
    for (uint32_t i = sorter->heap_count / 2; i > 0; i--)
        sorter_sink(sorter, i - 1);
    return VELO_OK;
}

/* Leave the least row of all runs behind. Keeps T4. */
static velo_status
sorter_pop(vl_ctx *ctx, vl_sorter *sorter)
{
    VL_TRY(sorter_advance(ctx, sorter, sorter->heap[0]));
    if (!sorter->heap[0]->has_row)
        sorter->heap[0] = sorter->heap[--sorter->heap_count];
    if (sorter->heap_count > 0)
        sorter_sink(sorter, 0);
    return VELO_OK;
}

/* Merge all runs into one, which becomes the first. The space of the others is lost until the end.
 */
static velo_status
sorter_merge_runs(vl_ctx *ctx, vl_sorter *sorter)
{
    uint64_t begin;

    VL_TRY(sorter_open_runs(ctx, sorter));
    begin = vl_spill_position(&sorter->spill);
    for (uint64_t count = 0; count < sorter->limit && sorter->heap_count > 0; count++) {
        VL_TRY(vl_exec_poll(ctx, sorter->exec, 1));
        VL_TRY(vl_spill_write(ctx, &sorter->spill, sorter->heap[0]->row, sorter->width));
        VL_TRY(sorter_pop(ctx, sorter));
    }
    for (uint32_t i = 0; i < sorter->run_count; i++)
        vl_spill_reader_deinit(&sorter->runs[i].reader);
    sorter->runs[0].begin = begin;
    sorter->runs[0].end = vl_spill_position(&sorter->spill);
    sorter->run_count = 1;
    return VELO_OK;
}

/* Sort what is in memory and write it as a run. Keeps T2. */
static velo_status
sorter_write_run(vl_ctx *ctx, vl_sorter *sorter)
{
    uint64_t count = sorter->count < sorter->limit ? sorter->count : sorter->limit;
    vl_sorter_run *run;

    VL_TRY(sorter_sort(ctx, sorter));
    if (sorter->runs == NULL)
        sorter->runs = vl_alloc_array(ctx, VL_SORTER_RUNS_MAX, sizeof *sorter->runs);
    if (sorter->runs == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of runs");
    if (sorter->run_count == VL_SORTER_RUNS_MAX)
        VL_TRY(sorter_merge_runs(ctx, sorter));
    run = &sorter->runs[sorter->run_count];
    run->begin = vl_spill_position(&sorter->spill);
    for (uint64_t i = 0; i < count; i++) {
        if (i + SORTER_AHEAD < count) /* rows lie in the order in which they came */
            __builtin_prefetch(sorter->entries[i + SORTER_AHEAD].row);
        VL_TRY(vl_spill_write(ctx, &sorter->spill, sorter->entries[i].row, sorter->width));
    }
    run->end = vl_spill_position(&sorter->spill);
    sorter->run_count++;
    sorter->count = 0;
    sorter->has_cutoff = 0;
    vl_arena_deinit(&sorter->arena);
    vl_arena_init(&sorter->arena, ctx->allocator, 0); /* its chunks begin small again */
    sorter_charge(sorter);
    return VELO_OK;
}

/* ---- adding ---- */

void
vl_sorter_init(vl_ctx *ctx, vl_sorter *sorter, vl_exec *exec, const vl_sorter_key *keys,
               uint32_t key_count, uint32_t width, uint64_t limit)
{
    *sorter = (vl_sorter){.exec = exec,
                          .keys = keys,
                          .key_count = key_count,
                          .width = width,
                          .limit = limit,
                          .spill = {.exec = exec}};
    vl_arena_init(&sorter->arena, ctx->allocator, 0);
}

static velo_status
sorter_enlarge(vl_ctx *ctx, vl_sorter *sorter)
{
    size_t capacity = sorter->capacity == 0 ? SORTER_CAPACITY_MIN : 2 * sorter->capacity;
    vl_sorter_entry *entries =
        vl_realloc(ctx, sorter->entries, 2 * capacity * sizeof *sorter->entries);

    if (entries == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot sort %zu rows", capacity);
    sorter->entries = entries;
    sorter->capacity = capacity;
    return VELO_OK;
}

/* Keep the first `limit` rows only, in memory of their own. Keeps T3. */
static velo_status
sorter_truncate(vl_ctx *ctx, vl_sorter *sorter)
{
    size_t count = (size_t)sorter->limit;
    vl_arena old = sorter->arena;
    velo_status status = VELO_OK;

    VL_TRY(sorter_sort(ctx, sorter));
    vl_arena_init(&sorter->arena, ctx->allocator, 0);
    for (size_t i = 0; i < count && status == VELO_OK; i++) {
        sorter->entries[i].row =
            vl_row_copy(ctx, &sorter->arena, sorter->entries[i].row, sorter->width);
        if (sorter->entries[i].row == NULL)
            status = VELO_NOMEM;
    }
    vl_arena_deinit(&old);
    if (status != VELO_OK)
        return status;
    sorter->count = count;
    sorter->has_cutoff = 1;
    sorter->cutoff = sorter->entries[count - 1];
    return VELO_OK;
}

/* Whether the rows in memory are enough for a run. The array of the entries does not count: it
 * stays from run to run. */
static int
sorter_is_run(const vl_sorter *sorter)
{
    uint64_t bytes = sorter->arena.held_bytes + 2 * sorter->count * sizeof *sorter->entries;

    return bytes >= SORTER_RUN_MIN && bytes >= sorter->exec->env.memory_limit / SORTER_RUN_PART;
}

velo_status
vl_sorter_add(vl_ctx *ctx, vl_sorter *sorter, const vl_value *row)
{
    vl_sorter_entry entry = {.prefix = 0, .row = row};

    if (sorter->limit == 0)
        return VELO_OK;
    if (sorter->key_count > 0)
        entry.prefix = sorter_prefix(&sorter->keys[0], &row[sorter->keys[0].index]);
    if (sorter->has_cutoff && sorter_compare(sorter, &entry, &sorter->cutoff) >= 0)
        return VELO_OK;
    if (sorter->count == sorter->capacity)
        VL_TRY(sorter_enlarge(ctx, sorter));
    entry.row = vl_row_copy(ctx, &sorter->arena, row, sorter->width);
    if (entry.row == NULL)
        return VELO_NOMEM;
    sorter->entries[sorter->count++] = entry;
    sorter_charge(sorter);
    if (sorter->count / 2 >= sorter->limit && sorter->count >= SORTER_CAPACITY_MIN)
        VL_TRY(sorter_truncate(ctx, sorter));
    if (sorter_is_run(sorter) && vl_exec_is_over(sorter->exec))
        VL_TRY(sorter_write_run(ctx, sorter));
    return VELO_OK;
}

velo_status
vl_sorter_finish(vl_ctx *ctx, vl_sorter *sorter)
{
    if (sorter->run_count == 0)
        return sorter_sort(ctx, sorter);
    if (sorter->count > 0)
        VL_TRY(sorter_write_run(ctx, sorter));
    vl_free(sorter->entries);
    sorter->entries = NULL;
    sorter->capacity = 0;
    sorter_charge(sorter);
    return sorter_open_runs(ctx, sorter);
}

int
vl_sorter_is_in_memory(const vl_sorter *sorter)
{
    return sorter->run_count == 0;
}

velo_status
vl_sorter_next(vl_ctx *ctx, vl_sorter *sorter, const vl_value **row)
{
    *row = NULL;
    if (sorter->given_count == sorter->limit)
        return VELO_OK;
    sorter->given_count++;
    if (sorter->run_count == 0) {
        if (sorter->next + SORTER_AHEAD < sorter->count)
            __builtin_prefetch(sorter->entries[sorter->next + SORTER_AHEAD].row);
        if (sorter->next < sorter->count)
            *row = sorter->entries[sorter->next++].row;
        return VELO_OK;
    }
    if (sorter->is_given)
        VL_TRY(sorter_pop(ctx, sorter));
    sorter->is_given = sorter->heap_count > 0;
    if (sorter->is_given)
        *row = sorter->heap[0]->row;
    return VELO_OK;
}

void
vl_sorter_deinit(vl_sorter *sorter)
{
    if (sorter->exec == NULL)
        return;
    if (sorter->runs != NULL) {
        for (uint32_t i = 0; i < VL_SORTER_RUNS_MAX; i++) {
            vl_spill_reader_deinit(&sorter->runs[i].reader);
            vl_free(sorter->runs[i].row);
        }
    }
    vl_free(sorter->runs);
    vl_spill_deinit(&sorter->spill);
    vl_free(sorter->entries);
    vl_arena_deinit(&sorter->arena);
    vl_exec_charge(sorter->exec, &sorter->charged, 0);
    *sorter = (vl_sorter){.exec = NULL};
}
