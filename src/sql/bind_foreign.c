/* bind_foreign.c - foreign keys: which of them a change has to do with, and their statements.
 *
 * Invariants
 *   BF1  Foreign keys of a child come newest first, those of several children newest child first,
 *        as in SQLite.
 *   BF2  The statements name only the child and the rows that are given, which have names of their
 *        own; so no name in the schema is taken for another. */
#include "sql/bind_int.h"
#include "sql/foreign.h"
#include "sql/parse.h"

#include <string.h>

/* ---- the parent key ---- */

static int
foreign_is_name(const char *left, const char *right)
{
    return vl_name_compare(left, strlen(left), right, strlen(right)) == 0;
}

const vl_table_def *
vl_foreign_parent(const vl_schema *schema, const vl_fk_def *fk)
{
    const vl_table_def *table = vl_schema_table(schema, fk->parent, strlen(fk->parent));

    return table;
}

/* Whether the parent key is the column that is the rowid. */
static int
foreign_is_rowid(const vl_table_def *parent, const vl_fk_def *fk)
{
    return fk->count == 1 && parent->rowid_column >= 0 &&
           (fk->parent_columns == NULL ||
            foreign_is_name(parent->columns[parent->rowid_column].name, fk->parent_columns[0]));
}

/* Whether the terms of an index are the columns that a foreign key names, in any order. */
static int
foreign_matches(const vl_index_def *index, const vl_fk_def *fk, uint16_t *children,
                uint16_t *parents)
{
    for (uint16_t i = 0; i < index->term_count; i++) {
        const vl_index_term *term = &index->terms[i];
        uint16_t at = 0;

        if (term->column < 0 || term->collation != index->table->columns[term->column].collation)
            return 0;
        while (at < fk->count &&
               !foreign_is_name(index->table->columns[term->column].name, fk->parent_columns[at]))
            at++;
        if (at == fk->count)
            return 0;
        children[i] = fk->columns[at];
        parents[at] = (uint16_t)term->column;
    }
    return 1;
}

int
vl_foreign_locate(const vl_table_def *parent, const vl_fk_def *fk, const vl_index_def **index,
                  uint16_t *children, uint16_t *parents)
{
    *index = NULL;
    if (parent->object.type == VL_OBJECT_VIEW)
        return 0;
    if (foreign_is_rowid(parent, fk)) {
        children[0] = fk->columns[0];
        parents[0] = (uint16_t)parent->rowid_column;
        return 1;
    }
    for (const vl_index_def *at = parent->indexes; at != NULL; at = at->next) {
        if (!at->is_unique || at->where_ast != NULL || at->term_count != fk->count)
            continue;
        *index = at;
        if (fk->parent_columns != NULL && foreign_matches(at, fk, children, parents))
            return 1;
        if (fk->parent_columns != NULL || at->origin != VL_INDEX_PRIMARY)
            continue;
        for (uint16_t i = 0; i < fk->count; i++) {
            children[i] = fk->columns[i];
            parents[i] = (uint16_t)at->terms[i].column;
        }
        return 1;
    }
    return 0;
}

/* ---- texts ---- */

/* A text in the making. */
typedef struct foreign_text {
    vl_arena *arena;
    char *data;
    size_t size;
    size_t room;
    int is_failed; /* there was no memory */
} foreign_text;

static void
foreign_put(foreign_text *text, const char *data, size_t size)
{
    if (text->size + size + 1 > text->room) {
        size_t room = 2 * (text->size + size) + 256;
        char *more = vl_arena_alloc(text->arena, room);

        if (more == NULL || text->is_failed) {
            text->is_failed = 1;
            return;
        }
        if (text->size > 0)
            memcpy(more, text->data, text->size);
        text->data = more;
        text->room = room;
    }
    memcpy(text->data + text->size, data, size);
    text->size += size;
    text->data[text->size] = 0;
}

static void
foreign_say(foreign_text *text, const char *words)
{
    foreign_put(text, words, strlen(words));
}

