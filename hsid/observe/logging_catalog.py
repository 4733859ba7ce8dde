"""The messages that the journal's catalog explains: `systemd/hsid.catalog` has a text for each id.

The ids never change and are never used again for another message.
"""

from collections.abc import Mapping
from typing import Final

MESSAGE_IDS: Final[Mapping[str, str]] = {
    "daemon_starting": "cd1f933ebf394c42a8f2cd712e26cdc1",
    "daemon_stopped": "1ecb191daadd41cb8239d684a3fe7b11",
    "daemon_failed": "cb3cc71c2bf74673863c3ff899f121a2",
    "uncaught_exception": "7b44caacff8b4d4e9a90309b556e7d44",
    "configuration_advice": "60b00c1043b749e892d1e830de83cbbc",
    "reloaded": "dc7cbfbcb0a841f3b319e041b1930e74",
    "reload_refused": "cd0d5dbc63bd40039f5ac696f4546f20",
    "drained": "afe27f49634e480f8204092c0f940eee",
    "parts_are_stuck": "4f659caaeabd4b109af654184069d576",
    "restart_scheduled": "8bd48d32ccb24c46915eea3bfcba3d6e",
    "child_parked": "f35e975469424badb44eec80628515cb",
    "restart_refused": "f27539deccb04d5eb4330232b23ed594",
    "escalated": "3e20195cb6b84c909810ccbeed10106d",
    "child_stalled": "e5fe2ff564a5403997dfa6a9a597c853",
    "loop_stalled": "79eb7d7d617848179b2ed3c0a199c00d",
    "database_unavailable": "545f5b76331b4ba9920ae4d38d34c592",
    "ledger_unavailable": "10f9ac148121458b98c836748dd8fcd8",
    "redis_trouble": "4e0b928d4ef24b1c922373bdf4af7c29",
    "redis_is_well_again": "9338b084e6d7408b81653200151ab399",
    "queue_overflow": "8f30d26c94d0451fa92df52f9a053608",
    "queue_lost": "b934afec8fdc43fe924d3ec409404e3d",
    "detection_unavailable": "ca8c7b7bad994c1bae52de969c73098f",
    "detection_available": "006f23bed65f492393c340a1b023f401",
    "watching_impossible": "6b2b3bab51dd4db788e96d502ec40b87",
    "watch_limit_reached": "41d24d69ef004809908746fb463d5c62",
    "folder_not_watched": "889c92670da248a59ad66fdc8343e391",
    "upload_given_up": "43c22d4a80a54d9a9b6e8dce865ec4fe",
    "entry_given_up": "f1142cd9aa18445f9911068b996463c7",
    "gpu_lost": "ee45ccbfd21945a386847ff1d2997ef6",
    "gpus_are_well_again": "54b46e0fb3ff46b99723958f64097af9",
    "retention_done": "b73094f46e0c4f9abacbb9fda698a090",
    "retention_stands_still": "03789b4ecaf447889e884b5d85bc37ef",
    "retention_postponed": "343aa6a153be4982a50a92ab0f4f76ce",
    "log_file_unusable": "8aab2081d2e54155886a64a7f594407c",
    "log_handler_failing": "e9a371d9519949a9982220a3fa21d905",
    "log_lines_dropped": "60eec70ca6db4dce866ce38ce994e077",
}
"""By the name of the event."""
