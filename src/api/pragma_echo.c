/* pragma_echo.c - PRAGMAs of SQLite's that have nothing to act on here: what a program sets, it
 * reads back, as it would from SQLite (31, item 36).
 *
 * Invariants
 *   PE1  A connection begins with SQLite's defaults: a value is kept as what it differs by. */
#include "api/pragma_int.h"

#include "vec/value.h"

#include <string.h>

/* How an argument is read and answered. */
typedef enum echo_form {
    ECHO_FLAG,         /* yes or no; no answer to a change */
    ECHO_NUMBER,       /* a number; a change is answered */
    ECHO_COUNT,        /* the same, where numbers below 0 change nothing */
    ECHO_LEVEL,        /* on, off or a number to 2, with "fast" for 2; a change is answered */
    ECHO_LOCKING_MODE, /* "normal" or "exclusive" */
    ECHO_FIXED         /* what is set is not kept; no answer to a change */
} echo_form;

static velo_status echo_run(vl_ctx *ctx, const vl_pragma_call *call,
                            const vl_pragma_text *argument);

typedef struct echo_pragma {
    vl_pragma pragma; /* first */
    echo_form form;
    int64_t begin; /* what it is at first */
    int64_t least; /* ECHO_NUMBER: what is less becomes this; ECHO_COUNT: changes nothing */
    int64_t most;  /* ECHO_COUNT: what is more becomes this */
} echo_pragma;

#define ECHO_PRAGMA(name, flags, form, begin) ECHO_WITHIN(name, flags, form, begin, 0, INT64_MAX)
#define ECHO_WITHIN(name, flags, form, begin, least, most)                                         \
    {VL_PRAGMA(name, echo_run, (flags) | VL_PRAGMA_NO_FUNCTION, name), form, begin, least, most}

static const echo_pragma echo_pragmas[] = {
    ECHO_PRAGMA("analysis_limit", VL_PRAGMA_ANSWERS, ECHO_COUNT, 0),
    ECHO_PRAGMA("auto_vacuum", 0, ECHO_FIXED, 0),
    ECHO_PRAGMA("automatic_index", 0, ECHO_FLAG, 1),
    ECHO_PRAGMA("cell_size_check", 0, ECHO_FLAG, 0),
    ECHO_PRAGMA("checkpoint_fullfsync", 0, ECHO_FLAG, 0),
    ECHO_PRAGMA("empty_result_callbacks", 0, ECHO_FLAG, 0),
    ECHO_PRAGMA("freelist_count", 0, ECHO_FIXED, 0),
    ECHO_PRAGMA("full_column_names", 0, ECHO_FLAG, 0),
    ECHO_PRAGMA("fullfsync", 0, ECHO_FLAG, 0),
    ECHO_PRAGMA("hard_heap_limit", VL_PRAGMA_ANSWERS, ECHO_COUNT, 0),
    ECHO_WITHIN("journal_size_limit", VL_PRAGMA_ANSWERS, ECHO_NUMBER, -1, -1, 0),
    ECHO_PRAGMA("legacy_alter_table", 0, ECHO_FLAG, 0),
    ECHO_PRAGMA("locking_mode", VL_PRAGMA_ANSWERS, ECHO_LOCKING_MODE, 0),
    ECHO_WITHIN("max_page_count", VL_PRAGMA_ANSWERS, ECHO_COUNT, 4294967294, 1, 4294967294),
    ECHO_PRAGMA("mmap_size", VL_PRAGMA_ANSWERS, ECHO_COUNT, 0),
    ECHO_PRAGMA("read_uncommitted", 0, ECHO_FLAG, 0),
    ECHO_PRAGMA("reverse_unordered_selects", 0, ECHO_FLAG, 0),
    ECHO_PRAGMA("secure_delete", VL_PRAGMA_ANSWERS, ECHO_LEVEL, 0),
    ECHO_PRAGMA("short_column_names", 0, ECHO_FLAG, 1),
    ECHO_PRAGMA("soft_heap_limit", VL_PRAGMA_ANSWERS, ECHO_COUNT, 0),
    ECHO_WITHIN("threads", VL_PRAGMA_ANSWERS, ECHO_COUNT, 0, 0, 8),
    ECHO_PRAGMA("trusted_schema", 0, ECHO_FLAG, 1),
    ECHO_PRAGMA("wal_autocheckpoint", VL_PRAGMA_ANSWERS, ECHO_NUMBER, 1000),
};

_Static_assert(VL_ARRAY_COUNT(echo_pragmas) == VL_PRAGMA_ECHOES, "each has its place");

static int
echo_is_number(const vl_pragma_text *argument)
{
    char first = argument->text_size > 0 ? argument->text[0] : 0;

    if ((first == '-' || first == '+') && argument->text_size > 1)
        first = argument->text[1];
    return first >= '0' && first <= '9';
}

static int64_t
echo_read(const echo_pragma *echo, const vl_pragma_text *argument, int64_t now)
{
    int64_t number;

    switch (echo->form) {
    case ECHO_FLAG:
        return vl_pragma_flag(argument);
    case ECHO_NUMBER:
        number = vl_pragma_number(argument);
        return number < echo->least ? echo->least : number;
    case ECHO_COUNT:
        if (!echo_is_number(argument))
            return now;
        number = vl_pragma_number(argument);
        return number < echo->least ? now : number > echo->most ? echo->most : number;
    case ECHO_LEVEL:
        if (vl_name_compare(argument->text, argument->text_size, "fast", 4) == 0)
            return 2;
        return vl_pragma_level(argument, 0) != 0;
    case ECHO_LOCKING_MODE:
        if (vl_name_compare(argument->text, argument->text_size, "exclusive", 9) == 0)
            return 1;
        return vl_name_compare(argument->text, argument->text_size, "normal", 6) == 0 ? 0 : now;
    case ECHO_FIXED:
        return now;
    }
    return now;
}

static velo_status
echo_run(vl_ctx *ctx, const vl_pragma_call *call, const vl_pragma_text *argument)
{
    const echo_pragma *echo =
        (const echo_pragma *)(const void *)call->pragma; /* its first member */
    int64_t *kept = &call->statement->connection->pragma_echoes[echo - echo_pragmas];
    int64_t now = (int64_t)((uint64_t)*kept + (uint64_t)echo->begin);

    if (argument != NULL) {
        now = echo_read(echo, argument, now);
        *kept = (int64_t)((uint64_t)now - (uint64_t)echo->begin); /* keeps PE1 */
        if ((echo->pragma.flags & VL_PRAGMA_ANSWERS) == 0)
            return VELO_OK;
    }
    if (echo->form == ECHO_LOCKING_MODE)
        return vl_pragma_answer_text(ctx, call, *kept != 0 ? "exclusive" : "normal");
    return vl_pragma_answer_integer(ctx, call, now);
}

const vl_pragma *
vl_pragma_find_echo(const char *name, size_t size)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(echo_pragmas); i++)
        if (vl_pragma_is(&echo_pragmas[i].pragma, name, size))
            return &echo_pragmas[i].pragma;
    return NULL;
}
