/* story.c - making journals from a seed.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "story.h"

#include "base/instant.h"
#include "base/limits.h"
#include "cell/set.h"
#include "lab.h"
#include "proof/merkle.h"
#include "proof/tile.h"
#include "state/genesis.h"
#include "state/key.h"
#include "state/rules.h"
#include "t.h"

#define N_IDS 10  /* Of each kind. */
#define N_USSES 4
#define N_FOUNDERS 3
#define N_MEMBERS 4  /* The last one is admitted. */
#define N_KEYS 8     /* Nodes 0 to 3 are one a member, 4 a second one of the first. */
#define DAY_MS (INT64_C(24) * 3600 * 1000)

static const struct id placeholder = {0x4000, UINT64_C(0x8000) << 48};

struct author {
    struct key_secret key;
    uint8_t id[8];
    uint64_t slot;
    struct hash previous;
};

struct maker {
    struct rng rng;
    struct story *story;
    struct state *state;
    struct arena arena; /* Of what lives until the end. */
    struct arena step;  /* Of one entry. */
    struct merkle tree;
    struct author roots[N_MEMBERS], nodes[N_KEYS], new_root;
    struct hash proposal;
    struct hash genesis;
    int64_t now_ms;
    struct hash last; /* Of the last entry's bytes. */
    struct change held; /* Judged a while ago, proposed later. */
    struct str held_by;
    bool switches; /* To rules 2. */
};

/* ---- Applying and recording. ---- */

static void add_leaf(struct story *s, struct merkle *tree, struct str leaf)
{
    struct hash h = hash_leaf(leaf);
    merkle_add(tree, &h);
    tile_add_leaf(&s->bundle, leaf);
}

static void record(struct maker *m, struct str bytes)
{
    AUTO(buf_done) struct buf leaf = {0};
    struct entry e;
    struct outcome *outcomes;
    struct story *s = m->story;

    if (entry_decode(bytes, &m->step, &e, NULL) == OK) {
        must(state_apply(m->state, &e, bytes, &m->step, &outcomes, &leaf) == OK);
        story_count(s, &e, outcomes);
    } else {
        must(state_apply_void(m->state, bytes, &leaf) == OK);
        s->n_reasons[REASON_MALFORMED]++;
    }
    state_publish(m->state);
    add_leaf(s, &m->tree, bytes);
    add_leaf(s, &m->tree, buf_str(&leaf));
    s->n_entries++;
}

/* The author's next entry; slip is added to its slot. */
static void write_entry(struct maker *m, struct author *a, struct str participant, struct change *changes, size_t n, int slip)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct entry e = {.slot = a->slot + (uint64_t)slip, .previous = a->previous, .time_ms = m->now_ms, .participant = participant,
                      .changes = changes, .n_changes = n, .seen_size = m->tree.size, .seen_root = merkle_root(&m->tree)};
    memcpy(e.author, a->id, 8);
    entry_encode(&e, STORY_ORIGIN, &a->key, &bytes);
    m->last = hash_of(buf_str(&bytes));
    for (size_t i = 0; i < n; i++) /* It takes its place and is nobody's entry. */
        if (change_rules(&changes[i]) > view_rules(state_view(m->state))) slip = 1;
    if (slip == 0) {
        a->slot++;
        a->previous = m->last;
    }
    record(m, buf_str(&bytes));
}

static void author_make(struct author *a, uint8_t number)
{
    uint8_t seed[32] = {0x67, number};
    key_secret_init(&a->key, seed);
    struct hash h = hash_of(str_make(a->key.public.b, 32));
    memcpy(a->id, h.b, 8);
}

static struct str member_name(int i)
{
    static const char *const names[N_MEMBERS] = {"north", "south", "west", "zenith"};
    return str_of(names[i]);
}

static struct change join_of(struct maker *m, int member, int node)
{
    struct change c = {.kind = CHANGE_JOIN, .member = member_name(member), .digest = m->genesis};
    memcpy(c.entry_key, m->nodes[node].key.public.b, 32);
    memset(c.log_key, 0x10 + node, 32);
    memset(c.mirror_key, 0x20 + node, 32);
    return c;
}

static void write_one(struct maker *m, struct author *a, struct change c)
{
    write_entry(m, a, STR(""), &c, 1, 0);
}

