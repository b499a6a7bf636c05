/* stats.c - numbers about the database and a statement. */
#include "stats.h"

static void
stats_number(shell *of, const char *what, uint64_t number)
{
    shell_print(of, "%-36s %llu\n", what, (unsigned long long)number);
}

static void
stats_print_statement(shell *of, const velo_statement *statement)
{
    velo_statement_statistics found = {.size = sizeof found};

    if (velo_statement_get_statistics(statement, &found) != VELO_OK)
        return;
    stats_number(of, "Rows of the statement:", found.rows);
    stats_number(of, "Plans made for it:", found.plans);
    stats_number(of, "Bytes it holds:", found.bytes);
    stats_number(of, "Most bytes of rows it kept:", found.peak_bytes);
}

static void
stats_print_cache(shell *of, const velo_statistics *found)
{
    stats_number(of, "Bytes of the page cache:", found->cache_bytes);
    stats_number(of, "Pages there is memory for:", found->cache_frames);
    stats_number(of, "Pages of them that are free:", found->cache_free_frames);
    stats_number(of, "Pages of them that are changed:", found->cache_dirty_pages);
    stats_number(of, "Pages read:", found->pages_read);
    stats_number(of, "Pages evicted:", found->pages_evicted);
    stats_number(of, "Pages written to be evicted:", found->pages_written_evicting);
}

static void
stats_print_rest(shell *of, const velo_statistics *found)
{
    stats_number(of, "Bytes of log behind the checkpoint:", found->log_bytes);
    stats_number(of, "Transfers to the log:", found->log_writes);
    stats_number(of, "Syncs of the log:", found->log_syncs);
    stats_number(of, "Checkpoints:", found->checkpoints);
    stats_number(of, "Commits:", found->commits);
    stats_number(of, "Rollbacks:", found->rollbacks);
    stats_number(of, "Waits for other transactions:", found->waits);
    stats_number(of, "Conflicts:", found->conflicts);
    stats_number(of, "Bytes of older versions of rows:", found->version_bytes);
    stats_number(of, "Bytes of them in a file:", found->spilled_version_bytes);
    stats_number(of, "Bytes of the schema:", found->schema_bytes);
}

int
stats_print(shell *of, const velo_statement *statement)
{
    velo_statistics found = {.size = sizeof found};

    if (shell_connect(of))
        return 1;
    if (statement != NULL)
        stats_print_statement(of, statement);
    if (velo_get_statistics(of->connection, NULL, &found) != VELO_OK)
        return shell_fail(of, "Error: no statistics\n");
    stats_print_cache(of, &found);
    stats_print_rest(of, &found);
    return 0;
}
