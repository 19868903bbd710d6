#!/usr/bin/env python3
"""Small networks of PyTorch, what they make of a canvas, and what tools/from-torch makes of them.

usage: make_torch.py

Needs PyTorch, safetensors and PyLaia (pip install pylaia; of what PyLaia imports, torchaudio and nnutils-pytorch may be missing,
because nothing that is used here calls them).  Writes test/data/torch/NAME.safetensors, the state dicts, NAME.json, their
descriptions, NAME.hwr.safetensors, and test/unit/data/torch_values.h, for test/unit/model/test_from_torch.c and
test/t/014_from_torch.pl.  The networks are untrained: their weights come from the formula of reference.py.
"""
import importlib.machinery
import importlib.util
import json
import logging
import os
import sys
import tempfile
import types

sys.dont_write_bytecode = True
logging.disable(logging.WARNING)

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from reference import Header, bits, values

HERE = os.path.dirname(os.path.abspath(__file__))
FILES = os.path.join(HERE, "..", "data", "torch")
VALUES = os.path.join(HERE, "..", "unit", "data", "torch_values.h")
WIDTH = 61


def from_torch():
    """tools/from-torch as a module."""
    loader = importlib.machinery.SourceFileLoader("from_torch", os.path.join(HERE, "..", "..", "tools", "from-torch"))
    spec = importlib.util.spec_from_loader("from_torch", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def import_pylaia():
    def missing(*args, **kwargs):
        raise RuntimeError("not there")

    for name, members in (("nnutils_pytorch", ("adaptive_avgpool_2d", "adaptive_maxpool_2d", "mask_image_from_size")),
                          ("torchaudio", ()), ("torchaudio.models", ()), ("torchaudio.models.decoder", ("ctc_decoder",))):
        try:
            __import__(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
            for member in members:
                setattr(sys.modules[name], member, missing)
    # the package's own __init__ imports its trainer, which wants a PyTorch Lightning of its time
    for name in ("laia", "laia.data"):
        spec = importlib.util.find_spec(name)
        sys.modules[name] = types.ModuleType(name)
        sys.modules[name].__path__ = spec.submodule_search_locations
    from laia.data.padding_collater import PaddedTensor
    sys.modules["laia.data"].PaddedTensor = PaddedTensor
    from laia.common.saver import ModelSaver
    from laia.models.htr import LaiaCRNN
    return LaiaCRNN, ModelSaver


def pylaia(tool, folder):
    """PyLaia's own class and files: leaky ReLU, batch normalisation, three LSTMs, its table of symbols."""
    LaiaCRNN, ModelSaver = import_pylaia()
    arguments = dict(num_input_channels=1, num_output_labels=7, cnn_num_features=[4, 6, 5], cnn_kernel_size=[3, [3, 5], 3],
                     cnn_stride=[1, 1, [1, 2]], cnn_dilation=[1, [1, 2], 1], cnn_activation=[nn.LeakyReLU] * 3,
                     cnn_poolsize=[2, [2, 1], 0], cnn_dropout=[0, 0.2, 0], cnn_batchnorm=[True, False, True], image_sequencer="none-4",
                     rnn_units=5, rnn_layers=3, rnn_dropout=0.5, lin_dropout=0.5, rnn_type=nn.LSTM)
    ModelSaver(folder).save(LaiaCRNN, **arguments)
    with open(os.path.join(folder, "syms.txt"), "w") as f:
        f.write("<ctc> 0\n<space> 1\nb 2\na 3\n. 4\n\u00e9 5\nZ 6\n")
    return LaiaCRNN(**arguments), tool.describe_pylaia(os.path.join(folder, "model"), os.path.join(folder, "syms.txt"), 16), \
        lambda net, x: net(x)


class Tutorial(nn.Module):
    """What tutorials have: paper 1 and ink -1, normalisation behind the activation, means of rows, a linear layer between."""

    def __init__(self):
        super().__init__()
        self.cnn = nn.Sequential(nn.Conv2d(1, 4, (4, 3), padding=(1, 1)), nn.ReLU(), nn.BatchNorm2d(4), nn.MaxPool2d(2),
                                 nn.Conv2d(4, 6, 3, padding=1, bias=False), nn.BatchNorm2d(6), nn.LeakyReLU(),
                                 nn.MaxPool2d((2, 2), (2, 1)), nn.BatchNorm2d(6))
        self.rnn = nn.LSTM(12, 5, num_layers=2, bidirectional=True)
        self.embed = nn.Linear(10, 8)
        self.after = nn.LSTM(8, 4)
        self.fc = nn.Linear(4, 6)

    def forward(self, x):
        x = self.cnn(1 - 2 * x)
        x = nn.functional.adaptive_avg_pool2d(x, (2, None))
        n, c, h, w = x.shape
        x = x.permute(3, 0, 1, 2).reshape(w, n, c * h)
        return self.fc(self.after(torch.tanh(self.embed(self.rnn(x)[0])))[0])


def tutorial(tool, folder):
    description = {
        "height": 25, "width": 0, "input": {"paper": 1, "ink": -1}, "blank": -1, "alphabet": "zab1A",
        "layers": [{"conv": "cnn.0", "padding": [1, 1]}, {"activation": "relu"}, {"norm": "cnn.2"}, {"pool": [2, 2]},
                   {"conv": "cnn.4", "padding": 1}, {"norm": "cnn.5"}, {"activation": "leaky_relu", "slope": 0.01},
                   {"pool": [2, 2], "stride": [2, 1]}, {"norm": "cnn.8"}, {"columns": "avgpool-2"}, {"lstm": "rnn"},
                   {"linear": "embed", "activation": "tanh"}, {"lstm": "after"}, {"dropout": 0.25}, {"output": "fc"}]}
    return Tutorial(), description, lambda net, x: net(x)


def fill(net):
    state = net.state_dict()
    for i, (name, p) in enumerate(state.items()):
        if not p.dtype.is_floating_point:
            continue
        x = torch.tensor(values(1000 + i, *p.shape), dtype=torch.float32)
        if p.dim() > 1:
            x *= (3.0 / p[0].numel()) ** 0.5 * 1.5
        elif name.endswith(("running_var",)) or (name.endswith("weight") and p.dim() == 1):
            x = 1 + 0.25 * x
        else:
            x *= 0.2
        p.copy_(x)


def main():
    torch.set_num_threads(1)
    tool = from_torch()
    os.makedirs(FILES, exist_ok=True)
    names, sizes, rows = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for stream, make in enumerate((pylaia, tutorial)):
            net, description, run = make(tool, folder)
            name = make.__name__
            path = os.path.join(FILES, name)
            fill(net)
            net.eval()
            save_file({n: p.contiguous() for n, p in net.state_dict().items()}, path + ".safetensors")
            with open(path + ".json", "w", encoding="utf-8") as f:
                layers = ",\n".join("\t" + json.dumps(layer) for layer in description.pop("layers"))
                f.write('%s, "layers": [\n%s\n]}\n' % (json.dumps(description, ensure_ascii=False)[:-1], layers))
            with open(path + ".json", encoding="utf-8") as f:
                description = json.load(f)
            height = description["height"]
            tensors, metadata = tool.convert(tool.read_weights(path + ".safetensors"), description)
            tool.write_model(path + ".hwr.safetensors", tensors, metadata)
            ink = (bits(7000 + stream, height * WIDTH) >> np.uint64(24)).astype(np.float32).reshape(1, 1, height, WIDTH) / 255
            with torch.inference_mode():
                logp = torch.log_softmax(run(net, torch.tensor(ink)), -1)
            logp = (logp[0] if logp.dim() == 3 and logp.shape[0] == 1 else logp[:, 0]).numpy()      # [T][K]
            classes = tool.classes_of(description)
            order = [classes.index(None)] + sorted((i for i, c in enumerate(classes) if c), key=lambda i: ord(classes[i]))
            logp = logp[:, order]
            names.append(name)
            sizes.append([height, logp.shape[0], logp.shape[1], sum(len(r) for r in rows)])
            rows.append([float("%.9g" % v) for v in logp.reshape(-1)])
    out = Header(VALUES, "TORCH_VALUES_H", "")
    out.lines[1] = "/* Log posteriors of PyTorch's networks, classes as in hwr.  Written by test/reference/make_torch.py with PyTorch and PyLaia. */"
    out.define("TORCH_MODELS", len(names))
    out.define("TORCH_WIDTH", WIDTH)
    out.lines.append("static const char *const torch_names[] = {%s};" % ", ".join('"%s"' % n for n in names))
    out.lines.append("/* height, steps, classes, where the values begin */")
    out.table("int", "torch_sizes", sizes)
    out.array("float", "torch_logp", [v for r in rows for v in r])
    out.write()


if __name__ == "__main__":
    main()
