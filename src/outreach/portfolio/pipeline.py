"""Work that goes on behind its caller's back: reading and sealing while PostgreSQL writes."""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ParamSpec, Self

P = ParamSpec("P")

READ_TURN, SEAL_TURN = 2, 8
"""Rows worked on before others get their turn. Few are read at a time, many sealed: so some are
left to be read while a batch waits for PostgreSQL.
"""


class Behind:
    """One piece of work at a time, in order. Its error meets whoever starts or awaits the next."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    async def start(
        self, work: Callable[P, Coroutine[Any, Any, None]], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Wait for the work before, then begin this."""
        await self._finish()
        self._task = asyncio.create_task(work(*args, **kwargs))

    async def _finish(self) -> None:
        task, self._task = self._task, None
        if task:
            await task

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._finish()


async def turn(count: int, every: int) -> None:
    """Let the work behind go on, once in ``every`` rows."""
    if count % every == 0:
        await asyncio.sleep(0)


@contextmanager
def rare_collection() -> Iterator[None]:
    """Batches are many small objects in no cycles: looking for cycles cost a fifth of an import."""
    before = gc.get_threshold()
    gc.set_threshold(100_000, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
