/* fuzz_flights.c - files of flights, cut into legs: whatever the bytes, either a reason or volumes within their limits.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>

#include "cli/flights.h"
#include "cli/legs.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const struct legs_options options = {.lateral_m = 9260, .vertical_m = 305, .leg_s = 3600};
    struct flight_vec flights = {0};
    struct leg_vec legs = {0};
    struct why why = {0};

    if (flights_parse(str_make(bytes, n), &flights, &why) != OK) must(flights.n == 0 && why.text[0]);
    for (size_t i = 0; i < flights.n && i < 16; i++) {
        const struct flight *f = &flights.at[i];
        must(f->fixes.n >= 2);
        for (size_t k = 1; k < f->fixes.n; k++) must(f->fixes.at[k].at_us > f->fixes.at[k - 1].at_us);
        if (f->fixes.at[f->fixes.n - 1].at_us - f->fixes.at[0].at_us > INT64_C(36000000000)) continue; /* Ten hours: enough. */
        leg_vec_clear(&legs);
        if (legs_of(f, 0, &options, &legs, &why) != OK) continue;
        for (size_t k = 0; k < legs.n; k++) {
            must(leg_area_km2(legs.at[k].outer) <= 2424);
            must(legs.at[k].outer_box.floor_mm < legs.at[k].outer_box.ceil_mm);
            must(legs.at[k].outer_box.starts_us < legs.at[k].outer_box.ends_us);
            must(leg_conflicts(&legs.at[k], &legs.at[k]));
        }
    }
    leg_vec_done(&legs);
    flights_done(&flights);
    return 0;
}
