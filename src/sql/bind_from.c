/* bind_from.c - FROM: which sources there are, what they are called, how they are joined.
 *
 * Invariants
 *   BR1  A source's place is its number in the scope, in the order of the text.
 *   BR2  is_nullable is set before any expression names a column of the source.
 *   BR3  ON of an outer join names sources of its own list, itself or before. */
#include "sql/bind_int.h"

#include "catalog/virtual.h"

#include <string.h>
#include <strings.h>

/* ---- tables ---- */

static int
from_is_schema_table(vl_bind_word name, int *is_temporary)
{
    *is_temporary = vl_bind_is(name.text, name.size, "sqlite_temp_master") ||
                    vl_bind_is(name.text, name.size, "sqlite_temp_schema");
    return *is_temporary || vl_bind_is(name.text, name.size, "sqlite_master") ||
           vl_bind_is(name.text, name.size, "sqlite_schema");
}

static const vl_table_def *
from_table_in(const vl_schema *schema, vl_bind_word name, const char *database)
{
    int is_temporary;

    if (from_is_schema_table(name, &is_temporary)) {
        const char *own =
            strcmp(schema->database, "temp") == 0 ? "sqlite_temp_schema" : "sqlite_schema";

        if (database == NULL && strcmp(schema->database, is_temporary ? "temp" : "main") != 0)
            return NULL;
        return vl_schema_table(schema, own, strlen(own));
    }
    return vl_schema_table(schema, name.text, name.size);
}

void
vl_bind_use_schema(vl_binder *b, const vl_schema *schema, int is_writing)
{
    for (uint32_t i = 0; i < b->env->schema_count; i++)
        if (b->env->schemas[i] == schema) {
            b->plan->reads |= UINT32_C(1) << i;
            b->plan->writes |= (uint32_t)is_writing << i;
        }
}

void
vl_bind_use_database(vl_binder *b, const char *database, int is_writing)
{
    for (uint32_t i = 0; i < b->env->schema_count; i++)
        if (strcmp(b->env->schemas[i]->database, database) == 0)
            vl_bind_use_schema(b, b->env->schemas[i], is_writing);
}

/* The table of a name, or NULL. home: the database of the text that has the name, or NULL. */
static const vl_table_def *
from_look(const vl_binder *b, const vl_schema *home, vl_bind_word schema, vl_bind_word name)
{

    if (home != NULL && strcmp(home->database, "temp") != 0) {
        if (schema.text != NULL && !vl_bind_is(schema.text, schema.size, home->database))
            return NULL;
        return from_table_in(home, name, home->database);
    }
    for (uint32_t i = 0; i < b->env->schema_count; i++) {
        const vl_schema *one = b->env->schemas[i];
        const vl_table_def *table;

        if (schema.text != NULL && !vl_bind_is(schema.text, schema.size, one->database))
            continue;
        table = from_table_in(one, name, schema.text != NULL ? one->database : NULL);
        if (table != NULL)
            return table;
    }
    return NULL;
}

/* The same, for a source: its database is used. */
static const vl_table_def *
from_find_table(vl_binder *b, const vl_bind_scope *scope, vl_bind_word schema, vl_bind_word name)
{
    const vl_table_def *table = from_look(b, scope->home, schema, name);

    if (table != NULL)
        vl_bind_use_schema(b, table->schema, 0);
    return table;
}

static void
from_name(const vl_ast *qname, vl_bind_word *schema, vl_bind_word *name)
{
    const vl_ast *kid = qname->kid[0];

    *name = (vl_bind_word){qname->text, qname->text_size};
    *schema = (vl_bind_word){NULL, 0};
    if (kid != NULL)
        *schema = (vl_bind_word){kid->text, kid->text_size};
}

/* The virtual table that a connection has connected: one without columns stands in the schema. With
 * table NULL that of a module's name, or NULL. */
