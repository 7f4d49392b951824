#!/usr/bin/env python3
# request.py - one HTTP request: METHOD URL AUTHORIZATION BODY; prints the status, the headers as JSON on one line, then the body.
# SPDX-License-Identifier: Apache-2.0
import json
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
        print(json.dumps(dict(answer.headers)))
        sys.stdout.write(answer.read().decode())
except urllib.error.HTTPError as error:
    print(error.code)
    print(json.dumps(dict(error.headers)))
    sys.stdout.write(error.read().decode())
