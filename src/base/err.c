/* err.c - the table of error codes, and the end of a program with a bug.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name;
    int status;
    const char *text;
} table[] = {
#define X(name, status, text) {#name, status, text},
    ERR_TABLE(X)
#undef X
};

#define N_CODES (sizeof table / sizeof table[0])

enum err fail(struct why *why, enum err code, const char *format, ...)
{
    if (why) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(why->text, sizeof why->text, format, args);
        va_end(args);
    }
    return code;
}

const char *err_name(enum err code)
{
    must((size_t)code < N_CODES);
    return table[code].name;
}

int err_status(enum err code)
{
    must((size_t)code < N_CODES);
    return table[code].status;
}

const char *err_text(enum err code)
{
    must((size_t)code < N_CODES);
    return table[code].text;
}

void must_failed(const char *claim, const char *file, int line)
{
    (void)fprintf(stderr, "bug: %s:%d: not true: %s\n", file, line, claim);
    abort();
}
