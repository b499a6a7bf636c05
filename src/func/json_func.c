/* json_func.c - the JSON functions of single values.
 *
 * Each takes its JSON as JSONB, which it is or is parsed into, works on that, and gives JSON text,
 * JSONB (the functions whose names begin with jsonb) or an SQL value.
 *
 * Invariants
 *   JF1  What is worked on lies in a scratch arena that ends with the call; results are in the
 *        call's arena, or part of an argument.
 *   JF2  JSON text that is a result is marked as such (vl_value.is_json). */
#include "func/json_int.h"

#include "vec/number.h"
#include "vec/value.h"

#include <string.h>

/* Variants: what kind of result is given, and what the function does. */
#define JSON_GIVES_BLOB 0x100U
#define JSON_GIVES_SQL  0x200U /* ->>: of arrays and objects text that is no JSON */
#define JSON_GIVES_JSON 0x400U /* ->: JSON also of numbers and strings */

velo_status
vl_json_fail_malformed(vl_ctx *ctx)
{
    return vl_fail(ctx, VELO_ERROR, "malformed JSON");
}

velo_status
vl_json_fail_path(vl_ctx *ctx, vl_func_bytes path)
{
    return vl_fail(ctx, VELO_ERROR, "bad JSON path: '%.*s'", (int)(path.end - path.at),
                   (const char *)path.at);
}

static velo_status
json_fail_memory(vl_func_call *call, const vl_func_buffer *buffer)
{
    if (buffer->bad == VELO_TOOBIG)
        return vl_fail(call->ctx, VELO_TOOBIG, "string or blob too big");
    return vl_fail(call->ctx, VELO_NOMEM, "cannot allocate the JSON of %s()", call->func->name);
}

velo_status
vl_json_argument(vl_ctx *ctx, vl_arena *scratch, const vl_value *argument, vl_func_bytes *blob)
{
    vl_func_buffer buffer = {.arena = scratch};
    char room[VL_NUMBER_TEXT_SIZE];
    vl_json_parsed parsed;

    *blob = vl_func_bytes_of(argument, room);
    if (argument->type == VL_TYPE_BLOB && vl_json_is_blob(*blob))
        return VELO_OK;
    vl_json_parse(vl_func_text_of(argument, room), &buffer, &parsed);
    if (buffer.bad != VELO_OK)
        return vl_fail(ctx, buffer.bad, "cannot allocate what JSON is parsed into");
    if (parsed.is_bad)
        return vl_json_fail_malformed(ctx);
    *blob = vl_json_bytes(&buffer);
    return VELO_OK;
}

/* ---- results ---- */

/* Make the result JSON text of a JSONB value. Keeps JF2. */
static velo_status
json_give_text(vl_func_call *call, vl_func_bytes from, vl_value *result)
{
    vl_func_buffer text = {.arena = call->arena};

    if (!vl_json_print(from, &text))
        return vl_json_fail_malformed(call->ctx);
    VL_TRY(vl_func_buffer_end(call, &text, result));
    result->is_json = 1;
    return VELO_OK;
}

/* Make the result JSON text or JSONB, as the function's variant says. */
static velo_status
json_give(vl_func_call *call, vl_func_bytes from, vl_value *result)
{
    if ((call->func->variant & JSON_GIVES_BLOB) == 0)
        return json_give_text(call, from, result);
    return vl_func_copy(call, VL_TYPE_BLOB, from.at, (uint64_t)(from.end - from.at), result);
}

/* Make the result what is in a buffer of JSONB. */
static velo_status
json_give_buffer(vl_func_call *call, const vl_func_buffer *blob, vl_value *result)
{
    return blob->bad != VELO_OK ? json_fail_memory(call, blob)
                                : json_give(call, vl_json_bytes(blob), result);
}

/* Make the result what a path has led to: an SQL value, or JSON. */
static velo_status
json_give_found(vl_func_call *call, vl_func_bytes from, vl_value *result)
{
    velo_status status;
    vl_json_node node;

    if (!vl_json_read(from, &node))
        return vl_json_fail_malformed(call->ctx);
    from.end = vl_json_behind(from, &node);
    if ((call->func->variant & JSON_GIVES_JSON) != 0 || vl_json_is_container(node.type)) {
        status = json_give(call, from, result);
        if ((call->func->variant & JSON_GIVES_SQL) != 0)
            result->is_json = 0;
        return status;
    }
    if (!vl_json_to_value(call, from, result, &status))
        return vl_json_fail_malformed(call->ctx);
    return status;
}

