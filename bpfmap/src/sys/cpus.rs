//! How many CPUs the kernel counts for per-CPU values.

use std::fs::File;
use std::io::{self, Read};

use super::mapping::is_in_sysfs;

/// The CPUs that could ever be online; the kernel reserves memory for each of
/// them, so fewer would make a buffer too small.
pub(crate) const POSSIBLE: &str = "/sys/devices/system/cpu/possible";

/// There is no other source: what `sysconf` and the scheduler say is of other
/// CPUs, and may be fewer.
pub(crate) fn possible() -> io::Result<usize> {
    #[cfg(feature = "fault-injection")]
    if let Some(cpus) = super::fault::possible_cpus() {
        return Ok(cpus);
    }
    let text = list()?;
    count(&text).ok_or_else(|| {
        let text = format!("`{}` is no list of CPUs", text.trim().escape_debug());
        io::Error::new(io::ErrorKind::InvalidData, text)
    })
}

fn list() -> io::Result<String> {
    #[cfg(feature = "fault-injection")]
    if let Some(list) = super::fault::list_of_cpus() {
        return list;
    }
    let mut file = File::open(POSSIBLE)?;
    of_the_kernel(&file)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text)
}

/// Refuses a file that is not of sysfs. Containers show their own in its place,
/// which may speak of fewer CPUs than the kernel then writes values of.
fn of_the_kernel(file: &File) -> io::Result<()> {
    if is_in_sysfs(file)? {
        return Ok(());
    }
    Err(io::Error::other("it is not of the kernel's sysfs, but mounted over it"))
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
    use std::fs::File;

    use super::{POSSIBLE, count, of_the_kernel};

    #[test]
    fn a_list_that_is_not_the_kernels_is_not_believed() -> std::io::Result<()> {
        of_the_kernel(&File::open(POSSIBLE)?)?;
        let error = of_the_kernel(&File::open("Cargo.toml")?).unwrap_err();
        assert!(error.to_string().contains("not of the kernel's sysfs"), "{error}");
        Ok(())
    }

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
