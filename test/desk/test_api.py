"""The desk's API: who may do what, and what is refused.  Arguments: the desk's address, a superuser's connection string."""
import base64
import re
import sys

import psycopg
from client import Client
from tap import ok, run

url, superuser = sys.argv[1:3]
database = psycopg.connect(superuser, autocommit=True, client_encoding="UTF8")
picture = open("test/data/words/00003.jpg", "rb").read()
anna = Client(url, "anna", "anna's password")
ben = Client(url, "ben", "ben's password")
nobody = Client(url)
ODD = "Odd \"Näme 5 %/6"
API_HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options")


def one(statement, *values):
    return database.execute(statement, values).fetchone()[0]


def refused(answer, status, name, sqlstate=None):
    error = answer[2].get("error", {}) if isinstance(answer[2], dict) else {}
    return ok(answer[0] == status and bool(error.get("message")) and (sqlstate is None or error.get("sqlstate") == sqlstate), name,
              (answer[0], answer[2]))


def test_logging_in():
    refused(nobody.log_in("anna", "wrong"), 401, "a wrong password")
    refused(nobody.log_in("anna", ""), 401, "no password")
    refused(nobody.log_in("nobody' OR true --", "x"), 401, "no such role")
    refused(nobody.log_in("trusted", "anything"), 403, "a role that the server lets in without a password")
    for _ in range(5):
        nobody.log_in("carl", "guess")
    refused(nobody.log_in("carl", "carl's password"), 429, "guessing is slow")
    status, headers, content = Client(url).log_in("anna", "anna's password")
    cookie = headers["set-cookie"].lower()
    ok(status == 200 and "httponly" in cookie and "samesite=strict" in cookie and "anna" not in cookie, "the cookie is closed", cookie)
    ok(content["role"] == "anna" and content["database"] == "postgres", "who one is", content)
    ok(nobody.get("session", role="anna", password="anna's password")[0] == 401, "nobody logs in by an address")


def test_every_call_asks_who_it_is():
    calls = [(method.upper(), path) for path, methods in nobody.get("openapi.json")[2]["paths"].items() for method in methods]
    ok(len(calls) > 20, f"{len(calls)} calls")
    for method, path in calls:
        path = path.replace("{job}", "1")
        if (method, path) == ("POST", "/api/session"):
            continue
        status = nobody.request(method, path, b"" if method != "GET" else None)[0]
        ok(status == 401, f"{method} {path} without a session", status)
        if method != "GET":
            for token in (None, "", "wrong", anna.csrf):
                stranger = Client(url)
                stranger.cookie, stranger.csrf = ben.cookie, token
                status = stranger.request(method, path, b"")[0]
                if not ok(status == 403, f"{method} {path} with a token that is {'another session' if token == anna.csrf else repr(token)}'s", status):
                    break
    ok(ben.get("session")[0] == 200, "and the session is still there")


def test_other_sites():
    login = {"role": "anna", "password": "anna's password"}
    refused(nobody.send("POST", "session", json_body=login, headers={"Origin": "http://evil.example"}), 403, "another origin")
    refused(nobody.send("POST", "session", json_body=login, headers={"Sec-Fetch-Site": "cross-site"}), 403, "another site")
    refused(nobody.send("POST", "session", json_body=login, headers={"Sec-Fetch-Site": "same-site"}), 403, "another port of this host")
    ok(anna.request("POST", "/api/readings", picture, {"Content-Type": "image/jpeg", "Origin": url.rstrip("/")})[0] == 200, "this origin")
    ok(anna.request("GET", "/api/session", None, {"Host": "evil.example"})[0] == 400, "another name of this host")
    ok(nobody.request("POST", "/api/session", b"role=anna&password=x", {"Content-Type": "application/x-www-form-urlencoded"})[0] == 422,
       "a form of another site is no login")


