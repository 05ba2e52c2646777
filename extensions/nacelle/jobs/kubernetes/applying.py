"""Jobs on a schedule become CronJobs: what the store says is what the cluster shall have.

Numbered, each with a test of its number in tests/jobs/kubernetes/test_applying.py:

1. An armed job has a CronJob that runs, and a Secret with its token and order.
2. What did not change is not written again.
3. A changed job has a changed CronJob; if what it runs changed, a new Secret with a new token.
4. At half of the token's life another one takes its place. The old one lives as long as a run may
   hold it: it is revoked when none is under way, and ends by itself.
5. A job that is not armed has its CronJob suspended, and its tokens revoked once no run is under
   way.
6. A job that was deleted, or has no schedule any more, has none: its tokens are revoked first.
7. A job that its owner may not run so, or that no cluster takes, is suspended, and its owner told
   why.
8. A CronJob of a job that the store never knew is suspended: nothing but it tells of that job.
9. With the hub, the store or the cluster away nothing is concluded, and it is done later.
10. Of a pipeline whose steps are Jobs of their own, the CronJob makes that of the first step.
"""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from nacelle.jobs.engine.launching import TOKEN_MARGIN, find_owner
from nacelle.jobs.engine.outside import Clock, Hub, HubAway, Token, Unrunnable
from nacelle.jobs.engine.owners import PLATFORM
from nacelle.jobs.exits import explain
from nacelle.jobs.job import Job, Suspension
from nacelle.jobs.kubernetes.bundles import Bundles
from nacelle.jobs.kubernetes.cluster import CRON_JOBS, SECRETS, Cluster, ClusterRefused
from nacelle.jobs.kubernetes.launching import mint, put_notebook
from nacelle.jobs.kubernetes.naming import BODY, PREFIX, TOKENS, annotation_of, object_name
from nacelle.jobs.kubernetes.orders import ClusterOrders, Planned
from nacelle.jobs.kubernetes.reasons import is_over
from nacelle.jobs.kubernetes.secret import make_secret
from nacelle.jobs.kubernetes.sights import Sights
from nacelle.jobs.kubernetes.storing import Storing
from nacelle.jobs.kubernetes.work import Passing
from nacelle.jobs.manifest import Part, make_cron_job
from nacelle.jobs.order import Stage
from nacelle.jobs.pipelines.spreading import first_of
from nacelle.jobs.running.ending import Ended
from nacelle.jobs.states import job_after
from nacelle.jobs.store import Store

_APPLIED = f"{PREFIX}/applied"
_OWNER = f"{PREFIX}/owner"
_INVALID = 422
# For reading one object.
_TOKEN_SECONDS = 600

log = logging.getLogger(__name__)


