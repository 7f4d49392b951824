/* sim.c - runs seeds of a whole network and says which of them show something that must not be.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     sim [--first] [--lie KIND] FIRST [COUNT]     COUNT seeds from FIRST on; without COUNT one, which says what happens; --first: up to
 *                                                  the first that fails
 *
 * Each seed: 2 to 7 nodes of 2 to 5 members, some seconds of trouble, then calm. Prints TAP: one line for each seed that failed,
 * with the command that replays it, and one for all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "actor.h"
#include "actor_catchup.h"
#include "cast.h"
#include "client.h"
#include "council.h"
#include "disk.h"
#include "etcd_model.h"
#include "hostile.h"
#include "judge.h"
#include "operators.h"

#define TROUBLE_EVERY (10 * MS)
#define CALM_US (30 * S)

static bool trouble_is_over;
static unsigned n_stuck; /* Seeds that end with a node that nobody can help. */

static void trouble(void *context, bool happens)
{
    (void)context;
    if (!happens) return;
    if (!trouble_is_over) {
        etcd_model_trouble();
        hostile_trouble();
    }
    operators_trouble();
    actors_trouble();
    council_trouble();
    world_at(world.now_us + TROUBLE_EVERY, trouble, NULL);
}

/* Nothing is expected of it. */
static bool is_nobodys(int node)
{
    return hostile_is(node) || cast.is_out[node];
}

/* All stand at one position, have settled everything, and signed it together. */
static bool is_done(void)
{
    for (size_t i = 0; i < cast.n_nodes; i++) {
        if (is_nobodys((int)i)) continue;
        if (actor_is_broken((int)i) || !actor_has_settled((int)i) || actor_position((int)i) != judge_size()) return false;
        if (actor_full_size((int)i) + 20 < 2 * judge_size()) return false;
    }
    return clients_have_settled() && council_is_done() && operators_are_done();
}

/* Whoever has one side of a split knows when it sees a head of the other one that is not larger than its own tree. A node whose tree cannot
 * grow that far, because etcd has forgotten what it knows, says that. Who has other members or keys on one side than on the other is
 * not heard there: heads do not get full. By rules 1 the founder who joined first decides alone: if etcd forgets the others' joins then,
 * it has nobody to hear from (docs/decisions/0004). */
static bool split_is_known(void)
{
    int branch = -1, n_branches = 0;

    for (int i = 0; i < (int)cast.n_nodes; i++) {
        if (cast.is_out[i] || judge_branch(i) < 0 || judge_branch(i) == branch) continue;
        branch = judge_branch(i);
        n_branches++;
    }
    if (n_branches < 2) return true; /* Of one side nobody is left: its members were expelled. */
    for (int i = 0; i < (int)cast.n_nodes; i++) {
        if (cast.is_out[i]) continue;
        bool is_unheard = council_has_aims() && actor_full_size(i) + 20 < 2 * actor_position(i);
        if (is_unheard || actor_is_alone(i) || actor_is_divided(i) || actor_has_proof(i)) return true;
        if (actor_is_refused(i) || actor_is_broken(i) || actor_is_behind(i)) return true;
    }
    return false;
}

/* A node that stands before others got new keys, or were expelled, does not know those who are there now. Where so few that it does know
 * are left that they are no majority for it, it stays there until its people bring it tiles: a hostile member's gap takes a majority with
 * it, and a head of others one without it. That is who is stuck. Who needs those for a majority of its own is short of them. False:
 * nobody is. */
static bool find_stuck(bool ret_is_stuck[WORLD_NODES_MAX], bool ret_is_short[WORLD_NODES_MAX])
{
    bool is_here[WORLD_NODES_MAX] = {false}, is_free[WORLD_NODES_MAX] = {false}, any = false;

    memset(ret_is_stuck, 0, WORLD_NODES_MAX);
    memset(ret_is_short, 0, WORLD_NODES_MAX);
    if (!council_has_aims()) return false;
    for (int i = 0; i < (int)cast.n_nodes; i++) is_here[i] = !is_nobodys(i);
    for (int i = 0; i < (int)cast.n_nodes; i++) {
        bool others[WORLD_NODES_MAX], is_behind = actor_position(i) + 5 < judge_size();
        memcpy(others, is_here, sizeof others);
        others[i] = false;
        ret_is_stuck[i] = is_here[i] && !(actor_hears_majority(i, is_here) && (!is_behind || actor_hears_majority(i, others)));
        is_free[i] = is_here[i] && !ret_is_stuck[i];
        any |= ret_is_stuck[i];
    }
    for (int i = 0; i < (int)cast.n_nodes; i++) ret_is_short[i] = is_free[i] && !actor_hears_majority(i, is_free);
    return any;
}

