/* keyfile.h - a pair of PEM files to sign and check tokens with.
 * SPDX-License-Identifier: Apache-2.0
 *
 * DIR/private.pem (mode 0600) and DIR/public.pem.
 */
#ifndef CLI_KEYFILE_H
#define CLI_KEYFILE_H

#include "api/jwt_mint.h"

/* Makes DIR (its parent must exist) and the pair. Never overwrites: ERR_INPUT if either file is there. ERR_DISK. */
CHECKED enum err keyfile_make(const char *dir, enum jwt_key_type type, struct why *why);

/* The same, unless both are there already: the development pair of a node. */
CHECKED enum err keyfile_ensure(const char *dir, struct why *why);

/* Appends a file of up to 64 KiB. ERR_INPUT. */
CHECKED enum err keyfile_read(const char *path, struct buf *ret, struct why *why);

#endif
