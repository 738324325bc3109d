"""Pure decisions about definitions, runs and schedules beside the engine: no Django, no clock, no database."""
