"""The store with boto3 as it comes: its default checksums, streaming signatures and retries."""

from __future__ import annotations

import hashlib
import io
import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from botocore.config import Config

from .conftest import Platform, expect_refused, s3_client

BUCKET = "user-ada"


def test_put_get_list_delete(ada: Any) -> None:
    body = os.urandom(3_000_000)
    ada.put_object(Bucket=BUCKET, Key="a/é b+c.bin", Body=body, Metadata={"source": "test"})
    answer = ada.get_object(Bucket=BUCKET, Key="a/é b+c.bin")
    assert answer["Body"].read() == body
    assert answer["Metadata"] == {"source": "test"}
    assert answer["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    listed = ada.list_objects_v2(Bucket=BUCKET, Prefix="a/")["Contents"]
    assert [item["Key"] for item in listed] == ["a/é b+c.bin"]
    part = ada.get_object(Bucket=BUCKET, Key="a/é b+c.bin", Range="bytes=10-19")["Body"].read()
    assert part == body[10:20]
    ada.delete_object(Bucket=BUCKET, Key="a/é b+c.bin")
    assert ada.list_objects_v2(Bucket=BUCKET, Prefix="a/")["KeyCount"] == 0
    expect_refused(lambda: ada.get_object(Bucket=BUCKET, Key="a/é b+c.bin"), "NoSuchKey")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_trailing_checksums(ada: Any, algorithm: str) -> None:
    body = io.BytesIO(os.urandom(300_000))
    ada.put_object(Bucket=BUCKET, Key="sum", Body=body, ChecksumAlgorithm=algorithm)
    assert ada.get_object(Bucket=BUCKET, Key="sum")["Body"].read() == body.getvalue()


@pytest.mark.parametrize("signed", [True, False])
def test_signed_and_unsigned_payload(platform: Platform, ada: Any, signed: bool) -> None:
    config = Config(
        s3={"addressing_style": "path", "payload_signing_enabled": signed},
        request_checksum_calculation="when_required",
    )
    client = s3_client(platform.store.url, platform.keys("user:ada"), config=config)
    client.put_object(Bucket=BUCKET, Key="payload", Body=b"x" * 100_000)
    assert client.head_object(Bucket=BUCKET, Key="payload")["ContentLength"] == 100_000


def test_multipart_upload_and_copy(ada: Any) -> None:
    part = os.urandom(5 * 1024 * 1024)
    upload = ada.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
    where = {"Bucket": BUCKET, "Key": "big", "UploadId": upload}
    tags = [
        {"PartNumber": n, "ETag": ada.upload_part(**where, PartNumber=n, Body=data)["ETag"]}
        for n, data in ((1, part), (2, b"end"))
    ]
    assert len(ada.list_parts(**where)["Parts"]) == 2
    ada.complete_multipart_upload(**where, MultipartUpload={"Parts": tags})
    assert ada.get_object(Bucket=BUCKET, Key="big")["Body"].read() == part + b"end"

    ada.copy_object(Bucket=BUCKET, Key="copy", CopySource={"Bucket": BUCKET, "Key": "big"})
    assert ada.head_object(Bucket=BUCKET, Key="copy")["ContentLength"] == len(part) + 3

    other = ada.create_multipart_upload(Bucket="projet-nace", Key="parts")["UploadId"]
    where = {"Bucket": "projet-nace", "Key": "parts", "UploadId": other}
    copied = ada.upload_part_copy(
        **where, PartNumber=1, CopySource={"Bucket": BUCKET, "Key": "big"}
    )["CopyPartResult"]["ETag"]
    ada.complete_multipart_upload(
        **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": copied}]}
    )
    assert ada.get_object(Bucket="projet-nace", Key="parts")["Body"].read() == part + b"end"


def test_managed_transfer(ada: Any) -> None:
    body = os.urandom(20_000_000)
    ada.upload_fileobj(io.BytesIO(body), BUCKET, "managed")
    back = io.BytesIO()
    ada.download_fileobj(BUCKET, "managed", back)
    assert back.getvalue() == body
    ada.delete_object(Bucket=BUCKET, Key="managed")
    segments = ada.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    assert segments == []


def test_aborted_upload_leaves_nothing(ada: Any) -> None:
    upload = ada.create_multipart_upload(Bucket=BUCKET, Key="gone")["UploadId"]
    where = {"Bucket": BUCKET, "Key": "gone", "UploadId": upload}
    ada.upload_part(**where, PartNumber=1, Body=b"x")
    ada.abort_multipart_upload(**where)
    assert not ada.list_multipart_uploads(Bucket=BUCKET).get("Uploads")
    expect_refused(lambda: ada.list_parts(**where), "NoSuchUpload")


def test_versions(ada: Any) -> None:
    bucket = "projet-nace"
    ada.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = ada.put_object(Bucket=bucket, Key="v", Body=b"one")["VersionId"]
    ada.put_object(Bucket=bucket, Key="v", Body=b"two")
    assert ada.get_object(Bucket=bucket, Key="v")["Body"].read() == b"two"
    assert ada.get_object(Bucket=bucket, Key="v", VersionId=first)["Body"].read() == b"one"
    ada.delete_object(Bucket=bucket, Key="v")
    versions = ada.list_object_versions(Bucket=bucket, Prefix="v")
    assert len(versions["Versions"]) == 2 and len(versions["DeleteMarkers"]) == 1
    for item in versions["Versions"] + versions["DeleteMarkers"]:
        ada.delete_object(Bucket=bucket, Key="v", VersionId=item["VersionId"])
    ada.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})


