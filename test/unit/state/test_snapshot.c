/* test_snapshot.c - genesis, members' clock, snapshots and what damage does to them.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/snapshot.h"

#include "lab.h"
#include "state/crc32c.h"
#include "state/genesis.h"
#include "state/member.h"
#include "t.h"

static const struct str uss1 = {"uss1", 4}, uss2 = {"uss2", 4};
static struct lab lab;

/* --- genesis ---------------------------------------------------------------------------------- */

static struct key_secret key_of(uint8_t n)
{
    uint8_t seed[32] = {n};
    struct key_secret k;

    key_secret_init(&k, seed);
    return k;
}

/* A network of n members m0, m1, ...; their roots are keys 1, 2, ... */
static void network_of(size_t n, struct buf *ret)
{
    static const char *const names[] = {"m0", "m1", "m2", "m3", "m4"};
    struct genesis_member members[5];

    for (size_t i = 0; i < n; i++) {
        struct key_secret root = key_of((uint8_t)(i + 1));
        members[i] = (struct genesis_member){str_of(names[i]), root.public};
        key_secret_done(&root);
    }
    genesis_encode(&(struct genesis){.origin = STR("test.example/line"), .rules = 1, .members = members, .n_members = n,
                                     .entries_public = true, .created_ms = -5},
                   ret);
}

static void genesis_comes_back_as_it_was(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(arena_done) struct arena arena = {0};
    struct genesis g;

    network_of(3, &bytes);
    CHECK_INT(genesis_decode(buf_str(&bytes), &arena, &g, NULL), OK);
    CHECK_STR(g.origin, STR("test.example/line"));
    CHECK_INT(g.n_members, 3);
    CHECK_STR(g.members[2].name, STR("m2"));
    CHECK(g.entries_public && !g.needs_412_for_down && g.created_ms == -5 && g.rules == 1);
}

static void genesis_that_is_cut_or_longer_is_refused(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct state *s = NULL;
    struct why why;

    network_of(2, &bytes);
    for (size_t n = 0; n < bytes.n; n++)
        if (!CHECK_INT(state_new(str_first(buf_str(&bytes), n), &s, &why), ERR_CORRUPT)) break;
    buf_add_char(&bytes, 0);
    CHECK_INT(state_new(buf_str(&bytes), &s, &why), ERR_CORRUPT);
    CHECK(s == NULL);
}

static void genesis_of_other_formats_and_rules_is_refused(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct state *s = NULL;
    struct why why;

    network_of(1, &bytes);
    CHECK_INT(bytes.at[2], 1); /* Map head, key 1, format. */
    bytes.at[2] = 2;
    CHECK_INT(state_new(buf_str(&bytes), &s, &why), ERR_CORRUPT);
    CHECK(strstr(why.text, "format") != NULL);
    bytes.at[2] = 1;
    size_t rules = 2 + 1 + 1 + 1 + 17 + 1;
    CHECK_INT(bytes.at[rules], 1);
    bytes.at[rules] = RULES_NEWEST + 1;
    CHECK_INT(state_new(buf_str(&bytes), &s, &why), ERR_CORRUPT);
    CHECK(strstr(why.text, "rules") != NULL);
}

/* --- several members -------------------------------------------------------------------------- */

static struct outcome root_join(struct state *s, struct arena *arena, struct str genesis, uint8_t member, int64_t time_ms)
{
    struct key_secret root = key_of((uint8_t)(member + 1)), node = key_of((uint8_t)(member + 101));
    char name[3] = {'m', (char)('0' + member), 0};
    AUTO(buf_done) struct buf leaf = {0};
    struct change c = {.kind = CHANGE_JOIN, .member = arena_dup(arena, str_of(name)), .digest = hash_of(genesis)};
    struct entry e = {.time_ms = time_ms, .changes = &c, .n_changes = 1};
    struct hash id = hash_of(str_make(root.public.b, 32));
    struct outcome *o;

    memcpy(e.author, id.b, 8);
    memcpy(c.entry_key, node.public.b, 32);
    c.has_http_key = member % 2;
    if (c.has_http_key) memset(c.http_key, 0x30 + member, sizeof c.http_key);
    must(state_apply(s, &e, str_of(name), arena, &o, &leaf) == OK);
    key_secret_done(&root);
    key_secret_done(&node);
    return *o;
}

