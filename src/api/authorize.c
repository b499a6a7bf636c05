/* authorize.c - asking the application what statements may do: setting its authorizer, and the
 * statements that are neither queries nor changes of rows (those are sql/bind_auth.c's).
 *
 * For changes of the schema the authorizer hears what SQLite tells of them: also of the rows of
 * sqlite_master, which are changed with it, since programs refuse by those.
 *
 * Invariants
 *   AU1  After the first refusal, or the first wish to leave the statement out, nothing more is
 *        asked for it. */
#include "api/api_int.h"

#include "base/alloc.h"

#include <string.h>

/* What a statement asks with. */
typedef struct authorize_work {
    vl_ctx *ctx;
    velo_statement *statement;
    const vl_schema **ordered; /* of the statement, in the order in which names are looked up */
    const vl_schema *schema;   /* of the database that it is about, */
    const char *database;      /* its name, */
    const char *master;        /* and that of its table of all objects */
    velo_status status;        /* the first failure */
    int is_ignored;            /* an answer was VELO_IGNORE */
} authorize_work;

void
velo_set_authorizer(velo_connection *connection,
                    int (*authorizer)(void *user, velo_action action, const char *first,
                                      const char *second, const char *database, const char *inner),
                    void *user)
{
    connection->authorizer = authorizer;
    connection->authorizer_user = user;
    vl_connection_expire_statements(connection);
}

/* ---- asking ---- */

static void
authorize_ask(authorize_work *work, velo_action action, const char *first, const char *second,
              const char *database)
{
    const velo_connection *connection = work->statement->connection;
    int answer;

    if (work->status != VELO_OK || work->is_ignored) /* keeps AU1 */
        return;
    answer =
        connection->authorizer(connection->authorizer_user, action, first, second, database, NULL);
    if (answer == VELO_IGNORE)
        work->is_ignored = 1;
    else if (answer == VELO_DENY)
        work->status = vl_fail(work->ctx, VELO_AUTH, "not authorized");
    else if (answer != VELO_ALLOW)
        work->status = vl_fail(work->ctx, VELO_ERROR, "authorizer malfunction");
}

/* The text of a node with its end; NULL: there is no node, or no memory. */
static const char *
authorize_text(authorize_work *work, const vl_ast *node)
{
    char *text;

    if (node == NULL)
        return NULL;
    text = vl_arena_alloc(&work->statement->arena, (size_t)node->text_size + 1);
    if (text == NULL) {
        work->status = vl_fail(work->ctx, VELO_NOMEM, "cannot allocate a name");
        return NULL;
    }
    if (node->text_size > 0)
        memcpy(text, node->text, node->text_size);
    text[node->text_size] = 0;
    return text;
}

static void
authorize_master(authorize_work *work, velo_action action)
{
    authorize_ask(work, action, work->master, NULL, work->database);
}

/* The row of a new table or view is changed. */
static void
authorize_new_row(authorize_work *work)
{
    static const char *const columns[] = {"type", "name", "tbl_name", "rootpage", "sql"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(columns); i++)
        authorize_ask(work, VELO_ACTION_UPDATE, work->master, columns[i], work->database);
    authorize_ask(work, VELO_ACTION_READ, work->master, "ROWID", work->database);
}

/* One that is hidden would have to be NULL in what is copied: it is refused. */
static int
authorize_strictly(void *user, velo_action action, const char *first, const char *second,
                   const char *database, const char *inner)
{
    const velo_connection *connection = user;
    int answer =
        connection->authorizer(connection->authorizer_user, action, first, second, database, inner);

    return answer == VELO_IGNORE ? VELO_DENY : answer;
}

/* Ask for all that a query or change does, without carrying it out. */
static void
authorize_plan(authorize_work *work, const vl_ast *tree, int is_strict)
{
    velo_connection *connection = work->statement->connection;
    vl_plan_env env = {.schemas = work->ordered,
                       .schema_count = work->statement->schema_count,
                       .find_func = vl_functions_find,
                       .find_table_func = vl_pragma_find_function,
                       .arg = connection->function_set,
                       .authorize = is_strict ? authorize_strictly : connection->authorizer,
                       .authorize_user = is_strict ? connection : connection->authorizer_user,
                       .has_foreign_keys = connection->has_foreign_keys,
                       .has_no_triggers = connection->has_no_triggers};
    vl_plan *plan;

    if (work->status == VELO_OK && !work->is_ignored)
        work->status = vl_plan_make(work->ctx, &work->statement->arena, tree, work->statement->sql,
                                    work->statement->plan->param_count, &env, &plan);
}

/* ---- databases ---- */

static void
authorize_set(authorize_work *work, const vl_schema *schema)
{
    work->schema = schema;
    work->database = schema->database;
    work->master = strcmp(schema->database, "temp") == 0 ? "sqlite_temp_master" : "sqlite_master";
}

