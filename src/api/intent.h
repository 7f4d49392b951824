/* intent.h - operational intent references: query, get, put, delete (f3548-dss.md section 6).
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef API_INTENT_H
#define API_INTENT_H

#include "api/call.h"

/* What a put says, beside its body. */
struct intent_input {
    struct str id;     /* Path segments. */
    struct str ovn;    /* Empty: create. */
    unsigned scopes;
    int64_t now_us;
    bool allows_http;
};

/* Reads and checks a put (steps A and B of 6.2) into ret_change, which borrows from arena alone; the key strings are copied there
 * too. Chooses the OVN and an implicit subscription's id. ERR_INPUT, or ERR_RIGHTS for an off-nominal state without its scope. */
CHECKED enum err intent_read(const struct intent_input *in, struct json_node body,
                             struct volume_reader *volumes, struct arena *arena,
                             struct change *ret_change, const struct str **ret_key,
                             size_t *ret_n_key, struct why *why);

void intent_on_query(struct call *c);
void intent_on_get(struct call *c);
void intent_on_put(struct call *c); /* Create and update. */
void intent_on_delete(struct call *c);

#endif
