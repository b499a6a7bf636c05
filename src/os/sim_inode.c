/* sim_inode.c - a simulated file: what reads see, what is durable, and what a power cut leaves.
 *
 * Each change goes to `current` at once and is noted in the list of pending changes. A sync makes
 * them durable. At a power cut the outcome is drawn: from `durable` the changes are gone through in
 * order, and what the draw keeps of each is put on top. Data is kept or lost in units (sectors, or
 * cache lines of maps); sizes and allocations survive as a prefix in order, as a file system's
 * journal keeps them. A change of data holds whole units as the cache had them right after the
 * change, since that is what a device is given: of two changes of one unit the later one contains
 * the earlier.
 *
 * Invariants
 *   I1  Unless is_diverged, durable with all pending changes on top equals current.
 *   I2  A forced change, and every size up to it, is kept by every draw. So are the bytes that it
 *       wrote, until a later change overwrites them: what was pending below it does not come back.
 *   I3  Data beyond the size that is kept does not survive: settled content ends with a resize.
 *   I4  Only sim_inode_push makes the list longer, after everything that may fail. */
#include "os/sim_int.h"

#include "base/assert.h"

#include <errno.h>
#include <string.h>

/* ---- life ---- */

static int
sim_inode_create_empty(vl_sim *sim, vl_sim_inode **out)
{
    vl_sim_inode **grown;
    vl_sim_inode *inode;

    grown = vl_sim_array_reserve(sim->allocator, sim->inodes, sim->inode_count,
                                 &sim->inode_capacity, sim->inode_count + 1, sizeof *grown);
    if (grown == NULL)
        return ENOMEM;
    sim->inodes = grown;
    inode = vl_allocator_alloc(sim->allocator, sizeof *inode, VL_ALLOC_ALIGN);
    if (inode == NULL)
        return ENOMEM;
    memset(inode, 0, sizeof *inode);
    sim->inodes[sim->inode_count++] = inode;
    *out = inode;
    return 0;
}

int
vl_sim_inode_create(vl_sim *sim, vl_sim_inode **out)
{
    vl_sim_content *content = vl_sim_content_create(sim->allocator);

    if (content == NULL)
        return ENOMEM;
    if (sim_inode_create_empty(sim, out) != 0) {
        vl_sim_content_release(content);
        return ENOMEM;
    }
    (*out)->id = sim->next_inode++;
    (*out)->current = content;
    (*out)->durable = vl_sim_content_share(content);
    return 0;
}

int
vl_sim_inode_copy(vl_sim *sim, const vl_sim_inode *from, vl_sim_inode **out)
{
    vl_sim_change *changes = NULL;

    if (from->change_count > 0) {
        changes = vl_allocator_alloc(sim->allocator, from->change_count * sizeof *changes,
                                     VL_ALLOC_ALIGN);
        if (changes == NULL)
            return ENOMEM;
        memcpy(changes, from->changes, from->change_count * sizeof *changes);
    }
    if (sim_inode_create_empty(sim, out) != 0) {
        vl_free(changes);
        return ENOMEM;
    }
    for (uint32_t i = 0; i < from->change_count; i++)
        (void)vl_sim_bytes_share(changes[i].data);
    (*out)->id = from->id;
    (*out)->current = vl_sim_content_share(from->current);
    (*out)->durable = vl_sim_content_share(from->durable);
    (*out)->changes = changes;
    (*out)->change_count = from->change_count;
    (*out)->change_capacity = from->change_count;
    (*out)->freed_blocks = from->freed_blocks;
    (*out)->is_diverged = from->is_diverged;
    return 0;
}

static void
sim_inode_clear_changes(vl_sim_inode *inode)
{
    for (uint32_t i = 0; i < inode->change_count; i++)
        vl_sim_bytes_release(inode->changes[i].data);
    inode->change_count = 0;
    inode->freed_blocks = 0;
}

void
vl_sim_inode_destroy(vl_sim_inode *inode)
{
    if (inode == NULL)
        return;
    vl_sim_region_detach(inode);
    sim_inode_clear_changes(inode);
    vl_free(inode->changes);
    vl_sim_content_release(inode->current);
    vl_sim_content_release(inode->durable);
    vl_sim_content_release(inode->settled);
    vl_free(inode);
}

