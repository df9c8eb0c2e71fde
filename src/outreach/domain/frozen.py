"""What is made by the dozen for every notice, and never changed."""

from dataclasses import dataclass
from typing import TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
def frozen(cls: type[T]) -> type[T]:
    """A data class that the type checker holds to be frozen.

    At run time it is not: freezing costs a call for every field, and a notice makes two hundred.
    """
    return dataclass(slots=True, unsafe_hash=True)(cls)