/* Who may speak for whom: uss-a and uss-b the first member, uss-c the second, uss-d all founders. */
static void name_speakers(struct maker *m)
{
    static const struct {
        const char *uss;
        int first, n;
        uint64_t rights;
    } rows[N_USSES] = {{"uss-a", 0, 1, RIGHTS_ALL}, {"uss-b", 0, 1, RIGHT_CONSTRAINTS}, {"uss-c", 1, 1, 0}, {"uss-d", 0, 3, RIGHTS_ALL}};
    for (int i = 0; i < N_USSES; i++) {
        struct str names[N_FOUNDERS];
        for (int k = 0; k < rows[i].n; k++) names[k] = member_name(rows[i].first + k);
        write_one(m, &m->nodes[0], (struct change){.kind = CHANGE_PARTICIPANT, .uss = str_of(rows[i].uss), .names = names,
                                                   .n_names = (size_t)rows[i].n, .rights = rows[i].rights});
    }
}

static void begin(struct maker *m)
{
    AUTO(buf_done) struct buf bytes = {0}, leaf = {0};
    struct genesis_member members[N_FOUNDERS];

    for (int i = 0; i < N_MEMBERS; i++) author_make(&m->roots[i], (uint8_t)(1 + i));
    for (int i = 0; i < N_KEYS; i++) author_make(&m->nodes[i], (uint8_t)(11 + i));
    author_make(&m->new_root, 31);
    for (int i = 0; i < N_FOUNDERS; i++) members[i] = (struct genesis_member){member_name(i), m->roots[i].key.public};
    genesis_encode(&(struct genesis){.origin = STORY_ORIGIN, .rules = 1, .members = members, .n_members = N_FOUNDERS,
                                     .needs_412_for_down = true, .created_ms = m->now_ms}, &bytes);
    must(state_new(buf_str(&bytes), &m->state, NULL) == OK);
    m->genesis = hash_of(buf_str(&bytes));
    struct hash guard = outcome_guard(buf_str(&bytes));
    outcome_encode(&guard, NULL, 0, &leaf);
    add_leaf(m->story, &m->tree, buf_str(&bytes));
    add_leaf(m->story, &m->tree, buf_str(&leaf));
    m->story->n_entries = 1;
    write_one(m, &m->roots[0], join_of(m, 0, 0)); /* Alone: the network is open. */
    name_speakers(m);
    for (int i = 1; i < N_FOUNDERS; i++) write_one(m, &m->roots[i], join_of(m, i, i));
}

/* ---- Changes that meet each other. ---- */

static bool chance(struct maker *m, uint64_t one_in)
{
    return rng_below(&m->rng, one_in) == 0;
}

static void fill_random(struct maker *m, uint8_t ret[16])
{
    uint64_t words[2] = {rng_next(&m->rng), rng_next(&m->rng)};
    memcpy(ret, words, 16);
}

/* Mostly one that is free or the participant's own. */
static struct id id_of(struct maker *m, enum entity_kind kind, struct str participant)
{
    for (int tries = 0;; tries++) {
        struct id id = {UINT64_C(0x1111111111114000) + (uint64_t)kind, UINT64_C(0x8000000000000001) + rng_below(&m->rng, N_IDS)};
        const struct entity *e = view_find(state_view(m->state), kind, id);
        if (!e || str_equal(e->manager, participant) || tries == 6 || chance(m, 20)) return id;
    }
}

static struct str uss_of(struct maker *m)
{
    static const char *const names[N_USSES] = {"uss-a", "uss-b", "uss-c", "uss-d"};
    return str_of(names[rng_below(&m->rng, N_USSES)]);
}

static struct vol vol_of(struct maker *m)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};
    uint64_t bitmap = rng_next(&m->rng) & rng_next(&m->rng) & rng_next(&m->rng) & 0xffff;
    int64_t starts_us = (m->now_ms + rng_between(&m->rng, -600000, 1800000)) * 1000;
    int64_t ends_us = starts_us + rng_between(&m->rng, chance(m, 8) ? -1200 : 60, 7200) * INSTANT_S;
    int32_t floor_mm = (int32_t)rng_between(&m->rng, 0, 200000);

    if (bitmap == 0) bitmap = 1;
    for (int i = 0; i < 16; i++)
        if (bitmap >> i & 1) u64_vec_add(&cells, lab_cell(i));
    cell_set_normalise(&cells);
    int32_t ceil_mm = floor_mm + (int32_t)rng_between(&m->rng, 0, 200000);
    struct vol v = {arena_array(&m->arena, cells.n, sizeof(uint64_t)), cells.n, {starts_us, ends_us, floor_mm, ceil_mm}};
    memcpy((uint64_t *)(uintptr_t)v.cells, cells.at, cells.n * sizeof(uint64_t));
    return v;
}

