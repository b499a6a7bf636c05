/* exec_rig.c - running plans over many rows. */
#include "lib/exec_rig.h"

#include "exec/rows.h"
#include "lib/unit.h"
#include "vec/value.h"

#include <stdio.h>
#include <stdlib.h>

static void *
rig_check(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "exec_rig: no memory\n");
        exit(2);
    }
    return memory;
}

int
rig_init(exec_rig *rig)
{
    memset(rig, 0, sizeof *rig);
    plan_init(&rig->builder);
    if (vl_sim_create(unit_ctx(), NULL, &rig->sim) != VELO_OK ||
        vl_sim_open_io(unit_ctx(), rig->sim, &rig->io) != VELO_OK)
        return 0;
    rig->env.io = rig->io;
    rig->env.temporary_folder = ".";
    return 1;
}

void
rig_deinit(exec_rig *rig)
{
    vl_io_close(rig->io);
    vl_sim_destroy(rig->sim);
    plan_deinit(&rig->builder);
}

static vl_value
rig_random_value(vl_rng *rng)
{
    static const char *const texts[] = {"", "a", "A", "ab", "abcdefgh", "abcdefghi", "b", "b "};
    const char *text = texts[vl_rng_below(rng, VL_ARRAY_COUNT(texts))];
    vl_value value = {.type = VL_TYPE_TEXT, .size = (uint32_t)strlen(text), .as.data = text};

    switch (vl_rng_below(rng, 5)) {
    case 0:
        return vl_value_of_null();
    case 1:
        return vl_value_of_integer((int64_t)vl_rng_below(rng, 7) - 3);
    case 2:
        return vl_value_of_real((double)vl_rng_below(rng, 13) / 2 - 3);
    case 3:
        value.type = VL_TYPE_BLOB;
        return value;
    default:
        return value;
    }
}

rig_rows
rig_random(exec_rig *rig, vl_rng *rng, uint32_t count, uint32_t text_size)
{
    vl_arena *arena = &rig->builder.arena;
    rig_rows rows = {.count = count, .width = 4};

    rows.rows = rig_check(vl_arena_alloc_array(arena, count + 1U, sizeof(vl_value *)));
    for (uint32_t i = 0; i < count; i++) {
        vl_value *row = rig_check(vl_arena_alloc_array(arena, 4, sizeof *row));
        uint32_t size = 0;
        char *text;

        row[0] = rig_random_value(rng);
        row[1] = vl_value_of_integer((int64_t)vl_rng_below(rng, count / 3 + 1));
        row[2] = vl_value_of_integer(i);
        size = (uint32_t)row[1].as.integer % (text_size + 1);
        text = rig_check(vl_arena_alloc(arena, size + 1U));
        memset(text, 'a' + (int)(row[1].as.integer % 26), size);
        row[3] = (vl_value){.type = VL_TYPE_TEXT, .size = size, .as.data = text};
        rows.rows[i] = row;
    }
    return rows;
}

vl_op *
rig_values(exec_rig *rig, const rig_rows *rows)
{
    vl_arena *arena = &rig->builder.arena;
    vl_op *op = plan_op(&rig->builder, VL_OP_KIND_VALUES, rows->width, NULL, NULL);
    size_t count = (size_t)rows->count * rows->width;
    vl_expr *exprs = rig_check(vl_arena_alloc_array(arena, count + 1, sizeof *exprs));
    vl_expr **list = rig_check(vl_arena_alloc_array(arena, count + 1, sizeof(vl_expr *)));

    op->as.values.row_count = rows->count;
    op->as.values.rows = rig_check(vl_arena_alloc_array(arena, rows->count + 1U, sizeof(vl_exprs)));
    for (uint32_t i = 0; i < rows->count; i++) {
        for (uint32_t k = 0; k < rows->width; k++) {
            exprs[i * rows->width + k].value = rows->rows[i][k];
            list[i * rows->width + k] = &exprs[i * rows->width + k];
        }
        op->as.values.rows[i] = (vl_exprs){.list = list + i * rows->width, .count = rows->width};
    }
    return op;
}

rig_rows
rig_run(exec_rig *rig, vl_op *root)
{
    vl_arena *arena = &rig->builder.arena;
    rig_rows rows = {.width = root->column_count};
    uint32_t capacity = 16;
    const vl_value *row;
    vl_exec *exec;

    rows.rows = rig_check(vl_arena_alloc_array(arena, capacity, sizeof(vl_value *)));
    rig->spilled = 0;
    rig->status = vl_exec_create(unit_ctx(), plan_root(&rig->builder, root), &rig->env, &exec);
    if (rig->status != VELO_OK)
        return rows;
    while ((rig->status = vl_exec_step(unit_ctx(), exec, &row)) == VELO_ROW) {
        if (rows.count == capacity) {
            vl_value **old = rows.rows;

            capacity *= 2;
            rows.rows = rig_check(vl_arena_alloc_array(arena, capacity, sizeof(vl_value *)));
            memcpy(rows.rows, old, rows.count * sizeof(vl_value *));
        }
        rows.rows[rows.count++] = rig_check(vl_row_copy(unit_ctx(), arena, row, rows.width));
    }
    rig->spilled = vl_exec_spilled(exec);
    rig->peak = vl_exec_memory_peak(exec);
    vl_exec_reset(exec);
    if (vl_exec_memory(exec) != 0)
        unit_failed(__FILE__, __LINE__, "%llu bytes are kept after reset",
                    (unsigned long long)vl_exec_memory(exec));
    vl_exec_destroy(exec);
    return rows;
}

int
rig_are_equal(const rig_rows *left, const rig_rows *right)
{
    if (left->count != right->count || left->width != right->width) {
        fprintf(stderr, "  %u rows and %u rows\n", left->count, right->count);
        return 0;
    }
    for (uint32_t i = 0; i < left->count; i++) {
        for (uint32_t k = 0; k < left->width; k++) {
            const vl_value *a = &left->rows[i][k];
            const vl_value *b = &right->rows[i][k];

            if (a->type != b->type || vl_value_compare(a, b, VL_COLLATE_BINARY) != 0) {
                fprintf(stderr, "  column %u of row %u differs\n", k, i);
                return 0;
            }
        }
    }
    return 1;
}

velo_status
rig_operation(vl_ctx *ctx, void *argument)
{
    exec_rig *rig = argument;
    const vl_value *row;
    vl_exec *exec;
    velo_status status = vl_exec_create(ctx, &rig->builder.plan, &rig->env, &exec);

    if (status != VELO_OK)
        return status;
    do {
        status = vl_exec_step(ctx, exec, &row);
    } while (status == VELO_ROW);
    vl_exec_destroy(exec);
    return status == VELO_DONE ? VELO_OK : status;
}