/* ---- paths ---- */

/* The path of an argument behind its $. errors  it does not begin so */
static velo_status
json_path(vl_func_call *call, vl_func_bytes path, vl_func_bytes *steps)
{
    if (path.at == path.end || *path.at != '$')
        return vl_json_fail_path(call->ctx, path);
    *steps = (vl_func_bytes){path.at + 1, path.end};
    return VELO_OK;
}

/* An error for what went wrong with a path. */
static velo_status
json_path_status(vl_func_call *call, vl_json_found found, vl_func_bytes path)
{
    switch (found) {
    case VL_JSON_FOUND:
    case VL_JSON_MISSING:
        break;
    case VL_JSON_BAD_PATH:
        return vl_json_fail_path(call->ctx, path);
    case VL_JSON_NOT_ELEMENT:
        return vl_fail(call->ctx, VELO_ERROR, "not an array element: '%.*s'",
                       (int)(path.end - path.at), (const char *)path.at);
    case VL_JSON_DAMAGED:
        return vl_json_fail_malformed(call->ctx);
    }
    return VELO_OK;
}

/* Find what a path leads to: *at is NULL when there is nothing. */
static velo_status
json_find(vl_func_call *call, vl_func_bytes blob, vl_func_bytes path, vl_func_bytes *found)
{
    vl_func_bytes steps;
    vl_json_place place;
    vl_json_found how;

    *found = (vl_func_bytes){NULL, NULL};
    VL_TRY(json_path(call, path, &steps));
    how = vl_json_find(blob, steps, &place);
    VL_TRY(json_path_status(call, how, path));
    if (how == VL_JSON_FOUND)
        *found = (vl_func_bytes){blob.at + place.at, blob.end};
    return VELO_OK;
}

/* ---- frames around a call ---- */

/* Run `work` with a scratch arena. Keeps JF1. */
typedef velo_status json_work(vl_func_call *call, vl_arena *scratch, const vl_value *args,
                              int count, vl_value *result);

static velo_status
json_run(vl_func_call *call, const vl_value *args, int count, vl_value *result, json_work *work)
{
    velo_status status;
    vl_arena scratch;

    vl_arena_init(&scratch, call->ctx->allocator, 0);
    status = work(call, &scratch, args, count, result);
    vl_arena_deinit(&scratch);
    return status;
}

/* As json_run; NULL when the first argument is. */
static velo_status
json_run_unless_null(vl_func_call *call, const vl_value *args, int count, vl_value *result,
                     json_work *work)
{
    return args[0].type == VL_TYPE_NULL ? VELO_OK : json_run(call, args, count, result, work);
}

/* ---- json, jsonb ---- */

static velo_status
json_convert_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
                  vl_value *result)
{
    vl_func_bytes blob;

    (void)count;
    VL_TRY(vl_json_argument(call->ctx, scratch, &args[0], &blob));
    return json_give(call, blob, result);
}

static velo_status
json_convert(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    return json_run_unless_null(call, args, count, result, json_convert_work);
}

/* ---- json_array, json_object, json_quote ---- */

/* The array or object of the arguments as text. */
static velo_status
json_make_text(vl_func_call *call, vl_arena *arena, const vl_value *args, int count,
               vl_value *result)
{
    int is_object = (call->func->variant & 1) != 0;
    vl_func_buffer text = {.arena = arena};

    vl_func_append_char(&text, is_object ? '{' : '[');
    for (int i = 0; i < count; i++) {
        if (is_object && i % 2 == 0 && args[i].type != VL_TYPE_TEXT)
            return vl_fail(call->ctx, VELO_ERROR, "%s() labels must be TEXT", call->func->name);
        if (i > 0)
            vl_func_append_char(&text, is_object && i % 2 == 1 ? ':' : ',');
        if (is_object && i % 2 == 0)
            vl_json_print_text(&text, vl_func_bytes_of(&args[i], NULL));
        else
            VL_TRY(vl_json_print_value(call, &text, &args[i]));
    }
    vl_func_append_char(&text, is_object ? '}' : ']');
    VL_TRY(vl_func_buffer_end(call, &text, result));
    result->is_json = 1;
    return VELO_OK;
}

static velo_status
json_make_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
               vl_value *result)
{
    vl_func_bytes blob;
    vl_value text;

    VL_TRY(json_make_text(call, scratch, args, count, &text));
    VL_TRY(vl_json_argument(call->ctx, scratch, &text, &blob));
    return json_give(call, blob, result);
}

