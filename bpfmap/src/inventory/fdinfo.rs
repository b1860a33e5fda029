//! What `/proc/<pid>/fdinfo` says of a descriptor.

/// What a descriptor is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Descriptor {
    Map(MapFdinfo),
    /// By their ids.
    Program(u32),
    Link(u32),
}

/// What it says of a map. All of it is there without any privilege over the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MapFdinfo {
    pub(super) id: u32,
    pub(super) map_type: u32,
    pub(super) key_size: u32,
    pub(super) value_size: u32,
    pub(super) max_entries: u32,
    pub(super) map_flags: u32,
    pub(super) map_extra: u64,
    pub(super) memlock: Option<u64>,
    pub(super) frozen: Option<bool>,
}

/// Reads the text; `None` for what is not BPF, or of a kernel that gives no ids,
/// which it does since Linux 4.13.
pub(super) fn parse(text: &str) -> Option<Descriptor> {
    let mut map = MapFdinfo::default();
    let (mut map_id, mut program, mut link) = (None, None, None);
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let Some(number) = number(value.trim()) else { continue };
        let small = u32::try_from(number).ok();
        match name {
            "link_id" => link = small,
            "prog_id" => program = small,
            "map_id" => map_id = small,
            "map_type" => map.map_type = small?,
            "key_size" => map.key_size = small?,
            "value_size" => map.value_size = small?,
            "max_entries" => map.max_entries = small?,
            "map_flags" => map.map_flags = small?,
            "map_extra" => map.map_extra = number,
            "memlock" => map.memlock = Some(number),
            "frozen" => map.frozen = Some(number != 0),
            _ => {}
        }
    }
    // A link says also which program and which map it is of.
    match (link, program, map_id) {
        (Some(id), ..) => Some(Descriptor::Link(id)),
        (None, Some(id), _) => Some(Descriptor::Program(id)),
        (None, None, Some(id)) => Some(Descriptor::Map(MapFdinfo { id, ..map })),
        (None, None, None) => None,
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_all_that_it_says() {
        let text = "pos:\t0\nflags:\t02000002\nmnt_id:\t16\nino:\t1057\nmap_type:\t1\nkey_size:\t4\n\
                    value_size:\t16\nmax_entries:\t1024\nmap_flags:\t0x401\nmap_extra:\t0x5\n\
                    memlock:\t86016\nmap_id:\t13\nfrozen:\t1\n";
        let Some(Descriptor::Map(map)) = parse(text) else { panic!("it is a map") };
        assert_eq!(
            map,
            MapFdinfo {
                id: 13,
                map_type: 1,
                key_size: 4,
                value_size: 16,
                max_entries: 1024,
                map_flags: 0x401,
                map_extra: 5,
                memlock: Some(86016),
                frozen: Some(true),
            }
        );
    }

    #[test]
    fn a_link_that_names_its_program_and_map_is_a_link() {
        let text = "pos:\t0\nlink_type:\tstruct_ops\nlink_id:\t7\nprog_tag:\ta04f5eef06a7f555\n\
                    prog_id:\t40\nmap_id:\t3\n";
        assert_eq!(parse(text), Some(Descriptor::Link(7)));
        assert_eq!(parse("prog_type:\t6\nprog_id:\t40\n"), Some(Descriptor::Program(40)));
    }

    #[test]
    fn other_files_are_nothing_of_bpf() {
        assert_eq!(parse("pos:\t0\nflags:\t0100002\nmnt_id:\t16\n"), None);
        assert_eq!(parse(""), None);
        assert_eq!(parse("map_id:\t99999999999\n"), None);
    }
}
