"""A whole run's parts reach the browser, however soon a run of a part follows."""

import runpy

import pytest
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.forward_msg_queue import ForwardMsgQueue
from streamlit.runtime.pages_manager import PagesManager

from memviz.paths import APP_SCRIPT
from memviz.web import whole_runs


def delta(path: list[int], fragment: str, text: str = "") -> ForwardMsg:
    message = ForwardMsg()
    message.metadata.delta_path.extend(path)
    message.delta.fragment_id = fragment
    message.delta.new_element.markdown.body = text
    return message


def over(status: "ForwardMsg.ScriptFinishedStatus.ValueType") -> ForwardMsg:
    message = ForwardMsg()
    message.script_finished = status
    return message


@pytest.fixture(autouse=True)
def restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave Streamlit as it was."""
    monkeypatch.setattr(ForwardMsgQueue, "clear", ForwardMsgQueue.clear)
    monkeypatch.setattr(PagesManager, "uses_pages_directory", PagesManager.uses_pages_directory)


@pytest.fixture
def queue(restored: None) -> ForwardMsgQueue:
    whole_runs.check()
    made = ForwardMsgQueue()
    made.enqueue(delta([0, 0], ""))
    made.enqueue(delta([0, 1], "part", "of the whole run"))
    return made


def test_a_part_that_runs_after_a_whole_run_drops_nothing_of_it_and_comes_after_its_end(
    queue: ForwardMsgQueue,
) -> None:
    queue.enqueue(over(ForwardMsg.FINISHED_SUCCESSFULLY))
    sent = [str(message) for message in queue._queue]
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["part"])
    assert [str(message) for message in queue._queue] == sent
    queue.enqueue(delta([0, 1], "part", "of the part"))
    assert [message.delta.new_element.markdown.body for message in queue.flush()[1:]] == [
        "of the whole run",
        "",
        "of the part",
    ]


def test_a_part_that_runs_again_drops_what_waits_of_its_last_run(queue: ForwardMsgQueue) -> None:
    queue.enqueue(over(ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY))
    queue.clear(retain_lifecycle_msgs=True, fragment_ids_this_run=["part"])
    assert [list(message.metadata.delta_path) for message in queue.flush()] == [[0, 0], []]


def test_a_whole_run_drops_what_waits_of_the_last(queue: ForwardMsgQueue) -> None:
    queue.enqueue(over(ForwardMsg.FINISHED_SUCCESSFULLY))
    queue.clear(retain_lifecycle_msgs=True)
    (end,) = queue.flush()
    assert end.script_finished == ForwardMsg.FINISHED_EARLY_FOR_RERUN


def test_the_app_that_is_served_sends_whole_runs_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ForwardMsgQueue, "clear", None)
    runpy.run_path(str(APP_SCRIPT), run_name="app")
    assert ForwardMsgQueue.clear is not None
