"""A rule file as spreadsheets write it, and what is said where it is wrong."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from nacelle.nace.errors import NaceError
from nacelle.nace.matcher import Matcher
from nacelle.nace.nomenclature import Nomenclature
from nacelle.nace.rulefile import RuleFile, read_rule_file
from nacelle.nace.text import Preprocessor
from tests.nace.data import nomenclature

HEAD = "pattern,code,kind,comment\n"


@pytest.fixture(scope="module")
def nace() -> Nomenclature:
    return nomenclature("nace_rev2")


def read(folder: Path, content: str | bytes, nace: Nomenclature) -> RuleFile:
    file = folder / "rules.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return read_rule_file(file, nace, Preprocessor())


SAME = [
    HEAD + "bread,1071,exact,\ngrain,0111,exact,why\n",
    "\ufeff" + HEAD + "bread,1071,exact,\ngrain,0111,exact,why\n",
    "pattern;code;kind;comment\r\nbread;1071;exact;\r\ngrain;0111;exact;why\r\n",
    "pattern\tcode\tkind\tcomment\nbread\t1071\texact\t\ngrain\t01.11\texact\twhy",
    "sep=;\r\npattern;code;kind;comment\r\nbread;1071;exact;\r\ngrain;01.11Z;exact;why\r\n",
    "Pattern,CODE, kind ,Comment,,\nbread,1071,,,,\ngrain,1.11,Exact,why,,\n",
    HEAD + 'bread,"=""1071""",exact,\ngrain,\'0111,exact,why\n',
    "code,comment,pattern\n1071,,bread\n0111,why,grain\n",
    'pattern;code;kind;comment\n"bread";"1071"\n"grain";"0111";"exact";"why"\n',
    "# rules; of, the office;;\n\n"
    + HEAD
    + "bread,1071\n,,,\n\n#,old\ngrain,0111,exact,why\n   \n",
]


@pytest.mark.parametrize("content", SAME)
def test_what_spreadsheets_write_is_read_alike(
    tmp_path: Path, nace: Nomenclature, content: str
) -> None:
    rules = read(tmp_path, content, nace).rules
    found = [(rule.kind, rule.key, rule.code, rule.comment) for rule in rules]
    assert found == [("exact", "bread", "1071", ""), ("exact", "grain", "0111", "why")]


def test_lines_are_those_of_the_editor(tmp_path: Path, nace: Nomenclature) -> None:
    content = "# first\n\n" + HEAD + 'bread,1071,exact,"two\nlines"\n\n# note\ngrain,0111\n'
    file = read(tmp_path, content, nace)
    assert [rule.line for rule in file.rules] == [4, 8]
    assert file.describe(file.rules[1]) == "line 8 of rules.csv: exact 'grain'"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["rules.csv is empty", "pattern,code,kind,comment"]),
        ("# nothing\n", ["rules.csv is empty"]),
        (HEAD, ["has no rule"]),
        (HEAD.encode("utf-16"), ["UTF-16", "UTF-8"]),
        ((HEAD + "thé,1083").encode("cp1252"), ["line 2", "not UTF-8", "CSV UTF-8"]),
        (b"PK\x03\x04\x00\x00", ["rules.csv", "no CSV"]),
        ("patern,code\nx y,1071\n", ["no column 'pattern'", "'patern'"]),
        ("pattern,kind\nx y,exact\n", ["no column 'code'"]),
        ("pattern,code,knd\nx y,1071,regex\n", ["'knd'", "did you mean 'kind'"]),
        ("pattern,code,author\nx y,1071,Ada\n", ["'author'", "known are pattern, code"]),
        ("pattern,code,code\nx y,1071,1071\n", ["'code' is there twice"]),
        (HEAD + "bread,1071,exakt,\n", ["line 2, column kind", "'exakt'", "'exact'"]),
        (HEAD + "bread,1071,beginning,\n", ["column kind", "exact, contains, regex"]),
        (HEAD + ",1071,exact,\n", ["line 2, column pattern", "empty"]),
        (HEAD + "24/7,1071,exact,\n", ["line 2, column pattern", "'24/7'", "'regex'"]),
        (HEAD + "x" * 1001 + ",1071,exact,\n", ["column pattern", "1001", "1000"]),
        (HEAD + "bread,,exact,\n", ["line 2, column code", "empty", "reject"]),
        (HEAD + "\n# one\nbread,99.99,exact,\n", ["line 4, column code", "'99.99'", "NACE Rev. 2"]),
        (HEAD + "grain,111,exact,\n", ["column code", "lose a zero", "0111"]),
        (HEAD + "grain,0111Y,exact,\n", ["column code", "another version"]),
        (HEAD + "shop,47,exact,\n", ["column code", "37 codes below", "4711"]),
        (HEAD + "grain,01-Nov,exact,\n", ["column code", "'01-Nov'"]),
        (HEAD + "(bread,1071,regex,\n", ["line 2, column pattern", "'(bread'", "missing )"]),
        (HEAD + "(?<=a)b,1071,regex,\n", ["column pattern", "RE2", "(?<="]),
        (HEAD + "(bread)?,1071,regex,\n", ["column pattern", "every text"]),
        (HEAD + "bread,1071,exact,a,b\n", ["line 2", "'b'", "quotes"]),
        (HEAD + '"bread"s,1071,exact,\n', ["line 2", "not a CSV row"]),
        (HEAD + '"bread,1071,exact,\n', ["line 2", "not a CSV row"]),
        (HEAD + "#NAME?,1071,exact,\n", ["line 2", "#NAME?", "formula"]),
        (HEAD + "#N/A,1071,exact,\n", ["line 2", "#N/A"]),
        (HEAD + "bread,1071,,\nBread!,4724,,\n", ["line 3", "line 2", "1071", "delete"]),
    ],
)
def test_a_wrong_file_is_said_with_its_place(
    tmp_path: Path, nace: Nomenclature, content: str | bytes, words: list[str]
) -> None:
    with pytest.raises(NaceError) as caught:
        read(tmp_path, content, nace)
    for word in ["rules.csv", *words]:
        assert word in str(caught.value)


def test_a_missing_file_is_said(tmp_path: Path, nace: Nomenclature) -> None:
    with pytest.raises(NaceError, match=r"none\.csv: no such file"):
        read_rule_file(tmp_path / "none.csv", nace, Preprocessor())


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|aa)+$", "(.*)*b{2}x", "(a?){500}a{500}b"])
def test_no_expression_takes_long(tmp_path: Path, nace: Nomenclature, expression: str) -> None:
    matcher = Matcher(read(tmp_path, HEAD + f"{expression},1071,regex,\n", nace))
    texts = ["a" * 5000 + "!"] * 3
    start = time.process_time()
    matcher.match(texts, Preprocessor().clean(texts))
    assert time.process_time() - start < 5


def test_many_rules_stay_quick(tmp_path: Path, nace: Nomenclature) -> None:
    rows = "".join(
        f"firm {first}{second} limited,1071,contains,\n"
        for first in "abcdefghijklmnopqrstuvwxyz"
        for second in "abcdefghijklmnopqrstuvwxyz"
    )
    matcher = Matcher(read(tmp_path, HEAD + rows, nace))
    texts = ["the firm of a baker", "the firm zz limited", "steel works"] * 1000
    cleaned = Preprocessor().clean(texts)
    start = time.process_time()
    found = matcher.match(texts, cleaned)
    assert time.process_time() - start < 1
    assert [rule.pattern if rule else "" for rule in found[:3]] == ["", "firm zz limited", ""]
