"""The outside world of the examples: a small server that plays the services an order or a vendor check needs.

`python -m examples.server --port 8900` runs it; `examples/README.md` lists what makes it accept, refuse or fail.
It keeps everything in memory: nothing here survives a restart, and nothing here is used outside the examples.
"""
