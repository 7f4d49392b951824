/* fuzz_note.c - notes, keys, checkpoints, receipts and tile paths: what is read is written again as it was.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "proof/note.h"
#include "proof/receipt.h"
#include "proof/tile.h"

static void fuzz_text(struct str text)
{
    AUTO(buf_done) struct buf again = {0};
    struct note_key key;
    struct checkpoint c;
    struct tile tile;

    if (note_key_parse(text, &key, NULL) == OK) {
        note_key_add(&again, &key);
        must(str_equal(buf_str(&again), text));
    }
    buf_clear(&again);
    if (checkpoint_parse(text, &c, NULL) == OK) {
        checkpoint_add(&again, &c);
        must(str_equal(buf_str(&again), text));
    }
    buf_clear(&again);
    if (tile_parse(text, &tile)) {
        tile_add_path(&again, &tile);
        must(str_equal(buf_str(&again), text));
    }
    for (struct str rest = text, leaf; tile_next_leaf(&rest, &leaf);) must(leaf.n <= TILE_LEAF_MAX);
}

static void fuzz_note(struct str text)
{
    static struct note note;
    struct key_public public = {{3}};
    struct note_key keys[2];
    struct note_verdict verdicts[2];
    struct why why;

    if (note_parse(text, &note, &why) != OK) {
        must(why.text[0] != '\0');
        return;
    }
    must(note.n_signatures >= 1 && note.text.n >= 1);
    keys[0] = note_key_make(note.signatures[0].name, NOTE_ED25519, &public);
    keys[1] = note_key_make(note.signatures[0].name, NOTE_COSIGNATURE, &public);
    keys[0].id = keys[1].id = note.signatures[0].id;
    must(note_verify(&note, keys, 2, verdicts, &why) != OK); /* Nobody has the secret of that key. */
    fuzz_text(note.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(buf_done) struct buf extra = {0}, again = {0};
    struct str text = str_make(data, size);
    struct receipt receipt;

    fuzz_text(text);
    fuzz_note(text);
    if (receipt_parse(text, &extra, &receipt, NULL) == OK) {
        receipt_add(&again, &receipt);
        must(str_equal(buf_str(&again), text));
        fuzz_note(receipt.note);
    }
    return 0;
}
