/* code.c - functions between text and its codes: characters, hexadecimal, SQL literals.
 *
 * Invariants
 *   C1  What quote() and unistr_quote() write is an SQL literal of an equal value, but for text
 *       behind a byte 0, which literals cannot have. */
#include "func/func_int.h"

#include "vec/number.h"

#include <math.h>
#include <string.h>

static const char code_digits[] = "0123456789ABCDEF";
static const char code_digits_lower[] = "0123456789abcdef";

/* Variants of quote. */
enum {
    CODE_QUOTE,
    CODE_UNISTR_QUOTE
};

/* Size of the largest character that vl_func_put writes. */
#define CODE_CHARACTER_SIZE 4

static int
code_is_digit(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static unsigned
code_digit(unsigned char c)
{
    return c <= '9' ? c - (unsigned)'0' : (c | 0x20U) - (unsigned)'a' + 10U;
}

static velo_status
code_char(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    velo_status status;
    unsigned char *begin =
        vl_func_room(call, VL_TYPE_TEXT, (uint64_t)count * CODE_CHARACTER_SIZE, result, &status);
    unsigned char *to = begin;

    if (to == NULL)
        return status;
    for (int i = 0; i < count; i++) {
        int64_t c = vl_value_integer(&args[i]);

        to += vl_func_put(to, c < 0 || c > 0x10ffff ? 0xfffdU : (uint32_t)c);
    }
    result->size = (uint32_t)(to - begin);
    return VELO_OK;
}

static velo_status
code_unicode(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text = vl_func_text_of(args, room);

    (void)call;
    (void)count;
    if (text.at < text.end)
        *result = vl_value_of_integer(vl_func_take(&text));
    return VELO_OK;
}

static velo_status
code_hex(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes bytes = vl_func_bytes_of(args, room);
    velo_status status;
    char *to =
        vl_func_room(call, VL_TYPE_TEXT, 2 * (uint64_t)(bytes.end - bytes.at), result, &status);

    (void)count;
    if (to == NULL)
        return status;
    for (; bytes.at < bytes.end; bytes.at++) {
        *to++ = code_digits[*bytes.at >> 4];
        *to++ = code_digits[*bytes.at & 0x0fU];
    }
    return VELO_OK;
}

/* Whether the character is one of the text. */
static int
code_contains(vl_func_bytes text, uint32_t c)
{
    while (text.at < text.end)
        if (vl_func_take(&text) == c)
            return 1;
    return 0;
}

/* Read pairs of digits, with characters of `ignored` between them. Returns how many bytes, or -1
 * for anything else. */
static int64_t
code_read_hex(vl_func_bytes text, vl_func_bytes ignored, unsigned char *to)
{
    int64_t size = 0;

    while (text.at < text.end) {
        if (!code_is_digit(*text.at)) {
            if (!code_contains(ignored, vl_func_take(&text)))
                return -1;
            continue;
        }
        if (text.end - text.at < 2 || !code_is_digit(text.at[1]))
            return -1;
        to[size++] = (unsigned char)(code_digit(text.at[0]) << 4 | code_digit(text.at[1]));
        text.at += 2;
    }
    return size;
}

static velo_status
code_unhex(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    char ignored_room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text = vl_func_text_of(args, room);
    vl_func_bytes ignored = {text.end, text.end};
    velo_status status;
    vl_value blob;
    unsigned char *to;
    int64_t size;

    if (args[0].type == VL_TYPE_NULL || (count == 2 && args[1].type == VL_TYPE_NULL))
        return VELO_OK;
    if (count == 2)
        ignored = vl_func_bytes_of(&args[1], ignored_room);
    to = vl_func_room(call, VL_TYPE_BLOB, (uint64_t)(text.end - text.at) / 2, &blob, &status);
    if (to == NULL)
        return status;
    size = code_read_hex(text, ignored, to);
    if (size < 0)
        return VELO_OK;
    blob.size = (uint32_t)size;
    *result = blob;
    return VELO_OK;
}

int
vl_func_has_control(vl_func_bytes text)
{
    while (text.at < text.end)
        if (*text.at++ < 0x20U)
            return 1;
    return 0;
}

void
vl_func_append_quoted(vl_func_buffer *buffer, vl_func_bytes text, char quote, int is_escaped)
{
    const unsigned char *begin = text.at;

    for (; text.at < text.end; text.at++) {
        char escape[] = {'\\',
                         'u',
                         '0',
                         '0',
                         code_digits_lower[*text.at >> 4],
                         code_digits_lower[*text.at & 0x0fU]};
        int is_control = is_escaped && *text.at < 0x20U;

        if (!is_control && *text.at != (unsigned char)quote && !(is_escaped && *text.at == '\\'))
            continue;
        /* Up to here as it is; then the character twice, or its code. */
        vl_func_append(buffer, begin, (size_t)(text.at - begin));
        begin = text.at;
        if (is_control) {
            vl_func_append(buffer, escape, sizeof escape);
            begin++;
        } else {
            vl_func_append(buffer, begin, 1);
        }
    }
    vl_func_append(buffer, begin, (size_t)(text.end - begin));
}

static void
code_append_blob(vl_func_buffer *buffer, const vl_value *blob)
{
    const unsigned char *at = blob->as.data;

    vl_func_append(buffer, "X'", 2);
    for (uint32_t i = 0; i < blob->size; i++) {
        char pair[] = {code_digits[at[i] >> 4], code_digits[at[i] & 0x0fU]};

        vl_func_append(buffer, pair, sizeof pair);
    }
    vl_func_append_char(buffer, '\'');
}

void
vl_func_append_literal(vl_func_buffer *buffer, const vl_value *value, int is_unistr)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text = vl_func_text_of(value, room);

    switch (value->type) {
    case VL_TYPE_NULL:
        vl_func_append(buffer, "NULL", 4);
        break;
    case VL_TYPE_REAL:
        if (isinf(value->as.real)) {
            vl_func_append(buffer, value->as.real < 0.0 ? "-9.0e+999" : "9.0e+999",
                           value->as.real < 0.0 ? 9 : 8);
            break;
        }
        vl_func_append(buffer, text.at, (size_t)(text.end - text.at));
        break;
    case VL_TYPE_INTEGER:
        vl_func_append(buffer, text.at, (size_t)(text.end - text.at));
        break;
    case VL_TYPE_BLOB:
        code_append_blob(buffer, value);
        break;
    case VL_TYPE_TEXT:
        is_unistr = is_unistr && vl_func_has_control(text);
        if (is_unistr)
            vl_func_append(buffer, "unistr(", 7);
        vl_func_append_char(buffer, '\'');
        vl_func_append_quoted(buffer, text, '\'', is_unistr);
        vl_func_append_char(buffer, '\'');
        if (is_unistr)
            vl_func_append_char(buffer, ')');
        break;
    }
}

