#!/usr/bin/env python3
"""Compare a model's posteriors in hwr with those of doc/examples/load_model.py in PyTorch.

usage: check_export.py [PRESET|VGSL]...        (without arguments: every preset, and two unusual networks)

For each network: a model file with random values is written by the core and run on a few of the sample
images by both.  Exits with 1 if any log posterior differs by more than 1e-4, or if the posteriors
are too flat to show a difference.  Needs PyTorch and the Python package safetensors; builds build/random-model and
build/posteriors.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.dont_write_bytecode = True
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "doc", "examples"))

import load_model

NETWORKS = ["default", "small", "keras", "pytorch",
            # any width, and other items than the presets'
            "[1,32,0,1 Cr3,3,16 Bn Mp2,2 Ct5,3,24 Mp2,1,2,1 S1(2x0)2,3 Ft40 Lbx32 Fs24",
            # a shape that src/cpu/infer/infer.h does not take: overlapping windows
            "[1,32,160,1 Cr3,3,16 Bn Mp3,2,2,2 Cr3,3,24 Mp15,1 Lbx32"]
IMAGES = ["00002.jpg", "00003.jpg", "00005.jpg"]
TOLERANCE = 1e-4
LEAST_SPREAD = 1.0      # standard deviation of the log posteriors, in nats


def path(*parts):
    return os.path.join(ROOT, *parts)


def compare(model, image, tmp):
    """Largest difference, spread, and whether both read the same text."""
    canvas, logp = os.path.join(tmp, "canvas.npy"), os.path.join(tmp, "logp.npy")
    text = subprocess.run([path("build", "posteriors"), model, path("test", "data", "words", image), canvas, logp],
                          check=True, capture_output=True, text=True).stdout.rstrip("\n")
    ours = np.load(logp)
    theirs, reading = load_model.read(model, canvas)
    if ours.shape != theirs.shape:
        raise SystemExit("shapes differ: %s and %s" % (ours.shape, theirs.shape))
    return float(np.abs(ours - theirs).max()), float(ours.std()), text == reading


def check(network, tmp):
    model = os.path.join(tmp, "model.safetensors")
    subprocess.run([path("build", "random-model"), network, model], check=True)
    results = [compare(model, image, tmp) for image in IMAGES]
    difference = max(r[0] for r in results)
    spread = min(r[1] for r in results)
    ok = difference <= TOLERANCE and spread >= LEAST_SPREAD and all(r[2] for r in results)
    print("%-6s largest difference %.1e, spread %.1f nats  %s" % ("ok" if ok else "FAILED", difference, spread, network))
    return ok


def main():
    torch.set_num_threads(1)
    subprocess.run(["make", "-s", "-C", ROOT, "build/posteriors", "build/random-model"], check=True)
    with tempfile.TemporaryDirectory() as tmp:
        ok = [check(network, tmp) for network in sys.argv[1:] or NETWORKS]
    sys.exit(0 if all(ok) else 1)


main()