static void check_end(enum lie lie)
{
    bool is_stuck[WORLD_NODES_MAX], is_short[WORLD_NODES_MAX];

    if (judge_is_split()) {
        if (!split_is_known()) judge_fail("the network is split, and nobody knows");
        return;
    }
    bool any_is_stuck = find_stuck(is_stuck, is_short);
    n_stuck += any_is_stuck;
    for (size_t i = 0; i < cast.n_nodes; i++) {
        int node = (int)i;
        if (is_nobodys(node) || is_stuck[node] || is_short[node]) continue;
        if (lie_may_split(lie) && etcd_model_has_lied()) continue; /* It may have to stop, or to wait for ever. */
        if (!actor_has_settled(node)) judge_fail("node %d is %s, and not all right: %s", node, actor_is_up(node) ? "up" : "down", actor_words(node));
        else if (actor_position(node) != judge_size() && !(any_is_stuck && actor_position(node) + 5 > judge_size())) /* Writing goes on. */
            judge_fail("node %d stands at %llu of %llu", node, (unsigned long long)actor_position(node), (unsigned long long)judge_size());
        else if (actor_is_refused(node)) judge_fail("node %d refuses to sign: %s", node, actor_words(node));
        else if (actor_full_size(node) + 20 < 2 * judge_size())
            judge_fail("node %d knows a full head of %llu, and %llu leaves", node, (unsigned long long)actor_full_size(node), (unsigned long long)(2 * judge_size()));
        if (actor_is_divided(node)) judge_fail("node %d sees a fork where there is none", node);
    }
    if (any_is_stuck) return;
    if (!judge_has_failed() && !(lie_may_split(lie) && etcd_model_has_lied()) && !clients_have_settled())
        judge_fail("a client still does not know what became of a write");
    if (!judge_has_failed() && !(lie_may_split(lie) && etcd_model_has_lied()) && !operators_are_done()) judge_fail("the new epoch is not open");
    if (!judge_has_failed() && !(lie_may_split(lie) && etcd_model_has_lied()) && !council_is_done())
        judge_fail("it is not reached that %s", council_words());
}

static void choose_world(int64_t *ret_trouble_us)
{
    unsigned n_members = (unsigned)world_between(2, 5);
    size_t n_nodes = n_members + (world_chance(300) ? world_below(3) : 0);

    cast_begin(n_members, n_members - (n_members >= 3 && world_chance(120)), n_nodes);
    for (size_t i = 0; i < n_nodes; i++) {
        world.steady_us[i] = world_between(0, 3600 * S);
        world.skew_us[i] = world_chance(300) ? world_between(-2 * S, 2 * S) : world_between(-20 * MS, 20 * MS);
    }
    *ret_trouble_us = world_between(3 * S, 25 * S);
}

static enum lie choose_lie(int wanted)
{
    bool lies = world_chance(400);
    enum lie lie = (enum lie)(1 + world_below(N_LIES - 1));

    return wanted >= 0 ? (enum lie)wanted : lies ? lie : LIE_NONE;
}

static uint64_t seed_of_now;
static enum lie lie_of_now;

void sim_say_failed_must(const char *claim, const char *file, int line)
{
    printf("not ok - seed %llu, lie %s: must(%s) at %s:%d\n", (unsigned long long)seed_of_now, lie_name(lie_of_now), claim, file, line);
    (void)fflush(stdout);
}

