/* cmd_init.c - `clearline init`: what several operators need to found a network.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <limits.h>
#include <stdio.h>

#include "base/hex.h"
#include "base/instant.h"
#include "base/json.h"
#include "cli/card.h"
#include "cli/cmd.h"
#include "cli/file.h"
#include "cli/founding.h"
#include "cli/keyfile.h"
#include "cli/lab.h"
#include "cli/root_entry.h"
#include "cli/verbs.h"

static void json_hex(struct json *j, const char *key, const void *bytes, size_t n)
{
    AUTO(buf_done) struct buf text = {0};

    hex_add(&text, bytes, n);
    json_key(j, key);
    json_str(j, buf_str(&text));
}

static void print_json(const struct buf *out)
{
    printf("%.*s\n", STR_ARG(buf_str(out)));
}

/* --- member ----------------------------------------------------------------------------------- */

static enum err make_card(const char *name, const char *dir, const struct arg_texts *urls, struct buf *ret, struct key_public *ret_root,
                          struct why *why)
{
    struct card card = {.name = str_of(name)};
    struct keys keys = {0};

    TRY(card_check_name(card.name, why));
    if (urls->n > LIMIT_ADDRESSES) return fail(why, ERR_INPUT, "at most %d --peer-url", LIMIT_ADDRESSES);
    for (size_t i = 0; i < urls->n; i++) {
        card.urls[card.n_urls++] = str_of(urls->at[i]);
        TRY(card_check_url(str_of(urls->at[i]), why));
    }
    TRY(file_make_folder(dir, why));
    enum err e = keys_open(&keys, dir, true, why);
    if (e == OK) {
        card.root = *ret_root = keys.root.public;
        card_write(&card, &keys.root, ret);
    }
    keys_done(&keys);
    return e;
}

static int run_member(int argc, char **argv)
{
    const char *name = NULL, *dir = NULL, *file = NULL;
    struct arg_texts urls = {0};
    bool json = false;
    const struct arg options[] = {
        {"--name", "NAME", "the member's name, as all will see it", ARG_TEXT, &name, 0, 0},
        {"--data", "DIR", "its node's data folder: keys are made there", ARG_TEXT, &dir, 0, 0},
        {"--peer-url", "URL", "where the others' nodes will reach it", ARG_TEXTS, &urls, 0, 0},
        {"--out", "FILE", "the card to make", ARG_TEXT, &file, 0, 0},
        {"--json", NULL, "one JSON object", ARG_FLAG, &json, 0, 0},
    };
    const struct args args = {.command = "init member",
                              .summary = "make a member's keys, and a public card for those who found or admit",
                              .examples = "  clearline init member --name north --data north-data --peer-url https://north.example:8443 --out north.member\n",
                              ARGS(options)};
    AUTO(buf_done) struct buf card = {0}, out = {0};
    struct json j = {.to = &out};
    struct why why = {0};
    struct key_public root;
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!name || !dir || !file) return args_wrong(&args, "--name, --data and --out are needed");
    enum err e = make_card(name, dir, &urls, &card, &root, &why);
    if (e == OK) e = file_write_same(file, 0644, buf_str(&card), &why);
    if (e != OK) return args_fail(&args, e, &why);
    if (json) {
        json_open(&j, '{');
        json_key(&j, "card");
        json_str(&j, str_of(file));
        json_key(&j, "member");
        json_str(&j, str_of(name));
        json_hex(&j, "root_key", root.b, sizeof root.b);
        json_close(&j, '}');
        print_json(&out);
        return EXIT_YES;
    }
    hex_add(&out, root.b, sizeof root.b);
    printf("%s: %s, root key %.*s\n", file, name, STR_ARG(buf_str(&out)));
    (void)fprintf(stderr, "give %s to the other members, and read them the root key by another way\n"
                          "%s/keys/root.key is the member itself: copy it to where no server is\n", file, dir);
    return EXIT_YES;
}

/* --- genesis ---------------------------------------------------------------------------------- */

