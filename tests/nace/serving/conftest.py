"""One running service for the tests that do not break it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.nace.serving.running import RunningService


@pytest.fixture(scope="session")
def service(
    small_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    with RunningService(tmp_path_factory.mktemp("service")) as running:
        running.publish(small_model)
        running.start()
        yield running


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx.Client]:
    with service.client() as client:
        yield client
