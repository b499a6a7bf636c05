/* uri.c - names of database files, and their parameters.
 *
 * A sqlite3_filename is the path with a zero byte, then pairs of key and value, each with a zero
 * byte, then one more; before the path stand four zero bytes, behind the pairs the names of
 * journal and log. */
#define _GNU_SOURCE
#include "compat_int.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define URI_HEAD 4

static _Atomic int uri_on;

int
compat_uri_is_on(void)
{
    return atomic_load(&uri_on);
}

void
compat_uri_set(int is_on)
{
    atomic_store(&uri_on, is_on);
}

/* ---- making ---- */

sqlite3_filename
sqlite3_create_filename(const char *database, const char *journal, const char *wal, int count,
                        const char **parameters)
{
    size_t size = URI_HEAD + 8;
    char *name;
    char *at;

    if (database == NULL || journal == NULL || wal == NULL || (count > 0 && parameters == NULL)) {
        (void)compat_misuse();
        return NULL;
    }
    size += strlen(database) + strlen(journal) + strlen(wal);
    for (int i = 0; i < 2 * count; i++)
        size += strlen(parameters[i]) + 1;
    name = sqlite3_malloc64(size);
    if (name == NULL)
        return NULL;
    memset(name, 0, size);
    at = name + URI_HEAD;
    memcpy(at, database, strlen(database) + 1);
    at += strlen(database) + 1;
    for (int i = 0; i < 2 * count; i++) {
        memcpy(at, parameters[i], strlen(parameters[i]) + 1);
        at += strlen(parameters[i]) + 1;
    }
    at++;
    memcpy(at, journal, strlen(journal) + 1);
    at += strlen(journal) + 1;
    memcpy(at, wal, strlen(wal) + 1);
    return name + URI_HEAD;
}

void
sqlite3_free_filename(sqlite3_filename name)
{
    union {
        const char *given;
        char *block;
    } pointer = {name};

    if (name != NULL)
        sqlite3_free(pointer.block - URI_HEAD);
}

/* ---- asking ---- */

const char *
sqlite3_uri_key(sqlite3_filename name, int index)
{
    const char *at;

    if (name == NULL || index < 0)
        return NULL;
    at = name + strlen(name) + 1;
    for (; *at != 0 && index > 0; index--) {
        at += strlen(at) + 1;
        at += strlen(at) + 1;
    }
    return *at == 0 ? NULL : at;
}

const char *
sqlite3_uri_parameter(sqlite3_filename name, const char *parameter)
{
    const char *key;

    if (parameter == NULL)
        return NULL;
    for (int i = 0; (key = sqlite3_uri_key(name, i)) != NULL; i++)
        if (strcmp(key, parameter) == 0)
            return key + strlen(key) + 1;
    return NULL;
}

int
sqlite3_uri_boolean(sqlite3_filename name, const char *parameter, int otherwise)
{
    const char *value = sqlite3_uri_parameter(name, parameter);

    if (value == NULL)
        return otherwise != 0;
    if (sqlite3_stricmp(value, "on") == 0 || sqlite3_stricmp(value, "yes") == 0 ||
        sqlite3_stricmp(value, "true") == 0)
        return 1;
    if (sqlite3_stricmp(value, "off") == 0 || sqlite3_stricmp(value, "no") == 0 ||
        sqlite3_stricmp(value, "false") == 0)
        return 0;
    return value[0] >= '0' && value[0] <= '9' ? strtol(value, NULL, 10) != 0 : otherwise != 0;
}

sqlite3_int64
sqlite3_uri_int64(sqlite3_filename name, const char *parameter, sqlite3_int64 otherwise)
{
    const char *value = sqlite3_uri_parameter(name, parameter);
    char *end;
    long long number;

    if (value == NULL || value[0] == 0)
        return otherwise;
    number =
        strtoll(value, &end, value[0] == '0' && (value[1] == 'x' || value[1] == 'X') ? 16 : 10);
    return *end == 0 ? number : otherwise;
}

const char *
sqlite3_filename_database(sqlite3_filename name)
{
    return name;
}

const char *
sqlite3_filename_journal(sqlite3_filename name)
{
    const char *at;

    if (name == NULL)
        return NULL;
    at = name + strlen(name) + 1;
    while (*at != 0)
        at += strlen(at) + 1;
    return at + 1;
}

const char *
sqlite3_filename_wal(sqlite3_filename name)
{
    const char *journal = sqlite3_filename_journal(name);

    return journal == NULL ? NULL : journal + strlen(journal) + 1;
}

/* ---- reading ---- */

/* A URI being taken apart: the texts go to `text`, one behind the other. */
typedef struct uri_parse {
    char *text;                /* as long as the URI */
    size_t size;               /* written */
    const char *parts[2 * 64]; /* keys and values */
    int count;                 /* pairs */
} uri_parse;

static int
uri_hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Copy up to a character of `ends` or the end, with %HH resolved. Returns where it stopped. %00
 * ends the text: the rest of the part is dropped. */
static const char *
uri_copy(uri_parse *parse, const char *from, const char *ends)
{
    int is_cut = 0;

    while (*from != 0 && strchr(ends, *from) == NULL) {
        char c = *from++;

        if (c == '%' && uri_hex(from[0]) >= 0 && uri_hex(from[1]) >= 0) {
            c = (char)(uri_hex(from[0]) * 16 + uri_hex(from[1]));
            from += 2;
            is_cut |= c == 0;
        }
        if (!is_cut)
            parse->text[parse->size++] = c;
    }
    parse->text[parse->size++] = 0;
    return from;
}

