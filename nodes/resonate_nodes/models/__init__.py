"""The models that come with the stock nodes: ``mini``. What it is and can do is in ``mini.md``.

Other packages bring models alike, under an entry point of the group ``resonate_graph.models``: a
package that holds files as a models folder does, and may say their digests.
"""

#: blake3 of each file, so that one that is damaged, or another by its name, is not taken for it.
#: ``python -m examples.mini_model.export`` writes both.
DIGESTS: dict[str, str] = {
    "mini.safetensors": "f2bbc514cfe7a6f2e6eb1819e9c711a59acb9cda728c4f08d048203dbf57c2c6"
}
