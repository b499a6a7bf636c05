/* bind_int.h - what the files of the binder and the planner share.
 *
 * Every column of every source of a statement has a number, its *id*, as has the result of every
 * aggregate. Bound expressions name columns by ids: a COLUMN's index is an id, whichever query the
 * source belongs to. When operators are made, expressions are *lowered*: an id becomes the position
 * in the row at hand (by the row's *layout*, the ids of its columns) or, when the row does not have
 * it, an argument of the program that is being made. So correlation needs no care of its own: what
 * is not in the row comes from outside.
 *
 * Bound expressions are not changed once made, and lowering copies: they may be lowered again.
 *
 * Failures are sticky: the first sets binder.status; functions that return pointers return NULL
 * then, others do nothing useful, and all accept what they find. */
#ifndef VL_SQL_BIND_INT_H
#define VL_SQL_BIND_INT_H

#include "sql/plan_make.h"

#include <string.h>

typedef struct vl_binder vl_binder;
typedef struct vl_bind_scope vl_bind_scope;
typedef struct vl_bind_source vl_bind_source;
typedef struct vl_query vl_query;
typedef struct vl_cte vl_cte;
typedef struct vl_with vl_with;

/* No id, no position, no program. */
#define VL_BIND_NONE UINT32_MAX

/* Set in vl_bind_column.joined. */
#define VL_BIND_JOINED 0x80U

/* A piece of text that is not ended. */
typedef struct vl_bind_word {
    const char *text; /* NULL: none */
    uint32_t size;
} vl_bind_word;

/* A column of a source, or of a query's result. */
typedef struct vl_bind_column {
    const char *name;     /* ended */
    const char *declared; /* type, or NULL */
    const char *database; /* of the table column that it is, or NULLs */
    const char *table;
    const char *column;
    uint8_t affinity;  /* vl_affinity */
    uint8_t collation; /* vl_collation */
    uint8_t classes;   /* VL_CLASS_... */
    uint8_t is_hidden; /* not among those of a star */
    uint8_t is_alias;  /* the name is an alias: ORDER BY may mean it */
    uint8_t joined;    /* by USING or NATURAL with one before: VL_BIND_JOINED and VL_JOIN_... */
} vl_bind_column;

typedef enum vl_bind_source_kind {
    VL_BIND_SOURCE_TABLE,    /* table */
    VL_BIND_SOURCE_QUERY,    /* query: a subquery, a view, a CTE that is used once */
    VL_BIND_SOURCE_CTE,      /* cte: its program */
    VL_BIND_SOURCE_QUEUE,    /* the row at hand of a recursion */
    VL_BIND_SOURCE_FUNCTION, /* function, arguments */
    VL_BIND_SOURCE_GIVEN     /* a row that is there already: of a change */
} vl_bind_source_kind;

struct vl_bind_source {
    vl_bind_source_kind kind;
    vl_bind_word alias;                   /* what it is called; may be none */
    int is_aliased;                       /* not by the name of the table */
    vl_bind_word database;                /* as written before its name; or none */
    int is_qualified_only;                /* its columns need its name: excluded */
    const vl_table_def *table;            /* TABLE, GIVEN; of a view */
    vl_query *query;                      /* QUERY */
    vl_cte *cte;                          /* CTE */
    const struct vl_table_func *function; /* FUNCTION */
    const vl_ast *call;                   /* FUNCTION: arguments as written, a list or NULL */
    vl_exprs arguments;                   /* FUNCTION: bound when all of FROM is there; likewise of
                                             a virtual table that is called */
    vl_exprs restricting; /* of a virtual table: conjuncts of its list, wherever they are decided */
    vl_bind_column *columns; /* column_count of them */
    uint32_t column_count;
    uint32_t base;             /* id of column 0; the rowid has base + column_count */
    vl_bind_scope *scope;      /* that it stands in */
    uint32_t place;            /* in the scope */
    uint8_t bits;              /* VL_JOIN_... as in the text */
    uint8_t is_nullable;       /* an outer join may make a row of NULLs of it */
    const vl_index_def *index; /* INDEXED BY */
    int not_indexed;
    int is_changed; /* its rows are to be changed: found in the order of the table */
    int is_unasked; /* the authorizer is not asked for its columns: excluded */
    double rows;    /* of its table, for joins: plan_from.c; 0: not asked yet, negative: unknown */
};

/* An element of FROM: a source, or several in parentheses. */
typedef struct vl_join_item {
    vl_bind_source *source;    /* or NULL */
    struct vl_join_item *list; /* list_count of them */
    uint32_t list_count;
    uint8_t bits;    /* how it joins those before */
    uint64_t places; /* sources in it: 1 << place */
    vl_exprs on;     /* conjuncts */
} vl_join_item;

/* A call of an aggregate function, of the scope it is in. */
typedef struct vl_bind_call {
    vl_aggregate call; /* bound, not lowered */
    uint32_t id;       /* of its result */
    int min_max;       /* see vl_plan_func */
    int is_order_dependent;
} vl_bind_call;

/* How a window divides and sorts rows, and its frame. */
typedef struct vl_bind_window {
    vl_exprs partition;
    vl_sort_key *order; /* order_count of them, bound */
    uint32_t order_count;
    vl_window_frame frame; /* bound; the function's own when it does not look at its frame */
} vl_bind_window;