/* Mostly the present version, sometimes another or none. */
static void name_base(struct maker *m, struct change *c, enum entity_kind kind, bool must_have)
{
    const struct entity *old = view_find(state_view(m->state), kind, c->id);
    c->has_base = must_have || (old ? !chance(m, 10) : chance(m, 10));
    c->base = old && !chance(m, 8) ? old->token_digest : rng_next(&m->rng);
}

/* Shows what is missing, as a client does after its first 409; sometimes not all of it. */
static void show_key(struct maker *m, struct str participant, struct change *c)
{
    const struct view *v = state_view(m->state);
    struct key_verdict verdict = {0};
    key_judge(v, participant, c, NULL, 0, &m->arena, &verdict);
    size_t n = verdict.n_missing_intents + verdict.n_missing_constraints, n_key = 0;
    struct str *key = arena_array(&m->arena, n + 1, sizeof *key);
    for (size_t i = 0; i < n; i++) {
        const struct entity *e = i < verdict.n_missing_intents ? verdict.missing_intents[i]
                                                               : verdict.missing_constraints[i - verdict.n_missing_intents];
        if (!chance(m, 30)) key[n_key++] = arena_dup(&m->arena, e->token);
    }
    if (chance(m, 4)) key[n_key++] = STR("an-ovn-that-is-only-announced");
    key_judge(v, participant, c, key, n_key, &m->arena, &verdict);
}

static struct change intent_put(struct maker *m, struct str participant)
{
    struct change c = {.kind = CHANGE_INTENT_PUT, .id = id_of(m, ENTITY_INTENT, participant), .url = STR("https://uss.example/v1"), .vol = vol_of(m)};
    name_base(m, &c, ENTITY_INTENT, false);
    c.state = c.has_base ? (enum intent_state)rng_between(&m->rng, 1, 4) : chance(m, 12) ? INTENT_ACTIVATED : INTENT_ACCEPTED;
    uint64_t attach = rng_below(&m->rng, c.state == INTENT_ACCEPTED || chance(m, 6) ? 10 : 8);
    if (attach < 4) {
        c.attach = ATTACH_NEW;
        c.attach_id = chance(m, 20) ? id_of(m, ENTITY_SUBSCRIPTION, participant) : (struct id){rng_next(&m->rng), rng_next(&m->rng)};
        c.attach_url = STR("https://uss.example/s");
        c.attach_constraints = chance(m, 2);
    } else if (attach < 8) {
        const struct entity *old = view_find(state_view(m->state), ENTITY_INTENT, c.id);
        c.attach = ATTACH_EXISTING;
        bool keeps = old && !id_is_zero(old->subscription) && !chance(m, 4);
        c.attach_id = keeps ? old->subscription : id_of(m, ENTITY_SUBSCRIPTION, participant);
    }
    if (chance(m, 6)) c.suffix = chance(m, 2) ? STR("requested-suffix-one") : STR("requested-suffix-two");
    else fill_random(m, c.random);
    c.is_coarsened = chance(m, 16);
    if (m->switches && chance(m, view_rules(state_view(m->state)) >= RULES_PRIORITY ? 3 : 12))
        c.priority = (int32_t)rng_between(&m->rng, -20, 60);
    show_key(m, participant, &c);
    return c;
}

