//! One day of a sales team, from an empty folder to a verified ledger: the engine's main job.
//!
//! `cargo run --release --example sales_day` makes its own bilingual data, 10,000 deals from a seed.
//! `cargo run --release --example sales_day -- FOLDER` reads `accounts.csv`, `products.csv`,
//! `sales_teams.csv` and `sales_pipeline.csv` of a folder; further words, `SAID=MEANT`, are other
//! spellings of what the files name.

mod sales_day_data;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};

use guanxi::base::Label;
use guanxi::engine::{SystemField, role_assignment, user};
use guanxi::features::exchange::{ImportOptions, ImportReport};
use guanxi::features::reports::{Figure, Report, Table};
use guanxi::model::{Opportunity, Status, account, opportunity};
use guanxi::{Changes, Code, Condition, Crm, Find, Key, Locale, Session};
use guanxi_plugin_host::{Manifest, OnFault};

type Outcome<T> = Result<T, Box<dyn Error>>;

const PASSWORD: &str = "one long password";

fn main() -> Outcome<()> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from);
    let words: Vec<String> = std::env::args().skip(2).collect();
    let spellings = words.iter().filter_map(|word| word.split_once('='));
    let aliases = spellings.map(|(said, meant)| (said.to_owned(), meant.to_owned())).collect();
    let place = tempfile::tempdir()?;
    let files = match &folder {
        Some(folder) => folder.clone(),
        None => sales_day_data::write(place.path(), 10_000)?,
    };
    let database = place.path().join("jiaxi.guanxi");

    heading("Create an encrypted database");
    let key = || Key::from_passphrase("correct horse battery staple");
    let crm = guanxi::options().key(key()).administrator("admin", PASSWORD).create(&database)?;
    println!("{} holds no readable byte", database.display());

    heading("Import four files");
    let admin = crm.sign_in("admin", PASSWORD)?;
    import_all(&admin, &files, aliases)?;

    heading("Who sees what");
    let people = people(&admin)?;
    show_visibility(&crm, &admin, &people)?;

    heading("Search");
    let words: &[&str] = if folder.is_some() {
        &["Acme", "konex", "GTX Pro"]
    } else {
        &["加喜", "jiaxi", "星河", "Harbour"]
    };
    show_search(&crm, words, &people)?;

    heading("Pipeline");
    show_pipeline(&admin)?;

    heading("Win a deal");
    win_one(&crm, &people)?;

    heading("Load the licence plugin");
    show_plugin(&crm, &admin, place.path())?;

    heading("Verify, and reopen with a wrong key");
    let report = crm.verify(admin.patience())?;
    println!("{} entries of the ledger and {} records verify", report.entries, report.records);
    drop((admin, crm));
    let refused = guanxi::options().key(Key::from_passphrase("a guess")).open(&database);
    match refused {
        Err(error) if error.code() == Code::WrongKey => println!("{}", error.message(Locale::English)),
        Err(error) => return Err(error.into()),
        Ok(_) => return Err("a wrong key opened the database".into()),
    }
    guanxi::options().key(key()).open(&database)?.sign_in("admin", PASSWORD)?;
    println!("the right key opens it");
    Ok(())
}

fn heading(text: &str) {
    println!("\n== {text}");
}

/// Accounts, products, teams and deals, each by the headings of its own file.
fn import_all(admin: &Session, files: &Path, aliases: BTreeMap<String, String>) -> Outcome<()> {
    let missing = |names: &[&str]| ImportOptions {
        create_missing: names.iter().map(|name| (*name).to_owned()).collect(),
        ..ImportOptions::default()
    };
    import(admin, "account", &files.join("accounts.csv"), &ImportOptions::default())?;
    import(admin, "product", &files.join("products.csv"), &ImportOptions::default())?;
    import(admin, "user", &files.join("sales_teams.csv"), &missing(&["reports_to", "unit"]))?;
    give_roles(admin)?;
    let deals = ImportOptions { aliases, ..ImportOptions::default() };
    import(admin, "opportunity", &files.join("sales_pipeline.csv"), &deals)
}

