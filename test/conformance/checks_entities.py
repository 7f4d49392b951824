# checks_entities.py - constraints, availability, reports, rights, paths, and the calls beside the standard.
# SPDX-License-Identifier: Apache-2.0

import base64
import json

from dss import (AA, CM, CMSA, CP, CRS, OIRS, REPORTS, SC, SUBS, USS, Place, Skip, check, constraint, intent, minutes,
                 new_id, now, parse_time, stamp, subscription, suite)

CHECKS, serves = suite()


@serves("DSS0005,3")
def a_constraint_is_created_read_updated_and_deleted(s):
    place, t = Place(), now()
    c, told = s.put_constraint(constraint(place, t))
    check(c["version"] == 1 and c["manager"] == s.dss.subs[0] and told == {}, "the created one")
    path = f"{CRS}/{c['id']}"
    for scope in (CM, CP):
        check(s.dss.call("GET", path, scope=scope).want(200)["constraint_reference"] == c, "a read gives the same")
    seen = s.dss.call("GET", path, scope=CP, who=1).want(200)["constraint_reference"]
    check(seen.get("ovn") != c["ovn"], "the OVN is hidden from others")
    after, _ = s.put_constraint(constraint(place, t, end=80), c["id"], c["ovn"])
    check(after["version"] == 2 and after["ovn"] != c["ovn"], "the update's version and OVN")
    s.dss.call("DELETE", f"{path}/", scope=CM).want(400)
    s.dss.call("DELETE", f"{path}/{c['ovn']}", scope=CM).want(409)
    gone = s.dss.call("DELETE", f"{path}/{after['ovn']}", {"a": "body"}, CM).want(200)["constraint_reference"]
    check(gone == after, "a deletion answers with what was deleted")
    s.dss.call("GET", path, scope=CM).want(404)
    s.dss.call("DELETE", f"{path}/{after['ovn']}", scope=CM).want(404)


@serves("DSS0005,3")
def a_constraint_conflicts_where_an_intent_does(s):
    place, t = Place(), now()
    c, _ = s.put_constraint(constraint(place, t))
    path = f"{CRS}/{c['id']}"
    body = constraint(place, t)
    s.dss.call("PUT", path, body, CM).want(409)
    s.dss.call("PUT", f"{path}/", body, CM).want(409)
    s.dss.call("PUT", f"{path}/ThisIsAnIncorrectOVN", body, CM).want(409)
    s.dss.call("PUT", path, body, CM, who=1).want(403)
    s.dss.call("PUT", f"{path}/{c['ovn']}", body, CM, who=1).want(403)
    s.dss.call("DELETE", f"{path}/{c['ovn']}", None, CM, who=1).want(403)
    s.dss.call("PUT", f"{CRS}/{new_id()}/aaaaaaaaaaaaaaaaaaaa", body, CM).want(409)
    check(s.dss.call("GET", path, scope=CM).want(200)["constraint_reference"] == c, "unchanged")


@serves("DSS0005,4")
def constraints_are_found_by_area_and_time_alone(s):
    place, t = Place(), now()
    c, _ = s.put_constraint(constraint(place, t, start=0, end=60, low=None, high=None))
    for how in (dict(), dict(start=t + minutes(59)), dict(end=t + minutes(1)), dict(low=50000, high=60000)):
        check(s.query(CRS, place.area(**how), CP) == {c["id"]}, f"not found by {how}")
    for how in (dict(start=t + minutes(61)), dict(end=t - minutes(1)), dict(north=0.2)):
        check(s.query(CRS, place.area(**how), CM) == set(), f"found by {how}")
    for body in ({}, b"", {"area_of_interest": {"volume": {}}},
                 {"area_of_interest": {"volume": {"outline_polygon": place.polygon(1.0)}}}):
        s.dss.call("POST", f"{CRS}/query", body, CP).want(400)


