"""Names in use: whom a name addresses, and which names are not free because they look alike."""

from __future__ import annotations

from collections.abc import Iterator

from netchat.chat.confusables import load_confusables
from netchat.chat.model import Session
from netchat.chat.names import fold, lookalikes

__all__ = ["NameTable", "describe_conflict"]


class NameTable:
    """The names of all sessions."""

    def __init__(self) -> None:
        load_confusables()  # once, while nobody waits
        self._by_name: dict[str, Session] = {}
        # Two sessions may share a skeleton: a history may hold names of a less strict server.
        self._by_skeleton: dict[str, dict[Session, None]] = {}

    def add(self, session: Session) -> None:
        """Enter a session under its name."""
        self._by_name[fold(session.name)] = session
        for key in lookalikes(session.name):
            self._by_skeleton.setdefault(key, {})[session] = None

    def remove(self, session: Session) -> None:
        """Free the name of a session."""
        name = fold(session.name)
        if self._by_name.get(name) is session:
            del self._by_name[name]
        for key in lookalikes(session.name):
            sessions = self._by_skeleton[key]
            del sessions[session]
            if not sessions:
                del self._by_skeleton[key]

    def get(self, name: str) -> Session | None:
        """Return the session with this name, in any case."""
        return self._by_name.get(fold(name))

    def find_conflict(self, name: str, owner: Session | None = None) -> Session | None:
        """Return a session, other than `owner`, whose name is this one or looks like it."""
        for key in lookalikes(name):
            for session in self._by_skeleton.get(key, ()):
                if session is not owner:
                    return session
        return None

    def __contains__(self, name: str) -> bool:
        """Whether a name is not free."""
        return self.find_conflict(name) is not None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in lower case."""
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def describe_conflict(name: str, rival: Session, seconds: int = 0) -> str:
    """Return the sentence for a user whose name another session keeps from them.

    Args:
        name: The name that was asked for.
        rival: The session that has it, or one that looks like it.
        seconds: How long it stays reserved for that session, if its connection is lost.
    """
    same = fold(name) == fold(rival.name)
    why = "is taken" if same else f"looks like {rival.name}, which is taken"
    if not seconds:
        return f"The name {name} {why}; choose another one."
    return (
        f"The name {name} {why} for another {seconds} s: its owner has lost the connection and may "
        "come back. Wait, or choose another one."
    )
