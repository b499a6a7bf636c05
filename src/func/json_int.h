/* json_int.h - JSON inside of func: JSONB as the one form in which JSON is worked on.
 *
 * Text is parsed into JSONB, the binary form that SQLite documents ("The SQLite JSONB Format"):
 * each value is a header and its payload. The lower four bits of the header's first byte are the
 * type, the upper four the payload's size up to 11, or say that 1, 2, 4 or 8 bytes with it follow,
 * the highest first. Arrays have their elements as payload, objects labels and values in turn.
 * Strings and numbers stay as they were written: escapes are undone only when somebody wants the
 * text. So parsing and printing are one pass each, and paths and edits need no tree.
 *
 * JSONB that comes as an argument is input like any other: every function here that reads it
 * checks what it steps on, and says "damaged" (0) where it makes no sense. Depth is limited by
 * VL_JSON_DEPTH_MAX everywhere.
 *
 * Memory: buffers grow in their arena and note failures (vl_func_buffer.bad); whoever ends them
 * looks. All functions are pure; any thread. */
#ifndef VL_FUNC_JSON_INT_H
#define VL_FUNC_JSON_INT_H

#include "func/func_int.h"

/* How deep arrays and objects may be nested. */
#define VL_JSON_DEPTH_MAX 1000

/* Types, with the numbers of the format. */
typedef enum vl_json_type {
    VL_JSON_NULL,
    VL_JSON_TRUE,
    VL_JSON_FALSE,
    VL_JSON_INT,     /* as JSON writes it */
    VL_JSON_INT5,    /* hexadecimal */
    VL_JSON_FLOAT,   /* as JSON writes it */
    VL_JSON_FLOAT5,  /* with digits missing before or behind the point */
    VL_JSON_TEXT,    /* without escapes, and nothing that would need one */
    VL_JSON_TEXTJ,   /* with JSON's escapes */
    VL_JSON_TEXT5,   /* with escapes of JSON5, or characters that JSON would escape */
    VL_JSON_TEXTRAW, /* as it is: to be escaped when it is printed */
    VL_JSON_ARRAY,
    VL_JSON_OBJECT
} vl_json_type;

/* A value's header. */
typedef struct vl_json_node {
    vl_json_type type;
    uint32_t header; /* bytes of it */
    uint32_t size;   /* bytes of payload behind it */
} vl_json_node;

/* ---- JSONB (json_blob.c) ---- */

/* Read the header of the value at from.at, which ends before from.end with all its payload. Returns
 * 0 when it is damaged. */
int vl_json_read(vl_func_bytes from, vl_json_node *node);

/* The payload of a value whose header was read. */
static inline vl_func_bytes
vl_json_payload(vl_func_bytes from, const vl_json_node *node)
{
    return (vl_func_bytes){from.at + node->header, from.at + node->header + node->size};
}

/* Behind a value whose header was read. */
static inline const unsigned char *
vl_json_behind(vl_func_bytes from, const vl_json_node *node)
{
    return from.at + node->header + node->size;
}

static inline int
vl_json_is_text(vl_json_type type)
{
    return type >= VL_JSON_TEXT && type <= VL_JSON_TEXTRAW;
}

static inline int
vl_json_is_container(vl_json_type type)
{
    return type >= VL_JSON_ARRAY;
}

/* Whether bytes look like JSONB: one value from their first to their last byte, which is sound as
 * well where they begin as the text of a number, an array or an object may. */
int vl_json_is_blob(vl_func_bytes bytes);

/* Whether bytes are sound JSONB through and through. */
int vl_json_is_sound(vl_func_bytes bytes);

/* How many elements an array has, labels and values of an object counted apart; -1: damaged. */
int64_t vl_json_count(vl_func_bytes payload);

/* Append a header, and `size` bytes of payload when they are given. */
void vl_json_append(vl_func_buffer *blob, vl_json_type type, const void *payload, size_t size);

/* Begin an array or object: returns where; vl_json_end writes its size when all is behind it. */
size_t vl_json_begin(vl_func_buffer *blob, vl_json_type type);
void vl_json_end(vl_func_buffer *blob, size_t at);

/* Put `size` bytes in place of `removed` ones at `at`. */
void vl_json_splice(vl_func_buffer *blob, size_t at, size_t removed, const void *data, size_t size);

/* Give the value at `at` another size of payload, which is there already. Its header may grow or
 * shrink. */
void vl_json_resize(vl_func_buffer *blob, size_t at, size_t size);

