//! Lists, counts and pages: random records and questions against filtering and sorting by hand.

mod bulk;
mod bulk_create;
mod hidden;
mod indexes;
mod instructions;
mod oracle;
mod paths;
mod places;
mod ranges;
mod referring;
mod relating;
mod removal;
mod things;
mod unions;
mod whole_references;

pub(super) use self::things::Shelf;

use guanxi::engine::{CountSource, Find, Reader, Session, Total};
use guanxi::features::reports::{Figure, GroupBy, Measure, Report};
use guanxi::{RecordId, Result};
use guanxi_tests::House;
use proptest::collection::vec;
use proptest::prelude::*;

use oracle::{Question, question};
use things::{Thing, Things, thing};

/// What happens to a thing inside of the transaction.
#[derive(Debug, Clone)]
enum Step {
    Create(Thing),
    Change(usize, Thing),
    Delete(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => thing().prop_map(Step::Create),
        3 => (any::<usize>(), thing()).prop_map(|(which, thing)| Step::Change(which, thing)),
        2 => any::<usize>().prop_map(Step::Delete),
    ]
}

/// All pages, one after the other.
fn pages(reader: &Reader<'_>, question: &Question, limit: usize) -> Result<Vec<RecordId>> {
    let (filter, collation) = (question.filter.condition(), question.collation());
    let mut find = Find { filter, sort: question.order(), collation, limit, ..Find::default() };
    let mut ids = Vec::new();
    loop {
        let page = reader.find(things::NAME, &find)?;
        assert!(page.rows.len() <= limit, "a page holds at most its limit");
        assert!(page.next.is_none() || page.rows.len() == limit, "only the last page is short");
        ids.extend(page.rows.iter().map(|row| row.record.id));
        match page.next {
            Some(next) => find.after = Some(next),
            None => return Ok(ids),
        }
    }
}

fn check(reader: &Reader<'_>, things: &Things, questions: &[(Question, usize)]) {
    for (question, limit) in questions {
        let expected = things.answer(question);
        assert_eq!(pages(reader, question, *limit).unwrap(), expected, "{question:?}");
        let count = reader.count(things::NAME, &question.filter.condition()).unwrap();
        assert_eq!(count, u64::try_from(expected.len()).unwrap());
        let few = reader.count_up_to(things::NAME, &question.filter.condition(), Total::Bounded(3)).unwrap();
        let is_bounded = few.source != CountSource::Counters && count > 3;
        assert_eq!((few.count, few.more), (if is_bounded { 3 } else { count }, is_bounded));
        let mut scanned = Vec::new();
        let condition = question.filter.condition();
        let mut visit = |row: guanxi::engine::Listing| {
            scanned.push(row.record.id);
            Ok(())
        };
        reader.scan(things::NAME, &condition, &mut visit).unwrap();
        scanned.sort_unstable();
        let mut sorted = expected.clone();
        sorted.sort_unstable();
        assert_eq!(scanned, sorted);
    }
}

fn check_session(session: &Session, things: &Things, questions: &[(Question, usize)]) {
    session
        .read(|reader| {
            check(&reader, things, questions);
            Ok(())
        })
        .unwrap();
    for (question, _) in questions {
        check_report(session, things, question);
        check_ends(session, things, question);
    }
}

/// Counts, sums and means by kind and day: from counters where the condition lets them, else from the records.
fn check_report(session: &Session, things: &Things, question: &Question) {
    let group = |name: &str| GroupBy { path: vec![name.into()], bucket: None };
    let report = Report {
        entity: things::NAME.to_owned(),
        filter: question.filter.condition(),
        group_by: vec![group("kind"), group("since")],
        measures: vec![Measure::Count, Measure::Sum("weight".into())],
    };
    let table = session.report(&report).unwrap();
    let mut expected = things.by_kind_and_day(question);
    assert_eq!(table.rows.len(), expected.len(), "{question:?}");
    for row in table.rows {
        let (count, sum) = expected.remove(&format!("{:?}", row.group)).unwrap();
        assert_eq!(row.figures.first(), Some(&Figure::Count(count)), "{question:?}");
        let sum = sum.map_or(Figure::Nothing, |sum| Figure::Number(sum.normalized()));
        assert_eq!(row.figures.get(1), Some(&sum), "{question:?}");
    }
}

