/* table_maker.c - the engine's own functions of FROM that are neither of JSON nor PRAGMAs:
 * generate_series() and velo_statistics().
 *
 * Invariants
 *   TM1  A series is computed from its ends: however long it is, it takes no memory, and no number
 *        of it lies outside of them, so none overflows. */
#include "api/api_int.h"

#include "exec/table_func.h"
#include "vec/value.h"

#include <stddef.h>
#include <string.h>

/* ---- generate_series(start, stop, step) ---- */

enum {
    SERIES_VALUE,
    SERIES_START,
    SERIES_STOP,
    SERIES_STEP,
    SERIES_COLUMNS
};

static const char *const series_names[] = {"value", "start", "stop", "step"};

/* stop's default, as SQLite has it. */
#define SERIES_STOP_DEFAULT INT64_C(4294967295)

typedef struct series_rows {
    int64_t start;
    int64_t stop;
    int64_t step; /* not 0 */
} series_rows;

/* How many numbers there are; UINT64_MAX where it is one more. */
static uint64_t
series_count(const series_rows *series)
{
    uint64_t distance = (uint64_t)series->stop - (uint64_t)series->start;
    uint64_t step = (uint64_t)series->step;
    uint64_t between;

    if (series->step > 0 ? series->start > series->stop : series->start < series->stop)
        return 0;
    if (series->step < 0) {
        distance = 0 - distance;
        step = 0 - step;
    }
    between = distance / step;
    return between == UINT64_MAX ? between : between + 1;
}

