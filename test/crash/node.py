# node.py - what the crash tests share: the real process on a folder, clients that remember what they were answered.
# SPDX-License-Identifier: Apache-2.0
"""Only the standard library. Nothing has a fixed port; every wait has an end."""
import base64
import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time
import uuid

N_CLIENTS = 8
WAIT_S = 20
NO_SUBSCRIPTION = '00000000-0000-4000-8000-000000000000'


def b64(text):
    return base64.b64decode(text, validate=True)


class NotStarted(Exception):
    """Says what the program said, and how it ended."""


class Node:
    """One run of the program on the folder. environment: further variables; before: runs in the child before the program."""

    def __init__(self, program, folder, environment=None, before=None):
        self.process = subprocess.Popen(
            [program, 'serve', '--listen', '127.0.0.1:0', '--data', folder, '--entries-public', '--allow-http',
             '--snapshot-every', '60'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors='replace',
            env=dict(os.environ, **(environment or {})), preexec_fn=before)
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
            self.process.stderr.close()
            raise NotStarted(''.join(self.said), self.process.wait())
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()

    def listen(self):
        for line in self.process.stderr:
            self.said.append(line)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.end()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.end()

    def end(self):
        """How it ended; all that it said is in said then."""
        status = self.process.wait(WAIT_S)
        self.listener.join()
        self.process.stderr.close()
        return status


def call(connection, token, method, path, body=None):
    """(status, parsed answer), or None when the connection broke: unknown."""
    try:
        connection.request(method, path, body=json.dumps(body) if body is not None else None,
                           headers={'Authorization': 'Bearer ' + token})
        answer = connection.getresponse()
        text = answer.read()
        connection.answer_headers = answer.headers
        is_json = answer.headers.get('Content-Type', '').startswith('application/json')
        return answer.status, (json.loads(text) if is_json else text)
    except (OSError, http.client.HTTPException, ValueError):
        connection.close()
        return None


def intent(rng, lane):
    """A request in a place and height of the lane's own, so that keys are never missing. Half come with a subscription."""
    start = time.time() + 60
    stamp = lambda t: {'value': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t)), 'format': 'RFC3339'}
    height = lambda v: {'value': v, 'reference': 'W84', 'units': 'M'}
    body = {
        'extents': [{
            'volume': {'outline_circle': {'center': {'lat': 52 + lane * 0.5 + rng.random() * 0.01, 'lng': -32.0},
                                          'radius': {'value': 100, 'units': 'M'}},
                       'altitude_lower': height(0), 'altitude_upper': height(100)},
            'time_start': stamp(start), 'time_end': stamp(start + 3600)}],
        'key': [], 'state': 'Accepted', 'uss_base_url': 'http://uss.example',
    }
    if rng.random() < 0.5:
        body['new_subscription'] = {'uss_base_url': 'http://uss.example', 'notify_for_constraints': rng.random() < 0.5}
    return body


def version_of(parsed):
    reference = parsed['operational_intent_reference']
    return reference['ovn'], reference.get('subscription_id')


class Client(threading.Thread):
    """Writes until the connection breaks; known[id] is the set of (OVN, subscription) that may be true of it, None for absent."""

    def __init__(self, port, token, lane, rng, known):
        super().__init__()
        self.port, self.token, self.lane, self.rng, self.known = port, token, lane, rng, known
        self.acknowledged = self.n_refused = 0
        self.wrong, self.unclear = [], []

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
            target = path + entity + '/' + next(iter(before))[0]
        if body:
            body['key'] = [o[0] for may in self.known.values() for o in may if o and o != '?']
        self.known[entity] = before | {'?'}
        answer = call(connection, self.token, method, target, body)
        if answer is None:
            return False
        status, parsed = answer
        if status in (200, 201):
            self.acknowledged += 1
            self.known[entity] = {None} if method == 'DELETE' else {version_of(parsed)}
            return True
        if status == 503:
            self.n_refused += 1
            entry = connection.answer_headers.get('Journal-Entry')
            if entry:
                self.unclear.append((entry, entity))
            else:
                self.known[entity] = before  # Certainly not written.
            return False
        self.wrong.append((method, target, status, parsed))
        return False


def check_answers(port, token, clients_known, settles=True):
    """Problems: what was acknowledged and is not as acknowledged. settles: what is found now of an unclear write stays so; a node
    that has stopped writing may say otherwise after its restart."""
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
            now = version_of(parsed) if status == 200 else None
            if '?' not in may and now not in may:
                problems.append('%s: acknowledged %s, now %s (%d)' % (entity, may, now, status))
            if now and now[1] and now[1] != NO_SUBSCRIPTION:
                answer = call(connection, token, 'GET', '/dss/v1/subscriptions/' + now[1])
                dependents = answer and answer[0] == 200 and answer[1]['subscription'].get('dependent_operational_intents')
                if not dependents or entity not in dependents:
                    problems.append('%s: its subscription %s is %s' % (entity, now[1], answer))
            if '?' in may and not settles:
                continue
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
    return int(lines[1]), b64(lines[2]), answer[1]


def make_token(program, folder):
    return subprocess.run([program, 'token', '--key', folder + '/tokens/private.pem', '--sub', 'uss1', '--scope',
                           'utm.strategic_coordination', '--audience', 'localhost'],
                          check=True, capture_output=True, text=True).stdout.strip()


def scratch():
    """Where files cost no disk: a kill does not reach it."""
    return '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
