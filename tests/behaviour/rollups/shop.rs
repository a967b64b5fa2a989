//! A shop of customers in a tree, their orders and the lines of these, with every kind of rollup; and the same
//! shop by hand, where a figure is what a walk over all records comes to.

use std::collections::BTreeMap;

use guanxi::base::{Label, ValueKind};
use guanxi::engine::{Extension, Registrar, Session, Transaction};
use guanxi::schema::{
    EntityDefinition, EnumCode, FieldDefinition, FieldType, OnDelete, RollupDefinition, RollupFunction,
    RollupReaders,
};
use guanxi::{Changes, Code, Currency, Date, Decimal, Find, Money, RecordId, Result, Value};
use proptest::prelude::*;

pub const CUSTOMER: &str = "shop.customer";
pub const ORDER: &str = "shop.order";
pub const LINE: &str = "shop.line";

use RollupFunction::{Avg, Count, Exists, Max, Min, Sum};

/// Declares the shop, as a vendor would.
pub struct Shop;

fn field(local: u32, name: &str, kind: FieldType) -> FieldDefinition {
    FieldDefinition::new("shop", local, name, Label::new("字段", name), kind)
}

fn reference(local: u32, name: &str, entity: &str, on_delete: OnDelete) -> FieldDefinition {
    FieldDefinition { on_delete, ..field(local, name, FieldType::Reference { entity: entity.to_owned() }) }
}

fn state() -> FieldType {
    let codes = ["open", "won", "lost"].map(|code| EnumCode::new(code, Label::new("码", code)));
    FieldType::Enum { codes: codes.to_vec() }
}

fn entity(local: u32, name: &str, mut fields: Vec<FieldDefinition>) -> EntityDefinition {
    fields.insert(0, field(1, "name", FieldType::Text));
    EntityDefinition {
        namespace: "shop".to_owned(),
        local,
        name: name.to_owned(),
        label: Label::new("物", name),
        title: "name".to_owned(),
        data_subject: false,
        fields,
        ..EntityDefinition::default()
    }
}

/// Rollups of orders over their lines.
pub fn of_orders() -> Vec<(&'static str, RollupDefinition)> {
    let over = |function| RollupDefinition::new(function, LINE, "order");
    vec![
        ("lines", over(Count)),
        ("won_lines", over(Count).filtered("state == 'won'")),
        ("has_large", over(Exists).filtered("quantity > 5 && price != null")),
        ("amount", over(Sum).of("amount", ValueKind::Money)),
        ("quantity", over(Sum).of("quantity", ValueKind::Int)),
        ("open_quantity", over(Sum).of("quantity", ValueKind::Int).filtered("state == 'open'")),
        ("double", over(Sum).of("double", ValueKind::Int).filtered("double != 4")),
        ("mean_price", over(Avg).of("price", ValueKind::Decimal)),
        ("mean_quantity", over(Avg).of("quantity", ValueKind::Int)),
        ("least_amount", over(Min).of("amount", ValueKind::Money)),
        ("least_price", over(Min).of("price", ValueKind::Decimal)),
        ("most_price", over(Max).of("price", ValueKind::Decimal).filtered("state != 'lost'")),
        ("last_day", over(Max).of("day", ValueKind::Date)),
        ("seen_lines", over(Count).of_visible()),
        ("seen_amount", over(Sum).of("amount", ValueKind::Money).filtered("state == 'won'").of_visible()),
        ("seen_most", over(Max).of("price", ValueKind::Decimal).of_visible()),
        ("seen_least_amount", over(Min).of("amount", ValueKind::Money).of_visible()),
    ]
}