/* A name in double quotes. */
static void
foreign_name(foreign_text *text, const char *name)
{
    foreign_put(text, "\"", 1);
    for (; *name != 0; name++)
        foreign_put(text, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1);
    foreign_put(text, "\"", 1);
}

/* A column of a row that is given, or of a table. */
static void
foreign_column(foreign_text *text, const char *row, const char *column)
{
    foreign_name(text, row);
    foreign_put(text, ".", 1);
    foreign_name(text, column);
}

/* Whose key is the row's: what finds children. */
static void
foreign_where(foreign_text *text, const vl_action *action, const uint16_t *parents)
{
    const char *row = action->task == VL_FK_COUNT_NEW ? VL_FK_NEW_NAME : VL_FK_OLD_NAME;

    for (uint16_t i = 0; i < action->fk->count; i++) {
        foreign_say(text, i == 0 ? " WHERE " : " AND ");
        foreign_column(text, row, action->table->columns[parents[i]].name);
        foreign_say(text, " = ");
        foreign_name(text, action->child->columns[action->fk->columns[i]].name);
    }
}

/* A name of the rowid that no column has; NULL: all three are columns. */
static const char *
foreign_rowid_name(const vl_table_def *table)
{
    static const char *const names[] = {"rowid", "oid", "_rowid_"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(names); i++)
        if (vl_table_def_column(table, names[i], strlen(names[i])) < 0)
            return names[i];
    return NULL;
}

/* Leave out the row NEW itself: by the rowid, the primary key, or, where neither has a name, by all
 * columns. */
static void
foreign_exclude(foreign_text *text, const vl_table_def *table)
{
    const vl_index_def *primary = table->primary;
    const char *rowid = primary == NULL ? foreign_rowid_name(table) : NULL;
    uint32_t count = rowid != NULL     ? 1
                     : primary != NULL ? primary->term_count
                                       : table->column_count;

    for (uint32_t i = 0; i < count; i++) {
        const char *name = rowid != NULL     ? rowid
                           : primary != NULL ? table->columns[primary->terms[i].column].name
                                             : table->columns[i].name;

        foreign_say(text, i == 0 ? " AND NOT (" : " AND ");
        foreign_column(text, table->object.name, name);
        foreign_say(text, " IS ");
        foreign_column(text, VL_FK_NEW_NAME, name);
    }
    foreign_say(text, ")");
}

/* ON DELETE or ON UPDATE, but for RESTRICT. */
static void
foreign_put_action(foreign_text *text, const vl_action *action, const uint16_t *parents)
{
    const vl_fk_def *fk = action->fk;
    vl_fk_action kind = action->has_new ? fk->on_update : fk->on_delete;

    if (kind == VL_FK_CASCADE && !action->has_new) {
        foreign_say(text, "DELETE FROM ");
        foreign_name(text, action->child->object.name);
        return;
    }
    foreign_say(text, "UPDATE ");
    foreign_name(text, action->child->object.name);
    for (uint16_t i = 0; i < fk->count; i++) {
        foreign_say(text, i == 0 ? " SET " : ", ");
        foreign_name(text, action->child->columns[fk->columns[i]].name);
        foreign_say(text, " = ");
        if (kind == VL_FK_CASCADE)
            foreign_column(text, VL_FK_NEW_NAME, action->table->columns[parents[i]].name);
        else
            foreign_say(text, "NULL");
    }
}

/* SET DEFAULT: put the columns' defaults in the place of the NULLs. */
static void
foreign_put_defaults(const vl_action *action, vl_ast *statement)
{
    uint16_t i = 0;

    for (vl_ast *set = statement->kid[2]->kid[0]; set != NULL && i < action->fk->count;
         set = set->next, i++) {
        const vl_column_def *column = &action->child->columns[action->fk->columns[i]];

        if (column->default_ast != NULL && column->generated == 0)
            memcpy(&set->kid[1], &column->default_ast, sizeof(vl_ast *)); /* it is only read */
    }
}

