"""Trainings: start, watch, stop."""
from typing import Optional

from fastapi import APIRouter, Depends, HTTPException, Query
from psycopg.types.json import Jsonb
from pydantic import BaseModel, Field

from ..database import compose
from ..security import session
from ..tables import REGCLASS, find_table

router = APIRouter(prefix="/api/jobs", tags=["training"])

_JOBS = """
SELECT d.job, d.model, d.training, d.owner, d.state, coalesce(p.phase, d.phase) AS phase, d.epoch, d.epochs, d.loss, d.cer, d.images,
       d.validation_images, d.skipped, d.version, d.activated, d.sqlstate, d.message, d.requested, d.started, d.finished, d.options,
       p.step, p.steps, p.images_per_second, extract(epoch FROM p.eta)::float8 AS seconds_left
  FROM hwr_job_details d LEFT JOIN hwr_progress p ON p.job = d.job
 WHERE %(job)s::bigint IS NULL OR d.job = %(job)s::bigint
 ORDER BY d.job DESC LIMIT %(limit)s
"""

_EPOCHS = """
SELECT epoch, learning_rate, train_loss, validation_loss, cer, wer, exact_match, images_per_second, seconds, best
  FROM hwr_history() WHERE job = %(job)s ORDER BY epoch
"""


class Training(BaseModel):
    schema_name: str = Field(alias="schema")
    name: str = Field(description="the table's")
    model: str = Field("default", max_length=200)
    image: Optional[str] = Field(None, description="its image column")
    label: Optional[str] = Field(None, description="its column with the right texts")
    options: dict = Field({}, description="training options, as hwr_train takes them")
    activate: str = Field("auto", description="auto: where it reads better; always; never")


@router.get("")
def jobs(limit: int = Query(20, ge=1, le=200), me=Depends(session)):
    """Trainings that the role may see, the latest first."""
    return me.database.rows(_JOBS, {"job": None, "limit": limit})


@router.get("/{job}")
def job(job: int, me=Depends(session)):
    """A training, how far it is, and its epochs."""
    row = me.database.row(_JOBS, {"job": job, "limit": 1})
    if row is None:
        raise HTTPException(404, f"There is no training {job} that you may see.")
    return {**row, "history": me.database.rows(_EPOCHS, {"job": job})}


@router.post("", status_code=201)
def start(training: Training, me=Depends(session)):
    """Start a training in the background."""
    table = find_table(me.database, training.schema_name, training.name)
    statement = compose("SELECT job FROM hwr_train({regclass}, %(model)s, %(image)s::name, %(label)s::name, %(options)s, false, %(activate)s)",
                        regclass=REGCLASS)
    return me.database.row(statement, {"schema": table.schema, "table": table.name, "model": training.model,
                                       "image": table.column("images", training.image), "label": table.column("texts", training.label),
                                       "options": Jsonb(training.options), "activate": training.activate}, write=True)


@router.post("/{job}/cancel")
def cancel(job: int, me=Depends(session)):
    """Stop a training; no version is stored. done is false where it had ended already."""
    return me.database.row("SELECT hwr_cancel(%s) AS done", [job], write=True)


@router.post("/{job}/finish")
def finish(job: int, me=Depends(session)):
    """End a training now and store its best epoch. done is false where it had ended already."""
    return me.database.row("SELECT hwr_finish(%s) AS done", [job], write=True)
