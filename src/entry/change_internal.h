/* change_internal.h - a change's byte form, for entry.c.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef ENTRY_CHANGE_INTERNAL_H
#define ENTRY_CHANGE_INTERNAL_H

#include "base/arena.h"
#include "entry/cbor.h"
#include "entry/change.h"

/* Appends [kind, {members}]. must() that the members are those of the kind and within the limits. */
void change_encode(const struct change *c, struct buf *to);

/* Reads one; arrays live in arena, texts in r's bytes. Problems stay in r. */
void change_decode(struct cbor *r, struct arena *arena, struct change *ret);

#endif