/* A window of a WINDOW clause, or what OVER says: as written, with what it has of its base. */
typedef struct vl_bind_window_text {
    const vl_ast *name;      /* NAME, or NULL */
    const vl_ast *partition; /* list, or NULL */
    const vl_ast *order;     /* list, or NULL */
    const vl_ast *frame;     /* FRAME, or NULL */
} vl_bind_window_text;

/* A call of a window function. */
typedef struct vl_bind_window_call {
    vl_window_call call; /* bound; its frame has no number yet */
    uint32_t window;     /* number in its scope */
    uint32_t id;         /* of its result */
    int is_live;         /* somebody looks at it */
} vl_bind_window_call;

/* What may stand where an expression is. */
typedef enum vl_aggregates_rule {
    VL_AGGREGATES_MISUSED, /* WHERE and the like, where nothing around has any */
    VL_AGGREGATES_LATE,    /* the same of a query that may have some elsewhere: SQLite finds out
                              later there, and says it in other words */
    VL_AGGREGATES_ALLOWED, /* results, HAVING, ORDER BY */
    VL_AGGREGATES_INSIDE,  /* within the arguments of one */
    VL_AGGREGATES_GROUPING /* GROUP BY */
} vl_aggregates_rule;

/* Where names are looked up: the sources of one SELECT, then its parent. */
struct vl_bind_scope {
    vl_bind_scope *parent;
    vl_bind_source **sources; /* source_count of them, VL_PLAN_SOURCES_MAX at most */
    uint32_t source_count;
    const vl_with *with;   /* CTEs that may be named */
    const vl_schema *home; /* of a view: the only one to look into; NULL: all */
    const char *text;      /* that places of trees are in */
    size_t text_size;
    const vl_ast *results; /* list of RESULT, whose aliases may be used; NULL: not here */
    vl_aggregates_rule aggregates;
    vl_bind_call *calls; /* call_count of them, with room for call_capacity */
    uint32_t call_count;
    uint32_t call_capacity;
    int is_inserted;                         /* one row of VALUES of an INSERT: is no SELECT */
    int is_own;                              /* of what the schema says: nobody is asked */
    int has_windows;                         /* window functions may be called here */
    vl_bind_word alias;                      /* that is being bound in place of its name; or none */
    const vl_bind_window_text *window_texts; /* WINDOW: window_text_count of them */
    uint32_t window_text_count;
    vl_bind_window *windows; /* window_count of them, in the order of the text */
    uint32_t window_count;
    uint32_t window_capacity;
    vl_bind_window_call *window_calls; /* window_call_count of them */
    uint32_t window_call_count;
    uint32_t window_call_capacity;
};

/* One SELECT or VALUES of a query. */
typedef struct vl_core {
    vl_ast_op op; /* how it joins those before */
    vl_bind_scope *scope;
    vl_join_item from; /* a list; empty: no FROM */
    vl_exprs where;    /* conjuncts */
    vl_exprs groups;
    int is_grouped;
    vl_expr *having;
    vl_exprs results;
    vl_bind_column *columns; /* of the results */
    int is_distinct;
    vl_exprs *rows; /* VALUES: row_count lists */
    uint32_t row_count;
} vl_core;

/* A term of ORDER BY. */
typedef struct vl_bind_order {
    vl_expr *expr; /* in the core's scope, or NULL when `slot` says it */
    uint32_t slot; /* the result that it is, or VL_BIND_NONE */
    uint8_t collation;
    uint8_t is_descending;
    uint8_t nulls_last;
} vl_bind_order;

struct vl_query {
    vl_core **cores; /* core_count of them, in the order of the text */
    uint32_t core_count;
    vl_bind_column *columns; /* column_count of them */
    uint32_t column_count;
    const uint8_t *collations; /* of the columns, for compounds */
    vl_bind_order *order;      /* order_count of them */
    uint32_t order_count;
    vl_expr *limit; /* or NULL */
    vl_expr *offset;
};

typedef enum vl_cte_state {
    VL_CTE_UNBOUND,
    VL_CTE_BINDING,   /* its body is being bound: naming it is circular */
    VL_CTE_RECURSING, /* its recursive term is being bound: naming it is the queue */
    VL_CTE_BOUND      /* program is there */
} vl_cte_state;

struct vl_cte {
    const vl_ast *ast; /* CTE */
    const vl_with *with;
    vl_cte_state state;
    uint32_t uses; /* how often it is named, at most */
    uint32_t program;
    uint32_t *arguments; /* ids, argument_count of them */
    uint32_t argument_count;
    vl_bind_column *columns;
    uint32_t column_count;
    uint32_t queue_depth;             /* depth of the queries that may name the queue */
    const vl_bind_scope *queue_scope; /* that did so last */
};

/* The CTEs of one WITH. */
struct vl_with {
    const vl_with *parent;
    vl_bind_scope *scope; /* what their bodies may look up beyond themselves */
    vl_bind_scope *like;  /* home, text and CTEs of their bodies */
    vl_cte *ctes;         /* cte_count of them */
    uint32_t cte_count;
};

/* The ids of the columns of a row. */
typedef struct vl_bind_layout {
    uint32_t *ids; /* count of them */
    uint32_t count;
} vl_bind_layout;

