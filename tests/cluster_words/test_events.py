"""The numbered cases of nacelle.cluster.events, with messages of Kubernetes 1.32 to 1.36."""

from __future__ import annotations

from nacelle.cluster.events import Teller, Told, image_in, is_growing, tell
from tests.cluster_words.objects import event

FULL = event("FailedScheduling", "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.")
GROWS = event("TriggeredScaleUp", "pod triggered scale-up: [{gpu-pool 1->2 (max: 2)}]")
PULL_ERROR = (
    'Failed to pull image "nacelle/lab:nope": rpc error: code = {code} desc = failed to pull and'
    ' unpack image "docker.io/nacelle/lab:nope": failed to resolve reference'
    ' "docker.io/nacelle/lab:nope": {why}'
)


def said(reason: str, message: str) -> str:
    told = tell(event(reason, message))
    assert told is not None, (reason, message)
    assert told.said.fr
    assert told.said.fr != told.said.en
    return told.said.en


def test_case_1_a_machine() -> None:
    told = tell(event("Scheduled", "Successfully assigned sessions/session-ada to node-1"))
    assert told is not None
    assert (told.progress, told.said.en) == (30, "A machine is found.")


def test_case_2_no_machine() -> None:
    assert "no GPU is free" in said("FailedScheduling", FULL["message"])
    full = "0/3 nodes are available: 3 Insufficient memory."
    assert "no machine has room" in said("FailedScheduling", full)
    lost = 'persistentvolumeclaim "home-ada" not found'
    assert "volume of your home folder is missing" in said("FailedScheduling", lost)


def test_case_3_a_machine_starts() -> None:
    assert "is being started for you" in said("TriggeredScaleUp", GROWS["message"])
    karpenter = "Pod should schedule on: nodeclaim/default-x7k2p"
    assert "is being started for you" in said("Nominated", karpenter)
    again = event("FailedScheduling", "0/3 nodes are available: 3 Insufficient cpu.")
    told = Teller().tell([FULL, GROWS, again, event("Scheduled", "")])
    assert [one.progress for one in told] == [15, 20, 30]
    assert is_growing([FULL, GROWS])
    assert not is_growing([FULL])


def test_case_4_no_machine_is_added() -> None:
    at_most = "pod didn't trigger scale-up: 1 node(s) had untolerated taint(s), 3 max node group"
    assert "cannot add a machine" in said("NotTriggerScaleUp", at_most + " size reached")
    backoff = "pod didn't trigger scale-up: 1 in backoff after failed scale-up"
    assert "cannot add a machine" in said("NotTriggerScaleUp", backoff)
    never = "pod didn't trigger scale-up: 2 node(s) didn't match Pod's node affinity/selector"
    assert "No machine that the cluster could add" in said("NotTriggerScaleUp", never)


def test_case_5_the_home() -> None:
    attached = 'AttachVolume.Attach succeeded for volume "pvc-1"'
    assert "attached" in said("SuccessfulAttachVolume", attached)
    held = (
        'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node'
        " and can't be attached to another"
    )
    assert "an earlier session" in said("FailedAttachVolume", held)
    failed = 'AttachVolume.Attach failed for volume "pvc-1" : rpc error: code = Internal'
    assert "could not be attached yet" in said("FailedAttachVolume", failed)
    closed = "Unable to attach or mount volumes: unmounted volumes=[home]: timed out waiting"
    assert "could not be opened yet" in said("FailedMount", closed)


def test_case_6_the_image() -> None:
    assert "nacelle/lab:1" in said("Pulling", 'Pulling image "nacelle/lab:1"')
    pulled = 'Successfully pulled image "nacelle/lab:1" in 62.1s (62.1s including waiting).'
    assert said("Pulled", f"{pulled} Image size: 1234 bytes.") == "The image is here."
    for there in (
        'Container image "nacelle/lab:1" already present on machine',
        'Container image "nacelle/lab:1" already present on machine and can be accessed by the pod',
    ):
        assert tell(event("Pulled", there)) is None


