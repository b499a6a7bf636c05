/* virtual_class.c - what the planner and the operators ask of a virtual table, asked of its module.
 *
 * Invariants
 *   VC1  Values that a module gets live until the callback returns, those of filter until the next
 *        one or the cursor's end.
 *   VC2  No callback is called of a table that is gone, and none is dropped while its callback is
 *        at work (VT3): a module, or a function in the statement, may run any SQL. */
#include "api/virtual_int.h"

#include "base/alloc.h"
#include "vec/value.h"

#include <string.h>

/* Bytes of a name of a function, with a zero byte: longer ones cannot be created. */
#define CLASS_NAME_SIZE 256U

struct vl_virtual_cursor {
    vl_instance *instance;
    void *cursor;   /* the module's */
    vl_arena arena; /* of the arguments of the scan */
};

/* An instance is its class's table, its first member. */
static vl_instance *
class_instance(vl_virtual *table)
{
    return (vl_instance *)(void *)table;
}

/* Begin a callback; keeps VC2. */
static velo_status
class_hold(vl_ctx *ctx, vl_instance *instance)
{
    if (!instance->has_table)
        return vl_fail(ctx, VELO_ERROR, "no such table: %s", instance->base.def->object.name);
    vl_instance_hold(instance);
    return VELO_OK;
}

/* ---- values ---- */

