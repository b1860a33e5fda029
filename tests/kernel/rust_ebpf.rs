//! A program in Rust, which counts packets in maps of types that it shares with
//! the tests.

use std::error::Error as StdError;
use std::ptr;

use aya::maps::RingBuf;
use aya::programs::Xdp;
use aya::{Ebpf, TestRun, TestRunOptions};
use bpfmap::{
    Be16, Be32, Be64, BpfMapKey, BtfError, BtfSource, Error, Globals, HashMap, Object, OpenOptions,
    Pad, Unverifiable, Verification,
};
use bpfmap_test_shared::{
    Alone, Counts, Endpoint, Event, FlowKey, FlowStats, Gen, History, Port, Protocol,
};

use crate::support::{Need, TestResult, differing, trials, with_object};

static MAPS: &[u8] = aya::include_bytes_aligned!("../rust-ebpf/maps.bpf.o");

trials! {
    [Need::Bpf] => [
        what_is_written_a_program_in_rust_reads,
        events_and_globals_are_of_the_shared_types,
    ]
    [Need::Bpf, Need::Ids] => [
        what_a_program_in_rust_writes_is_read,
        a_type_that_is_not_the_shared_one_is_refused,
        a_map_without_types_is_compared_with_types_of_a_program_in_rust,
        a_type_that_a_program_in_rust_does_not_hold_is_said_to_be_missing,
    ]
}

/// Bytes of the packets that are sent.
const LENGTHS: [u32; 2] = [60, 1000];

const FROM: Endpoint = Endpoint {
    addr: Be32::from_be_bytes([10, 0, 0, 1]),
    port: Port(Be16::new(40112)),
    pad: bpfmap::zeroed(),
};
const TO: Endpoint = Endpoint {
    addr: Be32::from_be_bytes([192, 0, 2, 53]),
    port: Port(Be16::new(53)),
    pad: bpfmap::zeroed(),
};

fn flow() -> FlowKey {
    FlowKey { from: FROM, to: TO, protocol: Protocol::Udp.into(), pad: Pad::default() }
}

/// What the program keeps of the packet of that number.
fn history(number: u32) -> Gen<u32, 2> {
    let len = LENGTHS[number as usize];
    Gen { items: [len, len + 1], one: number }
}

/// An Ethernet frame with as much of an IPv4 packet as the program reads.
fn frame(len: u32) -> Vec<u8> {
    let mut frame = vec![0; 14 + 9];
    frame.extend([Protocol::Udp as u8, 0, 0]);
    frame.extend([FROM.addr, TO.addr].map(Be32::to_be_bytes).concat());
    frame.extend([FROM.port, TO.port].map(|Port(port)| port.to_be_bytes()).concat());
    frame.resize(len as usize, 0);
    frame
}

/// Sends a packet of each length through the program.
fn run(ebpf: &mut Ebpf) -> TestResult {
    let program: &mut Xdp = ebpf.program_mut("count").ok_or("no program")?.try_into()?;
    program.load()?;
    for len in LENGTHS {
        program.test_run(TestRunOptions { data_in: Some(&frame(len)), ..Default::default() })?;
    }
    Ok(())
}

fn loaded_and_run() -> Result<Ebpf, Box<dyn StdError>> {
    let mut ebpf = Ebpf::load(MAPS)?;
    run(&mut ebpf)?;
    Ok(ebpf)
}

fn what_a_program_in_rust_writes_is_read() -> TestResult {
    let ebpf = loaded_and_run()?;
    let flows = HashMap::<FlowKey, FlowStats>::open(&ebpf, "FLOWS")?;
    let ports = HashMap::<Port, Gen<u32, 2>>::open(&ebpf, "PORTS")?;
    for verification in [flows.verification(), ports.verification()] {
        let Verification::Verified { source: BtfSource::KernelMap { .. } } = verification else {
            panic!("{verification:?}")
        };
    }
    let stats = FlowStats {
        packets: 2,
        bytes: -1060,
        last: [60, 1000, 0, 0],
        wide: Be64::new(0x0102_0304_0506_0708),
    };
    assert_eq!(flows.iter().collect::<Result<Vec<_>, _>>()?, [(flow(), stats)]);
    assert_eq!(flows.get(&flow())?, Some(stats));
    assert_eq!(ports.iter().collect::<Result<Vec<_>, _>>()?, [(TO.port, history(1))]);
    Ok(())
}

