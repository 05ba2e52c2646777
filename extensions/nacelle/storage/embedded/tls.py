"""A certificate authority of the installation's own, and the store's certificate under it."""

from __future__ import annotations

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nacelle.authorities import with_those_trusted_here
from nacelle.layout import Layout
from nacelle.secrets import write_private

_CA_LIFE = timedelta(days=3650)
_LEAF_LIFE = timedelta(days=397)
_RENEW_BEFORE = timedelta(days=30)
_NAMES = ("localhost",)
_ADDRESSES = ("127.0.0.1", "::1")


def _folder(layout: Layout) -> Path:
    return layout.secrets / "tls"


def certificate_path(layout: Layout) -> Path:
    """The store's certificate."""
    return _folder(layout) / "store.pem"


def key_path(layout: Layout) -> Path:
    """The private key of the store's certificate."""
    return _folder(layout) / "store.key.pem"


def ensure_tls(layout: Layout) -> None:
    """Make the authority at first start, and the store's certificate when it is missing or old."""
    _folder(layout).mkdir(parents=True, exist_ok=True, mode=0o700)
    ca_key_path = _folder(layout) / "ca.key.pem"
    if _days_left(layout.ca_file) is None or not ca_key_path.exists():
        _make_ca(layout.ca_file, ca_key_path)
        certificate_path(layout).unlink(missing_ok=True)
    left = _days_left(certificate_path(layout))
    known = left is not None and _names_of(certificate_path(layout)) >= _wanted_names(layout)
    if left is None or left < _RENEW_BEFORE or not known or not key_path(layout).exists():
        _make_leaf(layout, ca_key_path)
    own = layout.ca_file.read_text(encoding="ascii")
    write_private(layout.ca_bundle, with_those_trusted_here(own))


def _days_left(file: Path) -> timedelta | None:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
    except (OSError, ValueError):
        return None
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    return left if left > timedelta(0) else None


def _wanted_names(layout: Layout) -> set[str]:
    """The names under which clients reach the store; pods have one of their own for it."""
    if layout.settings.store.host == "127.0.0.1":
        return set(_NAMES)
    return {*_NAMES, urlsplit(layout.settings.cluster.store_url).hostname or _NAMES[0]}


def _names_of(file: Path) -> set[str]:
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return set(found.value.get_values_for_type(x509.DNSName))


def _make_ca(file: Path, key_file: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Nacelle local authority")])
    usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
    certificate = (
        _builder(name, name, key.public_key(), _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_private(key_file, _pem(key))
    _publish(file, certificate)


def _make_leaf(layout: Layout, ca_key_file: Path) -> None:
    ca = x509.load_pem_x509_certificate(layout.ca_file.read_bytes())
    ca_key = serialization.load_pem_private_key(ca_key_file.read_bytes(), password=None)
    if not isinstance(ca_key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{ca_key_file} holds no elliptic-curve key; remove the folder tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Nacelle store")])
    names: list[x509.GeneralName] = [x509.DNSName(item) for item in sorted(_wanted_names(layout))]
    names += [x509.IPAddress(ipaddress.ip_address(item)) for item in _ADDRESSES]
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key())
    certificate = (
        _builder(name, ca.subject, key.public_key(), _LEAF_LIFE)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(authority, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    write_private(key_path(layout), _pem(key))
    _publish(certificate_path(layout), certificate)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + life)
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")


def _publish(file: Path, certificate: x509.Certificate) -> None:
    write_private(file, certificate.public_bytes(serialization.Encoding.PEM).decode("ascii"))
    file.chmod(0o644)
