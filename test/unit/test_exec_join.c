/* test_exec_join.c - LOOP_JOIN and HASH_JOIN, PROGRAM_SCAN and RECURSE. */
#include "lib/exec_rig.h"
#include "lib/unit.h"
#include "vec/value.h"

#include <stdio.h>

static unsigned call_count;

/* count(x): x, and counts its calls; failat(x, y): x, but fails when it is y. */
static velo_status
function_count(vl_func_call *call, const vl_value *args, int count, vl_value *result)
{
    call_count++;
    *result = args[0];
    if (count > 1 && vl_value_compare(&args[0], &args[1], VL_COLLATE_BINARY) == 0)
        return vl_fail(call->ctx, VELO_ERROR, "failed on purpose");
    return VELO_OK;
}

static const vl_func functions[] = {
    {.name = "count", .most = -1, .flags = VL_FUNC_FAILING, .scalar = function_count},
    {.name = NULL},
};

static plan_builder b;

static void
begin(void)
{
    plan_init(&b);
    b.functions = functions;
    call_count = 0;
}

static void
end(void)
{
    plan_deinit(&b);
}

static vl_op *
loop(plan_builder *builder, vl_join_kind kind, vl_op *left, uint32_t program, uint32_t right_count,
     const char *arguments, const char *condition)
{
    int is_left_only = kind == VL_JOIN_KIND_SEMI || kind == VL_JOIN_KIND_ANTI;
    vl_op *op = plan_op(builder, VL_OP_KIND_LOOP_JOIN,
                        left->column_count + (is_left_only ? 0 : right_count), left, NULL);

    op->as.loop_join.kind = kind;
    op->as.loop_join.program = program;
    op->as.loop_join.right_count = right_count;
    op->as.loop_join.arguments = plan_exprs(builder, arguments);
    op->as.loop_join.condition = plan_exprs(builder, condition);
    return op;
}

static vl_op *
hash(plan_builder *builder, vl_join_kind kind, vl_op *left, vl_op *right, const char *left_keys,
     const char *right_keys, const char *condition)
{
    int is_left_only = kind == VL_JOIN_KIND_SEMI || kind == VL_JOIN_KIND_ANTI;
    vl_op *op = plan_op(builder, VL_OP_KIND_HASH_JOIN,
                        left->column_count + (is_left_only ? 0 : right->column_count), left, right);
    vl_op_hash_join *join = &op->as.hash_join;

    join->kind = kind;
    join->left = plan_exprs(builder, left_keys);
    join->right = plan_exprs(builder, right_keys);
    join->compared = plan_bytes(builder, join->left.count, VL_AFFINITY_NONE);
    join->collations = plan_bytes(builder, join->left.count, VL_COLLATE_BINARY);
    join->is_null_equal = plan_bytes(builder, join->left.count, 0);
    join->condition = plan_exprs(builder, condition);
    return op;
}

static void
joins_of_each_kind(void)
{
    static const struct {
        vl_join_kind kind;
        const char *rows;
    } cases[] = {
        {VL_JOIN_KIND_INNER, "i3 ta i3 tx; i3 ta i3 tz; i1 tc i1 ty"},
        {VL_JOIN_KIND_LEFT, "i3 ta i3 tx; i3 ta i3 tz; i2 tb n n; i1 tc i1 ty; n td n n"},
        {VL_JOIN_KIND_SEMI, "i3 ta; i1 tc"},
        {VL_JOIN_KIND_ANTI, "i2 tb; n td"},
        {VL_JOIN_KIND_RIGHT, "i3 ta i3 tx; i3 ta i3 tz; i1 tc i1 ty; n n i9 tu; n n n tv"},
        {VL_JOIN_KIND_FULL, "i3 ta i3 tx; i3 ta i3 tz; i2 tb n n; i1 tc i1 ty; n td n n; "
                            "n n i9 tu; n n n tv"},
    };
    vl_op *left;
    vl_op *right;

    begin();
    left = plan_values(&b, "i3 ta; i2 tb; i1 tc; n td");
    right = plan_values(&b, "i3 tx; i1 ty; i9 tu; i3 tz; n tv");
    (void)plan_program(&b, plan_filter(&b, right, "(= c0 o0)"), 1);
    (void)plan_program(&b, right, 0);
    for (size_t i = 0; i < VL_ARRAY_COUNT(cases); i++) {
        vl_join_kind kind = cases[i].kind;

        CHECK_ROWS(&b, hash(&b, kind, left, right, "c0", "c0", ""), cases[i].rows);
        CHECK_ROWS(&b, hash(&b, kind, left, right, "", "", "(= c0 c2)"), cases[i].rows);
        if (kind == VL_JOIN_KIND_RIGHT || kind == VL_JOIN_KIND_FULL)
            continue;
        CHECK_ROWS(&b, loop(&b, kind, left, 1, 2, "c0", ""), cases[i].rows);
        CHECK_ROWS(&b, loop(&b, kind, left, 2, 2, "", "(= c0 c2)"), cases[i].rows);
    }
    end();
}

