"""Sealing, look-up hashes and the chained envelopes of the contact history; no database here."""
