/* test_api_window.c - window functions through the public interface. Results are SQLite's. */
#include "lib/unit.h"
#include "velocidb.h"

#include <stdio.h>

#define ROWS_SIZE 16384U

static velo_connection *connection;

static const char schema_sql[] =
    "CREATE TABLE t(n INTEGER PRIMARY KEY, g INT, s TEXT, m, r REAL);"
    "INSERT INTO t VALUES (1, 1, 'a', 5, 1.0), (2, 2, 'b', NULL, 1.25), (3, 2, 'A', 'x', 1.5), "
    "(4, 3, 'a', 4, 2.0), (5, 3, 'b', 6.5, 2.25), (6, 3, 'B', NULL, 3.0), (7, 4, 'a', 5, 3.0), "
    "(8, 4, 'A', x'61', 3.25);"
    "CREATE VIEW v AS SELECT n, s, sum(n) OVER (PARTITION BY s ORDER BY n) AS running FROM t;";

static void
begin(void)
{
    if (velo_open(":memory:", NULL, &connection) != VELO_OK ||
        velo_exec(connection, schema_sql, NULL, NULL) != VELO_OK)
        unit_failed(__FILE__, __LINE__, "cannot begin: %s", velo_error_text(connection));
}

static void
end(void)
{
    CHECK_EQ(velo_close(connection), VELO_OK);
}

/* Append a row: values with commas between them, and a space before all rows but the first. */
static void
rows_add(velo_statement *statement, char *rows)
{
    size_t at = strlen(rows);

    for (int i = 0; i < velo_column_count(statement); i++) {
        const char *value = velo_column_text(statement, i);

        at += (size_t)snprintf(rows + at, ROWS_SIZE - at, "%s%s",
                               i > 0     ? ","
                               : at == 0 ? ""
                                         : " ",
                               value != NULL ? value : "~");
        if (at >= ROWS_SIZE)
            return;
    }
}

/* The rows of a prepared statement; an error is "!" and its message behind those that came before.
 */
static const char *
run(velo_statement *statement)
{
    static char rows[ROWS_SIZE];
    velo_status st;

    rows[0] = 0;
    do {
        st = velo_step(statement);
        if (st == VELO_ROW)
            rows_add(statement, rows);
    } while (st == VELO_ROW);
    if (st != VELO_DONE) {
        size_t at = strlen(rows);

        (void)snprintf(rows + at, ROWS_SIZE - at, "!%s", velo_error_text(connection));
    }
    return rows;
}

static const char *
query(const char *sql)
{
    static char error[512];
    velo_statement *statement;
    const char *rows;

    if (velo_prepare(connection, sql, -1, &statement, NULL) != VELO_OK) {
        (void)snprintf(error, sizeof error, "!%s", velo_error_text(connection));
        return error;
    }
    rows = run(statement);
    (void)velo_finalize(statement);
    return rows;
}

static void
check_cases(const char *const (*cases)[2], size_t count)
{
    begin();
    for (size_t i = 0; i < count; i++)
        if (strcmp(query(cases[i][0]), cases[i][1]) != 0)
            unit_failed(__FILE__, __LINE__, "%s: %s", cases[i][0], query(cases[i][0]));
    end();
}

static const char *const builtin_functions_tell_places_cases[][2] = {
    {"SELECT n, row_number() OVER (ORDER BY n), rank() OVER (ORDER BY g), dense_rank() OVER (ORDER "
     "BY g) FROM t ORDER BY n",
     "1,1,1,1 2,2,2,2 3,3,2,2 4,4,4,3 5,5,4,3 6,6,4,3 7,7,7,4 8,8,7,4"},
    {"SELECT n, round(percent_rank() OVER (ORDER BY g), 3), cume_dist() OVER (ORDER BY g) FROM t "
     "WHERE n < 5 "
     "ORDER BY n",
     "1,0.0,0.25 2,0.333,0.75 3,0.333,0.75 4,1.0,1.0"},
    {"SELECT row_number() OVER (), rank() OVER (), dense_rank() OVER (), percent_rank() OVER (), "
     "cume_dist() OVER () FROM t WHERE n < 4",
     "1,1,1,0.0,1.0 2,1,1,0.0,1.0 3,1,1,0.0,1.0"},
    {"SELECT n, ntile(3) OVER (ORDER BY n), ntile(100) OVER (ORDER BY n), ntile(1) OVER (ORDER BY "
     "n) FROM t ORDER BY n",
     "1,1,1,1 2,1,2,1 3,1,3,1 4,2,4,1 5,2,5,1 6,2,6,1 7,3,7,1 8,3,8,1"},
    {"SELECT n, ntile(4) OVER (PARTITION BY s ORDER BY n) FROM t ORDER BY n",
     "1,1 2,1 3,1 4,2 5,2 6,1 7,3 8,2"},
    {"SELECT n, ntile('2') OVER (ORDER BY n), ntile(2.9) OVER (ORDER BY n) FROM t WHERE n > 4 "
     "ORDER BY n",
     "5,1,1 6,1,1 7,2,2 8,2,2"},
    {"SELECT n, ntile(n) OVER (ORDER BY n DESC) FROM t ORDER BY n",
     "1,8 2,7 3,6 4,5 5,4 6,3 7,2 8,1"},
    {"SELECT percent_rank() OVER (ORDER BY n) FROM t WHERE n = 1", "0.0"},
};

static void
builtin_functions_tell_places(void)
{
    check_cases(builtin_functions_tell_places_cases,
                VL_ARRAY_COUNT(builtin_functions_tell_places_cases));
}

static const char *const lag_and_lead_look_at_other_rows_cases[][2] = {
    {"SELECT n, lag(s) OVER (ORDER BY n), lead(s) OVER (ORDER BY n) FROM t ORDER BY n",
     "1,~,b 2,a,A 3,b,a 4,A,b 5,a,B 6,b,a 7,B,A 8,a,~"},
    {"SELECT n, lag(s, 2) OVER (ORDER BY n), lead(s, 2, 'none') OVER (ORDER BY n) FROM t ORDER BY "
     "n",
     "1,~,A 2,~,a 3,a,b 4,b,B 5,A,a 6,a,A 7,b,none 8,B,none"},
    {"SELECT n, lag(n, 0) OVER (ORDER BY n), lead(n, NULL, 'x') OVER (ORDER BY n), lag(n, 'a') "
     "OVER (ORDER BY n) FROM t WHERE n < 3",
     "1,1,x,1 2,2,x,2"},
    {"SELECT n, lead(n, 1.0) OVER (ORDER BY n), lead(n, 1.5, 'd') OVER (ORDER BY n), lead(n, '1') "
     "OVER (ORDER BY n) FROM t WHERE n < 4",
     "1,2,d,2 2,3,d,3 3,~,d,~"},
    {"SELECT n, lag(n, 1, -n) OVER (PARTITION BY s ORDER BY n), lead(n, n, 'none') OVER (ORDER BY "
     "n) FROM t ORDER BY n",
     "1,-1,2 2,-2,4 3,-3,6 4,1,8 5,2,none 6,-6,none 7,4,none 8,3,none"},
    {"SELECT n, lag(n, -1) OVER (ORDER BY n), lag(n, -2, 'far') OVER (ORDER BY n), lead(n, -2) "
     "OVER (ORDER BY n) FROM t ORDER BY n",
     "1,2,far,~ 2,3,far,~ 3,4,far,1 4,5,far,2 5,6,far,3 6,7,far,4 7,8,far,5 8,~,far,6"},
    {"SELECT lead(n, 9223372036854775807) OVER (ORDER BY n), lag(n, 9223372036854775807, 'd') OVER "
     "(ORDER BY n) FROM t WHERE n < 3",
     "~,d ~,d"},
};

