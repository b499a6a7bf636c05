/* schema.h - tables, indexes, views and triggers of one database, as an immutable snapshot.
 *
 * A schema is made whole (by a builder that belongs to sql, from the texts of CREATE statements)
 * and is never changed afterwards. DDL makes a new one, in which objects that stay the same are
 * made anew from their texts. Everything lives in the schema's own arena and dies with it; plans
 * and transactions that use a schema hold a reference.
 *
 * Names are compared without regard to ASCII case, end with a zero, and keep the case they were
 * written in. Threads: a finished schema may be read by many. */
#ifndef VL_CATALOG_SCHEMA_H
#define VL_CATALOG_SCHEMA_H

#include "base/arena.h"
#include "base/status.h"
#include "base/type.h"

/* What is done when a constraint is violated; DEFAULT: what the statement says, or ABORT. */
typedef enum vl_conflict {
    VL_CONFLICT_DEFAULT,
    VL_CONFLICT_ROLLBACK,
    VL_CONFLICT_ABORT,
    VL_CONFLICT_FAIL,
    VL_CONFLICT_IGNORE,
    VL_CONFLICT_REPLACE
} vl_conflict;

/* What a foreign key does. */
typedef enum vl_fk_action {
    VL_FK_NO_ACTION,
    VL_FK_RESTRICT,
    VL_FK_SET_NULL,
    VL_FK_SET_DEFAULT,
    VL_FK_CASCADE
} vl_fk_action;

typedef enum vl_object_type {
    VL_OBJECT_TABLE,
    VL_OBJECT_INDEX,
    VL_OBJECT_VIEW,
    VL_OBJECT_TRIGGER
} vl_object_type;

typedef struct vl_schema vl_schema;
typedef struct vl_table_def vl_table_def;
typedef struct vl_index_def vl_index_def;

/* What every object has: a row of sqlite_schema. */
typedef struct vl_object_def {
    vl_object_type type;    /* which */
    const char *name;       /* its own */
    const char *table_name; /* of the table it belongs to; of a table or view its own */
    const char *sql; /* its CREATE statement as sqlite_schema shows it; NULL: automatic index */
    uint64_t tree;   /* its tree in the store; 0: none (a view, a trigger) */
    int64_t rowid;   /* of its row in sqlite_schema; 0: has none (sqlite_schema itself) */
} vl_object_def;

typedef struct vl_column_def {
    const char *name;
    const char *type;          /* as declared, words joined by one space; "" when there is none */
    vl_affinity affinity;      /* of the declared type; of ANY in a STRICT table: BLOB */
    vl_collation collation;    /* BINARY unless declared */
    uint32_t id;               /* in the tree: stays the same through ALTER; 0: not stored, because
                                  it is VIRTUAL or the rowid (sql/schema_build.h) */
    int is_strict_any;         /* a STRICT table's ANY: stored without conversion */
    int is_not_null;           /* NOT NULL, or part of the key of a table WITHOUT ROWID */
    vl_conflict not_null;      /* what NOT NULL does */
    uint16_t key_place;        /* from 1 in the PRIMARY KEY; 0: not part of it */
    uint8_t generated;         /* 0; 1: VIRTUAL; 2: STORED */
    uint8_t is_hidden;         /* of a table-valued function's arguments */
    const char *default_text;  /* the default's expression as text, for table_info; NULL: none */
    const void *default_ast;   /* the same as a syntax tree (vl_ast); NULL: none */
    const void *generated_ast; /* the expression of a generated column; NULL: none */
} vl_column_def;

/* A CHECK constraint. */
typedef struct vl_check_def {
    const char *name; /* of the constraint, or NULL */
    const char *text; /* the expression, for the error's text */
    const void *ast;  /* the same as a syntax tree */
} vl_check_def;

typedef struct vl_fk_def {
    const char *parent;          /* table that is referred to */
    uint16_t count;              /* columns */
    uint16_t *columns;           /* positions in the child */
    const char **parent_columns; /* names; NULL: the parent's primary key */
    vl_fk_action on_update;
    vl_fk_action on_delete;
    int is_deferred; /* DEFERRABLE INITIALLY DEFERRED */
} vl_fk_def;

/* A term of an index. */
typedef struct vl_index_term {
    int32_t column;         /* position in the table; -1: the rowid; -2: an expression */
    const void *ast;        /* of an expression; else NULL */
    vl_collation collation; /* by which it is sorted */
    int is_descending;      /* DESC */
} vl_index_term;

