/* intake.c - what etcd showed, judged, ordered and brought into the store.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "journal/intake.h"

#include "base/mem.h"
#include "entry/entry.h"

/* Where the order's state lies in the store: docs/formats.md. */
#define STATE_LEVEL 63
#define STATE_HEAD_BYTES 16 /* Entries in the store, epoch. */

static void add_be(struct buf *to, uint64_t value)
{
    for (int shift = 56; shift >= 0; shift -= 8) buf_add_char(to, (char)(value >> shift & 0xff));
}

static uint64_t get_be(const char *at)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++) value = value << 8 | (uint8_t)at[i];
    return value;
}

enum err intake_break(struct intake *in, enum err err, struct why *why)
{
    if (in->broken == OK) {
        in->broken = err;
        if (why) in->broken_why = *why;
    }
    if (why) *why = in->broken_why;
    return in->broken;
}

bool intake_is_fresh(struct intake *in, const struct etcd_answer *answer)
{
    in->is_stale = answer->revision < in->counts.revision;
    if (in->is_stale) {
        in->counts.stale++;
        return false;
    }
    in->counts.revision = answer->revision;
    in->newest = answer->header;
    return true;
}

/* Opening. */

void intake_begin_epoch(struct intake *in)
{
    order_free(in->order);
    in->order = order_new();
    slots_done(&in->slots);
    slots_init(&in->slots, &in->options.genesis, ++in->epoch);
    sent_vec_clear(&in->sent);
    place_vec_clear(&in->waived);
    stored_vec_clear(&in->stored);
    in->n_known = store_size(in->journal->store);
    in->gap = (struct journal_etcd_gap){.from = 0};
    in->is_opening = true;
    in->is_alone = in->is_stale = in->owes_change = in->owes_floor = false;
    in->counts.revision = 0;
    in->newest = (struct etcd_header){.revision = 0};
    in->broken = OK;
}

static enum err note_stored(void *context, uint64_t index, struct str bytes)
{
    struct intake *in = context;
    struct entry e;
    size_t i = 0;

    if (index == 0 || entry_decode_head(bytes, &e, NULL) != OK || e.epoch < in->epoch) return OK;
    if (e.epoch > in->epoch) { /* Tiles brought the next epoch, whose order is not known yet. Its first entry opened it. */
        in->epoch = e.epoch - 1;
        intake_begin_epoch(in);
    }
    in->owes_floor |= in->is_opening;
    in->is_opening = false;
    while (i < in->stored.n && memcmp(in->stored.at[i].author, e.author, 8) != 0) i++;
    if (i == in->stored.n) stored_vec_add(&in->stored, (struct stored){.slot = 0});
    memcpy(in->stored.at[i].author, e.author, 8);
    in->stored.at[i].slot = e.slot;
    in->stored.at[i].index = index;
    return OK;
}

static void skip_stored(struct intake *in, const uint8_t author[8])
{
    for (size_t i = 0; i < in->stored.n; i++)
        if (memcmp(in->stored.at[i].author, author, 8) == 0) order_skip(in->order, author, in->stored.at[i].slot + 1);
}

static enum err read_state(struct intake *in, struct str saved, uint64_t *ret_position, struct why *why)
{
    if (saved.n < STATE_HEAD_BYTES) return fail(why, ERR_CORRUPT, "the order's state is cut off");
    in->epoch = get_be(saved.at + 8);
    *ret_position = get_be(saved.at);
    return order_restore(str_skip(saved, STATE_HEAD_BYTES), &in->order, why);
}

enum err intake_open(struct intake *in, struct why *why)
{
    AUTO(buf_done) struct buf saved = {0};
    uint64_t size = store_size(in->journal->store), position = 0;
    enum err err = store_get_tile(in->journal->store, STATE_LEVEL, 0, &saved, why);

    in->epoch = in->options.epoch;
    if (err == ERR_NOT_FOUND) in->order = order_new();
    else if (err != OK) return err;
    else TRY(read_state(in, buf_str(&saved), &position, why));
    if (position > size)
        return fail(why, ERR_CORRUPT, "the order's state is of %llu entries, and %llu are stored", (unsigned long long)position,
                    (unsigned long long)size);
    slots_init(&in->slots, &in->options.genesis, in->epoch);
    in->counts.revision = order_place(in->order);
    in->n_known = position;
    return intake_grown(in, why);
}