static void add_genesis(struct json *j, const struct founding *f)
{
    json_key(j, "origin");
    json_str(j, f->genesis.origin);
    json_hex(j, "genesis_hash", f->hash.b, sizeof f->hash.b);
    json_key(j, "rules");
    json_u64(j, f->genesis.rules);
    json_key(j, "created");
    json_instant(j, f->genesis.created_ms * 1000);
    json_key(j, "entries_public");
    json_bool(j, f->genesis.entries_public);
    json_key(j, "members");
    json_open(j, '[');
    for (size_t i = 0; i < f->genesis.n_members; i++) {
        json_open(j, '{');
        json_key(j, "member");
        json_str(j, f->genesis.members[i].name);
        json_hex(j, "root_key", f->genesis.members[i].root_key.b, 32);
        json_close(j, '}');
    }
    json_close(j, ']');
}

static void print_genesis(const struct founding *f, bool json)
{
    AUTO(buf_done) struct buf out = {0};
    struct json j = {.to = &out};

    if (json) {
        json_open(&j, '{');
        json_key(&j, "kind");
        json_str(&j, STR("genesis"));
        add_genesis(&j, f);
        json_close(&j, '}');
    } else {
        buf_addf(&out, "genesis of %.*s\nhash ", STR_ARG(f->genesis.origin));
        hex_add(&out, f->hash.b, sizeof f->hash.b);
        for (size_t i = 0; i < f->genesis.n_members; i++) {
            buf_addf(&out, "\nmember %.*s ", STR_ARG(f->genesis.members[i].name));
            hex_add(&out, f->genesis.members[i].root_key.b, 32);
        }
    }
    print_json(&out);
}

static int run_genesis(int argc, char **argv)
{
    const char *origin = NULL, *file = NULL;
    bool entries_public = false, down_412 = false, json = false;
    struct arg_texts cards = {0};
    const struct arg options[] = {
        {"--origin", "NAME", "the network's name, like airspace.example/line1", ARG_TEXT, &origin, 0, 0},
        {"--out", "FILE", "the genesis to make", ARG_TEXT, &file, 0, 0},
        {"--entries-public", NULL, "anyone may read entries, not members alone", ARG_FLAG, &entries_public, 0, 0},
        {"--down-412", NULL, "writes of USSs declared Down are refused with 412", ARG_FLAG, &down_412, 0, 0},
        {"--json", NULL, "one JSON object", ARG_FLAG, &json, 0, 0},
    };
    const struct args args = {.command = "init genesis",
                              .summary = "make the genesis of a network from its founders' cards",
                              .examples = "  clearline init genesis --origin airspace.example/line1 --out line1.genesis north.member south.member\n",
                              .operands = "CARD...",
                              .ret_operands = &cards,
                              ARGS(options)};
    struct founding f = {0};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!origin || !file || cards.n == 0) return args_wrong(&args, "--origin, --out and at least one card are needed");
    enum err e = founding_make(cards.at, cards.n, str_of(origin), entries_public, down_412,
                               cards.n > 1 ? RULES_NEWEST : RULES_FIRST, &f, &why);
    if (e == OK) e = file_write_new(file, 0644, buf_str(&f.bytes), &why);
    if (e == OK) {
        print_genesis(&f, json);
        if (!json) (void)fprintf(stderr, "every founder compares this hash with the others' before joining: it is the network\n");
    }
    founding_done(&f);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

/* --- join ------------------------------------------------------------------------------------- */

/* The folder's keys, the root key from another place if one is named. */
static enum err open_keys(struct keys *keys, const char *dir, const char *root_file, struct why *why)
{
    struct key_secret root = {0};

    TRY(keys_open_member(keys, dir, why));
    if (root_file) {
        enum err e = key_file_read(root_file, &root, why);
        if (e == ERR_NOT_FOUND) return fail(why, ERR_INPUT, "%s: there is no such file", root_file);
        TRY(e);
        key_secret_done(&keys->root);
        keys->root = root;
        keys->has_root = true;
    }
    if (!keys->has_root) return fail(why, ERR_INPUT, "%s/keys/root.key is missing: name the root key's file with --root", dir);
    return OK;
}

static enum err write_join(const char *genesis, const char *dir, const char *root_file, const struct arg_texts *urls,
                           struct founding *f, struct str *ret_name, struct why *why)
{
    AUTO(buf_done) struct buf entry = {0};
    struct str at[LIMIT_ADDRESSES];
    struct keys keys = {0};
    char path[PATH_MAX];

