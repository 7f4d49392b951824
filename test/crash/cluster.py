#!/usr/bin/env python3
# cluster.py - three nodes of three members on three etcd servers, under load, while processes die, stand still and lose their links.
# SPDX-License-Identifier: Apache-2.0
#
#     test/crash/cluster.py build/clearline [ROUNDS] [SEED]
#
# Clients at every node write, change, delete and read the same few operational intents. In each round one thing breaks: a node or an
# etcd server is killed or stands still, links are cut, the leader's or a follower's, or a majority goes. Then all is
# healed, and after every round
#
#     - no write that was acknowledged is missing, and the answers about each intent are those of one register (history.py)
#     - the nodes are at the same position and have the same state digest
#
# How long writes rest after the leader's death is measured beside plain puts into etcd; it is printed and decides nothing.
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import etcd
from history import FOREVER, Op, check
from node import call, scratch, version_of
from line import Line

N_LANES = 2      # Places; what is in one place is in conflict.
PER_LANE = 3     # Intents of a lane.
CLIENTS = 2      # A node.
CALL_S = 4       # After which a client gives an answer up for lost.
PATH = '/dss/v1/operational_intent_references/'


def new_suffix(rng):
    """A version 7 UUID of now."""
    ms = int(time.time() * 1000)
    value = (ms << 80) | (7 << 76) | (rng.getrandbits(12) << 64) | (2 << 62) | rng.getrandbits(62)
    return str(uuid.UUID(int=value))


class Book:
    """What clients saw, by intent."""

    def __init__(self, rng):
        self.lock = threading.Lock()
        self.ids = [[str(uuid.UUID(int=rng.getrandbits(128), version=4)) for _ in range(PER_LANE)] for _ in range(N_LANES)]
        self.ops = {i: [] for lane in self.ids for i in lane}
        self.start = {i: None for i in self.ops}
        self.acknowledged = self.lost = self.refused = 0

    def add(self, entity, op):
        with self.lock:
            self.ops[entity].append(op)

    def close(self):
        """Problems of the round's histories. What was lost is kept for the next round, since it may still come."""
        problems = []
        for entity, ops in self.ops.items():
            try:
                problem = check(ops, self.start[entity])
            except OverflowError as too_long:
                problem = str(too_long)
            if problem:
                problems.append('%s: %s' % (entity, problem))
            last = max((o for o in ops if o.kind == 'read' and o.who == 'settled'), key=lambda o: o.end, default=None)
            if last:
                self.start[entity] = last.after
                seen = {o.before for o in ops} | {o.after for o in ops if o.kind == 'read'}
                self.ops[entity] = [o for o in ops if o.end == FOREVER and o.after not in seen and o.after is not None]
        return problems


class Client(threading.Thread):
    """Writes and reads at one node until told to end."""

    def __init__(self, book, node, rng, ends):
        super().__init__(daemon=True)
        self.book, self.node, self.rng, self.ends = book, node, rng, ends
        self.who = '%s' % node.name
        self.known = {}  # By intent: its version, as last seen.
        self.wrong = []
        self.connection = None

    def ask(self, method, path, body=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection('127.0.0.1', self.node.port, timeout=CALL_S)
        answer = call(self.connection, self.node.token, method, path, body)
        if answer is None:
            self.connection.close()
            self.connection = None
        return answer

    def run(self):
        while not self.ends.is_set():
            lane = self.rng.randrange(N_LANES)
            entity = self.rng.choice(self.book.ids[lane])
            if entity not in self.known or self.rng.random() < 0.3:
                good = self.read(entity)
            else:
                good = self.write(lane, entity)
            if not good:
                time.sleep(0.05)
        if self.connection:
            self.connection.close()

    def read(self, entity):
        start = time.monotonic()
        answer = self.ask('GET', PATH + entity)
        if answer is None:
            return False
        status, parsed = answer
        if status not in (200, 404):
            if status != 503:
                self.wrong.append(('GET', status, parsed))
            return False
        held = version_of(parsed)[0] if status == 200 else None
        self.known[entity] = held
        if self.connection.answer_headers.get('Journal-Age') is None:  # Said to be old: anything goes.
            self.book.add(entity, Op('read', start, time.monotonic(), after=held, who=self.who))
        return True

    def body(self, lane, entity):
        start = time.time() + 60
        stamp = lambda t: {'value': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t)), 'format': 'RFC3339'}
        height = lambda v: {'value': v, 'reference': 'W84', 'units': 'M'}
        suffix = new_suffix(self.rng)
        return '%s_%s' % (entity, suffix), {
            'extents': [{
                'volume': {'outline_circle': {'center': {'lat': 52 + lane * 0.5, 'lng': -32.0}, 'radius': {'value': 100, 'units': 'M'}},
                           'altitude_lower': height(0), 'altitude_upper': height(100)},
                'time_start': stamp(start), 'time_end': stamp(start + 7200)}],
            'key': [self.known[i] for i in self.book.ids[lane] if self.known.get(i)],
            'state': 'Accepted', 'uss_base_url': 'http://uss.example', 'requested_ovn_suffix': suffix}

    def write(self, lane, entity):
        before = self.known.get(entity)
        is_delete = before is not None and self.rng.random() < 0.2
        path = PATH + entity + ('/' + before if before else '')
        after, body = (None, None) if is_delete else self.body(lane, entity)
        start = time.monotonic()
        answer = self.ask('DELETE' if is_delete else 'PUT', path, body)
        end = time.monotonic()
        if answer is None:  # Nobody knows.
            self.book.add(entity, Op('write', start, FOREVER, before, after, self.who))
            self.book.lost += 1
            del self.known[entity]
            return False
        status, parsed = answer
        if status in (200, 201):
            self.book.add(entity, Op('write', start, end, before, after, self.who))
            self.book.acknowledged += 1
            self.known[entity] = after
            if not is_delete and version_of(parsed)[0] != after:
                self.wrong.append(('another OVN than was asked for', after, parsed))
            return True
        if status == 503:
            if self.connection.answer_headers.get('Journal-Entry'):
                self.book.add(entity, Op('write', start, FOREVER, before, after, self.who))
                self.book.lost += 1
            del self.known[entity]
            return False
        if status in (409, 404) or (status == 400 and 'does not exist' in str(parsed)):  # F3548's codes; 400 for what is gone.
            self.book.refused += 1
            for other in self.book.ids[lane]:
                self.known.pop(other, None)
                self.read(other)
            return True
        self.wrong.append((path, status, parsed))
        return False


