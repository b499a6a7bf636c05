/* plan.h - what a statement is turned into: expressions and operators, ready to be executed.
 *
 * A plan is a table of *programs*. A program is a tree of operators that yields rows; number 0 is
 * the statement itself, others are subqueries, common table expressions and the bodies of triggers.
 * A program that depends on rows around it has arguments: whoever runs it evaluates
 * `arguments` in its own row and hands the values over; inside it they are OUTER expressions. So no
 * expression looks at any row but the one that its operator reads, and its program's arguments.
 *
 * Every operator yields rows of `column_count` values. Expressions of an operator are evaluated on
 * the row of its child; those of a join on the row that is the left child's followed by the right
 * child's; those of a scan on its own row. Which rows arrive in which order is part of the plan's
 * contract (31, item 18): each operator says in which order it yields.
 *
 * Ownership: all of a plan is in one arena, is immutable once made, and refers to schemas by
 * reference (vl_plan.schemas). It is shared by executions one after the other; state is theirs.
 *
 * sql makes plans, exec runs them; this header is all that exec knows of sql. */
#ifndef VL_SQL_PLAN_H
#define VL_SQL_PLAN_H

#include "base/arena.h"
#include "base/type.h"
#include "catalog/schema.h"
#include "vec/value.h"

typedef struct vl_expr vl_expr;
typedef struct vl_op vl_op;
typedef struct vl_program vl_program;

/* A function of func/registry.h. */
struct vl_func;

/* ---- expressions ---- */

/* Places where functions must be deterministic, whatever their arguments are. */
typedef enum vl_purity {
    VL_PURITY_NONE,
    VL_PURITY_INDEX,
    VL_PURITY_CHECK,
    VL_PURITY_GENERATED
} vl_purity;

typedef enum vl_expr_kind {
    VL_EXPR_CONSTANT,   /* value */
    VL_EXPR_PARAM,      /* index: number of the parameter, from 1 */
    VL_EXPR_COLUMN,     /* index: of the row at hand */
    VL_EXPR_OUTER,      /* index: of the program's arguments */
    VL_EXPR_NEGATE,     /* - kid 0 */
    VL_EXPR_BIT_NOT,    /* ~ kid 0 */
    VL_EXPR_NOT,        /* NOT kid 0 */
    VL_EXPR_IS_NULL,    /* kid 0 IS NULL; is_not: IS NOT NULL */
    VL_EXPR_IS_TRUE,    /* kid 0 IS TRUE; is_not: IS NOT TRUE; op 1: IS FALSE */
    VL_EXPR_ARITHMETIC, /* op: vl_operator; kids 0 and 1 */
    VL_EXPR_CONCAT,     /* kids 0 || 1 */
    VL_EXPR_COMPARE,    /* op: vl_comparison; kids 0 and 1; compared: the affinity; collation */
    VL_EXPR_BETWEEN,    /* kid 0 BETWEEN 1 AND 2; compared and compared2: affinities with kid 1 and
                           kid 2; collation and collation2; is_not */
    VL_EXPR_AND,        /* kids, two or more */
    VL_EXPR_OR,         /* kids, two or more */
    VL_EXPR_LIKE, /* kid 0 LIKE kid 1, kid 2 is the escape, if there are three; op 1: GLOB; is_not
                   */
    VL_EXPR_CASE, /* base (if op is 1), then when, then pairs, and else if the count is odd then.
                     With a base each WHEN kid is a COMPARE whose kid 0 is BASE */
    VL_EXPR_BASE, /* within CASE with a base: the base's value; within LET: that of kid `index` */
    VL_EXPR_LET,  /* the last kid, in which BASE is the value of one of the first `op` kids, each of
                     which is evaluated once: an operand that is a row value */
    VL_EXPR_CAST, /* kid 0; affinity: to which */
    VL_EXPR_CONVERT,  /* kid 0 with `affinity` applied, as when it is stored; op 1: as before a
                         comparison, where numeric affinities change text only; op 2: the kid as
                         it is, with a collation of its own */
    VL_EXPR_COALESCE, /* the first of the kids that is not NULL; later ones are not evaluated; op 1:
                         a column of FULL JOIN with USING, which compares as kid 0 does */
    VL_EXPR_FUNCTION, /* func; kids: arguments; collation: what it compares by */
    VL_EXPR_IN_LIST,  /* kid 0 IN (the others); compared: affinity for all; collation; is_not */
    VL_EXPR_IN_QUERY, /* kids 0 to op - 1 IN the rows of a program of op columns; is_not; compared
                         of column i: affinities[i]; collations[i]; arguments: the rest of the kids
                       */
    VL_EXPR_EXISTS,   /* of a program; is_not; kids: its arguments */
    VL_EXPR_SCALAR,   /* column `index` of the first row of a program, or NULL; kids: its arguments.
                         The program is run once for all columns of a row value */
    VL_EXPR_ROW_COMPARE, /* op: vl_comparison; kids: left row, then right row, of the same size;
                            affinities[i], collations[i] of column i */
    VL_EXPR_RAISE        /* op: vl_conflict; kid 0: message, unless IGNORE */
} vl_expr_kind;