/* An operator and what its rows are. */
typedef struct vl_bind_rel {
    vl_op *op; /* NULL: failed */
    vl_bind_layout layout;
} vl_bind_rel;

/* The program that is being made. */
typedef struct vl_bind_frame {
    uint32_t *arguments; /* ids, count of them, with room for capacity */
    uint32_t count;
    uint32_t capacity;
    uint8_t effect; /* the worst of its expressions */
} vl_bind_frame;

/* What an id is. */
typedef struct vl_bind_id {
    vl_bind_source *source; /* NULL: the result of an aggregate or group */
    uint32_t stamp;         /* of the layout in use, when the id is in it */
    uint32_t position;      /* in that layout */
    uint8_t is_used;        /* some expression names it */
    uint8_t is_unchanged;   /* of a virtual table: read to be written back by an UPDATE only */
} vl_bind_id;

struct vl_binder {
    vl_ctx *ctx;
    vl_arena *arena;
    const vl_plan_env *env;
    velo_status status; /* the first failure */
    vl_plan *plan;
    const char *text;     /* of the statement */
    vl_program *programs; /* program_count of them */
    uint8_t *effects;     /* vl_expr_effect of each */
    uint32_t program_count;
    uint32_t program_capacity;
    vl_bind_id *ids; /* id_count of them */
    uint32_t id_count;
    uint32_t id_capacity;
    uint32_t stamp;             /* of the layout in use */
    uint32_t depth;             /* queries around the one at hand */
    vl_bind_frame *frame;       /* of the program that is being made */
    const vl_table_def **views; /* that are being expanded, view_count of them */
    uint32_t view_count;
    uint32_t quiet;                /* failures are tried: their words do not matter */
    char near[VL_ERROR_NEAR_SIZE]; /* near_size bytes: the name that was probably meant, for the
                                      failure that is told next */
    uint32_t near_size;
    uint32_t repeated;     /* what is planned is run for each row of something else */
    uint32_t generated;    /* VIRTUAL columns that were expanded */
    vl_purity purity;      /* of what is being bound */
    vl_conflict conflict;  /* of the action whose body is made; DEFAULT: statements say it */
    const char *inner;     /* the trigger, view or CTE around what is bound, or NULL */
    uint32_t unasked;      /* what is bound is not what the statement says: nobody is asked */
    int is_ignored;        /* the application wants the statement left out */
    const vl_schema *home; /* of a body: where its tables are; else NULL */
    vl_bind_scope *around; /* of a trigger's body: the scope with OLD and NEW; else NULL */
    vl_bind_frame root;    /* of program 0, when it is made */
    vl_action *actions;    /* of the plan, action_count of them */
    uint32_t action_count;
    uint32_t action_capacity;
};

/* ---- bind_auth.c: what the application allows ---- */

typedef enum vl_bind_answer {
    VL_BIND_ALLOWED,
    VL_BIND_IGNORED, /* what this means depends on the action */
    VL_BIND_DENIED   /* the binder has failed */
} vl_bind_answer;

/* Ask the authorizer, if there is one. */
vl_bind_answer vl_bind_ask(vl_binder *b, const vl_bind_scope *scope, velo_action action,
                           const char *first, const char *second, const char *database);

/* The same for an action on a table, and for one on a column (or VL_COLUMN_ROWID) of a source that
 * is a table or view. */
vl_bind_answer vl_bind_ask_table(vl_binder *b, const vl_bind_scope *scope, velo_action action,
                                 const vl_table_def *table, const char *second);
vl_bind_answer vl_bind_ask_column(vl_binder *b, const vl_bind_scope *scope, velo_action action,
                                  const vl_bind_source *source, int32_t column);

/* A column of a source, or VL_COLUMN_ROWID, that is read by name; NULL constant: it is hidden. */
vl_expr *vl_bind_read(vl_binder *b, const vl_bind_scope *scope, const vl_bind_source *source,
                      int32_t column, const vl_ast *at);

/* Whether a function may be called; *answer IGNORED: its result is NULL. */
int vl_bind_ask_function(vl_binder *b, const vl_bind_scope *scope, vl_bind_word name,
                         vl_bind_answer *answer);

/* Whether to go on with a statement or SELECT; else it has failed, or is to be left out. table:
 * that is changed, or NULL. */
int vl_bind_may(vl_binder *b, const vl_bind_scope *scope, velo_action action,
                const vl_table_def *table);

/* A SELECT is bound: ask for tables of which no column is named. */
void vl_bind_ask_unnamed(vl_binder *b, const vl_bind_scope *scope);

/* The plan of a statement that is left out. */
velo_status vl_plan_ignored(vl_binder *b, vl_plan **plan) VL_MUST_CHECK;

/* ---- bind_near.c: names that were probably meant ---- */

/* Look for the name nearest to an unknown one, and keep it for the vl_bind_fail that follows.
 *
 * schema, table  what stood before the name, or none. When no source is called `table`, the
 *                source whose name is near that is what was meant */
void vl_bind_near_table(vl_binder *b, const vl_bind_scope *scope, vl_bind_word schema,
                        vl_bind_word name);
void vl_bind_near_column(vl_binder *b, const vl_bind_scope *scope, vl_bind_word table,
                         vl_bind_word column);
