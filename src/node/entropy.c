/* entropy.c - getrandom(2), a page at a time.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "node/entropy.h"

#include <errno.h>
#include <sys/random.h>

#include "base/err.h"

static void fill_from_system(uint8_t *to, size_t n)
{
    while (n > 0) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0) {
            must(errno == EINTR);
            continue;
        }
        to += got;
        n -= (size_t)got;
    }
}

void entropy_fill(void *to, size_t n)
{
    static _Thread_local uint8_t pool[4096];
    static _Thread_local size_t left;
    if (n > sizeof pool) {
        fill_from_system(to, n);
        return;
    }
    if (left < n) {
        fill_from_system(pool, sizeof pool);
        left = sizeof pool;
    }
    uint8_t *from = pool + sizeof pool - left;
    memcpy(to, from, n);
    explicit_bzero(from, n);
    left -= n;
}

struct id entropy_id(void)
{
    uint8_t bytes[16];
    entropy_fill(bytes, sizeof bytes);
    return id_make_v4(bytes);
}
