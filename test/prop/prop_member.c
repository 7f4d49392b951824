/* prop_member.c - random affairs of members against a plain model; other batches and snapshots on the way.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The model has sets of members as bits, keys and proposals in arrays, and knows the rules of docs/formats.md, Members, once more.
 * The lab's state is published after every entry and goes through snapshots, the twin's is published when chance says so. A round is
 * a network of three founders that is used up after some hundred entries, so there are many rounds.
 */
#include "lab.h"
#include "state/member.h"
#include "state/rules.h"
#include "t.h"

#define KEYS 160
#define USSS 6
#define DAY_MS INT64_C(86400000)

struct model_key {
    bool is_there, is_root, is_ended;
    int member;
    unsigned rules;  /* Announced. */
    int64_t last_ms; /* -1 without an entry. */
};

struct model_proposal {
    struct hash hash;
    enum proposal_act act;
    int subject, key, uss; /* subject: of an admission the new one. */
    unsigned speakers, rights, approvals;
    int low, high;
    int64_t opened_ms;
};

struct model_participant {
    bool is_there;
    unsigned speakers, rights;
    enum uss_availability stored;
    enum overlay overlay;
    bool has_version;
    uint64_t version; /* Its digest. */
};

static struct {
    struct rng rng;
    struct lab lab, twin;
    struct model_key keys[KEYS];
    uint8_t ids[KEYS][8];
    int n_keys; /* Handed out. */
    unsigned named, counted, expelled, suspended, awaited;
    unsigned rules;
    int low[LAB_MEMBERS], high[LAB_MEMBERS]; /* Bounds of priorities. */
    int roots[LAB_MEMBERS];
    int places[LAB_MEMBERS]; /* Of a named member, in the state. */
    struct model_proposal proposals[LIMIT_PROPOSALS];
    size_t n_proposals;
    struct model_participant participants[USSS];
    int64_t clock_ms;
    int author;
    int n_reasons[32], n_passed[7], n_lapsed, n_switched;
} w;

static const char *const usss[USSS] = {"uss0", "uss1", "uss2", "uss3", "uss4", "uss5"};

static uint64_t below(uint64_t n)
{
    return rng_below(&w.rng, n);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
}

static unsigned bit(int i)
{
    return 1U << i;
}

static int new_key(void)
{
    must(w.n_keys < KEYS);
    lab_author_of(w.n_keys, w.ids[w.n_keys]);
    return w.n_keys++;
}

/* --- the model -------------------------------------------------------------------------------- */

static bool is_open(void)
{
    return __builtin_popcount(w.counted | (w.rules >= 2 ? w.awaited : 0)) <= 1;
}

static enum overlay overlay_of(const struct model_participant *p)
{
    if (!p->is_there || p->speakers & ~w.expelled & ~w.suspended) return OVERLAY_NONE;
    return p->speakers & ~w.expelled ? OVERLAY_SUSPENDED : OVERLAY_EXPELLED;
}

static bool is_possible(const struct model_proposal *p)
{
    switch (p->act) {
    case PROPOSE_ADMIT: return !(w.named & bit(p->subject)) && !w.keys[p->key].is_there;
    case PROPOSE_EXPEL:
    case PROPOSE_PRIORITY: return !(w.expelled & bit(p->subject));
    case PROPOSE_EQUALS: return true;
    case PROPOSE_ROOT: return !(w.expelled & bit(p->subject)) && !w.keys[p->key].is_there;
    case PROPOSE_PARTICIPANT: return !(p->speakers & w.expelled) && overlay_of(&w.participants[p->uss]) != OVERLAY_EXPELLED;
    }
    return false;
}

static bool is_carried(const struct model_proposal *p)
{
    unsigned subject = p->act == PROPOSE_EXPEL || p->act == PROPOSE_ROOT ? bit(p->subject) : 0;
    unsigned for_it = p->approvals & w.counted & ~(p->act == PROPOSE_EXPEL ? subject : 0);

    unsigned awaited = w.rules >= 2 ? w.awaited : 0;

    subject = p->act == PROPOSE_PRIORITY ? bit(p->subject) : subject;
    if (w.counted & ~w.suspended & ~subject & ~p->approvals) return false;
    if (p->act != PROPOSE_EXPEL && awaited & ~subject) return false;
    if (2 * __builtin_popcount(for_it) <= __builtin_popcount(w.counted | awaited)) return false;
    return p->act != PROPOSE_EXPEL || __builtin_popcount(for_it) >= 2;
}

