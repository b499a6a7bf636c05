/* json_rows.c - the rows of json_each() and json_tree().
 *
 * Invariants
 *   JR1  An id is the offset in the JSONB of what the row is about, from its label on: it is
 *        unique, and the same each time.
 *   JR2  Nesting is counted against VL_JSON_DEPTH_MAX.
 *   JR3  A row is four numbers, parents before what is in them. Keys, values and paths are made
 *        when they are read: each level's text holds those of all levels below. */
#include "func/json_rows.h"

#include "func/json_int.h"
#include "vec/number.h"
#include "vec/value.h"

#include <string.h>

/* Columns, in their order. */
enum {
    ROWS_KEY,
    ROWS_VALUE,
    ROWS_TYPE,
    ROWS_ATOM,
    ROWS_ID,
    ROWS_PARENT,
    ROWS_FULLKEY,
    ROWS_PATH,
    ROWS_JSON,
    ROWS_ROOT
};

const char *const vl_json_row_names[VL_JSON_ROW_COLUMNS] = {
    "key", "value", "type", "atom", "id", "parent", "fullkey", "path", "json", "root"};

/* No row. */
#define ROWS_NONE UINT32_MAX

/* A row; the JSONB is less than 4 GB. Keeps JR3. */
typedef struct rows_entry {
    uint32_t at;     /* offset of the value */
    uint32_t id;     /* that of its label, which is before it; or `at`: it has none */
    uint32_t parent; /* the row that it is in; ROWS_NONE: what json_each has the elements of */
    uint32_t index;  /* among the elements of an array */
} rows_entry;

struct vl_json_rows {
    vl_func func; /* the function's name, for messages */
    int is_tree;
    int is_blob;
    int has_root; /* the first row is the value itself */
    vl_func_bytes blob;
    vl_value hidden[VL_JSON_ROW_HIDDEN];
    vl_value key; /* of the root, as a row */
    vl_value fullkey;
    vl_value path;
    rows_entry *entries; /* NULL while they are counted */
    uint32_t count;
};

static vl_value
rows_static_text(const char *text)
{
    return (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};
}

/* ---- paths ---- */

/* Append the step of a label: with quotes unless it is a plain name. */
static void
rows_append_label(vl_func_buffer *path, vl_func_bytes label)
{
    int is_plain = label.at < label.end;

    for (const unsigned char *at = label.at; at < label.end && is_plain; at++) {
        int is_letter = (*at | 0x20U) >= 'a' && (*at | 0x20U) <= 'z';

        is_plain = is_letter || (at > label.at && *at >= '0' && *at <= '9');
    }
    vl_func_append(path, is_plain ? "." : ".\"", is_plain ? 1 : 2);
    vl_func_append(path, label.at, (size_t)(label.end - label.at));
    if (!is_plain)
        vl_func_append_char(path, '"');
}

static void
rows_append_index(vl_func_buffer *path, uint32_t index)
{
    char room[VL_NUMBER_TEXT_SIZE];

    vl_func_append_char(path, '[');
    vl_func_append(path, room, vl_number_write_integer(index, room));
    vl_func_append_char(path, ']');
}

/* Append the step that leads to a row from what it is in. Returns 0 when it is damaged. */
static int
rows_append_step(const vl_json_rows *rows, const rows_entry *entry, vl_func_buffer *path)
{
    vl_func_bytes from = {rows->blob.at + entry->id, rows->blob.end};
    vl_json_node label;

    if (entry->id == entry->at) {
        rows_append_index(path, entry->index);
        return 1;
    }
    if (!vl_json_read(from, &label))
        return 0;
    rows_append_label(path, vl_json_payload(from, &label));
    return 1;
}

/* The path of a row; ROWS_NONE: of what json_each has the elements of. */
static velo_status
rows_read_path(const vl_json_rows *rows, vl_func_call *call, uint32_t row, vl_value *value)
{
    vl_func_buffer path = {.arena = call->arena};
    uint32_t steps[VL_JSON_DEPTH_MAX + 1];
    uint32_t count = 0;

    while (row != ROWS_NONE && !(rows->has_root && row == 0)) {
        steps[count++] = row; /* JR2 bounds it */
        row = rows->entries[row].parent;
    }
    if (count == 0) {
        *value = rows->fullkey;
        return VELO_OK;
    }
    vl_func_append(&path, rows->fullkey.as.data, rows->fullkey.size);
    while (count > 0)
        if (!rows_append_step(rows, &rows->entries[steps[--count]], &path))
            return vl_json_fail_malformed(call->ctx);
    return vl_func_buffer_end(call, &path, value);
}

/* ---- reading ---- */

static velo_status
rows_read_key(const vl_json_rows *rows, vl_func_call *call, const rows_entry *entry,
              vl_value *value)
{
    vl_func_bytes from = {rows->blob.at + entry->id, rows->blob.end};
    vl_func_buffer text = {.arena = call->arena};
    vl_json_node label;

    if (entry->id == entry->at) {
        *value = vl_value_of_integer(entry->index);
        return VELO_OK;
    }
    if (!vl_json_read(from, &label))
        return vl_json_fail_malformed(call->ctx);
    vl_json_append_plain(&text, label.type, vl_json_payload(from, &label));
    return vl_func_buffer_end(call, &text, value);
}

