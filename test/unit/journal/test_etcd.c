/* test_etcd.c - the client of etcd's gateway on a real one: transactions, versions, TLS.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/etcd.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "etcd_servers.h"
#include "relay.h"
#include "t.h"

static struct etcd_servers *servers;
static struct why why;

static struct etcd *client_of(const char *const *urls, size_t n, bool allow_old)
{
    struct etcd_options options = {.endpoints = urls, .n_endpoints = n, .allow_old = allow_old};
    struct etcd *e = NULL;

    must(etcd_new(&options, &e, &why) == OK);
    return e;
}

static bool says(const struct why *w, const char *part)
{
    if (strstr(w->text, part)) return true;
    printf("# \"%s\" does not say \"%s\"\n", w->text, part);
    return false;
}

static void endpoints_must_be_urls(void)
{
    static const char *const bad[] = {"", "http://", "127.0.0.1:2379", "ftp://a"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct etcd_options options = {.endpoints = &bad[i], .n_endpoints = 1};
        struct etcd *e = NULL;
        CHECK(etcd_new(&options, &e, &why) == ERR_INPUT && e == NULL);
    }
    CHECK(etcd_new(&(struct etcd_options){0}, &(struct etcd *){NULL}, &why) == ERR_INPUT);
}

static void a_transaction_creates_only_what_is_absent_and_reads_then(void)
{
    struct etcd *e = client_of(etcd_servers_urls(servers), 1, true);
    char bytes[300];
    struct etcd_put puts[2] = {{STR("tx/a\0b"), {bytes, sizeof bytes}}, {STR("tx/c"), STR("")}};
    struct etcd_range range = {.key = STR("tx/"), .end = STR("tx0"), .limit = 1};
    struct etcd_answer a = {0};

    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (char)i;
    CHECK(etcd_txn(e, puts, 2, &range, 1, &a, &why) == OK);
    CHECK(a.succeeded && a.n_ranges == 1 && a.ranges[0].n == 1 && a.ranges[0].has_more);
    CHECK_STR(a.ranges[0].at[0].key, puts[0].key);
    CHECK_STR(a.ranges[0].at[0].value, puts[0].value);
    CHECK_INT(a.ranges[0].at[0].create_revision, a.revision);
    CHECK_INT(a.ranges[0].at[0].version, 1);
    int64_t first = a.revision;
    puts[0].key = STR("tx/z");
    range = (struct etcd_range){.key = STR("tx/c"), .after_puts = STR("none"), .end = STR("tx0")};
    CHECK(etcd_txn(e, puts, 2, &range, 1, &a, &why) == OK); /* The second key is there. */
    CHECK(!a.succeeded && a.revision == first && a.n_ranges == 0);
    CHECK(etcd_txn(e, NULL, 0, &range, 1, &a, &why) == OK);
    CHECK(!a.succeeded && a.revision == first && a.ranges[0].n == 1);
    CHECK_STR(a.ranges[0].at[0].value, STR(""));
    CHECK(etcd_delete(e, STR("tx/"), STR("tx0"), &why) == OK);
    CHECK(etcd_read(e, &(struct etcd_range){.key = STR("tx/c")}, 0, &a, &why) == OK && a.ranges[0].n == 0);
    CHECK(etcd_read(e, &(struct etcd_range){.key = STR("tx/c")}, first, &a, &why) == OK && a.ranges[0].n == 1);
    CHECK(etcd_read(e, &(struct etcd_range){.key = STR("tx/c")}, first + 1000, &a, &why) == ERR_UNAVAILABLE);
    etcd_answer_done(&a);
    etcd_free(e);
}

static void old_servers_are_refused_unless_allowed(void)
{
    struct etcd *strict = client_of(etcd_servers_urls(servers), 1, false), *lax = client_of(etcd_servers_urls(servers), 1, true);
    struct etcd_status status = {0};
    unsigned v[3] = {0};
    enum err err;

    CHECK(etcd_ask_status(lax, &status, &why) == OK);
    CHECK(status.has_leader && status.is_leader && !status.is_full && !status.is_corrupt && status.bytes > 0);
    CHECK(sscanf(status.version, "%u.%u.%u", &v[0], &v[1], &v[2]) == 3);
    err = etcd_ask_status(strict, &status, &why);
    if (v[0] == 3 && v[1] < 5) CHECK(err == ERR_STATE && says(&why, "3.5.33"));
    etcd_free(strict);
    etcd_free(lax);
}

/* Puts six other characters into the answer's version, which is that long, too. */
static void set_version(void *context, struct buf *answer)
{
    char *at = answer->n ? memmem(answer->at, answer->n, "\"version\":\"", 11) : NULL;

    if (at && at[11 + 6] == '"') memcpy(at + 11, *(const char **)context, 6);
}

