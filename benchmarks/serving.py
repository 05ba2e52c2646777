"""The classifier's service under load: its own cost beside what it serves."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx

from benchmarks.figure import Figure, Goal, Report
from benchmarks.nace_data import DATA
from benchmarks.running import running, scratch
from benchmarks.wrk import Load, load
from tests.nace.serving.running import RunningService
from tests.support.installation import plain_environment
from tests.support.waiting import free_base, wait_for

# The model knows all classes and has its usual size, but learns only briefly.
_TRAIN = """
import sys
import time
from pathlib import Path
import msgspec
from nacelle.nace.fits import TrainSettings
from nacelle.nace.labelled import read_labelled
from nacelle.nace.nomenclature import load_nomenclature
from nacelle.nace.train import train
data, folder = Path(sys.argv[1]), Path(sys.argv[2])
nace = load_nomenclature(data / "nace_rev2.csv", notes=data / "nace_rev2_notes.csv")
whole = TrainSettings()
brief = msgspec.structs.replace(
    whole,
    bag=msgspec.structs.replace(whole.bag, epochs=1),
    network=msgspec.structs.replace(whole.network, epochs=1),
)
rows = read_labelled(data / "activities_train.parquet", nace)
classifier = train(rows, nace, brief, name="nace")
classifier.save(folder / "model")
import mlflow
from nacelle.nace.register import log_classifier
mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
experiment = mlflow.create_experiment("bench", str(folder / "artifacts"))
with mlflow.start_run(experiment_id=experiment):
    logged = log_classifier(classifier)
    mlflow.artifacts.download_artifacts(artifact_uri=logged.uri, dst_path=str(folder / "logged"))
"""
_IN_PROCESS = """
import json, sys, time
from pathlib import Path
from nacelle.nace.classifier import Classifier
classifier = Classifier.load(Path(sys.argv[1]))
texts = json.loads(Path(sys.argv[2]).read_text())
batches = [texts[start : start + 1000] for start in range(0, len(texts) - 999, 1000)]
classifier.predict(texts)
began = time.perf_counter()
for batch in batches:
    classifier.predict(batch, k=5)
