"""Tests of the class's page: downloads, hand-ins, and requests that it must refuse."""

import json
from pathlib import Path

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer

from netchat.classroom import class_site
from netchat.classroom.class_folder import ClassSettings, create_class
from netchat.classroom.class_site import class_app, safe_name
from netchat.classroom.feedback import feedback_file
from netchat.classroom.gradebook import StudentRow
from netchat.classroom.grading_run import find_notebooks
from netchat.classroom.pages import file_name
from netchat.classroom.roster import ClassRoster, Student

COURSE = Path(__file__).parents[2] / "experiments"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    students = ClassRoster(
        [
            *(Student(one, name) for one, name in (("s01", "Ada"), ("s02", "Bob"))),
            *(Student(one, one) for one in ("s03@x.org", "s04", "s05")),
        ]
    )
    path = tmp_path_factory.mktemp("class") / "c"
    return create_class(path, ClassSettings("C", [1]), students, COURSE)


@pytest.fixture
async def client(folder):
    async with TestClient(TestServer(class_app(folder))) as one:
        yield one


def page_of(folder, student: str) -> str:
    return f"/s/{folder.settings.links[student]}"


def notebook(source: bytes) -> bytes:
    """Return a notebook with one cell."""
    return json.dumps({"cells": [{"cell_type": "code", "source": [source.decode()]}]}).encode()


async def hand_in(client, url: str, **files: bytes) -> tuple[int, str]:
    form = FormData()
    for name, data in files.items():
        sent = notebook(data) if name.endswith("_ipynb") else data
        form.add_field("file", sent, filename=name.replace("_ipynb", ".ipynb"))
    answer = await client.post(url, data=form)
    return answer.status, await answer.text()


async def test_pages_and_notebooks_need_the_link(client, folder):
    answer = await client.get(page_of(folder, "s01"))
    assert answer.status == 200
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Ada" in await answer.text()
    archive = await client.get(f"{page_of(folder, 's01')}/notebooks.zip")
    assert (await archive.read())[:2] == b"PK"
    for wrong in ("/s/x", "/s/x/notebooks.zip", "/s/", "/class.json", "/s/../class.json", "/s/%00"):
        assert (await client.get(wrong)).status == 404
    assert "Ada" not in await (await client.get("/")).text()
    assert (await client.post("/s/x", data=b"")).status == 404


async def test_hand_ins_are_kept_and_belong_to_their_student(client, folder):
    url = page_of(folder, "s01")
    for data in (b"one", b"two", b"one"):
        status, text = await hand_in(client, url, **{"01 x_ipynb": data})
        assert status == 200
        assert "Handed in: " in text
    assert sorted(contents(folder.handed_in / "s01").values()) == [b"one", b"two"]
    assert not list((folder.handed_in / "s02").iterdir())
    found = find_notebooks([folder.handed_in]).values()
    assert {folder.roster.owner_of(path).id for path in found} == {"s01"}


def contents(own: Path) -> dict[str, bytes]:
    found = {}
    for path in own.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".ipynb":
                data = json.loads(data)["cells"][0]["source"][0].encode()
            found[path.relative_to(own).as_posix()] = data
    return found


async def test_a_module_never_changes_beside_an_earlier_notebook(client, folder):
    url, own = page_of(folder, "s03@x.org"), folder.handed_in / file_name("s03@x.org")
    await hand_in(client, url, a_ipynb=b"1", **{"my.py": b"good"})
    await hand_in(client, url, **{"my.py": b"good"})
    first = {"a.ipynb": b"1", "my.py": b"good"}
    assert contents(own) == first
    await hand_in(client, url, **{"my.py": b"stolen"})
    second = {"modules-2/a.ipynb": b"1", "modules-2/my.py": b"stolen"}
    assert contents(own) == first | second
    # So does a new module: it may hide one of Python's.
    await hand_in(client, url, b_ipynb=b"2", **{"json.py": b"new"})
    third = {f"modules-3/{Path(name).name}": data for name, data in second.items()}
    third |= {"modules-3/b.ipynb": b"2", "modules-3/json.py": b"new"}
    assert contents(own) == first | second | third
    status, text = await hand_in(client, url, b_ipynb=b"3")
    assert status == 200
    assert contents(own) == first | second | third | {"modules-3/b-2.ipynb": b"3"}
    assert all(name in text for name in contents(own))
    found = find_notebooks([folder.handed_in, *own.rglob("*.ipynb")])
    assert {folder.roster.owner_of(path).id for path in found.values()} >= {"s03@x.org"}


async def test_modules_come_before_their_notebook_or_after_it(client, folder):
    url, own = page_of(folder, "s04"), folder.handed_in / "s04"
    await hand_in(client, url, **{"my.py": b"1"})
    await hand_in(client, url, **{"other.py": b"1"})
    await hand_in(client, url, a_ipynb=b"1")
    assert set(contents(own)) == {"my.py", "other.py", "a.ipynb"}


