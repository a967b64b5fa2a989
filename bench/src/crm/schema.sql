-- The SQLCipher side of the bench: what a competent engineer writes for the same work.
-- Indexes stand on the fields on which Guanxi keeps one; the visibility predicate of pages by name is
-- answered from the index.

CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    manager INTEGER REFERENCES person (id)
);

CREATE TABLE stage (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    outcome TEXT NOT NULL
);

CREATE TABLE account (
    id INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES person (id),
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by INTEGER NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    kind TEXT,
    industry TEXT COLLATE NOCASE,
    city TEXT,
    phone TEXT,
    email TEXT COLLATE NOCASE,
    established INTEGER,
    revenue INTEGER,
    revenue_currency TEXT,
    employees INTEGER,
    parent INTEGER REFERENCES account (id),
    note TEXT
);
CREATE INDEX account_by_owner ON account (owner);
CREATE INDEX account_by_name ON account (name, owner);
CREATE INDEX account_by_industry ON account (industry);
CREATE INDEX account_by_phone ON account (phone);
CREATE INDEX account_by_email ON account (email);
CREATE INDEX account_by_parent ON account (parent) WHERE parent IS NOT NULL;

CREATE TABLE contact (
    id INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES person (id),
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by INTEGER NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    account INTEGER REFERENCES account (id),
    position TEXT,
    phone TEXT,
    email TEXT COLLATE NOCASE,
    birthday INTEGER
);
CREATE INDEX contact_by_owner ON contact (owner);
CREATE INDEX contact_by_name ON contact (name, owner);
CREATE INDEX contact_by_account ON contact (account);
CREATE INDEX contact_by_phone ON contact (phone);
CREATE INDEX contact_by_email ON contact (email);

CREATE TABLE opportunity (
    id INTEGER PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES person (id),
    version INTEGER NOT NULL DEFAULT 1,
    created_at INTEGER NOT NULL,
    created_by INTEGER NOT NULL,
    modified_at INTEGER NOT NULL,
    modified_by INTEGER NOT NULL,
    title TEXT NOT NULL,
    account INTEGER REFERENCES account (id),
    product INTEGER,
    stage INTEGER NOT NULL REFERENCES stage (id),
    status TEXT NOT NULL,
    amount INTEGER,
    amount_currency TEXT,
    engaged_on INTEGER,
    closed_on INTEGER,
    expected_on INTEGER,
    close_reason TEXT,
    stage_since INTEGER,
    note TEXT
);
CREATE INDEX opportunity_by_owner ON opportunity (owner);
CREATE INDEX opportunity_by_account ON opportunity (account);
CREATE INDEX opportunity_by_product ON opportunity (product) WHERE product IS NOT NULL;
CREATE INDEX opportunity_by_stage ON opportunity (stage);
CREATE INDEX opportunity_by_status ON opportunity (status);
CREATE INDEX opportunity_by_amount ON opportunity (amount);
CREATE INDEX opportunity_by_engaged_on ON opportunity (engaged_on);
CREATE INDEX opportunity_by_closed_on ON opportunity (closed_on);
CREATE INDEX opportunity_by_expected_on ON opportunity (expected_on);

CREATE TABLE audit (
    position INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    entity TEXT NOT NULL,
    record INTEGER NOT NULL,
    actor INTEGER NOT NULL,
    at INTEGER NOT NULL,
    changes TEXT NOT NULL
);

CREATE TRIGGER account_created AFTER INSERT ON account BEGIN
    INSERT INTO audit (kind, entity, record, actor, at, changes) VALUES (
        'create', 'account', NEW.id, NEW.created_by, NEW.created_at,
        json_object('owner', NEW.owner, 'name', NEW.name, 'kind', NEW.kind, 'industry', NEW.industry,
            'city', NEW.city, 'phone', NEW.phone, 'email', NEW.email, 'established', NEW.established,
            'revenue', NEW.revenue, 'revenue_currency', NEW.revenue_currency, 'employees', NEW.employees,
            'parent', NEW.parent, 'note', NEW.note)
    );
END;

CREATE TRIGGER contact_created AFTER INSERT ON contact BEGIN
    INSERT INTO audit (kind, entity, record, actor, at, changes) VALUES (
        'create', 'contact', NEW.id, NEW.created_by, NEW.created_at,
        json_object('owner', NEW.owner, 'name', NEW.name, 'account', NEW.account, 'position', NEW.position,
            'phone', NEW.phone, 'email', NEW.email, 'birthday', NEW.birthday)
    );
END;

CREATE TRIGGER opportunity_created AFTER INSERT ON opportunity BEGIN
    INSERT INTO audit (kind, entity, record, actor, at, changes) VALUES (
        'create', 'opportunity', NEW.id, NEW.created_by, NEW.created_at,
        json_object('owner', NEW.owner, 'title', NEW.title, 'account', NEW.account, 'product', NEW.product,
            'stage', NEW.stage, 'status', NEW.status, 'amount', NEW.amount,
            'amount_currency', NEW.amount_currency, 'engaged_on', NEW.engaged_on,
            'closed_on', NEW.closed_on, 'expected_on', NEW.expected_on, 'stage_since', NEW.stage_since,
            'note', NEW.note)
    );
END;

CREATE TRIGGER account_changed AFTER UPDATE ON account BEGIN
    INSERT INTO audit (kind, entity, record, actor, at, changes)
    SELECT 'update', 'account', NEW.id, NEW.modified_by, NEW.modified_at,
        json_group_object(field, json_array(before, after))
    FROM (
        SELECT 'owner' AS field, OLD.owner AS before, NEW.owner AS after
        UNION ALL SELECT 'name', OLD.name, NEW.name
        UNION ALL SELECT 'kind', OLD.kind, NEW.kind
        UNION ALL SELECT 'industry', OLD.industry, NEW.industry
        UNION ALL SELECT 'city', OLD.city, NEW.city
        UNION ALL SELECT 'phone', OLD.phone, NEW.phone
        UNION ALL SELECT 'email', OLD.email, NEW.email
        UNION ALL SELECT 'established', OLD.established, NEW.established
        UNION ALL SELECT 'revenue', OLD.revenue, NEW.revenue
        UNION ALL SELECT 'revenue_currency', OLD.revenue_currency, NEW.revenue_currency
        UNION ALL SELECT 'employees', OLD.employees, NEW.employees
        UNION ALL SELECT 'parent', OLD.parent, NEW.parent
        UNION ALL SELECT 'note', OLD.note, NEW.note
    )
    WHERE before IS NOT after;
END;
