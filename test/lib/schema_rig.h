/* schema_rig.h - schemas for tests: made of CREATE statements, and told as text. */
#ifndef VL_TEST_SCHEMA_RIG_H
#define VL_TEST_SCHEMA_RIG_H

#include "sql/schema_build.h"

#define SCHEMA_RIG_ROW_MAX 64

/* Rows of sqlite_schema as they would be after some CREATE statements. */
typedef struct schema_rig {
    vl_arena arena;                         /* of everything */
    vl_schema_row rows[SCHEMA_RIG_ROW_MAX]; /* row_count of them */
    size_t row_count;                       /* see rows */
    uint64_t tree;                          /* the last that was given to an object */
} schema_rig;

/* Make a rig without rows, and give its memory back. */
void schema_rig_init(schema_rig *rig, vl_allocator *allocator);
void schema_rig_deinit(schema_rig *rig);

/* Add the rows of each CREATE statement in a text; names are not checked against each other.
 * Errors: those of parsing and of making a table. */
velo_status schema_rig_add(vl_ctx *ctx, schema_rig *rig, const char *sql) VL_MUST_CHECK;

/* Make a schema of the rows. Errors: as vl_schema_build. */
velo_status schema_rig_build(vl_ctx *ctx, const schema_rig *rig, vl_schema **out) VL_MUST_CHECK;

/* Tell all that a schema says of a table, a view or an index, on one line, into `size` bytes. */
void schema_rig_tell_table(const vl_table_def *table, char *text, size_t size);

/* Check what holds for every schema: lists are sorted, links go both ways, positions are within
 * bounds, ids differ. Returns 1 when all is right. */
int schema_rig_is_sound(const vl_schema *schema);

#endif
