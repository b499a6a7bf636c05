/* operation_load.c - many entries of one transaction, each with its log record; see operation.h.
 *
 * Invariants
 *   OL1  What is appended in a section was granted before it, and no more: the records of the first
 *        entries that the load asked for. */
#include "storage/operation.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "storage/writer_int.h"

typedef struct operation_load {
    vl_writer *writer;                /* whose */
    vl_tree_id tree;                  /* where */
    vl_wal_credit credit;             /* OL1 */
    uint8_t *head;                    /* room for one record's head, in the writer's arena */
    uint32_t head_room;               /* bytes of it */
    const vl_operation_keys *watcher; /* or NULL */
    vl_log_position
        positions[VL_TREE_KEY_LOAD_RUN]; /* of the records of a section, if there is one */
} operation_load;

/* The record of an entry, and its head in `to`. Returns the head's size. */
static uint32_t
operation_load_head(const operation_load *self, const vl_tree_key_item *item, uint8_t *to)
{
    vl_record record = {
        .type = VL_RECORD_KEY_PUT, .tree = self->tree, .key = {item->key, item->key_size, 0}};

    return (uint32_t)(vl_record_put_head(to, &record) - to);
}

/* Make room for the head of the longest key. */
static velo_status
operation_load_reserve(vl_ctx *ctx, operation_load *self, const vl_tree_key_item *items,
                       uint32_t count)
{
    uint32_t room = 0;

    for (uint32_t i = 0; i < count; i++)
        if (items[i].key_size > room)
            room = items[i].key_size;
    room += VL_RECORD_HEAD_SIZE;
    if (room <= self->head_room)
        return VELO_OK;
    self->head = vl_arena_alloc(&self->writer->arena, room);
    if (self->head == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for log records");
    self->head_room = room;
    return VELO_OK;
}

static velo_status
operation_load_grant(vl_ctx *ctx, void *argument, const vl_tree_key_item *items, uint32_t count)
{
    operation_load *self = argument;
    vl_wal *wal = self->writer->store->wal;
    uint64_t size = 0;

    vl_wal_ungrant(wal, &self->credit);
    if (self->watcher != NULL)
        VL_TRY(self->watcher->prepare(ctx, self->watcher->argument, items, count));
    VL_TRY(operation_load_reserve(ctx, self, items, count));
    for (uint32_t i = 0; i < count; i++)
        size += vl_align_up(
            operation_load_head(self, items + i, self->head) + (uint64_t)items[i].value_size, 8);
    if (size > UINT32_MAX)
        return vl_fail(ctx, VELO_TOOBIG, "%u entries do not fit the log's buffer", count);
    return vl_wal_grant(ctx, wal, count, (uint32_t)size, &self->credit);
}

static void
operation_load_append(void *argument, const vl_tree_key_item *items, uint32_t count)
{
    operation_load *self = argument;
    vl_writer *writer = self->writer;

    for (uint32_t i = 0; i < count; i++) {
        vl_wal_part parts[2] = {{self->head, 0}, {items[i].value, items[i].value_size}};
        vl_log_position position;

        parts[0].size = operation_load_head(self, items + i, self->head);
        position = vl_wal_append(writer->store->wal, &self->credit, VL_RECORD_KEY_PUT, writer->txn,
                                 parts, 2);
        writer->end = vl_wal_record_end(position, parts[0].size + parts[1].size);
        if (self->watcher != NULL)
            self->positions[i] = position;
    }
}

velo_status
vl_operation_load_keys(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *index,
                       const vl_tree_key_item *items, uint32_t count, uint32_t *taken)
{
    operation_load self = {.writer = writer, .tree = index->tree.id};
    vl_tree_key_load_log log = {
        .grant = operation_load_grant, .append = operation_load_append, .argument = &self};
    velo_status st;

    VL_ASSERT(writer->is_joined);
    st = vl_tree_key_load(ctx, &index->tree, writer->work, items, count, &log, taken);
    vl_wal_ungrant(writer->store->wal, &self.credit);
    return st;
}

static void
operation_load_met(void *argument, const vl_page_ref *leaf, const vl_tree_key_item *first)
{
    const operation_load *self = argument;

    self->watcher->met(self->watcher->argument, leaf, first);
}

static void
operation_load_added(void *argument, const vl_page_ref *leaf, const vl_tree_key_item *items,
                     uint32_t count)
{
    const operation_load *self = argument;

    VL_ASSERT(count <= VL_TREE_KEY_LOAD_RUN);
    self->watcher->added(self->watcher->argument, leaf, items, count, self->positions);
}

velo_status
vl_operation_put_keys(vl_ctx *ctx, vl_writer *writer, const vl_store_tree *index,
                      const vl_tree_key_item *items, uint32_t count,
                      const vl_operation_keys *watcher, uint32_t *taken)
{
    operation_load self = {.writer = writer, .tree = index->tree.id, .watcher = watcher};
    vl_tree_key_load_log log = {.grant = operation_load_grant,
                                .append = operation_load_append,
                                .argument = &self,
                                .met = operation_load_met,
                                .added = operation_load_added};
    velo_status st;

    VL_ASSERT(writer->is_joined);
    st = vl_tree_key_load(ctx, &index->tree, writer->work, items, count, &log, taken);
    vl_wal_ungrant(writer->store->wal, &self.credit);
    return st;
}
