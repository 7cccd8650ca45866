"""NATTEN's attention to 7 x 7 neighbours beside LibTorch's to all tokens, on a GPU, where NATTEN is installed.

    python natten_attention.py    prints a JSON object; {"error": …} where there is no NATTEN

64 times 16 heads of 64 channels in bfloat16, as `mvar bench attention --device cuda --precision bfloat16 --batch 32` has them.
Every backend of NATTEN that takes them is tried, and the fastest named.
"""

import json
import time


def version():
    import natten

    return f"NATTEN {getattr(natten, '__version__', 'unknown')}"


def chosen(maps):
    """The backend that NATTEN takes by itself."""
    import natten

    # Versions before 0.20 have none to choose from.
    choose = getattr(getattr(natten, "backends", None), "choose_backend", None)
    try:
        return choose(*maps, torch_compile=False)
    except Exception:  # a version that chooses otherwise, or has nothing for this GPU
        return "unknown"


def candidates(maps):
    """All that NATTEN may take, by name: options of `na2d`."""
    import natten

    found = {chosen(maps): {}}
    compatible = getattr(getattr(natten, "backends", None), "get_compatible_backends", None)
    try:
        names = compatible(*maps, torch_compile=False)
    except Exception:  # see above: then its own choice alone
        return found
    found.update({name: {"backend": name} for name in names})
    allow = getattr(natten, "allow_flex_compile", None)
    if "flex-fna" in names and allow:
        allow()
        found["flex-fna, compiled"] = {"backend": "flex-fna", "torch_compile": True}
    return found


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


def measured(side):
    import natten
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    maps = [torch.randn(32, side, side, 32, 64, device="cuda", dtype=torch.bfloat16) for _ in range(3)]
    tokens = [x.flatten(1, 2).transpose(1, 2).contiguous() for x in maps]
    row = {"side": side, "dense_ms": milliseconds(lambda: scaled_dot_product_attention(*tokens)), "backends": {}}
    for name, options in candidates(maps).items():
        try:
            row["backends"][name] = milliseconds(lambda: natten.na2d(*maps, kernel_size=7, **options))
        except Exception as error:  # without a library for this GPU, or too large for it, say: others may do
            row.setdefault("errors", {})[name] = " ".join(str(error).split())[:300]
            torch.cuda.empty_cache()
    if row["backends"]:
        row["backend"], row["natten_ms"] = min(row["backends"].items(), key=lambda item: item[1])
    return row


def main():
    try:
        import natten  # noqa: F401
        import torch
    except ImportError as error:
        return {"error": str(error)}
    rows = []
    with torch.inference_mode():
        for side in (16, 32, 64):
            rows.append(measured(side))
    return {"natten": version(), "rows": rows}


if __name__ == "__main__":
    print(json.dumps(main()))
