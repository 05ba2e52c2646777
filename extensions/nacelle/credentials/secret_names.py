"""What people may keep as secrets: names, values, Git identities and hosts.

The rules hold at both ends: the broker refuses what breaks them, and a session takes nothing that
does, since people may write to their folder of the vault by other programs too.
"""

from __future__ import annotations

import re

from nacelle.language import Said

MOST_SECRETS = 64
MOST_HOSTS = 16
# The kernel of the operating system takes 128 KiB for one variable and about 2 MiB for all.
LONGEST_VALUE = 16 * 1024
# Tokens of some forges are signed documents.
LONGEST_TOKEN = 4096
# What forges take for a name when the password is a token.
USERNAME = "oauth2"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"{_LABEL}(?:\.{_LABEL})*(?::[1-9][0-9]{{0,4}})?")
_MAIL = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

# Names by which the platform, the system and the languages find what they run and whom they trust.
_RESERVED = re.compile(
    r"(?:LD|DYLD|GCONV|MALLOC|GLIBC|AWS|JUPYTER\w*?|JPY|NACELLE|VAULT|BAO|KUBERNETES|XDG"
    r"|BASH|SSL|CURL|REQUESTS|RUBY|R|JULIA|JAVA|CONDA|LC)_.*"
    # Code of the SSP Cloud reads the two that are left out.
    r"|GIT_(?!TOKEN$|PERSONAL_ACCESS_TOKEN$).*|MLFLOW_TRACKING_.*|I?PYTHON.*|PERL5?(?:LIB|OPT|DB)"
    r"|S3_ENDPOINT|PROJECT_(?:USER|GROUP)|SSH_A.*|NODE_(?:OPTIONS|PATH|EXTRA_CA_CERTS)"
    r"|RUBY(?:LIB|OPT)|CLASSPATH|JDK_JAVA_OPTIONS|VIRTUAL_ENV|(?:HTTPS?|FTP|ALL|NO)_PROXY"
    r"|PATH|MANPATH|CDPATH|HOME|PWD|OLDPWD|USER|LOGNAME|MAIL|SHELL|SHELLOPTS|SHLVL|ENV|IFS|TERM"
    r"|TERMINFO|TZ|TZDIR|TMP|TEMP|TMPDIR|LANG|LANGUAGE|LOCPATH|NLSPATH|HOSTNAME|HOSTALIASES|UID"
    r"|EUID|GID|PS[0-9]|PROMPT_COMMAND|EDITOR|VISUAL|PAGER|MANPAGER|LESSOPEN|LESSCLOSE|BROWSER"
    r"|DISPLAY|_+",
    re.IGNORECASE,
)


class BadSecret(ValueError):
    """What was given cannot be kept; `said` tells the person what to change."""

    def __init__(self, said: Said) -> None:
        super().__init__(said.en)
        self.said = said


def is_reserved(name: str) -> bool:
    """Whether a variable of this name steers the platform, the system or a language."""
    return _RESERVED.fullmatch(name) is not None


def check_name(name: object) -> str:
    """`name` when it can name a variable that holds a secret. Raises BadSecret."""
    if not isinstance(name, str) or _NAME.fullmatch(name) is None:
        raise BadSecret(
            Said(
                "This cannot be the name of a secret. Use letters, digits and _, starting with a"
                " letter, 64 at most: for example API_KEY.",
                "Ce ne peut pas être le nom d'un secret. Utilisez des lettres, des chiffres et _,"
                " en commençant par une lettre, 64 au plus : par exemple API_KEY.",
            )
        )
    if is_reserved(name):
        raise BadSecret(
            Said(
                f"{name} is a name that the platform or the system uses itself. Choose another, for"
                f" example MY_{name[:60]}.",
                f"{name} est un nom que la plateforme ou le système utilise lui-même. Choisissez-en"
                f" un autre, par exemple MON_{name[:60]}.",
            )
        )
    return name


def check_value(value: object) -> str:
    """A value as sessions get it. Raises BadSecret.

    1. One line loses the blanks around it: they come from copying.
    2. Several lines, such as a private key, stay and end with one line end.
    """
    if not isinstance(value, str):
        raise _EMPTY
    text = value.replace("\r\n", "\n")
    text = text.strip("\n") + "\n" if "\n" in text.strip() else text.strip()
    if not text:
        raise _EMPTY
    if "\0" in text:
        raise BadSecret(
            Said(
                "A secret is text; this holds a zero byte. Write it in base64.",
                "Un secret est un texte ; celui-ci contient un octet nul. Écrivez-le en base64.",
            )
        )
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise BadSecret(
            Said(
                "A secret is text; this is not. Write it in base64.",
                "Un secret est un texte ; ceci n'en est pas un. Écrivez-le en base64.",
            )
        ) from None
    if size > LONGEST_VALUE:
        raise BadSecret(
            Said(
                f"This is too long for a secret: {LONGEST_VALUE // 1024} KiB are allowed.",
                f"C'est trop long pour un secret : {LONGEST_VALUE // 1024} Kio sont permis.",
            )
        )
    return text


def check_line(text: object, longest: int = 200) -> str:
    """One line of text without control characters, which may be empty. Raises BadSecret."""
    if not isinstance(text, str) or len(text) > longest or _CONTROL.search(text.strip()):
        raise BadSecret(
            Said(
                f"Write one line of {longest} characters at most.",
                f"Écrivez une seule ligne de {longest} caractères au plus.",
            )
        )
    return text.strip()


def check_mail(mail: object) -> str:
    """An e-mail address, or nothing. Raises BadSecret."""
    text = check_line(mail)
    if text and _MAIL.fullmatch(text) is None:
        raise BadSecret(
            Said(
                "This is no e-mail address. Write one such as ada@example.org.",
                "Ce n'est pas une adresse électronique. Écrivez-la comme ada@example.org.",
            )
        )
    return text


def check_host(host: object) -> str:
    """The host of a Git server, with a port if it needs one. Raises BadSecret."""
    text = host.strip().lower() if isinstance(host, str) else ""
    text = text.removeprefix("https://").rstrip("/")
    if len(text) > 253 or _HOST.fullmatch(text) is None:
        raise BadSecret(
            Said(
                "This is no Git server. Write its host alone, for example git.example.org.",
                "Ce n'est pas un serveur Git. Écrivez son nom seul, par exemple git.example.org.",
            )
        )
    return text


_EMPTY = BadSecret(Said("Write the value of the secret.", "Écrivez la valeur du secret."))
