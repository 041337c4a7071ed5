"""Every figure of work on a GPU, in one run: ``python -m benchmarks.gpu``.

Encoding on the device (the fused kernel, eager PyTorch, vector-quantize-pytorch's ResidualVQ with the same codewords,
the tokens' agreement, and what memory and schedulers would allow), `dfe encode` from Parquet to Parquet with its parts
alone, steps of training a second, and maps. Reads the codebook `default` and a dataset of $DFE_CACHE (`make run` makes
both). ``--device cpu`` runs the same with few frames, the kernel in Triton's interpreter: it shows that the command
works, and none of its figures is one of a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import traceback
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

AIMS = {"full, as shipped": 36e6, "share the same": 0.9999, "end to end": 5e6, "steps/s": 1500}
"""What was set out for one H100; of steps, at the default batch."""
PARTS = ("encoding", "agreement", "files", "training", "maps")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--dataset", default="simulated")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--frames", type=int, help="of the kernel (default: 2^20; 4,096 on a CPU)")
    parser.add_argument("--compared", type=int, help="frames of the agreement (default: 100,000; 2,000 on a CPU)")
    parser.add_argument("--every", type=int, default=1, help="one recording of so many is compared")
    parser.add_argument("--codebook", default="default", help="whose tokens are compared")
    parser.add_argument("--file-frames", type=int, help="of dfe encode (default: 20 million; 20,000 on a CPU)")
    parser.add_argument("--steps", type=int, help="of training (default: 1,000; 10 on a CPU)")
    parser.add_argument("--sample", type=int, help="frames of a map (default: 20,000; 1,000 on a CPU)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
    args = parser.parse_args()
    if not args.device.startswith("cuda"):
        os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported
    from dfe_core.devices import chosen_device, on_device
    from dfe_core.errors import DataError

    try:
        device = str(chosen_device("cuda" if args.device == "auto" else args.device))
    except DataError as error:
        raise SystemExit(f"{error}: `python -m benchmarks.gpu --device cpu` tries the command on a CPU") from None
    on_gpu, found = device.startswith("cuda"), {}
    if not (on_gpu or args.json):
        print("On a CPU: the kernel is interpreted. None of these figures is one of a GPU.\n")
    with on_device(device):
        for name, figure in measured(args, device):
            found[name] = figure
            if not args.json:
                print("\n".join(lines({name: figure})), flush=True)
    if on_gpu:
        reached = list(figures(found))
        found["aims"] = {n: f"{v:,.4g} of {AIMS[n]:,.4g}" for n, v in reversed(reached) if n in AIMS}
    if args.json:
        print(json.dumps(found, indent=1))
    elif on_gpu:
        print("\n".join(lines({"aims": found["aims"]})))
    if any(isinstance(figure, str) for figure in found.values()):
        raise SystemExit(1)


def measured(args: argparse.Namespace, name: str) -> Iterator[tuple[str, Any]]:
    """Every part that is asked for as soon as it is done; of one that failed the error, and the others go on."""
    import torch

    from benchmarks.gpu.machine import described

    device = torch.device(name)
    yield "machine", described(device)
    for title, part in parts(args, device).items():
        try:
            yield title, part()
        except Exception as error:  # noqa: BLE001 - the other parts still have their figures
            traceback.print_exc()
            yield title, f"failed: {type(error).__name__}: {error}"


def parts(args: argparse.Namespace, device: torch.device) -> dict[str, Callable[[], Any]]:
    """The parts that are asked for, by the title of their figures."""
    from benchmarks.gpu.files import from_file_to_file
    from benchmarks.gpu.kernels import agreement, encoding
    from benchmarks.gpu.maps import maps
    from benchmarks.gpu.training import training

    on_gpu = device.type == "cuda"
    frames = args.frames or (1 << 20 if on_gpu else 4096)
    compared = args.compared or (100_000 if on_gpu else 2000)
    of_files = args.file_frames or (20_000_000 if on_gpu else 20_000)
    steps, batches = (args.steps or 1000, (2048, 8192, 32_768)) if on_gpu else (args.steps or 10, (2048,))
    sample = args.sample or (20_000 if on_gpu else 1000)
    found: dict[str, tuple[str, Callable[[], Any]]] = {
        "encoding": ("encoding, frames/s", lambda: encoding(device, args.dataset, frames, args.repeats)),
        "agreement": ("agreement", lambda: agreement(device, args.codebook, args.dataset, compared, args.every)),
        "files": ("dfe encode, frames/s", lambda: from_file_to_file(device, args.dataset, of_files)),
        "training": ("training", lambda: training(device, args.dataset, steps, batches)),
        "maps": ("maps", lambda: maps(device, args.dataset, sample)),
    }
    return dict(found[name] for name in PARTS if name in args.only)


def figures(found: dict[str, Any]) -> Iterator[tuple[str, float]]:
    """Every figure with its own name, in order."""
    for name, value in found.items():
        if isinstance(value, dict):
            yield from figures(value)
        elif isinstance(value, float):
            yield name, value


def lines(found: dict[str, Any], depth: int = 0) -> list[str]:
    """The figures as text, one a line."""
    out = []
    for name, value in found.items():
        if isinstance(value, dict):
            out += [f"{'  ' * depth}{name}", *lines(value, depth + 1)]
        else:
            out.append(f"{'  ' * depth}{name:<{60 - 2 * depth}} {_written(value)}")
    return out


def _written(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    main()
