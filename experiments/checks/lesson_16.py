"""Self-checks of lesson 16: one order for many servers."""

import random
from typing import Any, NamedTuple

from netchat.course import (
    ClusterRun,
    NotAnswered,
    Said,
    Variant,
    counted_batches,
    exercise,
    need,
    run_cluster,
    whole_number,
)

WORDS = ("tea", "rain", "yes", "no", "hello", "why", "later", "moon", "salt", "river")

#: Lines of the protocol of which one is missing in exercise 16.5.
HIDDEN = ("once", "next", "resend", "acknowledge")


def commands(variant: Variant) -> list[tuple[str, ...]]:
    """Return commands of a room, some of which change nothing."""
    return _commands(variant.random("commands"), variant.people("people", 4))


def _commands(rng: random.Random, people: list[str]) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [("say", people[0], "anybody?"), ("join", people[0])]
    found += [("join", people[0]), ("leave", people[1]), ("join", people[2]), ("join", people[1])]
    for _ in range(30):
        name = rng.choice(people)
        kind = rng.choices(("join", "leave", "say"), (3, 2, 6))[0]
        found.append((kind, name, rng.choice(WORDS)) if kind == "say" else (kind, name))
    return found


def _apply(
    state: tuple[list[str], list[str]], command: tuple[str, ...]
) -> tuple[list[str], list[str]]:
    members, lines = list(state[0]), list(state[1])
    kind, name, *rest = command
    if kind == "join" and name not in members:
        return [*members, name], [*lines, f"{name} joins"]
    if kind == "leave" and name in members:
        members.remove(name)
        return members, [*lines, f"{name} leaves"]
    if kind == "say" and name in members:
        return members, [*lines, f"{name}: {rest[0]}"]
    return members, lines


@exercise("16.1", "A state machine", given=commands)
def a_state_machine(given: list[tuple[str, ...]], apply: Any) -> None:
    rng = random.Random(repr(given[-8:]))
    people = sorted({command[1] for command in given})
    for log in (given, _commands(rng, people), _commands(rng, people[::-1])):
        right: tuple[list[str], list[str]] = ([], [])
        state: tuple[list[str], list[str]] = ([], [])
        for command in log:
            answer = apply(state, command)
            need(
                isinstance(answer, (list, tuple)) and len(answer) == 2,
                f"For {command}, apply must return a pair of lists, got {answer!r}.",
                "It also returns the state if a command changes nothing.",
            )
            members, lines = list(answer[0]), list(answer[1])
            right = _apply(right, command)
            new = len(lines) - len(state[1])
            need(
                len(lines) == len(right[1]),
                f"After {command}, the room shows {new} new line{'' if new == 1 else 's'}.",
                "Which commands change nothing? Who is a member at that moment?",
            )
            need(
                lines == right[1],
                f"After {command}, the last line is {lines[-1:]}.",
                "The lines have the form that the exercise shows, and are in the order of the log.",
            )
            need(
                members == right[0],
                f"After {command}, the members are {members}.",
                "The members are in the order in which they joined. A user who joins again is the last.",
            )
            state = members, lines


def repeated(variant: Variant) -> list[tuple[str, int, str]]:
    """Return a log with duplicates and gaps."""
    return _repeated(variant.random("repeated"))


def _repeated(rng: random.Random) -> list[tuple[str, int, str]]:
    devices = {name: [(name, n, rng.choice(WORDS[:4])) for n in range(1, 9)] for name in "abc"}
    log: list[tuple[str, int, str]] = []
    places = dict.fromkeys(devices, 0)
    while any(places[name] < 8 for name in devices):
        name = rng.choice([one for one in devices if places[one] < 8])
        at, chance = places[name], rng.random()
        if chance < 0.25 and at:  # repeated, since no reply came
            log += devices[name][max(0, at - 2) : at]
        elif chance < 0.45 and at < 7:  # lost, and the next one arrives
            log.append(devices[name][at + 1])
        else:
            log.append(devices[name][at])
            places[name] += 1
    # Each log has each of the three difficulties: a copy, a gap, and equal texts of one device.
    log += [log[-1], ("d", 1, "tea"), ("d", 3, "no"), ("d", 2, "tea"), ("d", 3, "no")]
    return log


@exercise("16.2", "Exactly once", given=repeated)
def exactly_once(given: list[tuple[str, int, str]], once: Any) -> None:
    rng = random.Random(repr(given))
    for log in (given, _repeated(rng), _repeated(rng)):
        right = _once(log)
        answer = once(log)
        need(
            isinstance(answer, (list, tuple)) and all(isinstance(one, str) for one in answer),
            f"once must return a list of texts, got {_start(answer)}.",
        )
        need(
            once(log) == answer,
            "Called twice with one log, once returns two answers: its memory must begin empty each time.",
        )
        if list(answer) != right:
            _explain(log, once, "your log" if log is given else f"a log that begins with {log[0]}")


