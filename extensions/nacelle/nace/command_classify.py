"""`nacelle nace classify`: codes for the texts of a file, from the running service."""

from __future__ import annotations

import hashlib
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import click

from nacelle.nace.command_base import (
    NO,
    Progress,
    Share,
    as_json,
    for_people,
    print_json,
    progress,
    say,
    text_column,
)
from nacelle.nace.errors import NaceError

if TYPE_CHECKING:
    from nacelle.nace.client import Client
    from nacelle.nace.client_batches import Text
    from nacelle.nace.command_coded import Coded
    from nacelle.nace.command_rows import Rows
    from nacelle.nace.unfinished import Kept, Unfinished

_SUFFIX = ".unfinished"
# Answers that are written at once: few are asked again after kill -9.
_AT_ONCE = 100
# For how many seconds the service may be away before the work ends, to be gone on with later.
_PATIENCE = 300.0
_AGAIN = "Run the same command again: it goes on where it was."


@dataclass(frozen=True)
class _Job:
    """What is to be done. `columns` are those that the model reads beside the text."""

    file: Path
    text: str
    columns: tuple[str, ...]
    language: str
    options: dict[str, Any]
    output: Path

    def rows(self) -> Rows:
        from nacelle.nace.command_rows import read_rows

        return read_rows(str(self.file), self.text, self.columns)


@dataclass
class _Counts:
    """What was coded, for the summary."""

    rows: int = 0
    automatic: int = 0
    unreadable: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    models: Counter[str] = field(default_factory=Counter)

    def add(self, coded: Coded, unreadable: int) -> None:
        about = coded.about
        self.rows += len(about["stage"])
        self.automatic += sum(map(bool, about["automatic"]))
        self.unreadable += unreadable
        self.stages.update(about["stage"])
        named = zip(about["model"], about["model_version"], strict=True)
        self.models.update(" ".join(one) for one in named if one[1])


@click.command()
@click.argument("file")
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="A .parquet, .csv or .jsonl file.",
)
@click.option("--url", help="Address of the service; else $NACELLE_NACE_URL, or the platform's.")
@click.option(
    "--key-file",
    type=click.Path(path_type=Path),
    help="File that holds the API key; else $NACELLE_API_KEY, or a session's own token.",
)
@text_column
@click.option("--language", default="", help="Language of the texts where no column says it.")
@click.option("--titles", default="", metavar="LANGUAGE", help="Language of titles, such as fr.")
@click.option(
    "--top", type=click.IntRange(1, 50), default=5, show_default=True, help="Codes a row."
)
@click.option("--level", type=click.IntRange(1, 20), help="Level of the codes, 1 = top.")
@click.option("--threshold", type=Share(), help="Automatic from this index on.")
@as_json
@for_people(_AGAIN)
def classify(
    file: str,
    output: Path,
    url: str | None,
    key_file: Path | None,
    text_column: str,
    language: str,
    titles: str,
    top: int,
    level: int | None,
    threshold: float | None,
    as_json: bool,
) -> None:
    """Code the texts of FILE (Parquet, CSV or .txt) by the classifier's service.

    All columns and the order of the rows are kept. Answers are kept beside the output until all are
    there: interrupted or killed, the same command goes on where it was. The exit code is 1 where
    the service is away, or the day's quota used up.
    """
    from nacelle.nace.client_errors import ServiceAway
    from nacelle.nace.command_coded import check_output

    check_output(output)
    key = key_file.read_text(encoding="utf-8", errors="replace").strip() if key_file else None
    options = {"top": top, "level": level, "threshold": threshold}
    with _on_disk(file) as path, _client(url, key, titles) as client:
        if output.exists() and output.samefile(path):
            raise NaceError(f"{output} is the input; name another output.")
        try:
            model = client.model()
            job = _Job(path, text_column, tuple(model["side"]), language, options, output)
            counts = _run(client, job, min(top, int(model["codes"])), titles)
        except ServiceAway as error:
            say(f"{error}\n{_AGAIN}")
            sys.exit(NO)
    if as_json:
        print_json(_content(counts, output))
    else:
        say(_words(counts, output))


def _client(url: str | None, key: str | None, titles: str) -> Client:
    from nacelle.nace.client import Client

    return Client(url, key, titles=titles, patience=_PATIENCE)


@contextmanager
def _on_disk(file: str) -> Iterator[Path]:
    """The input as a file that can be read again: a copy of what lies elsewhere."""
    from nacelle.nace.command_rows import STDIN
    from nacelle.nace.files import place, read_bytes

    if file == STDIN:
        raise NaceError("Standard input cannot be read again after an interruption; name a file.")
    path = Path(place(file))
    if path.is_file():
        yield path
        return
    data = read_bytes(file)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / (PurePosixPath(file).name or "input")
        copy.write_bytes(data)
        yield copy