/// Rollups of customers over their orders, most of them over rollups of these.
pub fn of_customers() -> Vec<(&'static str, RollupDefinition)> {
    let over = |function| RollupDefinition::new(function, ORDER, "customer");
    vec![
        ("orders", over(Count)),
        ("total", over(Sum).of("quantity", ValueKind::Int)),
        ("open_total", over(Sum).of("quantity", ValueKind::Int).filtered("state == 'open'")),
        ("money", over(Sum).of("amount", ValueKind::Money)),
        ("mean_total", over(Avg).of("quantity", ValueKind::Int)),
        ("largest", over(Max).of("quantity", ValueKind::Int)),
        ("least", over(Min).of("least_price", ValueKind::Decimal)),
        ("counted", over(Sum).of("lines", ValueKind::Int)),
        ("tree_orders", over(Count).over_tree()),
        ("tree_total", over(Sum).of("quantity", ValueKind::Int).over_tree()),
        ("tree_mean", over(Avg).of("quantity", ValueKind::Int).filtered("state == 'open'").over_tree()),
        ("tree_any", over(Exists).filtered("state == 'won'").over_tree()),
        ("tree_largest", over(Max).of("quantity", ValueKind::Int).over_tree()),
        ("tree_least", over(Min).of("least_price", ValueKind::Decimal).over_tree()),
        ("tree_amount", over(Min).of("least_amount", ValueKind::Money).over_tree()),
        ("seen_tree", over(Count).of_visible().over_tree()),
        ("of_trees", RollupDefinition::new(Sum, CUSTOMER, "parent").of("tree_total", ValueKind::Int)),
        (
            "largest_tree",
            RollupDefinition::new(Max, CUSTOMER, "parent").of("tree_total", ValueKind::Int).over_tree(),
        ),
        ("children", RollupDefinition::new(Count, CUSTOMER, "parent")),
        ("below", RollupDefinition::new(Count, CUSTOMER, "parent").over_tree()),
    ]
}

impl Extension for Shop {
    fn id(&self) -> &'static str {
        "shop"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let tree = FieldDefinition { tree: true, ..reference(2, "parent", CUSTOMER, OnDelete::Restrict) };
        registrar.entity(entity(1, "customer", vec![tree]));
        let customer = reference(2, "customer", CUSTOMER, OnDelete::SetNull);
        registrar.entity(entity(2, "order", vec![customer, field(3, "state", state())]));
        let double = FieldType::Formula { expression: "quantity * 2".to_owned(), gives: ValueKind::Int };
        let fields = vec![
            reference(2, "order", ORDER, OnDelete::Cascade),
            field(3, "state", state()),
            field(4, "amount", FieldType::Money),
            field(5, "quantity", FieldType::Int),
            field(6, "price", FieldType::Decimal),
            field(7, "day", FieldType::Date),
            field(8, "double", double),
        ];
        registrar.entity(entity(3, "line", fields));
        Ok(())
    }
}

/// Adds the rollups, lookups and formulas over them, by the door of an administrator.
pub fn define(session: &Session) {
    for (entity, rollups) in [(ORDER, of_orders()), (CUSTOMER, of_customers())] {
        for (name, rollup) in rollups {
            // Those over rollups name these by their own names.
            let indexed = rollup.readers == RollupReaders::All;
            let kind = FieldType::Rollup(rollup);
            let label = Label::new("汇总", name);
            session.define_field(entity, name, label, kind, |field| field.indexed = indexed).unwrap();
        }
    }
    let formula =
        FieldType::Formula { expression: "coalesce(lines, 0) * 10".to_owned(), gives: ValueKind::Int };
    session.define_field(ORDER, "tenfold", Label::new("公式", "Tenfold"), formula, |_| {}).unwrap();
    for (name, through, far) in [("order_state", "order", "state"), ("line_double", "order", "name")] {
        let kind = session.lookup(LINE, through, far).unwrap();
        session.define_field(LINE, name, Label::new("引用", name), kind, |_| {}).unwrap();
    }
}

/// What a line has, by hand: places of states, hundredths with the currency, numbers, thousandths, days.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Values {
    pub state: Option<usize>,
    pub amount: Option<(i64, bool)>,
    pub quantity: Option<i64>,
    pub price: Option<i64>,
    pub day: Option<i32>,
}

pub const STATES: [&str; 3] = ["open", "won", "lost"];

