/* number_sort.c - sorting rows of nothing but numbers, in memory.
 *
 * Rows are kept in blocks. When all are there, their first keys are counted by where they lie
 * between the least and the most, neighbours are put together to parts that fit the processor's
 * cache, and rows move to blocks of their part; a block that was read is used again, so that this
 * takes no second copy of all rows. A part is sorted by a key a byte at a time, the lowest first,
 * with rows of equal keys by the next one.
 *
 * Invariants
 *   NS1  Words of key columns are in the order of the numbers, as unsigned words: of reals without
 * a zero that has a sign, integers with the sign turned. Either can be turned back. NS2  Rows that
 * are equal in all keys stay in the order they were added in: spreading and counting bytes keep it,
 * insertion moves a row only before greater ones. NS3  No row of a part comes before one of an
 * earlier part. */
#include "exec/number_sort.h"

#include "base/assert.h"
#include "exec/exec_int.h"
#include "vec/value.h"

#include <math.h>
#include <string.h>

/* Words of a block. */
#define NUMBER_BLOCK_WORDS VL_BY_BUILD(2040U, 8U)

/* Rows of a part, unless many have the same place. */
#define NUMBER_PART_ROWS VL_BY_BUILD(16384U, 8U)

/* Places between the least and the most key: two to this power. */
#define NUMBER_PLACE_BITS VL_BY_BUILD(16U, 5U)

/* Fewer rows are sorted by insertion. */
#define NUMBER_RADIX_LEAST VL_BY_BUILD(48U, 6U)

/* Of the execution's limit: so much may the rows take. While a part is sorted it is there twice. */
#define NUMBER_MEMORY_PART(limit) ((limit) / 4 * 3)

typedef struct number_block {
    struct number_block *next;
    uint32_t count; /* rows */
    uint64_t words[NUMBER_BLOCK_WORDS];
} number_block;

/* Rows whose first keys lie together. */
typedef struct number_part {
    number_block *first;
    number_block *last;
    uint32_t count;
} number_part;

/* A key of a row of the part at hand. */
typedef struct number_pair {
    uint64_t key; /* as it is compared */
    uint32_t row;
} number_pair;

int
vl_number_sort_suits(const vl_sorter_key *keys, uint32_t key_count, uint32_t width)
{
    if (key_count == 0 || key_count > VL_NUMBER_SORT_WIDTH || width > VL_NUMBER_SORT_WIDTH)
        return 0;
    for (uint32_t i = 0; i < key_count; i++)
        if (keys[i].index >= width)
            return 0;
    return 1;
}

void
vl_number_sort_init(vl_number_sort *sort, vl_exec *exec, const vl_sorter_key *keys,
                    uint32_t key_count, uint32_t width)
{
    VL_ASSERT(vl_number_sort_suits(keys, key_count, width));
    *sort = (vl_number_sort){
        .exec = exec, .keys = keys, .key_count = key_count, .width = width, .least = UINT64_MAX};
    for (uint32_t i = 0; i < key_count; i++)
        sort->is_key[keys[i].index] = 1;
}

/* ---- words ---- */

#define NUMBER_SIGN ((uint64_t)1 << 63)

/* A cell of a key column as its word. Keeps NS1. */
static uint64_t
number_encode(uint64_t cell, vl_vector_form form)
{
    if (form == VL_VECTOR_REAL && (cell & NUMBER_SIGN) != 0)
        return ~cell;
    return cell ^ NUMBER_SIGN;
}

static uint64_t
number_decode(uint64_t word, vl_vector_form form)
{
    if (form == VL_VECTOR_REAL && (word & NUMBER_SIGN) == 0)
        return ~word;
    return word ^ NUMBER_SIGN;
}

/* A key of a row as it is compared. */
static uint64_t
number_key(const vl_sorter_key *key, const uint64_t *row)
{
    return key->is_descending ? ~row[key->index] : row[key->index];
}

/* The form that a chunk's column would be kept in; ANY: it cannot. */
static vl_vector_form
number_form(const vl_vector *vector, uint32_t row)
{
    vl_value value;

    if (vector->form == VL_VECTOR_INTEGER || vector->form == VL_VECTOR_REAL)
        return vector->form;
    value = vl_vector_get(vector, row);
    return value.type == VL_TYPE_INTEGER ? VL_VECTOR_INTEGER
           : value.type == VL_TYPE_REAL  ? VL_VECTOR_REAL
                                         : VL_VECTOR_ANY;
}

