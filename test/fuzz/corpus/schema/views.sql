create view v(x) as select 1 -- c
;create temp table t(a);create trigger r insert on t when new.a begin update t set a = 1; end;create trigger q instead of delete on v begin select 1; end;drop view v;drop table if exists main.t
