/* arrow.c - the rows of a statement as columns, by the Arrow C stream interface.
 *
 * The first batch is read when the stream is made, since what a column holds is known by its values
 * only: its type is the declared one if all values of that batch can be that without loss, else the
 * one class that they all have, else a dense union of all classes. Later values have to fit.
 *
 * Every array and schema owns what it points to, and releases what its consumer has not taken.
 *
 * Invariants
 *   AR1  A builder has `rows` values, and room for one more without a request for memory in the
 *        middle of a value: what fails leaves it as it was, and the batch is dropped.
 *   AR2  After an error or its end a stream gives nothing more; after release nothing is left.
 *   AR3  count is the number of columns of each row that is read: a step that begins a run may make
 *        the plan anew, with other columns. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "base/utf8.h"
#include "vec/value.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ARROW_ROWS_DEFAULT 65536
/* Bytes of texts in a column of a batch: offsets have 32 bits. */
#define ARROW_BYTES_MAX ((size_t)1 << 30)
#define ARROW_CLASSES   5U /* of a union: INTEGER, REAL, TEXT, BLOB, NULL */

/* What a column is in Arrow. */
typedef enum arrow_kind {
    ARROW_INTEGER, /* int64 */
    ARROW_REAL,    /* float64 */
    ARROW_TEXT,    /* utf8 */
    ARROW_BLOB,    /* binary */
    ARROW_NONE,    /* null */
    ARROW_UNION    /* dense union of those above, in this order */
} arrow_kind;

static const char *const arrow_formats[] = {"l", "g", "u", "z", "n", "+ud:0,1,2,3,4"};
static const char *const arrow_names[] = {"integer", "real", "text", "blob", "null"};

/* Bytes that grow. */
typedef struct arrow_bytes {
    uint8_t *data; /* owned */
    size_t size;
    size_t capacity;
} arrow_bytes;

/* A column of the batch at hand. */
typedef struct arrow_column {
    arrow_kind kind;
    int64_t rows;
    int64_t null_count;
    arrow_bytes valid;  /* bits: 1: there is a value; of a union the class of each row */
    arrow_bytes values; /* 8 bytes each; texts: offsets; of a union the place in its class */
    arrow_bytes texts;  /* their bytes */
    struct arrow_column *classes; /* of a union: ARROW_CLASSES of them; owned */
} arrow_column;

typedef struct arrow_stream {
    velo_statement *statement;
    int is_owner; /* it finalizes the statement */
    int64_t batch_rows;
    uint32_t count;        /* columns */
    arrow_column *columns; /* owned */
    int64_t row_count;     /* rows read so far */
    velo_status ahead;     /* ROW, DONE: what the first step came to, which no batch has yet */
    int has_batch;         /* the first batch waits in `columns` */
    int is_done;           /* the statement is through */
    int failed;            /* errno of what went wrong; 0: nothing */
    char error[VL_ERROR_TEXT_SIZE];
    vl_ctx ctx; /* for memory */
} arrow_stream;

/* ---- memory ---- */

static int
arrow_reserve(vl_ctx *ctx, arrow_bytes *bytes, size_t more)
{
    size_t capacity = bytes->capacity < 64 ? 64 : bytes->capacity;
    uint8_t *data;

    while (capacity - bytes->size < more)
        capacity *= 2;
    if (capacity == bytes->capacity)
        return 1;
    data = vl_realloc(ctx, bytes->data, capacity);
    if (data == NULL)
        return 0;
    bytes->data = data;
    bytes->capacity = capacity;
    return 1;
}

static void
arrow_free_column(arrow_column *column)
{
    vl_free(column->valid.data);
    vl_free(column->values.data);
    vl_free(column->texts.data);
    for (uint32_t i = 0; column->classes != NULL && i < ARROW_CLASSES; i++)
        arrow_free_column(&column->classes[i]); /* one level deep: they are no unions */
    vl_free(column->classes);
    *column = (arrow_column){.kind = column->kind};
}

/* ---- values ---- */