/* Whether a vector is an array of what is kept. */
static int
number_is_plain(const vl_vector *vector)
{
    return (vector->form == VL_VECTOR_INTEGER || vector->form == VL_VECTOR_REAL) &&
           vector->validity == NULL && !vector->is_constant;
}

/* Whether a chunk's column can be kept: see the header. */
static int
number_column_suits(const vl_number_sort *sort, const vl_chunk *in, uint32_t column)
{
    const vl_vector *vector = &in->vectors[column];
    vl_vector_form form = number_form(vector, vl_chunk_row(in, 0));
    vl_type type = form == VL_VECTOR_REAL ? VL_TYPE_REAL : VL_TYPE_INTEGER;

    if (form == VL_VECTOR_ANY || (sort->count > 0 && form != sort->forms[column]))
        return 0;
    for (uint32_t n = 0; n < in->count && !number_is_plain(vector); n++)
        if (vl_vector_get(vector, vl_chunk_row(in, n)).type != type)
            return 0;
    for (uint32_t n = 0; n < in->count && form == VL_VECTOR_REAL && sort->is_key[column]; n++) {
        double real = vl_vector_get(vector, vl_chunk_row(in, n)).as.real;

        if (isnan(real) || (real == 0.0 && signbit(real)))
            return 0; /* keeps NS1 */
    }
    return 1;
}

/* ---- blocks ---- */

static uint32_t
number_block_rows(const vl_number_sort *sort)
{
    return NUMBER_BLOCK_WORDS / sort->width;
}

static void
number_charge(vl_number_sort *sort)
{
    uint64_t bytes =
        sort->block_count * sizeof(number_block) +
        sort->row_capacity * (sort->width * sizeof *sort->rows + 2 * sizeof(number_pair));

    vl_exec_charge(sort->exec, &sort->charged, bytes);
}

/* An empty block behind those of a list. */
static number_block *
number_block_append(vl_ctx *ctx, vl_number_sort *sort, number_block **first, number_block **last)
{
    number_block *block = sort->pool;

    if (block != NULL) {
        sort->pool = block->next;
    } else {
        block = vl_alloc(ctx, sizeof *block);
        if (block == NULL) {
            (void)vl_fail(ctx, VELO_NOMEM, "cannot sort %llu rows",
                          (unsigned long long)sort->count);
            return NULL;
        }
        sort->block_count++;
    }
    block->next = NULL;
    block->count = 0;
    if (*first == NULL)
        *first = block;
    else
        (*last)->next = block;
    *last = block;
    return block;
}

static void
number_blocks_free(vl_number_sort *sort, number_block *block)
{
    while (block != NULL) {
        number_block *next = block->next;

        vl_free(block);
        sort->block_count--;
        block = next;
    }
}

/* ---- adding ---- */

/* Put a column of rows [from, from + count) of a chunk, as it counts them, to every width-th word.
 */
static void
number_fill_column(const vl_number_sort *sort, const vl_chunk *in, uint32_t column, uint32_t from,
                   uint32_t count, uint64_t *to)
{
    const vl_vector *vector = &in->vectors[column];
    vl_vector_form form = sort->forms[column];
    int is_plain = number_is_plain(vector);
    int is_key = sort->is_key[column];

    for (uint32_t n = 0; n < count; n++) {
        uint32_t row = vl_chunk_row(in, from + n);
        uint64_t cell;

        if (is_plain) {
            memcpy(&cell, &vector->as.integers[row], sizeof cell);
        } else {
            vl_value value = vl_vector_get(vector, row);

            memcpy(&cell, &value.as, sizeof cell);
        }
        to[(size_t)n * sort->width] = is_key ? number_encode(cell, form) : cell;
    }
}

/* Put rows [from, from + count) of a chunk behind those of a block. */
static void
number_fill(vl_number_sort *sort, const vl_chunk *in, uint32_t from, uint32_t count,
            number_block *block)
{
    uint64_t *to = block->words + (size_t)block->count * sort->width;
    uint64_t least = sort->least;
    uint64_t most = sort->most;

    for (uint32_t c = 0; c < sort->width; c++)
        number_fill_column(sort, in, c, from, count, to + c);
    for (uint32_t n = 0; n < count; n++) {
        uint64_t key = number_key(&sort->keys[0], to + (size_t)n * sort->width);

        least = key < least ? key : least;
        most = key > most ? key : most;
    }
    sort->least = least;
    sort->most = most;
    block->count += count;
}

