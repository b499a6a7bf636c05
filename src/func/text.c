/* text.c - functions of text: sizes, parts, searching, joining, LIKE and GLOB, format.
 *
 * Invariants
 *   T1  Characters are counted as SQLite counts them: a lead byte and all continuation bytes behind
 *       it are one, every other byte is one.
 *   T2  Where SQLite takes text to end at a byte 0 (length, substr, sets of trim), so do we; where
 *       it looks at all bytes (upper, replace, concat), as well. */
#include "func/func_int.h"

#include "vec/like.h"
#include "vec/number.h"

#include <string.h>

/* Variants: which sides trim looks at; what a letter becomes; how LIKE compares letters. */
enum {
    TEXT_TRIM_LEFT = 1,
    TEXT_TRIM_RIGHT = 2
};
enum {
    TEXT_LOWER,
    TEXT_UPPER
};
enum {
    TEXT_LIKE_EXACT = 1
};

static size_t
text_size(vl_func_bytes bytes)
{
    return (size_t)(bytes.end - bytes.at);
}

/* How many characters. */
static int64_t
text_count(vl_func_bytes bytes)
{
    int64_t count = 0;

    for (; bytes.at < bytes.end; count++)
        vl_func_skip(&bytes); /* keeps T1 */
    return count;
}

static velo_status
text_length(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];

    (void)call;
    (void)count;
    if (args->type == VL_TYPE_BLOB)
        *result = vl_value_of_integer(args->size);
    else if (args->type != VL_TYPE_NULL)
        *result = vl_value_of_integer(text_count(vl_func_text_of(args, room)));
    return VELO_OK;
}

static velo_status
text_octet_length(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];

    (void)call;
    (void)count;
    if (args->type != VL_TYPE_NULL)
        *result = vl_value_of_integer((int64_t)text_size(vl_func_bytes_of(args, room)));
    return VELO_OK;
}

/* A part of a text or blob: `count` units from number `start`, from 0. */
typedef struct text_range {
    int64_t start;
    int64_t count;
} text_range;

/* What substr(X, first, count) means for a value of `length` units (which only matters for a
 * negative first). */
static text_range
text_find_range(int64_t first, int64_t count, int64_t length)
{
    text_range range = {first, count};

    if (first < 0) {
        range.start += length;
        if (range.start < 0) {
            range.count = count < 0 ? 0 : count + range.start;
            if (range.count < 0)
                range.count = 0;
            range.start = 0;
        }
    } else if (first > 0) {
        range.start--;
    } else if (count > 0) {
        range.count--;
    }
    if (range.count < 0) { /* the units before */
        range.count = range.count < -range.start ? range.start : -range.count;
        range.start -= range.count;
    }
    return range;
}

static velo_status
text_substr_blob(vl_func_call *call, const vl_value *args, text_range range, vl_value *result)
{
    int64_t size = args->size;

    if (size == 0)
        return VELO_OK; /* of an empty blob SQLite makes NULL */
    if (range.start > size)
        range.start = size;
    if (range.count > size - range.start)
        range.count = size - range.start;
    if (range.count == 0)
        return vl_func_copy(call, VL_TYPE_BLOB, NULL, 0, result);
    return vl_func_part(call, VL_TYPE_BLOB, args,
                        (const unsigned char *)args->as.data + range.start, (size_t)range.count,
                        result);
}

static velo_status
text_substr(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text;
    vl_func_bytes end;
    int64_t first;
    int64_t units = VL_VALUE_SIZE_MAX;
    text_range range;

    for (int i = 0; i < count; i++)
        if (args[i].type == VL_TYPE_NULL)
            return VELO_OK;
    first = vl_value_integer(&args[1]);
    if (count == 3)
        units = vl_value_integer(&args[2]);
    if (args->type == VL_TYPE_BLOB)
        return text_substr_blob(call, args, text_find_range(first, units, args->size), result);
    text = vl_func_text_of(args, room); /* keeps T2 */
    range = text_find_range(first, units, first < 0 ? text_count(text) : 0);
    for (; range.start > 0 && text.at < text.end; range.start--)
        vl_func_skip(&text);
    for (end = text; range.count > 0 && end.at < end.end; range.count--)
        vl_func_skip(&end);
    return vl_func_part(call, VL_TYPE_TEXT, args, text.at, (size_t)(end.at - text.at), result);
}

