/* exec.h - running plans: a plan, values for its parameters, an environment; then rows.
 *
 * An execution is made once for a plan and may be run any number of times: step until it is done
 * or fails, then reset. Between create and destroy it keeps the operators; between the first step
 * and reset also what they hold: rows that are sorted or grouped, hash tables, temporary files,
 * cursors. Reset gives that back.
 *
 * Rows come in the order that the plan promises (sql/plan.h). An error behind a row is raised when
 * the next row is asked for, never before; what follows a satisfied LIMIT is not computed.
 *
 * Threads: one at a time; only env.interrupt may be set by others. */
#ifndef VL_EXEC_EXEC_H
#define VL_EXEC_EXEC_H

#include "base/ctx.h"
#include "func/registry.h"
#include "os/io.h"
#include "sql/plan.h"

#include <stdatomic.h>

typedef struct vl_exec vl_exec;
struct vl_source;

/* The least memory limit that is obeyed, in bytes. */
#define VL_EXEC_MEMORY_MIN VL_BY_BUILD(65536U, 2048U)

/* Counters of a connection, as functions see them while a statement runs (31, item 10). A trigger
 * finds those of what is around it, and what it has counted itself is gone when it ends, but for
 * the total. */
typedef struct vl_exec_tally {
    int64_t changes;       /* rows that the last statement has changed that was run to its end */
    int64_t total_changes; /* rows that all of them have changed, those of triggers too */
    int64_t last_rowid;    /* of the last row inserted into a table with rowids */
} vl_exec_tally;

/* A change of a row in full. Values are in the order of the table's columns, then the rowid. */
typedef struct vl_row_change {
    velo_change change;
    const vl_table_def *table;
    const vl_value *before; /* NULL: the row is new */
    const vl_value *after;  /* NULL: it is deleted */
    uint32_t depth;         /* of the triggers that did it; 0: the statement */
} vl_row_change;

/* Who is told of each row that was inserted, changed or deleted: in short, but for rows of tables
 * without rowids and for those that REPLACE deletes; and in full. */
typedef struct vl_change_hook {
    void (*tell)(void *user, velo_change change, const char *database, const char *table,
                 int64_t rowid); /* NULL: nobody */
    void *user;
    void (*tell_all)(void *user, const vl_row_change *change); /* NULL: nobody */
    void *all_user;
} vl_change_hook;

/* Foreign keys of a connection, while they are enforced: how many children lack their parent by
 * constraints that are looked at when the transaction commits. */
typedef struct vl_exec_foreign {
    int is_deferring; /* PRAGMA defer_foreign_keys: all constraints wait for the commit */
    int64_t deferred; /* by DEFERRABLE INITIALLY DEFERRED */
    int64_t put_off;  /* by constraints that were put off by is_deferring */
} vl_exec_foreign;

/* What is around an execution. All of it is borrowed and outlives the execution. */
typedef struct vl_exec_env {
    struct vl_source *source;             /* tables (exec/source.h); NULL: the plan reads none */
    const vl_func_environment *functions; /* what functions ask for; NULL: nothing */
    void *table_func_user;                /* given to table-valued functions (exec/table_func.h) */
    vl_io *io;                            /* where temporary files are made; NULL: nothing spills */
    const char *temporary_folder;         /* their folder; with io */
    uint64_t memory_limit; /* bytes above which rows that are kept go to a file; 0: no limit */
    int is_profiled;       /* what each operator does is counted and timed (exec/profile.h) */
    int is_plain; /* all expressions go through the evaluator: for tests and measurements */
    const _Atomic int *interrupt;    /* not 0: stop with VELO_INTERRUPT; NULL: none */
    int (*progress)(void *argument); /* called every progress_steps steps; not 0: interrupt */
    void *progress_argument;
    /* Give the body of an action of the plan, or of another body's plan: made at its first use, and
     * there until the execution is destroyed (31, item 47). NULL: nothing is fired, and a change
     * that would fire something fails. */
    velo_status (*find_body)(vl_ctx *ctx, void *user, const vl_action *action,
                             const vl_body **body);
    void *body_user;               /* given to find_body */
    vl_exec_tally *tally;          /* counted as the run goes; NULL: not */
    const int *recursive_triggers; /* not 0: a trigger may fire itself, and rows that REPLACE
                                      deletes fire DELETE triggers; NULL: 0 */
    const int *ignores_checks;     /* not 0: CHECK constraints are not looked at; NULL: 0 */
    vl_exec_foreign *foreign;      /* needed by plans that were made with foreign keys */
    uint64_t progress_steps; /* a step is a call of an operator or a row that it yields or looks
                                at; 0: never called */
    const vl_change_hook *changed; /* NULL: nobody is told; what it points to may change */
} vl_exec_env;

