/* bench_txn_large.c - transactions larger than memory: inserts, updates, reading beside them,
 * rollback, and what all that takes of memory and disk.
 *
 * One table in a cache of 64 MiB. Each round: one transaction inserts all rows; one updates them
 * all while a reader's snapshot is open, which then reads all of the older versions; one updates
 * them again and is rolled back; one deletes them. Rates are by the clock, all work included, and
 * by the process's processor time, which other programs on the machine do not change much; beside
 * them the bytes that the process has caused to be written to the medium; memory is the process's
 * own (RssAnon: what it has allocated) and that of mapped files (RssFile), looked at every so many
 * rows. Run with --runs 1 --scale 5000 for 50 million rows. */
#define _GNU_SOURCE
#include "lib/bench.h"
#include "os/io.h"
#include "txn/txn_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LARGE_COLUMNS 2U
#define LARGE_LOOK    50000 /* rows between two looks at the memory */

static const uint32_t large_ids[LARGE_COLUMNS] = {1, 2};

static int64_t large_rows;
static vl_ctx large_ctx;
static vl_io *large_io;
static vl_txn_store *large_store;
static vl_session *large_session, *large_reading;
static vl_txn_table *large_table;
static vl_statement large_reader;
static char large_path[1100];
static uint64_t large_phase_file;                                      /* in the phase at hand */
static uint64_t large_anon, large_file, large_spilled, large_versions; /* the most that was seen */

static void
large_must(velo_status st)
{
    if (st == VELO_OK)
        return;
    (void)fprintf(stderr, "\n%s\n", large_ctx.error.text);
    exit(1);
}

/* Look at the memory of the process, in KiB. */
static void
large_look(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    vl_txn_stats stats;
    char line[200];

    while (status != NULL && fgets(line, sizeof line, status) != NULL) {
        uint64_t *most = strncmp(line, "RssAnon:", 8) == 0   ? &large_anon
                         : strncmp(line, "RssFile:", 8) == 0 ? &large_file
                                                             : NULL;
        uint64_t now = most != NULL ? strtoull(line + 8, NULL, 10) : 0;

        if (most != NULL && now > *most)
            *most = now;
        if (most == &large_file && now > large_phase_file)
            large_phase_file = now;
    }
    if (status != NULL)
        (void)fclose(status);
    vl_txn_store_get_stats(large_store, &stats);
    if (stats.spilled_bytes > large_spilled)
        large_spilled = stats.spilled_bytes;
    if (stats.version_bytes > large_versions)
        large_versions = stats.version_bytes;
}

/* The process's processor time, that of the system for it included. */
static uint64_t
large_cpu_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/* Bytes that it has made the system write; 0 where the system does not tell. */
static uint64_t
large_written(void)
{
    FILE *io = fopen("/proc/self/io", "r");
    uint64_t bytes = 0;
    char line[200];

    while (io != NULL && fgets(line, sizeof line, io) != NULL)
        if (strncmp(line, "write_bytes:", 12) == 0)
            bytes = strtoull(line + 12, NULL, 10);
    if (io != NULL)
        (void)fclose(io);
    return bytes;
}

static double
large_rate(uint64_t start_ns)
{
    return (double)large_rows * 1e9 / (double)(bench_now_ns() - start_ns);
}

typedef velo_status large_change(vl_statement *statement, int64_t row);

static velo_status
large_insert(vl_statement *statement, int64_t row)
{
    static const char text[] = "some text";
    vl_value values[LARGE_COLUMNS] = {
        {.type = VL_TYPE_INTEGER, .as.integer = row},
        {.type = VL_TYPE_TEXT, .size = sizeof text - 1, .as.data = text}};

    return vl_rows_insert(&large_ctx, statement, large_table, row, values);
}

static velo_status
large_update(vl_statement *statement, int64_t row)
{
    vl_value value = {.type = VL_TYPE_INTEGER, .as.integer = -row};

    return vl_rows_update(&large_ctx, statement, large_table, row, large_ids, &value, 1);
}

static velo_status
large_delete(vl_statement *statement, int64_t row)
{
    return vl_rows_delete(&large_ctx, statement, large_table, row);
}

/* Change all rows in one statement of the open transaction. */
static void
large_change_all(large_change *change)
{
    vl_statement statement;

    large_must(vl_statement_begin(&large_ctx, large_session, 1, &statement));
    for (int64_t row = 1; row <= large_rows; row++) {
        large_must(change(&statement, row));
        if (row % LARGE_LOOK == 0)
            large_look();
    }
    large_must(vl_statement_end(&large_ctx, &statement));
}

static double
large_run(large_change *change, int is_rollback)
{
    uint64_t start_ns = bench_now_ns();

    large_must(vl_session_begin(&large_ctx, large_session, VL_TXN_DEFERRED));
    large_change_all(change);
    if (is_rollback)
        large_must(vl_session_rollback(&large_ctx, large_session));
    else
        large_must(vl_session_commit(&large_ctx, large_session));
    large_look();
    return large_rate(start_ns);
}

static double
measure_insert(void *user)
{
    (void)user;
    return large_run(large_insert, 0);
}

