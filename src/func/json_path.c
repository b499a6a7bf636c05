/* json_path.c - paths: finding and changing what they lead to; and merge patches.
 *
 * A path is $ and steps: .label, ."label" with JSON's escapes, [N], [#], [#-N].
 *
 * A change goes down to its place and comes back up through the arrays and objects around it, whose
 * sizes it mends: each may need a longer header, which moves what is behind it.
 *
 * Invariants
 *   JW1  After a change that gives VL_JSON_FOUND the blob is as sound as it was.
 *   JW2  Steps are counted against VL_JSON_DEPTH_MAX: a path with more is a bad path. */
#include "func/json_int.h"

#include <string.h>

typedef struct path_walk {
    vl_func_buffer *blob; /* what is changed; NULL: nothing is */
    vl_func_bytes bytes;  /* the blob */
    vl_json_edit edit;
    vl_func_bytes value; /* to be put there */
    vl_json_place place; /* where it ended */
    int depth;
} path_walk;

/* One step of a path. */
typedef struct path_step {
    int is_label;
    vl_json_type label_type; /* of the label: TEXTJ when it has escapes */
    vl_func_bytes label;
    int is_from_end; /* the index counts from behind the last element */
    uint64_t index;
} path_step;

/* ---- reading a path ---- */

/* Digits as a number, up to one that no array has so many elements as. */
static uint64_t
path_take_number(vl_func_bytes *path)
{
    uint64_t number = 0;

    for (; path->at < path->end && *path->at >= '0' && *path->at <= '9'; path->at++)
        if (number <= UINT32_MAX)
            number = number * 10 + (uint64_t)(*path->at - '0');
    return number;
}

/* Take a label behind its point; 0: the path is bad. */
static int
path_take_label(vl_func_bytes *path, path_step *step)
{
    const unsigned char *at = path->at;

    step->is_label = 1;
    step->label_type = VL_JSON_TEXTRAW;
    if (at < path->end && *at == '"') {
        step->label.at = ++at;
        for (; at < path->end && *at != '"'; at++)
            if (*at == '\\' && path->end - at > 1) {
                step->label_type = VL_JSON_TEXT5;
                at++;
            }
        step->label.end = at;
        if (at == path->end)
            return 0;
        path->at = at + 1;
        return 1;
    }
    step->label.at = at;
    while (at < path->end && *at != '.' && *at != '[')
        at++;
    step->label.end = path->at = at;
    return step->label.at < step->label.end;
}

/* Take an index behind its bracket; 0: the path is bad. */
static int
path_take_index(vl_func_bytes *path, path_step *step)
{
    const unsigned char *digits = path->at;

    if (path->at < path->end && *path->at == '#') {
        step->is_from_end = 1;
        path->at++;
        if (path->end - path->at > 1 && path->at[0] == '-' && path->at[1] >= '0' &&
            path->at[1] <= '9') {
            path->at++;
            step->index = path_take_number(path);
        }
    } else {
        step->index = path_take_number(path);
        if (path->at == digits)
            return 0;
    }
    if (path->at == path->end || *path->at != ']')
        return 0;
    path->at++;
    return 1;
}

static int
path_take(vl_func_bytes *path, path_step *step)
{
    unsigned char c = *path->at++;

    memset(step, 0, sizeof *step);
    if (c == '.')
        return path_take_label(path, step);
    return c == '[' && path_take_index(path, step);
}

/* ---- walking ---- */

/* The bytes from a place on, up to `end`. */
static vl_func_bytes
path_from(const path_walk *walk, size_t at, size_t end)
{
    return (vl_func_bytes){walk->bytes.at + at, walk->bytes.at + end};
}

/* Change bytes of the blob. */
static void
path_splice(path_walk *walk, size_t at, size_t removed, vl_func_bytes bytes)
{
    vl_json_splice(walk->blob, at, removed, bytes.at, (size_t)(bytes.end - bytes.at));
    walk->bytes = vl_json_bytes(walk->blob);
}