def test_headers():
    for client, path in ((anna, "/write"), (anna, "/api/tables"), (nobody, "/api/tables"), (nobody, "/nowhere"), (nobody, "/static/desk.css")):
        headers = client.request("GET", path)[1]
        ok(all(name in headers for name in API_HEADERS) and "unsafe" not in headers["content-security-policy"], f"headers of {path}",
           dict(headers))
    ok("no-store" in anna.get("tables")[1]["cache-control"], "data are not kept by the browser")
    ok(b"<script>x" not in anna.request("GET", "/write?a=<script>x&page=<script>x")[2], "pages do not repeat what they are asked")
    ok(anna.request("GET", "/static/../desk/app.py")[0] == 404 and anna.request("GET", "/static/%2e%2e/desk/app.py")[0] == 404,
       "static files are those")
    ok("sandbox" in anna.get("models", "default", "report")[1]["content-security-policy"], "a report has no scripts")


def test_limits():
    refused(anna.request("POST", "/api/readings", None, {"Content-Type": "image/png", "Content-Length": str(40 * 1024 * 1024)}), 413,
            "an image that is too long")
    refused(anna.send("POST", "jobs", json_body={"schema": "x" * 70000, "name": "y"}), 413, "a JSON body that is too long")
    refused(anna.request("POST", "/api/readings", iter([picture]), {"Content-Type": "image/png", "Transfer-Encoding": "chunked"}), 411,
            "a body of unknown length")
    refused(anna.send("POST", "readings", json_body={}), 415, "JSON is no image")
    refused(anna.send("POST", "readings", image=b"GIF89a"), 400, "an image that cannot be decoded", "22P03")
    refused(anna.request("POST", "/api/readings", b"II*\0" + bytes(100000), {"Content-Type": "image/tiff"}), 400, "an image of another kind, however long", "22P03")
    refused(anna.send("POST", "readings", image=picture, n=21), 422, "too many readings")
    refused(anna.send("POST", "readings", image=picture, model="nobody"), 404, "no such model", "42704")
    refused(anna.send("POST", "pages", image=picture, turn=45), 400, "a page is turned by quarters", "22023")


def test_reading():
    status, _, content = anna.send("POST", "readings", image=picture, n=3)
    ok(status == 200 and content["readings"][0]["text"] == one("SELECT hwr_recognize(%b::bytea)", picture), "reads what hwr_recognize reads", content)
    ok(len(content["readings"]) == 3 and all(0 <= reading["confidence"] <= 1 for reading in content["readings"]), "and its alternatives")
    page = base64.b64decode(re.search(r"decode\('([^']+)'", open("sql/page.sql").read())[1])
    status, _, content = anna.send("POST", "pages", image=page)
    found = database.execute("SELECT text FROM hwr_read_page(%b::bytea) ORDER BY line", [page]).fetchall()
    ok(status == 200 and [line["text"] for line in content["lines"]] == [text for text, in found] and len(found) > 3, "reads a page", content)
    ok(all(len(line["outline"]) >= 3 and 0 <= line["outline"][0][0] <= content["width"] for line in content["lines"]), "with outlines")


def test_tables():
    tables = {table["name"]: table for table in anna.get("tables")[2]}
    ok(set(tables) == {"forms", "shared", "words", ODD}, "tables that she may read", sorted(tables))
    ok(tables["forms"]["key"] == ["id"] and tables["forms"]["texts"] == ["reading"] and tables["forms"]["flags"] == ["checked"], "and their columns")
    ok({table["name"] for table in ben.get("tables")[2]} == {"shared"}, "tables that he may read", ben.get("tables")[2])
    answer = anna.get("review", "public", ODD, text="label", limit=3)
    ok(answer[0] == 200 and len(answer[2]["rows"]) == 3 and '["1", "a"]' in [row["key"].replace('","', '", "') for row in answer[2]["rows"]],
       "a name, and a key of two columns, that need quotes", answer)
    key = answer[2]["rows"][0]["key"]
    ok(anna.get("tables", "public", ODD, "image", key=key)[1]["content-type"] == "image/jpeg", "the picture of such a row")
    ok(len(anna.get("tables", "public", ODD, "alternatives", key=key, n=2)[2]["readings"]) == 2, "what it may say")
    text = answer[2]["rows"][0]["text"]
    for before, after in ((text, "É中"), ("É中", text)):
        change = {"key": key, "column": "label", "text": after, "expected": before}
        answer = anna.send("PUT", "tables", "public", ODD, "text", json_body=change)
        ok(answer[2] == {"text": after}, "and its correction", answer)


