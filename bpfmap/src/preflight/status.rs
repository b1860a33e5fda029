//! What the kernel says of this process: `/proc/self/status`.

/// Capabilities that have to do with BPF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capability {
    NetAdmin = 12,
    SysAdmin = 21,
    Perfmon = 38,
    Bpf = 39,
}

impl Capability {
    /// As `capabilities(7)` and systemd spell it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysAdmin => "CAP_SYS_ADMIN",
            Self::Perfmon => "CAP_PERFMON",
            Self::Bpf => "CAP_BPF",
        }
    }
}

/// A set of capabilities, a bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set(u64);

impl Set {
    pub(super) fn has(self, capability: Capability) -> bool {
        self.0 >> capability as u32 & 1 == 1
    }
}

/// The lines of it that matter.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) effective: Set,
    pub(super) permitted: Set,
    pub(super) bounding: Set,
    /// Whether a seccomp filter looks at each system call.
    pub(super) filtered: bool,
    /// Whether files give no capabilities (`no_new_privs`).
    pub(super) no_new_privs: bool,
}

impl Status {
    /// `None` without the capabilities, which every kernel writes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut fields = text.lines().filter_map(|line| line.split_once(':'));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value.trim())
        };
        let set = |name| u64::from_str_radix(value(name)?, 16).ok().map(Set);
        Some(Self {
            effective: set("CapEff")?,
            permitted: set("CapPrm")?,
            bounding: set("CapBnd")?,
            filtered: value("Seccomp") == Some("2"),
            no_new_privs: value("NoNewPrivs") == Some("1"),
        })
    }
}

/// The soft limit of memory that a process may lock, in bytes, of
/// `/proc/self/limits`; the inner `None` is "unlimited".
pub(super) fn memlock(limits: &str) -> Option<Option<u64>> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(None),
        bytes => bytes.parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_status_is_none() {
        for text in ["", "CapEff:\t0\n", "CapEff: x\nCapPrm: 0\nCapBnd: 0\n", ":\n:::"] {
            assert!(Status::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn limits_have_numbers_and_words() {
        let line = |value| format!("Max locked memory         {value}      65536      bytes\n");
        assert_eq!(memlock(&line("65536")), Some(Some(65536)));
        assert_eq!(memlock(&line("unlimited")), Some(None));
        for wrong in ["", "Max locked memory", "Max locked memory  many"] {
            assert_eq!(memlock(wrong), None, "{wrong}");
        }
    }
}
