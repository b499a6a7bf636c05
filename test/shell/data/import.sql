.shell printf 'id,name,zip,price,rest\n1,Ann,01234,2.5,\n2,"B, b",20000,,\n3,"C\n""c""",30000,1000,x\n' > a.csv
.import --csv a.csv made
.schema made
.mode quote
select * from made;
.import --csv --skip 1 -v a.csv made
select count(*) from made;
.mode list
.shell printf '1,2\n3\n4,5,6\n"bad"x,1\n7,8\n' > b.csv
CREATE TABLE there(a primary key, b);
insert into there values('7', 0);
.import --csv b.csv there
select * from there;
.import "| printf 'x|y\\n1|2\\n'" piped
.schema piped
select * from piped;
.shell printf '1,2.5\n3,4\n' > c.csv
.import --csv c.csv numbers
.schema numbers
select * from numbers;
begin;
.import --csv c.csv numbers
rollback;
select count(*) from numbers;
.mode csv
.import c.csv numbers
select count(*) from numbers;
.import no/such/file numbers
.import --csv . numbers
.import --nonsense c.csv numbers
.mode list
CREATE TABLE computed(a INTEGER, b AS (a * 2), c TEXT, d AS (c || '!') STORED);
.import --csv c.csv computed
select * from computed;
.shell printf 'n,s\n1,ok\n2,caf\351\n3,caf\303\251\n' > u.csv
.import --csv u.csv texts
select * from texts;
.import --csv --any-bytes --skip 1 u.csv texts
select n, hex(s) from texts;
create table whole(a primary key);
.shell printf '1\n2\n2\n3\n' > w.csv
.import --csv --stop w.csv whole
.import --csv --stop u.csv more
.import --csv --stop b.csv numbers
select count(*) from whole;
.import --csv w.csv whole
select * from whole;
.shell printf ',x\n1,y\n' > e.csv
create table empties(a, b);
.import --csv e.csv empties
select quote(a), b from empties;
.shell printf 'k,K,,c3,k_2\nw,x,1,2,3\n' > d.csv
.import --csv d.csv named
.schema named
.shell printf 'a\0q,b\nx,2\n' > z.csv
.import --csv z.csv zero
.shell printf 'a,b\n12345678901234567890,1e400\n' > h.csv
.import --csv h.csv huge
select * from huge;
begin;
insert into whole values('mine');
.import --csv --stop u.csv more
.import --csv --stop w.csv whole
.tables more
select * from whole;
commit;
delete from whole;
pragma foreign_keys = on;
create table child(a references whole deferrable initially deferred);
.import --csv w.csv child
begin;
select count(*) from child;
.import --csv w.csv child
rollback;
create table plain(a, b);
.import --csv --skip x a.csv plain
.import --csv --skip -1 a.csv plain
.import --csv --skip 4294967296 a.csv plain
.import --csv "| printf '1,2\\n3,4\\n'; exit 3" plain
.import --csv "| printf '1,2\\n'; kill -9 $$" plain
select count(*) from plain;
.import --csv "| printf '1,2\\n3,4\\n'; exit 0" plain
select count(*) from plain;
