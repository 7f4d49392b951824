/* test_client.c - the client against the server, plain and over TLS, and what it refuses.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "http/client.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "http/server.h"
#include "proof/libcrypto.h"
#include "t.h"

#include <openssl/x509v3.h>

static struct why why;
static uint16_t port;
static atomic_int n_connections;

static void handle(struct http_request *r, void *context)
{
    struct http_response response = {.status = 200};

    (void)context;
    if (str_equal(r->path, STR("/moved"))) {
        response.status = 301;
        response.headers[0].name = STR("Location");
        response.headers[0].value = STR("/");
        response.n_headers = 1;
    } else if (str_equal(r->path, STR("/big"))) {
        memset(buf_reserve(&response.body, 100000), 'x', 100000);
        response.body.n = 100000;
    } else {
        buf_addf(&response.body, "%.*s %.*s|%.*s|%.*s|%.*s", STR_ARG(r->method), STR_ARG(r->path), STR_ARG(r->query), STR_ARG(r->body),
                 STR_ARG(http_header(r, "X-One")));
        response.headers[0].name = STR("Journal-Position");
        response.headers[0].value = STR("42");
        response.n_headers = 1;
    }
    http_respond(r, &response);
}

static bool count_and_allow(void *context, const struct sockaddr *address)
{
    (void)context;
    n_connections++;
    return address->sa_family == AF_INET && ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
}

static bool allow_none(void *context, const struct sockaddr *address)
{
    (void)context;
    (void)address;
    return false;
}

static const char *url_of(const char *scheme, const char *path)
{
    static char url[128];
    (void)snprintf(url, sizeof url, "%s://127.0.0.1:%u%s", scheme, port, path);
    return url;
}

static bool answers(struct http_client *c, const struct http_call *call, int status, const char *body)
{
    AUTO(buf_done) struct buf got = {0};
    int got_status = 0;
    bool good;

    if (!CHECK(http_client_call(c, call, &got_status, &got, &why) == OK)) {
        printf("# %s\n", why.text);
        return false;
    }
    good = CHECK_INT(got_status, status);
    return (!body || CHECK_STR(buf_str(&got), str_of(body))) && good;
}

static void calls_of_every_method_share_a_connection(void)
{
    const char *headers[] = {"X-One: 1"};
    struct http_client *c = http_client_new(&(struct http_client_options){.may_connect = count_and_allow});

    n_connections = 0;
    for (int i = 0; i < 3; i++) {
        CHECK(answers(c, &(struct http_call){.url = url_of("http", "/a?b=c")}, 200, "GET /a|b=c||"));
        CHECK_STR(http_client_header(c, "journal-position"), STR("42"));
        CHECK_INT(http_client_header(c, "nothing").n, 0);
        CHECK(answers(c, &(struct http_call){.method = "PUT", .url = url_of("http", "/a/"), .body = STR("x\0y"), .headers = headers, .n_headers = 1},
                      200, NULL));
        CHECK(answers(c, &(struct http_call){.method = "POST", .url = url_of("http", "/"), .body = STR("")}, 200, "POST /|||"));
        CHECK(answers(c, &(struct http_call){.method = "DELETE", .url = url_of("http", "/d")}, 200, "DELETE /d|||"));
        CHECK(answers(c, &(struct http_call){.method = "DELETE", .url = url_of("http", "/d"), .body = STR("z")}, 200, "DELETE /d||z|"));
        CHECK(answers(c, &(struct http_call){.method = "HEAD", .url = url_of("http", "/h")}, 200, ""));
    }
    CHECK_INT(n_connections, 1);
    http_client_free(c);
}

static void redirects_are_not_followed(void)
{
    struct http_client *c = http_client_new(&(struct http_client_options){0});

    CHECK(answers(c, &(struct http_call){.url = url_of("http", "/moved")}, 301, ""));
    http_client_free(c);
}

static void an_answer_over_its_limit_is_refused(void)
{
    struct http_client *c = http_client_new(&(struct http_client_options){0});
    struct buf body = {0};
    int status = 7;

    CHECK(answers(c, &(struct http_call){.url = url_of("http", "/big"), .bytes_max = 100000}, 200, NULL));
    CHECK(http_client_call(c, &(struct http_call){.url = url_of("http", "/big"), .bytes_max = 99999}, &status, &body, &why) == ERR_TOO_LARGE);
    CHECK(strstr(why.text, "99999") && status == 7 && body.at == NULL);
    CHECK(answers(c, &(struct http_call){.url = url_of("http", "/")}, 200, "GET /|||"));
    http_client_free(c);
}

static void what_cannot_be_reached_is_named(void)
{
    struct http_client *c = http_client_new(&(struct http_client_options){0});
    struct http_client *none = http_client_new(&(struct http_client_options){.may_connect = allow_none});
    struct http_client *strict = http_client_new(&(struct http_client_options){.https_only = true});
    atomic_bool stop = true;
    struct http_client *stopped = http_client_new(&(struct http_client_options){.stop = &stop});
    int status;

    CHECK(http_client_call(c, &(struct http_call){.url = "http://127.0.0.1:1/x"}, &status, NULL, &why) == ERR_NET && strstr(why.text, ":1/x"));
    CHECK(http_client_call(c, &(struct http_call){.url = "ftp://127.0.0.1/"}, &status, NULL, &why) == ERR_INPUT);
    CHECK(http_client_call(c, &(struct http_call){.url = "file:///etc/passwd"}, &status, NULL, &why) == ERR_INPUT);
    CHECK(http_client_call(c, &(struct http_call){.url = "http://[/"}, &status, NULL, &why) == ERR_INPUT);
    CHECK(http_client_call(none, &(struct http_call){.url = url_of("http", "/")}, &status, NULL, &why) == ERR_NET && strstr(why.text, "allowed"));
    CHECK(http_client_call(strict, &(struct http_call){.url = url_of("http", "/")}, &status, NULL, &why) == ERR_INPUT);
    CHECK(http_client_call(stopped, &(struct http_call){.url = url_of("http", "/")}, &status, NULL, &why) == ERR_NET && strstr(why.text, "stopped"));
    http_client_free(c);
    http_client_free(none);
    http_client_free(strict);
    http_client_free(stopped);
    http_client_free(NULL);
}

static void the_environments_proxy_is_not_used(void)
{
    struct http_client *c;

    must(setenv("http_proxy", "http://127.0.0.1:1", 1) == 0 && setenv("ALL_PROXY", "http://127.0.0.1:1", 1) == 0);
    c = http_client_new(&(struct http_client_options){0});
    CHECK(answers(c, &(struct http_call){.url = url_of("http", "/p")}, 200, "GET /p|||"));
    must(unsetenv("http_proxy") == 0 && unsetenv("ALL_PROXY") == 0);
    http_client_free(c);
}

/* ---- TLS ---- */

