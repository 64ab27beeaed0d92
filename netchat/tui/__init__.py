"""Chat front end for terminal and pipe: user commands in, lines of text or JSON out.

- `session`: state of one user's chat; `actions` and `event_handlers` change it and return lines.
- `commands`: parser and completion of the user's input; `input_lines`: UTF-8 lines from bytes.
- `lines`, `json_output`, `link_status`: rendering of events.
- `panes`, `frame_log`, `link_meter`: models of front ends with panes.
- `terminal`, `pipe`: the two front ends; both run the loop in `main_loop`.

Nothing here depends on the command line, so that other front ends can share it.
"""

from netchat.tui.actions import run_command
from netchat.tui.commands import COMMANDS, ParsedLine, completions, parse
from netchat.tui.json_output import event_json, line_json
from netchat.tui.lines import Line, LineKind, render
from netchat.tui.main_loop import listen
from netchat.tui.session import ChatSession

__all__ = [
    "COMMANDS",
    "ChatSession",
    "Line",
    "LineKind",
    "ParsedLine",
    "completions",
    "event_json",
    "line_json",
    "listen",
    "parse",
    "render",
    "run_command",
]
