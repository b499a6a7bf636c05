/* record.h - what the records of the log say: operations on trees, by transactions.
 *
 * The log (wal.h) carries records of a type, a transaction and a body; here are the types and the
 * bodies. They are logical: they name a tree, a rowid or a key, never a page, so that recovery and
 * replication apply them to whatever the pages look like there.
 *
 *   type          body
 *   COMMIT        nothing: all of the transaction's operations happened
 *   ABORT         nothing: none of them did
 *   DISCARD       u64 position: its operations from there to here did not happen
 *   TABLE_INSERT  tree, rowid, row: a row that was not there
 *   TABLE_UPDATE  tree, rowid, row of the changed columns only
 *   TABLE_DELETE  tree, rowid
 *   KEY_PUT       tree, key, value: an entry that was not there, or another value
 *   KEY_DELETE    tree, key
 *   TREE_CREATE   tree, u8 kind, layout
 *   TREE_DROP     tree
 *   TREE_LAYOUT   tree, layout: a table has other columns from here on
 *   TREE_MARK     tree, number: the tree's mark is at least this (greatest rowid ever given)
 *   CHUNK         tree, long value, total size, bytes: a part of a value too long for one record,
 *                 before the record that uses it, which is of the same tree
 *   LISTED        tree, rowid, u8 kind, u64 position, last, key, row: a change by a transaction
 *                 that had not ended at the checkpoint, and what was there before. No operation:
 *                 the change is in the checkpoint's pages
 *   LIST_END      nothing: all that is listed has been
 *   TABLE_ROWS    tree, leaf: rows that were not there, as many inserts at once
 *
 *   tree, total size   varint
 *
 *   rowid, number, last
 *                      varint, zigzag
 *
 *   row, layout        a record of leaf_row.h, to the body's end. In a row, the page number of a
 *                      value in overflow is the number of a long value. In a layout, values are
 *                      the columns' defaults
 *
 *   long value         varint from 1 on, unique in its transaction; in a checkpoint's list, of
 *                      keys, from 2^32 on
 *
 *   key                varint 2 * size, and the bytes. Of a key that was sent in chunks: varint
 *                      2 * long value + 1
 *
 *   value              bytes to the body's end
 *
 *   leaf               a leaf page (leaf_pax.h, docs/file-format.md) to the body's end, without the
 *                      free space between its arrays and its heap: `fixed_end` bytes and
 *                      `heap_used` bytes. All of its slots are live, no value is in overflow, it
 *                      is none of records; its number means nothing
 *
 * The list of a checkpoint begins where its log begins, if its superblock says VL_SUPER_LISTED, and
 * has the last change of each transaction first, behind the chunks of its key if that is too long.
 * `position` is that of the change's own record.
 * Other lists mean nothing: they are of checkpoints that were not finished.
 *
 *   kind           the row or entry was       columns in `row`, and what undoes it
 *   INSERT         not there                  none: remove it
 *   REINSERT       a tombstone                of the tombstone: put it back. None: remove the row
 *   UPDATE         live                       those that were changed: put them back
 *   DELETE         live                       none: unmark the tombstone
 *   RANGE          not there, rowid to last   none: remove them
 *   TREE_CREATED   no tree                    none: drop it
 *   TREE_DROPPED   a tree                     none: it is there still, and is dropped if the
 *                                             transaction has committed
 *   TREE_GOING     a tree                     none: as above, and it has
 *
 * An entry's value is its column 0, a blob. Of values in overflow `row` has the page numbers.
 *
 * A type with VL_RECORD_COMMITS is an operation and its transaction's COMMIT in one: the common
 * case of one operation in a transaction takes one record. All functions are pure; any thread. */
#ifndef VL_STORAGE_RECORD_H
#define VL_STORAGE_RECORD_H

#include "storage/leaf_row.h"
#include "storage/page.h"