def _once(log: list[tuple[str, int, str]]) -> list[str]:
    last: dict[str, int] = {}
    texts = []
    for device, number, text in log:
        if number == last.get(device, 0) + 1:
            last[device] = number
            texts.append(text)
    return texts


def _start(answer: Any) -> str:
    """Return the beginning of an answer for a message."""
    text = repr(answer)
    return text if len(text) <= 150 else f"{text[:150]}…"


def _explain(log: list[tuple[str, int, str]], once: Any, name: str) -> None:
    """Raise `Wrong` for the first entry that is judged otherwise than by the rule."""
    last: dict[str, int] = {}
    for end in range(1, len(log) + 1):
        device, number, _ = log[end - 1]
        right, answer = _once(log[:end]), list(once(log[:end]))
        where = f"In {name}, entry {end - 1}, {log[end - 1]},"
        before = last.get(device, 0)
        need(
            len(answer) <= len(right) or number > before,
            f"{where} counts for you.",
            "A number that this device has used before is a copy.",
        )
        need(
            len(answer) <= len(right),
            f"{where} counts for you.",
            "It comes after a gap. The device sends what is missing again, and then this one again.",
        )
        need(
            len(answer) >= len(right),
            f"{where} does not count for you.",
            "Is its number the next one of its device? Each device has its own numbers, from 1, and may say "
            "the same twice. An entry that does not count changes nothing.",
        )
        need(
            answer == right,
            f"For the first {end} entries of {name}, the number of texts is right, but not the texts.",
            "Return the text of each entry that counts, in the order of the log.",
        )
        if number == before + 1:
            last[device] = number


def entries(variant: Variant) -> list[tuple[str, int, Any]]:
    """Return a log with epochs that begin and end."""
    return _entries(variant.random("entries"))


def _entries(rng: random.Random) -> list[tuple[str, int, Any]]:
    log: list[tuple[str, int, Any]] = []
    servers = ["east", "west", "north"]
    live: dict[int, int] = {}
    owner: dict[int, str] = {}
    epoch = rng.randrange(1, 6)
    for server in servers:
        log.append(("joined", epoch, server))
        live[epoch], owner[epoch] = 0, server
        epoch += rng.randrange(1, 3)
    dead: list[tuple[int, int]] = []
    for _ in range(26):
        one, chance = rng.choice(list(live)), rng.random()
        if chance < 0.55:
            live[one] += 1
            log.append(("batch", one, live[one]))
        elif chance < 0.68:  # lost, then repeated
            log += [("batch", one, live[one] + 2), ("batch", one, live[one] + 1)]
            live[one] += 1
        elif chance < 0.8:
            log.append(("batch", one, max(1, live[one])))
            live[one] = max(1, live[one])
        elif chance < 0.88 and dead:  # a server that was asleep
            ended, last = dead[-1]
            log.append(("batch", ended, last + 1))
        elif len(live) > 1:
            if rng.random() < 0.6:
                log.append(("expired", one, "lease"))
            log.append(("joined", epoch, owner[one]))
            dead.append((one, live.pop(one)))
            live[epoch], owner[epoch] = 0, owner[one]
            epoch += 1
    # Each log has a late batch of an ended epoch, a restart without `expired`, and a late `joined`.
    one = min(live)
    log += [
        ("batch", one, live[one] + 1),
        ("joined", epoch, owner[one]),
        ("batch", one, live[one] + 2),
        ("batch", epoch, 1),
        ("joined", epoch - 1, "south"),
        ("expired", epoch, "lease"),
        ("batch", epoch, 2),
        ("joined", epoch, owner[one]),
        ("batch", epoch, 1),
    ]
    return log


@exercise("16.3", "What counts", given=entries)
def what_counts(given: list[tuple[str, int, Any]], counting: Any) -> None:
    rng = random.Random(repr(given))
    for log in (given, _entries(rng), _entries(rng)):
        right = counted_batches(log)
        answer = counting(log)
        need(isinstance(answer, (list, tuple)), "counting must return a list of positions.")
        found = [whole_number(one, "a position") for one in answer]
        need(
            all(0 <= one < len(log) and log[one][0] == "batch" for one in found),
            "Only positions of batches can count, from 0 on.",
        )
        extra = sorted(set(found) - set(right))
        need(
            not extra,
            f"Entry {_shown(log, extra)} counts for you, but not for netchat.",
            "Has its epoch started, by rule 1? Has it ended, by `expired` or by another `joined` of the "
            "same server? Is its number the next one of the epoch?",
        )
        missing = sorted(set(right) - set(found))
        need(
            not missing,
            f"Entry {_shown(log, missing)} counts for netchat, but not for you.",
            "A batch that does not count changes nothing: the next number stays the same. Each epoch "
            "has its own numbers.",
        )
        need(found == right, "The positions must be in ascending order, each of them once.")