static struct change other_put(struct maker *m, struct str participant, enum change_kind kind)
{
    enum entity_kind entity = kind == CHANGE_CONSTRAINT_PUT ? ENTITY_CONSTRAINT : ENTITY_SUBSCRIPTION;
    struct change c = {.kind = kind, .id = id_of(m, entity, participant), .url = STR("https://uss.example/v1"), .vol = vol_of(m)};
    name_base(m, &c, entity, false);
    fill_random(m, c.random);
    if (kind == CHANGE_SUBSCRIPTION_PUT) {
        c.for_intents = !chance(m, 10);
        c.for_constraints = chance(m, 2);
        if (chance(m, 2)) { /* One that can cover intents. */
            static const uint64_t all[] = {(UINT64_C(0x5490) << 48 | UINT64_C(1) << 40) - (UINT64_C(1) << 40) + (UINT64_C(1) << 38)};
            c.vol.cells = all;
            c.vol.n_cells = 1;
            c.vol.box.starts_us = (m->now_ms - 1200000) * 1000;
            c.vol.box.ends_us = c.vol.box.starts_us + 20 * 3600 * INSTANT_S;
        }
        if (chance(m, 2)) c.vol.box.floor_mm = VOL_FLOOR_NONE;
        if (chance(m, 2)) c.vol.box.ceil_mm = VOL_CEIL_NONE;
        if (chance(m, 30)) c.id = placeholder;
        if (chance(m, 20)) c.vol.box.ends_us = c.vol.box.starts_us + LIMIT_SUBSCRIPTION_US + 1;
    }
    return c;
}

static struct change deletion(struct maker *m, struct str participant)
{
    static const enum change_kind kinds[] = {CHANGE_INTENT_DELETE, CHANGE_CONSTRAINT_DELETE, CHANGE_SUBSCRIPTION_DELETE};
    enum entity_kind entity = (enum entity_kind)rng_below(&m->rng, 3);
    struct change c = {.kind = kinds[entity], .id = id_of(m, entity, participant)};
    const struct entity *intent = view_find(state_view(m->state), ENTITY_INTENT, id_of(m, ENTITY_INTENT, participant));
    if (entity == ENTITY_SUBSCRIPTION && intent && !id_is_zero(intent->subscription)) c.id = intent->subscription; /* In use. */
    name_base(m, &c, entity, true);
    return c;
}

static struct change availability(struct maker *m)
{
    struct change c = {.kind = CHANGE_AVAILABILITY_PUT, .uss = uss_of(m), .availability = (enum uss_availability)rng_below(&m->rng, 3)};
    struct availability now = view_availability(state_view(m->state), c.uss);
    c.has_base = now.version.n > 0;
    c.base = chance(m, 6) ? rng_next(&m->rng) : hash_digest(now.version);
    if (c.availability == USS_DOWN && chance(m, 2)) c.availability = USS_NORMAL;
    fill_random(m, c.random);
    return c;
}

static struct change any_change(struct maker *m, struct str participant)
{
    uint64_t which = rng_below(&m->rng, 20);
    if (which < 9) return intent_put(m, participant);
    if (which < 12) return other_put(m, participant, CHANGE_SUBSCRIPTION_PUT);
    if (which < 14) return other_put(m, participant, CHANGE_CONSTRAINT_PUT);
    if (which < 17) return deletion(m, participant);
    if (which < 19) return availability(m);
    struct change c = {.kind = CHANGE_REPORT, .id = {rng_next(&m->rng), rng_next(&m->rng)}, .length = rng_below(&m->rng, 100000)};
    c.digest = hash_of(STR("a report"));
    return c;
}

/* ---- What no honest node writes. ---- */

/* The chain is that of the entries that counted. */
static void follow(struct maker *m, struct author *a)
{
    (void)state_author_next(state_view(m->state), a->id, &a->slot, &a->previous, &(int64_t){0});
}

