//! Scores of leads by rules that are data, contact groups and preferences.

use guanxi::engine::{Action, Level, Ref};
use guanxi::model::contact_group::contact_group_member;
use guanxi::model::lead::Rating;
use guanxi::model::party_preference::{self, ContactChannel};
use guanxi::model::score::{self, ScoredBy, score_rule};
use guanxi::model::{
    Activity, ActivityKind, Contact, ContactGroup, ContactGroupMember, Lead, LeadStatus, PartyPreference,
    ScoreModel, ScoreRule, activity, contact, lead,
};
use guanxi::schema::{EntityType, RecordReference};
use guanxi::{Changes, Code, RecordId, Session, Value, api};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

/// A model with a rule on the lead and one on what was done with it.
struct World {
    house: House,
    model: RecordId,
    hot: RecordId,
}

fn rule(model: RecordId, of: ScoredBy, name: &str, condition: &str, points: i64) -> Changes {
    Changes::new()
        .set(score_rule::MODEL, model)
        .set(score_rule::OF, of)
        .set(score_rule::NAME, name)
        .set(score_rule::CONDITION, condition)
        .set(score_rule::POINTS, points)
}

fn world() -> World {
    let house = database();
    let model = Changes::new().set(score::NAME, "standard").set(score::ACTIVE, true);
    let model = house.create(ScoreModel::NAME, &model);
    let hot = house.create(ScoreRule::NAME, &rule(model, ScoredBy::Lead, "热线索", "rating == 'hot'", 50));
    let _ = house.create(ScoreRule::NAME, &rule(model, ScoredBy::Lead, "小预算", "city == '上海'", -5));
    let visits =
        rule(model, ScoredBy::Activity, "拜访", "kind == 'visit'", 10).set(score_rule::MOST_TIMES, 2);
    let _ = house.create(ScoreRule::NAME, &visits);
    World { house, model, hot }
}

impl World {
    fn lead(&self, owner: RecordId) -> RecordId {
        let changes = Changes::new().set(lead::NAME, "王先生").set(lead::CITY, "上海");
        self.house.create(Lead::NAME, &changes.owner(owner))
    }

    fn score(&self, id: RecordId) -> Value {
        self.house.admin.get(Lead::NAME, id).unwrap().value(lead::SCORE).unwrap()
    }

    fn visit(&self, id: RecordId) -> RecordId {
        let party = RecordReference::new(Lead::NAME, id);
        let visit = activity::with(ActivityKind::Visit, "拜访", party);
        self.house.admin.write(|transaction| transaction.create(visit.clone())).unwrap().id()
    }

    fn tick(&self) {
        while self.house.admin.tick(0).unwrap().done > 0 {}
    }
}

#[test]
fn a_score_is_the_sum_of_the_rules_that_a_lead_and_what_was_done_with_it_meet() {
    let world = world();
    let id = world.lead(world.house.admin.user());
    assert_eq!(world.score(id), Value::Int(-5));
    world.house.change(Lead::NAME, id, &Changes::new().set(lead::RATING, Rating::Hot));
    assert_eq!(world.score(id), Value::Int(45));
    // Nobody sets it by hand while a model is active.
    world.house.change(Lead::NAME, id, &Changes::new().set(lead::SCORE, 1_000));
    assert_eq!(world.score(id), Value::Int(45));
    let visits = [55, 65, 65].map(|expected| {
        let visit = world.visit(id);
        assert_eq!(world.score(id), Value::Int(expected));
        visit
    });
    // A call is no visit, and what is deleted counts no more.
    world.house.change(Activity::NAME, visits[0], &Changes::new().set(activity::KIND, ActivityKind::Call));
    assert_eq!(world.score(id), Value::Int(65));
    let delete = |visit| world.house.admin.write(|txn| txn.delete_record(Activity::NAME, visit));
    delete(visits[1]).unwrap();
    assert_eq!(world.score(id), Value::Int(55));
    // What is brought back counts again.
    let bring_back = |visit| world.house.admin.write(|txn| txn.undelete_record(Activity::NAME, visit));
    bring_back(visits[1]).unwrap();
    assert_eq!(world.score(id), Value::Int(65));
    delete(visits[1]).unwrap();
    assert_eq!(world.score(id), Value::Int(55));
    // What went to another lead counts there.
    let other = world.lead(world.house.admin.user());
    let moved = Changes::new().set(activity::REGARDING, RecordReference::new(Lead::NAME, other));
    world.house.change(Activity::NAME, visits[2], &moved);
    assert_eq!((world.score(id), world.score(other)), (Value::Int(45), Value::Int(5)));
}

