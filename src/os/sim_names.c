/* sim_names.c - folders of the simulated machine: names as seen, as durable, and the steps between.
 *
 * A creation, deletion or rename changes what is seen at once, and is noted in its folder's list.
 * Syncing the folder makes the list durable. At a power cut a prefix of it survives, as with a file
 * system that keeps a journal; or, when the outcome scatters names, for each name by itself.
 *
 * Folders exist as soon as a path speaks of them, and are durable. A rename stays in its folder:
 * between two it fails with EXDEV.
 *
 * Invariants
 *   N1  durable with all pending changes on top equals current.
 *   N2  name_refs of an inode counts the entries, current and durable, and the pending changes that
 *       refer to it. */
#include "os/sim_int.h"

#include "base/assert.h"

#include <errno.h>
#include <string.h>

/* ---- paths ---- */

/* Append a part to an absolute path of *size bytes; "." and ".." as usual. */
static int
sim_names_append_part(char *full, size_t *size, const char *part, size_t part_size)
{
    if (part_size == 1 && part[0] == '.')
        return 0;
    if (part_size == 2 && part[0] == '.' && part[1] == '.') {
        while (*size > 0 && full[*size - 1] != '/')
            (*size)--;
        *size -= *size > 0;
        return 0;
    }
    if (*size + 1 + part_size >= VL_PATH_SIZE)
        return ENAMETOOLONG;
    full[(*size)++] = '/';
    memcpy(full + *size, part, part_size);
    *size += part_size;
    return 0;
}

int
vl_sim_path_resolve(const char *path, char *full, int *is_folder)
{
    size_t size = 0;
    int error = 0;

    if (path[0] == '\0')
        return ENOENT;
    *is_folder = 0;
    while (*path != '\0' && error == 0) {
        size_t part_size = strcspn(path, "/");

        *is_folder = part_size == 0 ||
                     (path[0] == '.' && (part_size == 1 || (part_size == 2 && path[1] == '.')));
        if (part_size > 0)
            error = sim_names_append_part(full, &size, path, part_size);
        path += part_size;
        if (*path == '/') {
            *is_folder = 1;
            path++;
        }
    }
    if (size == 0)
        full[size++] = '/';
    full[size] = '\0';
    return error;
}

static vl_sim_folder *
sim_names_find_folder(const vl_sim *sim, const char *path, size_t size)
{
    for (uint32_t i = 0; i < sim->folder_count; i++) {
        const vl_sim_bytes *held = sim->folders[i]->path;

        if (held->size == size && memcmp(held->data, path, size) == 0)
            return sim->folders[i];
    }
    return NULL;
}

static vl_sim_entry *
sim_names_find_entry(const vl_sim_entries *entries, const char *name, size_t size)
{
    for (uint32_t i = 0; i < entries->count; i++) {
        const vl_sim_bytes *held = entries->items[i].name;

        if (held->size == size && memcmp(held->data, name, size) == 0)
            return &entries->items[i];
    }
    return NULL;
}

int
vl_sim_place_find(vl_sim *sim, const char *path, vl_sim_place *place)
{
    const vl_sim_entry *entry;
    const char *slash;
    int is_folder;
    int error = vl_sim_path_resolve(path, place->full, &is_folder);

    if (error != 0)
        return error;
    slash = strrchr(place->full, '/');
    place->name = is_folder ? "" : slash + 1;
    place->folder_size = slash == place->full ? 1 : (size_t)(slash - place->full);
    place->folder = sim_names_find_folder(sim, place->full, place->folder_size);
    place->inode = NULL;
    if (place->folder == NULL || is_folder)
        return 0;
    entry = sim_names_find_entry(&place->folder->current, place->name, strlen(place->name));
    place->inode = entry != NULL ? entry->inode : NULL;
    return 0;
}

int
vl_sim_folder_is_used(const vl_sim *sim, const char *full)
{
    size_t size = strlen(full);

    if (size == 1)
        return 1;
    for (uint32_t i = 0; i < sim->folder_count; i++) {
        const char *path = (const char *)sim->folders[i]->path->data;

        if (strncmp(path, full, size) == 0 && (path[size] == '\0' || path[size] == '/'))
            return 1;
    }
    return 0;
}

