/* txn_pending.c - entries of indexes that wait to be put there together.
 *
 * Who inserts many rows meets the leaves of an index at random, and changes each many times. So
 * entries whose keys nobody else can have, since they end with the row's number, wait in memory,
 * and are put into their indexes in the order of their keys:
 *
 *     before the session reads an index, or deletes entries     vl_keys_find, vl_key_scan_next, ...
 *     when they are many                                        vl_keys_make_room,
 * vl_statement_begin before a savepoint, and before the commit                 vl_session_settle,
 * vl_txn_commit
 *
 * Until then they are nowhere: nobody else would see them, neither the log nor a checkpoint's list
 * has them, and a crash or a rollback forgets them, as it does their rows.
 *
 *     items   [0, put)        are in their indexes, and kept only for a mark before that: NP2
 *             [put, count)    wait
 *
 * Invariants
 *   NP1  The row of an entry that waits is written, or will be by the statement at hand before it
 * does anything else. Who is at odds with another transaction about a row learns it by the row; so
 *        putting entries never waits for who waits for us (edit_row.c, CR6).
 *   NP2  A mark says how many there were, and how many of them were put. Going back there, what was
 * put since has records behind the mark, and is undone; it waits again. Items that statements which
 *        are open may go back to stay for that, and `turn` tells when all of them have gone.
 *   NP3  Putting them is done as a whole, or not at all: what fails is gone back on. */
#include "txn/txn_int.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/bytes.h"
#include "storage/key.h"

#include <string.h>

/* Entries that wait, at most, and bytes of their keys; but a row's are never parted. */
#define PENDING_ITEMS VL_BY_BUILD(131072U, 8U)
#define PENDING_BYTES VL_BY_BUILD((size_t)8 << 20, (size_t)1024)

/* Items that there is room for at first. */
#define PENDING_FIRST VL_BY_BUILD(16U, 2U)

/* An entry. */
typedef struct pending_item {
    const uint8_t *key;                /* in the arena */
    uint32_t key_size;                 /* of it */
    uint32_t statement;                /* number of the statement that has made it */
    uint16_t group;                    /* which index */
    uint8_t value_size;                /* of value */
    uint8_t value[VL_KEYS_PEND_VALUE]; /* the entry's value */
} pending_item;

/* What entries are sorted by. */
typedef struct pending_place {
    uint64_t head;  /* the first bytes of the key, as a number */
    uint32_t item;  /* its position */
    uint32_t group; /* index */
} pending_place;

struct vl_txn_pending {
    vl_arena arena;          /* of keys */
    vl_arena_mark kept_mark; /* its fill when there were kept_count */
    uint32_t kept_count;     /* items when the last statement began that found some waiting */
    uint32_t room;           /* items that there is memory for */
    pending_item *items;     /* in the order of their coming */
    pending_place *block;    /* memory of the following two */
    pending_place *places;   /* for sorting */
    pending_place *spare;    /* see places */
    uint32_t count;          /* items */
    uint32_t put;            /* of these, the first ones, in their indexes */
    uint64_t turn;           /* how often all items were forgotten: NP2 */
    uint32_t group_count;    /* of the following */
    vl_txn_index *groups[VL_KEYS_PEND_INDEXES]; /* indexes of which entries wait */
};

/* ---- memory ---- */

/* The session's, made if there is none; NULL: no memory. */
static vl_txn_pending *
pending_get(vl_ctx *ctx, vl_session *session)
{
    if (session->pending != NULL)
        return session->pending;
    session->pending = vl_alloc_zero(ctx, sizeof *session->pending);
    if (session->pending == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for entries of indexes");
        return NULL;
    }
    vl_arena_init(&session->pending->arena, session->store->allocator, 0);
    session->pending->turn = 1;
    return session->pending;
}

/* Make room for one more item. */
static velo_status
pending_grow(vl_ctx *ctx, vl_txn_pending *pending)
{
    uint32_t room = pending->room == 0 ? PENDING_FIRST : 2 * pending->room;
    pending_item *items;
    pending_place *places;

    if (pending->count < pending->room)
        return VELO_OK;
    items = vl_alloc_array(ctx, room, sizeof *items);
    places = vl_alloc_array(ctx, (size_t)2 * room, sizeof *places);
    if (items == NULL || places == NULL) {
        vl_free(items);
        vl_free(places);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for %u entries of indexes", room);
    }
    if (pending->count > 0)
        memcpy(items, pending->items, pending->count * sizeof *items);
    vl_free(pending->items);
    vl_free(pending->block);
    pending->items = items;
    pending->block = places;
    pending->places = places;
    pending->spare = places + room;
    pending->room = room;
    return VELO_OK;
}

