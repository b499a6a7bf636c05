/* value.c - parameters that go into statements, and values of rows that come out.
 *
 * Invariants
 *   VA1  A parameter's bytes are the application's, or in statement->copies, which goes, or is
 * filled anew, when the parameter gets another value. VA2  What a column function has handed out
 * stays until the row is dropped: texts made of numbers and copies with a zero behind lie in the
 * row arena. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "vec/number.h"
#include "vec/value.h"

#include <limits.h>
#include <string.h>

/* ---- parameters ---- */

int
velo_parameter_count(const velo_statement *statement)
{
    return (int)statement->param_count;
}

const char *
velo_parameter_name(const velo_statement *statement, int index)
{
    if (index < 1 || (uint32_t)index > statement->param_count || statement->plan == NULL)
        return NULL;
    return statement->plan->param_names[index - 1];
}

int
velo_parameter_index(const velo_statement *statement, const char *name)
{
    for (uint32_t i = 0; name != NULL && statement->plan != NULL && i < statement->param_count; i++)
        if (statement->plan->param_names[i] != NULL &&
            strcmp(statement->plan->param_names[i], name) == 0)
            return (int)i + 1;
    return 0;
}

/* Take a value for a parameter; with `copy` its bytes are there, and freed with it. */
static velo_status
value_bind(velo_statement *statement, int index, const vl_value *value, void *copy)
{
    velo_connection *connection = statement->connection;
    vl_ctx *ctx = vl_connection_begin_call(connection);
    velo_status st = VELO_OK;

    if (statement->state == VL_STATEMENT_ROW)
        st = vl_fail(ctx, VELO_MISUSE, "bind on a busy prepared statement: [%s]", statement->sql);
    else if (index < 1 || (uint32_t)index > statement->param_count)
        st = vl_fail(ctx, VELO_RANGE, "column index out of range");
    if (st != VELO_OK) {
        vl_free(copy);
        return vl_connection_end_call(connection, st);
    }
    if (connection->pointers != NULL)
        vl_pointers_drop(connection, statement, index, index);
    if (statement->copies[index - 1] != copy)
        vl_free(statement->copies[index - 1]);
    statement->copies[index - 1] = copy;
    statement->params[index - 1] = *value;
    return VELO_OK;
}

/* Memory for a copy of a parameter's bytes: that of the copy before, if it is about as large; or
 * NULL. */
static void *
value_copy_room(const velo_statement *statement, int index, size_t size)
{
    void *before = NULL;

    if (statement->state != VL_STATEMENT_ROW && index >= 1 &&
        (uint32_t)index <= statement->param_count)
        before = statement->copies[index - 1];
    if (before != NULL && vl_alloc_size(before) >= size && vl_alloc_size(before) / 2 <= size)
        return before;
    return vl_alloc(&statement->connection->ctx, size);
}

/* The same with bytes. */
static velo_status
value_bind_bytes(velo_statement *statement, int index, vl_type type, const void *data,
                 uint64_t size, velo_lifetime lifetime)
{
    vl_value value = {.type = type, .size = (uint32_t)size, .as.data = data};
    void *copy = NULL;

    if (statement == NULL)
        return VELO_MISUSE;
    if (data == NULL)
        value = vl_value_of_null();
    if (data != NULL && size > VL_VALUE_SIZE_MAX)
        return vl_connection_end_call(statement->connection,
                                      vl_fail(vl_connection_begin_call(statement->connection),
                                              VELO_TOOBIG, "string or blob too big"));
    if (data != NULL && lifetime == VELO_COPY && size > 0) {
        copy = value_copy_room(statement, index, (size_t)size);
        if (copy == NULL)
            return vl_connection_end_call(statement->connection,
                                          vl_fail(vl_connection_begin_call(statement->connection),
                                                  VELO_NOMEM, "cannot allocate a parameter"));
        memmove(copy, data, (size_t)size); /* it may be the copy before itself */
        value.as.data = copy;
    }
    return value_bind(statement, index, &value, copy);
}

velo_status
velo_bind_null(velo_statement *statement, int index)
{
    vl_value value = vl_value_of_null();

    return statement == NULL ? VELO_MISUSE : value_bind(statement, index, &value, NULL);
}

velo_status
velo_bind_int64(velo_statement *statement, int index, int64_t integer)
{
    vl_value value = vl_value_of_integer(integer);

    return statement == NULL ? VELO_MISUSE : value_bind(statement, index, &value, NULL);
}

velo_status
velo_bind_double(velo_statement *statement, int index, double real)
{
    vl_value value = vl_value_of_real(real);

    return statement == NULL ? VELO_MISUSE : value_bind(statement, index, &value, NULL);
}

