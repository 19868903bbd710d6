#!/usr/bin/env python3
"""Compute with PyTorch the values that the unit tests compare with.

usage: make_reference.py [ctc] [optimizer] [layers] [network]

Writes test/unit/data/*_values.h; without arguments, all of them.
"""

import os
import sys

import numpy as np
import torch

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


def main():
    makers = {"ctc": make_ctc, "optimizer": make_optimizer}
    topics = sys.argv[1:] or list(makers)
    for topic in topics:
        if topic not in makers:
            sys.exit(__doc__)
        makers[topic]()


if __name__ == "__main__":
    main()
