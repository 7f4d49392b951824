/* name.c - interned names of USSs.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "state/internal.h"

static struct id key_of(struct str text)
{
    struct hash h = hash_of(text);
    return id_from_bytes(h.b);
}

static struct name *at(const struct extra *x, uint32_t no)
{
    return (struct name *)(uintptr_t)parr_get(&x->names_by_no, no);
}

const struct name *name_find(const struct extra *x, struct str text)
{
    uint32_t no;

    for (struct id key = key_of(text); ptree_get(&x->names, key, &no); key.lo++) {
        const struct name *name = at(x, no);
        if (str_equal(name->text, text)) return name;
    }
    return NULL;
}

const struct name *name_intern(struct state *s, struct str text)
{
    struct extra *x = &s->extra;
    const struct name *found = name_find(x, text);
    uint32_t no;

    if (found) return found;

    struct id key = key_of(text);
    while (ptree_get(&x->names, key, &no)) key.lo++;

    struct name *name = mem_alloc(sizeof *name + text.n);
    char *to = (char *)(name + 1);
    if (text.n) memcpy(to, text.at, text.n);
    *name = (struct name){.no = x->n_names++, .text = {to, text.n}};
    ptree_put(&x->names, s->cow, key, name->no);
    parr_set(&x->names_by_no, s->cow, name->no, (uintptr_t)name);
    return name;
}