#[test]
fn leads_that_stand_are_brought_to_a_model_that_changes_by_ticks() {
    let world = world();
    let leads: Vec<RecordId> = (0..3).map(|_| world.lead(world.house.admin.user())).collect();
    let over = world.lead(world.house.admin.user());
    let dead = Changes::new().set(lead::STATUS, LeadStatus::Dead).set(lead::REASON, "no need");
    world.house.change(Lead::NAME, over, &dead);
    world.tick();
    let _ = world
        .house
        .create(ScoreRule::NAME, &rule(world.model, ScoredBy::Lead, "任何线索", "name != null", 7));
    assert_eq!(world.score(leads[0]), Value::Int(-5));
    world.tick();
    for id in &leads {
        assert_eq!(world.score(*id), Value::Int(2));
    }
    // One at which nobody works any more keeps what it had.
    assert_eq!(world.score(over), Value::Int(-5));
    // A rule counts until it is switched off, and is deleted then.
    let delete = || world.house.admin.write(|txn| txn.delete_record(ScoreRule::NAME, world.hot));
    assert_eq!(refusal(delete()), Code::Referenced);
    world.house.change(ScoreRule::NAME, world.hot, &Changes::new().set(score_rule::ACTIVE, false));
    delete().unwrap();
    // A model that is switched off leaves scores as they are, and people set them.
    world.house.change(ScoreModel::NAME, world.model, &Changes::new().set(score::ACTIVE, false));
    world.tick();
    world.house.change(Lead::NAME, leads[0], &Changes::new().set(lead::SCORE, 99));
    assert_eq!(world.score(leads[0]), Value::Int(99));
    let second = Changes::new().set(score::NAME, "second").set(score::ACTIVE, true);
    let _ = world.house.create(ScoreModel::NAME, &second);
    let third = Changes::new().set(score::NAME, "third").set(score::ACTIVE, true);
    let third = world.house.admin.write(|txn| txn.create_record(ScoreModel::NAME, third.clone()));
    assert_eq!(refusal(third), Code::NotUnique);
}

#[test]
fn a_model_is_kept_by_who_administers_it_and_speaks_of_what_there_is() {
    let world = world();
    let director = world.house.user_as("director", "director");
    let create = |session: &Session, changes: Changes| {
        session.write(|transaction| transaction.create_record(ScoreRule::NAME, changes.clone()))
    };
    let any = |condition: &str, points| rule(world.model, ScoredBy::Lead, "r", condition, points);
    assert_eq!(refusal(create(&director, any("city != null", 1))), Code::NotPermitted);
    let admin = &world.house.admin;
    assert_eq!(refusal(create(admin, any("town != null", 1))), Code::InvalidExpression);
    assert_eq!(refusal(create(admin, any("city != null", 10_001))), Code::OutOfRange);
    let times = any("city != null", 1).set(score_rule::MOST_TIMES, 0);
    assert_eq!(refusal(create(admin, times)), Code::OutOfRange);
}

#[test]
fn who_asks_why_is_told_the_rules_whose_fields_they_see_and_the_rest_as_a_sum() {
    let world = world();
    let lin = world.house.user_as("lin", "salesperson");
    let id = world.lead(lin.user());
    world.house.change(Lead::NAME, id, &Changes::new().set(lead::RATING, Rating::Hot));
    let _ = world.visit(id);
    let told = |session: &Session| {
        let told = api::call(session, "lead.explain_score", &json!({"id": id.to_string()})).unwrap();
        let reasons = told["reasons"].as_array().unwrap().iter();
        let reasons: Vec<(String, i64)> = reasons
            .map(|reason| (reason["name"].as_str().unwrap().to_owned(), reason["points"].as_i64().unwrap()))
            .collect();
        (told["score"].as_i64(), reasons, told["others"].as_i64().unwrap())
    };
    let said = |names: &[(&str, i64)]| -> Vec<(String, i64)> {
        names.iter().map(|(name, points)| ((*name).to_owned(), *points)).collect()
    };
    let all = said(&[("热线索", 50), ("小预算", -5), ("拜访", 10)]);
    let mut whole = told(&world.house.admin);
    whole.1.sort();
    let mut all_sorted = all;
    all_sorted.sort();
    assert_eq!(whole, (Some(55), all_sorted, 0));
    // The visit is the administrator's, and so out of the salesperson's sight.
    let mut own = told(&lin);
    own.1.sort();
    let mut seen = said(&[("热线索", 50), ("小预算", -5)]);
    seen.sort();
    assert_eq!(own, (Some(55), seen, 10));
    let grants = [
        (Lead::NAME, Action::Read, Level::All),
        (ScoreModel::NAME, Action::Read, Level::All),
        (ScoreRule::NAME, Action::Read, Level::All),
    ];
    let poor = world.house.user("poor", &[world.house.role_hiding("poor", &grants, "rating")]);
    assert_eq!(told(&poor), (Some(55), said(&[("小预算", -5)]), 60));
    assert_eq!(
        refusal(
            world
                .house
                .user_as("zhao", "salesperson")
                .read(|reader| { Ref::<Lead>::new(id).explain_score(&reader) })
        ),
        Code::RecordNotFound
    );
}

