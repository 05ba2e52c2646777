"""Drills break things: each module has an installation of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.installation import Installation


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Installation]:
    """With the settings that the module names in SETTINGS."""
    overrides = getattr(request.module, "SETTINGS", {})
    made = Installation(tmp_path_factory.mktemp("drill"), **overrides)
    try:
        made.up()
        yield made
    finally:
        made.run("down")
