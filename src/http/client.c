/* client.c - libcurl with everything optional switched off.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "http/client.h"

#include <curl/curl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define HEADER_BYTES_MAX (64 * 1024) /* Of one answer, all together. */
#define LOOK_MS 50                   /* How often the caller's stop is looked at. */

struct http_client {
    struct http_client_options options;
    CURL *easy;
    CURLM *multi; /* Drives it where a call can be stopped: the easy interface looks up once a second only. Else NULL. */
    char error[CURL_ERROR_SIZE];
    struct buf *to; /* NULL: the body is thrown away, but counted. */
    size_t n_bytes, bytes_max;
    size_t n_header_bytes;
    bool was_too_large, was_refused, was_sent, was_late;
};

static void init_library(void)
{
    must(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

static size_t on_body(char *at, size_t size, size_t n, void *context)
{
    struct http_client *c = context;

    n *= size;
    if (n > c->bytes_max - c->n_bytes) {
        c->was_too_large = true;
        return 0;
    }
    c->n_bytes += n;
    if (c->to) buf_add(c->to, at, n);
    return n;
}

static size_t on_header(char *at, size_t size, size_t n, void *context)
{
    struct http_client *c = context;

    (void)at;
    n *= size;
    c->n_header_bytes += n;
    if (c->n_header_bytes <= HEADER_BYTES_MAX) return n;
    c->was_too_large = true;
    return 0;
}

static curl_socket_t on_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct http_client *c = context;

    (void)purpose;
    if (c->options.may_connect && !c->options.may_connect(c->options.context, &address->addr)) {
        c->was_refused = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

#define SET(option, value) must(curl_easy_setopt(c->easy, option, value) == CURLE_OK)

struct http_client *http_client_new(const struct http_client_options *options)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http_client *c = mem_zalloc(sizeof *c);

    (void)pthread_once(&once, init_library);
    c->options = *options;
    c->easy = curl_easy_init();
    must(c->easy != NULL);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_PROTOCOLS_STR, options->https_only ? "https" : "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(options->connect_ms ? options->connect_ms : 3000));
    SET(CURLOPT_ERRORBUFFER, c->error);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, (void *)c);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, (void *)c);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETDATA, (void *)c);
    if (options->stop) c->multi = curl_multi_init();
    must(c->multi || !options->stop);
    if (options->ca_file) {
        SET(CURLOPT_CAINFO, options->ca_file);
        SET(CURLOPT_CAPATH, NULL); /* The system's folder counts besides otherwise. */
    }
    if (options->cert_file) SET(CURLOPT_SSLCERT, options->cert_file);
    if (options->key_file) SET(CURLOPT_SSLKEY, options->key_file);
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c) return;
    curl_easy_cleanup(c->easy);
    if (c->multi) must(curl_multi_cleanup(c->multi) == CURLM_OK);
    mem_free(c);
}

static struct curl_slist *header_list(const struct http_call *call)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* No waiting for 100. */

    must(list != NULL);
    for (size_t i = 0; i < call->n_headers; i++) must(curl_slist_append(list, call->headers[i]) != NULL);
    return list;
}

static void set_body(struct http_client *c, const struct http_call *call)
{
    const char *method = call->method ? call->method : "GET";

    if (call->body.at) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.n);
        SET(CURLOPT_POSTFIELDS, call->body.at);
    } else {
        SET(CURLOPT_POSTFIELDS, NULL);
        SET(CURLOPT_HTTPGET, 1L);
    }
    SET(CURLOPT_NOBODY, strcmp(method, "HEAD") == 0 ? 1L : 0L);
    SET(CURLOPT_CUSTOMREQUEST, method);
}

static enum err explain(struct http_client *c, const struct http_call *call, CURLcode code, struct why *why)
{
    const char *text = c->error[0] ? c->error : curl_easy_strerror(code);

    if (c->was_too_large) return fail(why, ERR_TOO_LARGE, "%s: the answer is longer than %zu bytes", call->url, c->bytes_max);
    if (c->was_refused) return fail(why, ERR_NET, "%s: its address is not among those allowed", call->url);
    if (code == CURLE_ABORTED_BY_CALLBACK) return fail(why, ERR_NET, "%s: given up, for it was stopped", call->url);
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return fail(why, ERR_INPUT, "%s: %s", call->url, text);
    return fail(why, ERR_NET, "%s: %s", call->url, text);
}

static bool is_stopped(const struct http_client *c)
{
    return c->options.stop && atomic_load(c->options.stop);
}

/* What curl_easy_perform() does, looking at the caller's stop in between. */
static CURLcode perform(struct http_client *c)
{
    CURLcode code = CURLE_ABORTED_BY_CALLBACK;
    const CURLMsg *message;
    int n_running = 1, n_left;

    if (!c->multi) return curl_easy_perform(c->easy);
    must(curl_multi_add_handle(c->multi, c->easy) == CURLM_OK);
    while (!is_stopped(c)) {
        must(curl_multi_perform(c->multi, &n_running) == CURLM_OK);
        if (n_running == 0) break;
        must(curl_multi_poll(c->multi, NULL, 0, LOOK_MS, NULL) == CURLM_OK);
    }
    while ((message = curl_multi_info_read(c->multi, &n_left)))
        if (message->msg == CURLMSG_DONE) code = message->data.result;
    must(curl_multi_remove_handle(c->multi, c->easy) == CURLM_OK); /* Closes the connection of one that is under way. */
    return code;
}

enum err http_client_call(struct http_client *c, const struct http_call *call, int *ret_status,
                          struct buf *ret_body, struct why *why)
{
    struct curl_slist *headers = header_list(call);
    AUTO(buf_done) struct buf body = {0};
    long status = 0, n_request = 0;
    CURLcode code;

    c->to = ret_body ? &body : NULL;
    c->n_bytes = c->n_header_bytes = 0;
    c->bytes_max = call->bytes_max ? call->bytes_max : 1024 * 1024;
    c->was_too_large = c->was_refused = false;
    c->was_sent = true;
    c->error[0] = '\0';
    SET(CURLOPT_URL, call->url);
    SET(CURLOPT_HTTPHEADER, headers);
    SET(CURLOPT_TIMEOUT_MS, (long)(call->timeout_ms ? call->timeout_ms : 5000));
    set_body(c, call);
    code = perform(c);
    SET(CURLOPT_HTTPHEADER, NULL);
    SET(CURLOPT_POSTFIELDS, NULL);
    curl_slist_free_all(headers);
    if (curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &n_request) == CURLE_OK) c->was_sent = n_request > 0;
    c->was_late = code == CURLE_OPERATION_TIMEDOUT && c->was_sent;
    if (code != CURLE_OK) return explain(c, call, code, why);
    (void)curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    *ret_status = (int)status;
    if (ret_body) {
        *ret_body = body;
        body = (struct buf){0};
    }
    return OK;
}

bool http_client_was_sent(const struct http_client *c)
{
    return c->was_sent;
}

bool http_client_was_late(const struct http_client *c)
{
    return c->was_late;
}

int http_client_took_ms(struct http_client *c)
{
    curl_off_t us = 0;

    (void)curl_easy_getinfo(c->easy, CURLINFO_TOTAL_TIME_T, &us);
    return (int)(us / 1000);
}

struct str http_client_header(struct http_client *c, const char *name)
{
    struct curl_header *found;

    if (curl_easy_header(c->easy, name, 0, CURLH_HEADER, -1, &found) != CURLHE_OK) return (struct str){0};
    return str_of(found->value);
}
