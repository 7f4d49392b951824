#!/usr/bin/env python3
# kills.py - SIGKILL at random moments under load: no acknowledged write is lost, no checkpoint contradicted.
# SPDX-License-Identifier: Apache-2.0
#
#     test/crash/kills.py build/clearline [KILLS] [SEED]
#
# Clients create, change and delete operational intents while the node is killed and started again on the same folder. After each
# start every write that was answered with success must be there as answered, or as a write left it whose answer the kill
# cut off. At the end all checkpoints ever served must be heads of the one tree that the entry bundles give.
import base64
import hashlib
import http.client
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid

N_CLIENTS = 8
WAIT_S = 20


def b64(text):
    return base64.b64decode(text, validate=True)


class Node:
    """One run of the program on the folder."""

    def __init__(self, program, folder):
        self.process = subprocess.Popen(
            [program, 'serve', '--listen', '127.0.0.1:0', '--data', folder, '--entries-public', '--allow-http'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.said = []
        self.port = None
        timer = threading.Timer(WAIT_S, self.process.kill)
        timer.start()
        for line in self.process.stderr:
            self.said.append(line)
            found = re.match(r'listening on http://127\.0\.0\.1:(\d+)', line)
            if found:
                self.port = int(found[1])
                break
        timer.cancel()
        if self.port is None:
            raise SystemExit('Bail out! the node did not start: ' + ''.join(self.said))
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def call(connection, token, method, path, body=None):
    """(status, parsed answer), or None when the connection broke: unknown."""
    try:
        connection.request(method, path, body=json.dumps(body) if body is not None else None,
                           headers={'Authorization': 'Bearer ' + token})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, (json.loads(text) if text and text[:1] in b'{[' else text)
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()
        return None


def intent(rng, lane, state='Accepted'):
    """A request in a place and height of the lane's own, so that keys are never missing."""
    start = time.time() + 60
    stamp = lambda t: {'value': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t)), 'format': 'RFC3339'}
    height = lambda v: {'value': v, 'reference': 'W84', 'units': 'M'}
    return {
        'extents': [{
            'volume': {'outline_circle': {'center': {'lat': 52 + lane * 0.5 + rng.random() * 0.01, 'lng': -32.0},
                                          'radius': {'value': 100, 'units': 'M'}},
                       'altitude_lower': height(0), 'altitude_upper': height(100)},
            'time_start': stamp(start), 'time_end': stamp(start + 3600)}],
        'key': [], 'state': state, 'uss_base_url': 'http://uss.example',
    }


class Client(threading.Thread):
    """Writes until the connection breaks; known[id] is the set of answers that may be true of it."""

    def __init__(self, port, token, lane, rng, known):
        super().__init__()
        self.port, self.token, self.lane, self.rng, self.known = port, token, lane, rng, known
        self.acknowledged = 0
        self.wrong = []

    def run(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=WAIT_S)
        while self.step(connection):
            pass

    def step(self, connection):
        live = [i for i, may in self.known.items() if len(may) == 1 and None not in may]
        choice = self.rng.random()
        path = '/dss/v1/operational_intent_references/'
        if len(live) < 5 or choice < 0.4:
            # Its own OVNs are never needed: one manager, but other intents of the lane overlap, so the key shows all.
            entity, before = str(uuid.UUID(int=self.rng.getrandbits(128), version=4)), {None}
            method, body = 'PUT', intent(self.rng, self.lane)
            target = path + entity
        else:
            entity = self.rng.choice(live)
            before = self.known[entity]
            method = 'DELETE' if choice > 0.8 else 'PUT'
            body = None if method == 'DELETE' else intent(self.rng, self.lane)
            target = path + entity + '/' + next(iter(before))
        if body:
            body['key'] = [o for may in self.known.values() for o in may if o]
        self.known[entity] = before | {'?'}
        answer = call(connection, self.token, method, target, body)
        if answer is None:
            return False
        status, parsed = answer
        if status in (200, 201):
            self.acknowledged += 1
            ovn = parsed['operational_intent_reference']['ovn']
            self.known[entity] = {None} if method == 'DELETE' else {ovn}
            return True
        if status == 503:
            return False
        self.wrong.append((method, target, status, parsed))
        return False


def check_answers(port, token, clients_known):
    """Problems: what was acknowledged and is not as acknowledged."""
    problems = []
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=WAIT_S)
    for known in clients_known:
        for entity in list(known):
            may = known[entity]
            answer = call(connection, token, 'GET', '/dss/v1/operational_intent_references/' + entity)
            if answer is None:
                problems.append('no answer for ' + entity)
                continue
            status, parsed = answer
            now = parsed['operational_intent_reference']['ovn'] if status == 200 else None
            if '?' not in may and now not in may:
                problems.append('%s: acknowledged %s, now %s (%d)' % (entity, may, now, status))
            if now is None:
                del known[entity]
            else:
                known[entity] = {now}
    return problems


