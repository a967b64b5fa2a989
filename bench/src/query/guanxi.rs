//! Guanxi's side: deals are an entity that a vendor declares, with two fields that a customer has added.

use std::path::Path;
use std::sync::Arc;

use guanxi::base::{Label, MAX_PAGE_ROWS};
use guanxi::engine::{
    Comparison, CountSource, Direction, Explanation, FieldSelector, Find, Listing, PageCursor,
    Question as Asked, Registrar, Total, User,
};
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::schema::{
    EntityDefinition, EntityType, EnumCode, FieldDefinition, FieldName, FieldType, IndexDefinition,
};
use guanxi::{
    Changes, Condition, Date, Extension, Money, Options, RecordId, Session, Timestamp, Value, WriteOptions,
};

use crate::crm::PAGE_ROWS;
use crate::crm::guanxi::{ADMINISTRATOR, database, manager, options, person, seller};
use crate::crm::values::{moment, text, yuan};
use crate::harness::Outcome;
use crate::query::deal::{
    COLUMNS, CUSTOMERS, Deal, FIELDS, KINDS, OWNERS, SOURCES, STAGES, Summary, TEAM, city,
};
use crate::query::kept::{counters, rollups};
use crate::query::store::{Answer, Form, Group, Question, Store};

const DEAL: &str = "bench.deal";
const CUSTOMER: &str = "bench.customer";
/// Fields that the vendor declares; the rest are the customer's own.
const DECLARED: usize = 18;
/// Indexes on a city and seats: by the vendor's fields, and by the customer's.
const BUILT_IN: [&str; 2] = ["city", "seats"];
const CUSTOM: [&str; 2] = ["x.town", "x.places"];

/// Declares deals, as a vendor would. An index on the owner stands without being asked for.
struct Deals;

impl Extension for Deals {
    fn id(&self) -> &'static str {
        "bench"
    }

    fn declare(&self, registrar: &mut Registrar) -> guanxi::Result<()> {
        let fields = FIELDS.iter().zip(1..).take(DECLARED).map(|(name, local)| FieldDefinition {
            required: matches!(*name, "code" | "name" | "stage"),
            unique: *name == "code",
            ..FieldDefinition::new("bench", local, name, Label::new("字段", name), kind_of(name))
        });
        let index = |local, name| IndexDefinition::new("bench", local, name);
        let customer = FieldType::Reference { entity: CUSTOMER.to_owned() };
        let customer =
            FieldDefinition::new("bench", 19, "customer", Label::new("客户", "Customer"), customer);
        let name = FieldDefinition::new("bench", 1, "name", Label::new("名称", "Name"), FieldType::Text);
        registrar.entity(EntityDefinition {
            namespace: "bench".to_owned(),
            local: 2,
            name: "customer".to_owned(),
            label: Label::new("客户", "Customer"),
            title: "name".to_owned(),
            data_subject: false,
            fields: vec![name],
            ..EntityDefinition::default()
        });
        registrar.entity(EntityDefinition {
            namespace: "bench".to_owned(),
            local: 1,
            name: "deal".to_owned(),
            label: Label::new("交易", "Deal"),
            title: "name".to_owned(),
            data_subject: false,
            fields: fields.chain([customer]).collect(),
            indexes: vec![
                index(1, "newest").falling("opened_at"),
                index(2, "by_stage").rising("stage").falling("amount"),
                index(3, "by_city").rising("city").falling("seats").falling("opened_at"),
            ],
            counters: counters(),
            ..EntityDefinition::default()
        });
        rollups().into_iter().for_each(|rollup| registrar.field(CUSTOMER, rollup));
        Ok(())
    }
}

fn kind_of(name: &str) -> FieldType {
    let codes = |codes: &[&str]| FieldType::Enum {
        codes: codes.iter().map(|code| EnumCode::new(code, Label::new("码", code))).collect(),
    };
    match name {
        "stage" => codes(&STAGES),
        "source" => codes(&SOURCES),
        "kind" => codes(&KINDS),
        "amount" | "cost" => FieldType::Money,
        "phone" => FieldType::Phone,
        "email" => FieldType::Email,
        "opened_at" => FieldType::DateTime,
        "expected_on" | "closed_on" => FieldType::Date,
        "seats" | "probability" | "places" => FieldType::Int,
        "renewal" => FieldType::Bool,
        _ => FieldType::Text,
    }
}

