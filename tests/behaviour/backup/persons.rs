//! Persons in backups: whole with their keys, empty without, and never back once they were erased.

use std::io::Read;

use guanxi::model::{Account, Contact};
use guanxi::schema::EntityType;
use guanxi::{Changes, Code, Condition, RecordId, RestoreOptions};
use guanxi_tests::{House, PASSWORD, database, no_cost, options, refusal};

use super::{full, keys, opened, restored, since, state};

fn person(house: &House, name: &str) -> RecordId {
    let changes = Changes::new()
        .set("name", name)
        .set("phone", "13812345678")
        .external_id("erp", name)
        .tags(vec!["重点".to_owned()])
        .original("某人", guanxi_tests::moment("2020-01-01T00:00:00Z"));
    house.create(Contact::NAME, &changes)
}

#[test]
fn an_erased_person_stays_erased_in_an_older_backup_and_the_others_are_whole() {
    let house = database();
    let (lin, wang) = (person(&house, "林先生"), person(&house, "王女士"));
    let company = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    let (backup, _) = full(&house.admin);
    house.admin.erase(Contact::NAME, lin).unwrap();
    let (report, crm, _) = opened(&house, &[&backup], Some(&keys(&house.admin)));
    assert_eq!(report.emptied, 1);
    let session = crm.session_for("admin").unwrap();
    assert_eq!(refusal(session.get(Contact::NAME, lin)), Code::RecordNotFound);
    assert_eq!(
        session.get(Contact::NAME, wang).unwrap().record,
        house.admin.get(Contact::NAME, wang).unwrap().record
    );
    assert_eq!(session.get(Account::NAME, company).unwrap().title(), "加喜");
    let known = session.read(|reader| reader.find_by_external_id(Contact::NAME, "erp", "林先生"));
    assert!(known.unwrap().is_none());
    assert_eq!(session.search("林先生", None, 5, 0).unwrap().total, 0);
    let ledger =
        guanxi::api::call(&session, "ledger.list", &serde_json::json!({"limit": 1000})).unwrap().to_string();
    assert!(!ledger.contains("林先生") && ledger.contains("王女士"));
}

#[test]
fn without_keys_every_person_is_emptied_and_counted_and_the_rest_is_whole() {
    let house = database();
    let (lin, _) = (person(&house, "林先生"), person(&house, "王女士"));
    let company = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    let (backup, header) = full(&house.admin);
    house.change(Contact::NAME, lin, &Changes::new().set("position", "厂长"));
    let _ = person(&house, "后来者");
    let (next, _) = since(&house.admin, &header);
    let path = house.folder().join("restored.guanxi");
    let locked_out = restored(&[&backup, &next], None, &path, &RestoreOptions::default());
    assert_eq!(refusal(locked_out), Code::BackupChain, "users are persons as well");
    assert!(!path.exists());
    let rescue = RestoreOptions::default().administrator("rescue", PASSWORD, no_cost());
    let report = restored(&[&backup, &next], None, &path, &rescue).unwrap();
    assert_eq!((report.emptied, report.keys), (4, 0), "three contacts and the administrator");
    let crm = options().open(&path).unwrap();
    let session = crm.sign_in("rescue", PASSWORD).unwrap();
    let others = |session| {
        let kept = |(entity, _): &(String, RecordId)| entity != Contact::NAME && !entity.starts_with("sys.");
        let mut all = state(session);
        all.retain(|place, _| kept(place));
        all
    };
    assert_eq!(others(&session), others(&house.admin));
    assert_eq!(session.count(Contact::NAME, &Condition::Everything).unwrap(), 0);
    assert_eq!(session.get(Account::NAME, company).unwrap().title(), "加喜");
    // What was emptied once is not emptied again by the next restore.
    let (again, _) = full(&session);
    let path = house.folder().join("again.guanxi");
    let report = restored(&[&again], Some(&keys(&session)), &path, &RestoreOptions::default()).unwrap();
    assert_eq!(report.emptied, 0);
}

