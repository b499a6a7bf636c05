/* api_int.h - what is behind connections and statements.
 *
 *     engine       one open database of the process: store, newest schema      engine.c
 *     connection   one user of some: transaction, settings                     connection.c
 *     database     one of those that it uses: session, schema                  database.c
 *     statement    text, plan, execution, row at hand                          statement.c
 *     part         what a statement has open of one database                   part.c
 *
 * Databases. A connection has a list of them: main is number 0, temp 1, those of ATTACH follow. The
 * temporary one is an engine of its own, in memory, which is made when something first needs it.
 * Engines know their schema by the name "main" (the temporary one: "temp"); a database of another
 * name has schemas of its own, built from the same rows, since names in schemas say where tables
 * are. All sessions of a connection have one node in the graph of who waits for whom.
 *
 * The schema. The texts of all objects are rows of the tree `master`, which is what SQL sees as
 * sqlite_schema; numbers that belong to the database (its schema's version among them) are rows of
 * the tree `meta`. Both are made with the database. A vl_schema is built from the rows, once per
 * version: the engine has the newest committed one. A transaction has the one that fits its
 * snapshot (part.c), or a private one after it has changed it.
 *
 * Latches: VL_RANK_API guards the list of engines, an engine's `latch` its schema. */
#ifndef VL_API_API_INT_H
#define VL_API_API_INT_H

#include "base/collation.h"
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

/* Numbers of databases of a connection. */
enum {
    VL_DATABASE_MAIN = 0,
    VL_DATABASE_TEMP = 1,
    VL_DATABASE_ATTACHED = 2 /* the first of them */
};

/* Databases that a connection can have, and attach. */
#define VL_DATABASES_MAX VL_PLAN_SCHEMAS_MAX
#define VL_ATTACHED_MAX  (VL_DATABASES_MAX - VL_DATABASE_ATTACHED)

typedef struct vl_engine vl_engine;
typedef struct vl_database vl_database;

struct vl_engine {
    vl_engine *next;     /* list of open files; guarded by VL_RANK_API */
    uint32_t references; /* connections; guarded by VL_RANK_API */
    vl_file_id id;       /* of the file */
    int is_memory;       /* no file; not in the list, with one connection, if it has no name */
    char *path;          /* as first opened, full; in memory its name, or NULL */
    vl_io *io;           /* shared by all engines */
    vl_txn_store *store; /* the database */
    const char *name;    /* in its schemas: "main" or "temp" */
    vl_tree_id master;   /* see above; immutable */
    vl_tree_id meta;     /* see above; immutable */

    vl_latch latch;                /* of the following */
    vl_schema *schema;             /* newest committed one, a reference */
    int is_committing;             /* a transaction that changed the schema is being committed */
    vl_database *ddl_owner;        /* whose transaction changes the schema, or NULL */
    uint32_t writer_count;         /* databases of connections whose transaction writes */
    uint32_t long_writer_count;    /* those of them that said BEGIN */
    _Atomic uint64_t data_version; /* grows with each commit that changed something */
};

/* A SAVEPOINT. Each database with an engine has a vl_saved for it. */
typedef struct vl_savepoint {
    char *name;
    int is_transaction;      /* it began the transaction */
    vl_exec_foreign foreign; /* the connection's then */
    struct vl_savepoint *older;
} vl_savepoint;

/* What a database was at a savepoint. */
typedef struct vl_saved {
    struct vl_saved *older; /* of the savepoint before */
    vl_txn_mark mark;
    vl_schema *schema; /* the database's then, a reference or NULL */
    vl_schema *shared; /* likewise */
    int has_ddl;       /* likewise */
} vl_saved;

