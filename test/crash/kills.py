#!/usr/bin/env python3
# kills.py - SIGKILL at random moments under load: no acknowledged write is lost, no checkpoint contradicted.
# SPDX-License-Identifier: Apache-2.0
#
#     test/crash/kills.py build/clearline [KILLS] [SEED]
#
# Clients create, change and delete operational intents while the node is killed and started again on the same folder. After each
# start every write that was answered with success must be there as answered, or as a write left it whose answer the kill
# cut off, and so must the subscriptions that came with them. At the end all checkpoints ever served must be heads of the one
# tree that the entry bundles give, and signed; the journal must replay to what its snapshots gave.
# The folder lies in memory where it can: a kill takes nothing that the system was given, wherever it keeps it.
import hashlib
import http.client
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from node import N_CLIENTS, WAIT_S, Client, Node, b64, call, check_answers, make_token, read_checkpoint, scratch

N_SIGNATURES = 300  # Checked; each takes a process.


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
            size, root, note = head
            if self.seen.setdefault(size, (root, note))[0] != root:
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
    size, root, note = read_checkpoint(connection)
    seen[size] = root, note
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
                if tree.root() != seen[tree.size][0]:
                    problems.append('the head of %d leaves contradicts the journal' % tree.size)
    beyond = [s for s in seen if s > size]
    if beyond:
        problems.append('heads of %s leaves were served, the journal has %d' % (beyond, size))
    return problems, compared


def check_signatures(vkey, notes, folder):
    """Notes whose signature by the log key OpenSSL does not find good. vkey: <name>+<id>+<base64 of 01 and the key>."""
    name, number, key = vkey.split('+', 2)
    key = b64(key)
    files = [os.path.join(folder, 'check.' + end) for end in ('der', 'text', 'sig')]
    with open(files[0], 'wb') as f:
        f.write(bytes.fromhex('302a300506032b6570032100') + key[1:])
    bad = []
    for note in notes:
        text, _, signatures = note.partition(b'\n\n')
        line = signatures.decode().split('\n')[0].split(' ')
        signature = b64(line[2])
        with open(files[1], 'wb') as f:
            f.write(text + b'\n')
        with open(files[2], 'wb') as f:
            f.write(signature[4:])
        found = subprocess.run(['openssl', 'pkeyutl', '-verify', '-pubin', '-keyform', 'DER', '-inkey', files[0], '-rawin',
                                '-in', files[1], '-sigfile', files[2]], capture_output=True)
        if line[1] != name or signature[:4].hex() != number or found.returncode != 0:
            bad.append(note)
    for file in files:
        os.unlink(file)
    return bad


def main():
    program = sys.argv[1]
    kills = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().getrandbits(32)
    rng = random.Random(seed)
    folder = tempfile.mkdtemp(prefix='kills-', dir=scratch())
    known = [dict() for _ in range(N_CLIENTS)]
    seen, problems, acknowledged = {}, [], 0
    print('# SEED=%d' % seed, flush=True)
    node = Node(program, folder)
    token = make_token(program, folder)
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
        vkey = call(http.client.HTTPConnection('127.0.0.1', node.port, timeout=WAIT_S), '', 'GET', '/log/vkey')[1].decode().strip()
        notes = [note for _, note in seen.values()]
        unsigned = check_signatures(vkey, rng.sample(notes, min(len(notes), N_SIGNATURES)), folder)
        snapshots = [f for f in os.listdir(folder) if f.startswith('snapshot-')]
        status = node.stop()
        replayed = subprocess.run([program, 'log', 'verify', '--data', folder], capture_output=True, text=True)
    finally:
        node.kill()
        shutil.rmtree(folder, ignore_errors=True)
    print('# %d kills, %d acknowledged writes, %d heads seen, %d snapshots left' % (k + 1, acknowledged, len(seen), len(snapshots)))
    print('# ' + replayed.stdout.split('\n')[0])
    for line in (problems + head_problems + ['not signed: %r' % n for n in unsigned])[:20]:
        print('# ' + line)
    print('%s 1 - no acknowledged write is lost by SIGKILL' % ('not ok' if problems or not acknowledged else 'ok'))
    print('%s 2 - every checkpoint served is a head of the one journal' % ('not ok' if head_problems or not compared else 'ok'))
    print('%s 3 - the checkpoints served are signed by the log key' % ('not ok' if unsigned or not notes else 'ok'))
    print('%s 4 - the journal replays to its outcomes and its last head, with status 0 after SIGTERM' %
          ('not ok' if status or replayed.returncode else 'ok'))
    print('1..4')
    return 1 if problems or head_problems or not acknowledged or not compared or unsigned or status or replayed.returncode else 0


if __name__ == '__main__':
    os.environ['NO_COLOR'] = '1'
    sys.exit(main())
