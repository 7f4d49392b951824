/* test_peers.c - tests of signing together: seats from the state, rounds over a link, refusals and contradictions on disk.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/peers.h"

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

#include "crew.h"
#include "node/fork.h"
#include "node/shared.h"
#include "t.h"

static struct crew crew;

static uint64_t leaves(void)
{
    return 2 * crew.n_entries;
}

static void check_full(size_t node, uint64_t size, unsigned members)
{
    unsigned n = 0;
    CHECK_INT(crew_published(&crew, node, &n), size);
    CHECK_INT(n, members);
}

/* Files of the node's folder whose names begin so. */
static int count_files(size_t node, const char *prefix)
{
    DIR *d = opendir(crew.nodes[node].home.dir);
    const struct dirent *e;
    int n = 0;
    while (d && (e = readdir(d)) != NULL) n += strncmp(e->d_name, prefix, strlen(prefix)) == 0;
    if (d) (void)closedir(d);
    return n;
}

/* Proof files whose names hold the text. */
static int count_proofs(size_t node, const char *text)
{
    DIR *d = opendir(crew.nodes[node].home.dir);
    const struct dirent *e;
    int n = 0;
    while (d && (e = readdir(d)) != NULL) n += strncmp(e->d_name, "fork-", 5) == 0 && strstr(e->d_name, text) != NULL;
    if (d) (void)closedir(d);
    return n;
}

static void all_sign_within_a_second_of_a_write(void)
{
    crew_init(&crew, 3, true);
    crew_run(&crew, 4000); /* Questions, and the first round. */
    for (size_t i = 0; i < 3; i++) check_full(i, leaves(), 3);
    for (int round = 0; round < 20; round++) {
        (void)crew_tick(&crew, (size_t)round % 3);
        crew_apply_all(&crew);
        crew_run(&crew, 1000);
        for (size_t i = 0; i < 3; i++) check_full(i, leaves(), 3);
    }
    CHECK_INT(crew_status(&crew, 0).round.state, ROUND_READY);
    CHECK_INT(crew_status(&crew, 0).round.n_present, 3);
    crew_done(&crew);
}

static void who_is_behind_signs_when_it_gets_there(void)
{
    crew_init(&crew, 3, false);
    crew_run(&crew, 4000);
    for (int i = 0; i < 3; i++) (void)crew_tick(&crew, 0);
    crew_apply(&crew, 0);
    crew_apply(&crew, 1);
    crew_run(&crew, 3000);
    check_full(0, leaves(), 2);
    CHECK(crew_published(&crew, 2, NULL) < leaves());
    crew_apply(&crew, 2);
    crew_run(&crew, 1500);
    for (size_t i = 0; i < 3; i++) check_full(i, leaves(), 3); /* The late line was merged. */
    crew_done(&crew);
}

static void one_that_is_away_does_not_hold_up_the_rest(void)
{
    crew_init(&crew, 3, true);
    crew_run(&crew, 4000);
    crew.nodes[1].is_cut = true;
    for (int round = 0; round < 5; round++) {
        (void)crew_tick(&crew, 0);
        crew_apply_all(&crew);
        crew_run(&crew, 3000);
        check_full(0, leaves(), 2);
        check_full(2, leaves(), 2);
    }
    crew.nodes[1].is_cut = false;
    crew_run(&crew, 3000);
    for (size_t i = 0; i < 3; i++) check_full(i, leaves(), 3);
    crew_done(&crew);
}

static void with_no_peer_reached_nothing_is_signed(void)
{
    crew_init(&crew, 3, true);
    crew.nodes[1].is_cut = crew.nodes[2].is_cut = true;
    crew_run(&crew, 10000);
    CHECK_INT(crew_published(&crew, 0, NULL), 0);
    CHECK_INT(crew_status(&crew, 0).round.state, ROUND_ASKING);
    CHECK_INT(crew_status(&crew, 0).round.own_size, 0);
    crew.nodes[1].is_cut = crew.nodes[2].is_cut = false;
    crew_run(&crew, 4000);
    check_full(0, leaves(), 3);
    crew_done(&crew);
}

