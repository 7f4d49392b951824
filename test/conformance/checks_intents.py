# checks_intents.py - operational intent references: writes, reads, key, states, OVNs, implicit subscriptions.
# SPDX-License-Identifier: Apache-2.0

import copy
import json
import os
import random
import threading
import time
import uuid

from dss import (AA, CMSA, IMPLICIT, NO_SUBSCRIPTION, OIRS, SC, SUBS, USS, Place, check, check_reference,
                 constraint, intent, minutes, new_id, now, parse_time, stamp, subscription, suite)

CHECKS, serves = suite()


@serves("DSS0005,1")
def an_intent_is_created_read_updated_and_deleted(s):
    place, t = Place(), now()
    ref, told = s.put_intent(intent(place, t))
    check(ref["version"] == 1 and ref["state"] == "Accepted" and ref["manager"] == s.dss.subs[0], "the created one")
    check(ref["subscription_id"] == NO_SUBSCRIPTION and told == {}, "no subscription, nobody to tell")
    s.get_subscription(NO_SUBSCRIPTION, want=404)
    check(s.get_intent(ref["id"]) == ref, "a read gives what the write gave")
    after, _ = s.put_intent(intent(place, t, end=80), ref["id"], ref["ovn"])
    check(after["version"] == 2 and after["ovn"] != ref["ovn"], "the update's version and OVN")
    check(s.get_intent(ref["id"]) == after, "a read gives what the update gave")
    gone, _ = s.delete_intent(after)
    check(gone == after, "a deletion answers with what was deleted")
    s.get_intent(ref["id"], want=404)
    s.dss.call("DELETE", f"{OIRS}/{ref['id']}/{after['ovn']}").want(404)


@serves("DSS0005,1")
def times_come_back_to_the_microsecond(s):
    t = now()
    t = t.replace(microsecond=t.microsecond // 10 * 10 + 7)
    ref, _ = s.put_intent(intent(Place(), t))
    check(parse_time(ref["time_start"]) == t + minutes(10), "time_start")
    check(parse_time(ref["time_end"]) == t + minutes(70), "time_end")


@serves("DSS0005,1")
def times_are_read_with_offsets_and_any_fraction(s):
    place, t = Place(), now()
    body = intent(place, t)
    body["extents"][0]["time_start"] = stamp("2031-01-01T01:00:00.1234567890+01:00")
    body["extents"][0]["time_end"] = stamp("2031-01-01T00:30:00Z")
    ref, _ = s.put_intent(body)
    check(ref["time_start"]["value"] == "2031-01-01T00:00:00.123456Z", f"time_start {ref['time_start']}")
    check(ref["time_end"]["value"] == "2031-01-01T00:30:00Z", f"time_end {ref['time_end']}")


@serves("DSS0210,2c")
def a_base_url_is_kept_verbatim(s):
    for url in ("https://uss1.example/a/", "https://USS1.example:443/a?b=true&c=%20", "HTTPS://uss1.example"):
        ref, _ = s.put_intent(intent(Place(), now(), url=url))
        check(ref["uss_base_url"] == url, f"{url} came back as {ref['uss_base_url']}")


@serves("INTERUSS-4.1")
def an_id_may_be_spelled_in_five_ways(s):
    place, t = Place(), now()
    entity = new_id()
    ref, _ = s.put_intent(intent(place, t), entity)
    for spelling in (entity.upper(), entity.replace("-", ""), "urn:uuid:" + entity, "%7B" + entity + "%7D"):
        one = s.dss.call("GET", f"{OIRS}/{spelling}").want(200)["operational_intent_reference"]
        check(one == ref, f"{spelling} found something else")


@serves("DSS0005,1")
def ids_that_are_no_version_4_uuid_are_refused(s):
    body = intent(Place(), now())
    for entity in ("not_uuid_format", "", "0191dc07-2f57-79fd-b021-80456ceb627f", new_id()[:-1], "query"):
        s.dss.call("PUT", f"{OIRS}/{entity}", body).want(400)
        s.dss.call("GET", f"{OIRS}/{entity}").want(400)
        s.dss.call("DELETE", f"{OIRS}/{entity}/aaaaaaaaaaaaaaaa").want(400)


@serves("DSS0005,1")
def a_create_on_an_existing_id_conflicts(s):
    place, t = Place(), now()
    body = intent(place, t)
    ref, _ = s.put_intent(body)
    answer = s.dss.call("PUT", f"{OIRS}/{ref['id']}", body).want(409)
    check("missing_operational_intents" not in answer, "message only")
    s.dss.call("PUT", f"{OIRS}/{ref['id']}/", body).want(409)
    check(s.get_intent(ref["id"]) == ref, "unchanged")


@serves("DSS0005,1")
def a_wrong_ovn_conflicts(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t))
    s.dss.call("PUT", f"{OIRS}/{ref['id']}/ThisIsAnIncorrectOVN", intent(place, t)).want(409)
    s.dss.call("DELETE", f"{OIRS}/{ref['id']}/ThisIsAnIncorrectOVN").want(409)
    s.dss.call("DELETE", f"{OIRS}/{ref['id']}/").want(400)
    after, _ = s.put_intent(intent(place, t), ref["id"], ref["ovn"])
    s.dss.call("PUT", f"{OIRS}/{ref['id']}/{ref['ovn']}", intent(place, t)).want(409)
    s.dss.call("DELETE", f"{OIRS}/{ref['id']}/{ref['ovn']}").want(409)
    check(s.get_intent(ref["id"]) == after, "unchanged")


