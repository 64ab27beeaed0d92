"""Desktop window of the chat client, in Tk.

- `worker`: runs the chat in its own thread, with asyncio; `updates` are what it reports to the window.
- `application`: shows the login window, then the chat window, and passes updates on.
- `login_window`, `chat_window`: the two windows; `log_view`, `conversation_list`, `people_list` and
  `input_box` are the parts of the second one.
- `theme`: colours, fonts and sizes; `system_theme`: whether the desktop is light or dark.
- `login`: what the user enters to connect; `saved_login`: its values from the last time.

The window shows the model in `netchat.tui` and does not know the protocol.
"""

__all__: list[str] = []
