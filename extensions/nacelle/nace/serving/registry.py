"""Which version of the model the registry's alias points to, asked over MLflow's REST interface."""

from __future__ import annotations

import httpx
import msgspec

from nacelle.nace.threshold_file import TAG
from nacelle.prefixes import MLFLOW_PREFIX

# Path of MLflow's door behind the hub's proxy.
SPACE_HEADER = "X-MLFLOW-WORKSPACE"
_ALIAS = "/api/2.0/mlflow/registered-models/alias"
_ABSENT = frozenset({"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"})
_SHOWN = 300


class Told(Exception):
    """The message is for everybody, and tells no address or path; `detail` is for the log."""

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(message)
        self.detail = detail


class RegistryAway(Told):
    """MLflow could not be asked; the message says why."""


class NoChampion(Told):
    """MLflow answered that there is no such model or alias."""


class Version(msgspec.Struct, frozen=True):
    """A version as the registry has it; `threshold` is its tag as text, '' without one."""

    number: str
    source: str
    run_id: str
    threshold: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What tells its content from another's: numbers begin again in a model made anew."""
        return self.number, self.source, self.run_id


class _Tag(msgspec.Struct):
    key: str
    value: str = ""


class _Found(msgspec.Struct):
    version: str
    source: str = ""
    run_id: str = ""
    tags: list[_Tag] = []


class _Answer(msgspec.Struct):
    model_version: _Found


class Registry:
    """Follows one alias of one registered model, in the space that `http` names."""

    def __init__(self, http: httpx.AsyncClient, model: str, alias: str) -> None:
        self._http = http
        self.model = model
        self.alias = alias

    @property
    def uri(self) -> str:
        return f"models:/{self.model}@{self.alias}"

    async def ask(self) -> Version:
        """The version that the alias points to. Raises RegistryAway or NoChampion."""
        try:
            answer = await self._http.get(_ALIAS, params={"name": self.model, "alias": self.alias})
        except httpx.HTTPError as error:
            raise RegistryAway(
                "MLflow does not answer.", f"{type(error).__name__}: {error}"
            ) from None
        if answer.status_code == httpx.codes.OK:
            return _version(answer.content)
        code, said = _error(answer)
        if answer.status_code in (400, 404) and code in _ABSENT:
            raise NoChampion(f"MLflow has no {self.uri}.", said)
        refused = answer.status_code in (401, 403)
        raise RegistryAway(
            f"MLflow {'refuses to tell' if refused else 'cannot tell'} which version is to serve.",
            f"{answer.status_code} {code}: {said}",
        )


def make_http(address: str, token: str, space: str) -> httpx.AsyncClient:
    """What speaks to the door at `address` as the service that holds `token`, in one space."""
    return httpx.AsyncClient(
        base_url=address + MLFLOW_PREFIX,
        headers={"Authorization": f"Bearer {token}", SPACE_HEADER: space},
        timeout=10,
        trust_env=False,
    )


def _version(content: bytes) -> Version:
    try:
        found = msgspec.json.decode(content, type=_Answer).model_version
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RegistryAway("MLflow's answer cannot be read.", str(error)) from None
    tags = {tag.key: tag.value for tag in found.tags}
    return Version(found.version, found.source, found.run_id, tags.get(TAG, ""))


def _error(answer: httpx.Response) -> tuple[str, str]:
    """Code and message of an error, as MLflow and its door write them."""
    try:
        body = answer.json()
        return str(body["error_code"]), str(body["message"])[:_SHOWN].rstrip(".")
    except (ValueError, KeyError, TypeError):
        return "", "no reason given"
