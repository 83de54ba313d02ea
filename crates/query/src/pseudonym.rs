//! Pseudonyms: what stands for a person or an address that a caller may not know.
//!
//! A pseudonym is made by HMAC-SHA256 from who is meant and a key that only the server has. It is
//! always the same for the same person or address, so that one can be followed through the log,
//! and without the key nobody can work out or try out who it is.

use std::net::IpAddr;

use durward_model::{Cell, FieldId, cell};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::fold::{fold, guid};
use crate::scalar::address;
use crate::values::ZERO_GUID;

/// The key of a store's pseudonyms. With another key everybody has another pseudonym.
#[derive(Clone)]
pub(crate) struct PseudonymKey(Hmac<Sha256>);

/// Letters of pseudonyms: none that is taken for another, each five bits.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of one pseudonym: 60 bits, so that among ten million people two share one with a
/// probability of 1 in 20,000.
const LENGTH: usize = 12;
/// `invalid` is reserved: no mail and no sign-in ever goes there.
const DOMAIN: &str = "@masked.invalid";

/// Somebody, as pseudonyms know them.
pub(crate) struct Person([u8; 32]);

impl PseudonymKey {
    pub(crate) fn new(key: &[u8; 32]) -> PseudonymKey {
        // HMAC fills short keys up with zeros; done here, the length cannot be wrong.
        let mut block = [0; 64];
        block[..32].copy_from_slice(key);
        PseudonymKey(Hmac::new(&block.into()))
    }

    fn hash(&self, kind: &str, text: &str) -> [u8; 32] {
        let mut mac = self.0.clone();
        for part in [kind, "\0", text] {
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    /// The person an actor entity is about. Known by identifier where there is one, so that all
    /// names of a person lead to one pseudonym; else by the first name there is.
    pub(crate) fn person(&self, actor: &[u8]) -> Person {
        let text = |field| match cell::find(actor, field) {
            Cell::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        };
        if let Some(id) = text(FieldId::UserId).filter(|id| *id != ZERO_GUID) {
            let id = guid(&id).unwrap_or_else(|| fold(&id).into_owned());
            return Person(self.hash("person by id", &id));
        }
        let sign_in_names =
            [FieldId::UserPrincipalName, FieldId::SignInIdentifier, FieldId::AlternateSignInName];
        if let Some(name) = sign_in_names.into_iter().find_map(text) {
            return Person(self.hash("person by sign-in name", &fold(&name)));
        }
        let name = text(FieldId::UserDisplayName).unwrap_or_default();
        Person(self.hash("person by name", &fold(&name)))
    }

    /// What stands for an address, however it is spelled, with or without a port.
    pub(crate) fn address(&self, text: &str) -> String {
        let text = match address(text) {
            Some(address) => IpAddr::to_canonical(&address).to_string(),
            None => fold(text.trim()).into_owned(),
        };
        format!("ip-{}", letters(&self.hash("address", &text)))
    }
}

impl Person {
    /// In the place of a display name.
    pub(crate) fn name(&self) -> String {
        format!("user-{}", letters(&self.0))
    }

    /// In the place of a user principal name.
    pub(crate) fn sign_in_name(&self) -> String {
        self.name() + DOMAIN
    }

    /// In the place of an identifier: a GUID, of the version for uses of one's own, which no
    /// directory gives.
    pub(crate) fn id(&self) -> String {
        let mut bytes: [u8; 16] = std::array::from_fn(|index| self.0[16 + index]);
        bytes[6] = bytes[6] & 0x0f | 0x80;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        durward_model::Id(bytes).to_string()
    }
}

fn letters(hash: &[u8; 32]) -> String {
    let (start, _) = hash.as_chunks::<8>();
    let mut bits = u64::from_be_bytes(start[0]);
    let letter = |_| {
        let letter = LETTERS[(bits >> 59) as usize];
        bits <<= 5;
        char::from(letter)
    };
    (0..LENGTH).map(letter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(cells: &[(FieldId, &str)]) -> Vec<u8> {
        let mut entity = Vec::new();
        for (field, text) in cells {
            cell::encode(*field, &Cell::text(text), &mut entity);
        }
        entity
    }

    #[test]
    fn a_person_has_one_pseudonym_under_all_names() {
        use FieldId::{SignInIdentifier, UserDisplayName, UserId, UserPrincipalName};
        let key = PseudonymKey::new(&[7; 32]);
        let name = |cells: &[(FieldId, &str)]| key.person(&actor(cells)).name();
        let id = "7F6A1C00-0000-4000-8000-000000000001";
        let ana = name(&[(UserId, id), (UserDisplayName, "Ana Ruiz")]);
        assert_eq!(ana, name(&[(UserId, &id.to_lowercase()), (UserPrincipalName, "a@x.example")]));
        assert_ne!(ana, name(&[(UserDisplayName, "Ana Ruiz")]));
        let by_name = name(&[(UserId, ZERO_GUID), (UserPrincipalName, "Ána@X.example")]);
        assert_eq!(by_name, name(&[(UserPrincipalName, "ana@x.example")]));
        assert_eq!(by_name, name(&[(SignInIdentifier, "ana@x.example")]));
        assert_ne!(by_name, name(&[(UserPrincipalName, "bea@x.example")]));
        assert_eq!(ana.len(), "user-".len() + LENGTH);
        let other = PseudonymKey::new(&[8; 32]);
        assert_ne!(ana, other.person(&actor(&[(UserId, id)])).name());

        let person = key.person(&actor(&[(UserId, id)]));
        assert_eq!(person.sign_in_name(), format!("{ana}@masked.invalid"));
        let shape = guid(&person.id());
        assert_eq!(shape.as_deref().map(|id| &id[14..15]), Some("8"), "no version a directory has");
    }

    #[test]
    fn every_spelling_of_an_address_has_one_pseudonym() {
        let key = PseudonymKey::new(&[7; 32]);
        let usual = key.address("203.0.113.7");
        for text in ["203.0.113.7:443", " 203.0.113.7", "::ffff:203.0.113.7"] {
            assert_eq!(key.address(text), usual, "{text}");
        }
        assert_eq!(key.address("2001:DB8::7"), key.address("2001:db8:0::7"));
        assert_ne!(key.address("203.0.113.8"), usual);
        assert!(address(&usual).is_none(), "{usual} is taken for no address");
    }
}
