"""The HTTP door: carriers' callbacks are verified, kept and answered; nothing is applied here."""

from fastapi import FastAPI, Request, Response
from starlette.routing import Route

from outreach.channels.base import Callback
from outreach.domain.errors import CallbackRejected, NotFound
from outreach.health import Health, routes
from outreach.http import check
from outreach.http.body import read_body
from outreach.life import callbacks
from outreach.life.parts import Parts

BODY_LIMIT = 1 << 20
"""Octets of one callback; carriers send a few hundred."""

_ANSWERS = {
    # what makes each kind of carrier content: an empty TwiML document, a JSON acknowledgement
    "inbound": ("application/xml", b"<Response/>"),
    "tracking": (
        "application/json",
        '{"result":true,"returnCode":"200","message":"成功"}'.encode(),
    ),
}


def build_app(parts: Parts, health: Health | None = None) -> FastAPI:
    """The application over already opened parts; ``health`` knows what else the process does."""
    app = FastAPI(title="Outreach", docs_url=None, redoc_url=None, openapi_url=None)
    door = callbacks.Door(parts)

    async def callback(request: Request) -> Response:
        carrier, path = request.path_params["carrier"], request.path_params["path"]
        body = await read_body(request, BODY_LIMIT)
        if body is None:
            return Response(status_code=413)
        query = f"?{request.url.query}" if request.url.query else ""
        came = Callback(
            carrier=carrier,
            path=path,
            url=f"{parts.settings.public_url}/callbacks/{carrier}/{path}{query}",
            headers={name.lower(): value for name, value in request.headers.items()},
            body=body,
        )
        try:
            await door.take(came)
        except NotFound:
            return Response(status_code=404)
        except CallbackRejected:
            return Response(status_code=403)
        kind, content = _ANSWERS.get(path.partition("/")[0], ("text/plain", b""))
        return Response(content, media_type=kind)

    # a plain route: a carrier's callback has no fields of ours to be read and checked
    door_route = Route("/callbacks/{carrier}/{path:path}", callback, methods=["POST"])
    app.router.routes.extend((door_route, *check.routes(parts), *routes(health or Health(parts))))
    return app
