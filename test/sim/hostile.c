/* hostile.c - what whoever holds an admitted key and etcd's certificate can put into it.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "hostile.h"

#include "cast.h"
#include "entry/entry.h"
#include "etcd_model.h"
#include "journal/slots.h"

#define AHEAD 4
#define DEEDS_MAX 40

static struct {
    bool is_there, has_joined_spare;
    int node, spare; /* spare: whose keys nobody else uses. */
    uint64_t first;  /* Slot of the chain's next entry. */
    struct hash previous;
    struct buf chain[AHEAD]; /* Entries for slots first on, each after the one before. */
    bool is_put[AHEAD];
    unsigned n_deeds;
    uint64_t epoch;
    struct slots slots;
} hostile;

void hostile_begin(bool is_there)
{
    for (int i = 0; i < AHEAD; i++) buf_done(&hostile.chain[i]);
    slots_done(&hostile.slots);
    memset(&hostile, 0, sizeof hostile);
    hostile.is_there = is_there;
    hostile.node = (int)cast.n_nodes - 1;
    hostile.spare = WORLD_NODES_MAX - 1;
    if (is_there) slots_init(&hostile.slots, &cast.genesis_hash, 0);
}

bool hostile_is(int node)
{
    return hostile.is_there && node == hostile.node;
}

static void put(const uint8_t author[8], uint64_t slot, struct str value)
{
    AUTO(arena_done) struct arena arena = {0};

    etcd_model_put(slots_key(&hostile.slots, author, slot, &arena), value);
}

static bool has(const uint8_t author[8], uint64_t slot)
{
    AUTO(arena_done) struct arena arena = {0};

    return etcd_model_has(slots_key(&hostile.slots, author, slot, &arena));
}

static uint64_t next_slot(const uint8_t author[8])
{
    uint64_t slot = 0;

    while (has(author, slot)) slot++;
    return slot;
}

static void make(int keys, uint64_t slot, const struct hash *previous, int64_t time_ms, struct buf *ret)
{
    struct change tick = {.kind = CHANGE_TICK};
    struct entry e = {.epoch = hostile.epoch, .slot = slot, .previous = *previous, .time_ms = time_ms, .changes = &tick, .n_changes = 1};

    memcpy(e.author, cast.ids[keys], sizeof e.author);
    buf_clear(ret);
    entry_encode(&e, CAST_ORIGIN, &cast.entries[keys], ret);
}

static int64_t now_ms(void)
{
    return (WORLD_START_US + world.now_us) / 1000;
}

/* A run of entries that is written in any order. */
static void continue_chain(void)
{
    size_t i = world_below(AHEAD);

    if (hostile.chain[0].n == 0) {
        hostile.first = next_slot(cast.ids[hostile.node]);
        for (int k = 0; k < AHEAD; k++) {
            make(hostile.node, hostile.first + (uint64_t)k, &hostile.previous, now_ms(), &hostile.chain[k]);
            hostile.previous = hash_of(buf_str(&hostile.chain[k]));
            hostile.is_put[k] = false;
        }
    }
    if (!hostile.is_put[i] && !has(cast.ids[hostile.node], hostile.first + i)) {
        world_say("hostile: slot %llu, and %llu is next", (unsigned long long)(hostile.first + i),
                  (unsigned long long)next_slot(cast.ids[hostile.node]));
        put(cast.ids[hostile.node], hostile.first + i, buf_str(&hostile.chain[i]));
    }
    hostile.is_put[i] = true;
    for (int k = 0; k < AHEAD; k++)
        if (!hostile.is_put[k]) return;
    buf_clear(&hostile.chain[0]);
}

