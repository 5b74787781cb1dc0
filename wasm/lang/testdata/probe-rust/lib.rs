//! Calls what the library offers; its sisters in other languages answer alike.
use weft::{Code, Error, Result, Tx};

weft::contract!(invoke, allocator = std);

fn show(value: Option<Vec<u8>>) -> String {
    value.map_or("-".into(), |v| String::from_utf8_lossy(&v).into_owned())
}

fn invoke(tx: &Tx) -> Result<String> {
    let args = tx.args();
    let arg = |i| args.text(i);
    let number = |i| Ok::<u32, Error>(arg(i)?.parse().unwrap_or(0));
    match args.function() {
        "ctx" => {
            let (c, t) = (tx.creator()?, tx.timestamp());
            let cert = String::from_utf8_lossy(&c.certificate).into_owned();
            Ok(format!(
                "{} {} {} {} {} {} {}.{} {} {} {} {}",
                tx.id(), tx.channel(), tx.chaincode(), tx.peer_msp_id(), tx.is_init(), tx.is_read_only(),
                t.seconds, t.nanos, c.msp_id, &cert[..27], tx.binding().len(), tx.signed_proposal().len()
            ))
        }
        "args" => Ok(args.iter().map(|a| a.len().to_string()).collect::<Vec<_>>().join(",")),
        "transient" => tx.transient(arg(1)?).map(show),
        "getall" => {
            let keys = (1..args.len()).map(arg).collect::<Result<Vec<_>>>()?;
            Ok(tx.get_all(&keys)?.into_iter().map(show).collect::<Vec<_>>().join(","))
        }
        "fill" => {
            let value = vec![b'x'; number(2)? as usize];
            for i in 0..number(1)? {
                tx.put(&format!("key{}", 1000 + i), &value)?;
                tx.put(&weft::composite_key("kind", &["a", &(1000 + i).to_string()])?, b"1")?;
            }
            Ok(String::new())
        }
        "sum" => {
            let (mut n, mut bytes) = (0, 0);
            for e in tx.range(arg(1)?, arg(2)?)? {
                let e = e?;
                n += 1;
                bytes += e.key.len() + e.value.len();
            }
            Ok(format!("{} {}", n, bytes))
        }
        "page" | "pagecomposite" => {
            let page = match args.function() {
                "page" => tx.page(arg(1)?, arg(2)?, number(3)?, arg(4)?)?,
                _ => tx.page_composite(arg(1)?, &[arg(2)?], number(3)?, arg(4)?)?,
            };
            let keys: Vec<_> = page.entries.iter().map(|e| e.key.replace('\0', "/")).collect();
            Ok(format!("{}|{}", keys.join(","), page.bookmark.replace('\0', "/")))
        }
        "key" => {
            let key = weft::composite_key(arg(1)?, &[arg(2)?, arg(3)?])?;
            let (kind, parts) = weft::split_composite_key(&key)?;
            Ok(format!("{},{} of {}", kind, parts.join(","), key.len()))
        }
        "refused" => tx.put("", b"1").map(|()| String::new()),
        "recovered" => match tx.put("", b"1") {
            Err(e) if e.code() == Some(Code::InvalidArgument) => Ok(format!("-2 {}", e)),
            _ => Ok("?".into()),
        },
        "call" => {
            let r = tx.call(arg(1)?, &[args.bytes(2)?, args.bytes(3)?], "")?;
            Ok(format!("{} {} {}", r.status, r.message, show(Some(r.payload))))
        }
        "fail" => Err(Error::new(arg(2)?).with_status(number(1)? as i32)),
        "get" => tx.get(arg(1)?).map(show),
        "del" => tx.delete(arg(1)?).map(|()| String::new()),
        "event" => {
            tx.event("first", b"1")?;
            tx.event(arg(1)?, args.bytes(2)?)?;
            weft::log(weft::Level::Info, "an event");
            Ok(String::new())
        }
        "private" => tx.private("secrets").get("a").map(show),
        "history" => Ok(tx.history("key1000")?.count().to_string()),
        "query" => Ok(tx.query("{}")?.count().to_string()),
        "trap" => panic!("it traps"),
        _ => Err(Error::new("?")),
    }
}
