//! What the organisation asks of passwords, and how a lost one is set anew.

use guanxi::api::call;
use guanxi::engine::ConfigurationChange;
use guanxi::{Code, RecordId};
use guanxi_tests::{House, PASSWORD, database, refusal};
use serde_json::{Value as Json, json};

const OWN: &str = "a password of my own";

fn rule(house: &House, name: &str, value: Json) {
    let values = [(format!("passwords.{name}"), Some(value))].into();
    let change = ConfigurationChange { values, ..ConfigurationChange::default() };
    house.admin.change_configuration(&change).unwrap();
}

/// A salesperson with a password that the administrator has set.
fn lin(house: &House) -> RecordId {
    let lin = house.user_as("lin", "salesperson").user();
    house.admin.set_password(lin, PASSWORD).unwrap();
    lin
}

fn pass(house: &House, days: i64) {
    house.clock.advance_micros(days * 86_400_000_000);
}

#[test]
fn passwords_are_as_long_as_the_organisation_asks_for_and_never_shorter_than_eight_characters() {
    let house = database();
    let lin = lin(&house);
    assert_eq!(refusal(house.admin.set_password(lin, "七个字符的密码")), Code::WeakPassword);
    house.admin.set_password(lin, "八个字符长的密码").unwrap();
    rule(&house, "min_characters", json!(12));
    assert_eq!(refusal(house.admin.set_password(lin, "eleven char")), Code::WeakPassword);
    house.crm.sign_in("lin", "八个字符长的密码").unwrap();
    let too_few = ConfigurationChange {
        values: [("passwords.min_characters".to_owned(), Some(json!(7)))].into(),
        ..ConfigurationChange::default()
    };
    assert_eq!(refusal(house.admin.change_configuration(&too_few)), Code::InvalidConfiguration);
    assert_eq!(refusal(house.admin.set_password(lin, &"x".repeat(1_025))), Code::LimitExceeded);
    house.admin.set_password(lin, &"x".repeat(1_024)).unwrap();
}

#[test]
fn a_password_that_somebody_else_has_set_is_changed_at_the_first_sign_in_where_that_is_asked_for() {
    let house = database();
    rule(&house, "change_after_reset", json!(true));
    let id = lin(&house);
    assert_eq!(refusal(house.crm.sign_in("lin", PASSWORD)), Code::PasswordExpired);
    assert_eq!(refusal(house.crm.sign_in("lin", "a wrong password")), Code::SignInFailed);
    let same = house.crm.sign_in_with_new_password("lin", PASSWORD, PASSWORD);
    assert_eq!(refusal(same), Code::PasswordReused);
    let wrong = house.crm.sign_in_with_new_password("lin", "a wrong password", OWN);
    assert_eq!(refusal(wrong), Code::SignInFailed);
    let weak = house.crm.sign_in_with_new_password("lin", PASSWORD, "short");
    assert_eq!(refusal(weak), Code::WeakPassword);
    let session = house.crm.sign_in_with_new_password("lin", PASSWORD, OWN).unwrap();
    assert_eq!(session.user(), id);
    assert_eq!(refusal(house.crm.sign_in("lin", PASSWORD)), Code::SignInFailed);
    house.crm.sign_in("lin", OWN).unwrap();
    // It holds beyond the process.
    house.admin.set_password(id, PASSWORD).unwrap();
    drop(session);
    let house = house.reopened();
    assert_eq!(refusal(house.crm.sign_in("lin", PASSWORD)), Code::PasswordExpired);
}

#[test]
fn passwords_grow_old() {
    let house = database();
    let id = lin(&house);
    pass(&house, 30);
    house.crm.sign_in("lin", PASSWORD).unwrap();
    rule(&house, "max_age_days", json!(30));
    assert_eq!(refusal(house.crm.sign_in("lin", PASSWORD)), Code::PasswordExpired);
    house.crm.sign_in_with_new_password("lin", PASSWORD, OWN).unwrap();
    pass(&house, 29);
    house.crm.sign_in("lin", OWN).unwrap();
    pass(&house, 1);
    assert_eq!(refusal(house.crm.sign_in("lin", OWN)), Code::PasswordExpired);
    // A session that the host vouches for is not of a password.
    assert_eq!(house.crm.session_for("lin").unwrap().user(), id);
}

