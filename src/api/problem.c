/* problem.c - error bodies.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/problem.h"

#include "api/reference.h"
#include "base/json.h"

void problem_add(struct buf *to, struct str message)
{
    struct json j = {.to = to};
    json_open(&j, '{');
    json_key(&j, "message");
    json_str(&j, message);
    json_close(&j, '}');
}

void problem_add_conflict(struct buf *to, const struct view *v, struct str caller,
                          const struct key_verdict *verdict)
{
    struct reference_writer w = {.to = to, .view = v, .caller = caller};
    buf_reserve(to, 256 + 640 * (verdict->n_missing_intents + verdict->n_missing_constraints));
    buf_addf(to,
             "{\"message\":\"the key lacks current OVNs of relevant entities: %zu operational "
             "intents, %zu constraints\"",
             verdict->n_missing_intents, verdict->n_missing_constraints);
    if (verdict->n_missing_intents > 0) {
        buf_add_str(to, STR(",\"missing_operational_intents\":"));
        reference_add_list(&w, verdict->missing_intents, verdict->n_missing_intents);
    }
    if (verdict->n_missing_constraints > 0) {
        buf_add_str(to, STR(",\"missing_constraints\":"));
        reference_add_list(&w, verdict->missing_constraints, verdict->n_missing_constraints);
    }
    buf_add_char(to, '}');
}
