"""An emulated cluster with a store of jobs for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.jobs.kubernetes.clusters import Scene, scene_in
from tests.jobs.running.runs import Place, running_place


@pytest_asyncio.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with scene_in(tmp_path) as made:
        yield made


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A real store and a stub of the broker."""
    with running_place(tmp_path_factory.mktemp("pods")) as made:
        yield made