enum err intake_grown(struct intake *in, struct why *why)
{
    uint64_t size = store_size(in->journal->store);

    TRY(store_read_back(in->journal->store, in->n_known, size - in->n_known, note_stored, in, why));
    for (size_t i = 0; i < in->stored.n; i++)
        if (order_has(in->order, in->stored.at[i].author)) skip_stored(in, in->stored.at[i].author);
    in->n_known = size;
    in->gap = (struct journal_etcd_gap){.from = 0};
    return OK;
}

void intake_done(struct intake *in)
{
    etcd_free(in->etcd);
    order_free(in->order);
    slots_done(&in->slots);
    sent_vec_done(&in->sent);
    place_vec_done(&in->waived);
    stored_vec_done(&in->stored);
    etcd_answer_done(&in->second);
    buf_done(&in->saved);
    buf_done(&in->source);
}

enum err journal_etcd_admit(struct journal *j, const uint8_t author[8], struct why *why)
{
    struct intake *in = j->engine;

    if (order_has(in->order, author)) return OK;
    TRY(order_admit(in->order, author, order_place(in->order), why));
    skip_stored(in, author);
    return OK;
}

/* Judging. */

/* By the head alone: nodes whose builds know other changes must agree on what is a leaf (decision A11). */
static bool names_its_slot(const struct intake *in, const uint8_t author[8], uint64_t slot, struct str bytes)
{
    struct entry e;

    return entry_decode_head(bytes, &e, NULL) == OK && memcmp(e.author, author, sizeof e.author) == 0 &&
           e.epoch == in->epoch && e.slot == slot;
}

static bool is_own(const struct intake *in, const uint8_t author[8])
{
    return memcmp(author, in->options.author, sizeof in->options.author) == 0;
}

static struct sent *find_sent(const struct intake *in, uint64_t slot, struct str bytes)
{
    struct hash hash = hash_of(bytes);

    for (size_t i = 0; i < in->sent.n; i++)
        if (in->sent.at[i].slot == slot && hash_equal(&in->sent.at[i].hash, &hash)) return &in->sent.at[i];
    return NULL;
}

static bool is_good(struct intake *in, const uint8_t author[8], uint64_t slot, struct str bytes)
{
    struct sent *own = is_own(in, author) ? find_sent(in, slot, bytes) : NULL;

    if (own) {
        own->is_there = true;
        return true;
    }
    return names_its_slot(in, author, slot, bytes) &&
           in->options.is_signed(in->options.context, author, bytes);
}

/* The slot as it was created, read at the next endpoint. in->second has the bytes. */
static enum err read_created(struct intake *in, const uint8_t author[8], uint64_t slot, int64_t create_revision,
                             struct str *ret, struct why *why)
{
    AUTO(arena_done) struct arena arena = {0};
    struct etcd_range range = {.key = slots_key(&in->slots, author, slot, &arena)};
    const struct etcd_kv *kv;
    enum err err = etcd_read(in->etcd, &range, create_revision, &in->second, why);

    if (err == ERR_NOT_FOUND) err = etcd_read(in->etcd, &range, 0, &in->second, why); /* Compacted: as it is now. */
    if (err != OK && err != ERR_NOT_FOUND) return err;
    kv = err == OK ? in->second.ranges[0].at : NULL;
    if (!kv || in->second.ranges[0].n != 1 || kv->create_revision != create_revision || kv->version != 1) {
        in->gap = (struct journal_etcd_gap){.from = slot, .to = slot + 1, .is_gone = true};
        memcpy(in->gap.author, author, sizeof in->gap.author);
        return fail(why, ERR_NOT_FOUND, "slot %llu was written again, and is no more to be read as it was created: tiles may have it",
                    (unsigned long long)slot);
    }
    *ret = kv->value;
    return OK;
}

void intake_came_from(struct intake *in)
{
    buf_clear(&in->source);
    buf_add_str(&in->source, str_of(etcd_endpoint(in->etcd)));
}

