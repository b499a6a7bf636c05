/* test_sim_model.c - long random runs on the simulated disk, and what power cuts leave of them.
 *
 * A model keeps for each sector, size and folder what it may hold after a cut, by promises D1 to D5
 * of io.h; every outcome must be among it, and every kind of outcome must occur. */
#include "lib/unit.h"
#include "os/sim.h"

#include <stdlib.h>

#define ALL_WRITE (VL_OPEN_WRITE | VL_OPEN_CREATE)

#define MODEL_SECTORS 20
#define MODEL_SIZE    (MODEL_SECTORS * 512)
#define MODEL_CHANGES 64
#define MODEL_FILES   40
#define MODEL_NAMES   3
#define MODEL_STEPS   60
#define MODEL_RUNS    150
#define MODEL_DRAWS   12

/* What a sector may hold. */
typedef struct model_sector {
    uint8_t choices[MODEL_CHANGES][512];
    unsigned count;
} model_sector;

/* A file: what reads see, and what may be there after a cut. */
typedef struct model_file {
    uint64_t inode; /* its identity */
    uint8_t current[MODEL_SIZE];
    uint64_t size;
    uint64_t sizes[MODEL_CHANGES]; /* the durable one, and later ones in order */
    unsigned size_count;
    model_sector sectors[MODEL_SECTORS];
} model_file;

/* Which file bears each name, -1 for none; histories of it since the folder was synced. */
typedef struct model_world {
    model_file *files; /* MODEL_FILES of them */
    unsigned file_count;
    int names[MODEL_CHANGES][MODEL_NAMES];
    unsigned name_count; /* the last one is the present */
    vl_sim *sim;
    vl_io *io;
    vl_rng rng;
} model_world;

static const char *const model_paths[MODEL_NAMES] = {"/m/a", "/m/b", "/m/c"};

static void
model_add_choice(model_file *file, unsigned index, const uint8_t *bytes)
{
    model_sector *sector = &file->sectors[index];

    for (unsigned i = 0; i < sector->count; i++)
        if (memcmp(sector->choices[i], bytes, 512) == 0)
            return;
    if (sector->count < MODEL_CHANGES)
        memcpy(sector->choices[sector->count++], bytes, 512);
}

static void
model_add_current(model_file *file, uint64_t offset, uint64_t size)
{
    for (uint64_t i = offset / 512; i * 512 < offset + size; i++)
        model_add_choice(file, (unsigned)i, file->current + i * 512);
}

/* Everything is durable: one choice each. */
static void
model_sync(model_file *file)
{
    for (unsigned i = 0; i < MODEL_SECTORS; i++) {
        file->sectors[i].count = 0;
        model_add_choice(file, i, file->current + i * 512);
    }
    file->sizes[0] = file->size;
    file->size_count = 1;
}

static void
model_set_size(model_file *file, uint64_t size)
{
    uint8_t bytes[512];

    if (size < file->size) {
        memset(file->current + size, 0, file->size - size);
        /* Any choice may have been there when the file was cut. */
        for (unsigned i = (unsigned)(size / 512); i < MODEL_SECTORS; i++) {
            unsigned count = file->sectors[i].count;

            for (unsigned j = 0; j < count; j++) {
                uint64_t keep = size > i * 512 ? size - i * 512 : 0;

                memset(bytes, 0, sizeof bytes);
                memcpy(bytes, file->sectors[i].choices[j], keep);
                model_add_choice(file, i, bytes);
            }
        }
    }
    file->size = size;
    file->sizes[file->size_count++] = size;
}

static void
model_write(model_file *file, const uint8_t *data, uint64_t size, uint64_t offset)
{
    memcpy(file->current + offset, data, size);
    if (offset + size > file->size)
        model_set_size(file, offset + size);
    model_add_current(file, offset, size);
}

/* What was written durably is the only choice, and so is the size. */
static void
model_write_durable(model_file *file, const uint8_t *data, uint64_t size, uint64_t offset)
{
    model_write(file, data, size, offset);
    for (uint64_t i = offset / 512; i * 512 < offset + size; i++)
        file->sectors[i].count = 0;
    model_add_current(file, offset, size);
    file->sizes[0] = file->size;
    file->size_count = 1;
}

static int *
model_present(model_world *world)
{
    return world->names[world->name_count - 1];
}

/* Begin a new state of the folder, like the last one. */
static int *
model_rename(model_world *world)
{
    memcpy(world->names[world->name_count], model_present(world), sizeof world->names[0]);
    world->name_count++;
    return model_present(world);
}

static model_file *
model_add_file(model_world *world, unsigned name)
{
    model_file *file = &world->files[world->file_count];

    memset(file, 0, sizeof *file);
    model_sync(file);
    model_rename(world)[name] = (int)world->file_count++;
    return file;
}

/* ---- random runs ---- */