static double
measure_update(void *user)
{
    (void)user;
    vl_session_enter_call(large_reading);
    large_must(vl_statement_begin(&large_ctx, large_reading, 0, &large_reader));
    return large_run(large_update, 0);
}

/* Read the older versions, by the snapshot from before the update. */
static double
measure_read(void *user)
{
    vl_rowid_range all = {INT64_MIN, INT64_MAX};
    uint64_t start_ns = bench_now_ns(), count;

    (void)user;
    large_must(vl_rows_count(&large_ctx, large_table, &large_reader.view, all, &count));
    large_look();
    if (count != (uint64_t)large_rows)
        exit(1);
    return large_rate(start_ns);
}

/* The reader ends: take the older versions away. */
static double
measure_collect(void *user)
{
    uint64_t start_ns = bench_now_ns();

    (void)user;
    large_must(vl_statement_end(&large_ctx, &large_reader));
    vl_session_leave_call(large_reading);
    large_must(vl_txn_store_collect(&large_ctx, large_store));
    large_look();
    return large_rate(start_ns);
}

static double
measure_rollback(void *user)
{
    (void)user;
    return large_run(large_update, 1);
}

static double
measure_delete(void *user)
{
    (void)user;
    return large_run(large_delete, 0);
}

/* One round: phases follow on one another, so they are one series, and told one by one. */
static double
measure_all(void *user)
{
    static const struct {
        const char *name;
        bench_measure *measure;
    } phases[] = {
        {"insert and commit", measure_insert},      {"update and commit", measure_update},
        {"read older versions", measure_read},      {"collect them", measure_collect},
        {"update and roll back", measure_rollback}, {"delete and commit", measure_delete}};
    uint64_t start_ns = bench_now_ns();

    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++) {
        uint64_t cpu_ns = large_cpu_ns(), written = large_written();
        double rate;

        large_phase_file = 0;
        rate = phases[i].measure(user);
        cpu_ns = large_cpu_ns() - cpu_ns;
        (void)printf(
            "\n  %-22s %10.0f rows/s, %10.0f of processor time, %4.0f bytes a row written, "
            "at most %llu MiB of mapped files",
            phases[i].name, rate, (double)large_rows * 1e9 / (double)cpu_ns,
            (double)(large_written() - written) / (double)large_rows,
            (unsigned long long)(large_phase_file >> 10));
        (void)fflush(stdout);
    }
    (void)printf("\n");
    return large_rate(start_ns);
}

static void
large_make(void)
{
    vl_txn_store_options options = {.store = {.may_create = 1, .cache_bytes = UINT64_C(64) << 20}};
    vl_leaf_value defaults[LARGE_COLUMNS];
    vl_leaf_schema schema = {large_ids, defaults, LARGE_COLUMNS, 0};
    vl_statement statement;
    vl_tree_id id;

    memset(defaults, 0, sizeof defaults);
    for (uint32_t i = 0; i < LARGE_COLUMNS; i++)
        defaults[i].value.type = VL_TYPE_NULL;
    large_must(vl_txn_store_open(&large_ctx, large_io, large_path, &options, &large_store));
    large_must(vl_session_create(&large_ctx, large_store, &large_session));
    large_must(vl_session_create(&large_ctx, large_store, &large_reading));
    vl_session_enter_call(large_session);
    vl_session_set_synchronous(large_session, VL_SYNCHRONOUS_OFF);
    large_must(vl_statement_begin(&large_ctx, large_session, 1, &statement));
    large_must(vl_txn_create_tree(&large_ctx, &statement, &schema, &id));
    large_must(vl_statement_end(&large_ctx, &statement));
    large_must(vl_rows_open(&large_ctx, large_store, id, &large_table));
}

int
main(int argc, char **argv)
{
    bench *b = bench_create(argc, argv, "transactions larger than memory");
    int status;

    large_rows = (int64_t)bench_work(b, 1000000);
    vl_ctx_init(&large_ctx, NULL, NULL);
    large_must(vl_io_open(&large_ctx, NULL, &large_io));
    (void)snprintf(large_path, sizeof large_path, "%s/txn-large.db", bench_folder(b));
    bench_delete_database(large_path);
    large_make();
    (void)bench_add(b, "all six together", "rows/s", BENCH_MORE_IS_BETTER, measure_all, NULL);
    status = bench_finish(b);
    (void)printf(
        "%lld rows in a cache of 64 MiB: the most was %llu MiB of its own memory, of which "
        "versions %llu KiB; %llu MiB of mapped files; %llu MiB of versions in the file\n",
        (long long)large_rows, (unsigned long long)(large_anon >> 10),
        (unsigned long long)(large_versions >> 10), (unsigned long long)(large_file >> 10),
        (unsigned long long)(large_spilled >> 20));
    vl_session_leave_call(large_session);
    vl_session_destroy(large_session);
    vl_session_destroy(large_reading);
    large_must(vl_txn_store_close(&large_ctx, large_store));
    vl_io_close(large_io);
    bench_delete_database(large_path);
    return status;
}
