/* table.h - rows of text in columns, for people.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     struct table t = {.n_columns = 2};
 *     table_add(&t, STR("member")); table_add(&t, STR("since"));
 *     table_print(&t);
 *
 * Columns are as wide as their widest cell, by characters; the first row is the head. Control characters in cells, which others
 * have chosen, become '?'.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include "base/arena.h"
#include "base/vec.h"

VEC_DEFINE(cell_vec, struct str);

#define TABLE_COLUMNS_MAX 12

struct table {
    size_t n_columns;
    struct arena arena;
    struct cell_vec cells; /* Row by row. */
};

void table_add(struct table *t, struct str cell); /* Copied. */
void table_print(struct table *t);                /* To stdout; then it is empty and all its memory given back. */

#endif
