"""Whether an address we listen on is free, or ours already."""

import asyncio
import socket

from outreach.domain.errors import ConfigurationError

PATIENCE_SECONDS = 5

_OURS = {"http": b'{"status":"ok"', "mail": b"220 outreach ESMTP"}


async def check_door(host: str, port: int, kind: str) -> str:
    """Whether we may listen there, or do so already; raises ``ConfigurationError``.

    ``kind`` is ``http`` or ``mail``.
    """
    try:
        reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return _free(host, port, kind)
    try:
        if kind == "http":
            writer.write(f"GET /healthz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await reader.readuntil(_OURS[kind])
    except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError):
        raise _taken(host, port, kind, "is taken, and not by Outreach in good health") from None
    finally:
        writer.close()
    return f"Outreach answers at {host}:{port}"


def _free(host: str, port: int, kind: str) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            raise _taken(host, port, kind, f"cannot be listened on: {error.strerror}") from None
    return f"{host}:{port} is free"


def _taken(host: str, port: int, kind: str, why: str) -> ConfigurationError:
    return ConfigurationError(
        f"{host}:{port} {why}",
        f"stop what uses it, or set OUTREACH_{kind.upper()}_HOST and OUTREACH_{kind.upper()}_PORT",
    )
