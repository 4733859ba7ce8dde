"""Queues on a Redis server, and the ways to it.

From the outside in: `queue` and `completer` are what the pipeline uses, `calls` what a client asks
in a word; `entries` and `words` speak with the `script` that runs in the server; `pool`,
`connection` and `line` lead there; `errors`, `state` and `server_facts` say how it is.
"""
