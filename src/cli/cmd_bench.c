/* cmd_bench.c - `clearline bench`: what this machine's disk and processor give a node, in its own process.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Floors and single costs, not throughput: that is measured through HTTP by `make bench`. Each figure is the median of several
 * rounds, so that one disturbance does not show.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/instant.h"
#include "base/json.h"
#include "base/rng.h"
#include "cell/set.h"
#include "cli/args.h"
#include "cli/cmd.h"
#include "entry/entry.h"
#include "geo/cover.h"
#include "proof/hash.h"
#include "state/genesis.h"
#include "state/state.h"

#define N_ROUNDS 9
#define N_APPLIED 64 /* Changes an entry in the apply figure. */

struct bench {
    const char *dir;
    bool json;
    struct why why;
    struct rng rng;
    struct key_secret key;
    uint8_t signature[64];
    struct hash sink; /* What nobody reads, so that the work is done. */
    struct buf block;
    int fd;
    char path[4096];

    /* A network of one for the apply figure. */
    struct state *state;
    struct buf origin;
    uint64_t slot;
    struct hash previous;
    int64_t time_ms;
};

static int64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static struct str message(const struct bench *b, size_t n)
{
    return str_first(buf_str(&b->block), n);
}

/* Each figure does its work n times, and returns false with b->why if it cannot. */

static bool bench_sync(struct bench *b, int n)
{
    for (int i = 0; i < n; i++) {
        if (pwrite(b->fd, b->block.at, 4096, 4096 * (i % 256)) == 4096 && fdatasync(b->fd) == 0) continue;
        (void)fail(&b->why, ERR_DISK, "%s: %s", b->path, strerror(errno));
        return false;
    }
    return true;
}

static bool bench_hash(struct bench *b, int n)
{
    for (int i = 0; i < n; i++) b->sink = hash_of(message(b, 1000));
    return true;
}

static bool bench_sign(struct bench *b, int n)
{
    for (int i = 0; i < n; i++) key_sign(&b->key, message(b, 1000), b->signature);
    return true;
}

static bool bench_verify(struct bench *b, int n)
{
    bool good = true;
    key_sign(&b->key, message(b, 1000), b->signature);
    for (int i = 0; i < n; i++) good &= key_verify(&b->key.public, message(b, 1000), b->signature);
    if (!good) (void)fail(&b->why, ERR_INTERNAL, "a good signature does not verify");
    return good;
}

/* A square of side_km somewhere between 60 south and 60 north. */
static bool cover_square(struct bench *b, double side_km, struct u64_vec *ret)
{
    double lat = -60 + 120 * rng_unit(&b->rng), lng = -170 + 340 * rng_unit(&b->rng);
    double north = side_km / 111.2, east = north / cos(lat * 0.017453292519943295);
    struct point ring[] = {{lat, lng}, {lat, lng + east}, {lat + north, lng + east}, {lat + north, lng}};
    struct cover_limits limits = {.area_km2 = 2500};
    ret->n = 0;
    return cover_polygon(ring, 4, COVER_SAFE, &limits, ret, &b->why) == OK;
}

static bool bench_cover_small(struct bench *b, int n)
{
    struct u64_vec cells = {0};
    bool good = true;
    for (int i = 0; i < n && good; i++) good = cover_square(b, 1, &cells);
    u64_vec_done(&cells);
    return good;
}

static bool bench_cover_large(struct bench *b, int n)
{
    struct u64_vec cells = {0};
    bool good = true;
    for (int i = 0; i < n && good; i++) good = cover_square(b, 45, &cells);
    u64_vec_done(&cells);
    return good;
}

