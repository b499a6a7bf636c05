/* schema_rig.h - schemas for tests: DDL carried out on rows of sqlite_schema, and told as text. */
#ifndef VL_TEST_SCHEMA_RIG_H
#define VL_TEST_SCHEMA_RIG_H

#include "sql/ddl.h"
#include "sql/schema_build.h"

#define SCHEMA_RIG_ROW_MAX 64

/* A database of a rig. */
typedef struct schema_rig_database {
    vl_schema_row rows[SCHEMA_RIG_ROW_MAX]; /* row_count of them, in order of rowids */
    size_t row_count;                       /* see rows */
    vl_schema *schema;                      /* made of the rows; NULL while that is to be done */
    vl_schema *before;                      /* before the last statement, which refers to it */
} schema_rig_database;

/* The databases "main" and "temp", in which DDL is carried out as far as sqlite_schema goes. */
typedef struct schema_rig {
    vl_arena arena;                   /* of everything but schemas */
    schema_rig_database databases[2]; /* main, temp */
    uint64_t tree;                    /* the last that was given to an object */
    vl_ddl_input options;             /* results and has_foreign_keys, for statements to come */
    vl_ddl last;                      /* what the last statement did */
} schema_rig;

/* Make a rig without rows, and give its memory back. */
void schema_rig_init(schema_rig *rig, vl_allocator *allocator);
void schema_rig_deinit(schema_rig *rig);

/* Carry out each statement of a text. Errors: those of parsing, of DDL, and of making a schema of
 * the rows; what the statements before did stays. */
velo_status schema_rig_run(vl_ctx *ctx, schema_rig *rig, const char *sql) VL_MUST_CHECK;

/* Make a schema of the rows of "main". Errors: as vl_schema_build. */
velo_status schema_rig_build(vl_ctx *ctx, const schema_rig *rig, vl_schema **out) VL_MUST_CHECK;

/* Tell the rows of a database, one a line: type, name, table, tree, layout and text. */
void schema_rig_tell_rows(const schema_rig_database *database, char *text, size_t size);

/* Tell what the last statement did, one change a line. */
void schema_rig_tell_changes(const schema_rig *rig, char *text, size_t size);

/* Tell all that a schema says of a table, a view or an index, on one line, into `size` bytes. */
void schema_rig_tell_table(const vl_table_def *table, char *text, size_t size);

/* Check what holds for every schema: lists are sorted, links go both ways, positions are within
 * bounds, ids differ. Returns 1 when all is right. */
int schema_rig_is_sound(const vl_schema *schema);

#endif
