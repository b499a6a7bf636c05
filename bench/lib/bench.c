/* bench.c - the benchmark harness. */
#define _GNU_SOURCE
#include "lib/bench.h"

#include "velocidb.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BENCH_MAX_SERIES  128
#define BENCH_MAX_TARGETS 64
#define BENCH_MAX_RUNS    101
#define BENCH_MAX_NOTES   16

typedef struct bench_series {
    const char *name;              /* what is measured */
    const char *unit;              /* of the values */
    bench_sense sense;             /* which direction is good */
    bench_measure *measure;        /* measures once */
    void *user;                    /* passed to it */
    double values[BENCH_MAX_RUNS]; /* one for each round */
    double median;                 /* of them; negative when it could not be measured */
    double least;                  /* smallest value */
    double most;                   /* largest value */
} bench_series;

typedef struct bench_target {
    const char *name;  /* what is asked */
    int ours;          /* series judged */
    int first;         /* first series compared with, or -1 for a plain value */
    int count;         /* how many */
    double limit;      /* ratio or value asked for */
    double reached;    /* what was found; negative when it could not be measured */
    int is_met;        /* whether that is good enough */
    const char *rival; /* name of the best of those compared with */
} bench_target;

struct bench {
    const char *title;                       /* of the program */
    const char *folder;                      /* where files go */
    const char *json;                        /* where results go, or NULL */
    const char *only;                        /* part of wanted names, or NULL */
    int runs;                                /* rounds that count */
    uint64_t scale;                          /* percent of the full work */
    int series_count;                        /* series added */
    int target_count;                        /* targets added */
    int note_count;                          /* notes added */
    bench_series series[BENCH_MAX_SERIES];   /* in the order added */
    bench_target targets[BENCH_MAX_TARGETS]; /* in the order added */
    char notes[BENCH_MAX_NOTES][512];        /* in the order added */
    char machine[8][512];                    /* lines about the machine */
    int machine_lines;                       /* how many */
};

static void
bench_die(const char *text, const char *what)
{
    (void)fprintf(stderr, "bench: %s%s\n", text, what);
    exit(2);
}

/* Make a folder and those above it. */
static void
bench_make_folder(const char *path)
{
    char part[1024];
    size_t length = strlen(path);

    if (length >= sizeof part)
        bench_die("folder name too long: ", path);
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            bench_die("cannot make the folder ", part);
    }
}

static void
bench_keep_machine_line(void *user, const char *line)
{
    bench *b = user;

    if (b->machine_lines < 8)
        (void)snprintf(b->machine[b->machine_lines++], sizeof b->machine[0], "%s", line);
}

bench *
bench_create(int argc, char **argv, const char *title)
{
    bench *b = calloc(1, sizeof *b);

    if (b == NULL)
        bench_die("out of memory", "");
    b->title = title;
    b->folder = "build/bench-data";
    b->runs = 5;
    b->scale = 100;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (value == NULL)
            bench_die("missing value of ", argv[i]);
        if (strcmp(argv[i], "--runs") == 0)
            b->runs = (int)strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--scale") == 0)
            b->scale = strtoull(value, NULL, 10);
        else if (strcmp(argv[i], "--folder") == 0)
            b->folder = value;
        else if (strcmp(argv[i], "--json") == 0)
            b->json = value;
        else if (strcmp(argv[i], "--only") == 0)
            b->only = value;
        else
            bench_die("unknown option ", argv[i]);
    }
    if (b->runs < 1 || b->runs > BENCH_MAX_RUNS)
        bench_die("--runs must be from 1 to 101", "");
    bench_make_folder(b->folder);
    (void)velo_machine_report(NULL, bench_keep_machine_line, b);
    return b;
}

int
bench_add(bench *b, const char *name, const char *unit, bench_sense sense, bench_measure *measure,
          void *user)
{
    bench_series *series = &b->series[b->series_count];

    if (b->series_count == BENCH_MAX_SERIES)
        bench_die("too many series: ", name);
    series->name = name;
    series->unit = unit;
    series->sense = sense;
    series->measure = measure;
    series->user = user;
    return b->series_count++;
}

static bench_target *
bench_target_add(bench *b, const char *name, int ours, double limit)
{
    bench_target *target = &b->targets[b->target_count];

    if (b->target_count == BENCH_MAX_TARGETS)
        bench_die("too many targets: ", name);
    b->target_count++;
    target->name = name;
    target->ours = ours;
    target->first = -1;
    target->limit = limit;
    return target;
}

