"""Lab's files: home and buckets side by side. The numbered cases are those of lab/contents.py."""

from __future__ import annotations

import base64
import hashlib
import os
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.support.person import Person

PLACES = ["home", "user-alice", "projet-prix"]


@pytest.fixture(scope="module")
def files(alice: Person) -> httpx.Client:
    return alice.server().http


@pytest.fixture
def folder(files: httpx.Client, request: pytest.FixtureRequest) -> Iterator[str]:
    path = f"{getattr(request, 'param', 'user-alice')}/{uuid.uuid4().hex}"
    assert put(files, path, type="directory").status_code in (200, 201)
    yield path
    files.delete(f"/api/contents/{path}")


def put(files: httpx.Client, path: str, **model: Any) -> httpx.Response:
    return files.put(f"/api/contents/{path}", json=model)


def put_text(files: httpx.Client, path: str, text: str) -> None:
    answer = put(files, path, type="file", format="text", content=text)
    assert answer.status_code in (200, 201), answer.text


def read(files: httpx.Client, path: str) -> Any:
    return files.get(f"/api/contents/{path}").json()["content"]


def names(files: httpx.Client, path: str) -> set[str]:
    return {item["name"] for item in read(files, path)}


def test_the_root_shows_home_and_buckets(files: httpx.Client) -> None:
    assert names(files, "") == {"home", "user-alice", "projet-prix", "public"}


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_case_1_open_edit_save_rename_delete(files: httpx.Client, folder: str) -> None:
    put_text(files, f"{folder}/a.txt", "un")
    put_text(files, f"{folder}/a.txt", "deux é")
    assert read(files, f"{folder}/a.txt") == "deux é"
    moved = files.patch(f"/api/contents/{folder}/a.txt", json={"path": f"{folder}/b.txt"})
    assert moved.status_code == 200
    assert names(files, folder) == {"b.txt"}
    assert files.delete(f"/api/contents/{folder}/b.txt").status_code == 204
    assert names(files, folder) == set()


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_case_1_notebooks(files: httpx.Client, folder: str) -> None:
    made = files.post(f"/api/contents/{folder}", json={"type": "notebook"})
    assert made.status_code == 201, made.text
    path = made.json()["path"]
    notebook = read(files, path)
    notebook["cells"] = [
        {"cell_type": "code", "source": "1+1", "metadata": {}, "outputs": [], "id": "one",
         "execution_count": None}
    ]  # fmt: skip
    saved = put(files, path, type="notebook", format="json", content=notebook)
    assert saved.status_code == 200, saved.text
    assert read(files, path)["cells"][0]["source"] == "1+1"
    assert files.post(f"/api/contents/{path}/checkpoints").status_code == 201


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_case_1_folders_within_folders(files: httpx.Client, folder: str) -> None:
    assert put(files, f"{folder}/in", type="directory").status_code == 201
    put_text(files, f"{folder}/in/deep.txt", "x")
    moved = files.patch(f"/api/contents/{folder}/in", json={"path": f"{folder}/out"})
    assert moved.status_code == 200, moved.text
    assert names(files, folder) == {"out"}
    assert read(files, f"{folder}/out/deep.txt") == "x"


def test_case_1_a_folder_that_another_program_wrote(files: httpx.Client, alice: Person) -> None:
    name = uuid.uuid4().hex
    alice.server().kernel().run(
        f"import boto3; boto3.client('s3').put_object("
        f"Bucket='user-alice', Key='{name}/user-alice/x.txt', Body=b'x')"
    )
    assert names(files, f"user-alice/{name}") == {"user-alice"}
    assert read(files, f"user-alice/{name}/user-alice/x.txt") == "x"


@pytest.mark.parametrize("folder", ["home", "user-alice"], indirect=True)
def test_case_1_a_file_of_100_mb_goes_up_in_chunks_and_down(
    files: httpx.Client, folder: str
) -> None:
    whole = hashlib.sha256()
    for number in range(1, 101):
        chunk = os.urandom(2**20)
        whole.update(chunk)
        answer = put(
            files,
            f"{folder}/big.bin",
            type="file",
            format="base64",
            chunk=-1 if number == 100 else number,
            content=base64.b64encode(chunk).decode(),
        )
        assert answer.status_code in (200, 201), answer.text
    received = hashlib.sha256()
    with files.stream("GET", f"/files/{folder}/big.bin", params={"download": 1}) as answer:
        assert answer.status_code == 200
        assert "attachment" in answer.headers["content-disposition"]
        for piece in answer.iter_bytes():
            received.update(piece)
    assert received.digest() == whole.digest()