pub fn values() -> impl Strategy<Value = Values> {
    let price = (-5_i64..6, any::<bool>()).prop_map(|(number, fine)| number * if fine { 333 } else { 500 });
    let few = prop_oneof![4 => Just(true), 1 => any::<bool>()];
    (
        proptest::option::of(0_usize..3),
        proptest::option::weighted(0.8, (-300_i64..300, few)),
        proptest::option::weighted(0.8, -3_i64..10),
        proptest::option::weighted(0.8, price),
        proptest::option::of(20_000..20_004),
    )
        .prop_map(|(state, amount, quantity, price, day)| Values { state, amount, quantity, price, day })
}

fn money((hundredths, yuan): (i64, bool)) -> Value {
    let currency = if yuan { Currency::CNY } else { Currency::USD };
    Value::Money(Money::new(Decimal::new(hundredths.into(), 2).unwrap(), currency))
}

fn thousandths(number: i64) -> Value {
    Value::Decimal(Decimal::new(number.into(), 3).unwrap())
}

fn state_of(place: Option<usize>) -> Value {
    place.map_or(Value::Null, |place| STATES[place].into())
}

impl Values {
    fn changes(&self) -> Changes {
        Changes::new()
            .set("state", state_of(self.state))
            .set("amount", self.amount.map_or(Value::Null, money))
            .set("quantity", self.quantity.map_or(Value::Null, Value::Int))
            .set("price", self.price.map_or(Value::Null, thousandths))
            .set("day", self.day.map_or(Value::Null, |day| Value::Date(Date::from_days(day).unwrap())))
    }
}

#[derive(Debug, Clone)]
pub struct Line {
    pub order: Option<RecordId>,
    pub owner: usize,
    pub values: Values,
    pub deleted: bool,
}

#[derive(Debug, Clone)]
pub struct Order {
    pub customer: Option<RecordId>,
    pub state: usize,
    pub deleted: bool,
}

/// The shop by hand.
#[derive(Debug, Clone, Default)]
pub struct World {
    /// The record above, and whether it is deleted.
    pub customers: BTreeMap<RecordId, (Option<RecordId>, bool)>,
    pub orders: BTreeMap<RecordId, Order>,
    pub lines: BTreeMap<RecordId, Line>,
}

/// What happens in the shop. Numbers choose among what stands.
#[derive(Debug, Clone)]
pub enum Step {
    Customer(Option<usize>),
    MoveCustomer(usize, Option<usize>),
    Order(Option<usize>, usize),
    ChangeOrder(usize, Option<usize>, usize),
    Line(usize, usize, Values),
    ChangeLine(usize, Values),
    MoveLine(usize, Option<usize>),
    DeleteLine(usize),
    DeleteOrder(usize),
    DeleteCustomer(usize),
    Undelete(usize),
}

pub fn step() -> impl Strategy<Value = Step> {
    let which = any::<usize>;
    let maybe = || proptest::option::weighted(0.8, any::<usize>());
    prop_oneof![
        2 => maybe().prop_map(Step::Customer),
        5 => (which(), maybe()).prop_map(|(which, to)| Step::MoveCustomer(which, to)),
        3 => (maybe(), 0_usize..3).prop_map(|(customer, state)| Step::Order(customer, state)),
        3 => (which(), maybe(), 0_usize..3).prop_map(|(which, to, state)| Step::ChangeOrder(which, to, state)),
        8 => (which(), 0_usize..2, values()).prop_map(|(order, owner, values)| Step::Line(order, owner, values)),
        5 => (which(), values()).prop_map(|(which, values)| Step::ChangeLine(which, values)),
        3 => (which(), maybe()).prop_map(|(which, to)| Step::MoveLine(which, to)),
        2 => which().prop_map(Step::DeleteLine),
        1 => which().prop_map(Step::DeleteOrder),
        1 => which().prop_map(Step::DeleteCustomer),
        2 => which().prop_map(Step::Undelete),
    ]
}

