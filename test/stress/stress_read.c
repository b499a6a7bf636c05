/* stress_read.c - threads that read while others change, and the comparison at the end.
 *
 * What is checked while others change holds for each row by itself: nothing here isolates. A long
 * value may be freed while it is read; so what went wrong counts only if the row was the same
 * before and afterwards. */
#include "base/alloc.h"
#include "base/arena.h"
#include "storage/leaf_row.h"
#include "storage/store_check.h"
#include "stress_int.h"

#include <stdlib.h>
#include <string.h>

/* Tries to read a row that changes meanwhile. */
#define READ_TRIES 10000U

static void
read_fault(stress_worker *worker, velo_status st, uint32_t tree, uint32_t place, const char *what)
{
    if (!stress_is_off(worker->plan))
        stress_fault(worker->plan->model, st == VELO_OK ? NULL : &worker->ctx,
                     "reading tree %u, place %u: %s", tree, place, what);
}

/* ---- scans of tables ---- */

/* The first columns of a row of a leaf; 0: they lie elsewhere. */
static int
read_leaf_row(const vl_leaf *leaf, uint32_t slot, int is_records, vl_value *values)
{
    vl_leaf_value value;

    if (is_records) {
        vl_leaf_value record;

        vl_leaf_get(leaf, slot, 0, &record);
        for (uint32_t i = 0; i < STRESS_COLUMNS && record.overflow == 0; i++) {
            if (vl_leaf_record_get(record.value.as.data, record.value.size, i + 1, &value) != 1)
                memset(&value, 0, sizeof value);
            values[i] = value.value;
        }
        return record.overflow == 0;
    }
    for (uint32_t i = 0; i < STRESS_COLUMNS; i++) {
        int column = vl_leaf_column_index(leaf, i + 1);

        memset(&value, 0, sizeof value);
        if (column >= 0)
            vl_leaf_get(leaf, slot, (uint32_t)column, &value);
        values[i] = value.value;
    }
    return 1;
}

/* The rows of a latched leaf. */
static void
read_leaf(stress_worker *worker, uint32_t tree, const vl_table_scan *scan, int is_backward,
          int64_t *last, uint32_t *fixed)
{
    uint32_t page_size = worker->plan->model->page_size;
    uint32_t count = scan->rank_end - scan->rank_first;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = is_backward ? scan->rank_end - 1 - i : scan->rank_first + i;
        uint32_t slot = vl_leaf_slot_at(scan->leaf, rank);
        int64_t rowid = vl_leaf_rowid(scan->leaf, slot);
        uint32_t place = stress_place(rowid);
        vl_value values[STRESS_COLUMNS];
        const char *wrong = NULL;
        uint64_t version;

        if (vl_leaf_slot_state(scan->leaf, slot) != VL_LEAF_LIVE)
            continue;
        if (is_backward ? rowid >= *last : rowid <= *last)
            read_fault(worker, VELO_OK, tree, place, "rows are out of order");
        *last = rowid;
        if (place >= STRESS_PLACES)
            read_fault(worker, VELO_OK, tree, place, "there is no such place");
        else if (read_leaf_row(scan->leaf, slot, tree == STRESS_RECORDS, values))
            wrong = stress_check_row(page_size, tree, place, values, worker->payload, &version);
        if (wrong != NULL)
            read_fault(worker, VELO_OK, tree, place, wrong);
        *fixed += place >= STRESS_OWNED + STRESS_COMMON;
    }
}

static void
read_table(stress_worker *worker, uint32_t tree, int is_backward)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    int64_t last = is_backward ? INT64_MAX : INT64_MIN;
    uint32_t fixed = 0;
    vl_table_scan scan;
    velo_status st;

    vl_table_scan_begin(&scan, &worker->trees[tree]->tree, all, is_backward);
    for (;;) {
        st = vl_table_scan_next(&worker->ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        read_leaf(worker, tree, &scan, is_backward, &last, &fixed);
    }
    vl_table_scan_end(&scan);
    if (st != VELO_OK)
        read_fault(worker, st, tree, 0, "the scan ends");
    else if (fixed != STRESS_FIXED)
        read_fault(worker, VELO_OK, tree, fixed, "so many fixed rows were seen");
}

