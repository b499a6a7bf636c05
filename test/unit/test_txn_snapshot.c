/* test_txn_snapshot.c - the registry of snapshots: ranges, growth, hazard 24 in every order of its
 * steps, and many threads. snapshot.c is included with its atomics made steps. */
#include "base/alloc.h"
#include "base/assert.h"
#include "base/atomic.h"
#include "base/rank.h"
#include "base/thread.h"
#include "lib/steps.h"
#include "lib/unit.h"
#include "txn/publish.h"
#include "txn/snapshot.h"

#include <string.h>

/* ---- with a clock of our own in the place of a log ---- */

/* What stands for published and appended. */
static _Atomic uint64_t snap_published;
static _Atomic uint64_t snap_appended;

static void
snap_yield(void)
{
#if STEPS_POSSIBLE
    steps_yield();
#endif
}

static vl_timestamp
snap_publish_ts(const vl_publish *publish)
{
    (void)publish;
    snap_yield();
    return atomic_load(&snap_published);
}

static vl_timestamp
snap_appended_ts(vl_publish *publish, vl_timestamp met)
{
    (void)publish;
    (void)met;
    snap_yield();
    return atomic_load(&snap_appended);
}

#if STEPS_POSSIBLE
#include "lib/steps_code.h"
#endif
#define vl_publish_ts           snap_publish_ts
#define vl_publish_appended_ts  snap_appended_ts
#define vl_snapshots_create     snap_create
#define vl_snapshots_destroy    snap_destroy
#define vl_snapshots_join       snap_join
#define vl_snapshots_leave      snap_leave
#define vl_snapshots_next       snap_next
#define vl_snapshot_begin       snap_begin
#define vl_snapshot_narrow      snap_narrow
#define vl_snapshot_end         snap_end
#define vl_snapshot_is_open     snap_is_open
#define vl_snapshots_collect    snap_collect
#define vl_snapshots_oldest     snap_oldest
#define vl_snapshot_view_oldest snap_view_oldest
#define vl_snapshot_view_needs  snap_view_needs
velo_status snap_create(vl_ctx *ctx, vl_publish *publish, vl_snapshots **out) VL_MUST_CHECK;
velo_status snap_join(vl_ctx *ctx, vl_snapshots *snapshots, vl_snapshot_slot **out) VL_MUST_CHECK;
void snap_destroy(vl_snapshots *snapshots);
void snap_leave(vl_snapshots *snapshots, vl_snapshot_slot *slot);
vl_timestamp snap_begin(vl_snapshots *snapshots, vl_snapshot_slot *slot, vl_snapshot_moment moment,
                        vl_timestamp met);
void snap_narrow(vl_snapshot_slot *slot, vl_timestamp oldest);
void snap_end(vl_snapshot_slot *slot);
vl_snapshot_slot *snap_next(vl_snapshots *snapshots, uint32_t *cursor);
int snap_is_open(const vl_snapshot_slot *slot);
void snap_collect(vl_snapshots *snapshots, vl_snapshot_view *view);
vl_timestamp snap_oldest(vl_snapshots *snapshots);
vl_timestamp snap_view_oldest(const vl_snapshot_view *view);
int snap_view_needs(const vl_snapshot_view *view, vl_timestamp birth, vl_timestamp death);
#include "txn/snapshot.c" /* NOLINT(bugprone-suspicious-include): anew on stepped atomics */

static vl_snapshots *snap;

static void
snapshot_slot_covers_all_from_oldest_to_newest(void)
{
    vl_snapshot_slot *slot;
    vl_snapshot_view view;

    CHECK_OK(snap_create(unit_ctx(), NULL, &snap));
    CHECK_OK(snap_join(unit_ctx(), snap, &slot));
    CHECK(!snap_is_open(slot));
    atomic_store(&snap_published, 100);
    CHECK_EQ(snap_begin(snap, slot, VL_SNAPSHOT_PUBLISHED, VL_TS_NONE), 100);
    atomic_store(&snap_published, 200);
    CHECK_EQ(snap_begin(snap, slot, VL_SNAPSHOT_PUBLISHED, VL_TS_NONE), 200);
    atomic_store(&snap_published, 300);
    CHECK_EQ(snap_oldest(snap), 100);
    snap_collect(snap, &view);
    CHECK_EQ(view.count, 1);
    CHECK_EQ(view.horizon, 300);
    CHECK_EQ(snap_view_oldest(&view), 100);
    CHECK(!snap_view_needs(&view, 50, 100)); /* dead at the oldest already */
    CHECK(snap_view_needs(&view, 50, 101));
    CHECK(snap_view_needs(&view, 150, 160)); /* inside of the range: kept, although nobody looks */
    CHECK(snap_view_needs(&view, 200, 210));
    CHECK(!snap_view_needs(&view, 201, 300));
    CHECK(snap_view_needs(&view, 201, 301));  /* by those to come */
    CHECK(!snap_view_needs(&view, 150, 150)); /* never seen by others */
    snap_narrow(slot, 200);
    CHECK_EQ(snap_oldest(snap), 200);
    snap_collect(snap, &view);
    CHECK(!snap_view_needs(&view, 150, 160));
    CHECK(snap_view_needs(&view, 200, 210));
    snap_end(slot);
    CHECK_EQ(snap_oldest(snap), 300);
    snap_collect(snap, &view);
    CHECK_EQ(view.count, 0);
    CHECK_EQ(snap_view_oldest(&view), 300);
    snap_leave(snap, slot);
    snap_destroy(snap);
}

