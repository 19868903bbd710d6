"""Errors as the browser gets them: {"error": {"message", "detail", "hint", "sqlstate"}}, with a fitting status."""
import psycopg
from fastapi.exceptions import RequestValidationError
from psycopg_pool import PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from .database import LoginRefused

# The longest beginning of the SQLSTATE that is listed decides; others are the request's fault: 400.
STATUS = {
    "08": 503, "23": 409, "28": 401, "40": 409, "42501": 403, "42704": 404, "42P01": 404, "53": 503, "54": 413, "55": 409,
    "57014": 504, "57": 503, "58": 500, "XX": 500,
}


def status_of(error):
    sqlstate = error.sqlstate
    for length in (5, 2):
        if sqlstate and sqlstate[:length] in STATUS:
            return STATUS[sqlstate[:length]]
    # Without one it comes from the driver: a value that cannot be sent, or a connection that is lost.
    return 400 if sqlstate or isinstance(error, psycopg.DataError) else 503


def answer(status, message, **more):
    return JSONResponse({"error": {"message": message, **{name: text for name, text in more.items() if text}}}, status)


async def on_database_error(request, error):
    diagnosis = error.diag
    return answer(status_of(error), diagnosis.message_primary or str(error), detail=diagnosis.message_detail,
                  hint=diagnosis.message_hint, sqlstate=error.sqlstate)


async def on_pool_timeout(request, error):
    return answer(503, "The database gave no connection in time.")


async def on_login_refused(request, error):
    return answer(error.status, str(error))


async def on_http_error(request, error):
    return answer(error.status_code, error.detail)


async def on_invalid_request(request, error):
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    return answer(422, f"{where}: {first['msg']}" if where else first["msg"])


async def on_bug(request, error):
    return answer(500, "The desk has failed; its log says how.")


def install(app):
    app.add_exception_handler(psycopg.Error, on_database_error)
    app.add_exception_handler(PoolTimeout, on_pool_timeout)
    app.add_exception_handler(LoginRefused, on_login_refused)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(Exception, on_bug)
