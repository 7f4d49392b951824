/* replay.c - runs a fuzz target over its corpus without a fuzzer, as TAP.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Linked with one fuzz_<x>.c; reads test/fuzz/corpus/fuzz_<x>/ or the files and folders given. An input that breaks the target
 * ends the program, and its name is the last line.
 */
#include <dirent.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "t.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static size_t n_inputs;

static void replay_file(const char *path)
{
    struct str bytes = t_read_file(path);
    uint8_t *copy;

    if (!bytes.at) return;
    printf("# %s\n", path);
    fflush(stdout);
    copy = malloc(bytes.n + !bytes.n); /* Of the exact size, so that a sanitizer sees reads past the end. */
    if (copy) {
        if (bytes.n) memcpy(copy, bytes.at, bytes.n);
        (void)LLVMFuzzerTestOneInput(copy, bytes.n);
    }
    free(copy);
    free((char *)bytes.at);
    n_inputs++;
}

static void replay(const char *path)
{
    struct stat is;
    struct dirent **names;
    int n;

    if (stat(path, &is) != 0) return;
    if (!S_ISDIR(is.st_mode)) {
        replay_file(path);
        return;
    }
    n = scandir(path, &names, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char inner[4096];
        if (names[i]->d_name[0] != '.' &&
            snprintf(inner, sizeof inner, "%s/%s", path, names[i]->d_name) < (int)sizeof inner) {
            replay(inner);
        }
        free(names[i]);
    }
    if (n >= 0) free(names);
}

static int n_paths;
static char **paths;

static void the_target_survives_its_corpus(void)
{
    for (int i = 0; i < n_paths; i++) replay(paths[i]);
    printf("# %zu inputs\n", n_inputs);
    CHECK(n_inputs > 0);
}

int main(int argc, char **argv)
{
    char own[4096];
    char *own_list[] = {own};

    (void)snprintf(own, sizeof own, "test/fuzz/corpus/%s", basename(argv[0]));
    n_paths = argc > 1 ? argc - 1 : 1;
    paths = argc > 1 ? argv + 1 : own_list;
    RUN(the_target_survives_its_corpus);
    return t_done();
}
