/* test_faults.c - tests of a node whose journal, files or starts go wrong: nothing acknowledged is lost, nothing wrong is said.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "home.h"
#include "journal/heads.h"
#include "node/node.h"
#include "t.h"

static struct home home;
static struct why why;

static void write_some(int n)
{
    for (int i = 0; i < n; i++) {
        char uss[16];
        (void)snprintf(uss, sizeof uss, "uss%d", i % 3);
        if (!CHECK(ask_and_wait(home.node, ask_subscription(str_of(uss), i)))) return;
    }
}

static struct node_status status(void)
{
    struct node_status s;
    node_status(home.node, &s);
    return s;
}

static struct gate *start_gated(void)
{
    struct journal *inner;
    struct gate *gate;
    must(journal_open_sqlite(home.dir, &inner, &why) == OK);
    struct node_options options = {.dir = home.dir, .journal = gate_journal(inner, &gate)};
    must(node_start(&options, &home.node, &why) == OK);
    return gate;
}

/* Whether the write whose answer was lost was written or not: the node says neither, and takes no more. */
static void check_unclear(bool is_written)
{
    struct ask *before, *lost, *after;
    struct node_status s;
    struct hash digest, hash;

    home_make(&home);
    struct gate *gate = start_gated();
    write_some(10);
    before = ask_subscription(STR("uss1"), 1);
    ask_send(home.node, before);
    ask_wait(before);
    digest = node_digest(home.node);

    gate_fail_next(gate, is_written);
    ask_send(home.node, lost = ask_subscription(STR("uss1"), 2));
    ask_wait(lost);
    CHECK_INT(lost->p.err, ERR_UNAVAILABLE);
    CHECK(lost->p.is_unclear);
    CHECK_STR(str_of(lost->p.why.text), STR("the answer was lost"));
    hash = lost->p.entry_hash;
    CHECK_INT(node_fate(home.node, &hash), is_written ? NODE_COMMITTED : NODE_OPEN);

    ask_send(home.node, after = ask_subscription(STR("uss1"), 3));
    ask_wait(after);
    CHECK_INT(after->p.err, ERR_UNAVAILABLE);
    CHECK(!after->p.is_unclear); /* Certainly not written. */
    CHECK(after->p.why.text[0]);

    s = status();
    CHECK(!s.takes_writes);
    CHECK_STR(str_of(s.stopped_because.text), STR("the answer was lost"));
    CHECK_INT(s.position, 13);
    struct hash now = node_digest(home.node); /* Reads go on, and show nothing that is unclear. */
    CHECK(hash_equal(&now, &digest));
    CHECK_INT(node_fate(home.node, &before->p.entry_hash), NODE_COMMITTED);
    home_stop(&home);
    CHECK_STR(str_of(home_snapshot(&home)), STR(""));

    CHECK_INT(home_start(&home, &why), OK);
    CHECK_INT(status().position, is_written ? 14 : 13);
    CHECK_INT(node_fate(home.node, &hash), is_written ? NODE_COMMITTED : NODE_ABSENT);
    CHECK_INT(node_fate(home.node, &before->p.entry_hash), NODE_COMMITTED);
    now = node_digest(home.node);
    CHECK(hash_equal(&now, &digest) == !is_written);
    write_some(3);
    ask_free(before);
    ask_free(lost);
    ask_free(after);
    home_remove(&home);
}

static void a_write_that_was_not_written_is_unclear_until_the_restart(void)
{
    check_unclear(false);
}

static void a_write_that_was_written_is_unclear_until_the_restart(void)
{
    check_unclear(true);
}

