/* call.c - functions of the application, and the calls of them.
 *
 * Invariants
 *   CL1  A function of the application stands in connection->function_set with a call_function as
 * its user, which is freed, after `destroy`, when the set releases it. CL2  An aggregate's memory
 * is in connection->states from its first use until `final` was called, which happens once: for the
 * group's result, or when the run of the statement ends. CL3  What functions keep with an argument
 * is in connection->auxiliaries until the run ends, and destroyed once. */
#include "api/api_int.h"

#include "base/alloc.h"
#include "vec/value.h"

#include <string.h>

/* The subtype of a text that a JSON function has made, as in SQLite. */
#define CALL_SUBTYPE_JSON ((unsigned)'J')

/* The longest name of a function. */
#define CALL_NAME_MAX 255

/* A function as it was given. */
typedef struct call_function {
    velo_function given; /* name is not used */
    velo_connection *connection;
} call_function;

/* An aggregate's memory of one group. */
struct vl_call_state {
    struct vl_call_state *next; /* connection->states */
    struct vl_call_state *prev;
    velo_statement *statement; /* whose run it belongs to */
    const call_function *function;
    max_align_t bytes[]; /* the application's */
};

/* Something kept with an argument. */
struct vl_auxiliary {
    struct vl_auxiliary *next;
    velo_statement *statement; /* whose run it belongs to */
    const void *site;          /* the call's place in the plan */
    int index;                 /* of the argument */
    int is_brief;              /* not constant: goes after the call */
    void *data;
    void (*destroy)(void *data);
};

struct velo_call {
    vl_func_call *call; /* NULL: final after the run, whose result is dropped */
    const call_function *function;
    struct vl_call_state **state; /* of an aggregate; else NULL */
    vl_value result;
    velo_status status;
    int has_brief;     /* something was kept that goes after the call */
    int may_not_begin; /* there is no memory to be made */
    int is_unchanged;  /* velo_vtab_nochange */
};

/* ---- what a call belongs to ---- */

void *
velo_call_user(const velo_call *call)
{
    return call->function->given.user;
}

velo_connection *
velo_call_connection(const velo_call *call)
{
    return call->function->connection;
}

void *
velo_call_state(velo_call *call, size_t size)
{
    velo_connection *connection = call->function->connection;
    struct vl_call_state *state;

    if (call->state == NULL)
        return NULL;
    if (*call->state != NULL || size == 0 || call->may_not_begin)
        return *call->state == NULL ? NULL : (*call->state)->bytes;
    state = vl_alloc_zero(&connection->ctx, sizeof *state + size);
    if (state == NULL)
        return NULL;
    state->statement = connection->running;
    state->function = call->function;
    state->next = connection->states;
    if (state->next != NULL)
        state->next->prev = state;
    connection->states = state;
    *call->state = state;
    return state->bytes;
}

static void
call_state_free(velo_connection *connection, struct vl_call_state *state)
{
    if (state->prev != NULL)
        state->prev->next = state->next;
    else
        connection->states = state->next;
    if (state->next != NULL)
        state->next->prev = state->prev;
    vl_free(state);
}

/* ---- what is kept with arguments ---- */

void *
velo_call_get_auxiliary(const velo_call *call, int index)
{
    const velo_connection *connection = call->function->connection;

    if (call->call == NULL)
        return NULL;
    for (const struct vl_auxiliary *kept = connection->auxiliaries; kept != NULL; kept = kept->next)
        if (kept->site == call->call->site && kept->index == index &&
            kept->statement == connection->running)
            return kept->data;
    return NULL;
}

/* Drop those of a statement that a test picks: of a site and argument; brief ones; all. */
static void
call_drop_auxiliaries(velo_connection *connection, const velo_statement *statement,
                      const void *site, int index, int only_brief)
{
    struct vl_auxiliary **link = &connection->auxiliaries;

    while (*link != NULL) {
        struct vl_auxiliary *kept = *link;
        int is_picked = kept->statement == statement;

        if (site != NULL)
            is_picked = is_picked && kept->site == site && (only_brief || kept->index == index);
        if (only_brief)
            is_picked = is_picked && kept->is_brief;
        if (!is_picked) {
            link = &kept->next;
            continue;
        }
        *link = kept->next;
        if (kept->destroy != NULL)
            kept->destroy(kept->data);
        vl_free(kept);
        link = &connection->auxiliaries; /* destroy may have changed the list */
    }
}

