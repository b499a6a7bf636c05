/* test_sim_power.c - what a power cut leaves on the simulated disk: exactly what promises D1 to D5
 * of io.h allow.
 *
 * For small cases, the set of all outcomes over many seeds is compared with the set worked out by
 * hand: an outcome too many means that the disk is too cruel, one too few that it is too kind. Long
 * runs are in test_sim_model.c. */
#include "lib/unit.h"
#include "os/sim.h"

#include <stdio.h>

#define ALL_WRITE    (VL_OPEN_WRITE | VL_OPEN_CREATE)
#define DRAW_COUNT   1500
#define OUTCOME_MAX  40
#define OUTCOME_SIZE 64

/* ---- sets of outcomes ---- */

/* The machine of a test, and a process with one open file. */
typedef struct power_case {
    vl_sim *sim;
    vl_io *io;
    vl_file *file;
} power_case;

/* Outcomes as short texts, sorted. */
typedef struct power_set {
    char texts[OUTCOME_MAX][OUTCOME_SIZE];
    unsigned count;
} power_set;

static void
power_note(power_set *set, const char *text)
{
    unsigned at = 0;

    while (at < set->count && strcmp(set->texts[at], text) < 0)
        at++;
    if ((at < set->count && strcmp(set->texts[at], text) == 0) || set->count == OUTCOME_MAX)
        return;
    memmove(set->texts[at + 1], set->texts[at], (set->count - at) * sizeof set->texts[0]);
    (void)snprintf(set->texts[at], sizeof set->texts[at], "%.*s", OUTCOME_SIZE - 1, text);
    set->count++;
}

/* One letter for a sector: the byte it is filled with, '.' for zeros, '?' for anything else; small
 * letters where only the first half is filled and the rest is zeros. */
static char
power_letter(const uint8_t *sector)
{
    int is_full = 1;
    int is_half = 1;

    for (unsigned i = 1; i < 512; i++) {
        is_full &= sector[i] == sector[0];
        is_half &= sector[i] == (i < 256 ? sector[0] : 0);
    }
    if (is_full)
        return sector[0] == 0 ? '.' : (char)sector[0];
    return is_half ? (char)(sector[0] + ('a' - 'A')) : '?';
}

/* The file's sectors as letters, "-" if it does not exist. */
static void
power_read_text(vl_ctx *ctx, vl_io *io, const char *path, char *text)
{
    uint8_t buf[512];
    vl_file *file;
    size_t moved = 0;
    unsigned used = 0;

    memcpy(text, "-", 2);
    if (vl_file_open(ctx, io, path, 0, &file) != VELO_OK)
        return;
    do {
        memset(buf, 0, sizeof buf);
        if (vl_file_read(ctx, file, buf, sizeof buf, (uint64_t)used * 512, &moved) != VELO_OK)
            break;
        if (moved > 0)
            text[used++] = power_letter(buf);
    } while (moved == sizeof buf && used < OUTCOME_SIZE / 3);
    text[used] = '\0';
    vl_file_close(file);
}

/* Cut the power of a copy and note what /x, /y and /z hold. */
static void
power_draw(vl_ctx *ctx, vl_sim *sim, const vl_sim_outcome *outcome, const char *const *paths,
           power_set *set)
{
    char text[OUTCOME_SIZE * 3];
    size_t used = 0;
    vl_sim *copy;
    vl_io *io;

    CHECK_OK(vl_sim_clone(ctx, sim, &copy));
    CHECK_OK(vl_sim_cut_power(ctx, copy, outcome));
    CHECK_OK(vl_sim_open_io(ctx, copy, &io));
    for (unsigned i = 0; paths[i] != NULL; i++) {
        if (i > 0)
            text[used++] = ' ';
        power_read_text(ctx, io, paths[i], text + used);
        used += strlen(text + used);
    }
    power_note(set, text);
    vl_io_close(io);
    vl_sim_destroy(copy);
}

/* All outcomes over many seeds; they must be exactly those in `wanted`, which are sorted and
 * separated by commas. */
static void
power_expect_as(vl_sim *sim, vl_sim_outcome outcome, const char *const *paths, const char *wanted)
{
    power_set set = {.count = 0};
    char all[OUTCOME_MAX * OUTCOME_SIZE] = "";
    size_t used = 0;

    for (outcome.seed = 0; outcome.seed < DRAW_COUNT; outcome.seed++)
        power_draw(unit_ctx(), sim, &outcome, paths, &set);
    for (unsigned i = 0; i < set.count; i++)
        used +=
            (size_t)snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? "," : "", set.texts[i]);
    CHECK_TEXT(all, wanted);
}