/* Those of the batch that failed are unclear, those that wait behind it are certainly not written. */
static void all_that_wait_behind_a_failed_batch_are_refused(void)
{
    enum { N = 3000 };
    static struct ask *asks[N + 1];
    int n_unclear = 0;

    home_make(&home);
    struct gate *gate = start_gated();
    gate_shut(gate);
    ask_send(home.node, asks[N] = ask_subscription(STR("uss1"), 0));
    gate_wait_inside(gate);
    for (int i = 0; i < N; i++) ask_send(home.node, asks[i] = ask_subscription(STR("uss2"), i));
    gate_fail_next(gate, false);
    gate_open(gate);
    for (int i = 0; i <= N; i++) {
        ask_wait(asks[i]);
        CHECK_INT(asks[i]->p.err, ERR_UNAVAILABLE);
        n_unclear += asks[i]->p.is_unclear;
        if (asks[i]->p.is_unclear) CHECK_INT(node_fate(home.node, &asks[i]->p.entry_hash), NODE_OPEN);
        ask_free(asks[i]);
    }
    CHECK_INT(n_unclear, 1);
    CHECK_INT(status().position, 2);
    CHECK_INT(status().n_waiting, 0);
    home_remove(&home);
}

/* Killed without a snapshot, with one, with a damaged one: the state is the same. */
static void every_way_to_start_gives_the_same_state(void)
{
    struct home killed = {0};
    struct hash digest, now;
    char path[HOME_PATH * 2];

    home_make(&home);
    must(home_start(&home, &why) == OK);
    write_some(60);
    node_wait_signed(home.node);
    digest = node_digest(home.node);
    home_copy(&home, &killed);
    home_stop(&home);

    CHECK_INT(home_start(&killed, &why), OK);
    now = node_digest(killed.node);
    CHECK(hash_equal(&now, &digest));
    home_remove(&killed);

    CHECK(home_snapshot(&home)[0]);
    CHECK_INT(home_start(&home, &why), OK);
    CHECK_STR(str_of(status().warning.text), STR(""));
    now = node_digest(home.node);
    CHECK(hash_equal(&now, &digest));
    write_some(9);
    digest = node_digest(home.node);
    home_stop(&home);

    (void)snprintf(path, sizeof path, "%s", home_file(&home, home_snapshot(&home)));
    struct str bytes = t_read_file(path);
    ((char *)bytes.at)[bytes.n / 2] ^= 1;
    FILE *file = fopen(path, "wb");
    must(file && fwrite(bytes.at, 1, bytes.n, file) == bytes.n && fclose(file) == 0);
    free((char *)bytes.at);
    CHECK_INT(home_start(&home, &why), OK); /* From the one before. */
    CHECK(strstr(status().warning.text, home.dir) != NULL);
    now = node_digest(home.node);
    CHECK(hash_equal(&now, &digest));
    write_some(3);
    home_remove(&home);
}

/* A folder of n entries, signed and stopped. */
static void make_folder(struct home *h, int n)
{
    home_make(&home);
    must(home_start(&home, &why) == OK);
    write_some(n);
    home_stop(&home);
    *h = home;
}

static void remove_snapshots(struct home *h)
{
    while (home_snapshot(h)[0]) must(unlink(home_file(h, home_snapshot(h))) == 0);
}

/* Starting must fail and say this; afterwards the good folder, which it was made from, still starts. */
static void check_refused(struct home *bad, const char *words, const char *file)
{
    why = (struct why){{0}};
    CHECK_INT(home_start(bad, &why), ERR_CORRUPT);
    if (!CHECK(strstr(why.text, words) != NULL) || !CHECK(strstr(why.text, home_file(bad, file)) != NULL)) printf("# %s\n", why.text);
    /* Nothing was made that was not there: it is refused a second time, in the same words. */
    struct why again = {{0}};
    CHECK_INT(home_start(bad, &again), ERR_CORRUPT);
    CHECK_STR(str_of(again.text), str_of(why.text));
    home_remove(bad);
}