/* ---- entries ---- */

static int
sim_names_reserve_entries(vl_sim *sim, vl_sim_entries *entries, uint32_t needed)
{
    vl_sim_entry *grown = vl_sim_array_reserve(sim->allocator, entries->items, entries->count,
                                               &entries->capacity, needed, sizeof *grown);

    if (grown == NULL)
        return ENOMEM;
    entries->items = grown;
    return 0;
}

static void
sim_names_release_entry(vl_sim_entry *entry)
{
    entry->inode->name_refs--;
    vl_sim_bytes_release(entry->name);
}

static void
sim_names_remove(vl_sim_entries *entries, const vl_sim_bytes *name)
{
    vl_sim_entry *entry = sim_names_find_entry(entries, (const char *)name->data, name->size);

    if (entry == NULL)
        return;
    sim_names_release_entry(entry);
    entries->count--;
    memmove(entry, entry + 1, (size_t)(entries->items + entries->count - entry) * sizeof *entry);
}

/* Let the name refer to the inode; there is room for one more entry. */
static void
sim_names_set(vl_sim_entries *entries, vl_sim_bytes *name, vl_sim_inode *inode)
{
    vl_sim_entry *entry = sim_names_find_entry(entries, (const char *)name->data, name->size);

    inode->name_refs++; /* first: it may be what the entry has */
    if (entry != NULL) {
        entry->inode->name_refs--;
        entry->inode = inode;
        return;
    }
    VL_ASSERT(entries->count < entries->capacity);
    entries->items[entries->count].name = vl_sim_bytes_share(name);
    entries->items[entries->count].inode = inode;
    entries->count++;
}

static void
sim_names_apply(vl_sim_entries *entries, const vl_sim_name_change *change)
{
    switch (change->kind) {
    case VL_SIM_NAME_LINK:
        sim_names_set(entries, change->name, change->inode);
        break;
    case VL_SIM_NAME_UNLINK:
        sim_names_remove(entries, change->name);
        break;
    case VL_SIM_NAME_RENAME:
        sim_names_remove(entries, change->name);
        sim_names_set(entries, change->to, change->inode);
        break;
    }
}

static void
sim_names_deinit_entries(vl_sim_entries *entries)
{
    for (uint32_t i = 0; i < entries->count; i++)
        sim_names_release_entry(&entries->items[i]);
    vl_free(entries->items);
    memset(entries, 0, sizeof *entries);
}

/* Make `to`, which has room, refer to what `from` refers to. */
static void
sim_names_copy_entries(const vl_sim_entries *from, vl_sim_entries *to, int to_twins)
{
    for (uint32_t i = 0; i < from->count; i++) {
        vl_sim_inode *inode = from->items[i].inode;

        to->items[i].name = vl_sim_bytes_share(from->items[i].name);
        to->items[i].inode = to_twins ? inode->twin : inode;
        to->items[i].inode->name_refs++;
    }
    to->count = from->count;
}

/* ---- folders ---- */

static void
sim_names_clear_changes(vl_sim_folder *folder)
{
    for (uint32_t i = 0; i < folder->change_count; i++) {
        vl_sim_name_change *change = &folder->changes[i];

        change->inode->name_refs--;
        vl_sim_bytes_release(change->name);
        vl_sim_bytes_release(change->to);
    }
    folder->change_count = 0;
}

void
vl_sim_folder_destroy(vl_sim_folder *folder)
{
    if (folder == NULL)
        return;
    sim_names_clear_changes(folder);
    vl_free(folder->changes);
    sim_names_deinit_entries(&folder->current);
    sim_names_deinit_entries(&folder->durable);
    vl_sim_bytes_release(folder->path);
    vl_free(folder);
}