static void carry_out(const struct model_proposal *p)
{
    struct model_participant *uss = &w.participants[p->uss];

    w.n_passed[p->act]++;
    switch (p->act) {
    case PROPOSE_ADMIT:
        w.places[p->subject] = __builtin_popcount(w.named);
        w.named |= bit(p->subject);
        break;
    case PROPOSE_EXPEL:
        w.expelled |= bit(p->subject);
        w.awaited &= ~bit(p->subject);
        w.counted &= ~bit(p->subject);
        for (int i = 0; i < KEYS; i++) w.keys[i].is_ended |= w.keys[i].is_there && w.keys[i].member == p->subject;
        return;
    case PROPOSE_ROOT: w.keys[w.roots[p->subject]].is_ended = true; break;
    case PROPOSE_PARTICIPANT:
        uss->is_there = true;
        uss->speakers = p->speakers;
        uss->rights = p->rights;
        return;
    case PROPOSE_PRIORITY:
        w.low[p->subject] = p->low;
        w.high[p->subject] = p->high;
        return;
    case PROPOSE_EQUALS: return;
    }
    w.keys[p->key] = (struct model_key){.is_there = true, .is_root = true, .member = p->subject, .last_ms = -1};
    w.roots[p->subject] = p->key;
}

static void drop(size_t i)
{
    w.n_proposals--;
    for (; i < w.n_proposals; i++) w.proposals[i] = w.proposals[i + 1];
}

static void settle(void)
{
    for (size_t i = 0; i < w.n_proposals;) {
        struct model_proposal p = w.proposals[i];
        if (is_possible(&p) && !is_carried(&p)) {
            i++;
            continue;
        }
        drop(i);
        if (!is_possible(&p)) continue;
        carry_out(&p);
        i = 0;
    }
}

/* Latest entry of any key the member ever had. */
static int64_t last_of(int member)
{
    int64_t last = -1;
    for (int i = 0; i < KEYS; i++)
        if (w.keys[i].is_there && w.keys[i].member == member && w.keys[i].last_ms > last) last = w.keys[i].last_ms;
    return last;
}

static bool is_silent(int member)
{
    int64_t times[LAB_MEMBERS];
    int n = 0;
    for (int m = 0; m < LAB_MEMBERS; m++) {
        if (m == member || !(w.counted & ~w.suspended & bit(m))) continue;
        int at = n++;
        for (; at > 0 && times[at - 1] > last_of(m); at--) times[at] = times[at - 1];
        times[at] = last_of(m);
    }
    return n && times[(n - 1) / 2] - last_of(member) > 7 * DAY_MS;
}

static void end_announcement(void)
{
    unsigned least = 99;
    for (int i = 0; i < KEYS; i++) {
        const struct model_key *k = &w.keys[i];
        if (!k->is_there || k->is_root || k->is_ended || !(w.counted & ~w.suspended & bit(k->member))) continue;
        if (k->rules < least && !is_silent(k->member)) least = k->rules;
    }
    if (least == 99 || least <= w.rules) return;
    w.rules = least;
    w.n_switched++;
}

static void end_entry(int64_t now_ms)
{
    int64_t times[LAB_MEMBERS], latest[LAB_MEMBERS];
    int n = 0;

    w.keys[w.author].last_ms = now_ms;
    for (int m = 0; m < LAB_MEMBERS; m++) {
        latest[m] = -1;
        for (int i = 0; i < KEYS; i++) {
            const struct model_key *k = &w.keys[i];
            if (k->is_there && !k->is_root && !k->is_ended && k->member == m && k->last_ms > latest[m]) latest[m] = k->last_ms;
        }
        if (latest[m] < 0 || !(w.counted & ~w.suspended & bit(m))) continue;
        int at = n++;
        for (; at > 0 && times[at - 1] > latest[m]; at--) times[at] = times[at - 1];
        times[at] = latest[m];
    }
    if (n && times[(n - 1) / 2] > w.clock_ms) w.clock_ms = times[(n - 1) / 2];
    for (size_t i = w.n_proposals; i > 0; i--)
        if (w.clock_ms - w.proposals[i - 1].opened_ms > 7 * DAY_MS) {
            drop(i - 1);
            w.n_lapsed++;
        }
}

