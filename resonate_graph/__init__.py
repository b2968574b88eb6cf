"""resonate_graph: audio restoration graphs.

Steps are typed nodes, a graph is a JSON file or is built in Python, and nothing is computed
twice.

    >>> import resonate_graph as rg
    >>> sorted(rg.stock("deliver").document.outputs)
    ['delivered', 'loudness']

Graphs: `Graph`, `load`, `stock`, their `schema`, a `Difference` of two; how they are run:
`Settings`, `Binding`, `Limits`.
Results: `Result`, `Target`, `Forecast`, `Reason`, `Row`, `Drawing`; `Store` and `inventory` of what
it has; `read_provenance` of a file, to make it again, and `verify`, whether it is what that says.
Archives: `batch`, which gives a `BatchRow` for each recording.
Nodes: `node`, `Audio`, `File`, `Report`, `RunContext`, `Preparation`, `Placed`, `accelerated`,
`Cost`, `Avoid`, `KnownModel`, `Catalog`, `NodeType`, `Port`. For those that draw or report:
`overview`, `Overview`, `unit_of`, `Finding`, and `pages`, the parts of pages with the player.
What steps say they did: `did_in_words`.
The machine: `devices`, `this_machine`.
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
    ManifestError,
    MissingModelError,
    ModelError,
    NodeError,
    NodeFault,
    OutputError,
    OverwriteError,
    ParamError,
    Problem,
    ResonateError,
    ResonateWarning,
    RunError,
    StoreError,
)
from ._base.units import unit_of
from ._base.version import VERSION
from ._corpus import BatchRow, batch
from ._experiment.inventory import StoredItem, inventory
from ._experiment.rows import Row
from ._experiment.why import Reason
from ._graph.bound import BoundGraph
from ._graph.difference import Difference
from ._graph.document import GraphDocument
from ._loading import load, schema, stock, stock_graphs
from ._machine.capacity import Machine, this_machine
from ._machine.cost import Cost
from ._machine.devices import Avoid, Device, devices
from ._machine.torch_audio import torchaudio
from ._node.catalog import BrokenPack, Catalog
from ._node.context import RunContext
from ._node.declaration import NodeType, Placed, Preparation, accelerated
from ._node.decorator import Node, node
from ._node.known_models import KnownModel
from ._node.notes import did_in_words
from ._node.ports import Port, PortType
from ._node.values import File, Finding, Report, Value
from ._page import pages
from ._page.drawing import Drawing
from ._run.bindings import Binding
from ._run.events import (
    Event,
    InputRead,
    NodeFinished,
    NodeProgress,
    NodeStarted,
    NodeWaiting,
    PictureMade,
    RunFinished,
    RunPlanned,
    RunStarted,
    Warned,
)
from ._run.forecast import Forecast, PlannedStep
from ._run.recipe import Recipe, read_provenance
from ._run.results import Result
from ._run.settings import Settings, default_store
from ._run.targets import Target
from ._run.verify import Verification, verify
from ._sound.audio import Audio
from ._sound.decode import Salvaged, read_audio, salvage
from ._sound.limits import Limits
from ._sound.overview import Overview, overview
from ._sound.workspace import AudioWriter
from ._store.folder import Store
from ._store.records import Entry, Record

__version__ = VERSION

__all__ = [
    "Audio",
    "AudioError",
    "AudioWriter",
    "Avoid",
    "BatchError",
    "BatchRow",
    "Binding",
    "BoundGraph",
    "BrokenPack",
    "Cancelled",
    "Catalog",
    "CatalogError",
    "Cost",
    "Device",
    "DeviceError",
    "Difference",
    "Drawing",
    "Entry",
    "Event",
    "File",
    "Finding",
    "Forecast",
    "Graph",
    "GraphDocument",
    "GraphError",
    "InputError",
    "InputRead",
    "InputsError",
    "KnownModel",
    "Limits",
    "Machine",
    "ManifestError",
    "MissingModelError",
    "ModelError",
    "Node",
    "NodeError",
    "NodeFault",
    "NodeFinished",
    "NodeProgress",
    "NodeStarted",
    "NodeType",
    "NodeWaiting",
    "OutputError",
    "Overview",
    "OverwriteError",
    "ParamError",
    "PictureMade",
    "Placed",
    "PlannedStep",
    "Port",
    "PortType",
    "Preparation",
    "Problem",
    "Reason",
    "Recipe",
    "Record",
    "Report",
    "ResonateError",
    "ResonateWarning",
    "Result",
    "Row",
    "RunContext",
    "RunError",
    "RunFinished",
    "RunPlanned",
    "RunStarted",
    "Salvaged",
    "Settings",
    "Store",
    "StoreError",
    "StoredItem",
    "Target",
    "Value",
    "Verification",
    "Warned",
    "accelerated",
    "batch",
    "default_store",
    "devices",
    "did_in_words",
    "inventory",
    "load",
    "node",
    "overview",
    "pages",
    "read_audio",
    "read_provenance",
    "salvage",
    "schema",
    "stock",
    "stock_graphs",
    "this_machine",
    "torchaudio",
    "unit_of",
    "verify",
]