fn what_is_written_a_program_in_rust_reads() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let flows = with_object::<HashMap<FlowKey, FlowStats>>(MAPS, &ebpf, "FLOWS")?;
    let before = FlowStats { packets: 6, bytes: 60, last: [1, 2, 3, 4], wide: Be64::new(5) };
    flows.insert(&flow(), &before)?;
    run(&mut ebpf)?;
    let after = FlowStats { packets: 8, bytes: -1000, last: [1, 2, 60, 1000], ..before };
    assert_eq!(flows.iter().collect::<Result<Vec<_>, _>>()?, [(flow(), after)]);
    Ok(())
}

fn a_type_that_is_not_the_shared_one_is_refused() -> TestResult {
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(transparent)]
    struct Host(u16);

    let ebpf = Ebpf::load(MAPS)?;
    let refused = |answer: Result<HashMap<Host, Gen<i32, 2>>, _>| {
        assert_eq!(differing(answer), ["key.0", "value.items[]", "value.one"]);
    };
    refused(HashMap::open(&ebpf, "PORTS"));
    refused(OpenOptions::new().object(&Object::parse(MAPS)?).open(&ebpf, "PORTS"));
    Ok(())
}

fn a_map_without_types_is_compared_with_types_of_a_program_in_rust() -> TestResult {
    #[derive(BpfMapKey, Clone, Copy)]
    #[repr(C)]
    struct Swapped {
        port: Port,
        pad: Pad<2>,
        addr: Be32,
    }
    let ebpf = loaded_and_run()?;
    match HashMap::<Endpoint, Gen<u32, 2>>::open(&ebpf, "LEGACY") {
        Err(Error::Unverifiable { reason: Unverifiable::NoBtf, .. }) => {}
        other => panic!("{other:?}"),
    }
    let options = OpenOptions::new().types("Endpoint", "Gen_3C_u32_2C__20_2_3E_");
    let object = Object::parse(MAPS)?;
    for options in [options, options.object(&object)] {
        let map: HashMap<Endpoint, Gen<u32, 2>> = options.open(&ebpf, "LEGACY")?;
        let Verification::Verified { source: BtfSource::Program { .. } | BtfSource::Object } =
            map.verification()
        else {
            panic!("{:?}", map.verification())
        };
        assert_eq!(map.iter().collect::<Result<Vec<_>, _>>()?, [(FROM, history(1))]);
        assert_eq!(
            differing(options.open::<HashMap<Swapped, Gen<i32, 2>>>(&ebpf, "LEGACY")),
            ["key.port", "key.addr", "value.items[]", "value.one"]
        );
    }
    Ok(())
}

fn a_type_that_a_program_in_rust_does_not_hold_is_said_to_be_missing() -> TestResult {
    let ebpf = loaded_and_run()?;
    match OpenOptions::new().types("Alone", "u32").open::<HashMap<Alone, u32>>(&ebpf, "UNSEEN") {
        Err(Error::Btf { error: BtfError::NoSuchType { name, .. }, .. }) => {
            assert_eq!(name, "Alone")
        }
        other => panic!("{other:?}"),
    }
    let options = OpenOptions::new().allow_sizes_only(true);
    let map: HashMap<Alone, u32> = options.open(&ebpf, "UNSEEN")?;
    assert_eq!(map.get(&Alone { number: 1 })?, Some(LENGTHS[1]));
    Ok(())
}

fn events_and_globals_are_of_the_shared_types() -> TestResult {
    let mut ebpf = loaded_and_run()?;
    Object::parse(MAPS)?.btf().check::<Event>("Event")?;
    let mut events = RingBuf::try_from(ebpf.map_mut("EVENTS").ok_or("no map")?)?;
    for (number, len) in (0..).zip(LENGTHS) {
        let item = events.next().ok_or("no event")?;
        assert_eq!(item.len(), size_of::<Event>());
        // SAFETY: as many bytes as it has, and any bytes are an `Event`.
        let event = unsafe { ptr::read_unaligned(item.as_ptr().cast::<Event>()) };
        let expected = Event {
            flow: flow(),
            counts: Counts(len, number),
            history: History(history(number)),
            room: Pad::default(),
        };
        assert_eq!(event, expected);
    }
    assert!(events.next().is_none());

    let object = Object::parse(MAPS)?;
    let options = OpenOptions::new().object(&object);
    let packets: Globals<u64> = options.variable("PACKETS").open(&ebpf, ".bss")?;
    assert_eq!(packets.get()?, 2);
    let latest: Globals<Gen<u32, 2>> = options.variable("LATEST").open(&ebpf, ".data")?;
    assert_eq!(latest.get()?, history(1));
    assert_eq!(
        differing(options.variable("LATEST").open::<Globals<Gen<i32, 2>>>(&ebpf, ".data")),
        ["variable.items[]", "variable.one"]
    );
    Ok(())
}
