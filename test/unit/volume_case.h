/* volume_case.h - a simulated machine with a volume on it, for tests, and handles to reach behind
 * the volume's back. */
#ifndef VL_TEST_VOLUME_CASE_H
#define VL_TEST_VOLUME_CASE_H

#include "os/sim.h"
#include "storage/page.h"
#include "storage/volume.h"

#define PATH "/v.db"
#define SIZE VL_PAGE_MIN_SIZE

/* Of the table of free space: blocks of a chunk, entries of an index page. */
#define CHUNK_BLOCKS  ((uint64_t)SIZE * 8)
#define INDEX_ENTRIES ((SIZE - 64U) / 24U)

/* Creates, with pages of SIZE. */
extern const vl_volume_options create_small;

/* A machine with one process, and a volume. */
typedef struct volume_case {
    vl_sim *sim;       /* the machine */
    vl_io *io;         /* the process */
    vl_volume *volume; /* or NULL */
} volume_case;

/* Images to be written. */
#define IMAGE_COUNT 40
typedef struct image_set {
    uint8_t *bytes; /* IMAGE_COUNT blocks; freed by the test */
    vl_volume_write_item items[IMAGE_COUNT];
} image_set;

velo_status case_start(volume_case *one, const vl_sim_options *options);
/* A machine with a new, writable volume. */
velo_status case_begin(volume_case *one, const vl_sim_options *options);
void case_end(volume_case *one);
velo_status case_reopen(volume_case *one);
/* Change bytes of the file behind the volume's back. */
velo_status case_patch(volume_case *one, uint64_t offset, const void *bytes, size_t size);
velo_status case_resize(volume_case *one, uint64_t size);
uint64_t case_size(volume_case *one);
vl_volume_stats case_stats(volume_case *one);
/* A checkpoint in which nothing is written but what the volume writes. */
velo_status case_checkpoint(volume_case *one, uint64_t flags);
/* Promise and take blocks one by one, into the live set. */
velo_status case_take(volume_case *one, uint32_t count, uint64_t *addresses);
uint64_t case_op_count(volume_case *one, unsigned bit);
uint64_t case_writes(volume_case *one);
/* Put a superblock with changed fields into a place. */
velo_status put_super(volume_case *one, const vl_superblock *super, uint32_t place,
                      uint64_t offset);
/* Write IMAGE_COUNT images to fresh blocks. */
velo_status write_images(volume_case *one, image_set *set, uint32_t sets);
vl_extent extent_of(const vl_volume_write_item *item);

/* Blocks that are in a set. */
uint64_t case_count_in(volume_case *one, uint32_t set);

/* Whether what is kept, available and free fit, with so many blocks promised. */
int case_is_balanced(volume_case *one, uint64_t promised);

#endif
