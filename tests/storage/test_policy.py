"""Who may do what: the numbered rules of nacelle.storage.embedded.policy."""

from __future__ import annotations

import pytest

from nacelle.storage.embedded.keys import Identity
from nacelle.storage.embedded.policy import base_bucket, own_buckets, readable_buckets, refusal

ADA = Identity("user:ada", ("nace",))
BOB = Identity("user:bob")
ROOT = Identity("user:root", admin=True)
MLFLOW = Identity("service:mlflow")
READS, WRITES = ("GET", "HEAD"), ("PUT", "POST", "DELETE")


@pytest.mark.parametrize(
    ("who", "bucket", "may_read", "may_write"),
    [
        (ADA, "user-ada", True, True),  # 1
        (BOB, "user-ada", False, False),
        (ROOT, "user-ada", False, False),
        (MLFLOW, "user-ada", False, False),
        (Identity("service:ada"), "user-ada", False, False),
        (ADA, "projet-nace", True, True),  # 2
        (BOB, "projet-nace", False, False),
        (ROOT, "projet-nace", False, False),
        (Identity("service:nace", ("nace",)), "projet-nace", True, True),
        (MLFLOW, "projet-nace", False, False),
        (MLFLOW, "service-mlflow", True, True),  # 3
        (ADA, "service-mlflow", False, False),
        (Identity("user:mlflow"), "service-mlflow", False, False),
        (ADA, "public", True, False),  # 4
        (MLFLOW, "public", True, False),
        (ROOT, "public", True, True),
        (ADA, "user-bob", False, False),  # 5
        (ADA, "ada", False, False),
        (ADA, "user-", False, False),
        (ROOT, "anything", False, False),
        (Identity("other:x", ("nace",)), "projet-nace", False, False),
    ],
)
def test_rules(who: Identity, bucket: str, may_read: bool, may_write: bool) -> None:
    for container in (bucket, f"{bucket}+segments", f"\x00versions\x00{bucket}"):
        assert all((refusal(who, m, container) is None) is may_read for m in READS)
        assert all((refusal(who, m, container) is None) is may_write for m in WRITES)
        assert (refusal(who, "OPTIONS", container) is None) is may_write


def test_a_refusal_is_a_sentence() -> None:
    assert refusal(ADA, "GET", "user-bob") == (
        "The bucket 'user-bob' is not yours; you may use user-ada, projet-nace, and read 'public'."
    )
    assert "administrators only" in str(refusal(ADA, "PUT", "public"))


def test_companions() -> None:
    assert base_bucket("user-ada+segments") == "user-ada"
    assert base_bucket("\x00versions\x00user-ada") == "user-ada"
    assert base_bucket("\x00versions\x00user-ada+segments") == "user-ada"


def test_lists() -> None:
    assert own_buckets(ADA) == ("user-ada", "projet-nace")
    assert readable_buckets(ADA) == ("projet-nace", "public", "user-ada")
    assert own_buckets(ROOT) == ("user-root", "public")


def test_a_name_that_fits_no_bucket_has_none() -> None:
    assert own_buckets(Identity("user:" + "a" * 100, ("nace",))) == ("projet-nace",)
