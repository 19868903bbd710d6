"""The peers' side of "make bench", outside the database: PyTorch, ONNX Runtime, Pillow.

usage: peer.py torch|onnx MODEL CANVASES LABELS THREADS

Speaks the protocol of bench_core.c's "serve", and "software" (names and versions) and
"jpeg FILE WIDTH HEIGHT SOURCE" (write a JPEG of this size from another image) besides.
"""

import os
import statistics
import sys
import time

import numpy as np

import network

MIN_CALLS = 3
CLOCK = time.process_time if os.environ.get("BENCH_CLOCK") == "cpu" else time.perf_counter


def measure(call, n, seconds):
    times = []
    call()
    start = CLOCK()
    while len(times) < MIN_CALLS or CLOCK() < start + seconds:
        t = CLOCK()
        call()
        times.append(CLOCK() - t)
    return f"{statistics.median(times) / n:.9g} {len(times)}"


class Training:
    """The step of the keras preset: CTC, SGD with Nesterov momentum, clipping by the global norm."""

    def __init__(self, peer, variant, n, dropout):
        import torch
        self.torch = torch
        network.keep_memory()
        torch.set_num_threads(peer.threads)
        memory = torch.channels_last if "channels_last" in variant else torch.contiguous_format
        self.net = network.torch_net(peer.path, dropout).train().to(memory_format=memory)
        if "compile" in variant:
            # not the LSTMs: it would unroll them, and compile for many minutes
            self.net.maps = torch.compile(self.net.maps, dynamic=False)
        self.autocast = "bfloat16" in variant
        self.x = torch.from_numpy(peer.x[:n]).contiguous(memory_format=memory)
        self.labels = torch.tensor([k for label in peer.labels[:n] for k in label])
        self.lengths = torch.tensor([len(label) for label in peer.labels[:n]])
        self.steps = torch.full((n,), 64)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=0.002, momentum=0.9, nesterov=True)

    def step(self):
        torch = self.torch
        self.optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.autocast):
            logp = self.net(self.x)
        loss = torch.nn.functional.ctc_loss(logp.transpose(0, 1), self.labels, self.steps, self.lengths,
                                            reduction="none").mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
        self.optimizer.step()
        return loss.item()


class Peer:
    def __init__(self, software, path, canvases, labels, threads):
        self.software, self.path, self.threads = software, path, int(threads)
        self.variants = {"torch": network.TORCH, "onnx": network.ONNX}[software]
        self.x = np.fromfile(canvases, np.uint8).reshape(-1, 1, 64, 256).astype(np.float32) / np.float32(255)
        with open(labels) as f:
            self.labels = [[int(k) for k in line.split()] for line in f]
        self.runners = {}
        self.training = None

    def do_software(self):
        if self.software == "torch":
            import PIL
            import torch
            return f"PyTorch {torch.__version__}, Pillow {PIL.__version__}, NumPy {np.__version__}"
        import onnxruntime
        return f"ONNX Runtime {onnxruntime.__version__}"

    def do_variants(self):
        return "\t".join(self.variants)

    def runner(self, variant, n):
        key = (variant, n)
        if key not in self.runners:
            self.runners[key] = self.variants[variant](self.path, n, self.threads)
        return self.runners[key]

    def do_posteriors(self, variant, n, target):
        n = int(n)
        np.asarray(self.runner(variant, n)(self.x[:n]), np.float32).tofile(target)
        return ""

    def do_loss(self, variant, n):
        return f"{Training(self, variant, int(n), 0.0).step():.9g}"

    def do_infer(self, variant, n, seconds):
        x = self.x[:int(n)]
        run = self.runner(variant, int(n))
        return measure(lambda: run(x), int(n), float(seconds))

    def do_train(self, variant, n, seconds):
        if self.training is None or self.training[0] != (variant, n):
            self.training = ((variant, n), Training(self, variant, int(n), 0.25))
        return measure(self.training[1].step, int(n), float(seconds))

    def do_decode(self, path, seconds):
        return measure(lambda: network.canvas(path), 1, float(seconds))

    def do_jpeg(self, target, width, height, source):
        from PIL import Image
        with Image.open(source) as im:
            im.resize((int(width), int(height)), Image.Resampling.BICUBIC).save(target, "JPEG", quality=85)
        return ""


def main():
    peer = Peer(*sys.argv[1:])
    for line in sys.stdin:
        verb, *args = line.split()
        try:
            answer = "ok " + getattr(peer, "do_" + verb)(*args)
        except Exception as e:
            answer = f"error {type(e).__name__}: {e}".replace("\n", " ")[:300]
        print(answer, flush=True)


if __name__ == "__main__":
    main()
