-- Counts and sums for each owner by stage, and for each customer, which triggers keep.

CREATE TABLE kept_by_stage (
    owner INTEGER NOT NULL,
    stage TEXT NOT NULL,
    deals INTEGER NOT NULL,
    amount INTEGER NOT NULL,
    PRIMARY KEY (owner, stage)
) WITHOUT ROWID;

CREATE TRIGGER deal_counted AFTER INSERT ON deal BEGIN
    INSERT INTO kept_by_stage VALUES (NEW.owner, NEW.stage, 1, NEW.amount)
    ON CONFLICT DO UPDATE SET deals = deals + 1, amount = amount + excluded.amount;
    UPDATE customer SET deals = deals + 1, worth = worth + NEW.amount WHERE id = NEW.customer;
END;

CREATE TRIGGER deal_uncounted AFTER DELETE ON deal BEGIN
    UPDATE kept_by_stage SET deals = deals - 1, amount = amount - OLD.amount
    WHERE owner = OLD.owner AND stage = OLD.stage;
    UPDATE customer SET deals = deals - 1, worth = worth - OLD.amount WHERE id = OLD.customer;
END;

CREATE TRIGGER deal_recounted AFTER UPDATE OF owner, stage, customer, amount ON deal BEGIN
    UPDATE kept_by_stage SET deals = deals - 1, amount = amount - OLD.amount
    WHERE owner = OLD.owner AND stage = OLD.stage;
    UPDATE customer SET deals = deals - 1, worth = worth - OLD.amount WHERE id = OLD.customer;
    INSERT INTO kept_by_stage VALUES (NEW.owner, NEW.stage, 1, NEW.amount)
    ON CONFLICT DO UPDATE SET deals = deals + 1, amount = amount + excluded.amount;
    UPDATE customer SET deals = deals + 1, worth = worth + NEW.amount WHERE id = NEW.customer;
END;