static int
authorize_is_temp(const authorize_work *work)
{
    return strcmp(work->database, "temp") == 0;
}

/* Whether a schema has an object of the name. */
static int
authorize_has(const vl_schema *schema, const vl_ast *name)
{
    return vl_schema_table(schema, name->text, name->text_size) != NULL ||
           vl_schema_index(schema, name->text, name->text_size) != NULL ||
           vl_schema_trigger(schema, name->text, name->text_size) != NULL;
}

/* The database that a name stands for: as it says, or where the object is; else main. */
static void
authorize_choose(authorize_work *work, const vl_ast *qualified, const vl_ast *object)
{
    const velo_statement *statement = work->statement;
    const vl_ast *qualifier = qualified != NULL ? qualified->kid[0] : NULL;
    int number = -1;

    authorize_set(work, statement->schemas[VL_DATABASE_MAIN]);
    if (qualifier != NULL)
        number = vl_database_find(statement->connection, qualifier->text, qualifier->text_size);
    if (number >= 0 && (uint32_t)number < statement->schema_count)
        authorize_set(work, statement->schemas[number]);
    for (uint32_t i = 0; i < statement->schema_count && qualifier == NULL && object != NULL; i++)
        if (authorize_has(work->ordered[i], object)) {
            authorize_set(work, work->ordered[i]);
            return;
        }
}

/* ---- changes of the schema ---- */

static void
authorize_create(authorize_work *work, const vl_ast *tree)
{
    const vl_ast *qname = tree->kid[0];
    const char *name = authorize_text(work, qname);
    int is_view = tree->type == VL_AST_CREATE_VIEW;
    velo_action action = is_view ? VELO_ACTION_CREATE_VIEW : VELO_ACTION_CREATE_TABLE;

    if (authorize_is_temp(work))
        action = is_view ? VELO_ACTION_CREATE_TEMP_VIEW : VELO_ACTION_CREATE_TEMP_TABLE;
    authorize_master(work, VELO_ACTION_INSERT);
    authorize_ask(work, action, name, NULL, work->database);
    if (tree->type == VL_AST_CREATE_TABLE && tree->kid[3] != NULL)
        authorize_plan(work, tree->kid[3], 1);
    authorize_new_row(work);
}

static void
authorize_create_index(authorize_work *work, const vl_ast *tree)
{
    const char *name = authorize_text(work, tree->kid[0]);
    const char *table = authorize_text(work, tree->kid[1]);

    authorize_master(work, VELO_ACTION_INSERT);
    authorize_ask(
        work, authorize_is_temp(work) ? VELO_ACTION_CREATE_TEMP_INDEX : VELO_ACTION_CREATE_INDEX,
        name, table, work->database);
    for (const vl_ast *term = vl_ast_first(tree->kid[2]); term != NULL; term = term->next)
        if (term->kid[0]->type == VL_AST_COLUMN)
            authorize_ask(work, VELO_ACTION_READ, table, authorize_text(work, term->kid[0]),
                          work->database);
    authorize_master(work, VELO_ACTION_INSERT);
    authorize_ask(work, VELO_ACTION_REINDEX, name, NULL, work->database);
}

static void
authorize_create_trigger(authorize_work *work, const vl_ast *tree)
{
    authorize_ask(
        work,
        authorize_is_temp(work) ? VELO_ACTION_CREATE_TEMP_TRIGGER : VELO_ACTION_CREATE_TRIGGER,
        authorize_text(work, tree->kid[0]), authorize_text(work, tree->kid[1]), work->database);
    authorize_master(work, VELO_ACTION_INSERT);
}

static velo_action
authorize_drop_trigger(const authorize_work *work)
{
    return authorize_is_temp(work) ? VELO_ACTION_DROP_TEMP_TRIGGER : VELO_ACTION_DROP_TRIGGER;
}

/* The triggers of a table or view that is dropped. */
static void
authorize_drop_triggers(authorize_work *work, const vl_object_def *table)
{
    for (uint32_t i = 0; i < work->schema->trigger_count; i++) {
        const vl_object_def *trigger = &work->schema->triggers[i]->object;

        if (vl_name_compare(trigger->table_name, strlen(trigger->table_name), table->name,
                            strlen(table->name)) != 0)
            continue;
        authorize_ask(work, authorize_drop_trigger(work), trigger->name, table->name,
                      work->database);
        authorize_master(work, VELO_ACTION_DELETE);
    }
}

