#!/usr/bin/env python3
"""Fifteen networks of kraken's, each trained by its own layers for a little while: enough to read something.

usage: kraken_models.py IMAGES CSV OUT [SECONDS [NAME...]]

IMAGES: folder of the line images, CSV: filename,label.  Writes OUT/NAME.safetensors, of all of them or those named; with 0
seconds they stay untrained.  Needs kraken 7.
"""

import csv
import logging
import os
import random
import sys
import time
import warnings
from collections import Counter

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import torch
import torch.nn.functional as F
from PIL import Image
from kraken.lib.codec import PytorchCodec
from kraken.lib.dataset import ImageInputTransforms
from kraken.lib.vgsl import TorchVGSLModel
from kraken.models.writers import write_safetensors

# What is in use, and one with each kind of layer.  K: classes.
NETWORKS = {
    "default": "[1,120,0,1 Cr3,13,32 Do0.1,2 Mp2,2 Cr3,13,32 Do0.1,2 Mp2,2 Cr3,9,64 Do0.1,2 Mp2,2 Cr3,9,64 Do0.1,2"
               " S1(1x0)1,3 Lbx200 Do0.1,2 Lbx200 Do0.1,2 Lbx200 Do O1cK]",
    "default2": "[1,48,0,1 Cr3,3,32 Do0.1,2 Mp2,2 Cr3,3,64 Do0.1,2 Mp2,2 S1(1x12)1,3 Lbx100 Do O1cK]",
    "group": "[1,48,0,1 Cr3,3,32,2,2 Gn8 Cr3,3,64,2,2 Gn8 Cr3,3,64 Gn16 S1(1x0)1,3 Lbx128 O1cK]",
    "even": "[1,48,0,1 Cr4,2,32,4,2 Gn32 Cr4,2,64,1,1 Gn32 Mp4,2,4,2 Cr3,3,96 Gn32 S1(1x0)1,3 Lbx128 Do0.5 O1cK]",
    "summary": "[1,36,0,1 Cr3,3,16 Mp3,3 Lfys48 Lbx96 O1cK]",
    "columns": "[1,1,0,48 Lbx100 O1cK]",
    "clstm": "[1,1,0,32 Lbxc96 O1caK]",
    "dilated": "[1,48,0,1 Clr3,3,24,1,1,1,2 Mp2,2 Clr3,3,48,1,1,2,2 Mp2,2 S1(1x0)1,3 Lbx96 Lbx96 O1cK]",
    "forward": "[1,40,0,1 Ct3,3,24 Mp2,2 Ct3,3,48 Mp2,2 S1(1x0)1,3 Lfx128 Lrx128 O1cK]",
    "boxes": "[1,48,0,1 Cr3,3,24 Mp2,2 Cr3,3,48 Mp2,2 S1(1x0)1,3 Lbx96 O1cK]",
    "residual": "[1,40,0,1 Cr3,3,24,2,2 ([Cr3,3,24 Gn8 Cl3,3,24] I) A3,24 Mp2,2 (Cr3,3,24 Cr5,5,24) S1(1x0)1,3 Lbx96 O1cK]",
    "stacked": "[1,64,0,1 Cr3,3,24 Mp2,2 Cr3,3,48 Mp4,2 Cs3,3,64 Mp2,1 S1(1x0)1,3 O1l96 Lbx96 O1cK]",
}
# The same network with codecs whose labels are not all characters.
SPELT = "[1,48,0,1 Cr3,3,32,2,2 Gn8 Cr3,3,64,2,2 Gn8 S1(1x0)1,3 Lbx96 O1cK]"
NETWORKS |= {name: SPELT for name in ("pairs", "halves", "mixed")}
BOXES = ["boxes"]                # of lines cut out as boxes, which are straightened
BATCH = 8


def common(labels, n):
    """The texts of n characters, the most frequent ones first."""
    count = Counter(label[i:i + n] for label in labels for i in range(len(label) - n + 1))
    return sorted(count, key=lambda text: (-count[text], text))