static const vl_table_def *
from_connect(vl_binder *b, const vl_table_def *table, vl_bind_word name)
{
    const vl_table_def *found = NULL;
    velo_status st = VELO_OK;

    if (table != NULL && table->virtual_ast == NULL)
        return table;
    if (b->env->find_virtual != NULL && b->status == VELO_OK)
        st = b->env->find_virtual(b->ctx, b->env->virtual_arg, table, name.text, name.size, &found);
    if (st != VELO_OK)
        b->status = st;
    else if (found == NULL && table != NULL)
        vl_bind_fail(b, NULL, NULL, "no such module");
    else if (found != NULL && found->instance->is_direct_only &&
             (b->view_count > 0 || b->around != NULL))
        vl_bind_fail(b, NULL, NULL, "unsafe use of virtual table \"%s\"", found->object.name);
    return b->status == VELO_OK ? found : NULL;
}

const char *
vl_bind_shown_name(vl_binder *b, const vl_bind_source *source)
{
    size_t size = source->database.text != NULL ? source->database.size + 1U : 0;
    char *name;

    if (size == 0 || source->is_aliased)
        return vl_bind_text(b, source->alias.text, source->alias.size);
    name = vl_bind_alloc(b, size + source->alias.size + 1U, 1);
    if (name == NULL)
        return NULL;
    memcpy(name, source->database.text, size - 1);
    name[size - 1] = '.';
    memcpy(name + size, source->alias.text, source->alias.size);
    return name;
}

const vl_table_def *
vl_bind_find_table(vl_binder *b, const vl_ast *qname)
{
    vl_bind_word schema;
    vl_bind_word name;

    from_name(qname, &schema, &name);
    return from_look(b, NULL, schema, name);
}

const vl_table_def *
vl_bind_table(vl_binder *b, vl_bind_scope *scope, const vl_ast *qname)
{
    vl_bind_word schema;
    vl_bind_word name;
    const vl_table_def *table;

    from_name(qname, &schema, &name);
    table = from_find_table(b, scope, schema, name);
    if (table == NULL && schema.text == NULL) {
        table = from_connect(b, NULL, name);
        if (table != NULL || b->status != VELO_OK)
            return table;
    }
    if (table == NULL && schema.text == NULL && scope->home != NULL &&
        strcmp(scope->home->database, "temp") != 0)
        schema = (vl_bind_word){scope->home->database, (uint32_t)strlen(scope->home->database)};
    if (table == NULL) {
        vl_bind_near_table(b, scope, schema, name);
        vl_bind_fail(b, scope, qname, "no such table: %.*s%s%.*s", (int)schema.size,
                     schema.text != NULL ? schema.text : "", schema.text != NULL ? "." : "",
                     (int)name.size, name.text);
    }
    return table != NULL ? from_connect(b, table, name) : NULL;
}

/* ---- columns ---- */

static uint8_t
from_column_classes(const vl_table_def *table, int32_t position)
{
    const vl_column_def *column = &table->columns[position];
    uint8_t classes;

    if (position == table->rowid_column)
        return VL_CLASS_INTEGER;
    if (table->is_strict && !column->is_strict_any)
        classes = vl_bind_classes(column->affinity, 1);
    else
        classes = vl_bind_classes(column->affinity, 0);
    if (!column->is_not_null)
        classes |= VL_CLASS_NULL;
    return classes;
}