@serves("INTERUSS-6.2C")
def an_update_of_an_unknown_intent_is_a_bad_request(s):
    s.dss.call("PUT", f"{OIRS}/{new_id()}/aaaaaaaaaaaaaaaaaaaaaa", intent(Place(), now())).want(400)


@serves("DSS0210,A2-7-2,7")
def only_the_manager_changes_an_intent(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t))
    path = f"{OIRS}/{ref['id']}/{ref['ovn']}"
    s.dss.call("PUT", path, intent(place, t, url="https://uss2.example"), who=1).want(403)
    s.dss.call("PUT", path, intent(place, t, start=20), who=1).want(403)
    s.dss.call("PUT", f"{OIRS}/{ref['id']}", intent(place, t), who=1).want(403)
    s.dss.call("PUT", f"{OIRS}/{ref['id']}/wrongwrongwrongwrong", intent(place, t), who=1).want(403)
    s.dss.call("DELETE", path, who=1).want(403)
    check(s.get_intent(ref["id"]) == ref, "unchanged")


@serves("DSS0210,2a")
def others_see_all_but_the_ovn(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t))
    seen = s.get_intent(ref["id"], who=1)
    check(seen.get("ovn") != ref["ovn"], "the OVN is shown to another USS")
    check({k: v for k, v in seen.items() if k != "ovn"} == {k: v for k, v in ref.items() if k != "ovn"}, "the rest")
    found = s.dss.call("POST", f"{OIRS}/query", place.area(), who=1).want(200)["operational_intent_references"]
    check(found == [seen], "a query shows the same")


@serves("DSS0005,2")
def a_query_is_by_area_time_and_height(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t, start=20, end=80, low=100, high=200))
    hits = [dict(), dict(start=t + minutes(79)), dict(end=t + minutes(21)), dict(start=t + minutes(80)),
            dict(end=t + minutes(20)), dict(start=t + minutes(30), end=t + minutes(30)), dict(low=150, high=None),
            dict(low=200, high=300), dict(low=0, high=100), dict(low=None, high=None)]
    misses = [dict(start=t + minutes(81)), dict(end=t + minutes(19)), dict(low=201, high=300), dict(low=0, high=99),
              dict(start=t - minutes(99), end=t - minutes(90)), dict(north=0.2)]
    for how in hits:
        how = {"low": 0, "high": 500, **how}
        check(s.query(OIRS, place.area(**how)) == {ref["id"]}, f"not found by {how}")
    for how in misses:
        how = {"low": 0, "high": 500, **how}
        check(s.query(OIRS, place.area(**how)) == set(), f"found by {how}")
    check(s.query(OIRS, {"area_of_interest": {"volume": {"outline_polygon": place.polygon()}}}) == {ref["id"]},
          "a polygon finds it")