void
vl_txn_free_pending(vl_session *session)
{
    vl_txn_pending *pending = session->pending;

    session->pending = NULL;
    session->waiting = 0;
    if (pending == NULL)
        return;
    vl_arena_deinit(&pending->arena);
    vl_free(pending->items);
    vl_free(pending->block);
    vl_free(pending);
}

/* Items that an open statement's mark may go back to: NP2. */
static uint32_t
pending_kept(const vl_session *session, const vl_txn_pending *pending)
{
    uint32_t kept = 0;

    for (const vl_statement *at = session->statements; at != NULL; at = at->next)
        if (at->is_writing && !at->is_nested && at->mark.number == session->txn->number &&
            at->mark.pending_turn == pending->turn &&
            at->mark.pending_count > at->mark.pending_put && at->mark.pending_count > kept)
            kept = at->mark.pending_count;
    return kept;
}

/* All have been put: forget those that nobody goes back to. */
static void
pending_forget(vl_session *session, vl_txn_pending *pending)
{
    uint32_t kept = pending_kept(session, pending);

    VL_ASSERT(kept <= pending->count);
    pending->count = kept;
    pending->put = kept;
    session->waiting = 0;
    if (kept > 0) {
        if (kept == pending->kept_count)
            vl_arena_rewind(&pending->arena, pending->kept_mark);
        return;
    }
    vl_arena_reset(&pending->arena);
    pending->group_count = 0;
    pending->turn++;
}

/* ---- sorting ---- */

/* The first bytes of a key, so that of two that differ the smaller has the smaller key. */
static uint64_t
pending_head(const uint8_t *key, uint32_t size)
{
    uint8_t bytes[8] = {0};

    if (VL_LIKELY(size >= sizeof bytes))
        return vl_load_be64(key);
    memcpy(bytes, key, size);
    return vl_load_be64(bytes);
}

static int
pending_is_less(const vl_txn_pending *pending, const pending_place *a, const pending_place *b)
{
    const pending_item *left, *right;

    if (a->group != b->group)
        return a->group < b->group;
    if (a->head != b->head)
        return a->head < b->head;
    left = pending->items + a->item;
    right = pending->items + b->item;
    return vl_key_compare(left->key, left->key_size, right->key, right->key_size) < 0;
}

/* Merge two runs that lie one behind the other. */
static void
pending_merge(const vl_txn_pending *pending, const pending_place *from, uint32_t middle,
              uint32_t end, pending_place *to)
{
    uint32_t left = 0, right = middle;

    if (middle < end && pending_is_less(pending, from + middle, from + middle - 1)) {
        while (left < middle && right < end)
            *to++ =
                pending_is_less(pending, from + right, from + left) ? from[right++] : from[left++];
    }
    memcpy(to, from + left, (middle - left) * sizeof *to);
    to += middle - left;
    memcpy(to, from + right, (end - right) * sizeof *to);
}

/* Sort places by comparing keys; `spare` has as much room. */
static void
pending_sort_keys(const vl_txn_pending *pending, pending_place *places, pending_place *spare,
                  uint32_t count)
{
    pending_place *from = places, *to = spare;

    for (uint32_t run = 1; run < count; run *= 2) {
        pending_place *turn = from;

        for (uint32_t at = 0; at < count; at += 2 * run) {
            uint32_t middle = count - at < run ? count - at : run;
            uint32_t end = count - at < 2 * run ? count - at : 2 * run;

            pending_merge(pending, from + at, middle, end, to + at);
        }
        from = to;
        to = turn;
    }
    if (from != places)
        memcpy(places, from, count * sizeof *places);
}

/* Byte `digit` of a place, the last one of the key's first bytes being 0, the index's number 8. */
static uint32_t
pending_digit(const pending_place *place, uint32_t digit)
{
    return (uint32_t)(digit == 8 ? place->group : place->head >> (8 * digit)) & 0xffU;
}

_Static_assert(VL_KEYS_PEND_INDEXES <= 256, "an index's number is one digit");

/* Sort places by one digit, those with equal ones staying in their order, from `from` to `to`. */
static void
pending_deal(const pending_place *from, pending_place *to, uint32_t count, uint32_t digit)
{
    uint32_t starts[257] = {0};

    for (uint32_t i = 0; i < count; i++)
        starts[pending_digit(from + i, digit) + 1]++;
    for (uint32_t i = 1; i < 257; i++)
        starts[i] += starts[i - 1];
    for (uint32_t i = 0; i < count; i++)
        to[starts[pending_digit(from + i, digit)]++] = from[i];
}

