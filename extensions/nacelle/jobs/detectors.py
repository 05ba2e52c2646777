"""What keys and tokens look like: detectors of detect-secrets, and ours.

Of detect-secrets only each detector's own reading of a text is used. Its scan keeps its settings
in one place for the whole process, honours `# pragma: allowlist secret`, writes what it finds into
its log, and can ask the services themselves whether a key is good; none of that is wanted here.

Off, since ordinary notebooks are full of what they find: ArtifactoryDetector (it takes names that
start with APE, the French code of an activity), IPPublicDetector, HexHighEntropyString (digests,
numbers of commits). Off, since a line made for it keeps them busy for minutes: KeywordDetector
(ours by names takes its place), OpenAIDetector (the same), CloudantDetector, IbmCloudIamDetector,
IbmCosHmacDetector and SoftlayerDetector.

Each detector has hints, texts in lower case of which a line must hold one: most lines hold none,
and no pattern is tried on them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from detect_secrets.filters import heuristic
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

# A name that says that its value is secret, in English and French.
_WORDS = (
    *("password", "passwd", "passphrase", "pwd", "secret", "token"),
    *("api_key", "apikey", "access_key", "auth_key", "private_key", "db_pass"),
    *("mot_de_passe", "motdepasse", "mdp", "jeton"),
)
_SECRET_NAME = rf"[\w.-]*(?<![a-z])(?:{'|'.join(_WORDS)})(?:_?(?:key|value|\d))?"
_ASSIGNED = re.compile(
    # Quoted: name = "v", name <- 'v', "name": "v", f(name="v"), e["name"] = "v".
    rf"(?<![\w.-]){_SECRET_NAME}[\"'\])]{{0,2}}\s*+(?:<-|=>|:=|={{1,2}}|:)\s*+[fFrRbB]?([\"'])"
    r"(?P<value>[^\"']{4,200})\1",
    re.IGNORECASE,
)
_EXPORTED = re.compile(
    # Unquoted, as shells and `env` write them: %env NAME=v, NAME=v, NAME: v, a line of its own.
    rf"(?:[%!]?\s*+(?:env|set_env|export|set)\s++)?{_SECRET_NAME}\s*+[=:]\s*+"
    r"(?P<value>[^\s\"'(\[{$<]{8,200})",
    re.IGNORECASE,
)
_BEARER = re.compile(r"\b(?:Bearer|token)\s+(?P<value>[A-Za-z0-9._~+/-]{20,}=*)")
_OURS = (
    (
        "nacelle-key",
        re.compile(r"(?<![A-Za-z0-9])nacelle_[0-9a-f]{12}_[A-Za-z0-9_-]{43}"),
        ("nacelle_",),
    ),
    # Hub tokens are 32 hexadecimal digits, as digests are: only beside a word that tells.
    (
        "hub-token",
        re.compile(
            r"(?:hub|token|jeton|bearer|authorization)[^\n]{0,40}?"
            r"(?<![0-9a-zA-Z])[0-9a-f]{32}(?![0-9a-zA-Z])",
            re.IGNORECASE,
        ),
        ("hub", "token", "jeton", "bearer", "authorization"),
    ),
    ("vault-token", re.compile(r"(?<![\w.])hv[sbr]\.[A-Za-z0-9_-]{24,}"), ("hvs.", "hvb.", "hvr.")),
    ("github-token", re.compile(r"(?<!\w)github_pat_[A-Za-z0-9_]{22,}"), ("github_pat_",)),
    # As OpenAIDetector, but with an end to what may stand before its mark.
    (
        "openai-key",
        re.compile(r"sk-[A-Za-z0-9_-]{16,200}T3BlbkFJ[A-Za-z0-9_-]{20}"),
        ("t3blbkfj",),
    ),
    ("hugging-face-token", re.compile(r"(?<!\w)hf_[A-Za-z0-9]{30,}"), ("hf_",)),
)
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_LOGIN = re.compile(r"://[^\s:/@\"'<>]{0,100}:(?P<value>[^\s/@\"'<>]{1,200})@")

# What stands for a secret without being one.
_STAND_IN = re.compile(
    r"(?:x{3,}|\*{2,}|\.{2,}|-+|_+|changeme|change[-_ ]me|todo|none|null|true|false|example|dummy"
    r"|placeholder|redacted|masked|hidden|secret|password|mot[-_ ]de[-_ ]passe|token"
    r"|(?:your|my|votre|mon)[-_ ].*|<.*|.*>|\[.*\]|[${%].*|.*\{\w*\}.*)",
    re.IGNORECASE,
)
_NAME_OF_ONE = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)+|[a-z]+(?:[-_/.][a-z]+)+")


class Detector(NamedTuple):
    """A kind of key and a function that says whether a line holds one; no hints: always asked."""

    kind: str
    finds: Callable[[str], bool]
    hints: tuple[str, ...] = ()

    def find(self, line: str, lower: str) -> bool:
        """Whether `line`, which is `lower` in lower case, holds one."""
        if self.hints and not any(hint in lower for hint in self.hints):
            return False
        return self.finds(line)


def specific() -> list[Detector]:
    """Detectors of keys that have a shape of their own; used everywhere."""
    library: list[tuple[str, BasePlugin, tuple[str, ...]]] = [
        ("aws-key", AWSKeyDetector(), ("aws", "akia", "asia", "abia", "acca", "a3t")),
        ("azure-key", AzureStorageKeyDetector(), ("accountkey",)),
        ("discord-token", DiscordBotTokenDetector(), (".",)),
        ("github-token", GitHubTokenDetector(), ("gh",)),
        ("gitlab-token", GitLabTokenDetector(), ("gl", "gr1348941")),
        ("web-token", JwtTokenDetector(), ("eyj",)),
        ("mailchimp-key", MailchimpDetector(), ("-us",)),
        ("npm-token", NpmDetector(), ("_authtoken",)),
        ("private-key", PrivateKeyDetector(), ("private key", "putty")),
        ("pypi-token", PypiTokenDetector(), ("pypi-",)),
        ("sendgrid-key", SendGridDetector(), ("sg.",)),
        ("slack-token", SlackDetector(), ("xox", "hooks.slack")),
        ("square-secret", SquareOAuthDetector(), ("sq0csp",)),
        ("stripe-key", StripeDetector(), ("k_live_",)),
        ("telegram-token", TelegramBotTokenDetector(), (":",)),
        ("twilio-key", TwilioKeyDetector(), ("ac", "sk")),
    ]
    return [
        *(Detector(kind, _matcher(pattern), hints) for kind, pattern, hints in _OURS),
        *(Detector(kind, _reader(plugin), hints) for kind, plugin, hints in library),
        Detector("aws-secret", _has_aws_secret),
        Detector("password-in-address", _has_login, ("://",)),
        Detector("bearer-token", lambda line: _sound(_BEARER, line), ("bearer", "token")),
    ]


def by_name() -> list[Detector]:
    """Detectors that go by the name beside a value; used in sources and printed text."""

    def exported(line: str) -> bool:
        match = _EXPORTED.fullmatch(line.strip(" \t#"))
        return match is not None and _is_secret(match["value"])

    return [
        Detector("secret-by-name", lambda line: _sound(_ASSIGNED, line), _WORDS),
        Detector("secret-by-name", exported, _WORDS),
    ]


def random_looking() -> list[Detector]:
    """Detectors of texts too random to be words; used in sources of code only."""
    entropy = Base64HighEntropyString(limit=4.5)

    def random(line: str) -> bool:
        return any(
            _is_mixed(text)
            and entropy.calculate_shannon_entropy(text) > entropy.entropy_limit
            and not heuristic.is_sequential_string(text)
            and not heuristic.is_potential_uuid(text)
            and not heuristic.is_likely_id_string(text, line, entropy)
            for text in entropy.analyze_string(line)
        )

    return [Detector("random-text", random)]


def _matcher(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda line: pattern.search(line) is not None


def _reader(plugin: BasePlugin) -> Callable[[str], bool]:
    return lambda line: any(True for _ in plugin.analyze_string(line))


def _sound(pattern: re.Pattern[str], line: str) -> bool:
    return any(_is_secret(match["value"]) for match in pattern.finditer(line))


def _is_secret(value: str) -> bool:
    """Whether a value that stands where a secret would is one, and no name of it or sample."""
    value = value.strip()
    return (
        len(value) >= 4
        and not re.search(r"\s", value)
        and not _STAND_IN.fullmatch(value)
        and not _NAME_OF_ONE.fullmatch(value)
        and not value.startswith(("http://", "https://", "s3://", "~/", "/", "./"))
        and len(set(value)) > 2
    )


def _has_login(line: str) -> bool:
    library = BasicAuthDetector()
    return any(True for _ in library.analyze_string(line)) and _sound(_LOGIN, line)


def _has_aws_secret(line: str) -> bool:
    """40 signs of base64 that neither spell words nor are a digest."""
    entropy = Base64HighEntropyString(limit=4.3)
    return any(
        _is_mixed(text) and entropy.calculate_shannon_entropy(text) > entropy.entropy_limit
        for text in _AWS_SECRET.findall(line)
    )


def _is_mixed(text: str) -> bool:
    """Upper and lower case and digits, several of each, not in words: a path or title has fewer."""
    kinds = [sum(map(test, text)) for test in (str.isupper, str.islower, str.isdigit)]
    changes = sum(1 for _ in _changes(text))
    return min(kinds) >= 2 and changes >= len(text) / 4


def _changes(text: str) -> Iterator[int]:
    """Places where a letter, in its case, or digit is followed by another kind of sign."""
    for place in range(1, len(text)):
        before, after = text[place - 1], text[place]
        if (before.isupper(), before.isdigit()) != (after.isupper(), after.isdigit()):
            yield place
