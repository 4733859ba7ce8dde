"""What is wrong with this machine for hsid, and what to do about it, without a daemon.

`looking` and `asking` gather facts and decide nothing; every other module is pure and says what
the facts mean. `examination` lets all checks run side by side and bounds each in time. Nothing is
changed anywhere.
"""