static void
joins_convert_keys(void)
{
    vl_op *op;

    begin();
    op = hash(&b, VL_JOIN_KIND_INNER, plan_values(&b, "i1; t1; tA; n"),
              plan_values(&b, "t1; r1.0; ta; n"), "c0", "c0", "");
    CHECK_ROWS(&b, op, "i1 r1.0; t1 t1");
    op->as.hash_join.compared = plan_bytes(&b, 1, VL_AFFINITY_NUMERIC);
    CHECK_ROWS(&b, op, "i1 t1; i1 r1.0; t1 t1; t1 r1.0");
    op->as.hash_join.compared = plan_bytes(&b, 1, VL_AFFINITY_NONE);
    op->as.hash_join.collations = plan_bytes(&b, 1, VL_COLLATE_NOCASE);
    op->as.hash_join.is_null_equal = plan_bytes(&b, 1, 1);
    CHECK_ROWS(&b, op, "i1 r1.0; t1 t1; tA ta; n n");
    op = hash(&b, VL_JOIN_KIND_INNER, plan_values(&b, "i1 i2; i2 i1"),
              plan_values(&b, "i1 i1; i1 i2"), "(+ c0 c1) c0", "i3 c0", "(> c3 i1)");
    CHECK_ROWS(&b, op, "i1 i2 i1 i2");
    end();
}

static void
joins_of_nothing(void)
{
    vl_op *none;
    vl_op *some;

    begin();
    none = plan_values(&b, "");
    some = plan_values(&b, "i1; i2");
    (void)plan_program(&b, none, 0);
    CHECK_ROWS(&b, hash(&b, VL_JOIN_KIND_LEFT, some, none, "c0", "c0", ""), "i1 n; i2 n");
    CHECK_ROWS(&b, hash(&b, VL_JOIN_KIND_FULL, none, some, "c0", "c0", ""), "n i1; n i2");
    CHECK_ROWS(&b, hash(&b, VL_JOIN_KIND_INNER, none, none, "c0", "c0", ""), "");
    CHECK_ROWS(&b, loop(&b, VL_JOIN_KIND_LEFT, some, 1, 1, "", ""), "i1 n; i2 n");
    CHECK_ROWS(&b, loop(&b, VL_JOIN_KIND_INNER, none, 1, 1, "", ""), "");
    CHECK_ROWS(&b, loop(&b, VL_JOIN_KIND_ANTI, some, 1, 1, "", ""), "i1; i2");
    end();
}

/* A semi join asks for one right row; rows before an error come first. */
static void
joins_do_no_more_than_they_must(void)
{
    vl_op *left;

    begin();
    left = plan_values(&b, "i1; i2; i3");
    (void)plan_program(&b, plan_project(&b, plan_series(&b, 50, 50), "(call:count c0)"), 0);
    CHECK_ROWS(&b, loop(&b, VL_JOIN_KIND_SEMI, left, 1, 1, "", ""), "i1; i2; i3");
    CHECK_EQ(call_count, 3);
    call_count = 0;
    CHECK_ROWS(&b, plan_limit(&b, loop(&b, VL_JOIN_KIND_INNER, left, 1, 1, "", ""), "i3", NULL),
               "i1 i0; i1 i1; i1 i2");
    CHECK_EQ(call_count, 3);
    CHECK_ROWS(&b, loop(&b, VL_JOIN_KIND_SEMI, left, 1, 1, "", "(call:count c0 i2)"),
               "i1; !failed on purpose");
    CHECK_ROWS(&b, hash(&b, VL_JOIN_KIND_INNER, left, left, "", "", "(call:count c0 i2)"),
               "i1 i1; i1 i2; i1 i3; !failed on purpose");
    end();
}