class Gap(threading.Thread):
    """How long something rests that is done again and again: the longest time between two successes after a moment."""

    def __init__(self, attempt):
        super().__init__(daemon=True)
        self.attempt, self.times, self.ends = attempt, [], threading.Event()

    def run(self):
        while not self.ends.is_set():
            if self.attempt():
                self.times.append(time.monotonic())
            else:
                time.sleep(0.005)

    def longest_after(self, moment):
        times = [t for t in self.times if t <= moment][-1:] + [t for t in self.times if t > moment]
        return max((b - a for a, b in zip(times, times[1:])), default=None)


def writer_of(node, lane, rng):
    """Writes one intent of its own at the node, over and over."""
    client = Client(Book(rng), node, rng, None)  # What it sees is not checked.
    entity = client.book.ids[0][0]
    client.book.ids = {lane: [entity]}

    def attempt():
        if entity not in client.known:
            client.read(entity)
            return False
        before = client.book.acknowledged
        client.write(lane, entity)
        return client.book.acknowledged > before
    return attempt


def putter_of(servers):
    """Puts into whichever server takes it, as any client of etcd would."""
    place = [0]

    def attempt():
        try:
            servers.put(place[0], 'test/gap', 'x', 0.5)
            return True
        except OSError:
            place[0] = (place[0] + 1) % etcd.N
            return False
    return attempt


def measure_gaps(line, rng, times):
    """Kills the leader so many times; (seconds of puts, the longest of the nodes') each."""
    gaps = []
    for k in range(times):
        threads = [Gap(putter_of(line.etcd))]
        threads += [Gap(writer_of(n, 10 + 3 * k + n.i, random.Random(rng.random()))) for n in line.nodes]  # A place of its own.
        for t in threads:
            t.start()
        time.sleep(0.7)
        leader = line.etcd.leader()
        moment = time.monotonic()
        line.etcd.kill(leader)
        time.sleep(6)
        for t in threads:
            t.ends.set()
        for t in threads:
            t.join()
        found = [t.longest_after(moment) for t in threads]
        if None not in found:
            gaps.append((found[0], max(found[1:])))
        line.heal()
    return gaps


