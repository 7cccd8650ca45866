"""A peer in a process of its own: makes a picture, or learns a step, for every line that it reads, and says how long
that took.

compare.py starts it; nothing else needs to. One JSON object a line, both ways:

    reads   {"part": "sample", "decoder" or "train", "batch": N}
    writes  {"torch": version, "natten": what computes MVAR's attention} once it is ready, then {"seconds": for
            the batch, "decoder_seconds": …, "peak_memory_mib": …, and "peak_reserved_memory_mib": … on a GPU} for
            each line; {"error": one line} where something is wrong
"""

import argparse
import contextlib
import json
import os
import resource
import sys
import time

PATCH_NUMS = (1, 2, 3, 4, 5, 6, 8, 10, 13, 16)
# What `mvar bench sample` takes for a d16: MVAR-d16's published settings.
SAMPLING = dict(cfg=2.7, top_k=1200, top_p=0.99)


def load(kind, checkout, depth, device):
    """The tokenizer and the transformer of a checkout, in the published shape of a depth."""
    import stand_ins

    stand_ins.install(keeps_natten=device != "cpu")
    sys.path.insert(0, checkout)
    import models

    build = models.build_vae_var if kind == "var" else models.build_vae_mvar
    vae, transformer = build(
        V=4096, Cvae=32, ch=160, share_quant_resi=4, device=device, patch_nums=PATCH_NUMS, num_classes=1000, depth=depth,
        shared_aln=False)
    return vae.to(device).eval(), transformer.to(device).eval()


def randomize(module):
    """Weights with which every layer acts on its output; a fresh model's would be nearly silent."""
    import torch

    for name, parameter in module.named_parameters():
        parameter.requires_grad_(False)
        if "scale_mul" in name:
            parameter.fill_(1.386)  # ln 4, as in a fresh model
        elif name.endswith("bias"):
            parameter.zero_()
        elif parameter.dim() < 2:
            parameter.fill_(1)
        elif name.endswith("quantize.embedding.weight"):
            torch.nn.init.normal_(parameter)
        elif "emb" in name or name.startswith("pos"):
            torch.nn.init.normal_(parameter, std=0.1)
        else:
            torch.nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)


class Peer:
    def __init__(self, kind, checkout, autocast, depth, device, compiles):
        import torch

        self.kind = kind
        self.device = torch.device(device)
        self.autocast = autocast and getattr(torch, autocast)
        torch.manual_seed(0)
        self.vae, self.transformer = load(kind, checkout, depth, device)
        self.optimizer = None
        randomize(self.vae)
        randomize(self.transformer)
        if compiles:
            # Every scale has another length: one compilation for all of them, and as many as there are blocks.
            torch._dynamo.config.recompile_limit = 64
            for block in self.transformer.blocks:
                block.forward = torch.compile(block.forward, dynamic=True)
            self.vae.decoder.forward = torch.compile(self.vae.decoder.forward)
        self.decoder_seconds = 0.0
        decode = self.vae.fhat_to_img

        def timed(latent):
            start = self.now()
            picture = decode(latent)
            self.decoder_seconds = self.now() - start
            return picture

        self.vae.fhat_to_img = timed

    def now(self):
        """The time once everything that was asked for is done."""
        import torch

        if self.device.type != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter()

    def answer(self, request):
        import torch

        part, learns = request["part"], request["part"] == "train"
        casts = torch.autocast(
            self.device.type, dtype=self.autocast or torch.bfloat16, enabled=self.autocast is not None)
        with torch.inference_mode(not learns), casts:
            start = self.now()
            {"sample": self.sample, "decoder": self.decode, "train": self.learn}[part](request["batch"])
            seconds = self.now() - start
        peaks = peak_memory(self.device)
        if self.device.type != "cpu":
            torch.cuda.empty_cache()  # others take their turn on the same device
        return {"seconds": seconds, "decoder_seconds": self.decoder_seconds, **peaks}

    def sample(self, batch):
        import torch

        settings = dict(B=batch, label_B=torch.arange(batch, device=self.device), g_seed=1, **SAMPLING)
        if self.kind == "var":
            return self.transformer.autoregressive_infer_cfg(**settings)
        latent = self.transformer.autoregressive_infer(**settings)
        return self.vae.fhat_to_img(latent).add_(1).mul_(0.5)

    def learn(self, batch):
        """A step as VAR's trainer takes it, from tokens on: one masked pass over all scales, AdamW, clipping at 2."""
        import torch

        if self.optimizer is None:
            self.transformer.train().requires_grad_(True)
            self.vae.encoder = self.vae.decoder = None  # a step from tokens on needs the quantizer alone
            self.optimizer = torch.optim.AdamW(
                self.transformer.parameters(), lr=1e-4, betas=(0.9, 0.95), weight_decay=0.05)
        tokens = [torch.randint(4096, (batch, side * side), device=self.device) for side in PATCH_NUMS]
        with torch.no_grad():
            inputs = self.vae.quantize.idxBl_to_var_input(tokens)
        logits = self.transformer(torch.arange(batch, device=self.device), inputs)
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.cat(tokens, dim=1).flatten())
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.transformer.parameters(), 2.0)
        self.optimizer.step()

    def decode(self, batch):
        import torch

        return self.vae.fhat_to_img(torch.randn(batch, 32, PATCH_NUMS[-1], PATCH_NUMS[-1], device=self.device))


def natten(kind, autocast, device):
    """What computes MVAR's attention to neighbours; None for VAR, which has none."""
    import natten_attention
    import stand_ins
    import torch

    if kind != "mvar":
        return None
    if sys.modules["natten"].na2d is stand_ins.na2d:
        return "dense, with a mask, for want of NATTEN"
    maps = [
        torch.zeros(1, 16, 16, 16, 64, device=device, dtype=getattr(torch, autocast or "float32")) for _ in range(3)]
    return f"{natten_attention.version()}, {natten_attention.chosen(maps)}"


def peak_memory(device):
    """Of the process; on a GPU the most that tensors had there, and the most that the allocator held for them."""
    import torch

    if device.type != "cpu":
        return {
            "peak_memory_mib": torch.cuda.max_memory_allocated() / 2**20,
            "peak_reserved_memory_mib": torch.cuda.max_memory_reserved() / 2**20}
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return {"peak_memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["var", "mvar"])
    parser.add_argument("checkout")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--depth", type=int, default=16)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--autocast", choices=["bfloat16", "float16"], help="by torch.autocast")
    parser.add_argument("--compile", action="store_true", help="by torch.compile")
    arguments = parser.parse_args()
    # The peers' constructors print: the pipe is for answers only.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def write(answer):
        print(json.dumps(answer), file=answers, flush=True)

    try:
        import torch
    except ImportError as error:
        return write({"error": f"torch cannot be imported by {sys.executable}: {error}"})
    try:
        torch.set_num_threads(arguments.threads)
        with contextlib.redirect_stdout(sys.stderr):
            peer = Peer(
                arguments.kind, arguments.checkout, arguments.autocast, arguments.depth, arguments.device,
                arguments.compile)
        write({
            "torch": torch.__version__, "natten": natten(arguments.kind, arguments.autocast, arguments.device)})
        for line in sys.stdin:
            write(peer.answer(json.loads(line)))
    except Exception as error:  # whatever it is, one line about it
        message = " ".join(f"{type(error).__name__}: {error}".split())
        write({"error": f"the {arguments.kind} of {arguments.checkout} failed: {message}"})


if __name__ == "__main__":
    main()
