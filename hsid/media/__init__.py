"""Opening pictures: worker processes with limits in time and memory."""
