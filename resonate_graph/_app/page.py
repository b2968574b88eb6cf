"""The script of the page: Streamlit runs it anew whenever something on it is changed."""

from __future__ import annotations

from typing import Any

import streamlit as st

from resonate_graph._app.call import Chosen
from resonate_graph._app.choosing import choose
from resonate_graph._app.comparing import offer_sweep
from resonate_graph._app.desk import Desk, the_desk
from resonate_graph._app.running import begin_anew, foresee, list_runs, offer_run, watch
from resonate_graph._app.showing import show_end
from resonate_graph._app.storing import show_store
from resonate_graph._app.turning import turn

_STYLE = """<style>
.stMainBlockContainer { padding: 2.5rem clamp(1rem, 3vw, 3rem) 4rem }
/* a picture of a graph keeps its size, and is moved to the side */
.st-key-picture { overflow-x: auto }
.st-key-picture img { max-width: none !important }
/* what would run stays in sight while settings are turned */
@media (min-width: 640px) {
  .stColumn:has(.st-key-offer) > .stVerticalBlock { height: 100% }
  [data-testid=stLayoutWrapper]:has(> .st-key-offer) {
    position: sticky; top: 0; z-index: 90;
    padding: 0.75rem 0;
  }
  /* nothing shines through it: all that is around it has the colour of the page, whatever theme */
  .stApp :has(.st-key-offer) { background-color: inherit }
}
</style>"""
_RESTORE, _STORE = "Restore", "Store"


def main() -> None:
    """Show the page."""
    st.set_page_config(page_title="resonate", page_icon="🎚️", layout="wide")
    desk = the_desk()
    begin_anew()
    st.html(_STYLE)
    with st.sidebar:
        st.title("resonate")
        view = st.segmented_control(
            "View", [_RESTORE, _STORE], default=_RESTORE, required=True,
            label_visibility="collapsed", key="view",
        )  # fmt: skip
        list_runs(desk)
    if view == _STORE:
        show_store(desk)
        return
    left, right = st.columns([1, 2], gap="medium")
    with left:
        chosen = choose(desk)
    with right:
        with st.container(key="offer"):
            said = st.empty()
            offered = st.container(horizontal=True, vertical_alignment="center")
        shown = st.empty()
    if chosen is not None:
        with left:
            chosen = _turned(desk, chosen, said, shown)
        with offered:
            offer_run(desk, chosen)
    with right:
        if chosen is not None:
            offer_sweep(desk, chosen)
        job = watch(desk)
        if job is not None:
            show_end(job)


@st.fragment
def _turned(desk: Desk, chosen: Chosen, said: Any, shown: Any) -> Chosen:
    """Show the knobs, and what would run; to turn one makes nothing else on the page anew."""
    turned = turn(chosen)
    foresee(desk, turned, said, shown)
    return turned


if __name__ == "__main__":  # as Streamlit runs it
    main()