typedef enum vl_index_origin {
    VL_INDEX_CREATED, /* CREATE INDEX */
    VL_INDEX_UNIQUE,  /* a UNIQUE constraint */
    VL_INDEX_PRIMARY  /* a PRIMARY KEY constraint */
} vl_index_origin;

struct vl_index_def {
    vl_object_def object;
    const vl_table_def *table;
    vl_index_origin origin;
    int is_unique;
    vl_conflict conflict; /* what uniqueness does */
    uint16_t term_count;  /* terms as declared, by which the index is sorted */
    uint16_t total_count; /* with those that make an entry's key whole: the rowid, or columns of
                             the primary key that are not among the terms */
    const vl_index_term *terms; /* total_count of them */
    const void *where_ast;      /* of a partial index; else NULL */
    const char *where_text;     /* see where_ast */
    const double *estimates; /* of sqlite_stat1: entries, then those that are equal in the first 1,
                                2, ... terms; term_count + 1 of them. NULL: not known */
    vl_index_def *next; /* of the same table, newest first, as SQLite's index_list shows them */
};

typedef struct vl_trigger_def vl_trigger_def;

struct vl_trigger_def {
    vl_object_def object;
    const vl_schema *schema; /* that it is in; "temp" has some on tables of other databases too */
    const void *ast;         /* CREATE_TRIGGER */
    vl_trigger_def *next;    /* of the same table */
};

struct vl_table_def {
    vl_object_def object; /* TABLE or VIEW */
    const vl_schema *schema;
    uint16_t column_count;
    vl_column_def *columns;
    uint32_t next_column_id; /* what an added column gets; 0 in a view */
    int32_t rowid_column;    /* position of the INTEGER PRIMARY KEY, which is the rowid; -1: none */
    int is_without_rowid;    /* named by its primary key, an index: primary; the rowids by which
                                its rows are stored are hidden */
    int is_strict;
    int is_autoincrement;
    int is_temporary;
    int is_system;               /* sqlite_schema, sqlite_sequence, sqlite_stat1 */
    int has_estimate;            /* row_estimate is known */
    double row_estimate;         /* rows, of sqlite_stat1 */
    vl_conflict key_conflict;    /* what a duplicate rowid does */
    const vl_index_def *primary; /* of a table WITHOUT ROWID: its rows' order; else NULL */
    vl_index_def *indexes;       /* list */
    vl_trigger_def *triggers;    /* list */
    const vl_check_def *checks;  /* check_count of them */
    uint32_t check_count;
    const vl_fk_def *fks; /* fk_count of them */
    uint32_t fk_count;
    const void *view_ast; /* of a VIEW: CREATE_VIEW; else NULL */
    _Atomic(void *)
        bound; /* slot for what sql makes of its texts when first needed (31, item 47) */
    void (*bound_destroy)(void *); /* called with it when the schema dies */
};

struct vl_schema {
    _Atomic uint32_t references;
    vl_arena arena;        /* of everything */
    uint64_t version;      /* grows with each change that is committed; 0: none yet */
    const char *database;  /* "main", "temp" or the name of ATTACH */
    vl_table_def **tables; /* tables and views, sorted by name */
    uint32_t table_count;
    vl_index_def **indexes; /* sorted by name */
    uint32_t index_count;
    vl_trigger_def **triggers; /* sorted by name */
    uint32_t trigger_count;
};

/* Take and drop a reference; the last one destroys the schema. NULL is allowed for release. */
void vl_schema_retain(vl_schema *schema);
void vl_schema_release(vl_schema *schema);

/* Order of two names: less than, equal to or greater than 0; ASCII case does not count. */
int vl_name_compare(const char *left, size_t left_size, const char *right, size_t right_size);

/* The table or view, index, or trigger of a name of `size` bytes; NULL: there is none. The table of
 * all objects is found by each of its names: sqlite_master, sqlite_schema; in "temp" also
 * sqlite_temp_master, sqlite_temp_schema. (Who looks for a name without a database in all of them
 * takes the first two from "main".) */
const vl_table_def *vl_schema_table(const vl_schema *schema, const char *name, size_t size);
const vl_index_def *vl_schema_index(const vl_schema *schema, const char *name, size_t size);
const vl_trigger_def *vl_schema_trigger(const vl_schema *schema, const char *name, size_t size);

/* Position of a column by name, or -1. */
int32_t vl_table_def_column(const vl_table_def *table, const char *name, size_t size);

#endif
