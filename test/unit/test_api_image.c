/* test_api_image.c - databases as bytes in memory. */
#include "lib/api_run.h"
#include "lib/unit.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define IMAGE_MAKE                                                                                 \
    "CREATE TABLE t(a INTEGER PRIMARY KEY, b UNIQUE); INSERT INTO t VALUES(1, 'x'), (2, 2.5), "    \
    "(-7, x'00ff'); CREATE VIEW v AS SELECT b FROM t; PRAGMA user_version = 3"
#define IMAGE_PROBE                                                                                \
    "SELECT a, quote(b) FROM t ORDER BY a; SELECT count(*) FROM v; PRAGMA user_version; "          \
    "PRAGMA integrity_check"

static const char image_wanted[] = "-7,X'00FF'|1,'x'|2,2.5|3|3|ok";

/* Make an image of a database, by a connection to a file or in memory. */
static void
image_make(const char *name, velo_image_format format, void **data, int64_t *size)
{
    velo_connection *connection = api_run_open(name);

    CHECK_RUN(connection, IMAGE_MAKE, "");
    CHECK_STATUS(velo_serialize(connection, NULL, format, data, size), VELO_OK);
    CHECK(*data != NULL && *size > 1000);
    CHECK_RUN(connection, IMAGE_PROBE, image_wanted);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
image_round_trip(const char *from, const char *to, velo_image_format format)
{
    velo_connection *connection = api_run_open(to);
    velo_statement *statement;
    void *data = NULL;
    int64_t size = 0;

    image_make(from, format, &data, &size);
    CHECK_RUN(connection, "CREATE TABLE t(old)", "");
    CHECK_EQ(velo_prepare(connection, "SELECT max(a) FROM t", -1, &statement, NULL), VELO_ERROR);
    CHECK_EQ(velo_prepare(connection, "SELECT count(*) FROM t", -1, &statement, NULL), VELO_OK);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_STATUS(velo_deserialize(connection, "main", data, size, 0), VELO_BUSY);
    CHECK_EQ(velo_reset(statement), VELO_OK);
    CHECK_STATUS(velo_deserialize(connection, "main", data, size, 0), VELO_OK);
    velo_free(data);
    CHECK_EQ(velo_step(statement), VELO_ROW);
    CHECK_EQ(velo_column_int64(statement, 0), 3);
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    CHECK_RUN(connection, IMAGE_PROBE, image_wanted);
    CHECK_RUN(connection, "INSERT INTO t(b) VALUES('new') RETURNING a", "3");
    CHECK_EQ(velo_close(connection), VELO_OK);
    if (to == NULL)
        return;
    connection = api_run_open(to); /* the file stays what it was */
    CHECK_RUN(connection, "SELECT sql FROM sqlite_schema", "CREATE TABLE t(old)");
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
all_comes_back(void)
{
    image_round_trip(NULL, NULL, VELO_IMAGE_OWN);
    image_round_trip("a", "b", VELO_IMAGE_OWN);
    image_round_trip(NULL, NULL, VELO_IMAGE_SQLITE);
    image_round_trip("c", "d", VELO_IMAGE_SQLITE);
}

static void
an_image_may_be_read_only(void)
{
    velo_connection *connection = api_run_open(NULL);
    void *data = NULL;
    int64_t size = 0;

    image_make(NULL, VELO_IMAGE_SQLITE, &data, &size);
    CHECK_STATUS(velo_deserialize(connection, NULL, data, size, 1), VELO_OK);
    CHECK_RUN(connection, "DELETE FROM t", "!attempt to write a readonly database");
    CHECK_RUN(connection, IMAGE_PROBE, image_wanted);
    CHECK_STATUS(velo_deserialize(connection, NULL, NULL, 0, 0), VELO_OK);
    CHECK_RUN(connection, "SELECT count(*) FROM sqlite_schema; CREATE TABLE x(y)", "0");
    velo_free(data);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* A handle of the database that went neither gives its bytes nor writes into the new one, not even
 * where that has the same value. */
static void
blob_handles_expire(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_blob *blobs[2];
    char bytes[8];
    void *data;
    int64_t size;

    CHECK_RUN(connection, "CREATE TABLE t(b); INSERT INTO t VALUES(zeroblob(8))", "");
    CHECK_STATUS(velo_serialize(connection, NULL, VELO_IMAGE_OWN, &data, &size), VELO_OK);
    for (size_t i = 0; i < 2; i++)
        CHECK_STATUS(velo_blob_open(connection, NULL, "t", "b", 1, 1, &blobs[i]), VELO_OK);
    CHECK_STATUS(velo_deserialize(connection, NULL, data, size, 0), VELO_OK);
    CHECK_EQ(velo_blob_bytes(blobs[0]), 0);
    CHECK_STATUS(velo_blob_write(blobs[0], "12345678", 8, 0), VELO_ABORT);
    CHECK_STATUS(velo_blob_read(blobs[0], bytes, 8, 0), VELO_ABORT);
    CHECK_STATUS(velo_blob_reopen(blobs[1], 1), VELO_ABORT);
    CHECK_RUN(connection, "SELECT hex(b) FROM t", "0000000000000000");
    for (size_t i = 0; i < 2; i++)
        velo_blob_close(blobs[i]);
    velo_free(data);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
a_bad_image_changes_nothing(void)
{
    static const velo_image_format formats[] = {VELO_IMAGE_OWN, VELO_IMAGE_SQLITE};
    velo_connection *connection = api_run_open(NULL);

    CHECK_RUN(connection, IMAGE_MAKE, "");
    CHECK_STATUS(velo_deserialize(connection, NULL, "\0\1\3", 3, 0), VELO_NOTADB);
    CHECK_STATUS(velo_deserialize(connection, "none", "\0\1\3", 3, 0), VELO_ERROR);
    for (size_t i = 0; i < 2; i++) {
        void *data = NULL;
        int64_t size = 0;

        image_make(NULL, formats[i], &data, &size);
        CHECK(velo_deserialize(connection, NULL, data, size / 2, 0) != VELO_OK);
        memset((char *)data + 4096, 0x55, (size_t)size - 4096);
        CHECK(velo_deserialize(connection, NULL, data, size, 0) != VELO_OK);
        CHECK(strlen(velo_error_text(connection)) > 5);
        velo_free(data);
    }
    CHECK_RUN(connection, IMAGE_PROBE, image_wanted);
    CHECK_EQ(velo_close(connection), VELO_OK);
}

static void
a_transaction_is_seen_in_an_image_of_sqlite(void)
{
    velo_connection *connection = api_run_open(NULL);
    velo_connection *other = api_run_open(NULL);
    void *data;
    int64_t size;

    CHECK_RUN(connection, IMAGE_MAKE "; BEGIN; DELETE FROM t WHERE a = 1", "");
    CHECK_STATUS(velo_serialize(connection, NULL, VELO_IMAGE_OWN, &data, &size), VELO_LOCKED);
    CHECK(data == NULL && size == 0);
    CHECK_STATUS(velo_serialize(connection, NULL, VELO_IMAGE_SQLITE, &data, &size), VELO_OK);
    CHECK_STATUS(velo_deserialize(connection, NULL, data, size, 0), VELO_BUSY);
    CHECK_STATUS(velo_deserialize(other, NULL, data, size, 0), VELO_OK);
    CHECK_RUN(other, "SELECT group_concat(a) FROM t", "-7,2");
    velo_free(data);
    CHECK_EQ(velo_close(connection), VELO_OK);
    CHECK_EQ(velo_close(other), VELO_OK);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(all_comes_back),
        UNIT_TEST(an_image_may_be_read_only),
        UNIT_TEST(blob_handles_expire),
        UNIT_TEST(a_bad_image_changes_nothing),
        UNIT_TEST(a_transaction_is_seen_in_an_image_of_sqlite),
    };

    return unit_main(argc, argv, tests, sizeof tests / sizeof tests[0]);
}