    if (urls->n > LIMIT_ADDRESSES) return fail(why, ERR_INPUT, "at most %d --peer-url", LIMIT_ADDRESSES);
    for (size_t i = 0; i < urls->n; i++) {
        at[i] = str_of(urls->at[i]);
        TRY(card_check_url(at[i], why));
    }
    if (snprintf(path, sizeof path, "%s/join.entry", dir) >= (int)sizeof path) return fail(why, ERR_INPUT, "--data: the path is too long");
    TRY(founding_read(genesis, f, why));
    enum err e = open_keys(&keys, dir, root_file, why);
    if (e == OK) e = founding_join(f, &keys, at, urls->n, NULL, 0, &entry, why);
    if (e == OK) e = founding_member(f, &keys.root.public, ret_name, why);
    keys_done(&keys);
    if (e != OK) return e;
    /* A second entry for the same slot would be one too many: whichever comes second is refused. */
    return file_write_new(path, 0644, buf_str(&entry), why);
}

static int run_join(int argc, char **argv)
{
    const char *genesis = NULL, *dir = NULL, *root = NULL;
    struct arg_texts urls = {0};
    bool json = false;
    const struct arg options[] = {
        {"--genesis", "FILE", "the network's genesis", ARG_TEXT, &genesis, 0, 0},
        {"--data", "DIR", "the node's data folder, where its keys are", ARG_TEXT, &dir, 0, 0},
        {"--root", "FILE", "the member's root key (DIR/keys/root.key)", ARG_TEXT, &root, 0, 0},
        {"--peer-url", "URL", "where the others' nodes will reach it", ARG_TEXTS, &urls, 0, 0},
        {"--json", NULL, "one JSON object", ARG_FLAG, &json, 0, 0},
    };
    const struct args args = {.command = "init join",
                              .summary = "sign the entry by which a founder's node joins; its node hands it in when it starts",
                              .examples = "  clearline init join --genesis line1.genesis --data north-data --peer-url https://north.example:8443\n",
                              ARGS(options)};
    AUTO(buf_done) struct buf out = {0};
    struct json j = {.to = &out};
    struct founding f = {0};
    struct why why = {0};
    struct str name = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!genesis || !dir) return args_wrong(&args, "--genesis and --data are needed");
    enum err e = write_join(genesis, dir, root, &urls, &f, &name, &why);
    if (e == OK && json) {
        json_open(&j, '{');
        json_key(&j, "member");
        json_str(&j, name);
        json_hex(&j, "genesis_hash", f.hash.b, sizeof f.hash.b);
        json_close(&j, '}');
        print_json(&out);
    } else if (e == OK) {
        hex_add(&out, f.hash.b, sizeof f.hash.b);
        printf("%s/join.entry: %.*s joins the network %.*s\n", dir, STR_ARG(name), STR_ARG(buf_str(&out)));
        (void)fprintf(stderr, "start its node: clearline serve --genesis %s --member %.*s --data %s --etcd URL,...\n"
                              "%s/keys/root.key is not needed for that: keep it where no server is\n",
                      genesis, STR_ARG(name), dir, dir);
    }
    founding_done(&f);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

/* --- show ------------------------------------------------------------------------------------- */

static void print_card(const struct card *c, bool json)
{
    AUTO(buf_done) struct buf out = {0};
    struct json j = {.to = &out};

    if (json) {
        json_open(&j, '{');
        json_key(&j, "kind");
        json_str(&j, STR("card"));
        json_key(&j, "member");
        json_str(&j, c->name);
        json_hex(&j, "root_key", c->root.b, sizeof c->root.b);
        json_key(&j, "peer_urls");
        json_open(&j, '[');
        for (size_t i = 0; i < c->n_urls; i++) json_str(&j, c->urls[i]);
        json_close(&j, ']');
        json_close(&j, '}');
    } else {
        buf_addf(&out, "card of %.*s, its signature is good\nroot key ", STR_ARG(c->name));
        hex_add(&out, c->root.b, sizeof c->root.b);
        for (size_t i = 0; i < c->n_urls; i++) buf_addf(&out, "\nreached at %.*s", STR_ARG(c->urls[i]));
    }
    print_json(&out);
}