#[test]
fn the_last_passwords_are_remembered_and_are_no_new_ones_for_their_user() {
    let house = database();
    let id = lin(&house);
    rule(&house, "remembered", json!(3));
    let session = house.crm.sign_in("lin", PASSWORD).unwrap();
    let own = |number: u32| format!("password number {number}");
    for number in 1..=3 {
        session.set_password(id, &own(number)).unwrap();
    }
    for number in 1..=3 {
        assert_eq!(refusal(session.set_password(id, &own(number))), Code::PasswordReused, "{number}");
    }
    session.set_password(id, &own(4)).unwrap();
    session.set_password(id, &own(1)).unwrap();
    // Who sets it for others learns nothing of what it was.
    house.admin.set_password(id, &own(1)).unwrap();
    // With a shorter memory less is kept, and with none nothing.
    rule(&house, "remembered", json!(0));
    session.crm().sign_in("lin", &own(1)).unwrap().set_password(id, &own(1)).unwrap();
}

#[test]
fn a_recovery_code_sets_one_new_password_within_its_time() {
    let house = database();
    let id = lin(&house);
    let code = house.admin.issue_recovery_code(id).unwrap();
    assert!(!format!("{code:?}").contains(code.reveal().as_str()));
    house.crm.sign_in("lin", PASSWORD).unwrap();
    let text = code.reveal();
    assert_eq!(refusal(house.crm.recover("lin", "no code", OWN)), Code::InvalidArgument);
    assert_eq!(refusal(house.crm.recover("lin", &text, "short")), Code::WeakPassword);
    assert_eq!(refusal(house.crm.recover("admin", &text, OWN)), Code::SignInFailed, "of somebody else");
    assert_eq!(refusal(house.crm.recover("nobody", &text, OWN)), Code::SignInFailed);
    let old = house.crm.sign_in("lin", PASSWORD).unwrap();
    let session = house.crm.recover("lin", &text.to_lowercase(), OWN).unwrap();
    assert_eq!(session.user(), id);
    assert_eq!(refusal(old.read(|_| Ok(()))), Code::SessionEnded);
    assert_eq!(refusal(house.crm.recover("lin", &text, "another password")), Code::SignInFailed, "used up");
    house.crm.sign_in("lin", OWN).unwrap();
}

#[test]
fn a_recovery_code_is_over_after_its_time_after_a_newer_one_and_when_the_clock_goes_back() {
    let house = database();
    let id = lin(&house);
    let code = |house: &House| house.admin.issue_recovery_code(id).unwrap().reveal();
    let late = code(&house);
    house.clock.advance_micros(30 * 60_000_000);
    assert_eq!(refusal(house.crm.recover("lin", &late, OWN)), Code::SignInFailed);
    let replaced = code(&house);
    let early = code(&house);
    assert_eq!(refusal(house.crm.recover("lin", &replaced, OWN)), Code::SignInFailed);
    house.clock.advance_micros(-60_000_000);
    assert_eq!(refusal(house.crm.recover("lin", &early, OWN)), Code::SignInFailed);
    house.clock.advance_micros(60_000_000);
    // A password that was set meanwhile makes it void.
    house.admin.set_password(id, "set by the administrator").unwrap();
    assert_eq!(refusal(house.crm.recover("lin", &early, OWN)), Code::SignInFailed);
}

#[test]
fn codes_are_guessed_no_more_often_than_passwords() {
    let house = database();
    let id = lin(&house);
    let right = house.admin.issue_recovery_code(id).unwrap().reveal();
    let wrong = house.admin.issue_recovery_code(house.admin.user()).unwrap().reveal();
    for _ in 0..10 {
        assert_eq!(refusal(house.crm.recover("lin", &wrong, OWN)), Code::SignInFailed);
    }
    assert_eq!(refusal(house.crm.recover("lin", &right, OWN)), Code::SignInWaits);
    assert_eq!(refusal(house.crm.sign_in("lin", PASSWORD)), Code::SignInWaits);
}

#[test]
fn who_may_not_set_a_password_makes_no_code_for_it() {
    let house = database();
    lin(&house);
    let lin = house.crm.sign_in("lin", PASSWORD).unwrap();
    assert_eq!(refusal(lin.issue_recovery_code(house.admin.user())), Code::NotPermitted);
    lin.issue_recovery_code(lin.user()).unwrap();
    let told = call(&house.admin, "user.issue_recovery_code", &json!({"user": "lin"})).unwrap();
    house.crm.recover("lin", told["code"].as_str().unwrap(), OWN).unwrap();
    let ledger = call(&house.admin, "ledger.query", &json!({"kinds": ["credential"], "limit": 10})).unwrap();
    let entries = ledger["entries"].to_string();
    assert!(entries.contains("recovery code") && !entries.contains(told["code"].as_str().unwrap()));
}