static void
snapshot_of_a_writer_does_not_fall_behind(void)
{
    vl_snapshot_slot *slot;

    CHECK_OK(snap_create(unit_ctx(), NULL, &snap));
    CHECK_OK(snap_join(unit_ctx(), snap, &slot));
    atomic_store(&snap_published, 100);
    atomic_store(&snap_appended, 140);
    CHECK_EQ(snap_begin(snap, slot, VL_SNAPSHOT_APPENDED, 120), 140);
    CHECK_EQ(snap_begin(snap, slot, VL_SNAPSHOT_PUBLISHED, VL_TS_NONE), 140);
    CHECK_EQ(snap_oldest(snap), 100); /* others may come at what is published */
    snap_end(slot);
    snap_leave(snap, slot);
    snap_destroy(snap);
}

/* Many slots with random ranges: what a view says is right, or errs by keeping. */
static void
snapshot_views_never_lose_a_snapshot(void)
{
    enum {
        COUNT = 200
    };
    vl_snapshot_slot *slots[COUNT];
    vl_timestamp all[COUNT];
    vl_snapshot_view view;
    uint64_t kept = 0;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    CHECK_OK(snap_create(unit_ctx(), NULL, &snap));
    for (int i = 0; i < COUNT; i++)
        CHECK_OK(snap_join(unit_ctx(), snap, &slots[i]));
    for (int round = 0; round < 200; round++) {
        int count = (int)vl_rng_below(&rng, round % 2 == 0 ? COUNT : VL_SNAPSHOT_RANGES);

        for (int i = 0; i < count; i++) {
            atomic_store(&snap_published, all[i] = 8 * (1 + vl_rng_below(&rng, 400)));
            CHECK_EQ(snap_begin(snap, slots[i], VL_SNAPSHOT_PUBLISHED, VL_TS_NONE), all[i]);
        }
        atomic_store(&snap_published, 3000);
        snap_collect(snap, &view);
        CHECK(view.count <= VL_SNAPSHOT_RANGES);
        for (uint32_t i = 1; i < view.count; i++)
            CHECK(view.ranges[i - 1].last < view.ranges[i].first);
        for (int probe = 0; probe < 100; probe++) {
            vl_timestamp birth = vl_rng_below(&rng, 3300);
            vl_timestamp death = birth + vl_rng_below(&rng, 60);
            int is_needed = death > 3000 && birth < death;

            for (int i = 0; i < count; i++)
                is_needed |= birth <= all[i] && all[i] < death;
            CHECK(!is_needed || snap_view_needs(&view, birth, death));
            if (count <= (int)VL_SNAPSHOT_RANGES && !is_needed)
                CHECK(!snap_view_needs(&view, birth, death)); /* exact while there is room */
            kept += (uint64_t)snap_view_needs(&view, birth, death);
        }
        for (int i = 0; i < count; i++)
            snap_end(slots[i]);
    }
    CHECK(kept > 0 && kept < 200 * 100);
    for (int i = 0; i < COUNT; i++)
        snap_leave(snap, slots[i]);
    snap_destroy(snap);
}

static velo_status
snapshot_join_many(vl_ctx *ctx, void *argument)
{
    vl_snapshot_slot *slots[150] = {NULL};
    vl_snapshots *snapshots;
    velo_status st = snap_create(ctx, NULL, &snapshots);

    (void)argument;
    if (snapshots == NULL)
        return st;
    for (int i = 0; i < 150 && st == VELO_OK; i++)
        st = snap_join(ctx, snapshots, &slots[i]);
    for (int i = 0; i < 150 && slots[i] != NULL; i++)
        snap_leave(snapshots, slots[i]);
    snap_destroy(snapshots);
    return st;
}

