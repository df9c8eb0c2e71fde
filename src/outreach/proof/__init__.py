"""Reading the history back: verifying it, telling it in words, exporting it."""
