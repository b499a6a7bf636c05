/* leaf_choose.c - what a column's values are like, and the form that holds them in fewest bytes.
 *
 * Every form that could hold all values but less than one in 16 is a candidate; its cost is the
 * bytes of its arrays and of the exceptions. The first of the cheapest wins, in the order in which
 * vl_leaf_choose tries them.
 *
 * Invariants
 *   H1  The chosen form has a cell, or one of the counted exceptions, for each value that was
 *       counted; ANY has a cell for every value, so there is always a choice.
 *   H2  No sum of a base and a cell overflows, or leaves the numbers that scale exactly. */
#include "storage/leaf_int.h"

/* Room for exceptions to come in a grown page that has some. */
#define LEAF_SPARE_EXCEPTIONS 4U

/* ---- statistics ---- */

static void
leaf_stats_integer(leaf_stats *stats, int64_t value)
{
    if (stats->integers == 0)
        stats->first = value;
    stats->last = value;
    if (stats->integers == 0 || value < stats->low)
        stats->low = value;
    if (stats->integers == 0 || value > stats->high)
        stats->high = value;
    if (value > LEAF_EXACT_INTEGER || value < -LEAF_EXACT_INTEGER)
        stats->big_integers++;
    stats->integers++;
}

static void
leaf_stats_real(leaf_stats *stats, double value)
{
    int64_t k;

    if (stats->reals == 0)
        stats->real_first = value;
    stats->real_last = value;
    if (stats->reals == 0 || value < stats->real_low)
        stats->real_low = value;
    if (stats->reals == 0 || value > stats->real_high)
        stats->real_high = value;
    stats->reals++;
    while (stats->exponent >= 0 && !vl_leaf_scale(value, (uint32_t)stats->exponent, &k))
        stats->exponent =
            stats->exponent < (int32_t)VL_LEAF_MAX_EXPONENT ? stats->exponent + 1 : -1;
}

static void
leaf_stats_bytes(leaf_stats *stats, const vl_leaf_value *value)
{
    uint32_t is_long = value->overflow != 0 || value->value.size > LEAF_PACK_MAX_LENGTH;

    if (value->value.type == VL_TYPE_TEXT) {
        stats->texts++;
        stats->long_texts += is_long;
    } else {
        stats->blobs++;
        stats->long_blobs += is_long;
    }
    stats->heap += vl_leaf_heap_size(value);
}

void
vl_leaf_stats_add(leaf_stats *stats, const vl_leaf_value *value)
{
    switch (vl_leaf_type(value)) {
    case VL_TYPE_NULL:
        stats->nulls++;
        break;
    case VL_TYPE_INTEGER:
        leaf_stats_integer(stats, value->value.as.integer);
        break;
    case VL_TYPE_REAL:
        leaf_stats_real(stats, value->value.as.real);
        break;
    case VL_TYPE_TEXT:
    case VL_TYPE_BLOB:
        leaf_stats_bytes(stats, value);
        break;
    }
}

/* ---- choice ---- */

void
vl_leaf_choose_base(int64_t low, int64_t high, int64_t least, int64_t most, leaf_spare spare,
                    uint8_t *width, int64_t *base)
{
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t below = (uint64_t)low - (uint64_t)least;
    uint64_t slack;

    *width = 1;
    while (span > vl_leaf_width_max(*width))
        *width = (uint8_t)(*width * 2);
    if (spare >= LEAF_SPARE_ABOVE && *width < 4 && 2 * span > vl_leaf_width_max(*width))
        *width = (uint8_t)(*width * 2);
    *base = 0;
    if (*width == 8)
        return;
    slack = vl_leaf_width_max(*width) - span;
    if (spare == LEAF_SPARE_BOTH)
        slack /= 2;
    else if (spare != LEAF_SPARE_BELOW)
        slack = 0;
    *base = (int64_t)((uint64_t)low - (slack < below ? slack : below));
    if (*base > most - (int64_t)vl_leaf_width_max(*width))
        *base = most - (int64_t)vl_leaf_width_max(*width);
}

/* Where a column that rises, or falls, with the rowids needs its room. */
static leaf_spare
leaf_turn(leaf_spare spare, int rises, int falls)
{
    if (spare < LEAF_SPARE_ABOVE || rises)
        return spare;
    if (!falls)
        return LEAF_SPARE_BOTH;
    return spare == LEAF_SPARE_ABOVE ? LEAF_SPARE_BELOW : LEAF_SPARE_ABOVE;
}

static leaf_spare
leaf_integer_spare(const leaf_stats *stats, leaf_spare spare)
{
    int is_range = stats->low < stats->high;

    return leaf_turn(spare, is_range && stats->first == stats->low && stats->last == stats->high,
                     is_range && stats->first == stats->high && stats->last == stats->low);
}

static leaf_spare
leaf_real_spare(const leaf_stats *stats, leaf_spare spare)
{
    int is_range = stats->real_low < stats->real_high;

    return leaf_turn(
        spare,
        is_range && stats->real_first <= stats->real_low && stats->real_last >= stats->real_high,
        is_range && stats->real_first >= stats->real_high && stats->real_last <= stats->real_low);
}

/* The best form so far. */
typedef struct leaf_choice {
    const leaf_stats *stats; /* of the values */
    uint32_t slots;          /* that the page will have */
    uint32_t rows;           /* values */
    leaf_spare spare;        /* see vl_leaf_choose */
    uint64_t cost;           /* of `best`, in bytes */
    vl_leaf_column best;     /* the form */
} leaf_choice;