/* Signs an entry of these changes, and applies its bytes as a replay would, without verifying. */
static bool apply(struct bench *b, struct change *changes, size_t n, struct str participant, int64_t *took_ns)
{
    AUTO(arena_done) struct arena arena = {0};
    AUTO(buf_done) struct buf bytes = {0};
    AUTO(buf_done) struct buf leaf = {0};
    struct hash id = hash_of(str_make(b->key.public.b, 32));
    struct outcome *outcomes;
    struct entry e = {.slot = b->slot++, .previous = b->previous, .time_ms = ++b->time_ms, .participant = participant,
                      .changes = changes, .n_changes = n};
    int64_t from;

    memcpy(e.author, id.b, sizeof e.author);
    entry_encode(&e, buf_str(&b->origin), &b->key, &bytes);
    b->previous = hash_of(buf_str(&bytes));
    from = monotonic_ns();
    must(state_apply(b->state, &e, buf_str(&bytes), &arena, &outcomes, &leaf) == OK);
    *took_ns += monotonic_ns() - from;
    for (size_t i = 0; i < n; i++) {
        if (outcomes[i].reason == REASON_ACCEPTED) continue;
        (void)fail(&b->why, ERR_INTERNAL, "a change was refused: %s", reason_text(outcomes[i].reason));
        return false;
    }
    state_publish(b->state);
    return true;
}

/* A network whose root key and entry key are the bench's: both known only here. */
static bool open_state(struct bench *b)
{
    struct genesis_member member = {.name = STR("bench"), .root_key = b->key.public};
    struct genesis g = {.origin = STR("bench.invalid/0"), .rules = 1, .members = &member, .n_members = 1, .created_ms = 1};
    struct change join = {.kind = CHANGE_JOIN, .member = STR("bench")};
    AUTO(buf_done) struct buf bytes = {0};
    struct key_secret root = b->key, entry_key;
    uint8_t seed[32] = {7};
    int64_t took = 0;
    bool good;

    genesis_encode(&g, &bytes);
    if (state_new(buf_str(&bytes), &b->state, &b->why) != OK) return false;
    buf_add_str(&b->origin, g.origin);
    key_secret_init(&entry_key, seed);
    join.digest = hash_of(buf_str(&bytes));
    memcpy(join.entry_key, entry_key.public.b, 32);
    memcpy(join.log_key, entry_key.public.b, 32);
    memcpy(join.mirror_key, entry_key.public.b, 32);
    b->previous = (struct hash){{0}};
    good = apply(b, &join, 1, STR(""), &took);
    key_secret_done(&root);
    b->key = entry_key;
    b->slot = 0;
    b->previous = (struct hash){{0}};
    return good;
}

static bool apply_intents(struct bench *b, int64_t *took_ns)
{
    struct change *changes = mem_calloc(N_APPLIED, sizeof *changes);
    struct u64_vec cells[N_APPLIED] = {{0}};
    bool good = true;

    for (size_t i = 0; i < N_APPLIED && good; i++) {
        struct change *c = &changes[i];
        uint8_t random[16];
        for (size_t k = 0; k < sizeof random; k++) random[k] = (uint8_t)rng_next(&b->rng);
        good = cover_square(b, 2, &cells[i]);
        *c = (struct change){.kind = CHANGE_INTENT_PUT, .id = id_make_v4(random), .url = STR("https://uss.example"), .state = INTENT_ACCEPTED};
        c->vol = (struct vol){cells[i].at, cells[i].n, {INSTANT_HOUR, 2 * INSTANT_HOUR, 0, 120000}};
        memcpy(c->random, random, sizeof random);
        c->has_key = true;
        c->checked_at = state_view(b->state)->position;
        c->key_hash = hash_of(STR(""));
    }
    good = good && apply(b, changes, N_APPLIED, STR("uss"), took_ns);
    for (size_t i = 0; i < N_APPLIED; i++) u64_vec_done(&cells[i]);
    mem_free(changes);
    return good;
}

struct figure {
    const char *name;
    const char *unit;
    bool (*run)(struct bench *b, int n); /* NULL: apply, which times itself. */
    int n;                               /* Times a round. */
};

