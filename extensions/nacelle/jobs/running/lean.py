"""What a runner does not load, though libraries that it uses would: it starts seconds earlier.

Each of these is imported by its user only if it is there, for something that no run needs.
"""

from __future__ import annotations

import sys

_LEFT_OUT = (
    # By httpx, for its command.
    "httpx._main",
    # By jsonschema, for formats of addresses: they compile grammars each time they are loaded.
    "rfc3987_syntax",
    "rfc3986_validator",
    # By papermill, for notebooks kept on Hadoop, on S3, and at Google: ours are files.
    "pyarrow.fs",
    "gcsfs",
    "papermill.s3",
)


def leave_out() -> None:
    """Make importing them fail as if they were not installed; before their users are loaded."""
    for name in _LEFT_OUT:
        if name not in sys.modules:
            sys.modules[name] = None  # type: ignore[assignment]
