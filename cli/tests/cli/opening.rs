//! Creating, opening and signing in: keys, users, passwords, and what goes wrong with them.

use std::fs;

use crate::sandbox::{PASSWORD, Sandbox, answer};

const SECRET: &str = "hunter2-correct-horse";

#[test]
fn a_wrong_key_is_status_5() {
    let sandbox = Sandbox::new();
    sandbox.file("key", [8; 32]);
    let refused = sandbox.lin("find", ["account", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (5, "storage.wrong_key"));
    assert_eq!(refused.output, "");
}

#[test]
fn a_path_without_database_and_a_path_that_is_taken_are_status_5() {
    let sandbox = Sandbox::new();
    let missing = sandbox.guanxi(["find", "nowhere.guanxi", "account", "--as", "lin", "--json"]);
    assert_eq!((missing.status, missing.error_code().as_str()), (5, "storage.not_found"));
    let again = sandbox.guanxi(["create", "crm.guanxi", "--administrator", "lin", "--json"]);
    assert_eq!((again.status, again.error_code().as_str()), (5, "storage.already_exists"));
}

#[test]
fn a_key_or_password_is_never_an_argument_and_is_not_repeated() {
    let sandbox = Sandbox::empty();
    for name in ["--key", "--passphrase", "--password", "--secret"] {
        for arguments in [vec![name, SECRET], vec![&format!("{name}={SECRET}")]] {
            let create = ["create", "crm.guanxi", "--administrator", "lin"];
            let refused = sandbox.guanxi(create.into_iter().chain(arguments));
            assert_eq!(refused.status, 2, "{name}");
            assert!(!refused.errors.contains(SECRET), "{}", refused.errors);
        }
    }
    assert!(!sandbox.path("crm.guanxi").exists());
}

#[test]
fn a_passphrase_of_the_environment_opens_what_the_same_line_of_a_file_created() {
    let sandbox = Sandbox::empty();
    sandbox.file("key", format!("{SECRET}\n"));
    let created = sandbox.guanxi(["create", "crm.guanxi", "--administrator", "lin"]);
    assert_eq!(created.status, 0, "{}", created.errors);
    let whoami = |passphrase: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_guanxi"));
        command.env("GUANXI_KEY", passphrase).current_dir(sandbox.path("."));
        answer(command.args(["call", "crm.guanxi", "session.whoami", "--as", "lin"]).output().unwrap())
    };
    assert_eq!(whoami(SECRET).json()["name"], "lin");
    let refused = whoami("another passphrase");
    assert_eq!(refused.status, 5);
    assert!(!refused.errors.contains("another passphrase"));
}

#[test]
fn sixty_four_digits_are_the_same_key_as_their_bytes() {
    let sandbox = Sandbox::new();
    sandbox.file("key", "07".repeat(32));
    assert_eq!(sandbox.lin("call", ["session.whoami"]).json()["name"], "lin");
}

#[test]
fn without_as_the_password_decides() {
    let sandbox = Sandbox::new();
    let call = |password: &str| {
        let mut command = sandbox.command(["call", "crm.guanxi", "session.whoami", "--json"]);
        answer(command.env("GUANXI_USER", "lin").env("GUANXI_PASSWORD", password).output().unwrap())
    };
    assert_eq!(call(PASSWORD).json()["name"], "lin");
    let refused = call(SECRET);
    assert_eq!((refused.status, refused.error_code().as_str()), (4, "access.sign_in_failed"));
    assert!(!refused.errors.contains(SECRET));
}

#[test]
fn an_error_says_message_cause_and_remedy_in_the_language_asked_for() {
    let sandbox = Sandbox::empty();
    let missing =
        |locale: &str| sandbox.guanxi(["verify", "nowhere", "--as", "lin", "--locale", locale]).errors;
    let english = missing("en");
    assert!(english.starts_with("guanxi: storage.not_found: there is no database at this path"), "{english}");
    assert!(english.contains("\n  cause: ") && english.contains("\n  remedy: "), "{english}");
    let chinese = missing("zh-Hans");
    assert!(chinese.contains("该路径没有数据库"), "{chinese}");
    assert!(chinese.contains("\n  原因: ") && chinese.contains("\n  办法: "), "{chinese}");
    assert_eq!(sandbox.guanxi(["verify", "nowhere", "--locale", "fr"]).status, 2);
}

#[test]
fn the_help_says_what_each_exit_status_means() {
    let help = Sandbox::empty().guanxi(["--help"]);
    assert_eq!(help.status, 0);
    let table = help.output.split("Exit status:").nth(1).expect("the table");
    let numbers = table.lines().filter_map(|line| line.split_whitespace().next()?.parse::<i32>().ok());
    assert_eq!(numbers.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 70]);
}

#[test]
fn a_sound_database_verifies_and_a_damaged_one_is_status_6() {
    let sandbox = Sandbox::new();
    let report = sandbox.lin("verify", ["--json"]).json();
    assert!(report["entries"].as_u64().unwrap() > 0 && report["records"].as_u64().unwrap() > 0);
    let told = sandbox.lin("verify", [""; 0]);
    assert!(told.output.starts_with("no fault: entries "), "{}", told.output);

    let data = sandbox.path("crm.guanxi/data");
    let mut bytes = fs::read(&data).unwrap();
    // Every page behind those that say what the file is.
    bytes.iter_mut().skip(64 * 1_024).step_by(512).for_each(|byte| *byte ^= 1);
    fs::write(&data, bytes).unwrap();
    let refused = sandbox.lin("verify", ["--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (6, "storage.damaged"));
}

#[test]
fn what_is_not_done_in_time_is_status_8() {
    let sandbox = Sandbox::new();
    let refused = sandbox.lin("verify", ["--timeout", "0", "--json"]);
    assert_eq!((refused.status, refused.error_code().as_str()), (8, "engine.deadline_exceeded"));
}
