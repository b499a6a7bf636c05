/* plan_make.h - from a statement's tree and schemas to a plan.
 *
 * The binder gives names their meaning, by SQLite's rules and in SQLite's words when it fails; the
 * planner chooses how tables are read and joined. What a plan depends on is in the environment and
 * in the tree: nothing is read from a database. */
#ifndef VL_SQL_PLAN_MAKE_H
#define VL_SQL_PLAN_MAKE_H

#include "base/ctx.h"
#include "sql/ast.h"
#include "sql/plan.h"
#include "velocidb.h"

/* Result columns of one SELECT, sources of one FROM, and how deep queries may nest. */
#define VL_PLAN_COLUMNS_MAX 2000
#define VL_PLAN_SOURCES_MAX 64
#define VL_PLAN_DEPTH_MAX   100

/* Databases of a connection: the first two are "main" and "temp". */
#define VL_PLAN_SCHEMAS_MAX 12

/* Columns of all sources of one statement together, views and what they are made of counted. */
#define VL_PLAN_IDS_MAX 4000000U

/* What is found under a name of a function. */
typedef enum vl_plan_found {
    VL_PLAN_FOUND,
    VL_PLAN_NO_NAME,    /* no function of that name */
    VL_PLAN_WRONG_COUNT /* there is one, but it does not take so many arguments */
} vl_plan_found;

/* A function as the binder needs to know it. */
typedef struct vl_plan_func {
    const struct vl_func *def; /* goes into the plan as it is; outlives it */
    int is_aggregate;
    int compares;           /* by a collation: min, max, nullif */
    int min_max;            /* an aggregate: -1 min, 1 max: a bare column is of its row; else 0 */
    vl_expr_effect effect;  /* of a call with arguments that have none */
    uint8_t classes;        /* VL_CLASS_... that it can yield */
    int is_order_dependent; /* an aggregate whose result depends on the order of rows */
    int is_window;          /* needs OVER; is_aggregate as well */
    int is_frameless;       /* such a one that does not look at its frame: rank */
    int is_groups_only;     /* an aggregate that OVER may not stand behind */
    int may_be_json;        /* it can yield vl_value.is_json */
} vl_plan_func;

/* A table-valued function as the binder needs to know it. */
typedef struct vl_plan_table_func {
    const struct vl_table_func *def; /* goes into the plan; outlives it */
    const char *const *columns;      /* names of column_count columns */
    uint32_t column_count;           /* hidden ones too */
    uint32_t hidden_count;           /* the last ones: the nth of them takes the nth argument */
} vl_plan_table_func;

/* What names mean. Everything is borrowed for the call; schemas, and what lookups give, must live
 * as long as the plan: whoever keeps the plan holds references to its schemas. */
typedef struct vl_plan_env {
    const vl_schema *const *schemas; /* in the order of search: temp, main, attached ones */
    uint32_t schema_count;
    /* A function by name (not ended by 0) and count of arguments. */
    vl_plan_found (*find_func)(const void *arg, const char *name, size_t size, uint32_t count,
                               vl_plan_func *found);
    /* A table-valued function: 1 when there is one. NULL: there are none. */
    int (*find_table_func)(const void *arg, const char *name, size_t size,
                           vl_plan_table_func *found);
    const void *arg; /* given to the functions */
    /* Estimated rows of a table, without reading more than a few pages; negative: unknown. NULL:
     * unknown for all. Asked once for each table of a join. */
    double (*table_rows)(vl_ctx *ctx, void *arg, const vl_table_def *table);
    void *rows_arg; /* given to table_rows */
    /* A virtual table with its columns, connected if need be: of a table without (catalog/
     * virtual.h), or, with table NULL, of a module's name: *found NULL when there is none. It must
     * live as long as the plan. NULL: there are no modules. */
    velo_status (*find_virtual)(vl_ctx *ctx, void *arg, const vl_table_def *table, const char *name,
                                size_t size, const vl_table_def **found);
    void *virtual_arg; /* given to find_virtual */
    /* Asked what the statement may do: velo_set_authorizer. NULL: everything. */
    int (*authorize)(void *user, velo_action action, const char *first, const char *second,
                     const char *database, const char *inner);
    void *authorize_user;
    uint32_t argument_limit; /* most arguments of a function; 0: no limit here */
    int has_foreign_keys;    /* they are enforced */
    int has_no_triggers;     /* none is fired but those of temp */
    int is_dropping; /* the DELETE of a DROP TABLE: it fires no triggers, and passes over foreign
                        keys that lack their parent key */
} vl_plan_env;

/* The kind of plan that a statement's tree gives. */
vl_plan_kind vl_plan_kind_of(const vl_ast *statement);

/* Make a plan.
 *
 * arena      where the plan goes, and scratch memory
 * statement  a tree of vl_parse; outlives the plan. NULL (an empty text) gives OTHER
 * text       what it was parsed from; outlives the plan
 * plan       in the arena; NULL on failure. Statements other than SELECT, INSERT, UPDATE and
 * DELETE, EXPLAIN among them, give a plan of kind OTHER errors     VELO_ERROR, with the place in
 * the text where it is known, in SQLite's words; what is not built says "... is not supported yet";
 * VELO_TOOBIG, VELO_NOMEM */
velo_status vl_plan_make(vl_ctx *ctx, vl_arena *arena, const vl_ast *statement, const char *text,
                         uint32_t variable_count, const vl_plan_env *env, vl_plan **plan)
    VL_MUST_CHECK;

/* Make the body of an action of a plan.
 *
 * body    in the arena; NULL on failure. It refers to the action's schema
 * errors  as vl_plan_make; without a place in a text */
velo_status vl_plan_body(vl_ctx *ctx, vl_arena *arena, const vl_action *action,
                         const vl_plan_env *env, vl_body **body) VL_MUST_CHECK;

#endif