static void misbehave(struct maker *m, uint64_t which)
{
    struct change tick = {.kind = CHANGE_TICK}, join = join_of(m, 0, 0), report = {.kind = CHANGE_REPORT, .id = {1, 2}};
    struct author *a = &m->nodes[0], stranger = {0};
    int64_t now_ms = m->now_ms;

    switch (which) {
    case 0:
        a->previous.b[0] ^= 1; /* Not the entry before. */
        write_entry(m, a, STR(""), &tick, 1, 0);
        follow(m, a);
        break;
    case 1: write_entry(m, a, STR(""), &tick, 1, -1); break; /* A slot twice. */
    case 2:
        author_make(&stranger, 99);
        write_entry(m, &stranger, STR("uss-a"), &report, 1, 0);
        key_secret_done(&stranger.key);
        break;
    case 3: write_entry(m, &m->roots[1], STR("uss-a"), &report, 1, 0); break; /* Root keys write joins only. */
    case 4: write_entry(m, &m->roots[0], STR(""), &join, 1, 0); break;        /* It has joined already. */
    case 5:
        join.member = STR("nobody");
        write_entry(m, &m->roots[0], STR(""), &join, 1, 0);
        break;
    case 6: write_entry(m, a, STR(""), &join, 1, 0); break; /* Nodes write no joins. */
    case 7: record(m, STR("these bytes are no entry")); break;
    case 8: record(m, STR("")); break;
    case 10: write_entry(m, a, STR(""), &tick, 1, 5); a->slot += 6; a->previous = m->last; break; /* Slots left out: accepted. */
    case 9: write_entry(m, a, STR(""), &report, 1, 0); break; /* Nobody's report. */
    default:
        m->now_ms -= 3600000; /* Before the author's last one. */
        write_entry(m, a, STR(""), &tick, 1, 0);
        follow(m, a);
        m->now_ms = now_ms;
    }
}

/* Two intents of one implicit subscription, scattered so widely that it cannot cover both. */
static void grow_too_large(struct maker *m)
{
    struct id subscription = {0};
    for (int i = 0; i < 2; i++) {
        AUTO(u64_vec_done) struct u64_vec cells = {0};
        struct change c = {.kind = CHANGE_INTENT_PUT, .id = {UINT64_C(0x2222222222224000), UINT64_C(0x8000000000000000) + (uint64_t)i},
                           .url = STR("https://uss.example/v1"), .state = INTENT_ACCEPTED};
        for (uint64_t k = 0; k < LIMIT_CELLS / 2 + 1; k++) {
            u64_vec_add(&cells, (UINT64_C(1) << 62 | UINT64_C(1) << 34) + ((2 * k + (uint64_t)i * 8192) << 37));
        }
        cell_set_normalise(&cells);
        c.vol = (struct vol){cells.at, cells.n, {m->now_ms * 1000, m->now_ms * 1000 + INSTANT_S, 0, 1000}};
        c.attach = i ? ATTACH_EXISTING : ATTACH_NEW;
        c.attach_id = i ? subscription : (struct id){UINT64_C(0x3333333333334000), UINT64_C(0x8000000000000001)};
        if (!i) c.attach_url = STR("https://uss.example/s");
        fill_random(m, c.random);
        show_key(m, STR("uss-a"), &c);
        write_entry(m, &m->nodes[0], STR("uss-a"), &c, 1, 0);
        subscription = (struct id){UINT64_C(0x3333333333334000), UINT64_C(0x8000000000000001)};
    }
}

/* ---- Members' affairs. ---- */

static struct change proposal_of(enum proposal_act act, int member, const struct author *root)
{
    struct change c = {.kind = CHANGE_PROPOSE, .act = act, .member = member_name(member)};
    if (act == PROPOSE_EXPEL) c.text = STR("it did not keep the rules");
    else memcpy(c.root_key, root->key.public.b, 32);
    return c;
}

static void propose(struct maker *m, int by, struct change c)
{
    write_one(m, &m->nodes[by], c);
    m->proposal = m->last;
}

static void approve(struct maker *m, int by)
{
    write_one(m, &m->nodes[by], (struct change){.kind = CHANGE_APPROVE, .proposal = m->proposal});
}

static struct change of_member(enum change_kind kind, int member)
{
    return (struct change){.kind = kind, .member = member_name(member), .text = STR("maintenance of the approach radar")};
}

static struct change addresses_of(const struct author *node)
{
    static const struct str at[2] = {{"https://north.example/line", 26}, {"https://north.example:8443/line", 31}};
    struct change c = {.kind = CHANGE_ADDRESSES, .addresses = at, .n_addresses = 2};
    memcpy(c.node, node->id, 8);
    return c;
}

static struct change issuer_of(bool removes)
{
    static const struct str subs[2] = {{"uss-a", 5}, {"uss-b", 5}};
    return (struct change){.kind = CHANGE_ISSUER, .issuer = STR("https://auth.north.example"), .public_key = STR("not looked into"),
                           .subs = subs, .n_subs = 2, .removes = removes};
}