/* A database that a connection uses. */
struct vl_database {
    velo_connection *connection;
    char *name;               /* "main", "temp", or that of ATTACH */
    vl_engine *engine;        /* NULL: temp, which nothing needed yet */
    vl_session *session;      /* see engine */
    int is_read_only;         /* as it was opened */
    int is_writer;            /* counts in engine->writer_count */
    int is_long_writer;       /* counts in engine->long_writer_count */
    int is_checked;           /* the transaction writes by the newest schema, and found that out */
    uint32_t writing_count;   /* statements that write it, between first step and end */
    uint32_t active_count;    /* statements that have it open, those that write too */
    uint32_t backup_count;    /* backups that read it, from their beginning to their end */
    const char *journal_mode; /* PRAGMA journal_mode: remembered, a constant; or NULL */
    int is_log_due;           /* a commit has changed it: log_hook is to be told */
    int is_mode_change;       /* its statement changes nothing but how the log is called: log_hook
                                 is not told, as in SQLite */
    int has_ddl;              /* the transaction has changed its schema: `schema` is private */
    vl_schema *schema;        /* of the open transaction, a reference; NULL: none is pinned */
    vl_schema *shared;        /* has_ddl: the same by the engine's name; NULL: `schema` itself */
    vl_schema *named;         /* a committed schema by this name, a reference, and... */
    vl_schema *named_of; /* ... that of the engine that it is of, a reference; NULL: none yet */
    vl_saved *saved;     /* for each savepoint one, newest first */
    vl_txn_mark begin;   /* in a transaction: its begin */
    vl_timestamp snapshot_ts;  /* of the newest snapshot that a statement began with */
    vl_timestamp commit_ts;    /* of the last commit that engine->data_version counts */
    uint64_t snapshot_version; /* engine->data_version when that was taken, or before */
    vl_statement *own; /* the statement whose end commits, while it is open and nobody said BEGIN;
                          else NULL */
};

/* PRAGMAs that are remembered only: pragma_echo.c. */
#define VL_PRAGMA_ECHOES 23

struct velo_connection {
    vl_ctx ctx;
    uint32_t fork_count; /* vl_fork_count when it was opened */
    vl_engine *engine;   /* of main, as in databases[0]; NULL: opening failed */
    vl_session *session; /* of main: its transaction is that of the connection */
    vl_database main;    /* databases[VL_DATABASE_MAIN] */
    vl_database temp;    /* databases[VL_DATABASE_TEMP] */
    vl_database *databases[VL_DATABASES_MAX]; /* database_count of them */
    uint32_t database_count;
    uint64_t epoch;             /* grows when names of databases change: plans are made anew */
    velo_statement *statements; /* all, newest first */
    velo_status code;           /* of the last call */
    velo_open_options options;  /* as main was opened: for those of ATTACH; without memory_name */
    uint32_t writing_count;     /* statements that write, between first step and end */
    vl_savepoint *savepoints;
    uint32_t attached_max;         /* databases that it may attach */
    velo_attach_hook *attach_hook; /* or NULL */
    void *attach_user;
    vl_exec_tally tally; /* changes and the last rowid */
    uint64_t swap_count; /* times it took another database: blob handles of before are expired */
    int64_t busy_ms;
    int64_t now_ms;          /* of the statement at work: Julian milliseconds; 0: not asked yet */
    _Atomic int interrupt;   /* not 0: the call at work is to stop */
    uint32_t active_count;   /* statements between first step and end, those that write too */
    int synchronous;         /* vl_synchronous */
    int has_foreign_keys;    /* PRAGMA foreign_keys: they are enforced */
    vl_exec_foreign foreign; /* what they have counted in the open transaction */
    int cache_size;          /* PRAGMA cache_size: remembered */
    int temp_store;          /* PRAGMA temp_store: remembered */
    int ignores_checks;      /* PRAGMA ignore_check_constraints */
    int64_t pragma_echoes[VL_PRAGMA_ECHOES]; /* what pragma_echo.c remembers */
    int query_only;
    int writable_schema;           /* PRAGMA writable_schema: see vl_ddl_input.may_reserve */
    int is_defensive;              /* velo_set_defensive */
    int has_no_triggers;           /* velo_enable_triggers: none is fired but those of temp */
    int recursive_triggers;        /* PRAGMA recursive_triggers */
    int is_plain;                  /* tests: statements have no fast ways (exec/exec.h) */
    vl_func_environment functions; /* with this connection as its user */
    vl_schema *told_schema;        /* texts of velo_find_column are in it; a reference, or NULL */
    vl_func_set *function_set;     /* those of the application, or NULL */
    vl_collators collators;        /* likewise; needed: collation.c */
    void (*collation_needed)(void *user, velo_connection *connection, const char *name); /* or NULL
                                                                                          */
    void *collation_user;
    velo_statement *running;          /* the innermost one that is being stepped, or NULL */
    struct vl_call_state *states;     /* memory of aggregates whose final was not called yet */
    struct vl_auxiliary *auxiliaries; /* what functions keep with constant arguments */
    struct vl_pointer *pointers;      /* that pass through SQL: pointer.c */
    int (*authorizer)(void *user, velo_action action, const char *first, const char *second,
                      const char *database, const char *inner); /* or NULL */
    void *authorizer_user;
    void (*log_hook)(void *user, const char *database, uint64_t log_bytes); /* or NULL */
    void *log_user;
    int is_log_due;          /* a database has is_log_due */
    uint32_t argument_limit; /* of a call in SQL; 0: the engine's own */
    void (*row_change)(void *user, velo_row_change *change); /* or NULL */
    void *row_change_user;
    vl_change_hook update_hook;     /* see exec.h */
    int (*commit_hook)(void *user); /* or NULL */
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
    struct vl_module *modules;           /* virtual_int.h: newest first */
    struct vl_instance *instances;       /* virtual tables that are connected */
    struct vl_instance *virtual_writers; /* those that are part of the open transaction */
    struct vl_declaring *declaring;      /* the table that a module is making; NULL: none */
    char *virtual_error;                 /* words of a module's failure, or NULL */
    vl_conflict virtual_conflict;        /* of the change that a module is making */
    uint32_t depth; /* calls that run a statement: more than one: a callback does */

