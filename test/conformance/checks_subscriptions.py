# checks_subscriptions.py - subscriptions, and whom a writer is told to notify.
# SPDX-License-Identifier: Apache-2.0

import time

from dss import (CM, CP, CRS, IMPLICIT, SC, SUBS, NO_SUBSCRIPTION, Place, check, check_reference, check_subscribers,
                 constraint, intent, minutes, new_id, now, parse_time, stamp, subscription, suite)

CHECKS, serves = suite()


@serves("DSS0005,5")
def a_subscription_is_created_read_updated_and_deleted(s):
    place, t = Place(), now()
    sub, answer = s.put_subscription(subscription(place, t))
    check(sub["notification_index"] == 0 and not sub["implicit_subscription"], "a new one")
    check(sub["dependent_operational_intents"] == [], "no dependents")
    check(answer["operational_intent_references"] == [] and "constraint_references" not in answer, "lists by flag")
    check(parse_time(sub["time_start"]) == t and parse_time(sub["time_end"]) == t + minutes(120), "exact times")
    check(s.get_subscription(sub["id"]) == sub, "a read gives what the write gave")
    after, answer = s.put_subscription(subscription(place, t, oirs=False, crs=True, url="https://uss1.example/else"),
                                       sub["id"], sub["version"])
    check(answer["constraint_references"] == [] and "operational_intent_references" not in answer, "flags flipped")
    check(after["version"] != sub["version"] and after["uss_base_url"].endswith("/else"), "the update")
    check(s.get_subscription(sub["id"]) == after, "a read gives what the update gave")
    path = f"{SUBS}/{sub['id']}"
    s.dss.call("DELETE", f"{path}/").want(400)
    s.dss.call("DELETE", f"{path}/wrongwrongwrongwrong").want(409)
    s.dss.call("DELETE", f"{path}/{sub['version']}").want(409)
    gone = s.dss.call("DELETE", f"{path}/{after['version']}").want(200)["subscription"]
    check(gone == after, "a deletion answers with what was deleted")
    s.get_subscription(sub["id"], want=404)
    s.dss.call("DELETE", f"{path}/{after['version']}").want(404)


@serves("DSS0005,5")
def versions_decide_about_writes(s):
    place, t = Place(), now()
    body = subscription(place, t)
    sub, _ = s.put_subscription(body)
    path = f"{SUBS}/{sub['id']}"
    s.dss.call("PUT", path, body).want(409)
    s.dss.call("PUT", f"{path}/", body).want(409)
    s.dss.call("PUT", f"{path}/wrongwrongwrongwrong", body).want(409)
    s.dss.call("PUT", f"{SUBS}/{new_id()}/wrongwrongwrongwrong", body).want(400)
    moved = subscription(place, t, radius=600)
    after, _ = s.put_subscription(moved, sub["id"], sub["version"])
    check(after["version"] != sub["version"], "a change of the footprint alone is a new version")
    s.dss.call("PUT", f"{path}/{sub['version']}", body).want(409)
    later = s.put_subscription(subscription(place, t, start=60, end=120))[0]
    for version in ("", "/wrongwrongwrongwrong"):  # With omitted times too: the stored ones stand in for them.
        s.dss.call("PUT", f"{SUBS}/{later['id']}{version}", subscription(place, t, start=None, end=60 + 1440)).want(409)


@serves("DSS0210,A2-7-2,7")
def a_subscription_is_its_managers_alone(s):
    place, t = Place(), now()
    sub, _ = s.put_subscription(subscription(place, t))
    path = f"{SUBS}/{sub['id']}"
    s.dss.call("GET", path, who=1).want(403)
    check(s.query(SUBS, place.area(), who=1) == set(), "not in another's query")
    s.dss.call("PUT", f"{path}/{sub['version']}", subscription(place, t), who=1).want(403)
    s.dss.call("PUT", f"{path}/{sub['version']}", subscription(place, t, start=None), who=1).want(403)
    s.dss.call("PUT", path, subscription(place, t), who=1).want(409)
    s.dss.call("PUT", f"{path}/wrongwrongwrongwrong", subscription(place, t), who=1).want(409, 403)
    s.dss.call("DELETE", f"{path}/{sub['version']}", who=1).want(403)
    s.dss.call("DELETE", f"{path}/wrongwrongwrongwrong", who=1).want(403)
    check(s.get_subscription(sub["id"]) == sub, "unchanged")


