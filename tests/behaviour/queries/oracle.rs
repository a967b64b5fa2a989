//! Questions, and their answers by hand: one thing, one condition, one comparison at a time.

use std::cmp::Ordering;

use guanxi::base::Collation;
use guanxi::engine::{Comparison, Direction, FieldSelector, Filter, Stated};
use guanxi::{Condition, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::things::{CODES, Cell, FIELDS, TEXTS, Thing, codes_of, compared, target};

/// A condition by hand.
#[derive(Debug, Clone)]
pub enum Test {
    Everything,
    All(Vec<Test>),
    Any(Vec<Test>),
    Not(Box<Test>),
    Compare(usize, Comparison, Cell),
    In(usize, Vec<Cell>),
    IsNull(usize),
    /// The same as an expression, of which true, false and unknown are told apart.
    Stated(Box<Test>),
}

/// What is asked: a condition, and fields with whether they fall.
#[derive(Debug, Clone)]
pub struct Question {
    pub filter: Test,
    pub sort: Vec<(usize, bool)>,
    /// Whether texts are sorted as a dictionary does.
    pub in_words: bool,
}

fn comparison() -> impl Strategy<Value = Test> {
    (0..FIELDS.len()).prop_flat_map(|field| {
        let ordered = vec![
            Comparison::Equal,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ];
        let (name, _) = FIELDS[field];
        let comparisons = match name {
            "name" | "remark" => [ordered, vec![Comparison::Contains, Comparison::StartsWith]].concat(),
            "marks" | "signs" => vec![Comparison::Equal, Comparison::GreaterOrEqual],
            "about" | "topic" => vec![Comparison::Equal],
            _ => ordered,
        };
        (select(comparisons), compared(name)).prop_map(move |(how, cell)| Test::Compare(field, how, cell))
    })
}

fn condition() -> impl Strategy<Value = Test> {
    let leaf = prop_oneof![
        1 => Just(Test::Everything),
        6 => comparison(),
        2 => several(),
        1 => (0..FIELDS.len()).prop_map(Test::IsNull),
        2 => stated(),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Test::All),
            vec(inner.clone(), 0..3).prop_map(Test::Any),
            inner.prop_map(|inner| Test::Not(Box::new(inner))),
        ]
    })
}

/// Any question; some are of the shape of a declared index, read forwards or backwards.
pub fn question() -> impl Strategy<Value = Question> {
    let any_sort = vec((0..FIELDS.len(), any::<bool>()), 0..3);
    let shaped = (select(SHAPES.to_vec()), any::<bool>(), 0_usize..4).prop_map(|(shape, turned, from)| {
        shape.iter().skip(from).map(|(field, falling)| (*field, *falling != turned)).collect()
    });
    let fixed = prop_oneof![
        1 => Just(Test::Everything),
        2 => comparison(),
        2 => several(),
        1 => (several(), several(), comparison()).prop_map(|(one, other, third)| Test::All(vec![one, other, third])),
        1 => condition(),
        2 => stated(),
    ];
    let all = prop_oneof![2 => (condition(), any_sort), 3 => (fixed, shaped)];
    (all, any::<bool>()).prop_map(|((filter, sort), in_words)| Question { filter, sort, in_words })
}

/// The fields of the declared indexes, with those that fall.
const SHAPES: [&[(usize, bool)]; 8] = [
    &[(11, false), (2, true)],
    &[(10, false), (4, true), (6, false)],
    &[(0, true), (8, false), (9, true)],
    &[(2, false)],
    &[(12, false)],
    &[(11, false), (0, false), (2, true)],
    &[(14, false)],
    &[(15, true), (2, false)],
];

/// A field of a declared index, fixed to one value or several.
fn several() -> impl Strategy<Value = Test> {
    select(vec![0_usize, 2, 4, 6, 10, 11, 12, 13, 14, 15]).prop_flat_map(|field| {
        vec(compared(FIELDS[field].0), 0..4).prop_map(move |cells| Test::In(field, cells))
    })
}

/// A condition as an expression, over the fields whose values have literals.
fn stated() -> impl Strategy<Value = Test> {
    let compared = select(vec![2_usize, 3, 6, 8, 10, 11, 14, 15]).prop_flat_map(|field| {
        let ordered =
            vec![Comparison::Less, Comparison::LessOrEqual, Comparison::Greater, Comparison::GreaterOrEqual];
        let equal = vec![Comparison::Equal];
        let how = if field < 10 { [ordered, equal].concat() } else { equal };
        let plain = compared(FIELDS[field].0).prop_filter("a literal", |cell| literal(cell).is_some());
        (select(how), plain).prop_map(move |(how, cell)| Test::Compare(field, how, cell))
    });
    let leaf = prop_oneof![5 => compared, 1 => select(vec![2_usize, 6, 8, 14]).prop_map(Test::IsNull)];
    let whole = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            2 => vec(inner.clone(), 1..3).prop_map(Test::All),
            1 => vec(inner.clone(), 1..3).prop_map(Test::Any),
            1 => inner.prop_map(|inner| Test::Not(Box::new(inner))),
        ]
    });
    whole.prop_map(|test| Test::Stated(Box::new(test)))
}

