/* engine.c - open databases, one engine for each file of the process, and where schemas come from.
 *
 * Invariants
 *   EN1  A file is open by one engine at most: whoever opens looks for its identity in the list,
 *        and holds the list's latch until its own engine is in it. A statement of ATTACH may wait
 * for that with nothing latched; whoever holds it waits for no transaction. EN2  engine->schema is
 * what the newest committed transaction left. From before the commit of one that changes it until
 * the change here is_committing is 1 (part.c).
 *   EN3  What the process had open when it forked is the parent's: the child has its memory, shares
 *        its files and rings, and lacks its threads. It uses nothing of that and frees nothing; its
 *        connections to it refuse (vl_connection_is_foreign), and what it opens is its own. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "base/rank.h"
#include "sql/schema_build.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

const uint32_t vl_master_ids[VL_MASTER_COLUMNS] = {1, 2, 3, 4, 5, VL_SCHEMA_LAYOUT_ID};

/* How often a locked file is tried, and how long is waited in between: a quarter of a second. */
#define ENGINE_OPEN_TRIES  50U
#define ENGINE_OPEN_NAP_NS UINT64_C(5000000)

static pthread_once_t engine_once = PTHREAD_ONCE_INIT;
static int engine_watches_forks; /* set once */
_Atomic uint32_t vl_fork_count;
static vl_latch engine_latch;  /* of all that follows */
static vl_engine *engine_list; /* files that are open */
static vl_io *engine_io;       /* shared by all engines, those in memory too */
static uint32_t engine_io_users;
static vl_schema *engine_empty_temp; /* see vl_engine_empty_temp; there while the io is open */

/* ---- trees of a new database ---- */

static velo_status
engine_create_trees(vl_ctx *ctx, vl_statement *statement)
{
    vl_leaf_value defaults[VL_MASTER_COLUMNS];
    vl_leaf_schema schema = {vl_master_ids, defaults, VL_MASTER_COLUMNS, 0};
    vl_tree_id id;

    memset(defaults, 0, sizeof defaults);
    for (uint32_t i = 0; i < VL_MASTER_COLUMNS; i++)
        defaults[i].value.type = VL_TYPE_NULL;
    VL_TRY(vl_txn_create_tree(ctx, statement, &schema, &id));
    schema.count = 1;
    return vl_txn_create_tree(ctx, statement, &schema, &id);
}

/* Make the trees master and meta. */
static velo_status
engine_create(vl_ctx *ctx, vl_engine *engine)
{
    vl_session *session;
    vl_statement statement;
    velo_status st;

    VL_TRY(vl_session_create(ctx, engine->store, &session));
    vl_session_enter_call(session);
    st = vl_statement_begin(ctx, session, 1, &statement);
    if (st == VELO_OK) {
        st = engine_create_trees(ctx, &statement);
        if (st == VELO_OK)
            st = vl_statement_end(ctx, &statement);
        else
            vl_statement_fail(ctx, &statement);
    }
    vl_session_leave_call(session);
    vl_session_destroy(session);
    return st;
}

/* The trees master and meta are the first two that there are; 0: they are missing. */
static velo_status
engine_find_trees(vl_ctx *ctx, vl_engine *engine)
{
    vl_tree_id *ids[2] = {&engine->master, &engine->meta};
    vl_tree_id id = 0;

    for (unsigned i = 0; i < 2; i++) {
        vl_store_tree *tree;
        velo_status st = vl_store_next_tree(ctx, vl_txn_store_base(engine->store), id, &tree);

        if (st == VELO_NOTFOUND) {
            vl_error_clear(ctx);
            return VELO_OK;
        }
        VL_TRY(st);
        id = tree->tree.id;
        *ids[i] = id;
    }
    return VELO_OK;
}

/* ---- schemas ---- */

/* Rows of master on their way into a schema. */
typedef struct engine_rows {
    vl_schema_row *rows;
    size_t count;
    size_t capacity;
} engine_rows;