/* The next read is to be another endpoint's than the one that gave the bytes, however often the client has moved on since. */
static void read_elsewhere(struct intake *in, struct str source)
{
    for (size_t i = 0; i < etcd_n_endpoints(in->etcd); i++) {
        if (!str_equal(str_of(etcd_endpoint(in->etcd)), source)) return;
        etcd_move_on(in->etcd);
    }
}

/* Bytes from source that are no entry of the slot: is that what others see, too? Sets *bytes to what counts. */
static enum err judge_bad(struct intake *in, const uint8_t author[8], uint64_t slot, int64_t create_revision, struct str source,
                          struct str *bytes, bool *ret_has_leaf, struct why *why)
{
    struct str other;

    *ret_has_leaf = false;
    read_elsewhere(in, source);
    TRY(read_created(in, author, slot, create_revision, &other, why));
    if (str_equal(other, *bytes)) {
        in->counts.garbage++;
        if (is_own(in, author)) in->counts.squatted++;
        return OK;
    }
    in->counts.disputed++;
    if (!is_good(in, author, slot, other))
        return fail(why, ERR_UNAVAILABLE, "etcd's members show different bytes in slot %llu, none of them an entry",
                    (unsigned long long)slot);
    *bytes = other;
    *ret_has_leaf = true;
    return OK;
}

/* A good entry of one's own that this run did not send. */
static enum err adopt(struct intake *in, uint64_t slot, struct why *why)
{
    if (in->is_alone) {
        enum err err = fail(why, ERR_STATE, "slot %llu of this node holds an entry that this process did not write: another process uses its key",
                            (unsigned long long)slot);
        return intake_break(in, err, why);
    }
    in->counts.adopted++;
    return OK;
}

static enum err feed(struct intake *in, const uint8_t author[8], uint64_t slot, int64_t create_revision,
                     struct str bytes, bool has_leaf, struct why *why)
{
    enum err err = order_feed(in->order, author, slot, create_revision, bytes, has_leaf, why);

    return err ? intake_break(in, err, why) : OK;
}

static enum err take_kv(struct intake *in, const uint8_t author[8], uint64_t slot, const struct etcd_kv *kv,
                        struct why *why)
{
    struct str bytes = kv->value, source = buf_str(&in->source);
    bool has_leaf = true;

    if (kv->version != 1) {
        in->counts.overwritten++;
        TRY(read_created(in, author, slot, kv->create_revision, &bytes, why));
        source = str_of(etcd_endpoint(in->etcd));
    }
    if (!is_good(in, author, slot, bytes)) {
        AUTO(buf_done) struct buf kept = {0}; /* The second read takes the place of the first one's bytes. */
        buf_add_str(&kept, bytes);
        bytes = buf_str(&kept);
        TRY(judge_bad(in, author, slot, kv->create_revision, source, &bytes, &has_leaf, why));
        return feed(in, author, slot, kv->create_revision, bytes, has_leaf, why);
    }
    if (is_own(in, author) && !find_sent(in, slot, bytes)) TRY(adopt(in, slot, why));
    return feed(in, author, slot, kv->create_revision, bytes, true, why);
}

static bool is_waived(const struct intake *in, const uint8_t author[8], uint64_t slot, int64_t create_revision)
{
    if (in->is_alone && is_own(in, author)) return true; /* Who else would have written what is missing? */
    for (size_t i = 0; i < in->waived.n; i++)
        if (memcmp(in->waived.at[i].author, author, 8) == 0 && in->waived.at[i].slot == slot &&
            in->waived.at[i].revision == create_revision)
            return true;
    return false;
}

static enum err report_gap(struct intake *in, const uint8_t author[8], uint64_t from, uint64_t to, int64_t create_revision,
                           struct why *why)
{
    in->gap = (struct journal_etcd_gap){.from = from, .to = to, .revision = create_revision};
    memcpy(in->gap.author, author, sizeof in->gap.author);
    return fail(why, ERR_NOT_FOUND, "author %02x%02x%02x%02x...: slots %llu to %llu are missing in etcd, and slot %llu is there",
                author[0], author[1], author[2], author[3], (unsigned long long)from, (unsigned long long)to - 1,
                (unsigned long long)to);
}

