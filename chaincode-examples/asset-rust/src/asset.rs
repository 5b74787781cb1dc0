use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use weft::{composite_key, Error, Result, Tx};

/// Object type of the keys owner~id.
pub const OWNED: &str = "owner";

const MAX_NAME: usize = 64;

pub struct Asset<'a> {
    pub id: &'a str,
    pub owner: &'a str,
    pub value: i64,
}

/// Ids and owners need no escaping, neither in keys nor in JSON.
pub fn checked_name(name: &str) -> Result<&str> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b" ._-@".contains(&b);
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(fits) {
        return Err(Error::new("an id or owner is 1 to 64 letters, digits, spaces or . _ - @"));
    }
    Ok(name)
}

pub fn parse_value(text: &str) -> Result<i64> {
    // Rust would take a sign, too.
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .ok_or_else(|| Error::new("a value is a whole number from 0 to 9223372036854775807"))
}

/// The value in the ledger of an asset that must exist.
pub fn stored(tx: &Tx, id: &str) -> Result<String> {
    match tx.get(checked_name(id)?)? {
        Some(value) => text_of(id, value),
        None => Err(Error::new(format!("there is no asset {}", id))),
    }
}

pub fn text_of(id: &str, value: Vec<u8>) -> Result<String> {
    String::from_utf8(value).map_err(|_| damaged(id))
}

fn damaged(id: &str) -> Error {
    Error::new(format!("what is stored as asset {} is none", id))
}

/// Appends to a JSON array that is not closed yet.
pub fn push_json(json: &mut String, asset: &Asset) {
    if json.len() > 1 {
        json.push(',');
    }
    json.push_str(&asset.json());
}

impl<'a> Asset<'a> {
    pub fn parse(id: &'a str, text: &'a str) -> Result<Asset<'a>> {
        let (value, owner) = text.split_once(' ').ok_or_else(|| damaged(id))?;
        Ok(Asset { id, owner, value: parse_value(value).map_err(|_| damaged(id))? })
    }

    pub fn put(&self, tx: &Tx) -> Result<()> {
        tx.put(self.id, format!("{} {}", self.value, self.owner).as_bytes())
    }

    pub fn index(&self, tx: &Tx) -> Result<()> {
        // An empty value would delete the key when the block is committed.
        tx.put(&composite_key(OWNED, &[self.owner, self.id])?, &[0])
    }

    pub fn unindex(&self, tx: &Tx) -> Result<()> {
        tx.delete(&composite_key(OWNED, &[self.owner, self.id])?)
    }

    pub fn json(&self) -> String {
        format!(r#"{{"id":"{}","owner":"{}","value":{}}}"#, self.id, self.owner, self.value)
    }

    /// Sets the event, and answers its payload.
    pub fn announce(&self, tx: &Tx, event: &str) -> Result<String> {
        let json = self.json();
        tx.event(event, json.as_bytes()).map(|()| json)
    }
}
