"""Carriers: one file each. A rendered message goes out, a carrier's answers come back as facts."""
