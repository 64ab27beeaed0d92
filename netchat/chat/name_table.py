"""The names in use: whose they are, and which other names look like them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from netchat.chat.confusables import load_confusables
from netchat.chat.model import Account, Session
from netchat.chat.names import fold, lookalikes

__all__ = ["NameTable", "describe_conflict", "describe_registered"]


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_N = TypeVar("_N", bound=_Named)


class NameTable(Generic[_N]):
    """The names of all sessions, or of all accounts."""

    def __init__(self) -> None:
        load_confusables()  # once, before any client waits
        self._by_name: dict[str, _N] = {}
        # Two owners may share a skeleton, because the history may be from a less strict server. A tuple
        # takes a quarter of the memory of a dict, and both keys of an owner share it.
        self._by_skeleton: dict[str, tuple[_N, ...]] = {}

    def add(self, owner: _N) -> None:
        """Add a session or account under its name."""
        self._by_name[fold(owner.name)] = owner
        alone = (owner,)
        for key in lookalikes(owner.name):
            others = self._by_skeleton.get(key)
            self._by_skeleton[key] = alone if others is None else (*others, owner)

    def remove(self, owner: _N) -> None:
        """Free the name of a session or account."""
        name = fold(owner.name)
        if self._by_name.get(name) is owner:
            del self._by_name[name]
        for key in lookalikes(owner.name):
            others = tuple(one for one in self._by_skeleton[key] if one is not owner)
            if others:
                self._by_skeleton[key] = others
            else:
                del self._by_skeleton[key]

    def get(self, name: str) -> _N | None:
        """Return the owner of this name, ignoring case."""
        return self._by_name.get(fold(name))

    def find_conflict(self, name: str, owner: _N | None = None) -> _N | None:
        """Return an owner other than `owner` whose name equals or looks like this one."""
        for key in lookalikes(name):
            for found in self._by_skeleton.get(key, ()):
                if found is not owner:
                    return found
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


def describe_registered(name: str, owner: Account) -> str:
    """Return the error text for a name that conflicts with the name of an account."""
    same = fold(name) == fold(owner.name)
    why = "is registered" if same else f"looks like {owner.name}, which is registered"
    return f"The name {name} {why}. Log in to use it, or choose another name."
