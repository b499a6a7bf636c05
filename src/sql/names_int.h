/* names_int.h - scopes of names. Private to sql/. */
#ifndef VL_SQL_NAMES_INT_H
#define VL_SQL_NAMES_INT_H

#include "sql/names.h"
#include "sql/schema_int.h"

/* Views within views, at most; and queries that are looked at for one view or trigger, which bounds
 * the work for texts that make it grow with the power of their depth. */
#define VL_NAMES_VIEW_DEPTH 200U
#define VL_NAMES_QUERY_MAX  100000U

/* A name, not ended by a 0 byte. */
typedef struct vl_name {
    const char *text;
    uint32_t size;
} vl_name;

/* Names of the columns of a source or a query. */
typedef struct vl_name_list {
    vl_name *names;    /* count of them, room for capacity */
    uint32_t count;    /* see names */
    uint32_t capacity; /* see names */
    int is_open;       /* a table-valued function: may have any column */
} vl_name_list;

/* A source of rows in a scope. */
typedef struct vl_names_source {
    struct vl_names_source *next; /* in its scope, in order */
    vl_name name;                 /* what qualifies its columns; size 0: nothing does */
    const vl_table_def *table;    /* the table or view; NULL for queries and functions */
    vl_name_list columns;         /* their names */
    int has_alias;                /* the name is not the table's own */
    int is_pseudo;                /* NEW, OLD, excluded: only with a qualifier */
    int is_natural;               /* NATURAL: columns of the same name are one */
    const vl_ast *using_names;    /* USING: these columns are one */
} vl_names_source;

/* What names mean at a place, innermost first. */
typedef struct vl_names_scope {
    const struct vl_names_scope *outer; /* what is around it; NULL: nothing */
    vl_names_source *sources;           /* list */
    vl_names_source **end;              /* where the next source goes */
    const vl_ast *results;              /* list of RESULT whose aliases may be used, or NULL */
} vl_names_scope;

/* Common table expressions of a WITH. */
typedef struct vl_names_cte {
    const vl_ast *ast;    /* CTE */
    vl_name_list columns; /* when they are known */
    int state; /* 0: columns not known; 1: its query is being resolved, 2: known; 3: being
                  found from its first SELECT */
} vl_names_cte;

typedef struct vl_names_with {
    const struct vl_names_with *outer; /* those around it; NULL: none */
    vl_names_cte *ctes;                /* count of them */
    uint32_t count;                    /* see ctes */
} vl_names_with;

/* A view whose columns were asked for. */
typedef struct vl_names_view {
    struct vl_names_view *next;
    const vl_table_def *view;
    vl_name_list columns; /* when they are known */
    int is_known;         /* 0: they are being found */
} vl_names_view;

/* What all parts of a walk share. */
typedef struct vl_names_shared {
    vl_names_view *views; /* list */
    uint32_t query_count; /* looked at so far */
} vl_names_shared;

/* A walk through a view or trigger. */
typedef struct vl_names_walk {
    vl_schema_builder builder; /* for messages and memory */
    const vl_names_input *input;
    vl_names_shared *shared;
    const vl_schema *home;     /* of the text at hand: changes within views */
    const vl_names_with *with; /* in reach */
    uint32_t view_depth;       /* views that the text at hand is within */
    uint32_t quiet; /* not 0: nothing is told, names belong to another text or were told */
} vl_names_walk;

/* Make an empty scope. */
void vl_names_scope_init(vl_names_scope *scope, const vl_names_scope *outer);

/* Add a source at the end of a scope. NULL: no memory, which is recorded. */
vl_names_source *vl_names_add_source(vl_names_walk *walk, vl_names_scope *scope);

/* Tell what a name means. Errors: what `tell` returns. */
velo_status vl_names_told(vl_names_walk *walk, const vl_ast *node, const vl_table_def *table,
                          int32_t column) VL_MUST_CHECK;

/* Resolve the name of a table and tell it; *table is NULL for a table-valued function that needs no
 * arguments. Errors: VELO_ERROR "no such table: ...". */
velo_status vl_names_table(vl_names_walk *walk, const vl_ast *qname, const vl_table_def **table)
    VL_MUST_CHECK;

/* The columns of a table or view. Errors: as vl_names_resolve. */
velo_status vl_names_columns(vl_names_walk *walk, const vl_table_def *table, vl_name_list *columns)
    VL_MUST_CHECK;

/* Resolve the column that a COLUMN means. Errors: as vl_names_resolve. */
velo_status vl_names_column(vl_names_walk *walk, const vl_names_scope *scope, const vl_ast *node)
    VL_MUST_CHECK;

/* Resolve all names of an expression, a list, or NULL. Errors: as vl_names_resolve. */
velo_status vl_names_expression(vl_names_walk *walk, const vl_names_scope *scope,
                                const vl_ast *node) VL_MUST_CHECK;

/* Resolve a query. columns: the names of its result; NULL when nobody asks. Errors: as
 * vl_names_resolve. */
velo_status vl_names_query(vl_names_walk *walk, const vl_names_scope *outer, const vl_ast *query,
                           vl_name_list *columns) VL_MUST_CHECK;

/* Add the sources of a FROM to a scope, and resolve their conditions. Errors: as vl_names_resolve.
 */
velo_status vl_names_from(vl_names_walk *walk, vl_names_scope *scope, const vl_ast *from)
    VL_MUST_CHECK;

#endif
