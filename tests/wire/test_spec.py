import json

from netchat.wire import MAX_FRAME, MESSAGES, Hello, Ping, Send, fields_of
from netchat.wire.spec import enums, message_spec, protocol_spec, records, senders


def test_spec_is_plain_json():
    spec = protocol_spec()
    assert json.loads(json.dumps(spec)) == spec
    assert spec["protocol"] == "NCP"
    assert spec["version"] == 1
    assert spec["limits"]["MAX_FRAME"] == MAX_FRAME
    assert [m["type"] for m in spec["messages"]] == sorted(MESSAGES)
    assert spec["header"]["size"] == sum(f["size"] for f in spec["header"]["fields"])


def test_all_referenced_files_exist():
    spec = protocol_spec()
    known = {
        "kind": set(spec["kinds"]),
        "record": {r["class"] for r in spec["records"]},
        "enum": {e["class"] for e in spec["enums"]},
    }
    for declared in spec["messages"] + spec["records"]:
        for field in declared["fields"]:
            for what, names in known.items():
                assert field.get(what, next(iter(names))) in names


def test_message():
    assert message_spec(Send) == {
        "type": 0x20,
        "name": "SEND",
        "class": "Send",
        "from": ["client"],
        "doc": Send.__doc__.replace("\n    ", "\n").rstrip(),
        "fields": [
            {"name": f.name, "kind": kind, "doc": f.doc}
            for f, kind in zip(fields_of(Send), ["u64", "text", "text"], strict=True)
        ],
    }


def test_list_names_its_record():
    assert message_spec(Hello)["fields"][-1]["record"] == "Position"


def test_senders():
    assert senders(Hello) == ["client"]
    assert senders(Ping) == ["client", "server"]


def test_records_and_enums_in_order_of_appearance():
    rooms = ["Position", "Membership", "ServerAddress", "Member", "FoundMessage", "BannedUser"]
    sealed = ["Sealed", "Wrap", "DeviceKeys", "SealedText"]
    assert [r.__name__ for r in records()] == rooms + sealed
    kinds = ["ErrorCode", "EventKind", "Role", "ModeratorAction", "RoomKind"]
    assert [e.__name__ for e in enums()] == kinds
