"""The queue of one process: nobody waits behind a long batch, nobody fails for another's text."""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from nacelle.nace.classifier import Classifier
from nacelle.nace.prediction import Answers, Asked
from nacelle.nace.records import RecordsUnwritable
from nacelle.nace.serving.batcher import CHARACTERS, CHUNK, Batcher
from nacelle.nace.serving.champion import Current
from nacelle.nace.serving.engine import Job, Serving, weigh
from nacelle.nace.serving.problems import Problem
from nacelle.nace.serving.wire import TextItem

PLENTY = 1_000_000
FATAL = "the text that breaks it"


class Watched:
    """A real classifier that remembers what it was asked, and breaks at one text."""

    def __init__(self, classifier: Classifier) -> None:
        self.chunks: list[list[str]] = []
        answer = classifier.answer

        def watched(
            texts: Sequence[str],
            *,
            languages: Sequence[str] | None = None,
            side: Mapping[str, Sequence[str]] | None = None,
        ) -> Answers:
            self.chunks.append(list(texts))
            if FATAL in texts:
                raise RuntimeError("broken")
            return answer(texts, languages=languages, side=side)

        classifier.answer = watched  # type: ignore[method-assign]
        current = Current("1-x", "models:/nace@champion", "1", "x", "2026-01-01T00:00:00+00:00")
        self.serving = Serving(classifier, current)


@pytest.fixture(scope="module")
def loaded(small_model: Path) -> Callable[[], Classifier]:
    return lambda: Classifier.load(small_model)


@pytest.fixture
def model(loaded: Callable[[], Classifier]) -> Watched:
    return Watched(loaded())


