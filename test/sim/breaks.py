#!/usr/bin/env python3
# breaks.py - deliberately broken copies of product files, for broken.sh.
# SPDX-License-Identifier: Apache-2.0
#
#   breaks.py list              names, one a line, with what is broken
#   breaks.py options NAME      of the simulation, to see it soon
#   breaks.py write NAME FILE   writes the broken copy
#
# Each break replaces one text of one file, which must be there exactly once: who changes that line changes it here.
import sys

BREAKS = {
    "ack-early": (
        "a write is acknowledged when it was sent, and not when it is durable",
        "src/journal/journal_etcd.c",
        "        if (err == OK) return OK;\n        if (!is_taken && err != ERR_UNAVAILABLE &&",
        """        if (err == ERR_NET && ret->n_ranges == 0 && c->n > 0) {
            arena_clear(&ret->arena);
            ret->succeeded = true;
            ret->revision = in->counts.revision + 1;
            ret->n_ranges = v->n;
            ret->ranges = arena_array(&ret->arena, v->n, sizeof *ret->ranges);
            return OK;
        }
        if (err == OK) return OK;
        if (!is_taken && err != ERR_UNAVAILABLE &&""",
    ),
    "sign-early": (
        "a head is shown before it is durable",
        "src/journal/heads.c",
        " || fdatasync(h->fd) != 0",
        "",
    ),
    "watch-order": (
        "entries are applied in the order in which they arrive",
        "src/journal/order.c",
        "        if (place >= below) return false;\n        must(place >= o->place);\n",
        "        (void)below;\n        if (place == INT64_MAX) return false;\n",
    ),
    "no-hash-check": (
        "whatever stands in an own slot is taken for what was sent there",
        "src/journal/intake.c",
        "if (in->sent.at[i].slot == slot && hash_equal(&in->sent.at[i].hash, &hash)) return",
        "if (in->sent.at[i].slot == slot && hash_equal(&hash, &hash)) return",
    ),
    "own-revision": (
        "an entry's place is its own slot's revision, whatever its author's earlier ones are",
        "src/journal/order.c",
        ".place = create_revision > a->fed ? create_revision : a->fed}",
        ".place = create_revision}",
    ),
    "absent-early": (
        "an unclear write is called absent",
        "src/journal/journal_etcd.c",
        "return is_unclear ? ERR_NET : ERR_UNAVAILABLE;",
        "return ERR_UNAVAILABLE;",
    ),
    "alone-always": (
        "who wrote alone for a while takes it that nobody else writes",
        "src/journal/journal_etcd.c",
        "    if (!order_behind(in->order, revision - 1)) {\n",
        "    if (revision > 0) {\n",
    ),
    "same-reader": (
        "bytes that are no entry are not read again elsewhere",
        "src/journal/intake.c",
        "    read_elsewhere(in, source);\n",
        "    (void)read_elsewhere;\n    (void)source;\n",
    ),
    "admit-late": (
        "what changes who the authors are is applied when it comes, and not before what follows it",
        "src/node/shared.c",
        "        if (kind != CHANGE_TICK && (kind < CHANGE_INTENT_PUT || kind > CHANGE_REPORT)) return true;\n",
        "        (void)kind;\n",
    ),
    "old-heads": (
        "what a node's old keys signed last stays before its new ones",
        "src/node/boot.c",
        "    if (n->shared && is_of_old_keys(n, n->heads)) TRY(begin_heads(n, path, why));\n",
        "    (void)is_of_old_keys, (void)begin_heads;\n",
    ),
    "epoch-deaf": (
        "a node that takes over from its peers that the epoch is open waits for its opening in etcd for ever",
        "src/journal/intake.c",
        "    }\n    in->owes_floor |= in->is_opening;\n    in->is_opening = false;\n",
        "        in->owes_floor = true;\n        in->is_opening = false;\n    }\n",
        "--lie lose",
    ),
    "epoch-all": (
        "whatever stands first in a new epoch counts, with or without the members' statement",
        "src/journal/intake.c",
        "if (taken.n && in->is_opening && in->options.opens_epoch) drop_until_opened(in, &taken);",
        "(void)drop_until_opened;",
        "--lie lose",
    ),
    "any-tile": (
        "a bundle of entries counts whatever it hashes to",
        "src/node/catchup.c",
        "    if (catchup_tree_has(r->tree, job->width, &job->expected, buf_str(ret))) return OK;\n",
        "    if (catchup_tree_has(r->tree, job->width, &job->expected, buf_str(ret)) || ret->n > 0) return OK;\n",
        "--lie lose",
    ),
    "any-signature": (
        "an entry counts whoever signed it",
        "src/node/shared.c",
        "    if (!state_author_key(state_view(n->state), author, &key) || !entry_verify(bytes, buf_str(&n->origin), &key)) return false;\n",
        "    if (!state_author_key(state_view(n->state), author, &key)) return false;\n",
        "--lie none",
    ),
    "blind": (
        "heads that contradict the own tree are passed over",
        "src/node/standing.c",
        "uint64_t at)\n{\n    bool is_new = false;\n",
        "uint64_t at)\n{\n    bool is_new = false;\n    if (at > 0) return;\n",
        "--lie delete",
    ),
}


def main():
    if sys.argv[1:] == ["list"]:
        for name, (what, *_rest) in BREAKS.items():
            print(name, what)
        return
    what, path, old, new, *options = BREAKS[sys.argv[2]]
    if sys.argv[1] == "options":
        print(*options)
        return
    text = open(path, encoding="utf-8").read()
    if text.count(old) != 1:
        sys.exit(f"breaks.py: {path} does not have, exactly once, the text that {sys.argv[2]} replaces")
    with open(sys.argv[3], "w", encoding="utf-8") as file:
        file.write(text.replace(old, new))


main()
