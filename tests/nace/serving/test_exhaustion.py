"""When the machine has no more room: a refusal, no answer without a record, a living service."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.nace.serving.asking import CLASSIFY, Line, alive, refused
from tests.nace.serving.running import RunningService
from tests.support.waiting import wait_for


def test_no_answer_leaves_when_its_record_has_no_room(small_model: Path, tmp_path: Path) -> None:
    """Files end at 1.1 MB here; the records of a long batch are larger."""
    with RunningService(tmp_path) as service:
        service.publish(small_model)
        service.start(limits="ulimit -f 1100")
        given: set[str] = set()
        with service.client() as client:
            for count in (1_900, 1, 1_900, 400, 1_900, 400, 400, 400, 1):
                texts = [f"growing of wheat in field {n}" for n in range(count)]
                answer = client.post(CLASSIFY, json={"texts": texts, "top": 8})
                if count == 1_900:
                    refused(answer, 503, "so it is not given")
                    assert int(answer.headers["retry-after"]) > 0
                elif answer.status_code == 200:
                    given.add(answer.headers["x-request-id"])
                else:
                    refused(answer, 503, "cannot be recorded")
            wait_for(lambda: client.post(CLASSIFY, json={"text": "bread"}).is_success)
        recorded = [one.request_id for one in service.records()]
        assert given and given <= set(recorded)
        # Of what was refused there is no record either: its texts were not answered.
        assert len(set(recorded)) == len(given) + 1
        assert service.log().count("records cannot be written") >= 1


def test_no_answer_leaves_without_a_folder_for_its_record(
    small_model: Path, tmp_path: Path
) -> None:
    with RunningService(tmp_path) as service:
        service.publish(small_model)
        service.start()
        poor = service.make_key("poor", daily_quota=3)
        with service.client() as client:
            alive(client)
            shutil.rmtree(service.folder / "records")
            refused(client.post(CLASSIFY, json={"text": "bread"}), 503, "cannot be recorded")
            form = {"forms": [{"description_activity": "bread"}]}
            refused(client.post("/predict/", json=form), 503, "cannot be recorded")
            # What needs no record goes on.
            assert client.get("/v1/model").status_code == client.get("/readyz").status_code == 200
            with service.client(headers={"Authorization": f"Bearer {poor}"}) as mine:
                for _ in range(4):
                    refused(mine.post(CLASSIFY, json={"texts": ["bread"] * 3}), 503, "recorded")
            (service.folder / "records").mkdir()
            alive(client)
            with service.client(headers={"Authorization": f"Bearer {poor}"}) as mine:
                # What was not answered was not paid for.
                assert mine.post(CLASSIFY, json={"texts": ["bread"] * 3}).status_code == 200
                refused(mine.post(CLASSIFY, json={"text": "bread"}), 429, "has 0 left")
        assert len(service.records()) == 4


def test_as_many_connections_as_the_system_allows(small_model: Path, tmp_path: Path) -> None:
    with RunningService(tmp_path) as service:
        service.publish(small_model)
        service.start(limits="ulimit -n 128")
        lines: list[Line] = []
        try:
            with service.client() as early:
                alive(early)
                for _ in range(200):
                    lines.append(Line(service))
                    lines[-1].head(path="/healthz", method="GET")
                # Who is connected is answered.
                alive(early)
                assert refused_or_waiting(service)
        finally:
            for line in lines:
                line.__exit__()
        with service.client() as late:
            wait_for(lambda: answers(late), 30, "an answer after all have gone")
            alive(late)
        assert service.process.is_running()


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.HTTPError:
        return False


def refused_or_waiting(service: RunningService) -> bool:
    """A stranger is not served: the connection is closed, or waits."""
    try:
        httpx.get(f"{service.url}/healthz", timeout=1, trust_env=False)
    except (httpx.TransportError, OSError):
        return True
    return False


def test_hardly_any_files_at_all(small_model: Path, tmp_path: Path) -> None:
    """So few that none may be left for the records: never an answer without one."""
    with RunningService(tmp_path) as service:
        service.publish(small_model)
        service.start(limits="ulimit -n 40")
        lines: list[Line] = []
        with service.client() as client:
            client.get("/healthz")
            for _ in range(40):
                lines.append(Line(service))
                lines[-1].head(path="/healthz", method="GET")
            answer = client.post(CLASSIFY, json={"text": "bread"})
            if answer.status_code != 200:
                refused(answer, 503)
            for line in lines:
                line.__exit__()
            wait_for(lambda: client.post(CLASSIFY, json={"text": "bread"}).is_success, 30)
        assert len(service.records()) == 1 + (answer.status_code == 200)


def may_mount() -> bool:
    """Whether this user may have a small disk of their own (a user and mount namespace)."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return bool(shutil.which("unshare")) and not subprocess.run(command, check=False).returncode


@pytest.mark.skipif(not may_mount(), reason="this system lets nobody mount a small disk")
def test_a_disk_that_is_full(small_model: Path, tmp_path: Path) -> None:
    """All of the service's state is on a disk of 8 MB that somebody else fills."""
    with RunningService(tmp_path / "service", limits={"seconds": 60}) as service:
        service.publish(small_model)
        copy, disk = tmp_path / "copy", service.folder
        shutil.copytree(disk, copy)
        here, there = shlex.quote(str(copy)), shlex.quote(str(disk))
        mount = f"mount -t tmpfs -o size=8m none {there} && cp -a {here}/. {there}"
        inside = shlex.quote(mount + ' && exec "$@"')
        enter = f'exec unshare -rm bash -c {inside} inside "$@"'
        service.start(limits=enter)
        process = service.process
        # The disk as the service sees it; nobody else does.
        filler = Path(f"/proc/{process.pid}/root{disk}/filler")
        with service.client() as client:
            alive(client)
            fill(filler)
            for _ in range(20):
                answer = client.post(CLASSIFY, json={"texts": ["bread"] * 50})
                if answer.status_code == 503:
                    break
            refused(answer, 503, "No space left on device")
            # Whatever else is written, numbers of other routes among it, nobody is killed.
            refused(client.post("/predict/", json={"forms": [{}] * 50}), 503)
            refused(client.post("/predict/", json={}), 422)
            refused(client.post(CLASSIFY, json={}), 422)
            for path in ("/v1/model", "/v1/nomenclature?q=bread", "/metrics", "/readyz"):
                assert client.get(path).status_code == 200
            filler.unlink()
            alive(client)
        assert process.is_running() and service.process.pid == process.pid


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        while file.write(b"x" * 4096):
            pass