typedef enum vl_comparison {
    VL_COMPARE_EQ,
    VL_COMPARE_NE,
    VL_COMPARE_LT,
    VL_COMPARE_LE,
    VL_COMPARE_GT,
    VL_COMPARE_GE,
    VL_COMPARE_IS,    /* NULLs are equal */
    VL_COMPARE_IS_NOT /* the opposite */
} vl_comparison;

/* What evaluating an expression may do (31, item 20). */
typedef enum vl_expr_effect {
    VL_EFFECT_TOTAL,   /* cannot fail, has no effect */
    VL_EFFECT_FAILING, /* can fail: only for rows that reach it */
    VL_EFFECT_VOLATILE /* differs from call to call, or does something */
} vl_expr_effect;

/* Storage classes that an expression can yield: a set of 1 << vl_type. */
enum {
    VL_CLASS_INTEGER = 1U << VL_TYPE_INTEGER,
    VL_CLASS_REAL = 1U << VL_TYPE_REAL,
    VL_CLASS_TEXT = 1U << VL_TYPE_TEXT,
    VL_CLASS_BLOB = 1U << VL_TYPE_BLOB,
    VL_CLASS_NULL = 1U << VL_TYPE_NULL,
    VL_CLASS_ANY = 0x3eU
};

struct vl_expr {
    uint8_t kind;          /* vl_expr_kind */
    uint8_t op;            /* as the kind says */
    uint8_t is_not;        /* as the kind says */
    uint8_t effect;        /* vl_expr_effect, of the whole expression */
    uint8_t affinity;      /* vl_affinity of the expression itself */
    uint8_t compared;      /* vl_affinity that is applied to both sides before they are compared */
    uint8_t compared2;     /* see BETWEEN */
    uint8_t collation;     /* vl_collation by which it compares, or of the expression itself */
    uint8_t collation2;    /* see BETWEEN */
    uint8_t classes;       /* VL_CLASS_... it can yield */
    uint8_t is_constant;   /* the same for the whole execution: no column, no OUTER, not volatile */
    uint8_t has_collation; /* the collation was asked for by COLLATE */
    uint8_t is_column;     /* its collation counts as a column's though it is no COLUMN: a VIRTUAL
                              generated column */
    uint8_t may_be_json;   /* it can yield vl_value.is_json; a column of a table never says so */
    uint8_t purity;        /* FUNCTION: vl_purity, of the place it stands in */
    uint32_t index;        /* PARAM, COLUMN, OUTER, SCALAR, BASE */
    uint32_t program;      /* IN_QUERY, EXISTS, SCALAR: which */
    uint32_t kid_count;
    uint32_t offset; /* where it stands in the text, for errors */
    vl_expr **kids;
    vl_value value;             /* CONSTANT */
    const struct vl_func *func; /* FUNCTION */
    const uint8_t *affinities;  /* IN_QUERY, ROW_COMPARE */
    const uint8_t *collations;  /* IN_QUERY, ROW_COMPARE */
};

