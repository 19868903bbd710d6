"""Inputs that the unit tests make by the same formula (test/unit/reference.h), and C output."""

import numpy as np


def bits(stream, n):
    """32 random-looking bits for values 0 .. n-1 of a stream."""
    mask = np.uint64(0xFFFFFFFF)
    x = (np.uint64(stream) * np.uint64(0x9E3779B9) + np.arange(n, dtype=np.uint64)) & mask
    x = ((x ^ (x >> np.uint64(16))) * np.uint64(0x45D9F3B5)) & mask
    x = ((x ^ (x >> np.uint64(15))) * np.uint64(0x2C1B3C6D)) & mask
    return x ^ (x >> np.uint64(16))


def values(stream, *shape):
    """In [-1, 1), exact in float32."""
    n = int(np.prod(shape))
    return ((bits(stream, n) >> np.uint64(8)).astype(np.float64) * 2.0**-23 - 1.0).reshape(shape)


def number(x):
    return repr(int(x)) if isinstance(x, (int, np.integer)) else repr(float(x))


def row(xs):
    return "{" + ", ".join(number(x) for x in xs) + "}"


class Header:
    """A C header of named constants and arrays."""

    def __init__(self, path, guard, what):
        self.path, self.guard = path, guard
        self.lines = ["/* %s */" % what, "/* Written by test/reference/make_reference.py with PyTorch. */",
                      "#ifndef %s" % guard, "#define %s" % guard, ""]

    def define(self, name, value):
        self.lines.append("#define %s %d" % (name, value))

    def array(self, ctype, name, xs):
        body = ",\n".join("\t" + ", ".join(number(x) for x in xs[i:i + 4]) for i in range(0, len(xs), 4))
        self.lines.append("static const %s %s[] = {\n%s\n};" % (ctype, name, body))

    def table(self, ctype, name, rows):
        body = ",\n".join("\t" + row(r) for r in rows)
        self.lines.append("static const %s %s[][%d] = {\n%s\n};" % (ctype, name, len(rows[0]), body))

    def write(self):
        with open(self.path, "w") as f:
            f.write("\n".join(self.lines + ["", "#endif"]) + "\n")
