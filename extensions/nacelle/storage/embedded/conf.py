"""The texts that configure Swift for one node in one process: pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "nacelle"
DEVICE = "disk"
SERVERS = ("account", "container", "object")
# Free space below which the store refuses writes, and refuses to start.
RESERVE_BYTES = 256 * 1024 * 1024
# Swift's ring wants an address and a port a server; the inner sockets are named by these ports.
RING_IP = "127.0.0.1"
RING_PORTS = {"account": 6202, "container": 6201, "object": 6200}
_PACKAGE = "nacelle.storage.embedded"
# Left of s3api: what must see the request as the client sent it. Right of auth: Swift's own.
PIPELINE = (
    "catch_errors gatekeeper health accesslog cache sts listing_formats front s3api auth"
    " copy slo dlo versioned_writes symlink proxy-server"
)


@dataclass(frozen=True)
class Plan:
    """Everything that the configuration texts depend on."""

    state: Path
    key_file: Path
    region: str
    issuer: str
    key_life: int
    hash_prefix: str

    @property
    def etc(self) -> Path:
        return self.state / "etc"

    @property
    def devices(self) -> Path:
        return self.state / "devices"

    @property
    def recon(self) -> Path:
        return self.state / "recon"


def section(name: str, values: Mapping[str, object]) -> str:
    """One `[name]` section of an ini file."""
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in values.items()), ""])


def _filter(module: str, **options: object) -> dict[str, object]:
    return {"paste.filter_factory": f"{_PACKAGE}.{module}:filter_factory", **options}


def swift_conf(plan: Plan) -> str:
    """`swift.conf`: the hash prefix (never changes once objects exist) and the limits."""
    limits = {
        "max_file_size": 5 * 1024**3 + 2,
        # Session tokens travel in one header, or in the URL of a presigned link.
        "max_header_size": 32768,
        "max_request_line": 32768,
        # As on AWS; more would not fit beside Swift's own in the extended attributes of ext4.
        "max_meta_overall_size": 2048,
        "max_meta_value_length": 2048,
    }
    policy = {"name": "default", "default": "yes", "policy_type": "replication"}
    return "\n".join(
        [
            section("swift-hash", {"swift_hash_path_prefix": plan.hash_prefix}),
            section("swift-constraints", limits),
            section("storage-policy:0", policy),
        ]
    )


def _defaults(plan: Plan) -> dict[str, object]:
    return {
        "swift_dir": plan.etc,
        "devices": plan.devices,
        "mount_check": "false",
        "bind_ip": RING_IP,
        "log_level": "WARNING",
        "log_custom_handlers": f"{_PACKAGE}.logs.to_stderr",
        "recon_cache_path": plan.recon,
        "fallocate_reserve": RESERVE_BYTES,
        "db_preallocation": "off",
    }


def server_conf(plan: Plan, server: str) -> str:
    """Configuration of one storage server (`account`, `container` or `object`) and its upkeep."""
    own: dict[str, object] = {"use": f"egg:swift#{server}"}
    if server == "object":
        own |= {"disk_chunk_size": 262144, "network_chunk_size": 262144}
    upkeep: dict[str, object] = {"concurrency": 1, "per_diff": 1000, "rsync_io_timeout": 30}
    return "\n".join(
        [
            section("DEFAULT", _defaults(plan) | {"bind_port": RING_PORTS[server]}),
            section("pipeline:main", {"pipeline": f"{server}-server"}),
            section(f"app:{server}-server", own),
            section(f"{server}-replicator", upkeep),
            section(f"{server}-updater", {"concurrency": 1}),
        ]
    )


def proxy_conf(plan: Plan) -> str:
    """Configuration of the S3 door: Swift's proxy with `s3api` and our middleware."""
    filters: dict[str, dict[str, object]] = {
        "catch_errors": {"use": "egg:swift#catch_errors"},
        "gatekeeper": {"use": "egg:swift#gatekeeper"},
        "accesslog": _filter("accesslog"),
        "cache": _filter("cache"),
        "health": _filter("health"),
        "listing_formats": {"use": "egg:swift#listing_formats"},
        "front": _filter("front", key_file=plan.key_file),
        "sts": _filter(
            "sts",
            key_file=plan.key_file,
            issuer=plan.issuer,
            key_life=plan.key_life,
            jwks_cache=plan.state / "jwks.json",
        ),
        "s3api": {
            "use": "egg:swift#s3api",
            "location": plan.region,
            # Access lists are ours: what a client sets must open nothing.
            "s3_acl": "false",
            "dns_compliant_bucket_names": "true",
            "max_upload_part_num": 10000,
            "check_bucket_owner": "false",
        },
        "auth": _filter("auth", key_file=plan.key_file),
        "copy": {"use": "egg:swift#copy"},
        # No expirer runs here: a deleted multipart object must free its parts at once.
        "slo": {
            "use": "egg:swift#slo",
            "allow_async_delete": "false",
            "max_manifest_segments": 10000,
            "max_manifest_size": 16 * 1024**2,
        },
        "dlo": {"use": "egg:swift#dlo"},
        "versioned_writes": {
            "use": "egg:swift#versioned_writes",
            "allow_object_versioning": "true",
        },
        "symlink": {"use": "egg:swift#symlink"},
    }
    app: dict[str, object] = {
        "use": "egg:swift#proxy",
        "account_autocreate": "true",
        "expose_info": "false",
        # There is one node: to call it bad for a minute after one error would stop everything.
        "error_suppression_interval": 0,
        "error_suppression_limit": 1000000,
        "node_timeout": 30,
        "recoverable_node_timeout": 30,
        "conn_timeout": 5,
        "client_timeout": 60,
        "object_chunk_size": 262144,
        "client_chunk_size": 262144,
    }
    return "\n".join(
        [
            section("DEFAULT", _defaults(plan)),
            section("pipeline:main", {"pipeline": PIPELINE}),
            section("app:proxy-server", app),
            *(section(f"filter:{name}", values) for name, values in filters.items()),
        ]
    )


def conf_files(plan: Plan) -> dict[str, str]:
    """Every configuration file by name, to be written in `plan.etc`."""
    servers = {f"{name}-server.conf": server_conf(plan, name) for name in SERVERS}
    return {"swift.conf": swift_conf(plan), "proxy-server.conf": proxy_conf(plan), **servers}