    uint32_t backup_count; /* backups that read one of its databases */
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
    const struct vl_virtual_argument *list; /* of an argument that takes a list; else NULL */
    uint32_t list_at;                       /* the next of its values */
    velo_value *list_value;                 /* the one at hand */
    int is_parameter;                       /* of a call: the argument is a parameter */
    int is_unchanged;                       /* of `update`: velo_value_is_unchanged */
    const struct vl_pointer *pointer;       /* of a call: that the NULL leads to, or NULL */
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

/* What a statement has open of one database. */
typedef struct vl_part {
    vl_database *database;
    vl_statement txn; /* while is_open */
    int is_open;      /* txn has begun */
    int is_writing;   /* it may change something */
} vl_part;

/* Which databases a statement needs, by their numbers: sets of 1 << number. */
typedef struct vl_needs {
    uint32_t reads;  /* those that it writes too */
    uint32_t writes; /* see reads */
    uint32_t ddl;    /* of those: whose schema it changes */
} vl_needs;

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
    vl_schema *schemas[VL_DATABASES_MAX]; /* the plan's by number, references; all or none */
    uint32_t schema_count;                /* databases when the plan was made; 0: there is none */
    uint64_t epoch;                       /* of the connection, then */
    uint32_t reads;                       /* databases whose tables the plan and its bodies name */
    uint32_t writes;                      /* those of them that they change */
    vl_exec *exec;                        /* NULL: OTHER */
    vl_part first;                        /* parts, when there is one */
    vl_part *parts;                       /* by number, part_count of them, while is_open */
    uint32_t part_count;
    uint32_t part_room; /* of an array of its own; 0: `first` it is */
    uint32_t target;    /* OTHER: number of the database that it is about */
    int is_open;        /* its parts have begun */
    vl_statement_state state;
    velo_status last;     /* what the last step returned */
    int has_returned_row; /* in this run */
    const vl_value *row;
    vl_cell *cells; /* column_count of them */
    uint32_t column_count;
    uint32_t param_count;
    vl_value *params;
    const vl_value *many;    /* the parameters of many_count rows, in their place, or NULL */
    uint32_t many_count;     /* see vl_run_rows */
    void **copies;           /* of each parameter the copy of its bytes, or NULL */
    int is_writing;          /* it counts in connection->writing_count */
    void *user;              /* the application's */
    int64_t began_ns;        /* when the run began, if its end is traced */
    int is_traced;           /* the run's end is to be told */
    int explain;             /* velo_statement_set_explain: 1 + what was asked for; 0: nothing */
    int is_stale;            /* functions have changed: the plan is to be made anew */
    int is_profiled;         /* EXPLAIN ANALYZE runs it: what its operators do is counted */
    int is_expired;          /* what it reads was undone with its schema: it must not go on */
    vl_exec_work work;       /* of executions before the one that is there */
    uint64_t plan_count;     /* see velo_statement_statistics */
    uint64_t run_count;      /* likewise */
    uint64_t row_count;      /* likewise */
    vl_made_rows made;       /* OTHER */
    vl_source source;        /* what exec reads tables through, while is_open */
    vl_source_other *others; /* what it has of others than main: in the plan's arena */
    struct vl_instance_use *virtuals; /* that the plan refers to */

