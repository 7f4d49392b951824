#!/usr/bin/env python3
# faults.py - the real process on a full disk, with failing syncs, damaged files, signals: a clear message, never a wrong answer.
# SPDX-License-Identifier: Apache-2.0
#
#     test/crash/faults.py build/clearline [ROUNDS] [SEED]
#
# ROUNDS is how many random damages each kind of file gets. A damaged folder may not start (status 3 and a message that names
# the file), or may start and then answers with what is right or with an error. A copy that is not damaged starts afterwards.
import http.client
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from node import N_CLIENTS, WAIT_S, Client, Node, NotStarted, call, check_answers, make_token, read_checkpoint, scratch

PAGE = 4096


class Case:
    """A folder with its node's program, and what its clients know."""

    def __init__(self, program, rng, work):
        self.program, self.rng, self.work = program, rng, work
        self.folder = tempfile.mkdtemp(dir=work)
        self.known = [dict() for _ in range(N_CLIENTS)]
        self.problems = []
        self.acknowledged = 0
        self.unclear = []

    def start(self, **how):
        node = Node(self.program, self.folder, **how)
        self.token = make_token(self.program, self.folder)
        return node

    def claim(self, holds, text):
        if not holds:
            self.problems.append(text)

    def clients(self, node):
        return [Client(node.port, self.token, i, random.Random(self.rng.random()), self.known[i]) for i in range(N_CLIENTS)]

    def join(self, clients):
        for client in clients:
            client.join()
        self.acknowledged += sum(c.acknowledged for c in clients)
        self.unclear += [u for c in clients for u in c.unclear]
        self.problems += ['unexpected answer %r' % (w,) for c in clients for w in c.wrong]

    def write(self, node, n):
        """n requests of each client, all of which must succeed."""
        clients = self.clients(node)
        for client in clients:
            connection = http.client.HTTPConnection('127.0.0.1', node.port, timeout=WAIT_S)
            for _ in range(n):
                self.claim(client.step(connection), 'a write failed: %r' % client.wrong)
            connection.close()
            self.acknowledged += client.acknowledged

    def write_until_refused(self, node):
        clients = self.clients(node)
        for client in clients:
            client.start()
        self.join(clients)
        self.claim(sum(c.n_refused for c in clients) == N_CLIENTS, 'not every client was told with a 503')

    def check(self, node, settles=True):
        self.problems += check_answers(node.port, self.token, self.known, settles)

    def get(self, node, path, token=''):
        connection = http.client.HTTPConnection('127.0.0.1', node.port, timeout=WAIT_S)
        answer = call(connection, token, 'GET', path)
        connection.close()
        return answer if answer else (0, b'')

    def end_of_one_that_stopped(self, node, *words):
        """Reads go on; answers, metrics and stderr say that writes do not. Ends it."""
        metrics = self.get(node, '/metrics')[1].decode()
        self.claim('\njournal_takes_writes 0\n' in metrics, 'the metrics do not say that writes stopped')
        connection = http.client.HTTPConnection('127.0.0.1', node.port, timeout=WAIT_S)
        refused = call(connection, self.token, 'DELETE', '/dss/v1/operational_intent_references/%s/x' % self.any_id())
        if refused[0] != 503 or connection.answer_headers.get('Journal-Entry'):
            self.claim(refused[0] in (403, 404, 409), 'a write is answered %r' % (refused,))
        connection.close()
        self.check(node, settles=False)
        self.claim(node.stop() == 0, 'the end of a node that stopped writing')
        self.claim(any(word in line for line in node.said if 'WRITES STOPPED' in line for word in words),
                   'stderr does not say that writes stopped: %r' % node.said[-3:])

    def any_id(self):
        return next(iter(i for known in self.known for i in known), '00000000-0000-4000-8000-000000000001')

    def check_fates(self, node):
        for entry, entity in self.unclear:
            status, fate = self.get(node, '/aux/v1/journal/entries/' + entry, self.token)
            self.claim(status == 200 and fate['fate'] in ('committed', 'absent'), 'fate of %s: %r' % (entry, fate))
        self.unclear = []

    def check_restart(self):
        """A start without the fault holds all that was acknowledged, takes writes and ends well."""
        node = self.start()
        self.check_fates(node)
        self.check(node)
        self.write(node, 2)
        self.claim(node.stop() == 0, 'the end after the restart')

    def copy(self):
        copy = tempfile.mkdtemp(dir=self.work)
        shutil.copytree(self.folder, copy, dirs_exist_ok=True)
        return copy


def signed(case, node):
    """Waits until the newest checkpoint holds all that was acknowledged."""
    connection = http.client.HTTPConnection('127.0.0.1', node.port, timeout=WAIT_S)
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        head = read_checkpoint(connection)
        if head and 2 * int(connection.answer_headers['Journal-Position']) == head[0]:
            break
    else:
        case.claim(False, 'the head of all leaves is not signed')
    connection.close()