@serves("DSS0005,2")
def a_bad_query_is_refused(s):
    place, t = Place(), now()
    volume = place.volume()
    bad_units, bad_reference, both, neither, big = (copy.deepcopy(volume) for _ in range(5))
    bad_units["volume"]["altitude_lower"]["units"] = "N"
    bad_reference["volume"]["altitude_upper"]["reference"] = "SFC"
    both["volume"]["outline_polygon"] = place.polygon()
    del neither["volume"]["outline_circle"]
    big["volume"] = {"outline_polygon": place.polygon(1.0)}
    same = {"volume": {"outline_polygon": {"vertices": [{"lat": 1, "lng": 1}] * 3}}}
    crossing = {"volume": {"outline_polygon": {"vertices": [{"lat": 0, "lng": 0}, {"lat": .1, "lng": .1},
                                                            {"lat": .1, "lng": 0}, {"lat": 0, "lng": .1}]}}}
    for area in (bad_units, bad_reference, both, neither, big, same, crossing, {}, [], None,
                 place.volume(start=t, end=t - minutes(1)), place.volume(low=2, high=1)):
        s.dss.call("POST", f"{OIRS}/query", {"area_of_interest": area}).want(400)
    for body in ({}, b"", b"{", b"[]", b"null", b"{\"area_of_interest\": \xff}", None):
        s.dss.call("POST", f"{OIRS}/query", body).want(400)
    s.dss.call("POST", f"{OIRS}/query", place.area(start=t - minutes(100), end=t - minutes(90))).want(200)
    wide = {"volume": {"outline_polygon": {"vertices": [
        {"lat": 32.7, "lng": -97}, {"lat": 32.7, "lng": -96.73}, {"lat": 32.93, "lng": -96.73},
        {"lat": 32.93, "lng": -97}]}}}
    s.dss.call("POST", f"{OIRS}/query", {"area_of_interest": wide}).want(200)


def _with(body, *path_and_value):
    """A copy with one member set, or removed if the value is ...; numbers index arrays."""
    *path, last, value = path_and_value
    body = copy.deepcopy(body)
    at = body
    for step in path:
        at = at[step]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return body


@serves("DSS0005,1")
def bad_parameters_are_refused(s):
    place, t = Place(), now()
    good = intent(place, t)
    e0 = ("extents", 0)
    circle = e0 + ("volume", "outline_circle")
    bad = [
        _with(good, "uss_base_url", ...), _with(good, "uss_base_url", ""), _with(good, "uss_base_url", 1),
        _with(good, "extents", ...), _with(good, "extents", []), _with(good, "extents", good["extents"][0]),
        _with(good, *e0, "time_start", ...), _with(good, *e0, "time_end", ...), _with(good, *e0, "time_end", None),
        _with(good, *e0, "volume", "altitude_lower", ...), _with(good, *e0, "volume", "altitude_upper", ...),
        _with(good, *e0, "time_start", {**good["extents"][0]["time_start"], "format": 3339}),
        _with(good, *e0, "time_start", stamp("yesterday")), _with(good, *e0, "time_start", "2031-01-01T00:00:00Z"),
        _with(good, *e0, "time_start", stamp(t + minutes(71))), _with(good, *e0, "time_end", stamp(t - minutes(1))),
        _with(good, *e0, "time_start", good["extents"][0]["time_end"]),
        _with(good, *circle, "center", "lat", 110), _with(good, *circle, "center", "lng", -181),
        _with(good, *circle, "radius", ...), _with(good, *circle, "center", ...),
        _with(good, *circle, "radius", "value", 0), _with(good, *circle, "radius", "value", -5),
        _with(good, *e0, "volume", "outline_circle", ...), _with(good, *e0, "volume", "outline_polygon", place.polygon()),
        _with(good, *e0, "volume", {"outline_polygon": place.polygon(1.0), "altitude_lower": {"value": 0, "reference": "W84",
              "units": "M"}, "altitude_upper": {"value": 1, "reference": "W84", "units": "M"}}),
        _with(good, *e0, "volume", "altitude_lower", "value", 101), _with(good, *e0, "volume", "altitude_lower", "units", "FT"),
        _with(good, "state", ...), _with(good, "state", ""), _with(good, "state", "Ended"), _with(good, "state", "accepted"),
        _with(good, "subscription_id", "a0"), _with(good, "subscription_id", new_id()),
        _with(good, "subscription_id", new_id().replace("-", "")),
        _with(good, "new_subscription", {}),
        {**good, "subscription_id": new_id(), "new_subscription": IMPLICIT},
        {**good, "subscription_id": "", "new_subscription": IMPLICIT},
        _with(good, "key", "abc"), _with(good, "key", [1]),
    ]
    if not s.dss.allows_http:
        bad += [_with(good, "uss_base_url", "http://x.example"), _with(good, "uss_base_url", "ftp://x.example"),
                _with(good, "new_subscription", {"uss_base_url": "http://x.example"})]
    for i, body in enumerate(bad):
        try:
            s.dss.call("PUT", f"{OIRS}/{new_id()}", body).want(400)
        except Exception as why:
            raise type(why)(f"bad parameters {i}: {why}")
    s.dss.call("PUT", f"{OIRS}/{new_id()}", None).want(400)