static velo_status
json_make(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    if ((call->func->variant & 1) != 0 && count % 2 != 0)
        return vl_fail(call->ctx, VELO_ERROR, "%s() requires an even number of arguments",
                       call->func->name);
    if ((call->func->variant & JSON_GIVES_BLOB) == 0)
        return json_make_text(call, call->arena, args, count, result);
    return json_run(call, args, count, result, json_make_work);
}

static velo_status
json_quote(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    vl_func_buffer text = {.arena = call->arena};

    (void)count;
    VL_TRY(vl_json_print_value(call, &text, &args[0]));
    VL_TRY(vl_func_buffer_end(call, &text, result));
    result->is_json = 1;
    return VELO_OK;
}

/* ---- json_array_length, json_type ---- */

/* With variant 1 the type, else the length. */
static velo_status
json_tell_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
               vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes found;
    vl_func_bytes blob;
    vl_json_node node;
    const char *name;
    int64_t length;

    VL_TRY(vl_json_argument(call->ctx, scratch, &args[0], &blob));
    found = blob;
    if (count > 1)
        VL_TRY(json_find(call, blob, vl_func_text_of(&args[1], room), &found));
    if (found.at == NULL)
        return VELO_OK;
    if (!vl_json_read(found, &node))
        return vl_json_fail_malformed(call->ctx);
    if (call->func->variant == 1) {
        name = vl_json_type_name(node.type);
        *result = (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(name), .as.data = name};
        return VELO_OK;
    }
    length = node.type == VL_JSON_ARRAY ? vl_json_count(vl_json_payload(found, &node)) : 0;
    if (length < 0)
        return vl_json_fail_malformed(call->ctx);
    *result = vl_value_of_integer(length);
    return VELO_OK;
}

static velo_status
json_tell(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    for (int i = 0; i < count; i++)
        if (args[i].type == VL_TYPE_NULL)
            return VELO_OK;
    return json_run(call, args, count, result, json_tell_work);
}

/* ---- json_extract, ->, ->> ---- */

/* Several paths: an array of what they lead to. */
static velo_status
json_extract_many(vl_func_call *call, vl_arena *scratch, vl_func_bytes blob, const vl_value *paths,
                  int count, vl_value *result)
{
    vl_func_buffer array = {.arena = scratch};
    size_t begin = vl_json_begin(&array, VL_JSON_ARRAY);

    for (int i = 0; i < count; i++) {
        char room[VL_NUMBER_TEXT_SIZE];
        vl_func_bytes found;
        vl_json_node node;

        VL_TRY(json_find(call, blob, vl_func_text_of(&paths[i], room), &found));
        if (found.at == NULL)
            vl_json_append(&array, VL_JSON_NULL, NULL, 0);
        else if (!vl_json_read(found, &node))
            return vl_json_fail_malformed(call->ctx);
        else
            vl_func_append(&array, found.at, node.header + node.size);
    }
    vl_json_end(&array, begin);
    return json_give_buffer(call, &array, result);
}

static velo_status
json_extract_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
                  vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes found;
    vl_func_bytes blob;

    VL_TRY(vl_json_argument(call->ctx, scratch, &args[0], &blob));
    if (count > 2)
        return json_extract_many(call, scratch, blob, args + 1, count - 1, result);
    VL_TRY(json_find(call, blob, vl_func_text_of(&args[1], room), &found));
    return found.at == NULL ? VELO_OK : json_give_found(call, found, result);
}

static velo_status
json_extract(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    if (count < 2)
        return VELO_OK;
    for (int i = 0; i < count; i++)
        if (args[i].type == VL_TYPE_NULL)
            return VELO_OK;
    return json_run(call, args, count, result, json_extract_work);
}

/* The path that the right side of an arrow stands for, without $: a number is an index, a text a
 * label, or an index in brackets. */
static vl_func_bytes
json_arrow_steps(vl_func_buffer *path, const vl_value *right)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text = vl_func_text_of(right, room);
    size_t size = (size_t)(text.end - text.at);

    if (right->type == VL_TYPE_INTEGER) {
        vl_func_append(path, right->as.integer < 0 ? "[#" : "[", right->as.integer < 0 ? 2 : 1);
        vl_func_append(path, text.at, size);
        vl_func_append(path, "]", 1);
    } else if (size >= 3 && text.at[0] == '[' && text.end[-1] == ']') {
        return text;
    } else {
        vl_func_append(path, ".\"", 2);
        vl_func_append(path, text.at, size);
        vl_func_append(path, "\"", 1);
    }
    return vl_json_bytes(path);
}