static void alone_in_its_network_a_node_signs_alone(void)
{
    crew_init(&crew, 1, true);
    crew_run(&crew, 50);
    check_full(0, leaves(), 1);
    (void)crew_tick(&crew, 0);
    crew_apply_all(&crew);
    crew_run(&crew, 50);
    check_full(0, leaves(), 1);
    crew_done(&crew);
}

/* The heads file as it was, and back. */
static void an_old_copy_never_signs_again(void)
{
    char old[HOME_PATH * 2];

    crew_init(&crew, 3, true);
    crew_run(&crew, 4000);
    crew_stop(&crew, 2);
    (void)snprintf(old, sizeof old, "%s/old", crew.nodes[2].home.dir);
    home_copy_file(home_file(&crew.nodes[2].home, "heads"), old);
    must(crew_start(&crew, 2, NULL) == OK);
    (void)crew_tick(&crew, 0);
    crew_apply_all(&crew);
    crew_run(&crew, 4000);
    check_full(0, leaves(), 3);

    crew_stop(&crew, 2);
    home_copy_file(old, home_file(&crew.nodes[2].home, "heads"));
    must(crew_start(&crew, 2, NULL) == OK);
    crew_run(&crew, 4000);
    CHECK_INT(crew_status(&crew, 2).round.state, ROUND_REFUSED);
    CHECK(strstr(crew_status(&crew, 2).round.refused_because.text, "larger head") != NULL);
    CHECK_INT(count_files(2, "refused"), 1);
    (void)crew_tick(&crew, 0);
    crew_apply_all(&crew);
    crew_run(&crew, 4000);
    check_full(0, leaves(), 2);

    /* The next life is told by nobody, and remembers. */
    crew_stop(&crew, 2);
    must(crew_start(&crew, 2, NULL) == OK);
    crew.nodes[0].is_cut = crew.nodes[1].is_cut = true;
    crew_run(&crew, 4000);
    CHECK_INT(crew_status(&crew, 2).round.state, ROUND_REFUSED);
    crew_done(&crew);
}

static void a_mark_of_replaced_keys_does_not_count(void)
{
    crew_init(&crew, 1, true);
    crew_stop(&crew, 0);
    FILE *f = fopen(home_file(&crew.nodes[0].home, "refused"), "w");
    must(f && fputs("00000001 some reason\n", f) >= 0 && fclose(f) == 0);
    CHECK_INT(crew_start(&crew, 0, NULL), OK);
    crew_run(&crew, 100);
    CHECK_INT(crew_status(&crew, 0).round.state, ROUND_READY);
    crew_stop(&crew, 0);
    f = fopen(home_file(&crew.nodes[0].home, "refused"), "w");
    must(f && fputs("garbage\n", f) >= 0 && fclose(f) == 0);
    CHECK_INT(crew_start(&crew, 0, NULL), ERR_CORRUPT); /* Rather none than a wrong signature. */
    must(unlink(home_file(&crew.nodes[0].home, "refused")) == 0);
    heads_close(crew.nodes[0].node.heads);
    must(crew_start(&crew, 0, NULL) == OK);
    crew_done(&crew);
}

static void a_journal_that_differs_from_the_last_head_is_not_signed(void)
{
    crew_init(&crew, 2, true);
    crew_run(&crew, 4000);
    crew_stop(&crew, 1);
    struct heads *h;
    struct hash wrong = {{1}};
    must(heads_open(home_file(&crew.nodes[1].home, "heads"), &h, NULL) == OK);
    AUTO(buf_done) struct buf note = {0};
    (void)heads_last(h, NULL, NULL, &note);
    must(heads_swap(h, crew.nodes[1].node.head_size, leaves(), &crew.nodes[1].node.head_root, buf_str(&note), NULL) == OK);
    heads_close(h);
    must(crew_start(&crew, 1, NULL) == OK);
    crew.nodes[1].node.head_root = wrong; /* As if the file had been of another tree. */
    crew_run(&crew, 100);
    CHECK_INT(crew_status(&crew, 1).round.state, ROUND_REFUSED);
    crew_done(&crew);
}

