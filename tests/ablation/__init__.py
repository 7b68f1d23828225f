"""Takes guards away, one by one, and sees that a test fails without each (docs/reliability.md)."""
