/* blobs.c - reading and writing parts of a large value. */
#include "example.h"

int
main(void)
{
    velo_connection *connection = NULL;
    velo_blob *blob = NULL;
    char part[6] = "";

    example_check(connection, velo_open(NULL, NULL, &connection), VELO_OK);
    example_run(connection,
                "CREATE TABLE file(data BLOB); INSERT INTO file VALUES (zeroblob(100000))");
    example_check(connection, velo_blob_open(connection, NULL, "file", "data", 1, 1, &blob),
                  VELO_OK);
    example_check(connection, velo_blob_write(blob, "hello", 5, 70000), VELO_OK);
    example_check(connection, velo_blob_read(blob, part, 5, 70000), VELO_OK);
    (void)printf("%s in %lld bytes\n", part, (long long)velo_blob_bytes(blob));
    velo_blob_close(blob);
    return velo_close(connection) != VELO_OK;
}
