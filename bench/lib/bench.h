/* bench.h - the harness of all benchmarks: warm-up, several runs in turn, medians and spread.
 *
 * A program adds series, each a function that measures one value, and targets that compare them.
 * All series are run in turn, round by round, so that a machine whose speed drifts is fair to all,
 * and ratios are taken within a round. Prints a line about the machine, a table, the targets, and,
 * with --json FILE, everything as JSON. A target that is missed is reported, not an error: figures
 * are evidence, not tests.
 *
 * Options of every program: --runs N (5), --scale PERCENT (100: how much work a run does),
 * --folder DIR (build/bench-data: where files go), --json FILE, --only TEXT (series whose name
 * contains it). */
#ifndef VELO_BENCH_H
#define VELO_BENCH_H

#include <stdint.h>

/* Measure once and return the value; negative when it cannot be measured here. */
typedef double bench_measure(void *user);

typedef enum bench_sense {
    BENCH_MORE_IS_BETTER, /* a rate */
    BENCH_LESS_IS_BETTER  /* a time or a size */
} bench_sense;

typedef struct bench bench;

/* Read the options. Ends the program on bad ones. */
bench *bench_create(int argc, char **argv, const char *title);

/* Add a series; returns its number. Names and units are borrowed and must stay valid. */
int bench_add(bench *b, const char *name, const char *unit, bench_sense sense,
              bench_measure *measure, void *user);

/* Ask that series `ours` is at least `least` times as good as the best of `count` series from
 * `first` on: best by median, then compared round by round. */
void bench_want_ratio(bench *b, const char *name, int ours, int first, int count, double least);

/* Ask that the median of a series is at most `most` (less is better) or at least (more is). */
void bench_want_value(bench *b, const char *name, int series, double limit);

/* A remark printed below the table and kept in the JSON. */
void bench_note(bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Run all, print, release. Returns the program's exit status. */
int bench_finish(bench *b);

const char *bench_folder(const bench *b);

/* `full` units of work scaled by --scale, at least 1. */
uint64_t bench_work(const bench *b, uint64_t full);

/* Delete a database, ours or a peer's, with the files that may stand beside it. */
void bench_delete_database(const char *path);

/* Nanoseconds on a monotonic clock. */
uint64_t bench_now_ns(void);

/* Nanoseconds that the calling thread has waited for a processor while it could have run: what
 * others that use the machine take from it. A time by the clock without these is that of a machine
 * of its own, but for the caches and the device, which others use as well. 0 where the system does
 * not tell. */
uint64_t bench_delay_ns(void);

/* Keep the compiler from removing the computation of a value. */
static inline void
bench_use(uint64_t value)
{
    __asm__ volatile("" : : "r"(value) : "memory");
}

#endif
