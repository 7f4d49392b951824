/* availability.c - whether a USS is there (f3548-dss.md section 9).
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/internal.h"

#include "base/limits.h"

static enum reason judge(const struct view *v, const struct change *c,
                         struct availability *ret_old)
{
    if (c->uss.n == 0 || c->uss.n > LIMIT_SUB_BYTES || c->suffix.n) return REASON_MALFORMED;
    if (c->availability != USS_UNKNOWN && c->availability != USS_NORMAL &&
        c->availability != USS_DOWN)
        return REASON_MALFORMED;

    *ret_old = view_availability(v, c->uss);
    if (ret_old->version.n == 0) return c->has_base ? REASON_VERSION : REASON_ACCEPTED;
    if (!c->has_base || c->base != hash_digest(ret_old->version)) return REASON_VERSION;

    struct new_token token;
    new_token_of(c, &token);
    return token.digest != c->base ? REASON_ACCEPTED : REASON_OVN_USED;
}

enum reason availability_put_judge(const struct view *v, struct str participant,
                                   const struct change *c, int64_t now_us)
{
    struct availability old;

    (void)participant;
    (void)now_us;
    return judge(v, c, &old);
}

void availability_store(struct state *s, const struct name *uss, const struct availability *a)
{
    struct availability *old = (void *)(uintptr_t)parr_get(&s->view.availabilities, uss->no);
    struct availability *copy = mem_alloc(sizeof *copy + a->version.n);
    char *text = (char *)(copy + 1);

    *copy = *a;
    if (a->version.n) memcpy(text, a->version.at, a->version.n);
    copy->version.at = text;
    parr_set(&s->view.availabilities, s->cow, uss->no, (uintptr_t)copy);
    if (old) cow_retire(s->cow, old, mem_free);
}

void availability_put_apply(struct step *st, const struct change *c, struct outcome *ret)
{
    struct availability old;
    struct new_token token;

    ret->reason = judge(&st->s->view, c, &old);
    if (ret->reason != REASON_ACCEPTED) return;

    new_token_of(c, &token);
    struct availability a = {
        .status = old.overlay ? USS_DOWN : c->availability, /* What lies over it stays. */
        .stored = c->availability,
        .overlay = old.overlay,
        .version = {token.text, token.n},
        .changed_at = st->index,
        .left_down_at = old.left_down_at,
    };
    if (old.status == USS_DOWN && a.status != USS_DOWN) a.left_down_at = st->s->left_down_at = st->index;
    availability_store(st->s, name_intern(st->s, c->uss), &a);
    ret->token_digest = token.digest;
}