static arrow_kind
arrow_class(const vl_value *value)
{
    switch (value->type) {
    case VL_TYPE_INTEGER:
        return ARROW_INTEGER;
    case VL_TYPE_REAL:
        return ARROW_REAL;
    case VL_TYPE_TEXT:
        return ARROW_TEXT;
    case VL_TYPE_BLOB:
        return ARROW_BLOB;
    case VL_TYPE_NULL:
        break;
    }
    return ARROW_NONE;
}

/* Whether bytes are UTF-8, which Arrow demands of a text. */
static int
arrow_is_utf8(const uint8_t *text, size_t size)
{
    size_t at = 0;

    while (at < size) {
        char four[5] = {0};
        size_t length;

        if (text[at] < 0x80U) {
            at++;
            continue;
        }
        memcpy(four, text + at, size - at < 4 ? size - at : 4);
        length = vl_utf8_size(four);
        if (length == 0)
            return 0;
        at += length;
    }
    return 1;
}

/* Make the value one of a column's kind without loss. Returns 0 when it is none. */
static int
arrow_convert(arrow_kind kind, vl_value *value)
{
    arrow_kind class = arrow_class(value);

    if (class == ARROW_NONE)
        return 1;
    if (class == ARROW_TEXT && (kind == ARROW_TEXT || kind == ARROW_UNION))
        return arrow_is_utf8(value->as.data, value->size);
    if (class == kind || kind == ARROW_UNION)
        return 1;
    if (kind == ARROW_REAL && class == ARROW_INTEGER && value->as.integer >= -(INT64_C(1) << 53) &&
        value->as.integer <= INT64_C(1) << 53) {
        *value = (vl_value){.type = VL_TYPE_REAL, .as.real = (double)value->as.integer};
        return 1;
    }
    return 0;
}

/* Append a bit that says whether there is a value. */
static int
arrow_add_valid(vl_ctx *ctx, arrow_column *column, int is_valid)
{
    if (column->rows % 8 == 0) {
        if (!arrow_reserve(ctx, &column->valid, 1))
            return 0;
        column->valid.data[column->valid.size++] = 0;
    }
    if (is_valid)
        column->valid.data[column->rows / 8] |= (uint8_t)(1U << (column->rows % 8));
    else
        column->null_count++;
    return 1;
}

/* Append a text or blob: the end of each is the offset behind it. */
static int
arrow_add_bytes(vl_ctx *ctx, arrow_column *column, const vl_value *value)
{
    size_t size = value->type == VL_TYPE_NULL ? 0 : value->size;
    int32_t end;

    if (!arrow_reserve(ctx, &column->texts, size) ||
        !arrow_reserve(ctx, &column->values, 2 * sizeof end))
        return 0;
    if (column->rows == 0) {
        memset(column->values.data, 0, sizeof end);
        column->values.size = sizeof end;
    }
    if (size > 0)
        memcpy(column->texts.data + column->texts.size, value->as.data, size);
    column->texts.size += size;
    end = (int32_t)column->texts.size;
    memcpy(column->values.data + column->values.size, &end, sizeof end);
    column->values.size += sizeof end;
    return 1;
}

/* Append a value of the column's kind, which is no union. */
static int
arrow_add_plain(vl_ctx *ctx, arrow_column *column, const vl_value *value)
{
    int is_valid = value->type != VL_TYPE_NULL;
    int64_t bits = 0;

    if (column->kind == ARROW_NONE) {
        column->rows++;
        column->null_count++;
        return 1;
    }
    if (!arrow_add_valid(ctx, column, is_valid))
        return 0;
    if (column->kind == ARROW_TEXT || column->kind == ARROW_BLOB) {
        if (!arrow_add_bytes(ctx, column, value))
            return 0;
    } else {
        if (!arrow_reserve(ctx, &column->values, sizeof bits))
            return 0;
        if (is_valid)
            memcpy(&bits, &value->as, sizeof bits);
        memcpy(column->values.data + column->values.size, &bits, sizeof bits);
        column->values.size += sizeof bits;
    }
    column->rows++;
    return 1;
}