static void missing_files_are_named_and_never_made_anew(void)
{
    static const char *const gone[] = {"heads", "keys/entry.key", "keys/log.key", "journal.db"};
    static const char *const words[] = {"must not sign again", "is missing", "is missing", "missing or empty"};
    struct home good, bad;
    char moved[HOME_PATH * 2];

    make_folder(&good, 20);
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++) {
        home_copy(&good, &bad);
        must(unlink(home_file(&bad, gone[i])) == 0);
        check_refused(&bad, words[i], gone[i]);
    }
    home_copy(&good, &bad); /* The journal and the heads, but not the snapshots. */
    must(unlink(home_file(&bad, "journal.db")) == 0 && unlink(home_file(&bad, "heads")) == 0);
    check_refused(&bad, "missing or empty beside snapshots", "journal.db");
    home_copy(&good, &bad); /* All keys. */
    (void)snprintf(moved, sizeof moved, "%s", home_file(&bad, "gone"));
    must(rename(home_file(&bad, "keys"), moved) == 0);
    check_refused(&bad, "missing beside a journal", "keys");
    CHECK_INT(home_start(&good, &why), OK);
    home_remove(&good);
}

static void keys_of_another_node_are_refused(void)
{
    static const char *const keys[] = {"root", "entry", "log", "mirror"};
    struct home good, other, bad;
    char name[40], from[HOME_PATH * 2];

    make_folder(&other, 1);
    make_folder(&good, 5);
    for (int i = 0; i < 4; i++) {
        home_copy(&good, &bad);
        (void)snprintf(name, sizeof name, "keys/%s.key", keys[i]);
        (void)snprintf(from, sizeof from, "%s", home_file(&other, name));
        home_copy_file(from, home_file(&bad, name));
        check_refused(&bad, i < 2 ? "do not belong together" : "not the one this node joined with",
                      i == 3 ? "keys/log.key" : name);
    }
    home_remove(&other);
    home_remove(&good);
}

/* An older copy of the journal beside the heads of now, whichever snapshots are there. */
static void an_older_journal_is_refused(void)
{
    struct home good, old, bad;
    char from[HOME_PATH * 2];

    make_folder(&old, 10);
    home_copy(&old, &good);
    must(home_start(&good, &why) == OK);
    home = good;
    write_some(10);
    home_stop(&home);
    for (int with_snapshots = 0; with_snapshots < 2; with_snapshots++) {
        home_copy(&good, &bad);
        (void)snprintf(from, sizeof from, "%s", home_file(&old, "journal.db"));
        home_copy_file(from, home_file(&bad, "journal.db"));
        if (!with_snapshots) remove_snapshots(&bad);
        check_refused(&bad, "it was set back or restored from an old copy", "journal.db");
    }
    good.node = NULL;
    CHECK_INT(home_start(&good, &why), OK);
    home_remove(&good);
    home_remove(&old);
}

/* Two folders with the same beginning and the same keys that went different ways. */
static void a_journal_that_went_another_way_is_refused(void)
{
    struct home good, fork, bad;
    char from[HOME_PATH * 2];

    make_folder(&good, 10);
    home_copy(&good, &fork);
    for (int i = 0; i < 2; i++) {
        home = i ? fork : good;
        must(home_start(&home, &why) == OK);
        write_some(7);
        home_stop(&home);
    }
    for (int with_snapshots = 0; with_snapshots < 2; with_snapshots++) {
        home_copy(&good, &bad);
        (void)snprintf(from, sizeof from, "%s", home_file(&fork, "journal.db"));
        home_copy_file(from, home_file(&bad, "journal.db"));
        remove_snapshots(&bad);
        if (with_snapshots) { /* And the other's snapshot, at just the size of the head. */
            (void)snprintf(from, sizeof from, "%s", home_file(&fork, home_snapshot(&fork)));
            home_copy_file(from, home_file(&bad, home_snapshot(&fork)));
        }
        check_refused(&bad, "differs from the head", "journal.db");
    }
    CHECK_INT(home_start(&good, &why), OK);
    home_remove(&good);
    home_remove(&fork);
}

static void run_sql(const struct home *h, const char *text)
{
    sqlite3 *db;
    must(sqlite3_open(home_file(h, "journal.db"), &db) == SQLITE_OK);
    if (!CHECK_INT(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK)) printf("# %s\n", sqlite3_errmsg(db));
    must(sqlite3_close(db) == SQLITE_OK);
}

