"""The queue of rows that a person should look at, the most doubtful first."""
from fastapi import APIRouter, Depends, Query
from psycopg import sql

from ..database import compose
from ..security import session
from ..tables import REGCLASS, find_table
from .reading import MODEL

router = APIRouter(prefix="/api/review", tags=["review"])

# A table that reads itself: what a label would teach the most comes first, and the extension knows what persons have settled.
_NEXT = """
SELECT array_to_json(r.key)::text AS key, r.text, r.text AS guess, r.confidence, r.teaches AS doubt, r.reason
  FROM hwr_review_next({regclass}, %(limit)s, %(text)s::name) r
"""

_NEXT_COUNT = """
SELECT q.read - q.corrected AS waiting, q.waiting + q.running - q.again AS unread
  FROM hwr_queue q WHERE q.data = {regclass} AND q.text_column = %(text)s
"""

# Where the table keeps each reading's confidence, nothing has to be read again.
_KEPT = """
SELECT {key} AS key, t.{text} AS text, t.{text} AS guess, t.{confidence} AS confidence, 1 - t.{confidence} AS doubt,
       'the reading is uncertain' AS reason
  FROM {table} AS t
 WHERE t.{image} IS NOT NULL AND t.{confidence} IS NOT NULL AND {unchecked}
 ORDER BY t.{confidence} LIMIT %(limit)s
"""

# Else every row is read, and what is on record is compared with it.
_READ = """
SELECT {key} AS key, t.{text} AS text, r.guess, r.confidence, r.doubt, r.reason
  FROM hwr_review({regclass}, %(model)s::text, %(limit)s, NULL, %(image)s::name, %(text)s::name) r
       JOIN {table} AS t ON {review_key} = r.key
 WHERE {unchecked} ORDER BY r.doubt DESC, r."row"
"""

_COUNT = "SELECT count(*) AS waiting FROM {table} AS t WHERE t.{image} IS NOT NULL AND {unchecked}"


@router.get("/{schema}/{name:path}")
def queue(schema: str, name: str, image: str = None, text: str = None,
          confidence: str = Query(None, description="column with the probability that the text is right; without one, the rows are read"),
          checked: str = Query(None, description="boolean column: rows in which it is true are left out"),
          model: str = MODEL, limit: int = Query(20, ge=1, le=200), me=Depends(session)):
    """Rows for a person, and how many are waiting; of a table that reads itself also how many nobody has read yet."""
    table = find_table(me.database, schema, name)
    image, text = table.column("images", image), table.column("texts", text)
    values = {"schema": schema, "table": name, "model": model, "limit": limit, "image": image, "text": text}
    if table.is_attached(text) and me.database.has("hwr_corrections"):
        return _rows_and_count(me.database, _NEXT, _NEXT_COUNT, {"regclass": REGCLASS}, values)
    parts = {"table": table.identifier, "key": table.key_text(), "image": image, "text": text, "regclass": REGCLASS,
             "review_key": table.review_key(), "unchecked": sql.SQL("true")}
    if checked is not None:
        parts["unchecked"] = compose("t.{flag} IS NOT TRUE", flag=table.column("flags", checked))
    if confidence is not None:
        parts["confidence"] = table.column("numbers", confidence)
    return _rows_and_count(me.database, _READ if confidence is None else _KEPT, _COUNT, parts, values)


def _rows_and_count(database, rows, count, parts, values):
    return {"rows": database.rows(compose(rows, **parts), values), **database.row(compose(count, **parts), values)}
