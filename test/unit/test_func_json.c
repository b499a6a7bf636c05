/* test_func_json.c - the JSON functions where SQL text does not show it: JSONB as bytes, failures
 * of memory, depth. What they give is in test/sql/json.slt. */
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

static const unit_test tests[] = {
    UNIT_TEST(json_functions_give_what_sqlite_gives),
    UNIT_TEST(json_functions_survive_failures_of_memory),
    UNIT_TEST(json_depth_is_limited),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
