/* api_int.h - what is behind connections and statements.
 *
 *     engine       one open database of the process: store, newest schema      engine.c
 *     connection   one user of it: session, transaction, settings              connection.c
 *     statement    text, plan, execution, row at hand                          statement.c
 *
 * The schema. The texts of all objects are rows of the tree `master`, which is what SQL sees as
 * sqlite_schema; numbers that belong to the database (its schema's version among them) are rows of
 * the tree `meta`. Both are made with the database. A vl_schema is built from the rows, once per
 * version: the engine has the newest committed one. A transaction has the one that fits its
 * snapshot (transaction.c), or a private one after it has changed it.
 *
 * Latches: VL_RANK_API guards the list of engines, an engine's `latch` its schema. */
#ifndef VL_API_API_INT_H
#define VL_API_API_INT_H

#include "base/ctx.h"
#include "base/latch.h"
#include "catalog/schema.h"
#include "exec/exec.h"
#include "exec/source.h"
#include "func/registry.h"
#include "os/io.h"
#include "sql/ast.h"
#include "sql/parse.h"
#include "sql/plan.h"
#include "sql/plan_make.h"
#include "txn/txn.h"
#include "txn/txn_rows.h"
#include "velocidb.h"

/* Columns of the tree master: those of sqlite_schema, and one that is hidden (schema_build.h). */
#define VL_MASTER_COLUMNS 6U
extern const uint32_t vl_master_ids[VL_MASTER_COLUMNS];

/* Rows of the tree meta: what the row's only column holds. */
typedef enum vl_meta {
    VL_META_SCHEMA_VERSION = 1, /* grows with each change of the schema */
    VL_META_USER_VERSION = 2,   /* PRAGMA user_version */
    VL_META_APPLICATION_ID = 3, /* PRAGMA application_id */
    VL_META_JOURNAL_MODE = 4    /* 1: "wal" was asked for (31, item 36) */
} vl_meta;

typedef struct vl_engine vl_engine;

struct vl_engine {
    vl_engine *next;     /* list of open files; guarded by VL_RANK_API */
    uint32_t references; /* connections; guarded by VL_RANK_API */
    vl_file_id id;       /* of the file */
    int is_memory;       /* no file; not in the list, with one connection, if it has no name */
    char *path;          /* as first opened, full; in memory its name, or NULL */
    vl_io *io;           /* shared by all engines */
    vl_txn_store *store; /* the database */
    vl_tree_id master;   /* see above; immutable */
    vl_tree_id meta;     /* see above; immutable */

    vl_latch latch;                /* of the following */
    vl_schema *schema;             /* newest committed one, a reference */
    int is_committing;             /* a transaction that changed the schema is being committed */
    velo_connection *ddl_owner;    /* whose transaction changes the schema, or NULL */
    uint32_t writer_count;         /* connections whose transaction writes */
    uint32_t long_writer_count;    /* those of them that said BEGIN */
    _Atomic uint64_t data_version; /* grows with each commit that changed something */
};

/* A SAVEPOINT. */
typedef struct vl_savepoint {
    char *name;
    vl_txn_mark mark;
    vl_schema *schema;       /* the connection's then, a reference or NULL */
    int has_ddl;             /* likewise */
    int is_transaction;      /* it began the transaction */
    vl_exec_foreign foreign; /* the connection's then */
    struct vl_savepoint *older;
} vl_savepoint;

struct velo_connection {
    vl_ctx ctx;
    vl_engine *engine;          /* NULL: opening failed */
    vl_session *session;        /* see engine */
    velo_statement *statements; /* all, newest first */
    velo_status code;           /* of the last call */
    int is_read_only;
    int is_writer;          /* counts in engine->writer_count */
    int is_long_writer;     /* counts in engine->long_writer_count */
    uint32_t writing_count; /* statements that write, between first step and end */
    int has_ddl;            /* its transaction has changed the schema: `schema` is private */
    vl_schema *schema;      /* of the open transaction, a reference; NULL: none is pinned */
    vl_savepoint *savepoints;
    vl_exec_tally tally; /* changes and the last rowid */
    int64_t busy_ms;
    int64_t now_ms;            /* of the statement at work: Julian milliseconds; 0: not asked yet */
    _Atomic int interrupt;     /* not 0: the call at work is to stop */
    vl_timestamp snapshot_ts;  /* of the newest snapshot that a statement began with */
    vl_timestamp commit_ts;    /* of the last commit that engine->data_version counts */
    uint64_t snapshot_version; /* engine->data_version when that was taken, or before */
    uint32_t active_count;     /* statements between first step and end, those that write too */
    int synchronous;           /* vl_synchronous */
    int has_foreign_keys;      /* PRAGMA foreign_keys: they are enforced */
    vl_exec_foreign foreign;   /* what they have counted in the open transaction */
    int cache_size;            /* PRAGMA cache_size: remembered */
    int query_only;
    int recursive_triggers;        /* PRAGMA recursive_triggers */
    vl_func_environment functions; /* with this connection as its user */
    vl_schema *told_schema;        /* texts of velo_find_column are in it; a reference, or NULL */
    vl_func_set *function_set;     /* those of the application, or NULL */
    velo_statement *running;       /* the innermost one that is being stepped, or NULL */
    struct vl_call_state *states;  /* memory of aggregates whose final was not called yet */
    struct vl_auxiliary *auxiliaries; /* what functions keep with constant arguments */
    vl_change_hook update_hook;       /* see exec.h */
    int (*commit_hook)(void *user);   /* or NULL */
    void *commit_user;
    void (*rollback_hook)(void *user); /* or NULL */
    void *rollback_user;
    int (*progress)(void *user); /* or NULL */
    void *progress_user;
    uint64_t progress_steps; /* 0: none */
    uint64_t progress_seen;  /* steps of beginnings of runs that were not told of yet */
    void (*trace)(void *user, velo_trace_event event, velo_statement *statement, int64_t ns);
    void *trace_user;
    unsigned trace_events;              /* of velo_trace_event; 0: none */
    int (*busy)(void *user, int count); /* busy handler, or NULL */
    void *busy_user;

