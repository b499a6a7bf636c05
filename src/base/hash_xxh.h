/* hash_xxh.h - XXH3 from the distribution's header, for the instruction set that the includer
 * chose.
 *
 * check_tree: template, the includer defines HASH_VECTOR, or leaves the choice to the compiler */
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Weverything"
#elif defined(__GNUC__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-align"
#pragma GCC diagnostic ignored "-Wconversion"
#endif
#define XXH_INLINE_ALL
#ifdef HASH_VECTOR
#define XXH_VECTOR HASH_VECTOR
#endif
#include <xxhash.h>
#if defined(__clang__)
#pragma clang diagnostic pop
#elif defined(__GNUC__)
#pragma GCC diagnostic pop
#endif