/* Append a value to a union: its class, its place there, and itself. */
static int
arrow_add_union(vl_ctx *ctx, arrow_column *column, const vl_value *value)
{
    uint8_t class = (uint8_t)arrow_class(value);
    int32_t place;

    if (column->classes == NULL) {
        column->classes = vl_alloc_array(ctx, ARROW_CLASSES, sizeof *column->classes);
        if (column->classes == NULL)
            return 0;
        for (uint32_t i = 0; i < ARROW_CLASSES; i++)
            column->classes[i].kind = (arrow_kind)i;
    }
    place = (int32_t)column->classes[class].rows;
    if (!arrow_reserve(ctx, &column->valid, 1) ||
        !arrow_reserve(ctx, &column->values, sizeof place) ||
        !arrow_add_plain(ctx, &column->classes[class], value))
        return 0;
    column->valid.data[column->valid.size++] = class;
    memcpy(column->values.data + column->values.size, &place, sizeof place);
    column->values.size += sizeof place;
    column->rows++;
    return 1;
}

/* ---- arrays ---- */

/* What an array owns. */
typedef struct arrow_owned {
    const void *buffers[3];
    struct ArrowArray *children;
    struct ArrowArray **list;
} arrow_owned;

static void
arrow_release_array(struct ArrowArray *array)
{
    arrow_owned *owned = array->private_data;

    for (int64_t i = 0; i < array->n_children; i++)
        if (owned->children[i].release != NULL)
            owned->children[i].release(&owned->children[i]);
    for (int64_t i = 0; i < array->n_buffers; i++)
        vl_free((void *)(uintptr_t)owned->buffers[i]);
    vl_free(owned->list);
    vl_free(owned->children);
    vl_free(owned);
    array->release = NULL;
}

/* Make an array with room for children, all of them released; NULL buffers. */
static int
arrow_make_array(vl_ctx *ctx, int64_t rows, int64_t child_count, struct ArrowArray *array)
{
    arrow_owned *owned = vl_alloc_zero(ctx, sizeof *owned);

    if (owned == NULL)
        return 0;
    *array = (struct ArrowArray){.length = rows, .n_children = child_count};
    if (child_count > 0) {
        owned->children = vl_alloc_array(ctx, (size_t)child_count, sizeof *owned->children);
        owned->list = vl_alloc_array(ctx, (size_t)child_count, sizeof *owned->list);
        if (owned->children == NULL || owned->list == NULL) {
            vl_free(owned->children);
            vl_free(owned->list);
            vl_free(owned);
            return 0;
        }
        for (int64_t i = 0; i < child_count; i++)
            owned->list[i] = &owned->children[i];
    }
    array->buffers = owned->buffers;
    array->children = owned->list;
    array->private_data = owned;
    array->release = arrow_release_array;
    return 1;
}

/* Move bytes to a buffer; an empty one gets memory all the same. */
static int
arrow_move(vl_ctx *ctx, arrow_bytes *bytes, const void **buffer)
{
    if (!arrow_reserve(ctx, bytes, 8))
        return 0;
    *buffer = bytes->data;
    *bytes = (arrow_bytes){NULL, 0, 0};
    return 1;
}

/* Make an array of a column that is no union, and empty the column. */
static int
arrow_finish_plain(vl_ctx *ctx, arrow_column *column, struct ArrowArray *array)
{
    arrow_owned *owned;
    int is_bytes = column->kind == ARROW_TEXT || column->kind == ARROW_BLOB;

    if (!arrow_make_array(ctx, column->rows, 0, array))
        return 0;
    owned = array->private_data;
    array->null_count = column->null_count;
    if (is_bytes && column->rows == 0) { /* the first offset is there without rows, too */
        if (!arrow_reserve(ctx, &column->values, 8))
            goto fail;
        memset(column->values.data, 0, 8);
    }
    if (column->kind != ARROW_NONE) {
        array->n_buffers = is_bytes ? 3 : 2;
        if (!arrow_move(ctx, &column->valid, &owned->buffers[0]) ||
            !arrow_move(ctx, &column->values, &owned->buffers[1]) ||
            (is_bytes && !arrow_move(ctx, &column->texts, &owned->buffers[2])))
            goto fail;
    }
    arrow_free_column(column);
    return 1;
fail:
    array->release(array);
    return 0;
}

