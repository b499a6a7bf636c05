/* vacuum.c - VACUUM and VACUUM INTO: all trees written anew, into the same file or another one.
 *
 * INTO reads one snapshot, beside whoever writes, and fills a new database by a transaction of its
 * own, which is committed when all is there; closing it leaves one file. If that fails the file is
 * deleted again.
 *
 * Without INTO it is a change of the schema: every tree is copied to a new one, the rows of
 * sqlite_schema name those, and the old ones are dropped, all in one transaction: a crash leaves
 * the database as it was or as it is to be. The old trees stay until no snapshot needs them. After
 * the commit what lies at the end of the file is moved to free places before it, by checkpoints as
 * always (storage/store_compact.c), and the file is cut.
 *
 * Invariants
 *   VC1  What is copied is what one snapshot sees: columns that were dropped, rows and entries that
 *        were deleted stay behind.
 *   VC2  Columns keep their ids, and rows their rowids: texts of sqlite_schema stay as they are. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "exec/packed.h"
#include "txn/txn_keys.h"

#include <stdio.h>
#include <string.h>

/* A copy at work. */
typedef struct vacuum_copy {
    vl_engine *from;         /* what is read */
    vl_view view;            /* of it */
    const vl_schema *schema; /* that the view has */
    vl_engine *to;           /* what is written; may be the same */
    vl_statement *statement; /* of it */
    _Atomic int *interrupt;  /* not 0: stop */
    vl_arena arena;          /* of a leaf's rows */
    vl_arena row_arena;      /* of a row's long values */
    uint64_t *old_trees;     /* tree_count of them, as they are met */
    uint64_t *new_trees;     /* where each went */
    uint32_t tree_count;     /* see old_trees */
} vacuum_copy;

static velo_status
vacuum_check_interrupt(vl_ctx *ctx, const vacuum_copy *copy)
{
    return atomic_load(copy->interrupt) ? vl_fail(ctx, VELO_INTERRUPT, "interrupted") : VELO_OK;
}

/* ---- tables ---- */

/* The columns of a tree that its table still has, or the placeholder. `ids` and `defaults` have
 * room for all. */
static void
vacuum_choose_columns(const vl_leaf_schema *all, const vl_table_def *def, uint32_t *ids,
                      vl_leaf_value *defaults, vl_leaf_schema *chosen)
{
    uint16_t count = 0;

    for (uint32_t i = 0; i < all->count; i++) {
        int is_wanted = def == NULL || all->ids[i] == VL_PACKED_ID;

        for (int32_t c = 0; !is_wanted && c < def->column_count; c++)
            is_wanted = def->columns[c].id == all->ids[i];
        if (!is_wanted)
            continue;
        ids[count] = all->ids[i];
        defaults[count++] = all->defaults[i];
    }
    if (count == 0) { /* every tree has one */
        ids[count] = all->ids[0];
        defaults[count++] = all->defaults[0];
    }
    *chosen = (vl_leaf_schema){ids, defaults, count, 0};
}