/* Sort places by index and the first bytes of their keys. */
static void
pending_sort_heads(vl_txn_pending *pending, uint32_t count)
{
    uint64_t heads = 0;
    uint32_t groups = 0;

    for (uint32_t i = 0; i < count; i++) {
        heads |= pending->places[i].head ^ pending->places[0].head;
        groups |= pending->places[i].group ^ pending->places[0].group;
    }
    for (uint32_t digit = 0; digit <= 8; digit++) {
        pending_place *from = pending->places;

        if (((digit == 8 ? groups : heads >> (8 * digit)) & 0xffU) == 0)
            continue; /* all have the same there */
        pending_deal(from, pending->spare, count, digit);
        pending->places = pending->spare;
        pending->spare = from;
    }
}

/* Fewer are sorted by comparing keys alone. */
#define PENDING_DEAL_MIN VL_BY_BUILD(64U, 4U)

/* Sort what waits. Returns how many there are, in pending->places. */
static uint32_t
pending_sort(vl_txn_pending *pending)
{
    uint32_t count = pending->count - pending->put, end;

    for (uint32_t i = 0; i < count; i++) {
        const pending_item *item = pending->items + pending->put + i;

        pending->places[i] =
            (pending_place){pending_head(item->key, item->key_size), pending->put + i, item->group};
    }
    if (count < PENDING_DEAL_MIN) {
        pending_sort_keys(pending, pending->places, pending->spare, count);
        return count;
    }
    pending_sort_heads(pending, count);
    for (uint32_t at = 0; at < count; at = end) {
        const pending_place *first = pending->places + at;

        for (end = at + 1; end < count && pending->places[end].head == first->head &&
                           pending->places[end].group == first->group;)
            end++;
        if (end - at > 1)
            pending_sort_keys(pending, pending->places + at, pending->spare + at, end - at);
    }
    return count;
}

/* ---- putting ---- */

/* A statement that puts what another one has made. */
static vl_statement
pending_statement(vl_session *session, uint32_t number)
{
    vl_statement statement;

    memset(&statement, 0, sizeof statement);
    statement.session = session;
    statement.is_writing = 1;
    statement.status = session->txn->status;
    /* Whether the row may be there was decided by the row: a tombstone of its entry that somebody
     * has left since the snapshot is no conflict. */
    statement.view = (vl_view){VL_TS_MAX, session->txn->status, number, NULL};
    return statement;
}

static velo_status
pending_put_one(vl_ctx *ctx, vl_session *session, const vl_txn_pending *pending,
                const pending_item *item)
{
    vl_statement statement = pending_statement(session, item->statement);
    velo_status st = vl_keys_insert(ctx, &statement, pending->groups[item->group], item->key,
                                    item->key_size, item->value, item->value_size, NULL, NULL);

    if (st != VELO_CONSTRAINT)
        return st;
    return vl_fail(ctx, VELO_CORRUPT, "an index has an entry of a row that was not there");
}

/* Entries that are put in one operation: checkpoints wait for so many. */
#define PENDING_PART VL_BY_BUILD(1024U, 8U)

/* Entries of one index on their way there. */
typedef struct pending_part {
    vl_session *session;                  /* whose */
    const vl_txn_pending *pending;        /* what waits */
    vl_txn_tree *tree;                    /* the index */
    const pending_place *places;          /* of the first of `items` */
    uint32_t ready_count;                 /* records, of the log's last, that are not in use yet */
    vl_undo *ready[VL_TREE_KEY_LOAD_RUN]; /* for the entries that come next */
    vl_tree_key_item items[PENDING_PART];
} pending_part;

/* vl_operation_keys.prepare: `ready` has the records of the first of them already. */
static velo_status
pending_prepare(vl_ctx *ctx, void *argument, const vl_tree_key_item *items, uint32_t count)
{
    pending_part *part = argument;
    const pending_place *places = part->places + (items - part->items);

    VL_ASSERT(count <= VL_TREE_KEY_LOAD_RUN);
    while (part->ready_count < count) {
        const pending_item *item = part->pending->items + places[part->ready_count].item;
        vl_undo_change change = {.kind = VL_UNDO_INSERT,
                                 .statement = item->statement,
                                 .tree = part->tree->id,
                                 .key = item->key,
                                 .key_size = item->key_size};

        VL_TRY(
            vl_undo_append(ctx, part->session->txn->log, &change, &part->ready[part->ready_count]));
        part->ready_count++;
    }
    return VELO_OK;
}

