/* main.c - the program `velocidb`: the shell, a demonstration, a report about the machine, and
 * converting databases. Uses the public interface only. */
#include "convert.h"
#include "options.h"
#include "velocidb.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

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
    if ((argc == 2 || argc == 3) && strcmp(argv[1], "--machine") == 0)
        return main_report(argc == 3 ? argv[2] : NULL);
    if ((argc == 2 || argc == 3) && strcmp(argv[1], "--demo") == 0)
        return options_demo(argc == 3 ? argv[2] : NULL);
    if (argc == 4 && strcmp(argv[1], "convert") == 0)
        return convert_run(argv[2], argv[3]);
    return options_main(argc, argv);
}
