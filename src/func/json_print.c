/* json_print.c - JSONB to JSON text and SQL values, and SQL values to both.
 *
 * Invariants
 *   JO1  Text that is printed is JSON of RFC 8259: what JSON5 allows beyond it is written anew.
 *   JO2  Depth is counted against VL_JSON_DEPTH_MAX; what is deeper is damaged. */
#include "func/json_int.h"

#include "vec/number.h"
#include "vec/value.h"

#include <string.h>

/* ---- characters of strings ---- */

/* What stands at an escape, or at a plain character. */
typedef struct print_char {
    size_t size;   /* bytes that it takes */
    uint32_t code; /* the character; PRINT_NOTHING for an escaped line end */
} print_char;

#define PRINT_NOTHING UINT32_MAX

static uint32_t
print_hex_digit(unsigned char c)
{
    return c <= '9' ? c - (unsigned)'0' : (c | 0x20U) - (unsigned)'a' + 10U;
}

/* The number that `count` hexadecimal digits give; PRINT_NOTHING when they are not there. */
static uint32_t
print_hex(const unsigned char *at, const unsigned char *end, size_t count)
{
    uint32_t number = 0;

    if ((size_t)(end - at) < count)
        return PRINT_NOTHING;
    for (size_t i = 0; i < count; i++) {
        unsigned char c = at[i];

        if (!((c >= '0' && c <= '9') || ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'f')))
            return PRINT_NOTHING;
        number = number << 4 | print_hex_digit(c);
    }
    return number;
}

/* \uXXXX, with the one behind it where both are a pair. */
static print_char
print_take_unicode(vl_func_bytes text)
{
    uint32_t code = print_hex(text.at + 2, text.end, 4);
    uint32_t second;

    if (code == PRINT_NOTHING)
        return (print_char){2, PRINT_NOTHING};
    if ((code & 0xfc00U) != 0xd800U || text.end - text.at < 12 || text.at[6] != '\\' ||
        text.at[7] != 'u')
        return (print_char){6, code};
    second = print_hex(text.at + 8, text.end, 4);
    if (second == PRINT_NOTHING || (second & 0xfc00U) != 0xdc00U)
        return (print_char){6, code};
    return (print_char){12, ((code & 0x3ffU) << 10) + (second & 0x3ffU) + 0x10000U};
}

/* The escape at text.at, a backslash. Any bytes may follow. */
static print_char
print_take_escape(vl_func_bytes text)
{
    static const char letters[] = "bfnrtv0";
    static const char codes[] = {'\b', '\f', '\n', '\r', '\t', 0x0b, 0};
    size_t left = (size_t)(text.end - text.at);
    const char *letter;
    uint32_t code;

    if (left < 2)
        return (print_char){1, PRINT_NOTHING};
    switch (text.at[1]) {
    case 'u':
        return print_take_unicode(text);
    case 'x':
        code = print_hex(text.at + 2, text.end, 2);
        return code == PRINT_NOTHING ? (print_char){2, PRINT_NOTHING} : (print_char){4, code};
    case '\r':
        return (print_char){left > 2 && text.at[2] == '\n' ? 3 : 2, PRINT_NOTHING};
    case '\n':
        return (print_char){2, PRINT_NOTHING};
    case 0xe2:
        return (print_char){left < 4 ? left : 4, PRINT_NOTHING};
    default:
        letter = memchr(letters, text.at[1], sizeof letters - 1);
        return (print_char){2, letter != NULL ? (uint32_t)codes[letter - letters] : text.at[1]};
    }
}

static int
print_has_escapes(vl_json_type type)
{
    return type == VL_JSON_TEXTJ || type == VL_JSON_TEXT5;
}

void
vl_json_append_plain(vl_func_buffer *text, vl_json_type type, vl_func_bytes payload)
{
    unsigned char bytes[4];

    if (!print_has_escapes(type)) {
        vl_func_append(text, payload.at, (size_t)(payload.end - payload.at));
        return;
    }
    while (payload.at < payload.end) {
        const unsigned char *stop = memchr(payload.at, '\\', (size_t)(payload.end - payload.at));
        print_char c;

        if (stop == NULL)
            stop = payload.end;
        vl_func_append(text, payload.at, (size_t)(stop - payload.at));
        payload.at = stop;
        if (stop == payload.end)
            return;
        c = print_take_escape(payload);
        payload.at += c.size;
        if (c.code != PRINT_NOTHING)
            vl_func_append(text, bytes, vl_func_put(bytes, c.code));
    }
}

