"""The keras preset in PyTorch and ONNX Runtime, on the weights of a model file of ours.

Each way of running it is a "variant": a function (model file, batch size, threads) that returns a function from
ink [N][1][H][W], float32 0..1, to log posteriors [N][T][K], both NumPy arrays.  A variant that this
installation cannot run raises an exception when it is made or first called; the callers report
that and go on.  Used by peer.py and, inside the server, by plpython.sql.
"""

import ctypes
import io
import json
import os
import struct
import warnings

import numpy as np

warnings.filterwarnings("ignore")

EPSILON = 1e-3
LAYERS = dict(conv=(0, 3, 6), norm=(2, 5, 8), dense=10, lstm=(11, 13), output=15)


def load(path):
    """Alphabet and tensors of a safetensors file of ours: names to float32 arrays."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        data = f.read()
    meta = header.pop("__metadata__")
    tensors = {name: np.frombuffer(data, "<f4", offset=t["data_offsets"][0], count=int(np.prod(t["shape"])))
               .reshape(t["shape"]) for name, t in header.items()}
    return meta["alphabet"], tensors


def greedy(logp, alphabet):
    """Text of log posteriors [T][K]: the best class a step, runs merged, blanks dropped."""
    best = logp.argmax(1)
    keep = np.append(True, best[1:] != best[:-1]) & (best > 0)
    return "".join(alphabet[k - 1] for k in best[keep])


#
# PyTorch
#

def torch_net(path, dropout=0.25):
    import torch
    from torch import nn
    _, w = load(path)

    def tensor(name, *axes):
        return torch.from_numpy(np.array(w[name].transpose(axes) if axes else w[name], order="C"))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.convs, self.norms, self.lstms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
            for c, b in zip(LAYERS["conv"], LAYERS["norm"]):
                kernel = tensor(f"{c}.conv.kernel", 3, 2, 0, 1)
                conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
                conv.weight.data, conv.bias.data = kernel, tensor(f"{c}.conv.bias")
                norm = nn.BatchNorm2d(kernel.shape[0], eps=EPSILON)
                for ours, theirs in (("gamma", "weight"), ("beta", "bias"), ("mean", "running_mean"),
                                     ("variance", "running_var")):
                    getattr(norm, theirs).data = tensor(f"{b}.norm.{ours}")
                self.convs.append(conv)
                self.norms.append(norm)
            self.dense = self.linear(f"{LAYERS['dense']}.dense")
            for i in LAYERS["lstm"]:
                n_in, n4 = w[f"{i}.lstm.forward.kernel"].shape
                lstm = nn.LSTM(n_in, n4 // 4, batch_first=True, bidirectional=True)
                for direction, end in (("forward", ""), ("reverse", "_reverse")):
                    p = f"{i}.lstm.{direction}."
                    getattr(lstm, "weight_ih_l0" + end).data = tensor(p + "kernel", 1, 0)
                    getattr(lstm, "weight_hh_l0" + end).data = tensor(p + "recurrent", 1, 0)
                    getattr(lstm, "bias_ih_l0" + end).data = tensor(p + "bias")
                    getattr(lstm, "bias_hh_l0" + end).data.zero_()
                self.lstms.append(lstm)
            self.drop = nn.Dropout(dropout)
            self.output = self.linear(f"{LAYERS['output']}.output")

        def linear(self, name):
            kernel = tensor(name + ".kernel", 1, 0)
            linear = nn.Linear(kernel.shape[1], kernel.shape[0])
            linear.weight.data, linear.bias.data = kernel, tensor(name + ".bias")
            return linear

        def maps(self, x):
            for conv, norm in zip(self.convs, self.norms):
                x = norm(nn.functional.max_pool2d(torch.relu(conv(x)), 2))
            # [N][C][8][W] to steps: each column gives two, the upper half of its rows first
            n, c, h, width = x.shape
            return x.permute(0, 3, 2, 1).reshape(n, width * 2, h // 2 * c)

        def forward(self, x):
            x = torch.relu(self.dense(self.maps(x)))
            for lstm in self.lstms:
                x = self.drop(lstm(x)[0])
            return torch.log_softmax(self.output(x).float(), 2)

    return Net()


def keep_memory():
    """glibc gives large blocks back to the kernel at once, and the page faults of getting them again cost PyTorch
    a third of its time: have it keep them."""
    mmap_threshold, trim_threshold = -3, -1
    libc = ctypes.CDLL(None)
    libc.mallopt(mmap_threshold, 1 << 30)
    libc.mallopt(trim_threshold, (1 << 31) - 1)


def torch_runner(net, channels_last, bfloat16=False):
    import torch
    memory = torch.channels_last if channels_last else torch.contiguous_format
    dtype = torch.bfloat16 if bfloat16 else torch.float32

    def run(x):
        with torch.inference_mode():
            return net(torch.from_numpy(x).to(dtype).contiguous(memory_format=memory)).numpy()
    return run


def torch_eval(path, threads, channels_last, bfloat16=False):
    import torch
    keep_memory()
    torch.set_num_threads(threads)
    net = torch_net(path).eval()
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
    return net.bfloat16() if bfloat16 else net


def torch_eager(channels_last, bfloat16=False):
    def make(path, batch, threads):
        return torch_runner(torch_eval(path, threads, channels_last, bfloat16), channels_last, bfloat16)
    return make


def torch_int8(path, batch, threads):
    """Weights of the LSTMs and dense layers in 8 bits, their inputs rounded as they come."""
    import torch
    net = torch.ao.quantization.quantize_dynamic(torch_eval(path, threads, True), {torch.nn.LSTM, torch.nn.Linear})
    return torch_runner(net, True)


def torch_script(path, batch, threads):
    """TorchScript, frozen: weights constant, convolutions in oneDNN's own layouts."""
    import torch
    with torch.no_grad():
        net = torch.jit.trace(torch_eval(path, threads, False), torch.zeros(batch, 1, 64, 256))
        net = torch.jit.optimize_for_inference(torch.jit.freeze(net))
    return torch_runner(net, False)


