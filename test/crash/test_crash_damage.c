/* test_crash_damage.c - databases whose files are damaged, cut, exchanged, or no databases.
 *
 * A small database is made, closed or left behind with its log, and its files are changed one byte
 * at a time. It then opens and holds what it held, or says what is damaged; it never holds anything
 * else. Of a database that was left, the log is input too: an end of it that is damaged cannot be
 * told from one that was never written, so older states are possible, but no others.
 *
 * VELO_DAMAGE_EVERY: look at one byte of about so many (default: a sample; 1 for all). */
#include "lib/store_probe.h"
#include "lib/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define DAMAGE_PATH "data.db"
#define DAMAGE_LOG  "data.db-wal"

/* A machine with a database. */
typedef struct damage_case {
    vl_sim *sim;       /* the machine */
    store_model model; /* of the database */
    int is_left;       /* its process died */
} damage_case;

/* Let a database be there, closed or left behind. */
static void
damage_make(damage_case *one, uint64_t seed, int is_left, uint64_t steps)
{
    vl_sim_options options = {.seed = seed};
    vl_io *io;

    one->is_left = is_left;
    CHECK_OK(vl_sim_create(unit_ctx(), &options, &one->sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), one->sim, &io));
    store_model_init(&one->model, unit_ctx(), io, DAMAGE_PATH, seed + 2);
    one->model.value_size = 2 * VL_PAGE_MIN_SIZE;
    CHECK_OK(store_model_open(&one->model));
    for (uint64_t i = 0; i < steps; i++)
        CHECK_OK(store_model_step(&one->model));
    if (!is_left)
        CHECK_OK(store_model_close(&one->model));
    vl_writer_destroy(one->model.writer);
    vl_store_abandon(one->model.store);
    one->model.writer = NULL;
    one->model.store = NULL;
    one->model.options.may_create = 0;
    vl_io_close(io);
}

static void
damage_destroy(damage_case *one)
{
    store_model_deinit(&one->model);
    vl_sim_destroy(one->sim);
}

/* Size of a file of a machine; 0 if there is none. */
static uint64_t
damage_size(vl_sim *sim, const char *path)
{
    uint64_t size = 0;
    vl_file *file;
    vl_io *io;

    if (vl_sim_open_io(unit_ctx(), sim, &io) != VELO_OK)
        return 0;
    if (vl_file_open(unit_ctx(), io, path, 0, &file) == VELO_OK) {
        if (vl_file_get_size(unit_ctx(), file, &size) != VELO_OK)
            size = 0;
        vl_file_close(file);
    }
    vl_io_close(io);
    return size;
}

/* Open what became of the database. *ok_count counts those that can be read. */
static void
damage_probe(const damage_case *one, vl_sim *sim, const char *what, uint64_t at, uint64_t *ok_count)
{
    store_probe probe;

    store_probe_copy(unit_ctx(), sim, NULL, &one->model, one->is_left ? 0 : one->model.acknowledged,
                     1, &probe);
    if (probe.fault[0] != 0)
        unit_failed(__FILE__, __LINE__, "%s at %llu: %s", what, (unsigned long long)at,
                    probe.fault);
    if (probe.open_status == VELO_OK && probe.read_status == VELO_OK)
        ++*ok_count;
}

/* Flip a bit of each byte, or of a sample. */
static void
damage_flip_file(const damage_case *one, const char *path, uint64_t every, uint64_t *ok_count)
{
    uint64_t size = damage_size(one->sim, path);
    vl_rng rng;

    CHECK(size > 0);
    vl_rng_init(&rng, unit_seed() + every);
    for (uint64_t at = vl_rng_below(&rng, every); at < size && !unit_has_failed();
         at += 1 + vl_rng_below(&rng, 2 * every - 1)) {
        vl_sim *copy;

        CHECK_OK(vl_sim_clone(unit_ctx(), one->sim, &copy));
        CHECK_OK(vl_sim_flip_bit(unit_ctx(), copy, path, 8 * at + vl_rng_below(&rng, 8)));
        damage_probe(one, copy, path, at, ok_count);
        vl_sim_destroy(copy);
    }
}

/* Cut a file. */
static void
damage_cut_file(const damage_case *one, const char *path, uint64_t every, uint64_t *ok_count)
{
    uint64_t size = damage_size(one->sim, path);
    vl_rng rng;

    vl_rng_init(&rng, unit_seed() + every);
    for (uint64_t at = vl_rng_below(&rng, every); at < size && !unit_has_failed();
         at += 1 + vl_rng_below(&rng, 2 * every - 1)) {
        vl_file *file;
        vl_sim *copy;
        vl_io *io;

        if (at == 0 && strcmp(path, DAMAGE_PATH) == 0)
            continue; /* an empty file is refused: see open_says_what_is_no_database */
        CHECK_OK(vl_sim_clone(unit_ctx(), one->sim, &copy));
        CHECK_OK(vl_sim_open_io(unit_ctx(), copy, &io));
        CHECK_OK(vl_file_open(unit_ctx(), io, path, VL_OPEN_WRITE, &file));
        CHECK_OK(vl_file_resize(unit_ctx(), file, at));
        vl_file_close(file);
        vl_io_close(io);
        damage_probe(one, copy, "cut", at, ok_count);
        vl_sim_destroy(copy);
    }
}

