"""The settings by theme, one class a section of the example file."""
