#!/usr/bin/env python3
# live_journal.py - a data folder whose journal was written by eight clients at once.
# SPDX-License-Identifier: Apache-2.0
#
#     test/crash/live_journal.py build/clearline FOLDER REQUESTS
import http.client
import os
import random
import sys
import threading

from node import N_CLIENTS, WAIT_S, Client, Node, make_token


def work(client, n):
    connection = http.client.HTTPConnection('127.0.0.1', client.port, timeout=WAIT_S)
    for _ in range(n):
        if not client.step(connection):
            client.wrong.append('no answer')
            break
    connection.close()


def main():
    program, folder, n = sys.argv[1], sys.argv[2], int(sys.argv[3])
    os.mkdir(folder)
    node = Node(program, folder)
    token = make_token(program, folder)
    clients = [Client(node.port, token, i, random.Random(i), {}) for i in range(N_CLIENTS)]
    threads = [threading.Thread(target=work, args=(c, n)) for c in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    status = node.stop()
    accepted = sum(c.acknowledged for c in clients)
    print('# %d writes were accepted' % accepted)
    return 0 if status == 0 and accepted > N_CLIENTS else 1


if __name__ == '__main__':
    sys.exit(main())
