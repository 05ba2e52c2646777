"""Notices: delivered, tried again, given up; mail over a real SMTP conversation."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email import message_from_string
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from nacelle.jobs.engine.mail import Mailer
from nacelle.jobs.engine.notices import WAITS, Notices
from nacelle.jobs.engine.undelivered import Undelivered
from nacelle.jobs.engine.webhook import Webhooks
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Notify
from nacelle.jobs.store import Notice
from nacelle.language import Said
from nacelle.settings.jobs import MailSettings
from tests.jobs.engines import Bench, bench_in
from tests.jobs.stored import NOW, add, ask, spoil, under_way

HOOK = "https://chat.example.org/a"


class Post:
    """An SMTP server (RFC 5321, what a client needs of it) that keeps the mails it takes."""

    def __init__(self, refuse: bool = False) -> None:
        self.mails: list[str] = []
        post = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 here")
                while line := self.rfile.readline().decode().strip():
                    verb = line.split()[0].upper()
                    if verb == "DATA":
                        self._say("354 go on")
                        post.mails.append(self._text())
                    if verb == "QUIT":
                        return self._say("221 bye")
                    self._say("550 not here" if verb == "RCPT" and refuse else "250 ok")
                return None

            def _text(self) -> str:
                lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                return "".join(line.removeprefix(".") for line in lines)

            def _say(self, text: str) -> None:
                self.wfile.write(f"{text}\r\n".encode())

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)

    @property
    def settings(self) -> MailSettings:
        port = self.server.server_address[1]
        return MailSettings(host="127.0.0.1", port=port, security="none", sender="n@office.example")


@contextmanager
def posting(refuse: bool = False) -> Iterator[Post]:
    made = Post(refuse)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()


class Hooks(Webhooks):
    """Webhooks that answer as they are told."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []
        self.failure: Exception | None = None

    async def send(self, notice: Notice, url: str) -> None:
        self.sent.append(url)
        if self.failure:
            raise self.failure


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with bench_in(tmp_path) as made:
        yield made


def notices(bench: Bench, hooks: Webhooks, mail: MailSettings | None = None) -> Notices:
    mailer = Mailer(mail or MailSettings(), None)
    return Notices(bench.store, bench.clock, mailer, hooks, lambda run: f"http://here/{run}")


def waiting(bench: Bench) -> list[Notice]:
    """All that is not delivered or given up, whenever it is due."""
    return bench.store.notices_due(NOW + timedelta(days=365))


def failed(bench: Bench, **notify: Any) -> str:
    """The id of a run that failed and is told to somebody."""
    job = add(bench.store, notify=Notify(in_lab=False, **notify), name="Étude")
    run = under_way(bench.store, ask(bench.store, job))
    exit = explain("exception", cell=3, error="ValueError", message="no rows")
    bench.store.job_ends_run(run.id, "failed", exit, NOW)
    return run.id


async def test_a_mail_says_what_happened_in_both_languages(bench: Bench) -> None:
    run = failed(bench, mail=("a@example.org", "b@example.org"))
    with posting() as post:
        await notices(bench, Hooks(), post.settings).deliver()
    assert len(post.mails) == 2 and waiting(bench) == []
    mail: Any = message_from_string(post.mails[0], policy=default)
    assert {message_from_string(one)["To"] for one in post.mails} == {
        "a@example.org",
        "b@example.org",
    }
    assert mail["Subject"] == "Étude: failed" and mail["From"] == "n@office.example"
    text = mail.get_content()
    assert "ValueError" in text and "a échoué" in text and f"http://here/{run}" in text


async def test_a_mail_that_is_not_taken_is_tried_again(bench: Bench) -> None:
    failed(bench, mail=("a@example.org",))
    with posting(refuse=True) as post:
        await notices(bench, Hooks(), post.settings).deliver()
    assert bench.store.notices_due(NOW) == [] and waiting(bench)
    with posting() as post:
        bench.clock.go(WAITS[0])
        await notices(bench, Hooks(), post.settings).deliver()
    assert len(post.mails) == 1 and waiting(bench) == []


async def test_without_a_mail_server_the_owner_is_told_at_once(bench: Bench) -> None:
    failed(bench, mail=("a@example.org",))
    await notices(bench, Hooks()).deliver()
    (message,) = bench.store.messages_of("ada")
    assert "a@example.org" in message.said.en and "jobs.mail.host" in message.said.fr


async def test_five_attempts_each_after_a_longer_while_then_a_message(bench: Bench) -> None:
    failed(bench, webhook=HOOK)
    hooks = Hooks()
    hooks.failure = Undelivered(Said("the webhook answered 500", "le webhook a répondu 500"))
    sender = notices(bench, hooks)
    for wait in WAITS:
        await sender.deliver()
        assert bench.store.messages_of("ada") == []
        bench.clock.go(wait - 1)
        count = len(hooks.sent)
        await sender.deliver()
        assert len(hooks.sent) == count
        bench.clock.go(1)
    await sender.deliver()
    assert len(hooks.sent) == 5 and waiting(bench) == []
    (message,) = bench.store.messages_of("ada")
    assert "500" in message.said.en and "Étude" in message.said.fr


async def test_what_cannot_be_helped_is_given_up_at_once(bench: Bench) -> None:
    failed(bench, webhook=HOOK)
    hooks = Hooks()
    hooks.failure = Undelivered(Said("no", "non"), for_good=True)
    await notices(bench, hooks).deliver()
    assert waiting(bench) == [] and len(bench.store.messages_of("ada")) == 1


async def test_a_notice_that_cannot_be_read_holds_up_no_other(bench: Bench) -> None:
    broken = bench.store.job_of_run(failed(bench, webhook=HOOK))
    run = failed(bench, mail=("a@example.org",))
    assert broken
    spoil(bench.folder, broken.id, nonsense=1)
    with posting() as post:
        await notices(bench, Hooks(), post.settings).deliver()
    assert len(post.mails) == 1 and run in post.mails[0]
    assert waiting(bench) == []
    (message,) = bench.store.messages_of("ada")
    assert message.job == broken.id and "Étude" in message.said.en


async def test_a_fault_of_ours_holds_up_no_other_notice(bench: Bench) -> None:
    failed(bench, webhook=HOOK)
    run = failed(bench, mail=("a@example.org",))
    hooks = Hooks()
    hooks.failure = RuntimeError("a fault")
    with posting() as post:
        await notices(bench, hooks, post.settings).deliver()
    assert len(post.mails) == 1 and run in post.mails[0]
    assert waiting(bench)
