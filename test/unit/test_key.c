/* test_key.c - the order-preserving key codec against a plain comparison of values. */
#include "lib/unit.h"
#include "storage/key.h"

#include <float.h>
#include <math.h>
#include <string.h>

#define KEY_MAX_TEXT 40
#define KEY_BUFFER   128

/* A value with room for its bytes. */
typedef struct sample {
    vl_value value;              /* as.data points to bytes */
    uint8_t bytes[KEY_MAX_TEXT]; /* of a text or blob */
} sample;

static const double key_reals[] = {0.0,
                                   -0.0,
                                   0.5,
                                   1.0,
                                   1.5,
                                   23.5,
                                   55.5,
                                   0.1,
                                   1234.56,
                                   1e-300,
                                   DBL_MIN,
                                   DBL_TRUE_MIN,
                                   DBL_MAX,
                                   (double)INFINITY,
                                   4503599627370495.5,
                                   4503599627370496.5,
                                   9007199254740991.0,
                                   9007199254740992.0,
                                   9007199254740994.0,
                                   9223372036854774784.0,
                                   9223372036854775808.0,
                                   18446744073709549568.0,
                                   18446744073709551616.0,
                                   1e300};

static const int64_t key_integers[] = {0,
                                       1,
                                       22,
                                       23,
                                       24,
                                       54,
                                       55,
                                       56,
                                       127,
                                       128,
                                       32767,
                                       32768,
                                       (INT64_C(1) << 53) - 1,
                                       INT64_C(1) << 53,
                                       (INT64_C(1) << 53) + 1,
                                       INT64_MAX - 1,
                                       INT64_MAX};

/* Exact comparison of an integer with a double. */
static int
compare_integer_real(int64_t a, double b)
{
    double whole;

    if (b >= 9223372036854775808.0)
        return -1;
    if (b < -9223372036854775808.0)
        return 1;
    whole = floor(b);
    if (a != (int64_t)whole)
        return a < (int64_t)whole ? -1 : 1;
    return whole < b ? -1 : 0;
}

static int
compare_numbers(const vl_value *a, const vl_value *b)
{
    if (a->type == VL_TYPE_INTEGER && b->type == VL_TYPE_INTEGER)
        return (a->as.integer > b->as.integer) - (a->as.integer < b->as.integer);
    if (a->type == VL_TYPE_INTEGER)
        return compare_integer_real(a->as.integer, b->as.real);
    if (b->type == VL_TYPE_INTEGER)
        return -compare_integer_real(b->as.integer, a->as.real);
    return (a->as.real > b->as.real) - (a->as.real < b->as.real);
}

static int
fold(int byte, vl_collation collation)
{
    return collation == VL_COLLATE_NOCASE && byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

static int
compare_bytes(const vl_value *a, const vl_value *b, vl_collation collation)
{
    const uint8_t *x = a->as.data;
    const uint8_t *y = b->as.data;
    size_t x_size = a->size;
    size_t y_size = b->size;

    if (collation == VL_COLLATE_RTRIM && a->type == VL_TYPE_TEXT) {
        while (x_size > 0 && x[x_size - 1] == ' ')
            x_size--;
        while (y_size > 0 && y[y_size - 1] == ' ')
            y_size--;
    }
    if (a->type == VL_TYPE_BLOB)
        collation = VL_COLLATE_BINARY;
    for (size_t i = 0; i < x_size && i < y_size; i++)
        if (fold(x[i], collation) != fold(y[i], collation))
            return fold(x[i], collation) - fold(y[i], collation);
    return (x_size > y_size) - (x_size < y_size);
}

static int
type_order(vl_type type)
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
        return 3;
    }
    return 4;
}

/* The definition: SQL's order of two values. */
static int
compare_values(const vl_value *a, const vl_value *b, vl_key_order order)
{
    int result = type_order(a->type) - type_order(b->type);

    if (result == 0 && type_order(a->type) == 1)
        result = compare_numbers(a, b);
    else if (result == 0 && a->type != VL_TYPE_NULL)
        result = compare_bytes(a, b, order.collation);
    return order.is_descending ? -result : result;
}

static int
sign(int value)
{
    return (value > 0) - (value < 0);
}

