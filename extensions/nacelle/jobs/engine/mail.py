"""Notices by mail, over SMTP."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage

from nacelle.jobs.engine.undelivered import Undelivered
from nacelle.jobs.store import Notice
from nacelle.jobs.store.telling import what_to_say
from nacelle.language import Said
from nacelle.settings.jobs import MailSettings

_TIMEOUT = 15.0


class Mailer:
    """Sends by the server that the settings name."""

    def __init__(
        self, settings: MailSettings, password: str | None, context: ssl.SSLContext | None = None
    ) -> None:
        self._settings = settings
        self._password = password
        self._context = context or ssl.create_default_context()

    def send(self, notice: Notice, url: str) -> None:
        """Blocks until the server has taken it. Raises Undelivered."""
        if self._settings.host is None:
            raise Undelivered(
                Said(
                    "no mail server is set up; an administrator can name one (jobs.mail.host)",
                    "aucun serveur de courrier n'est configuré ; un administrateur peut en"
                    " indiquer un (jobs.mail.host)",
                ),
                for_good=True,
            )
        try:
            with self._connect() as server:
                server.send_message(make_message(notice, url, self._settings.sender))
        except (OSError, smtplib.SMTPException) as error:
            # An error's text may repeat what the server was sent.
            name = type(error).__name__
            raise Undelivered(
                Said(
                    f"the mail server did not take it ({name})",
                    f"le serveur de courrier ne l'a pas accepté ({name})",
                )
            ) from None

    def _connect(self) -> smtplib.SMTP:
        named = self._settings
        assert named.host is not None
        if named.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                named.host, named.port, timeout=_TIMEOUT, context=self._context
            )
        else:
            server = smtplib.SMTP(named.host, named.port, timeout=_TIMEOUT)
        try:
            if named.security == "starttls":
                server.starttls(context=self._context)
            if named.user and self._password:
                server.login(named.user, self._password)
        except BaseException:
            server.close()
            raise
        return server


def make_message(notice: Notice, url: str, sender: str) -> EmailMessage:
    """The mail of a notice, in both languages."""
    said = what_to_say(notice.job, notice.run)
    message = EmailMessage()
    message["Subject"] = f"{notice.job.name}: {notice.run.state}"
    message["From"] = sender
    message["To"] = notice.target
    # The same at each attempt: a mail that was taken although it seemed not to be is known again.
    message["Message-ID"] = f"<{notice.run.id}.{notice.id}@nacelle>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{said.en}\n\n{said.fr}\n\n{url}\n")
    return message
