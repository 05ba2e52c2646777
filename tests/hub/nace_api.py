"""The classifier's API beside a hub under test: its real keys and access, and answers made up for
the text, since a trained model is no matter of the hub's pages."""

from __future__ import annotations

import re
import threading
from typing import Any, Self

import httpx
import uvicorn
from bs4 import BeautifulSoup
from fastapi import FastAPI, Header, Request, Response
from hubrig import Browser, Platform

from nacelle.credentials.hub import HubDirectory
from nacelle.credentials.identity import PROOF_HEADER
from nacelle.local.parts import service_environment
from nacelle.nace.serving.access import open_access
from nacelle.nace.serving.key_routes import make_key_routes
from nacelle.nace.serving.problems import MEDIA_TYPE, Problem
from nacelle.prefixes import NACE_PREFIX
from nacelle.secrets import read_secret
from tests.support.waiting import wait_for

THRESHOLD = 0.75
TITLES = [("10.71", "Manufacture of bread"), ("47.24", "Retail sale of bread <b>& cakes</b>")]


def predicted(text: str, top: int) -> dict[str, Any]:
    """An answer for a text; words in the text choose what kind of answer."""
    known = "pain" not in text
    shares = (0.81, 0.04) if known else (0.5, 0.3)
    found = [
        {"code": code, "title": title, "probability": share}
        for (code, title), share in zip(TITLES, shares, strict=True)
    ]
    no_threshold, rejected = "artisan" in text, text == "idem"
    return {
        "text": text,
        "nomenclature": "NACE",
        "version": "2.1",
        "stage": "rejected" if rejected else "model",
        "detail": "it says nothing about an activity" if rejected else "",
        "top": [] if rejected else found[:top],
        "index": 0.0 if rejected else shares[0] - shares[1],
        "automatic": None if no_threshold else known and not rejected,
        "threshold": None if no_threshold else THRESHOLD,
        "model": "nace",
        "model_version": "3f2a9c" * 8,
        "time": "2026-11-21T15:00:00+00:00",
        "request_id": "0123456789abcdef",
    }


class NaceApi:
    """Serves at the address where the hub of `platform` looks for the classifier."""

    def __init__(self, platform: Platform) -> None:
        layout = platform.layout
        token = read_secret(layout, "service.nace.token")
        directory = HubDirectory(15, "classify", service_environment(layout, "nace", token))
        self.access = open_access(
            layout.settings.nace,
            layout.folder("nace"),
            directory,
            read_secret(layout, "nace.secret"),
        )
        self.url = layout.address("nace") + NACE_PREFIX
        config = uvicorn.Config(self._app(), port=layout.port("nace"), log_level="warning")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_for(lambda: self._server.started, 20, "the API's start")
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.should_exit = True
        self._thread.join()

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.include_router(make_key_routes(self.access), prefix=NACE_PREFIX)

        @app.post(NACE_PREFIX + "/v1/classify")
        async def classify(
            request: Request,
            authorization: str | None = Header(None),
            x_api_key: str | None = Header(None),
            proof: str | None = Header(None, alias=PROOF_HEADER),
        ) -> dict[str, Any]:
            caller = await self.access.identify(authorization, x_api_key, proof)
            body = await request.json()
            if len(body["text"]) > 200:
                raise Problem(422, "The text is too long.", kind="text-too-long")
            answer = predicted(body["text"], body["top"])
            return {"request_id": caller.id, "predictions": [answer]}

        @app.exception_handler(Problem)
        async def refuse(request: Request, problem: Problem) -> Response:
            return Response(problem.body("r"), problem.status, problem.headers, MEDIA_TYPE)

        return app


def page(answer: httpx.Response, status: int = 200) -> BeautifulSoup:
    assert answer.status_code == status, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return BeautifulSoup(answer.text, "html.parser")


def send(browser: Browser, path: str, status: int = 200, **fields: str) -> BeautifulSoup:
    answer = browser.post(f"/hub/{path}", data={"_xsrf": browser.xsrf, **fields})
    return page(answer, status)


def made_key(soup: BeautifulSoup) -> str:
    code = soup.find(id="key")
    assert code is not None, soup.text
    assert re.fullmatch(r"nacelle_[0-9a-f]{12}_[\w-]{43}", code.text)
    return code.text


def said(soup: BeautifulSoup) -> str:
    alert = soup.find(attrs={"role": "alert"})
    assert alert is not None, soup.text
    return alert.text
