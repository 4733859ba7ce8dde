"""`hsid demo`: the whole daemon on real photographs, in a folder of its own."""
