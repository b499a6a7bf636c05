/* fuzz_json.c - JSON: what is parsed is sound JSONB, and printed and parsed again it is the same;
 * JSONB of any bytes is read without harm; changes leave sound JSONB sound.
 *
 * The first byte says what comes: 'p' a path (behind its $) up to a newline, and JSON text; 'm' two
 * texts with a newline between them, the second of which is a merge patch; anything else: the rest
 * is JSON text, and JSONB. */
#include "base/arena.h"
#include "func/json_int.h"
#include "lib/fuzz.h"

#include <stdlib.h>
#include <string.h>

/* Bytes of their own size, so that the address sanitizer sees each one read too far. */
static vl_func_bytes
fuzz_copy(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size > 0 ? size : 1);

    FUZZ_CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return (vl_func_bytes){copy, copy + size};
}

static void
fuzz_free(vl_func_bytes bytes)
{
    free((void *)(uintptr_t)bytes.at);
}

/* Print JSONB, and parse what is printed: strict JSON that prints the same. */
static void
fuzz_check_print(vl_arena *arena, vl_func_bytes blob)
{
    vl_func_buffer text = {.arena = arena};
    vl_func_buffer again = {.arena = arena};
    vl_func_buffer other = {.arena = arena};
    vl_json_parsed parsed;

    FUZZ_CHECK(vl_json_print(blob, &text));
    vl_json_parse(vl_json_bytes(&text), &again, &parsed);
    FUZZ_CHECK(!parsed.is_bad && !parsed.is_json5);
    FUZZ_CHECK(vl_json_print(vl_json_bytes(&again), &other));
    FUZZ_CHECK(text.size == other.size && memcmp(text.text, other.text, text.size) == 0);
}

/* Parse a text; 0: it is no JSON. */
static int
fuzz_parse(vl_arena *arena, vl_func_bytes text, vl_func_buffer *blob)
{
    vl_json_parsed parsed;

    *blob = (vl_func_buffer){.arena = arena};
    vl_json_parse(text, blob, &parsed);
    FUZZ_CHECK(blob->bad == VELO_OK);
    FUZZ_CHECK(parsed.error_at <= (size_t)(text.end - text.at));
    if (parsed.is_bad)
        return 0;
    FUZZ_CHECK(vl_json_is_sound(vl_json_bytes(blob)));
    fuzz_check_print(arena, vl_json_bytes(blob));
    return 1;
}

/* What may be damaged is read in every way. */
static void
fuzz_read_blob(vl_arena *arena, vl_func_bytes blob)
{
    static const unsigned char steps[] = "[0].a";
    vl_func_bytes indent = {steps, steps + 1};
    vl_func_buffer text = {.arena = arena};
    vl_json_place place;

    if (vl_json_is_sound(blob))
        FUZZ_CHECK(vl_json_print(blob, &text));
    else
        (void)vl_json_print(blob, &text);
    (void)vl_json_print_pretty(blob, indent, &text);
    (void)vl_json_count(blob);
    (void)vl_json_find(blob, (vl_func_bytes){steps, steps + sizeof steps - 1}, &place);
}

static void
fuzz_change(vl_arena *arena, vl_func_bytes path, vl_func_bytes text)
{
    static const unsigned char value[] = {0x2b, 0x13, '7'}; /* [7] */
    vl_func_buffer blob;

    for (int edit = VL_JSON_REMOVE; edit <= VL_JSON_ARRAY_INSERT; edit++) {
        vl_json_found found;

        if (!fuzz_parse(arena, text, &blob))
            return;
        found = vl_json_change(&blob, path, (vl_json_edit)edit,
                               (vl_func_bytes){value, value + sizeof value});
        FUZZ_CHECK(found != VL_JSON_DAMAGED && blob.bad == VELO_OK);
        if (blob.size > 0) /* all of it may be removed */
            FUZZ_CHECK(vl_json_is_sound(vl_json_bytes(&blob)));
    }
}

static void
fuzz_patch(vl_arena *arena, vl_func_bytes target, vl_func_bytes patch)
{
    vl_func_buffer blob;
    vl_func_buffer change;

    if (!fuzz_parse(arena, target, &blob) || !fuzz_parse(arena, patch, &change))
        return;
    FUZZ_CHECK(vl_json_patch(&blob, vl_json_bytes(&change)));
    FUZZ_CHECK(blob.bad == VELO_OK && vl_json_is_sound(vl_json_bytes(&blob)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *line;
    vl_func_buffer blob;
    vl_func_bytes first;
    vl_func_bytes rest;
    vl_arena arena;

    if (size == 0)
        return 0;
    line = memchr(data, '\n', size);
    if ((*data != 'p' && *data != 'm') || line == NULL)
        line = data;
    first = line > data ? fuzz_copy(data + 1, (size_t)(line - data) - 1) : fuzz_copy(NULL, 0);
    rest = fuzz_copy(line + 1, size - (size_t)(line - data) - 1);
    vl_arena_init(&arena, NULL, 0);
    if (line > data && *data == 'p') {
        fuzz_change(&arena, first, rest);
    } else if (line > data) {
        fuzz_patch(&arena, first, rest);
    } else {
        (void)fuzz_parse(&arena, rest, &blob);
        fuzz_read_blob(&arena, rest);
    }
    vl_arena_deinit(&arena);
    fuzz_free(first);
    fuzz_free(rest);
    return 0;
}
