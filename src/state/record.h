/* record.h - the parts of a snapshot: tags, and numbers in bytes.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     snapshot = block ...     block = length u32 LE | CRC-32C of payload u32 LE | payload
 *     payloads = header, member ..., author ..., proposal ..., participant ..., availability ..., intent ..., constraint ...,
 *                subscription ..., rules, epoch, end
 *
 * A block ends with the first record that makes its payload RECORD_BLOCK bytes or more. Records come in the order of tags, within
 * a tag by member's place, author id, proposal's entry, participant's or USS's text, or entity id, ascending, no two alike. Numbers
 * are unsigned LEB128 in shortest form, signed ones zigzag before; texts and bytes stand behind their length.
 *
 *     header        1, text RECORD_MAGIC, genesis, position, clock ms (signed), last time ms (signed)
 *     member        2, name, root key (32), admitted at, joined at, expelled at, suspended at, suspended ms (signed), reason,
 *                   number of issuers, of each: issuer, public key, number of subs, subs
 *     author        3, id (8), key (32), log key (32), mirror key (32), member, is root (0, 1), epoch, next slot, last (32),
 *                   last time ms (signed), joined at, ended at, number of addresses, addresses, flags (1 a head, 2 an
 *                   HTTP key), of the head its size and root (32), the HTTP key (32)
 *     proposal      4, hash (32), index, opened ms (signed), by, act, subject + 1 (0 for nobody), name, root key (32), members,
 *                   rights, text, number of approvals, places of members that approve, ascending; of act 5 low and high
 *                   (signed), of act 6 equals
 *     participant   5, sub, members, rights, changed at
 *     availability  6, uss, stored status, overlay, version, changed at, left Down at
 *     intent        7, entity, version, state (+ 8 if it has a priority, which follows, signed), subscription (16), count
 *                   and ascending digests (8, big-endian) of requested OVNs
 *     constraint    8, entity, version
 *     subscription  9, entity, flags (1 for intents, 2 for constraints, 4 implicit), asks constraints since, index
 *     rules         11, version, entry that brought it, equals, number of members with bounds, of each: place, low, high
 *                   (signed), number of nodes that announced a version, of each: id (8), version; by place and id. Left out if
 *                   all is as genesis has it
 *     epoch         12, number, its first entry, size, root (32). Left out for epoch 0
 *     end           10, intents, constraints, subscriptions
 *     members       their number, their places, ascending
 *     entity        id (16), manager, url, token, changed at, starts us, ends us, floor mm, ceil mm (signed), cells
 */
#ifndef STATE_RECORD_H
#define STATE_RECORD_H

#include "base/buf.h"
#include "base/id.h"

#define RECORD_MAGIC "deconfliction-line/state/v2"
#define RECORD_BLOCK 65536
#define RECORD_HAS_PRIORITY 8

enum record {
    RECORD_HEADER = 1,
    RECORD_MEMBER = 2,
    RECORD_AUTHOR = 3,
    RECORD_PROPOSAL = 4,
    RECORD_PARTICIPANT = 5,
    RECORD_AVAILABILITY = 6,
    RECORD_INTENT = 7, /* + enum entity_kind */
    RECORD_END = 10,
    RECORD_RULES = 11, /* Before the end, as is */
    RECORD_EPOCH = 12,
};

enum record_node_flag { RECORD_NODE_HAS_HEAD = 1, RECORD_NODE_HAS_HTTP_KEY = 2 };

static inline void record_u64(struct buf *b, uint64_t value)
{
    for (; value >= 128; value >>= 7) buf_add_char(b, (char)(value | 128));
    buf_add_char(b, (char)value);
}

static inline void record_i64(struct buf *b, int64_t value)
{
    record_u64(b, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

static inline void record_bytes(struct buf *b, struct str bytes)
{
    record_u64(b, bytes.n);
    buf_add_str(b, bytes);
}

static inline void record_digest(struct buf *b, uint64_t digest)
{
    for (int shift = 56; shift >= 0; shift -= 8) buf_add_char(b, (char)(digest >> shift));
}

static inline void record_id(struct buf *b, struct id id)
{
    record_digest(b, id.hi);
    record_digest(b, id.lo);
}

#endif