/// The fields as a host names them that knows them when it is compiled.
fn selectors() -> impl Iterator<Item = FieldSelector> + Clone {
    FIELDS.into_iter().enumerate().zip(1..).map(|((place, name), local)| {
        let (namespace, local) = match place.checked_sub(DECLARED) {
            None => ("bench", local),
            Some(0) => ("x", 1),
            Some(_) => ("x", 2),
        };
        FieldSelector::Identity(FieldName::Identity { namespace, local, name })
    })
}

/// An open database of Guanxi.
pub struct Guanxi {
    administrator: Session,
    manager: Session,
    owners: Vec<RecordId>,
    customers: Vec<RecordId>,
    fields: Vec<FieldSelector>,
    columns: Vec<FieldSelector>,
    walked: Vec<RecordId>,
    deep: Option<PageCursor>,
}

fn with_deals() -> Options {
    options().extension(Arc::new(Deals))
}

impl Store for Guanxi {
    type Row = Listing;

    fn create(folder: &Path) -> Outcome<()> {
        let new = with_deals().administrator(ADMINISTRATOR, "a long password");
        let administrator = new.create(database(folder))?.session_for(ADMINISTRATOR)?;
        administrator.write(|transaction| {
            for team in 0..OWNERS / TEAM {
                let above = person(transaction, &manager(team), "manager", None)?;
                for number in 0..TEAM {
                    person(transaction, &seller(team * TEAM + number), "salesperson", Some(above))?;
                }
            }
            for number in 0..CUSTOMERS {
                transaction.create_record(CUSTOMER, Changes::new().set("name", format!("{number:06}")))?;
            }
            Ok(())
        })?;
        for name in FIELDS.into_iter().skip(DECLARED) {
            administrator.define_field(DEAL, name, Label::new("字段", name), kind_of(name), |_| ())?;
        }
        let [town, places] = CUSTOM;
        administrator.define_index(
            DEAL,
            IndexDefinition::new("x", 0, "by_town").rising(town).falling(places).falling("opened_at"),
        )?;
        Ok(())
    }

    fn open(folder: &Path, cache_bytes: usize) -> Outcome<Self> {
        let crm = with_deals().cache_bytes(cache_bytes).open(database(folder))?;
        let administrator = crm.session_for(ADMINISTRATOR)?;
        let owner = |number| -> Outcome<RecordId> {
            let found = administrator.read(|reader| reader.find_by_title(User::NAME, &seller(number)))?;
            Ok(*found.first().ok_or("an owner is missing")?)
        };
        let owners = (0..OWNERS).map(owner).collect::<Outcome<_>>()?;
        Ok(Self {
            manager: crm.session_for(&manager(0))?,
            customers: by_name(&administrator, CUSTOMER)?.rows.iter().map(|row| row.record.id).collect(),
            administrator,
            owners,
            columns: columns(),
            fields: selectors().collect(),
            walked: Vec::new(),
            deep: None,
        })
    }

