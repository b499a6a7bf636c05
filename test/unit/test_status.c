/* test_status.c - status codes, and the one message of a context. */
#include "base/ctx.h"
#include "base/status.h"
#include "base/utf8.h"
#include "lib/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The numbers as SQLite's documentation gives them, written down again. */
static const struct {
    velo_status code; /* ours */
    int number;       /* SQLite's */
    const char *name; /* as velo_status_name says it */
} status_numbers[] = {
    {VELO_OK, 0, "VELO_OK"},
    {VELO_ERROR, 1, "VELO_ERROR"},
    {VELO_INTERNAL, 2, "VELO_INTERNAL"},
    {VELO_PERM, 3, "VELO_PERM"},
    {VELO_ABORT, 4, "VELO_ABORT"},
    {VELO_BUSY, 5, "VELO_BUSY"},
    {VELO_LOCKED, 6, "VELO_LOCKED"},
    {VELO_NOMEM, 7, "VELO_NOMEM"},
    {VELO_READONLY, 8, "VELO_READONLY"},
    {VELO_INTERRUPT, 9, "VELO_INTERRUPT"},
    {VELO_IOERR, 10, "VELO_IOERR"},
    {VELO_CORRUPT, 11, "VELO_CORRUPT"},
    {VELO_NOTFOUND, 12, "VELO_NOTFOUND"},
    {VELO_FULL, 13, "VELO_FULL"},
    {VELO_CANTOPEN, 14, "VELO_CANTOPEN"},
    {VELO_PROTOCOL, 15, "VELO_PROTOCOL"},
    {VELO_EMPTY, 16, "VELO_EMPTY"},
    {VELO_SCHEMA, 17, "VELO_SCHEMA"},
    {VELO_TOOBIG, 18, "VELO_TOOBIG"},
    {VELO_CONSTRAINT, 19, "VELO_CONSTRAINT"},
    {VELO_MISMATCH, 20, "VELO_MISMATCH"},
    {VELO_MISUSE, 21, "VELO_MISUSE"},
    {VELO_NOLFS, 22, "VELO_NOLFS"},
    {VELO_AUTH, 23, "VELO_AUTH"},
    {VELO_FORMAT, 24, "VELO_FORMAT"},
    {VELO_RANGE, 25, "VELO_RANGE"},
    {VELO_NOTADB, 26, "VELO_NOTADB"},
    {VELO_NOTICE, 27, "VELO_NOTICE"},
    {VELO_WARNING, 28, "VELO_WARNING"},
    {VELO_ROW, 100, "VELO_ROW"},
    {VELO_DONE, 101, "VELO_DONE"},
    {VELO_BUSY_RECOVERY, 261, "VELO_BUSY_RECOVERY"},
    {VELO_ABORT_ROLLBACK, 516, "VELO_ABORT_ROLLBACK"},
    {VELO_BUSY_SNAPSHOT, 517, "VELO_BUSY_SNAPSHOT"},
    {VELO_BUSY_TIMEOUT, 773, "VELO_BUSY_TIMEOUT"},
    {VELO_READONLY_RECOVERY, 264, "VELO_READONLY_RECOVERY"},
    {VELO_READONLY_CANTLOCK, 520, "VELO_READONLY_CANTLOCK"},
    {VELO_READONLY_DIRECTORY, 1544, "VELO_READONLY_DIRECTORY"},
    {VELO_IOERR_READ, 266, "VELO_IOERR_READ"},
    {VELO_IOERR_SHORT_READ, 522, "VELO_IOERR_SHORT_READ"},
    {VELO_IOERR_WRITE, 778, "VELO_IOERR_WRITE"},
    {VELO_IOERR_FSYNC, 1034, "VELO_IOERR_FSYNC"},
    {VELO_IOERR_DIR_FSYNC, 1290, "VELO_IOERR_DIR_FSYNC"},
    {VELO_IOERR_TRUNCATE, 1546, "VELO_IOERR_TRUNCATE"},
    {VELO_IOERR_FSTAT, 1802, "VELO_IOERR_FSTAT"},
    {VELO_IOERR_UNLOCK, 2058, "VELO_IOERR_UNLOCK"},
    {VELO_IOERR_RDLOCK, 2314, "VELO_IOERR_RDLOCK"},
    {VELO_IOERR_DELETE, 2570, "VELO_IOERR_DELETE"},
    {VELO_IOERR_NOMEM, 3082, "VELO_IOERR_NOMEM"},
    {VELO_IOERR_ACCESS, 3338, "VELO_IOERR_ACCESS"},
    {VELO_IOERR_LOCK, 3850, "VELO_IOERR_LOCK"},
    {VELO_IOERR_CLOSE, 4106, "VELO_IOERR_CLOSE"},
    {VELO_IOERR_MMAP, 6154, "VELO_IOERR_MMAP"},
    {VELO_IOERR_CORRUPTFS, 8458, "VELO_IOERR_CORRUPTFS"},
    {VELO_CANTOPEN_ISDIR, 526, "VELO_CANTOPEN_ISDIR"},
    {VELO_CANTOPEN_FULLPATH, 782, "VELO_CANTOPEN_FULLPATH"},
    {VELO_CANTOPEN_SYMLINK, 1550, "VELO_CANTOPEN_SYMLINK"},
    {VELO_CONSTRAINT_CHECK, 275, "VELO_CONSTRAINT_CHECK"},
    {VELO_CONSTRAINT_COMMITHOOK, 531, "VELO_CONSTRAINT_COMMITHOOK"},
    {VELO_CONSTRAINT_FOREIGNKEY, 787, "VELO_CONSTRAINT_FOREIGNKEY"},
    {VELO_CONSTRAINT_NOTNULL, 1299, "VELO_CONSTRAINT_NOTNULL"},
    {VELO_CONSTRAINT_PRIMARYKEY, 1555, "VELO_CONSTRAINT_PRIMARYKEY"},
    {VELO_CONSTRAINT_TRIGGER, 1811, "VELO_CONSTRAINT_TRIGGER"},
    {VELO_CONSTRAINT_UNIQUE, 2067, "VELO_CONSTRAINT_UNIQUE"},
    {VELO_CONSTRAINT_ROWID, 2579, "VELO_CONSTRAINT_ROWID"},
    {VELO_CONSTRAINT_DATATYPE, 3091, "VELO_CONSTRAINT_DATATYPE"},
};

