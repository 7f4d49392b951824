# dss.py - a client for any F3548-21 DSS, its request bodies, and what its answers must look like.
# SPDX-License-Identifier: Apache-2.0
"""Only the standard library, so that the suite can judge any server from any machine."""

import datetime
import http.client
import json
import random
import re
import ssl
import subprocess
import threading
import time
import urllib.parse
import urllib.request
import uuid

SC = "utm.strategic_coordination"
CP = "utm.constraint_processing"
CM = "utm.constraint_management"
CMSA = "utm.conformance_monitoring_sa"
AA = "utm.availability_arbitration"

OIRS = "/dss/v1/operational_intent_references"
CRS = "/dss/v1/constraint_references"
SUBS = "/dss/v1/subscriptions"
USS = "/dss/v1/uss_availability"
REPORTS = "/dss/v1/reports"

NO_SUBSCRIPTION = "00000000-0000-4000-8000-000000000000"


class Failure(Exception):
    """What a check throws: one line for a person."""


class Skip(Exception):
    """A check that does not apply here."""


def check(claim, text):
    if not claim:
        raise Failure(text)


class Reply:
    def __init__(self, status, headers, body, line):
        self.status = status
        self.headers = {k.lower(): v for k, v in headers}
        self.body = body
        self.line = line  # Method and path, for messages.

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Failure(f"{self.line}: {self.status} with a body that is not JSON: {self.body[:80]!r}")

    def want(self, *statuses):
        """The answer's JSON, if its status is one of these; else the check fails."""
        if self.status not in statuses:
            raise Failure(f"{self.line}: got {self.status}, wanted {' or '.join(map(str, statuses))}: "
                          f"{self.body[:200].decode(errors='replace')}")
        kind = self.headers.get("content-type", "")
        if self.status != 204 and not kind.startswith("application/json"):
            raise Failure(f"{self.line}: Content-Type is {kind!r}")
        value = self.json()
        if self.status >= 400:
            check(isinstance(value, dict) and isinstance(value.get("message"), str) and value["message"],
                  f"{self.line}: {self.status} without a message")
        return value


class Tokens:
    """Access tokens by subject and scopes, from a command or a dummy OAuth server; kept for half an hour."""

    def __init__(self, audience, command=None, url=None):
        self.audience, self.command, self.url = audience, command, url
        self.kept = {}
        self.lock = threading.Lock()

    def get(self, sub, scope, audience=None):
        key = (sub, scope, audience or self.audience)
        with self.lock:
            if key not in self.kept or self.kept[key][0] < time.monotonic():
                self.kept[key] = (time.monotonic() + 1800, self._make(*key))
            return self.kept[key][1]

    def _make(self, sub, scope, audience):
        if self.command:
            words = {"sub": sub, "scope": scope, "audience": audience}
            argv = [part.format(**words) for part in self.command]
            return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()
        query = urllib.parse.urlencode({"grant_type": "client_credentials", "scope": scope, "sub": sub,
                                        "intended_audience": audience, "issuer": "conformance"})
        with urllib.request.urlopen(f"{self.url}?{query}") as answer:
            return json.load(answer)["access_token"]


