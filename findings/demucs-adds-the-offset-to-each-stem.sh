#!/usr/bin/env bash
# Stems are parts of a mix, so one would guess that a constant offset of the mix is divided among
# them. Demucs takes the mean of the mix off before the network and adds it to every stem after it:
# 0.05 in the mix is 0.05 in each of four stems, and 0.2 in their sum.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet \
  demucs==4.1.0 torch==2.13.0 numpy==2.4.4
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'END'
from importlib.metadata import version
from pathlib import Path

import torch
from demucs.api import Separator
from demucs.htdemucs import HTDemucs

print("demucs", version("demucs"), "torch", torch.__version__)
torch.manual_seed(0)
settings = {"sources": ["drums", "bass", "other", "vocals"], "channels": 16, "t_layers": 1, "segment": 2}
weights = HTDemucs(**settings).state_dict()
Path("models").mkdir()
package = {"klass": HTDemucs, "args": (), "kwargs": settings, "state": weights}
torch.save(package, "models/random.th")
separator = Separator(model="random", repo=Path("models"), shifts=0, device="cpu")
mix = 0.1 * torch.randn(2, 3 * 44_100)
offset = 0.05
stems = {}
for added in (0.0, offset):
    stems[added] = separator.separate_tensor(mix + added)[1]
risen = {stem: float((stems[offset][stem] - stems[0.0][stem]).mean()) for stem in stems[0.0]}
print("the mix is raised by", offset, "and the stems by", {k: round(v, 4) for k, v in risen.items()})
print("their sum is raised by", round(sum(risen.values()), 4))
assert all(abs(rise - offset) < 1e-4 for rise in risen.values()), "it is divided now"
END