@serves("DSS0015")
def a_subscription_lasts_at_most_24_hours(s):
    place, t = Place(), now()
    sub, _ = s.put_subscription(subscription(place, t, start=1, end=1 + 24 * 60))
    long = subscription(place, t, start=1, end=1 + 24 * 60)
    long["extents"]["time_end"] = stamp(t + minutes(1 + 24 * 60 + 1))
    s.dss.call("PUT", f"{SUBS}/{new_id()}", long).want(400)
    s.dss.call("PUT", f"{SUBS}/{sub['id']}/{sub['version']}", long).want(400)


@serves("DSS0005,5")
def times_may_be_left_out(s):
    place, t = Place(), now()
    sub, _ = s.put_subscription(subscription(place, t, start=None, end=None))
    start, end = parse_time(sub["time_start"]), parse_time(sub["time_end"])
    check(abs((start - now()).total_seconds()) < 60, "it starts now")
    check(end - start == minutes(24 * 60), "it lasts a day")
    after, _ = s.put_subscription(subscription(place, t, start=None, end=None, radius=600), sub["id"], sub["version"])
    check(after["time_start"] == sub["time_start"] and after["time_end"] == sub["time_end"], "an update keeps them")
    only_end, _ = s.put_subscription(subscription(place, t, start=None, end=30))
    check(parse_time(only_end["time_end"]) == t + minutes(30), "the end that was sent")
    only_start, _ = s.put_subscription(subscription(place, t, start=30, end=None))
    check(parse_time(only_start["time_start"]) == t + minutes(30), "the start that was sent")


@serves("DSS0005,5")
def bad_subscriptions_are_refused(s):
    place, t = Place(), now()
    good = subscription(place, t)
    sub, _ = s.put_subscription(good)
    bad = [
        subscription(place, t, oirs=False), subscription(place, t, start=-6), subscription(place, t, start=50, end=40),
        subscription(place, t, start=50, end=50),
        subscription(place, t, url=""), {**good, "extents": None}, {**good, "extents": [good["extents"]]}, {},
        {**good, "extents": {"volume": {}}}, {**good, "extents": {"volume": {"outline_polygon": place.polygon(1.0)}}},
        subscription(place, t, low=5, high=4), {**good, "notify_for_constraints": "yes"},
        {**good, "extents": {**good["extents"], "time_start": stamp("something-invalid")}},
    ]
    if not s.dss.allows_http:
        bad.append(subscription(place, t, url="http://x.example"))
    for i, body in enumerate(bad):
        reply = s.dss.call("PUT", f"{SUBS}/{new_id()}", body)
        check(reply.status == 400, f"bad subscription {i}: {reply.status} {reply.body[:100]!r}")
    s.dss.call("PUT", f"{SUBS}/{sub['id']}", subscription(place, t, oirs=False)).want(400)  # Before existence is looked at.
    s.dss.call("PUT", f"{SUBS}/not_uuid_format", good).want(400)
    s.dss.call("GET", f"{SUBS}/not_uuid_format").want(400)
    s.dss.call("PUT", f"{SUBS}/{NO_SUBSCRIPTION}", good).want(400)
    s.put_subscription(subscription(place, t, start=-4))


@serves("DSS0005,5")
def a_query_finds_own_unexpired_ones_by_area_and_time(s):
    t = now()
    one, two, three = Place(), Place(), Place()
    subs = [s.put_subscription(subscription(p, t, start=0 + 120 * i, end=60 + 120 * i))[0]["id"]
            for i, p in enumerate((one, two, three))]
    for p, sub in zip((one, two, three), subs):
        check(s.query(SUBS, p.area()) == {sub}, "by footprint")
        check(s.query(SUBS, p.area(low=50000, high=60000)) == {sub}, "heights are ignored")
    check(s.query(SUBS, two.area(start=t + minutes(181))) == set(), "after its end")
    check(s.query(SUBS, two.area(start=t + minutes(180))) == {subs[1]}, "at its end")
    check(s.query(SUBS, two.area(end=t + minutes(119))) == set(), "before its start")
    check(s.query(SUBS, two.area(start=t + minutes(130), end=t + minutes(130))) == {subs[1]}, "at a moment")
    check(s.query(SUBS, one.area(north=0.2)) == set(), "elsewhere")
    big = {"area_of_interest": {"volume": {"outline_polygon": one.polygon(1.0)}}}
    s.dss.call("POST", f"{SUBS}/query", big).want(413, 400)
    for body in ({}, {"area_of_interest": {"volume": {}}}, b""):
        s.dss.call("POST", f"{SUBS}/query", body).want(400)


