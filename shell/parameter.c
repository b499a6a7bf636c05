/* parameter.c - values for parameters.
 *
 * Invariants
 *   PA1  The list is sorted by name, and no name is in it twice. */
#include "parameter.h"
#include "memory.h"
#include "quote.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

struct shell_parameter {
    struct shell_parameter *next;
    char *name;      /* owned */
    velo_type type;  /* of the value */
    int64_t integer; /* INTEGER */
    double real;     /* REAL */
    char *data;      /* TEXT, BLOB: owned */
    size_t size;     /* bytes of data */
};

static void
parameter_free(struct shell_parameter *parameter)
{
    free(parameter->name);
    free(parameter->data);
    free(parameter);
}

void
parameter_unset(shell *of, const char *name)
{
    struct shell_parameter **place = &of->parameters;

    while (*place != NULL) {
        struct shell_parameter *at = *place;

        if (name != NULL && strcmp(at->name, name) != 0) {
            place = &at->next;
            continue;
        }
        *place = at->next;
        parameter_free(at);
    }
}

/* Put a parameter into the list in place of one with its name. */
static void
parameter_put(shell *of, struct shell_parameter *made)
{
    struct shell_parameter **place = &of->parameters;

    parameter_unset(of, made->name);
    while (*place != NULL && strcmp((*place)->name, made->name) < 0)
        place = &(*place)->next;
    made->next = *place; /* keeps PA1 */
    *place = made;
}

/* The value of a statement's first column. */
static void
parameter_take(struct shell_parameter *to, velo_statement *statement)
{
    const void *data = NULL;

    to->type = velo_column_type(statement, 0);
    if (to->type == VELO_INTEGER)
        to->integer = velo_column_int64(statement, 0);
    else if (to->type == VELO_REAL)
        to->real = velo_column_double(statement, 0);
    else if (to->type == VELO_TEXT)
        data = velo_column_text(statement, 0);
    else if (to->type == VELO_BLOB)
        data = velo_column_blob(statement, 0);
    if (to->type != VELO_TEXT && to->type != VELO_BLOB)
        return;
    to->size = (size_t)velo_column_bytes(statement, 0);
    to->data = memory_copy(data == NULL ? "" : data, data == NULL ? 0 : to->size);
}

/* The value of an expression. Returns 0 when the word is none. */
static int
parameter_evaluate(const shell *of, const char *word, struct shell_parameter *to)
{
    velo_statement *statement = NULL;
    const char *tail = NULL;
    text sql = {0};
    int has_value;

    text_add_format(&sql, "SELECT %s", word);
    has_value = velo_prepare(of->connection, text_string(&sql), -1, &statement, &tail) == VELO_OK &&
                statement != NULL && velo_column_count(statement) == 1 && *tail == '\0' &&
                velo_step(statement) == VELO_ROW;
    if (has_value)
        parameter_take(to, statement);
    (void)velo_finalize(statement);
    text_free(&sql);
    return has_value;
}

int
parameter_set(shell *of, const char *name, const char *word)
{
    struct shell_parameter *made;

    if (strchr(":@$?", name[0]) == NULL || name[0] == '\0' || name[1] == '\0')
        return shell_fail(of, "Error: \"%s\" is no name of a parameter: these are :a, @a, $a, ?1\n",
                          name);
    if (shell_connect(of))
        return 1;
    made = memory_take(sizeof *made);
    made->name = memory_copy_text(name);
    if (!parameter_evaluate(of, word, made)) {
        made->type = VELO_TEXT;
        made->size = strlen(word);
        made->data = memory_copy_text(word);
    }
    parameter_put(of, made);
    return 0;
}

static void
parameter_add_value(text *to, const struct shell_parameter *parameter)
{
    switch (parameter->type) {
    case VELO_INTEGER:
        text_add_format(to, "%lld", (long long)parameter->integer);
        break;
    case VELO_REAL:
        quote_real(to, parameter->real);
        break;
    case VELO_TEXT:
        quote_sql_text(to, parameter->data, parameter->size);
        break;
    case VELO_BLOB:
        quote_sql_blob(to, parameter->data, parameter->size);
        break;
    case VELO_NULL:
        text_add_string(to, "NULL");
        break;
    }
}

void
parameter_list(shell *of)
{
    size_t width = 0;

    for (const struct shell_parameter *at = of->parameters; at != NULL; at = at->next)
        if (strlen(at->name) > width)
            width = strlen(at->name);
    for (const struct shell_parameter *at = of->parameters; at != NULL; at = at->next) {
        text value = {0};

        parameter_add_value(&value, at);
        shell_print(of, "%-*s %s\n", (int)width, at->name, text_string(&value));
        text_free(&value);
    }
}

static velo_status
parameter_bind_one(velo_statement *statement, int index, const struct shell_parameter *value)
{
    switch (value->type) {
    case VELO_INTEGER:
        return velo_bind_int64(statement, index, value->integer);
    case VELO_REAL:
        return velo_bind_double(statement, index, value->real);
    case VELO_TEXT:
        return velo_bind_text(statement, index, value->data, (int64_t)value->size, VELO_COPY);
    case VELO_BLOB:
        return velo_bind_blob(statement, index, value->data, (int64_t)value->size, VELO_COPY);
    case VELO_NULL:
        break;
    }
    return velo_bind_null(statement, index);
}

velo_status
parameter_bind(const shell *of, velo_statement *statement)
{
    int count = velo_parameter_count(statement);
    velo_status status = VELO_OK;

    for (const struct shell_parameter *at = of->parameters; at != NULL; at = at->next)
        for (int i = 1; status == VELO_OK && i <= count; i++) {
            const char *name = velo_parameter_name(statement, i);

            if (name != NULL && strcmp(name, at->name) == 0)
                status = parameter_bind_one(statement, i, at);
        }
    return status;
}