/* vl_operation_keys.met */
static void
pending_met(void *argument, const vl_page_ref *leaf, const vl_tree_key_item *first)
{
    const pending_part *part = argument;

    (void)vl_txn_shorten(part->tree, part->session->txn, leaf, 0, first->key, first->key_size);
}

/* vl_operation_keys.added */
static void
pending_added(void *argument, const vl_page_ref *leaf, const vl_tree_key_item *items,
              uint32_t count, const vl_log_position *positions)
{
    pending_part *part = argument;
    vl_versions map = vl_txn_map(part->tree, leaf);

    (void)items;
    VL_ASSERT(count <= part->ready_count);
    for (uint32_t i = 0; i < count; i++) {
        vl_undo_set_position(part->ready[i], positions[i]);
        vl_versions_push(part->tree->store->pool, &map, part->ready[i]);
    }
    vl_txn_set_map(part->tree, leaf, map);
    part->ready_count -= count;
    memmove(part->ready, part->ready + count, part->ready_count * sizeof(vl_undo *));
}

/* Put entries from `places` on, of one index and at most PENDING_PART, up to one that is no plain
 * insertion. *put receives how many. */
static velo_status
pending_put_part(vl_ctx *ctx, pending_part *part, const pending_place *places, uint32_t count,
                 uint32_t *put)
{
    vl_operation_keys watcher = {pending_prepare, pending_met, pending_added, part};
    vl_session *session = part->session;
    uint32_t group = places->group, at = 0;
    velo_status st;

    while (at < count && at < PENDING_PART && places[at].group == group) {
        const pending_item *item = part->pending->items + places[at].item;

        part->items[at++] =
            (vl_tree_key_item){item->key, item->value, item->key_size, item->value_size};
    }
    part->tree = &part->pending->groups[group]->tree;
    part->places = places;
    part->ready_count = 0;
    vl_operation_begin(session->writer);
    st = vl_operation_put_keys(ctx, session->writer, part->tree->base, part->items, at, &watcher,
                               put);
    for (; part->ready_count > 0; part->ready_count--)
        vl_undo_pop(session->txn->log); /* none is left to a checkpoint that lists them */
    vl_operation_end(session->writer);
    vl_txn_count_changes(ctx, session, *put);
    vl_operation_tend(ctx, session->store->base);
    return st;
}

