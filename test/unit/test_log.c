/* test_log.c - events told through a callback. */
#include "base/log.h"
#include "lib/unit.h"

#include <stdio.h>
#include <string.h>

/* What the callback heard. */
typedef struct log_heard {
    unsigned count;                /* events */
    vl_log_level level;            /* of the last */
    velo_status code;              /* of the last */
    char text[VL_ERROR_TEXT_SIZE]; /* of the last */
} log_heard;

static void
log_hear(void *user, vl_log_level level, velo_status code, const char *text)
{
    log_heard *heard = user;

    heard->count++;
    heard->level = level;
    heard->code = code;
    (void)snprintf(heard->text, sizeof heard->text, "%s", text);
}

static void
log_tells_level_code_and_text(void)
{
    log_heard heard = {0};
    vl_log log = {log_hear, &heard, VL_LOG_DEBUG};

    vl_log_write(&log, VL_LOG_WARNING, VELO_IOERR_FSYNC, "sync of %s took %d ms", "a.db", 70);
    CHECK_EQ(heard.count, 1);
    CHECK_EQ(heard.level, VL_LOG_WARNING);
    CHECK_EQ(heard.code, VELO_IOERR_FSYNC);
    CHECK_TEXT(heard.text, "sync of a.db took 70 ms");
    vl_log_write(&log, VL_LOG_NOTICE, VELO_OK, "%s", "");
    CHECK_EQ(heard.count, 2);
    CHECK_TEXT(heard.text, "");
}

static void
log_keeps_to_its_level(void)
{
    static const vl_log_level levels[] = {VL_LOG_ERROR, VL_LOG_WARNING, VL_LOG_NOTICE,
                                          VL_LOG_DEBUG};

    for (size_t limit = 0; limit < VL_ARRAY_COUNT(levels); limit++) {
        log_heard heard = {0};
        vl_log log = {log_hear, &heard, levels[limit]};

        for (size_t i = 0; i < VL_ARRAY_COUNT(levels); i++)
            vl_log_write(&log, levels[i], VELO_OK, "event");
        CHECK_EQ(heard.count, limit + 1);
        CHECK_EQ(heard.level, levels[limit]);
    }
}

static void
log_to_nobody_does_nothing(void)
{
    vl_log log = {NULL, NULL, VL_LOG_DEBUG};

    vl_log_write(NULL, VL_LOG_ERROR, VELO_ERROR, "%s", "x");
    vl_log_write(&log, VL_LOG_ERROR, VELO_ERROR, "%s", "x");
}

static void
log_event_is_one_clean_line(void)
{
    log_heard heard = {0};
    vl_log log = {log_hear, &heard, VL_LOG_DEBUG};

    vl_log_write(&log, VL_LOG_ERROR, VELO_OK, "%s", "a\nb\rc\td\x1b[0m\x7f\x01.");
    CHECK_TEXT(heard.text, "a\\x0ab\\x0dc\\x09d\\x1b[0m\\x7f\\x01.");
    vl_log_write(&log, VL_LOG_ERROR, VELO_OK, "%s", "\xc2\x9b.\xc2\x85.\xc2\xa0\xe2\x82\xac~");
    CHECK_TEXT(heard.text, "\\xc2\\x9b.\\xc2\\x85.\xc2\xa0\xe2\x82\xac~");
    vl_log_write(&log, VL_LOG_ERROR, VELO_OK, "%s", "a\xff\xe9");
    CHECK_TEXT(heard.text, "a\\xff\\xe9");
}

static void
log_long_text_is_cut_between_characters(void)
{
    static char text[2 * VL_ERROR_TEXT_SIZE];
    log_heard heard = {0};
    vl_log log = {log_hear, &heard, VL_LOG_DEBUG};

    for (size_t lead = 0; lead < 4; lead++) {
        size_t length;

        memset(text, 'x', lead);
        for (size_t i = lead; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\xe2\x82\xac", 4);
        vl_log_write(&log, VL_LOG_ERROR, VELO_OK, "%s", text);
        length = strlen(heard.text);
        CHECK(length > VL_ERROR_TEXT_SIZE - 4 && length < VL_ERROR_TEXT_SIZE);
        CHECK_EQ((length - lead) % 3, 0);
        CHECK(memcmp(heard.text, text, length) == 0);
    }
}

static void
log_allocates_nothing(void)
{
    log_heard heard = {0};
    vl_log log = {log_hear, &heard, VL_LOG_DEBUG};
    uint64_t calls = vl_allocator_default()->call_count;

    vl_log_write(&log, VL_LOG_ERROR, VELO_NOMEM, "%0900d", 1);
    CHECK_EQ(strlen(heard.text), 900);
    CHECK_EQ(vl_allocator_default()->call_count, calls);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(log_tells_level_code_and_text),
        UNIT_TEST(log_keeps_to_its_level),
        UNIT_TEST(log_to_nobody_does_nothing),
        UNIT_TEST(log_event_is_one_clean_line),
        UNIT_TEST(log_long_text_is_cut_between_characters),
        UNIT_TEST(log_allocates_nothing),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
