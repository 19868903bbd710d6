"""Reading what a person writes or uploads; nothing is kept."""
import time

from fastapi import APIRouter, Depends, Query

from ..security import image_body, session

router = APIRouter(prefix="/api", tags=["reading"])

MODEL = Query(None, max_length=200, description="default, unless another is named")

NBEST = """
SELECT rank, text, confidence, characters FROM hwr_recognize_nbest(%(image)s::bytea, %(n)s::integer, %(model)s::text) ORDER BY rank
"""

# Places as JSON: [[x, y], ...] in pixels of the upright page.
_PAGE = """
SELECT line, region, text, confidence, outline::text AS outline, baseline::text AS baseline
  FROM hwr_read_page(%(image)s::bytea, %(model)s::text, %(turn)s::integer, %(right_to_left)s::boolean) ORDER BY line
"""


@router.post("/readings")
def read(image=Depends(image_body), model: str = MODEL, n: int = Query(5, ge=1, le=20), me=Depends(session)):
    """The most probable texts of an image of one line, best first."""
    started = time.perf_counter()
    rows = me.database.rows(NBEST, {"image": image, "n": n, "model": model})
    return {"readings": rows, "milliseconds": round(1000 * (time.perf_counter() - started), 1)}


@router.post("/pages")
def read_page(image=Depends(image_body), model: str = MODEL, turn: int = Query(0, description="0, 90, 180 or 270 degrees clockwise"),
              right_to_left: bool = False, me=Depends(session)):
    """The lines of a page in reading order, with their outlines and readings."""
    started = time.perf_counter()
    values = {"image": image, "model": model, "turn": turn, "right_to_left": right_to_left}
    size = me.database.row("SELECT width, height FROM hwr_image_size(%(image)s::bytea)", values)
    lines = me.database.rows(_PAGE, values)
    for line in lines:
        line["outline"], line["baseline"] = points(line["outline"]), points(line["baseline"])
    return {**size, "lines": lines, "milliseconds": round(1000 * (time.perf_counter() - started), 1)}


def points(text):
    """The points of PostgreSQL's polygon or path, ((1,2),(3,4)) or [(1,2),(3,4)]."""
    if text is None:
        return None
    numbers = [float(number) for number in text.translate(str.maketrans("()[]", "    ")).split(",")]
    return [[x, y] for x, y in zip(numbers[::2], numbers[1::2])]