enum err intake_found(struct intake *in, const uint8_t author[8], const struct etcd_found *found, int64_t revision,
                      struct why *why)
{
    for (size_t i = 0; i < found->n; i++) {
        uint64_t slot, wanted = order_wants(in->order, author);
        if (!slots_parse(&in->slots, author, found->at[i].key, &slot) || slot < wanted) continue;
        if (slot > wanted) {
            int64_t created = found->at[i].create_revision;
            if (!is_waived(in, author, slot, created)) return report_gap(in, author, wanted, slot, created, why);
            order_complete(in->order, author, revision);
            return OK;
        }
        TRY(take_kv(in, author, slot, &found->at[i], why));
    }
    if (!found->has_more) order_complete(in->order, author, revision);
    return OK;
}

enum err intake_put(struct intake *in, uint64_t slot, int64_t revision, struct str bytes, struct why *why)
{
    struct sent *own = find_sent(in, slot, bytes);

    must(own != NULL);
    own->is_there = true;
    return feed(in, in->options.author, slot, revision, bytes, true, why);
}

/* Into the store. */

static enum err append(struct intake *in, const struct order_entries *taken, struct why *why)
{
    struct str *entries = mem_calloc(taken->n, sizeof *entries);
    enum err err;

    for (size_t i = 0; i < taken->n; i++) entries[i] = taken->at[i].bytes;
    buf_clear(&in->saved);
    add_be(&in->saved, store_size(in->journal->store) + taken->n);
    add_be(&in->saved, in->epoch);
    order_save(in->order, &in->saved);
    store_put_tile(in->journal->store, STATE_LEVEL, 0, buf_str(&in->saved));
    err = store_append(in->journal->store, entries, taken->n, why);
    mem_free(entries);
    if (err) return intake_break(in, err, why);
    in->n_known = store_size(in->journal->store);
    return OK;
}

/* Of entries in their order, those before the one that opens the epoch give no leaf: anybody could write them. */
static void drop_until_opened(struct intake *in, struct order_entries *taken)
{
    size_t i = 0;

    while (i < taken->n && !in->options.opens_epoch(in->options.context, taken->at[i].bytes)) i++;
    in->is_opening = i == taken->n;
    in->counts.early += i;
    taken->n -= i;
    memmove(taken->at, taken->at + i, taken->n * sizeof *taken->at);
}

/* Brings what is certain into the store and has authors admitted until nothing more is. */
static enum err store_certain(struct intake *in, struct why *why)
{
    for (;;) {
        struct order_entries taken = {0};
        enum err err = OK;
        if (in->owes_change) TRY(in->options.authors_change(in->options.context, in->journal, why));
        in->owes_change = order_take(in->order, in->options.changes_authors, in->options.context, &taken);
        if (taken.n && in->is_opening && in->options.opens_epoch) drop_until_opened(in, &taken);
        if (taken.n) err = append(in, &taken, why);
        order_entries_done(&taken);
        if (err != OK || !in->owes_change) return err;
    }
}

/* Reads one piece more of one author's slots. */
static enum err read_on(struct intake *in, const uint8_t author[8], int64_t revision, struct why *why)
{
    AUTO(arena_done) struct arena arena = {0};
    struct etcd_answer answer = {0};
    struct etcd_range range = {.key = slots_key(&in->slots, author, order_wants(in->order, author), &arena),
                               .end = slots_end(&in->slots, author, &arena),
                               .limit = INTAKE_RANGE_MAX};
    enum err err;