static const struct figure figures[] = {
    {"durable write of 4 KiB", "disk", bench_sync, 20},
    {"SHA-256 of 1,000 bytes", "hash", bench_hash, 2000},
    {"Ed25519 signature of 1,000 bytes", "sign", bench_sign, 100},
    {"Ed25519 verification of 1,000 bytes", "verify", bench_verify, 50},
    {"cells of a square of 1 km", "cover", bench_cover_small, 100},
    {"cells of a square of 45 km", "cover_large", bench_cover_large, 4},
    {"one change applied to the state", "apply", NULL, 1},
};
#define N_FIGURES (sizeof figures / sizeof figures[0])

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median of the rounds, in microseconds each time. */
static bool measure(struct bench *b, const struct figure *f, double *ret_us)
{
    double us[N_ROUNDS];

    for (int i = 0; i < N_ROUNDS; i++) {
        int64_t from = monotonic_ns(), took = 0;
        if (f->run ? !f->run(b, f->n) : !apply_intents(b, &took)) return false;
        us[i] = f->run ? (double)(monotonic_ns() - from) / 1000 / f->n : (double)took / 1000 / N_APPLIED;
    }
    qsort(us, N_ROUNDS, sizeof us[0], by_number);
    *ret_us = us[N_ROUNDS / 2];
    return true;
}

static bool open_all(struct bench *b)
{
    uint8_t seed[32] = {1, 2, 3};

    if (snprintf(b->path, sizeof b->path, "%s/clearline-bench-XXXXXX", b->dir) >= (int)sizeof b->path) {
        (void)fail(&b->why, ERR_INPUT, "--dir: the path is too long");
        return false;
    }
    b->fd = mkostemp(b->path, O_CLOEXEC);
    if (b->fd < 0) {
        (void)fail(&b->why, ERR_DISK, "%s: %s", b->path, strerror(errno));
        return false;
    }
    (void)unlink(b->path);
    memset(buf_reserve(&b->block, 4096), 'x', 4096);
    b->block.n = 4096;
    key_secret_init(&b->key, seed);
    return open_state(b);
}

static bool run(struct bench *b)
{
    AUTO(buf_done) struct buf out = {0};
    struct json j = {.to = &out};

    json_open(&j, '{');
    for (size_t i = 0; i < N_FIGURES; i++) {
        const struct figure *f = &figures[i];
        char name[48], number[32];
        double us;
        if (!measure(b, f, &us)) return false;
        if (!b->json) printf("%-38s %10.2f us %12.0f a second\n", f->name, us, 1e6 / us);
        (void)snprintf(name, sizeof name, "%s_us", f->unit);
        json_key(&j, name);
        json_raw(&j, str_make(number, (size_t)snprintf(number, sizeof number, "%.3f", us)));
    }
    json_close(&j, '}');
    if (b->json) printf("%.*s\n", STR_ARG(buf_str(&out)));
    return true;
}

int cmd_bench(int argc, char **argv)
{
    const char *tmp = getenv("TMPDIR");
    struct bench b = {.dir = tmp && *tmp ? tmp : "/tmp", .fd = -1, .rng = {20261122}};
    const struct arg options[] = {
        {"--dir", "DIR", "folder on the disk to measure ($TMPDIR)", ARG_TEXT, &b.dir, 0, 0},
        {"--json", NULL, "one JSON object, microseconds", ARG_FLAG, &b.json, 0, 0},
    };
    const struct args args = {
        .command = "bench",
        .summary = "what this machine's disk and processor give a node",
        .examples = "  clearline bench --dir node1\n"
                    "  clearline bench --json\n",
        ARGS(options),
    };
    bool good;
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    good = open_all(&b) && run(&b);
    if (b.fd >= 0) (void)close(b.fd);
    state_free(b.state);
    key_secret_done(&b.key);
    buf_done(&b.block);
    buf_done(&b.origin);
    return good ? EXIT_YES : args_fail(&args, ERR_UNAVAILABLE, &b.why);
}
