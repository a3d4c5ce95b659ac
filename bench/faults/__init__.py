"""What happens when something dies: `python -m bench.faults` (`make bench-faults`); see `__main__.py`."""
