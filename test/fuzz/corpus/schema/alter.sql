create table t(a, b /* x */, c, check(a in (1,2)));alter table t add d int default (- cast('5' as int)) ;alter table t drop c;alter table t add e not null default 'x';alter table t drop column d
