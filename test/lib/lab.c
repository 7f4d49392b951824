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

/* An entry by author; its bytes are a counter. */
static struct outcome *apply(struct lab *lab, const uint8_t author[8], uint64_t slot,
                             struct hash previous, struct str participant, struct change *changes,
                             size_t n, struct hash *ret_hash)
{
    char text[64];
    struct outcome *outcomes;
    struct entry e = {.slot = slot,
                      .previous = previous,
                      .time_ms = lab->now_ms,
                      .participant = participant,
                      .changes = changes,
                      .n_changes = n};

    memcpy(e.author, author, 8);
    int length = snprintf(text, sizeof text, "entry %" PRIu64, lab->n_entries++);
    struct str bytes = {text, (size_t)length};
    buf_clear(&lab->leaf);
    state_apply(lab->state, &e, bytes, &lab->arena, &outcomes, &lab->leaf);
    *ret_hash = hash_of(bytes);
    return outcomes;
}

void lab_init_with(struct lab *lab, bool needs_412_for_down)
{
    AUTO(buf_done) struct buf genesis = {0};
    uint8_t seed[32] = {1};
    struct key_secret root, entry;
    struct hash hash;

    *lab = (struct lab){.now_ms = LAB_START_MS};
    key_secret_init(&root, seed);
    seed[0] = 2;
    key_secret_init(&entry, seed);
    struct genesis_member member = {STR("member"), root.public};
    genesis_encode(&(struct genesis){.origin = STR("test.example/line"),
                                     .rules = 1,
                                     .members = &member,
                                     .n_members = 1,
                                     .needs_412_for_down = needs_412_for_down,
                                     .created_ms = LAB_START_MS - 1000},
                   &genesis);
    CHECK_INT(state_new(buf_str(&genesis), &lab->state, NULL), OK);
    author_of(&root.public, lab->root);
    author_of(&entry.public, lab->node);

    struct change join = {.kind = CHANGE_JOIN, .member = STR("member"), .digest = hash_of(buf_str(&genesis))};
    memcpy(join.entry_key, entry.public.b, 32);
    struct outcome *o = apply(lab, lab->root, 0, (struct hash){0}, (struct str){0}, &join, 1, &hash);
    CHECK_INT(o->reason, REASON_ACCEPTED);
    state_publish(lab->state);
    key_secret_done(&root);
    key_secret_done(&entry);
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
    struct hash hash;
    struct outcome *o =
        apply(lab, lab->node, lab->slot, lab->previous, participant, changes, n, &hash);

    lab->slot++;
    lab->previous = hash;
    return o;
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
