/* test_api_series.c - generate_series() and velo_statistics() in FROM. */
#include "lib/api_run.h"
#include "lib/unit.h"

static void
series_counts(void)
{
    static const struct {
        const char *sql;
        const char *wanted;
    } cases[] = {
        {"SELECT group_concat(value) FROM generate_series(1, 10, 3)", "1,4,7,10"},
        {"SELECT group_concat(value) FROM generate_series(10, 1, -3)", "10,7,4,1"},
        {"SELECT count(*) FROM generate_series(5, 1)", "0"},
        {"SELECT count(*) FROM generate_series(1, 5, -1)", "0"},
        {"SELECT group_concat(value) FROM generate_series(1, 3, 0)", "1,2,3"},
        {"SELECT count(*) FROM generate_series(1, NULL)", "0"},
        {"SELECT group_concat(value) FROM generate_series('2', 3.9)", "2,3"},
        {"SELECT start, stop, step, value FROM generate_series(2, 5, 2)", "2,5,2,2|2,5,2,4"},
        {"SELECT value FROM generate_series WHERE start = 1 AND stop = 2", "1|2"},
        {"SELECT a.value, b.value FROM generate_series(1, 2) a JOIN generate_series(1, a.value) b",
         "1,1|2,1|2,2"},
        {"SELECT count(*), sum(value) FROM generate_series(1, 100000)", "100000,5000050000"},
    };
    velo_connection *db = api_run_open(NULL);

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++)
        CHECK_RUN(db, cases[i].sql, cases[i].wanted);
    CHECK_OK(velo_close(db));
}

/* At the ends of what an integer can be; more rows than fit into 32 bits are not made ahead. */
static void
series_has_no_edges(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db, "SELECT value FROM generate_series(4294967294) LIMIT 3", "4294967294|4294967295");
    CHECK_RUN(db,
              "SELECT group_concat(value) FROM generate_series(9223372036854775806, "
              "9223372036854775807)",
              "9223372036854775806,9223372036854775807");
    CHECK_RUN(db,
              "SELECT group_concat(value) FROM generate_series(-9223372036854775807, "
              "-9223372036854775807 - 1, -1)",
              "-9223372036854775807,-9223372036854775808");
    CHECK_RUN(db,
              "SELECT group_concat(value) FROM generate_series(-9223372036854775807 - 1, "
              "9223372036854775807, 4611686018427387904)",
              "-9223372036854775808,-4611686018427387904,0,4611686018427387904");
    CHECK_RUN(db,
              "SELECT group_concat(value) FROM generate_series(9223372036854775807, "
              "-9223372036854775807 - 1, -9223372036854775807 - 1)",
              "9223372036854775807,-1");
    CHECK_RUN(db,
              "SELECT value FROM generate_series(-9223372036854775807 - 1, 9223372036854775807) "
              "LIMIT 2",
              "-9223372036854775808|-9223372036854775807");
    CHECK_RUN(db, "SELECT value FROM generate_series(0, 1e18) LIMIT 1 OFFSET 5000", "5000");
    CHECK_OK(velo_close(db));
}

static void
series_needs_its_start(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db, "SELECT * FROM generate_series()",
              "!first argument to \"generate_series()\" missing or unusable");
    CHECK_RUN(db, "SELECT * FROM generate_series",
              "!first argument to \"generate_series()\" missing or unusable");
    CHECK_RUN(db, "SELECT * FROM generate_series(1, 2, 3, 4)",
              "!too many arguments on generate_series() - max 3");
    CHECK_OK(velo_close(db));
}

/* A table of the name is meant first. */
static void
series_gives_way_to_tables(void)
{
    velo_connection *db = api_run_open(NULL);

    CHECK_RUN(db,
              "CREATE TABLE generate_series(a); INSERT INTO generate_series VALUES ('own'); "
              "SELECT * FROM generate_series",
              "own");
    CHECK_OK(velo_close(db));
}

static void
statistics_are_rows(void)
{
    velo_connection *db = api_run_open("statistics");
    velo_statistics found = {.size = sizeof found};

    CHECK_RUN(db,
              "CREATE TABLE t(a); INSERT INTO t VALUES (1); BEGIN; INSERT INTO t VALUES (2); "
              "ROLLBACK",
              "");
    CHECK_OK(velo_get_statistics(db, NULL, &found));
    CHECK(found.commits >= 2 && found.rollbacks >= 1);
    CHECK_RUN(db,
              "SELECT (SELECT value FROM velo_statistics WHERE name = 'commits') >= 2, "
              "(SELECT value FROM velo_statistics('main') WHERE name = 'rollbacks') >= 1",
              "1,1");
    CHECK_RUN(db, "SELECT value FROM velo_statistics('temp') WHERE name = 'commits'", "0");
    CHECK_RUN(db, "SELECT * FROM velo_statistics('nowhere')", "!unknown database 'nowhere'");
    CHECK_OK(velo_close(db));
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(series_counts),          UNIT_TEST(series_has_no_edges),
        UNIT_TEST(series_needs_its_start), UNIT_TEST(series_gives_way_to_tables),
        UNIT_TEST(statistics_are_rows),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