static void
model_change_data(model_world *world, model_file *model, vl_file *file)
{
    vl_ctx *ctx = unit_ctx();
    uint8_t data[MODEL_SIZE];
    uint64_t offset = vl_rng_below(&world->rng, MODEL_SIZE - 1);
    uint64_t size = 1 + vl_rng_below(&world->rng, MODEL_SIZE - offset - 1);
    int released;

    if (vl_rng_chance(&world->rng, 1, 2)) {
        offset = offset / 512 * 512;
        size = 512 * (1 + vl_rng_below(&world->rng, (MODEL_SIZE - offset) / 512));
    }
    vl_rng_fill(&world->rng, data, sizeof data);
    switch (vl_rng_below(&world->rng, 8)) {
    case 0:
        CHECK_OK(vl_file_write_durable(ctx, file, VL_DURABLE_DSYNC, data, size, offset));
        model_write_durable(model, data, size, offset);
        break;
    case 1:
        CHECK_OK(vl_file_resize(ctx, file, offset));
        model_set_size(model, offset);
        break;
    case 2:
        CHECK_OK(vl_file_punch(ctx, file, offset, size, &released));
        memset(model->current + offset, 0, size);
        if (offset < model->size)
            model_add_current(model, offset,
                              size < model->size - offset ? size : model->size - offset);
        break;
    case 3:
        CHECK_OK(vl_file_allocate(ctx, file, offset, size));
        if (offset + size > model->size)
            model_set_size(model, offset + size);
        break;
    default:
        CHECK_OK(vl_file_write(ctx, file, data, size, offset));
        model_write(model, data, size, offset);
        break;
    }
}

static void
model_change_names(model_world *world, unsigned name)
{
    vl_ctx *ctx = unit_ctx();
    unsigned to = (unsigned)vl_rng_below(&world->rng, MODEL_NAMES);
    int *names;

    switch (vl_rng_below(&world->rng, 4)) {
    case 0:
        CHECK_OK(vl_path_delete(ctx, world->io, model_paths[name]));
        model_rename(world)[name] = -1;
        break;
    case 1:
        CHECK_OK(vl_path_rename(ctx, world->io, model_paths[name], model_paths[to]));
        if (to == name)
            break;
        names = model_rename(world);
        names[to] = names[name];
        names[name] = -1;
        break;
    default:
        CHECK_OK(vl_path_sync_folder(ctx, world->io, model_paths[name]));
        memcpy(world->names[0], model_present(world), sizeof world->names[0]);
        world->name_count = 1;
        break;
    }
}

static void
model_step(model_world *world)
{
    vl_ctx *ctx = unit_ctx();
    unsigned name = (unsigned)vl_rng_below(&world->rng, MODEL_NAMES);
    int index = model_present(world)[name];
    model_file *model;
    vl_file_id id;
    vl_file *file;

    if (index < 0 && world->file_count == MODEL_FILES)
        return;
    CHECK_OK(vl_file_open(ctx, world->io, model_paths[name], ALL_WRITE, &file));
    model = index >= 0 ? &world->files[index] : model_add_file(world, name);
    CHECK_OK(vl_file_get_id(ctx, file, &id));
    CHECK(model->inode == 0 || model->inode == id.inode);
    model->inode = id.inode;
    model_change_data(world, model, file);
    if (vl_rng_chance(&world->rng, 1, 6)) {
        CHECK_OK(vl_file_sync(ctx, file));
        model_sync(model);
    }
    vl_file_close(file);
    if (vl_rng_chance(&world->rng, 1, 6))
        model_change_names(world, name);
}

/* ---- checking outcomes ---- */

/* How often each kind of outcome was seen. */
static struct {
    unsigned newest;   /* sectors with their newest content, of those with a choice */
    unsigned oldest;   /* with the durable one */
    unsigned between;  /* with another */
    unsigned sizes[3]; /* the same for sizes */
    unsigned names[3]; /* and for folders */
} model_seen;

static unsigned
model_kind(unsigned index, unsigned count)
{
    return index == count - 1 ? 0 : index == 0 ? 1 : 2;
}

/* The sector is one of its choices, with what lies beyond the file's end as zeros. */
static void
model_check_sector(const model_file *model, unsigned index, const uint8_t *bytes, uint64_t size)
{
    const model_sector *sector = &model->sectors[index];
    uint64_t keep = size - index * 512 < 512 ? size - index * 512 : 512;

    for (unsigned i = sector->count; i-- > 0;) {
        if (memcmp(sector->choices[i], bytes, keep) != 0)
            continue;
        if (sector->count > 1) {
            unsigned kind = model_kind(i, sector->count);

            model_seen.newest += kind == 0;
            model_seen.oldest += kind == 1;
            model_seen.between += kind == 2;
        }
        return;
    }
    unit_failed(__FILE__, __LINE__, "file %llu, sector %u: none of its %u choices",
                (unsigned long long)model->inode, index, sector->count);
}

