"""The routes that read: the model, the nomenclature, and how the service is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, Field

from nacelle.credentials.identity import PROOF_HEADER
from nacelle.language import choose_language
from nacelle.nace.serving.access import ADMINISTER, Caller
from nacelle.nace.serving.engine import Serving
from nacelle.nace.serving.metrics import exposition
from nacelle.nace.serving.openapi import refusals
from nacelle.nace.serving.problems import Problem
from nacelle.nace.serving.reading import CodeInfo, FoundCode, ModelInfo, code_info, model_info
from nacelle.nace.serving.search import Search
from nacelle.nace.serving.service import Service

_LONGEST_QUERY = 200


class Health(BaseModel):
    """Whether this process answers."""

    status: str = "ok"


class Readiness(BaseModel):
    """Whether it can classify, and how it stands with the registry."""

    ready: bool = True
    model: str = Field(description="Registry version and content version that serve.")
    since: str
    checked: str | None = Field(description="When the registry last answered.")
    problem: str | None = Field(description="Why the registry's alias cannot be followed now.")
    refused: str | None = Field(description="A version that was not taken, and why.")
    pending: str | None = Field(
        description="A newer model that this process could not load yet, and why."
    )
    warning: str | None = Field(description="Why the version's threshold is not used.")


class Found(BaseModel):
    """What a search found, best first."""

    codes: list[FoundCode]


def make_reading_routes(service: Service, language: str) -> APIRouter:
    """All routes that change nothing."""

    async def known(request: Request) -> None:
        await identify(service, request.headers)

    def spoken(request: Request) -> str:
        return choose_language(request.headers.get("accept-language"), language)

    router = APIRouter(dependencies=[Depends(known)], responses=refusals(401, 403, 422, 429, 503))
    searches = _Searches()

    @router.get("/v1/model", tags=["model"], summary="The model that serves")
    async def model() -> ModelInfo:
        return model_info(service.model())

    @router.get("/v1/nomenclature", tags=["nomenclature"], summary="Search in titles and notes")
    async def search(
        request: Request,
        q: Annotated[str, Query(min_length=1, max_length=_LONGEST_QUERY, examples=["bread"])],
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
    ) -> Found:
        serving, said = service.model(), spoken(request)
        index = await searches.of(serving)
        nomenclature = serving.classifier.nomenclature
        return Found(
            codes=[
                FoundCode(
                    code=code,
                    title=nomenclature.title(code, said),
                    level=nomenclature.level(code),
                    score=None if score == float("inf") else round(score, 3),
                )
                for code, score in index.find(q, limit)
            ]
        )

    @router.get(
        "/v1/nomenclature/{code}",
        tags=["nomenclature"],
        summary="A code: titles, notes, parents and children",
        responses=refusals(404),
    )
    async def one_code(
        request: Request,
        code: Annotated[str, Path(max_length=40, examples=["01.21"])],
    ) -> CodeInfo:
        nomenclature = service.model().classifier.nomenclature
        found = nomenclature.find(code)
        if found is None:
            raise Problem(404, nomenclature.explain_unknown(code), kind="unknown-code")
        return code_info(nomenclature, found, spoken(request))

    return router


def make_health_routes(service: Service) -> APIRouter:
    """How the service is. `/metrics` is for administrators; the others are for probes."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Whether it answers")
    async def healthz() -> Health:
        return Health()

    @router.get(
        "/readyz",
        summary="Whether it can classify",
        responses=refusals(503),
    )
    async def readyz() -> Readiness:
        current = service.model().current
        state = service.stated()
        return Readiness(
            model=f"{current.registry_version} ({current.model_version})",
            since=current.taken,
            checked=state.checked,
            problem=state.problem,
            refused=state.refused,
            pending=service.pending.sentence if service.pending else None,
            warning=state.warning,
        )

    @router.get(
        "/metrics",
        summary="Numbers for Prometheus",
        response_class=Response,
        responses={
            200: {"content": {"text/plain": {"schema": {"type": "string"}}}},
            **refusals(401, 403, 429, 503),
        },
    )
    async def metrics(request: Request) -> Response:
        who = await identify(service, request.headers)
        if ADMINISTER not in who.scopes:
            raise Problem(403, "The numbers are for administrators.", kind="not-allowed")
        text = await asyncio.to_thread(exposition, service.metrics)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    return router


async def identify(service: Service, headers: Mapping[str, str]) -> Caller:
    """Who sent these headers. Raises Problem."""
    who = await service.access.identify(
        headers.get("authorization"), headers.get("x-api-key"), headers.get(PROOF_HEADER)
    )
    service.access.admit(who, 0)
    return who


class _Searches:
    """The index of the nomenclature that serves, made when it is first searched."""

    def __init__(self) -> None:
        self._digest = ""
        self._index: Search | None = None
        self._lock = asyncio.Lock()

    async def of(self, serving: Serving) -> Search:
        nomenclature = serving.classifier.nomenclature
        async with self._lock:
            if self._index is None or self._digest != nomenclature.digest:
                settings = serving.classifier.text
                self._index = await asyncio.to_thread(Search, nomenclature, settings)
                self._digest = nomenclature.digest
            return self._index
