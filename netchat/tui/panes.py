"""Model of a front end with panes: one conversation per room and per user, one of them selected.

A front end passes each event to `take`, each command of the user to `run`, and shows `state` and the
logs of the conversations. It needs no messages of the protocol.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from netchat.chat.client_events import (
    ClientEvent,
    HistoryReceived,
    RoomEntered,
    RoomEvent,
    RoomLeft,
)
from netchat.chat.names import fold
from netchat.chat.room_codes import LOBBY, show_code
from netchat.chat.room_moderation import RoomFlags
from netchat.tui.actions import run_command
from netchat.tui.commands import ParsedLine
from netchat.tui.entries import Entry, entry_of_event, entry_of_line, past_entry, present_entry
from netchat.tui.file_lines import file_number, transfer_status
from netchat.tui.lines import Line, LineKind, error_line, sanitize
from netchat.tui.pane import Pane, private_key
from netchat.tui.panes_state import ConversationState, PanesState, TransferState
from netchat.tui.session import ChatSession, ShownTransfer
from netchat.wire import EventKind, RoomKind
from netchat.wire.annotations import parse_annotation

__all__ = ["ConversationState", "Panes", "PanesState", "TransferState"]

#: Number of events of the history that are requested on entering a room.
PAST = 50

#: Shortest time between two reports of what the user has read, in seconds.
READ_SECONDS = 3.0

#: Kinds of past events that are not shown: who came and went is no longer of interest, and a message shows
#: its edits and reactions itself.
_NOT_SHOWN = frozenset(
    {
        EventKind.JOIN,
        EventKind.LEAVE,
        EventKind.RENAME,
        EventKind.EDIT,
        EventKind.DELETE,
        EventKind.REACTION,
    }
)


class Panes:
    """Conversations of one chat session.

    Args:
        session: Session of the user.

    Attributes:
        conversations: The conversations by key.
        selected: The selected one, or None before the first.
        has_focus: The user looks at the front end, so that messages of the selected one are seen.
    """

    def __init__(self, session: ChatSession) -> None:
        self.session = session
        self.conversations: dict[str, Pane] = {}
        self.selected: Pane | None = None
        self.has_focus = True
        self._current = ""
        self._early: list[Entry] = []
        self._requested: set[int] = set()
        self._mark_at = 0.0

    # -- events ------------------------------------------------------------------------------------

    def take(self, event: ClientEvent, lines: list[Line], now: float) -> None:
        """Add an event to the log of its conversation.

        Args:
            event: The event, which the session has handled.
            lines: The lines that the session shows for it.
            now: The current time (`time.monotonic`), in seconds.
        """
        match event:
            case RoomEvent():
                self._take_room_event(event, lines, now)
            case HistoryReceived() if event.request not in self.session.exports:
                self._take_history(event, lines)
            case RoomEntered():
                conversation = self._enter(event)
                self._append(conversation, lines)
            case RoomLeft():
                self._leave(event.room)
                self._append(None, lines)
            case _:
                room = getattr(event, "room", "")
                self._append(self._of_room(room) if room else None, lines)
        if self.session.initial_room_refused:
            self._join_lobby()
        self._follow_session()

    def check_arrivals(self, now: float) -> None:
        """Show who has joined and left once no more follow. Call it about twice per second."""
        for conversation in self.conversations.values():
            self._append(conversation, conversation.arrivals.due(now))
        if now >= self._mark_at:
            self._mark_at = now + READ_SECONDS
            self._mark_read()

    def _mark_read(self) -> None:
        """Tell the server what the user has seen, for the other devices of the account."""
        for conversation in self.conversations.values():
            if not conversation.unread:
                self.session.core.mark_read(conversation.room, conversation.last_seq)
        self.session.client.flush_or_drop()

    def _take_room_event(self, event: RoomEvent, lines: list[Line], now: float) -> None:
        conversation = self._of_room(event.event.room, event.peer)
        if event.peer:
            conversation.peer = event.peer
        if not lines:  # another room has shown it, or it is the user's own departure
            return
        *warnings, last = lines
        shown = conversation.arrivals.take(event, [last], now)
        if last.kind is LineKind.ERROR:  # the event itself is not shown
            self._append(conversation, [*warnings, *shown])
            return
        self._append(conversation, [*warnings, *(line for line in shown if line is not last)])
        if last not in shown:
            return
        messages = self.session.messages_of(event.event.room)
        found = parse_annotation(event.event.kind, event.event.text)
        if found is None or found.kind is EventKind.REPLY:
            number = file_number(self.session, event.event)
            self._add(conversation, [present_entry(entry_of_event(event, number), messages)])
        # The message itself shows what has changed, if the log has it.
        elif event.problems or not conversation.update(
            found.target, lambda entry: present_entry(entry, messages)
        ):
            self._append(conversation, [last])

    def _take_history(self, event: HistoryReceived, lines: list[Line]) -> None:
        conversation = self._of_room(event.room)
        is_own_request = event.request in self._requested
        self._requested.discard(event.request)
        messages = self.session.messages_of(event.room)
        past = [
            present_entry(
                past_entry(
                    each,
                    own_name=self.session.core.name,
                    problems=event.sealed.get(each.seq),
                    unsealed=event.unsealed.get(each.seq, ()),
                    offer=file_number(self.session, each),
                ),
                messages,
            )
            for each in event.events
            if each.kind not in _NOT_SHOWN
        ]
        view = self.session.core.memory.rooms.get(event.room)
        if is_own_request and view is not None and view.read and conversation is not self.selected:
            new = [e for e in past if e.seq > view.read and e.sender and not e.is_own]
            conversation.unread += len(new)
        if not conversation.insert_past(past) and not is_own_request and not event.events:
            self._append(conversation, lines)

    def _enter(self, event: RoomEntered) -> Pane:
        is_new = event.room not in {each.room for each in self.conversations.values()}
        conversation = self._of_room(event.room, event.peer)
        if is_new and event.kind is not RoomKind.PRIVATE:
            self._requested.add(self.session.core.history(event.room, PAST))
            self.session.client.flush_or_drop()
        return conversation

    def _leave(self, room: str) -> None:
        conversation = self._of_room(room)
        if conversation.is_private:  # its log stays; another room follows with the next message
            conversation.room = ""
            return
        self._remove(conversation)

    def _join_lobby(self) -> None:
        self.session.initial_room_refused = False
        if not self.session.rooms:
            self.session.core.join(LOBBY)
            self.session.client.flush_or_drop()

    # -- the user ----------------------------------------------------------------------------------

    def run(self, command: ParsedLine, passwords: Sequence[str] = ()) -> None:
        """Run a command of the user, and show its answer in the selected conversation.

        Args:
            command: The command. A message goes to the selected conversation.
            passwords: The passwords that it needs, without repetitions.
        """
        selected = self.selected
        if selected is not None and selected.is_private:
            if command.verb == "say":
                command = ParsedLine("msg", (selected.peer, *command.words))
            elif command.verb == "send":
                command = ParsedLine("sendto", (selected.peer, *command.words))
            elif command.verb == "leave" and not command.words:
                self.close(selected.key)
                return
        is_private = selected is not None and selected.is_private
        self.session.focus = selected.room if selected is not None and is_private else ""
        lines = run_command(self.session, command, passwords)
        self._follow_session()
        has_failed = any(line.kind is LineKind.ERROR for line in lines)
        if command.verb == "msg" and not has_failed:
            self.open_private(command.words[0])
        elif command.verb in ("join", "room") and lines and not has_failed:
            self._select_current()  # it may be the room from which a private conversation was selected
        self._append(None, lines)

    def control_transfer(self, number: int, action: str) -> None:
        """Pause, resume or cancel a transfer.

        Args:
            number: Its number.
            action: `pause`, `resume` or `cancel`.
        """
        files = self.session.core.files
        {"pause": files.pause, "resume": files.resume, "cancel": files.cancel}[action](number)
        self.session.client.flush_or_drop()

    def report(self, text: str) -> None:
        """Show an error in the selected conversation."""
        self._append(None, [error_line(text)])

    def notify(self, lines: list[Line]) -> None:
        """Show lines in the selected conversation."""
        self._append(None, lines)

    def select(self, key: str) -> None:
        """Select a conversation; messages go to it."""
        conversation = self.conversations.get(key)
        if conversation is None:
            return
        self.selected = conversation
        if not conversation.is_private:
            self.session.current = self._current = conversation.room
        if self.has_focus:
            conversation.see()

    def open_private(self, name: str) -> None:
        """Select the private conversation with a user, which may be new."""
        if fold(name) == fold(self.session.core.name):
            return
        views = self.session.core.memory.rooms.values()
        room = next((view.code for view in views if fold(view.peer) == fold(name)), "")
        found = next(
            (
                each
                for each in self.conversations.values()
                if each.is_private and fold(each.peer) == fold(name)
            ),
            None,
        )
        self.select((found or self._add_conversation(Pane(private_key(name), room, name))).key)

    def close(self, key: str) -> None:
        """Close a private conversation, or leave a room."""
        conversation = self.conversations.get(key)
        if conversation is None:
            return
        if conversation.is_private:
            self._remove(conversation)
        else:
            self.run(ParsedLine("leave", (conversation.room,)))

    def focus(self, *, has_focus: bool) -> None:
        """Note whether the user looks at the front end."""
        self.has_focus = has_focus
        if has_focus and self.selected is not None:
            self.selected.see()

    # -- what is shown -----------------------------------------------------------------------------

    def state(self) -> PanesState:
        """Return what the front end shows besides the logs."""
        session, core = self.session, self.session.core
        selected = self.selected
        people: list[str] = []
        if selected is not None:
            people = list(session.people.rooms.get(selected.room, ()))
            if selected.is_private:
                people = [selected.peer, core.name]
        return PanesState(
            name=core.name,
            server=session.client.address,
            is_online=core.online,
            is_encrypted=core.is_encrypted,
            status=self._status(),
            unsent=core.unsent,
            selected=selected.key if selected is not None else "",
            conversations=tuple(
                self._state_of(each)
                for each in sorted(self.conversations.values(), key=lambda each: each.is_private)
            ),
            people=tuple(sanitize(name, " ") for name in sorted(people, key=fold)),
            known_people=tuple(
                sanitize(name, " ") for name in session.people.seen if name != core.name
            ),
            rooms=tuple(session.rooms),
            role=session.role,
            transfers=tuple(
                _transfer_state(shown, time.monotonic()) for shown in session.transfers.values()
            ),
        )

    def _state_of(self, conversation: Pane) -> ConversationState:
        view = self.session.core.memory.rooms.get(conversation.room)
        room, title = conversation.room, view.title if view is not None else ""
        return ConversationState(
            key=conversation.key,
            label=sanitize(conversation.peer or title or show_code(room), " "),
            code="" if conversation.is_private or room == LOBBY else show_code(room),
            is_private=conversation.is_private,
            is_sealed=view is not None and view.kind is RoomKind.SEALED,
            unread=conversation.unread,
            is_mentioned=conversation.is_mentioned,
            is_locked=view is not None and bool(view.flags & RoomFlags.LOCKED),
            is_read_only=view is not None and bool(view.flags & RoomFlags.READ_ONLY),
        )

    def _status(self) -> str:
        session = self.session
        if session.core.online:
            return "online"
        if session.name_rejection is not None:
            return "the name is taken: /nick NAME"
        if session.login_problem is not None:
            return f"not logged in: /login {sanitize(session.core.name)}"
        if not session.was_online:
            return "connecting"
        seconds = round((session.retry_at or 0.0) - time.monotonic())
        return f"reconnecting in {seconds} s" if seconds > 0 else "reconnecting"

    # -- conversations -----------------------------------------------------------------------------

    def _of_room(self, room: str, peer: str = "") -> Pane:
        """Return the conversation of a room, which may be new."""
        for each in self.conversations.values():
            if each.room == room:
                return each
        view = self.session.core.memory.rooms.get(room)
        peer = peer or (view.peer if view is not None else "")
        if not peer:
            return self._add_conversation(Pane(room, room))
        conversation = self.conversations.get(private_key(peer))
        if conversation is None:
            return self._add_conversation(Pane(private_key(peer), room, peer))
        conversation.room = room
        return conversation

    def _add_conversation(self, conversation: Pane) -> Pane:
        self.conversations[conversation.key] = conversation
        if self.selected is None:
            self.selected = conversation
            self._add(conversation, self._early)
            self._early = []
        return conversation

    def _remove(self, conversation: Pane) -> None:
        self.conversations.pop(conversation.key, None)
        if conversation is not self.selected:
            return
        left = list(self.conversations.values())
        current = self.session.current
        following = next((each for each in left if each.room == current), None)
        self.selected = following or (left[0] if left else None)
        if self.selected is not None:
            self.select(self.selected.key)

    def _follow_session(self) -> None:
        """Select the room that the session has switched to."""
        if self.session.current != self._current:
            self._select_current()

    def _select_current(self) -> None:
        current = self.session.current
        for key, conversation in self.conversations.items():
            if conversation.room == current:
                self.select(key)
                return

    def _append(self, conversation: Pane | None, lines: list[Line]) -> None:
        when = time.time()
        entries = [entry_of_line(line, when) for line in lines]
        # The list of people shows who is in a room.
        shown = [each for each in entries if (each.tag, each.kind) != ("who", LineKind.NOTICE)]
        self._add(conversation or self.selected, shown)

    def _add(self, conversation: Pane | None, entries: list[Entry]) -> None:
        if conversation is None:
            self._early += entries
            return
        is_seen = conversation is self.selected and self.has_focus
        conversation.append(entries, self.session.core.name, is_seen=is_seen)


def _transfer_state(shown: ShownTransfer, now: float) -> TransferState:
    progress = shown.progress
    return TransferState(
        progress.transfer,
        sanitize(transfer_status(shown, now), " "),
        progress.done / progress.size if progress.size else 1.0,
        progress.is_paused,
    )
