"""Results reach the store while a run goes on, and a store that is away is waited for."""

from __future__ import annotations

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from nacelle.jobs.running.hiding import Hider
from nacelle.jobs.running.journal import Journal
from nacelle.jobs.running.uploading import NotWritten, Uploads
from tests.jobs.running.runs import BUCKET, TARGET, Place
from tests.storage.conftest import exchange
from tests.support.waiting import free_base, wait_for

# Many kernels, or many starts: too long for each change.
pytestmark = pytest.mark.drill


def test_log_and_notebook_are_in_the_store_while_it_runs(place: Place) -> None:
    slow = "import time\nprint('begun', flush=True)\ntime.sleep(25)"
    started = place.start(place.order("print('first cell of this')", slow))

    def there() -> bool:
        assert started.process.poll() is None, started.log()
        try:
            log, notebook = place.object("log.txt"), place.object("notebook.ipynb")
        except ClientError:
            return False
        return started.folder.path.name[:8].encode() in log and b"begun\\n" in notebook

    wait_for(there, 20, "the results of a run that goes on")
    assert b"begun\n" in place.object("log.txt")
    started.stop()
    started.done()


def test_results_that_cannot_be_written_fail_the_run_and_stay_here(place: Place) -> None:
    target = "s3://user-bob/jobs/not-hers"
    done = place.run("print('mine')", target=target)
    assert (done.result.state, done.result.exit.code) == ("failed", "storage")
    assert target in done.said_en
    assert done.result.notebook is done.result.html is done.result.log is None
    assert done.printed() == "mine\n" and done.folder.html.exists()


def test_what_the_notebook_did_is_told_before_where_it_could_not_be_written(place: Place) -> None:
    nowhere = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_base(1)}"}
    done = place.run("1 / 0", variables=nowhere)
    assert done.result.exit.code == "exception"
    assert "could not be written" in done.log


def test_an_upload_is_tried_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in exchange(place.store.url, place.issuer.token("user:ada")).items():
        monkeypatch.setenv(name.upper(), value)
    file = tmp_path / "log"
    file.write_text("told")
    journal = Journal(tmp_path / "journal", Hider())
    uploads = Uploads(TARGET, {"AWS_ENDPOINT_URL": place.store.url}, journal)
    uploads.follow(file, "log.txt")
    uploads.follow(tmp_path / "absent", "notebook.ipynb")
    place.store.kill()
    try:
        with pytest.raises(NotWritten):
            uploads.finish(0)
        assert uploads.written() == {}
    finally:
        place.store.start()
    assert uploads.finish(30) == {"log.txt": f"{TARGET}/log.txt"}
    assert place.object("log.txt") == b"told"
    assert BUCKET in TARGET
