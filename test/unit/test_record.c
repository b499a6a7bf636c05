/* test_record.c - bodies of log records. */
#include "lib/unit.h"

#include "base/bytes.h"
#include "leaf_rows.h"
#include "storage/record.h"

#define RECORD_TEST_ROUNDS 20000

static const uint8_t record_test_bytes[] = "some bytes that are longer than a head is, by far";

/* A row of one or two columns, as bytes. */
static size_t
record_test_row(vl_rng *rng, uint8_t *to)
{
    static const uint32_t ids[] = {3, 900};
    vl_leaf_value values[2];
    vl_leaf_schema schema = {ids, NULL, (uint16_t)(1 + vl_rng_below(rng, 2)), 0};

    memset(values, 0, sizeof values);
    values[0].value.type = VL_TYPE_INTEGER;
    values[0].value.as.integer = (int64_t)vl_rng_next(rng);
    values[1].value.type = VL_TYPE_TEXT;
    values[1].value.size = (uint32_t)vl_rng_below(rng, sizeof record_test_bytes);
    values[1].value.as.data = record_test_bytes;
    return (size_t)(vl_leaf_record_put(to, &schema, values) - to);
}

/* A leaf that has the right size, and is none beside that. */
static size_t
record_test_leaf(vl_rng *rng, uint8_t *to)
{
    vl_leaf head = {.fixed_end = (uint32_t)(sizeof head + vl_rng_below(rng, 80)),
                    .heap_used = (uint32_t)vl_rng_below(rng, 80)};

    memcpy(to, &head, sizeof head);
    memset(to + sizeof head, 7, head.fixed_end + head.heap_used - sizeof head);
    return head.fixed_end + head.heap_used;
}

/* A random record of a type, its data in `data`. */
static void
record_test_make(vl_rng *rng, vl_record_type type, uint8_t *data, vl_record *record)
{
    memset(record, 0, sizeof *record);
    record->type = type;
    record->tree = 1 + (vl_rng_next(rng) >> vl_rng_below(rng, 64)) / 2;
    record->rowid = (int64_t)(vl_rng_next(rng) >> vl_rng_below(rng, 64));
    record->kind = (uint8_t)vl_rng_below(rng, 256);
    record->position = vl_rng_next(rng);
    record->last = (int64_t)(vl_rng_next(rng) >> vl_rng_below(rng, 64));
    record->long_value = 1 + vl_rng_below(rng, 1000);
    record->total_size = 1000 + vl_rng_below(rng, 1000000);
    if (vl_rng_below(rng, 4) == 0) {
        record->key.long_value = 1 + vl_rng_below(rng, 300);
    } else {
        record->key.data = record_test_bytes;
        record->key.size = (uint32_t)vl_rng_below(rng, sizeof record_test_bytes);
    }
    record->data = data;
    record->size =
        type == VL_RECORD_TABLE_ROWS ? record_test_leaf(rng, data) : record_test_row(rng, data);
}

/* Which parts of a record its type has. */
static int
record_test_has_data(vl_record_type type)
{
    switch (type) {
    case VL_RECORD_TABLE_INSERT:
    case VL_RECORD_TABLE_UPDATE:
    case VL_RECORD_KEY_PUT:
    case VL_RECORD_TREE_CREATE:
    case VL_RECORD_TREE_LAYOUT:
    case VL_RECORD_CHUNK:
    case VL_RECORD_LISTED:
    case VL_RECORD_TABLE_ROWS:
        return 1;
    default:
        return 0;
    }
}

static void
record_test_compare(const vl_record *wanted, const vl_record *got)
{
    switch (wanted->type) {
    case VL_RECORD_COMMIT:
    case VL_RECORD_ABORT:
    case VL_RECORD_LIST_END:
        break;
    case VL_RECORD_LISTED:
        CHECK(got->tree == wanted->tree);
        CHECK(got->rowid == wanted->rowid);
        CHECK(got->kind == wanted->kind);
        CHECK(got->position == wanted->position);
        CHECK(got->last == wanted->last);
        CHECK(got->key.long_value == wanted->key.long_value);
        CHECK(got->key.size == wanted->key.size || wanted->key.long_value != 0);
        break;
    case VL_RECORD_DISCARD:
        CHECK(got->position == wanted->position);
        break;
    case VL_RECORD_CHUNK:
        CHECK(got->tree == wanted->tree);
        CHECK(got->long_value == wanted->long_value);
        CHECK(got->total_size == wanted->total_size);
        break;
    case VL_RECORD_KEY_PUT:
    case VL_RECORD_KEY_DELETE:
        CHECK(got->tree == wanted->tree);
        CHECK(got->key.long_value == wanted->key.long_value);
        CHECK_EQ(got->key.size, wanted->key.size);
        CHECK(wanted->key.size == 0 ||
              memcmp(got->key.data, wanted->key.data, wanted->key.size) == 0);
        break;
    case VL_RECORD_TABLE_INSERT:
    case VL_RECORD_TABLE_UPDATE:
    case VL_RECORD_TABLE_DELETE:
    case VL_RECORD_TREE_MARK:
        CHECK(got->tree == wanted->tree);
        CHECK_EQ(got->rowid, wanted->rowid);
        break;
    case VL_RECORD_TREE_CREATE:
        CHECK_EQ(got->kind, wanted->kind);
        CHECK(got->tree == wanted->tree);
        break;
    case VL_RECORD_TREE_DROP:
    case VL_RECORD_TREE_LAYOUT:
    case VL_RECORD_TABLE_ROWS:
        CHECK(got->tree == wanted->tree);
        break;
    }
}

