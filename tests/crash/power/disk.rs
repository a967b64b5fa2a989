//! A disk that a recording is played to, and what a power cut leaves of it.
//!
//! What is durable follows POSIX and no file system in particular: the bytes and the length of a file with
//! an fsync of that file, and a name with an fsync of its folder; a file's own fsync does not save its name.
//! Of the rest a power cut keeps a part. Bytes are kept or lost by sectors of 512 bytes, in any order.
//! Names are taken from the model of one of two: the ordered one, which ext4, XFS and APFS have, where the
//! changes of all names are one sequence and a power cut keeps its beginning; and the scattered one, where
//! each change of a name is kept or lost for itself. Two things hold in both, since without them no program
//! could rename anything: a rename is whole or absent, and changes of one name stay in their order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::killing::Chance;
use super::recording::{Event, MARKER};

/// The unit that a disk writes whole.
const SECTOR: usize = 512;
/// What is written to a folder in one piece, where it is not zeros.
const PIECE: usize = 4_096;

/// What a power cut leaves of what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// All of it: the process died, and the machine did not.
    Nothing,
    /// Nothing of it.
    Everything,
    /// Names in order up to one; of the bytes each sector for itself.
    Sectors,
    /// Names and writes, each whole or not at all.
    Writes,
    /// Names, each for itself; all writes up to one, which is torn.
    Tail,
    /// Names in order up to one; all writes but one, which is torn.
    One,
}

impl Loss {
    /// Those that leave the same at each try, and then those that do not.
    pub const ALL: [Self; 6] =
        [Self::Everything, Self::Nothing, Self::Sectors, Self::Writes, Self::Tail, Self::One];
}

/// The files of a disk by their paths; none in the place of a folder.
pub type Tree = BTreeMap<String, Option<Vec<u8>>>;

#[derive(Default)]
struct File {
    durable: Vec<u8>,
    visible: Vec<u8>,
    /// What separates the two, with its place in the order of all writes.
    unsynced: Vec<(u64, Change)>,
}

enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Default)]
struct Folder {
    durable: BTreeMap<String, usize>,
    visible: BTreeMap<String, usize>,
}

enum Node {
    File(File),
    Folder(Folder),
}

/// A name in a folder.
type Name = (usize, String);

/// A change of names that is whole or absent.
struct Naming {
    taken: Option<Name>,
    given: Option<(Name, usize)>,
}

impl Naming {
    fn names(&self) -> impl Iterator<Item = &Name> {
        self.taken.iter().chain(self.given.iter().map(|(name, _)| name))
    }
}

/// The disk while a recording is played to it.
pub struct Disk {
    nodes: Vec<Node>,
    files: HashMap<i32, usize>,
    marker: BTreeSet<i32>,
    unsynced_names: Vec<Naming>,
    writes: u64,
    told: String,
    /// Whether syncs do what they are for. Without them everything may be lost, which a test must notice.
    pub syncs: bool,
}

const ROOT: usize = 0;

impl Disk {
    /// A disk that holds durably what stands in a folder.
    pub fn of(folder: &Path) -> Self {
        let root = Node::Folder(Folder::default());
        let mut disk = Self {
            nodes: vec![root],
            files: HashMap::new(),
            marker: BTreeSet::new(),
            unsynced_names: Vec::new(),
            writes: 0,
            told: String::new(),
            syncs: true,
        };
        disk.load(folder, ROOT);
        disk
    }

