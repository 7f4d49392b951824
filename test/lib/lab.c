/* lab.c - making a small network, entries and changes for tests.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "lab.h"

#include "cell/id.h"
#include "cell/set.h"
#include "proof/key.h"
#include "state/genesis.h"
#include "t.h"

#define PARENT (UINT64_C(0x5490) << 48 | UINT64_C(1) << 40) /* A level-10 cell. */

static void author_of(const struct key_public *key, uint8_t ret_id[8])
{
    struct hash h = hash_of(str_make(key->b, sizeof key->b));

    memcpy(ret_id, h.b, 8);
}

static void random_bytes(struct lab *lab, uint8_t ret[16])
{
    struct rng rng = {lab->n_ids++ * UINT64_C(0x1234567) + 99};
    uint64_t words[2] = {rng_next(&rng), rng_next(&rng)};

    memcpy(ret, words, 16);
}

struct id lab_id(struct lab *lab)
{
    uint8_t bytes[16];

    random_bytes(lab, bytes);
    return id_make_v4(bytes);
}

struct outcome *lab_entry_by(struct lab *lab, const uint8_t author[8], struct str participant, struct change *changes, size_t n)
{
    char text[64];
    struct outcome *outcomes;
    struct entry e = {.time_ms = lab->now_ms, .participant = participant, .changes = changes, .n_changes = n};
    int64_t last_ms;

    (void)state_author_next(state_view(lab->state), author, &e.slot, &e.previous, &last_ms);
    memcpy(e.author, author, 8);
    int length = snprintf(text, sizeof text, "entry %" PRIu64, lab->n_entries++);
    struct str bytes = {text, (size_t)length};
    buf_clear(&lab->leaf);
    must(state_apply(lab->state, &e, bytes, &lab->arena, &outcomes, &lab->leaf) == OK);
    lab->entry = hash_of(bytes);
    if (memcmp(author, lab->node, 8) == 0) {
        lab->slot = e.slot + 1;
        lab->previous = lab->entry;
    }
    return outcomes;
}

struct outcome lab_by(struct lab *lab, const uint8_t author[8], struct str participant, struct change change)
{
    struct outcome o = *lab_entry_by(lab, author, participant, &change, 1);

    o = outcome_copy(&o, &lab->arena);
    state_publish(lab->state);
    return o;
}

struct key_public lab_key(int n)
{
    uint8_t seed[32] = {(uint8_t)n, (uint8_t)(n >> 8)};
    struct key_secret key;

    key_secret_init(&key, seed);
    struct key_public public = key.public;
    key_secret_done(&key);
    return public;
}

void lab_author_of(int n, uint8_t ret_id[8])
{
    struct key_public key = lab_key(n);

    author_of(&key, ret_id);
}

struct str lab_member(int i)
{
    static const char *const names[LAB_MEMBERS] = {"m0", "m1", "m2", "m3", "m4", "m5"};

    return str_of(names[i]);
}

struct change lab_join(const struct lab *lab, int member, int key)
{
    struct key_public public = lab_key(key);
    struct change join = {.kind = CHANGE_JOIN, .member = lab_member(member), .digest = lab->genesis};

    memcpy(join.entry_key, public.b, 32);
    return join;
}

static void found(struct lab *lab, size_t n, bool needs_412_for_down, unsigned rules)
{
    AUTO(buf_done) struct buf genesis = {0};
    struct genesis_member members[LAB_MEMBERS];

    *lab = (struct lab){.now_ms = LAB_START_MS};
    for (int i = 0; i < LAB_MEMBERS; i++) {
        members[i] = (struct genesis_member){lab_member(i), lab_key(2 * i + 1)};
        lab_author_of(2 * i + 1, lab->roots[i]);
        lab_author_of(2 * i + 2, lab->nodes[i]);
    }
    memcpy(lab->root, lab->roots[0], 8);
    memcpy(lab->node, lab->nodes[0], 8);
    if (n == 1) members[0].name = STR("member");
    genesis_encode(&(struct genesis){.origin = STR("test.example/line"),
                                     .rules = rules,
                                     .members = members,
                                     .n_members = n,
                                     .needs_412_for_down = needs_412_for_down,
                                     .created_ms = LAB_START_MS - 1000},
                   &genesis);
    CHECK_INT(state_new(buf_str(&genesis), &lab->state, NULL), OK);
    lab->genesis = hash_of(buf_str(&genesis));
}

