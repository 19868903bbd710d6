"""What the administrator sets, by environment variables DESK_*; doc/desk.md lists them."""
import os
from dataclasses import dataclass

from psycopg import conninfo


@dataclass(frozen=True)
class Settings:
    dsn: str = ""                        # where the database is: no user, no password
    host: str = "127.0.0.1"
    port: int = 8484
    hosts: tuple = ("127.0.0.1", "localhost")   # names by which browsers may call the desk
    https: bool = False                  # behind a proxy that speaks TLS: cookies are sent over it only
    upload_mb: int = 32                  # longest image
    idle_minutes: int = 60               # a session that nobody uses for so long ends
    max_sessions: int = 50               # of all roles
    role_sessions: int = 10              # of a role; with one more, the one ends that nobody has used for the longest time
    connections: int = 4                 # of a session
    statement_seconds: int = 60          # statement_timeout

    @property
    def upload_bytes(self):
        return self.upload_mb * 1024 * 1024

    @classmethod
    def from_environment(cls, environment=os.environ):
        """The settings; SystemExit with a message where one makes no sense."""
        values = {}
        for name, field in cls.__dataclass_fields__.items():
            text = environment.get(f"DESK_{name.upper()}")
            if text is None or text == "":
                continue
            try:
                values[name] = _parse(type(field.default), text)
            except ValueError:
                raise SystemExit(f"desk: DESK_{name.upper()} is \"{text}\", which is no {type(field.default).__name__}")
        settings = cls(**values)
        settings.check()
        return settings

    def check(self):
        if not 0 <= self.port <= 65535:
            raise SystemExit(f"desk: there is no port {self.port}")
        for name in ("upload_mb", "idle_minutes", "max_sessions", "role_sessions", "connections", "statement_seconds"):
            if getattr(self, name) < 1:
                raise SystemExit(f"desk: DESK_{name.upper()} must be at least 1")
        try:
            given = conninfo.conninfo_to_dict(self.dsn)
        except Exception as error:
            raise SystemExit(f"desk: DESK_DSN is no connection string: {error}")
        for name in ("user", "password", "passfile"):
            if name in given:
                raise SystemExit(f"desk: DESK_DSN must not have \"{name}\": each person logs in with a role of their own")


def _parse(kind, text):
    if kind is bool:
        if text.lower() not in ("0", "1", "on", "off", "true", "false", "yes", "no"):
            raise ValueError(text)
        return text.lower() in ("1", "on", "true", "yes")
    if kind is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return kind(text)