velo_status
vl_foreign_statement(vl_ctx *ctx, vl_arena *arena, const vl_action *action, const char **out,
                     vl_ast **statement)
{
    const vl_fk_def *fk = action->fk;
    uint16_t *columns = vl_arena_alloc_array(arena, (size_t)2 * fk->count, sizeof *columns);
    foreign_text text = {.arena = arena};
    const vl_index_def *index;
    vl_parse_result parsed;

    if (columns == NULL)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement for a foreign key");
    if (!vl_foreign_locate(action->table, fk, &index, columns, columns + fk->count))
        return vl_fail(ctx, VELO_INTERNAL, "a foreign key to %s lost its parent key",
                       action->table->object.name);
    if (action->task == VL_FK_ACT) {
        foreign_put_action(&text, action, columns + fk->count);
    } else {
        foreign_say(&text, "SELECT 1 FROM ");
        foreign_name(&text, action->child->object.name);
    }
    foreign_where(&text, action, columns + fk->count);
    if (action->task <= VL_FK_COUNT_NEW && action->has_new && action->child == action->table)
        foreign_exclude(&text, action->table);
    if (text.is_failed)
        return vl_fail(ctx, VELO_NOMEM, "cannot allocate a statement for a foreign key");
    VL_TRY(vl_parse(ctx, text.data, text.size, NULL, arena, &parsed));
    if (action->task == VL_FK_ACT &&
        (action->has_new ? fk->on_update : fk->on_delete) == VL_FK_SET_DEFAULT)
        foreign_put_defaults(action, parsed.statement);
    *out = text.data;
    *statement = parsed.statement;
    return VELO_OK;
}

/* ---- which ---- */

/* What is known while the foreign keys of a change are gathered. */
typedef struct foreign_work {
    vl_binder *b;
    const vl_table_def *table;
    const vl_ast *sets; /* of an UPDATE */
    vl_ast_op event;
    int is_of_replace;
    vl_foreign *out;
    vl_fk_up *ups;
    vl_fk_down *downs;
    uint32_t down_capacity;
} foreign_work;

static int
foreign_sets_column(const foreign_work *work, uint16_t column)
{
    const char *name = work->table->columns[column].name;

    if (work->table->columns[column].generated != 0) /* of columns that may be set */
        return 1;
    if (work->event != VL_OP_UPDATE || vl_bind_sets_name(work->sets, name, strlen(name)))
        return 1;
    return column == work->table->rowid_column &&
           (vl_bind_sets_name(work->sets, "rowid", 5) || vl_bind_sets_name(work->sets, "oid", 3) ||
            vl_bind_sets_name(work->sets, "_rowid_", 7));
}

/* Whether an UPDATE sets a column of the table that a foreign key refers to. */
static int
foreign_sets_parent(const foreign_work *work, const vl_fk_def *fk)
{
    const vl_table_def *table = work->table;

    for (uint16_t c = 0; c < table->column_count; c++) {
        int is_key = fk->parent_columns == NULL && table->columns[c].key_place > 0;

        for (uint16_t i = 0; i < fk->count && fk->parent_columns != NULL && !is_key; i++)
            is_key = foreign_is_name(table->columns[c].name, fk->parent_columns[i]);
        if (is_key && foreign_sets_column(work, c))
            return 1;
    }
    return 0;
}

static int
foreign_sets_any(const foreign_work *work, const uint16_t *columns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (foreign_sets_column(work, columns[i]))
            return 1;
    return 0;
}

/* Whether an UPDATE may give its rows other rowids or entries, so that who looks for children
 * meanwhile could miss one. */