/* A number as a code, for numbers that no code has. */
static velo_status
status_of(int number)
{
    velo_status status;

    _Static_assert(sizeof status == sizeof number, "a status is an int for bindings");
    memcpy(&status, &number, sizeof status);
    return status;
}

static void
status_numbers_are_those_of_sqlite(void)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(status_numbers); i++)
        CHECK_EQ(status_numbers[i].code, status_numbers[i].number);
}

static void
status_names_and_texts_are_complete(void)
{
    for (size_t i = 0; i < VL_ARRAY_COUNT(status_numbers); i++) {
        velo_status code = status_numbers[i].code;

        CHECK_TEXT(velo_status_name(code), status_numbers[i].name);
        CHECK(strlen(velo_status_text(code)) > 0);
        CHECK(strcmp(velo_status_text(code), "unknown error") != 0);
        CHECK(strcmp(velo_status_name(vl_status_primary(code)), "unknown") != 0);
    }
    CHECK_TEXT(velo_status_text(VELO_OK), "not an error");
    CHECK_TEXT(velo_status_text(VELO_NOMEM), "out of memory");
    CHECK_TEXT(velo_status_text(VELO_IOERR), "disk I/O error");
    CHECK_TEXT(velo_status_text(VELO_NOTADB), "file is not a database");
}

