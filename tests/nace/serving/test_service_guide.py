"""The programs of the service's guide run against a service, and the guide names all of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import httpx
import pandas as pd
import pytest

from nacelle.nace.client import Client
from nacelle.nace.serving.compact import compact
from nacelle.settings import Settings
from tests.nace.serving.recording import NEXT_DAY, make_record, make_spool
from tests.nace.serving.running import RunningService

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "notebooks" / "pipelines" / "nace" / "SERVICE.md"
TEXT = GUIDE.read_text(encoding="utf-8")
SERVING = ROOT / "extensions" / "nacelle" / "nace" / "serving"
PROGRAMS: dict[str, tuple[str, str]] = {
    f"{found[1]}-line-{TEXT.count(chr(10), 0, found.start()) + 1}": (found[1], found[2])
    for found in re.finditer(r"^```(sh|python|r) test\n(.*?)^```$", TEXT, re.M | re.S)
}


def programs(kind: str) -> list[str]:
    """Those in one language, in their order."""
    return [content for one, content in PROGRAMS.values() if one == kind]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the files that the guide names."""
    (tmp_path / "activities.csv").write_text("text\nboulangerie\ntaxi\n", encoding="utf-8")
    return tmp_path


def run(
    kind: str, content: str, home: Path, service: RunningService
) -> subprocess.CompletedProcess[str]:
    if kind == "sh":
        # Each finds the file that the first makes.
        kept = programs("sh")[0].splitlines()[0]
        command = ["bash", "-euo", "pipefail", "-c", f"{kept}\n{content}"]
    elif kind == "python":
        command = [sys.executable, "-c", content]
    else:
        (home / "program.R").write_text(content, encoding="utf-8")
        command = ["Rscript", "program.R"]
    return subprocess.run(
        command,
        cwd=home,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "NACELLE_NACE_URL": service.url,
            "NACELLE_API_KEY": service.key,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_the_guide_runs(name: str, home: Path, service: RunningService) -> None:
    kind, content = PROGRAMS[name]
    answer = run(kind, content, home, service)
    said = answer.stdout + answer.stderr
    assert answer.returncode == 0, said
    assert "urn:nacelle:problem" not in answer.stdout
    assert "Traceback" not in said and "Error" not in said
    assert answer.stdout or "Written" in answer.stderr
    assert service.key not in said


def test_the_programs_of_three_languages_give_the_same_code(
    home: Path, service: RunningService
) -> None:
    for kind in ("sh", "python", "r"):
        assert "1071" in run(kind, programs(kind)[0], home, service).stdout


def test_the_program_for_r_says_why_it_is_refused(home: Path, service: RunningService) -> None:
    (content,) = programs("r")
    asked = 'found <- nace_classify(c("café", NA)); stopifnot(is.na(found$code[2]))\n'
    answer = run("r", f'{content}\n{asked}nace_classify(strrep("x", 6000))', home, service)
    assert answer.returncode == 1
    assert "6,000 characters" in answer.stderr


def test_the_file_that_the_guide_codes_is_there(home: Path, service: RunningService) -> None:
    (content,) = (one for one in programs("sh") if "nace classify" in one)
    run("sh", content, home, service)
    assert pd.read_csv(home / "coded.csv", dtype=str)["code"].tolist()[0] == "1071"


def test_the_query_of_the_guide_reads_the_records(tmp_path: Path) -> None:
    records = [make_record("a"), make_record("b", automatic=False), make_record("c", time=NEXT_DAY)]
    make_spool(tmp_path / "spool", "closed", records, more=b"{}\n")
    compact(tmp_path / "spool", str(tmp_path / "nace"), now=datetime.now(UTC), keep_days=0)
    found = re.search(r"^```sql\n(.*?)^```$", TEXT, re.M | re.S)
    assert found
    query = found[1].replace("s3://projet-nace/nace", str(tmp_path / "nace"))
    rows = sorted(duckdb.sql(query).fetchall())
    assert [(str(day), count, share) for day, count, share in rows] == [
        ("2026-11-20", 2, 0.5),
        ("2026-11-21", 1, 1.0),
    ]
    assert (tmp_path / "nace" / "quarantine" / "closed.jsonl").exists()


def test_every_route_is_in_the_guide(client: httpx.Client) -> None:
    prefix = "/services/nace"
    described = client.get("/openapi.json").json()["paths"]
    routes = {
        f"{method.upper()} {path.removeprefix(prefix)}"
        for path, methods in described.items()
        for method in methods
    }
    assert len(routes) >= 10
    missing = {one for one in routes | {"GET /openapi.json", "GET /"} if f"`{one}`" not in TEXT}
    assert not missing


def test_every_kind_of_refusal_is_in_the_guide() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in SERVING.glob("*.py"))
    kinds = set(re.findall(r'(?:kind=|KeyRefused\(\s*)"([a-z-]+)"', source))
    assert len(kinds) > 15
    assert not {kind for kind in kinds if f"`{kind}`" not in TEXT}


def test_the_guide_names_no_refusal_that_is_never_given() -> None:
    files = [*SERVING.glob("*.py"), SERVING.parent / "api.py"]
    lines = [line for path in files for line in path.read_text().splitlines()]
    source = "\n".join(line for line in lines if "cache-control" not in line.lower())
    told = re.findall(r"^\| [45]\d\d \| (.*?) \|", TEXT, re.M)
    kinds = {kind for row in told for kind in re.findall(r"`([a-z-]+)`", row)}
    assert len(kinds) > 15
    assert not {kind for kind in kinds if f'"{kind}"' not in source}


def test_the_limits_of_the_guide_are_those_of_the_settings() -> None:
    nace = Settings().nace
    limits, keys = nace.limits, nace.keys
    for said in (
        f"{limits.body_bytes:,} bytes",
        f"{limits.text_length:,} characters",
        f"{limits.batch:,} |",
        f"{keys.rate} a second, {keys.burst} at once",
        f"{keys.daily_quota:,} a day (UTC)",
        f"{limits.seconds:g} s |",
    ):
        assert said in TEXT


def test_the_clients_know_the_usual_limits() -> None:
    with Client("http://a.example", "key", batch=10_000) as client:
        found = client._limits
    limits = Settings().nace.limits
    assert (found.texts, found.body_bytes, found.text_length) == (
        limits.batch,
        limits.body_bytes,
        limits.text_length,
    )