/* The same of a union. */
static int
arrow_finish_union(vl_ctx *ctx, arrow_column *column, struct ArrowArray *array)
{
    static const vl_value null = {.type = VL_TYPE_NULL};
    arrow_owned *owned;

    if (column->classes == NULL) { /* no rows: classes are made by the first one */
        if (!arrow_add_union(ctx, column, &null))
            return 0;
        column->rows = 0;
        column->classes[ARROW_NONE].rows = 0;
        column->classes[ARROW_NONE].null_count = 0;
    }
    if (!arrow_make_array(ctx, column->rows, ARROW_CLASSES, array))
        return 0;
    owned = array->private_data;
    array->n_buffers = 2;
    if (!arrow_move(ctx, &column->valid, &owned->buffers[0]) ||
        !arrow_move(ctx, &column->values, &owned->buffers[1]))
        goto fail;
    for (uint32_t i = 0; i < ARROW_CLASSES; i++)
        if (!arrow_finish_plain(ctx, &column->classes[i], &owned->children[i]))
            goto fail;
    arrow_free_column(column);
    return 1;
fail:
    array->release(array);
    return 0;
}

/* ---- schemas ---- */

typedef struct arrow_schema_owned {
    struct ArrowSchema *children;
    struct ArrowSchema **list;
    char *name;
} arrow_schema_owned;

static void
arrow_release_schema(struct ArrowSchema *schema)
{
    arrow_schema_owned *owned = schema->private_data;

    for (int64_t i = 0; i < schema->n_children; i++)
        if (owned->children[i].release != NULL)
            owned->children[i].release(&owned->children[i]);
    vl_free(owned->list);
    vl_free(owned->children);
    vl_free(owned->name);
    vl_free(owned);
    schema->release = NULL;
}

static int
arrow_make_schema(vl_ctx *ctx, const char *format, const char *name, int64_t child_count,
                  struct ArrowSchema *schema)
{
    arrow_schema_owned *owned = vl_alloc_zero(ctx, sizeof *owned);

    if (owned == NULL)
        return 0;
    *schema = (struct ArrowSchema){.format = format,
                                   .n_children = child_count,
                                   .flags = child_count > 0 ? 0 : ARROW_FLAG_NULLABLE,
                                   .private_data = owned,
                                   .release = arrow_release_schema};
    owned->name = vl_alloc(ctx, strlen(name) + 1);
    owned->children = vl_alloc_array(ctx, (size_t)child_count + 1, sizeof *owned->children);
    owned->list = vl_alloc_array(ctx, (size_t)child_count + 1, sizeof *owned->list);
    if (owned->name == NULL || owned->children == NULL || owned->list == NULL) {
        schema->n_children = 0;
        arrow_release_schema(schema);
        return 0;
    }
    memcpy(owned->name, name, strlen(name) + 1);
    for (int64_t i = 0; i < child_count; i++)
        owned->list[i] = &owned->children[i];
    schema->name = owned->name;
    schema->children = owned->list;
    return 1;
}

/* The schema of a column. */
static int
arrow_make_field(vl_ctx *ctx, arrow_kind kind, const char *name, struct ArrowSchema *schema)
{
    if (!arrow_make_schema(ctx, arrow_formats[kind], name, kind == ARROW_UNION ? ARROW_CLASSES : 0,
                           schema))
        return 0;
    schema->flags = ARROW_FLAG_NULLABLE; /* a union, too: it has a class of NULLs */
    for (int64_t i = 0; i < schema->n_children; i++) {
        if (!arrow_make_schema(ctx, arrow_formats[i], arrow_names[i], 0, schema->children[i])) {
            schema->release(schema);
            return 0;
        }
    }
    return 1;
}

/* ---- the stream ---- */

static int
arrow_fail(arrow_stream *stream, int error, const char *text)
{
    stream->failed = error;
    (void)snprintf(stream->error, sizeof stream->error, "%s", text);
    return error;
}

