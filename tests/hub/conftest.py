"""A real hub behind a real proxy, on ports of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hubrig import Platform


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with Platform(tmp_path_factory.mktemp("platform"), port=44000) as running:
        yield running
