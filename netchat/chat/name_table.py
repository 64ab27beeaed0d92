"""The names in use: whose they are, and which other names look like them."""

from __future__ import annotations

from collections.abc import Iterator

from netchat.chat.confusables import load_confusables
from netchat.chat.model import Session
from netchat.chat.names import fold, lookalikes

__all__ = ["NameTable", "describe_conflict"]


class NameTable:
    """The names of all sessions."""

    def __init__(self) -> None:
        load_confusables()  # once, before any client waits
        self._by_name: dict[str, Session] = {}
        # Two sessions may share a skeleton: the history may be from a less strict server. A tuple takes a
        # quarter of the memory of a dict, and both keys of a session share it.
        self._by_skeleton: dict[str, tuple[Session, ...]] = {}

    def add(self, session: Session) -> None:
        """Add a session under its name."""
        self._by_name[fold(session.name)] = session
        alone = (session,)
        for key in lookalikes(session.name):
            others = self._by_skeleton.get(key)
            self._by_skeleton[key] = alone if others is None else (*others, session)

    def remove(self, session: Session) -> None:
        """Free the name of a session."""
        name = fold(session.name)
        if self._by_name.get(name) is session:
            del self._by_name[name]
        for key in lookalikes(session.name):
            others = tuple(one for one in self._by_skeleton[key] if one is not session)
            if others:
                self._by_skeleton[key] = others
            else:
                del self._by_skeleton[key]

    def get(self, name: str) -> Session | None:
        """Return the session with this name, ignoring case."""
        return self._by_name.get(fold(name))

    def find_conflict(self, name: str, owner: Session | None = None) -> Session | None:
        """Return a session other than `owner` whose name equals or looks like this one."""
        for key in lookalikes(name):
            for session in self._by_skeleton.get(key, ()):
                if session is not owner:
                    return session
        return None

    def __contains__(self, name: str) -> bool:
        """Return whether a name is taken or looks like a taken one."""
        return self.find_conflict(name) is not None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in lower case."""
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def describe_conflict(name: str, owner: Session, seconds: int = 0) -> str:
    """Return the error text for a name that conflicts with another session's.

    Args:
        name: The requested name.
        owner: The session that has this name or one that looks like it.
        seconds: Time for which that session can still be resumed, if it is away.
    """
    same = fold(name) == fold(owner.name)
    why = "is taken" if same else f"looks like {owner.name}, which is taken"
    if not seconds:
        return f"The name {name} {why}; choose another one."
    return (
        f"The name {name} {why} for another {seconds} s: its owner lost the connection and may "
        "reconnect. Wait, or choose another one."
    )
