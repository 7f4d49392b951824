/* operators.h - the people at the nodes' machines: what they do after etcd lost data (decision B6, docs/operating.md).
 * SPDX-License-Identifier: Apache-2.0
 *
 *     etcd lost data -> all nodes stopped -> epoch propose, where the journal is longest -> epoch sign -> epoch open -> started
 *
 * By the real commands, on the nodes' own disks. Where the loss has split the journal already nothing is done.
 *
 * The longest journal begins as all others do (J1), so that nothing that was acknowledged is lost (J2): no claim of the judge is put aside.
 * When calm comes the epoch is open (J6).
 *
 * Not modelled: a node at which its people have not opened it. If that reaches no peer when it starts, and etcd came back with what it
 * knew, it goes on in the epoch before.
 */
#ifndef TEST_SIM_OPERATORS_H
#define TEST_SIM_OPERATORS_H

#include <stdbool.h>
#include <stdint.h>

#include "etcd_model.h"

void operators_begin(enum lie lie);
void operators_calm(void);    /* What is to be done is done soon. */
void operators_trouble(void); /* Does what is due. */
bool operators_are_done(void);   /* Nothing is left to do, and the new epoch, if any, is open. */

extern uint64_t operators_n_epochs; /* Over all seeds. */

#endif
