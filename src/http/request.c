/* request.c - a request's memory, the limits on its headers and body, and its query.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "http/server_internal.h"

#include <time.h>

#include "base/hex.h"
#include "base/mem.h"

#define FREE_MAX 256            /* Requests that a worker keeps for reuse. */
#define BODY_KEEP (64 * 1024)   /* A larger body buffer is not kept. */
#define BODY_FIRST (64 * 1024)  /* Memory taken on the word of a Content-Length alone. */
#define SURPLUS_MAX (16 * 1024 * 1024) /* Read and thrown away of too large a body, so that its sender comes to read the 413. */

_Static_assert(offsetof(struct request, face) == 0, "a request begins with its face");

int64_t server_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t exact_now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A pool thread serves one server for its whole life. */
static struct worker *this_worker(struct http_server *s)
{
    static _Thread_local struct worker *worker;

    if (!worker) {
        unsigned index = atomic_fetch_add(&s->n_workers_named, 1);
        must(index < s->n_workers);
        worker = &s->workers[index];
        worker->index = index;
    }
    return worker;
}

/* Path and query of a request target; of its absolute form (RFC 9112 3.2.2) what follows the authority. */
static void set_target(struct request *r, const char *target)
{
    struct str rest = arena_dup(&r->face.arena, str_of(target));

    if (str_starts(rest, STR("http://")) || str_starts(rest, STR("https://"))) {
        rest = str_skip(rest, str_find(rest, ':') + 3);
        rest = str_skip(rest, str_find(rest, '/'));
    }
    r->face.path = str_cut(&rest, '?');
    r->face.query = rest;
}

struct request *request_new(struct http_server *s, struct MHD_Connection *mhd, const char *target)
{
    struct worker *w = this_worker(s);
    struct request *r = w->free_list;

    if (r) {
        w->free_list = r->next;
        w->n_free--;
        struct arena arena = r->face.arena;
        struct buf body = r->body;
        *r = (struct request){.face = {.arena = arena}, .body = body};
    } else {
        r = mem_zalloc(sizeof *r);
    }
    r->server = s;
    r->worker = w;
    r->mhd = mhd;
    r->connection = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    r->face.server_side = r;
    r->face.thread = w->index;
    set_target(r, target ? target : "");
    return r;
}

void request_free(struct request *r)
{
    buf_done(&r->body);
    buf_done(&r->response.body);
    arena_done(&r->face.arena);
    mem_free(r);
}

bool request_list(struct request *r)
{
    struct worker *w = r->worker;

    /* Under the lock: whoever empties the list has set is_refusing before. */
    (void)pthread_mutex_lock(&w->lock);
    r->is_suspended = !atomic_load(&r->server->is_refusing);
    if (r->is_suspended) {
        r->prev = NULL;
        r->next = w->suspended;
        if (r->next) r->next->prev = r;
        w->suspended = r;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return r->is_suspended;
}

void request_unlist(struct request *r)
{
    struct worker *w = r->worker;

    (void)pthread_mutex_lock(&w->lock);
    if (r->prev)
        r->prev->next = r->next;
    else
        w->suspended = r->next;
    if (r->next) r->next->prev = r->prev;
    r->is_suspended = false;
    (void)pthread_mutex_unlock(&w->lock);
}

void request_end(struct request *r)
{
    struct worker *w = r->worker;

    atomic_fetch_sub(&r->server->n_body_bytes, r->n_counted);
    r->n_counted = 0;
    if (r->is_suspended) request_unlist(r); /* Lost when it was resumed, before it was called again. */
    if (r->has_begun) atomic_fetch_sub(&w->n_active, 1);
    if (atomic_load(&r->state) == REQUEST_ABANDONED) {
        atomic_fetch_add(&r->server->n_holders, 1);
        if (atomic_exchange(&r->state, REQUEST_GONE) == REQUEST_ABANDONED) return; /* http_respond() frees it. */
        atomic_fetch_sub(&r->server->n_holders, 1);
    }
    buf_done(&r->response.body);
    if (w->n_free == FREE_MAX) {
        request_free(r);
        return;
    }
    if (r->body.room > BODY_KEEP)
        buf_done(&r->body);
    else
        buf_clear(&r->body);
    arena_clear(&r->face.arena);
    r->next = w->free_list;
    w->free_list = r;
    w->n_free++;
}

/* ---- headers ---- */

struct header_scan {
    struct request *r;
    size_t n, n_bytes;
    int n_lengths, n_encodings, n_authorizations, n_hosts;
    struct str length;
    bool is_chunked, expects, has_bad_name;
};

static struct str trimmed(struct str s) /* The library leaves white space at the end. */
{
    while (s.n > 0 && (s.at[s.n - 1] == ' ' || s.at[s.n - 1] == '\t')) s.n--;
    return s;
}

static bool is_token(struct str s) /* RFC 9110 section 5.6.2 */
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if (c <= ' ' || c >= 0x7F || strchr("\"(),/:;<=>?@[\\]{}", c)) return false;
    }
    return s.n > 0;
}