static inline vl_func_bytes
vl_json_bytes(const vl_func_buffer *blob)
{
    const unsigned char *at = (const unsigned char *)blob->text;

    return at == NULL ? (vl_func_bytes){(const unsigned char *)"", (const unsigned char *)""}
                      : (vl_func_bytes){at, at + blob->size};
}

/* ---- text to JSONB (json_parse.c) ---- */

/* What a parse found. */
typedef struct vl_json_parsed {
    int is_bad;      /* it is no JSON */
    int is_json5;    /* it needs extensions: JSON5, and SQLite's */
    size_t error_at; /* byte at which it goes wrong, when is_bad */
} vl_json_parsed;

/* Append what a text says as JSONB. What is appended of a bad text is of no use. */
void vl_json_parse(vl_func_bytes text, vl_func_buffer *blob, vl_json_parsed *parsed);

/* ---- JSONB to text and values (json_print.c) ---- */

/* Append a value as JSON. Returns 0 when it is damaged. */
int vl_json_print(vl_func_bytes from, vl_func_buffer *text);

/* The same on many lines, each level indented by `indent`. */
int vl_json_print_pretty(vl_func_bytes from, vl_func_bytes indent, vl_func_buffer *text);

/* Append a text as a JSON string. */
void vl_json_print_text(vl_func_buffer *text, vl_func_bytes bytes);

/* Append the characters of a string's payload, escapes undone. */
void vl_json_append_plain(vl_func_buffer *text, vl_json_type type, vl_func_bytes payload);

/* Whether two strings are the same when their escapes are undone. */
int vl_json_same_text(vl_json_type type, vl_func_bytes payload, vl_json_type other_type,
                      vl_func_bytes other);

/* The SQL value of a number or string; text is in the call's arena. Returns 0 when it is damaged;
 * a lack of memory is in *status. */
int vl_json_to_value(vl_func_call *call, vl_func_bytes from, vl_value *value, velo_status *status);

/* Append an SQL value as JSON text, or as JSONB. errors  VELO_ERROR: it is a blob, and not JSONB;
 * "malformed JSON" */
velo_status vl_json_print_value(vl_func_call *call, vl_func_buffer *text, const vl_value *value)
    VL_MUST_CHECK;
velo_status vl_json_append_value(vl_func_call *call, vl_func_buffer *blob, const vl_value *value)
    VL_MUST_CHECK;

/* The name of a type, as json_type() has it. */
const char *vl_json_type_name(vl_json_type type);

/* ---- paths (json_path.c) ---- */

typedef enum vl_json_edit {
    VL_JSON_FIND,
    VL_JSON_REMOVE,
    VL_JSON_REPLACE,     /* what is there */
    VL_JSON_INSERT,      /* what is not there */
    VL_JSON_SET,         /* either */
    VL_JSON_ARRAY_INSERT /* before an element of an array */
} vl_json_edit;

typedef enum vl_json_found {
    VL_JSON_FOUND,
    VL_JSON_MISSING,
    VL_JSON_BAD_PATH,
    VL_JSON_NOT_ELEMENT, /* ARRAY_INSERT, and the path ends with a label */
    VL_JSON_DAMAGED
} vl_json_found;

/* What a path leads to. */
typedef struct vl_json_place {
    size_t at;    /* of the value */
    size_t label; /* of its label in an object; 0: it has none */
} vl_json_place;

/* Find what a path (behind its $) leads to. Damage on the way may be noticed or not. */
vl_json_found vl_json_find(vl_func_bytes blob, vl_func_bytes path, vl_json_place *place);

/* Change what a path (behind its $) leads to; `value` is JSONB. */
vl_json_found vl_json_change(vl_func_buffer *blob, vl_func_bytes path, vl_json_edit edit,
                             vl_func_bytes value);

/* Change JSONB by a merge patch (RFC 7396). Returns 0 when either is damaged. */
int vl_json_patch(vl_func_buffer *target, vl_func_bytes patch);

/* ---- arguments (json_func.c) ---- */

/* An argument as JSONB: it is JSONB, or JSON text that is parsed into `scratch`.
 * errors  VELO_ERROR "malformed JSON", VELO_NOMEM */
velo_status vl_json_argument(vl_ctx *ctx, vl_arena *scratch, const vl_value *argument,
                             vl_func_bytes *blob) VL_MUST_CHECK;

/* Say that JSON is malformed. */
velo_status vl_json_fail_malformed(vl_ctx *ctx);

/* Say that a path is wrong. */
velo_status vl_json_fail_path(vl_ctx *ctx, vl_func_bytes path);

#endif