/* The same among the columns of one source: those that SET names. */
void vl_bind_near_set(vl_binder *b, const vl_bind_source *target, vl_bind_word column);
/* The same among the built-in functions. */
void vl_bind_near_function(vl_binder *b, vl_bind_word name);

/* ---- bind_tree.c: memory, failures, expressions as trees ---- */

/* Fail, with the place of `at` if it is of the statement's own text (scope NULL: it is). Returns
 * NULL. */
void *vl_bind_fail(vl_binder *b, const vl_bind_scope *scope, const vl_ast *at, const char *format,
                   ...) VL_PRINTF(4, 5);
void *vl_bind_no_memory(vl_binder *b);

/* Zeroed memory, or NULL. */
void *vl_bind_alloc(vl_binder *b, size_t count, size_t size);

/* A list with room for one more than `count`; what is new is zero. NULL: failed. */
void *vl_bind_grow(vl_binder *b, void *list, uint32_t count, uint32_t *capacity, size_t size);

/* A copy that is ended, or NULL. */
const char *vl_bind_text(vl_binder *b, const char *text, size_t size);

/* Whether a text of `size` bytes is the word, without regard to case. */
int vl_bind_is(const char *text, size_t size, const char *word);

/* Append to a list that only this function appends to. */
void vl_exprs_add(vl_binder *b, vl_exprs *exprs, vl_expr *expr);

/* A node with room for kids, of no affinity and any class. */
vl_expr *vl_expr_new(vl_binder *b, vl_expr_kind kind, uint32_t kid_count, const vl_ast *at);

/* Set what follows from the kids: effect, whether it is constant, COLLATE. NULL kids: NULL. */
vl_expr *vl_expr_finish(vl_binder *b, vl_expr *expr);

/* A copy of the node, with the same kids. */
vl_expr *vl_expr_copy(vl_binder *b, const vl_expr *expr);

/* The same with a list of kids of its own. */
vl_expr *vl_expr_copy_kids(vl_binder *b, const vl_expr *expr);

vl_expr *vl_expr_constant(vl_binder *b, vl_value value, const vl_ast *at);

/* An expression for an id of a source's column; of an aggregate without type. */
vl_expr *vl_expr_column(vl_binder *b, uint32_t id, const vl_ast *at);

/* A column of a source, by position. A VIRTUAL one of a table that is read is its expression. */
vl_expr *vl_bind_source_expr(vl_binder *b, const vl_bind_source *source, uint32_t column,
                             const vl_ast *at);

/* A COLUMN that is lowered already. */
vl_expr *vl_expr_position(vl_binder *b, uint32_t position, const vl_bind_column *column);

/* left op right, with SQLite's affinity and collation. */
vl_expr *vl_expr_compare(vl_binder *b, vl_comparison op, vl_expr *left, vl_expr *right,
                         const vl_ast *at);

/* The collation by which two sides are compared, and that of one expression. 0: it has none. */
uint8_t vl_expr_collation_of_two(const vl_binder *b, const vl_expr *left, const vl_expr *right);
int vl_expr_collation(const vl_binder *b, const vl_expr *expr, uint8_t *collation);

/* Something compares by a collation: fail if the connection does not have it. Returns it. */
uint8_t vl_bind_need(vl_binder *b, uint8_t collation);

/* Whether two bound expressions say the same and may be computed once. */
int vl_expr_equal(const vl_expr *a, const vl_expr *b);

/* Whether it can be seen that `wanted` is true where `given` is (plan_imply.c). */
int vl_expr_implies(const vl_expr *given, const vl_expr *wanted);

/* Add the conjuncts of an expression to a list. */
void vl_expr_conjuncts(vl_binder *b, vl_expr *expr, vl_exprs *list);

/* Sources of the scope that the expression names: 1 << place. */
uint64_t vl_expr_places(const vl_binder *b, const vl_expr *expr, const vl_bind_scope *scope);

/* Nodes of an expression, counted up to VL_EXPR_SIZE_MAX + 1. Bounds what is put together of
 * several expressions, and so how deep recursion goes. */
#define VL_EXPR_SIZE_MAX 4000U
uint32_t vl_expr_size(const vl_expr *expr);

/* Call `visit` for each id that the expression names. */
void vl_expr_visit(const vl_expr *expr, void (*visit)(void *arg, uint32_t id), void *arg);

/* The expression with each COLUMN of id base + i replaced by results[i]. */
vl_expr *vl_expr_substitute(vl_binder *b, vl_expr *expr, uint32_t base, const vl_exprs *results);

/* The expression with each part that equals froms[i] replaced by COLUMN of ids[i]. */
vl_expr *vl_expr_replace(vl_binder *b, vl_expr *expr, const vl_exprs *froms, const uint32_t *ids);

/* ---- bind_lower.c: ids, layouts, programs ---- */

/* `count` ids in a row of a source (NULL: of an aggregate); the first of them. */
uint32_t vl_bind_id_new(vl_binder *b, vl_bind_source *source, uint32_t count);

/* The id of a column of a source, by position or VL_COLUMN_ROWID; what is the rowid has one. */
uint32_t vl_bind_source_id(const vl_bind_source *source, int32_t column);

/* A layout of `count` ids, from `first` on; UINT32_MAX: to be filled in. */
vl_bind_layout vl_bind_layout_new(vl_binder *b, uint32_t first, uint32_t count);
vl_bind_layout vl_bind_layout_join(vl_binder *b, const vl_bind_layout *left,
                                   const vl_bind_layout *right);