static void check_proofs(size_t node)
{
    DIR *d = opendir(crew.nodes[node].home.dir);
    const struct dirent *e;
    struct note_key keys[3];
    bool is_convicted[3];
    struct fork_verdict v;
    struct why why = {0};

    for (size_t i = 0; i < 3; i++) {
        keys[i] = note_key_make(buf_str(&crew.nodes[node].node.origin), NOTE_ED25519, &crew.keys[i].log.public);
    }
    while (d && (e = readdir(d)) != NULL) {
        if (strncmp(e->d_name, "fork-", 5) != 0) continue;
        struct str file = t_read_file(home_file(&crew.nodes[node].home, e->d_name));
        CHECK_INT(fork_verify(file, keys, 3, is_convicted, &v, &why), OK);
        free((char *)(uintptr_t)file.at);
    }
    if (d) (void)closedir(d);
}

static void a_forged_branch_leaves_proof_and_only_the_majority_writes(void)
{
    crew_init(&crew, 3, true);
    crew_run(&crew, 4000);
    (void)crew_tick(&crew, 1);
    crew_apply(&crew, 0);
    crew_apply(&crew, 1);
    crew_apply_other(&crew, 2);
    crew_run(&crew, 3000);
    (void)crew_tick(&crew, 1);
    crew_apply_all(&crew);
    crew_run(&crew, 3000);
    for (size_t i = 0; i < 3; i++) {
        struct peers_status s = crew_status(&crew, i);
        CHECK(s.round.fork.is_divided);
        CHECK_INT(s.round.fork.may_write, i < 2);
        CHECK(s.divided_because.text[0] != '\0');
        CHECK(s.n_proofs >= 1);
        CHECK(count_files(i, "fork-") >= 1);
        check_proofs(i);
    }
    check_full(0, leaves(), 2);

    /* What was found out is known at once in the next life. */
    crew_stop(&crew, 0);
    must(crew_start(&crew, 0, NULL) == OK);
    crew.nodes[2].is_cut = true;
    crew_run(&crew, 500);
    CHECK(crew_status(&crew, 0).round.fork.is_divided);
    crew_done(&crew);
}

static void of_two_that_are_divided_neither_writes(void)
{
    crew_init(&crew, 2, false);
    crew_run(&crew, 4000);
    (void)crew_tick(&crew, 1);
    crew_apply(&crew, 0);
    crew_apply_other(&crew, 1);
    crew_run(&crew, 4000);
    for (size_t i = 0; i < 2; i++) {
        CHECK(crew_status(&crew, i).round.fork.is_divided);
        CHECK(!crew_status(&crew, i).round.fork.may_write);
    }
    crew_done(&crew);
}