vl_bind_source *
vl_bind_source_of_table(vl_binder *b, const vl_table_def *table, vl_bind_source_kind kind,
                        vl_bind_word alias)
{
    vl_bind_source *source = vl_bind_alloc(b, 1, sizeof *source);
    uint32_t count = table->column_count;

    if (source == NULL)
        return NULL;
    source->kind = kind;
    source->table = table;
    source->is_aliased = alias.text != NULL;
    source->alias = alias;
    if (alias.text == NULL)
        source->alias = (vl_bind_word){table->object.name, (uint32_t)strlen(table->object.name)};
    source->columns = vl_bind_alloc(b, count == 0 ? 1 : count, sizeof(vl_bind_column));
    if (source->columns == NULL)
        return NULL;
    source->column_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const vl_column_def *def = &table->columns[i];

        source->columns[i] = (vl_bind_column){
            .name = def->name,
            .declared = def->type != NULL && def->type[0] != '\0' ? def->type : NULL,
            .database = table->schema != NULL ? table->schema->database : NULL,
            .table = table->object.name,
            .column = def->name,
            .affinity = (uint8_t)def->affinity,
            .collation = (uint8_t)def->collation,
            .classes =
                vl_bind_is_virtual(table) ? VL_CLASS_ANY : from_column_classes(table, (int32_t)i),
            .is_hidden = def->is_hidden,
        };
    }
    source->base = vl_bind_id_new(b, source, count + 1);
    return b->status == VELO_OK ? source : NULL;
}

vl_bind_column *
vl_bind_own_columns(vl_binder *b, const vl_bind_column *columns, uint32_t count)
{
    vl_bind_column *own = vl_bind_alloc(b, count + 1U, sizeof *own);

    if (own == NULL || b->status != VELO_OK)
        return NULL;
    if (count > 0)
        memcpy(own, columns, count * sizeof *own);
    for (uint32_t i = 0; i < count; i++) {
        unsigned number = 0;
        uint32_t j = 0;

        own[i].joined = 0;
        own[i].is_hidden = 0;
        while (j < i) {
            size_t size = strlen(columns[i].name);
            char *name;

            if (vl_name_compare(own[i].name, strlen(own[i].name), own[j].name,
                                strlen(own[j].name)) != 0) {
                j++;
                continue;
            }
            name = vl_bind_alloc(b, size + 12, 1);
            if (name == NULL)
                return NULL;
            number++;
            memcpy(name, columns[i].name, size);
            name[size++] = ':';
            for (unsigned digit = 1000000000; digit > 0; digit /= 10)
                if (number >= digit)
                    name[size++] = (char)('0' + number / digit % 10);
            own[i].name = name;
            j = 0;
        }
    }
    return own;
}

void
vl_bind_scope_add(vl_binder *b, vl_bind_scope *scope, vl_bind_source *source)
{
    uint32_t count = scope->source_count;

    if (source == NULL)
        return;
    if (count == VL_PLAN_SOURCES_MAX) {
        vl_bind_fail(b, NULL, NULL, "at most %d tables in a join", VL_PLAN_SOURCES_MAX);
        return;
    }
    if ((count & (count - 1)) == 0) { /* there is room up to the next power of two */
        vl_bind_source **grown =
            vl_bind_alloc(b, count == 0 ? 1 : (size_t)count * 2, sizeof(vl_bind_source *));

        if (grown == NULL)
            return;
        if (count > 0)
            memcpy(grown, scope->sources, count * sizeof *grown);
        scope->sources = grown;
    }
    source->scope = scope;
    source->place = scope->source_count; /* keeps BR1 */
    scope->sources[scope->source_count++] = source;
}

void
vl_bind_index_choice(vl_binder *b, vl_bind_scope *scope, vl_bind_source *source, const vl_ast *ast)
{
    const vl_ast *name = ast->kid[5];

    source->not_indexed = (ast->flags & VL_AST_NOT_INDEXED) != 0;
    if ((ast->flags & VL_AST_INDEXED) == 0)
        return;
    for (const vl_index_def *index = source->table->indexes; index != NULL; index = index->next)
        if (vl_bind_is(name->text, name->text_size, index->object.name)) {
            source->index = index;
            return;
        }
    vl_bind_fail(b, scope, name, "no such index: %.*s", (int)name->text_size, name->text);
}

/* ---- sources ---- */