/* Lower for rows of the layout, in b->frame. NULL gives NULL. */
vl_expr *vl_lower(vl_binder *b, const vl_bind_layout *layout, vl_expr *expr);
vl_exprs vl_lower_all(vl_binder *b, const vl_bind_layout *layout, const vl_exprs *exprs);

/* An operator with children; its column count is to be set. NULL children: NULL. */
vl_op *vl_op_new(vl_binder *b, vl_op_kind kind, uint32_t child_count, vl_op *left, vl_op *right);

/* A SORT of what `rel` yields, by terms that have expressions. */
vl_op *vl_sort_new(vl_binder *b, vl_bind_rel rel, const vl_bind_order *order, uint32_t count);

/* Reserve the number of a program, begin to make it, and end. `frame` is the caller's. */
uint32_t vl_program_new(vl_binder *b, const char *name);
vl_bind_frame *vl_program_begin(vl_binder *b, vl_bind_frame *frame);
void vl_program_end(vl_binder *b, vl_bind_frame *outer, uint32_t program, vl_op *root);

/* COLUMN expressions for ids: the arguments of a program, to be lowered where it is used. */
vl_exprs vl_program_arguments(vl_binder *b, const uint32_t *ids, uint32_t count, const vl_ast *at);

/* ---- bind_name.c ---- */

/* The meaning of a COLUMN node. */
vl_expr *vl_bind_name(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast);

/* The column of a name among sources [first, end) of one scope, by the rules of USING, without
 * aliases and words: NULL when there is none, in which case nothing failed. */
vl_expr *vl_bind_unqualified(vl_binder *b, vl_bind_scope *scope, uint32_t first, uint32_t end,
                             vl_bind_word name, const vl_ast *at);

/* Position of a column of a source by name, or -1. */
int32_t vl_bind_source_column(const vl_bind_source *source, const char *name, size_t size);

/* ---- bind_expr.c, bind_func.c ---- */

vl_expr *vl_bind_expr(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast);

/* A row value: its elements; of anything else the one. */
vl_exprs vl_bind_row(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast);

/* A tree for SELECT * of a FROM list, or NULL. */
const vl_ast *vl_bind_all_of(vl_binder *b, const vl_ast *from);

/* Elements of a list. */
vl_exprs vl_bind_list(vl_binder *b, vl_bind_scope *scope, const vl_ast *list);

vl_expr *vl_bind_function(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast);

/* Call of a function without syntax of its own: CURRENT_TIME, REGEXP, -> */
vl_expr *vl_bind_call_named(vl_binder *b, vl_bind_scope *scope, const char *name,
                            vl_exprs arguments, const vl_ast *at);

/* Whether the application has a function in place of a built-in one: LIKE and GLOB then call it. */
int vl_bind_is_overridden(const vl_binder *b, const char *name, uint32_t count);

/* An expression that is bound already, with a COLLATE around it. */
vl_expr *vl_bind_collate(vl_binder *b, const vl_bind_scope *scope, const vl_ast *ast,
                         const vl_expr *inner);

/* Collation by name. 0: failed. */
int vl_bind_collation(vl_binder *b, const vl_bind_scope *scope, const vl_ast *at, const char *name,
                      size_t size, uint8_t *collation);

/* Storage classes of what has an affinity applied, or was CAST to it. */
uint8_t vl_bind_classes(vl_affinity affinity, int is_cast);

/* Whether two windows divide and sort alike. */
int vl_window_sorts_alike(const vl_bind_window *a, const vl_bind_window *b);

/* Sort keys of a list of TERM, bound. 0: failed. */
int vl_bind_sort_keys(vl_binder *b, vl_bind_scope *scope, const vl_ast *list, vl_sort_key **keys,
                      uint32_t *count);

/* ---- bind_window.c ---- */

/* Read a WINDOW clause into its scope. */
void vl_bind_windows(vl_binder *b, vl_bind_scope *scope, const vl_ast *list);

/* A call with OVER of a function that may have it. */
vl_expr *vl_bind_window_function(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast,
                                 const vl_plan_func *found);

/* ---- bind_from.c, bind_cte.c ---- */

/* Read a FROM list into a scope and its tree. */
void vl_bind_from(vl_binder *b, vl_bind_scope *scope, const vl_ast *list, vl_join_item *into);

/* Note that the statement reads or changes tables of a schema. */
void vl_bind_use_schema(vl_binder *b, const vl_schema *schema, int is_writing);

/* The same by a database's name. */
void vl_bind_use_database(vl_binder *b, const char *database, int is_writing);

/* The trigger that comes after `last` among those of a table, in the order in which they are fired:
 * those of "temp" on a table elsewhere come first. last NULL: the first one. */
const vl_trigger_def *vl_bind_next_trigger(vl_binder *b, const vl_table_def *table,
                                           const vl_trigger_def *last);

/* What EXPLAIN QUERY PLAN calls a source. */
const char *vl_bind_shown_name(vl_binder *b, const vl_bind_source *source);

/* The table or view of a name that is looked for in all databases, or NULL. */
const vl_table_def *vl_bind_find_table(vl_binder *b, const vl_ast *qname);