static void
random_number(vl_rng *rng, vl_value *value)
{
    if (vl_rng_chance(rng, 1, 2)) {
        value->type = VL_TYPE_INTEGER;
        value->as.integer = vl_rng_chance(rng, 1, 2)
                                ? key_integers[vl_rng_below(rng, VL_ARRAY_COUNT(key_integers))]
                                : (int64_t)(vl_rng_next(rng) >> vl_rng_below(rng, 64));
        if (vl_rng_chance(rng, 1, 2))
            value->as.integer = (int64_t)(0 - (uint64_t)value->as.integer);
        return;
    }
    value->type = VL_TYPE_REAL;
    if (vl_rng_chance(rng, 1, 3)) {
        value->as.real = key_reals[vl_rng_below(rng, VL_ARRAY_COUNT(key_reals))];
    } else if (vl_rng_chance(rng, 1, 2)) {
        value->as.real = (double)vl_rng_below(rng, 1000000) / 100;
    } else {
        uint64_t bits = vl_rng_next(rng);

        memcpy(&value->as.real, &bits, sizeof bits);
        if (isnan(value->as.real))
            value->as.real = 0.25;
    }
    if (vl_rng_chance(rng, 1, 2))
        value->as.real = -value->as.real;
}

static void
random_bytes(vl_rng *rng, sample *s)
{
    static const uint8_t alphabet[] = {0, 1, ' ', 'A', 'a', 'Z', 'z', 0x7f, 0xfe, 0xff};

    s->value.type = vl_rng_chance(rng, 3, 4) ? VL_TYPE_TEXT : VL_TYPE_BLOB;
    s->value.size = (uint32_t)vl_rng_below(rng, vl_rng_chance(rng, 1, 2) ? 4 : KEY_MAX_TEXT);
    for (uint32_t i = 0; i < s->value.size; i++)
        s->bytes[i] = alphabet[vl_rng_below(rng, sizeof alphabet)];
    s->value.as.data = s->bytes;
}

static void
random_sample(vl_rng *rng, sample *s)
{
    memset(s, 0, sizeof *s);
    s->value.type = VL_TYPE_NULL;
    if (vl_rng_chance(rng, 1, 16))
        return;
    if (vl_rng_chance(rng, 2, 3))
        random_number(rng, &s->value);
    else
        random_bytes(rng, s);
}

static vl_key_order
random_order(vl_rng *rng)
{
    vl_key_order order;

    order.collation = (vl_collation)vl_rng_below(rng, 3);
    order.is_descending = (int)vl_rng_below(rng, 2);
    return order;
}

static void
key_order_is_the_order_of_values(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (int i = 0; i < 400000; i++) {
        vl_key_order order = random_order(&rng);
        uint8_t a[KEY_BUFFER];
        uint8_t b[KEY_BUFFER];
        size_t a_size;
        size_t b_size;
        sample x;
        sample y;

        random_sample(&rng, &x);
        if (vl_rng_chance(&rng, 1, 8)) {
            y = x;
            y.value.as.data = x.value.type == VL_TYPE_TEXT || x.value.type == VL_TYPE_BLOB
                                  ? y.bytes
                                  : y.value.as.data;
        } else {
            random_sample(&rng, &y);
        }
        a_size = (size_t)(vl_key_put(a, &x.value, order) - a);
        b_size = (size_t)(vl_key_put(b, &y.value, order) - b);
        CHECK_EQ(a_size, vl_key_size(&x.value, order));
        CHECK_EQ(sign(vl_key_compare(a, a_size, b, b_size)),
                 sign(compare_values(&x.value, &y.value, order)));
        /* No column's bytes are a proper prefix of another's. */
        CHECK(a_size == b_size || memcmp(a, b, a_size < b_size ? a_size : b_size) != 0);
    }
}

static void
key_boundaries_are_ordered_exactly(void)
{
    sample all[2 * (VL_ARRAY_COUNT(key_reals) + VL_ARRAY_COUNT(key_integers))];
    vl_key_order order = {VL_COLLATE_BINARY, 0};
    size_t count = 0;

    memset(all, 0, sizeof all);
    for (size_t i = 0; i < VL_ARRAY_COUNT(key_reals); i++) {
        for (int negative = 0; negative < 2; negative++, count++) {
            all[count].value.type = VL_TYPE_REAL;
            all[count].value.as.real = negative ? -key_reals[i] : key_reals[i];
        }
    }
    for (size_t i = 0; i < VL_ARRAY_COUNT(key_integers); i++) {
        for (int negative = 0; negative < 2; negative++, count++) {
            all[count].value.type = VL_TYPE_INTEGER;
            /* the complement, so that INT64_MIN is among them */
            all[count].value.as.integer = negative ? ~key_integers[i] : key_integers[i];
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            uint8_t a[KEY_BUFFER];
            uint8_t b[KEY_BUFFER];
            size_t a_size = (size_t)(vl_key_put(a, &all[i].value, order) - a);
            size_t b_size = (size_t)(vl_key_put(b, &all[j].value, order) - b);

            CHECK_EQ(sign(vl_key_compare(a, a_size, b, b_size)),
                     sign(compare_numbers(&all[i].value, &all[j].value)));
        }
    }
}

