#!/usr/bin/env bash
# BS-RoFormer (the network as its re-implementer publishes it) and bs-roformer-infer (which separates
# with it) look as if the second used the first. Both are the import package `bs_roformer`, and neither
# says so: whichever pip installs last writes its network over that of the other, with another
# interface, pip lists both as installed, and to uninstall one takes the files of the other along.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
pip=("$folder/venv/bin/python" -m pip --disable-pip-version-check)
# what they need to compute (torch) is left out: only their own files are looked at
"${pip[@]}" install --quiet --no-deps bs-roformer-infer==0.1.5
"${pip[@]}" install --quiet --no-deps BS-RoFormer==1.2.4
cat >"$folder/look.py" <<'PYTHON'
import base64
import hashlib
import sys
from importlib.metadata import distribution


def owned(name):
    return {str(one): one for one in distribution(name).files if str(one).endswith(".py")}


def as_installed(file):
    digest = hashlib.sha256(file.locate().read_bytes()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == file.hash.value


mine = owned("bs-roformer-infer")
if sys.argv[1] == "both":
    shared = sorted(mine.keys() & owned("BS-RoFormer").keys())
    print("in both:", ", ".join(shared))
    changed = [name for name in shared if not as_installed(mine[name])]
    print("of bs-roformer-infer, overwritten:", ", ".join(changed))
    assert "bs_roformer/bs_roformer.py" in changed, "they do not overwrite each other any more"
else:
    gone = sorted(name for name, file in mine.items() if not file.locate().exists())
    print("of bs-roformer-infer, which is still installed, gone:", ", ".join(gone))
    assert "bs_roformer/__init__.py" in gone, "the other one's files stay now"
PYTHON
"$folder/venv/bin/python" "$folder/look.py" both
"${pip[@]}" list 2>/dev/null | grep -i roformer
"${pip[@]}" uninstall --quiet --yes BS-RoFormer
"$folder/venv/bin/python" "$folder/look.py" one