static int
foreign_moves_rows(const foreign_work *work)
{
    const vl_table_def *table = work->table;

    if (vl_bind_sets_name(work->sets, "rowid", 5) || vl_bind_sets_name(work->sets, "oid", 3) ||
        vl_bind_sets_name(work->sets, "_rowid_", 7) ||
        (table->rowid_column >= 0 && foreign_sets_column(work, (uint16_t)table->rowid_column)))
        return 1;
    for (const vl_index_def *index = table->indexes; index != NULL; index = index->next) {
        if (index->where_ast != NULL)
            return 1;
        for (uint16_t i = 0; i < index->total_count; i++) {
            int32_t column = index->terms[i].column;

            if (column < VL_COLUMN_ROWID ||
                (column >= 0 && (table->columns[column].generated != 0 ||
                                 foreign_sets_column(work, (uint16_t)column))))
                return 1;
        }
    }
    return 0;
}

/* Say that a foreign key lacks its parent key: now, or when REPLACE comes to it. */
static void
foreign_mismatch(foreign_work *work, const vl_table_def *child, const vl_fk_def *fk)
{
    const vl_table_def *parent = vl_foreign_parent(work->table->schema, fk);
    foreign_text text = {.arena = work->b->arena};

    if (parent == NULL) {
        foreign_say(&text, "no such table: ");
        foreign_say(&text, work->table->schema->database);
        foreign_say(&text, ".");
        foreign_say(&text, fk->parent);
    } else {
        foreign_say(&text, "foreign key mismatch - ");
        foreign_name(&text, child->object.name);
        foreign_say(&text, " referencing ");
        foreign_name(&text, fk->parent);
    }
    if (text.is_failed)
        vl_bind_no_memory(work->b);
    else if (!work->is_of_replace)
        vl_bind_fail(work->b, NULL, NULL, "%s", text.data);
    else if (work->out->mismatch == NULL)
        work->out->mismatch = text.data;
}

/* A foreign key of the table itself. */
static void
foreign_add_up(foreign_work *work, const vl_fk_def *fk, int is_held_only)
{
    vl_binder *b = work->b;
    const vl_table_def *parent = vl_foreign_parent(work->table->schema, fk);
    uint16_t *columns = vl_bind_alloc(b, (size_t)2 * fk->count, sizeof *columns);
    vl_fk_up *up = &work->ups[work->out->up_count];

    if (columns == NULL)
        return;
    *up = (vl_fk_up){.fk = fk,
                     .parent = parent,
                     .columns = columns,
                     .is_self = parent == work->table,
                     .is_held_only = is_held_only};
    if (parent == NULL && b->env->is_dropping)
        memcpy(columns, fk->columns, fk->count * sizeof *columns);
    else if (parent == NULL ||
             !vl_foreign_locate(parent, fk, &up->index, columns, columns + fk->count)) {
        if (!b->env->is_dropping && !is_held_only)
            foreign_mismatch(work, work->table, fk);
        return;
    }
    work->out->up_count++;
}

static uint32_t
foreign_action(foreign_work *work, const vl_table_def *child, const vl_fk_def *fk, vl_fk_task task)
{
    vl_action action = {.table = work->table,
                        .conflict = VL_CONFLICT_ABORT,
                        .is_of_replace = work->is_of_replace,
                        .fk = fk,
                        .child = child,
                        .task = task,
                        .has_old = work->event != VL_OP_INSERT,
                        .has_new = work->event != VL_OP_DELETE};

    return vl_bind_action(work->b, action);
}