/* The table or view of a name; fails when there is none. */
const vl_table_def *vl_bind_table(vl_binder *b, vl_bind_scope *scope, const vl_ast *qname);

/* A source for a table, whose row is given or is to be read. */
vl_bind_source *vl_bind_source_of_table(vl_binder *b, const vl_table_def *table,
                                        vl_bind_source_kind kind, vl_bind_word alias);

/* Put a source into a scope. */
void vl_bind_scope_add(vl_binder *b, vl_bind_scope *scope, vl_bind_source *source);

/* INDEXED BY and NOT INDEXED of a SOURCE node. */
void vl_bind_index_choice(vl_binder *b, vl_bind_scope *scope, vl_bind_source *source,
                          const vl_ast *ast);

/* The CTE of a name, or NULL. */
vl_cte *vl_bind_find_cte(const vl_with *with, const char *name, size_t size);

/* Make a source of a CTE. */
void vl_bind_cte_use(vl_binder *b, vl_bind_scope *scope, vl_cte *cte, vl_bind_source *source,
                     const vl_ast *at);

/* Read a WITH; NULL gives those of `like`. `scope` is around the query, `whole` the statement that
 * it belongs to. */
const vl_with *vl_bind_with(vl_binder *b, vl_bind_scope *scope, const vl_bind_scope *like,
                            const vl_ast *with, const vl_ast *whole);

/* A query for a view. */
void vl_bind_view(vl_binder *b, vl_bind_source *source, const vl_table_def *view);

/* Names of columns for a source, no two the same. */
vl_bind_column *vl_bind_own_columns(vl_binder *b, const vl_bind_column *columns, uint32_t count);

/* ---- bind_query.c, bind_order.c ---- */

/* Bind a query. `scope` is what is around it, `like` gives home, text and CTEs; both may be the
 * same. */
/* Columns of a query by its cores: names of the first, what all of them can be, and the collation
 * of the first that has one. */
void vl_bind_merge_cores(vl_binder *b, vl_query *query);

/* Let a query that stands in FROM yield plain text where JSON functions made it: what is JSON is so
 * only where it is an argument. */
void vl_bind_forget_json(vl_binder *b, vl_query *query);

vl_query *vl_bind_query(vl_binder *b, vl_bind_scope *parent, const vl_bind_scope *like,
                        const vl_ast *ast);

/* A part of a query: cores from `first` on, `count` of them; ORDER BY and LIMIT are not read. */
vl_query *vl_bind_cores(vl_binder *b, vl_bind_scope *parent, const vl_bind_scope *like,
                        const vl_ast *first, uint32_t count);

/* ORDER BY, LIMIT and OFFSET of a query whose cores are bound. */
void vl_bind_order_by(vl_binder *b, vl_query *query, const vl_ast *order);
void vl_bind_limit(vl_binder *b, vl_query *query, const vl_bind_scope *like, const vl_ast *limit,
                   const vl_ast *offset);

/* Bind result columns (RESULT and STAR) in a scope. */
int vl_bind_results(vl_binder *b, vl_bind_scope *scope, const vl_ast *list, vl_exprs *results,
                    vl_bind_column **columns);

/* A scope within `parent` with home, text and CTEs as `like`. */
vl_bind_scope *vl_bind_scope_new(vl_binder *b, vl_bind_scope *parent, const vl_bind_scope *like);

/* Whether a term of ORDER BY or GROUP BY is a whole number, which says which result it means. */
int vl_bind_ordinal(const vl_ast *term, int64_t *number);

/* The slot that a number means; fails when it is out of range. `rank` is the term's, from 1. */
uint32_t vl_bind_ordinal_slot(vl_binder *b, const vl_bind_scope *scope, const vl_ast *term,
                              int64_t number, uint32_t count, uint32_t rank, const char *clause);

/* Words for an ordinal: 1st, 2nd. */
const char *vl_bind_rank(uint32_t number, char *to, size_t size);

/* ---- plan_query.c, plan_from.c, plan_scan.c ---- */

/* What is known of how a query's rows are used. */
typedef struct vl_query_use {
    uint32_t base;  /* ids of its columns in the query around it: unused ones are not computed */
    vl_exprs where; /* conjuncts on those ids that hold for every row that is wanted: vl_query_takes
                       said yes to each */
} vl_query_use;

/* Operators for a query; its rows are the columns. `use` NULL: all of it is used; the layout then
 * has no ids. */
vl_bind_rel vl_plan_query(vl_binder *b, const vl_query *query, const vl_query_use *use);

/* Whether a conjunct on the columns, whose ids begin with `base`, may be decided within a query. */
int vl_query_takes(const vl_binder *b, const vl_query *query, uint32_t base,
                   const vl_expr *conjunct);

/* A program for a query: its number. The ids of its arguments are given. `only`: one column. */
uint32_t vl_plan_program(vl_binder *b, const vl_query *query, const char *name, uint32_t only,
                         vl_bind_frame *frame);

/* The order that rows should come in. `is_met` says whether they do. */
typedef struct vl_wish {
    const vl_bind_order *order; /* count of them, with expr */
    uint32_t count;
    int is_limited; /* few rows are wanted */
    int is_hashed;  /* of groups: without the order a hash table does */
    int is_met;
    vl_expr *limit;  /* only so many rows of FROM are needed, behind `offset` of them; NULL: not */
    vl_expr *offset; /* see limit */
    int is_offset_met; /* those before the offset do not come */
} vl_wish;