#[test]
fn a_contact_stands_in_a_group_once_and_is_shown_there_to_who_sees_the_contact() {
    let house = database();
    let lin = house.user_as("lin", "salesperson");
    let own =
        |name: &str| house.create(Contact::NAME, &Changes::new().set(contact::NAME, name).owner(lin.user()));
    let (first, second) = (own("阿林"), own("小王"));
    let foreign = house.create(Contact::NAME, &Changes::new().set(contact::NAME, "别人"));
    let group = lin.write(|txn| txn.create_record(ContactGroup::NAME, Changes::new().set("name", "春节")));
    let group = group.unwrap();
    let add = |session: &Session, contact: RecordId| {
        let changes = Changes::new()
            .set(contact_group_member::GROUP, group)
            .set(contact_group_member::CONTACT, contact);
        session.write(|txn| txn.create_record(ContactGroupMember::NAME, changes.clone().owner(lin.user())))
    };
    let _ = add(&lin, first).unwrap();
    assert_eq!(refusal(add(&lin, first)), Code::NotUnique);
    assert_eq!(refusal(add(&lin, foreign)), Code::ReferenceMissing);
    let _ = add(&lin, second).unwrap();
    let _ = add(&house.admin, foreign).unwrap();
    let told = |session: &Session| {
        let given = json!({"id": group.to_string()});
        let told = api::call(session, "contact_group.contacts", &given).unwrap();
        told["rows"].as_array().unwrap().len()
    };
    assert_eq!((told(&lin), told(&house.admin)), (2, 3));
    house.admin.write(|txn| txn.delete_record(Contact::NAME, second)).unwrap();
    assert_eq!(told(&lin), 1);
    assert_eq!(
        refusal(house.user_as("zhao", "salesperson").contacts_of_group(group, 10, None)),
        Code::RecordNotFound
    );
}

#[test]
fn a_party_has_one_set_of_preferences_that_say_what_can_be() {
    let house = database();
    let person = house.create(Contact::NAME, &Changes::new().set(contact::NAME, "阿林"));
    let create = |changes: Changes| {
        let party = RecordReference::new(Contact::NAME, person);
        let changes = changes.set(party_preference::PARTY, party);
        house.admin.write(|txn| txn.create_record(PartyPreference::NAME, changes.clone()))
    };
    let hours = |from: i64, to: i64| {
        Changes::new().set(party_preference::FROM_HOUR, from).set(party_preference::TO_HOUR, to)
    };
    for (from, to) in [(-1, 5), (24, 24), (9, 25), (9, 9), (18, 9)] {
        assert_eq!(refusal(create(hours(from, to))), Code::OutOfRange, "{from} to {to}");
    }
    let both = Changes::new()
        .set(party_preference::CHANNEL, ContactChannel::Phone)
        .set(party_preference::NOT_BY, Value::List(vec!["phone".into()]));
    assert_eq!(refusal(create(both)), Code::InvalidArgument);
    assert_eq!(
        refusal(create(Changes::new().set(party_preference::LANGUAGE, "no language"))),
        Code::InvalidArgument
    );
    let whole = hours(9, 24)
        .set(party_preference::CHANNEL, ContactChannel::Messenger)
        .set(party_preference::NOT_BY, Value::List(vec!["phone".into(), "letter".into()]))
        .set(party_preference::LANGUAGE, "zh-Hans");
    let made = create(whole).unwrap();
    assert_eq!(refusal(create(hours(9, 10))), Code::NotUnique);
    house.admin.write(|txn| txn.delete_record(Contact::NAME, person)).unwrap();
    assert_eq!(refusal(house.admin.get(PartyPreference::NAME, made)), Code::RecordNotFound);
}
