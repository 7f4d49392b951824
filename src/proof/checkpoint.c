/* checkpoint.c - the signed size and root of a log (c2sp.org/tlog-checkpoint v1.0.0), three lines and never more.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/checkpoint.h"

#include "base/b64.h"
#include "proof/merkle.h"

bool checkpoint_origin_is_valid(struct str origin)
{
    return note_name_is_valid(origin) && !str_equal(origin, STR("cosignature/v1")) &&
           !str_equal(origin, STR("subtree/v1"));
}

void checkpoint_add(struct buf *to, const struct checkpoint *c)
{
    must(checkpoint_origin_is_valid(c->origin));
    buf_add_str(to, c->origin);
    buf_add_char(to, '\n');
    buf_add_u64(to, c->size);
    buf_add_char(to, '\n');
    b64_add(to, B64_STANDARD, c->root.b, sizeof c->root.b);
    buf_add_char(to, '\n');
}

enum err checkpoint_parse(struct str text, struct checkpoint *ret, struct why *why)
{
    AUTO(buf_done) struct buf root = {0};
    struct checkpoint c;
    struct hash empty = merkle_empty_root();
    struct str rest = text, size;

    if (text.n == 0 || text.at[text.n - 1] != '\n') return fail(why, ERR_INPUT, "checkpoint: its last line does not end");
    c.origin = str_cut(&rest, '\n');
    if (!checkpoint_origin_is_valid(c.origin)) return fail(why, ERR_INPUT, "checkpoint: no valid origin");
    size = str_cut(&rest, '\n');
    if (!str_to_u64(size, MERKLE_SIZE_MAX, &c.size)) {
        return fail(why, ERR_INPUT, "checkpoint: \"%.*s\" is no tree size", STR_ARG(str_first(size, 40)));
    }
    if (!b64_decode(B64_STANDARD, str_cut(&rest, '\n'), &root) || root.n != sizeof c.root.b) {
        return fail(why, ERR_INPUT, "checkpoint: the root is not base64 of 32 bytes");
    }
    if (rest.n > 0) return fail(why, ERR_INPUT, "checkpoint: more than three lines");
    memcpy(c.root.b, root.at, sizeof c.root.b);
    if (c.size == 0 && !hash_equal(&c.root, &empty)) {
        return fail(why, ERR_INPUT, "checkpoint: size 0 with a root that is not the empty tree's");
    }
    *ret = c;
    return OK;
}

void checkpoint_sign(struct buf *to, const struct checkpoint *c, const struct key_secret *log_key)
{
    AUTO(buf_done) struct buf text = {0};

    checkpoint_add(&text, c);
    note_begin(to, buf_str(&text));
    note_sign(to, buf_str(&text), c->origin, log_key);
}
