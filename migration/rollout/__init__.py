"""`python -m migration rollout`: how the rollout stands, and one step forward or back.

bridges   what each bridge says of itself
judging   plan, bridges and readings to reasons, pure
stepping  the step, written, and taken up by the bridges
drilling  the whole way there and back in the sandbox, with the time that it took
"""