@serves("INTERUSS-2.2")
def unknown_and_null_members_and_trailing_bytes_are_ignored(s):
    place, t = Place(), now()
    body = intent(place, t, old_version=0, notify_for_operations=True, subscription_id=None, new_subscription=None,
                  requested_ovn_suffix=None)
    entity = new_id()
    s.made.append((OIRS, entity, 0, SC))
    s.dss.call("PUT", f"{OIRS}/{entity}", json.dumps(body).encode() + b"  garbage", headers={
        "Content-Type": "text/plain"}).want(201)


@serves("DSS0005,1")
def volumes_of_one_intent_are_united(s):
    place, t = Place(), now()
    body = intent(place, t, start=-90, end=-60, low=0, high=10)
    body["extents"].append(place.volume(t + minutes(100), t + minutes(200), low=90, high=120, north=0.05))
    ref, _ = s.put_intent(body)
    check(parse_time(ref["time_start"]) == t - minutes(90), "the earliest start")
    check(parse_time(ref["time_end"]) == t + minutes(200), "the latest end")
    for how in (dict(), dict(north=0.05), dict(low=50, high=60)):
        check(s.query(OIRS, place.area(**how)) == {ref["id"]}, f"not found by {how}")


@serves("SCD0100")
def states_need_their_rights_and_a_subscription(s):
    place, t = Place(), now()
    for state in ("Activated", "Nonconforming", "Contingent"):
        body = intent(place, t, state=state, new_subscription=IMPLICIT)
        s.dss.call("PUT", f"{OIRS}/{new_id()}", body, scope=SC).want(400, 403)
        s.dss.call("PUT", f"{OIRS}/{new_id()}", body, scope=CMSA).want(400)
    ref, _ = s.put_intent(intent(place, t))
    path = f"{OIRS}/{ref['id']}/{ref['ovn']}"
    for state in ("Activated", "Nonconforming", "Contingent"):
        s.dss.call("PUT", path, intent(place, t, state=state), scope=CMSA).want(400)
    for state in ("Nonconforming", "Contingent"):
        s.dss.call("PUT", path, intent(place, t, state=state, new_subscription=IMPLICIT), scope=SC).want(403)
    for state in ("Ended", "", "Flying"):
        s.dss.call("PUT", path, intent(place, t, state=state, new_subscription=IMPLICIT)).want(400)
    ref, _ = s.put_intent(intent(place, t, state="Activated", new_subscription=IMPLICIT), ref["id"], ref["ovn"])
    for state in ("Nonconforming", "Contingent"):
        ref, _ = s.put_intent(intent(place, t, state=state, subscription_id=ref["subscription_id"]), ref["id"],
                              ref["ovn"], scope=CMSA)
        check(ref["state"] == state, state)
    ref, _ = s.put_intent(intent(place, t), ref["id"], ref["ovn"])
    check(ref["state"] == "Accepted", "back to Accepted, as InterUSS allows")
    ref, _ = s.put_intent(intent(Place(), t), scope=CMSA)


@serves("SCD0035")
def the_key_must_hold_all_relevant_ovns(s):
    place, t = Place(), now()
    one, _ = s.put_intent(intent(place, t, start=10, end=40))
    two, _ = s.put_intent(intent(place, t, start=50, end=80), who=1)
    entity = new_id()
    body = intent(place, t, start=20, end=70)
    for key, missing in (([], {one["id"], two["id"]}), ([one["ovn"]], {two["id"]}), ([two["ovn"]], {one["id"]})):
        answer = s.dss.call("PUT", f"{OIRS}/{entity}", {**body, "key": key}).want(409)
        found = {r["id"]: check_reference(r, True) for r in answer["missing_operational_intents"]}
        check(set(found) == missing and "missing_constraints" not in answer, f"missing with key {key}")
        if two["id"] in found:
            check(found[two["id"]].get("ovn") != two["ovn"], "another USS's OVN is given away")
        if one["id"] in found:
            check(found[one["id"]]["ovn"] == one["ovn"], "an own OVN is shown")
    s.get_intent(entity, want=404)
    ref, _ = s.put_intent({**body, "key": [two["ovn"], "x" * 44, one["ovn"], one["ovn"], ""]}, entity)
    answer = s.dss.call("PUT", f"{OIRS}/{entity}/{ref['ovn']}", {**body, "key": [one["ovn"]]}).want(409)
    check([r["id"] for r in answer["missing_operational_intents"]] == [two["id"]], "an update needs it too")
    s.put_intent({**body, "key": [one["ovn"], two["ovn"]]}, entity, ref["ovn"])