/* Every type is read as it was written; every shorter body, and one longer where that cannot be,
 * is refused or is another record. */
static void
record_round_trips(void)
{
    uint8_t data[256], body[512];
    vl_record wanted, got;
    vl_rng rng;

    vl_rng_init(&rng, unit_seed());
    for (uint32_t round = 0; round < RECORD_TEST_ROUNDS; round++) {
        vl_record_type type = (vl_record_type)(1 + round % (VL_RECORD_TYPE_COUNT - 1));
        size_t head, size;
        const char *fault;

        record_test_make(&rng, type, data, &wanted);
        head = (size_t)(vl_record_put_head(body, &wanted) - body);
        CHECK(head <= VL_RECORD_HEAD_SIZE + wanted.key.size);
        size = head;
        if (record_test_has_data(type)) {
            memcpy(body + head, data, wanted.size);
            size += wanted.size;
        }
        fault = vl_record_parse((uint32_t)type, body, size, &got);
        CHECK_TEXT(fault != NULL ? fault : "", "");
        CHECK_EQ(got.type, type);
        CHECK_EQ(got.commits, 0);
        record_test_compare(&wanted, &got);
        if (unit_has_failed())
            return;
        CHECK_EQ(got.size, size - head);
        CHECK(got.size == 0 || memcmp(got.data, data, got.size) == 0);
        if (head > 0)
            CHECK(vl_record_parse((uint32_t)type, body, vl_rng_below(&rng, head), &got) != NULL);
        if (!record_test_has_data(type))
            CHECK(vl_record_parse((uint32_t)type, body, size + 1, &got) != NULL);
    }
}

static void
record_commit_flag_is_for_operations(void)
{
    uint8_t body[VL_RECORD_HEAD_SIZE];
    vl_record record = {.type = VL_RECORD_TABLE_DELETE, .tree = 5, .rowid = -3}, got;
    size_t size = (size_t)(vl_record_put_head(body, &record) - body);

    CHECK(vl_record_parse(VL_RECORD_TABLE_DELETE | VL_RECORD_COMMITS, body, size, &got) == NULL);
    CHECK_EQ(got.commits, 1);
    CHECK_EQ(got.type, VL_RECORD_TABLE_DELETE);
    CHECK_EQ(got.rowid, -3);
    CHECK(vl_record_parse(VL_RECORD_COMMIT | VL_RECORD_COMMITS, body, 0, &got) != NULL);
    CHECK(vl_record_parse(VL_RECORD_COMMIT, body, 0, &got) == NULL);
    CHECK(vl_record_parse(0, body, 0, &got) != NULL);
    CHECK(vl_record_parse(VL_RECORD_TYPE_COUNT, body, 0, &got) != NULL);
    CHECK(vl_record_parse(UINT32_MAX, body, 0, &got) != NULL);
    CHECK_TEXT(vl_record_type_name(VL_RECORD_KEY_PUT | VL_RECORD_COMMITS), "key put");
    CHECK_TEXT(vl_record_type_name(77), "unknown");
}

/* Write a TABLE_ROWS record of a leaf, and read it again: the leaf, or why it is refused. */
static velo_status
record_test_carry(const vl_leaf *leaf, uint32_t page_size, vl_leaf *to)
{
    static uint8_t body[VL_RECORD_HEAD_SIZE + 4096];
    vl_record record = {.type = VL_RECORD_TABLE_ROWS, .tree = 300}, got;
    uint8_t *end = vl_record_put_head(body, &record);
    vl_record_leaf parts;

    vl_record_split_leaf(leaf, page_size, &parts);
    memcpy(end, parts.arrays, parts.arrays_size);
    memcpy(end + parts.arrays_size, parts.heap, parts.heap_size);
    end += parts.arrays_size + parts.heap_size;
    if (vl_record_parse(VL_RECORD_TABLE_ROWS, body, (size_t)(end - body) - 1, &got) == NULL ||
        vl_record_parse(VL_RECORD_TABLE_ROWS, body, (size_t)(end - body), &got) != NULL)
        return VELO_INTERNAL;
    return vl_record_join_leaf(unit_ctx(), &got, page_size, to);
}

