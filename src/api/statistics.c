/* statistics.c - numbers about a database, a connection and a statement. */
#include "api/api_int.h"

#include <string.h>

/* Copy what the caller's struct has room for. */
static velo_status
statistics_give(void *to, size_t size, const void *from, size_t full)
{
    if (size < sizeof(size_t) || size > full)
        return VELO_MISUSE;
    memcpy((char *)to + sizeof(size_t), (const char *)from + sizeof(size_t), size - sizeof(size_t));
    return VELO_OK;
}

static void
statistics_of_store(const vl_engine *engine, velo_statistics *found)
{
    vl_store_stats store;
    vl_txn_stats txn;

    vl_store_get_stats(vl_txn_store_base(engine->store), &store);
    vl_txn_store_get_stats(engine->store, &txn);
    found->cache_bytes = store.cache.bytes;
    found->cache_frames = store.cache.frame_count;
    found->cache_free_frames = store.cache.free_count;
    found->cache_dirty_pages = store.cache.dirty_count;
    found->pages_read = store.cache.load_count;
    found->pages_evicted = store.cache.evict_count;
    found->pages_written_evicting = store.cache.write_count;
    found->log_bytes = store.log_bytes;
    found->log_writes = store.log.write_count;
    found->log_syncs = store.log.sync_count;
    found->log_flushes = store.log.round_count;
    found->log_flush_requests = store.log.request_count;
    found->checkpoints = store.checkpoint_count;
    found->recovered_operations = store.recovered_count;
    found->commits = txn.commit_count;
    found->rollbacks = txn.rollback_count;
    found->waits = txn.wait_count;
    found->conflicts = txn.conflict_count;
    found->version_bytes = txn.version_bytes;
    found->spilled_version_bytes = txn.spilled_bytes;
}

/* Bytes that a statement holds. */
static uint64_t
statistics_bytes(const velo_statement *statement)
{
    uint64_t bytes = sizeof *statement + statement->sql_size + statement->arena.held_bytes +
                     statement->run_arena.held_bytes + statement->row_arena.held_bytes;

    bytes += statement->column_count * sizeof *statement->cells;
    bytes += statement->param_count * (sizeof *statement->params + sizeof *statement->copies);
    return bytes + (statement->exec != NULL ? vl_exec_memory(statement->exec) : 0);
}

/* Numbers of a database that has an engine. */
static void
statistics_of_database(const vl_database *database, velo_statistics *found)
{
    vl_schema *schema = vl_engine_schema(database->engine);

    statistics_of_store(database->engine, found);
    found->schema_bytes = schema->arena.held_bytes;
    vl_schema_release(schema);
    if (database->has_ddl)
        found->schema_bytes += database->schema->arena.held_bytes;
}

velo_status
velo_get_statistics(velo_connection *connection, const char *database, velo_statistics *statistics)
{
    velo_statistics found;
    int number = VL_DATABASE_MAIN;

    if (connection == NULL || connection->engine == NULL || statistics == NULL)
        return VELO_MISUSE;
    if (vl_connection_is_foreign(connection))
        return vl_connection_refuse(connection);
    if (database != NULL)
        number = vl_database_find(connection, database, strlen(database));
    if (number < 0)
        return VELO_NOTFOUND;
    memset(&found, 0, sizeof found);
    if (connection->databases[number]->engine != NULL)
        statistics_of_database(connection->databases[number], &found);
    for (const velo_statement *at = connection->statements; at != NULL; at = at->next) {
        found.statements++;
        found.statement_bytes += statistics_bytes(at);
    }
    found.deferred_violations =
        (uint64_t)(connection->foreign.deferred + connection->foreign.put_off);
    return statistics_give(statistics, statistics->size, &found, sizeof found);
}

velo_status
velo_statement_get_statistics(const velo_statement *statement,
                              velo_statement_statistics *statistics)
{
    velo_statement_statistics found;
    vl_exec_work work;

    if (statement == NULL || statistics == NULL)
        return VELO_MISUSE;
    memset(&found, 0, sizeof found);
    found.plans = statement->plan_count;
    found.runs = statement->run_count;
    found.rows = statement->row_count;
    found.bytes = statistics_bytes(statement);
    work = statement->work;
    if (statement->exec != NULL) {
        vl_exec_work now = vl_exec_get_work(statement->exec);

        found.peak_bytes = vl_exec_memory_peak(statement->exec);
        work.steps += now.steps;
        work.sorts += now.sorts;
        work.scanned += now.scanned;
    }
    found.steps = work.steps;
    found.sorts = work.sorts;
    found.scanned = work.scanned;
    return statistics_give(statistics, statistics->size, &found, sizeof found);
}