/* ---- scans of keys ---- */

/* Check an entry of a leaf, which need not be latched: all but the rest of a long key. */
static const char *
read_entry(stress_worker *worker, uint32_t tree, const vl_node_key_entry *entry, uint32_t *place,
           uint64_t *version)
{
    uint32_t page_size = worker->plan->model->page_size;
    const char *wrong =
        stress_check_value(page_size, tree, entry->value, entry->value_size, place, version);

    if (wrong != NULL)
        return wrong;
    if (*place >= STRESS_PLACES ||
        stress_make_key(page_size, tree, *place, worker->scratch) != entry->key.total_size ||
        memcmp(worker->scratch, entry->key.data, entry->key.size) != 0)
        return "it has another key";
    return NULL;
}

/* Check the keys of a leaf that is not latched any more. */
static velo_status
read_rests(stress_worker *worker, uint32_t tree, const vl_tree_key_scan *scan, const void *copy,
           uint32_t first, uint32_t end)
{
    uint32_t page_size = worker->plan->model->page_size;
    uint8_t part[VL_PAGE_MAX_SIZE / 4];

    (void)scan;
    for (uint32_t i = first; i < end; i++) {
        vl_node_key_entry entry = vl_node_key_entry_at(copy, page_size, i, part);

        if (entry.is_deleted || entry.key.total_size > STRESS_KEY(page_size))
            continue;
        VL_TRY(vl_tree_key_read(&worker->ctx, &worker->trees[tree]->tree, &entry.key, worker->key));
        if (stress_key_place(page_size, tree, worker->key, entry.key.total_size, worker->scratch) >=
            STRESS_PLACES)
            read_fault(worker, VELO_OK, tree, i, "a long key is of no place");
    }
    return VELO_OK;
}

/* The entries of a latched leaf. */
static void
read_node(stress_worker *worker, uint32_t tree, const vl_tree_key_scan *scan, uint8_t *seen,
          uint32_t *fixed)
{
    uint32_t page_size = worker->plan->model->page_size;
    uint8_t part[VL_PAGE_MAX_SIZE / 4];

    for (uint32_t i = scan->index_first; i < scan->index_end; i++) {
        vl_node_key_entry entry = vl_node_key_entry_at(scan->page, page_size, i, part);
        uint32_t place = 0;
        uint64_t version;
        const char *wrong;

        if (entry.is_deleted)
            continue;
        wrong = read_entry(worker, tree, &entry, &place, &version);
        if (wrong == NULL && seen[place])
            wrong = "it was seen twice";
        if (wrong != NULL) {
            read_fault(worker, VELO_OK, tree, place, wrong);
            return;
        }
        seen[place] = 1;
        *fixed += place >= STRESS_OWNED + STRESS_COMMON;
    }
}

static void
read_keys(stress_worker *worker, uint32_t tree, int is_backward)
{
    uint32_t page_size = worker->plan->model->page_size;
    uint8_t *copy = worker->scratch + STRESS_PAYLOAD(page_size);
    uint8_t seen[STRESS_PLACES] = {0};
    vl_tree_key_range all = {0};
    vl_tree_key_scan scan;
    uint32_t fixed = 0, first, end;
    velo_status st;

    vl_tree_key_scan_begin(&scan, &worker->trees[tree]->tree, &all, is_backward);
    for (;;) {
        st = vl_tree_key_scan_next(&worker->ctx, &scan);
        if (st != VELO_OK || scan.page == NULL)
            break;
        read_node(worker, tree, &scan, seen, &fixed);
        if (!vl_rng_chance(&worker->rng, 1, 4))
            continue;
        memcpy(copy, scan.page, page_size);
        first = scan.index_first;
        end = scan.index_end;
        st = vl_tree_key_scan_release(&worker->ctx, &scan);
        if (st == VELO_OK)
            st = read_rests(worker, tree, &scan, copy, first, end);
        if (st != VELO_OK)
            break;
    }
    vl_tree_key_scan_end(&scan);
    if (st != VELO_OK)
        read_fault(worker, st, tree, 0, "the scan ends");
    else if (fixed != STRESS_FIXED)
        read_fault(worker, VELO_OK, tree, fixed, "so many fixed entries were seen");
}