class Dss:
    def __init__(self, base_url, tokens, subs, insecure=False):
        self.base = urllib.parse.urlsplit(base_url)
        self.tokens = tokens
        self.subs = subs  # Names of two managers.
        self.context = ssl.create_default_context()
        if insecure:
            self.context.check_hostname = False
            self.context.verify_mode = ssl.CERT_NONE
        self.local = threading.local()
        self.openapi = None
        self.allows_http = False
        self.is_clearline = False

    def clear_down(self):
        """Managers that an earlier run left Down would need no keys: they become Normal, if the server lets us."""
        for sub in self.subs:
            path = f"{USS}/{urllib.parse.quote(sub, safe='')}"
            reply = self.call("GET", path, scope=AA)
            if reply.status == 200 and reply.json()["status"]["availability"] == "Down":
                self.call("PUT", path, {"availability": "Normal", "old_version": reply.json()["version"]}, AA)

    def connect(self):
        if self.base.scheme == "https":
            return http.client.HTTPSConnection(self.base.netloc, timeout=30, context=self.context)
        return http.client.HTTPConnection(self.base.netloc, timeout=30)

    def call(self, method, path, body=None, scope=SC, who=0, token=None, headers=None):
        """body: JSON value, or bytes as they are. scope None: no token. who: which of the managers."""
        all_headers = dict(headers or {})
        if token is None and scope is not None:
            token = self.tokens.get(self.subs[who], scope)
        if token:
            all_headers["Authorization"] = "Bearer " + token
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        if data is not None:
            all_headers.setdefault("Content-Type", "application/json")
        path = self.base.path.rstrip("/") + path
        for attempt in (0, 1):
            connection = getattr(self.local, "connection", None)
            is_new = connection is None
            if is_new:
                connection = self.local.connection = self.connect()
            try:
                connection.request(method, path, data, all_headers)
                answer = connection.getresponse()
                reply = Reply(answer.status, answer.getheaders(), answer.read(), f"{method} {path}")
                if answer.will_close:
                    self.local.connection = None
                self._check_schema(method, path, reply)
                return reply
            except (http.client.HTTPException, OSError) as error:
                connection.close()
                self.local.connection = None
                if is_new or attempt:  # A kept connection may have been closed in between.
                    raise Failure(f"{method} {path}: no answer: {error!r}")

    def _check_schema(self, method, path, reply):
        if self.openapi and reply.headers.get("content-type", "").startswith("application/json"):
            fault = self.openapi.fault(method, path[len(self.base.path.rstrip("/")):], reply.status, reply.json())
            check(not fault, fault)


# Request bodies. ---------------------------------------------------------------------------------------------

def now():
    return datetime.datetime.now(datetime.timezone.utc)


def minutes(n):
    return datetime.timedelta(minutes=n)


def stamp(moment):
    text = moment if isinstance(moment, str) else moment.astimezone(datetime.timezone.utc).strftime(
        "%Y-%m-%dT%H:%M:%S.%fZ")
    return {"value": text, "format": "RFC3339"}


def parse_time(value):
    check(isinstance(value, dict) and value.get("format") == "RFC3339", f"not a Time: {value!r}")
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z", value["value"])
    check(found, f"not an RFC 3339 UTC time: {value['value']!r}")
    whole = datetime.datetime.strptime(found[1], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=datetime.timezone.utc)
    return whole + datetime.timedelta(microseconds=int((found[2] or "0").ljust(9, "0")[:6]))


def altitude(metres):
    return {"value": metres, "reference": "W84", "units": "M"}


def new_id():
    return str(uuid.uuid4())


