/* virtual_int.h - modules of a connection, and the virtual tables that it has connected.
 *
 *     module     what velo_create_module gave                                module.c
 *     instance   a table that a module has created or connected              virtual.c
 *                cursors, changes and functions of it                        virtual_class.c
 *                its part in transactions                                    virtual_txn.c
 *
 * A module lives as long as the connection knows it or an instance is its own; an instance as long
 * as the connection lists it or a statement's plan refers to it. */
#ifndef VL_API_VIRTUAL_INT_H
#define VL_API_VIRTUAL_INT_H

#include "api/api_int.h"
#include "catalog/virtual.h"

typedef struct vl_module vl_module;
typedef struct vl_instance vl_instance;

struct vl_module {
    vl_module *next; /* connection->modules */
    velo_module given;
    char *name;
    uint32_t references;
    vl_instance *eponymous; /* of its own name; or NULL. It holds no reference to the module */
};

/* A function of a table. */
typedef struct vl_instance_function {
    struct vl_instance_function *next;
    vl_func func;
    uint32_t count;                                                     /* of arguments */
    void (*scalar)(velo_call *call, int count, velo_value **arguments); /* as it was given */
    void *user;                                                         /* likewise */
} vl_instance_function;

struct vl_instance {
    vl_virtual base;   /* first: what plans refer to */
    vl_instance *next; /* connection->instances */
    velo_connection *connection;
    vl_module *module;
    void *table;   /* the module's */
    int has_table; /* there is one, which may be a NULL */
    char *sql;     /* of its row in sqlite_schema; NULL: eponymous */
    int64_t rowid; /* of that row */
    uint32_t references;
    uint32_t held_count; /* open cursors, and callbacks at work: it cannot be dropped */
    vl_arena arena;      /* its columns, and functions */
    vl_schema home;      /* what its definition says it is in: no objects */
    vl_instance_function *functions;
    vl_instance *next_writer; /* connection->virtual_writers */
    int is_writer;            /* it was created, or begin was called, in the transaction */
    int savepoint;            /* the number behind that of the newest savepoint it knows; 0: none */
};

/* A statement's hold on an instance. */
typedef struct vl_instance_use {
    struct vl_instance_use *next;
    vl_instance *instance;
} vl_instance_use;

/* What create and connect say of a table. */
typedef struct vl_declaring {
    struct vl_declaring *outer;
    vl_instance *instance;
    const char *name;
    int is_declared;
} vl_declaring;

extern const vl_virtual_class vl_instance_class;

/* ---- module.c ---- */

vl_module *vl_module_find(const velo_connection *connection, const char *name, size_t size);
void vl_module_release(vl_module *module);

/* A callback has failed with `st`: tell the words that it set, or those of the code with `who`
 * before them (NULL: none). Returns `st`. */
velo_status vl_module_fail(vl_ctx *ctx, velo_connection *connection, velo_status st,
                           const char *format, const char *who);

/* ---- virtual.c ---- */

/* The instance of a virtual table, connected if need be; table NULL: of an eponymous module's name,
 * *out NULL when there is none. */
velo_status vl_instance_get(vl_ctx *ctx, velo_connection *connection, const vl_table_def *table,
                            const char *name, size_t size, vl_instance **out) VL_MUST_CHECK;

void vl_instance_release(vl_instance *instance);

/* A callback of it begins, or a cursor is opened: until it ends, the table is not dropped, and the
 * instance not freed, whatever SQL the module runs. */
void vl_instance_hold(vl_instance *instance);
void vl_instance_let_go(vl_instance *instance);

/* Take an instance off the connection's list; then nobody finds it any more. */
void vl_instance_unlist(vl_instance *instance);

/* ---- virtual_txn.c ---- */

/* A statement that changes rows begins. */
velo_status vl_instance_begin(vl_ctx *ctx, vl_instance *instance) VL_MUST_CHECK;

/* It is part of the transaction from now on. */
void vl_instance_join(vl_instance *instance);

/* It goes, so it takes part in nothing. */
void vl_instance_forget_writer(vl_instance *instance);

#endif