def read_checkpoint(connection):
    answer = call(connection, '', 'GET', '/log/checkpoint')
    if answer is None or answer[0] != 200:
        return None
    lines = answer[1].decode().split('\n')
    return int(lines[1]), b64(lines[2])


class Watcher(threading.Thread):
    """Collects the checkpoints that are served."""

    def __init__(self, port, seen):
        super().__init__()
        self.port, self.seen, self.contradiction = port, seen, None

    def run(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=WAIT_S)
        while True:
            head = read_checkpoint(connection)
            if head is None:
                return
            size, root = head
            if self.seen.setdefault(size, root) != root:
                self.contradiction = head
            time.sleep(0.002)


class Tree:
    """RFC 6962 root, grown leaf by leaf."""

    def __init__(self):
        self.size, self.edge = 0, []

    def add(self, leaf):
        node, k = hashlib.sha256(b'\0' + leaf).digest(), self.size
        while k & 1:
            node = hashlib.sha256(b'\1' + self.edge.pop() + node).digest()
            k >>= 1
        self.edge.append(node)
        self.size += 1

    def root(self):
        root = None
        for node in reversed(self.edge):
            root = node if root is None else hashlib.sha256(b'\1' + node + root).digest()
        return root


def tile_path(n):
    parts = ['%03d' % (n % 1000)]
    while n >= 1000:
        n //= 1000
        parts.insert(0, 'x%03d' % (n % 1000))
    return '/'.join(parts)


def check_heads(port, seen):
    """Rebuilds the tree from the bundles and compares each head seen on the way."""
    connection = http.client.HTTPConnection('127.0.0.1', port, timeout=WAIT_S)
    size, root = read_checkpoint(connection)
    seen[size] = root
    tree, problems, compared = Tree(), [], 0
    for n in range((size + 255) // 256):
        width = min(256, size - 256 * n)
        path = '/log/tile/entries/' + tile_path(n) + ('.p/%d' % width if width < 256 else '')
        answer = call(connection, '', 'GET', path)
        if answer is None or answer[0] != 200:
            return ['%s: %s' % (path, answer)], compared
        rest = answer[1]
        while rest:
            length = int.from_bytes(rest[:2], 'big')
            tree.add(rest[2:2 + length])
            rest = rest[2 + length:]
            if tree.size in seen:
                compared += 1
                if tree.root() != seen[tree.size]:
                    problems.append('the head of %d leaves contradicts the journal' % tree.size)
    beyond = [s for s in seen if s > size]
    if beyond:
        problems.append('heads of %s leaves were served, the journal has %d' % (beyond, size))
    return problems, compared


def main():
    program = sys.argv[1]
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().getrandbits(32)
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix='kills-')
    known = [dict() for _ in range(N_CLIENTS)]
    seen, problems, acknowledged = {}, [], 0
    print('# SEED=%d' % seed, flush=True)
    node = Node(program, folder)
    token = subprocess.run([program, 'token', '--key', folder + '/tokens/private.pem', '--sub', 'uss1', '--scope',
                            'utm.strategic_coordination', '--audience', 'localhost'],
                           check=True, capture_output=True, text=True).stdout.strip()
    try:
        for k in range(kills):
            clients = [Client(node.port, token, i, random.Random(rng.random()), known[i]) for i in range(N_CLIENTS)]
            watcher = Watcher(node.port, seen)
            for thread in clients + [watcher]:
                thread.start()
            time.sleep(rng.uniform(0.01, 0.4))
            node.kill()
            for thread in clients + [watcher]:
                thread.join()
            acknowledged += sum(c.acknowledged for c in clients)
            problems += ['unexpected answer %r' % (w,) for c in clients for w in c.wrong]
            if watcher.contradiction:
                problems.append('two heads of %d leaves' % watcher.contradiction[0])
            node = Node(program, folder)
            problems += check_answers(node.port, token, known)
            if problems:
                break
        head_problems, compared = check_heads(node.port, seen)
    finally:
        node.kill()
        if not problems:
            shutil.rmtree(folder, ignore_errors=True)
    print('# %d kills, %d acknowledged writes, %d heads seen' % (k + 1, acknowledged, len(seen)))
    for line in (problems + head_problems)[:20]:
        print('# ' + line)
    print('%s 1 - no acknowledged write is lost by SIGKILL' % ('not ok' if problems or not acknowledged else 'ok'))
    print('%s 2 - every checkpoint served is a head of the one journal' % ('not ok' if head_problems or not compared else 'ok'))
    print('1..2')
    return 1 if problems or head_problems or not acknowledged or not compared else 0


if __name__ == '__main__':
    os.environ['NO_COLOR'] = '1'
    sys.exit(main())