/* What was in the container at `at` has changed the blob's size: mend its header. */
static void
path_mend(path_walk *walk, size_t at, const vl_json_node *node, size_t size_before)
{
    int64_t grown = (int64_t)walk->blob->size - (int64_t)size_before;

    if (walk->blob->bad != VELO_OK || grown == 0)
        return;
    vl_json_resize(walk->blob, at, (size_t)(node->size + grown));
    walk->bytes = vl_json_bytes(walk->blob);
}

static vl_json_found path_walk_on(path_walk *walk, size_t at, size_t end, size_t label,
                                  vl_func_bytes path);

/* Make in `made` what a path's rest wants around the new value. */
static vl_json_found
path_make_rest(const path_walk *walk, vl_func_bytes path, vl_func_buffer *made)
{
    path_walk inner = *walk;
    vl_json_found found;

    if (path.at == path.end) {
        vl_func_append(made, walk->value.at, (size_t)(walk->value.end - walk->value.at));
        return VL_JSON_FOUND;
    }
    vl_json_append(made, *path.at == '.' ? VL_JSON_OBJECT : VL_JSON_ARRAY, NULL, 0);
    if (made->bad != VELO_OK)
        return VL_JSON_FOUND; /* the caller sees it */
    inner.blob = made;
    inner.bytes = vl_json_bytes(made);
    found = path_walk_on(&inner, 0, made->size, 0, path);
    return found;
}

static int
path_inserts(vl_json_edit edit)
{
    return edit >= VL_JSON_INSERT;
}

/* Append a step's label: as it is written where that can be printed again. */
static void
path_append_label(vl_func_buffer *made, const path_step *step)
{
    vl_func_buffer plain = {.arena = made->arena};

    vl_json_append(made, step->label_type, step->label.at,
                   (size_t)(step->label.end - step->label.at));
    if (made->bad != VELO_OK || vl_json_is_sound(vl_json_bytes(made)))
        return;
    vl_json_append_plain(&plain, step->label_type, step->label);
    made->size = 0;
    if (plain.bad != VELO_OK)
        made->bad = plain.bad;
    else
        vl_json_append(made, VL_JSON_TEXTRAW, plain.size > 0 ? plain.text : "", plain.size);
}

/* Put a new element, or a label and value, at `at`, the end of a container. */
static vl_json_found
path_add(path_walk *walk, size_t at, const path_step *step, vl_func_bytes path)
{
    vl_func_buffer made = {.arena = walk->blob->arena};
    vl_json_found found;

    if (step->is_label)
        path_append_label(&made, step);
    if (path.at == path.end || made.bad != VELO_OK) {
        found = path_make_rest(walk, path, &made);
    } else {
        vl_func_buffer rest = {.arena = walk->blob->arena};

        found = path_make_rest(walk, path, &rest);
        vl_func_append(&made, rest.text, rest.size);
        if (rest.bad != VELO_OK)
            made.bad = rest.bad;
    }
    if (found != VL_JSON_FOUND)
        return found;
    if (made.bad != VELO_OK)
        walk->blob->bad = made.bad;
    else
        path_splice(walk, at, 0, vl_json_bytes(&made));
    return VL_JSON_FOUND;
}

/* The step of a label, in the object at `at`. */
static vl_json_found
path_walk_label(path_walk *walk, size_t at, const vl_json_node *node, const path_step *step,
                vl_func_bytes path)
{
    size_t next = at + node->header;
    size_t end = next + node->size;

    while (next < end) {
        vl_func_bytes from = path_from(walk, next, end);
        size_t label = next;
        vl_json_node key;
        vl_json_node kid;

        if (!vl_json_read(from, &key) || !vl_json_is_text(key.type))
            return VL_JSON_DAMAGED;
        next += key.header + key.size;
        if (next >= end || !vl_json_read(path_from(walk, next, end), &kid))
            return VL_JSON_DAMAGED;
        if (vl_json_same_text(step->label_type, step->label, key.type, vl_json_payload(from, &key)))
            return path_walk_on(walk, next, end, label, path);
        next += kid.header + kid.size;
    }
    if (!path_inserts(walk->edit))
        return VL_JSON_MISSING;
    if (walk->edit == VL_JSON_ARRAY_INSERT && path.end[-1] != ']')
        return VL_JSON_NOT_ELEMENT;
    return path_add(walk, end, step, path);
}