    velo_backup *backup; /* it stands for a backup's writing (backup.c), or NULL */
};

/* What an open OTHER statement has of the database that it is about. */
static inline vl_database *
vl_prepared_database(const velo_statement *statement)
{
    return statement->connection->databases[statement->target];
}

static inline vl_engine *
vl_prepared_engine(const velo_statement *statement)
{
    return vl_prepared_database(statement)->engine;
}

static inline vl_statement *
vl_prepared_txn(const velo_statement *statement)
{
    return &statement->parts[statement->target].txn;
}

/* Whether a statement has a database open. */
static inline int
vl_prepared_has_part(const velo_statement *statement, uint32_t number)
{
    return number < statement->part_count && statement->parts[number].is_open;
}

static inline vl_schema *
vl_prepared_schema(const velo_statement *statement)
{
    return statement->schemas[statement->target];
}

/* ---- engine.c ---- */

/* How often the process, as a child, has come out of fork() since VelociDB is in use. */
extern _Atomic uint32_t vl_fork_count;

/* Whether the connection is one of the parent, which must not be touched (EN3). */
static inline int
vl_connection_is_foreign(const velo_connection *connection)
{
    return connection->fork_count != atomic_load_explicit(&vl_fork_count, memory_order_relaxed);
}

/* Refuse to use one: VELO_MISUSE, with words. */
velo_status vl_connection_refuse(velo_connection *connection);

/* Find or open the engine of a path. NULL: a new one in memory. */
velo_status vl_engine_open(vl_ctx *ctx, const char *path, const velo_open_options *options,
                           vl_engine **out) VL_MUST_CHECK;

/* Make the engine of a connection's temporary database. */
velo_status vl_engine_open_temp(vl_ctx *ctx, const velo_open_options *options, vl_engine **out)
    VL_MUST_CHECK;

/* Drop a reference; the last one closes the database. */
velo_status vl_engine_close(vl_ctx *ctx, vl_engine *engine);

/* The newest committed schema, with a reference. */
vl_schema *vl_engine_schema(vl_engine *engine);

/* Build the schema that a view sees, of a database called `name`. */
velo_status vl_engine_read_schema(vl_ctx *ctx, vl_engine *engine, const char *name,
                                  const vl_view *view, vl_schema **out) VL_MUST_CHECK;

/* Build a committed schema by another name, outside of any statement. */
velo_status vl_engine_read_named(vl_ctx *ctx, vl_engine *engine, const char *name, vl_schema **out)
    VL_MUST_CHECK;

/* The schema of a temporary database that has nothing, borrowed: it is there as long as any engine.
 */
vl_schema *vl_engine_empty_temp(void);

/* A number of the tree meta, 0 when it was never set. */
velo_status vl_engine_read_meta(vl_ctx *ctx, vl_engine *engine, const vl_view *view, vl_meta which,
                                int64_t *value) VL_MUST_CHECK;
velo_status vl_engine_write_meta(vl_ctx *ctx, vl_engine *engine, vl_statement *statement,
                                 vl_meta which, int64_t value) VL_MUST_CHECK;

/* ---- transaction.c ---- */

/* Carry out BEGIN, COMMIT, ROLLBACK, SAVEPOINT or RELEASE. */
velo_status vl_connection_control(vl_ctx *ctx, velo_connection *connection, const vl_ast *tree)
    VL_MUST_CHECK;

/* Begin a statement's parts, in the order of numbers: statement->parts, which has room for all.
 * schemas receives, by number, those that fit the snapshots, with references; NULL: not opened. */
velo_status vl_connection_enter(vl_ctx *ctx, velo_statement *statement, const vl_needs *needs,
                                vl_schema **schemas) VL_MUST_CHECK;

/* End them: `st` is what the statement came to. OK: ended, and committed outside of a transaction,
 * one after the other; an error: undone as `resolution` says. is_writing: it counts among those
 * that write. Returns `st`, or the error of ending, which says so when some were committed and
 * others not. */
velo_status vl_connection_leave(vl_ctx *ctx, velo_statement *statement, int is_writing,
                                velo_status st, vl_conflict resolution) VL_MUST_CHECK;

