/* subscription.h - subscriptions: query, get, put, delete (f3548-dss.md section 7).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_SUBSCRIPTION_H
#define API_SUBSCRIPTION_H

#include "api/call.h"

/* What a put says, beside its body. */
struct subscription_input {
    struct str id;      /* Path segments. */
    struct str version; /* Empty: create. */
    int64_t now_us;
    bool allows_http;
    bool has_old;       /* One is stored that the caller may know of: its times stand in for omitted ones. */
    struct box old;
};

/* The path's id, before the stored subscription can be looked up. */
CHECKED enum err subscription_read_id(struct str text, struct id *ret, struct why *why);

/* Reads and checks a put into ret_change, which borrows from arena alone (7.2 steps 1 to 7). */
CHECKED enum err subscription_read(const struct subscription_input *in, struct json_node body,
                                   struct volume_reader *volumes, struct arena *arena,
                                   struct change *ret_change, struct why *why);

void subscription_on_query(struct call *c);
void subscription_on_get(struct call *c);
void subscription_on_put(struct call *c); /* Create and update. */
void subscription_on_delete(struct call *c);

#endif