/* The one on the other branch stops where it is; the heads of the rest are all beyond its tree, and its own within theirs. */
static void who_cannot_find_out_is_handed_the_proof(void)
{
    crew_init(&crew, 3, true);
    crew_run(&crew, 4000);
    crew.nodes[2].is_cut = true;
    (void)crew_tick(&crew, 1);
    crew_apply_other(&crew, 2);
    crew_run(&crew, 3000); /* Alone, it signs its branch. */
    for (int i = 0; i < 3; i++) (void)crew_tick(&crew, 0);
    crew_apply(&crew, 0);
    crew_apply(&crew, 1);
    crew_run(&crew, 3000);
    CHECK(crew_status(&crew, 2).round.own_size < crew_status(&crew, 0).round.own_size);
    CHECK(!crew_status(&crew, 2).round.fork.is_divided);

    crew.nodes[2].is_cut = false;
    crew_run(&crew, 3000);
    for (size_t i = 0; i < 3; i++) {
        CHECK(crew_status(&crew, i).round.fork.is_divided);
        CHECK_INT(crew_status(&crew, i).round.fork.may_write, i < 2);
        check_proofs(i);
    }
    CHECK(count_proofs(2, "-from-") >= 1);
    CHECK(crew_status(&crew, 2).n_proofs <= 2); /* The second one brings nothing new. */

    /* In its next life it needs nobody to tell it. */
    crew_stop(&crew, 2);
    crew.nodes[2].is_cut = true;
    must(crew_start(&crew, 2, NULL) == OK);
    crew_run(&crew, 500);
    CHECK(crew_status(&crew, 2).round.fork.is_divided);
    CHECK(!crew_status(&crew, 2).round.fork.may_write);
    crew_done(&crew);
}

/* A note of this node's keys over any root. */
static void sign_as(size_t node, uint64_t size, const struct hash *root, struct buf *ret)
{
    struct arena arena = {0};
    struct seats *seats = mem_alloc(sizeof *seats);
    uint8_t(*ids)[8] = mem_calloc(SEATS_NODES_MAX, 8);
    struct state_pin pin;
    size_t self = 0;

    must(peers_seats(state_read(crew.nodes[0].node.state, &pin), buf_str(&crew.nodes[0].node.origin), &arena, seats, ids));
    state_done_reading(&pin);
    while (memcmp(ids[self], crew.nodes[node].node.author, 8) != 0) self++;
    head_sign(seats, self, size, root, UINT64_C(1800000000) + (uint64_t)(crew.ms / 1000), &crew.keys[node].log, &crew.keys[node].mirror,
              ret);
    arena_done(&arena);
    mem_free(seats);
    mem_free(ids);
}

/* Node 2 signs what node 0 has, and to node 1 another root of that size. */
static void sign_twice(void)
{
    AUTO(buf_done) struct buf good = {0}, other = {0}, answer = {0};
    enum exchange_kind kind;
    struct hash forged = {{7}};
    struct why why;

    (void)crew_tick(&crew, 0);
    crew_apply(&crew, 0);
    crew_apply(&crew, 1);
    struct hash root = tree_root(crew.nodes[0].node.tree);
    sign_as(2, leaves(), &root, &good);
    sign_as(2, leaves(), &forged, &other);
    crew_stop(&crew, 2);
    CHECK_INT(peers_on_round(crew.nodes[0].peers, crew.nodes[2].node.author, buf_str(&good), &kind, &answer, &why), OK);
    CHECK_INT(peers_on_round(crew.nodes[1].peers, crew.nodes[2].node.author, buf_str(&other), &kind, &answer, &why), OK);
}

static void check_convicted(size_t node, unsigned out)
{
    struct round_status s = crew_status(&crew, node).round;

    CHECK(s.fork.is_divided && s.fork.may_write);
    CHECK_INT(s.fork.n_own, 2);
    CHECK_INT(s.fork.n_other, 0);
    CHECK(s.fork.is_out[out]);
}

