/* registry.h - SQL's functions: what they are called, what may be done with them, how to call them.
 *
 * The built-in functions are one table that nobody changes. A connection puts functions of its own
 * before it (vl_func_set). Whoever compiles a call looks the function up once, keeps the pointer,
 * and calls through it for each row.
 *
 * A function never sees the connection: what it needs to know of it stands behind the pointers of
 * the call's environment, which only the api fills in.
 *
 * The built-in table may be read by any thread. A set belongs to one thread at a time, as does a
 * call. */
#ifndef VL_FUNC_REGISTRY_H
#define VL_FUNC_REGISTRY_H

#include "base/arena.h"
#include "base/status.h"
#include "base/type.h"
#include "vec/vector.h"

/* What sqlite_version() says: the version of SQLite whose behaviour this is. */
#define VL_FUNC_SQLITE_VERSION "3.53.0"

/* The most arguments of a call. */
#define VL_FUNC_ARGUMENTS_MAX 1000

typedef struct vl_func vl_func;

/* ---- flags ---- */

/* The same arguments give the same result, always. Date and time functions have it although some
 * arguments ('now', 'localtime') break it: they refuse those where it matters (`pure_place`). */
#define VL_FUNC_DETERMINISTIC 0x0001U

/* How the evaluator may treat a call; one of these is set. TOTAL cannot fail but for lack of
 * memory and has no effect: may be evaluated early, hoisted, shared. FAILING may fail: is
 * evaluated only for rows that reach it. VOLATILE may differ from call to call or have an effect:
 * one row at a time, in order, on the caller's thread, and never shared. */
#define VL_FUNC_TOTAL    0x0002U
#define VL_FUNC_FAILING  0x0004U
#define VL_FUNC_VOLATILE 0x0008U

/* Not deterministic, but one result for a statement: current_date. */
#define VL_FUNC_STABLE 0x0010U

/* Harmless wherever it is called from, also in a schema that somebody else wrote. */
#define VL_FUNC_INNOCUOUS 0x0020U

/* May be called from SQL that the application runs only, not from a schema. */
#define VL_FUNC_DIRECT_ONLY 0x0040U

/* An aggregate: has `aggregate` instead of `scalar`. */
#define VL_FUNC_AGGREGATE 0x0080U

/* The aggregate's result depends on the order of rows beyond rounding. */
#define VL_FUNC_ORDERED 0x0100U

/* Compares arguments: needs `collation`, that of the first argument which has one. */
#define VL_FUNC_COLLATED 0x0200U

/* A compiler evaluates later arguments only where they are needed (coalesce, ifnull, iif, if). A
 * call with all arguments gives the same. */
#define VL_FUNC_LAZY 0x0400U

/* Returns its first argument, and is for the planner (likely, unlikely, likelihood). */
#define VL_FUNC_HINT 0x0800U

/* The aggregate's result is of one row, which columns beside it are taken from (min, max). */
#define VL_FUNC_PICKS_ROW 0x1000U

/* A window function that needs OVER; it is also VL_FUNC_AGGREGATE. The built-in ones have neither
 * callback, and `variant` says which it is (VL_FUNC_WINDOW_...). */
#define VL_FUNC_WINDOW 0x2000U

/* An aggregate that OVER may not stand behind. */
#define VL_FUNC_GROUPS_ONLY 0x4000U

/* Its result can be JSON (vl_value.is_json), or have a subtype. */
#define VL_FUNC_JSON 0x8000U

/* ---- results ---- */

/* The storage classes that a result can have, for `results`. */
#define VL_FUNC_YIELDS(type)   (1U << (type))
#define VL_FUNC_YIELDS_NULL    VL_FUNC_YIELDS(VL_TYPE_NULL)
#define VL_FUNC_YIELDS_INTEGER VL_FUNC_YIELDS(VL_TYPE_INTEGER)
#define VL_FUNC_YIELDS_REAL    VL_FUNC_YIELDS(VL_TYPE_REAL)
#define VL_FUNC_YIELDS_TEXT    VL_FUNC_YIELDS(VL_TYPE_TEXT)
#define VL_FUNC_YIELDS_BLOB    VL_FUNC_YIELDS(VL_TYPE_BLOB)
#define VL_FUNC_YIELDS_ANY     0x3eU

/* ---- calls ---- */

