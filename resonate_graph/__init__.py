"""resonate_graph: audio restoration graphs.

Steps are typed nodes, a graph is a JSON file or is built in Python, and nothing is computed
twice.

    >>> import resonate_graph as rg
    >>> sorted(rg.stock("deliver").document.outputs)
    ['delivered', 'loudness']

Graphs: `Graph`, `load`, `stock`, `Result`, `Forecast`, `Store`.
Nodes: `node`, `Audio`, `File`, `Report`, `RunContext`, `Preparation`, `accelerated`, `Cost`,
`Avoid`, `Catalog`. For those that draw or report: `overview`, `Overview`, `unit_of`.
Errors: `ResonateError` and what is below it.
"""

from ._api import Graph
from ._audio import Audio
from ._catalog import Catalog
from ._context import RunContext
from ._cost import Cost
from ._decode import Limits, read_audio
from ._devices import Avoid
from ._errors import (
    AudioError,
    BatchError,
    Cancelled,
    CatalogError,
    DeviceError,
    GraphError,
    InputError,
    MissingModelError,
    ModelError,
    NodeError,
    OutputError,
    ParamError,
    Problem,
    ResonateError,
    ResonateWarning,
    RunError,
    StoreError,
)
from ._events import (
    Event,
    InputRead,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    NodeWaiting,
    RunFinished,
    RunStarted,
    Warned,
)
from ._forecast import Forecast, PlannedStep
from ._loading import load, stock, stock_graphs
from ._node import Node, node
from ._node_type import NodeType, Preparation, accelerated
from ._overview import Overview, overview
from ._results import Result
from ._settings import default_store
from ._store import Store
from ._units import unit_of
from ._values import File, Report, Value
from ._workspace import AudioWriter

__version__ = "0.1.0"

__all__ = [
    "Audio",
    "AudioError",
    "AudioWriter",
    "Avoid",
    "BatchError",
    "Cancelled",
    "Catalog",
    "CatalogError",
    "Cost",
    "DeviceError",
    "Event",
    "File",
    "Forecast",
    "Graph",
    "GraphError",
    "InputError",
    "InputRead",
    "Limits",
    "MissingModelError",
    "ModelError",
    "Node",
    "NodeError",
    "NodeFinished",
    "NodeProgress",
    "NodeStarted",
    "NodeType",
    "NodeWaiting",
    "OutputError",
    "Overview",
    "ParamError",
    "PlannedStep",
    "Preparation",
    "Problem",
    "Report",
    "ResonateError",
    "ResonateWarning",
    "Result",
    "RunContext",
    "RunError",
    "RunFinished",
    "RunStarted",
    "Store",
    "StoreError",
    "Value",
    "Warned",
    "accelerated",
    "default_store",
    "load",
    "node",
    "overview",
    "read_audio",
    "stock",
    "stock_graphs",
    "unit_of",
]
