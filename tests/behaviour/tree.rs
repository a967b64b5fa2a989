//! Trees of records: nobody is above itself, everybody knows who is at the top.

use std::collections::BTreeMap;

use guanxi::api::call;
use guanxi::base::{Label, MAX_TREE_DEPTH};
use guanxi::engine::{Action, Level};
use guanxi::model::Account;
use guanxi::schema::{EntityType, FieldType, OnDelete};
use guanxi::{Changes, Code, RecordId, Result, Value};
use guanxi_tests::{House, database, refusal};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

fn account(house: &House, parent: Option<RecordId>) -> RecordId {
    house.create(Account::NAME, &Changes::new().set("name", "加喜").set("parent", parent))
}

fn hang(house: &House, id: RecordId, parent: Option<RecordId>) -> Result<()> {
    let changes = Changes::new().set("parent", parent);
    house.admin.write(|transaction| transaction.update_record(Account::NAME, id, changes.clone())).map(drop)
}

fn top(house: &House, id: RecordId) -> Option<RecordId> {
    house.admin.get(Account::NAME, id).unwrap().value("ultimate_parent").unwrap().as_id()
}

#[test]
fn a_record_is_never_above_itself() {
    let house = database();
    let first = account(&house, None);
    let second = account(&house, Some(first));
    let third = account(&house, Some(second));
    for (id, parent) in [(first, first), (first, second), (first, third), (second, third)] {
        assert_eq!(refusal(hang(&house, id, Some(parent))), Code::TreeCycle);
    }
    assert_eq!(
        [top(&house, first), top(&house, second), top(&house, third)],
        [None, Some(first), Some(first)]
    );
}

#[test]
fn a_tree_has_so_many_levels_and_no_more() {
    let house = database();
    let mut last = account(&house, None);
    for _ in 0..MAX_TREE_DEPTH {
        last = account(&house, Some(last));
    }
    let changes = Changes::new().set("name", "one too many").set("parent", last);
    let refused = house.admin.write(|transaction| transaction.create_record(Account::NAME, changes.clone()));
    assert_eq!(refusal(refused), Code::LimitExceeded);
}

#[test]
fn nobody_sets_the_topmost_record_by_hand() {
    let house = database();
    let (first, second) = (account(&house, None), account(&house, None));
    let changes = Changes::new().set("ultimate_parent", first);
    let refused =
        house.admin.write(|transaction| transaction.update_record(Account::NAME, second, changes.clone()));
    assert_eq!(refusal(refused), Code::ReadOnlyField);
}

#[test]
fn who_moves_a_record_moves_what_is_below_it_whoever_it_belongs_to() {
    let house = database();
    let own = [("crm.account", Action::Read, Level::Own), ("crm.account", Action::Update, Level::Own)];
    let lin = house.user("lin", &[house.role("own", &own)]);
    let (group, branch, office) = (account(&house, None), account(&house, None), account(&house, None));
    for id in [group, branch] {
        house.change(Account::NAME, id, &Changes::new().owner(lin.user()));
    }
    hang(&house, office, Some(branch)).unwrap();
    let before = house.crm.head().unwrap().position;
    let changes = Changes::new().set("parent", group);
    lin.write(|transaction| transaction.update_record(Account::NAME, branch, changes.clone())).unwrap();
    assert_eq!(top(&house, office), Some(group));
    assert_eq!(house.crm.head().unwrap().position, before + 2);
    let version = &house.admin.history(Account::NAME, office, None, 1).unwrap().versions[0];
    assert_eq!((version.actor, version.changes.len()), (lin.user(), 1));
}

