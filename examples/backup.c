/* backup.c - copying a database while it is used, and a database as bytes. */
#include "example.h"

int
main(void)
{
    velo_connection *from = NULL;
    velo_connection *to = NULL;
    velo_backup *backup = NULL;
    velo_status status;
    void *image = NULL;
    int64_t size = 0;

    example_check(from, velo_open(NULL, NULL, &from), VELO_OK);
    example_check(to, velo_open(NULL, NULL, &to), VELO_OK);
    example_run(from,
                "CREATE TABLE t(a); INSERT INTO t WITH RECURSIVE n(i) AS (VALUES (1) UNION "
                "ALL SELECT i + 1 FROM n WHERE i < 5000) SELECT hex(zeroblob(i % 50)) FROM n");
    example_check(to, velo_backup_begin(to, NULL, from, NULL, &backup), VELO_OK);
    while ((status = velo_backup_step(backup, 5)) == VELO_OK) {
        example_run(from, "INSERT INTO t VALUES ('not in the backup')");
        (void)fprintf(stderr, "%lld pages to go\n", (long long)velo_backup_remaining(backup));
    }
    example_check(to, status, VELO_DONE);
    example_check(to, velo_backup_end(backup), VELO_OK);
    (void)printf("%lld rows in the backup\n", example_ask(to, "SELECT count(*) FROM t"));

    example_check(to, velo_serialize(to, NULL, VELO_IMAGE_SQLITE, &image, &size), VELO_OK);
    example_check(from, velo_deserialize(from, NULL, image, size, 0), VELO_OK);
    velo_free(image);
    (void)printf("%lld rows from an image\n", example_ask(from, "SELECT count(*) FROM t"));
    return velo_close(to) != VELO_OK || velo_close(from) != VELO_OK;
}
