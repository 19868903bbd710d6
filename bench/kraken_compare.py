"""kraken's side of bench/kraken, and the table.  Called by it and bench/run; PGHOST and the like name their server.

The ratio of kraken's default network goes to standard error, as bench/run has it.
"""

import base64
import csv
import io
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from kraken.lib.bidi import get_display
from kraken.lib.ctc_decoder import greedy_decoder
from kraken.lib.dataset import ImageInputTransforms
from kraken.models.loaders import load_safetensors

REPEAT = int(os.environ.get("BENCH_REPS", "3"))
BATCH = 16                      # kraken's at its best, beside batches of one


class Kraken:
    def __init__(self, path):
        self.model = load_safetensors(path)[0]
        self.model.eval()
        batch, channels, height, width = self.model.input
        self.prepare = ImageInputTransforms(batch, height, width, channels, (16, 0), self.model.seg_type == "bbox")

    def logits(self, image):
        with torch.inference_mode():
            y, _ = self.model.nn(self.prepare(Image.open(io.BytesIO(image))).unsqueeze(0), None)
        return y[0, :, 0].T.numpy()

    def decode(self, y, lens):
        return [get_display("".join(c for c, *_ in self.model.codec.decode(seq))) for seq in greedy_decoder(y.softmax(1).squeeze(2), lens)]

    def read(self, images, size):
        """Texts, size images at a time, as its own recognition does it: sequences are padded, and their lengths given."""
        texts = []
        with torch.inference_mode():
            for i in range(0, len(images), size):
                xs = [self.prepare(Image.open(io.BytesIO(image))) for image in images[i:i + size]]
                wide = max(x.shape[2] for x in xs)
                lens = torch.tensor([x.shape[2] for x in xs])
                y, olens = self.model.nn(torch.stack([F.pad(x, (0, wide - x.shape[2])) for x in xs]), lens)
                texts += self.decode(y, olens)
        return texts

    def label_order(self):
        """Label of each of our classes: of the characters in their order, then the others that a text has."""
        codec = self.model.codec.c2l
        plain = [labels[0] for text, labels in sorted(codec.items()) if len(text) == len(labels) == 1]
        return [0] + plain + sorted({label for labels in codec.values() for label in labels} - set(plain))


class Hwr:
    def __init__(self, psql, posteriors):
        self.psql, self.posteriors = psql, posteriors

    def sql(self, text):
        out = subprocess.run([self.psql, "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", "postgres"], input=text,
                             capture_output=True, text=True)
        if out.returncode != 0:
            sys.exit(out.stderr)
        return out.stdout

    def load(self, images):
        self.sql("".join(f"INSERT INTO lines VALUES ({i}, decode('{base64.b64encode(x).decode()}', 'base64'));\n"
                         for i, x in enumerate(images)))

    def take(self, name, file):
        self.sql(f"SELECT hwr_import_model(decode('{base64.b64encode(file).decode()}', 'base64'), '{name}')")

    def read(self, name, precision):
        out = self.sql(f"SET hwr.precision = {precision}; SELECT encode(convert_to(hwr_recognize(image, '{name}'), 'UTF8'), 'hex') FROM lines ORDER BY id")
        return [bytes.fromhex(line).decode() for line in out.split("\n")[:-1]]

    def seconds(self, name, precision):
        """Processor time of the session for a plain statement over all lines; the model is in its cache."""
        out = self.sql(f"SET hwr.precision = {precision}; SELECT count(hwr_recognize(image, '{name}')) FROM lines WHERE id = 0;\n"
                       "CREATE TEMP TABLE used AS SELECT string_to_array(pg_read_file('/proc/self/stat'), ' ') AS f;\n"
                       f"SELECT count(hwr_recognize(image, '{name}')) FROM lines;\n"
                       "SELECT n.f[14]::int + n.f[15]::int - u.f[14]::int - u.f[15]::int"
                       " FROM used u, string_to_array(pg_read_file('/proc/self/stat'), ' ') n(f);")
        return int(out.split("\n")[-2]) / os.sysconf("SC_CLK_TCK")

    def logp(self, path, images):
        """Canvases and log posteriors in float32, outside the database."""
        with tempfile.TemporaryDirectory() as folder:
            names = [[os.path.join(folder, f"{i}{n}") for n in ("", ".canvas.npy", ".logp.npy")] for i in range(len(images))]
            for name, image in zip(names, images):
                with open(name[0], "wb") as f:
                    f.write(image)
            subprocess.run([self.posteriors, path, *sum(names, [])], check=True, capture_output=True)
            return [(np.load(canvas), np.load(logp)) for _, canvas, logp in names]


