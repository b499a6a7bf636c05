/* test_func_json.c - the JSON functions where SQL text does not show it: JSONB as bytes, failures
 * of memory, depth, rows by the million. What they give is in test/sql/json.slt. */
#include "func/json_rows.h"
#include "lib/unit.h"
#include "unit/func_case.h"
#include "vec/value.h"

#include <stdlib.h>
#include <string.h>

static const func_case json_cases[] = {
    {"json", {"t [ 1 , {'a':.5} ] "}, "t[1,{\"a\":0.5}]"},
    {"json", {"Y1BA3"}, "!malformed JSON"},
    {"jsonb", {"t[1,[2,3],null]"}, "Y8B13314B1332133300"},
    {"jsonb", {"t{\"a\":\"b\\n\"}"}, "Y6C176138625C6E"},
    {"jsonb", {"t[true,false,-1.5]"}, "Y7B0102452D312E35"},
    {"json", {"Y8B13314B1332133300"}, "t[1,[2,3],null]"},
    {"json_extract", {"Y6C176138625C6E", "t$.a"}, "X620A"},
    {"jsonb_extract", {"t{\"a\":[1]}", "t$.a"}, "Y2B1331"},
    {"jsonb_set", {"t{}", "t$.a", "ttext"}, "Y7C1A614A74657874"},
    {"json_set", {"t[1]", "t$[#]", "b\x02"}, "t[1,false]"},
    {"json_set", {"t[1]", "t$[#]", "bx"}, "!JSON cannot hold BLOB values"},
    {"json_valid", {"Y8B13314B1332133300", "i8"}, "i1"},
    {"json_valid", {"Y7B136149133213331A", "i4"}, "i0"}, /* as text it could begin an object */
    {"json_valid", {"Y2B1361", "i4"}, "i1"},
    {"json_valid", {"Y2B1361", "i8"}, "i0"},
    {"json_array", {"i1", "r2.5", "tx", "n", "Y2B1331"}, "t[1,2.5,\"x\",null,[1]]"},
    {"json_object", {"tk", "i1", "tl", "r1e999"}, "t{\"k\":1,\"l\":9.0e+999}"},
    {"json_patch",
     {"t{\"a\":1,\"b\":{\"c\":2}}", "t{\"a\":null,\"b\":{\"d\":[3]}}"},
     "t{\"b\":{\"c\":2,\"d\":[3]}}"},
    {"json_remove", {"t{\"a\":[1,2]}", "t$.a[0]"}, "t{\"a\":[2]}"},
    {"json_array_insert", {"t[1,2]", "t$[1]", "i9"}, "t[1,9,2]"},
    {"json_pretty", {"t[1,{\"a\":[]}]", "t "}, "X5B0A20312C0A207B0A20202261223A205B5D0A207D0A5D"},
    {"json_error_position", {"t[1,\xc3\xa9"}, "i4"},
    {"->>", {"t{\"a\":[1,2]}", "ta"}, "t[1,2]"},
    {"->", {"t[5,\"x\"]", "i-1"}, "t\"x\""},
};

static void
json_functions_give_what_sqlite_gives(void)
{
    func_case_check(json_cases, VL_ARRAY_COUNT(json_cases), VL_COLLATE_BINARY);
}

static void
json_functions_survive_failures_of_memory(void)
{
    func_case_check_memory(json_cases, VL_ARRAY_COUNT(json_cases));
}

/* Arrays in arrays, as deep as is said; to be freed. */
static char *
json_nested(size_t depth)
{
    char *text = malloc(2 * depth + 1);

    if (text == NULL)
        return NULL;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = 0;
    return text;
}