static void
status_unknown_codes_have_a_name(void)
{
    CHECK_TEXT(velo_status_name(status_of(10 | (99 << 8))), "VELO_IOERR");
    CHECK_TEXT(velo_status_text(status_of(10 | (99 << 8))), "disk I/O error");
    CHECK_TEXT(velo_status_name(status_of(99)), "unknown");
    CHECK_TEXT(velo_status_text(status_of(99)), "unknown error");
    CHECK_TEXT(velo_status_name(status_of(-1)), "unknown");
    CHECK_TEXT(velo_status_name(status_of(INT32_MAX)), "unknown");
    CHECK_TEXT(velo_status_name(status_of(INT32_MIN)), "VELO_OK");
    CHECK_EQ(vl_status_primary(VELO_IOERR_CORRUPTFS), VELO_IOERR);
    CHECK_EQ(vl_status_primary(VELO_DONE), VELO_DONE);
    CHECK_EQ(vl_status_primary(status_of(-1)), 255);
}

static void
status_new_context_has_no_error(void)
{
    vl_ctx ctx;

    memset(&ctx, 0xff, sizeof ctx);
    vl_ctx_init(&ctx, NULL, NULL);
    CHECK(ctx.allocator == vl_allocator_default());
    CHECK(ctx.arena == NULL && ctx.log == NULL);
    CHECK_EQ(ctx.error.code, VELO_OK);
    CHECK_EQ(ctx.error.os_error, 0);
    CHECK_EQ(ctx.error.sql_offset, -1);
    CHECK_TEXT(ctx.error.sqlstate, "00000");
    CHECK_TEXT(ctx.error.text, "");
}

static void
status_failure_is_recorded(void)
{
    vl_ctx *ctx = unit_ctx();

    CHECK_STATUS(vl_fail(ctx, VELO_CORRUPT, "page %u: bad checksum", 7U), VELO_CORRUPT);
    CHECK_EQ(ctx->error.code, VELO_CORRUPT);
    CHECK_EQ(ctx->error.os_error, 0);
    CHECK_EQ(ctx->error.sql_offset, -1);
    CHECK_TEXT(ctx->error.sqlstate, "XX001");
    CHECK_TEXT(ctx->error.text, "page 7: bad checksum");
}

static void
status_failure_replaces_and_clears(void)
{
    vl_ctx *ctx = unit_ctx();

    CHECK_STATUS(vl_fail_os(ctx, VELO_IOERR_READ, EIO, "a longer message than the next"),
                 VELO_IOERR_READ);
    ctx->error.sql_offset = 12;
    CHECK_STATUS(vl_fail(ctx, VELO_NOMEM, "short"), VELO_NOMEM);
    CHECK_EQ(ctx->error.code, VELO_NOMEM);
    CHECK_EQ(ctx->error.os_error, 0);
    CHECK_EQ(ctx->error.sql_offset, -1);
    CHECK_TEXT(ctx->error.sqlstate, "53200");
    CHECK_TEXT(ctx->error.text, "short");
    vl_error_clear(ctx);
    CHECK_EQ(ctx->error.code, VELO_OK);
    CHECK_EQ(ctx->error.os_error, 0);
    CHECK_TEXT(ctx->error.sqlstate, "00000");
    CHECK_TEXT(ctx->error.text, "");
}

static void
status_message_may_quote_the_one_it_replaces(void)
{
    vl_ctx *ctx = unit_ctx();

    (void)vl_fail(ctx, VELO_CORRUPT, "page 7");
    (void)vl_fail(ctx, VELO_CORRUPT, "table t: %s (%s)", ctx->error.text, ctx->error.sqlstate);
    CHECK_TEXT(ctx->error.text, "table t: page 7 (XX001)");
    (void)vl_fail_os(ctx, VELO_IOERR, EIO, "again: %s", ctx->error.text);
    CHECK_CONTAINS(ctx->error.text, "again: table t: page 7 (XX001): ");
}

static void
status_failure_without_context_is_its_code(void)
{
    CHECK_STATUS(vl_fail(NULL, VELO_FULL, "%d", 1), VELO_FULL);
    CHECK_STATUS(vl_fail_os(NULL, VELO_CANTOPEN, ENOENT, "%d", 1), VELO_CANTOPEN);
}

