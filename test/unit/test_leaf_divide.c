/* test_leaf_divide.c - full pages that are divided, and pages behind full ones. */
#include "leaf_model.h"

#include <stdio.h>

#define DIVIDE_ROWS 1800

static const uint32_t divide_page_sizes[] = {512, 4096, 16384};

/* Insert rows at random rowids, nothing else. */
static void
divide_at_random(model *m, uint64_t range)
{
    for (uint32_t i = 0; i < DIVIDE_ROWS && m->page_count + 40 < MODEL_MAX_PAGES; i++) {
        int64_t rowid = (int64_t)(vl_rng_next(&m->rng) % range) - (int64_t)(range / 2);

        model_insert(m, rowid);
        if (unit_has_failed())
            return;
    }
}

static void
divide_one(uint32_t page_size, const model_kind *kinds, uint32_t count, uint32_t *divided)
{
    static model m;

    model_init(&m, page_size, kinds, count, unit_seed() + page_size);
    divide_at_random(&m, UINT64_C(1) << (20 + page_size % 7 * 6));
    if (!unit_has_failed())
        model_check(&m);
    *divided += m.divided;
    if (unit_has_failed())
        (void)fprintf(stderr, "page size %u, kind %d\n", page_size, (int)kinds[0]);
    model_deinit(&m);
}

/* Of each kind of column that pages are divided with, and of some of the others, no value changes.
 */
static void
leaf_divided_has_the_same_rows(void)
{
    static const model_kind divisible[] = {MODEL_SMALL, MODEL_INTEGER, MODEL_PRICE,
                                           MODEL_REAL,  MODEL_WORD,    MODEL_LONG_TEXT,
                                           MODEL_BLOB,  MODEL_NULLABLE};

    for (size_t size = 0; size < VL_ARRAY_COUNT(divide_page_sizes); size++) {
        for (uint32_t kind = 0; kind < MODEL_KIND_COUNT; kind++) {
            model_kind kinds[] = {(model_kind)kind, MODEL_WORD, MODEL_SEQUENCE};
            uint32_t divided = 0;

            divide_one(divide_page_sizes[size], kinds, 3, &divided);
            if (unit_has_failed())
                return;
            for (size_t i = 0; i < VL_ARRAY_COUNT(divisible); i++)
                if (divisible[i] == kinds[0])
                    CHECK(divided > 0);
        }
    }
}

/* The rows of a half have other integers than all of them: the cells become as narrow as they need
 * be. */
static void
leaf_divided_has_narrower_integers(void)
{
    static const model_kind kinds[] = {MODEL_SEQUENCE, MODEL_LONG_TEXT};
    static model m;

    model_init(&m, 4096, kinds, VL_ARRAY_COUNT(kinds), unit_seed());
    divide_at_random(&m, 8000);
    CHECK(m.divided > 10);
    for (uint32_t page = 0; page < m.page_count; page++) {
        vl_leaf_view view;

        if (m.pages[page]->count == 0)
            continue;
        vl_leaf_column_view(m.pages[page], 0, &view);
        CHECK(view.width <= 2);
    }
    model_deinit(&m);
}

/* Rows are appended, pages being added behind full ones. */
static void
leaf_behind_a_full_one_takes_such_rows(void)
{
    for (size_t size = 0; size < VL_ARRAY_COUNT(divide_page_sizes); size++) {
        uint32_t behind = 0;

        for (uint32_t kind = 0; kind < MODEL_KIND_COUNT; kind++) {
            model_kind kinds[] = {(model_kind)kind, MODEL_WORD, MODEL_SEQUENCE};
            static model m;

            model_init(&m, divide_page_sizes[size], kinds, 3, unit_seed() + kind);
            for (int64_t i = 0; i < DIVIDE_ROWS && m.page_count + 40 < MODEL_MAX_PAGES; i++)
                model_insert(&m, i);
            model_check(&m);
            behind += m.behind > 0;
            model_deinit(&m);
            if (unit_has_failed()) {
                (void)fprintf(stderr, "page size %u, kind %u\n", divide_page_sizes[size], kind);
                return;
            }
        }
        CHECK(behind >= MODEL_KIND_COUNT / 2);
    }
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(leaf_divided_has_the_same_rows),
        UNIT_TEST(leaf_divided_has_narrower_integers),
        UNIT_TEST(leaf_behind_a_full_one_takes_such_rows),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