void
bench_want_ratio(bench *b, const char *name, int ours, int first, int count, double least)
{
    bench_target *target = bench_target_add(b, name, ours, least);

    target->first = first;
    target->count = count;
}

void
bench_want_value(bench *b, const char *name, int series, double limit)
{
    (void)bench_target_add(b, name, series, limit);
}

void
bench_note(bench *b, const char *format, ...)
{
    va_list args;

    if (b->note_count == BENCH_MAX_NOTES)
        return;
    va_start(args, format);
    (void)vsnprintf(b->notes[b->note_count++], sizeof b->notes[0], format, args);
    va_end(args);
}

static int
bench_compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return (*x > *y) - (*x < *y);
}

static double
bench_median(const double *values, int count)
{
    double sorted[BENCH_MAX_RUNS];

    memcpy(sorted, values, (size_t)count * sizeof *values);
    qsort(sorted, (size_t)count, sizeof *sorted, bench_compare);
    return count % 2 != 0 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

static int
bench_is_wanted(const bench *b, const bench_series *series)
{
    return b->only == NULL || strstr(series->name, b->only) != NULL;
}

/* One warm-up round, then the rounds that count; each begins with another series. */
static void
bench_run(bench *b)
{
    for (int round = -1; round < b->runs; round++) {
        for (int i = 0; i < b->series_count; i++) {
            bench_series *series = &b->series[(i + round + 1) % b->series_count];
            double value = bench_is_wanted(b, series) ? series->measure(series->user) : -1;

            if (round >= 0)
                series->values[round] = value;
        }
        (void)fprintf(stderr, "\r%s: round %d of %d ", b->title, round + 1, b->runs);
    }
    (void)fprintf(stderr, "\r%60s\r", "");
}

static void
bench_summarize(bench *b)
{
    for (int i = 0; i < b->series_count; i++) {
        bench_series *series = &b->series[i];

        series->median = bench_median(series->values, b->runs);
        series->least = series->values[0];
        series->most = series->values[0];
        for (int r = 0; r < b->runs; r++) {
            series->least = series->values[r] < series->least ? series->values[r] : series->least;
            series->most = series->values[r] > series->most ? series->values[r] : series->most;
        }
        if (series->least < 0)
            series->median = -1;
    }
}

static int
bench_is_better(const bench_series *a, const bench_series *than)
{
    if (a->median < 0 || than->median < 0)
        return than->median < 0;
    return a->sense == BENCH_MORE_IS_BETTER ? a->median > than->median : a->median < than->median;
}

static void
bench_judge(bench *b, bench_target *target)
{
    const bench_series *ours = &b->series[target->ours];
    const bench_series *rival;
    double ratios[BENCH_MAX_RUNS];

    target->reached = ours->median;
    if (target->first < 0) {
        target->is_met = ours->median >= 0 &&
                         (ours->sense == BENCH_MORE_IS_BETTER ? ours->median >= target->limit
                                                              : ours->median <= target->limit);
        return;
    }
    rival = &b->series[target->first];
    for (int i = 1; i < target->count; i++)
        if (bench_is_better(&b->series[target->first + i], rival))
            rival = &b->series[target->first + i];
    target->rival = rival->name;
    if (ours->median < 0 || rival->median < 0) {
        target->reached = -1;
        return;
    }
    for (int r = 0; r < b->runs; r++)
        ratios[r] = ours->sense == BENCH_MORE_IS_BETTER ? ours->values[r] / rival->values[r]
                                                        : rival->values[r] / ours->values[r];
    target->reached = bench_median(ratios, b->runs);
    target->is_met = target->reached >= target->limit;
}

static const char *
bench_verdict(const bench_target *target)
{
    if (target->reached < 0)
        return "not measured";
    return target->is_met ? "met" : "MISSED";
}

static void
bench_print(const bench *b)
{
    printf("## %s\n\n", b->title);
    for (int i = 0; i < b->machine_lines; i++)
        printf("%s\n", b->machine[i]);
    printf("%d runs in turn after a warm-up; data in %s\n\n", b->runs, b->folder);
    printf("| series | median | least | most | unit |\n| --- | ---: | ---: | ---: | --- |\n");
    for (int i = 0; i < b->series_count; i++) {
        const bench_series *s = &b->series[i];

        if (s->median < 0)
            printf("| %s | - | - | - | not measured |\n", s->name);
        else
            printf("| %s | %.4g | %.4g | %.4g | %s |\n", s->name, s->median, s->least, s->most,
                   s->unit);
    }
    if (b->target_count > 0)
        printf("\n| target | asked | reached | |\n| --- | ---: | ---: | --- |\n");
    for (int i = 0; i < b->target_count; i++) {
        const bench_target *t = &b->targets[i];

        printf("| %s%s%s | %s %.4g | %.4g | %s |\n", t->name, t->rival != NULL ? ", against " : "",
               t->rival != NULL ? t->rival : "",
               t->first < 0 && b->series[t->ours].sense == BENCH_LESS_IS_BETTER ? "<=" : ">=",
               t->limit, t->reached, bench_verdict(t));
    }
    for (int i = 0; i < b->note_count; i++)
        printf("\n%s\n", b->notes[i]);
    printf("\n");
}

/* Write a string in JSON. */
static void
bench_json_string(FILE *to, const char *text)
{
    (void)fputc('"', to);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            (void)fprintf(to, "\\%c", c);
        else if (c < 0x20)
            (void)fprintf(to, "\\u%04x", c);
        else
            (void)fputc(c, to);
    }
    (void)fputc('"', to);
}

