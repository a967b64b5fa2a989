//! From what a query asks for to a [`Plan`], made only of terms the person may read.
//!
//! Each clause looks its words up in the dictionaries first: which terms exist, in which fields. Only
//! those of readable fields go on, so a hidden field cannot match, whatever the clause.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use tantivy::index::SegmentId;
use tantivy::postings::TermInfo;
use tantivy::query::FuzzyTermQuery;
use tantivy::{Result, Searcher, Term};

use super::analysis::{Address, FRAGMENT, GRAM, LONGEST_HEAD, SHORTEST_GRAM, Slot, Word, grams};
use super::pinyin::{Cut, JOINT, cuts, pair};
use super::plan::{Plan, Terms};
use super::query::Clause;
use super::schema::{Fields, Scope, exact_range, prefix_range};
use super::syntax::Node;
use super::tail::Tail;
use super::visibility::{Rarity, ReadableScopes};

/// Fewest letters of a word that may be misspelt.
const SHORTEST_MISSPELT: usize = 4;
/// Fewest characters of a name that may have a wrong one.
const SHORTEST_OVERLAP: usize = 3;
/// What a match that is not exact counts, against an exact one of the same slot.
const INEXACT: f32 = 0.5;
/// Most terms that a beginning of a word may stand for; one that has more is looked up as a whole word.
const MAX_EXPANSIONS: usize = 50_000;
/// A word that more than this part of the visible records has says nothing where words may be missing.
const STOP_SHARE: u64 = 10;
/// Fewest visible records from which such words are told.
const FEWEST_FOR_STOP: u64 = 1_000;

/// A part of a query, or nothing where nothing can match.
type Part = Option<Plan>;

/// How closely words must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Closeness {
    /// As they are written.
    Written,
    /// With one letter wrong, or some characters of a name.
    Misspelt,
    /// Any of them.
    Closest,
}

/// Compiles one search.
pub(super) struct Compiler<'a> {
    /// The state of the index.
    pub(super) searcher: &'a Searcher,
    /// What is newer.
    pub(super) tail: &'a Tail,
    /// The layout.
    pub(super) fields: &'a Fields,
    /// What may be read.
    pub(super) readable: ReadableScopes<'a>,
    /// How rare words are.
    pub(super) rarity: &'a Rarity<'a>,
    /// How closely words must match.
    pub(super) closeness: Closeness,
    /// The only fields of the part that is compiled.
    pub(super) only: Option<BTreeSet<Scope>>,
    /// For words that were misspelt, the nearest one that is there.
    pub(super) corrections: BTreeMap<String, String>,
}

/// What a match counts. Names come first, then words of names, contact data, readings, and prose.
fn weight(slot: Slot) -> f32 {
    match slot {
        Slot::Name => 4.0,
        Slot::Latin => 3.0,
        Slot::Email | Slot::Digits => 2.0,
        Slot::Pinyin => 1.5,
        Slot::Text | Slot::Word | Slot::Initials => 1.0,
        Slot::Fragment => 0.3,
    }
}

