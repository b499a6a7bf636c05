/* fuzz_replay.c - runs a fuzz target over the files of a folder, and over simple changes of each:
 * every prefix, and every byte replaced by a few values. */
#define _GNU_SOURCE
#include "lib/fuzz.h"

#include <dirent.h>
#include <string.h>

#define REPLAY_MAX_SIZE (1U << 20)

static uint8_t replay_data[REPLAY_MAX_SIZE];
static unsigned replay_count;

static void
replay_run(size_t size)
{
    (void)LLVMFuzzerTestOneInput(replay_data, size);
    replay_count++;
}

static void
replay_variants(size_t size)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};

    replay_run(size);
    if (size > 4096)
        return; /* large inputs speak for themselves */
    for (size_t prefix = 0; prefix < size; prefix++)
        replay_run(prefix);
    for (size_t i = 0; i < size; i++) {
        uint8_t before = replay_data[i];

        for (size_t v = 0; v < sizeof values; v++) {
            replay_data[i] = values[v];
            replay_run(size);
        }
        replay_data[i] = before;
    }
}

static int
replay_file(const char *path)
{
    FILE *from = fopen(path, "rb");
    size_t size;

    if (from == NULL) {
        perror(path);
        return 1;
    }
    size = fread(replay_data, 1, sizeof replay_data, from);
    (void)fclose(from);
    replay_variants(size);
    return 0;
}

int
main(int argc, char **argv)
{
    char path[4096];
    struct dirent *entry;
    DIR *folder;
    int status = 0;

    if (argc != 2) {
        (void)fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    folder = opendir(argv[1]);
    if (folder == NULL) {
        perror(argv[1]);
        return 2;
    }
    replay_variants(0);
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        status |= replay_file(path);
    }
    (void)closedir(folder);
    printf("%s: %u inputs\n1 passed, %d failed\n", argv[0], replay_count, status);
    return status;
}
