"""Run a model exported by hwr_export_model in PyTorch: log posteriors of one ink canvas.

usage: load_model.py MODEL.safetensors CANVAS.npy [LOGP.npy]

CANVAS.npy: uint8 [H][W], 0 paper .. 255 ink.  Prints the reading; LOGP.npy receives the log
posteriors, float32 [T][K].
"""
import json
import re
import sys

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open


def load(path):
    with safe_open(path, "pt") as f:
        return f.metadata(), {name: f.get_tensor(name).float() for name in f.keys()}


def posteriors(meta, w, x):                                   # x: [N][1][H][W], 0..1
    acts = dict(r=torch.relu, t=torch.tanh, s=torch.sigmoid, l=lambda v: v, lr=F.leaky_relu)
    for i, item in enumerate(meta["architecture"].strip("[]").split()[1:]):
        p = {n.split(".", 2)[2]: v for n, v in w.items() if n.startswith(f"{i}.")}
        num = [int(v) for v in re.findall(r"\d+", item)]
        act = acts.get(re.match("[A-Z]([a-z]*)", item)[1])
        if item[0] == "C" and len(num) == 3:                  # kernel [y][x][in][out], stride 1
            x = act(F.conv2d(x, p["kernel"].permute(3, 2, 0, 1), p["bias"], padding="same"))
        elif item[0] == "C" and len(num) == 7:                # stride and dilation, padding alike on both sides
            ky, kx, _, sy, sx, dy, dx = num
            x = act(F.conv2d(x, p["kernel"].permute(3, 2, 0, 1), p["bias"], (sy, sx),
                             (dy * (ky - 1) // 2, dx * (kx - 1) // 2), (dy, dx)))
        elif item[0] == "G":
            x = F.group_norm(x, num[0], p["gamma"], p["beta"])
        elif item[0] == "M":
            x = F.max_pool2d(x, num[:2], num[2:] or num[:2])
        elif item[0] == "B":
            x = F.batch_norm(x, p["mean"], p["variance"], p["gamma"], p["beta"], eps=1e-3)
        elif item[0] == "S" and (num[1] == 1 or num[3] == 2):                                 # each column becomes a steps, upper part first
            n, c, h, wd = x.shape
            a = num[1]
            x = x.permute(0, 3, 2, 1).reshape(n, wd * a, h // a * c).transpose(1, 2)[:, :, None]
        elif item[0] in "FO":                                 # kernel [in][out]
            x = (act if item[0] == "F" else acts["l"])(
                torch.einsum("nchw,cd->ndhw", x, p["kernel"]) + p["bias"][:, None, None])
        elif item[:3] == "Lbx" and item[3].isdigit():         # kernel [in][4n], gates i f g o, over one row
            seq = x[:, :, 0].transpose(1, 2)
            lstm = torch.nn.LSTM(seq.shape[2], num[0], batch_first=True, bidirectional=True)
            for d, end in (("forward", ""), ("reverse", "_reverse")):
                getattr(lstm, "weight_ih_l0" + end).data = p[d + ".kernel"].T.contiguous()
                getattr(lstm, "weight_hh_l0" + end).data = p[d + ".recurrent"].T.contiguous()
                getattr(lstm, "bias_ih_l0" + end).data = p[d + ".bias"]
                getattr(lstm, "bias_hh_l0" + end).data = torch.zeros_like(p[d + ".bias"])
            x = lstm(seq)[0].transpose(1, 2)[:, :, None]
        elif item[0] != "D":                                  # dropout does nothing here
            raise ValueError(f"this example does not know the item {item}")
    return F.log_softmax(x[:, :, 0].transpose(1, 2), dim=2)   # [N][T][K], class 0 the CTC blank


def text_of(classes, meta):
    """Classes that are not one character stand for the texts of "spellings", if there are any."""
    spellings = json.loads(meta.get("spellings", '{"plane": 0, "texts": {}}'))
    texts = {tuple(spelt): text for text, spelt in spellings["texts"].items()}
    text, i = "", 0
    while i < len(classes):
        character, n = meta["alphabet"][classes[i] - 1], 1
        if spellings["plane"] and ord(character) >> 16 == spellings["plane"]:
            character, n = next(((texts[spelt], len(spelt)) for spelt in texts if tuple(classes[i:i + len(spelt)]) == spelt), ("", 1))
        text, i = text + character, i + n
    return text


def read(model, canvas):
    """Log posteriors [T][K] of a canvas file, and the text: the best class a step, runs merged, blanks dropped."""
    meta, weights = load(model)
    x = torch.tensor(np.load(canvas)).float() / 255
    with torch.no_grad():
        logp = posteriors(meta, weights, x[None, None])[0]
    best = torch.unique_consecutive(logp.argmax(1)).tolist()
    return logp.numpy(), text_of([k for k in best if k > 0], meta)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    logp, text = read(sys.argv[1], sys.argv[2])
    print(text)
    if len(sys.argv) == 4:
        np.save(sys.argv[3], logp)