static velo_status
json_arrow_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
                vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_buffer path = {.arena = scratch};
    vl_func_bytes written = vl_func_text_of(&args[1], room);
    vl_func_bytes steps;
    vl_func_bytes blob;
    vl_json_place place;
    vl_json_found found;

    (void)count;
    VL_TRY(vl_json_argument(call->ctx, scratch, &args[0], &blob));
    if (args[1].type == VL_TYPE_TEXT && written.at < written.end && *written.at == '$')
        steps = (vl_func_bytes){written.at + 1, written.end};
    else if (written.at == written.end)
        return vl_json_fail_path(call->ctx, written);
    else
        steps = json_arrow_steps(&path, &args[1]);
    if (path.bad != VELO_OK)
        return json_fail_memory(call, &path);
    found = vl_json_find(blob, steps, &place);
    VL_TRY(json_path_status(call, found, written));
    if (found != VL_JSON_FOUND)
        return VELO_OK;
    return json_give_found(call, (vl_func_bytes){blob.at + place.at, blob.end}, result);
}

static velo_status
json_arrow(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    if (args[0].type == VL_TYPE_NULL || args[1].type == VL_TYPE_NULL)
        return VELO_OK;
    return json_run(call, args, count, result, json_arrow_work);
}

/* ---- json_set and its kin, json_remove, json_patch ---- */

/* A copy of JSONB that may be changed. */
static velo_status
json_copy_argument(vl_func_call *call, vl_arena *scratch, const vl_value *argument,
                   vl_func_buffer *copy)
{
    vl_func_bytes blob;

    *copy = (vl_func_buffer){.arena = scratch};
    VL_TRY(vl_json_argument(call->ctx, scratch, argument, &blob));
    vl_func_append(copy, blob.at, (size_t)(blob.end - blob.at));
    return copy->bad != VELO_OK ? json_fail_memory(call, copy) : VELO_OK;
}

/* Change what one path leads to; `value` is NULL when it is removed. */
static velo_status
json_change(vl_func_call *call, vl_func_buffer *blob, const vl_value *path, vl_json_edit edit,
            const vl_value *value)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_buffer made = {.arena = blob->arena};
    vl_func_bytes text = vl_func_text_of(path, room);
    vl_func_bytes steps;
    vl_json_found found;

    VL_TRY(json_path(call, text, &steps));
    if (value != NULL)
        VL_TRY(vl_json_append_value(call, &made, value));
    if (made.bad != VELO_OK)
        return json_fail_memory(call, &made);
    found = vl_json_change(blob, steps, edit, vl_json_bytes(&made));
    VL_TRY(json_path_status(call, found, text));
    return blob->bad != VELO_OK ? json_fail_memory(call, blob) : VELO_OK;
}

static velo_status
json_edit_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
               vl_value *result)
{
    vl_json_edit edit = (vl_json_edit)(call->func->variant & 0xffU);
    vl_func_buffer blob;

    VL_TRY(json_copy_argument(call, scratch, &args[0], &blob));
    for (int i = 1; i + 1 < count; i += 2) {
        if (args[i].type != VL_TYPE_NULL)
            VL_TRY(json_change(call, &blob, &args[i], edit, &args[i + 1]));
    }
    return json_give_buffer(call, &blob, result);
}

static velo_status
json_edit(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    if (count % 2 == 0)
        return vl_fail(call->ctx, VELO_ERROR, "%s() needs an odd number of arguments",
                       call->func->name);
    if (args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    return json_run(call, args, count, result, json_edit_work);
}

static velo_status
json_remove_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
                 vl_value *result)
{
    vl_func_buffer blob;

    VL_TRY(json_copy_argument(call, scratch, &args[0], &blob));
    for (int i = 1; i < count; i++) {
        if (args[i].type == VL_TYPE_NULL)
            return VELO_OK;
        VL_TRY(json_change(call, &blob, &args[i], VL_JSON_REMOVE, NULL));
        if (blob.size == 0) /* all of it */
            return VELO_OK;
    }
    return json_give_buffer(call, &blob, result);
}

static velo_status
json_remove(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    return json_run_unless_null(call, args, count, result, json_remove_work);
}

static velo_status
json_patch_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
                vl_value *result)
{
    vl_func_buffer blob;
    vl_func_bytes patch;

    (void)count;
    VL_TRY(json_copy_argument(call, scratch, &args[0], &blob));
    VL_TRY(vl_json_argument(call->ctx, scratch, &args[1], &patch));
    if (!vl_json_patch(&blob, patch))
        return vl_json_fail_malformed(call->ctx);
    return json_give_buffer(call, &blob, result);
}

