/* test_ddl.c - what statements that change the schema do, what is stored, and what is refused. */
#include "lib/schema_rig_check.h"
#include "lib/unit.h"
#include "sql/ddl.h"

#include <stdio.h>

static void
ddl_tells_what_create_changes(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a, b)", "create #1 1 2\ninsert table t #1"},
        {"create table t(a integer primary key)", "create #1 1\ninsert table t #1"},
        {"create table t(a integer primary key autoincrement, b unique, c as (b))",
         "create #1 1\ninsert table t #1\ncreate #2 key\ninsert index sqlite_autoindex_t_1 "
         "#2\ncreate #3 1 2\ninsert table sqlite_sequence #3"},
        {"create table s(a integer primary key autoincrement); create table t(a integer primary "
         "key "
         "autoincrement)",
         "create #1 1\ninsert table t #1"},
        {"create table t(a default 5, b int default '7', c text default 7, d default (1+1)) ",
         "create #1 1=5 2=7 3='7' 4\ninsert table t #1"},
        {"create table t(a, b, unique(b), primary key(a)) without rowid",
         "create #1 1 2\ncreate #2 key\ninsert table t #1 #2\ncreate #3 key\ninsert index "
         "sqlite_autoindex_t_1 #3"},
        {"create table t(a); create index i on t(a)",
         "create #1 key\ninsert index i #1\nfill index i"},
        {"create table t(a); create unique index i on t(a)",
         "create #1 key\ninsert index i #1\nfill index i"},
        {"create view v as select 1", "insert view v"},
        {"create temp table t(a unique)",
         "create in temp #1 1\ninsert in temp table t #1\ncreate in temp #2 key\ninsert in temp "
         "index sqlite_autoindex_t_1 #2"},
        {"create temp view v as select 1", "insert in temp view v"},
        {"create table t(a); create trigger r after insert on t begin select 1; end",
         "insert trigger r"},
        {"create table t(a); create temp trigger r after insert on t begin select 1; end",
         "insert in temp trigger r"},
        {"create table t(a); create table if not exists t(b, c)", ""},
        {"create table t(a); create index i on t(a); create index if not exists i on t(a)", ""},
        {"create view v as select 1; create table if not exists v(a)", ""},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

