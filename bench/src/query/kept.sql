-- Counts and sums for each owner, by stage and by source, which triggers keep.

CREATE TABLE kept_by_stage (
    owner INTEGER NOT NULL,
    stage TEXT NOT NULL,
    deals INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (owner, stage)
) WITHOUT ROWID;

CREATE TABLE kept_by_source (
    owner INTEGER NOT NULL,
    source TEXT NOT NULL,
    deals INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (owner, source)
) WITHOUT ROWID;

CREATE TRIGGER deal_counted AFTER INSERT ON deal BEGIN
    INSERT INTO kept_by_stage VALUES (NEW.owner, NEW.stage, 1, NEW.amount)
    ON CONFLICT DO UPDATE SET deals = deals + 1, amount = amount + excluded.amount;
    INSERT INTO kept_by_source VALUES (NEW.owner, NEW.source, 1, NEW.amount)
    ON CONFLICT DO UPDATE SET deals = deals + 1, amount = amount + excluded.amount;
END;

CREATE TRIGGER deal_uncounted AFTER DELETE ON deal BEGIN
    UPDATE kept_by_stage SET deals = deals - 1, amount = amount - OLD.amount
    WHERE owner = OLD.owner AND stage = OLD.stage;
    UPDATE kept_by_source SET deals = deals - 1, amount = amount - OLD.amount
    WHERE owner = OLD.owner AND source = OLD.source;
END;

CREATE TRIGGER deal_recounted AFTER UPDATE OF owner, stage, source, amount ON deal BEGIN
    UPDATE kept_by_stage SET deals = deals - 1, amount = amount - OLD.amount
    WHERE owner = OLD.owner AND stage = OLD.stage;
    UPDATE kept_by_source SET deals = deals - 1, amount = amount - OLD.amount
    WHERE owner = OLD.owner AND source = OLD.source;
    INSERT INTO kept_by_stage VALUES (NEW.owner, NEW.stage, 1, NEW.amount)
    ON CONFLICT DO UPDATE SET deals = deals + 1, amount = amount + excluded.amount;
    INSERT INTO kept_by_source VALUES (NEW.owner, NEW.source, 1, NEW.amount)
    ON CONFLICT DO UPDATE SET deals = deals + 1, amount = amount + excluded.amount;
END;