static const char *const power_x[] = {"/x", NULL};
static const char *const power_xyz[] = {"/x", "/y", "/z", NULL};

static void
power_expect(const power_case *one, const char *wanted)
{
    power_expect_as(one->sim, (vl_sim_outcome){.keep = VL_SIM_KEEP_RANDOM}, power_x, wanted);
}

/* A machine with a durable file /x of some sectors "O". */
static velo_status
power_begin(vl_ctx *ctx, power_case *one, uint32_t sector_count)
{
    uint8_t old[16 * 512];

    memset(old, 'O', sizeof old);
    VL_TRY(vl_sim_create(ctx, NULL, &one->sim));
    VL_TRY(vl_sim_open_io(ctx, one->sim, &one->io));
    VL_TRY(vl_file_open(ctx, one->io, "/x", ALL_WRITE, &one->file));
    if (sector_count > 0)
        VL_TRY(vl_file_write(ctx, one->file, old, sector_count * 512U, 0));
    VL_TRY(vl_file_sync(ctx, one->file));
    return vl_path_sync_folder(ctx, one->io, "/x");
}

static void
power_end(power_case *one)
{
    vl_file_close(one->file);
    vl_io_close(one->io);
    vl_sim_destroy(one->sim);
}

/* Fill bytes of the file with a letter. */
static velo_status
power_fill(power_case *one, char letter, uint64_t offset, size_t size)
{
    uint8_t data[16 * 512];

    memset(data, letter, sizeof data);
    return vl_file_write(unit_ctx(), one->file, data, size, offset);
}

/* ---- small cases: data ---- */

static void
power_unsynced_write_tears_by_sectors(void)
{
    vl_ctx *ctx = unit_ctx();
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 3));
    CHECK_OK(power_fill(&one, 'A', 0, 1536));
    power_expect(&one, "AAA,AAO,AOA,AOO,OAA,OAO,OOA,OOO");
    CHECK_OK(vl_file_sync(ctx, one.file));
    power_expect(&one, "AAA");
    power_end(&one);
}

static void
power_writes_are_reordered(void)
{
    vl_ctx *ctx = unit_ctx();
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 2));
    CHECK_OK(power_fill(&one, 'A', 0, 512));
    CHECK_OK(power_fill(&one, 'B', 512, 512));
    power_expect(&one, "AB,AO,OB,OO");
    CHECK_OK(power_fill(&one, 'C', 0, 1024));
    power_expect(&one, "AB,AC,AO,CB,CC,CO,OB,OC,OO");
    power_expect_as(one.sim, (vl_sim_outcome){.keep = VL_SIM_KEEP_NONE}, power_x, "OO");
    power_expect_as(one.sim, (vl_sim_outcome){.keep = VL_SIM_KEEP_ALL}, power_x, "CC");
    power_expect_as(one.sim, (vl_sim_outcome){.keep = VL_SIM_KEEP_PREFIX}, power_x,
                    "AB,AO,CB,CC,OO");
    power_end(&one);
}

/* Two writes into one sector: the second one's sector holds the first one's bytes. */
static void
power_sector_is_a_snapshot_of_the_cache(void)
{
    vl_ctx *ctx = unit_ctx();
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 0));
    CHECK_OK(vl_file_resize(ctx, one.file, 512));
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_OK(power_fill(&one, 'A', 0, 256));
    CHECK_OK(power_fill(&one, 'A', 256, 256));
    power_expect(&one, ".,A,a");
    power_end(&one);
}

static void
power_durable_write_stays_and_nothing_older_comes_back(void)
{
    vl_ctx *ctx = unit_ctx();
    uint8_t data[512];
    power_case one;

    memset(data, 'D', sizeof data);
    for (int method = VL_DURABLE_WRITE_SYNC; method < VL_DURABLE_METHOD_COUNT; method++) {
        CHECK_OK(power_begin(ctx, &one, 2));
        CHECK_OK(power_fill(&one, 'A', 0, 1024));
        CHECK_OK(vl_file_write_durable(ctx, one.file, (vl_durable_method)method, data, 512, 0));
        power_expect(&one, method == VL_DURABLE_DSYNC ? "DA,DO" : "DA");
        CHECK_OK(power_fill(&one, 'B', 0, 1024));
        power_expect(&one, method == VL_DURABLE_DSYNC ? "BA,BB,BO,DA,DB,DO" : "BA,BB,DA,DB");
        power_end(&one);
    }
}

