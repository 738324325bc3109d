"""Pure decisions about definitions and runs. No Django, no clock, no database."""
