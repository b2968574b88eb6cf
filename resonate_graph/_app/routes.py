"""What browsers fetch beside Streamlit's own: files of runs, parts of waveforms and spectra.

A run is named by 64 random bits, a file by its way inside the run's ``out``; nothing else can be
named.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from .desk import the_desk
from .jobs import Job
from .loudness import loudness
from .views import HIGHEST_DBFS, LOWEST_DBFS, facts_of, tile, wave

PREFIX = "/resonate"
_DAY = "private, max-age=86400"
#: Nothing is to be packed on its way through one machine: that takes longer than the way.
_AS_IT_IS = {"Content-Encoding": "identity"}


def routes() -> list[Route]:
    """Return the routes."""
    return [
        Route(f"{PREFIX}/plotly.min.js", _plotly),
        Route(f"{PREFIX}/runs/{{run}}/out/all.zip", _zip),
        Route(f"{PREFIX}/runs/{{run}}/out/{{path:path}}", _file),
        Route(f"{PREFIX}/runs/{{run}}/in/{{name}}", _brought),
        Route(f"{PREFIX}/runs/{{run}}/wave/{{view}}", _wave),
        Route(f"{PREFIX}/runs/{{run}}/spectrum/{{view}}", _spectrum),
        Route(f"{PREFIX}/runs/{{run}}/loudness/{{view}}", _loudness),
    ]


def address_of_input(job: Job, name: str) -> str:
    """Return where browsers find what was brought for an input of a run."""
    return f"{PREFIX}/runs/{job.id}/in/{name}"


def address(job: Job, path: str = "") -> str:
    """Return where browsers find a file of a run."""
    return f"{PREFIX}/runs/{job.id}/out/{path}"


async def _plotly(request: Request) -> Response:
    headers = {"Cache-Control": _DAY, **_AS_IT_IS}
    return FileResponse(_plotly_script(), media_type="text/javascript", headers=headers)


@cache
def _plotly_script() -> Path:
    found = importlib.util.find_spec("plotly")  # which need not be imported for that
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).with_name("package_data") / "plotly.min.js"


async def _file(request: Request) -> Response:
    out = _job(request).out.resolve()
    try:
        path = (out / request.path_params["path"]).resolve()
        there = path.is_relative_to(out) and path.is_file()
    except (OSError, ValueError):  # a name that is too long, or has a zero in it
        there = False
    if not there:
        raise HTTPException(404)
    return FileResponse(path, headers={"X-Content-Type-Options": "nosniff"})


async def _brought(request: Request) -> Response:
    call, name = _job(request).call, request.path_params["name"]
    if name not in call.brought or not Path(call.inputs[name]).is_file():
        raise HTTPException(404)
    return FileResponse(call.inputs[name], headers={"X-Content-Type-Options": "nosniff"})


async def _zip(request: Request) -> Response:
    job = _job(request)
    if job.state.status != "done":
        raise HTTPException(404)
    return FileResponse(await run_in_threadpool(job.zipped), media_type="application/zip")


async def _wave(request: Request) -> Response:
    place = _view(request)
    start, stop, columns = _part(request)
    found = await run_in_threadpool(wave, place, start, stop, columns)
    content = found.low.astype("<f4").tobytes() + found.high.astype("<f4").tobytes()
    return _binary(content, {"Start": found.start, "Step": found.step})


async def _loudness(request: Request) -> Response:
    place = _view(request)
    start, stop, columns = _part(request)
    return JSONResponse(await run_in_threadpool(loudness, place, start, stop, columns))


async def _spectrum(request: Request) -> Response:
    place = _view(request)
    start, stop, columns = _part(request)
    low, high = _number(request, "low", 0.0), _number(request, "high", 1e9)
    scale = request.query_params.get("scale", "log")
    if scale not in ("log", "linear"):
        raise HTTPException(400, "scale is log or linear")

    found = await run_in_threadpool(
        tile,
        place,
        start,
        stop,
        columns,
        scale="linear" if scale == "linear" else "log",
        low_hz=low,
        high_hz=high,
    )
    bands, wide = found.levels.shape
    facts = {
        "Bands": bands,
        "Columns": wide,
        "Start": found.start,
        "Stop": found.stop,
        "Low": float(found.hertz[0]),
        "High": float(found.hertz[-1]),
        "Lowest": LOWEST_DBFS,
        "Highest": HIGHEST_DBFS,
    }
    return _binary(found.levels.tobytes(), facts)


def _binary(content: bytes, facts: Mapping[str, float]) -> Response:
    """Return an answer of bytes, with what they mean in its headers."""
    headers = {f"X-Part-{name}": str(value) for name, value in facts.items()}
    return Response(
        content, media_type="application/octet-stream", headers={**headers, **_AS_IT_IS}
    )


def _job(request: Request) -> Job:
    try:
        return the_desk().jobs[request.path_params["run"]]
    except KeyError:
        raise HTTPException(404) from None


def _view(request: Request) -> Path:
    job, name = _job(request), str(request.path_params["view"])
    place = job.views / name
    try:
        if name.isdecimal():
            facts_of(place)
            return place
    except OSError:
        pass
    raise HTTPException(404)


def _part(request: Request) -> tuple[float, float, int]:
    start, stop = _number(request, "from", 0.0), _number(request, "to", 1e9)
    columns = int(_number(request, "columns", 1000))
    if not start < stop:
        raise HTTPException(400, "from is below to")
    return start, stop, columns


def _number(request: Request, name: str, default: float) -> float:
    try:
        value = float(request.query_params.get(name, default))
    except ValueError:
        raise HTTPException(400, f"{name} is a number") from None
    if not math.isfinite(value):
        raise HTTPException(400, f"{name} is a number")
    return value