class Records:
    """What was kept, in its order; `refuse` makes it fail."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.refuse: Exception | None = None

    def __call__(self, jobs: Sequence[Job]) -> None:
        if self.refuse:
            raise self.refuse
        self.kept += [job.asked.request_id for job in jobs]


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def batcher(records: Records) -> Batcher:
    return Batcher(PLENTY, records)


def job(model: Watched, name: str, *texts: str, seconds: float = 60, level: int = 4) -> Job:
    loop = asyncio.get_running_loop()
    asked = Asked(2, None, "en", name, "2026-01-01T00:00:00+00:00")
    items = [TextItem(text) for text in texts]
    return Job(
        model.serving, items, asked, level, "me", loop.time() + seconds, loop.create_future()
    )


async def finished(*jobs: Job) -> None:
    await asyncio.wait([one.future for one in jobs], timeout=30)


def texts(count: int, word: str = "bread") -> list[str]:
    return [f"{word} {number}" for number in range(count)]


async def test_what_arrives_together_is_asked_together(model: Watched, batcher: Batcher) -> None:
    jobs = [job(model, str(n), f"bread {n}") for n in range(5)]
    for one in jobs:
        batcher.submit(one)
    await finished(*jobs)
    assert model.chunks == [texts(5)]
    for n, one in enumerate(jobs):
        assert [p.text for p in one.future.result()] == [f"bread {n}"]
        assert one.future.result()[0].request_id == str(n)


async def test_a_single_text_does_not_wait_for_a_long_batch(
    model: Watched, batcher: Batcher, records: Records
) -> None:
    long, single = job(model, "long", *texts(10 * CHUNK)), job(model, "single", "wheat")
    batcher.submit(long)
    batcher.submit(single)
    await finished(single)
    assert not long.future.done()
    assert "wheat" in model.chunks[1]
    await finished(long)
    assert [one.text for one in long.future.result()] == texts(10 * CHUNK)
    assert records.kept == ["single", "long"]


async def test_a_single_text_does_not_wait_for_long_texts(model: Watched, batcher: Batcher) -> None:
    book = "a bakery with a shop " * 100
    long, single = job(model, "long", *[book] * 50), job(model, "single", "wheat")
    batcher.submit(long)
    batcher.submit(single)
    await finished(single)
    asked = [sum(map(len, chunk)) for chunk in model.chunks]
    assert max(asked) <= CHARACTERS + len(book)
    await finished(long)
    assert len(long.future.result()) == 50


async def test_a_text_longer_than_a_chunk_is_answered_alone(
    model: Watched, batcher: Batcher
) -> None:
    huge = "bread " * CHARACTERS
    one = job(model, "huge", "wheat", huge, "wheat")
    batcher.submit(one)
    await finished(one)
    assert [found.text for found in one.future.result()] == ["wheat", huge, "wheat"]


async def test_long_batches_take_turns(model: Watched, batcher: Batcher, records: Records) -> None:
    jobs = [job(model, word, *texts(3 * CHUNK, word)) for word in ("bread", "wheat")]
    for one in jobs:
        batcher.submit(one)
    await finished(*jobs)
    order = [chunk[0].split()[0] for chunk in model.chunks]
    assert order == ["bread", "wheat"] * 3
    for one, word in zip(jobs, ("bread", "wheat"), strict=True):
        assert [found.text for found in one.future.result()] == texts(3 * CHUNK, word)


async def test_each_level_in_one_chunk(model: Watched, batcher: Batcher) -> None:
    jobs = [job(model, str(level), "growing of wheat", level=level) for level in (1, 4, 2)]
    for one in jobs:
        batcher.submit(one)
    await finished(*jobs)
    assert len(model.chunks) == 1
    assert [one.future.result()[0].top[0].code for one in jobs] == ["A", "0111", "01"]


async def test_models_are_not_mixed(
    model: Watched, loaded: Callable[[], Classifier], batcher: Batcher
) -> None:
    other = Watched(loaded())
    other.serving.classifier.version = "another"
    jobs = [job(which, str(n), "bread") for n, which in enumerate((model, other, model, other))]
    for one in jobs:
        batcher.submit(one)
    await finished(*jobs)
    versions = [one.future.result()[0].model_version for one in jobs]
    mine = model.serving.classifier.version
    assert versions == [mine, "another", mine, "another"]


async def test_a_text_that_fails_does_not_fail_the_others(
    model: Watched, batcher: Batcher, records: Records
) -> None:
    good = [job(model, f"good {n}", f"bread {n}") for n in range(3)]
    bad = job(model, "bad", *texts(2 * CHUNK), FATAL, *texts(2 * CHUNK))
    for one in (good[0], bad, *good[1:]):
        batcher.submit(one)
    await finished(bad, *good)
    for one in good:
        assert len(one.future.result()) == 1
    problem = bad.future.exception()
    assert isinstance(problem, Problem) and problem.status == 500
    assert batcher.waiting == 0 and set(records.kept) == {"good 0", "good 1", "good 2"}
    after = job(model, "after", "bread")
    batcher.submit(after)
    await finished(after)
    assert after.future.result()


async def test_whom_nobody_waits_for_is_neither_answered_nor_recorded(
    model: Watched, batcher: Batcher, records: Records
) -> None:
    gone, begun = job(model, "gone", "wheat"), job(model, "begun", *texts(5 * CHUNK))
    stays = job(model, "stays", *texts(3 * CHUNK, "road"))
    for one in (begun, gone, stays):
        batcher.submit(one)
    gone.future.cancel()
    await asyncio.sleep(0)
    begun.future.cancel()
    await finished(stays)
    assert records.kept == ["stays"]
    assert sum("wheat" in chunk for chunk in model.chunks) == 0
    assert sum(len(chunk) for chunk in model.chunks) < 8 * CHUNK
    await asyncio.sleep(0)
    assert batcher.waiting == 0


async def test_whoever_waited_too_long_is_told(
    model: Watched, batcher: Batcher, records: Records
) -> None:
    late, others = job(model, "late", "wheat", seconds=-1), job(model, "in time", "bread")
    batcher.submit(late)
    batcher.submit(others)
    await finished(late, others)
    problem = late.future.exception()
    assert isinstance(problem, Problem)
    assert (problem.status, problem.kind) == (503, "timed-out")
    assert problem.headers["Retry-After"] == "1"
    assert model.chunks == [["bread"]] and records.kept == ["in time"]
    assert batcher.waiting == 0


async def test_the_queue_does_not_grow_beyond_its_limit(model: Watched, records: Records) -> None:
    batcher = Batcher(100, records)
    # A batch that is larger than the queue is taken when nobody waits, or it never would be.
    batcher.check_room(500, 0)
    jobs = [job(model, "first", *texts(60)), job(model, "second", *texts(40))]
    for one in jobs:
        batcher.check_room(len(one.items), one.characters)
        batcher.submit(one)
    for count in (1, 500):
        with pytest.raises(Problem, match="100 texts are waiting") as refused:
            batcher.check_room(count, 0)
        assert (refused.value.status, refused.value.kind) == (503, "overloaded")
    await finished(*jobs)
    assert batcher.waiting == 0
    batcher.check_room(100, 0)


async def test_work_is_counted_as_well_as_texts(model: Watched, records: Records) -> None:
    batcher = Batcher(100, records)
    # However much it is, where nobody waits: or it never would be answered.
    batcher.check_room(1, 1_000_000)
    long, gone = job(model, "long", *["wheat " * 500] * 5), job(model, "gone", "wheat " * 100)
    batcher.submit(long)
    # Beside it there is room for others, but not for another like it.
    batcher.check_room(1, 600)
    batcher.submit(gone)
    gone.future.cancel()
    for characters in (4_401, 1_000_000):
        with pytest.raises(Problem, match="6 texts are waiting") as refused:
            batcher.check_room(1, characters)
        assert (refused.value.status, refused.value.kind) == (503, "overloaded")
    batcher.check_room(1, 4_400)
    bad = job(model, "bad", "bread " * 100, FATAL)
    batcher.submit(bad)
    await finished(long, bad)
    assert batcher.waiting == 0
    last = job(model, "last", "wheat")
    batcher.submit(last)
    # Nothing of what is over is counted any more.
    batcher.check_room(99, 10_000 - len("wheat"))
    await finished(last)


async def test_signs_that_grow_are_weighed(model: Watched, batcher: Batcher) -> None:
    short, growing = "é" * 100, "\ufdfa" * 100
    for text in ("wheat", short, growing):
        assert weigh(text) >= len(unicodedata.normalize("NFKD", text))
    assert weigh("wheat") == 5 and weigh(short) == 200
    long, single = job(model, "long", *[growing] * 50), job(model, "single", "wheat")
    batcher.submit(long)
    batcher.submit(single)
    await finished(long, single)
    asked = [
        sum(len(unicodedata.normalize("NFKD", one)) for one in texts) for texts in model.chunks
    ]
    assert max(asked) <= CHARACTERS


@pytest.mark.parametrize(
    ("error", "status"),
    [(RecordsUnwritable("No room for the record."), 503), (ValueError("unforeseen"), 500)],
)
async def test_no_answer_without_a_record(
    model: Watched, batcher: Batcher, records: Records, error: Exception, status: int
) -> None:
    records.refuse = error
    jobs = [job(model, str(n), "bread") for n in range(2)]
    for one in jobs:
        batcher.submit(one)
    await finished(*jobs)
    for one in jobs:
        problem = one.future.exception()
        assert isinstance(problem, Problem) and problem.status == status
    assert batcher.waiting == 0
    records.refuse = None
    after = job(model, "after", "bread")
    batcher.submit(after)
    await finished(after)
    assert records.kept == ["after"] and after.future.result()