/* A source whose columns are those of a query. */
static void
from_take_query(vl_binder *b, vl_bind_source *source, vl_query *query)
{
    if (query == NULL)
        return;
    vl_bind_forget_json(b, query);
    source->kind = VL_BIND_SOURCE_QUERY;
    source->query = query;
    source->columns = vl_bind_own_columns(b, query->columns, query->column_count);
    source->column_count = query->column_count;
    source->base = vl_bind_id_new(b, source, query->column_count + 1);
}

void
vl_bind_view(vl_binder *b, vl_bind_source *source, const vl_table_def *view)
{
    const vl_ast *ast = view->view_ast;
    vl_bind_scope like = {.home = view->schema, .text = view->object.sql};
    const char *inner = b->inner;
    uint32_t count = 0;

    for (uint32_t i = 0; i < b->view_count; i++)
        if (b->views[i] == view) {
            vl_bind_fail(b, NULL, NULL, "view %s is circularly defined", view->object.name);
            return;
        }
    if (b->view_count == VL_PLAN_DEPTH_MAX) {
        vl_bind_fail(b, NULL, NULL, "views are nested too deeply");
        return;
    }
    if (b->views == NULL)
        b->views = vl_bind_alloc(b, VL_PLAN_DEPTH_MAX, sizeof *b->views);
    if (b->views == NULL)
        return;
    like.text_size = like.text != NULL ? strlen(like.text) : 0;
    b->views[b->view_count++] = view;
    b->inner = view->object.name;
    from_take_query(b, source, vl_bind_query(b, NULL, &like, ast->kid[2]));
    b->inner = inner;
    b->view_count--;
    if (b->status != VELO_OK || ast->kid[1] == NULL)
        return;
    if (ast->kid[1]->count != source->column_count) {
        vl_bind_fail(b, NULL, NULL, "expected %u columns for '%s' but got %u",
                     (unsigned)ast->kid[1]->count, view->object.name,
                     (unsigned)source->column_count);
        return;
    }
    for (const vl_ast *name = vl_ast_first(ast->kid[1]); name != NULL; name = name->next)
        source->columns[count++].name = vl_bind_text(b, name->text, name->text_size);
}

/* A table-valued function, if there is one. */
static int
from_function(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, vl_bind_word name,
              vl_bind_source *source)
{
    vl_plan_table_func found = {0};

    if (b->env->find_table_func == NULL ||
        !b->env->find_table_func(b->env->arg, name.text, name.size, &found))
        return 0;
    if (name.size > 7 && strncasecmp(name.text, "pragma_", 7) == 0 &&
        vl_bind_ask(b, scope, VELO_ACTION_PRAGMA, vl_bind_text(b, name.text + 7, name.size - 7),
                    NULL, NULL) == VL_BIND_DENIED)
        return 1;
    source->kind = VL_BIND_SOURCE_FUNCTION;
    source->function = found.def;
    b->plan->calls_table_functions = 1;
    source->columns = vl_bind_alloc(b, found.column_count + 1, sizeof(vl_bind_column));
    if (source->columns == NULL)
        return 1;
    source->column_count = found.column_count;
    for (uint32_t i = 0; i < found.column_count; i++)
        source->columns[i] =
            (vl_bind_column){.name = found.columns[i],
                             .classes = VL_CLASS_ANY,
                             .is_hidden = i >= found.column_count - found.hidden_count};
    source->base = vl_bind_id_new(b, source, source->column_count + 1);
    source->call = ast->kid[1];
    if (source->call != NULL && source->call->count > found.hidden_count)
        vl_bind_fail(b, scope, ast, "too many arguments on %.*s() - max %u", (int)name.size,
                     name.text, (unsigned)found.hidden_count);
    return 1;
}

