# What psycopg 3 sends and gets: parameters without types, in text and in binary.  Prints TAP.
import os
import sys

import psycopg

image = open("test/data/words/00001.jpg", "rb").read()
failed = 0
number = 0


def check(ok, name):
    global failed, number
    number += 1
    failed += not ok
    print(f"{'' if ok else 'not '}ok {number} - {name}")


with psycopg.connect(sys.argv[1], autocommit=True) as connection:
    reading = connection.execute("SELECT hwr_recognize(image, 'names') FROM words WHERE image = %b", [image]).fetchone()[0]
    check(isinstance(reading, str) and reading != "", "a reading")
    for form in ("t", "b"):
        for binary in (False, True):
            what = f"{'binary' if form == 'b' else 'text'} parameters, {'binary' if binary else 'text'} results"
            cursor = connection.cursor(binary=binary)
            row = cursor.execute(f"SELECT hwr_recognize(%{form}, %{form})", [image, "names"]).fetchone()
            check(row == (reading,), f"hwr_recognize, {what}")
            row = cursor.execute(f"SELECT hwr_recognize_batch(%{form}, %{form})", [[image, None], "names"]).fetchone()
            check(row == ([reading, None],), f"hwr_recognize_batch, {what}")
            row = cursor.execute(f"SELECT hwr_score(%{form}, %{form}, %{form})", [image, reading, "names"]).fetchone()
            check(isinstance(row[0], float) and row[0] <= 0, f"hwr_score, {what}")
            row = cursor.execute(f"SELECT text FROM hwr_recognize_nbest(%{form}, %{form}::integer, %{form})", [image, 1, "names"]).fetchone()
            check(row == (reading,), f"hwr_recognize_nbest, {what}")
            rows = cursor.execute(f"SELECT * FROM hwr_confusions(%{form}) LIMIT 1", ["drawn"]).fetchall()
            check(len(rows) == 1, f"hwr_confusions, {what}")

    # as drivers do that ask the server what the parameters are: Parse without types, Describe
    prepared = connection.pgconn.prepare(b"untyped", b"SELECT hwr_recognize($1)")
    check(prepared.status == psycopg.pq.ExecStatus.COMMAND_OK, "a statement is prepared without types")
    described = connection.pgconn.describe_prepared(b"untyped")
    check([described.param_type(i) for i in range(described.nparams)] == [17], "and its parameter is bytea")

print(f"1..{number}")
sys.exit(failed > 0)
