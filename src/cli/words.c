/* words.c - reads lists with commas.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "cli/words.h"

#include <stdlib.h>

#include "entry/change.h"

static int compare(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

enum err words_read(const char *option, struct str text, size_t max, struct str *ret, size_t *ret_n, struct why *why)
{
    size_t n = 0;

    for (;;) {
        bool is_last = str_find(text, ',') == text.n;
        struct str word = str_cut(&text, ',');
        if (word.n == 0) return fail(why, ERR_INPUT, "%s: an empty word", option);
        if (n == max) return fail(why, ERR_INPUT, "%s: more than %zu", option, max);
        ret[n++] = word;
        if (is_last) break;
    }
    qsort(ret, n, sizeof *ret, compare);
    for (size_t i = 1; i < n; i++)
        if (str_equal(ret[i - 1], ret[i])) return fail(why, ERR_INPUT, "%s: %.*s stands there twice", option, STR_ARG(ret[i]));
    *ret_n = n;
    return OK;
}

enum err words_rights(struct str text, uint64_t *ret, struct why *why)
{
    struct str words[2];
    uint64_t rights = 0;
    size_t n = 0;

    if (text.n) TRY(words_read("--rights", text, 2, words, &n, why));
    for (size_t i = 0; i < n; i++) {
        if (str_equal(words[i], STR("arbitration"))) rights |= RIGHT_ARBITRATION;
        else if (str_equal(words[i], STR("constraints"))) rights |= RIGHT_CONSTRAINTS;
        else return fail(why, ERR_INPUT, "--rights: there are arbitration and constraints, not %.*s", STR_ARG(words[i]));
    }
    *ret = rights;
    return OK;
}
