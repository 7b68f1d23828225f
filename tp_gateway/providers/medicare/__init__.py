"""Medicare bulk bills for psychologists: what a claim needs, what it pays and when it may be lodged."""