/* ---- single rows and entries ---- */

/* Read a whole row. *wrong receives what is wrong with it. */
static velo_status
read_row(stress_worker *worker, uint32_t tree, uint32_t place, uint64_t *version,
         const char **wrong)
{
    vl_store_tree *table = worker->trees[tree];
    const vl_layout *layout = atomic_load(&table->layout);
    vl_value *values = calloc(layout->columns.count, sizeof *values);
    vl_arena arena;
    velo_status st;

    *wrong = NULL;
    *version = 0;
    if (values == NULL)
        return vl_fail(&worker->ctx, VELO_NOMEM, "the test has no memory");
    vl_arena_init(&arena, worker->ctx.allocator, 0);
    st = vl_store_read_row(&worker->ctx, worker->plan->store, table, stress_rowid(place), &arena,
                           values);
    if (st == VELO_OK)
        *wrong = stress_check_row(worker->plan->model->page_size, tree, place, values,
                                  worker->payload, version);
    vl_arena_deinit(&arena);
    free(values);
    return st;
}

/* Read the version of a row without its payload; 0: there is none. */
static velo_status
read_version(stress_worker *worker, uint32_t tree, uint32_t place, uint64_t *version)
{
    const vl_store_tree *table = worker->trees[tree];
    const vl_layout *layout = atomic_load(&table->layout);
    vl_leaf_value columns[STRESS_COLUMNS];
    vl_leaf_state state;
    const char *wrong;
    vl_arena arena;
    velo_status st;

    if (layout->leaf.is_rows) {
        st = read_row(worker, tree, place, version, &wrong);
        return st == VELO_NOTFOUND ? VELO_OK : st;
    }
    vl_arena_init(&arena, worker->ctx.allocator, 0);
    st = vl_table_read(&worker->ctx, &table->tree, stress_rowid(place), &layout->leaf, &arena,
                       columns, &state);
    vl_arena_deinit(&arena);
    *version = st == VELO_OK && state == VL_LEAF_LIVE ? (uint64_t)columns[1].value.as.integer : 0;
    return st;
}

static void
read_one_row(stress_worker *worker, uint32_t tree, uint32_t place)
{
    uint64_t before = 0, version = 0, after = 0;
    const char *wrong = NULL;
    velo_status first, st = VELO_OK, last;

    for (uint32_t i = 0; i < READ_TRIES; i++) {
        first = read_version(worker, tree, place, &before);
        st = read_row(worker, tree, place, &version, &wrong);
        last = read_version(worker, tree, place, &after);
        if (first == VELO_OK && last == VELO_OK && before == after)
            break;
        if (place >= STRESS_OWNED + STRESS_COMMON || stress_is_off(worker->plan))
            break; /* these do not change */
    }
    if (before != after)
        read_fault(worker, VELO_OK, tree, place, "it changes all the time");
    else if (st == VELO_OK && wrong == NULL && version != before)
        read_fault(worker, VELO_OK, tree, place, "its version is another");
    else if (wrong != NULL)
        read_fault(worker, VELO_OK, tree, place, wrong);
    else if (st != VELO_OK && (st != VELO_NOTFOUND || before != 0))
        read_fault(worker, st, tree, place, "it cannot be read");
}

static void
read_one_entry(stress_worker *worker, uint32_t tree, uint32_t place)
{
    uint32_t page_size = worker->plan->model->page_size, size, found = place;
    uint32_t key_size = stress_make_key(page_size, tree, place, worker->key);
    vl_tree_key_state state;
    const char *wrong = NULL;
    uint64_t version;
    velo_status st = vl_tree_key_get(&worker->ctx, &worker->trees[tree]->tree, worker->key,
                                     key_size, worker->value, &size, &state);

    if (st == VELO_OK && state == VL_TREE_KEY_LIVE)
        wrong = stress_check_value(page_size, tree, worker->value, size, &found, &version);
    if (st != VELO_OK)
        read_fault(worker, st, tree, place, "it cannot be read");
    else if (wrong != NULL || found != place)
        read_fault(worker, VELO_OK, tree, place, wrong != NULL ? wrong : "it is another entry");
    else if (state != VL_TREE_KEY_LIVE && place >= STRESS_OWNED + STRESS_COMMON)
        read_fault(worker, VELO_OK, tree, place, "it is gone");
}

