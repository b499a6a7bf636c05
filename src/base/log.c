/* log.c - formats an event and hands it to the callback. Allocates nothing. */
#include "base/log.h"

#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

#define LOG_TEXT_SIZE VL_ERROR_TEXT_SIZE

/* Replace control characters: an event is one line whatever a path contains. */
static void
log_clean(char *text)
{
    while (*text != '\0') {
        size_t size = vl_utf8_control(text);

        if (size > 0)
            memset(text, '?', size);
        text += size > 0 ? size : 1;
    }
}

void
vl_log_write(const vl_log *log, vl_log_level level, velo_status code, const char *format, ...)
{
    char text[LOG_TEXT_SIZE];
    int length;
    va_list args;

    if (log == NULL || log->callback == NULL || level > log->level)
        return;
    va_start(args, format);
    length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0)
        text[0] = '\0';
    else if ((size_t)length >= sizeof text)
        text[vl_utf8_whole(text, sizeof text - 1)] = '\0';
    log_clean(text);
    log->callback(log->user, level, code, text);
}
