//! Queues and stacks.

use aya::Ebpf;
use bpfmap::{
    BpfMapValue, BtfSource, Error, Loader, MapType, Object, OpenOptions, Queue, Stack, TypedMap,
    Unverifiable, Verification,
};

use crate::support::*;

trials! {
    [Need::Bpf] => [
        a_queue_gives_the_oldest_first,
        a_stack_gives_the_newest_first,
        a_drain_pops_until_there_is_none,
        a_map_of_a_type_that_has_no_btf_says_so,
        the_fields_of_a_queue_are_those_of_the_object,
    ]
    [Need::Bpf, Need::Ids] => [
        the_fields_of_a_queue_of_a_loader_are_those_of_the_program,
    ]
}

/// Opens a map, of which only the rest of the program has BTF.
fn open<M: TypedMap>(name: &str) -> Result<M, Box<dyn std::error::Error>> {
    let ebpf = Ebpf::load(KINDS)?;
    Ok(with_object(KINDS, &ebpf, name)?)
}

fn a_queue_gives_the_oldest_first() -> TestResult {
    let queue: Queue<Value> = open("queue")?;
    assert_eq!((queue.peek()?, queue.pop()?), (None, None));
    queue.push(&value(1))?;
    queue.push(&value(2))?;
    match queue.push(&value(3)) {
        Err(Error::Full { max_entries: 2, .. }) => {}
        other => panic!("{other:?}"),
    }
    queue.push_over_oldest(&value(4))?;
    assert_eq!(queue.peek()?, Some(value(2)));
    assert_eq!([queue.pop()?, queue.pop()?, queue.pop()?], [Some(value(2)), Some(value(4)), None]);
    Ok(())
}

fn a_stack_gives_the_newest_first() -> TestResult {
    let stack: Stack<Value> = open("stack")?;
    stack.push(&value(1))?;
    stack.push(&value(2))?;
    assert!(matches!(stack.push(&value(3)), Err(Error::Full { .. })));
    stack.push_over_oldest(&value(4))?;
    assert_eq!(stack.peek()?, Some(value(4)));
    assert_eq!([stack.pop()?, stack.pop()?, stack.pop()?], [Some(value(4)), Some(value(2)), None]);
    Ok(())
}

fn a_drain_pops_until_there_is_none() -> TestResult {
    let queue: Queue<Value> = open("queue")?;
    assert_eq!(queue.drain().count(), 0);
    queue.push(&value(1))?;
    queue.push(&value(2))?;
    assert_eq!(queue.drain().collect::<Result<Vec<_>, _>>()?, [value(1), value(2)]);
    let stack: Stack<Value> = open("stack")?;
    stack.push(&value(1))?;
    stack.push(&value(2))?;
    assert_eq!(stack.drain().collect::<Result<Vec<_>, _>>()?, [value(2), value(1)]);
    // It ends although there is always one more.
    stack.push(&value(3))?;
    let mut popped = 0;
    for value in stack.drain() {
        stack.push(&value?)?;
        popped += 1;
        assert!(popped <= 2, "it is endless");
    }
    assert_eq!(popped, 2);
    let rule = |command: &str| (command == "BPF_MAP_LOOKUP_AND_DELETE_ELEM").then_some(1);
    let answers: Vec<_> = bpfmap::fault::with(rule, || stack.drain().collect());
    assert!(matches!(answers.as_slice(), [Err(Error::Kernel(_))]), "{answers:?}");
    Ok(())
}

fn a_map_of_a_type_that_has_no_btf_says_so() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let error = Queue::<Value>::from_fd(ebpf.map_fd("queue").ok_or("no map")?).unwrap_err();
    match &error {
        Error::Unverifiable { reason: Unverifiable::NoBtfForType { map_type }, .. } => {
            assert_eq!(*map_type, MapType::QUEUE);
        }
        other => panic!("{other}"),
    }
    let text = error.to_string();
    assert!(text.contains("the kernel keeps no BTF for maps of type queue"), "{text}");
    // To declare its types would not help.
    assert!(!text.contains("__type"), "{text}");
    Ok(())
}

#[derive(BpfMapValue, Clone, Copy)]
#[repr(C)]
struct Swapped {
    count: u64,
    last: u32,
    first: u32,
}

fn the_fields_of_a_queue_are_those_of_the_object() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let (object, fd) = (Object::parse(KINDS)?, ebpf.map_fd("queue").ok_or("no map")?);
    let options = OpenOptions::new().object(&object);
    let refused = options.from_fd::<Queue<Swapped>>(fd);
    assert_eq!(differing(refused), ["value.last", "value.first"]);
    let queue: Queue<Value> = options.from_fd(fd)?;
    assert_eq!(queue.verification(), Verification::Verified { source: BtfSource::Object });
    Ok(())
}

fn the_fields_of_a_queue_of_a_loader_are_those_of_the_program() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let refused = Queue::<Swapped>::open(&ebpf, "queue");
    assert_eq!(differing(refused), ["value.last", "value.first"]);
    let queue: Queue<Value> = open("queue")?;
    assert!(matches!(
        queue.verification(),
        Verification::Verified { source: BtfSource::Program { .. } }
    ));
    Ok(())
}
