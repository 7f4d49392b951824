/* etcd_model.h - an etcd in memory behind the functions of journal/etcd.h: its faults, and its lies.
 * SPDX-License-Identifier: Apache-2.0
 *
 * One linearizable store of many versions; each client sees it through endpoints of its own:
 *
 *     call --(lost? late?)--> committed at one moment --(lost? late?)--> answer        too late: ERR_NET, and perhaps committed
 *
 * Faults are what an honest etcd may do. Lies are what it must not do; a seed has at most one kind:
 *
 *     STALE      reads by one endpoint show the store as it was some time ago
 *     GARBLE     one endpoint shows other bytes
 *     OVERWRITE  a key is put again (its version says so)
 *     FALSIFY    a key's bytes change and nothing says so
 *     FORK       from some moment on there are two stores, and each client sees one
 *     FORGET     the store is set back, and goes on
 *     DELETE     a slot is deleted that nobody was done with, as any member can: etcd forgets that one
 *     LOSE       no lie, but people's trouble: the cluster is gone, and comes back later with what is left of its data, or nothing
 *
 * Not modelled: the watch (the engine uses none), leases, locks, users, the cluster's own consensus.
 */
#ifndef TEST_SIM_ETCD_MODEL_H
#define TEST_SIM_ETCD_MODEL_H

#include "base/str.h"

enum lie { LIE_NONE, LIE_STALE, LIE_GARBLE, LIE_OVERWRITE, LIE_FALSIFY, LIE_FORK, LIE_FORGET, LIE_DELETE, LIE_LOSE, N_LIES };
const char *lie_name(enum lie lie);
bool lie_may_split(enum lie lie); /* Nodes may come to different journals, or wait for ever. */

/* keeps_all: nothing is ever compacted away, so that what was written over can be read as it was. */
void etcd_model_begin(enum lie lie, bool keeps_all);
void etcd_model_end(void);
void etcd_model_calm(void); /* From now on every call is answered soon. What a lie has done stays. */
void etcd_model_trouble(void); /* Chance may cut or mend a link, stop or start the cluster, compact it, fill it, or tell the lie. */

/* Whoever has write access does this. Of a fork the first store. */
void etcd_model_put(struct str key, struct str value);
void etcd_model_delete(struct str key);
bool etcd_model_has(struct str key);

bool etcd_model_has_lied(void);
void etcd_model_lose(void);
bool etcd_model_is_lost(void);  /* It answers nobody until etcd_model_rebuilt(). */
void etcd_model_rebuilt(void);

#endif
