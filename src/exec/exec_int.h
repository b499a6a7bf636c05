/* exec_int.h - operators at work (stages): how they are called, what they share.
 *
 * An execution has a frame for each program at work, a frame has a tree of stages, one for each
 * operator. Each gives chunks on demand. Creating makes the whole tree of a frame; frames of other
 * programs are made when they are first needed. Rewinding takes a tree back to its beginning, where
 * it holds nothing but buffers for the next time.
 *
 * Errors. An operator that meets an error in a row behind others gives those first, and keeps the
 * error (vl_stage_stash) for the next call (31, item 19). */
#ifndef VL_EXEC_EXEC_INT_H
#define VL_EXEC_EXEC_INT_H

#include "base/arena.h"
#include "exec/eval.h"
#include "exec/exec.h"
#include "exec/rows.h"
#include "vec/vector.h"

typedef struct vl_stage vl_stage;
struct vl_profile;
typedef struct vl_frame vl_frame;

/* What a kind of operator does. Any but next may be NULL. */
typedef struct vl_stage_class {
    size_t size; /* bytes of the operator's struct, which begins with a vl_stage; zeroed */

    /* Make what lives as long as the stage. `close` is called also when this fails. */
    velo_status (*open)(vl_ctx *ctx, vl_stage *stage);

    /* Give the next rows: from 1 to `wanted`, or none at the end (and then again and again).
     * `wanted` is from 1 to VL_CHUNK_ROWS. The chunk stays until the next call; it may be another
     * operator's. */
    velo_status (*next)(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out);

    /* The short way, of the statement's own root only: run it as a whole, to its end, and leave
     * nothing behind, if it is as simple as that: *is_run 0: it is not, and nothing was done. It
     * gives no rows. After an error it is rewound like any other. */
    velo_status (*run)(vl_ctx *ctx, vl_stage *stage, int *is_run);

    /* Go back to the beginning and give memory back. Children are rewound by the caller. */
    void (*rewind)(vl_stage *stage);

    /* Give back everything but the struct. Children are closed by the caller. */
    void (*close)(vl_stage *stage);
} vl_stage_class;

/* A chunk that its owner fills: ANY vectors, and an arena for their texts. */
typedef struct vl_batch {
    vl_chunk chunk;     /* what is given on */
    vl_value **columns; /* arrays of the vectors, `capacity` values each */
    uint32_t capacity;  /* rows there is room for */
    vl_arena arena;     /* texts of the rows */
    void *memory;       /* of columns and vectors */
} vl_batch;

struct vl_stage {
    const vl_stage_class *class;
    const vl_op *op;       /* in the plan */
    vl_exec *exec;         /* whose it is */
    vl_frame *frame;       /* the program it belongs to */
    vl_stage *children[2]; /* as many as op has */
    uint32_t left;         /* rows that it has ready: an error waits until they are given */
    velo_status pending;   /* an error that is raised by the next call; VELO_OK: none */
    vl_error *error;       /* its message; from the execution's arena, kept */
    uint64_t charged;      /* bytes that vl_exec_charge knows of */
    int is_open;           /* open of its class was called */
    int is_volatile;       /* it evaluates what must not be evaluated ahead: one row at a time */
    vl_batch batch;        /* rows that it makes; for those kinds that use it */
    struct vl_profile *profile; /* what it does is counted there; NULL: it is not */
    int is_begun;               /* with profile: it was asked since it was rewound */
};

/* A program at work. */
struct vl_frame {
    vl_exec *exec;
    const vl_program *program;
    vl_frame *parent;          /* the frame in whose expressions it stands; NULL: the statement */
    vl_stage *root;            /* of its tree */
    vl_value *outer;           /* its arguments, program->argument_count of them */
    vl_arena outer_arena;      /* their texts */
    const vl_value *queue_row; /* of the RECURSE that runs it; NULL: none */
    vl_frame *next;            /* all frames of the execution */
    int is_busy;               /* being run by an expression */
};

/* A trigger at work, and those around it. */
typedef struct vl_firing {
    const vl_trigger_def *trigger; /* NULL: an action of a foreign key */
    const struct vl_firing *outer; /* whose statement has fired it; NULL: the statement itself */
    uint32_t depth;                /* from 1 */
} vl_firing;

/* What AUTOINCREMENT has reached in a table (sequence.h). */
typedef struct vl_edit_sequence vl_edit_sequence;

/* The rows of a program that are shared by its scans. */
typedef struct vl_spool vl_spool;