/* What vl_key_get should give for a value. */
static int
is_same(const vl_value *value, const vl_value *got, vl_key_order order)
{
    if (!vl_key_is_exact(value, order))
        return compare_values(value, got, order) == 0;
    if (value->type == VL_TYPE_REAL) /* zeros are not exact, so equal ones are the same bits */
        return got->type == VL_TYPE_REAL && value->as.real == got->as.real;
    if (value->type != got->type || value->size != got->size)
        return 0;
    if (value->type == VL_TYPE_INTEGER)
        return value->as.integer == got->as.integer;
    return value->size == 0 || memcmp(value->as.data, got->as.data, value->size) == 0;
}

static void
key_gives_values_back(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed() + 1);
    for (int i = 0; i < 200000; i++) {
        vl_key_order order = random_order(&rng);
        uint8_t bytes[KEY_BUFFER];
        uint8_t plain[KEY_MAX_TEXT];
        const uint8_t *end;
        vl_value got;
        sample s;

        random_sample(&rng, &s);
        end = vl_key_put(bytes, &s.value, order);
        CHECK(vl_key_get(bytes, end, order, &got) == end);
        if (got.type == VL_TYPE_TEXT || got.type == VL_TYPE_BLOB) {
            CHECK(got.size <= sizeof plain);
            vl_key_get_bytes(plain, got.size, bytes, order);
            got.as.data = plain;
        }
        CHECK(is_same(&s.value, &got, order));
        for (const uint8_t *cut = bytes; cut < end; cut++)
            CHECK(vl_key_get(bytes, cut, order, &got) == NULL);
    }
}

static void
key_columns_follow_each_other(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed() + 2);
    for (int i = 0; i < 50000; i++) {
        vl_key_order orders[3];
        uint8_t keys[2][3 * KEY_BUFFER];
        uint8_t *ends[2] = {keys[0], keys[1]};
        int expected = 0;

        for (int c = 0; c < 3; c++) {
            sample columns[2];

            orders[c] = random_order(&rng);
            random_sample(&rng, &columns[0]);
            if (vl_rng_chance(&rng, 2, 3))
                columns[1] = columns[0];
            else
                random_sample(&rng, &columns[1]);
            for (int k = 0; k < 2; k++) {
                if (columns[k].value.size > 0)
                    columns[k].value.as.data = columns[k].bytes;
                ends[k] = vl_key_put(ends[k], &columns[k].value, orders[c]);
            }
            if (expected == 0)
                expected = sign(compare_values(&columns[0].value, &columns[1].value, orders[c]));
        }
        CHECK_EQ(sign(vl_key_compare(keys[0], (size_t)(ends[0] - keys[0]), keys[1],
                                     (size_t)(ends[1] - keys[1]))),
                 expected);
        for (int k = 0; k < 2; k++) {
            const uint8_t *at = keys[k];
            vl_value got;

            for (int c = 0; c < 3; c++) {
                at = vl_key_get(at, ends[k], orders[c], &got);
                CHECK(at != NULL);
            }
            CHECK(at == ends[k]);
        }
    }
}

static void
key_small_numbers_are_short(void)
{
    vl_key_order order = {VL_COLLATE_BINARY, 0};
    vl_value value = {.type = VL_TYPE_INTEGER};

    for (int64_t i = -23; i <= 55; i++) {
        value.as.integer = i;
        CHECK_EQ(vl_key_size(&value, order), 1);
    }
    value.as.integer = 127;
    CHECK_EQ(vl_key_size(&value, order), 2);
    value.as.integer = -127;
    CHECK_EQ(vl_key_size(&value, order), 2);
    value.as.integer = 32767;
    CHECK_EQ(vl_key_size(&value, order), 3);
    value.as.integer = INT64_MIN;
    CHECK_EQ(vl_key_size(&value, order), 10);
    value.type = VL_TYPE_REAL;
    value.as.real = 1234.56;
    CHECK_EQ(vl_key_size(&value, order), 9);
    value.as.real = (double)NAN;
    CHECK_EQ(vl_key_size(&value, order), 1);
}