/* A durable write behind the end takes the size with it, and sizes before it. */
static void
power_durable_write_takes_sizes_along(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_io_request request = {.op = VL_IO_WRITE, .flags = VL_IO_DURABLE, .size = 512};
    uint8_t data[512];
    vl_sim_stats stats;
    power_case one;

    memset(data, 'D', sizeof data);
    CHECK_OK(power_begin(ctx, &one, 1));
    CHECK_OK(power_fill(&one, 'A', 512, 512));
    request.file = one.file;
    request.buf = data;
    request.offset = 1024;
    CHECK_OK(vl_io_batch(ctx, one.io, &request, 1));
    power_expect(&one, "O.D,OAD");
    request.offset = 512;
    CHECK_OK(vl_io_batch(ctx, one.io, &request, 1));
    power_expect(&one, "ODD");
    vl_sim_get_stats(one.sim, &stats);
    CHECK_EQ(stats.pending_count, 0); /* nothing is left to decide */
    power_end(&one);
}

/* ---- small cases: sizes ---- */

static void
power_sizes_survive_in_order(void)
{
    vl_ctx *ctx = unit_ctx();
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 2));
    CHECK_OK(vl_file_resize(ctx, one.file, 512));
    power_expect(&one, "O,OO");
    CHECK_OK(vl_file_resize(ctx, one.file, 1536));
    power_expect(&one, "O,O..,OO");
    CHECK_OK(power_fill(&one, 'A', 512, 512));
    power_expect(&one, "O,O..,OA,OA.,OO");
    CHECK_OK(vl_file_sync(ctx, one.file));
    power_expect(&one, "OA.");
    power_end(&one);
}

/* Data beyond the size that is kept is cut; kept size without data is zeros. */
static void
power_appends_tear_in_size_and_data(void)
{
    vl_ctx *ctx = unit_ctx();
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 1));
    CHECK_OK(power_fill(&one, 'A', 512, 512));
    CHECK_OK(power_fill(&one, 'B', 1024, 512));
    power_expect(&one, "O,O.,O..,O.B,OA,OA.,OAB");
    power_end(&one);
}

/* What was cut off and then covered again by a longer size does not come back with it. */
static void
power_truncated_data_stays_away(void)
{
    vl_ctx *ctx = unit_ctx();
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 1));
    CHECK_OK(power_fill(&one, 'A', 512, 512));
    CHECK_OK(vl_file_resize(ctx, one.file, 512));
    CHECK_OK(vl_file_resize(ctx, one.file, 1024));
    power_expect(&one, "O,O.,OA"); /* "OA": only the first size was kept */
    CHECK_OK(vl_file_sync(ctx, one.file));
    power_expect(&one, "O.");
    power_end(&one);
}

static void
power_punch_and_allocate(void)
{
    vl_ctx *ctx = unit_ctx();
    int released;
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 3));
    CHECK_OK(vl_file_punch(ctx, one.file, 512, 1024, &released));
    CHECK(released);
    power_expect(&one, "O..,O.O,OO.,OOO");
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_OK(vl_file_allocate(ctx, one.file, 512, 2048));
    power_expect(&one, "O..,O....");
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_OK(vl_file_punch(ctx, one.file, 256, 256, &released));
    power_expect(&one, "O....,o....");
    power_end(&one);
}

/* With garbage, a block that was new and lost is neither old nor zeros. */
static void
power_new_blocks_may_hold_garbage(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM, .has_garbage = 1};
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 8));
    CHECK_OK(power_fill(&one, 'A', 4096, 512));
    power_expect_as(one.sim, outcome, power_x, "OOOOOOOO,OOOOOOOO?,OOOOOOOOA");
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_OK(power_fill(&one, 'B', 4096, 512));
    power_expect_as(one.sim, outcome, power_x, "OOOOOOOOA,OOOOOOOOB");
    power_end(&one);
}

/* ---- small cases: names ---- */

