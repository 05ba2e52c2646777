"""Attacks over the network: what user B, an outsider and an old key must not be able to do."""

from __future__ import annotations

import socket
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import httpx
import psutil
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from nacelle.storage.embedded.keys import Identity, KeySigner

from .conftest import Platform, expect_refused, s3_client, wait_until

A = "user-ada"


@pytest.fixture(scope="module")
def target(ada: Any) -> dict[str, str]:
    """An object of A's, which must be there unchanged after every attack."""
    ada.put_object(Bucket=A, Key="mine", Body=b"private")
    return {"Bucket": A, "Key": "mine"}


@pytest.fixture(autouse=True)
def _unchanged(ada: Any, target: dict[str, str]) -> Any:
    yield
    assert ada.get_object(**target)["Body"].read() == b"private"


@pytest.mark.parametrize("other", ["bob", "admin"])
def test_others_cannot_read_list_write_or_delete(
    request: pytest.FixtureRequest, other: str, target: dict[str, str]
) -> None:
    b = request.getfixturevalue(other)
    expect_refused(lambda: b.get_object(**target))
    expect_refused(lambda: b.head_object(**target))
    expect_refused(lambda: b.list_objects_v2(Bucket=A))
    expect_refused(lambda: b.list_object_versions(Bucket=A))
    expect_refused(lambda: b.list_multipart_uploads(Bucket=A))
    expect_refused(lambda: b.put_object(**target, Body=b"changed"))
    expect_refused(lambda: b.put_object(Bucket=A, Key="new", Body=b"x"))
    expect_refused(lambda: b.delete_object(**target))
    expect_refused(lambda: b.delete_objects(Bucket=A, Delete={"Objects": [{"Key": "mine"}]}))
    expect_refused(lambda: b.delete_bucket(Bucket=A))
    expect_refused(lambda: b.head_bucket(Bucket=A))
    expect_refused(lambda: b.create_multipart_upload(Bucket=A, Key="x"))
    expect_refused(
        lambda: b.put_bucket_versioning(Bucket=A, VersioningConfiguration={"Status": "Enabled"})
    )
    expect_refused(lambda: b.put_object_tagging(**target, Tagging={"TagSet": []}))


def test_b_cannot_copy_from_a(bob: Any, target: dict[str, str]) -> None:
    expect_refused(lambda: bob.copy_object(Bucket="user-bob", Key="stolen", CopySource=target))
    upload = bob.create_multipart_upload(Bucket="user-bob", Key="stolen")["UploadId"]
    where = {"Bucket": "user-bob", "Key": "stolen", "UploadId": upload}
    expect_refused(lambda: bob.upload_part_copy(**where, PartNumber=1, CopySource=target))
    bob.abort_multipart_upload(**where)
    assert "Contents" not in bob.list_objects_v2(Bucket="user-bob", Prefix="stolen")


def test_b_cannot_reach_old_versions(ada: Any, bob: Any) -> None:
    bucket = "projet-nace"
    ada.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    old = {"Bucket": bucket, "Key": "plan"}
    old["VersionId"] = ada.put_object(**old, Body=b"old")["VersionId"]
    new = ada.put_object(Bucket=bucket, Key="plan", Body=b"new")["VersionId"]
    expect_refused(lambda: bob.get_object(**old))
    expect_refused(lambda: bob.delete_object(**old))
    expect_refused(lambda: bob.copy_object(Bucket="user-bob", Key="stolen", CopySource=old))
    assert ada.get_object(**old)["Body"].read() == b"old"
    for version in (old["VersionId"], new):
        ada.delete_object(Bucket=bucket, Key="plan", VersionId=version)
    ada.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def test_b_cannot_use_as_upload(ada: Any, bob: Any) -> None:
    upload = ada.create_multipart_upload(Bucket=A, Key="open")["UploadId"]
    where = {"Bucket": A, "Key": "open", "UploadId": upload}
    tag = ada.upload_part(**where, PartNumber=1, Body=b"x")["ETag"]
    expect_refused(lambda: bob.list_parts(**where))
    expect_refused(lambda: bob.upload_part(**where, PartNumber=1, Body=b"y"))
    expect_refused(lambda: bob.abort_multipart_upload(**where))
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    expect_refused(lambda: bob.complete_multipart_upload(**where, MultipartUpload=parts))
    ada.complete_multipart_upload(**where, MultipartUpload=parts)


