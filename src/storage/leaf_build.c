/* leaf_build.c - building table leaves from rows: rebuild, split, bulk load.
 *
 * The rows are taken in rowid order. For each page the builder finds how many of the next rows fit
 * it, by counting what their values are like and laying the page out on paper; only then it writes.
 *
 * Invariants
 *   B1  Every page takes at least one row, so building ends: a row whose values went through
 *       vl_leaf_choose_overflow fits an empty page in whatever forms. Where defaults of new columns
 *       make an old row too long, the builder stops before it and says so.
 *   B2  Every row of the sources comes out once, with its values and its state, except purgeable
 *       tombstones and rows of the leaf that given rows replace.
 *   B3  Forms are chosen for the rows of the page, so each of their values has a cell or one of the
 *       counted exceptions. The page that appended rows go on with is built for one row and those
 *       that are expected after it, its statistics being theirs together. */
#include "storage/leaf_int.h"

/* A row of the sources: a slot of the leaf, with LEAF_REF_RIGHT of the right leaf, or with
 * LEAF_REF_GIVEN the index of a given row. */
#define LEAF_REF_GIVEN (UINT32_C(1) << 31)
#define LEAF_REF_RIGHT (UINT32_C(1) << 30)

struct vl_leaf_builder {
    vl_leaf_build build;     /* what the caller wants */
    uint32_t count;          /* rows in all */
    uint32_t next;           /* first row that is on no page yet */
    uint32_t split;          /* no page holds rows from both sides of this one */
    leaf_spare spare;        /* where grown pages leave room */
    uint32_t full;           /* rows of the page that was built last, which head and stats are of */
    uint32_t planned;        /* rows of the next page, already planned; 0: not yet */
    vl_leaf head;            /* layout of the page being planned */
    leaf_stats *stats;       /* by column, of the rows for the page */
    leaf_stats *saved;       /* the same, before the last rows were added */
    vl_leaf_column *columns; /* directory of the page being planned */
    int32_t *sources;        /* by column: index in the source leaf, or -1 */
    int32_t *rights;         /* the same in the right leaf */
    uint32_t *refs;          /* by row: where it comes from */
};

/* ---- rows ---- */

/* The leaf and the slot of a row that was not given. */
static const vl_leaf *
leaf_ref_source(const vl_leaf_builder *builder, uint32_t ref, uint32_t *slot)
{
    *slot = ref & ~LEAF_REF_RIGHT;
    return (ref & LEAF_REF_RIGHT) != 0 ? builder->build.right : builder->build.leaf;
}

static int64_t
leaf_ref_rowid(const vl_leaf_builder *builder, uint32_t ref)
{
    const vl_leaf *leaf;
    uint32_t slot;

    if ((ref & LEAF_REF_GIVEN) != 0)
        return builder->build.rows[ref & ~LEAF_REF_GIVEN].rowid;
    leaf = leaf_ref_source(builder, ref, &slot);
    return vl_leaf_rowid(leaf, slot);
}

static int
leaf_ref_is_deleted(const vl_leaf_builder *builder, uint32_t ref)
{
    const vl_leaf *leaf;
    uint32_t slot;

    if ((ref & LEAF_REF_GIVEN) != 0)
        return builder->build.rows[ref & ~LEAF_REF_GIVEN].is_deleted;
    leaf = leaf_ref_source(builder, ref, &slot);
    return vl_leaf_slot_state(leaf, slot) == VL_LEAF_TOMBSTONE;
}

/* The value of a row's column: where it is, or read into `buffer`. */
static inline const vl_leaf_value *
leaf_ref_value(const vl_leaf_builder *builder, uint32_t ref, uint32_t column, vl_leaf_value *buffer)
{
    const vl_leaf *leaf;
    uint32_t slot;
    int32_t index;

    if ((ref & LEAF_REF_GIVEN) != 0)
        return builder->build.rows[ref & ~LEAF_REF_GIVEN].values + column;
    leaf = leaf_ref_source(builder, ref, &slot);
    index = (ref & LEAF_REF_RIGHT) != 0 ? builder->rights[column] : builder->sources[column];
    if (index < 0)
        return &builder->build.schema->defaults[column];
    vl_leaf_get(leaf, slot, (uint32_t)index, buffer);
    return buffer;
}