/* A list of expressions. */
typedef struct vl_exprs {
    vl_expr **list;
    uint32_t count;
} vl_exprs;

/* ---- operators ---- */

typedef enum vl_op_kind {
    VL_OP_KIND_VALUES,        /* rows of constants and other expressions without columns */
    VL_OP_KIND_TABLE_SCAN,    /* rows of a table by rowid */
    VL_OP_KIND_INDEX_SCAN,    /* rows of a table by an index */
    VL_OP_KIND_FUNCTION_SCAN, /* rows of a table-valued function */
    VL_OP_KIND_VIRTUAL_SCAN,  /* rows of a virtual table */
    VL_OP_KIND_PROGRAM_SCAN, /* rows of another program (a CTE, a view), perhaps kept for several */
    VL_OP_KIND_QUEUE_SCAN,   /* within a recursive term: the row at hand of the queue */
    VL_OP_KIND_FILTER,
    VL_OP_KIND_PROJECT,
    VL_OP_KIND_LOOP_JOIN, /* for each left row all of a program with arguments */
    VL_OP_KIND_HASH_JOIN,
    VL_OP_KIND_AGGREGATE,
    VL_OP_KIND_WINDOW, /* window functions */
    VL_OP_KIND_DISTINCT,
    VL_OP_KIND_SORT,
    VL_OP_KIND_LIMIT,
    VL_OP_KIND_COMPOUND, /* UNION and the like */
    VL_OP_KIND_RECURSE,
    VL_OP_KIND_INSERT,
    VL_OP_KIND_UPDATE,
    VL_OP_KIND_DELETE
} vl_op_kind;

/* Order of a sort key. */
typedef struct vl_sort_key {
    vl_expr *expr;
    uint8_t is_descending;
    uint8_t nulls_last; /* SQLite: NULLs are first when ascending and last when descending */
    uint8_t collation;
} vl_sort_key;

/* One end of a range of an index or of rowids. */
typedef struct vl_bound {
    vl_expr *expr; /* NULL: open. Evaluated when the scan begins; NULL's value: nothing is found */
    int is_excluded; /* < or > */
} vl_bound;

/* An equality that a scan looks up. Values are looked up as they are: where a comparison would
 * convert them first, the expression (or column 0 of the program) is a CONVERT. Of a rowid see
 * vl_op_table_scan. */
typedef struct vl_lookup {
    vl_expr *expr;      /* = this; NULL with in_list or in_program */
    vl_exprs in_list;   /* IN these, each value once, in the order of the rowid or the index */
    int32_t in_program; /* IN column 0 of this program, each value once, as those; -1: none */
    vl_exprs in_arguments;
    int is_null_equal; /* IS: NULL finds NULLs */
    int is_union; /* in_program yields the rowids that the arms of an OR find: UNION ALL of scans
                     of the same table */
} vl_lookup;

/* Whom a scan asks for columns of its table. */
enum {
    VL_COLUMN_ROWID = -1
};

/* TABLE_SCAN: rows in the order of rowids. */
typedef struct vl_op_table_scan {
    const vl_table_def *table;
    const int32_t *columns; /* column_count positions in the table, or VL_COLUMN_ROWID */
    vl_lookup *key;         /* rowid = or IN; else NULL. INTEGER is applied as for `low` */
    vl_bound low;           /* range of rowids; affinity INTEGER is applied as for a comparison */
    vl_bound high;
    vl_exprs filter; /* on the scan's row */
    int is_backward;
} vl_op_table_scan;

