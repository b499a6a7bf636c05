/* sql_text.h - SQL that the layer here puts together for itself, and small means of running it. */
#ifndef VL_API_SQL_TEXT_H
#define VL_API_SQL_TEXT_H

#include "api/api_int.h"

/* A text that grows and ends with a zero. All zeros but ctx is an empty one; after a failure for
 * memory all further additions do nothing, and vl_sql_text_end tells. */
typedef struct vl_sql_text {
    vl_ctx *ctx; /* whose memory it is in */
    char *data;  /* owned; NULL: nothing was added */
    size_t size; /* without the zero */
    size_t capacity;
    int has_failed;
} vl_sql_text;

/* Append a text as it is, a name in double quotes, a value in single ones. */
void vl_sql_text_add(vl_sql_text *text, const char *more);
void vl_sql_text_add_name(vl_sql_text *text, const char *name);
void vl_sql_text_add_quoted(vl_sql_text *text, const char *value);

/* Give its memory back. */
void vl_sql_text_free(vl_sql_text *text);

/* Whether all additions were made. errors  VELO_NOMEM */
velo_status vl_sql_text_end(const vl_sql_text *text) VL_MUST_CHECK;

/* Prepare the text, or run it to its end, as a call of the connection's. */
velo_status vl_sql_text_prepare(velo_connection *connection, const vl_sql_text *text,
                                velo_statement **statement) VL_MUST_CHECK;
velo_status vl_sql_text_run(velo_connection *connection, const vl_sql_text *text) VL_MUST_CHECK;

/* Give a parameter, counted from 1, a value that is borrowed until the statement ends. */
velo_status vl_bind_borrowed(velo_statement *statement, int index, const vl_value *value)
    VL_MUST_CHECK;

/* Run a statement that gives no row, and make it ready again; its error is kept. */
velo_status vl_run_bound(velo_statement *statement) VL_MUST_CHECK;

/* Run an INSERT of one row for many: `rows` times the values of its parameters, borrowed for the
 * call. All rows are inserted or none. *is_taken 0: the statement is none that can be run so, and
 * nothing was done (VELO_OK). */
velo_status vl_run_rows(velo_statement *statement, const vl_value *values, uint32_t rows,
                        int *is_taken) VL_MUST_CHECK;

/* Finalize a statement and keep the connection's error of `st`, which is returned. NULL allowed. */
velo_status vl_finalize_with(velo_connection *connection, velo_statement *statement,
                             velo_status st);

/* Do something as a whole: in a transaction of its own, or a part of the one that is open.
 *
 * undo  what was done so far; it goes on. Only while velo_in_transaction, which errors can end
 * end   errors  those of the commit; with `st` not VELO_OK all is undone and `st` returned, with
 * the connection's error as it was */
velo_status vl_whole_begin(velo_connection *connection) VL_MUST_CHECK;
velo_status vl_whole_undo(velo_connection *connection) VL_MUST_CHECK;
velo_status vl_whole_end(velo_connection *connection, velo_status st);

/* A name by which SQL finds a table's rowids: "rowid" or one of its other names, or the INTEGER
 * PRIMARY KEY; NULL: columns hide all of them, or it has none. */
const char *vl_rowid_name(const vl_table_def *table);

#endif