/* A text of a row, ended by a zero; NULL for anything else. */
static velo_status
engine_copy_text(vl_ctx *ctx, vl_arena *arena, const vl_value *value, const char **out)
{
    char *copy;

    *out = NULL;
    if (value->type != VL_TYPE_TEXT)
        return VELO_OK;
    copy = vl_arena_alloc(arena, (size_t)value->size + 1);
    if (copy == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a schema",
                       (unsigned)value->size);
    if (value->size > 0)
        memcpy(copy, value->as.data, value->size);
    copy[value->size] = 0;
    *out = copy;
    return VELO_OK;
}

velo_status
vl_make_layout(vl_ctx *ctx, vl_arena *arena, uint64_t key_tree, const char *ids, vl_value *to)
{
    size_t room = (ids != NULL ? strlen(ids) : 0) + 24;
    char *text;
    int size;

    *to = vl_value_of_null();
    if (key_tree == 0 && ids == NULL)
        return VELO_OK;
    text = vl_arena_alloc(arena, room);
    if (text == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of the schema");
    size = key_tree == 0 ? snprintf(text, room, "%s", ids)
                         : snprintf(text, room, "%llu/%s", (unsigned long long)key_tree,
                                    ids != NULL ? ids : "");
    *to = (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)size, .as.data = text};
    return VELO_OK;
}

uint64_t
vl_split_layout(const char **ids)
{
    const char *at = *ids;
    uint64_t tree = 0;

    for (; at != NULL && *at >= '0' && *at <= '9' && tree < UINT64_MAX / 10; at++)
        tree = tree * 10 + (uint64_t)(*at - '0');
    if (at == NULL || *at != '/')
        return 0; /* none, or no number: then the ids are found to be bad */
    *ids = at[1] != 0 ? at + 1 : NULL;
    return tree;
}

static velo_status
engine_add_row(vl_ctx *ctx, vl_arena *arena, engine_rows *rows, int64_t rowid,
               const vl_value *values)
{
    vl_schema_row *row;

    if (rows->count == rows->capacity) {
        size_t capacity = rows->capacity == 0 ? 64 : rows->capacity * 2;
        vl_schema_row *more = vl_realloc(ctx, rows->rows, capacity * sizeof *more);

        if (more == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate a schema of %zu objects", capacity);
        rows->rows = more;
        rows->capacity = capacity;
    }
    row = &rows->rows[rows->count];
    VL_TRY(engine_copy_text(ctx, arena, &values[0], &row->type));
    VL_TRY(engine_copy_text(ctx, arena, &values[1], &row->name));
    VL_TRY(engine_copy_text(ctx, arena, &values[2], &row->table_name));
    VL_TRY(engine_copy_text(ctx, arena, &values[4], &row->sql));
    VL_TRY(engine_copy_text(ctx, arena, &values[5], &row->layout));
    row->key_tree = vl_split_layout(&row->layout);
    row->tree = values[3].type == VL_TYPE_INTEGER ? (uint64_t)values[3].as.integer : 0;
    row->rowid = rowid;
    rows->count++;
    return VELO_OK;
}

/* Read all rows of master: their rowids by a scan, and each of them whole. */
static velo_status
engine_read_rows(vl_ctx *ctx, vl_txn_table *master, const vl_view *view, vl_arena *arena,
                 engine_rows *rows)
{
    vl_value values[VL_MASTER_COLUMNS];
    vl_row_scan scan;
    velo_status st;

    vl_row_scan_begin(&scan, master, view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0, vl_master_ids,
                      0);
    st = vl_row_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.leaf != NULL) {
        int64_t rowid = vl_row_scan_rowid(&scan, 0);
        int found;

        vl_row_scan_pause(&scan, 1);
        st = vl_rows_read(ctx, master, view, rowid, vl_master_ids, VL_MASTER_COLUMNS, arena, values,
                          &found);
        if (st == VELO_OK && found)
            st = engine_add_row(ctx, arena, rows, rowid, values);
        if (st == VELO_OK)
            st = vl_row_scan_next(ctx, &scan);
    }
    vl_row_scan_end(&scan);
    return st;
}

