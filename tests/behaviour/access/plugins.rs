//! What acts for a user who saves sees and sets what that user may, however much it could by itself.

use std::sync::{Arc, Mutex};

use guanxi::engine::{Action, BeforeSave, Extension, Grant, Level, Registrar, Save, grant};
use guanxi::model::Account;
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Result};
use guanxi_tests::{House, options};

/// Asks as a plugin's host asks, and notes the answers: of the city and the phone, whether they are read, and set.
struct Asks(Arc<Mutex<Vec<Option<Code>>>>);

impl BeforeSave for Asks {
    fn before_save(&self, save: &mut Save<'_>) -> Result<()> {
        let answers = ["city", "phone"].into_iter().flat_map(|field| {
            [save.check_user_reads(field), save.check_user_sets(field)]
                .map(|told| told.err().map(|error| error.code()))
        });
        let answers: Vec<Option<Code>> = answers.collect();
        *self.0.lock().unwrap() = answers;
        Ok(())
    }
}

struct Vendor(Arc<Mutex<Vec<Option<Code>>>>);

impl Extension for Vendor {
    fn id(&self) -> &str {
        "cn.example.asks"
    }

    fn declare(&self, registrar: &mut Registrar) -> Result<()> {
        registrar.before_save(Account::NAME, 0, Arc::new(Asks(Arc::clone(&self.0))));
        Ok(())
    }
}

#[test]
fn a_plugin_sees_and_sets_no_more_than_the_user_who_saves() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let house = House::with(|_| options());
    house.crm.install(&Vendor(Arc::clone(&told)), "asks").unwrap();
    let id = house.create(Account::NAME, &Changes::new().set("name", "x").set("city", "上海"));
    assert_eq!(*told.lock().unwrap(), [None; 4]);
    let role = house.role("works", &[(Account::NAME, Action::Create, Level::All)]);
    let read = |hidden: &str, masked: &str| {
        let changes = Changes::new().set(grant::ROLE, role).set(grant::ENTITY, Account::NAME);
        let changes = changes.set(grant::ACTION, Action::Read).set(grant::LEVEL, Level::All);
        changes.set(grant::HIDDEN_FIELDS, hidden).set(grant::MASKED_FIELDS, masked)
    };
    let grants = house.create(Grant::NAME, &read("city", ""));
    let update = Changes::new().set(grant::ROLE, role).set(grant::ENTITY, Account::NAME);
    let update = update.set(grant::ACTION, Action::Update).set(grant::LEVEL, Level::All);
    let _ = house.create(Grant::NAME, &update.set(grant::READ_ONLY_FIELDS, "phone"));
    let lin = house.user("lin", &[role]);
    let save = || {
        lin.write(|transaction| {
            transaction.update_record(Account::NAME, id, Changes::new().set("name", "y"))
        })
        .unwrap();
        let answers = told.lock().unwrap().clone();
        house.change(Account::NAME, id, &Changes::new().set("name", "x"));
        answers
    };
    let hidden = save();
    assert_eq!(hidden[0], Some(Code::FieldNotPermitted), "the city is hidden: {hidden:?}");
    assert!(hidden[1].is_some(), "and what one does not see one does not set: {hidden:?}");
    assert_eq!(
        (hidden[2], hidden[3]),
        (None, Some(Code::FieldNotPermitted)),
        "the phone is read and not set"
    );
    house.change(
        Grant::NAME,
        grants,
        &Changes::new().set(grant::HIDDEN_FIELDS, "").set(grant::MASKED_FIELDS, "city"),
    );
    assert_eq!(save()[0], Some(Code::FieldNotPermitted), "a mask is no value");
}
