#!/usr/bin/env bash
# Two threads that each import another part of scipy, as functions do that import what they need when
# they are called, fail where neither has imported scipy before: "partially initialized module", or
# KeyError: 'scipy'. Python waits with an import that another thread is at, but not with the package
# above it: where sys.modules has an entry, its parts are imported at once. The one thread is in
# scipy/__init__ and wants scipy._lib, the other has begun with scipy._lib and wants scipy; Python sees
# that they would wait for ever, and gives one of them the other's module as far as it has come.
# Most of the time it fails where numpy is not imported either, since scipy/__init__ begins with that.
# `import scipy` first, by one of them, is enough: it imports no part.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet scipy==1.17.1 numpy==2.4.4

cat > "$folder/threads.py" <<'END'
import importlib, sys, threading

first, *parts = sys.argv[1:]
if first == "before":
    import scipy
ready, failed = threading.Barrier(len(parts)), []


def imported(part):
    ready.wait()
    try:
        importlib.import_module(part)
    except Exception as error:
        failed.append(f"{part}: {error!r:.90}")


threads = [threading.Thread(target=imported, args=(part,)) for part in parts]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*failed, sep="\n", end="")
sys.exit(bool(failed))
END

parts=(scipy.fft scipy.ndimage scipy.signal scipy.special scipy.linalg)
together=0
for _ in $(seq 20); do
    "$folder/venv/bin/python" "$folder/threads.py" none "${parts[@]}" > "$folder/said" 2> "$folder/numpys" || {
        together=$((together + 1))
        cp "$folder/said" "$folder/failed"
    }
done
before=0
for _ in $(seq 20); do
    "$folder/venv/bin/python" "$folder/threads.py" before "${parts[@]}" || before=$((before + 1))
done
"$folder/venv/bin/python" -c 'import sys, scipy; print("Python", sys.version.split()[0], "scipy", scipy.__version__)'
echo "five threads, a part of scipy each: $together of 20 processes failed; scipy imported before: $before"
sed 's/^/    /' "$folder/failed"; echo
[ "$together" -gt 0 ] && [ "$before" -eq 0 ]
