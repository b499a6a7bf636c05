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