void
stress_read_some(stress_worker *worker)
{
    uint32_t tree = (uint32_t)vl_rng_below(&worker->rng, STRESS_TREES);
    int is_table = worker->trees[tree]->kind == VL_TREE_TABLE;
    int is_backward = vl_rng_chance(&worker->rng, 1, 2);

    if (vl_rng_chance(&worker->rng, 1, 2)) {
        if (is_table)
            read_table(worker, tree, is_backward);
        else
            read_keys(worker, tree, is_backward);
        return;
    }
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t place = (uint32_t)vl_rng_below(&worker->rng, STRESS_PLACES);

        if (is_table)
            read_one_row(worker, tree, place);
        else
            read_one_entry(worker, tree, place);
    }
}

/* ---- what is there in the end ---- */

/* Versions that were found. */
typedef struct stress_found {
    uint64_t versions[STRESS_TREES][STRESS_PLACES];
    uint64_t own[STRESS_THREADS][STRESS_PRIVATE]; /* trees of threads' own */
    uint8_t has_own[STRESS_THREADS];              /* whether there is one */
    uint32_t strangers;                           /* trees of nobody, which are empty */
} stress_found;

/* Where the versions of a tree go. */
typedef struct found_tree {
    uint32_t tree;      /* which it is */
    uint64_t *versions; /* of its places */
    uint32_t count;     /* places that there are */
    uint32_t rows;      /* found */
} found_tree;

static velo_status
found_add(stress_worker *worker, found_tree *to, uint32_t place, uint64_t version,
          const char *wrong)
{
    if (wrong == NULL && (place >= to->count || version == 0 || to->versions[place] != 0))
        wrong = "it is twice there, or should not";
    if (wrong != NULL)
        read_fault(worker, VELO_OK, to->tree, place, wrong);
    else
        to->versions[place] = version;
    to->rows++;
    return wrong == NULL ? VELO_OK : vl_fail(&worker->ctx, VELO_CORRUPT, "%s", wrong);
}

static velo_status
found_table(stress_worker *worker, found_tree *to)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    int64_t rowids[VL_PAGE_MAX_SIZE / 16];
    vl_table_scan scan;
    velo_status st;

    vl_table_scan_begin(&scan, &worker->trees[to->tree]->tree, all, 0);
    for (;;) {
        uint32_t count = 0;

        st = vl_table_scan_next(&worker->ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        for (uint32_t rank = scan.rank_first; rank < scan.rank_end; rank++) {
            uint32_t slot = vl_leaf_slot_at(scan.leaf, rank);

            if (vl_leaf_slot_state(scan.leaf, slot) == VL_LEAF_LIVE)
                rowids[count++] = vl_leaf_rowid(scan.leaf, slot);
        }
        vl_table_scan_pause(&scan);
        for (uint32_t i = 0; st == VELO_OK && i < count; i++) {
            uint32_t place = stress_place(rowids[i]);
            const char *wrong = NULL;
            uint64_t version = 0;

            st = read_row(worker, to->tree, place, &version, &wrong);
            if (st == VELO_OK)
                st = found_add(worker, to, place, version, wrong);
        }
        if (st != VELO_OK)
            break;
    }
    vl_table_scan_end(&scan);
    return st;
}

static velo_status
found_keys(stress_worker *worker, found_tree *to)
{
    uint32_t page_size = worker->plan->model->page_size;
    uint8_t *copy = worker->scratch + STRESS_PAYLOAD(page_size);
    uint8_t part[VL_PAGE_MAX_SIZE / 4];
    vl_tree_key_range all = {0};
    vl_tree_key_scan scan;
    velo_status st;

    vl_tree_key_scan_begin(&scan, &worker->trees[to->tree]->tree, &all, 0);
    for (;;) {
        uint32_t first, end;

        st = vl_tree_key_scan_next(&worker->ctx, &scan);
        if (st != VELO_OK || scan.page == NULL)
            break;
        first = scan.index_first;
        end = scan.index_end;
        memcpy(copy, scan.page, page_size);
        st = vl_tree_key_scan_release(&worker->ctx, &scan);
        if (st == VELO_OK)
            st = read_rests(worker, to->tree, &scan, copy, first, end);
        for (uint32_t i = first; st == VELO_OK && i < end; i++) {
            vl_node_key_entry entry = vl_node_key_entry_at(copy, page_size, i, part);
            uint32_t place = 0;
            uint64_t version = 0;
            const char *wrong = read_entry(worker, to->tree, &entry, &place, &version);

            st = found_add(worker, to, place, version, wrong);
        }
        if (st != VELO_OK)
            break;
    }
    vl_tree_key_scan_end(&scan);
    return st;
}