/* Whether an argument is the same for the whole run. */
static int
call_is_constant(const velo_call *call, int index)
{
    const vl_expr *site = call->call->site;

    if (index < 0)
        return 1;
    if (site == NULL || (uint32_t)index >= site->kid_count)
        return 0;
    return site->kids[index]->kind == VL_EXPR_CONSTANT || site->kids[index]->kind == VL_EXPR_PARAM;
}

void
velo_call_set_auxiliary(velo_call *call, int index, void *data, void (*destroy)(void *data))
{
    velo_connection *connection = call->function->connection;
    struct vl_auxiliary *kept = NULL;

    if (call->call != NULL && call->call->site != NULL && connection->running != NULL) {
        call_drop_auxiliaries(connection, connection->running, call->call->site, index, 0);
        if (data != NULL)
            kept = vl_alloc_zero(&connection->ctx, sizeof *kept);
    }
    if (kept == NULL) {
        if (destroy != NULL && data != NULL)
            destroy(data);
        return;
    }
    kept->statement = connection->running;
    kept->site = call->call->site;
    kept->index = index;
    kept->is_brief = !call_is_constant(call, index);
    call->has_brief = call->has_brief || kept->is_brief;
    kept->data = data;
    kept->destroy = destroy;
    kept->next = connection->auxiliaries;
    connection->auxiliaries = kept;
}

/* ---- results ---- */

void
velo_result_null(velo_call *call)
{
    call->result = vl_value_of_null();
}

void
velo_result_int64(velo_call *call, int64_t value)
{
    call->result = vl_value_of_integer(value);
}

void
velo_result_double(velo_call *call, double value)
{
    call->result = vl_value_of_real(value);
}

/* `data` NULL: zeros. */
static void
call_result_bytes(velo_call *call, vl_type type, const void *data, int64_t size)
{
    void *copy;

    if (call->call == NULL) /* it is dropped */
        return;
    if (size > (int64_t)VL_VALUE_SIZE_MAX) {
        velo_result_error(call, VELO_TOOBIG, NULL);
        return;
    }
    copy = vl_arena_alloc(call->call->arena, (size_t)size + 1);
    if (copy == NULL) {
        velo_result_error(call, VELO_NOMEM, NULL);
        return;
    }
    if (data == NULL)
        memset(copy, 0, (size_t)size);
    else if (size > 0)
        memcpy(copy, data, (size_t)size);
    call->result = (vl_value){.type = type, .size = (uint32_t)size, .as.data = copy};
}

void
velo_result_text(velo_call *call, const char *text, int64_t size)
{
    if (text == NULL)
        velo_result_null(call);
    else
        call_result_bytes(call, VL_TYPE_TEXT, text, size < 0 ? (int64_t)strlen(text) : size);
}

void
velo_result_blob(velo_call *call, const void *data, int64_t size)
{
    if (data == NULL)
        velo_result_null(call);
    else
        call_result_bytes(call, VL_TYPE_BLOB, data, size < 0 ? 0 : size);
}

void
velo_result_zeroblob(velo_call *call, int64_t size)
{
    call_result_bytes(call, VL_TYPE_BLOB, NULL, size < 0 ? 0 : size);
}

void
velo_result_value(velo_call *call, const velo_value *value)
{
    const vl_value *from = &value->value;

    if (from->type == VL_TYPE_TEXT || from->type == VL_TYPE_BLOB)
        call_result_bytes(call, from->type, from->size == 0 ? "" : from->as.data, from->size);
    else
        call->result = *from;
    if (call->status == VELO_OK) {
        call->result.is_json = from->is_json;
        call->result.subtype = from->subtype;
    }
}

int
velo_vtab_nochange(const velo_call *call)
{
    return call->is_unchanged;
}

void
velo_result_subtype(velo_call *call, unsigned subtype)
{
    vl_value *result = &call->result;

    result->is_json = result->type == VL_TYPE_TEXT && (subtype & 0xff) == CALL_SUBTYPE_JSON;
    result->subtype = (uint8_t)(subtype & 0xff);
}

unsigned
velo_value_subtype(const velo_value *value)
{
    return value->value.is_json ? CALL_SUBTYPE_JSON : value->value.subtype;
}

void
velo_result_pointer(velo_call *call, void *pointer, const char *type,
                    void (*destroy)(void *pointer))
{
    velo_connection *connection = call->function->connection;

    if (call->call == NULL || connection->running == NULL) { /* it is dropped */
        if (destroy != NULL)
            destroy(pointer);
        velo_result_null(call);
    } else if (vl_pointer_of_result(connection, pointer, type, destroy, &call->result) != VELO_OK) {
        velo_result_error(call, VELO_NOMEM, NULL);
    }
}

