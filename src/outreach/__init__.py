"""Outreach (触达): lawful, once, on time and provable notices to overdue debtors."""