/* Take a byte of the characters of a string: up to four of them wait in `room`. Returns -1 at the
 * end. */
typedef struct print_reader {
    vl_func_bytes payload;
    int has_escapes;
    unsigned char room[4];
    size_t count; /* bytes that wait */
    size_t at;    /* the next of them */
} print_reader;

static int
print_reader_take(print_reader *reader)
{
    while (reader->at == reader->count) {
        print_char c;

        if (reader->payload.at == reader->payload.end)
            return -1;
        if (!reader->has_escapes || *reader->payload.at != '\\')
            return *reader->payload.at++;
        c = print_take_escape(reader->payload);
        reader->payload.at += c.size;
        reader->at = 0;
        reader->count = c.code == PRINT_NOTHING ? 0 : vl_func_put(reader->room, c.code);
    }
    return reader->room[reader->at++];
}

int
vl_json_same_text(vl_json_type type, vl_func_bytes payload, vl_json_type other_type,
                  vl_func_bytes other)
{
    print_reader a = {.payload = payload, .has_escapes = print_has_escapes(type)};
    print_reader b = {.payload = other, .has_escapes = print_has_escapes(other_type)};
    int byte;

    if (!a.has_escapes && !b.has_escapes)
        return payload.end - payload.at == other.end - other.at &&
               memcmp(payload.at, other.at, (size_t)(other.end - other.at)) == 0;
    do {
        byte = print_reader_take(&a);
        if (byte != print_reader_take(&b))
            return 0;
    } while (byte >= 0);
    return 1;
}

/* ---- strings as JSON ---- */

/* Append a character below U+0020 as an escape. */
static void
print_control(vl_func_buffer *text, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    static const char letters[] = "btn\0fr"; /* of 8 to 13 */
    char escape[6] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 0x0fU]};

    if (c >= 8 && c <= 13 && letters[c - 8] != 0) {
        escape[1] = letters[c - 8];
        vl_func_append(text, escape, 2);
    } else {
        vl_func_append(text, escape, 6);
    }
}

void
vl_json_print_text(vl_func_buffer *text, vl_func_bytes bytes)
{
    const unsigned char *from = bytes.at;

    vl_func_append_char(text, '"');
    for (; bytes.at < bytes.end; bytes.at++) {
        unsigned char c = *bytes.at;

        if (c >= 0x20U && c != '"' && c != '\\')
            continue;
        vl_func_append(text, from, (size_t)(bytes.at - from));
        from = bytes.at + 1;
        if (c < 0x20U) {
            print_control(text, c);
        } else {
            vl_func_append_char(text, '\\');
            vl_func_append_char(text, (char)c);
        }
    }
    vl_func_append(text, from, (size_t)(bytes.at - from));
    vl_func_append_char(text, '"');
}

/* Append an escape of JSON5 as JSON has it; returns its size, 0 when it is damaged. */
static size_t
print_escape5(vl_func_buffer *text, vl_func_bytes from)
{
    size_t left = (size_t)(from.end - from.at);

    if (left < 2)
        return 0;
    switch (from.at[1]) {
    case '\'':
        vl_func_append_char(text, '\'');
        return 2;
    case 'v':
        vl_func_append(text, "\\u000b", 6);
        return 2;
    case '0':
        vl_func_append(text, "\\u0000", 6);
        return 2;
    case 'x':
        if (left < 4)
            return 0;
        vl_func_append(text, "\\u00", 4);
        vl_func_append(text, from.at + 2, 2);
        return 4;
    case '\r':
        return left > 2 && from.at[2] == '\n' ? 3 : 2;
    case '\n':
        return 2;
    case 0xe2:
        return left < 4 ? 0 : 4;
    default:
        vl_func_append(text, from.at, 2);
        return 2;
    }
}

