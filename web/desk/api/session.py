"""Logging in and out."""
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field

from ..security import session
from ..sessions import COOKIE

router = APIRouter(prefix="/api/session", tags=["session"])


class Login(BaseModel):
    role: str = Field(max_length=63, description="a role of PostgreSQL that may log in")
    password: str = Field(max_length=1024)


@router.post("")
def log_in(login: Login, request: Request, response: Response):
    """Log in as a role of the database. The answer's csrf goes into the header X-CSRF-Token of every request that is no GET."""
    sessions = request.app.state.sessions
    opened, token = sessions.open(login.role, login.password, request.client.host if request.client else "")
    # Who logs in anew leaves the session that was there.
    sessions.close(request.cookies.get(COOKIE))
    response.set_cookie(COOKIE, token, httponly=True, samesite="strict", secure=request.app.state.settings.https, path="/")
    return _public(opened, request)


@router.get("")
def who_am_i(request: Request, me=Depends(session)):
    """Role, database, the token against forged requests, and how many MB an image may have."""
    return _public(me, request)


@router.delete("", status_code=204)
def log_out(request: Request, me=Depends(session)):
    """Log out; the connections are closed."""
    request.app.state.sessions.close(request.cookies.get(COOKIE))
    response = Response(status_code=204)
    response.delete_cookie(COOKIE, path="/")
    return response


def _public(one, request):
    return {**one.public(), "upload_mb": request.app.state.settings.upload_mb}
