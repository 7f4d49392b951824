/* test_forgotten.c - the file of what etcd forgot: what is signed in it is checked, and every change of that is found.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/forgotten.h"

#include "base/mem.h"
#include "entry/entry.h"
#include "signers.h"
#include "t.h"

#define N 8

static struct signers s;
static struct note_key keys[2 * SEATS_NODES_MAX];
static size_t n_keys;
static struct key_secret author;
static uint8_t id[8];
static struct buf entries[N];
static struct hash leaves[2 * N], root;
static struct why why;

/* Entry i stands at leaf 2i. */
static void make_entries(void)
{
    static const uint8_t seed[32] = {5};
    struct merkle tree = {0};

    key_secret_init(&author, seed);
    struct hash h = hash_of(str_make(author.public.b, sizeof author.public.b));
    memcpy(id, h.b, sizeof id);
    for (unsigned i = 0; i < N; i++) {
        struct change tick = {.kind = CHANGE_TICK};
        struct entry e = {.slot = i, .time_ms = INT64_C(1800000000000), .changes = &tick, .n_changes = 1};
        memcpy(e.author, id, sizeof id);
        entry_encode(&e, s.seats.origin, &author, &entries[i]);
        leaves[2 * i] = hash_leaf(buf_str(&entries[i]));
        leaves[2 * i + 1] = hash_leaf(STR("outcome"));
        merkle_add(&tree, &leaves[2 * i]);
        merkle_add(&tree, &leaves[2 * i + 1]);
    }
    root = merkle_root(&tree);
}

static enum err read_leaves(void *context, unsigned level, uint64_t n, unsigned width, struct hash ret[TILE_WIDTH], struct why *ret_why)
{
    (void)context;
    (void)ret_why;
    must(level == 0 && n == 0 && width <= 2 * N);
    memcpy(ret, leaves, width * sizeof *ret);
    return OK;
}

/* Slots 5 to 7 are lost; with_paths: the checkpoint has them. */
static void make_file(struct buf *to, bool with_paths, bool with_note)
{
    struct recall *r = mem_zalloc(sizeof *r);
    struct forgotten f = {.time_us = INT64_C(1800000000000000), .recall = r};
    struct tile_reader from = {read_leaves, NULL};
    AUTO(buf_done) struct buf note = {0};

    r->was = (struct etcd_header){52, 1, 2, 3};
    r->is = (struct etcd_header){40, 1, 2, 4};
    (void)snprintf(r->endpoint, sizeof r->endpoint, "http://etcd.example:2379");
    memcpy(r->lost[0].author, id, sizeof id);
    r->lost[0].from = 5;
    r->lost[0].to = 8;
    r->n_lost = 1;
    forgotten_begin(to, &f);
    for (uint64_t i = 8; i-- > 5;) {
        struct merkle_proof path;
        must(merkle_prove_inclusion(2 * i, 2 * N, &from, &path, &why) == OK);
        forgotten_add_entry(to, 2 * i, buf_str(&entries[i]), with_paths ? &path : NULL);
    }
    if (with_note) signers_sign(&s, 1, 2 * N, &root, 100, &note);
    forgotten_end(to, buf_str(&note));
    mem_free(r);
}

static void what_is_signed_in_it_is_checked(void)
{
    AUTO(buf_done) struct buf file = {0};
    struct forgotten_verdict v;

    make_file(&file, true, true);
    CHECK_INT(forgotten_verify(buf_str(&file), keys, n_keys, &v, &why), OK);
    CHECK_INT(v.n_lost, 1);
    CHECK_INT(v.n_entries, 3);
    CHECK_INT(v.n_proved, 3);
    CHECK_INT(v.head.size, 2 * N);
    CHECK_INT(forgotten_verify(buf_str(&file), keys, 2, &v, &why), ERR_INPUT); /* Signed by nobody who is known. */
}

static void without_a_checkpoint_it_proves_less(void)
{
    AUTO(buf_done) struct buf file = {0};
    struct forgotten_verdict v;

    make_file(&file, false, false);
    CHECK_INT(forgotten_verify(buf_str(&file), keys, n_keys, &v, &why), OK);
    CHECK_INT(v.n_entries, 3);
    CHECK_INT(v.n_proved, 0);
    CHECK_INT(v.head.size, 0);
    buf_clear(&file);
    make_file(&file, true, false);
    CHECK_INT(forgotten_verify(buf_str(&file), keys, n_keys, &v, &why), ERR_INPUT); /* Paths to nothing. */
}

/* From the empty line on all bytes up to the signature lines are signed, or hashed, or form. */
static void no_byte_of_entries_paths_and_checkpoint_can_be_another(void)
{
    AUTO(buf_done) struct buf file = {0};
    struct forgotten_verdict v;

    make_file(&file, true, true);
    const char *body = memmem(file.at, file.n, "\n\nentry", 7);
    const char *lines = memmem(file.at, file.n, "\n\n\xe2\x80\x94 ", 6); /* One of two may be spoiled. */
    must(body != NULL && lines != NULL);
    for (size_t i = (size_t)(body - file.at) + 2; i < (size_t)(lines - file.at); i++) {
        file.at[i] ^= 1;
        if (!CHECK_INT(forgotten_verify(buf_str(&file), keys, n_keys, &v, &why), ERR_INPUT)) printf("# byte %zu\n", i);
        file.at[i] ^= 1;
    }
    for (size_t n = 0; n < file.n; n++)
        if (!CHECK_INT(forgotten_verify(str_first(buf_str(&file), n), keys, n_keys, &v, &why), ERR_INPUT)) break;
}

static void entries_of_other_slots_do_not_belong_in_it(void)
{
    AUTO(buf_done) struct buf file = {0};
    struct forgotten_verdict v;

    make_file(&file, true, true);
    char *lost = memmem(file.at, file.n, " 5 8\n", 5);
    must(lost != NULL);
    lost[1] = '6';
    CHECK_INT(forgotten_verify(buf_str(&file), keys, n_keys, &v, &why), ERR_INPUT);
    CHECK(strstr(why.text, "no entry of a lost slot") != NULL);
}

static void it_says_what_is_unsigned(void)
{
    AUTO(buf_done) struct buf file = {0};
    struct forgotten_verdict v;

    make_file(&file, true, true);
    CHECK(memmem(file.at, file.n, "\nunsigned etcd signs nothing", 28) != NULL);
    file.at[40] ^= 1;
    CHECK_INT(forgotten_verify(buf_str(&file), keys, n_keys, &v, &why), ERR_INPUT);
}

int main(void)
{
    signers_init(&s, 3, 3);
    n_keys = signers_keys(&s, keys);
    make_entries();
    RUN(what_is_signed_in_it_is_checked);
    RUN(without_a_checkpoint_it_proves_less);
    RUN(no_byte_of_entries_paths_and_checkpoint_can_be_another);
    RUN(entries_of_other_slots_do_not_belong_in_it);
    RUN(it_says_what_is_unsigned);
    for (unsigned i = 0; i < N; i++) buf_done(&entries[i]);
    key_secret_done(&author);
    signers_done(&s);
    return t_done();
}
