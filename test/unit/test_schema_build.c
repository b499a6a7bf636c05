/* test_schema_build.c - schemas made of CREATE statements: what they say, and what is refused. */
#include "lib/schema_rig.h"
#include "lib/unit.h"
#include "sql/schema_build.h"

#include <stdio.h>

typedef struct schema_pair {
    const char *sql;    /* statements */
    const char *wanted; /* what is told of the last table, or the error */
} schema_pair;

/* Tell of the last table or view, or what went wrong. */
static void
schema_tell(const char *sql, char *text, size_t size)
{
    const vl_schema_row *last = NULL;
    vl_schema *schema = NULL;
    schema_rig rig;
    velo_status status;

    schema_rig_init(&rig, NULL);
    status = schema_rig_run(unit_ctx(), &rig, sql);
    if (status == VELO_OK)
        status = schema_rig_build(unit_ctx(), &rig, &schema);
    for (size_t i = 0; i < rig.databases[0].row_count; i++) {
        const vl_schema_row *row = &rig.databases[0].rows[i];

        if ((strcmp(row->type, "table") == 0 || strcmp(row->type, "view") == 0) &&
            strcmp(row->name, "sqlite_sequence") != 0)
            last = row;
    }
    if (status != VELO_OK)
        (void)snprintf(text, size, "%s", unit_ctx()->error.text);
    else if (last == NULL || !schema_rig_is_sound(schema))
        (void)snprintf(text, size, "not sound");
    else
        schema_rig_tell_table(vl_schema_table(schema, last->name, strlen(last->name)), text, size);
    vl_schema_release(schema);
    schema_rig_deinit(&rig);
}

static void
schema_check_pairs(const schema_pair *pairs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[4096];

        schema_tell(pairs[i].sql, text, sizeof text);
        if (strcmp(text, pairs[i].wanted) != 0)
            unit_failed(__FILE__, __LINE__, "\"%s\" gives\n\"%s\", not\n\"%s\"", pairs[i].sql, text,
                        pairs[i].wanted);
    }
}

