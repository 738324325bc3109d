"""Every write of the integrations app, one module per noun."""
