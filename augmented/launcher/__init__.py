"""Two commands for a bare machine: `run` (the whole system) and `test` (the whole suite).

    python3 -m augmented.launcher run

Theory of operation. The first process has nothing but Python: it creates .venv, installs, builds the front end
(install.py, frontend.py) and replaces itself by the same command inside .venv. That one starts supervisord as a child
(supervise.py) with the databases first, prepares the data (demo.py) while the other processes wait for what they need
(wait.py), prints where to go, and then only passes on signals. Everything it writes lies in var/.

Modules that run before the installation import the standard library only: places, progress, install, frontend, __main__.
"""
