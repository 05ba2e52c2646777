"""What the API answers, over HTTP."""

from __future__ import annotations

import httpx

from tests.nace.serving.running import RunningService


def test_one_text_is_coded_and_recorded(client: httpx.Client, service: RunningService) -> None:
    answer = client.post("/v1/classify", json={"text": "growing of wheat", "top": 2})
    assert answer.status_code == 200
    body = answer.json()
    (one,) = body["predictions"]
    assert one["top"][0]["code"] == "0111" and len(one["top"]) == 2
    assert one["request_id"] == body["request_id"] == answer.headers["x-request-id"]
    (record,) = [r for r in service.records() if r.request_id == body["request_id"]]
    assert record.text == "growing of wheat" and record.caller.startswith("key:")
