"""A role's connections, and the few ways in which the rest of the desk asks the database.

Statements are constants or are composed of identifiers; values are parameters, always.
"""
import math
from contextlib import contextmanager

import psycopg
from psycopg import conninfo, sql
from psycopg.rows import dict_row
from psycopg.types.numeric import FloatLoader
from psycopg_pool import ConnectionPool


# Settings on which it depends how a value is written as a text, whatever the role or the database prefers.  TimeZone is the role's:
# ISO style says the offset.
PLAIN = {"DateStyle": "ISO, YMD", "IntervalStyle": "postgres", "extra_float_digits": "1", "bytea_output": "hex",
         "standard_conforming_strings": "on"}


class LoginRefused(Exception):
    """Why a role is not let in, as a sentence for the person."""

    def __init__(self, message, status=401):
        super().__init__(message)
        self.status = status


class _Finite(FloatLoader):
    """JSON has no infinities and no NaN: they become null."""

    def load(self, data):
        value = super().load(data)
        return value if math.isfinite(value) else None


class Database:
    """What one role may do in one database; safe for many threads."""

    def __init__(self, settings, role, password):
        """Log in; LoginRefused says why not."""
        # A password that is not empty is sent as it is: libpq then looks neither for a password file nor for PGPASSWORD.
        if not role or not password:
            raise LoginRefused("Role and password are both needed.")
        # In a database of encoding SQL_ASCII, psycopg would give bytes for text unless told what the client takes.
        self._target = conninfo.make_conninfo(settings.dsn, user=role, password=password, connect_timeout=10,
                                              application_name="hwr desk", client_encoding="UTF8")
        self._settings = settings
        self.name = self._log_in(settings)
        # min_size 0: who only looks once holds no connection for long.
        self._pool = ConnectionPool(self._target, min_size=0, max_size=settings.connections, max_idle=120, timeout=15,
                                    reconnect_timeout=5, configure=self._configure, name=f"desk {role}", open=True)

    def _log_in(self, settings):
        try:
            with psycopg.connect(self._target) as connection:
                if not connection.pgconn.used_password:
                    raise LoginRefused("This server let the role in without asking for its password, so the desk would let "
                                       "everybody in. Have pg_hba.conf ask for passwords (scram-sha-256).", 403)
                if self._extension_schema(connection) is None:
                    raise LoginRefused(f"Database \"{connection.info.dbname}\" has no extension hwr: a superuser has to say "
                                       "CREATE EXTENSION hwr there.", 409)
                return connection.info.dbname
        except psycopg.OperationalError as error:
            if psycopg.pq.PGconn.ping(settings.dsn.encode()) == psycopg.pq.Ping.OK:
                raise LoginRefused(str(error).strip().splitlines()[-1])
            raise LoginRefused("The database server does not answer.", 503)

    @staticmethod
    def _extension_schema(connection):
        row = connection.execute("SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
                                 " WHERE e.extname = 'hwr'").fetchone()
        return row and row[0]

    def _configure(self, connection):
        schema = self._extension_schema(connection)
        connection.adapters.register_loader("float4", _Finite)
        connection.adapters.register_loader("float8", _Finite)
        # The extension's functions are found first, whatever else the role's search_path holds.
        connection.execute("SELECT set_config('search_path', quote_ident(%s) || ', ' || current_setting('search_path'), false),"
                           " set_config('statement_timeout', %s, false)", [schema, f"{self._settings.statement_seconds}s"])
        # Keys travel as texts, to the browser and back, and to functions that read them as hwr_corrections writes them.
        for name, value in PLAIN.items():
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
        connection.commit()

    def rows(self, statement, values=None, write=False, binary=False):
        """All rows as dictionaries, in a transaction that may write only if it is said."""
        with self._pool.connection() as connection:
            connection.read_only = not write
            with connection.cursor(row_factory=dict_row, binary=binary) as cursor:
                cursor.execute(statement, values)
                return cursor.fetchall() if cursor.description else []

    def row(self, statement, values=None, write=False, binary=False):
        """The first row, or None."""
        rows = self.rows(statement, values, write, binary)
        return rows[0] if rows else None

    @contextmanager
    def writing(self):
        """A function like row for several statements that may write, in one transaction: an exception undoes them all."""
        with self._pool.connection() as connection:
            connection.read_only = False
            with connection.cursor(row_factory=dict_row) as cursor:
                yield lambda statement, values: cursor.execute(statement, values).fetchone()

    def has(self, relation):
        """Is there such a view of the extension?  An older hwr may lack the newest ones."""
        return self.row("SELECT to_regclass(%s) IS NOT NULL AS present", [relation])["present"]

    def close(self):
        self._pool.close(timeout=2)


class Identifier(sql.Identifier):
    """In a statement with values a % is doubled, also in a name."""

    def as_bytes(self, context=None):
        return super().as_bytes(context).replace(b"%", b"%%")


def compose(template, /, **parts):
    """A statement, to be run with values, with {names} in it, each an identifier, a tuple of them or sql that was composed already."""
    def part(value):
        if isinstance(value, sql.Composable):
            return value
        return Identifier(*value) if isinstance(value, tuple) else Identifier(value)
    return sql.SQL(template).format(**{name: part(value) for name, value in parts.items()})