/* Whether a slot of a leaf is to be kept. */
static int
leaf_keeps(const vl_leaf_builder *builder, const vl_leaf *leaf, uint32_t slot)
{
    const vl_leaf_build *build = &builder->build;

    switch (vl_leaf_slot_state(leaf, slot)) {
    case VL_LEAF_LIVE:
        return 1;
    case VL_LEAF_TOMBSTONE:
        return build->is_purgeable == NULL ||
               !build->is_purgeable(build->argument, vl_leaf_rowid(leaf, slot));
    case VL_LEAF_GAP:
    case VL_LEAF_NO_SLOT:
        break;
    }
    return 0;
}

/* Merge a leaf's rows and the given ones from `given` on, up to its last row, into refs (B2).
 * Returns the first given row behind these. */
static uint32_t
leaf_collect_leaf(vl_leaf_builder *builder, const vl_leaf *leaf, uint32_t flag, uint32_t given)
{
    const vl_leaf_build *build = &builder->build;

    for (uint32_t rank = 0; rank < leaf->count; rank++) {
        uint32_t slot = vl_leaf_slot_at(leaf, rank);
        int64_t rowid = vl_leaf_rowid(leaf, slot);

        while (given < build->row_count && build->rows[given].rowid < rowid)
            builder->refs[builder->count++] = given++ | LEAF_REF_GIVEN;
        if (given < build->row_count && build->rows[given].rowid == rowid)
            continue;
        if (leaf_keeps(builder, leaf, slot))
            builder->refs[builder->count++] = slot | flag;
    }
    return given;
}

static void
leaf_collect(vl_leaf_builder *builder)
{
    const vl_leaf_build *build = &builder->build;
    uint32_t given = 0;

    if (build->leaf != NULL)
        given = leaf_collect_leaf(builder, build->leaf, 0, given);
    if (build->right != NULL)
        given = leaf_collect_leaf(builder, build->right, LEAF_REF_RIGHT, given);
    while (given < build->row_count)
        builder->refs[builder->count++] = given++ | LEAF_REF_GIVEN;
}

/* ---- planning a page ---- */

/* Lay out a page for `rows` rows from builder->next, dense or not. Returns the bytes it takes, heap
 * included. */
static uint64_t
leaf_plan(vl_leaf_builder *builder, uint32_t rows, int is_dense, int is_grown)
{
    int64_t first = leaf_ref_rowid(builder, builder->refs[builder->next]);
    int64_t last = leaf_ref_rowid(builder, builder->refs[builder->next + rows - 1]);
    leaf_spare spare = is_grown ? builder->spare : LEAF_SPARE_NONE;
    vl_leaf *head = &builder->head;
    uint64_t heap = 0;

    memset(head, 0, sizeof *head);
    head->flags = is_dense ? VL_LEAF_DENSE | VL_LEAF_SORTED : VL_LEAF_SORTED;
    head->column_count = builder->build.schema->count;
    head->first = first;
    head->count = rows;
    if (is_dense)
        head->count = (uint32_t)((uint64_t)last - (uint64_t)first) + 1;
    else
        vl_leaf_choose_base(first, last, INT64_MIN, INT64_MAX, spare, &head->rowid_width,
                            &head->first);
    head->capacity = (uint16_t)head->count;
    for (uint32_t i = 0; i < head->column_count; i++) {
        builder->columns[i].id = builder->build.schema->ids[i];
        vl_leaf_choose(builder->stats + i, head->count, spare, builder->columns + i);
        heap += builder->stats[i].heap;
    }
    return vl_leaf_place(head, builder->columns, is_grown && !is_dense) + heap;
}

