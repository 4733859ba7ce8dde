"""The actors of the daemon, one file each. They know `supervision` and `hsid`, never each other."""
