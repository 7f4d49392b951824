/* auth.h - who is asking: JWTs of several issuers.
 * SPDX-License-Identifier: Apache-2.0
 *
 * RS256, ES256 and EdDSA, keys from PEM files or JWKS; each issuer bound to its own keys and, if wanted, to
 * its sub values; verified tokens are cached until they expire (f3548-dss.md section 3; evidence.md section 16).
 */
#ifndef API_AUTH_H
#define API_AUTH_H

#include "base/err.h"
#include "base/str.h"

enum scope { /* One bit each (f3548-dss.md 3.3, section 14). */
    SCOPE_SC = 1 << 0,   /* utm.strategic_coordination */
    SCOPE_CP = 1 << 1,   /* utm.constraint_processing */
    SCOPE_CM = 1 << 2,   /* utm.constraint_management */
    SCOPE_CMSA = 1 << 3, /* utm.conformance_monitoring_sa */
    SCOPE_AA = 1 << 4,   /* utm.availability_arbitration */
    SCOPE_RID_READ = 1 << 5,  /* dss.read.identification_service_areas */
    SCOPE_RID_WRITE = 1 << 6, /* dss.write.identification_service_areas */
    SCOPE_POOL_READ = 1 << 7, /* interuss.pool_status.read */
    SCOPE_POOL_WRITE = 1 << 8, /* interuss.pool_status.heartbeat.write */
    SCOPE_LINE_READ = 1 << 9,  /* line.read: a member's people and monitoring look at its node. */
    SCOPE_LINE_OPERATE = 1 << 10, /* line.operate: they suspend and resume the line. Of an operator's key only. */
};

struct auth;

struct auth_options {
    const char *const *pem_files; /* Public keys (SPKI PEM), tried for any issuer. */
    size_t n_pem_files;
    struct str jwks;              /* URL or file; empty: none */
    const char *issuers_file;     /* NULL: none. JSON: [{"iss":..., "pem":[...], "jwks":..., "subs":[...]}] */
    const char *const *audiences; /* Host names; at least one. */
    size_t n_audiences;
    int leeway_s;                 /* 0: 5; on exp, nbf and iat, at most 60 */
};

/* Reads all files, PEM files again every 60 s, so that keys are changed without a restart; and asks each JWKS URL once: what
 * cannot be had is asked for again in the background, every 60 s (on failure after 5 to 60 s), and kept for at most an hour after
 * it was last had. ERR_INPUT names what is wrong with an option or a file. */
CHECKED enum err auth_new(const struct auth_options *options, struct auth **ret, struct why *why);
void auth_free(struct auth *a); /* No call may be inside. */

/* Reads every PEM file and fetches every key set now. ERR_NET, with the last one's reason, if one could not be had. */
CHECKED enum err auth_refresh(struct auth *a, struct why *why);

struct caller {
    struct str sub;    /* Borrowed: see auth_check. */
    unsigned scopes;   /* enum scope bits; unknown words are ignored */
    int64_t expires_us;
};

/* Checks the Authorization header's value. ERR_TOKEN with what is wrong with the token; ERR_UNAVAILABLE when it might be good
 * but its issuer's keys have not been had for an hour, or never. ret->sub is copied into memory that arena owns.
 * Any thread; a cached token costs below 1 us. */
struct arena;
CHECKED enum err auth_check(struct auth *a, struct str authorization, int64_t now_us,
                            struct arena *arena, struct caller *ret, struct why *why);

#endif
