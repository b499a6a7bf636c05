.show
.headers on
.nullvalue NULL
.separator ", " "\n"
.width 3 -4
.mode column
.show
.mode list
select null as n, 1 as i;
.changes on
CREATE TABLE t(a);
insert into t values(1), (2), (3);
update t set a = a + 1 where a > 1;
delete from t;
.changes off
.output here.txt
select 'in the file' as text;
.output
.once there.txt
select 'in the other file' as text;
select 'here' as text;
.shell cat here.txt there.txt
.once | tr a-z A-Z
select 'to a command' as text;
.system exit 3
.shell echo "select 'from a script' as text;" > script.sql
.read script.sql
.read | echo "select 'from a command' as text;"
.shell echo ".read again.sql" > again.sql
.read again.sql
.help tables
.help zzz
.prompt a b
.timeout 10
.mode
