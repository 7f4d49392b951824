# relay.py - drives the relay of test/tools against an echo server; TAP out.
# SPDX-License-Identifier: Apache-2.0
#
#   relay.py RELAY
#
# What is judged is the schedule that the relay computed (its trace), never how long something took here. The relay's clock runs
# fast, so that thousands of round trips pass in a second or two. Every wait ends after LIMIT seconds with a failure.
import collections
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

LIMIT = 60
ROUNDS = 6000
n_tests = n_failed = 0


def check(name, holds, note=""):
    global n_tests, n_failed
    n_tests += 1
    if not holds:
        n_failed += 1
        print("#", note)
    print("ok" if holds else "not ok", n_tests, "-", name, flush=True)


class Echo:
    """Sends everything back; counts what came, and tells who waits for it."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.seen = b""
        self.changed = threading.Condition()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        try:
            while data := connection.recv(65536):
                with self.changed:
                    self.seen = (self.seen + data)[-64:]
                    self.changed.notify_all()
                connection.sendall(data)
            connection.close()
        except OSError:
            pass

    def wait_for(self, data):
        with self.changed:
            return self.changed.wait_for(lambda: data in self.seen, LIMIT)


class Relay:
    def __init__(self, program, target, names, *options):
        self.folder = tempfile.mkdtemp()
        self.trace = os.path.join(self.folder, "trace")
        self.ports = {}
        links = [f"{name}=127.0.0.1:0,127.0.0.1:{target}" for name in names]
        self.process = subprocess.Popen([program, "--trace", self.trace, *options, *links], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.closed_form = None
        while (line := self.process.stdout.readline().split()) != ["ready"]:
            if line[0] == "listening":
                self.ports[line[1]] = int(line[2].rsplit(":", 1)[1])
            else:
                self.closed_form = float(line[3]), float(line[6])

    def connect(self, name):
        s = socket.create_connection(("127.0.0.1", self.ports[name]), LIMIT)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def tell(self, command, answer=None):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.hears(answer or "ok " + command)

    def hears(self, line):
        got = self.process.stdout.readline().strip()
        if got != line:
            print("#", repr(got), "instead of", repr(line))
        return got == line

    def end(self):
        """Quits; the trace as {(link, connection, direction): [(bytes, arrival, delay, release, stalls)]}, and the lines of what was sent."""
        self.process.stdin.write("quit\n")
        self.process.stdin.close()
        status = self.process.wait(LIMIT)
        self.process.stdout.close()
        chunks, sent = collections.defaultdict(list), collections.defaultdict(list)
        with open(self.trace, encoding="ascii") as lines:
            for line in lines:
                kind, link, connection, direction, *rest = line.split()
                key = link, int(connection), direction
                if kind == "chunk":
                    chunks[key].append((*map(int, rest[:4]), len(rest) > 4))
                else:
                    sent[key].append(tuple(map(int, rest)))
        shutil.rmtree(self.folder)
        return status, chunks, sent


def receive(s, n):
    data = b""
    while len(data) < n:
        part = s.recv(n - len(data))
        if not part:
            break
        data += part
    return data


def ping_pong(s, rounds):
    good = True
    for i in range(rounds):
        message = b"%063d\n" % i
        s.sendall(message)
        good &= receive(s, 64) == message
    return good


def is_gone(port_or_socket):
    """The connection is refused, reset or closed without a byte."""
    try:
        s = port_or_socket
        if isinstance(s, int):
            s = socket.create_connection(("127.0.0.1", s), LIMIT)
        s.settimeout(LIMIT)
        return s.recv(1) == b""
    except (ConnectionError, BrokenPipeError):
        return True


def has_nothing(s):
    s.setblocking(False)
    try:
        s.recv(1)
        return False
    except BlockingIOError:
        return True
    finally:
        s.settimeout(LIMIT)


def closed_form(shares, steps=1000):
    """Quantiles of two delays added, from the distribution's definition."""
    normal = statistics.NormalDist()
    one = []
    for i in range(steps):
        u = (i + 0.5) / steps
        one.append(16.5 + 7.5 * min(4, normal.inv_cdf(u) / 4 + (1 - u) ** (-1 / 3) - 1.5))
    both = sorted(a + b for a in one for b in one)
    return [both[int(share * len(both))] for share in shares]


def round_trips(chunks):
    """Ms that each round was delayed on its way there and back, as scheduled."""
    up, down = chunks["a", 0, "up"], chunks["a", 0, "down"]
    return [(a[3] - a[1] + b[3] - b[1]) / 1000 for a, b in zip(up, down) if a[0] and b[0]]


def run_ping_pong(program, echo, rounds, *options):
    relay = Relay(program, echo.port, ["a"], *options)
    begin = time.monotonic()
    with relay.connect("a") as s:
        good = ping_pong(s, rounds)
    wall = (time.monotonic() - begin) * 1000 / rounds
    status, chunks, sent = relay.end()
    return good and status == 0, relay.closed_form, chunks, sent, wall