static bool run(uint64_t seed, int wanted_lie, bool talks)
{
    int64_t trouble_us;
    enum lie lie;
    bool is_good;

    world_begin(seed, talks);
    disk_reset(seed);
    lie = choose_lie(wanted_lie);
    seed_of_now = seed;
    lie_of_now = lie;
    choose_world(&trouble_us);
    judge_begin(lie);
    hostile_begin(cast.n_founders >= 3 && cast.n_founders == cast.n_members && world_chance(250));
    council_begin();
    sources_begin();
    operators_begin(lie);
    etcd_model_begin(lie, lie == LIE_OVERWRITE || hostile_is((int)cast.n_nodes - 1));
    cast_join_all();
    actors_begin();
    clients_begin();
    trouble_is_over = false;
    world_say("%u members, %zu nodes, %.1f s of trouble, lie: %s%s", cast.n_members, cast.n_nodes, (double)trouble_us / S, lie_name(lie),
              hostile_is((int)cast.n_nodes - 1) ? ", the last node's member is hostile" : "");
    trouble(NULL, true);
    while (world_step(trouble_us) && !judge_has_failed()) {}
    world_say("calm");
    trouble_is_over = true;
    etcd_model_calm();
    actors_calm();
    clients_calm();
    council_calm();
    sources_calm();
    operators_calm();
    while (world_step(trouble_us + CALM_US) && !judge_has_failed()) {
        if (world.now_us > trouble_us + 3 * S && world_chance(10) && (judge_is_split() ? split_is_known() : is_done())) break;
    }
    if (!judge_has_failed()) check_end(lie);
    for (int i = 0; talks && i < (int)cast.n_nodes; i++) world_say("node %d: %s", i, actor_words(i));
    is_good = !judge_has_failed();
    if (!is_good) printf("not ok - seed %llu, lie %s: %s\n", (unsigned long long)seed, lie_name(lie), judge_first_failure());
    actors_end();
    clients_end();
    council_end();
    etcd_model_end();
    world_end();
    disk_reset(0);
    cast_end();
    judge_end();
    hostile_begin(false);
    return is_good;
}

int __real_clock_gettime(clockid_t clock, struct timespec *ret);

static double seconds(void)
{
    struct timespec t;

    (void)__real_clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void say(const char *what, uint64_t n)
{
    printf(", %s %llu", what, (unsigned long long)n);
}

static void say_counts(double ms_each)
{
    printf("# %.1f ms a seed", ms_each);
    say("entries applied", actor_counts.n_entries);
    say("writes accepted", client_counts.n_accepted);
    say("refused", client_counts.n_refused);
    say("reads", client_counts.n_reads);
    say("unclear", client_counts.n_unclear);
    say("found committed", client_counts.n_committed);
    say("absent", client_counts.n_absent);
    say("starts after others", actor_counts.n_restarts);
    say("heads signed", actor_counts.n_heads);
    say("taken over", sources_counts.n_taken_over);
    say("logs asked", sources_counts.n_calls);
    say("their lies", sources_counts.n_lies);
    say("garbage", actor_counts.n_garbage);
    say("squatted", actor_counts.n_squatted);
    say("disputed", actor_counts.n_disputed);
    say("overwritten", actor_counts.n_overwritten);
    say("stale", actor_counts.n_stale);
    say("gaps", actor_counts.n_gaps);
    say("epochs", operators_n_epochs);
    say("members admitted", council_counts.n_admitted);
    say("expelled", council_counts.n_expelled);
    say("nodes' keys replaced", council_counts.n_keys);
    say("roots' keys", council_counts.n_roots);
    say("held up for ever", n_stuck);
    printf("\n");
}

int main(int argc, char **argv)
{
    uint64_t first, count, n_failed = 0, max_failed = 20;
    int lie = -1, at = 1;
    bool talks;
    double from = seconds();

    if (argc > at && strcmp(argv[at], "--first") == 0) {
        max_failed = 1;
        at++;
    }
    if (argc > at + 1 && strcmp(argv[at], "--lie") == 0) {
        for (int i = 0; i < N_LIES; i++)
            if (strcmp(argv[at + 1], lie_name((enum lie)i)) == 0) lie = i;
        at += 2;
    }
    first = argc > at ? strtoull(argv[at], NULL, 10) : 1;
    talks = argc == at + 1;
    count = argc > at + 1 ? strtoull(argv[at + 1], NULL, 10) : 1;
    disk_install();
    if (!talks) (void)!freopen("/dev/null", "w", stderr); /* What nodes say of their troubles. */
    for (uint64_t seed = first; seed < first + count; seed++) {
        if (run(seed, lie, talks)) continue;
        n_failed++;
        printf("# replay: %s%s%s %llu\n", argv[0], lie >= 0 ? " --lie " : "", lie >= 0 ? lie_name((enum lie)lie) : "", (unsigned long long)seed);
        if (n_failed >= max_failed) break;
    }
    if (!n_failed) printf("ok 1 - %llu seeds from %llu on\n", (unsigned long long)count, (unsigned long long)first);
    say_counts((seconds() - from) * 1000 / (double)count);
    printf("1..%llu\n", (unsigned long long)(n_failed ? n_failed : 1));
    return n_failed > 0;
}
