"""What may go, in which order, and how long the room lasts: decided without a look at anything."""
