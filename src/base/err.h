/* err.h - error codes, the line for a person that goes with them, and must().
 * SPDX-License-Identifier: Apache-2.0
 *
 * What can fail returns enum err, 0 being OK. One table gives each code its name, its HTTP status and a
 * short text; nobody compares texts. struct why carries one line for a person, and callers may
 * pass NULL for it.
 *
 *     TRY(intent_find(s, id, &next, why));
 *     if (!ok) return fail(why, ERR_INPUT, "extents[%zu]: no outline", i);
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stddef.h>

/* clang-format off */
#define ERR_TABLE(X) \
    X(OK,              200, "fine") \
    X(ERR_INPUT,       400, "bad input") \
    X(ERR_TOKEN,       401, "token missing or not acceptable") \
    X(ERR_RIGHTS,      403, "not allowed") \
    X(ERR_NOT_FOUND,   404, "not found") \
    X(ERR_CONFLICT,    409, "conflict") \
    X(ERR_STATE,       412, "not possible in this state") \
    X(ERR_TOO_LARGE,   413, "too large") \
    X(ERR_BUSY,        429, "too many requests") \
    X(ERR_INTERNAL,    500, "internal error") \
    X(ERR_UNAVAILABLE, 503, "not available now") \
    X(ERR_CORRUPT,     500, "stored bytes are damaged") \
    X(ERR_DISK,        503, "storage failed") \
    X(ERR_NET,         503, "network failed")
/* clang-format on */

enum err {
#define X(name, status, text) name,
    ERR_TABLE(X)
#undef X
};

#define CHECKED __attribute__((warn_unused_result))

/* One line for a person: what was wrong and where. All bits zero is empty. */
struct why {
    char text[240];
};

/* Writes the line (cut at the buffer's size) unless why is NULL, and returns code. */
enum err fail(struct why *why, enum err code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The code's name, HTTP status and general text; a code outside the table aborts. */
const char *err_name(enum err code);
int err_status(enum err code);
const char *err_text(enum err code);

#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (try_err_ != OK) return try_err_;                                                       \
    } while (0)

/* A broken invariant is a bug: prints the claim and its place, then aborts. On in every build. */
#define must(claim) ((claim) ? (void)0 : must_failed(#claim, __FILE__, __LINE__))
_Noreturn void must_failed(const char *claim, const char *file, int line);

/* Runs done(&variable) when the variable leaves its scope. */
#define AUTO(done) __attribute__((cleanup(done)))

#endif
