/* limits.h - every bound on what comes from outside, with the requirement or decision it serves.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each is checked before the work that it bounds.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* Entries (decision A1; evidence.md section 3). */
#define LIMIT_ENTRY_BYTES 32768
#define LIMIT_ENTRY_ITEMS 4096
#define LIMIT_ENTRY_DEPTH 8
#define LIMIT_ENTRY_CHANGES 96 /* Each is at most 42 CBOR items, so that LIMIT_ENTRY_ITEMS holds. */
#define LIMIT_KEY_DIGESTS 256    /* Decision A3. */
#define LIMIT_CELL_BYTES 16384   /* Decision A7: coded cells of one change. */
#define LIMIT_CELLS 4096         /* Decision D2: normalised cells of one volume union. */

/* Names and texts. */
#define LIMIT_SUB_BYTES 128      /* evidence.md section 16: the token's sub. */
#define LIMIT_URL_BYTES 1024
#define LIMIT_OVN_MIN 16         /* F3548-21 EntityOVN. */
#define LIMIT_OVN_MAX 128

/* Members (decisions C1 to C6). */
#define LIMIT_MEMBERS 100        /* At a time. */
#define LIMIT_MEMBERS_EVER 256   /* The expelled counted. */
#define LIMIT_MEMBER_NODES 8     /* Decision C2. */
#define LIMIT_PROPOSALS 32       /* Open at a time. */
#define LIMIT_PROPOSAL_MS (INT64_C(7) * 24 * 3600 * 1000) /* Decision C3. */
#define LIMIT_SPEAKERS 16        /* Members that speak for one participant. */
#define LIMIT_ADDRESSES 4        /* Of a node. */
#define LIMIT_ADDRESS_BYTES 256
#define LIMIT_REASON_BYTES 512
#define LIMIT_ISSUERS 64         /* Of a member. */
#define LIMIT_ISSUER_SUBS 256    /* Of an issuer's key. */
#define LIMIT_CHANGE_SUBS 24     /* In one change. */
#define LIMIT_PUBLIC_KEY_BYTES 1024

/* HTTP (f3548-dss.md 2.1; evidence.md section 16). */
#define LIMIT_BODY_BYTES (4 * 1024 * 1024)
#define LIMIT_HEADERS 64
#define LIMIT_HEADER_BYTES 16384
#define LIMIT_URI_BYTES 4096
#define LIMIT_TOKEN_BYTES 8192
#define LIMIT_JSON_DEPTH 16
#define LIMIT_JSON_STRING 65536
#define LIMIT_JSON_TOKENS 200000 /* Values and members' names of one text: bounds what reading it costs. */
#define LIMIT_JSON_MEMBERS 4096  /* Of one object. */
#define LIMIT_BODIES_BYTES (256 * 1024 * 1024) /* Of all bodies over 64 KiB that are on their way in. */

/* Geometry (f3548-dss.md 4.6, decision D2). */
#define LIMIT_VERTICES 10000     /* OiMaxVertices, over all volumes of a request. */
#define LIMIT_VOLUMES 1000
#define LIMIT_COVERED (4 * LIMIT_CELLS) /* Cells made for one request, before volumes are united: bounds its CPU. */
#define LIMIT_AREA_KM2 2500      /* A polygon or circle through the F3548 API. */
#define LIMIT_ALTITUDE_MIN_MM (-8000 * 1000)
#define LIMIT_ALTITUDE_MAX_MM (100000 * 1000)

/* Time (f3548-dss.md 7.3, 5.2, 13.5). */
#define LIMIT_SUBSCRIPTION_US (INT64_C(24) * 3600 * 1000000) /* DSS0015 */
#define LIMIT_PAST_US (INT64_C(5) * 60 * 1000000)
#define LIMIT_OVN_SKEW_MS (INT64_C(5) * 60 * 1000)
#define LIMIT_KEEP_ENDED_US (INT64_C(112) * 24 * 3600 * 1000000)
#define LIMIT_CLEANUP 64         /* Removals after one entry (decision A8). */

/* Answers. */
#define LIMIT_RESULTS 10000      /* A query with more is answered 413, never cut. */

#endif
