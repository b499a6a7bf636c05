/* virtual.h - tables whose rows the application has: what the planner and the operators ask them.
 *
 * A virtual table in a schema has no columns, since what they are is known to its module alone,
 * which a connection has or has not. A connection that uses the table *connects* it: then it has a
 * definition of its own, with columns, whose `instance` is the vl_virtual here. Plans refer to that
 * one; whoever keeps a plan keeps the instance.
 *
 * The layer above implements this on modules (velocidb.h). Threads: those of the connection. */
#ifndef VL_CATALOG_VIRTUAL_H
#define VL_CATALOG_VIRTUAL_H

#include "base/arena.h"
#include "base/ctx.h"
#include "catalog/schema.h"
#include "velocidb.h"

struct vl_func;

typedef struct vl_virtual vl_virtual;
typedef struct vl_virtual_cursor vl_virtual_cursor;

/* An argument of a scan. */
typedef struct vl_virtual_argument {
    vl_value value;       /* not with is_list */
    const vl_value *list; /* the values of IN, each once; list_count of them */
    uint32_t list_count;
    int is_list;
} vl_virtual_argument;

/* What can be asked; all fail with what the module fails with. */
typedef struct vl_virtual_class {
    /* How a scan would be done. values: of each constraint what it compares with, NULL: not known.
     * info->text is to be copied, and given back with info->free_text. VELO_CONSTRAINT, without
     * words: not in this way. */
    velo_status (*best_index)(vl_ctx *ctx, vl_virtual *table, velo_index_info *info,
                              const vl_value *const *values);
    /* The function that a call with a column of the table means; *func NULL: what it would mean
     * anyway. Lives as long as the instance. Returns the number of the constraint that it is too,
     * or 0. */
    int (*find_function)(vl_ctx *ctx, vl_virtual *table, const char *name, size_t size,
                         uint32_t count, const struct vl_func **func);
    velo_status (*open)(vl_ctx *ctx, vl_virtual *table, vl_virtual_cursor **cursor);
    void (*close)(vl_virtual_cursor *cursor); /* NULL is allowed */
    velo_status (*filter)(vl_ctx *ctx, vl_virtual_cursor *cursor, int number, const char *text,
                          const vl_virtual_argument *arguments, uint32_t count);
    velo_status (*next)(vl_ctx *ctx, vl_virtual_cursor *cursor);
    int (*is_at_end)(const vl_virtual_cursor *cursor);
    /* A value of the row, or its rowid (column VL_COLUMN_ROWID); texts in the arena. is_unchanged:
     * it is only to be given back to `update`, so the module may leave it out; then it is a NULL of
     * VL_SUBTYPE_UNCHANGED. */
    velo_status (*column)(vl_ctx *ctx, vl_virtual_cursor *cursor, int32_t column, int is_unchanged,
                          vl_arena *arena, vl_value *value);
    /* A statement that changes rows begins. */
    velo_status (*begin)(vl_ctx *ctx, vl_virtual *table);
    /* Change a row: values as of velo_module.update. rowid: of a row that was inserted. */
    velo_status (*update)(vl_ctx *ctx, vl_virtual *table, const vl_value *values, uint32_t count,
                          vl_conflict conflict, int64_t *rowid);
} vl_virtual_class;

struct vl_virtual {
    const vl_virtual_class *class;
    const vl_table_def *def; /* with columns; its instance is this */
    int can_change;          /* rows can be changed */
    int is_constrained;      /* update obeys the conflict clause (VELO_VTAB_CONSTRAINT_SUPPORT) */
    int is_direct_only;      /* not to be used from views and triggers */
    int is_eponymous;        /* found by the module's name */
    int32_t key_column;      /* WITHOUT ROWID: the primary key, in the place of rowids; else -1 */
};

#endif