async def test_the_limit_counts_all_versions(client, folder, monkeypatch):
    monkeypatch.setattr(class_site, "MAX_HANDED_IN", 5)
    url, own = page_of(folder, "s05"), folder.handed_in / "s05"
    await hand_in(client, url, a_ipynb=b"1", **{"my.py": b"1"})
    assert (await hand_in(client, url, **{"my.py": b"2"}))[0] == 200
    status, text = await hand_in(client, url, **{"my.py": b"3"})
    assert (status, "Tell your teacher" in text) == (400, True)
    assert len(contents(own)) == 4
    assert (await hand_in(client, url, a_ipynb=b"2"))[0] == 200
    assert (await hand_in(client, url, a_ipynb=b"3"))[0] == 400
    assert len(contents(own)) == 5


async def test_what_cannot_be_handed_in(client, folder, monkeypatch):
    url = page_of(folder, "s02")
    monkeypatch.setattr(class_site, "MAX_FILE", 1000)
    status, text = await hand_in(client, url, big_ipynb=b"x" * 1001)
    assert (status, "larger than" in text) == (400, True)
    form = FormData()
    form.add_field("file", b"x", filename="virus.exe")
    answer = await client.post(url, data=form)
    assert answer.status == 400
    assert "must end in .ipynb or .py" in await answer.text()
    assert (await client.post(url, data=b"x")).status == 400
    monkeypatch.setattr(class_site, "MAX_HANDED_IN", 0)
    assert (await hand_in(client, url, a_ipynb=b"x"))[0] == 400
    assert not list((folder.handed_in / "s02").iterdir())


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"\x89PNG", b'{"cells": [1]}', b"[" * 100_000, b'{"cells": null}']
)
async def test_what_is_no_notebook_is_refused_at_once(client, folder, data):
    form = FormData()
    form.add_field("file", data, filename="a.ipynb")
    answer = await client.post(page_of(folder, "s02"), data=form)
    assert answer.status == 400
    assert "a.ipynb is not a notebook. Save it in Jupyter" in await answer.text()
    assert not list((folder.handed_in / "s02").iterdir())


@pytest.mark.parametrize(
    ("source", "remark"),
    [
        (b'STUDENT = "Bob"  # me', ""),
        (b"STUDENT='bob'", ""),
        (b'STUDENT = "Ada"', "has the name &#x27;Ada&#x27; in its first cell"),
        (b'STUDENT = "Mimi"', "your numbers belong to &#x27;Bob&#x27;"),
        (b"print(1)", "has no line STUDENT"),
        (b"STUDENT = input()", "has no line STUDENT"),
        (b"STUDENT = 1", "has no line STUDENT"),
    ],
)
async def test_a_student_is_told_of_another_name(
    client, folder, tmp_path, monkeypatch, source, remark
):
    monkeypatch.setattr(type(folder), "handed_in", tmp_path)
    status, text = await hand_in(client, page_of(folder, "s02"), a_ipynb=source)
    assert status == 200
    assert remark in text
    assert ("first cell" in text) == bool(remark)
    assert len(contents(tmp_path / "s02")) == 1


async def test_feedback_is_on_the_page_of_its_student_once_it_is_released(client, folder):
    url = page_of(folder, "s03@x.org")
    assert (await client.get(f"{url}/feedback")).status == 404
    assert "/feedback" not in await (await client.get(url)).text()
    (folder.path / "feedback").mkdir()
    (row,) = [StudentRow(one) for one in folder.roster if one.id == "s03@x.org"]
    (folder.path / "feedback" / feedback_file(row)).write_text("<h1>Well done</h1>")
    assert f'href="{url}/feedback"' in await (await client.get(url)).text()
    answer = await client.get(f"{url}/feedback")
    assert (answer.status, await answer.text()) == (200, "<h1>Well done</h1>")
    assert answer.content_type == "text/html"
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await client.get(f"{page_of(folder, 's01')}/feedback")).status == 404


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("01_a.ipynb", "01_a.ipynb"),
        ("my_code.PY", "my_code.py"),
        ("../../x.ipynb", "x.ipynb"),
        ("C:\\Users\\a\\x.ipynb", "x.ipynb"),
        (".ipynb", "notebook.ipynb"),
    ],
)
def test_names_of_hand_ins(name, stored):
    assert safe_name(name) == stored


@pytest.mark.parametrize("name", ["..", "x", "x.ipynb.exe", "\x00.py\x00", "a/.py/"])
def test_names_that_are_refused(name):
    with pytest.raises(ValueError, match="must end in"):
        safe_name(name)


def test_odd_names_are_safe_and_different():
    names = {
        safe_name(f"{stem}.ipynb") for stem in ("a b", "a\x00b", "ä", "\udce9", "x" * 500, "CON")
    }
    assert len(names) == 6
    assert all(name.isascii() and len(name) < 90 and "/" not in name for name in names)