static void
damage_of_every_byte_is_found(void)
{
    uint64_t every = store_probe_number("VELO_DAMAGE_EVERY", VL_BY_BUILD(9001, 97));
    static damage_case one;
    uint64_t ok_count = 0;

    for (int is_left = 0; is_left < 2 && !unit_has_failed(); is_left++) {
        damage_make(&one, unit_seed() + (uint64_t)is_left, is_left, 30);
        damage_flip_file(&one, DAMAGE_PATH, every, &ok_count);
        if (is_left && !unit_has_failed())
            damage_flip_file(&one, DAMAGE_LOG, every, &ok_count);
        damage_destroy(&one);
    }
    CHECK(ok_count > 0); /* what is free may be damaged */
}

static void
damage_by_cutting_is_found(void)
{
    uint64_t every = store_probe_number("VELO_DAMAGE_EVERY", VL_BY_BUILD(9001, 97));
    static damage_case one;
    uint64_t ok_count = 0;

    for (int is_left = 0; is_left < 2 && !unit_has_failed(); is_left++) {
        damage_make(&one, unit_seed() + (uint64_t)is_left, is_left, 30);
        damage_cut_file(&one, DAMAGE_PATH, every, &ok_count);
        if (is_left && !unit_has_failed())
            damage_cut_file(&one, DAMAGE_LOG, every, &ok_count);
        damage_destroy(&one);
    }
}

/* A database that was left is not taken for an older one when its newest superblock is damaged. */
static void
damage_of_a_superblock_loses_no_commit(void)
{
    static damage_case one;
    store_probe probe;

    for (uint64_t seed = 0; seed < VL_BY_BUILD(4, 12) && !unit_has_failed(); seed++)
        for (uint64_t block = 0; block < 2 && !unit_has_failed(); block++) {
            damage_make(&one, unit_seed() + seed, 1, 1 + seed * 5);
            CHECK_OK(vl_sim_flip_bit(unit_ctx(), one.sim, DAMAGE_PATH,
                                     8 * (block * one.model.options.page_size + 50)));
            store_probe_copy(unit_ctx(), one.sim, NULL, &one.model, one.model.acknowledged, 1,
                             &probe);
            if (probe.fault[0] != 0)
                unit_failed(__FILE__, __LINE__, "superblock %llu, seed %llu: %s",
                            (unsigned long long)block, (unsigned long long)seed, probe.fault);
            damage_destroy(&one);
        }
}

/* ---- files that do not belong together ---- */

/* Put a file of one machine onto another. */
static void
damage_copy(vl_sim *from, const char *from_path, vl_sim *to, const char *to_path)
{
    uint64_t size = damage_size(from, from_path);
    uint8_t *bytes = malloc(size + 1);
    vl_file *file;
    vl_io *io;

    CHECK(bytes != NULL && size > 0);
    CHECK_OK(vl_sim_open_io(unit_ctx(), from, &io));
    CHECK_OK(vl_file_open(unit_ctx(), io, from_path, 0, &file));
    CHECK_OK(vl_file_read(unit_ctx(), file, bytes, size, 0, NULL));
    vl_file_close(file);
    vl_io_close(io);
    CHECK_OK(vl_sim_open_io(unit_ctx(), to, &io));
    CHECK_OK(vl_file_open(unit_ctx(), io, to_path, VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    CHECK_OK(vl_file_resize(unit_ctx(), file, 0));
    CHECK_OK(vl_file_write(unit_ctx(), file, bytes, size, 0));
    vl_file_close(file);
    vl_io_close(io);
    free(bytes);
}

/* Open, and expect VELO_CORRUPT with a message that contains a part. */
static void
damage_expect(const damage_case *one, vl_sim *sim, velo_status wanted, const char *part)
{
    vl_store *store;
    vl_io *io;

    CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
    CHECK_STATUS(vl_store_open(unit_ctx(), io, DAMAGE_PATH, &one->model.options, &store), wanted);
    CHECK_CONTAINS(unit_ctx()->error.text, part);
    vl_io_close(io);
}

static void
damage_log_of_another_database_is_refused(void)
{
    static damage_case one, other;

    damage_make(&one, unit_seed(), 1, 30);
    damage_make(&other, unit_seed() + 77, 1, 30);
    damage_copy(other.sim, DAMAGE_LOG, one.sim, DAMAGE_LOG);
    damage_expect(&one, one.sim, VELO_CORRUPT, "another database");
    damage_destroy(&one);
    damage_destroy(&other);
}

static void
damage_log_that_is_missing_is_noticed(void)
{
    static damage_case one;
    vl_io *io;

    damage_make(&one, unit_seed(), 1, 30);
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &io));
    CHECK_OK(vl_path_delete(unit_ctx(), io, DAMAGE_LOG));
    vl_io_close(io);
    damage_expect(&one, one.sim, VELO_CORRUPT, "missing");
    damage_destroy(&one);
}

