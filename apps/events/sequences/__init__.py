"""Event sequences: sets of events that belong together, and what each run of one has seen of them."""
