/* lab.c - founds a network in one folder.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/lab.h"

#include <limits.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/json.h"
#include "cli/card.h"
#include "cli/file.h"
#include "cli/founding.h"
#include "cli/keyfile.h"
#include "cli/words.h"

struct lab {
    const struct lab_options *o;
    struct arena arena;
    struct str names[LAB_MEMBERS_MAX]; /* Ascending. */
    struct keys keys[LAB_MEMBERS_MAX];
    const char *cards[LAB_MEMBERS_MAX];
    size_t n;
    struct change participants[ARG_TEXTS_MAX];
    struct founding founding;
};

static const char *path_in(struct lab *lab, struct str a, const char *b)
{
    AUTO(buf_done) struct buf path = {0};

    buf_addf(&path, "%s/%.*s%s", lab->o->dir, STR_ARG(a), b);
    return arena_dup(&lab->arena, buf_str(&path)).at;
}

static bool is_plain(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.at[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '-' && c != '_' && (c != '.' || i == 0))
            return false;
    }
    return name.n > 0 && name.n <= 64;
}

static enum err read_names(const char *option, struct str text, struct str *ret, size_t *ret_n, struct why *why)
{
    size_t n;

    TRY(words_read(option, text, LAB_MEMBERS_MAX, ret, &n, why));
    for (size_t i = 0; i < n; i++)
        if (!is_plain(ret[i]))
            return fail(why, ERR_INPUT, "%s: \"%.*s\" is no name for a laboratory: letters, digits, '.', '-' and '_'", option, STR_ARG(ret[i]));
    *ret_n = n;
    return OK;
}

static bool is_member(const struct lab *lab, struct str name)
{
    for (size_t i = 0; i < lab->n; i++)
        if (str_equal(lab->names[i], name)) return true;
    return false;
}

static enum err read_participants(struct lab *lab, struct why *why)
{
    for (size_t i = 0; i < lab->o->participants.n; i++) {
        struct str rest = str_of(lab->o->participants.at[i]);
        struct change *c = &lab->participants[i];
        struct str *names = arena_array(&lab->arena, LAB_MEMBERS_MAX, sizeof *names);

        *c = (struct change){.kind = CHANGE_PARTICIPANT, .rights = RIGHTS_ALL, .names = lab->names, .n_names = lab->n};
        c->uss = str_cut(&rest, '=');
        if (c->uss.n == 0 || c->uss.n > LIMIT_SUB_BYTES) return fail(why, ERR_INPUT, "--participant wants SUB or SUB=NAME,NAME");
        if (!rest.n) continue;
        TRY(read_names("--participant", rest, names, &c->n_names, why));
        for (size_t k = 0; k < c->n_names; k++)
            if (!is_member(lab, names[k])) return fail(why, ERR_INPUT, "--participant: \"%.*s\" is not among the members", STR_ARG(names[k]));
        c->names = names;
    }
    return OK;
}

/* The URLs given for a member. */
static enum err read_urls(const struct lab *lab, struct str name, struct str *ret, size_t *ret_n, struct why *why)
{
    size_t n = 0;

    for (size_t i = 0; i < lab->o->urls.n; i++) {
        struct str url = str_of(lab->o->urls.at[i]);
        struct str whose = str_cut(&url, '=');
        if (!is_member(lab, whose)) return fail(why, ERR_INPUT, "--peer-url wants MEMBER=URL, not \"%s\"", lab->o->urls.at[i]);
        TRY(card_check_url(url, why));
        if (!str_equal(whose, name)) continue;
        if (n == LIMIT_ADDRESSES) return fail(why, ERR_INPUT, "at most %d --peer-url for one member", LIMIT_ADDRESSES);
        ret[n++] = url;
    }
    *ret_n = n;
    return OK;
}

static enum err make_member(struct lab *lab, size_t i, struct why *why)
{
    AUTO(buf_done) struct buf text = {0};
    struct card card = {.name = lab->names[i]};
    const char *folder = path_in(lab, lab->names[i], "");

