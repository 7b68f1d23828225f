"""The Medicare provider: its rules alone, and its transports against the stand-in."""
