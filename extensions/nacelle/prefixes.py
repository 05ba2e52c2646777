"""Paths of the services behind the hub's proxy; clients import this and little more."""

# It is part of the broker's name as an OpenID issuer.
BROKER_PREFIX = "/services/broker"
JOBS_PREFIX = "/services/jobs"
MLFLOW_PREFIX = "/services/mlflow"
NACE_PREFIX = "/services/nace"