/* The place of `needle`, from 1, in units: bytes, or characters with is_text; 0 when it is nowhere.
 */
static int64_t
text_find(vl_func_bytes hay, vl_func_bytes needle, int is_text)
{
    size_t size = text_size(needle);
    int64_t place = 1;

    if (size == 0)
        return 1;
    while (text_size(hay) >= size) {
        if (*hay.at == *needle.at && memcmp(hay.at, needle.at, size) == 0)
            return place;
        place++;
        hay.at++;
        while (is_text && hay.at < hay.end && (*hay.at & 0xc0U) == 0x80U)
            hay.at++;
    }
    return 0;
}

static velo_status
text_instr(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char hay_room[VL_NUMBER_TEXT_SIZE];
    char needle_room[VL_NUMBER_TEXT_SIZE];
    int is_text = args[0].type != VL_TYPE_BLOB || args[1].type != VL_TYPE_BLOB;

    (void)call;
    (void)count;
    if (args[0].type == VL_TYPE_NULL || args[1].type == VL_TYPE_NULL)
        return VELO_OK;
    *result = vl_value_of_integer(text_find(vl_func_bytes_of(&args[0], hay_room),
                                            vl_func_bytes_of(&args[1], needle_room), is_text));
    return VELO_OK;
}

/* The first place of `needle`, which is not empty, or NULL. */
static const unsigned char *
text_search(vl_func_bytes hay, vl_func_bytes needle)
{
    size_t size = text_size(needle);

    while (text_size(hay) >= size) {
        const unsigned char *at = memchr(hay.at, *needle.at, text_size(hay) - size + 1);

        if (at == NULL)
            return NULL;
        if (memcmp(at, needle.at, size) == 0)
            return at;
        hay.at = at + 1;
    }
    return NULL;
}