fn pick<T>(all: &BTreeMap<RecordId, T>, which: usize, stands: impl Fn(&T) -> bool) -> Option<RecordId> {
    let standing: Vec<RecordId> = all.iter().filter(|(_, one)| stands(one)).map(|(id, _)| *id).collect();
    (!standing.is_empty()).then(|| standing[which % standing.len()])
}

fn id_or_null(id: Option<RecordId>) -> Value {
    id.map_or(Value::Null, Value::Id)
}

impl World {
    fn customer(&self, which: Option<usize>) -> Option<RecordId> {
        pick(&self.customers, which?, |(_, deleted)| !deleted)
    }

    fn order(&self, which: Option<usize>) -> Option<RecordId> {
        pick(&self.orders, which?, |order| !order.deleted)
    }

    fn line(&self, which: usize) -> Option<RecordId> {
        pick(&self.lines, which, |line| !line.deleted)
    }

    /// Does a step in a transaction and by hand.
    pub fn play(&mut self, txn: &mut Transaction<'_>, owners: &[RecordId; 2], step: &Step) {
        let named = || Changes::new().set("name", "n");
        match step {
            Step::Customer(above) => {
                let above = self.customer(*above);
                let changes = named().set("parent", id_or_null(above));
                let id = txn.create_record(CUSTOMER, changes).unwrap();
                self.customers.insert(id, (above, false));
            }
            Step::MoveCustomer(which, to) => {
                let (Some(id), to) = (self.customer(Some(*which)), self.customer(*to)) else { return };
                let moved = txn.update_record(CUSTOMER, id, Changes::new().set("parent", id_or_null(to)));
                match moved {
                    Ok(_) => self.customers.get_mut(&id).unwrap().0 = to,
                    Err(error) => assert_eq!(error.code(), Code::TreeCycle),
                }
            }
            Step::Order(customer, state) => {
                let customer = self.customer(*customer);
                let changes = named().set("customer", id_or_null(customer)).set("state", STATES[*state]);
                let id = txn.create_record(ORDER, changes).unwrap();
                self.orders.insert(id, Order { customer, state: *state, deleted: false });
            }
            Step::ChangeOrder(which, to, state) => {
                let Some(id) = self.order(Some(*which)) else { return };
                let customer = self.customer(*to);
                let changes =
                    Changes::new().set("customer", id_or_null(customer)).set("state", STATES[*state]);
                txn.update_record(ORDER, id, changes).unwrap();
                self.orders.insert(id, Order { customer, state: *state, deleted: false });
            }
            Step::Line(order, owner, values) => {
                let order = self.order(Some(*order));
                let changes = values.changes().set("name", "l").set("order", id_or_null(order));
                let id = txn.create_record(LINE, changes.owner(owners[*owner])).unwrap();
                let line = Line { order, owner: *owner, values: values.clone(), deleted: false };
                self.lines.insert(id, line);
            }
            Step::ChangeLine(which, values) => {
                let Some(id) = self.line(*which) else { return };
                txn.update_record(LINE, id, values.changes()).unwrap();
                self.lines.get_mut(&id).unwrap().values = values.clone();
            }
            Step::MoveLine(which, to) => {
                let (Some(id), to) = (self.line(*which), self.order(*to)) else { return };
                txn.update_record(LINE, id, Changes::new().set("order", id_or_null(to))).unwrap();
                self.lines.get_mut(&id).unwrap().order = to;
            }
            Step::DeleteLine(_) | Step::DeleteOrder(_) | Step::DeleteCustomer(_) => self.delete(txn, step),
            Step::Undelete(which) => self.undelete(txn, *which),
        }
    }

