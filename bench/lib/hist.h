/* hist.h - latencies counted in buckets that grow with them: 1.6 % wide, from a nanosecond to an hour.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     bucket 0..63: that many nanoseconds; then 64 buckets for each doubling, by the 6 bits after the first
 */
#ifndef BENCH_LIB_HIST_H
#define BENCH_LIB_HIST_H

#include <stdint.h>

#define HIST_N (64 * 37)

struct hist {
    uint64_t n, max;
    uint64_t counts[HIST_N];
};

static inline void hist_add(struct hist *h, uint64_t ns)
{
    unsigned bucket = (unsigned)ns;

    if (ns >= 64) {
        unsigned shift = 57U - (unsigned)__builtin_clzll(ns);
        bucket = (shift + 1) * 64 + (unsigned)(ns >> shift & 63);
    }
    h->counts[bucket < HIST_N ? bucket : HIST_N - 1]++;
    h->n++;
    if (ns > h->max) h->max = ns;
}

/* The value below which the share of all lies, in nanoseconds: the upper end of its bucket, at most the largest. */
static inline uint64_t hist_at(const struct hist *h, double share)
{
    uint64_t rank = (uint64_t)(share * (double)h->n), seen = 0;

    for (unsigned i = 0; i < HIST_N; i++) {
        uint64_t next = i + 1, end = next < 64 ? next : (64 + next % 64) << (next / 64 - 1);
        seen += h->counts[i];
        if (seen > rank) return end < h->max ? end : h->max;
    }
    return h->max;
}

static inline void hist_merge(struct hist *to, const struct hist *from)
{
    for (unsigned i = 0; i < HIST_N; i++) to->counts[i] += from->counts[i];
    to->n += from->n;
    if (from->max > to->max) to->max = from->max;
}

#endif
