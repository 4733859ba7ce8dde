"""The HTTP API, answered on the control socket."""
