"""One store and one broker for all runs of pipelines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.jobs.pipelines.pipelines import Pipelines
from tests.jobs.running.runs import running_place


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipelines]:
    with running_place(tmp_path_factory.mktemp("pipelines")) as place:
        yield Pipelines(place)