static int
uri_read_query(uri_parse *parse, const char *at)
{
    while (*at == '?' || *at == '&') {
        const char **part;

        at++;
        if (*at == '&' || *at == 0)
            continue;
        if (*at == '#')
            break;
        if (parse->count == 64)
            return 0;
        part = &parse->parts[2 * (size_t)parse->count];
        part[0] = parse->text + parse->size;
        at = uri_copy(parse, at, "=&#");
        part[1] = parse->text + parse->size;
        if (*at == '=')
            at = uri_copy(parse, at + 1, "&#");
        else
            parse->text[parse->size++] = 0;
        parse->count++;
    }
    return 1;
}

/* Take "file:" apart: the path is at the beginning of parse->text. */
static int
uri_parse_name(uri_parse *parse, const char *name, compat_uri *uri)
{
    const char *at = name + 5;

    if (at[0] == '/' && at[1] == '/') {
        const char *host = at + 2;
        size_t size = strcspn(host, "/?#");

        if (size != 0 && !(size == 9 && memcmp(host, "localhost", 9) == 0)) {
            (void)snprintf(uri->message, sizeof uri->message, "invalid uri authority: %.*s",
                           (int)(size > 200 ? 200 : size), host);
            return SQLITE_ERROR;
        }
        at = host + size;
    }
    at = uri_copy(parse, at, "?#");
    if (uri_read_query(parse, at))
        return SQLITE_OK;
    (void)snprintf(uri->message, sizeof uri->message, "too many parameters in a URI");
    return SQLITE_ERROR;
}

/* What mode= and cache= say. */
static int
uri_apply(const char *key, const char *value, compat_uri *uri)
{
    int most = uri->flags & (SQLITE_OPEN_READONLY | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
    int mode = -1;

    if (strcmp(key, "cache") == 0) {
        uri->flags &= ~(SQLITE_OPEN_SHAREDCACHE | SQLITE_OPEN_PRIVATECACHE);
        if (strcmp(value, "shared") == 0)
            uri->flags |= SQLITE_OPEN_SHAREDCACHE;
        else if (strcmp(value, "private") == 0)
            uri->flags |= SQLITE_OPEN_PRIVATECACHE;
        else {
            (void)snprintf(uri->message, sizeof uri->message, "no such cache mode: %.200s", value);
            return SQLITE_ERROR;
        }
        return SQLITE_OK;
    }
    if (strcmp(key, "mode") != 0)
        return SQLITE_OK;
    if (strcmp(value, "ro") == 0)
        mode = SQLITE_OPEN_READONLY;
    else if (strcmp(value, "rw") == 0)
        mode = SQLITE_OPEN_READWRITE;
    else if (strcmp(value, "rwc") == 0)
        mode = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    else if (strcmp(value, "memory") == 0)
        uri->is_memory = 1;
    else {
        (void)snprintf(uri->message, sizeof uri->message, "no such access mode: %.200s", value);
        return SQLITE_ERROR;
    }
    if (mode < 0)
        return SQLITE_OK;
    if (mode > most) {
        (void)snprintf(uri->message, sizeof uri->message, "access mode not allowed: %.200s", value);
        return SQLITE_PERM;
    }
    uri->flags =
        (uri->flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_READONLY | SQLITE_OPEN_CREATE)) | mode;
    return SQLITE_OK;
}

/* The path from the root on, as SQLite tells it; sqlite3_free. */
static char *
uri_full_path(const char *path, int is_memory)
{
    char folder[PATH_MAX];

    if (is_memory || path[0] == 0 || path[0] == '/' || getcwd(folder, sizeof folder) == NULL)
        return compat_copy(path);
    return sqlite3_mprintf("%s/%s", folder, path);
}

static int
uri_make(uri_parse *parse, compat_uri *uri)
{
    char *path;
    char *other;
    union {
        sqlite3_filename given;
        char *block;
    } name;

    if (strcmp(parse->text, ":memory:") == 0)
        uri->is_memory = 1;
    path = uri_full_path(parse->text, uri->is_memory);
    other = path == NULL ? NULL : sqlite3_mprintf("%s-journal", path);
    name.given = NULL;
    if (other != NULL)
        name.given = sqlite3_create_filename(path, other, "", parse->count, parse->parts);
    sqlite3_free(other);
    sqlite3_free(path);
    uri->filename = name.block;
    return name.given == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

int
compat_uri_read(const char *name, int flags, compat_uri *uri)
{
    uri_parse parse;
    int code = SQLITE_OK;

    memset(uri, 0, sizeof *uri);
    memset(&parse, 0, sizeof parse);
    uri->flags = flags;
    uri->is_memory = (flags & SQLITE_OPEN_MEMORY) != 0;
    parse.text = sqlite3_malloc64(2 * strlen(name) + 8);
    if (parse.text == NULL)
        return SQLITE_NOMEM;
    if (((flags & SQLITE_OPEN_URI) != 0 || compat_uri_is_on()) && strncmp(name, "file:", 5) == 0) {
        code = uri_parse_name(&parse, name, uri);
        for (size_t i = 0; code == SQLITE_OK && i < (size_t)parse.count; i++)
            code = uri_apply(parse.parts[2 * i], parse.parts[2 * i + 1], uri);
    } else {
        memcpy(parse.text, name, strlen(name) + 1);
    }
    if (code == SQLITE_OK)
        code = uri_make(&parse, uri);
    sqlite3_free(parse.text);
    return code;
}