def test_swift_headers_and_access_lists_open_nothing(
    platform: Platform, ada: Any, bob: Any, target: dict[str, str]
) -> None:
    ada.put_object(Bucket=A, Key="open-acl", Body=b"x", ACL="public-read-write")
    expect_refused(lambda: bob.get_object(Bucket=A, Key="open-acl"))
    expect_refused(
        lambda: ada.put_bucket_acl(Bucket=A, ACL="public-read"), "AccessControlListNotSupported"
    )
    swift = {
        "X-Copy-From": f"{A}/mine",
        "X-Copy-From-Account": "nacelle",
        "X-Symlink-Target": f"{A}/mine",
        "X-Object-Manifest": f"{A}/mine",
        "X-Container-Read": ".r:*",
        "X-Versions-Location": A,
        "X-Backend-Allow-Reserved-Names": "true",
    }
    hacker = platform.s3("user:bob")
    hacker.meta.events.register(
        "before-sign.s3",
        lambda request, **_: [request.headers.add_header(*x) for x in swift.items()],
    )
    hacker.put_object(Bucket="user-bob", Key="trick", Body=b"own")
    assert bob.get_object(Bucket="user-bob", Key="trick")["Body"].read() == b"own"
    expect_refused(lambda: hacker.get_object(**target))


@pytest.mark.parametrize("name", ["user-eve", "projet-nace", "elsewhere", "service-mlflow", "v1"])
def test_nobody_creates_a_bucket_that_is_not_theirs(bob: Any, name: str) -> None:
    wanted = name if len(name) > 2 else "v1-bucket"
    message = expect_refused(lambda: bob.create_bucket(Bucket=wanted))
    assert "is not yours" in message


def test_a_listing_shows_ones_own_and_public(ada: Any, bob: Any, admin: Any) -> None:
    def names(client: Any) -> list[str]:
        return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]

    assert names(ada) == ["projet-nace", "public", "user-ada"]
    assert names(bob) == ["public", "user-bob"]
    assert names(admin) == ["public"]


def test_public_is_read_by_all_and_written_by_administrators(bob: Any, admin: Any) -> None:
    admin.put_object(Bucket="public", Key="open", Body=b"for all")
    assert bob.get_object(Bucket="public", Key="open")["Body"].read() == b"for all"
    message = expect_refused(lambda: bob.put_object(Bucket="public", Key="open", Body=b"spoilt"))
    assert "administrators only" in message
    expect_refused(lambda: bob.delete_object(Bucket="public", Key="open"))
    expect_refused(lambda: bob.delete_objects(Bucket="public", Delete={"Objects": [{"Key": "x"}]}))
    assert bob.get_object(Bucket="public", Key="open")["Body"].read() == b"for all"


def test_anonymous_is_refused(platform: Platform, target: dict[str, str]) -> None:
    url = platform.store.url
    client = boto3.client(
        "s3",
        endpoint_url=url,
        region_name="us-east-1",
        config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}),
    )
    expect_refused(lambda: client.get_object(**target))
    expect_refused(lambda: client.get_object(Bucket="public", Key="open"))
    for path in ("/", "/v1/nacelle", f"/v1/nacelle/{A}/mine", "/info", "/auth/v1.0", "/v1.0/x/y"):
        assert httpx.get(url + path).status_code == 403
    assert httpx.post(f"{url}/v1/nacelle?bulk-delete", content=f"{A}/mine").status_code == 403
    assert httpx.put(f"{url}/v1/nacelle/{A}?extract-archive=tar").status_code == 403


def test_a_key_without_its_token_is_refused(platform: Platform, target: dict[str, str]) -> None:
    keys = platform.keys("user:ada")
    del keys["aws_session_token"]
    message = expect_refused(lambda: s3_client(platform.store.url, keys).get_object(**target))
    assert "session token is missing" in message


