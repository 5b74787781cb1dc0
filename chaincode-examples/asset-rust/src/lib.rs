//! A register of assets: who owns what, and what it is worth.
//!
//! An asset lies under its id, as "VALUE OWNER". A second, composite key,
//! owner~id, lets one list the assets of an owner without reading all.
//!
//! Move is the smallest transfer: two reads, two writes, and nothing else.
//! What a call costs is measured with it.

#![no_std]

extern crate alloc;

mod asset;

use alloc::string::String;
use alloc::{format, vec::Vec};

use asset::{checked_name, parse_value, Asset, OWNED};
use weft::{Args, Error, Result, Tx};

weft::contract!(invoke);

fn invoke(tx: &Tx) -> Result<String> {
    let args = tx.args();
    match args.function() {
        "Create" => create(tx, &exactly(&args, 3, "Create ID OWNER VALUE")?),
        "Read" => read(tx, &exactly(&args, 1, "Read ID")?),
        "Update" => update(tx, &exactly(&args, 2, "Update ID VALUE")?),
        "Transfer" => transfer(tx, &exactly(&args, 2, "Transfer ID NEWOWNER")?),
        "Delete" => delete(tx, &exactly(&args, 1, "Delete ID")?),
        "Move" => move_value(tx, &exactly(&args, 3, "Move FROM TO AMOUNT")?),
        "List" => list(tx, &exactly(&args, 2, "List START END")?),
        "Owned" => owned(tx, &exactly(&args, 1, "Owned OWNER")?),
        "WhoAmI" => who_am_i(tx, &exactly(&args, 0, "WhoAmI")?),
        _ => Err(Error::new(
            "there is no such function; there are Create, Read, Update, Transfer, Delete, Move, List, Owned and WhoAmI",
        )),
    }
}

/// The arguments after the function's name, if there are n.
fn exactly<'a>(args: &'a Args, n: usize, usage: &str) -> Result<Vec<&'a str>> {
    if args.len() != n + 1 {
        return Err(Error::new(format!("usage: {}", usage)));
    }
    (1..=n).map(|i| args.text(i)).collect()
}

fn create(tx: &Tx, args: &[&str]) -> Result<String> {
    let asset = Asset { id: checked_name(args[0])?, owner: checked_name(args[1])?, value: parse_value(args[2])? };
    if tx.get(asset.id)?.is_some() {
        return Err(Error::new(format!("asset {} exists already", asset.id)));
    }
    asset.put(tx)?;
    asset.index(tx)?;
    asset.announce(tx, "Create")
}

fn read(tx: &Tx, args: &[&str]) -> Result<String> {
    let text = asset::stored(tx, args[0])?;
    Ok(Asset::parse(args[0], &text)?.json())
}

fn update(tx: &Tx, args: &[&str]) -> Result<String> {
    let text = asset::stored(tx, args[0])?;
    let mut asset = Asset::parse(args[0], &text)?;
    asset.value = parse_value(args[1])?;
    asset.put(tx)?;
    asset.announce(tx, "Update")
}

fn transfer(tx: &Tx, args: &[&str]) -> Result<String> {
    let text = asset::stored(tx, args[0])?;
    let mut asset = Asset::parse(args[0], &text)?;
    let owner = checked_name(args[1])?;
    asset.unindex(tx)?;
    asset.owner = owner;
    asset.put(tx)?;
    asset.index(tx)?;
    asset.announce(tx, "Transfer")
}

fn delete(tx: &Tx, args: &[&str]) -> Result<String> {
    let text = asset::stored(tx, args[0])?;
    let asset = Asset::parse(args[0], &text)?;
    tx.delete(asset.id)?;
    asset.unindex(tx)?;
    asset.announce(tx, "Delete").map(|_| String::new())
}

fn move_value(tx: &Tx, args: &[&str]) -> Result<String> {
    if args[0] == args[1] {
        return Err(Error::new("an asset cannot move value to itself"));
    }
    let (from, to) = (asset::stored(tx, args[0])?, asset::stored(tx, args[1])?);
    let (mut from, mut to) = (Asset::parse(args[0], &from)?, Asset::parse(args[1], &to)?);
    let amount = parse_value(args[2])?;
    if from.value < amount {
        return Err(Error::new(format!("asset {} is worth {}, less than {}", from.id, from.value, amount)));
    }
    from.value -= amount;
    to.value = to
        .value
        .checked_add(amount)
        .ok_or_else(|| Error::new(format!("asset {} would be worth more than a value can be", to.id)))?;
    from.put(tx)?;
    to.put(tx)?;
    Ok(String::new())
}

fn list(tx: &Tx, args: &[&str]) -> Result<String> {
    let mut json = String::from("[");
    for entry in tx.range(args[0], args[1])? {
        let entry = entry?;
        let text = asset::text_of(&entry.key, entry.value)?;
        asset::push_json(&mut json, &Asset::parse(&entry.key, &text)?);
    }
    json.push(']');
    Ok(json)
}

fn owned(tx: &Tx, args: &[&str]) -> Result<String> {
    let mut json = String::from("[");
    for entry in tx.range_composite(OWNED, &[checked_name(args[0])?])? {
        let key = entry?.key;
        let (_, parts) = weft::split_composite_key(&key)?;
        let id = parts.last().copied().unwrap_or("");
        let text = asset::stored(tx, id)?;
        asset::push_json(&mut json, &Asset::parse(id, &text)?);
    }
    json.push(']');
    Ok(json)
}

fn who_am_i(tx: &Tx, _: &[&str]) -> Result<String> {
    Ok(format!(
        r#"{{"msp":"{}","channel":"{}","tx":"{}","seconds":{}}}"#,
        tx.creator()?.msp_id,
        tx.channel(),
        tx.id(),
        tx.timestamp().seconds
    ))
}
