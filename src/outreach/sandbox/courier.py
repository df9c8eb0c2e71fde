"""How sandbox carriers call back: by HTTP and by mail, later, and again until it is taken."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping

import aiohttp
import aiosmtplib

from outreach.clock import monotonic
from outreach.logs import Log

_FIRST_WAIT = 0.2  # seconds; doubled each time
_LONGEST_WAIT = 5.0

log = Log(__name__)


class Courier:
    """Carries what is due later; ``patience`` is how many seconds one delivery is tried."""

    def __init__(self, delay: tuple[float, float], patience: float) -> None:
        self._delay = delay
        self._patience = patience
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self._mail_slots = asyncio.Semaphore(8)

    async def open(self) -> None:
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=32), timeout=aiohttp.ClientTimeout(total=15)
        )

    async def close(self) -> None:
        """Drop what is not yet delivered."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    def later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("sandbox_broke", error=error)

    async def pause(self, pace: float) -> None:
        """Let the time between two steps go by; ``pace`` is 0 to 1 within the configured range."""
        low, high = self._delay
        await asyncio.sleep(low + (high - low) * pace)

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str]) -> None:
        """POST a form until the answer is 2xx, or patience ends."""
        await self._insist(lambda: self._post_once(url, form, headers), "callback")

    async def mail(self, host: str, port: int, sender: str, recipient: str, octets: bytes) -> None:
        """Hand a mail over until it is taken or refused for good, or patience ends."""
        await self._insist(lambda: self._mail_once(host, port, sender, recipient, octets), "mail")

    async def _insist(self, attempt: Callable[[], Awaitable[bool]], what: str) -> None:
        until, wait = monotonic() + self._patience, _FIRST_WAIT
        while not await attempt():
            if monotonic() + wait > until:
                log.warning("sandbox_gave_up", what=what)
                return
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT)

    async def _post_once(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> bool:
        if self._http is None:
            return False
        try:
            async with self._http.post(url, data=form, headers=headers) as answer:
                return answer.ok
        except (aiohttp.ClientError, TimeoutError, OSError):
            return False

    async def _mail_once(
        self, host: str, port: int, sender: str, recipient: str, octets: bytes
    ) -> bool:
        session = aiosmtplib.SMTP(
            hostname=host, port=port, timeout=15, start_tls=False, local_hostname="sandbox.test"
        )
        try:
            async with self._mail_slots, session:
                await session.sendmail(sender, [recipient], octets)
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return all(one.code >= 500 for one in refused.recipients)
        except aiosmtplib.SMTPResponseException as refused:
            return refused.code >= 500  # refused for good: no use in trying again
        except (aiosmtplib.SMTPException, OSError):
            return False
        return True