    fn load(&mut self, folder: &Path, into: usize) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let node = self.nodes.len();
            if path.is_dir() {
                self.nodes.push(Node::Folder(Folder::default()));
                self.load(&path, node);
            } else {
                let bytes = fs::read(&path).unwrap();
                self.nodes.push(Node::File(File {
                    durable: bytes.clone(),
                    visible: bytes,
                    ..File::default()
                }));
            }
            let Node::Folder(parent) = &mut self.nodes[into] else { panic!("a folder") };
            parent.durable.insert(name.clone(), node);
            parent.visible.insert(name, node);
        }
    }

    /// What the worker has told so far.
    pub fn acknowledged(&self) -> Vec<String> {
        self.told.lines().map(str::to_owned).collect()
    }

    /// Does what the process did; says whether a power cut after it may leave something else than one
    /// before it.
    pub fn apply(&mut self, event: &Event) -> bool {
        match event {
            Event::Open { file, path, fresh, emptied } => return self.open(*file, path, *fresh, *emptied),
            Event::Close { file } => {
                self.files.remove(file);
                self.marker.remove(file);
                return false;
            }
            Event::Duplicate { file, copy } => {
                if let Some(node) = self.files.get(file).copied() {
                    self.files.insert(*copy, node);
                }
                return false;
            }
            Event::Write { file, bytes, .. } if self.marker.contains(file) => {
                self.told.push_str(std::str::from_utf8(bytes).unwrap());
            }
            Event::Write { file, offset, bytes } => {
                let offset = usize::try_from(*offset).unwrap();
                self.change(self.files[file], Change::Write(offset, bytes.clone()));
            }
            Event::Length { file, bytes } => {
                self.change(self.files[file], Change::Length(usize::try_from(*bytes).unwrap()));
            }
            Event::Sync { file } if self.syncs => self.sync(self.files[file]),
            Event::Sync { .. } => {}
            Event::Rename { from, to } => {
                let (from, to) = (self.name(from), self.name(to));
                let node = self.visible(&from).unwrap();
                self.rename(Naming { taken: Some(from), given: Some((to, node)) });
            }
            Event::Remove { path } => {
                let taken = Some(self.name(path));
                self.rename(Naming { taken, given: None });
            }
            Event::MakeFolder { path } => self.make(path, Node::Folder(Folder::default())),
        }
        true
    }

    fn open(&mut self, file: i32, path: &str, fresh: bool, emptied: bool) -> bool {
        if path.ends_with(MARKER) {
            self.marker.insert(file);
            return false;
        }
        if fresh {
            self.make(path, Node::File(File::default()));
        }
        let node = if path.is_empty() { ROOT } else { self.visible(&self.name(path)).unwrap() };
        self.files.insert(file, node);
        let emptied = emptied && !fresh;
        if emptied {
            self.change(node, Change::Length(0));
        }
        fresh || emptied
    }

    fn name(&self, path: &str) -> Name {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let folders = folders.split('/').filter(|folder| !folder.is_empty());
        let folder = folders.fold(ROOT, |at, folder| self.visible(&(at, folder.to_owned())).unwrap());
        (folder, name.to_owned())
    }

    fn folder(&mut self, node: usize) -> &mut Folder {
        let Node::Folder(folder) = &mut self.nodes[node] else { panic!("a folder") };
        folder
    }

    fn visible(&self, (folder, name): &Name) -> Option<usize> {
        let Node::Folder(folder) = &self.nodes[*folder] else { panic!("a folder") };
        folder.visible.get(name).copied()
    }

    fn make(&mut self, path: &str, node: Node) {
        let name = self.name(path);
        self.nodes.push(node);
        self.rename(Naming { taken: None, given: Some((name, self.nodes.len() - 1)) });
    }

    fn rename(&mut self, naming: Naming) {
        if let Some((folder, name)) = &naming.taken {
            self.folder(*folder).visible.remove(name);
        }
        if let Some(((folder, name), node)) = &naming.given {
            self.folder(*folder).visible.insert(name.clone(), *node);
        }
        self.unsynced_names.push(naming);
    }

    fn change(&mut self, node: usize, change: Change) {
        self.writes += 1;
        let Node::File(file) = &mut self.nodes[node] else { panic!("a file") };
        apply(&mut file.visible, &change, true, &mut |_| true);
        file.unsynced.push((self.writes, change));
    }

    fn sync(&mut self, node: usize) {
        match &mut self.nodes[node] {
            Node::File(file) => {
                for (_, change) in file.unsynced.drain(..) {
                    apply(&mut file.durable, &change, true, &mut |_| true);
                }
            }
            Node::Folder(_) => {
                let all = std::mem::take(&mut self.unsynced_names);
                let (synced, rest) =
                    all.into_iter().partition(|naming| naming.names().any(|(folder, _)| *folder == node));
                self.unsynced_names = rest;
                let synced: Vec<Naming> = synced;
                for naming in synced {
                    if let Some((folder, name)) = naming.taken {
                        self.folder(folder).durable.remove(&name);
                    }
                    if let Some(((folder, name), node)) = naming.given {
                        self.folder(folder).durable.insert(name, node);
                    }
                }
            }
        }
    }

    /// What a power cut leaves now.
    pub fn after(&self, loss: Loss, chance: &Chance) -> Tree {
        let names = self.names_after(loss, chance);
        let turning = chance.below(self.writes_unsynced() + 1);
        let mut tree = Tree::new();
        let mut folders = vec![(ROOT, String::new())];
        while let Some((folder, path)) = folders.pop() {
            for ((_, name), node) in names.range((folder, String::new())..(folder + 1, String::new())) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                let content = match &self.nodes[*node] {
                    Node::File(file) => Some(file.after(loss, self.turning(turning), chance)),
                    Node::Folder(_) => {
                        folders.push((*node, path.clone()));
                        None
                    }
                };
                tree.insert(path, content);
            }
        }
        tree
    }

    fn writes_unsynced(&self) -> u64 {
        let counts = self.nodes.iter().map(|node| match node {
            Node::File(file) => file.unsynced.len() as u64,
            Node::Folder(_) => 0,
        });
        counts.sum()
    }

    /// The place in the order of all writes that so many unsynced ones are before.
    fn turning(&self, before: u64) -> u64 {
        let mut places: Vec<u64> = Vec::new();
        for node in &self.nodes {
            if let Node::File(file) = node {
                places.extend(file.unsynced.iter().map(|(place, _)| *place));
            }
        }
        places.sort_unstable();
        usize::try_from(before).ok().and_then(|at| places.get(at).copied()).unwrap_or(u64::MAX)
    }

    /// The names that are left, with their nodes.
    fn names_after(&self, loss: Loss, chance: &Chance) -> BTreeMap<Name, usize> {
        let mut names = BTreeMap::new();
        for (number, node) in self.nodes.iter().enumerate() {
            if let Node::Folder(folder) = node {
                names.extend(folder.durable.iter().map(|(name, node)| ((number, name.clone()), *node)));
            }
        }
        let last = chance.below(self.unsynced_names.len() as u64 + 1);
        let mut lost: BTreeSet<&Name> = BTreeSet::new();
        for (number, naming) in self.unsynced_names.iter().enumerate() {
            let kept = match loss {
                Loss::Nothing => true,
                Loss::Everything => false,
                Loss::Sectors | Loss::One => (number as u64) < last,
                Loss::Writes | Loss::Tail => chance.below(2) == 0,
            };
            if !kept || naming.names().any(|name| lost.contains(name)) {
                lost.extend(naming.names());
                continue;
            }
            if let Some(name) = &naming.taken {
                names.remove(name);
            }
            if let Some((name, node)) = &naming.given {
                names.insert(name.clone(), *node);
            }
        }
        names
    }
}

