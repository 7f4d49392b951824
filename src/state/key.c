/* key.c - the key rule, judged whole at one position and once more, late, against what came after it.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     client's key --key_judge(view at p)--> digests in the change --journal--> key_holds_late() at apply
 *
 * key_judge() sees every string; the change carries only digests of those that may matter later: strings that were no entity's
 * OVN at p, and OVNs of relevant entities that p exempted. So an entity that came, changed or lost its exemption after p is
 * either in the digests, or the client did not have it.
 */
#include "state/key.h"

#include "base/limits.h"
#include "state/internal.h"

bool key_is_needed(const struct change *c)
{
    return c->kind == CHANGE_INTENT_PUT &&
           (c->state == INTENT_ACCEPTED || c->state == INTENT_ACTIVATED);
}

/* f3548-dss.md 6.6: what a Down manager has Accepted needs not be shown. */
static bool is_exempt(const struct view *v, const struct entity *intent)
{
    return intent->state == INTENT_ACCEPTED &&
           view_manager_availability(v, intent).status == USS_DOWN;
}

/* The client's strings by their text: open addressing over their numbers plus one. */
struct strings {
    const struct str *at;
    size_t n;
    uint32_t *slots;
    size_t mask;
    uint64_t seed;
    bool *is_settled; /* Its digest is known to be needed or not. */
};

/* Seeded by the hash over the whole key, so that no key can be made whose strings collide. */
static uint64_t mix(uint64_t seed, struct str s)
{
    const uint64_t k = UINT64_C(0x9E3779B97F4A7C15);
    uint64_t h = seed ^ s.n * k;
    uint64_t word;

    for (; s.n >= 8; s = str_skip(s, 8)) {
        memcpy(&word, s.at, 8);
        h = (h ^ word) * k;
        h ^= h >> 29 ^ seed << 1;
    }
    if (s.n) {
        word = 0;
        memcpy(&word, s.at, s.n);
        h = (h ^ word) * k;
    }
    h ^= h >> 32;
    h *= UINT64_C(0xD6E8FEB86659FD93);
    return h ^ h >> 32;
}

static size_t strings_slot(const struct strings *t, struct str s)
{
    size_t i = (size_t)mix(t->seed, s) & t->mask;

    while (t->slots[i] && !str_equal(t->at[t->slots[i] - 1], s)) i = (i + 1) & t->mask;
    return i;
}

static void strings_init(struct strings *t, const struct str *key, size_t n, uint64_t seed,
                         struct arena *arena)
{
    size_t room = 16;

    must(n < UINT32_MAX / 4);
    while (room < 2 * n) room *= 2;
    *t = (struct strings){.at = key, .n = n, .mask = room - 1, .seed = seed};
    t->slots = arena_array(arena, room, sizeof *t->slots);
    t->is_settled = arena_array(arena, n, sizeof *t->is_settled);
    for (size_t i = 0; i < n; i++) {
        size_t slot = strings_slot(t, key[i]);
        if (t->slots[slot]) t->is_settled[i] = true; /* Said before. */
        else t->slots[slot] = (uint32_t)i + 1;
    }
}

/* The number of the string, or -1. */
static ptrdiff_t strings_find(const struct strings *t, struct str s)
{
    return (ptrdiff_t)t->slots[strings_slot(t, s)] - 1;
}

static struct hash hash_of_key(const struct str *key, size_t n)
{
    char block[4096];
    struct hasher h;
    size_t used = 0;

    hasher_init(&h);
    for (size_t i = 0; i < n; i++) {
        if (used + key[i].n + 1 > sizeof block) {
            hasher_add(&h, block, used);
            used = 0;
        }
        if (key[i].n + 1 > sizeof block) {
            hasher_add(&h, key[i].at, key[i].n);
        } else {
            if (key[i].n) memcpy(block + used, key[i].at, key[i].n);
            used += key[i].n;
        }
        block[used++] = '\n';
    }
    hasher_add(&h, block, used);
    return hasher_end(&h);
}

/* A string whose digest the change may carry. */
struct candidate {
    uint64_t digest;
    int64_t announced_ms; /* Time in "<uuid>_<uuidv7>"; -1 for other forms. */
    size_t place;         /* In the key. */
};

static int64_t announced_ms(struct str s)
{
    struct id entity, suffix;

    if (s.n <= ID_TEXT || s.at[ID_TEXT] != '_') return -1;
    if (!id_parse(str_first(s, ID_TEXT), &entity)) return -1;
    if (!id_parse(str_skip(s, ID_TEXT + 1), &suffix) || id_version(suffix) != 7) return -1;
    return id_v7_ms(suffix);
}

/* Later announced ones first, then in the key's order. */
static bool is_before(const struct candidate *a, const struct candidate *b)
{
    if (a->announced_ms != b->announced_ms) return a->announced_ms > b->announced_ms;
    return a->place < b->place;
}

struct judging {
    const struct view *view;
    const struct change *change;
    struct arena *arena;
    struct strings strings;
    struct candidate *candidates; /* The first LIMIT_KEY_DIGESTS of all, in their order. */
    size_t n_candidates;
};