/* End them as if they had not begun: nothing was done yet. */
void vl_connection_give_up(vl_ctx *ctx, velo_statement *statement, int is_writing);

/* A writing statement stays open until the application goes on: others do not wait for it without
 * an end. */
void vl_connection_linger(velo_connection *connection);

/* Roll back whatever is open. */
void vl_connection_roll_back(vl_ctx *ctx, velo_connection *connection);

/* Whether BEGIN or SAVEPOINT was said. */
static inline int
vl_connection_is_in_transaction(const velo_connection *connection)
{
    return vl_session_is_in_transaction(connection->session);
}

/* Make a database whose session was just made part of the transaction that is open, if there is
 * one. */
velo_status vl_database_join(vl_ctx *ctx, vl_database *database) VL_MUST_CHECK;

/* ---- part.c ---- */

/* Count the database among the writers of its engine, or make it the one that changes the schema,
 * waiting for others. Errors: VELO_READONLY, VELO_BUSY, VELO_INTERRUPT. And the end of that. */
velo_status vl_database_start_writing(vl_ctx *ctx, vl_database *database, int is_ddl) VL_MUST_CHECK;
void vl_database_stop_writing(vl_database *database);
void vl_database_linger(vl_database *database);

/* Run the statement of a writing part from its beginning by a new snapshot, which has what it met:
 * vl_statement_restart. */
velo_status vl_part_restart(vl_ctx *ctx, vl_part *part) VL_MUST_CHECK;

/* Begin a part, and find the schema that fits its snapshot. */
velo_status vl_part_begin(vl_ctx *ctx, vl_part *part, int is_writing, int is_ddl,
                          vl_schema **schema) VL_MUST_CHECK;

/* End a part, or give its changes up; outside of a transaction one that writes commits, or is
 * undone as a whole: vl_database_close is left to the caller then. */
velo_status vl_part_end(vl_ctx *ctx, vl_part *part) VL_MUST_CHECK;
void vl_part_fail(vl_ctx *ctx, vl_part *part);

/* A commit begins that may change the schema. */
void vl_database_begin_commit(vl_database *database);

/* It has failed, and the transaction is still open. */
void vl_database_fail_commit(vl_database *database);

/* The transaction is over in the database, in one way or another. */
void vl_database_close(vl_database *database, int has_committed);

/* Put a schema that the transaction has made in the place of the one before: by the database's name
 * and by the engine's (NULL: they are the same). Takes the references. */
void vl_database_set_schema(vl_database *database, vl_schema *schema, vl_schema *shared);

/* Drop the schema of the open transaction. */
void vl_database_forget_schema(vl_database *database);

/* Count a new version of the schema in the statement's target, and make it anew of what
 * sqlite_schema has now, by both names: see vl_database_set_schema. */
velo_status vl_database_make_schema(vl_ctx *ctx, vl_database *database, vl_statement *txn,
                                    vl_schema **schema, vl_schema **shared) VL_MUST_CHECK;

/* ---- attach.c ---- */