/* The same with whichever rowids take fewer bytes. */
static uint64_t
leaf_plan_best(vl_leaf_builder *builder, uint32_t rows, int is_grown)
{
    int64_t first = leaf_ref_rowid(builder, builder->refs[builder->next]);
    int64_t last = leaf_ref_rowid(builder, builder->refs[builder->next + rows - 1]);
    uint64_t span = (uint64_t)last - (uint64_t)first;
    uint64_t sparse;

    if (span == rows - 1)
        return leaf_plan(builder, rows, 1, is_grown);
    sparse = leaf_plan(builder, rows, 0, is_grown);
    if (span >= vl_leaf_max_rows(builder->build.page_size))
        return sparse;
    if (leaf_plan(builder, rows, 1, is_grown) <= sparse)
        return leaf_plan(builder, rows, 1, is_grown);
    return leaf_plan(builder, rows, 0, is_grown);
}

/* Count the values of rows [from, to) of those from builder->next. */
static void
leaf_count_values(vl_leaf_builder *builder, uint32_t from, uint32_t to)
{
    vl_leaf_value buffer;

    for (uint32_t row = builder->next + from; row < builder->next + to; row++)
        for (uint32_t i = 0; i < builder->build.schema->count; i++)
            vl_leaf_stats_add(builder->stats + i,
                              leaf_ref_value(builder, builder->refs[row], i, &buffer));
}

/* Count the integers of a page whose every slot has one in its column's cell: as counting each
 * value would, but for the order in which big ones are found. */
static void
leaf_count_integers(const vl_leaf *leaf, const vl_leaf_column *column, leaf_stats *stats)
{
    const uint8_t *data = vl_leaf_carray(leaf, column->data_at);
    uint32_t width = column->width;
    int64_t base = column->base;
    int64_t low = INT64_MAX;
    int64_t high = INT64_MIN;

    for (uint32_t slot = 0; slot < leaf->count; slot++) {
        int64_t value =
            (int64_t)((uint64_t)base + vl_leaf_load(data + (size_t)slot * width, width));

        low = value < low ? value : low;
        high = value > high ? value : high;
        stats->big_integers += value > LEAF_EXACT_INTEGER || value < -LEAF_EXACT_INTEGER;
        stats->last = value;
    }
    stats->first = (int64_t)((uint64_t)base + vl_leaf_load(data, width));
    stats->low = low;
    stats->high = high;
    stats->integers = leaf->count;
}

/* The same for texts and blobs that every slot has in its cell. */
static void
leaf_count_texts(const vl_leaf *leaf, const vl_leaf_column *column, leaf_stats *stats)
{
    const uint8_t *data = vl_leaf_carray(leaf, column->data_at);
    uint32_t longs = 0;

    for (uint32_t slot = 0; slot < leaf->count; slot++) {
        uint32_t cell = vl_load_le32(data + (size_t)slot * 4);

        longs += vl_leaf_slot_length(cell) > LEAF_PACK_MAX_LENGTH;
        stats->heap += vl_leaf_slot_heap(cell);
    }
    *(column->form == VL_LEAF_TEXT ? &stats->texts : &stats->blobs) = leaf->count;
    *(column->form == VL_LEAF_TEXT ? &stats->long_texts : &stats->long_blobs) = longs;
}

/* Count a column's values on a page in slot order. */
static void
leaf_count_column(const vl_leaf *leaf, uint32_t index, leaf_stats *stats)
{
    const vl_leaf_column *column = vl_leaf_ccolumns(leaf) + index;
    vl_leaf_value value;

    memset(stats, 0, sizeof *stats);
    if (vl_leaf_is_all_live(leaf) && column->flags == 0 && column->exception_count == 0) {
        if (column->form == VL_LEAF_INTEGER) {
            leaf_count_integers(leaf, column, stats);
            return;
        }
        if (vl_leaf_form_is_slots(column->form)) {
            leaf_count_texts(leaf, column, stats);
            return;
        }
    }
    for (uint32_t slot = 0; slot < leaf->count; slot++) {
        if (vl_leaf_slot_state(leaf, slot) == VL_LEAF_GAP)
            continue;
        vl_leaf_get(leaf, slot, index, &value);
        vl_leaf_stats_add(stats, &value);
    }
}

/* Find how many of the next `limit` rows fit a page, and leave its plan. Jumps ahead by half of
 * what the bytes so far let expect, and back to the saved statistics where that was too far. */
