/* json_parse.c - JSON text to JSONB.
 *
 * Reads RFC 8259, JSON5, and what SQLite takes beyond both: Infinity and NaN in any case, "inf",
 * "QNaN", "SNaN". What needs more than RFC 8259 is noted, and refused by nobody here.
 *
 * Invariants
 *   JP1  Nothing is read at or behind the end of the text: a character there reads as 0.
 *   JP2  A position is never moved behind the end. */
#include "func/json_int.h"

#include <string.h>

typedef struct parse_state {
    const unsigned char *start;
    const unsigned char *at;  /* next byte */
    const unsigned char *end; /* one past the last */
    vl_func_buffer *blob;
    vl_json_parsed *parsed;
    int depth;
} parse_state;

/* The byte that is `offset` ahead. Keeps JP1. */
static unsigned char
parse_byte(const parse_state *state, size_t offset)
{
    return offset < (size_t)(state->end - state->at) ? state->at[offset] : 0;
}

/* It goes wrong at the byte `offset` ahead. */
static int
parse_fail(parse_state *state, size_t offset)
{
    size_t left = (size_t)(state->end - state->at);

    if (!state->parsed->is_bad) {
        state->parsed->is_bad = 1;
        state->parsed->error_at =
            (size_t)(state->at - state->start) + (offset < left ? offset : left);
    }
    return 0;
}

static int
parse_is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static int
parse_is_hex(unsigned char c)
{
    return parse_is_digit(c) || ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'f');
}

static int
parse_is_alnum(unsigned char c)
{
    return parse_is_digit(c) || ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'z');
}

/* ---- white space ---- */

/* The size of the comment that the text begins with; 0: there is none. */
static size_t
parse_comment(vl_func_bytes text)
{
    size_t size = (size_t)(text.end - text.at);

    if (size < 2 || text.at[0] != '/')
        return 0;
    if (text.at[1] == '*') {
        for (size_t i = 2; i + 1 < size; i++)
            if (text.at[i] == '*' && text.at[i + 1] == '/')
                return i + 2;
        return 0;
    }
    if (text.at[1] != '/')
        return 0;
    for (size_t i = 2; i < size; i++) {
        if (text.at[i] == '\n' || text.at[i] == '\r')
            return i;
        if (text.at[i] == 0xe2U && size - i >= 3 && text.at[i + 1] == 0x80U &&
            (text.at[i + 2] & 0xfeU) == 0xa8U)
            return i + 3;
    }
    return size;
}

/* The size of the character that JSON5 takes for a space and JSON does not; 0: it is none. */
static size_t
parse_wide_space(vl_func_bytes text)
{
    size_t size = (size_t)(text.end - text.at);
    unsigned char last;

    if (text.at[0] == 0x0bU || text.at[0] == 0x0cU)
        return 1;
    if (size >= 2 && text.at[0] == 0xc2U && text.at[1] == 0xa0U)
        return 2;
    if (size < 3)
        return 0;
    last = text.at[2];
    if (text.at[0] == 0xe1U)
        return text.at[1] == 0x9aU && last == 0x80U ? 3 : 0;
    if (text.at[0] == 0xe2U && text.at[1] == 0x80U)
        return (last >= 0x80U && last <= 0x8aU) || last == 0xa8U || last == 0xa9U || last == 0xafU
                   ? 3
                   : 0;
    if (text.at[0] == 0xe2U)
        return text.at[1] == 0x81U && last == 0x9fU ? 3 : 0;
    if (text.at[0] == 0xe3U)
        return text.at[1] == 0x80U && last == 0x80U ? 3 : 0;
    return text.at[0] == 0xefU && text.at[1] == 0xbbU && last == 0xbfU ? 3 : 0;
}

/* The size of the white space that a text begins with, comments included; whether it is more than
 * JSON's. */
static size_t
parse_space(vl_func_bytes text, int *is_extended)
{
    const unsigned char *start = text.at;
    size_t size;

    *is_extended = 0;
    while (text.at < text.end) {
        unsigned char c = *text.at;

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
            text.at++;
            continue;
        }
        size = c == '/' ? parse_comment(text) : parse_wide_space(text);
        if (size == 0)
            break;
        *is_extended = 1;
        text.at += size;
    }
    return (size_t)(text.at - start);
}