/* Consider a form: `trial` has all but what follows from the number of values it holds. */
static void
leaf_consider(leaf_choice *choice, vl_leaf_column *trial, uint32_t held)
{
    uint32_t exceptions = choice->rows - choice->stats->nulls - held;
    uint32_t room =
        exceptions +
        (choice->spare != LEAF_SPARE_NONE && exceptions > 0 ? LEAF_SPARE_EXCEPTIONS : 0);
    int has_bitmap = trial->form != VL_LEAF_NULL && trial->form != VL_LEAF_ANY;
    uint64_t cost;

    if (exceptions > 0 && exceptions * 16 >= choice->rows)
        return;
    trial->exception_count = (uint16_t)exceptions;
    trial->exception_capacity = (uint16_t)room;
    trial->flags = has_bitmap && choice->stats->nulls > 0 ? VL_LEAF_HAS_NULLS : 0;
    cost = (uint64_t)trial->width * choice->slots + vl_leaf_bits_size(trial->form, choice->slots) +
           room * sizeof(vl_leaf_exception) + (trial->flags != 0 ? (choice->slots + 7) / 8 : 0);
    if (cost < choice->cost) {
        choice->cost = cost;
        choice->best = *trial;
    }
}

/* Consider a form that has nothing but a width. */
static void
leaf_consider_plain(leaf_choice *choice, vl_leaf_form form, uint8_t width, uint32_t held)
{
    vl_leaf_column trial = {0};

    trial.form = (uint8_t)form;
    trial.width = width;
    leaf_consider(choice, &trial, held);
}

static void
leaf_consider_integer(leaf_choice *choice)
{
    const leaf_stats *stats = choice->stats;
    vl_leaf_column trial = {0};

    if (stats->integers == 0)
        return;
    trial.form = VL_LEAF_INTEGER;
    vl_leaf_choose_base(stats->low, stats->high, INT64_MIN, INT64_MAX,
                        leaf_integer_spare(stats, choice->spare), &trial.width, &trial.base);
    leaf_consider(choice, &trial, stats->integers);
}

/* Widen the range of k by the integers: 0 when one is too large to be scaled. */
static int
leaf_scale_integers(const leaf_stats *stats, int64_t power, int64_t *low, int64_t *high)
{
    if (stats->low < -LEAF_SCALE_LIMIT / power || stats->high > LEAF_SCALE_LIMIT / power)
        return 0;
    if (stats->low * power < *low)
        *low = stats->low * power;
    if (stats->high * power > *high)
        *high = stats->high * power;
    return 1;
}

/* Consider scaled reals, or numbers when there are integers to hold as well. */
static void
leaf_consider_scaled(leaf_choice *choice, vl_leaf_form form)
{
    const leaf_stats *stats = choice->stats;
    uint32_t held = stats->reals + (form == VL_LEAF_SCALED_NUMBER ? stats->integers : 0);
    vl_leaf_column trial = {0};
    int64_t low;
    int64_t high;

    if (stats->reals == 0 || stats->exponent < 0 ||
        !vl_leaf_scale(stats->real_low, (uint32_t)stats->exponent, &low) ||
        !vl_leaf_scale(stats->real_high, (uint32_t)stats->exponent, &high))
        return;
    trial.form = (uint8_t)form;
    trial.exponent = (uint8_t)stats->exponent;
    if (form == VL_LEAF_SCALED_NUMBER &&
        (stats->integers == 0 ||
         !leaf_scale_integers(stats, vl_leaf_power(trial.exponent), &low, &high)))
        return;
    vl_leaf_choose_base(low, high, -LEAF_SCALE_LIMIT, LEAF_SCALE_LIMIT,
                        leaf_real_spare(stats, choice->spare), &trial.width, &trial.base);
    if (trial.width < 8)
        leaf_consider(choice, &trial, held);
}

void
vl_leaf_choose(const leaf_stats *stats, uint32_t slots, leaf_spare spare, vl_leaf_column *column)
{
    uint32_t rows = stats->nulls + stats->integers + stats->reals + stats->texts + stats->blobs;
    uint32_t exact = stats->integers - stats->big_integers;
    leaf_choice choice = {stats, slots, rows, spare, UINT64_MAX, {0}};

    choice.best.id = column->id;
    leaf_consider_plain(&choice, VL_LEAF_NULL, 0, 0);
    leaf_consider_integer(&choice);
    leaf_consider_scaled(&choice, VL_LEAF_SCALED_REAL);
    leaf_consider_scaled(&choice, VL_LEAF_SCALED_NUMBER);
    leaf_consider_plain(&choice, VL_LEAF_REAL, 8, stats->reals);
    leaf_consider_plain(&choice, VL_LEAF_NUMBER, 8, stats->reals + exact);
    if (spare == LEAF_SPARE_NONE) {
        leaf_consider_plain(&choice, VL_LEAF_PACKED_TEXT, 1, stats->texts - stats->long_texts);
        leaf_consider_plain(&choice, VL_LEAF_PACKED_BLOB, 1, stats->blobs - stats->long_blobs);
    }
    leaf_consider_plain(&choice, VL_LEAF_TEXT, 4, stats->texts);
    leaf_consider_plain(&choice, VL_LEAF_BLOB, 4, stats->blobs);
    leaf_consider_plain(&choice, VL_LEAF_ANY, 8, rows - stats->nulls);
    choice.best.id = column->id;
    *column = choice.best;
}