/* One byte of a stored row: without a snapshot the node does not start; with one it starts and does not serve the row. */
static void changed_bytes_are_found_at_the_start_or_when_they_are_read(void)
{
    static const char *const sql[] = {
        "UPDATE entry SET bytes = CAST(substr(bytes,1,200)||x'00'||substr(bytes,202) AS BLOB) WHERE pos = 7",
        "UPDATE entry SET bytes = CAST(substr(bytes,1,100) AS BLOB) WHERE pos = 7",
        "UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE pos = 8) WHERE pos = 7",
        "UPDATE entry SET bytes = zeroblob(70000) WHERE pos = 7",
    };
    struct home good, bad;

    make_folder(&good, 300); /* 604 leaves: two full tiles. */
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
        AUTO(buf_done) struct buf out = {0};
        home_copy(&good, &bad);
        run_sql(&bad, sql[i]);
        CHECK_INT(home_start(&bad, &why), OK);
        CHECK_INT(node_leaf(bad.node, 14, &out, &why), ERR_CORRUPT);
        CHECK(strstr(why.text, "entry 7") != NULL);
        CHECK_INT(node_bundle(bad.node, 0, 256, &out, &why), ERR_CORRUPT);
        CHECK_INT(out.n, 0);
        CHECK_INT(node_leaf(bad.node, 16, &out, &why), OK);
        CHECK_INT(node_bundle(bad.node, 1, 256, &out, &why), OK);
        home_stop(&bad);
        remove_snapshots(&bad);
        CHECK_INT(home_start(&bad, &why), ERR_CORRUPT);
        if (!CHECK(strstr(why.text, home_file(&bad, "journal.db")) != NULL)) printf("# %s\n", why.text);
        home_remove(&bad);
    }
    home_copy(&good, &bad); /* What is derived is derived again. */
    AUTO(buf_done) struct buf out = {0};
    run_sql(&bad, "UPDATE outcome SET bytes = x'00' WHERE pos = 7; UPDATE tile SET bytes = zeroblob(8192) WHERE id = 1");
    CHECK_INT(home_start(&bad, &why), OK);
    CHECK_INT(node_leaf(bad.node, 15, &out, &why), ERR_CORRUPT);
    CHECK_INT(node_tile(bad.node, 0, 1, 256, &out, &why), ERR_CORRUPT);
    CHECK_INT(node_bundle(bad.node, 1, 256, &out, &why), ERR_CORRUPT);
    CHECK_INT(out.n, 0);
    home_stop(&bad);
    remove_snapshots(&bad);
    CHECK_INT(home_start(&bad, &why), OK);
    CHECK_INT(node_leaf(bad.node, 15, &out, &why), OK);
    CHECK_INT(node_bundle(bad.node, 1, 256, &out, &why), OK);
    home_remove(&bad);
    home_remove(&good);
}

/* An entry after the last signed head, which no root covers: its own signature does. */
static void a_changed_entry_after_the_signed_head_is_refused(void)
{
    static const char *const sql[] = {
        ("UPDATE entry SET bytes = CAST(substr(bytes,1,200)||CASE substr(bytes,201,1) WHEN x'00' THEN x'01' ELSE x'00' END||"
         "substr(bytes,202) AS BLOB) WHERE pos = 13"),
        "UPDATE entry SET bytes = CAST(substr(bytes,1,length(bytes)-1)||x'ff' AS BLOB) WHERE pos = 13", /* Never a signature's last. */
        "UPDATE entry SET bytes = x'' WHERE pos = 13",
    };
    struct home good, bad, signed_at_12;
    char from[HOME_PATH * 2];

    make_folder(&signed_at_12, 10);
    home_copy(&signed_at_12, &good);
    must(home_start(&good, &why) == OK);
    home = good;
    write_some(4);
    home_stop(&home);
    good.node = NULL;
    for (size_t i = 0; i < sizeof sql / sizeof *sql; i++) {
        home_copy(&good, &bad);
        (void)snprintf(from, sizeof from, "%s", home_file(&signed_at_12, "heads"));
        home_copy_file(from, home_file(&bad, "heads"));
        run_sql(&bad, sql[i]);
        check_refused(&bad, "entry 13", "journal.db");
    }
    home_remove(&signed_at_12);
    home_remove(&good);
}

