/* constraint.c - constraint references.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "api/constraint.h"

#include "api/entity.h"
#include "api/field.h"
#include "node/entropy.h"

enum err constraint_read(struct str id, struct str ovn, bool allows_http, int64_t now_us,
                         struct json_node body, struct volume_reader *volumes,
                         struct arena *arena, struct change *ret_change, struct why *why)
{
    struct change change = {.kind = CHANGE_CONSTRAINT_PUT};
    struct str url;
    struct vol vol;

    TRY(field_id(id, "entityid", &change.id, why));
    TRY(field_string(body, "uss_base_url", &url, why));
    TRY(field_check_url(url, "uss_base_url", allows_http, why));
    enum err err = volume_read_union(volumes, field(body, "extents"), "extents", &vol, why);
    if (err) return err == ERR_TOO_LARGE ? ERR_INPUT : err;
    TRY(volume_check_bounds(&vol.box, false, now_us, why));
    change.url = arena_dup(arena, url);
    change.vol = volume_keep(&vol, arena);
    if (ovn.n > 0) {
        change.has_base = true;
        change.base = hash_digest(ovn);
    }
    entropy_fill(change.random, sizeof change.random);
    *ret_change = change;
    return OK;
}

void constraint_on_put(struct call *c)
{
    struct write *w = write_new(c, CHANGE_CONSTRAINT_PUT);
    struct json_node body;
    struct why why = {0};
    enum err err = call_body(c, &body, &why);
    if (!err) {
        err = constraint_read(c->args[0], c->args[1], c->api->options.allows_http, c->now_us, body,
                              &c->scratch->volumes, call_arena(c), &w->proposal.change, &why);
    }
    if (err) {
        call_refuse(c, err, &why);
        return;
    }
    w->status = c->route->success;
    w->render = entity_render_put;
    write_start(w);
}

void constraint_on_delete(struct call *c)
{
    entity_on_delete(c, ENTITY_CONSTRAINT);
}

void constraint_on_get(struct call *c)
{
    entity_on_get(c, ENTITY_CONSTRAINT);
}

void constraint_on_query(struct call *c)
{
    entity_on_query(c, ENTITY_CONSTRAINT);
}