    /// Deletes, with what goes along.
    fn delete(&mut self, txn: &mut Transaction<'_>, step: &Step) {
        match step {
            Step::DeleteLine(which) => {
                let Some(id) = self.line(*which) else { return };
                txn.delete_record(LINE, id).unwrap();
                self.lines.get_mut(&id).unwrap().deleted = true;
            }
            Step::DeleteOrder(which) => {
                let Some(id) = self.order(Some(*which)) else { return };
                txn.delete_record(ORDER, id).unwrap();
                self.orders.get_mut(&id).unwrap().deleted = true;
                self.lines
                    .values_mut()
                    .filter(|line| line.order == Some(id))
                    .for_each(|line| line.deleted = true);
            }
            Step::DeleteCustomer(which) => {
                let Some(id) = self.customer(Some(*which)) else { return };
                match txn.delete_record(CUSTOMER, id) {
                    Ok(()) => {
                        self.customers.get_mut(&id).unwrap().1 = true;
                        let of = |order: &&mut Order| order.customer == Some(id) && !order.deleted;
                        self.orders.values_mut().filter(of).for_each(|order| order.customer = None);
                    }
                    Err(error) => assert_eq!(error.code(), Code::Referenced),
                }
            }
            _ => {}
        }
    }

    /// Brings back what was deleted; what it refers to may be gone.
    fn undelete(&mut self, txn: &mut Transaction<'_>, which: usize) {
        let back = |result: Result<()>| match result {
            Ok(()) => true,
            Err(error) => {
                assert_eq!(error.code(), Code::ReferenceMissing);
                false
            }
        };
        if let Some(id) = pick(&self.lines, which, |line| line.deleted)
            && back(txn.undelete_record(LINE, id))
        {
            self.lines.get_mut(&id).unwrap().deleted = false;
        }
        if let Some(id) = pick(&self.orders, which, |order| order.deleted)
            && back(txn.undelete_record(ORDER, id))
        {
            self.orders.get_mut(&id).unwrap().deleted = false;
        }
        if let Some(id) = pick(&self.customers, which, |(_, deleted)| *deleted)
            && back(txn.undelete_record(CUSTOMER, id))
        {
            self.customers.get_mut(&id).unwrap().1 = false;
        }
    }

    fn lines_of(&self, order: RecordId, owner: Option<usize>) -> Vec<&Values> {
        let of = |line: &&Line| {
            line.order == Some(order) && !line.deleted && owner.is_none_or(|owner| line.owner == owner)
        };
        self.lines.values().filter(of).map(|line| &line.values).collect()
    }

    /// What an order has in a rollup, for a reader who sees the lines of all owners or of one.
    pub fn of_order(&self, order: RecordId, name: &str, reader: Option<usize>) -> String {
        let seen = if name.starts_with("seen") { reader } else { None };
        let lines = self.lines_of(order, seen);
        let is = |state: usize| move |line: &&&Values| line.state == Some(state);
        let quantities =
            |lines: &[&Values]| -> Vec<i64> { lines.iter().filter_map(|line| line.quantity).collect() };
        let prices: Vec<i64> = lines.iter().filter_map(|line| line.price).collect();
        let open: Vec<&Values> = lines.iter().filter(is(0)).copied().collect();
        match name {
            "lines" | "seen_lines" => lines.len().to_string(),
            "tenfold" => (lines.len() * 10).to_string(),
            "won_lines" => lines.iter().filter(is(1)).count().to_string(),
            "has_large" => {
                lines.iter().any(|line| line.quantity > Some(5) && line.price.is_some()).to_string()
            }
            "amount" => sum_of_money(lines.iter().filter_map(|line| line.amount)),
            "seen_amount" => sum_of_money(lines.iter().filter(is(1)).filter_map(|line| line.amount)),
            "quantity" => sum(&quantities(&lines)),
            "open_quantity" => sum(&quantities(&open)),
            "double" => {
                let doubles: Vec<i64> =
                    quantities(&lines).iter().map(|one| one * 2).filter(|one| *one != 4).collect();
                sum(&doubles)
            }
            "mean_price" => mean(&prices, 3),
            "mean_quantity" => mean(&quantities(&lines), 0),
            "least_price" => prices.iter().min().map_or(none(), |price| shown(&thousandths(*price))),
            "seen_most" => prices.iter().max().map_or(none(), |price| shown(&thousandths(*price))),
            "most_price" => {
                // Nothing is known of a line without state.
                let kept = lines.iter().filter(|line| line.state.is_none_or(|state| state != 2));
                kept.filter_map(|line| line.price).max().map_or(none(), |price| shown(&thousandths(price)))
            }
            "least_amount" | "seen_least_amount" => least_money(lines.iter().filter_map(|line| line.amount)),
            "last_day" => {
                let last = lines.iter().filter_map(|line| line.day).max();
                last.map_or(none(), |day| shown(&Value::Date(Date::from_days(day).unwrap())))
            }
            other => panic!("no such rollup: {other}"),
        }
    }