static void
lag_and_lead_look_at_other_rows(void)
{
    check_cases(lag_and_lead_look_at_other_rows_cases,
                VL_ARRAY_COUNT(lag_and_lead_look_at_other_rows_cases));
}

static const char *const values_of_frames_cases[][2] = {
    {"SELECT n, first_value(n) OVER (ORDER BY n), last_value(n) OVER (ORDER BY n), nth_value(n, 2) "
     "OVER (ORDER BY n) FROM t ORDER BY n",
     "1,1,1,~ 2,1,2,2 3,1,3,2 4,1,4,2 5,1,5,2 6,1,6,2 7,1,7,2 8,1,8,2"},
    {"SELECT n, first_value(s) OVER w, last_value(s) OVER w, nth_value(s, 2) OVER w FROM t WINDOW "
     "w AS (ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY n",
     "1,a,b,b 2,a,A,b 3,b,a,A 4,A,b,a 5,a,B,b 6,b,a,B 7,B,A,a 8,a,A,A"},
    {"SELECT n, first_value(n) OVER w, last_value(n) OVER w FROM t WINDOW w AS (ORDER BY n ROWS "
     "BETWEEN 1 FOLLOWING AND 2 FOLLOWING) ORDER BY n",
     "1,2,3 2,3,4 3,4,5 4,5,6 5,6,7 6,7,8 7,8,8 8,~,~"},
    {"SELECT n, first_value(n) OVER w, last_value(n) OVER w FROM t WINDOW w AS (ORDER BY n ROWS "
     "BETWEEN 3 PRECEDING AND 2 PRECEDING) ORDER BY n",
     "1,~,~ 2,~,~ 3,1,1 4,1,2 5,2,3 6,3,4 7,4,5 8,5,6"},
    {"SELECT n, nth_value(n, 3) OVER w, nth_value(n, n) OVER w, nth_value(n, 2.0) OVER w FROM t "
     "WINDOW w AS (PARTITION BY s ORDER BY n RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED "
     "FOLLOWING) ORDER BY n",
     "1,7,1,4 2,~,5,5 3,~,~,8 4,7,~,4 5,~,~,5 6,~,~,~ 7,7,~,4 8,~,~,8"},
    {"SELECT n, first_value(n) OVER w, nth_value(n, 2) OVER w, last_value(n) OVER w FROM t WINDOW "
     "w AS (ORDER BY g GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) ORDER BY n",
     "1,2,3,3 2,1,3,6 3,1,2,6 4,2,3,8 5,2,3,8 6,2,3,8 7,4,5,8 8,4,5,7"},
    {"SELECT n, first_value(n) OVER w, nth_value(n, n) OVER w, last_value(n) OVER w FROM t WINDOW "
     "w AS (ORDER BY g ROWS UNBOUNDED PRECEDING EXCLUDE TIES) ORDER BY n",
     "1,1,1,1 2,1,2,2 3,1,~,3 4,1,4,4 5,1,~,5 6,1,~,6 7,1,7,7 8,1,~,8"},
};

static void
values_of_frames(void)
{
    check_cases(values_of_frames_cases, VL_ARRAY_COUNT(values_of_frames_cases));
}

static const char *const frames_of_rows_cases[][2] = {
    {"SELECT n, sum(n) OVER (ORDER BY n ROWS UNBOUNDED PRECEDING) FROM t ORDER BY n",
     "1,1 2,3 3,6 4,10 5,15 6,21 7,28 8,36"},
    {"SELECT n, sum(n) OVER (ORDER BY n ROWS CURRENT ROW), sum(n) OVER (ORDER BY n ROWS 2 "
     "PRECEDING) FROM t ORDER BY n",
     "1,1,1 2,2,3 3,3,6 4,4,9 5,5,12 6,6,15 7,7,18 8,8,21"},
    {"SELECT n, sum(n) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM t ORDER BY "
     "n",
     "1,3 2,6 3,9 4,12 5,15 6,18 7,21 8,15"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY n ROWS BETWEEN 3 PRECEDING AND 1 PRECEDING) "
     "FROM t ORDER BY n",
     "1,~ 2,1 3,12 4,123 5,234 6,345 7,456 8,567"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY n ROWS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) "
     "FROM t ORDER BY n",
     "1,23 2,34 3,45 4,56 5,67 6,78 7,8 8,~"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY n ROWS BETWEEN 2 FOLLOWING AND UNBOUNDED "
     "FOLLOWING) FROM t ORDER BY n",
     "1,345678 2,45678 3,5678 4,678 5,78 6,8 7,~ 8,~"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 2 "
     "PRECEDING) FROM t ORDER BY n",
     "1,~ 2,~ 3,1 4,12 5,123 6,1234 7,12345 8,123456"},
    {"SELECT n, count(*) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND 2 PRECEDING), sum(n) OVER "
     "(ORDER BY n ROWS BETWEEN 3 FOLLOWING AND 1 FOLLOWING) FROM t WHERE n < 4 ORDER BY n",
     "1,0,~ 2,0,~ 3,0,~"},
    {"SELECT n, count(*) OVER (ROWS BETWEEN 9223372036854775807 PRECEDING AND 9223372036854775807 "
     "FOLLOWING) FROM t WHERE n < 3",
     "1,2 2,2"},
    {"SELECT n, count(*) OVER (ORDER BY n ROWS '1' PRECEDING), count(*) OVER (ORDER BY n ROWS 1.0 "
     "PRECEDING), count(*) OVER (ORDER BY n ROWS +1+0 PRECEDING) FROM t WHERE n < 4 ORDER BY n",
     "1,1,1,1 2,2,2,2 3,2,2,2"},
    {"SELECT n, count(*) OVER (ORDER BY n ROWS CASE WHEN 1 THEN CAST('2' AS INT) END PRECEDING) "
     "FROM t ORDER BY n",
     "1,1 2,2 3,3 4,3 5,3 6,3 7,3 8,3"},
};