def _shown(log: list[tuple[str, int, Any]], positions: list[int]) -> str:
    return f"{positions[0]}, {log[positions[0]]}," if positions else ""


def audited(variant: Variant) -> ClusterRun:
    """Return a run with everything that an auditor must find."""
    for number in range(50):
        run = run_cluster(variant.seed(f"audit {number}"), without=HIDDEN[number % 2])
        if _audit(run.sent, run.histories) != ([], [], True):
            return run
    raise AssertionError("no run in which something happens")


def _audit(
    sent: list[Said], histories: dict[str, list[Said]]
) -> tuple[list[Said], list[Said], bool]:
    shown = list(histories.values())
    lost = [said for said in sent if any(said not in one for one in shown)]
    twice = [said for said in sent if any(one.count(said) > 1 for one in shown)]
    return lost, twice, all(one == shown[0] for one in shown)


@exercise("16.4", "The auditor", given=audited)
def the_auditor(given: ClusterRun, audit: Any) -> None:
    a, b, c = (Said("Nova", 1, "tea"), Said("Nova", 2, "tea"), Said("Mira", 1, "rain"))
    cases: list[tuple[list[Said], dict[str, list[Said]]]] = [
        (given.sent, given.histories),
        ([a, b, c], {"east": [a, b, c], "west": [a, b, c]}),
        ([a, b, c], {"east": [a, b, c], "west": [a, c]}),
        ([a, b, c], {"east": [a, b, c], "west": [a, c, b]}),
        ([a, b, c], {"east": [a, b, c], "west": [a, b, c, a]}),
    ]
    for sent, histories in cases:
        lost, twice, agree = _audit(sent, histories)
        plain = (
            [tuple(one) for one in sent],
            {name: [tuple(one) for one in shown] for name, shown in histories.items()},
        )
        answer = audit(*plain)
        need(
            isinstance(answer, (list, tuple)) and len(answer) == 3,
            "audit must return three things: lost, twice, agree.",
        )
        for what, found, right in (("lost", answer[0], lost), ("twice", answer[1], twice)):
            need(isinstance(found, (list, tuple)), f"{what} must be a list of messages.")
            given_ones = sorted({tuple(one) for one in found})
            sizes = ", ".join(f"{name} {len(shown)}" for name, shown in histories.items())
            amount = (len(given_ones) > len(right)) - (len(given_ones) < len(right))
            need(
                given_ones == sorted(tuple(one) for one in right),
                f"{len(sent)} messages were sent, and the servers show: {sizes}. You find {len(given_ones)} "
                f"{what}, {('which are the wrong ones', 'too many', 'too few')[amount]}.",
                "Look at each server by itself: one server that lacks a message, or repeats it, is "
                "enough. Compare whole messages, not only their texts.",
            )
        need(
            bool(answer[2]) == agree,
            f"You say that servers {'agree' if answer[2] else 'do not agree'} that show {_start(plain[1])}.",
            "Two lists are the same if they have the same messages in the same order.",
        )


def missing_line(variant: Variant) -> ClusterRun:
    """Return a run without one line of the protocol, in which that does harm."""
    return _missing_line(variant.seed("missing line"))[0]


def _missing_line(seed: int) -> tuple[ClusterRun, str]:
    line = HIDDEN[seed % len(HIDDEN)]
    for number in range(200):
        run = run_cluster((seed + number) % 2**64, without=line)
        lost, twice, _ = _audit(run.sent, run.histories)
        is_clear = line == "resend" or _appends_again(run)
        if (lost or twice) and is_clear and _line_of(run) == line:
            return run, line
    raise AssertionError("no run in which the missing line can be found")


def _appends_again(run: ClusterRun) -> bool:
    """Return whether a server appends a batch again."""
    return any(" again: " in report for report in run.trace)


def _is_acknowledged_early(run: ClusterRun) -> bool:
    """Return whether a user learned that a message has arrived which is not in the log."""
    logged = {said for entry in run.log for said in entry.messages}
    return any(said not in logged for said in run.acknowledged)


