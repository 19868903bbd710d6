"""Trials for compare.py: the processes that are measured, and what their times come to."""

import os
import statistics
import subprocess
import time

CPU_CLOCK = os.environ.get("BENCH_CLOCK") == "cpu"


class Unavailable(Exception):
    """Something cannot be measured here; the text says why."""


def reason(error):
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


class Server:
    """A process that answers each line with "ok ..." or "error ...": bench_core or peer.py."""

    def __init__(self, *command, log=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True)

    def ask(self, *words):
        """The answer's text after "ok"."""
        try:
            self.process.stdin.write(" ".join(str(w) for w in words) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            raise Unavailable("the process ended")
        verdict, _, text = answer.rstrip("\n").partition(" ")
        if verdict != "ok":
            raise Unavailable(text)
        return text

    def time(self, *words):
        return float(self.ask(*words).split()[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Session:
    """A session of psql, and so one backend."""

    END = "end of answer"

    def __init__(self, psql):
        self.process = subprocess.Popen([psql, "-XqAt"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.pid = int(self.query("SELECT pg_backend_pid()"))

    def query(self, sql):
        self.process.stdin.write(f"{sql};\n\\echo {self.END}\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == self.END:
                text = "\n".join(lines)
                if "ERROR:" in text:
                    raise Unavailable(text[text.index("ERROR:"):])
                return text
            lines.append(line.rstrip("\n"))
        raise Unavailable("the session ended")

    def clock(self):
        """Seconds: elapsed, or of processor time that this backend has used."""
        if not CPU_CLOCK:
            return time.perf_counter()
        with open(f"/proc/{self.pid}/schedstat") as f:
            return int(f.read().split()[0]) * 1e-9

    def time(self, sql):
        start = self.clock()
        self.query(sql)
        return self.clock() - start

    def memory(self):
        """Bytes that this backend alone holds."""
        with open(f"/proc/{self.pid}/status") as f:
            for line in f:
                if line.startswith("RssAnon:"):
                    return int(line.split()[1]) * 1024
        raise Unavailable("no RssAnon in /proc")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Times:
    """Repetitions of one measurement."""

    def __init__(self, values):
        self.values = values
        self.median = statistics.median(values)

    def spread(self):
        """Half the distance between the extremes, in per cent of the median."""
        return 50 * (max(self.values) - min(self.values)) / self.median

    def ms(self):
        return f"{1e3 * self.median:9.3f} ms +-{self.spread():3.0f} %"


def alternate(parties, repetitions):
    """Measure the parties (name -> function returning seconds) in turns: A B C A B C ..., so that what else happens
    on the machine hits all of them."""
    values = {name: [] for name in parties}
    for _ in range(repetitions):
        for name, trial in parties.items():
            values[name].append(trial())
    return {name: Times(v) for name, v in values.items()}
