"""Pure decisions about definitions and runs: no Django, no clock, no database."""
