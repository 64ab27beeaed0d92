"""The rules of the chat, for server and client: messages in, messages out, time is an argument."""
