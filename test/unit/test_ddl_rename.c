/* test_ddl_rename.c - ALTER TABLE RENAME, and names that ALTER would leave without their meaning.
 */
#include "lib/schema_rig_check.h"
#include "lib/unit.h"

#include <stdio.h>

#define SQL_RENAME                                                                                 \
    "create table t(a, b, \"c d\", d as (a+\"c d\"), e references t(a), check(a > t.b), "          \
    "unique(a), "                                                                                  \
    "primary key(b, \"a\"), foreign key(a) references t(b));\n"                                    \
    "create table u(x references t(a), y references \"t\"(\"a\"), foreign key(x,y) references "    \
    "T(a,b));\n"                                                                                   \
    "create index i on t(a, b desc, a+1) where a is not null;\n"                                   \
    "create index j on \"t\"('a');\n"                                                              \
    "create view v1 as select t.a, t.b from t join u on t.a = u.x, t as x where main.t.a > 1;\n"   \
    "create view v2 as select (select a from t where b = u.x) from u;\n"                           \
    "create view v3 as with t as (select 1 as a) select a, t.a from t;\n"                          \
    "create view v4 as select * from (select a as z from t) where z in (select b from main.t) "    \
    "order by z;\n"                                                                                \
    "create view v5 as select a as q from t order by q, a;\n"                                      \
    "create view v7(m) as select a from t group by a having max(b) > a;\n"                         \
    "create view v8 as select a, row_number() over (partition by a order by b) from t window w "   \
    "as (order by a);\n"                                                                           \
    "create trigger r1 after insert on t when new.a > 1 begin update t set a = new.a, b = 1 "      \
    "where a = new.b; insert into t(a, b) select a, b from t; delete from t where a in (select x " \
    "from u); select t.a from t; end;\n"                                                           \
    "create trigger r2 after update of a, b on t begin insert into u values(old.a, new.\"a\") on " \
    "conflict(x) do update set y = excluded.y where x > 1; end;\n"

