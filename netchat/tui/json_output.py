"""Client events as JSON for programs, one object per line.

Every object has a `type`, which determines its other keys:

    type                            further keys
    chat join leave rename          room, kind, seq, time, sender, text, own, late; peer if private
    removed moderated room_changed  the same, and action, by, seconds, reason; text is a sentence
    online                          name, resumed, server
    offline                         why, retry_in
    ended                           why, wanted
    name-refused                    why, suggestion
    login-required                  name, why, suggestion
    login-failed                    why, code (empty if the client refuses to send the password)
    account                         name (empty for a guest), role
    name-changed                    name
    entered                         room, kind, peer, members, asked
    left-room                       room, why
    missed                          room, first, last
    past                            room, oldest, events (a list of chat, join, leave, rename)
    people                          room, total, members (a list of name, away), more
    declined                        code, about, text, suggestion
    undelivered                     text, why
    acknowledged                    room, counter, seq
    warned                          code, text
    secret                          room, epoch, invitation, words
    safety                          room, name, digits, words, members, verified
    sealing-warning                 room, text
    link                            the answer to /link: counters, rates and codes of the link
    room-state                      room, title, role, locked, read_only
    done                            room, action: the answer to a moderator's command
    bans                            room, bans (a list of number, until, scope, name, address, by,
                                    reason), more
    answer notice error             text: a line of the client itself

Messages that were sealed also have `sealed` (true) and `problems`, a list of what is wrong with them;
`rekey` is an event that changes a sealed room's secret. `kind` is lobby, room, private or sealed;
`time` is in seconds since 1970 (UTC), from the server's clock. In a rename, `sender` is the old name
and `text` the new one. New versions may add keys but never rename them.
"""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any, assert_never

from netchat.chat.client_events import (
    AccountChanged,
    Acknowledged,
    ActionCompleted,
    BansReceived,
    ClientEvent,
    EventsMissed,
    FileEnded,
    FileProgress,
    HistoryReceived,
    LoginFailed,
    LoginRequired,
    NameChanged,
    NameRejected,
    Offline,
    Online,
    RequestRefused,
    RoomDescribed,
    RoomEntered,
    RoomEvent,
    RoomLeft,
    RosterReceived,
    SafetyReceived,
    SealingWarning,
    SearchCompleted,
    SecretKnown,
    SessionEnded,
    Undelivered,
    WarningReceived,
)
from netchat.chat.room_moderation import BanScope
from netchat.chat.sealing.room_secret import read_secret, secret_words
from netchat.tui.lines import Line
from netchat.wire import MESSAGES, BannedUser, ErrorCode, Event, EventKind, ModeratorAction
from netchat.wire.annotations import parse_annotation
from netchat.wire.file_offers import describe_offer, parse_offer
from netchat.wire.moderation_text import KINDS, describe, parse_notice

__all__ = ["event_json", "line_json"]


def event_json(event: ClientEvent) -> str:
    """Return an event as one line of JSON."""
    return _dump(_fields(event))


def line_json(line: Line) -> str:
    """Return a line of the client itself as one line of JSON."""
    return _dump(line.fields or {"type": line.kind.value, "text": line.text})


def _dump(fields: dict[str, Any]) -> str:
    # ASCII only: text from other users must not reach a terminal unescaped.
    return json.dumps(fields, ensure_ascii=True)


