"""Case 8 of lab/contents.py: the store does not answer."""

from __future__ import annotations

from pathlib import Path

import pytest
from tornado.web import HTTPError

from nacelle.lab.configure import make_root
from nacelle.lab.contents import HomeAndBuckets


@pytest.fixture
def contents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HomeAndBuckets:
    monkeypatch.setenv("HOME", str(tmp_path))
    # Nobody listens on port 1.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    return HomeAndBuckets(root_dir=str(make_root(tmp_path)))


async def test_case_8_the_home_works(contents: HomeAndBuckets) -> None:
    root = await contents.get("")
    assert [item["name"] for item in root["content"]] == ["home"]
    model = {"type": "file", "format": "text", "content": "kept"}
    await contents.save(model, "home/a.txt")
    assert (await contents.get("home/a.txt"))["content"] == "kept"


async def test_case_8_a_bucket_says_so(contents: HomeAndBuckets) -> None:
    with pytest.raises(HTTPError) as caught:
        await contents.get("user-alice/a.txt")
    assert caught.value.status_code == 503
    assert "store does not answer" in str(caught.value.log_message)
