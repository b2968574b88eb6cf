"""Storing: what the store has, what it saved, and what is kept of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import streamlit as st

from .. import ResonateError, StoredItem, inventory
from .desk import Desk
from .words import literally, plainly

_LISTED = 500


def show_store(desk: Desk) -> None:
    """Show what is stored, and let it be pinned and removed."""
    store = desk.store
    st.header("What is stored")
    st.caption(literally(str(store.path)))
    every = (one for one in inventory(store) if one.here and not one.own)
    items = sorted(every, key=lambda one: -one.created)
    if not items:
        st.info("Nothing is stored yet.")
        return
    size, saved = sum(one.bytes for one in items), sum(one.seconds_saved for one in items)
    columns = st.columns(3)
    columns[0].metric("results", len(items))
    columns[1].metric("size", f"{size / 1e6:.0f} MB")
    columns[2].metric("computing it saved", f"{saved:.0f} s")
    names, work = labels_of(desk), desk.jobs.folder.parent
    event = st.dataframe(
        [
            {"name": name_of(one, names, work), "graph": one.graph, "MB": round(one.bytes / 1e6, 1),
             "took, s": round(one.seconds, 1), "uses": one.uses,
             "saved, s": round(one.seconds_saved, 1), "pinned": "yes" if one.pinned else "",
             "made": time.strftime("%Y-%m-%d %H:%M", time.localtime(one.created))}
            for one in items[:_LISTED]
        ],
        hide_index=True, selection_mode="multi-row", on_select="rerun", key="stored",
    )  # fmt: skip
    if len(items) > _LISTED:
        st.caption(f"{len(items) - _LISTED} older ones are not listed.")
    chosen = [items[row] for row in event.selection.rows if row < len(items)]
    with st.container(horizontal=True):
        pin = st.button("Pin", disabled=not chosen, key="pin", help="Keep it whatever happens.")
        unpin = st.button("Unpin", disabled=not chosen, key="unpin")
        remove = st.button("Remove", disabled=not chosen, key="remove")
    if not chosen:
        st.caption("Choose rows to pin or remove.")
        return
    try:
        if pin or unpin:
            for one in chosen:
                (store.retention.pin if pin else store.retention.unpin)(one.digest)
            st.rerun()
        if remove:
            keys = {one.key for one in chosen}
            for record in [one for one in store.records() if one.key in keys]:
                store.forget(record)
            st.rerun()
    except ResonateError as error:
        st.error(literally(plainly(str(error), {}, {})))


def labels_of(desk: Desk) -> dict[str, str]:
    """Return what the files of runs that were brought are called, by where they lie."""
    found: dict[str, str] = {}
    for job in desk.jobs:
        with contextlib.suppress(OSError):  # it makes room for another
            found |= {str(job.call.inputs[one]): job.call.labels[one] for one in job.call.brought}
    return found


def name_of(item: StoredItem, labels: Mapping[str, str], work: Path) -> str:
    """Return the name of what is stored, with files that were brought called as people call them.

    Args:
        item: what is stored.
        labels: what such files are called, by where they lie.
        work: where they lie all together; of those of earlier servers nobody knows the names.
    """
    files = [labels.get(one, one) for one in item.files]
    known = tuple(one for one in files if not Path(one).is_relative_to(work))
    return replace(item, files=known).human_name