/* INDEX_SCAN: in the order of the index. `low` and `high` are of values, also where the term is
 * descending; where either is there, NULLs of the term are not found. A NULL that is looked up
 * finds nothing, unless is_null_equal. A scan whose keys have a list or program makes no promise of
 * order. Columns are read from the index where is_covering says so. The rowid is always there. A
 * table WITHOUT ROWID is scanned through its primary index, or another one; VL_COLUMN_ROWID is its
 * hidden rowid. */
typedef struct vl_op_index_scan {
    const vl_table_def *table;
    const vl_index_def *index;
    const int32_t *columns; /* as in vl_op_table_scan */
    vl_lookup *keys;        /* key_count of them: of the index's first terms */
    uint32_t key_count;
    vl_exprs low;  /* of the terms behind those, a range; more than one is a row value */
    vl_exprs high; /* see low */
    int low_is_excluded;
    int high_is_excluded;
    vl_exprs filter; /* on the scan's row */
    int is_backward;
    int is_covering; /* every column asked for is in the index or is the rowid */
} vl_op_index_scan;

/* FUNCTION_SCAN: a table-valued function, as pragma_table_info: exec/table_func.h. Rows come in the
 * function's order. */
typedef struct vl_op_function_scan {
    const struct vl_table_func *function;
    const int32_t *columns; /* column_count positions among the function's columns */
    vl_exprs arguments;
    vl_exprs filter;
} vl_op_function_scan;

/* VIRTUAL_SCAN: rows of a virtual table, in its order. With lookups that have several values, and
 * do not take them at once, the scan is begun for each combination. */
typedef struct vl_op_virtual_scan {
    const vl_table_def *table; /* with an instance */
    const int32_t *columns;    /* column_count positions, or VL_COLUMN_ROWID */
    const uint8_t *unchanged;  /* of each: it is read to be written back, so it may be left out */
    int number;                /* of best_index */
    const char *text;          /* likewise; NULL: none */
    vl_lookup *arguments;      /* argument_count of them */
    const uint8_t *takes_list; /* of each: all its values at once */
    uint32_t argument_count;
    int is_hex; /* EXPLAIN QUERY PLAN shows the number so */
    vl_exprs filter;
} vl_op_virtual_scan;

typedef struct vl_op_program_scan {
    uint32_t program;
    vl_exprs arguments; /* of the program, evaluated on no row: OUTER, PARAM, CONSTANT */
    int is_shared;      /* its rows are kept, and shared by all scans of the program (a CTE that is
                           used more than once); without arguments only */
} vl_op_program_scan;

typedef struct vl_op_filter {
    vl_exprs conjuncts; /* in the order in which they are evaluated */
} vl_op_filter;

typedef struct vl_op_project {
    vl_exprs exprs;
} vl_op_project;

typedef enum vl_join_kind {
    VL_JOIN_KIND_INNER,
    VL_JOIN_KIND_LEFT,
    VL_JOIN_KIND_RIGHT, /* HASH_JOIN only */
    VL_JOIN_KIND_FULL,  /* HASH_JOIN only */
    VL_JOIN_KIND_SEMI,  /* yields the left row */
    VL_JOIN_KIND_ANTI   /* yields the left row */
} vl_join_kind;

/* LOOP_JOIN: child 0 is the left side. In the order of the left side, then of the program. */
typedef struct vl_op_loop_join {
    vl_join_kind kind;
    uint32_t program;     /* right side */
    uint32_t right_count; /* its columns */
    vl_exprs arguments;   /* on the left row */
    vl_exprs condition;   /* on both: what decides whether they match, for LEFT */
} vl_op_loop_join;

/* HASH_JOIN: children 0 (probe, whose order is kept; unmatched right rows come at the end in their
 * order) and 1 (build, read whole at first). Without keys every pair is looked at. */
typedef struct vl_op_hash_join {
    vl_join_kind kind;
    vl_exprs left;                /* keys on the left row */
    vl_exprs right;               /* keys on the right row, same count */
    const uint8_t *compared;      /* affinity of each pair */
    const uint8_t *collations;    /* of each pair */
    const uint8_t *is_null_equal; /* IS instead of = */
    vl_exprs condition;           /* on both */
} vl_op_hash_join;

