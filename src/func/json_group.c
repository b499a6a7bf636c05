/* json_group.c - the aggregates json_group_array and json_group_object, and their jsonb forms.
 *
 * A state is the elements that came so far, each as it is written in JSON with a comma before it;
 * the result takes away the first comma and puts brackets around. For windows the sizes of the
 * elements are kept, so that the oldest can be taken out.
 *
 * Invariants
 *   JG1  The bytes [begin, end) are `count` elements, oldest first, whose sizes are
 *        sizes[first ... first + count - 1].
 *   JG2  What takes a row and fails leaves the state as it was. */
#include "func/json_int.h"

#include "vec/number.h"

#include <string.h>

typedef struct group_state {
    char *text;       /* or NULL */
    size_t begin;     /* of the oldest element */
    size_t end;       /* one past the newest */
    size_t room;      /* bytes at text */
    uint32_t *sizes;  /* or NULL */
    size_t first;     /* the oldest element's number there */
    size_t count;     /* elements */
    size_t size_room; /* numbers at sizes */
} group_state;

static velo_status
group_no_memory(vl_func_call *call)
{
    (void)vl_fail(call->ctx, VELO_NOMEM, "cannot allocate the state of %s()", call->func->name);
    return VELO_NOMEM;
}

/* Make room for `size` more bytes. */
static velo_status
group_grow_text(vl_func_call *call, group_state *group, size_t size)
{
    size_t used = group->end - group->begin;
    size_t room = group->room < 64 ? 64 : group->room;
    char *text = group->text;

    if (used + size > VL_VALUE_SIZE_MAX)
        return vl_fail(call->ctx, VELO_TOOBIG, "string or blob too big");
    if (text != NULL && size <= group->room - group->end)
        return VELO_OK;
    if (text == NULL || used + size > group->room / 2) {
        while (room < used + size || room == group->room)
            room *= 2;
        text = vl_arena_alloc(call->state_arena, room);
        if (text == NULL)
            return group_no_memory(call);
        group->room = room;
    }
    if (group->text != NULL)
        memmove(text, group->text + group->begin, used);
    group->text = text;
    group->begin = 0;
    group->end = used;
    return VELO_OK;
}

/* Make room for `more` further sizes. */
static velo_status
group_grow_sizes(vl_func_call *call, group_state *group, size_t more)
{
    size_t room = 2 * (group->count + more + 8);
    uint32_t *sizes = group->sizes;

    if (sizes != NULL && group->first + group->count + more <= group->size_room)
        return VELO_OK;
    if (sizes == NULL || group->count + more > group->size_room / 2) {
        sizes = vl_arena_alloc_array(call->state_arena, room, sizeof *sizes);
        if (sizes == NULL)
            return group_no_memory(call);
        group->size_room = room;
    }
    if (group->sizes != NULL)
        memmove(sizes, group->sizes + group->first, group->count * sizeof *sizes);
    group->sizes = sizes;
    group->first = 0;
    return VELO_OK;
}

/* Add an element's text. Keeps JG1, JG2. */
static velo_status
group_add(vl_func_call *call, group_state *group, const vl_func_buffer *element)
{
    if (element->bad != VELO_OK)
        return element->bad == VELO_TOOBIG
                   ? vl_fail(call->ctx, VELO_TOOBIG, "string or blob too big")
                   : group_no_memory(call);
    VL_TRY(group_grow_text(call, group, element->size));
    VL_TRY(group_grow_sizes(call, group, 1));
    memcpy(group->text + group->end, element->text, element->size);
    group->end += element->size;
    group->sizes[group->first + group->count++] = (uint32_t)element->size;
    return VELO_OK;
}

/* Take a row: a value, or a label and a value, of which those without a label are passed over. */
static velo_status
group_step(vl_func_call *call, void *state, const vl_value *args, int count)
{
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_buffer element;
    velo_status status;
    vl_arena scratch;

    if (count == 2 && args[0].type == VL_TYPE_NULL)
        return VELO_OK;
    vl_arena_init(&scratch, call->ctx->allocator, 0);
    element = (vl_func_buffer){.arena = &scratch};
    vl_func_append_char(&element, ',');
    if (count == 2) {
        vl_json_print_text(&element, vl_func_bytes_of(&args[0], room));
        vl_func_append_char(&element, ':');
    }
    status = vl_json_print_value(call, &element, &args[count - 1]);
    if (status == VELO_OK)
        status = group_add(call, state, &element);
    vl_arena_deinit(&scratch);
    return status;
}

