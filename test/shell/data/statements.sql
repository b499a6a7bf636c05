# a comment of the shell
-- a comment of SQL
/* another
   one */ select 1;
select
  2

;
select 3; select 4; -- behind
select ';', ";" from (select 1 as ";"), (select ';' as x);
select '--', '/*';
select 5
go
select 6
/
.print between 'two words' "a\ttab"
.echo on
select 7;
.print echoed
.echo off
;;;
select 8
