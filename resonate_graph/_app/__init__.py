"""The page: ``resonate app``, for those who would rather not write JSON.

In come recordings that are dropped on a page in the browser, and a choice of graph and params; out
go what the graph makes of them, to be heard, seen and downloaded, and the graph itself as JSON.
Streamlit shows all of it, and computes nothing: each run is a process of its own, and what is known
of it lies in a folder, so that whatever becomes of the page, the run goes on, and whatever becomes
of the run, the page stays.

Doors: `server` (the whole, as a command starts it). Behind them, without Streamlit: `jobs` (the
runs: started, queued, stopped, looked at), `job` (what such a process does), `places` (which files
may be named), `views` (waveforms and spectra to zoom into), `loudness` (over time), `figure` (the
axes they stand under), `found` (what reports found), `routes` (what browsers fetch), `call` (what
was chosen, and the same as JSON, command and Python), `inside` (settings in used graphs), `words`
(messages as the page says them). With it: `page` (the script), `desk` (what all tabs share),
`choosing`, `turning`, `running`, `showing`, `comparing`, `storing` (its parts), and `components`
(player and plots).
"""
