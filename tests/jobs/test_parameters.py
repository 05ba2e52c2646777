"""The form of a notebook's parameters, from cells that are never run."""

from __future__ import annotations

from typing import Any

import pytest

from nacelle.jobs.notebook import read_notebook
from nacelle.jobs.parameters import Form, FormField, ParametersRefused, check, read_form
from tests.jobs.samples import content, notebook, with_parameters


def form(source: str, language: str = "python") -> Form:
    read = read_form(with_parameters(source, language))
    assert read.problem is None, read.problem
    assert read.cell == 2
    return read


def field(source: str, language: str = "python") -> FormField:
    (one,) = form(source, language).fields
    return one


@pytest.mark.parametrize(
    ("source", "kind", "default"),
    [
        ('x = "a"', "text", "a"),
        ("x = 'a' 'b'", "text", "ab"),
        ("x = '''a\nb'''", "text", "a\nb"),
        ("x = 12", "whole", 12),
        ("x = -1_000", "whole", -1000),
        ("x = 0.5", "number", 0.5),
        ("x = True", "yes-no", True),
        ("x = None", "text", None),
        ('x = "2026-01-31"', "date", "2026-01-31"),
        ('x = "2026-01-31T06:00:00Z"', "date-time", "2026-01-31T06:00:00Z"),
        ('x = "2026-99-31"', "text", "2026-99-31"),
        ('x = ["a", "b"]', "list", ("a", "b")),
        ("x = (1, 2)", "list", (1, 2)),
        ("x = []", "list", ()),
        ("x: float = 1", "number", 1),
        ('x: str = "2026-01-31"', "text", "2026-01-31"),
        ('x: date = "2026-01-31"', "date", "2026-01-31"),
        ('x: datetime.date = ""', "date", ""),
        ("x: int | None = None", "whole", None),
        ("x: None | int = None", "whole", None),
        ("x: Optional[bool] = None", "yes-no", None),
        ('x: "list[str]" = []', "list", ()),
        ("x: list[int] = None", "list", None),
        # The annotation does not fit: what stands there counts.
        ('x: int = "a"', "text", "a"),
        ("x: Whatever[1] = 3", "whole", 3),
    ],
)
def test_types_in_python(source: str, kind: str, default: Any) -> None:
    found = field(source)
    assert (found.type, found.default) == (kind, default)


@pytest.mark.parametrize(
    "code",
    [
        "date.today()",
        "__import__('os').system('id')",
        "f'{1}'",
        "1 + 1 if y else 2",
        '{"a": 1}',
        "[[1], [2]]",
        "b'a'",
        "1j",
        "1e999",
        "[i for i in range(3)]",
    ],
)
def test_what_is_no_literal_is_computed_and_shown(code: str) -> None:
    found = field(f"x = {code}  # why")
    assert (found.type, found.default, found.code, found.help) == ("computed", None, code, "why")


def test_nothing_of_a_cell_is_run(tmp_path: Any) -> None:
    trace = tmp_path / "trace"
    source = f"x = open({str(trace)!r}, 'w')\n!touch {trace}\n%run {trace}\ny = 1"
    assert [one.name for one in form(source).fields] == ["x", "y"]
    assert not trace.exists()


def test_choices_from_annotations_and_comments() -> None:
    assert field('x: Literal["a", "b"] = "a"').choices == ("a", "b")
    assert field("x: typing.Literal[1, 2] = 1").choices == (1, 2)
    assert field('x: Literal["a"] = "c"').choices == ("c", "a")
    commented = field('x = "b"  # one of: a, "b", c; how to weigh')
    assert (commented.type, commented.choices, commented.help) == (
        "text",
        ("a", "b", "c"),
        "how to weigh",
    )
    assert field("x = 2  # parmi : 1, 2, 4").choices == (1, 2, 4)
    assert field("x = 0.5 # one of: 0.5, 1").choices == (0.5, 1)


def test_secrets_are_named() -> None:
    named = field('key = "INSEE_API_KEY"  # secret: opens the directory of firms')
    assert (named.type, named.default, named.help) == (
        "secret",
        "INSEE_API_KEY",
        "opens the directory of firms",
    )
    assert field('key = ""  # secret').default is None
    assert field('x = "a"  # secretary').type == "text"


