//! Opening and one operation, on what is loaded once, or anew for each run.

use std::time::Duration;

use aya::{Ebpf, EbpfLoader};
use bpfmap::{Array, ArrayOfMaps, BpfMapValue, Error, Globals, Object, OpenOptions, RingBuf};

use crate::every::{Answer, Made, Scenario, Setting};
use crate::maps::{Count, INNER, MAPS, Tenant, count, text};

static GLOBALS: &[u8] = aya::include_bytes_aligned!("../bpf/globals.bpf.o");

/// A loaded object, and what is done with its maps.
struct Loaded {
    object: &'static [u8],
    loaded: Option<Ebpf>,
    /// Whether a run leaves nothing for another one.
    spoils: bool,
    /// Takes back what a run has done.
    undo: fn(&Object<'_>, &Ebpf) -> Answer,
    run: fn(&Object<'_>, &Ebpf) -> Answer,
    state: fn(&Object<'_>, &Ebpf) -> String,
}

const LOADED: &str = "an object is loaded";

impl Setting for Loaded {
    fn reset(&mut self) {
        if self.loaded.is_none() || self.spoils {
            let mut loader = EbpfLoader::new();
            self.loaded = Some(loader.allow_unsupported_maps().load(self.object).expect(LOADED));
        }
        let object = Object::parse(self.object).expect(LOADED);
        (self.undo)(&object, self.loaded.as_ref().expect(LOADED)).expect("it can be undone");
    }

    fn run(&mut self) -> Answer {
        let object = Object::parse(self.object).expect(LOADED);
        (self.run)(&object, self.loaded.as_ref().expect(LOADED))
    }

    fn state(&mut self) -> String {
        let object = Object::parse(self.object).expect(LOADED);
        (self.state)(&object, self.loaded.as_ref().expect(LOADED))
    }

    /// None of these looks for anything that may not be there.
    fn is_answer(&self, _: &str, _: i32) -> bool {
        false
    }
}

fn loaded(
    name: &'static str,
    object: &'static [u8],
    undo: fn(&Object<'_>, &Ebpf) -> Answer,
    run: fn(&Object<'_>, &Ebpf) -> Answer,
    state: fn(&Object<'_>, &Ebpf) -> String,
) -> Scenario {
    let spoils = name.ends_with("freeze");
    let new = Loaded { object, loaded: None, spoils, undo, run, state };
    Scenario { name, setting: Box::new(move || -> Made { Ok(Box::new(new)) }) }
}

#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
struct Opened {
    kind: u32,
    pid: u32,
    inode: u64,
}

#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C)]
struct Limits {
    rate: u32,
    burst: u32,
}

#[derive(BpfMapValue, Clone, Copy, Debug)]
#[repr(C, packed)]
struct Data {
    limits: Limits,
    port: u16,
}

fn array(object: &Object<'_>, ebpf: &Ebpf) -> Result<Array<Count>, Error> {
    OpenOptions::new().object(object).open(ebpf, "mapped")
}

fn limits(object: &Object<'_>, ebpf: &Ebpf) -> Result<Globals<Limits>, Error> {
    OpenOptions::new().object(object).variable("limits").open(ebpf, ".data")
}

fn hotter(object: &Object<'_>, ebpf: &Ebpf) -> Result<Globals<u8>, Error> {
    OpenOptions::new().object(object).variable("hotter").open(ebpf, ".data.hot")
}

fn slots(object: &Object<'_>, ebpf: &Ebpf) -> Result<(ArrayOfMaps<Tenant>, Tenant), Error> {
    let options = OpenOptions::new().object(object);
    Ok((options.open(ebpf, "slots")?, options.open(ebpf, "tenant")?))
}

fn set(object: &Object<'_>, ebpf: &Ebpf, rate: u32) -> Answer {
    let data: Globals<Data> = OpenOptions::new().object(object).open(ebpf, ".data")?;
    text(data.set(&Data { limits: Limits { rate, burst: 2 }, port: 3 }))
}

fn no_undo(_: &Object<'_>, _: &Ebpf) -> Answer {
    Ok(String::new())
}

fn nothing(_: &Object<'_>, _: &Ebpf) -> String {
    String::new()
}

pub fn scenarios() -> Vec<Scenario> {
    vec![
        loaded(
            "array::freeze",
            MAPS,
            no_undo,
            |object, ebpf| text(array(object, ebpf)?.freeze()),
            |object, ebpf| {
                let written = array(object, ebpf).expect(LOADED).set(0, &Count::default());
                format!("written to: {}", written.is_ok())
            },
        ),
        loaded(
            "array::map_memory",
            MAPS,
            |object, ebpf| text(array(object, ebpf)?.set(7, &count(0))),
            |object, ebpf| {
                let memory = array(object, ebpf)?.map_memory()?;
                memory.set(7, &count(7))?;
                Ok(format!("{:?} of {}", memory.get(7), memory.len()))
            },
            |object, ebpf| format!("{:?}", array(object, ebpf).expect(LOADED).get(7)),
        ),
        loaded(
            "ring::open_and_wait",
            MAPS,
            no_undo,
            |object, ebpf| {
                let options = OpenOptions::new().object(object).event("opened");
                let mut events: RingBuf<Opened> = options.open(ebpf, "events")?;
                let next = events.try_next()?;
                Ok(format!("{next:?} {}", events.wait(Some(Duration::ZERO))?))
            },
            nothing,
        ),
        loaded(
            "globals::get",
            GLOBALS,
            no_undo,
            |object, ebpf| text(limits(object, ebpf)?.get()),
            nothing,
        ),
        loaded(
            "globals::set",
            GLOBALS,
            |object, ebpf| set(object, ebpf, 9),
            |object, ebpf| set(object, ebpf, 3),
            |object, ebpf| format!("{:?}", limits(object, ebpf).expect(LOADED).get()),
        ),
        loaded(
            "globals::variable",
            GLOBALS,
            no_undo,
            |object, ebpf| text(hotter(object, ebpf)?.get()),
            nothing,
        ),
        loaded(
            "slots::set",
            INNER,
            |object, ebpf| text(slots(object, ebpf)?.0.remove(1)),
            |object, ebpf| {
                let (slots, tenant) = slots(object, ebpf)?;
                text(slots.set(1, &tenant))
            },
            |object, ebpf| format!("{:?}", slots(object, ebpf).expect(LOADED).0.contains_key(1)),
        ),
    ]
}
