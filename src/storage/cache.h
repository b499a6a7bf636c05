/* cache.h - pages in memory: lookup without locks, latches in the page's word, changes,
 * checkpoints.
 *
 * Every page of a database is reached through here by its number. A word of 64 bits for each page
 * number says where the page is and guards it (cache_word.h), so finding a resident page is one
 * atomic load. The page's memory is a *frame*.
 *
 * Reading
 *   optimistic   vl_cache_peek; inner nodes only; nothing is written; what was read counts once
 *                vl_peek_valid has said 1
 *   shared       vl_cache_shared; any number of holders
 *   exclusive    vl_cache_exclusive, or vl_peek_upgrade
 * They find resident pages only, and never do I/O. When a page is absent the caller gives up its
 * latches, calls vl_cache_load, and starts over from where it found the page's number: the page may
 * have been freed meanwhile, and its number given to another.
 *
 * Changing (reserve, enter, log, apply, leave; hazard 9)
 *   1. vl_change_begin
 *   2. vl_change_new_page for each page to be added: may do I/O, so no latch on other pages is held
 *   3. latch the pages exclusively, vl_change_prepare for each page that will change and
 *      vl_change_prepare_free for each that will go. Answer 0: release all latches (new pages
 * stay), vl_change_wait, and go back to where the latches are taken
 *   4. vl_change_enter: the write section begins. Answer 0: a checkpoint has begun meanwhile; as
 *      above
 *   5. append to the log, change the pages: nothing here waits, fails, or allocates
 *   6. vl_change_leave: the section ends; new pages exist, freed ones are gone
 *   7. release latches; vl_change_end
 * A checkpoint holds all changes of a section or none.
 *
 * Latch order: pages of a tree parent before child, left before right; then map pages, inside this
 * module. Words have no rank; docs/locking.md says what is checked instead. */
#ifndef VL_STORAGE_CACHE_H
#define VL_STORAGE_CACHE_H

#include "base/ctx.h"
#include "storage/cache_word.h"
#include "storage/page.h"

typedef struct vl_cache vl_cache;
typedef struct vl_volume vl_volume;

/* ---- the cache ---- */

/* What the layer above is told of pages that carry an attachment. Both are called while nobody else
 * can reach the page, perhaps under a latch of rank VL_RANK_CACHE: neither waits, calls this
 * module, or takes latches of lower ranks. */
typedef struct vl_cache_hooks {
    void *user; /* passed to both */
    /* A page with an attachment leaves memory; keep it elsewhere. */
    void (*keep)(void *user, vl_pid pid, void *attachment);
    /* A page has come: the attachment it is to have, or NULL. */
    void *(*bring)(void *user, vl_pid pid);
} vl_cache_hooks;

typedef struct vl_cache_options {
    vl_volume *volume;     /* where pages live; NULL: a database in memory, whose pages never leave.
                              Borrowed; outlives the cache */
    uint32_t page_size;    /* bytes */
    uint64_t budget_bytes; /* frames, words and copies never take more; 0: elastic, up to the lesser
                              of a quarter of the memory (or of the container's limit) and 1 GiB. Of
                              a database in memory: no limit when 0 */
    int has_background;    /* 1: the owner runs vl_cache_tend on a thread of its own */
    const vl_cache_hooks *hooks; /* NULL for none; copied */
} vl_cache_options;

/* Errors: VELO_NOMEM. Memory comes from the context's allocator, later too. */
velo_status vl_cache_create(vl_ctx *ctx, const vl_cache_options *options, vl_cache **out)
    VL_MUST_CHECK;

/* Destroy. Changed pages that no checkpoint took are lost. NULL is allowed. */
void vl_cache_destroy(vl_cache *cache);

uint32_t vl_cache_page_size(const vl_cache *cache);

/* ---- reading ---- */

/* A page that the caller has latched, shared or exclusively. */
typedef struct vl_page_ref {
    void *page;             /* its bytes; read only unless prepared; NULL: no page */
    vl_pid pid;             /* its number */
    uint32_t frame;         /* private */
    _Atomic uint64_t *word; /* private */
} vl_page_ref;

/* A page that is being read optimistically. */
typedef struct vl_page_peek {
    const void *page;       /* its bytes, which may change meanwhile */
    vl_pid pid;             /* its number */
    _Atomic uint64_t *word; /* private */
    uint64_t seen;          /* private */
} vl_page_peek;

/* Begin an optimistic read: 1, or 0 when the page is not resident. Waits while somebody has it
 * exclusively. Any pid is allowed, also one that does not exist. Every peek is ended, by
 * vl_peek_end or a successful vl_peek_upgrade (thread sanitizer builds hold a shared latch). */
int vl_cache_peek(vl_cache *cache, vl_pid pid, vl_page_peek *peek);

/* Whether all that was read so far is true. The read goes on. */
static inline int
vl_peek_valid(const vl_page_peek *peek)
{
    return vl_word_read_valid(peek->word, peek->seen);
}

