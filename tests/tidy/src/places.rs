//! The rule that the map and the land agree: what the page names exists, and what exists is on the page.

use std::collections::BTreeMap;

use crate::map::{Map, PAGE};
use crate::{Tree, Violation};

/// Where the rooms of the core are.
pub const ROOMS: &str = "core/src/";

/// The folder of the rooms that share a landing; each is named on the page by its path.
const LANDING: &str = "core/src/features/";

/// Compares the page with the tree in both directions.
pub fn violations(tree: &Tree, map: &Map) -> Vec<Violation> {
    let mut found: Vec<Violation> = map.missing().into_iter().collect();
    found.extend(missing_rooms(tree, map));
    found.extend(unknown_rooms(tree, map));
    let page = tree.file(PAGE).map_or("", |page| &page.text);
    let paths = paths_in(page);
    found.extend(missing_paths(tree, &paths));
    found.extend(unnamed_features(tree, &paths));
    found
}

fn missing_rooms(tree: &Tree, map: &Map) -> Vec<Violation> {
    let missing = map.rows.iter().filter(|row| !room_exists(tree, &row.room));
    missing
        .map(|row| Violation::new(PAGE, row.line, format!("the room {} of the table exists", row.room)))
        .collect()
}

fn room_exists(tree: &Tree, room: &str) -> bool {
    let folder = match room.strip_suffix("/*").unwrap_or(room) {
        "guanxi" => "core",
        name => name,
    };
    let inside = format!("{ROOMS}{folder}");
    tree.holds(folder) || tree.holds(&inside) || tree.holds(&format!("{inside}.rs"))
}

fn unknown_rooms(tree: &Tree, map: &Map) -> Vec<Violation> {
    let rooms = children(tree, ROOMS).into_iter().filter(|(room, _)| room != "lib");
    let unknown = rooms.filter(|(room, _)| map.room(room).is_none());
    unknown
        .map(|(room, path)| Violation::new(path, 1, format!("the room {room} stands in the table of {PAGE}")))
        .collect()
}

fn unnamed_features(tree: &Tree, paths: &[(usize, &str)]) -> Vec<Violation> {
    let rooms = children(tree, LANDING).into_iter().filter(|(room, _)| room != "mod");
    let unnamed = rooms.filter(|(room, _)| {
        !paths.iter().any(|(_, path)| {
            path.strip_prefix(LANDING).is_some_and(|named| named.trim_end_matches(".rs") == room)
        })
    });
    unnamed.map(|(room, path)| Violation::new(path, 1, format!("{PAGE} names {LANDING}{room}"))).collect()
}

/// The rooms directly under a folder, each with one of its files.
fn children<'tree>(tree: &'tree Tree, folder: &str) -> BTreeMap<String, &'tree str> {
    let mut rooms = BTreeMap::new();
    for file in &tree.files {
        if let Some(rest) = file.path.strip_prefix(folder) {
            let room = rest.split_once('/').map_or(rest.trim_end_matches(".rs"), |(room, _)| room);
            rooms.entry(room.to_owned()).or_insert(file.path.as_str());
        }
    }
    rooms
}

fn missing_paths(tree: &Tree, paths: &[(usize, &str)]) -> Vec<Violation> {
    let missing = paths.iter().filter(|(_, path)| !tree.holds(path));
    missing
        .map(|(line, path)| Violation::new(PAGE, *line, format!("the path {path} of the page exists")))
        .collect()
}

/// What stands in backticks and looks like a path, with its line; fenced blocks are left out.
fn paths_in(page: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (number, line) in (1..).zip(page.lines()) {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let quoted = line.split('`').skip(1).step_by(2).filter(|text| looks_like_path(text));
            found.extend(quoted.map(|path| (number, path.trim_end_matches('/'))));
        }
    }
    found
}

fn looks_like_path(text: &str) -> bool {
    let of_path = |character: char| character.is_ascii_alphanumeric() || "_-./".contains(character);
    let known = [".md", ".rs", ".toml", ".h", ".c"].iter().any(|extension| text.ends_with(extension));
    text.chars().all(of_path) && (text.trim_end_matches('/').contains('/') || text.ends_with('/') || known)
}
