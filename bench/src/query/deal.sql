-- Deals as a competent engineer lays them out; people and audit stand in the schema of the other groups.
-- The owner leads an index where a list is merged owner by owner, and stands behind where one that is in order
-- already is filtered. Amounts are in fen, days are counted from 1970.

CREATE TABLE visible (
    manager INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    PRIMARY KEY (manager, owner)
) WITHOUT ROWID;

CREATE TABLE customer (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    deals INTEGER NOT NULL DEFAULT 0,
    worth INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE deal (
    id INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES person (id),
    customer INTEGER NOT NULL REFERENCES customer (id),
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by INTEGER NOT NULL,
    code TEXT NOT NULL UNIQUE COLLATE NOCASE,
    name TEXT NOT NULL COLLATE NOCASE,
    stage TEXT NOT NULL,
    amount INTEGER,
    source TEXT,
    kind TEXT,
    city TEXT COLLATE NOCASE,
    contact TEXT,
    phone TEXT,
    email TEXT,
    opened_at INTEGER,
    expected_on INTEGER,
    closed_on INTEGER,
    seats INTEGER,
    probability INTEGER,
    cost INTEGER,
    renewal INTEGER,
    note TEXT,
    town TEXT COLLATE NOCASE,
    places INTEGER
);
CREATE INDEX deal_by_owner ON deal (owner, opened_at);
CREATE INDEX deal_newest ON deal (opened_at, id, owner);
CREATE INDEX deal_by_stage ON deal (owner, stage, amount);
CREATE INDEX deal_by_city ON deal (city, seats, opened_at, owner);
CREATE INDEX deal_by_town ON deal (town, places, opened_at, owner);

CREATE TRIGGER deal_created AFTER INSERT ON deal BEGIN
    INSERT INTO audit (kind, entity, record, actor, at, changes) VALUES (
        'create', 'deal', NEW.id, NEW.created_by, NEW.created_at,
        json_object('owner', NEW.owner, 'customer', NEW.customer, 'code', NEW.code, 'name', NEW.name, 'stage', NEW.stage,
            'amount', NEW.amount, 'source', NEW.source, 'kind', NEW.kind, 'city', NEW.city,
            'contact', NEW.contact, 'phone', NEW.phone, 'email', NEW.email, 'opened_at', NEW.opened_at,
            'expected_on', NEW.expected_on, 'closed_on', NEW.closed_on, 'seats', NEW.seats,
            'probability', NEW.probability, 'cost', NEW.cost, 'renewal', NEW.renewal, 'note', NEW.note,
            'town', NEW.town, 'places', NEW.places)
    );
END;