velo_status
velo_bind_text(velo_statement *statement, int index, const char *text, int64_t size,
               velo_lifetime lifetime)
{
    uint64_t length = text == NULL ? 0 : size < 0 ? strlen(text) : (uint64_t)size;

    return value_bind_bytes(statement, index, VL_TYPE_TEXT, text, length, lifetime);
}

velo_status
velo_bind_blob(velo_statement *statement, int index, const void *data, int64_t size,
               velo_lifetime lifetime)
{
    return value_bind_bytes(statement, index, VL_TYPE_BLOB, data, size < 0 ? 0 : (uint64_t)size,
                            lifetime);
}

void
velo_clear_bindings(velo_statement *statement)
{
    if (statement->state == VL_STATEMENT_ROW)
        return;
    vl_pointers_drop(statement->connection, statement, 1, INT_MAX);
    for (uint32_t i = 0; i < statement->param_count; i++) {
        vl_free(statement->copies[i]);
        statement->copies[i] = NULL;
        statement->params[i] = vl_value_of_null();
    }
}

/* ---- columns ---- */

int
velo_column_count(const velo_statement *statement)
{
    return (int)statement->column_count;
}

const char *
velo_column_name(const velo_statement *statement, int column)
{
    if (column < 0 || (uint32_t)column >= statement->column_count || statement->plan == NULL)
        return NULL;
    if (statement->plan->kind == VL_PLAN_OTHER)
        return statement->made.names[column];
    return statement->plan->columns[column].name;
}

const char *
velo_column_declared_type(const velo_statement *statement, int column)
{
    if (column < 0 || (uint32_t)column >= statement->column_count || statement->plan == NULL ||
        statement->plan->kind == VL_PLAN_OTHER)
        return NULL;
    return statement->plan->columns[column].declared;
}

/* Where a result column comes from; NULL: it is an expression, or there is none. */
static const vl_result_column *
value_origin(const velo_statement *statement, int column)
{
    if (column < 0 || (uint32_t)column >= statement->column_count || statement->plan == NULL ||
        statement->plan->kind == VL_PLAN_OTHER)
        return NULL;
    return &statement->plan->columns[column];
}

const char *
velo_column_database(const velo_statement *statement, int column)
{
    const vl_result_column *origin = value_origin(statement, column);

    return origin == NULL ? NULL : origin->database;
}

const char *
velo_column_table(const velo_statement *statement, int column)
{
    const vl_result_column *origin = value_origin(statement, column);

    return origin == NULL ? NULL : origin->table;
}

const char *
velo_column_origin(const velo_statement *statement, int column)
{
    const vl_result_column *origin = value_origin(statement, column);

    return origin == NULL ? NULL : origin->column;
}

/* The value of a column, NULL without one. */
static vl_value
value_at(const velo_statement *statement, int column)
{
    if (statement->row == NULL || column < 0 || (uint32_t)column >= statement->column_count)
        return vl_value_of_null();
    return statement->row[column];
}

velo_type
velo_column_type(velo_statement *statement, int column)
{
    return (velo_type)value_at(statement, column).type;
}

int64_t
velo_column_int64(velo_statement *statement, int column)
{
    vl_value value = value_at(statement, column);

    return value.type == VL_TYPE_INTEGER ? value.as.integer : vl_value_integer(&value);
}

double
velo_column_double(velo_statement *statement, int column)
{
    vl_value value = value_at(statement, column);

    return vl_value_real(&value);
}

const vl_cell *
vl_value_cell(vl_arena *arena, const vl_value *given, vl_cell *cell)
{
    char number[VL_NUMBER_TEXT_SIZE];
    vl_value value = *given;
    char *text;

    if (value.type == VL_TYPE_NULL)
        return NULL;
    if (cell->has_text)
        return cell;
    if (value.type == VL_TYPE_INTEGER || value.type == VL_TYPE_REAL) {
        value.size = (uint32_t)(value.type == VL_TYPE_INTEGER
                                    ? vl_number_write_integer(value.as.integer, number)
                                    : vl_number_write_real(value.as.real, number));
        value.as.data = number;
    }
    text = vl_arena_alloc(arena, (size_t)value.size + 1);
    if (text == NULL)
        return NULL;
    if (value.size > 0)
        memcpy(text, value.as.data, value.size);
    text[value.size] = 0;
    cell->text = text;
    cell->size = value.size;
    cell->has_text = 1;
    return cell;
}