static void a_key_that_signs_twice_is_convicted_by_all_also_after_a_restart(void)
{
    crew_init(&crew, 3, true);
    crew_run(&crew, 4000);
    sign_twice();
    crew_run(&crew, 4000);
    for (size_t i = 0; i < 2; i++) {
        check_convicted(i, 2);
        check_proofs(i);
        unsigned n = 0;
        CHECK_INT(crew_published(&crew, i, &n), leaves()); /* Two members are under it without the third one's signature. */
    }
    CHECK_INT(crew_status(&crew, 0).round.n_signed_full, 2);
    CHECK(count_proofs(0, "-from-") == 1); /* It saw the good signature only. */
    size_t n_proofs = crew_status(&crew, 1).n_proofs;
    CHECK_INT(count_files(1, "fork-"), n_proofs);

    for (size_t i = 0; i < 2; i++) {
        crew_stop(&crew, i);
        must(crew_start(&crew, i, NULL) == OK);
    }
    crew_run(&crew, 4000);
    for (size_t i = 0; i < 2; i++) check_convicted(i, 2);
    CHECK_INT(crew_status(&crew, 1).n_proofs, n_proofs);
    CHECK_INT(count_files(1, "fork-"), n_proofs);
    (void)crew_tick(&crew, 1);
    crew_apply(&crew, 0);
    crew_apply(&crew, 1);
    crew_run(&crew, 3000);
    CHECK_INT(crew_published(&crew, 0, NULL), leaves()); /* The line goes on. */
    crew_done(&crew);
}

static void of_two_one_that_signs_twice_stops_both(void)
{
    crew_init(&crew, 2, true);
    crew_run(&crew, 4000);
    AUTO(buf_done) struct buf other = {0}, answer = {0};
    enum exchange_kind kind;
    struct hash forged = {{7}};
    struct why why;
    sign_as(1, crew_published(&crew, 0, NULL), &forged, &other);
    crew_stop(&crew, 1);
    CHECK_INT(peers_on_round(crew.nodes[0].peers, crew.nodes[1].node.author, buf_str(&other), &kind, &answer, &why), OK);
    crew_run(&crew, 1000);
    CHECK(crew_status(&crew, 0).round.fork.is_divided);
    CHECK(!crew_status(&crew, 0).round.fork.may_write);
    CHECK(crew_status(&crew, 0).round.fork.is_out[1]);
    CHECK_INT(count_proofs(0, "-by-"), 1);
    crew_done(&crew);
}

static void a_proof_that_shows_nothing_is_refused_and_counted(void)
{
    AUTO(buf_done) struct buf a = {0}, b = {0}, file = {0};
    struct fork_proof same = {.kind = FORK_EQUAL}, forged = {.kind = FORK_EQUAL};
    struct hash other = {{9}};
    struct why why;

    crew_init(&crew, 3, true);
    crew_run(&crew, 4000);
    struct peers *p = crew.nodes[0].peers;
    struct hash root = tree_root(crew.nodes[0].node.tree);
    sign_as(1, leaves(), &root, &a);
    sign_as(1, leaves(), &other, &b);
    same.smaller = same.larger = buf_str(&a);
    fork_proof_add(&file, &same);
    CHECK_INT(peers_on_proof(p, crew.nodes[2].node.author, buf_str(&file), &why), ERR_INPUT);
    b.at[b.n - 8] ^= 1; /* Within the last signature. */
    forged.smaller = buf_str(&a);
    forged.larger = buf_str(&b);
    buf_clear(&file);
    fork_proof_add(&file, &forged);
    CHECK_INT(peers_on_proof(p, crew.nodes[2].node.author, buf_str(&file), &why), ERR_INPUT);
    CHECK_INT(peers_on_proof(p, crew.nodes[2].node.author, STR("nothing"), &why), ERR_INPUT);
    CHECK_INT(crew_status(&crew, 0).n_proofs_refused, 3);
    CHECK_INT(crew_status(&crew, 0).n_proofs, 0);
    CHECK(!crew_status(&crew, 0).round.fork.is_divided);
    CHECK_INT(count_files(0, "fork-"), 0);
    crew_done(&crew);
}

