/* json_rows.h - the rows of the table-valued functions json_each() and json_tree(), and of their
 * forms with JSONB.
 *
 * json_each has a row for each element of an array or object, json_tree one for the value itself
 * and for all that is in it, parents first. The columns are SQLite's. */
#ifndef VL_FUNC_JSON_ROWS_H
#define VL_FUNC_JSON_ROWS_H

#include "base/arena.h"
#include "base/ctx.h"
#include "base/type.h"

/* Columns, the arguments json and root among them. */
#define VL_JSON_ROW_COLUMNS 10
#define VL_JSON_ROW_HIDDEN  2

extern const char *const vl_json_row_names[VL_JSON_ROW_COLUMNS];

/* What is made rows of. */
typedef struct vl_json_rows_of {
    const char *name;     /* of the function, for messages */
    int is_tree;          /* json_tree */
    int is_blob;          /* arrays and objects are JSONB */
    const vl_value *json; /* the arguments; NULL, or NULL in it: there are no rows */
    const vl_value *root; /* a path; NULL: "$". NULL in it: there are no rows */
} vl_json_rows_of;

/* Rows of one call: where in the JSON they are. Their values are made when they are read. */
typedef struct vl_json_rows vl_json_rows;

/* Find all rows.
 *
 * arena   where they go; they refer to the arguments, which live as long
 * rows    receives them; NULL: there are none
 * errors  VELO_ERROR: malformed JSON, a bad path; VELO_NOMEM, VELO_TOOBIG */
velo_status vl_json_rows_make(vl_ctx *ctx, vl_arena *arena, const vl_json_rows_of *of,
                              const vl_json_rows **rows, uint32_t *row_count) VL_MUST_CHECK;

/* Make the value of a column of a row.
 *
 * arena   where its bytes go, unless they are in the rows or the arguments
 * errors  VELO_ERROR: malformed JSON inside of a value; VELO_NOMEM, VELO_TOOBIG */
velo_status vl_json_rows_read(vl_ctx *ctx, const vl_json_rows *rows, uint32_t row, uint32_t column,
                              vl_arena *arena, vl_value *value) VL_MUST_CHECK;

#endif