typedef struct vl_aggregate {
    const struct vl_func *func;
    vl_exprs arguments;
    vl_expr *filter; /* FILTER, or NULL */
    int is_distinct;
    uint8_t collation;  /* of DISTINCT, and of min and max */
    vl_sort_key *order; /* ORDER BY within the call; order_count of them */
    uint32_t order_count;
} vl_aggregate;

/* AGGREGATE yields groups, then aggregates, then bare columns, in ascending order of the groups. No
 * groups at all: one row. */
typedef struct vl_op_aggregate {
    vl_exprs groups;
    const uint8_t *collations; /* of the groups */
    vl_aggregate *aggregates;
    uint32_t aggregate_count;
    vl_exprs bare;   /* of the first row of the group, or as min_max says; NULLs without a row */
    int32_t min_max; /* the min() or max() whose row gives the bare columns, or -1 */
    int is_grouped;  /* GROUP BY was there */
    int is_sorted_input; /* rows of a group arrive together, groups ascending */
} vl_op_aggregate;

typedef enum vl_frame_unit {
    VL_FRAME_ROWS,
    VL_FRAME_RANGE, /* with an offset there is one order key */
    VL_FRAME_GROUPS
} vl_frame_unit;

typedef enum vl_frame_bound {
    VL_FRAME_UNBOUNDED_PRECEDING,
    VL_FRAME_PRECEDING, /* by an offset */
    VL_FRAME_CURRENT,
    VL_FRAME_FOLLOWING, /* by an offset */
    VL_FRAME_UNBOUNDED_FOLLOWING
} vl_frame_bound;

typedef enum vl_frame_exclude {
    VL_FRAME_EXCLUDE_UNSAID,
    VL_FRAME_EXCLUDE_NO_OTHERS,
    VL_FRAME_EXCLUDE_CURRENT,
    VL_FRAME_EXCLUDE_GROUP,
    VL_FRAME_EXCLUDE_TIES
} vl_frame_exclude;

/* Which rows of a partition a function sees, for each row. */
typedef struct vl_window_frame {
    vl_frame_unit unit;
    vl_frame_bound start;
    vl_frame_bound end;
    vl_frame_exclude exclude;
    vl_expr *start_offset; /* PRECEDING, FOLLOWING: constant; else NULL */
    vl_expr *end_offset;   /* see start_offset */
} vl_window_frame;

typedef struct vl_window_call {
    const struct vl_func *func; /* an aggregate, or a built-in window function */
    vl_exprs arguments;
    vl_expr *filter;   /* FILTER, or NULL */
    uint32_t frame;    /* number of its frame */
    uint8_t collation; /* of min and max */
} vl_window_call;

/* WINDOW: the child's rows must be sorted by the partition (ascending), then by the order; they are
 * yielded in their order, with the results of the calls behind their columns. */
typedef struct vl_op_window {
    vl_exprs partition;
    const uint8_t *collations; /* of the partition */
    vl_sort_key *order;        /* order_count of them: rows that are equal in these are peers */
    uint32_t order_count;
    vl_window_frame *frames; /* frame_count of them */
    uint32_t frame_count;
    vl_window_call *calls; /* call_count of them */
    uint32_t call_count;
} vl_op_window;

/* DISTINCT. Rows stay in the order of first appearance. */
typedef struct vl_op_distinct {
    uint32_t key_count; /* the first of the row's columns, which are compared; others come along */
    const uint8_t *collations; /* key_count of them */
} vl_op_distinct;

/* SORT, stable. With a limit only the first rows are kept. */
typedef struct vl_op_sort {
    vl_sort_key *keys;
    uint32_t key_count;
    vl_expr *limit;  /* constant, or NULL; negative: all. Rows that are needed: limit + offset */
    vl_expr *offset; /* see limit; the sort itself does not leave rows out: LIMIT above it does */
} vl_op_sort;

