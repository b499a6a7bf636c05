/* test_txn_long_keys.c - entries of indexes whose keys are longer than a page holds of one: they
 * are versioned, found, put in order and undone as all others are. Keys have much in common, so
 * that pages do not tell them apart. */
#include "base/bytes.h"
#include "lib/txn_rig.h"
#include "lib/unit.h"

#include <string.h>

/* Bytes of a key: more than a page has, or (of every eighth) than a record of the log. */
#define KEYS_SIZE 5000U
#define KEYS_LONG 40000U
#define KEYS_RING (UINT32_C(1) << 15) /* of the log: four records */

#define KEYS_COUNT 40U

#define WITH_RIG(is_memory)                                                                        \
    txn_rig rig = {.options.store.log_ring_bytes = KEYS_RING};                                     \
    CHECK_OK(rig_init(unit_ctx(), &rig, unit_seed(), is_memory))

/* The key with a number; numbers that are equal but for their last bits have the same size. */
static const uint8_t *
keys_make(uint32_t number, uint32_t *size)
{
    static uint8_t key[KEYS_LONG];

    *size = number % 8 == 5 ? KEYS_LONG : KEYS_SIZE;
    memset(key, 'k', *size);
    vl_store_be64(key + *size - 8, number);
    return key;
}

static velo_status
keys_insert(txn_rig *rig, vl_statement *statement, uint32_t number, uint32_t value)
{
    uint32_t size;
    const uint8_t *key = keys_make(number, &size);
    uint8_t four[4];

    vl_store_le32(four, value);
    return vl_keys_insert(unit_ctx(), statement, rig->index, key, size, four, 4, NULL, NULL);
}

static velo_status
keys_delete(txn_rig *rig, vl_statement *statement, uint32_t number)
{
    uint32_t size;
    const uint8_t *key = keys_make(number, &size);

    return vl_keys_delete(unit_ctx(), statement, rig->index, key, size);
}

/* Give entries first, first + step, ... a value, in one statement; 0 deletes them. */
static velo_status
keys_change(txn_rig *rig, unsigned session, uint32_t first, uint32_t step, uint32_t value)
{
    velo_status st = VELO_OK;
    vl_statement statement;

    VL_TRY(vl_statement_begin(unit_ctx(), rig->session[session], 1, &statement));
    for (uint32_t i = first; st == VELO_OK && i < KEYS_COUNT; i += step)
        st = value != 0 ? keys_insert(rig, &statement, i, value) : keys_delete(rig, &statement, i);
    if (st == VELO_OK)
        return vl_statement_end(unit_ctx(), &statement);
    vl_statement_fail(unit_ctx(), &statement);
    return st;
}

/* The value of an entry; 0: it is not seen. */
static uint32_t
keys_find(txn_rig *rig, const vl_view *view, uint32_t number)
{
    uint8_t value[VL_PAGE_MAX_SIZE / 16];
    uint32_t size, key_size;
    const uint8_t *key = keys_make(number, &key_size);
    int found;

    if (vl_keys_find(unit_ctx(), rig->index, view, key, key_size, value, &size, &found) != VELO_OK)
        return UINT32_MAX;
    return found ? vl_load_le32(value) : 0;
}

/* Numbers of entries that a view sees, summed up with their values, from key `first` on: in order,
 * whole, and each as keys_find says. -1: something is wrong. */
static int64_t
keys_scan(txn_rig *rig, const vl_view *view, uint32_t first, int is_backward)
{
    static uint8_t low[KEYS_LONG];
    uint32_t low_size;
    const uint8_t *key = keys_make(first, &low_size);
    vl_tree_key_range range = {low, low_size, NULL, 0, 0};
    vl_key_scan scan;
    int64_t sum = 0;
    velo_status st;

    memcpy(low, key, low_size);
    vl_key_scan_begin(&scan, rig->index, view, &range, is_backward);
    while ((st = vl_key_scan_next(unit_ctx(), &scan)) == VELO_OK && scan.count > 0)
        for (uint32_t i = 0; i < scan.count; i++) {
            const vl_key_seen *seen = scan.entries + i;
            uint32_t size,
                number = (uint32_t)vl_load_be64((const uint8_t *)seen->key + seen->key_size - 8);

            key = keys_make(number, &size);
            if (size != seen->key_size || memcmp(key, seen->key, size) != 0 ||
                keys_find(rig, view, number) != vl_load_le32(seen->value))
                sum = INT64_MIN / 2;
            sum += (int64_t)number * 1000 + vl_load_le32(seen->value);
        }
    vl_key_scan_end(&scan);
    return st == VELO_OK && sum >= 0 ? sum : -1;
}