def test_expired_keys_and_links(platform: Platform, target: dict[str, str]) -> None:
    client = s3_client(platform.store.url, platform.keys("user:ada", 15))
    link = client.generate_presigned_url("get_object", Params=target, ExpiresIn=3600)
    assert client.get_object(**target)["Body"].read() == b"private"
    assert httpx.get(link).status_code == 200
    wait_until(lambda: httpx.get(link).status_code != 200, 30)
    answer = httpx.get(link)
    assert answer.status_code == 400 and "ExpiredToken" in answer.text
    message = expect_refused(lambda: client.get_object(**target), "ExpiredToken")
    assert "ask for new ones" in message
    expect_refused(lambda: client.put_object(Bucket=A, Key="late", Body=b""), "ExpiredToken")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_link_past_its_time(platform: Platform, target: dict[str, str], version: str) -> None:
    config = Config(signature_version=version)
    client = s3_client(platform.store.url, platform.keys("user:ada"), config=config)
    link = client.generate_presigned_url("get_object", Params=target, ExpiresIn=2)
    wait_until(lambda: httpx.get(link).status_code != 200, 10)
    assert httpx.get(link).status_code == 403
    longer = link.replace("X-Amz-Expires=2", "X-Amz-Expires=900")
    query = parse_qs(urlsplit(link).query)
    if "Expires" in query:
        later = str(int(time.time()) + 900)
        longer = link.replace(f"Expires={query['Expires'][0]}", f"Expires={later}")
    assert longer != link and httpx.get(longer).status_code == 403


def test_edited_and_mixed_keys(platform: Platform, target: dict[str, str]) -> None:
    ours, theirs = platform.keys("user:ada"), platform.keys("user:bob")
    url = platform.store.url

    def attempt(*codes: str, **changes: str) -> None:
        expect_refused(lambda: s3_client(url, ours | changes).get_object(**target), *codes)

    head, body, signature = ours["aws_session_token"].split(".")
    attempt("InvalidToken", aws_session_token=f"{head}.{body[:-2]}xx.{signature}")
    attempt("InvalidToken", aws_session_token="nonsense")
    attempt("SignatureDoesNotMatch", aws_secret_access_key="0" * 64)
    attempt("AccessDenied", aws_session_token=theirs["aws_session_token"])
    attempt("SignatureDoesNotMatch", "AccessDenied", aws_access_key_id=theirs["aws_access_key_id"])
    stolen = theirs | {"aws_session_token": ours["aws_session_token"]}
    expect_refused(lambda: s3_client(url, stolen).get_object(**target), "SignatureDoesNotMatch")
    renamed = ours | {"aws_access_key_id": "NCLAAAAAAAAAAAAAAAAA"}
    expect_refused(lambda: s3_client(url, renamed).get_object(**target), "AccessDenied")


def test_keys_of_another_installation(platform: Platform, target: dict[str, str]) -> None:
    keys = KeySigner("f" * 64).mint(Identity("user:ada"), 600)
    client = s3_client(
        platform.store.url,
        {
            "aws_access_key_id": keys.access_key_id,
            "aws_secret_access_key": keys.secret_access_key,
            "aws_session_token": keys.session_token,
        },
    )
    expect_refused(lambda: client.get_object(**target), "InvalidToken")


def test_a_body_changed_on_the_way_is_refused(platform: Platform) -> None:
    config = Config(
        s3={"addressing_style": "path", "payload_signing_enabled": True},
        request_checksum_calculation="when_required",
    )
    client = s3_client(platform.store.url, platform.keys("user:ada"), config=config)

    def change(request: Any, **_: Any) -> None:
        request.body = b"EVIL"

    client.meta.events.register("before-send.s3", change)
    expect_refused(
        lambda: client.put_object(Bucket=A, Key="body", Body=b"good"),
        "XAmzContentSHA256Mismatch",
        "BadDigest",
    )


def test_the_storage_servers_cannot_be_reached(platform: Platform) -> None:
    layout = platform.store.layout
    listening = psutil.Process(platform.store.process.pid).net_connections("inet")
    ports = {each.laddr.port for each in listening if each.status == psutil.CONN_LISTEN}
    assert ports == {layout.port("store")}
    sockets = sorted((layout.folder("store") / "run").glob("*.sock"))
    assert len(sockets) == 3
    for path in sockets:
        # This test runs as the same Unix user, which file permissions alone would let in.
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            probe.connect(str(path))
            try:
                probe.sendall(b"GET /disk/0/nacelle HTTP/1.1\r\nHost: x\r\n\r\n")
                assert probe.recv(100) == b""
            except (BrokenPipeError, ConnectionResetError):
                pass
