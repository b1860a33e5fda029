//! How many CPUs the kernel counts for per-CPU values.

use std::io;

/// The CPUs that could ever be online; the kernel reserves memory for each of
/// them, so fewer would make a buffer too small.
const POSSIBLE: &str = "/sys/devices/system/cpu/possible";

pub(crate) fn possible() -> io::Result<usize> {
    #[cfg(feature = "fault-injection")]
    if let Some(cpus) = super::fault::possible_cpus() {
        return Ok(cpus);
    }
    let text = std::fs::read_to_string(POSSIBLE)?;
    count(&text).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, POSSIBLE))
}

/// Counts a list like `0-3,8`.
fn count(list: &str) -> Option<usize> {
    list.trim().split(',').try_fold(0, |total: usize, range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        total.checked_add(last.checked_sub(first)?.checked_add(1)?)
    })
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn lists_of_cpus_are_counted() {
        assert_eq!(count("0\n"), Some(1));
        assert_eq!(count("0-3"), Some(4));
        assert_eq!(count("0-1,4,8-11"), Some(7));
        for wrong in ["", "3-1", "a", "0-", "0,,1"] {
            assert_eq!(count(wrong), None, "{wrong}");
        }
    }
}