/* The statement has failed. */
static int
arrow_fail_statement(arrow_stream *stream, velo_status st)
{
    velo_status primary = vl_status_primary(st);
    int error = primary == VELO_NOMEM                                                      ? ENOMEM
                : primary == VELO_INTERRUPT                                                ? EINTR
                : primary == VELO_IOERR || primary == VELO_CORRUPT || primary == VELO_FULL ? EIO
                                                                                           : EINVAL;

    return arrow_fail(stream, error, velo_error_text(stream->statement->connection));
}

/* Append the statement's row to the columns. */
static int
arrow_add_row(arrow_stream *stream, const vl_value *row)
{
    stream->row_count++;
    for (uint32_t i = 0; i < stream->count; i++) {
        arrow_column *column = &stream->columns[i];
        vl_value value = row[i];

        if (!arrow_convert(column->kind, &value)) {
            char text[160];

            (void)snprintf(
                text, sizeof text, "row %lld, column %u: %s does not fit into %s",
                (long long)stream->row_count, (unsigned)i + 1, arrow_names[arrow_class(&value)],
                column->kind == ARROW_UNION ? "a union: no UTF-8" : arrow_names[column->kind]);
            return arrow_fail(stream, EINVAL, text);
        }
        if (!(column->kind == ARROW_UNION ? arrow_add_union(&stream->ctx, column, &value)
                                          : arrow_add_plain(&stream->ctx, column, &value)))
            return arrow_fail(stream, ENOMEM, "cannot allocate a batch of rows");
    }
    return 0;
}

/* Whether a column has as many bytes as a batch may have. */
static int
arrow_is_full(const arrow_stream *stream)
{
    for (uint32_t i = 0; i < stream->count; i++) {
        const arrow_column *column = &stream->columns[i];

        if (column->texts.size >= ARROW_BYTES_MAX ||
            (column->classes != NULL &&
             (column->classes[ARROW_TEXT].texts.size >= ARROW_BYTES_MAX ||
              column->classes[ARROW_BLOB].texts.size >= ARROW_BYTES_MAX)))
            return 1;
    }
    return 0;
}

/* Read a batch; *rows is 0 at the end. */
static int
arrow_read(arrow_stream *stream, int64_t *rows)
{
    for (*rows = 0; *rows < stream->batch_rows && !stream->is_done; ++*rows) {
        velo_status st;
        int error;

        if (arrow_is_full(stream))
            return 0;
        st = stream->ahead != VELO_OK ? stream->ahead : velo_step(stream->statement);
        stream->ahead = VELO_OK;
        if (st == VELO_DONE) {
            stream->is_done = 1;
            return 0;
        }
        if (st != VELO_ROW)
            return arrow_fail_statement(stream, st);
        if (stream->statement->column_count != stream->count) /* keeps AR3: it was reset */
            return arrow_fail(stream, EINVAL, "the statement has other columns than before");
        error = arrow_add_row(stream, stream->statement->row);
        if (error != 0)
            return error;
    }
    return 0;
}

static int
arrow_get_schema(struct ArrowArrayStream *of, struct ArrowSchema *schema)
{
    arrow_stream *stream = of->private_data;

    if (!arrow_make_schema(&stream->ctx, "+s", "", stream->count, schema))
        return arrow_fail(stream, ENOMEM, "cannot allocate a schema");
    for (uint32_t i = 0; i < stream->count; i++) {
        const char *name = velo_column_name(stream->statement, (int)i);

        if (!arrow_make_field(&stream->ctx, stream->columns[i].kind, name == NULL ? "" : name,
                              schema->children[i])) {
            schema->release(schema);
            return arrow_fail(stream, ENOMEM, "cannot allocate a schema");
        }
    }
    return 0;
}

