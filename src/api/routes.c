/* routes.c - the table of calls.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/routes.h"

#include "api/auth.h"
#include "api/auxiliary.h"
#include "api/availability.h"
#include "api/constraint.h"
#include "api/intent.h"
#include "api/line.h"
#include "api/log.h"
#include "api/metrics.h"
#include "api/peer.h"
#include "api/report.h"
#include "api/status.h"
#include "api/subscription.h"
#include "base/hex.h"
#include "node/exchange.h"

#define OIR "/dss/v1/operational_intent_references/"
#define CR "/dss/v1/constraint_references/"
#define SUB "/dss/v1/subscriptions/"
#define USS "/dss/v1/uss_availability/"
#define AUX "/aux/v1/"

/* "SC; or SC and CP; or CMSA" is SC or CMSA: no alternative of F3548-21 needs two at once. */
enum {
    INTENTS = SCOPE_SC | SCOPE_CMSA,
    CONSTRAINTS_READ = SCOPE_CM | SCOPE_CP,
    CONSTRAINTS_WRITE = SCOPE_CM,
    SUBSCRIPTIONS = SCOPE_SC | SCOPE_CP,
    ANY_F3548 = SCOPE_SC | SCOPE_CP | SCOPE_CM | SCOPE_CMSA | SCOPE_AA,
    AVAILABILITY_READ = SCOPE_AA | SCOPE_SC | SCOPE_CMSA,
    OAUTH = SCOPE_RID_READ | SCOPE_RID_WRITE,
    MEMBERS = SCOPE_LINE_READ | SCOPE_LINE_OPERATE,
    ANY = ANY_F3548 | OAUTH | SCOPE_POOL_READ | SCOPE_POOL_WRITE | MEMBERS,
};

/* The busiest first. The update of a subscription reads the times that it leaves out. clang-format off */
static const struct route table[] = {
    /* method    pattern                          any of             success  waits         handle */
    {"PUT",    OIR "{entityid}",                  INTENTS,           201, ROUTE_WRITES, intent_on_put},
    {"PUT",    OIR "{entityid}/{ovn}",            INTENTS,           200, ROUTE_WRITES, intent_on_put},
    {"POST",   OIR "query",                       INTENTS,           200, ROUTE_READS,  intent_on_query},
    {"GET",    OIR "{entityid}",                  INTENTS,           200, ROUTE_READS,  intent_on_get},
    {"DELETE", OIR "{entityid}/{ovn}",            INTENTS,           200, ROUTE_WRITES, intent_on_delete},
    {"POST",   CR "query",                        CONSTRAINTS_READ,  200, ROUTE_READS,  constraint_on_query},
    {"GET",    CR "{entityid}",                   CONSTRAINTS_READ,  200, ROUTE_READS,  constraint_on_get},
    {"PUT",    CR "{entityid}",                   CONSTRAINTS_WRITE, 201, ROUTE_WRITES, constraint_on_put},
    {"PUT",    CR "{entityid}/{ovn}",             CONSTRAINTS_WRITE, 200, ROUTE_WRITES, constraint_on_put},
    {"DELETE", CR "{entityid}/{ovn}",             CONSTRAINTS_WRITE, 200, ROUTE_WRITES, constraint_on_delete},
    {"POST",   SUB "query",                       SUBSCRIPTIONS,     200, ROUTE_READS,  subscription_on_query},
    {"GET",    SUB "{subscriptionid}",            SUBSCRIPTIONS,     200, ROUTE_READS,  subscription_on_get},
    {"PUT",    SUB "{subscriptionid}",            SUBSCRIPTIONS,     200, ROUTE_WRITES, subscription_on_put},
    {"PUT",    SUB "{subscriptionid}/{version}",  SUBSCRIPTIONS,     200, ROUTE_READS,  subscription_on_put},
    {"DELETE", SUB "{subscriptionid}/{version}",  SUBSCRIPTIONS,     200, ROUTE_WRITES, subscription_on_delete},
    {"POST",   "/dss/v1/reports",                 ANY_F3548,         201, ROUTE_WRITES, report_on_post},
    {"GET",    USS "{uss_id}",                    AVAILABILITY_READ, 200, ROUTE_READS,  availability_on_get},
    {"PUT",    USS "{uss_id}",                    SCOPE_AA,          200, ROUTE_WRITES, availability_on_put},
    {"GET",    "/healthy",                        0,                 200, ROUTE_AS_IS,  aux_on_healthy},
    {"GET",    AUX "version",                     0,                 200, ROUTE_AS_IS,  aux_on_version},
    {"GET",    AUX "validate_oauth",              OAUTH,             200, ROUTE_AS_IS,  aux_on_validate_oauth},
    {"GET",    AUX "pool",                        SCOPE_POOL_READ,   200, ROUTE_AS_IS,  aux_on_pool},
    {"GET",    AUX "pool/dss_instances",          SCOPE_POOL_READ,   200, ROUTE_AS_IS,  aux_on_instances},
    {"PUT",    AUX "pool/dss_instances/heartbeat", SCOPE_POOL_WRITE, 201, ROUTE_AS_IS,  aux_on_heartbeat},
    {"GET",    AUX "configuration/ca_certs",      0,                 200, ROUTE_AS_IS,  aux_on_ca_certs},
    {"GET",    AUX "configuration/accepted_ca_certs", 0,             200, ROUTE_AS_IS,  aux_on_ca_certs},
    {"GET",    AUX "configuration/global_options", SCOPE_POOL_READ,  200, ROUTE_AS_IS,  aux_on_global_options},
    {"GET",    AUX "journal/entries/{hash}",      ANY,               200, ROUTE_AS_IS,  aux_on_entry_fate},
    {"GET",    AUX "status",                      MEMBERS,           200, ROUTE_READS,  status_on_get},
    {"GET",    AUX "authors/{author}",            MEMBERS,           200, ROUTE_READS,  line_on_author},
    {"POST",   AUX "entries",                     MEMBERS,           200, ROUTE_AS_IS,  line_on_entry},
    {"POST",   AUX "line/suspend",                SCOPE_LINE_OPERATE, 200, ROUTE_READS, line_on_suspend},
    {"POST",   AUX "line/resume",                 SCOPE_LINE_OPERATE, 200, ROUTE_READS, line_on_resume},
    {"GET",    "/versions/{system_identity}",     0,                 200, ROUTE_AS_IS,  aux_on_system_version},
    {"GET",    "/log/checkpoint",                 0,                 200, ROUTE_AS_IS,  log_on_checkpoint},
    {"GET",    "/log/vkey",                       0,                 200, ROUTE_AS_IS,  log_on_vkey},
    {"GET",    "/log/tile/{*}",                   0,                 200, ROUTE_AS_IS,  log_on_tile},
    {"POST",   EXCHANGE_ROUND,                    0,                 200, ROUTE_AS_IS,  peer_on_round},
    {"POST",   EXCHANGE_PROOF,                    0,                 200, ROUTE_AS_IS,  peer_on_proof},
    {"GET",    EXCHANGE_HEAD,                     0,                 200, ROUTE_AS_IS,  peer_on_head},
    {"GET",    "/metrics",                        0,                 200, ROUTE_AS_IS,  metrics_on_get},
};
/* clang-format on */

