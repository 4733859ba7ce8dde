"""The commands `hsid` and `hsictl`."""
