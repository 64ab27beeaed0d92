"""Views of decoded items: lines, trees, hex, JSON, counts, chat transcripts, ladder diagrams.

A view takes items and returns text or plain data; it writes nothing. Text from peers is shown with
its control characters escaped.
"""