static int
arrow_get_next(struct ArrowArrayStream *of, struct ArrowArray *array)
{
    arrow_stream *stream = of->private_data;
    int64_t rows = 0;

    *array = (struct ArrowArray){.release = NULL};
    if (stream->failed != 0) /* keeps AR2 */
        return stream->failed;
    if (stream->has_batch)
        rows = stream->row_count;
    else if (arrow_read(stream, &rows) != 0)
        return stream->failed;
    stream->has_batch = 0;
    if (rows == 0)
        return 0;
    if (!arrow_make_array(&stream->ctx, rows, stream->count, array))
        return arrow_fail(stream, ENOMEM, "cannot allocate a batch of rows");
    array->n_buffers = 1; /* no row is NULL as a whole */
    for (uint32_t i = 0; i < stream->count; i++) {
        arrow_column *column = &stream->columns[i];

        if (column->kind == ARROW_UNION
                ? !arrow_finish_union(&stream->ctx, column, array->children[i])
                : !arrow_finish_plain(&stream->ctx, column, array->children[i])) {
            array->release(array);
            return arrow_fail(stream, ENOMEM, "cannot allocate a batch of rows");
        }
    }
    return 0;
}

static const char *
arrow_get_last_error(struct ArrowArrayStream *of)
{
    const arrow_stream *stream = of->private_data;

    return stream->failed == 0 ? NULL : stream->error;
}

static void
arrow_release(struct ArrowArrayStream *of)
{
    arrow_stream *stream = of->private_data;

    for (uint32_t i = 0; i < stream->count; i++)
        arrow_free_column(&stream->columns[i]);
    if (stream->is_owner)
        (void)velo_finalize(stream->statement);
    else
        (void)velo_reset(stream->statement);
    vl_free(stream->columns);
    vl_free(stream);
    of->release = NULL;
}

/* ---- beginning ---- */

/* The kind that a declared type asks for, by SQLite's rules; NONE: none in particular. */
static arrow_kind
arrow_declared(const char *type)
{
    vl_affinity affinity =
        type == NULL || type[0] == 0 ? VL_AFFINITY_NONE : vl_affinity_declared(type, strlen(type));

    return affinity == VL_AFFINITY_INTEGER ? ARROW_INTEGER
           : affinity == VL_AFFINITY_REAL  ? ARROW_REAL
           : affinity == VL_AFFINITY_TEXT  ? ARROW_TEXT
           : affinity == VL_AFFINITY_BLOB  ? ARROW_BLOB
                                           : ARROW_NONE;
}

/* Decide a column's kind by the first rows, of which `column` has the classes. */
static arrow_kind
arrow_decide(const arrow_column *column, arrow_kind declared)
{
    const arrow_column *classes = column->classes;
    arrow_kind only = ARROW_NONE;
    unsigned count = 0;

    for (unsigned i = 0; classes != NULL && i < ARROW_NONE; i++) {
        if (classes[i].rows > 0) {
            only = (arrow_kind)i;
            count++;
        }
    }
    if (count == 0)
        return declared == ARROW_NONE ? ARROW_TEXT : declared;
    if (count == 1 && (declared == only || declared == ARROW_NONE))
        return only;
    if (classes[ARROW_TEXT].rows + classes[ARROW_BLOB].rows == 0 && declared != ARROW_TEXT &&
        declared != ARROW_BLOB) { /* numbers: reals, if all of them can be */
        for (int64_t i = 0; i < classes[ARROW_INTEGER].rows; i++) {
            int64_t integer;
            vl_value value = {.type = VL_TYPE_INTEGER};

            memcpy(&integer, classes[ARROW_INTEGER].values.data + 8 * (size_t)i, 8);
            value.as.integer = integer;
            if (!arrow_convert(ARROW_REAL, &value))
                return ARROW_UNION;
        }
        return ARROW_REAL;
    }
    return count == 1 ? only : ARROW_UNION;
}

/* The value of a row of a union. */
static vl_value
arrow_union_value(const arrow_column *column, int64_t row)
{
    const arrow_column *class = &column->classes[column->valid.data[row]];
    vl_value value = {.type = (vl_type)(class->kind + 1)};
    int32_t place;

    memcpy(&place, column->values.data + 4 * (size_t)row, sizeof place);
    if (class->kind == ARROW_NONE)
        value.type = VL_TYPE_NULL;
    else if (class->kind == ARROW_TEXT || class->kind == ARROW_BLOB) {
        int32_t ends[2];

        memcpy(ends, class->values.data + 4 * (size_t)place, sizeof ends);
        value.size = (uint32_t)(ends[1] - ends[0]);
        value.as.data =
            class->texts.data == NULL ? (const uint8_t *)"" : class->texts.data + ends[0];
    } else {
        memcpy(&value.as, class->values.data + 8 * (size_t)place, 8);
    }
    return value;
}

