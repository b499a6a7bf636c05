/* store_probe.c - see store_probe.h. */
#include "lib/store_probe.h"

#include "storage/store_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t
store_probe_number(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* Note what must not be, if it is the first. */
static void
probe_fault(store_probe *probe, const char *what, const vl_ctx *ctx)
{
    if (probe->fault[0] == 0)
        (void)snprintf(probe->fault, sizeof probe->fault, "%s: %s: %s", what,
                       velo_status_name(ctx->error.code), ctx->error.text);
}

/* Whether an error is one that damage may give, with a message. */
static int
probe_is_damage(const vl_ctx *ctx, velo_status st)
{
    velo_status primary = vl_status_primary(st);

    return ctx->error.text[0] != 0 &&
           (primary == VELO_CORRUPT || primary == VELO_NOTADB || primary == VELO_CANTOPEN);
}

/* Read and check what is open. */
static void
probe_look(vl_ctx *ctx, vl_store *store, const store_model *model, uint64_t first, int may_fail,
           store_probe *probe)
{
    vl_store_report report;
    velo_status st;

    probe->read_status = store_model_read(ctx, store, &probe->content);
    if (probe->read_status != VELO_OK) {
        if (!may_fail || !probe_is_damage(ctx, probe->read_status))
            probe_fault(probe, "the database cannot be read", ctx);
        return;
    }
    probe->is_found = store_model_find(model, probe->content, first, &probe->at);
    if (!probe->is_found) {
        (void)vl_fail(ctx, VELO_INTERNAL, "from %llu, count %llu: it is %s",
                      (unsigned long long)first, (unsigned long long)model->count,
                      store_model_find(model, probe->content, 0, &probe->at)
                          ? "an older state"
                          : "no state there ever was");
        probe_fault(probe, "the content is wrong", ctx);
    }
    st = vl_store_check(ctx, store, NULL, NULL, &report);
    probe->unused_count = report.unused_count;
    if (st != VELO_OK && !(may_fail && probe_is_damage(ctx, st)))
        probe_fault(probe, "the check finds something", ctx);
}

/* After a clean close everything is as it was. */
static void
probe_again(vl_ctx *ctx, vl_io *io, const store_model *model, store_probe *probe)
{
    uint64_t content = 0;
    vl_store *store;

    if (vl_store_open(ctx, io, model->path, &model->options, &store) != VELO_OK) {
        probe_fault(probe, "the database does not open again", ctx);
        return;
    }
    if (store_model_read(ctx, store, &content) != VELO_OK || content != probe->content)
        probe_fault(probe, "the content is another after a clean close", ctx);
    vl_store_abandon(store);
}

void
store_probe_database(vl_ctx *ctx, vl_io *io, const store_model *model, uint64_t first, int may_fail,
                     store_probe *probe)
{
    vl_store *store;
    velo_status st;

    memset(probe, 0, sizeof *probe);
    probe->open_status = vl_store_open(ctx, io, model->path, &model->options, &store);
    if (probe->open_status != VELO_OK) {
        if (!may_fail || !probe_is_damage(ctx, probe->open_status))
            probe_fault(probe, "the database does not open", ctx);
        return;
    }
    probe_look(ctx, store, model, first, may_fail, probe);
    st = vl_store_close(ctx, store);
    if (st != VELO_OK && !(may_fail && probe_is_damage(ctx, st)))
        probe_fault(probe, "the database cannot be closed", ctx);
    if (st == VELO_OK && probe->read_status == VELO_OK)
        probe_again(ctx, io, model, probe);
}

void
store_probe_copy(vl_ctx *ctx, vl_sim *sim, const vl_sim_outcome *outcome, const store_model *model,
                 uint64_t first, int may_fail, store_probe *probe)
{
    vl_sim *copy = NULL;
    vl_io *io;

    memset(probe, 0, sizeof *probe);
    if (vl_sim_clone(ctx, sim, &copy) != VELO_OK ||
        (outcome != NULL && vl_sim_cut_power(ctx, copy, outcome) != VELO_OK) ||
        vl_sim_open_io(ctx, copy, &io) != VELO_OK) {
        probe_fault(probe, "the machine cannot be copied", ctx);
        vl_sim_destroy(copy);
        return;
    }
    store_probe_database(ctx, io, model, first, may_fail, probe);
    vl_io_close(io);
    vl_sim_destroy(copy);
}