def test_domains():
    """Columns of domains are used as what these are of, as elsewhere in hwr; texts are of more types than text."""
    database.execute("CREATE DOMAIN picture AS bytea; CREATE DOMAIN scan AS picture; CREATE DOMAIN \"5 % word\" AS varchar(9) CHECK (value <> 'no')")
    database.execute("""CREATE TABLE domains (id "5 % word" PRIMARY KEY, image scan, word "5 % word", code char(4), kind "char", owner name)""")
    database.execute("INSERT INTO domains VALUES ('x', %s, 'yes', 'AB')", [picture])
    database.execute("GRANT SELECT, UPDATE ON domains TO anna")
    table = {table["name"]: table for table in anna.get("tables")[2]}["domains"]
    ok(table["images"] == ["image"] and table["texts"] == ["id", "word", "code"], "columns of a table with domains", table)
    ok(anna.get("tables", "public", "domains", "image", key='["x"]')[1]["content-type"] == "image/jpeg", "its picture")
    change = {"key": '["x"]', "column": "word", "text": "maybe", "expected": "yes"}
    ok(anna.send("PUT", "tables", "public", "domains", "text", json_body=change)[2] == {"text": "maybe"}, "a correction")
    refused(anna.send("PUT", "tables", "public", "domains", "text", json_body={**change, "text": "no", "expected": "maybe"}), 409, "one that the domain does not allow", "23514")
    row = anna.get("review", "public", "domains", text="code")[2]["rows"][0]
    ok(anna.send("PUT", "tables", "public", "domains", "text", json_body={"key": row["key"], "column": "code", "text": "CD", "expected": row["text"]})[0] == 200,
       "a correction of characters with blanks behind them", row)
    database.execute("DROP TABLE domains; DROP DOMAIN scan; DROP DOMAIN picture; DROP DOMAIN \"5 % word\"")


def test_review():
    status, _, content = anna.get("review", "public", "forms", confidence="confidence", checked="checked", limit=5)
    confidences = [row["confidence"] for row in content["rows"]]
    ok(status == 200 and len(confidences) == 5 and confidences == sorted(confidences), "the least certain first", content)
    waiting = content["waiting"]
    row = content["rows"][0]
    change = {"key": row["key"], "column": "reading", "text": "'); DROP TABLE forms; --<b>", "expected": row["text"], "checked_column": "checked"}
    ok(anna.send("PUT", "tables", "public", "forms", "text", json_body=change)[0] == 200, "a correction")
    identity = int(row["key"].strip('[]"'))
    ok(one("SELECT reading FROM forms WHERE id = %s AND checked", identity) == change["text"], "is in the table, as it is")
    ok(anna.get("review", "public", "forms", confidence="confidence", checked="checked")[2]["waiting"] == waiting - 1, "and waits no more")
    refused(anna.send("PUT", "tables", "public", "forms", "text", json_body=change), 409, "another one meanwhile")
    change.update(text=row["text"], expected=change["text"], checked=False)
    ok(anna.send("PUT", "tables", "public", "forms", "text", json_body=change)[0] == 200 and
       one("SELECT reading FROM forms WHERE id = %s AND NOT checked", identity) == row["text"], "undone")
    status, _, content = anna.get("review", "public", "forms", limit=4)
    ok(status == 200 and len(content["rows"]) == 4 and all(row["reason"] for row in content["rows"]), "without confidences, rows are read", content)
    status, _, content = anna.get("tables", "public", "forms", "alternatives", key=row["key"], n=4)
    ok(status == 200 and len(content["readings"]) == 4, "alternatives of a row", content)


