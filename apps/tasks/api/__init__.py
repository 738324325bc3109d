"""The HTTP face of the tasks app."""
