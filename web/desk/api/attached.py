"""Tables that read themselves: how far they are, versions on trial, learning from corrections."""
from typing import Optional

from fastapi import APIRouter, Depends, HTTPException, Query
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from ..database import compose
from ..security import session
from ..tables import REGCLASS, find_table

router = APIRouter(prefix="/api", tags=["tables that read themselves"])

_ATTACHED = """
SELECT n.nspname AS schema, c.relname AS name, a.text_column AS text, a.image_column AS image, a.model, a.mode, a.reread, a.role,
       q.waiting, q.running, q.failed, q.again, q.read, q.corrected, q.rows_per_second, extract(epoch FROM q.time_left)::float8 AS seconds_left,
       a.paused, a.problem, a.sqlstate,
       (SELECT to_json(t) FROM (SELECT t.trial, t.model, t.version, t.share, t.shadow, t.started FROM hwr_trials t
         WHERE t.attachment = a.attachment AND t.ended IS NULL) t) AS trial,
       EXISTS (SELECT FROM hwr_trials t WHERE t.attachment = a.attachment) AS compared,
       pg_has_role(a.role, 'USAGE') OR pg_has_role(c.relowner, 'USAGE') AS mine,
       (SELECT has_function_privilege(p.oid, 'EXECUTE') FROM pg_proc p WHERE p.oid = to_regproc('hwr_improve')) AS may_improve
  FROM hwr_attachments a JOIN hwr_queue q USING (attachment) JOIN pg_class c ON c.oid = a.data JOIN pg_namespace n ON n.oid = c.relnamespace
 ORDER BY n.nspname, c.relname, a.text_column
"""

_LESSONS = """
SELECT count(*) FILTER (WHERE NOT c.held_out) AS corrections, count(*) FILTER (WHERE c.held_out) AS held_out
  FROM hwr_corrections c WHERE EXISTS (SELECT FROM hwr_attachments a WHERE a.data = c.data AND a.model = %s)
"""

TEXT = Query(None, description="its text column, where it is attached by more than one")


@router.get("/attached")
def attached(me=Depends(session)):
    """Tables that read themselves, of those that the role may read."""
    return me.database.rows(_ATTACHED) if me.database.has("hwr_trials") else []


class Pause(BaseModel):
    text: Optional[str] = None
    paused: bool


@router.put("/attached/{schema}/{name:path}/paused", status_code=204)
def pause(schema: str, name: str, wanted: Pause, me=Depends(session)):
    """Read no more rows of the table, or go on."""
    _call(me, "hwr_pause" if wanted.paused else "hwr_unpause", schema, name, wanted.text)


class Trial(BaseModel):
    text: Optional[str] = None
    model: str = Field(max_length=200, description="whose version is tried")
    version: Optional[int] = Field(None, description="the active one, unless another is named")
    share: float = Field(0.1, gt=0, le=1, description="of the table's rows")
    shadow: bool = Field(True, description="both versions read, and only the table's own is written; false: the other is written")


@router.post("/attached/{schema}/{name:path}/trial", status_code=201)
def try_version(schema: str, name: str, trial: Trial, me=Depends(session)):
    """Try another version on a share of the table's rows; one that was tried before ends."""
    values = {"model": trial.model, "version": trial.version, "share": trial.share, "shadow": trial.shadow}
    arguments = "{regclass}, %(model)s, %(version)s, %(share)s, %(shadow)s, %(text)s::name"
    return {"trial": _call(me, "hwr_try", schema, name, trial.text, arguments, values)}


@router.get("/attached/{schema}/{name:path}/trial")
def compare(schema: str, name: str, text: str = TEXT, me=Depends(session)):
    """What came of the newest trial, from the corrections of its rows: a is what the table is read with, b what is tried."""
    table = find_table(me.database, schema, name)
    row = me.database.row(compose("SELECT * FROM hwr_compare({regclass}, %(text)s::name)", regclass=REGCLASS), _values(table, text))
    if row is None:
        raise HTTPException(404, "Nothing has been tried on this table.")
    return row


@router.delete("/attached/{schema}/{name:path}/trial")
def end_trial(schema: str, name: str, text: str = TEXT, me=Depends(session)):
    """End a trial; its figures stay. done is false where nothing was tried."""
    return {"done": _call(me, "hwr_try_end", schema, name, text)}


class Improvement(BaseModel):
    model: str = Field(max_length=200)
    schema_name: Optional[str] = Field(None, alias="schema")
    name: Optional[str] = Field(None, description="the table with former rows, its schema in schema; the one of the last training, unless another is named")
    options: dict = Field({}, description="training options, as hwr_train takes them")


@router.get("/improvements")
def lessons(model: str, me=Depends(session)):
    """Corrections that the model can learn from: those to train on, and those that are held out to measure."""
    return me.database.row(_LESSONS, [model])


@router.post("/improvements", status_code=201)
def improve(wanted: Improvement, me=Depends(session)):
    """Train the model's next version on corrections, in the background: a job, whose message says what the gate decided."""
    values = {"model": wanted.model, "options": Jsonb(wanted.options)}
    training = "NULL"
    parts = {}
    if wanted.name is not None:
        table = find_table(me.database, wanted.schema_name or "public", wanted.name)
        values.update(schema=table.schema, table=table.name)
        training, parts = "{regclass}", {"regclass": REGCLASS}
    return me.database.row(compose("SELECT job, corrections, held_out, former_rows FROM hwr_improve(%(model)s, " + training +
                                   ", options => %(options)s, wait => false)", **parts), values, write=True)


def _values(table, text, more=None):
    return {"schema": table.schema, "table": table.name, "text": text, **(more or {})}


def _call(me, function, schema, name, text, arguments="{regclass}, %(text)s::name", values=None):
    """One of the extension's functions, whose name is ours."""
    table = find_table(me.database, schema, name)
    return me.database.row(compose(f"SELECT {function}({arguments}) AS result", regclass=REGCLASS), _values(table, text, values), write=True)["result"]
