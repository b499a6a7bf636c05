/* leaf_rows.h - short ways to make rows and pages in the tests of table leaves. */
#ifndef VL_TEST_LEAF_ROWS_H
#define VL_TEST_LEAF_ROWS_H

#include "storage/leaf_pax.h"

#include <stdlib.h>
#include <string.h>

static inline vl_leaf_value
rows_integer(int64_t integer)
{
    vl_leaf_value value = {{.type = VL_TYPE_INTEGER}, 0};

    value.value.as.integer = integer;
    return value;
}

static inline vl_leaf_value
rows_real(double real)
{
    vl_leaf_value value = {{.type = VL_TYPE_REAL}, 0};

    value.value.as.real = real;
    return value;
}

static inline vl_leaf_value
rows_bytes(vl_type type, const void *data, uint32_t size)
{
    vl_leaf_value value = {{.type = type, .size = size}, 0};

    value.value.as.data = data;
    return value;
}

static inline vl_leaf_value
rows_text(const char *text)
{
    return rows_bytes(VL_TYPE_TEXT, text, (uint32_t)strlen(text));
}

static inline vl_leaf_value
rows_null(void)
{
    vl_leaf_value value = {{.type = VL_TYPE_NULL}, 0};

    return value;
}

/* Build one page from the rows of a leaf, or NULL, and given ones. Returns how many it took. */
static inline uint32_t
rows_build(uint32_t page_size, vl_leaf_layout layout, const vl_leaf_schema *schema,
           const vl_leaf *from, const vl_leaf_row *rows, uint32_t count, vl_leaf *to)
{
    vl_leaf_build build = {page_size, layout, schema, from, rows, count, NULL, NULL, NULL};
    void *scratch = malloc(vl_leaf_scratch_size(page_size, schema->count, count));
    uint32_t taken = vl_leaf_build_next(vl_leaf_build_begin(scratch, &build), to, 9, 4);

    free(scratch);
    return taken;
}

#endif
