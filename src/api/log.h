/* log.h - the journal as a transparency log: checkpoint, tiles, entry bundles (C2SP tlog-tiles; evidence.md 2.5).
 * SPDX-License-Identifier: Apache-2.0
 *
 * Checkpoint and hash tiles are public. Bundles hold the entries themselves, and with them the OVNs: public only if genesis
 * says so (decision E3).
 */
#ifndef API_LOG_H
#define API_LOG_H

#include "api/call.h"

void log_on_checkpoint(struct call *c); /* GET /log/checkpoint */
void log_on_vkey(struct call *c);       /* GET /log/vkey: the log key's verifier line */
void log_on_tile(struct call *c);       /* GET /log/tile/<L>/<N>[.p/<W>], /log/tile/entries/<N>[.p/<W>] */

#endif
