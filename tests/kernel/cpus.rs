//! Values for each CPU, on machines to which CPUs can be added, and where nobody
//! says how many there are.

use aya::Ebpf;
use bpfmap::{Array, Error, HashMap, PerCpu, fault, zeroed};

use crate::features::TAKE;
use crate::maps::{Count, MAPS};
use crate::support::*;

trials! {
    [Need::Bpf, TAKE] => [every_operation_holds_more_cpus_than_there_are]
    [Need::Bpf] => [
        values_made_for_fewer_cpus_are_refused_everywhere,
        without_a_list_of_cpus_no_map_of_theirs_opens,
    ]
}

/// How many more CPUs are possible than the kernel has.
const MORE: usize = 61;

fn counts(packets: u32) -> Result<PerCpu<Count>, std::io::Error> {
    PerCpu::splat(Count { packets, last: 9, ..zeroed() })
}

/// The kernel writes values for the CPUs that it has; whatever the buffers hold
/// beyond is zero. In a batch it packs the values for its own number of CPUs, so
/// there only the first is where it is looked for.
fn every_operation_holds_more_cpus_than_there_are() -> TestResult {
    let real = PerCpu::splat(0)?.as_slice().len();
    let ebpf = Ebpf::load(MAPS)?;
    fault::with_possible_cpus(real + MORE, || {
        let is_of = |values: &PerCpu<Count>, packets: u32| {
            let (kernel, beyond) = values.as_slice().split_at(real);
            assert_eq!(beyond.len(), MORE);
            assert!(kernel.iter().all(|count| count.packets == packets), "{values:?}");
            assert!(beyond.iter().all(|count| *count == zeroed()), "{values:?}");
        };
        for name in ["percpu_hash", "lru_percpu_hash"] {
            let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, name)?;
            map.insert(&1, &counts(1)?)?;
            map.insert_new(&2, &counts(2)?)?;
            map.replace(&2, &counts(3)?)?;
            is_of(&map.get(&1)?.ok_or("no value")?, 1);
            assert!(map.contains_key(&2)?);
            is_of(&map.take(&2)?.ok_or("no value")?, 3);
            // In batches, and more of them than one.
            let keys: Vec<_> = (1..=700).collect();
            map.insert_batch(&keys, &vec![counts(5)?; keys.len()])?;
            let mut found = Vec::new();
            for entry in map.iter() {
                let (key, values) = entry?;
                assert_eq!(values.as_slice().len(), real + MORE);
                found.push(key);
            }
            found.sort_unstable();
            assert_eq!(found, keys);
            assert_eq!(map.values().count(), 700);
            assert_eq!(map.occupancy()?.entries, 700);
            assert_eq!(map.retain(|key, _| *key != 7)?, 1);
            assert_eq!(map.remove_batch(&[1, 2])?, 2);
            assert_eq!(map.drain().collect::<Result<Vec<_>, _>>()?.len(), 697);
            // One by one, as on old kernels.
            map.insert(&1, &counts(6)?)?;
            let rule = |command: &str| command.contains("BATCH").then_some(libc::EINVAL);
            let one_by_one = |body: &dyn Fn() -> TestResult| fault::with(rule, body);
            one_by_one(&|| {
                map.insert_batch(&[2], &[counts(6)?])?;
                for entry in map.iter() {
                    is_of(&entry?.1, 6);
                }
                for entry in map.drain() {
                    is_of(&entry?.1, 6);
                }
                Ok(())
            })?;
            assert_eq!(map.iter().count(), 0);
        }
        let array = with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array")?;
        array.set(1, &counts(8)?)?;
        is_of(&array.get(1)?.ok_or("no element")?, 8);
        array.set_batch(0, &[counts(9)?, counts(9)?, counts(9)?])?;
        is_of(&array.get(0)?.ok_or("no element")?, 9);
        assert_eq!(array.iter().collect::<Result<Vec<_>, _>>()?.len(), 3);
        Ok(())
    })
}

/// Values that were made for one number of CPUs, and a map that was opened with
/// another.
fn values_made_for_fewer_cpus_are_refused_everywhere() -> TestResult {
    let real = PerCpu::splat(0)?.as_slice().len();
    let ebpf = Ebpf::load(MAPS)?;
    let values = counts(1)?;
    let (map, array) = fault::with_possible_cpus(real + 1, || {
        let map = with_object::<HashMap<u32, PerCpu<Count>>>(MAPS, &ebpf, "percpu_hash")?;
        Ok::<_, Error>((map, with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array")?))
    })?;
    let answers = [
        map.insert(&1, &values),
        map.insert_new(&1, &values),
        map.replace(&1, &values),
        map.insert_batch(&[1, 2], &[values.clone(), values.clone()]),
        array.set(1, &values),
        array.set_batch(0, std::slice::from_ref(&values)),
    ];
    for answer in answers {
        match answer {
            Err(error @ Error::Cpus { given, possible, .. }) => {
                assert_eq!((given, possible), (real, real + 1));
                assert!(error.to_string().contains("`PerCpu::splat`"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(map.iter().count(), 0);
    Ok(())
}

fn without_a_list_of_cpus_no_map_of_theirs_opens() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    type Counts = HashMap<u32, PerCpu<Count>>;
    let lists = [
        (Err(libc::ENOENT), "No such file or directory"),
        (Err(libc::EACCES), "Permission denied"),
        (Ok(""), "`` is no list of CPUs"),
        (Ok("0-\n"), "`0-` is no list of CPUs"),
        (Ok("3-1"), "`3-1` is no list of CPUs"),
    ];
    for (list, why) in lists {
        fault::with_list_of_cpus(list, || -> TestResult {
            let error = with_object::<Counts>(MAPS, &ebpf, "percpu_hash").unwrap_err();
            assert!(matches!(error, Error::Io { .. }), "{error}");
            let array =
                with_object::<Array<PerCpu<Count>>>(MAPS, &ebpf, "percpu_array").unwrap_err();
            let splat = PerCpu::splat(1).unwrap_err();
            for text in [error.to_string(), array.to_string(), splat.to_string()] {
                assert!(text.starts_with("/sys/devices/system/cpu/possible: "), "{text}");
                assert!(text.contains(why), "{text}");
            }
            assert!(error.to_string().contains("mount /sys"), "{error}");
            // Others do not need it.
            with_object::<HashMap<u32, u64>>(MAPS, &ebpf, "large")?;
            Ok(())
        })?;
    }
    let many = fault::with_list_of_cpus(Ok("0-3,8-11\n"), || PerCpu::splat(1))?;
    assert_eq!(many.as_slice().len(), 8);
    Ok(())
}
