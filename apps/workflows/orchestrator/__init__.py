"""The live run of workflows: the pure engine between two halves of one transaction.

``wave.advance`` locks the instances that something happened to, loads the few rows that the engine will look at
(``load``), lets the engine decide, and writes every decision of the wave together (``store``). ``plans`` keeps compiled
definitions, ``language`` hands the engine the expression language, ``live`` tells the browsers that watch.
"""