/* --- changes, each with what it should come to ------------------------------------------------ */

struct try {
    struct change change;
    struct str participant;
    enum reason want;
    int key, member, uss;
    unsigned speakers;
};

static int random_member(void)
{
    return (int)below(LAB_MEMBERS);
}

static struct model_key *me(void)
{
    return &w.keys[w.author];
}

/* Names for the set, in order; memory of the lab. */
static void name_all(struct change *c, unsigned set)
{
    struct str *names = arena_array(&w.lab.arena, LAB_MEMBERS, sizeof *names);

    for (int i = 0; i < LAB_MEMBERS; i++)
        if (set & bit(i)) names[c->n_names++] = lab_member(i);
    c->names = names;
}

static struct try join(void)
{
    struct try t = {.member = chance(90) ? me()->member : random_member(), .key = chance(90) ? new_key() : (int)below((uint64_t)w.n_keys)};
    int n = 0;

    t.change = lab_join(&w.lab, t.member, t.key);
    for (int i = 0; i < KEYS; i++) n += w.keys[i].is_there && !w.keys[i].is_root && !w.keys[i].is_ended && w.keys[i].member == me()->member;
    if (!me()->is_root) t.want = REASON_AUTHOR;
    else if (t.member != me()->member || w.keys[t.key].is_there || n == 8) t.want = REASON_JOIN;
    return t;
}

static struct try node_end(void)
{
    struct try t = {.key = (int)below((uint64_t)w.n_keys), .change = {.kind = CHANGE_NODE_END}};
    const struct model_key *k = &w.keys[t.key];

    memcpy(t.change.node, w.ids[t.key], 8);
    if (!me()->is_root || !(w.counted & bit(me()->member))) t.want = REASON_AUTHOR;
    else if (!k->is_there || k->is_root || k->is_ended || k->member != me()->member) t.want = REASON_MEMBERS;
    return t;
}

static struct try propose(void)
{
    struct try t = {.member = random_member(), .uss = (int)below(USSS), .speakers = 1 + (unsigned)below(63)};
    struct change *c = &t.change;
    struct key_public key;

    c->kind = CHANGE_PROPOSE;
    c->act = (enum proposal_act)(1 + below(6));
    c->text = STR("text");
    c->priority_low = -(int)below(2);
    c->priority_high = (int)below(4);
    if (c->act == PROPOSE_PARTICIPANT) {
        c->uss = str_of(usss[t.uss]);
        c->rights = below(4);
        name_all(c, t.speakers);
    } else if (c->act != PROPOSE_EQUALS) {
        c->member = lab_member(t.member);
        t.key = chance(90) ? new_key() : (int)below((uint64_t)w.n_keys);
        key = lab_key(t.key);
        if (c->act == PROPOSE_ADMIT || c->act == PROPOSE_ROOT) memcpy(c->root_key, key.b, 32);
    }
    struct model_proposal p = {.act = c->act, .subject = t.member, .key = t.key, .uss = t.uss, .speakers = t.speakers};
    bool is_of_member = c->act == PROPOSE_EXPEL || c->act == PROPOSE_ROOT || c->act == PROPOSE_PRIORITY;
    if (w.rules < 2 && c->act >= PROPOSE_PRIORITY) t.want = REASON_MALFORMED;
    else if (!(w.counted & bit(me()->member))) t.want = REASON_AUTHOR;
    else if (is_of_member && !(w.named & bit(t.member))) t.want = REASON_MEMBERS;
    else if (c->act == PROPOSE_PARTICIPANT && t.speakers & ~(w.named & ~w.expelled)) t.want = REASON_MEMBERS;
    else if (!is_possible(&p)) t.want = REASON_MEMBERS;
    else if (w.n_proposals == LIMIT_PROPOSALS) t.want = REASON_PROPOSAL;
    return t;
}

