"""Migrations. Each goes up and down on SQLite and PostgreSQL."""
