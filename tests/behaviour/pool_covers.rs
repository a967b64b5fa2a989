//! What pools hide until the claim, and how many of their records one opens in a day.

use guanxi::engine::Action;
use guanxi::engine::{Find, Level, Pool, PoolMember, pool, pool_member};
use guanxi::model::{Account, Lead, account, lead};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, Session, Value, api};
use guanxi_tests::{House, database, refusal};
use serde_json::json;

const PHONE: &str = "13800138000";
const MASK: &str = "+86138****8000";
const DAY: i64 = 86_400_000_000;

/// A pool with two members that hides e-mail addresses and masks phone numbers, two leads in it, and one of a member's.
struct World {
    house: House,
    pool: RecordId,
    lin: Session,
    wang: Session,
    pooled: [RecordId; 2],
    own: RecordId,
}

fn world(adjust: &dyn Fn(Changes) -> Changes) -> World {
    let house = database();
    let [lin, wang] = ["lin", "wang"].map(|name| house.user_as(name, "salesperson"));
    let pool = Changes::new()
        .set(pool::NAME, "公海")
        .set(pool::HIDDEN_FIELDS, "email")
        .set(pool::MASKED_FIELDS, "phone");
    let pool = house.create(Pool::NAME, &adjust(pool));
    for member in [&lin, &wang] {
        let changes = Changes::new().set(pool_member::POOL, pool).set(pool_member::USER, member.user());
        let _ = house.create(PoolMember::NAME, &changes);
    }
    let lead = |name: &str, owner: RecordId| {
        let changes = Changes::new()
            .set(lead::NAME, name)
            .set(lead::PHONE, PHONE)
            .set(lead::EMAIL, "wang@jiaxi.cn")
            .set(lead::CITY, "上海");
        house.create(Lead::NAME, &changes.owner(owner))
    };
    let (pooled, own) = ([lead("王先生", pool), lead("李女士", pool)], lead("赵先生", lin.user()));
    World { house, pool, lin, wang, pooled, own }
}

fn seen(session: &Session, id: RecordId, field: &str) -> Option<String> {
    let row = session.get(Lead::NAME, id).unwrap();
    row.value(field).unwrap().as_text().map(str::to_owned)
}

fn listed(session: &Session, id: RecordId, field: &str) -> Option<String> {
    let page = session.list(Lead::NAME, &Find { limit: 100, ..Find::default() }).unwrap();
    let row = page.rows.iter().find(|row| row.record.id == id).unwrap();
    row.value(field).unwrap().as_text().map(str::to_owned)
}

#[test]
fn what_a_pool_hides_is_seen_by_who_claims_the_record_and_by_no_other_member() {
    let world = world(&|changes| changes);
    let [first, second] = world.pooled;
    for read in [seen, listed] {
        assert_eq!(read(&world.lin, first, "phone").as_deref(), Some(MASK));
        assert_eq!(read(&world.lin, first, "email"), None);
        assert_eq!(read(&world.lin, first, "city").as_deref(), Some("上海"));
        // One's own, and what the administrator keeps, are as they are.
        assert_eq!(read(&world.lin, world.own, "phone").as_deref(), Some("+8613800138000"));
        assert_eq!(read(&world.house.admin, first, "email").as_deref(), Some("wang@jiaxi.cn"));
    }
    world.lin.claim(Lead::NAME, first).unwrap();
    for read in [seen, listed] {
        assert_eq!(read(&world.lin, first, "phone").as_deref(), Some("+8613800138000"));
        assert_eq!(read(&world.lin, first, "email").as_deref(), Some("wang@jiaxi.cn"));
        assert_eq!(read(&world.lin, second, "phone").as_deref(), Some(MASK));
    }
    assert_eq!(refusal(world.wang.get(Lead::NAME, first)), Code::RecordNotFound);
    world.lin.release(Lead::NAME, first, world.pool).unwrap();
    assert_eq!(seen(&world.lin, first, "phone").as_deref(), Some(MASK));
}

#[test]
fn nobody_learns_what_a_pool_hides_by_asking() {
    let world = world(&|changes| changes);
    for field in ["phone", "email"] {
        let value = if field == "phone" { PHONE } else { "wang@jiaxi.cn" };
        let is = Condition::Compare(field.into(), guanxi::engine::Comparison::Equal, value.into());
        let sorted =
            Find { sort: vec![(field.into(), guanxi::engine::Direction::Ascending)], ..Find::default() };
        let filtered = Find { filter: is.clone(), ..Find::default() };
        assert_eq!(refusal(world.lin.list(Lead::NAME, &filtered)), Code::FieldNotPermitted, "{field}");
        assert_eq!(refusal(world.lin.list(Lead::NAME, &sorted)), Code::FieldNotPermitted);
        assert_eq!(refusal(world.lin.count(Lead::NAME, &is)), Code::FieldNotPermitted);
        assert_eq!(world.house.admin.count(Lead::NAME, &is).unwrap(), 3);
    }
    // A search finds nothing by it, in any written form.
    for text in [PHONE, "8000", "wang@jiaxi.cn"] {
        let found = world.wang.search(text, None, 10, 0).unwrap();
        assert_eq!(found.total, 0, "{text}");
    }
    assert_eq!(world.wang.search("王先生", None, 10, 0).unwrap().total, 1);
    // Nor is it in an export, a change that is looked back at, or a count by values.
    let exported = api::call(&world.wang, "record.list", &json!({"entity": "lead"})).unwrap().to_string();
    assert!(!exported.contains("13800138000") && !exported.contains("wang@jiaxi.cn"));
    let asked = json!({"entity": "lead", "group_by": ["phone"], "measures": ["count"]});
    assert_eq!(refusal(api::call(&world.wang, "report.run", &asked)), Code::FieldNotPermitted);
    let given = json!({"entity": "lead", "id": world.pooled[0].to_string()});
    let history = api::call(&world.wang, "record.history", &given).unwrap().to_string();
    assert!(!history.contains("13800138000") && !history.contains("wang@jiaxi.cn"));
}