static struct change end_of(const struct author *node)
{
    struct change c = {.kind = CHANGE_NODE_END, .text = STR("its disk was lost"), .has_head = true, .head_size = 10};
    memcpy(c.node, node->id, 8);
    return c;
}

static struct change speaker_of(struct str uss, int member, uint64_t rights)
{
    static struct str names[N_MEMBERS];
    names[member] = member_name(member);
    return (struct change){.kind = CHANGE_PARTICIPANT, .uss = uss, .names = &names[member], .n_names = 1, .rights = rights};
}

static void settle_affairs(struct maker *m, uint64_t which)
{
    struct change c;
    switch (which) {
    case 0: write_one(m, &m->nodes[0], addresses_of(&m->nodes[0])); break;
    case 1: write_one(m, &m->nodes[1], addresses_of(&m->nodes[0])); break; /* Another's. */
    case 2: write_one(m, &m->nodes[0], issuer_of(false)); break;
    case 3: write_one(m, &m->nodes[0], issuer_of(true)); break;
    case 4: write_one(m, &m->roots[0], join_of(m, 0, 4)); break;
    case 5: write_one(m, &m->roots[0], end_of(&m->nodes[4])); break;
    case 6: write_one(m, &m->roots[0], end_of(&m->nodes[4])); break; /* It has ended. */
    case 7: write_one(m, &m->nodes[1], speaker_of(STR("uss-e"), 1, 0)); break;
    case 8: write_one(m, &m->nodes[1], speaker_of(STR("uss-e"), 1, RIGHT_ARBITRATION)); break; /* Rights come by proposals. */
    case 9: write_one(m, &m->nodes[2], speaker_of(STR("uss-a"), 2, 0)); break;                 /* Not its participant. */
    case 10: propose(m, 0, proposal_of(PROPOSE_ADMIT, 3, &m->roots[3])); break;
    case 11: approve(m, 0); break;
    case 12: approve(m, 0); break; /* Twice. */
    case 13:
        approve(m, 1);
        approve(m, 2);
        write_one(m, &m->roots[3], join_of(m, 3, 3));
        break;
    case 14: write_one(m, &m->nodes[2], of_member(CHANGE_SUSPEND, 2)); break;
    case 15: /* Written by the one that is suspended. */
        c = intent_put(m, STR("uss-d"));
        write_entry(m, &m->nodes[2], STR("uss-d"), &c, 1, 0);
        break;
    case 16: write_one(m, &m->nodes[1], of_member(CHANGE_SUSPEND, 1)); break; /* uss-c and uss-e are Down by this. */
    case 17: write_one(m, &m->nodes[1], of_member(CHANGE_RESUME, 1)); break;
    case 18: write_one(m, &m->nodes[2], of_member(CHANGE_RESUME, 2)); break;
    case 19:
        propose(m, 1, proposal_of(PROPOSE_ROOT, 1, &m->new_root));
        for (int i = 0; i < N_MEMBERS; i++) approve(m, i);
        break;
    case 20: write_one(m, &m->roots[1], join_of(m, 1, 5)); break; /* By the root that was replaced. */
    case 21:
        c = speaker_of(STR("uss-e"), 3, RIGHT_ARBITRATION);
        c.kind = CHANGE_PROPOSE;
        c.act = PROPOSE_PARTICIPANT;
        propose(m, 0, c);
        for (int i = 0; i < N_MEMBERS; i++) approve(m, i);
        break;
    case 22:
        propose(m, 0, proposal_of(PROPOSE_EXPEL, 3, NULL));
        for (int i = 0; i < N_FOUNDERS; i++) approve(m, i);
        break;
    case 23: write_one(m, &m->nodes[3], (struct change){.kind = CHANGE_TICK}); break; /* By the expelled. */
    case 24: propose(m, 2, proposal_of(PROPOSE_EXPEL, 0, NULL)); break; /* Never approved: it lapses. */
    default: approve(m, (int)(which % N_FOUNDERS));
    }
}

/* ---- Rules 2. ---- */

static void announce(struct maker *m, int node, unsigned rules)
{
    write_one(m, &m->nodes[node], (struct change){.kind = CHANGE_RULES, .rules = rules});
}

