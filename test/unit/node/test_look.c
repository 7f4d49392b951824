/* test_look.c - what a peer's tree has beyond the own one, from honest, lying and broken peers over real sockets.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/look.h"

#include "made_log.h"
#include "t.h"

#define ENTRIES 33000 /* Three levels of tiles. */

static struct made_log good, other; /* other: of the same length, with other bytes. */
static const struct look_peer NOBODY = {.name = "Alpha", .url = "http://127.0.0.1:1", .header = "Authorization: none"};

struct seen {
    const struct made_log *log;
    uint64_t next;
    bool is_good;
};

static void show(void *context, uint64_t index, struct str entry)
{
    struct seen *s = context;

    s->is_good = s->is_good && index == s->next && str_equal(entry, made_log_leaf(s->log, 2 * index));
    s->next++;
}

/* Looks from held to size entries of good at a peer that has this log and this fault; how many were shown, good ones all. */
static enum err look(const struct made_log *at, enum made_fault fault, uint64_t held, uint64_t size, uint64_t *ret_n)
{
    struct made_server server = {.log = at, .fault = fault, .size = made_log_size(at)};
    struct hash held_root = made_log_root(&good, 2 * held), root = made_log_root(&good, 2 * size);
    struct look_range range = {.held = 2 * held, .size = 2 * size, .held_root = &held_root, .root = &root};
    struct seen seen = {.log = &good, .next = held, .is_good = true};
    struct look_peer peer = NOBODY;
    struct why why = {0};

    made_server_start(&server, 1);
    char url[64];
    (void)snprintf(url, sizeof url, "%.*s", (int)(strlen(server.url) - strlen("/log")), server.url);
    peer.url = url;
    enum err err = look_entries(&peer, &range, show, &seen, &why);
    made_server_stop(&server);
    CHECK(seen.is_good);
    CHECK((err == OK) == !why.text[0]);
    *ret_n = seen.next - held;
    return err;
}

static void all_that_a_larger_tree_has_more_is_shown_in_order(void)
{
    const uint64_t sizes[][2] = {{1, 2}, {1, 127}, {1, 128}, {1, 129}, {127, 128}, {128, 129}, {100, 1000}, {32768, 32769}, {300, ENTRIES}};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint64_t n = 0;
        CHECK_INT(look(&good, MADE_HONEST, sizes[i][0], sizes[i][1], &n), OK);
        CHECK_INT(n, sizes[i][1] - sizes[i][0]);
    }
}

/* Of what does not hash to the signed root nothing is shown, whatever is wrong with it. */
static void a_lying_peers_bundles_are_refused(void)
{
    for (int fault = MADE_FLIPS; fault < MADE_HANGS; fault++) {
        uint64_t n = 0;
        CHECK_INT(look(&good, (enum made_fault)fault, 300, 20000, &n), ERR_NET);
        CHECK(n < 20000 - 300);
    }
}

static void a_tree_with_another_root_or_beginning_is_refused(void)
{
    struct hash zero = {{0}}, root = made_log_root(&good, 2000);
    struct look_range range = {.held = 600, .size = 2000, .held_root = &zero, .root = &root};
    struct made_server server = {.log = &good, .size = made_log_size(&good)};
    struct seen seen = {.log = &good, .next = 300, .is_good = true};
    struct look_peer peer = NOBODY;
    struct why why = {0};
    char url[64];
    uint64_t n = 0;

    CHECK_INT(look(&other, MADE_HONEST, 300, 1000, &n), ERR_NET);
    CHECK_INT(n, 0);
    made_server_start(&server, 1);
    (void)snprintf(url, sizeof url, "%.*s", (int)(strlen(server.url) - strlen("/log")), server.url);
    peer.url = url;
    CHECK_INT(look_entries(&peer, &range, show, &seen, &why), ERR_CONFLICT); /* What is held is not its beginning. */
    CHECK_INT(seen.next, 300);
    made_server_stop(&server);
}

static void who_is_not_reached_or_answers_nonsense_has_said_nothing(void)
{
    struct hash root = made_log_root(&good, 8);
    struct look_range range = {.held = 4, .size = 8, .held_root = &root, .root = &root};
    struct made_server server = {.log = &good, .size = made_log_size(&good)};
    AUTO(buf_done) struct buf note = {0};
    struct seen seen = {.log = &good, .next = 2, .is_good = true};
    struct look_peer peer = NOBODY;
    struct why why = {0};

    CHECK_INT(look_head(&peer, 1, &note, &why), ERR_NET);
    CHECK_INT(look_entries(&peer, &range, show, &seen, &why), ERR_NET);
    CHECK_INT(seen.next, 2);
    made_server_start(&server, 1); /* Its log is there, its calls for peers are not. */
    peer.url = server.url;
    CHECK_INT(look_head(&peer, 1, &note, &why), ERR_NOT_FOUND);
    CHECK_INT(note.n, 0);
    made_server_stop(&server);
}

int main(void)
{
    struct rng rng = t_rng();

    made_log_fill(&good, &rng, ENTRIES, 60, 40);
    made_log_fill(&other, &rng, ENTRIES, 60, 40);
    RUN(all_that_a_larger_tree_has_more_is_shown_in_order);
    RUN(a_lying_peers_bundles_are_refused);
    RUN(a_tree_with_another_root_or_beginning_is_refused);
    RUN(who_is_not_reached_or_answers_nonsense_has_said_nothing);
    made_log_done(&good);
    made_log_done(&other);
    return t_done();
}
