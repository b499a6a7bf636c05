/* machine.c - reads /proc and the control groups; sysconf elsewhere.
 *
 * Control groups, version 2: limits may stand at any level from the process's group up to the
 * root, and the smallest counts. Version 1: only the group that the container shows as its root.
 *
 * Invariants
 *   M1  usable_processors is from 1 to processor_count, usable_memory at most memory_size where
 *       that is known: a limit only ever lowers them. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os/machine.h"

#include "base/thread.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Seconds for which an answer holds, about. */
#define MACHINE_FRESH_S 2

#define MACHINE_GROUP_ROOT "/sys/fs/cgroup"

/* Read the start of a small text file: 1 with a 0 byte at its end, or 0. */
static int
machine_read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    text[0] = '\0';
    if (fd < 0)
        return 0;
    length = read(fd, text, size - 1);
    (void)close(fd);
    if (length < 0)
        return 0;
    text[length] = '\0';
    return 1;
}

/* Read a number, "max" being none: 1 when there is one. */
static int
machine_read_number(const char *folder, const char *name, uint64_t *value)
{
    char path[1280];
    char text[64];
    char *end;

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
        !machine_read_text(path, text, sizeof text))
        return 0;
    *value = strtoull(text, &end, 10);
    return end != text;
}

static void
machine_limit_memory(vl_machine *machine, uint64_t limit)
{
    if (limit > 0 && (machine->usable_memory == 0 || limit < machine->usable_memory))
        machine->usable_memory = limit;
}

/* Apply a quota of `quota` microseconds of processor time per `period` microseconds. */
static void
machine_limit_processors(vl_machine *machine, uint64_t quota, uint64_t period)
{
    uint64_t count = period > 0 ? (quota + period - 1) / period : 0;

    if (count > 0 && count < machine->usable_processors)
        machine->usable_processors = (uint32_t)count;
}

/* Apply the limits of one control group of version 2. */
static void
machine_apply_group(vl_machine *machine, const char *folder)
{
    char path[1280];
    char text[64];
    uint64_t limit;
    uint64_t quota;
    char *rest;

    if (machine_read_number(folder, "memory.max", &limit))
        machine_limit_memory(machine, limit);
    if (snprintf(path, sizeof path, "%s/cpu.max", folder) >= (int)sizeof path ||
        !machine_read_text(path, text, sizeof text))
        return;
    quota = strtoull(text, &rest, 10);
    if (rest != text)
        machine_limit_processors(machine, quota, strtoull(rest, NULL, 10));
}

/* Apply the limits from the process's own group up to the root. */
static void
machine_apply_groups(vl_machine *machine)
{
    char text[1024];
    char folder[1280] = MACHINE_GROUP_ROOT;
    const char *line;
    size_t length;

    if (machine_read_text("/proc/self/cgroup", text, sizeof text)) {
        line = strstr(text, "0::/");
        length = line != NULL ? strcspn(line + 3, "\n") : 0;
        if (length > 1)
            (void)snprintf(folder, sizeof folder, "%s%.*s", MACHINE_GROUP_ROOT, (int)length,
                           line + 3);
    }
    while (strlen(folder) > strlen(MACHINE_GROUP_ROOT)) {
        machine_apply_group(machine, folder);
        *strrchr(folder, '/') = '\0'; /* each turn shortens the path */
    }
    machine_apply_group(machine, MACHINE_GROUP_ROOT);
}

static void
machine_apply_old_groups(vl_machine *machine)
{
    uint64_t quota;
    uint64_t period;

    if (machine_read_number(MACHINE_GROUP_ROOT "/memory", "memory.limit_in_bytes", &quota))
        machine_limit_memory(machine, quota);
    if (machine_read_number(MACHINE_GROUP_ROOT "/cpu", "cpu.cfs_quota_us", &quota) &&
        quota <= INT64_MAX && /* -1 means none */
        machine_read_number(MACHINE_GROUP_ROOT "/cpu", "cpu.cfs_period_us", &period))
        machine_limit_processors(machine, quota, period);
}

static void
machine_find_huge_pages(vl_machine *machine)
{
    char text[128];
    const char *chosen;
    uint64_t size = 0;

    if (!machine_read_text("/sys/kernel/mm/transparent_hugepage/enabled", text, sizeof text))
        return;
    chosen = strchr(text, '[');
    if (chosen != NULL)
        (void)snprintf(machine->huge_page_mode, sizeof machine->huge_page_mode, "%.*s",
                       (int)strcspn(chosen + 1, "]"), chosen + 1);
    if (machine_read_number("/sys/kernel/mm/transparent_hugepage", "hpage_pmd_size", &size))
        machine->huge_page_size = size;
}

static void
machine_find(vl_machine *machine)
{
    struct utsname name;
    long pages = sysconf(_SC_PHYS_PAGES);
    long page_size = sysconf(_SC_PAGESIZE);

    memset(machine, 0, sizeof *machine);
    machine->page_size = page_size > 0 ? (uint32_t)page_size : 4096;
    machine->processor_count = vl_thread_processor_count();
    machine->usable_processors = machine->processor_count;
    if (pages > 0)
        machine->memory_size = (uint64_t)pages * machine->page_size;
    machine->usable_memory = machine->memory_size;
    if (uname(&name) == 0)
        (void)snprintf(machine->system, sizeof machine->system, "%.40s %.60s %.20s", name.sysname,
                       name.release, name.machine);
    machine_apply_groups(machine);
    machine_apply_old_groups(machine);
    machine_find_huge_pages(machine);
}

void
vl_machine_get(vl_machine *machine)
{
    static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
    static vl_machine found;
    static int64_t found_at; /* seconds; 0: never */
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    (void)pthread_mutex_lock(&turn);
    if (found_at == 0 || now.tv_sec >= found_at + MACHINE_FRESH_S) {
        machine_find(&found);
        found_at = now.tv_sec + 1;
    }
    *machine = found;
    (void)pthread_mutex_unlock(&turn);
}

/* The whole pages of a range; an empty one when there are none. */
static void
machine_whole_pages(uintptr_t *from, uintptr_t *to)
{
    long page_size = sysconf(_SC_PAGESIZE);
    uintptr_t page = page_size > 0 ? (uintptr_t)page_size : 4096;

    *from = (*from + page - 1) & ~(page - 1);
    *to &= ~(page - 1);
}

void
vl_machine_discard(void *base, size_t size)
{
    uintptr_t from = (uintptr_t)base;
    uintptr_t to = from + size;

    machine_whole_pages(&from, &to);
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_DONTNEED);
}

void
vl_machine_want_huge_pages(void *base, size_t size)
{
#if defined(MADV_HUGEPAGE)
    uintptr_t from = (uintptr_t)base;
    uintptr_t to = from + size;

    machine_whole_pages(&from, &to);
    if (from < to)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
    (void)base;
    (void)size;
#endif
}