static void
frames_of_rows(void)
{
    check_cases(frames_of_rows_cases, VL_ARRAY_COUNT(frames_of_rows_cases));
}

static const char *const frames_of_ranges_cases[][2] = {
    {"SELECT n, sum(n) OVER (ORDER BY g) FROM t ORDER BY n",
     "1,1 2,6 3,6 4,21 5,21 6,21 7,36 8,36"},
    {"SELECT n, sum(n) OVER (ORDER BY g RANGE CURRENT ROW), count(*) OVER (ORDER BY g RANGE "
     "BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) FROM t ORDER BY n",
     "1,1,8 2,5,7 3,5,7 4,15,5 5,15,5 6,15,5 7,15,2 8,15,2"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY n RANGE BETWEEN 2 PRECEDING AND 1 FOLLOWING) "
     "FROM t ORDER BY n",
     "1,12 2,123 3,1234 4,2345 5,3456 6,4567 7,5678 8,678"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY n DESC RANGE BETWEEN 2 PRECEDING AND 1 "
     "FOLLOWING) FROM t ORDER BY n",
     "1,321 2,4321 3,5432 4,6543 5,7654 6,8765 7,876 8,87"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY r RANGE BETWEEN 0.5 PRECEDING AND 0.25 "
     "FOLLOWING) FROM t ORDER BY n",
     "1,12 2,123 3,123 4,345 5,45 6,678 7,678 8,678"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY m RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) "
     "FROM t ORDER BY n",
     "1,417 2,26 3,3 4,417 5,5 6,26 7,417 8,8"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY m DESC RANGE BETWEEN 1 PRECEDING AND 1 "
     "FOLLOWING) FROM t ORDER BY n",
     "1,174 2,26 3,3 4,174 5,5 6,26 7,174 8,8"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY m NULLS LAST RANGE BETWEEN 1 FOLLOWING AND 3 "
     "FOLLOWING) FROM t ORDER BY n",
     "1,5 2,26 3,3 4,175 5,~ 6,26 7,5 8,8"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY m DESC NULLS FIRST RANGE BETWEEN UNBOUNDED "
     "PRECEDING AND 1 PRECEDING) FROM t ORDER BY n",
     "1,26835 2,26 3,2683 4,2683517 5,2683 6,26 7,26835 8,268"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY m RANGE BETWEEN 2 FOLLOWING AND 1 FOLLOWING) "
     "FROM t ORDER BY n",
     "1,~ 2,26 3,3 4,~ 5,~ 6,26 7,~ 8,8"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY m COLLATE NOCASE RANGE BETWEEN 0 PRECEDING AND "
     "0 FOLLOWING) FROM t ORDER BY n",
     "1,17 2,26 3,3 4,4 5,5 6,26 7,17 8,8"},
    {"SELECT n, count(*) OVER (RANGE UNBOUNDED PRECEDING) FROM t WHERE n < 3", "1,2 2,2"},
    {"SELECT column1, count(*) OVER (ORDER BY column1 RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) "
     "FROM (VALUES (9223372036854775807), (9223372036854775806), (1), (-9223372036854775807))",
     "-9223372036854775807,1 1,1 9223372036854775806,2 9223372036854775807,2"},
};

static void
frames_of_ranges(void)
{
    check_cases(frames_of_ranges_cases, VL_ARRAY_COUNT(frames_of_ranges_cases));
}

static const char *const frames_of_groups_cases[][2] = {
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g GROUPS 1 PRECEDING) FROM t ORDER BY n",
     "1,1 2,123 3,123 4,23456 5,23456 6,23456 7,45678 8,45678"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g GROUPS CURRENT ROW) FROM t ORDER BY n",
     "1,1 2,23 3,23 4,456 5,456 6,456 7,78 8,78"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g GROUPS BETWEEN 1 FOLLOWING AND 2 FOLLOWING) "
     "FROM t ORDER BY n",
     "1,23456 2,45678 3,45678 4,78 5,78 6,78 7,~ 8,~"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g GROUPS BETWEEN 2 PRECEDING AND 1 PRECEDING) "
     "FROM t ORDER BY n",
     "1,~ 2,1 3,1 4,123 5,123 6,123 7,23456 8,23456"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g, s GROUPS BETWEEN 0 PRECEDING AND 1 "
     "FOLLOWING) FROM t ORDER BY n",
     "1,13 2,26 3,32 4,45 5,58 6,64 7,7 8,87"},
    {"SELECT n, count(*) OVER (GROUPS 1 PRECEDING), count(*) OVER (PARTITION BY s GROUPS BETWEEN 1 "
     "PRECEDING AND 1 PRECEDING) FROM t ORDER BY n",
     "1,8,0 2,8,0 3,8,0 4,8,0 5,8,0 6,8,0 7,8,0 8,8,0"},
    {"SELECT n, group_concat(n, '') OVER (PARTITION BY s ORDER BY g DESC GROUPS BETWEEN UNBOUNDED "
     "PRECEDING AND 1 FOLLOWING) FROM t ORDER BY n",
     "1,741 2,52 3,83 4,741 5,52 6,6 7,74 8,83"},
};

static void
frames_of_groups(void)
{
    check_cases(frames_of_groups_cases, VL_ARRAY_COUNT(frames_of_groups_cases));
}

static const char *const excluded_rows_cases[][2] = {
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g ROWS BETWEEN UNBOUNDED PRECEDING AND "
     "UNBOUNDED FOLLOWING EXCLUDE NO OTHERS) FROM t WHERE n < 4 ORDER BY n",
     "1,123 2,123 3,123"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING "
     "EXCLUDE CURRENT ROW) FROM t ORDER BY n",
     "1,23 2,13456 3,12456 4,235678 5,234678 6,234578 7,4568 8,4567"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING "
     "EXCLUDE GROUP) FROM t ORDER BY n",
     "1,23 2,1456 3,1456 4,2378 5,2378 6,2378 7,456 8,456"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING "
     "EXCLUDE TIES) FROM t ORDER BY n",
     "1,123 2,12456 3,13456 4,23478 5,23578 6,23678 7,4567 8,4568"},
    {"SELECT n, group_concat(n, '') OVER (ORDER BY g ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING "
     "EXCLUDE GROUP) FROM t ORDER BY n",
     "1,~ 2,1 3,1 4,23 5,3 6,~ 7,56 8,6"},
    {"SELECT n, sum(n) OVER (ORDER BY g ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING EXCLUDE "
     "TIES), max(n) OVER (ORDER BY g RANGE UNBOUNDED PRECEDING EXCLUDE CURRENT ROW) FROM t ORDER "
     "BY n",
     "1,35,~ 2,30,3 3,30,2 4,15,6 5,15,6 6,15,5 7,~,8 8,~,7"},
    {"SELECT n, count(*) OVER (ROWS UNBOUNDED PRECEDING EXCLUDE GROUP), count(*) OVER (ROWS "
     "UNBOUNDED PRECEDING EXCLUDE TIES) FROM t WHERE n < 4",
     "1,0,1 2,0,1 3,0,1"},
    {"SELECT n, count(n) FILTER (WHERE n > 1) OVER (ORDER BY n ROWS 3 PRECEDING EXCLUDE CURRENT "
     "ROW) FROM t ORDER BY n",
     "1,0 2,0 3,1 4,2 5,3 6,3 7,3 8,3"},
    {"SELECT n, nth_value(n, 0) OVER (ORDER BY n ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING EXCLUDE "
     "NO OTHERS) FROM t WHERE n < 2",
     "1,~"},
};

