//! Answers that this kernel does not give: older kernels, unlucky moments.

use std::cell::Cell;
use std::rc::Rc;

use aya::Ebpf;
use bpfmap::{Error, HashMap, Unverifiable, fault};

use crate::support::*;

trials! {
    [Need::Bpf] => [
        without_batches_a_walk_goes_one_by_one,
        a_walk_one_by_one_ends_under_churn,
        a_batch_grows_until_a_bucket_fits,
        an_error_ends_a_walk,
        reading_btf_is_refused_or_fails,
        take_says_since_when_it_exists,
    ]
}

const EPERM: i32 = 1;
const EINTR: i32 = 4;
const EINVAL: i32 = 22;
const ENOSPC: i32 = 28;
const ENOTSUPP: i32 = 524;

fn filled(entries: u32) -> Result<HashMap<Key, Value>, Box<dyn std::error::Error>> {
    let map: HashMap<Key, Value> = with_object(KINDS, &Ebpf::load(KINDS)?, "hash")?;
    for n in 0..entries {
        map.insert(&key(n), &value(n.into()))?;
    }
    Ok(map)
}

fn without_batches_a_walk_goes_one_by_one() -> TestResult {
    let map = filled(700)?;
    // Kernels before 5.6 do not know the command; some types of maps have no
    // batches.
    for errno in [EINVAL, ENOTSUPP] {
        let rule = move |command: &str| (command == "BPF_MAP_LOOKUP_BATCH").then_some(errno);
        let mut keys = fault::with(rule, || map.keys().collect::<Result<Vec<_>, _>>())?;
        keys.sort();
        assert_eq!(keys, (0..700).map(key).collect::<Vec<_>>());
    }
    Ok(())
}

fn a_walk_one_by_one_ends_under_churn() -> TestResult {
    let map = filled(10)?;
    let rule = |command: &str| (command == "BPF_MAP_LOOKUP_BATCH").then_some(EINVAL);
    let (seen, last) = fault::with(rule, || -> Result<_, Error> {
        let (mut seen, mut last) = (0, None);
        // The key to go on from is always gone, so the kernel begins again.
        for answer in map.keys() {
            match &answer {
                Ok(found) => {
                    map.remove(found)?;
                    map.insert(&key(100_000 + seen), &value(0))?;
                    seen += 1;
                }
                Err(_) => last = Some(answer),
            }
        }
        Ok((seen, last))
    })?;
    assert!(seen <= 4097, "{seen}");
    assert!(last.is_some_and(|last| last.unwrap_err().to_string().contains("again and again")));
    Ok(())
}

fn a_batch_grows_until_a_bucket_fits() -> TestResult {
    let map = filled(700)?;
    let refusals = Rc::new(Cell::new(2));
    let left = Rc::clone(&refusals);
    let rule = move |command: &str| {
        let refuse = command == "BPF_MAP_LOOKUP_BATCH" && left.get() > 0;
        refuse.then(|| {
            left.set(left.get() - 1);
            ENOSPC
        })
    };
    let count = fault::with(rule, || map.iter().try_fold(0, |n, entry| entry.map(|_| n + 1)))?;
    assert_eq!((count, refusals.get()), (700, 0));

    // A kernel that never finds the buffer large enough is not asked for ever.
    let rule = |command: &str| (command == "BPF_MAP_LOOKUP_BATCH").then_some(ENOSPC);
    let answers: Vec<_> = fault::with(rule, || map.iter().collect());
    assert!(matches!(answers.as_slice(), [Err(Error::Kernel(_))]), "{answers:?}");
    Ok(())
}

fn an_error_ends_a_walk() -> TestResult {
    let map = filled(700)?;
    let calls = Cell::new(0);
    let rule = move |command: &str| {
        calls.set(calls.get() + usize::from(command == "BPF_MAP_LOOKUP_BATCH"));
        (calls.get() == 2).then_some(EINTR)
    };
    let answers: Vec<_> = fault::with(rule, || map.iter().collect());
    let (last, first) = answers.split_last().ok_or("no answers")?;
    assert!(first.iter().all(Result::is_ok) && !first.is_empty());
    assert!(matches!(last, Err(Error::Kernel(error)) if error.errno() == EINTR));
    Ok(())
}

fn reading_btf_is_refused_or_fails() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    let open_with = |errno| {
        let rule = move |command: &str| (command == "BPF_BTF_GET_FD_BY_ID").then_some(errno);
        fault::with(rule, || HashMap::<Key, Value>::open(&ebpf, "hash"))
    };
    match open_with(EPERM) {
        Err(Error::Unverifiable { reason: Unverifiable::NotPermitted { .. }, .. }) => {}
        other => panic!("{other:?}"),
    }
    // Anything else is no reason to believe that there is no BTF.
    match open_with(EINVAL) {
        Err(Error::Kernel(error)) => assert_eq!(error.errno(), EINVAL),
        other => panic!("{other:?}"),
    }
    Ok(())
}

fn take_says_since_when_it_exists() -> TestResult {
    let map = filled(1)?;
    let rule = |command: &str| (command == "BPF_MAP_LOOKUP_AND_DELETE_ELEM").then_some(ENOTSUPP);
    let error = fault::with(rule, || map.take(&key(0))).unwrap_err();
    assert!(error.to_string().contains("since Linux 5.14"), "{error}");
    assert!(map.contains_key(&key(0))?);
    Ok(())
}
