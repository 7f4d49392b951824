# history.py - are the answers that clients got those of one register an entity, in some order that time allows?
# SPDX-License-Identifier: Apache-2.0
"""A history is what clients saw of one entity: calls with the times of asking and of the answer. The register holds a version or
nothing (None). It is linearizable if each call can be given one moment between its two times so that, in the order of these moments,

    read     saw what the register held
    write    found `before` in the register and left `after` there (create: before is None; delete: after is None)
    refused  found something else than `before` there

A call whose answer was lost has no end: it may have had its moment at any time after it was asked for, or never.

The search is that of Wing and Gong with Lowe's memory: the next call is one of those that began before every other call still to be
placed had ended; sets of placed calls that were tried with the same register are not tried again. Versions are written once, so
that nearly all choices are forced.
"""

FOREVER = float('inf')


class Op:
    """One call. kind: 'read' (after: what it saw), 'write', 'refused'. end: FOREVER if its answer was lost."""

    __slots__ = ('kind', 'start', 'end', 'before', 'after', 'who')

    def __init__(self, kind, start, end, before=None, after=None, who=''):
        self.kind, self.start, self.end, self.before, self.after, self.who = kind, start, end, before, after, who

    def __repr__(self):
        return '%s %s->%s %.4f..%.4f %s' % (self.kind, self.before, self.after, self.start, self.end, self.who)


def step(op, held):
    """(possible, what the register holds then)"""
    if op.kind == 'read':
        return held == op.after, held
    if op.kind == 'refused':
        return held != op.before, held
    return held == op.before, op.after


def check(ops, start=None, work_max=2_000_000):
    """None if the history is linearizable, else a text. start: what the register held before. Raises OverflowError when the
    search grows past work_max steps."""
    ops = sorted((o for o in ops if o.end != FOREVER or o.kind == 'write'), key=lambda o: o.start)
    n = len(ops)
    must_place = sum(1 for o in ops if o.end != FOREVER)
    tried, work, deepest = set(), 0, (0, start, 0)
    # A state: how many of the first are all placed, which ones after them are, what the register holds, how many that have an end.
    stack = [(0, frozenset(), start, 0)]
    while stack:
        low, placed, held, n_placed = stack.pop()
        while low < n and low in placed:
            placed = placed - {low}
            low += 1
        if n_placed == must_place:
            return None
        if n_placed >= deepest[0]:
            deepest = (n_placed, held, low)
        if (low, placed, held) in tried:
            continue
        tried.add((low, placed, held))
        ends = FOREVER  # Of those seen so far: what begins after it cannot be next.
        choices = []
        i = low
        while i < n and ops[i].start <= ends:
            if i not in placed:
                choices.append(i)
                ends = min(ends, ops[i].end)
            i += 1
        # Calls without an end that were never answered need not be placed: trying them last keeps the search short.
        for i in sorted(choices, key=lambda c: ops[c].end, reverse=True):
            work += 1
            if ops[i].start > ends:
                continue
            good, now = step(ops[i], held)
            if good:
                stack.append((low, placed | {i}, now, n_placed + (ops[i].end != FOREVER)))
        if work > work_max:
            raise OverflowError('the history of %d calls takes too long to check' % n)
    low = max(0, deepest[2] - 3)
    return 'no order explains it; with %s in the register none of these fits next: %s' % (
        deepest[1], '; '.join(repr(o) for o in ops[low:low + 12]))