void
velo_result_error(velo_call *call, velo_status status, const char *text)
{
    if (status == VELO_OK || status == VELO_ROW || status == VELO_DONE)
        status = VELO_ERROR;
    call->status = status;
    if (call->call != NULL)
        (void)vl_fail(call->call->ctx, status, "%s",
                      text != NULL ? text : velo_status_text(status));
}

/* ---- calling ---- */

/* Values for the application, in the call's arena, and pointers to them. */
static velo_status
call_wrap(vl_func_call *call, const vl_value *args, int count, velo_value ***out)
{
    velo_value *values = vl_arena_alloc_array(call->arena, (size_t)count + 1, sizeof *values);
    velo_value **pointers = vl_arena_alloc_array(call->arena, (size_t)count + 1, sizeof *pointers);
    const velo_connection *connection = ((const call_function *)call->func->user)->connection;
    const vl_expr *site = call->site;
    vl_expr *const *given = site != NULL ? site->kids : call->arguments;

    if (values == NULL || pointers == NULL)
        return vl_fail(call->ctx, VELO_NOMEM, "cannot allocate %d arguments", count);
    for (int i = 0; i < count; i++) {
        values[i] = (velo_value){.value = args[i], .arena = call->arena};
        if (given == NULL || (site != NULL && (uint32_t)i >= site->kid_count) ||
            !given[i]->may_be_json)
            values[i].value.subtype = values[i].value.is_json = 0; /* nobody has put it there */
        values[i].is_parameter =
            site != NULL && (uint32_t)i < site->kid_count && site->kids[i]->kind == VL_EXPR_PARAM;
        if (connection->pointers != NULL)
            vl_pointer_find(connection, &values[i]);
        pointers[i] = &values[i];
    }
    *out = pointers;
    return VELO_OK;
}

/* A callback has run: a text of the error that it told may have been lost to statements that it ran
 * afterwards, so the code at least is told. */
static velo_status
call_finish(velo_call *call)
{
    vl_ctx *ctx = call->call->ctx;

    if (call->has_brief)
        call_drop_auxiliaries(call->function->connection, call->function->connection->running,
                              call->call->site, 0, 1);
    if (call->status != VELO_OK) {
        if (ctx->error.code != call->status)
            return vl_fail(ctx, call->status, "%s", velo_status_text(call->status));
        return call->status;
    }
    vl_error_clear(ctx); /* of statements that it ran */
    return VELO_OK;
}

static velo_status
call_scalar(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    velo_call outer = {.call = call, .function = call->func->user};
    velo_value **pointers = NULL;
    velo_status st;

    VL_TRY(call_wrap(call, args, count, &pointers));
    outer.result = vl_value_of_null();
    outer.function->given.scalar(&outer, count, pointers);
    st = call_finish(&outer);
    if (st == VELO_OK)
        *result = outer.result;
    return st;
}

/* A row comes into a group or frame, or leaves it. */
static velo_status
call_change(vl_func_call *call, void *state, const vl_value *args, int count, int is_inverse)
{
    velo_call outer = {.call = call, .function = call->func->user};
    struct vl_call_state *memory;
    velo_value **pointers = NULL;

    VL_TRY(call_wrap(call, args, count, &pointers));
    memcpy(&memory, state, sizeof(void *));
    outer.state = &memory;
    outer.result = vl_value_of_null();
    if (is_inverse)
        outer.function->given.inverse(&outer, count, pointers);
    else
        outer.function->given.step(&outer, count, pointers);
    memcpy(state, &memory, sizeof(void *));
    return call_finish(&outer);
}

static velo_status
call_step(vl_func_call *call, void *state, const vl_value *args, int count)
{
    return call_change(call, state, args, count, 0);
}

static velo_status
call_value(vl_func_call *call, const void *state, vl_value *result)
{
    velo_call outer = {.call = call, .function = call->func->user};
    union {
        const void *given;
        struct vl_call_state **memory;
    } at = {state};
    struct vl_call_state *memory = *at.memory;
    velo_status st;

    outer.state = &memory;
    outer.result = vl_value_of_null();
    outer.function->given.final(&outer);
    *at.memory = NULL; /* keeps CL2 */
    if (memory != NULL)
        call_state_free(outer.function->connection, memory);
    st = call_finish(&outer);
    if (st == VELO_OK)
        *result = outer.result;
    return st;
}

