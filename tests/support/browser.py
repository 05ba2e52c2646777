"""Debian's Chromium without a screen, which calls nobody but the pages it is shown."""

from __future__ import annotations

from playwright.sync_api import Browser, Playwright, expect

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Five seconds, its own, are too few beside other tests.
expect.set_options(timeout=30_000)


def launch(playwright: Playwright) -> Browser:
    """A new browser with an empty profile."""
    return playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