/* The expressions of the scope's live calls of window functions and of their windows, in an order
 * that vl_plan_windows knows. */
vl_exprs vl_window_exprs(vl_binder *b, const vl_bind_scope *scope);

/* The order that rows should come in, for the first window that is computed. 0: it has none. */
int vl_window_wish(vl_binder *b, const vl_bind_scope *scope, vl_wish *wish);

/* Operators for the scope's live window functions: `exprs` are those of vl_window_exprs, made to
 * speak of the rows of `rel`. is_met: these have the order of vl_window_wish. */
vl_bind_rel vl_plan_windows(vl_binder *b, const vl_bind_scope *scope, vl_bind_rel rel,
                            const vl_exprs *exprs, int is_met);

/* Whether rows behind the window functions have an order. */
int vl_window_is_ordered(vl_binder *b, const vl_bind_scope *scope, const vl_bind_order *order,
                         uint32_t count);

/* Operators for a FROM and WHERE. */
vl_bind_rel vl_plan_from(vl_binder *b, const vl_bind_scope *scope, const vl_join_item *from,
                         const vl_exprs *where, vl_wish *wish);

/* FILTER on a relation, if there are conjuncts: total ones first. */
vl_bind_rel vl_plan_filter(vl_binder *b, vl_bind_rel rel, const vl_exprs *conjuncts);

/* Conjuncts in the order in which they are evaluated. */
vl_exprs vl_plan_conjunct_order(vl_binder *b, const vl_exprs *conjuncts);

/* How a conjunct restricts a column. */
typedef enum vl_bind_use_kind {
    VL_USE_EQUAL, /* = value */
    VL_USE_IS,    /* IS value */
    VL_USE_NULL,  /* IS NULL */
    VL_USE_LIST,  /* IN (...) */
    VL_USE_QUERY, /* IN a program */
    VL_USE_LOW,   /* > or >= value */
    VL_USE_HIGH   /* < or <= value */
} vl_bind_use_kind;

typedef struct vl_bind_use {
    vl_bind_use_kind kind;
    uint32_t conjunct;   /* its number */
    vl_expr *subject;    /* what is restricted: a column of the table, or an expression */
    int32_t column;      /* position, VL_COLUMN_ROWID, or -2: not a column */
    vl_expr *value;      /* EQUAL, IS, LOW, HIGH */
    const vl_expr *in;   /* LIST, QUERY: the conjunct */
    uint8_t affinity;    /* by which it compares */
    uint8_t collation;   /* by which it compares */
    uint8_t is_excluded; /* < or > */
    uint8_t is_half;     /* BETWEEN: the other half decides as well */
} vl_bind_use;

/* A way to read a virtual table: plan_virtual.c. */
typedef struct vl_virtual_path vl_virtual_path;

/* A way to read a table. */
typedef struct vl_bind_path {
    const vl_virtual_path *virtual_path; /* of a virtual one, the rest but order, rows and cost is
                                            not used; else NULL */
    const vl_index_def *index;           /* NULL: by rowid */
    const vl_bind_use **keys;            /* key_count of them */
    uint32_t key_count;
    const vl_bind_use *low; /* or NULL */
    const vl_bind_use *high;
    const struct vl_bind_arm *arms; /* arm_count of them, of an OR: their union; by rowid */
    uint32_t arm_count;
    uint32_t arms_conjunct; /* number of the OR */
    int is_covering;
    int is_backward;
    int is_ordered; /* rows come as wished */
    double rows;    /* that are found, for one scan */
    double cost;    /* of one scan */
} vl_bind_path;

/* How the rows of one arm of an OR are found: plan_or.c. */
typedef struct vl_bind_arm {
    vl_bind_path path; /* without arms; what it does not decide, the OR as a whole decides */
} vl_bind_arm;

/* The best way to read a table with conjuncts whose other sides name sources of `given` only.
 * 0: failed. */
int vl_plan_path(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts,
                 uint64_t given, const vl_wish *wish, vl_bind_path *path);

/* The operator for a path. Conjuncts that the path does not decide are its filter. */
vl_bind_rel vl_plan_scan(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts,
                         const vl_bind_path *path);

/* Whether a path looks up or bounds anything by a source of `places`. */
int vl_plan_path_needs(const vl_binder *b, const vl_bind_path *path, const vl_bind_scope *scope,
                       uint64_t places);

/* ---- plan_or.c ---- */

/* The ways to find the rows of each arm of the OR that is conjunct `number`; the other conjuncts
 * help. rows and cost are set, order is not. 0: an arm would read all of the table, or failed. */
int vl_or_plan_path(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts,
                    uint32_t number, uint64_t given, vl_bind_path *path);

/* What looks up the rowids that the arms find. */
void vl_or_plan_lookup(vl_binder *b, const vl_bind_source *source, const vl_bind_path *path,
                       vl_lookup *lookup);

/* vl_plan_path, vl_plan_scan and vl_plan_path_needs of a virtual table: plan_virtual.c. */
int vl_virtual_plan_path(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts,
                         uint64_t given, const vl_wish *wish, vl_bind_path *path);
vl_bind_rel vl_virtual_plan_scan(vl_binder *b, const vl_bind_source *source,
                                 const vl_exprs *conjuncts, const vl_bind_path *path);