/* A foreign key to the table. */
static void
foreign_add_down(foreign_work *work, const vl_table_def *child, const vl_fk_def *fk)
{
    vl_binder *b = work->b;
    uint16_t *columns = vl_bind_alloc(b, (size_t)2 * fk->count, sizeof *columns);
    const vl_index_def *index;
    vl_fk_down *down;

    if (columns == NULL || (work->event == VL_OP_UPDATE && !foreign_sets_parent(work, fk)))
        return;
    if (!vl_foreign_locate(work->table, fk, &index, columns + fk->count, columns)) {
        /* An inserted parent can at most resolve what was deferred, or is deferred to the end of
         * the statement. */
        if (!b->env->is_dropping &&
            (work->event != VL_OP_INSERT || fk->is_deferred || b->around != NULL))
            foreign_mismatch(work, child, fk);
        return;
    }
    down = vl_bind_grow(b, work->downs, work->out->down_count, &work->down_capacity, sizeof *down);
    if (down == NULL)
        return;
    work->downs = down;
    down += work->out->down_count++;
    *down = (vl_fk_down){.fk = fk,
                         .child = child,
                         .columns = columns,
                         .count_old = VL_FK_NONE,
                         .count_new = VL_FK_NONE,
                         .act = VL_FK_NONE};
    if (work->event != VL_OP_INSERT) {
        down->action = work->event == VL_OP_UPDATE ? fk->on_update : fk->on_delete;
        down->count_old = foreign_action(work, child, fk, VL_FK_COUNT_OLD);
        if (down->action != VL_FK_NO_ACTION)
            down->act = foreign_action(
                work, child, fk, down->action == VL_FK_RESTRICT ? VL_FK_COUNT_ALL : VL_FK_ACT);
    }
    if (work->event != VL_OP_DELETE)
        down->count_new = foreign_action(work, child, fk, VL_FK_COUNT_NEW);
}

/* All foreign keys to the table. Keeps BF1. */
static void
foreign_add_downs(foreign_work *work)
{
    const vl_schema *schema = work->table->schema;
    int64_t below = INT64_MAX;

    for (;;) {
        const vl_table_def *child = NULL;

        for (uint32_t i = 0; i < schema->table_count; i++)
            if (schema->tables[i]->fk_count > 0 && schema->tables[i]->object.rowid < below &&
                (child == NULL || schema->tables[i]->object.rowid > child->object.rowid))
                child = schema->tables[i];
        if (child == NULL)
            return;
        below = child->object.rowid;
        for (uint32_t i = 0; i < child->fk_count && work->b->status == VELO_OK; i++)
            if (foreign_is_name(child->fks[i].parent, work->table->object.name))
                foreign_add_down(work, child, &child->fks[i]);
    }
}

/* Whether an UPDATE has to do with any foreign key: if so, with all those to the table itself. */
static int
foreign_is_required(foreign_work *work)
{
    const vl_table_def *table = work->table;

    if (work->event != VL_OP_UPDATE || work->out->down_count > 0)
        return 1;
    for (uint32_t i = 0; i < table->fk_count; i++)
        if (foreign_sets_any(work, table->fks[i].columns, table->fks[i].count))
            return 1;
    return 0;
}

const vl_foreign *
vl_bind_foreign(vl_binder *b, const vl_table_def *table, vl_ast_op event, const vl_ast *sets,
                int is_of_replace)
{
    foreign_work work = {
        .b = b, .table = table, .sets = sets, .event = event, .is_of_replace = is_of_replace};
    int is_required;
    int is_moved;

    if (!b->env->has_foreign_keys || vl_bind_is_view(table) || b->status != VELO_OK)
        return NULL;
    work.out = vl_bind_alloc(b, 1, sizeof *work.out);
    work.ups = vl_bind_alloc(b, table->fk_count + 1U, sizeof *work.ups);
    if (work.out == NULL || work.ups == NULL)
        return NULL;
    foreign_add_downs(&work);
    is_required = foreign_is_required(&work);
    is_moved = event == VL_OP_UPDATE && table->fk_count > 0 && foreign_moves_rows(&work);
    for (uint32_t i = 0; i < table->fk_count && b->status == VELO_OK; i++) {
        const vl_fk_def *fk = &table->fks[i];

        if (foreign_sets_any(&work, fk->columns, fk->count) ||
            (is_required && foreign_is_name(fk->parent, table->object.name)))
            foreign_add_up(&work, fk, 0);
        else if (is_moved)
            foreign_add_up(&work, fk, 1);
    }
    work.out->ups = work.ups;
    work.out->downs = work.downs;
    if (work.out->up_count + work.out->down_count == 0 && work.out->mismatch == NULL)
        return NULL;
    return work.out;
}