def test_help_is_the_comment_beside_or_above() -> None:
    source = (
        "# Not of x.\n"
        "\n"
        "# First line,\n"
        "# second line.\n"
        'x = "a # b"\n'
        'y = ["a",  # inside\n'
        '     "b"]  # at the end\n'
        "z = 1; w = 2\n"
    )
    assert [one.help for one in form(source).fields] == [
        "First line, second line.",
        "at the end",
        "",
        "",
    ]


def test_several_names_and_names_given_twice() -> None:
    fields = form(
        "a = b = 1\nc, d = 2, 'x'\ne, f = pair()\na = 3\ng.h = 1\ni[0] = 1\nj += 1"
    ).fields
    assert [(one.name, one.type, one.default) for one in fields] == [
        ("a", "whole", 3),
        ("b", "whole", 1),
        ("c", "whole", 2),
        ("d", "text", "x"),
        ("e", "computed", None),
        ("f", "computed", None),
    ]


@pytest.mark.parametrize(
    "source", ["x = (", "x = '", "  x = 1\n y = 2", "x = 1 +", "x = " + "(" * 500]
)
def test_a_cell_that_is_not_python_is_told(source: str) -> None:
    read = read_form(with_parameters(source))
    assert read.fields == ()
    assert read.problem is not None
    assert "not valid Python" in read.problem.en
    assert read.cell == 2


@pytest.mark.parametrize(
    ("source", "kind", "default", "help"),
    [
        ('x <- "a # b"  # why', "text", "a # b", "why"),
        ("x = 'it''s'", "computed", None, ""),
        ("x <- 'a\\'b\\\\'", "text", "a'b\\", ""),
        ("rows <- 5L", "whole", 5, ""),
        ("rows <- 2000", "number", 2000.0, ""),
        ("x <- -1.5e3 # n", "number", -1500.0, "n"),
        ("x <- TRUE", "yes-no", True, ""),
        ("x <- F", "yes-no", False, ""),
        ("x <- NULL", "text", None, ""),
        ('x <- c("a", "b,c")', "list", ("a", "b,c"), ""),
        ("x <- c()", "list", (), ""),
        ('x <- "2026-01-31"', "date", "2026-01-31", ""),
        ('x <- as.Date("2026-01-31")', "computed", None, ""),
        ("x <- Sys.time()", "computed", None, ""),
        ("x <- c(1, f(2))", "computed", None, ""),
        ("my.name <- 1L", "whole", 1, ""),
        ("# above\nx <- 1L", "whole", 1, "above"),
        ("x <- list(\n  a = 1,\n  b = 2\n)", "computed", None, ""),
    ],
)
def test_r(source: str, kind: str, default: Any, help: str) -> None:
    found = field(source, "R")
    assert (found.type, found.default, found.help) == (kind, default, help)


@pytest.mark.parametrize(
    ("source", "kind", "default", "help"),
    [
        ('x = "a # b"  # why', "text", "a # b", "why"),
        ('const x = "a"', "text", "a", ""),
        ('x::String = "2026-01-31"', "text", "2026-01-31", ""),
        ("x::Float64 = 1", "number", 1, ""),
        ("x = 1_000", "whole", 1000, ""),
        ("x = .5", "number", 0.5, ""),
        ("x = true", "yes-no", True, ""),
        ("x = nothing", "text", None, ""),
        ('x = ["a", "b"]', "list", ("a", "b"), ""),
        ('x::Vector{String} = ["a"]', "list", ("a",), ""),
        ('x = "a\\$b"', "text", "a$b", ""),
        ('x = "$(run(`id`))"', "computed", None, ""),
        ('x = """a"""', "computed", None, ""),
        ("x = today()", "computed", None, ""),
        ("x = 1 + 1", "computed", None, ""),
        ("x = 'a'", "computed", None, ""),
        ("x = [1 2; 3 4]", "computed", None, ""),
    ],
)
def test_julia(source: str, kind: str, default: Any, help: str) -> None:
    found = field(source, "julia")
    assert (found.type, found.default, found.help) == (kind, default, help)