/* Every code's SQLSTATE has the form that the standard asks for: five digits or capital letters. */
static void
status_sqlstates_are_well_formed(void)
{
    vl_ctx *ctx = unit_ctx();

    for (size_t i = 1; i < VL_ARRAY_COUNT(status_numbers); i++) {
        velo_status code = status_numbers[i].code;

        if (code == VELO_ROW || code == VELO_DONE)
            continue;
        (void)vl_fail(ctx, code, "x");
        CHECK_EQ(strlen(ctx->error.sqlstate), 5);
        CHECK_EQ(strspn(ctx->error.sqlstate, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 5);
    }
    (void)vl_fail(ctx, VELO_CONSTRAINT, "x");
    CHECK_TEXT(ctx->error.sqlstate, "23000");
    (void)vl_fail(ctx, VELO_BUSY_SNAPSHOT, "x");
    CHECK_TEXT(ctx->error.sqlstate, "40001");
    (void)vl_fail(ctx, status_of(10 | (99 << 8)), "x");
    CHECK_TEXT(ctx->error.sqlstate, "58030");
    (void)vl_fail(ctx, status_of(99), "x");
    CHECK_TEXT(ctx->error.sqlstate, "HY000");
}

static void
status_control_characters_are_escaped(void)
{
    vl_ctx *ctx = unit_ctx();

    (void)vl_fail(ctx, VELO_ERROR, "a%sb", "\n\t\x1b[1m\x7f\x01");
    CHECK_TEXT(ctx->error.text, "a\\x0a\\x09\\x1b[1m\\x7f\\x01b");
    (void)vl_fail(ctx, VELO_ERROR, "%s",
                  "\xc2\x9b"
                  "31m \xc2\x80 \xc2\x9f");
    CHECK_TEXT(ctx->error.text, "\\xc2\\x9b31m \\xc2\\x80 \\xc2\\x9f");
    /* neighbours of the controls, and other bytes that merely look like them */
    (void)vl_fail(ctx, VELO_ERROR, "%s", "\xc2\xa0 \xc3\x9b \xe2\x80\xa6 ~");
    CHECK_TEXT(ctx->error.text, "\xc2\xa0 \xc3\x9b \xe2\x80\xa6 ~");
}

static void
status_what_is_no_utf8_is_escaped(void)
{
    vl_ctx *ctx = unit_ctx();

    (void)vl_fail(ctx, VELO_ERROR, "%s", "caf\xe9 \xff\x80 \xe2\x82");
    CHECK_TEXT(ctx->error.text, "caf\\xe9 \\xff\\x80 \\xe2\\x82");
    (void)vl_fail(ctx, VELO_ERROR, "%s", "\xc0\xaf \xed\xa0\x80 \xf4\x90\x80\x80");
    CHECK_TEXT(ctx->error.text, "\\xc0\\xaf \\xed\\xa0\\x80 \\xf4\\x90\\x80\\x80");
    (void)vl_fail(ctx, VELO_ERROR, "%s", "\xe0\x9f\xbf \xf0\x8f\xbf\xbf");
    CHECK_TEXT(ctx->error.text, "\\xe0\\x9f\\xbf \\xf0\\x8f\\xbf\\xbf");
    /* the edges of what is UTF-8 */
    (void)vl_fail(ctx, VELO_ERROR, "%s",
                  "\xc3\xa9 \xe0\xa0\x80 \xed\x9f\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf");
    CHECK_TEXT(ctx->error.text,
               "\xc3\xa9 \xe0\xa0\x80 \xed\x9f\xbf \xf0\x90\x80\x80 \xf4\x8f\xbf\xbf");
}

static void
status_long_message_is_cut_at_its_end(void)
{
    static char text[3 * VL_ERROR_TEXT_SIZE];
    vl_ctx *ctx = unit_ctx();

    for (size_t length = VL_ERROR_TEXT_SIZE - 4; length < VL_ERROR_TEXT_SIZE + 4; length++) {
        size_t wanted = length < VL_ERROR_TEXT_SIZE ? length : VL_ERROR_TEXT_SIZE - 1;

        memset(text, 'x', length);
        text[length] = '\0';
        (void)vl_fail(ctx, VELO_TOOBIG, "%s", text);
        CHECK_EQ(strlen(ctx->error.text), wanted);
        CHECK(memcmp(ctx->error.text, text, wanted) == 0);
    }
    memset(text, '\n', sizeof text - 1);
    (void)vl_fail(ctx, VELO_TOOBIG, "%s", text);
    CHECK_EQ(strlen(ctx->error.text), (VL_ERROR_TEXT_SIZE - 1) / 4 * 4);
    CHECK_TEXT(ctx->error.text + strlen(ctx->error.text) - 8, "\\x0a\\x0a");
}

/* Fill `text` with `lead` ASCII letters and then copies of one character up to `size` - 1 bytes. */
static void
status_fill(char *text, size_t size, size_t lead, const char *character)
{
    size_t length = strlen(character);
    size_t used = lead;

    memset(text, 'x', lead);
    for (; used + length < size; used += length)
        memcpy(text + used, character, length);
    text[used] = '\0';
}

/* Whether text is `lead` letters and whole copies of the character. */
static int
status_is_whole(const char *text, size_t lead, const char *character)
{
    size_t length = strlen(character);

    for (text += lead; *text != '\0'; text += length)
        if (strncmp(text, character, length) != 0)
            return 0;
    return 1;
}

static void
status_long_message_is_cut_between_characters(void)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x90\x98"};
    static char text[3 * VL_ERROR_TEXT_SIZE];
    vl_ctx *ctx = unit_ctx();

    for (size_t c = 0; c < VL_ARRAY_COUNT(characters); c++) {
        for (size_t lead = 0; lead < 8; lead++) {
            status_fill(text, sizeof text, lead, characters[c]);
            (void)vl_fail(ctx, VELO_TOOBIG, "%s", text);
            CHECK(strlen(ctx->error.text) > VL_ERROR_TEXT_SIZE - 5);
            CHECK(status_is_whole(ctx->error.text, lead, characters[c]));
        }
    }
}