@serves("SCD0035")
def touching_is_meeting_and_apart_is_apart(s):
    place, t = Place(), now()
    s.put_intent(intent(place, t, start=10, end=40, low=100, high=200))
    for how in (dict(start=40, end=50), dict(start=5, end=10), dict(low=200, high=300), dict(low=0, high=100)):
        body = intent(place, t, **{"start": 10, "end": 40, "low": 100, "high": 200, **how})
        s.dss.call("PUT", f"{OIRS}/{new_id()}", body).want(409)
    for how in (dict(start=41, end=50), dict(start=5, end=9), dict(low=201, high=300), dict(low=0, high=99),
                dict(north=0.2)):
        ref, _ = s.put_intent(intent(place, t, **{"start": 10, "end": 40, "low": 100, "high": 200, **how}))
        s.delete_intent(ref)


@serves("SCD0035")
def off_nominal_writes_need_no_key(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t))
    other, _ = s.put_intent(intent(place, t, key=[ref["ovn"]]), who=1)
    for state in ("Nonconforming", "Contingent"):
        ref, _ = s.put_intent(intent(place, t, state=state, new_subscription=IMPLICIT), ref["id"], ref["ovn"], scope=CMSA)
    body = intent(place, t, state="Activated", new_subscription=IMPLICIT)
    answer = s.dss.call("PUT", f"{OIRS}/{ref['id']}/{ref['ovn']}", body).want(409)
    check([r["id"] for r in answer["missing_operational_intents"]] == [other["id"]], "nominal again needs the key")
    answer = s.dss.call("PUT", f"{OIRS}/{other['id']}/{other['ovn']}", intent(place, t), who=1).want(409)
    check([r["id"] for r in answer["missing_operational_intents"]] == [ref["id"]], "an off-nominal one is relevant")


@serves("SCD0035")
def constraints_count_only_with_a_subscription_that_wants_them(s):
    place, t = Place(), now()
    c, _ = s.put_constraint(constraint(place, t, low=None, high=None))
    wanting = {**IMPLICIT, "notify_for_constraints": True}
    ref, _ = s.put_intent(intent(place, t))
    ref, _ = s.put_intent(intent(place, t, new_subscription=IMPLICIT), ref["id"], ref["ovn"])
    path = f"{OIRS}/{ref['id']}/{ref['ovn']}"
    answer = s.dss.call("PUT", path, intent(place, t, new_subscription=wanting)).want(409)
    check([check_reference(r, False)["id"] for r in answer["missing_constraints"]] == [c["id"]], "missing_constraints")
    check("missing_operational_intents" not in answer, "no empty array")
    s.put_intent(intent(place, t, new_subscription=wanting, key=[c["ovn"]], low=5000, high=5100), ref["id"], ref["ovn"])
    outside = s.dss.call("PUT", f"{OIRS}/{new_id()}", intent(place, t, start=71, end=80, new_subscription=wanting))
    s.made.append((OIRS, outside.want(201)["operational_intent_reference"]["id"], 0, SC))


@serves("SCD0035")
def accepted_intents_of_a_down_uss_are_exempt(s):
    place, t = Place(), now()
    path = f"{USS}/{s.dss.subs[1]}"
    ref, _ = s.put_intent(intent(place, t), who=1)
    old = s.dss.call("GET", path, scope=AA).want(200)["version"]
    down = s.dss.call("PUT", path, {"availability": "Down", "old_version": old}, scope=AA).want(200)["version"]
    try:
        check(s.get_intent(ref["id"])["uss_availability"] == "Down", "shown in the reference")
        own, _ = s.put_intent(intent(place, t))
        s.delete_intent(own)
    finally:
        s.dss.call("PUT", path, {"availability": "Normal", "old_version": down}, scope=AA).want(200)
    s.dss.call("PUT", f"{OIRS}/{new_id()}", intent(place, t)).want(409)
    act, _ = s.put_intent(intent(place, t, state="Activated", new_subscription=IMPLICIT), ref["id"], ref["ovn"], who=1)
    old = s.dss.call("GET", path, scope=AA).want(200)["version"]
    down = s.dss.call("PUT", path, {"availability": "Down", "old_version": old}, scope=AA).want(200)["version"]
    try:
        s.dss.call("PUT", f"{OIRS}/{new_id()}", intent(place, t)).want(409)
    finally:
        s.dss.call("PUT", path, {"availability": "Unknown", "old_version": down}, scope=AA).want(200)


def _uuid(version, at_ms):
    bits = at_ms << 80 | int.from_bytes(os.urandom(10), "big")
    bits = bits & ~(0xF << 76) | version << 76
    bits = bits & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=bits))


