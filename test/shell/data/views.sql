-- Views and triggers in .schema and .dump.
CREATE TABLE t(a integer primary key, b);
insert into t values(1, 'x');
CREATE VIEW v as select a, b, a + 1 from t;
CREATE TRIGGER tr after insert on t begin
  select 1;
  select 'a;b';
end;
CREATE INDEX i on t(b);
.tables
.schema
.dump
.dump t
