#!/usr/bin/env python3
# twins.py - two processes on copies of one folder: at least one finds out and stops, and nobody is forked.
# SPDX-License-Identifier: Apache-2.0
#
#     test/crash/twins.py build/clearline [ROUNDS] [SEED]
#
# Three nodes of three members write, and so does, with the keys of one of them, a second process on a copy of its folder. In each round
#
#     - one of the two at least stops writing, says that another process uses its key, and goes on reading
#     - nobody holds a proof of a fork; every head served by anyone is one of the one tree
#     - no write that any of the four acknowledged is lost
#     - when both are ended the folder that was there first goes on writing
import http.client
import os
import random
import shutil
import sys
import tempfile
import threading
import time

from kills import Watcher, check_heads
from line import Line, Node
from node import WAIT_S, Client, check_answers, scratch

WAIT = 60
SAYS = 'another process uses its key'


class Failed(Exception):
    """A sentence that should be true and is not."""


def until(sentence, holds):
    end = time.monotonic() + WAIT
    while not holds():
        if time.monotonic() > end:
            raise Failed(sentence)
        time.sleep(0.02)


class Writer(threading.Thread):
    """Writes until told to end, whatever it is answered."""

    def __init__(self, node, lane, rng, known, ends):
        super().__init__()
        self.client = Client(node.port, node.token, lane, rng, known)
        self.ends = ends

    def run(self):
        connection = http.client.HTTPConnection('127.0.0.1', self.client.port, timeout=WAIT_S)
        while not self.ends.is_set() and not self.client.wrong:
            self.client.step(connection)


def status_of(node):
    """Once more, if its connection is from before a restart."""
    answer = node.ask('GET', '/aux/v1/status') or node.ask('GET', '/aux/v1/status')
    if not answer or answer[0] != 200:
        raise Failed('%s tells its status: %s' % (node.name, answer))
    return answer[1]


def is_signed(node):
    status = status_of(node)
    return status['signing']['full_size'] == 2 * status['position']


def stopped(node):
    return any('WRITES STOPPED' in text and SAYS in text for text in node.said)


def one_round(line, first, rng, known, heads):
    """Sentences that are not true; and how many writes each acknowledged."""
    first.stop()
    copy = os.path.join(line.folder, 'copy')
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(first.folder, copy)
    first.start()
    twin = Node(line, first.i, copy)
    first.wait()
    twin.wait()
    everyone = line.nodes + [twin]
    ends = threading.Event()
    writers = [Writer(n, lane, random.Random(rng.random()), known[lane], ends) for lane, n in enumerate(everyone)]
    watchers = [Watcher(n.port, heads) for n in everyone]
    problems = []
    try:
        for thread in writers + watchers:
            thread.start()
        until('one of the two finds out', lambda: stopped(first) or stopped(twin))
    finally:
        ends.set()
        for w in writers:
            w.join()
    for n in [n for n in (first, twin) if stopped(n)]:
        status = status_of(n)
        if status['takes_writes'] or SAYS not in status['stopped_because']:
            problems.append('who found out says so in its status: %s' % (status,))
    twin.kill()
    first.kill()
    first.start()
    first.wait()
    again = Client(first.port, first.token, first.i, random.Random(rng.random()), known[first.i])
    connection = http.client.HTTPConnection('127.0.0.1', first.port, timeout=WAIT_S)
    until('the first folder writes again', lambda: again.step(connection) and again.acknowledged)
    for n in line.nodes:
        status = status_of(n)
        if status['signing']['is_divided'] or status['signing']['fork_proofs']:
            problems.append('%s holds a proof of a fork' % n.name)
        problems += check_answers(n.port, n.token, known)
    for n in line.nodes:
        until('%s has the signatures of two members' % n.name, lambda: is_signed(n))
        problems += check_heads(n.port, dict(heads))[0]
    problems += ['two heads of %d leaves' % w.contradiction[0] for w in watchers if w.contradiction]
    problems += ['unexpected answer %r' % (w,) for x in writers for w in x.client.wrong]
    return problems, [w.client.acknowledged for w in writers]


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().getrandbits(32)
    rng = random.Random(seed)
    print('# SEED=%d' % seed, flush=True)
    folder = tempfile.mkdtemp(prefix='twins-', dir=scratch())
    known, heads, problems, acknowledged, line = [dict() for _ in range(4)], {}, [], 0, None
    try:
        line = Line(program, folder, ['--peer-listen', '127.0.0.1:0'], ['--entries-public'])
        first = rng.choice(line.nodes)  # Always the same: its peers may well tell its key to sign no more.
        for k in range(rounds):
            problems, each = one_round(line, first, rng, known, heads)
            acknowledged += sum(each)
            print('# %d: %s and the twin of %s acknowledged %s' % (k, ', '.join(n.name for n in line.nodes), first.name, each), flush=True)
            if problems:
                break
    except Failed as failed:
        problems = ['not true: %s' % failed]
    finally:
        if line:
            line.close()
        shutil.rmtree(folder, ignore_errors=True)
    for p in problems[:10]:
        print('# ' + p)
    bad = problems or not acknowledged or not heads
    print('%s 1 - %d times two processes had one key: one stopped, nothing acknowledged was lost, nobody was forked' %
          ('not ok' if bad else 'ok', rounds))
    print('1..1')
    return 1 if bad else 0


if __name__ == '__main__':
    os.environ['NO_COLOR'] = '1'
    sys.exit(main())
