"""Graphics cards: how they are, read in a process of its own that may hang or die."""
