"""The numbered cases of nacelle.storage.slug, a test each."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from nacelle.storage.slug import (
    SlugError,
    project_bucket,
    service_bucket,
    slug,
    unslug,
    user_bucket,
)

NAMES = ["ada", "a_b", "a-b", "A.B@x", "ab", "A", "é", "名前", "a b", "-", "a-", "2d", "a--b", "%"]


def test_case_1_letters_and_digits_stay() -> None:
    assert slug("abcxyz0189") == "abcxyz0189"


def test_case_2_every_other_byte_is_written_in_hexadecimal() -> None:
    assert slug("a_b") == "a-5fb"
    assert slug("a-b") == "a-2db"
    assert slug("A.B@x") == "-41-2e-42-40x"
    assert slug("é") == "-c3-a9"
    assert len({slug(name) for name in NAMES}) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_case_3_unslug_gives_the_name_back(name: str) -> None:
    assert unslug(slug(name)) == name


@pytest.mark.parametrize("text", ["", "A", "a-", "a-5", "a-5F", "-61", "-ff", "a_b", "a\n"])
def test_case_3_unslug_refuses_what_slug_never_makes(text: str) -> None:
    with pytest.raises(SlugError):
        unslug(text)


@pytest.mark.parametrize("make", [user_bucket, project_bucket, service_bucket])
@pytest.mark.parametrize("name", NAMES)
def test_case_4_names_are_valid_buckets(make: object, name: str) -> None:
    bucket = make(name)  # type: ignore[operator]
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", bucket)


def test_case_4_kinds_never_share_a_bucket() -> None:
    made = {user_bucket("a"), project_bucket("a"), service_bucket("a"), user_bucket("-a")}
    assert made == {"user-a", "projet-a", "service-a", "user--2da"}


def test_case_5_a_name_too_long_is_refused_with_a_sentence() -> None:
    assert len(user_bucket("a" * 58)) == 63
    with pytest.raises(SlugError, match="choose a shorter one"):
        user_bucket("a" * 59)
    with pytest.raises(ValueError, match="characters"):
        project_bucket("é" * 10)


def test_case_6_an_empty_name_is_refused() -> None:
    with pytest.raises(SlugError, match="empty"):
        slug("")


def test_imports_with_the_standard_library_alone() -> None:
    code = "import sys; sys.path.insert(0, sys.argv[1]); import runpy; runpy.run_path(sys.argv[2])"
    import nacelle.storage.slug as module

    subprocess.run([sys.executable, "-I", "-S", "-c", code, "", module.__file__], check=True)
