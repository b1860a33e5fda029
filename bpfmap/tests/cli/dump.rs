//! `bpfmap dump`.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use aya::Ebpf;
use bpfmap::{AnyMap, Array, HashMap, Loader, PerCpu};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::{bpfmap, command, hash};
use crate::support::*;

trials! {
    [Need::Bpf] => [
        entries_are_lines_of_json,
        keys_that_differ_where_no_member_is_look_different,
        each_cpu_has_its_value,
        not_more_than_the_limit,
        types_of_an_object,
        what_has_no_types_is_bytes_and_that_is_said,
        a_queue_is_not_emptied,
        who_reads_no_more_ends_it,
        an_interrupt_ends_it_between_two_lines,
    ]
}

static MAPS: &[u8] = aya::include_bytes_aligned!("../../../tests/bpf/maps.bpf.o");
static VALUES: &[u8] = aya::include_bytes_aligned!("../../../tests/bpf/values.bpf.o");
const VALUES_PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bpf/values.bpf.o");

fn id(ebpf: &Ebpf, name: &str) -> TestResult<u32> {
    Ok(AnyMap::from_fd(ebpf.map_fd(name).ok_or("no map")?)?.id())
}

fn entries_are_lines_of_json() -> TestResult {
    let ebpf = Ebpf::load(FLOWS)?;
    let flows = HashMap::<FlowKey, FlowStats>::open(&ebpf, "flows")?;
    let key = FlowKey { sport: 443.into(), proto: 6, ..bpfmap::zeroed() };
    flows.insert(&key, &FlowStats { packets: 3, bytes: u64::MAX })?;
    let ran = bpfmap(&format!("dump {}", id(&ebpf, "flows")?));
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    assert_eq!(
        ran.out,
        "{\"key\":{\"saddr\":0,\"daddr\":0,\"sport\":443,\"dport\":0,\"proto\":6,\"pad\":[0,0,0]},\
         \"value\":{\"packets\":3,\"bytes\":18446744073709551615}}\n"
    );
    Ok(())
}

fn keys_that_differ_where_no_member_is_look_different() -> TestResult {
    let object = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bpf/findings.bpf.o");
    let map = hash("holed", 24, 8)?;
    let id = map.info()?.id();
    let mut map: aya::maps::HashMap<_, [u8; 24], u64> = aya::maps::Map::HashMap(map).try_into()?;
    let mut key = [0; 24];
    // Its members, and then a byte in each of its holes.
    for at in [0, 2, 3, 8, 15, 16] {
        key[at] = 1;
    }
    map.insert(key, 0, 0)?;
    for at in [1, 4, 23] {
        let mut other = key;
        other[at] = 0xa0;
        map.insert(other, at as u64, 0)?;
    }
    let ran = bpfmap(&format!("dump {id} --object {object}"));
    assert_eq!((ran.code, &*ran.err), (Some(0), ""));
    let mut lines = ran.json();
    lines.sort_by_key(|line| line["value"].as_u64());
    assert!(lines.iter().all(|line| line["key"] == lines[0]["key"]), "{ran:?}");
    let bytes: Vec<_> = lines.iter().map(|line| line.get("key_bytes").cloned()).collect();
    assert_eq!(
        bytes,
        [
            None,
            Some("0x01a001010000000001000000000000010100000000000000".into()),
            Some("0x01000101a000000001000000000000010100000000000000".into()),
            Some("0x0100010100000000010000000000000101000000000000a0".into()),
        ]
    );
    // As they are, they are found.
    let hex = bytes[1].as_ref().and_then(|bytes| bytes.as_str()).ok_or("no text")?;
    assert_eq!(bpfmap(&format!("why {id} --object {object} --key-hex {hex}")).code, Some(0));
    Ok(())
}

fn each_cpu_has_its_value() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let map = Array::<PerCpu<u32>>::open(&ebpf, "per_cpu_array")?;
    let mut values = PerCpu::splat(0u32)?;
    let cpus = values.iter().len() as u32;
    values.as_mut_slice().iter_mut().zip(10..).for_each(|(value, number)| *value = number);
    map.set(5, &values)?;
    let lines = bpfmap(&format!("dump {}", id(&ebpf, "per_cpu_array")?)).json();
    assert_eq!(lines.len(), 64);
    let expected: Vec<_> = (10..10 + cpus).collect();
    assert_eq!(lines[5], serde_json::json!({ "key": 5, "value": expected }));
    Ok(())
}