    fn below(&self, customer: RecordId) -> Vec<RecordId> {
        let mut found = vec![customer];
        let mut next = 0;
        while let Some(here) = found.get(next).copied() {
            let of = |(_, (above, deleted)): &(&RecordId, &(Option<RecordId>, bool))| {
                *above == Some(here) && !deleted
            };
            found.extend(self.customers.iter().filter(of).map(|(id, _)| *id));
            next += 1;
        }
        found
    }

    /// The sum or the least of the amounts of an order's lines; none where they are of two currencies.
    fn money_of(&self, order: RecordId, least: bool) -> Option<(i64, bool)> {
        let amounts: Vec<(i64, bool)> =
            self.lines_of(order, None).iter().filter_map(|line| line.amount).collect();
        let (_, yuan) = *amounts.first()?;
        let alike = amounts.iter().all(|(_, other)| *other == yuan);
        let amounts = amounts.iter().map(|(amount, _)| *amount);
        let found = if least { amounts.min()? } else { amounts.sum::<i64>() };
        alike.then_some((found, yuan))
    }

    /// What a customer has in a rollup.
    pub fn of_customer(&self, customer: RecordId, name: &str) -> String {
        let below = self.below(customer);
        let tree = name.starts_with("tree") || name == "seen_tree";
        let customers = if tree { below.clone() } else { vec![customer] };
        let of = |(_, order): &(&RecordId, &Order)| {
            !order.deleted && order.customer.is_some_and(|customer| customers.contains(&customer))
        };
        let orders: Vec<(RecordId, &Order)> =
            self.orders.iter().filter(of).map(|(id, order)| (*id, order)).collect();
        let quantity = |order: RecordId| {
            let found: Vec<i64> =
                self.lines_of(order, None).iter().filter_map(|line| line.quantity).collect();
            (!found.is_empty()).then(|| found.iter().sum::<i64>())
        };
        let all: Vec<i64> = orders.iter().filter_map(|(id, _)| quantity(*id)).collect();
        let open = orders.iter().filter(|(_, order)| order.state == 0);
        let open: Vec<i64> = open.filter_map(|(id, _)| quantity(*id)).collect();
        match name {
            "orders" | "tree_orders" | "seen_tree" => orders.len().to_string(),
            "total" | "tree_total" => sum(&all),
            "open_total" => sum(&open),
            "mean_total" => mean(&all, 0),
            "tree_mean" => mean(&open, 0),
            "tree_any" => orders.iter().any(|(_, order)| order.state == 1).to_string(),
            "largest" | "tree_largest" => all.iter().max().map_or(none(), ToString::to_string),
            "counted" => {
                let counts = orders.iter().map(|(id, _)| self.lines_of(*id, None).len() as i64);
                sum(&counts.collect::<Vec<_>>())
            }
            "least" | "tree_least" => {
                let prices = orders.iter().flat_map(|(id, _)| self.lines_of(*id, None));
                let least = prices.filter_map(|line| line.price).min();
                least.map_or(none(), |price| shown(&thousandths(price)))
            }
            "money" => sum_of_money(orders.iter().filter_map(|(id, _)| self.money_of(*id, false))),
            "tree_amount" => least_money(orders.iter().filter_map(|(id, _)| self.money_of(*id, true))),
            "of_trees" | "largest_tree" => {
                let above = if name == "of_trees" { vec![customer] } else { below };
                let of = |(_, (parent, deleted)): &(&RecordId, &(Option<RecordId>, bool))| {
                    !deleted && parent.is_some_and(|parent| above.contains(&parent))
                };
                let totals = self.customers.iter().filter(of);
                let totals = totals.filter_map(|(id, _)| self.of_customer(*id, "tree_total").parse().ok());
                let totals: Vec<i64> = totals.collect();
                match name {
                    "of_trees" => sum(&totals),
                    _ => totals.iter().max().map_or(none(), ToString::to_string),
                }
            }
            "children" => self
                .customers
                .values()
                .filter(|(above, deleted)| *above == Some(customer) && !deleted)
                .count()
                .to_string(),
            "below" => (below.len() - 1).to_string(),
            other => panic!("no such rollup: {other}"),
        }
    }

