//! Signals that come all the time, to the thread that works.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use aya::programs::Xdp;
use aya::{Ebpf, TestRun, TestRunOptions};
use bpfmap::{BpfMapValue, HashMap, Object, OpenOptions, PerCpu, RingBuf};

use crate::features::TAKE;
use crate::maps::{Count, MAPS};
use crate::support::*;

trials! {
    [Need::Bpf, TAKE] => [
        walks_and_batches_are_whole,
    ]
    [Need::Bpf] => [
        opening_is_not_interrupted,
        waiting_goes_on_until_the_time_is_up,
        waiting_goes_on_until_there_is_an_event,
    ]
}

/// How many signals were handled, by all tests.
static HANDLED: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(_: libc::c_int) {
    HANDLED.fetch_add(1, Ordering::Relaxed);
}

/// Has signals interrupt what this thread does while `body` runs.
fn under_signals<T>(body: impl FnOnce() -> T) -> T {
    /// Also when `body` panics.
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    // SAFETY: zeros are a valid `sigaction`.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // Without SA_RESTART, so that calls end with EINTR.
    action.sa_sigaction = count as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler does nothing but add to an atomic, and no other test has
    // this signal.
    let installed = unsafe { libc::sigaction(libc::SIGUSR2, &action, std::ptr::null_mut()) };
    assert_eq!(installed, 0);
    // SAFETY: a question without arguments.
    let worker = unsafe { libc::pthread_self() };
    let (stop, before) = (AtomicBool::new(false), HANDLED.load(Ordering::Relaxed));
    thread::scope(|scope| {
        let stops = Stop(&stop);
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                // SAFETY: the thread waits for this one, so it is there.
                unsafe { libc::pthread_kill(worker, libc::SIGUSR2) };
                thread::yield_now();
            }
        });
        let answer = body();
        // However short it was.
        while HANDLED.load(Ordering::Relaxed) == before {
            thread::yield_now();
        }
        drop(stops);
        answer
    })
}

fn walks_and_batches_are_whole() -> TestResult {
    let ebpf = Ebpf::load(MAPS)?;
    let map: HashMap<u32, u64> = with_object(MAPS, &ebpf, "large")?;
    let percpu: HashMap<u32, PerCpu<Count>> = with_object(MAPS, &ebpf, "percpu_hash")?;
    let keys: Vec<_> = (0..20_000).collect();
    let values: Vec<_> = keys.iter().map(|key| u64::from(*key) * 3).collect();
    under_signals(|| -> TestResult {
        map.insert_batch(&keys, &values)?;
        for _ in 0..5 {
            let mut found = map.iter().collect::<Result<Vec<_>, _>>()?;
            found.sort_unstable();
            assert!(found.iter().copied().eq(keys.iter().copied().zip(values.iter().copied())));
        }
        for key in &keys[..1000] {
            assert_eq!(map.get(key)?, Some(u64::from(*key) * 3));
        }
        assert_eq!(map.take(&7)?, Some(21));
        assert_eq!(map.remove_batch(&keys)?, 19_999);
        map.insert_batch(&keys, &values)?;
        assert_eq!(map.drain().collect::<Result<Vec<_>, _>>()?.len(), 20_000);
        let of_all = PerCpu::splat(bpfmap::zeroed())?;
        percpu.insert_batch(&keys[..1000], &vec![of_all; 1000])?;
        assert_eq!(percpu.iter().collect::<Result<Vec<_>, _>>()?.len(), 1000);
        Ok(())
    })
}

fn opening_is_not_interrupted() -> TestResult {
    let ebpf = Ebpf::load(KINDS)?;
    under_signals(|| -> TestResult {
        for _ in 0..50 {
            let map: HashMap<Key, Value> = with_object(KINDS, &ebpf, "hash")?;
            map.check_alive()?;
            PerCpu::splat(0)?;
        }
        bpfmap::Btf::vmlinux()?;
        Ok(())
    })
}

#[derive(BpfMapValue, Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
struct Opened {
    kind: u32,
    pid: u32,
    inode: u64,
}

fn events(ebpf: &Ebpf) -> Result<RingBuf<Opened>, Box<dyn std::error::Error>> {
    let object = Object::parse(MAPS)?;
    Ok(OpenOptions::new().object(&object).event("opened").open(ebpf, "events")?)
}

fn waiting_goes_on_until_the_time_is_up() -> TestResult {
    let events = events(&Ebpf::load(MAPS)?)?;
    let time = Duration::from_millis(200);
    let begin = Instant::now();
    assert!(!under_signals(|| events.wait(Some(time)))?);
    assert!(begin.elapsed() >= time, "{:?}", begin.elapsed());
    // Interrupted or not, no time is no time.
    assert!(!under_signals(|| events.wait(Some(Duration::ZERO)))?);
    Ok(())
}

fn waiting_goes_on_until_there_is_an_event() -> TestResult {
    let mut ebpf = Ebpf::load(MAPS)?;
    let mut events = events(&ebpf)?;
    let program: &mut Xdp = ebpf.program_mut("report").ok_or("no program")?.try_into()?;
    program.load()?;
    let program = &*program;
    for time in [None, Some(Duration::from_secs(60))] {
        let before = HANDLED.load(Ordering::Relaxed);
        let ready = thread::scope(|scope| {
            scope.spawn(move || {
                // It is waiting, and has been interrupted.
                while HANDLED.load(Ordering::Relaxed) < before + 20 {
                    thread::yield_now();
                }
                let options =
                    TestRunOptions { data_in: Some(&[0; 64]), ..TestRunOptions::default() };
                program.test_run(options).map(drop).expect("it runs");
            });
            under_signals(|| events.wait(time))
        })?;
        assert!(ready);
        assert!(events.drain().count() > 0);
    }
    Ok(())
}