struct vl_exec {
    const vl_plan *plan;
    vl_exec_env env;
    vl_arena arena;                 /* operators, frames: what lives as long as the execution */
    vl_arena row_arena;             /* of evaluating LIMIT and the like */
    vl_value *row;                  /* the row that was given */
    const vl_value *params;         /* of the run */
    uint32_t param_count;           /* of one row of them */
    uint32_t param_rows;            /* 1; more: see vl_exec_bind_rows */
    int refuses_rows;               /* it was given more, and takes one */
    vl_frame *root;                 /* program 0 */
    vl_frame *frames;               /* all */
    vl_spool **spools;              /* of each program that is shared; NULL: none yet */
    struct vl_subquery *subqueries; /* of expressions; list */
    struct vl_in_set *in_sets;      /* likewise, of long IN lists (in_set.h) */
    const vl_chunk *chunk;          /* rows under way to the caller; NULL: ask for more */
    uint32_t at;                    /* the next of them */
    uint32_t wanted;                /* rows to ask for next: 1, 4, 16, ... (31, item 21) */
    int state;                      /* see exec.c */
    int is_short;                   /* the run was made the short way: nothing is to be rewound */
    uint64_t short_runs;            /* how many were, ever: for tests */
    int is_ending;                  /* reset is under way: nothing of the run is to stay */
    uint64_t steps;                 /* since the last call of progress */
    vl_exec_work work;              /* of top: steps before that, and the rest of its counts */
    uint64_t charged_bytes;         /* memory of kept rows */
    uint64_t peak_bytes;            /* the most of it */
    uint64_t spilled_bytes;         /* written to temporary files */
    vl_exec_counts counts;
    vl_exec *top;                  /* the statement's execution; of a trigger's, that around all */
    const vl_firing *firing;       /* the trigger that it is of; NULL: it is the statement's */
    int is_ignored;                /* RAISE(IGNORE) has ended it */
    int is_deep;                   /* of top: more was made for a body than stays */
    struct vl_fire_body *bodies;   /* of top: those that were used */
    vl_edit_sequence *sequences;   /* of top: of tables that were inserted into */
    struct vl_profile *profiles;   /* of all operators, while env.is_profiled */
    struct vl_profile *profile_at; /* of the operator at work; NULL: none */
};

/* ---- exec.c ---- */

/* Let expressions be evaluated in the frame of program 0, until the reset, without a step. As
 * vl_exec_bind. */
void vl_exec_lend(vl_exec *exec, const vl_value *params, uint32_t count);

/* Make a frame of a program, with its operators. */
velo_status vl_frame_create(vl_ctx *ctx, vl_exec *exec, vl_frame *parent, uint32_t program,
                            vl_frame **out) VL_MUST_CHECK;

/* Go back to the beginning with other arguments: `kids` are evaluated by `eval` and copied. NULL
 * eval: no row. */
velo_status vl_frame_start(vl_ctx *ctx, vl_frame *frame, vl_eval *eval, vl_expr *const *kids,
                           uint32_t count) VL_MUST_CHECK;

/* The same with arguments that are evaluated already. */
velo_status vl_frame_begin(vl_ctx *ctx, vl_frame *frame, const vl_value *arguments, uint32_t count)
    VL_MUST_CHECK;

/* Go back to the beginning and give memory back. */
void vl_frame_rewind(vl_frame *frame);

/* Count steps; now and then look whether the run is to stop. Errors: VELO_INTERRUPT. */
velo_status vl_exec_poll(vl_ctx *ctx, vl_exec *exec, uint64_t steps) VL_MUST_CHECK;

/* Tell how many bytes of kept rows a holder has now; *charged is what it told before. */
void vl_exec_charge(vl_exec *exec, uint64_t *charged, uint64_t bytes);

/* Whether kept rows take more than the limit, and can go to a file. */
int vl_exec_is_over(const vl_exec *exec);

/* Ask an operator for rows: all go through here. As next of the class. */
velo_status vl_stage_next(vl_ctx *ctx, vl_stage *stage, uint32_t wanted, const vl_chunk **out)
    VL_MUST_CHECK;

/* Keep the context's error, which is `status`, for the next call. */
void vl_stage_stash(vl_ctx *ctx, vl_stage *stage, velo_status status);

/* Evaluate LIMIT or OFFSET on no row: an integer, or VELO_MISMATCH "datatype mismatch". */
velo_status vl_stage_number(vl_ctx *ctx, vl_stage *stage, const vl_expr *expr, int64_t *number)
    VL_MUST_CHECK;

/* Give up to `wanted` of the stage->left rows at the end of a selection of `count` rows. */
void vl_stage_give(vl_stage *stage, vl_chunk *chunk, const uint16_t *selection, uint32_t count,
                   uint32_t wanted);

/* Rows to ask a child for, by a stage that passes some of them on: `asked`, which was asked for
 * last, or four times that when nothing came of it, and at least what is wanted. */
uint32_t vl_stage_ask(const vl_stage *stage, uint32_t asked, int is_fruitless, uint32_t wanted);

/* Whether any of the expressions is volatile. */
int vl_exprs_are_volatile(const vl_exprs *exprs);

