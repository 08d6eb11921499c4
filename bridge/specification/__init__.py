"""The protocol as a machine reads it: an AsyncAPI 3 document made from the types that decode and encode the frames."""

from bridge.specification.document import encoded, specification

__all__ = ["encoded", "specification"]