static void
parse_skip_space(parse_state *state)
{
    int is_extended;

    state->at += parse_space((vl_func_bytes){state->at, state->end}, &is_extended);
    if (is_extended)
        state->parsed->is_json5 = 1;
}

/* ---- strings ---- */

static int
parse_has_hex(const parse_state *state, size_t offset, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!parse_is_hex(parse_byte(state, offset + i)))
            return 0;
    return 1;
}

/* Size of an escape whose backslash is `offset` ahead; *is_json5 when it is not JSON's. 0: it is
 * none. */
static size_t
parse_escape(const parse_state *state, size_t offset, int *is_json5)
{
    unsigned char c = parse_byte(state, offset + 1);

    *is_json5 = 0;
    if (c != 0 && memchr("\"\\/bfnrt", c, 8) != NULL)
        return 2;
    if (c == 'u' && parse_has_hex(state, offset + 2, 4))
        return 6;
    *is_json5 = 1;
    if (c == '\r')
        return parse_byte(state, offset + 2) == '\n' ? 3 : 2;
    if (c == '\'' || c == 'v' || c == '\n')
        return 2;
    if (c == '0' && !parse_is_digit(parse_byte(state, offset + 2)))
        return 2;
    if (c == 'x' && parse_has_hex(state, offset + 2, 2))
        return 4;
    if (c == 0xe2U && parse_byte(state, offset + 2) == 0x80U &&
        (parse_byte(state, offset + 3) & 0xfeU) == 0xa8U)
        return 4;
    return 0;
}

/* A string, at its quote. */
static int
parse_string(parse_state *state)
{
    unsigned char quote = *state->at;
    vl_json_type type = VL_JSON_TEXT;
    size_t size = 1;

    if (quote == '\'')
        state->parsed->is_json5 = 1;
    for (;;) {
        unsigned char c = parse_byte(state, size);
        size_t step = 1;

        if (c == quote)
            break;
        if (c == '\\') {
            int is_json5;

            step = parse_escape(state, size, &is_json5);
            if (step == 0)
                return parse_fail(state, size + 1);
            if (is_json5) {
                type = VL_JSON_TEXT5;
                state->parsed->is_json5 = 1;
            } else if (type == VL_JSON_TEXT) {
                type = VL_JSON_TEXTJ;
            }
        } else if (c == 0) {
            return parse_fail(state, size);
        } else if (c < 0x20U) {
            type = VL_JSON_TEXT5;
            state->parsed->is_json5 = 1;
        } else if (c == '"') {
            type = VL_JSON_TEXT5;
        }
        size += step;
    }
    vl_json_append(state->blob, type, state->at + 1, size - 1);
    state->at += size + 1;
    return 1;
}

/* ---- numbers ---- */

/* Append the number that has `size` bytes. */
static int
parse_put_number(parse_state *state, vl_json_type type, size_t size)
{
    size_t plus = *state->at == '+' ? 1 : 0;

    if (type == VL_JSON_INT5 || type == VL_JSON_FLOAT5 || plus != 0)
        state->parsed->is_json5 = 1;
    vl_json_append(state->blob, type, state->at + plus, size - plus);
    state->at += size;
    return 1;
}

/* Whether the letters `offset` ahead are those of a word, in whatever case. */
static int
parse_is_word(const parse_state *state, size_t offset, const char *word)
{
    for (size_t i = 0; word[i] != 0; i++)
        if ((parse_byte(state, offset + i) | 0x20U) != (unsigned char)word[i])
            return 0;
    return 1;
}

/* +Infinity and the like, at the sign; 0 without a failure when it is none. */
static int
parse_infinity(parse_state *state)
{
    int is_negative = *state->at == '-';

    if (!parse_is_word(state, 1, "inf"))
        return 0;
    state->parsed->is_json5 = 1;
    vl_json_append(state->blob, VL_JSON_FLOAT, is_negative ? "-9e999" : "9e999",
                   is_negative ? 6 : 5);
    state->at += parse_is_word(state, 4, "inity") ? 9 : 4;
    return 1;
}