impl File {
    fn after(&self, loss: Loss, turning: u64, chance: &Chance) -> Vec<u8> {
        let mut image = self.durable.clone();
        for (place, change) in &self.unsynced {
            let mut coin = |_: usize| chance.below(2) == 0;
            let grows = chance.below(2) == 0;
            match loss {
                Loss::Nothing => apply(&mut image, change, true, &mut |_| true),
                Loss::Everything => {}
                Loss::Sectors => apply(&mut image, change, grows, &mut coin),
                Loss::Writes if chance.below(2) == 0 => apply(&mut image, change, grows, &mut |_| true),
                Loss::Writes => {}
                Loss::Tail if *place > turning => {}
                Loss::Tail | Loss::One if *place == turning => apply(&mut image, change, grows, &mut coin),
                Loss::Tail | Loss::One => apply(&mut image, change, true, &mut |_| true),
            }
        }
        image
    }
}

/// Does a change, or those sectors of it that are kept. A write behind the end makes the file longer, or is
/// lost where the length is.
fn apply(image: &mut Vec<u8>, change: &Change, grows: bool, keeps: &mut dyn FnMut(usize) -> bool) {
    match change {
        Change::Length(length) => {
            if keeps(0) {
                image.resize(*length, 0);
            }
        }
        Change::Write(offset, bytes) => {
            let mut at = *offset;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at((SECTOR - at % SECTOR).min(rest.len()));
                let end = at + piece.len();
                if keeps(at) && (end <= image.len() || grows) {
                    image.resize(image.len().max(end), 0);
                    image[at..end].copy_from_slice(piece);
                }
                at = end;
                rest = behind;
            }
        }
    }
}

/// Puts the files of a disk into an empty folder.
pub fn write(tree: &Tree, folder: &Path) {
    for (path, content) in tree {
        let path = folder.join(path);
        match content {
            None => fs::create_dir(path).unwrap(),
            Some(bytes) => {
                let file = fs::File::create_new(path).unwrap();
                file.set_len(bytes.len() as u64).unwrap();
                for (number, piece) in bytes.chunks(PIECE).enumerate() {
                    if *piece != [0; PIECE][..piece.len()] {
                        file.write_all_at(piece, (number * PIECE) as u64).unwrap();
                    }
                }
            }
        }
    }
}

/// The files of a folder.
pub fn read(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![(folder.to_owned(), String::new())];
    while let Some((folder, below)) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{below}{}", path.file_name().unwrap().to_str().unwrap());
            if path.is_dir() {
                tree.insert(name.clone(), None);
                folders.push((path, format!("{name}/")));
            } else {
                tree.insert(name, Some(fs::read(path).unwrap()));
            }
        }
    }
    tree
}