static void
joins_of_many_rows(void)
{
    exec_rig rig;
    vl_rng rng;
    rig_rows left;
    rig_rows right;
    rig_rows by_hash;
    rig_rows by_loop;
    vl_op *values;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    left = rig_random(&rig, &rng, VL_BY_BUILD(400, 60), 40);
    right = rig_random(&rig, &rng, VL_BY_BUILD(900, 50), VL_BY_BUILD(200, 40));
    values = rig_values(&rig, &right);
    (void)plan_program(&rig.builder, plan_filter(&rig.builder, values, "(= c1 o0) (= c0 o1)"), 2);
    rig.env.memory_limit = 1;
    for (vl_join_kind kind = VL_JOIN_KIND_INNER; kind <= VL_JOIN_KIND_ANTI; kind++) {
        rig_rows in_file;
        vl_op *join =
            hash(&rig.builder, kind, rig_values(&rig, &left), values, "c1 c0", "c1 c0", "");

        in_file = rig_run(&rig, join);
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK(rig.spilled > 0);
        rig.env.memory_limit = 0;
        by_hash = rig_run(&rig, join);
        CHECK_EQ(rig.spilled, 0);
        rig.env.memory_limit = 1;
        CHECK(rig_are_equal(&by_hash, &in_file));
        if (kind == VL_JOIN_KIND_RIGHT || kind == VL_JOIN_KIND_FULL)
            continue;
        by_hash = rig_run(
            &rig, hash(&rig.builder, kind, rig_values(&rig, &left), values, "c1 c0", "c1 c0", ""));
        CHECK_STATUS(rig.status, VELO_DONE);
        by_loop =
            rig_run(&rig, loop(&rig.builder, kind, rig_values(&rig, &left), 1, 4, "c1 c0", ""));
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK(by_hash.count > 0);
        CHECK(rig_are_equal(&by_hash, &by_loop));
    }
    rig_deinit(&rig);
}

/* ---- programs ---- */

static vl_op *
program_scan(plan_builder *builder, uint32_t program, uint32_t column_count, int is_shared,
             const char *arguments)
{
    vl_op *op = plan_op(builder, VL_OP_KIND_PROGRAM_SCAN, column_count, NULL, NULL);

    op->as.program_scan.program = program;
    op->as.program_scan.is_shared = is_shared;
    op->as.program_scan.arguments = plan_exprs(builder, arguments);
    return op;
}

static void
programs_are_scanned(void)
{
    vl_op *rows;

    begin();
    rows = plan_project(&b, plan_series(&b, 30, 30), "(call:count c0)");
    (void)plan_program(&b, rows, 0);
    (void)plan_program(&b, plan_project(&b, plan_values(&b, "i1; i2"), "(+ c0 o0)"), 1);
    CHECK_ROWS(&b, program_scan(&b, 2, 1, 0, "i10"), "i11; i12");
    CHECK_ROWS(&b, plan_limit(&b, program_scan(&b, 1, 1, 1, ""), "i2", NULL), "i0; i1");
    CHECK_EQ(call_count, 2);
    call_count = 0;
    CHECK_ROWS(&b,
               hash(&b, VL_JOIN_KIND_INNER, program_scan(&b, 1, 1, 1, ""),
                    plan_filter(&b, program_scan(&b, 1, 1, 1, ""), "(> c0 i27)"), "c0", "c0", ""),
               "i28 i28; i29 i29");
    CHECK_EQ(call_count, 30);
    call_count = 0;
    CHECK_ROWS(&b,
               hash(&b, VL_JOIN_KIND_INNER, program_scan(&b, 1, 1, 0, ""),
                    plan_filter(&b, program_scan(&b, 1, 1, 0, ""), "(> c0 i27)"), "c0", "c0", ""),
               "i28 i28; i29 i29");
    CHECK_EQ(call_count, 60);
    end();
}

