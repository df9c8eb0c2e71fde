"""Campaigns (批次): an audience, a purpose, and what would come of writing to it."""