    fn insert(&mut self, deals: &[(usize, Deal)]) -> Outcome<()> {
        let mut transaction = self.administrator.begin(WriteOptions::default().cause("import"))?;
        for (owner, deal) in deals {
            let owner = *self.owners.get(*owner).ok_or("an owner whom nobody knows")?;
            let customer = *self.customers.get(deal.customer).ok_or("a customer whom nobody knows")?;
            let changes = self.changes(deal)?.set("customer", customer).owner(owner);
            transaction.create_record(DEAL, changes)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn settle(&mut self) -> Outcome<()> {
        Ok(())
    }

    fn deals(&mut self) -> Outcome<usize> {
        Ok(usize::try_from(self.administrator.count(DEAL, &Condition::Everything)?)?)
    }

    fn customers(&mut self) -> Outcome<Vec<(i64, i64)>> {
        let rows = by_name(&self.administrator, CUSTOMER)?.rows;
        let figures = rows.iter().map(|row| {
            let worth = row.value("worth")?;
            Ok((whole(&row.value("deals")?)?, if worth.is_null() { 0 } else { yuan(&worth)? }))
        });
        figures.collect()
    }

    fn add_field(&mut self, name: &str) -> Outcome<()> {
        self.administrator.define_field(DEAL, name, Label::new("字段", name), FieldType::Text, |_| ())?;
        Ok(())
    }

    fn walk(&mut self, depth: usize) -> Outcome<()> {
        self.check_plans()?;
        (self.walked, self.deep) = (Vec::new(), None);
        while self.walked.len() < depth {
            let limit = MAX_PAGE_ROWS.min(depth - self.walked.len());
            let page = self.manager.list(DEAL, &Find { limit, after: self.deep.take(), ..newest() })?;
            self.walked.extend(page.rows.iter().map(|row| row.record.id));
            self.deep = Some(page.next.ok_or("the list ends before its depth")?);
        }
        Ok(())
    }

    fn forms(&self, question: Question) -> Vec<Form> {
        let names: &[&str] =
            if question == Question::Filtered { &["built_in", "custom"] } else { &["usual"] };
        let form = |name: &&'static str| Form { name, naive: false, statement: String::new() };
        names.iter().map(form).collect()
    }

    fn ask(&mut self, question: Question, form: &Form, turn: usize) -> Outcome<Answer<Listing>> {
        let list = |find| Outcome::Ok(Answer::Rows(self.manager.list(DEAL, &find)?.rows));
        match question {
            Question::Newest => list(newest()),
            Question::Deep => list(Find { after: self.deep.clone(), ..newest() }),
            Question::Filtered => list(of_city(if form.name == "custom" { CUSTOM } else { BUILT_IN }, turn)),
            Question::Columns => self.summaries(),
            Question::Count => self.count(turn),
            Question::Sums => self.sums(),
            Question::Record => {
                let id = self.walked.get(turn * 31 % self.walked.len().max(1)).ok_or("nothing was walked")?;
                Ok(Answer::Rows(vec![self.manager.get(DEAL, *id)?]))
            }
        }
    }

    fn deal(&self, row: &Listing) -> Outcome<Deal> {
        let mut values = self.fields.iter().map(|field| row.value(field.clone()));
        let mut next = || values.next().transpose().map(Option::unwrap_or_default);
        let customer = row.value("customer")?;
        let known = self.customers.iter().position(|known| Value::Id(*known) == customer);
        Ok(Deal {
            customer: known.ok_or("a customer whom nobody knows")?,
            code: text(next()?)?,
            name: text(next()?)?,
            stage: text(next()?)?,
            amount: yuan(&next()?)?,
            source: text(next()?)?,
            kind: text(next()?)?,
            city: text(next()?)?,
            contact: text(next()?)?,
            phone: text(next()?)?,
            email: text(next()?)?,
            opened_at: moment(&next()?)?,
            expected_on: day(&next()?).ok_or("a day is missing")?,
            closed_on: day(&next()?),
            seats: whole(&next()?)?,
            probability: whole(&next()?)?,
            cost: yuan(&next()?)?,
            renewal: next()? == Value::Bool(true),
            note: text(next()?)?,
            town: text(next()?)?,
            places: whole(&next()?)?,
        })
    }
}

impl Guanxi {
    fn changes(&self, deal: &Deal) -> Outcome<Changes> {
        let date = |day: i64| -> Outcome<Value> { Ok(Value::Date(Date::from_days(i32::try_from(day)?)?)) };
        let text = |text: &str| Value::from(text);
        let values = [
            text(&deal.code),
            text(&deal.name),
            text(&deal.stage),
            Value::Money(Money::cny(deal.amount)),
            text(&deal.source),
            text(&deal.kind),
            text(&deal.city),
            text(&deal.contact),
            text(&deal.phone),
            text(&deal.email),
            Value::DateTime(Timestamp::from_micros(deal.opened_at)),
            date(deal.expected_on)?,
            deal.closed_on.map_or(Ok(Value::Null), date)?,
            Value::Int(deal.seats),
            Value::Int(deal.probability),
            Value::Money(Money::cny(deal.cost)),
            Value::Bool(deal.renewal),
            text(&deal.note),
            text(&deal.town),
            Value::Int(deal.places),
        ];
        let set =
            |changes: Changes, (field, value): (&FieldSelector, Value)| changes.set(field.clone(), value);
        Ok(self.fields.iter().zip(values).fold(Changes::new(), set))
    }

    fn summaries(&self) -> Outcome<Answer<Listing>> {
        let question = Asked { fields: self.columns.clone(), ..newest().into() };
        let rows = self.manager.query(DEAL, &question)?.rows;
        let summaries = rows.iter().map(|row| {
            let mut values = self.columns.iter().map(|column| row.value(column.clone()));
            let mut next = || values.next().transpose().map(Option::unwrap_or_default);
            Ok(Summary {
                name: text(next()?)?,
                stage: text(next()?)?,
                amount: yuan(&next()?)?,
                city: text(next()?)?,
                opened_at: moment(&next()?)?,
                expected_on: day(&next()?).ok_or("a day is missing")?,
            })
        });
        Ok(Answer::Summaries(summaries.collect::<Outcome<_>>()?))
    }

    fn count(&self, turn: usize) -> Outcome<Answer<Listing>> {
        let stage = STAGES.get(turn % STAGES.len()).copied().unwrap_or_default();
        let in_stage = Condition::Compare("stage".into(), Comparison::Equal, stage.into());
        let counted = self.manager.read(|reader| reader.count_up_to(DEAL, &in_stage, Total::USUAL))?;
        if counted.source == CountSource::Counters {
            Ok(Answer::Count(counted.count))
        } else {
            Err("a count was not taken from counters".into())
        }
    }

    fn sums(&self) -> Outcome<Answer<Listing>> {
        let table = self.manager.report(&Report {
            entity: DEAL.to_owned(),
            filter: Condition::Everything,
            group_by: vec![GroupBy { path: vec!["stage".into()], bucket: None }],
            measures: vec![Measure::Count, Measure::Sum("amount".into())],
        })?;
        let groups = table.rows.into_iter().map(|row| match (row.group.as_slice(), row.figures.as_slice()) {
            ([stage], [Figure::Count(deals), Figure::Amount(amount)]) => Ok(Group {
                stage: text(stage.clone())?,
                deals: *deals,
                amount: yuan(&Value::Money(*amount))?,
            }),
            other => Err(format!("a group that was not asked for: {other:?}").into()),
        });
        Ok(Answer::Groups(groups.collect::<Outcome<_>>()?))
    }

    /// The vendor's fields and the customer's are read by the same plan, each from its own index.
    fn check_plans(&self) -> Outcome<()> {
        let plan = |fields, index: &str| -> Outcome<Explanation> {
            let plan = self.manager.explain(DEAL, &of_city(fields, 0))?;
            if plan.index == index && plan.components.len() == 1 {
                Ok(Explanation { index: String::new(), components: Vec::new(), ..plan })
            } else {
                Err(format!("a list that is not read from {index}: {plan:?}").into())
            }
        };
        let (built_in, custom) = (plan(BUILT_IN, "bench.by_city")?, plan(CUSTOM, "x.by_town")?);
        if built_in == custom && built_in.streamed && built_in.residual == 0 {
            Ok(())
        } else {
            Err(format!("two plans: {built_in:?} and {custom:?}").into())
        }
    }
}

/// The fields of [`COLUMNS`], as a host names them that knows them when it is compiled.
fn columns() -> Vec<FieldSelector> {
    let named = selectors().zip(FIELDS);
    let column = |wanted: &str| named.clone().find(|(_, name)| *name == wanted).map(|(field, _)| field);
    COLUMNS.iter().filter_map(|name| column(name)).collect()
}

/// All customers, by name.
fn by_name(session: &Session, entity: &str) -> Outcome<guanxi::engine::Page> {
    let sort = vec![("name".into(), Direction::Ascending)];
    Ok(session.list(entity, &Find { sort, limit: CUSTOMERS, ..Find::default() })?)
}

fn newest() -> Find {
    Find { sort: vec![("opened_at".into(), Direction::Descending)], limit: PAGE_ROWS, ..Find::default() }
}

fn of_city([place, seats]: [&str; 2], turn: usize) -> Find {
    Find {
        filter: Condition::Compare(place.into(), Comparison::Equal, city(turn).into()),
        sort: [seats, "opened_at"].map(|field| (field.into(), Direction::Descending)).to_vec(),
        limit: PAGE_ROWS,
        ..Find::default()
    }
}

fn whole(value: &Value) -> Outcome<i64> {
    match value {
        Value::Int(number) => Ok(*number),
        other => Err(format!("a whole number was expected, not {other:?}").into()),
    }
}

fn day(value: &Value) -> Option<i64> {
    match value {
        Value::Date(day) => Some(i64::from(day.days())),
        _ => None,
    }
}
