.bail on
.headers on
CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL, v REAL, b BLOB);
CREATE INDEX t_name ON t(name);
CREATE VIEW w AS SELECT id, v FROM t;
CREATE TRIGGER g AFTER DELETE ON t BEGIN SELECT 1; END;
INSERT INTO t VALUES(1,'one',1.5,x'00ff'),(2,'it''s',NULL,NULL),(3,'drei, "3"',-2.25,'text');
.mode list
SELECT * FROM t;
.mode csv
SELECT * FROM t;
.mode column
SELECT id, name FROM t;
.mode box
SELECT id, name FROM t;
.mode table
SELECT id, name FROM t;
.mode markdown
SELECT id, name FROM t;
.mode json
SELECT id, name, v FROM t;
.mode line
SELECT id, name FROM t;
.mode html
SELECT id, name FROM t;
.mode quote
SELECT * FROM t;
.mode insert u
SELECT * FROM t;
.mode tabs
SELECT id, name FROM t;
.mode list
.tables
.tables t%
.indexes
.schema
.schema t
.dump
.fullschema
.databases
.nullvalue NONE
SELECT v FROM t WHERE id = 2;
.separator | \n
.mode csv
.once FOLDER/rows.csv
SELECT id, name FROM t;
.mode list
CREATE TABLE i(a, b);
.import --csv --skip 1 FOLDER/rows.csv i
SELECT * FROM i;
.import --csv FOLDER/rows.csv made
SELECT * FROM made;
.backup FOLDER/backup.db
.save FOLDER/save.db
.restore FOLDER/backup.db
SELECT count(*) FROM t;
.open FOLDER/save.db
SELECT count(*) FROM i;
.clone FOLDER/clone.db
.open FOLDER/clone.db
SELECT count(*) FROM t;
.parameter init
.parameter set :x 3
SELECT name FROM t WHERE id = :x;
.changes on
DELETE FROM t WHERE id = 1;
.changes off
.explain off
.lint fkey-indexes
.limit length
.print done