static void
excluded_rows(void)
{
    check_cases(excluded_rows_cases, VL_ARRAY_COUNT(excluded_rows_cases));
}

static const char *const aggregates_over_windows_cases[][2] = {
    {"SELECT n, count(*) OVER w, count(m) OVER w, sum(n) OVER w, total(n) OVER w, avg(n) OVER w, "
     "min(n) OVER w, max(n) OVER w FROM t WINDOW w AS (ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 "
     "FOLLOWING) ORDER BY n",
     "1,2,1,3,3.0,1.5,1,2 2,3,2,6,6.0,2.0,1,3 3,3,2,9,9.0,3.0,2,4 4,3,3,12,12.0,4.0,3,5 "
     "5,3,2,15,15.0,5.0,4,6 6,3,2,18,18.0,6.0,5,7 7,3,2,21,21.0,7.0,6,8 8,2,2,15,15.0,7.5,7,8"},
    {"SELECT n, min(m) OVER w, max(m) OVER w FROM t WINDOW w AS (ORDER BY n ROWS BETWEEN 2 "
     "PRECEDING AND CURRENT ROW) ORDER BY n",
     "1,5,5 2,5,5 3,5,x 4,4,x 5,4,x 6,4,6.5 7,5,6.5 8,5,a"},
    {"SELECT n, min(s COLLATE NOCASE) OVER w, max(s COLLATE NOCASE) OVER w, max(s) OVER w FROM t "
     "WINDOW w AS (ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) ORDER BY n",
     "1,a,b,b 2,A,b,b 3,a,b,b 4,a,b,b 5,a,B,b 6,a,B,b 7,A,B,a 8,A,A,a"},
    {"SELECT n, sum(n) FILTER (WHERE n % 2) OVER (ORDER BY n ROWS 2 PRECEDING), count(*) FILTER "
     "(WHERE s = 'a') OVER (ORDER BY n), total(n) FILTER (WHERE 0) OVER () FROM t ORDER BY n",
     "1,1,1,0.0 2,1,1,0.0 3,4,1,0.0 4,3,2,0.0 5,8,2,0.0 6,5,2,0.0 7,12,3,0.0 8,7,3,0.0"},
    {"SELECT n, group_concat(s, n) OVER (ORDER BY n ROWS 2 PRECEDING) FROM t ORDER BY n",
     "1,a 2,a2b 3,a2b3A 4,b3A4a 5,A4a5b 6,a5b6B 7,b6B7a 8,B7a8A"},
    {"SELECT n, sum(NULL) OVER (ORDER BY n), total(NULL) OVER (ORDER BY n), avg(NULL) OVER (), "
     "min(NULL) OVER (), group_concat(NULL) OVER () FROM t WHERE n < 3",
     "1,~,0.0,~,~,~ 2,~,0.0,~,~,~"},
    {"SELECT n, sum(9223372036854775807) OVER (ORDER BY n ROWS CURRENT ROW) FROM t WHERE n < 3",
     "1,9223372036854775807 2,9223372036854775807"},
    {"SELECT column1, sum(column2) OVER (ORDER BY column1 ROWS 1 PRECEDING) FROM (VALUES (1, "
     "1.25), (2, 100), (3, 200), (4, 300))",
     "1,1.25 2,101.25 3,300.0 4,500.0"},
    {"SELECT count(*) OVER (), sum(n) OVER (ORDER BY n) FROM t WHERE 0", ""},
};

static void
aggregates_over_windows(void)
{
    check_cases(aggregates_over_windows_cases, VL_ARRAY_COUNT(aggregates_over_windows_cases));
}

static const char *const several_windows_in_one_select_cases[][2] = {
    {"SELECT n, sum(n) OVER (PARTITION BY s), rank() OVER (ORDER BY g), row_number() OVER (ORDER "
     "BY n DESC) FROM t ORDER BY n",
     "1,12,1,8 2,7,2,7 3,11,2,6 4,12,4,5 5,7,4,4 6,6,4,3 7,12,7,2 8,11,7,1"},
    {"SELECT n, sum(n) OVER (PARTITION BY s ORDER BY n), sum(n) OVER (PARTITION BY s), count(*) "
     "OVER (PARTITION BY s ORDER BY n ROWS 1 PRECEDING), avg(n) OVER () FROM t ORDER BY n",
     "1,1,12,1,4.5 2,2,7,1,4.5 3,3,11,1,4.5 4,5,12,2,4.5 5,7,7,2,4.5 6,6,6,1,4.5 7,12,12,2,4.5 "
     "8,11,11,2,4.5"},
    {"SELECT n, cume_dist() OVER (ORDER BY n), max(n) OVER (ORDER BY n GROUPS BETWEEN 5 FOLLOWING "
     "AND "
     "UNBOUNDED FOLLOWING), ntile(2) OVER (ORDER BY n), lead(n) OVER (ORDER BY n), rank() OVER "
     "(ORDER BY n) FROM t WHERE n <> 3 AND n < 6 ORDER BY n",
     "1,0.25,~,1,2,1 2,0.5,~,1,4,2 4,0.75,~,2,5,3 5,1.0,~,2,~,4"},
    {"SELECT n, row_number() OVER (ORDER BY s, n) FROM t", "3,1 8,2 6,3 1,4 4,5 7,6 2,7 5,8"},
    {"SELECT n, row_number() OVER (ORDER BY n DESC), sum(n) OVER (ORDER BY s, n) FROM t",
     "8,1,11 7,2,29 6,3,17 5,4,36 4,5,22 3,6,3 2,7,31 1,8,18"},
    {"SELECT n, row_number() OVER (PARTITION BY s ORDER BY n DESC) FROM t",
     "8,1 3,2 6,1 7,1 4,2 1,3 5,1 2,2"},
    {"SELECT n, row_number() OVER (), row_number() OVER (ORDER BY NULL), row_number() OVER (ORDER "
     "BY 1), row_number() OVER (PARTITION BY 1) FROM t WHERE n < 3",
     "1,1,1,1,1 2,2,2,2,2"},
    {"SELECT n, lag(n) OVER w1, lag(n) OVER w2 FROM t WINDOW w1 AS (ORDER BY n), w2 AS (ORDER BY n "
     "DESC) ORDER BY n",
     "1,~,2 2,1,3 3,2,4 4,3,5 5,4,6 6,5,7 7,6,8 8,7,~"},
};