#[test]
fn a_tree_is_told_as_far_as_its_reader_sees() {
    let house = database();
    let own = [("crm.account", Action::Read, Level::Own)];
    let lin = house.user("lin", &[house.role("own", &own)]);
    let top = account(&house, None);
    let hidden = account(&house, Some(top));
    let middle = account(&house, Some(hidden));
    let below = account(&house, Some(middle));
    let secret = account(&house, Some(middle));
    let behind = account(&house, Some(secret));
    for id in [top, middle, below, behind] {
        house.change(Account::NAME, id, &Changes::new().owner(lin.user()));
    }
    let tree = lin.tree(Account::NAME, middle, None, 0).unwrap();
    assert!(tree.ancestors.is_empty());
    let told: Vec<_> =
        tree.descendants.iter().map(|node| (node.record.record.id, node.parent, node.depth)).collect();
    assert_eq!((told, tree.more), (vec![(below, middle, 1)], false));
    let whole = house.admin.tree(Account::NAME, middle, Some("parent"), 0).unwrap();
    let above: Vec<_> = whole.ancestors.iter().map(|listing| listing.record.id).collect();
    assert_eq!((above, whole.descendants.len()), (vec![hidden, top], 3));
    let given = json!({"entity": "account", "id": top.to_string(), "limit": 2});
    let told = call(&house.admin, "record.tree", &given).unwrap();
    assert_eq!((told["descendants"].as_array().unwrap().len(), &told["more"]), (2, &json!(true)));
    assert_eq!(told["descendants"][1]["depth"], 2);
    assert_eq!(refusal(house.admin.tree(Account::NAME, top, Some("name"), 0)), Code::WrongType);
    assert_eq!(refusal(house.admin.tree("contact", top, None, 0)), Code::WrongType);
    assert_eq!(refusal(lin.tree(Account::NAME, hidden, None, 0)), Code::RecordNotFound);
    let blind = house.user("blind", &[house.role_hiding("blind", &own, "parent")]);
    assert_eq!(refusal(blind.tree(Account::NAME, top, None, 0)), Code::WrongType);
}

#[test]
fn what_hung_below_a_deleted_record_stands_at_the_top_of_its_own_tree() {
    let house = database();
    let kind = FieldType::Reference { entity: Account::NAME.to_owned() };
    let adjust = |field: &mut guanxi::schema::FieldDefinition| {
        field.tree = true;
        field.on_delete = OnDelete::SetNull;
    };
    house.admin.define_field(Account::NAME, "holding", Label::new("控股", "Holding"), kind, adjust).unwrap();
    // The built-in tree holds the record above back.
    let first = account(&house, None);
    let second = account(&house, Some(first));
    let third = account(&house, Some(second));
    let delete = |id: RecordId| house.admin.write(|transaction| transaction.delete_record(Account::NAME, id));
    assert_eq!(refusal(delete(first)), Code::Referenced);
    hang(&house, second, None).unwrap();
    assert_eq!((top(&house, second), top(&house, third)), (None, Some(second)));
    delete(first).unwrap();
    // The customer's own lets go.
    house.change(Account::NAME, third, &Changes::new().set("parent", Value::Null).set("holding", second));
    delete(second).unwrap();
    assert_eq!(house.admin.get(Account::NAME, third).unwrap().value("holding").unwrap(), Value::Null);
    let _ = house.verified();
}

#[test]
fn a_tree_refers_to_its_own_entity_and_nothing_else() {
    let house = database();
    for (kind, target) in [("reference", "contact"), ("text", "account")] {
        let given = json!({
            "entity": "account", "name": "above", "field_type": kind, "target": target, "tree": true,
            "label_zh": "上级", "label_en": "Above",
        });
        let refused = call(&house.admin, "schema.define_field", &given);
        assert_eq!(refused.unwrap_err().code(), Code::InvalidDefinition, "{kind} {target}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        max_shrink_iters: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn after_any_moves_everybody_has_the_topmost_record_that_a_walk_by_hand_finds(
        moves in vec((0_usize..8, prop_oneof![1 => Just(None), 5 => (0_usize..8).prop_map(Some)]), 1..24)
    ) {
        let house = database();
        let ids: Vec<RecordId> = (0..8).map(|_| account(&house, None)).collect();
        let mut parents: BTreeMap<usize, usize> = BTreeMap::new();
        for (child, parent) in moves {
            let circle = parent.is_some_and(|parent| walk(&parents, parent).contains(&child));
            let moved = hang(&house, ids[child], parent.map(|parent| ids[parent]));
            if circle {
                prop_assert_eq!(refusal(moved), Code::TreeCycle);
                continue;
            }
            moved.unwrap();
            match parent {
                Some(parent) => drop(parents.insert(child, parent)),
                None => drop(parents.remove(&child)),
            }
        }
        for index in 0..ids.len() {
            let walked = walk(&parents, index);
            let expected = walked.last().filter(|top| **top != index).map(|top| ids[*top]);
            prop_assert_eq!(top(&house, ids[index]), expected);
        }
        let _ = house.verified();
    }
}

/// A record and everything above it.
fn walk(parents: &BTreeMap<usize, usize>, from: usize) -> Vec<usize> {
    let mut passed = vec![from];
    while let Some(parent) = parents.get(passed.last().unwrap()) {
        passed.push(*parent);
    }
    passed
}
