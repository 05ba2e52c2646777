"""Looking for keys and tokens in a notebook; what is found is told by place and kind only.

The cases, each with a test of its number in tests/jobs/test_findings.py:

1. Sources of code, of text and raw ones are read, and comments in them.
2. Outputs are read as text: what was printed, results as text, HTML or JSON, and tracebacks.
3. Images, plots, scripts and styles in outputs are not read: what looks random there is no key.
4. A line is told once for each kind, and by its name or randomness only if no shape fits.
5. The name of a secret (API_KEY, team/api-key), a sample ("changeme"), a call that fetches one
   (os.environ["TOKEN"], getpass()) are no keys.
6. Neither a finding nor an error nor a log holds any of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

from nacelle.jobs import detectors
from nacelle.jobs.detectors import Detector
from nacelle.jobs.notebook import NotebookFile
from nacelle.jobs.parts import Finding, Value
from nacelle.language import Said

# Of each output; what is longer has been said by then.
_MOST_OUTPUT = 2_000_000
_CHUNK, _OVERLAP = 2_000, 1_000
_TEXT_TYPES = ("text/plain", "text/html", "text/markdown", "text/latex", "application/json")
_DATA_ADDRESS = re.compile(
    r"data:[\w/+.;=-]{0,100};base64,[A-Za-z0-9+/=]*+(?:\s{1,8}[A-Za-z0-9+/=]{60,}+)*+"
)
_EMBEDDED = re.compile(r"<(script|style|svg)\b.*?(?:</\1\s*>|\Z)", re.IGNORECASE | re.DOTALL)
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")

KINDS: dict[str, Said] = {
    "nacelle-key": Said("an API key of this platform", "une clé d'API de cette plateforme"),
    "hub-token": Said("a token of the hub", "un jeton du hub"),
    "vault-token": Said("a Vault token", "un jeton Vault"),
    "github-token": Said("a GitHub token", "un jeton GitHub"),
    "gitlab-token": Said("a GitLab token", "un jeton GitLab"),
    "hugging-face-token": Said("a Hugging Face token", "un jeton Hugging Face"),
    "aws-key": Said("an AWS or S3 access key", "une clé d'accès AWS ou S3"),
    "aws-secret": Said("an AWS or S3 secret key", "une clé secrète AWS ou S3"),
    "azure-key": Said("an Azure storage key", "une clé de stockage Azure"),
    "discord-token": Said("a Discord token", "un jeton Discord"),
    "web-token": Said("a JSON web token", "un jeton JSON (JWT)"),
    "mailchimp-key": Said("a Mailchimp key", "une clé Mailchimp"),
    "npm-token": Said("an npm token", "un jeton npm"),
    "openai-key": Said("an OpenAI key", "une clé OpenAI"),
    "private-key": Said("a private key", "une clé privée"),
    "pypi-token": Said("a PyPI token", "un jeton PyPI"),
    "sendgrid-key": Said("a SendGrid key", "une clé SendGrid"),
    "slack-token": Said("a Slack token or webhook", "un jeton ou webhook Slack"),
    "square-secret": Said("a Square secret", "un secret Square"),
    "stripe-key": Said("a Stripe key", "une clé Stripe"),
    "telegram-token": Said("a Telegram token", "un jeton Telegram"),
    "twilio-key": Said("a Twilio key", "une clé Twilio"),
    "password-in-address": Said("a password in an address", "un mot de passe dans une adresse"),
    "bearer-token": Said("a token in a header", "un jeton dans un en-tête"),
    "secret-by-name": Said("a value named as a secret", "une valeur dont le nom annonce un secret"),
    "random-text": Said("a text as random as a key", "un texte aussi aléatoire qu'une clé"),
}


class _Piece(NamedTuple):
    """Text of a notebook and where it stands."""

    cell: int
    where: Literal["source", "output"]
    output: int | None
    text: str
    code: bool


class _Detectors(NamedTuple):
    specific: list[Detector]
    by_name: list[Detector]
    random: list[Detector]


def look(notebook: NotebookFile) -> list[Finding]:
    """Every place where a key or token seems to stand, in the order of the notebook."""
    found = []
    for place, cell in enumerate(notebook.cells, start=1):
        for piece in _pieces(place, cell):
            for number, line in enumerate(piece.text.splitlines(), start=1):
                for kind in _kinds(line, piece.code):
                    found.append(
                        Finding(
                            cell=piece.cell,
                            where=piece.where,
                            output=piece.output,
                            line=number,
                            kind=kind,
                        )
                    )
    return found


def look_in_text(text: str) -> list[Finding]:
    """Every line of a text that is no notebook, told as of one cell."""
    return look(NotebookFile("", [{"cell_type": "raw", "source": text}], "", ""))


def look_in_values(values: Mapping[str, Value]) -> dict[str, str]:
    """Names of the parameters whose value seems to be a key or token, with its kind."""
    found: dict[str, str] = {}
    for name, value in values.items():
        items = value.value if isinstance(value.value, tuple) else (value.value,)
        for item in items:
            # With its name before it, since that tells too.
            if isinstance(item, str) and (kinds := _kinds(f'{name} = "{item}"', code=True)):
                found.setdefault(name, kinds[0])
    return found


def where(finding: Finding) -> Said:
    """A finding as a sentence."""
    kind = KINDS[finding.kind]
    if finding.file and not finding.file.endswith(".ipynb"):
        return Said(
            f"{finding.file}, line {finding.line}: {kind.en}.",
            f"{finding.file}, ligne {finding.line} : {kind.fr}.",
        )
    file_en = f"{finding.file}: " if finding.file else ""
    file_fr = f"{finding.file} : " if finding.file else ""
    if finding.where == "source":
        return Said(
            f"{file_en}Cell {finding.cell}, line {finding.line}: {kind.en}.",
            f"{file_fr}Cellule {finding.cell}, ligne {finding.line} : {kind.fr}.",
        )
    return Said(
        f"{file_en}Output {finding.output} of cell {finding.cell}, line {finding.line}: {kind.en}.",
        f"{file_fr}Sortie {finding.output} de la cellule {finding.cell}, ligne {finding.line} :"
        f" {kind.fr}.",
    )


def _kinds(line: str, code: bool) -> list[str]:
    ready = _detectors()
    chunks = list(_chunks(line))
    if found := _found(ready.specific, chunks):
        return found
    return _found(ready.by_name, chunks) or (_found(ready.random, chunks) if code else [])


def _found(among: Sequence[Detector], chunks: Sequence[str]) -> list[str]:
    found = []
    for chunk in chunks:
        lower = chunk.lower()
        found += [one.kind for one in among if one.find(chunk, lower)]
    return list(dict.fromkeys(found))


def _chunks(line: str) -> Iterator[str]:
    """A line in parts that patterns read quickly; neighbours share what a key is long."""
    for start in range(0, max(len(line) - _OVERLAP, 1), _CHUNK - _OVERLAP):
        yield line[start : start + _CHUNK]


@cache
def _detectors() -> _Detectors:
    return _Detectors(detectors.specific(), detectors.by_name(), detectors.random_looking())


def _pieces(place: int, cell: Mapping[str, Any]) -> Iterator[_Piece]:
    source = _DATA_ADDRESS.sub(_blank, cell["source"])
    yield _Piece(place, "source", None, source, cell["cell_type"] == "code")
    for number, output in enumerate(cell.get("outputs", ()), start=1):
        for text in _texts(output):
            yield _Piece(place, "output", number, _shown(text), False)


def _texts(output: Mapping[str, Any]) -> Iterator[str]:
    yield _joined(output.get("text", ""))
    yield _joined(output.get("traceback", ""), "\n")
    data = output.get("data", {})
    for kind in _TEXT_TYPES:
        content = data.get(kind, "")
        yield "\n".join(_strings(content)) if kind == "application/json" else _joined(content)


def _shown(text: str) -> str:
    """Text as a person sees it: no colours, no embedded images and programs, lines kept."""
    text = _COLOURS.sub("", text[:_MOST_OUTPUT])

    return _EMBEDDED.sub(_blank, _DATA_ADDRESS.sub(_blank, text))


def _blank(match: re.Match[str]) -> str:
    """Nothing but the lines that were there, so that those after keep their numbers."""
    return "\n" * match[0].count("\n")


def _joined(text: Any, between: str = "") -> str:
    if isinstance(text, list):
        return between.join(map(str, text))
    return text if isinstance(text, str) else ""


def _strings(value: Any) -> Iterator[str]:
    """Texts within JSON, each with its name, one a line."""
    waiting = [("", value)]
    while waiting:
        name, inner = waiting.pop()
        if isinstance(inner, Mapping):
            waiting += [(str(key), one) for key, one in list(inner.items())[::-1]]
        elif isinstance(inner, list):
            waiting += [(name, one) for one in reversed(inner)]
        elif isinstance(inner, str):
            yield f'"{name}": "{" ".join(inner.split())}"'
