#!/usr/bin/env python3
# request.py - one HTTP request: METHOD URL AUTHORIZATION BODY; prints the status, then the body.
# SPDX-License-Identifier: Apache-2.0
import sys
import urllib.error
import urllib.request

method, url, authorization, body = sys.argv[1:5]
headers = {"Content-Type": "application/json"} if body else {}
if authorization:
    headers["Authorization"] = authorization
request = urllib.request.Request(url, data=body.encode() if body else None, headers=headers, method=method)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
try:
    with opener.open(request, timeout=30) as answer:
        print(answer.status)
        sys.stdout.write(answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
    sys.stdout.write(error.read().decode())
