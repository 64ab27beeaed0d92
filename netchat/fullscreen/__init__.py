"""Full-screen terminal app of the chat client, in Textual (extra `tui`).

- `run`: runs the app for one chat session; `app`: the app itself.
- `log_lines`: entries of a log as styled lines; `prompt`: the input.

The app shows the model in `netchat.tui.panes` and does not know the protocol.
"""

__all__: list[str] = []
