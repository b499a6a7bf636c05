/* versions.c - a page's version map; see versions.h.
 *
 * Two forms, told apart by the lowest bit of the pointer:
 *
 *    list   bit 1: the newest records, one after the other by `beside`
 *    table  bit 0: a versions_table, whose buckets are such lists
 *
 * Invariants
 *   M1  Each record in a list is the newest of its row or entry, and each row or entry is there
 *       once. `beside` of all other records means nothing.
 *   M2  A list is never empty (the attachment is NULL then), nor is a table.
 *   M3  A record in a map has its `hash`, is in the bucket of that, and its bit of `seen` is set.
 *       Bits of records that have gone may be set still.
 *   M5  A map that is kept is found by one of its records, its holder: whose kept_at is the page's
 *       number, and kept_next the next holder of the bucket.
 *   M4  Memory is wanted for speed only: without it a list stays a list, a table its size. */
#include "txn/versions.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "base/hash.h"

#include <string.h>

/* More records in a list than this become a table. */
#define VERSIONS_LIST_MAX VL_BY_BUILD(8U, 2U)

/* A list, and which hashes it may have: a row without versions, as each that is new, is told by
 * its bucket alone, and no record, somewhere in memory, is looked at. */
typedef struct versions_bucket {
    vl_undo *first; /* of the list */
    uint64_t seen;  /* M3: see versions_bit */
} versions_bucket;

typedef struct versions_table {
    uint32_t count;            /* records */
    uint32_t bucket_mask;      /* number of buckets - 1 */
    versions_bucket buckets[]; /* M3 */
} versions_table;

/* Buckets that are fetched ahead of the one at hand, when all are gone through. */
#define VERSIONS_AHEAD 8U

/* `rowid`: of a row, or of an entry the page of its long key's rest, or 0. */
static uint32_t
versions_hash(int64_t rowid, const void *key, uint32_t key_size)
{
    return (uint32_t)(key != NULL && rowid == 0 ? vl_hash64(key, key_size, 0)
                                                : vl_mix64((uint64_t)rowid));
}

/* A hash's bit of `seen`: by bits that do not choose the bucket, unless a map is huge. */
static uint64_t
versions_bit(uint32_t hash)
{
    return UINT64_C(1) << (hash >> 26);
}

/* Whether a record speaks of this row or entry. */
static int
versions_is_of(const vl_undo *record, uint32_t hash, int64_t rowid, const void *key,
               uint32_t key_size)
{
    if (record->hash != hash || record->rowid != rowid || (key == NULL) != (record->key == NULL))
        return 0;
    return key == NULL || rowid != 0 ||
           (record->key_size == key_size && memcmp(record->key, key, key_size) == 0);
}

/* The table, or NULL: it is a list, or empty. */
static versions_table *
versions_table_of(vl_versions map)
{
    return ((uintptr_t)map.attachment & 1) == 0 ? map.attachment : NULL;
}

/* The first record of a map that is a list or empty. */
static vl_undo *
versions_list(vl_versions map)
{
    return map.attachment == NULL ? NULL : (vl_undo *)(void *)((char *)map.attachment - 1);
}

static vl_versions
versions_from_list(vl_undo *first)
{
    return (vl_versions){first == NULL ? NULL : (char *)first + 1};
}

/* The record of a row or entry in a list, NULL if there is none. */
static vl_undo *
versions_in_list(vl_undo *first, uint32_t hash, int64_t rowid, const void *key, uint32_t key_size)
{
    while (first != NULL && !versions_is_of(first, hash, rowid, key, key_size))
        first = first->beside;
    return first;
}

