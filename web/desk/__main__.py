"""python3 -m desk: serve the desk, with the settings of the environment."""
import uvicorn

from .app import make_app
from .settings import Settings

settings = Settings.from_environment()
# One process: the sessions are in its memory.  Request lines can hold words that somebody looks for, and are not logged.
uvicorn.run(make_app(settings), host=settings.host, port=settings.port, access_log=False, log_level="warning",
            server_header=False, timeout_keep_alive=30)
