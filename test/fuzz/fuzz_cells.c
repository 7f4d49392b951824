/* fuzz_cells.c - bytes of a set of cells: what is read is normalised and has no other bytes.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/limits.h"
#include "cell/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    AUTO(buf_done) struct buf again = {0};
    struct str text = str_make(bytes, n);
    size_t n_before;

    u64_vec_add(&cells, 1);
    if (!cell_set_decode(text, LIMIT_CELLS, &cells)) {
        must(cells.n == 1 && cells.at[0] == 1);
        return 0;
    }
    n_before = cells.n - 1;
    must(n_before <= LIMIT_CELLS && cell_set_is_normal(cells.at + 1, n_before));
    cell_set_encode(cells.at + 1, n_before, &again);
    must(str_equal(buf_str(&again), text));
    if (n_before == 0) return 0;
    cells.at[0] = cells.at[n_before]; /* One of them twice, out of order. */
    cell_set_normalise(&cells);
    must(cells.n == n_before && cell_set_is_normal(cells.at, cells.n));
    return 0;
}
