/* pragma_int.h - what a PRAGMA is, for the files that have some. */
#ifndef VL_API_PRAGMA_INT_H
#define VL_API_PRAGMA_INT_H

#include "api/api_int.h"

#define VL_PRAGMA_COLUMNS_MAX 8U

typedef struct vl_pragma {
    const char *name;
    const char *columns[VL_PRAGMA_COLUMNS_MAX]; /* names of the answer's columns */
    uint32_t column_count;
    int writes;  /* with an argument it changes the database */
    int answers; /* it has an answer with an argument too */
    /* Make the answer by vl_made_add. argument: NULL when there is none. */
    velo_status (*run)(vl_ctx *ctx, velo_statement *statement, const vl_ast *argument);
} vl_pragma;

/* The pragma of a statement, or NULL. */
const vl_pragma *vl_pragma_find(const vl_ast *tree);

/* One of those that describe the schema, by name: pragma_schema.c. */
const vl_pragma *vl_pragma_find_schema(const char *name, size_t size);

#endif