void lab_found(struct lab *lab, size_t n, unsigned rules)
{
    must(n >= 2 && n <= LAB_MEMBERS);
    found(lab, n, false, rules);
}

void lab_init_with(struct lab *lab, bool needs_412_for_down)
{
    found(lab, 1, needs_412_for_down, 1);
    struct change join = lab_join(lab, 0, 2);
    join.member = STR("member");
    CHECK_INT(lab_by(lab, lab->root, (struct str){0}, join).reason, REASON_ACCEPTED);
}

void lab_init_members(struct lab *lab, size_t n, bool needs_412_for_down)
{
    static const char *const usss[LAB_MEMBERS] = {"uss0", "uss1", "uss2", "uss3", "uss4", "uss5"};

    must(n >= 2 && n <= LAB_MEMBERS);
    found(lab, n, needs_412_for_down, 1);
    for (int i = 0; i < (int)n; i++) {
        CHECK_INT(lab_by(lab, lab->roots[i], (struct str){0}, lab_join(lab, i, 2 * i + 2)).reason, REASON_ACCEPTED);
        struct str name = lab_member(i);
        struct change c = {.kind = CHANGE_PARTICIPANT, .uss = str_of(usss[i]), .names = &name, .n_names = 1};
        CHECK_INT(lab_by(lab, lab->nodes[i], (struct str){0}, c).reason, REASON_ACCEPTED);
    }
}

void lab_init(struct lab *lab)
{
    lab_init_with(lab, false);
}

void lab_done(struct lab *lab)
{
    state_free(lab->state);
    arena_done(&lab->arena);
    buf_done(&lab->leaf);
    *lab = (struct lab){0};
}

uint64_t lab_cell(int i)
{
    return PARENT - (UINT64_C(1) << 40) + (UINT64_C(1) << 34) + ((uint64_t)i << 35);
}

uint64_t lab_bitmap(const uint64_t *cells, size_t n)
{
    uint64_t bitmap = 0;

    for (int i = 0; i < 64; i++)
        for (size_t k = 0; k < n; k++)
            if (cell_contains(cells[k], lab_cell(i))) bitmap |= UINT64_C(1) << i;
    return bitmap;
}

struct vol lab_vol(struct lab *lab, uint64_t bitmap, int64_t starts_us, int64_t ends_us,
                   int32_t floor_mm, int32_t ceil_mm)
{
    AUTO(u64_vec_done) struct u64_vec cells = {0};

    for (int i = 0; i < 64; i++)
        if (bitmap >> i & 1) u64_vec_add(&cells, lab_cell(i));
    cell_set_normalise(&cells);
    uint64_t *copy = arena_array(&lab->arena, cells.n, sizeof *copy);
    if (cells.n) memcpy(copy, cells.at, cells.n * sizeof *copy);
    return (struct vol){copy, cells.n, {starts_us, ends_us, floor_mm, ceil_mm}};
}

struct outcome *lab_entry(struct lab *lab, struct str participant, struct change *changes, size_t n)
{
    return lab_entry_by(lab, lab->node, participant, changes, n);
}

struct outcome lab_apply(struct lab *lab, struct str participant, struct change change)
{
    struct outcome o = *lab_entry(lab, participant, &change, 1);

    o = outcome_copy(&o, &lab->arena);
    state_publish(lab->state);
    return o;
}

struct outcome lab_apply_with_key(struct lab *lab, struct str participant, struct change change,
                                  const struct str *key, size_t n_key)
{
    struct key_verdict verdict;

    key_judge(state_view(lab->state), participant, &change, key, n_key, &lab->arena, &verdict);
    return lab_apply(lab, participant, change);
}

static struct change fresh(struct lab *lab, enum change_kind kind, struct id id, uint64_t bitmap,
                           int from_s, int to_s)
{
    struct change c = {.kind = kind, .id = id, .url = STR("https://uss.example/a")};

    random_bytes(lab, c.random);
    c.vol = lab_vol(lab, bitmap, LAB_START_US + from_s * INSTANT_S, LAB_START_US + to_s * INSTANT_S,
                    VOL_FLOOR_NONE, VOL_CEIL_NONE);
    return c;
}