def test_confirming():
    """In a table that reads itself, what stands there is confirmed; not what somebody else has written meanwhile."""
    database.execute("CREATE TABLE itself (id integer PRIMARY KEY, image bytea, reading text)")
    database.execute("ALTER TABLE itself OWNER TO anna")
    one("SELECT hwr_attach('itself', model => 'names')")
    database.execute("INSERT INTO itself VALUES (1, %s, 'LYON')", [picture])
    change = {"key": '["1"]', "column": "reading", "text": "LYON", "expected": "LYON"}
    ok(anna.send("PUT", "tables", "public", "itself", "text", json_body=change)[0] == 200 and
       one("SELECT array_agg(label) FROM hwr_corrections") == ["LYON"], "what stands there is confirmed")
    database.execute("UPDATE itself SET reading = 'PARIS'")
    corrections = one("SELECT max(id) FROM hwr_corrections")
    refused(anna.send("PUT", "tables", "public", "itself", "text", json_body=change), 409, "not what stands there meanwhile")
    ok(one("SELECT max(id) FROM hwr_corrections") == corrections, "and nothing is kept of it")
    # undone: as if it had not been said
    change = {"key": '["1"]', "column": "reading", "text": "ROME", "expected": "PARIS"}
    before = one("SELECT count(*) FROM hwr.correction")
    ok(anna.send("PUT", "tables", "public", "itself", "text", json_body=change)[0] == 200 and one("SELECT count(*) FROM hwr.correction") == before + 1, "a correction")
    undo = ("DELETE", "tables", "public", "itself", "text")
    ok(anna.send(*undo, key='["1"]', column="reading")[2] == {"done": True} and one("SELECT reading FROM itself") == "PARIS" and
       one("SELECT count(*) FROM hwr.correction") == before, "is undone, and is no other correction")
    refused(anna.send(*undo, key='["1"]', column="reading"), 409, "only one's own")
    refused(ben.send(*undo, key='["1"]', column="reading"), 404, "nor another's table")
    refused(anna.send("DELETE", "tables", "public", "forms", "text", key='["1"]', column="reading"), 409, "nor where nothing is kept")
    database.execute("DROP TABLE itself")


def test_confirming_marks():
    """Where a column says that a person has seen a row, that is said of a confirmed one too, and taken back with it; all or nothing."""
    database.execute("CREATE TABLE itself (id integer PRIMARY KEY, image bytea, reading text, seen boolean DEFAULT false)")
    database.execute("ALTER TABLE itself OWNER TO anna")
    one("SELECT hwr_attach('itself', model => 'names')")
    database.execute("INSERT INTO itself VALUES (1, %s, 'LYON')", [picture])
    change = {"key": '["1"]', "column": "reading", "text": "LYON", "expected": "LYON", "checked_column": "seen"}
    undo = {"key": '["1"]', "column": "reading", "checked_column": "seen"}

    def state():
        return one("SELECT seen FROM itself"), one("SELECT count(*) FROM hwr.correction")

    before = state()
    ok(anna.send("PUT", "tables", "public", "itself", "text", json_body=change)[0] == 200 and state() == (True, before[1] + 1),
       "a row that is confirmed is marked as seen", state())
    ok(anna.send("DELETE", "tables", "public", "itself", "text", **undo)[0] == 200 and state() == before, "and unmarked, undone", state())
    database.execute("REVOKE UPDATE ON itself FROM anna")
    database.execute("GRANT UPDATE (reading) ON itself TO anna")
    refused(anna.send("PUT", "tables", "public", "itself", "text", json_body=change), 403, "who may not mark a row does not confirm it so", "42501")
    ok(state() == before, "and nothing of it stays", state())
    database.execute("DROP TABLE itself")