typedef struct vl_op_limit {
    vl_expr *limit;  /* NULL: none; negative: none */
    vl_expr *offset; /* NULL or negative: 0 */
} vl_op_limit;

typedef enum vl_compound {
    VL_COMPOUND_UNION_ALL, /* left, then right */
    VL_COMPOUND_UNION,     /* the others in ascending order of all columns */
    VL_COMPOUND_INTERSECT,
    VL_COMPOUND_EXCEPT
} vl_compound;

typedef struct vl_op_compound {
    vl_compound kind;
    const uint8_t *collations; /* of the columns */
} vl_op_compound;

/* RECURSE: child 0 yields the first rows; the program is run for each row of the queue, which it
 * reads by QUEUE_SCAN. */
typedef struct vl_op_recurse {
    uint32_t program;
    vl_exprs arguments; /* of the program, evaluated on no row */
    int is_union;       /* UNION: rows that were there already are left out */
    const uint8_t *collations;
    vl_sort_key *order; /* of the queue; none: first in, first out */
    uint32_t order_count;
    vl_expr *limit;
    vl_expr *offset;
} vl_op_recurse;

/* ---- operators that change tables ---- */

/* A foreign key of the table that is changed: rows of it are children. */
typedef struct vl_fk_up {
    const vl_fk_def *fk;
    const vl_table_def *parent; /* NULL: there is none, which only DROP TABLE passes over */
    const vl_index_def *index;  /* that has the parent key; NULL: it is the rowid */
    const uint16_t *columns;    /* of the child, one for each term of the index */
    int is_self;                /* the parent is the table itself */
    int is_held_only; /* UPDATE: the key stays, but the row moves: its parent is only held */
} vl_fk_up;

/* No number of an action. */
#define VL_FK_NONE UINT32_MAX

/* A foreign key to the table that is changed: rows of it are parents. */
typedef struct vl_fk_down {
    const vl_fk_def *fk;
    const vl_table_def *child;
    const uint16_t *columns; /* of the parent: the key, in the order of the foreign key's */
    uint32_t count_old;      /* number of the action that finds children of the old row */
    uint32_t count_new;      /* likewise, of the new row */
    uint32_t act;            /* number of what ON DELETE or ON UPDATE does, or VL_FK_NONE */
    vl_fk_action action;     /* which that is */
} vl_fk_down;

/* The foreign keys that a change of a row has to do with (exec/foreign.c). */
typedef struct vl_foreign {
    const vl_fk_up *ups; /* up_count of them */
    uint32_t up_count;
    const vl_fk_down *downs; /* down_count of them */
    uint32_t down_count;
    const char *mismatch; /* what is wrong with one of them, if REPLACE ever comes to it; or NULL */
} vl_foreign;

/* Triggers that a change of a row fires, in their order: numbers of actions (vl_plan.actions).
 * INSTEAD OF triggers of a view are among `before`. */
typedef struct vl_fires {
    const uint32_t *before; /* before_count of them */
    uint32_t before_count;
    const uint32_t *after; /* after_count of them */
    uint32_t after_count;
    const vl_foreign *foreign; /* NULL: no foreign key has to do with it */
} vl_fires;

/* DO of an UPSERT. Expressions are on the row of the table followed by the row that was to be
 * inserted (both as in vl_op_insert.columns order: all columns of the table, then the rowid). */
typedef struct vl_upsert {
    const vl_index_def *index; /* the conflict it is for; NULL: see is_rowid */
    int is_rowid;              /* conflict of the rowid */
    int is_any;                /* without a target: any conflict */
    int is_nothing;            /* DO NOTHING */
    const int32_t *targets;    /* columns to be set: `sets.count` positions */
    vl_exprs sets;
    vl_exprs where; /* conjuncts, or none */
    vl_fires fires; /* UPDATE triggers, by the columns that are set */
} vl_upsert;

