"""Who is logged in.

The cookie holds a random number and nothing else; role, connections and the token against forged requests stay in this process,
under the number's hash.  A restart logs everybody out.
"""
import hashlib
import hmac
import secrets
import threading
import time

from .database import Database, LoginRefused

COOKIE = "hwr_desk"


class Session:
    def __init__(self, role, database):
        self.role = role
        self.database = database
        self.csrf = secrets.token_urlsafe(32)
        self.used = time.monotonic()

    def csrf_matches(self, token):
        return hmac.compare_digest(self.csrf.encode(), (token or "").encode())

    def public(self):
        """What the browser is told."""
        return {"role": self.role, "database": self.database.name, "csrf": self.csrf}


class Throttle:
    """Passwords cannot be guessed fast: after five wrong ones for a role from an address, one try in half a minute."""

    TRIES, WAIT, SIZE = 5, 30.0, 10000

    def __init__(self):
        self._failures = {}

    def check(self, who):
        count, last = self._failures.get(who, (0, 0))
        if count >= self.TRIES and time.monotonic() - last < self.WAIT:
            raise LoginRefused("Too many wrong passwords. Wait half a minute.", 429)

    def failed(self, who):
        if len(self._failures) >= self.SIZE:
            self._failures.pop(next(iter(self._failures)))
        count, _ = self._failures.pop(who, (0, 0))
        self._failures[who] = (count + 1, time.monotonic())

    def passed(self, who):
        self._failures.pop(who, None)


class Sessions:
    def __init__(self, settings):
        self._settings = settings
        self._sessions = {}
        self._throttle = Throttle()
        self._lock = threading.Lock()

    def open(self, role, password, address):
        """A new session and the cookie's value; LoginRefused says why not."""
        who = (address, role)
        with self._lock:
            self._throttle.check(who)
        self._end_idle()
        with self._lock:    # a role that has all its sessions gets no place of another's
            mine = sum(one.role == role for one in self._sessions.values())
            if len(self._sessions) >= self._settings.max_sessions and mine < self._settings.role_sessions:
                raise LoginRefused("Too many people are logged in.", 503)
        try:
            session = Session(role, Database(self._settings, role, password))
        except LoginRefused as refused:
            if refused.status == 401:
                with self._lock:
                    self._throttle.failed(who)
            raise
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._throttle.passed(who)
            self._sessions[_hash(token)] = session
            mine = sorted((one.used, key) for key, one in self._sessions.items() if one.role == role)
            ended = [self._sessions.pop(key) for _, key in mine[:-self._settings.role_sessions]]
        for one in ended:
            one.database.close()
        return session, token

    def find(self, token):
        """The session of a cookie's value, or None."""
        self._end_idle()
        with self._lock:
            session = self._sessions.get(_hash(token or ""))
        if session:
            session.used = time.monotonic()
        return session

    def close(self, token):
        with self._lock:
            session = self._sessions.pop(_hash(token or ""), None)
        if session:
            session.database.close()

    def close_all(self):
        with self._lock:
            sessions = list(self._sessions.values())
            self._sessions.clear()
        for session in sessions:
            session.database.close()

    def _end_idle(self):
        oldest = time.monotonic() - 60 * self._settings.idle_minutes
        with self._lock:
            idle = [key for key, session in self._sessions.items() if session.used < oldest]
            ended = [self._sessions.pop(key) for key in idle]
        for session in ended:
            session.database.close()


def _hash(token):
    return hashlib.sha256(token.encode()).digest()
