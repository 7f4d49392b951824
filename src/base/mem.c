/* mem.c - malloc that aborts instead of failing.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/err.h"

#define HUGE_PAGE ((size_t)2 << 20)

void *mem_alloc(size_t n)
{
    void *p = malloc(n ? n : 1);
    must(p != NULL);
    return p;
}

void *mem_zalloc(size_t n)
{
    return mem_calloc(1, n);
}

void *mem_calloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    must(p != NULL);
    return p;
}

void *mem_realloc(void *p, size_t n)
{
    p = realloc(p, n ? n : 1);
    must(p != NULL);
    return p;
}

void *mem_dup(const void *p, size_t n)
{
    void *copy = mem_alloc(n);
    if (n) memcpy(copy, p, n);
    return copy;
}

void *mem_pages(size_t n)
{
    void *p = NULL;
    must(n >= 64 && (n & (n - 1)) == 0);
    must(posix_memalign(&p, n < HUGE_PAGE ? n : HUGE_PAGE, n) == 0);
    if (n >= HUGE_PAGE) (void)madvise(p, n, MADV_HUGEPAGE); /* Refused: slower, not wrong. */
    return p;
}

void mem_free(void *p)
{
    free(p);
}

void mem_auto(void *p)
{
    free(*(void **)p);
}
