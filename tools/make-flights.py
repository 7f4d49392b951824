#!/usr/bin/env python3
# make-flights.py - writes data/donlon-flights.json: a day's invented flights over the fictitious waters of Donlon.
# SPDX-License-Identifier: Apache-2.0
#
#   python3 tools/make-flights.py > data/donlon-flights.json
#
# GeoJSON as `clearline replay` reads it: one LineString a flight, [longitude, latitude, metres above WGS84], an RFC 3339 time for each
# position. Patrols and a training box of an air arm, relief flights between two airfields, ferries of crewed aircraft on crossing
# tracks, and drones around the heliport. The same bytes on every machine: the numbers come from a generator of its own.
import json
import math
import sys

DAY = "2026-06-01"
AIRPORT = (52.3717, -31.9494)   # Donlon/Intl.
HELIPORT = (52.2889, -32.0350)  # Donlon/Downtown
WEST = (52.5108, -33.5114)      # Osto
SOUTH = (51.9833, -32.5500)     # Robine
NORTH = (53.0383, -32.1517)     # Donnard
EAST = (52.5300, -30.6000)      # Over the sea


class Dice:
    """splitmix64: the same numbers everywhere."""

    def __init__(self, seed):
        self.state = seed

    def unit(self):
        mask = (1 << 64) - 1
        self.state = (self.state + 0x9E3779B97F4A7C15) & mask
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return ((z ^ (z >> 31)) >> 11) * 2.0 ** -53

    def between(self, low, high):
        return low + (high - low) * self.unit()


dice = Dice(20260601)


def metres(a, b):
    north = (b[0] - a[0]) * 111200.0
    east = (b[1] - a[1]) * 111200.0 * math.cos(math.radians((a[0] + b[0]) / 2))
    return math.hypot(north, east)


def clock(seconds):
    seconds = int(round(seconds))
    return "%sT%02d:%02d:%02dZ" % (DAY, seconds // 3600, seconds // 60 % 60, seconds % 60)


def flight(name, start, speed, places):
    """places: (lat, lng, height); speed in m/s over the ground."""
    positions, times, at = [], [], start
    for i, (lat, lng, height) in enumerate(places):
        if i:
            at += max(1.0, metres(places[i - 1], places[i]) / speed)
        positions.append([round(lng, 5), round(lat, 5), round(height)])
        times.append(clock(at))
    return {
        "type": "Feature",
        "properties": {"name": name, "times": times},
        "geometry": {"type": "LineString", "coordinates": positions},
    }


def between(a, b, part):
    return a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part


def crossing(name, start, speed, a, b, level):
    """From a to b, climbing and descending over the first and last fifth."""
    places = [(*a, 600.0)]
    places += [(*between(a, b, part), level) for part in (0.2, 0.4, 0.6, 0.8)]
    places.append((*b, 600.0))
    return flight(name, start, speed, places)


def patrol(name, start, centre, level, width, height):
    """Twice around a box, beginning and ending at the airport."""
    lat, lng = centre
    corners = [(lat - height, lng - width), (lat - height, lng + width), (lat + height, lng + width), (lat + height, lng - width)]
    places = [(*AIRPORT, 600.0)] + [(*corner, level) for corner in corners * 2] + [(*AIRPORT, 600.0)]
    return flight(name, start, 180.0, places)


def delivery(name, start, bearing, distance_m, level):
    """Out and back from the heliport."""
    lat, lng = HELIPORT
    away = (lat + distance_m * math.cos(bearing) / 111200.0,
            lng + distance_m * math.sin(bearing) / (111200.0 * math.cos(math.radians(lat))))
    return flight(name, start, 18.0, [(lat, lng, level), (*away, level), (*away, level - 40), (*away, level), (lat, lng, level)])


def main():
    flights = []
    for i in range(12):  # Relief: airport and western field, both ways, every 25 minutes.
        a, b = (AIRPORT, WEST) if i % 2 == 0 else (WEST, AIRPORT)
        flights.append(crossing("relief-%d" % (i + 1), 6 * 3600 + i * 1500, 95.0, a, b, 2400.0 if i % 2 == 0 else 3000.0))
    for i in range(8):  # Ferries that cross the relief track north to south.
        a, b = (NORTH, SOUTH) if i % 2 == 0 else (SOUTH, NORTH)
        level = (2400.0, 3600.0, 4200.0, 3000.0)[i % 4]
        flights.append(crossing("ferry-%d" % (i + 1), 6 * 3600 + 600 + i * 2400, 130.0, a, b, level))
    for i in range(6):  # Patrols west and east, some through the relief track.
        centre = ((52.45, -32.9), (52.50, -31.0))[i % 2]
        flights.append(patrol("patrol-%d" % (i + 1), 7 * 3600 + i * 4200, centre, (5000.0, 2600.0, 6000.0)[i % 3], 0.30, 0.15))
    for i in range(10):  # Crewed traffic from the east.
        level = 1800.0 + 600.0 * (i % 5)
        flights.append(crossing("inbound-%d" % (i + 1), 6 * 3600 + i * 1700, 140.0, EAST, AIRPORT, level))
    for i in range(24):  # Drones around the heliport.
        flights.append(delivery("parcel-%d" % (i + 1), 8 * 3600 + i * 420 + dice.between(0, 200), dice.between(0, 2 * math.pi),
                                dice.between(1000, 3000), 60.0 + 40 * (i % 3)))
    out = ['{"type": "FeatureCollection", "features": [']
    out.append(",\n".join(json.dumps(f) for f in flights))
    out.append("]}")
    sys.stdout.write("\n".join(out) + "\n")


main()
