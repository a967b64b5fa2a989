//! A shelf of things with a field of every kind, with and without index, and the same things by hand.

use std::cell::RefCell;
use std::collections::BTreeMap;

use guanxi::base::{Collation, Label};
use guanxi::engine::{Extension, Registrar, Transaction};
use guanxi::schema::{
    CounterDefinition, EntityDefinition, EnumCode, FieldDefinition, FieldType, IndexDefinition,
    RecordReference,
};
use guanxi::{Changes, Currency, Date, Decimal, Money, RecordId, Result, Value};
use guanxi_tests::House;
use proptest::prelude::*;

use super::oracle::{Question, compare, compare_in_words};

/// The entity of the shelf.
pub const NAME: &str = "shelf.thing";

/// The fields: name, whether it has an index.
pub const FIELDS: [(&str, bool); 16] = [
    ("name", true),
    ("remark", false),
    ("rank", true),
    ("size", false),
    ("price", true),
    ("cost", false),
    ("since", true),
    ("until", false),
    ("weight", true),
    ("height", false),
    ("ready", true),
    ("kind", false),
    ("marks", true),
    ("signs", false),
    ("about", true),
    ("topic", false),
];

/// Texts that a hand has folded: what is written, and what it is compared as. Full width, case and white
/// space make no difference. The last is its place in the order of a Chinese dictionary by pinyin, which has
/// Chinese before Latin letters, and passes over control characters.
pub const TEXTS: [(&str, &str, u8); 12] = [
    ("apple", "apple", 3),
    ("Apple", "apple", 3),
    ("ＡＰＰＬＥ", "apple", 3),
    ("apple pie", "apple pie", 4),
    (" Apple \u{3000} PIE ", "apple pie", 4),
    ("banana", "banana", 6),
    ("b", "b", 5),
    ("加喜", "加喜", 0),
    ("加喜企业", "加喜企业", 1),
    ("Z", "z", 8),
    ("ﬁne", "fine", 7),
    ("a\u{0}b", "a\u{0}b", 2),
];

/// One value as a hand writes it.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    /// A place in [`TEXTS`].
    Text(usize),
    Int(i64),
    /// Hundredths and currency; whether the amount is written with two more zeros.
    Money(i64, bool, bool),
    /// Days since 1970-01-01.
    Day(i32),
    /// Thousandths, and whether it is written with one more zero.
    Number(i64, bool),
    Bool(bool),
    Code(usize),
    /// One bit for each of [`CODES`] that it has.
    Codes(usize),
    /// A place in the targets, and whether they are of the entity that is said, which conditions alone may get wrong.
    Refers(usize, bool),
}

/// How many records things may refer to: accounts and products by turns.
pub const TARGETS: usize = 4;

/// The entities of [`TARGETS`], in the order of their names.
const ENTITIES: [&str; 2] = ["crm.account", "crm.product"];

thread_local! {
    /// The records that things refer to, which each database has anew.
    static REFERRED: RefCell<Vec<RecordId>> = const { RefCell::new(Vec::new()) };
}

/// Makes the records that things refer to.
pub fn make_targets(house: &House) {
    let ids = (0..TARGETS).map(|place| {
        let changes = Changes::new().set("name", format!("target {place}"));
        house.create(ENTITIES[place % 2], &changes)
    });
    let ids = ids.collect();
    REFERRED.with(|referred| *referred.borrow_mut() = ids);
}

/// A record that things refer to, as a whole reference: its entity, or the other one, and its id.
pub fn target(place: usize, right: bool) -> (&'static str, RecordId) {
    let entity = ENTITIES[(place + usize::from(!right)) % 2];
    (entity, REFERRED.with(|referred| referred.borrow()[place]))
}

/// The codes of the field `kind`, which sort by their letters.
pub const CODES: [&str; 3] = ["small", "large", "medium"];

/// One thing: its cells in the order of [`FIELDS`], and which of three owners has it.
#[derive(Debug, Clone)]
pub struct Thing {
    pub cells: Vec<Cell>,
    pub owner: usize,
}

/// Declares the shelf, as a vendor would.
pub struct Shelf;