static velo_status
group_inverse(vl_func_call *call, void *state, const vl_value *args, int count)
{
    group_state *group = state;

    (void)call;
    if ((count == 2 && args[0].type == VL_TYPE_NULL) || group->count == 0)
        return VELO_OK;
    group->begin += group->sizes[group->first++];
    group->count--;
    return VELO_OK;
}

static velo_status
group_merge(vl_func_call *call, void *state, const void *from)
{
    const group_state *more = from;
    group_state *group = state;
    size_t size = more->end - more->begin;

    if (more->count == 0)
        return VELO_OK;
    if (group->count == 0) {
        *group = *more;
        return VELO_OK;
    }
    VL_TRY(group_grow_text(call, group, size));
    VL_TRY(group_grow_sizes(call, group, more->count));
    memcpy(group->text + group->end, more->text + more->begin, size);
    memcpy(group->sizes + group->first + group->count, more->sizes + more->first,
           more->count * sizeof *more->sizes);
    group->end += size;
    group->count += more->count;
    return VELO_OK;
}

/* Make a text JSONB. */
static velo_status
group_to_blob(vl_func_call *call, const vl_func_buffer *text, vl_value *result)
{
    vl_func_buffer blob = {.arena = call->arena};
    vl_json_parsed parsed;

    if (text->bad == VELO_OK)
        vl_json_parse(vl_json_bytes(text), &blob, &parsed);
    if (text->bad != VELO_OK || blob.bad != VELO_OK)
        return vl_func_buffer_end(call, text->bad != VELO_OK ? text : &blob, result);
    if (parsed.is_bad) /* of a value that was taken for JSON, or nested too deeply */
        return vl_json_fail_malformed(call->ctx);
    VL_TRY(vl_func_buffer_end(call, &blob, result));
    result->type = VL_TYPE_BLOB;
    return VELO_OK;
}

/* With variant 1 an object, else an array; with 2 as JSONB. */
static velo_status
group_value(vl_func_call *call, const void *state, vl_value *result)
{
    const group_state *group = state;
    int is_object = (call->func->variant & 1) != 0;
    vl_func_buffer text = {.arena = call->arena};

    vl_func_append_char(&text, is_object ? '{' : '[');
    if (group->count > 0)
        vl_func_append(&text, group->text + group->begin + 1, group->end - group->begin - 1);
    vl_func_append_char(&text, is_object ? '}' : ']');
    if ((call->func->variant & 2) != 0)
        return group_to_blob(call, &text, result);
    VL_TRY(vl_func_buffer_end(call, &text, result));
    result->is_json = 1;
    return VELO_OK;
}

static const vl_func_aggregate group_callbacks = {.state_size = sizeof(group_state),
                                                  .step = group_step,
                                                  .inverse = group_inverse,
                                                  .merge = group_merge,
                                                  .value = group_value};

#define GROUP_FLAGS (VL_FUNC_PURE_FAILING | VL_FUNC_AGGREGATE | VL_FUNC_ORDERED)

static const vl_func group_funcs[] = {
    VL_FUNC_FOLD("json_group_array", 1, 1, 0, GROUP_FLAGS | VL_FUNC_JSON, VL_FUNC_MAYBE_TEXT,
                 &group_callbacks),
    VL_FUNC_FOLD("json_group_object", 2, 2, 1, GROUP_FLAGS | VL_FUNC_JSON, VL_FUNC_MAYBE_TEXT,
                 &group_callbacks),
    VL_FUNC_FOLD("jsonb_group_array", 1, 1, 2, GROUP_FLAGS, VL_FUNC_MAYBE_BLOB, &group_callbacks),
    VL_FUNC_FOLD("jsonb_group_object", 2, 2, 3, GROUP_FLAGS, VL_FUNC_MAYBE_BLOB, &group_callbacks)};

const vl_func_table vl_func_json_groups = {group_funcs, VL_ARRAY_COUNT(group_funcs)};