/* Odd members' nodes have an HTTP key. */
static void check_http_key(const struct state *s, uint8_t member)
{
    struct key_secret node = key_of((uint8_t)(member + 101));
    struct hash id = hash_of(str_make(node.public.b, 32));
    struct member_node is = {0};
    uint8_t wanted[32] = {0};

    if (member % 2) memset(wanted, 0x30 + member, sizeof wanted);
    CHECK(view_node(state_view(s), id.b, &is));
    CHECK_INT(is.has_http_key, member % 2);
    CHECK(memcmp(is.http_key, wanted, sizeof wanted) == 0);
    key_secret_done(&node);
}

static void node_tick(struct state *s, struct arena *arena, uint8_t member, uint64_t slot, int64_t time_ms)
{
    struct key_secret node = key_of((uint8_t)(member + 101));
    struct hash id = hash_of(str_make(node.public.b, 32));
    AUTO(buf_done) struct buf leaf = {0};
    struct change c = {.kind = CHANGE_TICK};
    struct entry e = {.time_ms = time_ms, .changes = &c, .n_changes = 1};
    struct outcome *o;
    int64_t last;

    memcpy(e.author, id.b, 8);
    CHECK(state_author_next(state_view(s), e.author, &e.slot, &e.previous, &last));
    CHECK_INT(e.slot, slot);
    must(state_apply(s, &e, STR("tick"), arena, &o, &leaf) == OK);
    CHECK_INT(o->reason, REASON_ACCEPTED);
    key_secret_done(&node);
}

static enum err add_to_buf(void *context, struct str piece, struct why *why)
{
    (void)why;
    buf_add_str(context, piece);
    return OK;
}

static struct state *through_snapshot(struct state *s)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct state *restored = NULL;

    CHECK_INT(snapshot_write(state_view(s), add_to_buf, &bytes, NULL), OK);
    CHECK_INT(snapshot_read(buf_str(&bytes), &restored, NULL), OK);
    state_free(s);
    return restored;
}

static void the_clock_is_the_lower_median_of_members_with_entries(void)
{
    AUTO(buf_done) struct buf genesis = {0};
    AUTO(arena_done) struct arena arena = {0};
    struct state *s = NULL;

    network_of(5, &genesis);
    CHECK_INT(state_new(buf_str(&genesis), &s, NULL), OK);
    CHECK_INT(state_view(s)->clock_ms, -5); /* When it was founded. */
    for (uint8_t i = 0; i < 4; i++) CHECK_INT(root_join(s, &arena, buf_str(&genesis), i, 50).reason, REASON_ACCEPTED);
    CHECK_INT(state_view(s)->clock_ms, -5); /* A root's entries do not count. */
    node_tick(s, &arena, 0, 0, 1000);
    CHECK_INT(state_view(s)->clock_ms, 1000);
    node_tick(s, &arena, 1, 0, 9000);
    CHECK_INT(state_view(s)->clock_ms, 1000); /* Lower of 1000, 9000. */
    node_tick(s, &arena, 2, 0, 500);
    CHECK_INT(state_view(s)->clock_ms, 1000); /* Of 500, 1000, 9000. */
    s = through_snapshot(s);
    for (uint8_t i = 0; i < 4; i++) check_http_key(s, i);
    node_tick(s, &arena, 2, 1, 8000);
    CHECK_INT(state_view(s)->clock_ms, 8000); /* Of 1000, 8000, 9000. */
    node_tick(s, &arena, 3, 0, 100);
    CHECK_INT(state_view(s)->clock_ms, 8000); /* 1000 would be the median of four: never back. */
    CHECK_INT(state_view(s)->last_time_ms, 9000);
    CHECK_INT(root_join(s, &arena, buf_str(&genesis), 3, 100).reason, REASON_SLOT); /* The same entry again. */
    state_check(s);
    state_free(s);
}

/* --- snapshots -------------------------------------------------------------------------------- */

static void fill(void)
{
    struct id sub = lab_id(&lab);

    for (int i = 0; i < 40; i++) {
        struct change c = lab_intent(&lab, lab_id(&lab), UINT64_C(1) << i, i, 60 + i);
        c.attach = i % 3 == 0 ? ATTACH_NONE : i % 3 == 1 ? ATTACH_NEW : ATTACH_EXISTING;
        c.attach_id = i % 3 == 1 ? (sub = lab_id(&lab)) : sub;
        c.attach_url = STR("https://uss.example/n");
        if (i % 5 == 0) c.suffix = STR("0191dc07-2f57-79fd-b021-80456ceb627f");
        CHECK_INT(lab_apply(&lab, i % 6 < 3 ? uss1 : uss2, c).reason, REASON_ACCEPTED);
        lab_apply(&lab, uss1, lab_constraint(&lab, lab_id(&lab), UINT64_C(3) << i, 0, 100));
        lab_apply(&lab, uss2, lab_subscription(&lab, lab_id(&lab), UINT64_C(7) << i, 0, 100));
    }
    lab_apply(&lab, uss1, lab_availability(&lab, uss2, USS_DOWN));
    lab_apply(&lab, uss1, lab_availability(&lab, STR("another"), USS_NORMAL));
}