fn import(admin: &Session, entity: &str, file: &Path, options: &ImportOptions) -> Outcome<()> {
    let report = admin.import_csv(entity, File::open(file)?, options, &mut |_| {})?;
    println!(
        "{:<18} {:>6} read, {:>6} taken, {:>5} taken with warning, {:>3} rejected",
        file.file_name().unwrap_or_default().to_string_lossy(),
        report.read,
        report.taken,
        report.warned,
        report.rejected
    );
    print_reasons(&report);
    Ok(())
}

fn print_reasons(report: &ImportReport) {
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for row in &report.rows {
        *reasons.entry(row.message.as_str()).or_default() += 1;
    }
    for (reason, count) in reasons {
        println!("{count:>25} × {reason}");
    }
}

/// Users as they come from a file have no role: they get one by their place, and a password.
fn give_roles(admin: &Session) -> Outcome<()> {
    let people = people(admin)?;
    let roles: BTreeMap<String, guanxi::RecordId> = admin
        .list("sys.role", &Find::default())?
        .rows
        .iter()
        .map(|row| (row.title(), row.record.id))
        .collect();
    admin.write(|txn| {
        for person in people.iter().filter(|person| person.name != "admin") {
            let role_name = if person.reports_to.is_some() { "salesperson" } else { "manager" };
            let role_id = roles.get(role_name).copied();
            let assignment =
                Changes::new().set(role_assignment::USER, person.id).set(role_assignment::ROLE, role_id);
            txn.create_record("sys.role_assignment", assignment)?;
        }
        // One director above all of them.
        let director = txn.create_record("sys.user", Changes::new().set(user::NAME, "Director"))?;
        let assignment = Changes::new()
            .set(role_assignment::USER, director)
            .set(role_assignment::ROLE, roles.get("director").copied());
        txn.create_record("sys.role_assignment", assignment)
    })?;
    for name in ["Director"].into_iter().chain(people.iter().map(|person| person.name.as_str())) {
        if name != "admin" {
            let id = admin.read(|reader| reader.find_by_title("sys.user", name))?;
            for id in id {
                admin.set_password(id, PASSWORD)?;
            }
        }
    }
    Ok(())
}

#[derive(Clone)]
struct Person {
    id: guanxi::RecordId,
    name: String,
    reports_to: Option<guanxi::RecordId>,
}

fn people(admin: &Session) -> Outcome<Vec<Person>> {
    let find = Find { sort: vec![user::NAME.ascending()], limit: 1_000, ..Find::default() };
    let rows = admin.list("sys.user", &find)?.rows;
    let person = |row: &guanxi::engine::Listing| {
        Ok(Person { id: row.record.id, name: row.title(), reports_to: row.value(user::REPORTS_TO)?.as_id() })
    };
    rows.iter().map(person).collect()
}

/// What everybody sees through permissions, beside what a plain count over all deals says they should.
fn show_visibility(crm: &Crm, admin: &Session, people: &[Person]) -> Outcome<()> {
    let mut owned: BTreeMap<guanxi::RecordId, u64> = BTreeMap::new();
    admin.read(|reader| {
        reader.scan("opportunity", &Condition::Everything, &mut |row| {
            if let Some(owner) = row.record.value(SystemField::Owner.id()).as_id() {
                *owned.entry(owner).or_default() += 1;
            }
            Ok(())
        })
    })?;
    let of = |id: guanxi::RecordId| owned.get(&id).copied().unwrap_or(0);
    let mut agreed = 0;
    for person in people.iter().filter(|person| person.name != "admin") {
        let team =
            people.iter().filter(|other| other.reports_to == Some(person.id)).map(|other| of(other.id));
        let expected =
            if person.name == "Director" { owned.values().sum() } else { of(person.id) + team.sum::<u64>() };
        let seen = crm.sign_in(&person.name, PASSWORD)?.count("opportunity", &Condition::Everything)?;
        if seen != expected {
            return Err(format!("{} sees {seen} deals and not {expected}", person.name).into());
        }
        agreed += 1;
        if person.name == "Director" || person.reports_to.is_none() || agreed <= 3 {
            println!("{:<24} {seen:>6} deals", person.name);
        }
    }
    println!("{agreed} people see what a count over all deals says they should");
    Ok(())
}

