-- Leads and the policy of access as a competent engineer lays them out: closures of both trees, the level of each
-- person by role, shares by person and record, and an audit that triggers chain by SHA-256. Amounts are in fen.

CREATE TABLE unit (
    id INTEGER PRIMARY KEY,
    parent INTEGER REFERENCES unit (id)
);

-- Each unit with itself and all units below it.
CREATE TABLE unit_below (
    unit INTEGER NOT NULL,
    below INTEGER NOT NULL,
    PRIMARY KEY (unit, below)
) WITHOUT ROWID;

CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    active INTEGER NOT NULL DEFAULT 1,
    unit INTEGER NOT NULL REFERENCES unit (id),
    reports_to INTEGER REFERENCES person (id),
    partition INTEGER NOT NULL
);
CREATE INDEX person_by_superior ON person (reports_to);

-- Everybody with themselves and all who report to them, directly or not.
CREATE TABLE reports (
    superior INTEGER NOT NULL,
    person INTEGER NOT NULL,
    PRIMARY KEY (superior, person)
) WITHOUT ROWID;
CREATE INDEX reports_of ON reports (person, superior);

CREATE TABLE role (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- Levels: 1 own, 2 own and subordinates, 3 unit, 4 unit and children, 5 all.
CREATE TABLE granted (
    id INTEGER PRIMARY KEY,
    role INTEGER NOT NULL REFERENCES role (id),
    entity TEXT NOT NULL,
    action TEXT NOT NULL,
    level INTEGER NOT NULL
);
CREATE INDEX granted_by_role ON granted (role, action);

CREATE TABLE assignment (
    person INTEGER NOT NULL REFERENCES person (id),
    role INTEGER NOT NULL REFERENCES role (id),
    PRIMARY KEY (person, role)
) WITHOUT ROWID;

CREATE TABLE lead (
    id INTEGER PRIMARY KEY,
    partition INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    owner INTEGER NOT NULL REFERENCES person (id),
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by INTEGER NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    stage TEXT NOT NULL,
    amount INTEGER,
    city TEXT COLLATE NOCASE,
    phone TEXT,
    opened_at INTEGER NOT NULL,
    note TEXT
);
CREATE INDEX lead_newest ON lead (opened_at, id, partition, owner, unit);
CREATE INDEX lead_by_owner ON lead (owner, opened_at, id, partition, unit);
CREATE INDEX lead_by_unit ON lead (unit, opened_at, id, partition, owner);

CREATE TABLE share (
    grantee INTEGER NOT NULL REFERENCES person (id),
    record INTEGER NOT NULL REFERENCES lead (id),
    level INTEGER NOT NULL,
    until INTEGER,
    created_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    PRIMARY KEY (grantee, record)
) WITHOUT ROWID;
CREATE INDEX share_of_record ON share (record);

-- How many leads there are of each partition, unit and owner.
CREATE TABLE kept (
    owner INTEGER NOT NULL,
    unit INTEGER NOT NULL,
    partition INTEGER NOT NULL,
    leads INTEGER NOT NULL,
    PRIMARY KEY (owner, unit, partition)
) WITHOUT ROWID;

CREATE TRIGGER lead_counted AFTER INSERT ON lead BEGIN
    INSERT INTO kept VALUES (NEW.owner, NEW.unit, NEW.partition, 1)
    ON CONFLICT DO UPDATE SET leads = leads + 1;
END;

CREATE VIRTUAL TABLE lead_text USING fts5 (name, content = 'lead', content_rowid = 'id', tokenize = 'trigram');

CREATE TABLE audit (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    record INTEGER NOT NULL,
    actor INTEGER NOT NULL,
    at INTEGER NOT NULL,
    changes TEXT NOT NULL,
    hash BLOB NOT NULL
);

CREATE TRIGGER lead_created AFTER INSERT ON lead BEGIN
    INSERT INTO audit (kind, entity, record, actor, at, changes, hash)
    SELECT 'create', 'lead', NEW.id, NEW.created_by, NEW.created_at, said.changes, chained(
        (SELECT hash FROM audit ORDER BY position DESC LIMIT 1),
        'create', 'lead', NEW.id, NEW.created_by, NEW.created_at, said.changes)
    FROM (SELECT json_object('owner', NEW.owner, 'unit', NEW.unit, 'name', NEW.name, 'stage', NEW.stage,
        'amount', NEW.amount, 'city', NEW.city, 'phone', NEW.phone, 'opened_at', NEW.opened_at,
        'note', NEW.note) AS changes) AS said;
END;

CREATE TRIGGER lead_shared AFTER INSERT ON share BEGIN
    INSERT INTO audit (kind, entity, record, actor, at, changes, hash)
    SELECT 'create', 'share', NEW.record, NEW.created_by, NEW.created_at, said.changes, chained(
        (SELECT hash FROM audit ORDER BY position DESC LIMIT 1),
        'create', 'share', NEW.record, NEW.created_by, NEW.created_at, said.changes)
    FROM (SELECT json_object('grantee', NEW.grantee, 'level', NEW.level, 'until', NEW.until) AS changes) AS said;
END;

CREATE TRIGGER person_moved AFTER UPDATE OF reports_to ON person BEGIN
    INSERT INTO audit (kind, entity, record, actor, at, changes, hash)
    SELECT 'update', 'person', NEW.id, 0, unixepoch(), said.changes, chained(
        (SELECT hash FROM audit ORDER BY position DESC LIMIT 1),
        'update', 'person', NEW.id, 0, unixepoch(), said.changes)
    FROM (SELECT json_object('reports_to', json_array(OLD.reports_to, NEW.reports_to)) AS changes) AS said;
END;