static velo_status
power_touch(power_case *one, const char *path, char letter)
{
    vl_ctx *ctx = unit_ctx();
    uint8_t data[512];
    vl_file *file;
    velo_status st;

    memset(data, letter, sizeof data);
    VL_TRY(vl_file_open(ctx, one->io, path, ALL_WRITE, &file));
    st = vl_file_write(ctx, file, data, sizeof data, 0);
    if (st == VELO_OK)
        st = vl_file_sync(ctx, file);
    vl_file_close(file);
    return st;
}

static void
power_names_survive_in_order(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM};
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 1));
    CHECK_OK(power_touch(&one, "/y", 'Y'));
    CHECK_OK(vl_path_rename(ctx, one.io, "/y", "/x"));
    CHECK_OK(power_touch(&one, "/z", 'Z'));
    power_expect_as(one.sim, outcome, power_xyz, "O - -,O Y -,Y - -,Y - Z");
    CHECK_OK(vl_path_sync_folder(ctx, one.io, "/f/x")); /* the wrong folder */
    power_expect_as(one.sim, outcome, power_xyz, "O - -,O Y -,Y - -,Y - Z");
    CHECK_OK(vl_path_sync_folder(ctx, one.io, "/x"));
    power_expect_as(one.sim, outcome, power_xyz, "Y - Z");
    CHECK_OK(vl_path_delete(ctx, one.io, "/x"));
    power_expect_as(one.sim, outcome, power_xyz, "- - Z,Y - Z");
    power_end(&one);
}

static void
power_names_may_be_scattered(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM, .scatters_names = 1};
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 1));
    CHECK_OK(power_touch(&one, "/y", 'Y'));
    CHECK_OK(vl_path_rename(ctx, one.io, "/y", "/x"));
    CHECK_OK(power_touch(&one, "/z", 'Z'));
    power_expect_as(one.sim, outcome, power_xyz, "O - -,O - Z,O Y -,O Y Z,Y - -,Y - Z,Y Y -,Y Y Z");
    power_end(&one);
}

/* A new file whose name survives is empty if it was not synced, and a sync of it does not make its
 * name durable. */
static void
power_sync_of_a_file_does_not_keep_its_name(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_RANDOM};
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 1));
    CHECK_OK(power_touch(&one, "/y", 'Y'));
    CHECK_OK(power_touch(&one, "/z", 'Z'));
    power_expect_as(one.sim, outcome, power_xyz, "O - -,O Y -,O Y Z");
    vl_file_close(one.file);
    CHECK_OK(vl_file_open(ctx, one.io, "/z", VL_OPEN_WRITE, &one.file));
    CHECK_OK(vl_path_sync_folder(ctx, one.io, "/z"));
    CHECK_OK(power_fill(&one, 'N', 512, 512));
    power_expect_as(one.sim, outcome, power_xyz, "O Y Z,O Y Z.,O Y ZN");
    power_end(&one);
}

/* A prefix is one of all changes of the machine: files and names together. */
static void
power_prefix_is_in_the_order_of_the_calls(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_PREFIX};
    power_case one;
    vl_file *y;

    CHECK_OK(power_begin(ctx, &one, 1));
    CHECK_OK(power_touch(&one, "/y", 'P'));
    CHECK_OK(vl_path_sync_folder(ctx, one.io, "/y"));
    CHECK_OK(vl_file_open(ctx, one.io, "/y", VL_OPEN_WRITE, &y));
    CHECK_OK(power_fill(&one, 'A', 0, 512));
    CHECK_OK(power_touch(&one, "/z", 'Z')); /* its sync leaves the name pending */
    CHECK_OK(vl_file_write(ctx, y, "", 1, 512));
    CHECK_OK(power_fill(&one, 'B', 0, 512));
    vl_file_close(y);
    power_expect_as(one.sim, outcome, power_xyz, "A P -,A P Z,A P. Z,B P. Z,O P -");
    power_end(&one);
}

/* ---- small cases: maps ---- */

/* Lines of 64 bytes that hold a 1, as bits. */
static unsigned
power_lines(vl_ctx *ctx, vl_sim *sim, uint64_t seed)
{
    vl_sim_outcome outcome = {.seed = seed};
    uint8_t buf[256] = {0};
    unsigned lines = 0;
    vl_file *file;
    vl_sim *copy;
    vl_io *io;

    if (vl_sim_clone(ctx, sim, &copy) != VELO_OK)
        return 1000;
    if (vl_sim_cut_power(ctx, copy, &outcome) == VELO_OK &&
        vl_sim_open_io(ctx, copy, &io) == VELO_OK) {
        if (vl_file_open(ctx, io, "/x", 0, &file) == VELO_OK) {
            (void)!vl_file_read(ctx, file, buf, sizeof buf, 0, NULL);
            vl_file_close(file);
        }
        vl_io_close(io);
    }
    for (unsigned i = 0; i < 4; i++)
        lines |= (unsigned)buf[64 * i] << i;
    vl_sim_destroy(copy);
    return lines;
}