/* Whose own tree it is; thread_count: nobody's. */
static uint32_t
found_whose(const stress_model *model, vl_tree_id id)
{
    uint32_t i = 0;

    while (i < model->thread_count && atomic_load(&model->threads[i].private_id) != id)
        i++;
    return i;
}

/* Read one tree. */
static velo_status
found_one(stress_worker *worker, vl_store_tree *tree, stress_found *found)
{
    stress_model *model = worker->plan->model;
    uint64_t nobody[STRESS_PRIVATE] = {0};
    found_tree to = {.tree = STRESS_OWN_TREE, .versions = nobody, .count = STRESS_PRIVATE};
    uint32_t whose = found_whose(model, tree->tree.id);
    velo_status st;

    for (uint32_t i = 0; i < STRESS_TREES; i++)
        if (model->ids[i] == tree->tree.id)
            to = (found_tree){i, found->versions[i], STRESS_PLACES, 0};
    if (to.tree == STRESS_OWN_TREE && whose < model->thread_count) {
        found->has_own[whose] = 1;
        to.versions = found->own[whose];
    }
    worker->trees[to.tree] = tree;
    st = tree->kind == VL_TREE_TABLE ? found_table(worker, &to) : found_keys(worker, &to);
    if (to.versions == nobody) {
        found->strangers++;
        if (to.rows > 0)
            stress_fault(model, NULL, "tree %llu is nobody's, and has %u rows",
                         (unsigned long long)tree->tree.id, to.rows);
    }
    return st;
}

static velo_status
found_all(stress_worker *worker, stress_found *found)
{
    vl_store_tree *tree;
    vl_tree_id id = 0;
    velo_status st;

    for (;;) {
        st = vl_store_next_tree(&worker->ctx, worker->plan->store, id, &tree);
        if (st != VELO_OK)
            break;
        id = tree->tree.id;
        VL_TRY(found_one(worker, tree, found));
    }
    return st == VELO_NOTFOUND ? VELO_OK : st;
}

/* ---- comparing ---- */

/* Compare a thread's places with its history; the model becomes what was found. */
static void
compare_thread(stress_model *model, const stress_found *found, uint32_t index, stress_loss loss)
{
    stress_thread *thread = &model->threads[index];
    uint64_t count = atomic_load(&thread->count), first = count - 1, at, content = 0;

    if (loss != STRESS_NONE)
        first = atomic_load(loss == STRESS_KILL ? &thread->acknowledged : &thread->durable);
    for (uint32_t tree = 0; tree < STRESS_TREES; tree++)
        for (uint32_t place = 0; place < STRESS_OWNED; place++)
            if (stress_owner(model, tree, place) == index) {
                thread->versions[tree][place] = found->versions[tree][place];
                content += stress_weight(tree, index, place, found->versions[tree][place]);
            }
    for (uint32_t place = 0; place < STRESS_PRIVATE; place++) {
        thread->private_versions[place] = found->own[index][place];
        content += stress_weight(STRESS_OWN_TREE, index, place, found->own[index][place]);
    }
    for (at = first; at < count && thread->history[at] != content; at++)
        continue;
    if (at == count) {
        for (at = 0; at < first && thread->history[at] != content; at++)
            continue;
        stress_fault(model, NULL,
                     "thread %u: what is there is no state from %llu to %llu, but %s %llu", index,
                     (unsigned long long)first, (unsigned long long)count - 1,
                     at < first ? "state" : "none, not even one of", (unsigned long long)at);
    }
    if (!found->has_own[index] && atomic_load(&thread->private_id) != 0 &&
        (loss == STRESS_NONE || !atomic_load(&thread->is_dropping)))
        stress_fault(model, NULL, "thread %u: its own tree is lost", index);
    thread->content = thread->history[0] = content;
    atomic_store(&thread->count, 1);
    atomic_store(&thread->acknowledged, 0);
    atomic_store(&thread->durable, 0);
    atomic_store(&thread->steps, 0);
}

