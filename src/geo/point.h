/* point.h - a place on the earth in degrees.
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef GEO_POINT_H
#define GEO_POINT_H

struct point {
    double lat; /* degrees, -90..90 */
    double lng; /* degrees, -180..180 */
};

#endif
