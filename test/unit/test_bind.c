/* test_bind.c - what names mean: errors, columns of results, parameters. */
#include "lib/plan_rig.h"
#include "lib/unit.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct bind_error {
    const char *sql;    /* what is planned */
    const char *wanted; /* the message */
    int offset;         /* where it was found, or -1 */
} bind_error;

/* check_tree: table, of statements */
static void
bind_fails_in_sqlites_words(void)
{
    static const bind_error errors[] = {
        {"select q from t", "no such column: q", 7},
        {"select sum(a) from t where sum(b)>1", "misuse of aggregate: sum()", 27},
        {"select a from t having a>1", "HAVING clause on a non-aggregate query", -1},
        {"select sum(sum(a)) from t", "misuse of aggregate function sum()", 11},
        {"select a from t group by sum(a)",
         "aggregate functions are not allowed in the GROUP BY clause", 25},
        {"select a from t,u", "ambiguous column name: a", 7},
        {"select rowid from t,u", "no such column: rowid", 7},
        {"select t.zz from t", "no such column: t.zz", 7},
        {"select zz.a from t", "no such column: zz.a", 7},
        {"select main.zz.a from t", "no such column: main.zz.a", 7},
        {"select a from t order by 2", "1st ORDER BY term out of range - should be between 1 and 1",
         -1},
        {"select a from t order by -1",
         "1st ORDER BY term out of range - should be between 1 and 1", -1},
        {"select a from t order by 1,b,5",
         "3rd ORDER BY term out of range - should be between 1 and 1", -1},
        {"select a from t group by 2", "1st GROUP BY term out of range - should be between 1 and 1",
         -1},
        {"select a from t union select b,c from t",
         "SELECTs to the left and right of UNION do not have the same number of result columns",
         -1},
        {"select a from t union all values(1,2)", "all VALUES must have the same number of terms",
         -1},
        {"select a from t union select b from t order by q",
         "1st ORDER BY term does not match any column in the result set", -1},
        {"select a from t union select b from t order by a+1",
         "1st ORDER BY term does not match any column in the result set", -1},
        {"insert into t values(1,2)", "table t has 4 columns but 2 values were supplied", -1},
        {"insert into t(a,b) values(1)", "1 values for 2 columns", -1},
        {"insert into t(zz) values(1)", "table t has no column named zz", -1},
        {"values(1,2),(3)", "all VALUES must have the same number of terms", 12},
        {"select nofn(1)", "no such function: nofn", 7},
        {"select abs(1,2)", "wrong number of arguments to function abs()", 7},
        {"select (1,2)", "row value misused", 7},
        {"select (1,2)=(1,2,3)", "row value misused", 7},
        {"select (select 1,2)", "sub-select returns 2 columns - expected 1", 7},
        {"select 1 in (select 1,2)", "sub-select returns 2 columns - expected 1", 7},
        {"select (1,2) in (select 1)", "sub-select returns 1 columns - expected 2", 7},
        {"select (1,2) in ((1,2),3)", "IN(...) element has 1 term - expected 2", 23},
        {"select *", "no tables specified", 7},
        {"select x.* from t", "no such table: x", 7},
        {"select * from t indexed by i", "no such index: i", 27},
        {"update t set q=1", "no such column: q", 13},
        {"update t set (a,b)=(1)", "2 columns assigned 1 values", -1},
        {"update t set (a,b)=(select 1)", "2 columns assigned 1 values", -1},
        {"with c(a,b) as (select 1) select * from c", "table c has 1 values for 2 columns", 0},
        {"with c as (select 1 from c) select * from c", "circular reference: c", 25},
        {"with c as (select 1), c as (select 2) select * from c", "duplicate WITH table name: c",
         22},
        {"with a as (select * from b), b as (select * from a) select * from a",
         "circular reference: a", 49},
        {"with recursive c as (select 1 union all select 1 from c,c) select * from c",
         "multiple references to recursive table: c", 56},
        {"with recursive c(x) as (select 1 union all select (select x from c)) select * from c",
         "circular reference: c", 65},
        {"with recursive c(x) as (select 1 union all select sum(x) from c) select * from c",
         "recursive aggregate queries not supported", 0},
        {"with recursive c(x) as (select 1 union all select x,1 from c) select * from c",
         "SELECTs to the left and right of UNION ALL do not have the same number of result columns",
         0},
        {"select a from t join u using(q)",
         "cannot join using column q - column not present in both tables", 29},
        {"select abs(a) filter (where 1) from t", "FILTER may not be used with non-aggregate abs()",
         7},
        {"select count(distinct a,b) from t", "wrong number of arguments to function count()", 7},
        {"select raise(ignore)", "RAISE() may only be used within a trigger-program", 7},
        {"select * from t left join u on v.x=1 join t v", "no such column: v.x", 31},
        {"select * from t left join u on v.a=1 left join t v on 1",
         "ON clause references tables to its right", 0},
        {"select * from nosuch", "no such table: nosuch", 14},
        {"insert into t(a) values(1) on conflict(a) do nothing",
         "ON CONFLICT clause does not match any PRIMARY KEY or UNIQUE constraint", -1},
        {"insert into t(a) values(1) on conflict(id) do update set q=1", "no such column: q", 57},
        {"insert into t(a) values(1) on conflict(id) do update set a=excluded.q",
         "no such column: excluded.q", 59},
        {"select 1 limit a", "no such column: a", 15},
        {"select a as s, sum(c) as m from t where m>1", "misuse of aggregate: sum()", 15},
        {"select max(a) from t where a in (1,2,max(a))", "misuse of aggregate: max()", 37},
        {"delete from sqlite_master", "table sqlite_master may not be modified", -1},
        {"insert into sqlite_schema values(1,2,3,4,5)", "table sqlite_master may not be modified",
         -1},
        {"insert into v values(1,2)", "cannot modify v because it is a view", -1},
        {"delete from v", "cannot modify v because it is a view", -1},
        {"update v set a=1", "cannot modify v because it is a view", -1},
        {"select * from t where a match 'x'", "no such function: match", 22},
        {"select a regexp 'x' from t", "no such function: regexp", 7},
        {"select 0xfffffffffffffffff", "hex literal too big: 0xfffffffffffffffff", 7},
        {"select a->b from t", "no such function: ->", 7},
        {"insert into t default values returning zz", "no such column: zz", 39},
        {"select a from t limit (select b from u where x=t.a)", "no such column: b", 30},
        {"select \"t\".\"nosuch\" from t", "no such column: t.nosuch", 7},
        {"select `nosuch` from t", "no such column: nosuch", 7},
        {"select a from t where a = (select x from u where u.y = t.b and t.zz=1)",
         "no such column: t.zz", 63},
        {"select count(*) from t where (select count(t.a) from u) > 0",
         "misuse of aggregate: count()", 37},
        {"select a from t order by count(*)", "misuse of aggregate: count()", 25},
        {"select abs(*) from t", "wrong number of arguments to function abs()", 7},
        {"select a from (select a as z from t)", "no such column: a", 7},
        {"select rowid from v", "no such column: rowid", 7},
        {"select rowid from (select 1)", "no such column: rowid", 7},
        {"select t.a from t as x", "no such column: t.a", 7},
        {"select x.a from t as x, t as x", "ambiguous column name: x.a", 7},
        {"select x.id from t as x, t as x", "ambiguous column name: x.id", 7},
        {"delete from t where q=1", "no such column: q", 20},
        {"delete from t where a=1 order by b", "ORDER BY without LIMIT on DELETE", -1},
        {"update t set a=1 from t", "target object/alias may not appear in FROM clause: t", -1},
        {"update t as z set a=1 where t.a=2", "no such column: t.a", 28},
        {"select a from t where a between 1 and (1,2)", "row value misused", 38},
        {"select case when (1,2) then 1 end", "row value misused", 17},
        {"select a collate nosuch = b from t", "no such collation sequence: nosuch", 7},
        {"select a from t order by a collate nosuch", "no such collation sequence: nosuch", 25},
        {"select coalesce(a) from t", "wrong number of arguments to function coalesce()", 7},
        {"select ifnull(a, b, c) from t", "wrong number of arguments to function ifnull()", 7},
        {"select * from t natural join u on 1", "a NATURAL join may not have an ON or USING clause",
         0},
        {"insert into t select 1", "table t has 4 columns but 1 values were supplied", -1},
        {"insert into t(a) select 1,2", "2 values for 1 columns", -1},
        {"insert into nosuch values(1)", "no such table: nosuch", 12},
        {"update nosuch set a=1", "no such table: nosuch", 7},
        {"delete from nosuch", "no such table: nosuch", 12},
        {"select a in u from t", "sub-select returns 4 columns - expected 1", 7},
        {"select (a,b) in u from t", "sub-select returns 4 columns - expected 2", 7},
        {"select 1 in nosuch", "no such table: nosuch", 12},
        {"select a = (select 1, 2) from t", "row value misused", 7},
        {"select * from t where a > all_of", "no such column: all_of", 26},
        {"select a as q, (select q) from t", "no such column: q", 23},
        {"select a from t order by t.a, u.x", "no such column: u.x", 30},
        {"SELECT a FROM t WHERE sum(a) OVER ()", "misuse of window function sum()", 22},
        {"SELECT abs(a) OVER () FROM t", "abs() may not be used as a window function", 7},
        {"SELECT sum(a) OVER w FROM t", "no such window: w", -1},
        {"INSERT INTO x (g) VALUES (1)", "cannot INSERT into generated column \"g\"", -1},
        {"UPDATE x SET h = 1", "cannot UPDATE generated column \"h\"", -1},
        {"WITH q AS (SELECT 1) SELECT * FROM q(1)", "no such table: q", 35},
        {"SELECT * FROM t(1)", "'t' is not a function", 14},
        {"SELECT * FROM series(1, 2, 3)", "too many arguments on series() - max 2", 0},
        {"SELECT a FROM t WHERE a = $x COLLATE nosuch", "no such collation sequence: nosuch", 26},
        {"SELECT a FROM nosuch.t", "no such table: nosuch.t", 14},
        {"SELECT (SELECT a, b FROM t) + 1", "sub-select returns 2 columns - expected 1", 7},
    };
    plan_rig rig;

    plan_rig_init(&rig, NULL);
    for (size_t i = 0; i < VL_ARRAY_COUNT(errors); i++) {
        vl_plan *plan;

        if (plan_rig_make(&rig, errors[i].sql, &plan) != VELO_ERROR)
            unit_failed(__FILE__, __LINE__, "%s is accepted", errors[i].sql);
        else if (strcmp(rig.ctx.error.text, errors[i].wanted) != 0 ||
                 rig.ctx.error.sql_offset != errors[i].offset)
            unit_failed(__FILE__, __LINE__, "%s: \"%s\" at %d, not \"%s\" at %d", errors[i].sql,
                        rig.ctx.error.text, (int)rig.ctx.error.sql_offset, errors[i].wanted,
                        errors[i].offset);
        else if (plan != NULL)
            unit_failed(__FILE__, __LINE__, "%s fails with a plan", errors[i].sql);
    }
    plan_rig_deinit(&rig);
}