static void
status_system_failure_names_its_reason(void)
{
    vl_ctx *ctx = unit_ctx();
    char wanted[128];

    CHECK_STATUS(vl_fail_os(ctx, VELO_CANTOPEN, ENOENT, "cannot open \"%s\"", "a.db"),
                 VELO_CANTOPEN);
    (void)snprintf(wanted, sizeof wanted, "cannot open \"a.db\": %s", strerror(ENOENT));
    CHECK_TEXT(ctx->error.text, wanted);
    CHECK_EQ(ctx->error.os_error, ENOENT);
    CHECK_TEXT(ctx->error.sqlstate, "58P01");
    (void)vl_fail_os(ctx, VELO_IOERR, 12345, "x");
    CHECK_CONTAINS(ctx->error.text, "12345");
    CHECK_EQ(ctx->error.os_error, 12345);
}

static int
status_ends_with(const char *text, const char *end)
{
    size_t length = strlen(text);

    return length >= strlen(end) && strcmp(text + length - strlen(end), end) == 0;
}

static void
status_system_reason_survives_any_path(void)
{
    static const char *const characters[] = {"x", "\n", "\xf0\x9f\x90\x98", "\xc2\x9b", "\xff"};
    static char path[5001];
    vl_ctx *ctx = unit_ctx();
    char reason[128];

    (void)snprintf(reason, sizeof reason, ": %s", strerror(ENAMETOOLONG));
    for (size_t c = 0; c < VL_ARRAY_COUNT(characters); c++) {
        for (size_t size = 1; size < sizeof path; size = size < 700 ? size + 50 : size + 7) {
            status_fill(path, size, 0, characters[c]);
            (void)vl_fail_os(ctx, VELO_CANTOPEN, ENAMETOOLONG, "open %s", path);
            CHECK(strlen(ctx->error.text) < VL_ERROR_TEXT_SIZE);
            CHECK(status_ends_with(ctx->error.text, reason));
            CHECK_CONTAINS(ctx->error.text, "open ");
        }
    }
    status_fill(path, sizeof path, 0, "x");
    (void)vl_fail_os(ctx, VELO_CANTOPEN, ENAMETOOLONG, "%s", path);
    CHECK_EQ(strlen(ctx->error.text), VL_ERROR_TEXT_SIZE - 1); /* nothing was given away */
}