static void damaged_heads_are_refused_or_said(void)
{
    struct home good, bad;
    char path[HOME_PATH * 2];

    make_folder(&good, 10);
    for (int both = 0; both < 2; both++) {
        home_copy(&good, &bad);
        (void)snprintf(path, sizeof path, "%s", home_file(&bad, "heads"));
        struct str bytes = t_read_file(path);
        must(bytes.n == 16384);
        ((char *)bytes.at)[20] ^= 1;
        if (both) ((char *)bytes.at)[8192 + 20] ^= 1;
        FILE *file = fopen(path, "wb");
        must(file && fwrite(bytes.at, 1, bytes.n, file) == bytes.n && fclose(file) == 0);
        free((char *)bytes.at);
        if (both) {
            check_refused(&bad, "no slot is good", "heads");
        } else {
            CHECK_INT(home_start(&bad, &why), OK);
            struct node_status s;
            node_status(bad.node, &s);
            CHECK(s.warning.text[0] != '\0'); /* Of the head, or of a snapshot newer than the head that is left. */
            home_remove(&bad);
        }
    }
    home_remove(&good);
}

static void one_folder_has_one_node(void)
{
    struct journal *second;
    home_make(&home);
    must(home_start(&home, &why) == OK);
    CHECK_INT(journal_open_sqlite(home.dir, &second, &why), ERR_BUSY);
    CHECK(strstr(why.text, home_file(&home, "journal.db.lock")) != NULL);
    write_some(3);
    home_remove(&home);
}

/* Ends of the first start: after the keys, the heads, the genesis. */
static void a_first_start_that_was_cut_off_goes_on(void)
{
    struct home h;
    struct journal *j;
    make_folder(&home, 0);
    home_stop(&home);
    home_copy(&home, &h);
    home_remove(&home);
    /* Only keys are left. */
    must(unlink(home_file(&h, "journal.db")) == 0 && unlink(home_file(&h, "heads")) == 0);
    remove_snapshots(&h);
    CHECK_INT(home_start(&h, &why), OK);
    home_remove(&h);
    /* Tables, but no entry. */
    home_make(&h);
    must(journal_open_sqlite(h.dir, &j, &why) == OK);
    j->close(j);
    CHECK_INT(home_start(&h, &why), OK);
    home_stop(&h);
    /* Genesis, but no join and no head yet. */
    run_sql(&h, "DELETE FROM entry WHERE pos = 1; DELETE FROM outcome");
    remove_snapshots(&h);
    must(unlink(home_file(&h, "heads")) == 0);
    CHECK_INT(heads_create(home_file(&h, "heads"), &why), OK);
    CHECK_INT(home_start(&h, &why), OK);
    home = h;
    CHECK_INT(status().position, 2);
    write_some(2);
    home_remove(&home);
}

int main(void)
{
    RUN(a_write_that_was_not_written_is_unclear_until_the_restart);
    RUN(a_write_that_was_written_is_unclear_until_the_restart);
    RUN(all_that_wait_behind_a_failed_batch_are_refused);
    RUN(every_way_to_start_gives_the_same_state);
    RUN(missing_files_are_named_and_never_made_anew);
    RUN(keys_of_another_node_are_refused);
    RUN(an_older_journal_is_refused);
    RUN(a_journal_that_went_another_way_is_refused);
    RUN(changed_bytes_are_found_at_the_start_or_when_they_are_read);
    RUN(a_changed_entry_after_the_signed_head_is_refused);
    RUN(damaged_heads_are_refused_or_said);
    RUN(one_folder_has_one_node);
    RUN(a_first_start_that_was_cut_off_goes_on);
    return t_done();
}
