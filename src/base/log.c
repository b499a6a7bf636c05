/* log.c - formats an event and hands it to the callback. Allocates nothing. */
#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define LOG_TEXT_SIZE VL_ERROR_TEXT_SIZE

/* Replace control characters: an event is one line whatever a path contains. */
static void
log_clean(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20U || *text == 0x7f)
            *text = '?';
}

void
vl_log_write(const vl_log *log, vl_log_level level, velo_status code, const char *format, ...)
{
    char text[LOG_TEXT_SIZE];
    va_list args;

    if (log == NULL || log->callback == NULL || level > log->level)
        return;
    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    log_clean(text);
    log->callback(log->user, level, code, text);
}
