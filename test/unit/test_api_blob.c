/* test_api_blob.c - reading and writing parts of values, through velocidb.h. */
#include "lib/unit.h"
#include "velocidb.h"

#include <string.h>

static velo_connection *
blob_open(void)
{
    velo_connection *connection = NULL;

    if (velo_open(NULL, NULL, &connection) != VELO_OK ||
        velo_exec(connection,
                  "CREATE TABLE t(a, b UNIQUE); INSERT INTO t VALUES(x'00010203', 'text'), (5, 1), "
                  "(NULL, 2), (x'', 3)",
                  NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "%s", velo_error_text(connection));
    return connection;
}

static int64_t
blob_count(velo_connection *connection, const char *sql)
{
    velo_statement *statement;
    int64_t count = -1;

    if (velo_prepare(connection, sql, -1, &statement, NULL) == VELO_OK &&
        velo_step(statement) == VELO_ROW)
        count = velo_column_int64(statement, 0);
    (void)velo_finalize(statement);
    return count;
}

static void
blob_is_read_and_written_in_parts(void)
{
    velo_connection *connection = blob_open();
    velo_blob *blob;
    char bytes[4];

    CHECK_OK(velo_blob_open(connection, "main", "t", "a", 1, 1, &blob));
    CHECK_EQ(velo_blob_bytes(blob), 4);
    CHECK_OK(velo_blob_read(blob, bytes, 2, 1));
    CHECK(memcmp(bytes, "\1\2", 2) == 0);
    CHECK_OK(velo_blob_write(blob, "\x7f\x7e", 2, 2));
    CHECK_OK(velo_blob_read(blob, bytes, 4, 0));
    CHECK(memcmp(bytes, "\0\1\x7f\x7e", 4) == 0);
    CHECK_STATUS(velo_blob_read(blob, bytes, 2, 3), VELO_ERROR);
    CHECK_STATUS(velo_blob_read(blob, bytes, -1, 0), VELO_ERROR);
    CHECK_STATUS(velo_blob_write(blob, bytes, 1, 4), VELO_ERROR);
    CHECK_EQ(velo_changes(connection), 4); /* of the INSERT */
    CHECK_EQ(blob_count(connection, "SELECT count(*) FROM t WHERE a = x'00017f7e'"), 1);
    CHECK_STATUS(velo_close(connection), VELO_BUSY);
    CHECK_OK(velo_blob_reopen(blob, 4));
    CHECK_EQ(velo_blob_bytes(blob), 0);
    velo_blob_close(blob);
    CHECK_OK(velo_blob_open(connection, NULL, "T", "B", 1, 1, &blob)); /* in an index */
    CHECK_OK(velo_blob_write(blob, "N", 1, 0));
    velo_blob_close(blob);
    CHECK_EQ(blob_count(connection, "SELECT count(*) FROM t WHERE b = 'Next'"), 1);
    CHECK_OK(velo_close(connection));
}

static void
blob_expires_when_its_row_changes(void)
{
    velo_connection *connection = blob_open();
    velo_blob *blob;
    char bytes[4];

    CHECK_OK(velo_blob_open(connection, "main", "t", "a", 1, 1, &blob));
    CHECK_OK(velo_exec(connection, "UPDATE t SET a = 9 WHERE rowid = 2", NULL, NULL));
    CHECK_OK(velo_blob_read(blob, bytes, 4, 0)); /* another row */
    CHECK_OK(velo_exec(connection, "UPDATE t SET a = x'0f010203' WHERE rowid = 1", NULL, NULL));
    CHECK_STATUS(velo_blob_read(blob, bytes, 4, 0), VELO_ABORT);
    CHECK_STATUS(velo_blob_write(blob, bytes, 4, 0), VELO_ABORT);
    CHECK_STATUS(velo_blob_reopen(blob, 4), VELO_ABORT);
    velo_blob_close(blob);
    CHECK_OK(velo_blob_open(connection, "main", "t", "a", 1, 0, &blob));
    CHECK_STATUS(velo_blob_write(blob, "x", 1, 0), VELO_READONLY);
    CHECK_OK(velo_exec(connection, "DELETE FROM t WHERE rowid = 1", NULL, NULL));
    CHECK_STATUS(velo_blob_read(blob, bytes, 1, 0), VELO_ABORT);
    velo_blob_close(blob);
    CHECK_OK(velo_close(connection));
}

static void
blob_of_what_is_not_there_is_refused(void)
{
    velo_connection *connection = blob_open();
    velo_blob *blob;

    CHECK_STATUS(velo_blob_open(connection, "main", "u", "a", 1, 0, &blob), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "no such table: main.u");
    CHECK_STATUS(velo_blob_open(connection, "x", "t", "a", 1, 0, &blob), VELO_ERROR);
    CHECK_STATUS(velo_blob_open(connection, "main", "t", "c", 1, 0, &blob), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "no such column: \"c\"");
    CHECK_STATUS(velo_blob_open(connection, "main", "t", "a", 99, 0, &blob), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "no such rowid: 99");
    CHECK_STATUS(velo_blob_open(connection, "main", "t", "a", 2, 0, &blob), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "cannot open value of type integer");
    CHECK_STATUS(velo_blob_open(connection, "main", "t", "a", 3, 0, &blob), VELO_ERROR);
    CHECK_TEXT(velo_error_text(connection), "cannot open value of type null");
    CHECK(blob == NULL);
    CHECK_OK(velo_blob_open(connection, "main", "t", "a", 1, 0, &blob));
    CHECK_STATUS(velo_blob_reopen(blob, 2), VELO_ERROR);
    CHECK_EQ(velo_blob_bytes(blob), 0);
    CHECK_STATUS(velo_blob_reopen(blob, 1), VELO_ABORT);
    velo_blob_close(blob);
    CHECK_OK(velo_close(connection));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(blob_is_read_and_written_in_parts),
        UNIT_TEST(blob_expires_when_its_row_changes),
        UNIT_TEST(blob_of_what_is_not_there_is_refused),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
