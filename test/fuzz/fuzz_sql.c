/* fuzz_sql.c - any text is parsed to a sound tree or refused with a message; a tree is printed to
 * text that parses to an equal one. Nothing beyond the text is read. */
#include "lib/fuzz.h"
#include "lib/sql_tree.h"
#include "sql/ast_print.h"
#include "sql/parse.h"

#include <stdlib.h>
#include <string.h>

static void
fuzz_again(vl_ctx *ctx, vl_arena *arena, const vl_parse_result *first)
{
    vl_parse_result again;
    const char *text;
    size_t size;

    FUZZ_CHECK(vl_ast_print(ctx, first->statement, arena, &text, &size) == VELO_OK);
    if (vl_parse(ctx, text, size, NULL, arena, &again) != VELO_OK) {
        /* Parentheses that the first text did not need. */
        FUZZ_CHECK(strcmp(ctx->error.text, "parser stack overflow") == 0);
        return;
    }
    FUZZ_CHECK(again.variable_count == first->variable_count);
    FUZZ_CHECK(sql_tree_equal(first->statement, again.statement));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* A copy of the exact size, so that the address sanitizer sees each byte read too far. */
    char *text = malloc(size > 0 ? size : 1);
    vl_parse_result result;
    vl_arena arena;
    vl_ctx ctx;

    FUZZ_CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    vl_ctx_init(&ctx, NULL, NULL);
    vl_arena_init(&arena, NULL, 0);
    (void)vl_sql_is_complete(text, size);
    if (vl_parse(&ctx, text, size, NULL, &arena, &result) != VELO_OK) {
        FUZZ_CHECK(result.statement == NULL && ctx.error.text[0] != '\0');
        FUZZ_CHECK(ctx.error.sql_offset >= 0 && (size_t)ctx.error.sql_offset <= size);
    } else if (result.statement != NULL) {
        FUZZ_CHECK(result.tail <= size);
        FUZZ_CHECK(sql_tree_is_sound(result.statement, size));
        fuzz_again(&ctx, &arena, &result);
    }
    vl_arena_deinit(&arena);
    free(text);
    return 0;
}