static struct try announce(void)
{
    struct try t = {.change = {.kind = CHANGE_RULES, .rules = chance(70) ? 2 : 1}};

    if (me()->is_root || !(w.counted & bit(me()->member))) t.want = REASON_AUTHOR;
    else if (t.change.rules < w.rules) t.want = REASON_MEMBERS;
    return t;
}

static struct try approve(void)
{
    struct try t = {.change = {.kind = CHANGE_APPROVE}, .want = REASON_PROPOSAL};
    size_t i = (size_t)below(w.n_proposals + 1);

    if (i < w.n_proposals) {
        t.change.proposal = w.proposals[i].hash;
        if (!(w.proposals[i].approvals & bit(me()->member))) t.want = REASON_ACCEPTED;
    }
    if (!(w.counted & bit(me()->member))) t.want = REASON_AUTHOR;
    return t;
}

static struct try suspend(void)
{
    struct try t = {.member = chance(90) ? me()->member : random_member()};
    bool is_suspended = w.suspended & bit(me()->member), ends = is_suspended ? chance(80) : chance(10);

    t.change = (struct change){.kind = ends ? CHANGE_RESUME : CHANGE_SUSPEND, .member = lab_member(t.member), .text = STR("why")};
    if (!(w.counted & bit(me()->member))) t.want = REASON_AUTHOR;
    else if (t.member != me()->member || ends != is_suspended) t.want = REASON_MEMBERS;
    return t;
}

static struct try put_participant(void)
{
    struct try t = {.uss = (int)below(USSS), .speakers = (1 + (unsigned)below(63)) | (chance(80) ? bit(me()->member) : 0),
                    .change = {.kind = CHANGE_PARTICIPANT}};
    const struct model_participant *p = &w.participants[t.uss];

    if (chance(70)) t.speakers &= w.named & ~w.expelled;
    if (t.speakers == 0) t.speakers = 1;
    t.change.uss = str_of(usss[t.uss]);
    t.change.rights = chance(80) ? p->rights : below(4);
    name_all(&t.change, t.speakers);
    if (!(w.counted & bit(me()->member))) t.want = REASON_AUTHOR;
    else if (w.suspended & bit(me()->member)) t.want = REASON_SUSPENDED;
    else if (t.speakers & ~(w.named & ~w.expelled) || overlay_of(p) == OVERLAY_EXPELLED) t.want = REASON_MEMBERS;
    else if (is_open()) t.want = REASON_ACCEPTED;
    else if (!((p->is_there ? p->speakers : t.speakers) & bit(me()->member))) t.want = REASON_SPEAKER;
    else if (t.change.rights & ~p->rights) t.want = REASON_RIGHT;
    return t;
}

/* Whether the author may write for the USS at all, by a right if need is not 0. */
static enum reason may_write(int uss, unsigned need)
{
    const struct model_participant *p = &w.participants[uss];

    if (me()->is_root) return REASON_AUTHOR;
    if (is_open()) return REASON_ACCEPTED;
    if (!p->is_there || !(p->speakers & bit(me()->member))) return REASON_SPEAKER;
    return need & ~p->rights ? REASON_RIGHT : REASON_ACCEPTED;
}

static struct try put_availability(void)
{
    struct try t = {.uss = (int)below(USSS)};
    int by = chance(60) ? t.uss : (int)below(USSS);
    const struct model_participant *p = &w.participants[t.uss];
    bool is_current = chance(90);

    t.change = lab_availability(&w.lab, str_of(usss[t.uss]), (enum uss_availability)below(3));
    t.change.has_base = p->has_version;
    t.change.base = is_current ? p->version : p->version + 1;
    t.participant = str_of(usss[by]);
    t.want = may_write(by, by == t.uss ? 0 : RIGHT_ARBITRATION);
    if (t.want == REASON_ACCEPTED && p->has_version && !is_current) t.want = REASON_VERSION;
    return t;
}