@serves("DSS0005,3")
def bad_constraints_are_refused(s):
    place, t = Place(), now()
    good = constraint(place, t)
    volume = good["extents"][0]
    bad = [{**good, "extents": volume}, {**good, "extents": []}, {**good, "uss_base_url": ""}, {}, {**good, "extents": [{**volume, "time_start": None}]},
           {**good, "extents": [{**volume, "time_end": None}]}, constraint(place, t, start=-20, end=-10),
           constraint(place, t, start=20, end=10), {**good, "extents": [{**volume, "volume": {}}]}]
    if not s.dss.allows_http:
        bad.append({**good, "uss_base_url": "http://x.example"})
    for i, body in enumerate(bad):
        reply = s.dss.call("PUT", f"{CRS}/{new_id()}", body, CM)
        check(reply.status == 400, f"bad constraint {i}: {reply.status}")
    s.dss.call("PUT", f"{CRS}/not_uuid_format", good, CM).want(400)


@serves("DSS0100,1")
def availability_is_unknown_until_set(s):
    name = "nobody-" + new_id()
    for scope in (AA, SC, CMSA):
        answer = s.dss.call("GET", f"{USS}/{name}", scope=scope).want(200)
        check(answer == {"version": "", "status": {"uss": name, "availability": "Unknown"}}, str(answer))


@serves("DSS0100,1")
def availability_needs_a_name(s):
    s.dss.call("GET", f"{USS}/", scope=AA).want(400)
    s.dss.call("PUT", f"{USS}/", {"availability": "Normal", "old_version": ""}, AA).want(400)


@serves("DSS0100,1")
def availability_is_set_by_version(s):
    path = f"{USS}/test-{new_id()}"
    s.dss.call("PUT", path, {"availability": "pUrPlE"}, AA).want(400)
    one = s.dss.call("PUT", path, {"availability": "normal"}, AA).want(200)
    check(one["status"]["availability"] == "Normal" and one["version"], "set")
    check(s.dss.call("GET", path, scope=AA).want(200) == one, "read")
    s.dss.call("PUT", path, {"availability": "Down", "old_version": ""}, AA).want(409)
    s.dss.call("PUT", path, {"availability": "Down", "old_version": "wrong"}, AA).want(409)
    s.dss.call("PUT", path, {"availability": "pUrPlE"}, AA).want(400)
    two = s.dss.call("PUT", path, {"availability": "down", "old_version": one["version"]}, AA, who=1).want(200)
    check(two["status"]["availability"] == "Down" and two["version"] != one["version"], "set again")
    s.dss.call("PUT", path, {"availability": "Unknown", "old_version": two["version"]}, AA).want(200)
    s.dss.call("PUT", f"{USS}/test-{new_id()}", {"availability": "Down", "old_version": "unset"}, AA).want(409)


@serves("DSS0100,2")
def a_report_is_taken_and_gets_an_id(s):
    t = now()
    report = {"exchange": {"url": "https://uss2.example/uss/v1/operational_intents/x", "method": "GET",
                           "recorder_role": "Client", "request_time": stamp(t), "response_code": 500, "request_source": "suite",
                           "headers": ["Authorization: Bearer secret"], "problem": "no details",
                           "response_body": base64.b64encode(b"oops").decode()}}
    for scope in (SC, CP, CM, CMSA, AA):
        answer = s.dss.call("POST", REPORTS, report, scope).want(201)
        check(isinstance(answer["report_id"], str) and 0 < len(answer["report_id"]) <= 128, "report_id")
        check(answer["exchange"]["url"] == report["exchange"]["url"], "the report comes back")
    s.dss.call("POST", REPORTS, {}, SC).want(400)
    s.dss.call("POST", REPORTS, b"", SC).want(400)