/* End the read: as vl_peek_valid. */
static inline int
vl_peek_end(vl_page_peek *peek)
{
    return vl_word_read_end(peek->word, peek->seen);
}

/* End the read by taking the page exclusively if nothing changed: 1, else 0 and the read is ended.
 * Never waits. */
int vl_peek_upgrade(vl_cache *cache, vl_page_peek *peek, vl_page_ref *ref);

/* Latch a resident page: 1, or 0 when it is not resident. Waits for the latch. */
int vl_cache_shared(vl_cache *cache, vl_pid pid, vl_page_ref *ref);
int vl_cache_exclusive(vl_cache *cache, vl_pid pid, vl_page_ref *ref);

/* A page that was latched exclusively, to come back to. */
typedef struct vl_page_memo {
    uint64_t cache_id; /* private: of which cache; 0: of none, which recalls nothing */
    uint64_t seen;     /* private: the word's part that changes with the page */
    vl_pid pid;        /* private */
} vl_page_memo;

/* Note a page that the caller has latched exclusively, not new in this change, as it will be when
 * the caller releases it: right before that. */
void vl_cache_note(const vl_cache *cache, const vl_page_ref *ref, vl_page_memo *memo);

/* Note a page that is being read optimistically: 1 when it is in memory of its own. 0: it cannot be
 * recalled. The note is as true as the read turns out to be. */
int vl_peek_note(vl_cache *cache, const vl_page_peek *peek, vl_page_memo *memo);

/* Latch the page exclusively if since that release, or since that read began, nobody has had it
 * exclusively, and it has not left memory: 1, and nothing that was true of it then is different,
 * neither its bytes nor its place in a structure whose changes latch it exclusively. Else 0. Never
 * waits. A word's version wraps after 67 million exclusive releases of the page: who keeps a memo
 * for long compares something of the page as well. The cache may have been destroyed since. */
int vl_cache_recall(vl_cache *cache, const vl_page_memo *memo, vl_page_ref *ref);

/* Release, which advances the version if exclusive. ref->page becomes NULL; a ref without a page
 * is allowed. */
void vl_cache_release_shared(vl_cache *cache, vl_page_ref *ref);
void vl_cache_release_exclusive(vl_cache *cache, vl_page_ref *ref);

/* Bring a page in, if it is not there, and check it: checksum, number, and vl_page_check. The
 * caller holds no latches but those of new pages. The page may be gone again when this returns:
 * callers loop, from where they found its number.
 *
 * That number may be out of date: its page was freed meanwhile. So a page that does not exist is no
 * error at first. It is one when a thread asks for the same page twice in a row and no page at all
 * was freed in between: what refers to it was read anew, and is wrong.
 *
 * errors  VELO_CORRUPT: there is no such page, or it is damaged (says which, where in the file, and
 *         of which tree); VELO_IOERR; VELO_NOMEM; VELO_FULL (a dirty page had to be written to make
 *         room, and could not be) */
velo_status vl_cache_load(vl_ctx *ctx, vl_cache *cache, vl_pid pid) VL_MUST_CHECK;

/* Bring pages in with one batch of I/O, all of `count` (at most VL_CACHE_BATCH); those resident are
 * skipped. As vl_cache_load otherwise; a page that fails makes no error here. */
#define VL_CACHE_BATCH 64
void vl_cache_load_batch(vl_cache *cache, const vl_pid *pids, uint32_t count);

/* Whether a page is resident: a hint. */
int vl_cache_is_resident(vl_cache *cache, vl_pid pid);

/* ---- changing ---- */

#define VL_CHANGE_MAX_PAGES 8

/* One change; fields are private. Lives on the stack; used by one thread. */
typedef struct vl_change {
    vl_cache *cache; /* where the pages are */
    uint64_t epoch;  /* in which everything so far was prepared; 0: nothing */
    vl_page_ref added[VL_CHANGE_MAX_PAGES];  /* pages to be born */
    vl_page_ref *freed[VL_CHANGE_MAX_PAGES]; /* pages to go, as the caller holds them */
    uint32_t added_count;                    /* of added */
    uint32_t freed_count;                    /* of freed */
    int is_inside;                           /* between enter and leave */
    uint32_t wants_copies;                   /* a 0 asked for so many frames for copies */
    uint32_t wants_promises;                 /* a 0 asked for space for so many images */
    uint32_t promises;    /* images for which this change has been promised space */
    vl_pid wants_path;    /* a 0 asked for the map pages above this page; 0: none */
    vl_pid held_path;     /* those above this page are held; 0: none */
    uint32_t held_levels; /* how many */
} vl_change;

void vl_change_begin(vl_cache *cache, vl_change *change);

