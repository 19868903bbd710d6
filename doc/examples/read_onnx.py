"""Read images of a line with a file made by hwr_export_model(..., format => 'onnx').

usage: read_onnx.py MODEL.onnx IMAGE...

Needs onnxruntime, numpy and pillow.  canvas() does what hwr_canvas does with a plain picture: one kind of paper, evenly
lit; what hwr does about shadows, ruled lines and empty paper is left out.
"""
import json
import math
import sys

import numpy as np
import onnxruntime
from PIL import Image, ImageOps


def ink_of(grey):
    """Ink of grey values [h][w]: 0 paper .. 255."""
    low, paper, high = np.percentile(grey, (1, 50, 99), method="inverted_cdf")
    dark_ink = paper - low >= high - paper
    contrast = max(paper - low if dark_ink else high - paper, 32)
    return np.clip(255 * (paper - grey if dark_ink else grey - paper) / contrast, 0, 255)


def line_rows(ink):
    """The rows of ink [h][w] that a model whose "fit" is "line" looks at: first, and the one behind the last."""
    h = len(ink)
    counts = np.where(ink >= 85, ink, 0)
    sums = counts.sum(axis=1)
    within = [np.flatnonzero(sums >= share * sums.max()) for share in (0.04, 0.5)]
    first, rows = within[0][0], within[0][-1] + 1 - within[0][0]
    inked = counts[first:first + rows] > 0
    columns = inked.any(axis=0).sum()
    if h < 16 or sums.max() == 0 or rows < 0.06 * h or inked.sum() > 0.6 * columns * rows:
        return 0, h
    wanted = max(rows * 1.5, 2 * (within[1][-1] + 1 - within[1][0]), h / (1 + columns / rows))
    middle = first + rows / 2
    return (max(math.floor(middle - wanted / 2), 0), min(math.ceil(middle + wanted / 2), h)) if wanted < h else (0, h)


def canvas(image, meta):
    """The picture as ink [H][W], 0 paper .. 255 ink."""
    height, width, step, widest = (int(meta[k]) for k in ("height", "width", "width_step", "max_width"))
    if meta["fit"] == "kraken-box":
        sys.exit("This model's lines are straightened first: take the canvas from the database (hwr_canvas).")
    image = ImageOps.exif_transpose(image).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("L")
    if meta["fit"] == "kraken":
        columns, margin = max(1, image.width * height // image.height), int(meta["margin"])
        return np.pad(255 - np.asarray(image.resize((columns, height), Image.LANCZOS)), ((0, 0), (margin, margin)))
    grey = np.asarray(image, np.float32)
    ink = ink_of(grey)
    if meta["fit"] == "line":
        top, bottom = line_rows(np.rint(ink))
        ink = ink_of(grey[top:bottom])
    h, w = ink.shape
    natural = max(1, (w * height + h // 2) // h)
    room = width or min(-(-natural // step) * step, widest)
    if meta["fit"] == "stretch":
        natural, rows = room, height
    else:
        rows = height if natural <= room else min(height, max(1, (h * room + w // 2) // w))
    small = Image.fromarray(ink.astype(np.float32)).resize((min(natural, room), rows), Image.BILINEAR)
    out = np.zeros((height, room), np.uint8)
    top = (height - rows) // 2
    out[top:top + rows, :small.width] = np.asarray(small) + 0.5
    return out


def text_of(classes, meta):
    """Classes that are not one character stand for the texts of "spellings", if there are any."""
    spellings = json.loads(meta.get("spellings", '{"plane": 0, "texts": {}}'))
    texts = {tuple(spelt): text for text, spelt in spellings["texts"].items()}
    text, i = "", 0
    while i < len(classes):
        character, n = meta["alphabet"][classes[i] - 1], 1
        if spellings["plane"] and ord(character) >> 16 == spellings["plane"]:
            character, n = next(((texts[spelt], len(spelt)) for spelt in texts if tuple(classes[i:i + len(spelt)]) == spelt), ("", 1))
        text, i = text + character, i + n
    return text


def read(session, ink):
    """The text of a canvas [H][W]: the best class a step, runs merged, blanks dropped."""
    meta = session.get_modelmeta().custom_metadata_map
    best = session.run(["log_posteriors"], {"canvas": ink[None]})[0][0].argmax(1)
    changed = np.concatenate(([True], best[1:] != best[:-1]))
    return text_of([k for k in best[changed] if k != int(meta["blank"])], meta)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
    for path in sys.argv[2:]:
        print(read(session, canvas(Image.open(path), session.get_modelmeta().custom_metadata_map)))