static void of_one_peer_so_many_proofs_are_kept_and_no_more(void)
{
    struct why why;

    crew_init(&crew, 3, true);
    crew_run(&crew, 4000);
    struct peers *p = crew.nodes[0].peers;
    for (uint8_t i = 0; i < 12; i++) { /* Beyond the own tree: each a contradiction of its own. */
        AUTO(buf_done) struct buf a = {0}, b = {0}, file = {0};
        struct hash one = {{1, i}}, other = {{2, i}};
        sign_as(1, leaves() + 2 + 2 * i, &one, &a);
        sign_as(2, leaves() + 2 + 2 * i, &other, &b);
        fork_proof_add(&file, &(struct fork_proof){.kind = FORK_EQUAL, .smaller = buf_str(&a), .larger = buf_str(&b)});
        CHECK_INT(peers_on_proof(p, crew.nodes[2].node.author, buf_str(&file), &why), i < 8 ? OK : ERR_TOO_LARGE);
        CHECK_INT(peers_on_proof(p, crew.nodes[2].node.author, buf_str(&file), &why), i < 8 ? OK : ERR_TOO_LARGE);
    }
    CHECK_INT(crew_status(&crew, 0).n_proofs, 8);
    CHECK_INT(count_files(0, "fork-"), 8);
    CHECK(!crew_status(&crew, 0).round.fork.is_divided); /* Nothing of it touches what is known here. */
    crew_done(&crew);
}

/* A look at etcd that begins now and tells all. */
static void look(size_t node)
{
    struct node *n = &crew.nodes[node].node;
    atomic_store(&n->shared->fresh_us, node_steady_us(n));
}

static void an_etcd_that_shows_less_than_was_signed_raises_an_alarm(void)
{
    crew_init(&crew, 3, true);
    crew_run(&crew, 4000);
    (void)crew_tick(&crew, 0);
    crew_apply(&crew, 0);
    crew_apply(&crew, 1);
    look(2); /* Before it hears of the head: nothing is wrong with that. */
    crew_run(&crew, 3000);
    CHECK_INT(crew_status(&crew, 2).n_behind, 0);
    CHECK(!crew_status(&crew, 2).behind_because.text[0]);
    look(2); /* Another one, which does not show it either. */
    crew_run(&crew, 1000);
    CHECK_INT(crew_status(&crew, 2).n_behind, 1);
    CHECK(strstr(crew_status(&crew, 2).behind_because.text, "stale") != NULL);
    look(2);
    crew_run(&crew, 1000);
    CHECK_INT(crew_status(&crew, 2).n_behind, 1); /* It goes on, and is said once. */
    crew_apply(&crew, 2);
    look(2);
    crew_run(&crew, 1000);
    CHECK(!crew_status(&crew, 2).behind_because.text[0]);
    CHECK_INT(crew_status(&crew, 0).n_behind, 0);
    crew_done(&crew);
}

static void seats_change_with_the_members_and_the_last_head_stays(void)
{
    struct change end = {.kind = CHANGE_NODE_END};

    crew_init(&crew, 3, true);
    crew_run(&crew, 4000);
    uint64_t before = crew_published(&crew, 0, NULL);
    memcpy(end.node, crew.nodes[2].node.author, 8);
    (void)crew_root(&crew, 2, end);
    crew_apply_all(&crew);
    crew_run(&crew, 4000);
    check_full(0, leaves(), 2); /* The member counts; its node does not sign any more. */
    check_full(1, leaves(), 2);
    CHECK(leaves() > before);
    CHECK(!crew_status(&crew, 2).is_seated);
    CHECK_INT(crew_status(&crew, 0).n_members, 3);
    CHECK_INT(crew_status(&crew, 0).n_nodes, 2);
    CHECK_INT(crew_status(&crew, 0).round.state, ROUND_READY);
    crew_done(&crew);
}

