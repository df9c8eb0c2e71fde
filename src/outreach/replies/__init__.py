"""What debtors answer, read: ``reading`` asks ``rules`` and ``likeness``, on ``folded`` text."""
