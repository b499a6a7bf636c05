/* extension_run.c - run the lines of a file as SQL on a library with SQLite's interface, with an
 * extension, and print what comes of each: the library is opened by its name, so that one program
 * runs on any of them.
 *
 * usage: extension_run LIBRARY EXTENSION FILE */
#include "sqlite3.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static __typeof__(sqlite3_open) *run_open;
static __typeof__(sqlite3_close) *run_close;
static __typeof__(sqlite3_exec) *run_exec;
static __typeof__(sqlite3_errmsg) *run_errmsg;
static __typeof__(sqlite3_free) *run_free;
static __typeof__(sqlite3_malloc) *run_malloc;
static __typeof__(sqlite3_db_config) *run_db_config;
static __typeof__(sqlite3_enable_load_extension) *run_enable;
static __typeof__(sqlite3_load_extension) *run_load;

/* Find a function; 0: it is missing. */
static int
find(void *library, const char *name, void *function)
{
    void *symbol = dlsym(library, name);

    memcpy(function, &symbol, sizeof symbol);
    return symbol != NULL;
}

static int
find_all(void *library)
{
    return find(library, "sqlite3_open", &run_open) && find(library, "sqlite3_close", &run_close) &&
           find(library, "sqlite3_exec", &run_exec) &&
           find(library, "sqlite3_errmsg", &run_errmsg) &&
           find(library, "sqlite3_free", &run_free) &&
           find(library, "sqlite3_malloc", &run_malloc) &&
           find(library, "sqlite3_db_config", &run_db_config) &&
           find(library, "sqlite3_enable_load_extension", &run_enable) &&
           find(library, "sqlite3_load_extension", &run_load);
}

static int
print_row(void *user, int count, char **values, char **names)
{
    (void)user;
    (void)names;
    for (int i = 0; i < count; i++)
        printf("%s%s", i > 0 ? "|" : "", values[i] != NULL ? values[i] : "~");
    printf("\n");
    return 0;
}

static void
run_line(sqlite3 *db, const char *sql)
{
    printf("> %s\n", sql);
    if (run_exec(db, sql, print_row, NULL, NULL) != SQLITE_OK)
        printf("! %s\n", run_errmsg(db));
}

/* Load an extension in ways that work and that do not. */
static int
load(sqlite3 *db, const char *extension)
{
    char *message = NULL;
    int is_on = -1;

    (void)run_enable(db, 0); /* Debian's is on at first */
    printf("load: %d", run_load(db, extension, NULL, &message));
    printf(" %s\n", message != NULL ? message : "~");
    run_free(message);
    run_line(db, "SELECT load_extension('missing')");
    printf("config: %d", run_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, &is_on));
    printf(" %d\n", is_on);
    printf("fails: %d", run_load(db, extension, "extension_fails", &message));
    printf(" %s\n", message != NULL ? message : "~");
    run_free(message);
    message = NULL;
    printf("nothing: %d", run_load(db, extension, "extension_nothing", &message));
    printf(" %d\n", message != NULL && strstr(message, "extension_nothing") != NULL);
    run_free(message);
    message = NULL;
    run_line(db, "SELECT load_extension('missing')");
    printf("enable: %d\n", run_enable(db, 1));
    printf("load: %d", run_load(db, extension, NULL, &message));
    printf(" %s\n", message != NULL ? message : "~");
    run_free(message);
    return run_enable(db, 0);
}

/* Let the connection keep data that the extension destroys, where the library keeps any. */
static int
keep_data(void *library, sqlite3 *db, const char *extension)
{
    __typeof__(sqlite3_set_clientdata) *set = NULL;
    sqlite3_destructor_type gone = NULL;
    void *loaded = dlopen(extension, RTLD_NOW);
    int is_ok = loaded != NULL && find(loaded, "extension_gone", &gone);

    if (is_ok && find(library, "sqlite3_set_clientdata", &set))
        is_ok = set(db, "extension_run", NULL, gone) == SQLITE_OK &&
                set(db, "extension_run", run_malloc(8), gone) == SQLITE_OK;
    if (loaded != NULL)
        (void)dlclose(loaded); /* now only the connection keeps it */
    return is_ok;
}

int
main(int argc, char **argv)
{
    char line[1024];
    void *library;
    sqlite3 *db;
    FILE *file;

    if (argc != 4)
        return 2;
    library = dlopen(argv[1], RTLD_NOW);
    file = fopen(argv[3], "r");
    if (library == NULL || file == NULL || !find_all(library)) {
        fprintf(stderr, "extension_run: %s\n", library == NULL ? dlerror() : argv[3]);
        return 2;
    }
    if (run_open(":memory:", &db) != SQLITE_OK || load(db, argv[2]) != SQLITE_OK ||
        !keep_data(library, db, argv[2]))
        return 1;
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] != 0 && line[0] != '#')
            run_line(db, line);
    }
    (void)fclose(file);
    printf("close: %d\n", run_close(db));
    return 0;
}