def torch_compile(channels_last, bfloat16=False):
    """torch.compile with frozen weights."""
    def make(path, batch, threads):
        import torch
        import torch._dynamo
        import torch._inductor.config
        torch._dynamo.config.allow_rnn = True
        torch._inductor.config.freezing = True
        net = torch.compile(torch_eval(path, threads, channels_last, bfloat16), dynamic=False)
        return torch_runner(net, channels_last, bfloat16)
    return make


TORCH = {"eager": torch_eager(False),
         "channels_last": torch_eager(True),
         "channels_last_bfloat16": torch_eager(True, True),
         "channels_last_int8": torch_int8,
         "script": torch_script,
         "compile": torch_compile(False),
         "compile_channels_last": torch_compile(True),
         "compile_bfloat16": torch_compile(True, True)}


#
# ONNX Runtime
#

def onnx_by_hand(path, target, batch):
    """The network from ONNX's own operators."""
    from onnx import TensorProto, helper, numpy_helper, save
    _, w = load(path)
    nodes, weights = [], []

    def constant(name, value):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(kind, *inputs, **attributes):
        out = f"v{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def linear(x, name):
        return op("Add", op("MatMul", x, constant(name + ".kernel", w[name + ".kernel"])),
                  constant(name + ".bias", w[name + ".bias"]))

    def gates(a, axis):
        """Ours are in the order i, f, g, o; ONNX's in the order i, o, f, g."""
        i, f, g, o = np.split(a, 4, axis)
        return np.concatenate((i, o, f, g), axis)

    x = "x"
    for c, b in zip(LAYERS["conv"], LAYERS["norm"]):
        kernel = constant(f"{c}.kernel", w[f"{c}.conv.kernel"].transpose(3, 2, 0, 1))
        x = op("Conv", x, kernel, constant(f"{c}.bias", w[f"{c}.conv.bias"]), kernel_shape=[3, 3], pads=[1, 1, 1, 1])
        x = op("MaxPool", op("Relu", x), kernel_shape=[2, 2], strides=[2, 2])
        x = op("BatchNormalization", x, *(constant(f"{b}.{p}", w[f"{b}.norm.{p}"])
                                          for p in ("gamma", "beta", "mean", "variance")), epsilon=EPSILON)
    x = op("Reshape", op("Transpose", x, perm=[0, 3, 2, 1]), constant("steps", np.array([0, 64, 512])))
    x = op("Transpose", op("Relu", linear(x, f"{LAYERS['dense']}.dense")), perm=[1, 0, 2])
    for i in LAYERS["lstm"]:
        parts = [[w[f"{i}.lstm.{d}.{p}"] for d in ("forward", "reverse")] for p in ("kernel", "recurrent", "bias")]
        kernel, recurrent = (np.stack([gates(a, 1).T for a in p]) for p in parts[:2])
        bias = np.stack([np.concatenate((gates(a, 0), np.zeros_like(a))) for a in parts[2]])
        x = op("LSTM", x, constant(f"{i}.w", kernel), constant(f"{i}.r", recurrent), constant(f"{i}.b", bias),
               hidden_size=recurrent.shape[2], direction="bidirectional")
        x = op("Reshape", op("Transpose", x, perm=[0, 2, 1, 3]), constant(f"{i}.joined", np.array([0, 0, -1])))
    x = linear(op("Transpose", x, perm=[1, 0, 2]), f"{LAYERS['output']}.output")
    nodes.append(helper.make_node("LogSoftmax", [x], ["logp"], axis=2))
    graph = helper.make_graph(
        nodes, "keras", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 1, 64, 256])],
        [helper.make_tensor_value_info("logp", TensorProto.FLOAT, [batch, 64, w[f"{LAYERS['output']}.output.bias"].size])],
        weights)
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), target)


