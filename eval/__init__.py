"""What the product judges, held against labelled examples: ``make eval``."""