/// A cell as an expression writes it.
fn literal(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Int(number) if number.unsigned_abs() < 1_000 => Some(number.to_string()),
        Cell::Day(_) | Cell::Code(_) => match (cell, cell.value()) {
            (Cell::Day(_), Value::Date(day)) => Some(format!("date('{day}')")),
            (_, value) => Some(format!("'{}'", value.as_text()?)),
        },
        Cell::Number(..) => match cell.value() {
            Value::Decimal(number) => Some(number.to_string()).filter(|text| text.contains('.')),
            _ => None,
        },
        Cell::Bool(flag) => Some(flag.to_string()),
        // Which records there are is known when the question is asked.
        Cell::Refers(..) => Some(String::new()),
        _ => None,
    }
}

/// Questions that read an index from end to end, or every record.
pub fn plain_questions() -> Vec<Question> {
    let sorts =
        [vec![], vec![(2, false)], vec![(2, true)], vec![(3, true)], vec![(0, false)], vec![(4, true)]];
    let filters = [
        Test::Everything,
        Test::Compare(2, Comparison::Equal, Cell::Int(31)),
        Test::Compare(10, Comparison::Equal, Cell::Bool(true)),
        Test::Compare(3, Comparison::GreaterOrEqual, Cell::Int(11)),
    ];
    let pairs = filters.iter().flat_map(|filter| sorts.iter().map(move |sort| (filter, sort)));
    pairs
        .map(|(filter, sort)| Question { filter: filter.clone(), sort: sort.clone(), in_words: false })
        .collect()
}

impl Question {
    /// How texts sort, as it is sent.
    pub fn collation(&self) -> Collation {
        if self.in_words { Collation::Pinyin } else { Collation::CodePoint }
    }

    /// The order as it is sent.
    pub fn order(&self) -> Vec<(FieldSelector, Direction)> {
        let direction = |falling: &bool| if *falling { Direction::Descending } else { Direction::Ascending };
        self.sort.iter().map(|(field, falling)| (FIELDS[*field].0.into(), direction(falling))).collect()
    }
}

impl Test {
    /// The condition as an expression.
    fn source(&self) -> String {
        let joined = |parts: &[Self], sign: &str| {
            let parts: Vec<String> = parts.iter().map(|part| format!("({})", part.source())).collect();
            parts.join(sign)
        };
        match self {
            Self::All(parts) => joined(parts, " && "),
            Self::Any(parts) => joined(parts, " || "),
            Self::Not(inner) => format!("!({})", inner.source()),
            Self::IsNull(field) => format!("{} == null", FIELDS[*field].0),
            Self::Compare(field, how, cell) => {
                let sign = match how {
                    Comparison::Less => "<",
                    Comparison::LessOrEqual => "<=",
                    Comparison::Greater => ">",
                    Comparison::GreaterOrEqual => ">=",
                    _ => "==",
                };
                let said = match cell {
                    Cell::Refers(place, right) => {
                        let (entity, id) = target(*place, *right);
                        format!("reference('{entity}', '{id}')")
                    }
                    cell => literal(cell).unwrap(),
                };
                format!("{} {sign} {said}", FIELDS[*field].0)
            }
            other => panic!("{other:?} is not said as an expression"),
        }
    }

    /// Whether an expression is true of a thing, as SQL has it; nothing where that is unknown.
    fn truth(&self, thing: &Thing) -> Option<bool> {
        match self {
            Self::All(parts) => {
                let truths: Vec<Option<bool>> = parts.iter().map(|part| part.truth(thing)).collect();
                let unknown = truths.contains(&None);
                if truths.contains(&Some(false)) { Some(false) } else { (!unknown).then_some(true) }
            }
            Self::Any(parts) => {
                let truths: Vec<Option<bool>> = parts.iter().map(|part| part.truth(thing)).collect();
                let unknown = truths.contains(&None);
                if truths.contains(&Some(true)) { Some(true) } else { (!unknown).then_some(false) }
            }
            Self::Not(inner) => inner.truth(thing).map(|held| !held),
            Self::Compare(field, how, _)
                if *how != Comparison::Equal && thing.cells[*field] == Cell::Null =>
            {
                None
            }
            plain => Some(plain.is_met(thing)),
        }
    }

