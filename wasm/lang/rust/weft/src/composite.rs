use alloc::string::String;
use alloc::vec::Vec;

use crate::{Error, Result};

const LEAST: char = '\0';
pub(crate) const MOST: char = '\u{10ffff}';

/// A key of several parts, in Fabric's form: U+0000, the object type, U+0000,
/// and each attribute followed by U+0000. No part may hold U+0000 or U+10FFFF.
pub fn composite_key(object_type: &str, attributes: &[&str]) -> Result<String> {
    let size = 2 + object_type.len() + attributes.iter().map(|a| a.len() + 1).sum::<usize>();
    let mut key = String::with_capacity(size);
    key.push(LEAST);
    push(&mut key, object_type)?;
    for attribute in attributes {
        push(&mut key, attribute)?;
    }
    Ok(key)
}

fn push(key: &mut String, part: &str) -> Result<()> {
    if part.contains(&[LEAST, MOST][..]) {
        return Err(Error::new(
            "a composite key may contain neither U+0000 nor U+10FFFF: they end and bound its parts",
        ));
    }
    key.push_str(part);
    key.push(LEAST);
    Ok(())
}

/// The object type and the attributes of a composite key.
pub fn split_composite_key(key: &str) -> Result<(&str, Vec<&str>)> {
    let parts = key.strip_prefix(LEAST).and_then(|k| k.strip_suffix(LEAST));
    let mut parts = match parts {
        Some(p) => p.split(LEAST),
        None => return Err(Error::new("not a composite key")),
    };
    let object_type = parts.next().unwrap_or("");
    Ok((object_type, parts.collect()))
}
