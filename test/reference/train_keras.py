#!/usr/bin/env python3
"""Train the keras preset in PyTorch, from image files, for comparing accuracy with hwr_train.

usage: train_keras.py IMAGES TRAIN.csv VALIDATION.csv EPOCHS SEED [--bfloat16]

IMAGES is a folder; a line of the CSV files is a file name and a label.  Nothing of hwr is used: images are read by Pillow, brought to
64x256 as src/core/image/preprocess.h describes, and the recipe is written out below.  Prints a line for every epoch: its number, mean training
loss, and on the validation images mean loss, CER in percent and exact match in percent.
"""

import csv
import os
import random
import sys
import time

import numpy as np
import torch
from PIL import Image
from torch import nn

HEIGHT, WIDTH, STEPS = 64, 256, 64
BATCH = 32
MEASURED = 16                                                       # batches


def canvas(path):
    """Ink 0..1 [64][256]: contrast from the paper's grey (the median) to the darkest or lightest percent, then stretched."""
    grey = np.asarray(Image.open(path).convert("L"), np.float32)
    dark, paper, light = np.quantile(grey, [0.01, 0.5, 0.99], method="inverted_cdf")
    contrast = paper - dark if paper - dark >= light - paper else paper - light
    contrast = np.copysign(max(abs(contrast), 32), contrast)
    ink = Image.fromarray(np.clip((paper - grey) / contrast, 0, 1))
    return np.asarray(ink.resize((WIDTH, HEIGHT), Image.BILINEAR))


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        channels = [1, 32, 64, 128]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in zip(channels, channels[1:]))
        self.norms = nn.ModuleList(nn.BatchNorm2d(c, eps=1e-3, momentum=None) for c in channels[1:])
        self.dense = nn.Linear(512, 64)
        self.lstms = nn.ModuleList(nn.LSTM(n, 256, batch_first=True, bidirectional=True) for n in (64, 512))
        self.drop = nn.Dropout(0.25)
        self.output = nn.Linear(512, classes)
        for name, p in self.named_parameters():
            if "weight_hh" in name:
                nn.init.orthogonal_(p.data.T)
            elif p.dim() > 1:
                nn.init.xavier_uniform_(p)
            elif "bias" in name:
                nn.init.zeros_(p)
                if "bias_ih" in name:
                    p.data[256:512] = 1                         # gates i, f, g, o: forget gates start open
                elif "bias_hh" in name:
                    p.requires_grad_(False)                     # one bias a gate is enough

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = norm(nn.functional.max_pool2d(torch.relu(conv(x)), 2))
        n, c, h, w = x.shape
        x = x.permute(0, 3, 2, 1).reshape(n, w * 2, h // 2 * c)  # each column gives two steps, the upper half of its rows first
        x = torch.relu(self.dense(x))
        for lstm in self.lstms:
            x = self.drop(lstm(x)[0])
        return torch.log_softmax(self.output(x).float(), 2)


def read_rows(images, path):
    with open(path, newline="") as f:
        rows = [(os.path.join(images, name), label) for name, label in csv.reader(f)]
    return [label for _, label in rows], torch.from_numpy(np.stack([canvas(name) for name, _ in rows]))[:, None]


def edits(a, b):
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


def ctc(logp, targets):
    lengths = torch.tensor([len(t) for t in targets])
    return nn.functional.ctc_loss(logp.transpose(0, 1), torch.tensor([k for t in targets for k in t]),
                                  torch.full((len(targets),), STEPS), lengths, reduction="sum")


def measure(net, x, order):
    """The statistics of batch normalisation with the weights as they are, over the epoch's first batches, like hwr's."""
    for norm in net.norms:
        norm.reset_running_stats()
    net.train()
    for i in range(0, MEASURED * BATCH, BATCH):
        net(x[order[i:i + BATCH]].contiguous(memory_format=torch.channels_last))


def main():
    images, train, validation, epochs, seed = sys.argv[1:6]
    bfloat16 = "--bfloat16" in sys.argv
    torch.manual_seed(int(seed))
    random.seed(int(seed))
    labels, x = read_rows(images, train)
    alphabet = sorted(set("".join(labels)))
    number = {c: k for k, c in enumerate(alphabet, 1)}
    targets = [[number[c] for c in label] for label in labels]
    val_labels, val_x = read_rows(images, validation)

    net = Net(len(alphabet) + 1).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.002, momentum=0.9, nesterov=True)
    order = list(range(len(labels)))
    start = time.time()
    for epoch in range(1, int(epochs) + 1):
        net.train()
        random.shuffle(order)
        loss = 0.0
        for i in range(0, len(order), BATCH):
            rows = order[i:i + BATCH]
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                logp = net(x[rows].contiguous(memory_format=torch.channels_last))
            batch = ctc(logp, [targets[r] for r in rows])
            optimizer.zero_grad(set_to_none=True)
            (batch / len(rows)).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            optimizer.step()
            loss += batch.item()

        wrong = exact = val_loss = 0
        with torch.no_grad():
            measure(net, x, order)
            net.eval()
            for i in range(0, len(val_labels), 256):
                logp, truth = net(val_x[i:i + 256]), val_labels[i:i + 256]
                val_loss += ctc(logp, [[number.get(c, 0) for c in t] for t in truth]).item()
                for best, label in zip(logp.argmax(2).numpy(), truth):
                    keep = np.append(True, best[1:] != best[:-1]) & (best > 0)
                    reading = "".join(alphabet[k - 1] for k in best[keep])
                    wrong += edits(label, reading)
                    exact += label == reading
        print(f"epoch {epoch}: training loss {loss / len(order):.3f}, validation loss {val_loss / len(val_labels):.3f}, "
              f"CER {100 * wrong / sum(map(len, val_labels)):.2f} %, exact {100 * exact / len(val_labels):.1f} %, "
              f"{time.time() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
