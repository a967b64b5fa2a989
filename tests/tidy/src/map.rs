//! The map of the house: who may name whom, as the table of `core/ARCHITECTURE.md` says it.

use crate::{Tree, Violation};

/// The page that holds the table.
pub const PAGE: &str = "core/ARCHITECTURE.md";

/// The heading of the table, as it stands on the page.
const HEADING: &str = "| room | may name |";

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// A room of the core (`storage`), all rooms of a landing (`features/*`) or a package's folder (`ffi`);
    /// `guanxi` stands for the package in `core`.
    pub room: String,
    /// What it may name, written in the same way; empty where the table says `nothing`.
    pub may_name: Vec<String>,
    /// The row's line on the page, from 1.
    pub line: usize,
}

impl Row {
    /// Whether this row speaks of a room: by name, or `features/*` of `features` and of every room on it.
    fn speaks_of(&self, room: &str) -> bool {
        self.room.strip_suffix("/*").map_or(self.room == room, |landing| covers(landing, room))
    }

    /// Says why this row forbids a room to name another, or nothing where it may. A room may name itself.
    pub fn objection(&self, room: &str, target: &str) -> Option<String> {
        if covers(room, target) || self.may_name.iter().any(|name| covers(name, target)) {
            return None;
        }
        let permitted =
            if self.may_name.is_empty() { "nothing".to_owned() } else { self.may_name.join(", ") };
        Some(format!("{room} may name {permitted}, and not {target} ({PAGE})"))
    }
}

/// Whether a name is the target itself or the landing that the target stands on.
fn covers(name: &str, target: &str) -> bool {
    target.strip_prefix(name).is_some_and(crate::is_whole_path)
}

/// The table.
#[derive(Debug, Default)]
pub struct Map {
    /// Its rows, from the top.
    pub rows: Vec<Row>,
}

impl Map {
    /// Reads the table out of the page; a page without it gives a map without rows, which
    /// [`Map::missing`] turns into a violation.
    pub fn read(tree: &Tree) -> Self {
        let page = tree.file(PAGE).map_or("", |page| &page.text);
        let lines = (1..).zip(page.lines()).skip_while(|(_, line)| line.trim() != HEADING);
        let rows = lines.skip(2).map_while(|(number, line)| read_row(number, line)).collect();
        Self { rows }
    }

    /// The violation of a page without a table: no other rule of the map would speak then.
    pub fn missing(&self) -> Option<Violation> {
        self.rows
            .is_empty()
            .then(|| Violation::new(PAGE, 1, format!("the page holds the floor table under `{HEADING}`")))
    }

    /// The row of a room of the core.
    pub fn room(&self, room: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.speaks_of(room))
    }

    /// The row of a package: that of its folder, or of the nearest folder around it.
    pub fn package(&self, folder: &str) -> Option<&Row> {
        let around = self.rows.iter().filter(|row| covers(&row.room, folder));
        around.max_by_key(|row| row.room.len())
    }
}

fn read_row(line_number: usize, line: &str) -> Option<Row> {
    let (room, may_name) = line.trim().strip_prefix('|')?.strip_suffix('|')?.split_once('|')?;
    let names = may_name.split(',').map(str::trim).filter(|name| !name.is_empty() && *name != "nothing");
    Some(Row {
        room: room.trim().to_owned(),
        may_name: names.map(str::to_owned).collect(),
        line: line_number,
    })
}