def test_schedule(program, echo):
    good, told, chunks, sent, _ = run_ping_pong(program, echo, ROUNDS, "--speed", "1000", "--seed", "5", "--loss", "0")
    check("a ping-pong goes through", good)
    rounds = sorted(round_trips(chunks))
    check("each message is one chunk a way", len(rounds) == ROUNDS, len(rounds))
    p50, p99 = closed_form([0.5, 0.99])
    got50, got99 = rounds[ROUNDS // 2], rounds[ROUNDS * 99 // 100]
    print(f"# scheduled p50 {got50:.2f} p99 {got99:.2f} ms, closed form {p50:.2f} {p99:.2f} ms, the relay's {told[0]:.2f} {told[1]:.2f} ms")
    check("the relay states the closed form", abs(told[0] - p50) < 0.01 * p50 and abs(told[1] - p99) < 0.01 * p99)
    check("p50 is within 5 % of the closed form", abs(got50 - p50) <= 0.05 * p50)
    check("p99 is within 5 % of the closed form", abs(got99 - p99) <= 0.05 * p99)
    orderly = all(x[3] >= x[1] + x[2] for c in chunks.values() for x in c)
    orderly &= all(a[3] <= b[3] for c in chunks.values() for a, b in zip(c, c[1:]))
    check("no chunk is released before its delay or before the one in front", orderly)
    check("nothing is sent before its release", all(now >= release for c in sent.values() for _, release, now in c))
    check("every message is sent", sum(bool(x[0]) for c in sent.values() for x in c) == 2 * ROUNDS)

    good, _, _, _, wall = run_ping_pong(program, echo, 30, "--loss", "0")
    check("a ping-pong goes through at the clock's own speed", good)
    print(f"# mean of 30 round trips by the clock: {wall:.1f} ms")


def test_seeds(program, echo):
    delays = []
    for seed in ("11", "11", "12"):
        good, _, chunks, _, _ = run_ping_pong(program, echo, 300, "--speed", "1000", "--seed", seed, "--loss", "0.05")
        delays.append([x[2] for d in ("up", "down") for x in chunks["a", 0, d] if x[0]])
        check(f"a run with seed {seed} ends", good)
    check("the same seed gives the same delays", delays[0] == delays[1] and len(delays[0]) == 600)
    check("another one others", delays[0] != delays[2])


def test_bulk(program, echo):
    relay = Relay(program, echo.port, ["a"], "--speed", "1000", "--loss", "0.01")
    data = random.Random(3).randbytes(3_000_000)
    got = []
    with relay.connect("a") as s:
        reader = threading.Thread(target=lambda: got.append(receive(s, len(data) + 1)))
        reader.start()
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        reader.join(LIMIT)
    check("three megabytes come back as they went, and then the end", got == [data])
    status, chunks, _ = relay.end()
    stalls = sum(x[4] for c in chunks.values() for x in c)
    check("losses stalled some of it", stalls > 0 and all(x[2] >= 233000 for c in chunks.values() for x in c if x[4]))
    up = chunks["a", 0, "up"]
    check("no faster than the rate", up[-1][3] - up[0][1] >= len(data) * 8 / 27 and status == 0)


def test_commands(program, echo):
    relay = Relay(program, echo.port, ["a", "b"], "--speed", "1000", "--loss", "0")
    other = relay.connect("b")

    s, quiet = relay.connect("a"), relay.connect("a")
    ping_pong(s, 1)
    ping_pong(quiet, 1)
    check("a link is cut", relay.tell("cut a"))
    check("its connections end", is_gone(s) and is_gone(quiet))
    check("and new ones too", is_gone(relay.ports["a"]))
    check("another link goes on", ping_pong(other, 3))
    check("it heals", relay.tell("heal a"))
    s = relay.connect("a")
    check("and carries again", ping_pong(s, 3))

    check("a link freezes", relay.tell("freeze a"))
    s.sendall(b"while frozen")
    late = relay.connect("a")
    late.sendall(b"late comer")
    ping_pong(other, 100)
    check("nothing comes through", b"while frozen" not in echo.seen and b"late comer" not in echo.seen and has_nothing(s))
    check("it thaws", relay.tell("heal a"))
    check("what was kept comes", receive(s, 12) == b"while frozen" and receive(late, 10) == b"late comer")

    check("the way back is cut", relay.tell("cut-down a"))
    s.sendall(b"one way down")
    check("the request arrives", echo.wait_for(b"one way down"))
    ping_pong(other, 100)
    check("the answer does not", has_nothing(s))
    relay.tell("heal a")
    check("until it heals", receive(s, 12) == b"one way down")
    check("the way there is cut", relay.tell("cut-up a"))
    s.sendall(b"one way up")
    ping_pong(other, 100)
    check("the request does not arrive", b"one way up" not in echo.seen and has_nothing(s))
    relay.tell("heal *")
    check("until all heal", receive(s, 10) == b"one way up")

    check("an answer is to be dropped", relay.tell("drop a"))
    s.sendall(b"to be forgotten")
    check("it was forwarded first", echo.wait_for(b"to be forgotten"))
    check("then the connection ends without it", is_gone(s))
    check("the relay says so", relay.hears("dropped a"))
    check("only once", ping_pong(relay.connect("a"), 3))
    check("unknown links and commands are told", relay.tell("cut c", "unknown cut c") and relay.tell("dance a", "unknown dance a"))
    check("it quits", relay.end()[0] == 0)


def main():
    program, echo = sys.argv[1], Echo()
    test_schedule(program, echo)
    test_seeds(program, echo)
    test_bulk(program, echo)
    test_commands(program, echo)
    print(f"1..{n_tests}")
    return n_failed > 0


sys.stdout.flush()
STATUS = main()
sys.stdout.flush()
os._exit(STATUS)  # Without waiting for the echo server's threads.
