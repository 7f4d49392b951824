/* catchup.c - how long a node needs to fetch, verify and store a journal from others on the same machine.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     build/release/bench/catchup [entries [connections [store|memory [audited]]]]      default 1000000 4 store 20000
 *
 * Entries of one change each (500 bytes) with their outcomes (60 bytes) are made up and served on loopback by one process: from memory,
 * or leaf by leaf from an SQLite store as a node's bundles are. They are appended to another SQLite store, under TMPDIR. Then audited
 * of them are audited: signed for real, on one core.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "entry/entry.h"
#include "made_log.h"
#include "node/audit.h"
#include "node/catchup.h"

static const struct str ORIGIN = {"line.example/bench", 18};
static struct why why;

static double seconds(void)
{
    struct timespec t;
    must(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_seconds(void)
{
    struct rusage u;
    must(getrusage(RUSAGE_SELF, &u) == 0);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void need(enum err err)
{
    if (err == OK) return;
    (void)fprintf(stderr, "catchup: %s\n", why.text);
    exit(1);
}

static void report(void *context, const char *source, enum catchup_fault fault, const struct why *reason)
{
    (void)context;
    printf("%s %s: %s\n", source, catchup_fault_text(fault), reason->text);
}

static enum err read_leaf(void *context, uint64_t leaf, struct buf *ret)
{
    return leaf % 2 ? store_get_outcome(context, leaf / 2, ret, &why) : store_get_entry(context, leaf / 2, ret, &why);
}

static void open_store(const char *folder, const char *name, struct store **ret)
{
    AUTO(buf_done) struct buf path = {0};
    buf_addf(&path, "%s/%s.db", folder, name);
    need(store_open(buf_z(&path), ret, &why));
}

static void copy_to_store(const struct made_log *log, struct store *store)
{
    struct str entries[1024];
    uint64_t n = made_log_size(log) / 2;

    for (uint64_t i = 0; i < n;) {
        size_t k = 0;
        for (; k < 1024 && i < n; k++, i++) {
            entries[k] = made_log_leaf(log, 2 * i);
            store_put_outcome(store, i, made_log_leaf(log, 2 * i + 1));
        }
        need(store_append(store, entries, k, &why));
    }
    need(store_flush(store, &why));
}

static void fetch(const struct made_log *log, struct store *from, struct store *to, unsigned connections)
{
    struct hash seed = hash_of(STR("bench"));
    struct key_secret secret;
    struct checkpoint c = {.origin = ORIGIN, .size = made_log_size(log), .root = made_log_root(log, made_log_size(log))};
    AUTO(buf_done) struct buf note = {0};
    struct made_server server = {.log = log, .size = c.size, .read = from ? read_leaf : NULL, .context = from};
    struct catchup_source source = {.name = "Alpha"};
    struct catchup_result result = {0};

    key_secret_init(&secret, seed.b);
    struct note_key key = note_key_make(ORIGIN, NOTE_ED25519, &secret.public);
    checkpoint_sign(&note, &c, &secret);
    server.note = buf_str(&note);
    made_server_start(&server, connections < 4 ? connections : 4);
    source.url = server.url;
    struct catchup_options options = {.sources = &source, .n_sources = 1, .policy = {ORIGIN, &key, NULL, 1, 1}, .store = to,
                                      .held_root = merkle_empty_root(), .n_connections = connections, .report = report};
    double begin = seconds(), cpu = cpu_seconds();
    need(catchup_run(&options, &result, &why));
    double took = seconds() - begin, used = cpu_seconds() - cpu;
    printf("%llu entries (%.0f MB) fetched, verified and stored in %.2f s: %.0f entries/s; %.1f us of CPU an entry, the server's included\n",
           (unsigned long long)result.n_entries, (double)result.n_bytes / 1e6, took, (double)result.n_entries / took,
           used * 1e6 / (double)result.n_entries);
    made_server_stop(&server);
    catchup_result_done(&result);
    key_secret_done(&secret);
}

static bool key_of(void *context, uint64_t index, const uint8_t author[8], struct key_public *ret)
{
    (void)index;
    (void)author;
    *ret = *(const struct key_public *)context;
    return true;
}

static void is_bad(void *context, uint64_t index, const struct why *reason)
{
    (void)context;
    (void)index;
    (void)fprintf(stderr, "catchup: %s\n", reason->text);
    exit(1);
}

static void audit(const char *folder, uint64_t n)
{
    struct hash seed = hash_of(STR("author"));
    AUTO(buf_done) struct buf bytes = {0};
    struct change tick = {.kind = CHANGE_TICK};
    struct key_secret author;
    struct store *store;

    key_secret_init(&author, seed.b);
    open_store(folder, "audit", &store);
    for (uint64_t i = 0; i < n; i++) {
        struct entry e = {.slot = i, .time_ms = INT64_C(1800000000000), .changes = &tick, .n_changes = 1};
        buf_clear(&bytes);
        entry_encode(&e, ORIGIN, &author, &bytes);
        struct str one = buf_str(&bytes);
        need(store_append(store, &one, 1, &why));
    }
    struct audit_options options = {.store = store, .origin = ORIGIN, .from = 0, .to = n, .key_of = key_of, .bad = is_bad,
                                    .context = &author.public};
    double begin = seconds();
    struct audit *a = audit_start(&options);
    audit_wait(a);
    double took = seconds() - begin;
    printf("%llu signatures audited in %.2f s: %.0f/s on one core\n", (unsigned long long)n, took, (double)n / took);
    audit_free(a);
    store_close(store);
    key_secret_done(&author);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    unsigned connections = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 4;
    bool from_store = argc <= 3 || strcmp(argv[3], "store") == 0;
    uint64_t audited = argc > 4 ? strtoul(argv[4], NULL, 10) : 20000;
    const char *tmp = getenv("TMPDIR");
    AUTO(buf_done) struct buf folder = {0}, command = {0};
    struct store *from = NULL, *to;
    struct made_log log = {0};
    struct rng rng = {1};

    buf_addf(&folder, "%s/catchup.XXXXXX", tmp ? tmp : "/tmp");
    must(mkdtemp((char *)(uintptr_t)buf_z(&folder)) != NULL);
    made_log_fill(&log, &rng, n, 500, 60);
    if (from_store) {
        open_store(buf_z(&folder), "from", &from);
        copy_to_store(&log, from);
    }
    open_store(buf_z(&folder), "to", &to);
    printf("%s, %u connections: ", from_store ? "from a store" : "from memory", connections);
    (void)fflush(stdout);
    fetch(&log, from, to, connections);
    store_close(from);
    store_close(to);
    made_log_done(&log);
    if (audited) audit(buf_z(&folder), audited);
    buf_addf(&command, "rm -rf '%s'", buf_z(&folder));
    return system(buf_z(&command)) == 0 ? 0 : 1;
}
