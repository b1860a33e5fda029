//! Random types: whole as bytes, and wrong in what they say.

use arbitrary::{Result, Unstructured};

use crate::builder::{Builder, kind};

/// Names that mean something to the library, and some that speak to terminals.
const NAMES: [&[u8]; 28] = [
    b"t",
    b"",
    b"a",
    b"b",
    b"x",
    b"y",
    b"z",
    b"first",
    b"more",
    b"flags",
    b"lock",
    b"value",
    b"key",
    b"type",
    b"m",
    b".maps",
    b"pad",
    b"__be32",
    b"__le16",
    b"char",
    b"kptr",
    b"bpf_spin_lock",
    b"enum64_placeholder",
    b"kind",
    b"named",
    b"v6",
    b"\x1b[2J\n",
    b"b\xff\xe2\x80\xae",
];

/// A kind, and how many words follow it: always, and for each that it counts.
const KINDS: [(u32, usize, usize); 19] = [
    (kind::STRUCT, 0, 3),
    (kind::INT, 1, 0),
    (kind::PTR, 0, 0),
    (kind::ARRAY, 3, 0),
    (kind::UNION, 0, 3),
    (kind::TYPEDEF, 0, 0),
    (kind::CONST, 0, 0),
    (kind::VAR, 1, 0),
    (kind::DATASEC, 0, 3),
    (kind::FWD, 0, 0),
    (6, 0, 2),
    (9, 0, 0),
    (11, 0, 0),
    (12, 0, 0),
    (kind::FUNC_PROTO, 0, 2),
    (16, 0, 0),
    (17, 1, 0),
    (18, 0, 0),
    (19, 0, 3),
];

/// How many types are added at most.
const MAX_TYPES: usize = 48;

/// True once in that many times, and never when the bytes are used up:
/// `Unstructured::ratio` would always be, and no loop end.
pub fn once_in(u: &mut Unstructured<'_>, times: u32) -> Result<bool> {
    Ok(u.int_in_range(1..=times)? == times)
}

/// Adds types to `btf`, and a map now and then.
pub fn types(u: &mut Unstructured<'_>, btf: &mut Builder) -> Result<()> {
    for _ in 0..MAX_TYPES {
        if u.is_empty() {
            break;
        }
        one(u, btf)?;
    }
    if once_in(u, 2)? {
        let [key, value] = [id(u, btf)?, id(u, btf)?];
        let mut maps = vec![btf.map("m", key, value)];
        if once_in(u, 4)? {
            maps.push(id(u, btf)?);
        }
        let times = many(u)?;
        btf.maps_section(&maps.repeat(times));
    }
    Ok(())
}

/// One time, as a rule: limits are met with few bytes of the fuzzer's.
fn many(u: &mut Unstructured<'_>) -> Result<usize> {
    Ok(if once_in(u, 32)? { *u.choose(&[70, 300, 5000, 8000, 9000])? } else { 1 })
}

fn one(u: &mut Unstructured<'_>, btf: &mut Builder) -> Result<()> {
    let (kind, fixed, each) = *u.choose(&KINDS)?;
    let len = if each == 0 { 0 } else { u.int_in_range(0..=6)? };
    let name = name(u, btf)?;
    let sized =
        matches!(kind, kind::STRUCT | kind::UNION | kind::INT | kind::DATASEC | 6 | 16 | 19);
    let last = if sized { size(u)? } else { id(u, btf)? };
    let mut rest = Vec::new();
    match kind {
        kind::INT if !once_in(u, 8)? => {
            rest.push(u32::from(once_in(u, 2)?) << 24 | last.wrapping_mul(8) & 0xff);
        }
        kind::ARRAY => rest.extend([id(u, btf)?, 0, size(u)?]),
        kind::STRUCT | kind::UNION => {
            for _ in 0..len {
                rest.extend([self::name(u, btf)?, id(u, btf)?, bits(u)?]);
            }
        }
        kind::DATASEC => {
            for _ in 0..len {
                rest.extend([id(u, btf)?, 0, 0]);
            }
        }
        _ => {
            for _ in 0..fixed + len * each {
                rest.push(u.arbitrary()?);
            }
        }
    }
    let times = if each == 0 { 1 } else { many(u)? };
    let flag = if once_in(u, 4)? { kind::FLAG } else { 0 };
    btf.add(name, kind | flag, len * times, last, &rest.repeat(times));
    Ok(())
}

/// A name by its place in the table. One that comes again is the same place.
fn name(u: &mut Unstructured<'_>, btf: &mut Builder) -> Result<u32> {
    Ok(match u.int_in_range(0..=31)? {
        0 => u.arbitrary()?,
        1 => btf.name(vec![*u.choose(b"a\x07\xff")?; 3000]),
        2 => {
            let mut own: Vec<u8> = u.arbitrary()?;
            own.retain(|byte| *byte != 0);
            own.truncate(64);
            btf.name(own)
        }
        // The end of another.
        3 => u.int_in_range(0..=btf.strings.len() as u32)?,
        _ => btf.name(u.choose(&NAMES)?),
    })
}

/// A type: one before, rarely one behind or none.
fn id(u: &mut Unstructured<'_>, btf: &Builder) -> Result<u32> {
    Ok(match u.int_in_range(0..=31)? {
        0 => u.arbitrary()?,
        1 => btf.next_id,
        2 => btf.next_id + 1,
        _ => btf.next_id.saturating_sub(u.int_in_range(0..=12)?),
    })
}

fn size(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(match u.int_in_range(0..=15)? {
        0 => u.arbitrary()?,
        _ => *u.choose(&[4, 8, 1, 2, 16, 0, 3, 12, 24, 40])?,
    })
}

fn bits(u: &mut Unstructured<'_>) -> Result<u32> {
    Ok(match u.int_in_range(0..=15)? {
        0 => u.arbitrary()?,
        1 => u.int_in_range(0..=64)?,
        2 => 3 << 24 | u.int_in_range::<u32>(0..=64)?,
        _ => 32 * u.int_in_range::<u32>(0..=10)?,
    })
}

/// Writes it in either byte order, with a header of any length, and damages a
/// word or two.
pub fn write(u: &mut Unstructured<'_>, btf: &Builder, big: bool) -> Result<Vec<u8>> {
    let header_len = if once_in(u, 16)? { u.int_in_range(24..=64)? } else { 24 };
    let mut bytes = match big {
        true => btf.write([0xeb, 0x9f], u32::to_be_bytes, header_len),
        false => btf.write([0x9f, 0xeb], u32::to_le_bytes, header_len),
    };
    damage(u, &mut bytes)?;
    Ok(bytes)
}

/// Writes over a few words.
pub fn damage(u: &mut Unstructured<'_>, bytes: &mut [u8]) -> Result<()> {
    while once_in(u, 4)? && bytes.len() >= 4 {
        let at = u.int_in_range(0..=bytes.len() - 4)?;
        let word: [u8; 4] = match once_in(u, 2)? {
            true => u.int_in_range(0u32..=32)?.to_le_bytes(),
            false => u.arbitrary()?,
        };
        bytes[at..at + 4].copy_from_slice(&word);
    }
    Ok(())
}
