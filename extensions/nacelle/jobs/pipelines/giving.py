"""`nacelle.output(name, value)`: what a notebook hands to the steps after it.

It stands in the output notebook as a display of a type of ours, which is also how it is read back.
R and Julia print the same as a line: `nacelle.output table = "s3://..."`, the value in JSON.
Standard library only: this is loaded by the notebook's own process.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

TYPE = "application/vnd.nacelle.output+json"
LONGEST_TEXT = 10_000
LONGEST_LIST = 1_000


def output(name: str, value: Any) -> None:
    """Give `value` to the steps of a pipeline that ask for `${steps.<step>.outputs.<name>}`.

    A text, a number, True or False, or a list of these; large data go to a file, and its address
    is given. The last value of a name counts. Raises TypeError or ValueError for others.
    """
    if not (isinstance(name, str) and name.isidentifier()):
        raise ValueError(f"an output's name is letters, digits and '_', not {name!r}")
    plain = _plain(value)
    shown = f"{name} = {json.dumps(plain, ensure_ascii=False)}"
    # Loaded by every notebook; elsewhere there is nobody to show it to.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        print(shown)
        return
    shell.display_pub.publish({TYPE: {"name": name, "value": plain}, "text/plain": shown})


def _plain(value: Any) -> Any:
    if not isinstance(value, str | list | tuple) and hasattr(value, "tolist"):
        # NumPy's numbers and arrays, and columns of pandas.
        value = value.tolist()
    if isinstance(value, list | tuple):
        if len(value) > LONGEST_LIST:
            raise ValueError(
                f"an output has {LONGEST_LIST} items at most, this one has {len(value)}: write"
                " them to a file and give its address"
            )
        return [_scalar(one.item() if hasattr(one, "item") else one) for one in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if hasattr(value, "__fspath__") or hasattr(value, "isoformat"):
        value = value.isoformat() if hasattr(value, "isoformat") else str(value)
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise ValueError(
                f"an output's text has {LONGEST_TEXT} characters at most, this one has"
                f" {len(value)}: write it to a file and give its address"
            )
        return str(value)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise TypeError(
        "an output is a text, a number, True or False, or a list of these, not"
        f" {type(value).__name__}: write it to a file and give its address"
    )
