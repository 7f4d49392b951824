/* issuers.h - who may issue tokens, with which keys, for whom.
 * SPDX-License-Identifier: Apache-2.0
 *
 * The file is a JSON array, one object an issuer; other members are refused, since a misspelt "subs" would open what it
 * should close. Paths are relative to the file.
 *
 *     [{"iss": "https://auth.example", "pem": ["a.pem"], "jwks": "https://auth.example/jwks.json", "subs": ["uss1"]}]
 */
#ifndef API_ISSUERS_H
#define API_ISSUERS_H

#include "api/jwt_key.h"
#include "base/arena.h"
#include "base/buf.h"

#define ISSUERS_MAX 256
#define ISSUERS_BYTES_MAX (1024 * 1024)

struct issuer {
    struct str iss;           /* Empty: whoever is not named. */
    struct str *subs;         /* Those that it may vouch for; none: all. */
    size_t n_subs;
    struct jwt_key_vec pem;   /* Of the files below, as they were read last. */
    const char **pem_files;
    size_t n_pem_files;
    struct str jwks;          /* File or URL; empty: none. */
};

VEC_DEFINE(issuer_vec, struct issuer);

/* Appends the issuers of the file; texts live in the arena. ERR_INPUT names file and place. Free keys with issuers_done(). */
CHECKED enum err issuers_read(const char *path, struct arena *arena, struct issuer_vec *ret, struct why *why);

/* Adds a PEM file and reads its keys. Its name is copied into the arena. */
CHECKED enum err issuer_add_pem(struct issuer *issuer, const char *path, struct arena *arena, struct why *why);

/* Reads all PEM files of the issuer again: their text to ret_text, their keys to ret_keys. ERR_INPUT names the file. */
CHECKED enum err issuer_read_pem(const struct issuer *issuer, struct buf *ret_text, struct jwt_key_vec *ret_keys, struct why *why);

void issuers_done(struct issuer_vec *issuers);

bool issuer_allows(const struct issuer *issuer, struct str sub);

#endif
