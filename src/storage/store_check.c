/* store_check.c - the integrity check of a whole database; see store_check.h.
 *
 * Invariants
 *   SC1  No latch is held while a long value is read or the caller is told of a fault.
 *   SC2  Damage is told and does not end the check; whatever else fails does, and is returned. */
#include "storage/store_check.h"

#include "base/alloc.h"
#include "base/assert.h"
#include "storage/cache_verify.h"
#include "storage/store_int.h"
#include "storage/tree_key.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A long value that was met. */
typedef struct store_check_value {
    vl_overflow value; /* where it is */
    int is_record;     /* it is a row's record, and may name more */
} store_check_value;

typedef struct store_check {
    vl_ctx *ctx;               /* of the call */
    vl_store *store;           /* what is checked */
    vl_store_fault *fault;     /* or NULL */
    void *argument;            /* of fault */
    vl_store_report *report;   /* what was found */
    const vl_tree *tree;       /* which one is being checked */
    uint64_t *seen;            /* bit for each page number: it is in use */
    uint64_t seen_end;         /* bits that there are */
    velo_status failed;        /* why the check cannot go on, VELO_OK while it can */
    vl_error first;            /* the first fault */
    store_check_value *values; /* long values of the leaf at hand */
    uint32_t value_count;      /* how many */
    uint32_t value_capacity;   /* how many there is room for */
} store_check;

/* ---- faults and pages ---- */

static void VL_PRINTF(2, 3) check_note(store_check *check, const char *format, ...)
{
    char text[VL_ERROR_TEXT_SIZE];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (check->report->fault_count++ == 0) {
        (void)vl_fail(check->ctx, VELO_CORRUPT, "%s", text);
        check->first = check->ctx->error;
    }
    if (check->fault != NULL)
        check->fault(check->argument, text);
}

/* Take an error of a call: damage is a fault, anything else ends the check. */
static void
check_take_error(store_check *check, velo_status st)
{
    if (st == VELO_CORRUPT)
        check_note(check, "%s", check->ctx->error.text);
    else if (st != VELO_OK && check->failed == VELO_OK)
        check->failed = st;
}

/* Make sure that there is a bit for a page. */
static int
check_reserve(store_check *check, vl_pid pid)
{
    uint64_t end = check->seen_end == 0 ? 4096 : check->seen_end;
    uint64_t *grown;

    while (end <= pid)
        end *= 2;
    if (end == check->seen_end)
        return 1;
    grown = vl_realloc(check->ctx, check->seen, end / 8);
    if (grown == NULL) {
        if (check->failed == VELO_OK)
            check->failed = vl_fail(check->ctx, VELO_NOMEM, "cannot allocate the set of pages");
        return 0;
    }
    memset(grown + check->seen_end / 64, 0, (end - check->seen_end) / 8);
    check->seen = grown;
    check->seen_end = end;
    return 1;
}

/* A page of a tree. */
static void
check_visit(void *argument, vl_pid pid)
{
    store_check *check = argument;
    uint64_t bit = UINT64_C(1) << (pid % 64);

    if (!check_reserve(check, pid))
        return;
    if ((check->seen[pid / 64] & bit) != 0)
        check_note(check, "tree %" PRIu64 ": page %" PRIu32 " is used in another place as well",
                   check->tree->id, pid);
    check->seen[pid / 64] |= bit;
    check->report->page_count++;
}

static void
check_fault_of_tree(void *argument, vl_pid pid, const char *text)
{
    store_check *check = argument;

    check_note(check, "tree %" PRIu64 ", page %" PRIu32 ": %s", check->tree->id, pid, text);
}

static velo_status
check_visit_overflow(vl_ctx *ctx, void *argument, vl_pid pid)
{
    store_check *check = argument;

    (void)ctx;
    check_visit(check, pid);
    check->report->overflow_count++;
    return check->failed;
}

/* ---- long values of tables ---- */

/* Note a long value of the leaf at hand. */
static int
check_add_value(store_check *check, const vl_leaf_value *value, int is_record)
{
    uint32_t capacity = check->value_capacity == 0 ? 64 : 2 * check->value_capacity;
    store_check_value *added, *grown;

    if (check->value_count == check->value_capacity) {
        grown = vl_realloc(check->ctx, check->values, capacity * sizeof *grown);
        if (grown == NULL) {
            check->failed = vl_fail(check->ctx, VELO_NOMEM, "cannot allocate a list of values");
            return 0;
        }
        check->values = grown;
        check->value_capacity = capacity;
    }
    added = &check->values[check->value_count++];
    added->value = (vl_overflow){check->tree->id, value->overflow, value->value.size};
    added->is_record = is_record;
    return 1;
}

/* Note the long values inside a record. */
static void
check_record(store_check *check, const void *data, size_t size)
{
    vl_leaf_record walk;
    vl_leaf_value value;
    uint32_t id;
    int more;

    vl_leaf_record_init(&walk, data, size);
    while ((more = vl_leaf_record_next(&walk, &id, &value)) > 0)
        if (value.overflow != 0 && !check_add_value(check, &value, 0))
            return;
    if (more < 0)
        check_note(check, "tree %" PRIu64 ": a row's record is damaged", check->tree->id);
}

