/* json_rows.c - the rows of json_each() and json_tree().
 *
 * Invariants
 *   JR1  An id is the offset in the JSONB of what the row is about, from its label on: it is
 * unique, and the same each time. JR2  Nesting is counted against VL_JSON_DEPTH_MAX. */
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

typedef struct rows_maker {
    vl_func_call call; /* for values: its arena is the rows' */
    const vl_json_rows_of *of;
    vl_func_bytes blob;
    vl_func_buffer rows; /* of vl_value */
    vl_func_buffer path; /* of the value whose elements are made rows of */
    vl_value hidden[VL_JSON_ROW_HIDDEN];
} rows_maker;

/* One row, as it is made. */
typedef struct rows_row {
    vl_func_bytes from; /* the value */
    vl_json_node node;  /* its header */
    vl_value key;
    size_t id;
    int64_t parent; /* negative: none */
    vl_value fullkey;
    vl_value path;
} rows_row;

static vl_value
rows_static_text(const char *text)
{
    return (vl_value){.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};
}

/* A copy of a text. */
static velo_status
rows_copy(rows_maker *maker, const void *data, size_t size, vl_value *value)
{
    return vl_func_copy(&maker->call, VL_TYPE_TEXT, data, size, value);
}

static velo_status
rows_status(rows_maker *maker, const vl_func_buffer *buffer)
{
    vl_value ignored;

    return vl_func_buffer_end(&maker->call, buffer, &ignored);
}

/* The columns value, type and atom. */
static velo_status
rows_put_value(rows_maker *maker, const rows_row *row, vl_value *values)
{
    vl_func_buffer text = {.arena = maker->call.arena};
    velo_status status = VELO_OK;

    values[ROWS_TYPE] = rows_static_text(vl_json_type_name(row->node.type));
    if (!vl_json_is_container(row->node.type)) {
        if (!vl_json_to_value(&maker->call, row->from, &values[ROWS_VALUE], &status))
            return vl_json_fail_malformed(maker->call.ctx);
        values[ROWS_ATOM] = values[ROWS_VALUE];
        return status;
    }
    if (maker->of->is_blob)
        return vl_func_copy(&maker->call, VL_TYPE_BLOB, row->from.at,
                            row->node.header + row->node.size, &values[ROWS_VALUE]);
    if (!vl_json_print(row->from, &text))
        return vl_json_fail_malformed(maker->call.ctx);
    status = vl_func_buffer_end(&maker->call, &text, &values[ROWS_VALUE]);
    values[ROWS_VALUE].is_json = 1;
    return status;
}

