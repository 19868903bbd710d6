"""Looking for words in what was written."""
import re

from fastapi import APIRouter, Depends, Query

from ..database import compose
from ..security import session
from ..tables import find_table

router = APIRouter(prefix="/api/search", tags=["search"])

# By what the ink says: the posteriors that the table keeps.
_INK = """
SELECT {key} AS key, hwr_text(t.{ink}) AS text, 1 - (t.{ink} <~> %(query)s::hwr_query) AS relevance,
       (SELECT coalesce(json_agg(json_build_object('x0', s.x0, 'x1', s.x1, 'probability', s.probability)), '[]')
          FROM unnest(%(words)s::text[]) w, hwr_spots(t.{ink}, w) s) AS spots
  FROM {table} AS t WHERE t.{ink} @~ %(query)s::hwr_query
 ORDER BY t.{ink} <~> %(query)s::hwr_query LIMIT %(limit)s
"""

# By the texts that are on record.
_TEXT = """
SELECT {key} AS key, t.{text} AS text, NULL AS relevance, '[]'::json AS spots
  FROM {table} AS t WHERE t.{text} ILIKE %(pattern)s LIMIT %(limit)s
"""


@router.get("/{schema}/{name:path}")
def search(schema: str, name: str, q: str = Query(min_length=1, max_length=500, description="words, \"phrases\", & | ! ( ), ? and *"),
           ink: str = Query(None, description="column with kept posteriors"), text: str = Query(None, description="or a text column"),
           limit: int = Query(30, ge=1, le=200), me=Depends(session)):
    """Rows that have what is looked for, the most probable first, with the places in the picture."""
    table = find_table(me.database, schema, name)
    parts = {"table": table.identifier, "key": table.key_text()}
    if ink is None and (text is not None or not table.inks):
        statement = compose(_TEXT, text=table.column("texts", text), **parts)
        return me.database.rows(statement, {"pattern": f"%{like_literal(q)}%", "limit": limit})
    statement = compose(_INK, ink=table.column("inks", ink), **parts)
    return me.database.rows(statement, {"query": q, "words": wanted_words(q), "limit": limit})


def like_literal(words):
    return re.sub(r"([\\%_])", r"\\\1", words)


# As the extension takes a query apart: a phrase, an operator, a word.  A backslash takes what follows it for what it is.
_TOKEN = re.compile(r'"((?:\\.|[^"\\])*)"|([!&|()])|((?:\\.|[^ \t\r\n\f\v&|!()"\\]|\\\Z)+)', re.DOTALL)


def wanted_words(query):
    """The words and phrases of a query that are to be there, to be marked in the picture.  What is no query the extension refuses."""
    words = {}
    unwanted = [False]      # of each parenthesis that is open
    negated = False         # an odd number of ! stand before what comes
    for phrase, operator, word in _TOKEN.findall(query):
        if operator == "!":
            negated = not negated
        elif operator == "(":
            unwanted.append(unwanted[-1] != negated)
            negated = False
        elif operator == ")":
            unwanted = unwanted[:-1] or [False]
        elif not operator:
            if unwanted[-1] == negated:
                words[phrase or word] = True
            negated = False
    return list(words)