/* Whether a view sees entries first, first + step ... of all, each with a value, and no other. */
static int
keys_are(txn_rig *rig, const vl_view *view, uint32_t first, uint32_t step, uint32_t value)
{
    int64_t sum = 0, high = 0;

    for (uint32_t i = 0; i < KEYS_COUNT; i++) {
        int is_there = i >= first && (i - first) % step == 0;

        if (keys_find(rig, view, i) != (is_there ? value : 0))
            return 0;
        /* keys of KEYS_LONG bytes come behind or before the others, as their bytes say */
        sum += is_there ? (int64_t)i * 1000 + value : 0;
        high += is_there && (i % 8 == 5 || i >= 16) ? (int64_t)i * 1000 + value : 0;
    }
    return keys_scan(rig, view, 0, 0) == sum && keys_scan(rig, view, 0, 1) == sum &&
           keys_scan(rig, view, 16, 0) == high;
}

static int
keys_are_now(txn_rig *rig, unsigned session, uint32_t first, uint32_t step, uint32_t value)
{
    vl_statement statement;
    int are;

    if (vl_statement_begin(unit_ctx(), rig->session[session], 0, &statement) != VELO_OK)
        return 0;
    are = keys_are(rig, &statement.view, first, step, value);
    return vl_statement_end(unit_ctx(), &statement) == VELO_OK && are;
}

/* ---- tests ---- */

/* Readers see what was there when they began, whatever is deleted and inserted again; no duplicate
 * gets in, and none is found where there is none. */
static void
long_keys_have_versions(void)
{
    for (int is_memory = 0; is_memory < 2; is_memory++) {
        WITH_RIG(is_memory);
        vl_statement first, second;

        CHECK_OK(keys_change(&rig, 0, 0, 1, 7));
        CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[1], 0, &first));
        CHECK_STATUS(keys_change(&rig, 0, 3, 50, 8), VELO_CONSTRAINT);
        CHECK_OK(keys_change(&rig, 0, 0, 2, 0));
        CHECK_STATUS(keys_change(&rig, 0, 2, 50, 0), VELO_NOTFOUND);
        CHECK(keys_are_now(&rig, 2, 1, 2, 7));
        CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[2], 0, &second));
        CHECK_OK(keys_change(&rig, 0, 0, 2, 9));
        CHECK_OK(keys_change(&rig, 0, 1, 2, 0));
        CHECK(keys_are(&rig, &first.view, 0, 1, 7));
        CHECK(keys_are(&rig, &second.view, 1, 2, 7));
        CHECK(keys_are_now(&rig, 3, 0, 2, 9));
        CHECK_OK(vl_statement_end(unit_ctx(), &first));
        CHECK_OK(vl_statement_end(unit_ctx(), &second));
        CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
        CHECK(keys_are_now(&rig, 3, 0, 2, 9));
        CHECK_OK(rig_check(unit_ctx(), &rig)); /* no rest is lost */
        rig_deinit(&rig);
    }
}

/* What is rolled back, as a whole or to a savepoint, was never there, and nothing of it is left. */
static void
long_keys_are_undone(void)
{
    WITH_RIG(0);
    vl_txn_mark mark;

    CHECK_OK(keys_change(&rig, 0, 0, 2, 7));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(keys_change(&rig, 0, 0, 2, 0));
    mark = vl_session_save(rig.session[0]);
    CHECK_OK(keys_change(&rig, 0, 0, 1, 8));
    CHECK(keys_are_now(&rig, 0, 0, 1, 8));
    CHECK(keys_are_now(&rig, 1, 0, 2, 7));
    CHECK_OK(vl_session_rollback_to(unit_ctx(), rig.session[0], &mark));
    CHECK_OK(keys_change(&rig, 0, 1, 2, 9));
    CHECK(keys_are_now(&rig, 0, 1, 2, 9));
    CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[0]));
    CHECK(keys_are_now(&rig, 0, 0, 2, 7));
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* A crash keeps what was committed, whatever side of a checkpoint it is on; what was under way is
 * undone from the checkpoint's list, which names the keys. */
