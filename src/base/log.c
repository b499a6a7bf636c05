/* log.c - formats an event and hands it to the callback. Allocates nothing. */
#include "base/log.h"

#include "base/utf8.h"

#include <stdio.h>

#define LOG_TEXT_SIZE VL_ERROR_TEXT_SIZE

void
vl_log_write(const vl_log *log, vl_log_level level, velo_status code, const char *format, ...)
{
    char text[LOG_TEXT_SIZE];
    char line[LOG_TEXT_SIZE];
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
    (void)vl_utf8_append(line, 0, sizeof line - 1, text);
    log->callback(log->user, level, code, line);
}