static void
several_windows_in_one_select(void)
{
    check_cases(several_windows_in_one_select_cases,
                VL_ARRAY_COUNT(several_windows_in_one_select_cases));
}

static const char *const windows_have_bases_cases[][2] = {
    {"SELECT n, sum(n) OVER (w ROWS 1 PRECEDING) FROM t WINDOW w AS (PARTITION BY s ORDER BY n) "
     "ORDER BY n",
     "1,1 2,2 3,3 4,5 5,7 6,6 7,11 8,11"},
    {"SELECT n, sum(n) OVER (w ORDER BY n), sum(n) OVER w FROM t WINDOW w AS (PARTITION BY s) "
     "ORDER BY n",
     "1,1,12 2,2,7 3,3,11 4,5,12 5,7,7 6,6,6 7,12,12 8,11,11"},
    {"SELECT n, sum(n) OVER c FROM t WINDOW a AS (PARTITION BY s), b AS (a ORDER BY n), c AS (b "
     "ROWS 1 PRECEDING) ORDER BY n",
     "1,1 2,2 3,3 4,5 5,7 6,6 7,11 8,11"},
    {"SELECT n, sum(n) OVER W FROM t WINDOW w AS (ORDER BY n DESC), w AS (ORDER BY n) ORDER BY n",
     "1,1 2,3 3,6 4,10 5,15 6,21 7,28 8,36"},
    {"SELECT n, sum(n) OVER w FROM t WINDOW w AS (ORDER BY n), unused AS (ORDER BY nosuch) ORDER "
     "BY n LIMIT 2",
     "1,1 2,3"},
    {"SELECT sum(n) OVER w FROM t WINDOW v AS ()", "!no such window: w"},
    {"SELECT sum(n) OVER (w) FROM t WINDOW w AS (ROWS 1 PRECEDING)",
     "!cannot override frame specification of window: w"},
    {"SELECT sum(n) OVER (w PARTITION BY s) FROM t WINDOW w AS ()",
     "!cannot override PARTITION clause of window: w"},
    {"SELECT sum(n) OVER (w ORDER BY n) FROM t WINDOW w AS (ORDER BY s)",
     "!cannot override ORDER BY clause of window: w"},
    {"SELECT sum(n) OVER b FROM t WINDOW a AS (ORDER BY n), b AS (c), c AS (a)",
     "!no such window: c"},
    {"SELECT n FROM t WINDOW a AS (ORDER BY n), b AS (a ORDER BY n)",
     "!cannot override ORDER BY clause of window: a"},
    {"SELECT sum(n) OVER w FROM t WINDOW w AS (ORDER BY nosuch)", "!no such column: nosuch"},
};

static void
windows_have_bases(void)
{
    check_cases(windows_have_bases_cases, VL_ARRAY_COUNT(windows_have_bases_cases));
}

static const char *const orders_of_windows_cases[][2] = {
    {"SELECT n, row_number() OVER (ORDER BY m, n) FROM t ORDER BY n",
     "1,4 2,1 3,7 4,3 5,6 6,2 7,5 8,8"},
    {"SELECT n, row_number() OVER (ORDER BY m DESC, n) FROM t ORDER BY n",
     "1,4 2,7 3,2 4,6 5,3 6,8 7,5 8,1"},
    {"SELECT n, row_number() OVER (ORDER BY m NULLS LAST, n DESC) FROM t ORDER BY n",
     "1,3 2,8 3,5 4,1 5,4 6,7 7,2 8,6"},
    {"SELECT n, row_number() OVER (ORDER BY m DESC NULLS FIRST, n DESC) FROM t ORDER BY n",
     "1,7 2,2 3,4 4,8 5,5 6,1 7,6 8,3"},
    {"SELECT n, rank() OVER (ORDER BY s), rank() OVER (ORDER BY s COLLATE NOCASE) FROM t ORDER BY "
     "n",
     "1,4,1 2,7,6 3,1,1 4,4,1 5,7,6 6,3,6 7,4,1 8,1,1"},
    {"SELECT n, count(*) OVER (PARTITION BY s COLLATE NOCASE), count(*) OVER (PARTITION BY m), "
     "count(*) OVER (PARTITION BY s, g) FROM t ORDER BY n",
     "1,5,2,1 2,3,2,1 3,5,1,1 4,5,1,1 5,3,1,1 6,3,2,1 7,5,2,1 8,5,1,1"},
    {"SELECT n, rank() OVER (ORDER BY n % 2, g IS NULL) FROM t ORDER BY n",
     "1,5 2,1 3,5 4,1 5,5 6,1 7,5 8,1"},
    {"SELECT n, rank() OVER (ORDER BY (SELECT count(*) FROM t AS i WHERE i.n < t.n) % 3) FROM t "
     "ORDER BY n",
     "1,1 2,4 3,7 4,1 5,4 6,7 7,1 8,4"},
};

static void
orders_of_windows(void)
{
    check_cases(orders_of_windows_cases, VL_ARRAY_COUNT(orders_of_windows_cases));
}

static const char *const windows_of_groups_cases[][2] = {
    {"SELECT s, count(*), sum(count(*)) OVER (ORDER BY s), rank() OVER (ORDER BY count(*) DESC) "
     "FROM t GROUP BY s ORDER BY s",
     "A,2,2,2 B,1,3,4 a,3,6,1 b,2,8,2"},
    {"SELECT s, sum(n) AS total, lag(sum(n)) OVER (ORDER BY sum(n)) FROM t GROUP BY s HAVING "
     "count(*) > 1 ORDER BY total",
     "b,7,~ A,11,7 a,12,11"},
    {"SELECT upper(s), row_number() OVER (ORDER BY upper(s)) FROM t GROUP BY upper(s)", "A,1 B,2"},
    {"SELECT sum(n), sum(sum(n)) OVER (), count(*) OVER () FROM t", "36,36,1"},
    {"SELECT g, max(n), n, first_value(max(n)) OVER (ORDER BY g) FROM t GROUP BY g",
     "1,1,1,1 2,3,3,1 3,6,6,1 4,8,8,1"},
    {"SELECT g, count(*) FROM t GROUP BY g ORDER BY rank() OVER (ORDER BY count(*) DESC, g)",
     "3,3 2,2 4,2 1,1"},
    {"SELECT count(*) OVER () FROM t GROUP BY s HAVING s > 'a'", "1"},
    {"SELECT g + 1, sum(g + 1) OVER (ORDER BY g + 1) FROM t GROUP BY g + 1", "2,2 3,5 4,9 5,14"},
};

static void
windows_of_groups(void)
{
    check_cases(windows_of_groups_cases, VL_ARRAY_COUNT(windows_of_groups_cases));
}