/* A source for a virtual table, which may be called as a function of its hidden columns. */
static vl_bind_source *
from_virtual(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, const vl_table_def *table,
             vl_bind_word alias)
{
    vl_bind_source *source = vl_bind_source_of_table(b, table, VL_BIND_SOURCE_TABLE, alias);
    uint32_t hidden = 0;

    if (source == NULL)
        return NULL;
    if ((ast->flags & VL_AST_INDEXED) != 0)
        vl_bind_index_choice(b, scope, source, ast);
    source->is_aliased = alias.text != NULL;
    source->call = ast->kid[1];
    for (uint32_t i = 0; i < source->column_count; i++)
        hidden += source->columns[i].is_hidden;
    if (source->call != NULL && source->call->count > hidden)
        vl_bind_fail(b, scope, ast, "too many arguments on %s() - max %u", table->object.name,
                     (unsigned)hidden);
    return source;
}

/* A source for a name: a CTE, a table, a view or a function. */
static vl_bind_source *
from_named(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast, vl_bind_word alias)
{
    vl_bind_source *source = vl_bind_alloc(b, 1, sizeof *source);
    const vl_table_def *table = NULL;
    vl_bind_word schema;
    vl_bind_word name;

    if (source == NULL)
        return NULL;
    from_name(ast->kid[0], &schema, &name);
    source->alias = alias.text != NULL ? alias : name;
    source->is_aliased = alias.text != NULL;
    if (schema.text == NULL && (ast->flags & VL_AST_CALL) == 0) {
        vl_cte *cte = vl_bind_find_cte(scope->with, name.text, name.size);

        if (cte != NULL) {
            const char *inner = b->inner;

            b->inner = vl_bind_text(b, cte->ast->text, cte->ast->text_size);
            vl_bind_cte_use(b, scope, cte, source, ast->kid[0]);
            b->inner = inner;
            return source;
        }
    }
    if ((ast->flags & VL_AST_CALL) == 0)
        table = from_find_table(b, scope, schema, name);
    if (table == NULL && schema.text == NULL) {
        const vl_table_def *eponymous = from_connect(b, NULL, name);

        if (b->status != VELO_OK)
            return NULL;
        if (eponymous != NULL)
            return from_virtual(b, scope, ast, eponymous, alias);
        if (from_function(b, scope, ast, name, source))
            return source;
    }
    table = vl_bind_table(b, scope, ast->kid[0]); /* or its message */
    if (table == NULL)
        return NULL;
    if ((ast->flags & VL_AST_CALL) != 0 && !vl_bind_is_virtual(table))
        return vl_bind_fail(b, scope, ast->kid[0], "'%.*s' is not a function", (int)name.size,
                            name.text);
    if (table->object.type == VL_OBJECT_VIEW) {
        source->table = table;
        vl_bind_view(b, source, table);
        return source;
    }
    if (vl_bind_is_virtual(table)) {
        source = from_virtual(b, scope, ast, table, alias);
        if (source != NULL)
            source->database = schema;
        return source;
    }
    source = vl_bind_source_of_table(b, table, VL_BIND_SOURCE_TABLE, alias);
    if (source == NULL)
        return NULL;
    source->database = schema;
    vl_bind_index_choice(b, scope, source, ast);
    return source;
}

static vl_bind_source *
from_source(vl_binder *b, vl_bind_scope *scope, const vl_ast *ast)
{
    vl_bind_word alias = {NULL, 0};
    vl_bind_source *source;
    const vl_ast *query;

    if (ast->kid[2] != NULL)
        alias = (vl_bind_word){ast->kid[2]->text, ast->kid[2]->text_size};
    if (ast->kid[0]->type == VL_AST_QNAME)
        return from_named(b, scope, ast, alias);
    source = vl_bind_alloc(b, 1, sizeof *source);
    if (source == NULL)
        return NULL;
    source->alias = alias;
    source->is_aliased = 1;
    query = ast->kid[0]->type == VL_AST_LIST ? vl_bind_all_of(b, ast->kid[0]) : ast->kid[0];
    if (query != NULL)
        from_take_query(b, source, vl_bind_query(b, scope->parent, scope, query));
    return source;
}

/* ---- the tree of joins ---- */