static void versions_are_judged_by_their_minor_line(void)
{
    static const struct {
        const char *version;
        bool is_good;
    } at[] = {{"3.4.45", false}, {"3.5.32", false}, {"3.5.33", true}, {"3.6.13", false}, {"3.6.14", true},
              {"3.7.00", true}, {"4.0.00", true}, {"2.9.99", false}, {"3.6.x9", false}, {"weird!", false}};
    const char *version = NULL;
    struct relay *relay =
        relay_start(&(struct relay_options){.url = etcd_servers_urls(servers)[0], .change = set_version, .context = &version});
    const char *url = relay_url(relay);
    struct etcd *e = client_of(&url, 1, false);

    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        struct etcd_status status = {0};
        version = at[i].version;
        CHECK(etcd_ask_status(e, &status, &why) == (at[i].is_good ? OK : ERR_STATE));
        if (at[i].is_good) CHECK_STR(str_of(status.version), str_of(version));
        else CHECK(says(&why, version));
    }
    etcd_free(e);
    relay_stop(relay);
}

static void nobody_there_is_certain(void)
{
    static const char *const nowhere = "http://127.0.0.1:1";
    struct etcd *e = client_of(&nowhere, 1, true);
    struct etcd_put put = {STR("a"), STR("b")};
    struct etcd_answer answer = {0};
    struct etcd_status status;

    CHECK(etcd_ask_status(e, &status, &why) == ERR_UNAVAILABLE && says(&why, "127.0.0.1:1"));
    CHECK(etcd_txn(e, &put, 1, NULL, 0, &answer, &why) == ERR_UNAVAILABLE);
    etcd_free(e);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* A CA that is also server and client. */
static bool make_certificate(const char *dir)
{
    char command[1200];

    (void)snprintf(command, sizeof command,
                   "cd '%s' && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 2 "
                   "-subj /CN=test -addext subjectAltName=IP:127.0.0.1,DNS:localhost >openssl.log 2>&1 && cp cert.pem ca.pem",
                   dir);
    return system(command) == 0;
}

static void tls_asks_for_both_certificates(void)
{
    char dir[100] = "/tmp/etcd-tls-XXXXXX", ca[120], cert[120], key[120];
    const char *tmp = getenv("TMPDIR");
    struct etcd_servers *tls;
    struct etcd *e;
    struct etcd_status status;

    if (tmp && strlen(tmp) < 70) (void)snprintf(dir, sizeof dir, "%s/etcd-tls-XXXXXX", tmp);
    must(mkdtemp(dir) != NULL);
    (void)snprintf(ca, sizeof ca, "%s/ca.pem", dir);
    (void)snprintf(cert, sizeof cert, "%s/cert.pem", dir);
    (void)snprintf(key, sizeof key, "%s/key.pem", dir);
    tls = CHECK(make_certificate(dir)) ? etcd_servers_start(&(struct etcd_servers_options){.tls = dir}) : NULL;
    if (CHECK(tls != NULL)) {
        struct etcd_options options = {.endpoints = etcd_servers_urls(tls), .n_endpoints = 1, .allow_old = true, .ca_file = ca};
        CHECK(etcd_new(&options, &e, &why) == OK);
        CHECK(etcd_ask_status(e, &status, &why) != OK); /* Who are you? */
        etcd_free(e);
        options.cert_file = cert;
        options.key_file = key;
        CHECK(etcd_new(&options, &e, &why) == OK);
        CHECK(etcd_ask_status(e, &status, &why) == OK);
        etcd_free(e);
        options.ca_file = NULL;
        CHECK(etcd_new(&options, &e, &why) == OK);
        CHECK(etcd_ask_status(e, &status, &why) == ERR_UNAVAILABLE); /* A stranger. */
        etcd_free(e);
        etcd_servers_stop(tls);
    }
    CHECK(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS) == 0);
}

int main(void)
{
    RUN(endpoints_must_be_urls);
    RUN(nobody_there_is_certain);
    if (!etcd_servers_can()) {
        t_skip("the client on a real etcd", "etcd is not installed");
        return t_done();
    }
    servers = etcd_servers_start(&(struct etcd_servers_options){0});
    if (!servers) {
        printf("not ok - etcd did not start\n");
        return 1;
    }
    RUN(a_transaction_creates_only_what_is_absent_and_reads_then);
    RUN(old_servers_are_refused_unless_allowed);
    RUN(versions_are_judged_by_their_minor_line);
    RUN(tls_asks_for_both_certificates);
    etcd_servers_stop(servers);
    return t_done();
}