/* The set of outcomes of power_lines, as bits. */
static unsigned
power_line_set(vl_ctx *ctx, vl_sim *sim)
{
    unsigned set = 0;

    for (uint64_t seed = 0; seed < DRAW_COUNT; seed++)
        set |= 1U << (power_lines(ctx, sim, seed) & 15U);
    return set;
}

static void
power_map_lines_survive_by_themselves(void)
{
    vl_ctx *ctx = unit_ctx();
    power_case one;
    vl_map map;

    CHECK_OK(power_begin(ctx, &one, 0));
    CHECK_OK(vl_file_resize(ctx, one.file, 4096));
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_OK(vl_map_open(ctx, one.file, 4096, 4096, 1, &map));
    map.base[0] = 1;
    map.base[64] = 1;
    CHECK_EQ(power_line_set(ctx, one.sim), 1U << 0 | 1U << 1 | 1U << 2 | 1U << 3);
    CHECK_OK(vl_map_sync(ctx, &map, 0, 1));
    CHECK_EQ(power_line_set(ctx, one.sim), 1U << 1 | 1U << 3);
    map.base[192] = 1;
    CHECK_OK(vl_map_sync(ctx, &map, 64, 129));
    CHECK_EQ(power_line_set(ctx, one.sim), 1U << 11);
    map.base[128] = 1;
    vl_map_close(&map);
    CHECK_EQ(power_line_set(ctx, one.sim), 1U << 11 | 1U << 15);
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_EQ(power_line_set(ctx, one.sim), 1U << 15);
    power_end(&one);
}

/* A line that was stored to several times is made durable once. */
static void
power_map_line_stored_twice_is_synced(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_stats stats;
    power_case one;
    vl_map map;

    CHECK_OK(power_begin(ctx, &one, 0));
    CHECK_OK(vl_file_resize(ctx, one.file, 4096));
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_OK(vl_map_open(ctx, one.file, 4096, 4096, 1, &map));
    for (uint8_t i = 0; i < 3; i++) {
        map.base[i] = 1;
        CHECK_EQ(power_line_set(ctx, one.sim), 1U << 0 | 1U << 1); /* notices the store */
    }
    CHECK_OK(vl_map_sync(ctx, &map, 0, 1));
    CHECK_EQ(power_line_set(ctx, one.sim), 1U << 1);
    vl_sim_get_stats(one.sim, &stats);
    CHECK_EQ(stats.pending_count, 0);
    vl_map_close(&map);
    power_end(&one);
}

/* A log that is only stored to and synced by ranges leaves no list of changes behind. */
static void
power_map_syncs_leave_nothing_pending(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_stats stats;
    power_case one;
    vl_map map;

    CHECK_OK(power_begin(ctx, &one, 0));
    CHECK_OK(vl_file_allocate(ctx, one.file, 0, 4096));
    CHECK_OK(vl_map_open(ctx, one.file, 4096, 4096, 1, &map));
    for (uint64_t i = 0; i < 4000; i += 100) {
        memset(map.base + i, 'm', 100);
        CHECK_OK(vl_map_sync(ctx, &map, i, 100));
        vl_sim_get_stats(one.sim, &stats);
        CHECK_EQ(stats.pending_count, 0);
    }
    vl_map_close(&map);
    power_expect(&one, "mmmmmmm?");
    power_end(&one);
}

/* What a hook saw: sets of outcomes of three words across a line's end, as bits. */
static struct {
    unsigned before; /* before the stores */
    unsigned stored; /* between stores and fence */
    unsigned fenced; /* after the fence */
} power_words;

