//! Files that others wrote to be hard: csv-spectrum, spreadsheet formulas, and naughty strings.

use std::fs;

use guanxi::base::Label;
use guanxi::engine::{Comparison, Filter, Find};
use guanxi::features::exchange::ImportOptions;
use guanxi::model::Account;
use guanxi::schema::{EntityType, FieldType};
use guanxi::{Changes, Value};
use guanxi_tests::{database, shared_data};
use serde_json::Value as Json;

use super::{figures, import};

/// Columns of a file go to these fields in their order.
const FIELDS: [&str; 5] = ["name", "city", "industry", "note", "x.more"];

/// Rows of a file by what it is itself: csv-spectrum's answer.
fn check_spectrum(name: &str, csv: &[u8], answer: &Json) {
    let house = database();
    let label = Label::new("更多", "More");
    let more = house.admin.define_field("account", "more", label, FieldType::Text, |_| {}).unwrap();
    assert_eq!(more, "x.more");
    let first_line = csv.split(|byte| *byte == b'\n').next().unwrap();
    let headings: Vec<String> =
        String::from_utf8(first_line.to_vec()).unwrap().trim().split(',').map(str::to_owned).collect();
    let mapping = headings.iter().cloned().zip(FIELDS.map(str::to_owned)).collect();
    let options = ImportOptions { mapping, ..ImportOptions::default() };
    let report = import(&house.admin, Account::NAME, csv, &options).unwrap();
    let rows = answer.as_array().unwrap();
    let expected = u64::try_from(rows.len()).unwrap();
    assert_eq!(figures(&report), ([expected, expected, 0, 0], [expected, 0, 0]), "{name}");
    let stored = house.admin.list(Account::NAME, &Find::default()).unwrap().rows;
    let mut stored: Vec<_> = stored.iter().map(|row| (row.record.envelope.record_number, row)).collect();
    stored.sort_by_key(|(number, _)| *number);
    for ((_, row), expected) in stored.iter().zip(rows) {
        for (heading, field) in headings.iter().zip(FIELDS) {
            let value = row.value(field).unwrap();
            assert_eq!(value.as_text().unwrap_or_default(), expected[heading].as_str().unwrap(), "{name}");
        }
    }
}

#[test]
fn the_files_of_csv_spectrum_are_read_as_their_answers_say() {
    let Some(folder) = shared_data("formats/csv_spectrum") else { return };
    let mut checked = 0;
    for entry in fs::read_dir(folder.join("csvs")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        // Its answer speaks of another phone number than the file.
        if name == "location_coordinates" {
            continue;
        }
        // The copy of the files has lost its carriage returns.
        let text = String::from_utf8(fs::read(&path).unwrap()).unwrap();
        let restored = text.replace('\r', "").replace('\n', "\r\n");
        let text = if name.ends_with("_crlf") { restored } else { text };
        let answer = fs::read(folder.join("json").join(format!("{name}.json"))).unwrap();
        check_spectrum(name, text.as_bytes(), &serde_json::from_slice(&answer).unwrap());
        checked += 1;
    }
    assert_eq!(checked, 11);
}

