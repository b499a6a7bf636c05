/* pragma_int.h - what a PRAGMA is, for the files that have some.
 *
 * A PRAGMA that has an answer without changing anything is a table-valued function too, as in
 * SQLite: `SELECT * FROM pragma_table_info('t')`. Behind the columns of the answer the function has
 * the hidden columns `arg`, if the PRAGMA answers about something, and `schema`, if it is about one
 * database. */
#ifndef VL_API_PRAGMA_INT_H
#define VL_API_PRAGMA_INT_H

#include "api/api_int.h"
#include "exec/table_func.h"

/* The answer's columns, and the hidden ones. */
#define VL_PRAGMA_COLUMNS_MAX 10U

enum {
    VL_PRAGMA_WRITES = 1,        /* with an argument it changes the database */
    VL_PRAGMA_ANSWERS = 2,       /* it has an answer with an argument too */
    VL_PRAGMA_NO_FUNCTION = 4,   /* it is a statement only: it has an effect */
    VL_PRAGMA_TAKES_ARG = 8,     /* the function has a hidden column `arg` */
    VL_PRAGMA_TAKES_SCHEMA = 16, /* the function has a hidden column `schema` */
    VL_PRAGMA_OF_ALL = 32        /* without the name of a database it reads pages of all */
};

/* An argument as text. Borrowed. */
typedef struct vl_pragma_text {
    const char *text;
    size_t text_size;
} vl_pragma_text;

/* A PRAGMA at work, as a statement or as a function. */
typedef struct vl_pragma_call {
    velo_statement *statement;      /* open; gives the connection, the schema and what is seen */
    vl_arena *arena;                /* where the answer goes */
    vl_made_rows *made;             /* the answer: rows are added by vl_made_add */
    uint32_t database;              /* number of the one that it is about */
    int is_named;                   /* it was said: no other one */
    const struct vl_pragma *pragma; /* which it is */
} vl_pragma_call;

/* What a PRAGMA has of the database that it is about. */
static inline vl_engine *
vl_pragma_engine(const vl_pragma_call *call)
{
    return call->statement->connection->databases[call->database]->engine;
}

static inline vl_statement *
vl_pragma_txn(const vl_pragma_call *call)
{
    return &call->statement->parts[call->database].txn;
}

static inline vl_schema *
vl_pragma_schema(const vl_pragma_call *call)
{
    return call->statement->schemas[call->database];
}

typedef struct vl_pragma {
    vl_table_func func;                         /* first; its name is "pragma_" and the PRAGMA's */
    const char *columns[VL_PRAGMA_COLUMNS_MAX]; /* of the answer, then the hidden ones */
    uint32_t column_count;                      /* of the answer */
    unsigned flags;                             /* VL_PRAGMA_... */
    /* Make the answer. argument: NULL when there is none. */
    velo_status (*run)(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument);
} vl_pragma;

/* A vl_pragma. The columns behind the flags are the answer's and then those hidden ones that the
 * flags ask for. */
#define VL_PRAGMA(name, run, flags, ...)                                                           \
    {{"pragma_" name, VL_PRAGMA_COUNT(__VA_ARGS__), vl_pragma_make, NULL},                         \
     {__VA_ARGS__},                                                                                \
     VL_PRAGMA_COUNT(__VA_ARGS__) - VL_PRAGMA_HIDDEN(flags),                                       \
     (flags),                                                                                      \
     (run)}
#define VL_PRAGMA_COUNT(...) (sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
#define VL_PRAGMA_HIDDEN(flags)                                                                    \
    (((flags) / VL_PRAGMA_TAKES_ARG & 1U) + ((flags) / VL_PRAGMA_TAKES_SCHEMA & 1U))

/* A pragma by name, or NULL. */
const vl_pragma *vl_pragma_find(const char *name, size_t size);

/* One of those that describe the schema, by name: pragma_schema.c. */
const vl_pragma *vl_pragma_find_schema(const char *name, size_t size);

/* One of those that answer what they were told, by name: pragma_echo.c. */
const vl_pragma *vl_pragma_find_echo(const char *name, size_t size);

/* The argument as a number; 0 when it is none. */
int64_t vl_pragma_number(const vl_pragma_text *argument);

/* The argument as yes or no, or as a number up to 255 (`synchronous`); `otherwise` when it is
 * neither. */
int vl_pragma_level(const vl_pragma_text *argument, int otherwise);

/* The argument as yes or no, as SQLite reads it: what is neither is no. */
int vl_pragma_flag(const vl_pragma_text *argument);

/* The argument as a number of 32 bits, hexadecimal too; 0 when it is none, or too large. */
int32_t vl_pragma_int32(const vl_pragma_text *argument);

/* Add a row of one value to the answer. Errors: VELO_NOMEM. */
velo_status vl_pragma_answer_integer(vl_ctx *ctx, const vl_pragma_call *call, int64_t integer)
    VL_MUST_CHECK;
velo_status vl_pragma_answer_text(vl_ctx *ctx, const vl_pragma_call *call, const char *text)
    VL_MUST_CHECK;

/* Whether a pragma is the one of that name. */
int vl_pragma_is(const vl_pragma *pragma, const char *name, size_t size);

/* ---- pragma_foreign.c ---- */

/* PRAGMA foreign_key_check. */
velo_status vl_pragma_foreign_key_check(vl_ctx *ctx, const vl_pragma_call *call,
                                        const vl_pragma_text *argument) VL_MUST_CHECK;

/* ---- pragma_func.c ---- */

/* The number of a database. Errors: VELO_ERROR, there is none of that name, which the message has
 * between quotes. */
velo_status vl_pragma_find_database(vl_ctx *ctx, const velo_connection *connection,
                                    const char *name, size_t size, const char *quote,
                                    uint32_t *number) VL_MUST_CHECK;

/* vl_table_func.make of a PRAGMA; `user` is the statement. */
velo_status vl_pragma_make(vl_ctx *ctx, void *user, const vl_table_func *func,
                           const vl_value *arguments, uint32_t count, vl_arena *arena,
                           vl_table_func_rows *rows) VL_MUST_CHECK;

#endif
