/* quote.h - texts and values as other languages write them. Each function adds to `to`. */
#ifndef VELO_SHELL_QUOTE_H
#define VELO_SHELL_QUOTE_H

#include "text.h"

/* SQL: 'it''s'. A text with a zero byte, which SQL text cannot hold, becomes CAST(X'...' AS TEXT).
 */
void quote_sql_text(text *to, const char *data, size_t size);

/* SQL on one line: line feeds and returns are written as \n and \r (or as other words, where the
 * text has these) inside of a call of replace(). */
void quote_sql_line(text *to, const char *data, size_t size);

/* SQL: X'00ff'. */
void quote_sql_blob(text *to, const void *data, size_t size);

/* SQL and JSON: the shortest decimal number that is read back as exactly this one, with a point;
 * infinity is 1e999. */
void quote_real(text *to, double value);

/* SQL: a name, in double quotes if it needs them: when it is no identifier, or a keyword. */
void quote_name(text *to, const char *name);

/* JSON: a string with its quotes. */
void quote_json(text *to, const char *data, size_t size);

/* HTML: text with references for what has a meaning there. */
void quote_html(text *to, const char *data, size_t size);

/* C and Tcl: a string with its quotes; bytes that do not print are in octal. */
void quote_c(text *to, const char *data, size_t size);

/* CSV: a field, in double quotes when it is empty, holds the separator, a quote, a space, a control
 * character or anything that is not ASCII. */
void quote_csv(text *to, const char *data, size_t size, const char *separator);

#endif