/* What is common to the three. A *full row* is all columns of the table in their order, followed by
 * the rowid. RETURNING and checks are evaluated on full rows. The operator does all changes before
 * it yields the rows of RETURNING; without RETURNING it yields none. */
typedef struct vl_change_target {
    const vl_table_def *table;
    vl_conflict conflict; /* what the statement says: OR ... */
    vl_exprs checks;      /* CHECK constraints: on the full new row; false is a violation */
    const vl_check_def **check_defs; /* of each */
    vl_exprs generated;              /* of the full row, in the order of evaluation */
    const int32_t *generated_columns;
    vl_exprs *index_exprs; /* of each index of the table, in list order: expressions of its terms
                              on the full row, one for each term that is an expression */
    vl_expr **index_where; /* of each index: predicate of a partial one on the full row, or NULL */
    vl_exprs returning;    /* on the full row, then, for UPDATE FROM, the extra columns */
    vl_fires fires;        /* triggers of the change itself */
    vl_fires replaced;     /* DELETE triggers for rows that REPLACE deletes, when those are fired */
    uint32_t row_count;    /* columns of a full row with the rowid, which a view has as a NULL */
    vl_exprs defaults;     /* of each column and the rowid (a NULL constant), without columns; of an
                              UPDATE only where NOT NULL can put them in place of NULLs */
} vl_change_target;

/* A table that is a view has no rows of its own: its INSTEAD OF triggers are all that happens. The
 * child of UPDATE and DELETE then yields all columns of the view in the place of keys. */

/* INSERT: child 0 yields rows of the values that are given. */
typedef struct vl_op_insert {
    vl_change_target target;
    const int32_t *sources; /* for each column and then the rowid: column of the child's row, or -1:
                               the default */
    vl_upsert *upserts;
    uint32_t upsert_count;
} vl_op_insert;

/* UPDATE: child 0 yields the rowid (WITHOUT ROWID: the hidden one), then extra columns (of FROM).
 * Of the rows of FROM that it yields for one row the last one counts. */
typedef struct vl_op_update {
    vl_change_target target;
    uint32_t key_count;     /* columns of the child that name the row */
    const int32_t *columns; /* positions to be set, or VL_COLUMN_ROWID */
    vl_exprs sets;          /* on the full old row followed by the child's extra columns */
    int is_joined; /* with FROM: rows of one key come together, and the last of them counts */
    int is_direct; /* the child does not read what is changed: no collecting needed */
} vl_op_update;

/* DELETE: child 0 as for UPDATE, without extra columns. */
typedef struct vl_op_delete {
    vl_change_target target;
    uint32_t key_count;
    int is_all; /* no WHERE, nothing observes single rows: the whole table */
} vl_op_delete;

struct vl_op {
    vl_op_kind kind;
    uint32_t column_count;
    uint32_t child_count;
    vl_op *children[2];
    double rows;      /* estimated */
    const char *name; /* of a scan: what the statement calls its table, for EXPLAIN QUERY PLAN */
    union {
        struct {
            vl_exprs *rows; /* row_count lists of column_count expressions each */
            uint32_t row_count;
        } values;
        vl_op_table_scan table_scan;
        vl_op_index_scan index_scan;
        vl_op_function_scan function_scan;
        vl_op_virtual_scan virtual_scan;
        vl_op_program_scan program_scan;
        vl_op_filter filter;
        vl_op_project project;
        vl_op_loop_join loop_join;
        vl_op_hash_join hash_join;
        vl_op_aggregate aggregate;
        vl_op_window window;
        vl_op_distinct distinct;
        vl_op_sort sort;
        vl_op_limit limit;
        vl_op_compound compound;
        vl_op_recurse recurse;
        vl_op_insert insert;
        vl_op_update update;
        vl_op_delete delete_;
    } as;
};

