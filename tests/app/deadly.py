"""A node that ends its process from within, as a plug-in or the system does."""

DEADLY = """
import os, signal
from resonate_graph import Audio, node

@node()
def deadly(audio: Audio) -> Audio:
    '''End the process.'''
    os.kill(os.getpid(), signal.SIGKILL)
    return audio
"""
