"""How routes learn who asks."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from nacelle.credentials.identity import Person


async def _caller(request: Request) -> Person:
    access = request.app.state.access
    person: Person = await access.identify(request.headers)
    return person


Caller = Annotated[Person, Depends(_caller)]