/* An older copy of the file beside a newer log: refused, unless that log reaches back far enough.
 */
static void
damage_by_older_copy_is_noticed(void)
{
    static damage_case one;
    uint64_t ok_count = 0;
    vl_sim *older;
    vl_io *io;

    damage_make(&one, unit_seed(), 1, 40);
    CHECK_OK(vl_sim_clone(unit_ctx(), one.sim, &older));
    for (uint64_t i = 0; i < 6 && !unit_has_failed(); i++) {
        vl_sim *copy;

        CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &io));
        one.model.io = io;
        CHECK_OK(store_model_open(&one.model));
        for (uint64_t k = 0; k < 15; k++)
            CHECK_OK(store_model_step(&one.model));
        vl_writer_destroy(one.model.writer);
        vl_store_abandon(one.model.store);
        one.model.writer = NULL;
        one.model.store = NULL;
        vl_io_close(io);
        CHECK_OK(vl_sim_clone(unit_ctx(), one.sim, &copy));
        damage_copy(older, DAMAGE_PATH, copy, DAMAGE_PATH);
        damage_probe(&one, copy, "an older copy, round", i, &ok_count);
        vl_sim_destroy(copy);
    }
    vl_sim_destroy(older);
    damage_destroy(&one);
}

static void
damage_by_exchanged_superblocks_is_found(void)
{
    static damage_case one;
    uint8_t blocks[2][512];
    vl_file *file;
    vl_io *io;

    damage_make(&one, unit_seed(), 0, 30);
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &io));
    CHECK_OK(vl_file_open(unit_ctx(), io, DAMAGE_PATH, VL_OPEN_WRITE, &file));
    for (uint64_t i = 0; i < 2; i++)
        CHECK_OK(vl_file_read(unit_ctx(), file, blocks[i], 512, i * VL_PAGE_MIN_SIZE, NULL));
    for (uint64_t i = 0; i < 2; i++)
        CHECK_OK(vl_file_write(unit_ctx(), file, blocks[1 - i], 512, i * VL_PAGE_MIN_SIZE));
    vl_file_close(file);
    vl_io_close(io);
    damage_expect(&one, one.sim, VELO_CORRUPT, DAMAGE_PATH);
    damage_destroy(&one);
}

/* ---- opening ---- */