typedef enum vl_record_type {
    VL_RECORD_COMMIT = 1,
    VL_RECORD_ABORT = 2,
    VL_RECORD_DISCARD = 3,
    VL_RECORD_TABLE_INSERT = 4,
    VL_RECORD_TABLE_UPDATE = 5,
    VL_RECORD_TABLE_DELETE = 6,
    VL_RECORD_KEY_PUT = 7,
    VL_RECORD_KEY_DELETE = 8,
    VL_RECORD_TREE_CREATE = 9,
    VL_RECORD_TREE_DROP = 10,
    VL_RECORD_TREE_LAYOUT = 11,
    VL_RECORD_TREE_MARK = 12,
    VL_RECORD_CHUNK = 13,
    VL_RECORD_LISTED = 14,
    VL_RECORD_LIST_END = 15,
    VL_RECORD_TABLE_ROWS = 16
} vl_record_type;
#define VL_RECORD_TYPE_COUNT 17

/* Kinds of LISTED records. Stored. */
typedef enum vl_listed_kind {
    VL_LISTED_INSERT = 1,
    VL_LISTED_REINSERT = 2,
    VL_LISTED_UPDATE = 3,
    VL_LISTED_DELETE = 4,
    VL_LISTED_RANGE = 5,
    VL_LISTED_TREE_CREATED = 6,
    VL_LISTED_TREE_DROPPED = 7,
    VL_LISTED_TREE_GOING = 8
} vl_listed_kind;

/* Added to a type: the transaction commits with this record. */
#define VL_RECORD_COMMITS 0x100U

/* Bytes that everything but rows, layouts, keys' and values' bytes takes in any body, at most. */
#define VL_RECORD_HEAD_SIZE 64U

/* A key in a record. */
typedef struct vl_record_key {
    const uint8_t *data; /* `size` bytes; NULL when it was sent in chunks */
    uint32_t size;       /* 0 when it was sent in chunks */
    uint64_t long_value; /* 0, or the number of the chunks' value */
} vl_record_key;

/* A body taken apart; what a type does not have is zero. Pointers are into the body. */
typedef struct vl_record {
    vl_record_type type; /* without VL_RECORD_COMMITS */
    int commits;         /* 1: the transaction commits with it */
    uint8_t kind;        /* TREE_CREATE: a vl_tree_kind; LISTED: a vl_listed_kind; unchecked */
    vl_tree_id tree;     /* which tree */
    int64_t rowid;       /* rows; TREE_MARK: the mark */
    uint64_t position;   /* DISCARD, LISTED */
    int64_t last;        /* LISTED: of a range */
    uint64_t long_value; /* CHUNK: of which value */
    uint64_t total_size; /* CHUNK: bytes of the whole value */
    vl_record_key key;   /* KEY_PUT, KEY_DELETE, LISTED */
    const uint8_t *data; /* row, layout, value, chunk or leaf */
    size_t size;         /* its bytes */
} vl_record;

/* Write the head of a body: all of it but `record->data`, which follows as it is. `type`, and the
 * fields that the type has, are set; the key's bytes are part of the head.
 *
 * to       room for VL_RECORD_HEAD_SIZE bytes and the key's
 * returns  the byte behind */
uint8_t *vl_record_put_head(uint8_t *to, const vl_record *record);

/* Take a body apart.
 *
 * type     as the log has it, with or without VL_RECORD_COMMITS
 * returns  NULL, or static text: why these bytes are no such record. The bytes may be anything;
 *          rows and layouts are checked (vl_leaf_record_is_valid), of leaves only the size */
const char *vl_record_parse(uint32_t type, const void *body, size_t size, vl_record *record);

/* The two parts of a leaf for a TABLE_ROWS record, which follow its head. */
typedef struct vl_record_leaf {
    const uint8_t *arrays; /* from the page's begin */
    uint32_t arrays_size;  /* bytes */
    const uint8_t *heap;   /* to the page's end */
    uint32_t heap_size;    /* bytes */
} vl_record_leaf;

void vl_record_split_leaf(const vl_leaf *leaf, uint32_t page_size, vl_record_leaf *parts);

/* Put the leaf of a TABLE_ROWS record together again.
 *
 * leaf    receives it: page_size bytes, aligned to 8. All slots are live, no value is in overflow
 * errors  VELO_CORRUPT: it is no leaf, or not one of those that such a record may have */
velo_status vl_record_join_leaf(vl_ctx *ctx, const vl_record *record, uint32_t page_size,
                                vl_leaf *leaf) VL_MUST_CHECK;

/* A name for messages: "table insert". Static text; "unknown" for an unknown type. */
const char *vl_record_type_name(uint32_t type);

#endif
