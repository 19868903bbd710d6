"""Models, their versions and figures."""
from typing import Optional

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from starlette.responses import HTMLResponse

from ..database import compose
from ..security import session
from ..tables import REGCLASS, find_table

router = APIRouter(prefix="/api/models", tags=["models"])

_MODELS = """
SELECT model, version, active, chosen, owner, validation_cer, validation_exact, evaluation_cer, evaluation_exact, evaluation_data, overlap,
       parameters, bytes, architecture, alphabet, options, job, created, false AS bundled,
       pg_has_role(owner, 'USAGE') AND has_function_privilege('hwr_activate_model(text, integer, boolean)', 'EXECUTE') AS may_activate
  FROM hwr_model_details
 UNION ALL
SELECT model, NULL, active, chosen, NULL, validation_cer, NULL, evaluation_cer, exact_match, NULL, NULL,
       parameters, bytes, architecture, alphabet, options, NULL, NULL, true, false
  FROM hwr_bundled_model_details
 ORDER BY model, version DESC NULLS LAST
"""

# The report is a page of its own, with styles and pictures within it and no scripts.
REPORT_POLICY = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


@router.get("")
def models(me=Depends(session)):
    """Versions of the models that the role may use, and those that come with hwr, which have no version."""
    return me.database.rows(_MODELS)


@router.get("/{model}/metrics")
def metrics(model: str, me=Depends(session)):
    """Every measurement of the model's versions."""
    return me.database.rows("SELECT * FROM hwr_metrics(%s)", [model])


@router.get("/{model}/confusions")
def confusions(model: str, version: int = None, limit: int = Query(12, ge=1, le=1000), me=Depends(session)):
    """The commonest errors of the latest measurement."""
    return me.database.rows("SELECT truth, guess, count, error FROM hwr_confusions(%s, %s) WHERE truth <> guess LIMIT %s",
                            [model, version, limit])


@router.get("/{model}/report", response_class=HTMLResponse)
def report(model: str, version: int = None, schema: str = None, name: str = None, me=Depends(session)):
    """The model's report as a page, with readings of a table if one is named."""
    if schema is not None and name is not None:
        find_table(me.database, schema, name)
        statement = compose("SELECT hwr_report(%(model)s, {regclass}, %(version)s) AS page", regclass=REGCLASS)
    else:
        statement = "SELECT hwr_report(%(model)s, NULL, %(version)s) AS page"
    row = me.database.row(statement, {"model": model, "version": version, "schema": schema, "table": name})
    return HTMLResponse(row["page"], headers={"content-security-policy": REPORT_POLICY})


class Choice(BaseModel):
    version: Optional[int] = Field(None, description="null: the bundled model of that name")
    keep: bool = Field(True, description="it stays until a person chooses another; false: a training that does better may take its place")


@router.post("/{model}/activate", status_code=204)
def activate(model: str, choice: Choice, me=Depends(session)):
    """Choose the version that readers get."""
    me.database.rows("SELECT hwr_activate_model(%s, %s, %s)", [model, choice.version, choice.keep], write=True)
