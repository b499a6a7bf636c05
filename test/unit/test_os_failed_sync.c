/* test_os_failed_sync.c - promise D5 of io.h: a failed sync is final, for its file and no other. */
#include "base/thread.h"
#include "lib/unit.h"
#include "os/sim.h"

#include <errno.h>
#include <string.h>

/* Two files of a machine whose next sync of the first loses its data. */
typedef struct failing {
    vl_sim *sim; /* the machine */
    vl_io *io;   /* a process on it */
    vl_file *a;  /* its sync fails */
    vl_file *b;  /* its does not */
} failing;

static velo_status
failing_open(failing *f)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_fault fault = {.kind = VL_SIM_SYNC_LOSES, .path = "/a", .os_error = EIO};

    memset(f, 0, sizeof *f);
    VL_TRY(vl_sim_create(ctx, NULL, &f->sim));
    VL_TRY(vl_sim_open_io(ctx, f->sim, &f->io));
    VL_TRY(vl_file_open(ctx, f->io, "/a", VL_OPEN_WRITE | VL_OPEN_CREATE, &f->a));
    VL_TRY(vl_file_open(ctx, f->io, "/b", VL_OPEN_WRITE | VL_OPEN_CREATE, &f->b));
    VL_TRY(vl_file_write(ctx, f->a, "data", 4, 0));
    VL_TRY(vl_file_write(ctx, f->b, "data", 4, 0));
    return vl_sim_plan(ctx, f->sim, &fault);
}

static void
failing_close(failing *f)
{
    vl_file_close(f->a);
    vl_file_close(f->b);
    vl_io_close(f->io);
    vl_sim_destroy(f->sim);
}

static vl_io_request
sync_of(vl_file *file, uint32_t flags)
{
    vl_io_request request = {.op = VL_IO_SYNC, .flags = flags, .file = file};

    return request;
}

static void
failed_sync_is_final(void)
{
    failing f;

    CHECK_OK(failing_open(&f));
    CHECK_STATUS(vl_file_sync(unit_ctx(), f.a), VELO_IOERR_FSYNC);
    CHECK_STATUS(vl_file_sync(unit_ctx(), f.a), VELO_IOERR_FSYNC);
    CHECK_CONTAINS(unit_ctx()->error.text, "an earlier sync failed");
    for (int m = 0; m < VL_DURABLE_METHOD_COUNT; m++)
        CHECK_STATUS(vl_file_write_durable(unit_ctx(), f.a, (vl_durable_method)m, "x", 1, 0),
                     VELO_IOERR_FSYNC);
    CHECK_OK(vl_file_write(unit_ctx(), f.a, "x", 1, 0)); /* plain writes promise nothing */
    CHECK_OK(vl_file_sync(unit_ctx(), f.b));
    failing_close(&f);
}

static void
failed_sync_fails_the_others_of_its_batch(void)
{
    failing f;
    vl_io_request requests[8];

    CHECK_OK(failing_open(&f));
    for (size_t i = 0; i < VL_ARRAY_COUNT(requests); i++)
        requests[i] = sync_of(f.a, 0);
    CHECK_STATUS(vl_io_batch(unit_ctx(), f.io, requests, 8), VELO_IOERR_FSYNC);
    /* The medium fails the first one only; none that is begun after it may say yes. */
    for (size_t i = 0; i < VL_ARRAY_COUNT(requests); i++)
        CHECK_EQ(requests[i].status, VELO_IOERR_FSYNC);
    failing_close(&f);
}

static void
failed_sync_spares_other_files_of_a_chain(void)
{
    failing f;
    vl_io_request chain[3];

    CHECK_OK(failing_open(&f));
    CHECK_STATUS(vl_file_sync(unit_ctx(), f.a), VELO_IOERR_FSYNC);
    chain[0] = sync_of(f.b, VL_IO_LINK);
    chain[1] = sync_of(f.a, VL_IO_LINK);
    chain[2] = sync_of(f.b, 0);
    CHECK_STATUS(vl_io_batch(unit_ctx(), f.io, chain, 3), VELO_IOERR_FSYNC);
    CHECK_CONTAINS(unit_ctx()->error.text, "\"/a\"");
    CHECK_EQ(chain[0].status, VELO_ABORT);
    CHECK_EQ(chain[1].status, VELO_IOERR_FSYNC);
    CHECK_EQ(chain[2].status, VELO_ABORT);
    CHECK_OK(vl_file_sync(unit_ctx(), f.b));
    failing_close(&f);
}