static uint32_t
leaf_fit(vl_leaf_builder *builder, uint32_t limit, int is_grown)
{
    uint32_t page_size = builder->build.page_size;
    size_t stats_size = builder->build.schema->count * sizeof *builder->stats;
    uint32_t rows = 0;
    uint32_t step = 1;

    if (limit > vl_leaf_max_rows(page_size))
        limit = vl_leaf_max_rows(page_size);
    memset(builder->stats, 0, stats_size);
    while (rows < limit) {
        uint32_t trial = rows + (step < limit - rows ? step : limit - rows);
        uint64_t size;

        memcpy(builder->saved, builder->stats, stats_size);
        leaf_count_values(builder, rows, trial);
        size = leaf_plan_best(builder, trial, is_grown);
        if (size <= page_size) {
            rows = trial;
            step = (uint32_t)((page_size - size) / (2 * (size / rows + 1)));
            step = step > 0 ? step : 1;
            continue;
        }
        memcpy(builder->stats, builder->saved, stats_size);
        if (trial == rows + 1)
            break;
        step = (trial - rows) / 2;
    }
    if (rows > 0)
        (void)leaf_plan_best(builder, rows, is_grown);
    return rows;
}

/* Heap bytes of a row. */
static uint64_t
leaf_row_heap(const vl_leaf_builder *builder, uint32_t row)
{
    uint64_t size = 0;
    vl_leaf_value buffer;

    for (uint32_t i = 0; i < builder->build.schema->count; i++)
        size += vl_leaf_heap_size(leaf_ref_value(builder, builder->refs[row], i, &buffer));
    return size;
}

/* The statistics of a column's values on a full page become those of the values that go on behind
 * it, the next one included, which has been counted: where they rise or fall with the rowids, they
 * will do so for as much again, and else lie where they did. */
static void
leaf_expect_values(leaf_stats *stats, const leaf_stats *before)
{
    uint64_t span = (uint64_t)before->high - (uint64_t)before->low;
    int rises = before->first == before->low && before->last == before->high;
    int falls = before->first == before->high && before->last == before->low;

    if (before->integers < 2 || rises == falls || stats->integers == before->integers)
        return;
    if (rises && stats->last >= before->high) {
        uint64_t above = (uint64_t)INT64_MAX - (uint64_t)stats->last;

        stats->low = stats->first = stats->last;
        stats->high = stats->last = (int64_t)((uint64_t)stats->low + (span < above ? span : above));
    } else if (falls && stats->last <= before->low) {
        uint64_t below = (uint64_t)stats->last - (uint64_t)INT64_MIN;

        stats->high = stats->first = stats->last;
        stats->low = stats->last = (int64_t)((uint64_t)stats->high - (span < below ? span : below));
    }
}

/* Plan a page for the last one of appended rows, the page before being full with `before` rows:
 * with forms and heap for as many more rows of that kind, so that it need not be built anew as soon
 * as they come. Of dense pages only. 1, or 0: not planned. */
static int
leaf_plan_append(vl_leaf_builder *builder, uint32_t before)
{
    const vl_leaf *full = &builder->head;
    uint32_t page_size = builder->build.page_size;
    uint32_t column_count = builder->build.schema->count;
    int64_t first = leaf_ref_rowid(builder, builder->refs[builder->next]);
    uint32_t low = 1;
    uint32_t high = vl_leaf_max_rows(page_size);
    uint64_t own = leaf_row_heap(builder, builder->next);
    uint64_t heap = 0;
    vl_leaf head = {.flags = VL_LEAF_DENSE | VL_LEAF_SORTED,
                    .column_count = (uint16_t)column_count,
                    .first = first,
                    .count = 1,
                    .capacity = 1};

    if ((full->flags & VL_LEAF_DENSE) == 0)
        return 0;
    memcpy(builder->saved, builder->stats, column_count * sizeof *builder->stats);
    leaf_count_values(builder, 0, 1);
    for (uint32_t i = 0; i < column_count; i++) {
        leaf_expect_values(builder->stats + i, builder->saved + i);
        builder->columns[i].id = builder->build.schema->ids[i];
        vl_leaf_choose(builder->stats + i, before + 1, LEAF_SPARE_ABOVE, builder->columns + i);
        heap += builder->stats[i].heap;
    }
    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;

        head.capacity = (uint16_t)middle;
        if (vl_leaf_place(&head, builder->columns, 0) + own + heap * (middle - 1) / (before + 1) <=
            page_size)
            low = middle;
        else
            high = middle - 1;
    }
    head.capacity = (uint16_t)low;
    if (vl_leaf_place(&head, builder->columns, 0) + own > page_size)
        return 0;
    builder->head = head;
    return 1;
}