/* The newest record of a row or entry with this hash. */
static vl_undo *
versions_find_hash(vl_versions map, uint32_t hash, int64_t rowid, const void *key,
                   uint32_t key_size)
{
    const versions_table *table = versions_table_of(map);
    const versions_bucket *bucket;

    if (table == NULL)
        return versions_in_list(versions_list(map), hash, rowid, key, key_size);
    bucket = table->buckets + (hash & table->bucket_mask);
    if ((bucket->seen & versions_bit(hash)) == 0) /* M3 */
        return NULL;
    return versions_in_list(bucket->first, hash, rowid, key, key_size);
}

static vl_undo *
versions_find(vl_versions map, int64_t rowid, const void *key, uint32_t key_size)
{
    if (map.attachment == NULL)
        return NULL;
    return versions_find_hash(map, versions_hash(rowid, key, key_size), rowid, key, key_size);
}

vl_undo *
vl_versions_find_row(vl_versions map, int64_t rowid)
{
    return versions_find(map, rowid, NULL, 0);
}

vl_undo *
vl_versions_find_key(vl_versions map, const void *key, uint32_t key_size, vl_pid rest)
{
    return versions_find(map, (int64_t)rest, key, key_size);
}

/* List what hangs in a list behind `count` others. */
static uint32_t
versions_append(vl_undo *first, vl_undo **records, uint32_t count, uint32_t room)
{
    for (vl_undo *record = first; record != NULL; record = record->beside, count++) {
        if (count < room)
            records[count] = record;
        __builtin_prefetch(record->status);
        __builtin_prefetch(record->columns);
    }
    return count;
}

uint32_t
vl_versions_list(vl_versions map, vl_undo **records, uint32_t room)
{
    const versions_table *table = versions_table_of(map);
    uint32_t count = 0;

    if (table == NULL)
        return versions_append(versions_list(map), records, 0, room);
    for (uint32_t i = 0; i <= table->bucket_mask; i++)
        vl_undo_fetch(table->buckets[i].first);
    for (uint32_t i = 0; i <= table->bucket_mask; i++)
        count = versions_append(table->buckets[i].first, records, count, room);
    return count;
}

uint32_t
vl_versions_count(vl_versions map)
{
    const versions_table *table = versions_table_of(map);
    uint32_t count = 0;

    if (table != NULL)
        return table->count;
    for (const vl_undo *record = versions_list(map); record != NULL; record = record->beside)
        count++;
    return count;
}

/* Replace `old` in a list by `head`, or take it out when that is NULL. Returns the first record. */
static vl_undo *
versions_list_replace(vl_undo *first, const vl_undo *old, vl_undo *head)
{
    vl_undo **place = &first;

    while (*place != old) {
        VL_ASSERT(*place != NULL);
        place = &(*place)->beside;
    }
    if (head != NULL) {
        head->beside = old->beside;
        *place = head;
    } else
        *place = old->beside;
    return first;
}

/* Add a record to a list that is a bucket. */
static void
versions_table_add(versions_table *table, vl_undo *record)
{
    versions_bucket *bucket = table->buckets + (record->hash & table->bucket_mask);

    record->beside = bucket->first;
    bucket->first = record;
    bucket->seen |= versions_bit(record->hash);
    table->count++;
}

/* Take all records out of a map, as one list; the map is empty then. */
static vl_undo *
versions_take_all(vl_undo_pool *pool, vl_versions *map)
{
    versions_table *table = versions_table_of(*map);
    vl_undo *first = NULL;

    if (table == NULL) {
        first = versions_list(*map);
        map->attachment = NULL;
        return first;
    }
    for (uint32_t i = 0; i <= table->bucket_mask; i++) {
        vl_undo *record = table->buckets[i].first;

        while (record != NULL) {
            vl_undo *beside = record->beside;

            record->beside = first;
            first = record;
            record = beside;
        }
    }
    vl_undo_pool_free(pool, table);
    map->attachment = NULL;
    return first;
}

