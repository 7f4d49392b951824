#!/usr/bin/env python3
# epochs.py - three etcd servers are put back to what they were before: the members go on in a new epoch, and lose nothing.
# SPDX-License-Identifier: Apache-2.0
#
#     test/crash/epochs.py build/clearline [ROUNDS] [SEED]
#
# Three nodes of three members write. All disks of etcd are copied; the nodes write on, the last of it while one of them is away. Then the
# copies take the place of the disks. In each round
#
#     - the nodes that are there notice, write nothing into it, and read with the age of what they have
#     - two members sign a statement, all open the epoch, the third gets from it what it lacks
#     - every write that was acknowledged, before the copies and after, is there at every node, and all write again
#     - every head that a majority signed is one of the tree that goes on
#
# The next round does the same to the epoch of this one.
import http.client
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time

import etcd
from kills import check_heads
from line import Line
from node import WAIT_S, Client, call, check_answers, read_checkpoint, scratch

N_WRITES = 6  # At each node, each time.
WAIT = 60


class Failed(Exception):
    """A sentence that should be true and is not."""


def until(sentence, holds):
    end = time.monotonic() + WAIT
    while not holds():
        if time.monotonic() > end:
            raise Failed(sentence)
        time.sleep(0.02)


def must(sentence, holds):
    if not holds:
        raise Failed(sentence)


class Scene:
    def __init__(self, program, folder, rng):
        self.program, self.rng, self.folder = program, rng, folder
        self.line = Line(program, folder, ['--peer-listen', '127.0.0.1:0'], ['--entries-public'])
        self.known = [dict() for _ in self.line.nodes]
        self.heads = {}  # By size: root and note.
        self.acknowledged = 0

    def write(self, node, n=N_WRITES):
        """Until so many are acknowledged."""
        client = Client(node.port, node.token, node.i, random.Random(self.rng.random()), self.known[node.i])
        connection = http.client.HTTPConnection('127.0.0.1', node.port, timeout=WAIT_S)
        until('%s writes' % node.name, lambda: client.step(connection) and client.acknowledged >= n)
        must('%s answers as expected: %s' % (node.name, client.wrong), not client.wrong)
        self.acknowledged += client.acknowledged

    def status(self, node, query=''):
        answer = node.ask('GET', '/aux/v1/status' + query)
        return answer[1] if answer and answer[0] == 200 else None

    def signed(self, nodes):
        """Waits until so many members have signed all that these nodes have; keeps the head."""
        def is_signed(node):
            s = self.status(node)
            return s and s['signing']['full_size'] == 2 * s['position'] and s['signing']['members_signed'] == len(nodes)
        for node in nodes:
            until('%s has the signatures of %d' % (node.name, len(nodes)), lambda: is_signed(node))
            size, root, note = read_checkpoint(http.client.HTTPConnection('127.0.0.1', node.port, timeout=WAIT_S))
            must('one head of %d leaves' % size, self.heads.setdefault(size, (root, note))[0] == root)

    def stop(self, node):
        must('%s ends when told to' % node.name, node.stop() == 0)

    def disks(self, where):
        """Kills the servers, and moves their disks: 'save' copies them, 'restore' puts the copies in their place."""
        servers = self.line.etcd
        for i in range(etcd.N):
            servers.kill(i)
            disk, copy = (os.path.join(self.folder, name % i) for name in ('etcd%d', 'copy%d'))
            if where == 'save':
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(disk, copy)
            else:
                shutil.rmtree(disk)
                shutil.copytree(copy, disk)
        servers.heal()
        servers.wait()

    def run(self, *words):
        return subprocess.run([self.program, *words], capture_output=True, text=True)

    def refuses(self, node):
        """It takes no write, and reads with an age."""
        def is_refused():
            client = Client(node.port, node.token, node.i, random.Random(0), {})
            client.step(http.client.HTTPConnection('127.0.0.1', node.port, timeout=WAIT_S))
            must('%s acknowledges nothing that etcd has forgotten' % node.name, client.acknowledged == 0)
            return client.n_refused and not client.unclear
        until('%s writes nothing into it' % node.name, is_refused)
        entity = next(e for e, may in self.known[node.i].items() if None not in may)
        until('%s reads what it has' % node.name,
              lambda: (node.ask('GET', '/dss/v1/operational_intent_references/' + entity) or [0])[0] == 200)
        must('%s says how old that is' % node.name, node.header('Journal-Age') is not None)

    def round(self, k):
        nodes = self.line.nodes
        away = self.rng.randrange(3)
        there = [n for n in nodes if n.i != away]
        for n in nodes:
            self.write(n)
        self.disks('save')
        for n in nodes:
            self.write(n)
        self.signed(nodes)
        self.stop(nodes[away])
        for n in there:
            self.write(n)
        self.signed(there)
        self.disks('restore')
        for n in there:
            until('%s notices' % n.name, lambda: any('it lags, or it lost data' in line for line in n.said))
            self.refuses(n)
        for n in there:
            self.stop(n)
        self.open(there, nodes, k + 1)
        for n in nodes:
            n.start()
        for n in nodes:
            n.wait()
        for n in nodes:
            self.write(n)
        self.signed(nodes)
        until('all have one state', lambda: len({s and s['digest'] for s in [self.status(n, '?digest=1') for n in nodes]}) == 1)
        for n in nodes:
            problems = check_answers(n.port, n.token, self.known)
            head_problems, compared = check_heads(n.port, dict(self.heads))
            must('%s has all: %s' % (n.name, (problems + head_problems)[:5]), not problems and not head_problems)
            must('%s has been asked for all heads' % n.name, compared >= len(self.heads))

    def open(self, there, nodes, epoch):
        file = os.path.join(self.folder, 'epoch-%d' % epoch)
        first, second = self.rng.sample(there, 2)
        proposed = self.run('epoch', 'propose', '--data', first.folder, file)
        must('the epoch is proposed: ' + proposed.stderr, proposed.returncode == 0)
        early = self.run('epoch', 'open', '--data', first.folder, file)
        must('one of three opens nothing', early.returncode != 0)
        signed = self.run('epoch', 'sign', '--data', second.folder, file)
        must('a second signs: ' + signed.stderr, signed.returncode == 0)
        for n in nodes:
            opened = self.run('epoch', 'open', '--data', n.folder, file)
            must('%s opens it: %s' % (n.name, opened.stderr), opened.returncode == 0)


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().getrandbits(32)
    print('# SEED=%d' % seed, flush=True)
    folder = tempfile.mkdtemp(prefix='epochs-', dir=scratch())
    scene, problem = None, None
    try:
        scene = Scene(program, folder, random.Random(seed))
        for k in range(rounds):
            scene.round(k)
    except Failed as failed:
        problem = failed
        for n in scene.line.nodes if scene else []:
            print('# %s: %s' % (n.name, ''.join(n.last_words()).strip().replace('\n', '\n#     ')))
    finally:
        if scene:
            scene.line.close()
        shutil.rmtree(folder, ignore_errors=True)
    print('# %d writes acknowledged, %d heads signed by a majority' % (scene.acknowledged, len(scene.heads)) if scene else '# no line')
    if problem:
        print('# not true: %s' % problem)
    print('%s 1 - %d times etcd was put back, and nothing that was acknowledged or signed was lost' %
          ('not ok' if problem else 'ok', rounds))
    print('1..1')
    return 1 if problem else 0


if __name__ == '__main__':
    os.environ['NO_COLOR'] = '1'
    sys.exit(main())