struct vl_program {
    vl_op *root;
    uint32_t argument_count;
    const char *name;  /* for EXPLAIN QUERY PLAN: of a CTE or view; NULL */
    int is_correlated; /* has arguments */
};

/* A column of the result. */
typedef struct vl_result_column {
    const char *name;
    const char *declared; /* type of the column that it is, or NULL */
    const char *database; /* where it comes from, or NULLs */
    const char *table;
    const char *column;
    uint8_t affinity; /* vl_affinity of its expression */
} vl_result_column;

/* What kind of statement. Those that are no query, insert, update or delete are in `other`: a tree
 * that the layer above carries out (vl_ast). */
typedef enum vl_plan_kind {
    VL_PLAN_SELECT,
    VL_PLAN_INSERT,
    VL_PLAN_UPDATE,
    VL_PLAN_DELETE,
    VL_PLAN_OTHER
} vl_plan_kind;

/* What a statement for a foreign key does. */
typedef enum vl_fk_task {
    VL_FK_COUNT_OLD, /* yield a row for each child of OLD, but none for NEW itself */
    VL_FK_COUNT_NEW, /* the same of NEW */
    VL_FK_COUNT_ALL, /* RESTRICT: the same of OLD, NEW itself too */
    VL_FK_ACT        /* change or delete the children of OLD */
} vl_fk_task;

/* What a change of a row runs beside itself: a trigger, by a conflict clause that goes before those
 * of its statements (DEFAULT: theirs count), or a statement for a foreign key. It is made into a
 * vl_body at its first use, by whoever runs the plan (exec.h); so plans may lead to one another in
 * circles. */
typedef struct vl_action {
    const vl_trigger_def *trigger; /* NULL: for a foreign key */
    const vl_table_def *table;     /* that it is on: whose rows OLD and NEW are */
    vl_conflict conflict;
    int is_of_replace;         /* used for rows that REPLACE deletes only */
    const vl_fk_def *fk;       /* NULL: a trigger */
    const vl_table_def *child; /* whose foreign key it is */
    vl_fk_task task;           /* what is done for it */
    int has_old;               /* there is an OLD; of a trigger its event says it */
    int has_new;               /* there is a NEW; likewise */
} vl_action;

/* Whether two actions have the same body. */
static inline int
vl_action_is_same(const vl_action *left, const vl_action *right)
{
    return left->trigger == right->trigger && left->conflict == right->conflict &&
           left->fk == right->fk && left->task == right->task && left->has_old == right->has_old &&
           left->has_new == right->has_new;
}

/* An action made ready: plans whose program 0 has arguments, taken from OLD and NEW. */
typedef struct vl_body {
    vl_action action;
    struct vl_plan *when;   /* one row of one value: WHEN; NULL: always */
    struct vl_plan **steps; /* step_count statements, in their order */
    uint32_t step_count;
} vl_body;

typedef struct vl_plan {
    vl_arena *arena; /* of all of it */
    vl_plan_kind kind;
    int is_ignored; /* OTHER: the authorizer wants it left out: it does nothing */
    int is_read_only;
    vl_program *programs;
    uint32_t program_count;
    vl_result_column *columns;
    uint32_t column_count;
    uint32_t param_count;
    const char **param_names; /* param_count, as written with the first character; NULL: nameless */
    const vl_schema **schemas; /* referenced, schema_count of them */
    uint32_t schema_count;
    uint32_t reads;            /* of which schemas it names tables: 1 << their place in `schemas` */
    uint32_t writes;           /* in which of them it changes tables, but for what it fires */
    int calls_table_functions; /* which may ask for any database */
    const void *other;         /* OTHER: the statement's tree */
    const vl_action *actions;  /* action_count of them */
    uint32_t action_count;
    const struct vl_sql_string *strings; /* texts in double quotes that are no names; or NULL */
    const uint32_t *row_columns; /* of a body: for each argument of program 0 its place in the full
                                    row OLD followed by the full row NEW */
} vl_plan;

#endif
