"""How a file becomes an upload: sources, settling, inspection, camera ids, capture time."""
