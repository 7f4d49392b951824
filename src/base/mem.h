/* mem.h - heap memory that is always there.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Inputs are bounded before anything is allocated for them, so running out of memory is not an
 * answer to a request: it aborts, and a restart replays the journal.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* n may be 0; the result is never NULL. The caller frees it with mem_free(). */
void *mem_alloc(size_t n) __attribute__((malloc, alloc_size(1)));
void *mem_zalloc(size_t n) __attribute__((malloc, alloc_size(1)));                /* All bits zero. */
void *mem_calloc(size_t n, size_t size) __attribute__((malloc, alloc_size(1, 2))); /* Zero; n * size checked. */
void *mem_realloc(void *p, size_t n) __attribute__((alloc_size(2)));
void *mem_dup(const void *p, size_t n) __attribute__((malloc, alloc_size(2)));
void mem_free(void *p); /* NULL is fine. */

/* n bytes, a power of two of at least 64, at an address that is a multiple of n or, if that is less, of 2 MiB; from there on huge
 * pages are asked for. Not zeroed; for mem_free(). */
void *mem_pages(size_t n) __attribute__((malloc, alloc_size(1)));

/* For AUTO(): frees what the pointer variable at p points to. */
void mem_auto(void *p);

#endif