/* What a change statement did so far (31, item 10); all 0 at the first step. */
typedef struct vl_exec_counts {
    uint64_t changes;       /* rows that were inserted, updated or deleted by the statement */
    int64_t last_rowid;     /* of the last row inserted into a table with rowids */
    int has_last_rowid;     /* there was one */
    int64_t violations;     /* children that lack their parent by immediate constraints: more than
                               0 at the end is a failure, by the statement and all that it fires */
    vl_conflict resolution; /* after an error: what is to be undone. ABORT: the statement; FAIL:
                               nothing; ROLLBACK: the transaction. ABORT at first */
} vl_exec_counts;

/* Make an execution of a plan. Nothing is read yet.
 *
 * plan    borrowed until destroy, with the schemas it refers to
 * env     copied; what it points to is borrowed
 * errors  VELO_NOMEM; VELO_ERROR: the plan has an operator that is not supported */
velo_status vl_exec_create(vl_ctx *ctx, const vl_plan *plan, const vl_exec_env *env, vl_exec **out)
    VL_MUST_CHECK;

/* Give the parameters of the run that the next step begins: `count` values, parameter 1 first;
 * those that are missing are NULL. Borrowed, texts as well, until the run's reset. Only between
 * reset (or create) and the first step. */
void vl_exec_bind(vl_exec *exec, const vl_value *params, uint32_t count);

/* Give the parameters of `rows` runs at once, `count` values each, to an INSERT of one row that can
 * be run so (vl_exec_takes_rows says 1 after the step): it inserts all rows, or fails as a whole.
 * rows 0 or 1: as vl_exec_bind. */
void vl_exec_bind_rows(vl_exec *exec, const vl_value *params, uint32_t count, uint32_t rows);

/* After a step that has failed (VELO_MISUSE): 0: the statement takes the parameters of one run
 * only. */
int vl_exec_takes_rows(const vl_exec *exec);

/* Compute the next row. VELO_ROW: *row has the plan's columns, borrowed until the next call.
 * VELO_DONE: there is none; *row is NULL. Otherwise an error: the run is over, and further steps
 * return VELO_MISUSE until reset. */
velo_status vl_exec_step(vl_ctx *ctx, vl_exec *exec, const vl_value **row) VL_MUST_CHECK;

/* The next row of a run that has given one, if it lies ready, or NULL: then vl_exec_step looks for
 * it. Nothing is run, polled or counted for it. As vl_exec_step otherwise. */
const vl_value *vl_exec_take(vl_exec *exec);

/* End a run, wherever it is, and give back what it holds. */
void vl_exec_reset(vl_exec *exec);

/* Reset and free. NULL is allowed. */
void vl_exec_destroy(vl_exec *exec);

/* What the run has changed; valid until the next run's first step. */
vl_exec_counts vl_exec_get_counts(const vl_exec *exec);

/* Memory that the run's operators keep rows in, in bytes: now, and at most so far. */
uint64_t vl_exec_memory(const vl_exec *exec);
uint64_t vl_exec_memory_peak(const vl_exec *exec);

/* What all its runs have done. */
typedef struct vl_exec_work {
    uint64_t steps;   /* as progress counts them */
    uint64_t sorts;   /* times that a sort has read its rows */
    uint64_t scanned; /* steps from row to row of whole tables */
} vl_exec_work;
vl_exec_work vl_exec_get_work(const vl_exec *exec);

/* Bytes written to temporary files so far. */
uint64_t vl_exec_spilled(const vl_exec *exec);

#endif
