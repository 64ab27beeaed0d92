"""Execution of bench runs, in four concepts.

- A *simulation* of a code over a channel consists of numbered batches; `simulation.py`.
- A *batch* is a group of frames with its own random stream, and the counts of their errors; `batch.py`.
- A *measurement* decides which batches of a simulation run next, adds their counts up in the order of
  the numbers to a `Point`, and ends it; `measurement.py`.
- An *executor* runs batches in this process or in worker processes; `executor.py`.

`run.py` keeps the executor busy with batches of all measurements. Only the order of the numbers
matters, so the counts do not depend on the number of workers, and a run can be resumed (`resume.py`).
"""
