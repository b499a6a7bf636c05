/* value.c - what SQL's operators do with single values.
 *
 * Invariants
 *   V1  No value is a NaN: what would be one is NULL.
 *   V2  A failed call leaves the value it should have changed as it was.
 *   V3  Integers and reals compare by exact value; no integer is rounded to a double for it. */
#include "vec/value.h"

#include "base/collation.h"
#include "base/ctx.h"
#include "base/hash.h"
#include "vec/number.h"

#include <string.h>

/* CAST AS NUMERIC makes whole reals integers only in [-2^51, 2^51): beyond, neighbours of the
 * double would be whole as well, and SQLite leaves it. */
#define CAST_WHOLE_LIMIT INT64_C(2251799813685248)

/* Seeds that keep the classes apart. */
#define HASH_SEED_TEXT 0x74
#define HASH_SEED_BLOB 0x62

static int
value_is_bytes(const vl_value *value)
{
    return value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB;
}

static char
value_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Whether the text has the lower-case word somewhere, whatever its case. */
static int
value_has_word(const char *text, size_t size, const char *word)
{
    size_t length = strlen(word);

    for (size_t at = 0; at + length <= size; at++) {
        size_t same = 0;

        while (same < length && value_lower(text[at + same]) == word[same])
            same++;
        if (same == length)
            return 1;
    }
    return 0;
}

vl_affinity
vl_affinity_declared(const char *text, size_t size)
{
    static const struct {
        const char *word;     /* in the declared type */
        vl_affinity affinity; /* what it means; the first that is found counts */
    } rules[] = {{"int", VL_AFFINITY_INTEGER}, {"char", VL_AFFINITY_TEXT},
                 {"clob", VL_AFFINITY_TEXT},   {"text", VL_AFFINITY_TEXT},
                 {"blob", VL_AFFINITY_BLOB},   {"real", VL_AFFINITY_REAL},
                 {"floa", VL_AFFINITY_REAL},   {"doub", VL_AFFINITY_REAL}};

    if (size == 0)
        return VL_AFFINITY_BLOB;
    for (size_t i = 0; i < VL_ARRAY_COUNT(rules); i++)
        if (value_has_word(text, size, rules[i].word))
            return rules[i].affinity;
    return VL_AFFINITY_NUMERIC;
}

vl_affinity
vl_affinity_comparison(vl_affinity left, vl_affinity right)
{
    if (left == VL_AFFINITY_NONE)
        return right;
    if (right == VL_AFFINITY_NONE)
        return left;
    if (left >= VL_AFFINITY_NUMERIC || right >= VL_AFFINITY_NUMERIC)
        return VL_AFFINITY_NUMERIC;
    return VL_AFFINITY_BLOB;
}

/* Make a number its text. */
static velo_status
value_write_text(vl_ctx *ctx, vl_arena *arena, vl_value *value)
{
    char text[VL_NUMBER_TEXT_SIZE];
    size_t size = value->type == VL_TYPE_INTEGER ? vl_number_write_integer(value->as.integer, text)
                                                 : vl_number_write_real(value->as.real, text);
    void *copy = vl_arena_copy(arena, text, size);

    if (copy == NULL) /* keeps V2 */
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the text of a number");
    value->type = VL_TYPE_TEXT;
    value->size = (uint32_t)size;
    value->as.data = copy;
    return VELO_OK;
}

/* Make a whole real an integer where that loses nothing. The ends of the range stay, as in SQLite:
 * the reals there may stand for other numbers that were rounded to them. */
static void
value_make_whole(vl_value *value)
{
    int64_t integer;

    if (value->type == VL_TYPE_REAL && vl_number_is_integer(value->as.real, &integer) &&
        integer != INT64_MIN)
        *value = vl_value_of_integer(integer);
}

int
vl_value_is_no_number(const vl_value *text)
{
    const uint8_t *bytes = text->as.data;
    uint32_t at = 0;

    while (at < text->size && bytes[at] >= '0' && bytes[at] <= '9')
        at++;
    if (at == text->size)
        return 0;
    if (at > 0) /* behind digits: a date, a time, a word */
        return bytes[at] == '-' || bytes[at] == ':' || bytes[at] == '/' ||
               (bytes[at] >= 'F' && bytes[at] <= 'W') || (bytes[at] >= 'f' && bytes[at] <= 'w');
    return (bytes[0] >= 'A' && bytes[0] <= 'Z') || (bytes[0] >= 'a' && bytes[0] <= 'z');
}

