/* arrow.c - results as whole columns, by the Arrow C stream interface. */
#include "example.h"

int
main(void)
{
    velo_connection *connection = NULL;
    velo_statement *statement = NULL;
    struct ArrowArrayStream stream;
    struct ArrowSchema schema;
    struct ArrowArray batch;
    double sum = 0;

    example_check(connection, velo_open(NULL, NULL, &connection), VELO_OK);
    example_run(connection, "CREATE TABLE t(id INTEGER, value REAL); INSERT INTO t WITH RECURSIVE "
                            "n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1000) "
                            "SELECT i, i / 2.0 FROM n");
    example_check(connection,
                  velo_prepare(connection, "SELECT value, id FROM t", -1, &statement, NULL),
                  VELO_OK);
    example_check(connection, velo_arrow_stream(statement, 300, 1, &stream), VELO_OK);
    if (stream.get_schema(&stream, &schema) != 0)
        return 1;
    (void)printf("%s is %s\n", schema.children[0]->name, schema.children[0]->format);
    schema.release(&schema);
    while (stream.get_next(&stream, &batch) == 0 && batch.release != NULL) {
        const double *values = batch.children[0]->buffers[1];

        for (int64_t i = 0; i < batch.length; i++)
            sum += values[i];
        batch.release(&batch);
    }
    if (stream.get_last_error(&stream) != NULL)
        return 1;
    stream.release(&stream);
    (void)printf("the sum is %g\n", sum);
    return velo_close(connection) != VELO_OK;
}
