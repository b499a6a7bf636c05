/* func_case.c - calls of SQL functions and what they should give. */
#include "unit/func_case.h"

#include "lib/unit.h"
#include "vec/number.h"
#include "vec/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_TEXT_SIZE 4096

static int64_t
case_changes(void *user)
{
    (void)user;
    return 11;
}

static int64_t
case_total_changes(void *user)
{
    (void)user;
    return 22;
}

static int64_t
case_last_insert_rowid(void *user)
{
    (void)user;
    return 33;
}

static velo_status
case_now(void *user, vl_ctx *ctx, int64_t *julian_ms)
{
    (void)user;
    (void)ctx;
    *julian_ms = INT64_C(210866760000000) + INT64_C(1709210096789);
    return VELO_OK;
}

static velo_status
case_random(void *user, vl_ctx *ctx, void *to, size_t size)
{
    unsigned char *at = to;

    (void)user;
    (void)ctx;
    for (size_t i = 0; i < size; i++)
        at[i] = (unsigned char)(0x80 + i);
    return VELO_OK;
}

/* Counts days from 1970 on; years up to 2099. */
static int
case_local_time(void *user, int64_t unix_s, vl_func_time *time)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int hours = 2;

    (void)user;
    for (;;) {
        int64_t local = unix_s + hours * 3600;
        int64_t days = local / 86400;

        *time = (vl_func_time){
            1970, 1, 1, (int)(local / 3600 % 24), (int)(local / 60 % 60), (int)(local % 60)};
        for (;; time->year++) {
            int length = time->year % 4 == 0 ? 366 : 365;

            if (days < length)
                break;
            days -= length;
        }
        for (;; time->month++) {
            int length = lengths[time->month - 1] + (time->month == 2 && time->year % 4 == 0);

            if (days < length)
                break;
            days -= length;
        }
        time->day = (int)days + 1;
        if (hours == 3 || time->month < 4 || time->month > 9)
            return 1;
        hours = 3;
    }
}

const vl_func_environment func_case_environment = {.changes = case_changes,
                                                   .total_changes = case_total_changes,
                                                   .last_insert_rowid = case_last_insert_rowid,
                                                   .now = case_now,
                                                   .random = case_random,
                                                   .local_time = case_local_time};

/* Make a block of exactly `size` bytes, so that the address sanitizer sees what is read behind. */
static vl_value
case_bytes(vl_type type, const void *data, size_t size)
{
    vl_value value = {.type = type, .size = (uint32_t)size};
    void *block = NULL;

    if (size > 0) {
        block = malloc(size);
        if (block == NULL)
            abort();
        memcpy(block, data, size);
    }
    value.as.data = block;
    return value;
}

