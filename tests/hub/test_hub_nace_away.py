"""The hub's pages of the classifier while the classifier is away."""

from __future__ import annotations

import pytest
from hubrig import Platform
from nace_api import page, said, send


@pytest.mark.parametrize(
    ("language", "words"), [("en", "does not answer"), ("fr", "ne répond pas")]
)
def test_it_is_a_sentence(platform: Platform, language: str, words: str) -> None:
    browser = platform.browser("camille", language)
    shown = page(browser.get("/hub/api-keys"), 503)
    assert words in said(shown) and shown.find(id="name") is None
    assert words in said(send(browser, "api-keys", 503, name="x"))
    assert words in said(send(browser, "api-keys", 503, revoke="0123456789ab"))
    assert page(browser.get("/hub/classify")).find(id="text") is not None
    asked = send(browser, "classify", 503, text="boulangerie", top="5")
    assert words in said(asked)
    # What was written is not lost.
    assert asked.find(id="text").text == "boulangerie"  # type: ignore[union-attr]
