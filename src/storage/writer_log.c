/* writer_log.c - operations as records of the log.
 *
 * Everything that may wait or fail is done by vl_writer_log_ready, before any page is latched; what
 * is left for the section is one copy into the ring (hazard 9).
 *
 * A record has to fit a quarter of the log's ring. Of a row that does not, the longest values are
 * sent ahead in chunks, until the rest fits.
 *
 * Invariants
 *   WL1  Chunks and the record that uses them lie on one side of every checkpoint, since the
 * operation holds the gate. WL2  A writer never holds credit while it asks for more (wal.h). */
#include "storage/writer_int.h"

#include "base/alloc.h"
#include "base/assert.h"

#include <string.h>

static velo_status
writer_log_no_memory(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for a log record");
}

/* Append one record in a section of its own. */
static velo_status
writer_log_send(vl_ctx *ctx, vl_writer *writer, uint32_t type, const vl_wal_part *parts,
                uint32_t part_count)
{
    vl_store *store = writer->store;
    vl_wal_credit credit;
    vl_log_position position;
    uint32_t size = 0;

    for (uint32_t i = 0; i < part_count; i++)
        size += parts[i].size;
    VL_TRY(vl_wal_grant(ctx, store->wal, 1, size, &credit));
    vl_cache_enter(store->cache);
    position = vl_wal_append(store->wal, &credit, type, writer->txn, parts, part_count);
    vl_cache_leave(store->cache);
    vl_wal_ungrant(store->wal, &credit);
    writer->end = vl_wal_record_end(position, size);
    return VELO_OK;
}

/* Send a long value ahead; *number receives how the record names it. */
static velo_status
writer_log_send_chunks(vl_ctx *ctx, vl_writer *writer, vl_tree_id tree, const uint8_t *data,
                       uint32_t size, uint64_t *number)
{
    uint32_t room = vl_wal_max_body(writer->store->wal) - VL_RECORD_HEAD_SIZE;
    vl_record record = {.type = VL_RECORD_CHUNK, .tree = tree, .total_size = size};
    uint8_t head[VL_RECORD_HEAD_SIZE];

    record.long_value = *number = ++writer->next_long;
    for (uint32_t at = 0; at < size;) {
        uint32_t part_size = size - at < room ? size - at : room;
        vl_wal_part parts[2] = {{head, 0}, {data + at, part_size}};

        parts[0].size = (uint32_t)(vl_record_put_head(head, &record) - head);
        VL_TRY(writer_log_send(ctx, writer, VL_RECORD_CHUNK, parts, 2));
        at += part_size;
    }
    return VELO_OK;
}

/* Send the longest values of a row ahead until what is left fits `room`. */
static velo_status
writer_log_shorten(vl_ctx *ctx, vl_writer *writer, vl_tree_id tree, const vl_leaf_schema *schema,
                   vl_leaf_value *row, size_t *size)
{
    size_t room = vl_wal_max_body(writer->store->wal) - VL_RECORD_HEAD_SIZE;

    while (*size > room) {
        vl_leaf_value *longest = row;
        uint64_t number;

        for (uint32_t i = 1; i < schema->count; i++)
            if (longest->overflow != 0 ||
                (row[i].overflow == 0 && row[i].value.size > longest->value.size))
                longest = row + i;
        if (longest->overflow != 0 || longest->value.size == 0)
            return vl_fail(ctx, VELO_TOOBIG, "a row of %u columns does not fit the log's records",
                           schema->count);
        VL_TRY(writer_log_send_chunks(ctx, writer, tree, longest->value.as.data,
                                      longest->value.size, &number));
        if (number > UINT32_MAX)
            return vl_fail(ctx, VELO_TOOBIG,
                           "a row of a checkpoint's list does not fit the log's records");
        longest->overflow = (vl_pid)number;
        longest->value.as.data = NULL;
        *size = vl_leaf_record_size(schema, row);
    }
    return VELO_OK;
}