/* ---- drawing ---- */

uint32_t
vl_sim_draw_prefix(vl_sim_draw *draw, uint32_t min, uint32_t count, uint32_t before, int at_point)
{
    uint32_t kept = min;

    if (count == min)
        return count;
    switch (draw->outcome.keep) {
    case VL_SIM_KEEP_NONE:
        break;
    case VL_SIM_KEEP_ALL:
        kept = count;
        break;
    case VL_SIM_KEEP_PREFIX:
        kept = before + (uint32_t)(at_point && vl_rng_chance(&draw->rng, 1, 2));
        break;
    case VL_SIM_KEEP_RANDOM:
        /* All and none are likely, however long the list is. */
        switch (vl_rng_below(&draw->rng, 4)) {
        case 0:
            break;
        case 1:
            kept = count;
            break;
        default:
            kept = min + (uint32_t)vl_rng_below(&draw->rng, (uint64_t)(count - min) + 1);
            break;
        }
        break;
    }
    return kept < min ? min : kept;
}

/* Which units of a change survive: those in [from, to), or with is_scattered each by chance. */
typedef struct sim_inode_fate {
    uint64_t from;
    uint64_t to;
    int is_scattered;
} sim_inode_fate;

static sim_inode_fate
sim_inode_draw_torn(vl_sim_draw *draw, uint64_t count)
{
    sim_inode_fate fate = {0, count, 0};

    switch (vl_rng_below(&draw->rng, 4)) {
    case 0:
        fate.to = vl_rng_below(&draw->rng, count + 1);
        break;
    case 1:
        fate.from = vl_rng_below(&draw->rng, count + 1);
        break;
    default:
        fate.is_scattered = 1;
        break;
    }
    return fate;
}

static sim_inode_fate
sim_inode_draw_fate(vl_sim_draw *draw, const vl_sim_change *change, uint64_t count)
{
    sim_inode_fate all = {0, count, 0};
    sim_inode_fate none = {0, 0, 0};

    if (change->is_forced) /* keeps I2 */
        return all;
    switch (draw->outcome.keep) {
    case VL_SIM_KEEP_NONE:
        return none;
    case VL_SIM_KEEP_ALL:
        return all;
    case VL_SIM_KEEP_PREFIX:
        if (change->sequence == draw->point)
            all.to = vl_rng_below(&draw->rng, count + 1);
        return change->sequence <= draw->point ? all : none;
    case VL_SIM_KEEP_RANDOM:
        if (vl_rng_chance(&draw->rng, 1, 3))
            return sim_inode_draw_torn(draw, count);
        return vl_rng_chance(&draw->rng, draw->keep_of_8, 8) ? all : none;
    }
    return none;
}

static int
sim_inode_unit_survives(vl_sim_draw *draw, const sim_inode_fate *fate, uint64_t index)
{
    if (fate->is_scattered)
        return vl_rng_chance(&draw->rng, 1, 2);
    return index >= fate->from && index < fate->to;
}

/* ---- settling ---- */

static int
sim_inode_changes_meta(const vl_sim_change *change)
{
    return change->sets_size || change->kind == VL_SIM_CHANGE_ALLOCATE;
}

static int
sim_inode_changes_data(const vl_sim_change *change)
{
    return change->kind == VL_SIM_CHANGE_DATA || change->kind == VL_SIM_CHANGE_HOLE;
}

/* How many of the changes of sizes and allocations survive. */
static uint32_t
sim_inode_draw_meta(const vl_sim_inode *inode, vl_sim_draw *draw)
{
    uint32_t count = 0;
    uint32_t forced = 0;
    uint32_t before = 0;
    int at_point = 0;

    for (uint32_t i = 0; i < inode->change_count; i++) {
        const vl_sim_change *change = &inode->changes[i];

        if (sim_inode_changes_meta(change)) {
            count++;
            before += change->sequence < draw->point;
            at_point |= change->sequence == draw->point;
        }
        if (change->is_forced)
            forced = count; /* keeps I2 */
    }
    return vl_sim_draw_prefix(draw, forced, count, before, at_point);
}