/* Rows of sqlite_stat1 in an array that grows. */
typedef struct engine_stats {
    vl_schema_stat *stats; /* count of them; owned */
    size_t count;
    size_t capacity;
} engine_stats;

static velo_status
engine_add_stat(vl_ctx *ctx, vl_arena *arena, engine_stats *stats, const vl_value *values)
{
    vl_schema_stat *stat;

    if (values[0].type != VL_TYPE_TEXT || values[2].type != VL_TYPE_TEXT)
        return VELO_OK; /* written by hand */
    if (stats->count == stats->capacity) {
        size_t capacity = stats->capacity == 0 ? 16 : stats->capacity * 2;
        vl_schema_stat *more = vl_realloc(ctx, stats->stats, capacity * sizeof *more);

        if (more == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %zu rows of statistics", capacity);
        stats->stats = more;
        stats->capacity = capacity;
    }
    stat = &stats->stats[stats->count];
    VL_TRY(engine_copy_text(ctx, arena, &values[0], &stat->table));
    VL_TRY(engine_copy_text(ctx, arena, &values[1], &stat->index));
    VL_TRY(engine_copy_text(ctx, arena, &values[2], &stat->numbers));
    stats->count++;
    return VELO_OK;
}

/* Read sqlite_stat1, if there is one among the objects. */
static velo_status
engine_read_stats(vl_ctx *ctx, vl_engine *engine, const vl_view *view, vl_arena *arena,
                  const engine_rows *objects, engine_stats *stats)
{
    static const uint32_t ids[3] = {1, 2, 3};
    vl_txn_table *table;
    vl_value values[3];
    vl_row_scan scan;
    size_t at = 0;
    velo_status st;

    while (at < objects->count && strcmp(objects->rows[at].name, "sqlite_stat1") != 0)
        at++;
    if (at == objects->count)
        return VELO_OK;
    VL_TRY(vl_rows_open(ctx, engine->store, objects->rows[at].tree, &table));
    vl_row_scan_begin(&scan, table, view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0, ids, 0);
    st = vl_row_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.leaf != NULL) {
        int64_t rowid = vl_row_scan_rowid(&scan, 0);
        int found;

        vl_row_scan_pause(&scan, 1);
        st = vl_rows_read(ctx, table, view, rowid, ids, 3, arena, values, &found);
        if (st == VELO_OK && found)
            st = engine_add_stat(ctx, arena, stats, values);
        if (st == VELO_OK)
            st = vl_row_scan_next(ctx, &scan);
    }
    vl_row_scan_end(&scan);
    return st;
}

velo_status
vl_engine_read_schema(vl_ctx *ctx, vl_engine *engine, const char *name, const vl_view *view,
                      vl_schema **out)
{
    vl_schema_source source = {.database = name, .tree = engine->master};
    engine_rows rows = {NULL, 0, 0};
    engine_stats stats = {NULL, 0, 0};
    vl_txn_table *master;
    vl_arena arena;
    int64_t version;
    velo_status st;

    *out = NULL;
    VL_TRY(vl_engine_read_meta(ctx, engine, view, VL_META_SCHEMA_VERSION, &version));
    VL_TRY(vl_rows_open(ctx, engine->store, engine->master, &master));
    vl_arena_init(&arena, ctx->allocator, 0);
    st = engine_read_rows(ctx, master, view, &arena, &rows);
    if (st == VELO_OK)
        st = engine_read_stats(ctx, engine, view, &arena, &rows, &stats);
    source.version = (uint64_t)version;
    source.rows = rows.rows;
    source.row_count = rows.count;
    source.stats = stats.stats;
    source.stat_count = stats.count;
    if (st == VELO_OK)
        st = vl_schema_build(ctx, &source, out);
    vl_free(rows.rows);
    vl_free(stats.stats);
    vl_arena_deinit(&arena);
    return st;
}

