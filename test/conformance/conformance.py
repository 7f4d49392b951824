#!/usr/bin/env python3
# conformance.py - judges any F3548-21 DSS over HTTP; TAP out.
# SPDX-License-Identifier: Apache-2.0
"""F3548-21 DSS conformance, each check named by the requirement that it serves.

    conformance.py --base-url http://127.0.0.1:8080 --token-url http://127.0.0.1:8085/token
    conformance.py --base-url URL --token-command 'clearline token --key K --sub {sub} --scope {scope} --audience {audience}'

The words {sub}, {scope} and {audience} in the command's arguments are filled in; it prints a token. --clearline adds what this server
promises beyond the standard and InterUSS. --only TEXT runs the checks whose name holds TEXT.
"""

import argparse
import shlex
import sys
import traceback
import urllib.parse

import checks_bad_input
import checks_clearline
import checks_entities
import checks_intents
import checks_subscriptions
from dss import Dss, Failure, Skip, Story, Tokens
from openapi import OpenApi


def options():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--base-url", required=True, help="up to and without /dss/v1")
    parser.add_argument("--token-command", help="prints an access token")
    parser.add_argument("--token-url", help="a dummy OAuth server's token endpoint")
    parser.add_argument("--audience", help="of tokens; default: the base URL's host name")
    parser.add_argument("--subs", default="uss1,uss2", help="two managers' names")
    parser.add_argument("--insecure", action="store_true", help="take any TLS certificate")
    parser.add_argument("--allows-http", action="store_true", help="the server takes http base URLs, as laboratories do")
    parser.add_argument("--clearline", action="store_true", help="also what goes beyond the standard")
    parser.add_argument("--openapi", help="F3548-21's utm.yaml: every answer is held against its schemas")
    parser.add_argument("--only", default="", help="only checks whose name holds this")
    found = parser.parse_args()
    if not found.token_command and not found.token_url:
        parser.error("--token-command or --token-url is needed")
    return found


def run(check, dss):
    """The TAP line's words after the number, and details."""
    story = Story(dss)
    name = f"{check.requirement} {check.__name__.replace('_', ' ')}"
    try:
        check(story)
        return f"ok {{}} - {name}", []
    except Skip as why:
        return f"ok {{}} - {name} # SKIP {why}", []
    except Failure as why:
        return f"not ok {{}} - {name}", [str(why)]
    except Exception:  # An answer of another shape than expected is a failed check, not the end of the suite.
        return f"not ok {{}} - {name}", traceback.format_exc().splitlines()[-4:]
    finally:
        try:
            story.clean()
        except Failure as why:
            print(f"# left behind by {name}: {why}")


def main():
    o = options()
    audience = o.audience or urllib.parse.urlsplit(o.base_url).hostname
    command = shlex.split(o.token_command) if o.token_command else None
    dss = Dss(o.base_url, Tokens(audience, command, o.token_url), o.subs.split(","), o.insecure)
    dss.allows_http = o.allows_http
    dss.is_clearline = o.clearline
    dss.clear_down()
    if o.openapi:
        dss.openapi = OpenApi(o.openapi)
    checks = checks_intents.CHECKS + checks_entities.CHECKS + checks_subscriptions.CHECKS + checks_bad_input.CHECKS
    if o.clearline:
        checks = checks + checks_clearline.CHECKS
    checks = [c for c in checks if o.only in f"{c.requirement} {c.__name__.replace('_', ' ')}"]
    n_failed = 0
    for n, check in enumerate(checks, 1):
        line, details = run(check, dss)
        print(line.format(n), flush=True)
        for detail in details:
            print(f"#   {detail}", flush=True)
        n_failed += line.startswith("not ok")
    if dss.openapi:
        print(f"# {dss.openapi.n_checked} answers held against {o.openapi}")
    print(f"1..{len(checks)}")
    print(f"# {len(checks) - n_failed} passed, {n_failed} failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
