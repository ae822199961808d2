"""A page's whole run that arrives whole.

When a run of a part of a page follows a whole run so closely that the browser has not been sent all of it, Streamlit
(1.67) drops what waits of that part, but still says that the whole run is over. The browser then takes the part away,
as it does with all that a whole run has not sent, until the next run has made it anew: the page jumps twice.
"""

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_clear = ForwardMsgQueue.clear


def check() -> None:
    """Send whole runs whole from now on; to be called again does no harm."""
    ForwardMsgQueue.clear = _kept  # type: ignore[method-assign, assignment]


def _kept(
    queue: ForwardMsgQueue,
    retain_lifecycle_msgs: bool = False,
    fragment_ids_this_run: list[str] | None = None,
) -> None:
    """Drop what waits, but nothing of a whole run that is over where only a part of the page runs anew."""
    if fragment_ids_this_run is None or not any(map(_ends_a_whole_run, queue._queue)):
        _clear(queue, retain_lifecycle_msgs, fragment_ids_this_run)
    else:
        queue._delta_index_map = {}  # nothing of the next run goes before the end of this


def _ends_a_whole_run(message: ForwardMsg) -> bool:
    return (
        message.WhichOneof("type") == "script_finished"
        and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
    )