/* Make a table for `count` records if there are more than a list holds, and there is memory. */
static void
versions_grow(vl_undo_pool *pool, vl_versions *map, uint32_t count)
{
    const versions_table *old = versions_table_of(*map);
    uint32_t buckets = VERSIONS_LIST_MAX;
    versions_table *table;
    vl_undo *record;
    void *block;

    if (count <= VERSIONS_LIST_MAX || (old != NULL && count <= 2 * (old->bucket_mask + 1)))
        return;
    while (buckets < count)
        buckets *= 2;
    if (vl_undo_pool_alloc(NULL, pool, sizeof *table + buckets * sizeof *table->buckets, &block) !=
        VELO_OK)
        return; /* M4 */
    table = block;
    memset(table, 0, sizeof *table + buckets * sizeof *table->buckets);
    table->bucket_mask = buckets - 1;
    record = versions_take_all(pool, map);
    while (record != NULL) {
        vl_undo *beside = record->beside;

        versions_table_add(table, record);
        record = beside;
    }
    map->attachment = table;
}

/* Add a chain that the map lacks. */
static void
versions_add(vl_undo_pool *pool, vl_versions *map, vl_undo *head)
{
    versions_table *table;

    versions_grow(pool, map, vl_versions_count(*map) + 1);
    table = versions_table_of(*map);
    if (table != NULL) {
        versions_table_add(table, head);
        return;
    }
    head->beside = versions_list(*map);
    *map = versions_from_list(head);
}

void
vl_versions_replace(vl_undo_pool *pool, vl_versions *map, const vl_undo *old, vl_undo *head)
{
    versions_table *table = versions_table_of(*map);
    versions_bucket *bucket;

    if (head == old)
        return;
    if (head != NULL)
        head->hash = old->hash; /* keeps M3 */
    if (table == NULL) {
        *map = versions_from_list(versions_list_replace(versions_list(*map), old, head));
        return;
    }
    bucket = table->buckets + (old->hash & table->bucket_mask);
    bucket->first = versions_list_replace(bucket->first, old, head);
    if (head == NULL && --table->count == 0) { /* M2 */
        vl_undo_pool_free(pool, table);
        map->attachment = NULL;
    }
}

void
vl_versions_push(vl_undo_pool *pool, vl_versions *map, vl_undo *record)
{
    vl_undo *newest;

    record->hash = versions_hash(record->rowid, record->key, record->key_size);
    newest = versions_find_hash(*map, record->hash, record->rowid, record->key, record->key_size);
    VL_ASSERT(record->kind <= VL_UNDO_DELETE);
    /* A tombstone's row was dropped because nobody can go back behind it. */
    VL_ASSERT(record->kind != VL_UNDO_REINSERT || record->column_count > 0 || newest == NULL);
    VL_ASSERT(newest == NULL || newest->status != record->status ||
              newest->statement <= record->statement);
    record->older = newest;
    record->chain_length = newest != NULL ? newest->chain_length + 1 : 1;
    vl_undo_linked(record);
    if (newest != NULL)
        vl_versions_replace(pool, map, newest, record);
    else
        versions_add(pool, map, record);
}

void
vl_versions_pop(vl_undo_pool *pool, vl_versions *map, vl_undo *record)
{
    VL_ASSERT(versions_find(*map, record->rowid, record->key, record->key_size) == record);
    vl_versions_replace(pool, map, record, record->older);
    record->older = NULL;
    vl_undo_unlinked(record);
}

/* Put the chains of a list into maps again. */
typedef struct versions_deal {
    vl_versions *map;             /* where they come from */
    vl_versions *to;              /* where those go that have moved */
    vl_versions_has_moved *moved; /* of entries, or NULL */
    vl_versions_change *change;   /* or NULL */
    void *argument;               /* of both */
    int64_t first;                /* of rows that have moved */
    int64_t last;                 /* see first */
} versions_deal;

static int
versions_deal_moves(const versions_deal *deal, const vl_undo *record)
{
    if (deal->to == NULL)
        return 0;
    if (deal->moved != NULL)
        return deal->moved(deal->argument, record);
    return record->rowid >= deal->first && record->rowid <= deal->last;
}

