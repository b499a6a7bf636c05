/* demo.c - a data set of a shop, and queries that tell about it.
 *
 * Invariants
 *   D1  Content depends on order_count only: every value comes from one sequence of random numbers,
 *       drawn in the order of the rows.
 *   D2  All rows are inserted in one transaction, so that a data set is whole or not there. Indexes
 *       are made behind it: it is faster on rows that are committed. */
#define _GNU_SOURCE
#include "demo.h"
#include "run.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEMO_SEED          20260101U
#define DEMO_PRODUCTS      500
#define DEMO_CUSTOMERS_PER 10    /* orders for each customer */
#define DEMO_LINES_MAX     5     /* of an order */
#define DEMO_DAYS          1461  /* over which orders are spread: four years from 2022-01-01 */
#define DEMO_FIRST_DAY     18993 /* 2022-01-01 in days since 1970-01-01 */
#define DEMO_COUNT(list)   ((uint64_t)(sizeof(list) / sizeof(list)[0]))

static const char *const demo_first_names[] = {
    "Ada",     "Alan", "Barbara", "Claude", "Dorothy",   "Edgar", "Edsger", "Frances",
    "Grace",   "Hedy", "Ingrid",  "Jim",    "Katherine", "Ken",   "Leslie", "Margaret",
    "Niklaus", "Olga", "Peter",   "Radia",  "Sophie",    "Tony",  "Ursula", "Yukihiro"};
static const char *const demo_last_names[] = {
    "Almeida", "Bauer",  "Chen",  "Dubois", "Eriksen", "Fischer",  "García", "Haddad",
    "Ivanova", "Jansen", "Kim",   "Larsen", "Moreau",  "Nakamura", "Okafor", "Patel",
    "Quinn",   "Rossi",  "Silva", "Tanaka", "Ueda",    "Vega",     "Weber",  "Zhang"};
static const char *const demo_places[][2] = {
    {"Berlin", "DE"},    {"Hamburg", "DE"}, {"München", "DE"}, {"Paris", "FR"}, {"Lyon", "FR"},
    {"Madrid", "ES"},    {"Sevilla", "ES"}, {"Oslo", "NO"},    {"Tokyo", "JP"}, {"Osaka", "JP"},
    {"São Paulo", "BR"}, {"Lagos", "NG"},   {"Mumbai", "IN"},  {"Seoul", "KR"}, {"Toronto", "CA"}};
static const char *const demo_categories[] = {"books",  "garden",  "kitchen", "music",
                                              "office", "outdoor", "tools",   "toys"};
static const char *const demo_adjectives[] = {"Blue",  "Classic", "Compact", "Deluxe", "Folding",
                                              "Grand", "Light",   "Quiet",   "Solid",  "Tiny"};
static const char *const demo_things[] = {"Atlas", "Bench", "Clock",  "Drum",   "Easel",
                                          "Flask", "Globe", "Hammer", "Kettle", "Lantern"};
static const char *const demo_states[] = {"shipped",  "shipped", "shipped", "shipped", "shipped",
                                          "returned", "open",    "shipped", "shipped", "cancelled"};

/* Making the data set. */
typedef struct demo {
    shell *of;                         /* whose database it goes to */
    uint64_t random;                   /* D1: state of the random numbers */
    uint64_t row_count;                /* inserted so far */
    int64_t prices[DEMO_PRODUCTS + 1]; /* of the products, in cents */
    velo_statement *insert;            /* of the table at hand */
} demo;

/* The next random number below `bound` (splitmix64). */
static uint64_t
demo_below(demo *state, uint64_t bound)
{
    uint64_t mixed = state->random += 0x9e3779b97f4a7c15U;

    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
    return (mixed ^ (mixed >> 31)) % bound;
}

/* The same, small numbers more often: as some products sell better and some customers buy more. */
static uint64_t
demo_below_skewed(demo *state, uint64_t bound)
{
    uint64_t a = demo_below(state, bound);
    uint64_t b = demo_below(state, bound);

    return a * b / bound;
}

