"""How a file becomes an upload: sources, settling, inspection, camera ids, capture time.

A source (`source`, `inotify`) and the scan (`scan`) give hints; `settling` decides when a file is
complete; `inspector` opens it and says what it is. The scan is the truth, every hint may be lost.
Paths are bytes relative to the watch root; they turn into text (`hsid.paths`) only in records.
"""