velo_status
vl_engine_read_named(vl_ctx *ctx, vl_engine *engine, const char *name, vl_schema **out)
{
    vl_session *session;
    vl_statement statement;
    velo_status st;

    *out = NULL;
    VL_TRY(vl_session_create(ctx, engine->store, &session));
    vl_session_enter_call(session);
    st = vl_statement_begin(ctx, session, 0, &statement);
    if (st == VELO_OK) {
        velo_status end;

        st = vl_engine_read_schema(ctx, engine, name, &statement.view, out);
        end = vl_statement_end(ctx, &statement);
        st = st == VELO_OK ? end : st;
    }
    vl_session_leave_call(session);
    vl_session_destroy(session);
    if (st != VELO_OK) {
        vl_schema_release(*out);
        *out = NULL;
    }
    return st;
}

vl_schema *
vl_engine_empty_temp(void)
{
    return engine_empty_temp;
}

vl_schema *
vl_engine_schema(vl_engine *engine)
{
    vl_schema *schema;

    vl_latch_acquire_exclusive(&engine->latch);
    schema = engine->schema;
    vl_schema_retain(schema);
    vl_latch_release_exclusive(&engine->latch);
    return schema;
}

/* ---- numbers of the database ---- */

velo_status
vl_engine_read_meta(vl_ctx *ctx, vl_engine *engine, const vl_view *view, vl_meta which,
                    int64_t *value)
{
    const uint32_t id = 1;
    vl_txn_table *meta;
    vl_value read;
    vl_arena arena;
    int found = 0;
    velo_status st;

    *value = 0;
    VL_TRY(vl_rows_open(ctx, engine->store, engine->meta, &meta));
    vl_arena_init(&arena, ctx->allocator, 0);
    st = vl_rows_read(ctx, meta, view, (int64_t)which, &id, 1, &arena, &read, &found);
    if (st == VELO_OK && found && read.type == VL_TYPE_INTEGER)
        *value = read.as.integer;
    vl_arena_deinit(&arena);
    return st;
}

velo_status
vl_engine_write_meta(vl_ctx *ctx, vl_engine *engine, vl_statement *statement, vl_meta which,
                     int64_t value)
{
    const uint32_t id = 1;
    vl_value written = {.type = VL_TYPE_INTEGER, .as.integer = value};
    vl_txn_table *meta;
    velo_status st;

    VL_TRY(vl_rows_open(ctx, engine->store, engine->meta, &meta));
    st = vl_rows_update(ctx, statement, meta, (int64_t)which, &id, &written, 1);
    if (st != VELO_NOTFOUND)
        return st;
    vl_error_clear(ctx);
    return vl_rows_insert(ctx, statement, meta, (int64_t)which, &written);
}

/* ---- opening ---- */

/* The list is whole when the process forks. */
static void
engine_before_fork(void)
{
    vl_latch_acquire_exclusive(&engine_latch);
}

static void
engine_after_fork(void)
{
    vl_latch_release_exclusive(&engine_latch);
}

/* A child has no engines; keeps EN3. */
static void
engine_in_child(void)
{
    engine_list = NULL;
    engine_io = NULL;
    engine_io_users = 0;
    engine_empty_temp = NULL;
    (void)atomic_fetch_add_explicit(&vl_fork_count, 1, memory_order_relaxed);
    vl_latch_release_exclusive(&engine_latch);
}

static void
engine_init_process(void)
{
    vl_latch_init(&engine_latch, VL_RANK_API);
    engine_watches_forks =
        pthread_atfork(engine_before_fork, engine_after_fork, engine_in_child) == 0;
}

static velo_status
engine_hold_io(vl_ctx *ctx)
{
    static const vl_schema_source nothing = {.database = "temp", .tree = 1};
    static const vl_io_options late = {.probes_late = 1};

    if (engine_io_users == 0) {
        VL_TRY(vl_schema_build(ctx, &nothing, &engine_empty_temp));
        if (vl_io_open(ctx, &late, &engine_io) != VELO_OK) {
            vl_schema_release(engine_empty_temp);
            engine_empty_temp = NULL;
            return ctx->error.code;
        }
    }
    engine_io_users++;
    return VELO_OK;
}