def _gap_counts(run: ClusterRun) -> bool:
    """Return whether a message is shown that is only in batches after a gap."""
    last: dict[str, int] = {}
    counted, others = set[Said](), set[Said]()
    for entry in run.log:
        is_next = entry.number == last.get(entry.server, 0) + 1
        if is_next:
            last[entry.server] = entry.number
        (counted if is_next else others).update(entry.messages)
    return any(said in shown for said in others - counted for shown in run.histories.values())


def _line_of(run: ClusterRun) -> str:
    """Return the missing line, from what the run shows."""
    if _audit(run.sent, run.histories)[1]:
        return "once"
    if _is_acknowledged_early(run):
        return "acknowledge"
    return "next" if _gap_counts(run) else "resend"


@exercise("16.5", "The missing line", given=missing_line)
def the_missing_line(given: ClusterRun, happened: Any, text: Any, line: Any) -> None:
    lost, twice, _ = _audit(given.sent, given.histories)
    right = "twice" if twice else "lost"
    need(
        happened in ("lost", "twice"),
        f"happened must be 'lost' or 'twice', got {happened!r}.",
    )
    need(
        happened == right,
        f"In this run, no message was {'shown twice' if happened == 'twice' else 'lost'}.",
        "Your auditor knows: audit(run.sent, run.histories).",
    )
    texts = [said.text for said in (twice or lost)]
    need(
        text in texts,
        f"{text!r} is not the text of a message that was {'shown twice' if twice else 'lost'}.",
        "A text has two words, such as those in quotes in the trace.",
    )
    need(
        isinstance(line, str) and line in HIDDEN,
        f"line must be one of {', '.join(HIDDEN)}, got {line!r}.",
    )
    missing = _line_of(given)
    need(
        line == missing or "once" not in (line, missing),
        f"Without {line!r}, something else would have happened.",
        "Which lines lose messages, and which one shows them twice? Your attacks have measured it.",
    )
    need(
        line == missing or line != "acknowledge",
        "In this run, each message was in the log before it was acknowledged.",
        "Compare the order: when is a message appended, and when is it acknowledged?",
    )
    need(
        line == missing or line != "resend",
        "In this run, servers append batches again.",
        "Look for `again:` in the trace.",
    )
    need(
        line == missing or line != "next",
        "In this run, no server shows a message that is only in batches after a gap.",
        "List the numbers of the batches of one server in run.log. Which messages does the batch after a "
        "gap have, and are they shown?",
    )


def _first(found: list[Any]) -> str:
    """Return the first of what was found, for a message that is not shown if nothing was."""
    return repr(found[0]) if found else ""


class _User(NamedTuple):
    """A device and its unacknowledged messages."""

    name: str
    outbox: list[tuple[str, int, str]]


class _Aftermath(NamedTuple):
    """Result of an attack, for the checks."""

    histories: dict[str, list[str]]
    texts: list[str]
    acknowledged: set[str]
    counted: set[str]


def _answered(value: Any) -> Any:
    """Return what a method returns, unless it still contains its dots."""
    if value is ...:
        raise NotAnswered
    return value


def _is_message(one: Any) -> bool:
    return isinstance(one, (list, tuple)) and len(one) == 3


def _appended(batches: Any) -> list[tuple[int, list[tuple[str, int, str]]]]:
    """Return what `to_append` returned, after a check of its form."""
    need(isinstance(batches, (list, tuple)), "to_append must return a list of batches.")
    found = []
    for batch in batches:
        need(
            isinstance(batch, (list, tuple)) and len(batch) == 2,
            f"A batch is a pair (number, messages), got {batch!r}.",
        )
        need(
            isinstance(batch[1], (list, tuple)) and all(_is_message(one) for one in batch[1]),
            f"The messages of a batch are a list of (device, counter, text), got {batch[1]!r}.",
            "A batch with one message has a list of one message.",
        )
        number = whole_number(batch[0], "the number of a batch")
        found.append((number, [tuple(one) for one in batch[1]]))
    return found


