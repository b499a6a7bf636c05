#!/usr/bin/env python3
"""test_terminal.py - the shell at a terminal: prompts, editing, completion, history, Ctrl-C.

usage: test_terminal.py PROGRAM [--plain]

Speaks with the program through a pseudo terminal. Waits for what is to come, as long as it takes
(up to a minute), so that nothing depends on speed. --plain: the program was built without libedit.
"""
import os
import pty
import re
import select
import signal
import sys
import tempfile
import termios
import time

PATIENCE_S = 60


class Failure(Exception):
    """What was awaited did not come."""


class Session:
    """A program at a terminal."""

    is_edited = True  # the program was built with libedit

    def __init__(self, program, home, *arguments):
        self.seen = ""
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            environment = dict(os.environ, HOME=home, TERM="xterm", LC_ALL="C.UTF-8")
            # libedit keeps some memory until the end
            environment["ASAN_OPTIONS"] = "detect_leaks=0"
            os.execve(program, [program, *arguments], environment)

    def send(self, text):
        """Type."""
        os.write(self.terminal, text.encode())

    def expect(self, text):
        """Wait until a text comes, and forget what came before and with it."""
        end = time.monotonic() + PATIENCE_S
        while text not in plain(self.seen):
            if time.monotonic() > end:
                raise Failure(f"{text!r} did not come, but {plain(self.seen)!r}")
            if not self._read(1.0):
                raise Failure(f"{text!r} did not come before the end, but {plain(self.seen)!r}")
        shown = plain(self.seen)
        self.seen = shown[shown.index(text) + len(text):]

    def expect_prompt(self, text="velocidb> "):
        """Wait for a prompt, and until keys are read one by one: libedit sees to it behind the
        prompt, and until then the terminal takes Ctrl-D for itself."""
        self.expect(text)
        end = time.monotonic() + PATIENCE_S
        while self.is_edited and termios.tcgetattr(self.terminal)[3] & termios.ICANON:
            if time.monotonic() > end:
                raise Failure("lines cannot be edited")
            time.sleep(0.001)

    def _read(self, seconds):
        if select.select([self.terminal], [], [], seconds)[0]:
            try:
                data = os.read(self.terminal, 65536)
            except OSError:  # the other side is closed
                data = b""
            if not data:
                return False
            self.seen += data.decode(errors="replace")
        return True

    def finish(self):
        """Wait for the end; returns the exit status."""
        end = time.monotonic() + PATIENCE_S
        while self._read(0.1):
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise Failure("the program did not end")
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


def plain(text):
    """Terminal output without escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", "")


def check(is_true, text):
    if not is_true:
        raise Failure(text)


def prompts(program, home):
    session = Session(program, home)
    session.expect("VelociDB ")
    session.expect_prompt()
    session.send("select 'one'\n")
    session.expect_prompt("   ...> ")
    session.send(";\n")
    session.expect("one\n")
    session.expect_prompt()
    session.send("select nope;\n")
    session.expect("Parse error: no such column: nope")
    session.expect_prompt()
    session.send(".exit 3\n")
    check(session.finish() == 3, "wrong exit status")


def ends_at_end_of_input(program, home):
    session = Session(program, home)
    session.expect_prompt()
    session.send("\x04")
    check(session.finish() == 0, "wrong exit status")


def ctrl_c_drops_the_line(program, home):
    session = Session(program, home)
    session.expect_prompt()
    session.send("select\n")
    session.expect_prompt("   ...> ")
    session.send("\x03")
    session.expect_prompt()
    session.send("select 'two';\n")
    session.expect("\ntwo\n")
    session.expect_prompt()
    session.send("\x03")
    session.expect_prompt()
    session.send("\x03")
    check(session.finish() == 0, "wrong exit status")


def ctrl_c_stops_a_statement(program, home):
    session = Session(program, home)
    session.expect_prompt()
    session.send("with recursive c(n) as (select 1 union all select n + 1 from c) "
                 "select 'it goes on' from c where n % 1000000 = 1;\n")
    session.expect("\nit goes on\n")  # it is at work
    session.send("\x03")
    session.expect("interrupted")
    session.expect_prompt()
    session.send("select 'three';\n")
    session.expect("\nthree\n")
    session.send(".quit\n")
    check(session.finish() == 1, "the exit status does not tell of the error")


def ctrl_c_stops_an_argument(program, home):
    session = Session(program, home, ":memory:",
                      "with recursive c(n) as (select 1 union all select n + 1 from c) "
                      "select 'it goes on' from c where n % 1000000 = 1", "select 'never'")
    session.expect("it goes on\n")
    threads = os.listdir(f"/proc/{session.pid}/task")
    check(len(threads) == 1, "a thread was made for a query in memory")
    session.send("\x03")
    session.expect("interrupted")
    check(session.finish() == 1, "the exit status does not tell of the error")
    check("never" not in session.seen, "the next statement was run")


def completion(program, home):
    session = Session(program, home)
    session.expect_prompt()
    session.send("create table zebra(stripes);\n")
    session.expect_prompt()
    session.send("sel\t'four' as x from zeb\t;\n")
    session.expect_prompt()
    session.send("insert into zebra values('five');\n")
    session.expect_prompt()
    session.send("SEL\tstri\tFROM zebra;\n")
    session.expect("\nfive\n")
    session.expect_prompt()
    session.send(".tab\t\n")
    session.expect("\nzebra")
    session.expect_prompt()
    session.send(".i\t\t")
    session.expect("import")
    session.expect("indexes")
    session.send("\x15.quit\n")
    check(session.finish() == 0, "wrong exit status")


def history(program, home):
    session = Session(program, home)
    session.expect_prompt()
    session.send("select 'six';\n")
    session.expect("\nsix\n")
    session.expect_prompt()
    session.send("\x1b[A\n")
    session.expect("\nsix\n")
    session.send(".quit\n")
    check(session.finish() == 0, "wrong exit status")
    path = os.path.join(home, ".velocidb_history")
    check(os.stat(path).st_mode & 0o077 == 0, "others can read the history")
    session = Session(program, home)
    session.expect_prompt()
    session.send("\x1b[A\x1b[A\n")
    session.expect("\nsix\n")
    session.send(".quit\n")
    check(session.finish() == 0, "wrong exit status")


def main(arguments):
    program = os.path.abspath(arguments[0])
    tests = [prompts, ends_at_end_of_input, ctrl_c_drops_the_line, ctrl_c_stops_a_statement,
             ctrl_c_stops_an_argument]
    Session.is_edited = "--plain" not in arguments
    if Session.is_edited:
        tests += [completion, history]
    failed = 0
    for test in tests:
        with tempfile.TemporaryDirectory() as home:
            try:
                test(program, home)
            except Failure as failure:
                failed += 1
                print(f"FAIL terminal: {test.__name__}: {failure}")
    print(f"{len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
