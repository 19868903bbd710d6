"""The tables that a role may read: what a person can choose, and what a name in a request has to be one of."""
import json
from dataclasses import dataclass

from fastapi import HTTPException
from psycopg import sql

from .database import Identifier, compose

# A row a table with an image column, with the columns that the role may read by what they can be used for.  A domain is used as what it is of.
_TABLES = """
WITH RECURSIVE domain AS (
    SELECT oid AS type, typbasetype AS oid FROM pg_type WHERE typtype = 'd'
    UNION ALL SELECT d.type, t.typbasetype FROM domain d JOIN pg_type t ON t.oid = d.oid WHERE t.typtype = 'd'
), base AS (SELECT d.type, d.oid FROM domain d JOIN pg_type t ON t.oid = d.oid WHERE t.typtype <> 'd')
SELECT n.nspname AS schema, c.relname AS name, greatest(c.reltuples, 0)::bigint AS rows,
       array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.type = 'bytea') AS images,
       coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.is_text), '{}') AS texts,
       coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.type IN ('real', 'double precision')), '{}') AS numbers,
       coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.type = 'boolean'), '{}') AS flags,
       coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE a.type = 'hwr_posterior'), '{}') AS inks,
       coalesce(array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE has_column_privilege(c.oid, a.attnum, 'UPDATE')), '{}')
           AS editable,
       has_table_privilege(c.oid, 'INSERT') OR has_any_column_privilege(c.oid, 'INSERT') AS insertable,
       coalesce(key.names, '{}') AS key, coalesce(key.types, '{}') AS key_types, coalesce(key.names_in_table, '{}') AS key_in_table
  FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       LEFT JOIN LATERAL (SELECT array_agg(k.attname::text ORDER BY p.n) AS names, array_agg(format_type(k.atttypid, k.atttypmod) ORDER BY p.n) AS types,
                                 array_agg(k.attname::text ORDER BY k.attnum) AS names_in_table
                            FROM pg_index i, unnest(i.indkey) WITH ORDINALITY p (attnum, n), pg_attribute k
                           WHERE i.indrelid = c.oid AND i.indisprimary AND p.n <= i.indnkeyatts  -- the others are only included
                                 AND k.attrelid = c.oid AND k.attnum = p.attnum) key ON true
       JOIN (SELECT attrelid, attnum, attname, replace(format_type(t.oid, NULL), '"', '') AS type,
                    t.typcategory = 'S' AND t.oid NOT IN ('"char"'::regtype, 'name'::regtype) AS is_text
               FROM pg_attribute LEFT JOIN base ON base.type = atttypid JOIN pg_type t ON t.oid = coalesce(base.oid, atttypid)
              WHERE attnum > 0 AND NOT attisdropped) a ON a.attrelid = c.oid
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
   AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'hwr') AND n.nspname !~ '^pg_(toast|temp)'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
   AND (%(schema)s::text IS NULL OR (n.nspname = %(schema)s::text AND c.relname = %(name)s::text))
 GROUP BY n.nspname, c.oid, c.relname, c.reltuples, key.names, key.types, key.names_in_table
HAVING bool_or(a.type = 'bytea')
 ORDER BY n.nspname, c.relname LIMIT 500
"""

_ATTACHED = """
SELECT n.nspname AS schema, c.relname AS name, a.image_column AS image, a.text_column AS text, a.confidence_column AS confidence, a.model
  FROM hwr_attachments a JOIN pg_class c ON c.oid = a.data JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE pg_has_role(a.role, 'USAGE') OR pg_has_role(c.relowner, 'USAGE')
"""


@dataclass
class Table:
    schema: str
    name: str
    rows: int
    images: list
    texts: list
    numbers: list
    flags: list
    inks: list
    editable: list
    insertable: bool
    key: list
    key_types: list
    key_in_table: list  # the key's columns in the order of the table
    attached: list      # {image, text, confidence, model}: columns that are filled by themselves, as far as the role may know

    @property
    def identifier(self):
        return Identifier(self.schema, self.name)

    def column(self, kind, name):
        """The column of that name, which must be one of table.images, table.texts and so on; without a name the first of them."""
        names = getattr(self, kind)
        if name is None and names:
            return names[0]
        if name not in names:
            raise HTTPException(404, f"Table {self.schema}.{self.name} has no column \"{name or ''}\" among the {kind} that you may read.")
        return name

    def key_text(self):
        """An expression for a row's key as JSON's text array."""
        self._need_key()
        return compose("array_to_json(ARRAY[{columns}])::text",
                       columns=sql.SQL(", ").join(compose("t.{column}::text", column=column) for column in self.key))

    def review_key(self):
        """An expression for a row's key as hwr_review writes it."""
        self._need_key()
        columns = sql.SQL(", ").join(compose("t.{column}", column=column) for column in self.key_in_table)
        return compose("({columns})::text" if len(self.key) == 1 else "ROW({columns})::text", columns=columns)

    def has_key(self, key):
        """A condition for the row with this key, which is JSON's text array, and its values."""
        self._need_key()
        try:
            values = json.loads(key)
        except ValueError:
            values = None
        if not isinstance(values, list) or len(values) != len(self.key) or not all(isinstance(value, str) for value in values):
            raise HTTPException(422, f"key: a JSON array of {len(self.key)} text(s) is wanted")
        # The types' names are the catalog's own.
        tests = [compose("t.{column} = {value}::{type}", column=column, value=sql.Placeholder(f"key{i}"), type=sql.SQL(kind.replace("%", "%%")))
                 for i, (column, kind) in enumerate(zip(self.key, self.key_types))]
        return sql.SQL(" AND ").join(tests), {f"key{i}": value for i, value in enumerate(values)}

    def is_attached(self, text):
        return any(one["text"] == text for one in self.attached)

    def _need_key(self):
        if not self.key:
            raise HTTPException(409, f"Table {self.schema}.{self.name} has no primary key, so that its rows cannot be told apart.")


# A table in a statement where a function wants a regclass; values schema and table.
REGCLASS = sql.SQL("format('%%I.%%I', %(schema)s::text, %(table)s::text)::regclass")


def all_tables(database):
    attached = _attachments(database)
    return [_table(row, attached) for row in database.rows(_TABLES, {"schema": None, "name": None})]


def find_table(database, schema, name):
    row = database.row(_TABLES, {"schema": schema, "name": name})
    if row is None:
        raise HTTPException(404, f"There is no table {schema}.{name} with images that you may read.")
    return _table(row, _attachments(database))


def find_relation(database, schema, name):
    """A table or view that the role may read, as a regclass in a statement; its columns are the extension's to check."""
    row = database.row("SELECT c.oid::bigint AS oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
                       " WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
                       " AND has_schema_privilege(n.oid, 'USAGE') AND has_any_column_privilege(c.oid, 'SELECT')", [schema, name])
    if row is None:
        raise HTTPException(404, f"There is no table {schema}.{name} that you may read.")
    return sql.SQL(f"{row['oid']:d}::oid::regclass")


def _attachments(database):
    """By schema and name of the table; none with an hwr that cannot attach tables."""
    return database.rows(_ATTACHED) if database.has("hwr_attachments") else []


def _table(row, attached):
    mine = [{name: one[name] for name in ("image", "text", "confidence", "model")} for one in attached
            if (one["schema"], one["name"]) == (row["schema"], row["name"])]
    return Table(**row, attached=mine)