def compare(name, path, images, hwr):
    kraken = Kraken(path)
    order = kraken.label_order()
    worst, canvases = 0, 0
    for image, (canvas, logp) in zip(images, hwr.logp(path, images)):
        y = kraken.logits(image)
        x = (kraken.prepare(Image.open(io.BytesIO(image))) * 255).round().numpy().astype(np.uint8)
        canvases += x.reshape(canvas.shape).tobytes() == canvas.tobytes() if x.size == canvas.size else 0
        if canvas.any():
            # the same numbers but for one a step that no probability depends on
            ours = logp + (y[:, order].mean(1) - logp.mean(1))[:, None]
            worst = max(worst, np.abs(ours - y[:, order]).max() / np.abs(y).max())
    with open(path, "rb") as f:
        hwr.take(name, f.read())
    theirs = kraken.read(images, 1)
    same = {p: sum(a == b for a, b in zip(theirs, hwr.read(name, p))) for p in ("float32", "auto")}
    times = {"kraken 1": [], "kraken 16": [], "float32": [], "auto": []}
    for _ in range(REPEAT):
        for size in (1, BATCH):
            start = time.process_time()
            kraken.read(images, size)
            times[f"kraken {size}"].append(time.process_time() - start)
        for precision in ("float32", "auto"):
            times[precision].append(hwr.seconds(name, precision))
    ms = {k: 1000 * min(v) / len(images) for k, v in times.items()}
    best = min(ms["kraken 1"], ms["kraken 16"])
    print(f"| {name} | `{kraken.model.user_metadata['vgsl']}` | {canvases} | {worst:.1e} | {same['float32']} | {same['auto']} |"
          f" {sum(map(len, theirs)) / len(theirs):.0f} | {ms['kraken 1']:.1f} | {ms['kraken 16']:.1f} | {ms['float32']:.1f} | {ms['auto']:.1f} |"
          f" {best / ms['float32']:.1f} | {best / ms['auto']:.1f} |", flush=True)
    return best / ms["auto"]


def main():
    models, folder, table, n, posteriors, psql = sys.argv[1:]
    torch.set_num_threads(1)
    with open(table, newline="") as f:
        names = [row["filename"] for row in csv.DictReader(f)]
    names = [names[i * len(names) // int(n)] for i in range(int(n))]
    images = []
    for name in names:
        with open(os.path.join(folder, name), "rb") as f:
            images.append(f.read())
    hwr = Hwr(psql, posteriors)
    hwr.load(images)
    print(f"{len(images)} lines; milliseconds of processor time a line, one thread\n\n"
          "| model | VGSL | equal canvases | logits, largest relative difference | equal texts, float32 | equal texts, auto |"
          " characters a text | kraken, one at a time | kraken, batches of 16 | hwr float32 | hwr auto | times as fast, float32 | auto |\n"
          "|" + "---|" * 13, flush=True)
    for file in sorted(os.listdir(models)):
        if file.endswith(".safetensors"):
            ratio = compare(file.removesuffix(".safetensors"), os.path.join(models, file), images, hwr)
            if file == "default.safetensors":
                print(f"ratio kraken-lines-t1 {ratio:.2f}", file=sys.stderr)


if __name__ == "__main__":
    main()