#define N_ROUTES (sizeof table / sizeof table[0])

size_t routes_n(void)
{
    return N_ROUTES;
}

const struct route *routes_at(size_t i)
{
    must(i < N_ROUTES);
    return &table[i];
}

size_t routes_index(const struct route *r)
{
    return (size_t)(r - table);
}

/* Raw segments of path where pattern has braces; false if it is another path. */
static bool matches(const char *pattern, struct str path, struct str ret_args[ROUTE_ARGS])
{
    size_t n_args = 0;
    size_t at = 0;
    for (const char *p = pattern; *p; p++) {
        if (*p != '{') {
            if (at >= path.n || path.at[at] != *p) return false;
            at++;
            continue;
        }
        bool takes_all = p[1] == '*';
        size_t begin = at;
        while (at < path.n && (takes_all || path.at[at] != '/')) at++;
        must(n_args < ROUTE_ARGS);
        ret_args[n_args++] = str_make(path.at + begin, at - begin);
        while (*p != '}') p++;
    }
    if (at != path.n) return false;
    while (n_args < ROUTE_ARGS) ret_args[n_args++] = STR("");
    return true;
}

/* Percent decoding (RFC 3986 2.1); text as it stands if it is badly encoded. */
static struct str decode(struct str text, struct arena *arena)
{
    if (str_find(text, '%') == text.n) return text;
    char *to = arena_alloc(arena, text.n);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.at[i];
        if (c == '%') {
            int high = i + 2 < text.n ? hex_digit(text.at[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text.at[i + 2]) : -1;
            if (low < 0) return text;
            c = (char)(high << 4 | low);
            i += 2;
        }
        to[n++] = c;
    }
    return str_make(to, n);
}

const struct route *routes_find(struct str method, struct str path, struct arena *arena,
                                struct str ret_args[ROUTE_ARGS])
{
    struct str args[ROUTE_ARGS];
    for (size_t i = 0; i < N_ROUTES; i++) {
        if (!str_equal(method, str_of(table[i].method))) continue;
        if (!matches(table[i].pattern, path, args)) continue;
        for (size_t k = 0; k < ROUTE_ARGS; k++) ret_args[k] = decode(args[k], arena);
        return &table[i];
    }
    return NULL;
}
