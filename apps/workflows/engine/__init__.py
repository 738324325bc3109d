"""The workflow engine: a pure function from (plan, state, signals, now) to (state', commands).

Theory of operation
-------------------
A *definition* is compiled once into a :class:`~.plan.Plan`. A run of it is an :class:`~.state.Instance` and its
:class:`~.state.Execution` rows: one per (scope, step, visit). An execution that has not ended is a *position* of the
run; its results stay in its own row for ever, so the cost of going on never grows with what lies behind.

Paths are exclusive: one step leads to one next step. Only PARALLEL forks; each branch then has exactly one position
until it ends and reports to the execution that forked it (``parent_id``). So a run is a tree of paths, its root path has
one position, and when the root path ends the run is over.

:func:`~.advance.advance` takes *signals* (started, task finished, timer due, cancel, …), applies each, and goes on
through every step that needs no outside world. What must happen outside comes back as *commands* (run this task, open
this human task, arm this timer, …), together with the executions that changed and the history that explains them. It has no clock,
no randomness and no I/O: the same function serves the live orchestrator, simulations and property tests.

What is allowed when stands once, in :mod:`.transitions`.
"""
