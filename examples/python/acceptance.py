"""The acceptance suite of a host vendor: does this build of the library keep its word over this data?

    GUANXI_LIBRARY=path/to/libguanxi.so python acceptance.py COPY_OF_A_DATABASE USER --key-file FILE

Run it on a copy: it writes a customer and deletes it again. The key file holds the 32 bytes of the key, or a passphrase
with --passphrase-file. The user administers. Every check is told; the end is 0 if all passed, else 1. The tests of the C
interface go against the same build with `GUANXI_LIBRARY=... cargo test -p guanxi-ffi-tests`.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, Dict, List

import guanxi

MOST_ROWS = 10_000


class Suite:
    """Checks over one open database."""

    def __init__(self, crm: guanxi.Crm, session: guanxi.Session, reopen: Callable[[], guanxi.Crm]) -> None:
        self.crm, self.session, self.reopen = crm, session, reopen

    def entities(self) -> List[str]:
        described = self.session.call("schema.describe")
        return [entity["name"] for entity in described["entities"]]

    def readable(self) -> Dict[str, int]:
        """The entities that the user reads, with the number of their records."""
        counts: Dict[str, int] = {}
        for entity in self.entities():
            try:
                counts[entity] = self.session.count(entity)
            except guanxi.Error as error:
                assert error.key in ("access.not_permitted", "schema.module_off"), (entity, error.key)
        assert counts, "the user reads something"
        return counts

    # --- The checks, in the order of their names ---------------------------------------------------------

    def check_1_the_engine_is_open_and_says_so(self) -> None:
        health = self.crm.health()
        assert health["state"] == "open" and health["process"]["panics"] == 0, health

    def check_2_every_page_index_and_key_is_sound(self) -> None:
        self.session.call("database.verify")

    def check_3_the_ledger_is_one_chain(self) -> None:
        self.session.call("ledger.verify")

    def check_4_as_many_rows_are_read_as_are_counted(self) -> None:
        for entity, count in self.readable().items():
            rows = list(self.session.query(entity, limit=MOST_ROWS))
            assert len(rows) == min(count, MOST_ROWS), (entity, len(rows), count)
            assert len({row["id"] for row in rows}) == len(rows), entity

    def check_5_a_row_of_a_list_is_the_record_itself(self) -> None:
        for entity, count in self.readable().items():
            for row in self.session.query(entity, limit=3):
                record = self.session.get(entity, row["id"])
                assert {name: record[name] for name in row} == row, entity

    def check_6_what_is_rolled_back_was_never_there(self) -> None:
        before, position = self.session.count("crm.account"), self.crm.health()["position"]
        txn = self.session.transaction("acceptance")
        txn.create("crm.account", name="acceptance: rolled back")
        txn.rollback()
        assert self.session.count("crm.account") == before
        assert self.crm.health()["position"] == position, "nothing was entered in the ledger"

    def check_7_a_refusal_names_entity_field_and_rule(self) -> None:
        try:
            self.session.create("crm.account")
        except guanxi.Error as error:
            assert (error.key, error.entity, error.field) == ("schema.required", "crm.account", "name")
            assert error.details["cause"] and error.details["remedy"]
        else:
            raise AssertionError("a customer has a name")

    def check_8_a_change_is_told_found_and_taken_back(self) -> None:
        with self.session.subscribe("crm.account") as changes:
            made = self.session.create("crm.account", name="验收 acceptance")
            told = changes.next(5_000)
            assert told is not None and str(made) in {change["id"] for change in told.changes}
            assert str(made) in {row["id"] for row in self.session.search("验收", limit=50)}
            self.session.delete("crm.account", made)
            assert str(made) not in {row["id"] for row in self.session.search("验收", limit=50)}

    def check_9_a_database_is_opened_once(self) -> None:
        try:
            self.reopen().close()
        except guanxi.Error as error:
            assert error.key == "storage.locked", error.key
        else:
            raise AssertionError("two engines had one database")


def run(suite: Suite) -> int:
    failed = 0
    for name in sorted(name for name in dir(suite) if name.startswith("check_")):
        sentence = name.split("_", 2)[2].replace("_", " ")
        try:
            getattr(suite, name)()
            print(f"ok      {sentence}", flush=True)
        except Exception as error:  # Every check is told, whatever becomes of it.
            failed += 1
            print(f"FAILED  {sentence}: {type(error).__name__} {error}", flush=True)
    return failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database", help="a copy of a database")
    parser.add_argument("user", help="a user who administers")
    parser.add_argument("--key-file", help="32 bytes")
    parser.add_argument("--passphrase-file", help="UTF-8, without a line feed at its end")
    given = parser.parse_args()
    key = Path(given.key_file).read_bytes() if given.key_file else None
    words = Path(given.passphrase_file).read_text("utf-8") if given.passphrase_file else None

    def opened() -> guanxi.Crm:
        return guanxi.open(given.database, key=key, passphrase=words, trust_host=True)

    print(f"Guanxi {guanxi.version()}")
    with opened() as crm, crm.session_for(given.user) as session:
        failed = run(Suite(crm, session, opened))
    if guanxi.live_handles() != 0:
        failed += 1
        print("FAILED  a handle was not freed")
    print("accepted" if failed == 0 else f"{failed} checks failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
