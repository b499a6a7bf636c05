/* page_check.c - the checks of all kinds of pages. */
#include "storage/page_check.h"

#include "storage/leaf_pax.h"
#include "storage/node_key.h"
#include "storage/node_rowid.h"
#include "storage/overflow.h"

#include <inttypes.h>

/* What is wrong with the page by the rules of its kind, or NULL. A leaf's own check says it in ctx,
 * and leaves its status. */
static const char *
page_check_fault(vl_ctx *ctx, const void *page, uint32_t page_size, velo_status *status)
{
    const vl_page_header *header = page;

    switch ((vl_page_kind)header->kind) {
    case VL_PAGE_TABLE_LEAF:
        *status = vl_leaf_validate(ctx, page, page_size);
        return NULL;
    case VL_PAGE_TABLE_INNER:
        return vl_node_rowid_fault(page, page_size);
    case VL_PAGE_KEY_LEAF:
    case VL_PAGE_KEY_INNER:
        return vl_node_key_fault(page, page_size);
    case VL_PAGE_OVERFLOW_LIST:
    case VL_PAGE_OVERFLOW_DATA:
        return vl_overflow_fault(page, page_size);
    case VL_PAGE_FREE:
    case VL_PAGE_MAP:
        break;
    }
    return "no page of a tree is of its kind";
}

velo_status
vl_page_check(vl_ctx *ctx, const void *page, uint32_t page_size, vl_pid pid)
{
    const vl_page_header *header = page;
    velo_status status = VELO_OK;
    const char *fault;

    if (header->pid != pid)
        return vl_fail(ctx, VELO_CORRUPT, "page %u: page %" PRIu64 " is in its place",
                       (unsigned)pid, header->pid);
    fault = page_check_fault(ctx, page, page_size, &status);
    if (fault != NULL)
        return vl_fail(ctx, VELO_CORRUPT, "page %u of tree %" PRIu64 ": %s", (unsigned)pid,
                       header->tree, fault);
    return status;
}
