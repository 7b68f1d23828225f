"""Each provider alone, without the core."""
