//! Entries by their BTF, beside what bpftool shows of the same ones.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Command;

use aya::Ebpf;
use bpfmap::diagnose::Break;
use bpfmap::{AnyMap, BtfSource, Decoder, Error, Loader, MapType, Object, Unverifiable};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::features::BLOOM_FILTER;
use crate::raw::{self, Create};
use crate::support::*;

trials! {
    [Need::Bpf, BLOOM_FILTER] => [
        maps_that_cannot_be_listed_say_why,
    ]
    [Need::Bpf, Need::Ids, Need::Bpftool] => [
        values_are_those_that_bpftool_shows,
    ]
    [Need::Bpf] => [
        a_map_without_btf_is_bytes_and_says_why,
        types_of_an_object_are_used_when_they_fit,
        an_object_for_other_machines_says_nothing_of_a_map,
        maps_of_maps_hold_ids,
        an_error_of_the_kernel_ends_a_walk,
    ]
    [Need::Bpf, Need::Ids] => [
        types_of_the_program_around_a_map_are_found,
    ]
}

static VALUES: &[u8] = aya::include_bytes_aligned!("../bpf/values.bpf.o");
static INNER: &[u8] = aya::include_bytes_aligned!("../bpf/inner.bpf.o");

/// Bytes of all sorts, the same in each run.
struct Noise(u64);

impl Noise {
    fn byte(&mut self) -> u8 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        match self.0 >> 60 {
            0 => 0,
            1 => 1,
            2 => 0xff,
            _ => (self.0 >> 33) as u8,
        }
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.byte()).collect()
    }
}

fn owned(ebpf: &Ebpf, name: &str) -> Result<OwnedFd, Box<dyn std::error::Error>> {
    Ok(ebpf.map_fd(name).ok_or_else(|| format!("no map {name}"))?.try_clone_to_owned()?)
}

fn fill(map: &AnyMap, noise: &mut Noise) -> TestResult {
    let fd = map.as_fd().try_clone_to_owned()?;
    let is_array = matches!(map.map_type(), MapType::ARRAY | MapType::PERCPU_ARRAY);
    let stride = map.value_size().next_multiple_of(8) as usize;
    let len = map.cpus().map_or(map.value_size() as usize, |cpus| cpus * stride);
    for number in 0..60u32 {
        let mut key = noise.bytes(map.key_size() as usize);
        match map.map_type() {
            _ if is_array => key = number.to_ne_bytes().into(),
            MapType::LPM_TRIE => key[..4].copy_from_slice(&(number % 33).to_ne_bytes()),
            _ => {}
        }
        let mut value = noise.bytes(len);
        match number {
            0 => value.fill(0),
            1 => value.fill(0xff),
            // Texts end within their array, and the last one not.
            2..10 if map.label().name == "text" => {
                value.fill(0);
                value[..number as usize + 2].fill(b'a' + number as u8);
                value[16..16 + (number as usize).min(4)].fill(b'Z');
            }
            // What is no text here is none for bpftool, which shows the beginning of
            // what has a NUL and then something else.
            _ if map.label().name == "parts" => value[30] |= 0x80,
            _ if map.label().name == "text" => {
                value[0] |= 0x80;
                value[16] |= 0x80;
            }
            _ => {}
        }
        match raw::update(&fd, &key, &value) {
            // A prefix may be there already under other bits.
            Err(error) if map.map_type() != MapType::LPM_TRIE => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

/// The scalars of JSON in their order, each with the name that it stands behind;
/// names that are there twice are not lost.
#[derive(Debug, Default)]
struct Leaves(Vec<(String, serde_json::Value)>);

struct Collect<'a>(&'a mut Leaves, String);

impl<'de> serde::de::DeserializeSeed<'de> for Collect<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Collect<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let name = if name.is_empty() { self.1.clone() } else { name };
            map.next_value_seed(Collect(self.0, name))?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Collect(self.0, self.1.clone()))?.is_some() {}
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.0.0.push((self.1, number.into()));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.0.0.push((self.1, number.into()));
        Ok(())
    }

    fn visit_bool<E>(self, truth: bool) -> Result<(), E> {
        self.0.0.push((self.1, truth.into()));
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.0.0.push((self.1, text.into()));
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Leaves {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut leaves = Self::default();
        deserializer.deserialize_any(Collect(&mut leaves, String::new()))?;
        Ok(leaves)
    }
}

