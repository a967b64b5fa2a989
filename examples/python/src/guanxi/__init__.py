"""Guanxi (关系): an embeddable CRM engine over one encrypted database.

>>> import guanxi
>>> crm = guanxi.create("x.guanxi", key=bytes(32), administrator=("lin", "a long password"))  # doctest: +SKIP
"""

from ._engine import (
    DEBUG,
    ERROR,
    INFO,
    WARN,
    Changes,
    Crm,
    Error,
    Money,
    Row,
    Rows,
    Session,
    Subscription,
    Transaction,
    create,
    live_handles,
    open,
    set_log,
    version,
)

__all__ = [
    "DEBUG",
    "ERROR",
    "INFO",
    "WARN",
    "Changes",
    "Crm",
    "Error",
    "Money",
    "Row",
    "Rows",
    "Session",
    "Subscription",
    "Transaction",
    "create",
    "live_handles",
    "open",
    "set_log",
    "version",
]