def test_if_none_match(ada: Any) -> None:
    ada.put_object(Bucket=BUCKET, Key="once", Body=b"1", IfNoneMatch="*")
    expect_refused(
        lambda: ada.put_object(Bucket=BUCKET, Key="once", Body=b"2", IfNoneMatch="*"),
        "PreconditionFailed",
    )
    assert ada.get_object(Bucket=BUCKET, Key="once")["Body"].read() == b"1"
    ada.delete_object(Bucket=BUCKET, Key="once")


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_links(platform: Platform, ada: Any, version: str) -> None:
    config = Config(signature_version=version)
    client = s3_client(platform.store.url, platform.keys("user:ada"), config=config)
    where = {"Bucket": BUCKET, "Key": f"link é {version}"}
    put = client.generate_presigned_url("put_object", Params=where, ExpiresIn=60)
    assert httpx.put(put, content=b"by link").status_code == 200
    get = client.generate_presigned_url("get_object", Params=where, ExpiresIn=60)
    answer = httpx.get(get)
    assert (answer.status_code, answer.content) == (200, b"by link")
    assert httpx.put(get, content=b"other").status_code == 403
    assert httpx.get(get.replace("link", "lonk")).status_code == 403


def test_multi_delete(ada: Any) -> None:
    keys = [f"many/{n}" for n in range(20)]
    for key in keys:
        ada.put_object(Bucket=BUCKET, Key=key, Body=b"")
    answer = ada.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": key} for key in keys]})
    assert len(answer["Deleted"]) == 20 and "Errors" not in answer
    assert ada.list_objects_v2(Bucket=BUCKET, Prefix="many/")["KeyCount"] == 0


def test_tags_do_not_touch_the_object(ada: Any) -> None:
    ada.put_object(Bucket=BUCKET, Key="tagged", Body=b"content")
    ada.put_object(Bucket=BUCKET, Key="folder/", Body=b"")
    assert ada.get_object(Bucket=BUCKET, Key="tagged")["Body"].read() == b"content"
    assert ada.head_object(Bucket=BUCKET, Key="folder/")["ContentLength"] == 0


def test_metadata_up_to_two_kilobytes_with_the_longest_key(ada: Any) -> None:
    key = "k" * 1024
    ada.put_object(Bucket=BUCKET, Key=key, Body=b"x", Metadata={"note": "m" * 2000})
    assert ada.head_object(Bucket=BUCKET, Key=key)["Metadata"] == {"note": "m" * 2000}
    ada.delete_object(Bucket=BUCKET, Key=key)
    expect_refused(
        lambda: ada.put_object(
            Bucket=BUCKET, Key="m", Body=b"x", Metadata={"a": "m" * 1500, "b": "m" * 1500}
        ),
        "InvalidRequest",
        "MetadataTooLarge",
    )


def test_many_clients_at_once(platform: Platform, ada: Any) -> None:
    keys = platform.keys("user:ada")

    def work(number: int) -> bool:
        client = s3_client(platform.store.url, keys)
        body = os.urandom(200_000)
        client.put_object(Bucket=BUCKET, Key=f"crowd/{number}", Body=body)
        return bool(client.get_object(Bucket=BUCKET, Key=f"crowd/{number}")["Body"].read() == body)

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(work, range(48)))
    assert ada.list_objects_v2(Bucket=BUCKET, Prefix="crowd/")["KeyCount"] == 48


def test_access_log_has_one_line_a_request_and_no_secret(platform: Platform, ada: Any) -> None:
    keys = platform.keys("user:ada", projects=["nace"])
    client = s3_client(platform.store.url, keys)
    client.put_object(Bucket=BUCKET, Key="logged/ü", Body=b"12345")
    link = client.generate_presigned_url(
        "get_object", Params={"Bucket": BUCKET, "Key": "logged/ü"}, ExpiresIn=60
    )
    assert httpx.get(link).status_code == 200
    mine = [line for line in platform.store.lines() if line["key"] == "logged/ü"]
    assert [line["method"] for line in mine] == ["PUT", "GET"]
    for line in mine:
        assert line["status"] == 200 and line["bucket"] == BUCKET and line["sub"] == "user:ada"
        assert line["access_key_id"] == keys["aws_access_key_id"]
        assert line["duration"] >= 0 and line["time"] and line["request_id"].startswith("tx")
    assert mine[0]["bytes_in"] >= 5 and mine[1]["bytes_out"] == 5
    written = platform.store.out.read_text() + platform.store.err.read_text()
    assert keys["aws_secret_access_key"] not in written
    assert keys["aws_session_token"] not in written
    assert json.dumps(mine)