/* As SQLite 3.40.1 renames, but for trees and column ids. */
static void
ddl_renames_tables(void)
{
    static const schema_rig_pair pairs[] = {
        {SQL_RENAME "alter table t rename to n",
         "table n on n @2: CREATE TABLE \"n\"(a, b, \"c d\", d as (a+\"c d\"), e references "
         "\"n\"(a), check(a > \"n\".b), unique(a), primary key(b, \"a\"), foreign key(a) "
         "references \"n\"(b))\nindex sqlite_autoindex_n_1 on n @3\nindex sqlite_autoindex_n_2 on "
         "n @4\ntable u on u @5: CREATE TABLE u(x references \"n\"(a), y references \"n\"(\"a\"), "
         "foreign key(x,y) references \"n\"(a,b))\nindex i on n @6: CREATE INDEX i on \"n\"(a, b "
         "desc, a+1) where a is not null\nindex j on n @7: CREATE INDEX j on \"n\"('a')\nview v1 "
         "on v1: CREATE VIEW v1 as select \"n\".a, \"n\".b from \"n\" join u on \"n\".a = u.x, "
         "\"n\" as x where main.\"n\".a > 1\nview v2 on v2: CREATE VIEW v2 as select (select a "
         "from \"n\" where b = u.x) from u\nview v3 on v3: CREATE VIEW v3 as with t as (select 1 "
         "as a) select a, t.a from t\nview v4 on v4: CREATE VIEW v4 as select * from (select a as "
         "z from \"n\") where z in (select b from main.\"n\") order by z\nview v5 on v5: CREATE "
         "VIEW v5 as select a as q from \"n\" order by q, a\nview v7 on v7: CREATE VIEW v7(m) as "
         "select a from \"n\" group by a having max(b) > a\nview v8 on v8: CREATE VIEW v8 as "
         "select a, row_number() over (partition by a order by b) from \"n\" window w as (order by "
         "a)\ntrigger r1 on n: CREATE TRIGGER r1 after insert on \"n\" when new.a > 1 begin update "
         "\"n\" set a = new.a, b = 1 where a = new.b; insert into \"n\"(a, b) select a, b from "
         "\"n\"; delete from \"n\" where a in (select x from u); select \"n\".a from \"n\"; "
         "end\ntrigger r2 on n: CREATE TRIGGER r2 after update of a, b on \"n\" begin insert into "
         "u values(old.a, new.\"a\") on conflict(x) do update set y = excluded.y where x > 1; end"},
        {"create table t(a); alter table t rename to [x\"y z]",
         "table x\"y z on x\"y z @2: CREATE TABLE \"x\"\"y z\"(a)"},
        {"create table t(a); alter table \"t\" rename to T2",
         "table T2 on T2 @2: CREATE TABLE \"T2\"(a)"},
        {"create table t(a integer primary key autoincrement, b unique, c); alter table t drop c; "
         "alter table t rename to t2",
         "table t2 on t2 @2 {3:1}: CREATE TABLE \"t2\"(a integer primary key autoincrement, b "
         "unique)\nindex sqlite_autoindex_t2_1 on t2 @3\ntable sqlite_sequence on sqlite_sequence "
         "@4: CREATE TABLE sqlite_sequence(name,seq)"},
        {"create table t(a, b primary key, unique(a)) without rowid; alter table t rename to w",
         "table w on w @2 @3: CREATE TABLE \"w\"(a, b primary key, unique(a)) without rowid\nindex "
         "sqlite_autoindex_w_2 on w @4"},
        {"create table a_b(x); create view v as select\"a_b\"\"x\"from\"a_b\"; alter table a_b "
         "rename to c",
         "table c on c @2: CREATE TABLE \"c\"(x)\nview v on v: CREATE VIEW v as "
         "select\"a_b\"\"x\"from\"c\""},
        {"create table t(a); create view v as select t.* from t; create view w as select * from t "
         "as q, (t as z join t), v; alter table t rename to n",
         "table n on n @2: CREATE TABLE \"n\"(a)\nview v on v: CREATE VIEW v as select \"n\".* "
         "from \"n\"\nview w on w: CREATE VIEW w as select * from \"n\" as q, (\"n\" as z join "
         "\"n\"), v"},
        {"create table t(a); create view v as with q(x) as (select a from t union all select x+1 "
         "from q) select x, (select count(*) from t where t.a = q.x) from q; alter table t rename "
         "to n",
         "table n on n @2: CREATE TABLE \"n\"(a)\nview v on v: CREATE VIEW v as with q(x) as "
         "(select a from \"n\" union all select x+1 from q) select x, (select count(*) from \"n\" "
         "where \"n\".a = q.x) from q"},
        {"create table t(a); create view v as select value from json_each('[1]'), t; alter table t "
         "rename to n",
         "table n on n @2: CREATE TABLE \"n\"(a)\nview v on v: CREATE VIEW v as select value from "
         "json_each('[1]'), \"n\""},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_main);
}

static void
ddl_renames_columns(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a, b, check(\"x\" < 'x'), check(\"it's\" <> a)); create index i on t(a, "
         "\"x\"||a); create view v as select \"x\", a from t; alter table t rename b to x",
         "table t on t @2: CREATE TABLE t(a, x, check('x' < 'x'), check('it''s' <> a))\nindex i on "
         "t @3: CREATE INDEX i on t(a, 'x'||a)\nview v on v: CREATE VIEW v as select 'x', a from "
         "t"},
        {"create table t(a, b); create trigger r after insert on t begin update t set nosuch = 1; "
         "insert into t(a, nosuch) values(1, 2); end; alter table t rename a to z",
         "table t on t @2: CREATE TABLE t(z, b)\ntrigger r on t: CREATE TRIGGER r after insert on "
         "t begin update t set nosuch = 1; insert into t(z, nosuch) values(1, 2); end"},
        {"create view v(x) as select 1, 2; create view w as select * from v; create table t(a, b); "
         "alter table t rename a to z",
         "view v on v: CREATE VIEW v(x) as select 1, 2\nview w on w: CREATE VIEW w as select * "
         "from v\ntable t on t @2: CREATE TABLE t(z, b)"},
        {SQL_RENAME "alter table t rename a to n",
         "table t on t @2: CREATE TABLE t(n, b, \"c d\", d as (n+\"c d\"), e references t(n), "
         "check(n > t.b), unique(n), primary key(b, \"n\"), foreign key(n) references t(b))\nindex "
         "sqlite_autoindex_t_1 on t @3\nindex sqlite_autoindex_t_2 on t @4\ntable u on u @5: "
         "CREATE TABLE u(x references t(n), y references \"t\"(\"n\"), foreign key(x,y) references "
         "T(n,b))\nindex i on t @6: CREATE INDEX i on t(n, b desc, n+1) where n is not null\nindex "
         "j on t @7: CREATE INDEX j on \"t\"(\"n\")\nview v1 on v1: CREATE VIEW v1 as select t.n, "
         "t.b from t join u on t.n = u.x, t as x where main.t.n > 1\nview v2 on v2: CREATE VIEW v2 "
         "as select (select n from t where b = u.x) from u\nview v3 on v3: CREATE VIEW v3 as with "
         "t as (select 1 as a) select a, t.a from t\nview v4 on v4: CREATE VIEW v4 as select * "
         "from (select n as z from t) where z in (select b from main.t) order by z\nview v5 on v5: "
         "CREATE VIEW v5 as select n as q from t order by q, n\nview v7 on v7: CREATE VIEW v7(m) "
         "as select n from t group by n having max(b) > n\nview v8 on v8: CREATE VIEW v8 as select "
         "n, row_number() over (partition by n order by b) from t window w as (order by "
         "n)\ntrigger r1 on t: CREATE TRIGGER r1 after insert on t when new.n > 1 begin update t "
         "set n = new.n, b = 1 where n = new.b; insert into t(n, b) select n, b from t; delete "
         "from t where n in (select x from u); select t.n from t; end\ntrigger r2 on t: CREATE "
         "TRIGGER r2 after update of n, b on t begin insert into u values(old.n, new.\"n\") on "
         "conflict(x) do update set y = excluded.y where x > 1; end"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_main);
}

