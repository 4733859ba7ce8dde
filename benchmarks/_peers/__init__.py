"""What a user would otherwise pick, each as its manual sets it up for speed.

A peer is a module with a worker's command, `worker_command`, and `connect`, which gives the call
that sends one message: a plain one, or an awaitable one where `IS_ASYNC`. Its task notes the
message and returns. Workers are one process each and may hold as many messages as producers send.
"""