typedef struct bind_names {
    const char *sql;    /* what is planned */
    const char *wanted; /* names of its columns, with a space between them */
} bind_names;

static void
bind_names_columns(void)
{
    static const bind_names names[] = {
        {"select a from t union select b from t order by b", "a"},
        {"with a as (select * from nosuch) select 1", "1"},
        {"select * from t natural join u join t as v using (a)", "id a b c x y t_id id b c"},
        {"select a as s from t where s>1 group by s having s>2 order by s+1", "s"},
        {"select \"a\", \"nosuch\", 'lit' from t", "a \"nosuch\" 'lit'"},
        {"select a from t where exists (select 1 from u where x=a)", "a"},
        {"select (select count(t.a) from u) from t", "(select count(t.a) from u)"},
        {"select min(a,b), max(a) from t", "min(a,b) max(a)"},
        {"select a from t group by a order by count(*)", "a"},
        {"select * from (select 1 as a, 2 as a)", "a a:1"},
        {"select x.a from t as x", "a"},
        {"select case when a then 1 end, case a when 1 then 2 else 3 end from t",
         "case when a then 1 end case a when 1 then 2 else 3 end"},
        {"select a from t where b like 'x' escape 'y'", "a"},
        {"select current_timestamp", "current_timestamp"},
        {"select * from t where a", "id a b c"},
        {"select * from (t join u on t.id=u.t_id) join v", "id a b c x y t_id a a bb"},
        {"with x as (select 1) insert into t(a) select * from x", ""},
        {"select group_concat(a, ',') from t", "group_concat(a, ',')"},
        {"select t.*, u.* from t, u", "id a b c x y t_id a"},
        {"select a from t where (a, b) > (1, 'x')", "a"},
        {"select not exists(select * from t)", "not exists(select * from t)"},
        {"select a from t union select x from u except select 1 intersect select 2", "a"},
        {"select x'0aFF', 1.5e3, .5", "x'0aFF' 1.5e3 .5"},
        {"select a from t limit -1", "a"},
        {"select sum(a) as s from t having s > 1", "s"},
        {"select 1 as a from t order by a", "a"},
    };
    plan_rig rig;

    plan_rig_init(&rig, NULL);
    for (size_t i = 0; i < VL_ARRAY_COUNT(names); i++) {
        char text[1000] = "";
        size_t size = 0;
        vl_plan *plan;

        if (plan_rig_make(&rig, names[i].sql, &plan) != VELO_OK) {
            unit_failed(__FILE__, __LINE__, "%s: %s", names[i].sql, rig.ctx.error.text);
            continue;
        }
        for (uint32_t k = 0; k < plan->column_count; k++)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%s", k > 0 ? " " : "",
                                     plan->columns[k].name);
        if (strcmp(text, names[i].wanted) != 0)
            unit_failed(__FILE__, __LINE__, "%s has the columns %s, not %s", names[i].sql, text,
                        names[i].wanted);
    }
    plan_rig_deinit(&rig);
}