fn not_more_than_the_limit() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let id = id(&ebpf, "text")?;
    for (limit, count) in [(0, 0), (7, 7), (1000, 64)] {
        let ran = bpfmap(&format!("dump {id} --limit {limit}"));
        assert_eq!((ran.code, ran.json().len()), (Some(0), count));
    }
    Ok(())
}

fn types_of_an_object() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let id = id(&ebpf, "name_of_more_than_15_bytes")?;
    let object = format!("--object {VALUES_PATH}");
    let ran = bpfmap(&format!("dump {id} --limit 1 {object}"));
    assert_eq!((ran.code, &*ran.out), (Some(0), "{\"key\":0,\"value\":0}\n"), "{ran:?}");
    let ran = bpfmap(&format!("dump {id} {object} --name text"));
    assert!(ran.refused().contains("was not made from the object that was handed in"), "{ran:?}");
    let ran = bpfmap(&format!("dump {id} {object} --name absent"));
    assert!(ran.refused().contains("no map `absent` in the object; there are "), "{ran:?}");
    let ran = bpfmap(&format!("dump {id} --object {}", file!()));
    ran.refused();
    Ok(())
}

fn what_has_no_types_is_bytes_and_that_is_said() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let id = id(&ebpf, "untyped")?;
    let map: HashMap<[u8; 6], [u8; 3]> =
        bpfmap::OpenOptions::new().allow_sizes_only(true).from_id(id)?;
    map.insert(&[1, 2, 3, 4, 5, 6], &[0xff, 0, 1])?;
    let ran = bpfmap(&format!("dump {id}"));
    assert_eq!(ran.out, "{\"key\":\"0x010203040506\",\"value\":\"0xff0001\"}\n");
    assert_eq!(
        ran.err,
        format!(
            "bpfmap: map `untyped` (id {id}) is written as bytes: the kernel has no BTF for it; \
             --object FILE gives the types\n"
        )
    );
    assert_eq!(ran.code, Some(0));
    Ok(())
}

fn a_queue_is_not_emptied() -> TestResult {
    let ebpf = Ebpf::load(VALUES)?;
    let id = id(&ebpf, "queue")?;
    let queue: bpfmap::Queue<u64> =
        bpfmap::OpenOptions::new().allow_sizes_only(true).from_id(id)?;
    queue.push(&7)?;
    let ran = bpfmap(&format!("dump {id}"));
    assert!(ran.refused().contains("is of type queue, and cannot be listed: "), "{ran:?}");
    assert_eq!(queue.pop()?, Some(7));
    Ok(())
}

/// A map whose dump is far longer than a pipe takes.
fn large() -> TestResult<(Ebpf, u32)> {
    let ebpf = Ebpf::load(MAPS)?;
    let large = HashMap::<u32, u64>::open(&ebpf, "large")?;
    let keys: Vec<u32> = (0..100_000).collect();
    let values: Vec<u64> = keys.iter().map(|key| u64::from(*key)).collect();
    large.insert_batch(&keys, &values)?;
    let id = id(&ebpf, "large")?;
    Ok((ebpf, id))
}

fn who_reads_no_more_ends_it() -> TestResult {
    let (_ebpf, id) = large()?;
    let mut child = command(&["dump", &id.to_string()]).spawn()?;
    let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut line = String::new();
    out.read_line(&mut line)?;
    assert!(line.starts_with("{\"key\":"), "{line}");
    drop(out);
    let output = child.wait_with_output()?;
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    Ok(())
}

fn an_interrupt_ends_it_between_two_lines() -> TestResult {
    let (_ebpf, id) = large()?;
    let mut child = command(&["dump", &id.to_string()]).stderr(Stdio::inherit()).spawn()?;
    let mut out = BufReader::new(child.stdout.take().ok_or("no output")?);
    let mut text = String::new();
    out.read_line(&mut text)?;
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT)?;
    out.read_to_string(&mut text)?;
    assert_eq!(child.wait()?.code(), Some(130));
    let lines: Vec<_> = text.lines().collect();
    assert!(lines.len() < 100_000, "{}", lines.len());
    for line in lines {
        serde_json::from_str::<serde_json::Value>(line)?;
    }
    Ok(())
}