velo_status
vl_number_sort_add(vl_ctx *ctx, vl_number_sort *sort, const vl_chunk *in, int *is_taken)
{
    uint64_t limit = sort->exec->env.memory_limit;
    uint32_t rows = number_block_rows(sort);

    *is_taken = 0;
    if (sort->count > UINT32_MAX - in->count || vl_exec_is_over(sort->exec) ||
        (limit > 0 && sort->block_count * sizeof(number_block) > NUMBER_MEMORY_PART(limit)))
        return VELO_OK;
    for (uint32_t c = 0; c < sort->width; c++)
        if (!number_column_suits(sort, in, c))
            return VELO_OK;
    for (uint32_t c = 0; c < sort->width; c++)
        sort->forms[c] = number_form(&in->vectors[c], vl_chunk_row(in, 0));
    for (uint32_t n = 0; n < in->count;) {
        number_block *block = sort->last;
        uint32_t some = in->count - n;

        if (block == NULL || block->count == rows)
            block = number_block_append(ctx, sort, &sort->first, &sort->last);
        if (block == NULL)
            return VELO_NOMEM;
        some = some < rows - block->count ? some : rows - block->count;
        number_fill(sort, in, n, some, block);
        n += some;
    }
    sort->count += in->count;
    number_charge(sort);
    *is_taken = 1;
    return VELO_OK;
}

velo_status
vl_number_sort_move(vl_ctx *ctx, vl_number_sort *sort, vl_sorter *sorter)
{
    vl_value row[VL_NUMBER_SORT_WIDTH];

    while (sort->first != NULL) {
        number_block *block = sort->first;

        for (uint32_t n = 0; n < block->count; n++) {
            for (uint32_t c = 0; c < sort->width; c++) {
                uint64_t word = block->words[(size_t)n * sort->width + c];

                if (sort->is_key[c])
                    word = number_decode(word, sort->forms[c]);
                row[c] = (vl_value){.type = sort->forms[c] == VL_VECTOR_REAL ? VL_TYPE_REAL
                                                                             : VL_TYPE_INTEGER};
                memcpy(&row[c].as, &word, sizeof word);
            }
            VL_TRY(vl_sorter_add(ctx, sorter, row));
        }
        sort->first = block->next;
        block->next = NULL;
        number_blocks_free(sort, block);
        number_charge(sort);
    }
    vl_number_sort_deinit(sort);
    return VELO_OK;
}

/* ---- parts ---- */

/* By how many bits a key's distance from the least is shifted to its place. */
static uint32_t
number_shift(const vl_number_sort *sort)
{
    uint64_t span = sort->most - sort->least;
    uint32_t bits = span == 0 ? 0 : 64U - (uint32_t)__builtin_clzll(span);

    return bits > NUMBER_PLACE_BITS ? bits - NUMBER_PLACE_BITS : 0;
}

/* Count the rows at each place, and make each count the number of the place's part. Keeps NS3. */
static void
number_choose_parts(vl_number_sort *sort, uint32_t shift, uint32_t *places)
{
    uint32_t in_part = 0;
    uint32_t part = 0;

    memset(places, 0, sizeof *places << NUMBER_PLACE_BITS);
    for (const number_block *block = sort->first; block != NULL; block = block->next)
        for (uint32_t n = 0; n < block->count; n++) {
            uint64_t key = number_key(&sort->keys[0], block->words + (size_t)n * sort->width);

            places[(key - sort->least) >> shift]++;
        }
    for (uint32_t i = 0; i < 1U << NUMBER_PLACE_BITS; i++) {
        uint32_t here = places[i];

        if (in_part > 0 && in_part + here > NUMBER_PART_ROWS) {
            part++;
            in_part = 0;
        }
        in_part += here;
        places[i] = part;
    }
    sort->part_count = part + 1;
}

/* Move the rows to the blocks of their parts. Keeps NS2. */
static velo_status
number_spread(vl_ctx *ctx, vl_number_sort *sort, uint32_t shift, const uint32_t *places)
{
    uint32_t rows = number_block_rows(sort);
    uint32_t width = sort->width;

    while (sort->first != NULL) {
        number_block *from = sort->first;

        VL_TRY(vl_exec_poll(ctx, sort->exec, from->count));
        for (uint32_t n = 0; n < from->count; n++) {
            const uint64_t *row = from->words + (size_t)n * width;
            uint64_t key = number_key(&sort->keys[0], row);
            number_part *part = &sort->parts[places[(key - sort->least) >> shift]];
            number_block *to = part->last;
            uint64_t *word;

            if (to == NULL || to->count == rows)
                to = number_block_append(ctx, sort, &part->first, &part->last);
            if (to == NULL)
                return VELO_NOMEM;
            word = to->words + (size_t)to->count++ * width;
            for (uint32_t c = 0; c < width; c++)
                word[c] = row[c];
            part->count++;
        }
        sort->first = from->next;
        from->next = sort->pool;
        sort->pool = from;
    }
    sort->last = NULL;
    return VELO_OK;
}