static void
failed_durable_write_for_lack_of_space_is_a_failed_sync(void)
{
    failing f;
    vl_sim_fault fault = {
        .kind = VL_SIM_ERROR, .ops = VL_SIM_WRITE_DURABLE, .path = "/b", .os_error = ENOSPC};
    char byte = 'x';
    vl_io_request request = {
        .op = VL_IO_WRITE, .flags = VL_IO_DURABLE, .buf = &byte, .size = 1, .offset = 0};

    CHECK_OK(failing_open(&f));
    CHECK_OK(vl_sim_plan(unit_ctx(), f.sim, &fault));
    CHECK_STATUS(vl_file_write_durable(unit_ctx(), f.b, VL_DURABLE_DSYNC, "x", 1, 0),
                 VELO_IOERR_FSYNC);
    CHECK_CONTAINS(unit_ctx()->error.text, "No space left");
    CHECK_STATUS(vl_file_sync(unit_ctx(), f.b), VELO_IOERR_FSYNC);
    request.file = f.b;
    CHECK_STATUS(vl_io_batch(unit_ctx(), f.io, &request, 1), VELO_IOERR_FSYNC);
    failing_close(&f);
}

static void
failed_sync_impossible_ranges_are_refused(void)
{
    failing f;

    CHECK_OK(failing_open(&f));
    for (int m = 0; m < VL_DURABLE_METHOD_COUNT; m++)
        CHECK_STATUS(
            vl_file_write_durable(unit_ctx(), f.b, (vl_durable_method)m, "x", 1, UINT64_C(1) << 63),
            VELO_FULL);
    CHECK_OK(vl_file_sync(unit_ctx(), f.b));
    failing_close(&f);
}

/* What a thread leaves behind: requests in static memory. */
static struct {
    vl_io *io;               /* where */
    vl_file *file;           /* what is read */
    char buf[16][64];        /* to here */
    vl_io_request reads[16]; /* never reaped */
    velo_status status;      /* of the submission */
} leaver;

static void
leave_pending(void *unused)
{
    vl_ctx ctx;
    vl_io_queue *queue;

    (void)unused;
    vl_ctx_init(&ctx, NULL, NULL);
    leaver.status = vl_io_thread_queue(&ctx, leaver.io, &queue);
    if (leaver.status == VELO_OK)
        leaver.status = vl_io_queue_submit(&ctx, queue, leaver.reads, 16);
}

static void
queue_of_a_thread_that_ends_is_drained(void)
{
    static const vl_io_backend backends[] = {VL_IO_AUTO, VL_IO_POSIX};
    vl_thread thread;

    for (size_t b = 0; b < VL_ARRAY_COUNT(backends); b++) {
        vl_io_options options = {.backend = backends[b]};

        memset(&leaver, 0, sizeof leaver);
        CHECK_OK(vl_io_open(unit_ctx(), &options, &leaver.io));
        CHECK_OK(vl_file_open(unit_ctx(), leaver.io, unit_path("a"), VL_OPEN_WRITE | VL_OPEN_CREATE,
                              &leaver.file));
        CHECK_OK(vl_file_resize(unit_ctx(), leaver.file, sizeof leaver.buf));
        for (size_t i = 0; i < VL_ARRAY_COUNT(leaver.reads); i++) {
            leaver.reads[i].op = VL_IO_READ;
            leaver.reads[i].file = leaver.file;
            leaver.reads[i].buf = leaver.buf[i];
            leaver.reads[i].size = sizeof leaver.buf[i];
        }
        CHECK_OK(vl_thread_start(unit_ctx(), &thread, "leaver", leave_pending, NULL));
        vl_thread_join(&thread);
        CHECK_EQ(leaver.status, VELO_OK);
        vl_file_close(leaver.file);
        vl_io_close(leaver.io);
    }
}

static const unit_test tests[] = {
    UNIT_TEST(failed_sync_is_final),
    UNIT_TEST(failed_sync_fails_the_others_of_its_batch),
    UNIT_TEST(failed_sync_spares_other_files_of_a_chain),
    UNIT_TEST(failed_durable_write_for_lack_of_space_is_a_failed_sync),
    UNIT_TEST(failed_sync_impossible_ranges_are_refused),
    UNIT_TEST(queue_of_a_thread_that_ends_is_drained),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
