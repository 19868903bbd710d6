#!/usr/bin/env python3
"""Compare a model's posteriors in hwr with those of its ONNX file in ONNX Runtime.

usage: check_onnx.py [PRESET|VGSL|FILE.safetensors]...
       (without arguments: every preset, networks with what the presets lack, the models that come with hwr, and
       small ones of kraken)

For each network: a model file with random values (or the file itself) is written as ONNX by the core, checked by
ONNX's own checker where the package onnx is there, and run on sample images by both, those of equal width, each twice, as
one batch.  Exits with 1 if any log posterior differs by more than 1e-4, or if the posteriors are too flat to show a
difference.  Needs ONNX Runtime and NumPy; builds build/random-model, build/posteriors and build/to-onnx.
"""
import glob
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
NETWORKS = ["default", "lines", "small", "keras", "pytorch",
            # any width, and other items than the presets'; softmax inside
            "[1,32,0,1 Cr3,3,16 Bn Mp2,2 Ct5,3,24 Mp2,1,2,1 S1(2x0)2,3 Ft40 Lbx32 Fm24 Do Fs24",
            # windows of even size, overlapping windows
            "[1,32,160,1 Cr4,2,16 Bn Mp3,2,2,2 Cl3,3,24 Mp15,1 Lbx32",
            # strides, whose padding depends on the width; one direction
            "[1,48,0,1 Cr4,4,8,2,2 Ct5,4,12,3,3 Cr3,3,16,2,3 Fs20 S1(1x4)1,3 Lfx16 Lrx16 Bn Lbx16",
            # LSTMs over rows and columns of a map, all steps and the last alone, both extents unknown
            "[1,24,0,1 Cr3,3,8 Mp2,2 Lbx6 Lfy5 Fr7 Lry4 Cr3,3,9 Lbys12 Lbx16",
            "[1,16,96,1 Cr3,3,8 Mp4,4 Lby6 Mp4,1 Lfxs16",
            # what kraken's networks have: group normalisation, dilation, PyTorch's padding, leaky ReLU, other reshapes and
            # summaries
            "[1,48,0,1 Cr4,2,32,4,2,1,1 Gn8 Clr3,3,32,1,1,2,3 Mp2,2 S1(2x0)1,3 Clr3,4,12,2,2,1,1 Lbye8 Gn4 Lbx16 Lrxe8 Flr20",
            "[1,32,0,1 Cr3,3,8 Cm3,3,8 Cr4,4,6,3,2,1,1 Gn3 Mp2,2 Lbys6 Ft24 Gn2 Lbx16",
            # layers in parallel, of maps and of sequences, that read the image, a map, or one another's
            "[1,32,0,1 (Cr3,3,8 [Ct3,3,8 Gn4] I) Mp4,2 ([Cr3,3,17 Bn Cl3,3,17] I) A3,17 S1(1x0)1,3 (Lbx8 [Fr12 (I Lfx4)] Lrx8) A3,20 Lbx16"]
# but for the one that finds lines, which has no posteriors
MODELS = sorted(set(glob.glob(os.path.join(ROOT, "models", "*.safetensors")) +
                    glob.glob(os.path.join(ROOT, "test", "data", "kraken", "*.safetensors"))) -
                {os.path.join(ROOT, "models", "lines.safetensors")})
IMAGES = ["00002.jpg", "00003.jpg", "00005.jpg", "00007.jpg", "00011.jpg"]
TOLERANCE = 1e-4
LEAST_SPREAD = 0.5      # standard deviation of the log posteriors, in nats


def built(name):
    return os.path.join(ROOT, "build", name)


def check_file(path):
    try:
        import onnx
    except ImportError:
        return
    onnx.checker.check_model(onnx.load(path), full_check=True)


def run_ours(model, tmp):
    """Canvases and log posteriors of the sample images."""
    canvas, logp = os.path.join(tmp, "canvas.npy"), os.path.join(tmp, "logp.npy")
    for image in IMAGES:
        subprocess.run([built("posteriors"), model, os.path.join(ROOT, "test", "data", "words", image), canvas, logp],
                       check=True, capture_output=True)
        yield np.load(canvas), np.load(logp)


def by_width(pairs):
    widths = {}
    for canvas, logp in pairs:
        widths.setdefault(canvas.shape[1], []).append((canvas, logp))
    return widths.values()


def compare(model, tmp, half=False):
    """Largest difference of a model file, spread of the values, canvas widths seen, largest batch."""
    path = os.path.join(tmp, "model.onnx")
    subprocess.run([built("to-onnx"), model, path] + ["half"] * half, check=True)
    check_file(path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    difference, spread, widths, batch = 0.0, 1e9, [], 0
    for group in by_width(run_ours(model, tmp)):
        group *= 2              # a batch, if there is no other image of this width
        theirs, = session.run(["log_posteriors"], {"canvas": np.stack([c for c, _ in group])})
        ours = np.stack([p for _, p in group])
        if theirs.shape != ours.shape or theirs.dtype != np.float32:
            raise SystemExit("shapes differ: %s and %s" % (ours.shape, theirs.shape))
        difference = max(difference, float(np.abs(ours - theirs).max()))
        spread = min(spread, float(ours.std()))
        widths.append(group[0][0].shape[1])
        batch = max(batch, len(group))
    return difference, spread, widths, batch


def check(network, tmp):
    model, least = network, 0.0     # a model that is given is as flat as it is
    if not os.path.exists(network):
        model = os.path.join(tmp, "model.safetensors")
        least = LEAST_SPREAD
        subprocess.run([built("random-model"), network, model], check=True)
    difference, spread, widths, batch = compare(model, tmp)
    ok = difference <= TOLERANCE and spread >= least
    print("%s - largest difference %.1e, spread %.1f nats, %d widths, batch of %d: %s" %
          ("ok" if ok else "not ok", difference, spread, len(widths), batch, os.path.basename(network)), flush=True)
    return ok


def main():
    subprocess.run(["make", "-s", "-C", ROOT, "build/posteriors", "build/random-model", "build/to-onnx"], check=True)
    with tempfile.TemporaryDirectory() as tmp:
        ok = [check(network, tmp) for network in sys.argv[1:] or NETWORKS + MODELS]
    sys.exit(0 if all(ok) else 1)


main()
