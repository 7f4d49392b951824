/* operators.c - stops all nodes, runs `clearline epoch` at each, and starts them again.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "operators.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "actor.h"
#include "base/hex.h"
#include "cast.h"
#include "cli/cmd.h"
#include "cli/log_source.h"
#include "disk.h"
#include "hostile.h"
#include "judge.h"
#include "state/epoch.h"
#include "state/member.h"

static struct {
    enum { IDLE, WAITING, ACTED, GAVE_UP } stage;
    enum lie lie;
    bool act, is_calm;
    int64_t at_us;
} operators;

uint64_t operators_n_epochs;

void operators_begin(enum lie lie)
{
    memset(&operators, 0, sizeof operators);
    operators.lie = lie;
    operators.act = lie == LIE_LOSE || (lie == LIE_FORGET && world_chance(500));
}

void operators_calm(void)
{
    operators.is_calm = true;
    if (operators.stage == WAITING && operators.at_us > world.now_us + S) operators.at_us = world.now_us + S;
}

/* Entries in the node's journal; 0: it has none. */
static uint64_t size_of(int node)
{
    struct log_source *source = NULL;
    struct why why = {0};
    char dir[32];
    uint64_t size = 0;

    (void)snprintf(dir, sizeof dir, "/sim/%d", node);
    if (log_source_open_data(dir, &source, &why) == OK) size = log_source_size(source);
    log_source_close(source);
    return size;
}

/* The command of a person at that machine; what it prints is shown when the world talks. root: an index of cast.roots, brought there to
 * sign with; -1: the node's own key signs. */
static bool command(int node, const char *verb, char *file, int root)
{
    char dir[32], key[48], text[65];
    char *arguments[] = {"epoch", (char *)(uintptr_t)verb, file, "--data", dir, "--root", key, NULL};
    int kept = -1, null;

    (void)snprintf(dir, sizeof dir, "/sim/%d", node);
    (void)snprintf(key, sizeof key, "/sim/%d/brought.key", node);
    if (root >= 0) {
        hex_encode(cast.roots[root].seed, 32, text);
        text[64] = '\n';
        disk_put(key, str_make(text, sizeof text));
    }
    (void)fflush(stdout);
    if (!world.talks) {
        kept = dup(STDOUT_FILENO);
        null = open("/dev/null", O_WRONLY);
        must(kept >= 0 && null >= 0 && dup2(null, STDOUT_FILENO) >= 0 && close(null) == 0);
    }
    world.node = node;
    int code = cmd_epoch(root >= 0 ? 7 : 5, arguments);
    world.node = -1;
    (void)fflush(stdout);
    if (kept >= 0) must(dup2(kept, STDOUT_FILENO) >= 0 && close(kept) == 0);
    world_say("epoch %s at node %d: %d", verb, node, code);
    return code == 0;
}

static bool is_there(int node)
{
    return !hostile_is(node) && !cast.is_out[node];
}

/* Signed with the node's key, or where the journal does not know that, or no more, with a member's root key. */
static bool sign(int node, const char *verb, char *file, unsigned first, unsigned n_members)
{
    if (command(node, verb, file, -1)) return true;
    for (unsigned m = first; m < first + n_members; m++)
        if (command(node, verb, file, (int)m) || command(node, verb, file, (int)m + CAST_SPARE)) return true;
    return false;
}

/* Signed at each machine whose node is a member's, opened at all. */
static bool open_epoch(int longest)
{
    char file[48];

    (void)snprintf(file, sizeof file, "/sim/%d/next-epoch", longest);
    if (!sign(longest, "propose", file, 0, cast.n_founders)) return false;
    for (int i = 0; i < (int)cast.n_nodes; i++)
        if (i != longest && is_there(i)) (void)sign(i, "sign", file, (unsigned)i % cast.n_members, 1);
    for (int i = 0; i < (int)cast.n_nodes; i++)
        if (is_there(i) && !command(i, "open", file, -1)) return false;
    return true;
}

static void act(void)
{
    uint64_t sizes[WORLD_NODES_MAX] = {0};
    int longest = 0;

    world_say("all nodes are stopped: etcd lost data");
    for (int i = 0; i < (int)cast.n_nodes; i++) {
        if (!is_there(i)) continue;
        actor_stop(i);
        sizes[i] = size_of(i);
        if (sizes[i] > sizes[longest]) longest = i;
    }
    if (open_epoch(longest)) {
        operators.stage = ACTED;
        operators_n_epochs++;
    } else if (operators.lie == LIE_FORGET) {
        operators.stage = GAVE_UP; /* Nobody has told yet that there are two journals. */
    } else {
        judge_fail("the members cannot go on from node %d's journal of %llu entries", longest, (unsigned long long)sizes[longest]);
    }
    etcd_model_rebuilt();
    hostile_new_epoch();
    for (int i = 0; i < (int)cast.n_nodes; i++)
        if (!hostile_is(i)) actor_start_at(i, world.now_us + (int64_t)world_below(S));
}

/* Whoever has not begun to hold the journal cannot be told where it goes on. */
static bool all_have_begun(void)
{
    for (int i = 0; i < (int)cast.n_nodes; i++)
        if (is_there(i) && actor_position(i) == 0) return false;
    return true;
}

void operators_trouble(void)
{
    if (!operators.act) return;
    /* What roots handed in for the first time, and nobody has, would have to be handed in again. */
    bool may_lose = operators.lie == LIE_LOSE && operators.stage == IDLE && judge_size() > 2 * cast.n_nodes;
    if (may_lose && (operators.is_calm || world_chance(10))) etcd_model_lose();
    if (operators.stage == IDLE && judge_size() > 2 * cast.n_nodes && (etcd_model_is_lost() || etcd_model_has_lied())) {
        operators.stage = WAITING;
        operators.at_us = world.now_us + (operators.is_calm ? (int64_t)world_below(S) : world_between(100 * MS, 4 * S));
    }
    if (operators.stage != WAITING || world.now_us < operators.at_us || !all_have_begun()) return;
    if (judge_is_split()) operators.stage = GAVE_UP;
    else act();
}

bool operators_are_done(void)
{
    if (operators.stage == WAITING) return false;
    if (operators.stage != ACTED) return true;
    for (int i = 0; i < (int)cast.n_nodes; i++) {
        struct state_pin pin;
        if (!actor_is_up(i) || cast.is_out[i]) continue;
        const struct view *v = state_read(node_state(actor_node(i)), &pin);
        bool is_open = view_epoch(v) == 1;
        state_done_reading(&pin);
        if (!is_open) return false;
    }
    return true;
}