/* Copy the rows of the scan's leaf into the arena: texts too, long values by name. */
static velo_status
vacuum_take_leaf(vl_ctx *ctx, vacuum_copy *copy, const vl_row_scan *scan, uint32_t columns,
                 int64_t **rowids, vl_leaf_value **values)
{
    size_t count = (size_t)scan->row_count * columns;

    *rowids = vl_arena_alloc_array(&copy->arena, scan->row_count, sizeof **rowids);
    *values = vl_arena_alloc_array(&copy->arena, count, sizeof **values);
    if (*rowids == NULL || *values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the rows of a page");
    for (uint32_t row = 0; row < scan->row_count; row++) {
        (*rowids)[row] = vl_row_scan_rowid(scan, row);
        for (uint32_t c = 0; c < columns; c++) {
            vl_leaf_value *value = &(*values)[(size_t)row * columns + c];
            int is_text;

            vl_row_scan_get(scan, row, c, value);
            is_text = value->value.type == VL_TYPE_TEXT || value->value.type == VL_TYPE_BLOB;
            if (!is_text || value->overflow != 0 || value->value.size == 0)
                continue;
            value->value.as.data =
                vl_arena_copy(&copy->arena, value->value.as.data, value->value.size);
            if (value->value.as.data == NULL)
                return vl_fail(ctx, VELO_NOMEM, "cannot allocate the rows of a page");
        }
    }
    return VELO_OK;
}

/* Write one row, reading its long values. */
static velo_status
vacuum_put_row(vl_ctx *ctx, vacuum_copy *copy, vl_txn_table *from, vl_txn_table *to, int64_t rowid,
               const vl_leaf_value *row, uint32_t columns)
{
    vl_value *values;

    vl_arena_reset(&copy->row_arena);
    values = vl_arena_alloc_array(&copy->row_arena, columns, sizeof *values);
    if (values == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row");
    for (uint32_t c = 0; c < columns; c++) {
        void *bytes;

        values[c] = row[c].value;
        if (row[c].overflow == 0)
            continue;
        bytes = vl_arena_alloc(&copy->row_arena, values[c].size);
        if (bytes == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u bytes for a value",
                           (unsigned)values[c].size);
        VL_TRY(vl_rows_read_long(ctx, from, &row[c], 0, values[c].size, bytes));
        values[c].as.data = bytes;
    }
    return vl_rows_insert(ctx, copy->statement, to, rowid, values);
}

static velo_status
vacuum_copy_rows(vl_ctx *ctx, vacuum_copy *copy, vl_txn_table *from, vl_txn_table *to,
                 const vl_leaf_schema *columns)
{
    vl_row_scan scan;
    velo_status st;

    vl_row_scan_begin(&scan, from, &copy->view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0,
                      columns->ids, columns->count);
    st = vl_row_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.leaf != NULL) {
        uint32_t count = scan.row_count;
        vl_leaf_value *values = NULL;
        int64_t *rowids = NULL;

        vl_arena_reset(&copy->arena);
        st = vacuum_take_leaf(ctx, copy, &scan, columns->count, &rowids, &values);
        vl_row_scan_pause(&scan, count);
        for (uint32_t row = 0; st == VELO_OK && row < count; row++)
            st = vacuum_put_row(ctx, copy, from, to, rowids[row],
                                values + (size_t)row * columns->count, columns->count);
        if (st == VELO_OK)
            st = vacuum_check_interrupt(ctx, copy);
        if (st == VELO_OK)
            st = vl_row_scan_next(ctx, &scan);
    }
    vl_row_scan_end(&scan);
    return st;
}

static velo_status
vacuum_copy_table(vl_ctx *ctx, vacuum_copy *copy, const vl_table_def *def, vl_tree_id *id)
{
    const vl_leaf_schema *all;
    vl_leaf_value *defaults;
    vl_leaf_schema columns;
    vl_txn_table *from;
    vl_txn_table *to = NULL;
    velo_status st;

    VL_TRY(vl_rows_open(ctx, copy->from->store, def->object.tree, &from));
    all = vl_rows_schema(from);
    defaults = vl_alloc(ctx, all->count * (sizeof *defaults + sizeof(uint32_t)));
    if (defaults == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the columns of a table");
    vacuum_choose_columns(all, def, (uint32_t *)(defaults + all->count), defaults, &columns);
    st = vl_txn_create_tree(ctx, copy->statement, &columns, id);
    if (st == VELO_OK)
        st = vl_rows_open(ctx, copy->to->store, *id, &to);
    if (st == VELO_OK)
        st = vacuum_copy_rows(ctx, copy, from, to, &columns);
    vl_free(defaults);
    return st;
}

/* ---- indexes ---- */

static velo_status
vacuum_copy_leaf(vl_ctx *ctx, vacuum_copy *copy, vl_txn_index *to, const vl_key_scan *scan)
{
    vl_tree_key_item *items;

    vl_arena_reset(&copy->arena);
    items = vl_arena_alloc_array(&copy->arena, scan->count, sizeof *items);
    if (items == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the entries of a page");
    for (uint32_t i = 0; i < scan->count; i++)
        items[i] = (vl_tree_key_item){scan->entries[i].key, scan->entries[i].value,
                                      scan->entries[i].key_size, scan->entries[i].value_size};
    VL_TRY(vl_keys_load(ctx, copy->statement, to, items, scan->count));
    return vacuum_check_interrupt(ctx, copy);
}

static velo_status
vacuum_copy_index(vl_ctx *ctx, vacuum_copy *copy, uint64_t tree, vl_tree_id *id)
{
    vl_tree_key_range all = {0};
    vl_txn_index *from;
    vl_txn_index *to;
    vl_key_scan scan;
    velo_status st;

    VL_TRY(vl_keys_open(ctx, copy->from->store, tree, &from));
    VL_TRY(vl_txn_create_tree(ctx, copy->statement, NULL, id));
    VL_TRY(vl_keys_open(ctx, copy->to->store, *id, &to));
    vl_key_scan_begin(&scan, from, &copy->view, &all, 0);
    st = vl_key_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.count > 0) {
        st = vacuum_copy_leaf(ctx, copy, to, &scan);
        if (st == VELO_OK)
            st = vl_key_scan_next(ctx, &scan);
    }
    vl_key_scan_end(&scan);
    return st;
}

/* ---- the schema ---- */

static void
vacuum_note_tree(vacuum_copy *copy, uint64_t old_tree, vl_tree_id new_tree)
{
    copy->old_trees[copy->tree_count] = old_tree;
    copy->new_trees[copy->tree_count++] = new_tree;
}

/* Copy the trees of all tables, but sqlite_schema, and of all indexes. */
static velo_status
vacuum_copy_trees(vl_ctx *ctx, vacuum_copy *copy)
{
    const vl_schema *schema = copy->schema;
    vl_tree_id id = 0;

    for (uint32_t i = 0; i < schema->table_count; i++) {
        const vl_table_def *def = schema->tables[i];

        if (def->object.type != VL_OBJECT_TABLE || def->object.rowid == 0 ||
            def->virtual_ast != NULL)
            continue;
        VL_TRY(vacuum_copy_table(ctx, copy, def, &id));
        vacuum_note_tree(copy, def->object.tree, id);
    }
    for (uint32_t i = 0; i < schema->index_count; i++) {
        const vl_index_def *def = schema->indexes[i];

        VL_TRY(vacuum_copy_index(ctx, copy, def->object.tree, &id));
        vacuum_note_tree(copy, def->object.tree, id);
    }
    return VELO_OK;
}

/* The tree that has taken the place of one; itself when none has. */
static int64_t
vacuum_new_tree(const vacuum_copy *copy, int64_t old_tree)
{
    for (uint32_t i = 0; i < copy->tree_count; i++)
        if (copy->old_trees[i] == (uint64_t)old_tree)
            return (int64_t)copy->new_trees[i];
    return old_tree;
}

/* Put the new tree of a primary key WITHOUT ROWID into the hidden column. */
static velo_status
vacuum_set_key_tree(vl_ctx *ctx, vacuum_copy *copy, vl_value *layout)
{
    const char *ids;
    uint64_t tree;
    char *text;

    if (layout->type != VL_TYPE_TEXT)
        return VELO_OK;
    text = vl_arena_alloc(&copy->arena, (size_t)layout->size + 1);
    if (text == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a row of the schema");
    memcpy(text, layout->as.data, layout->size);
    text[layout->size] = 0;
    ids = text;
    tree = vl_split_layout(&ids);
    if (tree == 0)
        return VELO_OK;
    return vl_make_layout(ctx, &copy->arena, (uint64_t)vacuum_new_tree(copy, (int64_t)tree), ids,
                          layout);
}

/* Write the row of sqlite_schema with its new tree: into the other database, or in its place. */
static velo_status
vacuum_put_object(vl_ctx *ctx, vacuum_copy *copy, vl_txn_table *to, int64_t rowid, vl_value *row)
{
    if (row[3].type == VL_TYPE_INTEGER)
        row[3].as.integer = vacuum_new_tree(copy, row[3].as.integer);
    VL_TRY(vacuum_set_key_tree(ctx, copy, &row[5]));
    if (copy->from != copy->to)
        return vl_rows_insert(ctx, copy->statement, to, rowid, row);
    return vl_rows_update(ctx, copy->statement, to, rowid, &vl_master_ids[3], &row[3], 3);
}

static velo_status
vacuum_copy_schema(vl_ctx *ctx, vacuum_copy *copy)
{
    vl_value row[VL_MASTER_COLUMNS];
    vl_txn_table *from;
    vl_txn_table *to;
    vl_row_scan scan;
    velo_status st;

    VL_TRY(vl_rows_open(ctx, copy->from->store, copy->from->master, &from));
    VL_TRY(vl_rows_open(ctx, copy->to->store, copy->to->master, &to));
    vl_row_scan_begin(&scan, from, &copy->view, (vl_rowid_range){INT64_MIN, INT64_MAX}, 0,
                      vl_master_ids, 0);
    st = vl_row_scan_next(ctx, &scan);
    while (st == VELO_OK && scan.leaf != NULL) {
        int64_t rowid = vl_row_scan_rowid(&scan, 0);
        int found;

        vl_row_scan_pause(&scan, 1);
        vl_arena_reset(&copy->arena);
        st = vl_rows_read(ctx, from, &copy->view, rowid, vl_master_ids, VL_MASTER_COLUMNS,
                          &copy->arena, row, &found);
        if (st == VELO_OK && found)
            st = vacuum_put_object(ctx, copy, to, rowid, row);
        if (st == VELO_OK)
            st = vl_row_scan_next(ctx, &scan);
    }
    vl_row_scan_end(&scan);
    return st;
}

/* Numbers of the database, for another one. */
static velo_status
vacuum_copy_meta(vl_ctx *ctx, const vacuum_copy *copy)
{
    static const vl_meta all[] = {VL_META_SCHEMA_VERSION, VL_META_USER_VERSION,
                                  VL_META_APPLICATION_ID, VL_META_JOURNAL_MODE};

    for (size_t i = 0; i < VL_ARRAY_COUNT(all); i++) {
        int64_t value;

        VL_TRY(vl_engine_read_meta(ctx, copy->from, &copy->view, all[i], &value));
        if (value != 0)
            VL_TRY(vl_engine_write_meta(ctx, copy->to, copy->statement, all[i], value));
    }
    return VELO_OK;
}

/* All of it, but what differs. */
static velo_status
vacuum_run_copy(vl_ctx *ctx, vacuum_copy *copy)
{
    size_t most = (size_t)copy->schema->table_count + copy->schema->index_count + 1;
    velo_status st;

    copy->old_trees = vl_alloc_array(ctx, 2 * most, sizeof *copy->old_trees);
    if (copy->old_trees == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list of trees");
    memset(copy->old_trees, 0, 2 * most * sizeof *copy->old_trees);
    copy->new_trees = copy->old_trees + most;
    vl_arena_init(&copy->arena, ctx->allocator, 0);
    vl_arena_init(&copy->row_arena, ctx->allocator, 0);
    st = vacuum_copy_trees(ctx, copy);
    if (st == VELO_OK)
        st = vacuum_copy_schema(ctx, copy);
    vl_arena_deinit(&copy->row_arena);
    vl_arena_deinit(&copy->arena);
    return st;
}

/* ---- INTO ---- */

/* The name of the file, in the statement's arena. */
static velo_status
vacuum_file_name(vl_ctx *ctx, velo_statement *statement, const char **name)
{
    const vl_ast *into = statement->tree->kid[1];
    size_t size = statement->sql_size - into->offset;
    char *sql = vl_arena_alloc(&statement->run_arena, size + 8);
    vl_value value;
    char *text;

    if (sql == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement");
    memcpy(sql, "SELECT ", 7);
    memcpy(sql + 7, statement->sql + into->offset, size);
    sql[7 + size] = '\0';
    VL_TRY(vl_run_value(ctx, statement, sql, 7 + size, &value));
    if (value.type != VL_TYPE_TEXT)
        return vl_fail(ctx, VELO_ERROR, "non-text filename");
    text = vl_arena_alloc(&statement->run_arena, (size_t)value.size + 1);
    if (text == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a path");
    memcpy(text, value.as.data, value.size);
    text[value.size] = '\0';
    *name = text;
    return VELO_OK;
}

/* Refuse a file that has something in it; *exists: there is an empty one. */
static velo_status
vacuum_check_file(vl_ctx *ctx, vl_io *io, const char *name, int *exists)
{
    uint64_t size = 0;
    vl_file *file;
    velo_status st;

    VL_TRY(vl_path_exists(ctx, io, name, exists));
    if (!*exists)
        return VELO_OK;
    VL_TRY(vl_file_open(ctx, io, name, 0, &file));
    st = vl_file_get_size(ctx, file, &size);
    vl_file_close(file);
    VL_TRY(st);
    return size > 0 ? vl_fail(ctx, VELO_ERROR, "output file already exists") : VELO_OK;
}

/* Fill the new database by one transaction. */
static velo_status
vacuum_fill(vl_ctx *ctx, vacuum_copy *copy)
{
    vl_statement statement;
    vl_session *session;
    velo_status st;

    VL_TRY(vl_session_create(ctx, copy->to->store, &session));
    vl_session_enter_call(session);
    vl_session_set_synchronous(session, VL_SYNCHRONOUS_OFF); /* closing makes it durable */
    st = vl_statement_begin(ctx, session, 1, &statement);
    if (st == VELO_OK) {
        copy->statement = &statement;
        st = vacuum_run_copy(ctx, copy);
        if (st == VELO_OK)
            st = vacuum_copy_meta(ctx, copy);
        if (st == VELO_OK)
            st = vl_statement_end(ctx, &statement);
        else
            vl_statement_fail(ctx, &statement);
    }
    copy->statement = NULL;
    vl_free(copy->old_trees);
    vl_session_leave_call(session);
    vl_session_destroy(session);
    return st;
}

/* Make the new database, fill it and close it, which makes it durable. */
static velo_status
vacuum_write(vl_ctx *ctx, vacuum_copy *copy, const char *name)
{
    velo_open_options options = {.size = sizeof options, .no_threads = 1};
    velo_status st, end;
    vl_error error;

    options.page_size = vl_cache_page_size(vl_store_cache(vl_txn_store_base(copy->from->store)));
    VL_TRY(vl_engine_open(ctx, name, &options, &copy->to));
    st = vacuum_fill(ctx, copy);
    error = ctx->error;
    end = vl_engine_close(ctx, copy->to);
    if (st == VELO_OK)
        return end;
    ctx->error = error;
    return st;
}

/* Delete a file of the database that could not be made, if it is there. */
static void
vacuum_delete(vl_ctx *ctx, vl_io *io, const char *name, const char *suffix)
{
    char path[VL_PATH_SIZE];
    int exists;

    if ((size_t)snprintf(path, sizeof path, "%s%s", name, suffix) >= sizeof path)
        return; /* then it could not be opened either */
    if (vl_path_exists(ctx, io, path, &exists) == VELO_OK && exists &&
        vl_path_delete(ctx, io, path) != VELO_OK)
        vl_log_write(ctx->log, VL_LOG_WARNING, ctx->error.code,
                     "what VACUUM INTO has left could not be deleted: %s", ctx->error.text);
}

static velo_status
vacuum_into(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    vacuum_copy copy = {.from = vl_prepared_engine(statement),
                        .view = vl_prepared_txn(statement)->view,
                        .schema = vl_prepared_schema(statement),
                        .interrupt = &connection->interrupt};
    const char *name = NULL;
    vl_error error;
    velo_status st;
    int exists;

    VL_TRY(vacuum_file_name(ctx, statement, &name));
    VL_TRY(vacuum_check_file(ctx, copy.from->io, name, &exists));
    st = vacuum_write(ctx, &copy, name);
    if (st == VELO_OK || (exists && copy.to == NULL) || vl_status_primary(st) == VELO_BUSY)
        return st; /* nothing of ours is there, or it may be somebody else's */
    error = ctx->error;
    vacuum_delete(ctx, copy.from->io, name, "");
    vacuum_delete(ctx, copy.from->io, name, "-wal");
    ctx->error = error;
    return st;
}

/* ---- in place ---- */

/* Make the database's schema anew: objects are where they were not. */
static velo_status
vacuum_make_schema(vl_ctx *ctx, velo_statement *statement)
{
    vl_database *database = vl_prepared_database(statement);
    vl_schema *schema;
    vl_schema *shared;

    VL_TRY(vl_database_make_schema(ctx, database, vl_prepared_txn(statement), &schema, &shared));
    vl_database_set_schema(database, schema, shared);
    return VELO_OK;
}

static velo_status
vacuum_in_place(vl_ctx *ctx, velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    vacuum_copy copy = {.from = vl_prepared_engine(statement),
                        .view = vl_prepared_txn(statement)->view,
                        .schema = vl_prepared_schema(statement),
                        .to = vl_prepared_engine(statement),
                        .statement = vl_prepared_txn(statement),
                        .interrupt = &connection->interrupt};
    velo_status st = vacuum_run_copy(ctx, &copy);

    for (uint32_t i = 0; st == VELO_OK && i < copy.tree_count; i++)
        st = vl_txn_drop_tree(ctx, vl_prepared_txn(statement), copy.old_trees[i]);
    vl_free(copy.old_trees);
    return st == VELO_OK ? vacuum_make_schema(ctx, statement) : st;
}

/* ---- both ---- */

velo_status
vl_vacuum_run(vl_ctx *ctx, velo_statement *statement)
{
    const vl_ast *schema = statement->tree->kid[0];

    if (vl_session_is_in_transaction(statement->connection->session))
        return vl_fail(ctx, VELO_ERROR, "cannot VACUUM from within a transaction");
    if (statement->connection->active_count > 1)
        return vl_fail(ctx, VELO_ERROR, "cannot VACUUM - SQL statements in progress");
    if (schema != NULL &&
        vl_database_find(statement->connection, schema->text, schema->text_size) < 0)
        return vl_fail(ctx, VELO_ERROR, "unknown database %.*s", (int)schema->text_size,
                       schema->text);
    return statement->tree->kid[1] != NULL ? vacuum_into(ctx, statement)
                                           : vacuum_in_place(ctx, statement);
}

int
vl_vacuum_is_in_place(const vl_ast *tree)
{
    return tree->type == VL_AST_VACUUM && tree->kid[1] == NULL;
}

velo_status
vl_vacuum_finish(vl_ctx *ctx, vl_database *database)
{
    vl_txn_store *store = database->engine->store;

    VL_TRY(vl_txn_store_collect(ctx, store)); /* drops the old trees, if nobody needs them */
    return vl_store_compact(ctx, vl_txn_store_base(store));
}
