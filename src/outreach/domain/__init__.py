"""The words of the trade, pure: no I/O, no framework, no clock."""
