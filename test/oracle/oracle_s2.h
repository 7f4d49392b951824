/* oracle_s2.h - what Debian's libs2 answers, for comparison.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TEST_ORACLE_ORACLE_S2_H
#define TEST_ORACLE_ORACLE_S2_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The level-13 covering, sorted, of the polygon (degrees: lat, lng, lat, lng, ...). *ret_cells is to be freed with free().
 * False if libs2 does not find the loop valid. The loop is turned so that its area is the smaller one. */
_Bool oracle_polygon(const double *degrees, size_t n_vertices, uint64_t **ret_cells, size_t *ret_n,
                     double *ret_area_km2);

/* Of the regular polygon with n_vertices corners in a circle. */
void oracle_circle(double lat, double lng, double radius_m, int n_vertices, uint64_t **ret_cells,
                   size_t *ret_n);

/* The true cap: how many radians the cell's nearest point is from the centre. */
double oracle_cell_distance(uint64_t cell, double lat, double lng);

#ifdef __cplusplus
}
#endif

#endif