static void
long_keys_survive_a_crash(void)
{
    for (int how = 0; how < 4; how++) { /* 1: commit behind the checkpoint, 2: a savepoint */
        WITH_RIG(0);
        vl_txn_mark mark;

        CHECK_OK(keys_change(&rig, 0, 0, 2, 7));
        CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
        if (how == 1)
            CHECK_OK(keys_change(&rig, 0, 0, 2, 0));
        mark = vl_session_save(rig.session[0]);
        CHECK_OK(keys_change(&rig, 0, 1, 2, how == 1 ? 9 : 7));
        if (how > 1)
            CHECK_OK(keys_change(&rig, 0, 0, 1, 0));
        CHECK_OK(vl_txn_store_checkpoint(unit_ctx(), rig.store));
        if (how == 2)
            CHECK_OK(vl_session_rollback_to(unit_ctx(), rig.session[0], &mark));
        if (how == 3)
            CHECK_OK(keys_change(&rig, 0, 0, 1, 9));
        if (how > 0)
            CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
        CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
        CHECK(keys_are_now(&rig, 0, how == 1, how == 3 ? 1 : 2, how == 1 || how == 3 ? 9 : 7));
        CHECK_OK(rig_check(unit_ctx(), &rig));
        rig_deinit(&rig);
    }
}

/* Who conflicts, waits for the other's end or is told; also by a key that he holds. */
static void
long_keys_conflict(void)
{
    WITH_RIG(1);
    uint8_t value[VL_PAGE_MAX_SIZE / 16];
    vl_statement statement;
    uint32_t size, value_size;
    const uint8_t *key;

    CHECK_OK(keys_change(&rig, 0, 0, 1, 7));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(keys_change(&rig, 0, 1, 50, 0));
    vl_session_leave_call(rig.session[0]);
    CHECK_STATUS(keys_change(&rig, 1, 1, 50, 0), VELO_BUSY);
    CHECK_STATUS(keys_change(&rig, 1, 1, 50, 8), VELO_BUSY);
    CHECK_OK(keys_change(&rig, 1, 2, 50, 0)); /* its neighbour is free */
    vl_session_enter_call(rig.session[0]);
    CHECK(keys_are_now(&rig, 0, 0, 1, 7) == 0);
    CHECK_STATUS(keys_change(&rig, 0, 2, 50, 0), VELO_BUSY_SNAPSHOT);
    CHECK_OK(vl_session_rollback(unit_ctx(), rig.session[0]));

    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_DEFERRED));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
    key = keys_make(5, &size);
    CHECK_OK(vl_keys_share(unit_ctx(), &statement, rig.index, key, size, value, &value_size));
    CHECK_EQ(vl_load_le32(value), 7);
    key = keys_make(1000, &size);
    CHECK_STATUS(vl_keys_share(unit_ctx(), &statement, rig.index, key, size, NULL, NULL),
                 VELO_NOTFOUND);
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    vl_session_leave_call(rig.session[0]);
    CHECK_STATUS(keys_change(&rig, 1, 5, 50, 0), VELO_BUSY);
    CHECK_OK(keys_change(&rig, 1, 13, 50, 0)); /* as long, and nearly the same */
    vl_session_enter_call(rig.session[0]);
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_OK(keys_change(&rig, 1, 5, 50, 0));
    rig_deinit(&rig);
}