static void
ddl_renames_columns_with_quotes(void)
{
    static const schema_rig_pair pairs[] = {
        {SQL_RENAME "alter table t rename column a to \"n m\"",
         "table t on t @2: CREATE TABLE t(\"n m\", b, \"c d\", d as (\"n m\"+\"c d\"), e "
         "references t(\"n m\"), check(\"n m\" > t.b), unique(\"n m\"), primary key(b, \"n m\"), "
         "foreign key(\"n m\") references t(b))\nindex sqlite_autoindex_t_1 on t @3\nindex "
         "sqlite_autoindex_t_2 on t @4\ntable u on u @5: CREATE TABLE u(x references t(\"n m\"), y "
         "references \"t\"(\"n m\"), foreign key(x,y) references T(\"n m\",b))\nindex i on t @6: "
         "CREATE INDEX i on t(\"n m\", b desc, \"n m\"+1) where \"n m\" is not null\nindex j on t "
         "@7: CREATE INDEX j on \"t\"(\"n m\")\nview v1 on v1: CREATE VIEW v1 as select t.\"n m\", "
         "t.b from t join u on t.\"n m\" = u.x, t as x where main.t.\"n m\" > 1\nview v2 on v2: "
         "CREATE VIEW v2 as select (select \"n m\" from t where b = u.x) from u\nview v3 on v3: "
         "CREATE VIEW v3 as with t as (select 1 as a) select a, t.a from t\nview v4 on v4: CREATE "
         "VIEW v4 as select * from (select \"n m\" as z from t) where z in (select b from main.t) "
         "order by z\nview v5 on v5: CREATE VIEW v5 as select \"n m\" as q from t order by q, \"n "
         "m\"\nview v7 on v7: CREATE VIEW v7(m) as select \"n m\" from t group by \"n m\" having "
         "max(b) > \"n m\"\nview v8 on v8: CREATE VIEW v8 as select \"n m\", row_number() over "
         "(partition by \"n m\" order by b) from t window w as (order by \"n m\")\ntrigger r1 on "
         "t: CREATE TRIGGER r1 after insert on t when new.\"n m\" > 1 begin update t set \"n m\" = "
         "new.\"n m\", b = 1 where \"n m\" = new.b; insert into t(\"n m\", b) select \"n m\", b "
         "from t; delete from t where \"n m\" in (select x from u); select t.\"n m\" from t; "
         "end\ntrigger r2 on t: CREATE TRIGGER r2 after update of \"n m\", b on t begin insert "
         "into u values(old.\"n m\", new.\"n m\") on conflict(x) do update set y = excluded.y "
         "where x > 1; end"},
        {SQL_RENAME "alter table t rename \"c d\" to c",
         "table t on t @2: CREATE TABLE t(a, b, \"c\", d as (a+\"c\"), e references t(a), check(a "
         "> t.b), unique(a), primary key(b, \"a\"), foreign key(a) references t(b))\nindex "
         "sqlite_autoindex_t_1 on t @3\nindex sqlite_autoindex_t_2 on t @4\ntable u on u @5: "
         "CREATE TABLE u(x references t(a), y references \"t\"(\"a\"), foreign key(x,y) references "
         "T(a,b))\nindex i on t @6: CREATE INDEX i on t(a, b desc, a+1) where a is not null\nindex "
         "j on t @7: CREATE INDEX j on \"t\"('a')\nview v1 on v1: CREATE VIEW v1 as select t.a, "
         "t.b from t join u on t.a = u.x, t as x where main.t.a > 1\nview v2 on v2: CREATE VIEW v2 "
         "as select (select a from t where b = u.x) from u\nview v3 on v3: CREATE VIEW v3 as with "
         "t as (select 1 as a) select a, t.a from t\nview v4 on v4: CREATE VIEW v4 as select * "
         "from (select a as z from t) where z in (select b from main.t) order by z\nview v5 on v5: "
         "CREATE VIEW v5 as select a as q from t order by q, a\nview v7 on v7: CREATE VIEW v7(m) "
         "as select a from t group by a having max(b) > a\nview v8 on v8: CREATE VIEW v8 as select "
         "a, row_number() over (partition by a order by b) from t window w as (order by "
         "a)\ntrigger r1 on t: CREATE TRIGGER r1 after insert on t when new.a > 1 begin update t "
         "set a = new.a, b = 1 where a = new.b; insert into t(a, b) select a, b from t; delete "
         "from t where a in (select x from u); select t.a from t; end\ntrigger r2 on t: CREATE "
         "TRIGGER r2 after update of a, b on t begin insert into u values(old.a, new.\"a\") on "
         "conflict(x) do update set y = excluded.y where x > 1; end"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_main);
}

static void
ddl_renames_columns_of_others(void)
{
    static const schema_rig_pair pairs[] = {
        {SQL_RENAME "alter table u rename x to z",
         "table t on t @2: CREATE TABLE t(a, b, \"c d\", d as (a+\"c d\"), e references t(a), "
         "check(a > t.b), unique(a), primary key(b, \"a\"), foreign key(a) references t(b))\nindex "
         "sqlite_autoindex_t_1 on t @3\nindex sqlite_autoindex_t_2 on t @4\ntable u on u @5: "
         "CREATE TABLE u(z references t(a), y references \"t\"(\"a\"), foreign key(z,y) references "
         "T(a,b))\nindex i on t @6: CREATE INDEX i on t(a, b desc, a+1) where a is not null\nindex "
         "j on t @7: CREATE INDEX j on \"t\"('a')\nview v1 on v1: CREATE VIEW v1 as select t.a, "
         "t.b from t join u on t.a = u.z, t as x where main.t.a > 1\nview v2 on v2: CREATE VIEW v2 "
         "as select (select a from t where b = u.z) from u\nview v3 on v3: CREATE VIEW v3 as with "
         "t as (select 1 as a) select a, t.a from t\nview v4 on v4: CREATE VIEW v4 as select * "
         "from (select a as z from t) where z in (select b from main.t) order by z\nview v5 on v5: "
         "CREATE VIEW v5 as select a as q from t order by q, a\nview v7 on v7: CREATE VIEW v7(m) "
         "as select a from t group by a having max(b) > a\nview v8 on v8: CREATE VIEW v8 as select "
         "a, row_number() over (partition by a order by b) from t window w as (order by "
         "a)\ntrigger r1 on t: CREATE TRIGGER r1 after insert on t when new.a > 1 begin update t "
         "set a = new.a, b = 1 where a = new.b; insert into t(a, b) select a, b from t; delete "
         "from t where a in (select z from u); select t.a from t; end\ntrigger r2 on t: CREATE "
         "TRIGGER r2 after update of a, b on t begin insert into u values(old.a, new.\"a\") on "
         "conflict(z) do update set y = excluded.y where z > 1; end"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_main);
}

static void
ddl_renames_columns_in_queries(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a, b default a, c default \"a\"); alter table t rename a to z",
         "table t on t @2: CREATE TABLE t(z, b default a, c default \"a\")"},
        {"create table t(a, b); alter table t rename a to A",
         "table t on t @2: CREATE TABLE t(A, b)"},
        {"create table t(a, b); create table u(a, c); create view v as select * from t join u "
         "using(a); alter table t rename b to z",
         "table t on t @2: CREATE TABLE t(a, z)\ntable u on u @3: CREATE TABLE u(a, c)\nview v on "
         "v: CREATE VIEW v as select * from t join u using(a)"},
        {"create table t(a, b); create table u(a, c); create view v as select b, c, a from t "
         "natural join u; alter table t rename b to z",
         "table t on t @2: CREATE TABLE t(a, z)\ntable u on u @3: CREATE TABLE u(a, c)\nview v on "
         "v: CREATE VIEW v as select z, c, a from t natural join u"},
        {"create table t(a, b); create view v as select a from t union select b from t order by a; "
         "alter table t rename b to z",
         "table t on t @2: CREATE TABLE t(a, z)\nview v on v: CREATE VIEW v as select a from t "
         "union select z from t order by a"},
        {"create table t(a, b); create view v as select \"a\", \"nosuch\", rowid, t.oid from t "
         "where \"b\" = 'a'; alter table t rename a to z",
         "table t on t @2: CREATE TABLE t(z, b)\nview v on v: CREATE VIEW v as select \"z\", "
         "'nosuch', rowid, t.oid from t where \"b\" = 'a'"},
        {"create table t(a, b); create view v as values(1, 2), (3, (select a from t)); alter table "
         "t rename a to z",
         "table t on t @2: CREATE TABLE t(z, b)\nview v on v: CREATE VIEW v as values(1, 2), (3, "
         "(select z from t))"},
        {"create table t(a, b); create view v as select x.a, y.b from (select * from t) x, t y; "
         "alter table t rename b to z",
         "table t on t @2: CREATE TABLE t(a, z)\nview v on v: CREATE VIEW v as select x.a, y.z "
         "from (select * from t) x, t y"},
        {"create table t(a, b); create trigger r after insert on t begin update t set (a, b) = "
         "(select new.a, b from t as q where q.a = t.a); update t set b = u.a from t as u where "
         "u.a = new.b; end; alter table t rename a to z",
         "table t on t @2: CREATE TABLE t(z, b)\ntrigger r on t: CREATE TRIGGER r after insert on "
         "t begin update t set (z, b) = (select new.z, b from t as q where q.z = t.z); update t "
         "set b = u.z from t as u where u.z = new.b; end"},
        {"create table t(a, b); create view v as select a as x, b from t where x > 1 group by x "
         "having x < 5; alter table t rename a to x",
         "table t on t @2: CREATE TABLE t(x, b)\nview v on v: CREATE VIEW v as select x as x, b "
         "from t where x > 1 group by x having x < 5"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_main);
}

static void
ddl_renames_in_temp(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a, b); create temp view v as select a from t; create temp trigger r after "
         "insert on t begin delete from t where a = new.a; end; alter table t rename to n",
         "view v on v: CREATE VIEW v as select a from \"n\"\ntrigger r on n: CREATE TRIGGER r "
         "after insert on \"n\" begin delete from \"n\" where a = new.a; end"},
        {"create table t(a, b); create temp view v as select a from t; create temp trigger r after "
         "insert on t begin delete from t where a = new.a; end; alter table t rename a to n",
         "view v on v: CREATE VIEW v as select n from t\ntrigger r on t: CREATE TRIGGER r after "
         "insert on t begin delete from t where n = new.n; end"},
        {"create table t(a); create temp table t(a); create temp view v as select t.a from t, "
         "main.t as u; alter table main.t rename to n",
         "table t on t @3: CREATE TABLE t(a)\nview v on v: CREATE VIEW v as select t.a from t, "
         "main.\"n\" as u"},
        {"create temp table t(a unique); create temp trigger r insert on t begin select a from t; "
         "end; alter table t rename to n",
         "table n on n @2: CREATE TABLE \"n\"(a unique)\nindex sqlite_autoindex_n_1 on n "
         "@3\ntrigger r on n: CREATE TRIGGER r insert on \"n\" begin select a from \"n\"; end"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_temp);
}

