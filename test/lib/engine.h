/* engine.h - the same SQL on this library and on SQLite's, for tests that compare them.
 *
 * SQLite is the machine's own library, opened when it is first asked for (libsqlite3.so.0); where
 * there is none, engine_open gives NULL for it, and tests say that they skip. One thread. */
#ifndef VL_TEST_ENGINE_H
#define VL_TEST_ENGINE_H

#include <stddef.h>
#include <stdint.h>

typedef enum engine_kind {
    ENGINE_VELO,  /* through velocidb.h */
    ENGINE_SQLITE /* through libsqlite3 */
} engine_kind;

typedef struct engine engine;

/* A value of a row. Texts and blobs are copies that belong to the answer. */
typedef struct engine_value {
    int type; /* SQLite's number: 1 integer, 2 real, 3 text, 4 blob, 5 NULL */
    int64_t integer;
    double real;
    char *bytes; /* text, blob: `size` bytes, and a zero byte behind them */
    size_t size;
} engine_value;

/* What a statement gave. */
typedef struct engine_answer {
    int code;         /* SQLite's primary code: 0 when it ran to its end */
    char error[256];  /* the message; "" without an error */
    int column_count; /* see values */
    size_t row_count; /* see values */
    engine_value *values;
} engine_answer;

/* Open a database in memory; NULL when it cannot be. */
engine *engine_open(engine_kind kind);

/* Close it; NULL is allowed. */
void engine_close(engine *on);

/* SQLite's version, as 3040001; 0 without its library. */
int engine_sqlite_version(void);

/* Run the first statement of a text to its end. The answer is to be freed. A statement that goes on
 * beyond some millions of steps ends with code 9 (interrupted). */
void engine_run(engine *on, const char *sql, engine_answer *answer);

/* Give back an answer's memory. */
void engine_answer_free(engine_answer *answer);

/* Whether two values are the same. `is_loose`: 1 is 1.0, and the case of text does not matter. In
 * both ways reals may differ behind 12 digits: sums round differently. */
int engine_same(const engine_value *a, const engine_value *b, int is_loose);

/* Write a value as SQL's literal into `text`, which has `room` bytes; cut where it is longer. */
void engine_write(const engine_value *value, char *text, size_t room);

#endif