/// What lies furthest, and how many values there are, by kind and day: of fields that a counter tells apart, and of
/// others.
fn check_ends(session: &Session, things: &Things, question: &Question) {
    let group = |name: &str| GroupBy { path: vec![name.into()], bucket: None };
    let number = |number: Option<i64>| number.map_or(Figure::Nothing, |number| Figure::Number(number.into()));
    let of_ranks = vec![
        Measure::Least("rank".into()),
        Measure::Greatest("rank".into()),
        Measure::Distinct("size".into()),
        Measure::Distinct("marks".into()),
    ];
    let of_counters = vec![Measure::Distinct("ready".into()), Measure::Greatest("since".into())];
    for (measures, counted) in [(of_ranks, false), (of_counters, true)] {
        let report = Report {
            entity: things::NAME.to_owned(),
            filter: question.filter.condition(),
            group_by: vec![group("kind"), group("since")],
            measures,
        };
        let mut groups = things.groups(question);
        for row in session.report(&report).unwrap().rows {
            let ends = things::ends(&groups.remove(&format!("{:?}", row.group)).unwrap());
            let expected = if counted {
                let day = ends.day.map_or(Figure::Nothing, Figure::Value);
                vec![Figure::Count(ends.flags), day]
            } else {
                let counts = [ends.sizes, ends.marks].map(Figure::Count);
                [vec![number(ends.least), number(ends.greatest)], counts.to_vec()].concat()
            };
            assert_eq!(row.figures, expected, "{question:?}");
        }
        assert!(groups.is_empty(), "{question:?}");
    }
}

fn play(before: Vec<Thing>, steps: Vec<Step>, questions: &[(Question, usize)]) {
    let house = House::with(|options| options.extension(std::sync::Arc::new(things::Shelf)));
    things::make_targets(&house);
    let one = house.user_as("one", "salesperson");
    let owners = [house.admin.user(), one.user(), house.user("two", &[]).user()];
    let mut things = Things::default();
    house
        .admin
        .write(|transaction| {
            things = Things::default();
            before.iter().try_for_each(|thing| things.create(transaction, &owners, thing))
        })
        .unwrap();
    check_session(&house.admin, &things, questions);
    check_session(&one, &things.of(1), questions);
    // The owner of the last thing may be new to the database, and so may the access class.
    let late = [owners[0], owners[1], house.user("late", &[]).user()];
    let mut transaction = house.admin.begin(guanxi::WriteOptions::default()).unwrap();
    for step in steps {
        match step {
            Step::Create(thing) => things.create(&mut transaction, &late, &thing).unwrap(),
            Step::Change(which, thing) => things.change(&mut transaction, &late, which, &thing).unwrap(),
            Step::Delete(which) => things.delete(&mut transaction, which).unwrap(),
        }
        check(&transaction.reader(), &things, questions);
    }
    transaction.commit().unwrap();
    check_session(&house.admin, &things, questions);
    check_session(&one, &things.of(1), questions);
    let _ = house.verified();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 32,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn pages_one_after_the_other_are_the_list_filtered_and_sorted_by_hand(
        before in vec(thing(), 0..24),
        steps in vec(step(), 0..8),
        questions in vec((question(), 1_usize..8), 1..7),
    ) {
        play(before, steps, &questions);
    }
}

#[test]
fn more_rows_than_one_read_of_the_index_come_in_order_from_many_owners() {
    let house = House::with(|options| options.extension(std::sync::Arc::new(things::Shelf)));
    let mut owners = vec![house.admin.user()];
    owners.extend((0..4).map(|number| house.user(&format!("user {number}"), &[]).user()));
    let mut things = Things::default();
    let made = house.admin.write(|transaction| {
        things = Things::default();
        (0..400).try_for_each(|number| things.create(transaction, &owners, &things::numbered(number)))
    });
    made.unwrap();
    let questions: Vec<(Question, usize)> = oracle::plain_questions()
        .into_iter()
        .flat_map(|question| [(question.clone(), 37), (question, 400)])
        .collect();
    check_session(&house.admin, &things, &questions);
}