static void
engine_drop_io(void)
{
    if (--engine_io_users > 0)
        return;
    vl_io_close(engine_io);
    engine_io = NULL;
    vl_schema_release(engine_empty_temp);
    engine_empty_temp = NULL;
}

/* The engine that has the file of a path open, or NULL; *id receives the file's identity, if there
 * is such a file. */
static velo_status
engine_find(vl_ctx *ctx, const char *path, vl_file_id *id, vl_engine **found)
{
    vl_file *file;
    int exists;

    *found = NULL;
    VL_TRY(vl_path_exists(ctx, engine_io, path, &exists));
    if (!exists)
        return VELO_OK;
    VL_TRY(vl_file_open(ctx, engine_io, path, 0, &file));
    if (vl_file_get_id(ctx, file, id) != VELO_OK) {
        vl_file_close(file);
        return ctx->error.code;
    }
    vl_file_close(file);
    for (vl_engine *engine = engine_list; engine != NULL; engine = engine->next)
        if (!engine->is_memory && engine->id.device == id->device && engine->id.inode == id->inode)
            *found = engine;
    return VELO_OK;
}

/* Open the store. The system may take a moment to let go of what a process that died has held (its
 * I/O ring, and with it the lock), so a file that is locked is tried again for a while. */
static velo_status
engine_open_store(vl_ctx *ctx, vl_engine *engine, const char *path,
                  const vl_txn_store_options *options)
{
    for (unsigned tries = 1;; tries++) {
        velo_status st = vl_txn_store_open(ctx, engine->io, path, options, &engine->store);

        if (vl_status_primary(st) != VELO_BUSY || tries == ENGINE_OPEN_TRIES)
            return st;
        vl_io_sleep(engine->io, ENGINE_OPEN_NAP_NS);
    }
}

/* Open the store, make its trees if it is new, and read its schema. */
static velo_status
engine_start(vl_ctx *ctx, vl_engine *engine, const char *path, const velo_open_options *options)
{
    vl_txn_store_options txn = {.store = {.page_size = options->page_size,
                                          .cache_bytes = options->cache_bytes,
                                          .may_create = !options->must_exist,
                                          .has_background = !options->no_threads}};

    VL_TRY(engine_open_store(ctx, engine, path, &txn));
    VL_TRY(engine_find_trees(ctx, engine));
    if (engine->master == 0) {
        VL_TRY(engine_create(ctx, engine));
        VL_TRY(engine_find_trees(ctx, engine));
    }
    if (engine->meta == 0)
        return vl_fail(ctx, VELO_CORRUPT, "the database lacks the tree of its schema");
    return vl_engine_read_named(ctx, engine, engine->name, &engine->schema);
}

/* Close what engine_start has opened. */
static velo_status
engine_stop(vl_ctx *ctx, vl_engine *engine)
{
    velo_status st = vl_txn_store_close(ctx, engine->store);

    vl_schema_release(engine->schema);
    vl_free(engine->path);
    vl_free(engine);
    return st;
}

/* Make an engine with one reference; `name`: of its schemas, static. */
static velo_status
engine_create_new(vl_ctx *ctx, const char *path, const char *name, const velo_open_options *options,
                  vl_engine **out)
{
    vl_engine *engine = vl_alloc_zero(ctx, sizeof *engine);
    vl_error error;
    velo_status st;

    if (engine == NULL) {
        (void)vl_fail(ctx, VELO_NOMEM, "cannot allocate an engine");
        return VELO_NOMEM;
    }
    vl_latch_init(&engine->latch, VL_RANK_API_SCHEMA);
    engine->io = engine_io;
    engine->name = name;
    engine->references = 1;
    engine->is_memory = path == NULL;
    *out = engine;
    st = engine_start(ctx, engine, path, options);
    if (st == VELO_OK)
        return VELO_OK;
    error = ctx->error;
    (void)engine_stop(ctx, engine); /* the first error is the one that matters */
    ctx->error = error;
    *out = NULL;
    return st;
}