static vl_value
case_hex(vl_type type, const char *text)
{
    unsigned char bytes[CASE_TEXT_SIZE];
    size_t size = strlen(text) / 2;

    for (size_t i = 0; i < size; i++) {
        char pair[3] = {text[2 * i], text[2 * i + 1], '\0'};

        bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return case_bytes(type, bytes, size);
}

vl_value
func_case_value(const char *text)
{
    switch (text[0]) {
    case 'i':
        return vl_value_of_integer(strtoll(text + 1, NULL, 10));
    case 'r':
        return vl_value_of_real(strtod(text + 1, NULL));
    case 't':
        return case_bytes(VL_TYPE_TEXT, text + 1, strlen(text + 1));
    case 'b':
        return case_bytes(VL_TYPE_BLOB, text + 1, strlen(text + 1));
    case 'X':
        return case_hex(VL_TYPE_TEXT, text + 1);
    case 'Y':
        return case_hex(VL_TYPE_BLOB, text + 1);
    default:
        return vl_value_of_null();
    }
}

void
func_case_free(vl_value *value)
{
    if (value->type == VL_TYPE_TEXT || value->type == VL_TYPE_BLOB)
        free((void *)(uintptr_t)value->as.data);
}

/* Whether bytes are shown in hexadecimal: they have a byte 0, or are not ASCII. */
static int
case_is_hex(const vl_value *value)
{
    const unsigned char *at = value->as.data;

    for (uint32_t i = 0; i < value->size; i++)
        if (at[i] < 0x20U || at[i] > 0x7eU)
            return 1;
    return 0;
}

const char *
func_case_text(const vl_value *value)
{
    static char text[CASE_TEXT_SIZE];
    int is_text = value->type == VL_TYPE_TEXT;
    size_t size = 0;

    text[0] = "?irtbn"[value->type];
    if (value->type == VL_TYPE_INTEGER) {
        size = vl_number_write_integer(value->as.integer, text + 1);
    } else if (value->type == VL_TYPE_REAL) {
        return snprintf(text, sizeof text, "r%.17g", value->as.real) > 0 ? text : NULL;
    } else if (is_text || value->type == VL_TYPE_BLOB) {
        size = value->size < 1000 ? value->size : 1000;
        if (case_is_hex(value)) {
            text[0] = is_text ? 'X' : 'Y';
            for (size_t i = 0; i < size; i++)
                (void)snprintf(text + 1 + 2 * i, 3, "%02X",
                               ((const unsigned char *)value->as.data)[i]);
            size *= 2;
        } else if (size > 0) {
            memcpy(text + 1, value->as.data, size);
        }
    }
    text[1 + size] = '\0';
    return text;
}

velo_status
func_case_call(vl_ctx *ctx, vl_arena *arena, const char *name, const vl_value *args, int count,
               vl_collation collation, vl_value *result)
{
    vl_func_call call = {.ctx = ctx,
                         .arena = arena,
                         .state_arena = arena,
                         .environment = &func_case_environment,
                         .collation = collation};

    *result = vl_value_of_null();
    VL_TRY(vl_func_find(ctx, NULL, name, strlen(name), count, &call.func));
    VL_TRY(vl_func_call_scalar(&call, args, count, result));
    if ((call.func->results & VL_FUNC_YIELDS(result->type)) == 0)
        return vl_fail(ctx, VELO_INTERNAL, "%s() gave a class it does not promise", name);
    return VELO_OK;
}

/* Read the arguments of a case; returns how many. */
static int
case_read_args(const func_case *one, vl_value *args)
{
    int count = 0;

    while (count < FUNC_CASE_ARGS && one->args[count] != NULL) {
        args[count] = func_case_value(one->args[count]);
        count++;
    }
    return count;
}

int
func_case_is_same(const char *text, const char *wanted)
{
    double a;
    double b;

    if (text[0] != 'r' || wanted[0] != 'r')
        return strcmp(text, wanted) == 0;
    a = strtod(text + 1, NULL);
    b = strtod(wanted + 1, NULL);
    return memcmp(&a, &b, sizeof a) == 0;
}

static void
case_check_one(const func_case *one, vl_collation collation)
{
    char found[CASE_TEXT_SIZE];
    vl_value args[FUNC_CASE_ARGS];
    int count = case_read_args(one, args);
    vl_value result;
    vl_arena arena;

    vl_arena_init(&arena, NULL, 0);
    vl_error_clear(unit_ctx());
    if (func_case_call(unit_ctx(), &arena, one->name, args, count, collation, &result) == VELO_OK)
        (void)snprintf(found, sizeof found, "%s", func_case_text(&result));
    else
        (void)snprintf(found, sizeof found, "!%s", unit_ctx()->error.text);
    if (!func_case_is_same(found, one->result))
        unit_failed(__FILE__, __LINE__, "%s(%s%s%s%s%s) is \"%s\", not \"%s\"", one->name,
                    count > 0 ? one->args[0] : "", count > 1 ? ", " : "",
                    count > 1 ? one->args[1] : "", count > 2 ? ", " : "",
                    count > 2 ? one->args[2] : "", found, one->result);
    vl_arena_deinit(&arena);
    for (int i = 0; i < count; i++)
        func_case_free(&args[i]);
}

void
func_case_check(const func_case *cases, size_t count, vl_collation collation)
{
    for (size_t i = 0; i < count && !unit_has_failed(); i++)
        case_check_one(&cases[i], collation);
}

/* The case as an operation of unit_each_alloc_failure. */
static velo_status
case_call_again(vl_ctx *ctx, void *argument)
{
    const func_case *one = argument;
    vl_value args[FUNC_CASE_ARGS];
    int count = case_read_args(one, args);
    vl_value result;
    velo_status status;
    vl_arena arena;

    vl_arena_init(&arena, ctx->allocator, 64);
    status = func_case_call(ctx, &arena, one->name, args, count, VL_COLLATE_BINARY, &result);
    vl_arena_deinit(&arena);
    for (int i = 0; i < count; i++)
        func_case_free(&args[i]);
    return status;
}

void
func_case_check_memory(const func_case *cases, size_t count)
{
    unsigned failures = 0;

    for (size_t i = 0; i < count && !unit_has_failed(); i++)
        if (cases[i].result[0] != '!')
            failures += unit_each_alloc_failure(case_call_again, (void *)(uintptr_t)&cases[i]);
    CHECK(failures > 0);
}