fn show_search(crm: &Crm, words: &[&str], people: &[Person]) -> Outcome<()> {
    let director = crm.sign_in("Director", PASSWORD)?;
    let someone = people.iter().find(|person| person.reports_to.is_some()).ok_or("no salesperson")?;
    let salesperson = crm.sign_in(&someone.name, PASSWORD)?;
    for word in words {
        let all = director.search(word, None, 3, 0)?;
        let own = salesperson.search(word, None, 3, 0)?;
        let titles: Vec<String> = all.hits.iter().map(|hit| hit.listing.title()).collect();
        println!(
            "{word:<10} director {:>5}, {} {:>4}: {}",
            all.total,
            someone.name,
            own.total,
            titles.join(" · ")
        );
    }
    Ok(())
}

fn win_one(crm: &Crm, people: &[Person]) -> Outcome<()> {
    for person in people.iter().filter(|person| person.reports_to.is_some()) {
        let session = crm.sign_in(&person.name, PASSWORD)?;
        let open =
            session.find::<Opportunity>().filter(opportunity::STATUS.is(Status::Open)).limit(1).fetch()?;
        let Some(deal) = open.first() else { continue };
        let won = || session.find::<Opportunity>().filter(opportunity::STATUS.is(Status::Won)).count();
        let before = won()?;
        session.write(|txn| deal.reference().win(txn))?;
        println!(
            "{} wins {}: {before} deals won before, {} now",
            person.name,
            deal.listing().title(),
            won()?
        );
        match session.write(|txn| deal.reference().lose(txn, "changed their mind")) {
            Err(error) => println!("losing it afterwards: {}", error.message(Locale::English)),
            Ok(()) => return Err("a won deal was lost".into()),
        }
        return Ok(());
    }
    Err("nobody has an open deal".into())
}

fn show_pipeline(admin: &Session) -> Outcome<()> {
    let run = |report: Report| admin.report(&report);
    for row in run(opportunity::by_stage())?.rows {
        println!("{:<14} {}", row.labels.join(" "), figures(&row.figures));
    }
    let only = |table: Table| table.rows.into_iter().next().map(|row| row.figures).unwrap_or_default();
    println!("won            {}", figures(&only(run(opportunity::won())?)));
    println!("all            {}   (count, win rate, mean days)", figures(&only(run(opportunity::totals())?)));
    Ok(())
}

fn figures(figures: &[Figure]) -> String {
    let texts = figures.iter().map(|figure| match figure {
        Figure::Nothing => "-".to_owned(),
        Figure::Count(count) => count.to_string(),
        Figure::Number(number) => number.to_string(),
        Figure::Amount(money) => money.to_string(),
        Figure::Value(value) => value.to_string(),
    });
    texts.map(|text| format!("{text:>16}")).collect()
}

fn show_plugin(crm: &Crm, admin: &Session, place: &Path) -> Outcome<()> {
    let library = guanxi_examples::shared_library("guanxi-plugin-licence")?;
    let capabilities = ["schema:crm.account", "hook:crm.account"];
    let name = Label::new("执照", "Licence");
    let version = env!("CARGO_PKG_VERSION");
    let manifest = Manifest::new("cn.guanxi.licence", version, name, &capabilities, OnFault::Reject)?;
    let package = guanxi_plugin_host::pack(&library, place, manifest)?;
    guanxi_plugin_host::install(crm, &[package])?;
    let with_code = |code: &str| {
        admin.write(|txn| {
            let draft = Changes::new()
                .set(account::NAME, "上海加喜企业服务有限公司")
                .set("unified_social_credit_code", code);
            txn.create_record("account", draft)
        })
    };
    match with_code("91110000600037341N") {
        Err(error) => println!("{}", error.message(Locale::SimplifiedChinese)),
        Ok(_) => return Err("a wrong check character was taken".into()),
    }
    let id = with_code("91110000600037341L")?;
    println!("91110000600037341L is taken: {}", admin.get("account", id)?.title());
    Ok(())
}