static struct try put_flight(void)
{
    struct try t = {.uss = (int)below(USSS)};
    bool is_intent = chance(50), is_constraint = !is_intent && chance(50);
    int at_s = (int)((w.lab.now_ms - LAB_START_MS) / 1000); /* Each alone in its place and time: no key is missing. */

    t.participant = str_of(usss[t.uss]);
    if (is_intent) {
        t.change = lab_intent(&w.lab, lab_id(&w.lab), 1, at_s + 2, at_s + 3);
        t.change.vol.box.floor_mm = t.change.vol.box.ceil_mm = (int32_t)w.lab.n_ids * 1000;
        if (chance(30)) t.change.priority = (int)below(6) - 2;
    } else if (is_constraint) {
        t.change = lab_constraint(&w.lab, lab_id(&w.lab), 2, at_s, at_s + 60);
    } else {
        t.change = lab_subscription(&w.lab, lab_id(&w.lab), 4, at_s, at_s + 60);
    }
    t.want = may_write(t.uss, is_constraint ? RIGHT_CONSTRAINTS : 0);
    if (t.want == REASON_ACCEPTED && is_intent && w.suspended & bit(me()->member)) t.want = REASON_SUSPENDED;
    if (t.want == REASON_ACCEPTED && is_intent && w.rules >= 2 && !is_open() &&
        (t.change.priority < w.low[me()->member] || t.change.priority > w.high[me()->member]))
        t.want = REASON_PRIORITY;
    if (w.rules < 2 && t.change.priority) t.want = REASON_MALFORMED;
    return t;
}

static struct try random_try(void)
{
    unsigned dice = (unsigned)below(100);

    if (me()->is_ended) return (struct try){.change = {.kind = CHANGE_TICK}, .want = REASON_AUTHOR};
    if (me()->is_root && !(w.counted & bit(me()->member)) && dice < 60) return join();
    if (dice < 6) return join();
    if (dice < 10) return node_end();
    if (dice < 24) return propose();
    if (dice < 58) return approve();
    if (dice < 66) return suspend();
    if (dice < 76) return put_participant();
    if (dice < 84) return put_availability();
    if (dice < 93) return put_flight();
    if (dice < 97) return announce();
    return (struct try){.change = {.kind = CHANGE_TICK}, .want = me()->is_root ? REASON_AUTHOR : REASON_ACCEPTED};
}

/* What an accepted change does. */
static void write_down(const struct try *t)
{
    struct model_participant *p = &w.participants[t->uss];
    int own = me()->member;

    switch (t->change.kind) {
    case CHANGE_JOIN:
        w.keys[t->key] = (struct model_key){.is_there = true, .member = t->member, .last_ms = -1};
        w.counted |= bit(t->member);
        w.awaited &= ~bit(t->member);
        break;
    case CHANGE_RULES: me()->rules = (unsigned)t->change.rules; break;
    case CHANGE_NODE_END: w.keys[t->key].is_ended = true; break;
    case CHANGE_PROPOSE:
        w.proposals[w.n_proposals++] = (struct model_proposal){.hash = w.lab.entry, .act = t->change.act, .subject = t->member,
                                                               .key = t->key, .uss = t->uss, .speakers = t->speakers,
                                                               .rights = (unsigned)t->change.rights, .opened_ms = w.clock_ms,
                                                               .low = t->change.priority_low, .high = t->change.priority_high};
        break;
    case CHANGE_APPROVE:
        for (size_t i = 0; i < w.n_proposals; i++)
            if (hash_equal(&w.proposals[i].hash, &t->change.proposal)) w.proposals[i].approvals |= bit(own);
        break;
    case CHANGE_SUSPEND: w.suspended |= bit(own); break;
    case CHANGE_RESUME: w.suspended &= ~bit(own); break;
    case CHANGE_PARTICIPANT:
        p->is_there = true;
        p->speakers = t->speakers;
        p->rights = (unsigned)t->change.rights;
        break;
    case CHANGE_AVAILABILITY_PUT: p->stored = t->change.availability; return;
    default: return;
    }
    settle();
}