/* Add an empty folder; takes the reference to its path in every case. */
static int
sim_names_add_folder(vl_sim *sim, vl_sim_bytes *path, vl_sim_folder **out)
{
    vl_sim_folder **grown =
        vl_sim_array_reserve(sim->allocator, sim->folders, sim->folder_count, &sim->folder_capacity,
                             sim->folder_count + 1, sizeof *grown);
    vl_sim_folder *folder = NULL;

    if (grown != NULL) {
        sim->folders = grown;
        folder = vl_allocator_alloc(sim->allocator, sizeof *folder, VL_ALLOC_ALIGN);
    }
    if (folder == NULL || path == NULL) {
        vl_free(folder);
        vl_sim_bytes_release(path);
        return ENOMEM;
    }
    memset(folder, 0, sizeof *folder);
    folder->path = path;
    sim->folders[sim->folder_count++] = folder;
    *out = folder;
    return 0;
}

static int
sim_names_reserve_changes(vl_sim *sim, vl_sim_folder *folder, uint32_t needed)
{
    vl_sim_name_change *grown =
        vl_sim_array_reserve(sim->allocator, folder->changes, folder->change_count,
                             &folder->change_capacity, needed, sizeof *grown);

    if (grown == NULL)
        return ENOMEM;
    folder->changes = grown;
    return 0;
}

int
vl_sim_folder_copy(vl_sim *sim, const vl_sim_folder *from, vl_sim_folder **out)
{
    int error = sim_names_add_folder(sim, vl_sim_bytes_share(from->path), out);

    if (error == 0)
        error = sim_names_reserve_entries(sim, &(*out)->current, from->current.count);
    if (error == 0)
        error = sim_names_reserve_entries(sim, &(*out)->durable, from->durable.count);
    if (error == 0)
        error = sim_names_reserve_changes(sim, *out, from->change_count);
    if (error != 0)
        return error;
    sim_names_copy_entries(&from->current, &(*out)->current, 1);
    sim_names_copy_entries(&from->durable, &(*out)->durable, 1);
    for (uint32_t i = 0; i < from->change_count; i++) {
        vl_sim_name_change *change = &(*out)->changes[i];

        *change = from->changes[i];
        change->inode = change->inode->twin;
        change->inode->name_refs++;
        (void)vl_sim_bytes_share(change->name);
        (void)vl_sim_bytes_share(change->to);
    }
    (*out)->change_count = from->change_count;
    return 0;
}

/* ---- changes ---- */

/* Note a change, apply it to what is seen; there is room. */
static void
sim_names_push(vl_sim *sim, vl_sim_folder *folder, const vl_sim_name_change *change)
{
    vl_sim_name_change *to = &folder->changes[folder->change_count++];

    *to = *change;
    to->sequence = sim->next_sequence++;
    to->inode->name_refs++; /* keeps N2, also when the last entry goes */
    sim_names_apply(&folder->current, to);
}

/* Make room in the folder for one change with these names. On an error nothing is held. */
static int
sim_names_begin(vl_sim *sim, vl_sim_folder *folder, const char *name, const char *to,
                vl_sim_name_change *change)
{
    int error = sim_names_reserve_changes(sim, folder, folder->change_count + 1);

    if (error == 0)
        error = sim_names_reserve_entries(sim, &folder->current, folder->current.count + 1);
    if (error != 0)
        return error;
    change->name = vl_sim_bytes_create(sim->allocator, name, strlen(name));
    if (to != NULL)
        change->to = vl_sim_bytes_create(sim->allocator, to, strlen(to));
    if (change->name != NULL && (to == NULL || change->to != NULL))
        return 0;
    vl_sim_bytes_release(change->name);
    vl_sim_bytes_release(change->to);
    return ENOMEM;
}

int
vl_sim_names_link(vl_sim *sim, vl_sim_place *place, vl_sim_inode *inode)
{
    vl_sim_name_change change = {.kind = VL_SIM_NAME_LINK, .inode = inode};
    int error = 0;

    if (place->folder == NULL)
        error = sim_names_add_folder(
            sim, vl_sim_bytes_create(sim->allocator, place->full, place->folder_size),
            &place->folder);
    if (error == 0)
        error = sim_names_begin(sim, place->folder, place->name, NULL, &change);
    if (error == 0)
        sim_names_push(sim, place->folder, &change);
    return error;
}

int
vl_sim_names_unlink(vl_sim *sim, vl_sim_place *place)
{
    vl_sim_name_change change = {.kind = VL_SIM_NAME_UNLINK, .inode = place->inode};
    int error = sim_names_begin(sim, place->folder, place->name, NULL, &change);

    if (error == 0)
        sim_names_push(sim, place->folder, &change);
    return error;
}

