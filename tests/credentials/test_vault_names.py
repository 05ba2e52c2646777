"""What may be a secret, a host or an identity; and that the guide has every route."""

from __future__ import annotations

from pathlib import Path

import pytest

from nacelle.credentials.secret_names import (
    BadSecret,
    check_host,
    check_line,
    check_mail,
    check_name,
    check_value,
    is_reserved,
)
from nacelle.credentials.secret_routes import SecretRoutes, make_routes
from nacelle.prefixes import BROKER_PREFIX

GUIDE = Path(__file__).parents[2] / "hub_config" / "SECRETS.md"
# What the platform itself puts into a session.
OURS = """
AWS_S3_ENDPOINT AWS_ENDPOINT_URL S3_ENDPOINT AWS_DEFAULT_REGION AWS_PATH_STYLE_ACCESS AWS_CA_BUNDLE
AWS_CONTAINER_CREDENTIALS_FULL_URI AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_SESSION_TOKEN
MLFLOW_TRACKING_URI MLFLOW_TRACKING_TOKEN GIT_USER_NAME GIT_USER_MAIL PROJECT_USER PROJECT_GROUP
GIT_CONFIG_COUNT GIT_CONFIG_KEY_0 GIT_CONFIG_VALUE_0 KUBERNETES_NAMESPACE KUBERNETES_SERVICE_HOST
NACELLE_BROKER_URL NACELLE_PROFILE NACELLE_KERNELS NACELLE_INIT NACELLE_SECRETS NACELLE_STATIC_KEYS
SSL_CERT_FILE CURL_CA_BUNDLE REQUESTS_CA_BUNDLE PATH JUPYTER_PATH JUPYTER_CONFIG_PATH JPY_API_TOKEN
JUPYTERHUB_API_TOKEN JUPYTERHUB_API_URL JUPYTERHUB_USER JUPYTERHUB_ACTIVITY_INTERVAL HOME USER
VAULT_ADDR VAULT_TOKEN VAULT_MOUNT VAULT_TOP_DIR VAULT_CACERT
"""
STEERING = """
LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES PYTHONPATH PYTHONSTARTUP PYTHONHOME IPYTHONDIR
BASH_ENV ENV IFS PS1 PROMPT_COMMAND SHELL GIT_SSH GIT_SSH_COMMAND GIT_EXEC_PATH GIT_ASKPASS
SSH_ASKPASS SSH_AUTH_SOCK R_PROFILE R_LIBS_USER R_HOME JULIA_LOAD_PATH JULIA_DEPOT_PATH PERL5LIB
RUBYOPT NODE_OPTIONS JAVA_TOOL_OPTIONS JDK_JAVA_OPTIONS CLASSPATH HTTPS_PROXY https_proxy NO_PROXY
GCONV_PATH LOCPATH TMPDIR XDG_CONFIG_HOME CONDA_PREFIX VIRTUAL_ENV EDITOR PAGER LESSOPEN BROWSER
"""
FREE = """
API_KEY DATABASE_PASSWORD PGPASSWORD GIT_TOKEN GIT_PERSONAL_ACCESS_TOKEN GITHUB_TOKEN
SSH_PRIVATE_KEY HF_TOKEN S3_SECRET_OF_THE_PARTNER NODE_AUTH_TOKEN PIP_INDEX_URL Ldap
PROJECT_ID awsome RSTUDIO_PASSWORD
"""


@pytest.mark.parametrize("name", [*OURS.split(), *STEERING.split()])
def test_names_that_steer_are_refused_in_any_case(name: str) -> None:
    for written in (name, name.lower(), name.title()):
        with pytest.raises(BadSecret, match=r"uses itself"):
            check_name(written)


@pytest.mark.parametrize("name", FREE.split())
def test_names_of_secrets_are_taken(name: str) -> None:
    assert check_name(name) == name and not is_reserved(name)


@pytest.mark.parametrize(
    "name",
    [None, 7, "", " A", "A ", "A\n", "A\nB", "A\0", "1A", "A-B", "A.B", "A/B", "..", "é", "A=B"],
)
def test_other_texts_are_no_names(name: object) -> None:
    with pytest.raises(BadSecret, match="cannot be the name"):
        check_name(name)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" a b \n", "a b"),
        ("a\r\nb", "a\nb\n"),
        ("\n a\n b\n\n", " a\n b\n"),
        ("é", "é"),
    ],
)
def test_values_are_kept_as_they_are_meant(given: str, kept: str) -> None:
    assert check_value(given) == kept == check_value(kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("git.example.org", "git.example.org"),
        (" https://Git.Example.org/ ", "git.example.org"),
        ("localhost:8443", "localhost:8443"),
    ],
)
def test_hosts_are_taken(given: str, kept: str) -> None:
    assert check_host(given) == kept


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "..",
        "a..b",
        "-a",
        "a-",
        "a b",
        "a\nb",
        "a/b",
        "u@a",
        "a:0",
        "a:x",
        "http://a",
        "*",
        "a" * 254,
    ],
)
def test_other_texts_are_no_hosts(host: object) -> None:
    with pytest.raises(BadSecret):
        check_host(host)


def test_identities_are_one_line() -> None:
    assert check_line(" Ann É. ") == "Ann É." and check_mail("") == ""
    for bad in ("a\nb", "a\x1b[31m", "x" * 201, None):
        with pytest.raises(BadSecret):
            check_line(bad)
    for bad in ("ann", "a@", "@b", "a b@c", "<a@b>"):
        with pytest.raises(BadSecret):
            check_mail(bad)


def test_every_route_of_secrets_is_in_the_guide() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for route in make_routes(SecretRoutes(None, None, None)):  # type: ignore[arg-type]
        (method,) = (route.methods or set()) - {"HEAD"}
        assert f"`{method} {BROKER_PREFIX}{route.path}`" in text