/* --- comparing -------------------------------------------------------------------------------- */

/* Versions are the state's to choose; each overlay's beginning and end must bring another. */
static bool check_participants(void)
{
    const struct view *v = state_view(w.lab.state);
    bool ok = true;

    for (int i = 0; i < USSS; i++) {
        struct model_participant *p = &w.participants[i];
        struct availability a = view_availability(v, str_of(usss[i]));
        const struct participant *record = view_participant(v, str_of(usss[i]));
        uint64_t version = a.version.n ? hash_digest(a.version) : 0;
        enum overlay overlay = overlay_of(p);

        ok &= CHECK_INT(a.overlay, overlay) && CHECK_INT(a.stored, p->stored);
        ok &= CHECK_INT(a.status, overlay ? USS_DOWN : p->stored);
        if (overlay != p->overlay) ok &= CHECK(version != p->version && a.changed_at == v->position - 1);
        p->overlay = overlay;
        p->version = version;
        p->has_version = a.version.n > 0;
        if (!CHECK((record != NULL) == p->is_there) || !record) continue;
        ok &= CHECK_INT(record->n_members, __builtin_popcount(p->speakers)) && CHECK_INT(record->rights, p->rights);
    }
    return ok;
}

static bool check_all(void)
{
    const struct view *v = state_view(w.lab.state);
    bool ok = CHECK_INT(view_rules(v), w.rules) && CHECK_INT(view_is_open(v), is_open());

    ok &= CHECK_INT(v->clock_ms, w.clock_ms) && CHECK_INT(view_n_proposals(v), w.n_proposals);

    ok &= CHECK_INT(view_n_counted(v), __builtin_popcount(w.counted)) && CHECK_INT(view_n_members(v), __builtin_popcount(w.named));
    for (int i = 0; i < LAB_MEMBERS && ok; i++) {
        const struct member *m = view_member_named(v, lab_member(i));
        if (!CHECK((m != NULL) == (w.named >> i & 1)) || !m) continue;
        ok &= CHECK_INT(m->no, w.places[i]) && CHECK_INT(member_counts(m), w.counted >> i & 1);
        ok &= CHECK_INT(member_is_suspended(m), w.suspended >> i & 1) && CHECK_INT(m->expelled_at != 0, w.expelled >> i & 1);
        ok &= CHECK(memcmp(m->root_id, w.ids[w.roots[i]], 8) == 0);
        ok &= CHECK_INT(m->priority_low, w.low[i]) && CHECK_INT(m->priority_high, w.high[i]);
    }
    for (int i = 0; i < w.n_keys && ok; i++) {
        const struct member *m = view_member_of_author(v, w.ids[i]);
        ok &= CHECK((m != NULL) == (w.keys[i].is_there && !w.keys[i].is_ended));
        if (ok && m) ok &= CHECK_STR(m->name, lab_member(w.keys[i].member));
    }
    for (size_t i = 0; i < w.n_proposals && ok; i++) {
        const struct proposal *p = view_proposal(v, i);
        ok &= CHECK(hash_equal(&p->hash, &w.proposals[i].hash)) && CHECK_INT(p->opened_ms, w.proposals[i].opened_ms);
    }
    state_check(w.lab.state);
    struct hash a = state_digest(v), b = state_digest(state_view(w.twin.state));
    return ok && CHECK(hash_equal(&a, &b));
}

/* --- rounds ----------------------------------------------------------------------------------- */

static bool one_entry(void)
{
    do w.author = (int)below((uint64_t)w.n_keys);
    while (!w.keys[w.author].is_there || (w.keys[w.author].is_ended && !chance(3)) || (w.keys[w.author].is_root && chance(60)));
    w.lab.now_ms += chance(2) ? (int64_t)below(5) * DAY_MS : (int64_t)below(4) * 1000;
    w.twin.now_ms = w.lab.now_ms;

    struct try t = random_try();
    bool was_ended = me()->is_ended;
    enum reason judged = change_judge_by(state_view(w.lab.state), w.ids[w.author], t.participant, &t.change, w.lab.now_ms);
    struct outcome *got = lab_entry_by(&w.lab, w.ids[w.author], t.participant, &t.change, 1);
    lab_entry_by(&w.twin, w.ids[w.author], t.participant, &t.change, 1);
    w.n_reasons[got->reason]++;
    bool ok = CHECK_INT(got->reason, t.want) && CHECK_INT(judged, t.want);
    ok &= CHECK_STR(buf_str(&w.lab.leaf), buf_str(&w.twin.leaf));
    if (t.want == REASON_ACCEPTED) write_down(&t);
    if (!was_ended && t.want != REASON_MALFORMED) end_entry(w.lab.now_ms);
    if (t.want == REASON_ACCEPTED && t.change.kind == CHANGE_RULES) end_announcement();
    return check_participants() && ok;
}

