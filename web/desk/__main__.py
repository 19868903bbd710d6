"""python3 -m desk: serve the desk, with the settings of the environment."""
import socket
import sys

import uvicorn

from .app import make_app
from .settings import Settings


def main():
    settings = Settings.from_environment()
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        sys.exit(f"desk: could not listen on {settings.host}, port {settings.port}: {error.strerror}; DESK_PORT names another")
    # One process: the sessions are in its memory.  Request lines can hold words that somebody looks for, and are not logged.
    app = make_app(settings)
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning", server_header=False,
                                           timeout_keep_alive=30))
    print(f"The desk is at http://{settings.host}:{listening.getsockname()[1]}/", flush=True)
    server.run(sockets=[listening])
    app.state.sessions.close_all()


main()
