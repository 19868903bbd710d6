"""Filled forms: laid over a blank one that is a row of a table, with fields that another table describes."""
import time

from fastapi import APIRouter, Depends, HTTPException, Query

from ..database import compose
from ..security import image_body, session
from ..tables import all_tables, find_relation, find_table
from .reading import MODEL, points
from .rows import KEY

router = APIRouter(prefix="/api/forms", tags=["forms"])

# Tables of more rows than these are hardly blank forms.
MAX_BLANKS = 100

_FIELDS = """
SELECT n.nspname AS schema, c.relname AS name
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'hwr') AND n.nspname !~ '^pg_(toast|temp)'
   AND has_schema_privilege(n.oid, 'USAGE')
   AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'name' AND a.attnum > 0 AND has_column_privilege(c.oid, a.attnum, 'SELECT'))
   AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'area' AND a.atttypid IN ('box'::regtype, 'polygon'::regtype)
               AND has_column_privilege(c.oid, a.attnum, 'SELECT'))
 ORDER BY 1, 2 LIMIT 200
"""

_BLANKS = "SELECT {key} AS key, {title} AS title FROM {table} AS t WHERE t.{image} IS NOT NULL LIMIT %(limit)s"

_READ = """
SELECT field, text, value, confidence, fit, area::text AS area
  FROM {table} AS t, hwr_read_form(%(page)s::bytea, t.{image}, {fields}, %(model)s::text, false)
 WHERE {condition}
"""


@router.get("")
def forms(me=Depends(session)):
    """Blank forms, rows of tables that have few, and tables that describe fields."""
    fields = me.database.rows(_FIELDS)
    return {"fields": fields, "blanks": _blanks(me.database) if fields else []}


@router.post("")
def read_form(image=Depends(image_body), schema: str = Query(description="of the blank form's table"), name: str = Query(), key: str = KEY, column: str = None,
              fields_schema: str = Query("public"), fields: str = Query(description="the table that describes the fields: columns name, area and more"),
              model: str = MODEL, me=Depends(session)):
    """The fields of a filled form, each with its place on the page. A page that does not fit the blank form is an error."""
    started = time.perf_counter()
    table = find_table(me.database, schema, name)
    described = find_relation(me.database, fields_schema, fields)
    condition, values = table.has_key(key)
    statement = compose(_READ, table=table.identifier, image=table.column("images", column), condition=condition, fields=described)
    blank = me.database.row(compose("SELECT true AS there FROM {table} AS t WHERE {condition} AND t.{image} IS NOT NULL", table=table.identifier, condition=condition,
                                    image=table.column("images", column)), values)
    if blank is None:
        raise HTTPException(404, "There is no such blank form, or it has no image.")
    size = me.database.row("SELECT width, height FROM hwr_image_size(%s::bytea)", [image])
    rows = me.database.rows(statement, {**values, "page": image, "model": model})
    for row in rows:
        row["area"] = points(row["area"])
    return {**size, "fields": rows, "milliseconds": round(1000 * (time.perf_counter() - started), 1)}


def _blanks(database):
    found = []
    for table in all_tables(database):
        if not table.key or table.rows > MAX_BLANKS:
            continue
        for column in table.images:
            title = compose("t.{column}", column=table.texts[0]) if table.texts else compose("NULL::text")
            rows = database.rows(compose(_BLANKS, key=table.key_text(), title=title, table=table.identifier, image=column), {"limit": MAX_BLANKS + 1})
            if len(rows) <= MAX_BLANKS:
                found += [{"schema": table.schema, "name": table.name, "column": column, **row} for row in rows]
    return found