impl Compiler<'_> {
    /// The plan of a query; nothing where nothing can match.
    pub(super) fn compile(&mut self, node: &Node) -> Result<Part> {
        if self.closeness < Closeness::Closest {
            return self.node(node);
        }
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        self.loose(node, &mut wanted, &mut unwanted)?;
        Ok(without(self.some(wanted, |_| 1)?, Plan::any(unwanted)))
    }

    fn node(&mut self, node: &Node) -> Result<Part> {
        Ok(match node {
            Node::Clause(clause) => self.clause(clause)?,
            Node::All(nodes) => self.all(nodes)?,
            Node::Any(nodes) => {
                let mut parts = Vec::new();
                for node in nodes {
                    parts.extend(self.node(node)?);
                }
                Plan::any(parts)
            }
            Node::Within(scopes, node) => self.within(scopes, |compiler| compiler.node(node))?,
            Node::Not(_) => None, // Stands beside what is wanted, in a group of all.
        })
    }

    fn all(&mut self, nodes: &[Node]) -> Result<Part> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for node in nodes {
            if let Node::Not(node) = node {
                unwanted.extend(self.as_written(node)?);
            } else {
                let Some(part) = self.node(node)? else { return Ok(None) };
                wanted.push(part);
            }
        }
        Ok(without(Plan::every(wanted), Plan::any(unwanted)))
    }

    /// What is unwanted is so only as it is written.
    fn as_written(&mut self, node: &Node) -> Result<Part> {
        let before = std::mem::replace(&mut self.closeness, Closeness::Written);
        let part = self.node(node);
        self.closeness = before;
        part
    }

    fn within<T>(&mut self, scopes: &[(u32, u32)], inner: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let scopes = scopes.iter().map(|(kind, field)| Scope { kind: *kind, field: *field });
        let scopes: BTreeSet<Scope> = match &self.only {
            Some(outer) => scopes.filter(|scope| outer.contains(scope)).collect(),
            None => scopes.collect(),
        };
        let before = self.only.replace(scopes);
        let part = inner(self);
        self.only = before;
        part
    }

    /// Every small part of a query by itself: pairs of characters, words.
    fn loose(&mut self, node: &Node, wanted: &mut Vec<Plan>, unwanted: &mut Vec<Plan>) -> Result<()> {
        match node {
            Node::Clause(Clause::Ideographs(text) | Clause::Exactly(text)) => {
                wanted.append(&mut self.pieces(&grams(text, 2).into_iter().collect())?);
            }
            Node::Clause(Clause::Phrase(words)) => {
                for word in words {
                    let mut found = Vec::new();
                    for slot in [Slot::Latin, Slot::Word, Slot::Email] {
                        self.exact(slot, word, &mut found)?;
                    }
                    wanted.extend(Plan::any(found));
                }
            }
            Node::Clause(clause) => wanted.extend(self.as_written(&Node::Clause(clause.clone()))?),
            Node::All(nodes) | Node::Any(nodes) => {
                for node in nodes {
                    self.loose(node, wanted, unwanted)?;
                }
            }
            Node::Not(node) => unwanted.extend(self.as_written(node)?),
            Node::Within(scopes, node) => {
                self.within(scopes, |compiler| compiler.loose(node, wanted, unwanted))?;
            }
        }
        Ok(())
    }

    fn clause(&mut self, clause: &Clause) -> Result<Part> {
        let mut found = Vec::new();
        match clause {
            Clause::Ideographs(text) => {
                self.ideographs(text, &mut found)?;
                found.extend(self.overlap(text)?);
            }
            Clause::Exactly(text) => self.ideographs(text, &mut found)?,
            Clause::Word { word, unfinished, inner } => {
                self.word(word, *unfinished, *inner, &mut found)?;
            }
            Clause::Address(address) => self.address(address, &mut found)?,
            Clause::Telephone { digits, apart } => {
                self.phrase(Slot::Digits, &grams(digits, GRAM), GRAM, &mut found)?;
                let apart: Vec<Node> = apart.iter().cloned().map(Node::Clause).collect();
                found.extend(self.all(&apart)?);
            }
            Clause::Phrase(words) => self.words_in_order(words, &mut found)?,
        }
        Ok(Plan::any(found))
    }

    fn ideographs(&mut self, text: &str, found: &mut Vec<Plan>) -> Result<()> {
        for slot in [Slot::Name, Slot::Text] {
            if text.chars().nth(1).is_none() {
                self.beginning(slot, text, found)?;
            } else {
                self.phrase(slot, &grams(text, 2), 2, found)?;
            }
        }
        Ok(())
    }

    /// Pairs of characters, each wherever it stands; those that stand nowhere are left out.
    fn pieces(&mut self, pairs: &BTreeSet<String>) -> Result<Vec<Plan>> {
        let mut parts = Vec::new();
        for pair in pairs {
            let mut found = Vec::new();
            self.ideographs(pair, &mut found)?;
            parts.extend(Plan::any(found));
        }
        Ok(parts)
    }

    /// Names that share most of their pairs of characters with a text: with a character wrong, left out
    /// or added. No more must be shared than visible records have; what hidden ones have, or what was there before,
    /// changes nothing of that.
    fn overlap(&mut self, text: &str) -> Result<Part> {
        if self.closeness < Closeness::Misspelt || text.chars().count() < SHORTEST_OVERLAP {
            return Ok(None);
        }
        let pairs: BTreeSet<String> = grams(text, 2).into_iter().collect();
        let (asked, parts) = (pairs.len(), self.pieces(&pairs)?);
        let (known, mut seen) = (parts.len(), 0_usize);
        for part in &parts {
            seen = seen.saturating_add(usize::from(self.occurs(part)?));
        }
        self.some(parts, |left| {
            let away = known.saturating_sub(left);
            let asked = asked.saturating_sub(away);
            // One wrong character takes two pairs away; longer names may have another.
            let needed = asked.saturating_sub(2).min(asked.saturating_mul(3).div_ceil(5));
            needed.clamp(1, seen.saturating_sub(away).max(1))
        })
    }

    /// At least some of several parts, those left aside that too many records have, unless nobody who is visible has any
    /// of the others. What stands in hidden records alone changes nothing of that.
    fn some(&self, parts: Vec<Plan>, least: impl FnOnce(usize) -> usize) -> Result<Part> {
        let mut telling = Vec::with_capacity(parts.len());
        let mut common = Vec::new();
        for part in parts {
            if self.is_common(&part)? { common.push(part) } else { telling.push(part) }
        }
        let parts = if common.is_empty() || self.any_is_visible(&telling)? {
            telling
        } else {
            telling.into_iter().chain(common).collect()
        };
        let least = least(parts.len());
        if parts.len() < least {
            return Ok(None);
        }
        if parts.len() < 2 {
            return Ok(parts.into_iter().next());
        }
        Ok(Some(Plan::Some { least, parts }))
    }

    fn any_is_visible(&self, parts: &[Plan]) -> Result<bool> {
        for part in parts {
            if self.occurs(part)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether any visible record has one of the terms of a plan; of parts that must all be there, whether each of them is
    /// somewhere.
    fn occurs(&self, plan: &Plan) -> Result<bool> {
        match plan {
            Plan::Phrase { slot, terms, .. } => {
                for (_, text) in terms {
                    if self.rarity.occurs(*slot, text)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Plan::Set { slot, terms, .. } => self.rarity.any_occurs(*slot, terms),
            Plan::All(parts) => {
                for part in parts {
                    if !self.occurs(part)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Plan::Any(parts) | Plan::Some { parts, .. } => self.any_is_visible(parts),
            Plan::Without(wanted, _) => self.occurs(wanted),
        }
    }

    fn is_common(&self, part: &Plan) -> Result<bool> {
        let all = self.rarity.records();
        if all < FEWEST_FOR_STOP {
            return Ok(false);
        }
        Ok(match part {
            Plan::Phrase { slot, terms, .. } => {
                let mut rarest = u64::MAX;
                for (_, text) in terms {
                    let term = Term::from_field_text(self.fields.of(*slot), text);
                    rarest = rarest.min(self.rarity.of(&term)?);
                }
                rarest > all.saturating_div(STOP_SHARE)
            }
            Plan::Any(parts) => {
                let mut common = false;
                for part in parts {
                    common |= self.is_common(part)?;
                }
                common
            }
            _ => false,
        })
    }

    fn word(&mut self, word: &Word, unfinished: bool, inner: bool, found: &mut Vec<Plan>) -> Result<()> {
        for slot in [Slot::Latin, Slot::Word, Slot::Email] {
            self.exact(slot, &word.whole, found)?;
            if unfinished {
                self.beginning(slot, &word.whole, found)?;
            }
        }
        self.inside(&word.whole, inner, found)?;
        if !word.parts.is_empty() {
            found.extend(self.parts(&word.parts, &[Slot::Latin, Slot::Word])?);
        }
        if word.whole.chars().any(|character| character.is_ascii_digit()) {
            if word.whole.len() == SHORTEST_GRAM {
                self.beginning(Slot::Digits, &word.whole, found)?;
            } else {
                self.phrase(Slot::Digits, &grams(&word.whole, GRAM), GRAM, found)?;
            }
        } else {
            self.misspelt(&word.whole, found)?;
        }
        if word.whole.len() >= 2 && word.whole.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            self.beginning(Slot::Initials, &word.whole, found)?;
        }
        for cut in cuts(&word.whole, unfinished) {
            self.pinyin(&cut, found)?;
        }
        Ok(())
    }

    /// Words of names that have these letters inside; a single one only beside another script.
    fn inside(&mut self, text: &str, inner: bool, found: &mut Vec<Plan>) -> Result<()> {
        match text.chars().count() {
            0 => Ok(()),
            1 if !inner => Ok(()),
            length if length < FRAGMENT => self.beginning(Slot::Fragment, text, found),
            _ => self.phrase(Slot::Fragment, &grams(text, FRAGMENT), FRAGMENT, found),
        }
    }

    /// Words at neighbouring places; the last one whole like the others.
    fn words_in_order(&mut self, words: &[String], found: &mut Vec<Plan>) -> Result<()> {
        for slot in [Slot::Latin, Slot::Word] {
            self.phrase(slot, words, 1, found)?;
        }
        if let [word] = words {
            self.exact(Slot::Email, word, found)?;
            if word.chars().any(|character| character.is_ascii_digit()) && word.len() >= GRAM {
                self.phrase(Slot::Digits, &grams(word, GRAM), GRAM, found)?;
            }
        }
        Ok(())
    }

    fn address(&mut self, address: &Address, found: &mut Vec<Plan>) -> Result<()> {
        self.exact(Slot::Email, &address.whole, found)?;
        self.beginning(Slot::Email, &address.whole, found)?;
        if let Some(domain) = &address.domain {
            let mut domains = Vec::new();
            self.beginning(Slot::Email, &format!("@{domain}"), &mut domains)?;
            let local = self.parts(&address.local_terms(), &[Slot::Email])?;
            if (local.is_some() || address.local.is_empty())
                && let Some(domain) = Plan::any(domains)
            {
                found.extend(Plan::every(local.into_iter().chain([domain]).collect()));
            }
        }
        Ok(())
    }

    /// All of several words, each in any of the slots.
    fn parts(&mut self, words: &[String], slots: &[Slot]) -> Result<Part> {
        let mut parts = Vec::with_capacity(words.len());
        for word in words {
            let mut found = Vec::new();
            for slot in slots {
                self.exact(*slot, word, &mut found)?;
            }
            let Some(part) = Plan::any(found) else { return Ok(None) };
            parts.push(part);
        }
        Ok(Plan::every(parts))
    }

    /// Neighbouring syllables, the last of them perhaps unfinished.
    fn pinyin(&mut self, cut: &Cut, found: &mut Vec<Plan>) -> Result<()> {
        let pairs: Vec<String> = cut
            .syllables
            .iter()
            .zip(cut.syllables.iter().skip(1))
            .map(|(left, right)| pair(left, right))
            .collect();
        match (&cut.begun, cut.syllables.last()) {
            (Some(begun), Some(last)) => {
                let ends = self
                    .lookup(Slot::Pinyin, &prefix_range(&pair(last, begun)), |_| true)?
                    .unwrap_or_default();
                for end in ends.into_keys().map(|(text, _)| text).collect::<BTreeSet<_>>() {
                    let pairs: Vec<String> = pairs.iter().cloned().chain([end]).collect();
                    self.phrase(Slot::Pinyin, &pairs, 1, found)?;
                }
                Ok(())
            }
            (None, Some(only)) if pairs.is_empty() => {
                self.exact(Slot::Pinyin, only, found)?;
                self.beginning(Slot::Pinyin, &format!("{only}{JOINT}"), found)
            }
            _ => self.phrase(Slot::Pinyin, &pairs, 1, found),
        }
    }

    /// A term wherever it stands.
    pub(super) fn exact(&mut self, slot: Slot, text: &str, found: &mut Vec<Plan>) -> Result<()> {
        self.phrase(slot, &[text.to_owned()], 1, found)
    }

    /// Terms at neighbouring places of one field, where consecutive terms share all but one of their
    /// `width` characters; terms that others cover are left out, which halves the work.
    fn phrase(&mut self, slot: Slot, terms: &[String], width: usize, found: &mut Vec<Plan>) -> Result<()> {
        let mut by_scope: BTreeMap<Scope, Vec<(usize, String)>> = BTreeMap::new();
        let last = terms.len().saturating_sub(1);
        let needed = terms.iter().enumerate().filter(|(place, _)| place % width == 0 || *place == last);
        let mut expected = 0_usize;
        for (place, text) in needed {
            expected = expected.saturating_add(1);
            for ((_, scope), term) in self.lookup(slot, &exact_range(text), |_| true)?.unwrap_or_default() {
                by_scope.entry(scope).or_default().push((place, term));
            }
        }
        let whole = by_scope.into_iter().filter(|(_, terms)| terms.len() == expected);
        found.extend(whole.map(|(scope, terms)| {
            let weight = weight(slot) * self.readable.weight(scope);
            Plan::Phrase { slot, terms, weight }
        }));
        Ok(())
    }

    fn beginning(&mut self, slot: Slot, text: &str, found: &mut Vec<Plan>) -> Result<()> {
        // A few first letters are a term of their own.
        let is_head = slot == Slot::Initials && text.chars().count() <= LONGEST_HEAD;
        let (from, to) = if is_head { exact_range(text) } else { prefix_range(text) };
        // A word at the beginning of an address is one of its parts, too, so that no other term need be looked at.
        let parts_alone = slot == Slot::Email && text.chars().all(char::is_alphanumeric);
        let is_asked = |text: &str| !(parts_alone && text.contains('@'));
        let (mut gathered, mut count) = (Gathered::new(slot), 0_usize);
        for reader in self.searcher.segment_readers() {
            let pairs = self.rarity.visible.of(reader.segment_id())?.mask.pairs.clone();
            if pairs.met(slot, text, |scope| self.reads(scope)) > MAX_EXPANSIONS {
                return Ok(());
            }
            let index = reader.inverted_index(self.fields.of(slot))?;
            let mut stream = index.terms().range().ge(&from).lt(&to).into_stream()?;
            let mut met: HashMap<Scope, usize> = HashMap::new();
            let mut left = MAX_EXPANSIONS.saturating_add(1);
            while left > 0 && stream.advance() {
                if let Some((_, scope)) = self.term(stream.key()).filter(|(text, _)| is_asked(text)) {
                    gathered.list(self.readable.weight(scope), reader.segment_id(), stream.value());
                    let met = met.entry(scope).or_default();
                    *met = met.saturating_add(1);
                    left = left.saturating_sub(1);
                    count = count.saturating_add(1);
                }
            }
            if left == 0 {
                pairs.keep_met(slot, text, met);
                return Ok(());
            }
        }
        let tail = self.tail;
        for term in tail.terms(slot, std::str::from_utf8(&from).unwrap_or_default(), &to) {
            if let Some((_, scope)) = self.term(term.as_bytes()).filter(|(text, _)| is_asked(text)) {
                gathered.keep(self.readable.weight(scope), term);
                count = count.saturating_add(1);
            }
        }
        let is_one_part = self.searcher.segment_readers().len() <= 1 && tail.len() == 0;
        // Several parts may have the same terms.
        if count <= MAX_EXPANSIONS || (!is_one_part && self.lookup(slot, &(from, to), is_asked)?.is_some()) {
            found.extend(gathered.plans());
        }
        Ok(())
    }

    fn misspelt(&mut self, text: &str, found: &mut Vec<Plan>) -> Result<()> {
        if self.closeness < Closeness::Misspelt || text.chars().count() < SHORTEST_MISSPELT {
            return Ok(());
        }
        for slot in [Slot::Latin, Slot::Word] {
            let field = self.fields.of(slot);
            let (mut terms, mut gathered) = (BTreeMap::new(), Gathered::new(slot));
            // The automaton knows nothing of scopes, so it looks for beginnings (the scope stands
            // behind), and what it finds is compared again without the scope.
            let near = FuzzyTermQuery::new_prefix(Term::from_field_text(field, text), 1, true);
            let automaton = near.automaton()?;
            for reader in self.searcher.segment_readers() {
                let index = reader.inverted_index(field)?;
                let mut stream = index.terms().search(&automaton).into_stream()?;
                while stream.advance() {
                    if let Some((word, scope)) = self.near(stream.key(), text) {
                        gathered.list(self.readable.weight(scope), reader.segment_id(), stream.value());
                        terms.insert((word.to_owned(), scope), scope.qualify(word));
                    }
                }
            }
            let tail = self.tail;
            for term in tail.all_terms(slot) {
                if let Some((word, scope)) = self.near(term.as_bytes(), text) {
                    gathered.keep(self.readable.weight(scope), term);
                    terms.insert((word.to_owned(), scope), term.to_owned());
                }
            }
            self.correct(slot, text, &terms)?;
            found.extend(gathered.plans());
        }
        Ok(())
    }

    /// A readable term that one edit at most makes a text.
    fn near<'k>(&mut self, key: &'k [u8], text: &str) -> Option<(&'k str, Scope)> {
        self.term(key).filter(|(word, _)| is_one_edit_away(word, text))
    }

    /// Remembers the most frequent of the near words that are visible, which those of records that changed or went since are
    /// not, however long the index still counts them.
    fn correct(&mut self, slot: Slot, text: &str, terms: &BTreeMap<(String, Scope), String>) -> Result<()> {
        let mut best: Option<(u64, &String)> = None;
        for ((word, _), term) in terms {
            let count = self.rarity.of(&Term::from_field_text(self.fields.of(slot), term))?;
            if count > best.map_or(0, |(count, _)| count) && self.rarity.occurs(slot, term)? {
                best = Some((count, word));
            }
        }
        if let Some((_, word)) = best.filter(|(_, word)| *word != text) {
            self.corrections.entry(text.to_owned()).or_insert_with(|| word.clone());
        }
        Ok(())
    }

    /// The readable terms of a range of a dictionary, by text and scope; nothing where there are more
    /// than a query may have.
    fn lookup(
        &mut self,
        slot: Slot,
        (from, to): &(Vec<u8>, Vec<u8>),
        is_asked: impl Fn(&str) -> bool,
    ) -> Result<Option<BTreeMap<(String, Scope), String>>> {
        let mut found = BTreeMap::new();
        for reader in self.searcher.segment_readers() {
            let index = reader.inverted_index(self.fields.of(slot))?;
            let mut stream = index.terms().range().ge(from).lt(to).into_stream()?;
            while stream.advance() {
                self.keep(stream.key(), &is_asked, &mut found);
                if found.len() > MAX_EXPANSIONS {
                    return Ok(None);
                }
            }
        }
        let tail = self.tail;
        for term in tail.terms(slot, std::str::from_utf8(from).unwrap_or_default(), to) {
            self.keep(term.as_bytes(), &is_asked, &mut found);
        }
        Ok(Some(found))
    }

    fn keep(
        &mut self,
        key: &[u8],
        is_asked: impl Fn(&str) -> bool,
        found: &mut BTreeMap<(String, Scope), String>,
    ) {
        if let Some((text, scope)) = self.term(key).filter(|(text, _)| is_asked(text)) {
            found.insert((text.to_owned(), scope), scope.qualify(text));
        }
    }

    /// Text and scope of a key of a dictionary, if the person may read it and it is asked for.
    fn term<'k>(&mut self, key: &'k [u8]) -> Option<(&'k str, Scope)> {
        let (text, scope) = Scope::of_term(key)?;
        self.reads(scope).then_some((text, scope))
    }

    /// Whether a scope may be read and is asked for.
    fn reads(&mut self, scope: Scope) -> bool {
        let asked = self.only.as_ref().is_none_or(|only| only.contains(&scope));
        asked && self.readable.contains(scope)
    }
}

/// Terms of a dictionary, any of which is wanted; those of fields that count alike are one part of the query.
struct Gathered {
    slot: Slot,
    by_weight: BTreeMap<u32, Alike>,
}

/// Terms of fields that count alike: where the parts of the index list their rows, and those of the tail.
#[derive(Default)]
struct Alike {
    listed: HashMap<SegmentId, Vec<TermInfo>>,
    in_tail: Vec<String>,
}

impl Gathered {
    fn new(slot: Slot) -> Self {
        Self { slot, by_weight: BTreeMap::new() }
    }

    fn list(&mut self, weight: f32, part: SegmentId, place: &TermInfo) {
        let alike = self.by_weight.entry(weight.to_bits()).or_default();
        alike.listed.entry(part).or_default().push(place.clone());
    }

    fn keep(&mut self, weight: f32, term: &str) {
        self.by_weight.entry(weight.to_bits()).or_default().in_tail.push(term.to_owned());
    }

    fn plans(self) -> impl Iterator<Item = Plan> {
        let slot = self.slot;
        self.by_weight.into_iter().map(move |(bits, Alike { listed, in_tail })| Plan::Set {
            slot,
            terms: Terms { listed: Arc::new(listed), in_tail },
            score: weight(slot) * INEXACT * f32::from_bits(bits),
        })
    }
}

/// A query with the words that were misspelt put right; nothing where none was.
pub(super) fn corrected(text: &str, corrections: &BTreeMap<String, String>) -> Option<String> {
    let word = |piece: &str| {
        let key = super::folding::folded(piece);
        corrections.get(&key).cloned().unwrap_or_else(|| piece.to_owned())
    };
    let right: Vec<String> = text.split_whitespace().map(word).collect();
    let right = right.join(" ");
    (right != text.split_whitespace().collect::<Vec<_>>().join(" ")).then_some(right)
}

fn without(wanted: Part, unwanted: Part) -> Part {
    match (wanted, unwanted) {
        (Some(wanted), Some(unwanted)) => Some(Plan::Without(Box::new(wanted), Box::new(unwanted))),
        (wanted, _) => wanted,
    }
}

/// Whether one insertion, deletion, substitution or exchange of neighbours, or none at all, makes one
/// word the other (Damerau 1964).
fn is_one_edit_away(left: &str, right: &str) -> bool {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let same = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let rest =
        |word: &[char], skip: usize| word.iter().copied().skip(same.saturating_add(skip)).collect::<Vec<_>>();
    let exchanged = || {
        let mut head: Vec<char> = rest(&left, 0).into_iter().take(2).collect();
        head.reverse();
        head.len() == 2 && rest(&right, 0).starts_with(&head) && rest(&left, 2) == rest(&right, 2)
    };
    left == right
        || rest(&left, 1) == rest(&right, 1)
        || rest(&left, 1) == rest(&right, 0)
        || rest(&left, 0) == rest(&right, 1)
        || exchanged()
}