static void
model_check_file(const model_file *model, vl_file *file)
{
    vl_ctx *ctx = unit_ctx();
    uint8_t bytes[MODEL_SIZE + 1] = {0};
    unsigned match = 0;
    size_t size;

    CHECK_OK(vl_file_read(ctx, file, bytes, sizeof bytes, 0, &size));
    for (match = model->size_count; match > 0 && model->sizes[match - 1] != size;)
        match--;
    CHECK(match > 0);
    if (model->size_count > 1)
        model_seen.sizes[model_kind(match - 1, model->size_count)]++;
    for (unsigned i = 0; i * 512 < size; i++)
        model_check_sector(model, i, bytes + i * 512, size);
    CHECK_OK(vl_file_resize(ctx, file, MODEL_SIZE)); /* what was cut off does not come back */
    CHECK_OK(vl_file_read(ctx, file, bytes, MODEL_SIZE, 0, NULL));
    for (size_t i = size; i < MODEL_SIZE; i++)
        CHECK_EQ(bytes[i], 0);
    CHECK_OK(vl_file_resize(ctx, file, size)); /* it may bear another name as well */
}

/* The state of the folder after the cut, as files of the model; -2 for an unknown one. */
static void
model_read_names(const model_world *world, vl_io *io, int *names)
{
    vl_ctx *ctx = unit_ctx();
    vl_file_id id;
    vl_file *file;

    for (unsigned i = 0; i < MODEL_NAMES; i++) {
        names[i] = -1;
        if (vl_file_open(ctx, io, model_paths[i], VL_OPEN_WRITE, &file) != VELO_OK)
            continue;
        CHECK_OK(vl_file_get_id(ctx, file, &id));
        names[i] = -2;
        for (unsigned j = 0; j < world->file_count; j++)
            if (world->files[j].inode == id.inode)
                names[i] = (int)j;
        CHECK(names[i] >= 0);
        model_check_file(&world->files[names[i]], file);
        vl_file_close(file);
    }
}

static void
model_check_cut(model_world *world, const vl_sim_outcome *outcome)
{
    vl_ctx *ctx = unit_ctx();
    int names[MODEL_NAMES];
    unsigned match;
    vl_sim *copy;
    vl_io *io;

    CHECK_OK(vl_sim_clone(ctx, world->sim, &copy));
    CHECK_OK(vl_sim_cut_power(ctx, copy, outcome));
    CHECK_OK(vl_sim_open_io(ctx, copy, &io));
    model_read_names(world, io, names);
    for (match = world->name_count;
         match > 0 && memcmp(world->names[match - 1], names, sizeof names) != 0;)
        match--;
    CHECK(match > 0 || outcome->scatters_names);
    if (world->name_count > 1 && match > 0)
        model_seen.names[model_kind(match - 1, world->name_count)]++;
    vl_io_close(io);
    vl_sim_destroy(copy);
}

static void
model_run(uint64_t seed)
{
    vl_ctx *ctx = unit_ctx();
    vl_sim_options options = {.seed = seed};
    model_world world = {.name_count = 1};

    world.files = calloc(MODEL_FILES, sizeof *world.files);
    CHECK(world.files != NULL);
    for (unsigned i = 0; i < MODEL_NAMES; i++)
        world.names[0][i] = -1;
    vl_rng_init(&world.rng, seed);
    CHECK_OK(vl_sim_create(ctx, &options, &world.sim));
    CHECK_OK(vl_sim_open_io(ctx, world.sim, &world.io));
    for (unsigned i = 0; i < MODEL_STEPS && !unit_has_failed(); i++)
        model_step(&world);
    for (unsigned i = 0; i < MODEL_DRAWS && !unit_has_failed(); i++) {
        vl_sim_outcome outcome = {.keep = i < 8 ? VL_SIM_KEEP_RANDOM : (vl_sim_keep)(i % 4),
                                  .seed = seed * 100 + i,
                                  .scatters_names = i % 4 == 0};

        model_check_cut(&world, &outcome);
    }
    vl_io_close(world.io);
    vl_sim_destroy(world.sim);
    free(world.files);
}

static void
model_holds_every_outcome(void)
{
    memset(&model_seen, 0, sizeof model_seen);
    for (uint64_t i = 0; i < MODEL_RUNS && !unit_has_failed(); i++)
        model_run(unit_seed() + i);
    CHECK(model_seen.newest > 500);
    CHECK(model_seen.oldest > 500);
    CHECK(model_seen.between > 500);
    for (unsigned i = 0; i < 3; i++) {
        CHECK(model_seen.sizes[i] > 100);
        CHECK(model_seen.names[i] > 100);
    }
}

static const unit_test model_tests[] = {
    UNIT_TEST(model_holds_every_outcome),
};

int
main(int argc, char **argv)
{
    return unit_main(argc, argv, model_tests, VL_ARRAY_COUNT(model_tests));
}