#[test]
fn an_erasure_in_an_increment_holds_though_older_keys_are_given() {
    let house = database();
    let (lin, wang) = (person(&house, "林先生"), person(&house, "王女士"));
    let (backup, header) = full(&house.admin);
    let old_keys = keys(&house.admin);
    let moment = house.crm.head().unwrap().position;
    house.admin.erase(Contact::NAME, lin).unwrap();
    let (next, _) = since(&house.admin, &header);
    for up_to in [None, Some(moment)] {
        let path = house.folder().join(format!("{up_to:?}.guanxi"));
        let choice = RestoreOptions::default();
        let choice = up_to.map_or(choice.clone(), |position| choice.up_to(position));
        restored(&[&backup, &next], Some(&old_keys), &path, &choice).unwrap();
        let crm = options().open(&path).unwrap();
        let session = crm.session_for("admin").unwrap();
        assert_eq!(refusal(session.get(Contact::NAME, lin)), Code::RecordNotFound);
        assert_eq!(session.get(Contact::NAME, wang).unwrap().title(), "王女士");
        let ledger = guanxi::api::call(&session, "ledger.list", &serde_json::json!({"limit": 1000})).unwrap();
        assert!(!ledger.to_string().contains("林先生"));
    }
}

#[test]
fn a_person_made_and_erased_between_two_backups_comes_back_as_the_empty_record() {
    let house = database();
    let (backup, header) = full(&house.admin);
    let lin = person(&house, "林先生");
    house.change(Contact::NAME, lin, &Changes::new().set("position", "厂长"));
    house.admin.erase(Contact::NAME, lin).unwrap();
    let wang = person(&house, "王女士");
    let (next, _) = since(&house.admin, &header);
    let (report, crm, _) = opened(&house, &[&backup, &next], Some(&keys(&house.admin)));
    assert_eq!(report.emptied, 0);
    let session = crm.session_for("admin").unwrap();
    assert_eq!(state(&session), state(&house.admin));
    let made = session.get(Contact::NAME, wang).unwrap().record.envelope.record_number;
    assert_eq!(made, house.admin.get(Contact::NAME, wang).unwrap().record.envelope.record_number);
}

/// The content of every attachment of a record.
fn attached(session: &guanxi::Session, entity: &str, id: RecordId) -> Vec<(String, Vec<u8>)> {
    let read = |attachment: guanxi::engine::Attachment| {
        let mut content = Vec::new();
        session.read_attachment(entity, id, attachment.id).unwrap().read_to_end(&mut content).unwrap();
        (attachment.name, content)
    };
    session.attachments(entity, id).unwrap().into_iter().map(read).collect()
}

#[test]
fn attachments_come_back_with_their_records_and_go_with_erased_persons() {
    let house = database();
    let (lin, wang) = (person(&house, "林先生"), person(&house, "王女士"));
    let company = house.create(Account::NAME, &Changes::new().set("name", "加喜"));
    let places = [(Contact::NAME, lin), (Contact::NAME, wang), (Account::NAME, company)];
    let (small, large) = (b"small".to_vec(), vec![7; 200_000]);
    let attach = |entity, id, name: &str, content: &[u8]| {
        house.admin.attach(entity, id, name, "text/plain", &mut &*content).unwrap();
    };
    for (entity, id) in places {
        attach(entity, id, "small.txt", &small);
        attach(entity, id, "large.txt", &large);
    }
    let (backup, header) = full(&house.admin);
    // Facts of the database, its registry above all, are in every increment.
    let facts = since(&house.admin, &header).0.len();
    attach(Account::NAME, company, "later.txt", &vec![9; 100_000]);
    attach(Contact::NAME, wang, "later.txt", &vec![8; 100_000]);
    let listed = house.admin.attachments(Account::NAME, company).unwrap();
    let gone = listed.iter().find(|attachment| attachment.name == "large.txt").unwrap();
    house.admin.detach(Account::NAME, company, gone.id).unwrap();
    let (next, _) = since(&house.admin, &header);
    let told = next.len() - facts;
    assert!(told < 100_000 + 200_000 + 100_000 + 50_000, "files that stood before do not go again: {told}");
    house.admin.erase(Contact::NAME, lin).unwrap();
    let (report, crm, _) = opened(&house, &[&backup, &next], Some(&keys(&house.admin)));
    assert_eq!((report.emptied, report.verified.attachments), (1, 5));
    let session = crm.session_for("admin").unwrap();
    for (entity, id) in [(Contact::NAME, wang), (Account::NAME, company)] {
        assert_eq!(attached(&session, entity, id), attached(&house.admin, entity, id));
    }
    assert_eq!(refusal(session.attachments(Contact::NAME, lin)), Code::RecordNotFound);
    assert!(report.attachments_left_out > 0);
}