static void snapshot(struct buf *ret)
{
    buf_clear(ret);
    CHECK_INT(snapshot_write(state_view(lab.state), add_to_buf, ret, NULL), OK);
}

static void equal_states_have_equal_bytes_whatever_their_history(void)
{
    struct hash before, after;

    fill();
    before = state_digest(state_view(lab.state));
    struct id id = lab_id(&lab);
    lab_apply(&lab, uss1, lab_subscription(&lab, id, 1, 0, 60));
    after = state_digest(state_view(lab.state));
    CHECK(!hash_equal(&before, &after));
    lab_restore(&lab); /* Checks the digest; numbers are others now. */
    struct hash again = state_digest(state_view(lab.state));
    CHECK(hash_equal(&after, &again));
}

static void a_snapshot_is_of_the_pinned_view(void)
{
    AUTO(buf_done) struct buf then = {0}, later = {0};
    struct state_pin pin;

    fill();
    snapshot(&then);
    const struct view *v = state_read(lab.state, &pin);
    lab_apply(&lab, uss1, lab_subscription(&lab, lab_id(&lab), 1, 0, 60));
    lab_apply(&lab, uss2, lab_availability(&lab, uss1, USS_DOWN));
    CHECK_INT(snapshot_write(v, add_to_buf, &later, NULL), OK);
    state_done_reading(&pin);
    CHECK_STR(buf_str(&later), buf_str(&then));
}

static void every_damaged_byte_and_every_cut_is_found(void)
{
    AUTO(buf_done) struct buf bytes = {0};
    struct state *s = NULL;
    struct why why = {0};

    fill();
    snapshot(&bytes);
    for (size_t i = 0; i < bytes.n; i += 1 + i / 50) {
        bytes.at[i] ^= 0x10;
        if (!CHECK_INT(snapshot_read(buf_str(&bytes), &s, &why), ERR_CORRUPT)) break;
        CHECK(str_starts(str_of(why.text), STR("snapshot, byte ")));
        bytes.at[i] ^= 0x10;
        if (!CHECK_INT(snapshot_read(str_first(buf_str(&bytes), i), &s, &why), ERR_CORRUPT)) break;
    }
    CHECK(s == NULL);
    buf_add_char(&bytes, 1);
    CHECK_INT(snapshot_read(buf_str(&bytes), &s, &why), ERR_CORRUPT);
}

static enum err refuse(void *context, struct str piece, struct why *why)
{
    int *calls = context;

    (void)piece;
    ++*calls;
    return fail(why, ERR_DISK, "full");
}

static void writing_ends_with_the_first_failure(void)
{
    struct why why = {0};
    int calls = 0;

    for (int i = 0; i < 400; i++) lab_apply(&lab, uss1, lab_constraint(&lab, lab_id(&lab), UINT64_MAX / 3, 0, 100));
    CHECK_INT(snapshot_write(state_view(lab.state), refuse, &calls, &why), ERR_DISK);
    CHECK_INT(calls, 1);
    CHECK_STR(str_of(why.text), STR("full"));
}

static void crc32c_has_its_published_values(void)
{
    struct crc32c crc;
    char zeros[32] = {0};

    crc32c_init(&crc);
    CHECK_INT(crc32c_of(&crc, STR("123456789")), 0xE3069283);
    CHECK_INT(crc32c_of(&crc, (struct str){zeros, 32}), 0x8A9136AA); /* RFC 3720 B.4 */
    CHECK_INT(crc32c_of(&crc, STR("")), 0);
}

int main(void)
{
    RUN(genesis_comes_back_as_it_was);
    RUN(genesis_that_is_cut_or_longer_is_refused);
    RUN(genesis_of_other_formats_and_rules_is_refused);
    RUN(the_clock_is_the_lower_median_of_members_with_entries);
    LAB_RUN(equal_states_have_equal_bytes_whatever_their_history);
    LAB_RUN(a_snapshot_is_of_the_pinned_view);
    LAB_RUN(every_damaged_byte_and_every_cut_is_found);
    LAB_RUN(writing_ends_with_the_first_failure);
    RUN(crc32c_has_its_published_values);
    return t_done();
}
