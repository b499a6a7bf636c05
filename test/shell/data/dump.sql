-- A dump, and what comes back from it.
CREATE TABLE t(id integer primary key, r real, s text, b);
insert into t values(1, 0.1, 'it''s', x'00ff');
insert into t values(2, -1.5e-300, 'two
lines', null);
insert into t values(3, 123456789012345678.0, 'é', '');
insert into t values(4, 1e999, '', x'');
CREATE TABLE "two words"(a, "b""c");
insert into "two words" values(-9223372036854775808, 9223372036854775807);
CREATE TABLE empty(a);
CREATE INDEX t_s on t(s);
.dump
.output dumped.sql
.dump
.output
.open again.db
.read dumped.sql
.output dumped_again.sql
.dump
.output
.shell cmp dumped.sql dumped_again.sql && echo the same
select count(*), sum(id) from t;
.open --new again.db
.tables
.read dumped.sql
.open --readonly again.db
delete from t;
.open again.db
.dump empty
.dump two%