velo_status
vl_number_sort_finish(vl_ctx *ctx, vl_number_sort *sort)
{
    uint32_t shift = number_shift(sort);
    uint32_t *places = NULL;
    velo_status status = VELO_OK;

    sort->part_count = 1;
    if (sort->count > 4 * (uint64_t)NUMBER_PART_ROWS) {
        places = vl_alloc_array(ctx, (size_t)1 << NUMBER_PLACE_BITS, sizeof *places);
        if (places == NULL)
            return vl_fail(ctx, VELO_NOMEM, "cannot sort %llu rows",
                           (unsigned long long)sort->count);
        number_choose_parts(sort, shift, places);
    }
    sort->parts = vl_alloc_array(ctx, sort->part_count, sizeof *sort->parts);
    if (sort->parts == NULL)
        status = vl_fail(ctx, VELO_NOMEM, "cannot sort %llu rows", (unsigned long long)sort->count);
    else if (places != NULL)
        status = number_spread(ctx, sort, shift, places);
    if (status == VELO_OK && places == NULL) {
        sort->parts[0] = (number_part){sort->first, sort->last, (uint32_t)sort->count};
        sort->first = NULL;
    }
    vl_free(places);
    number_blocks_free(sort, sort->pool);
    sort->pool = NULL;
    number_charge(sort);
    return status;
}

/* ---- sorting a part ---- */

/* The order of two rows by the keys from number `level` on. */
static int
number_compare(const vl_number_sort *sort, uint32_t level, uint32_t left, uint32_t right)
{
    for (; level < sort->key_count; level++) {
        uint64_t a = number_key(&sort->keys[level], sort->rows + (size_t)left * sort->width);
        uint64_t b = number_key(&sort->keys[level], sort->rows + (size_t)right * sort->width);

        if (a != b)
            return a < b ? -1 : 1;
    }
    return 0;
}

/* Sort by the pairs' keys, which are those of `level`, and those behind it. Keeps NS2. */
static void
number_sort_few(const vl_number_sort *sort, number_pair *pairs, uint32_t count, uint32_t level)
{
    for (uint32_t i = 1; i < count; i++) {
        number_pair pair = pairs[i];
        uint32_t at = i;

        for (; at > 0; at--) {
            const number_pair *before = &pairs[at - 1];

            if (before->key < pair.key ||
                (before->key == pair.key &&
                 number_compare(sort, level + 1, before->row, pair.row) <= 0))
                break;
            pairs[at] = *before;
        }
        pairs[at] = pair;
    }
}

/* Sort by the pairs' keys alone, with as much room at `to`. Keeps NS2. */
static void
number_sort_bytes(number_pair *pairs, uint32_t count, number_pair *to)
{
    uint32_t counts[8][256];
    number_pair *from = pairs;

    memset(counts, 0, sizeof counts);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t byte = 0; byte < 8; byte++)
            counts[byte][pairs[i].key >> (8 * byte) & 0xff]++;
    for (uint32_t byte = 0; byte < 8; byte++) {
        number_pair *moved = to;
        uint32_t at = 0;

        if (counts[byte][pairs[0].key >> (8 * byte) & 0xff] == count)
            continue;
        for (uint32_t value = 0; value < 256; value++) {
            uint32_t here = counts[byte][value];

            counts[byte][value] = at;
            at += here;
        }
        for (uint32_t i = 0; i < count; i++)
            to[counts[byte][from[i].key >> (8 * byte) & 0xff]++] = from[i];
        to = from;
        from = moved;
    }
    if (from != pairs)
        memcpy(pairs, from, count * sizeof *pairs);
}

/* Sort rows by the keys from number `level` on, with as much room at `to`. Recursion is as deep as
 * there are keys, which VL_NUMBER_SORT_WIDTH limits. */
