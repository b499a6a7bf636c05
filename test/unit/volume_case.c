/* volume_case.c - the machine of volume_case.h. */
#include "unit/volume_case.h"

#include "lib/unit.h"

const vl_volume_options create_small = {.page_size = SIZE, .may_create = 1};

velo_status
case_start(volume_case *one, const vl_sim_options *options)
{
    memset(one, 0, sizeof *one);
    VL_TRY(vl_sim_create(unit_ctx(), options, &one->sim));
    return vl_sim_open_io(unit_ctx(), one->sim, &one->io);
}

/* A machine with a new, writable volume. */
velo_status
case_begin(volume_case *one, const vl_sim_options *options)
{
    VL_TRY(case_start(one, options));
    VL_TRY(vl_volume_open(unit_ctx(), one->io, PATH, &create_small, &one->volume));
    return vl_volume_make_writable(unit_ctx(), one->volume);
}

void
case_end(volume_case *one)
{
    vl_volume_close(one->volume);
    vl_io_close(one->io);
    vl_sim_destroy(one->sim);
}

velo_status
case_reopen(volume_case *one)
{
    vl_volume_close(one->volume);
    one->volume = NULL;
    return vl_volume_open(unit_ctx(), one->io, PATH, &create_small, &one->volume);
}

/* Change bytes of the file behind the volume's back. */
velo_status
case_patch(volume_case *one, uint64_t offset, const void *bytes, size_t size)
{
    vl_file *file;
    velo_status st;

    VL_TRY(vl_file_open(unit_ctx(), one->io, PATH, VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    st = vl_file_write(unit_ctx(), file, bytes, size, offset);
    vl_file_close(file);
    return st;
}

velo_status
case_resize(volume_case *one, uint64_t size)
{
    vl_file *file;
    velo_status st;

    VL_TRY(vl_file_open(unit_ctx(), one->io, PATH, VL_OPEN_WRITE | VL_OPEN_CREATE, &file));
    st = vl_file_resize(unit_ctx(), file, size);
    vl_file_close(file);
    return st;
}

uint64_t
case_size(volume_case *one)
{
    uint64_t size = 0;

    if (vl_file_get_size(unit_ctx(), vl_volume_file(one->volume), &size) != VELO_OK)
        return UINT64_MAX;
    return size;
}

vl_volume_stats
case_stats(volume_case *one)
{
    vl_volume_stats stats;

    vl_volume_get_stats(one->volume, &stats);
    return stats;
}

/* A checkpoint in which nothing is written but what the volume writes. */
velo_status
case_checkpoint(volume_case *one, uint64_t flags)
{
    vl_superblock next = *vl_volume_super(one->volume);
    velo_status st;

    next.flags = flags;
    vl_volume_begin_checkpoint(one->volume);
    st = vl_volume_commit_checkpoint(unit_ctx(), one->volume, &next);
    if (st != VELO_OK) {
        vl_error error = unit_ctx()->error;

        vl_volume_abandon_checkpoint(one->volume);
        unit_ctx()->error = error;
    }
    return st;
}

/* Promise and take blocks one by one, into the live set. */
velo_status
case_take(volume_case *one, uint32_t count, uint64_t *addresses)
{
    VL_TRY(vl_volume_promise(unit_ctx(), one->volume, count));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t address = vl_volume_allocate(one->volume, VL_SPACE_LIVE, 1);

        if (addresses != NULL)
            addresses[i] = address;
    }
    return VELO_OK;
}

uint64_t
case_op_count(volume_case *one, unsigned bit)
{
    vl_sim_stats stats;

    vl_sim_get_stats(one->sim, &stats);
    return stats.op_counts[bit];
}

uint64_t
case_writes(volume_case *one)
{
    vl_io_stats stats;

    vl_io_get_stats(one->io, &stats);
    return stats.write_count;
}

/* Put a superblock with changed fields into a place. */
velo_status
put_super(volume_case *one, const vl_superblock *super, uint32_t place, uint64_t offset)
{
    uint8_t bytes[VL_SUPER_SIZE];

    vl_superblock_encode(super, place, bytes);
    return case_patch(one, offset, bytes, sizeof bytes);
}

/* Write IMAGE_COUNT images to fresh blocks. */
velo_status
write_images(volume_case *one, image_set *set, uint32_t sets)
{
    set->bytes = vl_alloc_aligned(unit_ctx(), (size_t)IMAGE_COUNT * SIZE, VL_DIRECT_ALIGN);
    VL_TRY(vl_volume_promise(unit_ctx(), one->volume, IMAGE_COUNT));
    for (uint32_t i = 0; i < IMAGE_COUNT; i++) {
        memset(set->bytes + (size_t)i * SIZE, (int)i + 1, SIZE);
        set->items[i].address = vl_volume_allocate(one->volume, sets, 1);
        set->items[i].length = 1;
        set->items[i].buf = set->bytes + (size_t)i * SIZE;
    }
    return vl_volume_write_batch(unit_ctx(), one->volume, set->items, IMAGE_COUNT);
}

vl_extent
extent_of(const vl_volume_write_item *item)
{
    vl_extent extent = {item->address, item->length, 1, item->checksum};

    return extent;
}

/* Blocks that are in a set. */
uint64_t
case_count_in(volume_case *one, uint32_t set)
{
    uint64_t count = 0;

    for (uint64_t block = VL_SUPER_COUNT; block < case_stats(one).block_count; block++)
        count += (vl_volume_sets_of(one->volume, block) & set) != 0;
    return count;
}

/* Whether what is kept, available and free fit, with so many blocks promised. */
int
case_is_balanced(volume_case *one, uint64_t promised)
{
    vl_volume_stats stats = case_stats(one);
    uint64_t chunks = (stats.block_count + CHUNK_BLOCKS - 1) / CHUNK_BLOCKS;
    uint64_t images = chunks + (chunks + INDEX_ENTRIES - 1) / INDEX_ENTRIES;

    return stats.kept_count == 2 * images - stats.map_count &&
           (int64_t)stats.free_count == stats.available + (int64_t)(promised + stats.kept_count);
}
