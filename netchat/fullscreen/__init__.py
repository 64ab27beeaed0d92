"""Full-screen terminal apps, in Textual (extra `tui`): the chat client, and the browser of captures.

- `run`: runs the chat for one session; `app`: the app itself.
- `log_lines`: entries of a log as styled lines; `prompt`: the input; `password_screen`: passwords.
- `hood_pane`, `link_pane`, `transfers_pane`: frames, state of the link, file transfers.
- `capture_run`: runs the browser for a file or a live capture; `capture_app`: the browser itself.
- `packet_rows`, `filter_input`, `text_screen`: list of packets, filter, followed conversations and ladders.
- `row_list`, `byte_view`: widgets that draw only what is visible.

The apps show the models in `netchat.tui` and `netchat.packets.browse`, and do not know the protocol.
"""

__all__: list[str] = []