static int
sim_inode_settle_meta(vl_sim *sim, vl_sim_content **out, const vl_sim_change *change)
{
    int error = 0;

    if (change->sets_size)
        error = vl_sim_content_resize(sim->allocator, out, change->new_size);
    if (error == 0 && change->kind == VL_SIM_CHANGE_ALLOCATE)
        error = vl_sim_content_allocate(sim->allocator, out, change->offset, change->size);
    return error;
}

/* Fill the new blocks of a change with what an earlier file left there; what is kept of the change
 * overwrites it. */
static int
sim_inode_settle_garbage(vl_sim *sim, vl_sim_draw *draw, vl_sim_content **out,
                         const vl_sim_change *change)
{
    uint8_t garbage[VL_SIM_BLOCK_SIZE];
    uint64_t end = change->offset + change->size;
    int error = 0;

    for (uint64_t at = vl_align_down(change->offset, VL_SIM_BLOCK_SIZE); at < end && error == 0;
         at += VL_SIM_BLOCK_SIZE) {
        if (vl_sim_content_has_block(*out, at))
            continue;
        error = vl_sim_content_prepare(sim->allocator, out, at, VL_SIM_BLOCK_SIZE);
        if (error != 0)
            break;
        vl_rng_fill(&draw->rng, garbage, sizeof garbage);
        vl_sim_content_put(*out, at, garbage, sizeof garbage);
    }
    return error;
}

/* Put the units [from, to) of a change onto *out. */
static int
sim_inode_settle_kept(vl_sim *sim, vl_sim_content **out, const vl_sim_change *change, uint64_t from,
                      uint64_t to)
{
    uint64_t skip = from * change->unit;
    uint64_t size = (to - from) * change->unit;
    int error;

    if (change->kind == VL_SIM_CHANGE_HOLE)
        return vl_sim_content_punch(sim->allocator, out, change->offset + skip, size);
    error = vl_sim_content_prepare(sim->allocator, out, change->offset + skip, size);
    if (error == 0)
        vl_sim_content_put(*out, change->offset + skip, change->data->data + skip, (size_t)size);
    return error;
}

/* Put what survives of a change's data onto *out, run by run of units with one fate. */
static int
sim_inode_settle_data(vl_sim *sim, vl_sim_draw *draw, vl_sim_content **out,
                      const vl_sim_change *change)
{
    uint64_t count = change->size / change->unit;
    sim_inode_fate fate = sim_inode_draw_fate(draw, change, count);
    int keep = sim_inode_unit_survives(draw, &fate, 0);
    int error = 0;

    if (draw->outcome.has_garbage && change->kind == VL_SIM_CHANGE_DATA && !change->is_forced)
        error = sim_inode_settle_garbage(sim, draw, out, change);
    for (uint64_t from = 0; from < count && error == 0;) {
        uint64_t to = from + 1;
        int next = keep;

        while (to < count && (next = sim_inode_unit_survives(draw, &fate, to)) == keep)
            to++;
        if (keep)
            error = sim_inode_settle_kept(sim, out, change, from, to);
        keep = next;
        from = to;
    }
    return error;
}

int
vl_sim_inode_settle(vl_sim *sim, vl_sim_inode *inode, vl_sim_draw *draw)
{
    vl_sim_content *out = vl_sim_content_share(inode->durable);
    uint32_t kept = sim_inode_draw_meta(inode, draw);
    uint32_t seen = 0;
    int error = 0;

    for (uint32_t i = 0; i < inode->change_count && error == 0; i++) {
        const vl_sim_change *change = &inode->changes[i];

        if (sim_inode_changes_meta(change) && seen++ < kept)
            error = sim_inode_settle_meta(sim, &out, change);
        if (error == 0 && sim_inode_changes_data(change))
            error = sim_inode_settle_data(sim, draw, &out, change);
    }
    if (error == 0 && inode->change_count > 0)
        error = vl_sim_content_resize(sim->allocator, &out, out->size); /* keeps I3 */
    if (error != 0) {
        vl_sim_content_release(out);
        return error;
    }
    vl_sim_content_release(inode->settled);
    inode->settled = out;
    return 0;
}

