"""Settings of sessions and jobs on a Kubernetes cluster."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from nacelle.settings.base import Count, Frozen, amount, http_url, label


class HomeSettings(Frozen):
    """The volume that holds a person's home."""

    capacity: Annotated[str, AfterValidator(amount)] = Field(
        default="10Gi", description="Size of a person's home volume, as Kubernetes writes sizes."
    )
    storage_class: str | None = Field(
        default=None, description="Storage class of home volumes; null: the cluster's default."
    )
    access_mode: Literal["ReadWriteOnce", "ReadWriteOncePod", "ReadWriteMany"] = Field(
        default="ReadWriteOnce", description="How a home volume may be mounted."
    )


class ClusterSettings(Frozen):
    """The cluster on which sessions, and jobs, run as pods."""

    namespace: Annotated[str, AfterValidator(label)] = Field(
        default="nacelle",
        description="Namespace of the sessions' pods and home volumes; the hub has rights in it.",
    )
    hub_url: str = Field(
        default="http://proxy-public",
        description="Address of the hub's proxy as a pod reaches it; its services are below.",
    )
    hub_api_url: Annotated[str, AfterValidator(http_url)] | None = Field(
        default=None,
        description=(
            "Address of the API of a hub of the Zero-to-JupyterHub chart, such as"
            " http://hub:8081/hub/api; null: the hub is a part of this installation."
        ),
    )
    services_host: Annotated[str, AfterValidator(label)] = Field(
        default="nacelle-services",
        description=(
            "Host of the broker, MLflow's door, the classifier and the jobs service beside a hub of"
            " the Zero-to-JupyterHub chart."
        ),
    )
    store_url: str = Field(
        default="http://store:9000", description="Address of the S3 store as a pod reaches it."
    )
    ca_bundle: str | None = Field(
        default=None,
        description=(
            "File in the images with the certificate authority of the store, when it is not a"
            " public one."
        ),
    )
    pull_secrets: tuple[Annotated[str, AfterValidator(label)], ...] = Field(
        default=(), description="Secrets of the namespace with which images are pulled."
    )
    pull_policy: Literal["IfNotPresent", "Always", "Never"] = Field(
        default="IfNotPresent", description="When the image of a session is pulled."
    )
    gpu_resource: str = Field(
        default="nvidia.com/gpu", description="Name under which nodes offer their GPUs."
    )
    user_id: Count = Field(default=1000, description="Numeric user of sessions in their images.")
    group_id: Count = Field(default=100, description="Numeric group of sessions, and of homes.")
    grows: bool = Field(
        default=False,
        description=(
            "Machines are added on demand (an autoscaler): a session that none can take now waits"
            " for one instead of being refused."
        ),
    )
    spread: bool = Field(
        default=False,
        description="Spread sessions over nodes rather than fill one after the other.",
    )
    access_prefix: Annotated[str, AfterValidator(label), Field(max_length=22)] = Field(
        default="nacelle-user",
        description=(
            "Start of the names of the namespaces that profiles with cluster_access give people."
        ),
    )
    access_quota: dict[str, str] = Field(
        default={
            "pods": "10",
            "requests.cpu": "4",
            "requests.memory": "16Gi",
            "limits.cpu": "8",
            "limits.memory": "32Gi",
            "persistentvolumeclaims": "4",
            "services.loadbalancers": "0",
            "services.nodeports": "0",
        },
        description="ResourceQuota of each of these namespaces.",
    )
    home: HomeSettings = Field(default=HomeSettings(), description="Volumes of homes.")
