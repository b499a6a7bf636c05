/* kern_vector_widths.h - the kernels of kern_vector_width.h for cells of 1, 2, 4 and 8 bytes.
 *
 * check_tree: template, each fast set includes it once, behind kern_vector.h. */
#define W_BITS   8
#define W(name)  K(name##_8)
#define W_MIN128 _mm_min_epu8
#define W_MAX128 _mm_max_epu8
#include "simd/kern_vector_width.h"
#undef W_BITS
#undef W
#undef W_MIN128
#undef W_MAX128
#define W_BITS   16
#define W(name)  K(name##_16)
#define W_MIN128 _mm_min_epu16
#define W_MAX128 _mm_max_epu16
#include "simd/kern_vector_width.h"
#undef W_BITS
#undef W
#undef W_MIN128
#undef W_MAX128
#define W_BITS   32
#define W(name)  K(name##_32)
#define W_MIN128 _mm_min_epu32
#define W_MAX128 _mm_max_epu32
#include "simd/kern_vector_width.h"
#undef W_BITS
#undef W
#undef W_MIN128
#undef W_MAX128
#define W_BITS  64
#define W(name) K(name##_64)
#include "simd/kern_vector_width.h"
#undef W_BITS
#undef W
