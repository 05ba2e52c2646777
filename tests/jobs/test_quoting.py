"""Values given to a notebook stay values in its language, whatever stands in them."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
from typing import Any

import pytest
from papermill.translators import papermill_translators

from nacelle.jobs.quoting import Julia, Python, R, use_safe_quoting

TEXTS = [
    "",
    "plain",
    "été, 名前, 😀",
    "'single' \"double\" `back`",
    "back\\slash \\n \\",
    "line\nline\r\n\ttab",
    "__import__('os').system('id')",
    '"; import os; os.system("id") #',
    "$(run(`id`)) ${HOME} $x",
    "{scheduled} %s {0}",
    "\x01\x1bf\x7f\u20281",
    "é1 \x011",
]


def test_papermill_uses_them() -> None:
    before = dict(papermill_translators._translators)
    try:
        use_safe_quoting()
        assert papermill_translators.find_translator("python3", "python") is Python
        assert papermill_translators.find_translator("ir", "R") is R
        assert papermill_translators.find_translator("julia-1", "julia") is Julia
    finally:
        papermill_translators._translators = before


@pytest.mark.parametrize("value", [*TEXTS, 12, -1, 0.5, 1e300, True, False, None, [], ["a", 1]])
def test_python_reads_back_what_was_given(value: Any) -> None:
    tree = ast.parse(Python.codify({"x": value}))
    (assigned,) = tree.body
    assert isinstance(assigned, ast.Assign)
    read = ast.literal_eval(assigned.value)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_r_reads_back_what_was_given() -> None:
    values: dict[str, Any] = {f"x{place}": text for place, text in enumerate(TEXTS)}
    values |= {"n": 0.5, "w": 12, "y": True, "l": ["é", "b"], "m": [1, 2]}
    script = R.codify(values) + "".join(
        f"cat(paste(utf8ToInt(enc2utf8(x{place})), collapse=' '), '\\n', sep='')\n"
        for place in range(len(TEXTS))
    )
    script += "stopifnot(n == 0.5, w == 12, isTRUE(y), l[2] == 'b', sum(m) == 3, is.character(l))\n"
    done = subprocess.run(
        ["Rscript", "--vanilla", "-"],
        input=script,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    read = ["".join(chr(int(code)) for code in line.split()) for line in done.stdout.splitlines()]
    assert read == TEXTS


def test_julia_is_written_without_interpolation_and_bytes() -> None:
    # By the grammar of Julia's texts: \$ is the sign, \u has four digits, \U eight.
    assert Julia.translate("$(run(`id`))") == r'"\$(run(`id`))"'
    assert Julia.translate('a"b\\$c') == r'"a\"b\\\$c"'
    assert Julia.translate("é\n😀1") == r'"\u00e9\n\U0001f6001"'
    assert Julia.translate([True, None, 0.5, "$x"]) == r'[true, nothing, 0.5, "\$x"]'
    for text in TEXTS:
        # All that is not a backslash's own is ASCII, and undoing the escapes gives the text.
        written = Julia.translate(text)
        assert written.isascii()
        plain = written.replace("\\$", "$")
        assert "".join(_undone(plain)) == text


def _undone(written: str) -> list[str]:
    """JSON reads all these escapes but those of eight digits."""
    head, *tails = written.split("\\U")
    pairs = [json.dumps(chr(int(tail[:8], 16)))[1:-1] + tail[8:] for tail in tails]
    return list(json.loads(head + "".join(pairs)))
