# checks_clearline.py - what this server promises beyond the standard and InterUSS (docs/api.md).
# SPDX-License-Identifier: Apache-2.0

import base64
import json
import math
import time

from dss import OIRS, REPORTS, SC, SUBS, Place, check, intent, minutes, new_id, now, stamp, suite

CHECKS, serves = suite()


def _position(reply):
    text = reply.headers.get("journal-position", "")
    check(text.isdigit(), f"{reply.line}: Journal-Position is {text!r}")
    return int(text)


@serves("JOURNAL-1")
def every_answer_says_where_in_the_journal_it_stands(s):
    place, t = Place(), now()
    entity = new_id()
    s.made.append((OIRS, entity, 0, SC))
    before = _position(s.dss.call("GET", f"{OIRS}/{entity}"))
    put = s.dss.call("PUT", f"{OIRS}/{entity}", intent(place, t))
    put.want(201)
    check(_position(put) > before, "a write moves it on")
    check(_position(s.dss.call("GET", f"{OIRS}/{entity}")) >= _position(put), "a read is at or after it")
    for reply in (s.dss.call("GET", "/healthy", scope=None), s.dss.call("GET", "/nowhere"),
                  s.dss.call("GET", f"{OIRS}/x"), s.dss.call("GET", f"{OIRS}/x", scope=None)):
        _position(reply)


@serves("JOURNAL-2")
def a_refused_write_leaves_no_entry(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t))
    before = _position(s.dss.call("GET", f"{OIRS}/{ref['id']}"))
    for body in (intent(place, t), {}):
        s.dss.call("PUT", f"{OIRS}/{ref['id']}", body).want(400, 409)
    s.dss.call("PUT", f"{OIRS}/{new_id()}", intent(place, t)).want(409)
    s.dss.call("DELETE", f"{OIRS}/{new_id()}/aaaaaaaaaaaaaaaaaaaaaa").want(404)
    check(_position(s.dss.call("GET", f"{OIRS}/{ref['id']}")) == before, "the position is the same")


@serves("JOURNAL-3")
def a_reader_may_ask_for_a_position(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t))
    path = f"{OIRS}/{ref['id']}"
    here = _position(s.dss.call("GET", path))
    s.dss.call("GET", path, headers={"Journal-At-Least": str(here)}).want(200)
    for bad in ("x", "-1", "1.5", "99999999999999999999999"):
        s.dss.call("GET", path, headers={"Journal-At-Least": bad}).want(400)
    began = time.monotonic()
    s.dss.call("GET", path, headers={"Journal-At-Least": str(here + 1000000)}).want(503)
    check(time.monotonic() - began < 20, "the wait is bounded")


@serves("JOURNAL-4")
def an_entry_that_nobody_wrote_is_absent(s):
    check(s.dss.call("GET", "/aux/v1/journal/entries/" + "0" * 64).want(200)["fate"] == "absent", "fate")
    s.dss.call("GET", "/aux/v1/journal/entries/xyz").want(400)
    s.dss.call("GET", "/aux/v1/journal/entries/" + "0" * 64, scope=None).want(401)


@serves("JOURNAL-5")
def the_log_is_public_but_for_its_entries(s):
    checkpoint = s.dss.call("GET", "/log/checkpoint", scope=None)
    check(checkpoint.status == 200 and checkpoint.headers["content-type"].startswith("text/plain"), "checkpoint")
    lines = checkpoint.body.decode().split("\n")
    size = int(lines[1])
    check(size % 2 == 0 and size > 0, "an entry and its outcome are two leaves")
    width = min(size, 256)
    name = "/log/tile/0/000" + ("" if width == 256 else f".p/{width}")
    tile = s.dss.call("GET", name, scope=None)
    check(tile.status == 200 and len(tile.body) == 32 * width, f"{name}: {tile.status}, {len(tile.body)} bytes")
    check("immutable" in tile.headers.get("cache-control", ""), "tiles are kept for ever")
    bundle = s.dss.call("GET", name.replace("tile/0/", "tile/entries/"), scope=None)
    check(bundle.status in (200, 403), f"bundle: {bundle.status}")
    for bad in ("0/0", "0/x000/001", "64/000", "0/000.p/256", "0/000.p/0", "0/", "x/000", "0/999"):
        reply = s.dss.call("GET", "/log/tile/" + bad, scope=None)
        check(reply.status == 404, f"{bad}: {reply.status}")
    vkey = s.dss.call("GET", "/log/vkey", scope=None)
    check(vkey.status == 200 and vkey.body.decode().startswith(lines[0] + "+"), "vkey")


@serves("METRICS-1")
def metrics_are_in_prometheus_form(s):
    text = s.dss.call("GET", "/metrics", scope=None)
    check(text.status == 200 and text.headers["content-type"].startswith("text/plain"), "metrics")
    names = {line.split("{")[0].split(" ")[0] for line in text.body.decode().splitlines() if not line.startswith("#")}
    for name in ("scd_operational_intents_total", "scd_subscriptions_total", "scd_constraints_total",
                 "http_server_request_duration_seconds_bucket", "journal_position"):
        check(name in names, name)
    for line in text.body.decode().splitlines():
        check(line.startswith("# ") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0, line)


