"""One run: what is bound, keys, the plan, execution, results, provenance.

In come a bound graph, files and settings; out go values, a report of each step, and files that
say how they were made. `bookkeeping` knows what is known and needed, `execute` starts what can
start, in the order that `_machine.schedule` gives.

Doors: `settings`, `bindings`, `bookkeeping`, `plan`, `execute`, `events`, `estimates`, `forecast`,
`keys`, `courses` (where in a recording an output begins), `rates` (which cannot be), `results`,
`removed` (what was taken out), `targets` (where outputs go), `provenance` and `recipe` (how a file
was made, written and read back), `verify` (is it still that?), `measure` (the loudness of what came
out). Behind them: `outlook` (what runs take), `stored` (what the store has), `outcome` (what came
of each step).
"""