/* A moment in a time zone. */
typedef struct vl_func_time {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
    int hour;
    int minute;
    int second;
} vl_func_time;

/* What functions may ask of whoever runs the statement. Any pointer may be NULL: then counts are
 * 0, the zone is that of the process (localtime_r), and what asks for the time or for random bytes
 * fails. `user` is passed to each. */
typedef struct vl_func_environment {
    void *user;
    int64_t (*changes)(void *user);           /* changes() */
    int64_t (*total_changes)(void *user);     /* total_changes() */
    int64_t (*last_insert_rowid)(void *user); /* last_insert_rowid() */
    /* The statement's time in milliseconds since noon of 24 November -4713 (Julian day 0): the
     * same whenever one step of a statement asks. */
    velo_status (*now)(void *user, vl_ctx *ctx, int64_t *julian_ms);
    /* `size` bytes that are hard to guess. */
    velo_status (*random)(void *user, vl_ctx *ctx, void *to, size_t size);
    /* The local time of `unix_s` seconds since 1970 UTC, within years that every C library knows
     * (1970 to 2037). Returns 0 when there is none. */
    int (*local_time)(void *user, int64_t unix_s, vl_func_time *time);
} vl_func_environment;

/* A call site at work: what stays the same from row to row. */
typedef struct vl_func_call {
    vl_ctx *ctx;                            /* takes errors */
    vl_arena *arena;                        /* results are allocated here */
    vl_arena *state_arena;                  /* what a state of an aggregate holds; lives as long */
    const vl_func *func;                    /* the function */
    const vl_func_environment *environment; /* never NULL */
    vl_collation collation;                 /* for VL_FUNC_COLLATED */
    const void *site;       /* scalar functions: the call's place in the plan; NULL: unknown */
    const void *arguments;  /* aggregates: the expressions of the arguments, an array of pointers;
                               NULL: unknown */
    const char *pure_place; /* where only what is deterministic may stand: "an index", "a CHECK
                               constraint", "a generated column"; NULL elsewhere */
    uint32_t lane;          /* aggregates: the row's position in an ungrouped scan, whose last
                               three bits choose the lane of sums of reals; 0 in groups and windows */
    int is_window;          /* aggregates: for frames, so that `value` is not the end */
    int is_picked;          /* VL_FUNC_PICKS_ROW: set by step and merge, whether the row became the
                               result */
} vl_func_call;

/* Compute one result.
 *
 * args    borrowed; NULL when count is 0
 * result  is NULL when it is called. A text or blob in it is in call->arena, static, or part of an
 *         argument, and lives as long as the shortest of those
 * errors  whatever the function finds; *result is then ignored */
typedef velo_status vl_func_scalar(vl_func_call *call, const vl_value *args, int count,
                                   vl_value *result);

/* An aggregate's callbacks. A state is `state_size` bytes, at first zeros, which are the state of
 * no rows, aligned to VL_ALLOC_ALIGN; it may be moved by copying its bytes. States that are merged
 * are not used with inverse. */
typedef struct vl_func_aggregate {
    size_t state_size;
    /* Take a row. errors  VELO_NOMEM, VELO_TOOBIG; the state is then as before */
    velo_status (*step)(vl_func_call *call, void *state, const vl_value *args, int count);
    /* Take `count` rows of one argument, or of none (vector NULL), exactly as step would one after
     * the other, the first in the lane of `call`. *is_taken: 0 when it has taken none, and step is
     * to be called. selection: rows of the vector, or NULL for its first. NULL: there is no such
     * way. errors as step */
    velo_status (*step_column)(vl_func_call *call, void *state, const vl_vector *vector,
                               const uint16_t *selection, uint32_t count, int *is_taken);
    /* The same where each row has a state of its own, which stands `offset` bytes behind
     * groups[n]; all in lane 0. */
    velo_status (*step_groups)(vl_func_call *call, char *const *groups, size_t offset,
                               const vl_vector *vector, const uint16_t *selection, uint32_t count);
    /* Take the oldest row out again, whose arguments are given; NULL where that is not possible. */
    velo_status (*inverse)(vl_func_call *call, void *state, const vl_value *args, int count);
    /* Take all rows of `from`, which come after those of `state`; NULL where that is not possible.
     * `from` is not used afterwards, but what it holds may be. */
    velo_status (*merge)(vl_func_call *call, void *state, const void *from);
    /* The result for the rows so far, which may go on. Not changed: *result is NULL when called,
     * and lives until the state changes. */
    velo_status (*value)(vl_func_call *call, const void *state, vl_value *result);
    /* Whether inverse now leaves what the rows that stay would give by themselves, to the bit;
     * NULL: always. Where it does not, windows compute a frame anew. */
    int (*is_exact)(const void *state);
    /* Forget all rows of a state, for a frame that is computed anew, but not what earlier frames of
     * the partition leave behind; its state_arena was emptied. NULL: zeros. */
    void (*restart)(void *state);
    /* Give back what a state holds that is not in its arena; it is zeros then, and may have been
     * before. Every state that took rows ends so, also after an error. NULL: there is nothing. */
    void (*deinit)(void *state);
} vl_func_aggregate;

