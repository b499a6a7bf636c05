/* report.c - velo_machine_report: what the library found and will use, in lines of text. */
#include "base/cpu.h"
#include "base/ctx.h"
#include "base/utf8.h"
#include "os/durability.h"
#include "os/io.h"
#include "os/machine.h"
#include "velocidb.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define REPORT_APPEND_SIZE 4096U

/* A report under way. */
typedef struct report {
    velo_line_callback *line; /* where lines go */
    void *user;               /* passed to it */
} report;

static void report_line(const report *to, const char *format, ...) VL_PRINTF(2, 3);

static void
report_line(const report *to, const char *format, ...)
{
    char text[VL_ERROR_TEXT_SIZE];
    char line[VL_ERROR_TEXT_SIZE];
    va_list args;

    va_start(args, format);
    if (vsnprintf(text, sizeof text, format, args) < 0)
        text[0] = '\0';
    va_end(args);
    (void)vl_utf8_append(line, 0, sizeof line - 1, text); /* a folder's name may hold anything */
    to->line(to->user, line);
}

/* Tell of a wish that was not understood: detection cannot fail, so it says nothing. */
static void
report_environment(const report *to)
{
    const char *name = getenv("VELO_CPU");
    vl_cpu_level level;

    if (name != NULL && name[0] != '\0' && !vl_cpu_level_parse(name, &level))
        report_line(to, "ignored: VELO_CPU is \"%s\", not baseline, avx2 or avx512", name);
}

static void
report_machine(const report *to)
{
    const vl_cpu_features *cpu = vl_cpu();
    vl_machine machine;

    vl_machine_get(&machine);
    report_line(to, "velocidb %s on %s", velo_version(), machine.system);
    report_line(to, "processor: %s, %" PRIu32 " of %" PRIu32 " usable, vectors: %s",
                cpu->model[0] != '\0' ? cpu->model : "unknown", machine.usable_processors,
                machine.processor_count, vl_cpu_level_name(cpu->level));
    report_line(to, "caches: line %" PRIu32 " bytes, L1d %" PRIu32 " KiB, L2 %" PRIu32 " KiB",
                cpu->line_size, cpu->l1d_size / 1024, cpu->l2_size / 1024);
    report_line(to, "memory: %" PRIu64 " of %" PRIu64 " MiB usable, huge pages: %s",
                machine.usable_memory >> 20, machine.memory_size >> 20,
                machine.huge_page_mode[0] != '\0' ? machine.huge_page_mode : "none");
}

static void
report_way(const report *to, const vl_durability_way *way, int is_best)
{
    if (!way->is_available) {
        report_line(to, "  %-15s space %-10s not available", vl_durable_method_name(way->method),
                    vl_preallocation_name(way->preallocation));
        return;
    }
    report_line(to, "  %-15s space %-10s median %8.1f us (%.1f to %.1f)%s",
                vl_durable_method_name(way->method), vl_preallocation_name(way->preallocation),
                (double)way->median_ns / 1000.0, (double)way->least_ns / 1000.0,
                (double)way->most_ns / 1000.0, is_best ? "  <- best" : "");
}

static velo_status
report_durability(vl_ctx *ctx, const report *to, vl_io *io, const char *directory)
{
    vl_durability found;

    VL_TRY(vl_durability_probe(ctx, io, directory, REPORT_APPEND_SIZE, 0, &found));
    report_line(to, "durable append of %u bytes in \"%s\", %" PRIu32 " rounds:", REPORT_APPEND_SIZE,
                directory, found.round_count);
    for (uint32_t i = 0; i < VL_DURABILITY_WAYS; i++)
        report_way(to, &found.ways[i], i == found.best);
    return VELO_OK;
}

velo_status
velo_machine_report(const char *directory, velo_line_callback *line, void *user)
{
    report to = {line, user};
    vl_io *io;
    vl_ctx ctx;
    velo_status st;

    if (line == NULL)
        return VELO_MISUSE;
    vl_ctx_init(&ctx, NULL, NULL);
    report_machine(&to);
    report_environment(&to);
    st = vl_io_open(&ctx, NULL, &io);
    if (st == VELO_OK) {
        report_line(&to, "I/O: %s%s%s", vl_io_name(io),
                    vl_io_fallback_reason(io)[0] != '\0' ? "; " : "", vl_io_fallback_reason(io));
        if (directory != NULL)
            st = report_durability(&ctx, &to, io, directory);
    }
    if (st != VELO_OK)
        report_line(&to, "error: %s", ctx.error.text);
    vl_io_close(io);
    return st;
}
