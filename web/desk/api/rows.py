"""Tables and their rows: what there is to choose, pictures, new rows, corrected texts."""
import json
from typing import Optional

from fastapi import APIRouter, Depends, HTTPException, Query
from psycopg import sql
from pydantic import BaseModel, Field

from ..database import compose
from ..security import image_body, image_response, session
from ..tables import REGCLASS, all_tables, find_table
from .reading import MODEL, NBEST

router = APIRouter(prefix="/api/tables", tags=["tables"])

KEY = Query(description="the values of the primary key's columns as texts, in a JSON array: [\"12\"]")


@router.get("")
def tables(me=Depends(session)):
    """Tables and views with images that the role may read, and their columns by use."""
    return all_tables(me.database)


@router.get("/{schema}/{name:path}/image")
def image(schema: str, name: str, key: str = KEY, column: str = None, me=Depends(session)):
    """The picture of a row."""
    return image_response(_image(me.database, find_table(me.database, schema, name), key, column))


@router.get("/{schema}/{name:path}/alternatives")
def alternatives(schema: str, name: str, key: str = KEY, column: str = None, model: str = MODEL,
                 n: int = Query(5, ge=1, le=20), me=Depends(session)):
    """What else a row's picture may say, the most probable first."""
    data = _image(me.database, find_table(me.database, schema, name), key, column)
    return {"readings": me.database.rows(NBEST, {"image": data, "n": n, "model": model})}


@router.post("/{schema}/{name:path}", status_code=201)
def insert(schema: str, name: str, data=Depends(image_body), column: str = None, me=Depends(session)):
    """Store an image as a new row. Where the table has the images of its rows read by itself, that happens now."""
    table = find_table(me.database, schema, name)
    statement = compose("INSERT INTO {table} AS t ({image}) VALUES (%(image)s) {returning}", table=table.identifier,
                        image=table.column("images", column),
                        returning=compose("RETURNING {key} AS key", key=table.key_text()) if table.key else sql.SQL(""))
    row = me.database.row(statement, {"image": data}, write=True)
    return {"key": row and row["key"]}


class Correction(BaseModel):
    key: str = Field(description="as in the queue")
    column: str = Field(description="the column of the text")
    text: Optional[str] = Field(None, max_length=10000, description="null: nothing can be read")
    expected: Optional[str] = Field(None, max_length=10000, description="the text that the person saw; another one there by now is an error")
    checked_column: Optional[str] = Field(None, description="a boolean column that says that a person has seen the row")
    checked: bool = True


@router.put("/{schema}/{name:path}/text")
def correct(schema: str, name: str, correction: Correction, me=Depends(session)):
    """Write the text of a row, with the role's own privileges, unless somebody else has changed it meanwhile."""
    table = find_table(me.database, schema, name)
    condition, values = table.has_key(correction.key)
    if correction.text == correction.expected and correction.text is not None and table.is_attached(correction.column):
        return _confirm(me.database, table, condition, values, correction)
    changes = [compose("{column} = %(text)s", column=table.column("texts", correction.column))]
    if correction.checked_column is not None:
        changes.append(compose("{column} = %(checked)s", column=table.column("flags", correction.checked_column)))
    statement = compose("UPDATE {table} AS t SET {changes} WHERE {condition} AND t.{column} IS NOT DISTINCT FROM %(expected)s"
                        " RETURNING t.{column} AS text",
                        table=table.identifier, changes=sql.SQL(", ").join(changes), condition=condition, column=correction.column)
    row = me.database.row(statement, {**values, "text": correction.text, "expected": correction.expected,
                                      "checked": correction.checked}, write=True)
    if row is None:
        raise HTTPException(409, "Somebody else has changed or removed this row meanwhile, or you may not change it.")
    return row


@router.delete("/{schema}/{name:path}/text")
def take_back(schema: str, name: str, key: str = KEY, column: str = Query(description="the column of the text"),
              checked_column: str = Query(None, description="a boolean column to become false"), me=Depends(session)):
    """In a table that reads itself: undo one's own last correction or confirmation of a row, as if it had not been made."""
    table = find_table(me.database, schema, name)
    table.column("texts", column)
    condition, values = table.has_key(key)
    if not table.is_attached(column):
        raise HTTPException(409, f"Table {schema}.{name} does not read itself into this column: write the former text back.")
    statement = compose("SELECT hwr_undo_correction({regclass}, %(key)s::text[], %(column)s::name) AS done", regclass=REGCLASS)
    mark = _mark(table, condition, checked_column)
    with me.database.writing() as run:
        row = run(statement, {"schema": table.schema, "table": table.name, "key": json.loads(key), "column": column})
        if not row["done"] or mark and not run(mark, {**values, "checked": False}):
            raise HTTPException(409, "Somebody else has changed or removed this row meanwhile, or the last correction is not yours.")
    return row


def _confirm(database, table, condition, values, correction):
    """In a table that reads itself, a text that is right as it stands is a correction too, if it is the one that the person saw."""
    statement = compose("SELECT hwr_confirm({regclass}, %(key)s::text[], %(column)s::name) AS done"
                        "  FROM (SELECT FROM {table} AS t WHERE {condition} AND t.{column} IS NOT DISTINCT FROM %(expected)s FOR NO KEY UPDATE) seen",
                        regclass=REGCLASS, table=table.identifier, condition=condition, column=correction.column)
    mark = _mark(table, condition, correction.checked_column)
    with database.writing() as run:
        row = run(statement, {**values, "schema": table.schema, "table": table.name, "key": json.loads(correction.key),
                              "column": correction.column, "expected": correction.expected})
        if not row or not row["done"] or mark and not run(mark, {**values, "checked": correction.checked}):
            raise HTTPException(409, "Somebody else has changed or removed this row meanwhile, or you may not change it.")
    return {"text": correction.text}


def _mark(table, condition, column):
    """A statement that says of a row whether a person has seen it; None where no column keeps that."""
    if column is None:
        return None
    return compose("UPDATE {table} AS t SET {column} = %(checked)s WHERE {condition} RETURNING true AS done", table=table.identifier,
                   column=table.column("flags", column), condition=condition)


def _image(database, table, key, column):
    condition, values = table.has_key(key)
    statement = compose("SELECT t.{image} AS image FROM {table} AS t WHERE {condition}", image=table.column("images", column),
                        table=table.identifier, condition=condition)
    row = database.row(statement, values, binary=True)
    if row is None or row["image"] is None:
        raise HTTPException(404, "There is no such row, or it has no image.")
    return row["image"]
