/* fuzz_func.c - any arguments give a value of a class that the function promises, or an error with
 * a message; nothing beyond an argument is read; the same call gives the same.
 *
 * First comes the name of the function, with its size; where there is no such function its bytes
 * choose one. Then a byte for how many arguments, and the arguments, each a byte that says what it
 * is, and perhaps its size: text and blobs of up to 63 bytes, and what follows for the last;
 * integers and reals of 8 bytes. */
#include "base/ctx.h"
#include "func/registry.h"
#include "lib/fuzz.h"
#include "vec/value.h"

#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_MAX 6

/* Longer results would only be slow. */
#define MEMORY_MAX (1U << 20)

typedef struct fuzz_input {
    const uint8_t *at;
    size_t size;
} fuzz_input;

static uint8_t
fuzz_take(fuzz_input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->at++;
}

/* A block of exactly `size` bytes, so that the address sanitizer sees each byte read too far. */
static vl_value
fuzz_bytes(fuzz_input *input, vl_type type, size_t size)
{
    vl_value value = {.type = type};
    void *block;

    if (size > input->size)
        size = input->size;
    block = malloc(size > 0 ? size : 1);
    FUZZ_CHECK(block != NULL);
    if (size > 0)
        memcpy(block, input->at, size);
    input->at += size;
    input->size -= size;
    value.size = (uint32_t)size;
    value.as.data = block;
    return value;
}

static vl_value
fuzz_value(fuzz_input *input)
{
    uint8_t kind = fuzz_take(input);
    uint64_t bits = 0;
    double real;

    if (kind < 64)
        return fuzz_bytes(input, VL_TYPE_TEXT, kind);
    if (kind < 128)
        return fuzz_bytes(input, VL_TYPE_BLOB, kind - 64U);
    if (kind < 160)
        return fuzz_bytes(input, VL_TYPE_TEXT, input->size);
    if (kind < 192)
        return vl_value_of_integer((int64_t)kind - 176);
    if (kind == 255)
        return vl_value_of_null();
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | fuzz_take(input);
    if (kind < 224)
        return vl_value_of_integer((int64_t)bits);
    memcpy(&real, &bits, sizeof real);
    return vl_value_of_real(real);
}

static velo_status
fuzz_now(void *user, vl_ctx *ctx, int64_t *julian_ms)
{
    (void)user;
    (void)ctx;
    *julian_ms = INT64_C(212576000000000);
    return VELO_OK;
}

static velo_status
fuzz_random(void *user, vl_ctx *ctx, void *to, size_t size)
{
    (void)user;
    (void)ctx;
    memset(to, 0x5a, size);
    return VELO_OK;
}

static void
fuzz_check_value(const vl_func *func, const vl_value *result)
{
    FUZZ_CHECK((func->results & VL_FUNC_YIELDS(result->type)) != 0);
    FUZZ_CHECK(result->type != VL_TYPE_REAL || result->as.real == result->as.real);
    if (result->type == VL_TYPE_TEXT || result->type == VL_TYPE_BLOB) {
        volatile uint8_t sum = 0;

        FUZZ_CHECK(result->size <= VL_VALUE_SIZE_MAX);
        for (uint32_t i = 0; i < result->size; i++) /* all of it can be read */
            sum = (uint8_t)(sum + ((const uint8_t *)result->as.data)[i]);
    } else {
        FUZZ_CHECK(result->size == 0);
    }
}

/* Call a scalar, or fold an aggregate over the row twice. */
static velo_status
fuzz_run(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    const vl_func_aggregate *aggregate = call->func->aggregate;
    _Alignas(VL_ALLOC_ALIGN) unsigned char state[512] = {0};

    if (aggregate == NULL)
        return vl_func_call_scalar(call, args, count, result);
    *result = vl_value_of_null();
    FUZZ_CHECK(aggregate->state_size <= sizeof state);
    VL_TRY(aggregate->step(call, state, args, count));
    call->lane++;
    VL_TRY(aggregate->step(call, state, args, count));
    if (aggregate->inverse != NULL)
        VL_TRY(aggregate->inverse(call, state, args, count));
    VL_TRY(aggregate->value(call, state, result));
    fuzz_check_value(call->func, result);
    if (result->type == VL_TYPE_TEXT) /* of the state, which ends here */
        *result = vl_value_of_null();
    return VELO_OK;
}

static void
fuzz_call(const vl_func *func, const vl_value *args, int count)
{
    static const vl_func_environment environment = {.now = fuzz_now, .random = fuzz_random};
    vl_allocator allocator;
    vl_arena arenas[2];
    vl_value results[2];
    velo_status status[2];
    vl_ctx ctx;

    vl_allocator_init(&allocator);
    vl_allocator_set_limit(&allocator, MEMORY_MAX);
    vl_ctx_init(&ctx, &allocator, NULL);
    for (int i = 0; i < 2; i++) {
        vl_func_call call = {.ctx = &ctx, .func = func, .environment = &environment};

        vl_arena_init(&arenas[i], &allocator, 0);
        call.arena = &arenas[i];
        call.state_arena = &arenas[i];
        vl_error_clear(&ctx);
        status[i] = fuzz_run(&call, args, count, &results[i]);
        if (status[i] == VELO_OK)
            fuzz_check_value(func, &results[i]);
        else
            FUZZ_CHECK(ctx.error.text[0] != '\0');
    }
    FUZZ_CHECK(status[0] == status[1] || status[1] == VELO_NOMEM);
    if (status[0] == VELO_OK && status[1] == VELO_OK)
        FUZZ_CHECK(vl_value_compare(&results[0], &results[1], VL_COLLATE_BINARY) == 0);
    for (int i = 0; i < 2; i++)
        vl_arena_deinit(&arenas[i]);
}

/* Take a function of its name, or of a number that the name's bytes make. */
static const vl_func *
fuzz_take_func(fuzz_input *input)
{
    size_t size = fuzz_take(input) % 32;
    const char *name = (const char *)input->at;
    size_t functions = 0;
    size_t number = 0;

    if (size > input->size)
        size = input->size;
    input->at += size;
    input->size -= size;
    for (; vl_func_builtin(functions) != NULL; functions++)
        if (strlen(vl_func_builtin(functions)->name) == size &&
            memcmp(vl_func_builtin(functions)->name, name, size) == 0)
            return vl_func_builtin(functions);
    for (size_t i = 0; i < size; i++)
        number = number * 31 + (uint8_t)name[i];
    FUZZ_CHECK(functions > 0);
    return vl_func_builtin(number % functions);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_input input = {size > 0 ? data : (const uint8_t *)"", size};
    const vl_func *func = fuzz_take_func(&input);
    int count = fuzz_take(&input) % (ARGUMENTS_MAX + 1);
    vl_value args[ARGUMENTS_MAX];

    if (func->scalar == NULL && func->aggregate == NULL)
        return 0; /* a window function: the executor's */
    if (count < func->least)
        count = func->least;
    if (func->most >= 0 && count > func->most)
        count = func->most;
    for (int i = 0; i < count; i++)
        args[i] = fuzz_value(&input);
    if (func->scalar != NULL || func->aggregate != NULL) /* else it needs a window */
        fuzz_call(func, args, count);
    for (int i = 0; i < count; i++)
        if (args[i].type == VL_TYPE_TEXT || args[i].type == VL_TYPE_BLOB)
            free((void *)(uintptr_t)args[i].as.data);
    return 0;
}
