"""One store and one broker for all runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.jobs.running.runs import Place, running_place


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with running_place(tmp_path_factory.mktemp("runs")) as made:
        yield made
