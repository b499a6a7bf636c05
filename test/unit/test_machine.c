/* test_machine.c - what the library believes of this machine is possible, and the report says it.
 */
#include "lib/unit.h"
#include "os/machine.h"

#include <stdio.h>
#include <string.h>

/* Lines of a report, joined. */
typedef struct lines {
    char text[8192]; /* each followed by a newline */
    unsigned count;  /* how many */
} lines;

static void
keep_line(void *user, const char *line)
{
    lines *all = user;
    size_t used = strlen(all->text);

    (void)snprintf(all->text + used, sizeof all->text - used, "%s\n", line);
    all->count++;
}

static void
machine_is_plausible(void)
{
    vl_machine machine;

    vl_machine_get(&machine);
    CHECK(machine.processor_count >= 1);
    CHECK(machine.usable_processors >= 1);
    CHECK(machine.usable_processors <= machine.processor_count);
    CHECK(machine.memory_size > 0);
    CHECK(machine.usable_memory > 0 && machine.usable_memory <= machine.memory_size);
    CHECK(vl_is_power_of_two(machine.page_size));
    CHECK(machine.system[0] != '\0');
}

static void
machine_report_says_what_is_used(void)
{
    lines report = {.count = 0};

    CHECK_EQ(velo_machine_report(NULL, keep_line, &report), VELO_OK);
    CHECK_CONTAINS(report.text, VELO_VERSION);
    CHECK_CONTAINS(report.text, "processor: ");
    CHECK_CONTAINS(report.text, "I/O: ");
    CHECK(strstr(report.text, "durable append") == NULL);
    memset(&report, 0, sizeof report);
    CHECK_EQ(velo_machine_report(unit_folder(), keep_line, &report), VELO_OK);
    CHECK_CONTAINS(report.text, "<- best");
}

static void
machine_report_names_a_bad_folder(void)
{
    lines report = {.count = 0};

    CHECK_EQ(velo_machine_report(unit_path("absent"), keep_line, &report), VELO_CANTOPEN);
    CHECK_CONTAINS(report.text, "absent");
    CHECK_CONTAINS(report.text, "No such file or directory");
    CHECK_EQ(velo_machine_report(NULL, NULL, NULL), VELO_MISUSE);
}

static const unit_test tests[] = {
    UNIT_TEST(machine_is_plausible),
    UNIT_TEST(machine_report_says_what_is_used),
    UNIT_TEST(machine_report_names_a_bad_folder),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