static const char *const windows_where_rows_are_chosen_and_sorted_cases[][2] = {
    {"SELECT n FROM t ORDER BY row_number() OVER (ORDER BY n DESC)", "8 7 6 5 4 3 2 1"},
    {"SELECT n, row_number() OVER (ORDER BY n) AS x FROM t ORDER BY x DESC LIMIT 3", "8,8 7,7 6,6"},
    {"SELECT n, sum(n) OVER (ORDER BY n) FROM t ORDER BY sum(n) OVER (ORDER BY n) DESC LIMIT 2",
     "8,36 7,28"},
    {"SELECT DISTINCT count(*) OVER (PARTITION BY g) AS c FROM t ORDER BY c", "1 2 3"},
    {"SELECT n, sum(n) OVER (ORDER BY n) FROM t LIMIT 2 OFFSET 1", "2,3 3,6"},
    {"SELECT n, sum(n) OVER (ORDER BY s, n) FROM t ORDER BY s, n LIMIT 3", "3,3 8,11 6,17"},
    {"SELECT n FROM t WHERE g = 2 ORDER BY max(n) OVER (), n DESC", "3 2"},
    {"SELECT n, count(*) OVER () FROM t WHERE n IN (SELECT row_number() OVER () FROM t) ORDER BY n "
     "DESC LIMIT 1",
     "8,8"},
};

static void
windows_where_rows_are_chosen_and_sorted(void)
{
    check_cases(windows_where_rows_are_chosen_and_sorted_cases,
                VL_ARRAY_COUNT(windows_where_rows_are_chosen_and_sorted_cases));
}

static const char *const windows_in_queries_of_queries_cases[][2] = {
    {"SELECT * FROM (SELECT n, s, row_number() OVER (PARTITION BY s ORDER BY n) AS x FROM t) WHERE "
     "x = 1 ORDER BY n",
     "1,a,1 2,b,1 3,A,1 6,B,1"},
    {"SELECT * FROM (SELECT n, s, sum(n) OVER (PARTITION BY s) AS x FROM t) WHERE s = 'a' AND n > "
     "3 ORDER BY n",
     "4,a,12 7,a,12"},
    {"SELECT n FROM (SELECT n, row_number() OVER (ORDER BY n) AS x FROM t) ORDER BY n LIMIT 2",
     "1 2"},
    {"WITH w(n, x) AS (SELECT n, lag(n) OVER (ORDER BY n) FROM t) SELECT a.n, b.x FROM w AS a JOIN "
     "w AS b ON a.n = b.x ORDER BY 1",
     "1,1 2,2 3,3 4,4 5,5 6,6 7,7"},
    {"SELECT n, rank() OVER (ORDER BY n) FROM t WHERE n < 3 UNION ALL SELECT n, row_number() OVER "
     "(ORDER BY n DESC) FROM t WHERE n > 6 ORDER BY 1",
     "1,1 2,2 7,2 8,1"},
    {"SELECT sum(n) OVER (ORDER BY n) FROM t WHERE n < 4 UNION SELECT count(*) OVER () FROM t",
     "1 3 6 8"},
    {"SELECT n, (SELECT sum(i.n) OVER (ORDER BY i.n DESC) FROM t AS i WHERE i.n <= t.n LIMIT 1) "
     "FROM t ORDER BY n",
     "1,1 2,2 3,3 4,4 5,5 6,6 7,7 8,8"},
    {"SELECT n, sum((SELECT count(*) FROM t AS i WHERE i.n <= t.n)) OVER (ORDER BY n) FROM t ORDER "
     "BY n",
     "1,1 2,3 3,6 4,10 5,15 6,21 7,28 8,36"},
    {"SELECT n, (SELECT max(x) FROM (SELECT row_number() OVER (ORDER BY i.n) + t.n AS x FROM t AS "
     "i WHERE i.g = t.g)) FROM t ORDER BY n",
     "1,2 2,4 3,5 4,7 5,8 6,9 7,9 8,10"},
    {"SELECT n, EXISTS (SELECT rank() OVER (ORDER BY t.n) FROM t AS i WHERE i.n > t.n) FROM t "
     "ORDER BY n",
     "1,1 2,1 3,1 4,1 5,1 6,1 7,1 8,0"},
    {"SELECT (SELECT row_number() OVER ())", "1"},
    {"SELECT a.n, b.n, row_number() OVER (PARTITION BY a.n ORDER BY b.n) FROM t AS a JOIN t AS b "
     "ON b.n > a.n AND b.n < a.n + 3 WHERE a.n < 3 ORDER BY 1, 2",
     "1,2,1 1,3,2 2,3,1 2,4,2"},
    {"SELECT a.n, b.n, count(b.n) OVER (ORDER BY a.n) FROM t AS a LEFT JOIN t AS b ON b.n = a.n + "
     "5 ORDER BY 1",
     "1,6,1 2,7,2 3,8,3 4,~,3 5,~,3 6,~,3 7,~,3 8,~,3"},
    {"SELECT * FROM v ORDER BY n", "1,a,1 2,b,2 3,A,3 4,a,5 5,b,7 6,B,6 7,a,12 8,A,11"},
    {"SELECT * FROM v WHERE s = 'b' ORDER BY n", "2,b,2 5,b,7"},
};

static void
windows_in_queries_of_queries(void)
{
    check_cases(windows_in_queries_of_queries_cases,
                VL_ARRAY_COUNT(windows_in_queries_of_queries_cases));
}