class Applying:
    """Brings CronJobs to what the store says. `cron_jobs` are those that are there, by name."""

    def __init__(
        self,
        store: Store,
        cluster: Cluster,
        hub: Hub,
        orders: ClusterOrders,
        storing: Storing,
        clock: Clock,
        sights: Sights,
        cron_jobs: dict[str, dict[str, Any]],
        token_seconds: int,
    ) -> None:
        self._store = store
        self._cluster = cluster
        self._hub = hub
        self._orders = orders
        self._storing = storing
        self._clock = clock
        self._sights = sights
        self._cron_jobs = cron_jobs
        self._token_seconds = token_seconds
        # What was written last: the watch tells of it later, and of what was before it first.
        self._known: dict[str, dict[str, Any]] = {}
        self._bundles = Bundles()

    def gone(self, found: dict[str, Any]) -> None:
        """A CronJob is gone, whoever removed it."""
        for job_id, known in list(self._known.items()):
            if known["metadata"].get("uid") == found["metadata"].get("uid"):
                del self._known[job_id]

    async def look(self, job_id: str) -> float | None:
        """Do what one job needs. Returns after how many seconds it needs something again.

        Raises Passing, ClusterRefused.
        """
        job = self._store.job(job_id)
        there = self._known.get(job_id) or self._cron_jobs.get(object_name(job_id))
        if job is None or job.schedule is None:
            if there is None:
                return None
            if job is None and not self._store.was_deleted(job_id):
                await self._set_aside(job_id, there)
            else:
                await self._remove(job_id, there, wait=job is not None)
            return None
        if job.state != "armed":
            if there is not None:
                await self._suspend(job, there)
            return None
        try:
            return await self._apply(job, there)
        except Unrunnable as error:
            self._refuse(job, error)
        except ClusterRefused as error:
            if error.status != _INVALID:
                # A right or a quota of the engine's own: nothing that the owner could mend.
                raise
            self._refuse(job, Unrunnable(explain("environment", message=error.message)))
        return None

    async def _apply(self, job: Job, there: dict[str, Any] | None) -> float:
        try:
            person = await find_owner(self._hub, job)
        except HubAway as error:
            raise Passing(f"a job waits for the hub: {error}") from None
        planned = self._orders.make_for_ticks(job, person)
        part, stage = await self._begins_with(job, planned)
        planned = planned._replace(order=planned.order.model_copy(update={"stage": stage}))
        made = make_cron_job(job, planned.place, part)
        wanted = _Digests(_digest(made), _digest(planned.order.model_dump(mode="json")))
        applied, tokens, now = _applied(there), _tokens(there), self._clock.now()
        if applied.order != wanted.order or not tokens or tokens["renew"] <= now:
            tokens = await self._write(job, planned, made, wanted, tokens)
        elif applied != wanted or _is_suspended(there):
            made["metadata"]["annotations"] |= {
                _APPLIED: ".".join(wanted),
                TOKENS: _written(tokens),
            }
            self._known[job.id] = await self._cluster.apply(CRON_JOBS, made)
        elif len(tokens["live"]) > 1 and not self._is_under_way(job.id):
            await self._revoke(job.owner, tokens["live"][:-1])
            tokens["live"] = tokens["live"][-1:]
            await self._annotate(job, {TOKENS: _written(tokens)})
        renew: datetime = tokens["renew"]
        return max(1.0, (renew - now).total_seconds())

    async def _begins_with(self, job: Job, planned: Planned) -> tuple[Part, Stage | None]:
        """The first step of a job that is spread; all of any other."""
        digest = job.notebook.sha256
        file = self._store.notebook_path(digest)
        if not file.exists():
            # The store of jobs was lost with its notebooks: it lies in the bucket.
            token = await mint(self._hub, job, f"job {job.id}", _TOKEN_SECONDS)
            try:
                await put_notebook(self._storing, self._store, job, planned.order, token.text)
            finally:
                await self._revoke(job.owner, [token.id])
        try:
            understood = await self._bundles.read(digest, file)
            if understood is None:
                return Part(), None
            first = first_of(understood.pipeline, job.snapshot, planned.order.zone)
        except Ended as end:
            raise Unrunnable(end.exit) from None
        numbers = tuple(range(1, (first.items or 0) + 1))
        return Part(0, first.items, first.alone), Stage(step=first.step, numbers=numbers)

    async def _write(
        self,
        job: Job,
        planned: Planned,
        made: dict[str, Any],
        wanted: _Digests,
        before: dict[str, Any],
    ) -> dict[str, Any]:
        """CronJob and Secret, with a new token; the tokens that are live then.

        Only once both are written does the CronJob say so: killed before, they are written again.
        """
        token, renew = await self._mint(job, planned)
        tokens = {"live": [*before.get("live", ()), token.id], "renew": renew}
        try:
            await put_notebook(self._storing, self._store, job, planned.order, token.text)
            made["metadata"]["annotations"] |= {_APPLIED: "", TOKENS: _written(tokens)}
            there = self._known[job.id] = await self._cluster.apply(CRON_JOBS, made)
        except BaseException:
            # Nothing on the cluster names it: it would live on for nobody.
            await self._revoke(job.owner, [token.id])
            raise
        secret = make_secret(job.id, {**there, "kind": "CronJob"}, token.text, [planned.order])
        await self._cluster.apply(SECRETS, secret)
        await self._annotate(job, {_APPLIED: ".".join(wanted)})
        log.info("job applied", extra={"job": job.id, "owner": job.owner})
        return tokens

    async def _mint(self, job: Job, planned: Planned) -> tuple[Token, datetime]:
        longest = job.timeout_seconds + planned.place.start_seconds + TOKEN_MARGIN
        life = max(self._token_seconds, 2 * longest)
        token: Token = await mint(self._hub, job, f"job {job.id}", life)
        return token, self._clock.now() + timedelta(seconds=life / 2)

    async def _annotate(self, job: Job, annotations: dict[str, str | None]) -> None:
        await self._change(job.id, {"metadata": {"annotations": annotations}})

    async def _change(self, job_id: str, changes: dict[str, Any]) -> None:
        there = await self._cluster.patch(CRON_JOBS, object_name(job_id), changes)
        if there is not None:
            self._known[job_id] = there

    async def _suspend(self, job: Job, there: dict[str, Any]) -> None:
        if not _is_suspended(there) or annotation_of(there, BODY) != job.model_dump_json():
            annotations = {BODY: job.model_dump_json(), _APPLIED: None}
            changes = {"metadata": {"annotations": annotations}, "spec": {"suspend": True}}
            await self._change(job.id, changes)
        live = _tokens(there).get("live")
        if live and not self._is_under_way(job.id):
            await self._revoke(_owner(there), live)
            await self._cluster.delete(SECRETS, object_name(job.id))
            await self._annotate(job, {TOKENS: None})

    async def _remove(self, job_id: str, there: dict[str, Any], wait: bool) -> None:
        """Remove a CronJob; `wait` lets the run that is under way come to its end first."""
        if wait and self._is_under_way(job_id):
            if not _is_suspended(there):
                await self._change(job_id, {"spec": {"suspend": True}})
            return
        await self._revoke(_owner(there), _tokens(there).get("live", ()))
        await self._cluster.delete(CRON_JOBS, object_name(job_id))
        self._known.pop(job_id, None)
        log.info("CronJob removed", extra={"job": job_id})

    async def _set_aside(self, job_id: str, there: dict[str, Any]) -> None:
        if not _is_suspended(there):
            log.error(
                "a CronJob is of no job that the store knows, as after an old copy of it was put"
                " back; it is suspended: delete it, or put the right copy back",
                extra={"job": job_id},
            )
            await self._change(job_id, {"spec": {"suspend": True}})
        if live := _tokens(there).get("live"):
            await self._revoke(_owner(there), live)
            await self._change(job_id, {"metadata": {"annotations": {TOKENS: None}}})

    async def _revoke(self, owner: str, ids: Any) -> None:
        for id in ids:
            try:
                await self._hub.revoke(owner, id)
            except HubAway as error:
                raise Passing(f"a token cannot be revoked yet: {error}") from None

    def _refuse(self, job: Job, error: Unrunnable) -> None:
        """Suspend a job that its owner may not run so, and tell them."""
        now, why = self._clock.now(), error.exit.said

        def suspended(found: Job) -> Job:
            if found.model_copy(update={"changed": job.changed}) != job:
                return found
            suspension = Suspension(by=PLATFORM, at=now, why=why)
            state = job_after(found.state, "suspended")
            return found.model_copy(update={"state": state, "suspension": suspension})

        if self._store.change_job(job.id, suspended, now).state == "suspended":
            log.warning("job suspended", extra={"job": job.id, "exit": error.exit.code})
            self._store.add_message(job.owner, why, now, job=job.id)

    def _is_under_way(self, job_id: str) -> bool:
        return any(not is_over(one) for one in self._sights.live_jobs(job_id))


class _Digests(NamedTuple):
    """What tells a CronJob, and the order in its Secret, from others."""

    cron_job: str
    order: str


def _digest(made: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:32]


def _applied(there: dict[str, Any] | None) -> _Digests:
    """What was written last, CronJob and Secret; nothing when not both were."""
    cron_job, _, order = ((there and annotation_of(there, _APPLIED)) or "").partition(".")
    return _Digests(cron_job, order)


def _is_suspended(there: dict[str, Any] | None) -> bool:
    return bool(there and there["spec"].get("suspend"))


def _owner(there: dict[str, Any]) -> str:
    return annotation_of(there, _OWNER) or ""


def _tokens(there: dict[str, Any] | None) -> dict[str, Any]:
    """The ids of live tokens, and when the newest is to be renewed; nothing when there is none."""
    try:
        found = json.loads((there and annotation_of(there, TOKENS)) or "{}")
        return {"live": list(found["live"]), "renew": datetime.fromisoformat(found["renew"])}
    except (KeyError, TypeError, ValueError):
        return {}


def _written(tokens: dict[str, Any]) -> str:
    return json.dumps({"live": tokens["live"], "renew": tokens["renew"].isoformat()})