def onnx_from_torch(path, target, batch):
    import torch
    torch.onnx.export(torch_net(path).eval(), (torch.zeros(batch, 1, 64, 256),), target, verbose=False)


def onnx_runner(target, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(target, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0]


def onnx_variant(export):
    """The graph is kept beside the model file for later calls."""
    def make(path, batch, threads):
        target = f"{path}.{export.__name__}.{batch}.onnx"
        if not os.path.exists(target):
            export(path, target, batch)
        return onnx_runner(target, threads)
    return make


ONNX = {"graph_by_hand": onnx_variant(onnx_by_hand),
        "torch_export": onnx_variant(onnx_from_torch)}


#
# Images
#

def canvas(image):
    """An encoded image (a path or a file object) to ink [H][W], 0..1, as cheaply as Pillow does it: grey and, where
    it is large, smaller already in the decoder.  Without hwr's estimate of paper and ink."""
    from PIL import Image
    with Image.open(image) as im:
        im.draft("L", (2 * 256, 2 * 64))
        im = im.convert("L").resize((256, 64), Image.Resampling.BILINEAR)
        return 1 - np.asarray(im, np.float32) * np.float32(1 / 255)


class Reader:
    """From encoded images to texts, for functions in the server: one a session."""

    def __init__(self, path, software, variant):
        self.make = {"torch": TORCH, "onnx": ONNX}[software][variant]
        self.path = path
        self.alphabet, _ = load(path)
        self.runners = {}

    def __call__(self, images):
        n = len(images)
        if n not in self.runners:
            self.runners[n] = self.make(self.path, n, 1)
        x = np.stack([canvas(io.BytesIO(image)) for image in images])[:, None]
        return [greedy(logp, self.alphabet) for logp in self.runners[n](x)]
