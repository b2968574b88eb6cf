"""Figures and pictures of sounds: comparisons, descriptions, plots, reports.

In come sounds and reports; out go reports, PNG pictures and pages.

Doors: `comparison`, `pictures`, `reports`. Behind them: `drawing`.
"""