static void
from_items(vl_binder *b, vl_bind_scope *scope, const vl_ast *list, vl_join_item *into)
{
    into->list = vl_bind_alloc(b, list->count + 1U, sizeof(vl_join_item));
    if (into->list == NULL)
        return;
    for (const vl_ast *ast = vl_ast_first(list); ast != NULL && b->status == VELO_OK;
         ast = ast->next) {
        vl_join_item *item = &into->list[into->list_count++];

        item->bits = ast->op2;
        if (ast->kid[0]->type == VL_AST_LIST && ast->kid[2] == NULL) {
            from_items(b, scope, ast->kid[0], item);
        } else {
            item->source = from_source(b, scope, ast);
            vl_bind_scope_add(b, scope, item->source);
            if (item->source == NULL || b->status != VELO_OK)
                return;
            item->source->bits = item->bits;
            item->places = UINT64_C(1) << item->source->place;
        }
        into->places |= item->places;
    }
}

static void
from_set_nullable(vl_bind_scope *scope, const vl_join_item *item)
{
    uint64_t before = 0;

    for (uint32_t i = 0; i < item->list_count; i++) {
        const vl_join_item *one = &item->list[i];
        uint64_t nullable = 0;

        from_set_nullable(scope, one);
        if ((one->bits & VL_JOIN_LEFT) != 0)
            nullable |= one->places;
        if ((one->bits & VL_JOIN_RIGHT) != 0)
            nullable |= before;
        for (uint32_t k = 0; k < scope->source_count; k++)
            if ((nullable >> k & 1) != 0)
                scope->sources[k]->is_nullable = 1; /* keeps BR2 */
        before |= one->places;
    }
}

/* ---- conditions ---- */

static uint32_t
from_lowest(uint64_t places)
{
    return (uint32_t)__builtin_ctzll(places);
}

static uint32_t
from_end(uint64_t places)
{
    return 64U - (uint32_t)__builtin_clzll(places);
}

/* Join by one column of the item and that of the name before it. Returns whether both are there. */
static int
from_join_column(vl_binder *b, vl_bind_scope *scope, uint32_t first, vl_join_item *item,
                 vl_bind_word name, const vl_ast *at)
{
    uint32_t middle = from_lowest(item->places);
    uint32_t end = from_end(item->places);
    vl_expr *left;
    vl_expr *right;

    b->unasked++; /* as in SQLite: who reads the column by its name is asked for */
    left = vl_bind_unqualified(b, scope, first, middle, name, at);
    right = vl_bind_unqualified(b, scope, middle, end, name, at);
    b->unasked--;
    if (left == NULL || right == NULL)
        return 0;
    vl_exprs_add(b, &item->on, vl_expr_compare(b, VL_COMPARE_EQ, left, right, at));
    for (uint32_t i = middle; i < end; i++) {
        int32_t column = vl_bind_source_column(scope->sources[i], name.text, name.size);

        if (column >= 0)
            scope->sources[i]->columns[column].joined =
                (uint8_t)(VL_BIND_JOINED | (unsigned)item->bits);
    }
    return 1;
}

static void
from_natural(vl_binder *b, vl_bind_scope *scope, uint32_t first, vl_join_item *item,
             const vl_ast *at)
{
    for (uint32_t i = from_lowest(item->places); i < from_end(item->places); i++) {
        const vl_bind_source *source = scope->sources[i];

        for (uint32_t k = 0; k < source->column_count && b->status == VELO_OK; k++) {
            const char *name = source->columns[k].name;
            vl_bind_word word = {name, (uint32_t)strlen(name)};

            if (!source->columns[k].is_hidden && source->columns[k].joined == 0)
                (void)from_join_column(b, scope, first, item, word, at);
        }
    }
}