static velo_status
code_quote(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_func_buffer buffer = {.arena = call->arena};

    (void)count;
    vl_func_append_literal(&buffer, args, call->func->variant == CODE_UNISTR_QUOTE);
    return vl_func_buffer_end(call, &buffer, result);
}

/* Take an escape of unistr(), which begins with '\'. Returns 0 when it is none. */
static int
code_take_escape(vl_func_bytes *text, uint32_t *c)
{
    size_t size = (size_t)(text->end - text->at);
    size_t digits = 4;
    size_t begin = 2;

    if (size < 2)
        return 0;
    if (text->at[1] == '\\') {
        *c = '\\';
        text->at += 2;
        return 1;
    }
    if (text->at[1] == '+')
        digits = 6;
    else if (text->at[1] == 'U')
        digits = 8;
    else if (text->at[1] != 'u')
        begin = 1;
    if (size < begin + digits)
        return 0;
    *c = 0;
    for (size_t i = begin; i < begin + digits; i++) {
        if (!code_is_digit(text->at[i]))
            return 0;
        *c = *c << 4 | code_digit(text->at[i]);
    }
    text->at += begin + digits;
    return 1;
}

static velo_status
code_unistr(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_func_buffer buffer = {.arena = call->arena};
    char room[VL_NUMBER_TEXT_SIZE];
    unsigned char character[CODE_CHARACTER_SIZE];
    vl_func_bytes text = vl_func_text_of(args, room); /* escapes are read up to a byte 0 */
    vl_func_bytes all = vl_func_bytes_of(args, room);
    uint32_t c;

    (void)count;
    if (args->type == VL_TYPE_NULL)
        return VELO_OK;
    while (text.at < text.end) {
        const unsigned char *end = memchr(text.at, '\\', (size_t)(text.end - text.at));

        if (end == NULL)
            end = text.end;
        vl_func_append(&buffer, text.at, (size_t)(end - text.at));
        text.at = end;
        if (text.at == text.end)
            break;
        if (!code_take_escape(&text, &c))
            return vl_fail(call->ctx, VELO_ERROR, "invalid Unicode escape");
        vl_func_append(&buffer, character, vl_func_put(character, c));
    }
    vl_func_append(&buffer, text.end, (size_t)(all.end - text.end));
    return vl_func_buffer_end(call, &buffer, result);
}

static const vl_func code_funcs[] = {
    VL_FUNC_SCALAR("char", 0, -1, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_YIELDS_TEXT, code_char),
    VL_FUNC_SCALAR("hex", 1, 1, 0, VL_FUNC_PURE_FAILING, VL_FUNC_YIELDS_TEXT, code_hex),
    VL_FUNC_SCALAR("quote", 1, 1, CODE_QUOTE, VL_FUNC_PURE_FAILING, VL_FUNC_YIELDS_TEXT,
                   code_quote),
    VL_FUNC_SCALAR("unhex", 1, 2, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_BLOB, code_unhex),
    VL_FUNC_SCALAR("unicode", 1, 1, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_INTEGER, code_unicode),
    VL_FUNC_SCALAR("unistr", 1, 1, 0, VL_FUNC_PURE_FAILING, VL_FUNC_MAYBE_TEXT, code_unistr),
    VL_FUNC_SCALAR("unistr_quote", 1, 1, CODE_UNISTR_QUOTE, VL_FUNC_PURE_FAILING,
                   VL_FUNC_YIELDS_TEXT, code_quote)};

const vl_func_table vl_func_codes = {code_funcs, VL_ARRAY_COUNT(code_funcs)};
