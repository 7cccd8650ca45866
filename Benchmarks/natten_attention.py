"""NATTEN's attention to 7 x 7 neighbours beside LibTorch's to all tokens, on a GPU, where NATTEN is installed.

    python natten_attention.py    prints a JSON object; {"error": …} where there is no NATTEN

64 times 16 heads of 64 channels in bfloat16, as `mvar bench attention --device cuda --precision bfloat16 --batch 32` has them.
"""

import json
import time


def milliseconds(body):
    """The median of ten, after a few to warm up, each with its own wait for the device."""
    import torch

    times = []
    for _ in range(13):
        torch.cuda.synchronize()
        start = time.perf_counter()
        body()
        torch.cuda.synchronize()
        times.append(1000 * (time.perf_counter() - start))
    return sorted(times[3:])[5]


def main():
    try:
        import natten
        import torch
        from torch.nn.functional import scaled_dot_product_attention
    except ImportError as error:
        return {"error": str(error)}
    rows = []
    with torch.inference_mode():
        for side in (16, 32, 64):
            maps = [torch.randn(32, side, side, 32, 64, device="cuda", dtype=torch.bfloat16) for _ in range(3)]
            tokens = [x.flatten(1, 2).transpose(1, 2).contiguous() for x in maps]
            row = {"side": side, "dense_ms": milliseconds(lambda: scaled_dot_product_attention(*tokens))}
            try:
                row["natten_ms"] = milliseconds(lambda: natten.na2d(*maps, kernel_size=7))
            except Exception as error:  # without a library for this GPU, say: the other sides may do
                row["error"] = " ".join(str(error).split())
            rows.append(row)
    return {"natten": natten.__version__, "rows": rows}


if __name__ == "__main__":
    print(json.dumps(main()))