def test_odd_keys():
    """Keys in another order than the table's columns, with included columns, of types whose texts depend on what a role has set."""
    database.execute("""CREATE TABLE days (n integer, image bytea, reading text, "b c" text, ink hwr_posterior, day date, at timestamptz, f float8,
        PRIMARY KEY ("b c", day, n, at, f) INCLUDE (reading))""")
    database.execute("INSERT INTO days SELECT id, image, 'LYON', 'a', hwr_posterior(image, 'names'), '2026-12-31', '2026-01-02 03:04:05+06', 1 / 3.0 FROM words WHERE id = 3")
    database.execute("ALTER TABLE days OWNER TO anna")
    for setting in ("DateStyle = 'SQL, DMY'", "IntervalStyle = sql_standard", "TimeZone = 'America/Lima'", "extra_float_digits = -10", "standard_conforming_strings = off"):
        database.execute("ALTER ROLE anna SET " + setting)
    her = Client(url, "anna", "anna's password")
    ok(all(her.get(page)[0] == 200 for page in ("tables", "models", "jobs", "attached", "monitor")), "the pages of a role with settings of its own")
    word = one("SELECT hwr_text(ink) FROM days").lower()
    # read for the queue
    status, _, content = her.get("review", "public", "days", text="reading")
    ok(status == 200 and len(content["rows"]) == 1, "a queue that is read", content)
    # and of a table that reads itself
    one("SELECT hwr_attach('days', existing => false)")
    database.execute("UPDATE days SET reading = 'LYON'")
    hits = her.get("search", "public", "days", q=word)[2]
    queue = her.get("review", "public", "days", text="reading")
    for name, row in (("a search", hits[0]), ("the queue", content["rows"][0])):
        key = row["key"]
        ok(her.get("tables", "public", "days", "image", key=key)[0] == 200, f"the picture of a row that {name} found", key)
        change = {"key": key, "column": "reading", "text": "LYON", "expected": "LYON"}
        answer = her.send("PUT", "tables", "public", "days", "text", json_body=change)
        ok(answer[0] == 200, f"it is confirmed, by {name}", (key, answer))
        answer = her.send("PUT", "tables", "public", "days", "text", json_body={**change, "text": "ROME"})
        ok(answer[0] == 200, f"and corrected, by {name}", (key, answer))
        ok(her.send("DELETE", "tables", "public", "days", "text", key=key, column="reading")[0] == 200, f"which is undone, by {name}")
    database.execute("ALTER ROLE anna RESET ALL")
    database.execute("DROP TABLE days")


def test_tables_that_read_themselves():
    database.execute("CREATE TABLE itself (id integer PRIMARY KEY, image bytea, reading text)")
    database.execute("ALTER TABLE itself OWNER TO anna")
    one("SELECT hwr_attach('itself', model => 'hers')")
    database.execute("SELECT hwr_pause('itself')")
    database.execute("INSERT INTO itself SELECT id, image FROM words WHERE id <= 40")
    ok(anna.get("review", "public", "itself")[2] == {"rows": [], "waiting": 0, "unread": 40}, "rows that nobody has read yet are told from none")
    database.execute("SELECT hwr_unpause('itself')")
    database.execute("CALL hwr_work()")
    found = [table for table in anna.get("attached")[2] if table["name"] == "itself"]
    ok(len(found) == 1 and found[0]["read"] == 40 and found[0]["mine"] and found[0]["may_improve"] and found[0]["trial"] is None, "a table that reads itself", found)
    ok("itself" not in {table["name"] for table in ben.get("attached")[2]}, "is nothing to another role")
    # pause
    ok(anna.send("PUT", "attached", "public", "itself", "paused", json_body={"paused": True})[0] == 204 and
       one("SELECT paused FROM hwr_attachments WHERE data = 'itself'::regclass"), "paused")
    ok(anna.send("PUT", "attached", "public", "itself", "paused", json_body={"paused": False})[0] == 204 and
       not one("SELECT paused FROM hwr_attachments WHERE data = 'itself'::regclass"), "and going on")
    refused(ben.send("PUT", "attached", "public", "itself", "paused", json_body={"paused": True}), 404, "not by another role")
    # a trial
    refused(anna.get("attached", "public", "itself", "trial"), 404, "nothing is on trial")
    trial = {"model": "names", "share": 0.5, "shadow": True}
    ok(anna.send("POST", "attached", "public", "itself", "trial", json_body=trial)[2].get("trial", 0) > 0, "a version is tried")
    status, _, compared = anna.get("attached", "public", "itself", "trial")
    ok(status == 200 and compared["model_b"] == "names" and compared["verdict"].startswith("too early"), "and compared", compared)
    refused(anna.send("POST", "attached", "public", "itself", "trial", json_body={"model": "nobody"}), 404, "not a model that is not there", "42704")
    refused(anna.send("POST", "attached", "public", "itself", "trial", json_body={"model": "names", "share": 2}), 422, "nor on more than all rows")
    ok(anna.send("DELETE", "attached", "public", "itself", "trial")[2] == {"done": True}, "it ends")
    ok(anna.send("DELETE", "attached", "public", "itself", "trial")[2] == {"done": False}, "once")
    # learning
    refused(anna.send("POST", "improvements", json_body={"model": "hers"}), 409, "nothing to learn from", "55000")
    database.execute("SET ROLE anna; UPDATE itself SET reading = w.label FROM words w WHERE w.id = itself.id; RESET ROLE")
    database.execute("SELECT hwr_confirm('itself', ARRAY[id::text]) FROM itself")
    lessons = anna.get("improvements", model="hers")[2]
    ok(lessons["corrections"] + lessons["held_out"] == 40 and lessons["held_out"] > 0, "corrections to learn from", lessons)
    status, _, content = anna.send("POST", "improvements", json_body={"model": "hers", "options": {"epochs": 1, "threads": 1}})
    ok(status == 201 and content["corrections"] == lessons["corrections"], "they are learned from", content)
    for _ in range(6000):
        job = anna.get("jobs", content["job"])[2]
        if job["state"] not in ("queued", "starting", "running"):
            break
        one("SELECT pg_sleep(0.1) IS NULL")
    ok(job["state"] == "done" and "activ" in job["message"] and "CER" in job["message"], "and what the gate decided is said", (job["state"], job["message"]))
    refused(ben.send("POST", "improvements", json_body={"model": "hers"}), 403, "not without the privilege", "42501")
    database.execute("SELECT hwr_detach('itself', forget => true)")
    database.execute("DROP TABLE itself")


