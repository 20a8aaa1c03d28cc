from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from coarse2fine import impress
from coarse2fine.graph.sync import blocking, run_sync

NAME: ContextVar[str] = ContextVar("name")


async def read() -> str:
    await asyncio.sleep(0)
    return NAME.get()


def test_context_variables_hold() -> None:
    NAME.set("here")
    assert run_sync(read()) == "here"


async def test_it_works_inside_a_running_loop() -> None:
    NAME.set("inside")
    assert run_sync(read()) == "inside"


def test_errors_come_through() -> None:
    async def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_sync(fail())


def test_a_call_from_inside_itself_is_refused_and_not_stuck() -> None:
    async def outer() -> str:
        return run_sync(read())

    with pytest.raises(RuntimeError, match="await aimpress"):
        run_sync(outer())


def test_a_blocking_twin_has_its_own_name_and_the_same_doc() -> None:
    async def work() -> int:
        """Do it."""
        return 3

    twin = blocking(work, "do")
    assert (twin(), twin.__name__, twin.__doc__) == (3, "do", "Do it.")
    assert impress.__name__ == "impress"
