#!/usr/bin/env python3
"""hwr's CUDA backend beside PyTorch on the same card, in the same run.

    bench/gpu.py [--batches 32,128,256,512,1024] [--presets keras,default] [--backend build/gpu/hwr_cuda.so]

Both sides train the same network with AdamW on the same number of random canvases, 8-bit and on the card, labels of ten
characters, without augmentation, in bfloat16 with float32 master weights; and read batches.  PyTorch gets its best of several
ways (channels-last and fused AdamW always; compiled, CUDA graphs).  A way that this installation cannot run is
reported and left out.  Times are of whole steps on the host's clock, the loss read back every step; inference begins at
8-bit images in host memory and ends at log posteriors there.  Prints images a second and "ratio CASE NUMBER", ours over PyTorch's.
"""

import argparse
import re
import statistics
import subprocess
import sys
import time

CLASSES, LABEL, POOL, ROUNDS, SECONDS, WARM = 79, 10, 4096, 5, 1.0, 5

def make_net(vgsl):
    """The network of a VGSL string as the presets use it; input [N][1][H][W] in 0..1, output log posteriors [N][T][K]."""
    import torch
    from torch import nn

    def numbers(item):
        return [float(x) for x in re.findall(r"[\d.]+", item)]

    class Sequence(nn.Module):
        """[N][C][H][W] to [N][W a][H / a C]: each column gives a steps, the upper rows first."""
        def __init__(self, a):
            super().__init__()
            self.a = a

        def forward(self, x):
            n, c, h, w = x.shape
            return x.permute(0, 3, 2, 1).reshape(n, w * self.a, h // self.a * c)

    class Lstm(nn.Module):
        def __init__(self, inputs, units):
            super().__init__()
            self.lstm = nn.LSTM(inputs, units, batch_first=True, bidirectional=True)

        def forward(self, x):
            return self.lstm(x)[0]

    class LogSoftmax(nn.Module):
        def forward(self, x):
            return torch.log_softmax(x.float(), 2)

    items = vgsl.strip("[]").split()
    _, height, width, channels = (int(x) for x in items[0].split(","))
    layers, steps = [], False

    def to_steps(a):
        nonlocal channels, steps
        layers.append(Sequence(a))
        channels, steps = channels * height // a, True

    for item in items[1:]:
        if item.startswith("C"):
            y, x, d = (int(v) for v in numbers(item))
            layers += [nn.Conv2d(channels, d, (y, x), padding="same"), nn.ReLU()]
            channels = d
        elif item.startswith("Bn"):
            layers.append(nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01))
        elif item.startswith("Mp"):
            y, x = (int(v) for v in numbers(item))
            layers.append(nn.MaxPool2d((y, x)))
            height //= y
        elif item.startswith("S"):
            to_steps(int(re.search(r"\((\d+)x", item).group(1)))
        elif item.startswith("Do"):
            layers.append(nn.Dropout(numbers(item)[0]))
        elif not item.startswith("O"):
            if not steps:
                to_steps(1)
            units = int(numbers(item)[0])
            if item.startswith("F"):
                layers += [nn.Linear(channels, units), nn.ReLU()]
                channels = units
            else:
                layers.append(Lstm(channels, units))
                channels = 2 * units
    layers += [nn.Linear(channels, CLASSES), LogSoftmax()]
    return nn.Sequential(*layers), int(items[0].split(",")[1]), width


def rate(work, n):
    for _ in range(WARM):
        work()
    rates = []
    for _ in range(ROUNDS):
        steps, start = 0, time.perf_counter()
        while time.perf_counter() - start < SECONDS:
            work()
            steps += 1
        rates.append(steps * n / (time.perf_counter() - start))
    return statistics.median(rates)


