/* prop_order.c - many nodes read one history in pieces of their own: one order, and that of a plain model.
 * SPDX-License-Identifier: Apache-2.0
 *
 * A history is a list of keys: author, slot, create revision, bytes. Slots are created out of order now and then, several of
 * several authors at one revision, by authors who are admitted later or never. The first byte of an entry says what it does:
 * '+' admits the author in the second byte, '-' retires it, '.' nothing, '!' is garbage without a leaf.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "journal/order.h"
#include "t.h"

#define N_AUTHORS 6
#define N_SLOTS 64

struct cell {
    int64_t revision; /* 0: never created. */
    char bytes[16];
};

struct history {
    struct cell cells[N_AUTHORS][N_SLOTS];
    int64_t last; /* Revision. */
};

static struct why why;

static void author_id(int author, uint8_t ret[8])
{
    memset(ret, 0x40 + 7 * author % 5, 8); /* Not in the order of their numbers. */
    ret[7] = (uint8_t)author;
}

static void make_key(struct rng *rng, struct history *h, int64_t revision)
{
    int author = (int)rng_below(rng, N_AUTHORS);
    int slot = 0;
    static const char kinds[] = "........!.+..-";
    struct cell *cell;

    while (slot < N_SLOTS && h->cells[author][slot].revision) slot++;
    if (rng_below(rng, 6) == 0) slot += 1 + (int)rng_below(rng, 2); /* A gap, perhaps filled later. */
    if (slot >= N_SLOTS || h->cells[author][slot].revision) return;
    cell = &h->cells[author][slot];
    cell->revision = revision;
    (void)snprintf(cell->bytes, sizeof cell->bytes, "%c%d%c%02d", kinds[rng_below(rng, sizeof kinds - 1)],
                   (int)rng_below(rng, N_AUTHORS), 'a' + author, slot);
    if (cell->bytes[0] == '-' && rng_below(rng, 3) != 0) cell->bytes[0] = '+';
    if (cell->bytes[0] == '-' && cell->bytes[1] == '0') cell->bytes[0] = '.'; /* Somebody stays. */
}

static void make_history(struct rng *rng, struct history *h)
{
    int n = 1 + (int)rng_below(rng, 60);

    memset(h, 0, sizeof *h);
    for (int i = 0; i < n; i++) {
        h->last += 1 + (int64_t)rng_below(rng, 3);
        for (uint64_t k = rng_below(rng, 5) == 0 ? 1 + rng_below(rng, 6) : 1; k > 0; k--) make_key(rng, h, h->last);
    }
}

/* What the model and a node have to say about authors who come and go. */
struct crowd {
    bool was_admitted[N_AUTHORS];
};

static bool changes_authors(void *context, struct str bytes)
{
    (void)context;
    return bytes.n && (bytes.at[0] == '+' || bytes.at[0] == '-');
}

/* The plain truth: over and over, everything at the lowest place that is left. */
static void model_order(const struct history *h, struct buf *ret)
{
    int next[N_AUTHORS] = {0}, n_place;
    int64_t place[N_AUTHORS] = {0}, lowest;
    bool is_in[N_AUTHORS] = {true, true}, was_in[N_AUTHORS] = {true, true};

    for (;;) {
        char group[N_AUTHORS * N_SLOTS][16];
        lowest = INT64_MAX;
        n_place = 0;
        for (int a = 0; a < N_AUTHORS; a++) {
            if (!is_in[a] || next[a] == N_SLOTS || !h->cells[a][next[a]].revision) continue;
            int64_t p = h->cells[a][next[a]].revision;
            if (p < place[a]) p = place[a];
            if (p < lowest) lowest = p;
        }
        if (lowest == INT64_MAX) return;
        for (int residue = 0; residue < 5; residue++) { /* Ascending ids: see author_id(). */
            for (int a = 0; a < N_AUTHORS; a++) {
                if (7 * a % 5 != residue || !is_in[a]) continue;
                for (; next[a] < N_SLOTS && h->cells[a][next[a]].revision; next[a]++) {
                    int64_t p = h->cells[a][next[a]].revision;
                    if ((p > place[a] ? p : place[a]) != lowest) break;
                    place[a] = lowest;
                    if (h->cells[a][next[a]].bytes[0] != '!') memcpy(group[n_place++], h->cells[a][next[a]].bytes, 16);
                }
            }
        }
        for (int i = 0; i < n_place; i++) {
            int who = group[i][1] - '0';
            buf_addf(ret, "%s ", group[i]);
            if (group[i][0] == '+' && !was_in[who]) {
                is_in[who] = was_in[who] = true;
                place[who] = lowest;
            }
            if (group[i][0] == '-') is_in[who] = false;
        }
    }
}

struct node {
    struct order *order;
    struct crowd crowd;
    struct buf said;
};

