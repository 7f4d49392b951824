/* peer_link.c - calls peers over HTTP, each by a thread of its own.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/peer_link.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/peer.h"
#include "base/instant.h"
#include "base/limits.h"
#include "base/mem.h"
#include "node/exchange.h"

/* One call, copied. */
struct errand {
    struct errand *next;
    struct buf urls[LIMIT_ADDRESSES];
    size_t n_urls;
    struct buf target, body;
    struct peer_call call; /* Its texts are not used. */
};

struct line {
    struct line *next;
    struct http_link *link;
    uint8_t to[8];
    pthread_t thread;
    pthread_cond_t wake;
    struct errand *first; /* Under the link's lock. */
    size_t best;          /* The address that answered last. */
    struct buf token;     /* The thread's: "Authorization: ...", of this second. */
    int64_t token_s;
};

struct http_link {
    struct peer_link base;
    pthread_mutex_t lock;
    struct line *lines;
    bool is_closing;
    atomic_bool stop;
    struct http_client_options client;
    char *ca_file, *cert_file, *key_file;
    struct key_secret key;
    uint8_t author[8];
};

static void errand_free(struct errand *e)
{
    for (size_t i = 0; i < e->n_urls; i++) buf_done(&e->urls[i]);
    buf_done(&e->target);
    buf_done(&e->body);
    mem_free(e);
}

static void authorize(struct peer_link *base, const uint8_t to[8], struct buf *ret)
{
    struct http_link *l = base->context;

    buf_add_str(ret, STR("Authorization: Bearer "));
    peer_token_add(ret, &l->key, l->author, to, node_now_us());
}

/* Tokens tell whole seconds: one a second is as good as one a call. */
static const char *authorization(struct line *line)
{
    int64_t now_s = node_now_us() / INSTANT_S;

    if (line->token_s == now_s) return buf_z(&line->token);
    buf_clear(&line->token);
    authorize(&line->link->base, line->to, &line->token);
    line->token_s = now_s;
    return buf_z(&line->token);
}

/* At one address. */
static enum err go(struct line *line, struct http_client *client, const struct errand *e, size_t which, int *ret_status, struct buf *ret,
                   struct why *why)
{
    AUTO(buf_done) struct buf url = {0};

    buf_add_str(&url, buf_str(&e->urls[which]));
    while (url.n > 0 && url.at[url.n - 1] == '/') url.n--;
    buf_add_str(&url, buf_str(&e->target));
    const char *headers[] = {authorization(line), "Content-Type: " EXCHANGE_TYPE};
    struct http_call call = {.method = e->call.is_post ? "POST" : "GET",
                             .url = buf_z(&url),
                             .headers = headers,
                             .n_headers = e->call.is_post ? 2 : 1,
                             .timeout_ms = EXCHANGE_TIMEOUT_MS,
                             .bytes_max = EXCHANGE_BODY_MAX};
    if (e->call.is_post) call.body = buf_str(&e->body);
    return http_client_call(client, &call, ret_status, ret, why);
}

static void run(struct line *line, struct http_client *client, const struct errand *e)
{
    AUTO(buf_done) struct buf answer = {0};
    struct why why = {"it has no address"};
    enum err err = ERR_NET;
    int status = 0;

    for (size_t i = 0; i < e->n_urls && err != OK && !atomic_load(&line->link->stop); i++) {
        size_t which = (line->best + i) % e->n_urls;
        buf_clear(&answer);
        err = go(line, client, e, which, &status, &answer, &why);
        if (err == OK) line->best = which;
    }
    must(pthread_mutex_lock(&line->link->lock) == 0);
    bool is_closing = line->link->is_closing;
    must(pthread_mutex_unlock(&line->link->lock) == 0);
    if (is_closing) return;
    if (err == OK) e->call.answered(e->call.context, e->call.tag, OK, status, buf_str(&answer));
    else e->call.answered(e->call.context, e->call.tag, ERR_NET, 0, str_of(why.text));
}