/* The columns value, type and atom. */
static velo_status
rows_read_value(const vl_json_rows *rows, vl_func_call *call, const rows_entry *entry,
                uint32_t column, vl_value *value)
{
    vl_func_bytes from = {rows->blob.at + entry->at, rows->blob.end};
    vl_func_buffer text = {.arena = call->arena};
    velo_status status = VELO_OK;
    vl_json_node node;

    if (!vl_json_read(from, &node))
        return vl_json_fail_malformed(call->ctx);
    if (column == ROWS_TYPE) {
        *value = rows_static_text(vl_json_type_name(node.type));
        return VELO_OK;
    }
    if (!vl_json_is_container(node.type))
        return vl_json_to_value(call, from, value, &status) ? status
                                                            : vl_json_fail_malformed(call->ctx);
    if (column == ROWS_ATOM)
        return VELO_OK;
    if (rows->is_blob)
        return vl_func_copy(call, VL_TYPE_BLOB, from.at, node.header + node.size, value);
    if (!vl_json_print(from, &text))
        return vl_json_fail_malformed(call->ctx);
    status = vl_func_buffer_end(call, &text, value);
    value->is_json = 1;
    return status;
}

velo_status
vl_json_rows_read(vl_ctx *ctx, const vl_json_rows *rows, uint32_t row, uint32_t column,
                  vl_arena *arena, vl_value *value)
{
    vl_func_call call = {.ctx = ctx, .arena = arena, .func = &rows->func};
    const rows_entry *entry = &rows->entries[row];
    int is_root = rows->has_root && row == 0;

    *value = vl_value_of_null();
    switch (column) {
    case ROWS_KEY:
        if (!is_root)
            return rows_read_key(rows, &call, entry, value);
        *value = rows->key;
        return VELO_OK;
    case ROWS_ID:
        *value = vl_value_of_integer(entry->id);
        return VELO_OK;
    case ROWS_PARENT:
        if (entry->parent != ROWS_NONE)
            *value = vl_value_of_integer(rows->entries[entry->parent].id);
        return VELO_OK;
    case ROWS_FULLKEY:
        return rows_read_path(rows, &call, row, value);
    case ROWS_PATH:
        if (!is_root)
            return rows_read_path(rows, &call, entry->parent, value);
        *value = rows->path;
        return VELO_OK;
    case ROWS_JSON:
    case ROWS_ROOT:
        *value = rows->hidden[column - ROWS_JSON];
        return VELO_OK;
    default:
        return rows_read_value(rows, &call, entry, column, value);
    }
}

/* ---- finding ---- */

/* Count a row, and note it once there is room. Returns its number. */
static uint32_t
rows_add(vl_json_rows *rows, const rows_entry *entry)
{
    if (rows->entries != NULL)
        rows->entries[rows->count] = *entry;
    return rows->count++;
}

/* Find an element at `at`, behind its label in an object. Returns 0 when it is damaged. */
static int
rows_find_element(const vl_json_rows *rows, int has_label, vl_func_bytes *at, rows_entry *entry,
                  vl_json_node *node)
{
    vl_json_node label;

    entry->id = (uint32_t)(at->at - rows->blob.at); /* keeps JR1 */
    if (has_label) {
        if (!vl_json_read(*at, &label) || !vl_json_is_text(label.type))
            return 0;
        at->at = vl_json_behind(*at, &label);
    }
    entry->at = (uint32_t)(at->at - rows->blob.at);
    return vl_json_read(*at, node);
}

/* The rows of the elements of an array or object, and with json_tree those below them. Returns 0
 * when it is damaged. */
static int
rows_find_elements(vl_json_rows *rows, vl_func_bytes of, const vl_json_node *node, uint32_t parent,
                   int depth)
{
    vl_func_bytes at = vl_json_payload(of, node);

    if (depth > VL_JSON_DEPTH_MAX) /* keeps JR2 */
        return 0;
    for (uint32_t index = 0; at.at < at.end; index++) {
        rows_entry entry = {.parent = parent, .index = index};
        vl_json_node found;
        uint32_t row;

        if (!rows_find_element(rows, node->type == VL_JSON_OBJECT, &at, &entry, &found))
            return 0;
        row = rows_add(rows, &entry);
        if (rows->is_tree && vl_json_is_container(found.type) &&
            !rows_find_elements(rows, at, &found, row, depth + 1))
            return 0;
        at.at = vl_json_behind(at, &found);
    }
    return 1;
}

/* All rows from a value on. Returns 0 when it is damaged. */
static int
rows_find_all(vl_json_rows *rows, const vl_json_place *place)
{
    vl_func_bytes from = {rows->blob.at + place->at, rows->blob.end};
    rows_entry root = {.at = (uint32_t)place->at, .parent = ROWS_NONE};
    uint32_t row = ROWS_NONE;
    vl_json_node node;

    root.id = place->label > 0 ? (uint32_t)place->label : root.at;
    rows->count = 0;
    if (!vl_json_read(from, &node))
        return 0;
    rows->has_root = rows->is_tree || !vl_json_is_container(node.type);
    if (rows->has_root)
        row = rows_add(rows, &root);
    return !vl_json_is_container(node.type) || rows_find_elements(rows, from, &node, row, 1);
}