/// What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection).
fn is_formula(cell: &str) -> bool {
    cell.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// The cells of the rejects of a file with these rows, which all have an impossible number.
fn rejects(payloads: &[String]) -> Vec<csv::StringRecord> {
    let house = database();
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(["name", "employees"]).unwrap();
    for payload in payloads {
        file.write_record(["x", payload]).unwrap();
    }
    let file = file.into_inner().unwrap();
    let report = import(&house.admin, "account", file.as_slice(), &ImportOptions::default()).unwrap();
    assert_eq!(report.rejected, u64::try_from(payloads.len()).unwrap());
    let mut written = Vec::new();
    report.write_csv(&mut written).unwrap();
    let reader = csv::Reader::from_reader(written.as_slice());
    reader.into_records().map(Result::unwrap).collect()
}

#[test]
fn the_file_of_rejects_holds_no_cell_that_a_spreadsheet_would_run() {
    let mut payloads: Vec<String> =
        ["=1+1", "+1+1x", "-1+1", "@SUM(1)", "\t=1", "\r=1", "=\"a\"\",\n=2"].map(str::to_owned).to_vec();
    if let Some(path) = shared_data("robustness/csv_injection/csv-payload.txt") {
        payloads.extend(fs::read_to_string(path).unwrap().lines().map(str::to_owned));
    }
    let rows = rejects(&payloads);
    assert_eq!(rows.len(), payloads.len());
    for row in &rows {
        assert!(row.iter().all(|cell| !is_formula(cell)), "{row:?}");
        assert_eq!((&row[1], &row[2], &row[3]), ("rejected", "employees", "schema.wrong_type"));
    }
}

#[test]
fn headings_that_a_spreadsheet_would_run_are_harmless_in_the_rejects_too() {
    let house = database();
    let mapping = [("=HYPERLINK(1)".to_owned(), "account".to_owned())].into();
    let options = ImportOptions { mapping, ..ImportOptions::default() };
    let file = "name,=HYPERLINK(1)\nx,=missing\n";
    let report = import(&house.admin, "contact", file.as_bytes(), &options).unwrap();
    assert_eq!(report.warned, 1);
    let mut written = Vec::new();
    report.write_csv(&mut written).unwrap();
    for row in csv::Reader::from_reader(written.as_slice()).into_records() {
        assert!(row.unwrap().iter().all(|cell| !is_formula(cell)));
    }
}

#[test]
fn naughty_strings_are_stored_found_and_given_back_byte_by_byte() {
    let Some(path) = shared_data("robustness/blns/blns.json") else { return };
    let strings: Vec<String> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let strings: Vec<&String> = strings.iter().filter(|text| !text.is_empty()).collect();
    assert!(strings.len() > 500);
    let house = database();
    let ids = house
        .admin
        .write(|transaction| {
            let made = strings.iter().enumerate().map(|(number, text)| {
                let changes = Changes::new().set("name", text.as_str()).set("note", text.as_str());
                let changes = changes.external_id(text, &format!("{number}{text}"));
                transaction.create_record(Account::NAME, changes)
            });
            made.collect::<guanxi::Result<Vec<_>>>()
        })
        .unwrap();
    for ((id, text), number) in ids.iter().zip(&strings).zip(0..) {
        let row = house.admin.get(Account::NAME, *id).unwrap();
        assert_eq!(row.title(), **text);
        assert_eq!(row.value("note").unwrap().as_text(), Some(text.as_str()));
        for field in ["name", "note"] {
            let filter = Filter::Compare(field.into(), Comparison::Equal, Value::from(text.as_str()));
            let found = house.admin.list(Account::NAME, &Find { filter, ..Find::default() }).unwrap();
            assert!(found.rows.iter().any(|row| row.record.id == *id), "{text:?} by {field}");
        }
        let key = format!("{number}{text}");
        let known = house.admin.read(|reader| reader.find_by_external_id("account", text, &key)).unwrap();
        assert_eq!(known.unwrap().record.id, *id);
        // Whatever it is, to search for it is no fault.
        let _ = house.admin.search(text, None, 5, 0);
    }
    let _ = house.verified();
}

#[test]
fn naughty_strings_survive_a_file_as_they_survive_a_call() {
    let Some(path) = shared_data("robustness/blns/blns.json") else { return };
    let strings: Vec<String> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let house = database();
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(["no", "name", "note"]).unwrap();
    for (number, text) in strings.iter().enumerate() {
        file.write_record([&number.to_string(), &format!("n{number}"), text]).unwrap();
    }
    let file = file.into_inner().unwrap();
    let options = ImportOptions { key: Some("no".to_owned()), ..ImportOptions::default() };
    let report = import(&house.admin, "account", file.as_slice(), &options).unwrap();
    assert_eq!(report.taken, u64::try_from(strings.len()).unwrap());
    for (number, text) in strings.iter().enumerate() {
        let found =
            house.admin.read(|reader| reader.find_by_external_id("account", "import", &number.to_string()));
        let row = found.unwrap().unwrap();
        // White space around a cell is not part of it.
        assert_eq!(row.value("note").unwrap().as_text().unwrap_or_default(), text.trim(), "{number}");
    }
}