def test_forms():
    """A filled form over a blank one that is a row of a table."""
    def file(name):
        with open(f"test/data/forms/{name}.jpg", "rb") as opened:
            return opened.read()

    database.execute("CREATE TABLE blanks (id integer PRIMARY KEY, title text, page bytea)")
    database.execute("INSERT INTO blanks VALUES (1, 'registration', %b), (2, 'another', %b)", [file("registration"), picture])
    database.execute("CREATE TABLE parts (name text, area box, kind text, cells integer)")
    database.execute("INSERT INTO parts VALUES ('family_name', '(55,132),(363,165)', NULL, NULL), ('married', '(301,322),(319,340)', 'tick', NULL)")
    database.execute("GRANT SELECT ON blanks, parts TO anna")
    forms = anna.get("forms")[2]
    ok({"schema": "public", "name": "parts"} in forms["fields"] and
       [blank["title"] for blank in forms["blanks"] if blank["name"] == "blanks"] == ["registration", "another"], "blank forms and fields that she may read", forms)
    ok(ben.get("forms")[2] == {"fields": [], "blanks": []}, "which others may not")
    where = {"schema": "public", "name": "blanks", "key": '["1"]', "fields": "parts"}
    status, _, content = anna.send("POST", "forms", image=file("scan"), **where)
    expected = database.execute("SELECT r.field, r.text FROM blanks b, hwr_read_form(%b::bytea, b.page, 'parts'::regclass, images => false) r WHERE b.id = 1",
                                [file("scan")]).fetchall()
    ok(status == 200 and [(field["field"], field["text"]) for field in content["fields"]] == expected and len(expected) == 2, "a form is read", content)
    ok(all(len(field["area"]) >= 4 and 0 <= field["area"][0][0] <= content["width"] for field in content["fields"]), "with the places of its fields")
    refused(anna.send("POST", "forms", image=file("scan"), **{**where, "key": '["2"]'}), 400, "a page that does not fit", "22000")
    refused(anna.send("POST", "forms", image=file("scan"), **{**where, "key": '["3"]'}), 404, "no such blank form")
    refused(anna.send("POST", "forms", image=file("scan"), **{**where, "fields": "pg_authid"}), 404, "fields that she may not read")
    refused(ben.send("POST", "forms", image=file("scan"), **where), 404, "a blank form that he may not read")
    database.execute("DROP TABLE blanks, parts")


def test_rows():
    status, _, content = anna.send("POST", "tables", "public", "forms", image=picture)
    ok(status == 201 and one("SELECT image FROM forms WHERE id = %s", int(content["key"].strip('[]"'))) == picture, "an image becomes a row", content)
    html = one("INSERT INTO forms (image) VALUES ('<script>alert(1)</script>') RETURNING id")
    status, headers, _ = anna.get("tables", "public", "forms", "image", key=f'["{html}"]')
    ok(status == 200 and headers["content-type"] == "application/octet-stream" and headers["content-disposition"] == "attachment",
       "bytes that are no picture are not shown", dict(headers))
    refused(anna.get("tables", "public", "forms", "image", key='["-1"]'), 404, "no such row")
    database.execute("DELETE FROM forms WHERE id = %s", [html])


