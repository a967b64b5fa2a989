//! Commitments of a ledger entry: they prove its values to whoever can open them, and say nothing to others.
//!
//! The commitment to one field is a hash over a random salt that lies sealed with the values. In entries of
//! format 2 the chain covers one hash over the commitments of all fields, in those of format 1 each of them.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, FieldId, Result};
use crate::records::codec::{Reader, damaged};

/// As many fields are made room for at once; a damaged entry may say that it has any number.
const USUAL_FIELDS: usize = 64;
/// Bytes of a salt.
pub(super) const SALT: usize = 32;
const DOMAIN_OF_FORMAT_1: &[u8] = b"guanxi.ledger.commitment.v1";
/// As long as what is left beside a salt in a block of SHA-256, so that both are taken in once for all
/// fields of an entry.
const FIELD_DOMAIN: &[u8; 32] = b"guanxi.ledger.commitment.field.2";
const ROOT_DOMAIN: &[u8] = b"guanxi.ledger.commitment.root.2";

/// A field as it stands in the sealed values: its number, and its values before and after.
pub(super) type SealedChange<'a> = (FieldId, &'a [u8], &'a [u8]);

/// What the chain holds of the values of an entry.
#[derive(Debug, Clone)]
pub(super) enum Commitments {
    /// Format 1: each field with its commitment.
    Each(Vec<(FieldId, [u8; 32])>),
    /// Format 2: the fields, and one hash over their commitments.
    Root(Vec<FieldId>, [u8; 32]),
}

impl Commitments {
    /// Reads what an entry of format 1 holds.
    pub(super) fn read_each(reader: &mut Reader<'_>) -> Result<Self> {
        let mut each = Vec::new();
        for _ in 0..reader.unsigned::<usize>()? {
            each.push((FieldId::new(reader.unsigned()?), reader.array()?));
        }
        Ok(Self::Each(each))
    }

    /// Reads what an entry of format 2 holds.
    pub(super) fn read_root(reader: &mut Reader<'_>) -> Result<Self> {
        let count = reader.unsigned::<usize>()?;
        let mut fields = Vec::with_capacity(count.min(USUAL_FIELDS));
        for _ in 0..count {
            fields.push(FieldId::new(reader.unsigned()?));
        }
        Ok(Self::Root(fields, reader.array()?))
    }

    /// The fields that the entry changes, which stand in the clear.
    pub(super) fn fields(&self) -> Vec<FieldId> {
        match self {
            Self::Each(each) => each.iter().map(|(field, _)| *field).collect(),
            Self::Root(fields, _) => fields.clone(),
        }
    }

    /// How many fields the entry changes.
    pub(super) fn count(&self) -> usize {
        match self {
            Self::Each(each) => each.len(),
            Self::Root(fields, _) => fields.len(),
        }
    }

    /// Holds sealed values against these commitments.
    ///
    /// # Errors
    /// [`Code::Damaged`] where a value is not what was committed to.
    pub(super) fn check(&self, salt: &[u8; SALT], changes: &[SealedChange<'_>]) -> Result<()> {
        let right = match self {
            Self::Each(each) => {
                let salted = Hmac::<Sha256>::new_from_slice(salt).map_err(|_| Error::new(Code::Panic))?;
                let expected =
                    changes.iter().map(|change| (change.0, commitment_of_format_1(&salted, change)));
                expected.eq(each.iter().copied())
            }
            Self::Root(fields, expected) => {
                let mut root = Root::new(salt);
                changes.iter().for_each(|change| root.add(change));
                changes.iter().map(|change| change.0).eq(fields.iter().copied()) && root.finish() == *expected
            }
        };
        if right { Ok(()) } else { Err(damaged()) }
    }
}

/// The hash over the commitments of an entry of format 2, as they come.
pub(super) struct Root {
    salted: Sha256,
    fields: Sha256,
}

impl Root {
    /// No commitments yet.
    pub(super) fn new(salt: &[u8; SALT]) -> Self {
        Self {
            salted: Sha256::new().chain_update(FIELD_DOMAIN).chain_update(salt),
            fields: Sha256::new().chain_update(ROOT_DOMAIN),
        }
    }

    /// Adds the commitment to a field. Every length stands before its bytes, so no two changes make one text.
    pub(super) fn add(&mut self, (field, before, after): &SealedChange<'_>) {
        let mut hash = self.salted.clone();
        hash.update(field.number().to_be_bytes());
        hash.update(length(before));
        hash.update(before);
        hash.update(after);
        self.fields.update(hash.finalize());
    }

    /// The hash over all of them.
    pub(super) fn finish(self) -> [u8; 32] {
        self.fields.finalize().into()
    }
}

fn commitment_of_format_1(salted: &Hmac<Sha256>, (field, before, after): &SealedChange<'_>) -> [u8; 32] {
    let mut mac = salted.clone();
    mac.update(DOMAIN_OF_FORMAT_1);
    mac.update(&field.number().to_be_bytes());
    for part in [before, after] {
        mac.update(&length(part));
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn length(part: &[u8]) -> [u8; 8] {
    (part.len() as u64).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::codec::Writer;

    const SALTED: [u8; SALT] = [7; SALT];

    fn committed(changes: &[SealedChange<'_>]) -> Commitments {
        let (mut writer, mut root) = (Writer::default(), Root::new(&SALTED));
        writer.varint(changes.len() as u128);
        for change in changes {
            writer.varint(u128::from(change.0.number()));
            root.add(change);
        }
        writer.raw(&root.finish());
        Commitments::read_root(&mut Reader::new(&writer.finish())).unwrap()
    }

    /// The definition of FORMAT.md, written down once more without the shared state of the hash.
    fn by_definition(changes: &[SealedChange<'_>]) -> [u8; 32] {
        let mut text = b"guanxi.ledger.commitment.root.2".to_vec();
        for (field, before, after) in changes {
            let mut part = b"guanxi.ledger.commitment.field.2".to_vec();
            part.extend([7; 32]);
            part.extend(field.number().to_be_bytes());
            part.extend((before.len() as u64).to_be_bytes());
            part.extend_from_slice(before);
            part.extend_from_slice(after);
            text.extend(Sha256::digest(&part));
        }
        Sha256::digest(&text).into()
    }

    #[test]
    fn the_root_is_the_hash_over_the_commitments_of_all_fields() {
        let changes: [SealedChange<'_>; 2] =
            [(FieldId::new(64), b"before", b"after"), (FieldId::new(300), b"", b"x")];
        let Commitments::Root(fields, root) = committed(&changes) else { panic!("format 2") };
        assert_eq!(fields, [FieldId::new(64), FieldId::new(300)]);
        assert_eq!(root, by_definition(&changes));
    }

    #[test]
    fn another_value_field_salt_or_split_is_noticed() {
        let changes: [SealedChange<'_>; 2] =
            [(FieldId::new(64), b"before", b"after"), (FieldId::new(65), b"", b"x")];
        let commitments = committed(&changes);
        commitments.check(&SALTED, &changes).unwrap();
        assert!(commitments.check(&[8; SALT], &changes).is_err());
        assert!(commitments.check(&SALTED, &changes[..1]).is_err());
        let others: [SealedChange<'_>; 4] = [
            (FieldId::new(64), b"before", b"aftex"),
            (FieldId::new(64), b"beforea", b"fter"),
            (FieldId::new(63), b"before", b"after"),
            (FieldId::new(64), b"", b"beforeafter"),
        ];
        for other in others {
            assert!(commitments.check(&SALTED, &[other, changes[1]]).is_err(), "{other:?}");
        }
    }
}