    for (;;) {
        uint64_t wanted = order_wants(in->order, author);
        err = etcd_read(in->etcd, &range, revision, &answer, why);
        if (err == ERR_NOT_FOUND) err = etcd_read(in->etcd, &range, 0, &answer, why); /* R was compacted away. */
        in->counts.reads_on++;
        if (err == ERR_TOO_LARGE && range.limit > 1) {
            range.limit /= 4;
            continue;
        }
        if (err == OK) intake_came_from(in);
        if (err == OK && answer.revision < revision) err = fail(why, ERR_UNAVAILABLE, "etcd at %s lags behind", etcd_endpoint(in->etcd));
        if (err == OK) err = intake_found(in, author, answer.ranges, answer.revision, why);
        /* Strange keys alone fill an answer: go on behind them. */
        if (err != OK || !answer.ranges[0].has_more || order_wants(in->order, author) > wanted) break;
        const struct etcd_found *found = answer.ranges;
        struct str last = found->at[found->n - 1].key;
        char *after = arena_alloc(&arena, last.n + 1);
        memcpy(after, last.at, last.n);
        after[last.n] = '\0';
        range.key = str_make(after, last.n + 1);
    }
    etcd_answer_done(&answer);
    return err;
}

/* Where an epoch stands that tiles brought. */

struct match {
    struct str bytes;
    bool is_same;
};

static enum err compare(void *context, uint64_t index, struct str bytes)
{
    struct match *m = context;

    (void)index;
    m->is_same = str_equal(bytes, m->bytes);
    return OK;
}

/* Raises the floor to the stored entry's place, or near it, if the slot shows it. */
static enum err note_place(struct intake *in, const struct stored *s, const struct etcd_found *found, bool *has_any, struct why *why)
{
    struct match m = {.bytes = found->n ? found->at[0].value : (struct str){0}};

    if (found->n == 0 || found->at[0].version != 1) return OK;
    TRY(store_read_back(in->journal->store, s->index, 1, compare, &m, why));
    if (!m.is_same) return OK;
    order_floor(in->order, found->at[0].create_revision);
    *has_any = true;
    return OK;
}

/* Whoever saw the epoch being opened gave no leaf to what others had written into it before. Who has the opening from tiles does not know
 * its place, but the last entries' slots tell: all that stands at their places or below, and is no leaf by tiles, is none. An author's
 * newest slot stays in etcd (decision B5); if none of them is there, there are newer tiles. */
static enum err find_floor(struct intake *in, struct why *why)
{
    AUTO(arena_done) struct arena arena = {0};
    struct etcd_answer answer = {0};
    struct etcd_range *ranges = arena_array(&arena, ETCD_OPS_MAX, sizeof *ranges);
    bool has_any = false;
    enum err err = OK;

    for (size_t from = 0, n; err == OK && from < in->stored.n; from += n) {
        n = in->stored.n - from < ETCD_OPS_MAX ? in->stored.n - from : ETCD_OPS_MAX;
        for (size_t i = 0; i < n; i++) {
            const struct stored *s = &in->stored.at[from + i];
            ranges[i] = (struct etcd_range){.key = slots_key(&in->slots, s->author, s->slot, &arena)};
        }
        err = etcd_txn(in->etcd, NULL, 0, ranges, n, &answer, why);
        for (size_t i = 0; err == OK && i < n; i++)
            err = note_place(in, &in->stored.at[from + i], &answer.ranges[i], &has_any, why);
    }
    etcd_answer_done(&answer);
    if (err == OK && !has_any && in->stored.n) {
        err = report_gap(in, in->stored.at[0].author, in->stored.at[0].slot, in->stored.at[0].slot + 1, 0, why);
        in->gap.is_gone = true; /* It was written: no waiver helps, newer tiles do. */
    }
    if (err == OK) in->owes_floor = false;
    return err == ERR_NET ? ERR_UNAVAILABLE : err;
}

enum err intake_finish(struct intake *in, int64_t revision, struct why *why)
{
    size_t n_failed = 0;

    if (in->owes_floor) TRY(find_floor(in, why));
    for (;;) {
        uint8_t author[8];
        const uint8_t *behind;
        enum err err;
        TRY(store_certain(in, why));
        behind = order_behind(in->order, revision);
        if (!behind) break;
        memcpy(author, behind, sizeof author);
        err = read_on(in, author, revision, why);
        if (in->broken) return in->broken;
        if (err == ERR_NOT_FOUND) return err;
        /* Each endpoint may fail once; the last one's words are passed on. */
        if (err != OK && ++n_failed >= etcd_n_endpoints(in->etcd)) return ERR_UNAVAILABLE;
    }
    return OK;
}