/* Make text the number that all of it is, if it is one. */
static void
value_read_text(vl_value *value)
{
    vl_number number;

    if (value->type != VL_TYPE_TEXT || vl_value_is_no_number(value))
        return;
    number = vl_number_read(value->as.data, value->size);
    if (!number.is_all)
        return;
    *value = number.value;
    value_make_whole(value);
}

velo_status
vl_value_apply(vl_ctx *ctx, vl_arena *arena, vl_affinity affinity, vl_value *value)
{
    switch (affinity) {
    case VL_AFFINITY_NONE:
    case VL_AFFINITY_BLOB:
        break;
    case VL_AFFINITY_TEXT:
        if (value->type == VL_TYPE_INTEGER || value->type == VL_TYPE_REAL)
            return value_write_text(ctx, arena, value);
        break;
    case VL_AFFINITY_NUMERIC:
    case VL_AFFINITY_INTEGER:
        value_read_text(value);
        value_make_whole(value);
        break;
    case VL_AFFINITY_REAL:
        value_read_text(value);
        if (value->type == VL_TYPE_INTEGER)
            *value = vl_value_of_real((double)value->as.integer);
        break;
    }
    return VELO_OK;
}

velo_status
vl_value_apply_comparison(vl_ctx *ctx, vl_arena *arena, vl_affinity affinity, vl_value *value)
{
    if (affinity < VL_AFFINITY_NUMERIC)
        return vl_value_apply(ctx, arena, affinity, value);
    value_read_text(value);
    return VELO_OK;
}

/* CAST AS NUMERIC. */
static void
value_cast_numeric(vl_value *value)
{
    int64_t integer;

    if (!value_is_bytes(value))
        return;
    *value = vl_number_read(value->as.data, value->size).value;
    if (value->type == VL_TYPE_REAL && vl_number_is_integer(value->as.real, &integer) &&
        integer >= -CAST_WHOLE_LIMIT && integer < CAST_WHOLE_LIMIT)
        *value = vl_value_of_integer(integer);
}

velo_status
vl_value_cast(vl_ctx *ctx, vl_arena *arena, vl_affinity affinity, vl_value *value)
{
    if (value->type == VL_TYPE_NULL)
        return VELO_OK;
    switch (affinity) {
    case VL_AFFINITY_NONE:
    case VL_AFFINITY_BLOB:
    case VL_AFFINITY_TEXT:
        if (!value_is_bytes(value))
            VL_TRY(value_write_text(ctx, arena, value));
        value->type = affinity == VL_AFFINITY_TEXT ? VL_TYPE_TEXT : VL_TYPE_BLOB;
        break;
    case VL_AFFINITY_NUMERIC:
        value_cast_numeric(value);
        break;
    case VL_AFFINITY_INTEGER:
        *value = vl_value_of_integer(vl_value_integer(value));
        break;
    case VL_AFFINITY_REAL:
        *value = vl_value_of_real(vl_value_real(value));
        break;
    }
    return VELO_OK;
}

/* Compare an integer with a real; keeps V3. */
static int
value_compare_mixed(int64_t integer, double real)
{
    int64_t whole;
    double rest;

    if (real < -0x1p63)
        return 1;
    if (real >= 0x1p63)
        return -1;
    whole = (int64_t)real;
    if (integer != whole)
        return integer < whole ? -1 : 1;
    rest = real - (double)whole;
    return rest > 0 ? -1 : rest < 0;
}

static int
value_compare_numbers(const vl_value *left, const vl_value *right)
{
    if (left->type == VL_TYPE_INTEGER && right->type == VL_TYPE_INTEGER)
        return (left->as.integer > right->as.integer) - (left->as.integer < right->as.integer);
    if (left->type == VL_TYPE_REAL && right->type == VL_TYPE_REAL)
        return (left->as.real > right->as.real) - (left->as.real < right->as.real);
    if (left->type == VL_TYPE_INTEGER)
        return value_compare_mixed(left->as.integer, right->as.real);
    return -value_compare_mixed(right->as.integer, left->as.real);
}

/* Size of text without the spaces at its end. */
static size_t
value_trimmed_size(const char *text, size_t size)
{
    while (size > 0 && text[size - 1] == ' ')
        size--;
    return size;
}

static int
value_compare_folded(const char *left, const char *right, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char a = (unsigned char)value_lower(left[i]);
        unsigned char b = (unsigned char)value_lower(right[i]);

        if (a != b)
            return a < b ? -1 : 1;
    }
    return 0;
}