/* The digits, point and exponent from `size` bytes ahead, behind a first digit or point. */
static int
parse_decimal(parse_state *state, size_t size, int is_json5, int has_point)
{
    int has_exponent = 0;
    unsigned char c;

    for (;; size++) {
        c = parse_byte(state, size);
        if (parse_is_digit(c))
            continue;
        if (c == '.') {
            if (has_point || has_exponent)
                return parse_fail(state, size);
            has_point = 1;
        } else if (c == 'e' || c == 'E') {
            if (state->at[size - 1] < '0') {
                if (state->at[size - 1] != '.' || size < 2 || !parse_is_digit(state->at[size - 2]))
                    return parse_fail(state, size);
                is_json5 = 1;
            }
            if (has_exponent)
                return parse_fail(state, size);
            has_exponent = 1;
            if (parse_byte(state, size + 1) == '+' || parse_byte(state, size + 1) == '-')
                size++;
            if (!parse_is_digit(parse_byte(state, size + 1)))
                return parse_fail(state, size);
        } else {
            break;
        }
    }
    if (state->at[size - 1] < '0') {
        if (state->at[size - 1] != '.' || size < 2 || !parse_is_digit(state->at[size - 2]))
            return parse_fail(state, size);
        is_json5 = 1;
    }
    return parse_put_number(
        state,
        (vl_json_type)(VL_JSON_INT + (has_point || has_exponent ? 2 : 0) + (is_json5 ? 1 : 0)),
        size);
}

/* A number, at its sign, digit or point. */
static int
parse_number(parse_state *state)
{
    size_t sign = *state->at == '-' || *state->at == '+' ? 1 : 0;
    unsigned char c = parse_byte(state, sign);
    size_t size;

    if (c == '.') {
        if (!parse_is_digit(parse_byte(state, sign + 1)))
            return parse_fail(state, sign);
        if (*state->at == '+')
            state->parsed->is_json5 = 1;
        return parse_decimal(state, sign + 1, 1, 1);
    }
    if (!parse_is_digit(c))
        return (sign != 0 && parse_infinity(state)) || parse_fail(state, 0);
    if (c == '0' && (parse_byte(state, sign + 1) | 0x20U) == 'x' &&
        parse_is_hex(parse_byte(state, sign + 2))) {
        for (size = sign + 3; parse_is_hex(parse_byte(state, size)); size++)
            continue;
        return parse_put_number(state, VL_JSON_INT5, size);
    }
    if (c == '0' && parse_is_digit(parse_byte(state, sign + 1)))
        return parse_fail(state, 1);
    return parse_decimal(state, sign + 1, 0, 0);
}

/* ---- words ---- */

/* null, true, false; and names of what is no number. */
static int
parse_word(parse_state *state)
{
    static const struct {
        const char *word; /* in lower case */
        size_t size;
        vl_json_type type;
        int is_exact; /* only so, and JSON */
    } words[] = {{"null", 4, VL_JSON_NULL, 1},      {"true", 4, VL_JSON_TRUE, 1},
                 {"false", 5, VL_JSON_FALSE, 1},    {"inf", 3, VL_JSON_FLOAT, 0},
                 {"infinity", 8, VL_JSON_FLOAT, 0}, {"nan", 3, VL_JSON_NULL, 0},
                 {"qnan", 4, VL_JSON_NULL, 0},      {"snan", 4, VL_JSON_NULL, 0}};

    for (size_t i = 0; i < VL_ARRAY_COUNT(words); i++) {
        size_t size = words[i].size;
        int is_there = words[i].is_exact ? (size_t)(state->end - state->at) >= size &&
                                               memcmp(state->at, words[i].word, size) == 0
                                         : parse_is_word(state, 0, words[i].word);

        if (!is_there || parse_is_alnum(parse_byte(state, size)))
            continue;
        if (words[i].type == VL_JSON_FLOAT)
            vl_json_append(state->blob, VL_JSON_FLOAT, "9e999", 5);
        else
            vl_json_append(state->blob, words[i].type, NULL, 0);
        if (!words[i].is_exact)
            state->parsed->is_json5 = 1;
        state->at += size;
        return 1;
    }
    return parse_fail(state, 0);
}

/* ---- arrays and objects ---- */

static int parse_value(parse_state *state);

/* Behind an element: 1: another one follows; 0: it was the last one, and `close` is passed; -1: it
 * goes wrong. */