static velo_status
status_try_twice(velo_status first, velo_status second, int *reached)
{
    VL_TRY(first);
    *reached = 1;
    VL_TRY(second);
    *reached = 2;
    return VELO_OK;
}

static void
status_try_passes_the_code_up(void)
{
    int reached = 0;

    CHECK_STATUS(status_try_twice(VELO_IOERR_READ, VELO_OK, &reached), VELO_IOERR_READ);
    CHECK_EQ(reached, 0);
    CHECK_STATUS(status_try_twice(VELO_OK, VELO_DONE, &reached), VELO_DONE);
    CHECK_EQ(reached, 1);
    CHECK_STATUS(status_try_twice(VELO_OK, VELO_OK, &reached), VELO_OK);
    CHECK_EQ(reached, 2);
}

static void
status_recording_allocates_nothing(void)
{
    uint64_t calls = vl_allocator_default()->call_count;

    (void)vl_fail(unit_ctx(), VELO_NOMEM, "cannot allocate %zu bytes", (size_t)1 << 40);
    (void)vl_fail_os(unit_ctx(), VELO_NOMEM, ENOMEM, "map");
    CHECK_EQ(vl_allocator_default()->call_count, calls);
}

static void
status_success_is_no_failure_fail(void)
{
    (void)vl_fail(unit_ctx(), VELO_OK, "x");
}

static void
status_success_is_no_failure_fail_os(void)
{
    (void)vl_fail_os(NULL, VELO_DONE, EIO, "x");
}

static void
status_success_is_no_failure(void)
{
    if (!VL_DEBUG) {
        unit_skip("assertions are off");
        return;
    }
    CHECK(unit_stops(status_success_is_no_failure_fail));
    CHECK(unit_stops(status_success_is_no_failure_fail_os));
}

static void
utf8_whole_leaves_what_is_whole(void)
{
    CHECK_EQ(vl_utf8_whole("", 0), 0);
    CHECK_EQ(vl_utf8_whole("ab", 2), 2);
    CHECK_EQ(vl_utf8_whole("a\xc3", 2), 1);
    CHECK_EQ(vl_utf8_whole("a\xc3\xa9", 3), 3);
    CHECK_EQ(vl_utf8_whole("\xe2\x82", 2), 0);
    CHECK_EQ(vl_utf8_whole("\xe2\x82\xac", 3), 3);
    CHECK_EQ(vl_utf8_whole("\xf0\x9f\x90", 3), 0);
    CHECK_EQ(vl_utf8_whole("\xf0\x9f\x90\x98", 4), 4);
    /* no UTF-8: nothing is before it that could be cut short */
    CHECK_EQ(vl_utf8_whole("\x80\x80\x80\x80\x80\x80", 6), 6);
    CHECK_EQ(vl_utf8_whole("\xff", 1), 0);
    CHECK_EQ(vl_utf8_whole("a\x80", 2), 2);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(status_numbers_are_those_of_sqlite),
        UNIT_TEST(status_names_and_texts_are_complete),
        UNIT_TEST(status_unknown_codes_have_a_name),
        UNIT_TEST(status_new_context_has_no_error),
        UNIT_TEST(status_failure_is_recorded),
        UNIT_TEST(status_failure_replaces_and_clears),
        UNIT_TEST(status_message_may_quote_the_one_it_replaces),
        UNIT_TEST(status_failure_without_context_is_its_code),
        UNIT_TEST(status_sqlstates_are_well_formed),
        UNIT_TEST(status_control_characters_are_escaped),
        UNIT_TEST(status_what_is_no_utf8_is_escaped),
        UNIT_TEST(status_long_message_is_cut_at_its_end),
        UNIT_TEST(status_long_message_is_cut_between_characters),
        UNIT_TEST(status_system_failure_names_its_reason),
        UNIT_TEST(status_system_reason_survives_any_path),
        UNIT_TEST(status_try_passes_the_code_up),
        UNIT_TEST(status_recording_allocates_nothing),
        UNIT_TEST(status_success_is_no_failure),
        UNIT_TEST(utf8_whole_leaves_what_is_whole),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