/* Which of the words at 56, 64 and 72 of /x survived: bits, or 8 for a torn one; into the set. */
static void
power_word_note(vl_ctx *ctx, vl_sim *sim, uint64_t seed, unsigned *set)
{
    vl_sim_outcome outcome = {.seed = seed};
    uint8_t buf[24] = {0};
    unsigned words = 0;
    vl_file *file;
    vl_sim *copy;
    vl_io *io;

    CHECK_OK(vl_sim_clone(ctx, sim, &copy));
    CHECK_OK(vl_sim_cut_power(ctx, copy, &outcome));
    CHECK_OK(vl_sim_open_io(ctx, copy, &io));
    CHECK_OK(vl_file_open(ctx, io, "/x", 0, &file));
    CHECK_OK(vl_file_read(ctx, file, buf, sizeof buf, 56, NULL));
    vl_file_close(file);
    vl_io_close(io);
    vl_sim_destroy(copy);
    for (unsigned i = 0; i < 3; i++)
        if (memcmp(buf + 8 * i, "wwwwwwww", 8) == 0)
            words |= 1U << i;
        else if (memcmp(buf + 8 * i, "\0\0\0\0\0\0\0", 8) != 0)
            words |= 8;
    *set |= 1U << words;
}

static void
power_word_hook(void *user, vl_sim *sim, const vl_sim_event *event)
{
    unsigned set = 0;

    (void)user;
    for (uint64_t seed = 0; seed < DRAW_COUNT; seed++)
        power_word_note(unit_ctx(), sim, seed, &set);
    if (event->op == VL_SIM_MAP_STORE)
        *(event->is_after ? &power_words.stored : &power_words.before) = set;
    else if (event->op == VL_SIM_MAP_SYNC && event->is_after)
        power_words.fenced = set;
}

/* Stores past the caches survive in any subset of their words before the fence, all behind it. */
static void
power_stores_are_durable_behind_the_fence(void)
{
    vl_sim_options options = {.has_synchronous_map = 1};
    vl_ctx *ctx = unit_ctx();
    vl_sim_stats stats;
    unsigned lines[2] = {0, 0};
    power_case one;
    vl_map map;

    CHECK_OK(vl_sim_create(ctx, &options, &one.sim));
    CHECK_OK(vl_sim_open_io(ctx, one.sim, &one.io));
    CHECK_OK(vl_file_open(ctx, one.io, "/x", VL_OPEN_WRITE | VL_OPEN_CREATE, &one.file));
    CHECK_OK(vl_file_resize(ctx, one.file, 4096));
    CHECK_OK(vl_file_sync(ctx, one.file));
    CHECK_OK(vl_path_sync_folder(ctx, one.io, "/x"));
    CHECK_OK(vl_map_open(ctx, one.file, 4096, 4096, 1, &map));
    CHECK_EQ(map.persist, VL_PERSIST_FLUSH);
    memset(&power_words, 0, sizeof power_words);
    vl_sim_set_hook(one.sim, power_word_hook, NULL);
    CHECK_OK(vl_map_write(ctx, &map, "wwwwwwwwwwwwwwwwwwwwwwww", 24, 56));
    vl_sim_set_hook(one.sim, NULL, NULL);
    CHECK_EQ(power_words.before, 1U << 0);
    CHECK_EQ(power_words.stored, 0xffU); /* each of the eight subsets, and no torn word */
    CHECK_EQ(power_words.fenced, 1U << 7);
    map.base[64] = 1; /* an ordinary store waits for its flush */
    vl_sim_get_stats(one.sim, &stats);
    CHECK_EQ(stats.pending_count, 0); /* not noticed yet */
    map.base[192] = 1;
    CHECK_OK(vl_map_persist(ctx, &map, 192, 1));
    for (uint64_t seed = 0; seed < DRAW_COUNT; seed++)
        lines[power_lines(ctx, one.sim, seed) >> 2 & 1]++; /* 'w' has the bit, 1 not */
    CHECK(lines[0] > 0 && lines[1] > 0);
    vl_map_close(&map);
    power_end(&one);
}

/* ---- the hazards' scenarios ---- */

/* 6a: what a process wrote before it was killed is read by the next one, and is not durable. */
static void
power_read_back_after_a_kill_is_not_durable(void)
{
    vl_ctx *ctx = unit_ctx();
    uint8_t buf[512];
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 1));
    CHECK_OK(power_fill(&one, 'A', 0, 512));
    CHECK_OK(vl_sim_kill(ctx, one.sim));
    vl_file_close(one.file);
    vl_io_close(one.io);
    CHECK_OK(vl_sim_open_io(ctx, one.sim, &one.io));
    CHECK_OK(vl_file_open(ctx, one.io, "/x", VL_OPEN_WRITE, &one.file));
    CHECK_OK(vl_file_read(ctx, one.file, buf, 512, 0, NULL));
    CHECK_EQ(buf[0], 'A');
    power_expect(&one, "A,O");
    CHECK_OK(power_fill(&one, 'A', 0, 512)); /* the rule: write it again, and sync */
    CHECK_OK(vl_file_sync(ctx, one.file));
    power_expect(&one, "A");
    power_end(&one);
}