static void
ddl_tells_what_drop_changes(void)
{
    static const schema_rig_pair pairs[] = {
        {"drop table if exists t", ""},
        {"drop view if exists main.t", ""},
        {"drop index if exists t", ""},
        {"drop trigger if exists t", ""},
        {"create table t(a unique, b); create index i on t(b); create trigger r after insert on t "
         "begin select 1; end; create temp trigger q after insert on main.t begin select 1; end; "
         "drop table t",
         "delete trigger r\ndelete in temp trigger q\ndrop stat t\ndelete index i\ndrop @4\ndelete "
         "index sqlite_autoindex_t_1\ndrop @3\ndelete table t\ndrop @2"},
        {"create temp table t(a); create table t(a); create temp trigger q after insert on t begin "
         "select 1; end; drop table main.t",
         "drop stat t\ndelete table t\ndrop @3"},
        {"create temp table t(a); create table t(a); create temp trigger q after insert on t begin "
         "select 1; end; drop table t",
         "delete in temp trigger q\ndrop stat in temp t\ndelete in temp table t\ndrop in temp @2"},
        {"create table t(a integer primary key autoincrement); drop table t",
         "drop seq t\ndrop stat t\ndelete table t\ndrop @2"},
        {"create table t(a primary key) without rowid; drop table t",
         "drop stat t\ndrop @3\ndelete table t\ndrop @2"},
        {"create table p(a primary key); create table c(a references p); drop table p",
         "delete rows\ndrop stat p\ndelete index sqlite_autoindex_p_1\ndrop @3\ndelete table "
         "p\ndrop @2"},
        {"create table p(a primary key); create table c(a references p); drop table c",
         "drop stat c\ndelete table c\ndrop @4"},
        {"create table t(a); create index i on t(a); drop index i",
         "drop stat t -> i\ndelete index i\ndrop @3"},
        {"create view v as select 1; create trigger r instead of insert on v begin select 1; end; "
         "drop view v",
         "delete trigger r\ndelete view v"},
        {"create table t(a); create trigger r after insert on t begin select 1; end; "
         "drop trigger r",
         "delete trigger r"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

static void
ddl_tells_what_alter_changes(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a); alter table t add b", "update table t\ncolumns @2 1 2 t"},
        {"create table t(a); alter table t add check (a > 1)", "update table t\ncheck one t"},
        {"create table t(a, b); alter table t alter b set not null", "update table t\ncheck one t"},
        {"create table t(a constraint n not null, b); alter table t drop constraint N",
         "update table t"},
        {"create table t(a not null, b); alter table t alter b drop not null", ""},
        {"create table t(a); alter table t add column b text default 5",
         "update table t\ncolumns @2 1 2='5' t"},
        {"create table t(a); alter table t add b integer default '5'; alter table t add c real "
         "default 2",
         "update table t\ncolumns @2 1 2=5 3=2 t"},
        {"create table t(a integer primary key); alter table t add b",
         "update table t\ncolumns @2 2 t"},
        {"create table t(a integer primary key); alter table t add b; alter table t drop b",
         "update table t\ncolumns @2 1 t"},
        {"create table t(a); alter table t add b as (a)", "update table t"},
        {"create table t(a); alter table t add b as (a) stored",
         "require empty: cannot add a STORED column\nupdate table t\ncolumns @2 1 2 t"},
        {"create table t(a); alter table t add b not null",
         "require empty: Cannot add a NOT NULL column with default value NULL\nupdate table "
         "t\ncolumns @2 1 2 t"},
        {"create table t(a); alter table t add b not null default 'x'",
         "update table t\ncolumns @2 1 2='x' t"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

static void
ddl_tells_what_defaults_change(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table t(a); alter table t add b default current_time",
         "require empty: Cannot add a column with non-constant default\nupdate table t\ncolumns @2 "
         "1 2 t"},
        {"create table t(a); alter table t add b default (1+1)",
         "require empty: Cannot add a column with non-constant default\nupdate table t\ncolumns @2 "
         "1 2 t"},
        {"create table t(a); alter table t add b default (- cast('12' as integer))",
         "update table t\ncolumns @2 1 2=-12 t"},
        {"create table t(a); alter table t add b default (- - 9_223_372_036_854_775_808)",
         "update table t\ncolumns @2 1 2=9.2233720368547758e+18 t"},
        {"create table t(a); alter table t add b default -9223372036854775808",
         "update table t\ncolumns @2 1 2=-9223372036854775808 t"},
        {"create table t(a); alter table t add b default (+ x'0aFf')",
         "update table t\ncolumns @2 1 2=x0aff t"},
        {"create table t(a); alter table t add b default true",
         "update table t\ncolumns @2 1 2=1 t"},
        {"create table t(a); alter table t add b default 0x1F",
         "update table t\ncolumns @2 1 2=31 t"},
        {"create table t(a); alter table t add b default (-0x1F)",
         "update table t\ncolumns @2 1 2=-31 t"},
        {"create table t(a); alter table t add b default word",
         "update table t\ncolumns @2 1 2='word' t"},
        {"create table t(a); alter table t add b default (cast(5 as text))",
         "update table t\ncolumns @2 1 2='5' t"},
        {"create table t(a); alter table t add b default (1 collate nocase)",
         "require empty: Cannot add a column with non-constant default\nupdate table t\ncolumns @2 "
         "1 2 t"},
        {"create table t(a); alter table t add b default (not 1)",
         "require empty: Cannot add a column with non-constant default\nupdate table t\ncolumns @2 "
         "1 2 t"},
        {"create table t(a); alter table t add b references t default 5",
         "require empty: Cannot add a REFERENCES column with non-NULL default value\nupdate table "
         "t\ncolumns @2 1 2=5 t"},
        {"create table t(a); alter table t add b references t default null",
         "update table t\ncolumns @2 1 2 t"},
        {"create table t(a); alter table t add b check(b > 0)",
         "update table t\ncolumns @2 1 2 t\ncheck t"},
        {"create table t(a int) strict; alter table t add b int default 'x'",
         "update table t\ncolumns @2 1 2='x' t\ncheck t"},
        {"create table t(a primary key) without rowid; alter table t add b",
         "update table t\ncolumns @2 1 2 t"},
        {"create table t(a primary key, b) without rowid; alter table t drop b",
         "update table t\ncolumns @2 1 t"},
        {"create table t(a, b, c); alter table t drop b", "update table t\ncolumns @2 1 3 t"},
        {"create table t(a, b, c); alter table t drop b; alter table t add b",
         "update table t\ncolumns @2 1 3 4 t"},
        {"create table t(a, b, c); alter table t drop c; alter table t add c default 3",
         "update table t\ncolumns @2 1 2 4=3 t"},
        {"create table t(a, b as (a), c); alter table t drop b", "update table t"},
        {"create table t(a, b); create index i on t(b); alter table t drop a",
         "update table t\ncolumns @2 2 t"},
        {"create table u(x); alter table u add y; create table t(a, b, c integer primary key); "
         "alter table t drop column a; alter table t drop b",
         "update table t\ncolumns @3 1 t"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

/* As SQLite 3.40.1 stores them, but for trees and column ids. */
static void
ddl_stores_texts(void)
{
    static const schema_rig_pair pairs[] = {
        {"create   table  if not exists  main . \"t\" ( a , b  /* x */ )  /* y */  ;\n"
         "create unique   index if not exists  main.i  on t ( a )  /* c */   ;\n"
         "create view if not exists main.v  as select 1   /* c */ ;\n"
         "create trigger if not exists main.tr after insert on t begin select 1; end /* k */ ;",
         "table t on t @2: CREATE TABLE \"t\" ( a , b  /* x */ )\nindex i on t @3: CREATE UNIQUE "
         "INDEX i  on t ( a )  /* c */   \nview v on v: CREATE VIEW v  as select 1   /* c "
         "*/\ntrigger tr on t: CREATE TRIGGER tr after insert on t begin select 1; end"},
        {"create table \"a\"\"b\"(x) -- end", "table a\"b on a\"b @2: CREATE TABLE \"a\"\"b\"(x)"},
        {"create table main.[a b](x int)strict",
         "table a b on a b @2: CREATE TABLE [a b](x int)strict"},
        {"create table t(a integer primary key autoincrement, b unique);\n"
         "create table u(a integer primary key autoincrement, b, unique(b,a));",
         "table t on t @2: CREATE TABLE t(a integer primary key autoincrement, b unique)\nindex "
         "sqlite_autoindex_t_1 on t @3\ntable sqlite_sequence on sqlite_sequence @4: CREATE TABLE "
         "sqlite_sequence(name,seq)\ntable u on u @5: CREATE TABLE u(a integer primary key "
         "autoincrement, b, unique(b,a))\nindex sqlite_autoindex_u_1 on u @6"},
        {"create index if not exists i on t(a)", "no such table: main.t"},
        {"create table t(a, b, c, primary key(b,a), unique(c), unique(a,c)) without rowid",
         "table t on t @2 @3: CREATE TABLE t(a, b, c, primary key(b,a), unique(c), unique(a,c)) "
         "without rowid\nindex sqlite_autoindex_t_2 on t @4\nindex sqlite_autoindex_t_3 on t @5"},
        {"create table z1(a, b ) ; alter table z1 add column  c int  /* k */ ;",
         "table z1 on z1 @2: CREATE TABLE z1(a, b , c int  /* k */)"},
        {"create table z2(a, b , primary key(a) ) ; alter table z2 add c text default 5  ;",
         "table z2 on z2 @2: CREATE TABLE z2(a, b , c text default 5, primary key(a) )\nindex "
         "sqlite_autoindex_z2_1 on z2 @3"},
        {"create table z3(a int, b int /* , */, check (b in (1,2)) , constraint x unique(a)) "
         "strict; "
         "alter table z3 add c text not null default 'x';",
         "table z3 on z3 @2: CREATE TABLE z3(a int, b int /* , */, c text not null default 'x', "
         "check (b in (1,2)) , constraint x unique(a)) strict\nindex sqlite_autoindex_z3_1 on z3 "
         "@3"},
        {"create table z4(a,b ,c); alter table z4 drop b;",
         "table z4 on z4 @2 {4:1,3}: CREATE TABLE z4(a,c)"},
        {"create table z5(a,b , c ); alter table z5 drop column c;",
         "table z5 on z5 @2 {4:1,2}: CREATE TABLE z5(a,b )"},
        {"create table z6(a, b /* 1 */ , c ); alter table z6 drop a;",
         "table z6 on z6 @2 {4:2,3}: CREATE TABLE z6(b /* 1 */ , c )"},
        {"create table z7(a, [b] , \"c\"\"d\" ); alter table z7 drop \"c\"\"d\";",
         "table z7 on z7 @2 {4:1,2}: CREATE TABLE z7(a, [b] )"},
        {"create table z8(a, b check(b in (1,2)), c default (max(1,2)), check(a), unique(a)); "
         "alter table z8 drop c",
         "table z8 on z8 @2 {4:1,2}: CREATE TABLE z8(a, b check(b in (1,2)), check(a), "
         "unique(a))\nindex sqlite_autoindex_z8_1 on z8 @3"},
        {"create table z9(a, b, c, d); alter table z9 drop b; alter table z9 add e; "
         "alter table z9 drop c; alter table z9 add f",
         "table z9 on z9 @2 {7:1,4,5,6}: CREATE TABLE z9(a, d, e, f)"},
        {"create table t(a); create trigger r update of a on t when new.a > 1 begin update t set a "
         "= "
         "1; insert into t values(1); delete from t; end;",
         "table t on t @2: CREATE TABLE t(a)\ntrigger r on t: CREATE TRIGGER r update of a on t "
         "when new.a > 1 begin update t set a = 1; insert into t values(1); delete from t; end"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_main);
}

static void
ddl_stores_temp_texts(void)
{
    static const schema_rig_pair pairs[] = {
        {"create temp table tt(a);\ncreate temporary view tv as select 2;\n"
         "create index i9 on tt(a);\ncreate trigger x2 insert on tt begin select 1; end;",
         "table tt on tt @2: CREATE TABLE tt(a)\nview tv on tv: CREATE VIEW tv as select 2\nindex "
         "i9 on tt @3: CREATE INDEX i9 on tt(a)\ntrigger x2 on tt: CREATE TRIGGER x2 insert on tt "
         "begin select 1; end"},
        {"create table temp.tt(a unique); create table t(b); create temp trigger x after delete on "
         "t "
         "begin select * from main.t, tt; end",
         "table tt on tt @2: CREATE TABLE tt(a unique)\nindex sqlite_autoindex_tt_1 on tt "
         "@3\ntrigger x on t: CREATE TRIGGER x after delete on t begin select * from main.t, tt; "
         "end"},
        {"create table tt(a); create temp table tt(b); create index i on tt(b)",
         "table tt on tt @3: CREATE TABLE tt(b)\nindex i on tt @4: CREATE INDEX i on tt(b)"},
        {"create table t(a); create temp table t(b); alter table t add c",
         "table t on t @3: CREATE TABLE t(b, c)"},
        {"create table t(a); create temp table t(b); alter table main.t add c",
         "table t on t @3: CREATE TABLE t(b)"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_temp);
}

/* The messages of this test and of the next three are those of SQLite 3.40.1. */
static void
ddl_refuses_to_create(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table sqlite_x(a)", "object name reserved for internal use: sqlite_x"},
        {"create view SQLITE_x as select 1", "object name reserved for internal use: SQLITE_x"},
        {"create table t(a); create index sqlite_x on t(a)",
         "object name reserved for internal use: sqlite_x"},
        {"create table t(a); create trigger sqlite_x after insert on t begin select 1; end",
         "object name reserved for internal use: sqlite_x"},
        {"create table main.sqlite_master(a)",
         "object name reserved for internal use: sqlite_master"},
        {"create table if not exists sqlite_schema(a)",
         "object name reserved for internal use: sqlite_schema"},
        {"create table t(a); create table t(a)", "table t already exists"},
        {"create table t(a); create table \"t\"(a)", "table \"t\" already exists"},
        {"create table t(a); create table main.'T'(a)", "table 'T' already exists"},
        {"create view v as select 1; create table v(a)", "view v already exists"},
        {"create view v as select 1; create view v as select 2", "view v already exists"},
        {"create table t(a); create view t as select 2", "table t already exists"},
        {"create table t(a); create index i on t(a); create table i(a)",
         "there is already an index named i"},
        {"create table t(a); create index i on t(a); create table if not exists i(a)",
         "there is already an index named i"},
        {"create table t(a); create index i on t(a); create view i as select 1",
         "there is already an index named i"},
        {"create table t(a); create index t on t(a)", "there is already a table named t"},
        {"create table t(a); create view v as select 1; create index v on t(a)",
         "there is already a table named v"},
        {"create table t(a); create index i on t(a); create index I on t(a)",
         "index I already exists"},
        {"create index i on nosuch(a)", "no such table: main.nosuch"},
        {"create index if not exists i on nosuch(a)", "no such table: main.nosuch"},
        {"create view v as select 1; create index i on v(a)", "views may not be indexed"},
        {"create index i on sqlite_master(name)", "table sqlite_master may not be indexed"},
        {"create temp table t(a); create index main.i on t(a)", "no such table: main.t"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

static void
ddl_refuses_databases(void)
{
    static const schema_rig_pair pairs[] = {
        {"create table foo.t(a)", "unknown database foo"},
        {"create view \"foo\".t as select 1", "unknown database \"foo\""},
        {"create table t(a); create index foo.i on t(a)", "unknown database foo"},
        {"create table t(a); create trigger foo.r after insert on t begin select 1; end",
         "unknown database foo"},
        {"create temp table main.t(a)", "temporary table name must be unqualified"},
        {"create temp view main.t as select 1", "temporary table name must be unqualified"},
        {"create table t(a); create temp trigger main.r after insert on t begin select 1; end",
         "temporary trigger may not have qualified name"},
        {"create trigger r after insert on nosuch begin select 1; end",
         "no such table: main.nosuch"},
        {"create trigger r after insert on sqlite_master begin select 1; end",
         "cannot create trigger on system table"},
        {"create table t(a); create trigger r after insert on t begin select 1; end; "
         "create trigger r after insert on t begin select 1; end",
         "trigger r already exists"},
        {"create table t(a); create trigger r after insert on t begin select 1; end; "
         "create trigger \"r\" after insert on t begin select 1; end",
         "trigger \"r\" already exists"},
        {"create view v as select 1; create trigger r before insert on v begin select 1; end",
         "cannot create BEFORE trigger on view: v"},
        {"create view v as select 1; create trigger r insert on v begin select 1; end",
         "cannot create BEFORE trigger on view: v"},
        {"create view v as select 1; create trigger r after insert on v begin select 1; end",
         "cannot create AFTER trigger on view: v"},
        {"create table t(a); create trigger r instead of insert on t begin select 1; end",
         "cannot create INSTEAD OF trigger on table: t"},
        {"create table t(a); create trigger r instead of insert on 'T' begin select 1; end",
         "cannot create INSTEAD OF trigger on table: T"},
        {"create table t(a); create trigger r after insert on foo.t begin select 1; end",
         "trigger r cannot reference objects in database foo"},
        {"create temp table t(a); create trigger main.r after insert on temp.t begin select 1; end",
         "trigger r cannot reference objects in database temp"},
        {"create table t(a); create temp table u(b); create trigger r after insert on t begin "
         "select * from temp.u; end",
         "trigger r cannot reference objects in database temp"},
        {"create table t(a); create temp table u(b); create trigger r after insert on t when "
         "exists "
         "(select 1 from temp.u) begin select 1; end",
         "trigger r cannot reference objects in database temp"},
        {"create temp table u(b); create view v as select * from temp.u",
         "view v cannot reference objects in database temp"},
        {"create temp table u(b); create view v as select * from (select 1 where 1 in temp.u)",
         "view v cannot reference objects in database temp"},
        {"create virtual table nodb.t using m(a)", "unknown database nodb"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

static void
ddl_refuses_to_drop(void)
{
    static const schema_rig_pair pairs[] = {
        {"drop table nosuch", "no such table: nosuch"},
        {"drop table main.\"nosuch\"", "no such table: main.nosuch"},
        {"drop table foo.t", "no such table: foo.t"},
        {"drop view nosuch", "no such view: nosuch"},
        {"drop view main.nosuch", "no such view: main.nosuch"},
        {"drop index nosuch", "no such index: nosuch"},
        {"drop index main.nosuch", "no such index: main.nosuch"},
        {"drop index foo.x", "no such index: foo.x"},
        {"drop trigger nosuch", "no such trigger: nosuch"},
        {"drop trigger main.nosuch", "no such trigger: main.nosuch"},
        {"drop table sqlite_master", "table sqlite_master may not be dropped"},
        {"create table t(a integer primary key autoincrement); drop table sqlite_sequence",
         "table sqlite_sequence may not be dropped"},
        {"create table t(a); drop view t", "use DROP TABLE to delete table t"},
        {"create table t(a); drop view if exists t", "use DROP TABLE to delete table t"},
        {"create view v as select 1; drop table v", "use DROP VIEW to delete view v"},
        {"create table t(a unique); drop index sqlite_autoindex_t_1",
         "index associated with UNIQUE or PRIMARY KEY constraint cannot be dropped"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

static void
ddl_refuses_to_alter(void)
{
    static const schema_rig_pair pairs[] = {
        {"alter table nosuch add b", "no such table: nosuch"},
        {"alter table main.nosuch drop b", "no such table: main.nosuch"},
        {"alter table sqlite_master add b", "table sqlite_master may not be altered"},
        {"alter table sqlite_schema drop name", "table sqlite_master may not be altered"},
        {"create view v as select 1; alter table v add b", "Cannot add a column to a view"},
        {"create view v as select 1 as x; alter table v drop x",
         "cannot drop column from view \"v\""},
        {"create view v as select 1 as x; alter table v rename x to y",
         "cannot rename columns of view \"v\""},
        {"create table t(a); alter table t add A", "duplicate column name: A"},
        {"create table t(a); alter table t add b primary key", "Cannot add a PRIMARY KEY column"},
        {"create table t(a); alter table t add b unique", "Cannot add a UNIQUE column"},
        {"create table t(a); alter table t add b default (a)",
         "default value of column [b] is not constant"},
        {"create table t(a); alter table t add b collate foo", "no such collation sequence: foo"},
        {"create table t(a); alter table t add b as (c)",
         "error in table t after add column: no such column: c"},
        {"create table t(a); alter table t add b check(c)",
         "error in table t after add column: no such column: c"},
        {"create table t(a); alter table t add b as (a) default 1",
         "cannot use DEFAULT on a generated column"},
        {"create table t(a); alter table t add b references t(a,b)",
         "foreign key on b should reference only one column of table t"},
        {"create table t(a int) strict; alter table t add b",
         "error in table t after add column: missing datatype for t.b"},
        {"create table t(a int) strict; alter table t add b foo",
         "error in table t after add column: unknown datatype for t.b: \"foo\""},
        {"create table t(a, b); alter table t drop c", "no such column: \"c\""},
        {"create table t(a, b); alter table t drop \"c\"", "no such column: \"\"c\"\""},
        {"create table t(a primary key, b); alter table t drop a",
         "cannot drop PRIMARY KEY column: \"a\""},
        {"create table t(a, b, primary key(b, a)); alter table t drop a",
         "cannot drop PRIMARY KEY column: \"a\""},
        {"create table t(a unique, b); alter table t drop a", "cannot drop UNIQUE column: \"a\""},
        {"create table t(a); alter table t drop a",
         "cannot drop column \"a\": no other columns exist"},
        {"create table t(a, b); create index i on t(a); alter table t drop a",
         "error in index i after drop column: no such column: a"},
        {"create table t(a, b); create index i on t(b) where a; alter table t drop a",
         "error in index i after drop column: no such column: a"},
        {"create table t(a, b, unique(a, b)); alter table t drop a",
         "error in table t after drop column: no such column: a"},
        {"create table t(a, b, check(a > 1)); alter table t drop a",
         "error in table t after drop column: no such column: a"},
        {"create table t(a, b, c as (a)); alter table t drop a",
         "error in table t after drop column: no such column: a"},
        {"create table t(a, b, foreign key(a) references t(b)); alter table t drop a",
         "error in table t after drop column: unknown column \"a\" in foreign key definition"},
        {"create table t(a, b as (1)); alter table t drop a",
         "error in table t after drop column: must have at least one non-generated column"},
    };

    schema_rig_check(pairs, VL_ARRAY_COUNT(pairs), schema_rig_tell_changes);
}

/* CREATE TABLE AS of result columns that a test tells. */
static void
ddl_writes_tables_of_results(void)
{
    static const vl_ddl_result few[] = {
        {"a", VL_AFFINITY_NONE}, {"b", VL_AFFINITY_TEXT}, {"key", VL_AFFINITY_INTEGER}};
    static const vl_ddl_result many[] = {{"a", VL_AFFINITY_BLOB},   {"b c", VL_AFFINITY_NUMERIC},
                                         {"a+1", VL_AFFINITY_NONE}, {"select", VL_AFFINITY_REAL},
                                         {"1a", VL_AFFINITY_TEXT},  {"x\"y", VL_AFFINITY_NONE}};
    static const vl_ddl_result twice[] = {{"a", VL_AFFINITY_NONE},
                                          {"a", VL_AFFINITY_NONE},
                                          {"A", VL_AFFINITY_NONE},
                                          {"a:1", VL_AFFINITY_NONE}};
    static const struct {
        const char *sql;
        const vl_ddl_result *results;
        uint32_t count;
        const char *wanted;
    } cases[] = {
        {"create table c as select 1", few, 3, "CREATE TABLE c(a,b TEXT,\"key\" INT)"},
        {"create table \"c\"\"3\" as select 1", many, 6,
         "CREATE TABLE \"c\"\"3\"(\n  a,\n  \"b c\" NUM,\n  \"a+1\",\n  \"select\" REAL,\n"
         "  \"1a\" TEXT,\n  \"x\"\"y\"\n)"},
        {"create temp table if not exists c2 as select 1", twice, 4,
         "CREATE TABLE c2(a,\"a:1\",\"A:2\",\"a:3\")"},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        const vl_ddl_change *change;
        schema_rig rig;

        schema_rig_init(&rig, NULL);
        rig.options.results = cases[i].results;
        rig.options.result_count = cases[i].count;
        CHECK_OK(schema_rig_run(unit_ctx(), &rig, cases[i].sql));
        change = rig.last.changes;
        CHECK(change != NULL && change->kind == VL_DDL_CREATE_TREE);
        CHECK_EQ(change->column_count, cases[i].count);
        CHECK_EQ(change->next->kind, VL_DDL_INSERT_ROW);
        CHECK_TEXT(change->next->row.sql, cases[i].wanted);
        CHECK_EQ(change->next->next->kind, VL_DDL_FILL_TABLE);
        CHECK(change->next->next->next == NULL);
        rig.options.results = NULL;
        CHECK_STATUS(schema_rig_run(unit_ctx(), &rig, "create table n as select 1"), VELO_MISUSE);
        CHECK_STATUS(schema_rig_run(unit_ctx(), &rig, "select 1"), VELO_MISUSE);
        schema_rig_deinit(&rig);
    }
}

static velo_status
ddl_operation(vl_ctx *ctx, void *argument)
{
    velo_status status;
    schema_rig rig;

    schema_rig_init(&rig, ctx->allocator);
    status = schema_rig_run(ctx, &rig, argument);
    schema_rig_deinit(&rig);
    return status;
}

static void
ddl_survives_no_memory(void)
{
    static char sql[] =
        "create table t(a integer primary key autoincrement, b unique default foo, c text collate "
        "nocase check(c > 1), d as (b), foreign key(b, c) references p(x, y), unique(c, b));"
        "create table w(a, b, primary key(b)) without rowid; create view v(x) as select 1;"
        "create index i on t(b || c, c) where b > 2;"
        "create trigger tr after insert on t begin select 1; end;"
        "create view q as with z(m) as (select a from t union all select m from z) select m, x.* "
        "from "
        "z join w as x on x.a = m, v where m in (select b from t) order by m;"
        "alter table t add e default (- cast('5' as int)); alter table t drop d;"
        "alter table t rename to \"u v\"; alter table \"u v\" rename b to \"c d\";"
        "drop index i; drop table \"u v\"; drop view v;";

    CHECK(unit_each_alloc_failure(ddl_operation, sql) > 20);
}

static const unit_test tests[] = {
    UNIT_TEST(ddl_tells_what_create_changes),
    UNIT_TEST(ddl_tells_what_drop_changes),
    UNIT_TEST(ddl_tells_what_alter_changes),
    UNIT_TEST(ddl_tells_what_defaults_change),
    UNIT_TEST(ddl_stores_texts),
    UNIT_TEST(ddl_stores_temp_texts),
    UNIT_TEST(ddl_refuses_to_create),
    UNIT_TEST(ddl_refuses_databases),
    UNIT_TEST(ddl_refuses_to_drop),
    UNIT_TEST(ddl_refuses_to_alter),
    UNIT_TEST(ddl_writes_tables_of_results),
    UNIT_TEST(ddl_survives_no_memory),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