    /// The condition as it is sent.
    pub fn condition(&self) -> Condition {
        let all = |parts: &[Self]| parts.iter().map(Self::condition).collect();
        match self {
            Self::Everything => Filter::Everything,
            Self::All(parts) => Filter::All(all(parts)),
            Self::Any(parts) => Filter::Any(all(parts)),
            Self::Not(inner) => Filter::Not(Box::new(inner.condition())),
            Self::Compare(field, how, cell) => Filter::Compare(FIELDS[*field].0.into(), *how, cell.value()),
            Self::In(field, cells) => {
                Filter::In(FIELDS[*field].0.into(), cells.iter().map(Cell::value).collect())
            }
            Self::IsNull(field) => Filter::IsNull(FIELDS[*field].0.into()),
            Self::Stated(inner) => Filter::Holds(Stated::new(&inner.source())),
        }
    }

    /// Whether a thing meets the condition.
    pub fn is_met(&self, thing: &Thing) -> bool {
        match self {
            Self::Everything => true,
            Self::All(parts) => parts.iter().all(|part| part.is_met(thing)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met(thing)),
            Self::Not(inner) => !inner.is_met(thing),
            Self::Stated(inner) => inner.truth(thing) == Some(true),
            Self::IsNull(field) => thing.cells[*field] == Cell::Null,
            Self::In(field, cells) => {
                cells.iter().any(|wanted| holds(&thing.cells[*field], Comparison::Equal, wanted))
            }
            Self::Compare(field, how, wanted) => holds(&thing.cells[*field], *how, wanted),
        }
    }
}

/// Nothing compares with nothing, and amounts of two currencies do not compare.
fn holds(cell: &Cell, how: Comparison, wanted: &Cell) -> bool {
    if let (Cell::Money(_, one, _), Cell::Money(_, other, _)) = (cell, wanted)
        && one != other
    {
        return false;
    }
    if let (Cell::Codes(bits), Cell::Code(wanted)) = (cell, wanted) {
        return codes_of(*bits).any(|code| match how {
            Comparison::Equal => code == CODES[*wanted],
            _ => code >= CODES[*wanted],
        });
    }
    let order = compare(cell, wanted);
    match (cell, wanted, how) {
        (Cell::Null, ..) => false,
        (Cell::Text(text), Cell::Text(part), Comparison::Contains) => TEXTS[*text].1.contains(TEXTS[*part].1),
        (Cell::Text(text), Cell::Text(part), Comparison::StartsWith) => {
            TEXTS[*text].1.starts_with(TEXTS[*part].1)
        }
        (_, _, Comparison::Equal) => order.is_eq(),
        (_, _, Comparison::Less) => order.is_lt(),
        (_, _, Comparison::LessOrEqual) => order.is_le(),
        (_, _, Comparison::Greater) => order.is_gt(),
        (_, _, Comparison::GreaterOrEqual) => order.is_ge(),
        _ => false,
    }
}

/// The order of two cells of one field: nothing first, amounts by currency and then amount.
pub fn compare(left: &Cell, right: &Cell) -> Ordering {
    match (left, right) {
        (Cell::Null, Cell::Null) => Ordering::Equal,
        (Cell::Null, _) => Ordering::Less,
        (_, Cell::Null) => Ordering::Greater,
        (Cell::Text(left), Cell::Text(right)) => TEXTS[*left].1.cmp(TEXTS[*right].1),
        (Cell::Code(left), Cell::Code(right)) => CODES[*left].cmp(CODES[*right]),
        (Cell::Codes(left), Cell::Codes(right)) => codes_of(*left).cmp(codes_of(*right)),
        (Cell::Int(left), Cell::Int(right)) => left.cmp(right),
        (Cell::Day(left), Cell::Day(right)) => left.cmp(right),
        (Cell::Bool(left), Cell::Bool(right)) => left.cmp(right),
        (Cell::Number(left, _), Cell::Number(right, _)) => left.cmp(right),
        (Cell::Refers(left, left_right), Cell::Refers(right, right_right)) => {
            target(*left, *left_right).cmp(&target(*right, *right_right))
        }
        // CNY comes before USD.
        (Cell::Money(left, left_yuan, _), Cell::Money(right, right_yuan, _)) => {
            right_yuan.cmp(left_yuan).then(left.cmp(right))
        }
        _ => panic!("cells of one field are of one kind"),
    }
}

/// The order of two cells of one field, texts by a dictionary and codes by their letters.
pub fn compare_in_words(left: &Cell, right: &Cell) -> Ordering {
    match (left, right) {
        (Cell::Text(left), Cell::Text(right)) => TEXTS[*left].2.cmp(&TEXTS[*right].2),
        _ => compare(left, right),
    }
}