CALLS = [  # Method, path, a body that is well-formed, scopes that open it.
    ("POST", f"{OIRS}/query", "area", (SC, CMSA)), ("GET", f"{OIRS}/ID", None, (SC, CMSA)),
    ("PUT", f"{OIRS}/ID", "oir", (SC, CMSA)), ("PUT", f"{OIRS}/ID/aaaaaaaaaaaaaaaaaaaa", "oir", (SC, CMSA)),
    ("DELETE", f"{OIRS}/ID/aaaaaaaaaaaaaaaaaaaa", None, (SC, CMSA)),
    ("POST", f"{CRS}/query", "area", (CM, CP)), ("GET", f"{CRS}/ID", None, (CM, CP)), ("PUT", f"{CRS}/ID", "cr", (CM,)),
    ("PUT", f"{CRS}/ID/aaaaaaaaaaaaaaaaaaaa", "cr", (CM,)), ("DELETE", f"{CRS}/ID/aaaaaaaaaaaaaaaaaaaa", None, (CM,)),
    ("POST", f"{SUBS}/query", "area", (SC, CP)), ("GET", f"{SUBS}/ID", None, (SC, CP)),
    ("PUT", f"{SUBS}/ID", "sub", (SC, CP)), ("PUT", f"{SUBS}/ID/aaaaaaaaaaaaaaaaaaaa", "sub", (SC, CP)),
    ("DELETE", f"{SUBS}/ID/aaaaaaaaaaaaaaaaaaaa", None, (SC, CP)), ("POST", REPORTS, "report", (SC, CP, CM, CMSA, AA)),
    ("GET", f"{USS}/someone", None, (AA, SC, CMSA)), ("PUT", f"{USS}/someone", "availability", (AA,)),
]


def _bodies():
    place, t = Place(), now()
    return {"area": place.area(), "oir": intent(place, t), "cr": constraint(place, t), "sub": subscription(place, t),
            "availability": {"availability": "Sideways"}, "report": {}, None: None}


@serves("DSS0200")
def every_call_wants_a_good_token(s):
    bodies = _bodies()
    good = s.dss.tokens.get(s.dss.subs[0], SC)
    head, payload, signature = good.split(".")
    flipped = signature[:8] + ("A" if signature[8] != "A" else "B") + signature[9:]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    claims["sub"] = "someone-else"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    other = s.dss.tokens.get(s.dss.subs[0], SC, audience="another-host.example")
    for method, path, body, _ in CALLS:
        path = path.replace("ID", new_id())
        s.dss.call(method, path, bodies[body], scope=None).want(401)
        for token in (f"{head}.{payload}.{flipped}", f"{head}.{forged}.{signature}", f"{none}.{payload}.", "x", other):
            s.dss.call(method, path, bodies[body], token=token).want(401)
    for value in ("Basic eDp5", "Bearer", "bearer  ", good):
        s.dss.call("GET", f"{OIRS}/{new_id()}", scope=None, headers={"Authorization": value}).want(401)
    s.dss.call("GET", f"{OIRS}/{new_id()}", scope=None, headers={"Authorization": "bearer " + good}).want(404)


@serves("DSS0210,A2-7-2,7")
def every_call_wants_its_scope(s):
    bodies = _bodies()
    for method, path, body, scopes in CALLS:
        for scope in (SC, CP, CM, CMSA, AA):
            fresh = path.replace("ID", new_id())
            reply = s.dss.call(method, fresh, bodies[body], scope)
            if scope in scopes:
                check(reply.status not in (401, 403), f"{reply.line} with {scope}: {reply.status}")
                if reply.status in (200, 201) and method == "PUT":
                    collection = fresh.rsplit("/", 1)[0]
                    s.made.append((collection, fresh.rsplit("/", 1)[1], 0, CM if collection == CRS else SC))
            else:
                reply.want(403)


@serves("INTERUSS-2.3")
def rights_come_before_bodies(s):
    s.dss.call("PUT", f"{OIRS}/not_an_id", b"{", scope=None).want(401)
    s.dss.call("PUT", f"{OIRS}/not_an_id", b"{", scope=AA).want(403)
    s.dss.call("PUT", f"{OIRS}/not_an_id", b"{").want(400)