/* Values for a module, and pointers to them; in the arena. */
static velo_status
class_wrap(vl_ctx *ctx, vl_arena *arena, const vl_value *values, uint32_t count, velo_value ***out)
{
    velo_value *wrapped = vl_arena_alloc_array(arena, count + 1U, sizeof *wrapped);
    velo_value **pointers = vl_arena_alloc_array(arena, count + 1U, sizeof *pointers);

    if (wrapped == NULL || pointers == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u values", (unsigned)count);
    for (uint32_t i = 0; i < count; i++) {
        wrapped[i] = (velo_value){.value = values[i], .arena = arena};
        wrapped[i].is_unchanged =
            values[i].type == VL_TYPE_NULL && values[i].subtype == VL_SUBTYPE_UNCHANGED;
        pointers[i] = &wrapped[i];
    }
    *out = pointers;
    return VELO_OK;
}

/* A copy of a value that stays with the arena. */
static velo_status
class_keep(vl_ctx *ctx, vl_arena *arena, vl_value *value)
{
    if ((value->type != VL_TYPE_TEXT && value->type != VL_TYPE_BLOB) || value->size == 0)
        return VELO_OK;
    value->as.data = vl_arena_copy(arena, value->as.data, value->size);
    return value->as.data != NULL ? VELO_OK
                                  : vl_fail(ctx, VELO_NOMEM, "cannot allocate an argument");
}

velo_value *
velo_value_list_next(velo_value *list, int is_first)
{
    const vl_virtual_argument *argument = list != NULL ? list->list : NULL;

    if (argument == NULL)
        return NULL;
    if (is_first)
        list->list_at = 0;
    if (list->list_at == argument->list_count)
        return NULL;
    list->list_value->value = argument->list[list->list_at++];
    list->list_value->cell = (vl_cell){NULL, 0, 0};
    return list->list_value;
}

int
velo_value_is_unchanged(const velo_value *value)
{
    return value != NULL && value->is_unchanged;
}

int
velo_value_is_list(const velo_value *value)
{
    return value != NULL && value->list != NULL;
}

/* ---- planning ---- */

static velo_status
class_best_index(vl_ctx *ctx, vl_virtual *table, velo_index_info *info,
                 const vl_value *const *values)
{
    vl_instance *instance = class_instance(table);
    uint32_t count = (uint32_t)info->constraint_count;
    velo_value *known;
    vl_arena arena;
    velo_status st;

    VL_TRY(class_hold(ctx, instance));
    vl_arena_init(&arena, ctx->allocator, 0);
    known = vl_arena_alloc_array(&arena, count + 1U, sizeof *known);
    if (known == NULL) {
        vl_arena_deinit(&arena);
        vl_instance_let_go(instance);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate constraints");
    }
    for (uint32_t i = 0; i < count; i++) {
        info->constraints[i].value = NULL;
        if (values[i] == NULL)
            continue;
        known[i] = (velo_value){.value = *values[i], .arena = &arena};
        info->constraints[i].value = &known[i];
    }
    st = instance->module->given.best_index(instance->table, info);
    for (uint32_t i = 0; i < count; i++)
        info->constraints[i].value = NULL;
    vl_arena_deinit(&arena);
    if (st == VELO_CONSTRAINT) { /* not in this way: no failure */
        velo_vtab_error(instance->connection, NULL);
    } else {
        st = vl_module_fail(ctx, instance->connection, st, NULL, NULL);
    }
    vl_instance_let_go(instance);
    return st;
}

/* Keep a function that the module has given. */
static vl_instance_function *
class_keep_function(vl_ctx *ctx, vl_instance *instance, const char *name, uint32_t count,
                    velo_function *given)
{
    vl_instance_function *function = vl_arena_alloc_array(&instance->arena, 1, sizeof *function);
    size_t size = strlen(name) + 1;
    char *copy = vl_arena_alloc(&instance->arena, size);

    if (function == NULL || copy == NULL)
        return NULL;
    memcpy(copy, name, size);
    given->name = copy;
    given->argument_count = (int)count;
    given->destroy = NULL;
    if (vl_call_describe(ctx, instance->connection, given, &function->func) != VELO_OK)
        return NULL;
    function->func.name = copy;
    function->func.flags = (function->func.flags & ~VL_FUNC_VOLATILE) | VL_FUNC_FAILING;
    function->count = count;
    function->scalar = given->scalar;
    function->user = given->user;
    function->next = instance->functions;
    instance->functions = function;
    return function;
}

/* Ask the module for a function: at each call that is bound, as SQLite does, since the answer may
 * be another one by then. Those that it has given live as long as the table, each once. */
static int
class_find_function(vl_ctx *ctx, vl_virtual *table, const char *name, size_t size, uint32_t count,
                    const vl_func **func)
{
    vl_instance *instance = class_instance(table);
    vl_instance_function *at = instance->functions;
    velo_function given = {.size = sizeof given};
    char lower[CLASS_NAME_SIZE];
    int number;

    *func = NULL;
    if (instance->module->given.find_function == NULL || !instance->has_table ||
        size >= sizeof lower)
        return 0;
    for (size_t i = 0; i < size; i++)
        lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
    lower[size] = 0;
    vl_instance_hold(instance);
    number = instance->module->given.find_function(instance->table, (int)count, lower, &given);
    vl_instance_let_go(instance); /* the plan that asks has a reference as well */
    if (number == 0 || given.scalar == NULL)
        return 0;
    while (at != NULL && (at->count != count || at->scalar != given.scalar ||
                          at->user != given.user || strcmp(at->func.name, lower) != 0))
        at = at->next;
    if (at == NULL)
        at = class_keep_function(ctx, instance, lower, count, &given);
    if (at == NULL)
        return 0;
    *func = &at->func;
    return number;
}

/* ---- reading ---- */

static velo_status
class_open(vl_ctx *ctx, vl_virtual *table, vl_virtual_cursor **out)
{
    vl_instance *instance = class_instance(table);
    vl_virtual_cursor *cursor;
    velo_status st;

    *out = NULL;
    VL_TRY(class_hold(ctx, instance)); /* until the cursor is closed */
    cursor = vl_alloc_zero(ctx, sizeof *cursor);
    if (cursor == NULL) {
        vl_instance_let_go(instance);
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a cursor");
    }
    cursor->instance = instance;
    vl_arena_init(&cursor->arena, ctx->allocator, 0);
    st = vl_module_fail(ctx, instance->connection,
                        instance->module->given.open(instance->table, &cursor->cursor), NULL, NULL);
    if (st != VELO_OK) {
        vl_arena_deinit(&cursor->arena);
        vl_free(cursor);
        vl_instance_let_go(instance);
        return st;
    }
    *out = cursor;
    return VELO_OK;
}

static void
class_close(vl_virtual_cursor *cursor)
{
    vl_instance *instance;
    vl_error error;

    if (cursor == NULL)
        return;
    instance = cursor->instance;
    error = instance->connection->ctx.error;
    (void)instance->module->given.close(cursor->cursor);
    velo_vtab_error(instance->connection, NULL);
    instance->connection->ctx.error = error;
    vl_arena_deinit(&cursor->arena);
    vl_free(cursor);
    vl_instance_let_go(instance);
}

/* Let an argument be a list. */
static velo_status
class_make_list(vl_ctx *ctx, vl_arena *arena, const vl_virtual_argument *given, velo_value *value)
{
    vl_virtual_argument *list = vl_arena_alloc_array(arena, 1, sizeof *list);
    vl_value *values = vl_arena_alloc_array(arena, given->list_count + 1U, sizeof *values);

    value->list_value = vl_arena_alloc_array(arena, 1, sizeof *value->list_value);
    if (list == NULL || values == NULL || value->list_value == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a list");
    for (uint32_t i = 0; i < given->list_count; i++) {
        values[i] = given->list[i];
        VL_TRY(class_keep(ctx, arena, &values[i]));
    }
    *list = *given;
    list->list = values;
    value->list = list;
    value->list_value->arena = arena;
    return VELO_OK;
}

static velo_status
class_filter(vl_ctx *ctx, vl_virtual_cursor *cursor, int number, const char *text,
             const vl_virtual_argument *arguments, uint32_t count)
{
    const vl_instance *instance = cursor->instance;
    velo_value *values;
    velo_value **pointers;

    vl_arena_reset(&cursor->arena);
    values = vl_arena_alloc_array(&cursor->arena, count + 1U, sizeof *values);
    pointers = vl_arena_alloc_array(&cursor->arena, count + 1U, sizeof *pointers);
    if (values == NULL || pointers == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate %u arguments", (unsigned)count);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = (velo_value){.value = arguments[i].value, .arena = &cursor->arena};
        pointers[i] = &values[i];
        VL_TRY(class_keep(ctx, &cursor->arena, &values[i].value)); /* keeps VC1 */
        if (arguments[i].is_list)
            VL_TRY(class_make_list(ctx, &cursor->arena, &arguments[i], &values[i]));
    }
    return vl_module_fail(
        ctx, instance->connection,
        instance->module->given.filter(cursor->cursor, number, text, (int)count, pointers), NULL,
        NULL);
}

static velo_status
class_next(vl_ctx *ctx, vl_virtual_cursor *cursor)
{
    velo_status st = cursor->instance->module->given.next(cursor->cursor);

    return st == VELO_OK ? st : vl_module_fail(ctx, cursor->instance->connection, st, NULL, NULL);
}

static int
class_is_at_end(const vl_virtual_cursor *cursor)
{
    return cursor->instance->module->given.eof(cursor->cursor) != 0;
}

/* A column to be told. */
typedef struct class_column_call {
    const velo_module *module;
    void *cursor;
    int column;
} class_column_call;

static velo_status
class_tell_column(void *user, velo_call *call)
{
    const class_column_call *asked = user;

    return asked->module->column(asked->cursor, call, asked->column);
}

static velo_status
class_column(vl_ctx *ctx, vl_virtual_cursor *cursor, int32_t column, int is_unchanged,
             vl_arena *arena, vl_value *value)
{
    const velo_module *given = &cursor->instance->module->given;
    velo_connection *connection = cursor->instance->connection;
    class_column_call asked = {given, cursor->cursor, column};
    int64_t rowid = 0;
    velo_status st;

    if (column >= 0) {
        *value = vl_value_of_null();
        value->subtype = is_unchanged ? VL_SUBTYPE_UNCHANGED : 0;
        st = vl_call_tell(ctx, connection, arena, class_tell_column, &asked, value);
        return st == VELO_OK || ctx->error.code == st
                   ? st
                   : vl_module_fail(ctx, connection, st, NULL, NULL);
    }
    if (given->rowid == NULL)
        return vl_fail(ctx, VELO_ERROR, "the virtual table has no rowids");
    st = given->rowid(cursor->cursor, &rowid);
    *value = vl_value_of_integer(rowid);
    return st == VELO_OK ? st : vl_module_fail(ctx, connection, st, NULL, NULL);
}

/* ---- changing ---- */

static velo_status
class_begin(vl_ctx *ctx, vl_virtual *table)
{
    vl_instance *instance = class_instance(table);
    velo_status st;

    VL_TRY(class_hold(ctx, instance));
    st = vl_instance_begin(ctx, instance);
    vl_instance_let_go(instance);
    return st;
}

static velo_status
class_update(vl_ctx *ctx, vl_virtual *table, const vl_value *values, uint32_t count,
             vl_conflict conflict, int64_t *rowid)
{
    vl_instance *instance = class_instance(table);
    velo_connection *connection = instance->connection;
    vl_conflict outer = connection->virtual_conflict;
    velo_value **pointers = NULL;
    vl_arena arena;
    velo_status st;

    VL_TRY(class_hold(ctx, instance));
    vl_arena_init(&arena, ctx->allocator, 0);
    st = class_wrap(ctx, &arena, values, count, &pointers);
    if (st == VELO_OK) {
        connection->virtual_conflict = conflict;
        st = instance->module->given.update(instance->table, (int)count, pointers, rowid);
        connection->virtual_conflict = outer;
        st = vl_module_fail(ctx, connection, st, NULL, NULL);
    }
    vl_arena_deinit(&arena);
    vl_instance_let_go(instance);
    return st;
}

const vl_virtual_class vl_instance_class = {
    .best_index = class_best_index,
    .find_function = class_find_function,
    .open = class_open,
    .close = class_close,
    .filter = class_filter,
    .next = class_next,
    .is_at_end = class_is_at_end,
    .column = class_column,
    .begin = class_begin,
    .update = class_update,
};
