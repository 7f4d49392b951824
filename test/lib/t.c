/* t.c - TAP version 13 output.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "t.h"

#include <stdlib.h>
#include <sys/stat.h>

static int n_tests, n_failed_tests, n_failures;

bool t_check(bool holds, const char *claim, const char *file, int line)
{
    if (!holds) {
        n_failures++;
        printf("# %s:%d: not true: %s\n", file, line, claim);
    }
    return holds;
}

bool t_check_int(int64_t got, int64_t want, const char *what, const char *file, int line)
{
    if (got != want) {
        n_failures++;
        printf("# %s:%d: %s is %" PRId64 ", wanted %" PRId64 "\n", file, line, what, got, want);
    }
    return got == want;
}

bool t_check_str(struct str got, struct str want, const char *what, const char *file, int line)
{
    bool same = str_equal(got, want);
    if (!same) {
        n_failures++;
        printf("# %s:%d: %s is \"%.*s\", wanted \"%.*s\"\n", file, line, what, STR_ARG(got),
               STR_ARG(want));
    }
    return same;
}

void t_run(void (*test)(void), const char *name)
{
    n_failures = 0;
    test();
    n_tests++;
    n_failed_tests += n_failures > 0;
    if (n_failures) printf("# SEED=%" PRIu64 " STEPS=%s\n", t_rng().state, getenv("STEPS") ? getenv("STEPS") : "default");
    printf("%s %d - %s\n", n_failures ? "not ok" : "ok", n_tests, name);
    fflush(stdout);
}

void t_skip(const char *name, const char *reason)
{
    n_tests++;
    printf("ok %d - %s # SKIP %s\n", n_tests, name, reason);
}

int t_done(void)
{
    printf("1..%d\n", n_tests);
    return n_failed_tests ? 1 : 0;
}

struct rng t_rng(void)
{
    const char *seed = getenv("SEED");
    return (struct rng){seed ? strtoull(seed, NULL, 10) : UINT64_C(20261122)};
}

int t_steps(int by_default)
{
    const char *steps = getenv("STEPS");
    return steps ? atoi(steps) : by_default;
}

struct str t_read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct str text = {NULL, 0};
    char *bytes;
    long size;

    if (!file) return text;
    if (fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 && fseek(file, 0, SEEK_SET) == 0 &&
        (bytes = malloc((size_t)size + 1)) != NULL) {
        text = (struct str){bytes, fread(bytes, 1, (size_t)size, file)};
        bytes[text.n] = '\0';
    }
    (void)fclose(file);
    return text;
}

const char *t_shared(void)
{
    const char *path = getenv("CLEARLINE_SHARED");
    struct stat is;
    if (!path) path = "../shared";
    return stat(path, &is) == 0 && S_ISDIR(is.st_mode) ? path : NULL;
}
