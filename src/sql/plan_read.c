/* plan_read.c - the operator for a path that was chosen.
 *
 * Invariants
 *   PD1  Values are converted before they are looked up wherever the comparison would convert them.
 *   PD2  What the path does not decide is in the filter. */
#include "sql/bind_int.h"

#include <string.h>

/* Whether a comparison's affinity may change a value of these classes. */
static int
read_may_change(vl_affinity affinity, uint8_t classes)
{
    if (affinity < VL_AFFINITY_TEXT)
        return 0;
    if (affinity == VL_AFFINITY_TEXT)
        return (classes & (VL_CLASS_INTEGER | VL_CLASS_REAL)) != 0;
    return (classes & VL_CLASS_TEXT) != 0;
}

/* The value as the comparison sees it: PD1. */
static vl_expr *
read_convert(vl_binder *b, uint8_t affinity, vl_expr *value)
{
    vl_expr *expr;

    if (value == NULL || !read_may_change((vl_affinity)affinity, value->classes))
        return value;
    expr = vl_expr_new(b, VL_EXPR_CONVERT, 1, NULL);
    if (expr == NULL)
        return NULL;
    expr->kids[0] = value;
    expr->op = 1;
    expr->affinity = affinity;
    expr->offset = value->offset;
    return vl_expr_finish(b, expr);
}

/* A lowered value of a use, on no row. */
static vl_expr *
read_value(vl_binder *b, const vl_bind_use *use, vl_expr *value)
{
    const vl_bind_layout none = {NULL, 0};

    if (use->column != VL_COLUMN_ROWID)
        value = read_convert(b, use->affinity, value);
    return vl_lower(b, &none, value);
}

/* Let a program's only column be converted. */
static void
read_convert_program(vl_binder *b, uint32_t program, uint8_t affinity)
{
    vl_op *root = b->programs[program].root;
    vl_op *op;
    vl_expr *column;

    if (affinity < VL_AFFINITY_TEXT)
        return;
    op = vl_op_new(b, VL_OP_KIND_PROJECT, 1, root, NULL);
    column = read_convert(b, affinity, vl_expr_position(b, 0, NULL));
    if (op == NULL || column == NULL)
        return;
    vl_exprs_add(b, &op->as.project.exprs, column);
    op->column_count = 1;
    b->programs[program].root = op;
}

static void
read_lookup(vl_binder *b, const vl_bind_use *use, vl_lookup *lookup)
{
    const vl_bind_layout none = {NULL, 0};
    const vl_expr *in = use->in;

    lookup->in_program = -1;
    switch (use->kind) {
    case VL_USE_NULL:
        lookup->is_null_equal = 1;
        lookup->expr = vl_expr_constant(b, vl_value_of_null(), NULL);
        break;
    case VL_USE_LIST:
        for (uint32_t i = 1; i < in->kid_count; i++)
            vl_exprs_add(b, &lookup->in_list, read_value(b, use, in->kids[i]));
        break;
    case VL_USE_QUERY: {
        vl_exprs arguments = {in->kids + 1, in->kid_count - 1};

        if (use->column != VL_COLUMN_ROWID)
            read_convert_program(b, in->program, use->affinity);
        lookup->in_program = (int32_t)in->program;
        lookup->in_arguments = vl_lower_all(b, &none, &arguments);
        if (b->effects[in->program] > b->frame->effect)
            b->frame->effect = b->effects[in->program];
        break;
    }
    case VL_USE_IS:
    case VL_USE_EQUAL:
    case VL_USE_LOW:
    case VL_USE_HIGH:
        lookup->is_null_equal = use->kind == VL_USE_IS;
        lookup->expr = read_value(b, use, use->value);
        break;
    }
}

/* The columns that are read: those that some expression names. */
static const int32_t *
read_columns(vl_binder *b, const vl_bind_source *source, vl_bind_layout *layout)
{
    uint32_t count = 0;
    int32_t *columns;

    for (uint32_t i = 0; i <= source->column_count; i++)
        count += b->ids[source->base + i].is_used;
    *layout = vl_bind_layout_new(b, VL_BIND_NONE, count);
    columns = vl_bind_alloc(b, count + 1U, sizeof *columns);
    if (columns == NULL || layout->ids == NULL)
        return NULL;
    count = 0;
    for (uint32_t i = 0; i <= source->column_count; i++) {
        if (!b->ids[source->base + i].is_used)
            continue;
        layout->ids[count] = source->base + i;
        columns[count++] = i == source->column_count || (int32_t)i == source->table->rowid_column
                               ? VL_COLUMN_ROWID
                               : (int32_t)i;
    }
    return columns;
}