@pytest.mark.parametrize("language", ["python", "R", "julia"])
@pytest.mark.parametrize(
    "source",
    [
        "x = " + "9" * 20_000,
        "x = 1e999",
        "x" + " " * 40_000,
        "x = " + "(" * 5_000,
        "x = '" + "\\" * 20_000,
        "x = " + "1, " * 10_000,
        "x = 1" + " " * 20_000 + "#" + "one of: a" + "." * 10_000,
        "x\0 = 1",
        "x = 1" * 20_000,
    ],
    ids=range(9),
)
def test_any_cell_has_an_answer(source: str, language: str) -> None:
    read = read_form(with_parameters(source, language))
    assert Form.model_validate_json(read.model_dump_json()) == read
    assert all(one.type == "computed" or one.default != float("inf") for one in read.fields)


def test_a_huge_cell_is_not_read() -> None:
    read = read_form(with_parameters("# x\n" * 20_000))
    assert read.problem is not None
    assert "Move data" in read.problem.en


def test_lines_that_assign_nothing() -> None:
    source = "library(dplyr)\nif (x == 1) {\n  y <- 2\n}\nf(a = 1)\nx <- 1L\nx$y <- 3"
    assert [one.name for one in form(source, "R").fields] == ["x"]
    julia = "using Dates\nf(x) = x\nx == 1\ny = 1\nbegin\nend"
    assert [one.name for one in form(julia, "julia").fields] == ["y"]


def test_notebooks_without_parameters() -> None:
    untagged = read_form(notebook("x = 1"))
    assert untagged.cell is None
    assert untagged.problem is not None
    assert "tagged" in untagged.problem.en
    other = read_form(with_parameters("x=1", "bash"))
    assert other.problem is not None
    assert "Python, R and Julia" in other.problem.en


def test_the_form_comes_back_from_json() -> None:
    read = form('x: Literal["a", "b"] = "a"  # help\ny = [1, 2]\nz = f()\nw = 1.0')
    assert Form.model_validate_json(read.model_dump_json()) == read


FORM = form(
    'since = "2026-01-01"\nrows = 10\nshare = 0.5\nquick = False\n'
    'kind = "a"  # one of: a, b\nyears = [2024, 2025]\nlabel = ""\n'
    'key = "API_KEY"  # secret\nnow = date.today()'
)


def test_values_are_typed_by_the_form() -> None:
    values = check(
        {
            "since": "{scheduled}",
            "rows": "12",
            "share": 1,
            "quick": "yes",
            "kind": "b",
            "years": "2026, 2027",
            "label": '"; import os #',
            "key": "OTHER_KEY",
            "now": "2026-01-01",
        },
        FORM,
    )
    assert {name: (value.type, value.value) for name, value in values.items()} == {
        "since": ("date", "{scheduled}"),
        "rows": ("whole", 12),
        "share": ("number", 1),
        "quick": ("yes-no", True),
        "kind": ("text", "b"),
        "years": ("list", (2026, 2027)),
        "label": ("text", '"; import os #'),
        "key": ("secret", "OTHER_KEY"),
        "now": ("text", "2026-01-01"),
    }
    assert check({}, FORM) == {}


def test_every_problem_is_told_at_once_by_name() -> None:
    with pytest.raises(ParametersRefused) as caught:
        check(
            {
                "since": "tomorrow",
                "rows": "many",
                "kind": "c",
                "yeers": 1,
                "key": "a secret",
                "years": "2026, soon",
                "label": "fine",
            },
            FORM,
        )
    problems = caught.value.problems
    assert set(problems) == {"since", "rows", "kind", "yeers", "key", "years"}
    assert "2026-01-31" in problems["since"].en
    assert "a, b" in problems["kind"].en
    assert "did you mean years" in problems["yeers"].en
    assert "a secret" not in problems["key"].en + problems["key"].fr
    for name, said in problems.items():
        assert name in said.en
        assert name in said.fr


def test_a_notebook_without_parameters_takes_none() -> None:
    with pytest.raises(ParametersRefused, match="tag the cell"):
        check({"x = 1; import os": 1}, read_form(notebook("x = 1")))


def test_forms_of_the_project_s_own_notebooks() -> None:
    from pathlib import Path

    found = sorted((Path(__file__).parents[2] / "notebooks").rglob("*.ipynb"))
    assert found
    for path in found:
        read = read_form(read_notebook(path.read_bytes()))
        assert read.fields, path
        assert all(one.type != "computed" and one.help for one in read.fields), path


def test_the_language_is_the_kernel_s() -> None:
    assert read_notebook(content("x", language="R")).language == "r"