#[test]
fn whose_roles_reach_further_sees_it_no_sooner_and_who_is_no_member_sees_nothing() {
    let world = world(&|changes| changes);
    let director = world.house.user_as("director", "director");
    assert_eq!(seen(&director, world.pooled[0], "phone").as_deref(), Some(MASK));
    assert_eq!(seen(&director, world.own, "phone").as_deref(), Some("+8613800138000"));
    let outsider = world.house.user_as("zhao", "salesperson");
    assert_eq!(refusal(outsider.get(Lead::NAME, world.pooled[0])), Code::RecordNotFound);
    // For an outsider nothing is hidden, so that their own leads are found by phone.
    let is = Condition::Compare("phone".into(), guanxi::engine::Comparison::Equal, PHONE.into());
    assert_eq!(outsider.count(Lead::NAME, &is).unwrap(), 0);
    // What a role hides stays hidden after the claim.
    let reads = [(Lead::NAME, Action::Read, Level::Own), (Lead::NAME, Action::Update, Level::Own)];
    let poor = world.house.user("poor", &[world.house.role_hiding("poor", &reads, "phone")]);
    let changes = Changes::new().set(pool_member::POOL, world.pool).set(pool_member::USER, poor.user());
    let _ = world.house.create(PoolMember::NAME, &changes);
    poor.claim(Lead::NAME, world.pooled[0]).unwrap();
    let row = poor.get(Lead::NAME, world.pooled[0]).unwrap();
    assert!(row.value("phone").unwrap().is_null());
    assert_eq!(row.value("email").unwrap().as_text(), Some("wang@jiaxi.cn"));
}

#[test]
fn a_pool_names_fields_that_there_are_and_hides_those_of_every_kind_that_it_owns() {
    let world = world(&|changes| changes);
    let change = |changes: Changes| {
        world
            .house
            .admin
            .write(|transaction| transaction.update_record(Pool::NAME, world.pool, changes.clone()))
    };
    assert_eq!(refusal(change(Changes::new().set(pool::HIDDEN_FIELDS, "email, fone"))), Code::UnknownField);
    assert_eq!(refusal(change(Changes::new().set(pool::VIEWS_PER_DAY, 0))), Code::OutOfRange);
    let account =
        Changes::new().set(account::NAME, "加喜").set(account::EMAIL, "hello@jiaxi.cn").owner(world.pool);
    let account = world.house.create(Account::NAME, &account);
    let row = world.lin.get(Account::NAME, account).unwrap();
    assert!(row.value("email").unwrap().is_null());
    // What the pool no longer hides is there at once.
    change(Changes::new().set(pool::HIDDEN_FIELDS, Value::Null).set(pool::MASKED_FIELDS, Value::Null))
        .unwrap();
    let row = world.lin.get(Account::NAME, account).unwrap();
    assert_eq!(row.value("email").unwrap().as_text(), Some("hello@jiaxi.cn"));
}

#[test]
fn a_person_opens_as_many_records_of_a_pool_in_a_day_as_it_lets_them() {
    let world = world(&|changes| changes.set(pool::VIEWS_PER_DAY, 1));
    let [first, second] = world.pooled;
    let opens = |session: &Session, id: RecordId| session.get(Lead::NAME, id).map(drop);
    for _ in 0..3 {
        opens(&world.lin, first).unwrap();
    }
    for _ in 0..2 {
        assert_eq!(refusal(opens(&world.lin, second)), Code::PoolViews);
        let given = json!({"entity": "lead", "id": second.to_string()});
        for method in ["record.get", "record.history"] {
            assert_eq!(refusal(api::call(&world.lin, method, &given)), Code::PoolViews, "{method}");
        }
        assert_eq!(refusal(world.lin.attachments(Lead::NAME, second)), Code::PoolViews);
    }
    // Others count for themselves; one's own records, lists and administrators are not counted.
    opens(&world.wang, second).unwrap();
    opens(&world.lin, world.own).unwrap();
    assert_eq!(world.lin.list(Lead::NAME, &Find::default()).unwrap().rows.len(), 3);
    for id in world.pooled {
        opens(&world.house.admin, id).unwrap();
    }
    // What is claimed is of the pool no more, and the next day begins anew.
    world.lin.claim(Lead::NAME, second).unwrap();
    opens(&world.lin, second).unwrap();
    world.lin.release(Lead::NAME, second, world.pool).unwrap();
    assert_eq!(refusal(opens(&world.lin, second)), Code::PoolViews);
    world.house.clock.advance_micros(DAY);
    opens(&world.lin, second).unwrap();
    assert_eq!(refusal(opens(&world.lin, first)), Code::PoolViews);
}
