#!/usr/bin/env python3
"""Small models of kraken's and what kraken's networks make of a canvas, for test/unit/model/test_kraken.c;
what kraken makes of lines cut out as boxes, for test/unit/image/test_centerline.c; the order of texts from right to left, for
test/unit/text/test_bidi.c; what its codecs make of texts and labels, for test/unit/model/test_kraken_codec.c.

usage: make_kraken.py

Needs kraken 7 (pip install kraken).  Writes test/data/kraken/NAME.safetensors and .mlmodel test/unit/data/kraken_values.h, centerline_values.h, bidi_values.h and
kraken_codec_values.h.
The models are untrained: their weights come from the formula of reference.py.
"""

import json
import logging
import os
import re
import sys
import unicodedata
import warnings
from random import Random

sys.dont_write_bytecode = True
warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import numpy as np
import torch
from PIL import Image
from kraken.lib.bidi import get_display_map
from kraken.lib.codec import PytorchCodec
from kraken.lib.dataset import ImageInputTransforms
from kraken.lib.vgsl import TorchVGSLModel
from kraken.models.writers import write_coreml, write_safetensors

from reference import Header, bits, values

TESTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
MODELS_DIR = os.path.join(TESTS, "data", "kraken")
WIDTH = 61

# Every kind of layer, in networks of the shapes that are in use.
MODELS = {
    "default": "[1,24,0,1 Cr3,13,4 Do0.1,2 Mp2,2 Cr3,9,6 Do0.1,2 Mp2,2 Cr3,9,5 Do0.1,2 S1(1x0)1,3 Lbx6 Do0.1,2 Lbx5 Do O1c9]",
    "group": "[1,24,0,1 Cr3,3,8,2,2 Gn4 Cr3,3,6,2,2 Gn3 S1(1x0)1,3 Lbx5 O1c7]",
    "stacked": "[1,16,0,1 Cr4,2,6,4,2 Gn2 Cs3,3,4 S1(1x0)1,3 O1l5 O1ca8]",
    "dilated": "[1,20,0,1 Clr3,5,4,1,2,2,3 Ct4,3,5,3,1,1,2 Cm3,3,6 Mp2,3,2,1 Cl1,1,3 S1(0x1)3,1 Lfx4 Lrx5 O1c6]",
    "summary": "[1,18,0,1 Cr3,3,4 Mp2,2 Lfys6 Lbx4 O1c6]",
    "summary_both": "[1,18,0,1 Cr{conv}3,3,4 Mp{pool}2,2 Lbys{down}5 Do{drop}0.2,1 Lfx{across}4 O{out}1c6]",
    "residual": "[1,16,0,1 Cr3,3,6 ([Cr3,3,6 Gn2 Cl3,3,6] I) A3,6 Mp2,2 (Cr3,3,4 ([Cr5,3,2 (I Ct1,3,3)] Cl1,1,2) [I]) S1(1x0)1,3 (Lbx4 [O1l3 Lfx2]) [Do0.1,1 Lbx3] O1c7]",
    "columns": "[1,1,0,12 Lbxc5 Gbx3 O1c6]",
}

OLDER = ["group", "summary_both"]       # also as .mlmodel, for tools/from-kraken


def fill(net):
    for i, p in enumerate(net.parameters()):
        x = torch.tensor(values(1000 + i, *p.shape), dtype=torch.float32)
        fan = p[0].numel() if p.dim() > 1 else 0
        p.data = x * (3.0 / fan) ** 0.5 if fan else 0.3 * x + (1 if "weight" in list(net.state_dict())[i] and p.dim() == 1 else 0)


# Of pictures of lines: width, height, height of the canvas
LINES = [[200, 40, 48], [413, 57, 48], [97, 33, 30], [640, 21, 48], [60, 90, 36], [1, 24, 12], [15, 3, 12], [1200, 64, 120], [40, 2, 8]]


