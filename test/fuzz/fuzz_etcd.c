/* fuzz_etcd.c - answers of etcd's gateway, and the saved state of the order: what is read keeps its promises.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says which: even, the answer to a transaction of one put and two ranges; odd, a state.
 */
#include "base/mem.h"
#include "journal/etcd.h"
#include "journal/order.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void read_answer(struct str text)
{
    struct json_parser *parser = json_parser_new();
    AUTO(etcd_answer_done) struct etcd_answer a = {0};
    struct json_node root;

    if (json_read(parser, text, &root, NULL) == OK && etcd_answer_read(root, 1, 2, &a) == OK) {
        must(a.revision > 0 && a.n_ranges == 2);
        for (size_t i = 0; i < a.n_ranges; i++) {
            const struct etcd_found *f = &a.ranges[i];
            for (size_t k = 0; k < f->n; k++) {
                must(f->at[k].key.n > 0 && f->at[k].create_revision > 0);
                must(k == 0 || str_compare(f->at[k - 1].key, f->at[k].key) < 0);
            }
        }
    }
    json_parser_free(parser);
}

static void read_state(struct str text)
{
    AUTO(buf_done) struct buf again = {0};
    struct order *o;

    if (order_restore(text, &o, NULL) != OK) return;
    order_save(o, &again);
    must(str_equal(buf_str(&again), text));
    for (size_t i = 0; i < order_n_authors(o); i++) must(order_has(o, order_author(o, i)));
    order_free(o);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    if (n == 0) return 0;
    if (bytes[0] % 2 == 0) read_answer(str_make(bytes + 1, n - 1));
    else read_state(str_make(bytes + 1, n - 1));
    return 0;
}