static void a_node_with_somebody_elses_keys_has_no_seat(void)
{
    struct arena arena = {0};
    struct seats *seats = mem_alloc(sizeof *seats);
    uint8_t(*ids)[8] = mem_calloc(SEATS_NODES_MAX, 8);
    struct state_pin pin;
    struct keys thief;

    crew_init(&crew, 2, false);
    must(keys_open(&thief, NULL, true, NULL) == OK);
    struct change join = keys_join(&thief, STR("bravo"), &crew.genesis_hash);
    memcpy(join.log_key, crew.keys[0].log.public.b, 32);
    (void)crew_root(&crew, 1, join);
    crew_apply_all(&crew);
    const struct view *v = state_read(crew.nodes[0].node.state, &pin);
    CHECK(peers_seats(v, STR("crew.example/line"), &arena, seats, ids));
    CHECK_INT(seats->n_nodes, 2);
    CHECK_INT(seats->n_members, 2);
    state_done_reading(&pin);
    crew_run(&crew, 4000);
    check_full(0, leaves(), 2);
    keys_done(&thief);
    crew_done(&crew);
    arena_done(&arena);
    mem_free(seats);
    mem_free(ids);
}

static void a_clock_that_is_off_signs_nothing(void)
{
    crew_init(&crew, 3, false);
    crew_run(&crew, 4000);
    crew.nodes[1].clock_off_s = 9;
    crew_run(&crew, 2000); /* Beats tell the clocks. */
    (void)crew_tick(&crew, 0);
    crew_apply_all(&crew);
    crew_run(&crew, 4000);
    check_full(0, leaves(), 2);
    CHECK_INT(crew_status(&crew, 1).clock_off_s, -9);
    crew.nodes[1].clock_off_s = 0;
    crew_run(&crew, 4000);
    check_full(0, leaves(), 3);
    crew_done(&crew);
}

static void strangers_and_bad_notes_are_refused(void)
{
    AUTO(buf_done) struct buf answer = {0};
    static const uint8_t stranger[8] = {1};
    enum exchange_kind kind;
    struct exchange_query q = {true, 12345};
    struct why why;

    crew_init(&crew, 2, false);
    crew_run(&crew, 4000);
    struct peers *p = crew.nodes[0].peers;
    struct str note = buf_str(&crew.nodes[1].node.checkpoint);
    CHECK_INT(peers_heard(p, stranger, 0, &why), ERR_RIGHTS);
    CHECK_INT(peers_on_round(p, stranger, note, &kind, &answer, &why), ERR_RIGHTS);
    CHECK_INT(peers_on_round(p, crew.nodes[1].node.author, STR("nothing"), &kind, &answer, &why), ERR_INPUT);
    CHECK_INT(peers_on_round(p, crew.nodes[1].node.author, note, &kind, &answer, &why), OK);
    CHECK_INT(kind, EXCHANGE_LINES);
    CHECK_INT(peers_on_head(p, &q, &answer, &why), ERR_NOT_FOUND);
    crew_done(&crew);
}

int main(void)
{
    RUN(all_sign_within_a_second_of_a_write);
    RUN(who_is_behind_signs_when_it_gets_there);
    RUN(one_that_is_away_does_not_hold_up_the_rest);
    RUN(with_no_peer_reached_nothing_is_signed);
    RUN(alone_in_its_network_a_node_signs_alone);
    RUN(an_old_copy_never_signs_again);
    RUN(a_mark_of_replaced_keys_does_not_count);
    RUN(a_journal_that_differs_from_the_last_head_is_not_signed);
    RUN(a_forged_branch_leaves_proof_and_only_the_majority_writes);
    RUN(of_two_that_are_divided_neither_writes);
    RUN(who_cannot_find_out_is_handed_the_proof);
    RUN(a_key_that_signs_twice_is_convicted_by_all_also_after_a_restart);
    RUN(of_two_one_that_signs_twice_stops_both);
    RUN(a_proof_that_shows_nothing_is_refused_and_counted);
    RUN(of_one_peer_so_many_proofs_are_kept_and_no_more);
    RUN(an_etcd_that_shows_less_than_was_signed_raises_an_alarm);
    RUN(seats_change_with_the_members_and_the_last_head_stays);
    RUN(a_node_with_somebody_elses_keys_has_no_seat);
    RUN(a_clock_that_is_off_signs_nothing);
    RUN(strangers_and_bad_notes_are_refused);
    return t_done();
}