/* The built-in window functions (vl_func.variant). */
typedef enum vl_func_window {
    VL_FUNC_WINDOW_ROW_NUMBER,
    VL_FUNC_WINDOW_RANK,
    VL_FUNC_WINDOW_DENSE_RANK,
    VL_FUNC_WINDOW_PERCENT_RANK,
    VL_FUNC_WINDOW_CUME_DIST,
    VL_FUNC_WINDOW_NTILE,
    VL_FUNC_WINDOW_LAG,
    VL_FUNC_WINDOW_LEAD,
    VL_FUNC_WINDOW_FIRST_VALUE,
    VL_FUNC_WINDOW_LAST_VALUE,
    VL_FUNC_WINDOW_NTH_VALUE
} vl_func_window;

/* One function, for a range of argument counts. */
struct vl_func {
    const char *name;                   /* lower case */
    int16_t least;                      /* arguments */
    int16_t most;                       /* arguments; -1 for any number */
    uint32_t flags;                     /* VL_FUNC_... */
    uint32_t results;                   /* VL_FUNC_YIELDS_... */
    uint32_t variant;                   /* for functions that share a callback: which one */
    vl_func_scalar *scalar;             /* or NULL */
    const vl_func_aggregate *aggregate; /* or NULL */
    void *user;                         /* of functions in a set: what their callbacks want */
    void (*release)(void *user);        /* of functions in a set: called once, or NULL */
};

/* ---- the built-in functions ---- */

/* The built-in function number `index`; NULL behind the last. */
const vl_func *vl_func_builtin(size_t index);

/* A like() in which letters match in their own case only, for PRAGMA case_sensitive_like: it is put
 * into the connection's set, and so goes before the built-in one. */
const vl_func *vl_func_like_exact(void);

/* ---- functions of a connection ---- */

typedef struct vl_func_set vl_func_set;

/* Make an empty set. errors  VELO_NOMEM; then *set is NULL */
velo_status vl_func_set_create(vl_ctx *ctx, vl_func_set **set) VL_MUST_CHECK;

/* Destroy a set and release its functions; NULL is allowed. */
void vl_func_set_destroy(vl_func_set *set);

/* Add a copy of a function, its name included, in place of one of the same name and argument range
 * in the set. A name's case does not matter. No compiled call may still use what is replaced.
 *
 * errors  VELO_NOMEM: the set is as it was, and func->release was called; VELO_MISUSE when it has
 *         neither or both of scalar and aggregate, no name, or a wrong range: nothing was called */
velo_status vl_func_set_add(vl_ctx *ctx, vl_func_set *set, const vl_func *func) VL_MUST_CHECK;

/* Take the function with this name and argument range out of the set and release it, so that a
 * built-in one is found again. Returns whether there was one. */
int vl_func_set_remove(vl_func_set *set, const char *name, int least, int most);

/* ---- looking up ---- */

/* Find the function for a call `name(...)` with `count` arguments. A function of the set hides
 * all built-in ones that the call could mean; an exact range goes before any number of arguments.
 *
 * set     NULL for none
 * errors  VELO_ERROR: "no such function: NAME", "wrong number of arguments to function NAME()",
 *         "too many arguments on function NAME"; then *func is NULL */
velo_status vl_func_find(vl_ctx *ctx, const vl_func_set *set, const char *name, size_t name_size,
                         int count, const vl_func **func) VL_MUST_CHECK;

/* Call a scalar function; makes *result NULL first.
 * errors  the function's */
velo_status vl_func_call_scalar(vl_func_call *call, const vl_value *args, int count,
                                vl_value *result) VL_MUST_CHECK;

#endif
