"""The static_keys profile: code that reads keys by name, as on the SSP Cloud."""

from __future__ import annotations

from tests.support.installation import Installation

# As it is written there, but for the scheme of a store without TLS.
SNIPPET = """
import os, s3fs
fs = s3fs.S3FileSystem(
    client_kwargs={"endpoint_url": "http://" + os.environ["AWS_S3_ENDPOINT"]},
    key=os.environ["AWS_ACCESS_KEY_ID"],
    secret=os.environ["AWS_SECRET_ACCESS_KEY"],
    token=os.environ["AWS_SESSION_TOKEN"],
)
with fs.open("user-carol/by-name.txt", "w") as file:
    file.write("by name")
print(fs.cat("user-carol/by-name.txt").decode())
"""


def test_code_that_reads_keys_by_name_runs_unchanged(platform: Installation) -> None:
    with platform.person("carol") as carol:
        kernel = carol.start_server(profile="python-static-keys").kernel()
        assert kernel.run(SNIPPET).strip() == "by name"
        carol.stop_server()


def test_r_has_them_when_its_kernel_starts(platform: Installation) -> None:
    with platform.person("carol") as carol:
        kernel = carol.start_server(profile="r-static-keys").kernel("ir")
        printed = kernel.run(
            'cat(substr(Sys.getenv("AWS_ACCESS_KEY_ID"), 1, 3));'
            ' cat("", nchar(Sys.getenv("AWS_SESSION_TOKEN")))'
        )
        assert printed.split()[0] == "NCL" and int(printed.split()[1]) > 100
        carol.stop_server()