static void
schema_reads_columns(void)
{
    static const schema_pair pairs[] = {
        {"create table t(a integer, b varchar ( 10 , 2 ), c \"INTEGER\", d int /*x*/ big, e "
         "'text', "
         "f Any, g [integer], h double   precision, i \"foo\" bar)",
         "t(a<INTEGER>int#1, b<varchar ( 10 , 2 )>text#2, c<INTEGER>int#3, d<int /*x*/ big>int#4, "
         "e<TEXT>text#5, f<ANY>num#6, g<INTEGER>int#7, h<double   precision>real#8, i<foo>num#9)"},
        {"create table t(a default ( 1 + 2 ), b default -5, c default foo, d default \"bar\", "
         "e default 'it''s', f default true, g default +3, h default (current_timestamp), "
         "i default current_time, j default x'00', k default (abs(-1)+1 in (1,2)), l default NULL)",
         "t(a<>blob#1 =1 + 2, b<>blob#2 =-5, c<>blob#3 =foo, d<>blob#4 =\"bar\", e<>blob#5 "
         "='it''s', f<>blob#6 =true, g<>blob#7 =+3, h<>blob#8 =current_timestamp, i<>blob#9 "
         "=current_time, j<>blob#10 =x'00', k<>blob#11 =abs(-1)+1 in (1,2), l<>blob#12 =NULL)"},
        {"create table t(a, b numeric generated always as (a+1), c blob as (a) stored, "
         "d as (b||c) virtual)",
         "t(a<>blob#1, b<numeric>num#0 virtual, c<BLOB>blob#2 stored, d<>blob#0 virtual)"},
        {"create table t(a not null, b text not null on conflict fail collate nocase, c null, "
         "d collate rtrim collate binary)",
         "t(a<>blob#1 notnull, b<TEXT>text#2 NOCASE notnull OR FAIL, c<>blob#3, d<>blob#4)"},
        {"create table t(a integer primary key)", "t(a<INTEGER>int#0 key1) rowid=0"},
        {"create table t(a integer primary key desc)",
         "t(a<INTEGER>int#1 key1) sqlite_autoindex_t_1:pu(a desc;rowid)"},
        {"create table t(a int primary key)",
         "t(a<INT>int#1 key1) sqlite_autoindex_t_1:pu(a;rowid)"},
        {"create table t(a integer, b, primary key(a desc))",
         "t(a<INTEGER>int#0 key1, b<>blob#1) rowid=0"},
        {"create table t(b, a [integer], primary key('a') on conflict replace)",
         "t(b<>blob#1, a<INTEGER>int#0 key1) rowid=1 OR REPLACE"},
        {"create table t(a integer primary key autoincrement, b)",
         "t(a<INTEGER>int#0 key1, b<>blob#1) rowid=0 auto"},
        {"create table t(a integer, primary key(a autoincrement))",
         "t(a<INTEGER>int#0 key1) rowid=0 auto"},
        {"create table t(a any primary key, b integer, c text not null) strict",
         "t(a<ANY>blob#1 any notnull key1, b<INTEGER>int#2, c<TEXT>text#3 notnull) strict "
         "sqlite_autoindex_t_1:pu(a;rowid)"},
        {"create table t(a int, b any, primary key(b, a)) strict, without rowid",
         "t(a<INT>int#1 notnull key2, b<ANY>blob#2 any notnull key1) strict norowid "
         "sqlite_autoindex_t_1:pu(b,a)"},
        {"create table t([a b], \"c\"\"d\", `e`, 'f')",
         "t(a b<>blob#1, c\"d<>blob#2, e<>blob#3, f<>blob#4)"},
    };

    schema_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
schema_makes_indexes(void)
{
    static const schema_pair pairs[] = {
        {"create table t(a unique, b, unique(a), unique(a desc), unique(a collate nocase), "
         "primary key(a))",
         "t(a<>blob#1 key1, b<>blob#2) sqlite_autoindex_t_2:uu(a NOCASE;rowid) "
         "sqlite_autoindex_t_1:pu(a;rowid)"},
        {"create table t(a primary key, b, unique(a), unique(b, a))",
         "t(a<>blob#1 key1, b<>blob#2) sqlite_autoindex_t_2:uu(b,a;rowid) "
         "sqlite_autoindex_t_1:pu(a;rowid)"},
        {"create table t(a text collate nocase unique, b unique collate rtrim, unique(a collate "
         "binary), primary key(b, 'a' collate nocase desc))",
         "t(a<TEXT>text#1 NOCASE key2, b<>blob#2 RTRIM key1) sqlite_autoindex_t_4:pu(b RTRIM,a "
         "NOCASE desc;rowid) sqlite_autoindex_t_3:uu(a;rowid) sqlite_autoindex_t_2:uu(b "
         "RTRIM;rowid) sqlite_autoindex_t_1:uu(a NOCASE;rowid)"},
        {"create table t(a unique on conflict ignore, unique(a))",
         "t(a<>blob#1) sqlite_autoindex_t_1:uu OR IGNORE(a;rowid)"},
        {"create table t(a unique, b unique, c unique, unique(a) on conflict replace)",
         "t(a<>blob#1, b<>blob#2, c<>blob#3) sqlite_autoindex_t_3:uu(c;rowid) "
         "sqlite_autoindex_t_2:uu(b;rowid) sqlite_autoindex_t_1:uu OR REPLACE(a;rowid)"},
        {"create table t(a, b, c, primary key(b,a,b collate nocase,b), unique(c), unique(a,c)) "
         "without rowid",
         "t(a<>blob#1 notnull key2, b<>blob#2 notnull key1, c<>blob#3) norowid "
         "sqlite_autoindex_t_3:uu(a,c;b,b NOCASE) sqlite_autoindex_t_2:uu(c;b,a,b NOCASE) "
         "sqlite_autoindex_t_1:pu(b,a,b NOCASE;c)"},
        {"create table t(a integer primary key, b unique, c unique on conflict replace, d unique) "
         "without rowid; create unique index x on t(b,c)",
         "t(a<INTEGER>int#1 notnull key1, b<>blob#2, c<>blob#3, d<>blob#4) norowid x:cu(b,c;a) "
         "sqlite_autoindex_t_4:pu(a;b,c,d) sqlite_autoindex_t_3:uu(d;a) "
         "sqlite_autoindex_t_1:uu(b;a) sqlite_autoindex_t_2:uu OR REPLACE(c;a)"},
        {"create table t(a integer, b, primary key(a desc)) without rowid",
         "t(a<INTEGER>int#1 notnull key1, b<>blob#2) norowid sqlite_autoindex_t_1:pu(a desc;b)"},
        {"create table t(a primary key, b, c as (a) stored, d as (b)) without rowid; "
         "create index x on t(b, a collate nocase); create index y on t(d)",
         "t(a<>blob#1 notnull key1, b<>blob#2, c<>blob#3 stored, d<>blob#0 virtual) norowid "
         "y:c(d;a) x:c(b,a NOCASE;a) sqlite_autoindex_t_1:pu(a;b,c)"},
        {"create table t(a, b integer primary key); create index x on t(a||b, b desc) where a>1; "
         "create unique index y on t(\"a\", 'b', \"nosuch\", a+1 collate rtrim) where rowid > 2 "
         "and "
         "t.a is not null and main.t.b",
         "t(a<>blob#1, b<INTEGER>int#0 key1) rowid=1 y:cu(a,b,expr,expr;rowid)[rowid > 2 and t.a "
         "is not null and main.t.b] x:c(expr,b desc;rowid)[a>1]"},
        {"create table t(rowid, a); create index x on t(rowid, a)",
         "t(rowid<>blob#1, a<>blob#2) x:c(rowid,a;rowid)"},
        {"create table t(a); create index x on t(a, \"zz\", 5)",
         "t(a<>blob#1) x:c(a,expr,expr;rowid)"},
    };

    schema_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
schema_makes_constraints(void)
{
    static const schema_pair pairs[] = {
        {"create table t(a constraint c1 check ( a>1 ) check((a<5)), b constraint c2 not null, "
         "constraint c3 check(rowid > t.b) check(\"zz\" > main.t.a), check(oid=_rowid_))",
         "t(a<>blob#1, b<>blob#2 notnull) check(c1: a>1) check(c1: (a<5)) check(c3: rowid > t.b) "
         "check(\"zz\" > main.t.a) check(oid=_rowid_)"},
        {"create table t(a references p, b references p(x) on delete cascade deferrable initially "
         "deferred, c references q on update set null on delete set default not deferrable, "
         "foreign key(a,b) references r(x,y) on delete restrict on update no action deferrable)",
         "t(a<>blob#1, b<>blob#2, c<>blob#3) fk(a,b r(x,y) u:no action d:restrict) fk(c q() u:null "
         "d:default) fk(b p(x) u:no action d:cascade deferred) fk(a p() u:no action d:no action)"},
        {"create table t(a references p not deferrable initially deferred, foreign key('a') "
         "references t deferrable initially immediate)",
         "t(a<>blob#1) fk(a t() u:no action d:no action) fk(a p() u:no action d:no action)"},
        {"create table t(a); create trigger u after insert on t begin select 1; end; "
         "create trigger s before delete on t begin select 2; end",
         "t(a<>blob#1) trigger s trigger u"},
        {"create view v(x, y) as select 1, 2", "v()"},
        {"create table t(a, check(random() and current_time), check(max(a, 2)), check(true))",
         "t(a<>blob#1) check(random() and current_time) check(max(a, 2)) check(true)"},
    };

    schema_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

/* The messages of this test and of the next two are those of SQLite 3.40.1. */
static void
schema_refuses_tables_that_sqlite_refuses(void)
{
    static const schema_pair pairs[] = {
        {"create table t(a, unique(b))", "no such column: b"},
        {"create table t(a, primary key(b))", "no such column: b"},
        {"create table t(a, b default (\"foo\"))", "default value of column [b] is not constant"},
        {"create table t(a, b default (a))", "default value of column [b] is not constant"},
        {"create table t(a, b default (?1))", "default value of column [b] is not constant"},
        {"create table t(a, b default ((select 1)))",
         "default value of column [b] is not constant"},
        {"create table t(a, b default (exists (select 1)))",
         "default value of column [b] is not constant"},
        {"create table t(a, b default (1 in (select 1)))",
         "default value of column [b] is not constant"},
        {"create table t(a, unique(a collate foo))", "no such collation sequence: foo"},
        {"create table t(a collate foo)", "no such collation sequence: foo"},
        {"create table t(a); create index i on t(zz)", "no such column: zz"},
        {"create table t(a); create index i on t('zz' collate nocase)", "no such column: zz"},
        {"create table t(a, unique('zz'))", "no such column: zz"},
        {"create table t(a); create index i on t(rowid)", "no such column: rowid"},
        {"create table t(a integer primary key); create index i on t(rowid)",
         "no such column: rowid"},
        {"create table t(a); create index i on t(a nulls last)", "unsupported use of NULLS LAST"},
        {"create table t(a, unique(a nulls first))", "unsupported use of NULLS FIRST"},
        {"create table t(a integer, primary key(a nulls first))", "unsupported use of NULLS FIRST"},
        {"create table t(a, unique(a+1))",
         "expressions prohibited in PRIMARY KEY and UNIQUE constraints"},
        {"create table t(a, unique(zz+1))", "no such column: zz"},
        {"create table t(a, unique(\"zz\"))",
         "expressions prohibited in PRIMARY KEY and UNIQUE constraints"},
        {"create table t(a, A)", "duplicate column name: A"},
        {"create table t(a primary key, b primary key)",
         "table \"t\" has more than one primary key"},
        {"create table t(a primary key, b, primary key(b))",
         "table \"t\" has more than one primary key"},
        {"create table t(a primary key, unique(a), unique(b))", "no such column: b"},
        {"create table t(a int primary key autoincrement)",
         "AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY"},
        {"create table t(a integer primary key desc autoincrement)",
         "AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY"},
        {"create table t(a integer, b, primary key(a, b autoincrement))",
         "AUTOINCREMENT is only allowed on an INTEGER PRIMARY KEY"},
        {"create table t(a integer primary key autoincrement, b) without rowid",
         "AUTOINCREMENT not allowed on WITHOUT ROWID tables"},
        {"create table t(a) without rowid", "PRIMARY KEY missing on table t"},
        {"create table t(a as (1))", "must have at least one non-generated column"},
        {"create table t(a, b as (c))", "no such column: c"},
        {"create table t(a, b as (rowid))", "no such column: rowid"},
        {"create table t(a, b as (t.a))", "the \".\" operator prohibited in generated columns"},
        {"create table t(a, check(rowid>0), check(c>1))", "no such column: c"},
        {"create table t(a primary key, check(rowid>0)) without rowid", "no such column: rowid"},
        {"create table t(a, check((select 1)))", "subqueries prohibited in CHECK constraints"},
        {"create table t(a, check(a in (select 1)))", "subqueries prohibited in CHECK constraints"},
        {"create table t(a, check(a in t))", "subqueries prohibited in CHECK constraints"},
        {"create table t(a, check(exists (select 1)))",
         "subqueries prohibited in CHECK constraints"},
        {"create table t(a, check(?))", "parameters prohibited in CHECK constraints"},
        {"create table t(a, check(:x))", "parameters prohibited in CHECK constraints"},
        {"create table t(a, check(x.a))", "no such column: x.a"},
        {"create table t(a, check(count(*)))", "misuse of aggregate function count()"},
        {"create table t(a, check(sum(a)>1))", "misuse of aggregate function sum()"},
        {"create table t(a, check(MAX(a)))", "misuse of aggregate function MAX()"},
        {"create table t(a, check(row_number() over ()))",
         "misuse of window function row_number()"},
    };

    schema_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
schema_refuses_columns_that_sqlite_refuses(void)
{
    static const schema_pair pairs[] = {
        {"create table t(a, b as (random()))",
         "non-deterministic functions prohibited in generated columns"},
        {"create table t(a, b as (current_timestamp))",
         "non-deterministic functions prohibited in generated columns"},
        {"create table t(a, b as ((select 1)))", "subqueries prohibited in generated columns"},
        {"create table t(a, b as (?))", "parameters prohibited in generated columns"},
        {"create table t(a, b as (sum(a)))", "misuse of aggregate function sum()"},
        {"create table t(a, b default 1 as (a))", "error in generated column \"b\""},
        {"create table t(a, b as (a) default 1)", "cannot use DEFAULT on a generated column"},
        {"create table t(a, b as (a) foo)", "error in generated column \"b\""},
        {"create table t(a, b as (a) primary key)",
         "generated columns cannot be part of the PRIMARY KEY"},
        {"create table t(a, b primary key as (a))",
         "generated columns cannot be part of the PRIMARY KEY"},
        {"create table t(a, b as (a), primary key(b))",
         "generated columns cannot be part of the PRIMARY KEY"},
        {"create table t(a, b as (a) as (a))", "error in generated column \"b\""},
        {"create table t(a check(c) as (1))", "must have at least one non-generated column"},
        {"create table t(a as (c))", "must have at least one non-generated column"},
        {"create table t(a, b check(c) as (d))", "no such column: d"},
        {"create table t(a, b foo) strict", "missing datatype for t.a"},
        {"create table t(a int, b) strict", "missing datatype for t.b"},
        {"create table t(a int, b varchar(10)) strict",
         "unknown datatype for t.b: \"varchar(10)\""},
        {"create table t(a references t1(a,b))",
         "foreign key on a should reference only one column of table t1"},
        {"create table t(a references \"t1\"(a,b))",
         "foreign key on a should reference only one column of table \"t1\""},
        {"create table t(a, foreign key(a) references t1(a,b))",
         "number of columns in foreign key does not match the number of columns in the referenced "
         "table"},
        {"create table t(a, foreign key(c) references t1(a))",
         "unknown column \"c\" in foreign key definition"},
        {"create table t(a unique on conflict fail, unique(a) on conflict replace)",
         "conflicting ON CONFLICT clauses specified"},
    };

    schema_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

static void
schema_refuses_objects_that_sqlite_refuses(void)
{
    static const schema_pair pairs[] = {
        {"create table t(a); create index i on t(a) where (select 1)",
         "subqueries prohibited in partial index WHERE clauses"},
        {"create table t(a); create index i on t(a) where ?",
         "parameters prohibited in partial index WHERE clauses"},
        {"create table t(a); create index i on t(a) where random()",
         "non-deterministic functions prohibited in partial index WHERE clauses"},
        {"create table t(a); create index i on t(c) where d", "no such column: c"},
        {"create table t(a); create index i on t(a) where x.b", "no such column: x.b"},
        {"create table t(a); create index i on t(random())",
         "non-deterministic functions prohibited in index expressions"},
        {"create table t(a); create index i on t(current_date)",
         "non-deterministic functions prohibited in index expressions"},
        {"create table t(a); create index i on t(?)", "parameters prohibited in index expressions"},
        {"create table t(a); create index i on t((select 1))",
         "subqueries prohibited in index expressions"},
        {"create table t(a); create index i on t(t.a)",
         "the \".\" operator prohibited in index expressions"},
        {"create table t(a); create index i on t(main.t.a)",
         "the \".\" operator prohibited in index expressions"},
        {"create table t(a); create index i on t(a+t2.b)", "no such column: t2.b"},
        {"create table t(a); create index i on t(a collate foo)",
         "no such collation sequence: foo"},
        {"create table t(a); create index i on t(group_concat(a))",
         "misuse of aggregate function group_concat()"},
        {"create view v as select ?", "parameters are not allowed in views"},
        {"create view v as select * from (select 1 where a in (select :x))",
         "parameters are not allowed in views"},
    };

    schema_check_pairs(pairs, VL_ARRAY_COUNT(pairs));
}

/* One row, beside a table t(a, b UNIQUE) of three rows, and what is wrong with it. */
typedef struct schema_bad_row {
    vl_schema_row row;
    const char *wanted;
} schema_bad_row;

static const schema_bad_row schema_bad_rows[] = {
    {{"table", "x", "x", "CREATE TABLE y(a)", NULL, 9, 4, 0}, "(x) - another name"},
    {{"table", "x", "x", "CREATE TABLE x(a", NULL, 9, 4, 0}, "(x) - incomplete input"},
    {{"table", "x", "x", "CREATE TABLE x(a, a)", NULL, 9, 4, 0}, "(x) - duplicate column name: a"},
    {{"table", "x", "x", "CREATE TABLE x AS SELECT 1", NULL, 9, 4, 0},
     "(x) - another kind of statement"},
    {{"table", "x", "x", "CREATE VIEW x AS SELECT 1", NULL, 9, 4, 0},
     "(x) - another kind of statement"},
    {{"view", "x", "x", "CREATE TABLE x(a)", NULL, 9, 4, 0}, "(x) - another kind of statement"},
    {{"table", "x", "x", "CREATE VIRTUAL TABLE x USING fts5(a)", NULL, 9, 4, 0},
     "(x) - invalid rootpage"},
    {{"table", "x", "x", "", NULL, 9, 4, 0}, "(x) - no statement"},
    {{"table", "x", "x", NULL, NULL, 9, 4, 0}, "(x) - no statement"},
    {{"table", "x", "x", "CREATE TABLE x(a)", NULL, 0, 4, 0}, "(x) - invalid rootpage"},
    {{"table", "x", "x", "CREATE TABLE x(a PRIMARY KEY) WITHOUT ROWID", NULL, 9, 4, 0},
     "(x) - missing index"},
    {{"table", "x", "x", "CREATE TABLE x(a PRIMARY KEY)", NULL, 9, 4, 10}, "(x) - orphan index"},
    {{"view", "x", "x", "CREATE VIEW x AS SELECT 1", NULL, 0, 4, 10}, "(x) - orphan index"},
    {{"table", "T", "T", "CREATE TABLE T(a)", NULL, 9, 4, 0}, "(T) - name occurs twice"},
    {{"table", "x", "x", "CREATE TABLE x(a UNIQUE)", NULL, 9, 4, 0},
     "(sqlite_autoindex_x_1) - missing index"},
    {{"index", "sqlite_autoindex_t_2", "t", NULL, NULL, 9, 4, 0},
     "(sqlite_autoindex_t_2) - orphan index"},
    {{"index", "sqlite_autoindex_t_1", "t", NULL, NULL, 9, 4, 0},
     "(sqlite_autoindex_t_1) - orphan index"},
    {{"index", "x", "nosuch", "CREATE INDEX x ON nosuch(a)", NULL, 9, 4, 0}, "(x) - orphan index"},
    {{"index", "x", "t", "CREATE INDEX x ON t(a)", NULL, 0, 4, 0}, "(x) - invalid rootpage"},
    {{"index", "x", "t", "CREATE INDEX y ON t(a)", NULL, 9, 4, 0}, "(x) - another name"},
    {{"index", "x", "t", "CREATE TABLE x(a)", NULL, 9, 4, 0}, "(x) - another kind of statement"},
    {{"trigger", "x", "nosuch", "CREATE TRIGGER x AFTER INSERT ON nosuch BEGIN SELECT 1; END", NULL,
      0, 4, 0},
     "(x) - orphan trigger"},
    {{"trigger", "x", "t", NULL, NULL, 0, 4, 0}, "(x) - no statement"},
    {{"trigger", "x", "t", "CREATE TRIGGER y AFTER INSERT ON t BEGIN SELECT 1; END", NULL, 0, 4, 0},
     "(x) - another name"},
    {{"trigger", "x", "t", "CREATE VIEW x AS SELECT 1", NULL, 0, 4, 0},
     "(x) - another kind of statement"},
    {{"thing", "x", "x", "CREATE TABLE x(a)", NULL, 9, 4, 0}, "(x) - unknown type"},
    {{"table", "x", "x", "CREATE TABLE x(a, b)", "3:1", 9, 4, 0}, "(x) - bad column ids"},
    {{"table", "x", "x", "CREATE TABLE x(a, b)", "3:1,2,", 9, 4, 0}, "(x) - bad column ids"},
    {{"table", "x", "x", "CREATE TABLE x(a, b)", "3:1,3", 9, 4, 0}, "(x) - bad column ids"},
    {{"table", "x", "x", "CREATE TABLE x(a, b)", "3:1,1", 9, 4, 0}, "(x) - bad column ids"},
    {{"table", "x", "x", "CREATE TABLE x(a, b)", "3:0,1", 9, 4, 0}, "(x) - bad column ids"},
    {{"table", "x", "x", "CREATE TABLE x(a, b)", "3:1;2", 9, 4, 0}, "(x) - bad column ids"},
    {{"table", "x", "x", "CREATE TABLE x(a, b)", "", 9, 4, 0}, "(x) - bad column ids"},
    {{"table", "x", "x", "CREATE TABLE x(a, b)", "4294967296:1,2", 9, 4, 0},
     "(x) - bad column ids"},
    {{"table", "x", "x", "CREATE TABLE x(a integer primary key)", "1:", 9, 4, 0},
     "(x) - bad column ids"},
};

static void
schema_refuses_malformed_rows(void)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(schema_bad_rows); i++) {
        char wanted[256];
        vl_schema *schema;
        schema_rig rig;

        schema_rig_init(&rig, NULL);
        CHECK_OK(schema_rig_run(unit_ctx(), &rig, "create table t(a, b unique)"));
        rig.databases[0].rows[rig.databases[0].row_count++] = schema_bad_rows[i].row;
        (void)snprintf(wanted, sizeof wanted, "malformed database schema %s",
                       schema_bad_rows[i].wanted);
        CHECK_STATUS(schema_rig_build(unit_ctx(), &rig, &schema), VELO_CORRUPT);
        CHECK_TEXT(unit_ctx()->error.text, wanted);
        CHECK(schema == NULL);
        schema_rig_deinit(&rig);
    }
}

static void
schema_reads_column_ids(void)
{
    static const struct {
        const char *sql;
        const char *layout;
        const char *wanted;
    } cases[] = {
        {"CREATE TABLE t(a, b)", "5:1,4", "t(a<>blob#1, b<>blob#4) next 5"},
        {"CREATE TABLE t(a, b)", "9:7,2", "t(a<>blob#7, b<>blob#2) next 9"},
        {"CREATE TABLE t(a, b)", NULL, "t(a<>blob#1, b<>blob#2) next 3"},
        {"CREATE TABLE t(a INTEGER PRIMARY KEY, b, c AS (b), d)", "7:5,6",
         "t(a<INTEGER>int#0 key1, b<>blob#5, c<>blob#0 virtual, d<>blob#6) rowid=0 next 7"},
        {"CREATE TABLE t(a INTEGER PRIMARY KEY, b, c AS (b), d)", NULL,
         "t(a<INTEGER>int#0 key1, b<>blob#1, c<>blob#0 virtual, d<>blob#2) rowid=0 next 3"},
        {"CREATE TABLE t(a INTEGER PRIMARY KEY)", NULL, "t(a<INTEGER>int#0 key1) rowid=0 next 2"},
        {"CREATE TABLE t(a INTEGER PRIMARY KEY)", "4:", "t(a<INTEGER>int#0 key1) rowid=0 next 4"},
    };

    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        const vl_table_def *table;
        vl_schema *schema;
        schema_rig rig;
        char text[256];
        size_t used;

        schema_rig_init(&rig, NULL);
        CHECK_OK(schema_rig_run(unit_ctx(), &rig, cases[i].sql));
        rig.databases[0].rows[0].layout = cases[i].layout;
        CHECK_OK(schema_rig_build(unit_ctx(), &rig, &schema));
        table = vl_schema_table(schema, "T", 1);
        schema_rig_tell_table(table, text, sizeof text);
        used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, " next %u", table->next_column_id);
        CHECK_TEXT(text, cases[i].wanted);
        vl_schema_release(schema);
        schema_rig_deinit(&rig);
    }
}

static void
schema_finds_objects(void)
{
    const vl_table_def *table;
    vl_schema *schema;
    schema_rig rig;

    schema_rig_init(&rig, NULL);
    CHECK_OK(schema_rig_run(
        unit_ctx(), &rig,
        "create table T(a unique); create view v as select 1; create index Ix on t(a);"
        "create trigger tr after insert on t begin select 1; end; create table z(a)"));
    CHECK_OK(schema_rig_build(unit_ctx(), &rig, &schema));
    CHECK(schema_rig_is_sound(schema));
    CHECK_EQ(schema->version, 7);
    CHECK_TEXT(schema->database, "main");
    table = vl_schema_table(schema, "SQLITE_MASTER", 13);
    CHECK(table != NULL && table == vl_schema_table(schema, "sqlite_schema", 13));
    CHECK_TEXT(table->object.name, "sqlite_schema");
    CHECK_EQ(table->object.tree, 1);
    CHECK(table->is_system && table->column_count == 5);
    CHECK(vl_schema_table(schema, "sqlite_temp_master", 18) == NULL);
    CHECK(vl_schema_table(schema, "nosuch", 6) == NULL);
    table = vl_schema_table(schema, "t", 1);
    CHECK(table != NULL && table->object.tree == 2 && table->object.rowid == 1);
    CHECK_TEXT(table->object.sql, "CREATE TABLE T(a unique)");
    CHECK(table->triggers == vl_schema_trigger(schema, "TR", 2));
    CHECK(table->indexes == vl_schema_index(schema, "iX", 2));
    CHECK_TEXT(table->indexes->object.name, "Ix");
    CHECK(table->indexes->next == vl_schema_index(schema, "sqlite_autoindex_T_1", 20));
    CHECK(table->indexes->next->object.sql == NULL && table->indexes->next->object.tree == 3);
    CHECK_EQ(vl_schema_table(schema, "V", 1)->object.type, VL_OBJECT_VIEW);
    vl_schema_retain(schema);
    vl_schema_release(schema);
    vl_schema_release(schema);
    schema_rig_deinit(&rig);
}

static void
schema_of_temp_has_its_names(void)
{
    static const vl_schema_row rows[] = {
        {"trigger", "x", "main_table",
         "CREATE TRIGGER x AFTER INSERT ON main_table BEGIN SELECT 1; END", NULL, 0, 1, 0},
        {"table", "t", "t", "CREATE TABLE t(a)", NULL, 5, 2, 0},
    };
    static const char *const names[] = {"sqlite_master", "sqlite_schema", "sqlite_temp_master",
                                        "sqlite_temp_schema"};
    vl_schema_source source = {"temp", 1, 1, rows, VL_ARRAY_COUNT(rows), NULL, 0};
    vl_schema *schema;

    CHECK_OK(vl_schema_build(unit_ctx(), &source, &schema));
    for (size_t i = 0; i < VL_ARRAY_COUNT(names); i++)
        CHECK_TEXT(vl_schema_table(schema, names[i], strlen(names[i]))->object.name,
                   "sqlite_temp_schema");
    CHECK(vl_schema_table(schema, "t", 1)->is_temporary);
    CHECK(vl_schema_trigger(schema, "x", 1) != NULL);
    vl_schema_release(schema);
}

static void
schema_limits_columns(void)
{
    static char sql[VL_SCHEMA_MAX_COLUMNS * 8 + 64];
    vl_schema_row row = {"table", "t", "t", sql, NULL, 2, 1, 0};
    vl_schema_source source = {"main", 1, 1, &row, 1, NULL, 0};
    vl_schema *schema;
    size_t used = (size_t)snprintf(sql, sizeof sql, "CREATE TABLE t(c0");

    for (unsigned i = 1; i < VL_SCHEMA_MAX_COLUMNS; i++)
        used += (size_t)snprintf(sql + used, sizeof sql - used, ",c%u", i);
    (void)snprintf(sql + used, sizeof sql - used, ")");
    CHECK_OK(vl_schema_build(unit_ctx(), &source, &schema));
    CHECK_EQ(vl_schema_table(schema, "t", 1)->column_count, VL_SCHEMA_MAX_COLUMNS);
    vl_schema_release(schema);
    (void)snprintf(sql + used, sizeof sql - used, ",x)");
    CHECK_STATUS(vl_schema_build(unit_ctx(), &source, &schema), VELO_CORRUPT);
    CHECK_TEXT(unit_ctx()->error.text, "malformed database schema (t) - too many columns on t");
}

static velo_status
schema_build_operation(vl_ctx *ctx, void *argument)
{
    vl_schema *schema = NULL;
    velo_status status;

    status = schema_rig_build(ctx, argument, &schema);
    vl_schema_release(schema);
    return status;
}

static void
schema_build_survives_no_memory(void)
{
    schema_rig rig;

    schema_rig_init(&rig, NULL);
    CHECK_OK(schema_rig_run(
        unit_ctx(), &rig,
        "create table t(a integer primary key autoincrement, b unique default foo, c text collate "
        "nocase check(c > 1), d as (b), foreign key(b, c) references p(x, y), unique(c, b));"
        "create table w(a, b, primary key(b)) without rowid; create view v(x) as select 1;"
        "create index i on t(b || c, c) where b > 2;"
        "create trigger tr after insert on t begin select 1; end"));
    CHECK(unit_each_alloc_failure(schema_build_operation, &rig) > 4);
    schema_rig_deinit(&rig);
}

static const unit_test tests[] = {
    UNIT_TEST(schema_reads_columns),
    UNIT_TEST(schema_makes_indexes),
    UNIT_TEST(schema_makes_constraints),
    UNIT_TEST(schema_refuses_tables_that_sqlite_refuses),
    UNIT_TEST(schema_refuses_columns_that_sqlite_refuses),
    UNIT_TEST(schema_refuses_objects_that_sqlite_refuses),
    UNIT_TEST(schema_refuses_malformed_rows),
    UNIT_TEST(schema_reads_column_ids),
    UNIT_TEST(schema_finds_objects),
    UNIT_TEST(schema_of_temp_has_its_names),
    UNIT_TEST(schema_limits_columns),
    UNIT_TEST(schema_build_survives_no_memory),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