static enum MHD_Result scan_header(void *context, enum MHD_ValueKind kind, const char *name,
                                   size_t name_n, const char *value, size_t value_n)
{
    struct header_scan *scan = context;
    struct str key = {name, name_n}, text = {value, value_n};
    struct http_request *face = &scan->r->face;

    (void)kind;
    scan->n++;
    scan->n_bytes += name_n + value_n + 4; /* ": " and CRLF */
    if (!is_token(key)) scan->has_bad_name = true;
    switch (name_n) { /* The few that matter differ in length, mostly. */
    case 4:
        scan->n_hosts += str_equal_nocase(key, STR("Host"));
        break;
    case 6:
        scan->expects |= str_equal_nocase(key, STR("Expect"));
        break;
    case 13:
        if (!str_equal_nocase(key, STR("Authorization"))) break;
        scan->n_authorizations++;
        face->authorization = arena_dup(&face->arena, trimmed(text));
        break;
    case 14:
        if (!str_equal_nocase(key, STR("Content-Length"))) break;
        scan->n_lengths++;
        scan->length = text;
        break;
    case 16:
        if (str_equal_nocase(key, STR("Journal-At-Least"))) face->journal_at_least = arena_dup(&face->arena, trimmed(text));
        break;
    case 17:
        if (!str_equal_nocase(key, STR("Transfer-Encoding"))) break;
        scan->n_encodings++;
        scan->is_chunked = str_equal_nocase(text, STR("chunked"));
        break;
    default:
        break;
    }
    return MHD_YES;
}

static int refuse(const char **ret_text, int status, const char *text)
{
    *ret_text = text;
    return status;
}

/* RFC 9112 section 6.3, the strict reading: one length or one "chunked", never both; nor two hosts (3.2) or tokens, of which a
 * proxy in front may have seen the other. */
static int check_framing(struct request *r, const struct header_scan *scan, const char **ret_text)
{
    uint64_t length = 0;

    if (scan->has_bad_name) return refuse(ret_text, 400, "malformed header name\n");
    if (scan->n_hosts > 1) return refuse(ret_text, 400, "Host given twice\n");
    if (scan->n_authorizations > 1) return refuse(ret_text, 400, "Authorization given twice\n");
    if (scan->n_lengths > 0 && scan->n_encodings > 0)
        return refuse(ret_text, 400, "both Content-Length and Transfer-Encoding\n");
    if (scan->n_lengths > 1) return refuse(ret_text, 400, "Content-Length given twice\n");
    if (scan->n_encodings > 1 || (scan->n_encodings == 1 && !scan->is_chunked))
        return refuse(ret_text, 400, "unknown Transfer-Encoding\n");
    if (scan->n_lengths == 0) return 0;
    for (size_t i = 0; i < scan->length.n; i++) {
        char c = scan->length.at[i];
        if (c < '0' || c > '9') return refuse(ret_text, 400, "malformed Content-Length\n");
        length = length * 10 + (uint64_t)(c - '0');
        if (length >= SURPLUS_MAX) return refuse(ret_text, 413, "body too large\n");
    }
    if (length > LIMIT_BODY_BYTES) { /* Whoever sends it without asking would not read an answer that came before its end. */
        if (scan->expects) return refuse(ret_text, 413, "body too large\n");
        r->n_surplus = 1;
        return 0;
    }
    if (length) (void)buf_reserve(&r->body, (length < BODY_FIRST ? length : BODY_FIRST) + HTTP_PADDING);
    return 0;
}

