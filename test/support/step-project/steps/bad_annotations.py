"""A step without annotations."""

from perennial.step import step


@step
def no_annotations(shop, day: complex):
    return shop
