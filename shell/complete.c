/* complete.c - what a word of a line that is being typed may become. */
#define _GNU_SOURCE
#include "complete.h"
#include "command.h"
#include "memory.h"
#include "quote.h"
#include "text.h"
#include "velocidb.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* No more columns and tables than a terminal can show. */
#define COMPLETE_NAMES_MAX 2000U

size_t
complete_word_start(const char *line, size_t size)
{
    while (size > 0) {
        unsigned char c = (unsigned char)line[size - 1];

        if (!isalnum(c) && c != '_' && c < 0x80)
            break;
        size--;
    }
    return size;
}

void
complete_add(complete_list *to, const char *word, size_t size)
{
    if (to->count == to->room) {
        to->room = to->room == 0 ? 32 : to->room * 2;
        to->words = memory_resize(to->words, to->room * sizeof *to->words);
    }
    to->words[to->count++] = memory_copy(word, size);
}

static int
complete_compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
complete_sort(complete_list *of)
{
    size_t kept = 0;

    if (of->count == 0)
        return;
    qsort(of->words, of->count, sizeof *of->words, complete_compare);
    for (size_t i = 0; i < of->count; i++) {
        if (kept > 0 && strcmp(of->words[kept - 1], of->words[i]) == 0)
            free(of->words[i]);
        else
            of->words[kept++] = of->words[i];
    }
    of->count = kept;
}

size_t
complete_common(const complete_list *found)
{
    size_t size = found->count == 0 ? 0 : strlen(found->words[0]);

    for (size_t i = 1; i < found->count; i++) {
        size_t same = 0;

        while (same < size && found->words[0][same] == found->words[i][same])
            same++;
        size = same;
    }
    return size;
}

void
complete_free(complete_list *of)
{
    for (size_t i = 0; i < of->count; i++)
        free(of->words[i]);
    free(of->words);
    *of = (complete_list){0};
}

/* ---- where words come from ---- */

/* A word being typed, and what was found for it. */
typedef struct complete_search {
    const char *word;     /* its beginning, `size` bytes */
    size_t size;          /* of it */
    complete_list *found; /* what it may become */
    complete_list tables; /* all tables, to ask for their columns */
} complete_search;

static void
complete_offer(complete_search *search, const char *name)
{
    if (search->found->count < COMPLETE_NAMES_MAX &&
        strncasecmp(name, search->word, search->size) == 0)
        complete_add(search->found, name, strlen(name));
}

static void
complete_offer_keywords(complete_search *search)
{
    int is_small = search->size == 0 || islower((unsigned char)search->word[0]);

    for (size_t i = 0; velo_keyword(i) != NULL; i++) {
        char *keyword = memory_copy_text(velo_keyword(i));

        for (char *c = keyword; is_small && *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        complete_offer(search, keyword);
        free(keyword);
    }
}

static void
complete_offer_commands(complete_search *search)
{
    for (size_t i = 0; command_name(i) != NULL; i++)
        complete_offer(search, command_name(i));
}

/* Take the name that a row of sqlite_schema has. */
static void
complete_take_name(complete_search *search, velo_statement *statement)
{
    const char *name = velo_column_text(statement, 0);
    const char *type = velo_column_text(statement, 1);

    if (name == NULL || type == NULL)
        return;
    complete_offer(search, name);
    if (strcmp(type, "table") == 0 || strcmp(type, "view") == 0)
        complete_add(&search->tables, name, strlen(name));
}

/* The columns of a table: those of a query on it, which is not run. */
static void
complete_offer_columns(shell *of, complete_search *search, const char *table)
{
    velo_statement *statement = NULL;
    text sql = {0};

    text_add_string(&sql, "SELECT * FROM ");
    quote_name(&sql, table);
    if (velo_prepare(of->connection, text_string(&sql), -1, &statement, NULL) == VELO_OK)
        for (int i = 0; i < velo_column_count(statement); i++)
            complete_offer(search, velo_column_name(statement, i));
    (void)velo_finalize(statement); /* what cannot be asked offers nothing */
    text_free(&sql);
}

static void
complete_offer_names(shell *of, complete_search *search)
{
    velo_statement *statement = NULL;

    if (of->connection == NULL)
        return;
    /* nothing is said about errors here, in the middle of a line: there is only less to offer */
    if (velo_prepare(of->connection, "SELECT name, type FROM sqlite_schema", -1, &statement,
                     NULL) == VELO_OK)
        while (search->tables.count < COMPLETE_NAMES_MAX && velo_step(statement) == VELO_ROW)
            complete_take_name(search, statement);
    (void)velo_finalize(statement);
    for (size_t i = 0; i < search->tables.count; i++)
        complete_offer_columns(of, search, search->tables.words[i]);
    complete_free(&search->tables);
}

/* Names of files that begin as `path` does. */
static void
complete_offer_files(complete_search *search, const char *path, size_t size)
{
    size_t folder_size = size;
    char *folder;
    DIR *open;
    struct dirent *entry; /* NOLINT(concurrency-mt-unsafe): one thread reads it */

    while (folder_size > 0 && path[folder_size - 1] != '/')
        folder_size--;
    search->word = path + folder_size;
    search->size = size - folder_size;
    folder = folder_size == 0 ? memory_copy_text(".") : memory_copy(path, folder_size);
    open = opendir(folder);
    while (open != NULL && (entry = readdir(open)) != NULL)
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, search->word, search->size) == 0)
            complete_add(search->found, entry->d_name, strlen(entry->d_name));
    if (open != NULL)
        (void)closedir(open);
    free(folder);
}

void
complete_find(shell *of, const char *line, size_t size, complete_list *found)
{
    size_t start = complete_word_start(line, size);
    complete_search search = {line + start, size - start, found, {0}};

    *found = (complete_list){0};
    if (start == 1 && line[0] == '.') {
        complete_offer_commands(&search);
    } else if (size > 0 && line[0] == '.') {
        size_t word = size;

        while (word > 0 && line[word - 1] != ' ')
            word--;
        if (command_takes_file(line))
            complete_offer_files(&search, line + word, size - word);
        else
            complete_offer_names(of, &search);
    } else {
        complete_offer_keywords(&search);
        complete_offer_names(of, &search);
    }
    complete_sort(found);
}