def test_case_7_an_image_that_does_not_come() -> None:
    absent = PULL_ERROR.format(code="NotFound", why="docker.io/nacelle/lab:nope: not found")
    assert "nacelle/lab:nope does not exist. Give up" in said("Failed", absent)
    refused = PULL_ERROR.format(
        code="Unknown",
        why="pull access denied, repository does not exist or may require authorization: server"
        " message: insufficient_scope: authorization failed",
    )
    assert "may not fetch it" in said("Failed", refused)
    slow = PULL_ERROR.format(code="Unknown", why='Head "https://r.example/v2/": i/o timeout')
    assert "could not be fetched yet" in said("Failed", slow)
    # Since 1.32 the back-off repeats the cause.
    back_off = (
        'Back-off pulling image "nacelle/lab:nope": ErrImagePull: rpc error: code = NotFound desc ='
        " failed to pull and unpack image: not found"
    )
    assert "does not exist" in said("BackOff", back_off)
    assert "could not be fetched yet" in said("BackOff", 'Back-off pulling image "nacelle/lab:1"')
    name = (
        'Failed to apply default image tag "Nacelle//Lab": couldn\'t parse image name'
        ' "Nacelle//Lab": invalid reference format'
    )
    assert tell(event("InspectFailed", name)) is not None
    never = 'Container image "nacelle/lab:1" is not present with pull policy of Never'
    assert "does not exist" in said("ErrImageNeverPull", never)
    for repeated in ("Error: ErrImagePull", "Error: ImagePullBackOff", "Error: InvalidImageName"):
        assert tell(event("Failed", repeated)) is None


def test_case_8_the_container() -> None:
    # As 1.32 and as 1.36 say it.
    assert said("Created", "Created container: notebook") == said("Created", "Container created")
    assert said("Started", "Started container notebook") == "The session is starting."


def test_case_9_it_ends_at_once() -> None:
    message = "Back-off restarting failed container notebook in pod session-ada_sessions(1)"
    assert "ends as soon as it starts" in said("BackOff", message)


def test_case_10_the_network() -> None:
    sandbox = (
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network"
    )
    assert "network" in said("FailedCreatePodSandBox", sandbox)
    assert "network" in said("NetworkNotReady", "network is not ready: container runtime network")


def test_case_11_it_does_not_answer_yet() -> None:
    refused = 'Startup probe failed: Get "http://10.0.0.7:8888/api": connection refused'
    assert "does not answer yet" in said("Unhealthy", refused)


def test_case_12_it_is_taken_away() -> None:
    low = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 88Mi."
    assert "gave the session up" in said("Evicted", low)
    assert "More urgent work" in said("Preempted", "Preempted by pod 0a1b on node node-1")
    assert "being ended" in said("Killing", "Stopping container notebook")


def test_case_13_its_machine() -> None:
    marked = "Marking for deletion Pod sessions/session-ada"
    assert "does not answer" in said("TaintManagerEviction", marked)
    assert "does not answer" in said("NodeNotReady", "Node is not ready")


def test_case_14_what_is_not_known_and_what_is_told_twice() -> None:
    assert tell(event("SomethingNew", "of version 1.40")) is None
    assert tell({}) is None
    teller = Teller()
    assert len(teller.tell([FULL, {**FULL, "metadata": {"uid": "other"}}])) == 1
    assert teller.tell([FULL]) == []
    # The scheduler writes into the same event again, and it may come at another place.
    changed = {**FULL, "message": "0/3 nodes are available: 3 Insufficient memory."}
    assert [one.progress for one in teller.tell([event("Pulling", 'image "a"'), changed])] == [
        50,
        15,
    ]


def test_an_image_s_name_stays_one_line() -> None:
    assert image_in('Pulling image "' + "a" * 400 + '\n"') == "a" * 119 + "…"
    assert isinstance(tell(event("Pulling", "")), Told)