/* A leaf comes back as it was, wherever its rows lie; leaves that a load never makes are refused.
 */
static void
record_carries_whole_leaves(void)
{
    static const uint32_t ids[] = {2, 5};
    const vl_leaf_value defaults[] = {rows_null(), rows_null()};
    vl_leaf_schema schema = {ids, defaults, 2, 0};
    static vl_leaf_value values[20][2];
    vl_leaf_row rows[20];
    vl_leaf *leaf = aligned_alloc(64, 4096), *again = aligned_alloc(64, 4096);

    for (int i = 0; i < 20; i++) {
        values[i][0] = rows_integer(i * INT64_C(1000));
        values[i][1] = rows_text("a text");
        rows[i] = (vl_leaf_row){10 + 7 * i, values[i], 0};
    }
    CHECK_EQ(rows_build(4096, VL_LEAF_BULK, &schema, NULL, rows, 20, leaf), 20);
    CHECK_OK(record_test_carry(leaf, 4096, again));
    CHECK(memcmp(leaf, again, 4096) == 0);
    CHECK_STATUS(record_test_carry(leaf, 4096 / 2, again), VELO_CORRUPT); /* of other pages */

    vl_leaf_mark_deleted(leaf, 3);
    CHECK_STATUS(record_test_carry(leaf, 4096, again), VELO_CORRUPT);
    vl_leaf_purge(leaf, 3);
    CHECK_STATUS(record_test_carry(leaf, 4096, again), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "none that can be inserted");

    values[4][1].overflow = 77;
    values[4][1].value.as.data = NULL;
    CHECK_EQ(rows_build(4096, VL_LEAF_BULK, &schema, NULL, rows, 20, leaf), 20);
    CHECK_STATUS(record_test_carry(leaf, 4096, again), VELO_CORRUPT);
    CHECK_CONTAINS(unit_ctx()->error.text, "long values");
    free(leaf);
    free(again);
}

/* Tree 0, long value 0, a row that is none, a chunk longer than its value. */
static void
record_refuses_impossible_values(void)
{
    static const uint8_t no_row[] = {1, 99};
    uint8_t body[VL_RECORD_HEAD_SIZE + 8];
    vl_record record = {.type = VL_RECORD_TREE_DROP}, got;
    uint8_t *end = vl_record_put_head(body, &record);

    CHECK(vl_record_parse(VL_RECORD_TREE_DROP, body, (size_t)(end - body), &got) != NULL);

    record = (vl_record){.type = VL_RECORD_TABLE_INSERT, .tree = 1, .rowid = 1};
    end = vl_record_put_head(body, &record);
    memcpy(end, no_row, sizeof no_row);
    CHECK_TEXT(
        vl_record_parse(VL_RECORD_TABLE_INSERT, body, (size_t)(end - body) + sizeof no_row, &got),
        "its row is damaged");

    record = (vl_record){.type = VL_RECORD_CHUNK, .tree = 2, .long_value = 1, .total_size = 1};
    end = vl_record_put_head(body, &record);
    CHECK(vl_record_parse(VL_RECORD_CHUNK, body, (size_t)(end - body) + 1, &got) == NULL);
    CHECK(vl_record_parse(VL_RECORD_CHUNK, body, (size_t)(end - body) + 2, &got) != NULL);
    record.long_value = 0;
    end = vl_record_put_head(body, &record);
    CHECK(vl_record_parse(VL_RECORD_CHUNK, body, (size_t)(end - body), &got) != NULL);

    body[0] = 1; /* tree 0 as a varint */
    (void)vl_varint_put(body, 3);
    (void)vl_varint_put(body + 1, 1); /* a key in chunks, of long value 0 */
    CHECK(vl_record_parse(VL_RECORD_KEY_DELETE, body, 2, &got) != NULL);
    (void)vl_varint_put(body + 1, 2 * 5); /* a key of 5 bytes, 4 of which are there */
    CHECK(vl_record_parse(VL_RECORD_KEY_DELETE, body, 6, &got) != NULL);
    CHECK(vl_record_parse(VL_RECORD_KEY_DELETE, body, 7, &got) == NULL);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(record_round_trips),
        UNIT_TEST(record_carries_whole_leaves),
        UNIT_TEST(record_commit_flag_is_for_operations),
        UNIT_TEST(record_refuses_impossible_values),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
