//! Two processes and one database: the second is told that it is locked, until the first is gone.

use std::process::Stdio;
use std::time::Duration;

use guanxi::{Code, Crm};
use guanxi_tests::{options, refusal};

use super::house::{HOUSE, house, placed};
use super::operations::whole;
use super::recording::{MARKER, run, worker};

#[test]
fn a_second_process_is_told_that_the_database_is_locked_until_the_first_is_killed() {
    let home = placed(&whole());
    let path = home.path().join(HOUSE);
    let mut first = worker(home.path(), "hold").stdin(Stdio::piped()).spawn().unwrap();
    while !home.path().join(MARKER).exists() {
        assert!(first.try_wait().unwrap().is_none(), "the first process ended");
        std::thread::sleep(Duration::from_millis(2));
    }
    // This process is the second one, and a worker is a third.
    assert_eq!(refusal(options().open(&path)), Code::Locked);
    assert_eq!(refusal(Crm::identity_at(&path)), Code::Locked);
    for operation in ["open", "compact", "restore over"] {
        let third = run(worker(home.path(), operation), home.path());
        assert_eq!(third.code().as_deref(), Some("storage.locked"), "{operation}: {}", third.stderr());
    }
    first.kill().unwrap();
    first.wait().unwrap();
    house(home.path()).unwrap();
    let next = run(worker(home.path(), "open"), home.path());
    assert!(next.succeeded(), "{}", next.stderr());
}
