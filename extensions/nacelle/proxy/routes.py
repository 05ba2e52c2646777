"""The requests that MLflow may be asked; everything else is refused.

A list of what is allowed, so that a route which a later MLflow adds is closed until somebody has
looked at it. Each of these reaches data only through the stores, which know the caller's space.
Left out: webhooks, gateway, assistant, jobs, MCP servers, online scoring, OpenTelemetry intake
(they call out, keep secrets or run code), presigned and multipart links (they would hand out the
server's own rights on the store), and every change of the spaces themselves.
"""

from __future__ import annotations

import re

_ALLOWED: tuple[tuple[str, str], ...] = (
    ("GET|HEAD", r"/|/version|/static-files/.+|/get-artifact|/model-versions/get-artifact"),
    ("POST", r"/graphql"),
    ("GET", r"@/server-info|@/workspaces|@/workspaces/[^/]+|@/ui-telemetry"),
    ("GET", r"@/experiments/(get|get-by-name|search)"),
    (
        "POST",
        r"@/experiments/(create|search|delete|restore|update|set-experiment-tag"
        r"|delete-experiment-tag|search-datasets)",
    ),
    ("GET", r"@/runs/get|@/artifacts/list"),
    (
        "POST",
        r"@/runs/(create|update|delete|restore|search|log-metric|log-parameter|log-batch"
        r"|log-model|log-inputs|outputs|set-tag|delete-tag)",
    ),
    ("POST", r"@/upload-artifact"),
    ("GET", r"@/metrics/(get-history|get-history-bulk|get-history-bulk-interval)"),
    ("GET", r"@/registered-models/(get|search|get-latest-versions|alias)"),
    (
        "POST",
        r"@/registered-models/(create|rename|get-latest-versions|set-tag|alias)",
    ),
    ("PATCH", r"@/registered-models/update"),
    ("DELETE", r"@/registered-models/(delete|delete-tag|alias)"),
    ("GET", r"@/model-versions/(get|search|get-download-uri)"),
    ("POST", r"@/model-versions/(create|transition-stage|set-tag)"),
    ("PATCH", r"@/model-versions/update"),
    ("DELETE", r"@/model-versions/(delete|delete-tag)"),
    ("POST", r"@/logged-models|@/logged-models/search|@/logged-models/[^/]+/params"),
    ("GET|PATCH|DELETE", r"@/logged-models/[^/]+"),
    ("PATCH", r"@/logged-models/[^/]+/tags"),
    ("DELETE", r"@/logged-models/[^/]+/tags/[^/]+"),
    ("GET", r"@/logged-models/[^/]+/artifacts/(directories|files)"),
    ("GET", r"@/traces/(get|batchGet)|@/get-trace-artifact|@/traces|@/traces/[^/]+(/info)?"),
    (
        "POST",
        r"@/traces(/(search|batchGetInfos|delete-traces|link-to-run|link-prompts"
        r"|calculate-filter-correlation|metrics))?",
    ),
    ("PATCH|DELETE", r"@/traces/[^/]+/tags"),
    ("POST", r"@/traces/[^/]+/assessments"),
    ("GET|PATCH|DELETE", r"@/traces/[^/]+/assessments/[^/]+"),
    ("GET|POST", r"@/datasets/search"),
    ("POST", r"@/datasets/create"),
    ("GET|DELETE", r"@/datasets/[^/]+"),
    ("PATCH", r"@/datasets/[^/]+/tags"),
    ("DELETE", r"@/datasets/[^/]+/tags/[^/]+"),
    ("GET|POST|DELETE", r"@/datasets/[^/]+/records"),
    ("GET", r"@/datasets/[^/]+/experiment-ids"),
    ("POST", r"@/datasets/[^/]+/(add|remove)-experiments"),
    ("GET", r"#/artifacts"),
    ("GET|PUT|DELETE", r"#/artifacts/.+"),
)

# What a service may ask that only reads models: of the above, what MLflow's client needs to fetch a
# registered version. None of these changes anything, or looks into another kind of thing.
_READABLE: tuple[tuple[str, str], ...] = (
    ("GET", r"@/server-info"),
    ("GET", r"@/registered-models/(get|alias)"),
    ("GET", r"@/model-versions/(get|get-download-uri)"),
    ("GET", r"@/logged-models/[^/]+"),
    ("GET", r"#/artifacts|#/artifacts/.+"),
)

# The same calls exist for the client (api) and for the pages (ajax-api), in two versions.
_API = r"/(?:ajax-)?api/[23]\.0/mlflow"
_ARTIFACTS = r"/(?:ajax-)?api/2\.0/mlflow-artifacts"

_Rules = tuple[tuple[frozenset[str], re.Pattern[str]], ...]


def _rules(written: tuple[tuple[str, str], ...]) -> _Rules:
    return tuple(
        (
            frozenset(methods.split("|")),
            re.compile(path.replace("@", _API).replace("#", _ARTIFACTS)),
        )
        for methods, path in written
    )


_RULES = _rules(_ALLOWED)
_READ_RULES = _rules(_READABLE)

ARTIFACT_PATH = re.compile(rf"{_ARTIFACTS}/artifacts/.+")


def is_allowed(method: str, path: str) -> bool:
    """Whether the platform offers this request; `path` is decoded and has no prefix."""
    return _fits(_RULES, method, path)


def may_read(method: str, path: str) -> bool:
    """Whether this request is one of a service that reads models."""
    return _fits(_READ_RULES, method, path)


def _fits(rules: _Rules, method: str, path: str) -> bool:
    return any(method in methods and rule.fullmatch(path) for methods, rule in rules)