static void
bench_json_series(FILE *to, const bench *b, const bench_series *s)
{
    (void)fputs("\n    {\"name\": ", to);
    bench_json_string(to, s->name);
    (void)fputs(", \"unit\": ", to);
    bench_json_string(to, s->unit);
    (void)fprintf(to, ", \"median\": %.17g, \"least\": %.17g, \"most\": %.17g, \"values\": [",
                  s->median, s->least, s->most);
    for (int r = 0; r < b->runs; r++)
        (void)fprintf(to, "%s%.17g", r > 0 ? ", " : "", s->values[r]);
    (void)fputs("]}", to);
}

static int
bench_write_json(const bench *b)
{
    FILE *to = fopen(b->json, "w");

    if (to == NULL)
        bench_die("cannot write ", b->json);
    (void)fputs("{\"title\": ", to);
    bench_json_string(to, b->title);
    (void)fputs(",\n  \"machine\": [", to);
    for (int i = 0; i < b->machine_lines; i++) {
        (void)fputs(i > 0 ? ", " : "", to);
        bench_json_string(to, b->machine[i]);
    }
    (void)fputs("],\n  \"series\": [", to);
    for (int i = 0; i < b->series_count; i++) {
        (void)fputs(i > 0 ? "," : "", to);
        bench_json_series(to, b, &b->series[i]);
    }
    (void)fputs("],\n  \"targets\": [", to);
    for (int i = 0; i < b->target_count; i++) {
        (void)fputs(i > 0 ? ",\n    {\"name\": " : "\n    {\"name\": ", to);
        bench_json_string(to, b->targets[i].name);
        (void)fprintf(to, ", \"asked\": %.17g, \"reached\": %.17g, \"verdict\": \"%s\"}",
                      b->targets[i].limit, b->targets[i].reached, bench_verdict(&b->targets[i]));
    }
    (void)fputs("],\n  \"notes\": [", to);
    for (int i = 0; i < b->note_count; i++) {
        (void)fputs(i > 0 ? ", " : "", to);
        bench_json_string(to, b->notes[i]);
    }
    (void)fputs("]}\n", to);
    return fclose(to) == 0 ? 0 : 1;
}

int
bench_finish(bench *b)
{
    int status = 0;

    bench_run(b);
    bench_summarize(b);
    for (int i = 0; i < b->target_count; i++)
        bench_judge(b, &b->targets[i]);
    bench_print(b);
    if (b->json != NULL)
        status = bench_write_json(b);
    free(b);
    return status;
}

const char *
bench_folder(const bench *b)
{
    return b->folder;
}

void
bench_delete_database(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal", "-lock"};
    char name[1200];

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, ends[i]);
        (void)unlink(name);
    }
}

uint64_t
bench_work(const bench *b, uint64_t full)
{
    uint64_t work = full * b->scale / 100;

    return work > 0 ? work : 1;
}

uint64_t
bench_delay_ns(void)
{
    FILE *from = fopen("/proc/thread-self/schedstat", "r");
    char line[128];
    char *delay;
    uint64_t result = 0;

    if (from == NULL)
        return 0;
    if (fgets(line, sizeof line, from) != NULL) {
        (void)strtoull(line, &delay, 10); /* the second number is what we want */
        result = strtoull(delay, NULL, 10);
    }
    (void)fclose(from);
    return result;
}

uint64_t
bench_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}
