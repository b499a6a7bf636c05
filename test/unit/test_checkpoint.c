/* test_checkpoint.c - pages in a file, on the simulated machine: eviction, checkpoints, power cuts,
 * faults. The steps of a checkpoint are interleaved with changes in test_checkpoint_steps.c. */
#include "base/thread.h"
#include "lib/unit.h"
#include "storage/cache_int.h"
#include "unit/cache_model.h"

#include <errno.h>
#include <string.h>

#define CHECK_MODEL(call)                                                                          \
    do {                                                                                           \
        velo_status check_status = (call);                                                         \
        if (check_status != VELO_OK) {                                                             \
            unit_failed(__FILE__, __LINE__, "%s: %s: %s", #call, velo_status_name(check_status),   \
                        unit_ctx()->error.text);                                                   \
            goto end;                                                                              \
        }                                                                                          \
    } while (0)

static void
checkpoint_of_nothing(void)
{
    cache_model model;

    CHECK_OK(model_create(unit_ctx(), 16, unit_seed(), &model));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
    CHECK_MODEL(model_reopen(unit_ctx(), 16, &model));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
end:
    model_destroy(&model);
}

static void
checkpoint_keeps_pages(void)
{
    model_step add = {.add_count = 3};
    cache_model model;

    CHECK_OK(model_create(unit_ctx(), 64, unit_seed(), &model));
    CHECK_MODEL(model_do(unit_ctx(), &model, &add));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
    CHECK_MODEL(model_do(unit_ctx(), &model, &add));
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
    CHECK_MODEL(model_reopen(unit_ctx(), 64, &model)); /* the second three are lost */
    CHECK_MODEL(model_check(unit_ctx(), &model, &model.durable));
    CHECK_MODEL(model_do(unit_ctx(), &model, &add));
    CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
    CHECK_MODEL(model_verify(unit_ctx(), &model));
end:
    model_destroy(&model);
}

/* Random changes with few frames, and checkpoints. */
static void
checkpoint_random_rounds(uint32_t frames, uint32_t pid_limit, unsigned rounds, uint64_t seed)
{
    cache_model model;

    CHECK_OK(model_create(unit_ctx(), frames, seed, &model));
    model.pid_limit = pid_limit;
    for (unsigned i = 0; i < rounds; i++) {
        unsigned count = (unsigned)vl_rng_below(&model.rng, 200);

        for (unsigned j = 0; j < count; j++)
            CHECK_MODEL(model_random(unit_ctx(), &model));
        if (vl_rng_chance(&model.rng, 3, 4))
            CHECK_MODEL(model_checkpoint(unit_ctx(), &model));
        CHECK_MODEL(model_verify(unit_ctx(), &model));
        CHECK_MODEL(model_check(unit_ctx(), &model, &model.now));
        if (vl_rng_chance(&model.rng, 1, 4))
            CHECK_MODEL(model_reopen(unit_ctx(), frames, &model));
    }
end:
    if (unit_has_failed())
        unit_failed(__FILE__, __LINE__, "frames %u, limit %u, seed %llu", frames, pid_limit,
                    (unsigned long long)seed);
    model_destroy(&model);
}

static void
checkpoint_at_random_with_few_frames(void)
{
    for (unsigned i = 0; i < 12 && !unit_has_failed(); i++)
        checkpoint_random_rounds(16 + 2 * i, 60 + 40 * i, 8, unit_seed() + i);
}

static void
checkpoint_at_random_with_many_pages(void)
{
    checkpoint_random_rounds(24, MODEL_PIDS, 24, unit_seed());
    checkpoint_random_rounds(400, MODEL_PIDS, 24, unit_seed() + 1);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(checkpoint_of_nothing),
        UNIT_TEST(checkpoint_keeps_pages),
        UNIT_TEST(checkpoint_at_random_with_few_frames),
        UNIT_TEST(checkpoint_at_random_with_many_pages),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
