/* extension.c - loadable extensions, and those that every connection has.
 *
 * Invariants
 *   EX1  A library is unloaded when the connection that has loaded it is gone with all that it gave
 *        the connection, unless its entry said SQLITE_OK_LOAD_PERMANENTLY.
 *   EX2  The table of functions is in the order of sqlite3ext.h, and lives as long as the process.
 */
#define SQLITE_CORE 1
#include "compat_int.h"
#include "sqlite3ext.h"

#include <dlfcn.h>
#include <string.h>

/* Entries that sqlite3_auto_extension takes. */
#define EXTENSION_AUTO_MAX 64

/* The longest name of an entry that is made of the file's name. */
#define EXTENSION_ENTRY_MAX 256

static const sqlite3_api_routines extension_routines = {
#define EXTENSION_MEMBER(member, function) .member = sqlite3_##function,
#define EXTENSION_ABSENT(member)           .member = NULL,
    SQLITE3EXT_ROUTINES(EXTENSION_MEMBER, EXTENSION_ABSENT)
#undef EXTENSION_MEMBER
#undef EXTENSION_ABSENT
};

/* ---- loading ---- */

/* The entry that a file's name says: sqlite3_NAME_init, of the letters of the name up to its first
 * point, without "lib" before them. */
static void
extension_entry_name(const char *file, char *to)
{
    const char *base = strrchr(file, '/');
    size_t at = 8;

    base = base != NULL ? base + 1 : file;
    if (strncmp(base, "lib", 3) == 0)
        base += 3;
    memcpy(to, "sqlite3_", sizeof "sqlite3_"); /* what is behind goes over its end */
    for (; *base != 0 && *base != '.' && at < EXTENSION_ENTRY_MAX - 8; base++) {
        char letter = *base;

        if (letter >= 'A' && letter <= 'Z')
            letter = (char)(letter + ('a' - 'A'));
        if (letter >= 'a' && letter <= 'z')
            to[at++] = letter;
    }
    memcpy(to + at, "_init", 6);
}

/* dlsym's pointer as a function, which ISO C has no cast for. */
static sqlite3_loadext_entry
extension_symbol(void *library, const char *name)
{
    union {
        void *object;
        sqlite3_loadext_entry function;
    } symbol;

    symbol.object = dlsym(library, name);
    return symbol.function;
}

/* The library of a file, tried with ".so" behind as well; NULL: it cannot be had. */
static void *
extension_open(const char *file, char **message)
{
    void *library = dlopen(file, RTLD_NOW);
    const char *said;
    char *longer;

    if (library != NULL)
        return library;
    said = dlerror();
    *message = sqlite3_mprintf("%s", said != NULL ? said : "unable to open shared library");
    longer = sqlite3_mprintf("%s.so", file);
    if (longer != NULL)
        library = dlopen(longer, RTLD_NOW);
    sqlite3_free(longer);
    if (library != NULL) {
        sqlite3_free(*message);
        *message = NULL;
    }
    return library;
}

/* Keep a library until the connection is closed. */
static int
extension_keep(sqlite3 *db, void *library)
{
    void **more =
        sqlite3_realloc64(db->libraries, ((sqlite3_uint64)db->library_count + 1) * sizeof *more);

    if (more == NULL)
        return SQLITE_NOMEM;
    db->libraries = more;
    more[db->library_count++] = library;
    return SQLITE_OK;
}

/* Find the entry and run it. */
static int
extension_enter(sqlite3 *db, void *library, const char *file, const char *entry, char **message)
{
    char made[EXTENSION_ENTRY_MAX];
    const char *name = entry != NULL ? entry : "sqlite3_extension_init";
    sqlite3_loadext_entry init = extension_symbol(library, name);
    char *said = NULL;
    int code;

    if (init == NULL && entry == NULL) {
        extension_entry_name(file, made);
        name = made;
        init = extension_symbol(library, name);
    }
    if (init == NULL) {
        const char *why = dlerror();

        *message = why != NULL
                       ? sqlite3_mprintf("%s", why)
                       : sqlite3_mprintf("no entry point [%s] in shared library [%s]", name, file);
        return SQLITE_ERROR;
    }
    code = init(db, &said, &extension_routines);
    if (code != SQLITE_OK && code != SQLITE_OK_LOAD_PERMANENTLY)
        *message = sqlite3_mprintf("error during initialization: %s", said != NULL ? said : "");
    sqlite3_free(said);
    return code;
}

static int
extension_load(sqlite3 *db, const char *file, const char *entry, char **message)
{
    void *library = extension_open(file, message);
    int code;

    if (library == NULL)
        return SQLITE_ERROR;
    code = extension_enter(db, library, file, entry, message);
    if (code == SQLITE_OK_LOAD_PERMANENTLY)
        return SQLITE_OK;
    if (code != SQLITE_OK) {
        (void)dlclose(library);
        return SQLITE_ERROR;
    }
    /* Without memory to note it, it stays for good: what it gave is in use. */
    return extension_keep(db, library);
}