static void
open_says_what_is_no_database(void)
{
    static const struct {
        char bytes[40]; /* what it begins with; zeros follow */
        size_t size;
        velo_status status;
        const char *part;
    } files[] = {
        {"", 0, VELO_NOTADB, DAMAGE_PATH},
        {"SQLite format 3\0\x10", 4096, VELO_NOTADB, "SQLite"},
        {"Dear reader, this is no database.", 33, VELO_NOTADB, DAMAGE_PATH},
        {"Dear reader, this is no database.", 4096, VELO_NOTADB, DAMAGE_PATH},
        {"\0\0\0\0\0\0\0\0", 8, VELO_NOTADB, DAMAGE_PATH},
    };
    vl_store_options options = {.cache_bytes = 1 << 20};
    vl_store *store;
    vl_file *file;
    vl_sim *sim;
    vl_io *io;

    CHECK_OK(vl_sim_create(unit_ctx(), NULL, &sim));
    CHECK_OK(vl_sim_open_io(unit_ctx(), sim, &io));
    CHECK_STATUS(vl_status_primary(vl_store_open(unit_ctx(), io, DAMAGE_PATH, &options, &store)),
                 VELO_CANTOPEN);
    CHECK_CONTAINS(unit_ctx()->error.text, DAMAGE_PATH);
    for (size_t i = 0; i < VL_ARRAY_COUNT(files); i++)
        for (int may_create = 0; may_create < 2; may_create++) {
            int is_empty = files[i].size == 0 || files[i].bytes[0] == 0;

            options.may_create = may_create && !is_empty; /* else it would be created */
            CHECK_OK(
                vl_file_open(unit_ctx(), io, DAMAGE_PATH, VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
            CHECK_OK(vl_file_resize(unit_ctx(), file, 0));
            CHECK_OK(vl_file_resize(unit_ctx(), file, files[i].size));
            if (files[i].bytes[0] != 0)
                CHECK_OK(vl_file_write(unit_ctx(), file, files[i].bytes, 33, 0));
            vl_file_close(file);
            CHECK_STATUS(vl_store_open(unit_ctx(), io, DAMAGE_PATH, &options, &store),
                         files[i].status);
            CHECK_CONTAINS(unit_ctx()->error.text, files[i].part);
        }
    vl_io_close(io);
    vl_sim_destroy(sim);
}

static void
open_refuses_a_folder(void)
{
    vl_store_options options = {.may_create = 1};
    vl_store *store;
    vl_io *io;

    CHECK_OK(vl_io_open(unit_ctx(), NULL, &io));
    CHECK_STATUS(vl_status_primary(vl_store_open(unit_ctx(), io, unit_folder(), &options, &store)),
                 VELO_CANTOPEN);
    CHECK_CONTAINS(unit_ctx()->error.text, unit_folder());
    vl_io_close(io);
}

/* One process writes, or some read. */
static void
open_excludes_another_process(void)
{
    static damage_case one;
    vl_store_options reading;
    vl_store *store, *other, *third;
    vl_io *io, *other_io;
    uint64_t content;

    damage_make(&one, unit_seed(), 0, 30);
    reading = one.model.options;
    reading.is_read_only = 1;
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &io));
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &other_io));
    CHECK_OK(vl_store_open(unit_ctx(), io, DAMAGE_PATH, &one.model.options, &store));
    CHECK_STATUS(vl_status_primary(
                     vl_store_open(unit_ctx(), other_io, DAMAGE_PATH, &one.model.options, &other)),
                 VELO_BUSY);
    CHECK_CONTAINS(unit_ctx()->error.text, DAMAGE_PATH);
    CHECK_STATUS(
        vl_status_primary(vl_store_open(unit_ctx(), other_io, DAMAGE_PATH, &reading, &other)),
        VELO_BUSY);
    CHECK_STATUS(
        vl_status_primary(vl_store_open(unit_ctx(), io, DAMAGE_PATH, &one.model.options, &other)),
        VELO_BUSY);
    CHECK_OK(vl_store_close(unit_ctx(), store));
    CHECK_OK(vl_store_open(unit_ctx(), io, DAMAGE_PATH, &reading, &store));
    CHECK_OK(vl_store_open(unit_ctx(), other_io, DAMAGE_PATH, &reading, &other));
    CHECK_STATUS(
        vl_status_primary(vl_store_open(unit_ctx(), io, DAMAGE_PATH, &one.model.options, &third)),
        VELO_BUSY);
    CHECK_OK(store_model_read(unit_ctx(), other, &content));
    CHECK(content == one.model.content);
    CHECK_STATUS(vl_status_primary(vl_store_checkpoint(unit_ctx(), other)), VELO_READONLY);
    CHECK_STATUS(vl_status_primary(vl_store_check_writable(unit_ctx(), other)), VELO_READONLY);
    CHECK_OK(vl_store_close(unit_ctx(), other));
    CHECK_OK(vl_store_close(unit_ctx(), store));
    vl_io_close(other_io);
    vl_io_close(io);
    damage_destroy(&one);
}

/* Who may only read changes nothing, recovery included. */
static void
open_for_reading_does_not_recover(void)
{
    static damage_case one;
    vl_store_options reading;
    vl_store *store;
    uint64_t hash;
    vl_io *io;

    damage_make(&one, unit_seed(), 1, 30);
    reading = one.model.options;
    reading.is_read_only = 1;
    hash = vl_sim_hash(one.sim);
    CHECK_OK(vl_sim_open_io(unit_ctx(), one.sim, &io));
    CHECK_STATUS(vl_store_open(unit_ctx(), io, DAMAGE_PATH, &reading, &store),
                 VELO_READONLY_RECOVERY);
    CHECK_CONTAINS(unit_ctx()->error.text, DAMAGE_PATH);
    CHECK(vl_sim_hash(one.sim) == hash);
    vl_io_close(io);
    damage_destroy(&one);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(damage_of_every_byte_is_found),
        UNIT_TEST(damage_by_cutting_is_found),
        UNIT_TEST(damage_of_a_superblock_loses_no_commit),
        UNIT_TEST(damage_log_of_another_database_is_refused),
        UNIT_TEST(damage_log_that_is_missing_is_noticed),
        UNIT_TEST(damage_by_older_copy_is_noticed),
        UNIT_TEST(damage_by_exchanged_superblocks_is_found),
        UNIT_TEST(open_says_what_is_no_database),
        UNIT_TEST(open_refuses_a_folder),
        UNIT_TEST(open_excludes_another_process),
        UNIT_TEST(open_for_reading_does_not_recover),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