/* The step of an index, in the array at `at`. */
static vl_json_found
path_walk_index(path_walk *walk, size_t at, const vl_json_node *node, const path_step *step,
                vl_func_bytes path)
{
    size_t next = at + node->header;
    size_t end = next + node->size;
    uint64_t index = step->index;

    if (step->is_from_end) {
        int64_t count = vl_json_count(path_from(walk, next, end));

        if (count < 0)
            return VL_JSON_DAMAGED;
        if (index > (uint64_t)count)
            return VL_JSON_MISSING;
        index = (uint64_t)count - index;
    }
    for (; next < end; index--) {
        vl_json_node kid;

        if (!vl_json_read(path_from(walk, next, end), &kid))
            return VL_JSON_DAMAGED;
        if (index == 0 && walk->edit == VL_JSON_ARRAY_INSERT && path.at == path.end)
            return path_add(walk, next, step, path);
        if (index == 0)
            return path_walk_on(walk, next, end, 0, path);
        next += kid.header + kid.size;
    }
    if (index > 0 || !path_inserts(walk->edit))
        return VL_JSON_MISSING;
    return path_add(walk, end, step, path);
}

/* The path ends here: at the value at `at`. */
static void
path_arrive(path_walk *walk, size_t at, size_t label, const vl_json_node *node)
{
    size_t size = node->header + node->size;

    walk->place = (vl_json_place){at, label};
    if (walk->edit == VL_JSON_REMOVE) {
        size_t from = label > 0 ? label : at;

        path_splice(walk, from, size + at - from, (vl_func_bytes){NULL, NULL});
    } else if (walk->edit == VL_JSON_REPLACE || walk->edit == VL_JSON_SET) {
        path_splice(walk, at, size, walk->value);
    }
}

/* Go the rest of a path from the value at `at`, which ends before `end`. */
static vl_json_found
path_walk_on(path_walk *walk, size_t at, size_t end, size_t label, vl_func_bytes path)
{
    size_t size_before = walk->blob != NULL ? walk->blob->size : 0;
    vl_json_node node;
    path_step step;
    vl_json_found found;

    if (!vl_json_read(path_from(walk, at, end), &node))
        return VL_JSON_DAMAGED;
    if (path.at == path.end) {
        if (walk->edit == VL_JSON_ARRAY_INSERT)
            return label > 0 ? VL_JSON_NOT_ELEMENT : VL_JSON_FOUND;
        path_arrive(walk, at, label, &node);
        return VL_JSON_FOUND;
    }
    if (*path.at == '[' && node.type != VL_JSON_ARRAY)
        return VL_JSON_MISSING;
    if (walk->depth == VL_JSON_DEPTH_MAX || !path_take(&path, &step)) /* keeps JW2 */
        return VL_JSON_BAD_PATH;
    if (step.is_label && node.type != VL_JSON_OBJECT)
        return VL_JSON_MISSING;
    walk->depth++;
    found = step.is_label ? path_walk_label(walk, at, &node, &step, path)
                          : path_walk_index(walk, at, &node, &step, path);
    walk->depth--;
    if (found == VL_JSON_FOUND && walk->blob != NULL)
        path_mend(walk, at, &node, size_before); /* keeps JW1 */
    return found;
}

vl_json_found
vl_json_find(vl_func_bytes blob, vl_func_bytes path, vl_json_place *place)
{
    path_walk walk = {.bytes = blob, .edit = VL_JSON_FIND};
    vl_json_found found = path_walk_on(&walk, 0, (size_t)(blob.end - blob.at), 0, path);

    *place = walk.place;
    return found;
}

vl_json_found
vl_json_change(vl_func_buffer *blob, vl_func_bytes path, vl_json_edit edit, vl_func_bytes value)
{
    path_walk walk = {.blob = blob, .bytes = vl_json_bytes(blob), .edit = edit, .value = value};

    return path_walk_on(&walk, 0, blob->size, 0, path);
}