static const vl_func_aggregate call_aggregate = {
    .state_size = sizeof(struct vl_call_state *),
    .step = call_step,
    .value = call_value,
};

/* A row leaves the frame of a window function. */
static velo_status
call_inverse(vl_func_call *call, void *state, const vl_value *args, int count)
{
    return call_change(call, state, args, count, 1);
}

/* The result of a frame, which goes on; of a group it is the end. */
static velo_status
call_window_value(vl_func_call *call, const void *state, vl_value *result)
{
    velo_call outer = {.call = call, .function = call->func->user};
    struct vl_call_state *memory;
    velo_status st;

    if (!call->is_window)
        return call_value(call, state, result);
    memcpy(&memory, state, sizeof(void *));
    outer.state = &memory;
    outer.may_not_begin = 1; /* the state is not to change */
    outer.result = vl_value_of_null();
    outer.function->given.value(&outer);
    st = call_finish(&outer);
    if (st == VELO_OK)
        *result = outer.result;
    return st;
}

/* A group or frame whose result nobody wants is ended all the same. Keeps CL2. */
static void
call_abandon(velo_connection *connection, struct vl_call_state *memory)
{
    velo_call outer = {.function = memory->function, .state = &memory};
    struct vl_call_state *gone = memory;
    vl_error error = connection->ctx.error;

    outer.result = vl_value_of_null();
    outer.function->given.final(&outer);
    connection->ctx.error = error;
    call_state_free(connection, gone);
}

static void
call_deinit(void *state)
{
    struct vl_call_state *memory;

    memcpy(&memory, state, sizeof(void *));
    memset(state, 0, sizeof(void *));
    if (memory != NULL)
        call_abandon(memory->function->connection, memory);
}

static const vl_func_aggregate call_window = {
    .state_size = sizeof(struct vl_call_state *),
    .step = call_step,
    .inverse = call_inverse,
    .value = call_window_value,
    .deinit = call_deinit,
};

void
vl_calls_end_run(velo_statement *statement)
{
    velo_connection *connection = statement->connection;
    struct vl_call_state *state = connection->states;

    if (connection->pointers != NULL)
        vl_pointers_drop(connection, statement, 0, 0);
    if (connection->states == NULL && connection->auxiliaries == NULL)
        return;
    while (state != NULL) {
        if (state->statement == statement) {
            call_abandon(connection, state);
            state = connection->states;
        } else {
            state = state->next;
        }
    }
    call_drop_auxiliaries(connection, statement, NULL, 0, 0);
}

/* ---- creating ---- */

static void
call_release(void *user)
{
    call_function *function = user;

    if (function->given.destroy != NULL)
        function->given.destroy(function->given.user);
    vl_free(function);
}

/* Whether the callbacks fit together: *is_removal: there are none. */
static int
call_check(const velo_function *given, int *is_removal)
{
    int is_scalar = given->scalar != NULL;
    int is_aggregate = given->step != NULL || given->final != NULL || given->value != NULL ||
                       given->inverse != NULL;

    *is_removal = !is_scalar && !is_aggregate;
    if (given->name == NULL || given->name[0] == 0 || strlen(given->name) > CALL_NAME_MAX)
        return 0;
    if (given->argument_count < -1 || given->argument_count > VL_FUNC_ARGUMENTS_MAX)
        return 0;
    return !(is_scalar && is_aggregate) && (given->step == NULL) == (given->final == NULL) &&
           (given->value == NULL) == (given->inverse == NULL) &&
           (given->value == NULL || given->step != NULL);
}

/* Whether the set has a function of this name and number of arguments. */
static int
call_has(const vl_func_set *set, const velo_function *given)
{
    const vl_func *found;
    vl_ctx ctx;

    vl_ctx_init(&ctx, NULL, NULL);
    return set != NULL &&
           vl_func_find(&ctx, set, given->name, strlen(given->name),
                        given->argument_count < 0 ? 0 : given->argument_count, &found) == VELO_OK &&
           found->release == call_release &&
           found->least == (given->argument_count < 0 ? 0 : found->least);
}

