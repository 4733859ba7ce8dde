"""The daemon, with a fault to be called up: SIGUSR2 holds up the event loop for a minute."""

import signal
import time

from hsid.cli.hsid import main


def hold_up(_number, _frame):
    """Block the main thread, and with it the loop."""
    time.sleep(60)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR2, hold_up)
    main()
