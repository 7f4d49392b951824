/* delay.h - when a chunk of bytes comes out of an emulated link: one direction of one connection.
 * SPDX-License-Identifier: Apache-2.0
 *
 *     leaves  = max(arrival, when the chunk before has left) + its bytes at the link's rate
 *     release = max(release of the chunk before, leaves + D)
 *     D       = max(0, mean + jitter * X), and with the chance of a lost segment a retransmission's stall on top
 *
 * X is drawn from netem's paretonormal distribution: at the share u, a quarter of the normal quantile and three quarters of a
 * Pareto quantile of exponent 3 with mean 0, 4/3 ((1 - u)^(-1/3) - 3/2), never above 4, in a table of 4,096 steps. Shares are correlated
 * from chunk to chunk by a Gaussian copula: so the distribution of D is exactly the table's whatever the correlation.
 *
 * A function of the seed and the calls: no clock here.
 */
#ifndef TEST_DELAY_H
#define TEST_DELAY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"

#define DELAY_SEGMENT 1448 /* Bytes of one TCP segment. */

struct delay_options {
    double mean_ms, jitter_ms; /* One way. */
    double correlation;        /* 0..1 */
    double loss;               /* Of a segment. */
    double rate_mbit;          /* 0: no limit. */
};

/* 16.5 ms, 7.5 ms, 50 %, 0.025 %, 27 Mbit/s. */
struct delay_options delay_default(void);

struct delay {
    struct rng rng;
    double z; /* Of the last draw, standard normal. */
    bool has_drawn;
    int64_t left_us, release_us; /* Of the chunk before. */
};

/* The numbers that make a direction: all of them together are the seed. */
void delay_init(struct delay *d, uint64_t seed, uint64_t link, uint64_t connection, unsigned direction);

/* The release of the next chunk of n bytes; ret_delay_us is D, stall included. */
int64_t delay_release(struct delay *d, const struct delay_options *o, int64_t arrival_us, size_t n, int64_t *ret_delay_us,
                      bool *ret_stalls);

/* Closed form: the D below which the share of all lies, without loss, in ms; the same for two of them added, a round trip. About
 * 50 ms for the latter. */
double delay_quantile(const struct delay_options *o, double share);
double delay_round_trip(const struct delay_options *o, double share);

#endif