@serves("DSS0210,A2-7-2,4d")
def an_expired_one_is_not_found_but_still_there(s):
    place, t = Place(), now()
    body = subscription(place, t, start=None, end=None)
    body["extents"]["time_end"] = stamp(now() + minutes(1 / 30))
    sub, _ = s.put_subscription(body)
    check(s.query(SUBS, place.area()) == {sub["id"]}, "found while it lasts")
    end = parse_time(sub["time_end"])
    while now() <= end:
        time.sleep(0.1)  # The event is the clock itself.
    check(s.query(SUBS, place.area()) == set(), "gone from queries")
    s.dss.call("GET", f"{SUBS}/{sub['id']}").want(200, 404)


@serves("DSS0005,5")
def an_update_must_still_cover_its_dependents(s):
    place, t = Place(), now()
    sub, _ = s.put_subscription(subscription(place, t, start=10, end=120, low=0, high=1000))
    ref, _ = s.put_intent(intent(place, t, start=20, end=100, low=100, high=200, subscription_id=sub["id"]))
    sub = s.get_subscription(sub["id"])
    path = f"{SUBS}/{sub['id']}/{sub['version']}"
    elsewhere = Place()
    for i, body in enumerate((subscription(place, t, start=26, end=120), subscription(place, t, start=10, end=99),
                              subscription(place, t, start=10, end=120, low=150), subscription(elsewhere, t, start=10),
                              subscription(place, t, start=10, end=120, high=150))):
        reply = s.dss.call("PUT", path, body)
        check(reply.status == 400, f"bad update {i}: {reply.status}")
    s.dss.call("DELETE", path).want(400)
    after, answer = s.put_subscription(subscription(place, t, start=24, end=110, low=50, high=250), sub["id"],
                                       sub["version"])
    check(after["dependent_operational_intents"] == [ref["id"]], "still attached")
    check([r["id"] for r in answer["operational_intent_references"]] == [ref["id"]], "and listed")


@serves("DSS0005,5")
def the_answer_lists_what_is_there(s):
    place, t = Place(), now()
    mine, _ = s.put_intent(intent(place, t, start=10, end=20))
    theirs, _ = s.put_intent(intent(place, t, start=30, end=40), who=1)
    s.put_intent(intent(place, t, start=130, end=140))
    c, _ = s.put_constraint(constraint(place, t))
    _, answer = s.put_subscription(subscription(place, t, low=5000, high=6000, crs=True))
    refs = {r["id"]: check_reference(r, True) for r in answer["operational_intent_references"]}
    check(set(refs) == {mine["id"], theirs["id"]}, "the intents in its area and time, at any height")
    check(refs[mine["id"]]["ovn"] == mine["ovn"] and refs[theirs["id"]].get("ovn") != theirs["ovn"], "OVNs")
    check([r["id"] for r in answer["constraint_references"]] == [c["id"]], "the constraint")


# Notifications (f3548-dss.md section 11). ------------------------------------------------------------------------