def test_injection():
    forms = one("SELECT count(*) FROM forms")
    poison = ("forms; DROP TABLE forms; --", 'forms"; DROP TABLE forms; --', "forms' OR ''='", "pg_authid", "hwr.model", "", "\u0000")
    for name in poison:
        for answer in (anna.get("review", "public", name), anna.get("tables", "public", name, "image", key='["1"]'),
                       anna.get("search", "public", name, q="x"), anna.get("review", name, "forms")):
            ok(answer[0] in (400, 404, 405), f"a table called {name!r}", answer)
    for name in ("id", "image) FROM pg_authid --", 'x"', "ctid", "xmin"):
        refused(anna.get("tables", "public", "forms", "image", key='["1"]', column=name), 404, f"a column called {name!r}")
        refused(anna.get("review", "public", "forms", confidence=name), 404, f"a confidence called {name!r}")
    for key in ("1", '["1 OR true"]', '["1", "2"]', "[1]", '[null]', '{"a": 1}', "[[]]", '["1\'"]'):
        answer = anna.get("tables", "public", "forms", "image", key=key)
        ok(answer[0] in (400, 422), f"a key {key}", answer)
    for words in ("'", '"', "\\", "a) b)", "%", "_", "a' OR 'a", "(", ")", "!", "a | ", "\u0000"):
        answer = anna.get("search", "public", "forms", q=words)
        ok(answer[0] in (200, 400) and b"Traceback" not in str(answer[2]).encode(), f"looking for {words!r}", answer)
    ok(anna.get("search", "public", ODD, q="%", text="label")[2] == [], "in texts, % is a sign")
    for options in ({"preset": "'; DROP TABLE forms"}, {"epochs": "x"}, {"nonsense": 1}):
        refused(anna.send("POST", "jobs", json_body={"schema": "public", "name": "words", "model": "injected", "options": options}), 400,
                f"training options {options}", "22023")
    ok(one("SELECT count(*) FROM forms") == forms, "and the table is as it was")


def test_data_of_others():
    for name in ("forms", "words"):
        refused(ben.get("review", "public", name), 404, f"the queue of another's {name}")
        refused(ben.get("tables", "public", name, "image", key='["1"]'), 404, f"a picture of another's {name}")
        refused(ben.get("search", "public", name, q="lyon"), 404, f"words in another's {name}")
        refused(ben.send("POST", "tables", "public", name, image=picture), 404, f"a new row of another's {name}")
        refused(ben.send("POST", "jobs", json_body={"schema": "public", "name": name}), 404, f"a training on another's {name}")
    change = {"key": '["1"]', "column": "reading", "text": "ben was here", "expected": one("SELECT reading FROM forms WHERE id = 1")}
    refused(ben.send("PUT", "tables", "public", "forms", "text", json_body=change), 404, "a correction of another's row")
    # row-level security: of table shared he sees what is his
    ok(ben.get("review", "public", "shared", limit=200)[2]["waiting"] == 2 and anna.get("review", "public", "shared")[2]["waiting"] == 3,
       "each sees the rows that are his or hers")
    hers = one("SELECT id FROM shared WHERE owner = 'anna' LIMIT 1")
    refused(ben.get("tables", "public", "shared", "image", key=f'["{hers}"]'), 404, "a picture of a row that is not his")
    change = {"key": f'["{hers}"]', "column": "reading", "text": "ben was here", "expected": None}
    refused(ben.send("PUT", "tables", "public", "shared", "text", json_body=change), 409, "a correction of a row that is not his")
    ok(one("SELECT count(*) FROM forms WHERE reading = 'ben was here'") + one("SELECT count(*) FROM shared WHERE reading = 'ben was here'") == 0,
       "nothing was written")
    refused(ben.send("POST", "jobs", json_body={"schema": "public", "name": "shared"}), 403, "a training without the privilege", "42501")
    ok("hers" in {model["model"] for model in anna.get("models")[2]} and "hers" not in {model["model"] for model in ben.get("models")[2]},
       "a model is its owner's")
    refused(ben.send("POST", "readings", image=picture, model="hers"), 403, "reading with another's model", "42501")
    refused(ben.send("POST", "models", "hers", "activate", json_body={"version": 1}), 403, "activating another's model", "42501")


