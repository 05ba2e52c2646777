"""The static_keys profile: code that reads keys by name, as on the SSP Cloud."""

from __future__ import annotations

from tests.support.installation import Installation
from tests.support.sspcloud import BY_S3FS

# This store is without TLS.
SNIPPET = BY_S3FS.replace("https://", "http://")


def test_code_that_reads_keys_by_name_runs_unchanged(platform: Installation) -> None:
    with platform.person("carol") as carol:
        kernel = carol.start_server(profile="python-static-keys").kernel()
        assert kernel.run(SNIPPET).strip() == "['n', '42']"
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
