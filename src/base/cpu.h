/* cpu.h - what the processor can do.
 *
 * Detected once; kernels and cache flushes are chosen by it at run time, so that one build runs on
 * every processor of its architecture. */
#ifndef VL_BASE_CPU_H
#define VL_BASE_CPU_H

#include "base/platform.h"

/* Vector instruction sets, each containing those before it on its architecture. */
typedef enum vl_cpu_level {
    VL_CPU_BASELINE, /* what every processor of the architecture has: SSE2, or NEON on Arm */
    VL_CPU_AVX2,     /* AVX2, BMI1, BMI2, FMA, POPCNT */
    VL_CPU_AVX512    /* AVX-512 F, BW, DQ, VL, CD and VBMI2 (compress of bytes), from Ice Lake on */
} vl_cpu_level;

typedef struct vl_cpu_features {
    vl_cpu_level level; /* highest set that processor and system support */
    int has_clflushopt; /* weakly ordered cache-line flush (persistent memory) */
    int has_clwb;       /* cache-line write-back without eviction (persistent memory) */
    int has_crc32;      /* CRC-32C instruction */
    int has_pclmul;     /* carry-less multiplication */
    uint32_t line_size; /* of the first-level data cache, bytes; 64 when unknown */
    uint32_t l1d_size;  /* bytes; 0 when unknown */
    uint32_t l2_size;   /* bytes; 0 when unknown */
    char model[64];     /* the processor's own name for itself, or "" */
} vl_cpu_features;

/* What this machine has, less what the environment variable VELO_CPU (baseline, avx2 or avx512)
 * takes away; it can only lower the level. Detected at the first call; any thread; never freed. */
const vl_cpu_features *vl_cpu(void);

/* "baseline", "avx2" or "avx512". Static text. */
const char *vl_cpu_level_name(vl_cpu_level level);

/* Read a level's name; 0 when it is none. */
int vl_cpu_level_parse(const char *name, vl_cpu_level *level);

#endif