/* Take the records of one list out that move or go; returns what is left of it. */
static vl_undo *
versions_deal_list(vl_undo_pool *pool, const versions_deal *deal, vl_undo *record)
{
    vl_undo *left = NULL;

    while (record != NULL) {
        vl_undo *beside = record->beside;

        if (deal->change != NULL)
            record = deal->change(deal->argument, record);
        if (record != NULL && versions_deal_moves(deal, record))
            versions_add(pool, deal->to, record);
        else if (record != NULL) {
            record->beside = left;
            left = record;
        }
        record = beside;
    }
    return left;
}

/* Have a bucket's records brought into the processor's cache: what its list begins with, or, once
 * that is there, what is read next. Records lie anywhere, and each would be waited for. */
static void
versions_fetch(const versions_table *table, uint32_t index, int is_near)
{
    const vl_undo *first = index <= table->bucket_mask ? table->buckets[index].first : NULL;

    if (first == NULL)
        return;
    if (!is_near) {
        vl_undo_fetch(first);
        return;
    }
    __builtin_prefetch(first->key);
    vl_undo_fetch(first->beside);
}

/* A table with few records becomes a list: keeps M2. */
static void
versions_settle(vl_undo_pool *pool, vl_versions *map)
{
    const versions_table *table = versions_table_of(*map);

    if (table != NULL && table->count <= VERSIONS_LIST_MAX)
        *map = versions_from_list(versions_take_all(pool, map));
}

static void
versions_deal_all(vl_undo_pool *pool, const versions_deal *deal)
{
    versions_table *table = versions_table_of(*deal->map);

    if (table == NULL) {
        *deal->map = versions_from_list(versions_deal_list(pool, deal, versions_list(*deal->map)));
        return;
    }
    if (deal->to != NULL && deal->to->attachment == NULL)
        versions_grow(pool, deal->to, table->count / 2); /* about as many move */
    table->count = 0;
    for (uint32_t i = 0; i < VERSIONS_AHEAD; i++)
        versions_fetch(table, i, 0);
    for (uint32_t i = 0; i <= table->bucket_mask; i++) {
        versions_bucket *bucket = table->buckets + i;

        versions_fetch(table, i + VERSIONS_AHEAD, 0);
        versions_fetch(table, i + VERSIONS_AHEAD / 2, 1);
        bucket->first = versions_deal_list(pool, deal, bucket->first);
        bucket->seen = 0;
        for (const vl_undo *at = bucket->first; at != NULL; at = at->beside) {
            bucket->seen |= versions_bit(at->hash);
            table->count++;
        }
    }
    versions_settle(pool, deal->map);
    if (deal->to != NULL)
        versions_settle(pool, deal->to);
}

void
vl_versions_change_all(vl_undo_pool *pool, vl_versions *map, vl_versions_change *change,
                       void *argument)
{
    versions_deal deal = {.map = map, .change = change, .argument = argument};

    versions_deal_all(pool, &deal);
}

void
vl_versions_move_rows(vl_undo_pool *pool, vl_versions *from, vl_versions *to, int64_t first,
                      int64_t last)
{
    versions_deal deal = {.map = from, .to = to, .first = first, .last = last};

    versions_deal_all(pool, &deal);
}

void
vl_versions_move_keys(vl_undo_pool *pool, vl_versions *from, vl_versions *to,
                      vl_versions_has_moved *has_moved, void *argument)
{
    versions_deal deal = {.map = from, .to = to, .moved = has_moved, .argument = argument};

    versions_deal_all(pool, &deal);
}

/* A chain goes with all its records. */
static vl_undo *
versions_drop_chain(void *argument, vl_undo *head)
{
    (void)argument;
    while (head != NULL) {
        vl_undo *older = head->older;

        vl_undo_unlinked(head);
        head = older;
    }
    return NULL;
}