class Place:
    """A spot far from all other checks' and runs' spots."""

    _count = random.randrange(0, 40000)
    _lock = threading.Lock()

    def __init__(self):
        with Place._lock:
            Place._count = (Place._count + 1) % 40000
            k = Place._count
        self.lat = -60 + (k // 200) * 0.6  # 200 x 200 spots of 0.6 by 1.8 degrees.
        self.lng = -179 + (k % 200) * 1.78

    def circle(self, radius=100, north=0.0):
        return {"center": {"lat": self.lat + north, "lng": self.lng}, "radius": {"value": radius, "units": "M"}}

    def polygon(self, size=0.01):
        a, b = self.lat, self.lng
        return {"vertices": [{"lat": a, "lng": b}, {"lat": a, "lng": b + size},
                             {"lat": a + size, "lng": b + size}, {"lat": a + size, "lng": b}]}

    def volume(self, start=None, end=None, low=0, high=100, radius=100, north=0.0):
        shape = {"outline_circle": self.circle(radius, north)}
        if low is not None:
            shape["altitude_lower"] = altitude(low)
        if high is not None:
            shape["altitude_upper"] = altitude(high)
        volume = {"volume": shape}
        if start is not None:
            volume["time_start"] = stamp(start)
        if end is not None:
            volume["time_end"] = stamp(end)
        return volume

    def area(self, **how):
        return {"area_of_interest": self.volume(**how)}


def intent(place, t, start=10, end=70, state="Accepted", key=None, url="https://uss1.example/oir", **more):
    """Times are minutes after t; keyword arguments of Place.volume go there, the others into the body."""
    shape = {k: more.pop(k) for k in ("low", "high", "radius", "north") if k in more}
    body = {"extents": [place.volume(t + minutes(start), t + minutes(end), **shape)],
            "state": state, "uss_base_url": url, "key": key or []}
    body.update(more)
    return body


def constraint(place, t, start=10, end=70, url="https://uss1.example/cr", **more):
    shape = {k: more.pop(k) for k in ("low", "high", "radius", "north") if k in more}
    body = {"extents": [place.volume(t + minutes(start), t + minutes(end), **shape)], "uss_base_url": url}
    body.update(more)
    return body


def subscription(place, t, start=0, end=120, url="https://uss1.example/sub", oirs=True, crs=False, radius=500,
                 low=0, high=1000, **more):
    body = {"extents": place.volume(None if start is None else t + minutes(start),
                                    None if end is None else t + minutes(end), low=low, high=high, radius=radius),
            "uss_base_url": url, "notify_for_operational_intents": oirs, "notify_for_constraints": crs}
    body.update(more)
    return body


IMPLICIT = {"uss_base_url": "https://uss1.example/implicit", "notify_for_constraints": False}

# Answers. ----------------------------------------------------------------------------------------------------


def is_id(value):
    return isinstance(value, str) and re.fullmatch(
        r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", value)


def check_reference(ref, is_intent):
    check(isinstance(ref, dict), "the reference is no object")
    check(is_id(ref.get("id")), f"id: {ref.get('id')!r}")
    check(isinstance(ref.get("manager"), str) and ref["manager"], "manager")
    check(ref.get("uss_availability") in ("Unknown", "Normal", "Down"), "uss_availability")
    check(type(ref.get("version")) is int and 1 <= ref["version"] < 2 ** 31, "version")
    check("ovn" not in ref or isinstance(ref["ovn"], str) and 16 <= len(ref["ovn"]) <= 128, "ovn")
    check(isinstance(ref.get("uss_base_url"), str), "uss_base_url")
    check(parse_time(ref.get("time_start")) < parse_time(ref.get("time_end")), "times")
    if is_intent:
        check(ref.get("state") in ("Accepted", "Activated", "Nonconforming", "Contingent"), "state")
        check(is_id(ref.get("subscription_id")), "subscription_id")
    return ref


def check_subscribers(value):
    """As {subscription id: (url, index)}; also that no URL stands twice."""
    check(isinstance(value, list), "subscribers is no array")
    found, urls = {}, set()
    for one in value:
        check(one["uss_base_url"] not in urls, "an URL stands twice in subscribers")
        urls.add(one["uss_base_url"])
        check(len(one["subscriptions"]) >= 1, "a subscriber without subscriptions")
        for s in one["subscriptions"]:
            check(is_id(s["subscription_id"]) and type(s["notification_index"]) is int
                  and s["notification_index"] >= 0, "a subscription in subscribers")
            found[s["subscription_id"]] = (one["uss_base_url"], s["notification_index"])
    return found


def check_subscription(s):
    check(is_id(s.get("id")), "id")
    check(isinstance(s.get("version"), str) and s["version"], "version")
    check(type(s.get("notification_index")) is int and s["notification_index"] >= 0, "notification_index")
    check(parse_time(s.get("time_start")) < parse_time(s.get("time_end")), "times")
    for flag in ("notify_for_operational_intents", "notify_for_constraints", "implicit_subscription"):
        check(type(s.get(flag)) is bool, flag)
    check(isinstance(s.get("dependent_operational_intents"), list), "dependent_operational_intents")
    return s


class Story:
    """What a check makes, so that it can be removed afterwards whatever happens."""

    def __init__(self, dss):
        self.dss = dss
        self.made = []  # (collection, id, who, scope)

    def put_intent(self, body, entity=None, ovn=None, who=0, scope=SC, want=None):
        """(reference, subscribers) of an accepted write."""
        entity = entity or new_id()
        path = f"{OIRS}/{entity}" + ("" if ovn is None else f"/{ovn}")
        self.made.append((OIRS, entity, who, SC))
        reply = self.dss.call("PUT", path, body, scope, who).want(want or (201 if ovn is None else 200))
        ref = check_reference(reply["operational_intent_reference"], True)
        check(ref["id"] == entity and "ovn" in ref, "the answer's id or ovn")
        return ref, check_subscribers(reply["subscribers"])

    def put_constraint(self, body, entity=None, ovn=None, who=0):
        entity = entity or new_id()
        path = f"{CRS}/{entity}" + ("" if ovn is None else f"/{ovn}")
        self.made.append((CRS, entity, who, CM))
        reply = self.dss.call("PUT", path, body, CM, who).want(201 if ovn is None else 200)
        ref = check_reference(reply["constraint_reference"], False)
        check(ref["id"] == entity and "ovn" in ref, "the answer's id or ovn")
        return ref, check_subscribers(reply["subscribers"])

    def put_subscription(self, body, entity=None, version=None, who=0, scope=SC):
        """(subscription, whole answer)."""
        entity = entity or new_id()
        path = f"{SUBS}/{entity}" + ("" if version is None else f"/{version}")
        self.made.append((SUBS, entity, who, SC))
        reply = self.dss.call("PUT", path, body, scope, who).want(200)
        sub = check_subscription(reply["subscription"])
        check(sub["id"] == entity, "the answer's id")
        return sub, reply

    def get_subscription(self, entity, who=0, want=200):
        reply = self.dss.call("GET", f"{SUBS}/{entity}", None, SC, who).want(want)
        return check_subscription(reply["subscription"]) if want == 200 else None

    def get_intent(self, entity, who=0, want=200):
        reply = self.dss.call("GET", f"{OIRS}/{entity}", None, SC, who).want(want)
        return check_reference(reply["operational_intent_reference"], True) if want == 200 else None

    def delete_intent(self, ref, who=0):
        reply = self.dss.call("DELETE", f"{OIRS}/{ref['id']}/{ref['ovn']}", None, SC, who).want(200)
        return reply["operational_intent_reference"], check_subscribers(reply["subscribers"])

    def query(self, collection, area, scope=SC, who=0):
        """Ids that a query finds."""
        member = {OIRS: "operational_intent_references", CRS: "constraint_references", SUBS: "subscriptions"}
        reply = self.dss.call("POST", f"{collection}/query", area, scope, who).want(200)
        check(isinstance(reply.get(member[collection]), list), "the answer's array")
        return {one["id"] for one in reply[member[collection]]}

    def clean(self):
        for collection, entity, who, scope in sorted(set(self.made), key=lambda m: m[0] == SUBS):
            reply = self.dss.call("GET", f"{collection}/{entity}", None, scope, who)
            if reply.status != 200:
                continue
            one = next(iter(reply.json().values()))
            tag = one.get("ovn") or one.get("version")
            self.dss.call("DELETE", f"{collection}/{entity}/{tag}", None, scope, who)


def suite():
    """A list of checks, and the decorator that adds one under its requirement id."""
    checks = []

    def serves(requirement):
        def add(function):
            function.requirement = requirement
            checks.append(function)
            return function
        return add

    return checks, serves
