"""Kubernetes' quantities, read and told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from nacelle.cluster.amounts import in_cores, in_memory, in_pieces, read_quantity


@pytest.mark.parametrize(
    ("written", "amount"),
    [
        # https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
        ("0", 0),
        ("2", 2),
        ("500m", "0.5"),
        (".5", "0.5"),
        ("1.5Gi", 1.5 * 2**30),
        ("128974848", 128974848),
        ("129e6", 129_000_000),
        ("129M", 129_000_000),
        ("1k", 1000),
        ("128974848000m", 128974848),
        ("123Mi", 123 * 2**20),
        ("1E", 10**18),
        ("1E3", 1000),
        ("100n", "1e-7"),
        ("250u", "0.00025"),
        ("-1", -1),
    ],
)
def test_quantities_are_read(written: str, amount: str | float) -> None:
    assert read_quantity(written) == Decimal(str(amount))


@pytest.mark.parametrize("written", ["", "Gi", "1 Gi", "1GB", "1.2.3", "one", "0x10", "1e9999"])
def test_what_is_no_quantity_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="quantity"):
        read_quantity(written)


def test_what_is_left_is_not_told_larger_than_it_is() -> None:
    assert in_memory(Decimal("3.98") * 2**30).en == "3.9 GB"
    assert in_cores(Decimal("1.99")).fr == "1.9 cœurs"


@pytest.mark.parametrize(
    ("amount", "en", "fr"),
    [(0, "0 GB", "0 Go"), (512 * 2**20, "512 MB", "512 Mo"), (40 * 2**30, "40 GB", "40 Go")],
)
def test_memory_in_words(amount: int, en: str, fr: str) -> None:
    said = in_memory(amount)
    assert (said.en, said.fr) == (en, fr)


@pytest.mark.parametrize(
    ("amount", "en", "fr"),
    [
        ("1", "1 core", "1 cœur"),
        ("0.5", "0.5 cores", "0.5 cœur"),
        ("10", "10 cores", "10 cœurs"),
    ],
)
def test_cores_in_words(amount: str, en: str, fr: str) -> None:
    said = in_cores(Decimal(amount))
    assert (said.en, said.fr) == (en, fr)


def test_pieces_stay_whole() -> None:
    assert in_pieces(Decimal("100")) == "100"