@serves("INTERUSS-5.2")
def an_ovn_may_be_requested(s):
    place, t = Place(), now()
    ms = int(time.time() * 1000)
    suffix = _uuid(7, ms)
    ref, _ = s.put_intent(intent(place, t, requested_ovn_suffix=suffix))
    check(ref["ovn"] == f"{ref['id']}_{suffix}", f"OVN {ref['ovn']}")
    early, late = _uuid(7, ms - 290000), _uuid(7, ms + 290000)
    ref, _ = s.put_intent(intent(place, t, requested_ovn_suffix=early.upper()), ref["id"], ref["ovn"])
    check(ref["ovn"] == f"{ref['id']}_{early.upper()}", "the spelling is kept")
    ref, _ = s.put_intent(intent(place, t, requested_ovn_suffix=late, state="Activated", new_subscription=IMPLICIT),
                          ref["id"], ref["ovn"])
    path = f"{OIRS}/{ref['id']}/{ref['ovn']}"
    for bad in ("abc", "", _uuid(6, ms), _uuid(4, ms), _uuid(7, ms - 310000), _uuid(7, ms + 310000), 7):
        s.dss.call("PUT", path, intent(place, t, requested_ovn_suffix=bad)).want(400)
    for used in (suffix, late):
        s.dss.call("PUT", path, intent(place, t, requested_ovn_suffix=used)).want(409, 400)
    check(s.get_intent(ref["id"]) == ref, "unchanged")


# Implicit subscriptions (f3548-dss.md 6.5; uss_qualifier's OIRImplicitSubHandling). -----------------------------


@serves("OIRImplicit-1")
def an_implicit_subscription_goes_with_its_only_intent(s):
    place, t = Place(), now()
    ref, told = s.put_intent(intent(place, t, new_subscription=IMPLICIT))
    sub = s.get_subscription(ref["subscription_id"])
    check(sub["implicit_subscription"] and sub["notify_for_operational_intents"], "flags")
    check(sub["dependent_operational_intents"] == [ref["id"]], "dependents")
    check(sub["time_start"] == ref["time_start"] and sub["time_end"] == ref["time_end"], "exact bounds")
    check(sub["uss_base_url"] == IMPLICIT["uss_base_url"], "URL")
    check(told == {sub["id"]: (sub["uss_base_url"], 1)} and sub["notification_index"] == 1, "its own creation is told")
    s.dss.call("DELETE", f"{SUBS}/{sub['id']}/{sub['version']}").want(400, 409)
    gone, told = s.delete_intent(ref)
    check(gone["subscription_id"] == sub["id"], "the old subscription is shown")
    check(told == {sub["id"]: (sub["uss_base_url"], 2)}, "it is told of the deletion")
    s.get_subscription(sub["id"], want=404)
    check(s.query(SUBS, place.area()) == set(), "nothing is left")


@serves("OIRImplicit-2")
def moving_with_a_new_implicit_subscription_drops_the_old_one(s):
    place, t = Place(), now()
    one, _ = s.put_intent(intent(place, t, start=10, end=40, new_subscription=IMPLICIT))
    two, told = s.put_intent(intent(place, t, start=30, end=60, key=[one["ovn"]]))
    check(set(told) == {one["subscription_id"]} and two["subscription_id"] == NO_SUBSCRIPTION, "the second has none")
    moved, told = s.put_intent(intent(place, t, start=70, end=90, new_subscription=IMPLICIT), one["id"], one["ovn"])
    if moved["subscription_id"] != one["subscription_id"]:
        s.get_subscription(one["subscription_id"], want=404)
        check(one["subscription_id"] not in told, "the removed one is not told")
    sub = s.get_subscription(moved["subscription_id"])
    check(sub["time_start"] == moved["time_start"] and sub["time_end"] == moved["time_end"], "exact bounds")
    _, told = s.put_intent(intent(place, t, start=45, end=55, key=[two["ovn"]]))
    check(told == {}, "a third one that meets only the second tells nobody")


@serves("OIRImplicit-3")
def an_implicit_subscription_is_dropped_for_an_explicit_one_or_none(s):
    place, t = Place(), now()
    explicit, _ = s.put_subscription(subscription(place, t))
    ref, _ = s.put_intent(intent(place, t, new_subscription=IMPLICIT))
    after, _ = s.put_intent(intent(place, t, subscription_id=explicit["id"]), ref["id"], ref["ovn"])
    check(after["subscription_id"] == explicit["id"], "attached")
    s.get_subscription(ref["subscription_id"], want=404)
    ref, _ = s.put_intent(intent(place, t, new_subscription=IMPLICIT), ref["id"], after["ovn"])
    after, _ = s.put_intent(intent(place, t), ref["id"], ref["ovn"])
    check(after["subscription_id"] == NO_SUBSCRIPTION, "detached")
    s.get_subscription(ref["subscription_id"], want=404)


