/* plan_or.c - an OR whose arms each have an index (or the rowid): the union of what they find.
 *
 * Each arm becomes a scan that yields rowids only; a program has them all, one after the other, and
 * the table is looked up by the rowids of that program as it is by those of IN (SELECT ...), which
 * are sorted and taken once each. SQLite calls it MULTI-INDEX OR.
 *
 * Invariants
 *   PO1  An arm's scan yields every row for which the arm is true, and maybe others: what it does
 * not decide is left out of it. The OR stays in the filter of the rows that are looked up. PO2  A
 * scan of an arm reads no column but the rowid, so it needs no row where an index is used. */
#include "sql/bind_int.h"

#include <string.h>

/* More arms than this are not looked at: each is planned with every index. */
#define OR_ARMS_MAX 64

/* Which columns of the source are used, while only its rowid is. */
typedef struct or_hidden {
    const vl_bind_source *source;
    uint8_t *used;
} or_hidden;

/* Keeps PO2, until or_show. 0: out of memory. */
static int
or_hide(vl_binder *b, const vl_bind_source *source, or_hidden *hidden)
{
    uint32_t count = source->column_count + 1U;

    *hidden = (or_hidden){source, vl_bind_alloc(b, count, 1)};
    if (hidden->used == NULL)
        return 0;
    for (uint32_t i = 0; i < count; i++) {
        hidden->used[i] = b->ids[source->base + i].is_used;
        b->ids[source->base + i].is_used = 0;
    }
    b->ids[vl_bind_source_id(source, VL_COLUMN_ROWID)].is_used = 1;
    return 1;
}

static void
or_show(vl_binder *b, const or_hidden *hidden)
{
    for (uint32_t i = 0; i <= hidden->source->column_count; i++)
        b->ids[hidden->source->base + i].is_used = hidden->used[i];
}

/* What is known of the rows of an arm: its own conditions, then the others of the query. Neither
 * has an OR, so that this goes one deep. */
static vl_exprs
or_arm_conjuncts(vl_binder *b, vl_expr *arm, const vl_exprs *conjuncts)
{
    vl_exprs all = {NULL, 0};
    vl_exprs known = {NULL, 0};

    vl_expr_conjuncts(b, arm, &all);
    for (uint32_t i = 0; i < all.count; i++)
        if (all.list[i]->kind != VL_EXPR_OR)
            vl_exprs_add(b, &known, all.list[i]);
    for (uint32_t i = 0; i < conjuncts->count && known.count > 0; i++)
        if (conjuncts->list[i]->kind != VL_EXPR_OR && conjuncts->list[i]->kind != VL_EXPR_IN_QUERY)
            vl_exprs_add(b, &known, conjuncts->list[i]);
    return known;
}

/* Whether a way to read a table leaves rows out. */
static int
or_is_selective(const vl_bind_path *path)
{
    return path->key_count > 0 || path->low != NULL || path->high != NULL ||
           (path->index != NULL && path->index->where_ast != NULL);
}

int
vl_or_plan_path(vl_binder *b, const vl_bind_source *source, const vl_exprs *conjuncts,
                uint32_t number, uint64_t given, vl_bind_path *path)
{
    const vl_expr *expr = conjuncts->list[number];
    vl_bind_arm *arms;
    or_hidden hidden;
    int is_found = 1;

    *path = (vl_bind_path){.arm_count = expr->kid_count, .arms_conjunct = number};
    if (expr->kid_count > OR_ARMS_MAX || expr->effect == VL_EFFECT_VOLATILE)
        return 0;
    arms = vl_bind_alloc(b, expr->kid_count, sizeof *arms);
    if (arms == NULL || !or_hide(b, source, &hidden))
        return 0;
    for (uint32_t i = 0; i < expr->kid_count && is_found; i++) {
        vl_exprs known = or_arm_conjuncts(b, expr->kids[i], conjuncts);

        is_found = known.count > 0 && vl_plan_path(b, source, &known, given, NULL, &arms[i].path) &&
                   or_is_selective(&arms[i].path);
        path->rows += arms[i].path.rows;
        path->cost += arms[i].path.cost;
    }
    or_show(b, &hidden);
    path->arms = arms;
    return is_found && b->status == VELO_OK;
}

/* The scans of all arms, one after the other. */
static vl_op *
or_union(vl_binder *b, const vl_bind_source *source, const vl_bind_path *path)
{
    const vl_exprs none = {NULL, 0}; /* keeps PO1 */
    vl_op *all = NULL;

    for (uint32_t i = 0; i < path->arm_count && b->status == VELO_OK; i++) {
        vl_op *op = vl_plan_scan(b, source, &none, &path->arms[i].path).op;

        if (op != NULL && op->kind == VL_OP_KIND_INDEX_SCAN)
            op->as.index_scan.is_covering = 0; /* there is no column to be read from an entry */
        if (i == 0) {
            all = op;
            continue;
        }
        all = vl_op_new(b, VL_OP_KIND_COMPOUND, 2, all, op);
        if (all != NULL) {
            all->as.compound.kind = VL_COMPOUND_UNION_ALL;
            all->as.compound.collations = vl_bind_alloc(b, 1, 1);
            all->rows += op->rows;
        }
    }
    return b->status == VELO_OK ? all : NULL;
}

void
vl_or_plan_lookup(vl_binder *b, const vl_bind_source *source, const vl_bind_path *path,
                  vl_lookup *lookup)
{
    const vl_bind_layout none = {NULL, 0};
    uint32_t program = vl_program_new(b, NULL);
    vl_bind_frame frame;
    vl_bind_frame *outer;
    vl_exprs arguments;
    or_hidden hidden;
    vl_op *root;

    if (b->status != VELO_OK || !or_hide(b, source, &hidden))
        return;
    outer = vl_program_begin(b, &frame);
    root = or_union(b, source, path);
    vl_program_end(b, outer, program, root);
    or_show(b, &hidden);
    if (b->status != VELO_OK)
        return;
    arguments = vl_program_arguments(b, frame.arguments, frame.count, NULL);
    lookup->in_program = (int32_t)program;
    lookup->is_union = 1;
    lookup->in_arguments = vl_lower_all(b, &none, &arguments);
    if (frame.effect > b->frame->effect)
        b->frame->effect = frame.effect;
}