int
vl_sim_names_rename(vl_sim *sim, vl_sim_place *from, vl_sim_place *to)
{
    vl_sim_name_change change = {.kind = VL_SIM_NAME_RENAME, .inode = from->inode};
    int error;

    if (from->folder != to->folder)
        return EXDEV;
    if (from->inode == to->inode)
        return 0;
    error = sim_names_begin(sim, from->folder, from->name, to->name, &change);
    if (error == 0)
        sim_names_push(sim, from->folder, &change);
    return error;
}

int
vl_sim_names_sync(vl_sim *sim, vl_sim_folder *folder)
{
    int error = vl_sim_names_reserve(sim, folder);

    if (error != 0)
        return error;
    for (uint32_t i = 0; i < folder->change_count; i++)
        sim_names_apply(&folder->durable, &folder->changes[i]);
    sim_names_clear_changes(folder);
    return 0;
}

/* ---- power cuts ---- */

int
vl_sim_names_reserve(vl_sim *sim, vl_sim_folder *folder)
{
    uint32_t most = folder->durable.count + folder->change_count;
    int error = sim_names_reserve_entries(sim, &folder->durable, most);

    if (error == 0)
        error = sim_names_reserve_entries(sim, &folder->current, most);
    return error;
}

static int
sim_names_are_equal(const vl_sim_bytes *a, const vl_sim_bytes *b)
{
    return a != NULL && b != NULL && a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
}

/* Whether an earlier change of this name was lost. */
static int
sim_names_is_stopped(const vl_sim_folder *folder, uint32_t index, const vl_sim_bytes *name)
{
    for (uint32_t i = 0; i < index; i++) {
        const vl_sim_name_change *change = &folder->changes[i];

        if (change->lost != 0 && sim_names_are_equal(change->name, name))
            return 1;
        if (change->lost == 1 && sim_names_are_equal(change->to, name))
            return 1;
    }
    return 0;
}

/* Keep each name's changes up to some point of its own. A rename ties two names: it is kept if both
 * get that far, or its second half alone, as after a link that was kept and an unlink that was
 * not. */
static void
sim_names_settle_scattered(vl_sim_folder *folder, vl_sim_draw *draw)
{
    for (uint32_t i = 0; i < folder->change_count; i++) {
        vl_sim_name_change *change = &folder->changes[i];

        change->lost = sim_names_is_stopped(folder, i, change->name) ||
                       sim_names_is_stopped(folder, i, change->to) ||
                       vl_rng_chance(&draw->rng, 1, 3);
        if (!change->lost && change->kind == VL_SIM_NAME_RENAME &&
            vl_rng_chance(&draw->rng, 1, 4)) {
            change->lost = 2;
            sim_names_set(&folder->durable, change->to, change->inode);
        }
        if (!change->lost)
            sim_names_apply(&folder->durable, change);
    }
}

static void
sim_names_settle_prefix(vl_sim_folder *folder, vl_sim_draw *draw)
{
    uint32_t before = 0;
    int at_point = 0;
    uint32_t kept;

    for (uint32_t i = 0; i < folder->change_count; i++) {
        before += folder->changes[i].sequence < draw->point;
        at_point |= folder->changes[i].sequence == draw->point;
    }
    kept = vl_sim_draw_prefix(draw, 0, folder->change_count, before, at_point);
    for (uint32_t i = 0; i < kept; i++)
        sim_names_apply(&folder->durable, &folder->changes[i]);
}

void
vl_sim_names_settle(vl_sim_folder *folder, vl_sim_draw *draw)
{
    if (draw->outcome.scatters_names && draw->outcome.keep == VL_SIM_KEEP_RANDOM)
        sim_names_settle_scattered(folder, draw);
    else
        sim_names_settle_prefix(folder, draw);
    sim_names_clear_changes(folder);
    for (uint32_t i = 0; i < folder->current.count; i++)
        sim_names_release_entry(&folder->current.items[i]);
    sim_names_copy_entries(&folder->durable, &folder->current, 0);
}
