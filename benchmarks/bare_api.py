"""The peer of the service: a bare endpoint that calls the same classifier and nothing else.

No access check, no record, no limits, no metrics. `python -m benchmarks.bare_api MODEL PORT`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from nacelle.nace.classifier import Classifier
from nacelle.nace.prediction import Prediction


class Asked(msgspec.Struct):
    text: str
    top: int = 5


class Answer(msgspec.Struct):
    predictions: list[Prediction]


def main() -> None:
    classifier = Classifier.load(Path(sys.argv[1]))
    decoder, encoder = msgspec.json.Decoder(Asked), msgspec.json.Encoder()

    async def classify(request: Request) -> Response:
        asked = decoder.decode(await request.body())
        found = classifier.predict([asked.text], k=asked.top)
        return Response(encoder.encode(Answer(found)), media_type="application/json")

    uvicorn.run(
        Starlette(routes=[Route("/classify", classify, methods=["POST"])]),
        port=int(sys.argv[2]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main()
