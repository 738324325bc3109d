"""Wiring: settings, addresses, processes. Holds no rules of any domain.

Imports nothing: the launcher starts from here with a bare Python, before anything is installed.
"""