static void
snapshot_slots_without_memory_fail_cleanly(void)
{
    CHECK(unit_each_alloc_failure(snapshot_join_many, NULL) >= 3);
}

#if STEPS_POSSIBLE
/* ---- hazard 24 in every order ---- */

/* A row whose versions die at each commit: what is freed up to. A reader checks that what it
 * sees has not been freed. */
static _Atomic uint64_t snap_freed; /* versions that died at or before this are gone */
static vl_snapshot_slot *snap_slots[2];
static int snap_uses_views;

static void
snap_read(vl_snapshot_slot *slot)
{
    vl_timestamp first = snap_begin(snap, slot, VL_SNAPSHOT_PUBLISHED, VL_TS_NONE);
    vl_timestamp second;

    steps_yield();
    steps_expect(atomic_load(&snap_freed) <= first, "nothing is freed under a snapshot");
    second = snap_begin(snap, slot, VL_SNAPSHOT_PUBLISHED, VL_TS_NONE);
    steps_expect(second >= first, "a later snapshot is later");
    steps_yield();
    steps_expect(atomic_load(&snap_freed) <= first, "nor when a second one is taken");
    snap_narrow(slot, second);
    steps_yield();
    steps_expect(atomic_load(&snap_freed) <= second, "nor when the first one is over");
    snap_end(slot);
}

static void
snap_reader_0(void)
{
    snap_read(snap_slots[0]);
}

static void
snap_reader_1(void)
{
    snap_read(snap_slots[1]);
}

static void
snap_committer(void)
{
    for (int i = 0; i < 2; i++) {
        steps_yield();
        atomic_fetch_add(&snap_published, 8);
    }
}

static void
snap_collector(void)
{
    for (int i = 0; i < 2; i++) {
        vl_snapshot_view view;
        vl_timestamp oldest;

        if (snap_uses_views) {
            snap_collect(snap, &view);
            oldest = snap_view_oldest(&view);
        } else {
            oldest = snap_oldest(snap);
        }
        steps_yield();
        if (oldest > atomic_load(&snap_freed))
            atomic_store(&snap_freed, oldest);
    }
}

/* A connection that comes while the collector is at work. */
static void
snap_joiner(void)
{
    vl_snapshot_slot *slot = snap->segments[0] + 1;

    atomic_store_explicit(&snap->used, 2, memory_order_seq_cst); /* as snapshot_take */
    snap_read(slot);
}

static void
snap_explore(steps_main *const *mains, unsigned count, unsigned preemptions)
{
    unsigned long runs = 0;
    const char *wrong;

    CHECK_OK(snap_create(unit_ctx(), NULL, &snap));
    CHECK_OK(snap_join(unit_ctx(), snap, &snap_slots[0]));
    CHECK_OK(snap_join(unit_ctx(), snap, &snap_slots[1]));
    steps_begin(preemptions, NULL);
    do {
        atomic_store(&snap_published, 8);
        atomic_store(&snap_freed, 0);
        if (mains[0] == snap_joiner)
            atomic_store(&snap->used, 1);
        wrong = steps_run(mains, count);
        runs++;
    } while (wrong == NULL && steps_next());
    if (wrong != NULL)
        unit_failed(__FILE__, __LINE__, "run %lu: not true: %s", runs, wrong);
    CHECK(runs > 100);
    snap_leave(snap, snap_slots[0]);
    snap_leave(snap, snap_slots[1]);
    snap_destroy(snap);
}

static void
snapshot_hazard_24_in_every_order(void)
{
    static steps_main *const one[] = {snap_reader_0, snap_committer, snap_collector};
    static steps_main *const two[] = {snap_reader_0, snap_reader_1, snap_committer, snap_collector};
    static steps_main *const join[] = {snap_joiner, snap_committer, snap_collector};

    for (snap_uses_views = 0; snap_uses_views < 2; snap_uses_views++) {
        snap_explore(one, 3, 3);
        snap_explore(join, 3, 3);
        snap_explore(two, 4, 2);
    }
}
#endif

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(snapshot_slot_covers_all_from_oldest_to_newest),
        UNIT_TEST(snapshot_of_a_writer_does_not_fall_behind),
        UNIT_TEST(snapshot_views_never_lose_a_snapshot),
        UNIT_TEST(snapshot_slots_without_memory_fail_cleanly),
#if STEPS_POSSIBLE
        UNIT_TEST(snapshot_hazard_24_in_every_order),
#endif
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