static void
json_depth_is_limited(void)
{
    for (size_t depth = 999; depth <= 1001; depth++) {
        char *text = json_nested(depth);
        vl_value arg = {.type = VL_TYPE_TEXT, .size = (uint32_t)(2 * depth), .as.data = text};
        vl_arena arena;
        vl_value result;
        vl_value blob;
        velo_status st;

        CHECK(text != NULL);
        vl_arena_init(&arena, NULL, 0);
        st = func_case_call(unit_ctx(), &arena, "json", &arg, 1, VL_COLLATE_BINARY, &result);
        if (depth <= 1000) {
            CHECK_EQ(st, VELO_OK);
            CHECK_EQ(result.size, 2 * depth);
            CHECK_OK(
                func_case_call(unit_ctx(), &arena, "jsonb", &arg, 1, VL_COLLATE_BINARY, &blob));
            CHECK_OK(
                func_case_call(unit_ctx(), &arena, "json", &blob, 1, VL_COLLATE_BINARY, &result));
            CHECK_EQ(result.size, 2 * depth);
        } else {
            CHECK_EQ(st, VELO_ERROR);
        }
        vl_arena_deinit(&arena);
        free(text);
    }
}

/* The rows of JSON, with $ as the root. */
static velo_status
json_rows_of(vl_arena *arena, const char *name, const vl_value *json, const vl_json_rows **rows,
             uint32_t *count)
{
    const vl_json_rows_of of = {
        .name = name, .is_tree = strcmp(name, "json_tree") == 0, .json = json};

    return vl_json_rows_make(unit_ctx(), arena, &of, rows, count);
}

/* A long text in arrays: rows do not hold it once for each level. */
static void
json_rows_hold_no_texts(void)
{
    size_t depth = 900;
    size_t size = 100000;
    char *text = malloc(2 * depth + size);
    vl_value json = {.type = VL_TYPE_TEXT, .size = (uint32_t)(2 * depth + size), .as.data = text};
    const vl_json_rows *rows;
    vl_value value;
    vl_arena arena;
    uint32_t count;

    CHECK(text != NULL);
    memset(text, '[', depth);
    memset(text + depth, '1', size);
    memset(text + depth + size, ']', depth);
    vl_arena_init(&arena, NULL, 0);
    CHECK_OK(json_rows_of(&arena, "json_tree", &json, &rows, &count));
    CHECK_EQ(count, depth + 1);
    CHECK(arena.held_bytes < 10 * size);
    for (uint32_t row = 0; row <= depth; row += 450) {
        CHECK_OK(vl_json_rows_read(unit_ctx(), rows, row, 6, &arena, &value));
        CHECK_EQ(value.size, 1 + 3 * row); /* $[0][0]... */
        CHECK_OK(vl_json_rows_read(unit_ctx(), rows, row, 2, &arena, &value));
        CHECK_EQ(value.size, row < depth ? 5 : 7); /* "array", or "integer" */
    }
    CHECK_OK(vl_json_rows_read(unit_ctx(), rows, 450, 1, &arena, &value));
    CHECK_EQ(value.size, size + depth);
    vl_arena_deinit(&arena);
    free(text);
}

/* More rows than values of them would fit into the longest text: an array of nulls, as JSONB. */
static void
json_rows_may_be_many(void)
{
    uint32_t count = 6500000;
    unsigned char *blob = calloc(count + 5U, 1);
    vl_value json = {.type = VL_TYPE_BLOB, .size = count + 5U, .as.data = blob};
    const vl_json_rows *rows;
    vl_value value;
    vl_arena arena;
    uint32_t found;

    CHECK(blob != NULL);
    blob[0] = 0xeb; /* an array whose size is in four bytes */
    for (int i = 0; i < 4; i++)
        blob[1 + i] = (unsigned char)(count >> (24 - 8 * i));
    vl_arena_init(&arena, NULL, 0);
    CHECK_OK(json_rows_of(&arena, "json_each", &json, &rows, &found));
    CHECK_EQ(found, count);
    CHECK_OK(vl_json_rows_read(unit_ctx(), rows, count - 1, 0, &arena, &value));
    CHECK_EQ(value.as.integer, count - 1);
    CHECK_OK(vl_json_rows_read(unit_ctx(), rows, count - 1, 4, &arena, &value));
    CHECK_EQ(value.as.integer, count + 4);
    vl_arena_deinit(&arena);
    free(blob);
}

static const unit_test tests[] = {
    UNIT_TEST(json_functions_give_what_sqlite_gives),
    UNIT_TEST(json_functions_survive_failures_of_memory),
    UNIT_TEST(json_depth_is_limited),
    UNIT_TEST(json_rows_hold_no_texts),
    UNIT_TEST(json_rows_may_be_many),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