static void bound(struct maker *m, int member, int32_t low, int32_t high)
{
    propose(m, 1, (struct change){.kind = CHANGE_PROPOSE, .act = PROPOSE_PRIORITY, .member = member_name(member),
                                  .priority_low = low, .priority_high = high});
    for (int i = 0; i < N_FOUNDERS; i++) approve(m, i);
}

/* Step i of the story, if it has to do with the switch. */
static bool switch_rules(struct maker *m, int i)
{
    struct change equals = {.kind = CHANGE_PROPOSE, .act = PROPOSE_EQUALS, .equals = EQUALS_MAY_MEET, .text = STR("as the regulator says")};

    if (!m->switches) return false;
    switch (i) {
    case 90: announce(m, 0, 2); break;
    case 93: announce(m, 1, 3); break;
    case 96: write_one(m, &m->nodes[1], equals); break; /* Not yet. */
    case 100: announce(m, 2, 2); break;                 /* The switch. */
    case 104: announce(m, 2, 1); break;
    case 106: bound(m, 0, -10, 40); break;
    case 108: bound(m, 1, 0, 10); break;
    case 110:
        propose(m, 0, equals);
        for (int k = 0; k < N_FOUNDERS; k++) approve(m, k);
        break;
    case 130: announce(m, 0, 9); break;
    default: return false;
    }
    return true;
}

/* ---- The whole. ---- */

/* The one that speaks for it, mostly. */
static struct author *speaker(struct maker *m, struct str uss)
{
    if (chance(m, 25)) return &m->nodes[rng_below(&m->rng, N_FOUNDERS)];
    if (str_equal(uss, STR("uss-d"))) return &m->nodes[rng_below(&m->rng, N_FOUNDERS)];
    return &m->nodes[str_equal(uss, STR("uss-c")) ? 1 : 0];
}

static void write_changes(struct maker *m)
{
    struct str participant = uss_of(m);
    struct change changes[6];
    size_t n = 0, wanted = 1 + rng_below(&m->rng, 3);

    if (chance(m, 30)) {
        changes[0] = (struct change){.kind = CHANGE_TICK};
        write_entry(m, &m->nodes[rng_below(&m->rng, N_FOUNDERS)], STR(""), changes, 1, 0);
        return;
    }
    if (m->held.kind && chance(m, 3)) {
        changes[n++] = m->held;
        participant = m->held_by;
        m->held.kind = 0;
    }
    while (n < wanted) changes[n++] = any_change(m, participant);
    if (!m->held.kind && chance(m, 3)) {
        m->held_by = uss_of(m);
        m->held = intent_put(m, m->held_by);
    }
    write_entry(m, speaker(m, participant), participant, changes, n, 0);
}

static void make(uint64_t seed, int n_entries, bool switches, struct story *ret)
{
    struct maker m = {.rng = {seed}, .story = ret, .now_ms = LAB_START_MS, .switches = switches};

    *ret = (struct story){0};
    begin(&m);
    for (int i = 0; i < n_entries; i++) {
        arena_clear(&m.step);
        m.now_ms += rng_between(&m.rng, 0, 120000);
        if (switch_rules(&m, i)) continue;
        if (i % 20 == 19) misbehave(&m, (uint64_t)(i / 20) % 12);
        else if (i % 15 == 7) settle_affairs(&m, (uint64_t)(i / 15));
        else if (i == n_entries / 2) grow_too_large(&m);
        else if (i == n_entries - 30) m.now_ms += 113 * DAY_MS; /* All before this is cleaned up, 64 an entry. */
        else write_changes(&m);
    }
    state_check(m.state);
    ret->root = merkle_root(&m.tree);
    ret->digest = state_digest(state_view(m.state));
    ret->rules = view_rules(state_view(m.state));
    for (int i = 0; i < N_MEMBERS; i++) key_secret_done(&m.roots[i].key);
    for (int i = 0; i < N_KEYS; i++) key_secret_done(&m.nodes[i].key);
    key_secret_done(&m.new_root.key);
    state_free(m.state);
    arena_done(&m.arena);
    arena_done(&m.step);
}

void story_make(uint64_t seed, int n_entries, struct story *ret)
{
    make(seed, n_entries, false, ret);
}

void story_make_switching(uint64_t seed, int n_entries, struct story *ret)
{
    make(seed, n_entries, true, ret);
}

void story_done(struct story *s)
{
    buf_done(&s->bundle);
}
