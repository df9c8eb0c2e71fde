"""The HTTP side: carriers' callbacks now, the API later."""