static velo_status
series_make(vl_ctx *ctx, void *user, const vl_table_func *func, const vl_value *arguments,
            uint32_t count, vl_arena *arena, vl_table_func_rows *rows)
{
    int64_t numbers[] = {0, SERIES_STOP_DEFAULT, 1};
    series_rows *series = vl_arena_alloc(arena, sizeof *series);

    (void)user;
    if (series == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a series");
    if (count == 0)
        return vl_fail(ctx, VELO_ERROR, "first argument to \"%s()\" missing or unusable",
                       func->name);
    for (uint32_t i = 0; i < count; i++) {
        vl_value number = arguments[i];

        if (number.type == VL_TYPE_NULL)
            return VELO_OK; /* no rows */
        VL_TRY(vl_value_cast(ctx, arena, VL_AFFINITY_INTEGER, &number));
        numbers[i] = number.as.integer;
    }
    *series = (series_rows){numbers[0], numbers[1], numbers[2] == 0 ? 1 : numbers[2]};
    rows->state = series;
    rows->row_count = series_count(series);
    return VELO_OK;
}

static velo_status
series_read(vl_ctx *ctx, const void *state, uint64_t row, uint32_t column, vl_arena *arena,
            vl_value *value)
{
    const series_rows *series = state;
    uint64_t number = (uint64_t)series->start + row * (uint64_t)series->step; /* is in range */

    (void)ctx;
    (void)arena;
    switch (column) {
    case SERIES_START:
        *value = vl_value_of_integer(series->start);
        break;
    case SERIES_STOP:
        *value = vl_value_of_integer(series->stop);
        break;
    case SERIES_STEP:
        *value = vl_value_of_integer(series->step);
        break;
    default:
        *value = vl_value_of_integer((int64_t)number);
        break;
    }
    return VELO_OK;
}

/* ---- velo_statistics(database) ---- */

static const char *const statistics_names[] = {"name", "value", "database"};

typedef struct statistics_field {
    const char *name;
    size_t offset; /* of a uint64_t in velo_statistics */
} statistics_field;

#define STATISTICS_FIELD(name) {#name, offsetof(velo_statistics, name)}

static const statistics_field statistics_fields[] = {STATISTICS_FIELD(cache_bytes),
                                                     STATISTICS_FIELD(cache_frames),
                                                     STATISTICS_FIELD(cache_free_frames),
                                                     STATISTICS_FIELD(cache_dirty_pages),
                                                     STATISTICS_FIELD(pages_read),
                                                     STATISTICS_FIELD(pages_evicted),
                                                     STATISTICS_FIELD(pages_written_evicting),
                                                     STATISTICS_FIELD(log_bytes),
                                                     STATISTICS_FIELD(log_writes),
                                                     STATISTICS_FIELD(log_syncs),
                                                     STATISTICS_FIELD(log_flushes),
                                                     STATISTICS_FIELD(log_flush_requests),
                                                     STATISTICS_FIELD(checkpoints),
                                                     STATISTICS_FIELD(recovered_operations),
                                                     STATISTICS_FIELD(commits),
                                                     STATISTICS_FIELD(rollbacks),
                                                     STATISTICS_FIELD(waits),
                                                     STATISTICS_FIELD(conflicts),
                                                     STATISTICS_FIELD(version_bytes),
                                                     STATISTICS_FIELD(spilled_version_bytes),
                                                     STATISTICS_FIELD(schema_bytes),
                                                     STATISTICS_FIELD(statements),
                                                     STATISTICS_FIELD(statement_bytes),
                                                     STATISTICS_FIELD(deferred_violations)};

#define STATISTICS_COLUMNS VL_ARRAY_COUNT(statistics_names)

/* The name of the database that is asked for: NULL for main. */
static velo_status
statistics_database(vl_ctx *ctx, const vl_value *arguments, uint32_t count, vl_arena *arena,
                    const char **name)
{
    vl_value text;
    char *copy;

    *name = NULL;
    if (count == 0 || arguments[0].type == VL_TYPE_NULL)
        return VELO_OK;
    text = arguments[0];
    VL_TRY(vl_value_cast(ctx, arena, VL_AFFINITY_TEXT, &text));
    copy = vl_arena_alloc(arena, text.size + 1U);
    if (copy == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a name");
    memcpy(copy, text.as.data, text.size);
    copy[text.size] = 0;
    *name = copy;
    return VELO_OK;
}

static velo_status
statistics_make(vl_ctx *ctx, void *user, const vl_table_func *func, const vl_value *arguments,
                uint32_t count, vl_arena *arena, vl_table_func_rows *rows)
{
    const velo_statement *statement = user;
    velo_statistics found = {.size = sizeof found};
    size_t field_count = VL_ARRAY_COUNT(statistics_fields);
    vl_value *values =
        vl_arena_alloc_array(arena, field_count * STATISTICS_COLUMNS, sizeof *values);
    const char *name;
    velo_status st;

    (void)func;
    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate statistics");
    VL_TRY(statistics_database(ctx, arguments, count, arena, &name));
    st = velo_get_statistics(statement->connection, name, &found);
    if (st != VELO_OK)
        return vl_fail(ctx, VELO_ERROR, "unknown database '%s'", name);
    rows->values = values;
    rows->row_count = field_count;
    for (size_t i = 0; i < field_count; i++) {
        const statistics_field *field = &statistics_fields[i];
        uint64_t number;

        memcpy(&number, (const char *)&found + field->offset, sizeof number);
        *values++ = (vl_value){
            .type = VL_TYPE_TEXT, .size = (uint32_t)strlen(field->name), .as.data = field->name};
        *values++ = vl_value_of_integer((int64_t)number);
        *values++ = count > 0 ? arguments[0] : vl_value_of_null();
    }
    return VELO_OK;
}

/* ---- names ---- */

static const vl_table_func series_function = {"generate_series", SERIES_COLUMNS, series_make,
                                              series_read};
static const vl_table_func statistics_function = {"velo_statistics", STATISTICS_COLUMNS,
                                                  statistics_make, NULL};

static const vl_plan_table_func table_makers[] = {
    {&series_function, series_names, SERIES_COLUMNS, SERIES_COLUMNS - 1},
    {&statistics_function, statistics_names, STATISTICS_COLUMNS, 1}};

int
vl_table_maker_find(const char *name, size_t size, vl_plan_table_func *found)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(table_makers); i++) {
        const char *own = table_makers[i].def->name;

        if (vl_name_compare(own, strlen(own), name, size) != 0)
            continue;
        *found = table_makers[i];
        return 1;
    }
    return 0;
}