def _attack(server_class: Any, seed: int, ticks: int = 36) -> _Aftermath:
    """Connect three servers to users and a log, lose requests and connections, then let it settle."""
    rng = random.Random(seed)
    servers = [server_class() for _ in range(3)]
    names, read = ("east", "west", "north"), [0, 0, 0]
    log: list[tuple[str, int, list[tuple[str, int, str]]]] = []
    users = [_User(f"device {n}", []) for n in range(3)]
    homes, counters, passed = [0, 1, 2], [0, 0, 0], [0, 0, 0]
    texts: list[str] = []
    acknowledged: set[str] = set()

    def read_log(n: int) -> None:
        new = [(name, k, list(ms), name == names[n]) for name, k, ms in log[read[n] :]]
        read[n] = len(log)
        done = _answered(servers[n].read(new))
        need(
            isinstance(done, (list, tuple))
            and all(isinstance(one, (list, tuple)) and len(one) == 2 for one in done),
            "read must return a list of (device, counter) to acknowledge.",
        )
        for one in done:
            for k, user in enumerate(users):
                if homes[k] != n:
                    continue  # the user is not connected to this server
                for at, message in enumerate(user.outbox):
                    if message[:2] == tuple(one):
                        del user.outbox[at]
                        passed[k] -= at < passed[k]
                        acknowledged.add(message[2])
                        break

    for tick in range(ticks + 60):
        calm = tick >= ticks
        if tick >= ticks + 12 and not any(user.outbox for user in users):
            break
        for n, user in enumerate(users):
            if not calm and rng.random() < 0.35:
                counters[n] += 1
                text = f"{rng.choice(WORDS)} {n}.{counters[n]}"
                user.outbox.append((user.name, counters[n], text))
                texts.append(text)
            if not calm and rng.random() < 0.12:  # moves to another server
                homes[n], passed[n] = (homes[n] + rng.randrange(1, 3)) % 3, 0
            for message in user.outbox[passed[n] :]:
                servers[homes[n]].receive(message)
            passed[n] = len(user.outbox)
        for n, server in enumerate(servers):
            if calm or rng.random() < 0.5:
                log.extend(
                    (names[n], *batch)
                    for batch in _appended(_answered(server.to_append()))
                    if calm or rng.random() > 0.3  # otherwise the request is lost
                )
            if calm or rng.random() < 0.6:
                read_log(n)
    for n in range(3):
        read_log(n)
    histories = [list(server.history) for server in servers]
    for history in histories:
        wrong = [one for one in history if not isinstance(one, str)]
        need(not wrong, f"history must be a list of texts, but has {_first(wrong)}.")
    return _Aftermath(dict(zip(names, histories, strict=True)), texts, acknowledged, _counted(log))


def _counted(log: list[tuple[str, int, list[tuple[str, int, str]]]]) -> set[str]:
    """Return the texts of the batches that count."""
    last: dict[str, int] = {}
    found = set[str]()
    for server, number, messages in log:
        if number == last.get(server, 0) + 1:
            last[server] = number
            found.update(text for *_, text in messages)
    return found


@exercise("16.6", "Your own server")
def your_own_server(variant: Variant, server_class: Any) -> None:
    need(
        callable(server_class),
        "The answer must be the class itself, of which the check creates three servers.",
        "Write the name of the class without parentheses.",
    )
    for number in range(6):
        left = _attack(server_class, variant.seed(f"attack {number}") % 2**32)
        where = f"Attack {number + 1}:"
        for name, shown in left.histories.items():
            repeated_ones = sorted({one for one in shown if shown.count(one) > 1})
            need(
                not repeated_ones,
                f"{where} {name} shows {_first(repeated_ones)} more than once.",
                "The same message can be in two batches: a device that moved resends it, to another "
                "server. And the same batch can be in the log twice. What identifies a message, and a batch?",
            )
            lacking = [text for text in left.texts if text not in shown]
            broken = [text for text in lacking if text in left.acknowledged - left.counted]
            need(
                not broken,
                f"{where} {name} does not show {_first(broken)}, although it was acknowledged.",
                "Acknowledge a message only when it comes back in an entry that counts.",
            )
            ignored = [text for text in lacking if text in left.counted]
            need(
                not ignored,
                f"{where} {name} does not show {_first(ignored)}, although it is in an entry that counts.",
                "A server shows the messages of all servers. An entry of another server that does not count "
                "must not change what counts later.",
            )
            need(
                not lacking,
                f"{where} {name} never shows {_first(lacking)}, although the network was repaired.",
                "Return a batch until it has come back and counted. If an earlier one was lost, later ones "
                "do not count: return all of them again.",
            )
        first = left.histories["east"]
        need(
            all(shown == first for shown in left.histories.values()),
            f"{where} the servers show the same messages in different orders.",
            "Show a message when it comes back in the log, not when a user sends it.",
        )
        waiting = [text for text in left.texts if text not in left.acknowledged]
        need(
            not waiting,
            f"{where} all servers show {_first(waiting)}, but its device never gets an acknowledgement.",
            "A device that has moved resends messages that are shown already. Acknowledge them, too.",
        )
