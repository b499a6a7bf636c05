/* main.c - the program `velocidb`. In this version it reports about the machine; the SQL shell
 * takes its place when the engine below it is finished. Uses the public interface only. */
#include "velocidb.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char main_usage[] =
    "usage: velocidb --machine [FOLDER]   what the library found on this machine; with FOLDER "
    "also\n"
    "                                     the fastest durable append there (takes about a second)\n"
    "       velocidb --version\n"
    "       velocidb --help\n"
    "\n"
    "This version has no SQL yet: opening a database is not implemented.\n";

static void
main_print_line(void *user, const char *line)
{
    (void)user;
    (void)puts(line);
}

/* The exit status after all output: 1 when some of it could not be written. */
static int
main_finish(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    perror("velocidb: standard output");
    return 1;
}

static int
main_report(const char *folder)
{
    velo_status status = velo_machine_report(folder, main_print_line, NULL);

    if (status == VELO_OK)
        return main_finish();
    (void)fflush(stdout);
    (void)fprintf(stderr, "velocidb: %s (%s)\n", velo_status_text(status),
                  velo_status_name(status));
    return 1;
}

int
main(int argc, char **argv)
{
    /* A limit on file sizes (ulimit -f) is then an error that is reported. */
    (void)signal(SIGXFSZ, SIG_IGN);
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("velocidb %s\n", velo_version());
        return main_finish();
    }
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        (void)fputs(main_usage, stdout);
        return main_finish();
    }
    if ((argc == 2 || argc == 3) && strcmp(argv[1], "--machine") == 0)
        return main_report(argc == 3 ? argv[2] : NULL);
    if (argc > 1)
        (void)fprintf(stderr, "velocidb: unknown argument \"%s\"\n", argv[1]);
    (void)fputs(main_usage, stderr);
    return 2;
}