def _fields(event: ClientEvent) -> dict[str, Any]:
    match event:
        case RoomEvent(chat_event, kind, peer, own, late):
            fields = {**_event(chat_event), "kind": kind.name.lower(), "own": own, "late": late}
            if event.is_sealed or event.problems:
                fields |= {"sealed": event.is_sealed, "problems": list(event.problems)}
            return {**fields, "peer": peer} if peer else fields
        case Online(name, resumed, server):
            return {"type": "online", "name": name, "resumed": resumed, "server": server}
        case Offline(why, retry_in):
            return {"type": "offline", "why": why, "retry_in": round(retry_in, 3)}
        case SessionEnded(why, wanted):
            return {"type": "ended", "why": why, "wanted": wanted}
        case NameRejected(why, suggestion):
            return {"type": "name-refused", "why": why, "suggestion": suggestion}
        case LoginRequired(name, why, suggestion):
            return {"type": "login-required", "name": name, "why": why, "suggestion": suggestion}
        case LoginFailed(why, code):
            named = _name(ErrorCode, code).upper() if code else ""
            return {"type": "login-failed", "why": why, "code": named}
        case AccountChanged(name, role):
            return {"type": "account", "name": name, "role": role.name.lower()}
        case NameChanged(name):
            return {"type": "name-changed", "name": name}
        case RoomEntered(room, kind, peer, members, asked):
            fields = {"type": "entered", "room": room, "kind": kind.name.lower(), "peer": peer}
            return {**fields, "members": members, "asked": asked}
        case RoomLeft(room, why):
            return {"type": "left-room", "room": room, "why": why}
        case EventsMissed(room, first, last):
            return {"type": "missed", "room": room, "first": first, "last": last}
        case HistoryReceived(room, events, oldest):
            past = [_event(old) for old in events]
            for old in past:
                if old["seq"] in event.sealed:
                    old |= {"sealed": True, "problems": list(event.sealed[old["seq"]])}
                elif old["seq"] in event.unsealed:
                    old |= {"sealed": False, "problems": list(event.unsealed[old["seq"]])}
            return {"type": "past", "room": room, "oldest": oldest, "events": past}
        case SearchCompleted(room, messages, searched):
            found: list[dict[str, Any]] = []
            for message in messages:
                found.append(
                    {
                        "type": _name(EventKind, message.kind),
                        "seq": message.seq,
                        "time": message.time / 1e6,
                        "sender": message.sender,
                        "text": message.text,
                    }
                )
                if message.target:
                    found[-1]["target"] = message.target
            return {"type": "found", "room": room, "searched": searched, "messages": found}
        case RosterReceived(room, total, members, more):
            names: list[dict[str, Any]] = []
            for member in members:
                names.append({"name": member.name, "away": member.away == 1})
                if server := event.server_of(member):
                    names[-1]["server"] = server
            people = {"type": "people", "room": room, "total": total, "members": names}
            return {**people, "more": more}
        case SecretKnown(room, epoch, secret):
            words = secret_words(read_secret(secret)) if secret else ""
            invitation = f"{room}#{secret}"
            known = {"type": "secret", "room": room, "epoch": epoch}
            return {**known, "invitation": invitation, "words": words}
        case SafetyReceived(room, name, digits, words, covered, is_verified):
            safety = {"type": "safety", "room": room, "name": name, "digits": digits}
            return {**safety, "words": words, "members": covered, "verified": is_verified}
        case SealingWarning(room, text):
            return {"type": "sealing-warning", "room": room, "text": text}
        case RequestRefused(error, _):
            about = MESSAGES[error.about].NAME if error.about in MESSAGES else ""
            declined = {
                "type": "declined",
                "code": _name(ErrorCode, error.code).upper(),
                "about": about,
            }
            return {**declined, "text": error.text, "suggestion": error.suggestion}
        case RoomDescribed(room, title, role, is_locked, is_read_only):
            described = {"type": "room-state", "room": room, "title": title}
            described["role"] = ("member", "moderator", "owner")[min(role, 2)]
            return {**described, "locked": is_locked, "read_only": is_read_only}
        case ActionCompleted(room, action):
            return {"type": "done", "room": room, "action": _name(ModeratorAction, action)}
        case BansReceived(room, bans, more):
            return {"type": "bans", "room": room, "bans": list(map(_ban, bans)), "more": more}
        case FileProgress(transfer, room, name, is_upload, done, size, is_paused):
            moved = {"type": "file-progress", "transfer": transfer, "room": room, "name": name}
            return {**moved, "upload": is_upload, "done": done, "size": size, "paused": is_paused}
        case FileEnded(transfer, room, name, is_upload, why, code):
            named = _name(ErrorCode, code).upper() if code else ""
            ended = {"type": "file-ended", "transfer": transfer, "room": room, "name": name}
            return {**ended, "upload": is_upload, "why": why, "code": named, "path": event.path}
        case Undelivered(text, why):
            return {"type": "undelivered", "text": text, "why": why}
        case Acknowledged(room, counter, seq):
            return {"type": "acknowledged", "room": room, "counter": counter, "seq": seq}
        case WarningReceived(error):
            return {
                "type": "warned",
                "code": _name(ErrorCode, error.code).upper(),
                "text": error.text,
            }
        case _:
            assert_never(event)


def _event(event: Event) -> dict[str, Any]:
    fields = {
        "type": _name(EventKind, event.kind),
        "room": event.room,
        "seq": event.seq,
        "time": event.time / 1e6,
        "sender": event.sender,
        "text": event.text,
    }
    if (annotation := parse_annotation(event.kind, event.text)) is not None:
        fields |= {"target": annotation.target, "text": annotation.text}
        if annotation.kind is EventKind.REACTION:
            fields["removed"] = annotation.is_removal
    if event.kind == EventKind.FILE and (offer := parse_offer(event.text)) is not None:
        fields["text"] = describe_offer(event.text)
        fields |= {"name": offer.name, "size": offer.size, "media_type": offer.media_type}
        fields["sha256"] = offer.sha256.hex()
    if event.kind in KINDS:
        notice = parse_notice(event)
        fields["text"] = describe(notice)
        fields["action"] = _name(ModeratorAction, notice.action)
        fields |= {"by": notice.actor, "seconds": notice.seconds, "reason": notice.text}
    return fields


def _ban(ban: BannedUser) -> dict[str, Any]:
    scope = [part.name.lower() for part in BanScope if part.name and ban.scope & part]
    return {
        "number": ban.number,
        "until": ban.until / 1e6 or None,
        "scope": scope,
        "name": ban.name,
        "address": ban.address,
        "by": ban.actor,
        "reason": ban.reason,
    }


def _name(names: type[IntEnum], number: int) -> str:
    """Return the name of a value, or the number if a newer server sends an unknown one."""
    return names(number).name.lower() if number in set(names) else str(number)
