-- Companies and people as a competent engineer lays them out for one box of search: the rows in a table with the index
-- that a page by owner takes, and beside it FTS5 without copies of the texts, once with trigrams and once over texts
-- that the host has cut into pairs of characters.

CREATE TABLE party (
    id INTEGER PRIMARY KEY,
    company INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    phone TEXT,
    email TEXT,
    note TEXT
);
CREATE INDEX party_by_owner ON party (owner, id);

CREATE TABLE team (
    manager INTEGER NOT NULL,
    owner INTEGER NOT NULL,
    PRIMARY KEY (manager, owner)
) WITHOUT ROWID;

CREATE VIRTUAL TABLE bigram USING fts5 (
    name, phone, email, note, content = '', contentless_delete = 1, tokenize = 'unicode61'
);
CREATE VIRTUAL TABLE trigram USING fts5 (
    name, phone, email, note, content = '', contentless_delete = 1, tokenize = 'trigram'
);
