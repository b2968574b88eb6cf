"""What there is to compute on, and which step goes next.

In come what nodes say of their cost and what the system says of itself; out go an inventory of
devices, the threads and memory of a run, and the order in which ready steps start. The schedule
is a pure function, so it is tested for machines that nobody here has.

Doors: `capacity`, `devices`, `cost`, `schedule`, `workers`, `torch_audio`.
"""