static int
value_compare_bytes(const vl_value *left, const vl_value *right, vl_collation collation)
{
    size_t left_size = left->size;
    size_t right_size = right->size;
    size_t common;
    int order = 0;

    if (collation == VL_COLLATE_RTRIM) {
        left_size = value_trimmed_size(left->as.data, left_size);
        right_size = value_trimmed_size(right->as.data, right_size);
    }
    common = left_size < right_size ? left_size : right_size;
    if (common > 0)
        order = collation == VL_COLLATE_NOCASE
                    ? value_compare_folded(left->as.data, right->as.data, common)
                    : memcmp(left->as.data, right->as.data, common);
    return order != 0 ? order : (left_size > right_size) - (left_size < right_size);
}

/* Place of a class in the order of all values. */
static int
value_rank(vl_type type)
{
    switch (type) {
    case VL_TYPE_NULL:
        return 0;
    case VL_TYPE_INTEGER:
    case VL_TYPE_REAL:
        return 1;
    case VL_TYPE_TEXT:
        return 2;
    case VL_TYPE_BLOB:
        break;
    }
    return 3;
}

int
vl_value_compare(const vl_value *left, const vl_value *right, vl_collation collation)
{
    int rank = value_rank(left->type);
    int order = rank - value_rank(right->type);

    if (order != 0 || rank == 0)
        return order;
    if (rank == 1)
        return value_compare_numbers(left, right);
    if (rank == 2 && collation >= VL_COLLATE_USER)
        return vl_collation_compare(collation, left->as.data, left->size, right->as.data,
                                    right->size);
    return value_compare_bytes(left, right, rank == 2 ? collation : VL_COLLATE_BINARY);
}

/* Hash text with the case of letters taken out, piece by piece. */
static uint64_t
value_hash_folded(const char *text, size_t size)
{
    char piece[256];
    uint64_t hash = HASH_SEED_TEXT;

    while (size > 0) {
        size_t count = size < sizeof piece ? size : sizeof piece;

        for (size_t i = 0; i < count; i++)
            piece[i] = value_lower(text[i]);
        hash = vl_hash64(piece, count, hash);
        text += count;
        size -= count;
    }
    return hash;
}

uint64_t
vl_value_hash(const vl_value *value, vl_collation collation)
{
    size_t size = value->size;

    switch (value->type) {
    case VL_TYPE_NULL:
        break;
    case VL_TYPE_INTEGER:
        return vl_mix64((uint64_t)value->as.integer);
    case VL_TYPE_REAL:
        return vl_hash_real(value->as.real);
    case VL_TYPE_TEXT:
        if (collation >= VL_COLLATE_USER)
            return HASH_SEED_TEXT; /* nobody knows which texts are equal */
        if (collation == VL_COLLATE_NOCASE)
            return value_hash_folded(value->as.data, size);
        if (collation == VL_COLLATE_RTRIM)
            size = value_trimmed_size(value->as.data, size);
        return vl_hash64(size > 0 ? value->as.data : "", size, HASH_SEED_TEXT);
    case VL_TYPE_BLOB:
        return vl_hash64(size > 0 ? value->as.data : "", size, HASH_SEED_BLOB);
    }
    return 0;
}

vl_value
vl_value_number(const vl_value *value)
{
    if (value_is_bytes(value))
        return vl_number_read(value->as.data, value->size).value;
    return *value;
}

int64_t
vl_value_integer(const vl_value *value)
{
    switch (value->type) {
    case VL_TYPE_NULL:
        break;
    case VL_TYPE_INTEGER:
        return value->as.integer;
    case VL_TYPE_REAL:
        return vl_number_truncate(value->as.real);
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        return vl_number_read_integer(value->as.data, value->size);
    }
    return 0;
}

double
vl_value_real(const vl_value *value)
{
    vl_value number = vl_value_number(value);

    if (number.type == VL_TYPE_NULL)
        return 0.0;
    return number.type == VL_TYPE_REAL ? number.as.real : (double)number.as.integer;
}

int
vl_value_truth(const vl_value *value)
{
    vl_value number = vl_value_number(value);

    if (number.type == VL_TYPE_NULL)
        return -1;
    return number.type == VL_TYPE_REAL ? number.as.real != 0.0 : number.as.integer != 0;
}

/* value << count; a negative count shifts to the right, as SQLite has it, with the sign kept. */
static int64_t
value_shift(int64_t value, int64_t count)
{
    if (count >= 64)
        return 0;
    if (count >= 0)
        return (int64_t)((uint64_t)value << count);
    if (count <= -64)
        return value < 0 ? -1 : 0;
    return value >> -count;
}

static vl_value
value_operate_bits(vl_operator op, int64_t left, int64_t right)
{
    if (op == VL_OPERATOR_AND)
        return vl_value_of_integer(left & right);
    if (op == VL_OPERATOR_OR)
        return vl_value_of_integer(left | right);
    if (op == VL_OPERATOR_SHIFT_RIGHT) /* the least integer has no negative, but is beyond 64 */
        right = right == INT64_MIN ? INT64_MAX : -right;
    return vl_value_of_integer(value_shift(left, right));
}

