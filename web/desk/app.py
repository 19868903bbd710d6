"""The application: routers, pages, and what holds for every request."""
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from . import errors
from .api import attached, forms, jobs, models, monitor, reading, review, rows, search, session
from .security import Guard
from .sessions import Sessions
from .settings import Settings

WEB = Path(__file__).parent.parent
PAGES = {"login": "Log in", "write": "Write", "upload": "Upload", "review": "Review", "search": "Search", "models": "Models",
         "train": "Train", "tables": "Tables", "monitor": "Monitor", "api": "API"}
DESCRIPTION = "What the desk's pages do, for programs. Log in first; then send the session's csrf as X-CSRF-Token with all but GET."


def make_app(settings: Settings):
    app = FastAPI(title="hwr desk", version="1.0", description=DESCRIPTION, docs_url=None, redoc_url=None,
                  openapi_url="/api/openapi.json")
    app.state.settings = settings
    app.state.sessions = Sessions(settings)
    # The last one is the outermost, so that a refused host's answer has the headers too.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts), www_redirect=False)
    app.add_middleware(Guard, settings=settings)
    errors.install(app)
    for part in (session, reading, forms, rows, review, search, models, jobs, attached, monitor):
        app.include_router(part.router)
    add_pages(app)
    app.mount("/static", StaticFiles(directory=WEB / "static"), name="static")
    return app


def add_pages(app):
    """Pages are the same for everybody: the frame with the page's part.  What they show comes from /api."""
    frame = (WEB / "pages" / "frame.html").read_text(encoding="utf-8")
    for name, title in PAGES.items():
        main = (WEB / "pages" / f"{name}.html").read_text(encoding="utf-8")
        page = frame.replace("{name}", name).replace("{title}", title).replace("{main}", main)
        app.router.routes.append(Route(f"/{name}", _serve(HTMLResponse(page))))
    app.router.routes.append(Route("/", _serve(RedirectResponse("/write"))))


def _serve(response):
    async def serve(request):
        return response
    return serve