void
vl_sim_inode_commit(vl_sim_inode *inode)
{
    vl_sim_content_release(inode->current);
    vl_sim_content_release(inode->durable);
    inode->durable = inode->settled;
    inode->current = vl_sim_content_share(inode->settled);
    inode->settled = NULL;
    sim_inode_clear_changes(inode);
    inode->is_diverged = 0;
}

/* ---- making durable ---- */

/* Make durable what a draw that keeps everything says. */
static int
sim_inode_apply_all(vl_sim *sim, vl_sim_inode *inode)
{
    vl_sim_draw draw;
    int error;

    memset(&draw, 0, sizeof draw);
    draw.outcome.keep = VL_SIM_KEEP_ALL;
    error = vl_sim_inode_settle(sim, inode, &draw);
    if (error != 0)
        return error;
    vl_sim_content_release(inode->durable);
    inode->durable = inode->settled;
    inode->settled = NULL;
    sim_inode_clear_changes(inode);
    return 0;
}

/* In builds that verify: check I1. Believed when there is no memory to find out. */
static void
sim_inode_verify(vl_sim *sim, vl_sim_inode *inode)
{
#if VL_VERIFICATION
    vl_sim_draw draw;

    memset(&draw, 0, sizeof draw);
    draw.outcome.keep = VL_SIM_KEEP_ALL;
    if (inode->is_diverged || vl_sim_inode_settle(sim, inode, &draw) != 0)
        return;
    VL_VERIFY(vl_sim_content_hash(inode->settled, 0) == vl_sim_content_hash(inode->current, 0));
    vl_sim_content_release(inode->settled);
    inode->settled = NULL;
#else
    (void)sim;
    (void)inode;
#endif
}

int
vl_sim_inode_sync(vl_sim *sim, vl_sim_inode *inode)
{
    sim_inode_verify(sim, inode);
    if (inode->is_diverged)
        return sim_inode_apply_all(sim, inode);
    vl_sim_content_release(inode->durable);
    inode->durable = vl_sim_content_share(inode->current); /* by I1 the same */
    sim_inode_clear_changes(inode);
    return 0;
}

/* Whether a draw may decide anything. */
static int
sim_inode_is_open(const vl_sim_inode *inode)
{
    int is_open = 0;

    for (uint32_t i = 0; i < inode->change_count; i++) {
        const vl_sim_change *change = &inode->changes[i];

        if (change->is_forced)
            is_open = 0; /* decides the sizes up to here */
        else if (sim_inode_changes_data(change))
            return 1;
        else
            is_open = 1;
    }
    return is_open;
}

/* Take the data of a change away, but not its size. Returns 1 when nothing of it is left. */
static int
sim_inode_strip_data(vl_sim_change *change)
{
    vl_sim_bytes_release(change->data);
    change->data = NULL;
    change->kind = VL_SIM_CHANGE_SIZE;
    return !change->sets_size;
}

/* Remove changes before the forced one at `index` that it overwrites, so that the list of a file
 * that is only ever written durably stays short. Their sizes are forced by it as well, and stay.
 * Returns where the forced change is then. */
static uint32_t
sim_inode_absorb_covered(vl_sim_inode *inode, uint32_t index)
{
    vl_sim_change last = inode->changes[index];
    uint32_t kept = 0;

    for (uint32_t i = 0; i < inode->change_count; i++) {
        vl_sim_change *change = &inode->changes[i];

        if (i < index && sim_inode_changes_data(change) && change->offset >= last.offset &&
            change->offset + change->size <= last.offset + last.size &&
            sim_inode_strip_data(change))
            continue;
        inode->changes[kept++] = *change;
    }
    index -= inode->change_count - kept;
    inode->change_count = kept;
    return index;
}

/* The last `count` changes are forced ones: when no draw can decide anything any more, be done with
 * the list. For want of memory it stays, which means the same. */