/* The operation on integers. Returns 0 when the result does not fit. */
static int
value_operate_integers(vl_operator op, int64_t left, int64_t right, vl_value *result)
{
    int64_t integer = 0;
    int is_over = 0;

    if ((op == VL_OPERATOR_DIVIDE || op == VL_OPERATOR_REMAINDER) && right == 0) {
        *result = vl_value_of_null();
        return 1;
    }
    if (op == VL_OPERATOR_ADD)
        is_over = __builtin_add_overflow(left, right, &integer);
    else if (op == VL_OPERATOR_SUBTRACT)
        is_over = __builtin_sub_overflow(left, right, &integer);
    else if (op == VL_OPERATOR_MULTIPLY)
        is_over = __builtin_mul_overflow(left, right, &integer);
    else if (op == VL_OPERATOR_REMAINDER)
        integer = right == -1 ? 0 : left % right;
    else if (right == -1)
        is_over = __builtin_sub_overflow((int64_t)0, left, &integer);
    else
        integer = left / right;
    *result = vl_value_of_integer(integer);
    return !is_over;
}

static vl_value
value_operate_reals(vl_operator op, double left, double right)
{
    if (op == VL_OPERATOR_ADD)
        return vl_value_of_real(left + right);
    if (op == VL_OPERATOR_SUBTRACT)
        return vl_value_of_real(left - right);
    if (op == VL_OPERATOR_MULTIPLY)
        return vl_value_of_real(left * right);
    if (right == 0.0)
        return vl_value_of_null();
    return vl_value_of_real(left / right); /* each keeps V1 */
}

vl_value
vl_value_operate(vl_operator op, const vl_value *left, const vl_value *right)
{
    vl_value a;
    vl_value b;
    vl_value result;

    if (left->type == VL_TYPE_NULL || right->type == VL_TYPE_NULL)
        return vl_value_of_null();
    if (op >= VL_OPERATOR_AND)
        return value_operate_bits(op, vl_value_integer(left), vl_value_integer(right));
    a = vl_value_number(left);
    b = vl_value_number(right);
    if (a.type == VL_TYPE_INTEGER && b.type == VL_TYPE_INTEGER &&
        value_operate_integers(op, a.as.integer, b.as.integer, &result))
        return result;
    if (op == VL_OPERATOR_REMAINDER) { /* of what CAST AS INTEGER gives, as a real */
        (void)value_operate_integers(op, vl_value_integer(left), vl_value_integer(right), &result);
        return result.type == VL_TYPE_NULL ? result : vl_value_of_real((double)result.as.integer);
    }
    return value_operate_reals(op, vl_value_real(&a), vl_value_real(&b));
}

vl_value
vl_value_negate(const vl_value *value)
{
    vl_value zero = vl_value_of_integer(0);

    return vl_value_operate(VL_OPERATOR_SUBTRACT, &zero, value);
}

vl_value
vl_value_complement(const vl_value *value)
{
    if (value->type == VL_TYPE_NULL)
        return *value;
    return vl_value_of_integer(~vl_value_integer(value));
}

vl_value
vl_value_not(const vl_value *value)
{
    int truth = vl_value_truth(value);

    return truth < 0 ? vl_value_of_null() : vl_value_of_integer(!truth);
}

velo_status
vl_value_concat(vl_ctx *ctx, vl_arena *arena, const vl_value *left, const vl_value *right,
                vl_value *result)
{
    vl_value a = *left;
    vl_value b = *right;
    uint64_t size;
    char *text;

    *result = vl_value_of_null();
    if (a.type == VL_TYPE_NULL || b.type == VL_TYPE_NULL)
        return VELO_OK;
    VL_TRY(vl_value_cast(ctx, arena, VL_AFFINITY_TEXT, &a));
    VL_TRY(vl_value_cast(ctx, arena, VL_AFFINITY_TEXT, &b));
    size = (uint64_t)a.size + b.size;
    if (size > VL_VALUE_SIZE_MAX)
        return vl_fail(ctx, VELO_TOOBIG, "string or blob too big");
    text = vl_arena_alloc(arena, size > 0 ? size : 1);
    if (text == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate the result of ||");
    if (a.size > 0)
        memcpy(text, a.as.data, a.size);
    if (b.size > 0)
        memcpy(text + a.size, b.as.data, b.size);
    *result = (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)size, .as.data = text};
    return VELO_OK;
}
