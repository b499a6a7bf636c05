/* index_entry.h - the entries of indexes: what stands in their keys and values.
 *
 * The key is the index's terms in the form of storage/key.h, followed by the rowid; of a unique
 * index without a NULL among its terms the terms alone, so that two rows with the same terms would
 * have one key. The value is always the rowid: 1 to 8 bytes, little-endian, two's complement.
 *
 * Of a table WITHOUT ROWID the terms are followed by those columns of the primary key that are not
 * among them (vl_index_def.total_count), so that entries come in SQLite's order; the value is the
 * hidden rowid, so that a row is found without a look at the primary key. */
#ifndef VL_EXEC_INDEX_ENTRY_H
#define VL_EXEC_INDEX_ENTRY_H

#include "exec/exec_int.h"

/* Bytes of a key in the making, in an arena. */
typedef struct vl_entry_key {
    uint8_t *data;
    uint32_t size;
    uint32_t room;
    int is_whole; /* vl_entry_key_make: it ends with what names the row, so no other row has it */
} vl_entry_key;

/* Append a column. errors  VELO_NOMEM, VELO_TOOBIG */
velo_status vl_entry_key_add(vl_ctx *ctx, vl_arena *arena, vl_entry_key *key, const vl_value *value,
                             const vl_index_term *term) VL_MUST_CHECK;

/* Append bytes as they are. errors  VELO_NOMEM, VELO_TOOBIG */
velo_status vl_entry_key_add_bytes(vl_ctx *ctx, vl_arena *arena, vl_entry_key *key,
                                   const uint8_t *bytes, uint32_t size) VL_MUST_CHECK;

/* Append one byte. errors  VELO_NOMEM */
velo_status vl_entry_key_add_byte(vl_ctx *ctx, vl_arena *arena, vl_entry_key *key, uint8_t byte)
    VL_MUST_CHECK;

/* Make the key of a row's entry.
 *
 * exprs  what the terms that are expressions evaluate to, in their order
 * full   the full row (sql/plan.h): all columns, then the rowid
 * eval   evaluates on the full row */
velo_status vl_entry_key_make(vl_ctx *ctx, vl_eval *eval, const vl_index_def *index,
                              const vl_exprs *exprs, const vl_value *full, vl_entry_key *key)
    VL_MUST_CHECK;

/* The value: returns its size. */
uint32_t vl_entry_put_rowid(uint8_t to[8], int64_t rowid);
int64_t vl_entry_get_rowid(const void *value, uint32_t size);

#endif