def break_something(line, rng):
    """Breaks one thing for a while; returns what it was."""
    servers = line.etcd
    leader = servers.leader()
    i = rng.randrange(etcd.N)
    follower = rng.choice([k for k in range(etcd.N) if k != leader])
    some = rng.choice([k for k in range(3)])
    what, act = rng.choice([
        ('node %d is killed' % some, lambda: line.nodes[some].kill()),
        ('node %d stands still' % some, lambda: line.nodes[some].stand_still()),
        ('node %d loses all its links' % some, lambda: [r.cut() for r in line.nodes[some].relays]),
        ('node %d loses one link' % some, lambda: line.nodes[some].relays[i].cut()),
        ('all nodes are killed', lambda: [n.kill() for n in line.nodes]),
        ('the leader is killed', lambda: servers.kill(leader)),
        ('a follower is killed', lambda: servers.kill(follower)),
        ('the leader stands still', lambda: servers.stop(leader)),
        ('a follower stands still', lambda: servers.stop(follower)),
        ('the leader is cut off', lambda: servers.isolate(leader)),
        ('a follower is cut off', lambda: servers.isolate(follower)),
        ('two servers are killed', lambda: [servers.kill(k) for k in {leader, follower}]),
        ('the leader is killed and node %d too' % some, lambda: (servers.kill(leader), line.nodes[some].kill())),
        ('the leader stands still and node %d is killed' % some, lambda: (servers.stop(leader), line.nodes[some].kill())),
    ]) if leader is not None else ('nothing, there is no leader', lambda: None)
    act()
    return what


def settle(line, book):
    """After healing: every node answers, has the same position and digest; what it says of each intent joins the history."""
    problems = []
    end = time.monotonic() + 60
    while True:
        seen = []
        for n in line.nodes:
            answer = n.ask('GET', '/aux/v1/status?digest=1')
            if answer and answer[0] == 404:
                answer = n.ask('GET', '/log/checkpoint')
                answer = 200, dict(zip(('x', 'position', 'digest'), answer[1].decode().split('\n')))
            seen.append((answer[1].get('position'), answer[1].get('digest')) if answer and answer[0] == 200 else None)
        if None not in seen and len(set(seen)) == 1 and seen[0][1]:
            break
        positions = [s[0] for s in seen if s]
        if len(positions) == 3 and len(set(positions)) == 1:
            return ['equal positions, other digests: %s' % (seen,)]
        if time.monotonic() > end:
            return ['the nodes do not come together: %s %s' % (seen, [n.last_words() for n in line.nodes])]
        time.sleep(0.1)
    for entity in book.ops:
        for n in line.nodes:
            start = time.monotonic()
            answer = n.ask('GET', PATH + entity)
            if answer is None or answer[0] not in (200, 404) or n.header('Journal-Age') is not None:
                problems.append('%s: node %s says %s' % (entity, n.name, answer))
                continue
            book.add(entity, Op('read', start, time.monotonic(), after=version_of(answer[1])[0] if answer[0] == 200 else None,
                                who='settled'))
    return problems


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().getrandbits(32)
    rng = random.Random(seed)
    print('# SEED=%d' % seed, flush=True)
    folder = tempfile.mkdtemp(prefix='cluster-', dir=scratch())
    book, problems, wrong, done = Book(rng), [], [], 0
    gaps = []
    line = None
    try:
        line = Line(program, folder)
        for k in range(rounds):
            ends = threading.Event()
            clients = [Client(book, n, random.Random(rng.random()), ends) for n in line.nodes for _ in range(CLIENTS)]
            for c in clients:
                c.start()
            time.sleep(rng.uniform(0.2, 0.6))
            what = break_something(line, rng)
            time.sleep(rng.uniform(0.3, 2.0))
            line.heal()
            time.sleep(rng.uniform(0.3, 0.8))
            ends.set()
            for c in clients:
                c.join()
            wrong += [w for c in clients for w in c.wrong]
            found = settle(line, book) + book.close()
            print('# %d %s: %d acknowledged, %d lost, %d refused%s' %
                  (k, what, book.acknowledged, book.lost, book.refused, ''.join('\n#     ' + p for p in found)), flush=True)
            problems += found
            done += 1
            if found:
                break
        gaps = measure_gaps(line, rng, rounds // 5) if not problems and rounds >= 20 else []
    finally:
        if line:
            line.close()
        shutil.rmtree(folder, ignore_errors=True)
    if gaps:
        puts, writes = sorted(g[0] for g in gaps), sorted(g[1] for g in gaps)
        print('# the leader killed %d times: plain puts rest %.2f s (median; longest %.2f), writes at the slowest node %.2f s (%.2f); '
              'writes beyond puts at most %.2f s' % (len(gaps), puts[len(puts) // 2], puts[-1], writes[len(writes) // 2], writes[-1],
                                                    max(w - p for p, w in gaps)))
    for w in wrong[:10]:
        print('# unexpected answer %r' % (w,))
    good = not problems and done == rounds and book.acknowledged > 20 * rounds
    print('%s 1 - %d rounds: no acknowledged write is lost, every history is linearizable, all nodes have one state' %
          ('ok' if good else 'not ok', done))
    print('%s 2 - no answer is unexpected' % ('not ok' if wrong else 'ok'))
    print('1..2')
    return 0 if good and not wrong else 1


if __name__ == '__main__':
    os.environ['NO_COLOR'] = '1'
    sys.exit(main())