print(len(batches) * 1000 / (time.perf_counter() - began))
"""
CONNECTIONS = (8, 64)
ROUNDS, SECONDS = 3, 4
BATCH, TEXTS = 1_000, 6_000
_MEMORY = 250
_CORES = 4


@dataclass(frozen=True)
class Served:
    """Something that classifies one text a request."""

    url: str
    headers: dict[str, str]
    bodies: Sequence[str]


def run(report: Report) -> Iterator[Figure]:
    """Requests a second and percentiles against a bare endpoint and `mlflow models serve`."""
    with scratch() as folder:
        report("training a model of the usual size, briefly")
        _python(_TRAIN, str(DATA), str(folder))
        texts = _texts()
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        yield from _one_text(report, folder, texts)
        yield from _batches(report, folder, texts)
        yield from _workers(report, folder, texts)


def _one_text(report: Report, folder: Path, texts: Sequence[str]) -> Iterator[Figure]:
    with ExitStack() as stack:
        ours = stack.enter_context(our_service(folder, texts))
        bare = stack.enter_context(bare_endpoint(folder, texts))
        peer = stack.enter_context(mlflow_serve(folder, texts))
        for connections in CONNECTIONS:
            report(f"one text a request, {connections} connections")
            # In turn, so that a change of the machine's mood meets all.
            rounds = [
                [_load(one, folder, connections) for one in (ours, bare, peer)]
                for _ in range(ROUNDS)
            ]
            yield from _compared(connections, rounds)


def _compared(connections: int, rounds: Sequence[Sequence[Load]]) -> Iterator[Figure]:
    ours, bare, peer = (_middle([one[i] for one in rounds]) for i in range(3))
    name = f"serving.one.{connections}"
    seen = (
        f"must be >= 0.5; {ours.rate:.0f} requests/s, p50 {ours.p50:.1f} ms, p99 {ours.p99:.1f} ms"
    )
    against = f"bare endpoint, {bare.rate:.0f}/s, p99 {bare.p99:.1f} ms"
    yield Figure(f"{name}.bare", ours.rate / bare.rate, "ratio", against, Goal(">=", 0.7), seen)
    yield Figure(f"{name}.p99", ours.p99 / bare.p99, "ratio", against, Goal("<=", 2))
    yield Figure(
        f"{name}.mlflow",
        ours.rate / peer.rate,
        "ratio",
        f"mlflow models serve, {peer.rate:.0f}/s, p99 {peer.p99:.1f} ms",
        Goal(">=", 5),
    )
    if any(one.failed for one in (ours, bare, peer)):
        raise RuntimeError(f"requests failed: {ours.failed}, {bare.failed}, {peer.failed}")


def _batches(report: Report, folder: Path, texts: Sequence[str]) -> Iterator[Figure]:
    report("batches of 1,000")
    rates, peers = [], []
    with RunningService(folder / "batches") as service:
        service.publish(folder / "model")
        service.start()
        for _ in range(ROUNDS):
            rates.append(_batch_rate(service, texts))
            peers.append(
                float(
                    _python(_IN_PROCESS, str(folder / "model"), str(folder / "texts.json"), cores=1)
                )
            )
        memory = max(one.memory_info().rss for one in service.workers()) / 1e6
    yield Figure(
        "serving.batch",
        median(rates) / median(peers),
        "ratio",
        f"the classifier in process, {median(peers):.0f} rows/s",
        Goal(">=", 0.8),
        f"must be >= 0.6; {median(rates):.0f} rows/s",
    )
    yield Figure(
        "serving.memory",
        memory / _MEMORY,
        "ratio",
        f"{_MEMORY} MB a worker",
        Goal("<=", 1),
        f"{memory:.0f} MB resident after {ROUNDS * TEXTS:,} texts",
    )


def _workers(report: Report, folder: Path, texts: Sequence[str]) -> Iterator[Figure]:
    cores = len(os.sched_getaffinity(0))
    peer = "one worker"
    if cores < _CORES:
        note = f"{cores} cores: the load and two workers would share them"
        yield Figure("serving.two-workers", None, "ratio", peer, Goal(">=", 1.8), note)
        return
    report("two workers against one")
    rates = []
    for workers in (1, 2):
        with our_service(folder, texts, workers) as served:
            rates.append(median(_load(served, folder, 64).rate for _ in range(ROUNDS)))
    yield Figure(
        "serving.two-workers", rates[1] / rates[0], "ratio", f"{peer}, {rates[0]:.0f}/s",
        Goal(">=", 1.8),
    )  # fmt: skip


@contextmanager
def our_service(folder: Path, texts: Sequence[str], workers: int = 1) -> Iterator[Served]:
    """The service with records and an API key."""
    with RunningService(folder / f"ours-{workers}", workers=workers) as service:
        service.publish(folder / "model")
        service.start()
        headers = {"Authorization": f"Bearer {service.key}"}
        yield Served(f"{service.url}/v1/classify", headers, _bodies(texts))


@contextmanager
def bare_endpoint(folder: Path, texts: Sequence[str]) -> Iterator[Served]:
    """Starlette and msgspec on uvloop, and the classifier."""
    port = free_base(1)
    command = [sys.executable, "-m", "benchmarks.bare_api", str(folder / "model"), str(port)]
    environment = plain_environment(OPENBLAS_NUM_THREADS="1")
    url = f"http://127.0.0.1:{port}/classify"
    with running(command, folder / "bare.log", environment, Path.cwd()):
        bodies = _bodies(texts)
        _wait(url, bodies[0])
        yield Served(url, {}, bodies)


@contextmanager
def mlflow_serve(folder: Path, texts: Sequence[str]) -> Iterator[Served]:
    """MLflow's own server with the same model, as logged."""
    port = free_base(1)
    (logged,) = [path.parent for path in (folder / "logged").rglob("MLmodel")]
    command = [
        str(Path(sys.executable).with_name("mlflow")), "models", "serve",
        "--model-uri", str(logged), "--port", str(port), "--env-manager", "local",
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = plain_environment(OPENBLAS_NUM_THREADS="1", PATH=path)
    url = f"http://127.0.0.1:{port}/invocations"
    with running(command, folder / "mlflow.log", environment, folder):
        bodies = [json.dumps({"dataframe_records": [{"text": text}]}) for text in texts]
        _wait(url, bodies[0])
        yield Served(url, {}, bodies)


def _load(served: Served, folder: Path, connections: int) -> Load:
    return load(
        served.url,
        served.bodies,
        folder,
        connections=connections,
        seconds=SECONDS,
        headers=served.headers,
    )


def _middle(rounds: Sequence[Load]) -> Load:
    return Load(
        median(one.rate for one in rounds),
        median(one.p50 for one in rounds),
        median(one.p99 for one in rounds),
        sum(one.failed for one in rounds),
    )


def _batch_rate(service: RunningService, texts: Sequence[str]) -> float:
    """Rows a second over one connection, batch after batch."""
    bodies = [
        json.dumps({"texts": texts[start : start + BATCH]}).encode()
        for start in range(0, len(texts) - BATCH + 1, BATCH)
    ]
    with service.client() as client:
        client.post("/v1/classify", content=bodies[0]).raise_for_status()
        began = time.perf_counter()
        for body in bodies:
            client.post("/v1/classify", content=body).raise_for_status()
        return len(bodies) * BATCH / (time.perf_counter() - began)


def _bodies(texts: Sequence[str]) -> list[str]:
    return [json.dumps({"text": text}) for text in texts]


def _texts() -> list[str]:
    import pyarrow.parquet as pq

    column = pq.read_table(DATA / "activities_train.parquet", columns=["text"])["text"]
    every = len(column) // TEXTS
    return [str(text) for text in column.to_pylist()[::every][:TEXTS]]


def _wait(url: str, body: str) -> None:
    def answers() -> bool:
        try:
            headers = {"Content-Type": "application/json"}
            return httpx.post(url, content=body, headers=headers, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    wait_for(answers, 120, url)


def _python(program: str, *words: str, cores: int = 0) -> str:
    """What a program prints; its linear algebra has as many threads as cores, 0 for all."""
    threads = {"OPENBLAS_NUM_THREADS": str(cores)} if cores else {}
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env=plain_environment(**threads),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return done.stdout