def halves(characters, singles, first):
    """The singles with labels from first on, and the others with two each, of which others have either."""
    codec = {c: [first + i] for i, c in enumerate(characters[:singles])}
    rest = characters[singles:]
    size = int(len(rest) ** 0.5) + 1
    first += singles
    return codec | {c: [first + i // size, first + size + i % size] for i, c in enumerate(rest)}


def make_codec(name, labels):
    characters = common(labels, 1)
    pairs = [text for text in common(labels, 2)[:20]] + common(labels, 3)[:8]
    if name == "pairs":         # a label for several characters, among them what Unicode has no character for
        return PytorchCodec(sorted(characters) + pairs + ["x\u0304", "e\u0301", "\ufb05i"])
    if name == "halves":        # several labels for a character
        return PytorchCodec(halves(characters, 15, 1))
    if name == "mixed":         # both, and several labels for several characters, of which the last is a character's
        codec = halves(characters, 20, 1)
        free = max(max(v) for v in codec.values()) + 1
        codec |= {text: [free + i] for i, text in enumerate(pairs[:16])}
        free += 16
        return PytorchCodec(codec | {text: [free, free + 1 + i % 3, i % 20 + 1] if i < 6 else [free + 4, free + 1, free + i]
                                     for i, text in enumerate(pairs[16:])})
    return PytorchCodec(sorted(characters))


def lines(folder, path):
    with open(path, newline="") as f:
        return [(os.path.join(folder, row["filename"]), row["label"]) for row in csv.DictReader(f)
                if os.path.exists(os.path.join(folder, row["filename"]))]


def train(name, spec, rows, seconds):
    codec = make_codec(name, [label for _, label in rows])
    model = TorchVGSLModel(vgsl=spec.replace("K]", "%d]" % (codec.max_label + 1)), codec=codec.c2l,
                           seg_type="bbox" if name in BOXES else "baselines", model_type=["recognition"], one_channel_mode="L", legacy_polygons=False)
    batch, channels, height, width = model.input
    prepare = ImageInputTransforms(batch, height, width, channels, (16, 0), name in BOXES)
    optimizer = torch.optim.Adam(model.nn.parameters(), lr=1e-3)
    end, step, loss = time.time() + seconds, 0, None
    cache = {}
    while time.time() < end:
        some = random.sample(rows, BATCH)
        for path, _ in some:
            if path not in cache:
                cache[path] = prepare(Image.open(path))
        images = [cache[path] for path, _ in some]
        wide = max(x.shape[2] for x in images)
        x = torch.stack([F.pad(x, (0, wide - x.shape[2])) for x in images])
        lens = torch.tensor([x.shape[2] for x in images])
        labels = [codec.encode(label) for _, label in some]
        model.train()
        y, olens = model.nn(x, lens)
        logp = F.log_softmax(y.squeeze(2), 1).permute(2, 0, 1)
        loss = F.ctc_loss(logp, torch.cat(labels).long(), olens, torch.tensor([len(t) for t in labels]),
                          zero_infinity=True)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.nn.parameters(), 1.0)
        optimizer.step()
        step += 1
    if loss is not None:
        print(f"{name}: {step} steps of {BATCH}, loss {loss.item():.2f}", flush=True)
    model.eval()
    return model


def main():
    folder, table, out, *rest = sys.argv[1:]
    seconds = float(rest[0]) if rest else 120
    os.makedirs(out, exist_ok=True)
    torch.set_num_threads(1)
    rows = lines(folder, table)
    for name, spec in NETWORKS.items():
        path = os.path.join(out, name + ".safetensors")
        if os.path.exists(path) or (len(rest) > 1 and name not in rest[1:]):
            continue
        random.seed(1)
        torch.manual_seed(1)
        write_safetensors([train(name, spec, rows, seconds * (3 if name == "default" else 1))], path)


if __name__ == "__main__":
    main()