static void add_pem(struct buf *to, BIO *bio)
{
    char *at;
    long n = BIO_get_mem_data(bio, &at);
    buf_add(to, at, (size_t)n);
    BIO_free(bio);
}

/* A certificate for 127.0.0.1, signed by itself, for an hour. */
static void make_certificate(struct buf *ret_cert, struct buf *ret_key)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *cert_bio = BIO_new(BIO_s_mem()), *key_bio = BIO_new(BIO_s_mem());
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_EXTENSION *authority = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");

    must(key && cert && name && authority && X509_set_version(cert, 2) == 1);
    must(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
    must(X509_gmtime_adj(X509_getm_notBefore(cert), -60) && X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    must(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0) == 1);
    must(X509_set_issuer_name(cert, X509_get_subject_name(cert)) == 1 && X509_set_pubkey(cert, key) == 1);
    must(X509_add_ext(cert, name, -1) == 1 && X509_add_ext(cert, authority, -1) == 1 && X509_sign(cert, key, EVP_sha256()) > 0);
    must(PEM_write_bio_X509(cert_bio, cert) == 1 && PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) == 1);
    add_pem(ret_cert, cert_bio);
    add_pem(ret_key, key_bio);
    X509_EXTENSION_free(name);
    X509_EXTENSION_free(authority);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void tls_carries_calls_and_refuses_strangers(void)
{
    AUTO(buf_done) struct buf cert = {0}, key = {0};
    struct http_options options = {.address = STR("127.0.0.1:0"), .handler = handle};
    struct http_server *server;
    char file[512];
    const char *place = getenv("TMPDIR");
    int status, fd;

    make_certificate(&cert, &key);
    options.tls_cert_pem = buf_str(&cert);
    options.tls_key_pem = buf_str(&key);
    (void)snprintf(file, sizeof file, "%s/cert-XXXXXX", place ? place : "/tmp");
    fd = mkstemp(file);
    must(fd >= 0 && write(fd, cert.at, cert.n) == (ssize_t)cert.n && close(fd) == 0);
    if (!CHECK(http_server_start(&options, &server, &why) == OK)) return;
    uint16_t plain_port = port;
    port = http_server_port(server);
    struct http_client_options trusting = {.ca_file = file, .https_only = true, .may_connect = count_and_allow};
    struct http_client *c = http_client_new(&trusting);
    struct http_client *stranger = http_client_new(&(struct http_client_options){0});
    n_connections = 0;
    for (int i = 0; i < 3; i++)
        CHECK(answers(c, &(struct http_call){.method = "PUT", .url = url_of("https", "/t"), .body = STR("abc")}, 200, "PUT /t||abc|"));
    CHECK(answers(c, &(struct http_call){.url = url_of("https", "/big")}, 200, NULL));
    CHECK_INT(n_connections, 1);
    CHECK(http_client_call(stranger, &(struct http_call){.url = url_of("https", "/")}, &status, NULL, &why) == ERR_NET && strstr(why.text, "certificate"));
    CHECK(http_client_call(stranger, &(struct http_call){.url = url_of("http", "/")}, &status, NULL, &why) == ERR_NET);
    http_client_free(c);
    http_client_free(stranger);
    http_server_stop(server, 0);
    port = plain_port;
    CHECK(unlink(file) == 0);
}

int main(void)
{
    struct http_options options = {.address = STR("127.0.0.1:0"), .n_threads = 1, .handler = handle};
    struct http_server *server;

    if (http_server_start(&options, &server, &why) != OK) return 1;
    port = http_server_port(server);
    RUN(calls_of_every_method_share_a_connection);
    RUN(redirects_are_not_followed);
    RUN(an_answer_over_its_limit_is_refused);
    RUN(what_cannot_be_reached_is_named);
    RUN(the_environments_proxy_is_not_used);
    RUN(tls_carries_calls_and_refuses_strangers);
    http_server_stop(server, 100);
    return t_done();
}
