# etcd.py - three real etcd servers whose links can be cut, and the relays in between.
# SPDX-License-Identifier: Apache-2.0
"""Only the standard library. Everything is on loopback, nothing has a fixed port.

    client X --- Relay X-i --- etcd i --- PeerRelay i <--- etcd j

etcd's servers all advertise the relay before them. One relay serves all that come in to one server; which link a connection belongs
to is told by the header X-Server-From, in which the calling server names itself. A link carries both ways what that caller dialled;
so between two servers both links are cut."""
import base64
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import threading
import time

N = 3
HEARTBEAT_MS, ELECTION_MS = 50, 500


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Relay:
    """Passes connections on to a port until it is cut: then those that are open are reset, and new ones closed."""

    def __init__(self, target, label=None):
        self.target, self.label = target, label
        self.cuts, self.open, self.lock = set(), {}, threading.Lock()
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                down, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(down,), daemon=True).start()

    def serve(self, down):
        up = None
        try:
            first, name = b'', None
            if self.label:
                while b'\r\n\r\n' not in first and len(first) < 65536:
                    piece = down.recv(65536)
                    if not piece:
                        return
                    first += piece
                name = self.label(first)
            up = socket.create_connection(('127.0.0.1', self.target), timeout=5)
            up.settimeout(None)
            with self.lock:
                if name in self.cuts:
                    return
                self.open[(down, up)] = name
            up.sendall(first)
            self.pump(down, up)
        except OSError:
            pass
        finally:
            with self.lock:
                self.open.pop((down, up), None)
            for s in (down, up):
                if s:
                    s.close()

    @staticmethod
    def pump(down, up):
        other = {down: up, up: down}
        while True:
            for s in select.select([down, up], [], [])[0]:
                piece = s.recv(262144)
                if not piece:
                    return
                other[s].sendall(piece)

    def cut(self, name=None):
        with self.lock:
            self.cuts.add(name)
            for pair, label in self.open.items():
                if label == name:
                    for s in pair:
                        try:
                            s.shutdown(socket.SHUT_RDWR)
                        except OSError:
                            pass

    def heal(self):
        with self.lock:
            self.cuts.clear()

    def close(self):
        self.listener.close()


def sender(first):
    """The server that a request's head names, as a number; None if none."""
    for line in first.split(b'\r\n'):
        if line.lower().startswith(b'x-server-from:'):
            return int(line.split(b':', 1)[1].strip(), 16)
    return None


class Etcd:
    """A cluster in a folder. Members are 0..N-1."""

    def __init__(self, folder):
        self.folder = folder
        self.client_ports = [free_port() for _ in range(N)]
        self.peer_ports = [free_port() for _ in range(N)]
        self.peer_relays = [Relay(p, sender) for p in self.peer_ports]
        self.processes = [None] * N
        self.stopped = set()
        for i in range(N):
            self.start(i)
        self.wait()
        members = self.call(0, '/v3/cluster/member/list', {})['members']
        self.ids = [next(int(m['ID']) for m in members if m['name'] == 'm%d' % i) for i in range(N)]

    def start(self, i):
        cluster = ','.join('m%d=http://127.0.0.1:%d' % (k, r.port) for k, r in enumerate(self.peer_relays))
        client = 'http://127.0.0.1:%d' % self.client_ports[i]
        log = open(os.path.join(self.folder, 'etcd%d.log' % i), 'ab')
        self.processes[i] = subprocess.Popen(
            ['etcd', '--name', 'm%d' % i, '--data-dir', os.path.join(self.folder, 'etcd%d' % i),
             '--listen-client-urls', client, '--advertise-client-urls', client,
             '--listen-peer-urls', 'http://127.0.0.1:%d' % self.peer_ports[i],
             '--initial-advertise-peer-urls', 'http://127.0.0.1:%d' % self.peer_relays[i].port,
             '--initial-cluster', cluster, '--heartbeat-interval', str(HEARTBEAT_MS),
             '--election-timeout', str(ELECTION_MS), '--logger', 'zap', '--log-level', 'error'],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=dict(os.environ, GOMAXPROCS='2'))
        log.close()

    def call(self, i, path, body, timeout=2):
        connection = http.client.HTTPConnection('127.0.0.1', self.client_ports[i], timeout=timeout)
        try:
            connection.request('POST', path, json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise OSError('etcd %d: %d %s' % (i, answer.status, text[:200]))
            return json.loads(text)
        except (http.client.HTTPException, ValueError) as problem:
            raise OSError('etcd %d: %r' % (i, problem)) from problem
        finally:
            connection.close()

    def put(self, i, key, value, timeout=2):
        b = lambda t: base64.b64encode(t.encode()).decode()
        return self.call(i, '/v3/kv/put', {'key': b(key), 'value': b(value)}, timeout)

    def wait(self, seconds=30):
        """Until every running server takes writes."""
        end = time.monotonic() + seconds
        for i in range(N):
            while True:
                try:
                    self.put(i, 'test/wait', str(i))
                    break
                except OSError:
                    if time.monotonic() > end:
                        raise
                    time.sleep(0.05)

    def leader(self):
        """The leader's place as a majority says; None without one."""
        votes = {}
        for i in range(N):
            try:
                id_ = int(self.call(i, '/v3/maintenance/status', {}, 1).get('leader', 0))
            except OSError:
                continue
            if id_ in self.ids:
                votes[id_] = votes.get(id_, 0) + 1
        best = max(votes, key=votes.get, default=None)
        return self.ids.index(best) if best is not None and votes[best] * 2 > N else None

    def kill(self, i):
        self.processes[i].send_signal(signal.SIGKILL)
        self.processes[i].wait()
        self.stopped.discard(i)

    def stop(self, i):
        self.processes[i].send_signal(signal.SIGSTOP)
        self.stopped.add(i)

    def isolate(self, i):
        """Cuts every link between i and the others."""
        for k in range(N):
            if k != i:
                self.peer_relays[i].cut(self.ids[k])
                self.peer_relays[k].cut(self.ids[i])

    def heal(self):
        for relay in self.peer_relays:
            relay.heal()
        for i in list(self.stopped):
            self.processes[i].send_signal(signal.SIGCONT)
            self.stopped.discard(i)
        for i in range(N):
            if self.processes[i].poll() is not None:
                self.start(i)

    def close(self):
        for relay in self.peer_relays:
            relay.close()
        for p in self.processes:
            if p and p.poll() is None:
                p.send_signal(signal.SIGKILL)
                p.wait()
