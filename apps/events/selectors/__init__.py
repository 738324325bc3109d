"""Every read of the events app that is not trivial, one module per noun."""
