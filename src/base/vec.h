/* vec.h - growing arrays of one type.
 * SPDX-License-Identifier: Apache-2.0
 *
 * VEC_DEFINE(u64_vec, uint64_t) makes struct u64_vec {at, n, room} and
 *     void u64_vec_add(struct u64_vec *v, uint64_t item);
 *     uint64_t *u64_vec_reserve(struct u64_vec *v, size_t n);   room for n more; the caller adds to v->n
 *     void u64_vec_clear(struct u64_vec *v);                    keeps the memory
 *     void u64_vec_done(struct u64_vec *v);                     NULL is fine
 * All bits zero is empty. Pointers into at are valid until the next growth.
 */
#ifndef BASE_VEC_H
#define BASE_VEC_H

#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define VEC_DEFINE(name, type)                                                                     \
    struct name {                                                                                  \
        type *at;                                                                                  \
        size_t n;                                                                                  \
        size_t room;                                                                               \
    };                                                                                             \
    __attribute__((unused)) static inline type *name##_reserve(struct name *v, size_t n)           \
    {                                                                                              \
        must(n <= SIZE_MAX / sizeof(type) / 2 - v->n);                                             \
        if (v->room - v->n < n) {                                                                  \
            size_t room = v->room ? v->room * 2 : 8;                                               \
            if (room < v->n + n) room = v->n + n;                                                  \
            v->at = mem_realloc(v->at, room * sizeof(type));                                       \
            v->room = room;                                                                        \
        }                                                                                          \
        return v->at + v->n;                                                                       \
    }                                                                                              \
    __attribute__((unused)) static inline void name##_add(struct name *v, type item)               \
    {                                                                                              \
        *name##_reserve(v, 1) = item;                                                              \
        v->n++;                                                                                    \
    }                                                                                              \
    __attribute__((unused)) static inline void name##_clear(struct name *v)                        \
    {                                                                                              \
        v->n = 0;                                                                                  \
    }                                                                                              \
    __attribute__((unused)) static inline void name##_done(struct name *v)                         \
    {                                                                                              \
        if (!v) return;                                                                            \
        mem_free(v->at);                                                                           \
        *v = (struct name){0};                                                                     \
    }                                                                                              \
    struct name

VEC_DEFINE(u64_vec, uint64_t);
VEC_DEFINE(u32_vec, uint32_t);

#endif