/// A scalar as the number that it stands for.
fn number(leaf: &serde_json::Value) -> Option<i128> {
    if let Some(text) = leaf.as_str() {
        let hex = text.strip_prefix("0x").map(|hex| u128::from_str_radix(hex, 16));
        let named = [("RED", 0), ("GREEN", 1), ("BLUE", 200)];
        let named = named.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        return hex.and_then(Result::ok).map(|hex| hex as i128).or(named);
    }
    let truth = leaf.as_bool().map(i128::from);
    truth.or(leaf.as_i64().map(i128::from)).or(leaf.as_u64().map(i128::from))
}

/// Whether what is shown is the same, but for what is shown otherwise on purpose.
fn is_same(map: &str, name: &str, ours: &serde_json::Value, theirs: &serde_json::Value) -> bool {
    if ours == theirs {
        return true;
    }
    let (Some(ours_is), Some(theirs_is)) = (number(ours), number(theirs)) else { return false };
    match (map, name) {
        // The number that is meant, and not the one in this machine's order.
        ("orders", "be64") => (ours_is as u64).swap_bytes() as i128 == theirs_is,
        ("orders", "be32") => i128::from((ours_is as u32).swap_bytes()) == theirs_is,
        ("orders", "be16" | "sum16") => i128::from((ours_is as u16).swap_bytes()) == theirs_is,
        // bpftool does not look at the sign of a bitfield.
        ("bits", "c") => ours_is & 0x1f == theirs_is,
        // Bitfields and pointers: numbers here, texts there, and the other way round.
        ("bits", _) | ("parts", "pointer" | "several") => ours_is == theirs_is,
        // An enum without negative values has none.
        ("numbers", "color") | ("routes", _) => ours_is - (1 << 32) == theirs_is,
        // A byte that is neither true nor false.
        ("numbers", "j") => ours_is > 1 && theirs.as_bool() == Some(true),
        _ => false,
    }
}

fn values_are_those_that_bpftool_shows() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let names = [
        "numbers",
        "orders",
        "parts",
        "tight",
        "bits",
        "wide",
        "text",
        "flexible",
        "scalar",
        "per_cpu",
        "per_cpu_array",
        "routes",
        "name_of_more_than_15_bytes",
    ];
    let mut noise = Noise(1);
    for name in names {
        let map = AnyMap::from_fd(&owned(&ebpf, name)?)?;
        fill(&map, &mut noise).map_err(|error| format!("{name}: {error}"))?;
        let format = map.format()?;
        assert!(matches!(format.source, Some(BtfSource::KernelMap { .. })), "{name}");
        let theirs = bpftool_dump(map.id())?;
        let mut count = 0;
        let mut entries = map.entries();
        while let Some(entry) = entries.next_entry() {
            let (key, value) = entry?;
            count += 1;
            let mut ours = serde_json::to_string(&format.key.decoder.value(key))?;
            for value in map.values(value) {
                ours += ",";
                ours += &serde_json::to_string(&format.value.decoder.value(value))?;
            }
            let ours: Leaves = serde_json::from_str(&format!("[{ours}]"))?;
            let found = theirs.get(key).ok_or_else(|| format!("{name}: not in bpftool's"))?;
            let shown = (ours.0.len(), found.0.len());
            assert_eq!(shown.0, shown.1, "{name}: {ours:?}\n{found:?}");
            for ((our_name, ours), (_, theirs)) in ours.0.iter().zip(&found.0) {
                assert!(
                    is_same(name, our_name, ours, theirs),
                    "{name}.{our_name}: {ours} {theirs}"
                );
            }
        }
        assert_eq!(count, theirs.len(), "{name}");
        assert!(count >= 33, "{name}: {count}");
    }
    Ok(())
}

/// What bpftool shows of each key.
fn bpftool_dump(id: u32) -> Result<BTreeMap<Vec<u8>, Leaves>, Box<dyn std::error::Error>> {
    let output =
        Command::new("bpftool").args(["-j", "map", "dump", "id", &id.to_string()]).output()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let entries: Vec<BTreeMap<String, Box<serde_json::value::RawValue>>> =
        serde_json::from_slice(&output.stdout)?;
    let mut all = BTreeMap::new();
    for entry in entries {
        let key: Vec<String> = serde_json::from_str(entry["key"].get())?;
        let byte = |text: &String| u8::from_str_radix(text.trim_start_matches("0x"), 16);
        let key = key.iter().map(byte).collect::<Result<Vec<_>, _>>()?;
        let mut formatted: Leaves = serde_json::from_str(entry["formatted"].get())?;
        formatted.0.retain(|(name, _)| name != "cpu");
        all.insert(key, formatted);
    }
    Ok(all)
}