# ---- A disk that is full, or fails. ----

def limit_files(n_bytes):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, n_bytes))
    return limit


def a_file_that_may_not_grow_stops_writes_and_nothing_else(case):
    node = case.start(before=limit_files(700_000))
    case.write_until_refused(node)
    case.end_of_one_that_stopped(node, 'journal.db')
    case.claim(case.acknowledged > 20, 'only %d writes came before the limit' % case.acknowledged)
    case.check_restart()


def a_full_disk_stops_writes_and_nothing_else(case):
    mount = tempfile.mkdtemp(dir=case.work)
    if subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', mount], capture_output=True).returncode != 0:
        return 'no file system can be mounted here'
    try:
        case.folder = os.path.join(mount, 'data')
        node = case.start()
        case.write_until_refused(node)
        case.end_of_one_that_stopped(node, 'journal.db', 'heads')
        try:  # While the disk is full it may start, if what it has to write fits; or it says why not.
            node = case.start()
            case.check(node)
            node.stop()
        except NotStarted as why:
            case.claim(why.args[1] == 3 and mount in why.args[0], 'a start on a full disk: %r' % (why.args,))
        subprocess.run(['mount', '-o', 'remount,size=64m', mount], check=True)
        case.check_restart()
    finally:
        subprocess.run(['umount', mount], check=True)
    return None


def failing(case, library, call_name, name, after, error=5):
    return {'LD_PRELOAD': library, 'FAIL_CALL': call_name, 'FAIL_NAME': name, 'FAIL_AFTER': str(after),
            'FAIL_FOLDER': case.folder, 'FAIL_ERROR': str(error)}


def fails_while_serving(case, library, call_name, name, error):
    """The start works; the fault begins after it, at once or later."""
    for after in (0, 1, 2, 3, 5, 8, 20, 50):
        try:
            node = case.start(environment=failing(case, library, call_name, name, after, error))
        except NotStarted as why:
            case.claim(why.args[1] == 3 and case.folder in why.args[0], 'a start that fails says %r' % (why.args,))
            continue
        case.check(node)
        case.write_until_refused(node)
        case.end_of_one_that_stopped(node, case.folder)
    case.check_restart()


def a_failing_sync_of_the_log_stops_writes_and_nothing_else(case, library):
    fails_while_serving(case, library, 'sync', 'journal.db-wal', 5)


def a_failing_write_of_the_log_stops_writes_and_nothing_else(case, library):
    fails_while_serving(case, library, 'write', 'journal.db-wal', 28)


def a_failing_sync_of_the_heads_stops_writes_and_nothing_else(case, library):
    fails_while_serving(case, library, 'sync', '/heads', 5)


def any_failing_sync_or_write_of_the_folder_is_survived(case, library, rounds):
    for call_name in ('sync', 'write'):
        for after in range(case.rng.randrange(max(1, 5 - rounds)), 30, max(1, 5 - rounds)):
            try:
                node = case.start(environment=failing(case, library, call_name, '', after, 28 if after % 2 else 5))
                case.check(node)
                case.write_until_refused(node)
                case.check(node, settles=False)
                case.claim(node.stop() == 0, 'the end')
            except NotStarted as why:
                case.claim(why.args[1] in (2, 3) and case.folder in why.args[0], 'a start that fails says %r' % (why.args,))
    case.check_restart()


def a_snapshot_that_cannot_be_written_costs_nothing(case, library):
    node = case.start(environment=failing(case, library, 'write', '/snapshot-', 0, 28))
    case.write(node, 30)
    case.claim('\njournal_takes_writes 1\n' in case.get(node, '/metrics')[1].decode(), 'writes stopped')
    case.check(node)
    case.claim(node.stop() == 0, 'the end')
    case.claim(any('WARNING: no snapshot' in line and 'snapshot-' in line for line in node.said), 'nothing was said: %r' % node.said)
    case.check_restart()


# ---- Damaged files. ----

def flip(path, rng, n=1):
    with open(path, 'r+b') as f:
        size = f.seek(0, 2)
        for _ in range(n):
            at = rng.randrange(size)
            f.seek(at)
            byte = f.read(1)[0]
            f.seek(at)
            f.write(bytes([byte ^ 1 << rng.randrange(8)]))


def spoil_page(path, rng):
    with open(path, 'r+b') as f:
        pages = f.seek(0, 2) // PAGE
        f.seek(rng.randrange(pages) * PAGE)
        f.write(rng.choice([bytes(PAGE), rng.randbytes(PAGE), b'\xff' * PAGE]))


def cut(path, rng):
    os.truncate(path, rng.randrange(os.path.getsize(path)))