@pytest.mark.parametrize("folder", PLACES, indirect=True)
@pytest.mark.parametrize("target", PLACES)
def test_case_2_a_file_moves_between_places(files: httpx.Client, folder: str, target: str) -> None:
    name = uuid.uuid4().hex
    put_text(files, f"{folder}/{name}", "whole")
    moved = files.patch(f"/api/contents/{folder}/{name}", json={"path": f"{target}/{name}"})
    assert moved.status_code == 200, moved.text
    assert read(files, f"{target}/{name}") == "whole"
    assert name not in names(files, folder)
    files.delete(f"/api/contents/{target}/{name}")


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_case_2_a_copy_takes_another_name(files: httpx.Client, folder: str) -> None:
    put_text(files, f"{folder}/a.txt", "x")
    made = files.post(f"/api/contents/{folder}", json={"copy_from": f"{folder}/a.txt"})
    assert made.status_code == 201, made.text
    assert made.json()["name"] == "a-Copy1.txt"
    assert names(files, folder) == {"a.txt", "a-Copy1.txt"}


@pytest.mark.parametrize("place", ["home", "user-alice", "public"])
def test_case_3_the_places_themselves_stay(files: httpx.Client, place: str) -> None:
    assert files.delete(f"/api/contents/{place}").status_code == 403
    assert files.patch(f"/api/contents/{place}", json={"path": "x"}).status_code == 403
    assert put(files, "new", type="directory").status_code == 403
    assert place in names(files, "")


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_case_4_nothing_is_replaced_by_a_move(files: httpx.Client, folder: str) -> None:
    put_text(files, f"{folder}/a.txt", "a")
    put_text(files, f"{folder}/b.txt", "b")
    moved = files.patch(f"/api/contents/{folder}/a.txt", json={"path": f"{folder}/b.txt"})
    assert moved.status_code == 409
    assert (read(files, f"{folder}/a.txt"), read(files, f"{folder}/b.txt")) == ("a", "b")


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_case_4_a_new_notebook_replaces_none(files: httpx.Client, folder: str) -> None:
    made = [files.post(f"/api/contents/{folder}", json={"type": "notebook"}) for _ in range(3)]
    assert [answer.status_code for answer in made] == [201] * 3
    assert len(names(files, folder)) == 3


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_case_6_a_folder_does_not_move_into_itself(files: httpx.Client, folder: str) -> None:
    assert put(files, f"{folder}/d", type="directory").status_code == 201
    put_text(files, f"{folder}/d/x.txt", "kept")
    moved = files.patch(f"/api/contents/{folder}/d", json={"path": f"{folder}/d/e"})
    assert moved.status_code >= 400
    assert read(files, f"{folder}/d/x.txt") == "kept"


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_case_7_a_file_does_not_take_the_name_of_a_folder(files: httpx.Client, folder: str) -> None:
    assert put(files, f"{folder}/d", type="directory").status_code == 201
    put_text(files, f"{folder}/d/x.txt", "kept")
    answer = put(files, f"{folder}/d", type="file", format="text", content="x")
    assert answer.status_code >= 400
    assert read(files, f"{folder}/d/x.txt") == "kept"


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_lab_s_way_to_open_a_file_asks_for_its_hash(files: httpx.Client, folder: str) -> None:
    put_text(files, f"{folder}/a.txt", "un")
    for content in ("0", "1"):
        model = files.get(
            f"/api/contents/{folder}/a.txt", params={"content": content, "hash": "1"}
        ).json()
        assert model["hash"] == hashlib.new(model["hash_algorithm"], b"un").hexdigest()


@pytest.mark.parametrize("folder", PLACES, indirect=True)
def test_the_time_of_a_file_is_the_same_each_time(files: httpx.Client, folder: str) -> None:
    """Lab takes a difference for somebody else's change, and asks."""
    saved = put(files, f"{folder}/a.txt", type="file", format="text", content="x").json()
    listed = read(files, folder)[0]
    opened = files.get(f"/api/contents/{folder}/a.txt").json()
    assert saved["last_modified"] == listed["last_modified"] == opened["last_modified"]
    assert datetime.fromisoformat(saved["last_modified"]) <= datetime.now(UTC)


def test_case_5_the_public_bucket_is_read_only(files: httpx.Client) -> None:
    answer = put(files, "public/mine.txt", type="file", format="text", content="x")
    assert answer.status_code == 403
    assert "may not" in answer.json()["message"]
    assert "mine.txt" not in names(files, "public")


def test_another_s_bucket_is_not_there(files: httpx.Client) -> None:
    assert files.get("/api/contents/user-bob").status_code in (403, 404)
    assert files.get("/files/user-bob/x").status_code in (403, 404)


def test_files_need_a_login(alice: Person) -> None:
    address = alice.server().url
    assert httpx.get(f"{address}/files/user-alice/x").status_code in (302, 403)
    assert httpx.get(f"{address}/api/contents/home").status_code == 403
