"""Models in files of hwr's (safetensors): the values of their tensors as lists, for tools that make one model of another.

Needs nothing but Python.
"""
import json
import struct


def read(path):
	"""The metadata, and {name: (shape, values)}; without the language model, whose bytes are no values."""
	data = open(path, "rb").read()
	size = struct.unpack("<Q", data[:8])[0]
	header = json.loads(data[8:8 + size])
	metadata = header.pop("__metadata__")
	tensors = {}
	for name, t in header.items():
		if t["dtype"] not in ("F16", "F32"):
			continue
		begin, end = (8 + size + o for o in t["data_offsets"])
		letter, width = {"F16": ("e", 2), "F32": ("f", 4)}[t["dtype"]]
		tensors[name] = (t["shape"], struct.unpack("<%d%s" % ((end - begin) // width, letter), data[begin:end]))
	return metadata, tensors


def write(path, metadata, tensors):
	"""With 32-bit values."""
	header, body, at = {"__metadata__": metadata}, [], 0
	for name, (shape, values) in tensors.items():
		data = struct.pack("<%df" % len(values), *values)
		header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at, at + len(data)]}
		body.append(data)
		at += len(data)
	text = json.dumps(header).encode()
	text += b" " * (-len(text) % 8)
	with open(path, "wb") as out:
		out.write(struct.pack("<Q", len(text)) + text + b"".join(body))
