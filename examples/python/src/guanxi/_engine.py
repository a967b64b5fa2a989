"""Databases, sessions, transactions, rows and subscriptions."""

from __future__ import annotations

import json
import weakref
from ctypes import c_uint8, c_uint64, c_void_p
from datetime import date, datetime, timezone
from decimal import Decimal
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Type, Union
from uuid import UUID

from . import _library
from ._library import DONE, OpenOptions, byref, handle, lib, taken, text

Row = Dict[str, Any]


class Money(NamedTuple):
    """An exact amount and the ISO 4217 code of its currency."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{self.currency} {self.amount}"


Value = Union[None, str, int, bool, Decimal, Money, date, datetime, UUID]


class Error(Exception):
    """A call that failed: `key` is the stable key, such as ``schema.required``."""

    def __init__(self, status: int, raw: c_void_p) -> None:
        self.status = status
        self.key: str = lib.guanxi_error_key(raw).decode()
        self.entity: str = lib.guanxi_error_entity(raw).decode()
        self.record: str = lib.guanxi_error_record(raw).decode()
        self.field: str = lib.guanxi_error_field(raw).decode()
        self.rule: str = lib.guanxi_error_rule(raw).decode()
        self.retryable: bool = lib.guanxi_error_retryable(raw) != 0
        told = lib.guanxi_error_json(raw).decode()
        self.details: Dict[str, Any] = json.loads(told) if told else {}
        super().__init__(lib.guanxi_error_message(raw).decode())
        lib.guanxi_error_free(raw)


def _check(function: Callable[..., int], *arguments: Any) -> int:
    error = handle()
    status: int = function(*arguments, byref(error))
    if status < 0:
        raise Error(status, error)
    return status


def _made(function: Callable[..., int], *arguments: Any) -> c_void_p:
    out = handle()
    _check(function, *arguments, byref(out))
    return out


def version() -> str:
    """The version of the library."""
    return str(lib.guanxi_version().decode())


def live_handles() -> int:
    """How many handles of the library live in this process. For leak tests."""
    return int(lib.guanxi_debug_live_handles())


#: Levels of `set_log`.
ERROR, WARN, INFO, DEBUG = 1, 2, 3, 4
# A thread may still be inside of a function that was replaced, so none of them is ever given up.
_logs: List[Any] = []


def set_log(function: Optional[Callable[[int, str, str], None]], level: int = WARN) -> None:
    """Has a function told of events up to a level: the level, the event and what it is about; None for nobody."""
    if function is None:
        _check(lib.guanxi_set_log, _library.LogFunction(), None, None, 0)
        return
    told = function

    def tell(level: int, event: bytes, about: bytes, _: Any) -> None:
        told(level, event.decode(), about.decode())

    _logs.append(_library.LogFunction(tell))
    _check(lib.guanxi_set_log, _logs[-1], None, None, level)


class _Owner:
    """Something that owns a handle: it frees it at the end of a `with` block, by `close`, or when it is collected."""

    def __init__(self, owned: c_void_p, free: Callable[[c_void_p], Any]) -> None:
        self._handle = owned
        self._finalizer = weakref.finalize(self, free, owned)

    def close(self) -> None:
        """Frees what is held. A second time does nothing."""
        self._finalizer()

    @property
    def closed(self) -> bool:
        """Whether it was freed."""
        return not self._finalizer.alive

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()


def create(
    path: str,
    *,
    administrator: Tuple[str, str],
    key: Optional[bytes] = None,
    passphrase: Optional[str] = None,
    locale: Optional[str] = None,
    trust_host: bool = False,
) -> "Crm":
    """Creates a database, whose first user has this name and password, with a key of 32 bytes or a passphrase."""
    options = _options(path, key, passphrase, locale, trust_host)
    options.administrator_name, options.administrator_password = map(text, administrator)
    return Crm(_made(lib.guanxi_create, byref(options)))


def open(
    path: str,
    *,
    key: Optional[bytes] = None,
    passphrase: Optional[str] = None,
    locale: Optional[str] = None,
    trust_host: bool = False,
    cache_bytes: int = 0,
    record_cache_bytes: int = 0,
) -> "Crm":
    """Opens a database. The memory for pages and records is in bytes, and that for records a part of it; 0 is the default."""
    options = _options(path, key, passphrase, locale, trust_host)
    options.cache_bytes, options.record_cache_bytes = cache_bytes, record_cache_bytes
    return Crm(_made(lib.guanxi_open, byref(options)))


def _options(
    path: str, key: Optional[bytes], passphrase: Optional[str], locale: Optional[str], trust_host: bool
) -> OpenOptions:
    options = OpenOptions()
    options.struct_size = _library.ctypes.sizeof(OpenOptions)
    options.path = text(path)
    if key is not None:
        options.key, options.key_len = (c_uint8 * len(key)).from_buffer_copy(key), len(key)
    options.passphrase = None if passphrase is None else text(passphrase)
    options.locale = None if locale is None else text(locale)
    options.flags = _library.TRUST_HOST if trust_host else 0
    return options


class Crm(_Owner):
    """An open database. Any thread."""

    def __init__(self, owned: c_void_p) -> None:
        super().__init__(owned, lambda engine: lib.guanxi_close(engine, None))

    def close(self) -> None:
        """Closes the database. It stays open, and this raises `storage.busy`, while sessions or rows are."""
        if not self.closed:
            _check(lib.guanxi_close, self._handle)
            self._finalizer.detach()

    def sign_in(self, name: str, password: str) -> "Session":
        """Signs a user in."""
        return Session(_made(lib.guanxi_sign_in, self._handle, text(name), text(password)))

    def session_for(self, name: str) -> "Session":
        """A session for a user whom the host vouches for; the database was opened with `trust_host`."""
        return Session(_made(lib.guanxi_session_for, self._handle, text(name)))

    def health(self) -> Dict[str, Any]:
        """How the database and the library are."""
        return json.loads(taken(_made(lib.guanxi_health, self._handle)))  # type: ignore[no-any-return]


class _Builder(_Owner):
    def __init__(self, entity: str, values: Mapping[str, Value]) -> None:
        super().__init__(c_void_p(lib.guanxi_record_new(text(entity))), lib.guanxi_record_free)
        for field, value in values.items():
            self._set(text(field), value)

    def _set(self, field: bytes, value: Value) -> None:
        record = self._handle
        if value is None:
            lib.guanxi_record_set_null(record, field)
        elif isinstance(value, bool):
            lib.guanxi_record_set_bool(record, field, int(value))
        elif isinstance(value, int):
            if not -(1 << 63) <= value < 1 << 63:
                raise OverflowError("whole numbers have 64 bits")
            lib.guanxi_record_set_int(record, field, value)
        elif isinstance(value, Money):
            lib.guanxi_record_set_money(record, field, text(str(value.amount)), text(value.currency))
        elif isinstance(value, Decimal):
            lib.guanxi_record_set_decimal(record, field, text(str(value)))
        elif isinstance(value, datetime):
            if value.tzinfo is None:
                raise ValueError("a moment has a zone")
            lib.guanxi_record_set_datetime(record, field, text(value.isoformat()))
        elif isinstance(value, date):
            lib.guanxi_record_set_date(record, field, text(value.isoformat()))
        elif isinstance(value, UUID):
            lib.guanxi_record_set_reference_text(record, field, text(str(value)))
        elif isinstance(value, str):
            lib.guanxi_record_set_text(record, field, text(value))
        else:
            raise TypeError(f"no field takes a {type(value).__name__}")


Id = Union[str, UUID]


def _id_in(record: Id) -> Any:
    return (c_uint8 * 16).from_buffer_copy(UUID(str(record)).bytes)


class _Writer:
    """Writes records: a session each in a transaction of its own, a transaction all of them together."""

    _handle: Any
    _create: Callable[..., int]
    _update: Callable[..., int]
    _delete: Callable[..., int]

    def create(self, entity: str, values: Optional[Mapping[str, Value]] = None, /, **fields: Value) -> UUID:
        """Creates a record, and gives its id."""
        with _Builder(entity, {**(values or {}), **fields}) as record:
            made = (c_uint8 * 16)()
            _check(self._create, self._handle, record._handle, made)
            return UUID(bytes=bytes(made))

    def update(
        self, entity: str, id: Id, values: Optional[Mapping[str, Value]] = None, /, **fields: Value
    ) -> None:
        """Changes a record; what is not named stays."""
        with _Builder(entity, {**(values or {}), **fields}) as record:
            _check(self._update, self._handle, _id_in(id), record._handle)

    def delete(self, entity: str, id: Id) -> None:
        """Deletes a record softly."""
        _check(self._delete, self._handle, text(entity), _id_in(id))


class Session(_Owner, _Writer):
    """A signed-in user. Any thread, also several at once."""

    _create = staticmethod(lib.guanxi_session_create)
    _update = staticmethod(lib.guanxi_session_update)
    _delete = staticmethod(lib.guanxi_session_delete)

    def __init__(self, owned: c_void_p) -> None:
        super().__init__(owned, lib.guanxi_session_free)

    def call(self, method: str, **parameters: Any) -> Any:
        """Calls a method by its name; `api.describe` lists them all."""
        given = text(json.dumps(parameters, ensure_ascii=False))
        return json.loads(taken(_made(lib.guanxi_call, self._handle, text(method), given)))

    def get(self, entity: str, id: Id) -> Row:
        """Reads one record."""
        return next(Rows(_made(lib.guanxi_session_get, self._handle, text(entity), _id_in(id))))

    def query(
        self,
        entity: str,
        filter: Optional[Mapping[str, Any]] = None,
        *,
        sort: Optional[str] = None,
        fields: Tuple[str, ...] = (),
        limit: int = 0,
    ) -> "Rows":
        """The records that meet a filter; `sort` is a field, with `-` before it for largest first."""
        query = self._question(entity, filter)
        try:
            if sort is not None:
                lib.guanxi_query_sort(query, text(sort.lstrip("-")), int(sort.startswith("-")))
            for field in fields:
                lib.guanxi_query_field(query, text(field))
            lib.guanxi_query_limit(query, limit)
            # The facts of every record are columns behind the fields, and left out where none of them is named.
            shown = 0 if not fields or any(field in _FACTS for field in fields) else 1 + len(fields)
            return Rows(_made(lib.guanxi_query_run, self._handle, query), shown)
        finally:
            lib.guanxi_query_free(query)

    def count(self, entity: str, filter: Optional[Mapping[str, Any]] = None) -> int:
        """How many records meet a filter."""
        query, found = self._question(entity, filter), c_uint64()
        try:
            _check(lib.guanxi_count, self._handle, query, byref(found))
            return found.value
        finally:
            lib.guanxi_query_free(query)

    def search(self, words: str, *, entity: Optional[str] = None, limit: int = 0) -> "Rows":
        """What has these words, best first: rows of `id`, `entity` and `title`."""
        narrowed = None if entity is None else text(entity)
        return Rows(_made(lib.guanxi_search, self._handle, narrowed, text(words), limit))

    def transaction(self, cause: str = "api", timeout_ms: int = 0) -> "Transaction":
        """Begins a transaction: a `with` block that commits, or rolls back if it raises."""
        return Transaction(_made(lib.guanxi_txn_begin, self._handle, text(cause), timeout_ms))

    def subscribe(self, *entities: str, after: Optional[int] = None) -> "Subscription":
        """Follows what changes from now on, or behind a position; of all entities if none is named."""
        filter: Dict[str, Any] = {"entities": list(entities)} if entities else {}
        if after is not None:
            filter["after"] = after
        return Subscription(_made(lib.guanxi_subscribe, self._handle, text(json.dumps(filter))))

    def locale(self, tag: str) -> None:
        """Sets the language of messages: `en` or `zh-Hans`."""
        _check(lib.guanxi_session_set_locale, self._handle, text(tag))

    def timeout(self, milliseconds: int) -> None:
        """Sets how long each call may take; 0 is without end."""
        _check(lib.guanxi_session_set_timeout_ms, self._handle, milliseconds)

    def interrupt(self) -> None:
        """Ends the calls of this session that run now, from any thread."""
        _check(lib.guanxi_session_interrupt, self._handle)

    @staticmethod
    def _question(entity: str, filter: Optional[Mapping[str, Any]]) -> c_void_p:
        query = c_void_p(lib.guanxi_query_new(text(entity)))
        if filter:
            lib.guanxi_query_filter_json(query, text(json.dumps(filter, ensure_ascii=False)))
        return query


class Transaction(_Writer):
    """A transaction of the thread that began it: all of it becomes durable, or nothing."""

    _create = staticmethod(lib.guanxi_txn_create)
    _update = staticmethod(lib.guanxi_txn_update)
    _delete = staticmethod(lib.guanxi_txn_delete)

    def __init__(self, owned: c_void_p) -> None:
        self._handle = owned

    def commit(self) -> None:
        """Makes everything durable."""
        ending, self._handle = self._handle, None
        _check(lib.guanxi_txn_commit, ending)

    def rollback(self) -> None:
        """Leaves nothing behind. Does nothing once the transaction is over."""
        ending, self._handle = self._handle, None
        _check(lib.guanxi_txn_rollback, ending)

    def __enter__(self) -> "Transaction":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self._handle is not None:
            self.commit() if kind is None else self.rollback()

    def __del__(self) -> None:
        if self._handle is not None:
            lib.guanxi_txn_rollback(self._handle, None)


def _moment(value: str) -> datetime:
    whole, _, zone = value.partition("Z")
    seconds, _, fraction = whole.partition(".")
    moment = datetime.fromisoformat(seconds)
    return moment.replace(microsecond=int(fraction.ljust(6, "0")[:6] or 0), tzinfo=timezone.utc)


def _money(value: Mapping[str, str]) -> Money:
    return Money(Decimal(value["amount"]), value["currency"])


_CONVERTERS: Dict[int, Callable[[Any], Any]] = {
    _library.KIND_DECIMAL: Decimal,
    _library.KIND_MONEY: _money,
    _library.KIND_DATE: date.fromisoformat,
    _library.KIND_DATETIME: _moment,
}


# Columns behind those of the fields.
_FACTS = ("owner", "unit", "created_at", "modified_at")


class Rows(_Owner):
    """The rows of a result as dicts, each with every column; a field without a value is None.

    Decimals are `Decimal`, amounts `Money`, days `date`, moments `datetime` in UTC, ids text. A query that names its
    `fields` has these and `id`; one that names none has all, and the facts of every record besides.
    """

    _BLOCK = 1_000

    def __init__(self, owned: c_void_p, shown: int = 0) -> None:
        super().__init__(owned, lib.guanxi_cursor_free)
        count = lib.guanxi_cursor_column_count(owned)
        columns = range(min(shown, count) or count)
        self.columns: List[str] = [lib.guanxi_cursor_column_name(owned, column).decode() for column in columns]
        kinds = [lib.guanxi_cursor_type(owned, column) for column in columns]
        self._converters = [(place, _CONVERTERS[kind]) for place, kind in enumerate(kinds) if kind in _CONVERTERS]
        self._block: Iterator[Row] = iter(())

    def __iter__(self) -> Iterator[Row]:
        while True:
            yield from self._block
            block = self._next_block()
            if not block:
                return
            self._block = iter(block)

    def __next__(self) -> Row:
        for row in self._block:
            return row
        self._block = iter(self._next_block())
        for row in self._block:
            return row
        raise StopIteration

    def _next_block(self) -> List[Row]:
        if self.closed:
            return []
        out = handle()
        columns = self.columns
        status = _check(lib.guanxi_cursor_json_table, self._handle, self._BLOCK, len(columns), byref(out))
        told = taken(out)
        if status == DONE:
            self.close()
            return []
        rows = json.loads(told)
        for place, convert in self._converters:
            for row in rows:
                if row[place] is not None:
                    row[place] = convert(row[place])
        return [dict(zip(columns, row)) for row in rows]


class Changes(NamedTuple):
    """What changed, and the position behind which the next changes begin."""

    changes: List[Dict[str, Any]]
    position: int


class Subscription(_Owner):
    """What changes in a database, for one user. Any thread."""

    def __init__(self, owned: c_void_p) -> None:
        super().__init__(owned, lib.guanxi_unsubscribe)

    def next(self, timeout_ms: int = 0) -> Optional[Changes]:
        """The next changes; None if there are none in time."""
        out = handle()
        if _check(lib.guanxi_subscription_next, self._handle, timeout_ms, byref(out)) == DONE:
            return None
        told = json.loads(taken(out))
        return Changes(told["changes"], told["position"])

    @property
    def position(self) -> int:
        """Where the next changes begin; a host keeps it to begin there again."""
        return int(lib.guanxi_subscription_position(self._handle))
