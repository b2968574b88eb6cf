"""What several wings of the pack share: names of channels and levels, delays by parts of a sample.

Doors: `channels`, `fractional_delay`.
"""