static velo_status
json_patch(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    if (args[0].type == VL_TYPE_NULL || args[1].type == VL_TYPE_NULL)
        return VELO_OK;
    return json_run(call, args, count, result, json_patch_work);
}

/* ---- json_pretty ---- */

static velo_status
json_pretty_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
                 vl_value *result)
{
    static const unsigned char spaces[] = "    ";
    vl_func_bytes indent = {spaces, spaces + 4};
    vl_func_buffer text = {.arena = call->arena};
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes blob;

    if (count > 1 && args[1].type != VL_TYPE_NULL)
        indent = vl_func_text_of(&args[1], room);
    VL_TRY(vl_json_argument(call->ctx, scratch, &args[0], &blob));
    if (!vl_json_print_pretty(blob, indent, &text))
        return vl_json_fail_malformed(call->ctx);
    return vl_func_buffer_end(call, &text, result);
}

static velo_status
json_pretty(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    return json_run_unless_null(call, args, count, result, json_pretty_work);
}

/* ---- json_valid, json_error_position ---- */

/* What json_valid() is asked for. */
#define JSON_VALID_STRICT     1 /* JSON of RFC 8259 */
#define JSON_VALID_JSON5      2 /* JSON5 */
#define JSON_VALID_BLOB       4 /* JSONB by its looks */
#define JSON_VALID_SOUND_BLOB 8 /* JSONB */

/* Parse a text only to know what it is. */
static velo_status
json_check(vl_func_call *call, vl_arena *scratch, vl_func_bytes text, vl_json_parsed *parsed)
{
    vl_func_buffer blob = {.arena = scratch};

    vl_json_parse(text, &blob, parsed);
    return blob.bad != VELO_OK ? json_fail_memory(call, &blob) : VELO_OK;
}

static velo_status
json_valid_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
                vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    int64_t flags = count > 1 ? vl_value_integer(&args[1]) : JSON_VALID_STRICT;
    vl_func_bytes bytes = vl_func_bytes_of(&args[0], room);
    vl_json_parsed parsed;
    int is_valid = 0;

    if (args[0].type == VL_TYPE_BLOB && vl_json_is_blob(bytes)) {
        is_valid = (flags & JSON_VALID_BLOB) != 0 ||
                   ((flags & JSON_VALID_SOUND_BLOB) != 0 && vl_json_is_sound(bytes));
    } else if ((flags & (JSON_VALID_STRICT | JSON_VALID_JSON5)) != 0) {
        VL_TRY(json_check(call, scratch, vl_func_text_of(&args[0], room), &parsed));
        is_valid = !parsed.is_bad && ((flags & JSON_VALID_JSON5) != 0 || !parsed.is_json5);
    }
    *result = vl_value_of_integer(is_valid);
    return VELO_OK;
}

static velo_status
json_valid(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    int64_t flags = count > 1 ? vl_value_integer(&args[1]) : JSON_VALID_STRICT;

    if (flags < 1 || flags > 15)
        return vl_fail(call->ctx, VELO_ERROR,
                       "FLAGS parameter to json_valid() must be between 1 and 15");
    return json_run_unless_null(call, args, count, result, json_valid_work);
}

/* The character, counted from 1, at which a text goes wrong, or of JSONB the byte. */
static velo_status
json_error_work(vl_func_call *call, vl_arena *scratch, const vl_value *args, int count,
                vl_value *result)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes text = vl_func_bytes_of(&args[0], room);
    vl_json_parsed parsed;
    int64_t position = 0;

    (void)count;
    if (args[0].type == VL_TYPE_BLOB && vl_json_is_blob(text)) {
        position = vl_json_is_sound(text) ? 0 : 1;
    } else {
        text = vl_func_text_of(&args[0], room);
        VL_TRY(json_check(call, scratch, text, &parsed));
        if (parsed.is_bad) {
            position = 1;
            for (size_t i = 0; i < parsed.error_at; i++)
                position += (text.at[i] & 0xc0U) != 0x80U;
        }
    }
    *result = vl_value_of_integer(position);
    return VELO_OK;
}

static velo_status
json_error_position(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    return json_run_unless_null(call, args, count, result, json_error_work);
}

#define JSON_PURE(name, least, most, variant, results, scalar)                                     \
    VL_FUNC_SCALAR(name, least, most, variant, VL_FUNC_PURE_FAILING, results, scalar)
