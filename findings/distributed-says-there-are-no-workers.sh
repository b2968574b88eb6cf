#!/usr/bin/env bash
# A client of Dask that asks which workers there are, `scheduler_info(n_workers=-1)`, would be told
# those that there are. The answer is kept in one place, where the client itself puts another every
# two seconds, for which it asked for no workers at all; who reads in between is told there are none.
# Here it asks every millisecond, so that it is seen in seconds. The scheduler's own answer is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip --disable-pip-version-check install --quiet distributed==2026.8.0
cat > "$folder/look.py" <<'END'
import time

import dask
import distributed
from distributed import Client, LocalCluster

dask.config.set({"distributed.client.scheduler-info-interval": "1ms"})
print("distributed", distributed.__version__)
with LocalCluster(
    n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=":0"
) as cluster:
    client = Client(cluster.scheduler_address, set_as_default=False)

    def asked(ask, seconds=15):
        end, none, every = time.monotonic() + seconds, 0, 0
        while time.monotonic() < end:
            every += 1
            none += not ask()["workers"]
        return none, every

    kept = asked(lambda: client.scheduler_info(n_workers=-1))
    told = asked(lambda: client.sync(client.scheduler.identity, n_workers=-1))
    client.close()
print("scheduler_info: no worker in %d of %d answers" % kept)
print("the scheduler itself: in %d of %d" % told)
assert kept[0] > 0, "scheduler_info names the workers now"
assert told[0] == 0
END
"$folder/venv/bin/python" -W ignore "$folder/look.py"
