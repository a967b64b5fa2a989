-- The trade as a competent engineer keeps it: indexes for every question that is asked, and for lists that the other side has
-- indexes for, too; counters and history by trigger.

-- Who sells has the level 2, their managers 1, and all others 0.
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL, reports_to INTEGER, level INTEGER NOT NULL);
-- Accounts that managers look at, which are read when the database is opened.
CREATE TABLE pick (manager INTEGER NOT NULL, place INTEGER NOT NULL, account INTEGER NOT NULL);
-- The owners whom a manager sees, the manager among them.
CREATE TABLE visible (manager INTEGER NOT NULL, owner INTEGER NOT NULL, PRIMARY KEY (manager, owner)) WITHOUT ROWID;
CREATE TABLE stage (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, position INTEGER NOT NULL, outcome TEXT NOT NULL,
    probability INTEGER NOT NULL
);
CREATE TABLE territory (city TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE account (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, name TEXT NOT NULL COLLATE NOCASE, kind TEXT, industry TEXT,
    city TEXT, territory TEXT, parent INTEGER, last_activity_at INTEGER, held_since INTEGER, recycle_at INTEGER,
    warn_at INTEGER
);
CREATE INDEX account_by_owner ON account (owner);
CREATE INDEX account_by_parent ON account (parent) WHERE parent IS NOT NULL;
CREATE INDEX account_by_name ON account (name);
CREATE INDEX account_by_recycle ON account (recycle_at) WHERE recycle_at IS NOT NULL;
CREATE INDEX account_by_own_recycle ON account (owner, recycle_at) WHERE recycle_at IS NOT NULL;
CREATE INDEX account_by_warn ON account (warn_at) WHERE warn_at IS NOT NULL;
CREATE INDEX account_by_activity ON account (last_activity_at);

CREATE TABLE contact (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, account INTEGER REFERENCES account (id), name TEXT NOT NULL,
    position TEXT, phone TEXT, email TEXT
);
CREATE INDEX contact_by_account ON contact (account, name);
CREATE INDEX contact_by_owner ON contact (owner);
CREATE INDEX contact_by_phone ON contact (phone);
CREATE INDEX contact_by_email ON contact (email);

CREATE TABLE lead (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, name TEXT NOT NULL, company TEXT, position TEXT, phone TEXT,
    email TEXT, city TEXT, status TEXT NOT NULL, need TEXT, budget INTEGER, next_contact_at INTEGER,
    last_activity_at INTEGER, recycle_at INTEGER, created_at INTEGER, converted_account INTEGER,
    converted_contact INTEGER, converted_opportunity INTEGER, converted_at INTEGER
);
CREATE INDEX lead_by_owner ON lead (owner, status, created_at);
CREATE INDEX lead_by_next ON lead (owner, next_contact_at) WHERE next_contact_at IS NOT NULL;
CREATE INDEX lead_by_recycle ON lead (owner, recycle_at) WHERE recycle_at IS NOT NULL;
CREATE INDEX lead_by_account ON lead (converted_account) WHERE converted_account IS NOT NULL;
CREATE INDEX lead_by_phone ON lead (phone);
CREATE INDEX lead_by_email ON lead (email);
CREATE INDEX lead_by_name ON lead (name);

CREATE TABLE opportunity (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, account INTEGER REFERENCES account (id), title TEXT NOT NULL,
    stage INTEGER NOT NULL REFERENCES stage (id), status TEXT NOT NULL, amount INTEGER, expected_on INTEGER,
    closed_on INTEGER, stage_since INTEGER, stagnant_at INTEGER, last_activity_at INTEGER, note TEXT
);
CREATE INDEX opportunity_by_account ON opportunity (account, status, expected_on);
CREATE INDEX opportunity_by_expected ON opportunity (owner, status, expected_on);
CREATE INDEX opportunity_by_closed ON opportunity (owner, status, closed_on);
CREATE INDEX opportunity_by_stagnant ON opportunity (owner, status, stagnant_at);
CREATE INDEX opportunity_by_amount ON opportunity (amount);

CREATE TABLE stage_change (
    id INTEGER PRIMARY KEY, opportunity INTEGER NOT NULL, from_stage INTEGER, to_stage INTEGER NOT NULL,
    at INTEGER NOT NULL, days INTEGER
);
CREATE INDEX stage_change_by_opportunity ON stage_change (opportunity);

CREATE TABLE activity (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL, party TEXT NOT NULL,
    party_id INTEGER NOT NULL, account INTEGER, at INTEGER NOT NULL, outcome TEXT, minutes INTEGER
);
CREATE INDEX activity_by_account ON activity (account, at);
CREATE INDEX activity_by_party ON activity (party, party_id, at);
CREATE INDEX activity_by_owner ON activity (owner, at);

CREATE TABLE task (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, subject TEXT NOT NULL, status TEXT NOT NULL, due_at INTEGER,
    account INTEGER, remind_at INTEGER, reminded_at INTEGER
);
CREATE INDEX task_by_owner ON task (owner, status, due_at);
CREATE INDEX task_by_reminded ON task (owner, status, reminded_at) WHERE reminded_at IS NOT NULL;
CREATE INDEX task_by_account ON task (account, status, due_at);
CREATE INDEX task_by_remind ON task (remind_at) WHERE remind_at IS NOT NULL;

CREATE TABLE event (
    id INTEGER PRIMARY KEY, owner INTEGER NOT NULL, subject TEXT NOT NULL, starts_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL, account INTEGER
);
CREATE INDEX event_by_account ON event (account, starts_at);
CREATE INDEX event_by_owner ON event (owner, ends_at);

CREATE TABLE owner_change (
    id INTEGER PRIMARY KEY, account INTEGER NOT NULL, from_owner INTEGER NOT NULL, to_owner INTEGER NOT NULL,
    at INTEGER NOT NULL
);
CREATE INDEX owner_change_by_account ON owner_change (account);

-- The pipeline of each owner, kept by triggers.
CREATE TABLE pipeline (
    owner INTEGER NOT NULL, stage INTEGER NOT NULL, deals INTEGER NOT NULL, amount INTEGER NOT NULL,
    PRIMARY KEY (owner, stage)
) WITHOUT ROWID;
CREATE TRIGGER opportunity_counted AFTER INSERT ON opportunity BEGIN
    INSERT INTO pipeline VALUES (NEW.owner, NEW.stage, 1, coalesce(NEW.amount, 0))
    ON CONFLICT DO UPDATE SET deals = deals + 1, amount = amount + excluded.amount;
END;
CREATE TRIGGER opportunity_recounted AFTER UPDATE OF owner, stage, amount ON opportunity BEGIN
    UPDATE pipeline SET deals = deals - 1, amount = amount - coalesce(OLD.amount, 0)
    WHERE owner = OLD.owner AND stage = OLD.stage;
    INSERT INTO pipeline VALUES (NEW.owner, NEW.stage, 1, coalesce(NEW.amount, 0))
    ON CONFLICT DO UPDATE SET deals = deals + 1, amount = amount + excluded.amount;
END;

-- Who did what to which record, with the values.
CREATE TABLE audit (
    position INTEGER PRIMARY KEY, kind TEXT NOT NULL, entity TEXT NOT NULL, record INTEGER NOT NULL, changes TEXT NOT NULL
);
CREATE TRIGGER account_created AFTER INSERT ON account BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('create', 'account', NEW.id, json_object(
        'owner', NEW.owner, 'name', NEW.name, 'kind', NEW.kind, 'industry', NEW.industry, 'city', NEW.city,
        'territory', NEW.territory, 'held_since', NEW.held_since, 'recycle_at', NEW.recycle_at, 'warn_at', NEW.warn_at));
END;
CREATE TRIGGER account_changed AFTER UPDATE ON account BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('update', 'account', NEW.id, json_object(
        'owner', json_array(OLD.owner, NEW.owner),
        'last_activity_at', json_array(OLD.last_activity_at, NEW.last_activity_at),
        'recycle_at', json_array(OLD.recycle_at, NEW.recycle_at), 'warn_at', json_array(OLD.warn_at, NEW.warn_at)));
END;
CREATE TRIGGER account_given AFTER UPDATE OF owner ON account WHEN OLD.owner <> NEW.owner BEGIN
    INSERT INTO owner_change (account, from_owner, to_owner, at) VALUES (NEW.id, OLD.owner, NEW.owner, NEW.held_since);
END;
CREATE TRIGGER contact_created AFTER INSERT ON contact BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('create', 'contact', NEW.id, json_object(
        'owner', NEW.owner, 'account', NEW.account, 'name', NEW.name, 'position', NEW.position, 'phone', NEW.phone,
        'email', NEW.email));
END;
CREATE TRIGGER contact_changed AFTER UPDATE ON contact BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('update', 'contact', NEW.id, json_object(
        'owner', json_array(OLD.owner, NEW.owner)));
END;
CREATE TRIGGER lead_created AFTER INSERT ON lead BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('create', 'lead', NEW.id, json_object(
        'owner', NEW.owner, 'name', NEW.name, 'company', NEW.company, 'phone', NEW.phone, 'email', NEW.email,
        'city', NEW.city, 'status', NEW.status, 'budget', NEW.budget));
END;
CREATE TRIGGER lead_changed AFTER UPDATE ON lead BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('update', 'lead', NEW.id, json_object(
        'status', json_array(OLD.status, NEW.status),
        'converted_account', json_array(OLD.converted_account, NEW.converted_account),
        'converted_contact', json_array(OLD.converted_contact, NEW.converted_contact),
        'converted_opportunity', json_array(OLD.converted_opportunity, NEW.converted_opportunity),
        'converted_at', json_array(OLD.converted_at, NEW.converted_at)));
END;
CREATE TRIGGER opportunity_created AFTER INSERT ON opportunity BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('create', 'opportunity', NEW.id, json_object(
        'owner', NEW.owner, 'account', NEW.account, 'title', NEW.title, 'stage', NEW.stage, 'status', NEW.status,
        'amount', NEW.amount, 'expected_on', NEW.expected_on, 'stage_since', NEW.stage_since,
        'stagnant_at', NEW.stagnant_at, 'note', NEW.note));
END;
CREATE TRIGGER opportunity_changed AFTER UPDATE ON opportunity BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('update', 'opportunity', NEW.id, json_object(
        'owner', json_array(OLD.owner, NEW.owner), 'stage', json_array(OLD.stage, NEW.stage),
        'status', json_array(OLD.status, NEW.status), 'closed_on', json_array(OLD.closed_on, NEW.closed_on),
        'stagnant_at', json_array(OLD.stagnant_at, NEW.stagnant_at)));
END;
CREATE TRIGGER stage_change_created AFTER INSERT ON stage_change BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('create', 'stage_change', NEW.id, json_object(
        'opportunity', NEW.opportunity, 'from', NEW.from_stage, 'to', NEW.to_stage, 'at', NEW.at, 'days', NEW.days));
END;
CREATE TRIGGER activity_created AFTER INSERT ON activity BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('create', 'activity', NEW.id, json_object(
        'owner', NEW.owner, 'subject', NEW.subject, 'kind', NEW.kind, 'party', NEW.party, 'party_id', NEW.party_id,
        'account', NEW.account, 'at', NEW.at, 'outcome', NEW.outcome, 'minutes', NEW.minutes));
END;
CREATE TRIGGER task_created AFTER INSERT ON task BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('create', 'task', NEW.id, json_object(
        'owner', NEW.owner, 'subject', NEW.subject, 'status', NEW.status, 'due_at', NEW.due_at,
        'account', NEW.account, 'remind_at', NEW.remind_at));
END;
CREATE TRIGGER task_changed AFTER UPDATE ON task BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('update', 'task', NEW.id, json_object(
        'owner', json_array(OLD.owner, NEW.owner), 'status', json_array(OLD.status, NEW.status),
        'remind_at', json_array(OLD.remind_at, NEW.remind_at),
        'reminded_at', json_array(OLD.reminded_at, NEW.reminded_at)));
END;
CREATE TRIGGER event_changed AFTER UPDATE ON event BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('update', 'event', NEW.id, json_object(
        'owner', json_array(OLD.owner, NEW.owner)));
END;
CREATE TRIGGER owner_change_created AFTER INSERT ON owner_change BEGIN
    INSERT INTO audit (kind, entity, record, changes) VALUES ('create', 'owner_change', NEW.id, json_object(
        'account', NEW.account, 'from', NEW.from_owner, 'to', NEW.to_owner, 'at', NEW.at));
END;