    /// Holds everything that a reader gets against the shop by hand.
    pub fn check(&self, session: &Session, reader: Option<usize>) {
        let rows = |entity: &str| {
            let page = session.list(entity, &Find { limit: 1_000, ..Find::default() }).unwrap();
            page.rows.into_iter().map(|row| (row.record.id, row)).collect::<BTreeMap<_, _>>()
        };
        let orders = rows(ORDER);
        assert_eq!(orders.len(), self.orders.values().filter(|order| !order.deleted).count());
        for (id, row) in &orders {
            let got = session.get(ORDER, *id).unwrap();
            for name in of_orders().iter().map(|(name, _)| *name).chain(["tenfold"]) {
                let expected = self.of_order(*id, name, reader);
                assert_eq!(shown(&row.value(name).unwrap()), expected, "{name} of order {id}");
                assert_eq!(shown(&got.value(name).unwrap()), expected, "{name} of order {id}, by get");
            }
        }
        for (id, row) in rows(CUSTOMER) {
            for (name, _) in of_customers() {
                let expected = self.of_customer(id, name);
                assert_eq!(shown(&row.value(name).unwrap()), expected, "{name} of customer {id}");
            }
        }
        for (id, row) in rows(LINE) {
            let order = self.lines[&id].order.map(|order| &self.orders[&order]);
            let expected = order.map_or(none(), |order| STATES[order.state].to_owned());
            assert_eq!(shown(&row.value("order_state").unwrap()), expected);
        }
    }
}

pub fn none() -> String {
    "-".to_owned()
}

/// A value as text, alike for equal numbers.
pub fn shown(value: &Value) -> String {
    match value {
        Value::Null => none(),
        Value::Decimal(number) => number.normalized().to_string(),
        Value::Money(money) => format!("{} {}", money.amount.normalized(), money.currency),
        other => other.to_string(),
    }
}

fn sum(numbers: &[i64]) -> String {
    if numbers.is_empty() { none() } else { numbers.iter().sum::<i64>().to_string() }
}

fn sum_of_money(amounts: impl Iterator<Item = (i64, bool)>) -> String {
    let amounts: Vec<(i64, bool)> = amounts.collect();
    let Some((_, yuan)) = amounts.first().copied() else { return none() };
    match amounts.iter().all(|(_, other)| *other == yuan) {
        true => shown(&money((amounts.iter().map(|(amount, _)| amount).sum(), yuan))),
        false => none(),
    }
}

fn least_money(amounts: impl Iterator<Item = (i64, bool)>) -> String {
    let amounts: Vec<(i64, bool)> = amounts.collect();
    let Some((_, yuan)) = amounts.first().copied() else { return none() };
    match amounts.iter().all(|(_, other)| *other == yuan) {
        true => amounts.iter().min().map_or(none(), |amount| shown(&money(*amount))),
        false => none(),
    }
}

/// The mean to 6 digits, rounded half away from zero, in whole numbers.
fn mean(numbers: &[i64], scale: u32) -> String {
    if numbers.is_empty() {
        return none();
    }
    let count = numbers.len() as i128;
    let total: i128 = numbers.iter().map(|number| i128::from(*number)).sum();
    let scaled = total * 10_i128.pow(6 - scale);
    let rounded = (scaled.abs() * 2 + count) / (count * 2) * scaled.signum();
    shown(&Value::Decimal(Decimal::new(rounded, 6).unwrap()))
}
