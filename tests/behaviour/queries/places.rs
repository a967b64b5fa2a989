//! Places within a distance: an index of cells finds those that looking at each of them by hand does.

use guanxi::base::{Decimal, Label};
use guanxi::engine::{Circle, Find};
use guanxi::model::Account;
use guanxi::schema::{EntityType, FieldType, IndexDefinition};
use guanxi::{Changes, Condition, RecordId, Value};
use guanxi_tests::database;
use proptest::collection::vec;
use proptest::prelude::*;

/// A place in thousandths of degrees.
type Place = (i32, i32);

fn degrees(thousandths: i32) -> Decimal {
    Decimal::new(thousandths.into(), 3).unwrap()
}

fn value((latitude, longitude): Place) -> Value {
    let parts = [("latitude", latitude), ("longitude", longitude)];
    Value::Map(parts.map(|(name, number)| (name.to_owned(), Value::Decimal(degrees(number)))).into())
}

/// The angle between two places in radians, by their vectors from the middle of the Earth.
fn angle(one: Place, other: Place) -> f64 {
    let vector = |(latitude, longitude): Place| {
        let (north, east) =
            ((f64::from(latitude) / 1000.0).to_radians(), (f64::from(longitude) / 1000.0).to_radians());
        [north.cos() * east.cos(), north.cos() * east.sin(), north.sin()]
    };
    let (one, other) = (vector(one), vector(other));
    let chord: f64 = one.iter().zip(other).map(|(left, right)| (left - right).powi(2)).sum();
    2.0 * (chord.sqrt() / 2.0).min(1.0).asin()
}

/// Places anywhere, near the poles, near the antimeridian, and near each other.
fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        2 => (-90_000..=90_000, -180_000..=180_000),
        1 => (89_900..=90_000, -180_000..=180_000),
        1 => (-90_000..=-89_900, -180_000..=180_000),
        2 => (-90_000..=90_000, 179_900..=180_000),
        2 => (-90_000..=90_000, -180_000..=-179_900),
        3 => (31_000..31_200, 121_300..121_700),
    ]
}

fn circle() -> impl Strategy<Value = (Place, u32)> {
    let metres = prop_oneof![Just(0_u32), 1_u32..2_000, 1_000_u32..60_000, 10_000_u32..20_015_115];
    (place(), metres)
}

fn play(places: &[Place], circles: &[(Place, u32)]) {
    let house = database();
    let label = || Label::new("位置", "Seat");
    house.admin.define_field(Account::NAME, "seat", label(), FieldType::GeoPoint, |_| ()).unwrap();
    let indexed = |field: &mut guanxi::schema::FieldDefinition| field.indexed = true;
    house.admin.define_field(Account::NAME, "spot", label(), FieldType::GeoPoint, indexed).unwrap();
    let mut made: Vec<(RecordId, Place)> = Vec::new();
    house
        .admin
        .write(|transaction| {
            made.clear();
            transaction.create_record(Account::NAME, Changes::new().set("name", "nowhere"))?;
            for place in places {
                let changes =
                    Changes::new().set("name", "a").set("x.seat", value(*place)).set("x.spot", value(*place));
                made.push((transaction.create_record(Account::NAME, changes)?, *place));
            }
            Ok(())
        })
        .unwrap();
    let by_seat = IndexDefinition::new("x", 0, "by_seat").rising("x.seat").rising("name");
    house.admin.define_index(Account::NAME, by_seat).unwrap();
    for (middle, metres) in circles {
        // What lies at the edge may fall on either side of it.
        let edge = f64::from(*metres);
        let distance = |place: Place| angle(*middle, place) * 6_371_008.8;
        let inside: Vec<RecordId> =
            made.iter().filter(|(_, place)| distance(*place) < edge - 0.5).map(|(id, _)| *id).collect();
        let around = Circle::around(degrees(middle.0), degrees(middle.1), *metres).unwrap();
        for field in ["x.seat", "x.spot"] {
            let filter = Condition::Near(field.into(), around);
            let find = Find { filter: filter.clone(), limit: 1000, ..Find::default() };
            let told = house.admin.explain(Account::NAME, &find).unwrap();
            assert!(!told.scan, "{told:?}");
            let found = house.admin.list(Account::NAME, &find).unwrap();
            let found: Vec<RecordId> = found.rows.iter().map(|row| row.record.id).collect();
            assert!(inside.iter().all(|id| found.contains(id)), "{middle:?} {metres}");
            let outside = |id: &RecordId| {
                let (_, place) = made.iter().find(|(known, _)| known == id).unwrap();
                distance(*place) > edge + 0.5
            };
            assert!(!found.iter().any(outside), "{middle:?} {metres}");
            // Two alternatives that both find it tell of it once.
            let twice = Condition::Any(vec![
                filter,
                Condition::All(vec![
                    Condition::Near(field.into(), around),
                    Condition::Not(Box::new(Condition::IsNull("name".into()))),
                ]),
            ]);
            let count = house.admin.count(Account::NAME, &twice).unwrap();
            assert_eq!(count, u64::try_from(found.len()).unwrap(), "{middle:?} {metres}");
        }
    }
    let _ = house.verified();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_index_of_cells_finds_every_place_in_a_circle(
        places in vec(place(), 1..24),
        circles in vec(circle(), 1..12),
    ) {
        play(&places, &circles);
    }
}

#[test]
fn the_poles_and_the_antimeridian_are_no_edges_of_a_circle() {
    let places = [
        (90_000, 0),
        (90_000, 135_000),
        (89_999, -90_000),
        (-90_000, 7_000),
        (0, 180_000),
        (0, -180_000),
        (1, 179_999),
    ];
    let circles: Vec<(Place, u32)> = places.iter().flat_map(|place| [(*place, 0), (*place, 500)]).collect();
    play(&places, &circles);
}