static void
compare_common(stress_model *model, const stress_found *found, uint32_t tree, uint32_t index,
               stress_loss loss)
{
    stress_common *common = &model->common[tree][index];
    uint64_t version = found->versions[tree][STRESS_OWNED + index];
    uint64_t last = atomic_load(&common->issued), least = last;

    if (loss != STRESS_NONE)
        least = atomic_load(loss == STRESS_KILL ? &common->acknowledged : &common->durable);
    if (version == 0)
        version = last - last % 4; /* the last one that leaves nothing */
    if (version < least || version > last)
        stress_fault(model, NULL,
                     "tree %u, common place %u: version %llu (found %llu), not %llu "
                     "to %llu",
                     tree, index, (unsigned long long)version,
                     (unsigned long long)found->versions[tree][STRESS_OWNED + index],
                     (unsigned long long)least, (unsigned long long)last);
    atomic_store(&common->issued, version);
    atomic_store(&common->acknowledged, version);
    atomic_store(&common->durable, version);
    atomic_store(&common->is_claimed, 0);
}

static void
compare_all(stress_model *model, const stress_found *found, stress_loss loss)
{
    uint32_t creating = 0;

    for (uint32_t tree = 0; tree < STRESS_TREES; tree++) {
        for (uint32_t i = 0; i < STRESS_COMMON; i++)
            compare_common(model, found, tree, i, loss);
        for (uint32_t i = 0; i < STRESS_FIXED; i++)
            if (found->versions[tree][STRESS_OWNED + STRESS_COMMON + i] != 1)
                stress_fault(model, NULL, "tree %u: fixed place %u has changed", tree, i);
    }
    for (uint32_t i = 0; i < model->thread_count; i++) {
        compare_thread(model, found, i, loss);
        creating += atomic_load(&model->threads[i].is_creating) != 0;
        atomic_store(&model->threads[i].is_creating, 0);
        atomic_store(&model->threads[i].is_dropping, 0);
    }
    if (found->strangers > creating)
        stress_fault(model, NULL, "%u trees are nobody's", found->strangers - creating);
    atomic_store(&model->steps, 0);
}

void
stress_compare(vl_ctx *ctx, vl_store *store, stress_model *model, stress_loss loss)
{
    stress_found *found = calloc(1, sizeof *found);
    stress_plan plan = {.store = store, .model = model};
    stress_worker worker;
    velo_status st = stress_worker_begin(&worker, &plan, 0, 1, 0);

    (void)ctx;
    if (found == NULL || st != VELO_OK || found_all(&worker, found) != VELO_OK)
        stress_fault(model, &worker.ctx, "the store cannot be read");
    else
        compare_all(model, found, loss);
    stress_worker_end(&worker);
    free(found);
}

void
stress_check(vl_ctx *ctx, vl_store *store, stress_model *model)
{
    vl_store_report report;
    vl_store_tree *tree;
    uint64_t count = 1; /* the directory */
    vl_tree_id id = 0;

    if (vl_store_check(ctx, store, NULL, NULL, &report) != VELO_OK) {
        stress_fault(model, ctx, "the check finds %llu faults",
                     (unsigned long long)report.fault_count);
        return;
    }
    if (report.unused_count != 0)
        stress_fault(model, NULL, "%llu pages belong to nothing",
                     (unsigned long long)report.unused_count);
    while (vl_store_next_tree(ctx, store, id, &tree) == VELO_OK) {
        id = tree->tree.id;
        count++;
    }
    vl_error_clear(ctx);
    if (id != 0 && report.tree_count != count)
        stress_fault(model, NULL, "%llu dropped trees still have pages",
                     (unsigned long long)(report.tree_count - count));
}