int request_begin(struct request *r, const char *method, const char *version, const char **ret_text)
{
    struct header_scan scan = {.r = r};
    struct http_request *face = &r->face;

    r->has_begun = true;
    atomic_fetch_add(&r->worker->n_active, 1);
    face->arrived_us = exact_now_us();
    face->method = arena_dup(&face->arena, str_of(method));
    if (face->path.n + face->query.n > LIMIT_URI_BYTES) return refuse(ret_text, 414, "URI too long\n");
    (void)MHD_get_connection_values_n(r->mhd, MHD_HEADER_KIND, scan_header, &scan);
    if (scan.n > LIMIT_HEADERS) return refuse(ret_text, 431, "too many headers\n");
    if (scan.n_bytes > LIMIT_HEADER_BYTES) return refuse(ret_text, 431, "headers too large\n");
    if (scan.n_encodings > 0 && !str_equal(str_of(version), STR("HTTP/1.1")))
        return refuse(ret_text, 400, "Transfer-Encoding needs HTTP/1.1\n");
    return check_framing(r, &scan, ret_text);
}

/* Memory for bodies is shared by all connections: what is over BODY_FIRST of one is counted. */
static void drop_body(struct request *r)
{
    buf_done(&r->body);
    atomic_fetch_sub(&r->server->n_body_bytes, r->n_counted);
    r->n_counted = 0;
}

static bool has_memory(struct request *r, size_t n)
{
    struct http_server *s = r->server;

    if (r->body.n + n <= BODY_FIRST) return true;
    if (atomic_fetch_add(&s->n_body_bytes, n) + n <= s->bodies_max) {
        r->n_counted += n;
        return true;
    }
    atomic_fetch_sub(&s->n_body_bytes, n);
    return false;
}

bool request_add_body(struct request *r, const char *at, size_t n)
{
    bool is_refused = r->n_surplus > 0 || r->is_crowded_out;

    if (!is_refused && n > LIMIT_BODY_BYTES - r->body.n) { /* Chunked: nobody said how long it would be. */
        r->n_surplus = 1;
    } else if (!is_refused && has_memory(r, n)) {
        buf_add(&r->body, at, n);
        return true;
    } else if (!is_refused) {
        r->is_crowded_out = true;
    }
    if (r->body.at) drop_body(r);
    r->n_surplus += r->n_surplus > 0 ? n : 0;
    return r->n_surplus <= SURPLUS_MAX;
}

/* ---- for handlers ---- */

struct str http_header(const struct http_request *face, const char *name)
{
    const struct request *r = face->server_side;
    const char *value = NULL;
    size_t n = 0;

    if (MHD_lookup_connection_value_n(r->mhd, MHD_HEADER_KIND, name, strlen(name), &value, &n) != MHD_YES)
        return (struct str){0};
    return trimmed((struct str){value, n});
}

/* "%41+b" to "A b" (WHATWG URL, form-urlencoded). False for broken or NUL escapes. */
static bool decode(struct arena *arena, struct str text, struct str *ret)
{
    char *to = arena_alloc(arena, text.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.at[i];
        if (c == '+') c = ' ';
        if (c == '%') {
            if (!hex_decode(str_first(str_skip(text, i + 1), 2), 1, &c) || c == '\0') return false;
            i += 2;
        }
        to[n++] = c;
    }
    to[n] = '\0';
    *ret = (struct str){to, n};
    return true;
}

bool http_query(struct http_request *face, const char *name, struct str *ret_value)
{
    struct str rest = face->query;

    while (rest.n > 0) {
        struct str value = str_cut(&rest, '&'), key;
        struct str raw = str_cut(&value, '=');
        if (!decode(&face->arena, raw, &key) || !str_equal(key, str_of(name))) continue;
        return decode(&face->arena, value, ret_value);
    }
    return false;
}