/* ---- the root ---- */

/* Where the last step of a path begins; 0: it has none. Its labels are closed, as it was found. */
static size_t
rows_last_step(vl_func_bytes path)
{
    size_t size = (size_t)(path.end - path.at);
    size_t last = 0;
    int is_quoted = 0;

    for (size_t i = 1; i < size; i++) {
        if (is_quoted && path.at[i] == '\\')
            i++;
        else if (path.at[i] == '"' && (is_quoted || path.at[i - 1] == '.'))
            is_quoted = !is_quoted;
        else if (!is_quoted && (path.at[i] == '.' || path.at[i] == '['))
            last = i;
    }
    return last;
}

/* The key and path of the root, by the path that leads to it. */
static velo_status
rows_name_root(vl_func_call *call, vl_json_rows *rows, vl_func_bytes path,
               const vl_json_place *place)
{
    size_t last = rows_last_step(path);
    size_t size = (size_t)(path.end - path.at);
    const unsigned char *step = path.at + last + 1;
    vl_json_place above;
    vl_json_node node;
    vl_func_bytes from;

    if (last == 0)
        return VELO_OK;
    rows->path.size = (uint32_t)last;
    if (path.at[last] == '.') {
        size_t quote = *step == '"' ? 1 : 0;

        return vl_func_copy(call, VL_TYPE_TEXT, step + quote, size - last - 1 - 2 * quote,
                            &rows->key);
    }
    if (vl_json_find(rows->blob, (vl_func_bytes){path.at + 1, path.at + last}, &above) !=
        VL_JSON_FOUND)
        return vl_json_fail_malformed(call->ctx);
    from = (vl_func_bytes){rows->blob.at + above.at, rows->blob.end};
    if (!vl_json_read(from, &node))
        return vl_json_fail_malformed(call->ctx);
    from.at += node.header;
    from.end = rows->blob.at + place->at;
    rows->key = vl_value_of_integer(vl_json_count(from));
    return VELO_OK;
}

/* Find all rows from what a path leads to: once to count them, and again to note them. */
static velo_status
rows_make_from(vl_func_call *call, vl_json_rows *rows, vl_func_bytes path,
               const vl_json_place *place)
{
    VL_TRY(vl_func_copy(call, VL_TYPE_TEXT, path.at, (size_t)(path.end - path.at), &rows->fullkey));
    rows->path = rows->fullkey;
    rows->key = vl_value_of_null();
    if (rows->is_tree)
        VL_TRY(rows_name_root(call, rows, path, place));
    if (!rows_find_all(rows, place))
        return vl_json_fail_malformed(call->ctx);
    rows->entries = vl_arena_alloc_array(call->arena, rows->count + 1U, sizeof *rows->entries);
    if (rows->entries == NULL)
        return vl_fail(call->ctx, VELO_NOMEM, "cannot allocate %u rows", (unsigned)rows->count);
    return rows_find_all(rows, place) ? VELO_OK : vl_json_fail_malformed(call->ctx);
}

velo_status
vl_json_rows_make(vl_ctx *ctx, vl_arena *arena, const vl_json_rows_of *of,
                  const vl_json_rows **rows, uint32_t *row_count)
{
    vl_func_call call = {.ctx = ctx, .arena = arena};
    vl_value root = of->root != NULL ? *of->root : rows_static_text("$");
    char room[VL_NUMBER_TEXT_SIZE];
    vl_json_rows *made;
    vl_func_bytes path;
    vl_json_place place;
    vl_json_found found;

    *rows = NULL;
    *row_count = 0;
    if (of->json == NULL || of->json->type == VL_TYPE_NULL || root.type == VL_TYPE_NULL)
        return VELO_OK;
    made = vl_arena_alloc_array(arena, 1, sizeof *made);
    if (made == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate rows");
    made->func.name = of->name;
    call.func = &made->func;
    made->is_tree = of->is_tree;
    made->is_blob = of->is_blob;
    made->hidden[0] = *of->json;
    if (of->json->type != VL_TYPE_BLOB)
        VL_TRY(vl_value_cast(ctx, arena, VL_AFFINITY_TEXT, &made->hidden[0]));
    made->hidden[1] = root;
    VL_TRY(vl_json_argument(ctx, arena, of->json, &made->blob));
    path = vl_func_text_of(&root, room);
    if (path.at == path.end || *path.at != '$')
        return vl_json_fail_path(ctx, path);
    found = vl_json_find(made->blob, (vl_func_bytes){path.at + 1, path.end}, &place);
    if (found == VL_JSON_BAD_PATH)
        return vl_json_fail_path(ctx, path);
    if (found == VL_JSON_DAMAGED)
        return vl_json_fail_malformed(ctx);
    if (found == VL_JSON_FOUND)
        VL_TRY(rows_make_from(&call, made, path, &place));
    *rows = made;
    *row_count = made->count;
    return VELO_OK;
}
