"""Records and reference tables from databases: one read-only connection, one consistent read, batch by batch."""