@serves("SCD0080")
def indices_count_every_write_that_touches(s):
    """The sequence of InterUSS's prober, test_operations_simple: 0 1 2 2 3 4."""
    place, t = Place(), now()
    one, _ = s.put_intent(intent(place, t, start=0, end=60, new_subscription=IMPLICIT))
    sub, _ = s.put_subscription(subscription(place, t, url="https://uss2.example"), who=1)
    check(sub["notification_index"] == 0, "0 at first")
    two, told = s.put_intent(intent(place, t, start=0, end=60, key=[one["ovn"]], subscription_id=sub["id"],
                                    url="https://uss2.example"), who=1)
    check(told[sub["id"]] == ("https://uss2.example", 1), "1 after its manager's own write")
    check(one["subscription_id"] in told, "and the other's implicit one is told")
    one, told = s.put_intent(intent(place, t, start=0, end=60, key=[two["ovn"]],
                                    subscription_id=one["subscription_id"]), one["id"], one["ovn"])
    check(told[sub["id"]][1] == 2, "2 after the other's update")
    after, _ = s.put_subscription(subscription(place, t, end=130, url="https://uss2.example"), sub["id"],
                                  s.get_subscription(sub["id"], who=1)["version"], who=1)
    check(after["notification_index"] == 2, "2 after its own update")
    _, told = s.delete_intent(one)
    check(told[sub["id"]][1] == 3, "3 after a deletion")
    _, told = s.delete_intent(two, who=1)
    check(told[sub["id"]][1] == 4, "4 after its manager's deletion")
    now_there = s.get_subscription(sub["id"], who=1)
    check(now_there["notification_index"] == 4 and now_there["version"] == after["version"],
          "raising the index is no new version")


@serves("SCD0080")
def an_update_tells_the_old_and_the_new_area(s):
    t = now()
    old, new = Place(), Place()
    a, _ = s.put_subscription(subscription(old, t, url="https://a.example"))
    b, _ = s.put_subscription(subscription(new, t, url="https://b.example"))
    late, _ = s.put_subscription(subscription(new, t, start=200, end=300, url="https://c.example"))
    ref, told = s.put_intent(intent(old, t, low=90000, high=90001))
    check(told == {a["id"]: ("https://a.example", 1)}, "create: heights are ignored")
    ref, told = s.put_intent(intent(new, t), ref["id"], ref["ovn"])
    check(told == {a["id"]: ("https://a.example", 2), b["id"]: ("https://b.example", 1)}, "update: both")
    ref, told = s.put_intent(intent(new, t, start=150, end=190), ref["id"], ref["ovn"])
    check(set(told) == {b["id"]}, "times count")
    _, told = s.delete_intent(ref)
    check(told == {}, "delete: only what the old one met")
    ref, told = s.put_intent(intent(new, t, start=300, end=310))
    check(set(told) == {late["id"]}, "touching times meet")


@serves("SCD0085")
def constraints_tell_only_those_who_want_them(s):
    place, t = Place(), now()
    ops, _ = s.put_subscription(subscription(place, t, url="https://ops.example"))
    crs, _ = s.put_subscription(subscription(place, t, url="https://both.example", oirs=False, crs=True), scope=CP)
    both, _ = s.put_subscription(subscription(place, t, url="https://both.example", crs=True), scope=SC + " " + CP)
    c, told = s.put_constraint(constraint(place, t))
    check(told == {crs["id"]: ("https://both.example", 1), both["id"]: ("https://both.example", 1)}, "create")
    c, told = s.put_constraint(constraint(place, t, end=80), c["id"], c["ovn"])
    check({k: v[1] for k, v in told.items()} == {crs["id"]: 2, both["id"]: 2}, "update")
    ops, answer = s.put_subscription(subscription(place, t, url="https://ops.example", crs=True), ops["id"], ops["version"])
    check([r["id"] for r in answer["constraint_references"]] == [c["id"]], "the flag brings the list")
    reply = s.dss.call("DELETE", f"{CRS}/{c['id']}/{c['ovn']}", {"any": "body"}, CM).want(200)
    told = check_subscribers(reply["subscribers"])
    check({k: v[1] for k, v in told.items()} == {crs["id"]: 3, both["id"]: 3, ops["id"]: 1}, "delete")


@serves("DSS0210,A2-7-2,5b")
def a_deleted_subscription_is_told_nothing(s):
    place, t = Place(), now()
    sub, _ = s.put_subscription(subscription(place, t))
    ref, told = s.put_intent(intent(place, t))
    check(set(told) == {sub["id"]}, "told while it is there")
    version = s.get_subscription(sub["id"])["version"]
    check(version == sub["version"], "an index step is no new version")
    s.dss.call("DELETE", f"{SUBS}/{sub['id']}/{version}").want(200)
    _, told = s.put_intent(intent(place, t, end=71), ref["id"], ref["ovn"])
    check(told == {}, "told nothing afterwards")