def line_picture(i, w, h):
    """A wavy line of ink on grained paper; test_centerline.c draws the same."""
    x, y = np.meshgrid(np.arange(w), np.arange(h))
    r = bits(7000 + i, w * h).reshape(h, w).astype(np.int64)
    wave = np.abs(x * 4 % (4 * h) - 2 * h)                  # 0 .. 2h
    middle = h // 4 + wave * h // (4 * h)                   # h/4 .. 3h/4
    inked = (np.abs(y - middle) * 7 < h) & (r % 3 == 0)
    return np.where(inked, 20 + r // 8 % 60, 200 + r // 8 % 50).astype(np.uint8)


def make_centerline():
    rows = []
    for i, (w, h, height) in enumerate(LINES):
        transform = ImageInputTransforms(1, height, 0, 1, (16, 0), True)
        try:
            ink = np.rint(transform(Image.fromarray(line_picture(i, w, h))).numpy()[0] * 255).astype(np.uint8)
        except Exception as problem:
            print(w, h, height, problem)
            continue
        if ink.shape[1] <= 32:                  # of a line narrower than a column nothing is left there
            continue
        code = 2166136261
        for v in ink.tobytes():
            code = (code ^ v) * 16777619 & 0xFFFFFFFF
        rows.append([i, w, h, height, ink.shape[1], code])
    out = Header(os.path.join(TESTS, "unit", "data", "centerline_values.h"), "CENTERLINE_VALUES_H", "Hashes of canvases that kraken makes of lines cut out as boxes")
    out.lines[1] = "/* Written by test/reference/make_kraken.py with kraken. */"
    out.define("CENTERLINE_CASES", len(rows))
    out.lines.append("/* picture, its width and height, the canvas's height and width, its hash */")
    out.table("unsigned", "centerline_cases", rows)
    out.write()


# Hebrew, Arabic, Syriac; numbers of both kinds, Latin words, brackets, points and marks between, blanks at the end.
TEXTS = ["abc (1) d", "שלום", "שלום עולם", "שלום (עולם)", "abc שלום def", "שלום abc 123 עולם", "123 שלום", "(שלום", "א(b)ג [ד] {ה}", "في ١٩٤٥ م",
         "السلام عليكم، 12.5%", "a ب 1 c", "ܫܠܡܐ ܥܠܡܐ", "בְּרֵאשִׁית", "שלום  ", "  שלום", "3-4 שלום 5/6", "«שלום» <b>", "A-שלום+1", "قال (نعم [لا] abc) ثم", "؟",
         "x ١٢ y", "א 1,000.50 ב", "$5 א 5$", "«a» א ‹b›", "((א))", "א)ב(ג"]


def make_bidi():
    out = Header(os.path.join(TESTS, "unit", "data", "bidi_values.h"), "BIDI_VALUES_H", "Texts in the order that kraken shows them in")
    out.lines[1] = "/* Written by test/reference/make_kraken.py with kraken. */"
    out.define("BIDI_CASES", len(TEXTS))
    out.lines.append("typedef struct BidiCase { const char *text; const char *shown; int n; int order[32]; } BidiCase;")
    out.lines.append("static const BidiCase bidi_cases[] = {")
    for text in TEXTS:
        shown, order = get_display_map(text)
        quoted = ['"%s"' % "".join("\\x%02x" % b for b in s.encode()) for s in (text, shown)]
        out.lines.append("\t{%s, %s, %d, {%s}}," % (*quoted, len(order), ", ".join(map(str, order))))
    out.lines.append("};")
    out.write()


# Labels for several characters, several labels for one, both; characters that compose, and those of a plane for private use.
CODECS = [
    {"a": [1], "c": [2], "h": [3], "ch": [4], "sch": [5], "s": [6], "x\u0304": [7], "cha": [8]},
    {"a": [1], "b": [2, 3], "c": [2, 4], "d": [5, 3], "e": [5, 4, 1]},
    {" ": [1], "\u00e9": [2], "e\u0301": [11], "e": [3], "ff": [4, 2], "f": [5], "ffi": [6], "\u00e4": [7, 7], "\U0001f642": [4, 3],
     "st": [8, 1], "\ue000": [9], "x\u0323\u0304": [12, 3, 3, 12]},
    {"\U000f0000": [1], "ab": [2], "a": [3], "b": [4, 3], "aba": [4, 2, 2]},
    {chr(0x4E00 + i): [1 + i // 8, 9 + i % 8] for i in range(60)},
]


def c_string(text):
    return '"%s"' % "".join("\\x%02x" % b for b in text.encode())


def make_codecs():
    """Random texts and labels, of each codec."""
    out = Header(os.path.join(TESTS, "unit", "data", "kraken_codec_values.h"), "KRAKEN_CODEC_VALUES_H", "What kraken's codecs make of texts and labels")
    out.lines[1] = "/* Written by test/reference/make_kraken.py with kraken. */"
    random = Random(1)
    codecs, texts, labels = [], [], []
    for i, c2l in enumerate(CODECS):
        codec = PytorchCodec(c2l)
        pieces = list(c2l) + sorted(set("".join(c2l))) + ["Q"]
        used = sorted({label for code in c2l.values() for label in code})
        codecs.append("\t{%s, %d}," % (c_string(json.dumps(c2l)), codec.max_label + 1))
        while len(texts) < 16 * (i + 1):
            text = "".join(random.choice(pieces) for _ in range(random.randrange(10)))
            if text == unicodedata.normalize("NFC", " ".join(text.split())):    # labels are so in hwr
                code = codec.encode(text).tolist()
                texts.append("\t{%d, %s, %d, {%s}}," % (i, c_string(text), len(code), ", ".join(map(str, code or [0]))))
        for _ in range(16):
            code = [label for _ in range(random.randrange(8)) for label in random.choice([*c2l.values(), [random.choice(used)]])]
            read = codec.decode([(label, 10 * at, 10 * at + 5, (at % 4 + 1) / 8) for at, label in enumerate(code)])
            labels.append("\t{%d, %d, {%s}, %s, %d, {%s}}," % (
                i, len(code), ", ".join(map(str, code or [0])), c_string("".join(c for c, *_ in read)), len(read),
                ", ".join("{%d, %d, %.9g}" % tuple(place) for _, *place in read or [(0, 0, 0, 0)])))
    out.lines += ["/* as JSON, and how many labels with the blank */",
                  "static const struct { const char *json; int classes; } codec_cases[] = {", *codecs, "};",
                  "/* codec, a text, its labels */",
                  "static const struct { int codec; const char *text; int n; int labels[48]; } encode_cases[] = {", *texts, "};",
                  "/* codec, labels, each read at 10 * i to 10 * i + 5 with confidence (i % 4 + 1) / 8; their text, and where its characters are */",
                  "static const struct { int codec; int n; int labels[48]; const char *text; int nchars; struct { int first, last; double confidence; } chars[48]; } decode_cases[] = {",
                  *labels, "};"]
    out.write()


def main():
    make_bidi()
    make_codecs()
    make_centerline()
    torch.set_num_threads(1)
    os.makedirs(MODELS_DIR, exist_ok=True)
    names, widths, sizes, rows = [], [], [], []
    for stream, (name, vgsl) in enumerate(MODELS.items()):
        classes = int(re.search(r"(\d+)]$", vgsl)[1])
        # Labels against the order of the characters.
        codec = {chr(0x61 + 3 * i): [classes - 1 - i] for i in range(classes - 1)}
        model = TorchVGSLModel(vgsl=vgsl, codec=codec, model_type=["recognition"], seg_type="baselines",
                               one_channel_mode="L", legacy_polygons=False)
        fill(model.nn)
        model.eval()
        path = os.path.join(MODELS_DIR, name + ".safetensors")
        if os.path.exists(path):
            os.remove(path)
        write_safetensors([model], path)
        if name in OLDER:
            path = os.path.join(MODELS_DIR, name + ".mlmodel")
            if os.path.exists(path):
                os.remove(path)
            write_coreml([model], path)
        height = model.input[2] if model.input[2] > 1 else model.input[1]
        ink = (bits(6000 + stream, height * WIDTH) >> np.uint64(24)).astype(np.float32).reshape(1, 1, height, WIDTH) / 255
        x = torch.tensor(ink)
        if model.input[2] == 1:
            x = x.permute(0, 2, 1, 3)
        with torch.inference_mode():
            y, _ = model.nn(x, None)
        logits = y[0, :, 0].T.numpy()               # [T][K]
        names.append(name)
        sizes.append([height, logits.shape[0], logits.shape[1], sum(len(r) for r in rows)])
        rows.append([float("%.9g" % v) for v in logits.reshape(-1)])
    out = Header(os.path.join(TESTS, "unit", "data", "kraken_values.h"), "KRAKEN_VALUES_H", "Logits of kraken's networks, in the order of its labels")
    out.lines[1] = "/* Written by test/reference/make_kraken.py with kraken. */"
    out.define("KRAKEN_MODELS", len(names))
    out.define("KRAKEN_WIDTH", WIDTH)
    out.lines.append("static const char *const kraken_names[] = {%s};" % ", ".join('"%s"' % n for n in names))
    out.lines.append("/* height, steps, classes, where the logits begin */")
    out.table("int", "kraken_sizes", sizes)
    out.array("float", "kraken_logits", [v for r in rows for v in r])
    out.write()


if __name__ == "__main__":
    main()
