"""Events on their way to other systems: what is posted, how it is signed, what an answer means. No tables."""