static velo_status
rows_add(rows_maker *maker, const rows_row *row)
{
    vl_value values[VL_JSON_ROW_COLUMNS];

    for (size_t i = 0; i < VL_ARRAY_COUNT(values); i++)
        values[i] = vl_value_of_null();
    VL_TRY(rows_put_value(maker, row, values));
    values[ROWS_KEY] = row->key;
    values[ROWS_ID] = vl_value_of_integer((int64_t)row->id);
    if (row->parent >= 0)
        values[ROWS_PARENT] = vl_value_of_integer(row->parent);
    values[ROWS_FULLKEY] = row->fullkey;
    values[ROWS_PATH] = row->path;
    values[ROWS_JSON] = maker->hidden[0];
    values[ROWS_ROOT] = maker->hidden[1];
    vl_func_append(&maker->rows, values, sizeof values);
    return rows_status(maker, &maker->rows);
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

/* ---- elements ---- */

static velo_status rows_make_elements(rows_maker *maker, const rows_row *of, int depth);

/* An element's row, and with json_tree those below it. */
static velo_status
rows_make_element(rows_maker *maker, rows_row *row, int depth)
{
    VL_TRY(rows_copy(maker, maker->path.text, maker->path.size, &row->fullkey));
    VL_TRY(rows_add(maker, row));
    return maker->of->is_tree && vl_json_is_container(row->node.type)
               ? rows_make_elements(maker, row, depth + 1)
               : VELO_OK;
}

/* Read an element at `at`, behind its label in an object, of which key and path are made. */
static velo_status
rows_take_element(rows_maker *maker, const rows_row *of, vl_func_bytes *at, uint32_t index,
                  rows_row *row)
{
    vl_json_node key;

    row->id = (size_t)(at->at - maker->blob.at); /* keeps JR1 */
    row->parent = maker->of->is_tree ? (int64_t)of->id : -1;
    row->path = of->fullkey;
    if (of->node.type == VL_JSON_OBJECT) {
        vl_func_buffer label = {.arena = maker->call.arena};
        vl_func_bytes payload;

        if (!vl_json_read(*at, &key) || !vl_json_is_text(key.type))
            return vl_json_fail_malformed(maker->call.ctx);
        payload = vl_json_payload(*at, &key);
        vl_json_append_plain(&label, key.type, payload);
        VL_TRY(vl_func_buffer_end(&maker->call, &label, &row->key));
        rows_append_label(&maker->path, payload);
        at->at = payload.end;
    } else {
        row->key = vl_value_of_integer(index);
        rows_append_index(&maker->path, index);
    }
    VL_TRY(rows_status(maker, &maker->path));
    row->from = *at;
    if (!vl_json_read(*at, &row->node))
        return vl_json_fail_malformed(maker->call.ctx);
    at->at = vl_json_behind(*at, &row->node);
    return VELO_OK;
}

static velo_status
rows_make_elements(rows_maker *maker, const rows_row *of, int depth)
{
    vl_func_bytes at = vl_json_payload(of->from, &of->node);
    size_t size = maker->path.size;

    if (depth > VL_JSON_DEPTH_MAX) /* keeps JR2 */
        return vl_json_fail_malformed(maker->call.ctx);
    for (uint32_t index = 0; at.at < at.end; index++) {
        rows_row row = {.key = vl_value_of_null()};

        VL_TRY(rows_take_element(maker, of, &at, index, &row));
        VL_TRY(rows_make_element(maker, &row, depth));
        maker->path.size = size;
    }
    return VELO_OK;
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
rows_name_root(rows_maker *maker, vl_func_bytes path, const vl_json_place *place, rows_row *row)
{
    size_t last = rows_last_step(path);
    size_t size = (size_t)(path.end - path.at);
    const unsigned char *step = path.at + last + 1;
    vl_json_place above;
    vl_json_node node;
    vl_func_bytes from;

    row->path = row->fullkey;
    if (last == 0)
        return VELO_OK;
    row->path.size = (uint32_t)last;
    if (path.at[last] == '.') {
        size_t quote = *step == '"' ? 1 : 0;

        return rows_copy(maker, step + quote, size - last - 1 - 2 * quote, &row->key);
    }
    if (vl_json_find(maker->blob, (vl_func_bytes){path.at + 1, path.at + last}, &above) !=
        VL_JSON_FOUND)
        return vl_json_fail_malformed(maker->call.ctx);
    from = (vl_func_bytes){maker->blob.at + above.at, maker->blob.end};
    if (!vl_json_read(from, &node))
        return vl_json_fail_malformed(maker->call.ctx);
    from.at += node.header;
    from.end = maker->blob.at + place->at;
    row->key = vl_value_of_integer(vl_json_count(from));
    return VELO_OK;
}

static velo_status
rows_make_from(rows_maker *maker, vl_func_bytes path, const vl_json_place *place)
{
    rows_row root = {.key = vl_value_of_null(), .parent = -1};

    root.from = (vl_func_bytes){maker->blob.at + place->at, maker->blob.end};
    root.id = place->label > 0 ? place->label : place->at;
    if (!vl_json_read(root.from, &root.node))
        return vl_json_fail_malformed(maker->call.ctx);
    vl_func_append(&maker->path, path.at, (size_t)(path.end - path.at));
    VL_TRY(rows_status(maker, &maker->path));
    VL_TRY(rows_copy(maker, path.at, (size_t)(path.end - path.at), &root.fullkey));
    root.path = root.fullkey;
    if (maker->of->is_tree)
        VL_TRY(rows_name_root(maker, path, place, &root));
    if (maker->of->is_tree || !vl_json_is_container(root.node.type))
        VL_TRY(rows_add(maker, &root));
    return vl_json_is_container(root.node.type) ? rows_make_elements(maker, &root, 1) : VELO_OK;
}

velo_status
vl_json_rows_make(vl_ctx *ctx, vl_arena *arena, const vl_json_rows_of *of, const vl_value **values,
                  uint32_t *row_count)
{
    const vl_func func = {.name = of->name};
    rows_maker maker = {.call = {.ctx = ctx, .arena = arena, .func = &func}, .of = of};
    vl_value root = of->root != NULL ? *of->root : rows_static_text("$");
    char room[VL_NUMBER_TEXT_SIZE];
    vl_func_bytes path;
    vl_json_place place;
    vl_json_found found;

    *values = NULL;
    *row_count = 0;
    maker.rows.arena = maker.path.arena = arena;
    if (of->json == NULL || of->json->type == VL_TYPE_NULL || root.type == VL_TYPE_NULL)
        return VELO_OK;
    maker.hidden[0] = *of->json;
    if (of->json->type != VL_TYPE_BLOB)
        VL_TRY(vl_value_cast(ctx, arena, VL_AFFINITY_TEXT, &maker.hidden[0]));
    maker.hidden[1] = root;
    VL_TRY(vl_json_argument(ctx, arena, of->json, &maker.blob));
    path = vl_func_text_of(&root, room);
    if (path.at == path.end || *path.at != '$')
        return vl_json_fail_path(ctx, path);
    found = vl_json_find(maker.blob, (vl_func_bytes){path.at + 1, path.end}, &place);
    if (found == VL_JSON_BAD_PATH)
        return vl_json_fail_path(ctx, path);
    if (found == VL_JSON_DAMAGED)
        return vl_json_fail_malformed(ctx);
    if (found == VL_JSON_FOUND)
        VL_TRY(rows_make_from(&maker, path, &place));
    *values = (const vl_value *)(const void *)maker.rows.text;
    *row_count = (uint32_t)(maker.rows.size / (VL_JSON_ROW_COLUMNS * sizeof **values));
    return VELO_OK;
}
