#!/usr/bin/env python3
# history_test.py - the checker of histories finds good what is good, and what is not.
# SPDX-License-Identifier: Apache-2.0
import random
import sys

from history import FOREVER, Op, check

n = failed = 0


def say(good, name):
    global n, failed
    n += 1
    failed += not good
    print('%s %d - %s' % ('ok' if good else 'not ok', n, name))


def made(rng, calls, unclear=0.0):
    """A history that is linearizable by its making: each call's moment is drawn, then times around it."""
    ops, held, version = [], None, 0
    for moment in range(calls):
        start, end = moment - rng.random() * 3, moment + rng.random() * 3
        kind = rng.choice(('read', 'write', 'write', 'refused'))
        if kind == 'read':
            ops.append(Op('read', start, end, after=held))
            continue
        version += 1
        after = None if held is not None and rng.random() < 0.2 else version
        if kind == 'refused':
            ops.append(Op('refused', start, end, before=-1 if held is None or rng.random() < 0.5 else None, after=version))
            continue
        lost = rng.random() < unclear
        if lost and rng.random() < 0.5:
            ops.append(Op('write', start, FOREVER, before=held, after=after))  # Never had its moment.
            continue
        ops.append(Op('write', start, FOREVER if lost else end, before=held, after=after))
        held = after
    return ops


rng = random.Random(1)
say(all(check(made(rng, 60)) is None for _ in range(200)), 'histories made from an order are found good')
say(all(check(made(rng, 60, 0.2)) is None for _ in range(200)), 'so are those with answers lost')
say(check([Op('write', 0, 1, None, 'a'), Op('read', 2, 3, after=None)]), 'a read that misses a write answered before it')
say(not check([Op('write', 0, 3, None, 'a'), Op('read', 1, 2, after=None)]), 'a read beside a write may miss it')
say(check([Op('write', 0, 3, None, 'a'), Op('read', 1, 2, after='a'), Op('read', 2.1, 2.5, after=None)]),
    'what one read saw a later one may not miss')
say(check([Op('write', 0, 1, None, 'a'), Op('write', 2, 3, 'a', 'b'), Op('write', 2, 3, 'a', 'c')]), 'two updates of one version')
say(check([Op('write', 0, 1, None, 'a'), Op('refused', 2, 3, 'a', 'b')]), 'a refusal without a reason')
say(not check([Op('write', 0, FOREVER, None, 'a'), Op('read', 50, 51, after=None), Op('read', 60, 61, after='a')]),
    'a write without an answer may come late')
say(check([Op('write', 0, FOREVER, None, 'a'), Op('read', 5, 6, after='a'), Op('read', 60, 61, after=None)]),
    'but does not go away again')
broken = 0
for _ in range(200):
    ops = made(rng, 60)
    writes = [o for o in ops if o.kind == 'write' and o.after is not None]
    reads = [o for o in ops if o.kind == 'read' and o.after is not None]
    if not reads or not writes:
        continue
    rng.choice(reads).after = 10 ** 6  # A version that nobody wrote.
    broken += 1
    if check(ops) is None:
        broken = -10 ** 6
say(broken > 100, 'a version that nobody wrote is found in every one of %d histories' % broken)
print('1..%d' % n)
sys.exit(failed > 0)