velo_status
vl_call_describe(vl_ctx *ctx, velo_connection *connection, const velo_function *given,
                 vl_func *func)
{
    unsigned is_pure = (given->flags & VELO_FUNCTION_DETERMINISTIC) != 0;
    call_function *function = vl_alloc_zero(ctx, sizeof *function);

    if (function == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a function");
    *func = (vl_func){.name = given->name,
                      .least = (int16_t)(given->argument_count < 0 ? 0 : given->argument_count),
                      .most = (int16_t)given->argument_count,
                      .flags = VL_FUNC_JSON | (is_pure ? VL_FUNC_DETERMINISTIC | VL_FUNC_FAILING
                                                       : VL_FUNC_VOLATILE),
                      .results = VL_FUNC_YIELDS_ANY,
                      .user = function,
                      .release = call_release};
    function->given = *given;
    function->connection = connection;
    function->given.destroy = NULL; /* the caller's until all is well */
    if (given->step != NULL) {
        func->flags |= VL_FUNC_AGGREGATE | VL_FUNC_ORDERED;
        func->flags |= given->value == NULL ? VL_FUNC_GROUPS_ONLY : 0U;
        func->aggregate = given->value == NULL ? &call_aggregate : &call_window;
    } else {
        func->scalar = call_scalar;
    }
    if ((given->flags & VELO_FUNCTION_DIRECT_ONLY) != 0)
        func->flags |= VL_FUNC_DIRECT_ONLY;
    if ((given->flags & VELO_FUNCTION_INNOCUOUS) != 0)
        func->flags |= VL_FUNC_INNOCUOUS;
    return VELO_OK;
}

velo_status
vl_call_tell(vl_ctx *ctx, velo_connection *connection, vl_arena *arena,
             velo_status (*tell)(void *user, velo_call *call), void *user, vl_value *value)
{
    const call_function function = {.connection = connection};
    vl_func_call call = {.ctx = ctx, .arena = arena, .environment = &connection->functions};
    velo_call outer = {.call = &call, .function = &function};
    velo_status st;

    outer.is_unchanged = value->type == VL_TYPE_NULL && value->subtype == VL_SUBTYPE_UNCHANGED;
    outer.result = *value;
    st = tell(user, &outer);
    if (st != VELO_OK && outer.status == VELO_OK)
        return st;
    VL_TRY(call_finish(&outer));
    *value = outer.result;
    return VELO_OK;
}

static velo_status
call_add(vl_ctx *ctx, velo_connection *connection, const velo_function *given)
{
    call_function *function;
    velo_status st = VELO_OK;
    vl_func func;

    VL_TRY(vl_call_describe(ctx, connection, given, &func));
    function = func.user;
    if (connection->function_set == NULL)
        st = vl_func_set_create(ctx, &connection->function_set);
    if (st != VELO_OK) {
        vl_free(function);
        return st;
    }
    st = vl_func_set_add(ctx, connection->function_set, &func);
    if (st == VELO_OK)
        function->given.destroy = given->destroy;
    else if (st == VELO_MISUSE)
        vl_free(function);
    return st;
}

void
vl_connection_expire_statements(velo_connection *connection)
{
    for (velo_statement *at = connection->statements; at != NULL; at = at->next) {
        at->is_stale = 1;
        if (!at->is_open) { /* it refers to functions, which may go */
            vl_prepared_drop_exec(at);
        }
    }
}

velo_status
velo_create_function(velo_connection *connection, const velo_function *given)
{
    int is_removal = 0;
    velo_status st;
    vl_ctx *ctx;

    if (connection == NULL || connection->engine == NULL || given == NULL ||
        given->size != sizeof *given)
        return VELO_MISUSE;
    ctx = vl_connection_begin_call(connection);
    if (!call_check(given, &is_removal)) {
        st = vl_fail(ctx, VELO_MISUSE, "bad parameter or other API misuse");
    } else if (connection->active_count > 0 && call_has(connection->function_set, given)) {
        st = vl_fail(ctx, VELO_BUSY,
                     "unable to delete/modify user-function due to active statements");
    } else {
        vl_connection_expire_statements(connection);
        if (!is_removal) {
            st = call_add(ctx, connection, given);
        } else {
            if (connection->function_set != NULL)
                (void)vl_func_set_remove(connection->function_set, given->name,
                                         given->argument_count < 0 ? 0 : given->argument_count,
                                         given->argument_count);
            if (given->destroy != NULL)
                given->destroy(given->user);
            st = VELO_OK;
        }
    }
    if (st != VELO_OK && given->destroy != NULL)
        given->destroy(given->user);
    return vl_connection_end_call(connection, st);
}
