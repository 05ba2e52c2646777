"""The environment of a session (contract 2): the names that code written on the SSP Cloud expects,
and where to find the broker. No key that lives longer than the session is among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from nacelle.environments import trust
from nacelle.environments.profile import Choice
from nacelle.kernels import NAMES
from nacelle.layout import Layout
from nacelle.prefixes import BROKER_PREFIX, JOBS_PREFIX, MLFLOW_PREFIX, NACE_PREFIX
from nacelle.settings import Settings, User


@dataclass(frozen=True)
class Addresses:
    """Where a session finds the platform's parts. URLs without trailing slash."""

    store: str
    tracking: str
    broker: str
    classifier: str
    jobs: str
    region: str
    # File with the certificate authority of the store, when it is not a public one.
    ca_bundle: str | None = None
    # That authority's certificate, where a pod has to write this file itself.
    authority: str | None = None


def local_addresses(layout: Layout) -> Addresses:
    """The addresses of a platform on this machine, as its own processes reach them."""
    settings = layout.settings
    local = settings.local_url.rstrip("/")
    return Addresses(
        store=layout.store_url,
        tracking=local + MLFLOW_PREFIX,
        broker=layout.broker_url,
        classifier=local + NACE_PREFIX,
        jobs=local + JOBS_PREFIX,
        region=settings.store.region,
        ca_bundle=layout.store_authorities,
    )


def cluster_addresses(settings: Settings) -> Addresses:
    """The addresses of a platform on a cluster, as its pods reach them."""
    hub = settings.cluster.hub_url.rstrip("/")
    authority = trust.own_authority(settings)
    return Addresses(
        store=settings.cluster.store_url.rstrip("/"),
        tracking=hub + MLFLOW_PREFIX,
        broker=hub + BROKER_PREFIX,
        classifier=hub + NACE_PREFIX,
        jobs=hub + JOBS_PREFIX,
        region=settings.store.region,
        ca_bundle=trust.BUNDLE if authority else settings.cluster.ca_bundle,
        authority=authority,
    )


def make_environment(
    person: User, projects: Sequence[str], choice: Choice, addresses: Addresses, token: str
) -> dict[str, str]:
    """Variables of a session of `person`, whose hub token is `token`."""
    made = {
        **choice.env,
        "AWS_S3_ENDPOINT": urlsplit(addresses.store).netloc,
        "AWS_ENDPOINT_URL": addresses.store,
        "S3_ENDPOINT": addresses.store,
        "AWS_DEFAULT_REGION": addresses.region,
        "AWS_PATH_STYLE_ACCESS": "true",
        "MLFLOW_TRACKING_URI": addresses.tracking,
        "MLFLOW_TRACKING_TOKEN": token,
        "GIT_USER_NAME": person.name,
        "GIT_USER_MAIL": person.mail or f"{person.name}@localhost",
        "PROJECT_USER": person.name,
        "PROJECT_GROUP": ",".join(projects),
        "NACELLE_BROKER_URL": addresses.broker,
        "NACELLE_NACE_URL": addresses.classifier,
        "NACELLE_JOBS_URL": addresses.jobs,
        "NACELLE_PROFILE": choice.profile,
        "NACELLE_KERNELS": ",".join(NAMES[kernel] for kernel in choice.kernels),
        "NACELLE_PART": "session",
    }
    if addresses.ca_bundle:
        # boto3 and s3fs; pyarrow and other programs over OpenSSL; R's and other programs' curl.
        for name in ("AWS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
            made[name] = addresses.ca_bundle
    if addresses.authority:
        made[trust.VARIABLE] = addresses.authority
    if choice.static_keys:
        made["NACELLE_STATIC_KEYS"] = "1"
    if choice.init:
        made["NACELLE_INIT"] = choice.init.model_dump_json()
    return made
