/* options.h - the command line of the program. */
#ifndef VELO_SHELL_OPTIONS_H
#define VELO_SHELL_OPTIONS_H

/* Do what the command line asks for. Returns the exit status: 1 when anything failed, or what .exit
 * was given. */
int options_main(int argc, char **argv);

/* Make the data set of demo.h in a file (NULL: in memory) and ask its queries. Returns the exit
 * status. */
int options_demo(const char *path);

/* What the command line may look like; ends with a line end. */
extern const char options_usage[];

#endif