static const char *const wrong_windows_are_refused_cases[][2] = {
    {"SELECT rank() FROM t", "!misuse of window function rank()"},
    {"SELECT rank() FILTER (WHERE 1) FROM t", "!misuse of window function rank()"},
    {"SELECT rank() FILTER (WHERE 1) OVER () FROM t",
     "!FILTER clause may only be used with aggregate window functions"},
    {"SELECT lag(n) FILTER (WHERE 1) OVER () FROM t",
     "!FILTER clause may only be used with aggregate window functions"},
    {"SELECT abs(n) OVER () FROM t", "!abs() may not be used as a window function"},
    {"SELECT sum(DISTINCT n) OVER () FROM t", "!DISTINCT is not supported for window functions"},
    {"SELECT nosuch() OVER () FROM t", "!no such function: nosuch"},
    {"SELECT row_number(1) OVER () FROM t", "!wrong number of arguments to function row_number()"},
    {"SELECT nth_value(n) OVER () FROM t", "!wrong number of arguments to function nth_value()"},
    {"SELECT n FROM t WHERE sum(n) OVER () > 1", "!misuse of window function sum()"},
    {"SELECT n FROM t GROUP BY row_number() OVER ()", "!misuse of window function row_number()"},
    {"SELECT s FROM t GROUP BY s HAVING row_number() OVER () > 1",
     "!misuse of window function row_number()"},
    {"SELECT sum(sum(n) OVER ()) FROM t", "!misuse of window function sum()"},
    {"SELECT sum(sum(n) OVER ()) OVER () FROM t", "!misuse of window function sum()"},
    {"SELECT sum(n) OVER (ORDER BY sum(n) OVER ()) FROM t", "!misuse of window function sum()"},
    {"SELECT sum(n) OVER (PARTITION BY rank() OVER ()) FROM t",
     "!misuse of window function rank()"},
    {"SELECT row_number() OVER () AS x FROM t WHERE x = 1", "!misuse of aliased window function x"},
    {"SELECT row_number() OVER () AS x FROM t GROUP BY x", "!misuse of aliased window function x"},
    {"SELECT row_number() OVER () AS x FROM t ORDER BY sum(x) OVER ()",
     "!misuse of aliased window function x"},
    {"SELECT row_number() OVER () AS x FROM t ORDER BY (SELECT x)",
     "!misuse of aliased window function x"},
    {"SELECT n FROM t LIMIT row_number() OVER ()", "!misuse of window function row_number()"},
    {"UPDATE t SET n = row_number() OVER ()", "!misuse of window function row_number()"},
    {"DELETE FROM t WHERE row_number() OVER () > 1", "!misuse of window function row_number()"},
    {"INSERT INTO t (n) VALUES (1) RETURNING row_number() OVER ()",
     "!misuse of window function row_number()"},
    {"CREATE TABLE bad (a CHECK (row_number() OVER () > 1))",
     "!misuse of window function row_number()"},
    {"CREATE TABLE bad (a CHECK (rank() > 1))", "!misuse of window function rank()"},
    {"CREATE TABLE bad (a, b AS (lag(a)))", "!misuse of window function lag()"},
    {"CREATE INDEX bad ON t (n) WHERE first_value(n)", "!misuse of window function first_value()"},
    {"CREATE INDEX bad ON t (row_number() OVER ())", "!misuse of window function row_number()"},
    {"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE rank() OVER () > 0) "
     "SELECT * FROM c",
     "!misuse of window function rank()"},
    {"WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + row_number() OVER () FROM c) SELECT * "
     "FROM c",
     "!cannot use window functions in recursive queries"},
    {"SELECT sum(n) OVER (ORDER BY n ROWS 1 FOLLOWING) FROM t", "!unsupported frame specification"},
    {"SELECT sum(n) OVER (ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM t",
     "!unsupported frame specification"},
    {"SELECT sum(n) OVER (ROWS BETWEEN 1 FOLLOWING AND CURRENT ROW) FROM t",
     "!unsupported frame specification"},
    {"CREATE VIEW bad AS SELECT sum(n) OVER (ROWS BETWEEN 1 FOLLOWING AND 1 PRECEDING) FROM t",
     "!unsupported frame specification"},
    {"SELECT sum(n) OVER (ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW) FROM t",
     "!near \"FOLLOWING\": syntax error"},
    {"SELECT sum(n) OVER (RANGE 1 PRECEDING) FROM t",
     "!RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression"},
    {"SELECT sum(n) OVER (ORDER BY n, s RANGE BETWEEN CURRENT ROW AND 1 FOLLOWING) FROM t",
     "!RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression"},
    {"SELECT row_number() OVER (RANGE 1 PRECEDING) FROM t",
     "!RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression"},
};

static void
wrong_windows_are_refused(void)
{
    check_cases(wrong_windows_are_refused_cases, VL_ARRAY_COUNT(wrong_windows_are_refused_cases));
}

static const char *const wrong_offsets_are_refused_cases[][2] = {
    {"SELECT sum(n) OVER (ROWS -1 PRECEDING) FROM t",
     "!frame starting offset must be a non-negative integer"},
    {"SELECT sum(n) OVER (ROWS BETWEEN CURRENT ROW AND -1 FOLLOWING) FROM t",
     "!frame ending offset must be a non-negative integer"},
    {"SELECT sum(n) OVER (ROWS 1.5 PRECEDING) FROM t",
     "!frame starting offset must be a non-negative integer"},
    {"SELECT sum(n) OVER (ROWS 'x' PRECEDING) FROM t",
     "!frame starting offset must be a non-negative integer"},
    {"SELECT sum(n) OVER (ROWS NULL PRECEDING) FROM t",
     "!frame starting offset must be a non-negative integer"},
    {"SELECT sum(n) OVER (GROUPS BETWEEN 1 PRECEDING AND 0.5 FOLLOWING) FROM t",
     "!frame ending offset must be a non-negative integer"},
    {"SELECT sum(n) OVER (ROWS n PRECEDING) FROM t",
     "!frame starting offset must be a non-negative integer"},
    {"SELECT sum(n) OVER (ROWS abs(1) PRECEDING) FROM t",
     "!frame starting offset must be a non-negative integer"},
    {"SELECT sum(n) OVER (ROWS (SELECT 1) PRECEDING) FROM t",
     "!frame starting offset must be a non-negative integer"},
    {"SELECT sum(n) OVER (ORDER BY n RANGE -1 PRECEDING) FROM t",
     "!frame starting offset must be a non-negative number"},
    {"SELECT sum(n) OVER (ORDER BY n RANGE BETWEEN 0 PRECEDING AND 'x' FOLLOWING) FROM t",
     "!frame ending offset must be a non-negative number"},
    {"SELECT sum(n) OVER (ORDER BY n RANGE x'00' PRECEDING) FROM t",
     "!frame starting offset must be a non-negative number"},
    {"SELECT sum(n) OVER (ROWS -1 PRECEDING) FROM t WHERE 0", ""},
    {"SELECT row_number() OVER (ROWS -1 PRECEDING) FROM t WHERE n < 2", "1"},
    {"SELECT nth_value(n, 0) OVER () FROM t",
     "!second argument to nth_value must be a positive integer"},
    {"SELECT nth_value(n, 1.5) OVER () FROM t",
     "!second argument to nth_value must be a positive integer"},
    {"SELECT nth_value(n, NULL) OVER () FROM t",
     "!second argument to nth_value must be a positive integer"},
    {"SELECT nth_value(n, 'x') OVER () FROM t",
     "!second argument to nth_value must be a positive integer"},
    {"SELECT nth_value(n, 0) OVER (ROWS UNBOUNDED PRECEDING EXCLUDE NO OTHERS) FROM t",
     "!second argument to nth_value must be a positive integer"},
    {"SELECT ntile(0) OVER () FROM t", "!argument of ntile must be a positive integer"},
    {"SELECT ntile(NULL) OVER () FROM t", "!argument of ntile must be a positive integer"},
    {"SELECT sum(9223372036854775807) OVER (ORDER BY n) FROM t WHERE n < 3",
     "9223372036854775807!integer overflow"},
};

static void
wrong_offsets_are_refused(void)
{
    check_cases(wrong_offsets_are_refused_cases, VL_ARRAY_COUNT(wrong_offsets_are_refused_cases));
}