static bool has_room(const struct judging *j, const struct candidate *c)
{
    return j->n_candidates < LIMIT_KEY_DIGESTS || is_before(c, &j->candidates[LIMIT_KEY_DIGESTS - 1]);
}

static void add_candidate(struct judging *j, const struct candidate *c)
{
    size_t at = j->n_candidates;

    if (!has_room(j, c)) return;
    if (j->n_candidates < LIMIT_KEY_DIGESTS) j->n_candidates++;
    else at--;
    for (; at > 0 && is_before(c, &j->candidates[at - 1]); at--) j->candidates[at] = j->candidates[at - 1];
    j->candidates[at] = *c;
}

/* Lists the hits that the key does not show and whose OVN it needs. */
static const struct entity **judge_hits(struct judging *j, const struct entity_vec *hits,
                                        bool all_exempt, size_t *ret_n)
{
    const struct entity **missing = arena_alloc(j->arena, hits->n * sizeof *missing);
    size_t n = 0;

    for (size_t i = 0; i < hits->n; i++) {
        const struct entity *e = hits->at[i];
        bool own = e->kind == ENTITY_INTENT && id_equal(e->id, j->change->id);
        bool exempt = all_exempt || (e->kind == ENTITY_INTENT && is_exempt(j->view, e));
        ptrdiff_t place = strings_find(&j->strings, e->token);

        if (place < 0) {
            if (!own && !exempt) missing[n++] = e;
        } else {
            struct candidate c = {e->token_digest, announced_ms(e->token), (size_t)place};
            if (exempt && !own) add_candidate(j, &c);
            j->strings.is_settled[place] = true;
        }
    }
    *ret_n = n;
    return missing;
}

/* Those of at most PTREE_WAYS candidates that are no entity's OVN. */
static void add_fresh(struct judging *j, const struct candidate *group, size_t n)
{
    struct id keys[PTREE_WAYS] = {{0}};
    bool is_known[PTREE_WAYS];

    for (size_t i = 0; i < n; i++) keys[i] = (struct id){group[i].digest, 0};
    ptree_has_many(&j->view->by_token, keys, n, is_known);
    for (size_t i = 0; i < n; i++)
        if (!is_known[i]) add_candidate(j, &group[i]);
}

/* Strings that are no entity's OVN yet. */
static void judge_unknown(struct judging *j)
{
    struct candidate group[PTREE_WAYS];
    size_t n = 0;

    for (size_t i = 0; i < j->strings.n; i++) {
        struct str s = j->strings.at[i];
        if (j->strings.is_settled[i] || s.n < LIMIT_OVN_MIN || s.n > LIMIT_OVN_MAX) continue;
        struct candidate c = {.announced_ms = announced_ms(s), .place = i};
        if (!has_room(j, &c)) continue;
        c.digest = hash_digest(s);
        group[n++] = c;
        if (n == PTREE_WAYS) {
            add_fresh(j, group, n);
            n = 0;
        }
    }
    add_fresh(j, group, n);
}

static bool asks_constraints(const struct view *v, const struct change *c)
{
    if (c->attach == ATTACH_NEW) return c->attach_constraints;
    if (c->attach != ATTACH_EXISTING) return false;
    const struct entity *sub = view_find(v, ENTITY_SUBSCRIPTION, c->attach_id);
    return sub && sub->for_constraints;
}

void key_judge(const struct view *v, struct str participant, struct change *change,
               const struct str *key, size_t n_key, struct arena *arena, struct key_verdict *ret)
{
    AUTO(entity_vec_done) struct entity_vec hits = {0};
    struct judging j = {.view = v, .change = change, .arena = arena};
    uint64_t seed;

    (void)participant; /* Own other intents count like everybody's. */
    *ret = (struct key_verdict){0};
    change->has_key = key_is_needed(change);
    change->digests = NULL;
    change->n_digests = 0;
    if (!change->has_key) return;

    change->checked_at = v->position;
    change->key_hash = hash_of_key(key, n_key);
    memcpy(&seed, change->key_hash.b, sizeof seed);
    strings_init(&j.strings, key, n_key, seed, arena);
    j.candidates = arena_alloc(arena, LIMIT_KEY_DIGESTS * sizeof *j.candidates);

    view_search(v, ENTITY_INTENT, &change->vol, false, &hits);
    ret->missing_intents = judge_hits(&j, &hits, false, &ret->n_missing_intents);
    entity_vec_clear(&hits);
    view_search(v, ENTITY_CONSTRAINT, &change->vol, true, &hits);
    ret->missing_constraints =
        judge_hits(&j, &hits, !asks_constraints(v, change), &ret->n_missing_constraints);
    judge_unknown(&j);

    uint64_t *digests = arena_alloc(arena, j.n_candidates * sizeof *digests);
    for (size_t i = 0; i < j.n_candidates; i++) digests[i] = j.candidates[i].digest;
    change->digests = digests;
    change->n_digests = j.n_candidates;
}

