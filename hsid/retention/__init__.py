"""What is kept, what goes, and how it goes: decisions that are pure, and one sweep that obeys."""
