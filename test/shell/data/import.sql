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