uint64_t vl_virtual_path_places(const vl_binder *b, const vl_virtual_path *path,
                                const vl_bind_scope *scope);

/* Whether a way takes it upon itself to leave out rows before the wish's offset. */
int vl_virtual_path_offsets(const vl_virtual_path *path);

/* The function that a call means whose `column` is one of a virtual table; NULL: none of its own.
 */
const struct vl_func *vl_virtual_function(vl_binder *b, const char *name, size_t size,
                                          uint32_t count, const vl_expr *column);

static inline int
vl_bind_is_virtual(const vl_table_def *table)
{
    return table->instance != NULL;
}

/* Rows of a table, estimated. */
double vl_plan_table_rows(const vl_binder *b, const vl_table_def *table);

/* ---- bind_change.c, bind_insert.c ---- */

void vl_bind_insert(vl_binder *b, const vl_ast *ast);
void vl_bind_update(vl_binder *b, const vl_ast *ast);
void vl_bind_delete(vl_binder *b, const vl_ast *ast);

/* Give a source of a table the name of the table: its own texts know no other. */
void vl_bind_unalias(vl_bind_source *source);

/* A scope with one source, for expressions of its table's own texts. */
vl_bind_scope *vl_bind_own_scope(vl_binder *b, vl_bind_source *source);

/* The defaults of the columns of a table and of its rowid (bind_insert.c). */
void vl_bind_defaults(vl_binder *b, vl_bind_source *target, vl_exprs *defaults);

/* What all changes have: checks, generated columns, index expressions. `source` is the row's. */
void vl_bind_change_target(vl_binder *b, vl_bind_source *source, vl_change_target *target,
                           const vl_bind_layout *row);

/* RETURNING, and the plan's columns. */
void vl_bind_returning(vl_binder *b, vl_bind_scope *scope, const vl_ast *list,
                       vl_change_target *target, const vl_bind_layout *row);

/* Refuse what may not be changed. sets: of an UPDATE, or NULL. 0: failed. */
int vl_bind_may_change(vl_binder *b, const vl_bind_scope *scope, const vl_table_def *table,
                       vl_ast_op event, const vl_ast *sets);

/* The conflict clause of a statement: that of an action it belongs to goes before its own. */
vl_conflict vl_bind_conflict(const vl_binder *b, vl_ast_op written);

/* ---- bind_trigger.c ---- */

/* The triggers that a change fires.
 *
 * sets           of an UPDATE: which columns are set decides about UPDATE OF; else NULL
 * conflict       what their statements do: DEFAULT, or what goes before their own clauses
 * is_of_replace  for rows that REPLACE deletes */
vl_fires vl_bind_fires(vl_binder *b, const vl_table_def *table, vl_ast_op event, const vl_ast *sets,
                       vl_conflict conflict, int is_of_replace);

/* The number of an action in the plan, once for all actions that are the same; 0 after a failure.
 */
uint32_t vl_bind_action(vl_binder *b, vl_action action);

/* ---- bind_foreign.c ---- */

/* The foreign keys that a change has to do with, if they are enforced; NULL: none, or failed.
 * Arguments as for vl_bind_fires. */
const vl_foreign *vl_bind_foreign(vl_binder *b, const vl_table_def *table, vl_ast_op event,
                                  const vl_ast *sets, int is_of_replace);

/* Whether a SET of an UPDATE names a column: by the names that are written. */
int vl_bind_sets_name(const vl_ast *sets, const char *name, size_t size);

/* Whether a change fires any trigger. */
int vl_bind_has_fires(vl_binder *b, const vl_table_def *table, vl_ast_op event, const vl_ast *sets);

/* A source for a view, to be read. */
vl_bind_source *vl_bind_source_of_view(vl_binder *b, const vl_table_def *view, vl_bind_word alias);

/* A source for the row of a table or view that is given. */
vl_bind_source *vl_bind_source_given(vl_binder *b, const vl_table_def *table, vl_bind_word alias);

static inline int
vl_bind_is_view(const vl_table_def *table)
{
    return table->object.type == VL_OBJECT_VIEW;
}

/* ---- plan_make.c ---- */

/* Text and home of the statement's own names. */
static inline vl_bind_scope
vl_bind_statement_scope(const vl_binder *b)
{
    return (vl_bind_scope){
        .home = b->home, .text = b->text, .text_size = b->text != NULL ? strlen(b->text) : 0};
}

/* Begin b->plan, with program 0 reserved unless the kind is OTHER. 0: failed. */
int vl_plan_begin(vl_binder *b, vl_plan_kind kind, uint32_t variable_count);

/* Read a SELECT, INSERT, UPDATE or DELETE as program 0. */
void vl_bind_statement(vl_binder *b, const vl_ast *statement);

/* Give the plan, if all of it was made. */
velo_status vl_plan_finish(vl_binder *b, vl_plan **plan);

/* The layout of a full row. */
vl_bind_layout vl_bind_full_row(vl_binder *b, const vl_bind_source *source);

/* SETs of an UPDATE or UPSERT: columns and bound values. 0: failed. */
int vl_bind_sets(vl_binder *b, vl_bind_scope *scope, const vl_bind_source *target,
                 const vl_ast *list, const int32_t **columns, vl_exprs *values);

#endif
