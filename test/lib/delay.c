/* delay.c - when a chunk of bytes comes out of an emulated link: one direction of one connection.
 * SPDX-License-Identifier: Apache-2.0
 */
#include "delay.h"

#include <math.h>

#include "base/err.h"
#include "base/mem.h"

#define STEPS 4096
#define X_MAX 4.0 /* netem's tables have 16 bits, 8,192 to the unit. */
#define STALL_MS 200.0 /* Linux's least retransmission timeout, over the round trip. */
#define BIN_MS 0.01
#define BINS 400000

static double share_of(double z)
{
    return 0.5 * erfc(-z * M_SQRT1_2);
}

static double normal_quantile(double share)
{
    double low = -9, high = 9;

    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (share_of(middle) < share) low = middle;
        else high = middle;
    }
    return low;
}

/* X at the middle of each step. */
static const double *table(void)
{
    static double x[STEPS];
    static bool is_made;

    for (int i = 0; i < STEPS && !is_made; i++) {
        double share = (i + 0.5) / STEPS;
        double pareto = 4.0 / 3.0 * (pow(1 - share, -1.0 / 3.0) - 1.5);
        x[i] = fmin(X_MAX, 0.25 * normal_quantile(share) + 0.75 * pareto);
    }
    is_made = true;
    return x;
}

static double delay_at(const struct delay_options *o, int step)
{
    return fmax(0, o->mean_ms + o->jitter_ms * table()[step]);
}

struct delay_options delay_default(void)
{
    return (struct delay_options){.mean_ms = 16.5, .jitter_ms = 7.5, .correlation = 0.5, .loss = 0.00025, .rate_mbit = 27};
}

void delay_init(struct delay *d, uint64_t seed, uint64_t link, uint64_t connection, unsigned direction)
{
    const uint64_t numbers[] = {link, connection, direction};

    *d = (struct delay){.rng = {seed}};
    for (int i = 0; i < 3; i++) d->rng.state = rng_next(&d->rng) ^ numbers[i];
}

/* Box and Muller. */
static double draw_normal(struct rng *rng)
{
    double a = 1 - rng_unit(rng), b = rng_unit(rng);
    return sqrt(-2 * log(a)) * cos(2 * M_PI * b);
}

static double draw_delay(struct delay *d, const struct delay_options *o)
{
    double fresh = draw_normal(&d->rng), share;

    d->z = d->has_drawn ? o->correlation * d->z + sqrt(1 - o->correlation * o->correlation) * fresh : fresh;
    d->has_drawn = true;
    share = share_of(d->z);
    return delay_at(o, share >= 1 ? STEPS - 1 : (int)(share * STEPS));
}

int64_t delay_release(struct delay *d, const struct delay_options *o, int64_t arrival_us, size_t n, int64_t *ret_delay_us,
                      bool *ret_stalls)
{
    double delay_ms = draw_delay(d, o);
    double segments = (double)((n + DELAY_SEGMENT - 1) / DELAY_SEGMENT);
    bool stalls = rng_unit(&d->rng) < 1 - pow(1 - o->loss, segments);

    if (stalls) delay_ms += STALL_MS + 2 * o->mean_ms;
    if (d->left_us < arrival_us) d->left_us = arrival_us;
    if (o->rate_mbit > 0) d->left_us += llrint((double)n * 8 / o->rate_mbit);
    *ret_delay_us = llrint(delay_ms * 1000);
    *ret_stalls = stalls;
    if (d->release_us < d->left_us + *ret_delay_us) d->release_us = d->left_us + *ret_delay_us;
    return d->release_us;
}

double delay_quantile(const struct delay_options *o, double share)
{
    return delay_at(o, (int)(share * STEPS));
}

double delay_round_trip(const struct delay_options *o, double share)
{
    uint32_t *bins = mem_calloc(BINS, sizeof *bins);
    uint64_t below = 0, wanted = (uint64_t)(share * STEPS * STEPS);
    int bin = 0;

    for (int i = 0; i < STEPS; i++) {
        double a = delay_at(o, i);
        for (int k = 0; k < STEPS; k++) {
            int at = (int)((a + delay_at(o, k)) / BIN_MS);
            bins[at < BINS ? at : BINS - 1]++;
        }
    }
    while (bin < BINS - 1 && (below += bins[bin]) <= wanted) bin++;
    mem_free(bins);
    return (bin + 0.5) * BIN_MS;
}
