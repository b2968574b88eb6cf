"""What was computed: objects, the records that name them, and what is kept for how long.

In come a key and the values of a step's ports; out go the same values, compared with their
digests, in any process and at any time later.

Doors: `folder` (the store itself), `records`, `retention` (what is dropped from a full store, by
which rule). Behind them: `objects` (how a value lies on disk), `leases` (what running processes
use), `uses` (when each object was used, and when it went), `latest` (which records were written
last), `logs` (lines that processes append).
"""