/* The date of a day since 1970-01-01 as text (days to civil, by counting from 0000-03-01). */
static void
demo_write_date(int64_t day, char *to, size_t size)
{
    int64_t shifted = day + 719468;
    int64_t era = shifted / 146097;
    int64_t of_era = shifted % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    int64_t of_month = of_year - (153 * month + 2) / 5 + 1;

    month = month < 10 ? month + 3 : month - 9;
    (void)snprintf(to, size, "%04u-%02u-%02u", (unsigned)(year + era * 400 + (month <= 2)) % 10000U,
                   (unsigned)month % 100U, (unsigned)of_month % 100U);
}

/* ---- inserting ---- */

static int
demo_fail(demo *state)
{
    return shell_fail(state->of, "Error: %s\n", velo_error_text(state->of->connection));
}

static int
demo_prepare(demo *state, const char *sql)
{
    (void)velo_finalize(state->insert); /* its errors were those of its steps */
    state->insert = NULL;
    if (velo_prepare(state->of->connection, sql, -1, &state->insert, NULL) != VELO_OK)
        return demo_fail(state);
    return 0;
}

/* Bind a text or a number; what fails makes demo_insert fail. */
static int
demo_bind_text(demo *state, int index, const char *value)
{
    return velo_bind_text(state->insert, index, value, -1, VELO_COPY) != VELO_OK;
}

static int
demo_bind_number(demo *state, int index, int64_t value)
{
    return velo_bind_int64(state->insert, index, value) != VELO_OK;
}

static int
demo_insert(demo *state, int has_failed)
{
    if (has_failed || velo_step(state->insert) != VELO_DONE || velo_reset(state->insert) != VELO_OK)
        return demo_fail(state);
    state->row_count++;
    return 0;
}

static int
demo_make_customers(demo *state, int64_t count)
{
    char name[64];
    char date[40];

    if (demo_prepare(state, "INSERT INTO customers VALUES(?,?,?,?,?)"))
        return 1;
    for (int64_t id = 1; id <= count; id++) {
        const char *first = demo_first_names[demo_below(state, DEMO_COUNT(demo_first_names))];
        const char *last = demo_last_names[demo_below(state, DEMO_COUNT(demo_last_names))];
        const char *const *place = demo_places[demo_below_skewed(state, DEMO_COUNT(demo_places))];
        int has_failed;

        (void)snprintf(name, sizeof name, "%s %s", first, last);
        demo_write_date(DEMO_FIRST_DAY - (int64_t)demo_below(state, 2000), date, sizeof date);
        has_failed = demo_bind_number(state, 1, id) | demo_bind_text(state, 2, name) |
                     demo_bind_text(state, 3, place[0]) | demo_bind_text(state, 4, place[1]) |
                     demo_bind_text(state, 5, date);
        if (demo_insert(state, has_failed))
            return 1;
    }
    return 0;
}

static int
demo_make_products(demo *state)
{
    char name[64];

    if (demo_prepare(state, "INSERT INTO products VALUES(?,?,?,?)"))
        return 1;
    for (int64_t id = 1; id <= DEMO_PRODUCTS; id++) {
        const char *adjective = demo_adjectives[demo_below(state, DEMO_COUNT(demo_adjectives))];
        const char *thing = demo_things[demo_below(state, DEMO_COUNT(demo_things))];
        const char *category = demo_categories[demo_below(state, DEMO_COUNT(demo_categories))];
        int has_failed;

        (void)snprintf(name, sizeof name, "%s %s %03d", adjective, thing, (int)id);
        state->prices[id] = 199 + (int64_t)demo_below_skewed(state, 20000) / 10 * 10;
        has_failed = demo_bind_number(state, 1, id) | demo_bind_text(state, 2, name) |
                     demo_bind_text(state, 3, category) |
                     demo_bind_number(state, 4, state->prices[id]);
        if (demo_insert(state, has_failed))
            return 1;
    }
    return 0;
}

