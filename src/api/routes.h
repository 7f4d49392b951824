/* routes.h - which call answers a method and path, and which scopes open it.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Segments in braces match any text without '/', the empty one included: "…/subscriptions/{id}/" is the update route with
 * an empty version (f3548-dss.md section 1). "{*}" matches all that is left, slashes too.
 */
#ifndef API_ROUTES_H
#define API_ROUTES_H

#include "base/arena.h"
#include "base/str.h"

struct call;

/* What of the state a call waits for. */
enum route_waits {
    ROUTE_AS_IS,  /* Nothing. */
    ROUTE_WRITES, /* The position that Journal-At-Least names. What is refused on the state at hand is judged again on a newer one. */
    ROUTE_READS,  /* The same, and all that the order held when the call came (node_barrier()). */
};

#define ROUTE_ARGS 2

struct route {
    const char *method;
    const char *pattern;
    unsigned any_of;   /* enum scope bits, one of which is needed; 0: no token */
    int success;       /* Status of its success. */
    enum route_waits waits;
    void (*handle)(struct call *c);
};

size_t routes_n(void);
const struct route *routes_at(size_t i);

/* NULL if there is none. ret_args get the decoded segments, in arena where they had escapes, else borrowed from path; a badly encoded
 * segment matches as it stands. */
const struct route *routes_find(struct str method, struct str path, struct arena *arena,
                                struct str ret_args[ROUTE_ARGS]);

/* The route's number, for counters: 0..routes_n()-1. */
size_t routes_index(const struct route *r);

#endif