struct change lab_intent(struct lab *lab, struct id id, uint64_t bitmap, int from_s, int to_s)
{
    struct change c = fresh(lab, CHANGE_INTENT_PUT, id, bitmap, from_s, to_s);

    c.vol.box.floor_mm = 0;
    c.vol.box.ceil_mm = 100000;
    c.state = INTENT_ACCEPTED;
    c.has_key = true;
    c.checked_at = state_view(lab->state)->position;
    return c;
}

struct change lab_subscription(struct lab *lab, struct id id, uint64_t bitmap, int from_s, int to_s)
{
    struct change c = fresh(lab, CHANGE_SUBSCRIPTION_PUT, id, bitmap, from_s, to_s);

    c.for_intents = true;
    return c;
}

struct change lab_constraint(struct lab *lab, struct id id, uint64_t bitmap, int from_s, int to_s)
{
    return fresh(lab, CHANGE_CONSTRAINT_PUT, id, bitmap, from_s, to_s);
}

struct change lab_delete(struct lab *lab, enum change_kind kind, struct id id)
{
    return lab_at_current(lab, (struct change){.kind = kind, .id = id});
}

struct change lab_availability(struct lab *lab, struct str uss, enum uss_availability status)
{
    struct change c = {.kind = CHANGE_AVAILABILITY_PUT, .uss = uss, .availability = status};

    random_bytes(lab, c.random);
    return lab_at_current(lab, c);
}

static enum entity_kind kind_of(enum change_kind kind)
{
    return kind == CHANGE_INTENT_PUT || kind == CHANGE_INTENT_DELETE         ? ENTITY_INTENT
           : kind == CHANGE_CONSTRAINT_PUT || kind == CHANGE_CONSTRAINT_DELETE ? ENTITY_CONSTRAINT
                                                                               : ENTITY_SUBSCRIPTION;
}

struct change lab_at_current(struct lab *lab, struct change c)
{
    struct str token = {0};

    if (c.kind == CHANGE_AVAILABILITY_PUT) {
        token = view_availability(state_view(lab->state), c.uss).version;
    } else {
        const struct entity *e = lab_find(lab, kind_of(c.kind), c.id);
        if (e) token = e->token;
    }
    c.has_base = token.n > 0;
    c.base = token.n ? hash_digest(token) : 0;
    return c;
}

const struct entity *lab_find(struct lab *lab, enum entity_kind kind, struct id id)
{
    return view_find(state_view(lab->state), kind, id);
}

struct str lab_token(struct lab *lab, enum entity_kind kind, struct id id)
{
    const struct entity *e = lab_find(lab, kind, id);

    return e ? arena_dup(&lab->arena, e->token) : (struct str){0};
}

static enum err add_to_buf(void *context, struct str piece, struct why *why)
{
    (void)why;
    buf_add_str(context, piece);
    return OK;
}

void lab_restore(struct lab *lab)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct hash before = state_digest(state_view(lab->state));
    struct state *restored = NULL;
    struct why why = {0};

    CHECK_INT(snapshot_write(state_view(lab->state), add_to_buf, &bytes, NULL), OK);
    if (!CHECK_INT(snapshot_read(buf_str(&bytes), &restored, &why), OK)) {
        printf("# %s\n", why.text);
        return;
    }
    struct hash after = state_digest(state_view(restored));
    CHECK(hash_equal(&before, &after));
    state_check(restored);
    state_free(lab->state);
    lab->state = restored;
}

static struct {
    struct lab *lab;
    void (*test)(void);
} running; /* t_run() hands nothing on. */

static void run_on_new_lab(void)
{
    lab_init(running.lab);
    running.test();
    state_check(running.lab->state);
    lab_restore(running.lab);
    lab_done(running.lab);
}

void lab_run(struct lab *lab, void (*test)(void), const char *name)
{
    running.lab = lab;
    running.test = test;
    t_run(run_on_new_lab, name);
}