static int
parse_comma(parse_state *state, unsigned char close)
{
    parse_skip_space(state);
    if (parse_byte(state, 0) == close) {
        state->at++;
        return 0;
    }
    if (parse_byte(state, 0) != ',')
        return parse_fail(state, 0) - 1;
    state->at++;
    parse_skip_space(state);
    if (parse_byte(state, 0) != close)
        return 1;
    state->parsed->is_json5 = 1; /* a comma behind the last one */
    state->at++;
    return 0;
}

static int
parse_array(parse_state *state)
{
    size_t begin = vl_json_begin(state->blob, VL_JSON_ARRAY);
    int more;

    state->at++;
    parse_skip_space(state);
    if (parse_byte(state, 0) == ']') {
        state->at++;
        return 1;
    }
    do {
        if (!parse_value(state))
            return 0;
        more = parse_comma(state, ']');
    } while (more > 0);
    vl_json_end(state->blob, begin);
    return more == 0;
}

/* Size of a character of a name `offset` ahead; 0: it is none. */
static size_t
parse_name_part(const parse_state *state, size_t offset, int is_first)
{
    unsigned char c = parse_byte(state, offset);

    if (c == '\\')
        return parse_byte(state, offset + 1) == 'u' && parse_has_hex(state, offset + 2, 4) ? 6 : 0;
    if (c == '_' || c == '$' || ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'z'))
        return 1;
    if (c >= 0x80U)
        return !is_first && parse_wide_space((vl_func_bytes){state->at + offset, state->end}) > 0
                   ? 0
                   : 1;
    return !is_first && parse_is_digit(c) ? 1 : 0;
}

/* A label: a string, or a name as in JavaScript. */
static int
parse_label(parse_state *state)
{
    vl_json_type type = VL_JSON_TEXT;
    size_t size = 0;
    size_t step;

    if (parse_byte(state, 0) == '"' || parse_byte(state, 0) == '\'')
        return parse_string(state);
    for (step = parse_name_part(state, 0, 1); step > 0; step = parse_name_part(state, size, 0)) {
        if (step > 1)
            type = VL_JSON_TEXTJ;
        size += step;
    }
    if (size == 0)
        return parse_fail(state, 0);
    if (parse_byte(state, size) == '\\')
        return parse_fail(state, size);
    state->parsed->is_json5 = 1;
    vl_json_append(state->blob, type, state->at, size);
    state->at += size;
    return 1;
}

static int
parse_object(parse_state *state)
{
    size_t begin = vl_json_begin(state->blob, VL_JSON_OBJECT);
    int more;

    state->at++;
    parse_skip_space(state);
    if (parse_byte(state, 0) == '}') {
        state->at++;
        return 1;
    }
    do {
        if (!parse_label(state))
            return 0;
        parse_skip_space(state);
        if (parse_byte(state, 0) != ':')
            return parse_fail(state, 0);
        state->at++;
        if (!parse_value(state))
            return 0;
        more = parse_comma(state, '}');
    } while (more > 0);
    vl_json_end(state->blob, begin);
    return more == 0;
}

/* A value, perhaps behind white space. Returns 0 when it goes wrong. */
static int
parse_value(parse_state *state)
{
    unsigned char c;
    int is_good;

    parse_skip_space(state);
    c = parse_byte(state, 0);
    if (c == '"' || c == '\'')
        return parse_string(state);
    if (c == '{' || c == '[') {
        if (state->depth == VL_JSON_DEPTH_MAX)
            return parse_fail(state, 0);
        state->depth++;
        is_good = c == '{' ? parse_object(state) : parse_array(state);
        state->depth--;
        return is_good;
    }
    if (parse_is_digit(c) || c == '-' || c == '+' || c == '.')
        return parse_number(state);
    return parse_word(state);
}

void
vl_json_parse(vl_func_bytes text, vl_func_buffer *blob, vl_json_parsed *parsed)
{
    parse_state state = {text.at, text.at, text.end, blob, parsed, 0};

    *parsed = (vl_json_parsed){0, 0, 0};
    parse_skip_space(&state);
    if (state.at == state.end) { /* nothing at all */
        parsed->is_bad = 1;
        return;
    }
    if (!parse_value(&state))
        return;
    parse_skip_space(&state);
    if (state.at < state.end)
        (void)parse_fail(&state, 0);
}