fn kind_of(name: &str) -> FieldType {
    match name {
        "name" | "remark" => FieldType::Text,
        "rank" | "size" => FieldType::Int,
        "price" | "cost" => FieldType::Money,
        "since" | "until" => FieldType::Date,
        "weight" | "height" => FieldType::Decimal,
        "ready" => FieldType::Bool,
        "about" | "topic" => FieldType::AnyReference {
            entities: ENTITIES.iter().rev().map(|name| (*name).to_owned()).collect(),
        },
        name => {
            let code = |code: &&str| EnumCode::new(code, Label::new("码", code));
            let codes = CODES.iter().map(code).collect();
            if name == "kind" { FieldType::Enum { codes } } else { FieldType::MultiEnum { codes } }
        }
    }
}

impl Extension for Shelf {
    fn id(&self) -> &'static str {
        "shelf"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        let fields = FIELDS.iter().zip(1..).map(|((name, indexed), local)| FieldDefinition {
            indexed: *indexed,
            ..FieldDefinition::new("shelf", local, name, Label::new("字段", name), kind_of(name))
        });
        registrar.entity(EntityDefinition {
            namespace: "shelf".to_owned(),
            local: 1,
            name: "thing".to_owned(),
            label: Label::new("物", "Thing"),
            title: "name".to_owned(),
            data_subject: false,
            fields: fields.collect(),
            indexes: vec![
                IndexDefinition::new("shelf", 1, "by_kind").rising("kind").falling("rank"),
                IndexDefinition::new("shelf", 2, "by_ready").rising("ready").falling("price").rising("since"),
                IndexDefinition::new("shelf", 3, "by_name")
                    .falling("name")
                    .rising("weight")
                    .falling("height"),
                IndexDefinition::new("shelf", 5, "by_pinyin")
                    .rising("kind")
                    .rising("name")
                    .collated(Collation::Pinyin)
                    .falling("rank"),
                IndexDefinition::new("shelf", 4, "newest").rising("owner").falling("created_at"),
                IndexDefinition::new("shelf", 6, "by_signs").rising("signs").falling("size"),
                IndexDefinition::new("shelf", 7, "by_marks").rising("kind").falling("marks").rising("height"),
                IndexDefinition::new("shelf", 8, "by_topic").falling("topic").rising("rank"),
            ],
            counters: vec![
                CounterDefinition::new("shelf", 1, "by_kind", &["kind"]).summing("price").summing("size"),
                CounterDefinition::new("shelf", 2, "by_all", &["ready", "kind", "since"]).summing("weight"),
            ],
            ..EntityDefinition::default()
        });
        Ok(())
    }
}

/// What a field may be compared with: several codes with one of them.
pub fn compared(name: &str) -> BoxedStrategy<Cell> {
    match name {
        "marks" | "signs" => cell("kind"),
        "about" | "topic" => {
            let right = prop_oneof![6 => Just(true), 1 => Just(false)];
            (0..TARGETS, right).prop_map(|(place, right)| Cell::Refers(place, right)).boxed()
        }
        name => cell(name),
    }
}

/// A cell for a field of the shelf, in small ranges so that values meet.
pub fn cell(name: &str) -> BoxedStrategy<Cell> {
    match name {
        "name" | "remark" => (0..TEXTS.len()).prop_map(Cell::Text).boxed(),
        "rank" | "size" => {
            prop_oneof![8 => -3_i64..4, 1 => Just(i64::MIN), 1 => Just(i64::MAX)].prop_map(Cell::Int).boxed()
        }
        "price" | "cost" => (-120_i64..130, any::<bool>(), any::<bool>())
            .prop_map(|(amount, yuan, zeros)| Cell::Money(amount * 5, yuan, zeros))
            .boxed(),
        "since" | "until" => prop_oneof![Just(-400), 0..4, 20_000..20_003].prop_map(Cell::Day).boxed(),
        "weight" | "height" => {
            (-60_i64..60, any::<bool>()).prop_map(|(number, zeros)| Cell::Number(number * 50, zeros)).boxed()
        }
        "ready" => any::<bool>().prop_map(Cell::Bool).boxed(),
        "marks" | "signs" => (1_usize..8).prop_map(Cell::Codes).boxed(),
        "about" | "topic" => (0..TARGETS).prop_map(|place| Cell::Refers(place, true)).boxed(),
        _ => (0..CODES.len()).prop_map(Cell::Code).boxed(),
    }
}