static void squat(void)
{
    const uint8_t *author = cast.ids[world_below(cast.n_nodes)];
    uint64_t slot = next_slot(author) + (world_chance(300) ? 1 + world_below(3) : 0);
    AUTO(buf_done) struct buf entry = {0};
    struct hash none = {{0}};

    if (has(author, slot)) return;
    if (world_chance(500)) make(hostile.node, slot, &none, now_ms(), &entry);
    else buf_addf(&entry, "garbage %llu", (unsigned long long)world_below(1000));
    world_say("hostile: squats slot %llu of node %d", (unsigned long long)slot, cast_find(author));
    put(author, slot, buf_str(&entry));
}

static void overwrite(void)
{
    const uint8_t *author = cast.ids[world_below(cast.n_nodes)];
    uint64_t n = next_slot(author);

    if (n > 0) put(author, world_below(n), STR("over it"));
}

/* An entry of its own that does not follow its last one. */
static void break_chain(void)
{
    AUTO(buf_done) struct buf entry = {0};
    struct hash wrong = {{(uint8_t)world_below(256)}};

    if (hostile.chain[0].n > 0) return; /* Its slots are spoken for. */
    make(hostile.node, next_slot(cast.ids[hostile.node]), &wrong, now_ms() - (int64_t)world_below(100000), &entry);
    put(cast.ids[hostile.node], next_slot(cast.ids[hostile.node]), buf_str(&entry));
}

/* In the right place, and not signed by its author. */
static void forge(void)
{
    AUTO(buf_done) struct buf entry = {0};
    uint64_t slot = next_slot(cast.ids[hostile.node]);

    if (hostile.chain[0].n > 0) return;
    make(hostile.node, slot, &hostile.previous, now_ms(), &entry);
    entry.at[entry.n - 1] ^= 1;
    put(cast.ids[hostile.node], slot, buf_str(&entry));
}

void hostile_new_epoch(void)
{
    if (!hostile.is_there) return;
    slots_done(&hostile.slots);
    slots_init(&hostile.slots, &cast.genesis_hash, ++hostile.epoch);
    hostile.previous = (struct hash){{0}};
    buf_clear(&hostile.chain[0]);
    hostile.has_joined_spare = true; /* Its root has no place that is known here. */
    continue_chain();
}

/* A second node's keys: some slots before its join, and some after. */
static void use_spare(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    unsigned m = (unsigned)(hostile.node % (int)cast.n_members);
    struct change join = {.kind = CHANGE_JOIN, .member = cast_member(m), .digest = cast.genesis_hash};
    struct entry e = {.time_ms = now_ms(), .changes = &join, .n_changes = 1};
    struct hash none = {{0}};

    if (hostile.spare < (int)cast.n_nodes) return;
    if (hostile.has_joined_spare || world_chance(600)) {
        uint64_t slot = next_slot(cast.ids[hostile.spare]);
        make(hostile.spare, slot, &none, now_ms(), &bytes);
        put(cast.ids[hostile.spare], slot, buf_str(&bytes));
        return;
    }
    hostile.has_joined_spare = true;
    memcpy(e.author, cast.root_ids[m], sizeof e.author);
    e.slot = next_slot(e.author);
    e.previous = cast.root_lasts[m];
    memcpy(join.entry_key, cast.entries[hostile.spare].public.b, 32);
    memcpy(join.log_key, cast.logs[hostile.spare].public.b, 32);
    memcpy(join.mirror_key, cast.mirrors[hostile.spare].public.b, 32);
    entry_encode(&e, CAST_ORIGIN, &cast.roots[m], &bytes);
    world_say("hostile: joins a second node, whose slots 0 to %llu are there", (unsigned long long)next_slot(cast.ids[hostile.spare]));
    put(e.author, e.slot, buf_str(&bytes));
}

void hostile_trouble(void)
{
    if (!hostile.is_there || hostile.n_deeds == DEEDS_MAX || !world_chance(60)) return;
    hostile.n_deeds++;
    switch (world_below(9)) {
    case 0: squat(); break;
    case 1: overwrite(); break;
    case 2: break_chain(); break;
    case 3: use_spare(); break;
    case 4: forge(); break;
    default: continue_chain(); break;
    }
}