static void node_start(struct node *n)
{
    uint8_t id[8];

    memset(n, 0, sizeof *n);
    n->order = order_new();
    for (int a = 0; a < 2; a++) {
        author_id(a, id);
        must(order_admit(n->order, id, 0, &why) == OK);
        n->crowd.was_admitted[a] = true;
    }
}

static void node_end(struct node *n)
{
    order_free(n->order);
    buf_done(&n->said);
}

static void node_restart(struct node *n)
{
    AUTO(buf_done) struct buf saved = {0}, again = {0};

    order_save(n->order, &saved);
    order_free(n->order);
    must(order_restore(buf_str(&saved), &n->order, &why) == OK);
    order_save(n->order, &again);
    CHECK(str_equal(buf_str(&again), buf_str(&saved)));
}

/* Reads some of one author's slots as they stand at the revision. */
static bool node_read(struct node *n, struct rng *rng, const struct history *h, int author, int64_t revision)
{
    uint64_t limit = rng_below(rng, 4) == 0 ? 1 + rng_below(rng, 3) : N_SLOTS;
    uint8_t id[8];

    author_id(author, id);
    if (!order_has(n->order, id)) return true;
    for (uint64_t slot = order_wants(n->order, id);; slot++) {
        const struct cell *c = &h->cells[author][slot < N_SLOTS ? slot : 0];
        if (slot >= N_SLOTS || !c->revision || c->revision > revision) break;
        if (limit-- == 0) return true;
        if (!CHECK(order_feed(n->order, id, slot, c->revision, str_of(c->bytes), c->bytes[0] != '!', &why) == OK)) {
            printf("# %s\n", why.text);
            return false;
        }
    }
    order_complete(n->order, id, revision);
    return true;
}

static void node_take(struct node *n, struct rng *rng)
{
    bool has_stopped = true;

    while (has_stopped) {
        struct order_entries got = {0};
        has_stopped = order_take(n->order, changes_authors, NULL, &got);
        for (size_t i = 0; i < got.n; i++) buf_addf(&n->said, "%.*s ", STR_ARG(got.at[i].bytes));
        /* The entries' bytes go when an author retires. */
        struct buf orders = {0};
        int64_t place = order_place(n->order);
        for (size_t i = 0; i < got.n; i++) buf_add(&orders, got.at[i].bytes.at, 2);
        for (size_t i = 0; i < got.n; i++) {
            int who = orders.at[2 * i + 1] - '0';
            uint8_t id[8];
            author_id(who, id);
            if (orders.at[2 * i] == '+' && !n->crowd.was_admitted[who]) {
                CHECK(order_admit(n->order, id, place, &why) == OK);
                n->crowd.was_admitted[who] = true;
            }
            if (orders.at[2 * i] == '-') order_retire(n->order, id);
        }
        buf_done(&orders);
        order_entries_done(&got);
        if (rng_below(rng, 8) == 0) node_restart(n);
    }
}

static bool node_follows(struct rng *rng, const struct history *h, struct str want)
{
    struct node n;
    bool good = true;
    int64_t revision = 0;

    node_start(&n);
    while (good && revision < h->last) {
        revision += (int64_t)rng_below(rng, rng_below(rng, 3) ? 4 : 40);
        for (uint64_t i = rng_below(rng, 2 * N_AUTHORS); good && i > 0; i--)
            good = node_read(&n, rng, h, (int)rng_below(rng, N_AUTHORS), revision - (int64_t)rng_below(rng, 3));
        node_take(&n, rng);
        good = good && CHECK(str_starts(want, buf_str(&n.said)));
        if (rng_below(rng, 10) == 0) node_restart(&n);
    }
    for (int round = 0; good && round < 200 && n.said.n < want.n; round++) {
        for (int a = 0; good && a < N_AUTHORS; a++) good = node_read(&n, rng, h, a, h->last);
        node_take(&n, rng);
    }
    good = good && CHECK_STR(buf_str(&n.said), want);
    node_end(&n);
    return good;
}

static void nodes_that_read_in_different_pieces_have_one_order_and_the_models(void)
{
    struct rng rng = t_rng();
    struct history *h = mem_zalloc(sizeof *h);
    size_t n_said = 0;

    for (int step = 0; step < t_steps(3000); step++) {
        AUTO(buf_done) struct buf want = {0};
        bool good = true;
        make_history(&rng, h);
        model_order(h, &want);
        n_said += want.n;
        for (int node = 0; good && node < 3; node++) good = node_follows(&rng, h, buf_str(&want));
        if (!good) break;
    }
    CHECK(n_said > 0);
    mem_free(h);
}

int main(void)
{
    RUN(nodes_that_read_in_different_pieces_have_one_order_and_the_models);
    return t_done();
}