/* Give a column of the first batch its kind. */
static int
arrow_settle(arrow_stream *stream, uint32_t at)
{
    arrow_column *column = &stream->columns[at];
    arrow_column settled = {.kind = arrow_decide(column, arrow_declared(velo_column_declared_type(
                                                             stream->statement, (int)at)))};

    if (settled.kind == ARROW_UNION)
        return 0;
    for (int64_t row = 0; row < column->rows; row++) {
        vl_value value = arrow_union_value(column, row);

        if (arrow_convert(settled.kind, &value) && arrow_add_plain(&stream->ctx, &settled, &value))
            continue;
        arrow_free_column(&settled);
        return arrow_fail(stream, ENOMEM, "cannot allocate a batch of rows");
    }
    arrow_free_column(column);
    *column = settled;
    return 0;
}

/* Take the first step, and only then see how many columns there are. keeps AR3 */
static int
arrow_begin(arrow_stream *stream)
{
    velo_status st = velo_step(stream->statement);

    if (st != VELO_ROW && st != VELO_DONE)
        return arrow_fail_statement(stream, st);
    stream->ahead = st;
    stream->columns =
        vl_alloc_array(&stream->ctx, stream->statement->column_count, sizeof *stream->columns);
    if (stream->columns == NULL)
        return arrow_fail(stream, ENOMEM, "cannot allocate a stream");
    stream->count = stream->statement->column_count;
    return 0;
}

/* Read the first batch, as unions, and see what its columns are. */
static int
arrow_start(arrow_stream *stream)
{
    int64_t rows;
    int error = arrow_begin(stream);

    if (error != 0)
        return error;
    for (uint32_t i = 0; i < stream->count; i++)
        stream->columns[i].kind = ARROW_UNION;
    error = arrow_read(stream, &rows);
    for (uint32_t i = 0; error == 0 && i < stream->count; i++)
        error = arrow_settle(stream, i);
    stream->has_batch = error == 0;
    return error;
}

velo_status
velo_arrow_stream(velo_statement *statement, int64_t batch_rows, int is_owner,
                  struct ArrowArrayStream *out)
{
    velo_connection *connection;
    arrow_stream *stream;
    vl_ctx *ctx;

    if (out == NULL || statement == NULL)
        return VELO_MISUSE;
    *out = (struct ArrowArrayStream){.release = NULL};
    connection = statement->connection;
    ctx = vl_connection_begin_call(connection);
    if (statement->state == VL_STATEMENT_ROW || velo_column_count(statement) == 0)
        return vl_connection_end_call(
            connection, vl_fail(ctx, VELO_MISUSE, "the statement is at work, or has no columns"));
    stream = vl_alloc_zero(ctx, sizeof *stream);
    if (stream == NULL)
        return vl_connection_end_call(connection,
                                      vl_fail(ctx, VELO_NOMEM, "cannot allocate a stream"));
    vl_ctx_init(&stream->ctx, NULL, NULL);
    stream->statement = statement;
    stream->batch_rows = batch_rows > 0 ? batch_rows : ARROW_ROWS_DEFAULT;
    *out = (struct ArrowArrayStream){.get_schema = arrow_get_schema,
                                     .get_next = arrow_get_next,
                                     .get_last_error = arrow_get_last_error,
                                     .release = arrow_release,
                                     .private_data = stream};
    if (arrow_start(stream) != 0) {
        velo_status st = stream->failed == ENOMEM ? VELO_NOMEM : velo_error_code(connection);
        char text[VL_ERROR_TEXT_SIZE];

        memcpy(text, stream->error, sizeof text);
        out->release(out);
        if (st == VELO_OK || st == VELO_ROW || st == VELO_DONE)
            st = VELO_MISMATCH;
        return vl_connection_end_call(connection, vl_fail(ctx, st, "%s", text));
    }
    stream->is_owner = is_owner;
    return VELO_OK;
}
