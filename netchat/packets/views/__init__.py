"""Views of decoded items: text, plain data and diagrams.

A view takes items and returns text or plain data; it writes nothing. Text from peers is shown with
its control characters escaped.
"""
