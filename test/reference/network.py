"""A second opinion on networks: VGSL items on PyTorch's own operators.

Maps are [N, H, W, C], tensors are laid out as src/core/network/vgsl.h documents; autograd therefore gives gradients
in the same layout.
"""

import math
import re

import torch
import torch.nn.functional as F

from reference import values

ACTIVATIONS = {"l": lambda x: x, "r": torch.relu, "t": torch.tanh, "s": torch.sigmoid,
               "m": lambda x: torch.softmax(x, -1), "lr": F.leaky_relu}


def activation(item):
    return ACTIVATIONS[re.match("[CF]([a-z]+)", item)[1]]


def numbers(item):
    return [int(n) for n in re.findall(r"\d+", item)]


def tensor_shapes(item, c):
    """(part, shape) of an item's tensors for an input of c channels."""
    n = numbers(item)
    if item[0] == "C":
        return [("kernel", (n[0], n[1], c, n[2])), ("bias", (n[2],))]
    if item[0] == "B":
        return [(part, (c,)) for part in ("gamma", "beta", "mean", "variance")]
    if item[0] == "G":
        return [(part, (c,)) for part in ("gamma", "beta")]
    if item[0] == "L":
        one = [("kernel", (c, 4 * n[0])), ("recurrent", (n[0], 4 * n[0])), ("bias", (4 * n[0],))]
        return one * (2 if item[1] == "b" else 1)
    if item[0] in "FO":
        units = n[-1]
        return [("kernel", (c, units)), ("bias", (units,))]
    return []


def fill(index, part, shape):
    """Values of tensor number index of a net: test/unit/nets.h has the same."""
    x = values(1000 + index, *shape)
    if part in ("kernel", "recurrent"):
        return x * math.sqrt(3.0 / math.prod(shape[:-1]))
    if part in ("gamma", "variance"):
        return 1.0 + 0.25 * x
    return 0.1 * x


def convolve(item, x, p):
    ky, kx, _, *rest = numbers(item)
    sy, sx = rest[:2] or (1, 1)
    if len(rest) == 4:                              # PyTorch's own padding
        dy, dx = rest[2:]
        y = F.conv2d(x.permute(0, 3, 1, 2), p[0].permute(3, 2, 0, 1), p[1], (sy, sx),
                     (dy * (ky - 1) // 2, dx * (kx - 1) // 2), (dy, dx))
        return activation(item)(y.permute(0, 2, 3, 1))
    pads = []
    for size, k, s in ((x.shape[2], kx, sx), (x.shape[1], ky, sy)):
        total = max((math.ceil(size / s) - 1) * s + k - size, 0)
        pads += [total // 2, total - total // 2]
    y = F.conv2d(F.pad(x.permute(0, 3, 1, 2), pads), p[0].permute(3, 2, 0, 1), p[1], (sy, sx))
    return activation(item)(y.permute(0, 2, 3, 1))


def pool(item, x):
    ky, kx, *stride = numbers(item)
    return F.max_pool2d(x.permute(0, 3, 1, 2), (ky, kx), stride or (ky, kx)).permute(0, 2, 3, 1)


def normalize(x, p, training):
    """Running statistics are left alone here."""
    mean, variance = (None, None) if training else (p[2], p[3])
    return F.batch_norm(x.permute(0, 3, 1, 2), mean, variance, p[0], p[1], training, 0, 1e-3).permute(0, 2, 3, 1)


def reshape(item, x):
    _, a, _, to, _ = numbers(item)
    n, h, w, c = x.shape
    parts = x.reshape(n, a, h // a, w, c)           # row i*b + j is part i, row j
    if to == 1:
        return parts.permute(0, 1, 3, 2, 4).reshape(n, a, w, h // a * c)
    return parts.permute(0, 3, 1, 2, 4).reshape(n, 1, w * a, h // a * c)


def recur(item, x, p):
    units = numbers(item)[0]
    along_y, last = item[2] == "y", item[3] in "se"
    if along_y:
        x = x.transpose(1, 2)
    n, rows, steps, c = x.shape
    weights = []
    for i in range(0, len(p), 3):
        weights += [p[i].t(), p[i + 1].t(), p[i + 2], torch.zeros_like(p[i + 2])]
    both = item[1] == "b"
    zero = torch.zeros(len(p) // 3, n * rows, units, dtype=x.dtype)
    seq = x.reshape(n * rows, steps, c)
    if item[1] == "r":
        seq = seq.flip(1)
    y = torch.lstm(seq, (zero, zero), weights, True, 1, 0.0, False, both, True)[0]
    if last and both and item[3] == "s":
        y = torch.cat([y[:, -1:, :units], y[:, :1, units:]], 2)
    elif last and item[1] == "r" and item[3] == "e":
        y = y[:, :1]                                # flipped: the first step computed
    elif last:
        y = y[:, -1:]
    elif item[1] == "r":
        y = y.flip(1)
    y = y.reshape(n, rows, y.shape[1], y.shape[2])
    return y.transpose(1, 2) if along_y else y


def apply(item, x, p, training):
    kind = item[0]
    if kind == "C":
        return convolve(item, x, p)
    if kind == "M":
        return pool(item, x)
    if kind == "B":
        return normalize(x, p, training)
    if kind == "G":
        return F.group_norm(x.permute(0, 3, 1, 2), numbers(item)[0], p[0], p[1]).permute(0, 2, 3, 1)
    if kind == "S":
        return reshape(item, x)
    if kind == "L":
        return recur(item, x, p)
    if kind == "F":
        return activation(item)(x @ p[0] + p[1])
    if kind == "O":
        return x @ p[0] + p[1]
    raise ValueError(item)


class Network:
    """The items of a description, with tensors filled by the formula."""

    def __init__(self, items, channels, dtype, first_tensor=0):
        self.items, self.params = items, []
        index = first_tensor
        for item in items:
            group = []
            for part, shape in tensor_shapes(item, channels):
                t = torch.tensor(fill(index, part, shape), dtype=dtype)
                t.requires_grad_(part not in ("mean", "variance"))
                group.append(t)
                index += 1
            self.params.append(group)
            with torch.no_grad():
                probe = torch.zeros(1, 64, 64, channels, dtype=dtype)
                channels = (numbers(item)[0] * (2 if item[1] == "b" else 1) if item[0] == "L" else
                            channels * numbers(item)[2] if item[0] == "S" else
                            apply(item, probe, group, False).shape[3])

    def trainable(self):
        return [t for group in self.params for t in group if t.requires_grad]

    def forward(self, x, training):
        for item, p in zip(self.items, self.params):
            x = apply(item, x, p, training)
        return x