/* Leave half of the free slots of a dense page before its first row. */
static void
leaf_grow_downwards(vl_leaf *head)
{
    uint64_t below = (uint64_t)head->first - (uint64_t)INT64_MIN;
    uint32_t lead = (head->capacity - head->count) / 2;

    if (lead > below)
        lead = (uint32_t)below;
    head->first -= lead;
    head->count += lead;
}

/* Give a planned page as many slots as it has room for, with heap in proportion. When a row was
 * inserted before all others of a dense page, more may come there. */
static void
leaf_grow(vl_leaf_builder *builder)
{
    vl_leaf *head = &builder->head;
    int has_order = (head->flags & VL_LEAF_DENSE) == 0;
    int is_downwards = builder->build.leaf != NULL && builder->next == 0 && builder->count > 1 &&
                       (builder->refs[0] & LEAF_REF_GIVEN) != 0;
    uint32_t low = head->capacity;
    uint32_t high = vl_leaf_max_rows(builder->build.page_size);
    uint64_t heap = 0;

    for (uint32_t i = 0; i < head->column_count; i++)
        heap += builder->stats[i].heap;
    while (low < high) {
        uint32_t middle = (low + high + 1) / 2;

        head->capacity = (uint16_t)middle;
        if (vl_leaf_place(head, builder->columns, has_order) + heap * middle / head->count <=
            builder->build.page_size)
            low = middle;
        else
            high = middle - 1;
    }
    head->capacity = (uint16_t)low;
    (void)vl_leaf_place(head, builder->columns, has_order);
    if (is_downwards && !has_order)
        leaf_grow_downwards(head);
}

/* ---- writing a page ---- */

static uint32_t
leaf_slot_of(const vl_leaf *leaf, int64_t rowid, uint32_t index)
{
    if ((leaf->flags & VL_LEAF_DENSE) == 0)
        return index;
    return (uint32_t)((uint64_t)rowid - (uint64_t)leaf->first);
}

/* Write rowids and states. */
static void
leaf_write_slots(const vl_leaf_builder *builder, vl_leaf *leaf, uint32_t rows)
{
    uint8_t *deltas = vl_leaf_array(leaf, leaf->rowids_at);

    leaf->gap_count = (uint16_t)(leaf->count - rows);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t ref = builder->refs[builder->next + i];
        int64_t rowid = leaf_ref_rowid(builder, ref);
        uint32_t slot = leaf_slot_of(leaf, rowid, i);

        vl_leaf_bit_put(vl_leaf_array(leaf, leaf->present_at), slot, 1);
        if (leaf_ref_is_deleted(builder, ref)) {
            vl_leaf_bit_put(vl_leaf_array(leaf, leaf->deleted_at), slot, 1);
            leaf->tombstone_count++;
        }
        if (leaf->rowid_width > 0)
            vl_leaf_store(deltas + (size_t)slot * leaf->rowid_width, leaf->rowid_width,
                          (uint64_t)rowid - (uint64_t)leaf->first);
    }
}

/* Note where each run of a packed column's values begins, the first one at `at`. */
static void
leaf_write_runs(vl_leaf *leaf, const vl_leaf_column *column, uint32_t at)
{
    const uint8_t *lengths = vl_leaf_array(leaf, column->data_at);
    uint8_t *offsets = vl_leaf_array(leaf, column->bits_at);

    for (uint32_t slot = 0; slot < leaf->capacity; slot++) {
        if (slot % LEAF_PACK_RUN == 0)
            vl_store_le16(offsets + (size_t)slot / LEAF_PACK_RUN * 2, (uint16_t)at);
        at += lengths[slot];
    }
}

