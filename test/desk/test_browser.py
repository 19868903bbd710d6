"""The desk's pages in headless Chromium, used as a person does.  Arguments: the desk's address, a superuser's connection string."""
import json
import os
import sys
import tempfile
import time

import psycopg
from browser import chromium, find, press, resize, text, wait, write
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select
from tap import diag, ok, run

url, superuser = sys.argv[1:3]
database = psycopg.connect(superuser, autocommit=True, client_encoding="UTF8")
PAGES = ("write", "upload", "review", "search", "models", "train", "tables", "monitor")
WORD = "ANNA"


def one(statement, *values):
    return database.execute(statement, values).fetchone()[0]


def go(page):
    browser.get(f"{url}/{page}")
    wait(browser, lambda: text(browser, "#who"))


def choose(selector, value):
    wait(browser, lambda: Select(find(browser, selector)).select_by_visible_text(value) or True)


def click(selector):
    """As soon as it is there and nothing moves it."""
    wait(browser, lambda: find(browser, selector).click() or True)


def errors():
    """What the browser itself complains of, since the last time."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]


def test_log_in():
    browser.get(url + "/review")
    wait(browser, lambda: "/login?to=" in browser.current_url)
    ok(True, "who is not logged in comes to the login")
    find(browser, "#role").send_keys("anna")
    find(browser, "#password").send_keys("wrong", Keys.ENTER)
    ok(wait(browser, lambda: "password authentication failed" in text(browser, "#problem")), "a wrong password is told")
    find(browser, "#password").clear()
    find(browser, "#password").send_keys("anna's password", Keys.ENTER)
    ok(wait(browser, lambda: browser.current_url == url + "/review" and text(browser, "#who") == "anna @ postgres"), "and then to the page")
    ok("password" not in browser.current_url and browser.execute_script("return document.cookie") == "", "no secret in the address or for scripts")
    errors()


def test_write():
    go("write")
    choose("#model", "default")
    write(browser, WORD)
    ok(wait(browser, lambda: text(browser, "#reading") == WORD or WORD in [row.text.split("\n")[0] for row in others()]), f"{WORD} is written and read",
       wait(browser, lambda: (text(browser, "#reading"), [row.text for row in others()])))
    ok(wait(browser, lambda: text(browser, "#meter .figure").endswith("%") and len(others()) == 5), "with its confidence and other readings")
    wait(browser, lambda: WORD[0] in find(browser, "#spoken").get_attribute("textContent"))
    ok(True, "and spoken")
    times = []
    for _ in range(5):
        press(browser, Keys.CONTROL + "z", Keys.NULL)
        before = text(browser, "#timing")
        write(browser, "I")
        wait(browser, lambda: text(browser, "#timing") != before or True)
        times.append(float(find(browser, "#timing").get_attribute("data-milliseconds") or 0))
    diag(f"read in {sorted(times)[2]:.0f} ms (median of {len(times)})")
    press(browser, Keys.ESCAPE)
    ok(wait(browser, lambda: "Nothing written" in text(browser, "#reading")), "Escape clears the paper")
    for pointer in ("touch", "pen"):
        write(browser, "LA", pointer=pointer)
        ok(wait(browser, lambda: "Nothing" not in text(browser, "#reading") and text(browser, "#timing")), f"one writes with a {pointer}")
        for _ in range(3):
            click("#undo")
        ok(wait(browser, lambda: "Nothing written" in text(browser, "#reading")), "and undoes stroke by stroke")


def others():
    return browser.find_elements("css selector", "#others li")


def row_of_queue():
    """The number of the row that a person should see first, as the table says."""
    return database.execute("SELECT id, reading FROM forms WHERE NOT checked AND confidence IS NOT NULL ORDER BY confidence LIMIT 1").fetchone()


def test_review_by_keyboard():
    go("review")
    choose("#table", "forms")
    wait(browser, lambda: "/forms/" in find(browser, "#crop").get_attribute("src") and len(browser.find_elements("css selector", "#alternatives li")) == 5)
    first, reading = row_of_queue()
    ok(find(browser, "#box").get_attribute("value") == (reading or ""), "the least certain row comes first")
    wait(browser, lambda: browser.execute_script("const i = document.getElementById('crop'); return i.complete && i.naturalWidth > 0"))
    press(browser, Keys.ESCAPE)
    third = browser.find_elements("css selector", "#alternatives .text")[2].text
    press(browser, "3")
    ok(wait(browser, lambda: one("SELECT reading FROM forms WHERE id = %s AND checked", first) == third), f"3 takes the third alternative, {third}")
    wait(browser, lambda: "Saved" in text(browser, "#status"))
    press(browser, "u")
    ok(wait(browser, lambda: database.execute("SELECT reading, checked FROM forms WHERE id = %s", [first]).fetchone() == (reading, False)), "U undoes it")
    ok(wait(browser, lambda: find(browser, "#box").get_attribute("value") == (reading or "")), "and shows it again")
    press(browser, "e")
    press(browser, "Zoë & <b>Söhne</b> 12", Keys.ENTER)
    ok(wait(browser, lambda: one("SELECT reading FROM forms WHERE id = %s AND checked", first) == "Zoë & <b>Söhne</b> 12"), "a text is typed, digits too, and saved")
    second, reading = row_of_queue()
    wait(browser, lambda: find(browser, "#box").get_attribute("value") == (reading or ""))
    ok("“Zoë & <b>Söhne</b> 12”" in text(browser, "#status"), "what was saved is told, as text")
    press(browser, Keys.ESCAPE)
    press(browser, "s")
    ok(wait(browser, lambda: "Skipped" in text(browser, "#status")) and not one("SELECT checked FROM forms WHERE id = %s", second), "S skips a row")
    press(browser, Keys.ENTER)
    ok(wait(browser, lambda: one("SELECT count(*) FROM forms WHERE checked") == 2), "Enter confirms what stands there")
    database.execute("UPDATE forms SET reading = 'by another person' WHERE id = (SELECT id FROM forms WHERE NOT checked AND confidence IS NOT NULL"
                     " AND id <> %s ORDER BY confidence LIMIT 1)", [second])
    time.sleep(0.3)
    press(browser, "1")
    ok(wait(browser, lambda: "Somebody else" in text(browser, "#problem")), "what another person has changed meanwhile is not overwritten")
    ok(one("SELECT count(*) FROM forms WHERE reading = 'by another person'") == 1, "and stays")
    ok(wait(browser, lambda: find(browser, "#box").get_attribute("value") == "by another person"), "and is what one sees then")
    press(browser, Keys.ENTER)
    ok(wait(browser, lambda: one("SELECT checked FROM forms WHERE reading = 'by another person'")), "to go on with")
    errors()


def test_train():
    go("train")
    choose("#table", "words")
    for selector, value in (("#name", "trained"), ("#epochs-wanted", "10000")):
        find(browser, selector).clear()
        find(browser, selector).send_keys(value)
    click("#start summary")
    find(browser, "#options").send_keys(json.dumps({"architecture": "[1,32,96,1 Cr3,3,8 Mp4,4 Cr3,3,16 Mp8,1 Lbx16", "patience": 0}))
    click("#start button.main")
    ok(wait(browser, lambda: text(browser, "#state") == "running"), "a training starts")
    ok(wait(browser, lambda: int(find(browser, "#loss").get_attribute("data-epochs")) >= 2), "its curve appears")
    before = int(find(browser, "#loss").get_attribute("data-epochs"))
    drawn = find(browser, "#loss path.b").get_attribute("d")
    ok(wait(browser, lambda: int(find(browser, "#loss").get_attribute("data-epochs")) > before and find(browser, "#loss path.b").get_attribute("d") != drawn),
       "and grows")
    ok(find(browser, "#loss svg").get_attribute("aria-label") and len(browser.find_elements("css selector", "#epochs tbody tr")) > 1, "with its numbers in a table")
    click("#cancel")
    ok(wait(browser, lambda: text(browser, "#state") == "cancelled"), "it is cancelled")
    ok(one("SELECT state FROM hwr_jobs WHERE model = 'trained' ORDER BY job DESC LIMIT 1") == "cancelled", "in the database too")
    find(browser, "#epochs-wanted").clear()
    find(browser, "#epochs-wanted").send_keys("2")
    click("#start button.main")
    ok(wait(browser, lambda: text(browser, "#state") == "done"), "a short one ends")
    ok(wait(browser, lambda: "version 1" in text(browser, "#phase")) and one("SELECT count(*) FROM hwr_models WHERE model = 'trained'") == 1, "and is a version")


def test_search_upload_models_monitor():
    go("search")
    choose("#table", "forms")
    word = one("SELECT hwr_text(ink) FROM forms WHERE hwr_text(ink) ~ '^[A-Z]{2,}$' ORDER BY hwr_relevance(ink, hwr_text(ink)) DESC LIMIT 1")
    find(browser, "#q").send_keys(word.lower(), Keys.ENTER)
    ok(wait(browser, lambda: find(browser, ".hits mark").rect["width"] > 10), "a word is found and marked in the picture")
    go("upload")
    ok(wait(browser, lambda: "at most 32 MB" in text(browser, ".dropped")), "how long an image may be")
    find(browser, "#file").send_keys(os.path.abspath("test/data/words/00003.jpg"))
    browser.execute_script("document.querySelector('input[value=line]').click()")
    click("#read")
    ok(wait(browser, lambda: text(browser, "#lines .text")) == one("SELECT hwr_recognize(%b::bytea)", open("test/data/words/00003.jpg", "rb").read()),
       "an image is read")
    before = one("SELECT count(*) FROM forms")
    choose("#store select", "forms")
    click("#store button")
    ok(wait(browser, lambda: one("SELECT count(*) FROM forms") == before + 1), "and becomes a row")
    go("models")
    wait(browser, lambda: find(browser, ".model table"))
    button = browser.find_element("xpath", "//article[h2='hers' or .//h2='hers']//button[.='Activate']")
    button.click()
    wait(browser, lambda: find(browser, "dialog[open] button[value=yes]").is_displayed())
    active = one("SELECT version FROM hwr_models WHERE model = 'hers' AND active")
    click("dialog[open] button[value=yes]")
    ok(wait(browser, lambda: one("SELECT version FROM hwr_models WHERE model = 'hers' AND active") != active), "another version is activated")
    go("monitor")
    ok(wait(browser, lambda: int(text(browser, ".tile strong").replace(",", "")) > 0), "the monitor counts")
    ok(errors() == [], "no errors of the browser")


def test_form():
    """A filled form is laid over a blank one."""
    with open("test/data/forms/registration.jpg", "rb") as blank:
        database.execute("CREATE TABLE blanks (id integer PRIMARY KEY, title text, page bytea)")
        database.execute("INSERT INTO blanks VALUES (1, 'registration', %b)", [blank.read()])
    database.execute("CREATE TABLE parts AS SELECT * FROM (VALUES ('family_name', box '(55,132),(363,165)', NULL), ('married', '(301,322),(319,340)', 'tick')) f (name, area, kind)")
    database.execute("GRANT SELECT ON blanks, parts TO anna")
    go("upload")
    find(browser, "#file").send_keys(os.path.abspath("test/data/forms/scan.jpg"))
    browser.execute_script("document.querySelector('input[value=form]').click()")
    choose("#blank", "blanks: registration")
    choose("#fields", "parts")
    choose("#model", "hers")        # a small one
    click("#read")
    ok(wait(browser, lambda: [name.text for name in browser.find_elements("css selector", "#lines .name")] == ["family_name", "married"]), "a form's fields are read")
    ok(len(browser.find_elements("css selector", ".picture polygon")) == 2, "and drawn on the page")
    database.execute("DROP TABLE blanks, parts")
    ok(errors() == [], "no errors of the browser")


def test_tables():
    """A table that reads itself: corrected and undone, tried, learned from."""
    database.execute("CREATE TABLE itself (id integer PRIMARY KEY, image bytea, reading text)")
    database.execute("ALTER TABLE itself OWNER TO anna")
    database.execute("SELECT hwr_attach('itself', model => 'hers')")
    database.execute("SELECT hwr_pause('itself')")
    database.execute("INSERT INTO itself SELECT id, image FROM words WHERE id <= 40")
    go("review")
    choose("#table", "itself")
    ok(wait(browser, lambda: "40 rows are still to be read" in text(browser, "#empty")), "rows that are still to be read are told from none")
    database.execute("SELECT hwr_unpause('itself')")
    database.execute("CALL hwr_work()")
    wait(browser, lambda: one("SELECT sum(waiting + running) = 0 FROM hwr_queue"))
    wait(browser, lambda: "/itself/" in find(browser, "#crop").get_attribute("src") and len(browser.find_elements("css selector", "#alternatives li")) == 5)
    press(browser, Keys.ESCAPE)
    press(browser, "2")
    ok(wait(browser, lambda: one("SELECT count(*) FROM hwr.correction") == 1), "a correction is kept")
    wait(browser, lambda: "Saved" in text(browser, "#status"))
    press(browser, "u")
    ok(wait(browser, lambda: one("SELECT count(*) FROM hwr.correction") == 0), "undone, it is none")
    database.execute("SELECT hwr_confirm('itself', ARRAY[id::text]) FROM itself WHERE id > 1")
    go("tables")
    ok(wait(browser, lambda: "39" in text(browser, ".attached .figures")), "the table's figures")
    click(".attached .try")
    wait(browser, lambda: find(browser, "dialog[open]"))
    choose("#trial #model", "names")
    click("dialog[open] button[value=yes]")
    ok(wait(browser, lambda: "too early" in text(browser, ".attached .verdict")), "a version is tried and compared")
    ok(one("SELECT count(*) FROM hwr_trials WHERE model = 'names' AND ended IS NULL AND shadow AND share = 0.2") == 1, "in the shadow of a fifth of the rows")
    click(".attached .end")
    ok(wait(browser, lambda: "has ended" in text(browser, "#status")), "and ended")
    click(".attached .learn")
    ok(wait(browser, lambda: "CER" in text(browser, ".attached [role=status]")), "it learns from corrections, and says what the gate decided",
       text(browser, ".attached [role=status]"))
    database.execute("SELECT hwr_detach('itself', forget => true)")
    database.execute("DROP TABLE itself")
    ok(errors() == [], "no errors of the browser")


def test_pages_for_everybody():
    with open(os.path.join(os.path.dirname(__file__), "page_checks.js"), encoding="utf-8") as file:
        checks = file.read()
    for width, height, name in ((1280, 900, "a desk"), (390, 844, "a telephone")):
        for dark in (False, True):
            resize(browser, width, height, dark)
            for page in PAGES:
                go(page)
                if page == "review":
                    wait(browser, lambda: browser.find_elements("css selector", "#alternatives li"))
                if page == "train":
                    wait(browser, lambda: browser.find_elements("css selector", "#jobs tr"))
                problems = browser.execute_script(checks)
                ok(not problems, f"{page} on {name}, {'dark' if dark else 'light'}", problems)
    resize(browser, 1280, 900)
    go("write")
    press(browser, Keys.TAB)
    ok(browser.execute_script("return document.activeElement.className") == "skip", "the first Tab leads past the bar")
    ok(find(browser, "nav a[aria-current]").text == "Write", "the bar says which page it is")
    browser.get(url + "/api")
    ok(wait(browser, lambda: len(browser.find_elements("css selector", ".call")) > 20), "the API describes itself")
    ok(errors() == [], "no errors of the browser")


def test_log_out():
    go("write")
    click("#leave")
    ok(wait(browser, lambda: browser.current_url == url + "/login"), "logged out")
    browser.get(url + "/models")
    ok(wait(browser, lambda: "/login?to=" in browser.current_url), "and out of everything")


with tempfile.TemporaryDirectory() as folder:
    browser = chromium(folder)
    try:
        run(test_log_in, test_write, test_review_by_keyboard, test_train, test_search_upload_models_monitor, test_form, test_tables, test_pages_for_everybody, test_log_out)
    finally:
        browser.quit()
