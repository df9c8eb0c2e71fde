"""PostgreSQL: migrations and a file of queries per subject. The only SQL of the project."""