def torch_setup(vgsl, way, n, training):
    import torch
    net, height, width = make_net(vgsl)
    net = net.cuda().to(memory_format=torch.channels_last).train(training)
    pool = torch.randint(0, 256, (POOL, 1, height, width), dtype=torch.uint8)
    example = torch.rand(n, 1, height, width, device="cuda").contiguous(memory_format=torch.channels_last)
    run = net
    with torch.autocast("cuda", torch.bfloat16, cache_enabled=False), torch.set_grad_enabled(training):
        if "compile" in way:
            run = torch.compile(net, dynamic=False, mode="max-autotune-no-cudagraphs" if "graph" in way else None)
            run(example)
        if "graph" in way and training:
            run = torch.cuda.make_graphed_callables(run, (example,))
    return net, run, pool, example


def torch_train(vgsl, way, n):
    import torch
    net, run, pool, _ = torch_setup(vgsl, way, n, True)
    pool = pool.cuda()
    labels = torch.randint(1, CLASSES, (POOL, LABEL), device="cuda")
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)
    label_lengths = torch.full((n,), LABEL, dtype=torch.long)

    def step():
        at = torch.randint(0, POOL, (n,), device="cuda")
        x = (pool[at].float() / 255).contiguous(memory_format=torch.channels_last)
        optimizer.zero_grad(set_to_none="graph" not in way)
        with torch.autocast("cuda", torch.bfloat16, cache_enabled="graph" not in way):
            logp = run(x)
        steps = torch.full((n,), logp.shape[1], dtype=torch.long)
        loss = torch.nn.functional.ctc_loss(logp.transpose(0, 1), labels[at], steps, label_lengths, zero_infinity=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimizer.step()
        return loss.item()
    return rate(step, n)


def torch_infer(vgsl, way, n):
    import torch
    net, run, pool, example = torch_setup(vgsl, way, n, False)
    images = pool[:n].pin_memory()
    static = torch.empty_like(example)
    graph = None

    def forward(x):
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16):
            return run(x)

    if "graph" in way:
        side = torch.cuda.Stream()
        with torch.cuda.stream(side):
            for _ in range(3):
                forward(static)
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            out = forward(static)

    def read():
        x = images.cuda(non_blocking=True).float().div_(255).contiguous(memory_format=torch.channels_last)
        if graph is None:
            return forward(x).cpu()
        static.copy_(x)
        graph.replay()
        return out.cpu()
    return rate(read, n)


WAYS = ("eager", "graph", "compile", "compile_graph")


def best_of_torch(kind, preset, vgsl, n):
    best = 0.0
    for way in WAYS:
        try:
            images = (torch_train if kind == "train" else torch_infer)(vgsl, way, n)
        except Exception as e:
            print(f"# pytorch {kind} {preset} {n} {way}: cannot run: {str(e).splitlines()[0][:150]}")
            continue
        print(f"# pytorch {kind} {preset} {n} {way}: {images:.0f} images/s", flush=True)
        best = max(best, images)
    return best


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batches", default="32,128,256,512,1024")
    parser.add_argument("--presets", default="keras,default")
    parser.add_argument("--backend", default="build/gpu/hwr_cuda.so")
    args = parser.parse_args()
    batches = args.batches.split(",")

    try:
        import torch
        if torch.cuda.is_available():
            torch.backends.cudnn.benchmark = True
            print(f"# PyTorch {torch.__version__}, cuDNN {torch.backends.cudnn.version()}, "
                  f"{torch.cuda.get_device_name()}")
            peer = True
        else:
            peer = False
    except ImportError:
        peer = False
    if not peer:
        print("# no PyTorch with CUDA here: ours alone")

    for preset in args.presets.split(","):
        ours = subprocess.run(["build/f32/gpu/bench_gpu", args.backend, preset, *batches], text=True, stdout=subprocess.PIPE)
        sys.stdout.write(ours.stdout)
        if ours.returncode != 0:
            return ours.returncode
        vgsl = None
        for line in ours.stdout.splitlines():
            kind, _, *rest = line.split(maxsplit=2 if line.startswith("network") else 3)
            if kind == "network":
                vgsl = rest[0]
                continue
            n, images = rest
            theirs = best_of_torch(kind, preset, vgsl, int(n)) if peer else 0
            if theirs > 0:
                print(f"ratio {kind}-{preset}-{n} {float(images) / theirs:.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