def empty(path, rng):
    os.truncate(path, 0)


def garbage(path, rng):
    size = os.path.getsize(path)
    with open(path, 'wb') as f:
        f.write(rng.randbytes(size))


def remove(path, rng):
    os.unlink(path)


def bundles(case, node):
    """Entry bundles and full hash tiles, as far as they are served; None in place of an error that was said."""
    found = {}
    connection = http.client.HTTPConnection('127.0.0.1', node.port, timeout=WAIT_S)
    size = read_checkpoint(connection)[0]
    connection.close()
    for n in range(size // 256):
        for kind in ('entries', '0'):
            status, body = case.get(node, '/log/tile/%s/%03d' % (kind, n))
            case.claim(status == 200 or (status == 500 and body['message']), 'a tile is answered %d' % status)
            found[kind, n] = body if status == 200 else None
    return found


def check_damaged(case, good, path, how, is_dirty):
    """How a copy with this damage behaves: 'refused', 'read-only', 'serves'."""
    folder = case.copy()
    name = os.path.relpath(path, case.folder)
    what = '%s %s' % (how.__name__, name)
    how(os.path.join(folder, name), case.rng)
    try:
        node = Node(case.program, folder)
    except NotStarted as why:
        said, status = why.args
        last = said.strip().split('\n')[-1]
        case.claim(status == 3, '%s: ended with %d: %s' % (what, status, last))
        case.claim(folder in last, '%s: the message names no file: %s' % (what, last))
        shutil.rmtree(folder)
        return 'refused'
    damaged_answers(case, node, what)
    for key, body in bundles(case, node).items():
        case.claim(body is None or key not in good or body == good[key], '%s: tile %s is not what it was' % (what, key))
    verdict = 'read-only' if '\njournal_takes_writes 0\n' in case.get(node, '/metrics')[1].decode() else 'serves'
    case.claim(node.stop() == 0, '%s: ended badly' % what)
    shutil.rmtree(folder)
    return verdict


def damaged_answers(case, node, what):
    for known in case.known:
        for entity, may in known.items():
            status, parsed = case.get(node, '/dss/v1/operational_intent_references/' + entity, case.token)
            if status in (500, 503):
                continue
            now = parsed['operational_intent_reference']['ovn'] if status == 200 else None
            wanted = {o[0] if o else None for o in may}
            case.claim(now in wanted, '%s: %s is %s, acknowledged %s' % (what, entity, now, wanted))


def damage(case, names, hows, rounds, is_dirty=False):
    node = case.start()
    case.write(node, 70)
    signed(case, node)
    good = bundles(case, node)
    case.claim(len(good) >= 2, 'too few leaves to compare')
    # A copy of files at rest: stopped, or killed once all is signed.
    case.claim(is_dirty or node.stop() == 0, 'the end')
    if is_dirty:
        node.kill()
    seen = {}
    paths = [os.path.join(case.folder, n) for n in os.listdir(case.folder)
             if n in names or n.startswith('snapshot-') and 'snapshot-' in names]
    paths += [os.path.join(case.folder, n) for n in names if '/' in n]
    case.claim(paths, 'there is no such file')
    for path in paths:
        for how in hows:
            for _ in range(rounds if how in (flip, spoil_page, cut) else 1):
                verdict = check_damaged(case, good, path, how, is_dirty)
                seen[verdict] = seen.get(verdict, 0) + 1
    print('# %s: %s' % (', '.join(names), ', '.join('%d %s' % (n, v) for v, n in sorted(seen.items()))))
    case.check_restart()


def a_damaged_database_is_refused_or_gives_right_answers(case, rounds):
    damage(case, ['journal.db'], [flip, spoil_page, cut, empty, garbage, remove], rounds)


def a_damaged_log_after_a_kill_is_refused_or_gives_right_answers(case, rounds):
    damage(case, ['journal.db-wal'], [flip, spoil_page, cut, empty, garbage], rounds, is_dirty=True)


def damaged_heads_are_refused_or_give_right_answers(case, rounds):
    damage(case, ['heads'], [flip, cut, empty, garbage, remove], rounds)


def damaged_keys_are_refused(case, rounds):
    damage(case, ['keys/root.key', 'keys/entry.key', 'keys/log.key', 'keys/mirror.key', 'keys/http.key'], [flip, cut, empty, remove], 2)


def damaged_snapshots_are_passed_over(case, rounds):
    damage(case, ['snapshot-'], [flip, cut, empty, garbage, remove], rounds)


def an_older_copy_of_the_journal_is_refused(case):
    node = case.start()
    case.write(node, 10)
    case.claim(node.stop() == 0, 'the end')
    old = case.copy()
    node = case.start()
    case.write(node, 10)
    signed(case, node)
    case.claim(node.stop() == 0, 'the end')
    good = case.copy()
    shutil.copy(os.path.join(old, 'journal.db'), case.folder)
    try:
        case.start().kill()
        case.claim(False, 'it started')
    except NotStarted as why:
        case.claim(why.args[1] == 3 and 'set back' in why.args[0] and case.folder + '/journal.db' in why.args[0], '%r' % (why.args,))
    shutil.copy(os.path.join(good, 'journal.db'), case.folder)
    case.check_restart()


# ---- Signals, and a second process. ----

def a_stopped_process_goes_on_where_it_was(case):
    node = case.start()
    clients = case.clients(node)
    for client in clients:
        client.start()
    for _ in range(5):
        time.sleep(case.rng.uniform(0.01, 0.1))  # Anywhere in its work.
        node.process.send_signal(signal.SIGSTOP)
        time.sleep(case.rng.uniform(0.01, 0.1))
        node.process.send_signal(signal.SIGCONT)
    case.claim(case.get(node, '/healthy')[0] == 200, 'it does not answer')
    case.claim(node.stop() == 0, 'the end')
    case.join(clients)
    case.claim(case.acknowledged > 0, 'nothing was written')
    case.check_restart()


def sigterm_under_load_loses_nothing_and_ends_with_0(case):
    for _ in range(5):
        node = case.start()
        case.check(node)
        clients = case.clients(node)
        for client in clients:
            client.start()
        time.sleep(case.rng.uniform(0.05, 0.3))  # Anywhere in its work.
        case.claim(node.stop() == 0, 'the end')
        case.join(clients)
    case.claim(case.acknowledged > 0, 'nothing was written')
    case.check_restart()


def a_second_process_is_refused_and_the_first_goes_on(case):
    node = case.start()
    case.write(node, 2)
    try:
        Node(case.program, case.folder).kill()
        case.claim(False, 'it started')
    except NotStarted as why:
        case.claim(why.args[1] == 3 and str(node.process.pid) in why.args[0] and 'journal.db.lock' in why.args[0], '%r' % (why.args,))
    case.write(node, 2)
    case.claim(node.stop() == 0, 'the end')
    case.check_restart()


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 4
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.SystemRandom().getrandbits(32)
    only = sys.argv[4] if len(sys.argv) > 4 else ''
    print('# SEED=%d' % seed, flush=True)
    work = tempfile.mkdtemp(prefix='faults-', dir=scratch())
    library = os.path.join(work, 'failfs.so')
    n_failed = 0
    try:
        subprocess.run([os.environ.get('CC', 'cc'), '-D_GNU_SOURCE', '-shared', '-fPIC', '-O1', '-o', library,
                        'test/crash/failfs.c', '-ldl'], check=True)
        checks = [
            (a_file_that_may_not_grow_stops_writes_and_nothing_else,),
            (a_full_disk_stops_writes_and_nothing_else,),
            (a_failing_sync_of_the_log_stops_writes_and_nothing_else, library),
            (a_failing_write_of_the_log_stops_writes_and_nothing_else, library),
            (a_failing_sync_of_the_heads_stops_writes_and_nothing_else, library),
            (any_failing_sync_or_write_of_the_folder_is_survived, library, rounds),
            (a_snapshot_that_cannot_be_written_costs_nothing, library),
            (a_damaged_database_is_refused_or_gives_right_answers, rounds),
            (a_damaged_log_after_a_kill_is_refused_or_gives_right_answers, rounds),
            (damaged_heads_are_refused_or_give_right_answers, rounds),
            (damaged_keys_are_refused, rounds),
            (damaged_snapshots_are_passed_over, rounds),
            (an_older_copy_of_the_journal_is_refused,),
            (a_stopped_process_goes_on_where_it_was,),
            (sigterm_under_load_loses_nothing_and_ends_with_0,),
            (a_second_process_is_refused_and_the_first_goes_on,),
        ]
        checks = [c for c in checks if only in c[0].__name__]
        for n, (check, *arguments) in enumerate(checks, 1):
            case = Case(program, random.Random(seed * 1000 + n), work)
            skipped = None
            try:
                skipped = check(case, *arguments)
            except NotStarted as why:
                case.problems.append('it did not start: %r' % (why.args,))
            for line in case.problems[:10]:
                print('# ' + line)
            n_failed += bool(case.problems)
            print('%s %d - %s%s' % ('not ok' if case.problems else 'ok', n, check.__name__.replace('_', ' '),
                                    ' # SKIP ' + skipped if skipped else ''), flush=True)
            shutil.rmtree(case.folder, ignore_errors=True)
        print('1..%d' % len(checks))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 1 if n_failed else 0


if __name__ == '__main__':
    os.environ['NO_COLOR'] = '1'
    sys.exit(main())