/// Any thing.
pub fn thing() -> impl Strategy<Value = Thing> {
    let cells: Vec<BoxedStrategy<Cell>> =
        FIELDS.iter().map(|(name, _)| prop_oneof![1 => Just(Cell::Null), 4 => cell(name)].boxed()).collect();
    (cells, 0_usize..3).prop_map(|(cells, owner)| Thing { cells, owner })
}

/// A thing that follows from a number.
pub fn numbered(number: i64) -> Thing {
    let spread = |many: i64| usize::try_from(number * 7 % many).unwrap();
    let mut cells = vec![Cell::Null; FIELDS.len()];
    cells[0] = Cell::Text(spread(i64::try_from(TEXTS.len()).unwrap()));
    cells[2] = Cell::Int(number * 31 % 57);
    cells[3] = Cell::Int(number * 17 % 23);
    cells[4] = Cell::Money(number * 13 % 1_000, number % 3 == 0, number % 2 == 0);
    cells[10] = Cell::Bool(number % 5 == 0);
    Thing { cells, owner: spread(5) }
}

impl Cell {
    /// The value as it is sent.
    pub fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(place) => Value::from(TEXTS[*place].0),
            Self::Int(number) => Value::Int(*number),
            Self::Money(amount, yuan, zeros) => {
                let currency = if *yuan { Currency::CNY } else { Currency::USD };
                Value::Money(Money::new(scaled(*amount, 2, *zeros), currency))
            }
            Self::Day(day) => Value::Date(Date::from_days(*day).unwrap()),
            Self::Number(number, zeros) => Value::Decimal(scaled(*number, 3, *zeros)),
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Code(place) => Value::from(CODES[*place]),
            Self::Codes(bits) => Value::List(codes_of(*bits).map(Value::from).collect()),
            Self::Refers(place, right) => {
                let (entity, id) = target(*place, *right);
                RecordReference::new(entity, id).into()
            }
        }
    }
}

/// The codes of which a bit is set, in the order of their list.
pub fn codes_of(bits: usize) -> impl Iterator<Item = &'static str> {
    CODES.into_iter().enumerate().filter(move |(place, _)| bits >> place & 1 == 1).map(|(_, code)| code)
}

/// A decimal, with two zeros more behind it if so wanted.
fn scaled(number: i64, scale: u32, zeros: bool) -> Decimal {
    let (number, scale) = if zeros { (i128::from(number) * 100, scale + 2) } else { (number.into(), scale) };
    Decimal::new(number, scale).unwrap()
}

/// What lies furthest among some things, and how many values they have.
pub struct Ends {
    pub least: Option<i64>,
    pub greatest: Option<i64>,
    pub sizes: u64,
    pub marks: u64,
    pub flags: u64,
    pub day: Option<Value>,
}

pub fn ends(things: &[Thing]) -> Ends {
    let ints = |field: usize| {
        things.iter().filter_map(move |thing| match thing.cells[field] {
            Cell::Int(number) => Some(number),
            _ => None,
        })
    };
    let mut sizes: Vec<i64> = ints(3).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let has = |bit: usize| {
        things.iter().any(|thing| matches!(thing.cells[12], Cell::Codes(bits) if (bits >> bit) & 1 == 1))
    };
    let is = |flag: bool| things.iter().any(|thing| thing.cells[10] == Cell::Bool(flag));
    let days = things.iter().filter_map(|thing| match thing.cells[6] {
        Cell::Day(day) => Some(day),
        _ => None,
    });
    let count = |found: usize| u64::try_from(found).unwrap();
    Ends {
        least: ints(2).min(),
        greatest: ints(2).max(),
        sizes: count(sizes.len()),
        marks: count((0..CODES.len()).filter(|bit| has(*bit)).count()),
        flags: count([false, true].into_iter().filter(|flag| is(*flag)).count()),
        day: days.max().map(|day| Cell::Day(day).value()),
    }
}