/* Nobody has joined. */
static void begin_early(unsigned rules)
{
    lab_found(&w.lab, 3, rules);
    lab_found(&w.twin, 3, rules);
    w.counted = 0;
    w.awaited = 7;
    w.rules = rules;
    for (int i = 0; i < USSS; i++) w.participants[i].is_there = false;
    for (int i = 0; i < KEYS; i++) {
        w.keys[i].is_there &= w.keys[i].is_root;
        w.keys[i].last_ms = -1;
    }
    w.clock_ms = state_view(w.lab.state)->clock_ms;
}

static void begin(bool is_early, unsigned rules)
{
    w.n_keys = 0;
    w.rules = 1;
    memset(w.low, 0, sizeof w.low);
    memset(w.high, 0, sizeof w.high);
    w.n_proposals = 0;
    memset(w.keys, 0, sizeof w.keys);
    memset(w.participants, 0, sizeof w.participants);
    if (!is_early) {
        lab_init_members(&w.lab, 3, false);
        lab_init_members(&w.twin, 3, false);
        w.clock_ms = state_view(w.lab.state)->clock_ms;
    }
    w.named = w.counted = 7;
    w.expelled = w.suspended = w.awaited = 0;
    (void)new_key();
    for (int i = 0; i < 2 * 3; i++) {
        int key = new_key();
        w.keys[key] = (struct model_key){.is_there = true, .is_root = i % 2 == 0, .member = i / 2, .last_ms = LAB_START_MS};
        if (i % 2 == 0) w.roots[i / 2] = key;
    }
    for (int i = 0; i < 3; i++) {
        w.places[i] = i;
        w.participants[i] = (struct model_participant){.is_there = true, .speakers = bit(i)};
    }
    if (is_early) begin_early(rules);
}

static void members_agree_with_the_model(void)
{
    bool ok = true;

    w.rng = t_rng();
    for (int round = 0; ok && round < t_steps(25); round++) {
        begin(chance(50), 1 + (unsigned)below(2));
        for (int step = 0; ok && step < 250 && w.n_keys < KEYS - 1; step++) {
            ok = one_entry();
            state_publish(w.lab.state);
            if (chance(20)) state_publish(w.twin.state);
            if (ok && step % 8 == 7) ok = check_all();
            if (ok && chance(3)) lab_restore(&w.lab);
            if (!ok) printf("# in round %d at step %d\n", round, step);
        }
        ok = ok && check_all();
        lab_done(&w.lab);
        lab_done(&w.twin);
    }
    printf("# passed: %d admissions, %d expulsions, %d root keys, %d participants, %d bounds, %d equals; %d lapsed; %d switches; by reason:",
           w.n_passed[1], w.n_passed[2], w.n_passed[3], w.n_passed[4], w.n_passed[5], w.n_passed[6], w.n_lapsed, w.n_switched);
    for (int i = 0; i < 32; i++)
        if (w.n_reasons[i]) printf(" %s %d", reason_name((enum reason)i) + 7, w.n_reasons[i]);
    printf("\n");
    for (int act = 1; act <= 6; act++) CHECK(!ok || w.n_passed[act] > 0);
    CHECK(!ok || (w.n_switched > 0 && w.n_reasons[REASON_PRIORITY] > 0));
    CHECK(!ok || w.n_lapsed > 0);
}

int main(void)
{
    RUN(members_agree_with_the_model);
    return t_done();
}