/* Open the file of a path, whose latch on the list is held. */
static velo_status
engine_open_file(vl_ctx *ctx, const char *path, const velo_open_options *options, vl_engine **out)
{
    char full[VL_PATH_SIZE];
    vl_file_id id;
    vl_engine *engine = NULL;

    VL_TRY(vl_path_get_full(ctx, engine_io, path, full));
    VL_TRY(engine_find(ctx, full, &id, out));
    if (*out != NULL) {
        (*out)->references++;
        return VELO_OK;
    }
    VL_TRY(engine_create_new(ctx, full, "main", options, &engine));
    engine->path = vl_alloc(ctx, strlen(full) + 1);
    if (engine->path == NULL) {
        (void)engine_stop(ctx, engine);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a path");
    }
    memcpy(engine->path, full, strlen(full) + 1);
    if (engine_find(ctx, full, &engine->id, out) != VELO_OK) {
        vl_error error = ctx->error;

        (void)engine_stop(ctx, engine);
        ctx->error = error;
        return error.code;
    }
    engine->next = engine_list;
    engine_list = engine;
    *out = engine;
    return VELO_OK;
}

/* Find or make the database in memory that has a name. */
static velo_status
engine_open_named(vl_ctx *ctx, const velo_open_options *options, vl_engine **out)
{
    const char *name = options->memory_name;
    vl_engine *engine;

    for (engine = engine_list; engine != NULL; engine = engine->next) {
        if (engine->is_memory && strcmp(engine->path, name) == 0) {
            engine->references++;
            *out = engine;
            return VELO_OK;
        }
    }
    VL_TRY(engine_create_new(ctx, NULL, "main", options, &engine));
    engine->path = vl_alloc(ctx, strlen(name) + 1);
    if (engine->path == NULL) {
        (void)engine_stop(ctx, engine);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a name");
    }
    memcpy(engine->path, name, strlen(name) + 1);
    engine->next = engine_list;
    engine_list = engine;
    *out = engine;
    return VELO_OK;
}

velo_status
vl_engine_open(vl_ctx *ctx, const char *path, const velo_open_options *options, vl_engine **out)
{
    velo_status st;

    *out = NULL;
    (void)pthread_once(&engine_once, engine_init_process);
    vl_latch_acquire_exclusive(&engine_latch);
    st = engine_watches_forks ? engine_hold_io(ctx)
                              : vl_fail(ctx, VELO_NOMEM, "cannot watch for forks of the process");
    if (st == VELO_OK) {
        if (path != NULL)
            st = engine_open_file(ctx, path, options, out);
        else if (options->memory_name != NULL)
            st = engine_open_named(ctx, options, out);
        else
            st = engine_create_new(ctx, NULL, "main", options, out);
        if (st != VELO_OK)
            engine_drop_io();
    }
    vl_latch_release_exclusive(&engine_latch);
    return st;
}

velo_status
vl_engine_open_temp(vl_ctx *ctx, const velo_open_options *options, vl_engine **out)
{
    velo_status st;

    *out = NULL;
    vl_latch_acquire_exclusive(&engine_latch);
    st = engine_hold_io(ctx);
    vl_latch_release_exclusive(&engine_latch);
    VL_TRY(st);
    st = engine_create_new(ctx, NULL, "temp", options, out); /* nobody else can know it */
    if (st != VELO_OK) {
        vl_latch_acquire_exclusive(&engine_latch);
        engine_drop_io();
        vl_latch_release_exclusive(&engine_latch);
    }
    return st;
}

velo_status
vl_engine_close(vl_ctx *ctx, vl_engine *engine)
{
    velo_status st = VELO_OK;

    vl_latch_acquire_exclusive(&engine_latch);
    if (--engine->references == 0) {
        vl_engine **link = &engine_list;

        while (*link != NULL && *link != engine)
            link = &(*link)->next;
        if (*link != NULL)
            *link = engine->next;
        st = engine_stop(ctx, engine);
    }
    engine_drop_io();
    vl_latch_release_exclusive(&engine_latch);
    return st;
}
