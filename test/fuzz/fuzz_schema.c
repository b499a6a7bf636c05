/* fuzz_schema.c - any text of statements that change the schema leaves sound schemas: what is
 * accepted can be read back from sqlite_schema, and tells the same of every table afterwards. */
#include "lib/fuzz.h"
#include "lib/schema_rig.h"

#include <string.h>

/* A schema made again of its rows says the same. */
static void
fuzz_again(vl_ctx *ctx, const schema_rig *rig)
{
    const vl_schema *first = rig->databases[0].schema;
    vl_schema *again;

    FUZZ_CHECK(schema_rig_build(ctx, rig, &again) == VELO_OK);
    FUZZ_CHECK(first->table_count == again->table_count);
    FUZZ_CHECK(first->index_count == again->index_count);
    FUZZ_CHECK(first->trigger_count == again->trigger_count);
    for (uint32_t i = 0; i < first->table_count; i++) {
        static char texts[2][16384];

        schema_rig_tell_table(first->tables[i], texts[0], sizeof texts[0]);
        schema_rig_tell_table(again->tables[i], texts[1], sizeof texts[1]);
        FUZZ_CHECK(strcmp(texts[0], texts[1]) == 0);
    }
    vl_schema_release(again);
}

/* The text as the only row of sqlite_schema, whatever it is. */
static void
fuzz_row(vl_ctx *ctx, const char *text)
{
    static const char *const types[] = {"table", "view", "index", "trigger"};
    vl_schema_row row = {.name = "t", .table_name = "t", .sql = text, .tree = 2, .rowid = 1};
    vl_schema_source source = {"main", 1, 1, &row, 1, NULL, 0};
    vl_schema *schema;

    for (size_t i = 0; i < 8; i++) {
        row.type = types[i % 4];
        row.key_tree = i < 4 ? 0 : 3; /* as a table WITHOUT ROWID needs it */
        if (vl_schema_build(ctx, &source, &schema) == VELO_OK)
            FUZZ_CHECK(schema_rig_is_sound(schema));
        else
            FUZZ_CHECK(schema == NULL && ctx->error.text[0] != '\0');
        vl_schema_release(schema);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    schema_rig rig;
    vl_ctx ctx;

    FUZZ_CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    vl_ctx_init(&ctx, NULL, NULL);
    schema_rig_init(&rig, NULL);
    rig.options.has_foreign_keys = size % 2 == 1;
    if (schema_rig_run(&ctx, &rig, text) != VELO_OK) {
        FUZZ_CHECK(ctx.error.text[0] != '\0');
        /* Rows that DDL made are never malformed. */
        FUZZ_CHECK(ctx.error.code != VELO_CORRUPT);
    }
    for (int i = 0; i < 2; i++)
        FUZZ_CHECK(rig.databases[i].schema == NULL || schema_rig_is_sound(rig.databases[i].schema));
    if (rig.databases[0].schema != NULL)
        fuzz_again(&ctx, &rig);
    schema_rig_deinit(&rig);
    fuzz_row(&ctx, text);
    free(text);
    return 0;
}