/* 6b: a sync fails and the data is gone, though it reads back; what is appended behind it is
 * durable, and a hole lies in between. */
static void
power_failed_sync_leaves_a_hole(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_fault fault = {.kind = VL_SIM_SYNC_LOSES, .path = "x"};
    uint8_t buf[512];
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 1));
    CHECK_OK(vl_sim_plan(ctx, one.sim, &fault));
    CHECK_OK(power_fill(&one, 'A', 512, 512));
    CHECK_STATUS(vl_file_sync(ctx, one.file), VELO_IOERR_FSYNC);
    CHECK_STATUS(vl_file_sync(ctx, one.file), VELO_IOERR_FSYNC); /* D5 */
    CHECK_OK(vl_sim_kill(ctx, one.sim));
    vl_file_close(one.file);
    vl_io_close(one.io);
    CHECK_OK(vl_sim_open_io(ctx, one.sim, &one.io));
    CHECK_OK(vl_file_open(ctx, one.io, "/x", VL_OPEN_WRITE, &one.file));
    CHECK_OK(vl_file_read(ctx, one.file, buf, 512, 512, NULL));
    CHECK_EQ(buf[0], 'A');
    CHECK_OK(vl_file_sync(ctx, one.file)); /* the system says yes to another handle */
    power_expect(&one, "O.");
    CHECK_OK(power_fill(&one, 'B', 1024, 512));
    CHECK_OK(vl_file_sync(ctx, one.file));
    power_expect(&one, "O.B");
    power_end(&one);
}

/* Many cuts in a row: nothing is carried over but what was left. */
static void
power_cut_after_cut(void)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_outcome outcome = {.keep = VL_SIM_KEEP_NONE};
    power_case one;

    CHECK_OK(power_begin(ctx, &one, 1));
    for (unsigned i = 0; i < 20; i++) {
        CHECK_OK(power_fill(&one, (char)('A' + i), 0, 512));
        if (i % 2 == 0)
            CHECK_OK(vl_file_sync(ctx, one.file));
        CHECK_OK(vl_sim_cut_power(ctx, one.sim, &outcome));
        vl_file_close(one.file);
        vl_io_close(one.io);
        CHECK_OK(vl_sim_open_io(ctx, one.sim, &one.io));
        CHECK_OK(vl_file_open(ctx, one.io, "/x", VL_OPEN_WRITE, &one.file));
        power_expect(&one, (const char[]){(char)('A' + i / 2 * 2), '\0'});
    }
    power_end(&one);
}

static const unit_test power_tests[] = {
    UNIT_TEST(power_unsynced_write_tears_by_sectors),
    UNIT_TEST(power_writes_are_reordered),
    UNIT_TEST(power_sector_is_a_snapshot_of_the_cache),
    UNIT_TEST(power_durable_write_stays_and_nothing_older_comes_back),
    UNIT_TEST(power_durable_write_takes_sizes_along),
    UNIT_TEST(power_sizes_survive_in_order),
    UNIT_TEST(power_appends_tear_in_size_and_data),
    UNIT_TEST(power_truncated_data_stays_away),
    UNIT_TEST(power_punch_and_allocate),
    UNIT_TEST(power_new_blocks_may_hold_garbage),
    UNIT_TEST(power_names_survive_in_order),
    UNIT_TEST(power_names_may_be_scattered),
    UNIT_TEST(power_sync_of_a_file_does_not_keep_its_name),
    UNIT_TEST(power_prefix_is_in_the_order_of_the_calls),
    UNIT_TEST(power_map_lines_survive_by_themselves),
    UNIT_TEST(power_map_line_stored_twice_is_synced),
    UNIT_TEST(power_map_syncs_leave_nothing_pending),
    UNIT_TEST(power_stores_are_durable_behind_the_fence),
    UNIT_TEST(power_read_back_after_a_kill_is_not_durable),
    UNIT_TEST(power_failed_sync_leaves_a_hole),
    UNIT_TEST(power_cut_after_cut),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, power_tests, VL_ARRAY_COUNT(power_tests));
}