/* ---- merge patches ---- */

static int patch_apply(vl_func_buffer *blob, size_t at, vl_func_bytes patch, int depth);

/* A member of a patch. */
typedef struct patch_member {
    vl_func_bytes label; /* header and payload */
    vl_json_node key;    /* its header */
    vl_func_bytes value; /* header and payload */
    vl_json_node node;   /* its header */
} patch_member;

/* Take a member of an object's payload; 0: it is damaged. */
static int
patch_take(vl_func_bytes *payload, patch_member *member)
{
    member->label = *payload;
    if (!vl_json_read(*payload, &member->key) || !vl_json_is_text(member->key.type))
        return 0;
    payload->at = member->label.end = vl_json_behind(*payload, &member->key);
    member->value = *payload;
    if (!vl_json_read(*payload, &member->node))
        return 0;
    payload->at = member->value.end = vl_json_behind(*payload, &member->node);
    return 1;
}

/* Change the object at `at` by one member. The members behind a removed or changed one move, and so
 * may they all when the header grows. */
static int
patch_apply_member(vl_func_buffer *blob, size_t at, const patch_member *change, int depth)
{
    size_t size_before = blob->size;
    vl_func_bytes bytes = vl_json_bytes(blob);
    vl_func_bytes from = {bytes.at + at, bytes.end};
    vl_func_bytes payload;
    vl_json_node object;
    patch_member had;
    int is_found = 0;
    int is_good = 1;
    size_t place;

    if (!vl_json_read(from, &object))
        return 0;
    payload = vl_json_payload(from, &object);
    while (payload.at < payload.end && !is_found) {
        if (!patch_take(&payload, &had))
            return 0;
        is_found = vl_json_same_text(change->key.type, vl_json_payload(change->label, &change->key),
                                     had.key.type, vl_json_payload(had.label, &had.key));
    }
    if (is_found && change->node.type == VL_JSON_NULL) {
        vl_json_splice(blob, (size_t)(had.label.at - bytes.at),
                       (size_t)(had.value.end - had.label.at), NULL, 0);
    } else if (is_found) {
        is_good = patch_apply(blob, (size_t)(had.value.at - bytes.at), change->value, depth + 1);
    } else if (change->node.type != VL_JSON_NULL) {
        place = (size_t)(payload.end - bytes.at);
        vl_json_splice(blob, place, 0, change->label.at,
                       (size_t)(change->label.end - change->label.at));
        place += (size_t)(change->label.end - change->label.at);
        vl_json_splice(blob, place, 0, "", 1); /* null, for what comes now */
        is_good = blob->bad == VELO_OK && patch_apply(blob, place, change->value, depth + 1);
    }
    if (blob->bad == VELO_OK && blob->size != size_before)
        vl_json_resize(blob, at, object.size + blob->size - size_before);
    return is_good && blob->bad == VELO_OK;
}

/* Change the value at `at`. */
static int
patch_apply(vl_func_buffer *blob, size_t at, vl_func_bytes patch, int depth)
{
    static const unsigned char empty[] = {VL_JSON_OBJECT};
    vl_func_bytes bytes = vl_json_bytes(blob);
    vl_json_node had;
    vl_json_node node;
    patch_member member;

    if (depth > VL_JSON_DEPTH_MAX || !vl_json_read(patch, &node) ||
        !vl_json_read((vl_func_bytes){bytes.at + at, bytes.end}, &had))
        return 0;
    if (node.type != VL_JSON_OBJECT) {
        vl_json_splice(blob, at, had.header + had.size, patch.at, node.header + node.size);
        return 1;
    }
    if (had.type != VL_JSON_OBJECT)
        vl_json_splice(blob, at, had.header + had.size, empty, 1);
    patch = vl_json_payload(patch, &node);
    while (patch.at < patch.end)
        if (!patch_take(&patch, &member) || !patch_apply_member(blob, at, &member, depth))
            return 0;
    return 1;
}

int
vl_json_patch(vl_func_buffer *target, vl_func_bytes patch)
{
    return patch_apply(target, 0, patch, 0) || target->bad != VELO_OK;
}
