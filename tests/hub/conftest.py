"""A real hub behind a real proxy, on ports of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hubrig import Platform

from tests.support.waiting import free_base


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("platform"), port=free_base()) as running:
        yield running
