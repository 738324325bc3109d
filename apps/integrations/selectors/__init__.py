"""Every read of the integrations app that is not trivial, one module per noun."""
