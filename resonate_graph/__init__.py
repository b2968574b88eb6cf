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

# torch and others ask for it, and once the main thread has ended it cannot be loaded any more
from concurrent.futures import thread as _thread  # noqa: F401
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ._base.display import shown_by
from ._base.version import VERSION

if TYPE_CHECKING:  # what it is all made of; each part is imported when it is first asked for
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
    from ._corpus import BatchRow, batch
    from ._experiment.inventory import StoredItem, inventory
    from ._experiment.rows import Row
    from ._experiment.why import Reason
    from ._graph.bound import BoundGraph
    from ._graph.difference import Difference
    from ._graph.document import GraphDocument
    from ._graph.stock import stock_graphs
    from ._loading import load, schema, stock
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

#: Where each name lives: the module is imported when somebody asks for the name, so that nobody
#: waits for what is not used. The imports above say the same to type checkers and editors.
_NAMES = {
    "._api": "Graph",
    "._base.errors": (
        "AudioError BatchError Cancelled CatalogError DeviceError GraphError InputError "
        "InputsError ManifestError MissingModelError ModelError NodeError NodeFault "
        "OutputError OverwriteError ParamError Problem ResonateError ResonateWarning RunError "
        "StoreError"
    ),
    "._base.units": "unit_of",
    "._corpus": "BatchRow batch",
    "._experiment.inventory": "StoredItem inventory",
    "._experiment.rows": "Row",
    "._experiment.why": "Reason",
    "._graph.bound": "BoundGraph",
    "._graph.difference": "Difference",
    "._graph.document": "GraphDocument",
    "._graph.stock": "stock_graphs",
    "._loading": "load schema stock",
    "._machine.capacity": "Machine this_machine",
    "._machine.cost": "Cost",
    "._machine.devices": "Avoid Device devices",
    "._machine.torch_audio": "torchaudio",
    "._node.catalog": "BrokenPack Catalog",
    "._node.context": "RunContext",
    "._node.declaration": "NodeType Placed Preparation accelerated",
    "._node.decorator": "Node node",
    "._node.known_models": "KnownModel",
    "._node.notes": "did_in_words",
    "._node.ports": "Port PortType",
    "._node.values": "File Finding Report Value",
    "._page.pages": "pages",
    "._page.drawing": "Drawing",
    "._run.bindings": "Binding",
    "._run.events": (
        "Event InputRead NodeFinished NodeProgress NodeStarted NodeWaiting PictureMade "
        "RunFinished RunPlanned RunStarted Warned"
    ),
    "._run.forecast": "Forecast PlannedStep",
    "._run.recipe": "Recipe read_provenance",
    "._run.results": "Result",
    "._run.settings": "Settings default_store",
    "._run.targets": "Target",
    "._run.verify": "Verification verify",
    "._sound.audio": "Audio",
    "._sound.decode": "Salvaged read_audio salvage",
    "._sound.limits": "Limits",
    "._sound.overview": "Overview overview",
    "._sound.workspace": "AudioWriter",
    "._store.folder": "Store",
    "._store.records": "Entry Record",
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names.split()}


shown_by(f"{__name__}._page.notebook", f"{__name__}._experiment.shown")


if not TYPE_CHECKING:  # which would take it for a promise of whatever name there is

    def __getattr__(name: str) -> Any:
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module = import_module(_MODULES[name], __name__)
        value = module if name == "pages" else getattr(module, name)  # pages are a whole module
        globals()[name] = value  # which Python finds the next time, without asking here
        return value


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("_"))]
