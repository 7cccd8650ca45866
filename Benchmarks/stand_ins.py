"""Stand-ins for packages that the public code of VAR and MVAR imports and that a CPU does without.

`install()` puts them where `import` looks first. What is installed for real is left alone, but on a CPU for NATTEN, which
has no fast path there: its `na2d` becomes dense attention with the mask of the same windows.

    python stand_ins.py FILE    compares `na2d` with recorded cases (kernels/neighborhood_attention.safetensors)
"""

import functools
import importlib.util
import json
import struct
import sys
import types

import torch
from torch.nn.functional import normalize, scaled_dot_product_attention


@functools.lru_cache(maxsize=None)
def window_mask(height, width, kernel, dtype, device):
    """What is added to the products of all queries and keys: 0 inside a query's window, -inf outside. [T, T]"""

    def axis(size):
        start = (torch.arange(size) - kernel // 2).clamp(0, max(size - kernel, 0))[:, None]
        keys = torch.arange(size)[None, :]
        return (keys >= start) & (keys < start + kernel)

    rows, columns = axis(height), axis(width)
    visible = rows[:, None, :, None] & columns[None, :, None, :]  # [h, w, h, w]
    visible = visible.reshape(height * width, height * width)
    return torch.zeros(visible.shape, dtype=dtype).masked_fill_(~visible, -torch.inf).to(device)


def na2d(query, key, value, kernel_size, dilation=1, scale=None):
    """Attention of every place to the kernel_size x kernel_size places around it: [B, h, w, H, D], as NATTEN's."""
    if dilation != 1:
        raise ValueError(f"this stand-in has no dilation but 1, and {dilation} is asked for")
    batch, height, width, heads, channels = query.shape

    def tokens(x):
        return x.reshape(batch, height * width, heads, channels).transpose(1, 2)  # [B, H, T, D]

    mask = window_mask(height, width, kernel_size, query.dtype, query.device)
    mixed = scaled_dot_product_attention(tokens(query), tokens(key), tokens(value), attn_mask=mask, scale=scale)
    return mixed.transpose(1, 2).reshape(query.shape)


def rearrange(x, pattern, **sizes):
    """The two patterns that MVAR's code needs of einops."""
    if pattern == "b h (h1 w1) c -> b h1 w1 h c":
        batch, heads, _, channels = x.shape
        return x.transpose(1, 2).reshape(batch, sizes["h1"], sizes["w1"], heads, channels)
    if pattern == "b h1 w1 h c -> b (h1 w1) (h c)":
        return x.reshape(x.shape[0], x.shape[1] * x.shape[2], -1)
    raise ValueError(f"this stand-in for einops does not know '{pattern}'")


class PyTorchModelHubMixin:
    """Takes the keywords that the real one takes, and does nothing."""

    def __init_subclass__(cls, **keywords):
        super().__init_subclass__()


def install(keeps_natten=False):
    def put(name, **contents):
        module = types.ModuleType(name)
        module.__dict__.update(contents)
        sys.modules[name] = module

    if not keeps_natten or importlib.util.find_spec("natten") is None:
        put("natten", na2d=na2d)
    if importlib.util.find_spec("einops") is None:
        put("einops", rearrange=rearrange, repeat=None)
    if importlib.util.find_spec("huggingface_hub") is None:
        put("huggingface_hub", PyTorchModelHubMixin=PyTorchModelHubMixin, HfApi=None, snapshot_download=None)


def read_safetensors(path):
    """The tensors of a file (float32 only), and its metadata."""
    with open(path, "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        contents = bytearray(file.read())
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            begin, end = entry["data_offsets"]
            tensors[name] = torch.frombuffer(contents, dtype=torch.float32, count=(end - begin) // 4, offset=begin)
            tensors[name] = tensors[name].reshape(entry["shape"])
    return tensors, metadata


def check(path):
    """Prints the largest error of `na2d` in every recorded case."""
    tensors, metadata = read_safetensors(path)
    for index in range(int(metadata["cases"])):
        case = json.loads(metadata[f"case{index}"])
        q, k, v, expected = (tensors[f"case{index}.{name}"] for name in ("q", "k", "v", "out"))
        scale = case["scale"]
        if case["l2norm"]:
            temperature = tensors[f"case{index}.scale_mul"].clamp(max=4.605170185988092).exp()
            q, k, scale = normalize(q, dim=-1) * temperature[None, :, None, None], normalize(k, dim=-1), 1.0

        def on_map(x):
            return x.transpose(1, 2).reshape(case["batch"], case["height"], case["width"], case["heads"], case["dim"])

        result = na2d(on_map(q), on_map(k), on_map(v), case["kernel"], scale=scale)
        error = (result - on_map(expected)).abs().max().item()
        print(f"{case['height']} x {case['width']}, kernel {case['kernel']}: largest error {error:.1e}")
        if not error < 2e-5:
            sys.exit(f"case {index} differs: na2d is not what NATTEN computes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    check(sys.argv[1])