def _run(client: Client, job: _Job, ranks: int, titles: str) -> _Counts:
    """Ask for what is missing, then write the output from all answers."""
    from nacelle.nace.unfinished import Purpose, open_unfinished

    asked = {"text column": job.text, "language": job.language, "titles": titles, **job.options}
    before = _state(job.file)
    purpose = Purpose(_digest(job.file), client.place.url, asked, ranks)
    rows = job.rows()
    path = job.output.with_name(job.output.name + _SUFFIX)
    with open_unfinished(path, purpose) as kept:
        if kept.answered:
            say(f"Going on after {kept.answered:,} rows ({path}).")
        with progress("classify") as tell:
            _ask(client, job, rows, kept, tell)
            if _state(job.file) != before:
                raise NaceError(f"{job.file} was changed meanwhile; remove {path} and begin again.")
            counts = _write(job, kept, tell)
        path.unlink()
    return counts


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _state(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _ask(client: Client, job: _Job, rows: Rows, kept: Unfinished, tell: Progress) -> None:
    """Ask for the rows without answer, and keep the answers as they come."""
    from nacelle.nace.client_errors import Refusal
    from nacelle.nace.unfinished import Kept

    first, start = kept.answered, time.monotonic()
    texts = _texts(job, rows, first, kept.purpose.ranks)
    fresh: list[Kept] = []
    try:
        for one in client.classify_many(texts, language=job.language, **job.options):
            fresh.append(Kept.refused(one.detail) if isinstance(one, Refusal) else Kept.of(one))
            if len(fresh) == _AT_ONCE:
                kept.add(fresh)
                speed = (kept.answered - first) / max(time.monotonic() - start, 1e-3)
                share = kept.answered / (rows.total or 1)
                tell(share, f"{kept.answered:,} rows, {speed:,.0f} rows/s")
    finally:
        if fresh:
            kept.add(fresh)


def _texts(job: _Job, rows: Rows, done: int, ranks: int) -> Iterator[Text]:
    """The texts of the rows behind the first `done`, with what stands beside them."""
    from nacelle.nace.command_texts import readable_texts, renamed, words_of
    from nacelle.nace.serving.wire import TextItem

    for number, columns in enumerate(rows.batches):
        if not number:
            # Names that cannot stand beside the answers' are said before the work.
            renamed(columns, coded_of([], ranks))
        size = len(columns[job.text])
        if done >= size:
            done -= size
            continue
        texts, _ = readable_texts(_plain(columns[job.text]))
        beside = [words_of(columns[name]) for name in job.columns]
        languages = words_of(columns["language"]) if "language" in columns else []
        for row in range(done, size):
            side = {name: one[row] for name, one in zip(job.columns, beside, strict=True)}
            spoken = languages[row] if languages else ""
            plain = not (side or spoken)
            yield texts[row] if plain else TextItem(texts[row], spoken or job.language, side)
        done = 0


def _write(job: _Job, kept: Unfinished, tell: Progress) -> _Counts:
    """The output: the input's columns and the answers', the same bytes however often it ended."""
    from nacelle.nace.command_coded import write_file
    from nacelle.nace.command_texts import readable_texts, renamed, tell_unreadable

    counts = _Counts()
    answers = kept.answers()
    with write_file(job.output) as write:
        for columns in job.rows().batches:
            texts = _plain(columns[job.text])
            coded = coded_of(list(islice(answers, len(texts))), kept.purpose.ranks)
            _, problems = readable_texts(texts)
            tell_unreadable(coded, problems)
            write(renamed(columns, coded), coded)
            counts.add(coded, len(problems))
            tell(1.0, f"{counts.rows:,} rows written")
    return counts


def coded_of(answers: Iterable[Kept], ranks: int) -> Coded:
    """Kept answers as the columns of a file; without a code of some rank, '' and 0."""
    from nacelle.nace.command_coded import Coded

    rows = list(answers)

    def column(name: str, rank: int, nothing: Any) -> list[Any]:
        values = (getattr(row, name) for row in rows)
        return [one[rank] if rank < len(one) else nothing for one in values]

    names = (
        "index", "automatic", "stage", "detail", "threshold", "nomenclature", "version", "model",
        "model_version",
    )  # fmt: skip
    return Coded(
        [
            {
                "code": column("codes", rank, ""),
                "title": column("titles", rank, ""),
                "probability": column("probabilities", rank, 0.0),
            }
            for rank in range(ranks)
        ],
        {name: [getattr(row, name) for row in rows] for name in names},
    )


def _plain(column: Any) -> list[Any]:
    from nacelle.nace.command_rows import plain

    return plain(column)


def _content(counts: _Counts, output: Path) -> dict[str, Any]:
    return {
        "output": str(output),
        "rows": counts.rows,
        "stages": dict(counts.stages),
        "unreadable": counts.unreadable,
        "automatic": counts.automatic,
        "models": dict(counts.models),
    }


def _words(counts: _Counts, output: Path) -> str:
    from nacelle.nace.unfinished import REFUSED
    from nacelle.nace.words import share

    by_stage = ", ".join(f"{count:,} {stage}" for stage, count in counts.stages.most_common())
    parts = [f"{counts.rows:,} rows ({by_stage})."]
    if counts.automatic:
        parts.append(f"{counts.automatic:,} automatic ({share(counts.automatic / counts.rows)}).")
    if counts.unreadable:
        parts.append(
            f"{counts.unreadable:,} texts are not UTF-8 or have control characters, and were"
            " rejected; save the file as UTF-8."
        )
    if counts.stages[REFUSED]:
        parts.append(f"{counts.stages[REFUSED]:,} texts were refused; the column detail says why.")
    if len(counts.models) > 1:
        models = ", ".join(f"{name} ({rows:,} rows)" for name, rows in counts.models.items())
        parts.append(f"The service changed its model meanwhile: {models}.")
    parts.append(f"Written to {output}.")
    return "\n".join(parts)
