"""Runs side by side and looked back on: sweeps, why a step would run, what a store holds.

In come graphs, runs and stores; out go rows of figures, reasons, inventories and pages to hear and
see them on.

Doors: `sweep`, `grid`, `reference`, `rows`, `tables`, `why`, `inventory`, `run_page`, `shown` (rows
in notebooks). Behind them: `advice`, `behind`, `sweep_page`.
"""