static void
from_using(vl_binder *b, vl_bind_scope *scope, uint32_t first, vl_join_item *item,
           const vl_ast *list)
{
    for (const vl_ast *name = vl_ast_first(list); name != NULL && b->status == VELO_OK;
         name = name->next) {
        vl_bind_word word = {name->text, name->text_size};

        if (!from_join_column(b, scope, first, item, word, name) && b->status == VELO_OK)
            vl_bind_fail(b, scope, name,
                         "cannot join using column %.*s - column not present in both tables",
                         (int)word.size, word.text);
    }
}

static void
from_conditions(vl_binder *b, vl_bind_scope *scope, const vl_ast *list, vl_join_item *into)
{
    const vl_ast *ast = vl_ast_first(list);
    uint32_t first = from_lowest(into->places);
    uint64_t places = 0;

    for (uint32_t i = 0; i < into->list_count && b->status == VELO_OK; i++, ast = ast->next) {
        vl_join_item *item = &into->list[i];

        if (item->source == NULL)
            from_conditions(b, scope, ast->kid[0], item);
        places |= item->places;
        if ((item->bits & VL_JOIN_NATURAL) != 0 && (ast->kid[3] != NULL || ast->kid[4] != NULL)) {
            vl_bind_fail(b, scope, ast, "a NATURAL join may not have an ON or USING clause");
            return;
        }
        if ((item->bits & VL_JOIN_NATURAL) != 0)
            from_natural(b, scope, first, item, ast);
        from_using(b, scope, first, item, ast->kid[4]);
        if (ast->kid[3] != NULL)
            vl_expr_conjuncts(b, vl_bind_expr(b, scope, ast->kid[3]), &item->on);
        for (uint32_t k = 0; k < item->on.count; k++) {
            uint64_t named = vl_expr_places(b, item->on.list[k], scope);
            int is_outer = (item->bits & (VL_JOIN_LEFT | VL_JOIN_RIGHT)) != 0;

            if ((named & ~(is_outer ? places : into->places)) != 0)
                vl_bind_fail(b, scope, ast, "ON clause references tables to its right");
        }
    }
}

/* Arguments of functions name sources anywhere in FROM. Keeps BR2. */
static void
from_bind_arguments(vl_binder *b, vl_bind_scope *scope)
{
    for (uint32_t i = 0; i < scope->source_count && b->status == VELO_OK; i++) {
        vl_bind_source *source = scope->sources[i];

        if (source->kind == VL_BIND_SOURCE_FUNCTION)
            source->arguments = vl_bind_list(b, scope, source->call);
    }
}

/* Arguments of virtual tables are `hidden column = argument` for each, which hold for whatever the
 * sources are joined by. They may not wait until all sources are joined. */
static void
from_bind_calls(vl_binder *b, vl_bind_scope *scope, vl_join_item *item)
{
    vl_bind_source *source = item->source;
    uint32_t at = 0;

    for (uint32_t i = 0; i < item->list_count && b->status == VELO_OK; i++)
        from_bind_calls(b, scope, &item->list[i]);
    if (source == NULL || source->kind != VL_BIND_SOURCE_TABLE || source->call == NULL)
        return;
    source->arguments = vl_bind_list(b, scope, source->call);
    for (uint32_t i = 0; i < source->column_count && at < source->arguments.count; i++) {
        vl_expr *equal;

        if (!source->columns[i].is_hidden)
            continue;
        equal = vl_expr_compare(b, VL_COMPARE_EQ, vl_expr_column(b, source->base + i, NULL),
                                source->arguments.list[at++], NULL);
        if (equal == NULL)
            return;
        equal->effect = VL_EFFECT_TOTAL;
        vl_exprs_add(b, &item->on, equal);
    }
}

void
vl_bind_from(vl_binder *b, vl_bind_scope *scope, const vl_ast *list, vl_join_item *into)
{
    if (list == NULL || b->status != VELO_OK)
        return;
    from_items(b, scope, list, into);
    if (b->status != VELO_OK)
        return;
    from_set_nullable(scope, into);
    from_conditions(b, scope, list, into);
    from_bind_arguments(b, scope);
    from_bind_calls(b, scope, into);
}
