CREATE TABLE t(a INTEGER PRIMARY KEY, b);
INSERT INTO t VALUES(1, 'one'), (2, 'two');
CREATE INDEX tb ON t(b);
.backup copy.vdb
DELETE FROM t;
CREATE TABLE more(x);
.save main again.vdb
.restore copy.vdb
SELECT * FROM t ORDER BY b;
.tables
.open again.vdb
.tables
SELECT count(*) FROM t;
.restore
.backup a b c
.backup other copy.vdb
.backup again.vdb
BEGIN;
.restore copy.vdb
COMMIT;
PRAGMA integrity_check;