    uint32_t backup_count; /* backups that read it */
};

/* A value of the row at hand as the application last asked for it (31, item 35). */
typedef struct vl_cell {
    const char *text; /* with a zero byte; NULL: not asked for yet */
    uint32_t size;    /* bytes of it */
    uint8_t has_text;
} vl_cell;

/* A value that an application holds. Its conversions are allocated in `arena`. */
struct velo_value {
    vl_value value;
    vl_cell cell;
    vl_arena *arena;
};

typedef enum vl_statement_state {
    VL_STATEMENT_READY, /* to be stepped for the first time */
    VL_STATEMENT_ROW,   /* has a row */
    VL_STATEMENT_DONE,  /* through: the next step begins anew */
    VL_STATEMENT_FAILED /* likewise */
} vl_statement_state;

/* Rows that are made all at once: by a statement that is no query (PRAGMA, EXPLAIN), or by a PRAGMA
 * that is called as a function. */
typedef struct vl_made_rows {
    uint32_t column_count;
    const char *const *names; /* static, or in the statement's arena */
    vl_value *values;         /* row_count * column_count of them, in an arena of the run */
    uint32_t row_count;
    uint32_t capacity;
    uint32_t at;
} vl_made_rows;

struct velo_statement {
    velo_connection *connection;
    velo_statement *next; /* of the connection */
    velo_statement *prev;
    char *sql; /* own copy; the plan points into it */
    size_t sql_size;
    vl_arena arena;     /* tree, plan and bodies */
    vl_arena run_arena; /* what one run makes in the layer here */
    vl_arena row_arena; /* converted values of the row at hand */
    const vl_ast *tree;
    vl_plan *plan;
    struct vl_prepared_body *bodies; /* of the triggers that it can fire, as far as they are made */
    vl_exec_tally tally;             /* of the connection, when the run began */
    vl_exec_foreign foreign;         /* likewise */
    int has_foreign_keys;            /* the plan enforces them */
    vl_schema *schema;               /* the plan's, a reference */
    vl_exec *exec;                   /* NULL: OTHER */
    vl_statement txn;                /* while is_open */
    int is_open;                     /* txn has begun */
    vl_statement_state state;
    velo_status last;     /* what the last step returned */
    int has_returned_row; /* in this run */
    const vl_value *row;
    vl_cell *cells; /* column_count of them */
    uint32_t column_count;
    uint32_t param_count;
    vl_value *params;
    void **copies;     /* of each parameter the copy of its bytes, or NULL */
    int is_writing;    /* it counts in connection->writing_count */
    void *user;        /* the application's */
    int64_t began_ns;  /* when the run began, if its end is traced */
    int is_traced;     /* the run's end is to be told */
    int is_stale;      /* functions have changed: the plan is to be made anew */
    int is_expired;    /* what it reads was undone with its schema: it must not go on */
    vl_made_rows made; /* OTHER */
    vl_source source;  /* what exec reads tables through, while is_open */

    velo_backup *backup; /* it stands for a backup's writing (backup.c), or NULL */
};

/* ---- engine.c ---- */

/* Find or open the engine of a path. NULL: a new one in memory. */
velo_status vl_engine_open(vl_ctx *ctx, const char *path, const velo_open_options *options,
                           vl_engine **out) VL_MUST_CHECK;

/* Drop a reference; the last one closes the database. */
velo_status vl_engine_close(vl_ctx *ctx, vl_engine *engine);