void
vl_versions_clear(vl_undo_pool *pool, vl_versions *map)
{
    vl_versions_change_all(pool, map, versions_drop_chain, NULL);
}

/* ---- maps of pages that are not in memory ---- */

/* The record of a map that holds it. */
static vl_undo *
versions_holder(vl_versions map)
{
    const versions_table *table = versions_table_of(map);

    if (table == NULL)
        return versions_list(map);
    for (uint32_t i = 0; i <= table->bucket_mask; i++)
        if (table->buckets[i].first != NULL)
            return table->buckets[i].first;
    return NULL;
}

static uint64_t
versions_kept_size(const vl_versions_kept *kept)
{
    return kept->more != NULL ? kept->more_count : VL_VERSIONS_KEPT_BUCKETS;
}

static vl_undo **
versions_kept_bucket(vl_versions_kept *kept, uint64_t page)
{
    vl_undo **buckets = kept->more != NULL ? kept->more : kept->buckets;

    return &buckets[vl_mix64(page) & (versions_kept_size(kept) - 1)];
}

void
vl_versions_kept_grow(vl_allocator *allocator, vl_undo_pool *pool, vl_versions_kept *kept)
{
    uint64_t old_count = versions_kept_size(kept), count = 4 * old_count;
    vl_undo **old = kept->more != NULL ? kept->more : kept->buckets;
    vl_undo **more;

    if (kept->count < 2 * old_count)
        return;
    more = vl_allocator_alloc(allocator, (size_t)count * sizeof *more, _Alignof(vl_undo *));
    if (more == NULL)
        return;
    memset((void *)more, 0, (size_t)count * sizeof *more);
    for (uint64_t i = 0; i < old_count; i++) {
        vl_undo *holder = old[i];

        while (holder != NULL) {
            vl_undo *next = holder->kept_next;
            vl_undo **bucket = &more[vl_mix64(holder->kept_at) & (count - 1)];

            holder->kept_next = *bucket;
            *bucket = holder;
            holder = next;
            vl_undo_pool_settle(pool, VL_UNDO_SPILL_FAR);
        }
        old[i] = NULL;
    }
    vl_free((void *)kept->more);
    kept->more = more;
    kept->more_count = count;
}

void
vl_versions_kept_deinit(vl_versions_kept *kept)
{
    VL_ASSERT(kept->count == 0);
    vl_free((void *)kept->more);
    kept->more = NULL;
}

void
vl_versions_keep(vl_versions_kept *kept, uint64_t page, vl_versions map)
{
    vl_undo *holder = versions_holder(map);
    vl_undo **bucket = versions_kept_bucket(kept, page);

    VL_ASSERT(holder != NULL); /* M2 */
    holder->kept_at = page;
    holder->kept_map = map.attachment;
    holder->kept_next = *bucket;
    *bucket = holder;
    kept->count++;
}

/* Take the holder out that `place` points to. */
static vl_versions
versions_take_kept(vl_versions_kept *kept, vl_undo **place)
{
    vl_undo *holder = *place;

    *place = holder->kept_next;
    holder->kept_next = NULL;
    kept->count--;
    return (vl_versions){holder->kept_map};
}

vl_versions
vl_versions_bring(vl_versions_kept *kept, uint64_t page)
{
    vl_undo **place = versions_kept_bucket(kept, page);

    while (*place != NULL && (*place)->kept_at != page)
        place = &(*place)->kept_next;
    return *place != NULL ? versions_take_kept(kept, place) : (vl_versions){NULL};
}

vl_versions
vl_versions_bring_any(vl_versions_kept *kept)
{
    vl_undo **buckets = kept->more != NULL ? kept->more : kept->buckets;

    for (uint64_t i = 0; kept->count > 0 && i < versions_kept_size(kept); i++)
        if (buckets[i] != NULL)
            return versions_take_kept(kept, &buckets[i]);
    return (vl_versions){NULL};
}