@serves("INTERUSS-1")
def unknown_paths_are_404_in_plain_text(s):
    for method, path in (("GET", f"/dss/v1/operation_references/{new_id()}"), ("PATCH", f"{OIRS}/{new_id()}"),
                         ("GET", "/"), ("POST", f"{SUBS}/{new_id()}"), ("DELETE", f"{SUBS}/{new_id()}")):
        reply = s.dss.call(method, path)
        check(reply.status == 404, f"{reply.line}: {reply.status}")
        check(reply.headers.get("content-type", "").startswith("text/plain"), f"{reply.line}: not plain text")


@serves("INTERUSS-1")
def it_is_healthy(s):
    reply = s.dss.call("GET", "/healthy", scope=None)
    check(reply.status == 200 and reply.body.strip() == b"ok", "/healthy")


@serves("INTERUSS-14")
def its_version_is_known(s):
    version = s.dss.call("GET", "/aux/v1/version", scope=None).want(200)["version"]
    check(version and "undefined" not in version, f"version {version!r}")
    answer = s.dss.call("GET", "/versions/astm.f3548.v21", scope=None)
    if answer.status == 404:
        raise Skip("no versioning interface")
    check(answer.want(200)["system_identity"] == "astm.f3548.v21", "system_identity")


@serves("INTERUSS-14")
def a_token_is_validated(s):
    read = "dss.read.identification_service_areas"
    s.dss.call("GET", "/aux/v1/validate_oauth", scope=read).want(200)
    s.dss.call("GET", f"/aux/v1/validate_oauth?owner={s.dss.subs[0]}", scope=read).want(200)
    s.dss.call("GET", "/aux/v1/validate_oauth?owner=bad_user", scope=read).want(403)
    s.dss.call("GET", "/aux/v1/validate_oauth", scope=None).want(401)
    s.dss.call("GET", "/aux/v1/validate_oauth", scope=SC).want(403)


@serves("DSS0020")
def the_pool_is_named(s):
    read = "interuss.pool_status.read"
    one = s.dss.call("GET", "/aux/v1/pool", scope=read).want(200)["dar_id"]
    check(one and one == s.dss.call("GET", "/aux/v1/pool", scope=read, who=1).want(200)["dar_id"], "dar_id")
    s.dss.call("GET", "/aux/v1/pool", scope=SC).want(403)
    instances = s.dss.call("GET", "/aux/v1/pool/dss_instances", scope=read).want(200)["dss_instances"]
    check(len(instances) >= 1 and all(i["id"] for i in instances), "dss_instances")
    options = s.dss.call("GET", "/aux/v1/configuration/global_options", scope=read).want(200)
    check(type(options["time_based_notification_index"]) is bool, "global_options")
    for which in ("ca_certs", "accepted_ca_certs"):
        check(isinstance(s.dss.call("GET", f"/aux/v1/configuration/{which}", scope=None).want(200).get("CAs", []), list), which)


@serves("INTERUSS-14")
def a_heartbeat_is_kept(s):
    write = "interuss.pool_status.heartbeat.write"
    path = "/aux/v1/pool/dss_instances/heartbeat"
    t = now()
    time, before = stamp(t)["value"], stamp(t + minutes(5))["value"]
    answer = s.dss.call("PUT", f"{path}?source=suite&timestamp={time}&next_heartbeat_expected_before={before}",
                        scope=write).want(201)
    beats = [i["most_recent_heartbeat"] for i in answer["dss_instances"] if i.get("most_recent_heartbeat")]
    mine = [b for b in beats if b["source"] == "suite"]
    check(mine and all(b["reporter"] == s.dss.subs[0] for b in mine), "it is listed")
    check(any(parse_time({"value": b["timestamp"], "format": "RFC3339"}) == t for b in mine), "its time")
    s.dss.call("PUT", f"{path}?source=suite&timestamp={before}&next_heartbeat_expected_before={time}", scope=write).want(400)
    s.dss.call("PUT", path, scope=write).want(400)