/* Here SQLite 3.40.1 refuses, or tells the old name. */
static void
ddl_renames_where_sqlite_differs(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a, b); create view v as select \"a\" from t; alter table t drop a",
         "error in view v after drop column: no such column: a"},
        {"create table t(a, b); create trigger r after insert on t begin select \"a\" from t; end; "
         "alter table t drop a",
         "error in trigger r after drop column: no such column: a"},
        {"create table t(a); create view v as select 1 where 5 in t; alter table t rename to n",
         "table n on n @2: CREATE TABLE \"n\"(a)\nview v on v: CREATE VIEW v as select 1 where 5 "
         "in \"n\""},
        {"create table t(a); create view v as select * from t join t as x using(a); alter table t "
         "rename a to z",
         "table t on t @2: CREATE TABLE t(z)\nview v on v: CREATE VIEW v as select * from t join t "
         "as x using(z)"},
        {"create table t(a); create table u(a, b); create view v as select * from t join u "
         "using(a); "
         "alter table t rename a to z",
         "error in view v after rename: cannot join using column z - column not present in both "
         "tables"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_main);
}

/* The messages are those of SQLite 3.40.1. */
static void
ddl_refuses_to_rename(void)
{
    static const schema_rig_pair pairs[] = {
        {"alter table nosuch rename to x", "no such table: nosuch"},
        {"alter table sqlite_master rename to x", "table sqlite_master may not be altered"},
        {"create view v as select 1; alter table v rename to x", "view v may not be altered"},
        {"create table t(a); create table u(a); alter table t rename to u",
         "there is already another table or index with this name: u"},
        {"create table t(a); alter table t rename to T",
         "there is already another table or index with this name: T"},
        {"create table t(a); create index i on t(a); alter table t rename to i",
         "there is already another table or index with this name: i"},
        {"create table t(a); alter table t rename to sqlite_x",
         "object name reserved for internal use: sqlite_x"},
        {"create table t(a); alter table t rename b to c", "no such column: \"b\""},
        {"create table t(a); alter table t rename \"b\" to c", "no such column: \"\"b\"\""},
        {"create table t(a, b); alter table t rename a to B",
         "error in table t after rename: duplicate column name: b"},
        {"create table t(a); create view v as select a from t; create trigger r instead of insert "
         "on v begin select new.a; end; alter table t rename a to z",
         "error in trigger r after rename: no such column: new.a"},
        {"create table t(a); create view v as select x.a from (select a from t) x; alter table t "
         "rename a to z",
         "error in view v after rename: no such column: x.a"},
        {"create table t(a); create table u(a, b); create view v as select b from t, u; alter "
         "table t rename a to b",
         "error in view v after rename: ambiguous column name: b"},
        {"create table t(a); create view v as select a from t union select a from t order by a; "
         "alter table t rename a to z; alter table t drop z",
         "cannot drop column \"z\": no other columns exist"},
        {"create view v as select * from nosuch; create table t(a, b); alter table t rename a to z",
         "error in view v: no such table: main.nosuch"},
        {"create view v as select * from nosuch; create table t(a, b); alter table t rename to z",
         "error in view v: no such table: main.nosuch"},
        {"create view v as select * from nosuch; create table t(a, b); alter table t drop a",
         "error in view v: no such table: main.nosuch"},
        {"create view v as select * from v; create table t(a, b); alter table t drop a",
         "error in view v: view v is circularly defined"},
        {"create table t(a, b); create view v as select a from t; alter table t drop a",
         "error in view v after drop column: no such column: a"},
        {"create table t(a, b); create trigger r after update of b on t begin select new.a; end; "
         "alter table t drop a",
         "error in trigger r after drop column: no such column: new.a"},
        {"create table t(a, b); create trigger r after insert on t begin select old.a; end; alter "
         "table t drop b",
         "error in trigger r: no such column: old.a"},
        {"create table t(a, b); create trigger r after insert on t begin delete from nosuch; end; "
         "alter table t drop a",
         "error in trigger r: no such table: main.nosuch"},
        {"create table t(a, b); create view v as select a from t x, t y; alter table t drop b",
         "error in view v: ambiguous column name: a"},
        {"create table t(a, b); create view v as select z.* from t; alter table t drop b",
         "error in view v: no such table: z"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

/* Names in quotes that mean a column or a text; SQLite 3.40.1 has the same messages. */
static void
ddl_refuses_to_change_quoted_names(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a, b); create index i on t(a, \"x\"); alter table t rename b to x",
         "error in index i: no such column: x"},
        {"create table t(a, b); create index i on t(\"a\"); alter table t drop a",
         "error in index i after drop column: no such column: a"},
        {"create table t(a, b); create index i on t(b) where \"a\" > 1; alter table t drop a",
         "error in index i after drop column: no such column: a"},
        {"create table t(a, b, check(\"a\" > 1)); alter table t drop a",
         "error in table t after drop column: no such column: a"},
        {"create table t(a, b, c as (\"a\")); alter table t drop a",
         "error in table t after drop column: no such column: a"},
        {"create table t(a, b, unique(b, \"a\")); alter table t drop a",
         "error in table t after drop column: expressions prohibited in PRIMARY KEY and UNIQUE "
         "constraints"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

/* SQLite lets these change what an index or a column is made of. */
static void
ddl_refuses_to_add_quoted_names(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a); create index i on t(\"x\"); alter table t add x",
         "error in index i: no such column: x"},
        {"create table t(a); create index i on t(a) where \"x\" = 'x'; alter table t add x",
         "error in index i: no such column: x"},
        {"create table t(a, b as (\"x\" || a) stored); alter table t add x",
         "error in table t: no such column: x"},
        {"create table t(a); create index i on t(a || true); alter table t add true",
         "error in index i: no such column: true"},
        {"create table t(a); create index i on t(\"x\"); alter table t add y",
         "update table t\ncolumns @2 1 2 t"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

static void
ddl_tells_what_rename_changes(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a integer primary key autoincrement); alter table t rename to n",
         "update table n\nrename seq t -> n"},
        {"create table t(a unique); create index i on t(a); create view v as select * from t; "
         "create view w as select 1; create trigger r insert on t begin select 1; end; create temp "
         "trigger q insert on t begin select 1; end; alter table t rename to n",
         "update table n\nupdate index sqlite_autoindex_n_1\nupdate index i\nupdate view v\nupdate "
         "trigger r\nupdate in temp trigger q"},
        {"create table t(a unique); create index i on t(a); create view v as select * from t; "
         "alter table t rename a to b",
         "update table t\nupdate index i"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

/* Make a chain of views, each of which reads the one before it twice, and drop a column beneath. */
static velo_status
ddl_drop_beneath(schema_rig *rig, const char *columns)
{
    VL_TRY(schema_rig_run(unit_ctx(), rig,
                          "create table t(a, b); create view v10 as select b as x from t"));
    for (unsigned view = 11; view < 60; view++) {
        char sql[128];

        (void)snprintf(sql, sizeof sql, "create view v%u as select %s from v%u as a, v%u as b",
                       view, columns, view - 1, view - 1);
        VL_TRY(schema_rig_run(unit_ctx(), rig, sql));
    }
    return schema_rig_run(unit_ctx(), rig, "alter table t drop a");
}

/* Views whose number of queries or columns doubles with each level are resolved soon, or refused.
 */
static void
ddl_resolves_entangled_views(void)
{
    schema_rig rig;

    schema_rig_init(&rig, NULL);
    CHECK_OK(ddl_drop_beneath(&rig, "a.x as x"));
    schema_rig_deinit(&rig);
    schema_rig_init(&rig, NULL);
    CHECK_STATUS(ddl_drop_beneath(&rig, "*"), VELO_ERROR);
    CHECK_CONTAINS(unit_ctx()->error.text, "too many columns in result set");
    schema_rig_deinit(&rig);
}

static const unit_test tests[] = {
    UNIT_TEST(ddl_renames_tables),
    UNIT_TEST(ddl_renames_columns),
    UNIT_TEST(ddl_renames_columns_with_quotes),
    UNIT_TEST(ddl_renames_columns_of_others),
    UNIT_TEST(ddl_renames_columns_in_queries),
    UNIT_TEST(ddl_renames_in_temp),
    UNIT_TEST(ddl_renames_where_sqlite_differs),
    UNIT_TEST(ddl_refuses_to_rename),
    UNIT_TEST(ddl_refuses_to_change_quoted_names),
    UNIT_TEST(ddl_refuses_to_add_quoted_names),
    UNIT_TEST(ddl_tells_what_rename_changes),
    UNIT_TEST(ddl_resolves_entangled_views),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