static velo_status
text_replace(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char rooms[3][VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text;
    vl_func_bytes pattern;
    vl_func_bytes other;
    vl_func_buffer buffer = {.arena = call->arena};
    const unsigned char *at;

    (void)count;
    if (args[0].type == VL_TYPE_NULL || args[1].type == VL_TYPE_NULL)
        return VELO_OK;
    text = vl_func_bytes_of(&args[0], rooms[0]);
    pattern = vl_func_bytes_of(&args[1], rooms[1]);
    if (text_size(pattern) == 0 || *pattern.at == 0)
        return vl_func_part(call, VL_TYPE_TEXT, args, text.at, text_size(text), result);
    if (args[2].type == VL_TYPE_NULL)
        return VELO_OK;
    other = vl_func_bytes_of(&args[2], rooms[2]);
    while ((at = text_search(text, pattern)) != NULL) {
        vl_func_append(&buffer, text.at, (size_t)(at - text.at));
        vl_func_append(&buffer, other.at, text_size(other));
        text.at = at + text_size(pattern);
    }
    if (buffer.text == NULL && buffer.bad == VELO_OK)
        return vl_func_part(call, VL_TYPE_TEXT, args, text.at, text_size(text), result);
    vl_func_append(&buffer, text.at, text_size(text));
    return vl_func_buffer_end(call, &buffer, result);
}

/* Size of the character of `set` that `text` begins with, or ends with; 0 when there is none. */
static size_t
text_trimmed(vl_func_bytes text, vl_func_bytes set, int is_at_end)
{
    while (set.at < set.end) {
        const unsigned char *member = set.at;
        size_t size;

        vl_func_skip(&set);
        size = (size_t)(set.at - member);
        if (size <= text_size(text) &&
            memcmp(is_at_end ? text.end - size : text.at, member, size) == 0)
            return size;
    }
    return 0;
}

static velo_status
text_trim(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    static const unsigned char space[] = " ";
    char room[VL_NUMBER_TEXT_SIZE];
    char set_room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text;
    vl_func_bytes set = {space, space + 1};
    size_t size;

    if (args[0].type == VL_TYPE_NULL || (count == 2 && args[1].type == VL_TYPE_NULL))
        return VELO_OK;
    text = vl_func_bytes_of(&args[0], room);
    if (count == 2)
        set = vl_func_text_of(&args[1], set_room); /* keeps T2 */
    if ((call->func->variant & TEXT_TRIM_LEFT) != 0)
        while ((size = text_trimmed(text, set, 0)) > 0)
            text.at += size;
    if ((call->func->variant & TEXT_TRIM_RIGHT) != 0)
        while ((size = text_trimmed(text, set, 1)) > 0)
            text.end -= size;
    return vl_func_part(call, VL_TYPE_TEXT, args, text.at, text_size(text), result);
}

static velo_status
text_change_case(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    unsigned char first = call->func->variant == TEXT_UPPER ? 'a' : 'A';
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text;
    unsigned char *to;
    velo_status status;

    (void)count;
    if (args->type == VL_TYPE_NULL)
        return VELO_OK;
    text = vl_func_bytes_of(args, room);
    to = vl_func_room(call, VL_TYPE_TEXT, text_size(text), result, &status);
    if (to == NULL)
        return status;
    for (; text.at < text.end; text.at++) {
        int is_letter = *text.at >= first && *text.at < first + 26;

        *to++ = (unsigned char)(is_letter ? *text.at ^ 0x20 : *text.at);
    }
    return VELO_OK;
}

static velo_status
text_concat(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_func_buffer buffer = {.arena = call->arena};
    char room[VL_NUMBER_TEXT_SIZE];

    for (int i = 0; i < count; i++) {
        vl_func_bytes text = vl_func_bytes_of(&args[i], room);

        vl_func_append(&buffer, text.at, text_size(text));
    }
    return vl_func_buffer_end(call, &buffer, result);
}

static velo_status
text_concat_ws(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_func_buffer buffer = {.arena = call->arena};
    char room[VL_NUMBER_TEXT_SIZE];
    char separator_room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes separator = vl_func_bytes_of(&args[0], separator_room);
    int is_first = 1;

    if (args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    for (int i = 1; i < count; i++) {
        vl_func_bytes text = vl_func_bytes_of(&args[i], room);

        if (args[i].type == VL_TYPE_NULL)
            continue;
        if (!is_first)
            vl_func_append(&buffer, separator.at, text_size(separator));
        vl_func_append(&buffer, text.at, text_size(text));
        is_first = 0;
    }
    return vl_func_buffer_end(call, &buffer, result);
}

/* Whether LIKE or GLOB has a result without matching: a blob matches nothing, NULL gives NULL. */
static int
text_is_decided(const vl_value *args, vl_value *result)
{
    if (args[0].type == VL_TYPE_BLOB || args[1].type == VL_TYPE_BLOB) {
        *result = vl_value_of_integer(0);
        return 1;
    }
    return args[0].type == VL_TYPE_NULL || args[1].type == VL_TYPE_NULL;
}

static velo_status
text_like(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char rooms[3][VL_NUMBER_TEXT_SIZE];
    vl_func_bytes pattern = vl_func_bytes_of(&args[0], rooms[0]);
    vl_func_bytes text = vl_func_bytes_of(&args[1], rooms[1]);
    uint32_t escape = 0;
    int is_match;

    if (count == 3 && args[0].type != VL_TYPE_BLOB && args[1].type != VL_TYPE_BLOB) {
        vl_func_bytes character = vl_func_bytes_of(&args[2], rooms[2]);

        if (args[2].type == VL_TYPE_NULL)
            return VELO_OK;
        VL_TRY(vl_like_escape(call->ctx, character.at, text_size(character), &escape));
    }
    if (text_is_decided(args, result))
        return VELO_OK;
    if (call->func->variant == TEXT_LIKE_EXACT)
        VL_TRY(vl_like_match_exact(call->ctx, pattern.at, text_size(pattern), text.at,
                                   text_size(text), escape, &is_match));
    else
        VL_TRY(vl_like_match(call->ctx, pattern.at, text_size(pattern), text.at, text_size(text),
                             escape, &is_match));
    *result = vl_value_of_integer(is_match);
    return VELO_OK;
}

static velo_status
text_glob(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    char rooms[2][VL_NUMBER_TEXT_SIZE];
    vl_func_bytes pattern = vl_func_bytes_of(&args[0], rooms[0]);
    vl_func_bytes text = vl_func_bytes_of(&args[1], rooms[1]);
    int is_match;

    (void)count;
    if (text_is_decided(args, result))
        return VELO_OK;
    VL_TRY(vl_glob_match(call->ctx, pattern.at, text_size(pattern), text.at, text_size(text),
                         &is_match));
    *result = vl_value_of_integer(is_match);
    return VELO_OK;
}

/* NULL, as SQLite has it, also where the format yields nothing at all. */
static velo_status
text_format(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_func_buffer buffer = {.arena = call->arena};
    char room[VL_NUMBER_TEXT_SIZE];

    if (count == 0 || args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    vl_func_format(&buffer, vl_func_text_of(args, room), args + 1, count - 1);
    if (buffer.text == NULL && buffer.bad == VELO_OK)
        return VELO_OK;
    return vl_func_buffer_end(call, &buffer, result);
}

static const vl_func text_funcs[] = {
    VL_FUNC_SCALAR("concat", 1, -1, 0, VL_FUNC_PURE_FAILING, VL_FUNC_YIELDS_TEXT, text_concat),
    VL_FUNC_SCALAR("concat_ws", 2, -1, 0, VL_FUNC_PURE_FAILING, VL_FUNC_MAYBE_TEXT, text_concat_ws),
    VL_FUNC_SCALAR("format", 0, -1, 0, VL_FUNC_PURE_FAILING, VL_FUNC_MAYBE_TEXT, text_format),
    VL_FUNC_SCALAR("glob", 2, 2, 0, VL_FUNC_PURE_FAILING, VL_FUNC_MAYBE_INTEGER, text_glob),
    VL_FUNC_SCALAR("instr", 2, 2, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_INTEGER, text_instr),
    VL_FUNC_SCALAR("length", 1, 1, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_INTEGER, text_length),
    VL_FUNC_SCALAR("like", 2, 3, 0, VL_FUNC_PURE_FAILING, VL_FUNC_MAYBE_INTEGER, text_like),
    VL_FUNC_SCALAR("lower", 1, 1, TEXT_LOWER, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_TEXT,
                   text_change_case),
    VL_FUNC_SCALAR("ltrim", 1, 2, TEXT_TRIM_LEFT, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_TEXT,
                   text_trim),
    VL_FUNC_SCALAR("octet_length", 1, 1, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_INTEGER,
                   text_octet_length),
    VL_FUNC_SCALAR("printf", 0, -1, 0, VL_FUNC_PURE_FAILING, VL_FUNC_MAYBE_TEXT, text_format),
    VL_FUNC_SCALAR("replace", 3, 3, 0, VL_FUNC_PURE_FAILING, VL_FUNC_MAYBE_TEXT, text_replace),
    VL_FUNC_SCALAR("rtrim", 1, 2, TEXT_TRIM_RIGHT, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_TEXT,
                   text_trim),
    VL_FUNC_SCALAR("substr", 2, 3, 0, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_TEXT | VL_FUNC_YIELDS_BLOB,
                   text_substr),
    VL_FUNC_SCALAR("substring", 2, 3, 0, VL_FUNC_PURE_TOTAL,
                   VL_FUNC_MAYBE_TEXT | VL_FUNC_YIELDS_BLOB, text_substr),
    VL_FUNC_SCALAR("trim", 1, 2, TEXT_TRIM_LEFT | TEXT_TRIM_RIGHT, VL_FUNC_PURE_TOTAL,
                   VL_FUNC_MAYBE_TEXT, text_trim),
    VL_FUNC_SCALAR("upper", 1, 1, TEXT_UPPER, VL_FUNC_PURE_TOTAL, VL_FUNC_MAYBE_TEXT,
                   text_change_case)};

const vl_func_table vl_func_texts = {text_funcs, VL_ARRAY_COUNT(text_funcs)};

const vl_func *
vl_func_like_exact(void)
{
    static const vl_func exact = VL_FUNC_SCALAR("like", 2, 3, TEXT_LIKE_EXACT, VL_FUNC_PURE_FAILING,
                                                VL_FUNC_MAYBE_INTEGER, text_like);

    return &exact;
}