static void
sim_inode_absorb(vl_sim *sim, vl_sim_inode *inode, uint32_t count)
{
    uint32_t index = inode->change_count;

    /* One of them may cover another, so that fewer are left; an older forced one does no harm. */
    while (count-- > 0 && index > 0) {
        index--;
        if (sim_inode_changes_data(&inode->changes[index]) && inode->changes[index].is_forced)
            index = sim_inode_absorb_covered(inode, index);
    }
    if (!sim_inode_is_open(inode))
        (void)sim_inode_apply_all(sim, inode);
}

/* ---- changing ---- */

/* Make room for one more change. */
static int
sim_inode_reserve(vl_sim *sim, vl_sim_inode *inode)
{
    vl_sim_change *grown =
        vl_sim_array_reserve(sim->allocator, inode->changes, inode->change_count,
                             &inode->change_capacity, inode->change_count + 1, sizeof *grown);

    if (grown == NULL)
        return ENOMEM;
    inode->changes = grown;
    return 0;
}

/* Note a change for which there is room. Keeps I4. */
static void
sim_inode_push(vl_sim *sim, vl_sim_inode *inode, const vl_sim_change *change)
{
    vl_sim_change *to = &inode->changes[inode->change_count++];

    *to = *change;
    to->sequence = sim->next_sequence++;
    to->new_size = inode->current->size;
}

/* A change of the units that [offset, offset + size) touches, with room for their bytes. */
static int
sim_inode_begin_data(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size,
                     uint32_t unit, vl_sim_change *change)
{
    memset(change, 0, sizeof *change);
    change->kind = VL_SIM_CHANGE_DATA;
    change->unit = unit;
    change->offset = vl_align_down(offset, unit);
    change->size = vl_align_up(offset + size, unit) - change->offset;
    if (sim_inode_reserve(sim, inode) != 0)
        return ENOMEM;
    change->data = vl_sim_bytes_create(sim->allocator, NULL, (size_t)change->size);
    return change->data != NULL ? 0 : ENOMEM;
}

/* Note the change with what the cache now holds. */
static void
sim_inode_end_data(vl_sim *sim, vl_sim_inode *inode, vl_sim_change *change)
{
    vl_sim_content_read(inode->current, change->offset, change->data->data, (size_t)change->size);
    sim_inode_push(sim, inode, change);
    if (change->is_forced)
        sim_inode_absorb(sim, inode, 1);
}

int
vl_sim_inode_write(vl_sim *sim, vl_sim_inode *inode, const void *data, size_t size, uint64_t offset,
                   uint32_t unit, int is_forced)
{
    vl_sim_change change;
    int error = sim_inode_begin_data(sim, inode, offset, size, unit, &change);

    if (error == 0)
        error = vl_sim_content_prepare(sim->allocator, &inode->current, offset, size);
    if (error != 0) {
        vl_sim_bytes_release(change.data);
        return error;
    }
    vl_sim_content_put(inode->current, offset, data, size);
    if (offset + size > inode->current->size) {
        inode->current->size = offset + size;
        change.sets_size = 1;
    }
    change.is_forced = is_forced;
    sim_inode_end_data(sim, inode, &change);
    return 0;
}

int
vl_sim_inode_resize(vl_sim *sim, vl_sim_inode *inode, uint64_t size)
{
    uint64_t block_count = inode->current->block_count;
    vl_sim_change change = {.kind = VL_SIM_CHANGE_SIZE, .sets_size = 1};
    int error;

    if (size == inode->current->size)
        return 0;
    error = sim_inode_reserve(sim, inode);
    if (error == 0)
        error = vl_sim_content_resize(sim->allocator, &inode->current, size);
    if (error != 0)
        return error;
    sim_inode_push(sim, inode, &change);
    inode->freed_blocks += block_count - inode->current->block_count;
    return 0;
}

int
vl_sim_inode_allocate(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size)
{
    vl_sim_change change = {.kind = VL_SIM_CHANGE_ALLOCATE, .offset = offset, .size = size};
    int error = sim_inode_reserve(sim, inode);

    if (error == 0)
        error = vl_sim_content_allocate(sim->allocator, &inode->current, offset, size);
    if (error != 0)
        return error;
    if (offset + size > inode->current->size) {
        inode->current->size = offset + size;
        change.sets_size = 1;
    }
    sim_inode_push(sim, inode, &change);
    return 0;
}