static int
demo_make_orders(demo *state, int64_t count, int64_t customer_count)
{
    char date[40];

    if (demo_prepare(state, "INSERT INTO orders VALUES(?,?,?,?)"))
        return 1;
    for (int64_t id = 1; id <= count; id++) {
        int64_t customer = 1 + (int64_t)demo_below_skewed(state, (uint64_t)customer_count);
        const char *status = demo_states[demo_below(state, DEMO_COUNT(demo_states))];
        int has_failed;

        demo_write_date(DEMO_FIRST_DAY + id * DEMO_DAYS / (count + 1), date, sizeof date);
        has_failed = demo_bind_number(state, 1, id) | demo_bind_number(state, 2, customer) |
                     demo_bind_text(state, 3, date) | demo_bind_text(state, 4, status);
        if (demo_insert(state, has_failed))
            return 1;
    }
    return 0;
}

static int
demo_make_lines(demo *state, int64_t order_count)
{
    if (demo_prepare(state, "INSERT INTO order_lines VALUES(?,?,?,?,?)"))
        return 1;
    for (int64_t order = 1; order <= order_count; order++) {
        int64_t lines = 1 + (int64_t)demo_below(state, DEMO_LINES_MAX);

        for (int64_t line = 1; line <= lines; line++) {
            int64_t product = 1 + (int64_t)demo_below_skewed(state, DEMO_PRODUCTS);
            int64_t quantity = 1 + (int64_t)demo_below_skewed(state, 6);
            int has_failed = demo_bind_number(state, 1, order) | demo_bind_number(state, 2, line) |
                             demo_bind_number(state, 3, product) |
                             demo_bind_number(state, 4, quantity) |
                             demo_bind_number(state, 5, state->prices[product]);

            if (demo_insert(state, has_failed))
                return 1;
        }
    }
    return 0;
}

/* Run statements that yield nothing; NULL ends them. */
static int
demo_run_all(shell *of, const char *const *statements)
{
    for (; *statements != NULL; statements++)
        if (run_query(of, *statements, NULL, NULL, NULL))
            return 1;
    return 0;
}

static int
demo_make_tables(demo *state)
{
    static const char *const tables[] = {
        "CREATE TABLE customers(id INTEGER PRIMARY KEY, name TEXT NOT NULL, city TEXT, "
        "country TEXT, since TEXT)",
        "CREATE TABLE products(id INTEGER PRIMARY KEY, name TEXT NOT NULL, category TEXT, "
        "price_cents INTEGER NOT NULL)",
        "CREATE TABLE orders(id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, placed TEXT, "
        "status TEXT)",
        "CREATE TABLE order_lines(order_id INTEGER NOT NULL, line INTEGER NOT NULL, "
        "product_id INTEGER NOT NULL, quantity INTEGER NOT NULL, price_cents INTEGER NOT NULL)",
        NULL,
    };

    return demo_run_all(state->of, tables);
}

static int
demo_make_indexes(demo *state)
{
    static const char *const indexes[] = {
        "CREATE INDEX orders_customer ON orders(customer_id)",
        "CREATE INDEX order_lines_order ON order_lines(order_id)",
        NULL,
    };

    return demo_run_all(state->of, indexes);
}

static double
demo_seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int
demo_note_table(void *user, velo_statement *statement)
{
    (void)statement;
    *(int *)user = 1;
    return 1;
}

