"""Tone and dynamics: equalisers and filters, matching, compression and gates, saturation.

In come sounds; out go sounds of the same length with other spectra or levels in time.

Doors: `filters`, `matching`, `dynamics`, `saturation`. Behind them: `plugins` (pedalboard's).
"""
