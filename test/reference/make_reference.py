#!/usr/bin/env python3
"""Compute with PyTorch the values that the unit tests compare with.

usage: make_reference.py [ctc] [optimizer] [layers] [network] [lanczos]

Writes test/unit/data/*_values.h; without arguments, all of them.
"""

import os
import sys

import numpy as np
import torch

sys.dont_write_bytecode = True

from network import Network
from reference import Header, bits, values

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "unit", "data")


def header(topic, what):
    return Header(os.path.join(DATA, topic + "_values.h"), topic.upper() + "_VALUES_H", what)


def make_ctc():
    """Losses, and the gradient at the middle step, of a few random cases."""
    K = 11
    cases = [(1, 1, 1.0), (12, 0, 2.0), (12, 5, 2.0), (30, 9, 5.0), (64, 20, 10.0), (100, 12, 30.0)]
    losses, grads = [], []
    for i, (T, L, size) in enumerate(cases):
        logits = torch.tensor(size * values(500 + i, T, K), requires_grad=True)
        label = torch.tensor(1 + (bits(600 + i, max(L, 1)) % np.uint64(K - 1)).astype(np.int64))[:L]
        logp = torch.log_softmax(logits, 1)
        loss = torch.nn.functional.ctc_loss(logp[:, None], label[None], torch.tensor([T]), torch.tensor([L]),
                                            reduction="sum")
        loss.backward()
        losses.append(loss.item())
        grads.append(logits.grad[T // 2].tolist())
    out = header("ctc", "CTC losses and gradients")
    out.define("CTC_K", K)
    out.define("CTC_CASES", len(cases))
    out.define("CTC_MAX_T", max(c[0] for c in cases))
    out.define("CTC_MAX_L", max(c[1] for c in cases))
    out.array("int", "ctc_steps", [c[0] for c in cases])
    out.array("int", "ctc_lengths", [c[1] for c in cases])
    out.array("double", "ctc_sizes", [c[2] for c in cases])
    out.array("double", "ctc_losses", losses)
    out.table("double", "ctc_grads", grads)
    out.write()


def make_optimizer():
    """Seven values after five steps of each rule."""
    n, steps, scale = 7, 5, 0.5
    rules = {
        "sgd": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
        "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.01),
        "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    }
    out = header("optimizer", "Values after some steps of each optimiser")
    out.define("OPTIMIZER_N", n)
    out.define("OPTIMIZER_STEPS", steps)
    for name, rule in rules.items():
        p = torch.tensor(values(700, n), requires_grad=True)
        optimizer = rule([p])
        for t in range(1, steps + 1):
            p.grad = torch.tensor(scale * values(700 + t, n))
            optimizer.step()
        out.array("double", "optimizer_" + name, p.detach().tolist())
    out.write()


# One layer each, on a map of 3 images of 9 x 11 x LAYER_CHANNELS.
LAYERS = """Cr3,3,4 Ct3,5,4 Cs2,4,5 Cl3,3,17,2,3 Cr5,1,2,3,1 Cl1,1,5 Cr4,4,3,2,2
    Mp2,2 Mp3,2,2,1 Mp2,3,3,4 Bn S1(3x3)2,3 S1(1x9)1,3 S1(9x1)2,3
    Fl6 Fr17 Ft9 Fs5 Fm7
    Lfx4 Lrx5 Lbx3 Lfx17 Lbx33 Lfy4 Lry5 Lby3 Lfxs4 Lrxs5 Lbxs3 Lfys4 Lrys5 Lbys9
    Clr3,3,4 Cm3,3,6 Flr8 Cr3,3,4,2,2,1,1 Clr3,5,3,1,1,2,3 Cs4,2,3,1,1,1,1 Ct3,4,2,2,3,3,2 Cl2,2,4,3,1,1,4
    Gn1 Gn5 S1(3x3)1,3 S1(9x1)1,3 Lbxe3 Lbye4 Lrye2 Lfxe3""".split()
LAYER_CHANNELS = 5


def project(tensors):
    """Two numbers for any number of values: sums with random signs and weights."""
    flat = torch.cat([t.detach().reshape(-1) for t in tensors]).numpy() if tensors else np.zeros(0)
    # Rounded to where the order of additions does not matter.
    return [float("%.12g" % np.dot(flat, values(20 + i, len(flat)))) for i in range(2)]


def make_layers():
    """Output, gradients and output in inference of each layer."""
    rows = []
    for item in LAYERS:
        # Tensors 0 and 1 belong to the convolution that gives the map its channels.
        net = Network([item], LAYER_CHANNELS, torch.float64, first_tensor=2)
        x = torch.tensor(values(10, 3, 9, 11, LAYER_CHANNELS), requires_grad=True)
        y = net.forward(x, True)
        y.backward(torch.tensor(values(30, *y.shape)))
        grads = [torch.zeros_like(t) if t.grad is None else t.grad for t in net.params[0]]
        rows.append(project([y]) + project([x.grad]) + project(grads) + project([net.forward(x, False)]))
    out = header("layers", "Projections of each layer's output, input gradient, parameter gradient, inference output")
    out.define("LAYER_CHANNELS", LAYER_CHANNELS)
    out.define("LAYER_CASES", len(LAYERS))
    out.lines.append("static const char *const layer_items[] = {\n%s\n};" % ",\n".join('\t"%s"' % x for x in LAYERS))
    out.table("double", "layer_values", rows)
    out.write()


KERAS = ("Cr3,3,32 Mp2,2 Bn Cr3,3,64 Mp2,2 Bn Cr3,3,128 Mp2,2 Bn S1(2x4)2,3 "
         "Fr64 Lbx256 Lbx256 O1c79").split()


def make_network():
    """Losses of the published network's first steps, without dropout."""
    n, height, width, classes, steps = 4, 64, 256, 79, 20
    net = Network(KERAS, 1, torch.float32)
    optimizer = torch.optim.SGD(net.trainable(), lr=0.002, momentum=0.9, nesterov=True)
    losses, norms = [], []
    for step in range(steps):
        ink = (bits(2000 + step, n * height * width) >> np.uint64(24)).astype(np.float32).reshape(n, height, width, 1)
        lengths = [1 + int(bits(3000 + step, n)[i] % np.uint64(12)) for i in range(n)]
        labels = [1 + (bits(4000 + step * n + i, lengths[i]) % np.uint64(classes - 1)).astype(np.int64)
                  for i in range(n)]
        logits = net.forward(torch.tensor(ink / np.float32(255)), True)[:, 0]
        logp = torch.log_softmax(logits, 2).transpose(0, 1)
        loss = torch.nn.functional.ctc_loss(logp, torch.tensor(np.concatenate(labels)),
                                            torch.full((n,), logp.shape[0]), torch.tensor(lengths),
                                            reduction="none").mean()
        optimizer.zero_grad()
        loss.backward()
        norms.append(float(torch.nn.utils.clip_grad_norm_(net.trainable(), 5.0)))
        optimizer.step()
        losses.append(loss.item())
    out = header("network", "Losses and gradient norms of the first steps of the published network")
    for name, value in [("N", n), ("STEPS", steps), ("CLASSES", classes)]:
        out.define("NETWORK_" + name, value)
    out.array("double", "network_losses", losses)
    out.array("double", "network_grad_norms", norms)
    out.write()


# Sizes before and after: smaller, larger, mixed, a side that stays, sides of one pixel.
LANCZOS = [(40, 30, 17, 11), (23, 9, 91, 40), (64, 16, 32, 48), (31, 31, 31, 12), (12, 50, 80, 50), (7, 5, 7, 5),
           (1, 1, 9, 9), (300, 200, 3, 2), (1, 60, 5, 48)]


def make_lanczos():
    """A hash (FNV-1a, 32 bits) of what Pillow makes of each picture."""
    from PIL import Image

    hashes = []
    for i, (w, h, out_w, out_h) in enumerate(LANCZOS):
        pixels = (bits(5000 + i, w * h) >> np.uint64(24)).astype(np.uint8).reshape(h, w)
        x = 2166136261
        for byte in Image.fromarray(pixels).resize((out_w, out_h), Image.Resampling.LANCZOS).tobytes():
            x = (x ^ byte) * 16777619 % 2 ** 32
        hashes.append(x)
    out = header("lanczos", "Hashes of pictures resampled by Pillow")
    out.define("LANCZOS_CASES", len(LANCZOS))
    out.table("int", "lanczos_sizes", LANCZOS)
    out.array("unsigned", "lanczos_hashes", hashes)
    out.write()


def main():
    torch.set_num_threads(1)
    makers = {"ctc": make_ctc, "optimizer": make_optimizer, "layers": make_layers, "network": make_network,
              "lanczos": make_lanczos}
    topics = sys.argv[1:] or list(makers)
    for topic in topics:
        if topic not in makers:
            sys.exit(__doc__)
        makers[topic]()


if __name__ == "__main__":
    main()