def test_jobs():
    options = {"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "epochs": 10000, "patience": 0}
    status, _, content = anna.send("POST", "jobs", json_body={"schema": "public", "name": "words", "model": "endless", "options": options})
    ok(status == 201, "a training starts", content)
    job = content["job"]
    ok(anna.get("jobs", job)[2]["state"] in ("queued", "starting", "running"), "and runs")
    ok(anna.get("jobs")[2][0]["job"] == job and ben.get("jobs")[2] == [], "the one who started it sees it")
    refused(ben.get("jobs", job), 404, "others do not")
    ok(ben.send("POST", "jobs", job, "cancel")[0] in (403, 404), "nor stop it", ben.send("POST", "jobs", job, "cancel"))
    ok(anna.send("POST", "jobs", job, "cancel")[2].get("done") is True, "it is cancelled")
    for _ in range(300):
        state = anna.get("jobs", job)[2]["state"]
        if state == "cancelled":
            break
        one("SELECT pg_sleep(0.1) IS NULL")
    ok(state == "cancelled", "and ends", state)
    ok(anna.send("POST", "jobs", job, "cancel")[2].get("done") is False, "once")


def test_models_and_monitor():
    ok(anna.get("models", "hers", "metrics")[0] == 200 and anna.get("models", "hers", "confusions")[0] == 200, "figures of a model")
    ok(anna.send("POST", "models", "hers", "activate", json_body={"version": 1})[0] == 204 and
       one("SELECT version FROM hwr_models WHERE model = 'hers' AND active") == 1, "a version is activated")
    refused(anna.send("POST", "models", "hers", "activate", json_body={"version": 9}), 404, "a version that is not there", "42704")
    status, _, content = anna.get("monitor")
    ok(status == 200 and {"readings", "running", "devices", "service", "queue", "drift"} <= set(content), "the monitor", content)
    word = one("SELECT reading FROM forms WHERE reading ~ '^[A-Z]{2,}$' ORDER BY hwr_relevance(ink, reading) DESC LIMIT 1")
    hits = anna.get("search", "public", "forms", q=word.lower())[2]
    ok(len(hits) > 0 and all(hit["relevance"] >= 0.3 and hit["spots"] for hit in hits), "a word in the ink", hits)
    same = ('{0} | "a - b"', '!!{0}', '({0})', '!zzz {0}', '{0}!zzz', '!(zzz | zz){0}', '"{0}"', '{0} | x\\|y')
    for query in (query.format(word.lower()) for query in same):
        found = anna.get("search", "public", "forms", q=query)
        ok(found[0] == 200 and [(hit["key"], hit["spots"]) for hit in found[2]] == [(hit["key"], hit["spots"]) for hit in hits], f"the same with {query}", found)
    found = anna.get("search", "public", "forms", q=f"!(zzz {word})")
    ok(found[0] == 200 and found[2] and not any(hit["spots"] for hit in found[2]), "what is not to be there is not marked", found)


def test_many_sessions():
    """A role has its own number of sessions; with one more, its oldest ends, and nobody else's."""
    clients = [Client(url, "ben", "ben's password") for _ in range(11)]
    ok(clients[0].get("session")[0] == 401 and all(client.get("session")[0] == 200 for client in clients[1:]), "the session that was used the longest ago ends")
    ok(anna.get("session")[0] == 200, "and not another role's")


def test_logging_out():
    carla = Client(url, "anna", "anna's password")
    ok(carla.send("DELETE", "session")[0] == 204 and carla.get("session")[0] == 401, "a session ends, whoever has its cookie")
    ok(anna.get("session")[0] == 200, "others go on")
    stranger = Client(url)
    stranger.cookie = "hwr_desk=" + "A" * 43
    ok(stranger.get("session")[0] == 401, "a cookie cannot be made up")


run(test_logging_in, test_every_call_asks_who_it_is, test_other_sites, test_headers, test_limits, test_reading, test_tables, test_domains, test_review,
    test_confirming, test_confirming_marks, test_odd_keys, test_tables_that_read_themselves, test_forms, test_rows,
    test_injection, test_data_of_others, test_jobs, test_models_and_monitor, test_many_sessions, test_logging_out)