/* Release a range whose ends are not those of sectors: noted like a write of zeros. */
static int
sim_inode_punch_odd(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size)
{
    vl_sim_change change;
    int error = sim_inode_begin_data(sim, inode, offset, size, VL_SECTOR_SIZE, &change);

    if (error == 0)
        error = vl_sim_content_punch(sim->allocator, &inode->current, offset, size);
    if (error != 0) {
        vl_sim_bytes_release(change.data);
        return error;
    }
    sim_inode_end_data(sim, inode, &change);
    return 0;
}

static int
sim_inode_punch_sectors(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size)
{
    vl_sim_change change = {.kind = VL_SIM_CHANGE_HOLE,
                            .unit = VL_SECTOR_SIZE,
                            .offset = offset,
                            .size = vl_align_up(size, VL_SECTOR_SIZE)};
    int error = sim_inode_reserve(sim, inode);

    if (error == 0)
        error = vl_sim_content_punch(sim->allocator, &inode->current, offset, change.size);
    if (error == 0)
        sim_inode_push(sim, inode, &change);
    return error;
}

int
vl_sim_inode_punch(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size)
{
    uint64_t block_count = inode->current->block_count;
    uint64_t end = inode->current->size;
    int error;

    if (offset >= end || size == 0)
        return 0;
    if (size > end - offset)
        size = end - offset;
    if (offset % VL_SECTOR_SIZE == 0 && (size % VL_SECTOR_SIZE == 0 || offset + size == end))
        error = sim_inode_punch_sectors(sim, inode, offset, size);
    else
        error = sim_inode_punch_odd(sim, inode, offset, size);
    if (error == 0)
        inode->freed_blocks += block_count - inode->current->block_count;
    return error;
}

/* ---- syncing a range, and losing data ---- */

/* Note as a forced change what the cache holds for [offset, end). */
static int
sim_inode_force(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t end)
{
    vl_sim_change change;
    int error = sim_inode_begin_data(sim, inode, offset, end - offset, VL_CACHE_LINE_SIZE, &change);

    if (error != 0) {
        vl_sim_bytes_release(change.data);
        return error;
    }
    vl_sim_content_read(inode->current, change.offset, change.data->data, (size_t)change.size);
    change.is_forced = 1;
    sim_inode_push(sim, inode, &change);
    return 0;
}

int
vl_sim_inode_sync_range(vl_sim *sim, vl_sim_inode *inode, uint64_t offset, uint64_t size)
{
    vl_sim_change sizes = {.kind = VL_SIM_CHANGE_SIZE, .sets_size = 1, .is_forced = 1};
    uint64_t end = vl_align_up(offset + size, VL_CACHE_LINE_SIZE);
    uint32_t count = inode->change_count;
    int error = 0;

    if (count == 0)
        return 0;
    offset = vl_align_down(offset, VL_CACHE_LINE_SIZE);
    for (uint32_t i = 0; i < count && error == 0; i++) {
        vl_sim_change change = inode->changes[i];
        uint64_t from = change.offset > offset ? change.offset : offset;
        uint64_t to = change.offset + change.size < end ? change.offset + change.size : end;

        if (sim_inode_changes_data(&change) && !change.is_forced && from < to)
            error = sim_inode_force(sim, inode, from, to);
    }
    if (error == 0)
        error = sim_inode_reserve(sim, inode);
    if (error != 0)
        return error;
    sim_inode_push(sim, inode, &sizes); /* forces all sizes before it */
    sim_inode_absorb(sim, inode, inode->change_count - count);
    return 0;
}

void
vl_sim_inode_lose(vl_sim_inode *inode, vl_rng *rng)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < inode->change_count; i++) {
        vl_sim_change *change = &inode->changes[i];

        if (change->kind == VL_SIM_CHANGE_DATA && !change->is_forced &&
            (rng == NULL || vl_rng_chance(rng, 1, 2))) {
            inode->is_diverged = 1;
            if (sim_inode_strip_data(change))
                continue;
        }
        inode->changes[kept++] = *change;
    }
    inode->change_count = kept;
}
