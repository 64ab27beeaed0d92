"""Desktop windows of the chat client and the server, in Tk.

- `worker`: runs the chat in its own thread, with asyncio; `updates` are what it reports to the window.
- `application`: shows the login window, then the chat window, and passes updates on.
- `login_window`, `chat_window`: the two windows; `log_view`, `conversation_list`, `people_list`,
  `input_box`, `transfer_list` and `emoji_picker` are the parts of the second one.
- `host_menus`: the actions of moderators; `window_actions`: menus and keys.
- `server_worker`: runs a server in its own thread; `server_updates` are what it reports.
- `server_application`: the window of a server; `server_window` shows it, with `server_tables`,
  `server_menus`, `server_log_view` and `rate_chart`.
- `collector`: collects garbage in the thread of the windows only.
- `theme`: colours, fonts and sizes; `system_theme`: whether the desktop is light or dark.
- `login`: what the user enters to connect; `saved_login`: its values from the last time.

The windows show the models in `netchat.tui` and `netchat.net.operator_view`, and do not know the protocol.
"""

__all__: list[str] = []