/* The same of a column. */
static const vl_cell *
value_cell(velo_statement *statement, int column)
{
    vl_value value = value_at(statement, column);

    if (value.type == VL_TYPE_NULL)
        return NULL;
    return vl_value_cell(&statement->row_arena, &value, &statement->cells[column]);
}

const char *
velo_column_text(velo_statement *statement, int column)
{
    const vl_cell *cell = value_cell(statement, column);

    return cell == NULL ? NULL : cell->text;
}

const void *
velo_column_blob(velo_statement *statement, int column)
{
    const vl_cell *cell = value_cell(statement, column);

    return cell == NULL || cell->size == 0 ? NULL : cell->text;
}

int64_t
velo_column_bytes(velo_statement *statement, int column)
{
    const vl_cell *cell = value_cell(statement, column);

    return cell == NULL ? 0 : (int64_t)cell->size;
}

/* ---- values by themselves ---- */

/* A copy: its bytes and conversions are in its own arena. */
typedef struct value_copy {
    velo_value value; /* first: is what the application holds */
    vl_arena arena;
} value_copy;

velo_value *
velo_column_value(velo_statement *statement, int column)
{
    velo_value *value;

    if (column < 0 || (uint32_t)column >= statement->column_count)
        return NULL;
    value = vl_arena_alloc(&statement->row_arena, sizeof *value);
    if (value == NULL)
        return NULL;
    memset(value, 0, sizeof *value);
    value->value = value_at(statement, column);
    value->cell = statement->cells[column];
    value->arena = &statement->row_arena;
    return value;
}

velo_type
velo_value_type(const velo_value *value)
{
    return (velo_type)value->value.type;
}

int64_t
velo_value_int64(const velo_value *value)
{
    return vl_value_integer(&value->value);
}

double
velo_value_double(const velo_value *value)
{
    return vl_value_real(&value->value);
}

const char *
velo_value_text(velo_value *value)
{
    const vl_cell *cell = vl_value_cell(value->arena, &value->value, &value->cell);

    return cell == NULL ? NULL : cell->text;
}

const void *
velo_value_blob(velo_value *value)
{
    const vl_cell *cell = vl_value_cell(value->arena, &value->value, &value->cell);

    return cell == NULL || cell->size == 0 ? NULL : cell->text;
}

int64_t
velo_value_bytes(velo_value *value)
{
    const vl_cell *cell = vl_value_cell(value->arena, &value->value, &value->cell);

    return cell == NULL ? 0 : (int64_t)cell->size;
}

int
velo_value_is_parameter(const velo_value *value)
{
    return value->is_parameter;
}

velo_type
velo_value_numeric_type(const velo_value *value)
{
    vl_value number = value->value;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    if (number.type == VL_TYPE_TEXT &&
        vl_value_apply(&ctx, value->arena, VL_AFFINITY_NUMERIC, &number) != VELO_OK)
        return VELO_TEXT;
    return (velo_type)number.type;
}

velo_value *
velo_value_copy(const velo_value *value)
{
    value_copy *copy;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    copy = vl_alloc_zero(&ctx, sizeof *copy);
    if (copy == NULL)
        return NULL;
    vl_arena_init(&copy->arena, ctx.allocator, 0);
    copy->value.value = value->value;
    if (value->value.type == VL_TYPE_NULL)
        copy->value.value.as.data = NULL; /* a pointer's address */
    copy->value.arena = &copy->arena;
    if ((value->value.type == VL_TYPE_TEXT || value->value.type == VL_TYPE_BLOB) &&
        value->value.size > 0) {
        copy->value.value.as.data =
            vl_arena_copy(&copy->arena, value->value.as.data, value->value.size);
        if (copy->value.value.as.data == NULL) {
            velo_value_free(&copy->value);
            return NULL;
        }
    }
    return &copy->value;
}

void
velo_value_free(velo_value *value)
{
    value_copy *copy = (value_copy *)value;

    if (value == NULL)
        return;
    vl_arena_deinit(&copy->arena);
    vl_free(copy);
}

velo_status
velo_bind_value(velo_statement *statement, int index, const velo_value *value)
{
    const vl_value *from = &value->value;

    switch ((velo_type)from->type) {
    case VELO_INTEGER:
        return velo_bind_int64(statement, index, from->as.integer);
    case VELO_REAL:
        return velo_bind_double(statement, index, from->as.real);
    case VELO_TEXT:
        return velo_bind_text(statement, index, from->size == 0 ? "" : from->as.data, from->size,
                              VELO_COPY);
    case VELO_BLOB:
        return velo_bind_blob(statement, index, from->size == 0 ? "" : from->as.data, from->size,
                              VELO_COPY);
    case VELO_NULL:
        break;
    }
    return velo_bind_null(statement, index);
}
