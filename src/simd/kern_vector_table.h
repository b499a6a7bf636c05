/* kern_vector_table.h - the table of a fast set.
 *
 * check_tree: template, each fast set includes it at its end, after defining K_LEVEL, its number in
 * base/cpu.h. */
/* Copies by row number stay the baseline's: gathers of single cells gain nothing. */
#define WIDTHS(name) {K(name##_8), K(name##_16), K(name##_32), K(name##_64)}
const vl_simd K(vl_simd) = {
    .level = K_LEVEL,
    .sum = WIDTHS(sum),
    .sum_at = {vl_sum_at_8, vl_sum_at_16, vl_sum_at_32, vl_sum_at_64},
    .bounds = WIDTHS(bounds),
    .in_range = WIDTHS(in_range),
    .in_list = WIDTHS(in_list),
    .widen = WIDTHS(widen),
    .gather = {vl_gather_8, vl_gather_16, vl_gather_32, vl_gather_64},
    .sum_real = K(sum_real),
    .bounds_real = K(bounds_real),
    .in_range_real = K(in_range_real),
    .in_list_real = K(in_list_real),
    .compare = K(compare),
    .compare_real = K(compare_real),
    .equal_heads = K(equal_heads),
    .bits_and = K(bits_and),
    .bits_or = K(bits_or),
    .bits_and_not = K(bits_and_not),
    .bits_not = K(bits_not),
    .bits_count = K(bits_count),
    .rows16 = K(rows16),
    .rows32 = K(rows32),
    .to_real = K(to_real),
    .add = K(add),
    .subtract = K(subtract),
    .multiply = K(multiply),
    .add_real = K(add_real),
    .subtract_real = K(subtract_real),
    .multiply_real = K(multiply_real),
    .divide_real = K(divide_real),
    .hash = K(hash),
    .hash_real = K(hash_real),
};
#undef WIDTHS
