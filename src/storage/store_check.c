/* store_check.c - the integrity check of a whole database; see store_check.h.
 *
 * Invariants
 *   SC1  Damage is told and does not end the check; whatever else fails does, and is returned. */
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

typedef struct store_check {
    vl_ctx *ctx;             /* of the call */
    vl_store *store;         /* what is checked */
    vl_store_fault *fault;   /* or NULL */
    void *argument;          /* of fault */
    vl_store_report *report; /* what was found */
    const vl_tree *tree;     /* which one is being checked */
    uint64_t *seen;          /* bit for each page number: it is in use */
    uint64_t seen_end;       /* bits that there are */
    velo_status failed;      /* why the check cannot go on, VELO_OK while it can */
    vl_error first;          /* the first fault */
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

/* ---- trees ---- */

static void
check_tree(store_check *check, const vl_tree *tree, vl_tree_kind kind)
{
    vl_tree_verify_options options = {check_fault_of_tree, check_visit, check};
    uint64_t before = check->report->page_count;
    vl_tree_report report;
    velo_status st;

    check->tree = tree;
    check->report->tree_count++;
    memset(&report, 0, sizeof report);
    st = kind == VL_TREE_TABLE ? vl_tree_verify(check->ctx, tree, &options, &report)
                               : vl_tree_key_verify(check->ctx, tree, &options, &report);
    check->report->row_count += report.entry_count;
    if (check->report->page_count - before > report.leaf_count + report.inner_count)
        check->report->overflow_count +=
            check->report->page_count - before - report.leaf_count - report.inner_count;
    if (st != VELO_CORRUPT)
        check_take_error(check, st);
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
    if (count > check->report->page_count && check->report->dropped_count == 0)
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
    /* What is left of a dropped tree lacks levels and parts of values, as it should. */
    for (const vl_store_entry *entry = store->dropping; entry != NULL; entry = entry->next)
        report->dropped_count++;
    if (check.failed == VELO_OK && report->fault_count == 0)
        check_take_error(&check, check_count_pages(&check));
    vl_free(check.seen);
    if (check.failed != VELO_OK)
        return check.failed;
    if (report->fault_count == 0) {
        vl_error_clear(ctx);
        return VELO_OK;
    }
    ctx->error = check.first;
    return VELO_CORRUPT;
}
