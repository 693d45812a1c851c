"""The c7n-unused command: the only place that prints and exits."""