/* Set lengths and offsets of a packed column, and take its part of the heap. */
static void
leaf_write_lengths(const vl_leaf_builder *builder, vl_leaf *leaf, uint32_t rows, uint32_t index)
{
    const vl_leaf_column *column = vl_leaf_columns(leaf) + index;
    uint8_t *lengths = vl_leaf_array(leaf, column->data_at);
    uint32_t size = 0;
    vl_leaf_value buffer;

    for (uint32_t i = 0; i < rows; i++) {
        uint32_t ref = builder->refs[builder->next + i];
        const vl_leaf_value *value = leaf_ref_value(builder, ref, index, &buffer);

        if (vl_leaf_type(value) == VL_TYPE_NULL || vl_leaf_is_exception(column, value))
            continue;
        lengths[leaf_slot_of(leaf, leaf_ref_rowid(builder, ref), i)] = (uint8_t)value->value.size;
        size += value->value.size;
    }
    leaf->heap_used += size;
    leaf_write_runs(leaf, column, builder->build.page_size - leaf->heap_used);
}

static void
leaf_set_null(vl_leaf *leaf, const vl_leaf_column *column, uint32_t slot)
{
    vl_leaf_bit_put(vl_leaf_array(leaf, column->nulls_at), slot, 1);
}

/* Write integers of which none is an exception: what vl_leaf_put would, faster. */
static void
leaf_write_integers(const vl_leaf_builder *builder, vl_leaf *leaf, uint32_t rows, uint32_t index)
{
    const vl_leaf_column *column = vl_leaf_columns(leaf) + index;
    uint8_t *data = vl_leaf_array(leaf, column->data_at);
    vl_leaf_value buffer;

    for (uint32_t i = 0; i < rows; i++) {
        uint32_t ref = builder->refs[builder->next + i];
        const vl_leaf_value *value = leaf_ref_value(builder, ref, index, &buffer);
        uint32_t slot = leaf_slot_of(leaf, leaf_ref_rowid(builder, ref), i);

        if (value->value.type == VL_TYPE_INTEGER)
            vl_leaf_store(data + (size_t)slot * column->width, column->width,
                          (uint64_t)value->value.as.integer - (uint64_t)column->base);
        else
            leaf_set_null(leaf, column, slot);
    }
}

/* Write packed values of which none is an exception, the same. */
static void
leaf_write_packed(const vl_leaf_builder *builder, vl_leaf *leaf, uint32_t rows, uint32_t index)
{
    const vl_leaf_column *column = vl_leaf_columns(leaf) + index;
    uint8_t *lengths = vl_leaf_array(leaf, column->data_at);
    uint32_t size = (uint32_t)builder->stats[index].heap;
    uint32_t at = builder->build.page_size - leaf->heap_used - size;
    uint8_t *to = vl_leaf_bytes(leaf) + at;
    vl_leaf_value buffer;

    leaf->heap_used += size;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t ref = builder->refs[builder->next + i];
        const vl_leaf_value *value = leaf_ref_value(builder, ref, index, &buffer);
        uint32_t slot = leaf_slot_of(leaf, leaf_ref_rowid(builder, ref), i);

        if (!vl_leaf_is_bytes(value->value.type)) {
            leaf_set_null(leaf, column, slot);
            continue;
        }
        lengths[slot] = (uint8_t)value->value.size;
        if (value->value.size > 0)
            memcpy(to, value->value.as.data, value->value.size);
        to += value->value.size;
    }
    VL_ASSERT(to == vl_leaf_bytes(leaf) + at + size);
    leaf_write_runs(leaf, column, at);
}

