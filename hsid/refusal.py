"""A refusal on its way from whoever finds an upload at fault to whoever writes it down."""

from hsid.model import RefusalReason


class RefusedError(Exception):
    """The upload is at fault; trying it again would end the same way.

    It crosses process borders, so its arguments are all there is to it.
    """

    def __init__(self, reason: RefusalReason, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