/* An eval for an operator's expressions on no row, with texts in `arena`. */
static inline vl_eval
vl_stage_eval(const vl_stage *stage, vl_arena *arena)
{
    return (vl_eval){.arena = arena, .frame = stage->frame};
}

/* ---- batch.c ---- */

/* Empty the batch, with room for `rows` rows of `column_count` columns. Errors: VELO_NOMEM. */
velo_status vl_batch_begin(vl_ctx *ctx, vl_batch *batch, uint32_t column_count, uint32_t rows)
    VL_MUST_CHECK;

/* Append a row whose texts live long enough. There is room. */
void vl_batch_append(vl_batch *batch, const vl_value *values);

/* Append a row and copy its texts. Errors: VELO_NOMEM. */
velo_status vl_batch_append_copy(vl_ctx *ctx, vl_batch *batch, const vl_value *values)
    VL_MUST_CHECK;

void vl_batch_deinit(vl_batch *batch);

/* Read all columns of a chunk's nth row, or of a row of its vectors. */
void vl_chunk_read(const vl_chunk *chunk, uint32_t n, vl_value *values);
void vl_chunk_read_at(const vl_chunk *chunk, uint32_t row, vl_value *values);

/* ---- subquery.c ---- */

/* EXISTS, SCALAR and IN_QUERY of a row. */
velo_status vl_subquery_exists(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int *exists)
    VL_MUST_CHECK;
velo_status vl_subquery_scalar(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
    VL_MUST_CHECK;
velo_status vl_subquery_in(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, int *truth)
    VL_MUST_CHECK;

/* Forget what a run has found. */
void vl_subqueries_reset(vl_exec *exec);

/* ---- op_program.c ---- */

/* Forget the rows that programs share. */
void vl_spools_reset(vl_exec *exec);

/* ---- fire.c ---- */

/* Run triggers of a row: `count` of the plan's actions, in their order.
 *
 * old, new   full rows of `width` values; NULL where there is none. Borrowed for the call
 * is_ignored  receives 1 if RAISE(IGNORE) was said: nothing more is to be done for the row
 * errors      VELO_ERROR: recursion is too deep; what the triggers' statements meet. The
 *             execution's resolution is set */
velo_status vl_fire(vl_ctx *ctx, vl_stage *stage, const uint32_t *actions, uint32_t count,
                    const vl_value *old_row, const vl_value *new_row, uint32_t width,
                    int *is_ignored) VL_MUST_CHECK;

/* Count the rows that an action for a foreign key finds: children.
 *
 * latest  receives how many there are by what everybody has committed
 * own     NULL, or receives how many the statement's transaction sees */
velo_status vl_fire_count(vl_ctx *ctx, vl_stage *stage, uint32_t number, const vl_value *old_row,
                          const vl_value *new_row, uint32_t width, int64_t *latest, int64_t *own)
    VL_MUST_CHECK;

/* Whether rows that REPLACE deletes fire DELETE triggers. */
int vl_fire_is_recursive(const vl_exec *exec);

/* Give back at the end of a run what deep nesting has made, but for what the next run may well
 * need.
 */
void vl_fire_reset(vl_exec *exec);

/* Destroy what firing has made. */
void vl_fire_destroy(vl_exec *exec);

/* ---- call.c ---- */

/* Call the scalar function of a FUNCTION expression. */
velo_status vl_call_scalar(vl_ctx *ctx, vl_eval *eval, const vl_expr *expr, vl_value *value)
    VL_MUST_CHECK;

/* What a call of `func` by a frame is made with. `call` is used at once: it points to ctx. */
vl_func_call vl_call_make(vl_ctx *ctx, const vl_frame *frame, const vl_func *func,
                          vl_collation collation, vl_arena *arena);

/* ---- the kinds ---- */

extern const vl_stage_class vl_values_class;
extern const vl_stage_class vl_filter_class;
extern const vl_stage_class vl_project_class;
extern const vl_stage_class vl_limit_class;
extern const vl_stage_class vl_loop_join_class;
extern const vl_stage_class vl_hash_join_class;
extern const vl_stage_class vl_aggregate_class;
extern const vl_stage_class vl_window_class;
extern const vl_stage_class vl_distinct_class;
extern const vl_stage_class vl_sort_class;
extern const vl_stage_class vl_compound_class;
extern const vl_stage_class vl_recurse_class;
extern const vl_stage_class vl_queue_scan_class;
extern const vl_stage_class vl_program_scan_class;
extern const vl_stage_class vl_table_scan_class;
extern const vl_stage_class vl_index_scan_class;
extern const vl_stage_class vl_function_scan_class;
extern const vl_stage_class vl_virtual_scan_class;
extern const vl_stage_class vl_insert_class;
extern const vl_stage_class vl_update_class;
extern const vl_stage_class vl_delete_class;

#endif
