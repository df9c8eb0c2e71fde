"""Bodies read as they come, and no further than is allowed."""

from fastapi import Request


async def read_body(request: Request, limit: int) -> bytes | None:
    """The whole body, or None once it is longer than so many octets."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            return None
    return bytes(body)
