"""The numbered cases of nacelle.jobs.findings, a test each. No key here is one: all are made up."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import random
import string
import uuid
from pathlib import Path
from typing import Any

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output, new_raw_cell

from nacelle.jobs.findings import KINDS, look, look_in_values, where
from nacelle.jobs.notebook import read_notebook
from nacelle.jobs.parts import Value
from tests.jobs.samples import notebook, printed, shown

_random = random.Random(5)


def made(length: int, signs: str = string.ascii_letters + string.digits) -> str:
    return "".join(_random.choice(signs) for _ in range(length))


HEX = string.hexdigits[:16]
AWS_KEY = "AKIA" + made(16, string.ascii_uppercase + string.digits)
AWS_SECRET = "aB3/" + made(34) + "+9"
HUB = made(32, HEX)
OURS = "nacelle_" + made(12, HEX) + "_" + made(43)
PASSWORD = "Tr4verse-" + made(6)
WEB_TOKEN = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"HS256"}', b'{"sub":"ada-lovelace"}', b"0123456789abcdef01234567")
)


def kinds(cell: Any) -> list[str]:
    return [finding.kind for finding in look(notebook("1", cell))]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (f'key = "{AWS_KEY}"', "aws-key"),
        (f"s3 = connect('{AWS_SECRET}')", "aws-secret"),
        (f'os.environ["AWS_SECRET_ACCESS_KEY"] = "{AWS_SECRET}"', "aws-key"),
        (f'call(key="{OURS}")', "nacelle-key"),
        (f'h = {{"Authorization": "token {HUB}"}}', "hub-token"),
        (f'JUPYTERHUB_API_TOKEN = "{HUB}"', "hub-token"),
        (f"!curl -H 'Authorization: Bearer {made(30)}' https://x", "bearer-token"),
        (
            f'mlflow.set_tracking_uri("https://ada:{PASSWORD}@mlflow.example.org")',
            "password-in-address",
        ),
        (f'os.environ["MLFLOW_TRACKING_PASSWORD"] = "{PASSWORD}"', "secret-by-name"),
        (f"os.environ['MLFLOW_TRACKING_TOKEN'] = '{made(24)}'", "secret-by-name"),
        (f'password <- "{PASSWORD}"', "secret-by-name"),
        (f'Sys.setenv(INSEE_API_KEY = "{made(20)}")', "secret-by-name"),
        (f'mot_de_passe = "{PASSWORD}"', "secret-by-name"),
        (f'connect(user="ada", password="{PASSWORD}")', "secret-by-name"),
        (f'config = {{"db_password": "{PASSWORD}"}}', "secret-by-name"),
        (f"%env API_TOKEN={made(24)}", "secret-by-name"),
        (f"!export DB_PASSWORD={PASSWORD}", "secret-by-name"),
        ("-----BEGIN RSA PRIVATE KEY-----", "private-key"),
        (f'g = "ghp_{made(36)}"', "github-token"),
        (f'g = "github_pat_{made(30)}"', "github-token"),
        (f'g = "glpat-{made(20)}"', "gitlab-token"),
        (f'h = "hf_{made(34)}"', "hugging-face-token"),
        (f'v = "hvs.{made(24)}"', "vault-token"),
        (f'w = "{WEB_TOKEN}"', "web-token"),
        (f'o = "sk-proj-{made(20)}T3BlbkFJ{made(20)}"', "openai-key"),
        (f'x = "{made(64)}"', "random-text"),
    ],
)
def test_case_1_sources(line: str, kind: str) -> None:
    assert kind in kinds(f"import os\n{line}\n")
    assert kind in kinds(f"# {line}")
    (finding, *_) = look(notebook("1", f"import os\n{line}\n"))
    assert (finding.cell, finding.where, finding.output, finding.line) == (2, "source", None, 2)


def test_case_1_text_and_raw_cells() -> None:
    assert kinds(new_markdown_cell(f"use `{OURS}`")) == ["nacelle-key"]
    assert kinds(new_raw_cell(f"password: '{PASSWORD}'")) == ["secret-by-name"]


def test_case_2_outputs() -> None:
    traceback = [f"\x1b[31mError\x1b[0m: https://a:{PASSWORD}@x.org", "more"]
    cells = [
        printed(f"line one\nAWS_ACCESS_KEY_ID={AWS_KEY}\n"),
        printed(f"API_TOKEN={made(24)}"),
        shown(text_plain=f"{{'password': '{PASSWORD}'}}"),
        shown(text_html=f"<table>\n<td>{OURS}</td></table>"),
        shown(application_json={"a": [{"api_key": made(24)}]}),
        new_code_cell(
            "f()", outputs=[new_output("error", ename="E", evalue="", traceback=traceback)]
        ),
    ]
    found = look(notebook(*cells))
    assert [(one.cell, one.kind) for one in found] == [
        (1, "aws-key"),
        (2, "secret-by-name"),
        (3, "secret-by-name"),
        (4, "nacelle-key"),
        (5, "secret-by-name"),
        (6, "password-in-address"),
    ]
    assert {(one.where, one.output) for one in found} == {("output", 1)}
    assert [one.line for one in found] == [2, 1, 1, 2, 1, 1]


def test_case_3_pictures_and_programs_are_not_read() -> None:
    noise = base64.b64encode(random.Random(1).randbytes(60_000)).decode()
    lines = "\n".join(noise[start : start + 76] for start in range(0, len(noise), 76))
    cells = [
        shown(image_png=lines, text_plain="<Figure size 640x480 with 1 Axes>"),
        shown(image_svg_xml=f"<svg>{lines}</svg>"),
        shown(text_html=f'<img src="data:image/png;base64,{noise}"/>'),
        shown(text_html=f"<script>var a = '{noise}';\n</script><style>{lines}</style><p>a</p>"),
        shown(text_html=f"<div><svg viewBox='0'>{noise}</svg>"),
        shown(**{"application/vnd.plotly.v1+json": {"data": [{"bdata": noise}]}}),
        new_markdown_cell(f"![a](data:image/png;base64,{noise})"),
    ]
    assert look(notebook("1", *cells)) == []
    # What stands after a picture is still read, at its own line.
    after = shown(text_html=f"<script>\n{lines}\n</script>\n<p>{OURS}</p>")
    (found,) = look(notebook(after))
    assert found.line == lines.count("\n") + 4


def test_case_4_once_for_each_kind() -> None:
    assert kinds(f'password = "{OURS}"') == ["nacelle-key"]
    assert kinds(f'a = "{OURS}"; b = "{OURS}"') == ["nacelle-key"]
    assert kinds(f'password = "{PASSWORD}"; token = "{made(20)}"') == ["secret-by-name"]
    assert kinds(f'a = "{OURS}"; b = "{AWS_KEY}"') == ["nacelle-key", "aws-key"]


ORDINARY = [
    'api_key = "INSEE_API_KEY"  # secret: opens the directory of firms',
    'api_key = "team/api-key"',
    'token = os.environ["API_TOKEN"]',
    'token = os.getenv("API_TOKEN", "")',
    "password = getpass('Password: ')",
    'password = ""',
    'password = "changeme"',
    'password = "<your password>"',
    'password = "********"',
    'password = "${DB_PASSWORD}"',
    'token = f"{token}"',
    'headers = {"Authorization": f"Bearer {token}"}',
    'tokenizer = AutoTokenizer.from_pretrained("camembert-base-v2")',
    'max_tokens = 4096; pad_token = "[PAD]"',
    'secretary = "Dupont"',
    'print("Wrong password: try again")',
    "df.groupby('secret_santa')['keys'].count()",
    "con.execute(\"SELECT APE700principale, APEN2025 FROM entreprises WHERE siren = '552081317'\")",
    'path = "s3://projet-enquete/donnees/Menages2024/Trimestre1/MicroDonneesV2.parquet"',
    'path = "/home/ada/Travail/Enquete2024/DonneesBrutes/Fichier_Detail_2024_V12.csv"',
    f'commit = "{made(40, HEX)}"',
    f'digest = "{hashlib.sha256(b"a").hexdigest()}"',
    f'etag = "{hashlib.md5(b"a").hexdigest()}"',
    f'run_id = "{made(32, HEX)}"',
    f'id = "{uuid.UUID(int=12345678901234567890)}"',
    'alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"',
    'url = "https://example.org:8443/a?b=c@d"',
    'url = "postgresql://ada:${PASSWORD}@db/x"',
    'clone = "git@git.example.org:nace/repo.git"',
    'ip = "93.184.215.14"',
    "from sklearn.ensemble import HistGradientBoostingClassifier2024Version3",
    "key = lambda row: row['code']",
    'nacelle_bucket = "projet-nace"',
    "library(data.table); setkey(dt, siren)",
    'connect(endpoint_override = "minio.example.org", scheme = "https")',
]


@pytest.mark.parametrize("line", ORDINARY)
def test_case_5_what_is_no_key(line: str) -> None:
    assert kinds(line) == []
    assert kinds(printed(line)) == []


def test_case_5_ordinary_results() -> None:
    table = "\n".join(
        f"{n:>5}  {made(9, string.digits)}  {made(14, string.digits)}  48.{n:02d}Z  {n / 7:.6f}"
        for n in range(300)
    )
    run = f"Run {made(32, HEX)} of experiment 3: s3://service-mlflow/3/{made(32, HEX)}/artifacts"
    progress = "100%|██████████| 2000/2000 [00:03<00:00, 612.12it/s]"
    assert look(notebook(printed(table), printed(run), printed(progress))) == []


def test_case_5_the_project_s_own_notebooks() -> None:
    found = sorted((Path(__file__).parents[2] / "notebooks").rglob("*.ipynb"))
    assert found
    for path in found:
        assert look(read_notebook(path.read_bytes())) == [], path


def test_case_6_nothing_of_the_text_is_told(caplog: pytest.LogCaptureFixture) -> None:
    secrets = [AWS_KEY, AWS_SECRET, OURS, PASSWORD, WEB_TOKEN]
    cells = [f'password = "{one}"\n# {one}' for one in secrets]
    with caplog.at_level(logging.DEBUG):
        found = look(notebook(*cells, *map(printed, cells)))
    assert len(found) >= 2 * len(secrets)
    told = json.dumps([one.model_dump() for one in found]) + caplog.text
    told += "".join(where(one).en + where(one).fr for one in found)
    assert not [one for one in secrets if one in told or one[:8] in told]


def test_an_allowing_comment_allows_nothing() -> None:
    assert kinds(f'a = "{AWS_KEY}"  # pragma: allowlist secret') == ["aws-key"]


def test_a_key_in_a_very_long_line() -> None:
    words = "word " * 30_000
    assert kinds(printed(words + OURS + " " + words)) == ["nacelle-key"]
    for before in range(1600, 2100, 50):
        assert kinds(printed("x " * (before // 2) + WEB_TOKEN + " y" * 2000)) == ["web-token"]


@pytest.mark.parametrize(
    "text",
    ["password", "token" + " " * 3000, "sk-T3BlbkFJ", "//_authtoken", "eyJ", 'token="', "<script "],
)
def test_a_text_made_to_keep_detectors_busy_comes_to_an_end(text: str) -> None:
    long = (text * (20_000 // len(text) + 1))[:20_000]
    look(notebook(printed(long), shown(text_html=long), long))


def test_values_of_parameters_are_looked_at_too() -> None:
    values = {
        "uri": Value(type="text", value=f"https://ada:{PASSWORD}@mlflow.example.org"),
        "api_key": Value(type="text", value=made(24)),
        "parts": Value(type="list", value=("a", OURS)),
        "label": Value(type="text", value="été 2026"),
        "rows": Value(type="whole", value=12),
        "name": Value(type="secret", value="INSEE_API_KEY"),
    }
    assert look_in_values(values) == {
        "uri": "password-in-address",
        "api_key": "secret-by-name",
        "parts": "nacelle-key",
    }


def test_a_finding_is_told_in_both_languages() -> None:
    source, output = look(notebook(f"# {OURS}", printed(f"\n{OURS}")))
    assert where(source).en == "Cell 1, line 1: an API key of this platform."
    assert (
        where(output).fr == "Sortie 1 de la cellule 2, ligne 2 : une clé d'API de cette plateforme."
    )


def test_each_detector_s_kind_has_words() -> None:
    from nacelle.jobs import detectors

    every = [*detectors.specific(), *detectors.by_name(), *detectors.random_looking()]
    assert {one.kind for one in every} == set(KINDS)
