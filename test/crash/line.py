# line.py - a line of three members: their nodes' processes, the etcd servers that order their entries, the links between.
# SPDX-License-Identifier: Apache-2.0
"""Only the standard library. Member i's node reaches server k by a relay of its own."""
import http.client
import os
import re
import signal
import subprocess
import threading

import etcd
from node import NotStarted, call

MEMBERS = ('alba', 'borea', 'caria')
START_S = 30


class Node:
    def __init__(self, line, i, folder=None):
        self.line, self.i, self.name = line, i, MEMBERS[i]
        self.folder = folder or os.path.join(line.folder, 'lab', self.name)
        self.relays = [etcd.Relay(p) for p in line.etcd.client_ports]
        self.port = 0
        self.process = None
        self.connection = None
        self.token = line.token
        self.start()

    def start(self):
        self.said = []
        self.process = subprocess.Popen(
            [self.line.program, 'serve', '--listen', '127.0.0.1:%d' % self.port, '--data', self.folder,
             '--genesis', os.path.join(self.line.folder, 'lab', 'genesis'), '--member', self.name,
             '--etcd', ','.join('http://127.0.0.1:%d' % r.port for r in self.relays), '--allow-old-etcd',
             '--token-key', self.line.public_key, '--audience', 'localhost', '--allow-http', '--snapshot-every', '300'] +
            self.line.options, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            errors='replace')
        self.ready = threading.Event()
        threading.Thread(target=self.listen, args=(self.process,), daemon=True).start()

    def listen(self, process):
        for text in process.stderr:
            self.said = self.said[-40:] + [text]
            found = re.match(r'listening on http://127\.0\.0\.1:(\d+)', text)
            if found:
                self.port = int(found[1])
                self.ready.set()
        self.ready.set()

    def wait(self):
        if not self.ready.wait(START_S) or self.process.poll() is not None:
            raise NotStarted(self.name, ''.join(self.said), self.process.poll())

    def ask(self, method, path, body=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=10)
        return call(self.connection, self.token, method, path, body)

    def header(self, name):
        return self.connection.answer_headers.get(name)

    def last_words(self):
        return self.said[-2:]

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(START_S)

    def stand_still(self):
        self.process.send_signal(signal.SIGSTOP)

    def heal(self):
        for r in self.relays:
            r.heal()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        else:
            self.start()


class Line:
    def __init__(self, program, folder, options=(), founding=()):
        """options: of each node's serve; founding: of init lab."""
        self.program, self.folder, self.options, self.founding = program, folder, list(options), list(founding)
        self.nodes, self.etcd = [], None
        try:
            self.make()
        except BaseException:
            self.close()
            raise

    def make(self):
        run = lambda *words: subprocess.run(words, check=True, capture_output=True, text=True).stdout
        lab = os.path.join(self.folder, 'lab')
        run(self.program, 'init', 'lab', '--members', ','.join(MEMBERS), '--dir', lab, '--participant', 'uss1',
            *self.founding)
        self.public_key = os.path.join(lab, 'tokens', 'public.pem')
        self.token = run(self.program, 'token', '--key', os.path.join(lab, 'tokens', 'private.pem'), '--sub', 'uss1', '--scope',
                         'utm.strategic_coordination line.read', '--audience', 'localhost').strip()
        self.etcd = etcd.Etcd(self.folder)
        self.nodes = [Node(self, i) for i in range(len(MEMBERS))]
        for n in self.nodes:
            n.wait()

    def heal(self):
        self.etcd.heal()
        for n in self.nodes:
            n.heal()
        for n in self.nodes:
            n.wait()
        self.etcd.wait()

    def close(self):
        for n in self.nodes:
            if n.process.poll() is None:
                n.process.send_signal(signal.SIGCONT)
                n.kill()
            for r in n.relays:
                r.close()
        if self.etcd:
            self.etcd.close()