@serves("OIRImplicit-4")
def an_implicit_subscription_grows_with_its_intent(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t, new_subscription=IMPLICIT))
    before = s.get_subscription(ref["subscription_id"])
    ref, _ = s.put_intent(intent(place, t, start=5, end=90, radius=3000, subscription_id=before["id"]), ref["id"],
                          ref["ovn"])
    sub = s.get_subscription(before["id"])
    check(sub["time_start"] == ref["time_start"] and sub["time_end"] == ref["time_end"], "bounds grew")
    check(sub["version"] != before["version"], "its version changed")
    check(s.query(SUBS, place.area(north=0.025)) == {sub["id"]}, "its area grew")
    ref, _ = s.put_intent(intent(place, t, start=20, end=30, subscription_id=sub["id"]), ref["id"], ref["ovn"])
    same = s.get_subscription(sub["id"])
    check(same["time_start"] == sub["time_start"] and same["time_end"] == sub["time_end"], "it never shrinks")


@serves("OIRImplicit-5,6")
def intents_share_an_implicit_subscription(s):
    place, t = Place(), now()
    explicit, _ = s.put_subscription(subscription(place, t))
    one, _ = s.put_intent(intent(place, t, start=10, end=30, new_subscription=IMPLICIT))
    shared = one["subscription_id"]
    two, _ = s.put_intent(intent(place, t, start=40, end=60, subscription_id=explicit["id"]))
    two, _ = s.put_intent(intent(place, t, start=40, end=60, subscription_id=shared), two["id"], two["ovn"])
    three, _ = s.put_intent(intent(place, t, start=70, end=90))
    three, _ = s.put_intent(intent(place, t, start=70, end=90, subscription_id=shared), three["id"], three["ovn"])
    sub = s.get_subscription(shared)
    check(set(sub["dependent_operational_intents"]) == {one["id"], two["id"], three["id"]}, "dependents")
    check(sub["time_start"] == one["time_start"] and sub["time_end"] == three["time_end"], "it covers all")
    s.delete_intent(one)
    s.delete_intent(three)
    check(s.get_subscription(shared)["dependent_operational_intents"] == [two["id"]], "it stays for the last one")
    s.delete_intent(two)
    s.get_subscription(shared, want=404)
    s.get_subscription(explicit["id"])


@serves("OIRImplicit-7,8,9")
def a_bare_intent_stays_bare_until_it_asks(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t))
    ref, _ = s.put_intent(intent(place, t, end=80), ref["id"], ref["ovn"])
    check(ref["subscription_id"] == NO_SUBSCRIPTION, "still bare")
    ref, _ = s.put_intent(intent(place, t, new_subscription=IMPLICIT), ref["id"], ref["ovn"])
    check(s.get_subscription(ref["subscription_id"])["implicit_subscription"], "a new implicit one")
    explicit, _ = s.put_subscription(subscription(place, t))
    ref, _ = s.put_intent(intent(place, t, subscription_id=explicit["id"]), ref["id"], ref["ovn"])
    ref, _ = s.put_intent(intent(place, t, new_subscription=IMPLICIT), ref["id"], ref["ovn"])
    check(ref["subscription_id"] != explicit["id"], "a new one instead of the explicit one")
    check(s.get_subscription(ref["subscription_id"])["implicit_subscription"], "it is implicit")
    check(s.get_subscription(explicit["id"])["dependent_operational_intents"] == [], "the explicit one is free")