/* Who goes through an index may delete what he finds: rests are not kept while he does. */
static void
long_keys_go_while_they_are_listed(void)
{
    WITH_RIG(1);
    vl_tree_key_range all = {NULL, 0, NULL, 0, 0};
    vl_statement statement;
    vl_key_scan scan;
    uint32_t count = 0;

    CHECK_OK(keys_change(&rig, 0, 0, 1, 7));
    CHECK_OK(vl_session_begin(unit_ctx(), rig.session[0], VL_TXN_IMMEDIATE));
    CHECK_OK(keys_change(&rig, 0, 0, 1, 0)); /* and inserted again, to be undone below */
    CHECK_OK(keys_change(&rig, 0, 0, 1, 8));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
    vl_key_scan_begin(&scan, rig.index, &statement.view, &all, 0);
    while (vl_key_scan_next(unit_ctx(), &scan) == VELO_OK && scan.count > 0)
        for (uint32_t i = 0; i < scan.count; i++, count++) {
            vl_txn_mark mark = vl_statement_mark(&statement);

            CHECK_OK(keys_insert(&rig, &statement, 1000 + count, 1));
            if (count % 2 == 0) /* takes the rest of the key off at once */
                CHECK_OK(vl_statement_back(unit_ctx(), &statement, &mark));
            CHECK_OK(vl_keys_delete(unit_ctx(), &statement, rig.index, scan.entries[i].key,
                                    scan.entries[i].key_size));
        }
    vl_key_scan_end(&scan);
    CHECK_EQ(count, KEYS_COUNT);
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    CHECK_OK(vl_session_commit(unit_ctx(), rig.session[0]));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* An index is filled with long and short keys in the statement that makes it. */
static void
long_keys_are_loaded(void)
{
    static uint8_t bytes[3][KEYS_LONG];
    WITH_RIG(0);
    vl_tree_key_item items[6];
    vl_statement statement;
    vl_tree_id id = 0;

    for (uint32_t i = 0; i < 6; i++)
        items[i] = (vl_tree_key_item){"abcdef", "v", i + 1, 1};
    for (uint32_t i = 0; i < 3; i++) {
        memset(bytes[i], 'b', sizeof bytes[i]);
        bytes[i][KEYS_SIZE - 1] = (uint8_t)i;
        items[3 + i].key = bytes[i];
        items[3 + i].key_size = i == 2 ? KEYS_LONG : KEYS_SIZE;
    }
    for (int how = 0; how < 3; how++) {
        CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
        CHECK_OK(vl_txn_create_tree(unit_ctx(), &statement, NULL, &id));
        CHECK_OK(vl_keys_open(unit_ctx(), rig.store, id, &rig.index));
        CHECK_OK(vl_keys_load(unit_ctx(), &statement, rig.index, items, 5));
        if (how == 1)
            CHECK_STATUS(vl_keys_load(unit_ctx(), &statement, rig.index, items + 4, 2),
                         VELO_CONSTRAINT);
        else
            CHECK_OK(vl_keys_load(unit_ctx(), &statement, rig.index, items + 5, 1));
        if (how == 1)
            vl_statement_fail(unit_ctx(), &statement);
        else
            CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    }
    rig.index_id = id;
    CHECK_OK(rig_crash(unit_ctx(), &rig, 1, unit_seed()));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 0, &statement));
    for (uint32_t i = 0; i < 6; i++) {
        uint8_t value[VL_PAGE_MAX_SIZE / 16];
        uint32_t size;
        int found;

        CHECK_OK(vl_keys_find(unit_ctx(), rig.index, &statement.view, items[i].key,
                              items[i].key_size, value, &size, &found));
        CHECK(found);
    }
    CHECK_OK(vl_statement_end(unit_ctx(), &statement));
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

/* A queue beside a reader that stays: entries that come and go leave neither memory nor pages
 * (11, item 20). */
static void
long_keys_of_a_queue_keep_little(void)
{
    WITH_RIG(0);
    vl_txn_stats begin, end;
    vl_statement reader, statement;

    CHECK_OK(keys_change(&rig, 0, 0, 1, 7));
    CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[1], 0, &reader));
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 400; i++) {
            uint32_t number = 8 * (1000 * round + i + 20);

            CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
            CHECK_OK(keys_insert(&rig, &statement, number, 1));
            CHECK_OK(vl_statement_end(unit_ctx(), &statement));
            CHECK_OK(vl_statement_begin(unit_ctx(), rig.session[0], 1, &statement));
            CHECK_OK(keys_delete(&rig, &statement, number));
            CHECK_OK(vl_statement_end(unit_ctx(), &statement));
        }
        if (round == 0)
            vl_txn_store_get_stats(rig.store, &begin);
    }
    vl_txn_store_get_stats(rig.store, &end);
    CHECK(end.version_bytes < 2 * begin.version_bytes + 65536);
    CHECK(keys_are(&rig, &reader.view, 0, 1, 7));
    CHECK_OK(vl_statement_end(unit_ctx(), &reader));
    CHECK_OK(vl_txn_store_collect(unit_ctx(), rig.store));
    CHECK(keys_are_now(&rig, 2, 0, 1, 7));
    CHECK_OK(rig_check(unit_ctx(), &rig));
    rig_deinit(&rig);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(long_keys_have_versions),
        UNIT_TEST(long_keys_are_undone),
        UNIT_TEST(long_keys_survive_a_crash),
        UNIT_TEST(long_keys_conflict),
        UNIT_TEST(long_keys_go_while_they_are_listed),
        UNIT_TEST(long_keys_are_loaded),
        UNIT_TEST(long_keys_of_a_queue_keep_little),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
