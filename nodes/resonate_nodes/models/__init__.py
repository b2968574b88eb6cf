"""The models that come with the stock nodes: ``mini``. What it is and can do is in ``mini.md``.

Other packages bring models alike, under an entry point of the group ``resonate_graph.models``: a
package that holds files as a models folder does, and may say their digests.
"""

#: blake3 of each file, so that one that is damaged, or another by its name, is not taken for it.
#: ``python -m examples.mini_model.export`` writes both.
DIGESTS: dict[str, str] = {
    "mini.safetensors": "7efdd5df2961fb0648ea997d17c20e7d414dd0bcc78218c71ca83b8efffa2525",
}