int
demo_make(shell *of, int64_t order_count)
{
    demo state = {.of = of, .random = DEMO_SEED};
    int64_t customer_count = order_count / DEMO_CUSTOMERS_PER + 1;
    int is_there = 0;
    int has_failed;
    double begin = demo_seconds();

    if (run_query(of, "SELECT name FROM sqlite_schema WHERE name='orders'", NULL, demo_note_table,
                  &is_there))
        return 1;
    if (is_there) {
        shell_print(of, "There is a table named orders already: nothing was made.\n");
        return 0;
    }
    if (run_query(of, "BEGIN", NULL, NULL, NULL))
        return 1;
    has_failed = demo_make_tables(&state) || demo_make_customers(&state, customer_count) ||
                 demo_make_products(&state) ||
                 demo_make_orders(&state, order_count, customer_count) ||
                 demo_make_lines(&state, order_count);
    (void)velo_finalize(state.insert);       /* its errors were those of its steps */
    if (velo_in_transaction(of->connection)) /* keeps D2 */
        has_failed |= run_query(of, has_failed ? "ROLLBACK" : "COMMIT", NULL, NULL, NULL);
    has_failed = has_failed || demo_make_indexes(&state);
    if (!has_failed)
        shell_print(of, "Made customers, products, orders and order_lines: %llu rows in %.2f s\n",
                    (unsigned long long)state.row_count, demo_seconds() - begin);
    return has_failed;
}

/* ---- queries ---- */

static const struct {
    const char *title; /* what is asked */
    const char *sql;   /* how */
} demo_queries[] = {
    {"One order, by its key", "SELECT * FROM orders WHERE id = 4711;"},
    {"Its lines, by an index", "SELECT p.name, l.quantity, l.price_cents\n"
                               "FROM order_lines AS l JOIN products AS p ON p.id = l.product_id\n"
                               "WHERE l.order_id = 4711;"},
    {"Orders by state", "SELECT status, count(*) AS orders FROM orders\n"
                        "GROUP BY status ORDER BY orders DESC;"},
    {"Sales by category", "SELECT p.category, sum(l.quantity) AS pieces,\n"
                          "       sum(l.quantity * l.price_cents) / 100 AS sales\n"
                          "FROM order_lines AS l JOIN products AS p ON p.id = l.product_id\n"
                          "GROUP BY p.category ORDER BY sales DESC;"},
    {"Sales by year and country",
     "SELECT substr(o.placed, 1, 4) AS year, c.country,\n"
     "       count(DISTINCT o.id) AS orders, sum(l.quantity * l.price_cents) / 100 AS sales\n"
     "FROM orders AS o JOIN customers AS c ON c.id = o.customer_id\n"
     "     JOIN order_lines AS l ON l.order_id = o.id\n"
     "WHERE o.status = 'shipped' AND c.country IN ('DE', 'FR')\n"
     "GROUP BY year, c.country ORDER BY year, c.country;"},
    {"The best customers", "SELECT c.name, c.city, count(*) AS lines,\n"
                           "       sum(l.quantity * l.price_cents) / 100 AS sales\n"
                           "FROM customers AS c JOIN orders AS o ON o.customer_id = c.id\n"
                           "     JOIN order_lines AS l ON l.order_id = o.id\n"
                           "GROUP BY c.id ORDER BY sales DESC, c.id LIMIT 5;"},
    {"Customers who never ordered", "SELECT count(*) AS customers FROM customers\n"
                                    "WHERE id NOT IN (SELECT customer_id FROM orders);"},
};

int
demo_ask(shell *of)
{
    int had_times = of->times;
    int has_failed = 0;
    mode_kind kind = of->settings.kind;

    of->times = 1;
    of->settings.kind = MODE_BOX;
    for (size_t i = 0; i < sizeof demo_queries / sizeof demo_queries[0]; i++) {
        shell_print(of, "\n-- %s\n%s\n", demo_queries[i].title, demo_queries[i].sql);
        has_failed |= run_sql(of, demo_queries[i].sql, RUN_PERSON, 1);
    }
    of->times = had_times;
    of->settings.kind = kind;
    return has_failed;
}

int
demo_run(shell *of, int64_t order_count)
{
    return demo_make(of, order_count) || demo_ask(of);
}