static void
bind_tells_origins_and_parameters(void)
{
    plan_rig rig;
    vl_plan *plan;

    plan_rig_init(&rig, NULL);
    CHECK_OK(plan_rig_make(&rig,
                           "SELECT bb AS q, v.a + 1, (SELECT y FROM u) FROM v "
                           "WHERE a > ?2 AND a < :n AND bb = ?",
                           &plan));
    CHECK_EQ(plan->column_count, 3);
    CHECK_TEXT(plan->columns[0].name, "q");
    CHECK_TEXT(plan->columns[0].declared, "TEXT");
    CHECK_TEXT(plan->columns[0].database, "main");
    CHECK_TEXT(plan->columns[0].table, "t");
    CHECK_TEXT(plan->columns[0].column, "b");
    CHECK(plan->columns[1].table == NULL && plan->columns[1].declared == NULL);
    CHECK_EQ(plan->param_count, 4);
    CHECK(plan->param_names[0] == NULL && plan->param_names[3] == NULL);
    CHECK_TEXT(plan->param_names[1], "?2");
    CHECK_TEXT(plan->param_names[2], ":n");
    CHECK_EQ(plan->kind, VL_PLAN_SELECT);
    CHECK(plan->is_read_only && plan->schema_count == 1 && plan->schemas[0] == rig.schema);
    CHECK_OK(plan_rig_make(&rig, "DROP TABLE t", &plan));
    CHECK(plan->kind == VL_PLAN_OTHER && plan->other != NULL && plan->program_count == 0);
    plan_rig_deinit(&rig);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(bind_fails_in_sqlites_words),
        UNIT_TEST(bind_names_columns),
        UNIT_TEST(bind_tells_origins_and_parameters),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
