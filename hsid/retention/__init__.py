"""What goes, and how: the sweep that obeys `hsid.retention_policy`, rows first, then files."""
