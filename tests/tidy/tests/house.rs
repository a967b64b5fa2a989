//! The real tree obeys every house rule; each departure is printed as `path:line: the rule's words`.

use std::path::Path;

use guanxi_tidy::{tree, violations};

#[test]
fn the_tree_obeys_the_house_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let tree = tree::read(&root).expect("a readable tree");
    assert!(tree.holds("core/src/lib.rs"), "the tree of the repository is read");
    let found = violations(&tree);
    for violation in &found {
        eprintln!("{violation}");
    }
    assert!(found.is_empty(), "{} departures from the house rules", found.len());
}
