"""Pure rules of workflows beside the engine: when schedules fire, what working time is. No Django, no I/O, no clock."""