/* --- late ------------------------------------------------------------------------------------ */

void recent_add(struct state *s, const struct entity *e)
{
    struct recent *r = &s->recent;
    size_t at = (size_t)(r->n % RECENT_MAX);

    if (r->n >= RECENT_MAX) r->from = r->ring[at].index + 1;
    r->ring[at].index = e->changed_at;
    r->ring[at].kind = e->kind;
    r->ring[at].no = e->no;
    r->n++;
}

void recent_clear(struct state *s)
{
    s->recent.n = 0;
    s->recent.from = s->view.position;
    s->left_down_at = s->view.position - 1;
}

static bool meets(struct state *s, const struct entity *e, const struct vol *vol)
{
    bool in_box = e->kind == ENTITY_INTENT ? box_meets(&e->box, &vol->box) : box_meets_in_time(&e->box, &vol->box);

    if (!in_box) return false;
    entity_cells(e, &s->cells_old);
    return cell_set_meets(s->cells_old.at, s->cells_old.n, vol->cells, vol->n_cells);
}

/* Appends what meets c's volume, at least all of it that changed since c's key was judged, by id. Usually that is little
 * and still at hand; all that meets is searched when it is not, or when an exemption may have ended. */
static void collect_late(struct state *s, const struct change *c, enum entity_kind kind, bool all,
                         struct entity_vec *ret)
{
    const struct recent *r = &s->recent;
    size_t n = 0;

    if (all || c->checked_at < r->from) {
        view_collect(&s->view, kind, &c->vol, kind == ENTITY_CONSTRAINT, &s->items, ret);
        return;
    }
    for (uint64_t i = r->n; i > 0 && r->n - i < RECENT_MAX; i--) {
        size_t at = (size_t)((i - 1) % RECENT_MAX);
        if (r->ring[at].index < c->checked_at) break;
        const struct entity *e = r->ring[at].kind == kind ? view_slot(&s->view, kind, r->ring[at].no) : NULL;
        if (e && e->changed_at == r->ring[at].index && meets(s, e, &c->vol)) entity_vec_add(ret, e);
    }
    entities_sort(ret->at, ret->n);
    for (size_t i = 0; i < ret->n; i++) /* Written twice in one entry. */
        if (n == 0 || ret->at[n - 1] != ret->at[i]) ret->at[n++] = ret->at[i];
    ret->n = n;
}

static bool is_shown(const struct change *c, const struct entity *e)
{
    for (size_t i = 0; i < c->n_digests; i++)
        if (c->digests[i] == e->token_digest) return true;
    return false;
}

/* Whether the intent became relevant, or got its OVN, after the key was judged. */
static bool is_late(const struct view *v, const struct change *c, const struct entity *intent, bool all_late)
{
    if (id_equal(intent->id, c->id) || is_exempt(v, intent)) return false;
    if (all_late || intent->changed_at >= c->checked_at) return true;
    return intent->state == INTENT_ACCEPTED &&
           view_manager_availability(v, intent).left_down_at >= c->checked_at;
}

static size_t keep_ids(const struct entity_vec *from, struct id *to)
{
    for (size_t i = 0; i < from->n; i++) to[i] = from->at[i]->id;
    return from->n;
}

/* New rules may exempt less: after a switch all that is relevant counts as having left its exemption (decision A3). */
static bool rules_changed_late(const struct view *v, const struct change *c)
{
    return view_rules_since(v) && view_rules_since(v) >= c->checked_at;
}

bool key_holds_late(struct step *st, const struct change *c, bool asks, uint64_t asks_since,
                    struct outcome *ret)
{
    AUTO(entity_vec_done) struct entity_vec constraints = {0};
    struct state *s = st->s;
    struct entity_vec *intents = &s->hits;
    bool all_late = rules_changed_late(&s->view, c);
    bool asks_late = asks_since >= c->checked_at || all_late;
    size_t n = 0;

    entity_vec_clear(intents);
    collect_late(s, c, ENTITY_INTENT, all_late || s->left_down_at >= c->checked_at, intents);
    for (size_t i = 0; i < intents->n; i++) {
        const struct entity *e = intents->at[i];
        if (is_late(&s->view, c, e, all_late) && !is_shown(c, e)) intents->at[n++] = e;
    }
    intents->n = n;

    if (asks) collect_late(s, c, ENTITY_CONSTRAINT, asks_late, &constraints);
    n = 0;
    for (size_t i = 0; i < constraints.n; i++) {
        const struct entity *e = constraints.at[i];
        if ((e->changed_at >= c->checked_at || asks_late) && !is_shown(c, e)) constraints.at[n++] = e;
    }
    constraints.n = n;
    if (intents->n + constraints.n == 0) return true;

    struct id *ids = arena_array(st->arena, intents->n + constraints.n, sizeof *ids);
    ret->conflicts = ids;
    ret->n_conflict_intents = keep_ids(intents, ids);
    ret->n_conflict_constraints = keep_ids(&constraints, ids + intents->n);
    return false;
}