static int run_show(int argc, char **argv)
{
    bool json = false;
    struct arg_texts files = {0};
    const struct arg options[] = {{"--json", NULL, "one JSON object", ARG_FLAG, &json, 0, 0}};
    const struct args args = {.command = "init show",
                              .summary = "what a card or a genesis says, and whether it is whole",
                              .examples = "  clearline init show north.member\n  clearline init show line1.genesis --json\n",
                              .operands = "FILE",
                              .ret_operands = &files,
                              ARGS(options)};
    AUTO(buf_done) struct buf bytes = {0};
    struct founding f = {0};
    struct why why = {0};
    struct card card;
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (files.n != 1) return args_wrong(&args, "wants one file");
    enum err e = file_read(files.at[0], GENESIS_BYTES_MAX, &bytes, &why);
    if (e == OK && str_starts(buf_str(&bytes), STR("deconfliction-line/member-card/"))) {
        e = card_read(buf_str(&bytes), &card, &why);
        if (e == OK) print_card(&card, json);
        if (e == ERR_INPUT) e = ERR_CORRUPT; /* A definite no. */
    } else if (e == OK) {
        e = founding_read(files.at[0], &f, &why);
        if (e == OK) print_genesis(&f, json);
        if (e == ERR_INPUT) e = ERR_CORRUPT;
    }
    founding_done(&f);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

/* --- lab -------------------------------------------------------------------------------------- */

static int run_lab(int argc, char **argv)
{
    struct lab_options o = {.origin = "line.test/lab"};
    const char *members = NULL;
    const struct arg options[] = {
        {"--members", "A,B,C", "the members' names: letters, digits, '.', '-' and '_'", ARG_TEXT, &members, 0, 0},
        {"--dir", "DIR", "the folder to make", ARG_TEXT, &o.dir, 0, 0},
        {"--origin", "NAME", "the network's name (line.test/lab)", ARG_TEXT, &o.origin, 0, 0},
        {"--participant", "SUB[=A,B]", "a USS that all members, or those named, may speak for", ARG_TEXTS, &o.participants, 0, 0},
        {"--peer-url", "MEMBER=URL", "where a member's node will be reached", ARG_TEXTS, &o.urls, 0, 0},
        {"--entries-public", NULL, "anyone may read entries, not members alone", ARG_FLAG, &o.entries_public, 0, 0},
        {"--down-412", NULL, "writes of USSs declared Down are refused with 412", ARG_FLAG, &o.down_412, 0, 0},
        {"--json", NULL, "one JSON object", ARG_FLAG, &o.json, 0, 0},
    };
    const struct args args = {.command = "init lab",
                              .summary = "found a network of several members on one machine, for trying things out",
                              .examples = "  clearline init lab --members a,b,c --dir lab\n"
                                          "  clearline init lab --members a,b --dir lab --participant uss1 --participant uss2=b --entries-public\n",
                              ARGS(options)};
    struct why why = {0};
    int code;

    if (!args_parse(&args, argc, argv, &code)) return code;
    if (!members || !o.dir) return args_wrong(&args, "--members and --dir are needed");
    o.members = str_of(members);
    enum err e = lab_make(&o, &why);
    return e == OK ? EXIT_YES : args_fail(&args, e, &why);
}

int cmd_init(int argc, char **argv)
{
    static const struct verb verbs[] = {
        {"member", run_member, "make a member's keys and its public card"},
        {"genesis", run_genesis, "make the genesis of a network from cards"},
        {"join", run_join, "sign the entry by which a founder joins"},
        {"show", run_show, "what a card or a genesis says"},
        {"lab", run_lab, "all of it at once, on one machine"},
    };
    static const struct verbs all = {
        .command = "init",
        .summary = "found a network of several members",
        .examples = "  clearline init member --name north --data north-data --peer-url https://north.example:8443 --out north.member\n"
                    "  clearline init genesis --origin airspace.example/line1 --out line1.genesis north.member south.member\n"
                    "  clearline init join --genesis line1.genesis --data north-data --peer-url https://north.example:8443\n"
                    "  clearline init lab --members a,b,c --dir lab          the same in one line, for a laboratory\n",
        VERBS(verbs)};
    return verbs_run(&all, argc, argv);
}