/* Write a column's values. */
static void
leaf_write_column(const vl_leaf_builder *builder, vl_leaf *leaf, uint32_t rows, uint32_t index)
{
    vl_leaf_column *column = vl_leaf_columns(leaf) + index;
    int is_packed = vl_leaf_form_is_packed(column->form);
    int is_plain = column->exception_count == 0;
    vl_leaf_value buffer;

    if (is_plain && column->form == VL_LEAF_INTEGER) {
        leaf_write_integers(builder, leaf, rows, index);
        return;
    }
    if (is_plain && is_packed) {
        leaf_write_packed(builder, leaf, rows, index);
        return;
    }
    column->exception_count = 0;
    if (is_packed)
        leaf_write_lengths(builder, leaf, rows, index);
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t ref = builder->refs[builder->next + i];

        vl_leaf_put(leaf, builder->build.page_size, column,
                    leaf_slot_of(leaf, leaf_ref_rowid(builder, ref), i),
                    leaf_ref_value(builder, ref, index, &buffer), 0);
    }
}

/* Write the planned page. */
static void
leaf_write_page(const vl_leaf_builder *builder, vl_leaf *leaf, uint32_t rows)
{
    const vl_leaf *head = &builder->head;
    uint64_t pid = leaf->pid;
    uint64_t tree = leaf->tree;

    *leaf = *head;
    leaf->kind = VL_PAGE_TABLE_LEAF;
    leaf->pid = pid;
    leaf->tree = tree;
    if (builder->build.schema->is_rows)
        leaf->flags |= VL_LEAF_ROWS;
    memcpy(vl_leaf_columns(leaf), builder->columns, head->column_count * sizeof(vl_leaf_column));
    leaf_write_slots(builder, leaf, rows);
    for (uint32_t i = 0; i < head->column_count; i++)
        leaf_write_column(builder, leaf, rows, i);
}

/* ---- the public functions ---- */

size_t
vl_leaf_scratch_size(uint32_t page_size, uint32_t column_count, uint32_t row_count)
{
    size_t by_column = 2 * sizeof(leaf_stats) + sizeof(vl_leaf_column) + 2 * sizeof(int32_t);
    size_t refs = 2 * (size_t)vl_leaf_max_rows(page_size) + row_count;

    return sizeof(vl_leaf_builder) + column_count * by_column + refs * sizeof(uint32_t);
}

/* Divide the scratch memory; what needs more alignment comes first. */
static vl_leaf_builder *
leaf_builder_init(void *scratch, const vl_leaf_build *build)
{
    vl_leaf_builder *builder = scratch;
    uint32_t count = build->schema->count;

    memset(builder, 0, sizeof *builder);
    builder->build = *build;
    builder->stats = (leaf_stats *)(void *)(builder + 1);
    builder->saved = builder->stats + count;
    builder->columns = (vl_leaf_column *)(void *)(builder->saved + count);
    builder->sources = (int32_t *)(void *)(builder->columns + count);
    builder->rights = builder->sources + count;
    builder->refs = (uint32_t *)(void *)(builder->rights + count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = build->schema->ids[i];

        builder->sources[i] = build->leaf != NULL ? vl_leaf_column_index(build->leaf, id) : -1;
        builder->rights[i] = build->right != NULL ? vl_leaf_column_index(build->right, id) : -1;
    }
    return builder;
}

/* The row that begins the second half of all bytes: neither the first nor none. `fixed` is what a
 * row takes beside its heap. */
static uint32_t
leaf_middle(const vl_leaf_builder *builder, uint64_t fixed)
{
    uint64_t total = 0;
    uint64_t sum = 0;

    for (uint32_t row = 0; row < builder->count; row++)
        total += fixed + leaf_row_heap(builder, row);
    for (uint32_t row = 0; row + 1 < builder->count; row++) {
        uint64_t size = fixed + leaf_row_heap(builder, row);

        if (row > 0 && sum + size / 2 >= total / 2)
            return row;
        sum += size;
    }
    return builder->count - 1;
}