static void
authorize_drop_table(authorize_work *work, const vl_object_def *table, int is_view)
{
    velo_action action = is_view ? VELO_ACTION_DROP_VIEW : VELO_ACTION_DROP_TABLE;

    if (authorize_is_temp(work))
        action = is_view ? VELO_ACTION_DROP_TEMP_VIEW : VELO_ACTION_DROP_TEMP_TABLE;
    authorize_master(work, VELO_ACTION_DELETE);
    authorize_ask(work, action, table->name, NULL, work->database);
    authorize_ask(work, VELO_ACTION_DELETE, table->name, NULL, work->database);
    authorize_drop_triggers(work, table);
}

/* DROP of what is not there is told when it is carried out. */
static void
authorize_drop(authorize_work *work, const vl_ast *tree)
{
    const vl_ast *name = tree->kid[0];
    const vl_index_def *index = vl_schema_index(work->schema, name->text, name->text_size);
    const vl_trigger_def *trigger = vl_schema_trigger(work->schema, name->text, name->text_size);
    const vl_table_def *table = vl_schema_table(work->schema, name->text, name->text_size);

    if (tree->op == VL_OP_TRIGGER && trigger != NULL) {
        authorize_ask(work, authorize_drop_trigger(work), trigger->object.name,
                      trigger->object.table_name, work->database);
        authorize_master(work, VELO_ACTION_DELETE);
    } else if (tree->op == VL_OP_INDEX && index != NULL) {
        authorize_master(work, VELO_ACTION_DELETE);
        authorize_ask(
            work, authorize_is_temp(work) ? VELO_ACTION_DROP_TEMP_INDEX : VELO_ACTION_DROP_INDEX,
            index->object.name, index->object.table_name, work->database);
    } else if ((tree->op == VL_OP_TABLE || tree->op == VL_OP_VIEW) && table != NULL) {
        authorize_drop_table(work, &table->object, tree->op == VL_OP_VIEW);
    }
}

/* ---- upkeep ---- */

/* Every table of ANALYZE, every index of REINDEX: all of a database, of a table, or one. */
static void
authorize_upkeep_in(authorize_work *work, const vl_ast *name, velo_action action)
{
    const vl_schema *schema = work->schema;

    for (uint32_t i = 0; i < schema->table_count && action == VELO_ACTION_ANALYZE; i++) {
        const vl_object_def *table = &schema->tables[i]->object;

        if (table->type == VL_OBJECT_TABLE && strncmp(table->name, "sqlite_", 7) != 0 &&
            (name == NULL ||
             vl_name_compare(table->name, strlen(table->name), name->text, name->text_size) == 0))
            authorize_ask(work, action, table->name, NULL, work->database);
    }
    for (uint32_t i = 0; i < schema->index_count && action == VELO_ACTION_ANALYZE; i++) {
        const vl_object_def *index = &schema->indexes[i]->object;

        if (name != NULL &&
            vl_name_compare(index->name, strlen(index->name), name->text, name->text_size) == 0)
            authorize_ask(work, action, index->table_name, NULL, work->database);
    }
    for (uint32_t i = 0; i < schema->index_count && action == VELO_ACTION_REINDEX; i++) {
        const vl_object_def *index = &schema->indexes[i]->object;

        if (name == NULL ||
            vl_name_compare(index->name, strlen(index->name), name->text, name->text_size) == 0 ||
            vl_name_compare(index->table_name, strlen(index->table_name), name->text,
                            name->text_size) == 0)
            authorize_ask(work, action, index->name, NULL, work->database);
    }
}

static void
authorize_upkeep(authorize_work *work, const vl_ast *tree, velo_action action)
{
    const vl_ast *name = tree->kid[0];
    int number = -1;

    if (action == VELO_ACTION_ANALYZE && name != NULL && name->kid[0] == NULL)
        number = vl_database_find(work->statement->connection, name->text, name->text_size);
    if (number >= 0) { /* it is that of a database: all of it */
        authorize_set(work, work->statement->schemas[number]);
        authorize_upkeep_in(work, NULL, action);
        return;
    }
    for (uint32_t i = 0; i < work->statement->schema_count; i++) {
        if (tree->kid[0] != NULL)
            authorize_choose(work, tree->kid[0], tree->kid[0]);
        else
            authorize_set(work, work->statement->schemas[i]);
        authorize_upkeep_in(work, tree->kid[0], action);
        if (tree->kid[0] != NULL)
            return;
    }
}

/* The file of ATTACH, the name of DETACH: where it is a text or word. */
static const char *
authorize_word(authorize_work *work, const vl_ast *node)
{
    return node != NULL && (node->type == VL_AST_STRING || node->type == VL_AST_COLUMN)
               ? authorize_text(work, node)
               : NULL;
}

