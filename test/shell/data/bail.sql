select 1;
.bail on
select 2;
select nope;
select 3;