@serves("ERRORS-1")
def an_error_names_the_member(s):
    place, t = Place(), now()
    body = intent(place, t)
    del body["extents"][0]["volume"]["outline_circle"]
    body["extents"][0]["volume"]["outline_polygon"] = {"vertices": place.polygon()["vertices"]}
    body["extents"][0]["volume"]["outline_polygon"]["vertices"][3]["lat"] = 110
    message = s.dss.call("PUT", f"{OIRS}/{new_id()}", body).want(400)["message"]
    check(message == "extents[0].volume.outline_polygon.vertices[3].lat: 110 is not between -90 and 90", message)


@serves("LIMITS-1")
def a_body_over_4_mib_is_413_and_below_it_is_read(s):
    place, t = Place(), now()
    body = json.dumps(intent(place, t, key=["x" * 44] * 87000)).encode()
    check(4000000 < len(body) < 4194304, "the body's size")
    entity = new_id()
    s.made.append((OIRS, entity, 0, SC))
    s.dss.call("PUT", f"{OIRS}/{entity}", body).want(201)
    for size in (4194305, 16000000):  # A client that sends it all gets to read the answer.
        reply = s.dss.call("PUT", f"{OIRS}/{new_id()}", b" " * size)
        check(reply.status == 413, f"{size} bytes: got {reply.status}")
    for size, header in ((4194305, "100-continue"), (20000000, None)):  # One that asks, or goes too far, is told before.
        connection = s.dss.connect()
        connection.putrequest("PUT", f"{s.dss.base.path}{OIRS}/{new_id()}")
        connection.putheader("Content-Length", str(size))
        connection.putheader("Authorization", "Bearer " + s.dss.tokens.get(s.dss.subs[0], SC))
        if header:
            connection.putheader("Expect", header)
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        check(status == 413, f"{size} bytes: got {status}")


def _comb(place, teeth, vertices):
    """A polygon with many thin teeth: long edges close to each other. Within 0.4 degrees."""
    ring = []
    step = 0.4 / teeth
    for i in range(teeth):
        ring += [(0.01, i * step), (0.4, i * step + 0.1 * step), (0.4, i * step + 0.4 * step), (0.01, i * step + 0.5 * step)]
    ring += [(0, 0.4), (0, 0)]
    return [{"lat": place.lat + a, "lng": place.lng + b} for a, b in ring[:vertices]]


@serves("LIMITS-2")
def the_worst_geometry_is_judged_in_time(s):
    place, t = Place(), now()
    star = [{"lat": place.lat + 0.1 * math.sin(a) * (1 + (i % 2)), "lng": place.lng + 0.1 * math.cos(a) * (1 + (i % 2))}
            for i, a in ((i, 2 * math.pi * i / 9998) for i in range(9998))]
    for vertices, status in ((star, (201,)), (_comb(place, 2499, 9998), (201,)), (star + star, (400,))):
        volume = place.volume(t + minutes(10), t + minutes(70))
        del volume["volume"]["outline_circle"]
        volume["volume"]["outline_polygon"] = {"vertices": vertices}
        entity = new_id()
        began = time.monotonic()
        reply = s.dss.call("PUT", f"{OIRS}/{entity}", {"extents": [volume], "state": "Accepted",
                                                      "uss_base_url": "https://uss1.example"})
        took = time.monotonic() - began
        check(reply.status in status, f"{len(vertices)} vertices: {reply.status} {reply.body[:120]!r}")
        check(took < 2, f"{len(vertices)} vertices took {took:.2f} s")
        if reply.status == 201:
            s.delete_intent(reply.json()["operational_intent_reference"])


@serves("LIMITS-3")
def a_covering_over_4096_cells_is_refused(s):
    t = now()
    volumes = []
    for i in range(60):
        place = Place()
        place.lat, place.lng = -50 + i * 1.6, 60 + i
        volumes.append(place.volume(t + minutes(10), t + minutes(70), radius=28000))
    body = {"extents": volumes, "state": "Accepted", "uss_base_url": "https://uss1.example"}
    s.dss.call("PUT", f"{OIRS}/{new_id()}", body).want(400)


@serves("LIMITS-4")
def a_circle_is_capped_like_a_polygon(s):
    place, t = Place(), now()
    s.dss.call("PUT", f"{OIRS}/{new_id()}", intent(place, t, radius=29000)).want(400)
    s.dss.call("POST", f"{SUBS}/query", place.area(radius=29000)).want(413)
    s.dss.call("POST", f"{OIRS}/query", place.area(radius=29000)).want(400)


@serves("LIMITS-5")
def heights_stay_between_the_standards_bounds(s):
    place, t = Place(), now()
    for low, high, status in ((-8001, 0, 400), (0, 100001, 400), (-8000, 100000, 201)):
        entity = new_id()
        s.made.append((OIRS, entity, 0, SC))
        s.dss.call("PUT", f"{OIRS}/{entity}", intent(place, t, low=low, high=high)).want(status)


@serves("LIMITS-6")
def a_report_may_hold_a_whole_body(s):
    text = base64.b64encode(b"x" * 2000000).decode()
    report = {"exchange": {"url": "https://uss2.example/x", "method": "PUT", "recorder_role": "Server", "request_time": stamp(now()),
                           "request_source": "suite", "request_body": text, "response_code": 413}}
    answer = s.dss.call("POST", REPORTS, report).want(201)
    check(answer["exchange"]["request_body"] == text, "it comes back as it was")
    s.dss.call("PUT", f"{OIRS}/{new_id()}", intent(Place(), now(), unknown="x" * 65537)).want(400)  # Elsewhere none is so long.