/* Frames and functions with parameters, run again and again. */
static void
windows_take_parameters(void)
{
    velo_statement *statement;

    begin();
    CHECK_EQ(velo_prepare(connection,
                          "SELECT sum(n) OVER (ORDER BY n ROWS ?1 PRECEDING), ntile(?2) OVER "
                          "(ORDER BY n) FROM t WHERE n < 5",
                          -1, &statement, NULL),
             VELO_OK);
    CHECK_EQ(velo_bind_int64(statement, 1, 1), VELO_OK);
    CHECK_EQ(velo_bind_int64(statement, 2, 2), VELO_OK);
    CHECK_TEXT(run(statement), "1,1 3,1 5,2 7,2");
    CHECK_EQ(velo_reset(statement), VELO_OK);
    CHECK_EQ(velo_bind_int64(statement, 1, 2), VELO_OK);
    CHECK_TEXT(run(statement), "1,1 3,1 6,2 9,2");
    (void)velo_reset(statement);
    CHECK_EQ(velo_bind_int64(statement, 1, -2), VELO_OK);
    CHECK_TEXT(run(statement), "!frame starting offset must be a non-negative integer");
    (void)velo_reset(statement);
    CHECK_EQ(velo_bind_int64(statement, 1, 0), VELO_OK);
    CHECK_TEXT(run(statement), "1,1 2,1 3,2 4,2");
    CHECK_EQ(velo_finalize(statement), VELO_OK);
    end();
}

static void
windows_are_explained(void)
{
    begin();
    CHECK_TEXT(query("EXPLAIN QUERY PLAN SELECT sum(n) OVER (ORDER BY s) FROM t"),
               "1,0,0,CO-ROUTINE (subquery-2) 2,1,0,SCAN t 3,1,0,USE TEMP B-TREE FOR ORDER BY "
               "4,0,0,SCAN (subquery-2)");
    CHECK_TEXT(query("EXPLAIN QUERY PLAN SELECT sum(n) OVER (ORDER BY n) FROM t ORDER BY n"),
               "1,0,0,CO-ROUTINE (subquery-2) 2,1,0,SCAN t 3,0,0,SCAN (subquery-2)");
    /* Windows that sort alike are one, whatever their frames; two keys of an order are one sort. */
    CHECK_TEXT(
        query("EXPLAIN QUERY PLAN SELECT sum(n) OVER (ORDER BY s), rank() OVER (ORDER BY s), "
              "max(n) OVER (ORDER BY s ROWS 1 PRECEDING) FROM t"),
        "1,0,0,CO-ROUTINE (subquery-2) 2,1,0,SCAN t 3,1,0,USE TEMP B-TREE FOR ORDER BY "
        "4,0,0,SCAN (subquery-2)");
    CHECK_TEXT(
        query("EXPLAIN QUERY PLAN SELECT sum(n) OVER (PARTITION BY s), sum(n) OVER (PARTITION "
              "BY s ORDER BY g) FROM t ORDER BY s, g"),
        "1,0,0,CO-ROUTINE (subquery-2) 2,1,0,CO-ROUTINE (subquery-3) 3,2,0,SCAN t 4,2,0,USE "
        "TEMP B-TREE FOR ORDER BY 5,1,0,SCAN (subquery-3) 6,0,0,SCAN (subquery-2) 7,0,0,USE "
        "TEMP B-TREE FOR ORDER BY");
    /* An index has the order. */
    CHECK_TEXT(query("CREATE INDEX t_s ON t(s, g)"), "");
    CHECK_TEXT(query("EXPLAIN QUERY PLAN SELECT sum(n) OVER (PARTITION BY s ORDER BY g) FROM t"),
               "1,0,0,CO-ROUTINE (subquery-2) 2,1,0,SCAN t USING COVERING INDEX t_s 3,0,0,SCAN "
               "(subquery-2)");
    /* What nobody looks at is not computed; a condition on partitions finds their rows. */
    CHECK_TEXT(query("EXPLAIN QUERY PLAN SELECT n, r FROM (SELECT n, r, rank() OVER (ORDER BY g) "
                     "FROM t)"),
               "1,0,0,SCAN t");
    CHECK_TEXT(query("EXPLAIN QUERY PLAN SELECT * FROM (SELECT n, count(*) OVER (PARTITION BY n) "
                     "FROM t) WHERE n = 5"),
               "1,0,0,CO-ROUTINE (subquery-2) 2,1,0,SEARCH t USING INTEGER PRIMARY KEY (rowid=?) "
               "3,0,0,SCAN (subquery-2)");
    end();
}

/* All aggregates may have OVER. */
static void
functions_are_listed(void)
{
    begin();
    CHECK_TEXT(query("SELECT count(DISTINCT name), min(name), max(name) FROM pragma_function_list "
                     "WHERE type = 'w'"),
               "27,avg,total");
    CHECK_TEXT(query("SELECT name, narg FROM pragma_function_list WHERE name LIKE 'la%' AND type = "
                     "'w'"),
               "lag,1 lag,2 lag,3 last_value,1");
    end();
}

/* A sum of reals is what the frame's rows give by themselves: nothing of rows that have left. */
static void
sums_of_reals_forget_what_has_left(void)
{
    begin();
    CHECK_TEXT(
        query("SELECT sum(column1) OVER (ROWS 1 PRECEDING) FROM (VALUES (1e20), (1.0), (0.5), "
              "(-1e20), (0.25), (0.125))"),
        "1.0e+20 1.0e+20 1.5 -1.0e+20 -1.0e+20 0.375");
    CHECK_TEXT(query("SELECT total(column1) OVER (ROWS CURRENT ROW), avg(column1) OVER (ROWS 1 "
                     "PRECEDING) FROM (VALUES (9e999), (1.5), (2.5))"),
               "Inf,Inf 1.5,Inf 2.5,2.0");
    end();
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(builtin_functions_tell_places),
        UNIT_TEST(lag_and_lead_look_at_other_rows),
        UNIT_TEST(values_of_frames),
        UNIT_TEST(frames_of_rows),
        UNIT_TEST(frames_of_ranges),
        UNIT_TEST(frames_of_groups),
        UNIT_TEST(excluded_rows),
        UNIT_TEST(aggregates_over_windows),
        UNIT_TEST(several_windows_in_one_select),
        UNIT_TEST(windows_have_bases),
        UNIT_TEST(orders_of_windows),
        UNIT_TEST(windows_of_groups),
        UNIT_TEST(windows_where_rows_are_chosen_and_sorted),
        UNIT_TEST(windows_in_queries_of_queries),
        UNIT_TEST(wrong_windows_are_refused),
        UNIT_TEST(wrong_offsets_are_refused),
        UNIT_TEST(windows_take_parameters),
        UNIT_TEST(windows_are_explained),
        UNIT_TEST(functions_are_listed),
        UNIT_TEST(sums_of_reals_forget_what_has_left),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
