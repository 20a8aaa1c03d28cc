"""The batch over Ray Data: actors on one machine or many, each with a graph of its own."""

from __future__ import annotations

import importlib
import json
import logging
import os
from asyncio import gather
from collections.abc import Generator, Iterable, Iterator
from itertools import islice
from typing import Any

from coarse2fine.app.batch import Done, Engine, Failed, Job, Setup, attempt
from coarse2fine.graph.sync import run_sync
from coarse2fine.reports import Coarse2FineError, InputError, MissingExtra, Report

__all__ = ["run_on_ray"]

_BLOCK = 8
"""Reports that an actor runs at once; what has not come back when a run is stopped is done again by the next."""


def run_on_ray(setup: Setup, workers: int | None) -> Engine:
    """The engine of a Ray cluster: the one that RAY_ADDRESS names, else one of this machine for as long as it runs.

    All reports go into Ray's object store (which spills to disk) before the first is run, so that actors load once.
    What was left unread of the jobs when a run is stopped costs nothing: the next run takes them again.

    Args:
        workers: actors, a CPU each; None for as many as there are CPUs.

    Raises:
        MissingExtra: Ray is not installed.
        InputError: (when it is run) the cluster cannot be reached or has fewer CPUs.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _need("ray")
    pyarrow = _need("pyarrow")
    _need("ray.data")

    def run(jobs: Iterable[Job]) -> Generator[Done | Failed, None, None]:
        ours = not ray.is_initialized()
        try:
            size = _connect(ray, workers)
            blocks = [ray.put(pyarrow.table({"job": block})) for block in _blocks(jobs)]
            if blocks:
                done = ray.data.from_arrow_refs(blocks).map_batches(
                    _Writer,
                    fn_constructor_args=(setup, dict(_environment())),
                    batch_size=_BLOCK,
                    compute=ray.data.ActorPoolStrategy(size=min(size, len(blocks))),
                    num_cpus=1,
                )
                del blocks
                for batch in done.iter_batches(batch_size=None, prefetch_batches=0):  # prefetching holds results back
                    yield from map(_outcome, batch["outcome"])
        finally:
            if ours:
                ray.shutdown()

    return run


class _Writer:
    """An actor: it loads its graph once. Where that fails, so does each report, by name."""

    def __init__(self, setup: Setup, environment: dict[str, str]) -> None:
        os.environ.update(environment)
        self._broken: Coarse2FineError | None = None
        try:
            self._graph = setup.graph()
        except Coarse2FineError as error:
            self._broken = error

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        jobs = [_job(text) for text in batch["job"]]
        return {"outcome": [json.dumps(_kept(outcome)) for outcome in self._outcomes(jobs)]}

    def _outcomes(self, jobs: list[Job]) -> list[Done | Failed]:
        if self._broken is not None:
            return [Failed.of(job.report.id, self._broken) for job in jobs]

        async def together() -> list[Done | Failed]:
            return await gather(*(attempt(self._graph, job) for job in jobs))

        return run_sync(together())


def _connect(ray: Any, workers: int | None) -> int:
    """How many actors there will be, once the cluster is there."""
    if not ray.is_initialized():
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # a bare one where a machine is too busy to start it in time
            raise InputError(f"the Ray cluster cannot be reached: {error}") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if workers is not None and workers > cpus:
        raise InputError(f"--workers {workers}: the Ray cluster has {cpus} CPUs, and each actor takes one")
    return workers or max(1, cpus)


def _environment() -> Iterator[tuple[str, str]]:
    """What the actors need to know of this process: where files and stores are."""
    return ((name, os.environ[name]) for name in ("COARSE2FINE_HOME", "COARSE2FINE_STORE") if name in os.environ)


def _blocks(jobs: Iterable[Job]) -> Iterator[list[str]]:
    texts = (json.dumps({"report": job.report.model_dump(mode="json"), "key": job.key}) for job in jobs)
    while block := list(islice(texts, _BLOCK)):
        yield block


def _job(text: str) -> Job:
    held = json.loads(text)
    return Job(Report.model_validate(held["report"]), held["key"])


def _kept(outcome: Done | Failed) -> dict[str, Any]:
    return {type(outcome).__name__: outcome._asdict()}


def _outcome(text: str) -> Done | Failed:
    held = json.loads(text)
    return Done(**held["Done"]) if "Done" in held else Failed(**held["Failed"])


def _need(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra("`batch --engine ray` needs the extra `ray`: pip install 'coarse2fine[ray]'") from error
