"""Pages. Each reads through selectors, checks rights through apps.auth.access, and writes nothing."""
