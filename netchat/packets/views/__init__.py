"""How what was decoded is shown: lines, trees, hex, JSON, counts, chat text, ladders.

Each view takes items and gives back text or plain data; none writes anywhere. What other people
wrote never leaves a view with its control characters.
"""
