"""Where and when a sound is: stereo, timing, speed, shape, sample rate, mixing.

In come sounds; out go sounds whose samples were moved, added, chosen or converted, not repaired.

Doors: `stereo`, `timing`, `speed`, `shape`, `rate`, `sinc`, `mixing`.
"""
