#!/usr/bin/env python3
"""test_python.py - Python's sqlite3 module on our libsqlite3.so.0, which LD_LIBRARY_PATH leads to."""

import os
import sys
import tempfile
import unittest

try:
    import sqlite3
except ImportError as error:
    print("test_python: SKIP,", error)
    sys.exit(0)


def is_ours():
    return sqlite3.sqlite_version == "3.53.0"


class Client(unittest.TestCase):
    def setUp(self):
        self.connection = sqlite3.connect(":memory:")
        self.addCleanup(self.connection.close)

    def test_values_come_back(self):
        values = (None, 7, -2.5, "it's \u20ac", b"\0\xff", 2 ** 62)
        row = self.connection.execute("SELECT ?, ?, ?, ?, ?, ?", values).fetchone()
        self.assertEqual(row, values)

    def test_many_rows_and_transactions(self):
        db = self.connection
        db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
        with db:
            db.executemany("INSERT INTO t(b) VALUES(?)", [(str(n),) for n in range(1000)])
        self.assertFalse(db.in_transaction)
        db.execute("DELETE FROM t WHERE a > 10")
        self.assertTrue(db.in_transaction)
        db.rollback()
        self.assertEqual(db.execute("SELECT count(*), max(b) FROM t").fetchone(), (1000, "999"))

    def test_errors_have_codes(self):
        self.connection.execute("CREATE TABLE t(a UNIQUE)")
        self.connection.execute("INSERT INTO t VALUES(1)")
        with self.assertRaises(sqlite3.IntegrityError) as caught:
            self.connection.execute("INSERT INTO t VALUES(1)")
        self.assertEqual(str(caught.exception), "UNIQUE constraint failed: t.a")
        with self.assertRaisesRegex(sqlite3.OperationalError, "no such table: nosuch"):
            self.connection.execute("SELECT * FROM nosuch")

    def test_functions(self):
        class Join:
            made = 0
            ended = 0

            def __init__(self):
                Join.made += 1
                self.parts = []

            def step(self, text):
                self.parts.append(text)

            def finalize(self):
                Join.ended += 1
                return "+".join(self.parts)

        db = self.connection
        db.create_function("backwards", 1, lambda text: text[::-1], deterministic=True)
        db.create_aggregate("joined", 1, Join)
        self.assertEqual(db.execute("SELECT backwards('abc')").fetchone(), ("cba",))
        db.execute("CREATE TABLE t(a, b)")
        db.executemany("INSERT INTO t VALUES(?, ?)", [(n % 3, str(n)) for n in range(9)])
        rows = db.execute("SELECT a, joined(b) FROM t GROUP BY a ORDER BY a").fetchall()
        self.assertEqual(rows, [(0, "0+3+6"), (1, "1+4+7"), (2, "2+5+8")])
        self.assertEqual(Join.made, Join.ended)

        def fail(value):
            raise ValueError(value)

        db.create_function("fail", 1, fail)
        with self.assertRaisesRegex(sqlite3.OperationalError, "user-defined function raised"):
            db.execute("SELECT joined(b || fail(a)) FROM t")
        self.assertEqual(Join.made, Join.ended)

    def test_one_file_opened_twice(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "a.db")
            one = sqlite3.connect(path)
            two = sqlite3.connect("file:" + path + "?mode=ro", uri=True)
            one.execute("CREATE TABLE t(x)")
            one.execute("INSERT INTO t VALUES(1)")
            self.assertEqual(two.execute("SELECT count(*) FROM t").fetchone(), (0,))
            one.commit()
            self.assertEqual(two.execute("SELECT count(*) FROM t").fetchone(), (1,))
            with self.assertRaises(sqlite3.OperationalError):
                two.execute("INSERT INTO t VALUES(2)")
            two.close()
            one.close()

    def test_dump(self):
        self.connection.executescript("CREATE TABLE t(a, b); INSERT INTO t VALUES(1, 'it''s');")
        dump = "\n".join(self.connection.iterdump())
        self.assertIn("INSERT INTO \"t\" VALUES(1,'it''s');", dump)


if __name__ == "__main__":
    if not is_ours():
        print("test_python: SKIP, the module is not linked with a shared library")
        sys.exit(0)
    unittest.main()
