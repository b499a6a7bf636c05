create table t(a, b, c as (a||b) stored);create unique index i on t(b desc, c collate rtrim);create index if not exists j on t(a+1, "zz") where b > 2 and rowid;drop index i
