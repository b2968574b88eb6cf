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
from ._base.errors import (
    AudioError,
    BatchError,
    Cancelled,
    CatalogError,
    DeviceError,
    GraphError,
    InputError,
    InputsError,
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
from ._base.units import unit_of
from ._loading import load, stock, stock_graphs
from ._machine.cost import Cost
from ._machine.devices import Avoid
from ._node.catalog import Catalog
from ._node.context import RunContext
from ._node.declaration import NodeType, Preparation, accelerated
from ._node.decorator import Node, node
from ._node.values import File, Report, Value
from ._run.events import (
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
from ._run.forecast import Forecast, PlannedStep
from ._run.results import Result
from ._run.settings import default_store
from ._sound.audio import Audio
from ._sound.decode import Limits, read_audio
from ._sound.overview import Overview, overview
from ._sound.workspace import AudioWriter
from ._store.folder import Store

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
    "InputsError",
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