static void *line_main(void *arg)
{
    struct line *line = arg;
    struct http_link *l = line->link;
    struct http_client *client = http_client_new(&l->client);

    must(pthread_mutex_lock(&l->lock) == 0);
    for (;;) {
        while (!line->first && !l->is_closing) must(pthread_cond_wait(&line->wake, &l->lock) == 0);
        if (l->is_closing) break;
        struct errand *e = line->first;
        line->first = e->next;
        must(pthread_mutex_unlock(&l->lock) == 0);
        run(line, client, e);
        errand_free(e);
        must(pthread_mutex_lock(&l->lock) == 0);
    }
    must(pthread_mutex_unlock(&l->lock) == 0);
    http_client_free(client);
    return NULL;
}

/* Under lock. */
static struct line *line_to(struct http_link *l, const uint8_t to[8])
{
    struct line *line = l->lines;

    while (line && memcmp(line->to, to, 8) != 0) line = line->next;
    if (line) return line;
    line = mem_zalloc(sizeof *line);
    memcpy(line->to, to, 8);
    line->link = l;
    line->next = l->lines;
    l->lines = line;
    must(pthread_cond_init(&line->wake, NULL) == 0);
    must(pthread_create(&line->thread, NULL, line_main, line) == 0);
    return line;
}

static void start_call(struct peer_link *base, const struct peer_call *call)
{
    struct http_link *l = base->context;
    struct errand *e = mem_zalloc(sizeof *e);

    e->call = *call;
    for (; e->n_urls < call->n_urls && e->n_urls < LIMIT_ADDRESSES; e->n_urls++) buf_add_str(&e->urls[e->n_urls], call->urls[e->n_urls]);
    buf_add_str(&e->target, call->target);
    buf_add_str(&e->body, call->body);
    must(pthread_mutex_lock(&l->lock) == 0);
    struct line *line = line_to(l, call->to);
    struct errand **end = &line->first;
    while (*end) end = &(*end)->next;
    *end = e;
    must(pthread_cond_signal(&line->wake) == 0);
    must(pthread_mutex_unlock(&l->lock) == 0);
}

static void identify(struct peer_link *base, const struct key_secret *key, const uint8_t author[8])
{
    struct http_link *l = base->context;

    key_secret_done(&l->key);
    key_secret_init(&l->key, key->seed);
    memcpy(l->author, author, sizeof l->author);
}

static void close_link(struct peer_link *base)
{
    struct http_link *l = base->context;

    atomic_store(&l->stop, true);
    must(pthread_mutex_lock(&l->lock) == 0);
    l->is_closing = true;
    for (struct line *line = l->lines; line; line = line->next) must(pthread_cond_signal(&line->wake) == 0);
    must(pthread_mutex_unlock(&l->lock) == 0);
    for (struct line *line = l->lines, *next; line; line = next) {
        next = line->next;
        must(pthread_join(line->thread, NULL) == 0);
        for (struct errand *e = line->first, *after; e; e = after) {
            after = e->next;
            errand_free(e);
        }
        must(pthread_cond_destroy(&line->wake) == 0);
        buf_done(&line->token);
        mem_free(line);
    }
    must(pthread_mutex_destroy(&l->lock) == 0);
    key_secret_done(&l->key);
    mem_free(l->ca_file);
    mem_free(l->cert_file);
    mem_free(l->key_file);
    mem_free(l);
}

static char *copy_text(const char *text)
{
    return text ? mem_dup(text, strlen(text) + 1) : NULL;
}

struct peer_link *peer_link_new(const struct peer_link_options *options)
{
    struct http_link *l = mem_zalloc(sizeof *l);

    l->ca_file = copy_text(options->ca_file);
    l->cert_file = copy_text(options->cert_file);
    l->key_file = copy_text(options->key_file);
    l->client = (struct http_client_options){
        .connect_ms = EXCHANGE_TIMEOUT_MS, .ca_file = l->ca_file, .cert_file = l->cert_file, .key_file = l->key_file, .stop = &l->stop};
    must(pthread_mutex_init(&l->lock, NULL) == 0);
    l->base = (struct peer_link){.context = l,
                                 .identify = identify,
                                 .call = start_call,
                                 .authorize = authorize,
                                 .client = &l->client,
                                 .close = close_link};
    return &l->base;
}
