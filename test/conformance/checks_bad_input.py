# checks_bad_input.py - every kind of bad input that a call can be given: its code, and a message that says what is wrong.
# SPDX-License-Identifier: Apache-2.0
"""Tables of (what is done to a good request, status, words of the message). Any server must give the status; the words are looked for
only with --clearline, since only the status is anybody's standard."""

import copy
import json

from dss import (
    AA,
    CM,
    CRS,
    IMPLICIT,
    NO_SUBSCRIPTION,
    OIRS,
    REPORTS,
    SC,
    SUBS,
    USS,
    Failure,
    Place,
    altitude,
    constraint,
    intent,
    minutes,
    new_id,
    now,
    stamp,
    subscription,
    suite,
)

CHECKS, serves = suite()

POINT = {"lat": 1, "lng": 1}


def changed(body, path, value):
    """A copy with the member at path set, or removed if the value is ...; "a.0.b" goes through arrays."""
    body = copy.deepcopy(body)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    at = body
    for step in steps:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return body


def judge(s, rows, send):
    """rows: (body, status, words). All faults are told at once."""
    faults = []
    for n, (body, status, words) in enumerate(rows):
        reply = send(body)
        text = reply.body.decode(errors="replace")
        if reply.status not in (status if isinstance(status, tuple) else (status,)):
            faults.append(f"row {n} ({words}): {reply.status} {text[:120]}")
            continue
        message = reply.json().get("message") if reply.headers.get("content-type", "").startswith("application/json") else None
        if not isinstance(message, str) or not message:
            faults.append(f"row {n} ({words}): no message")
        elif s.dss.is_clearline and words not in message:
            faults.append(f"row {n}: {words!r} is not in {message!r}")
    if faults:
        raise Failure("; ".join(faults))


