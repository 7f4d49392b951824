# openapi.py - every answer against F3548-21's own schemas; only with --openapi, which needs PyYAML and jsonschema.
# SPDX-License-Identifier: Apache-2.0

import re
import warnings


class OpenApi:
    """The public utm.yaml. Answers whose status it does not list, and calls that are not in it, are let pass."""

    def __init__(self, path):
        import jsonschema
        import yaml
        warnings.simplefilter("ignore", DeprecationWarning)
        with open(path) as file:
            text = yaml.safe_load(file)
        resolver = jsonschema.RefResolver("", text)
        self.answers = []  # (method, path pattern, status, validator)
        for pattern, calls in text["paths"].items():
            compiled = re.compile(re.sub(r"\{[^}]*\}", "[^/]*", pattern) + "$")
            for method, call in calls.items():
                for status, answer in call.get("responses", {}).items() if isinstance(call, dict) else ():
                    schema = answer.get("content", {}).get("application/json", {}).get("schema")
                    if schema:
                        validator = jsonschema.Draft4Validator(schema, resolver=resolver)
                        self.answers.append((method.upper(), compiled, str(status), validator))
        self.n_checked = 0

    def fault(self, method, path, status, value):
        """A line about what does not fit, or None."""
        path = path.split("?")[0]
        for wanted_method, pattern, wanted_status, validator in self.answers:
            if wanted_method == method and wanted_status == str(status) and pattern.match(path):
                if "/query" in path and "query" not in pattern.pattern:
                    continue
                self.n_checked += 1
                for error in validator.iter_errors(value):
                    where = "/".join(map(str, error.absolute_path))
                    return f"{method} {path}: {status}: at /{where}: {error.message[:200]}"
        return None