/* Put the bytes of a row together that may not fit a record: what is too long is sent ahead. */
static velo_status
writer_log_make_long_row(vl_ctx *ctx, vl_writer *writer, vl_tree_id tree,
                         const vl_leaf_schema *schema, const vl_leaf_value *row, vl_wal_part *part)
{
    size_t size = vl_leaf_record_size(schema, row);
    vl_leaf_value *copy = vl_arena_copy(&writer->arena, row, schema->count * sizeof *row);
    uint8_t *bytes;

    if (copy == NULL)
        return writer_log_no_memory(ctx);
    VL_TRY(writer_log_shorten(ctx, writer, tree, schema, copy, &size));
    bytes = vl_arena_alloc(&writer->arena, size);
    if (bytes == NULL)
        return writer_log_no_memory(ctx);
    (void)vl_leaf_record_put(bytes, schema, copy);
    *part = (vl_wal_part){bytes, (uint32_t)size};
    return VELO_OK;
}

/* The most bytes that the row's record can have. */
static size_t
writer_log_bound(const vl_leaf_schema *schema, const vl_leaf_value *row)
{
    size_t bound = schema->count * (size_t)VL_LEAF_RECORD_VALUE_MAX;

    for (uint32_t i = 0; i < schema->count; i++)
        if (row[i].overflow == 0)
            bound += row[i].value.size;
    return bound;
}

/* Put head and row of a record together in the writer's arena, in one walk over the row if it is
 * sure to fit. */
static velo_status
writer_log_make(vl_ctx *ctx, vl_writer *writer, const vl_record *record,
                const vl_leaf_schema *schema, const vl_leaf_value *row, vl_writer_record *ready)
{
    size_t head_size = VL_RECORD_HEAD_SIZE + (size_t)record->key.size;
    size_t bound = schema != NULL ? writer_log_bound(schema, row) : 0;
    int is_long =
        schema != NULL && bound + VL_RECORD_HEAD_SIZE > vl_wal_max_body(writer->store->wal);
    uint8_t *head;
    uint8_t *end;

    if (is_long)
        VL_TRY(writer_log_make_long_row(ctx, writer, record->tree, schema, row, &ready->parts[1]));
    head = vl_arena_alloc(&writer->arena, head_size + (is_long ? 0 : bound));
    if (head == NULL)
        return writer_log_no_memory(ctx);
    end = vl_record_put_head(head, record);
    if (schema != NULL && !is_long)
        end = vl_leaf_record_put(end, schema, row);
    ready->parts[0] = (vl_wal_part){head, (uint32_t)(end - head)};
    return VELO_OK;
}

velo_status
vl_writer_log_ready(vl_ctx *ctx, vl_writer *writer, const vl_record *record,
                    const vl_leaf_schema *schema, const vl_leaf_value *row, vl_writer_record *ready)
{
    vl_record final = *record;

    memset(ready, 0, sizeof *ready);
    ready->writer = writer;
    if (writer->is_silent)
        return VELO_OK;
    ready->parts[1] = (vl_wal_part){record->data, (uint32_t)record->size};
    if (final.key.size > 0 && (size_t) final.key.size + ready->parts[1].size + VL_RECORD_HEAD_SIZE >
                                  vl_wal_max_body(writer->store->wal)) {
        VL_TRY(writer_log_send_chunks(ctx, writer, record->tree, record->key.data, record->key.size,
                                      &final.key.long_value));
        final.key.size = 0;
    }
    VL_TRY(writer_log_make(ctx, writer, &final, schema, row, ready));
    ready->size = ready->parts[0].size + ready->parts[1].size;
    if (ready->size > vl_wal_max_body(writer->store->wal))
        return vl_fail(ctx, VELO_TOOBIG, "a log record of %u bytes: at most %u are possible",
                       ready->size, vl_wal_max_body(writer->store->wal));
    ready->type =
        (uint32_t)record->type | (writer->is_open || writer->is_joined ? 0U : VL_RECORD_COMMITS);
    return vl_wal_grant(ctx, writer->store->wal, 1, ready->size, &ready->credit);
}

vl_log_position
vl_writer_log_append(vl_writer_record *ready)
{
    vl_writer *writer = ready->writer;
    vl_log_position position;

    if (ready->type == 0)
        return 0;
    position = vl_wal_append(writer->store->wal, &ready->credit, ready->type, writer->txn,
                             ready->parts, 2);
    writer->end = vl_wal_record_end(position, ready->size);
    return position;
}

void
vl_writer_log_end(vl_writer_record *ready)
{
    if (ready->type != 0)
        vl_wal_ungrant(ready->writer->store->wal, &ready->credit);
}
