"""What holds for every request: headers, limits, where it comes from, who it is."""
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request, Response
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse

from .sessions import COOKIE

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
MAX_JSON_BYTES = 64 * 1024

HEADERS = {
    # Scripts, styles and data come from the desk itself; pictures also from what a page has in its hands.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
                               "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware: headers on every answer, a limit on every body, no writing request from another site."""

    def __init__(self, app, settings):
        self._app = app
        self._settings = settings

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def send_with_headers(message):
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refusal = self._refusal(HTTPConnection(scope), scope["method"])
        if refusal:
            return await refusal(scope, receive, send_with_headers)
        await self._app(scope, receive, send_with_headers)

    def _refusal(self, connection, method):
        headers = connection.headers
        if method in SAFE_METHODS:
            return None
        # Browsers say where a writing request comes from; programs that say nothing have no cookies of ours by accident.
        origin = headers.get("origin")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or \
                (origin is not None and urlsplit(origin).netloc != headers.get("host")):
            return _error(403, "This request comes from another site.")
        length = headers.get("content-length", "0")
        # Long bodies are for those who are logged in.
        long = is_image(headers) and _find_session(connection) is not None
        limit = self._settings.upload_bytes if long else MAX_JSON_BYTES
        if "transfer-encoding" in headers or not length.isdigit():
            return _error(411, "The length of the body must be said.")
        if int(length) > limit:
            return _error(413, f"The body has more than the {_size(limit)} that are accepted.")
        return None


def is_image(headers):
    """Does the body say that it is one?  Which kinds can be read is the extension's to say."""
    kind = headers.get("content-type", "").split(";")[0].strip().lower()
    return kind.startswith("image/") or kind == "application/octet-stream"


def _size(size):
    return f"{size // 1024 // 1024} MB" if size >= 1024 * 1024 else f"{size // 1024} kB"


def _error(status, message):
    return JSONResponse({"error": {"message": message}}, status)


def _find_session(connection):
    return connection.scope["app"].state.sessions.find(connection.cookies.get(COOKIE))


def session(request: Request):
    """Dependency: the session of the request; every route but the login has it."""
    found = _find_session(request)
    if found is None:
        raise HTTPException(401, "Log in first.")
    if request.method not in SAFE_METHODS and not found.csrf_matches(request.headers.get("x-csrf-token")):
        raise HTTPException(403, "The request has no valid X-CSRF-Token: reload the page.")
    return found


async def image_body(request: Request, me=Depends(session)):
    """Dependency: the bytes of an image, sent as the body.  Their kind is the server's to find out."""
    if not is_image(request.headers):
        raise HTTPException(415, "The body must be an image: Content-Type image/png or image/jpeg.")
    body = await request.body()
    if not body:
        raise HTTPException(400, "The body is empty.")
    return body


def image_response(data):
    """Bytes of a column, which anybody may have written: shown only if they are a picture, and never run."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        kind = "image/png"
    elif data[:3] == b"\xff\xd8\xff":
        kind = "image/jpeg"
    else:
        return Response(data, media_type="application/octet-stream", headers={"content-disposition": "attachment"})
    # A browser may keep it for the while that somebody goes back and forth.
    return Response(data, media_type=kind, headers={"cache-control": "private, max-age=60"})
