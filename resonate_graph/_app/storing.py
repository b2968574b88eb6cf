"""Storing: what the store has, what it saved, and what is kept of it."""

from __future__ import annotations

import time

import streamlit as st

from .. import ResonateError, inventory
from .desk import Desk
from .loudness import GRAPH
from .words import literally, plainly

_LISTED = 500


def show_store(desk: Desk) -> None:
    """Show what is stored, and let it be pinned and removed."""
    store = desk.store
    st.header("What is stored")
    st.caption(literally(str(store.path)))
    every = (one for one in inventory(store) if one.here and not one.own and one.graph != GRAPH)
    items = sorted(every, key=lambda one: -one.created)
    if not items:
        st.info("Nothing is stored yet.")
        return
    size, saved = sum(one.bytes for one in items), sum(one.seconds_saved for one in items)
    columns = st.columns(3)
    columns[0].metric("results", len(items))
    columns[1].metric("size", f"{size / 1e6:.0f} MB")
    columns[2].metric("computing it saved", f"{saved:.0f} s")
    event = st.dataframe(
        [
            {"name": one.human_name, "graph": one.graph, "MB": round(one.bytes / 1e6, 1),
             "took, s": round(one.seconds, 1), "uses": one.uses,
             "saved, s": round(one.seconds_saved, 1), "pinned": one.pinned,
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