/* Two scans of a program, one far ahead of the other, with its rows in memory and in a file. */
static void
shared_programs_go_to_a_file(void)
{
    exec_rig rig;
    vl_rng rng;
    rig_rows rows;
    rig_rows got;
    rig_rows again;
    vl_op *op;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    rows = rig_random(&rig, &rng, VL_BY_BUILD(1500, 200), VL_BY_BUILD(300, 20));
    (void)plan_program(&rig.builder, rig_values(&rig, &rows), 0);
    (void)plan_program(&rig.builder,
                       plan_filter(&rig.builder, program_scan(&rig.builder, 1, 4, 1, ""),
                                   "(= c2 (- (* o0 i2) i1))"),
                       1);
    op = plan_limit(&rig.builder, program_scan(&rig.builder, 1, 4, 1, ""), "i60", NULL);
    op = loop(&rig.builder, VL_JOIN_KIND_LEFT, op, 2, 4, "c2", "");
    op = plan_op(&rig.builder, VL_OP_KIND_COMPOUND, 8, op,
                 plan_project(&rig.builder, program_scan(&rig.builder, 1, 4, 1, ""),
                              "c0 c1 c2 c3 c0 c1 c2 c3"));
    op->as.compound.kind = VL_COMPOUND_UNION_ALL;
    got = rig_run(&rig, op);
    CHECK_EQ(rig.spilled, 0);
    CHECK_EQ(got.count, rows.count + 60);
    CHECK_EQ(got.rows[5][6].as.integer, 9);
    rig.env.memory_limit = 1;
    again = rig_run(&rig, op);
    CHECK(rig.spilled > 0);
    CHECK(rig_are_equal(&got, &again));
    rig_deinit(&rig);
}

static vl_op *
recurse(plan_builder *builder, vl_op *first, uint32_t program, int is_union, const char *order)
{
    vl_op *op = plan_op(builder, VL_OP_KIND_RECURSE, first->column_count, first, NULL);

    op->as.recurse.program = program;
    op->as.recurse.is_union = is_union;
    op->as.recurse.collations = plan_bytes(builder, first->column_count, VL_COLLATE_BINARY);
    op->as.recurse.order = plan_keys(builder, order, &op->as.recurse.order_count);
    return op;
}

/* 31, item 27: a queue, delivered at once. */
static void
recursion_is_a_queue(void)
{
    vl_op *op;
    vl_op *edges;

    begin();
    (void)plan_program(&b,
                       plan_project(&b, plan_op(&b, VL_OP_KIND_QUEUE_SCAN, 1, NULL, NULL),
                                    "(call:count (+ c0 i1))"),
                       0); /* 1: endless */
    op = recurse(&b, plan_values(&b, "i1"), 1, 0, "");
    CHECK_ROWS(&b, plan_limit(&b, op, "i3", NULL), "i1; i2; i3");
    CHECK_EQ(call_count, 2);
    op->as.recurse.limit = plan_expr(&b, "i2");
    op->as.recurse.offset = plan_expr(&b, "i3");
    CHECK_ROWS(&b, op, "i4; i5");
    edges = plan_values(&b, "i1 i3; i1 i2; i2 i4; i3 i5; i4 i6; i5 i1; i6 i7");
    (void)plan_program(
        &b,
        plan_project(&b,
                     hash(&b, VL_JOIN_KIND_INNER, plan_op(&b, VL_OP_KIND_QUEUE_SCAN, 1, NULL, NULL),
                          edges, "c0", "c0", ""),
                     "c2"),
        0); /* 2: successors */
    CHECK_ROWS(&b, recurse(&b, plan_values(&b, "i1"), 2, 1, ""), "i1; i3; i2; i5; i4; i6; i7");
    CHECK_ROWS(&b, recurse(&b, plan_values(&b, "i1"), 2, 1, "c0"), "i1; i2; i3; i4; i5; i6; i7");
    CHECK_ROWS(&b, recurse(&b, plan_values(&b, "i1"), 2, 1, "c0 desc"),
               "i1; i3; i5; i2; i4; i6; i7");
    CHECK_ROWS(&b, recurse(&b, plan_values(&b, ""), 2, 1, ""), "");
    CHECK_ROWS(&b, recurse(&b, plan_values(&b, "i6; i6; i7"), 2, 0, ""), "i6; i6; i7; i7; i7");
    end();
}

/* A recursion's program that joins with the same rows again and again reads them once. */
static void
recursion_keeps_tables_that_stay_the_same(void)
{
    vl_op *edges;
    vl_op *queue;

    begin();
    queue = plan_op(&b, VL_OP_KIND_QUEUE_SCAN, 1, NULL, NULL);
    edges = plan_project(&b, plan_series(&b, 50, 50), "c0 (call:count (+ c0 i1))");
    (void)plan_program(
        &b, plan_project(&b, hash(&b, VL_JOIN_KIND_INNER, queue, edges, "c0", "c0", ""), "c2"), 0);
    CHECK_ROWS(&b, plan_limit(&b, recurse(&b, plan_values(&b, "i0"), 1, 0, ""), "i3", "i47"),
               "i47; i48; i49");
    CHECK_EQ(call_count, 50);
    call_count = 0;
    queue = plan_op(&b, VL_OP_KIND_QUEUE_SCAN, 1, NULL, NULL);
    (void)plan_program(
        &b,
        plan_project(&b,
                     hash(&b, VL_JOIN_KIND_INNER, plan_filter(&b, edges, "(< c0 i3)"), queue, "c0",
                          "c0", ""),
                     "c1"),
        0);
    CHECK_ROWS(&b, recurse(&b, plan_values(&b, "i0"), 2, 0, ""), "i0; i1; i2; i3");
    end();
}