#define JSON_TEXT(name, least, most, variant, results, scalar)                                     \
    VL_FUNC_SCALAR(name, least, most, variant, VL_FUNC_PURE_FAILING | VL_FUNC_JSON, results, scalar)
#define JSON_BLOB_OF(variant) (JSON_GIVES_BLOB | (unsigned)(variant))

static const vl_func json_funcs[] = {
    JSON_TEXT("->", 2, 2, JSON_GIVES_JSON, VL_FUNC_MAYBE_TEXT, json_arrow),
    JSON_PURE("->>", 2, 2, JSON_GIVES_SQL, VL_FUNC_YIELDS_ANY, json_arrow),
    JSON_TEXT("json", 1, 1, 0, VL_FUNC_MAYBE_TEXT, json_convert),
    JSON_TEXT("json_array", 0, -1, 0, VL_FUNC_YIELDS_TEXT, json_make),
    JSON_TEXT("json_array_insert", 1, -1, VL_JSON_ARRAY_INSERT, VL_FUNC_MAYBE_TEXT, json_edit),
    JSON_PURE("json_array_length", 1, 2, 0, VL_FUNC_MAYBE_INTEGER, json_tell),
    JSON_PURE("json_error_position", 1, 1, 0, VL_FUNC_MAYBE_INTEGER, json_error_position),
    JSON_TEXT("json_extract", 1, -1, 0, VL_FUNC_YIELDS_ANY, json_extract),
    JSON_TEXT("json_insert", 1, -1, VL_JSON_INSERT, VL_FUNC_MAYBE_TEXT, json_edit),
    JSON_TEXT("json_object", 0, -1, 1, VL_FUNC_YIELDS_TEXT, json_make),
    JSON_TEXT("json_patch", 2, 2, 0, VL_FUNC_MAYBE_TEXT, json_patch),
    JSON_PURE("json_pretty", 1, 2, 0, VL_FUNC_MAYBE_TEXT, json_pretty),
    JSON_TEXT("json_quote", 1, 1, 0, VL_FUNC_YIELDS_TEXT, json_quote),
    JSON_TEXT("json_remove", 1, -1, 0, VL_FUNC_MAYBE_TEXT, json_remove),
    JSON_TEXT("json_replace", 1, -1, VL_JSON_REPLACE, VL_FUNC_MAYBE_TEXT, json_edit),
    JSON_TEXT("json_set", 1, -1, VL_JSON_SET, VL_FUNC_MAYBE_TEXT, json_edit),
    JSON_PURE("json_type", 1, 2, 1, VL_FUNC_MAYBE_TEXT, json_tell),
    JSON_PURE("json_valid", 1, 2, 0, VL_FUNC_MAYBE_INTEGER, json_valid),
    JSON_PURE("jsonb", 1, 1, JSON_BLOB_OF(0), VL_FUNC_MAYBE_BLOB, json_convert),
    JSON_PURE("jsonb_array", 0, -1, JSON_BLOB_OF(0), VL_FUNC_YIELDS_BLOB, json_make),
    JSON_PURE("jsonb_array_insert", 1, -1, JSON_BLOB_OF(VL_JSON_ARRAY_INSERT), VL_FUNC_MAYBE_BLOB,
              json_edit),
    JSON_PURE("jsonb_extract", 1, -1, JSON_BLOB_OF(0), VL_FUNC_YIELDS_ANY, json_extract),
    JSON_PURE("jsonb_insert", 1, -1, JSON_BLOB_OF(VL_JSON_INSERT), VL_FUNC_MAYBE_BLOB, json_edit),
    JSON_PURE("jsonb_object", 0, -1, JSON_BLOB_OF(1), VL_FUNC_YIELDS_BLOB, json_make),
    JSON_PURE("jsonb_patch", 2, 2, JSON_BLOB_OF(0), VL_FUNC_MAYBE_BLOB, json_patch),
    JSON_PURE("jsonb_remove", 1, -1, JSON_BLOB_OF(0), VL_FUNC_MAYBE_BLOB, json_remove),
    JSON_PURE("jsonb_replace", 1, -1, JSON_BLOB_OF(VL_JSON_REPLACE), VL_FUNC_MAYBE_BLOB, json_edit),
    JSON_PURE("jsonb_set", 1, -1, JSON_BLOB_OF(VL_JSON_SET), VL_FUNC_MAYBE_BLOB, json_edit)};

const vl_func_table vl_func_jsons = {json_funcs, VL_ARRAY_COUNT(json_funcs)};
