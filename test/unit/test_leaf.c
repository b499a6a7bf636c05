/* test_leaf.c - table leaves against a model: long random sequences of operations. */
#include "leaf_model.h"

#include <stdio.h>

static const uint32_t page_sizes[] = {512, 4096, 16384, 65536};

/* A rowid by one of several patterns. */
static int64_t
next_rowid(model *m, int pattern, int64_t *sequence)
{
    switch (pattern) {
    case 0:
        return (*sequence)++;
    case 1:
        return (int64_t)vl_rng_below(&m->rng, 3000) - 1500;
    case 2:
        return (int64_t)vl_rng_next(&m->rng);
    case 3:
        return vl_rng_chance(&m->rng, 1, 2) ? INT64_MAX - (int64_t)vl_rng_below(&m->rng, 400)
                                            : INT64_MIN + (int64_t)vl_rng_below(&m->rng, 400);
    case 4:
        *sequence += (int64_t)vl_rng_below(&m->rng, 4);
        return *sequence;
    default:
        return (*sequence)--;
    }
}

/* One random operation. Returns the rowid it was about. */
static int64_t
step(model *m, int pattern, int64_t *sequence)
{
    uint32_t dice = (uint32_t)vl_rng_below(&m->rng, 100);
    uint32_t index = m->row_count > 0 ? (uint32_t)vl_rng_below(&m->rng, m->row_count) : 0;
    int64_t rowid = m->row_count > 0 ? m->rows[index].rowid : 0;

    if (m->row_count == 0 || dice < 50) {
        if (m->row_count + 1 == MODEL_MAX_ROWS)
            return rowid;
        if (m->row_count == 0 || dice < 45)
            rowid = next_rowid(m, pattern, sequence);
        model_insert(m, rowid);
    } else if (dice < 70) {
        model_update(m, index);
    } else if (dice < 84) {
        model_delete(m, index);
    } else if (dice < 90) {
        model_undelete(m, index);
    } else if (dice < 98) {
        model_purge(m, index);
    } else {
        model_rebuild(m, model_page_of(m, rowid), (vl_leaf_layout)vl_rng_below(&m->rng, 3),
                      dice == 99);
    }
    return rowid;
}

static void
run_model(uint32_t page_size, const model_kind *kinds, uint32_t count, int pattern, uint32_t steps,
          uint64_t seed)
{
    static model m;
    int64_t sequence = pattern == 0 ? INT64_MAX - (int64_t)steps : 5000;

    model_init(&m, page_size, kinds, count, seed);
    for (uint32_t i = 0; i < steps && !unit_has_failed(); i++) {
        int64_t rowid = step(&m, pattern, &sequence);
        uint32_t page = model_page_of(&m, rowid);

        if (page_size <= 4096 || i % 128 == 0)
            model_check_page(&m, page);
        else if (vl_leaf_validate(unit_ctx(), m.pages[page], page_size) != VELO_OK)
            unit_failed(__FILE__, __LINE__, "%s", unit_ctx()->error.text);
        if (m.page_count + 40 > MODEL_MAX_PAGES)
            break;
    }
    if (!unit_has_failed())
        model_check(&m);
    if (unit_has_failed())
        (void)fprintf(stderr, "page size %u, pattern %d, first kind %d of %u, seed %llu\n",
                      page_size, pattern, (int)kinds[0], count, (unsigned long long)seed);
    model_deinit(&m);
}

static void
leaf_agrees_with_model_for_each_kind_of_column(void)
{
    for (size_t size = 0; size < VL_ARRAY_COUNT(page_sizes); size++)
        for (int kind = 0; kind < MODEL_KIND_COUNT; kind++) {
            model_kind kinds[] = {(model_kind)kind};

            run_model(page_sizes[size], kinds, 1, kind % 6, 800, unit_seed() + (uint64_t)kind);
            if (unit_has_failed())
                return;
        }
}

static void
leaf_agrees_with_model_for_random_schemas(void)
{
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (uint32_t round = 0; round < 160; round++) {
        uint32_t page_size = page_sizes[round % VL_ARRAY_COUNT(page_sizes)];
        uint32_t most = vl_leaf_max_columns(page_size);
        model_kind kinds[MODEL_MAX_COLUMNS];
        uint32_t count;

        if (most > MODEL_MAX_COLUMNS)
            most = MODEL_MAX_COLUMNS;
        count = 1 + (uint32_t)vl_rng_below(&rng, round % 3 == 0 ? most : most / 3);
        for (uint32_t i = 0; i < count; i++)
            kinds[i] = (model_kind)vl_rng_below(&rng, MODEL_KIND_COUNT);
        run_model(page_size, kinds, count, (int)vl_rng_below(&rng, 6), 400, vl_rng_next(&rng));
        if (unit_has_failed())
            return;
    }
}

static void
leaf_agrees_with_model_on_large_pages(void)
{
    static const model_kind kinds[][3] = {
        {MODEL_SEQUENCE, MODEL_ODD, MODEL_WORD},
        {MODEL_NUMBER, MODEL_SPARSE, MODEL_SMALL},
        {MODEL_NULLABLE, MODEL_SMALL, MODEL_PRICE},
    };

    for (uint32_t round = 0; round < 4 && !unit_has_failed(); round++)
        run_model(round < 3 ? 16384U : 65536U, kinds[round % 3], 3, (int)round % 3 * 2, 3000,
                  unit_seed() + round);
}

static const unit_test tests[] = {
    UNIT_TEST(leaf_agrees_with_model_for_each_kind_of_column),
    UNIT_TEST(leaf_agrees_with_model_for_random_schemas),
    UNIT_TEST(leaf_agrees_with_model_on_large_pages),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
