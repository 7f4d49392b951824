/* oracle_s2.cc - what Debian's libs2 answers, for comparison.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <vector>

#include <s2/s1angle.h>
#include <s2/s2cell.h>
#include <s2/s2debug.h>
#include <s2/s2error.h>
#include <s2/s2latlng.h>
#include <s2/s2loop.h>
#include <s2/s2polygon.h>
#include <s2/s2region_coverer.h>

#define _Bool bool
#include "oracle_s2.h"

static void cover(const S2Region &region, uint64_t **ret_cells, size_t *ret_n)
{
    S2RegionCoverer::Options options;
    std::vector<S2CellId> cells;

    options.set_fixed_level(13);
    S2RegionCoverer(options).GetCovering(region, &cells);
    std::sort(cells.begin(), cells.end());
    *ret_cells = static_cast<uint64_t *>(std::malloc(cells.size() * sizeof(uint64_t) + 1));
    *ret_n = cells.size();
    for (size_t k = 0; k < cells.size(); k++) (*ret_cells)[k] = cells[k].id();
}

bool oracle_polygon(const double *degrees, size_t n_vertices, uint64_t **ret_cells, size_t *ret_n,
                    double *ret_area_km2)
{
    std::vector<S2Point> points;
    S2Error error;

    for (size_t k = 0; k < n_vertices; k++)
        points.push_back(S2LatLng::FromDegrees(degrees[2 * k], degrees[2 * k + 1]).ToPoint());
    auto loop = std::make_unique<S2Loop>(points, S2Debug::DISABLE);
    if (loop->FindValidationError(&error)) return false;
    loop->Normalize();
    *ret_area_km2 = loop->GetArea() * 510072000 / (4 * M_PI);
    cover(S2Polygon(std::move(loop), S2Debug::DISABLE), ret_cells, ret_n);
    return true;
}

void oracle_circle(double lat, double lng, double radius_m, int n_vertices, uint64_t **ret_cells,
                   size_t *ret_n)
{
    auto loop = S2Loop::MakeRegularLoop(S2LatLng::FromDegrees(lat, lng).ToPoint(),
                                        S1Angle::Radians(radius_m / 6371010), n_vertices);
    cover(*loop, ret_cells, ret_n);
}

double oracle_cell_distance(uint64_t cell, double lat, double lng)
{
    return S2Cell(S2CellId(cell))
        .GetDistance(S2LatLng::FromDegrees(lat, lng).ToPoint())
        .ToAngle()
        .radians();
}
