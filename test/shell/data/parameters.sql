.parameter list
.parameter set :a 5
.parameter set @text hello
.parameter set $sum "1.5 + 2"
.param set ?1 "x'00ff'"
.parameter set :nothing null
.parameter list
select :a, @text, $sum, ?1, :nothing, :unknown;
.parameter set :a "'it''s'"
.parameter unset @text
.parameter init
.parameter list
select :a, @text;
.parameter clear
select :a;
.parameter set a 1
.parameter set :a
.parameter
create table t(a integer primary key, b);
create index tb on t(b);
insert into t values (1, 'x'), (2, 'y');
.eqp on
select a from t where b = 'y';
explain query plan select 1;
.eqp off
analyze;
.fullschema
.fullschema t
.stats 2 3
.shell true