    lab->cards[i] = path_in(lab, lab->names[i], ".member");
    TRY(read_urls(lab, lab->names[i], card.urls, &card.n_urls, why));
    if (file_exists(folder)) return fail(why, ERR_INPUT, "%s: is there already", folder);
    TRY(file_make_folder(folder, why));
    TRY(keys_open(&lab->keys[i], folder, true, why));
    card.root = lab->keys[i].root.public;
    card_write(&card, &lab->keys[i].root, &text);
    return file_write_new(lab->cards[i], 0644, buf_str(&text), why);
}

/* What this member may record: those that it speaks for; the first to join, all. Others' are refused and change nothing. */
static enum err make_join(struct lab *lab, size_t i, struct why *why)
{
    AUTO(buf_done) struct buf entry = {0};
    struct str urls[LIMIT_ADDRESSES];
    size_t n_urls;

    TRY(read_urls(lab, lab->names[i], urls, &n_urls, why));
    TRY(founding_join(&lab->founding, &lab->keys[i], urls, n_urls, lab->participants, lab->o->participants.n, &entry, why));
    return file_write_new(path_in(lab, lab->names[i], "/join.entry"), 0644, buf_str(&entry), why);
}

static void print(const struct lab *lab)
{
    AUTO(buf_done) struct buf out = {0};
    struct json j = {.to = &out};
    const char *dir = lab->o->dir;

    if (lab->o->json) {
        AUTO(buf_done) struct buf hash = {0};
        hex_add(&hash, lab->founding.hash.b, sizeof lab->founding.hash.b);
        json_open(&j, '{');
        json_key(&j, "origin");
        json_str(&j, lab->founding.genesis.origin);
        json_key(&j, "genesis_hash");
        json_str(&j, buf_str(&hash));
        json_key(&j, "members");
        json_open(&j, '[');
        for (size_t i = 0; i < lab->n; i++) json_str(&j, lab->names[i]);
        json_close(&j, ']');
        json_close(&j, '}');
        buf_add_char(&out, '\n');
    } else {
        buf_add_str(&out, STR("genesis "));
        hex_add(&out, lab->founding.hash.b, sizeof lab->founding.hash.b);
        buf_addf(&out, " of %.*s in %s/genesis\n", STR_ARG(lab->founding.genesis.origin), dir);
        for (size_t i = 0; i < lab->n; i++) buf_addf(&out, "member %.*s in %s/%.*s\n", STR_ARG(lab->names[i]), dir, STR_ARG(lab->names[i]));
        for (size_t i = 0; i < lab->n; i++)
            buf_addf(&out, "clearline serve --listen 127.0.0.1:0 --peer-listen 127.0.0.1:0 --genesis %s/genesis --member %.*s --data %s/%.*s --token-key %s/tokens/public.pem "
                           "--operator-key %s/tokens/public.pem --etcd http://127.0.0.1:2379 --allow-old-etcd\n",
                     dir, STR_ARG(lab->names[i]), dir, STR_ARG(lab->names[i]), dir, dir);
    }
    printf("%.*s", STR_ARG(buf_str(&out)));
}

static enum err make_all(struct lab *lab, struct why *why)
{
    const struct lab_options *o = lab->o;

    TRY(read_names("--members", o->members, lab->names, &lab->n, why));
    TRY(read_participants(lab, why));
    TRY(file_make_folder(o->dir, why));
    for (size_t i = 0; i < lab->n; i++) TRY(make_member(lab, i, why));
    /* By the first rules whoever joins first settles the participants alone; the nodes go on to newer ones by themselves. */
    TRY(founding_make(lab->cards, lab->n, str_of(o->origin), o->entries_public, o->down_412, RULES_FIRST, &lab->founding, why));
    TRY(file_write_new(path_in(lab, STR("genesis"), ""), 0644, buf_str(&lab->founding.bytes), why));
    for (size_t i = 0; i < lab->n; i++) TRY(make_join(lab, i, why));
    return keyfile_make(path_in(lab, STR("tokens"), ""), JWT_MAKE_ED25519, why);
}

enum err lab_make(const struct lab_options *o, struct why *why)
{
    struct lab lab = {.o = o};
    enum err e = make_all(&lab, why);

    if (e == OK && !o->is_quiet) print(&lab);
    for (size_t i = 0; i < lab.n; i++) keys_done(&lab.keys[i]);
    founding_done(&lab.founding);
    arena_done(&lab.arena);
    return e;
}
