"""A page's state, kept in the session: widgets and components only emit changes to it.

The state is frozen. It follows from the address when the page is opened, by a link or by the browser's Back;
afterwards the address follows from it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic
from urllib.parse import urlencode

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from memviz.web.address import MOST_ADDRESS_BYTES, SEQUENCE, WHAT_IFS, Codec, S

_SHOWN = "page"  # the name of the page that wrote its address last


@dataclass(frozen=True)
class Page(Generic[S]):
    """One page's hold on its state: whoever returns to the page in the same session finds it as it was.

    Attributes:
        name: what the page's keys in the session begin with.
        codec: how the state is written in the address.
        has_files: whether the page saves its whole state as a file.
        mend: what makes of a state one that can still be shown, with a sentence; the same state and "" where it can.
    """

    name: str
    codec: Codec[S]
    has_files: bool = False
    mend: Callable[[S], tuple[S, str]] = lambda state: (state, "")

    def current(self) -> S:
        """The state of this session, read from the address the first time and where a link brought another one.

        An empty address keeps the state: that is how the navigation returns to a page.
        """
        query = st.query_params.to_dict()
        if self._state not in st.session_state or (query and not self._is_own(query)):
            # A link from a page to itself brings its address to this run, but the browser goes on showing the old one.
            inside = self._state in st.session_state and st.session_state.get(_SHOWN) == self.name
            st.session_state[self._unseen] = inside and not _came_by_history()
            state, problems = self.codec.read(query)
            st.session_state[self._state] = state
            st.session_state[self._problems] = problems
            st.session_state[self._addresses] = [query]
        kept: S = st.session_state[self._state]
        mended, why = self.mend(kept)
        if why:
            st.session_state[self._state] = mended
            st.session_state[self._problems] = [why]
        return mended

    def problems(self) -> list[str]:
        """What was wrong with the address or with the last change, a sentence each."""
        return list(st.session_state.get(self._problems, []))

    def change(self, **values: Any) -> None:
        """Change parts of the state; a value that breaks a rule changes nothing and is said."""
        _, lost = self.mend(st.session_state[self._state]) if self._state in st.session_state else (None, "")
        try:
            st.session_state[self._state] = replace(self.current(), **values)
            st.session_state[self._problems] = [lost] if lost else []
        except TypeError:
            # A choice out of a list that has shrunk meanwhile arrives as its label: there is no such unit any more.
            return
        except ValueError as error:
            self.refuse(str(error))

    def take(self, state: S) -> None:
        """Show another state altogether, of a file say."""
        self.current()
        st.session_state[self._state] = state
        st.session_state[self._problems] = []

    def refuse(self, sentence: str) -> None:
        """Leave everything as it is, and say why until the next change."""
        st.session_state[self._problems] = [sentence]

    def change_experiment(self, **settings: Any) -> None:
        """Change settings of the network; a value that breaks a rule changes nothing and is said."""
        try:
            self.change(experiment=replace(self.current().experiment, **settings))
        except ValueError as error:
            self.refuse(str(error))

    def bound(self, name: str, value: Any, emit: Callable[[Any], None], fits: Any = None) -> dict[str, Any]:
        """The arguments that tie a widget to the state: it shows `value` and emits what it is changed to.

        The widget's own value is written only where it differs, so that a page that is slower than a typist does
        not take letters back, and where `fits`, its bounds or options, changed: that makes a new widget in the
        browser, which would start at its own default.
        """
        key, fitted = f"{self.name}-{name}", f"{self.name}-{name}-fits"
        changed = st.session_state.get(fitted, fits) != fits
        st.session_state[fitted] = fits
        if changed or key not in st.session_state or st.session_state[key] != value:
            st.session_state[key] = value
        return {"key": key, "on_change": _emitted, "args": (key, emit)}

    def lazy_popover(self, label: str, icon: str, name: str) -> Any:
        """A popover whose content is to be made while it is `open`: what nobody sees would slow down every change.

        Its label waits until it is closed: with another one it would be another popover, and shut under the hand.
        """
        key, kept = f"{self.name}-popover-{name}", f"{self.name}-popover-{name}-label"
        if not st.session_state.get(key):
            st.session_state[kept] = label
        label = st.session_state.get(kept, label)
        return st.popover(label, icon=f":material/{icon}:" if icon else None, on_change="rerun", key=key)

    def publish(self, shown: S) -> None:
        """Bring the address up to date with the state that is on the screen.

        A link holds about 2 kB: what does not fit is left out, and the page says so.
        """
        query, left_out = self._linked(shown)
        if left_out:
            rest = "; “File” under “What if” saves everything" if self.has_files else ""
            st.caption(
                f"Too long for a link: {', '.join(left_out)}. "
                f"The address of this page holds the settings without{rest}."
            )
        arrived = st.query_params.to_dict()
        if st.session_state.get(_SHOWN, self.name) != self.name:
            st.session_state[self._linked_here] = arrived
        st.session_state[_SHOWN] = self.name
        is_unseen = st.session_state.pop(self._unseen, False)
        # An address that Back or Forward brought stays as it is: another entry in the browser's history would
        # take away what lies ahead, and lead whoever goes back from an empty address to it again and again.
        # So does the short one of a link from another page while it is true: Back leads to that page at once.
        is_true = (arrived == query and not is_unseen) or self._is_link_to(arrived, shown)
        if is_true or _came_by_history():
            self._follow(arrived)
        else:
            self._follow(arrived, query)
            st.query_params.from_dict(query)

    def _linked(self, shown: S) -> tuple[dict[str, str], list[str]]:
        """What a link holds of a state, and what had to be left out of it.

        All what-ifs go, or none: with some of them the link would show another network's numbers without a word.
        """
        query, left_out = self.codec.to_query(shown), []
        is_partial = shown.experiment.in_address != shown.experiment
        parts = [(SEQUENCE, "sequence"), (WHAT_IFS, "edits and interventions")]
        for names, what in reversed(parts) if is_partial else parts:
            if len(urlencode(query)) > MOST_ADDRESS_BYTES or (is_partial and names is WHAT_IFS):
                left_out.append(f"the {what}")
                for name in names:
                    query.pop(name, None)
        return query, left_out

    def _is_link_to(self, arrived: dict[str, str], shown: S) -> bool:
        """Whether another page's link brought an address, and it says no more and no less than what is shown."""
        is_from_there = bool(arrived) and arrived == st.session_state.get(self._linked_here)
        return is_from_there and self.codec.read(arrived) == (shown, [])

    def _is_own(self, query: dict[str, str]) -> bool:
        """Whether the browser shows an address that this page wrote or has read, rather than one of a link.

        While an address is on its way to the browser, changes still come with an earlier one; but when the reader
        goes back in the browser's history, or comes from another page, an earlier one is meant.
        """
        addresses = st.session_state.get(self._addresses, [])
        is_meant = _came_by_history() or st.session_state.get(_SHOWN) != self.name
        return query in (addresses[-1:] if is_meant else addresses)

    def _follow(self, arrived: dict[str, str], *published: dict[str, str]) -> None:
        """Remember the address that the browser has, and those since then; it never shows an earlier one by itself."""
        addresses = st.session_state.get(self._addresses, [])
        ahead = addresses[addresses.index(arrived) :] if arrived in addresses else [arrived]
        st.session_state[self._addresses] = [*ahead, *published]

    @property
    def _state(self) -> str:
        return f"{self.name}-state"

    @property
    def _problems(self) -> str:
        return f"{self.name}-problems"

    @property
    def _unseen(self) -> str:
        return f"{self.name}-unseen"

    @property
    def _linked_here(self) -> str:
        return f"{self.name}-linked-here"

    @property
    def _addresses(self) -> str:
        return f"{self.name}-addresses"


def _came_by_history() -> bool:
    """Whether Back or Forward in the browser, and nothing else, made the page run."""
    context = get_script_run_ctx()
    return context is not None and context.is_history_navigation


def _emitted(key: str, emit: Callable[[Any], None]) -> None:
    emit(st.session_state[key])