/* Whether all rows go to one grown page with room for some more; else where to split them. */
static void
leaf_choose_split(vl_leaf_builder *builder)
{
    uint32_t rows;
    uint64_t fixed;

    builder->split = builder->count;
    if (builder->count < 2 || builder->build.layout == VL_LEAF_BULK)
        return;
    rows = leaf_fit(builder, builder->count, 1);
    fixed = rows > 0 ? builder->head.fixed_end / rows : 1;
    if (rows == builder->count) {
        uint32_t slots = builder->head.count;

        leaf_grow(builder);
        if (builder->head.capacity >= slots + rows / 16) {
            builder->split = 0;
            builder->planned = rows;
            return;
        }
    }
    builder->split =
        builder->build.layout == VL_LEAF_APPEND ? builder->count - 1 : leaf_middle(builder, fixed);
}

/* Rows that come one by one at an end of the page will go on to come there. */
static leaf_spare
leaf_choose_spare(const vl_leaf_builder *builder)
{
    const uint32_t *refs = builder->refs;

    if (builder->build.leaf == NULL || builder->build.row_count != 1 || builder->count < 2)
        return LEAF_SPARE_BOTH;
    if ((refs[builder->count - 1] & LEAF_REF_GIVEN) != 0)
        return LEAF_SPARE_ABOVE;
    return (refs[0] & LEAF_REF_GIVEN) != 0 ? LEAF_SPARE_BELOW : LEAF_SPARE_BOTH;
}

vl_leaf_builder *
vl_leaf_build_begin(void *scratch, const vl_leaf_build *build)
{
    vl_leaf_builder *builder = leaf_builder_init(scratch, build);

    VL_ASSERT(build->right == NULL || (build->leaf != NULL && build->row_count == 0));
    VL_ASSERT(build->schema->count >= 1);
    VL_ASSERT(build->schema->count <= vl_leaf_max_columns(build->page_size));
    leaf_collect(builder);
    builder->spare = leaf_choose_spare(builder);
    leaf_choose_split(builder);
    return builder;
}

int
vl_leaf_build_behind(void *scratch, const vl_leaf_build *build, vl_leaf *leaf, vl_pid pid,
                     vl_tree_id tree)
{
    vl_leaf_builder *builder = leaf_builder_init(scratch, build);
    const vl_leaf *full = build->leaf;

    VL_ASSERT(build->row_count == 1 && full->count > 0);
    if (!vl_leaf_has_schema(full, build->schema))
        return 0;
    for (uint32_t i = 0; i < build->schema->count; i++)
        leaf_count_column(full, i, builder->stats + i);
    builder->refs[builder->count++] = 0 | LEAF_REF_GIVEN;
    builder->head = *full;
    if (!leaf_plan_append(builder, full->count - full->gap_count))
        return 0;
    builder->head.count = 0; /* the row comes later */
    vl_leaf_init(leaf, build->page_size, pid, tree);
    leaf_write_page(builder, leaf, 0);
    return 1;
}

uint32_t
vl_leaf_build_remaining(const vl_leaf_builder *builder)
{
    return builder->count - builder->next;
}

int64_t
vl_leaf_build_next_rowid(const vl_leaf_builder *builder)
{
    VL_ASSERT(builder->next < builder->count);
    return leaf_ref_rowid(builder, builder->refs[builder->next]);
}

uint32_t
vl_leaf_build_next(vl_leaf_builder *builder, vl_leaf *leaf, vl_pid pid, vl_tree_id tree)
{
    uint32_t end = builder->next < builder->split ? builder->split : builder->count;
    int is_grown = builder->build.layout == VL_LEAF_SPLIT ||
                   (builder->build.layout == VL_LEAF_APPEND && end == builder->count);
    uint32_t rows = builder->planned;

    vl_leaf_init(leaf, builder->build.page_size, pid, tree);
    if (is_grown && builder->full > 0 && end - builder->next == 1 &&
        builder->build.layout == VL_LEAF_APPEND && leaf_plan_append(builder, builder->full)) {
        rows = 1;
    } else if (rows == 0 && builder->next < builder->count) {
        rows = leaf_fit(builder, end - builder->next, is_grown);
        if (rows > 0 && is_grown)
            leaf_grow(builder);
    }
    if (rows == 0)
        return 0;
    leaf_write_page(builder, leaf, rows);
    builder->planned = 0;
    builder->full = rows;
    builder->next += rows;
    return rows;
}