static int
read_uses_half(const vl_bind_path *path, uint32_t conjunct)
{
    return path->low != NULL && path->high != NULL && path->low->conjunct == conjunct &&
           path->high->conjunct == conjunct;
}

/* Whether the path decides a conjunct. */
static int
read_is_decided(const vl_bind_path *path, uint32_t conjunct)
{
    const vl_bind_use *ends[] = {path->low, path->high};

    for (uint32_t i = 0; i < path->key_count; i++)
        if (path->keys[i]->conjunct == conjunct)
            return 1;
    for (unsigned i = 0; i < 2; i++)
        if (ends[i] != NULL && ends[i]->conjunct == conjunct &&
            (!ends[i]->is_half || read_uses_half(path, conjunct)))
            return 1;
    return 0;
}

static vl_exprs
read_filter(vl_binder *b, const vl_exprs *conjuncts, const vl_bind_path *path,
            const vl_bind_layout *layout)
{
    vl_exprs rest = {NULL, 0};

    for (uint32_t i = 0; i < conjuncts->count; i++)
        if (!read_is_decided(path, i)) /* keeps PD2 */
            vl_exprs_add(b, &rest, conjuncts->list[i]);
    rest = vl_plan_conjunct_order(b, &rest);
    return vl_lower_all(b, layout, &rest);
}

static void
read_table(vl_binder *b, const vl_bind_source *source, const vl_bind_path *path,
           vl_op_table_scan *as)
{
    if (path->arm_count > 0 || path->key_count > 0) {
        as->key = vl_bind_alloc(b, 1, sizeof *as->key);
        if (as->key != NULL && path->arm_count > 0)
            vl_or_plan_lookup(b, source, path, as->key);
        else if (as->key != NULL)
            read_lookup(b, path->keys[0], as->key);
    }
    if (path->low != NULL)
        as->low = (vl_bound){read_value(b, path->low, path->low->value), path->low->is_excluded};
    if (path->high != NULL)
        as->high =
            (vl_bound){read_value(b, path->high, path->high->value), path->high->is_excluded};
    as->is_backward = path->is_backward;
}

static void
read_index(vl_binder *b, const vl_bind_path *path, vl_op_index_scan *as)
{
    as->index = path->index;
    as->keys = vl_bind_alloc(b, path->key_count + 1U, sizeof *as->keys);
    if (as->keys == NULL)
        return;
    as->key_count = path->key_count;
    for (uint32_t i = 0; i < path->key_count; i++)
        read_lookup(b, path->keys[i], &as->keys[i]);
    if (path->low != NULL) {
        vl_exprs_add(b, &as->low, read_value(b, path->low, path->low->value));
        as->low_is_excluded = path->low->is_excluded;
    }
    if (path->high != NULL) {
        vl_exprs_add(b, &as->high, read_value(b, path->high, path->high->value));
        as->high_is_excluded = path->high->is_excluded;
    }
    as->is_backward = path->is_backward;
    as->is_covering = path->is_covering;
}

vl_bind_rel
vl_plan_scan(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts,
             const vl_bind_path *path)
{
    vl_op_kind kind = path->index != NULL ? VL_OP_KIND_INDEX_SCAN : VL_OP_KIND_TABLE_SCAN;
    vl_bind_rel rel = {NULL, {NULL, 0}};
    const int32_t *columns;
    vl_exprs filter;

    if (path->virtual_path != NULL)
        return vl_virtual_plan_scan(b, source, conjuncts, path);
    rel.op = vl_op_new(b, kind, 0, NULL, NULL);
    if (rel.op == NULL)
        return rel;
    columns = read_columns(b, source, &rel.layout);
    filter = read_filter(b, conjuncts, path, &rel.layout);
    rel.op->name = vl_bind_shown_name(b, source);
    rel.op->column_count = rel.layout.count;
    rel.op->rows = path->rows;
    if (path->index != NULL) {
        rel.op->as.index_scan.table = source->table;
        rel.op->as.index_scan.columns = columns;
        rel.op->as.index_scan.filter = filter;
        read_index(b, path, &rel.op->as.index_scan);
    } else {
        rel.op->as.table_scan.table = source->table;
        rel.op->as.table_scan.columns = columns;
        rel.op->as.table_scan.filter = filter;
        read_table(b, source, path, &rel.op->as.table_scan);
    }
    if (b->status != VELO_OK)
        rel.op = NULL;
    return rel;
}