/* Carry out ATTACH and DETACH. */
velo_status vl_attach_run(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;
velo_status vl_detach_run(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* ---- database.c ---- */

/* Give a database an engine, whose reference is taken, and a session; on failure it has none. */
velo_status vl_database_start(vl_ctx *ctx, vl_database *database, vl_engine *engine) VL_MUST_CHECK;

/* Give back what a database holds; what its transaction has done is undone. */
void vl_database_stop(vl_ctx *ctx, vl_database *database);

/* Make main and temp of a connection that has an engine and a session. */
void vl_database_init_all(velo_connection *connection);

/* The number of a name; -1: there is none. */
int vl_database_find(const velo_connection *connection, const char *name, size_t size);

/* See that the temporary database has an engine. */
velo_status vl_database_need_temp(vl_ctx *ctx, velo_connection *connection) VL_MUST_CHECK;

/* The schemas by which names have a meaning now, by number, with references, into an array of
 * VL_DATABASES_MAX. Nothing is kept on failure. */
velo_status vl_database_get_schemas(vl_ctx *ctx, velo_connection *connection, vl_schema **schemas)
    VL_MUST_CHECK;

/* The schema of the database's name for a schema of its engine that the view has; takes the
 * reference to `shared`. */
velo_status vl_database_name_schema(vl_ctx *ctx, vl_database *database, const vl_view *view,
                                    vl_schema *shared, vl_schema **out) VL_MUST_CHECK;

/* Drop references to `count` schemas, some of which may be NULL. */
void vl_database_release_schemas(vl_schema **schemas, uint32_t count);

/* Close all of them but main's engine. */
void vl_database_close_all(vl_ctx *ctx, velo_connection *connection);

/* The schemas in the order in which names are looked for: temp before main. */
void vl_database_order(vl_schema *const *schemas, uint32_t count, const vl_schema **ordered);

/* A set of places in that order as one of numbers. */
uint32_t vl_database_numbers(uint32_t places);

/* ---- ddl_run.c, pragma.c, explain ---- */

/* Carry out a statement that is neither query nor change of rows. */
velo_status vl_prepared_run_other(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* The names and number of columns that such a statement will have, when it is prepared. */
velo_status vl_prepared_describe_other(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* ddl_check.c: what CREATE TABLE refuses of CHECK and generated columns before the table is made.
 * Errors: VELO_ERROR with SQLite's words; VELO_NOMEM. */
velo_status vl_ddl_check_create(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* Carry out CREATE, DROP or ALTER: ddl_run.c. */
velo_status vl_ddl_run(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* Which databases CREATE, DROP or ALTER needs, by the schemas of the statement's plan. What is
 * wrong with it is told when it runs. Errors: VELO_NOMEM. */
velo_status vl_ddl_find_needs(vl_ctx *ctx, velo_statement *statement, vl_needs *needs)
    VL_MUST_CHECK;

/* EXPLAIN: the columns of its answer, and the answer: explain.c. */
velo_status vl_explain_describe(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;
velo_status vl_explain_run(vl_ctx *ctx, velo_statement *statement) VL_MUST_CHECK;

/* Run a text without results inside of an open writing statement, in its target, by the given
 * schema of that: nested.c. */
velo_status vl_run_nested(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *sql,
                          size_t size) VL_MUST_CHECK;

/* The same for a text that may name tables of all databases as they were before the statement, and
 * those of `schema` by its name. */
velo_status vl_run_nested_wide(vl_ctx *ctx, velo_statement *outer, vl_schema *schema,
                               const char *sql, size_t size) VL_MUST_CHECK;

/* The text of the hidden column of sqlite_schema (schema_build.h): the tree of a primary key, 0:
 * none, and ids, NULL: none; in the arena. vl_split_layout takes it apart: it returns the tree, and
 * *ids becomes what is behind it. */
velo_status vl_make_layout(vl_ctx *ctx, vl_arena *arena, uint64_t key_tree, const char *ids,
                           vl_value *to) VL_MUST_CHECK;
uint64_t vl_split_layout(const char **ids);

/* Tell what is wrong with rows of any table of a database (`only`: of this one), as the statement
 * sees it, and with has_indexes what is wrong with indexes: verify.c. */
velo_status vl_verify_tables(vl_ctx *ctx, velo_statement *statement, uint32_t number,
                             const vl_table_def *only, int has_indexes, vl_exec_fault *tell,
                             void *argument) VL_MUST_CHECK;

/* Tell what rules rows of a table break: verify_rows.c. arena: scratch. */
velo_status vl_verify_rows(vl_ctx *ctx, velo_statement *statement, uint32_t number,
                           const vl_table_def *table, vl_arena *arena, vl_exec_fault *tell,
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

/* Check that all rows of a table keep its constraints (exec/source.h), and whether it has any row:
 * nested.c. */
velo_status vl_check_rows(vl_ctx *ctx, velo_statement *outer, vl_schema *schema, const char *table,
                          int32_t what) VL_MUST_CHECK;
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
velo_status vl_vacuum_finish(vl_ctx *ctx, vl_database *database) VL_MUST_CHECK;

/* Whether a PRAGMA changes the database, and whether it looks at all of them: their pages, or,
 * where that pins nothing, their schemas. */
int vl_pragma_writes(const vl_ast *tree);
int vl_pragma_reads_all(const velo_connection *connection, const vl_ast *tree);

/* ---- pragma_func.c ---- */

/* vl_plan_env.find_table_func: pragma_table_info and the like, and those of JSON. They are called
 * for the statement, vl_exec_env.table_func_user. */
int vl_pragma_find_function(const void *arg, const char *name, size_t size,
                            vl_plan_table_func *found);

/* ---- json_table.c ---- */

/* Find json_each and the like; returns whether the name is one of them. */
int vl_json_table_find(const char *name, size_t size, vl_plan_table_func *found);

/* ---- table_maker.c ---- */

/* Find generate_series() or velo_statistics(). */
int vl_table_maker_find(const char *name, size_t size, vl_plan_table_func *found);

/* ---- statement.c ---- */

/* Append a row of made->column_count values; the row and its texts go to the arena, the same for
 * all rows. */
velo_status vl_made_add(vl_ctx *ctx, vl_made_rows *made, vl_arena *arena, const vl_value *values)
    VL_MUST_CHECK;

/* Make the plan of the statement's tree by schemas: all of the connection's, by number. */
velo_status vl_prepared_plan(vl_ctx *ctx, velo_statement *statement, vl_schema *const *schemas)
    VL_MUST_CHECK;

/* Destroy the execution of a statement that is not at work, and keep what it has counted. */
void vl_prepared_drop_exec(velo_statement *statement);

/* Plan a statement that is not at work anew, as what `explain` says. Errors: as velo_prepare. */
velo_status vl_prepared_explain(vl_ctx *ctx, velo_statement *statement, velo_explain explain)
    VL_MUST_CHECK;

/* What a plan is made with, by the schemas of a statement; `ordered` has room for them. */
vl_plan_env vl_prepared_env(velo_statement *statement, const vl_schema **ordered);

/* vl_exec_env.find_body: `user` is the statement. */
velo_status vl_prepared_find_body(vl_ctx *ctx, void *user, const vl_action *action,
                                  const vl_body **body);

/* Fail: a foreign key is violated. Returns its code. */
velo_status vl_foreign_fail(vl_ctx *ctx);

/* Make a plan of a tree without parameters, whose names are looked for in one schema only.
 * functions: of the connection, or NULL. */
velo_status vl_plan_by_schema(vl_ctx *ctx, vl_arena *arena, const vl_ast *tree, const char *sql,
                              vl_schema *schema, const vl_func_set *functions, vl_plan **plan)
    VL_MUST_CHECK;

/* The same, in all schemas of a statement. */
velo_status vl_plan_by_statement(vl_ctx *ctx, vl_arena *arena, const vl_ast *tree, const char *sql,
                                 velo_statement *statement, vl_plan **plan) VL_MUST_CHECK;

/* ---- value.c ---- */

/* The value as text with a zero byte behind, in the arena, made once for each cell. NULL: it is
 * NULL, or there is no memory. */
const vl_cell *vl_value_cell(vl_arena *arena, const vl_value *value, vl_cell *cell);

/* ---- pointer.c ---- */

/* Drop the pointers of a statement's parameters `first` to `last`; 0: of its results. */
void vl_pointers_drop(velo_connection *connection, const velo_statement *statement, int first,
                      int last);

/* Find out whether an argument of a function is a pointer. */
void vl_pointer_find(const velo_connection *connection, velo_value *value);

/* Make the value of a pointer that a function returns. Errors: VELO_NOMEM; it is destroyed then. */
velo_status vl_pointer_of_result(velo_connection *connection, void *pointer, const char *type,
                                 void (*destroy)(void *pointer), vl_value *value) VL_MUST_CHECK;

/* ---- call.c ---- */

/* A run of a statement has ended: end aggregates that it gave up, and drop what functions kept. */
void vl_calls_end_run(velo_statement *statement);

/* What of a function a set, or a table, keeps: `func` is filled in; it has to be released. */
velo_status vl_call_describe(vl_ctx *ctx, velo_connection *connection, const velo_function *given,
                             vl_func *func) VL_MUST_CHECK;

/* Have a value told with velo_result_...; a text of it goes to the arena. *value is what it is when
 * nothing is told: NULL, or one of VL_SUBTYPE_UNCHANGED. Errors: what was told
 * with velo_result_error, recorded, or what `tell` returns, not recorded. */
velo_status vl_call_tell(vl_ctx *ctx, velo_connection *connection, vl_arena *arena,
                         velo_status (*tell)(void *user, velo_call *call), void *user,
                         vl_value *value) VL_MUST_CHECK;

/* ---- module.c, virtual.c, virtual_txn.c ---- */

/* vl_plan_env.find_virtual: `arg` is the statement, which holds what is found until it is planned
 * anew or destroyed: vl_virtuals_release. */
velo_status vl_virtual_find(vl_ctx *ctx, void *arg, const vl_table_def *table, const char *name,
                            size_t size, const vl_table_def **found);
void vl_virtuals_release(velo_statement *statement);

/* A database is detached: forget its virtual tables, which are connected anew if it comes back. */
void vl_virtuals_forget(velo_connection *connection, const char *database);

/* The columns of a virtual table, or of an eponymous one (table NULL; *found NULL: none). Valid
 * until the connection is used. */
velo_status vl_virtual_columns(vl_ctx *ctx, velo_connection *connection, const vl_table_def *table,
                               const char *name, size_t size, const vl_table_def **found)
    VL_MUST_CHECK;

/* What CREATE VIRTUAL TABLE, DROP TABLE and RENAME TO have to tell modules. */
velo_status vl_virtual_create(vl_ctx *ctx, velo_statement *statement, const char *database,
                              const char *name, const char *sql, int64_t rowid) VL_MUST_CHECK;
velo_status vl_virtual_destroy(vl_ctx *ctx, velo_statement *statement, const vl_table_def *table)
    VL_MUST_CHECK;
velo_status vl_virtual_rename(vl_ctx *ctx, velo_statement *statement, const vl_table_def *table,
                              const char *name) VL_MUST_CHECK;

/* Whether a table belongs to a virtual one: its name is that one's, then "_" and a word that the
 * module knows. */
int vl_virtual_is_shadow(const velo_connection *connection, const vl_schema *schema,
                         const char *name, size_t size);

/* PRAGMA integrity_check of virtual tables: what their modules tell. */
velo_status vl_virtuals_check(vl_ctx *ctx, velo_statement *statement, const vl_schema *schema,
                              int is_quick, vl_exec_fault *tell, void *argument) VL_MUST_CHECK;

/* The name of the connection's nth module, newest first; NULL behind the last. */
const char *vl_module_name(const velo_connection *connection, uint32_t number);

/* The connection is closed: disconnect all tables, and forget all modules. */
void vl_modules_destroy(velo_connection *connection);

/* The transaction is to be committed, which a module may refuse; it has ended. */
velo_status vl_virtuals_sync(vl_ctx *ctx, velo_connection *connection) VL_MUST_CHECK;
void vl_virtuals_end(vl_ctx *ctx, velo_connection *connection, int has_committed);

/* A savepoint was made; one is released; what is behind one was undone; the statement at work has
 * ended, with or without its changes. */
velo_status vl_virtuals_save(vl_ctx *ctx, velo_connection *connection) VL_MUST_CHECK;
velo_status vl_virtuals_release_savepoint(vl_ctx *ctx, velo_connection *connection,
                                          const vl_savepoint *savepoint) VL_MUST_CHECK;
velo_status vl_virtuals_roll_back_to(vl_ctx *ctx, velo_connection *connection,
                                     const vl_savepoint *savepoint) VL_MUST_CHECK;
void vl_virtuals_end_statement(vl_ctx *ctx, velo_connection *connection, int is_kept);

/* ---- authorize.c ---- */

/* Ask the authorizer for a statement that is neither query nor change of rows; *is_ignored: it is
 * to be left out. Errors: VELO_AUTH. */
velo_status vl_authorize_other(vl_ctx *ctx, velo_statement *statement, const vl_schema **ordered,
                               int *is_ignored) VL_MUST_CHECK;

/* ---- collation.c ---- */

/* Drop all collations of the application. */
void vl_connection_drop_collations(velo_connection *connection);

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

/* A call has ended in which something was committed. */
void vl_hooks_log(velo_connection *connection);

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

/* Exchange the main databases of two connections, both of which have nothing at work; what is
 * prepared is to be made anew. The first one's is read-only from now on, or not. The other one is
 * only to be closed. Errors: VELO_NOMEM; then nothing has changed. */
velo_status vl_connection_swap(vl_ctx *ctx, velo_connection *connection, velo_connection *other,
                               int is_read_only) VL_MUST_CHECK;

/* Begin a public call: forget the error before. End it: keep the code, and return it. */
vl_ctx *vl_connection_begin_call(velo_connection *connection);
velo_status vl_connection_end_call(velo_connection *connection, velo_status st);

#endif