/* The newest committed schema, with a reference. */
vl_schema *vl_engine_schema(vl_engine *engine);

/* Build the schema that a view sees. */
velo_status vl_engine_read_schema(vl_ctx *ctx, vl_engine *engine, const vl_view *view,
                                  vl_schema **out) VL_MUST_CHECK;

/* A number of the tree meta, 0 when it was never set. */
velo_status vl_engine_read_meta(vl_ctx *ctx, vl_engine *engine, const vl_view *view, vl_meta which,
                                int64_t *value) VL_MUST_CHECK;
velo_status vl_engine_write_meta(vl_ctx *ctx, vl_engine *engine, vl_statement *statement,
                                 vl_meta which, int64_t value) VL_MUST_CHECK;

/* ---- transaction.c ---- */

/* Carry out BEGIN, COMMIT, ROLLBACK, SAVEPOINT or RELEASE. */
velo_status vl_connection_control(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
    VL_MUST_CHECK;

/* Begin a statement's transaction part, and find the schema that fits its snapshot: *schema
 * receives it, with a reference.
 *
 * is_writing  it may change something
 * is_ddl      it changes the schema: no other connection writes meanwhile */
velo_status vl_connection_enter(vl_ctx *ctx, velo_connection *connection, vl_statement *statement,
                                int is_writing, int is_ddl, vl_schema **schema) VL_MUST_CHECK;

/* End it: `st` is what the statement came to. OK: ended, and committed outside of a transaction; an
 * error: undone as `resolution` says. is_writing: it counts among those that write. Returns `st`,
 * or the error of ending. */
velo_status vl_connection_leave(vl_ctx *ctx, velo_connection *connection, vl_statement *statement,
                                int is_writing, velo_status st, vl_conflict resolution)
    VL_MUST_CHECK;

/* A writing statement stays open until the application goes on: others do not wait for it without
 * an end. */
void vl_connection_linger(velo_connection *connection);

/* Put a schema that this transaction has made in the place of the one before; takes the reference.
 */
void vl_connection_set_schema(velo_connection *connection, vl_schema *schema);

/* Roll back whatever is open. */
void vl_connection_roll_back(vl_ctx *ctx, velo_connection *connection);

/* ---- ddl_run.c, pragma.c, explain ---- */

/* Carry out a statement that is neither query nor change of rows. */
velo_status vl_prepared_run_other(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* The names and number of columns that such a statement will have, when it is prepared. */
velo_status vl_prepared_describe_other(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* Carry out CREATE, DROP or ALTER: ddl_run.c. */
velo_status vl_ddl_run(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* EXPLAIN: the columns of its answer, and the answer: explain.c. */
velo_status vl_explain_describe(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;
velo_status vl_explain_run(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* Run a text without results inside of an open writing statement, by the given schema: nested.c. */
velo_status vl_run_nested(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *sql,
                          size_t size) VL_MUST_CHECK;

/* The text of the hidden column of sqlite_schema (schema_build.h): the tree of a primary key, 0:
 * none, and ids, NULL: none; in the arena. vl_split_layout takes it apart: it returns the tree, and
 * *ids becomes what is behind it. */
velo_status vl_make_layout(vl_ctx *ctx, vl_arena *arena, uint64_t key_tree, const char *ids,
                           vl_value *to) VL_MUST_CHECK;
uint64_t vl_split_layout(const char **ids);

/* Tell what is wrong with indexes of any table, as the statement sees it: verify.c. */
velo_status vl_verify_tables(vl_ctx *ctx, velo_statement *statement, vl_exec_fault *tell,
                             void *argument) VL_MUST_CHECK;

/* DROP TABLE with foreign keys: delete its rows with all that this does to others. Errors:
 * VELO_CONSTRAINT_FOREIGNKEY. */
velo_status vl_delete_dropped(vl_ctx *ctx, velo_statement *outer, const vl_table_def *table)
    VL_MUST_CHECK;

/* Write a name in double quotes, with at most 2 * size + 2 bytes. Returns how many. */
size_t vl_put_name(char *to, const char *name);

/* Make a text of a name, in double quotes, between two others; it has a zero byte behind. NULL: no
 * memory, which is recorded. */
char *vl_text_with_name(vl_ctx *ctx, vl_arena *arena, const char *before, const char *name,
                        const char *behind, size_t *size);

/* A text that is borrowed, or NULL, as a value. */
vl_value vl_value_of_name(const char *text);

/* Make an entry of each row of its table in an index that is empty: nested.c. */
velo_status vl_fill_index(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *name)
    VL_MUST_CHECK;

/* Check that all rows of a table keep its constraints, and whether it has any row: nested.c. */
velo_status vl_check_rows(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *table)
    VL_MUST_CHECK;
velo_status vl_has_row(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *table,
                       int *found) VL_MUST_CHECK;

/* Write a table's rows anew into the tree that it has in the given schema, from that of `old`:
 * nested.c. */
velo_status vl_rewrite_rows(vl_ctx *ctx, velo_statement *outer, vl_schema *schema,
                            const vl_table_def *old, const vl_leaf_schema *columns) VL_MUST_CHECK;

/* Count a table, or one index of it, into sqlite_stat1: analyze.c.
 *
 * schema  has the tables; index_name may be NULL: all indexes, and the table */
velo_status vl_analyze_table(vl_ctx *ctx, velo_statement *statement, vl_schema *schema,
                             const char *name, const char *index_name) VL_MUST_CHECK;

/* Run a query inside of an open statement, with its parameters: the first value of its first row,
 * in the statement's arena; NULL without a row: nested.c. */
velo_status vl_run_value(vl_ctx *ctx, velo_statement *outer, const char *sql, size_t size,
                         vl_value *value) VL_MUST_CHECK;

/* VACUUM: vacuum.c. Whether a statement is one without INTO; carry out one of either kind; and what
 * is left to do after the commit of one without INTO. */
int vl_vacuum_is_in_place(const vl_ast *tree);
velo_status vl_vacuum_run(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;
velo_status vl_vacuum_finish(vl_ctx *ctx, velo_connection *connection) VL_MUST_CHECK;

/* Whether a PRAGMA changes the database. */
int vl_pragma_writes(const vl_ast *tree);

/* ---- pragma_func.c ---- */

/* vl_plan_env.find_table_func: pragma_table_info and the like. They are called for the statement,
 * vl_exec_env.table_func_user. */
int vl_pragma_find_function(const void *arg, const char *name, size_t size,
                            vl_plan_table_func *found);

/* ---- statement.c ---- */

/* Append a row of made->column_count values; the row and its texts go to the arena, the same for
 * all rows. */
velo_status vl_made_add(vl_ctx *ctx, vl_made_rows *made, vl_arena *arena, const vl_value *values)
    VL_MUST_CHECK;

/* Make the plan of the statement's tree by a schema. */
velo_status vl_prepared_plan(vl_ctx *ctx, velo_statement *statement, vl_schema *schema)
    VL_MUST_CHECK;

/* vl_exec_env.find_body: `user` is the statement. */
velo_status vl_prepared_find_body(vl_ctx *ctx, void *user, const vl_action *action,
                                  const vl_body **body);

/* Fail: a foreign key is violated. Returns its code. */
velo_status vl_foreign_fail(vl_ctx *ctx);

/* Make a plan of a tree without parameters. functions: of the connection, or NULL. */
velo_status vl_plan_by_schema(vl_ctx *ctx, vl_arena *arena, const vl_ast *tree, const char *sql,
                              vl_schema *schema, const vl_func_set *functions, vl_plan **plan)
    VL_MUST_CHECK;

/* ---- value.c ---- */

/* The value as text with a zero byte behind, in the arena, made once for each cell. NULL: it is
 * NULL, or there is no memory. */
const vl_cell *vl_value_cell(vl_arena *arena, const vl_value *value, vl_cell *cell);

/* ---- call.c ---- */

/* A run of a statement has ended: end aggregates that it gave up, and drop what functions kept. */
void vl_calls_end_run(velo_statement *statement);

/* ---- hooks.c ---- */

/* A run of a statement begins: errors  VELO_INTERRUPT: the progress hook ends it */
velo_status vl_hooks_begin_run(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* It has a row; it has ended, if it had begun. */
void vl_hooks_row(velo_statement *statement);
void vl_hooks_end_run(velo_statement *statement);

/* A transaction that writes is about to be committed. errors  VELO_CONSTRAINT_COMMITHOOK: it must
 * not
 */
velo_status vl_hooks_commit(vl_ctx *ctx, velo_connection *connection) VL_MUST_CHECK;

/* It was rolled back. */
void vl_hooks_rollback(velo_connection *connection);

/* All plans are to be made anew before the next run: they or their executions hold what has
 * changed. */
void vl_connection_expire_statements(velo_connection *connection);

/* ---- functions.c ---- */

/* vl_plan_env.find_func: `arg` is the vl_func_set of the connection, or NULL. */
vl_plan_found vl_functions_find(const void *arg, const char *name, size_t size, uint32_t count,
                                vl_plan_func *found);

/* ---- connection.c ---- */

/* Exchange the databases of two connections, both of which have nothing at work; what is prepared
 * is to be made anew. The first one's is read-only from now on, or not. */
void vl_connection_swap(velo_connection *connection, velo_connection *other, int is_read_only);

/* Begin a public call: forget the error before. End it: keep the code, and return it. */
vl_ctx *vl_connection_begin_call(velo_connection *connection);
velo_status vl_connection_end_call(velo_connection *connection, velo_status st);

#endif