/* Note the long values of a latched leaf. */
static void
check_list_values(store_check *check, const vl_leaf *leaf)
{
    int is_rows = (leaf->flags & VL_LEAF_ROWS) != 0;
    vl_leaf_value value;

    check->value_count = 0;
    for (uint32_t slot = 0; slot < leaf->count; slot++) {
        if (vl_leaf_slot_state(leaf, slot) == VL_LEAF_GAP)
            continue;
        for (uint32_t i = 0; i < leaf->column_count; i++) {
            vl_leaf_get(leaf, slot, i, &value);
            if (value.overflow != 0 && !check_add_value(check, &value, is_rows))
                return;
            if (is_rows && value.overflow == 0 && value.value.type == VL_TYPE_BLOB)
                check_record(check, value.value.as.data, value.value.size);
        }
    }
}

/* A record that is in overflow as a whole. */
static void
check_long_record(store_check *check, const vl_overflow *value)
{
    uint8_t *bytes = vl_alloc(check->ctx, value->size);
    velo_status st;

    if (bytes == NULL) {
        check->failed = vl_fail(check->ctx, VELO_NOMEM, "cannot allocate a row's record");
        return;
    }
    st = vl_overflow_read(check->ctx, check->store->cache, value, 0, value->size, bytes);
    check_take_error(check, st);
    if (st == VELO_OK)
        check_record(check, bytes, value->size);
    vl_free(bytes);
}

/* Check the long values that were noted; records among them may name more. */
static void
check_values(store_check *check)
{
    for (uint32_t i = 0; i < check->value_count && check->failed == VELO_OK; i++) {
        store_check_value one = check->values[i];

        check_take_error(check, vl_overflow_verify(check->ctx, check->store->cache, &one.value,
                                                   check_visit_overflow, check));
        if (one.is_record)
            check_long_record(check, &one.value);
    }
}

/* Check all long values of a table. */
static void
check_table_values(store_check *check)
{
    vl_table_scan scan;
    velo_status st = VELO_OK;

    vl_table_scan_begin(&scan, check->tree, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0);
    while (st == VELO_OK && check->failed == VELO_OK) {
        st = vl_table_scan_next(check->ctx, &scan);
        if (st != VELO_OK || scan.leaf == NULL)
            break;
        check_list_values(check, scan.leaf);
        vl_table_scan_pause(&scan);
        check_values(check);
    }
    vl_table_scan_end(&scan);
    check_take_error(check, st);
}

/* ---- trees ---- */

static void
check_tree(store_check *check, const vl_tree *tree, vl_tree_kind kind)
{
    vl_tree_verify_options options = {check_fault_of_tree, check_visit, check};
    uint64_t before = check->report->fault_count;
    vl_tree_report report;
    velo_status st;

    check->tree = tree;
    check->report->tree_count++;
    memset(&report, 0, sizeof report);
    st = kind == VL_TREE_TABLE ? vl_tree_verify(check->ctx, tree, &options, &report)
                               : vl_tree_key_verify(check->ctx, tree, &options, &report);
    check->report->row_count += report.entry_count;
    if (st != VELO_CORRUPT)
        check_take_error(check, st);
    /* A damaged tree may have leaves that no scan comes to. */
    if (check->failed == VELO_OK && kind == VL_TREE_TABLE && check->report->fault_count == before)
        check_table_values(check);
}

/* Compare the pages that are in use with those that exist. In a file that takes a checkpoint, in
 * which both can be counted, and in which the table of free space can be compared with the map; so
 * it is not done where nothing was changed. */
static velo_status
check_count_pages(store_check *check)
{
    vl_store *store = check->store;
    vl_cache_stats stats;
    uint64_t count;
    velo_status st;

    vl_cache_get_stats(store->cache, &stats);
    count = stats.page_count;
    if (store->volume != NULL) {
        if (vl_store_wal(store) == NULL)
            return VELO_OK;
        VL_TRY(vl_store_checkpoint(check->ctx, store));
        st = vl_cache_verify_durable(check->ctx, store->cache, &count);
        if (st == VELO_INTERNAL) {
            check_note(check, "%s", check->ctx->error.text);
            return VELO_OK;
        }
        VL_TRY(st);
    }
    if (count > check->report->page_count)
        check->report->unused_count = count - check->report->page_count;
    return VELO_OK;
}

velo_status
vl_store_check(vl_ctx *ctx, vl_store *store, vl_store_fault *fault, void *argument,
               vl_store_report *report)
{
    store_check check = {.ctx = ctx, .store = store, .fault = fault, .argument = argument};
    vl_store_tree *tree;
    vl_tree_id id = 0;

    memset(report, 0, sizeof *report);
    check.report = report;
    if (store->directory.ops != NULL)
        check_tree(&check, &store->directory, VL_TREE_TABLE);
    while (check.failed == VELO_OK && vl_store_next_tree(ctx, store, id, &tree) == VELO_OK) {
        id = tree->tree.id;
        check_tree(&check, &tree->tree, tree->kind);
    }
    for (const vl_store_entry *entry = store->dropped; entry != NULL; entry = entry->next)
        if (check.failed == VELO_OK && entry->has_pages && entry->tree.tree.root != 0) {
            report->dropped_count++;
            check_tree(&check, &entry->tree.tree, entry->tree.kind);
        }
    if (check.failed == VELO_OK && report->fault_count == 0)
        check_take_error(&check, check_count_pages(&check));
    vl_free(check.seen);
    vl_free(check.values);
    if (check.failed != VELO_OK)
        return check.failed;
    if (report->fault_count == 0) {
        vl_error_clear(ctx);
        return VELO_OK;
    }
    ctx->error = check.first;
    return VELO_CORRUPT;
}
