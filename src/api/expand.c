/* expand.c - a statement's text with its parameters replaced by their values.
 *
 * Invariants
 *   EX1  The text has been parsed before, so that its literals, names and comments end.
 *   EX2  After a failure to allocate nothing more is written. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "sql/parse.h"
#include "vec/number.h"
#include "vec/value.h"

#include <string.h>

/* A text that grows. */
typedef struct expand_text {
    vl_ctx *ctx;
    char *text;
    size_t size;
    size_t capacity;
    int has_failed;
} expand_text;

static void
expand_put(expand_text *out, const char *text, size_t size)
{
    if (out->has_failed)
        return;
    if (out->size + size + 1 > out->capacity) {
        size_t capacity = (out->size + size + 1) * 2;
        char *more = vl_realloc(out->ctx, out->text, capacity);

        if (more == NULL) {
            out->has_failed = 1;
            return;
        }
        out->text = more;
        out->capacity = capacity;
    }
    memcpy(out->text + out->size, text, size);
    out->size += size;
    out->text[out->size] = 0;
}

static void
expand_put_text(expand_text *out, const vl_value *value)
{
    const char *text = value->size == 0 ? "" : value->as.data;

    expand_put(out, "'", 1);
    for (uint32_t i = 0; i < value->size; i++)
        expand_put(out, text[i] == '\'' ? "''" : &text[i], text[i] == '\'' ? 2 : 1);
    expand_put(out, "'", 1);
}

static void
expand_put_blob(expand_text *out, const vl_value *value)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *bytes = value->as.data;

    expand_put(out, "x'", 2);
    for (uint32_t i = 0; i < value->size; i++) {
        expand_put(out, &digits[bytes[i] >> 4], 1);
        expand_put(out, &digits[bytes[i] & 15], 1);
    }
    expand_put(out, "'", 1);
}

static void
expand_put_value(expand_text *out, const vl_value *value)
{
    char number[VL_NUMBER_TEXT_SIZE];

    switch (value->type) {
    case VL_TYPE_INTEGER:
        expand_put(out, number, vl_number_write_integer(value->as.integer, number));
        break;
    case VL_TYPE_REAL:
        expand_put(out, number, vl_number_write_real(value->as.real, number));
        break;
    case VL_TYPE_TEXT:
        expand_put_text(out, value);
        break;
    case VL_TYPE_BLOB:
        expand_put_blob(out, value);
        break;
    default:
        expand_put(out, "NULL", 4);
        break;
    }
}

static int
expand_is_name(char c)
{
    unsigned char byte = (unsigned char)c;

    return byte >= 0x80 || byte == '_' || byte == '$' || (byte >= '0' && byte <= '9') ||
           ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'z');
}

/* Behind a quoted piece or comment that begins at `at`; `at` when none does. */
static const char *
expand_skip(const char *at)
{
    char end = *at == '[' ? ']' : *at;

    if (at[0] == '-' && at[1] == '-')
        return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*') {
        const char *close = strstr(at + 2, "*/");

        return close == NULL ? at + strlen(at) : close + 2;
    }
    if (*at != '\'' && *at != '"' && *at != '`' && *at != '[')
        return at;
    at++;
    while (*at != 0 && (*at != end || (end != ']' && at[1] == end)))
        at += *at == end ? 2 : 1;
    return *at == 0 ? at : at + 1;
}

/* Behind a parameter's name that begins at `at`. */
static const char *
expand_skip_name(const char *at)
{
    at++;
    for (;;) {
        if (expand_is_name(*at)) {
            at++;
        } else if (at[0] == ':' && at[1] == ':') {
            at += 2;
        } else if (*at == '(') {
            const char *close = at + strcspn(at, ")");

            return *close == 0 ? at : close + 1;
        } else {
            return at;
        }
    }
}

/* The number of the parameter from `at` to `end`; *last is the greatest so far. */
static int
expand_number(const velo_statement *statement, const char *at, const char *end, int *last)
{
    int number = 0;

    if (*at == '?') {
        for (const char *digit = at + 1; digit < end; digit++)
            number = number * 10 + (*digit - '0');
        if (end == at + 1)
            number = *last + 1;
    } else {
        for (uint32_t i = 0; i < statement->param_count && number == 0; i++) {
            const char *name = velo_parameter_name(statement, (int)i + 1);

            if (name != NULL && strlen(name) == (size_t)(end - at) &&
                memcmp(name, at, (size_t)(end - at)) == 0)
                number = (int)i + 1;
        }
    }
    if (number > *last)
        *last = number;
    return number;
}

static int
expand_begins(const char *at, const char *text)
{
    if (*at == '?')
        return 1;
    if (at > text && expand_is_name(at[-1]))
        return 0;
    return (*at == ':' || *at == '@' || *at == '$' || *at == '#') && expand_is_name(at[1]);
}

char *
velo_statement_expanded_sql(const velo_statement *statement)
{
    vl_ctx ctx;
    expand_text out = {.ctx = &ctx};
    const char *at = statement->sql;
    int last = 0;

    vl_ctx_init(&ctx, NULL, NULL);
    expand_put(&out, "", 0);
    while (*at != 0) {
        const char *end = expand_skip(at);
        int number;

        if (end == at && expand_begins(at, statement->sql)) {
            end = at + 1;
            if (*at == '?')
                end += strspn(end, "0123456789");
            else
                end = expand_skip_name(at);
            number = expand_number(statement, at, end, &last);
            if (number >= 1 && (uint32_t)number <= statement->param_count)
                expand_put_value(&out, &statement->params[number - 1]);
            else
                expand_put(&out, at, (size_t)(end - at));
            at = end;
            continue;
        }
        if (end == at)
            end++;
        expand_put(&out, at, (size_t)(end - at));
        at = end;
    }
    if (out.has_failed) {
        vl_free(out.text);
        return NULL;
    }
    return out.text;
}

char *
velo_statement_normalized_sql(const velo_statement *statement)
{
    vl_ctx ctx;
    char *text;

    vl_ctx_init(&ctx, NULL, NULL);
    text = vl_alloc(&ctx, vl_sql_normalize_room(statement->sql_size));
    if (text != NULL)
        (void)vl_sql_normalize(statement->sql, statement->sql_size,
                               statement->plan != NULL ? statement->plan->strings : NULL, text);
    return text;
}
