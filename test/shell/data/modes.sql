-- Every form of results, on values of every type.
CREATE TABLE t(id integer primary key, name text, price real, data);
insert into t values(1, 'plain', 2.5, null);
insert into t values(2, 'it''s "q"', -0.125, x'00ff41');
insert into t values(3, 'a,b|c', 1e100, 'two
lines');
insert into t values(4, '', 3.0, 'é<&>');
.mode list
select * from t;
.headers on
select * from t;
.separator ; \n
select * from t;
.mode csv
select * from t;
.nullvalue nil
.mode column
select * from t;
.width 3 -8
select * from t;
.width
.mode table
select * from t;
.mode box
select * from t;
.mode box --wrap 5
select name, data from t where id = 3;
.mode markdown
select * from t;
.mode html
select * from t;
.mode line
select * from t;
.mode json
select * from t;
.mode quote
select * from t;
.mode insert
select * from t;
.mode insert new
select id, name from t;
.mode tcl
select * from t;
.mode tabs
select * from t;
.mode qbox
select * from t;
.mode nonsense
.mode
-- no rows, no output
.mode box
select * from t where id > 100;
.mode json
select * from t where id > 100;
