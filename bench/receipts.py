#!/usr/bin/env python3
# receipts.py - how long after its answer a write stands under a checkpoint that a majority of members has signed.
# SPDX-License-Identifier: Apache-2.0
#
#     bench/receipts.py URL TOKEN_FILE MEMBERS SECONDS
#
# One client writes and then asks for the checkpoint until it covers the write's position with enough members' log lines. A network's nodes
# are one a member here, so lines are members. Prints a JSON object; times in ms, from the answer to the end of the asking.
import json
import random
import sys
import time
import urllib.parse
import uuid
import http.client


def stamp(t):
    return {'value': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(t)), 'format': 'RFC3339'}


def height(v):
    return {'value': v, 'reference': 'W84', 'units': 'M'}


def main():
    url, members, seconds = urllib.parse.urlsplit(sys.argv[1]), int(sys.argv[3]), float(sys.argv[4])
    with open(sys.argv[2], encoding='utf-8') as file:
        token = file.read().strip()
    majority = members // 2 + 1
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
    rng = random.Random(1)
    times, end, number = [], time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        start = time.time() + 600
        body = {'extents': [{'volume': {'outline_circle': {'center': {'lat': 10 + number % 500 * 0.1, 'lng': 10 + number // 500},
                                                           'radius': {'value': 50, 'units': 'M'}},
                                        'altitude_lower': height(0), 'altitude_upper': height(50)},
                             'time_start': stamp(start), 'time_end': stamp(start + 600)}],
                'key': [], 'state': 'Accepted', 'uss_base_url': 'http://uss.example'}
        connection.request('PUT', '/dss/v1/operational_intent_references/' + str(uuid.UUID(int=rng.getrandbits(128), version=4)),
                           json.dumps(body), {'Authorization': 'Bearer ' + token})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 201:
            sys.exit('receipts.py: a write was answered %d: %s' % (answer.status, text[:300]))
        position, answered = int(answer.headers['Journal-Position']), time.monotonic()
        while True:
            connection.request('GET', '/log/checkpoint')
            answer = connection.getresponse()
            note = answer.read().decode()
            now = time.monotonic()
            if answer.status == 200:
                head, _, lines = note.partition('\n\n')
                ids = {l.split(' ')[1] + l.split(' ')[2][:6] for l in lines.split('\n') if l.startswith('\u2014 ')}
                # Each node has two lines: its log key's and its mirror key's.
                if int(head.split('\n')[1]) >= 2 * position and len(ids) >= 2 * majority:
                    break
            if now - answered > 30:
                sys.exit('receipts.py: no checkpoint of %d signatures over entry %d in 30 s:\n%s' % (majority, position, note))
            time.sleep(0.001)
        times.append((now - answered) * 1e3)
        time.sleep(rng.random() * 0.05)
    times.sort()
    print(json.dumps({'n': len(times), 'p50_ms': times[len(times) // 2], 'p99_ms': times[len(times) * 99 // 100]}))


if __name__ == '__main__':
    main()