/* The bytes are part of the file format: they may not change without a new version of it. */
static void
key_bytes_are_fixed(void)
{
    static const struct {
        vl_value value;     /* what is put */
        const char *bytes;  /* what it gives */
        size_t size;        /* how many bytes */
        vl_key_order order; /* how */
    } fixed[] = {
        {{.type = VL_TYPE_NULL}, "\x02", 1, {VL_COLLATE_BINARY, 0}},
        {{.type = VL_TYPE_NULL}, "\xfd", 1, {VL_COLLATE_BINARY, 1}},
        {{.type = VL_TYPE_INTEGER, .as.integer = 0}, "\x40", 1, {VL_COLLATE_BINARY, 0}},
        {{.type = VL_TYPE_INTEGER, .as.integer = -1}, "\x3e", 1, {VL_COLLATE_BINARY, 0}},
        {{.type = VL_TYPE_INTEGER, .as.integer = 300}, "\xb1\x02\x58", 3, {VL_COLLATE_BINARY, 0}},
        {{.type = VL_TYPE_INTEGER, .as.integer = -300}, "\x0f\xfd\xa7", 3, {VL_COLLATE_BINARY, 0}},
        {{.type = VL_TYPE_REAL, .as.real = 1.5},
         "\x43\x80\x00\x00\x00\x00\x00\x00",
         8,
         {VL_COLLATE_BINARY, 0}},
        {{.type = VL_TYPE_REAL, .as.real = 0.5},
         "\x41\x3f\xe0\x00\x00\x00\x00\x00\x00",
         9,
         {VL_COLLATE_BINARY, 0}},
        {{.type = VL_TYPE_TEXT, .size = 3, .as.data = "A\0b"},
         "\xc8"
         "A\x01\x01"
         "b\0",
         6,
         {VL_COLLATE_BINARY, 0}},
        {{.type = VL_TYPE_TEXT, .size = 2, .as.data = "AB"},
         "\xc8"
         "ab\0",
         4,
         {VL_COLLATE_NOCASE, 0}},
        {{.type = VL_TYPE_TEXT, .size = 3, .as.data = "a  "},
         "\xc8"
         "a\0",
         3,
         {VL_COLLATE_RTRIM, 0}},
        {{.type = VL_TYPE_BLOB, .size = 0}, "\xd0\0", 2, {VL_COLLATE_BINARY, 0}},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(fixed); i++) {
        uint8_t bytes[KEY_BUFFER];
        uint8_t *end = vl_key_put(bytes, &fixed[i].value, fixed[i].order);

        CHECK_EQ(end - bytes, fixed[i].size);
        CHECK(memcmp(bytes, fixed[i].bytes, fixed[i].size) == 0);
    }
}

static void
key_rejects_other_forms(void)
{
    static const struct {
        const char *bytes; /* what no value gives */
        size_t size;       /* how many bytes */
    } wrong[] = {
        {"", 0},
        {"\x00", 1},
        {"\x01", 1},
        {"\xff", 1},
        {"\xba", 1},
        {"\xc8", 1},
        {"\xb0\x02", 2}, /* one byte would do */
        {"\xc8\x01\x03\x00", 4},
        {"\xd0\x01", 2},
        {"\xb1\x00\x80", 3},                              /* a leading zero */
        {"\xb8\x02\x00\x00\x00\x00\x00\x00\x00\x00", 10}, /* more than 65 bits */
        {"\x43\x00\x00\x00\x00\x00\x00\x00", 8},          /* a fraction that is zero */
        {"\x41\x3f\xf0\x00\x00\x00\x00\x00\x00", 9},      /* a fraction that is 1 */
        {"\x43\x80\x00\x00\x00\x00\x00\x01", 8},          /* bits no double has */
        {"\xb9\x40\x00\x00\x00\x00\x00\x00\x00", 9},      /* big, but 2.0 */
        {"\xb9\x7f\xf8\x00\x00\x00\x00\x00\x00", 9},      /* NaN */
        {"\x3f\xff\xff\xff\xff\xff\xff\xff\xff", 9},      /* -0.0 with a fraction of 0 */
    };
    vl_key_order order = {VL_COLLATE_BINARY, 0};
    vl_value value;

    for (size_t i = 0; i < VL_ARRAY_COUNT(wrong); i++) {
        const uint8_t *bytes = (const uint8_t *)wrong[i].bytes;

        CHECK(vl_key_get(bytes, bytes + wrong[i].size, order, &value) == NULL);
    }
}

static const unit_test tests[] = {
    UNIT_TEST(key_order_is_the_order_of_values),
    UNIT_TEST(key_boundaries_are_ordered_exactly),
    UNIT_TEST(key_gives_values_back),
    UNIT_TEST(key_columns_follow_each_other),
    UNIT_TEST(key_small_numbers_are_short),
    UNIT_TEST(key_bytes_are_fixed),
    UNIT_TEST(key_rejects_other_forms),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
