"""Code as it is written on the SSP Cloud: keys by name, `https://` before AWS_S3_ENDPOINT."""

from __future__ import annotations

BY_S3FS = """
import os, s3fs
fs = s3fs.S3FileSystem(
    client_kwargs={"endpoint_url": "https://" + os.environ["AWS_S3_ENDPOINT"]},
    key=os.environ["AWS_ACCESS_KEY_ID"],
    secret=os.environ["AWS_SECRET_ACCESS_KEY"],
    token=os.environ["AWS_SESSION_TOKEN"],
)
with fs.open("user-" + os.environ["PROJECT_USER"] + "/by-name.csv", "w") as file:
    file.write("n\\n42\\n")
print(fs.cat("user-" + os.environ["PROJECT_USER"] + "/by-name.csv").decode().split())
"""
# It reads what the first one wrote.
BY_DUCKDB = """
import os, duckdb
con = duckdb.connect(database=":memory:")
con.execute("INSTALL httpfs; LOAD httpfs;")
con.execute(f'''
    CREATE SECRET secret (
        TYPE S3,
        KEY_ID '{os.environ["AWS_ACCESS_KEY_ID"]}',
        SECRET '{os.environ["AWS_SECRET_ACCESS_KEY"]}',
        SESSION_TOKEN '{os.environ["AWS_SESSION_TOKEN"]}',
        ENDPOINT '{os.environ["AWS_S3_ENDPOINT"]}',
        REGION '{os.environ["AWS_DEFAULT_REGION"]}',
        URL_STYLE 'path'
    );
''')
place = "s3://user-" + os.environ["PROJECT_USER"]
con.execute(f"COPY (SELECT n + 1 AS n FROM '{place}/by-name.csv') TO '{place}/by-name.parquet'")
print(con.sql(f"SELECT n FROM '{place}/by-name.parquet'").fetchall())
"""
