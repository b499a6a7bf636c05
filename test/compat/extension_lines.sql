# a function and its arguments
SELECT ext_double(21)
SELECT value FROM numbers(3, 6)
SELECT * FROM numbers(3)
SELECT value, start, stop, rowid FROM numbers(3)
SELECT value FROM numbers
SELECT value FROM numbers(1, 2, 3)
SELECT value FROM numbers(1, 5) WHERE value > 3
SELECT value FROM numbers(1, 3) ORDER BY value DESC
SELECT value FROM numbers(1, 9) ORDER BY value LIMIT 2 OFFSET 3
SELECT value FROM numbers(1, 9) WHERE value IN (7, 3, 3, 11)
SELECT value FROM numbers(1, 9) WHERE value IN (SELECT value * 2 FROM numbers(1, 3))
SELECT value FROM numbers WHERE start = 5 AND stop = 6
SELECT value FROM numbers WHERE start IN (1, 10) AND stop = 11 AND value >= 10
SELECT count(*), sum(value) FROM numbers(1, 1000)
SELECT value FROM numbers(665, 667)
SELECT a.value, b.value FROM numbers(1, 2) AS a, numbers(a.value, 3) AS b
SELECT a.value, b.value FROM numbers(1, 3) AS a LEFT JOIN numbers(2, a.value) AS b ON b.value = a.value
SELECT value, (SELECT max(value) FROM numbers(1, n.value)) FROM numbers(1, 3) AS n
INSERT INTO numbers VALUES (1)
SELECT sql FROM sqlite_schema
# tables
CREATE TABLE t(x INTEGER PRIMARY KEY, y TEXT)
INSERT INTO t VALUES (1, 'a'), (2, 'b'), (3, 'c')
SELECT x, y, value FROM t JOIN numbers ON start = x AND stop = x + 1 WHERE y <> 'b'
CREATE VIRTUAL TABLE s USING store(wrong)
CREATE VIRTUAL TABLE s USING missing
CREATE VIRTUAL TABLE s USING numbers
CREATE VIRTUAL TABLE s USING store
CREATE VIRTUAL TABLE s USING store
CREATE VIRTUAL TABLE IF NOT EXISTS s USING store
SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE name = 's'
INSERT INTO s VALUES ('a', 1), ('b', 2), ('c', 3)
SELECT changes(), last_insert_rowid()
SELECT rowid, * FROM s
SELECT rowid, key, value, extra FROM s WHERE key = 'b'
SELECT key FROM s WHERE key IN ('c', 'a', 'x')
SELECT key FROM s WHERE key = 'B' COLLATE NOCASE
SELECT t.x, s.value FROM t JOIN s ON s.key = t.y
SELECT t.x, s.value FROM t LEFT JOIN s ON s.key = t.y AND s.value > 1
UPDATE s SET value = value * 10 WHERE value > 1
SELECT changes(), total_changes()
UPDATE s SET rowid = 10 WHERE key = 'a'
SELECT rowid, * FROM s
INSERT INTO s(rowid, key, value) VALUES (10, 'x', 'y')
INSERT OR IGNORE INTO s(rowid, key, value) VALUES (10, 'x', 'y'), (11, 'z', 'y')
INSERT OR REPLACE INTO s(rowid, key, value) VALUES (10, 'x', 'y')
UPDATE OR REPLACE s SET rowid = 2 WHERE rowid = 3
SELECT rowid, * FROM s
DELETE FROM s WHERE key = 'z'
INSERT INTO s(key, value, extra) SELECT y, x, 0 FROM t WHERE x < 3
SELECT rowid, * FROM s
SELECT tagged(key) FROM s WHERE tagged(key) < '<b>'
SELECT tagged('x')
DELETE FROM s RETURNING key
UPDATE s SET key = 1 RETURNING key
INSERT INTO s VALUES (1, 2) ON CONFLICT DO NOTHING
INSERT INTO s VALUES (1)
# transactions
DELETE FROM s
SELECT count(store_log())
BEGIN
INSERT INTO s VALUES ('a', 1)
SAVEPOINT p
INSERT INTO s VALUES ('b', 1)
ROLLBACK TO p
INSERT INTO s VALUES ('c', 1)
RELEASE p
COMMIT
SELECT key FROM s
SELECT store_log()
BEGIN
INSERT INTO s VALUES ('d', 1)
ROLLBACK
SELECT key FROM s
SELECT store_log()
INSERT INTO s(rowid, key) VALUES (5, 'e'), (1, 'f')
SELECT key FROM s
INSERT OR FAIL INTO s(rowid, key) VALUES (5, 'e'), (1, 'f')
SELECT key FROM s
INSERT INTO s(rowid, key) VALUES (13, 'g')
SELECT key FROM s
# what is not allowed, and the schema
CREATE INDEX i ON s(key)
CREATE TRIGGER r AFTER INSERT ON s BEGIN SELECT 1; END
ALTER TABLE s ADD COLUMN z
ALTER TABLE s RENAME COLUMN key TO z
CREATE TRIGGER r AFTER INSERT ON t BEGIN INSERT INTO s VALUES (new.y, new.x); END
INSERT INTO t VALUES (9, 'nine')
SELECT * FROM s WHERE key = 'nine'
CREATE VIEW v AS SELECT key, y FROM s, t WHERE key = y
SELECT * FROM v
PRAGMA table_info(s)
PRAGMA table_xinfo(s)
SELECT name, type, ncol FROM pragma_table_list WHERE name = 's'
SELECT store_log() IS NULL
ALTER TABLE s RENAME TO "other name"
SELECT store_log()
SELECT name FROM sqlite_schema WHERE type = 'table'
DROP TRIGGER r
DROP TABLE "other name"
SELECT store_log()
SELECT * FROM "other name"
# text
CREATE VIRTUAL TABLE f USING fields(a;1/b;2/c/;4)
SELECT * FROM f
SELECT rowid, c1 FROM f WHERE c0 LIKE 'b%' OR c0 IS NULL
SELECT c0, count(*) FROM f JOIN t ON y = c0 GROUP BY c0 ORDER BY 1 DESC
SELECT f.c0, n.value FROM f, numbers(1, f.c1) AS n
SELECT 'a' MATCH 'b'
SELECT * FROM f WHERE c0 MATCH 'x'
WITH c(x) AS (SELECT c0 FROM f) SELECT group_concat(x, '') FROM c
INSERT INTO f VALUES (1, 2)
DELETE FROM f
CREATE TABLE copy AS SELECT * FROM f
SELECT * FROM copy
DROP TABLE f