void
compat_extensions_unload(sqlite3 *db)
{
    for (int i = 0; i < db->library_count; i++)
        (void)dlclose(db->libraries[i]); /* keeps EX1 */
    sqlite3_free(db->libraries);
    db->libraries = NULL;
    db->library_count = 0;
}

int
sqlite3_load_extension(sqlite3 *db, const char *file, const char *entry, char **message)
{
    char *said = NULL;
    int code;

    if (message != NULL)
        *message = NULL;
    if (file == NULL || !compat_enter(db))
        return compat_misuse();
    code = compat_revive(db);
    if (code != SQLITE_OK)
        return compat_leave_own(db, code);
    if (!db->may_load) {
        code = SQLITE_ERROR;
        said = compat_copy("not authorized");
    } else {
        code = extension_load(db, file, entry, &said);
    }
    if (code != SQLITE_OK)
        (void)compat_fail(db, code, "%s", said != NULL ? said : sqlite3_errstr(code));
    if (code != SQLITE_OK && message != NULL)
        *message = said;
    else
        sqlite3_free(said);
    return compat_leave_own(db, code);
}

/* load_extension(file) and load_extension(file, entry). */
static void
extension_function(sqlite3_context *context, int count, sqlite3_value **values)
{
    sqlite3 *db = sqlite3_context_db_handle(context);
    const char *file = (const char *)sqlite3_value_text(values[0]);
    const char *entry = count > 1 ? (const char *)sqlite3_value_text(values[1]) : NULL;
    char *said = NULL;

    if (!db->may_load_sql) {
        sqlite3_result_error(context, "not authorized", -1);
        return;
    }
    if (file != NULL && extension_load(db, file, entry, &said) != SQLITE_OK)
        sqlite3_result_error(context, said != NULL ? said : "out of memory", -1);
    sqlite3_free(said);
}

int
sqlite3_enable_load_extension(sqlite3 *db, int on)
{
    int code = SQLITE_OK;

    if (!compat_enter(db))
        return compat_misuse();
    if (on)
        code = compat_revive(db);
    for (int count = 1; count <= 2 && on && code == SQLITE_OK; count++)
        code =
            sqlite3_create_function_v2(db, "load_extension", count, SQLITE_UTF8 | SQLITE_DIRECTONLY,
                                       NULL, extension_function, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        db->may_load = db->may_load_sql = on != 0;
    return compat_leave_own(db, code);
}

/* ---- extensions of every connection ---- */

static pthread_mutex_t extension_mutex = PTHREAD_MUTEX_INITIALIZER;
static void (*extension_auto[EXTENSION_AUTO_MAX])(void);
static int extension_auto_count;

int
sqlite3_auto_extension(void (*entry)(void))
{
    int code = SQLITE_OK;
    int at = 0;

    if (entry == NULL)
        return compat_misuse();
    (void)pthread_mutex_lock(&extension_mutex);
    while (at < extension_auto_count && extension_auto[at] != entry)
        at++;
    if (at == EXTENSION_AUTO_MAX) {
        code = SQLITE_NOMEM;
    } else if (at == extension_auto_count) {
        extension_auto[at] = entry;
        extension_auto_count++;
    }
    (void)pthread_mutex_unlock(&extension_mutex);
    return code;
}

int
sqlite3_cancel_auto_extension(void (*entry)(void))
{
    int found = 0;

    (void)pthread_mutex_lock(&extension_mutex);
    for (int i = 0; i < extension_auto_count; i++) {
        if (found)
            extension_auto[i - 1] = extension_auto[i];
        found |= extension_auto[i] == entry;
    }
    extension_auto_count -= found;
    (void)pthread_mutex_unlock(&extension_mutex);
    return found;
}

void
sqlite3_reset_auto_extension(void)
{
    (void)pthread_mutex_lock(&extension_mutex);
    extension_auto_count = 0;
    (void)pthread_mutex_unlock(&extension_mutex);
}

/* The entry of a number; NULL: there are not so many. */
static sqlite3_loadext_entry
extension_auto_entry(int number)
{
    union {
        void (*given)(void);
        sqlite3_loadext_entry entry;
    } function = {NULL};

    (void)pthread_mutex_lock(&extension_mutex);
    if (number < extension_auto_count)
        function.given = extension_auto[number];
    (void)pthread_mutex_unlock(&extension_mutex);
    return function.entry;
}

int
compat_extensions_run(sqlite3 *db)
{
    sqlite3_loadext_entry entry;

    for (int i = 0; (entry = extension_auto_entry(i)) != NULL; i++) {
        char *said = NULL;
        int code = entry(db, &said, &extension_routines);

        if (code != SQLITE_OK && code != SQLITE_OK_LOAD_PERMANENTLY) {
            (void)compat_fail(db, code, "automatic extension loading failed: %s",
                              said != NULL ? said : "");
            sqlite3_free(said);
            return code;
        }
        sqlite3_free(said);
    }
    return SQLITE_OK;
}