/* Put all that waits, `count` entries in the order of their keys. */
static velo_status
pending_put_all(vl_ctx *ctx, vl_session *session, const vl_txn_pending *pending, uint32_t count)
{
    pending_part *part = vl_alloc(ctx, sizeof *part);
    const pending_place *places = pending->places;
    velo_status st = VELO_OK;
    uint32_t put;

    if (part == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate memory for putting entries of indexes");
    part->session = session;
    part->pending = pending;
    while (st == VELO_OK && count > 0) {
        st = pending_put_part(ctx, part, places, count, &put);
        places += put;
        count -= put;
        if (st != VELO_OK || count == 0 || put > 0)
            continue;
        st = pending_put_one(ctx, session, pending, pending->items + places->item);
        places++;
        count--;
    }
    vl_free(part);
    return st;
}

velo_status
vl_txn_put_pending(vl_ctx *ctx, vl_session *session)
{
    vl_txn_pending *pending = session->pending;
    vl_txn *txn = session->txn;
    uint32_t range_count = txn->range_count, count;
    vl_txn_mark mark = vl_txn_get_mark(session);
    vl_error failure;
    velo_status st;

    VL_ASSERT(session->waiting == pending->count - pending->put);
    txn->range_count = range_count; /* rows go on where they were: no entry is one */
    count = pending_sort(pending);
    st = pending_put_all(ctx, session, pending, count);
    if (st == VELO_OK) {
        pending_forget(session, pending);
        return VELO_OK;
    }
    if (session->txn == NULL)
        return st; /* it was doomed meanwhile, which has dropped them */
    failure = ctx->error;
    st = vl_txn_back(ctx, session, &mark); /* keeps NP3 */
    if (st == VELO_OK)
        ctx->error = failure;
    return st == VELO_OK ? failure.code : st;
}

int
vl_txn_is_pending(const vl_session *session, const vl_txn_index *index)
{
    const vl_txn_pending *pending = session->pending;
    uint32_t group = 0;

    while (group < pending->group_count && pending->groups[group] != index)
        group++;
    return group < pending->group_count;
}

velo_status
vl_session_settle(vl_ctx *ctx, vl_session *session)
{
    return vl_txn_settle(ctx, session);
}

/* ---- adding ---- */

int
vl_keys_may_pend(const vl_statement *statement)
{
    return statement->session->is_in_txn || !statement->is_blind;
}

velo_status
vl_keys_make_room(vl_ctx *ctx, vl_statement *statement, uint32_t count)
{
    vl_session *session = statement->session;
    const vl_txn_pending *pending = session->pending;

    if (VL_LIKELY(session->waiting == 0))
        return VELO_OK;
    if (VL_LIKELY(session->waiting + count <= PENDING_ITEMS &&
                  pending->arena.held_bytes <= PENDING_BYTES &&
                  pending->group_count + count <= VL_KEYS_PEND_INDEXES))
        return VELO_OK;
    return vl_txn_put_pending(ctx, session);
}

velo_status
vl_txn_begin_pending(vl_ctx *ctx, vl_session *session)
{
    vl_txn_pending *pending = session->pending;

    if (session->waiting == 0)
        return VELO_OK;
    if (session->waiting >= PENDING_ITEMS / 8 * 7 || pending->arena.held_bytes >= PENDING_BYTES)
        return vl_txn_put_pending(ctx, session);
    pending->kept_mark = vl_arena_get_mark(&pending->arena);
    pending->kept_count = pending->count;
    return VELO_OK;
}

/* Which group an index is: VL_KEYS_PEND_INDEXES: there is no room for one more. */
static uint32_t
pending_find_group(vl_txn_pending *pending, vl_txn_index *index)
{
    uint32_t group = 0;

    while (group < pending->group_count && pending->groups[group] != index)
        group++;
    if (group == pending->group_count && group < VL_KEYS_PEND_INDEXES)
        pending->groups[pending->group_count++] = index;
    return group;
}

velo_status
vl_keys_pend(vl_ctx *ctx, vl_statement *statement, vl_txn_index *index, const void *key,
             uint32_t key_size, const void *value, uint32_t value_size)
{
    vl_session *session = statement->session;
    vl_txn_pending *pending;
    pending_item *item;
    uint32_t group;
    uint8_t *copy;

    VL_TRY(vl_txn_check_writing(ctx, statement));
    VL_ASSERT(value_size <= VL_KEYS_PEND_VALUE && key_size > 0);
    pending = pending_get(ctx, session);
    if (pending == NULL)
        return VELO_NOMEM;
    if (key_size > VL_TREE_KEY_MAX_SIZE || vl_txn_is_fresh(session, &index->tree))
        return vl_keys_insert(ctx, statement, index, key, key_size, value, value_size, NULL, NULL);
    VL_TRY(pending_grow(ctx, pending));
    group = pending_find_group(pending, index);
    copy = vl_arena_alloc(&pending->arena, key_size);
    if (copy == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a key of %u bytes", key_size);
    VL_ASSERT(group < VL_KEYS_PEND_INDEXES); /* vl_keys_make_room */
    memcpy(copy, key, key_size);
    item = pending->items + pending->count++;
    item->key = copy;
    item->key_size = key_size;
    item->statement = statement->view.statement;
    item->group = (uint16_t)group;
    item->value_size = (uint8_t)value_size;
    memcpy(item->value, value, value_size);
    session->waiting++;
    return VELO_OK;
}

/* ---- marks ---- */

void
vl_txn_mark_pending(const vl_session *session, vl_txn_mark *mark)
{
    const vl_txn_pending *pending = session->pending;

    if (VL_LIKELY(pending == NULL))
        return;
    mark->pending_turn = pending->turn;
    mark->pending_count = pending->count;
    mark->pending_put = pending->put;
}

int
vl_txn_can_unpend(const vl_session *session, const vl_txn_mark *mark)
{
    const vl_txn_pending *pending = session->pending;

    if (mark->pending_count == mark->pending_put)
        return 1;
    return pending != NULL && mark->pending_turn == pending->turn &&
           mark->pending_count <= pending->count;
}

void
vl_txn_unpend(vl_session *session, const vl_txn_mark *mark)
{
    vl_txn_pending *pending = session->pending;

    if (pending == NULL)
        return;
    if (mark != NULL && mark->pending_count > mark->pending_put) {
        VL_ASSERT(vl_txn_can_unpend(session, mark));
        pending->count = mark->pending_count;
        pending->put = mark->pending_put;
        session->waiting = pending->count - pending->put;
        return;
    }
    /* None waited then. Those that were put before, and stay for older marks, are the first. */
    pending->count = pending_kept(session, pending);
    pending->put = pending->count;
    session->waiting = 0;
}