/// The things that stand, by hand.
#[derive(Debug, Default)]
pub struct Things {
    standing: Vec<(RecordId, Thing)>,
}

fn changes(owners: &[RecordId], thing: &Thing) -> Changes {
    let named = FIELDS.iter().zip(&thing.cells);
    let start = Changes::new().owner(owners[thing.owner]);
    named.fold(start, |changes, ((name, _), cell)| changes.set(*name, cell.value()))
}

impl Things {
    pub fn create(
        &mut self,
        transaction: &mut Transaction<'_>,
        owners: &[RecordId],
        thing: &Thing,
    ) -> Result<()> {
        let id = transaction.create_record(NAME, changes(owners, thing))?;
        self.standing.push((id, thing.clone()));
        Ok(())
    }

    pub fn change(
        &mut self,
        transaction: &mut Transaction<'_>,
        owners: &[RecordId],
        which: usize,
        thing: &Thing,
    ) -> Result<()> {
        if self.standing.is_empty() {
            return Ok(());
        }
        let place = which % self.standing.len();
        let (id, kept) = &mut self.standing[place];
        transaction.update_record(NAME, *id, changes(owners, thing))?;
        *kept = thing.clone();
        Ok(())
    }

    pub fn delete(&mut self, transaction: &mut Transaction<'_>, which: usize) -> Result<()> {
        if self.standing.is_empty() {
            return Ok(());
        }
        let (id, _) = self.standing.swap_remove(which % self.standing.len());
        transaction.delete_record(NAME, id)
    }

    /// Those that one owner has.
    pub fn of(&self, owner: usize) -> Self {
        let standing = self.standing.iter().filter(|(_, thing)| thing.owner == owner);
        Self { standing: standing.cloned().collect() }
    }

    /// How many things answer a question, and what they weigh in all, by kind and day.
    pub fn by_kind_and_day(&self, question: &Question) -> BTreeMap<String, (u64, Option<Decimal>)> {
        let mut groups: BTreeMap<String, (u64, Option<Decimal>)> = BTreeMap::new();
        for (_, thing) in self.standing.iter().filter(|(_, thing)| question.filter.is_met(thing)) {
            let group = format!("{:?}", [thing.cells[11].value(), thing.cells[6].value()]);
            let (count, sum) = groups.entry(group).or_default();
            *count += 1;
            if let Cell::Number(thousandths, _) = thing.cells[8] {
                let before = sum.map_or(0, |sum| sum.mantissa() * 10_i128.pow(3 - sum.scale()));
                *sum = Some(Decimal::new(before + i128::from(thousandths), 3).unwrap());
            }
        }
        groups
    }

    /// The things that answer a question, by kind and day.
    pub fn groups(&self, question: &Question) -> BTreeMap<String, Vec<Thing>> {
        let mut groups: BTreeMap<String, Vec<Thing>> = BTreeMap::new();
        for (_, thing) in self.standing.iter().filter(|(_, thing)| question.filter.is_met(thing)) {
            let group = format!("{:?}", [thing.cells[11].value(), thing.cells[6].value()]);
            groups.entry(group).or_default().push(thing.clone());
        }
        groups
    }

    /// The ids that answer a question, in order: filter each thing, then sort all of them.
    pub fn answer(&self, question: &Question) -> Vec<RecordId> {
        let met = self.standing.iter().filter(|(_, thing)| question.filter.is_met(thing));
        let mut rows: Vec<&(RecordId, Thing)> = met.collect();
        rows.sort_by(|(left_id, left), (right_id, right)| {
            let mut order = std::cmp::Ordering::Equal;
            for (field, falling) in &question.sort {
                let by = if question.in_words { compare_in_words } else { compare };
                let one = by(&left.cells[*field], &right.cells[*field]);
                order = order.then(if *falling { one.reverse() } else { one });
            }
            // Ids follow the direction of the last field.
            let by_id = left_id.cmp(right_id);
            let falling = question.sort.last().is_some_and(|(_, falling)| *falling);
            order.then(if falling { by_id.reverse() } else { by_id })
        });
        rows.into_iter().map(|(id, _)| *id).collect()
    }
}