/* check_tree: table, of the statements. */
static void
authorize_tree(authorize_work *work, const vl_ast *tree)
{
    switch (tree->type) {
    case VL_AST_CREATE_TABLE:
    case VL_AST_CREATE_VIEW:
        authorize_create(work, tree);
        break;
    case VL_AST_CREATE_INDEX:
        authorize_create_index(work, tree);
        break;
    case VL_AST_CREATE_TRIGGER:
        authorize_create_trigger(work, tree);
        break;
    case VL_AST_CREATE_VIRTUAL:
        authorize_master(work, VELO_ACTION_INSERT);
        authorize_ask(work, VELO_ACTION_CREATE_VTABLE, authorize_text(work, tree->kid[0]),
                      authorize_text(work, tree), work->database);
        break;
    case VL_AST_DROP:
        authorize_drop(work, tree);
        break;
    case VL_AST_ALTER:
        authorize_ask(work, VELO_ACTION_ALTER_TABLE, work->database,
                      authorize_text(work, tree->kid[0]), NULL);
        break;
    case VL_AST_PRAGMA:
        authorize_ask(work, VELO_ACTION_PRAGMA, authorize_text(work, tree->kid[0]),
                      authorize_text(work, tree->kid[1]),
                      authorize_text(work, tree->kid[0]->kid[0]));
        break;
    case VL_AST_BEGIN:
        authorize_ask(work, VELO_ACTION_TRANSACTION, "BEGIN", NULL, NULL);
        break;
    case VL_AST_COMMIT:
        authorize_ask(work, VELO_ACTION_TRANSACTION, "COMMIT", NULL, NULL);
        break;
    case VL_AST_ROLLBACK:
        if (tree->text == NULL)
            authorize_ask(work, VELO_ACTION_TRANSACTION, "ROLLBACK", NULL, NULL);
        else
            authorize_ask(work, VELO_ACTION_SAVEPOINT, "ROLLBACK", authorize_text(work, tree),
                          NULL);
        break;
    case VL_AST_SAVEPOINT:
        authorize_ask(work, VELO_ACTION_SAVEPOINT, "BEGIN", authorize_text(work, tree), NULL);
        break;
    case VL_AST_RELEASE:
        authorize_ask(work, VELO_ACTION_SAVEPOINT, "RELEASE", authorize_text(work, tree), NULL);
        break;
    case VL_AST_ANALYZE:
        authorize_upkeep(work, tree, VELO_ACTION_ANALYZE);
        break;
    case VL_AST_REINDEX:
        authorize_upkeep(work, tree, VELO_ACTION_REINDEX);
        break;
    case VL_AST_VACUUM:
        authorize_ask(work, VELO_ACTION_ATTACH, "", NULL, NULL);
        break;
    case VL_AST_ATTACH:
        authorize_ask(work, VELO_ACTION_ATTACH, authorize_word(work, tree->kid[0]), NULL, NULL);
        break;
    case VL_AST_DETACH:
        authorize_ask(work, VELO_ACTION_DETACH, authorize_word(work, tree->kid[0]), NULL, NULL);
        break;
    case VL_AST_EXPLAIN:
        if (vl_plan_kind_of(tree->kid[0]) == VL_PLAN_OTHER)
            authorize_tree(work, tree->kid[0]);
        else
            authorize_plan(work, tree->kid[0], 0);
        break;
    default: /* the others are planned by the binder, which asks itself */
        break;
    }
}

/* Find the database that the statement is about. */
static void
authorize_begin(authorize_work *work, const vl_ast *tree)
{
    switch (tree->type) {
    case VL_AST_CREATE_TABLE:
    case VL_AST_CREATE_VIEW:
    case VL_AST_CREATE_VIRTUAL:
        authorize_choose(work, tree->kid[0], NULL);
        break;
    case VL_AST_CREATE_INDEX:
    case VL_AST_CREATE_TRIGGER:
        authorize_choose(work, tree->kid[0], tree->kid[1]);
        break;
    case VL_AST_DROP:
    case VL_AST_ALTER:
        authorize_choose(work, tree->kid[0], tree->kid[0]);
        break;
    default:
        authorize_choose(work, NULL, NULL);
        break;
    }
    if ((tree->flags & VL_AST_TEMP) != 0 && vl_ast_is_ddl((vl_ast_type)tree->type))
        authorize_set(work, work->statement->schemas[VL_DATABASE_TEMP]);
}

velo_status
vl_authorize_other(vl_ctx *ctx, velo_statement *statement, const vl_schema **ordered,
                   int *is_ignored)
{
    const vl_ast *tree = statement->tree;
    authorize_work work = {.ctx = ctx, .statement = statement, .ordered = ordered};

    if (statement->connection->authorizer == NULL)
        return VELO_OK;
    authorize_begin(&work, tree);
    authorize_tree(&work, tree);
    *is_ignored = work.is_ignored;
    return work.status;
}