@serves("OIRExplicit")
def an_explicit_subscription_must_cover_its_intents(s):
    place, t = Place(), now()
    short, _ = s.put_subscription(subscription(place, t, start=0, end=60))
    small, _ = s.put_subscription(subscription(place, t, start=0, end=120, radius=50))
    late, _ = s.put_subscription(subscription(place, t, start=11, end=120))
    good, _ = s.put_subscription(subscription(place, t, start=0, end=120, radius=2000))
    theirs, _ = s.put_subscription(subscription(place, t), who=1)
    bare, _ = s.put_intent(intent(place, t, radius=1900))
    for bad in (short, small, late):
        body = intent(place, t, radius=1900, subscription_id=bad["id"], key=[bare["ovn"]])
        s.dss.call("PUT", f"{OIRS}/{new_id()}", body).want(400)
        s.dss.call("PUT", f"{OIRS}/{bare['id']}/{bare['ovn']}", body).want(400)
    body = intent(place, t, radius=1900, subscription_id=theirs["id"], key=[bare["ovn"]])
    s.dss.call("PUT", f"{OIRS}/{new_id()}", body).want(403)
    check(s.get_intent(bare["id"]) == bare, "unchanged after refusals")
    ref, _ = s.put_intent(intent(place, t, radius=1900, subscription_id=good["id"]), bare["id"], bare["ovn"])
    s.dss.call("PUT", f"{OIRS}/{ref['id']}/{ref['ovn']}", intent(place, t, radius=1900, subscription_id=short["id"])).want(400)
    check(s.get_intent(ref["id"]) == ref, "still attached")
    s.dss.call("DELETE", f"{SUBS}/{good['id']}/{s.get_subscription(good['id'])['version']}").want(400)
    s.put_intent(intent(place, t, radius=1900), ref["id"], ref["ovn"])


@serves("INTERUSS-6.5")
def an_updated_implicit_subscription_becomes_explicit_and_stays(s):
    place, t = Place(), now()
    ref, _ = s.put_intent(intent(place, t, new_subscription=IMPLICIT))
    sub = s.get_subscription(ref["subscription_id"])
    after, _ = s.put_subscription(subscription(place, t), sub["id"], sub["version"])
    check(not after["implicit_subscription"] and after["dependent_operational_intents"] == [ref["id"]], "explicit now")
    s.delete_intent(ref)
    check(s.get_subscription(sub["id"])["dependent_operational_intents"] == [], "it survived")


@serves("SCD-concurrency")
def twenty_writers_need_no_retry(s):
    place, t = Place(), now()
    refs, faults = [None] * 20, []

    def writer(i):
        try:
            how = dict(low=20 * i, high=20 * i + 19, new_subscription=IMPLICIT)
            ref, _ = s.put_intent(intent(place, t, **how))
            refs[i], _ = s.put_intent(intent(place, t, end=71, **how), ref["id"], ref["ovn"])
        except Exception as why:
            faults.append(str(why))

    threads = [threading.Thread(target=writer, args=(i,)) for i in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    check(not faults, "; ".join(faults[:2]))
    check(s.query(OIRS, place.area(low=0, high=1000)) == {r["id"] for r in refs}, "all are found")


def _race(s, bodies):
    """Answers of writers who all start at once: (id, body) each."""
    start, answers = threading.Barrier(len(bodies)), [None] * len(bodies)

    def writer(i):
        entity, body = bodies[i]
        s.made.append((OIRS, entity, 0, SC))
        start.wait()
        answers[i] = s.dss.call("PUT", f"{OIRS}/{entity}", body)

    threads = [threading.Thread(target=writer, args=(i,)) for i in range(len(bodies))]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    return answers


@serves("SCD0035")
def of_racing_writers_without_a_key_one_gets_through(s):
    for _ in range(5):
        place, t = Place(), now()
        answers = _race(s, [(new_id(), intent(place, t)) for _ in range(16)])
        accepted = [a.want(201)["operational_intent_reference"]["id"] for a in answers if a.status == 201]
        check(len(accepted) == 1, f"{len(accepted)} were accepted")
        for answer in answers:
            if answer.status != 201:
                missing = answer.want(409)["missing_operational_intents"]
                check([r["id"] for r in missing] == accepted, "the others are told of the one")


@serves("DSS0005,1")
def of_racing_creates_of_one_id_one_gets_through(s):
    for _ in range(5):
        place, t, entity = Place(), now(), new_id()
        statuses = sorted(a.status for a in _race(s, [(entity, intent(place, t, low=i, high=i)) for i in range(16)]))
        check(statuses == [201] + [409] * 15, f"statuses {statuses}")


@serves("SCD-poles")
def the_poles_and_the_date_line_work(s):
    t = now()
    base = random.randrange(1000, 90000)  # A height that other runs hardly use there.
    for i, (lat, lng) in enumerate(((90, 0), (89.999, 100), (-90, 0), (10.5, 179.9999), (10.5, -180))):
        place = Place()
        place.lat, place.lng = lat, lng
        low = base + 10 * i
        sub, _ = s.put_subscription(subscription(place, t, radius=250))
        ref, told = s.put_intent(intent(place, t, radius=200, low=low, high=low, subscription_id=sub["id"]))
        check(sub["id"] in told, f"told at {lat}, {lng}")
        check(ref["id"] in s.query(OIRS, place.area(low=low, high=low)), f"found at {lat}, {lng}")