/* Reserve a page number and a zeroed frame. The page is the caller's through *ref; to all others
 * there is no such page. It may be filled before the section begins; vl_change_leave makes it real
 * and latched exclusively, and the caller releases it. One that is not made real goes with
 * vl_change_end, released before or not. At most VL_CHANGE_MAX_PAGES a change.
 *
 * latches  the caller holds none but those of new pages
 * errors   VELO_FULL, VELO_NOMEM, VELO_IOERR, VELO_CORRUPT */
velo_status vl_change_new_page(vl_ctx *ctx, vl_change *change, vl_page_ref *ref) VL_MUST_CHECK;

/* Make ready to change an exclusively latched page: 1; 0: not without waiting. Its space on disk
 * is reserved, a checkpoint under way has its copy. May be repeated; new pages need none. */
int vl_change_prepare(vl_change *change, vl_page_ref *ref);

/* Make ready to free an exclusively latched page: 1 or 0. It goes when the section ends: *ref,
 * which stays where it is until then, is released and empty. Its attachment is NULL by then. May be
 * repeated. When the section is not entered, vl_change_wait and vl_change_end forget it: the page
 * stays, and the caller's latch with it. */
int vl_change_prepare_free(vl_change *change, vl_page_ref *ref);

/* Do what a 0 asked for, with no latches held but those of new pages. Errors as vl_change_new_page:
 * then the change cannot be made, and nothing has been changed. */
velo_status vl_change_wait(vl_ctx *ctx, vl_change *change) VL_MUST_CHECK;

/* Enter the write section: 1; 0 when a checkpoint has begun since the first prepare, and nothing
 * is prepared any more. Waits only while a checkpoint is at its barrier (microseconds). */
int vl_change_enter(vl_change *change);
void vl_change_leave(vl_change *change);

/* Give back what was reserved and not used. Always called, after success and failure. */
void vl_change_end(vl_change *change);

/* Enter and leave a section that changes no page (a commit record). */
void vl_cache_enter(vl_cache *cache);
void vl_cache_leave(vl_cache *cache);

/* ---- what a frame carries for the layer above ---- */

/* A pointer kept with a resident page (its version map); changed under its exclusive latch. See
 * vl_cache_hooks for what becomes of it when the page leaves memory. */
void *vl_cache_attachment(const vl_cache *cache, const vl_page_ref *ref);
void vl_cache_set_attachment(vl_cache *cache, const vl_page_ref *ref, void *attachment);

/* Take all attachments off, telling of each: before the cache is destroyed, while nobody else uses
 * it. */
typedef void vl_cache_attached(void *argument, void *attachment);
void vl_cache_take_attachments(vl_cache *cache, vl_cache_attached *taken, void *argument);

/* ---- budget, background, numbers ---- */

/* Change the budget; shrinks by evicting. Errors as vl_cache_load. */
velo_status vl_cache_set_budget(vl_ctx *ctx, vl_cache *cache, uint64_t budget_bytes) VL_MUST_CHECK;

/* Keep some frames free: evict if few are. For the background thread. */
velo_status vl_cache_tend(vl_ctx *ctx, vl_cache *cache) VL_MUST_CHECK;

/* For who writes pages in the background and does not have to hurry: take a ticket; look whether
 * there is a reason to go on; rest, until there is or the time is over. vl_cache_end_rest ends it.
 */
uint32_t vl_cache_rest_ticket(const vl_cache *cache);
void vl_cache_rest(vl_cache *cache, uint32_t ticket, int64_t timeout_ns);
void vl_cache_end_rest(vl_cache *cache);

/* The cache's own reasons to go on: somebody waits for a frame or for the checkpoint in writing, or
 * soon would, since half of the frames for its copies are used. They end a rest. */
int vl_cache_is_pressed(vl_cache *cache);

/* Make all pages dirty whose images end behind block `end`, so that the next checkpoint writes them
 * to other blocks. *count receives how many. Of a database in a file; outside of changes, with
 * nothing latched. Errors as vl_cache_load. */
velo_status vl_cache_touch_behind(vl_ctx *ctx, vl_cache *cache, uint64_t end, uint64_t *count)
    VL_MUST_CHECK;

typedef struct vl_cache_stats {
    uint64_t load_count;  /* pages read */
    uint64_t evict_count; /* pages dropped */
    uint64_t write_count; /* of these, written first */
    uint64_t copy_count;  /* copies that writers made for a checkpoint */
    uint64_t place_count; /* pages of `loads` that were found where they lie, in no frame */
    uint64_t lift_count;  /* such pages that were moved to a frame, to be changed */
    uint64_t frame_count; /* frames that exist */
    uint64_t free_count;  /* frames without a page */
    uint64_t dirty_count; /* pages changed since the last checkpoint's barrier, about */
    uint64_t bytes;       /* memory of frames, words, copies */
    uint64_t page_count;  /* pages that exist; in a file: not known, 0 */
    uint64_t page_end;    /* one past the largest number that was ever taken */
} vl_cache_stats;

void vl_cache_get_stats(vl_cache *cache, vl_cache_stats *stats);

#endif