def bad_json():
    """Texts that are no JSON object, and what is said of them."""
    return [
        (None, 400, "needs a JSON body"),
        (b"", 400, "needs a JSON body"),
        (b" ", 400, "JSON"),
        (b"{", 400, "byte 1"),
        (b"[]", 400, "must be a JSON object"),
        (b"null", 400, "must be a JSON object"),
        (b'"x"', 400, "must be a JSON object"),
        (b"1", 400, "must be a JSON object"),
        (b"{'a':1}", 400, "byte 1"),
        (b'{"a":1,}', 400, "byte 7"),
        (b'{"a" 1}', 400, "byte 5"),
        (b'{"a":01}', 400, "leading zero"),
        (b'{"a":.5}', 400, "byte 5"),
        (b'{"a":+1}', 400, "byte 5"),
        (b'{"a":NaN}', 400, "byte 5"),
        (b'{"a":1e999}', 400, "out of range"),
        (b'{"a":tru}', 400, "byte 5"),
        (b'{"a":"\x01"}', 400, "control character"),
        (b'{"a":"\xff"}', 400, "UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', 400, "UTF-8"),
        (b'{"a":"\\ud800"}', 400, "surrogate"),
        (b'{"a":"\\x41"}', 400, "escape"),
        (b'{"a":"\\u12"}', 400, "hexadecimal"),
        (b'{"a":"x', 400, "ends inside a string"),
        (b"\xef\xbb\xbf{}", 400, "JSON"),
        (b'{"a":1,"a":2}', 400, "twice"),
        (b'{"a":' + b"[" * 40 + b"]" * 40 + b"}", 400, "nested too deeply"),
        (b"\0{}", 400, "byte 0"),
    ]


def bad_volumes(volume, at, needs_heights=True, needs_times=True):
    """Volume4Ds with one fault each; at: what the message calls the volume."""
    circle, lower = "volume.outline_circle", "volume.altitude_lower"
    polygon = changed(volume, "volume.outline_circle", ...)
    polygon["volume"]["outline_polygon"] = {"vertices": [{"lat": 1, "lng": 1}, {"lat": 1, "lng": 1.01}, {"lat": 1.01, "lng": 1.01}]}
    vertices = "volume.outline_polygon.vertices"
    flat = [{"lat": 0, "lng": 0}, {"lat": 0.1, "lng": 0.1}, {"lat": 0.1, "lng": 0}, {"lat": 0, "lng": 0.1}]
    touching = [{"lat": 0, "lng": 0}, {"lat": 0, "lng": 0.2}, {"lat": 0.1, "lng": 0.2}, {"lat": 0, "lng": 0.1}, {"lat": 0.1, "lng": 0}]
    rows = [
        (changed(volume, "volume", ...), 400, f"{at}.volume: must be an object"),
        (changed(volume, "volume", []), 400, f"{at}.volume: must be an object"),
        (changed(volume, "volume", None), 400, f"{at}.volume"),
        (changed(volume, circle, ...), 400, f"{at}.volume: needs outline_polygon or outline_circle"),
        (changed(volume, circle, None), 400, f"{at}.volume: needs outline_polygon or outline_circle"),
        (changed(volume, "volume.outline_polygon", polygon["volume"]["outline_polygon"]), 400, f"{at}.volume: has both"),
        (changed(volume, circle, []), 400, f"{at}.{circle}"),
        (changed(volume, f"{circle}.center", ...), 400, f"{at}.{circle}.center"),
        (changed(volume, f"{circle}.center.lat", ...), 400, f"{at}.{circle}.center.lat: must be a number"),
        (changed(volume, f"{circle}.center.lng", "1"), 400, f"{at}.{circle}.center.lng: must be a number"),
        (changed(volume, f"{circle}.center.lat", 90.0000001), 400, f"{at}.{circle}.center.lat"),
        (changed(volume, f"{circle}.center.lat", -91), 400, f"{at}.{circle}.center.lat: -91 is not between"),
        (changed(volume, f"{circle}.center.lng", 180.1), 400, f"{at}.{circle}.center.lng"),
        (changed(volume, f"{circle}.center.lng", -1e308), 400, f"{at}.{circle}.center.lng"),
        (changed(volume, f"{circle}.radius", ...), 400, f"{at}.{circle}.radius"),
        (changed(volume, f"{circle}.radius.value", ...), 400, f"{at}.{circle}.radius.value"),
        (changed(volume, f"{circle}.radius.value", "5"), 400, f"{at}.{circle}.radius.value"),
        (changed(volume, f"{circle}.radius.value", 0), 400, f"{at}.{circle}.radius.value: 0 is not above 0"),
        (changed(volume, f"{circle}.radius.value", -1e-9), 400, f"{at}.{circle}.radius.value"),
        (changed(polygon, vertices, ...), 400, f"{at}.{vertices}: must be an array"),
        (changed(polygon, vertices, {}), 400, f"{at}.{vertices}"),
        (changed(polygon, vertices, []), 400, f"{at}.{vertices}: at least 3"),
        (changed(polygon, vertices, [POINT] * 2), 400, f"{at}.{vertices}: at least 3"),
        (changed(polygon, vertices, [POINT] * 3), 400, "are the same"),
        (changed(polygon, f"{vertices}.1", None), 400, f"{at}.{vertices}[1]"),
        (changed(polygon, f"{vertices}.2.lng", ...), 400, f"{at}.{vertices}[2].lng: must be a number"),
        (changed(polygon, f"{vertices}.2.lat", 110), 400, f"{at}.{vertices}[2].lat: 110 is not between -90 and 90"),
        (changed(polygon, f"{vertices}.0.lng", -180.001), 400, f"{at}.{vertices}[0].lng"),
        (changed(polygon, vertices, polygon["volume"]["outline_polygon"]["vertices"] + [{"lat": 1, "lng": 1}]), 400, "repeats vertex 0"),
        (changed(polygon, vertices, flat), 400, "cross"),
        (changed(polygon, vertices, touching), 400, "edges"),
        (changed(polygon, vertices, [{"lat": 0, "lng": 0}, {"lat": 0, "lng": 180}, {"lat": 1, "lng": 90}]), 400, "opposite points"),
        (changed(volume, f"{lower}.value", ...), 400, f"{at}.{lower}.value"),
        (changed(volume, f"{lower}.value", "0"), 400, f"{at}.{lower}.value"),
        (changed(volume, f"{lower}.units", "N"), 400, f"{at}.{lower}.units: must be M"),
        (changed(volume, f"{lower}.units", ...), 400, f"{at}.{lower}.units"),
        (changed(volume, "volume.altitude_upper.reference", "SFC"), 400, f"{at}.volume.altitude_upper.reference: must be W84"),
        (changed(volume, f"{lower}.reference", ...), 400, f"{at}.{lower}.reference"),
        (changed(volume, lower, 5), 400, f"{at}.{lower}"),
        (changed(volume, lower, altitude(5000)), 400, "altitude_lower is above altitude_upper"),
    ]
    start = changed(changed(volume, "time_start", stamp(now() + minutes(20))), "time_end", stamp(now() + minutes(30)))
    for value in (
        "something-invalid",
        "",
        "2031-01-01",
        "2031-01-01T00:00:00",
        "2031-01-01 00:00:00Z",
        "2031-13-01T00:00:00Z",
        "2031-02-30T00:00:00Z",
        "2031-01-01T25:00:00Z",
        "2031-01-01T00:60:00Z",
        "2031-01-01T00:00:00+25:00",
        "2031-01-01T00:00:00.Z",
        "2031-01-01T00:00:00z ",
        "99999-01-01T00:00:00Z",
    ):
        rows.append((changed(start, "time_start.value", value), 400, f"{at}.time_start.value: '{value}' is not an RFC 3339 time"))
    rows += [
        (changed(start, "time_start", "2031-01-01T00:00:00Z"), 400, f"{at}.time_start: must be an object"),
        (changed(start, "time_end.value", ...), 400, f"{at}.time_end.value"),
        (changed(start, "time_end.value", 5), 400, f"{at}.time_end.value: must be a string"),
        (changed(start, "time_end.format", 5), 400, f"{at}.time_end.format: must be a string"),
        (changed(start, "time_end", stamp(now() + minutes(19))), 400, f"{at}: time_end is before time_start"),
    ]
    if needs_times:
        rows += [
            (changed(start, "time_start", ...), 400, "time_start is needed"),
            (changed(start, "time_end", None), 400, "time_end is needed"),
            (changed(start, "time_end", start["time_start"]), 400, "time_end must be after time_start"),
            (
                changed(changed(start, "time_start", stamp(now() - minutes(9))), "time_end", stamp(now() - minutes(1))),
                400,
                "time_end has passed",
            ),
        ]
    if needs_heights:
        rows += [
            (changed(volume, lower, ...), 400, "altitude_lower is needed"),
            (changed(volume, "volume.altitude_upper", None), 400, "altitude_upper is needed"),
        ]
    return rows


def bad_urls(s, body, path, words):
    rows = [
        (changed(body, path, ...), 400, f"{words}: must not be empty"),
        (changed(body, path, ""), 400, f"{words}: must not be empty"),
        (changed(body, path, None), 400, words),
        (changed(body, path, 5), 400, f"{words}: must be a string"),
        (changed(body, path, ["https://x.example"]), 400, words),
    ]
    if s.dss.is_clearline:
        rows += [
            (changed(body, path, value), 400, words)
            for value in (
                "https:",
                "https://",
                "https:///x",
                "https://x.example/ y",
                "https://x.example/\n",
                "//x.example",
                "x.example",
                "https://x.example/" + "a" * 1024,
            )
        ]
    if not s.dss.allows_http:
        rows += [
            (changed(body, path, "http://x.example"), 400, f"{words}: must begin with https://"),
            (changed(body, path, "ftp://x.example"), 400, words),
        ]
    return rows


@serves("DSS0005,1")
def every_fault_of_an_intent_is_named(s):
    place, t = Place(), now()
    good = intent(place, t)
    rows = bad_json() + bad_urls(s, good, "uss_base_url", "uss_base_url")
    rows += [
        (changed(good, "extents.0", volume), status, words) for volume, status, words in bad_volumes(good["extents"][0], "extents[0]")
    ]
    second = changed(good, "extents", good["extents"] + [changed(good["extents"][0], "volume.altitude_lower.units", "FT")])
    rows += [
        (second, 400, "extents[1].volume.altitude_lower.units"),
        (changed(good, "extents", ...), 400, "extents: must be an array"),
        (changed(good, "extents", []), 400, "extents: at least one volume"),
        (changed(good, "extents", good["extents"][0]), 400, "extents: must be an array"),
        (changed(good, "extents.0", None), 400, "extents[0]: must be an object"),
        (changed(good, "extents.0", "x"), 400, "extents[0]: must be an object"),
        (changed(good, "state", ...), 400, "state"),
        (changed(good, "state", ""), 400, "state"),
        (changed(good, "state", "Ended"), 400, "state"),
        (changed(good, "state", "accepted"), 400, "state"),
        (changed(good, "state", 1), 400, "state: must be a string"),
        (changed(good, "state", "Activated"), 400, "state"),
        (changed(good, "state", "Nonconforming"), (400, 403), "state"),
        (changed(good, "key", "abc"), 400, "key: must be an array"),
        (changed(good, "key", [1]), 400, "key[0]: must be a string"),
        (changed(good, "key", {}), 400, "key"),
        (changed(good, "key", [None]), 400, "key[0]"),
        (changed(good, "subscription_id", "a0"), 400, "subscription_id"),
        (changed(good, "subscription_id", 5), 400, "subscription_id: must be a string"),
        (changed(good, "subscription_id", new_id()), 400, "subscription"),
        (changed(good, "new_subscription", 5), 400, "new_subscription"),
        (changed(good, "new_subscription", {}), 400, "new_subscription.uss_base_url"),
        (
            changed(good, "new_subscription", {**IMPLICIT, "notify_for_constraints": "yes"}),
            400,
            "new_subscription.notify_for_constraints",
        ),
        ({**good, "subscription_id": new_id(), "new_subscription": IMPLICIT}, 400, "new_subscription"),
        ({**good, "subscription_id": "", "new_subscription": IMPLICIT}, 400, "new_subscription"),
    ]
    if s.dss.is_clearline:
        rows += [
            (changed(good, "requested_ovn_suffix", value), 400, "requested_ovn_suffix")
            for value in ("", "abc", 5, new_id(), "0191dc07-2f57-79fd-b021-80456ceb627f", "1ec9414c-232a-6b00-b3c8-9f6bdeced846")
        ]
        rows += [
            (
                changed(good, "extents.0.volume.altitude_upper.value", 100001),
                400,
                "altitude_upper.value: 100001 is not between -8000 and 100000",
            ),
            (changed(good, "extents.0.volume.outline_circle.radius.units", "FT"), 400, "radius.units: must be M"),
        ]
    judge(s, rows, lambda body: s.dss.call("PUT", f"{OIRS}/{new_id()}", body))
    ref, _ = s.put_intent(good)  # And the same of an update, which leaves it as it is.
    judge(s, rows[:40:4] + rows[40::9], lambda body: s.dss.call("PUT", f"{OIRS}/{ref['id']}/{ref['ovn']}", body))
    if s.get_intent(ref["id"]) != ref:
        raise Failure("a refused update changed it")


@serves("DSS0005,3")
def every_fault_of_a_constraint_is_named(s):
    place, t = Place(), now()
    good = constraint(place, t)
    rows = bad_json() + bad_urls(s, good, "uss_base_url", "uss_base_url")
    rows += [
        (changed(good, "extents.0", volume), status, words)
        for volume, status, words in bad_volumes(good["extents"][0], "extents[0]", needs_heights=False)
    ]
    rows += [
        (changed(good, "extents", ...), 400, "extents: must be an array"),
        (changed(good, "extents", []), 400, "extents: at least one volume"),
        (changed(good, "extents", good["extents"][0]), 400, "extents: must be an array"),
        (changed(good, "extents.0", 5), 400, "extents[0]: must be an object"),
    ]
    judge(s, rows, lambda body: s.dss.call("PUT", f"{CRS}/{new_id()}", body, CM))


@serves("DSS0005,5")
def every_fault_of_a_subscription_is_named(s):
    place, t = Place(), now()
    good = subscription(place, t)
    rows = bad_json() + bad_urls(s, good, "uss_base_url", "uss_base_url")
    rows += [
        (changed(good, "extents", volume), status, words)
        for volume, status, words in bad_volumes(good["extents"], "extents", needs_heights=False, needs_times=False)
    ]
    rows += [
        (changed(good, "extents", ...), 400, "extents"),
        (changed(good, "extents", None), 400, "extents"),
        (changed(good, "extents", [good["extents"]]), 400, "extents: must be an object"),
        (changed(good, "notify_for_operational_intents", "yes"), 400, "notify_for_operational_intents: must be true or false"),
        (changed(good, "notify_for_constraints", 1), 400, "notify_for_constraints: must be true or false"),
        (changed(good, "notify_for_operational_intents", False), 400, "notify_for"),
        (changed(good, "notify_for_operational_intents", ...), 400, "notify_for"),
        (subscription(place, t, start=-6), 400, "time_start"),
        (subscription(place, t, start=0, end=1441), 400, "24"),
        (subscription(place, t, start=50, end=50), 400, "time_end"),
    ]
    judge(s, rows, lambda body: s.dss.call("PUT", f"{SUBS}/{new_id()}", body))
    judge(s, [(good, 400, "subscriptionid")], lambda body: s.dss.call("PUT", f"{SUBS}/{NO_SUBSCRIPTION}", body))


@serves("DSS0005,2")
def every_fault_of_a_query_is_named(s):
    good = Place().area()
    for collection, scope in ((OIRS, SC), (CRS, CM), (SUBS, SC)):
        rows = bad_json() + [
            (changed(good, "area_of_interest", ...), 400, "area_of_interest: is missing"),
            (changed(good, "area_of_interest", None), 400, "area_of_interest"),
            (changed(good, "area_of_interest", []), 400, "area_of_interest: must be an object"),
        ]
        rows += [
            (changed(good, "area_of_interest", volume), status, words)
            for volume, status, words in bad_volumes(good["area_of_interest"], "area_of_interest", needs_heights=False, needs_times=False)
        ]
        judge(s, rows, lambda body: s.dss.call("POST", f"{collection}/query", body, scope))


@serves("DSS0100,2")
def every_fault_of_a_report_is_named(s):
    good = {"exchange": {"url": "https://uss2.example/x", "method": "GET", "recorder_role": "Client", "request_time": stamp(now())}}
    rows = bad_json() + [
        (changed(good, "exchange", ...), 400, "exchange: must be an object"),
        (changed(good, "exchange", []), 400, "exchange: must be an object"),
        (changed(good, "exchange.url", ...), 400, "exchange.url"),
        (changed(good, "exchange.url", ""), 400, "exchange.url"),
        (changed(good, "exchange.url", 5), 400, "url"),
        (changed(good, "exchange.method", ...), 400, "exchange.method"),
        (changed(good, "exchange.recorder_role", "Judge"), 400, "exchange.recorder_role"),
        (changed(good, "exchange.recorder_role", ...), 400, "exchange.recorder_role"),
        (changed(good, "exchange.request_time", ...), 400, "exchange.request_time"),
        (changed(good, "exchange.request_time", stamp("now")), 400, "exchange.request_time.value"),
    ]
    if s.dss.is_clearline:  # What is optional must still fit the schema that the answer is held against.
        rows += [
            (changed(good, f"exchange.{name}", 5), 400, f"exchange.{name}")
            for name in ("request_body", "response_body", "problem", "headers", "response_time")
        ]
        rows += [
            (changed(good, "exchange.headers", ["a", 5]), 400, "exchange.headers[1]"),
            (changed(good, "exchange.response_code", "200"), 400, "exchange.response_code"),
        ]
    judge(s, rows, lambda body: s.dss.call("POST", REPORTS, body))


@serves("DSS0100,1")
def every_fault_of_an_availability_is_named(s):
    good = {"availability": "Normal", "old_version": ""}
    rows = bad_json() + [
        (changed(good, "availability", "pUrPlE"), 400, "availability"),
        (changed(good, "availability", 5), 400, "availability: must be a string"),
        (changed(good, "old_version", 5), 400, "old_version: must be a string"),
        (changed(good, "old_version", "never-set"), 409, "version"),
    ]
    name = f"{USS}/bad-{new_id()}"
    judge(s, rows, lambda body: s.dss.call("PUT", name, body, AA))
    if s.dss.call("GET", name, scope=AA).want(200)["version"] != "":
        raise Failure("a refused write set it")


@serves("DSS0005,1")
def every_fault_of_a_path_is_named(s):
    place, t = Place(), now()
    bodies = {OIRS: (intent(place, t), SC), CRS: (constraint(place, t), CM), SUBS: (subscription(place, t), SC)}
    ids = [
        "not_uuid_format",
        "",
        "5",
        "a" * 200,
        new_id()[:-1],
        new_id() + "0",
        new_id().replace("-", "_"),
        "0191dc07-2f57-79fd-b021-80456ceb627f",
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "00000000-0000-0000-0000-000000000000",
        new_id()[:19] + "c" + new_id()[20:],
        "%00",
        "%zz",
        "%c3%a9",
    ]
    for collection, (body, scope) in bodies.items():
        for entity in ids:
            path = f"{collection}/{entity}"
            calls = [
                ("PUT", path, body),
                ("GET", path, None),
                ("PUT", f"{path}/{'a' * 20}", body),
                ("DELETE", f"{path}/{'a' * 20}", None),
            ]
            judge(s, [(call, 400, "version 4 UUID") for call in calls], lambda call: s.dss.call(call[0], call[1], call[2], scope))
        gone = f"{collection}/{new_id()}"
        judge(
            s,
            [
                (("GET", gone, None), 404, ""),
                (("DELETE", f"{gone}/{'a' * 20}", None), 404, ""),
                (("DELETE", f"{gone}/", None), 400, ""),
                (("PUT", f"{gone}/{'a' * 20}", body), 409 if collection == CRS else 400, ""),
                (("PUT", f"{gone}/{'a' * 300}", body), 409 if collection == CRS else 400, ""),
            ],
            lambda call: s.dss.call(call[0], call[1], call[2], scope),
        )


@serves("INTERUSS-2.3")
def of_two_faults_the_first_in_order_is_told(s):
    """Token, scope, JSON, parameters, further rights, state."""
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t))
    path = f"{OIRS}/{ref['id']}"
    rows = [
        ((f"{OIRS}/x", b"{", None), 401, "Authorization"),
        ((f"{OIRS}/x", b"{", AA), 403, "scope"),
        ((f"{path}/wrongwrongwrongwrong", b"{", SC), 400, "JSON"),
        ((f"{path}/wrongwrongwrongwrong", {}, SC), 400, "uss_base_url"),
        ((path, intent(place, t, state="Nonconforming"), SC), (400, 403), ""),
        (
            (f"{path}/{ref['ovn']}", intent(place, t, state="Nonconforming", new_subscription=IMPLICIT), SC),
            403,
            "conformance_monitoring_sa",
        ),
        ((f"{path}/{ref['ovn']}", intent(place, t, state="Sideways", new_subscription=IMPLICIT), SC), 400, "state"),
    ]
    judge(
        s, rows, lambda call: s.dss.call("PUT", call[0], call[1] if isinstance(call[1], bytes) else json.dumps(call[1]).encode(), call[2])
    )