static void
number_sort_level(const vl_number_sort *sort, number_pair *pairs, uint32_t count, uint32_t level,
                  number_pair *to)
{
    for (uint32_t i = 0; i < count; i++)
        pairs[i].key =
            number_key(&sort->keys[level], sort->rows + (size_t)pairs[i].row * sort->width);
    if (count < NUMBER_RADIX_LEAST) {
        number_sort_few(sort, pairs, count, level);
        return;
    }
    number_sort_bytes(pairs, count, to);
    for (uint32_t begin = 0, end; level + 1 < sort->key_count && begin < count; begin = end) {
        for (end = begin + 1; end < count && pairs[end].key == pairs[begin].key;)
            end++;
        if (end - begin > 1)
            number_sort_level(sort, pairs + begin, end - begin, level + 1, to);
    }
}

/* Make room for the rows of a part, and for what is given of them. */
static velo_status
number_reserve(vl_ctx *ctx, vl_number_sort *sort, uint32_t count)
{
    if (sort->cells == NULL)
        sort->cells = vl_alloc_array(ctx, (size_t)sort->width * VL_CHUNK_ROWS, sizeof *sort->cells);
    if (sort->vectors == NULL)
        sort->vectors = vl_alloc_array(ctx, sort->width, sizeof *sort->vectors);
    if (count > sort->row_capacity) {
        vl_free(sort->rows);
        vl_free(sort->order);
        sort->row_capacity = 0;
        sort->rows = vl_alloc(ctx, (size_t)count * sort->width * sizeof *sort->rows);
        sort->order = vl_alloc(ctx, 2 * (size_t)count * sizeof *sort->order);
        sort->row_capacity = sort->rows != NULL && sort->order != NULL ? count : 0;
    }
    number_charge(sort);
    if (sort->cells == NULL || sort->vectors == NULL || count > sort->row_capacity)
        return vl_fail(ctx, VELO_NOMEM, "cannot sort %u rows", (unsigned)count);
    return VELO_OK;
}

/* Sort the next part. */
static velo_status
number_next_part(vl_ctx *ctx, vl_number_sort *sort)
{
    number_part *part = &sort->parts[sort->part++];
    size_t at = 0;

    sort->next = sort->row_count = 0;
    if (part->count == 0) /* there are no rows at all */
        return VELO_OK;
    VL_TRY(number_reserve(ctx, sort, part->count));
    VL_TRY(vl_exec_poll(ctx, sort->exec, part->count));
    for (const number_block *block = part->first; block != NULL; block = block->next) {
        memcpy(sort->rows + at, block->words,
               (size_t)block->count * sort->width * sizeof *sort->rows);
        at += (size_t)block->count * sort->width;
    }
    number_blocks_free(sort, part->first);
    part->first = NULL;
    for (uint32_t i = 0; i < part->count; i++)
        sort->order[i].row = i;
    number_sort_level(sort, sort->order, part->count, 0, sort->order + part->count);
    sort->row_count = part->count;
    number_charge(sort);
    return VELO_OK;
}

velo_status
vl_number_sort_next(vl_ctx *ctx, vl_number_sort *sort, uint32_t wanted, vl_chunk *out)
{
    uint32_t count;

    *out = (vl_chunk){.column_count = sort->width};
    while (sort->next == sort->row_count) {
        if (sort->part == sort->part_count)
            return VELO_OK;
        VL_TRY(number_next_part(ctx, sort));
    }
    count = sort->row_count - sort->next < wanted ? sort->row_count - sort->next : wanted;
    for (uint32_t c = 0; c < sort->width; c++) {
        int64_t *cells = sort->cells + (size_t)c * VL_CHUNK_ROWS;
        vl_vector_form form = sort->forms[c];

        for (uint32_t n = 0; n < count; n++) {
            uint64_t word = sort->rows[(size_t)sort->order[sort->next + n].row * sort->width + c];

            cells[n] = (int64_t)(sort->is_key[c] ? number_decode(word, form) : word);
        }
        sort->vectors[c] = (vl_vector){.form = form, .as.integers = cells};
    }
    sort->next += count;
    out->row_count = out->count = count;
    out->vectors = sort->vectors;
    return VELO_OK;
}

void
vl_number_sort_deinit(vl_number_sort *sort)
{
    if (sort->exec == NULL)
        return;
    number_blocks_free(sort, sort->first);
    number_blocks_free(sort, sort->pool);
    for (uint32_t i = 0; sort->parts != NULL && i < sort->part_count; i++)
        number_blocks_free(sort, sort->parts[i].first);
    vl_free(sort->parts);
    vl_free(sort->rows);
    vl_free(sort->order);
    vl_free(sort->cells);
    vl_free(sort->vectors);
    vl_exec_charge(sort->exec, &sort->charged, 0);
    *sort = (vl_number_sort){.exec = NULL};
}
