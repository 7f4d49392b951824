/* table.c - prints rows in columns.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/table.h"

#include <stdio.h>

#include "base/err.h"

void table_add(struct table *t, struct str cell)
{
    struct str copy = arena_dup(&t->arena, cell);
    char *at = (char *)(uintptr_t)copy.at;

    for (size_t i = 0; i < copy.n; i++)
        if ((unsigned char)at[i] < 0x20 || at[i] == 0x7f) at[i] = '?';
    cell_vec_add(&t->cells, copy);
}

/* Characters, taking each code point for one column. */
static size_t width(struct str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) n += ((unsigned char)s.at[i] & 0xc0) != 0x80;
    return n;
}

void table_print(struct table *t)
{
    size_t widest[TABLE_COLUMNS_MAX] = {0};

    must(t->n_columns > 0 && t->n_columns <= TABLE_COLUMNS_MAX && t->cells.n % t->n_columns == 0);
    for (size_t i = 0; i < t->cells.n; i++) {
        size_t n = width(t->cells.at[i]);
        if (n > widest[i % t->n_columns]) widest[i % t->n_columns] = n;
    }
    for (size_t i = 0; i < t->cells.n; i++) {
        size_t column = i % t->n_columns;
        bool is_last = column + 1 == t->n_columns;
        printf("%.*s%*s", STR_ARG(t->cells.at[i]), is_last ? 0 : (int)(widest[column] - width(t->cells.at[i]) + 2), "");
        if (is_last) printf("\n");
    }
    cell_vec_done(&t->cells);
    arena_done(&t->arena);
}