fn lines(map: &AnyMap, key: &Decoder, value: &Decoder) -> Result<Vec<String>, Error> {
    let (mut lines, mut entries) = (Vec::new(), map.entries());
    while let Some(entry) = entries.next_entry() {
        let (k, v) = entry?;
        lines.push(format!("{} {}", key.value(k), value.value(v)));
    }
    lines.sort();
    Ok(lines)
}

fn a_map_without_btf_is_bytes_and_says_why() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let map = AnyMap::from_fd(&owned(&ebpf, "untyped")?)?;
    raw::update(&owned(&ebpf, "untyped")?, &[1, 2, 3, 4, 5, 6], &[0xab, 0, 0xcd])?;
    let format = map.format()?;
    assert_eq!((format.source, format.reason), (None, Some(Unverifiable::NoBtf)));
    let found = lines(&map, &format.key.decoder, &format.value.decoder)?;
    assert_eq!(found, ["0x010203040506 0xab00cd"]);
    Ok(())
}

/// Nothing here was made from it, whatever the sizes are.
fn an_object_for_other_machines_says_nothing_of_a_map() -> TestResult {
    let with_order = |magic, word| {
        let mut btf = crate::builder::Builder::new();
        let (half, byte) = (btf.int(2), btf.int(1));
        let map = btf.map("scalar", half, byte);
        btf.maps_section(&[map]);
        crate::builder::in_object(VALUES, &btf.write(magic, word, 24))
    };
    let little: (_, fn(u32) -> [u8; 4]) = ([0x9f, 0xeb], u32::to_le_bytes);
    let big: (_, fn(u32) -> [u8; 4]) = ([0xeb, 0x9f], u32::to_be_bytes);
    let (own, other) = if cfg!(target_endian = "little") { (little, big) } else { (big, little) };
    let ebpf = Ebpf::load(VALUES)?;
    let fd = owned(&ebpf, "scalar")?;
    let map = AnyMap::from_fd(&fd)?;
    let bytes = with_order(own.0, own.1);
    assert!(map.format_in(&Object::parse(&bytes)?, None).is_ok());
    let bytes = with_order(other.0, other.1);
    let object = Object::parse(&bytes)?;
    let difference = match map.format_in(&object, None) {
        Err(Error::OtherObject { difference, .. }) => difference,
        other => panic!("{other:?}"),
    };
    assert!(difference.starts_with("it is for "), "{difference}");
    let diagnosis = bpfmap::Why::new().object(&object).ask_any(&map, &[0, 0]);
    match diagnosis.broken() {
        Some((_, Break::OtherObject { differences })) => {
            assert_eq!(differences[0].field, "byte order");
        }
        other => panic!("{other:?}"),
    }
    // Neither is it a reason to open a map.
    let open = || {
        let options = bpfmap::OpenOptions::new().object(&object);
        options.from_fd::<bpfmap::HashMap<u16, u8>>(&fd)
    };
    let refuse = |command: &str| (command == "BPF_BTF_GET_FD_BY_ID").then_some(libc::EPERM);
    match bpfmap::fault::with(refuse, open) {
        Err(Error::OtherObject { difference: same, .. }) => assert_eq!(same, difference),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn types_of_an_object_are_used_when_they_fit() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let object = Object::parse(VALUES)?;
    let map = AnyMap::from_fd(&owned(&ebpf, "scalar")?)?;
    raw::update(&owned(&ebpf, "scalar")?, &(-5i16).to_ne_bytes(), &[200])?;
    let format = map.format_in(&object, None)?;
    assert_eq!(format.source, Some(BtfSource::Object));
    assert_eq!(format.key.type_name.as_deref(), Some("__s16"));
    assert_eq!(lines(&map, &format.key.decoder, &format.value.decoder)?, ["-5 200"]);
    let untyped = AnyMap::from_fd(&owned(&ebpf, "untyped")?)?;
    assert_eq!(untyped.format_in(&object, None)?.reason, Some(Unverifiable::SizesInObject));
    match map.format_in(&object, Some("text")) {
        Err(error @ Error::OtherObject { .. }) => assert!(
            error.to_string().contains("there it is of type array, in the kernel of type hash"),
            "{error}"
        ),
        other => panic!("{other:?}"),
    }
    match map.format_in(&object, Some("numbers")) {
        Err(error @ Error::OtherObject { .. }) => {
            assert!(
                error.to_string().contains("there its key is 4 bytes, in the kernel 2"),
                "{error}"
            );
        }
        other => panic!("{other:?}"),
    }
    match map.format_in(&object, Some("scaler")) {
        Err(error @ Error::UnknownMap { .. }) => {
            assert!(error.to_string().contains("did you mean `scalar`?"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    let long = AnyMap::from_fd(&owned(&ebpf, "name_of_more_than_15_bytes")?)?;
    assert_eq!(long.format_in(&object, None)?.value.type_name.as_deref(), Some("__u64"));
    Ok(())
}

fn types_of_the_program_around_a_map_are_found() -> TestResult {
    let mut ebpf = Ebpf::load(FLOWS)?;
    let program: &mut aya::programs::Xdp =
        ebpf.program_mut("count_flows").ok_or("no program")?.try_into()?;
    program.load()?;
    // Sections of aya have no BTF of their own.
    let mut globals = Ebpf::load(aya::include_bytes_aligned!("../bpf/globals.bpf.o"))?;
    for (_, program) in globals.programs_mut() {
        let program: &mut aya::programs::Xdp = program.try_into()?;
        program.load()?;
    }
    let map = AnyMap::from_fd(&owned(&globals, ".data")?)?;
    let format = map.format()?;
    assert!(matches!(format.source, Some(BtfSource::Program { .. })), "{format:?}");
    assert_eq!(format.value.type_name.as_deref(), Some(".data"));
    assert_eq!(format.reason, Some(Unverifiable::NoBtf));
    let [line] = &*lines(&map, &format.key.decoder, &format.value.decoder)? else { panic!() };
    assert!(line.starts_with("0 {"), "{line}");
    Ok(())
}

fn maps_that_cannot_be_listed_say_why() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let queue = AnyMap::from_fd(&owned(&ebpf, "queue")?)?;
    let mut entries = queue.entries();
    match entries.next_entry() {
        Some(Err(error @ Error::Unlistable { .. })) => assert_eq!(
            error.to_string(),
            format!(
                "map `queue` (id {}) is of type queue, and cannot be listed: the kernel has no other \
                 way to its elements than to take them out",
                queue.id()
            )
        ),
        other => panic!("{other:?}"),
    }
    assert!(entries.next_entry().is_none());
    for (map_type, key_size, value_size, entries) in [
        (MapType::BLOOM_FILTER, 0, 8, 4),
        (MapType::RINGBUF, 0, 0, 4096),
        (MapType::STACK, 0, 8, 4),
        (MapType::PERF_EVENT_ARRAY, 4, 4, 4),
        (MapType::CGROUP_ARRAY, 4, 4, 4),
    ] {
        let create = Create {
            map_type: map_type.as_raw(),
            name: "unlistable",
            key_size,
            value_size,
            max_entries: entries,
            map_flags: 0,
            btf: None,
            inner: None,
        };
        let map = AnyMap::from_fd(&create.create()?)?;
        assert!(matches!(map.check_listable(), Err(Error::Unlistable { .. })), "{map_type}");
    }
    Ok(())
}

fn maps_of_maps_hold_ids() -> TestResult {
    let ebpf = aya::EbpfLoader::new().allow_unsupported_maps().load(INNER)?;
    let (outer, tenant) = (owned(&ebpf, "slots")?, owned(&ebpf, "tenant")?);
    raw::put(&outer, 1, &tenant)?;
    let map = AnyMap::from_fd(&outer)?;
    let format = map.format()?;
    let id = AnyMap::from_fd(&tenant)?.id();
    let found = lines(&map, &format.key.decoder, &format.value.decoder)?;
    assert_eq!(found, [format!("1 {id}")]);
    Ok(())
}

fn an_error_of_the_kernel_ends_a_walk() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let map = AnyMap::from_fd(&owned(&ebpf, "scalar")?)?;
    let refuse = |command: &str| command.contains("LOOKUP_BATCH").then_some(libc::EPERM);
    bpfmap::fault::with(refuse, || {
        let mut entries = map.entries();
        assert!(matches!(entries.next_entry(), Some(Err(Error::Kernel(_)))));
        assert!(entries.next_entry().is_none());
    });
    Ok(())
}