/* A string with JSON5 in it. Keeps JO1. */
static int
print_text5(vl_func_buffer *text, vl_func_bytes from)
{
    vl_func_append_char(text, '"');
    while (from.at < from.end) {
        const unsigned char *stop = from.at;
        size_t size = 1;

        while (stop < from.end && *stop >= 0x20U && *stop != '"' && *stop != '\\')
            stop++;
        vl_func_append(text, from.at, (size_t)(stop - from.at));
        from.at = stop;
        if (from.at == from.end)
            break;
        if (*from.at == '\\')
            size = print_escape5(text, from);
        else if (*from.at == '"')
            vl_func_append(text, "\\\"", 2);
        else
            print_control(text, *from.at);
        if (size == 0)
            return 0;
        from.at += size;
    }
    vl_func_append_char(text, '"');
    return 1;
}

/* ---- numbers as JSON ---- */

/* A hexadecimal integer in decimal. */
static int
print_hex_integer(vl_func_buffer *text, vl_func_bytes from)
{
    char room[24];
    uint64_t number = 0;
    size_t at = sizeof room;

    if (from.at < from.end && *from.at == '-')
        vl_func_append_char(text, '-');
    if (from.at < from.end && (*from.at == '-' || *from.at == '+'))
        from.at++;
    if (from.end - from.at < 3)
        return 0;
    for (from.at += 2; from.at < from.end; from.at++) {
        uint32_t digit = print_hex(from.at, from.end, 1);

        if (digit == PRINT_NOTHING)
            return 0;
        if (number >> 60 != 0) {
            vl_func_append(text, "9.0e999", 7);
            return 1;
        }
        number = number << 4 | digit;
    }
    do {
        room[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    vl_func_append(text, room + at, sizeof room - at);
    return 1;
}

/* A real with digits missing beside its point. */
static int
print_float5(vl_func_buffer *text, vl_func_bytes from)
{
    if (from.at == from.end)
        return 0;
    if (*from.at == '-') {
        vl_func_append_char(text, '-');
        from.at++;
    }
    if (from.at < from.end && *from.at == '.')
        vl_func_append_char(text, '0');
    for (; from.at < from.end; from.at++) {
        vl_func_append_char(text, (char)*from.at);
        if (*from.at == '.' && (from.end - from.at == 1 || from.at[1] < '0' || from.at[1] > '9'))
            vl_func_append_char(text, '0');
    }
    return 1;
}

static int
print_scalar(vl_func_buffer *text, const vl_json_node *node, vl_func_bytes payload)
{
    switch (node->type) {
    case VL_JSON_NULL:
        vl_func_append(text, "null", 4);
        return 1;
    case VL_JSON_TRUE:
        vl_func_append(text, "true", 4);
        return 1;
    case VL_JSON_FALSE:
        vl_func_append(text, "false", 5);
        return 1;
    case VL_JSON_INT:
    case VL_JSON_FLOAT:
        vl_func_append(text, payload.at, node->size);
        return node->size > 0;
    case VL_JSON_INT5:
        return print_hex_integer(text, payload);
    case VL_JSON_FLOAT5:
        return print_float5(text, payload);
    case VL_JSON_TEXT:
    case VL_JSON_TEXTJ:
        vl_func_append_char(text, '"');
        vl_func_append(text, payload.at, node->size);
        vl_func_append_char(text, '"');
        return 1;
    case VL_JSON_TEXT5:
        return print_text5(text, payload);
    case VL_JSON_TEXTRAW:
        vl_json_print_text(text, payload);
        return 1;
    case VL_JSON_ARRAY:
    case VL_JSON_OBJECT:
        break;
    }
    return 0;
}

/* ---- arrays and objects as JSON ---- */

/* How JSON is laid out. */
typedef struct print_layout {
    vl_func_buffer *text;
    const vl_func_bytes *indent; /* NULL: all on one line */
    int depth;
} print_layout;

/* Begin a line, where there are any. */
static void
print_line(const print_layout *layout)
{
    if (layout->indent == NULL)
        return;
    vl_func_append_char(layout->text, '\n');
    for (int i = 0; i < layout->depth; i++)
        vl_func_append(layout->text, layout->indent->at,
                       (size_t)(layout->indent->end - layout->indent->at));
}

static int print_nested(print_layout *layout, vl_func_bytes from);

/* The elements of an array, or labels and values of an object. */
static int
print_kids(print_layout *layout, vl_func_bytes payload, int is_object)
{
    uint32_t count = 0;
    vl_json_node kid;

    for (; payload.at < payload.end; payload.at = vl_json_behind(payload, &kid), count++) {
        int is_value = is_object && count % 2 == 1;

        if (!vl_json_read(payload, &kid) || (is_object && !is_value && !vl_json_is_text(kid.type)))
            return 0;
        if (is_value) {
            vl_func_append_char(layout->text, ':');
            if (layout->indent != NULL)
                vl_func_append_char(layout->text, ' ');
        } else {
            if (count > 0)
                vl_func_append_char(layout->text, ',');
            print_line(layout);
        }
        if (!print_nested(layout, payload) || layout->text->bad != VELO_OK)
            return layout->text->bad != VELO_OK;
    }
    return !is_object || count % 2 == 0;
}

static int
print_nested(print_layout *layout, vl_func_bytes from)
{
    vl_json_node node;
    int is_object;

    if (!vl_json_read(from, &node))
        return 0;
    if (!vl_json_is_container(node.type))
        return print_scalar(layout->text, &node, vl_json_payload(from, &node));
    if (layout->depth == VL_JSON_DEPTH_MAX) /* keeps JO2 */
        return 0;
    is_object = node.type == VL_JSON_OBJECT;
    vl_func_append_char(layout->text, is_object ? '{' : '[');
    layout->depth++;
    if (!print_kids(layout, vl_json_payload(from, &node), is_object))
        return 0;
    layout->depth--;
    if (node.size > 0)
        print_line(layout);
    vl_func_append_char(layout->text, is_object ? '}' : ']');
    return 1;
}

int
vl_json_print(vl_func_bytes from, vl_func_buffer *text)
{
    print_layout layout = {text, NULL, 0};

    return print_nested(&layout, from);
}

int
vl_json_print_pretty(vl_func_bytes from, vl_func_bytes indent, vl_func_buffer *text)
{
    print_layout layout = {text, &indent, 0};

    return print_nested(&layout, from);
}

/* ---- SQL values ---- */

/* A hexadecimal integer: positive beyond 63 bits it is a real, beyond 64 nothing at all. */
static int
print_hex_value(vl_func_bytes payload, vl_value *value)
{
    int is_negative = payload.at < payload.end && *payload.at == '-';
    int64_t bits;
    double real;

    if (payload.at < payload.end && (*payload.at == '-' || *payload.at == '+'))
        payload.at++;
    if (!vl_number_read_hex(payload.at, (size_t)(payload.end - payload.at), &bits))
        return 0;
    real = (double)(uint64_t)bits;
    if (bits < 0)
        *value = vl_value_of_real(is_negative ? -real : real);
    else
        *value = vl_value_of_integer(is_negative ? -bits : bits);
    return 1;
}

/* A decimal number: of INT also beyond 64 bits, then a real. */
static int
print_number_value(vl_json_type type, vl_func_bytes payload, vl_value *value)
{
    vl_number number = vl_number_read(payload.at, (size_t)(payload.end - payload.at));

    if (!number.is_found || !number.is_all)
        return 0;
    *value = number.value;
    if (type != VL_JSON_INT && value->type == VL_TYPE_INTEGER)
        *value = vl_value_of_real((double)value->as.integer);
    return 1;
}

/* A string, in the call's arena. */
static void
print_text_value(vl_func_call *call, vl_json_type type, vl_func_bytes payload, vl_value *value,
                 velo_status *status)
{
    vl_func_buffer text = {.arena = call->arena};

    vl_json_append_plain(&text, type, payload);
    *status = vl_func_buffer_end(call, &text, value);
}

int
vl_json_to_value(vl_func_call *call, vl_func_bytes from, vl_value *value, velo_status *status)
{
    vl_func_bytes payload;
    vl_json_node node;

    *status = VELO_OK;
    *value = vl_value_of_null();
    if (!vl_json_read(from, &node))
        return 0;
    payload = vl_json_payload(from, &node);
    switch (node.type) {
    case VL_JSON_NULL:
        return 1;
    case VL_JSON_TRUE:
    case VL_JSON_FALSE:
        *value = vl_value_of_integer(node.type == VL_JSON_TRUE);
        return 1;
    case VL_JSON_INT5:
        return print_hex_value(payload, value);
    case VL_JSON_INT:
    case VL_JSON_FLOAT:
    case VL_JSON_FLOAT5:
        return print_number_value(node.type, payload, value);
    case VL_JSON_TEXT:
    case VL_JSON_TEXTJ:
    case VL_JSON_TEXT5:
    case VL_JSON_TEXTRAW:
        print_text_value(call, node.type, payload, value, status);
        return 1;
    case VL_JSON_ARRAY:
    case VL_JSON_OBJECT:
        break;
    }
    return 0;
}

/* Write a number as JSON has it; infinity is a number too large for a double. */
static size_t
print_number(const vl_value *value, char *room, const char *infinity)
{
    size_t sign = value->type == VL_TYPE_REAL && value->as.real < 0 ? 1 : 0;

    if (value->type == VL_TYPE_INTEGER)
        return vl_number_write_integer(value->as.integer, room);
    if (value->as.real - value->as.real == 0)
        return vl_number_write_real(value->as.real, room);
    room[0] = '-';
    memcpy(room + sign, infinity, strlen(infinity));
    return sign + strlen(infinity);
}

/* The blob of an argument, if it is JSONB; else an error. */
static velo_status
print_blob(vl_func_call *call, const vl_value *value, vl_func_bytes *bytes)
{
    *bytes = vl_func_bytes_of(value, NULL);
    return vl_json_is_blob(*bytes) ? VELO_OK
                                   : vl_fail(call->ctx, VELO_ERROR, "JSON cannot hold BLOB values");
}

velo_status
vl_json_print_value(vl_func_call *call, vl_func_buffer *text, const vl_value *value)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes bytes;

    switch (value->type) {
    case VL_TYPE_NULL:
        vl_func_append(text, "null", 4);
        break;
    case VL_TYPE_INTEGER:
    case VL_TYPE_REAL:
        vl_func_append(text, room, print_number(value, room, "9.0e+999"));
        break;
    case VL_TYPE_TEXT:
        if (value->is_json)
            vl_func_append(text, value->as.data, value->size);
        else
            vl_json_print_text(text, vl_func_bytes_of(value, room));
        break;
    case VL_TYPE_BLOB:
        VL_TRY(print_blob(call, value, &bytes));
        if (!vl_json_print(bytes, text))
            return vl_json_fail_malformed(call->ctx);
        break;
    }
    return VELO_OK;
}

velo_status
vl_json_append_value(vl_func_call *call, vl_func_buffer *blob, const vl_value *value)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes bytes;
    vl_json_parsed parsed;

    switch (value->type) {
    case VL_TYPE_NULL:
        vl_json_append(blob, VL_JSON_NULL, NULL, 0);
        break;
    case VL_TYPE_INTEGER:
        vl_json_append(blob, VL_JSON_INT, room, print_number(value, room, ""));
        break;
    case VL_TYPE_REAL:
        vl_json_append(blob, VL_JSON_FLOAT, room, print_number(value, room, "9e999"));
        break;
    case VL_TYPE_TEXT:
        bytes = vl_func_bytes_of(value, room);
        if (!value->is_json) {
            vl_json_append(blob, VL_JSON_TEXTRAW, bytes.at, value->size);
            break;
        }
        vl_json_parse(bytes, blob, &parsed);
        if (parsed.is_bad)
            return vl_json_fail_malformed(call->ctx);
        break;
    case VL_TYPE_BLOB:
        VL_TRY(print_blob(call, value, &bytes));
        vl_func_append(blob, bytes.at, value->size);
        break;
    }
    return VELO_OK;
}

const char *
vl_json_type_name(vl_json_type type)
{
    static const char *const names[] = {"null", "true",  "false", "integer", "integer",
                                        "real", "real",  "text",  "text",    "text",
                                        "text", "array", "object"};

    return names[type];
}