/* Memory of a long recursion does not grow with its length (31, item 46). */
static void
recursion_of_many_steps_needs_little_memory(void)
{
    static const char *const orders[] = {"", "c0"};

    for (size_t i = 0; i < VL_ARRAY_COUNT(orders); i++) {
        exec_rig rig;
        rig_rows rows;
        vl_op *op;

        CHECK(rig_init(&rig));
        (void)plan_program(
            &rig.builder,
            plan_filter(&rig.builder,
                        plan_project(&rig.builder,
                                     plan_op(&rig.builder, VL_OP_KIND_QUEUE_SCAN, 2, NULL, NULL),
                                     "(+ c0 i1) (|| c1 t)"),
                        "(<= c0 i20000)"),
            0);
        op = recurse(&rig.builder, plan_values(&rig.builder, "i1 'some text that is kept'"), 1, 0,
                     orders[i]);
        rows = rig_run(&rig, plan_limit(&rig.builder, op, "i-1", "i19998"));
        CHECK_STATUS(rig.status, VELO_DONE);
        CHECK_EQ(rows.count, 2);
        CHECK_EQ(rows.rows[1][0].as.integer, 20000);
        CHECK(rig.peak < 600000);
        rig_deinit(&rig);
    }
}

static void
joins_survive_lack_of_memory(void)
{
    exec_rig rig;
    vl_rng rng;
    rig_rows rows;
    vl_op *op;

    vl_rng_init(&rng, unit_seed());
    CHECK(rig_init(&rig));
    rig.env.memory_limit = 1;
    rows = rig_random(&rig, &rng, 30, 30);
    (void)plan_program(&rig.builder,
                       plan_project(&rig.builder, rig_values(&rig, &rows), "(|| c3 o0) c1"), 1);
    op = hash(&rig.builder, VL_JOIN_KIND_FULL, program_scan(&rig.builder, 2, 2, 1, ""),
              program_scan(&rig.builder, 2, 2, 1, ""), "(|| c0 ta)", "(|| c0 ta)", "");
    (void)plan_program(&rig.builder, rig_values(&rig, &rows), 0);
    op->children[0]->column_count = op->children[1]->column_count = 4;
    op->column_count = 8;
    op = loop(&rig.builder, VL_JOIN_KIND_LEFT, op, 1, 2, "c3", "(= c0 c1)");
    (void)plan_root(&rig.builder, op);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > 10);
    (void)plan_program(
        &rig.builder,
        plan_filter(&rig.builder,
                    plan_project(&rig.builder,
                                 plan_op(&rig.builder, VL_OP_KIND_QUEUE_SCAN, 2, NULL, NULL),
                                 "(+ c0 i1) (|| c1 tx)"),
                    "(<= c0 i40)"),
        0);
    op = recurse(&rig.builder, plan_values(&rig.builder, "i1 ta"), 3, 1, "c0 desc");
    (void)plan_root(&rig.builder, op);
    CHECK(unit_each_alloc_failure(rig_operation, &rig) > 10);
    rig_deinit(&rig);
}

int
main(int argc, char **argv)
{
    static const unit_test tests[] = {
        UNIT_TEST(joins_of_each_kind),
        UNIT_TEST(joins_convert_keys),
        UNIT_TEST(joins_of_nothing),
        UNIT_TEST(joins_do_no_more_than_they_must),
        UNIT_TEST(joins_of_many_rows),
        UNIT_TEST(programs_are_scanned),
        UNIT_TEST(shared_programs_go_to_a_file),
        UNIT_TEST(recursion_is_a_queue),
        UNIT_TEST(recursion_keeps_tables_that_stay_the_same),
        UNIT_TEST(recursion_of_many_steps_needs_little_memory),
        UNIT_TEST(joins_survive_lack_of_memory),
    };

    return unit_main(argc, argv, tests, VL_ARRAY_COUNT(tests));
}
