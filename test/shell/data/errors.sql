select * from nope;
CREATE TABLE t(a integer primary key, b);
insert into t values(1, 2);
insert into t values(1, 3);

select a,
       b,
       from t;
select nope from t;
.nonsense
.mode
.headers
.timer perhaps
.read no/such/file
.output no/such/folder/file
.cd no/such/folder
.open --nonsense x
.import
.import only_file
.import no/such/file t
select a, b, 'a long text that stands before the error, so that it is not shown whole', a, nope from t;
select count(*) from t;
create table customers(name);
select * from custmers;
select nmae from customers;
select 'never ends
